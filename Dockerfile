# egw in a small image: built in one stage, run in another as a user without rights.
FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
        gcc libc6-dev cmake ninja-build pkg-config python3 \
        librdkafka-dev libcurl4-openssl-dev libconfig-dev libjansson-dev libssl-dev libgoogle-perftools-dev libmicrohttpd-dev \
        libvectorscan-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cmake --preset release -DEGW_TESTS=OFF && cmake --build --preset release \
    && install -D -s build/release/workers/egw /out/usr/bin/egw \
    && mkdir -p /out/usr/share/egw && cp -r config /out/usr/share/egw/

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
        ca-certificates librdkafka1 libcurl4 libconfig9 libjansson4 libssl3 libmicrohttpd12 libtcmalloc-minimal4 libvectorscan5 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin egw
COPY --from=build /out/ /
# Policy and catalogue are named relative to here: config/policy, config/catalogue.
WORKDIR /usr/share/egw
USER 10001
ENTRYPOINT ["/usr/bin/egw"]
CMD ["--help"]

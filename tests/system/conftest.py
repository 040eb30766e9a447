"""A broker for the session, topics of its own for each test, and the evidence kept when one fails."""
import itertools
import logging
import os
import pathlib
import shutil
import subprocess
import time

import pytest

import program
from broker import SHARED, Broker, Cluster, Registry
from figures import Figures

OUTPUT = pathlib.Path(os.environ.get("EGW_TEST_OUTPUT",
                                     program.ROOT / "build" / "system")).resolve()
counter = itertools.count()
logging.getLogger("kafka").setLevel(logging.CRITICAL)  # brokers are killed on purpose here


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, "report_" + outcome.get_result().when, outcome.get_result())


told = []


@pytest.fixture
def figures(request):
    """Lines of figures, shown at the end whether the test passed or not."""
    made = Figures(request.module.__name__.removeprefix("test_"))
    told.append(made)
    return made


def pytest_terminal_summary(terminalreporter):
    lines = [line for made in told for line in made.lines]
    if lines:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def output():
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    return OUTPUT


@pytest.fixture(scope="session")
def binary():
    path = program.binary()
    if not path.exists():
        pytest.fail(f"{path} is not built: ./run build")
    return path


@pytest.fixture(scope="session")
def broker(output):
    running = Broker(output / "broker", flags=SHARED).start()
    yield running
    running.destroy()


@pytest.fixture
def own_broker(output, request):
    """For tests that kill it: the session's broker stays out of harm's way."""
    running = Broker(output / f"broker-{request.node.name}").start()
    yield running
    running.destroy()


@pytest.fixture
def own_cluster(output, request):
    running = Cluster(output / f"cluster-{request.node.name}")
    try:
        yield running.start()
    finally:
        running.destroy()


@pytest.fixture(scope="session")
def killpoint(output):
    """The environment of a worker that is caught at the n-th time it comes to a call, counted from
    when a file appears or from its start; and then at the n-th time, from there on, at another."""
    made = output / "killpoint.so"
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra",
                    "-Werror", "-shared", "-fPIC", "-o", str(made),
                    str(pathlib.Path(__file__).with_name("killpoint.c"))], check=True)

    def env(*points, since=None):
        counted = {"EGW_POINT_FROM": str(since)} if since else {}
        said = ",".join(f"rd_kafka_{call}:{when}:{n}:{act}" for call, when, n, act in points)
        return {"LD_PRELOAD": str(made), "EGW_POINT": said, **counted}

    return env


@pytest.fixture
def registry(output):
    running = Registry(output / "registry").start()
    yield running
    running.stop()


@pytest.fixture
def make_egw(request, output, binary):
    made = []

    def make(broker, partitions=6, extra=(), name=None):
        prefix = name or f"t{int(time.time()) % 100000}-{next(counter)}"
        egw = program.Egw(output / request.node.name / str(len(made)), broker.bootstrap, prefix,
                          partitions, extra)
        made.append(egw)
        return egw

    yield make
    for egw in made:
        egw.close()
    report = getattr(request.node, "report_call", None)
    if report is None or report.passed:
        shutil.rmtree(output / request.node.name, ignore_errors=True)
    elif report.failed:
        print(f"logs are kept in {output / request.node.name}")


@pytest.fixture
def egw(make_egw, broker):
    """Topics made, nothing running."""
    made = make_egw(broker)
    made.run("init")
    return made

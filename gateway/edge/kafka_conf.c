/*
 * Configurations of librdkafka: what egw sets, what settings may set, what nobody may.
 *
 * A property from settings passes only by the table below (promise K5). What exactly-once needs is
 * not in it, and neither is anything that loads code, runs a command or weakens TLS.
 */
#include "kafka_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "secret.h"

enum { HAS_FETCH_QUEUE_BACKOFF = 0x02020000 }; /* rd_kafka_version() from which it exists */
enum { BATCH_BYTES = 2000000 };                /* of one request; `check` wants more of a topic */
enum { SOCKET_TIMEOUT_MS = 10000, MESSAGE_TIMEOUT_MS = 30000, LIBRARY_TEXT = 512, HOST_TEXT = 256 };

/* ---- the allow-list ---- */

/* Whose property it is: the library warns about one that its kind of handle ignores. */
enum side { BOTH = 0, CONSUMER, PRODUCER };

struct allowed {
    const char *name;
    enum side side;
    int64_t min, max; /* both 0: the library's own range is narrow enough */
};

static const struct allowed allowed[] = {
    {.name = "broker.address.family"},
    {.name = "broker.address.ttl"},
    {.name = "client.rack"},
    {.name = "connections.max.idle.ms"},
    {.name = "metadata.max.age.ms", .min = 1000, .max = 3600000},
    {.name = "reconnect.backoff.max.ms", .min = 10, .max = 10000},
    {.name = "reconnect.backoff.ms", .min = 10, .max = 10000},
    {.name = "retry.backoff.ms", .min = 10, .max = 10000},
    {.name = "sasl.mechanism"},
    {.name = "sasl.mechanisms"},
    {.name = "security.protocol"},
    {.name = "socket.connection.setup.timeout.ms", .min = 1000, .max = 60000},
    {.name = "socket.keepalive.enable"},
    {.name = "socket.receive.buffer.bytes"},
    {.name = "socket.send.buffer.bytes"},
    {.name = "socket.timeout.ms", .min = 1000, .max = 15000},
    {.name = "ssl.ca.location"},
    {.name = "ssl.ca.pem"},
    {.name = "ssl.certificate.location"},
    {.name = "ssl.certificate.pem"},
    {.name = "ssl.cipher.suites"},
    {.name = "ssl.crl.location"},
    {.name = "ssl.curves.list"},
    {.name = "ssl.key.location"},
    {.name = "ssl.key.password"},
    {.name = "ssl.key.pem"},
    {.name = "ssl.keystore.location"},
    {.name = "ssl.keystore.password"},
    {.name = "ssl.sigalgs.list"},
    {.name = "topic.metadata.refresh.interval.ms", .min = 1000, .max = 3600000},
    {.name = "fetch.error.backoff.ms", .side = CONSUMER, .min = 10, .max = 10000},
    {.name = "fetch.min.bytes", .side = CONSUMER, .min = 1, .max = 1048576},
    {.name = "fetch.wait.max.ms", .side = CONSUMER, .min = 1, .max = 1000},
    {.name = "heartbeat.interval.ms", .side = CONSUMER, .min = 100, .max = 30000},
    {.name = "max.poll.interval.ms", .side = CONSUMER, .min = 30000, .max = 600000},
    {.name = "queued.max.messages.kbytes", .side = CONSUMER, .min = 16384, .max = 2097151},
    {.name = "queued.min.messages", .side = CONSUMER, .min = 10000, .max = 10000000},
    {.name = "batch.num.messages", .side = PRODUCER},
    {.name = "batch.size", .side = PRODUCER, .min = 1, .max = BATCH_BYTES},
    {.name = "compression.codec", .side = PRODUCER},
    {.name = "compression.level", .side = PRODUCER},
    {.name = "compression.type", .side = PRODUCER},
    {.name = "linger.ms", .side = PRODUCER, .min = 0, .max = 1000},
};

/* Why a known name is refused; everything else is just not on the list. */
static const struct refused {
    const char *prefix; /* the name, or its beginning when it ends in a dot */
    const char *why;
} refused[] = {
    {"plugin.library.paths", "it loads code into the process"},
    {"interceptors", "it loads code into the process"},
    {"sasl.kerberos.", "it runs a shell command"},
    {"ssl.engine.", "it loads code into the process"},
    {"ssl.providers", "it loads code into the process"},
    {"sasl.oauthbearer.", "it makes the client fetch a URL"},
    {"enable.sasl.oauthbearer.unsecure.jwt", "it accepts unsigned tokens"},
    {"enable.ssl.certificate.verification", "the broker's certificate is always verified"},
    {"ssl.endpoint.identification.algorithm", "the broker's name is always verified"},
    {"debug", "its lines may hold passwords and payloads"},
    {"acks", "egw sets it for exactly-once"},
    {"allow.auto.create.topics", "egw sets it for exactly-once"},
    {"auto.offset.reset", "egw sets it for exactly-once"},
    {"bootstrap.servers", "it is set by kafka.brokers"},
    {"sasl.password", "it is set by kafka.password_file"},
    {"sasl.username", "it is set by kafka.user"},
    {"check.crcs", "egw sets it for exactly-once"},
    {"client.id", "egw sets it from the role and the slot"},
    {"enable.auto.commit", "egw sets it for exactly-once"},
    {"enable.auto.offset.store", "egw sets it for exactly-once"},
    {"enable.idempotence", "egw sets it for exactly-once"},
    {"group.id", "egw sets it from the role"},
    {"group.instance.id", "egw sets it from the role and the slot"},
    {"isolation.level", "egw sets it for exactly-once"},
    {"max.in.flight", "egw sets it for exactly-once"},
    {"max.in.flight.requests.per.connection", "egw sets it for exactly-once"},
    {"metadata.broker.list", "it is set by kafka.brokers"},
    {"partition.assignment.strategy", "egw sets it for exactly-once"},
    {"request.required.acks", "egw sets it for exactly-once"},
    {"session.timeout.ms", "it is set by kafka.session_timeout_ms"},
    {"transaction.timeout.ms", "it is set by kafka.transaction_timeout_ms"},
    {"transactional.id", "egw sets it from the role and the slot"},
};

static const struct allowed *allowed_named(const char *name)
{
    for (size_t i = 0; i < EGW_COUNT(allowed); i++) {
        if (strcmp(allowed[i].name, name) == 0)
            return &allowed[i];
    }
    return NULL;
}

static const char *why_refused(const char *name)
{
    for (size_t i = 0; i < EGW_COUNT(refused); i++) {
        size_t n = strlen(refused[i].prefix);
        bool group = refused[i].prefix[n - 1] == '.';

        if (group ? strncmp(name, refused[i].prefix, n) == 0 : strcmp(name, refused[i].prefix) == 0)
            return refused[i].why;
    }
    return "it is not on the list of properties that may be set";
}

static const struct egw_property *property_set(const struct egw_settings *settings,
                                               const char *name)
{
    for (size_t i = 0; i < settings->kafka.property_count; i++) {
        if (strcmp(settings->kafka.properties[i].name, name) == 0)
            return &settings->kafka.properties[i];
    }
    return NULL;
}

static const char *property(const struct egw_settings *settings, const char *name)
{
    const struct egw_property *set = property_set(settings, name);

    return set ? set->value : NULL;
}

/* ---- brokers and transport security ---- */

/* One broker of a list "host:port,...": its host without port and brackets. False: the list ends.
 */
static bool next_broker(const char **list, struct egw_str *ret_broker, char host[HOST_TEXT])
{
    const char *p = *list + strspn(*list, ", \t");
    size_t n = strcspn(p, ", \t");
    const char *from = p, *to = p + n, *colon;

    if (n == 0)
        return false;
    *list = p + n;
    *ret_broker = (struct egw_str){p, n};
    if (*from == '[' && (colon = memchr(from, ']', n))) {
        from++;
        to = colon;
    } else if ((colon = memchr(from, ':', n))) {
        to = colon;
    }
    n = (size_t)(to - from) < HOST_TEXT - 1 ? (size_t)(to - from) : HOST_TEXT - 1;
    memcpy(host, from, n);
    host[n] = '\0';
    return true;
}

static bool host_is_loopback(const char *host)
{
    struct in_addr four;
    struct in6_addr six;

    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

static bool all_loopback(const char *brokers)
{
    char host[HOST_TEXT];
    struct egw_str broker;
    bool any = false;

    while (next_broker(&brokers, &broker, host)) {
        if (!host_is_loopback(host))
            return false;
        any = true;
    }
    return any;
}

static bool has_user(const struct egw_settings *settings)
{
    return settings->kafka.user && *settings->kafka.user;
}

static enum egw_status read_password(const struct egw_settings *settings, struct egw_secret *ret,
                                     struct egw_error *reterr)
{
    enum egw_status st = egw_secret_read(settings->kafka.password_file, ret, reterr);

    return st == EGW_OK ? st : egw_error_prefix(reterr, st, "kafka.password_file");
}

/* Without a word in the settings: TLS, except where bytes cannot leave the machine. */
static const char *protocol_of(const struct egw_settings *settings)
{
    const char *set = property(settings, "security.protocol");

    if (set)
        return set;
    if (has_user(settings))
        return "sasl_ssl";
    return all_loopback(settings->kafka.brokers) ? "plaintext" : "ssl";
}

bool egw_kafka_may_connect_plain(const struct sockaddr *to)
{
    if (to->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const void *)to;

        return ntohl(four->sin_addr.s_addr) >> 24 == 127;
    }
    if (to->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const void *)to;

        return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) && six->sin6_addr.s6_addr[12] == 127);
    }
    return false;
}

/* A broker on loopback may advertise any address: the settings were checked, this is the
 * connection. */
static int connect_loopback(int fd, const struct sockaddr *to, int n, const char *id, void *opaque)
{
    (void)id;
    (void)opaque;
    if (!egw_kafka_may_connect_plain(to))
        return EACCES;
    return connect(fd, to, (socklen_t)n) == 0 || errno == EINPROGRESS ? 0 : errno;
}

/* ---- check ---- */

static bool names_protocol(struct egw_str broker)
{
    const char *colon = memchr(broker.p, ':', broker.n);

    return colon && broker.p + broker.n - colon >= 3 && memcmp(colon, "://", 3) == 0;
}

static struct egw_setting_place place_of_property(const struct egw_settings *settings,
                                                  const char *name)
{
    const struct egw_property *set = property_set(settings, name);

    return set ? set->at : (struct egw_setting_place){0};
}

static void check_brokers(const struct egw_settings *settings, struct egw_faults *faults)
{
    const char *list = settings->kafka.brokers ? settings->kafka.brokers : "";
    bool plain = strcasecmp(settings->kafka.brokers ? protocol_of(settings) : "", "plaintext") == 0;
    struct egw_setting_place at = egw_settings_place(settings, "kafka.brokers");
    struct egw_setting_place asked = place_of_property(settings, "security.protocol");
    char host[HOST_TEXT];
    struct egw_str broker;
    bool any = false;

    if (at.refused)
        return;
    plain = plain && !egw_settings_place(settings, "kafka.allow_plaintext").refused &&
            !egw_settings_place(settings, "kafka.user").refused;
    while (next_broker(&list, &broker, host)) {
        any = true;
        /* librdkafka takes a protocol from the list, past security.protocol. */
        if (names_protocol(broker))
            egw_faults_add(faults, at.file, at.line,
                           "kafka.brokers: %.*s names a protocol; use security.protocol",
                           EGW_FMT(broker));
        else if (plain && !settings->kafka.allow_plaintext && !host_is_loopback(host))
            egw_faults_add(faults, asked.file, asked.line,
                           "kafka.properties.security.protocol: plaintext to %s, which is not "
                           "loopback, needs kafka.allow_plaintext = true",
                           host);
    }
    if (!any)
        egw_faults_add(faults, at.file, at.line, "kafka.brokers: no broker named");
}

static bool one_of(const char *value, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcasecmp(value, names[i]) == 0)
            return true;
    }
    return false;
}

enum egw_status egw_kafka_login(rd_kafka_t *rk, const struct egw_settings *settings,
                                struct egw_error *reterr)
{
    EGW_CLEANUP(egw_secret_wipe) struct egw_secret password;
    enum egw_status st;

    if (!rk || !has_user(settings))
        return EGW_OK;
    st = read_password(settings, &password, reterr);
    if (st != EGW_OK)
        return st;
    return egw_from_kafka(rd_kafka_sasl_set_credentials(rk, settings->kafka.user, password.text),
                          "change of the password", reterr);
}

static const struct egw_property *mechanism_of(const struct egw_settings *settings)
{
    const struct egw_property *set = property_set(settings, "sasl.mechanism");

    return set ? set : property_set(settings, "sasl.mechanisms");
}

/* K3: a client certificate, SCRAM-SHA-512, or PLAIN, and passwords only inside TLS. */
static void check_security(const struct egw_settings *settings, struct egw_faults *faults)
{
    static const char *const protocols[] = {"plaintext", "ssl", "sasl_ssl"};
    static const char *const unsasled[] = {"plaintext", "ssl"};
    static const char *const mechanisms[] = {"SCRAM-SHA-512", "PLAIN"};
    const char *protocol = property(settings, "security.protocol");
    const struct egw_property *mechanism = mechanism_of(settings);
    struct egw_setting_place at = place_of_property(settings, "security.protocol");
    bool user_known = !egw_settings_place(settings, "kafka.user").refused;

    if (protocol && strcasecmp(protocol, "sasl_plaintext") == 0)
        egw_faults_add(faults, at.file, at.line,
                       "kafka.properties.security.protocol: sasl_plaintext sends credentials "
                       "outside TLS; use sasl_ssl");
    else if (protocol && !one_of(protocol, protocols, EGW_COUNT(protocols)))
        egw_faults_add(faults, at.file, at.line,
                       "kafka.properties.security.protocol: %s is none of ssl, sasl_ssl, plaintext",
                       protocol);
    if (mechanism && !one_of(mechanism->value, mechanisms, EGW_COUNT(mechanisms)))
        egw_faults_add(faults, mechanism->at.file, mechanism->at.line,
                       "kafka.properties.sasl.mechanism: %s is none of SCRAM-SHA-512, PLAIN",
                       mechanism->value);
    if (has_user(settings) && protocol && one_of(protocol, unsasled, EGW_COUNT(unsasled)))
        egw_faults_add(faults, at.file, at.line,
                       "kafka.properties.security.protocol: %s has no use for kafka.user; leave it "
                       "out, or set sasl_ssl",
                       protocol);
    if (user_known && !has_user(settings) &&
        (mechanism || (protocol && strcasecmp(protocol, "sasl_ssl") == 0))) {
        at = mechanism ? mechanism->at : at;
        egw_faults_add(faults, at.file, at.line, "kafka.properties.%s needs kafka.user",
                       mechanism ? "sasl.mechanism" : "security.protocol: sasl_ssl");
    }
}

static void check_value(rd_kafka_conf_t *scratch, const struct egw_property *set,
                        const struct allowed *row, struct egw_faults *faults)
{
    char text[LIBRARY_TEXT];
    int64_t v;

    if ((row->min || row->max) && !egw_parse_i64(egw_str_of(set->value), row->min, row->max, &v)) {
        egw_faults_add(faults, set->at.file, set->at.line,
                       "kafka.properties.%s: %s is not a number from %" PRId64 " to %" PRId64,
                       set->name, set->value, row->min, row->max);
        return;
    }
    /* Checked by name in check_security(); here the library could only say it less well. A secret
     * must not come back in the library's sentence. */
    if (strcmp(set->name, "security.protocol") == 0 || strncmp(set->name, "sasl.", 5) == 0 ||
        strstr(set->name, "password"))
        return;
    if (scratch &&
        rd_kafka_conf_set(scratch, set->name, set->value, text, sizeof(text)) != RD_KAFKA_CONF_OK)
        egw_faults_add(faults, set->at.file, set->at.line, "kafka.properties.%s: %s", set->name,
                       text);
}

void egw_kafka_check(const struct egw_settings *settings, struct egw_faults *faults)
{
    rd_kafka_conf_t *scratch = rd_kafka_conf_new();

    check_brokers(settings, faults);
    check_security(settings, faults);
    for (size_t i = 0; i < settings->kafka.property_count; i++) {
        const struct egw_property *set = &settings->kafka.properties[i];
        const struct allowed *row = allowed_named(set->name);

        if (!row)
            egw_faults_add(faults, set->at.file, set->at.line, "kafka.properties.%s: refused, %s",
                           set->name, why_refused(set->name));
        else
            check_value(scratch, set, row, faults);
    }
    rd_kafka_conf_destroy(scratch);
}

/* ---- making a handle ---- */

struct maker {
    rd_kafka_conf_t *conf;
    enum egw_status st; /* the first failure stays */
    struct egw_error *reterr;
};

static void put(struct maker *m, const char *name, const char *value)
{
    char text[LIBRARY_TEXT];

    if (m->st != EGW_OK || !value)
        return;
    if (rd_kafka_conf_set(m->conf, name, value, text, sizeof(text)) != RD_KAFKA_CONF_OK)
        m->st = egw_error_set(m->reterr, EGW_INVALID, "kafka property %s refused: %s", name,
                              strstr(name, "password") ? "not a valid value" : text);
}

static void put_number(struct maker *m, const char *name, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    put(m, name, text);
}

static void put_credentials(struct maker *m, const struct egw_settings *settings)
{
    EGW_CLEANUP(egw_secret_wipe) struct egw_secret password;

    if (m->st != EGW_OK || !has_user(settings))
        return;
    m->st = read_password(settings, &password, m->reterr);
    if (m->st != EGW_OK)
        return;
    put(m, "sasl.mechanism", mechanism_of(settings) ? NULL : "SCRAM-SHA-512");
    put(m, "sasl.username", settings->kafka.user);
    put(m, "sasl.password", password.text);
}

static void put_common(struct maker *m, const struct egw_settings *settings)
{
    put(m, "bootstrap.servers", settings->kafka.brokers);
    put(m, "security.protocol", protocol_of(settings));
    put_credentials(m, settings);
    put(m, "enable.ssl.certificate.verification", "true");
    put(m, "ssl.endpoint.identification.algorithm", "https");
    put(m, "reconnect.backoff.max.ms", "1000");
    put_number(m, "socket.timeout.ms", egw_kafka_socket_timeout_ms(settings));
    if (strcasecmp(protocol_of(settings), "plaintext") == 0 && !settings->kafka.allow_plaintext)
        rd_kafka_conf_set_connect_cb(m->conf, connect_loopback);
}

/* Rules page, section 2. Below 2.2 the fetcher stalls up to 1 s whenever a limit is hit, so both
 * must hold more than a second of traffic; from then on a small queue is as fast. */
static void put_consumer(struct maker *m, const struct egw_kafka_handle_conf *conf)
{
    bool backs_off = rd_kafka_version() >= HAS_FETCH_QUEUE_BACKOFF;

    put(m, "enable.auto.commit", "false");
    put(m, "enable.auto.offset.store", "false");
    put(m, "isolation.level",
        conf->role == EGW_KAFKA_PROBE ? "read_uncommitted" : "read_committed");
    put(m, "auto.offset.reset", "error");
    put(m, "allow.auto.create.topics", "false");
    put(m, "topic.metadata.refresh.interval.ms", "30000"); /* by then a deleted topic is missed */
    put(m, "metadata.max.age.ms", "900000"); /* else it follows from the former, and is short */
    put(m, "check.crcs", "true");
    put(m, "fetch.wait.max.ms", "50");
    put(m, "fetch.message.max.bytes", "1048576");
    put(m, "fetch.max.bytes", "8388608");
    put(m, "receive.message.max.bytes", "16777216");
    put(m, "queued.max.messages.kbytes", backs_off ? "16384" : "131072");
    put(m, "queued.min.messages", "1000000");
    if (backs_off)
        put(m, "fetch.queue.backoff.ms", "10");
    put(m, "group.id", conf->group);
    put(m, "enable.partition.eof", "true");
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* With answers of a record or two an event cost half as much again at 10,000 a second, here and at
 * the broker. What a fetch waits for its bytes is kept short beside a transaction; who has nothing
 * to read pays for it with a fetch every time: 1 % of a core, 2 at a fetch every 2 ms. */
static void put_member(struct maker *m, const struct egw_kafka_handle_conf *conf)
{
    int64_t session = conf->settings->kafka.session_timeout_ms;
    int64_t wait = conf->settings->triage.commit_ms / 8;

    /* The queue is asked for room before a fetch, by what it holds. What comes then is as large as
     * it unpacks: 64 kB of text that repeats itself took 550 MiB with the library's 1 MiB for each
     * partition, 250 with this; no slower on events of 1 kB. */
    put(m, "fetch.message.max.bytes", "131072");
    put(m, "fetch.min.bytes", "65536");
    put_number(m, "fetch.wait.max.ms", wait < 2 ? 2 : least(wait, 50));
    put(m, "group.instance.id", conf->instance);
    put(m, "partition.assignment.strategy", "range");
    put_number(m, "session.timeout.ms", session);
    put_number(m, "heartbeat.interval.ms", session >= 30000 ? 3000 : session / 10 + 100);
    put_number(m, "max.poll.interval.ms", session > 60000 ? session : 60000);
}

static void put_producer(struct maker *m, const struct egw_kafka_handle_conf *conf)
{
    int64_t limit = conf->settings->kafka.transaction_timeout_ms;

    put(m, "enable.idempotence", "true");
    put(m, "acks", "all");
    put(m, "queue.buffering.max.messages", "200000");
    put(m, "queue.buffering.max.kbytes", "131072");
    put(m, "message.max.bytes", "2162688"); /* 2 MiB and the overhead of a record */
    /* Outcomes and entries repeat themselves: what the broker has to check, write and keep becomes
     * a fifth, which saves more than it costs (docs/speed.md). */
    put(m, "compression.type", "lz4");
    if (conf->role == EGW_KAFKA_TRANSACTIONS) {
        /* A batch goes when it is whole, at the flush before the commit. While a request of five
         * records or more is under way no other of its partition goes, and while some wait for that
         * the library spins: what goes early, or in parts, costs a core. */
        put(m, "linger.ms", "50");
        put_number(m, "batch.size", BATCH_BYTES);
        /* A begin that meets the markers of the transaction before it: the library's 100 ms would
         * be the longest part of a commit. Records that a leader refuses go as often; from 2.3 on
         * the pause doubles. */
        put(m, "retry.backoff.ms", "20");
        put(m, "transactional.id", conf->instance);
        put(m, "delivery.report.only.error", "true"); /* the commit says what was delivered */
        put_number(m, "transaction.timeout.ms", limit);
        put_number(m, "message.timeout.ms", least(limit, MESSAGE_TIMEOUT_MS));
    } else {
        put(m, "linger.ms", "5");
        put_number(m, "message.timeout.ms", MESSAGE_TIMEOUT_MS);
    }
}

static bool is_producer(enum egw_kafka_role role)
{
    return role == EGW_KAFKA_TRANSACTIONS || role == EGW_KAFKA_WRITER;
}

static bool names_file(const char *property)
{
    static const char *const ending = ".location";
    size_t n = strlen(property), m = strlen(ending);

    return n > m && strcmp(property + n - m, ending) == 0;
}

/* Checked again here: a caller that forgot egw_kafka_check() gets no wider list. */
static void put_properties(struct maker *m, const struct egw_kafka_handle_conf *conf)
{
    enum side other = is_producer(conf->role) ? CONSUMER : PRODUCER;

    for (size_t i = 0; i < conf->settings->kafka.property_count; i++) {
        const struct egw_property *set = &conf->settings->kafka.properties[i];
        const struct allowed *row = allowed_named(set->name);

        if (!row && m->st == EGW_OK)
            m->st = egw_error_set(m->reterr, EGW_INVALID, "kafka.properties.%s: refused, %s",
                                  set->name, why_refused(set->name));
        else if (m->st == EGW_OK && names_file(set->name) && access(set->value, R_OK) != 0)
            m->st =
                egw_error_set(m->reterr, EGW_DENIED, "kafka.properties.%s: cannot read '%s': %m",
                              set->name, set->value);
        else if (row && row->side != other && strcmp(set->name, "socket.timeout.ms") != 0)
            put(m, set->name, set->value);
    }
}

int64_t egw_kafka_socket_timeout_ms(const struct egw_settings *settings)
{
    const char *set = property(settings, "socket.timeout.ms");
    int64_t ms = SOCKET_TIMEOUT_MS;

    if (set && !egw_parse_i64(egw_str_of(set), 1000, 60000, &ms))
        ms = SOCKET_TIMEOUT_MS;
    /* Above the transaction time-out the library refuses it. */
    return least(ms, settings->kafka.transaction_timeout_ms);
}

static void put_role(struct maker *m, const struct egw_kafka_handle_conf *conf)
{
    if (is_producer(conf->role))
        put_producer(m, conf);
    else
        put_consumer(m, conf);
    if (conf->role == EGW_KAFKA_MEMBER)
        put_member(m, conf);
}

static void put_callbacks(rd_kafka_conf_t *kc, const struct egw_kafka_handle_conf *conf,
                          struct egw_kafka_heard *heard)
{
    rd_kafka_conf_set_opaque(kc, heard);
    rd_kafka_conf_set_error_cb(kc, egw_kafka_heard_trouble);
    rd_kafka_conf_set_log_cb(kc, egw_kafka_heard_line);
    if (conf->rebalance)
        rd_kafka_conf_set_rebalance_cb(kc, conf->rebalance);
    if (conf->delivered)
        rd_kafka_conf_set_dr_msg_cb(kc, conf->delivered);
}

/* No thread to be had is no fault of the settings: a new process, or a new handle, may get one.
 * Else all that is left to be wrong is what TLS found in its files. */
static enum egw_status why_not_made(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE ? EGW_FATAL : EGW_DENIED;
}

enum egw_status egw_kafka_handle(const struct egw_kafka_handle_conf *conf, rd_kafka_t **ret,
                                 struct egw_error *reterr)
{
    struct maker m = {.conf = rd_kafka_conf_new(), .st = EGW_OK, .reterr = reterr};
    struct egw_kafka_heard *heard = egw_kafka_heard_new(conf);
    bool producer = is_producer(conf->role) || conf->role == EGW_KAFKA_MOCK;
    char text[LIBRARY_TEXT];
    rd_kafka_t *rk;

    if (!heard)
        m.st = egw_error_set(reterr, EGW_NOMEM, "no memory for a kafka client");
    put(&m, "client.id", conf->client_id);
    put(&m, "socket.nagle.disable", "true");
    if (conf->settings) {
        put_common(&m, conf->settings);
        put_role(&m, conf);
        put_properties(&m, conf);
    }
    put_callbacks(m.conf, conf, heard);
    if (m.st != EGW_OK) {
        rd_kafka_conf_destroy(m.conf);
        egw_kafka_heard_free(heard);
        return m.st;
    }
    rk = rd_kafka_new(producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, m.conf, text, sizeof(text));
    if (!rk) {
        enum egw_status st = why_not_made(rd_kafka_last_error());

        rd_kafka_conf_destroy(m.conf);
        egw_kafka_heard_free(heard);
        return egw_error_set(reterr, st, "kafka client for %s not made: %s", conf->client_id, text);
    }
    *ret = rk;
    return EGW_OK;
}

const char *egw_kafka_version(void)
{
    return rd_kafka_version_str();
}

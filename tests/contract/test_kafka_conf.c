/*
 * Which properties pass, and with which sentence the others do not.
 */
#include "support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../gateway/edge/kafka_internal.h"

enum { PROPERTIES_MAX = 8, TEXT = 2048 };

struct settings_of {
    struct egw_settings settings;
    struct egw_property properties[PROPERTIES_MAX];
};

/* set: name, value, name, value ..., NULL */
static struct settings_of make(const char *brokers, bool allow_plaintext, const char *const *set)
{
    struct settings_of made = {0};

    made.settings.kafka.brokers = (char *)brokers;
    made.settings.kafka.allow_plaintext = allow_plaintext;
    made.settings.kafka.session_timeout_ms = 30000;
    made.settings.kafka.transaction_timeout_ms = 15000;
    made.settings.triage.commit_ms = 100;
    for (size_t i = 0; set && set[2 * i]; i++) {
        assert_true(i < PROPERTIES_MAX);
        made.properties[i] =
            (struct egw_property){.name = (char *)set[2 * i], .value = (char *)set[2 * i + 1]};
        made.settings.kafka.property_count = i + 1;
    }
    return made;
}

/* All faults of one check, a line each. */
static const char *faults_of(struct settings_of *made)
{
    static char text[TEXT];
    struct egw_faults faults = {0};
    size_t n = 0;

    made->settings.kafka.properties = made->properties;
    egw_kafka_check(&made->settings, &faults);
    text[0] = '\0';
    for (size_t i = 0; i < faults.n; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? "\n" : "", faults.texts[i]);
    egw_faults_free(&faults);
    return text;
}

struct property_case {
    const char *name, *value;
    const char *fault; /* "": passes */
};

static void check_cases(const struct property_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *const set[] = {cases[i].name, cases[i].value, NULL};
        struct settings_of made = make("kafka.example:9093", false, set);

        assert_string_equal(cases[i].fault, faults_of(&made));
    }
}

static void harmless_properties_pass(void **state)
{
    static const struct property_case cases[] = {
        {"ssl.ca.location", "/etc/egw/ca.pem", ""},
        {"ssl.certificate.location", "/etc/egw/egw.pem", ""},
        {"ssl.key.location", "/etc/egw/egw.key", ""},
        {"security.protocol", "ssl", ""},
        {"security.protocol", "SSL", ""},
        {"linger.ms", "0", ""},
        {"compression.type", "zstd", ""},
        {"fetch.min.bytes", "1", ""},
        {"fetch.wait.max.ms", "20", ""},
        {"client.rack", "a", ""},
        {"queued.min.messages", "100000", ""},
        {"max.poll.interval.ms", "120000", ""},
        {"socket.timeout.ms", "5000", ""},
    };

    (void)state;
    check_cases(cases, EGW_COUNT(cases));
}

static void properties_of_exactly_once_are_refused(void **state)
{
#define FOR_ONCE "egw sets it for exactly-once"
#define REFUSED(name, why)                                                                         \
    {                                                                                              \
        name, "true", "kafka.properties." name ": refused, " why                                   \
    }
    static const struct property_case cases[] = {
        REFUSED("enable.auto.commit", FOR_ONCE),
        REFUSED("enable.auto.offset.store", FOR_ONCE),
        REFUSED("isolation.level", FOR_ONCE),
        REFUSED("auto.offset.reset", FOR_ONCE),
        REFUSED("partition.assignment.strategy", FOR_ONCE),
        REFUSED("enable.idempotence", FOR_ONCE),
        REFUSED("acks", FOR_ONCE),
        REFUSED("request.required.acks", FOR_ONCE),
        REFUSED("max.in.flight", FOR_ONCE),
        REFUSED("max.in.flight.requests.per.connection", FOR_ONCE),
        REFUSED("allow.auto.create.topics", FOR_ONCE),
        REFUSED("transactional.id", "egw sets it from the role and the slot"),
        REFUSED("group.instance.id", "egw sets it from the role and the slot"),
        REFUSED("group.id", "egw sets it from the role"),
        REFUSED("bootstrap.servers", "it is set by kafka.brokers"),
        REFUSED("metadata.broker.list", "it is set by kafka.brokers"),
        REFUSED("session.timeout.ms", "it is set by kafka.session_timeout_ms"),
        REFUSED("transaction.timeout.ms", "it is set by kafka.transaction_timeout_ms"),
    };

    (void)state;
    check_cases(cases, EGW_COUNT(cases));
}

static void what_loads_code_or_weakens_tls_is_refused(void **state)
{
    static const struct property_case cases[] = {
        REFUSED("plugin.library.paths", "it loads code into the process"),
        REFUSED("interceptors", "it loads code into the process"),
        REFUSED("ssl.engine.location", "it loads code into the process"),
        REFUSED("ssl.engine.id", "it loads code into the process"),
        REFUSED("ssl.providers", "it loads code into the process"),
        REFUSED("sasl.kerberos.kinit.cmd", "it runs a shell command"),
        REFUSED("sasl.oauthbearer.token.endpoint.url", "it makes the client fetch a URL"),
        REFUSED("enable.sasl.oauthbearer.unsecure.jwt", "it accepts unsigned tokens"),
        REFUSED("enable.ssl.certificate.verification",
                "the broker's certificate is always verified"),
        REFUSED("ssl.endpoint.identification.algorithm", "the broker's name is always verified"),
        REFUSED("sasl.username", "it is set by kafka.user"),
        REFUSED("sasl.password", "it is set by kafka.password_file"),
        REFUSED("debug", "its lines may hold passwords and payloads"),
    };

    (void)state;
    check_cases(cases, EGW_COUNT(cases));
}

static void unknown_names_are_refused(void **state)
{
#define NOT_LISTED "it is not on the list of properties that may be set"
    static const struct property_case cases[] = {
        REFUSED("", NOT_LISTED),
        REFUSED("linger", NOT_LISTED),
        REFUSED("LINGER.MS", NOT_LISTED),
        REFUSED("linger.ms ", NOT_LISTED),
        REFUSED("ssl.", NOT_LISTED),
        REFUSED("ssl.ca.location.x", NOT_LISTED),
        REFUSED("partitioner", NOT_LISTED),
        REFUSED("enable.gapless.guarantee", NOT_LISTED),
    };

    (void)state;
    check_cases(cases, EGW_COUNT(cases));
}

static void values_out_of_range_are_named(void **state)
{
    static const struct property_case cases[] = {
        {"batch.size", "2000001",
         "kafka.properties.batch.size: 2000001 is not a number from 1 to 2000000"},
        {"linger.ms", "1001", "kafka.properties.linger.ms: 1001 is not a number from 0 to 1000"},
        {"linger.ms", "-1", "kafka.properties.linger.ms: -1 is not a number from 0 to 1000"},
        {"linger.ms", "5x", "kafka.properties.linger.ms: 5x is not a number from 0 to 1000"},
        {"linger.ms", "", "kafka.properties.linger.ms:  is not a number from 0 to 1000"},
        {"max.poll.interval.ms", "29999",
         "kafka.properties.max.poll.interval.ms: 29999 is not a number from 30000 to 600000"},
        {"compression.type", "rar",
         "kafka.properties.compression.type: Invalid value \"rar\" for configuration property "
         "\"compression.codec\""},
    };

    (void)state;
    check_cases(cases, EGW_COUNT(cases));
}

static void all_faults_come_in_one_run(void **state)
{
    const char *const set[] = {"debug", "all", "linger.ms", "x", NULL};
    struct settings_of made = make("", false, set);

    (void)state;
    assert_string_equal("kafka.brokers: no broker named\n"
                        "kafka.properties.debug: refused, its lines may hold passwords and "
                        "payloads\n"
                        "kafka.properties.linger.ms: x is not a number from 0 to 1000",
                        faults_of(&made));
}

static void plaintext_leaves_the_machine_only_when_allowed(void **state)
{
#define NEEDS(host)                                                                                \
    "kafka.properties.security.protocol: plaintext to " host                                       \
    ", which is not loopback, needs kafka.allow_plaintext = true"
    static const struct {
        const char *brokers;
        bool allow;
        const char *fault;
    } cases[] = {
        {"127.0.0.1:9092", false, ""},
        {"127.9.9.9:9092,localhost:1", false, ""},
        {"LOCALHOST:9092", false, ""},
        {"[::1]:9092", false, ""},
        {"kafka:9092", true, ""},
        {"kafka:9092", false, NEEDS("kafka")},
        {"127.0.0.1:9092,10.0.0.1:9092", false, NEEDS("10.0.0.1")},
        {"127.0.0.1.example:9092", false, NEEDS("127.0.0.1.example")},
        {"128.0.0.1", false, NEEDS("128.0.0.1")},
        {"[fe80::1]:9092", false, NEEDS("fe80::1")},
        {"PLAINTEXT://kafka:9092", true,
         "kafka.brokers: PLAINTEXT://kafka:9092 names a protocol; use security.protocol"},
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        const char *const set[] = {"security.protocol", "plaintext", NULL};
        struct settings_of made = make(cases[i].brokers, cases[i].allow, set);

        assert_string_equal(cases[i].fault, faults_of(&made));
    }
}

static void a_protocol_in_the_broker_list_is_refused(void **state)
{
    struct settings_of made = make("ssl://kafka:9093,kafka:9093", false, NULL);

    (void)state;
    assert_string_equal("kafka.brokers: ssl://kafka:9093 names a protocol; use security.protocol",
                        faults_of(&made));
}

static void passwords_travel_only_inside_tls(void **state)
{
    static const struct {
        const char *protocol, *mechanism;
        const char *fault;
    } cases[] = {
        {"sasl_ssl", "SCRAM-SHA-512", ""},
        {"sasl_ssl", "PLAIN", ""},
        {"sasl_plaintext", "PLAIN",
         "kafka.properties.security.protocol: sasl_plaintext sends credentials outside TLS; use "
         "sasl_ssl"},
        {"sasl_plaintext", "SCRAM-SHA-512",
         "kafka.properties.security.protocol: sasl_plaintext sends credentials outside TLS; use "
         "sasl_ssl"},
        {"sasl_ssl", "GSSAPI",
         "kafka.properties.sasl.mechanism: GSSAPI is none of SCRAM-SHA-512, PLAIN"},
        {"sasl_ssl", "SCRAM-SHA-256",
         "kafka.properties.sasl.mechanism: SCRAM-SHA-256 is none of SCRAM-SHA-512, PLAIN"},
        {"sasl_ssl", NULL, ""}, /* SCRAM-SHA-512 */
        {"ssl", NULL,
         "kafka.properties.security.protocol: ssl has no use for kafka.user; leave it out, or set "
         "sasl_ssl"},
        {"plaintext", NULL,
         "kafka.properties.security.protocol: plaintext has no use for kafka.user; leave it out, "
         "or set sasl_ssl"},
        {"tls", NULL,
         "kafka.properties.security.protocol: tls is none of ssl, sasl_ssl, plaintext"},
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        const char *const set[] = {"security.protocol", cases[i].protocol,
                                   cases[i].mechanism ? "sasl.mechanism" : NULL, cases[i].mechanism,
                                   NULL};
        struct settings_of made = make("127.0.0.1:9093", false, set);

        made.settings.kafka.user = (char *)"egw";
        assert_string_equal(cases[i].fault, faults_of(&made));
    }
}

static void sasl_needs_a_user(void **state)
{
    const char *const protocol[] = {"security.protocol", "sasl_ssl", NULL};
    const char *const mechanism[] = {"sasl.mechanism", "PLAIN", NULL};
    struct settings_of made = make("127.0.0.1:9093", false, protocol);

    (void)state;
    assert_string_equal("kafka.properties.security.protocol: sasl_ssl needs kafka.user",
                        faults_of(&made));
    made = make("127.0.0.1:9093", false, mechanism);
    assert_string_equal("kafka.properties.sasl.mechanism needs kafka.user", faults_of(&made));
}

static void a_bad_secret_is_not_repeated(void **state)
{
    const char *const set[] = {"sasl.password", "hunter2", "ssl.key.password", "hunter2", NULL};
    struct settings_of made = make("kafka.example:9093", false, set);

    (void)state;
    assert_null(strstr(faults_of(&made), "hunter2"));
}

/* What a handle was really made with. */
static void expect_in(rd_kafka_t *rk, const char *name, const char *value)
{
    char text[256];
    size_t n = sizeof(text);

    assert_int_equal(RD_KAFKA_CONF_OK, rd_kafka_conf_get(rd_kafka_conf(rk), name, text, &n));
    assert_string_equal(value, text);
}

static rd_kafka_t *handle(enum egw_kafka_role role, struct settings_of *made)
{
    const struct egw_kafka_handle_conf conf = {.role = role,
                                               .settings = &made->settings,
                                               .client_id = "egw-test",
                                               .group = "g",
                                               .instance = "egw-test-000"};
    struct egw_error error;
    rd_kafka_t *rk = NULL;

    made->settings.kafka.properties = made->properties;
    if (egw_kafka_handle(&conf, &rk, &error) != EGW_OK)
        fail_msg("%s", error.text);
    return rk;
}

static void the_member_is_static_and_reads_only_committed(void **state)
{
    struct settings_of made = make("127.0.0.1:1", false, NULL);
    rd_kafka_t *rk = handle(EGW_KAFKA_MEMBER, &made);

    (void)state;
    expect_in(rk, "group.instance.id", "egw-test-000");
    expect_in(rk, "isolation.level", "read_committed");
    expect_in(rk, "enable.auto.commit", "false");
    expect_in(rk, "enable.auto.offset.store", "false");
    expect_in(rk, "partition.assignment.strategy", "range");
    expect_in(rk, "session.timeout.ms", "30000");
    expect_in(rk, "heartbeat.interval.ms", "3000");
    expect_in(rk, "max.poll.interval.ms", "60000");
    expect_in(rk, "topic.metadata.refresh.interval.ms", "30000");
    expect_in(rk, "metadata.max.age.ms", "900000");
    expect_in(rk, "socket.nagle.disable", "true");
    expect_in(rk, "fetch.message.max.bytes", "131072");
    expect_in(rk, "fetch.min.bytes", "65536");
    expect_in(rk, "fetch.wait.max.ms", "12"); /* an eighth of a transaction */
    expect_in(rk, "reconnect.backoff.max.ms", "1000");
    expect_in(rk, "enable.ssl.certificate.verification", "true");
    expect_in(rk, "ssl.endpoint.identification.algorithm", "https");
    assert_true(egw_kafka_destroy(rk, 10000));
}

static void the_producer_is_transactional_and_its_limits_fit(void **state)
{
    struct settings_of made = make("127.0.0.1:1", false, NULL);
    rd_kafka_t *rk = handle(EGW_KAFKA_TRANSACTIONS, &made);

    (void)state;
    expect_in(rk, "transactional.id", "egw-test-000");
    expect_in(rk, "transaction.timeout.ms", "15000");
    expect_in(rk, "message.timeout.ms", "15000");
    expect_in(rk, "socket.timeout.ms", "10000");
    expect_in(rk, "enable.idempotence", "true");
    expect_in(rk, "linger.ms", "50");
    expect_in(rk, "batch.size", "2000000");
    expect_in(rk, "compression.type", "lz4");
    expect_in(rk, "retry.backoff.ms", "20");
    assert_true(egw_kafka_destroy(rk, 10000));
}

static void a_short_transaction_shortens_the_socket_timeout(void **state)
{
    struct settings_of made = make("127.0.0.1:1", false, NULL);
    rd_kafka_t *rk;

    (void)state;
    made.settings.kafka.transaction_timeout_ms = 4000;
    rk = handle(EGW_KAFKA_TRANSACTIONS, &made);
    expect_in(rk, "socket.timeout.ms", "4000");
    assert_true(egw_kafka_destroy(rk, 10000));
}

static void a_short_transaction_has_short_fetches(void **state)
{
    struct settings_of made = make("127.0.0.1:1", false, NULL);
    rd_kafka_t *rk;

    (void)state;
    made.settings.triage.commit_ms = 10;
    rk = handle(EGW_KAFKA_MEMBER, &made);
    expect_in(rk, "fetch.wait.max.ms", "2");
    assert_true(egw_kafka_destroy(rk, 10000));
}

static void a_property_reaches_only_the_handles_it_is_for(void **state)
{
    const char *const set[] = {"linger.ms",
                               "7",
                               "retry.backoff.ms",
                               "70",
                               "fetch.wait.max.ms",
                               "20",
                               "fetch.min.bytes",
                               "100",
                               "compression.type",
                               "none",
                               NULL};
    struct settings_of made = make("127.0.0.1:1", false, set);
    rd_kafka_t *producer = handle(EGW_KAFKA_TRANSACTIONS, &made);
    rd_kafka_t *tail = handle(EGW_KAFKA_TAIL, &made);
    rd_kafka_t *member = handle(EGW_KAFKA_MEMBER, &made);

    (void)state;
    expect_in(producer, "linger.ms", "7");
    expect_in(producer, "compression.type", "none");
    expect_in(producer, "retry.backoff.ms", "70");
    expect_in(member, "fetch.wait.max.ms", "20");
    expect_in(member, "fetch.min.bytes", "100");
    expect_in(tail, "fetch.wait.max.ms", "20");
    assert_true(egw_kafka_destroy(producer, 10000));
    assert_true(egw_kafka_destroy(member, 10000));
    assert_true(egw_kafka_destroy(tail, 10000));
}

static void without_a_word_remote_brokers_get_tls(void **state)
{
    struct settings_of remote = make("kafka.invalid:9093", true, NULL);
    struct settings_of local = make("127.0.0.1:1", false, NULL);
    rd_kafka_t *rk = handle(EGW_KAFKA_TAIL, &remote);

    (void)state;
    expect_in(rk, "security.protocol", "ssl");
    assert_true(egw_kafka_destroy(rk, 10000));
    rk = handle(EGW_KAFKA_TAIL, &local);
    expect_in(rk, "security.protocol", "plaintext");
    assert_true(egw_kafka_destroy(rk, 10000));
}

static void a_handle_takes_no_refused_property_either(void **state)
{
    const char *const set[] = {"plugin.library.paths", "evil", NULL};
    struct settings_of made = make("127.0.0.1:1", false, set);
    const struct egw_kafka_handle_conf conf = {
        .role = EGW_KAFKA_TAIL, .settings = &made.settings, .client_id = "egw-test"};
    struct egw_error error;
    rd_kafka_t *rk;

    (void)state;
    made.settings.kafka.properties = made.properties;
    assert_int_equal(EGW_INVALID, egw_kafka_handle(&conf, &rk, &error));
    assert_string_equal(
        "kafka.properties.plugin.library.paths: refused, it loads code into the process",
        error.text);
}

static void write_file(char path[sizeof("/tmp/egw-conf-XXXXXX")], const char *text, mode_t mode)
{
    int fd;

    (void)snprintf(path, sizeof("/tmp/egw-conf-XXXXXX"), "/tmp/egw-conf-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal((ssize_t)strlen(text), write(fd, text, strlen(text)));
    assert_int_equal(0, fchmod(fd, mode));
    assert_int_equal(0, close(fd));
}

static void a_user_comes_by_scram_inside_tls_with_the_password_of_the_file(void **state)
{
    const char *const plain[] = {"sasl.mechanism", "PLAIN", NULL};
    struct settings_of made = make("127.0.0.1:1", false, NULL);
    char path[sizeof("/tmp/egw-conf-XXXXXX")];
    struct egw_error error;
    rd_kafka_t *rk;

    (void)state;
    write_file(path, "hunter2 and more\n", 0600);
    made.settings.kafka.user = (char *)"egw";
    made.settings.kafka.password_file = path;
    assert_string_equal("", faults_of(&made));
    rk = handle(EGW_KAFKA_TAIL, &made);
    expect_in(rk, "security.protocol", "sasl_ssl");
    expect_in(rk, "sasl.mechanisms", "SCRAM-SHA-512");
    expect_in(rk, "sasl.username", "egw");
    expect_in(rk, "sasl.password", "hunter2 and more");
    assert_int_equal(EGW_OK, egw_kafka_login(rk, &made.settings, &error));
    assert_true(egw_kafka_destroy(rk, 10000));
    made = make("127.0.0.1:1", false, plain);
    made.settings.kafka.user = (char *)"egw";
    made.settings.kafka.password_file = path;
    rk = handle(EGW_KAFKA_TRANSACTIONS, &made);
    expect_in(rk, "sasl.mechanisms", "PLAIN");
    assert_true(egw_kafka_destroy(rk, 10000));
    assert_int_equal(0, unlink(path));
}

/* The sentence of a handle that could not be made. */
static const char *refusal(struct settings_of *made)
{
    const struct egw_kafka_handle_conf conf = {
        .role = EGW_KAFKA_TAIL, .settings = &made->settings, .client_id = "egw-test"};
    static struct egw_error error;
    rd_kafka_t *rk;

    made->settings.kafka.properties = made->properties;
    assert_int_equal(EGW_DENIED, egw_kafka_handle(&conf, &rk, &error));
    return error.text;
}

static void a_password_file_that_may_not_be_used_is_named(void **state)
{
    struct settings_of made = make("127.0.0.1:1", false, NULL);
    char path[sizeof("/tmp/egw-conf-XXXXXX")], expected[128];

    (void)state;
    write_file(path, "hunter2", 0640);
    made.settings.kafka.user = (char *)"egw";
    made.settings.kafka.password_file = path;
    (void)snprintf(expected, sizeof(expected),
                   "kafka.password_file: '%s' is open to other users (mode 640)", path);
    assert_string_equal(expected, refusal(&made));
    assert_int_equal(0, unlink(path));
    (void)snprintf(expected, sizeof(expected),
                   "kafka.password_file: cannot open '%s': No such file or directory", path);
    assert_string_equal(expected, refusal(&made));
}

static void a_file_of_tls_that_is_not_there_is_named(void **state)
{
    const char *const gone[] = {"ssl.ca.location", "/nowhere/ca.pem", NULL};
    const char *const empty[] = {"ssl.ca.location", "/dev/null", NULL};
    struct settings_of made = make("kafka.invalid:9093", false, gone);

    (void)state;
    assert_string_equal("kafka.properties.ssl.ca.location: cannot read '/nowhere/ca.pem': No such "
                        "file or directory",
                        refusal(&made));
    made = make("kafka.invalid:9093", false, empty);
    assert_non_null(strstr(refusal(&made), "kafka client for egw-test not made: ssl.ca.location"));
}

static void plain_connections_go_to_loopback_addresses_only(void **state)
{
    static const struct {
        const char *address;
        bool may;
    } cases[] = {
        {"127.0.0.1", true},    {"127.255.255.254", true},
        {"10.0.0.1", false},    {"0.0.0.0", false},
        {"::1", true},          {"::ffff:127.0.0.1", true},
        {"::", false},          {"::ffff:10.0.0.1", false},
        {"2001:db8::1", false},
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct sockaddr_in four = {.sin_family = AF_INET};
        struct sockaddr_in6 six = {.sin6_family = AF_INET6};
        bool is_four = inet_pton(AF_INET, cases[i].address, &four.sin_addr) == 1;
        const struct sockaddr *to = is_four ? (const void *)&four : (const void *)&six;

        if (!is_four)
            assert_int_equal(1, inet_pton(AF_INET6, cases[i].address, &six.sin6_addr));
        assert_int_equal(cases[i].may, egw_kafka_may_connect_plain(to));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(harmless_properties_pass),
        cmocka_unit_test(properties_of_exactly_once_are_refused),
        cmocka_unit_test(what_loads_code_or_weakens_tls_is_refused),
        cmocka_unit_test(unknown_names_are_refused),
        cmocka_unit_test(values_out_of_range_are_named),
        cmocka_unit_test(all_faults_come_in_one_run),
        cmocka_unit_test(plaintext_leaves_the_machine_only_when_allowed),
        cmocka_unit_test(a_protocol_in_the_broker_list_is_refused),
        cmocka_unit_test(passwords_travel_only_inside_tls),
        cmocka_unit_test(sasl_needs_a_user),
        cmocka_unit_test(a_user_comes_by_scram_inside_tls_with_the_password_of_the_file),
        cmocka_unit_test(a_password_file_that_may_not_be_used_is_named),
        cmocka_unit_test(a_file_of_tls_that_is_not_there_is_named),
        cmocka_unit_test(a_bad_secret_is_not_repeated),
        cmocka_unit_test(the_member_is_static_and_reads_only_committed),
        cmocka_unit_test(the_producer_is_transactional_and_its_limits_fit),
        cmocka_unit_test(a_short_transaction_shortens_the_socket_timeout),
        cmocka_unit_test(a_short_transaction_has_short_fetches),
        cmocka_unit_test(a_property_reaches_only_the_handles_it_is_for),
        cmocka_unit_test(without_a_word_remote_brokers_get_tls),
        cmocka_unit_test(a_handle_takes_no_refused_property_either),
        cmocka_unit_test(plain_connections_go_to_loopback_addresses_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

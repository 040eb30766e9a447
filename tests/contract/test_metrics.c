/* The page of counters word for word, and the HTTP that serves it as a stranger meets it. */
#include "support.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "egw/metrics.h"

/* ---- a sample ---- */

static const char *const inputs[] = {"support.events", "support.inbox"};
static const char *const actions[] = {"BASELINE", "DEAD_LETTERED", "ESCALATED"};
static const char *const channels[] = {"", "", "commercial"};
static const uint64_t outcomes[] = {5, 2, 0, 0, 0, 0, 0, 0, 7};
static const struct egw_runtime_lag lags[] = {{0, 3, 17}, {1, 3, 0}};
static const struct egw_metrics_about about = {"1.2.3", "2.0.2", "egw-triage-004", 1700000000123};

static struct egw_metrics_sample a_sample(void)
{
    struct egw_metrics_sample sample = {
        .stats = {.inputs = 10,
                  .timers = 1,
                  .facts = 3,
                  .steps_committed = 12,
                  .outputs = 40,
                  .committed = 6,
                  .aborted = 2,
                  .unknown = 1,
                  .rebalances = 4,
                  .lost = 1,
                  .skipped = 9,
                  .unusable = 8,
                  .recreated_by = {[EGW_RECREATED_COMMIT_UNKNOWN] = 1},
                  .open_since_ms = 1000,
                  .state_entries = 11,
                  .state_bytes = 1234,
                  .partitions_running = 2,
                  .partitions_assigned = 2,
                  .partitions_waiting = 1,
                  .oldest_undecided_ms = 1700000099000,
                  .entries_stuck = 3,
                  .oldest_stuck_ms = 1700000000000,
                  .assigned = true},
        .inputs = inputs,
        .lags = lags,
        .lag_count = EGW_COUNT(lags),
        .outcomes = outcomes,
        .actions = actions,
        .channels = channels,
        .action_count = EGW_COUNT(actions),
        .channel_count = EGW_COUNT(channels),
        .dead_letters = 1,
    };

    egw_times_add(&sample.stats.commits, 20);
    egw_times_add(&sample.stats.commits, 90000);
    egw_times_add(&sample.stats.turns, 0);
    return sample;
}

static const struct egw_metrics_now now = {.wall_ms = 1700000100000,
                                           .mono_ms = 1250,
                                           .turn_age_ms = 40,
                                           .live = true,
                                           .cpu_ms = 12345,
                                           .resident_bytes = 4096};

/* ---- the text ---- */

/* The lines that are no comment, one after the other. */
static char *values_of(const struct egw_metrics_sample *sample, const struct egw_metrics_now *at)
{
    struct egw_buf text = {0}, values = {0};
    struct egw_str left;

    assert_int_equal(egw_metrics_render(&about, sample, at, &text), EGW_OK);
    left = egw_buf_str(&text);
    while (left.n) {
        const char *end = memchr(left.p, '\n', left.n);
        size_t n;

        assert_non_null(end);
        n = (size_t)(end - left.p) + 1;
        if (left.p[0] != '#')
            assert_int_equal(egw_buf_put(&values, left.p, n), EGW_OK);
        left.p += n;
        left.n -= n;
    }
    assert_int_equal(egw_buf_put(&values, "", 1), EGW_OK);
    egw_buf_free(&text);
    return (char *)values.p;
}

static void the_page_says_what_was_counted(void **state)
{
    static const char expected[] =
        "egw_build_info{version=\"1.2.3\",librdkafka=\"2.0.2\",worker=\"egw-triage-004\"} 1\n"
        "egw_ready 1\n"
        "process_start_time_seconds 1700000000.123\n"
        "process_cpu_seconds_total 12.345\n"
        "process_resident_memory_bytes 4096\n"
        "egw_transactions_total{result=\"committed\"} 6\n"
        "egw_transactions_total{result=\"aborted\"} 2\n"
        "egw_transactions_total{result=\"unknown\"} 1\n"
        "egw_transactions_total{result=\"abandoned\"} 0\n"
        "egw_transaction_seconds_bucket{le=\"0.001\"} 0\n"
        "egw_transaction_seconds_bucket{le=\"0.002\"} 0\n"
        "egw_transaction_seconds_bucket{le=\"0.005\"} 0\n"
        "egw_transaction_seconds_bucket{le=\"0.01\"} 0\n"
        "egw_transaction_seconds_bucket{le=\"0.02\"} 1\n"
        "egw_transaction_seconds_bucket{le=\"0.05\"} 1\n"
        "egw_transaction_seconds_bucket{le=\"0.1\"} 1\n"
        "egw_transaction_seconds_bucket{le=\"0.25\"} 1\n"
        "egw_transaction_seconds_bucket{le=\"1\"} 1\n"
        "egw_transaction_seconds_bucket{le=\"5\"} 1\n"
        "egw_transaction_seconds_bucket{le=\"15\"} 1\n"
        "egw_transaction_seconds_bucket{le=\"60\"} 1\n"
        "egw_transaction_seconds_bucket{le=\"+Inf\"} 2\n"
        "egw_transaction_seconds_sum 90.020\n"
        "egw_transaction_seconds_count 2\n"
        "egw_transaction_open_seconds 0.250\n"
        "egw_producer_recreations_total{cause=\"commit-doubtful\"} 0\n"
        "egw_producer_recreations_total{cause=\"abort-doubtful\"} 0\n"
        "egw_producer_recreations_total{cause=\"commit-unknown\"} 1\n"
        "egw_producer_recreations_total{cause=\"abort-failed\"} 0\n"
        "egw_producer_recreations_total{cause=\"begin-failed\"} 0\n"
        "egw_producer_recreations_total{cause=\"produce-failed\"} 0\n"
        "egw_producer_recreations_total{cause=\"init-failed\"} 0\n"
        "egw_outcomes_total{action=\"BASELINE\",channel=\"\"} 5\n"
        "egw_outcomes_total{action=\"DEAD_LETTERED\",channel=\"\"} 2\n"
        "egw_outcomes_total{action=\"ESCALATED\",channel=\"\"} 0\n"
        "egw_outcomes_total{action=\"ESCALATED\",channel=\"commercial\"} 7\n"
        "egw_dead_letters_total 2\n"
        "egw_steps_total{input=\"record\"} 10\n"
        "egw_steps_total{input=\"timer\"} 1\n"
        "egw_steps_total{input=\"fact\"} 3\n"
        "egw_steps_committed_total 12\n"
        "egw_records_committed_total 40\n"
        "egw_reference_unusable_total 8\n"
        "egw_partitions{state=\"assigned\"} 2\n"
        "egw_partitions{state=\"running\"} 2\n"
        "egw_partitions{state=\"halted\"} 0\n"
        "egw_partitions{state=\"waiting\"} 1\n"
        "egw_rebalances_total 4\n"
        "egw_assignments_lost_total 1\n"
        "egw_offsets_skipped_total 9\n";
    static const char after_restores[] =
        "egw_restore_seconds_sum 0.000\n"
        "egw_restore_seconds_count 0\n"
        "egw_lag_records{topic=\"support.events\",partition=\"3\"} 17\n"
        "egw_lag_records{topic=\"support.inbox\",partition=\"3\"} 0\n"
        "egw_oldest_undecided_event_seconds 1.000\n"
        "egw_cases_waiting 3\n"
        "egw_oldest_waiting_case_seconds 100.000\n"
        "egw_state_entries 11\n"
        "egw_state_bytes 1234\n"
        "egw_loop_turn_seconds_bucket{le=\"0.001\"} 1\n";
    static const char last[] = "egw_loop_turn_seconds_count 1\n"
                               "egw_loop_turn_age_seconds 0.040\n";
    struct egw_metrics_sample sample = a_sample();
    char *values = values_of(&sample, &now);

    (void)state;
    assert_int_equal(strncmp(values, expected, sizeof(expected) - 1), 0);
    assert_non_null(strstr(values, after_restores));
    assert_string_equal(values + strlen(values) - (sizeof(last) - 1), last);
    free(values);
}

static void before_the_loop_begins_the_page_says_who_it_is(void **state)
{
    char *values = values_of(NULL, &now);

    (void)state;
    assert_string_equal(values, "egw_build_info{version=\"1.2.3\",librdkafka=\"2.0.2\","
                                "worker=\"egw-triage-004\"} 1\n"
                                "egw_ready 0\n"
                                "process_start_time_seconds 1700000000.123\n"
                                "process_cpu_seconds_total 12.345\n"
                                "process_resident_memory_bytes 4096\n");
    free(values);
}

static void an_age_is_never_negative_and_none_is_zero(void **state)
{
    struct egw_metrics_sample sample = a_sample();
    char *values;

    (void)state;
    sample.stats.oldest_undecided_ms = now.wall_ms + 5000; /* a producer whose clock is ahead */
    sample.stats.oldest_stuck_ms = 0;
    sample.stats.open_since_ms = 0;
    values = values_of(&sample, &now);
    assert_non_null(strstr(values, "egw_oldest_undecided_event_seconds 0.000\n"));
    assert_non_null(strstr(values, "egw_oldest_waiting_case_seconds 0.000\n"));
    assert_non_null(strstr(values, "egw_transaction_open_seconds 0.000\n"));
    free(values);
}

/* What promtool's lint asks for, and no name twice. */
static void every_series_has_its_help_and_type_just_before_it(void **state)
{
    struct egw_metrics_sample sample = a_sample();
    struct egw_buf text = {0};
    char name[128] = "", type[32] = "", *line, *rest;
    size_t families = 0;

    (void)state;
    assert_int_equal(egw_metrics_render(&about, &sample, &now, &text), EGW_OK);
    assert_int_equal(egw_buf_put(&text, "", 1), EGW_OK);
    for (line = strtok_r((char *)text.p, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char seen[128], word[32];

        if (sscanf(line, "# HELP %127s", seen) == 1) {
            (void)snprintf(name, sizeof(name), "%s", seen);
            families++;
        } else if (sscanf(line, "# TYPE %127s %31s", seen, word) == 2) {
            assert_string_equal(seen, name);
            (void)snprintf(type, sizeof(type), "%s", word);
            if (strcmp(type, "counter") == 0)
                assert_string_equal(name + strlen(name) - 6, "_total");
        } else {
            assert_int_equal(strncmp(line, name, strlen(name)), 0);
            assert_non_null(strchr("{ _", line[strlen(name)]));
            assert_true(line[strlen(name)] != '_' || strcmp(type, "histogram") == 0);
        }
    }
    assert_int_equal(families, 28);
    egw_buf_free(&text);
}

/* ---- ready ---- */

static void ready_says_why_not(void **state)
{
    struct egw_metrics_sample sample = a_sample();
    char why[EGW_METRICS_REASON];

    (void)state;
    assert_true(egw_metrics_ready(&sample, true, why));
    assert_string_equal(why, "");
    assert_false(egw_metrics_ready(NULL, true, why));
    assert_string_equal(why, "starting");
    assert_false(egw_metrics_ready(&sample, false, why));
    assert_string_equal(why, "the loop is stuck");
    sample.stats.partitions_running = 1;
    assert_false(egw_metrics_ready(&sample, true, why));
    assert_string_equal(why, "1 of 2 partitions run");
    sample.stats.partitions_halted = 1;
    assert_false(egw_metrics_ready(&sample, true, why));
    assert_string_equal(why, "1 of 2 partitions are halted");
    sample.stats.assigned = false;
    assert_false(egw_metrics_ready(&sample, true, why));
    assert_string_equal(why, "no partitions are assigned yet");
    sample.stats.stopping = true;
    assert_false(egw_metrics_ready(&sample, true, why));
    assert_string_equal(why, "draining");
}

static void a_spare_without_partitions_is_ready(void **state)
{
    struct egw_metrics_sample sample = a_sample();
    char why[EGW_METRICS_REASON];

    (void)state;
    sample.stats.partitions_running = sample.stats.partitions_assigned = 0;
    assert_true(egw_metrics_ready(&sample, true, why));
}

/* ---- HTTP ---- */

struct server {
    char listen[128], path[96];
    uint16_t port;
    bool live;
    struct egw_metrics *metrics;
};

static int64_t turn_age(void *user, bool *ret_live)
{
    *ret_live = ((const struct server *)user)->live;
    return 40;
}

/* A port that was free a moment ago. */
static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

static enum egw_status open_at(struct server *server, const char *listen, int64_t slot,
                               struct egw_error *error)
{
    struct egw_metrics_conf conf = {
        .listen = listen, .slot = slot, .about = about, .turn_age = turn_age, .user = server};

    return egw_metrics_open(&conf, &server->metrics, error);
}

static int start_server(void **state)
{
    struct server *server = calloc(1, sizeof(*server));
    struct egw_error error = {.text = ""};
    enum egw_status st = EGW_INVALID;

    server->live = true;
    for (int i = 0; i < 10 && st; i++) { /* somebody else may have taken it */
        server->port = free_port();
        (void)snprintf(server->listen, sizeof(server->listen), "127.0.0.1:%d", server->port);
        st = open_at(server, server->listen, 0, &error);
    }
    assert_int_equal(st, EGW_OK);
    *state = server;
    return 0;
}

static int stop_server(void **state)
{
    struct server *server = *state;

    egw_metrics_close(server->metrics);
    free(server);
    return 0;
}

static int reach(const struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(server->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* Sends all and reads to the end; the caller frees. */
static char *exchange(int fd, const char *request)
{
    size_t n = strlen(request), cap = 1 << 20, got = 0;
    char *reply = calloc(1, cap);
    ssize_t r;

    assert_non_null(reply);
    if (n)
        assert_int_equal(send(fd, request, n, MSG_NOSIGNAL), n);
    while ((r = recv(fd, reply + got, cap - got - 1, 0)) > 0)
        got += (size_t)r;
    (void)close(fd);
    return reply;
}

static char *ask(const struct server *server, const char *method, const char *path)
{
    char request[512];

    (void)snprintf(request, sizeof(request),
                   "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method, path);
    return exchange(reach(server), request);
}

static void assert_answer(const struct server *server, const char *method, const char *path,
                          const char *status, const char *body)
{
    char *reply = ask(server, method, path);
    const char *at = strstr(reply, "\r\n\r\n");

    assert_int_equal(strncmp(reply, status, strlen(status)), 0);
    assert_non_null(at);
    assert_string_equal(at + 4, body);
    free(reply);
}

static void publish(struct server *server)
{
    struct egw_metrics_sample sample = a_sample();

    assert_int_equal(egw_metrics_publish(server->metrics, &sample), EGW_OK);
}

static void pages_answer(void **state)
{
    struct server *server = *state;
    char *reply;

    assert_answer(server, "GET", "/ready", "HTTP/1.1 503", "not ready: starting\n");
    assert_answer(server, "GET", "/live", "HTTP/1.1 200", "live\n");
    publish(server);
    assert_answer(server, "GET", "/ready", "HTTP/1.1 200", "ready\n");
    server->live = false;
    assert_answer(server, "GET", "/ready", "HTTP/1.1 503", "not ready: the loop is stuck\n");
    assert_answer(server, "GET", "/live", "HTTP/1.1 503", "not live: the loop is stuck\n");
    reply = ask(server, "GET", "/metrics?name=x");
    assert_int_equal(strncmp(reply, "HTTP/1.1 200", 12), 0);
    assert_non_null(strstr(reply, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_non_null(strstr(reply, "\negw_transactions_total{result=\"aborted\"} 2\n"));
    assert_non_null(
        strstr(reply, "\negw_lag_records{topic=\"support.events\",partition=\"3\"} 17\n"));
    free(reply);
}

static void what_is_not_there_is_refused(void **state)
{
    static const struct {
        const char *method, *path, *status, *body;
    } cases[] = {
        {"GET", "/", "HTTP/1.1 404", "there are /metrics, /ready and /live\n"},
        {"GET", "/metrics/", "HTTP/1.1 404", "there are /metrics, /ready and /live\n"},
        {"GET", "/../etc/passwd", "HTTP/1.1 404", "there are /metrics, /ready and /live\n"},
        {"GET", "/metricsx", "HTTP/1.1 404", "there are /metrics, /ready and /live\n"},
        {"POST", "/metrics", "HTTP/1.1 405", "only GET and HEAD\n"},
        {"DELETE", "/live", "HTTP/1.1 405", "only GET and HEAD\n"},
        {"OPTIONS", "/nothing", "HTTP/1.1 405", "only GET and HEAD\n"},
        {"HEAD", "/live", "HTTP/1.1 200", ""},
    };

    for (size_t i = 0; i < EGW_COUNT(cases); i++)
        assert_answer(*state, cases[i].method, cases[i].path, cases[i].status, cases[i].body);
}

static void a_refused_method_names_those_allowed(void **state)
{
    char *reply = ask(*state, "PUT", "/metrics");

    assert_non_null(strstr(reply, "\r\nAllow: GET, HEAD\r\n"));
    free(reply);
}

static void garbage_does_no_harm(void **state)
{
    static const char *const garbage[] = {"\r\n\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02\x01\x01",
                                          "GET /metrics HTTP/9.9\r\n\r\n",
                                          "GET /live HTTP/1.1\r\nA\r\n\r\n"};
    char *huge = calloc(1, 70000);

    for (size_t i = 0; i < EGW_COUNT(garbage); i++) {
        int fd = reach(*state);

        (void)send(fd, garbage[i], strlen(garbage[i]), MSG_NOSIGNAL);
        (void)shutdown(fd, SHUT_WR);
        free(exchange(fd, ""));
    }
    (void)snprintf(huge, 70000, "GET /live HTTP/1.1\r\nX: %065000d\r\n\r\n", 1);
    {
        int fd = reach(*state);

        (void)send(fd, huge, strlen(huge), MSG_NOSIGNAL);
        (void)shutdown(fd, SHUT_WR);
        free(exchange(fd, ""));
    }
    free(huge);
    assert_answer(*state, "GET", "/live", "HTTP/1.1 200", "live\n");
}

static void a_client_that_says_half_a_request_holds_nobody_up(void **state)
{
    int slow[8];

    publish(*state);
    for (size_t i = 0; i < EGW_COUNT(slow); i++) {
        slow[i] = reach(*state);
        assert_int_equal(send(slow[i], "GET /met", 8, MSG_NOSIGNAL), 8);
    }
    assert_answer(*state, "GET", "/ready", "HTTP/1.1 200", "ready\n");
    for (size_t i = 0; i < EGW_COUNT(slow); i++)
        (void)close(slow[i]);
}

static void two_scrapes_at_once_both_get_the_page(void **state)
{
    const char *request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    int first = reach(*state), second = reach(*state);
    char *a, *b;

    publish(*state);
    assert_int_equal(send(first, request, 20, MSG_NOSIGNAL), 20); /* the first is half said ... */
    b = exchange(second, request);
    a = exchange(first, request + 20);
    assert_non_null(strstr(a, "\negw_loop_turn_age_seconds 0.040\n"));
    assert_non_null(strstr(b, "\negw_loop_turn_age_seconds 0.040\n"));
    free(a);
    free(b);
}

/* The loop goes on publishing while others read: every page is of one sample. */
static void *publish_on(void *arg)
{
    struct server *server = arg;
    struct egw_runtime_lag many[64];
    uint64_t counts[9];

    for (uint64_t round = 1; round <= 2000; round++) {
        struct egw_metrics_sample sample = a_sample();

        sample.stats.committed = round;
        sample.lags = many;
        sample.lag_count = round % EGW_COUNT(many);
        for (size_t i = 0; i < EGW_COUNT(many); i++)
            many[i] = (struct egw_runtime_lag){0, (int32_t)i, (int64_t)round};
        for (size_t i = 0; i < EGW_COUNT(counts); i++)
            counts[i] = round;
        sample.outcomes = counts;
        assert_int_equal(egw_metrics_publish(server->metrics, &sample), EGW_OK);
    }
    return NULL;
}

static void a_page_is_of_one_sample(void **state)
{
    pthread_t loop;

    publish(*state);
    assert_int_equal(pthread_create(&loop, NULL, publish_on, *state), 0);
    for (int i = 0; i < 30; i++) {
        char *reply = ask(*state, "GET", "/metrics");
        const char *at = strstr(reply, "result=\"committed\"} ");
        const char *one = strstr(reply, "action=\"BASELINE\",channel=\"\"} ");
        long long committed = at ? strtoll(at + 20, NULL, 10) : -1;
        long long baseline = one ? strtoll(one + 30, NULL, 10) : -2;

        assert_true(committed == baseline || (committed == 6 && baseline == 5)); /* the first */
        free(reply);
    }
    assert_int_equal(pthread_join(loop, NULL), 0);
}

static void a_port_that_is_taken_is_said(void **state)
{
    const struct server *first = *state;
    struct server second = {.live = true};
    struct egw_error error;
    char expected[512];

    assert_int_equal(open_at(&second, first->listen, 0, &error), EGW_FENCED);
    (void)snprintf(expected, sizeof(expected),
                   "cannot listen on metrics.listen %s: a process listens there; is a worker of "
                   "this slot running already? each worker needs a place of its own, as by +slot",
                   first->listen);
    assert_string_equal(error.text, expected);
}

static void the_slot_is_added_to_the_port(void **state)
{
    const struct server *first = *state;
    struct server second = {.live = true};
    struct egw_error error;
    char listen[64], expected[160];

    /* Slot 5 of this base is the port of the first: taken, which names the sum. */
    (void)snprintf(listen, sizeof(listen), "127.0.0.1:%d+slot", first->port - 5);
    (void)snprintf(expected, sizeof(expected), "%s: a process listens there", listen);
    assert_int_equal(open_at(&second, listen, 5, &error), EGW_FENCED);
    assert_non_null(strstr(error.text, expected));
    (void)snprintf(listen, sizeof(listen), "127.0.0.1:65535+slot");
    assert_int_equal(open_at(&second, listen, 1, &error), EGW_INVALID);
    assert_string_equal(error.text, "cannot listen on metrics.listen 127.0.0.1:65535+slot: it is "
                                    "no host and port");
}

static void an_address_of_another_machine_is_said(void **state)
{
    struct server server = {.live = true};
    struct egw_error error;

    (void)state;
    assert_int_equal(open_at(&server, "192.0.2.1:9464", 0, &error), EGW_INVALID);
    assert_string_equal(error.text, "cannot listen on metrics.listen 192.0.2.1:9464: port 9464: "
                                    "Cannot assign requested address");
}

/* ---- the socket file ---- */

static char *ask_file(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return exchange(fd, "GET /live HTTP/1.0\r\n\r\n");
}

static void a_socket_file_serves_outlives_a_crash_and_goes_at_the_end(void **state)
{
    struct server server = {.live = true}, second = {.live = true};
    struct egw_error error;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[64], listen[80], expected[256];
    char *reply;
    struct stat file;
    int leftover = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/egw-metrics-%ld", (long)getpid());
    (void)snprintf(listen, sizeof(listen), "unix:%s", path);
    /* What a killed worker leaves behind: a file that nobody listens at. */
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(bind(leftover, (struct sockaddr *)&address, sizeof(address)), 0);
    (void)close(leftover);
    assert_int_equal(open_at(&server, listen, 0, &error), EGW_OK);
    reply = ask_file(path);
    assert_int_equal(strncmp(reply, "HTTP/1.1 200", 12), 0);
    free(reply);
    /* One that answers is not pushed aside. */
    assert_int_equal(open_at(&second, listen, 0, &error), EGW_FENCED);
    (void)snprintf(expected, sizeof(expected),
                   "cannot listen on metrics.listen %s: a process listens there; is a worker of "
                   "this slot running already? each worker needs a place of its own, as by +slot",
                   listen);
    assert_string_equal(error.text, expected);
    reply = ask_file(path);
    free(reply);
    egw_metrics_close(server.metrics);
    assert_int_equal(stat(path, &file), -1);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
    struct server server = {.live = true};
    struct egw_error error;
    char path[64], listen[80];
    struct stat file;
    FILE *f;

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/egw-metrics-file-%ld", (long)getpid());
    (void)snprintf(listen, sizeof(listen), "unix:%s", path);
    f = fopen(path, "w");
    assert_non_null(f);
    (void)fclose(f);
    assert_int_equal(open_at(&server, listen, 0, &error), EGW_INVALID);
    assert_int_equal(stat(path, &file), 0);
    (void)unlink(path);
}

#define HTTP(test) cmocka_unit_test_setup_teardown(test, start_server, stop_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_says_what_was_counted),
        cmocka_unit_test(before_the_loop_begins_the_page_says_who_it_is),
        cmocka_unit_test(an_age_is_never_negative_and_none_is_zero),
        cmocka_unit_test(every_series_has_its_help_and_type_just_before_it),
        cmocka_unit_test(ready_says_why_not),
        cmocka_unit_test(a_spare_without_partitions_is_ready),
        HTTP(pages_answer),
        HTTP(what_is_not_there_is_refused),
        HTTP(a_refused_method_names_those_allowed),
        HTTP(garbage_does_no_harm),
        HTTP(a_client_that_says_half_a_request_holds_nobody_up),
        HTTP(two_scrapes_at_once_both_get_the_page),
        HTTP(a_page_is_of_one_sample),
        HTTP(a_port_that_is_taken_is_said),
        HTTP(the_slot_is_added_to_the_port),
        cmocka_unit_test(an_address_of_another_machine_is_said),
        cmocka_unit_test(a_socket_file_serves_outlives_a_crash_and_goes_at_the_end),
        cmocka_unit_test(a_file_that_is_no_socket_is_left_alone),
    };

    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}

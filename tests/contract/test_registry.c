#define _GNU_SOURCE /* strcasestr */
#include "support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "egw/registry.h"

/*
 * A server of one answer, on its own thread and a port of the system's choice: it keeps what it was
 * sent and closes each connection after the answer.
 */
enum manner {
    ANSWER,       /* the text, whole */
    HANG_UP,      /* nothing, then close */
    SAY_NOTHING,  /* nothing, until the client leaves */
    DRIP,         /* a byte every 20 ms, until the client leaves */
    ENDLESS_BODY, /* the text, then bytes until the client leaves */
    ENDLESS_HEADERS,
};

struct server {
    int fd;
    int port;
    pthread_t thread;
    const char *answer;
    enum manner manner;
    char request[128 * 1024]; /* the last one */
    int requests;
};

static size_t content_length(const char *request)
{
    const char *at = strcasestr(request, "\r\ncontent-length:");

    return at ? strtoul(at + 17, NULL, 10) : 0;
}

/* Head and body of one request. */
static bool receive(struct server *server, int fd)
{
    size_t n = 0;
    const char *end = NULL;

    while (!end || n < (size_t)(end + 4 - server->request) + content_length(server->request)) {
        ssize_t got = recv(fd, server->request + n, sizeof(server->request) - 1 - n, 0);

        if (got <= 0)
            return false;
        n += (size_t)got;
        server->request[n] = '\0';
        end = strstr(server->request, "\r\n\r\n");
    }
    return true;
}

static bool tell(int fd, const char *text, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        text += sent;
        n -= (size_t)sent;
    }
    return true;
}

static void answer(const struct server *server, int fd)
{
    static const char filler[] =
        "X-Filler: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n";
    char byte;

    switch (server->manner) {
    case ANSWER:
        (void)tell(fd, server->answer, strlen(server->answer));
        break;
    case HANG_UP:
        break;
    case SAY_NOTHING:
        (void)recv(fd, &byte, 1, 0);
        break;
    case DRIP:
        for (const char *p = server->answer; *p && tell(fd, p, 1); p++)
            (void)usleep(20000);
        break;
    case ENDLESS_BODY:
        (void)tell(fd, server->answer, strlen(server->answer));
        while (tell(fd, filler, sizeof(filler) - 1))
            ;
        break;
    case ENDLESS_HEADERS:
        (void)tell(fd, "HTTP/1.1 200 OK\r\n", 17);
        while (tell(fd, filler, sizeof(filler) - 1))
            ;
        break;
    }
}

static void *serve(void *context)
{
    struct server *server = context;
    int fd;

    while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
        if (receive(server, fd)) {
            server->requests++;
            answer(server, fd);
        }
        (void)close(fd);
    }
    return NULL;
}

static int setup(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof(address);
    struct server *server = calloc(1, sizeof(*server));

    if (!server)
        return -1;
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server->fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(server->fd, 8) != 0 || getsockname(server->fd, (struct sockaddr *)&address, &n) != 0)
        return -1;
    server->port = ntohs(address.sin_port);
    *state = server;
    return 0;
}

/* The answer is set before the thread starts: nothing is shared while it runs. */
static void start(struct server *server, enum manner manner, const char *text)
{
    server->manner = manner;
    server->answer = text;
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop(struct server *server)
{
    (void)shutdown(server->fd, SHUT_RDWR);
    if (server->thread)
        (void)pthread_join(server->thread, NULL);
    server->thread = 0;
}

static int teardown(void **state)
{
    struct server *server = *state;

    stop(server);
    (void)close(server->fd);
    free(server);
    return 0;
}

static struct egw_registry *client(const struct server *server, const char *path, const char *user,
                                   const char *password_file)
{
    struct egw_registry_conf conf = {
        .user = user, .password_file = password_file, .timeout_ms = 400};
    struct egw_registry *registry = NULL;
    struct egw_error err;
    char url[128];

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", server->port, path);
    conf.url = url;
    if (egw_registry_new(&conf, &registry, &err) != EGW_OK)
        fail_msg("%s", err.text);
    return registry;
}

#define REPLY(status, body) "HTTP/1.1 " status "\r\nConnection: close\r\n\r\n" body

/* ---- what is sent ---- */

static void test_register_posts_the_schema_under_the_path_of_the_url(void **state)
{
    struct server *server = *state;
    struct egw_registry *registry = client(server, "/apis/ccompat/v7/", NULL, NULL);
    struct egw_error err;
    int32_t id = 0;

    start(server, ANSWER, REPLY("200 OK", "{\"id\":7}"));
    assert_int_equal(egw_registry_register(registry, EGW_STR("support.events-value"),
                                           EGW_STR("{\"type\":\"string\"}"), &id, &err),
                     EGW_OK);
    assert_int_equal(id, 7);
    egw_registry_free(registry);
    stop(server);
    assert_non_null(strstr(server->request, "POST /apis/ccompat/v7/subjects/support.events-value/"
                                            "versions HTTP/1.1\r\n"));
    assert_non_null(strstr(server->request, "\r\n\r\n{\"schemaType\":\"AVRO\",\"schema\":"
                                            "\"{\\\"type\\\":\\\"string\\\"}\"}"));
    assert_non_null(strstr(server->request, "application/vnd.schemaregistry.v1+json"));
    assert_null(strcasestr(server->request, "\r\nauthorization:"));
    assert_null(strcasestr(server->request, "\r\nexpect:"));
}

static void test_lookup_posts_to_the_subject_itself(void **state)
{
    struct server *server = *state;
    struct egw_registry *registry = client(server, "", NULL, NULL);
    int32_t id = 0;

    start(server, ANSWER, REPLY("200 OK", "{\"subject\":\"a\",\"id\":9,\"version\":1}"));
    assert_int_equal(egw_registry_lookup(registry, EGW_STR("a b/c"), EGW_STR("\"int\""), &id, NULL),
                     EGW_OK);
    assert_int_equal(id, 9);
    egw_registry_free(registry);
    stop(server);
    assert_non_null(strstr(server->request, "POST /subjects/a%20b%2Fc HTTP/1.1\r\n"));
}

static void write_password(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void temporary(char *path, size_t n)
{
    int fd;

    (void)snprintf(path, n, "/tmp/test_registry.XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
}

static void test_credentials_are_sent_and_never_told(void **state)
{
    struct server *server = *state;
    struct egw_registry *registry;
    struct egw_error err;
    char path[64];
    int32_t id;

    temporary(path, sizeof(path));
    write_password(path, "s3cret\n", 0600);
    registry = client(server, "", "me", path);
    start(server, ANSWER,
          REPLY("401 Unauthorized", "{\"message\":\"bad s3cret Basic bWU6czNjcmV0\"}"));
    assert_int_equal(egw_registry_register(registry, EGW_STR("s"), EGW_STR("1"), &id, &err),
                     EGW_DENIED);
    assert_string_equal(err.text,
                        "cannot register 's': the registry answered 401: check registry.user");
    egw_registry_free(registry);
    stop(server);
    assert_non_null(strstr(server->request, "\r\nAuthorization: Basic bWU6czNjcmV0\r\n"));
    (void)unlink(path);
}

static void test_a_password_file_others_can_read_is_not_used(void **state)
{
    struct server *server = *state;
    struct egw_registry *registry;
    struct egw_error err;
    struct egw_str schema;
    char path[64], link[80], expected[256];

    temporary(path, sizeof(path));
    write_password(path, "s3cret", 0640);
    registry = client(server, "", "me", path);
    start(server, ANSWER, REPLY("200 OK", "{\"schema\":\"x\"}"));
    (void)snprintf(expected, sizeof(expected),
                   "cannot fetch schema 1: '%s' is open to other users (mode 640)", path);
    assert_int_equal(egw_registry_fetch(registry, 1, 0, &schema, &err), EGW_DENIED);
    assert_string_equal(err.text, expected);
    write_password(path, "s3cret", 0600); /* read anew for each call */
    assert_int_equal(egw_registry_fetch(registry, 1, 0, &schema, &err), EGW_OK);
    egw_registry_free(registry);

    (void)snprintf(link, sizeof(link), "%s.link", path);
    assert_int_equal(symlink(path, link), 0);
    registry = client(server, "", "me", link);
    assert_int_equal(egw_registry_fetch(registry, 1, 0, &schema, &err), EGW_DENIED);
    egw_registry_free(registry);
    stop(server);
    assert_int_equal(server->requests, 1);
    (void)unlink(link);
    (void)unlink(path);
}

static void test_proxies_of_the_environment_are_ignored(void **state)
{
    struct server *server = *state;
    struct egw_registry *registry = client(server, "", NULL, NULL);
    struct egw_str schema;

    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
    start(server, ANSWER, REPLY("200 OK", "{\"schema\":\"x\"}"));
    assert_int_equal(egw_registry_fetch(registry, 1, 0, &schema, NULL), EGW_OK);
    (void)unsetenv("http_proxy");
    (void)unsetenv("ALL_PROXY");
    egw_registry_free(registry);
}

/* ---- what is answered ---- */

struct answer_case {
    enum manner manner;
    const char *answer;
    enum egw_status status;
    const char *message; /* NULL: the transport's own words */
};

static const struct answer_case answers[] = {
    {ANSWER, REPLY("404 Not Found", "{\"error_code\":40403,\"message\":\"Schema not found\"}"),
     EGW_NOT_FOUND, "cannot fetch schema 5: the registry has none (40403)"},
    {ANSWER, REPLY("404 Not Found", "<html>"), EGW_RETRY,
     "cannot fetch schema 5: the registry answered 404 without a code of its own: check the path "
     "of registry.url"},
    {ANSWER, REPLY("404 Not Found", "{\"error_code\":404}"), EGW_RETRY,
     "cannot fetch schema 5: the registry answered 404 without a code of its own: check the path "
     "of registry.url"},
    {ANSWER, REPLY("401 Unauthorized", ""), EGW_DENIED,
     "cannot fetch schema 5: the registry answered 401: check registry.user"},
    {ANSWER, REPLY("403 Forbidden", ""), EGW_DENIED,
     "cannot fetch schema 5: the registry answered 403: check registry.user"},
    {ANSWER, REPLY("408 Request Timeout", ""), EGW_RETRY,
     "cannot fetch schema 5: the registry answered 408"},
    {ANSWER, REPLY("429 Too Many Requests", ""), EGW_RETRY,
     "cannot fetch schema 5: the registry answered 429"},
    {ANSWER, REPLY("500 Internal Server Error", "{\"error_code\":50001}"), EGW_RETRY,
     "cannot fetch schema 5: the registry answered 500"},
    {ANSWER, REPLY("503 Service Unavailable", ""), EGW_RETRY,
     "cannot fetch schema 5: the registry answered 503"},
    {ANSWER, REPLY("409 Conflict", "{\"error_code\":409,\"message\":\"in\\ncompatible\"}"),
     EGW_INVALID, "cannot fetch schema 5: the registry answered 409: in compatible"},
    {ANSWER, REPLY("422 Unprocessable", "{\"error_code\":42201,\"message\":\"bad schema\"}"),
     EGW_INVALID, "cannot fetch schema 5: the registry answered 422: bad schema"},
    {ANSWER, REPLY("400 Bad Request", "no JSON"), EGW_INVALID,
     "cannot fetch schema 5: the registry answered 400"},
    {ANSWER, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
     EGW_INVALID, "cannot fetch schema 5: the registry answered 302: redirects are not followed"},
    {ANSWER, "HTTP/1.1 307 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
     EGW_INVALID, "cannot fetch schema 5: the registry answered 307: redirects are not followed"},
    {ANSWER, REPLY("200 OK", "<html>sign in</html>"), EGW_INVALID,
     "cannot fetch schema 5: the answer is no JSON object"},
    {ANSWER, REPLY("200 OK", "[]"), EGW_INVALID,
     "cannot fetch schema 5: the answer is no JSON object"},
    {ANSWER, REPLY("200 OK", ""), EGW_INVALID,
     "cannot fetch schema 5: the answer is no JSON object"},
    {ANSWER, REPLY("200 OK", "{\"schema\":\"x\",\"schema\":\"y\"}"), EGW_INVALID,
     "cannot fetch schema 5: the answer is no JSON object"},
    {ANSWER, REPLY("200 OK", "{\"schema\":5}"), EGW_INVALID,
     "cannot fetch schema 5: the answer has no schema"},
    {ANSWER, REPLY("200 OK", "{\"schema\":\"x\",\"schemaType\":\"JSON\"}"), EGW_INVALID,
     "cannot fetch schema 5: the schema is not of type AVRO"},
    {ANSWER, REPLY("200 OK", "{\"schema\":\"x\",\"references\":[{}]}"), EGW_INVALID,
     "cannot fetch schema 5: the schema refers to others"},
    {ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n", EGW_INVALID,
     "cannot fetch schema 5: the registry's answer is larger than 1 MiB"},
    {ENDLESS_BODY, REPLY("200 OK", "{\"schema\":\""), EGW_INVALID,
     "cannot fetch schema 5: the registry's answer is larger than 1 MiB"},
    {ENDLESS_HEADERS, "", EGW_INVALID,
     "cannot fetch schema 5: the registry's answer is larger than 1 MiB"},
    {ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"schema\":\"x\"}", EGW_RETRY, NULL},
    {ANSWER, "SSH-2.0-OpenSSH\r\n", EGW_INVALID, NULL},
    {HANG_UP, "", EGW_RETRY, NULL},
    {SAY_NOTHING, "", EGW_RETRY, NULL},
    {DRIP, REPLY("200 OK", "{\"schema\":\"a long wait for little\"}"), EGW_RETRY, NULL},
};

static void test_every_class_of_answer_has_its_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < EGW_COUNT(answers); i++) {
        void *own = NULL;
        struct egw_registry *registry;
        struct egw_error err = {.text = ""};
        struct egw_str schema;
        enum egw_status st;

        assert_int_equal(setup(&own), 0);
        registry = client(own, "", NULL, NULL);
        start(own, answers[i].manner, answers[i].answer);
        st = egw_registry_fetch(registry, 5, 0, &schema, &err);
        if (st != answers[i].status)
            fail_msg("'%.60s': %s (%s)", answers[i].answer, egw_status_name(st), err.text);
        if (answers[i].message)
            assert_string_equal(err.text, answers[i].message);
        egw_registry_free(registry);
        (void)teardown(&own);
    }
}

static void test_a_schema_past_64_kib_is_refused(void **state)
{
    static char text[EGW_REGISTRY_SCHEMA_MAX + 200];
    struct server *server = *state;
    struct egw_registry *registry = client(server, "", NULL, NULL);
    struct egw_error err;
    struct egw_str schema;
    size_t n = (size_t)snprintf(text, sizeof(text), "%s", REPLY("200 OK", "{\"schema\":\""));

    memset(text + n, 'x', EGW_REGISTRY_SCHEMA_MAX + 1);
    (void)snprintf(text + n + EGW_REGISTRY_SCHEMA_MAX + 1, 8, "\"}");
    start(server, ANSWER, text);
    assert_int_equal(egw_registry_fetch(registry, 5, 0, &schema, &err), EGW_INVALID);
    assert_string_equal(err.text, "cannot fetch schema 5: the schema is larger than 64 KiB");
    egw_registry_free(registry);
}

static void test_a_registry_that_is_down_is_a_matter_of_retry(void **state)
{
    struct server *server = *state;
    struct egw_registry *registry = client(server, "", NULL, NULL);
    struct egw_error err;
    int32_t id;

    (void)shutdown(server->fd, SHUT_RDWR); /* no thread: the port refuses */
    assert_int_equal(egw_registry_register(registry, EGW_STR("s"), EGW_STR("1"), &id, &err),
                     EGW_RETRY);
    assert_non_null(strstr(err.text, "cannot register 's': no answer from the registry: "));
    egw_registry_free(registry);
}

static void test_an_id_out_of_range_is_refused(void **state)
{
    static const char *const bodies[] = {"{}", "{\"id\":\"7\"}", "{\"id\":-1}",
                                         "{\"id\":2147483648}", "{\"id\":7.0}"};
    struct egw_error err;
    int32_t id = 1;

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(bodies); i++) {
        assert_int_equal(egw_registry_read_id(egw_str_of(bodies[i]), &id, &err), EGW_INVALID);
        assert_string_equal(err.text, "the answer has no usable id");
    }
    assert_int_equal(id, 1);
}

static void test_a_subject_without_a_name_is_refused_before_any_call(void **state)
{
    static const char *const subjects[] = {"", ".", ".."};
    struct egw_registry *registry = client(*state, "", NULL, NULL);
    int32_t id;

    for (size_t i = 0; i < EGW_COUNT(subjects); i++)
        assert_int_equal(
            egw_registry_register(registry, egw_str_of(subjects[i]), EGW_STR("1"), &id, NULL),
            EGW_INVALID);
    egw_registry_free(registry);
}

/* ---- the cache ---- */

static void test_a_schema_is_asked_for_once(void **state)
{
    struct server *server = *state;
    struct egw_registry *registry = client(server, "", NULL, NULL);
    struct egw_str schema = EGW_STR_NONE;

    start(
        server, ANSWER,
        REPLY("200 OK", "{\"schema\":\"\\\"int\\\"\",\"schemaType\":\"AVRO\",\"references\":[]}"));
    for (int64_t t = 0; t < 3; t++) {
        assert_int_equal(egw_registry_fetch(registry, 5, t * 1000000, &schema, NULL), EGW_OK);
        assert_true(egw_str_is(schema, "\"int\""));
    }
    egw_registry_free(registry);
    stop(server);
    assert_int_equal(server->requests, 1);
    assert_non_null(strstr(server->request, "GET /schemas/ids/5 HTTP/1.1\r\n"));
}

static void test_a_definite_none_is_believed_for_a_minute(void **state)
{
    struct server *server = *state;
    struct egw_registry *registry = client(server, "", NULL, NULL);
    struct egw_str schema;
    struct egw_error err;

    start(server, ANSWER, REPLY("404 Not Found", "{\"error_code\":40403}"));
    assert_int_equal(egw_registry_fetch(registry, 5, 1000, &schema, &err), EGW_NOT_FOUND);
    assert_int_equal(egw_registry_fetch(registry, 5, 60999, &schema, &err), EGW_NOT_FOUND);
    assert_string_equal(err.text, "cannot fetch schema 5: the registry had none");
    assert_int_equal(egw_registry_fetch(registry, 5, 61000, &schema, &err), EGW_NOT_FOUND);
    assert_string_equal(err.text, "cannot fetch schema 5: the registry has none (40403)");
    egw_registry_free(registry);
    stop(server);
    assert_int_equal(server->requests, 2);
}

static void test_no_more_than_256_ids_are_kept(void **state)
{
    struct server *server = *state;
    struct egw_registry *registry = client(server, "", NULL, NULL);
    struct egw_str schema;

    start(server, ANSWER, REPLY("200 OK", "{\"schema\":\"x\"}"));
    for (int32_t id = 0; id <= EGW_REGISTRY_CACHE; id++)
        assert_int_equal(egw_registry_fetch(registry, id, 0, &schema, NULL), EGW_OK);
    assert_int_equal(egw_registry_fetch(registry, EGW_REGISTRY_CACHE, 0, &schema, NULL), EGW_OK);
    assert_int_equal(egw_registry_fetch(registry, 1, 0, &schema, NULL), EGW_OK);
    assert_int_equal(egw_registry_fetch(registry, 0, 0, &schema, NULL),
                     EGW_OK); /* was pushed out */
    egw_registry_free(registry);
    stop(server);
    assert_int_equal(server->requests, EGW_REGISTRY_CACHE + 2);
}

static void test_trouble_is_not_remembered(void **state)
{
    struct server *server = *state;
    struct egw_registry *registry = client(server, "", NULL, NULL);
    struct egw_str schema;

    start(server, ANSWER, REPLY("503 Service Unavailable", ""));
    assert_int_equal(egw_registry_fetch(registry, 5, 0, &schema, NULL), EGW_RETRY);
    assert_int_equal(egw_registry_fetch(registry, 5, 0, &schema, NULL), EGW_RETRY);
    egw_registry_free(registry);
    stop(server);
    assert_int_equal(server->requests, 2);
}

/* ---- the address ---- */

static void test_addresses_that_are_not_safe_are_refused(void **state)
{
    static const struct {
        const char *url, *message;
    } cases[] = {
        {"", "registry.url is not a usable address"},
        {"http://", "registry.url is not a usable address"},
        {"https://a b/", "registry.url is not a usable address"},
        {"https://a/\r\nX: y", "registry.url is not a usable address"},
        {"https://a/../b", "registry.url is not a usable address"},
        {"https://a\\b", "registry.url is not a usable address"},
        {"file:///etc/passwd", "registry.url is neither https nor http"},
        {"ftp://127.0.0.1/", "registry.url is neither https nor http"},
        {"http://registry.example/", "registry.url is plain http to another host than this one"},
        {"http://127.0.0.1.example/", "registry.url is plain http to another host than this one"},
        {"http://localhost.example/", "registry.url is plain http to another host than this one"},
        {"http://10.0.0.1/", "registry.url is plain http to another host than this one"},
        {"https://me:pw@a/", "registry.url holds credentials; they belong in registry.user and "
                             "registry.password_file"},
        {"http://127.0.0.1@evil.example/", "registry.url holds credentials; they belong in "
                                           "registry.user and registry.password_file"},
        {"https://a/?x=1", "registry.url has a query or fragment"},
        {"https://a/#x", "registry.url has a query or fragment"},
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_registry_conf conf = {.url = cases[i].url};
        struct egw_registry *registry = NULL;
        struct egw_error err = {.text = ""};

        if (egw_registry_new(&conf, &registry, &err) != EGW_INVALID)
            fail_msg("accepted: %s", cases[i].url);
        assert_null(registry);
        assert_string_equal(err.text, cases[i].message);
    }
}

static void test_safe_addresses_are_taken(void **state)
{
    static const char *const urls[] = {"https://registry.example/apis/ccompat/v7",
                                       "http://localhost:8081", "http://127.0.0.1:8081/x/",
                                       "http://[::1]:8081"};

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(urls); i++) {
        struct egw_registry_conf conf = {.url = urls[i]};
        struct egw_registry *registry = NULL;

        assert_int_equal(egw_registry_new(&conf, &registry, NULL), EGW_OK);
        egw_registry_free(registry);
    }
    egw_registry_free(NULL);
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_register_posts_the_schema_under_the_path_of_the_url),
        WITH_SERVER(test_lookup_posts_to_the_subject_itself),
        WITH_SERVER(test_credentials_are_sent_and_never_told),
        WITH_SERVER(test_a_password_file_others_can_read_is_not_used),
        WITH_SERVER(test_proxies_of_the_environment_are_ignored),
        cmocka_unit_test(test_every_class_of_answer_has_its_status),
        WITH_SERVER(test_a_schema_past_64_kib_is_refused),
        WITH_SERVER(test_a_registry_that_is_down_is_a_matter_of_retry),
        cmocka_unit_test(test_an_id_out_of_range_is_refused),
        WITH_SERVER(test_a_subject_without_a_name_is_refused_before_any_call),
        WITH_SERVER(test_a_schema_is_asked_for_once),
        WITH_SERVER(test_a_definite_none_is_believed_for_a_minute),
        WITH_SERVER(test_no_more_than_256_ids_are_kept),
        WITH_SERVER(test_trouble_is_not_remembered),
        cmocka_unit_test(test_addresses_that_are_not_safe_are_refused),
        cmocka_unit_test(test_safe_addresses_are_taken),
    };

    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}

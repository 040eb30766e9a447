#include "egw/registry.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "egw/json.h"
#include "secret.h"

enum {
    ANSWER_MAX = 1024 * 1024,
    HEADERS_MAX = 64 * 1024,
    CONNECT_MS = 5000,
    CALL_MS = 30000,
    URL_MAX = 2048,
    MESSAGE_MAX = 160, /* of what the registry says about a refusal */
};

struct cached {
    int32_t id;
    bool used, found;
    int64_t asked_ms;
    char *schema;
    size_t n;
};

struct egw_registry {
    CURL *curl;
    char *url; /* without a slash at the end */
    char *user, *password_file, *ca_file;
    long timeout_ms;
    bool plain; /* http: only to a loopback address */
    struct cached cache[EGW_REGISTRY_CACHE];
    size_t oldest;
};

/* ---- the address ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode initialised;

static void initialise(void)
{
    initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void url_freep(CURLU **url)
{
    curl_url_cleanup(*url);
}

static void curl_freep(char **text)
{
    curl_free(*text);
}

static bool has_part(CURLU *url, CURLUPart part)
{
    EGW_CLEANUP(curl_freep) char *text = NULL;

    return curl_url_get(url, part, &text, 0) == CURLUE_OK;
}

static bool loopback_name(const char *host)
{
    struct in_addr v4;

    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

/* What may be talked to; *ret_plain: over plain HTTP. */
static enum egw_status check_url(CURLU *url, const char *text, bool *ret_plain,
                                 struct egw_error *err)
{
    EGW_CLEANUP(curl_freep) char *scheme = NULL;
    EGW_CLEANUP(curl_freep) char *host = NULL;

    if (strlen(text) > URL_MAX || strstr(text, "..") || strchr(text, '\\') ||
        curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return egw_error_set(err, EGW_INVALID, "registry.url is not a usable address");
    *ret_plain = strcmp(scheme, "http") == 0;
    if (!*ret_plain && strcmp(scheme, "https") != 0)
        return egw_error_set(err, EGW_INVALID, "registry.url is neither https nor http");
    if (curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return egw_error_set(err, EGW_INVALID, "registry.url names no host");
    if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
        return egw_error_set(err, EGW_INVALID,
                             "registry.url holds credentials; they belong in registry.user and "
                             "registry.password_file");
    if (has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT))
        return egw_error_set(err, EGW_INVALID, "registry.url has a query or fragment");
    if (*ret_plain && !loopback_name(host))
        return egw_error_set(err, EGW_INVALID,
                             "registry.url is plain http to another host than this one");
    return EGW_OK;
}

static enum egw_status set_url(struct egw_registry *registry, const char *text,
                               struct egw_error *err)
{
    EGW_CLEANUP(url_freep) CURLU *url = curl_url();
    EGW_CLEANUP(curl_freep) char *whole = NULL;
    enum egw_status st;
    size_t n;

    if (!url)
        return egw_error_set(err, EGW_NOMEM, "no memory for a registry");
    st = check_url(url, text, &registry->plain, err);
    if (st)
        return st;
    if (curl_url_get(url, CURLUPART_URL, &whole, 0) != CURLUE_OK)
        return egw_error_set(err, EGW_INVALID, "registry.url is not a usable address");
    for (n = strlen(whole); n && whole[n - 1] == '/'; n--)
        ;
    registry->url = strndup(whole, n);
    return registry->url ? EGW_OK : egw_error_set(err, EGW_NOMEM, "no memory for a registry");
}

/* ---- life ---- */

static void forget(struct cached *entry)
{
    free(entry->schema);
    *entry = (struct cached){0};
}

void egw_registry_free(struct egw_registry *registry)
{
    if (!registry)
        return;
    for (size_t i = 0; i < EGW_REGISTRY_CACHE; i++)
        forget(&registry->cache[i]);
    curl_easy_cleanup(registry->curl);
    free(registry->url);
    free(registry->user);
    free(registry->password_file);
    free(registry->ca_file);
    free(registry);
}

static void registry_freep(struct egw_registry **registry)
{
    egw_registry_free(*registry);
}

/* Empty is absent. False: no memory. */
static bool copy_text(const char *text, char **ret)
{
    *ret = text && *text ? strdup(text) : NULL;
    return *ret || !text || !*text;
}

enum egw_status egw_registry_new(const struct egw_registry_conf *conf, struct egw_registry **ret,
                                 struct egw_error *reterr)
{
    EGW_CLEANUP(registry_freep) struct egw_registry *registry = calloc(1, sizeof(*registry));
    enum egw_status st;

    (void)pthread_once(&once, initialise);
    if (!registry || initialised != CURLE_OK || !copy_text(conf->user, &registry->user) ||
        !copy_text(conf->password_file, &registry->password_file) ||
        !copy_text(conf->ca_file, &registry->ca_file))
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a registry");
    registry->timeout_ms = CALL_MS;
    if (conf->timeout_ms > 0 && conf->timeout_ms < CALL_MS)
        registry->timeout_ms = (long)conf->timeout_ms;
    st = set_url(registry, conf->url ? conf->url : "", reterr);
    if (st)
        return st;
    registry->curl = curl_easy_init();
    if (!registry->curl)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a registry");
    *ret = registry;
    registry = NULL;
    return EGW_OK;
}

/* ---- one call ---- */

struct call {
    struct egw_registry *registry;
    const char *path;    /* below the url, percent-encoded */
    struct egw_str body; /* p == NULL: GET */
    struct egw_buf answer;
    size_t headers;
    bool too_large;
    char curl_text[CURL_ERROR_SIZE];
};

static void call_end(struct call *call)
{
    egw_buf_free(&call->answer);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct call *call = context;
    size_t n = size * count; /* size is 1, libcurl says */

    if (egw_buf_put(&call->answer, bytes, n) == EGW_OK)
        return n;
    call->too_large = true;
    return 0;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct call *call = context;
    size_t n = size * count;

    (void)bytes;
    call->headers += n;
    if (call->headers <= HEADERS_MAX)
        return n;
    call->too_large = true;
    return 0;
}

static bool loopback_address(const struct sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof(v4));
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    }
    if (address->sa_family == AF_INET6) {
        memcpy(&v6, address, sizeof(v6));
        return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    }
    return false;
}

/* After the name was looked up: a "localhost" that is none gets no plain text. */
static curl_socket_t on_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    const struct call *call = context;

    (void)purpose;
    if (call->registry->plain && !loopback_address(&address->addr))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Decides, once, what a failed transfer asks of us. */
static enum egw_status from_curl(CURLcode code, const struct call *call, struct egw_error *err)
{
    const char *text = call->curl_text[0] ? call->curl_text : curl_easy_strerror(code);

    if (call->too_large || code == CURLE_FILESIZE_EXCEEDED)
        return egw_error_set(err, EGW_INVALID, "the registry's answer is larger than 1 MiB");
    switch (code) {
    case CURLE_OK:
        return EGW_OK;
    case CURLE_OUT_OF_MEMORY:
        return egw_error_set(err, EGW_NOMEM, "no memory to ask the registry");
    case CURLE_UNSUPPORTED_PROTOCOL: /* an answer that is not HTTP/1.x, too */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_BAD_CONTENT_ENCODING:
        return egw_error_set(err, EGW_INVALID, "cannot talk to the registry: %s", text);
    default: /* not reached, broken off, too slow, or not who it should be */
        return egw_error_set(err, EGW_RETRY, "no answer from the registry: %s", text);
    }
}

/* Every option that could weaken us is named, whatever its default is in this version. */
static bool set_safety(CURL *curl, bool plain)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    bool ok = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, plain ? "http" : "https") == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https") == CURLE_OK;
#else
    bool ok = curl_easy_setopt(curl, CURLOPT_PROTOCOLS,
                               (long)(plain ? CURLPROTO_HTTP : CURLPROTO_HTTPS)) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, (long)CURLPROTO_HTTPS) == CURLE_OK;
#endif

    return ok && curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_UNRESTRICTED_AUTH, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
}

static bool set_limits(CURL *curl, long timeout_ms)
{
    long connect_ms = timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS;

    return curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1024L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 10L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_MAXFILESIZE, (long)ANSWER_MAX) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, 60L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
}

static bool set_call(CURL *curl, struct call *call, const char *url,
                     const struct curl_slist *headers)
{
    bool ok = curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, call->curl_text) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_WRITEDATA, call) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_HEADERDATA, call) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, call) == CURLE_OK;

    if (ok && call->registry->ca_file)
        ok = curl_easy_setopt(curl, CURLOPT_CAINFO, call->registry->ca_file) == CURLE_OK;
    if (ok && call->body.p)
        ok = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)call->body.n) == CURLE_OK &&
             curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body.p) == CURLE_OK;
    return ok;
}

static enum egw_status set_credentials(const struct egw_registry *registry, CURL *curl,
                                       struct egw_error *err)
{
    EGW_CLEANUP(egw_secret_wipe) struct egw_secret password = {.text = ""};
    enum egw_status st;

    if (!registry->user)
        return EGW_OK;
    if (registry->password_file) {
        st = egw_secret_read(registry->password_file, &password, err);
        if (st)
            return st;
    }
    if (curl_easy_setopt(curl, CURLOPT_USERNAME, registry->user) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_PASSWORD, password.text) != CURLE_OK)
        return egw_error_set(err, EGW_NOMEM, "no memory to ask the registry");
    return EGW_OK;
}

static void slist_freep(struct curl_slist **list)
{
    curl_slist_free_all(*list);
}

static bool add_header(struct curl_slist **list, const char *header)
{
    struct curl_slist *longer = curl_slist_append(*list, header);

    if (longer)
        *list = longer;
    return longer != NULL;
}

/* Send and receive; *ret_code is the HTTP status. EGW_OK says only that there is one. */
static enum egw_status transfer(struct call *call, long *ret_code, struct egw_error *err)
{
    EGW_CLEANUP(slist_freep) struct curl_slist *headers = NULL;
    EGW_CLEANUP(egw_buf_free) struct egw_buf url = {0};
    CURL *curl = call->registry->curl;
    enum egw_status st;
    CURLcode code;

    curl_easy_reset(curl); /* options of the call before; connections stay */
    if (egw_buf_printf(&url, "%s%s", call->registry->url, call->path) != EGW_OK ||
        !add_header(&headers, "Accept: application/vnd.schemaregistry.v1+json, application/json") ||
        !add_header(&headers, "Content-Type: application/vnd.schemaregistry.v1+json") ||
        !add_header(&headers, "Expect:") || !set_safety(curl, call->registry->plain) ||
        !set_limits(curl, call->registry->timeout_ms) ||
        !set_call(curl, call, (const char *)url.p, headers))
        return egw_error_set(err, EGW_NOMEM, "cannot prepare a call to the registry");
    st = set_credentials(call->registry, curl, err);
    if (!st) {
        code = curl_easy_perform(curl);
        st = from_curl(code, call, err);
    }
    if (!st)
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_code);
    curl_easy_reset(curl); /* nothing in it may point into this frame, nor keep the password */
    return st;
}

/* 404 is definite only with the registry's own code: a wrong path answers 404 as well. */
static bool definite(int64_t code)
{
    return code == 40401 || code == 40402 || code == 40403;
}

/* 2xx done; 401, 403 denied; definite 404 none; other 404, 408, 425, 429, 5xx retry; rest never. */
static enum egw_status from_http(long http, struct egw_str answer, struct egw_error *err)
{
    char message[MESSAGE_MAX];
    int64_t code;

    if (http >= 200 && http < 300)
        return EGW_OK;
    if (http == 401 || http == 403)
        return egw_error_set(err, EGW_DENIED, "the registry answered %ld: check registry.user",
                             http);
    if (http >= 300 && http < 400)
        return egw_error_set(err, EGW_INVALID,
                             "the registry answered %ld: redirects are not followed", http);
    if (http == 408 || http == 425 || http == 429 || http >= 500)
        return egw_error_set(err, EGW_RETRY, "the registry answered %ld", http);
    code = egw_registry_read_error(answer, message, sizeof(message));
    if (http == 404 && definite(code))
        return egw_error_set(err, EGW_NOT_FOUND, "the registry has none (%lld)", (long long)code);
    if (http == 404)
        return egw_error_set(
            err, EGW_RETRY,
            "the registry answered 404 without a code of its own: check the path of "
            "registry.url");
    return egw_error_set(err, EGW_INVALID, "the registry answered %ld%s%s", http,
                         message[0] ? ": " : "", message);
}

static enum egw_status perform(struct call *call, struct egw_error *err)
{
    long http = 0;
    enum egw_status st;

    call->answer.max = ANSWER_MAX;
    st = transfer(call, &http, err);
    return st ? st : from_http(http, egw_buf_str(&call->answer), err);
}

/* ---- register, look up ---- */

static enum egw_status subject_path(CURL *curl, struct egw_str subject, const char *after,
                                    struct egw_buf *ret, struct egw_error *err)
{
    EGW_CLEANUP(curl_freep) char *segment = NULL;

    if (subject.n == 0 || subject.n > 255 || egw_str_is(subject, ".") || egw_str_is(subject, ".."))
        return egw_error_set(err, EGW_INVALID, "'%.*s' is no usable subject", EGW_FMT(subject));
    segment = curl_easy_escape(curl, subject.p, (int)subject.n);
    if (!segment || egw_buf_printf(ret, "/subjects/%s%s", segment, after) != EGW_OK)
        return egw_error_set(err, EGW_NOMEM, "no memory to ask the registry");
    return EGW_OK;
}

static enum egw_status schema_body(struct egw_str schema, struct egw_buf *ret,
                                   struct egw_error *err)
{
    static const char head[] = "{\"schemaType\":\"AVRO\",\"schema\":";

    if (schema.n > EGW_REGISTRY_SCHEMA_MAX)
        return egw_error_set(err, EGW_INVALID, "the schema is larger than 64 KiB");
    if (egw_buf_put(ret, head, sizeof(head) - 1) != EGW_OK ||
        egw_json_string(schema, ret) != EGW_OK || egw_buf_put(ret, "}", 1) != EGW_OK)
        return egw_error_set(err, EGW_NOMEM, "no memory to ask the registry");
    return EGW_OK;
}

static enum egw_status post_schema(struct egw_registry *registry, struct egw_str subject,
                                   const char *after, struct egw_str schema, int32_t *ret_id,
                                   struct egw_error *err)
{
    EGW_CLEANUP(egw_buf_free) struct egw_buf path = {0};
    EGW_CLEANUP(egw_buf_free) struct egw_buf body = {0};
    EGW_CLEANUP(call_end) struct call call = {.registry = registry};
    enum egw_status st = subject_path(registry->curl, subject, after, &path, err);

    if (!st)
        st = schema_body(schema, &body, err);
    if (st)
        return st;
    call.path = (const char *)path.p;
    call.body = egw_buf_str(&body);
    st = perform(&call, err);
    return st ? st : egw_registry_read_id(egw_buf_str(&call.answer), ret_id, err);
}

enum egw_status egw_registry_register(struct egw_registry *registry, struct egw_str subject,
                                      struct egw_str schema, int32_t *ret_id,
                                      struct egw_error *reterr)
{
    enum egw_status st = post_schema(registry, subject, "/versions", schema, ret_id, reterr);

    return st ? egw_error_prefix(reterr, st, "cannot register '%.*s'", EGW_FMT(subject)) : EGW_OK;
}

enum egw_status egw_registry_lookup(struct egw_registry *registry, struct egw_str subject,
                                    struct egw_str schema, int32_t *ret_id,
                                    struct egw_error *reterr)
{
    enum egw_status st = post_schema(registry, subject, "", schema, ret_id, reterr);

    return st ? egw_error_prefix(reterr, st, "cannot look up '%.*s'", EGW_FMT(subject)) : EGW_OK;
}

/* ---- fetch ---- */

/* A schema never changes; "there is none" is believed for a while. */
static const struct cached *remembered(const struct egw_registry *registry, int32_t id,
                                       int64_t now_ms)
{
    for (size_t i = 0; i < EGW_REGISTRY_CACHE; i++) {
        const struct cached *entry = &registry->cache[i];

        if (entry->used && entry->id == id &&
            (entry->found || now_ms - entry->asked_ms < EGW_REGISTRY_NEGATIVE_MS))
            return entry;
    }
    return NULL;
}

/* The entry of id, or the oldest, emptied. */
static struct cached *room(struct egw_registry *registry, int32_t id)
{
    struct cached *entry = NULL;

    for (size_t i = 0; i < EGW_REGISTRY_CACHE && !entry; i++) {
        if (registry->cache[i].used && registry->cache[i].id == id)
            entry = &registry->cache[i];
    }
    if (!entry) {
        entry = &registry->cache[registry->oldest];
        registry->oldest = (registry->oldest + 1) % EGW_REGISTRY_CACHE;
    }
    forget(entry);
    return entry;
}

static enum egw_status ask(struct egw_registry *registry, int32_t id, struct egw_buf *ret_schema,
                           struct egw_error *err)
{
    EGW_CLEANUP(call_end) struct call call = {.registry = registry};
    char path[40];
    enum egw_status st;

    (void)snprintf(path, sizeof(path), "/schemas/ids/%d", id);
    call.path = path;
    st = perform(&call, err);
    if (st == EGW_OK)
        st = egw_registry_read_schema(egw_buf_str(&call.answer), ret_schema, err);
    return st ? egw_error_prefix(err, st, "cannot fetch schema %d", id) : EGW_OK;
}

enum egw_status egw_registry_fetch(struct egw_registry *registry, int32_t id, int64_t now_ms,
                                   struct egw_str *ret_schema, struct egw_error *reterr)
{
    const struct cached *known = remembered(registry, id, now_ms);
    EGW_CLEANUP(egw_buf_free) struct egw_buf schema = {.max = EGW_REGISTRY_SCHEMA_MAX};
    struct cached *entry;
    enum egw_status st;

    if (known && !known->found)
        return egw_error_set(reterr, EGW_NOT_FOUND, "cannot fetch schema %d: the registry had none",
                             id);
    if (!known) {
        st = ask(registry, id, &schema, reterr);
        if (st && st != EGW_NOT_FOUND)
            return st;
        entry = room(registry, id);
        *entry = (struct cached){.id = id, .used = true, .found = st == EGW_OK, .asked_ms = now_ms};
        if (st)
            return st;
        entry->schema = (char *)schema.p; /* the buffer becomes the cache's */
        entry->n = schema.n;
        schema = (struct egw_buf){0};
        known = entry;
    }
    *ret_schema = (struct egw_str){known->schema ? known->schema : "", known->n};
    return EGW_OK;
}

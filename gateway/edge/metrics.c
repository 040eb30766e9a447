/*
 * The HTTP side of metrics. libmicrohttpd serves all connections from one thread of its own; a slow
 * client costs a connection, never the loop. The socket is ours, so that what is wrong with it is
 * said in our words, before anything else has begun.
 */
#include "egw/metrics.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    CLIENTS_MAX = 32,
    CLIENT_S = 10,       /* one that says nothing is cut off */
    CLIENT_BYTES = 8192, /* of a request, headers included */
    BACKLOG = 16,
    PORT_MAX = 65535,
};

struct egw_metrics {
    struct egw_metrics_conf conf;
    struct MHD_Daemon *daemon;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* of the socket; empty: none */

    pthread_mutex_t lock;             /* over what follows */
    bool published;                   /* sample holds something */
    struct egw_metrics_sample sample; /* lags and outcomes lie in the two below */
    struct egw_runtime_lag *lags;
    uint64_t *outcomes;
    size_t lag_cap, outcome_cap;
};

/* ---- the sample ---- */

static size_t outcome_count(const struct egw_metrics_sample *sample)
{
    return sample->action_count * sample->channel_count;
}

/* Room for n items in *ret, whose old contents are of no use. */
static bool make_room(void *ret, size_t *cap, size_t n, size_t size)
{
    void *fresh;

    if (n <= *cap)
        return true;
    fresh = calloc(n, size);
    if (!fresh)
        return false;
    free(*(void **)ret);
    *(void **)ret = fresh;
    *cap = n;
    return true;
}

static enum egw_status keep(struct egw_metrics *metrics, const struct egw_metrics_sample *sample)
{
    size_t outcomes = outcome_count(sample);

    if (!make_room(&metrics->lags, &metrics->lag_cap, sample->lag_count, sizeof(*metrics->lags)) ||
        !make_room(&metrics->outcomes, &metrics->outcome_cap, outcomes, sizeof(*metrics->outcomes)))
        return EGW_NOMEM;
    if (sample->lag_count)
        memcpy(metrics->lags, sample->lags, sample->lag_count * sizeof(*metrics->lags));
    if (outcomes)
        memcpy(metrics->outcomes, sample->outcomes, outcomes * sizeof(*metrics->outcomes));
    metrics->sample = *sample;
    metrics->sample.lags = metrics->lags;
    metrics->sample.outcomes = metrics->outcomes;
    metrics->published = true;
    return EGW_OK;
}

enum egw_status egw_metrics_publish(struct egw_metrics *metrics,
                                    const struct egw_metrics_sample *sample)
{
    enum egw_status st;

    (void)pthread_mutex_lock(&metrics->lock);
    st = keep(metrics, sample);
    if (st) /* the old arrays may be gone */
        metrics->published = false;
    (void)pthread_mutex_unlock(&metrics->lock);
    return st;
}

/* ---- what is asked for when somebody looks ---- */

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t cpu_ms(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage))
        return 0;
    return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static int64_t resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    long long pages = 0;

    if (!f)
        return 0;
    if (fscanf(f, "%*s %lld", &pages) != 1)
        pages = 0;
    (void)fclose(f);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static struct egw_metrics_now look(const struct egw_metrics *metrics)
{
    struct egw_metrics_now now = {
        .wall_ms = clock_ms(CLOCK_REALTIME),
        .mono_ms = clock_ms(CLOCK_BOOTTIME), /* the log port's clock */
        .cpu_ms = cpu_ms(),
        .resident_bytes = resident_bytes(),
    };

    now.turn_age_ms = metrics->conf.turn_age(metrics->conf.user, &now.live);
    return now;
}

/* ---- pages ---- */

/* Each appends its text and returns the HTTP status; 0: no memory. */
static unsigned page_metrics(struct egw_metrics *metrics, struct egw_buf *out)
{
    struct egw_metrics_now now = look(metrics);
    enum egw_status st;

    (void)pthread_mutex_lock(&metrics->lock);
    st = egw_metrics_render(&metrics->conf.about, metrics->published ? &metrics->sample : NULL,
                            &now, out);
    (void)pthread_mutex_unlock(&metrics->lock);
    return st ? 0 : MHD_HTTP_OK;
}

static unsigned page_ready(struct egw_metrics *metrics, struct egw_buf *out)
{
    struct egw_metrics_now now = look(metrics);
    char why[EGW_METRICS_REASON];
    bool ready;

    (void)pthread_mutex_lock(&metrics->lock);
    ready = egw_metrics_ready(metrics->published ? &metrics->sample : NULL, now.live, why);
    (void)pthread_mutex_unlock(&metrics->lock);
    if (egw_buf_printf(out, ready ? "ready\n" : "not ready: %s\n", why))
        return 0;
    return ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned page_live(struct egw_metrics *metrics, struct egw_buf *out)
{
    bool live = look(metrics).live;

    if (egw_buf_printf(out, "%s\n", live ? "live" : "not live: the loop is stuck"))
        return 0;
    return live ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static const struct page {
    const char *path, *type;
    unsigned (*write)(struct egw_metrics *metrics, struct egw_buf *out);
} pages[] = {
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", page_metrics},
    {"/ready", "text/plain; charset=utf-8", page_ready},
    {"/live", "text/plain; charset=utf-8", page_live},
};

static const struct page *find_page(const char *path)
{
    for (size_t i = 0; i < EGW_COUNT(pages); i++) {
        if (strcmp(pages[i].path, path) == 0)
            return &pages[i];
    }
    return NULL;
}

/* Takes the bytes of body. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              struct egw_buf *body)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->n, body->p, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result result;

    if (!response) {
        egw_buf_free(body);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result serve(void *user, struct MHD_Connection *connection, const char *url,
                             const char *method, const char *version, const char *upload,
                             size_t *upload_n, void **state)
{
    const struct page *page = find_page(url);
    const char *type = page ? page->type : pages[1].type;
    struct egw_buf body = {0};
    unsigned status;

    (void)version;
    (void)upload;
    (void)upload_n;
    (void)state;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        status = egw_buf_printf(&body, "only GET and HEAD\n") ? 0 : MHD_HTTP_METHOD_NOT_ALLOWED;
    else if (!page)
        status = egw_buf_printf(&body, "there are /metrics, /ready and /live\n")
                     ? 0
                     : MHD_HTTP_NOT_FOUND;
    else
        status = page->write(user, &body);
    if (!status) { /* no memory: the connection ends without an answer */
        egw_buf_free(&body);
        return MHD_NO;
    }
    return answer(connection, status, type, &body);
}

/* ---- where to listen ---- */

static enum egw_status cannot(enum egw_status st, const char *listen, const char *why,
                              struct egw_error *reterr)
{
    return egw_error_set(reterr, st, "cannot listen on metrics.listen %s: %s", listen, why);
}

/* What the machine lacks a new process may get; anything else is wrong with the address. */
static enum egw_status status_of(int error)
{
    return egw_file_status(error) == EGW_RETRY ? EGW_FATAL : EGW_INVALID;
}

/* Nothing is wrong with the settings where the other one is about to end. */
static enum egw_status taken(const char *listen, struct egw_error *reterr)
{
    return egw_error_set(reterr, EGW_FENCED,
                         "cannot listen on metrics.listen %s: a process listens there; is a worker "
                         "of this slot running already? each worker needs a place of its own, as "
                         "by +slot",
                         listen);
}

static bool is_socket(const char *path)
{
    struct stat info;
    int was = errno;
    bool yes = lstat(path, &info) == 0 && S_ISSOCK(info.st_mode);

    errno = was;
    return yes;
}

/* A socket file left by a process that is gone must not be in the way; one that answers must. */
static void remove_leftover(const struct sockaddr_un *address)
{
    struct stat file;
    int fd;

    if (lstat(address->sun_path, &file) || !S_ISSOCK(file.st_mode))
        return;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) && errno == ECONNREFUSED)
        (void)unlink(address->sun_path);
    (void)close(fd);
}

static int bind_and_listen(const struct sockaddr *address, socklen_t n)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1;

    if (fd < 0)
        return -1;
    if (address->sa_family != AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, address, n) || listen(fd, BACKLOG)) {
        int why = errno;

        (void)close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static enum egw_status listen_unix(struct egw_metrics *metrics, const char *path, int *ret,
                                   struct egw_error *reterr)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path))
        return cannot(EGW_INVALID, metrics->conf.listen, "the path is too long for a socket",
                      reterr);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    remove_leftover(&address);
    *ret = bind_and_listen((const struct sockaddr *)&address, sizeof(address));
    if (*ret < 0 && errno == EADDRINUSE && is_socket(path))
        return taken(metrics->conf.listen, reterr);
    if (*ret < 0)
        return cannot(status_of(errno), metrics->conf.listen, strerror(errno), reterr);
    (void)snprintf(metrics->path, sizeof(metrics->path), "%s", path);
    return EGW_OK;
}

/* "HOST:PORT" or "HOST:PORT+slot", HOST maybe in brackets. */
static bool split(const char *listen, int64_t slot, char host[256], char port[8])
{
    struct egw_str text = egw_str_of(listen), tail;
    static const char plus[] = "+slot";
    bool shifted = text.n > sizeof(plus) - 1 &&
                   memcmp(text.p + text.n - (sizeof(plus) - 1), plus, sizeof(plus) - 1) == 0;
    size_t colon;
    int64_t number;

    if (shifted)
        text.n -= sizeof(plus) - 1;
    for (colon = text.n; colon > 0 && text.p[colon - 1] != ':'; colon--)
        ;
    if (colon < 2)
        return false;
    tail = (struct egw_str){text.p + colon, text.n - colon};
    if (!egw_parse_i64(tail, 1, PORT_MAX, &number))
        return false;
    number += shifted ? slot : 0;
    text.n = colon - 1;
    if (text.p[0] == '[' && text.n > 2 && text.p[text.n - 1] == ']')
        text = (struct egw_str){text.p + 1, text.n - 2};
    if (number > PORT_MAX || text.n >= 256)
        return false;
    memcpy(host, text.p, text.n);
    host[text.n] = '\0';
    (void)snprintf(port, 8, "%d", (int)number);
    return true;
}

static enum egw_status listen_port(struct egw_metrics *metrics, int *ret, struct egw_error *reterr)
{
    const char *listen = metrics->conf.listen;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    char host[256], port[8], why[128];
    int code;

    if (!split(listen, metrics->conf.slot, host, port))
        return cannot(EGW_INVALID, listen, "it is no host and port", reterr);
    code = getaddrinfo(host, port, &hints, &found);
    if (code)
        return cannot(code == EAI_MEMORY || code == EAI_AGAIN ? EGW_FATAL : EGW_INVALID, listen,
                      gai_strerror(code), reterr);
    *ret = bind_and_listen(found->ai_addr, found->ai_addrlen);
    code = errno;
    freeaddrinfo(found);
    if (*ret >= 0)
        return EGW_OK;
    if (code == EADDRINUSE)
        return taken(listen, reterr);
    (void)snprintf(why, sizeof(why), "port %s: %s", port, strerror(code));
    return cannot(status_of(code), listen, why, reterr);
}

static enum egw_status open_socket(struct egw_metrics *metrics, int *ret, struct egw_error *reterr)
{
    const char *listen = metrics->conf.listen;

    if (strncmp(listen, "unix:", 5) == 0)
        return listen_unix(metrics, listen + 5, ret, reterr);
    return listen_port(metrics, ret, reterr);
}

/* ---- life ---- */

enum egw_status egw_metrics_open(const struct egw_metrics_conf *conf, struct egw_metrics **ret,
                                 struct egw_error *reterr)
{
    struct egw_metrics *metrics = calloc(1, sizeof(*metrics));
    int fd;
    enum egw_status st;

    if (!metrics)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for metrics");
    metrics->conf = *conf;
    (void)pthread_mutex_init(&metrics->lock, NULL);
    st = open_socket(metrics, &fd, reterr);
    if (!st) {
        metrics->daemon = MHD_start_daemon(
            MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC, 0, NULL, NULL, serve,
            metrics, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
            (unsigned)CLIENTS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CLIENT_S,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CLIENT_BYTES, MHD_OPTION_END);
        if (!metrics->daemon) {
            (void)close(fd);
            st = cannot(EGW_FATAL, conf->listen, "the HTTP server did not start", reterr);
        }
    }
    if (st) {
        egw_metrics_close(metrics);
        return st;
    }
    *ret = metrics;
    return EGW_OK;
}

void egw_metrics_close(struct egw_metrics *metrics)
{
    if (!metrics)
        return;
    if (metrics->daemon)
        MHD_stop_daemon(metrics->daemon); /* closes the socket */
    if (metrics->path[0])
        (void)unlink(metrics->path);
    (void)pthread_mutex_destroy(&metrics->lock);
    free(metrics->lags);
    free(metrics->outcomes);
    free(metrics);
}

const char *egw_metrics_library(void)
{
    return MHD_get_version();
}

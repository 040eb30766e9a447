/*
 * failing_call - preloaded into egw: the n-th call of a kind fails, as the test says
 *
 * EGW_FAIL=WHO:KIND:FIRST:STEP:ERRNO  call FIRST fails and every STEP-th after it; STEP 0: only it.
 * EGW_FAIL_REPORT=FILE                struct report, shared: it outlives whatever end there is.
 *
 * WHO made the call is told by the address it came from: egw itself or one of its libraries.
 * librdkafka's mock cluster is told from its clients by its thread, or by being set up. The C
 * library's calls within itself do not come by here; what egw prints does, because standard output
 * and standard error become streams of ours (kinds out and err).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <threads.h>
#include <unistd.h>

enum who { EGW, KAFKA, MOCK, HTTP, CURL, WHO_COUNT, OTHERS = WHO_COUNT };
enum kind {
    OUT,
    ERR,
    WRITE,
    SEND,
    READ,
    RECV,
    OPEN,
    RENAME,
    FSYNC,
    SOCKET,
    CONNECT,
    BIND,
    ACCEPT,
    POLL,
    EPOLL,
    PIPE,
    RANDOM,
    THREAD,
    RESOLVE,
    KIND_COUNT
};

static const char *const who_names[] = {"egw", "rdkafka", "mock", "microhttpd", "curl"};
static const char *const kind_names[] = {
    "out",     "err",  "write",  "send", "read",  "recv", "open",   "rename", "fsync",  "socket",
    "connect", "bind", "accept", "poll", "epoll", "pipe", "random", "thread", "resolve"};

/* As failing_calls.py unpacks it. */
struct report {
    uint32_t failed;
    uint32_t calls[WHO_COUNT][KIND_COUNT];
};

static struct report unshared, *report = &unshared;
static struct {
    bool on;
    enum who who;
    enum kind kind;
    uint32_t first, step;
    int error;
} fail;
static struct {
    uintptr_t from, to;
    enum who who;
} ranges[64];
static size_t range_count;
static int bad_fd = -1; /* reading it gives EIO */
static __thread int in_mock;

/* ---- who calls ---- */

static enum who who_is(const char *path, bool first)
{
    if (first) /* the program itself has no name */
        return EGW;
    if (strstr(path, "librdkafka"))
        return KAFKA;
    if (strstr(path, "libmicrohttpd"))
        return HTTP;
    return strstr(path, "libcurl") ? CURL : OTHERS;
}

static int note_range(struct dl_phdr_info *info, size_t size, void *user)
{
    bool *first = user;
    enum who who = who_is(info->dlpi_name, *first);

    (void)size;
    *first = false;
    for (int i = 0; who != OTHERS && i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];

        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X) || range_count == 64)
            continue;
        ranges[range_count].from = info->dlpi_addr + p->p_vaddr;
        ranges[range_count].to = info->dlpi_addr + p->p_vaddr + p->p_memsz;
        ranges[range_count++].who = who;
    }
    return 0;
}

static enum who caller(const void *address)
{
    uintptr_t at = (uintptr_t)address;
    char thread[16] = "";
    enum who who = OTHERS;

    for (size_t i = 0; i < range_count && who == OTHERS; i++) {
        if (at >= ranges[i].from && at < ranges[i].to)
            who = ranges[i].who;
    }
    if (who != KAFKA)
        return who;
    (void)prctl(PR_GET_NAME, thread);
    return in_mock || strcmp(thread, "rdk:mock") == 0 ? MOCK : KAFKA;
}

/* ---- what fails ---- */

static bool is_turn(uint32_t n)
{
    if (n < fail.first)
        return false;
    return fail.step ? (n - fail.first) % fail.step == 0 : n == fail.first;
}

static bool fails_for(enum who who, enum kind kind)
{
    uint32_t n;

    if (who == OTHERS)
        return false;
    n = __atomic_add_fetch(&report->calls[who][kind], 1, __ATOMIC_RELAXED);
    if (!fail.on || who != fail.who || kind != fail.kind || !is_turn(n))
        return false;
    __atomic_store_n(&report->failed, 1, __ATOMIC_RELAXED);
    errno = fail.error;
    return true;
}

static void *next_of(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (!found)
        abort();
    return found;
}

#define NEXT(name) ((__typeof__(&name))next_of(#name))

/* failure: the value that tells it; errno is set. */
#define FAILING(kind, failure, type, name, params, args)                                           \
    type name params                                                                               \
    {                                                                                              \
        static __typeof__(&name) next;                                                             \
                                                                                                   \
        if (!next)                                                                                 \
            next = NEXT(name);                                                                     \
        return fails_for(caller(__builtin_return_address(0)), kind) ? (failure) : next args;       \
    }

/* clang-format off */
FAILING(WRITE, -1, ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
FAILING(WRITE, -1, ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n))
FAILING(WRITE, -1, ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
FAILING(SEND, -1, ssize_t, send, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))
FAILING(SEND, -1, ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
FAILING(SEND, -1, ssize_t, sendto,
        (int fd, const void *p, size_t n, int flags, const struct sockaddr *to, socklen_t size),
        (fd, p, n, flags, to, size))
FAILING(READ, -1, ssize_t, read, (int fd, void *p, size_t n), (fd, p, n))
FAILING(RECV, -1, ssize_t, recv, (int fd, void *p, size_t n, int flags), (fd, p, n, flags))
FAILING(RECV, -1, ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))
FAILING(OPEN, NULL, FILE *, fopen, (const char *path, const char *mode), (path, mode))
FAILING(OPEN, NULL, DIR *, opendir, (const char *path), (path))
FAILING(READ, NULL, struct dirent *, readdir, (DIR *dir), (dir))
FAILING(RENAME, -1, int, rename, (const char *from, const char *to), (from, to))
FAILING(FSYNC, -1, int, fsync, (int fd), (fd))
FAILING(SOCKET, -1, int, socket, (int family, int type, int protocol), (family, type, protocol))
FAILING(CONNECT, -1, int, connect, (int fd, const struct sockaddr *to, socklen_t n), (fd, to, n))
FAILING(BIND, -1, int, bind, (int fd, const struct sockaddr *to, socklen_t n), (fd, to, n))
FAILING(BIND, -1, int, listen, (int fd, int n), (fd, n))
FAILING(ACCEPT, -1, int, accept, (int fd, struct sockaddr *from, socklen_t *n), (fd, from, n))
FAILING(ACCEPT, -1, int, accept4, (int fd, struct sockaddr *from, socklen_t *n, int flags),
        (fd, from, n, flags))
FAILING(POLL, -1, int, poll, (struct pollfd *fds, nfds_t n, int ms), (fds, n, ms))
FAILING(POLL, -1, int, select,
        (int n, fd_set *read, fd_set *write, fd_set *except, struct timeval *time),
        (n, read, write, except, time))
FAILING(EPOLL, -1, int, epoll_create1, (int flags), (flags))
FAILING(EPOLL, -1, int, epoll_wait, (int fd, struct epoll_event *events, int n, int ms),
        (fd, events, n, ms))
FAILING(PIPE, -1, int, eventfd, (unsigned n, int flags), (n, flags))
FAILING(PIPE, -1, int, pipe, (int fds[2]), (fds))
FAILING(PIPE, -1, int, socketpair, (int family, int type, int protocol, int fds[2]),
        (family, type, protocol, fds))
FAILING(RANDOM, -1, ssize_t, getrandom, (void *p, size_t n, unsigned flags), (p, n, flags))
FAILING(THREAD, fail.error, int, pthread_create,
        (pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg),
        (thread, attr, run, arg))
FAILING(THREAD, fail.error == ENOMEM ? thrd_nomem : thrd_error, int, thrd_create,
        (thrd_t *thread, thrd_start_t run, void *arg), (thread, run, arg))
FAILING(RESOLVE, fail.error, int, getaddrinfo,
        (const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **ret),
        (host, port, hints, ret))
/* clang-format on */

/* What fortified callers use instead of poll. */
int __poll_chk(struct pollfd *fds, nfds_t n, int ms, size_t size);

int __poll_chk(struct pollfd *fds, nfds_t n, int ms, size_t size)
{
    static __typeof__(&__poll_chk) next;

    if (!next)
        next = NEXT(__poll_chk);
    return fails_for(caller(__builtin_return_address(0)), POLL) ? -1 : next(fds, n, ms, size);
}

/* Taking out cannot fail for want of anything. */
int epoll_ctl(int fd, int op, int of, struct epoll_event *event)
{
    static __typeof__(&epoll_ctl) next;

    if (!next)
        next = NEXT(epoll_ctl);
    if (op != EPOLL_CTL_DEL && fails_for(caller(__builtin_return_address(0)), EPOLL))
        return -1;
    return next(fd, op, of, event);
}

int open(const char *path, int flags, ...)
{
    static __typeof__(&open) next;
    mode_t mode = 0;
    va_list ap;

    if (!next)
        next = NEXT(open);
    va_start(ap, flags);
    if (flags & (O_CREAT | O_TMPFILE))
        mode = va_arg(ap, mode_t);
    va_end(ap);
    return fails_for(caller(__builtin_return_address(0)), OPEN) ? -1 : next(path, flags, mode);
}

/* The stream must see it itself: it reads from what cannot be read. The error is EIO. */
size_t fread(void *p, size_t size, size_t n, FILE *from)
{
    static __typeof__(&fread) next;

    if (!next)
        next = NEXT(fread);
    if (fails_for(caller(__builtin_return_address(0)), READ))
        (void)dup2(bad_fd, fileno(from));
    return next(p, size, n, from);
}

/* ---- the mock cluster is set up by whoever asks for it ---- */

void *rd_kafka_mock_cluster_new(void *rk, int brokers);

void *rd_kafka_mock_cluster_new(void *rk, int brokers)
{
    static __typeof__(&rd_kafka_mock_cluster_new) next;
    void *made;

    if (!next)
        next = NEXT(rd_kafka_mock_cluster_new);
    in_mock++;
    made = next(rk, brokers);
    in_mock--;
    return made;
}

/* ---- what is printed ---- */

static ssize_t print(void *kind, const char *p, size_t n)
{
    int fd = *(enum kind *)kind == OUT ? STDOUT_FILENO : STDERR_FILENO;
    static __typeof__(&write) next;

    if (!next)
        next = NEXT(write);
    return fails_for(EGW, *(enum kind *)kind) ? 0 : next(fd, p, n); /* 0 is how a cookie fails */
}

static FILE *stream_of(enum kind *kind)
{
    return fopencookie(kind, "w", (cookie_io_functions_t){.write = print});
}

/* ---- set-up ---- */

static int index_of(const char *name, const char *const *names, int n)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    (void)fprintf(stderr, "failing_call: no such thing: %s\n", name);
    _exit(2);
}

static void take_orders(const char *text)
{
    char who[16], kind[16];

    if (sscanf(text, "%15[^:]:%15[^:]:%u:%u:%d", who, kind, &fail.first, &fail.step, &fail.error) !=
        5) {
        (void)fprintf(stderr, "failing_call: EGW_FAIL is not WHO:KIND:FIRST:STEP:ERRNO: %s\n",
                      text);
        _exit(2);
    }
    fail.who = (enum who)index_of(who, who_names, WHO_COUNT);
    fail.kind = (enum kind)index_of(kind, kind_names, KIND_COUNT);
    fail.on = true;
}

static void share_report(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 || ftruncate(fd, sizeof(*report))) {
        (void)fprintf(stderr, "failing_call: no report at %s\n", path);
        _exit(2);
    }
    report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (report == MAP_FAILED)
        _exit(2);
    (void)close(fd);
}

__attribute__((constructor)) static void start(void)
{
    static enum kind out = OUT, err = ERR;
    const char *orders = getenv("EGW_FAIL"), *path = getenv("EGW_FAIL_REPORT");
    bool first = true;

    bad_fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    stdout = stream_of(&out);
    stderr = stream_of(&err);
    (void)setvbuf(stderr, NULL, _IONBF, 0);
    if (path)
        share_report(path);
    if (orders)
        take_orders(orders);
    (void)dl_iterate_phdr(note_range, &first);
}

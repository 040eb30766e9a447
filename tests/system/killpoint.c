/*
 * Preloaded into egw by the system tests: ends or stops the process at the n-th time it comes to a
 * call of librdkafka, before or after it, and says so first.
 *
 * EGW_POINT=POINT[,POINT], POINT: CALL:before|after:N:kill|stop; the second counts once the first
 * was reached.
 *
 * EGW_POINT_FROM=FILE: calls count once the file exists; without it from the start.
 *
 * The process is caught between two of its own steps, at the same one each time; how far the broker
 * has come by then is the broker's affair.
 */
#include <dlfcn.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum when { BEFORE, AFTER };

static struct point {
    char call[64];
    enum when when;
    int left; /* times to come by yet; 0: never */
    int signal;
} points[2]; /* of which the first with some left counts */

/* The text after the point; NULL where it is none. */
static const char *read_point(const char *text, struct point *ret)
{
    char when[8], act[8];
    int end = 0;

    if (sscanf(text, "%63[^:]:%7[a-z]:%d:%7[a-z]%n", ret->call, when, &ret->left, act, &end) != 4 ||
        ret->left < 1)
        return NULL;
    if ((strcmp(when, "before") != 0 && strcmp(when, "after") != 0) ||
        (strcmp(act, "stop") != 0 && strcmp(act, "kill") != 0))
        return NULL;
    ret->when = strcmp(when, "before") == 0 ? BEFORE : AFTER;
    ret->signal = strcmp(act, "stop") == 0 ? SIGSTOP : SIGKILL;
    return text + end;
}

__attribute__((constructor)) static void read_points(void)
{
    const char *text = getenv("EGW_POINT");
    const char *rest;

    if (!text)
        return;
    rest = read_point(text, &points[0]);
    if (rest && *rest == ',')
        rest = read_point(rest + 1, &points[1]);
    if (!rest || *rest) {
        fprintf(stderr,
                "killpoint: EGW_POINT is not one or two of CALL:before|after:N:kill|stop, "
                "with a comma between: %s\n",
                text);
        _exit(2);
    }
}

static void come_by(const char *call, enum when when)
{
    static const char said[] = "killpoint: reached\n";

    struct point *point = &points[__atomic_load_n(&points[0].left, __ATOMIC_RELAXED) < 1];
    const char *from = getenv("EGW_POINT_FROM");

    if (when != point->when || strcmp(call, point->call) != 0)
        return;
    if (from && access(from, F_OK) != 0)
        return;
    if (__atomic_fetch_sub(&point->left, 1, __ATOMIC_RELAXED) != 1)
        return;
    (void)!write(STDERR_FILENO, said, sizeof(said) - 1);
    (void)raise(point->signal); /* to this thread, which so does not run on; it ends or stops all */
}

static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (!found) {
        fprintf(stderr, "killpoint: no %s\n", name);
        _exit(2);
    }
    return found;
}

/* counts: of the result, whether coming back with it counts ("after" a message, not after nothing)
 */
#define WRAP(type, name, params, args, counts)                                                     \
    type name params                                                                               \
    {                                                                                              \
        static type(*next) params;                                                                 \
        type result;                                                                               \
                                                                                                   \
        if (!next)                                                                                 \
            *(void **)&next = real(#name);                                                         \
        come_by(#name, BEFORE);                                                                    \
        result = next args;                                                                        \
        if (counts)                                                                                \
            come_by(#name, AFTER);                                                                 \
        return result;                                                                             \
    }

#define WRAP_VOID(name, params, args)                                                              \
    void name params                                                                               \
    {                                                                                              \
        static void(*next) params;                                                                 \
                                                                                                   \
        if (!next)                                                                                 \
            *(void **)&next = real(#name);                                                         \
        come_by(#name, BEFORE);                                                                    \
        next args;                                                                                 \
        come_by(#name, AFTER);                                                                     \
    }

/* clang-format off */
WRAP(rd_kafka_message_t *, rd_kafka_consumer_poll, (rd_kafka_t *rk, int ms), (rk, ms),
     result && !result->err)
WRAP(rd_kafka_message_t *, rd_kafka_consume_queue, (rd_kafka_queue_t *q, int ms), (q, ms),
     result && !result->err)
WRAP(rd_kafka_resp_err_t, rd_kafka_subscribe,
     (rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *l), (rk, l), true)
WRAP(rd_kafka_resp_err_t, rd_kafka_assign,
     (rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *l), (rk, l), true)
WRAP(rd_kafka_resp_err_t, rd_kafka_pause_partitions,
     (rd_kafka_t *rk, rd_kafka_topic_partition_list_t *l), (rk, l), true)
WRAP(rd_kafka_resp_err_t, rd_kafka_resume_partitions,
     (rd_kafka_t *rk, rd_kafka_topic_partition_list_t *l), (rk, l), true)
WRAP(rd_kafka_error_t *, rd_kafka_seek_partitions,
     (rd_kafka_t *rk, rd_kafka_topic_partition_list_t *l, int ms), (rk, l, ms), true)
WRAP(rd_kafka_resp_err_t, rd_kafka_committed,
     (rd_kafka_t *rk, rd_kafka_topic_partition_list_t *l, int ms), (rk, l, ms), true)
WRAP(rd_kafka_resp_err_t, rd_kafka_offsets_for_times,
     (rd_kafka_t *rk, rd_kafka_topic_partition_list_t *l, int ms), (rk, l, ms), true)
WRAP(int, rd_kafka_consume_start_queue,
     (rd_kafka_topic_t *t, int32_t p, int64_t o, rd_kafka_queue_t *q), (t, p, o, q), true)
WRAP(int, rd_kafka_consume_stop, (rd_kafka_topic_t *t, int32_t p), (t, p), true)
WRAP(rd_kafka_resp_err_t, rd_kafka_metadata,
     (rd_kafka_t *rk, int all, rd_kafka_topic_t *t, const struct rd_kafka_metadata **m, int ms),
     (rk, all, t, m, ms), true)
WRAP(rd_kafka_error_t *, rd_kafka_init_transactions, (rd_kafka_t *rk, int ms), (rk, ms), true)
WRAP(rd_kafka_error_t *, rd_kafka_begin_transaction, (rd_kafka_t *rk), (rk), true)
WRAP(int, rd_kafka_produce_batch,
     (rd_kafka_topic_t *t, int32_t p, int flags, rd_kafka_message_t *m, int n),
     (t, p, flags, m, n), true)
WRAP(rd_kafka_error_t *, rd_kafka_send_offsets_to_transaction,
     (rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *l,
      const rd_kafka_consumer_group_metadata_t *g, int ms), (rk, l, g, ms), true)
WRAP(rd_kafka_error_t *, rd_kafka_commit_transaction, (rd_kafka_t *rk, int ms), (rk, ms), true)
WRAP(rd_kafka_error_t *, rd_kafka_abort_transaction, (rd_kafka_t *rk, int ms), (rk, ms), true)
WRAP(rd_kafka_resp_err_t, rd_kafka_flush, (rd_kafka_t *rk, int ms), (rk, ms), true)
WRAP(rd_kafka_resp_err_t, rd_kafka_consumer_close, (rd_kafka_t *rk), (rk), true)
WRAP_VOID(rd_kafka_destroy_flags, (rd_kafka_t *rk, int flags), (rk, flags))
/* clang-format on */

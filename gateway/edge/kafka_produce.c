/*
 * Writing inside a transaction: records are grouped by partition and go in batches, which costs a
 * third of writing one by one (measured). Order is kept per partition.
 *
 * Each partition sends one record before any sends its second. The library tells the broker which
 * partitions a transaction writes to: a millisecond after it met the first of them, all that it has
 * met by then, and those that come later in another request, after another millisecond. It spins
 * through that millisecond, and until it is told what the broker answers nothing is sent.
 */
#include "kafka_log.h"

#include <inttypes.h>
#include <stdlib.h>

enum { FULL_PAUSE_MS = 10 };

/* ---- reports ---- */

/* Only failures are reported. What an abort takes out of the queue is none. */
void kafka_produce_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_log *log = egw_kafka_self(rk);
    struct kafka_transaction *transaction = &log->transaction;

    (void)opaque;
    if (!message->err || message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT || transaction->failed)
        return;
    transaction->failed = true;
    if (message->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT)
        kafka_txn_timed_out(log);
    (void)egw_from_kafka_code(message->err, "delivery", NULL, &transaction->error);
    (void)egw_error_prefix(&transaction->error, egw_kafka_abort_cause(message->err), "%s/%" PRId32,
                           rd_kafka_topic_name(message->rkt), message->partition);
}

void kafka_produce_reset(struct kafka_log *log)
{
    log->transaction = (struct kafka_transaction){0};
    log->sheet->n = 0;
}

/* ---- one sheet ---- */

static enum egw_status failed(struct kafka_log *log, const struct egw_log_out *out,
                              rd_kafka_resp_err_t code, struct egw_error *reterr)
{
    struct egw_error error;
    enum egw_status st;

    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        /* Reports give room. */
        (void)rd_kafka_poll(log->producer, FULL_PAUSE_MS);
        return egw_error_set(reterr, EGW_RETRY, "the producer's queue is full");
    }
    st = egw_from_kafka_code(code, "produce", NULL, &error);
    (void)egw_error_prefix(&error, st, "%s/%" PRId32, log->conf.topics[out->topic], out->partition);
    if (code == RD_KAFKA_RESP_ERR__STATE) { /* an earlier failure already dooms the transaction */
        st = error.status = EGW_ABORT;
        kafka_txn_explain(log, &error);
        (void)egw_kafka_name_denied(log->producer, st, &error);
    } else if (egw_kafka_abort_cause(code) != EGW_ABORT) {
        st = EGW_ABORT;
    }
    if (reterr)
        *reterr = error;
    return st;
}

static enum egw_status send_batch(struct kafka_log *log, const struct egw_log_out *outs,
                                  struct egw_error *reterr)
{
    struct kafka_sheet *sheet = log->sheet;
    const struct egw_log_out *at = &outs[sheet->batch_of[0]];
    int n = (int)sheet->batch_n;

    if (n == 0)
        return EGW_OK;
    sheet->batch_n = 0;
    (void)rd_kafka_produce_batch(log->producer_topics[at->topic], at->partition,
                                 RD_KAFKA_MSG_F_COPY, sheet->batch, n);
    for (int i = 0; i < n; i++)
        sheet->lines[sheet->batch_of[i]].sent = !sheet->batch[i].err;
    for (int i = 0; i < n; i++) {
        if (sheet->batch[i].err)
            return failed(log, at, sheet->batch[i].err, reterr);
    }
    return EGW_OK;
}

/* The batch call takes no headers. */
static enum egw_status send_with_headers(struct kafka_log *log, const struct egw_log_out *out,
                                         bool *ret_sent, struct egw_error *reterr)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(out->header_count);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    for (size_t i = 0; i < out->header_count && !code; i++)
        code = rd_kafka_header_add(headers, out->headers[i].name, -1, out->headers[i].value.p,
                                   out->headers[i].value.p ? (ssize_t)out->headers[i].value.n : 0);
    if (!code)
        code = rd_kafka_producev(log->producer, RD_KAFKA_V_RKT(log->producer_topics[out->topic]),
                                 RD_KAFKA_V_PARTITION(out->partition),
                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                 RD_KAFKA_V_KEY((void *)out->key.p, out->key.n),
                                 RD_KAFKA_V_VALUE((void *)out->value.p, out->value.n),
                                 RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (code) {
        rd_kafka_headers_destroy(headers); /* the library's only on success */
        return failed(log, out, code, reterr);
    }
    *ret_sent = true;
    return EGW_OK;
}

static void add_to_batch(struct kafka_sheet *sheet, const struct egw_log_out *out, uint32_t i)
{
    sheet->batch[sheet->batch_n] = (rd_kafka_message_t){
        .payload = (void *)out->value.p,
        .len = out->value.n,
        .key = (void *)out->key.p,
        .key_len = out->key.n,
    };
    sheet->batch_of[sheet->batch_n++] = i;
}

/* The records of one partition from a listed one on, up to another or to the last. */
static enum egw_status send_run(struct kafka_log *log, const struct egw_log_out *outs,
                                uint32_t from, uint32_t until, struct egw_error *reterr)
{
    struct kafka_sheet *sheet = log->sheet;
    enum egw_status st = EGW_OK;

    sheet->batch_n = 0;
    for (uint32_t i = from; st == EGW_OK && i != until; i = sheet->lines[i].next) {
        bool alone = outs[i].header_count != 0;

        if (sheet->batch_n == KAFKA_BATCH || alone)
            st = send_batch(log, outs, reterr);
        if (st != EGW_OK)
            return st;
        if (alone)
            st = send_with_headers(log, &outs[i], &sheet->lines[i].sent, reterr);
        else
            add_to_batch(sheet, &outs[i], i);
    }
    return st == EGW_OK ? send_batch(log, outs, reterr) : st;
}

/* The library's call for a partition that does not exist frees headers twice before 2.12. */
static enum egw_status check_place(const struct kafka_log *log, const struct egw_log_out *out,
                                   struct egw_error *reterr)
{
    if (out->topic < 0 || (size_t)out->topic >= log->conf.topic_count)
        return egw_error_set(reterr, EGW_INVALID, "record for topic %d of %zu", out->topic,
                             log->conf.topic_count);
    if (out->partition < 0 || out->partition >= log->counts[out->topic])
        return egw_error_set(reterr, EGW_INVALID,
                             "record for %s/%" PRId32 ", which has %" PRId32 " partitions",
                             log->conf.topics[out->topic], out->partition, log->counts[out->topic]);
    return EGW_OK;
}

/* Chains what has not gone yet by partition, in order. */
static enum egw_status list_sheet(struct kafka_log *log, const struct egw_log_out *outs,
                                  struct egw_error *reterr)
{
    struct kafka_sheet *sheet = log->sheet;
    uint32_t *head = &sheet->first_head;

    sheet->listing++;
    for (uint32_t i = 0; i < sheet->n; i++) {
        struct kafka_slot *slot;
        enum egw_status st;

        if (sheet->lines[i].sent)
            continue;
        st = check_place(log, &outs[i], reterr);
        if (st != EGW_OK)
            return st;
        slot = &log->slots[outs[i].topic][outs[i].partition];
        sheet->lines[i].next = KAFKA_NO_NEXT;
        if (slot->listed == sheet->listing) {
            sheet->lines[slot->last].next = i;
        } else {
            slot->listed = sheet->listing;
            *head = i;
            head = &sheet->lines[i].next_head;
        }
        slot->last = i;
    }
    *head = KAFKA_NO_NEXT;
    return EGW_OK;
}

static enum egw_status send_sheet(struct kafka_log *log, const struct egw_log_out *outs,
                                  struct egw_error *reterr)
{
    struct kafka_sheet *sheet = log->sheet;
    enum egw_status st = list_sheet(log, outs, reterr);

    for (uint32_t i = sheet->first_head; !st && i != KAFKA_NO_NEXT; i = sheet->lines[i].next_head)
        st = send_run(log, outs, i, sheet->lines[i].next, reterr);
    for (uint32_t i = sheet->first_head; !st && i != KAFKA_NO_NEXT; i = sheet->lines[i].next_head)
        st = send_run(log, outs, sheet->lines[i].next, KAFKA_NO_NEXT, reterr);
    return st;
}

static enum egw_status new_sheet(struct kafka_sheet *sheet, size_t n, struct egw_error *reterr)
{
    if (n > sheet->capacity) {
        struct kafka_line *lines =
            n < KAFKA_NO_NEXT ? realloc(sheet->lines, n * sizeof(*lines)) : NULL;

        if (!lines)
            return egw_error_set(reterr, EGW_NOMEM, "no memory to write %zu records", n);
        sheet->lines = lines;
        sheet->capacity = n;
    }
    for (size_t i = 0; i < n; i++)
        sheet->lines[i].sent = false;
    sheet->n = n;
    return EGW_OK;
}

/*
 * A full queue leaves a sheet half gone, with holes: *ret_done stays 0, and the sheet remembers
 * what went, since the caller comes again with the same records.
 */
enum egw_status kafka_produce(void *self, const struct egw_log_out *outs, size_t n,
                              size_t *ret_done, struct egw_error *reterr)
{
    struct kafka_log *log = self;
    struct kafka_sheet *sheet = log->sheet;
    enum egw_status st = EGW_OK;

    *ret_done = 0;
    if (!log->producer)
        return egw_error_set(reterr, EGW_FATAL, "no producer: INIT comes first");
    if (sheet->n == 0)
        st = new_sheet(sheet, n, reterr);
    else
        n = sheet->n;
    if (st != EGW_OK || n == 0)
        return st;
    (void)rd_kafka_poll(log->producer, 0);
    st = send_sheet(log, outs, reterr);
    if (st != EGW_RETRY)
        sheet->n = 0;
    if (st == EGW_OK)
        *ret_done = n;
    return st;
}

/* ---- open and close ---- */

enum egw_status kafka_produce_open(struct kafka_log *log, struct egw_error *reterr)
{
    log->sheet = calloc(1, sizeof(*log->sheet));
    for (size_t i = 0; i < log->conf.topic_count; i++) {
        log->slots[i] = calloc((size_t)log->counts[i], sizeof(*log->slots[i]));
        if (!log->slots[i])
            return egw_error_set(reterr, EGW_NOMEM, "no memory to write to %s",
                                 log->conf.topics[i]);
    }
    return log->sheet ? EGW_OK : egw_error_set(reterr, EGW_NOMEM, "no memory to write");
}

void kafka_produce_close(struct kafka_log *log)
{
    for (size_t i = 0; i < log->conf.topic_count; i++)
        free(log->slots[i]);
    if (log->sheet)
        free(log->sheet->lines);
    free(log->sheet);
}

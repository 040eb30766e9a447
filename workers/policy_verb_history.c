/*
 * policy history, policy show --at: which rules applied where, and when
 */
#include <inttypes.h>
#include <stdlib.h>

#include "activations.h"
#include "egw/json.h"
#include "policy_verbs.h"
#include "reading.h"

/* ---- history ---- */

static void put_time(int64_t ms)
{
    char text[EGW_TIME_TEXT];

    egw_time_format(ms, text);
    (void)fputs(text, stdout);
}

static void put_backtest(const struct egw_activation_past *past)
{
    if (!past->backtest.n && !past->accepted_by.n)
        return;
    (void)fputs("backtest:  ", stdout);
    egw_put_safe(stdout, past->backtest);
    if (past->accepted_by.n) {
        (void)fputs("; accepted by ", stdout);
        egw_put_safe(stdout, past->accepted_by);
    }
    (void)fputs("\n    ", stdout);
}

static void put_past(const struct egw_activation_past *past, int64_t partitions)
{
    (void)printf("activation %" PRId64 "  policy ", past->number);
    egw_put_policy_hash(past->manifest.b, stdout);
    (void)fputs("\n    ", stdout);
    if (past->by.p) {
        (void)fputs("asked for  ", stdout);
        put_time(past->asked_ms);
        (void)fputs("  by ", stdout);
        egw_put_safe(stdout, past->by);
        if (past->note.n) {
            (void)fputs(": ", stdout);
            egw_put_safe(stdout, past->note);
        }
        (void)fputs("\n    ", stdout);
    }
    put_backtest(past);
    (void)printf("reached by %" PRId32 " of %" PRId64 " partitions", past->reached, partitions);
    if (past->reached) {
        (void)fputs(", ", stdout);
        put_time(past->first_ms);
        (void)fputs(" to ", stdout);
        put_time(past->last_ms);
    }
    (void)putchar('\n');
}

static enum egw_status json_time(struct egw_buf *out, const char *name, int64_t ms)
{
    char text[EGW_TIME_TEXT];

    egw_time_format(ms, text);
    return egw_buf_printf(out, ",\"%s\":\"%s\"", name, text);
}

static enum egw_status json_past(const struct egw_activation_past *past, struct egw_buf *out)
{
    char hex[2 * EGW_SHA256 + 1];
    enum egw_status st;

    egw_hex(past->manifest.b, EGW_SHA256, hex);
    egw_buf_clear(out);
    st = egw_buf_printf(out, "{\"activation\":%" PRId64 ",\"policy\":\"%s\",\"reached\":%" PRId32,
                        past->number, hex, past->reached);
    if (!st && past->by.p)
        st = json_time(out, "asked_at", past->asked_ms);
    if (!st && past->by.p)
        st = egw_json_text(out, "by", past->by);
    if (!st && past->by.p)
        st = egw_json_text(out, "note", past->note);
    if (!st && past->backtest.n)
        st = egw_json_text(out, "backtest", past->backtest);
    if (!st && past->accepted_by.n)
        st = egw_json_text(out, "accepted_by", past->accepted_by);
    if (!st && past->reached)
        st = json_time(out, "first_at", past->first_ms);
    if (!st && past->reached)
        st = json_time(out, "last_at", past->last_ms);
    return st ? st : egw_buf_put(out, "}\n", 2);
}

int egw_policy_verb_history(struct egw_args *args)
{
    struct egw_activations past;
    struct egw_buf line = {0};
    struct egw_error err = {0};
    int code = EGW_EXIT_OK;

    if (egw_activations_read(&args->settings, &past, &err))
        return egw_fail(&err);
    for (size_t i = 0; i < past.n && !code; i++) {
        if (!egw_wants_json(args))
            put_past(&past.items[i], args->settings.topics.partitions);
        else if (json_past(&past.items[i], &line))
            code = egw_fail(&(struct egw_error){EGW_NOMEM, "no memory for a line"});
        else
            (void)fwrite(line.p, 1, line.n, stdout);
    }
    if (!past.n)
        code = egw_fail(&(struct egw_error){EGW_NOT_FOUND, "no policy was ever activated"});
    egw_buf_free(&line);
    egw_activations_free(&past);
    return code;
}

/* ---- at a time ---- */

/* Where a chain stood: as its last outcome at or before the time says. */
struct stand {
    int64_t at_ms;
    bool seen, before; /* any outcome; one at or before the time */
    int64_t seq, decided_ms, first_ms;
    int64_t activation;
    unsigned char policy[EGW_SHA256];
};

static bool take_stand(void *user, const struct egw_item *item)
{
    struct stand *stand = user;
    const struct egw_outcome *outcome = item->value;

    if (item->type != &egw_type_outcome)
        return true;
    if (!stand->seen)
        stand->first_ms = outcome->decided_at;
    stand->seen = true;
    if (outcome->decided_at > stand->at_ms)
        return false; /* time never runs back in a chain */
    stand->before = true;
    stand->seq = outcome->seq;
    stand->decided_ms = outcome->decided_at;
    stand->activation = outcome->policy ? outcome->activation : 0;
    if (outcome->policy)
        memcpy(stand->policy, outcome->policy, EGW_SHA256);
    return true;
}

static void put_stand(const struct stand *stand, int64_t partition, bool json)
{
    char at[EGW_TIME_TEXT], decided[EGW_TIME_TEXT];

    egw_time_format(stand->at_ms, at);
    egw_time_format(stand->decided_ms, decided);
    if (json) {
        (void)printf("{\"partition\":%" PRId64 ",\"at\":\"%s\",\"activation\":%" PRId64, partition,
                     at, stand->activation);
        if (stand->activation) {
            (void)fputs(",\"policy\":\"", stdout);
            egw_put_policy_hash(stand->policy, stdout);
            (void)putchar('"');
        }
        (void)printf(",\"seq\":%" PRId64 ",\"decided_at\":\"%s\"}\n", stand->seq, decided);
        return;
    }
    (void)printf("partition %" PRId64 " at %s: ", partition, at);
    if (stand->activation) {
        (void)printf("activation %" PRId64 ", policy ", stand->activation);
        egw_put_policy_hash(stand->policy, stdout);
    } else {
        (void)fputs("no policy in force", stdout);
    }
    (void)printf(" (outcome %" PRId64 ", %s)\n", stand->seq, decided);
}

static int show_partition_at(struct egw_args *args, int64_t partition, int64_t at_ms)
{
    struct stand stand = {.at_ms = at_ms};
    struct egw_error err = {0};
    char first[EGW_TIME_TEXT];

    if (egw_read_all(&args->settings, args->settings.topics.outcomes, (int32_t)partition,
                     take_stand, &stand, &err))
        return egw_fail(&err);
    if (stand.before) {
        put_stand(&stand, partition, egw_wants_json(args));
        return EGW_EXIT_OK;
    }
    egw_time_format(stand.first_ms, first);
    (void)egw_error_set(&err, EGW_NOT_FOUND, "partition %d: %s%s", (int)partition,
                        stand.seen ? "what is kept of its outcomes begins at "
                                   : "it has no outcome",
                        stand.seen ? first : "");
    return egw_fail(&err);
}

int egw_policy_show_at(struct egw_args *args, const char *at)
{
    const char *partition = egw_arg(args, "partition");
    int64_t at_ms, from = 0, to = args->settings.topics.partitions;
    int code = EGW_EXIT_OK;

    if (!egw_time_parse(egw_str_of(at), &at_ms))
        return egw_usage(args, "--at needs a date or time such as 2026-01-05T10:04:31Z, not %s",
                         at);
    if (partition) {
        char *end;

        from = strtol(partition, &end, 10);
        if (end == partition || *end || from < 0 || from >= to)
            return egw_usage(args, "--partition is 0 to %" PRId64 ", not %s", to - 1, partition);
        to = from + 1;
    }
    for (int64_t p = from; p < to; p++) {
        int one = show_partition_at(args, p, at_ms);

        if (one > code)
            code = one;
    }
    return code;
}

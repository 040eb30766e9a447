#include "backtest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "egw/json.h"
#include "recorded.h"
#include "show.h"

enum {
    PROGRESS_MS = 250,
    LINES_SHOWN = 20, /* customers and the like; JSON has all */
    MOVE_COLUMNS = 72,
};

/* ---- the run ---- */

struct running {
    const char *topic; /* of outcomes */
    struct egw_backtest *backtest;
    const struct egw_policy *candidate;
    int64_t since;
    bool shows_progress, shown;
    int64_t shown_ms;
};

static int64_t mono_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Cases begun long before may be decided anew after it: their states need every step. */
static bool wanted(void *user, const struct egw_outcome *outcome)
{
    (void)user;
    (void)outcome;
    return true;
}

static bool takes_incident(const struct egw_policy *policy, const struct egw_outcome *outcome)
{
    return policy && egw_policy_channel_counted(policy, outcome->channel);
}

static enum egw_status tell(void *user, const struct egw_item *item,
                            const struct egw_replay_answer *answer, const struct egw_policy *policy,
                            struct egw_error *reterr)
{
    struct running *running = user;
    const struct egw_outcome *outcome = item->value;
    const char *why = NULL;

    if (!egw_backtest_concerns(outcome) || outcome->decided_at < running->since)
        return EGW_OK;
    if (answer->verdict == EGW_REPLAY_UNCHECKED)
        why = answer->why.text;
    else if (answer->verdict == EGW_REPLAY_DIFFERS)
        why = "it does not come out as recorded under the policy it was decided by: egw replay";
    else if (!answer->tried)
        why = answer->why_none.text;
    if (why)
        return egw_backtest_unchecked(running->backtest, why, reterr);
    return egw_backtest_compare(
        running->backtest, &(struct egw_backtest_side){outcome, takes_incident(policy, outcome)},
        &(struct egw_backtest_side){answer->tried,
                                    takes_incident(running->candidate, answer->tried)},
        reterr);
}

static void unreadable(void *user, const struct egw_item *item)
{
    struct running *running = user;

    egw_item_complain(running->topic, item, stderr);
}

static void progress(void *user, int64_t done, int64_t total)
{
    struct running *running = user;
    int64_t now;

    if (!running->shows_progress)
        return;
    now = mono_ms();
    if (now - running->shown_ms < PROGRESS_MS)
        return;
    running->shown_ms = now;
    running->shown = true;
    (void)fprintf(stderr, "\r%3" PRId64 " %% of %" PRId64 " outcomes", done * 100 / total, total);
}

enum egw_status egw_backtest_run(const struct egw_settings *settings,
                                 const struct egw_policy_folder *folder, int64_t since,
                                 struct egw_backtest **ret, struct egw_error *reterr)
{
    struct running running = {.candidate = folder->policy,
                              .topic = settings->topics.outcomes,
                              .since = since,
                              .shows_progress = isatty(STDERR_FILENO) == 1};
    const struct egw_recorded_ports ports = {.wanted = wanted,
                                             .tell = tell,
                                             .unreadable = unreadable,
                                             .progress = progress,
                                             .user = &running};
    struct egw_recorded *recorded = NULL;
    enum egw_status st = egw_backtest_new(&running.backtest, reterr);

    if (!st)
        st = egw_recorded_open(settings, "egw-backtest", &ports, &recorded, reterr);
    if (!st)
        st = egw_recorded_candidate(recorded, folder, since, reterr);
    if (!st)
        st = egw_recorded_read(recorded, 0, egw_recorded_partitions(recorded), reterr);
    if (running.shown)
        (void)fputs("\r                                        \r", stderr);
    egw_recorded_free(recorded);
    if (st)
        egw_backtest_free(running.backtest);
    else
        *ret = running.backtest;
    return st;
}

/* ---- for a person ---- */

static enum egw_status write_answer(const struct egw_backtest_answer *answer, struct egw_buf *out)
{
    enum egw_status st = egw_buf_printf(out, "%s", egw_action_name(answer->action));

    if (!st && answer->code.n)
        st = egw_buf_printf(out, "/%.*s", EGW_FMT(answer->code));
    if (!st && answer->channel.n)
        st = egw_buf_printf(out, "%s to %.*s", egw_str_is(answer->mode, "api") ? " by API" : "",
                            EGW_FMT(answer->channel));
    if (!st && answer->severity.n)
        st = egw_buf_printf(out, ", severity %.*s", EGW_FMT(answer->severity));
    if (!st && answer->chargeable.has)
        st = egw_buf_printf(out, "%s %.*s", answer->chargeable.v ? ", charged" : ", not charged",
                            EGW_FMT(answer->price));
    return st;
}

static enum egw_status put_move(const struct egw_backtest_move *move, struct egw_buf *line)
{
    enum egw_status st;

    egw_buf_clear(line);
    st = write_answer(&move->was, line);
    if (!st)
        st = egw_buf_printf(line, " -> ");
    if (!st)
        st = write_answer(&move->becomes, line);
    if (st)
        return st;
    (void)printf("%8" PRIu64 "  ", move->n);
    egw_put_safe(stdout, egw_buf_str(line));
    (void)printf("%*s  ", line->n < MOVE_COLUMNS ? (int)(MOVE_COLUMNS - line->n) : 0, "");
    egw_buf_clear(line);
    st = egw_buf_printf(line, "%.*s/%.*s/%.*s (%.*s/%" PRId64 ")", EGW_FMT(move->partner),
                        EGW_FMT(move->customer), EGW_FMT(move->case_id), EGW_FMT(move->chain),
                        move->seq);
    if (st)
        return st;
    egw_put_safe(stdout, egw_buf_str(line));
    (void)putchar('\n');
    return EGW_OK;
}

static enum egw_status put_moves(struct egw_backtest *backtest)
{
    struct egw_buf line = {0};
    enum egw_status st = EGW_OK;
    size_t n;
    const struct egw_backtest_move *moves = egw_backtest_moves(backtest, &n);

    if (n)
        (void)printf("outcomes  %-*s  for example\n", (int)MOVE_COLUMNS, "from -> to");
    for (size_t i = 0; i < n && !st; i++)
        st = put_move(&moves[i], &line);
    egw_buf_free(&line);
    return st;
}

static const struct {
    enum egw_backtest_by by;
    const char *name, *json;
} tables[] = {
    {EGW_BACKTEST_CUSTOMER, "customer", "customers"},
    {EGW_BACKTEST_SEVERITY, "severity", "severities"},
    {EGW_BACKTEST_CHANNEL, "channel", "channels"},
    {EGW_BACKTEST_PRICE, "price", "prices"},
};

static void put_lines(struct egw_backtest *backtest, size_t table)
{
    size_t n, shown;
    const struct egw_backtest_line *lines = egw_backtest_lines(backtest, tables[table].by, &n);

    if (!n)
        return;
    shown = n > LINES_SHOWN ? LINES_SHOWN : n;
    (void)printf("\nby %-32s %8s %8s  contacts\n", tables[table].name, "decided", "moved");
    for (size_t i = 0; i < shown; i++) {
        struct egw_str name = lines[i].name.n ? lines[i].name : EGW_STR("(none)");

        egw_put_safe(stdout, name);
        (void)printf("%*s %8" PRIu64 " %8" PRIu64 "  %" PRIu64 " -> %" PRIu64 "\n",
                     name.n < 35 ? (int)(35 - name.n) : 0, "", lines[i].steps, lines[i].moved,
                     lines[i].contacts[0], lines[i].contacts[1]);
    }
    if (n > shown)
        (void)printf("and %zu more\n", n - shown);
}

static void put_count(uint64_t n, const char *what)
{
    if (n)
        (void)printf("  %" PRIu64 " %s\n", n, what);
}

static void put_sums(struct egw_backtest *backtest)
{
    struct egw_backtest_sums sums = egw_backtest_sums(backtest);
    size_t n;
    const struct egw_backtest_line *whys = egw_backtest_lines(backtest, EGW_BACKTEST_WHY, &n);

    (void)printf("%scontacts %" PRIu64 " -> %" PRIu64 ", incidents used %" PRIu64 " -> %" PRIu64
                 ", priced contacts %" PRIu64 " -> %" PRIu64 "\n",
                 sums.cases ? "\n" : "", sums.contacts[0], sums.contacts[1], sums.incidents[0],
                 sums.incidents[1], sums.priced[0], sums.priced[1]);
    (void)printf("%" PRIu64 " outcomes\n",
                 sums.same + sums.retold + sums.moved + sums.undecided + sums.unchecked);
    put_count(sums.same, "the same");
    put_count(sums.retold, "the same answer by another rule, in other words, times or hands");
    put_count(sums.moved, "moved");
    put_count(sums.undecided, "tell of no decision by rules");
    put_count(sums.unchecked, "could not be checked");
    for (size_t i = 0; i < n; i++) {
        (void)printf("    %" PRIu64 ": ", whys[i].steps);
        egw_put_safe(stdout, whys[i].name);
        (void)putchar('\n');
    }
}

/* ---- for a program ---- */

static enum egw_status json_answer(struct egw_buf *out, const char *name,
                                   const struct egw_backtest_answer *answer, struct egw_str rule)
{
    enum egw_status st =
        egw_buf_printf(out, ",\"%s\":{\"action\":\"%s\"", name, egw_action_name(answer->action));
    const struct {
        const char *name;
        struct egw_str text;
        bool always;
    } texts[] = {
        {"code", answer->code, true},    {"channel", answer->channel, true},
        {"mode", answer->mode, true},    {"severity", answer->severity, false},
        {"price", answer->price, false}, {"rule", rule, true},
    };

    for (size_t i = 0; i < EGW_COUNT(texts) && !st; i++) {
        if (texts[i].always || texts[i].text.n)
            st = egw_json_text(out, texts[i].name, texts[i].text);
    }
    if (!st && answer->chargeable.has)
        st = egw_buf_printf(out, ",\"chargeable\":%s", answer->chargeable.v ? "true" : "false");
    return st ? st : egw_buf_put(out, "}", 1);
}

static enum egw_status json_move(struct egw_buf *out, const struct egw_backtest_move *move)
{
    enum egw_status st = egw_buf_printf(out, "{\"outcomes\":%" PRIu64, move->n);

    if (!st)
        st = json_answer(out, "was", &move->was, move->was_rule);
    if (!st)
        st = json_answer(out, "becomes", &move->becomes, move->becomes_rule);
    if (!st)
        st = egw_buf_printf(out, ",\"example\":{\"seq\":%" PRId64, move->seq);
    if (!st)
        st = egw_json_text(out, "chain", move->chain);
    if (!st)
        st = egw_json_text(out, "partner", move->partner);
    if (!st)
        st = egw_json_text(out, "customer", move->customer);
    if (!st)
        st = egw_json_text(out, "case_id", move->case_id);
    return st ? st : egw_buf_put(out, "}}", 2);
}

static enum egw_status json_moves(struct egw_buf *out, struct egw_backtest *backtest)
{
    size_t n;
    const struct egw_backtest_move *moves = egw_backtest_moves(backtest, &n);
    enum egw_status st = egw_buf_printf(out, ",\"moves\":[");

    for (size_t i = 0; i < n && !st; i++) {
        st = egw_buf_put(out, ",", i > 0);
        if (!st)
            st = json_move(out, &moves[i]);
    }
    return st ? st : egw_buf_put(out, "]", 1);
}

static enum egw_status json_lines(struct egw_buf *out, struct egw_backtest *backtest, size_t table)
{
    size_t n;
    const struct egw_backtest_line *lines = egw_backtest_lines(backtest, tables[table].by, &n);
    enum egw_status st = egw_buf_printf(out, ",\"%s\":[", tables[table].json);

    for (size_t i = 0; i < n && !st; i++) {
        st = egw_buf_printf(out,
                            "%s{\"decided\":%" PRIu64 ",\"moved\":%" PRIu64
                            ",\"contacts\":[%" PRIu64 ",%" PRIu64 "]",
                            i ? "," : "", lines[i].steps, lines[i].moved, lines[i].contacts[0],
                            lines[i].contacts[1]);
        if (!st)
            st = egw_json_text(out, "name", lines[i].name);
        if (!st)
            st = egw_buf_put(out, "}", 1);
    }
    return st ? st : egw_buf_put(out, "]", 1);
}

static enum egw_status json_whys(struct egw_buf *out, struct egw_backtest *backtest)
{
    size_t n;
    const struct egw_backtest_line *lines = egw_backtest_lines(backtest, EGW_BACKTEST_WHY, &n);
    enum egw_status st = egw_buf_printf(out, ",\"unchecked_because\":[");

    for (size_t i = 0; i < n && !st; i++) {
        st = egw_buf_printf(out, "%s{\"outcomes\":%" PRIu64, i ? "," : "", lines[i].steps);
        if (!st)
            st = egw_json_text(out, "why", lines[i].name);
        if (!st)
            st = egw_buf_put(out, "}", 1);
    }
    return st ? st : egw_buf_put(out, "]", 1);
}

static enum egw_status json_backtest(struct egw_buf *out, struct egw_backtest *backtest)
{
    struct egw_backtest_sums sums = egw_backtest_sums(backtest);
    enum egw_status st = egw_buf_printf(
        out,
        "{\"cases\":%" PRIu64 ",\"cases_moved\":%" PRIu64 ",\"same\":%" PRIu64
        ",\"retold\":%" PRIu64 ",\"moved\":%" PRIu64 ",\"undecided\":%" PRIu64
        ",\"unchecked\":%" PRIu64 ",\"contacts\":[%" PRIu64 ",%" PRIu64 "],\"incidents\":[%" PRIu64
        ",%" PRIu64 "],\"priced\":[%" PRIu64 ",%" PRIu64 "]",
        sums.cases, sums.cases_moved, sums.same, sums.retold, sums.moved, sums.undecided,
        sums.unchecked, sums.contacts[0], sums.contacts[1], sums.incidents[0], sums.incidents[1],
        sums.priced[0], sums.priced[1]);

    if (!st)
        st = json_moves(out, backtest);
    for (size_t table = 0; table < EGW_COUNT(tables) && !st; table++)
        st = json_lines(out, backtest, table);
    if (!st)
        st = json_whys(out, backtest);
    return st ? st : egw_buf_put(out, "}\n", 2);
}

static enum egw_status put_text(struct egw_backtest *backtest)
{
    enum egw_status st = put_moves(backtest);

    for (size_t table = 0; table < EGW_COUNT(tables) && !st; table++)
        put_lines(backtest, table);
    if (!st)
        put_sums(backtest);
    return st;
}

enum egw_status egw_backtest_put(struct egw_backtest *backtest, bool json, struct egw_error *reterr)
{
    struct egw_buf out = {0};
    enum egw_status st = json ? json_backtest(&out, backtest) : put_text(backtest);

    if (!st)
        (void)fwrite(out.p, 1, out.n, stdout);
    egw_buf_free(&out);
    return st ? egw_error_set(reterr, EGW_NOMEM, "no memory to print a backtest") : EGW_OK;
}

/* ---- the limit ---- */

bool egw_backtest_since(const struct egw_args *args, const char *option, int64_t *ret_since)
{
    *ret_since = INT64_MIN;
    return egw_arg_time(args, option, ret_since) == EGW_EXIT_OK;
}

bool egw_backtest_limit(const struct egw_args *args, int64_t *ret_percent)
{
    const char *limit = egw_arg(args, "limit");
    char *end;

    *ret_percent = args->settings.policy.backtest_limit;
    if (!limit)
        return true;
    *ret_percent = strtoll(limit, &end, 10);
    if (end != limit && !*end && *ret_percent >= 0 && *ret_percent <= 100)
        return true;
    (void)egw_usage(args, "--limit is a whole number of percent, 0 to 100, not %s", limit);
    return false;
}

void egw_backtest_verdict(const struct egw_backtest_sums *sums, int64_t percent,
                          char ret[EGW_BACKTEST_VERDICT])
{
    if (sums->cases)
        (void)snprintf(ret, EGW_BACKTEST_VERDICT,
                       "%" PRIu64 " of %" PRIu64 " cases move, limit %" PRId64 " %%",
                       sums->cases_moved, sums->cases, percent);
    else
        (void)snprintf(ret, EGW_BACKTEST_VERDICT,
                       "no decision could be checked: %" PRIu64 " outcomes tell of too little",
                       sums->unchecked);
}

int egw_backtest_code(const struct egw_backtest_sums *sums, int64_t percent)
{
    if (!sums->cases)
        return EGW_EXIT_UNAVAILABLE;
    return egw_backtest_over(sums, percent) ? EGW_EXIT_NO : EGW_EXIT_OK;
}

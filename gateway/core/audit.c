#include "egw/audit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "egw/chain.h"

/*
 * A chain is followed at its highest number. Numbers left out become gaps that remember the head
 * before and the link after them, so that an outcome found later, out of its order, can still be
 * checked against both neighbours.
 */
enum { DIGEST_KEPT = 16, PAGE = 4096, GAPS_MAX = 64, CHAINS_MAX = 64 };

enum input_state { INPUT_ABSENT, INPUT_THERE, INPUT_ANSWERED };

struct page {
    unsigned char state[PAGE]; /* enum input_state */
    unsigned char digest[PAGE][DIGEST_KEPT];
};

struct input {
    int64_t consumed, base, low, high; /* base: offset of the first page, low only rises */
    struct page **pages;
    size_t page_count;
    int64_t last;           /* offset the last outcome of the chain named; -1: none */
    bool last_known;        /* false after a gap, and before the first when the log was cut */
    int64_t handled_before; /* inputs up to here were answered before the outcomes kept; -1: none */
    bool named;             /* an outcome in sequence named it */
};

struct gap {
    int64_t from, to;
    unsigned char before[EGW_SHA256]; /* head of number from - 1 */
    bool before_known;
    unsigned char after[EGW_SHA256]; /* prev of number to + 1 */
};

struct chain {
    char name[EGW_FINDING_CHAIN];
    bool ours; /* of the processor whose inputs are checked */
    int64_t next, record;
    struct egw_sha256 head, other; /* other: head of the second outcome under the same number */
    bool forked;
    struct gap gaps[GAPS_MAX];
    size_t gap_count;
};

struct egw_audit {
    struct egw_audit_conf conf;
    struct egw_audit_summary summary;
    size_t bytes;
    bool open;
    int32_t partition;
    int64_t outcomes_low;
    struct input inputs[EGW_LOG_INPUTS_MAX];
    bool positioned;
    int64_t position_seq;
    unsigned char position_head[EGW_SHA256];
    struct chain *chains[CHAINS_MAX];
    size_t chain_count;
};

const char *const egw_finding_names[EGW_FINDING_COUNT] = {
    [EGW_FINDING_UNREADABLE] = "unreadable",
    [EGW_FINDING_HEADER] = "header",
    [EGW_FINDING_MISPLACED] = "misplaced",
    [EGW_FINDING_GAP] = "gap",
    [EGW_FINDING_ORDER] = "order",
    [EGW_FINDING_REPEATED] = "repeated",
    [EGW_FINDING_FORK] = "fork",
    [EGW_FINDING_LINK] = "link",
    [EGW_FINDING_TAIL] = "tail",
    [EGW_FINDING_UNANSWERED] = "unanswered",
    [EGW_FINDING_TWICE] = "twice",
    [EGW_FINDING_NO_INPUT] = "no-input",
    [EGW_FINDING_DIGEST] = "digest",
    [EGW_FINDING_SKIPPED] = "skipped",
};

/* ---- findings ---- */

static struct egw_finding finding_at(const struct egw_audit *audit, enum egw_finding_kind kind,
                                     const struct chain *chain, int64_t seq, int64_t record)
{
    struct egw_finding finding = {
        .kind = kind,
        .partition = audit->partition,
        .seq = seq,
        .last_seq = seq,
        .record = record,
        .input = -1,
        .offset = -1,
        .last_offset = -1,
    };

    if (chain)
        memcpy(finding.chain, chain->name, sizeof(finding.chain));
    return finding;
}

static void found(struct egw_audit *audit, struct egw_finding *finding, const char *fmt, ...)
    EGW_PRINTF(3, 4);
static void found(struct egw_audit *audit, struct egw_finding *finding, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(finding->text, sizeof(finding->text), fmt, ap);
    va_end(ap);
    audit->summary.findings[finding->kind]++;
    audit->summary.found++;
    if (audit->conf.finding)
        audit->conf.finding(audit->conf.user, finding);
}

/* ---- inputs ---- */

enum egw_status egw_audit_new(const struct egw_audit_conf *conf, struct egw_audit **ret)
{
    struct egw_audit *audit = calloc(1, sizeof(*audit));

    assert(conf->input_count <= EGW_LOG_INPUTS_MAX);
    if (!audit)
        return EGW_NOMEM;
    audit->conf = *conf;
    if (audit->conf.max_bytes == 0)
        audit->conf.max_bytes = (size_t)192 << 20;
    *ret = audit;
    return EGW_OK;
}

static void forget_partition(struct egw_audit *audit)
{
    for (size_t i = 0; i < audit->conf.input_count; i++) {
        struct input *input = &audit->inputs[i];

        for (size_t k = 0; k < input->page_count; k++)
            free(input->pages[k]);
        free(input->pages);
        *input = (struct input){0};
    }
    for (size_t i = 0; i < audit->chain_count; i++)
        free(audit->chains[i]);
    audit->chain_count = 0;
    audit->bytes = 0;
    audit->open = false;
}

void egw_audit_free(struct egw_audit *audit)
{
    if (!audit)
        return;
    forget_partition(audit);
    free(audit);
}

static bool charge(struct egw_audit *audit, size_t bytes)
{
    if (bytes > audit->conf.max_bytes || audit->bytes > audit->conf.max_bytes - bytes)
        return false;
    audit->bytes += bytes;
    return true;
}

static enum egw_status open_input(struct egw_audit *audit, size_t i, int64_t consumed, int64_t low,
                                  int64_t high, struct egw_error *reterr)
{
    struct input *input = &audit->inputs[i];
    uint64_t pages;

    if (low < 0 || high < low || consumed < 0)
        return egw_error_set(reterr, EGW_INVALID,
                             "%s/%" PRId32 ": offsets %" PRId64 " to %" PRId64 ", consumed %" PRId64
                             " make no sense",
                             audit->conf.input_names[i], audit->partition, low, high, consumed);
    pages = ((uint64_t)(high - low) + PAGE - 1) / PAGE;
    *input = (struct input){.consumed = consumed,
                            .base = low,
                            .low = low,
                            .high = high,
                            .last = -1,
                            .last_known = audit->outcomes_low == 0,
                            .handled_before = -1};
    if (pages == 0)
        return EGW_OK;
    if (pages > SIZE_MAX / sizeof(*input->pages) ||
        !charge(audit, (size_t)pages * sizeof(*input->pages)))
        return egw_error_set(reterr, EGW_NOMEM,
                             "%s/%" PRId32 " holds too many offsets for the memory allowed",
                             audit->conf.input_names[i], audit->partition);
    input->pages = calloc((size_t)pages, sizeof(*input->pages));
    if (!input->pages)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for an audit");
    input->page_count = (size_t)pages;
    return EGW_OK;
}

enum egw_status egw_audit_open(struct egw_audit *audit, const struct egw_audit_partition *partition,
                               struct egw_error *reterr)
{
    assert(!audit->open);
    audit->partition = partition->partition;
    audit->outcomes_low = partition->outcomes_low;
    for (size_t i = 0; i < audit->conf.input_count; i++) {
        enum egw_status st =
            open_input(audit, i, partition->inputs[i].consumed, partition->inputs[i].low,
                       partition->inputs[i].high, reterr);

        if (st) {
            forget_partition(audit);
            return st;
        }
    }
    audit->positioned = partition->position != NULL;
    if (partition->position) {
        audit->position_seq = partition->position->chain_seq;
        memcpy(audit->position_head, partition->position->chain_head, EGW_SHA256);
    }
    audit->open = true;
    return EGW_OK;
}

enum egw_status egw_audit_input(struct egw_audit *audit, int input, int64_t offset,
                                const struct egw_sha256 *digest, struct egw_error *reterr)
{
    struct input *in = &audit->inputs[input];
    struct page **page;
    size_t at;

    assert(audit->open && (size_t)input < audit->conf.input_count);
    if (offset < in->low || offset >= in->high)
        return EGW_OK;
    at = (size_t)(offset - in->base);
    page = &in->pages[at / PAGE];
    if (!*page) {
        if (!charge(audit, sizeof(**page)) || !(*page = calloc(1, sizeof(**page))))
            return egw_error_set(reterr, EGW_NOMEM,
                                 "%s/%" PRId32 " holds more records than memory is allowed for",
                                 audit->conf.input_names[input], audit->partition);
    }
    if ((*page)->state[at % PAGE] == INPUT_ABSENT)
        audit->summary.inputs++;
    (*page)->state[at % PAGE] = INPUT_THERE;
    memcpy((*page)->digest[at % PAGE], digest->b, DIGEST_KEPT);
    return EGW_OK;
}

void egw_audit_retained(struct egw_audit *audit, int input, int64_t low)
{
    struct input *in = &audit->inputs[input];

    assert(audit->open);
    if (low > in->low)
        in->low = low < in->high ? low : in->high;
}

/* ---- the chain ---- */

/* NULL: no memory, or one chain too many. */
static struct chain *chain_of(struct egw_audit *audit, struct egw_str name)
{
    char ours[EGW_FINDING_CHAIN];
    struct chain *chain;

    for (size_t i = 0; i < audit->chain_count; i++)
        if (egw_str_is(name, audit->chains[i]->name))
            return audit->chains[i];
    chain = audit->chain_count < CHAINS_MAX ? calloc(1, sizeof(*chain)) : NULL;
    if (!chain)
        return NULL;
    memcpy(chain->name, name.p, name.n); /* shorter than the field: belongs_here() has seen to it */
    (void)snprintf(ours, sizeof(ours), "%s/%" PRId32, audit->conf.processor, audit->partition);
    chain->ours = egw_str_is(name, ours);
    chain->next = -1;
    audit->chains[audit->chain_count++] = chain;
    audit->summary.chains++;
    return chain;
}

/* "triage/3" in partition 3 */
static bool belongs_here(const struct egw_audit *audit, struct egw_str name)
{
    size_t at = name.n;
    int64_t partition = -1;

    if (name.n == 0 || name.n >= EGW_FINDING_CHAIN || memchr(name.p, '\0', name.n))
        return false;
    while (at > 0 && name.p[at - 1] != '/')
        at--;
    return at > 1 &&
           egw_parse_i64((struct egw_str){name.p + at, name.n - at}, 0, INT32_MAX, &partition) &&
           partition == audit->partition;
}

static void report_gap(struct egw_audit *audit, const struct chain *chain, int64_t from, int64_t to)
{
    struct egw_finding finding = finding_at(audit, EGW_FINDING_GAP, chain, from, -1);

    finding.last_seq = to;
    if (from == to)
        found(audit, &finding, "%s: outcome %" PRId64 " is missing", chain->name, from);
    else
        found(audit, &finding, "%s: outcomes %" PRId64 " to %" PRId64 " are missing", chain->name,
              from, to);
}

static void report_link(struct egw_audit *audit, const struct chain *chain, int64_t seq,
                        int64_t record)
{
    struct egw_finding finding = finding_at(audit, EGW_FINDING_LINK, chain, seq, record);

    found(audit, &finding,
          "%s: outcome %" PRId64 " is not the one that outcome %" PRId64
          " links to: one of the two was altered",
          chain->name, seq, seq + 1);
}

static void report_beginning(struct egw_audit *audit, const struct chain *chain, int64_t record)
{
    struct egw_finding finding = finding_at(audit, EGW_FINDING_LINK, chain, 0, record);

    found(audit, &finding, "%s: outcome 0 links to one before it, and none can be", chain->name);
}

static void open_gap(struct egw_audit *audit, struct chain *chain, int64_t to,
                     const unsigned char after[EGW_SHA256])
{
    struct gap *gap;

    if (chain->gap_count == GAPS_MAX) {
        report_gap(audit, chain, chain->gaps[0].from, chain->gaps[0].to);
        memmove(chain->gaps, chain->gaps + 1, (GAPS_MAX - 1) * sizeof(*chain->gaps));
        chain->gap_count--;
    }
    gap = &chain->gaps[chain->gap_count++];
    *gap = (struct gap){.from = chain->next, .to = to, .before_known = true};
    if (chain->next > 0)
        memcpy(gap->before, chain->head.b, EGW_SHA256);
    memcpy(gap->after, after, EGW_SHA256);
}

static void drop_gap(struct chain *chain, size_t i)
{
    memmove(chain->gaps + i, chain->gaps + i + 1,
            (chain->gap_count - i - 1) * sizeof(*chain->gaps));
    chain->gap_count--;
}

/* An outcome that belongs into a gap seen earlier. False: into none. */
static bool fill_gap(struct egw_audit *audit, struct chain *chain,
                     const struct egw_outcome *outcome, const struct egw_sha256 *head,
                     int64_t record)
{
    for (size_t i = 0; i < chain->gap_count; i++) {
        struct gap *gap = &chain->gaps[i];

        if (outcome->seq < gap->from || outcome->seq > gap->to)
            continue;
        if (outcome->seq == gap->from && gap->before_known &&
            memcmp(gap->before, outcome->prev, EGW_SHA256) != 0)
            report_link(audit, chain, outcome->seq - 1, record);
        if (outcome->seq == gap->to && memcmp(gap->after, head->b, EGW_SHA256) != 0)
            report_link(audit, chain, outcome->seq, record);
        if (gap->from == gap->to) {
            drop_gap(chain, i);
        } else if (outcome->seq == gap->from) {
            gap->from++;
            memcpy(gap->before, head->b, EGW_SHA256);
            gap->before_known = true;
        } else {
            if (outcome->seq < gap->to)
                report_gap(audit, chain, outcome->seq + 1, gap->to);
            gap->to = outcome->seq - 1;
            memcpy(gap->after, outcome->prev, EGW_SHA256);
        }
        return true;
    }
    return false;
}

static void forget_links_to_inputs(struct egw_audit *audit, const struct chain *chain)
{
    for (size_t i = 0; chain->ours && i < audit->conf.input_count; i++)
        audit->inputs[i].last_known = false;
}

/* The next number or a higher one: the chain goes on from here. */
static void extend(struct egw_audit *audit, struct chain *chain, const struct egw_outcome *outcome,
                   const struct egw_sha256 *head, int64_t record)
{
    static const unsigned char zeros[EGW_SHA256];

    if (outcome->seq > chain->next) {
        open_gap(audit, chain, outcome->seq - 1, outcome->prev);
        forget_links_to_inputs(audit, chain);
    } else if (outcome->seq == 0) {
        if (memcmp(outcome->prev, zeros, EGW_SHA256) != 0)
            report_beginning(audit, chain, record);
    } else if (memcmp(outcome->prev, chain->head.b, EGW_SHA256) != 0 &&
               !(chain->forked && memcmp(outcome->prev, chain->other.b, EGW_SHA256) == 0)) {
        report_link(audit, chain, outcome->seq - 1, chain->record);
    }
    chain->next = outcome->seq + 1;
    chain->head = *head;
    chain->forked = false;
    chain->record = record;
}

/* What an outcome is to its chain: whether its trigger counts. */
static bool follow_chain(struct egw_audit *audit, struct chain *chain,
                         const struct egw_audit_record *record, bool *ret_in_sequence)
{
    const struct egw_outcome *outcome = record->outcome;
    struct egw_sha256 leaf, head;
    struct egw_finding finding;

    *ret_in_sequence = false;
    egw_chain_leaf(record->key, record->value, &leaf);
    egw_chain_head(outcome->prev, &leaf, &head);
    if (chain->next < 0) { /* the first of the chain: number 0, unless the log was cut */
        chain->next = audit->outcomes_low > 0 ? outcome->seq : 0;
        memcpy(chain->head.b, outcome->prev, EGW_SHA256);
    }
    if (outcome->seq >= chain->next) {
        *ret_in_sequence = true;
        extend(audit, chain, outcome, &head, record->offset);
        return true;
    }
    if (fill_gap(audit, chain, outcome, &head, record->offset)) {
        finding = finding_at(audit, EGW_FINDING_ORDER, chain, outcome->seq, record->offset);
        found(audit, &finding,
              "%s: outcome %" PRId64 " stands at %s/%" PRId32 "/%" PRId64 ", after a higher number",
              chain->name, outcome->seq, audit->conf.outcomes, audit->partition, record->offset);
        forget_links_to_inputs(audit, chain);
        return true;
    }
    if (outcome->seq == chain->next - 1 && memcmp(head.b, chain->head.b, EGW_SHA256) != 0) {
        finding = finding_at(audit, EGW_FINDING_FORK, chain, outcome->seq, record->offset);
        found(audit, &finding,
              "%s: two different outcomes have number %" PRId64 ", the second at %s/%" PRId32
              "/%" PRId64,
              chain->name, outcome->seq, audit->conf.outcomes, audit->partition, record->offset);
        chain->other = head;
        chain->forked = true;
        forget_links_to_inputs(audit, chain);
        return true;
    }
    finding = finding_at(audit, EGW_FINDING_REPEATED, chain, outcome->seq, record->offset);
    found(audit, &finding, "%s: outcome %" PRId64 " stands once more at %s/%" PRId32 "/%" PRId64,
          chain->name, outcome->seq, audit->conf.outcomes, audit->partition, record->offset);
    return false;
}

/* ---- outcomes against inputs ---- */

static int input_named(const struct egw_audit *audit, struct egw_str topic)
{
    for (size_t i = 0; i < audit->conf.input_count; i++)
        if (egw_str_is(topic, audit->conf.input_names[i]))
            return (int)i;
    return -1;
}

static struct egw_finding finding_for_input(const struct egw_audit *audit,
                                            enum egw_finding_kind kind, const struct chain *chain,
                                            const struct egw_audit_record *record, int input)
{
    struct egw_finding finding =
        finding_at(audit, kind, chain, record->outcome->seq, record->offset);

    finding.input = input;
    finding.offset = finding.last_offset = record->outcome->trigger.offset;
    return finding;
}

static void check_link_to_input(struct egw_audit *audit, const struct chain *chain,
                                const struct egw_audit_record *record, int i)
{
    const struct egw_trigger *trigger = &record->outcome->trigger;
    struct input *input = &audit->inputs[i];
    struct egw_finding finding;

    if (input->last_known && trigger->prev_offset != input->last) {
        finding = finding_for_input(audit, EGW_FINDING_SKIPPED, chain, record, i);
        found(audit, &finding,
              "%s: outcome %" PRId64 " says that %s/%" PRId32 "/%" PRId64 " follows %" PRId64
              ", but %" PRId64 " was the last one answered",
              chain->name, record->outcome->seq, audit->conf.input_names[i], audit->partition,
              trigger->offset, trigger->prev_offset, input->last);
    }
    if (!input->named && audit->outcomes_low > 0)
        input->handled_before = trigger->prev_offset;
    input->named = true;
    input->last = trigger->offset;
    input->last_known = true;
}

static void check_digest(struct egw_audit *audit, const struct chain *chain,
                         const struct egw_audit_record *record, int i, const unsigned char *kept)
{
    const struct egw_trigger *trigger = &record->outcome->trigger;
    struct egw_finding finding;

    if (trigger->digest && memcmp(trigger->digest, kept, DIGEST_KEPT) == 0) {
        audit->summary.answered++;
        return;
    }
    finding = finding_for_input(audit, EGW_FINDING_DIGEST, chain, record, i);
    found(audit, &finding,
          "%s: outcome %" PRId64 " answers other bytes than %s/%" PRId32 "/%" PRId64 " holds",
          chain->name, record->outcome->seq, audit->conf.input_names[i], audit->partition,
          trigger->offset);
}

static void check_input(struct egw_audit *audit, const struct chain *chain,
                        const struct egw_audit_record *record, int i)
{
    const struct egw_trigger *trigger = &record->outcome->trigger;
    struct input *input = &audit->inputs[i];
    struct page *page = NULL;
    struct egw_finding finding;
    size_t at = 0;

    if (trigger->offset >= 0 && trigger->offset < input->low) {
        audit->summary.by_link++;
        return;
    }
    if (trigger->offset >= 0 && trigger->offset < input->high) {
        at = (size_t)(trigger->offset - input->base);
        page = input->pages[at / PAGE];
    }
    if (!page || page->state[at % PAGE] == INPUT_ABSENT) {
        finding = finding_for_input(audit, EGW_FINDING_NO_INPUT, chain, record, i);
        found(audit, &finding,
              "%s: outcome %" PRId64 " names %s/%" PRId32 "/%" PRId64 ", where no record is",
              chain->name, record->outcome->seq, audit->conf.input_names[i], audit->partition,
              trigger->offset);
        return;
    }
    if (page->state[at % PAGE] == INPUT_ANSWERED) {
        finding = finding_for_input(audit, EGW_FINDING_TWICE, chain, record, i);
        found(audit, &finding,
              "%s: outcome %" PRId64 " answers %s/%" PRId32 "/%" PRId64 " a second time",
              chain->name, record->outcome->seq, audit->conf.input_names[i], audit->partition,
              trigger->offset);
        return;
    }
    page->state[at % PAGE] = INPUT_ANSWERED;
    check_digest(audit, chain, record, i, page->digest[at % PAGE]);
}

static void check_trigger(struct egw_audit *audit, const struct chain *chain,
                          const struct egw_audit_record *record, bool in_sequence)
{
    const struct egw_trigger *trigger = &record->outcome->trigger;
    struct egw_finding finding;
    int i;

    if (!chain->ours) {
        audit->summary.elsewhere++;
        return;
    }
    if (trigger->kind != EGW_TRIGGER_KIND_EVENT) {
        audit->summary.follow_ups++;
        return;
    }
    i = input_named(audit, trigger->topic);
    if (i < 0 || trigger->partition != audit->partition) {
        finding =
            finding_at(audit, EGW_FINDING_NO_INPUT, chain, record->outcome->seq, record->offset);
        finding.offset = finding.last_offset = trigger->offset;
        found(audit, &finding,
              "%s: outcome %" PRId64 " names %.*s/%" PRId32 "/%" PRId64
              ", which is no input of this chain",
              chain->name, record->outcome->seq, EGW_FMT(trigger->topic), trigger->partition,
              trigger->offset);
        return;
    }
    if (in_sequence)
        check_link_to_input(audit, chain, record, i);
    check_input(audit, chain, record, i);
}

static bool acceptable(struct egw_audit *audit, const struct egw_audit_record *record)
{
    struct egw_finding finding;

    if (record->headers > 0) {
        finding = finding_at(audit, EGW_FINDING_HEADER, NULL,
                             record->outcome ? record->outcome->seq : -1, record->offset);
        found(audit, &finding, "%s/%" PRId32 "/%" PRId64 " has a header, outcomes have none",
              audit->conf.outcomes, audit->partition, record->offset);
    }
    if (!record->outcome) {
        finding = finding_at(audit, EGW_FINDING_UNREADABLE, NULL, -1, record->offset);
        found(audit, &finding, "%s/%" PRId32 "/%" PRId64 " is no outcome: %s", audit->conf.outcomes,
              audit->partition, record->offset, record->why ? record->why : "unreadable");
        return false;
    }
    if (!belongs_here(audit, record->outcome->chain) || record->outcome->seq < 0 ||
        record->outcome->seq == INT64_MAX) {
        finding =
            finding_at(audit, EGW_FINDING_MISPLACED, NULL, record->outcome->seq, record->offset);
        found(audit, &finding,
              "%s/%" PRId32 "/%" PRId64 " holds outcome %" PRId64
              " of chain '%.*s', which does not belong there",
              audit->conf.outcomes, audit->partition, record->offset, record->outcome->seq,
              (int)(record->outcome->chain.n > 60 ? 60 : record->outcome->chain.n),
              record->outcome->chain.p ? record->outcome->chain.p : "");
        return false;
    }
    return true;
}

enum egw_status egw_audit_outcome(struct egw_audit *audit, const struct egw_audit_record *record,
                                  struct egw_error *reterr)
{
    struct chain *chain;
    bool in_sequence;

    assert(audit->open);
    audit->summary.outcomes++;
    if (!acceptable(audit, record))
        return EGW_OK;
    chain = chain_of(audit, record->outcome->chain);
    if (!chain)
        return egw_error_set(reterr, EGW_NOMEM,
                             "%s/%" PRId32 ": no memory for more than %zu chains",
                             audit->conf.outcomes, audit->partition, audit->chain_count);
    if (follow_chain(audit, chain, record, &in_sequence))
        check_trigger(audit, chain, record, in_sequence);
    return EGW_OK;
}

/* ---- the end of a partition ---- */

static const struct chain *our_chain(const struct egw_audit *audit)
{
    for (size_t i = 0; i < audit->chain_count; i++)
        if (audit->chains[i]->ours)
            return audit->chains[i];
    return NULL;
}

/* The position was read before the log: the log may be longer, never shorter. Where both end at
 * the same number, the heads must be equal: no later outcome vouches for the last one. */
static void check_tail(struct egw_audit *audit)
{
    const struct chain *chain = our_chain(audit);
    int64_t next = chain ? chain->next : 0;
    struct egw_finding finding = finding_at(audit, EGW_FINDING_TAIL, chain, next, -1);

    if (!audit->positioned)
        return;
    finding.last_seq = audit->position_seq - 1;
    if (!chain)
        (void)snprintf(finding.chain, sizeof(finding.chain), "%s/%" PRId32, audit->conf.processor,
                       audit->partition);
    if (next < audit->position_seq && !(next == 0 && !chain && audit->outcomes_low > 0)) {
        found(audit, &finding,
              "%s: the log ends before number %" PRId64 ", but outcomes up to %" PRId64
              " were committed",
              finding.chain, next, audit->position_seq - 1);
    } else if (chain && next == audit->position_seq &&
               memcmp(chain->head.b, audit->position_head, EGW_SHA256) != 0) {
        finding.seq = finding.last_seq = next - 1;
        finding.record = chain->record;
        found(audit, &finding,
              "%s: the last outcome, %" PRId64 ", is not the one that was committed", chain->name,
              next - 1);
    }
}

static void report_unanswered(struct egw_audit *audit, size_t i, int64_t from, int64_t to)
{
    struct egw_finding finding = finding_at(audit, EGW_FINDING_UNANSWERED, NULL, -1, -1);
    const char *topic = audit->conf.input_names[i];

    finding.input = (int)i;
    finding.offset = from;
    finding.last_offset = to;
    if (from == to)
        found(audit, &finding, "%s/%" PRId32 "/%" PRId64 " has no outcome", topic, audit->partition,
              from);
    else
        found(audit, &finding,
              "%s/%" PRId32 "/%" PRId64 " to %" PRId64
              " have no outcome: none of the records in between has one",
              topic, audit->partition, from, to);
}

static enum input_state state_at(const struct input *input, int64_t offset)
{
    size_t at = (size_t)(offset - input->base);
    const struct page *page = input->pages[at / PAGE];

    return page ? (enum input_state)page->state[at % PAGE] : INPUT_ABSENT;
}

/* Inputs whose outcomes retention removed: the first outcome kept says what came before it. When
 * none names the input, all of it was consumed before the log begins. */
static int64_t answered_before(const struct egw_audit *audit, const struct input *input)
{
    if (audit->outcomes_low == 0)
        return -1;
    return input->named ? input->handled_before : input->consumed - 1;
}

static void check_unanswered(struct egw_audit *audit, size_t i)
{
    const struct input *input = &audit->inputs[i];
    int64_t end = input->consumed < input->high ? input->consumed : input->high;
    int64_t before = answered_before(audit, input);
    int64_t from = -1, to = -1;

    for (int64_t offset = input->low; offset < end; offset++) {
        enum input_state state = state_at(input, offset);

        if (state == INPUT_THERE && offset <= before) {
            audit->summary.by_link++;
        } else if (state == INPUT_THERE) {
            from = from < 0 ? offset : from;
            to = offset;
        } else if (state == INPUT_ANSWERED && from >= 0) {
            report_unanswered(audit, i, from, to);
            from = -1;
        }
    }
    if (from >= 0)
        report_unanswered(audit, i, from, to);
    for (int64_t offset = end > input->low ? end : input->low; offset < input->high; offset++)
        audit->summary.waiting += state_at(input, offset) == INPUT_THERE;
}

void egw_audit_close(struct egw_audit *audit)
{
    assert(audit->open);
    for (size_t i = 0; i < audit->chain_count; i++) {
        const struct chain *chain = audit->chains[i];

        for (size_t k = 0; k < chain->gap_count; k++)
            report_gap(audit, chain, chain->gaps[k].from, chain->gaps[k].to);
    }
    check_tail(audit);
    for (size_t i = 0; i < audit->conf.input_count; i++)
        check_unanswered(audit, i);
    audit->summary.partitions++;
    forget_partition(audit);
}

const struct egw_audit_summary *egw_audit_summary(const struct egw_audit *audit)
{
    return &audit->summary;
}

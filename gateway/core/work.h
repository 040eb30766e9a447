/*
 * work - one step of triage, passed from room to room
 *
 *   triage.c   the processor: intake, what is not about a case
 *   case.c     a case entry: load, merge, remember, store
 *   course.c   what an event, a changed fact or a due time does to a case
 *   case_clock.c  its clock, and what a contact says about itself
 *   command.c  the one command of a problem, and its package
 *   work.c     what all of them share, and the end of every step: the outcome
 */
#ifndef EGW_WORK_H
#define EGW_WORK_H

#include "egw/buf.h"
#include "egw/chain.h"
#include "egw/dead.h"
#include "egw/lifecycle.h"
#include "egw/triage.h"
#include "rulebook.h"
#include "terms.h"

enum {
    RECENT_MAX = 32,
    DIAGNOSIS_MAX = 256,
    LIST_MAX = 64,        /* correlation ids, links, incidents set aside */
    RECORD_MAX = 2031616, /* bytes we produce at most: 2 MiB less room for framing by the broker */
    IDENTIFIER_MAX = 256, /* bytes of a partner, customer, case or event id */
    ENTRY_VERSION = 1,
    SHRINK_ROUNDS = 4, /* of case_shrink() */
    FIELD_KEPT = 1024, /* bytes of a field in a case too large otherwise */
};

struct egw_triage {
    struct egw_triage_topics topics;
    const struct egw_framing *framing;
    struct egw_plans *plans;
    struct egw_facts *facts;
    struct egw_rulebook *book;
    struct egw_processor processor;
    struct egw_buf out;   /* a record being written */
    struct egw_buf inner; /* the event inside a case entry being written */
    struct egw_arena waits_arena;
    struct egw_case_entry waits_entry; /* what waits() last read: its lists are handed out */
    int64_t reference_last;            /* offset of the last reference record learned */
    char chain[48];                    /* id of the chain of chain_partition */
    int32_t chain_partition;           /* the last that had an outcome; -1: none */
    int32_t wants_schema;
};

/* One step. Everything in it lives until the step ends. */
struct work {
    struct egw_triage *triage;
    struct egw_turn *turn;
    const struct egw_input *input;
    struct egw_arena *arena;
    struct egw_policy *policy; /* in force here; NULL where the step needs none */
    int64_t recorded_ms;
    struct egw_outcome outcome; /* filled on the way, written at the end */
    struct egw_str key;         /* partner/customer */
    struct egw_retry retry;     /* what outcome.retry_of points to, where the record is a retry */
    bool moved;                 /* and a copy that was passed on */
    struct egw_terms terms;     /* of the case, once touched */
    bool touched;
    struct egw_error *err;
};

struct kase {
    struct egw_str key; /* partner/customer/case */
    bool known;         /* an entry is there */
    struct egw_case_entry entry;
    struct egw_support_event event; /* the case so far */
};

static inline enum egw_status no_memory(struct work *work)
{
    return egw_error_set(work->err, EGW_NOMEM, "no memory for a step of triage");
}

/* Whole, however long its parts are: cut text might end inside a character. p == NULL: no memory.
 */
#define work_printf(work, ...) egw_arena_printf((work)->arena, __VA_ARGS__)

/* work.c */
/* a, separator, b in the arena: what keys are made of. */
struct egw_str work_join(struct work *work, struct egw_str a, char separator, struct egw_str b);
/* Append one to a list of `size`-byte items, dropping the oldest past max. */
enum egw_status list_add(struct work *work, struct egw_list *list, size_t size, size_t max,
                         const void *item) EGW_MUST_CHECK;
enum egw_status warn(struct work *work, const char *text) EGW_MUST_CHECK;
/* Frame and encode record into triage->out. EGW_INVALID: over RECORD_MAX. */
enum egw_status write_record(struct work *work, const struct egw_type *type, const void *record,
                             struct egw_buf *out) EGW_MUST_CHECK;
enum egw_status read_entry(struct egw_triage *triage, struct egw_str value,
                           const struct egw_type *type, struct egw_arena *arena, void *ret,
                           struct egw_error *reterr) EGW_MUST_CHECK;
/* Write the outcome, with its number in the chain. Every step that decided ends here, once. */
enum egw_status finish(struct work *work, enum egw_action action, struct egw_str code,
                       enum egw_stage stage) EGW_MUST_CHECK;

/* case.c */
enum egw_status case_load(struct work *work, struct egw_str partner, struct egw_str customer,
                          struct egw_str case_id, struct kase *ret) EGW_MUST_CHECK;
enum egw_status case_load_key(struct work *work, struct egw_str key,
                              struct kase *ret) EGW_MUST_CHECK;
/* The event was seen before: its SeenEvent, or NULL. */
const struct egw_seen_event *case_seen(const struct kase *kase, struct egw_str event_id);
/* Lay event over the case so far: what it says wins, lists grow. */
enum egw_status case_merge(struct work *work, struct kase *kase,
                           const struct egw_support_event *event) EGW_MUST_CHECK;
enum egw_status case_remember(struct work *work, struct kase *kase,
                              const struct egw_support_event *event) EGW_MUST_CHECK;
enum egw_status case_store(struct work *work, struct kase *kase) EGW_MUST_CHECK;
/* The case ends now; its entry stays for the duplicate horizon. */
void case_end(struct work *work, struct kase *kase);
/* The case was never opened: what is known of it stays for as long as an ended one. */
void case_heard_of(struct work *work, struct kase *kase);
/* One round of making a case smaller that is `over` bytes too large: the text, the lists, the
 * words of the diagnosis, then every long field. After SHRINK_ROUNDS of them it fits, whatever it
 * held. */
enum egw_status case_shrink(struct work *work, struct egw_support_event *event, size_t over,
                            int round) EGW_MUST_CHECK;
/* Digest of the whole text where it was cut; NULL: it was not. */
const struct egw_pair *case_whole_text(const struct egw_support_event *event);

/* case_clock.c */
/* Find the terms of the case, once a step, and put them into the outcome. */
enum egw_status case_touch(struct work *work, const struct kase *kase) EGW_MUST_CHECK;
/* The clock of the state the case is in now; where the policy gives none, it stops. */
enum egw_status case_clock_start(struct work *work, struct kase *kase,
                                 enum egw_action action) EGW_MUST_CHECK;
void case_clock_stop(struct kase *kase);
void case_clock_show(struct work *work, const struct kase *kase); /* in the outcome */

/* course.c */
enum egw_status course_event(struct work *work, struct kase *kase,
                             const struct egw_support_event *event,
                             enum egw_event_type type) EGW_MUST_CHECK;
enum egw_status course_fact(struct work *work) EGW_MUST_CHECK;
enum egw_status course_timer(struct work *work) EGW_MUST_CHECK;

/* command.c */
/* Issue the command the decision asks for, or share the one the problem has: then *ret_linked. */
enum egw_status command_issue(struct work *work, struct kase *kase,
                              const struct egw_decision *decision, bool *ret_linked) EGW_MUST_CHECK;
/* The problem's entry learns Microsoft's number, or that its case has ended. */
enum egw_status command_number(struct work *work, const struct kase *kase) EGW_MUST_CHECK;
enum egw_status command_ended(struct work *work, const struct kase *kase) EGW_MUST_CHECK;
/* A case that shares another one's command learns its number. */
enum egw_status command_shared_number(struct work *work, struct kase *kase) EGW_MUST_CHECK;
/* The case is another problem than `link`, whose command it shares: *ret_parted, and it has none.
 * Any other link: nothing. */
enum egw_status command_part(struct work *work, struct kase *kase, struct egw_str link,
                             bool *ret_parted) EGW_MUST_CHECK;
/* A problem's entry has been due: its case's end lies past the horizon. */
bool command_key(struct egw_str key); /* whether this is the key of a problem's entry */

#endif

/*
 * processor - the one abstraction: (state, input, now) -> effects
 *
 * A processor is a pure step. It reads state through the turn, and leaves its effects there:
 * records to emit, state entries to put. The runtime executes them, all or none. The step reads no
 * clock, does no I/O, and given the same turn and input leaves the same effects.
 *
 * A state entry may wait: for a time, or for reference keys to change. The runtime asks the
 * processor about every entry that is put or restored (waits()), and calls the step again when one
 * comes true. So what waits survives restart and take-over because it is in the entry.
 */
#ifndef EGW_PROCESSOR_H
#define EGW_PROCESSOR_H

#include "egw/base.h"
#include "egw/buf.h"
#include "egw/log.h"
#include "egw/records.h"

enum egw_input_kind {
    EGW_INPUT_RECORD, /* a record of an input topic */
    EGW_INPUT_TIMER,  /* the due time of entry `key` has come */
    EGW_INPUT_FACT,   /* reference key `fact`, for which entry `key` waits, changed at `offset` */
};

struct egw_input {
    enum egw_input_kind kind;
    int input;                    /* RECORD: which input topic (0 events, 1 inbox) */
    struct egw_log_record record; /* RECORD */
    struct egw_str key;           /* TIMER, FACT: the entry */
    int64_t due_ms;               /* TIMER */
    struct egw_str fact;          /* FACT */
    int64_t offset;               /* FACT: offset of the reference record */
};

struct egw_turn; /* the runtime's; see the calls below */

/* ---- what a step may ask and do ---- */

int32_t egw_turn_partition(const struct egw_turn *turn);
int32_t egw_turn_partition_count(const struct egw_turn *turn);
int64_t egw_turn_now(const struct egw_turn *turn); /* Unix ms; never runs back in a partition */
struct egw_arena *egw_turn_arena(struct egw_turn *turn); /* emptied after the step */
/* The position of this partition. The step may change chain_seq, chain_head, policy and activation;
 * the runtime keeps the rest, and puts all back when the transaction aborts. */
struct egw_position *egw_turn_position(struct egw_turn *turn);
/* Place of the input's topic in the position, for prev_offset. RECORD inputs only. */
const struct egw_input_position *egw_turn_input_position(const struct egw_turn *turn);
/* SHA-256 of the input record's value, computed once. RECORD inputs only. */
const struct egw_sha256 *egw_turn_digest(struct egw_turn *turn);

/* The entry's value; false: none. Valid until the next put of the same key or the end of the step.
 */
bool egw_turn_get(struct egw_turn *turn, struct egw_str key, struct egw_str *ret_value);
/* Put an entry, or remove it (value.p == NULL). Bytes are copied. EGW_OK, EGW_NOMEM. */
enum egw_status egw_turn_put(struct egw_turn *turn, struct egw_str key,
                             struct egw_str value) EGW_MUST_CHECK;
/* Emit a record. Bytes are copied, headers' names excepted. EGW_OK, EGW_NOMEM. */
enum egw_status egw_turn_emit(struct egw_turn *turn, const struct egw_log_out *out) EGW_MUST_CHECK;

/* ---- what a processor is ---- */

struct egw_waits {
    bool has_due;
    int64_t due_ms;
    const struct egw_str *facts; /* reference keys; valid until the next call into the processor */
    size_t fact_count;
    int64_t facts_offset; /* changes at or before this reference offset were known already */
    bool has_since;       /* it is stuck until something changes outside: told to operators */
    int64_t since_ms;     /* and has been since then; Unix ms */
};

struct egw_processor {
    const char *name; /* chain ids and log lines: "triage" */
    void *self;

    /*
     * One step. EGW_OK: effects stand. EGW_RETRY: nothing may be done with this input yet (a policy
     * still compiling, a schema id still unknown); its topic waits in this partition, and the same
     * input comes again when something was learned or another topic has moved; effects are dropped.
     * EGW_INVALID: the partition's state cannot be used (reterr names it); the partition stops.
     * EGW_NOMEM, EGW_FATAL: the process must end.
     */
    enum egw_status (*step)(void *self, struct egw_turn *turn, const struct egw_input *input,
                            struct egw_error *reterr);

    /* A record of a followed topic (reference, policy), in log order, before any step that may
     * see it. ret_fact: the reference key that changed; p == NULL: none. EGW_OK; EGW_INVALID: the
     * record is unusable and is skipped, reterr says why. */
    enum egw_status (*learn)(void *self, const struct egw_log_record *record,
                             struct egw_str *ret_fact, struct egw_error *reterr);

    /* Offset of the record that last changed reference key fact; -1: never seen. */
    int64_t (*fact_offset)(void *self, struct egw_str fact);

    /* What an entry waits for. EGW_OK; EGW_INVALID: not an entry this version can read. Also the
     * check at restore. */
    enum egw_status (*waits)(void *self, struct egw_str key, struct egw_str value,
                             struct egw_waits *ret, struct egw_error *reterr);
};

#endif

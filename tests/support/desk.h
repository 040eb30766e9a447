/*
 * desk - triage on the real runtime, over a log of one process where every commit succeeds
 *
 * For tests of what is decided: give it facts and events as JSON lines, get outcomes back. Faults
 * are the simulation's business. Time stands where the test puts it.
 */
#ifndef EGW_TEST_DESK_H
#define EGW_TEST_DESK_H

#include "egw/dead.h"
#include "egw/records.h"
#include "egw/runtime.h"
#include "egw/triage.h"

enum { DESK_PARTITIONS = 3 };

enum desk_topic {
    DESK_EVENTS,
    DESK_INBOX,
    DESK_CASES,
    DESK_OUTCOMES,
    DESK_DEAD_LETTERS,
    DESK_REFERENCE,
    DESK_POLICY,
    DESK_ESCALATIONS, /* one for all channels */
    DESK_TOPICS
};

struct desk_record {
    int32_t partition;
    int64_t offset, timestamp_ms;
    struct egw_str key, value; /* malloc'd, one block at key.p */
    const char *retry;         /* header egw.retry; NULL: none */
    enum egw_dead_class dead;  /* dead letters: header egw.class */
};

struct desk_topic_log {
    struct desk_record *records;
    size_t n, room;
    int64_t next[DESK_PARTITIONS];
};

struct desk_mark { /* a moment of the log to come back to */
    size_t n[DESK_TOPICS], outcomes_taken;
    int64_t next[DESK_TOPICS][DESK_PARTITIONS], committed[2][DESK_PARTITIONS];
};

struct desk {
    struct desk_topic_log topics[DESK_TOPICS];
    int64_t now_ms;
    struct egw_arena arena; /* decoded records */
    size_t outcomes_taken;
    struct desk_impl *impl;
};

/* Positions, the shipped policy (config/policy, config/catalogue) and its activation are there. */
struct desk *desk_new(int64_t now_ms);
void desk_free(struct desk *desk);

/* A reference record's line, known on 2026-01-05 at 06:00. */
#define DESK_FACT(body) "{\"as_of\":\"2026-01-05T06:00:00Z\",\"source\":\"t\",\"body\":" body "}"
/* The facts of an everyday desk: partner litware with its contact, customer adatum, access to it.
 */
void desk_everyday(struct desk *desk);
/* Each fails the test when the line is not a good record. */
void desk_fact(struct desk *desk, const char *json_line);
void desk_event(struct desk *desk, const char *json_line);
void desk_lines(struct desk *desk, const char *path, void (*one)(struct desk *, const char *));
/* Bytes as they are, on a partition of the events or the inbox. */
void desk_raw(struct desk *desk, enum desk_topic topic, int32_t partition, struct egw_str key,
              struct egw_str value);
/* Into the inbox, with the header of a retry; it lives as long as the desk. */
void desk_retry(struct desk *desk, int32_t partition, struct egw_str key, struct egw_str value,
                const char *retry);
/* A writer schema that is accepted from now on. */
void desk_schema(struct desk *desk, const char *json);
/* One file more in the policy, activated; both texts live as long as the desk. Once a desk. */
void desk_amend(struct desk *desk, const char *name, const char *content);
/* Run until nothing moves any more. */
void desk_run(struct desk *desk);
/* The runtime under it, for tests that look inside. */
struct egw_runtime *desk_runtime(struct desk *desk);
/* The same without failing the test; a worker that is not there is started. */
enum egw_status desk_try(struct desk *desk, struct egw_error *reterr);
/* The worker dies where it stands. */
void desk_stop(struct desk *desk);
/* Between two workers: the log as it was at the mark. */
void desk_mark(const struct desk *desk, struct desk_mark *ret);
void desk_rewind(struct desk *desk, const struct desk_mark *mark);
/* Start over with the same log: a new process takes over. */
void desk_restart(struct desk *desk);

/* The next outcome not yet taken that names case_id ("" for any); NULL: none. */
const struct egw_outcome *desk_outcome(struct desk *desk, const char *case_id);
/* The case's next outcome is that one: ACTION or ACTION/CODE. */
const struct egw_outcome *desk_expect(struct desk *desk, const char *case_id, const char *want);
void desk_expect_nothing(struct desk *desk);
/* The last command of a case; NULL: none. */
const struct egw_escalation *desk_command(struct desk *desk, const char *case_id);
size_t desk_count(const struct desk *desk, enum desk_topic topic);
/* NULL: there is none. */
const struct desk_record *desk_record_at(const struct desk *desk, int topic, int32_t partition,
                                         int64_t offset);
const char *desk_fact_value(const struct egw_outcome *outcome, const char *name);

/* ---- for a triage beside the desk's own ---- */

struct egw_triage_topics desk_triage_topics(void);
/* A registry's answer: no writer schema is accepted. */
enum egw_status desk_no_schema(void *user, struct egw_str json, struct egw_error *reterr);
struct egw_log_record desk_log_record(int topic, const struct desk_record *record);

#endif

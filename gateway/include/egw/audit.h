/*
 * audit - does every input have exactly one outcome, and is the log of outcomes whole?
 *
 * Level 1 of the audit: every input has its outcome. (Level 2, "every case came to an end", is
 * another question and not answered here.) Fed from topics alone, one state partition after the
 * other:
 *
 *   egw_audit_open(p)                 how far the partition was consumed, what its position says
 *   egw_audit_input(p, ...)           every input record still there, in any order
 *   egw_audit_retained(p, ...)        what retention removed while the inputs were read
 *   egw_audit_outcome(p, ...)         every outcome of the partition, in log order
 *   egw_audit_close(p)                what was fed is all there is
 *
 * What open() says must have been read before the logs, and the end of the outcomes fixed before
 * the inputs are read: then a gateway at work is no finding.
 *
 * Checked for each chain: numbers dense, heads linked, its end where the position says. For each
 * input below the consumed offset: answered once, by an outcome that names its digest. Where
 * retention took the payload only the links from outcome to outcome (prev_offset) are left: that is
 * counted apart, as proved by link. One change makes one finding where that can be told.
 *
 * Memory: 17 bytes an input offset of the open partition, up to a ceiling; 128 bits of each digest
 * are kept. Pure; one thread for each audit.
 */
#ifndef EGW_AUDIT_H
#define EGW_AUDIT_H

#include "egw/hash.h"
#include "egw/log.h"
#include "egw/records.h"

enum egw_finding_kind {
    EGW_FINDING_UNREADABLE, /* an outcome record that is none */
    EGW_FINDING_HEADER,     /* outcomes have no headers */
    EGW_FINDING_MISPLACED,  /* an outcome outside its chain's partition */
    EGW_FINDING_GAP,        /* numbers seq..last_seq are missing */
    EGW_FINDING_ORDER,      /* a number after a higher one */
    EGW_FINDING_REPEATED,   /* a number that was there already */
    EGW_FINDING_FORK,       /* two different outcomes under one number */
    EGW_FINDING_LINK,       /* seq is not what its successor links to: altered */
    EGW_FINDING_TAIL,       /* the chain does not end as the position says */
    EGW_FINDING_UNANSWERED, /* inputs offset..last_offset have no outcome */
    EGW_FINDING_TWICE,      /* an input with a second outcome */
    EGW_FINDING_NO_INPUT,   /* an outcome names an input that is not there */
    EGW_FINDING_DIGEST,     /* the input is not the one that was answered */
    EGW_FINDING_SKIPPED,    /* prev_offset is not the input handled before: one was left out */
    EGW_FINDING_COUNT
};
extern const char *const egw_finding_names[EGW_FINDING_COUNT]; /* "unreadable", "gap", ... */

enum { EGW_FINDING_CHAIN = 64, EGW_FINDING_TEXT = 320 };

struct egw_finding {
    enum egw_finding_kind kind;
    char chain[EGW_FINDING_CHAIN]; /* empty: none is known */
    int32_t partition;             /* of state, outcomes and inputs alike */
    int64_t seq, last_seq;         /* numbers in the chain; -1: none is known */
    int64_t record;                /* offset of the outcome; -1: none */
    int input;                     /* which input topic; -1: none */
    int64_t offset, last_offset;   /* in that topic; -1: none */
    char text[EGW_FINDING_TEXT];   /* sentence, with the places */
};

struct egw_audit_conf {
    const char *processor;          /* whose chains answer the inputs: "triage" */
    const char *outcomes;           /* topic, for the sentences */
    const char *const *input_names; /* topics, up to EGW_LOG_INPUTS_MAX */
    size_t input_count;
    size_t max_bytes; /* of what is kept about inputs; 0: 192 MiB */
    void (*finding)(void *user, const struct egw_finding *finding);
    void *user;
};

/* What is known of one partition before its logs are read. */
struct egw_audit_partition {
    int32_t partition;
    struct {
        int64_t consumed;  /* all before it must be answered; 0: nothing must */
        int64_t low, high; /* log start and end */
    } inputs[EGW_LOG_INPUTS_MAX];
    int64_t outcomes_low;                /* 0: nothing was removed, chains begin at number 0 */
    const struct egw_position *position; /* of the processor; NULL: none was found */
};

struct egw_audit_record {
    int64_t offset;
    size_t headers;
    struct egw_str key, value;
    const struct egw_outcome *outcome; /* NULL: could not be read, for this reason: */
    const char *why;
};

struct egw_audit_summary {
    uint64_t partitions, chains, outcomes, inputs;
    uint64_t answered;   /* inputs retained, answered once, digest equal */
    uint64_t by_link;    /* answered, but the payload or the outcome is no longer kept */
    uint64_t waiting;    /* inputs not consumed yet: nothing is owed */
    uint64_t follow_ups; /* outcomes of timers and changed facts: chain checked, no input */
    uint64_t elsewhere;  /* outcomes of other processors: chain checked, inputs not */
    uint64_t findings[EGW_FINDING_COUNT], found;
};

struct egw_audit;

/* conf's texts must outlive the audit. EGW_OK, EGW_NOMEM. */
enum egw_status egw_audit_new(const struct egw_audit_conf *conf,
                              struct egw_audit **ret) EGW_MUST_CHECK;
void egw_audit_free(struct egw_audit *audit); /* NULL is allowed */

/* One partition is open at a time. EGW_OK; EGW_INVALID: an offset is negative or past its end;
 * EGW_NOMEM. position is copied. */
enum egw_status egw_audit_open(struct egw_audit *audit, const struct egw_audit_partition *partition,
                               struct egw_error *reterr) EGW_MUST_CHECK;
/* EGW_OK; EGW_NOMEM: past the ceiling, the audit cannot answer. Offsets outside low..high are
 * left out: they came after the ends were fixed. */
enum egw_status egw_audit_input(struct egw_audit *audit, int input, int64_t offset,
                                const struct egw_sha256 *digest,
                                struct egw_error *reterr) EGW_MUST_CHECK;
void egw_audit_retained(struct egw_audit *audit, int input, int64_t low);
/* EGW_OK, EGW_NOMEM. What is wrong with the record becomes findings. */
enum egw_status egw_audit_outcome(struct egw_audit *audit, const struct egw_audit_record *record,
                                  struct egw_error *reterr) EGW_MUST_CHECK;
void egw_audit_close(struct egw_audit *audit);

const struct egw_audit_summary *egw_audit_summary(const struct egw_audit *audit);

#endif

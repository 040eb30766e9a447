/*
 * kafka_internal - what the Kafka edges share: handles, the error ladder, waiting with a deadline
 */
#ifndef EGW_KAFKA_INTERNAL_H
#define EGW_KAFKA_INTERNAL_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <sys/socket.h>

#include "egw/dead.h"
#include "egw/kafka.h"

/* ---- kafka_conf.c: the only place where a configuration is made ---- */

enum egw_kafka_role {
    EGW_KAFKA_MEMBER, /* group consumer, static member */
    EGW_KAFKA_TAIL,   /* reads committed records of single partitions; asks committed offsets */
    EGW_KAFKA_PROBE,  /* asks log ends, open transactions included */
    EGW_KAFKA_TRANSACTIONS, /* transactional producer */
    EGW_KAFKA_WRITER,       /* idempotent producer and admin of commands */
    EGW_KAFKA_MOCK,         /* carries a mock cluster; settings is NULL */
};

struct egw_kafka_handle_conf {
    enum egw_kafka_role role;
    const struct egw_settings *settings;
    const char *client_id;
    const char *group;    /* MEMBER; TAIL: NULL unless it asks committed offsets */
    const char *instance; /* MEMBER: group instance id. TRANSACTIONS: transactional id */
    void *self;           /* what egw_kafka_self() gives the callbacks */
    void (*rebalance)(rd_kafka_t *, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t *, void *);
    void (*delivered)(rd_kafka_t *, const rd_kafka_message_t *, void *);
    void (*trouble)(rd_kafka_t *, int, const char *, void *);
    void (*line)(const rd_kafka_t *, int, const char *, const char *); /* NULL: dropped */
};

/* A new handle; EGW_INVALID when a property is refused, EGW_NOMEM. */
enum egw_status egw_kafka_handle(const struct egw_kafka_handle_conf *conf, rd_kafka_t **ret,
                                 struct egw_error *reterr) EGW_MUST_CHECK;

/* Reads the password anew, for the connections this handle makes from now on. rk NULL: nothing. */
enum egw_status egw_kafka_login(rd_kafka_t *rk, const struct egw_settings *settings,
                                struct egw_error *reterr) EGW_MUST_CHECK;

/* What egw sets for the transactional producer; the helper measures against it. */
int64_t egw_kafka_socket_timeout_ms(const struct egw_settings *settings);

/* Whether bytes without TLS may go to this address (K1): loopback only, unless allowed. */
bool egw_kafka_may_connect_plain(const struct sockaddr *to);

/* ---- kafka_heard.c: what a handle hears of its connections ---- */

struct egw_kafka_heard; /* the library's opaque of every handle */
struct egw_kafka_heard *egw_kafka_heard_new(const struct egw_kafka_handle_conf *conf);
void egw_kafka_heard_free(struct egw_kafka_heard *heard);
/* The library's error callback; goes on to conf.trouble. */
void egw_kafka_heard_trouble(rd_kafka_t *rk, int code, const char *reason, void *heard);
/* The library's log callback; goes on to conf.line. */
void egw_kafka_heard_line(const rd_kafka_t *rk, int level, const char *facility, const char *text);
/* Whether, since the last call, no broker was connected any more; and what was heard last. */
bool egw_kafka_heard_silence(const rd_kafka_t *rk, struct egw_error *ret);
/* A transaction begins: what the one before was denied is over. */
void egw_kafka_heard_begin(const rd_kafka_t *rk);
/* A denial (the status of *error) gets the topic and partition, where only the library's lines name
 * them, and as whom we came. Hands st back; error may be NULL. */
enum egw_status egw_kafka_name_denied(const rd_kafka_t *rk, enum egw_status st,
                                      struct egw_error *error);
/* conf.self of a handle. */
void *egw_kafka_self(const rd_kafka_t *rk);
/* A broker has answered: what was heard before is over. */
void egw_kafka_heard_well(const rd_kafka_t *rk);
/* Whether waiting is of no use: all brokers are away, and one did not let us in. */
bool egw_kafka_refused(rd_kafka_t *rk);
/* The error for a question nobody answered, as the sentence fmt, and why: EGW_DENIED where a broker
 * refused the password or a certificate was refused on either side, else EGW_RETRY. */
enum egw_status egw_kafka_no_answer(rd_kafka_t *rk, struct egw_error *reterr, const char *fmt, ...)
    EGW_PRINTF(3, 4);

/* ---- kafka_error.c ---- */

/* The ladder, for a call on a transactional producer. Takes e; `doing` names the call and its
 * object. EGW_OK for NULL; EGW_RETRY: the same call may be repeated; EGW_ABORT, with the cause as
 * the error's status; EGW_DENIED; EGW_FATAL. */
/* Of the header that stands last under that name; absent: there is none, or it is null. */
struct egw_str egw_kafka_header(const rd_kafka_headers_t *headers, const char *name);
/* Fills in what a record says in its headers; returns how many it has. */
size_t egw_kafka_record_headers(const rd_kafka_message_t *message, struct egw_log_record *ret);

enum egw_status egw_from_kafka(rd_kafka_error_t *e, const char *doing, struct egw_error *reterr);
/* The same for the calls that hand out a bare code. detail: NULL or the library's sentence. */
enum egw_status egw_from_kafka_code(rd_kafka_resp_err_t code, const char *doing, const char *detail,
                                    struct egw_error *reterr);

/* Why a transaction must be aborted: EGW_DENIED, EGW_NOT_FOUND or EGW_INVALID (a topic does not
 * take what is written) where a person has to mend it, else EGW_ABORT. */
enum egw_status egw_kafka_abort_cause(rd_kafka_resp_err_t code);
/* Where to look, for a code whose words at the broker name no setting; else NULL. */
const char *egw_kafka_advice(rd_kafka_resp_err_t code);
/* The code a line of the library ends with: "... (NAME)" or "... (NAME, more)"; UNKNOWN: none. */
rd_kafka_resp_err_t egw_kafka_code_in(const char *line);

/* ---- kafka_wait.c ---- */

int64_t egw_kafka_mono_ms(void);
/* What is left until a time of egw_kafka_mono_ms(): at least 0.1 s, so that what is quick is done.
 */
int64_t egw_kafka_rest_of(int64_t deadline_ms);
/* Runs fn(arg) on a thread of its own and waits for its end. False: past the deadline; the thread
 * is left behind and arg with it. */
bool egw_kafka_within(int64_t ms, void (*fn)(void *), void *arg);
/* Destroys a handle whose objects are all given back; NULL is allowed. False: it hangs. */
bool egw_kafka_destroy(rd_kafka_t *rk, int64_t ms);

/* ---- kafka_admin.c ---- */

/* Partition count by a consumer handle (a producer's question would create the topic). */
enum egw_status egw_kafka_count(rd_kafka_t *consumer, const char *topic, int timeout_ms,
                                int32_t *ret, struct egw_error *reterr) EGW_MUST_CHECK;
/* Fills offset of every element: the log start (RD_KAFKA_OFFSET_BEGINNING) or the end
 * (RD_KAFKA_OFFSET_END), as the handle's isolation level sees it; one request for each leader. */
enum egw_status egw_kafka_log_ends(rd_kafka_t *consumer, rd_kafka_topic_partition_list_t *list,
                                   int64_t which, int timeout_ms,
                                   struct egw_error *reterr) EGW_MUST_CHECK;

struct egw_kafka_mock {
    rd_kafka_t *handle;
    rd_kafka_mock_cluster_t *cluster;
};

#endif

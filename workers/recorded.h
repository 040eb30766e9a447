/*
 * recorded - the chains of outcomes gone through once more, each with the input, the policy and the
 * facts it was decided by
 *
 * The wiring that `egw replay` and `egw policy backtest` share around egw/replay.h. Blocks; one
 * thread.
 */
#ifndef EGW_RECORDED_H
#define EGW_RECORDED_H

#include "activate.h"
#include "egw/replay.h"
#include "reading.h"

struct egw_recorded;

struct egw_recorded_ports {
    /* Whether this outcome's case is gone through; else it is only taken note of. */
    bool (*wanted)(void *user, const struct egw_outcome *outcome);
    /* Called for each that is. policy: that it names, compiled; NULL: none, or it cannot be had.
     * Anything but EGW_OK ends the reading. */
    enum egw_status (*tell)(void *user, const struct egw_item *item,
                            const struct egw_replay_answer *answer, const struct egw_policy *policy,
                            struct egw_error *reterr);
    /* A record among the outcomes that is none. Its case goes on as if it were not there. */
    void (*unreadable)(void *user, const struct egw_item *item);
    /* How many outcomes of about how many; may be NULL. */
    void (*progress)(void *user, int64_t done, int64_t total);
    void *user;
};

/* Reads policies and reference. client: name for the broker's log. EGW_OK, EGW_RETRY (no broker
 * answered), EGW_NOT_FOUND (no topics), EGW_NOMEM. */
enum egw_status egw_recorded_open(const struct egw_settings *settings, const char *client,
                                  const struct egw_recorded_ports *ports, struct egw_recorded **ret,
                                  struct egw_error *reterr) EGW_MUST_CHECK;
void egw_recorded_free(struct egw_recorded *recorded); /* NULL is allowed */

/* Try the policy of these files on what was decided at since or later; once. EGW_OK, EGW_NOMEM,
 * EGW_INVALID (a file cannot be a record). */
enum egw_status egw_recorded_candidate(struct egw_recorded *recorded,
                                       const struct egw_policy_folder *folder, int64_t since,
                                       struct egw_error *reterr) EGW_MUST_CHECK;

int32_t egw_recorded_partitions(const struct egw_recorded *recorded);
/* The chains of partitions [from, to), one after another. */
enum egw_status egw_recorded_read(struct egw_recorded *recorded, int32_t from, int32_t to,
                                  struct egw_error *reterr) EGW_MUST_CHECK;

#endif

/*
 * watchdog - notices a loop that does not turn, and tells the supervisor while it does
 *
 * librdkafka does not reliably notice (rules page, 2), so a thread of our own looks whether the
 * loop has beaten. It adds up short ticks instead of comparing times: what stood still together
 * with the loop (a stopped process, a suspended machine, a starved one) does not count.
 *
 * Threading: beat() and rest() belong to the loop; the calls back come from the watchdog's thread;
 * the rest may be asked from anywhere.
 */
#ifndef EGW_WATCHDOG_H
#define EGW_WATCHDOG_H

#include "egw/base.h"

struct egw_watchdog;

struct egw_watchdog_conf {
    int64_t bound_ms; /* longest a turn may take */
    /* No beat for half the bound; once each time. */
    void (*slow)(void *user, int64_t ms);
    /* None for the whole bound: to end the process. Called once. */
    void (*stuck)(void *user, int64_t ms);
    /* At every tick, while it is not slow. NULL: nobody wants to know. */
    void (*well)(void *user);
    void *user;
};

/* EGW_OK, EGW_NOMEM. Nothing counts before the first beat. */
enum egw_status egw_watchdog_start(const struct egw_watchdog_conf *conf, struct egw_watchdog **ret,
                                   struct egw_error *reterr) EGW_MUST_CHECK;
/* The loop begins a turn. */
void egw_watchdog_beat(struct egw_watchdog *dog);
/* The loop has ended: nothing counts until the next beat. */
void egw_watchdog_rest(struct egw_watchdog *dog);
/* Time since the last beat, as far as it counts; -1: the loop rests. */
int64_t egw_watchdog_age_ms(const struct egw_watchdog *dog);
/* Whether that is less than half the bound. */
bool egw_watchdog_is_well(const struct egw_watchdog *dog);
void egw_watchdog_stop(struct egw_watchdog *dog); /* NULL is allowed */

/* One datagram to the supervisor that started us (systemd's sd_notify protocol), "READY=1". Where
 * there is none, or it does not take it at once, nothing happens. */
void egw_supervisor_tell(const char *state);

#endif

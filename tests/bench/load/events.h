/*
 * events - the events of the benchmarks: 428 bytes on average, five in eight go up
 *
 * Cases are drawn anew for each event, so that 632 of 1,000 are distinct; what an event says
 * depends on its case alone. The same arguments give the same events.
 */
#ifndef BENCH_EVENTS_H
#define BENCH_EVENTS_H

#include "egw/records.h"

struct bench_events {
    size_t cases; /* to draw from */
    size_t customers;
    const char *salt;      /* makes the event ids of one run differ from another's */
    const char *case_salt; /* and this the case ids */
    uint64_t random;       /* 1 at first */
    size_t number;         /* of the next event */
    char customer[24], case_id[64], event_id[64], key[48], text[640];
    struct egw_diagnosis step;
};

/* The next event; both live until the next call. */
void bench_event(struct bench_events *events, struct egw_str *ret_key,
                 struct egw_support_event *ret);

#endif

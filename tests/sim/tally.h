/*
 * tally - the smallest processor that uses all the runtime offers
 *
 * It counts events for each key, knows the ids it has counted, passes on what came to the wrong
 * partition, issues one command a key, waits for times and facts when an event says so, and leaves
 * one outcome for each trigger, chained. Bytes are C structs as they lie in memory.
 *
 * An event's value is "id flags"; flags: t wait 40-400 ms, f wait for the key's fact to change, r
 * not before some fact is known.
 */
#ifndef EGW_SIM_TALLY_H
#define EGW_SIM_TALLY_H

#include "subject.h"

enum { TALLY_PARTITIONS = 8, TALLY_KEYS = 40, TALLY_FACTS = 4, TALLY_IDS = 64 };

enum tally_topic {
    TALLY_EVENTS,
    TALLY_INBOX,
    TALLY_OUTCOMES,
    TALLY_STATE,
    TALLY_COMMANDS,
    TALLY_REFERENCE,
    TALLY_POLICY,
    TALLY_TOPICS,
};

#endif

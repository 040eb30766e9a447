/*
 * plant - mistakes an exactly-once program could make, put between the runtime and its log
 *
 * The production runtime has no hooks for this: the mistakes are made by a port and a processor
 * that wrap the real ones. A checker that does not find each of them is wrong.
 */
#ifndef EGW_SIM_PLANT_H
#define EGW_SIM_PLANT_H

#include "egw/codec.h"
#include "egw/processor.h"
#include "memlog.h"

enum plant {
    PLANT_NONE,
    PLANT_COMMIT_BEFORE_PRODUCE, /* offsets commit, then the outputs follow */
    PLANT_REWIND_ONE,            /* after an abort only the first partition goes back */
    PLANT_NEWEST_METADATA,       /* offsets go out under the generation of the moment */
    PLANT_NO_OFFSETS,            /* no transaction carries offsets */
    PLANT_STATE_OUTSIDE,         /* state is written beside the transaction */
    PLANT_STABLE_END,            /* restore stops at the last stable offset */
    PLANT_NO_POSITION,           /* the position is never written */
    PLANT_IGNORE_DOUBT,          /* a doubtful end is taken for a good one */
    PLANT_NO_GENERATION,         /* offsets go out without member and generation */
    PLANT_READ_UNCOMMITTED,      /* readers see what is open or aborted */
    PLANT_STALE_LOOKUP,          /* a partition is looked up once, for all its assignments */
    PLANT_OLDER_FACTS,           /* a new owner does not wait for what its predecessor knew */
    PLANT_REMOVALS_IGNORED,      /* restore skips tombstones */
    PLANT_OVERLAY_KEPT,          /* state of an aborted batch stays for the next */
    PLANT_WAITS_DROPPED,         /* what an entry waits for is not armed at take-over */
    PLANT_ACTIVATION_TWICE,      /* an activation's number is not looked at (triage) */
    PLANT_COUNT,
};

const char *plant_name(enum plant plant);
bool plant_find(const char *name, enum plant *ret);

struct planted;
/* The port of log with the mistake in it. PLANT_NONE: the port as it is, *ret is NULL. */
struct egw_log plant_port(enum plant plant, struct memlog *log, struct memcluster *cluster,
                          const struct egw_plans *plans, struct planted **ret);
/* The processor with the mistake in it; planted may be NULL. Call once, before any step. */
const struct egw_processor *plant_processor(struct planted *planted,
                                            const struct egw_processor *inner);
void planted_free(struct planted *planted);

#endif

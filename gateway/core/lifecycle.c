#include "egw/lifecycle.h"

const char *const egw_event_types[EGW_EVENT_COUNT] = {
    "opened",     "updated",  "diagnosed", "attempt",  "confirmed", "cleared",
    "closed",     "reopened", "approved",  "declined", "released",  "case-number",
    "case-state", "link",     "unlink",    "redecide",
};

const char *const egw_lifecycle_names[] = {
    [EGW_DO_DECIDE] = "decide",     [EGW_DO_UPDATE] = "update", [EGW_DO_ATTEMPT] = "attempt",
    [EGW_DO_OUTLIVED] = "outlived", [EGW_DO_END] = "end",       [EGW_DO_NUMBER] = "number",
    [EGW_DO_STATE] = "state",       [EGW_DO_LINK] = "link",     [EGW_DO_UNLINK] = "unlink",
    [EGW_DO_REOPEN] = "reopen",     [EGW_DO_LATE] = "late",
};

int egw_event_type_of(struct egw_str name)
{
    for (int i = 0; i < EGW_EVENT_COUNT; i++) {
        if (egw_str_is(name, egw_event_types[i]))
            return i;
    }
    return -1;
}

int egw_action_of(struct egw_str name)
{
    for (int i = 0; i < EGW_ACTION_COUNT; i++) {
        if (egw_str_is(name, egw_action_names[i]))
            return i;
    }
    return -1;
}

#define DECIDE   EGW_DO_DECIDE
#define UPDATE   EGW_DO_UPDATE
#define ATTEMPT  EGW_DO_ATTEMPT
#define OUTLIVED EGW_DO_OUTLIVED
#define END      EGW_DO_END
#define NUMBER   EGW_DO_NUMBER
#define STATE    EGW_DO_STATE
#define LINK     EGW_DO_LINK
#define UNLINK   EGW_DO_UNLINK
#define REOPEN   EGW_DO_REOPEN
#define LATE     EGW_DO_LATE

/* clang-format off */
static const unsigned char table[EGW_EVENT_COUNT][EGW_PHASE_COUNT] = {
    /*                NEW     DESK    BLOCKED INCIDENT  HELD    PROVIDER ESCALATED FILED    ENDED */
    /* opened      */ {DECIDE, DECIDE, DECIDE, DECIDE,   DECIDE, UPDATE,  UPDATE,   UPDATE,  LATE},
    /* updated     */ {DECIDE, DECIDE, DECIDE, DECIDE,   DECIDE, UPDATE,  UPDATE,   UPDATE,  LATE},
    /* diagnosed   */ {DECIDE, DECIDE, DECIDE, DECIDE,   DECIDE, UPDATE,  UPDATE,   UPDATE,  LATE},
    /* attempt     */ {DECIDE, DECIDE, DECIDE, DECIDE,   DECIDE, ATTEMPT, ATTEMPT,  ATTEMPT, LATE},
    /* confirmed   */ {LATE,   UPDATE, UPDATE, OUTLIVED, UPDATE, UPDATE,  UPDATE,   UPDATE,  LATE},
    /* cleared     */ {END,    END,    END,    END,      END,    END,     END,      END,     LATE},
    /* closed      */ {END,    END,    END,    END,      END,    END,     END,      END,     LATE},
    /* reopened    */ {DECIDE, DECIDE, DECIDE, DECIDE,   DECIDE, UPDATE,  UPDATE,   UPDATE,  REOPEN},
    /* approved    */ {LATE,   UPDATE, UPDATE, UPDATE,   DECIDE, UPDATE,  UPDATE,   UPDATE,  LATE},
    /* declined    */ {LATE,   UPDATE, UPDATE, UPDATE,   DECIDE, UPDATE,  UPDATE,   UPDATE,  LATE},
    /* released    */ {LATE,   UPDATE, UPDATE, OUTLIVED, DECIDE, UPDATE,  UPDATE,   UPDATE,  LATE},
    /* case-number */ {NUMBER, NUMBER, NUMBER, NUMBER,   NUMBER, NUMBER,  NUMBER,   NUMBER,  NUMBER},
    /* case-state  */ {LATE,   UPDATE, UPDATE, UPDATE,   UPDATE, STATE,   STATE,    STATE,   LATE},
    /* link        */ {LATE,   LINK,   LINK,   LINK,     LINK,   LINK,    LINK,     LINK,    LINK},
    /* unlink      */ {LATE,   UNLINK, UNLINK, UNLINK,   UNLINK, UNLINK,  UNLINK,   UNLINK,  UNLINK},
    /* redecide    */ {LATE,   DECIDE, DECIDE, DECIDE,   DECIDE, DECIDE,  REOPEN,   REOPEN,  REOPEN},
};
/* clang-format on */

enum egw_lifecycle egw_lifecycle_of(enum egw_event_type event, enum egw_phase phase)
{
    return (enum egw_lifecycle)table[event][phase];
}

enum egw_phase egw_phase_after(enum egw_action action)
{
    switch (action) {
    case EGW_ACTION_BASELINE:
        return EGW_PHASE_DESK;
    case EGW_ACTION_NO_POLICY:
    case EGW_ACTION_ACCESS_REQUIRED:
    case EGW_ACTION_NOT_ENTITLED:
        return EGW_PHASE_BLOCKED;
    case EGW_ACTION_HEALTH_MATCH:
    case EGW_ACTION_INCIDENT_ENDED:
        return EGW_PHASE_INCIDENT;
    case EGW_ACTION_HELD:
        return EGW_PHASE_HELD;
    case EGW_ACTION_TO_PROVIDER:
        return EGW_PHASE_PROVIDER;
    case EGW_ACTION_ESCALATED:
    case EGW_ACTION_HANDOFF:
    case EGW_ACTION_LINKED:
        return EGW_PHASE_ESCALATED;
    case EGW_ACTION_FILED:
        return EGW_PHASE_FILED;
    case EGW_ACTION_REJECTED:
    case EGW_ACTION_REFERRED:
    case EGW_ACTION_RESOLVED_BASELINE:
    case EGW_ACTION_CLOSED_BEFORE_ESCALATION:
    case EGW_ACTION_CLOSED:
        return EGW_PHASE_ENDED;
    case EGW_ACTION_DUPLICATE:
    case EGW_ACTION_PASSED_ON:
    case EGW_ACTION_DEAD_LETTERED:
    case EGW_ACTION_POLICY_ACTIVATED:
    case EGW_ACTION_NOTED:
    case EGW_ACTION_OVERDUE:
    case EGW_ACTION_CHANNEL_REFUSED:
    case EGW_ACTION_IN_DOUBT:
        break;
    }
    return (enum egw_phase)EGW_PHASE_COUNT;
}

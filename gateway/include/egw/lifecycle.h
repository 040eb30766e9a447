/*
 * lifecycle - the table of event type x phase of the case: what happens
 *
 * Written down whole, so that every cell was thought about; tests go through it cell by cell and
 * README-readers find it in docs/lifecycle.md. Pure; any thread.
 */
#ifndef EGW_LIFECYCLE_H
#define EGW_LIFECYCLE_H

#include "egw/records.h"

enum egw_event_type {
    EGW_EVENT_OPENED,
    EGW_EVENT_UPDATED,
    EGW_EVENT_DIAGNOSED,
    EGW_EVENT_ATTEMPT,
    EGW_EVENT_CONFIRMED,
    EGW_EVENT_CLEARED,
    EGW_EVENT_CLOSED,
    EGW_EVENT_REOPENED,
    EGW_EVENT_APPROVED,
    EGW_EVENT_DECLINED,
    EGW_EVENT_RELEASED,
    EGW_EVENT_CASE_NUMBER,
    EGW_EVENT_CASE_STATE,
    EGW_EVENT_LINK,
    EGW_EVENT_UNLINK,
    EGW_EVENT_REDECIDE,
    EGW_EVENT_COUNT
};
extern const char *const egw_event_types[EGW_EVENT_COUNT];

/* -1: no such event type. */
int egw_event_type_of(struct egw_str name);
/* -1: no such action. */
int egw_action_of(struct egw_str name);

enum egw_lifecycle {
    EGW_DO_DECIDE,   /* merge the event into the case and walk the stages */
    EGW_DO_UPDATE,   /* merge it, nothing to decide: NOTED/UPDATED */
    EGW_DO_ATTEMPT,  /* merge it; a resolved attempt ends the case, else NOTED/UPDATED */
    EGW_DO_OUTLIVED, /* the awaited incident is not (or no longer) the cause: decide without it */
    EGW_DO_END,      /* the case ends: CLOSED_BEFORE_ESCALATION or CLOSED */
    EGW_DO_NUMBER,   /* Microsoft's number: NOTED/CASE_NUMBER or NUMBER_CONFLICT */
    EGW_DO_STATE,    /* Microsoft's state: NOTED/CASE_STATE; closed by Microsoft ends the case */
    EGW_DO_LINK,     /* NOTED/LINK */
    EGW_DO_UNLINK,   /* NOTED/UNLINK */
    EGW_DO_REOPEN,   /* a new generation: decide again, a new command is allowed */
    EGW_DO_LATE,     /* too late, or for a case never opened: NOTED/LATE */
};
extern const char *const egw_lifecycle_names[];

enum egw_lifecycle egw_lifecycle_of(enum egw_event_type event, enum egw_phase phase);

/* The phase a deciding action leads to; EGW_PHASE_COUNT: the phase stays. */
enum egw_phase egw_phase_after(enum egw_action action);

#endif

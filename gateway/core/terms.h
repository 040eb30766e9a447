/*
 * terms - what the partner promised the customer, who delivers it, and what a contact is about;
 * private to core
 *
 * The statement of support is the one in force when the event occurred (S42). Who delivers is
 * judged at the record time: that is who was on duty when the work came in (S32-S36).
 */
#ifndef EGW_TERMS_H
#define EGW_TERMS_H

#include "egw/calendar.h"
#include "policy_model.h"

enum { EGW_NOTES_SOURCES = 8, EGW_NOTES_WARNINGS = 4 };

/* What was read on the way, for the outcome. */
struct egw_notes {
    struct egw_fact_source sources[EGW_NOTES_SOURCES];
    size_t source_count;
    struct egw_str warnings[EGW_NOTES_WARNINGS];
    size_t warning_count;
    bool nomem;
};

struct egw_terms_ask {
    const struct egw_policy *policy;
    const struct egw_facts *facts;
    const struct egw_support_event *event; /* merged; its customer is canonical */
    bool customer_known;
    struct egw_str severity; /* as decided */
    int64_t recorded_ms, now_ms;
    struct egw_arena *arena;
};

struct egw_terms {
    struct egw_str service, theme; /* by words of the policy; empty: none is known */
    struct egw_str statement;      /* version; empty: none was in force */
    struct egw_str hours;          /* calendar of the service hours */
    struct egw_opt_bool chargeable;
    struct egw_str price;
    struct egw_str model, handled_by, shift; /* shift: calendar the delivery holds in */
};

/* One version of a statement of support. */
struct egw_promise {
    struct egw_str version, hours, price;
    int64_t since;
    bool charge;
    const struct egw_list *charge_for;
};
/* Version i of the record: 0 is today's, then the earlier ones, newest first. False: no more. */
bool egw_promise_at(const struct egw_statement *record, size_t i, struct egw_promise *ret);
bool egw_promise_charges(const struct egw_promise *promise, struct egw_str severity);

/* Texts live as long as policy and facts, or in the arena. */
void egw_terms_find(const struct egw_terms_ask *ask, struct egw_terms *ret,
                    struct egw_notes *notes);

/* The hours of the calendar of that id: around the clock, of its record (NULL: there is none), else
 * of the policy. False: none of them. *ret_recorded: the record told. */
bool egw_hours_of(const struct egw_policy *policy, struct egw_str id,
                  const struct egw_calendar *record, struct egw_open_hours *ret,
                  bool *ret_recorded);
/* The same, of the record among the facts. False: neither; a warning says so. */
bool egw_terms_calendar(const struct egw_policy *policy, const struct egw_facts *facts,
                        struct egw_str id, struct egw_arena *arena, struct egw_open_hours *ret,
                        struct egw_notes *notes);
void egw_notes_warn(struct egw_notes *notes, struct egw_str text); /* p == NULL: no memory */

#endif

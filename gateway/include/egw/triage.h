/*
 * triage - the processor that takes support events and decides them
 *
 * Pure: see egw/processor.h. Reads events and inbox, keeps one entry a case (and one a shared
 * problem), emits exactly one outcome for each trigger, and escalation commands.
 *
 * Threading: loop thread only. Policies are compiled elsewhere and handed in.
 */
#ifndef EGW_TRIAGE_H
#define EGW_TRIAGE_H

#include "egw/policy.h"
#include "egw/processor.h"

/* Topic numbers in the log's table of names, for what triage reads and writes. */
struct egw_triage_topics {
    int outcomes, inbox, dead_letters, reference, policy;
    /* The number of support.escalations.<channel>, or -1: there is no such topic. */
    int (*escalations)(void *user, struct egw_str channel);
    void *user;
    const char *input_names[2]; /* events, inbox: written into outcomes as the trigger's topic */
    const char *reference_name; /* likewise */
};

/* What the step cannot do itself, because it takes a library or a while. Both are called from
 * learn(), on the loop thread, and must not wait. */
struct egw_triage_ports {
    /* Every file of a manifest has been seen: compile it elsewhere, then call egw_triage_policy().
     * files stay valid until then. */
    void (*compile)(void *user, const struct egw_sha256 *manifest,
                    const struct egw_policy_file *files, size_t n);
    /* A writer schema to accept from now on. EGW_OK, EGW_INVALID with the reason, EGW_NOMEM. */
    enum egw_status (*schema)(void *user, struct egw_str json, struct egw_error *reterr);
    void *user;
};

/* How outcomes are counted (egw_log_out.tally): by action, and by the topic of the channel they
 * name, -1 where there is none. Tallies are below EGW_TRIAGE_TALLIES(count of topics). */
enum { EGW_TRIAGE_ACTIONS = EGW_ACTION_IN_DOUBT + 1 };
#define EGW_TRIAGE_TALLIES(topics) (1 + EGW_TRIAGE_ACTIONS * ((topics) + 1))
static inline uint32_t egw_triage_tally(enum egw_action action, int topic)
{
    return 1 + (uint32_t)action + EGW_TRIAGE_ACTIONS * (uint32_t)(topic + 1);
}

struct egw_triage;

enum egw_status egw_triage_new(const struct egw_triage_topics *topics,
                               const struct egw_triage_ports *ports,
                               const struct egw_framing *framing, struct egw_plans *plans,
                               struct egw_triage **ret, struct egw_error *reterr) EGW_MUST_CHECK;
void egw_triage_free(struct egw_triage *triage);

const struct egw_processor *egw_triage_processor(struct egw_triage *triage);

/* A compiled policy, or NULL with the reason it cannot be used (a partition that reaches its
 * activation then stops and says so). The triage owns policy from here. */
void egw_triage_policy(struct egw_triage *triage, const struct egw_sha256 *manifest,
                       struct egw_policy *policy, const struct egw_error *why_not);

/* As if no reference record had been learned; policies stay. For a replay of one partition after
 * another. EGW_OK, EGW_NOMEM. */
enum egw_status egw_triage_forget_facts(struct egw_triage *triage) EGW_MUST_CHECK;

/* The schema id a step last said RETRY about and that is still not known; -1: none. */
int32_t egw_triage_wants_schema(const struct egw_triage *triage);

#endif

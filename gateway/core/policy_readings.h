/*
 * policy_readings - what two policies read off the same thing, where they may read it differently
 *
 * An event and the records about it give each policy its facts. A channel that covers more, a role
 * more that will do, another severity for a priority, a catalogue with other errors: each makes a
 * fact of which one policy may read one value and the other another, but not any two. Which pairs
 * can come, of which services and symptoms and when, follows from the definitions alone and becomes
 * boxes of what cannot be. They follow decide*.c; a test holds the two together.
 *
 * Private to the modules that build the space.
 */
#ifndef EGW_POLICY_READINGS_H
#define EGW_POLICY_READINGS_H

#include "policy_laws.h"

/* Whether both policies of the space read the fact alike, whatever comes. */
bool egw_read_alike(const struct egw_build *b, unsigned old_fact, unsigned new_fact);
/* Of each fact that has two axes, which values come together. */
void egw_build_readings(struct egw_build *b);

/* The severity of a case of that priority. Empty: of one that names neither. */
struct egw_str egw_severity_of(const struct egw_policy *policy, struct egw_str system,
                               struct egw_str priority);
const struct egw_wordset *egw_priorities_of(const struct egw_policy *policy, struct egw_str system);

#endif

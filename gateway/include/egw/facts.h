/*
 * facts - what the reference topic says, in memory
 *
 * Every worker reads support.reference whole before it decides. Records are kept by their key; a
 * tombstone removes one but its offset is remembered, because a case may wait for the change.
 * Pure: no clock. Owner thread only. Returned records live until the next learn().
 */
#ifndef EGW_FACTS_H
#define EGW_FACTS_H

#include "egw/reference.h"

struct egw_facts;

struct egw_facts *egw_facts_new(void); /* NULL: no memory */
void egw_facts_free(struct egw_facts *facts);

/* Take one record of the topic. plans says how to read it. value.p == NULL: tombstone. EGW_OK;
 * EGW_INVALID (unreadable, or key and body disagree): nothing changed, reterr says why; EGW_NOMEM.
 */
enum egw_status egw_facts_learn(struct egw_facts *facts, const struct egw_plans *plans,
                                struct egw_str key, struct egw_str value, int64_t offset,
                                struct egw_error *reterr) EGW_MUST_CHECK;

/* The same for a record already decoded; it is copied deep. reference == NULL: tombstone. */
enum egw_status egw_facts_take(struct egw_facts *facts, struct egw_str key,
                               const struct egw_reference *reference, int64_t offset,
                               struct egw_error *reterr) EGW_MUST_CHECK;

struct egw_fact_view {
    const struct egw_reference *reference; /* NULL: nobody supplied it, or it was removed */
    int64_t offset;                        /* of the record that last changed it; -1: never seen */
};

/* The body's branch is checked against the key's kind at learn(), so callers may cast. */
struct egw_fact_view egw_facts_get(const struct egw_facts *facts, struct egw_str key);

/* The canonical customer for a name the partner uses (canonical name, tenant id, domain, alias,
 * without case). False: unknown to this partner, or a name of several of its customers. */
bool egw_facts_customer(const struct egw_facts *facts, struct egw_str partner, struct egw_str name,
                        struct egw_str *ret_customer);
/* Whether any other partner's relation names this customer (S10). */
bool egw_facts_customer_elsewhere(const struct egw_facts *facts, struct egw_str partner,
                                  struct egw_str name);

/*
 * What is known of one partner, one customer and the two together, found by one search: the many
 * records a decision reads are then at hand. A record learned later is seen through it too, but an
 * owner nobody had named yet is not: use it at once.
 */
struct egw_dossier {
    const struct egw_folder *folders[3]; /* the partner's, the customer's, both's; NULL: none */
};
/* customer.p == NULL: the partner alone. */
struct egw_dossier egw_facts_dossier(const struct egw_facts *facts, struct egw_str partner,
                                     struct egw_str customer);
/* As egw_facts_get() of the key that begins with the kind and its owners; last is the key's further
 * part where the kind has one (a contract's plan). *ret_key: the key as it is stored, which lives
 * as long as the facts; p == NULL: it was never seen. Of every kind but managed and calendar. */
struct egw_fact_view egw_dossier_find(const struct egw_dossier *dossier,
                                      enum egw_reference_kind kind, struct egw_str last,
                                      struct egw_str *ret_key);
/* Health issues known for the customer, newest first by key order. Walk: *at = 0 first. */
bool egw_dossier_next_issue(const struct egw_dossier *dossier, size_t *at,
                            struct egw_fact_view *ret, struct egw_str *ret_key);

/* Walk all present records, for listing; order unspecified. */
bool egw_facts_next(const struct egw_facts *facts, size_t *at, struct egw_str *ret_key,
                    struct egw_fact_view *ret);

#endif

/*
 * catalogue - known error signatures, found in a text in one pass
 *
 * Built at the edge by Vectorscan/Hyperscan (gateway/edge/catalogue.c); matching is one of the
 * named pure functions core is left with at link time. A catalogue is immutable; matching needs no
 * lock but one thread at a time for each catalogue (it owns one scratch space).
 */
#ifndef EGW_CATALOGUE_H
#define EGW_CATALOGUE_H

#include "egw/base.h"
#include "egw/faults.h"

struct egw_known_issue {
    struct egw_str id;      /* KI-00059 */
    struct egw_str code;    /* AADSTS50057 */
    struct egw_str aliases; /* other spellings, separated by ; */
    struct egw_str match;   /* how they are looked for: "hex" */
    struct egw_str service; /* policy's service id; empty: any */
    struct egw_str remedy;  /* what the desk does; empty: none known */
    struct egw_str url;
    struct egw_str basis; /* doc, selfhelp, rule, none: only the first two may stop an escalation */
    int baseline;         /* 1: the partner can resolve it, 0: not, -1: unknown */
};

struct egw_catalogue;

struct egw_catalogue_file {
    struct egw_str name, content; /* a .tsv as config/catalogue/README.md describes */
};

/* All faults of all files in one run. EGW_OK, EGW_INVALID (faults has why), EGW_NOMEM. The texts of
 * the files are copied. */
enum egw_status egw_catalogue_new(const struct egw_catalogue_file *files, size_t n,
                                  struct egw_catalogue **ret,
                                  struct egw_faults *faults) EGW_MUST_CHECK;
void egw_catalogue_free(struct egw_catalogue *catalogue);
size_t egw_catalogue_count(const struct egw_catalogue *catalogue);
const struct egw_known_issue *egw_catalogue_issue(const struct egw_catalogue *catalogue,
                                                  size_t index);
/* The entry of this id; NULL: none. */
const struct egw_known_issue *egw_catalogue_find(const struct egw_catalogue *catalogue,
                                                 struct egw_str id);

size_t egw_catalogue_spellings(const struct egw_catalogue *catalogue);

/* Everything a text names, in the order found, one call for each meaning: for people who keep the
 * catalogue. */
struct egw_catalogue_hit {
    size_t from, to; /* bytes of the text */
    const struct egw_known_issue *issue;
};
typedef void egw_catalogue_hit_fn(void *user, const struct egw_catalogue_hit *hit);
void egw_catalogue_hits(const struct egw_catalogue *catalogue, struct egw_str text,
                        egw_catalogue_hit_fn *take, void *user);

struct egw_match {
    const struct egw_known_issue *issue; /* NULL: nothing known in the text */
    bool
        ambiguous; /* several meanings fit and the service does not settle it: issue is the first */
};

/* The best known issue named in title or text: one whose service fits before one of any service,
 * `doc` and `selfhelp` before hints, the earlier in the catalogue first. Deterministic. */
struct egw_match egw_catalogue_match(const struct egw_catalogue *catalogue, struct egw_str title,
                                     struct egw_str text, struct egw_str service);

/* NULL is a catalogue of nothing. */
bool egw_catalogue_same(const struct egw_catalogue *a, const struct egw_catalogue *b);
/*
 * What texts mean to two catalogues, of events that name the service by these ids (empty: none that
 * is known): take is called for each kind of spelling that either knows, as the only one in a text,
 * and for spellings that changed beside one and beside two others of each kind. Pure; false: no
 * memory.
 */
typedef void egw_catalogue_pair_fn(void *user, const struct egw_match *old,
                                   const struct egw_match *new);
bool egw_catalogue_compare(const struct egw_catalogue *const catalogues[2],
                           const struct egw_str services[2], egw_catalogue_pair_fn *take,
                           void *user);

#endif

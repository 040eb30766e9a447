/*
 * catalogue_double - a catalogue of what a test says, in place of the real one
 *
 * Included by one file of a test program: defining every symbol of the module there keeps the real
 * one from being linked. A catalogue is made of its files' contents: "bad" is a fault. Matching
 * answers what double_match holds when the text contains its code.
 */
#ifndef EGW_TEST_CATALOGUE_DOUBLE_H
#define EGW_TEST_CATALOGUE_DOUBLE_H

#include <stdlib.h>

#include "egw/catalogue.h"

struct egw_catalogue {
    size_t files;
};

static struct egw_match double_match EGW_UNUSED;
static struct egw_known_issue double_issue EGW_UNUSED = {.id = {"KI-1", 4}}; /* all there are */

enum egw_status egw_catalogue_new(const struct egw_catalogue_file *files, size_t n,
                                  struct egw_catalogue **ret, struct egw_faults *faults)
{
    size_t bad = 0;

    *ret = NULL;
    for (size_t i = 0; i < n; i++) {
        if (egw_str_is(files[i].content, "bad")) {
            egw_faults_add(faults, "catalogue/x.tsv", 1, "the catalogue is bad");
            bad++;
        }
    }
    if (bad)
        return EGW_INVALID;
    *ret = calloc(1, sizeof(**ret));
    if (*ret)
        (*ret)->files = n;
    return *ret ? EGW_OK : EGW_NOMEM;
}

void egw_catalogue_free(struct egw_catalogue *catalogue)
{
    free(catalogue);
}

size_t egw_catalogue_count(const struct egw_catalogue *catalogue)
{
    return catalogue ? catalogue->files : 0;
}

const struct egw_known_issue *egw_catalogue_issue(const struct egw_catalogue *catalogue EGW_UNUSED,
                                                  size_t index EGW_UNUSED)
{
    return &double_issue;
}

struct egw_match egw_catalogue_match(const struct egw_catalogue *catalogue EGW_UNUSED,
                                     struct egw_str title, struct egw_str text,
                                     struct egw_str service EGW_UNUSED)
{
    const struct egw_known_issue *issue = double_match.issue;

    if (issue &&
        ((title.p && strstr(title.p, issue->code.p)) || (text.p && strstr(text.p, issue->code.p))))
        return double_match;
    return (struct egw_match){NULL, false};
}

/* Two catalogues differ where one has more files; what they make of a text then is double_pairs. */
static struct egw_match double_pairs[8][2] EGW_UNUSED;
static size_t double_pair_count EGW_UNUSED;

bool egw_catalogue_same(const struct egw_catalogue *a, const struct egw_catalogue *b)
{
    return egw_catalogue_count(a) == egw_catalogue_count(b);
}

bool egw_catalogue_compare(const struct egw_catalogue *const catalogues[2] EGW_UNUSED,
                           const struct egw_str services[2] EGW_UNUSED, egw_catalogue_pair_fn *take,
                           void *user)
{
    for (size_t i = 0; i < double_pair_count; i++)
        take(user, &double_pairs[i][0], &double_pairs[i][1]);
    return true;
}

#endif

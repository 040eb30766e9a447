/*
 * policy_file - a policy's files to a compiled policy (edge: libconfig)
 *
 * A policy is a folder of libconfig files, and a folder of catalogue tables. Checked as a whole:
 * every fault of every file in one run, with file:line.
 */
#ifndef EGW_POLICY_FILE_H
#define EGW_POLICY_FILE_H

#include "egw/policy.h"

/* By name, as qsort() wants it. */
int egw_policy_file_order(const void *a, const void *b);

struct egw_policy_files {
    struct egw_policy_file *files; /* sorted by name */
    size_t n;
    struct egw_arena arena; /* owns names and contents */
};

/* Read every .cfg of policy_dir (config/policy) and every .tsv of catalogue_dir (config/catalogue;
 * may be NULL), the latter named "catalogue/x.tsv". A folder "catalogue" within policy_dir takes
 * the place of catalogue_dir. EGW_OK, EGW_IO, EGW_RETRY (the machine could not read), EGW_INVALID,
 * EGW_NOMEM. */
enum egw_status egw_policy_read(const char *policy_dir, const char *catalogue_dir,
                                struct egw_policy_files *ret,
                                struct egw_error *reterr) EGW_MUST_CHECK;
void egw_policy_files_free(struct egw_policy_files *files);

/* SHA-256 over the sorted lines "<hex sha-256 of content>  <name>\n". */
enum egw_status egw_policy_manifest(const struct egw_policy_file *files, size_t n,
                                    struct egw_sha256 *ret) EGW_MUST_CHECK;

/* Parse, check, compile. May take a second: not on the loop thread. Any thread. EGW_OK, EGW_INVALID
 * (faults has all of it), EGW_NOMEM. */
enum egw_status egw_policy_compile(const struct egw_policy_file *files, size_t n,
                                   struct egw_policy **ret,
                                   struct egw_faults *faults) EGW_MUST_CHECK;

#endif

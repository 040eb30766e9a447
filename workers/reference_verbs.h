/* reference_verbs - the verbs of `egw reference` that fill a file of their own */
#ifndef EGW_REFERENCE_VERBS_H
#define EGW_REFERENCE_VERBS_H

#include "cli.h"
#include "trial.h"

int egw_reference_import(struct egw_args *args); /* operands after the first: files */
int egw_reference_report(struct egw_args *args);

/* The facts on record: of the file --facts names, else of the reference topic. */
enum egw_status egw_reference_known(const struct egw_args *args, struct egw_trial *trial,
                                    struct egw_error *reterr) EGW_MUST_CHECK;

#endif

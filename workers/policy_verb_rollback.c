/*
 * policy rollback: an older policy, out of the log, in force again
 */
#include <inttypes.h>

#include "activate.h"
#include "activations.h"
#include "policies.h"
#include "policy_verbs.h"

static const struct egw_activation_past *numbered(const struct egw_activations *past,
                                                  int64_t number)
{
    for (size_t i = 0; i < past->n; i++) {
        if (past->items[i].number == number)
            return &past->items[i];
    }
    return NULL;
}

/* The last one before the present policy came. */
static const struct egw_activation_past *one_before(const struct egw_activations *past)
{
    const struct egw_sha256 *now = past->n ? &past->items[past->n - 1].manifest : NULL;

    for (size_t i = past->n; i-- > 0;) {
        if (memcmp(past->items[i].manifest.b, now->b, EGW_SHA256) != 0)
            return &past->items[i];
    }
    return NULL;
}

/* A policy that would not compile now is not put in force either. */
static enum egw_status activate_again(const struct egw_args *args,
                                      const struct egw_activation_past *target,
                                      struct egw_activated *ret, struct egw_error *reterr)
{
    const char *note = egw_arg(args, "note");
    struct egw_policies *policies = NULL;
    struct egw_policy_folder folder = {.manifest = target->manifest};
    char said[64];
    enum egw_status st = egw_policies_read(&args->settings, &policies, reterr);

    if (st)
        return st;
    (void)snprintf(said, sizeof(said), "rollback to activation %" PRId64, target->number);
    st = egw_policies_compile(policies, target->manifest.b, &folder.policy, reterr);
    if (!st) {
        folder.files.files = (struct egw_policy_file *)egw_policies_files(
            policies, target->manifest.b, &folder.files.n);
        st = egw_activate_folder(
            &args->settings, &folder,
            &(struct egw_activation_words){.by = egw_arg_who(args), .note = note ? note : said},
            ret, reterr);
    }
    egw_policy_free(folder.policy);
    egw_policies_free(policies);
    return st;
}

int egw_policy_verb_rollback(struct egw_args *args)
{
    const char *wanted = args->operand_count > 1 ? args->operands[1] : NULL;
    const struct egw_activation_past *target;
    struct egw_activations past;
    struct egw_activated done = {0};
    struct egw_error err = {0};
    int64_t number = 0;
    enum egw_status st;

    if (wanted && !egw_parse_i64(egw_str_of(wanted), 1, INT64_MAX, &number))
        return egw_usage(args, "rollback takes the number of an activation, not \"%.80s\"", wanted);
    st = egw_activations_read(&args->settings, &past, &err);
    if (st)
        return egw_fail(&err);
    target = wanted ? numbered(&past, number) : one_before(&past);
    if (!target && wanted)
        st = egw_error_set(&err, EGW_NOT_FOUND, "there is no activation %s: egw policy history",
                           wanted);
    else if (!target)
        st = egw_error_set(&err, EGW_NOT_FOUND, "there is no other policy to go back to");
    else
        st = activate_again(args, target, &done, &err);
    if (!st)
        egw_put_activated(&done, egw_wants_json(args));
    egw_activations_free(&past);
    return st ? egw_fail(&err) : EGW_EXIT_OK;
}

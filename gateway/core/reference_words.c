/* Words of facts that no decision knows. */
#include "decide.h"
#include "egw/reference.h"

enum { WORDS_MAX = 4 };
static const char *const clouds[WORDS_MAX] = {"global", "usgov"};

static bool is_one_of(struct egw_str word, const char *const words[WORDS_MAX])
{
    for (size_t i = 0; i < WORDS_MAX && words[i]; i++) {
        if (egw_str_same(word, egw_str_of(words[i])))
            return true;
    }
    return false;
}

/* A word that nobody knows; an empty one says nothing, and "unknown" says so. */
static bool is_odd(struct egw_str word, bool known)
{
    return !known && word.n && !egw_str_is(word, "unknown");
}

struct found {
    const char *field;
    struct egw_str word;
};

static struct found odd_of_partner(const struct egw_partner *partner)
{
    static const char *const kinds[WORDS_MAX] = {"direct-bill", "indirect-provider",
                                                 "indirect-reseller"};

    if (is_odd(partner->kind, is_one_of(partner->kind, kinds)))
        return (struct found){"kind", partner->kind};
    if (is_odd(partner->cloud, is_one_of(partner->cloud, clouds)))
        return (struct found){"cloud", partner->cloud};
    return (struct found){NULL, EGW_STR_NONE};
}

static struct found odd_of(const struct egw_reference *reference)
{
    static const char *const classes[WORDS_MAX] = {"incident", "advisory"};
    const struct egw_relation *relation = reference->body.p;
    const struct egw_access *access = reference->body.p;
    const struct egw_health_issue *issue = reference->body.p;

    switch (reference->body.branch) {
    case EGW_REF_PARTNER:
        return odd_of_partner(reference->body.p);
    case EGW_REF_RELATION:
        if (is_odd(relation->cloud, is_one_of(relation->cloud, clouds)))
            return (struct found){"cloud", relation->cloud};
        break;
    case EGW_REF_ACCESS:
        if (is_odd(access->status, decide_access_status(access->status) != EGW_V_ACCESS_UNKNOWN))
            return (struct found){"status", access->status};
        break;
    case EGW_REF_HEALTH_ISSUE:
        if (is_odd(issue->classification, is_one_of(issue->classification, classes)))
            return (struct found){"classification", issue->classification};
        break;
    default:
        break;
    }
    return (struct found){NULL, EGW_STR_NONE};
}

bool egw_reference_odd(const struct egw_reference *reference, const char **ret_field,
                       struct egw_str *ret_word)
{
    struct found found = odd_of(reference);

    *ret_field = found.field;
    *ret_word = found.word;
    return found.field != NULL;
}

/* Words of facts that no decision knows. */
#include "decide.h"
#include "egw/reference.h"

enum { WORDS_MAX = 4 };

static bool is_one_of(struct egw_str word, const char *const words[WORDS_MAX])
{
    for (size_t i = 0; i < WORDS_MAX && words[i]; i++) {
        if (egw_str_same(word, egw_str_of(words[i])))
            return true;
    }
    return false;
}

bool egw_reference_odd(const struct egw_reference *reference, const char **ret_field,
                       struct egw_str *ret_word)
{
    static const char *const kinds[WORDS_MAX] = {"direct-bill", "indirect-provider",
                                                 "indirect-reseller"};
    static const char *const clouds[WORDS_MAX] = {"global", "usgov"};
    static const char *const classes[WORDS_MAX] = {"incident", "advisory"};
    const void *body = reference->body.p;
    const struct egw_partner *partner = body;
    const struct egw_relation *relation = body;
    const struct egw_access *access = body;
    const struct egw_health_issue *issue = body;
    struct {
        const char *field;
        struct egw_str word;
        bool known;
    } asked[2] = {{NULL, EGW_STR_NONE, true}, {NULL, EGW_STR_NONE, true}};

    switch (reference->body.branch) {
    case EGW_REF_PARTNER:
        asked[0].field = "kind";
        asked[0].word = partner->kind;
        asked[0].known = is_one_of(partner->kind, kinds);
        asked[1].field = "cloud";
        asked[1].word = partner->cloud;
        asked[1].known = is_one_of(partner->cloud, clouds);
        break;
    case EGW_REF_RELATION:
        asked[0].field = "cloud";
        asked[0].word = relation->cloud;
        asked[0].known = is_one_of(relation->cloud, clouds);
        break;
    case EGW_REF_ACCESS:
        asked[0].field = "status";
        asked[0].word = access->status;
        asked[0].known = decide_access_status(access->status) != EGW_V_ACCESS_UNKNOWN;
        break;
    case EGW_REF_HEALTH_ISSUE:
        asked[0].field = "classification";
        asked[0].word = issue->classification;
        asked[0].known = is_one_of(issue->classification, classes);
        break;
    default:
        break;
    }
    for (size_t i = 0; i < EGW_COUNT(asked); i++) {
        if (asked[i].known || !asked[i].word.n || egw_str_is(asked[i].word, "unknown"))
            continue;
        *ret_field = asked[i].field;
        *ret_word = asked[i].word;
        return true;
    }
    return false;
}

#include "policy_kinds.h"

#include "clock.h"

static bool add_word(struct egw_list *words, struct egw_arena *arena, struct egw_str word)
{
    const struct egw_str *there = words->p;
    struct egw_str *to;

    for (size_t i = 0; i < words->n; i++) {
        if (egw_str_same(there[i], word))
            return true;
    }
    to = egw_list_push(arena, words, sizeof(*to));
    if (to)
        *to = word;
    return to != NULL;
}

static bool add_words(struct egw_list *to, struct egw_arena *arena, const struct egw_str *words,
                      size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!add_word(to, arena, words[i]))
            return false;
    }
    return true;
}

bool egw_kinds_gather(const struct egw_policy *const *policies, size_t n, int action,
                      struct egw_arena *arena, struct egw_kinds *ret)
{
    struct egw_list *words = ret->words;
    bool ok = true;

    *ret = (struct egw_kinds){.action = action};
    for (size_t i = 0; i < n; i++) {
        for (const struct egw_limit *l = policies[i]->limits[action]; l && ok; l = l->next)
            ok = add_words(&words[EGW_KIND_CODE], arena, &l->code, l->code.n > 0) &&
                 add_words(&words[EGW_KIND_SEVERITY], arena, l->severities, l->severity_count) &&
                 add_words(&words[EGW_KIND_CHANNEL], arena, l->channels, l->channel_count) &&
                 add_words(&words[EGW_KIND_LANGUAGE], arena, l->languages, l->language_count);
    }
    for (size_t i = 0; i < EGW_KIND_WORDS && ok; i++)
        ok = add_word(&words[i], arena, EGW_STR("(any other)"));
    return ok;
}

bool egw_kinds_next(const struct egw_kinds *kinds, size_t at[EGW_KIND_WORDS])
{
    for (size_t i = 0; i < EGW_KIND_WORDS; i++) {
        if (++at[i] < kinds->words[i].n)
            return true;
        at[i] = 0;
    }
    return false;
}

struct egw_str egw_kinds_word(const struct egw_kinds *kinds, const size_t at[EGW_KIND_WORDS],
                              size_t which)
{
    return ((const struct egw_str *)kinds->words[which].p)[at[which]];
}

const struct egw_limit *egw_kinds_limit(const struct egw_kinds *kinds,
                                        const struct egw_policy *policy,
                                        const size_t at[EGW_KIND_WORDS])
{
    const struct egw_clock_ask ask = {.policy = policy,
                                      .action = kinds->action,
                                      .code = egw_kinds_word(kinds, at, EGW_KIND_CODE),
                                      .severity = egw_kinds_word(kinds, at, EGW_KIND_SEVERITY),
                                      .channel = egw_kinds_word(kinds, at, EGW_KIND_CHANNEL),
                                      .language = egw_kinds_word(kinds, at, EGW_KIND_LANGUAGE)};

    return egw_clock_limit(&ask);
}

struct egw_str egw_limit_language(const struct egw_limit *limit)
{
    return limit->language_count ? limit->languages[0] : EGW_STR("");
}

bool egw_same_limit(const struct egw_limit *a, const struct egw_limit *b)
{
    return a && b
               ? a->within_ms == b->within_ms && a->warn_ms == b->warn_ms &&
                     egw_str_eq(a->calendar, b->calendar) && egw_str_eq(a->otherwise, b->otherwise)
               : a == b;
}

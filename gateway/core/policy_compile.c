#include "policy_compile.h"

enum { NAME_MAX_BYTES = 64 };

void *egw_compile_alloc(struct egw_compile *c, size_t n)
{
    void *p = egw_arena_alloc(&c->policy->arena, n ? n : 1);

    if (!p)
        c->nomem = true;
    return p;
}

void *egw_compile_array(struct egw_compile *c, size_t n, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(n, size, &bytes)) {
        c->nomem = true;
        return NULL;
    }
    return egw_compile_alloc(c, bytes);
}

uint64_t *egw_compile_bits(struct egw_compile *c, size_t n)
{
    return egw_compile_array(c, (n + 63) / 64, sizeof(uint64_t));
}

const struct egw_str *egw_compile_texts(struct egw_compile *c, const struct egw_list *list)
{
    const struct egw_word *words = list->p;
    struct egw_str *texts = egw_compile_array(c, list->n, sizeof(*texts));

    for (size_t i = 0; texts && i < list->n; i++)
        texts[i] = words[i].text;
    return texts;
}

void egw_compile_id(struct egw_compile *c, struct egw_place at, const char *what, struct egw_str id)
{
    bool good = id.n > 0 && id.n <= NAME_MAX_BYTES;

    for (size_t i = 0; good && i < id.n; i++)
        good = memchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", id.p[i],
                      65) != NULL;
    if (!good && id.p)
        FAULT(c, at, "%s \"%.*s\" is not a name: 1 to %d letters, digits, dots, dashes", what,
              EGW_FMT(id), NAME_MAX_BYTES);
}

void egw_compile_dates(struct egw_compile *c, struct egw_place at, struct egw_opt_i64 since,
                       struct egw_opt_i64 until)
{
    if (since.has && until.has && since.v >= until.v)
        FAULT(c, at, "since is not before until");
}

const struct egw_source_origin *egw_compile_origin(const struct egw_compile *c, struct egw_str id)
{
    const struct egw_source_origin *origins = c->source->origins.p;

    for (size_t i = 0; i < c->source->origins.n; i++) {
        if (egw_str_eq(origins[i].id, id))
            return &origins[i];
    }
    return NULL;
}

static void add_assumption(struct egw_compile *c, struct egw_place at, const char *what,
                           struct egw_str id)
{
    struct egw_policy *policy = c->policy;

    if (egw_grow(&policy->assumptions, sizeof(*policy->assumptions), policy->assumption_count,
                 &policy->assumption_cap))
        policy->assumptions[policy->assumption_count++] =
            (struct egw_assumption){egw_str_of(at.file), at.line, what, id};
    else
        c->nomem = true;
}

void egw_compile_source(struct egw_compile *c, struct egw_place at, const char *what,
                        struct egw_str id, struct egw_str source)
{
    if (egw_str_is(source, EGW_ASSUMPTION)) {
        add_assumption(c, at, what, id);
        return;
    }
    if (!c->source->origins.n || !source.n || egw_compile_origin(c, source))
        return;
    if (id.n)
        FAULT(c, at, "%s \"%.*s\": there is no source \"%.*s\"", what, EGW_FMT(id),
              EGW_FMT(source));
    else
        FAULT(c, at, "%s: there is no source \"%.*s\"", what, EGW_FMT(source));
}

int egw_compile_fact(const struct egw_policy *policy, struct egw_str name)
{
    for (size_t i = EGW_F_ERA + 1; i < policy->fact_count; i++) {
        if (egw_str_eq(policy->facts[i].name, name))
            return (int)i;
    }
    return -1;
}

int egw_compile_value(const struct egw_fact_def *fact, struct egw_str word)
{
    for (size_t i = 0; i < fact->value_count; i++) {
        if (egw_str_same(fact->values[i], word))
            return (int)i;
    }
    return -1;
}

int egw_compile_value_of(struct egw_compile *c, unsigned fact, const struct egw_word *word)
{
    const struct egw_fact_def *def = &c->policy->facts[fact];
    int value = egw_compile_value(def, word->text);

    if (value < 0)
        FAULT(c, word->at, "%.*s has no value \"%.*s\"", EGW_FMT(def->name), EGW_FMT(word->text));
    return value;
}

/*
 * policy_random - policies of random rules, for the property test and the bench
 *
 * The rules stand in the channel stage; the other stages pass everything on. A seed gives the same
 * policy everywhere.
 */
#ifndef EGW_TEST_POLICY_RANDOM_H
#define EGW_TEST_POLICY_RANDOM_H

#include <string.h>

#include "egw/policy_file.h"

struct random_source {
    uint64_t state;
};

static inline uint32_t random_below(struct random_source *r, uint32_t n)
{
    r->state = r->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(r->state >> 33) % n;
}

static const char *const random_facts[][6] = {
    {"domain", "billing", "subscription", "technical", "", NULL},
    {"service", "s0", "s1", "s2", "s3", NULL},
    {"family", "f0", "f1", "unknown", "", NULL},
    {"severity", "A", "B", "C", "invalid", NULL},
    {"scope", "user", "tenant", "several", "", NULL},
    {"environment", "production", "sandbox", "preview", "", NULL},
    {"attempt", "none", "failed", "resolved", NULL},
    {"plan", "csp", "enterprise", "none", "unknown", NULL},
    {"partner", "direct-bill", "indirect-provider", "unknown", NULL},
    {"premier", "in-force", "ended", "none", NULL},
    {"seller", "partner", "microsoft", "none", NULL},
};

static inline enum egw_status random_rule(struct egw_buf *out, struct random_source *r, int number)
{
    enum egw_status st = egw_buf_printf(out, "{ id = \"r%d\"; ", number);

    if (!st && random_below(r, 4) == 0)
        st = egw_buf_printf(out, "since = \"202%u-01-01\"; ", random_below(r, 9));
    if (!st)
        st = egw_buf_printf(out, "when = { ");
    for (size_t f = 0; !st && f < sizeof(random_facts) / sizeof(random_facts[0]); f++) {
        uint32_t values = 0;

        if (random_below(r, 3) != 0 && !(f == 1 && number % 2))
            continue;
        while (random_facts[f][values + 1])
            values++;
        st = egw_buf_printf(out, "%s = [\"%s\", \"%s\"]; ", random_facts[f][0],
                            random_facts[f][1 + random_below(r, values)],
                            random_facts[f][1 + random_below(r, values)]);
    }
    if (!st)
        st = egw_buf_printf(out, "}; then = \"HANDOFF\"; channel = \"premier\"; because = \"b\"; "
                                 "source = \"S\"; },\n");
    return st;
}

/* A rule that takes everything by luck would be a fault: each gets a condition that narrows it. */
static inline enum egw_status random_policy(uint64_t seed, int rules, struct egw_policy **ret,
                                            struct egw_faults *faults)
{
    static const char words[] =
        "domains = [\"billing\", \"subscription\", \"technical\"]; severities = [\"A\", \"B\", "
        "\"C\"];"
        "default-severity = \"C\"; plans = [\"csp\", \"enterprise\"];"
        "services = ( { id = \"s0\"; name = \"S 0\"; family = \"f0\"; cloud = true; },"
        "{ id = \"s1\"; name = \"S 1\"; family = \"f1\"; cloud = true; },"
        "{ id = \"s2\"; name = \"S 2\"; family = \"f0\"; cloud = true; },"
        "{ id = \"s3\"; name = \"S 3\"; family = \"f1\"; cloud = false; } );"
        "channels = ( { id = \"premier\"; name = \"P\"; entitlement = \"contract\";"
        " plan = \"premier\"; source = \"S\"; } );";
    static const char *const passes[] = {"validity", "access", "health", "baseline"};
    struct egw_policy_file files[6] = {{EGW_STR("a.cfg"), {words, sizeof(words) - 1}}};
    struct egw_buf texts[5] = {{0}};
    struct random_source r = {seed};
    enum egw_status st = EGW_OK;

    for (size_t i = 0; !st && i < 4; i++)
        st = egw_buf_printf(&texts[i],
                            "stage = \"%s\"; rules = ( { id = \"%s\"; then = \"next\"; because = "
                            "\"b\"; source = \"S\"; } );",
                            passes[i], passes[i]);
    if (!st)
        st = egw_buf_printf(&texts[4], "stage = \"channel\"; rules = (\n");
    for (int i = 0; !st && i < rules; i++) {
        size_t before = texts[4].n;

        st = random_rule(&texts[4], &r, i);
        if (!st && memmem(texts[4].p + before, texts[4].n - before, "when = { }", 10)) {
            texts[4].n = before;
            st = egw_buf_printf(&texts[4],
                                "{ id = \"r%d\"; when = { scope = \"user\"; }; then = "
                                "\"TO_PROVIDER\"; because = \"b\"; source = \"S\"; },\n",
                                i);
        }
    }
    if (!st)
        st = egw_buf_printf(&texts[4], "{ id = \"last\"; then = \"NOT_ENTITLED\"; code = "
                                       "\"NO_PLAN\"; because = \"b\"; source = \"S\"; } );");
    for (size_t i = 0; i < 5; i++) {
        static const char *const names[] = {"v.cfg", "w.cfg", "x.cfg", "y.cfg", "z.cfg"};

        files[i + 1] = (struct egw_policy_file){egw_str_of(names[i]), egw_buf_str(&texts[i])};
    }
    if (!st)
        st = egw_policy_compile(files, 6, ret, faults);
    for (size_t i = 0; i < 5; i++)
        egw_buf_free(&texts[i]);
    return st;
}

/* ---- policies small enough to try everything ---- */

/* Facts with few values: all that can come to such a policy is a few thousand combinations. */
static const char *const small_facts[][6] = {
    {"own-tenant", "no", "yes", NULL},
    {"attempt", "none", "failed", "resolved", NULL},
    {"scope", "", "user", "tenant", NULL},
    {"customer", "known", "unknown", "elsewhere", NULL},
    {"relation", "active", "ended", "none", NULL},
    {"diagnosis", "none", "done", NULL},
};

static const char *const small_ends[5][3] = {
    {"REFERRED\"; code = \"MSRC", "REJECTED\"; code = \"BAD_FIELD", "next"},
    {"ACCESS_REQUIRED\"; code = \"ROLE", "next", "next"},
    {"next", "next", "next"},
    {"BASELINE\"; code = \"ANSWER", "RESOLVED_BASELINE", "next"},
    {"TO_PROVIDER", "HELD\"; code = \"POLICY", "NOT_ENTITLED\"; code = \"NO_PLAN"},
};

/* One rule of stage s; number makes its id. A rule takes everything only where it is the last. */
static inline enum egw_status small_rule(struct egw_buf *out, struct random_source *r, int s,
                                         int number)
{
    size_t facts = sizeof(small_facts) / sizeof(small_facts[0]), n = 1 + random_below(r, 3);
    enum egw_status st = egw_buf_printf(out,
                                        "{ id = \"s%d.r%d\"; then = \"%s\"; because = \"b\"; "
                                        "source = \"S\"; ",
                                        s, number, small_ends[s][random_below(r, 3)]);
    size_t first = random_below(r, (uint32_t)facts);

    if (!st && random_below(r, 5) == 0)
        st = egw_buf_printf(out, "until = \"202%u-01-01\"; ", 3 + random_below(r, 2));
    else if (!st && random_below(r, 5) == 0)
        st = egw_buf_printf(out, "since = \"202%u-01-01\"; ", 2 + random_below(r, 4));
    if (!st)
        st = egw_buf_printf(out, "when = { ");
    for (size_t i = 0; i < n && !st; i++) {
        const char *const *fact = small_facts[(first + i) % facts];
        uint32_t values = 0;

        while (fact[values + 1])
            values++;
        st = egw_buf_printf(out, "%s = [\"%s%s\"]; ", fact[0], random_below(r, 3) ? "" : "!",
                            fact[1 + random_below(r, values)]);
    }
    return st ? st : egw_buf_printf(out, "}; },\n");
}

/* `rules` in each stage; closed: and a last one that takes everything. */
static inline enum egw_status small_policy(uint64_t seed, int rules, bool closed,
                                           struct egw_policy **ret, struct egw_faults *faults)
{
    static const char words[] = "severities = [\"C\"]; default-severity = \"C\";"
                                "channels = ( { id = \"commercial\"; name = \"C\"; entitlement = "
                                "\"csp\"; source = \"S\"; } );";
    static const char *const stages[] = {"validity", "access", "health", "baseline", "channel"};
    static const char *const names[] = {"v.cfg", "w.cfg", "x.cfg", "y.cfg", "z.cfg"};
    static const char *const last[] = {"next", "next", "next", "next", "TO_PROVIDER"};
    struct egw_policy_file files[6] = {{EGW_STR("a.cfg"), {words, sizeof(words) - 1}}};
    struct egw_buf texts[5] = {{0}};
    struct random_source r = {seed};
    enum egw_status st = EGW_OK;

    for (int s = 0; s < 5 && !st; s++) {
        st = egw_buf_printf(&texts[s], "stage = \"%s\"; rules = (\n", stages[s]);
        for (int i = 0; i < rules && !st; i++)
            st = small_rule(&texts[s], &r, s, i);
        if (!st && (closed || s != 4))
            st = egw_buf_printf(&texts[s],
                                "{ id = \"s%d.last\"; then = \"%s\"; because = \"b\"; "
                                "source = \"S\"; },\n",
                                s, last[s]);
        if (!st) { /* libconfig takes no comma before the end of a list */
            texts[s].n -= 2;
            st = egw_buf_printf(&texts[s], " );");
        }
        files[s + 1] = (struct egw_policy_file){egw_str_of(names[s]), egw_buf_str(&texts[s])};
    }
    if (!st)
        st = egw_policy_compile(files, 6, ret, faults);
    for (size_t i = 0; i < 5; i++)
        egw_buf_free(&texts[i]);
    return st;
}

#endif

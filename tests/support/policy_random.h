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

/* `rules` in each stage; closed: and a last one that takes everything. The texts are the caller's
 * to free, also on failure. */
static inline enum egw_status small_files(uint64_t seed, int rules, bool closed,
                                          struct egw_buf texts[5], struct egw_policy_file files[6])
{
    static const char words[] = "severities = [\"C\"]; default-severity = \"C\";"
                                "channels = ( { id = \"commercial\"; name = \"C\"; entitlement = "
                                "\"csp\"; source = \"S\"; } );";
    static const char *const stages[] = {"validity", "access", "health", "baseline", "channel"};
    static const char *const names[] = {"v.cfg", "w.cfg", "x.cfg", "y.cfg", "z.cfg"};
    static const char *const last[] = {"next", "next", "next", "next", "TO_PROVIDER"};
    struct random_source r = {seed};
    enum egw_status st = EGW_OK;

    files[0] = (struct egw_policy_file){EGW_STR("a.cfg"), {words, sizeof(words) - 1}};
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
    return st;
}

static inline enum egw_status small_policy(uint64_t seed, int rules, bool closed,
                                           struct egw_policy **ret, struct egw_faults *faults)
{
    struct egw_policy_file files[6];
    struct egw_buf texts[5] = {{0}};
    enum egw_status st = small_files(seed, rules, closed, texts, files);

    if (!st)
        st = egw_policy_compile(files, 6, ret, faults);
    for (size_t i = 0; i < 5; i++)
        egw_buf_free(&texts[i]);
    return st;
}

/* ---- a policy as large as any may get: 40 facts ---- */

enum { LARGE_SERVICES = 30, LARGE_CHANNELS = 16, LARGE_WORDS = 20 };

static const char *const large_facts[][9] = {
    {"severity", "A", "B", "C", "D", NULL},
    {"scope", "user", "tenant", "several", "", NULL},
    {"use", "support", "configure", "manage-subscriptions", "", NULL},
    {"hosting", "cloud", "on-premises", "", NULL},
    {"environment", "production", "sandbox", "preview", "", NULL},
    {"ask", "question", "issue", NULL},
    {"own-tenant", "no", "yes", NULL},
    {"publisher", "microsoft", "third-party", "", NULL},
    {"customer", "known", "unknown", "elsewhere", NULL},
    {"csp", "yes", "no", "unknown", NULL},
    {"partner", "direct-bill", "indirect-provider", "indirect-reseller", NULL},
    {"relation", "active", "ended", "unknown", NULL},
    {"access", "active", "expired", "ended", "none", "role", "assignment", "unknown", NULL},
    {"health", "ok", "incident", "advisory", "unknown", "stale", NULL},
    {"attempt", "none", "failed", "resolved", NULL},
    {"diagnosis", "none", "done", NULL},
    {"plan", "p0", "p1", "p2", "p3", "none", "unknown", NULL},
    {"seller", "partner", "microsoft", "none", NULL},
};

static inline enum egw_status large_condition(struct egw_buf *out, struct random_source *r,
                                              uint32_t fact)
{
    static const char *const rights[] = {"in-force", "ended", "none", "unknown"};
    static const char *const words[] = {"service", "symptom", "topic", "domain"};
    uint32_t closed = sizeof(large_facts) / sizeof(large_facts[0]), values = 0;

    if (fact < LARGE_CHANNELS)
        return egw_buf_printf(out, "c%u = [\"%s\"]; ", fact, rights[random_below(r, 4)]);
    fact -= LARGE_CHANNELS;
    if (fact < 4) {
        uint32_t n = fact ? LARGE_WORDS : LARGE_SERVICES;

        return egw_buf_printf(out, "%s = [\"%c%u\", \"%c%u\"]; ", words[fact], words[fact][0],
                              random_below(r, n), words[fact][0], random_below(r, n));
    }
    fact = (fact - 4) % closed;
    while (large_facts[fact][values + 1])
        values++;
    return egw_buf_printf(out, "%s = [\"%s\", \"%s\"]; ", large_facts[fact][0],
                          large_facts[fact][1 + random_below(r, values)],
                          large_facts[fact][1 + random_below(r, values)]);
}

/* Four to seven conditions on facts that follow each other in a fixed, mixed order. */
static inline enum egw_status large_rule(struct egw_buf *out, struct random_source *r, int stage,
                                         int number, bool changed)
{
    static const char *const ends[5][3] = {
        {"REFERRED\"; code = \"MSRC", "REJECTED\"; code = \"BAD_FIELD", "next"},
        {"ACCESS_REQUIRED\"; code = \"ROLE", "ACCESS_REQUIRED\"; code = \"RBAC", "next"},
        {"HEALTH_MATCH", "HEALTH_MATCH", "next"},
        {"BASELINE\"; code = \"ANSWER", "BASELINE\"; code = \"DIAGNOSE", "next"},
        {"HANDOFF\"; channel = \"c1", "HANDOFF\"; channel = \"c2", "TO_PROVIDER"},
    };
    uint32_t facts = LARGE_CHANNELS + 4 + sizeof(large_facts) / sizeof(large_facts[0]);
    uint32_t at = random_below(r, facts), n = 4 + random_below(r, 4), end = random_below(r, 3);
    enum egw_status st =
        egw_buf_printf(out, "{ id = \"s%d.r%d\"; then = \"%s\"; because = \"b\"; source = \"S\"; ",
                       stage, number, ends[stage][(end + changed) % 3]);

    if (!st && random_below(r, 20) == 0)
        st = egw_buf_printf(out, "since = \"202%u-01-01\"; ", random_below(r, 5));
    if (!st)
        st = egw_buf_printf(out, "when = { ");
    for (uint32_t i = 0; i < n && !st; i++)
        st = large_condition(out, r, (at + i * 7) % facts);
    return st ? st : egw_buf_printf(out, "}; },\n");
}

static inline enum egw_status large_words(struct egw_buf *out)
{
    static const char *const lists[][2] = {{"topics", "t"}, {"domains", "d"}};
    enum egw_status st = egw_buf_printf(out, "severities = [\"A\", \"B\", \"C\", \"D\"]; "
                                             "default-severity = \"C\"; plans = [\"p0\", \"p1\", "
                                             "\"p2\", \"p3\"];\n");

    for (size_t l = 0; l < 2 && !st; l++) {
        st = egw_buf_printf(out, "%s = [\"none-such\"", lists[l][0]);
        for (int i = 0; i < LARGE_WORDS && !st; i++)
            st = egw_buf_printf(out, ", \"%s%d\"", lists[l][1], i);
        st = st ? st : egw_buf_printf(out, "];\n");
    }
    st = st ? st : egw_buf_printf(out, "symptoms = ( { id = \"none-such\"; }");
    for (int i = 0; i < LARGE_WORDS && !st; i++)
        st = egw_buf_printf(out, ", { id = \"s%d\"; }", i);
    st = st ? st
            : egw_buf_printf(out, " );\nservices = ( { id = \"z\"; name = \"Z\"; family = "
                                  "\"z\"; cloud = true; }");
    for (int i = 0; i < LARGE_SERVICES && !st; i++)
        st = egw_buf_printf(out,
                            ", { id = \"s%d\"; name = \"S %d\"; family = \"f%d\"; cloud = "
                            "true; }",
                            i, i, i % 5);
    st = st ? st : egw_buf_printf(out, " );\nchannels = ( ");
    for (int i = 0; i < LARGE_CHANNELS && !st; i++)
        st = egw_buf_printf(out,
                            "%s{ id = \"c%d\"; name = \"C\"; entitlement = \"contract\"; "
                            "plan = \"p%d\"; source = \"S\"; }",
                            i ? ", " : "", i, i);
    return st ? st : egw_buf_printf(out, " );\n");
}

/* `rules` spread over the stages; of every `changed` th the answer is another one (0: of none). */
static inline enum egw_status large_policy(uint64_t seed, int rules, int changed,
                                           struct egw_policy **ret, struct egw_faults *faults)
{
    static const char *const stages[] = {"validity", "access", "health", "baseline", "channel"};
    static const char *const names[] = {"v.cfg", "w.cfg", "x.cfg", "y.cfg", "z.cfg"};
    static const char *const last[] = {"next", "next", "next", "next",
                                       "NOT_ENTITLED\"; code = \"NO_PLAN"};
    static const int percent[] = {10, 20, 5, 25, 40};
    struct egw_buf texts[6] = {{0}};
    struct egw_policy_file files[6];
    struct random_source r = {seed};
    enum egw_status st = large_words(&texts[5]);
    int number = 0;

    for (int s = 0; s < 5 && !st; s++) {
        st = egw_buf_printf(&texts[s], "stage = \"%s\"; rules = (\n", stages[s]);
        for (int i = 0; i < rules * percent[s] / 100 && !st; i++, number++)
            st = large_rule(&texts[s], &r, s, i, changed && number % changed == changed - 1);
        if (!st)
            st = egw_buf_printf(&texts[s],
                                "{ id = \"s%d.last\"; then = \"%s\"; because = \"b\"; "
                                "source = \"S\"; } );",
                                s, last[s]);
        files[s] = (struct egw_policy_file){egw_str_of(names[s]), egw_buf_str(&texts[s])};
    }
    files[5] = (struct egw_policy_file){EGW_STR("a.cfg"), egw_buf_str(&texts[5])};
    if (!st)
        st = egw_policy_compile(files, 6, ret, faults);
    for (size_t i = 0; i < 6; i++)
        egw_buf_free(&texts[i]);
    return st;
}

#endif

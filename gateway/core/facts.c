#include "egw/facts.h"

#include <assert.h>
#include <stdlib.h>

#include "egw/hash.h"

const char *const egw_reference_kinds[EGW_REF_COUNT] = {
    "partner", "relation",  "access",   "subscription", "contract", "membership", "pack",
    "managed", "statement", "delivery", "calendar",     "health",   "issue"};

enum { KEY_MAX = 512, FIRST_SLOTS = 64 };

/* One key of the topic. Kept after its tombstone: a case may ask when the key last changed. */
struct record {
    uint64_t hash;
    int64_t offset;
    struct egw_reference *reference; /* one block with all it points to; NULL: removed */
    struct egw_str key;
    char key_bytes[];
};

/* Records that share a name: relations by a customer's name, issues by customer; in key order, so
 * that the answer depends on what the topic holds and not on the order it was written in. */
struct group {
    uint64_t hash;
    struct record **members;
    size_t n;
    size_t name_n;
    char name[];
};

/* Slots of pointers to things that begin with their hash. */
struct slots {
    void **p;
    size_t mask, used;
};

struct egw_facts {
    struct slots records;
    struct slots names;  /* groups of relations */
    struct slots issues; /* groups of issues */
};

/* ---- open addressing over pointers; nothing is ever removed ---- */

static struct record *find_record(const struct slots *slots, struct egw_str key, uint64_t hash)
{
    for (size_t i = (size_t)hash & slots->mask; slots->p; i = (i + 1) & slots->mask) {
        struct record *r = slots->p[i];

        if (!r)
            break;
        if (r->hash == hash && egw_str_eq(r->key, key))
            return r;
    }
    return NULL;
}

static struct group *find_group(const struct slots *slots, struct egw_str name, uint64_t hash)
{
    for (size_t i = (size_t)hash & slots->mask; slots->p; i = (i + 1) & slots->mask) {
        struct group *g = slots->p[i];

        if (!g)
            break;
        if (g->hash == hash && egw_str_eq((struct egw_str){g->name, g->name_n}, name))
            return g;
    }
    return NULL;
}

static void place(struct slots *slots, void *item)
{
    uint64_t hash = *(const uint64_t *)item;
    size_t i = (size_t)hash & slots->mask;

    while (slots->p[i])
        i = (i + 1) & slots->mask;
    slots->p[i] = item;
}

static bool make_room(struct slots *slots)
{
    size_t was = slots->p ? slots->mask + 1 : 0;
    size_t cap = was ? was * 2 : FIRST_SLOTS;
    struct slots grown = {.mask = cap - 1, .used = slots->used};

    if (slots->p && (slots->used + 1) * 2 <= was)
        return true;
    grown.p = calloc(cap, sizeof(*grown.p));
    if (!grown.p)
        return false;
    for (size_t i = 0; i < was; i++) {
        if (slots->p[i])
            place(&grown, slots->p[i]);
    }
    free(slots->p);
    *slots = grown;
    return true;
}

/* ---- owning a decoded record: one block, walked by its type ---- */

struct block {
    unsigned char *p; /* NULL: measuring */
    size_t used;
};

static void *block_take(struct block *block, const void *from, size_t n)
{
    void *to = NULL;

    block->used = (block->used + 7) & ~(size_t)7;
    if (block->p) {
        to = block->p + block->used;
        if (n)
            memcpy(to, from, n);
    }
    block->used += n;
    return to;
}

static void own(struct block *block, const struct egw_type *type, void *value);

static void own_text(struct block *block, struct egw_str *s)
{
    char *copy;

    if (!s->p)
        return;
    copy = block_take(block, s->p, s->n);
    if (copy)
        s->p = copy;
}

/* *at points to one thing of type: move it into the block, and what it points to. */
static void own_target(struct block *block, const struct egw_type *type, void **at)
{
    void *copy;

    if (!*at)
        return;
    copy = block_take(block, *at, type->size);
    if (copy)
        *at = copy;
    own(block, type, *at);
}

static void own_items(struct block *block, const struct egw_type *item, struct egw_list *list)
{
    unsigned char *p = block_take(block, list->p, list->n * item->size);

    if (p)
        list->p = p;
    for (size_t i = 0; i < list->n; i++)
        own(block, item, (unsigned char *)list->p + i * item->size);
}

static void own_option(struct block *block, const struct egw_type *item, void *value)
{
    if (item->kind == EGW_K_STRING || item->kind == EGW_K_BYTES)
        own_text(block, value);
    else if (item->kind == EGW_K_RECORD || item->kind == EGW_K_FIXED)
        own_target(block, item, value);
}

static void own(struct block *block, const struct egw_type *type, void *value)
{
    switch (type->kind) {
    case EGW_K_STRING:
    case EGW_K_BYTES:
        own_text(block, value);
        break;
    case EGW_K_OPTION:
        own_option(block, type->item, value);
        break;
    case EGW_K_ARRAY:
        own_items(block, type->item, value);
        break;
    case EGW_K_CHOICE: {
        struct egw_choice *choice = value;

        own_target(block, type->branches[choice->branch], &choice->p);
        break;
    }
    case EGW_K_RECORD:
        for (size_t i = 0; i < type->field_count; i++)
            own(block, type->fields[i].type, (unsigned char *)value + type->fields[i].offset);
        break;
    case EGW_K_MAP:
        assert(false && "no reference record holds a map");
        break;
    default: /* held in place */
        break;
    }
}

static struct egw_reference *reference_copy(const struct egw_reference *reference)
{
    struct egw_reference shallow = *reference;
    struct block block = {NULL, 0};

    block_take(&block, &shallow, sizeof(shallow));
    own(&block, &egw_type_reference, &shallow);
    block.p = malloc(block.used);
    if (!block.p)
        return NULL;
    block.used = 0;
    own(&block, &egw_type_reference, block_take(&block, &shallow, sizeof(shallow)));
    return (struct egw_reference *)(void *)block.p;
}

/* ---- keys ---- */

#define PART(record, field) offsetof(struct record, field)
enum { PARTS_MAX = 3 };

static const struct {
    size_t n;
    size_t at[PARTS_MAX];
} key_parts[EGW_REF_COUNT] = {
    [EGW_REF_PARTNER] = {1, {PART(egw_partner, partner)}},
    [EGW_REF_RELATION] = {2, {PART(egw_relation, partner), PART(egw_relation, customer)}},
    [EGW_REF_ACCESS] = {2, {PART(egw_access, partner), PART(egw_access, customer)}},
    [EGW_REF_SUBSCRIPTION] = {2,
                              {PART(egw_subscription, customer),
                               PART(egw_subscription, subscription)}},
    [EGW_REF_CONTRACT] = {2, {PART(egw_contract, partner), PART(egw_contract, plan)}},
    [EGW_REF_MEMBERSHIP] = {1, {PART(egw_membership, partner)}},
    [EGW_REF_PACK] = {1, {PART(egw_pack, partner)}},
    [EGW_REF_MANAGED_SERVICE] = {2,
                                 {PART(egw_managed_service, customer),
                                  PART(egw_managed_service, service)}},
    [EGW_REF_STATEMENT] = {2, {PART(egw_statement, partner), PART(egw_statement, customer)}},
    [EGW_REF_DELIVERY] = {3,
                          {PART(egw_delivery, partner), PART(egw_delivery, customer),
                           PART(egw_delivery, service)}},
    [EGW_REF_CALENDAR] = {1, {PART(egw_calendar, id)}},
    [EGW_REF_HEALTH_SNAPSHOT] = {2,
                                 {PART(egw_health_snapshot, customer),
                                  PART(egw_health_snapshot, service)}},
    [EGW_REF_HEALTH_ISSUE] = {2, {PART(egw_health_issue, customer), PART(egw_health_issue, id)}},
};

enum egw_status egw_reference_key(const struct egw_reference *reference, struct egw_buf *ret,
                                  struct egw_error *reterr)
{
    int32_t kind = reference->body.branch;
    enum egw_status st;

    if (kind < 0 || kind >= EGW_REF_COUNT || !reference->body.p)
        return egw_error_set(reterr, EGW_INVALID, "cannot name the fact: its kind is unknown");
    egw_buf_clear(ret);
    st = egw_buf_put(ret, egw_reference_kinds[kind], strlen(egw_reference_kinds[kind]));
    for (size_t i = 0; !st && i < key_parts[kind].n; i++) {
        const unsigned char *body = reference->body.p;
        struct egw_str part = *(const struct egw_str *)(const void *)(body + key_parts[kind].at[i]);

        if (!part.n || memchr(part.p, '/', part.n))
            return egw_error_set(
                reterr, EGW_INVALID,
                "cannot name the %s: part %zu of its key is empty or holds a slash",
                egw_reference_kinds[kind], i + 1);
        st = egw_buf_put(ret, "/", 1);
        if (!st)
            st = egw_buf_put(ret, part.p, part.n);
    }
    return st ? egw_error_set(reterr, st, "cannot name the %s: no memory",
                              egw_reference_kinds[kind])
              : EGW_OK;
}

/* ---- groups ---- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool same_name(struct egw_str a, struct egw_str b)
{
    bool same = a.n == b.n;

    for (size_t i = 0; same && i < a.n; i++)
        same = lower(a.p[i]) == lower(b.p[i]);
    return same;
}

struct name {
    char bytes[2 * KEY_MAX + 1];
    size_t n;
};

/* "scope/name" with the name in lower case; false: too long to be any name. The scope is a partner,
 * for its own names of customers, or empty: a partner's name holds no slash, so they cannot meet.
 */
static bool name_make(struct egw_str scope, struct egw_str name, struct name *ret)
{
    if (scope.n > KEY_MAX || !name.n || name.n > KEY_MAX)
        return false;
    if (scope.n)
        memcpy(ret->bytes, scope.p, scope.n);
    ret->bytes[scope.n] = '/';
    for (size_t i = 0; i < name.n; i++)
        ret->bytes[scope.n + 1 + i] = lower(name.p[i]);
    ret->n = scope.n + 1 + name.n;
    return true;
}

static const struct group *group_get(const struct slots *groups, struct egw_str scope,
                                     struct egw_str name)
{
    struct name key;
    struct egw_str view;

    if (!name_make(scope, name, &key))
        return NULL;
    view = (struct egw_str){key.bytes, key.n};
    return find_group(groups, view, egw_table_hash(view));
}

static struct group *group_make(struct slots *groups, struct egw_str key)
{
    uint64_t hash = egw_table_hash(key);
    struct group *g = find_group(groups, key, hash);

    if (g)
        return g;
    if (!make_room(groups))
        return NULL;
    g = malloc(sizeof(*g) + key.n);
    if (!g)
        return NULL;
    *g = (struct group){.hash = hash, .name_n = key.n};
    memcpy(g->name, key.p, key.n);
    place(groups, g);
    groups->used++;
    return g;
}

/* Where r stands or would stand. */
static size_t group_seat(const struct group *g, const struct record *r)
{
    size_t low = 0, high = g->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (egw_str_cmp(g->members[mid]->key, r->key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool group_join(struct group *g, struct record *r)
{
    size_t seat = group_seat(g, r);

    if (seat < g->n && g->members[seat] == r)
        return true; /* two of its names are alike */
    if ((g->n & (g->n - 1)) == 0) {
        struct record **grown =
            realloc(g->members, (g->n ? g->n * 2 : 1) * sizeof(struct record *));

        if (!grown)
            return false;
        g->members = grown;
    }
    memmove(g->members + seat + 1, g->members + seat, (g->n - seat) * sizeof(struct record *));
    g->members[seat] = r;
    g->n++;
    return true;
}

static void group_leave(struct group *g, const struct record *r)
{
    size_t seat = group_seat(g, r);

    if (seat == g->n || g->members[seat] != r)
        return;
    /* The capacity is read off n: at a power of two it would be doubled again, which is harmless.
     */
    memmove(g->members + seat, g->members + seat + 1, (g->n - seat - 1) * sizeof(struct record *));
    g->n--;
}

typedef bool (*group_change)(struct slots *groups, struct egw_str key, struct record *r);

static bool enter(struct slots *groups, struct egw_str key, struct record *r)
{
    struct group *g = group_make(groups, key);

    return g && group_join(g, r);
}

static bool leave(struct slots *groups, struct egw_str key, struct record *r)
{
    struct group *g = find_group(groups, key, egw_table_hash(key));

    if (g)
        group_leave(g, r);
    return true;
}

static bool each_name(struct slots *groups, struct record *r, struct egw_str scope,
                      struct egw_str text, group_change change)
{
    struct name key;

    return !name_make(scope, text, &key) || change(groups, (struct egw_str){key.bytes, key.n}, r);
}

/* Every name under which the record must be found; aliases are names within one partner only. */
static bool each_group(struct egw_facts *facts, struct record *r, group_change change)
{
    bool ok = true;

    if (!r->reference)
        return true;
    if (r->reference->body.branch == EGW_REF_HEALTH_ISSUE) {
        const struct egw_health_issue *issue = r->reference->body.p;

        return each_name(&facts->issues, r, EGW_STR(""), issue->customer, change);
    }
    if (r->reference->body.branch == EGW_REF_RELATION) {
        const struct egw_relation *relation = r->reference->body.p;
        const struct egw_str *domains = relation->domains.p, *aliases = relation->aliases.p;
        struct egw_str scopes[] = {relation->partner, EGW_STR("")};

        for (size_t s = 0; s < EGW_COUNT(scopes); s++) {
            ok = ok && each_name(&facts->names, r, scopes[s], relation->customer, change) &&
                 each_name(&facts->names, r, scopes[s], relation->tenant, change);
            for (size_t i = 0; ok && i < relation->domains.n; i++)
                ok = each_name(&facts->names, r, scopes[s], domains[i], change);
        }
        for (size_t i = 0; ok && i < relation->aliases.n; i++)
            ok = each_name(&facts->names, r, relation->partner, aliases[i], change);
    }
    return ok;
}

/* ---- taking ---- */

static enum egw_status check_key(struct egw_str key, const struct egw_reference *reference,
                                 struct egw_error *reterr)
{
    EGW_CLEANUP(egw_buf_free) struct egw_buf expected = {.max = 1u << 22};
    enum egw_status st;

    if (!key.n || key.n > KEY_MAX)
        return egw_error_set(reterr, EGW_INVALID,
                             "cannot take the fact: its key of %zu bytes is not in 1 to %d", key.n,
                             KEY_MAX);
    if (!reference)
        return EGW_OK;
    st = egw_reference_key(reference, &expected, reterr);
    if (st)
        return st;
    if (!egw_str_eq(key, egw_buf_str(&expected)))
        return egw_error_set(reterr, EGW_INVALID, "cannot take fact %.*s: its body says %.*s",
                             EGW_FMT(key), EGW_FMT(egw_buf_str(&expected)));
    return EGW_OK;
}

static struct record *record_make(struct egw_facts *facts, struct egw_str key)
{
    uint64_t hash = egw_table_hash(key);
    struct record *r = find_record(&facts->records, key, hash);

    if (r)
        return r;
    if (!make_room(&facts->records))
        return NULL;
    r = malloc(sizeof(*r) + key.n);
    if (!r)
        return NULL;
    *r = (struct record){.hash = hash, .offset = -1};
    memcpy(r->key_bytes, key.p, key.n);
    r->key = (struct egw_str){r->key_bytes, key.n};
    place(&facts->records, r);
    facts->records.used++;
    return r;
}

enum egw_status egw_facts_take(struct egw_facts *facts, struct egw_str key,
                               const struct egw_reference *reference, int64_t offset,
                               struct egw_error *reterr)
{
    enum egw_status st = check_key(key, reference, reterr);
    struct egw_reference *copy = NULL;
    struct record *r;

    if (st)
        return st;
    copy = reference ? reference_copy(reference) : NULL;
    r = reference && !copy ? NULL : record_make(facts, key);
    if (!r) {
        free(copy);
        return egw_error_set(reterr, EGW_NOMEM, "cannot keep fact %.*s: no memory", EGW_FMT(key));
    }
    (void)each_group(facts, r, leave);
    free(r->reference);
    r->reference = copy;
    r->offset = offset;
    if (!each_group(facts, r, enter))
        return egw_error_set(reterr, EGW_NOMEM, "cannot find fact %.*s again: no memory",
                             EGW_FMT(key));
    return EGW_OK;
}

struct egw_facts *egw_facts_new(void)
{
    return calloc(1, sizeof(struct egw_facts));
}

static void groups_free(struct slots *groups)
{
    for (size_t i = 0; groups->p && i <= groups->mask; i++) {
        struct group *g = groups->p[i];

        if (g)
            free(g->members);
        free(g);
    }
    free(groups->p);
}

void egw_facts_free(struct egw_facts *facts)
{
    if (!facts)
        return;
    for (size_t i = 0; facts->records.p && i <= facts->records.mask; i++) {
        struct record *r = facts->records.p[i];

        if (r)
            free(r->reference);
        free(r);
    }
    free(facts->records.p);
    groups_free(&facts->names);
    groups_free(&facts->issues);
    free(facts);
}

/* ---- asking ---- */

static struct egw_fact_view view_of(const struct record *r)
{
    if (!r)
        return (struct egw_fact_view){NULL, -1};
    return (struct egw_fact_view){r->reference, r->offset};
}

struct egw_fact_view egw_facts_get(const struct egw_facts *facts, struct egw_str key)
{
    return view_of(find_record(&facts->records, key, egw_table_hash(key)));
}

struct egw_fact_view egw_facts_find(const struct egw_facts *facts, struct egw_str key,
                                    struct egw_str *ret_key)
{
    const struct record *r = find_record(&facts->records, key, egw_table_hash(key));

    *ret_key = r ? r->key : EGW_STR_NONE;
    return view_of(r);
}

bool egw_facts_customer(const struct egw_facts *facts, struct egw_str partner, struct egw_str name,
                        struct egw_str *ret_customer)
{
    const struct group *g = partner.n ? group_get(&facts->names, partner, name) : NULL;
    const struct egw_relation *best = NULL;

    /* A canonical name is never overruled by another customer's alias. */
    for (size_t i = 0; g && i < g->n; i++) {
        const struct egw_relation *relation = g->members[i]->reference->body.p;

        if (!best || same_name(relation->customer, name))
            best = relation;
    }
    if (!best)
        return false;
    *ret_customer = best->customer;
    return true;
}

bool egw_facts_customer_elsewhere(const struct egw_facts *facts, struct egw_str partner,
                                  struct egw_str name)
{
    const struct group *g = group_get(&facts->names, EGW_STR(""), name);

    for (size_t i = 0; g && i < g->n; i++) {
        const struct egw_relation *relation = g->members[i]->reference->body.p;

        if (relation->active && !egw_str_eq(relation->partner, partner))
            return true;
    }
    return false;
}

bool egw_facts_next_issue(const struct egw_facts *facts, struct egw_str customer, size_t *at,
                          struct egw_fact_view *ret, struct egw_str *ret_key)
{
    const struct group *g = group_get(&facts->issues, EGW_STR(""), customer);

    /* Names are kept in lower case: two customers may share a group. */
    while (g && *at < g->n) {
        const struct record *r = g->members[g->n - 1 - (*at)++];
        const struct egw_health_issue *issue = r->reference->body.p;

        if (!egw_str_eq(issue->customer, customer))
            continue;
        *ret = view_of(r);
        *ret_key = r->key;
        return true;
    }
    return false;
}

bool egw_facts_next(const struct egw_facts *facts, size_t *at, struct egw_str *ret_key,
                    struct egw_fact_view *ret)
{
    for (; facts->records.p && *at <= facts->records.mask; (*at)++) {
        const struct record *r = facts->records.p[*at];

        if (r && r->reference) {
            *ret_key = r->key;
            *ret = view_of(r);
            (*at)++;
            return true;
        }
    }
    return false;
}

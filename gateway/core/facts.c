#include "egw/facts.h"

#include <assert.h>
#include <stdlib.h>

#include "egw/hash.h"

enum { KEY_MAX = 512, FIRST_SLOTS = 64 };

/* What every thing kept here begins with. */
struct named {
    struct egw_str name;
};

/* One key of the topic. Kept after its tombstone: a case may ask when the key last changed. */
struct record {
    struct named key;
    int64_t offset;
    struct egw_reference *reference; /* one block with all it points to; NULL: removed */
    struct egw_folder *folder;       /* NULL: nobody's */
    uint16_t kind, last_at;          /* in a folder: what it is, and where the last part begins */
    char key_bytes[];
};

/* Records in key order, so that the answer depends on what the topic holds and not on the order it
 * was written in. The head of a key's last part saves most comparisons the way to the record. */
struct shelf {
    struct seat {
        uint64_t head;
        struct record *record;
    } * seats;
    size_t n;
};

/* Relations that share a name. */
struct group {
    struct named name;
    struct shelf shelf;
    char name_bytes[];
};

/* What the topic says about one partner, one customer, or the two together. A record is filed when
 * its key is first seen and never moves, so a folder needs no care when a record changes. */
enum { ONES = 3, SHELVES = 3 };
struct egw_folder {
    struct named name;
    const struct egw_folder *partner, *customer; /* of a pair */
    const struct record *one[ONES];
    struct shelf shelves[SHELVES];
    char name_bytes[];
};

/* Things that begin with struct named. The hash stands in the slot: passing over another thing must
 * not fetch it, which is a miss of every cache. */
struct slots {
    struct slot {
        uint64_t hash;
        struct named *item; /* NULL: free */
    } * p;
    size_t mask, used;
};

enum owner { OF_PARTNER, OF_CUSTOMER, OF_BOTH, OWNERS, OF_NOBODY = OWNERS };

struct egw_facts {
    struct slots records;
    struct slots names; /* groups */
    struct slots folders[OWNERS];
};

/* Where in its owner's folder a kind is kept: alone, or on a shelf by its key's last part. */
static const struct {
    enum owner owner;
    bool shelved;
    unsigned char place;
} filing[EGW_REF_COUNT] = {
    [EGW_REF_PARTNER] = {OF_PARTNER, false, 0},
    [EGW_REF_MEMBERSHIP] = {OF_PARTNER, false, 1},
    [EGW_REF_PACK] = {OF_PARTNER, false, 2},
    [EGW_REF_CONTRACT] = {OF_PARTNER, true, 0},
    [EGW_REF_SUBSCRIPTION] = {OF_CUSTOMER, true, 0},
    [EGW_REF_HEALTH_SNAPSHOT] = {OF_CUSTOMER, true, 1},
    [EGW_REF_HEALTH_ISSUE] = {OF_CUSTOMER, true, 2},
    [EGW_REF_RELATION] = {OF_BOTH, false, 0},
    [EGW_REF_ACCESS] = {OF_BOTH, false, 1},
    [EGW_REF_STATEMENT] = {OF_BOTH, false, 2},
    [EGW_REF_DELIVERY] = {OF_BOTH, true, 0},
    [EGW_REF_MANAGED_SERVICE] = {OF_NOBODY, false, 0},
    [EGW_REF_CALENDAR] = {OF_NOBODY, false, 0},
};

/* ---- open addressing over pointers; nothing is ever removed ---- */

static void *find(const struct slots *slots, struct egw_str name, uint64_t hash)
{
    for (size_t i = (size_t)hash & slots->mask; slots->p; i = (i + 1) & slots->mask) {
        const struct slot *slot = &slots->p[i];

        if (!slot->item)
            break;
        if (slot->hash == hash && egw_str_eq(slot->item->name, name))
            return slot->item;
    }
    return NULL;
}

static void place(struct slots *slots, struct slot slot)
{
    size_t i = (size_t)slot.hash & slots->mask;

    while (slots->p[i].item)
        i = (i + 1) & slots->mask;
    slots->p[i] = slot;
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
        if (slots->p[i].item)
            place(&grown, slots->p[i]);
    }
    free(slots->p);
    *slots = grown;
    return true;
}

/* Into room that was made. */
static void settle(struct slots *slots, uint64_t hash, struct named *item)
{
    place(slots, (struct slot){hash, item});
    slots->used++;
}

/* The name is kept in bytes, the thing's own end. */
static void name_it(struct named *item, char *bytes, struct egw_str name)
{
    memcpy(bytes, name.p, name.n);
    item->name = (struct egw_str){bytes, name.n};
}

/* ---- shelves ---- */

static uint64_t head_of(struct egw_str part)
{
    uint64_t head = 0;

    if (part.n >= sizeof(head))
        memcpy(&head, part.p, sizeof(head));
    else
        for (size_t i = 0; i < part.n; i++)
            head = head << 8 | (unsigned char)part.p[i];
    return head;
}

static struct egw_str last_of(const struct record *r)
{
    return (struct egw_str){r->key.name.p + r->last_at, r->key.name.n - r->last_at};
}

/* Where r stands or would stand. */
static size_t shelf_place(const struct shelf *shelf, const struct record *r)
{
    size_t low = 0, high = shelf->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (egw_str_cmp(shelf->seats[mid].record->key.name, r->key.name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool shelf_join(struct shelf *shelf, struct record *r)
{
    size_t at = shelf_place(shelf, r);

    if (at < shelf->n && shelf->seats[at].record == r)
        return true; /* it was there, or two of its names are alike */
    if ((shelf->n & (shelf->n - 1)) == 0) {
        struct seat *grown =
            realloc(shelf->seats, (shelf->n ? shelf->n * 2 : 1) * sizeof(*shelf->seats));

        if (!grown)
            return false;
        shelf->seats = grown;
    }
    memmove(shelf->seats + at + 1, shelf->seats + at, (shelf->n - at) * sizeof(*shelf->seats));
    shelf->seats[at] = (struct seat){head_of(last_of(r)), r};
    shelf->n++;
    return true;
}

static void shelf_leave(struct shelf *shelf, const struct record *r)
{
    size_t at = shelf_place(shelf, r);

    if (at == shelf->n || shelf->seats[at].record != r)
        return;
    /* The capacity is read off n: at a power of two it would be doubled again, which is harmless.
     */
    memmove(shelf->seats + at, shelf->seats + at + 1, (shelf->n - at - 1) * sizeof(*shelf->seats));
    shelf->n--;
}

static const struct record *shelf_find(const struct shelf *shelf, struct egw_str last)
{
    uint64_t head = head_of(last);

    for (size_t i = 0; i < shelf->n; i++) {
        if (shelf->seats[i].head == head && egw_str_eq(last_of(shelf->seats[i].record), last))
            return shelf->seats[i].record;
    }
    return NULL;
}

/* ---- groups ---- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
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
    EGW_SCRATCH struct name key;
    struct egw_str view;

    if (!name_make(scope, name, &key))
        return NULL;
    view = (struct egw_str){key.bytes, key.n};
    return find(groups, view, egw_table_hash(view));
}

static struct group *group_make(struct slots *groups, struct egw_str name)
{
    uint64_t hash = egw_table_hash(name);
    struct group *g = find(groups, name, hash);

    if (g)
        return g;
    g = make_room(groups) ? calloc(1, sizeof(*g) + name.n) : NULL;
    if (!g)
        return NULL;
    name_it(&g->name, g->name_bytes, name);
    settle(groups, hash, &g->name);
    return g;
}

typedef bool (*group_change)(struct slots *groups, struct egw_str key, struct record *r);

static bool enter(struct slots *groups, struct egw_str key, struct record *r)
{
    struct group *g = group_make(groups, key);

    return g && shelf_join(&g->shelf, r);
}

static bool leave(struct slots *groups, struct egw_str key, struct record *r)
{
    struct group *g = find(groups, key, egw_table_hash(key));

    if (g)
        shelf_leave(&g->shelf, r);
    return true;
}

static bool each_name(struct slots *groups, struct record *r, struct egw_str scope,
                      struct egw_str text, group_change change)
{
    EGW_SCRATCH struct name key;

    return !name_make(scope, text, &key) || change(groups, (struct egw_str){key.bytes, key.n}, r);
}

/* Every name under which the record must be found; aliases are names within one partner only. */
static bool each_group(struct egw_facts *facts, struct record *r, group_change change)
{
    bool ok = true;

    if (r->reference && r->reference->body.branch == EGW_REF_RELATION) {
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

/* ---- folders ---- */

static struct egw_folder *folder_make(struct egw_facts *facts, enum owner owner,
                                      struct egw_str name)
{
    struct slots *slots = &facts->folders[owner];
    uint64_t hash = egw_table_hash(name);
    struct egw_folder *folder = find(slots, name, hash);

    if (folder)
        return folder;
    folder = make_room(slots) ? calloc(1, sizeof(*folder) + name.n) : NULL;
    if (!folder)
        return NULL;
    name_it(&folder->name, folder->name_bytes, name);
    settle(slots, hash, &folder->name);
    return folder;
}

/* The two's folder leads to those of each, so that one search finds all three. */
static struct egw_folder *folder_of_both(struct egw_facts *facts, struct egw_str name,
                                         size_t partner_n)
{
    const struct egw_folder *partner =
        folder_make(facts, OF_PARTNER, (struct egw_str){name.p, partner_n});
    const struct egw_folder *customer = folder_make(
        facts, OF_CUSTOMER, (struct egw_str){name.p + partner_n + 1, name.n - partner_n - 1});
    struct egw_folder *both = partner && customer ? folder_make(facts, OF_BOTH, name) : NULL;

    if (both) {
        both->partner = partner;
        both->customer = customer;
    }
    return both;
}

/* How a key reads: "kind/partner", "kind/customer/last", "kind/partner/customer/last" ... */
struct key_read {
    enum egw_reference_kind kind;
    struct egw_str owner;
    size_t partner_n; /* of an owner that is both */
    size_t last_at;   /* the key's end where it has no last part */
};

/* The offset of the next slash, or the key's length. */
static size_t slash_from(struct egw_str key, size_t at)
{
    const char *slash = at < key.n ? memchr(key.p + at, '/', key.n - at) : NULL;

    return slash ? (size_t)(slash - key.p) : key.n;
}

/* False: of no kind that is filed. Only a tombstone's key can be any text. */
static bool key_read(struct egw_str key, struct key_read *ret)
{
    size_t begin = slash_from(key, 0), end;
    int kind = 0;

    while (kind < EGW_REF_COUNT &&
           !egw_str_is((struct egw_str){key.p, begin}, egw_reference_kinds[kind]))
        kind++;
    if (kind == EGW_REF_COUNT || filing[kind].owner == OF_NOBODY || begin++ == key.n)
        return false;
    end = slash_from(key, begin);
    ret->partner_n = end - begin;
    if (filing[kind].owner == OF_BOTH) {
        if (end == key.n)
            return false;
        end = slash_from(key, end + 1);
    }
    if (filing[kind].shelved == (end == key.n))
        return false;
    ret->kind = (enum egw_reference_kind)kind;
    ret->owner = (struct egw_str){key.p + begin, end - begin};
    ret->last_at = end + filing[kind].shelved;
    return true;
}

static struct shelf *shelf_of(const struct record *r)
{
    return &r->folder->shelves[filing[r->kind].place];
}

/* A customer's issues come and go, and all of them are walked: only those present are on the shelf.
 */
static bool shelve_issue(struct record *r)
{
    if (r->folder && r->kind == EGW_REF_HEALTH_ISSUE) {
        if (r->reference)
            return shelf_join(shelf_of(r), r);
        shelf_leave(shelf_of(r), r);
    }
    return true;
}

/* False: no memory. */
static bool file_record(struct egw_facts *facts, struct record *r)
{
    struct key_read read;

    if (!key_read(r->key.name, &read))
        return true;
    r->kind = (uint16_t)read.kind;
    r->last_at = (uint16_t)read.last_at;
    r->folder = filing[r->kind].owner == OF_BOTH
                    ? folder_of_both(facts, read.owner, read.partner_n)
                    : folder_make(facts, filing[r->kind].owner, read.owner);
    if (!r->folder)
        return false;
    if (!filing[r->kind].shelved)
        r->folder->one[filing[r->kind].place] = r;
    return !filing[r->kind].shelved || r->kind == EGW_REF_HEALTH_ISSUE ||
           shelf_join(shelf_of(r), r);
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
    struct record *r = find(&facts->records, key, hash);

    if (r)
        return r;
    r = make_room(&facts->records) ? calloc(1, sizeof(*r) + key.n) : NULL;
    if (!r)
        return NULL;
    r->offset = -1;
    name_it(&r->key, r->key_bytes, key);
    if (!file_record(facts, r)) {
        free(r);
        return NULL;
    }
    settle(&facts->records, hash, &r->key);
    return r;
}

enum egw_status egw_facts_take(struct egw_facts *facts, struct egw_str key,
                               const struct egw_reference *reference, int64_t offset,
                               struct egw_error *reterr)
{
    enum egw_status st = check_key(key, reference, reterr);
    struct egw_reference *copy = NULL;
    struct record *r;

    if (!st && reference)
        st = egw_reference_check(reference, reterr);
    if (st)
        return st;
    copy = reference ? egw_reference_copy(reference) : NULL;
    r = reference && !copy ? NULL : record_make(facts, key);
    if (!r) {
        free(copy);
        return egw_error_set(reterr, EGW_NOMEM, "cannot keep fact %.*s: no memory", EGW_FMT(key));
    }
    (void)each_group(facts, r, leave);
    free(r->reference);
    r->reference = copy;
    r->offset = offset;
    if (!each_group(facts, r, enter) || !shelve_issue(r))
        return egw_error_set(reterr, EGW_NOMEM, "cannot find fact %.*s again: no memory",
                             EGW_FMT(key));
    return EGW_OK;
}

struct egw_facts *egw_facts_new(void)
{
    return calloc(1, sizeof(struct egw_facts));
}

static void records_free(struct slots *records)
{
    for (size_t i = 0; records->p && i <= records->mask; i++) {
        struct record *r = (struct record *)(void *)records->p[i].item;

        if (r)
            free(r->reference);
        free(r);
    }
    free(records->p);
}

static void groups_free(struct slots *groups)
{
    for (size_t i = 0; groups->p && i <= groups->mask; i++) {
        struct group *g = (struct group *)(void *)groups->p[i].item;

        if (g)
            free(g->shelf.seats);
        free(g);
    }
    free(groups->p);
}

static void folders_free(struct slots *folders)
{
    for (size_t i = 0; folders->p && i <= folders->mask; i++) {
        struct egw_folder *folder = (struct egw_folder *)(void *)folders->p[i].item;

        for (size_t k = 0; folder && k < SHELVES; k++)
            free(folder->shelves[k].seats);
        free(folder);
    }
    free(folders->p);
}

void egw_facts_free(struct egw_facts *facts)
{
    if (!facts)
        return;
    records_free(&facts->records);
    groups_free(&facts->names);
    for (size_t owner = 0; owner < OWNERS; owner++)
        folders_free(&facts->folders[owner]);
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
    return view_of(find(&facts->records, key, egw_table_hash(key)));
}

static const struct egw_folder *folder_get(const struct egw_facts *facts, enum owner owner,
                                           struct egw_str name)
{
    return name.p ? find(&facts->folders[owner], name, egw_table_hash(name)) : NULL;
}

static const struct egw_folder *folder_get_both(const struct egw_facts *facts,
                                                struct egw_str partner, struct egw_str customer)
{
    EGW_SCRATCH char name[2 * KEY_MAX + 1];

    if (!partner.n || partner.n > KEY_MAX || !customer.n || customer.n > KEY_MAX)
        return NULL;
    memcpy(name, partner.p, partner.n);
    name[partner.n] = '/';
    memcpy(name + partner.n + 1, customer.p, customer.n);
    return folder_get(facts, OF_BOTH, (struct egw_str){name, partner.n + 1 + customer.n});
}

struct egw_dossier egw_facts_dossier(const struct egw_facts *facts, struct egw_str partner,
                                     struct egw_str customer)
{
    const struct egw_folder *both = folder_get_both(facts, partner, customer);

    if (both)
        return (struct egw_dossier){{both->partner, both->customer, both}};
    return (struct egw_dossier){
        {folder_get(facts, OF_PARTNER, partner), folder_get(facts, OF_CUSTOMER, customer), NULL}};
}

struct egw_fact_view egw_dossier_find(const struct egw_dossier *dossier,
                                      enum egw_reference_kind kind, struct egw_str last,
                                      struct egw_str *ret_key)
{
    const struct egw_folder *folder;
    const struct record *r = NULL;

    assert(filing[kind].owner != OF_NOBODY && "a kind that is filed");
    folder = dossier->folders[filing[kind].owner];
    if (folder)
        r = filing[kind].shelved ? shelf_find(&folder->shelves[filing[kind].place], last)
                                 : folder->one[filing[kind].place];
    *ret_key = r ? r->key.name : EGW_STR_NONE;
    return view_of(r);
}

bool egw_dossier_next_issue(const struct egw_dossier *dossier, size_t *at,
                            struct egw_fact_view *ret, struct egw_str *ret_key)
{
    const struct egw_folder *folder = dossier->folders[OF_CUSTOMER];
    const struct shelf *issues =
        folder ? &folder->shelves[filing[EGW_REF_HEALTH_ISSUE].place] : NULL;
    const struct record *r;

    if (!issues || *at >= issues->n)
        return false;
    r = issues->seats[issues->n - 1 - (*at)++].record;
    *ret = view_of(r);
    *ret_key = r->key.name;
    return true;
}

/* Whose name it is: a customer is never overruled by a former one. NULL: it is that of several, and
 * a case must not reach the wrong tenant. */
static const struct egw_relation *only_one(const struct group *g)
{
    const struct egw_relation *best = NULL;
    bool several = false;

    for (size_t i = 0; i < g->shelf.n; i++) {
        const struct egw_relation *relation = g->shelf.seats[i].record->reference->body.p;

        if (best && best->active && !relation->active)
            continue;
        several = best && best->active == relation->active;
        best = relation;
    }
    return several ? NULL : best;
}

bool egw_facts_customer(const struct egw_facts *facts, struct egw_str partner, struct egw_str name,
                        struct egw_str *ret_customer)
{
    const struct group *g = partner.n ? group_get(&facts->names, partner, name) : NULL;
    const struct egw_relation *found;

    /* A canonical name is never overruled by another customer's alias. */
    for (size_t i = 0; g && i < g->shelf.n; i++) {
        const struct egw_relation *relation = g->shelf.seats[i].record->reference->body.p;

        if (egw_str_same(relation->customer, name)) {
            *ret_customer = relation->customer;
            return true;
        }
    }
    found = g ? only_one(g) : NULL;
    if (!found)
        return false;
    *ret_customer = found->customer;
    return true;
}

bool egw_facts_customer_elsewhere(const struct egw_facts *facts, struct egw_str partner,
                                  struct egw_str name)
{
    const struct group *g = group_get(&facts->names, EGW_STR(""), name);

    for (size_t i = 0; g && i < g->shelf.n; i++) {
        const struct egw_relation *relation = g->shelf.seats[i].record->reference->body.p;

        if (relation->active && !egw_str_eq(relation->partner, partner))
            return true;
    }
    return false;
}

bool egw_facts_next(const struct egw_facts *facts, size_t *at, struct egw_str *ret_key,
                    struct egw_fact_view *ret)
{
    for (; facts->records.p && *at <= facts->records.mask; (*at)++) {
        const struct record *r = (const struct record *)(const void *)facts->records.p[*at].item;

        if (r && r->reference) {
            *ret_key = r->key.name;
            *ret = view_of(r);
            (*at)++;
            return true;
        }
    }
    return false;
}

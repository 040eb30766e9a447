#include "egw/table.h"

#include <stdlib.h>

#include "egw/hash.h"

/* One block: header, key, value. */
struct entry {
    uint32_t key_n, value_n; /* value_n == NO_VALUE: removed-marker of an overlay */
    char bytes[];
};

/* Open addressing with linear probing. The hash stands in the slot: a probe that passes over
 * another key must not fetch that key's entry, which is a miss of every cache. */
struct egw_table_slot {
    uint64_t hash;
    struct entry *entry; /* NULL: free; &tomb: its entry was removed */
};

enum { FIRST_SLOTS = 64, AHEAD = 8 };
#define NO_VALUE UINT32_MAX

static struct entry tomb;

static bool is_full(const struct egw_table_slot *slot)
{
    return slot->entry && slot->entry != &tomb;
}

static struct egw_str entry_key(const struct entry *e)
{
    return (struct egw_str){e->bytes, e->key_n};
}

static size_t entry_bytes(const struct entry *e)
{
    return e->key_n + (e->value_n == NO_VALUE ? 0 : e->value_n);
}

static struct egw_str entry_value(const struct entry *e)
{
    if (e->value_n == NO_VALUE)
        return EGW_STR_NONE;
    return (struct egw_str){e->bytes + e->key_n, e->value_n};
}

void egw_table_clear(struct egw_table *table)
{
    if (table->slots && table->used + table->tombs) {
        for (size_t i = 0; i <= table->mask; i++) {
            if (table->slots[i].entry != &tomb)
                free(table->slots[i].entry);
        }
        memset(table->slots, 0, (table->mask + 1) * sizeof(*table->slots));
    }
    table->used = table->tombs = table->bytes = 0;
}

void egw_table_free(struct egw_table *table)
{
    egw_table_clear(table);
    free(table->slots);
    *table = (struct egw_table){0};
}

/* A walk meets entries in no order of memory: each would be waited for. */
static void fetch_ahead(const struct egw_table *table, size_t at)
{
    if (at + AHEAD <= table->mask)
        __builtin_prefetch(table->slots[at + AHEAD].entry);
}

/* The slot that holds key, or the one to put it in. */
static struct egw_table_slot *find(const struct egw_table *table, struct egw_str key, uint64_t hash)
{
    struct egw_table_slot *grave = NULL;

    for (size_t i = (size_t)hash & table->mask;; i = (i + 1) & table->mask) {
        struct egw_table_slot *slot = &table->slots[i];

        if (!slot->entry)
            return grave ? grave : slot;
        if (slot->entry == &tomb) {
            if (!grave)
                grave = slot;
        } else if (slot->hash == hash && egw_str_eq(entry_key(slot->entry), key)) {
            return slot;
        }
    }
}

bool egw_table_get_first(const struct egw_table *const *tables, size_t n, struct egw_str key,
                         struct egw_str *ret_value)
{
    const uint64_t hash = egw_table_hash(key);

    for (size_t i = 0; i < n; i++) {
        if (tables[i]->used)
            __builtin_prefetch(&tables[i]->slots[hash & tables[i]->mask]);
    }
    for (size_t i = 0; i < n; i++) {
        const struct egw_table_slot *slot = tables[i]->used ? find(tables[i], key, hash) : NULL;

        if (slot && is_full(slot)) {
            *ret_value = entry_value(slot->entry);
            return true;
        }
    }
    return false;
}

bool egw_table_get(const struct egw_table *table, struct egw_str key, struct egw_str *ret_value)
{
    return egw_table_get_first(&table, 1, key, ret_value);
}

static bool grow(struct egw_table *table)
{
    size_t old = table->slots ? table->mask + 1 : 0;
    size_t slots = old ? old : FIRST_SLOTS;
    struct egw_table_slot *was = table->slots, *fresh;

    while ((table->used + 1) * 2 > slots)
        slots *= 2;
    fresh = calloc(slots, sizeof(*fresh));
    if (!fresh)
        return false;
    table->slots = fresh;
    table->mask = slots - 1;
    table->tombs = 0;
    for (size_t i = 0; i < old; i++) {
        size_t at = (size_t)was[i].hash & table->mask;

        if (!is_full(&was[i]))
            continue;
        while (fresh[at].entry)
            at = (at + 1) & table->mask;
        fresh[at] = was[i];
    }
    free(was);
    return true;
}

/* Room for one more entry. */
static bool has_room(struct egw_table *table)
{
    return (table->slots && (table->used + table->tombs + 1) * 4 <= (table->mask + 1) * 3) ||
           grow(table);
}

/* Puts the entry where its key belongs; the one that was there is freed. */
static void place(struct egw_table *table, uint64_t hash, struct entry *entry)
{
    struct egw_table_slot *slot = find(table, entry_key(entry), hash);

    if (is_full(slot)) {
        table->bytes -= entry_bytes(slot->entry);
        free(slot->entry);
    } else {
        if (slot->entry)
            table->tombs--;
        table->used++;
    }
    *slot = (struct egw_table_slot){hash, entry};
    table->bytes += entry_bytes(entry);
}

enum egw_status egw_table_put(struct egw_table *table, struct egw_str key, struct egw_str value)
{
    struct entry *entry;
    size_t value_n = value.p ? value.n : 0;

    if (key.n >= NO_VALUE || value_n >= NO_VALUE || !has_room(table))
        return EGW_NOMEM;
    entry = malloc(sizeof(*entry) + key.n + value_n);
    if (!entry)
        return EGW_NOMEM;
    entry->key_n = (uint32_t)key.n;
    entry->value_n = value.p ? (uint32_t)value_n : NO_VALUE;
    if (key.n)
        memcpy(entry->bytes, key.p, key.n);
    if (value_n)
        memcpy(entry->bytes + key.n, value.p, value_n);
    place(table, egw_table_hash(key), entry);
    return EGW_OK;
}

static bool remove_hashed(struct egw_table *table, struct egw_str key, uint64_t hash)
{
    struct egw_table_slot *slot;

    if (!table->used)
        return false;
    slot = find(table, key, hash);
    if (!is_full(slot))
        return false;
    table->bytes -= entry_bytes(slot->entry);
    free(slot->entry);
    slot->entry = &tomb;
    table->used--;
    table->tombs++;
    return true;
}

bool egw_table_remove(struct egw_table *table, struct egw_str key)
{
    return remove_hashed(table, key, egw_table_hash(key));
}

enum egw_status egw_table_absorb(struct egw_table *table, struct egw_table *from)
{
    for (size_t i = 0; from->used && i <= from->mask; i++) {
        struct egw_table_slot taken = from->slots[i];

        fetch_ahead(from, i);
        if (table->slots && i + AHEAD <= from->mask)
            __builtin_prefetch(&table->slots[from->slots[i + AHEAD].hash & table->mask]);
        if (!is_full(&taken))
            continue;
        if (taken.entry->value_n != NO_VALUE && !has_room(table))
            return EGW_NOMEM;
        from->slots[i].entry = &tomb;
        from->used--;
        from->tombs++;
        from->bytes -= entry_bytes(taken.entry);
        if (taken.entry->value_n != NO_VALUE) {
            place(table, taken.hash, taken.entry);
        } else {
            (void)remove_hashed(table, entry_key(taken.entry), taken.hash);
            free(taken.entry);
        }
    }
    egw_table_clear(from);
    return EGW_OK;
}

bool egw_table_next(const struct egw_table *table, size_t *at, struct egw_table_item *ret)
{
    for (; table->slots && *at <= table->mask; (*at)++) {
        const struct egw_table_slot *slot = &table->slots[*at];

        fetch_ahead(table, *at);
        if (is_full(slot)) {
            *ret = (struct egw_table_item){entry_key(slot->entry), entry_value(slot->entry)};
            (*at)++;
            return true;
        }
    }
    return false;
}

#include "egw/table.h"

#include <stdlib.h>

#include "egw/hash.h"

/* Open addressing with linear probing; an entry is one block: header, key, value. */
struct egw_table_entry {
    uint64_t hash;
    uint32_t key_n, value_n; /* value_n == NO_VALUE: removed-marker of an overlay */
    char bytes[];
};

enum { FIRST_SLOTS = 64 };
#define NO_VALUE UINT32_MAX

static struct egw_table_entry tomb; /* a slot whose entry was removed */

static struct egw_str entry_key(const struct egw_table_entry *e)
{
    return (struct egw_str){e->bytes, e->key_n};
}

static size_t entry_bytes(const struct egw_table_entry *e)
{
    return e->key_n + (e->value_n == NO_VALUE ? 0 : e->value_n);
}

static struct egw_str entry_value(const struct egw_table_entry *e)
{
    if (e->value_n == NO_VALUE)
        return EGW_STR_NONE;
    return (struct egw_str){e->bytes + e->key_n, e->value_n};
}

void egw_table_clear(struct egw_table *table)
{
    if (table->slots && table->used + table->tombs) {
        for (size_t i = 0; i <= table->mask; i++) {
            if (table->slots[i] != &tomb)
                free(table->slots[i]);
            table->slots[i] = NULL;
        }
    }
    table->used = table->tombs = table->bytes = 0;
}

void egw_table_free(struct egw_table *table)
{
    egw_table_clear(table);
    free(table->slots);
    *table = (struct egw_table){0};
}

/* The slot that holds key, or the one to put it in. */
static struct egw_table_entry **find(const struct egw_table *table, struct egw_str key,
                                     uint64_t hash)
{
    struct egw_table_entry **grave = NULL;

    for (size_t i = (size_t)hash & table->mask;; i = (i + 1) & table->mask) {
        struct egw_table_entry **slot = &table->slots[i];

        if (!*slot)
            return grave ? grave : slot;
        if (*slot == &tomb) {
            if (!grave)
                grave = slot;
        } else if ((*slot)->hash == hash && egw_str_eq(entry_key(*slot), key)) {
            return slot;
        }
    }
}

bool egw_table_get(const struct egw_table *table, struct egw_str key, struct egw_str *ret_value)
{
    struct egw_table_entry **slot;

    if (!table->used)
        return false;
    slot = find(table, key, egw_table_hash(key));
    if (!*slot || *slot == &tomb)
        return false;
    *ret_value = entry_value(*slot);
    return true;
}

static bool grow(struct egw_table *table)
{
    size_t old = table->slots ? table->mask + 1 : 0;
    size_t slots = old ? old : FIRST_SLOTS;
    struct egw_table_entry **was = table->slots, **fresh;

    while ((table->used + 1) * 2 > slots)
        slots *= 2;
    fresh = calloc(slots, sizeof(struct egw_table_entry *));
    if (!fresh)
        return false;
    table->slots = fresh;
    table->mask = slots - 1;
    table->tombs = 0;
    for (size_t i = 0; i < old; i++) {
        if (was[i] && was[i] != &tomb)
            *find(table, entry_key(was[i]), was[i]->hash) = was[i];
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
static void place(struct egw_table *table, struct egw_table_entry *entry)
{
    struct egw_table_entry **slot = find(table, entry_key(entry), entry->hash);

    if (*slot && *slot != &tomb) {
        table->bytes -= entry_bytes(*slot);
        free(*slot);
    } else {
        if (*slot == &tomb)
            table->tombs--;
        table->used++;
    }
    *slot = entry;
    table->bytes += entry_bytes(entry);
}

enum egw_status egw_table_put(struct egw_table *table, struct egw_str key, struct egw_str value)
{
    struct egw_table_entry *entry;
    size_t value_n = value.p ? value.n : 0;

    if (key.n >= NO_VALUE || value_n >= NO_VALUE || !has_room(table))
        return EGW_NOMEM;
    entry = malloc(sizeof(*entry) + key.n + value_n);
    if (!entry)
        return EGW_NOMEM;
    entry->hash = egw_table_hash(key);
    entry->key_n = (uint32_t)key.n;
    entry->value_n = value.p ? (uint32_t)value_n : NO_VALUE;
    if (key.n)
        memcpy(entry->bytes, key.p, key.n);
    if (value_n)
        memcpy(entry->bytes + key.n, value.p, value_n);
    place(table, entry);
    return EGW_OK;
}

enum egw_status egw_table_absorb(struct egw_table *table, struct egw_table *from)
{
    for (size_t i = 0; from->used && i <= from->mask; i++) {
        struct egw_table_entry *entry = from->slots[i];

        if (!entry || entry == &tomb)
            continue;
        if (entry->value_n != NO_VALUE && !has_room(table))
            return EGW_NOMEM;
        from->slots[i] = &tomb;
        from->used--;
        from->tombs++;
        from->bytes -= entry_bytes(entry);
        if (entry->value_n != NO_VALUE) {
            place(table, entry);
        } else {
            (void)egw_table_remove(table, entry_key(entry));
            free(entry);
        }
    }
    egw_table_clear(from);
    return EGW_OK;
}

bool egw_table_remove(struct egw_table *table, struct egw_str key)
{
    struct egw_table_entry **slot;

    if (!table->used)
        return false;
    slot = find(table, key, egw_table_hash(key));
    if (!*slot || *slot == &tomb)
        return false;
    table->bytes -= entry_bytes(*slot);
    free(*slot);
    *slot = &tomb;
    table->used--;
    table->tombs++;
    return true;
}

bool egw_table_next(const struct egw_table *table, size_t *at, struct egw_table_item *ret)
{
    for (; table->slots && *at <= table->mask; (*at)++) {
        const struct egw_table_entry *e = table->slots[*at];

        if (e && e != &tomb) {
            *ret = (struct egw_table_item){entry_key(e), entry_value(e)};
            (*at)++;
            return true;
        }
    }
    return false;
}

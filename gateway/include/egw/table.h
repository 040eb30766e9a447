/*
 * table - byte strings to byte strings, compact, in memory
 *
 * One allocation an entry. Keys are hashed with a seeded hash (egw/hash.h). Values returned are
 * valid until the entry is put again or removed. Order of iteration is unspecified; who needs one
 * sorts. Owner thread only.
 */
#ifndef EGW_TABLE_H
#define EGW_TABLE_H

#include "egw/base.h"

struct egw_table_slot;

struct egw_table {
    struct egw_table_slot *slots;
    size_t mask, used, tombs;
    size_t bytes; /* keys and values held */
};

struct egw_table_item {
    struct egw_str key, value; /* value.p == NULL is kept as such: "removed" in an overlay */
};

void egw_table_free(struct egw_table *table); /* leaves an empty table */
/* False: no such key. */
bool egw_table_get(const struct egw_table *table, struct egw_str key, struct egw_str *ret_value);
/* Of the first of n tables that has the key. */
bool egw_table_get_first(const struct egw_table *const *tables, size_t n, struct egw_str key,
                         struct egw_str *ret_value);
enum egw_status egw_table_put(struct egw_table *table, struct egw_str key,
                              struct egw_str value) EGW_MUST_CHECK;
bool egw_table_remove(struct egw_table *table, struct egw_str key);
/* Walk: start with *at = 0; false at the end. Nothing may be put or removed meanwhile. */
bool egw_table_next(const struct egw_table *table, size_t *at, struct egw_table_item *ret);
/* Take all entries of `from` over: a value replaces or adds, a removed-marker removes. from is
 * empty afterwards. On EGW_NOMEM some were taken and the rest are still in from. */
enum egw_status egw_table_absorb(struct egw_table *table, struct egw_table *from) EGW_MUST_CHECK;
/* Forget the entries, keep the slots. */
void egw_table_clear(struct egw_table *table);

#endif

#include "egw/reference.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "egw/calendar.h"

const char *const egw_reference_kinds[EGW_REF_COUNT] = {
    "partner", "relation",  "access",   "subscription", "contract", "membership", "pack",
    "managed", "statement", "delivery", "calendar",     "health",   "issue"};

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

/* ---- what a body must say ---- */

/* S38 to S41: a promise of support says what, when, how to reach it, and the price where it has
 * one. */
static const char *statement_lacks(const struct egw_statement *statement)
{
    if (!statement->version.n)
        return "its version";
    if (!statement->support.n)
        return "what support is provided";
    if (!statement->hours.n)
        return "the hours of service";
    if (!statement->contact.n)
        return "the contact method";
    if (statement->charge && !statement->price.n)
        return "the price of the support that is charged";
    return NULL;
}

static enum egw_status check_statement(const struct egw_statement *statement,
                                       struct egw_error *reterr)
{
    const struct egw_earlier_statement *earlier = statement->earlier.p;
    const char *lacks = statement_lacks(statement);
    int64_t since = statement->since;

    if (lacks)
        return egw_error_set(reterr, EGW_INVALID, "the statement of support does not say %s",
                             lacks);
    for (size_t i = 0; i < statement->earlier.n; since = earlier[i++].since) {
        if (earlier[i].charge && !earlier[i].price.n)
            return egw_error_set(reterr, EGW_INVALID,
                                 "the earlier statement of support %.*s does not say the price of "
                                 "the support that is charged",
                                 EGW_FMT(earlier[i].version));
        if (earlier[i].since >= since)
            return egw_error_set(reterr, EGW_INVALID,
                                 "the earlier statement of support %.*s is not before the next one",
                                 EGW_FMT(earlier[i].version));
    }
    return EGW_OK;
}

static enum egw_status check_calendar(const struct egw_calendar *calendar, struct egw_error *reterr)
{
    struct egw_open_hours hours;
    enum egw_status st = egw_calendar_make(calendar->zone, calendar->rules, &calendar->hours,
                                           &calendar->holidays, &hours, reterr);

    return st ? egw_error_prefix(reterr, st, "calendar %.*s", EGW_FMT(calendar->id)) : EGW_OK;
}

static enum egw_status check_delivery(const struct egw_delivery *delivery, struct egw_error *reterr)
{
    static const char *const models[] = {"direct", "resell", "subcontract"};

    for (size_t i = 0; i < EGW_COUNT(models); i++) {
        if (egw_str_is(delivery->model, models[i]))
            return EGW_OK;
    }
    return egw_error_set(reterr, EGW_INVALID,
                         "the delivery's model '%.*s' is none of direct, resell, subcontract",
                         EGW_FMT(delivery->model));
}

enum egw_status egw_reference_check(const struct egw_reference *reference, struct egw_error *reterr)
{
    switch (reference->body.branch) {
    case EGW_REF_STATEMENT:
        return check_statement(reference->body.p, reterr);
    case EGW_REF_CALENDAR:
        return check_calendar(reference->body.p, reterr);
    case EGW_REF_DELIVERY:
        return check_delivery(reference->body.p, reterr);
    default:
        return EGW_OK;
    }
}

/* ---- a copy of its own: one block, walked by its type ---- */

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

struct egw_reference *egw_reference_copy(const struct egw_reference *reference)
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

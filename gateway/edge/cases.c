#include "egw/cases.h"

#include <jansson.h>
#include <stdlib.h>

#include "egw/json.h"
#include "egw/lifecycle.h"

/* "cases[2].event" and such: prefixes of what egw_json_read() says. */
enum { PLACE = 64 };

static enum egw_status only_these(const json_t *object, const char *const *names, size_t n,
                                  const char *place, struct egw_error *reterr)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return egw_error_set(reterr, EGW_INVALID, "%s: must be an object", place);
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        bool known = false;

        for (size_t i = 0; i < n; i++)
            known = known || strcmp(key, names[i]) == 0;
        if (!known)
            return egw_error_set(reterr, EGW_INVALID, "%s: unknown field %s", place, key);
    }
    return EGW_OK;
}

/* A record inside the file: back to text, and through the one strict reader. */
static enum egw_status read_record(const json_t *object, const struct egw_type *type,
                                   const char *place, struct egw_arena *arena, void *ret,
                                   struct egw_error *reterr)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    enum egw_status st;

    if (!object)
        return egw_error_set(reterr, EGW_INVALID, "%s: is missing", place);
    if (!text)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a test case");
    st = egw_json_read(egw_str_of(text), type, arena, ret, reterr);
    free(text);
    return st ? egw_error_prefix(reterr, st, "%s", place) : EGW_OK;
}

static enum egw_status read_text(const json_t *object, const char *name, const char *place,
                                 struct egw_arena *arena, struct egw_str *ret,
                                 struct egw_error *reterr)
{
    const json_t *value = json_object_get(object, name);

    if (!value)
        return EGW_OK;
    if (!json_is_string(value))
        return egw_error_set(reterr, EGW_INVALID, "%s.%s: must be a text", place, name);
    if (!egw_arena_str(arena, (struct egw_str){json_string_value(value), json_string_length(value)},
                       ret))
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a test case");
    return EGW_OK;
}

static enum egw_status read_expectation(const json_t *object, const char *place,
                                        struct egw_arena *arena, struct egw_expectation *ret,
                                        struct egw_error *reterr)
{
    static const char *const names[] = {"action", "code", "channel", "mode", "rule"};
    struct egw_str *const fields[] = {&ret->action, &ret->code, &ret->channel, &ret->mode,
                                      &ret->rule};
    enum egw_status st = only_these(object, names, EGW_COUNT(names), place, reterr);

    for (size_t i = 0; i < EGW_COUNT(names) && !st; i++)
        st = read_text(object, names[i], place, arena, fields[i], reterr);
    if (!st && json_object_size(object) == 0)
        st = egw_error_set(reterr, EGW_INVALID, "%s: expects nothing", place);
    return st;
}

static enum egw_status read_texts(const json_t *list, const char *place, struct egw_arena *arena,
                                  struct egw_list *ret, struct egw_error *reterr)
{
    size_t n = json_array_size(list);
    struct egw_str *texts = egw_arena_alloc(arena, (n + 1) * sizeof(*texts));

    if (list && !json_is_array(list))
        return egw_error_set(reterr, EGW_INVALID, "%s: must be a list", place);
    for (size_t i = 0; texts && i < n; i++) {
        const json_t *value = json_array_get(list, i);

        if (!json_is_string(value))
            return egw_error_set(reterr, EGW_INVALID, "%s[%zu]: must be a text", place, i);
        if (!egw_arena_str(arena,
                           (struct egw_str){json_string_value(value), json_string_length(value)},
                           &texts[i]))
            texts = NULL;
    }
    if (!texts)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a test case");
    *ret = (struct egw_list){texts, n};
    return EGW_OK;
}

/* Not there: the case begins with the event. */
static enum egw_status read_so_far(const json_t *object, const char *place, struct egw_arena *arena,
                                   struct egw_case_so_far *ret, struct egw_error *reterr)
{
    static const char *const names[] = {"not_incident", "approval", "released"};
    const json_t *released = json_object_get(object, "released");
    char list[PLACE + 16];
    enum egw_status st;

    *ret = (struct egw_case_so_far){.approval = EGW_STR("")};
    if (!object)
        return EGW_OK;
    (void)snprintf(list, sizeof(list), "%s.not_incident", place);
    st = only_these(object, names, EGW_COUNT(names), place, reterr);
    if (!st)
        st = read_texts(json_object_get(object, "not_incident"), list, arena, &ret->not_incident,
                        reterr);
    if (!st)
        st = read_text(object, "approval", place, arena, &ret->approval, reterr);
    if (!st && ret->approval.n && !egw_str_is(ret->approval, "approved") &&
        !egw_str_is(ret->approval, "declined"))
        st = egw_error_set(reterr, EGW_INVALID, "%s.approval: must be approved or declined", place);
    if (!st && released && !json_is_boolean(released))
        st = egw_error_set(reterr, EGW_INVALID, "%s.released: must be true or false", place);
    ret->released = json_is_true(released);
    return st;
}

/* What asks no rules would come out as if it opened the case, and say nothing. An answer is one to
 * a case that is held. */
static enum egw_status check_type(const struct egw_support_event *event, const char *place,
                                  struct egw_error *reterr)
{
    int type = egw_event_type_of(event->event_type);
    bool answer =
        type == EGW_EVENT_APPROVED || type == EGW_EVENT_DECLINED || type == EGW_EVENT_RELEASED;

    if (type < 0)
        return egw_error_set(reterr, EGW_INVALID, "%s.event_type: '%.*s' is no event type", place,
                             EGW_FMT(event->event_type));
    if (egw_lifecycle_of((enum egw_event_type)type, answer ? EGW_PHASE_HELD : EGW_PHASE_NEW) !=
        EGW_DO_DECIDE)
        return egw_error_set(reterr, EGW_INVALID,
                             "%s.event_type: %s asks no rules, so there is nothing to test", place,
                             egw_event_types[type]);
    return EGW_OK;
}

/* The facts of the file, then those of the case. */
static enum egw_status read_facts(const json_t *shared, const json_t *own, const char *place,
                                  struct egw_arena *arena, struct egw_policy_case *ret,
                                  struct egw_error *reterr)
{
    const json_t *const lists[] = {shared, own};
    size_t count = json_array_size(shared) + json_array_size(own), n = 0;
    struct egw_reference *facts = egw_arena_alloc(arena, (count + 1) * sizeof(*facts));

    if (!facts)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a test case");
    for (size_t l = 0; l < EGW_COUNT(lists); l++) {
        if (lists[l] && !json_is_array(lists[l]))
            return egw_error_set(reterr, EGW_INVALID, "%sfacts: must be a list", l ? place : "");
        for (size_t i = 0; i < json_array_size(lists[l]); i++) {
            char where[PLACE];
            enum egw_status st;

            (void)snprintf(where, sizeof(where), "%.*sfacts[%zu]", PLACE - 32, l ? place : "", i);
            st = read_record(json_array_get(lists[l], i), &egw_type_reference, where, arena,
                             &facts[n++], reterr);
            if (st)
                return st;
        }
    }
    ret->facts = facts;
    ret->fact_count = n;
    return EGW_OK;
}

static enum egw_status read_case(const json_t *object, const json_t *shared, size_t index,
                                 struct egw_arena *arena, struct egw_policy_case *ret,
                                 struct egw_error *reterr)
{
    static const char *const names[] = {"name", "now", "event", "facts", "so_far", "expect"};
    char place[PLACE / 2], event[PLACE], expect[PLACE], facts[PLACE], so_far[PLACE];
    struct egw_str now = EGW_STR_NONE;
    enum egw_status st;

    (void)snprintf(place, sizeof(place), "cases[%zu]", index);
    (void)snprintf(event, sizeof(event), "%s.event", place);
    (void)snprintf(expect, sizeof(expect), "%s.expect", place);
    (void)snprintf(facts, sizeof(facts), "%s.", place);
    (void)snprintf(so_far, sizeof(so_far), "%s.so_far", place);
    st = only_these(object, names, EGW_COUNT(names), place, reterr);
    if (!st)
        st = read_text(object, "name", place, arena, &ret->name, reterr);
    if (!st)
        st = read_text(object, "now", place, arena, &now, reterr);
    if (!st && !(now.p && egw_time_parse(now, &ret->now_ms)))
        st = egw_error_set(reterr, EGW_INVALID,
                           "%s.now: must be a time such as 2026-01-05T08:00:00Z", place);
    if (!st)
        st = read_record(json_object_get(object, "event"), &egw_type_support_event, event, arena,
                         &ret->event, reterr);
    if (!st)
        st = check_type(&ret->event, event, reterr);
    if (!st)
        st = read_facts(shared, json_object_get(object, "facts"), facts, arena, ret, reterr);
    if (!st)
        st = read_so_far(json_object_get(object, "so_far"), so_far, arena, &ret->so_far, reterr);
    if (!st)
        st = read_expectation(json_object_get(object, "expect"), expect, arena, &ret->expect,
                              reterr);
    if (!st && !ret->name.p)
        ret->name = ret->event.case_id;
    return st;
}

static enum egw_status read_cases(const json_t *root, struct egw_arena *arena,
                                  struct egw_policy_case **ret, size_t *ret_n,
                                  struct egw_error *reterr)
{
    static const char *const names[] = {"facts", "cases"};
    const json_t *list = json_object_get(root, "cases");
    size_t n = json_array_size(list);
    struct egw_policy_case *cases;
    enum egw_status st = only_these(root, names, EGW_COUNT(names), "the file", reterr);

    if (st)
        return st;
    if (n == 0)
        return egw_error_set(reterr, EGW_INVALID, "cases: must be a list of at least one case");
    cases = egw_arena_alloc(arena, n * sizeof(*cases));
    if (!cases)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for %zu test cases", n);
    for (size_t i = 0; i < n && !st; i++)
        st = read_case(json_array_get(list, i), json_object_get(root, "facts"), i, arena, &cases[i],
                       reterr);
    if (st)
        return st;
    *ret = cases;
    *ret_n = n;
    return EGW_OK;
}

enum egw_status egw_cases_read(struct egw_str json, struct egw_arena *arena,
                               struct egw_policy_case **ret, size_t *ret_n,
                               struct egw_error *reterr)
{
    json_error_t error;
    json_t *root = json_loadb(json.p ? json.p : "", json.n, JSON_REJECT_DUPLICATES, &error);
    enum egw_status st;

    if (!root)
        return egw_error_set(reterr, EGW_INVALID, "line %d, column %d: %s", error.line,
                             error.column, error.text);
    st = read_cases(root, arena, ret, ret_n, reterr);
    json_decref(root);
    return st;
}

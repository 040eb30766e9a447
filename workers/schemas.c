#include "schemas.h"

#include <stdlib.h>

#include "egw/records.h"
#include "egw/registry.h"
#include "egw/schema.h"

/* Where a record's subject takes its topic from: "<topic>-<record name>", Confluent's
 * TopicRecordNameStrategy, since several records share a topic. A schema has one id in all
 * subjects. */
static const struct {
    const struct egw_type *type;
    size_t topic; /* offset of its name in struct egw_settings */
} subjects[] = {
    {&egw_type_support_event, offsetof(struct egw_settings, topics.events)},
    {&egw_type_policy_activation, offsetof(struct egw_settings, topics.inbox)},
    {&egw_type_outcome, offsetof(struct egw_settings, topics.outcomes)},
    {&egw_type_escalation, offsetof(struct egw_settings, topics.escalations)},
    {&egw_type_case_entry, offsetof(struct egw_settings, topics.cases)},
    {&egw_type_problem_entry, offsetof(struct egw_settings, topics.cases)},
    {&egw_type_position, offsetof(struct egw_settings, topics.cases)},
    {&egw_type_reference, offsetof(struct egw_settings, topics.reference)},
    {&egw_type_policy_content, offsetof(struct egw_settings, topics.policy)},
};

static const char *topic_of(const struct egw_settings *settings, const struct egw_type *type)
{
    for (size_t i = 0; i < EGW_COUNT(subjects); i++)
        if (subjects[i].type == type)
            return *(char *const *)((const char *)settings + subjects[i].topic);
    return "egw"; /* a record that stands in no topic by itself */
}

/* Asks first: after init a worker needs only to read. */
static enum egw_status find_or_register(struct egw_registry *registry, struct egw_str subject,
                                        struct egw_str schema, int32_t *ret_id, size_t *registered,
                                        struct egw_error *reterr)
{
    enum egw_status st = egw_registry_lookup(registry, subject, schema, ret_id, reterr);

    if (st != EGW_NOT_FOUND)
        return st;
    st = egw_registry_register(registry, subject, schema, ret_id, reterr);
    *registered += st == EGW_OK;
    return st;
}

static enum egw_status ask_all(struct egw_registry *registry, const struct egw_settings *settings,
                               struct egw_schemas *schemas, struct egw_error *reterr)
{
    enum egw_status st = EGW_OK;

    for (size_t i = 0; st == EGW_OK && i < EGW_RECORD_COUNT; i++) {
        const struct egw_type *type = egw_record_types[i];
        struct egw_arena arena = {0};
        struct egw_str subject =
            egw_arena_printf(&arena, "%s-%s", topic_of(settings, type), type->name);

        if (!subject.p)
            st = egw_error_set(reterr, EGW_NOMEM, "no memory for the schemas");
        else
            st = find_or_register(registry, subject, egw_str_of(type->json), &schemas->ids[i],
                                  &schemas->registered, reterr);
        egw_arena_free(&arena);
    }
    return st;
}

enum egw_status egw_schemas_registry(const struct egw_settings *settings, struct egw_registry **ret,
                                     struct egw_error *reterr)
{
    struct egw_registry_conf conf = {
        .url = settings->registry.url,
        .user = settings->registry.user,
        .password_file = settings->registry.password_file,
        .ca_file = settings->registry.ca_file,
        .timeout_ms = settings->registry.timeout_ms,
    };

    return egw_registry_new(&conf, ret, reterr);
}

static enum egw_status open_registry(const struct egw_settings *settings, struct egw_schemas *made,
                                     struct egw_error *reterr)
{
    struct egw_registry *registry = NULL;
    enum egw_status st;

    made->ids = calloc(EGW_RECORD_COUNT, sizeof(*made->ids));
    if (!made->ids)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for the schemas");
    made->framing = (struct egw_framing){.confluent = true, .ids = made->ids};
    st = egw_schemas_registry(settings, &registry, reterr);
    if (st == EGW_OK)
        st = ask_all(registry, settings, made, reterr);
    egw_registry_free(registry);
    return st;
}

enum egw_status egw_schemas_open(const struct egw_settings *settings, struct egw_schemas *ret,
                                 struct egw_error *reterr)
{
    struct egw_schemas made = {0};
    enum egw_status st = EGW_OK;

    if (*settings->registry.url)
        st = open_registry(settings, &made, reterr);
    if (st)
        egw_schemas_close(&made);
    else
        *ret = made;
    return st;
}

enum egw_status egw_schemas_teach(const struct egw_schemas *schemas, struct egw_plans *plans,
                                  struct egw_error *reterr)
{
    enum egw_status st = EGW_OK;

    for (size_t i = 0; st == EGW_OK && schemas->ids && i < EGW_RECORD_COUNT; i++) {
        const struct egw_type *type = egw_record_types[i];
        struct egw_plan *plan = NULL;

        st = egw_plan_new(egw_str_of(type->json), type, &plan, reterr);
        if (st == EGW_OK && egw_plans_add_id(plans, schemas->ids[i], plan))
            st = egw_error_set(reterr, EGW_NOMEM, "no memory for the plan of %s", type->name);
    }
    return st;
}

enum egw_status egw_schemas_plan(struct egw_str schema, struct egw_plan **ret,
                                 struct egw_error *reterr)
{
    char name[256];
    enum egw_status st = egw_schema_name(schema, name, sizeof(name), reterr);

    for (size_t i = 0; st == EGW_OK && i < EGW_RECORD_COUNT; i++)
        if (strcmp(egw_record_types[i]->name, name) == 0)
            return egw_plan_new(schema, egw_record_types[i], ret, reterr);
    return st ? st : egw_error_set(reterr, EGW_INVALID, "schema %s is not a record we read", name);
}

void egw_schemas_close(struct egw_schemas *schemas)
{
    free(schemas->ids);
    *schemas = (struct egw_schemas){0};
}

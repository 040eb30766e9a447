/*
 * schema - whose events are read: our own schemas, and those of other writers that were accepted
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "egw/buf.h"
#include "egw/hash.h"
#include "egw/json.h"
#include "egw/kafka.h"
#include "egw/records.h"
#include "egw/schema.h"
#include "reading.h"
#include "schemas.h"
#include "standing.h"

enum { NAME_MAX_BYTES = 256, SCHEMA_MAX = 1 << 20, FILES_MAX = 64 };

/* ---- one schema ---- */

struct known {
    uint64_t fingerprint;
    const char *name; /* of the record */
    const char *how;  /* "ours", "older", "accepted" */
};

static void show(const struct known *known, bool json)
{
    (void)printf(json ? "{\"fingerprint\":\"%016" PRIx64 "\",\"record\":\"%s\",\"how\":\"%s\"}\n"
                      : "%016" PRIx64 "  %-24s %s\n",
                 known->fingerprint, known->name, known->how);
}

/* ---- list ---- */

struct listing {
    bool json, no_memory, unreadable;
    const char *topic;
    struct egw_arena arena;
    struct egw_list seen; /* of uint64_t: a schema may have been accepted twice */
};

static void list_own(bool json)
{
    for (size_t i = 0; i < EGW_RECORD_COUNT; i++)
        show(&(struct known){egw_record_types[i]->fingerprint, egw_record_types[i]->name, "ours"},
             json);
    for (const struct egw_old_schema *old = egw_old_schemas; old->json; old++) {
        char name[NAME_MAX_BYTES];

        if (!egw_schema_name(egw_str_of(old->json), name, sizeof(name), NULL))
            show(&(struct known){old->fingerprint, name, "older"}, json);
    }
}

static bool is_seen(struct listing *l, uint64_t fingerprint)
{
    const uint64_t *seen = l->seen.p;
    uint64_t *to;

    for (size_t i = 0; i < l->seen.n; i++) {
        if (seen[i] == fingerprint)
            return true;
    }
    to = egw_list_push(&l->arena, &l->seen, sizeof(*to));
    if (to)
        *to = fingerprint;
    else
        l->no_memory = true;
    return false;
}

static bool take_accepted(void *user, const struct egw_item *item)
{
    struct listing *l = user;
    const struct egw_policy_content *content = item->value;
    char name[NAME_MAX_BYTES];
    uint64_t fingerprint;

    if (!item->type && item->record.value.p) {
        egw_item_complain(l->topic, item, stderr);
        l->unreadable = true;
    }
    if (item->type == &egw_type_policy_content && !content->manifest.n &&
        !egw_schema_fingerprint(content->content, &fingerprint, NULL) &&
        !egw_schema_name(content->content, name, sizeof(name), NULL) && !is_seen(l, fingerprint))
        show(&(struct known){fingerprint, name, "accepted"}, l->json);
    return !l->no_memory;
}

static int list(struct egw_args *args)
{
    struct listing l = {.json = egw_wants_json(args), .topic = args->settings.topics.policy};
    struct egw_error err = {0};
    enum egw_status st;

    list_own(l.json);
    st = egw_read_all(&args->settings, l.topic, -1, take_accepted, &l, &err);
    if (!st && l.no_memory)
        st = egw_error_set(&err, EGW_NOMEM, "no memory for the schemas");
    egw_arena_free(&l.arena);
    return st ? egw_fail(&err) : l.unreadable ? EGW_EXIT_DATA : EGW_EXIT_OK;
}

/* ---- accept ---- */

struct accepting {
    const struct egw_args *args;
    struct egw_arena arena; /* keys and values until they are written */
    struct egw_schemas schemas;
    struct egw_kafka_write writes[FILES_MAX];
    struct known known[FILES_MAX];
    size_t n;
};

static enum egw_status read_file(const char *path, struct egw_buf *out, struct egw_error *reterr)
{
    FILE *from = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    char block[8192];
    size_t n;
    enum egw_status st = EGW_OK;

    if (!from)
        return egw_error_set(reterr, EGW_INVALID, "%s: cannot be opened", path);
    out->max = SCHEMA_MAX;
    while (!st && (n = fread(block, 1, sizeof(block), from)) > 0) {
        if (egw_buf_put(out, block, n))
            st = egw_error_set(reterr, EGW_INVALID, "%s: a schema of more than %d bytes", path,
                               SCHEMA_MAX);
    }
    if (!st && ferror(from))
        st = egw_error_set(reterr, EGW_INVALID, "%s: cannot be read", path);
    if (from != stdin)
        (void)fclose(from);
    return st;
}

/* Whoever accepts a schema that we cannot read would find its events dead all the same. */
static enum egw_status judge(struct egw_str schema, uint64_t *ret_fingerprint,
                             struct egw_error *reterr)
{
    struct egw_plan *plan = NULL;
    enum egw_status st = egw_schema_fingerprint(schema, ret_fingerprint, reterr);

    if (!st)
        st = egw_schemas_plan(schema, &plan, reterr);
    egw_plan_free(plan);
    return st;
}

static enum egw_status add(struct accepting *a, struct egw_str schema, struct egw_error *reterr)
{
    struct egw_kafka_write *write = &a->writes[a->n];
    struct known *known = &a->known[a->n];
    struct egw_policy_content content;
    struct egw_sha256 digest;
    struct egw_buf value = {0};
    char name[NAME_MAX_BYTES];
    struct egw_str kept, bytes;
    enum egw_status st = judge(schema, &known->fingerprint, reterr);

    if (!st)
        st = egw_schema_name(schema, name, sizeof(name), reterr);
    if (st)
        return st;
    egw_sha256(schema.p, schema.n, &digest);
    content = (struct egw_policy_content){
        .manifest = EGW_STR(""), .name = egw_str_of(name), .content = schema};
    memcpy(content.digest, digest.b, sizeof(content.digest));
    st = egw_encode_framed(&a->schemas.framing, &egw_type_policy_content, &content, &value, reterr);
    write->key = egw_arena_printf(&a->arena, "schema/%016" PRIx64, known->fingerprint);
    if (!st && (!write->key.p || !egw_arena_str(&a->arena, egw_buf_str(&value), &bytes) ||
                !egw_arena_str(&a->arena, egw_str_of(name), &kept)))
        st = egw_error_set(reterr, EGW_NOMEM, "no memory for a schema");
    egw_buf_free(&value);
    if (st)
        return st;
    write->topic = a->args->settings.topics.policy;
    write->value = bytes;
    known->name = kept.p;
    known->how = "accepted";
    a->n++;
    return EGW_OK;
}

static enum egw_status add_file(struct accepting *a, const char *path, struct egw_error *reterr)
{
    struct egw_buf text = {0};
    enum egw_status st = read_file(path, &text, reterr);

    if (!st && add(a, egw_buf_str(&text), reterr))
        st = egw_error_prefix(reterr, reterr->status, "%s", path);
    egw_buf_free(&text);
    return st;
}

static int accept_files(struct egw_args *args)
{
    bool dry = egw_arg(args, "dry-run") != NULL;
    struct accepting *a = calloc(1, sizeof(*a));
    struct egw_error err = {0};
    char operator_id[EGW_OPERATOR_ID];
    enum egw_status st = EGW_OK;

    if (args->operand_count - 1 > FILES_MAX) {
        free(a);
        return egw_usage(args, "accept takes at most %d files at once", FILES_MAX);
    }
    if (!a)
        st = egw_error_set(&err, EGW_NOMEM, "no memory for the schemas");
    else
        a->args = args;
    if (!st && !dry)
        st = egw_schemas_open(&args->settings, &a->schemas, &err);
    for (size_t i = 1; !st && i < args->operand_count; i++)
        st = add_file(a, args->operands[i], &err);
    egw_operator_id(&args->settings, operator_id);
    if (!st && !dry)
        st = egw_topic_fault(
            egw_kafka_transaction(&args->settings, operator_id, a->writes, a->n, &err), &err);
    for (size_t i = 0; !st && i < a->n; i++)
        show(&a->known[i], egw_wants_json(args));
    if (a) {
        egw_schemas_close(&a->schemas);
        egw_arena_free(&a->arena);
    }
    free(a);
    return st ? egw_fail(&err) : EGW_EXIT_OK;
}

/* ---- which ---- */

static int run(struct egw_args *args)
{
    if (args->operand_count == 0)
        return egw_usage(args, "say list or accept");
    if (strcmp(args->operands[0], "list") == 0 && args->operand_count == 1)
        return list(args);
    if (strcmp(args->operands[0], "list") == 0)
        return egw_usage(args, "list takes nothing more");
    if (strcmp(args->operands[0], "accept") == 0 && args->operand_count > 1)
        return accept_files(args);
    if (strcmp(args->operands[0], "accept") == 0)
        return egw_usage(args, "accept takes files of Avro schemas, or -");
    return egw_usage(args, "cannot %s: say list or accept", args->operands[0]);
}

static const struct egw_option options[] = {
    {'n', "dry-run", NULL, "check the files, write nothing", NULL, false, "accept"},
    {'o', "output", "FORM", "form of the output", "text|json", false, NULL},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

const struct egw_command egw_cmd_schema = {
    .name = "schema",
    .operands = "list | accept FILE...",
    .summary = "whose events are read: schemas, and others to accept",
    .about =
        "A record in single-object encoding names its writer's schema by a fingerprint "
        "(CRC-64-AVRO "
        "of its canonical form); one that nobody accepted makes a dead letter of class "
        "unknown-schema, which names it. list shows the fingerprints that are read: our records as "
        "they are, their older forms, and those of other writers. accept reads a writer's Avro "
        "schema, sees that it is a record of ours by name and can be read as one, and puts it into "
        "the policy topic, where all workers learn it at once; then egw dead retry. A schema is "
        "accepted for good. Ids of a registry need no such list.",
    .exits =
        "0 done, 65 a file is no schema or does not fit ours, 69 no broker or no topic, 77 not "
        "permitted, 78 settings",
    .options = options,
    .run = run,
};

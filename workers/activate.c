#include "activate.h"

#include <stdlib.h>
#include <time.h>

#include "reading.h"
#include "schemas.h"
#include "standing.h"

enum {
    RECORD_MAX = 2 * 1024 * 1024 - 4096
}; /* a record of a policy file: topic limit less frame */

/* ---- the folder ---- */

enum egw_status egw_policy_folder_load(const char *policy_dir, const char *catalogue_dir,
                                       struct egw_policy_folder *ret, struct egw_faults *faults,
                                       struct egw_error *reterr)
{
    struct egw_policy_folder made = {0};
    struct egw_error error = {0};
    enum egw_status st = egw_policy_read(policy_dir, catalogue_dir, &made.files, &error);

    if (st && st != EGW_RETRY) /* what could not be read may well be in order */
        egw_faults_add(faults, NULL, 0, "%s", error.text);
    if (st == EGW_OK)
        st = egw_policy_manifest(made.files.files, made.files.n, &made.manifest);
    if (st == EGW_OK)
        st = egw_policy_compile(made.files.files, made.files.n, &made.policy, faults);
    if (st == EGW_OK) {
        *ret = made;
        return EGW_OK;
    }
    egw_policy_folder_free(&made);
    if (error.status)
        return egw_error_set(reterr, st, "%s", error.text);
    if (st == EGW_INVALID)
        return egw_error_set(reterr, st, "the policy in %s has %zu faults", policy_dir,
                             faults->total);
    return egw_error_set(reterr, st, "no memory for the policy in %s", policy_dir);
}

void egw_policy_folder_free(struct egw_policy_folder *folder)
{
    if (folder->policy)
        egw_policy_free(folder->policy);
    egw_policy_files_free(&folder->files);
    *folder = (struct egw_policy_folder){0};
}

/* ---- the activations there are ---- */

struct highest {
    int64_t number;
    struct egw_sha256 manifest;
};

static void take_activation(struct highest *highest, const struct egw_item *item)
{
    const struct egw_policy_activation *activation = item->value;

    if (item->type != &egw_type_policy_activation ||
        !egw_str_is(item->record.key, EGW_ACTIVATION_KEY) || activation->number <= highest->number)
        return;
    highest->number = activation->number;
    if (!egw_sha256_of_hex(activation->manifest, &highest->manifest))
        highest->manifest = (struct egw_sha256){{0}}; /* whoever compares it finds it different */
}

/* Activations in the inbox that the partition's owner has not met. Other records, readable or not,
 * are triage's business. */
static enum egw_status read_ahead(const struct egw_settings *settings, int32_t partition,
                                  int64_t from, struct highest *highest, struct egw_error *reterr)
{
    struct egw_reading *reading = NULL;
    struct egw_item item;
    enum egw_status st =
        egw_reading_new(settings, settings->topics.inbox, partition, from, &reading, reterr);

    while (!st) {
        st = egw_reading_next(reading, &item, reterr);
        if (!st && item.type)
            take_activation(highest, &item);
    }
    egw_reading_free(reading);
    return st == EGW_NOT_FOUND ? EGW_OK : st;
}

static enum egw_status read_partition(struct egw_kafka *kafka, const struct egw_settings *settings,
                                      int32_t partition, struct highest *highest,
                                      struct egw_error *reterr)
{
    struct egw_standing standing;
    int64_t low = 0, high = 0, next;
    enum egw_status st = egw_standing_read(kafka, settings, partition, &standing, reterr);

    if (st == EGW_OK)
        st = egw_kafka_ends(kafka, settings->topics.inbox, partition, &low, &high, reterr);
    if (st)
        return st;
    if (standing.activation > highest->number) {
        highest->number = standing.activation;
        memcpy(highest->manifest.b, standing.policy, sizeof(highest->manifest.b));
    }
    next = standing.next[EGW_TOPIC_INBOX] > low ? standing.next[EGW_TOPIC_INBOX] : low;
    return next < high ? read_ahead(settings, partition, next, highest, reterr) : EGW_OK;
}

enum egw_status egw_activation_highest(struct egw_kafka *kafka, const struct egw_settings *settings,
                                       int64_t *ret_number, struct egw_sha256 *ret_manifest,
                                       struct egw_error *reterr)
{
    struct highest highest = {0};
    enum egw_status st = EGW_OK;

    for (int64_t p = 0; st == EGW_OK && p < settings->topics.partitions; p++)
        st = read_partition(kafka, settings, (int32_t)p, &highest, reterr);
    if (st)
        return st;
    *ret_number = highest.number;
    if (ret_manifest)
        *ret_manifest = highest.manifest;
    return EGW_OK;
}

/* ---- a new one ---- */

struct batch {
    const struct egw_settings *settings;
    const struct egw_framing *framing;
    const struct egw_policy_folder *folder;
    char manifest[2 * EGW_SHA256 + 1];
    struct egw_arena arena; /* keys and values of the records */
    struct egw_kafka_write *writes;
    size_t n;
};

static enum egw_status no_memory(struct egw_error *reterr)
{
    return egw_error_set(reterr, EGW_NOMEM, "no memory for the policy's records");
}

static enum egw_status add_write(struct batch *b, const char *topic, int32_t partition,
                                 struct egw_str key, const struct egw_type *type,
                                 const void *record, struct egw_error *reterr)
{
    struct egw_kafka_write *write = &b->writes[b->n];
    struct egw_buf bytes = {0};
    enum egw_status st = egw_encode_framed(b->framing, type, record, &bytes, reterr);

    *write = (struct egw_kafka_write){.topic = topic, .partition = partition, .key = key};
    if (st == EGW_OK && !egw_arena_str(&b->arena, egw_buf_str(&bytes), &write->value))
        st = no_memory(reterr);
    egw_buf_free(&bytes);
    b->n += st == EGW_OK;
    return st;
}

static enum egw_status add_content(struct batch *b, const struct egw_policy_file *file,
                                   struct egw_error *reterr)
{
    struct egw_policy_content content = {
        .manifest = egw_str_of(b->manifest),
        .name = file->name,
        .files = (int32_t)b->folder->files.n,
        .content = file->content,
    };
    struct egw_sha256 digest;
    struct egw_str key =
        egw_arena_printf(&b->arena, "policy/%s/%.*s", b->manifest, EGW_FMT(file->name));

    if (!key.p)
        return no_memory(reterr);
    if (file->content.n > RECORD_MAX)
        return egw_error_set(reterr, EGW_INVALID,
                             "policy file %.*s has %zu bytes, a record holds at most %d",
                             EGW_FMT(file->name), file->content.n, RECORD_MAX);
    egw_sha256(file->content.p, file->content.n, &digest);
    memcpy(content.digest, digest.b, sizeof(content.digest));
    return add_write(b, b->settings->topics.policy, 0, key, &egw_type_policy_content, &content,
                     reterr);
}

static int64_t wall_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct egw_str said(const char *text)
{
    return text ? egw_str_of(text) : EGW_STR("");
}

static enum egw_status fill_batch(struct batch *b, int64_t number,
                                  const struct egw_activation_words *words,
                                  struct egw_error *reterr)
{
    struct egw_policy_activation activation = {
        .number = number,
        .manifest = egw_str_of(b->manifest),
        .by = said(words->by),
        .note = said(words->note),
        .at = wall_ms(),
        .backtest = said(words->backtest),
        .accepted_by = said(words->accepted_by),
    };
    enum egw_status st = EGW_OK;

    for (size_t i = 0; st == EGW_OK && i < b->folder->files.n; i++)
        st = add_content(b, &b->folder->files.files[i], reterr);
    for (int64_t p = 0; st == EGW_OK && p < b->settings->topics.partitions; p++)
        st = add_write(b, b->settings->topics.inbox, (int32_t)p, EGW_STR(EGW_ACTIVATION_KEY),
                       &egw_type_policy_activation, &activation, reterr);
    return st;
}

static enum egw_status write_batch(struct batch *b, int64_t number,
                                   const struct egw_activation_words *words,
                                   struct egw_error *reterr)
{
    char id[EGW_OPERATOR_ID];
    size_t most = b->folder->files.n + (size_t)b->settings->topics.partitions;
    enum egw_status st;

    b->writes = calloc(most, sizeof(*b->writes));
    st = b->writes ? fill_batch(b, number, words, reterr) : no_memory(reterr);
    egw_operator_id(b->settings, id);
    if (st == EGW_OK)
        st = egw_kafka_transaction(b->settings, id, b->writes, b->n, reterr);
    free(b->writes);
    egw_arena_free(&b->arena);
    return st;
}

static enum egw_status store_and_activate(const struct egw_settings *settings,
                                          const struct egw_policy_folder *folder,
                                          const struct egw_activation_words *words,
                                          int64_t *ret_number, struct egw_error *reterr)
{
    struct batch batch = {.settings = settings, .folder = folder};
    struct egw_schemas schemas = {0};
    struct egw_kafka *kafka = NULL;
    int64_t highest = 0;
    enum egw_status st = egw_kafka_open(settings, "egw-operator", &kafka, reterr);

    if (st)
        return st;
    st = egw_activation_highest(kafka, settings, &highest, NULL, reterr);
    if (st == EGW_OK)
        st = egw_schemas_open(settings, &schemas, reterr);
    if (st == EGW_OK) {
        batch.framing = &schemas.framing;
        egw_hex(folder->manifest.b, sizeof(folder->manifest.b), batch.manifest);
        st = write_batch(&batch, highest + 1, words, reterr);
        egw_schemas_close(&schemas);
    }
    egw_kafka_close(kafka);
    if (st == EGW_OK)
        *ret_number = highest + 1;
    return st;
}

enum egw_status egw_activate_folder(const struct egw_settings *settings,
                                    const struct egw_policy_folder *folder,
                                    const struct egw_activation_words *words,
                                    struct egw_activated *ret, struct egw_error *reterr)
{
    int64_t number = 0;
    enum egw_status st = store_and_activate(settings, folder, words, &number, reterr);

    if (st == EGW_OK)
        *ret = (struct egw_activated){number, folder->manifest, folder->files.n,
                                      egw_policy_rule_count(folder->policy)};
    return st;
}

enum egw_status egw_activate_policy(const struct egw_settings *settings, const char *policy_dir,
                                    const char *catalogue_dir, const char *by, const char *note,
                                    struct egw_activated *ret, struct egw_faults *faults,
                                    struct egw_error *reterr)
{
    const struct egw_activation_words words = {.by = by, .note = note};
    struct egw_policy_folder folder;
    enum egw_status st = egw_policy_folder_load(policy_dir, catalogue_dir, &folder, faults, reterr);

    if (st)
        return st;
    st = egw_activate_folder(settings, &folder, &words, ret, reterr);
    egw_policy_folder_free(&folder);
    return st;
}

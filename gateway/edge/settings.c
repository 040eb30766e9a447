#include "egw/settings.h"

#include <errno.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "egw/buf.h"
#include "egw/log.h"
#include "egw/suggest.h"
#include "settings_text.h"
#include "settings_words.h"

enum {
    FILE_MAX = 1 << 20,
    TEXT_MAX = 4096,     /* bytes of one string setting */
    PROPERTIES_MAX = 64, /* librdkafka properties in one file */
    PROPERTY_NAME_MAX = 96,
    SHOWN = 80, /* bytes of a wrong value a fault repeats */
};

/* ---- the table ---- */

enum kind { STRING, INTEGER, BOOLEAN, PROPERTIES };

struct row {
    const char *key; /* "group.name" */
    enum kind kind;
    size_t offset; /* in struct egw_settings */
    const char *range;
    const char *must; /* "KEY must be ..." */
    const char *fallback;
    const char *help;
    int64_t min, max;                /* INTEGER */
    bool (*valid)(struct egw_str v); /* STRING; NULL: any text without control characters */
};

#define AT(field) offsetof(struct egw_settings, field)
#define INT(key, field, least, most, value, text)                                                  \
    {                                                                                              \
        key, INTEGER, AT(field), #least ".." #most, "a whole number from " #least " to " #most,    \
            #value, text, least, most, NULL                                                        \
    }
#define TEXT(key, field, check, range, must, value, text)                                          \
    {                                                                                              \
        key, STRING, AT(field), range, must, value, text, 0, 0, check                              \
    }
#define TOPIC(key, field, value, text)                                                             \
    TEXT(key, field, settings_is_topic, "topic name",                                              \
         "a topic name (letters, digits, '.', '_', '-'; at most 249)", value, text)

/* The manual, the sample file and shell completion are written from these rows, in this order. */
static const struct row table[] = {
    TEXT("kafka.brokers", kafka.brokers, settings_is_brokers, "host:port,...",
         "host:port, or several with commas", "localhost:9092",
         "Brokers to ask first; the rest of the cluster is learnt from them."),
    TEXT("kafka.user", kafka.user, NULL, "text, or empty", "a user name, or empty", "",
         "User at the brokers, by SASL inside TLS: SCRAM-SHA-512, unless properties.sasl_mechanism "
         "says PLAIN. Empty: none; a client certificate is named in properties."),
    TEXT("kafka.password_file", kafka.password_file, NULL, "path, or empty", "a path, or empty", "",
         "File that holds the password of kafka.user; nobody else may be able to read it. Its "
         "content is read anew with each connection made by a command, and by SIGHUP."),
    {"kafka.allow_plaintext", BOOLEAN, AT(kafka.allow_plaintext), "true, false", "true or false",
     "false",
     "Permits connections without TLS to hosts other than this one. Support events hold personal "
     "data: leave it false outside of closed test networks.",
     0, 0, NULL},
    INT("kafka.session_timeout_ms", kafka.session_timeout_ms, 6000, 1800000, 30000,
        "How long the group waits for a silent worker before another takes its partitions, in ms. "
        "A worker restarted within it disturbs nobody."),
    INT("kafka.transaction_timeout_ms", kafka.transaction_timeout_ms, 1000, 900000, 15000,
        "When the broker gives up an open transaction of a dead worker, in ms. Readers of outcomes "
        "may wait this long. At most kafka.session_timeout_ms."),
    {"kafka.properties", PROPERTIES, AT(kafka.properties), "name = text, number, true, false",
     "a group: { name = value; ... }", "",
     "librdkafka's own properties, with '_' for each '.': security_protocol = \"SASL_SSL\". Names "
     "pass an allow-list; what exactly-once needs cannot be changed. For a certificate: "
     "ssl_ca_location, ssl_certificate_location, ssl_key_location. What egw writes is compressed: "
     "compression_type is lz4; none, gzip, snappy and zstd are possible.",
     0, 0, NULL},
    INT("topics.partitions", topics.partitions, 1, 4096, 12,
        "Partitions of every topic but reference and policy. Fixed once egw init has run: growing "
        "means a new set of topics."),
    INT("topics.replication", topics.replication, 1, 15, 3,
        "Copies of each partition. 3 or more also asks for two copies in step before a write "
        "counts."),
    TOPIC("topics.events", topics.events, "support.events",
          "Topic of support events: what the outside says happened to a case."),
    TOPIC("topics.inbox", topics.inbox, "support.inbox",
          "Topic of what egw and its operators say: case numbers, releases, policy activations."),
    TOPIC("topics.outcomes", topics.outcomes, "support.outcomes",
          "Topic of outcomes: one for each event, with the reason."),
    TEXT("topics.escalations", topics.escalations, settings_is_stem, "start of topic names",
         "the start of topic names (letters, digits, '.', '_', '-'; at most 180)",
         "support.escalations",
         "Start of the topics of escalation commands; a dot and the policy's channel follow."),
    TOPIC("topics.cases", topics.cases, "support.cases",
          "Compacted topic with the state of triage: the cases and where each partition stands."),
    TOPIC("topics.reference", topics.reference, "support.reference",
          "Compacted topic of facts: partners, customers, access, plans, service health."),
    TOPIC("topics.policy", topics.policy, "support.policy",
          "Compacted topic of policies and of writer schemas to accept."),
    TOPIC("topics.dead_letters", topics.dead_letters, "support.dead-letters",
          "Topic of records that cannot be read, with their bytes, their place and the reason."),
    TOPIC("topics.checkpoints", topics.checkpoints, "support.checkpoints",
          "Topic of signed chain heads, for whoever seals the outcomes; egw itself writes none."),
    TEXT("triage.group", triage.group, settings_is_stem, "group name",
         "a group name (letters, digits, '.', '_', '-'; at most 180)", "egw-triage",
         "Consumer group of the workers; also the start of their instance and transactional ids."),
    INT("triage.slot", triage.slot, -1, 999, -1,
        "Number of this worker; no two running workers may share one. --slot and EGW_SLOT go "
        "before it. -1: none."),
    INT("triage.commit_ms", triage.commit_ms, 1, 10000, 80,
        "A transaction closes at this age, in ms. Longer means fewer transactions and later "
        "outcomes. Less than kafka.transaction_timeout_ms."),
    INT("triage.commit_records", triage.commit_records, 1, 1000000, 50000,
        "A transaction closes at this many records."),
    INT("triage.commit_bytes", triage.commit_bytes, 2097152, 1073741824, 33554432,
        "A transaction closes at this many bytes. Memory for two such batches and the library's "
        "copy of "
        "each is needed, four times this."),
    INT("triage.stuck_ms", triage.stuck_ms, 1000, 3600000, 60000,
        "A worker whose loop does not turn for so long ends itself (exit 70), in ms; at half of it "
        "the log says so and /live turns false. Time in which the whole process stood still does "
        "not count."),
    TEXT(
        "registry.url", registry.url, settings_is_url_or_empty, "URL, or empty",
        "an http:// or https:// URL without user, query or fragment, or empty", "",
        "Schema registry. Empty: none; records are then written in Avro's single-object encoding."),
    INT("registry.timeout_ms", registry.timeout_ms, 100, 60000, 5000,
        "How long one answer of the registry may take, in ms."),
    TEXT("registry.user", registry.user, settings_is_user_or_empty, "text, or empty",
         "a user name without ':', or empty", "",
         "User at the registry. Empty: none. Needs registry.password_file and https."),
    TEXT("registry.password_file", registry.password_file, NULL, "path, or empty",
         "a path, or empty", "", "File that holds the password of registry.user."),
    TEXT(
        "registry.ca_file", registry.ca_file, NULL, "path, or empty", "a path, or empty", "",
        "PEM file of the authorities that may vouch for the registry. Empty: those of the system."),
    TEXT("policy.dir", policy.dir, settings_is_path, "path", "a path", "config/policy",
         "Folder of policy files that egw init, check and policy read. Workers take the policy "
         "from Kafka."),
    TEXT("policy.catalogue", policy.catalogue, settings_is_path, "path", "a path",
         "config/catalogue",
         "Folder of the catalogue of known errors that belongs to the policy. A policy that has a "
         "folder \"catalogue\" in its own takes that one."),
    INT("policy.backtest_limit", policy.backtest_limit, 0, 100, 100,
        "How many percent of the recorded cases a new policy may move before egw policy activate "
        "asks for --accept NAME. 100: any number, and it is not backtested unless asked for."),
    TEXT(
        "metrics.listen", metrics.listen, settings_is_listen_or_empty,
        "HOST:PORT, HOST:PORT+slot, unix:/PATH, or empty",
        "HOST:PORT, HOST:PORT+slot or unix:/PATH, or empty; HOST an address or localhost", "",
        "Where a worker answers /metrics (for Prometheus), /ready and /live over HTTP, without TLS "
        "or passwords. Empty: nowhere. 127.0.0.1:9464+slot gives each worker of a machine a port "
        "of its own: 9464 and its slot."),
    {"metrics.allow_remote", BOOLEAN, AT(metrics.allow_remote), "true, false", "true or false",
     "false",
     "Permits metrics.listen an address that other machines can reach. Counters hold no text of "
     "events and no customers.",
     0, 0, NULL},
    TEXT("log.level", log.level, settings_is_level, "error, warn, info, debug",
         "error, warn, info or debug", "info",
         "Least urgent log line to write. SIGHUP reads it anew."),
};

enum { ROWS = sizeof(table) / sizeof(table[0]) };

_Static_assert(EGW_LOG_PARTITIONS_MAX == 4096, "topics.partitions says 4096");

static const struct row *find_row(struct egw_str key)
{
    for (size_t i = 0; i < ROWS; i++)
        if (egw_str_is(key, table[i].key))
            return &table[i];
    return NULL;
}

/* ---- one value into its row ---- */

struct value {
    enum { IS_STRING, IS_INTEGER, IS_BOOLEAN, IS_FLOAT, IS_GROUP, IS_LIST } kind;
    struct egw_str text;
    int64_t number;
    bool yes;
};

struct loader {
    struct egw_settings *to;
    struct egw_faults *faults;
    bool read; /* there is no file, or what stands in it is known */
    bool no_memory;
};

static void fault_must(struct loader *l, struct egw_setting_place at, const char *key,
                       const char *must, const struct value *v)
{
    static const char *const kinds[] = {
        [IS_FLOAT] = "a fraction", [IS_GROUP] = "a group", [IS_LIST] = "a list"};
    char shown[SHOWN + 8];

    if (v->kind == IS_STRING)
        (void)snprintf(shown, sizeof(shown), "\"%.*s%s\"",
                       (int)(v->text.n > SHOWN ? SHOWN : v->text.n), v->text.p,
                       v->text.n > SHOWN ? "..." : "");
    else if (v->kind == IS_INTEGER)
        (void)snprintf(shown, sizeof(shown), "%lld", (long long)v->number);
    else
        (void)snprintf(shown, sizeof(shown), "%s",
                       v->kind == IS_BOOLEAN ? (v->yes ? "true" : "false") : kinds[v->kind]);
    egw_faults_add(l->faults, at.file, at.line, "%s must be %s, not %s", key, must, shown);
}

static void replace_text(struct loader *l, char **to, struct egw_str text)
{
    char *copy = strndup(text.p, text.n);

    if (!copy) {
        l->no_memory = true;
        return;
    }
    free(*to);
    *to = copy;
}

static void set_string(struct loader *l, const struct row *row, struct egw_setting_place at,
                       const struct value *v)
{
    if (v->kind != IS_STRING) {
        fault_must(l, at, row->key, row->must, v);
    } else if (v->text.n > TEXT_MAX) {
        egw_faults_add(l->faults, at.file, at.line, "%s is longer than %d bytes", row->key,
                       TEXT_MAX);
    } else if (settings_holds_control(v->text)) {
        egw_faults_add(l->faults, at.file, at.line, "%s holds a control character", row->key);
    } else if (row->valid && !row->valid(v->text)) {
        fault_must(l, at, row->key, row->must, v);
    } else {
        replace_text(l, (char **)((char *)l->to + row->offset), v->text);
    }
}

static void set_integer(struct loader *l, const struct row *row, struct egw_setting_place at,
                        const struct value *v)
{
    if (v->kind == IS_INTEGER && v->number >= row->min && v->number <= row->max)
        *(int64_t *)((char *)l->to + row->offset) = v->number;
    else
        fault_must(l, at, row->key, row->must, v);
}

static void set_boolean(struct loader *l, const struct row *row, struct egw_setting_place at,
                        const struct value *v)
{
    if (v->kind == IS_BOOLEAN)
        *(bool *)((char *)l->to + row->offset) = v->yes;
    else
        fault_must(l, at, row->key, row->must, v);
}

static void set_value(struct loader *l, const struct row *row, struct egw_setting_place at,
                      const struct value *v)
{
    size_t before = l->faults->total;

    if (row->kind == STRING)
        set_string(l, row, at, v);
    else if (row->kind == INTEGER)
        set_integer(l, row, at, v);
    else if (row->kind == BOOLEAN)
        set_boolean(l, row, at, v);
    else
        fault_must(l, at, row->key, row->must, v);
    at.refused = l->faults->total > before;
    l->to->places[row - table] = at;
}

/* ---- librdkafka's properties ---- */

/* "security_protocol" or "security.protocol" as librdkafka spells it. False: no such name. */
static bool property_name(struct egw_str name, char out[PROPERTY_NAME_MAX])
{
    if (!settings_is_word(name, PROPERTY_NAME_MAX - 1, "._"))
        return false;
    for (size_t i = 0; i < name.n; i++)
        out[i] = name.p[i] == '_' ? '.' : name.p[i];
    out[name.n] = '\0';
    return true;
}

/* The property of that name, made when it is new; NULL: no memory, or too many (a fault). */
static struct egw_property *property_slot(struct loader *l, struct egw_setting_place at,
                                          const char *name)
{
    struct egw_property *all = l->to->kafka.properties, *slot;
    size_t n = l->to->kafka.property_count;

    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    if (n == PROPERTIES_MAX) {
        egw_faults_add(l->faults, at.file, at.line, "kafka.properties has more than %d names",
                       PROPERTIES_MAX);
        return NULL;
    }
    all = realloc(all, (n + 1) * sizeof(*all));
    if (!all) {
        l->no_memory = true;
        return NULL;
    }
    l->to->kafka.properties = all;
    slot = &all[n];
    *slot = (struct egw_property){.name = strdup(name)};
    if (!slot->name) {
        l->no_memory = true;
        return NULL;
    }
    l->to->kafka.property_count = n + 1;
    return slot;
}

/* Of those that may be set at all. */
static bool is_secret(const char *property)
{
    return (strncmp(property, "ssl.", 4) == 0 && strstr(property, "password")) ||
           strcmp(property, "ssl.key.pem") == 0;
}

/* Not in arguments, which every user of the machine can list, and not in a file they can read. */
static bool keeps_secrets(struct loader *l, struct egw_setting_place at, const char *key)
{
    struct stat info;

    if (at.line == 0)
        egw_faults_add(l->faults, at.file, at.line,
                       "%s is a secret, and arguments can be read by others: set it in the file",
                       key);
    else if (stat(at.file, &info) != 0 || info.st_mode & 077)
        egw_faults_add(l->faults, at.file, at.line,
                       "%s is a secret, and other users can read this file: chmod 600", key);
    else
        return true;
    return false;
}

static void set_property(struct loader *l, struct egw_setting_place at, struct egw_str given,
                         const struct value *v)
{
    char name[PROPERTY_NAME_MAX], key[PROPERTY_NAME_MAX + 32], number[32];
    struct egw_str text = v->text;
    struct egw_property *slot;

    if (!property_name(given, name)) {
        egw_faults_add(l->faults, at.file, at.line,
                       "kafka.properties: \"%.*s\" is no property name", EGW_FMT(given));
        return;
    }
    (void)snprintf(key, sizeof(key), "kafka.properties.%s", name);
    if (v->kind == IS_INTEGER) {
        (void)snprintf(number, sizeof(number), "%lld", (long long)v->number);
        text = egw_str_of(number);
    } else if (v->kind == IS_BOOLEAN) {
        text = egw_str_of(v->yes ? "true" : "false");
    } else if (v->kind != IS_STRING) {
        fault_must(l, at, key, "text, a whole number, true or false", v);
        return;
    }
    if (is_secret(name) && !keeps_secrets(l, at, key))
        return;
    slot = property_slot(l, at, name);
    if (slot) {
        replace_text(l, &slot->value, text);
        slot->at = at;
    }
}

/* ---- the file ---- */

static void fault_unknown(struct loader *l, struct egw_setting_place at, const char *key)
{
    struct egw_suggestion near;

    egw_suggest_begin(&near, egw_str_of(key));
    for (size_t i = 0; i < ROWS; i++) {
        const char *last = strchr(table[i].key, '.') + 1;

        egw_suggest_offer(&near, table[i].key, table[i].key);
        egw_suggest_offer(&near, last, table[i].key); /* the group was forgotten */
    }
    if (near.best)
        egw_faults_add(l->faults, at.file, at.line, "unknown setting %.100s: did you mean %s?", key,
                       near.best);
    else
        egw_faults_add(l->faults, at.file, at.line, "unknown setting %.100s", key);
}

static struct value value_of(const config_setting_t *setting)
{
    struct value v = {.kind = IS_LIST};

    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
        v.kind = IS_INTEGER;
        v.number = config_setting_get_int(setting);
        break;
    case CONFIG_TYPE_INT64:
        v.kind = IS_INTEGER;
        v.number = config_setting_get_int64(setting);
        break;
    case CONFIG_TYPE_STRING:
        v.kind = IS_STRING;
        v.text = egw_str_of(config_setting_get_string(setting));
        if (!v.text.p)
            v.text = EGW_STR("");
        break;
    case CONFIG_TYPE_BOOL:
        v.kind = IS_BOOLEAN;
        v.yes = config_setting_get_bool(setting) != 0;
        break;
    case CONFIG_TYPE_FLOAT:
        v.kind = IS_FLOAT;
        break;
    case CONFIG_TYPE_GROUP:
        v.kind = IS_GROUP;
        break;
    default:
        break;
    }
    return v;
}

static struct egw_setting_place place_of(const char *file, const config_setting_t *setting)
{
    return (struct egw_setting_place){.file = file,
                                      .line = (int)config_setting_source_line(setting)};
}

static void read_properties(struct loader *l, const char *file, const config_setting_t *group)
{
    int n = config_setting_length(group);

    for (int i = 0; i < n; i++) {
        const config_setting_t *item = config_setting_get_elem(group, (unsigned)i);
        struct value v = value_of(item);

        set_property(l, place_of(file, item), egw_str_of(config_setting_name(item)), &v);
    }
}

static void read_group(struct loader *l, const char *file, const config_setting_t *group)
{
    int n = config_setting_length(group);

    for (int i = 0; i < n; i++) {
        const config_setting_t *item = config_setting_get_elem(group, (unsigned)i);
        struct egw_setting_place at = place_of(file, item);
        struct value v = value_of(item);
        const struct row *row;
        char key[TEXT_MAX];

        (void)snprintf(key, sizeof(key), "%s.%s", config_setting_name(group),
                       config_setting_name(item));
        row = find_row(egw_str_of(key));
        if (!row)
            fault_unknown(l, at, key);
        else if (row->kind == PROPERTIES && v.kind == IS_GROUP)
            read_properties(l, file, item);
        else
            set_value(l, row, at, &v);
    }
}

static bool is_group_name(const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < ROWS; i++)
        if (strncmp(table[i].key, name, n) == 0 && table[i].key[n] == '.')
            return true;
    return false;
}

static void read_root(struct loader *l, const char *file, const config_setting_t *root)
{
    int n = config_setting_length(root);

    for (int i = 0; i < n; i++) {
        const config_setting_t *item = config_setting_get_elem(root, (unsigned)i);
        const char *name = config_setting_name(item);
        struct egw_setting_place at = place_of(file, item);
        struct value v = value_of(item);

        if (!is_group_name(name))
            fault_unknown(l, at, name);
        else if (v.kind != IS_GROUP)
            fault_must(l, at, name, "a group: { name = value; ... }", &v);
        else
            read_group(l, file, item);
    }
}

static enum egw_status read_text(const char *path, struct egw_buf *ret, struct egw_faults *faults)
{
    FILE *f = fopen(path, "re");
    enum egw_status st = EGW_OK;
    size_t got;

    if (!f) {
        st = egw_file_status(errno);
        egw_faults_add(faults, path, 0, "cannot open the settings: %s", strerror(errno));
        return st;
    }
    ret->max = FILE_MAX + 8192; /* room to see that there is more */
    do {
        st = egw_buf_reserve(ret, 4096 + 2);
        if (st)
            break;
        got = fread(ret->p + ret->n, 1, 4096, f);
        ret->n += got;
    } while (got == 4096 && ret->n <= FILE_MAX);
    if (st == EGW_OK && ferror(f)) {
        st = egw_file_status(errno);
        egw_faults_add(faults, path, 0, "cannot read the settings: %s", strerror(errno));
    } else if (st == EGW_NOMEM || ret->n > FILE_MAX) {
        egw_faults_add(faults, path, 0, "the settings are larger than 1 MiB");
        st = EGW_INVALID;
    } else {
        ret->p[ret->n] = '\n'; /* libconfig takes a comment for one only before a newline */
        ret->p[ret->n + 1] = '\0';
    }
    fclose(f);
    return st;
}

static void read_config(struct loader *l, const char *path, const struct egw_buf *text)
{
    config_t config;

    config_init(&config);
    l->read = config_read_string(&config, (const char *)text->p) == CONFIG_TRUE;
    if (l->read)
        read_root(l, path, config_root_setting(&config));
    else
        egw_faults_add(l->faults, path, config_error_line(&config), "%s",
                       config_error_text(&config));
    config_destroy(&config);
}

static enum egw_status read_file(struct loader *l, const char *path)
{
    struct egw_buf text = {0};
    enum egw_status st = read_text(path, &text, l->faults);

    if (st == EGW_OK && egw_settings_text_check(path, egw_buf_str(&text), l->faults))
        read_config(l, path, &text);
    egw_buf_free(&text);
    return st;
}

/* ---- overrides and defaults: values as text ---- */

static struct value parse_text(enum kind kind, struct egw_str text)
{
    struct value v = {.kind = IS_STRING, .text = text};

    if (kind == INTEGER && egw_parse_i64(text, INT64_MIN, INT64_MAX, &v.number)) {
        v.kind = IS_INTEGER;
    } else if (kind == BOOLEAN && (egw_str_is(text, "true") || egw_str_is(text, "false"))) {
        v.kind = IS_BOOLEAN;
        v.yes = egw_str_is(text, "true");
    }
    return v;
}

static void set_override(struct loader *l, const char *text)
{
    struct egw_setting_place at = {.file = "-s"};
    struct egw_str value = egw_str_of(text), key;
    const struct row *row;
    struct value v;
    char name[256];

    if (!strchr(text, '=') || text[0] == '=') {
        egw_faults_add(l->faults, "-s", 0, "\"%.100s\" must be key=value", text);
        return;
    }
    key = egw_str_take(&value, '=');
    if (!egw_utf8_valid(value)) {
        egw_faults_add(l->faults, at.file, 0, "value of %.*s is not UTF-8", EGW_FMT(key));
        return;
    }
    if (egw_str_begins(key, EGW_STR("kafka.properties."))) {
        v = parse_text(STRING, value);
        set_property(l, at, (struct egw_str){key.p + 17, key.n - 17}, &v);
        return;
    }
    row = find_row(key);
    if (!row) {
        (void)snprintf(name, sizeof(name), "%.*s", EGW_FMT(key));
        fault_unknown(l, at, name);
        return;
    }
    v = parse_text(row->kind, value);
    set_value(l, row, at, &v);
}

static void set_defaults(struct loader *l)
{
    for (size_t i = 0; i < ROWS; i++) {
        struct value v = parse_text(table[i].kind, egw_str_of(table[i].fallback));

        if (table[i].kind != PROPERTIES)
            set_value(l, &table[i], (struct egw_setting_place){0}, &v);
    }
}

/* ---- what no single value shows ---- */

static struct egw_setting_place *place_at(const struct loader *l, const char *key)
{
    return &l->to->places[find_row(egw_str_of(key)) - table];
}

/* Of a value that was refused nobody knows what it would have been. */
static bool stand(const struct loader *l, const char *key, const char *other)
{
    return !place_at(l, key)->refused && !place_at(l, other)->refused;
}

/* Two rows do not fit. To blame is the one that was set, else the other. */
EGW_PRINTF(4, 5)
static void fault_pair(struct loader *l, const char *key, const char *other, const char *fmt, ...)
{
    struct egw_setting_place *one = place_at(l, key), *two = place_at(l, other);
    struct egw_setting_place *at = one->file ? one : two;
    char text[TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    egw_faults_add(l->faults, at->file, at->line, "%s", text);
    one->refused = two->refused = true;
}

static void check_times(struct loader *l)
{
    static const char transaction[] = "kafka.transaction_timeout_ms";
    static const char session[] = "kafka.session_timeout_ms";
    const struct egw_settings *s = l->to;

    if (stand(l, transaction, session) &&
        s->kafka.transaction_timeout_ms > s->kafka.session_timeout_ms)
        fault_pair(l, transaction, session, "%s is %lld, more than %s (%lld)", transaction,
                   (long long)s->kafka.transaction_timeout_ms, session,
                   (long long)s->kafka.session_timeout_ms);
    if (stand(l, "triage.commit_ms", transaction) &&
        s->triage.commit_ms >= s->kafka.transaction_timeout_ms)
        fault_pair(l, "triage.commit_ms", transaction,
                   "triage.commit_ms is %lld, not less than %s (%lld)",
                   (long long)s->triage.commit_ms, transaction,
                   (long long)s->kafka.transaction_timeout_ms);
}

static bool is_topic_row(const struct row *row)
{
    return row->valid == settings_is_topic;
}

static const char *row_text(const struct loader *l, const struct row *row)
{
    return *(char *const *)((const char *)l->to + row->offset);
}

static void check_topic(struct loader *l, const struct row *row)
{
    const char *name = row_text(l, row), *prefix = l->to->topics.escalations;

    for (const struct row *other = table; other < row; other++) {
        if (is_topic_row(other) && strcmp(row_text(l, other), name) == 0 &&
            stand(l, row->key, other->key))
            fault_pair(l, row->key, other->key, "%s is \"%s\", as %s is: each needs its own topic",
                       row->key, name, other->key);
    }
    if (stand(l, row->key, "topics.escalations") && strncmp(name, prefix, strlen(prefix)) == 0 &&
        name[strlen(prefix)] == '.')
        fault_pair(l, row->key, "topics.escalations",
                   "%s is \"%s\", which is a channel's topic by topics.escalations", row->key,
                   name);
}

/* A user and the file of its password: both or neither. */
static void check_pair(struct loader *l, const char *user_key, const char *file_key)
{
    bool user = *row_text(l, find_row(egw_str_of(user_key))) != '\0';
    bool file = *row_text(l, find_row(egw_str_of(file_key))) != '\0';
    const char *set = user ? user_key : file_key, *unset = user ? file_key : user_key;

    if (user != file && stand(l, set, unset))
        fault_pair(l, set, unset, "%s is set but %s is not", set, unset);
}

static void check_registry(struct loader *l)
{
    struct egw_str url = egw_str_of(l->to->registry.url);

    check_pair(l, "registry.user", "registry.password_file");
    if (stand(l, "registry.url", "registry.user") && *l->to->registry.user &&
        egw_str_begins(url, EGW_STR("http://")) &&
        !settings_is_loopback(settings_url_authority(url)))
        fault_pair(l, "registry.url", "registry.user",
                   "registry.url must be https: the password of registry.user would travel in "
                   "clear");
}

static void check_metrics(struct loader *l)
{
    struct egw_str listen = egw_str_of(l->to->metrics.listen);

    if (listen.n == 0 || l->to->metrics.allow_remote || egw_str_begins(listen, EGW_STR("unix:")) ||
        settings_is_loopback(listen) || !stand(l, "metrics.listen", "metrics.allow_remote"))
        return;
    fault_pair(l, "metrics.listen", "metrics.allow_remote",
               "metrics.listen is \"%s\", which other machines can reach: set "
               "metrics.allow_remote if they may",
               l->to->metrics.listen);
}

static void check_together(struct loader *l)
{
    check_times(l);
    for (size_t i = 0; i < ROWS; i++)
        if (is_topic_row(&table[i]))
            check_topic(l, &table[i]);
    check_pair(l, "kafka.user", "kafka.password_file");
    check_registry(l);
    check_metrics(l);
}

/* ---- loading ---- */

enum egw_status egw_settings_load(const char *path, const char *const *overrides, size_t n,
                                  struct egw_settings *ret, struct egw_faults *faults)
{
    struct egw_settings made = {.places = calloc(ROWS, sizeof(*made.places))};
    struct loader l = {.to = &made, .faults = faults, .read = !path, .no_memory = !made.places};
    size_t before = faults->total;
    enum egw_status st = EGW_OK;

    if (!l.no_memory)
        set_defaults(&l);
    if (path && !l.no_memory)
        replace_text(&l, &made.file, egw_str_of(path));
    if (path && !l.no_memory)
        st = read_file(&l, made.file);
    for (size_t i = 0; i < n && !l.no_memory; i++)
        set_override(&l, overrides[i]);
    if (!l.no_memory)
        check_together(&l);
    if (l.no_memory)
        st = EGW_NOMEM;
    else if (st == EGW_OK && faults->total > before)
        st = EGW_INVALID;
    *ret = (struct egw_settings){0};
    if (st == EGW_OK || (st == EGW_INVALID && l.read))
        *ret = made;
    else
        egw_settings_free(&made);
    return st;
}

struct egw_setting_place egw_settings_place(const struct egw_settings *settings, const char *key)
{
    const struct row *row = find_row(egw_str_of(key));

    return settings->places && row ? settings->places[row - table] : (struct egw_setting_place){0};
}

void egw_settings_free(struct egw_settings *settings)
{
    if (!settings)
        return;
    for (size_t i = 0; i < ROWS; i++)
        if (table[i].kind == STRING)
            free(*(char **)((char *)settings + table[i].offset));
    for (size_t i = 0; i < settings->kafka.property_count; i++) {
        free(settings->kafka.properties[i].name);
        free(settings->kafka.properties[i].value);
    }
    free(settings->kafka.properties);
    free(settings->places);
    free(settings->file);
    *settings = (struct egw_settings){0};
}

/* ---- views and the sample ---- */

size_t egw_settings_count(void)
{
    return ROWS;
}

struct egw_setting_view egw_settings_view(size_t index)
{
    static const char *const types[] = {
        [STRING] = "text", [INTEGER] = "integer", [BOOLEAN] = "boolean", [PROPERTIES] = "group"};
    const struct row *row = &table[index];

    return (struct egw_setting_view){row->key, types[row->kind], row->range, row->fallback,
                                     row->help};
}

/* Words of text in comment lines of at most 96 columns. */
static void print_comment(FILE *to, const char *text)
{
    size_t column = 0;

    while (*text) {
        size_t n = strcspn(text, " ");

        if (column && column + 1 + n > 96) {
            (void)fputc('\n', to);
            column = 0;
        }
        if (!column)
            column = (size_t)fprintf(to, "    #");
        (void)fprintf(to, " %.*s", (int)n, text);
        column += 1 + n;
        text += n;
        text += strspn(text, " ");
    }
    (void)fputc('\n', to);
}

static void print_row(FILE *to, const struct row *row)
{
    const char *name = strchr(row->key, '.') + 1;

    print_comment(to, row->help);
    if (row->kind == PROPERTIES)
        (void)fprintf(to, "    %s = { };\n", name);
    else if (row->kind == STRING)
        (void)fprintf(to, "    # (%s)\n    %s = \"%s\";\n", row->range, name, row->fallback);
    else
        (void)fprintf(to, "    # (%s)\n    %s = %s;\n", row->range, name, row->fallback);
}

void egw_settings_sample(FILE *to)
{
    size_t group = 0; /* length of the open group's name; 0: none */

    (void)fputs("# Every setting of egw at its default. Leave out what you do not change:\n"
                "# config/minimal.cfg is enough to start. Written by: egw check --sample\n",
                to);
    for (size_t i = 0; i < ROWS; i++) {
        const char *key = table[i].key;
        size_t n = strcspn(key, ".");
        bool same = i > 0 && n == group && strncmp(key, table[i - 1].key, n) == 0;

        if (!same)
            (void)fprintf(to, "%s\n%.*s = {\n", group ? "};\n" : "", (int)n, key);
        else
            (void)fputc('\n', to);
        print_row(to, &table[i]);
        group = n;
    }
    (void)fputs("};\n", to);
}

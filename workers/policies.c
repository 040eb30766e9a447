#define _GNU_SOURCE /* reallocarray */
#include "policies.h"

#include <stdlib.h>

#include "reading.h"

enum { FILES_MAX = 256 };

struct held {
    struct egw_sha256 manifest;
    struct egw_policy_file *files;
    size_t n, wanted;
    bool tried; /* to compile the one that is kept */
    struct egw_policy *policy;
    enum egw_status status;
    struct egw_error why_not;
};

struct egw_policies {
    struct egw_arena arena; /* keys, values, names and contents */
    struct egw_log_record *records;
    size_t record_n, record_cap;
    struct held *held;
    size_t held_n, held_cap;
    enum egw_status status; /* of reading */
};

/* ---- reading ---- */

static struct held *find_held(struct egw_policies *p, const unsigned char *manifest)
{
    for (size_t i = 0; i < p->held_n; i++) {
        if (memcmp(p->held[i].manifest.b, manifest, EGW_SHA256) == 0)
            return &p->held[i];
    }
    return NULL;
}

static struct held *held_of(struct egw_policies *p, const struct egw_sha256 *manifest, size_t files)
{
    struct held *held = find_held(p, manifest->b);

    if (held)
        return held;
    if (!egw_grow(&p->held, sizeof(*p->held), p->held_n, &p->held_cap))
        return NULL;
    held = &p->held[p->held_n];
    *held = (struct held){.manifest = *manifest,
                          .files = egw_arena_alloc(&p->arena, files * sizeof(*held->files)),
                          .wanted = files};
    if (!held->files)
        return NULL;
    p->held_n++;
    return held;
}

static bool add_file(struct egw_policies *p, const struct egw_policy_content *content)
{
    struct egw_sha256 manifest, digest;
    struct egw_policy_file *file;
    struct held *held;

    egw_sha256(content->content.p, content->content.n, &digest);
    if (!egw_sha256_of_hex(content->manifest, &manifest) || content->files < 1 ||
        content->files > FILES_MAX || memcmp(digest.b, content->digest, EGW_SHA256) != 0)
        return true; /* a worker would not take it either */
    held = held_of(p, &manifest, (size_t)content->files);
    if (!held)
        return false;
    for (size_t i = 0; i < held->n; i++) {
        if (egw_str_eq(held->files[i].name, content->name))
            return true;
    }
    if (held->n == held->wanted)
        return true;
    file = &held->files[held->n++];
    return egw_arena_str(&p->arena, content->name, &file->name) &&
           egw_arena_str(&p->arena, content->content, &file->content);
}

static bool keep_record(struct egw_policies *p, const struct egw_log_record *record)
{
    struct egw_log_record *kept;

    if (!egw_grow(&p->records, sizeof(*p->records), p->record_n, &p->record_cap))
        return false;
    kept = &p->records[p->record_n++];
    *kept = *record;
    return egw_arena_str(&p->arena, record->key, &kept->key) &&
           egw_arena_str(&p->arena, record->value, &kept->value);
}

static bool take(void *user, const struct egw_item *item)
{
    struct egw_policies *p = user;
    const struct egw_policy_content *content = item->value;
    bool fine = keep_record(p, &item->record);

    if (fine && item->type == &egw_type_policy_content && content->manifest.n)
        fine = add_file(p, content);
    if (!fine)
        p->status = EGW_NOMEM;
    return fine;
}

enum egw_status egw_policies_read(const struct egw_settings *settings, struct egw_policies **ret,
                                  struct egw_error *reterr)
{
    struct egw_policies *p = calloc(1, sizeof(*p));
    enum egw_status st;

    if (!p)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for the policies of the log");
    p->arena.max = (size_t)4 << 30;
    st = egw_read_all(settings, settings->topics.policy, 0, take, p, reterr);
    if (!st && p->status)
        st = egw_error_set(reterr, p->status, "no memory for the policies of the log");
    if (st) {
        egw_policies_free(p);
        return st;
    }
    for (size_t i = 0; i < p->held_n; i++)
        qsort(p->held[i].files, p->held[i].n, sizeof(*p->held[i].files), egw_policy_file_order);
    *ret = p;
    return EGW_OK;
}

void egw_policies_free(struct egw_policies *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->held_n; i++)
        egw_policy_free(p->held[i].policy);
    free(p->held);
    free(p->records);
    egw_arena_free(&p->arena);
    free(p);
}

const struct egw_log_record *egw_policies_records(const struct egw_policies *p, size_t *ret_n)
{
    *ret_n = p->record_n;
    return p->records;
}

/* ---- compiling ---- */

static struct held *whole(struct egw_policies *p, const unsigned char *manifest)
{
    struct held *held = find_held(p, manifest);

    return held && held->n == held->wanted ? held : NULL;
}

const struct egw_policy_file *egw_policies_files(struct egw_policies *p,
                                                 const unsigned char *manifest, size_t *ret_n)
{
    const struct held *held = whole(p, manifest);

    *ret_n = held ? held->n : 0;
    return held ? held->files : NULL;
}

enum egw_status egw_policies_compile(struct egw_policies *p, const unsigned char *manifest,
                                     struct egw_policy **ret, struct egw_error *reterr)
{
    const struct held *held = whole(p, manifest);
    struct egw_faults faults = {0};
    char hex[2 * EGW_SHA256 + 1];
    enum egw_status st;

    egw_hex(manifest, EGW_SHA256, hex);
    if (!held)
        return egw_error_set(reterr, EGW_NOT_FOUND, "policy %.12s is not in the policy topic", hex);
    st = egw_policy_compile(held->files, held->n, ret, &faults);
    if (st)
        (void)egw_error_set(reterr, st, "policy %.12s: %.400s", hex,
                            faults.n ? faults.texts[0] : "no memory");
    egw_faults_free(&faults);
    if (!st && memcmp(egw_policy_hash(*ret)->b, manifest, EGW_SHA256) != 0) {
        egw_policy_free(*ret);
        *ret = NULL;
        st = egw_error_set(reterr, EGW_INVALID,
                           "policy %.12s: its files do not have the hash of its manifest", hex);
    }
    return st;
}

enum egw_status egw_policies_find(struct egw_policies *p, const unsigned char *manifest,
                                  const struct egw_policy **ret, struct egw_error *reterr)
{
    struct held *held = whole(p, manifest);
    struct egw_policy *never = NULL;

    if (!held)
        return egw_policies_compile(p, manifest, &never, reterr);
    if (!held->tried) {
        held->tried = true;
        held->status = egw_policies_compile(p, manifest, &held->policy, &held->why_not);
    }
    if (held->status && reterr)
        *reterr = held->why_not;
    *ret = held->policy;
    return held->status;
}

#include "rulebook.h"

#include <stdlib.h>

enum { FILES_MAX = 256 };

enum state { GATHERING, COMPILING, READY, UNUSABLE };

struct book_entry {
    struct book_entry *next;
    struct egw_sha256 manifest;
    enum state state;
    struct egw_policy_file *files;
    size_t n, wanted;
    struct egw_policy *policy;
    struct egw_error why_not;
};

struct egw_rulebook {
    struct egw_triage_ports ports;
    struct book_entry *entries;
};

struct egw_rulebook *egw_rulebook_new(const struct egw_triage_ports *ports)
{
    struct egw_rulebook *book = calloc(1, sizeof(*book));

    if (book)
        book->ports = *ports;
    return book;
}

static void free_files(struct book_entry *entry)
{
    for (size_t i = 0; i < entry->n; i++)
        free((char *)entry->files[i].name.p);
    free(entry->files);
    entry->files = NULL;
    entry->n = 0;
}

void egw_rulebook_free(struct egw_rulebook *book)
{
    struct book_entry *entry = book ? book->entries : NULL;

    while (entry) {
        struct book_entry *next = entry->next;

        free_files(entry);
        egw_policy_free(entry->policy);
        free(entry);
        entry = next;
    }
    free(book);
}

static struct book_entry *entry_of(const struct egw_rulebook *book, const unsigned char *manifest)
{
    for (struct book_entry *entry = book->entries; entry; entry = entry->next) {
        if (memcmp(entry->manifest.b, manifest, EGW_SHA256) == 0)
            return entry;
    }
    return NULL;
}

/* One allocation holds name and content, at name.p. */
static enum egw_status add_file(struct book_entry *entry, struct egw_str name,
                                struct egw_str content)
{
    char *bytes;

    for (size_t i = 0; i < entry->n; i++) {
        if (egw_str_eq(entry->files[i].name, name))
            return EGW_OK; /* written twice: the hash in the key says it is the same */
    }
    bytes = malloc(name.n + content.n + 1);
    if (!bytes)
        return EGW_NOMEM;
    memcpy(bytes, name.p, name.n);
    memcpy(bytes + name.n, content.p, content.n);
    entry->files[entry->n].name = (struct egw_str){bytes, name.n};
    entry->files[entry->n].content = (struct egw_str){bytes + name.n, content.n};
    entry->n++;
    return EGW_OK;
}

static int by_name(const void *a, const void *b)
{
    return egw_str_cmp(((const struct egw_policy_file *)a)->name,
                       ((const struct egw_policy_file *)b)->name);
}

enum egw_status egw_rulebook_learn(struct egw_rulebook *book,
                                   const struct egw_policy_content *content,
                                   struct egw_error *reterr)
{
    struct egw_sha256 manifest, digest;
    struct book_entry *entry;
    enum egw_status st;

    if (!content->manifest.n)
        return book->ports.schema(book->ports.user, content->content, reterr);
    if (!egw_sha256_of_hex(content->manifest, &manifest) || content->files < 1 ||
        content->files > FILES_MAX)
        return egw_error_set(reterr, EGW_INVALID,
                             "policy file %.*s: bad manifest or count of files",
                             EGW_FMT(content->name));
    egw_sha256(content->content.p, content->content.n, &digest);
    if (memcmp(digest.b, content->digest, EGW_SHA256) != 0)
        return egw_error_set(reterr, EGW_INVALID,
                             "policy file %.*s: its bytes do not have its digest",
                             EGW_FMT(content->name));
    entry = entry_of(book, manifest.b);
    if (!entry) {
        entry = calloc(1, sizeof(*entry));
        if (entry)
            entry->files = calloc((size_t)content->files, sizeof(*entry->files));
        if (!entry || !entry->files) {
            free(entry);
            return egw_error_set(reterr, EGW_NOMEM, "no memory for a policy");
        }
        entry->manifest = manifest;
        entry->wanted = (size_t)content->files;
        entry->next = book->entries;
        book->entries = entry;
    }
    if (entry->state != GATHERING)
        return EGW_OK;
    st = add_file(entry, content->name, content->content);
    if (st)
        return egw_error_set(reterr, st, "no memory for a policy");
    if (entry->n == entry->wanted) {
        qsort(entry->files, entry->n, sizeof(*entry->files), by_name);
        entry->state = COMPILING;
        book->ports.compile(book->ports.user, &entry->manifest, entry->files, entry->n);
    }
    return EGW_OK;
}

void egw_rulebook_compiled(struct egw_rulebook *book, const struct egw_sha256 *manifest,
                           struct egw_policy *policy, const struct egw_error *why_not)
{
    struct book_entry *entry = entry_of(book, manifest->b);

    if (!entry || entry->state != COMPILING) {
        egw_policy_free(policy);
        return;
    }
    if (policy && memcmp(egw_policy_hash(policy)->b, manifest->b, EGW_SHA256) != 0) {
        egw_policy_free(policy);
        policy = NULL;
        egw_error_set(&entry->why_not, EGW_INVALID,
                      "its files do not have the hash of its manifest");
    } else if (!policy && why_not) {
        entry->why_not = *why_not;
    }
    entry->state = policy ? READY : UNUSABLE;
    entry->policy = policy;
    free_files(entry);
}

enum egw_status egw_rulebook_find(const struct egw_rulebook *book, const unsigned char *manifest,
                                  struct egw_policy **ret, struct egw_error *reterr)
{
    const struct book_entry *entry = entry_of(book, manifest);
    char hex[2 * EGW_SHA256 + 1];

    if (entry && entry->state == READY) {
        *ret = entry->policy;
        return EGW_OK;
    }
    egw_hex(manifest, EGW_SHA256, hex);
    if (!entry)
        return egw_error_set(reterr, EGW_RETRY, "policy %.12s: not seen in the policy topic", hex);
    if (entry->state == UNUSABLE)
        return egw_error_set(reterr, EGW_INVALID, "policy %.12s cannot be used: %.400s", hex,
                             entry->why_not.text);
    return egw_error_set(reterr, EGW_RETRY, "policy %.12s: %s", hex,
                         entry->state == COMPILING ? "still compiling"
                                                   : "not all its files were seen");
}

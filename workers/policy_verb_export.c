/* policy export - an activation's files out of the log, as a folder like the one it was made from
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "activations.h"
#include "policies.h"
#include "policy_verbs.h"

/* "x.cfg" or "catalogue/x.tsv": a record says so, and could name any path. */
static bool may_be_written(struct egw_str name)
{
    static const char folder[] = "catalogue/";
    size_t n = sizeof(folder) - 1;

    if (name.n > n && memcmp(name.p, folder, n) == 0)
        name = (struct egw_str){name.p + n, name.n - n};
    return name.n && name.p[0] != '.' && !memchr(name.p, '/', name.n) &&
           !memchr(name.p, '\0', name.n);
}

static enum egw_status cannot(const char *what, const char *path, struct egw_error *reterr)
{
    return egw_error_set(reterr, EGW_IO, "cannot %s %s: %s", what, path, strerror(errno));
}

static enum egw_status write_file(const char *dir, const struct egw_policy_file *file,
                                  struct egw_error *reterr)
{
    EGW_CLEANUP(egw_buf_free) struct egw_buf path = {0};
    enum egw_status st = EGW_OK;
    size_t written;
    FILE *f;
    int fd;

    if (!may_be_written(file->name))
        return egw_error_set(reterr, EGW_INVALID,
                             "the policy holds \"%.*s\", which is no file of one",
                             EGW_FMT(file->name));
    if (egw_buf_printf(&path, "%s/%.*s", dir, EGW_FMT(file->name)) || egw_buf_put(&path, "", 1))
        return egw_error_set(reterr, EGW_NOMEM, "no memory for the policy");
    fd = open((const char *)path.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    f = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!f)
        return cannot("write", (const char *)path.p, reterr);
    written = fwrite(file->content.p, 1, file->content.n, f);
    if (fclose(f) != 0 || written != file->content.n)
        st = cannot("write", (const char *)path.p, reterr);
    return st;
}

/* The folder is new: nothing is written over. */
static enum egw_status write_all(const char *dir, const struct egw_policy_file *files, size_t n,
                                 struct egw_error *reterr)
{
    EGW_CLEANUP(egw_buf_free) struct egw_buf catalogue = {0};
    enum egw_status st = EGW_OK;

    if (egw_buf_printf(&catalogue, "%s/catalogue", dir) || egw_buf_put(&catalogue, "", 1))
        return egw_error_set(reterr, EGW_NOMEM, "no memory for the policy");
    if (mkdir(dir, 0777) != 0)
        return cannot("make the folder", dir, reterr);
    if (mkdir((const char *)catalogue.p, 0777) != 0)
        return cannot("make the folder", (const char *)catalogue.p, reterr);
    for (size_t i = 0; i < n && !st; i++)
        st = write_file(dir, &files[i], reterr);
    return st ? egw_error_prefix(reterr, st, "%s is not complete", dir) : EGW_OK;
}

int egw_policy_verb_export(struct egw_args *args)
{
    const char *dir = args->operands[2];
    const struct egw_policy_file *files = NULL;
    struct egw_policies *policies = NULL;
    struct egw_sha256 manifest;
    struct egw_error err = {0};
    enum egw_status st;
    int64_t number;
    size_t n = 0;

    if (!egw_parse_i64(egw_str_of(args->operands[1]), 1, INT64_MAX, &number))
        return egw_usage(args, "\"%s\" is no number of an activation: egw policy history",
                         args->operands[1]);
    st = egw_activation_policy(&args->settings, number, &manifest, &err);
    if (!st)
        st = egw_policies_read(&args->settings, &policies, &err);
    if (!st)
        files = egw_policies_files(policies, manifest.b, &n);
    if (!st && !files)
        st = egw_error_set(&err, EGW_NOT_FOUND,
                           "the log no longer holds the policy of activation %" PRId64, number);
    if (!st)
        st = write_all(dir, files, n, &err);
    egw_policies_free(policies);
    if (st)
        return egw_fail(&err);
    if (egw_wants_json(args))
        (void)printf("{\"activation\":%" PRId64 ",\"files\":%zu,\"policy\":\"", number, n);
    else
        (void)printf("%zu files of activation %" PRId64 ", policy ", n, number);
    egw_put_policy_hash(manifest.b, stdout);
    (void)puts(egw_wants_json(args) ? "\"}" : "");
    return EGW_EXIT_OK;
}

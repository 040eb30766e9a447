/* A policy's files, from its folders. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "egw/policy_file.h"

enum { FILE_MAX = 32 << 20 };

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n >= m && strcmp(name + n - m, end) == 0;
}

struct folder {
    const char *path, *prefix, *ending;
};

static enum egw_status cannot_read(const char *path, int error, struct egw_error *reterr)
{
    return egw_error_set(reterr, egw_file_status(error), "cannot read %s: %s", path,
                         strerror(error));
}

static enum egw_status read_bytes(struct egw_arena *arena, const char *path, struct egw_str *ret,
                                  struct egw_error *reterr)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would be waited for */
    FILE *f = fd < 0 ? NULL : fdopen(fd, "rb");
    enum egw_status st = EGW_OK;
    struct stat about;
    char *bytes = NULL;
    size_t n = 0;

    if (!f) {
        int error = errno;

        if (fd >= 0)
            (void)close(fd);
        return cannot_read(path, error, reterr);
    }
    if (fstat(fileno(f), &about) != 0)
        st = cannot_read(path, errno, reterr);
    else if (!S_ISREG(about.st_mode))
        st = egw_error_set(reterr, EGW_IO, "cannot read %s: it is not a file", path);
    else if (about.st_size > FILE_MAX)
        st = egw_error_set(reterr, EGW_INVALID, "cannot read %s: it has more than %d bytes", path,
                           FILE_MAX);
    if (!st) {
        n = (size_t)about.st_size;
        bytes = egw_arena_alloc(arena, n + 1);
        if (!bytes)
            st = egw_error_set(reterr, EGW_NOMEM, "cannot read %s: no memory", path);
        else if (fread(bytes, 1, n, f) != n && ferror(f))
            st = cannot_read(path, errno, reterr);
        else if (feof(f))
            st = egw_error_set(reterr, EGW_IO, "cannot read %s: it changed meanwhile", path);
    }
    (void)fclose(f);
    *ret = (struct egw_str){bytes, n};
    return st;
}

static enum egw_status take_file(const struct folder *folder, const char *name,
                                 struct egw_arena *arena, struct egw_list *list,
                                 struct egw_error *reterr)
{
    struct egw_policy_file file, *to;
    struct egw_str path = egw_arena_printf(arena, "%s/%s", folder->path, name);
    enum egw_status st;

    file.name = egw_arena_printf(arena, "%s%s", folder->prefix, name);
    if (!path.p || !file.name.p)
        return egw_error_set(reterr, EGW_NOMEM, "cannot read %s: no memory", folder->path);
    st = read_bytes(arena, path.p, &file.content, reterr);
    if (st)
        return st;
    to = egw_list_push(arena, list, sizeof(*to));
    if (!to)
        return egw_error_set(reterr, EGW_NOMEM, "cannot read %s: no memory", folder->path);
    *to = file;
    return EGW_OK;
}

static enum egw_status take_folder(const struct folder *folder, struct egw_arena *arena,
                                   struct egw_list *list, struct egw_error *reterr)
{
    DIR *dir = opendir(folder->path);
    enum egw_status st = EGW_OK;
    const struct dirent *entry;

    if (!dir)
        return cannot_read(folder->path, errno, reterr);
    while (!st && (errno = 0, entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.' && ends_with(entry->d_name, folder->ending))
            st = take_file(folder, entry->d_name, arena, list, reterr);
    }
    if (!st && errno) /* a folder read in part would be another policy */
        st = cannot_read(folder->path, errno, reterr);
    (void)closedir(dir);
    return st;
}

/* A catalogue of the policy's own takes the place of the other; what is no folder would be passed
 * over. */
static enum egw_status find_catalogue(const char *policy_dir, struct egw_arena *arena,
                                      const char **catalogue, struct egw_error *reterr)
{
    struct egw_str own = egw_arena_printf(arena, "%s/catalogue", policy_dir);
    struct stat about;

    if (!own.p)
        return egw_error_set(reterr, EGW_NOMEM, "cannot read %s: no memory", policy_dir);
    if (lstat(own.p, &about) != 0)
        return EGW_OK;
    if (stat(own.p, &about) != 0)
        return cannot_read(own.p, errno, reterr);
    if (!S_ISDIR(about.st_mode))
        return egw_error_set(reterr, EGW_INVALID, "cannot read %s: it is no folder", own.p);
    *catalogue = own.p;
    return EGW_OK;
}

enum egw_status egw_policy_read(const char *policy_dir, const char *catalogue_dir,
                                struct egw_policy_files *ret, struct egw_error *reterr)
{
    struct folder policy = {policy_dir, "", ".cfg"};
    struct folder catalogue = {catalogue_dir, "catalogue/", ".tsv"};
    struct egw_list list = {0};
    enum egw_status st;

    *ret = (struct egw_policy_files){0};
    st = find_catalogue(policy_dir, &ret->arena, &catalogue.path, reterr);
    if (!st)
        st = take_folder(&policy, &ret->arena, &list, reterr);
    if (!st && !list.n)
        st = egw_error_set(reterr, EGW_INVALID, "cannot read %s: there is no .cfg in it",
                           policy_dir);
    if (!st && catalogue.path)
        st = take_folder(&catalogue, &ret->arena, &list, reterr);
    if (st) {
        egw_arena_free(&ret->arena);
        return st;
    }
    qsort(list.p, list.n, sizeof(struct egw_policy_file), egw_policy_file_order);
    ret->files = list.p;
    ret->n = list.n;
    return EGW_OK;
}

void egw_policy_files_free(struct egw_policy_files *files)
{
    egw_arena_free(&files->arena);
    *files = (struct egw_policy_files){0};
}

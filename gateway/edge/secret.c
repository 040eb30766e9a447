#include "secret.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

void egw_secret_wipe(struct egw_secret *secret)
{
    explicit_bzero(secret, sizeof(*secret));
}

static void fd_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

enum egw_status egw_secret_read(const char *path, struct egw_secret *ret, struct egw_error *reterr)
{
    EGW_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    size_t n = 0;
    ssize_t got = 1;

    if (fd < 0)
        return egw_error_set(reterr, EGW_DENIED, "cannot open '%s': %m", path);
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return egw_error_set(reterr, EGW_DENIED, "'%s' is not a regular file", path);
    if (info.st_uid != geteuid() && info.st_uid != 0)
        return egw_error_set(reterr, EGW_DENIED, "'%s' belongs to another user", path);
    if (info.st_mode & 077)
        return egw_error_set(reterr, EGW_DENIED, "'%s' is open to other users (mode %03o)", path,
                             (unsigned)info.st_mode & 0777u);
    while (got > 0 && n < EGW_SECRET_MAX) {
        got = read(fd, ret->text + n, EGW_SECRET_MAX - n);
        if (got > 0)
            n += (size_t)got;
    }
    if (got < 0)
        return egw_error_set(reterr, EGW_DENIED, "cannot read '%s': %m", path);
    if (got > 0)
        return egw_error_set(reterr, EGW_DENIED, "'%s' is larger than %d bytes", path,
                             EGW_SECRET_MAX);
    while (n && (ret->text[n - 1] == '\n' || ret->text[n - 1] == '\r'))
        n--;
    ret->text[n] = '\0';
    return EGW_OK;
}

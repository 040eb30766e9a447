#include "support.h"

#include <stdio.h>
#include <stdlib.h>

void *must_alloc(size_t n)
{
    void *p = NULL;

    assert_int_equal(posix_memalign(&p, sizeof(void *), n), 0);
    return p;
}

char *read_file(const char *path, size_t *ret_n)
{
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    long n;

    if (!f)
        return NULL;
    if (fseek(f, 0, SEEK_END) == 0 && (n = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0) {
        text = malloc((size_t)n + 1);
        if (text && fread(text, 1, (size_t)n, f) == (size_t)n) {
            text[n] = '\0';
            if (ret_n)
                *ret_n = (size_t)n;
        } else {
            free(text);
            text = NULL;
        }
    }
    fclose(f);
    return text;
}

char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    char *made;

    if (!at)
        fail_msg("there is no %s", from);
    made = must_alloc(strlen(text) + strlen(to) + 1);
    (void)sprintf(made, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return made;
}

#include "egw/faults.h"

#include <stdarg.h>
#include <stdlib.h>

enum { FAULTS_KEPT = 200, FAULT_TEXT = 1024 };

void egw_faults_add(struct egw_faults *faults, const char *file, int line, const char *fmt, ...)
{
    char text[FAULT_TEXT];
    char **grown;
    va_list ap;
    int n = 0;

    faults->total++;
    if (faults->n == FAULTS_KEPT)
        return;
    if (file && line > 0)
        n = snprintf(text, sizeof(text), "%s:%d: ", file, line);
    else if (file)
        n = snprintf(text, sizeof(text), "%s: ", file);
    if (n < 0 || (size_t)n >= sizeof(text))
        n = 0;
    va_start(ap, fmt);
    (void)vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
    va_end(ap);
    grown = realloc(faults->texts, (faults->n + 1) * sizeof(*grown));
    if (!grown)
        return;
    faults->texts = grown;
    faults->texts[faults->n] = strdup(text);
    if (faults->texts[faults->n])
        faults->n++;
}

void egw_faults_free(struct egw_faults *faults)
{
    for (size_t i = 0; i < faults->n; i++)
        free(faults->texts[i]);
    free(faults->texts);
    *faults = (struct egw_faults){0};
}

/* Printing is I/O, which core does not do: so this one call of faults.h lives here. */
#include "egw/faults.h"

void egw_faults_print(const struct egw_faults *faults, FILE *to)
{
    for (size_t i = 0; i < faults->n; i++)
        (void)fprintf(to, "%s\n", faults->texts[i]);
    if (faults->total > faults->n)
        (void)fprintf(to, "... and %zu more\n", faults->total - faults->n);
}

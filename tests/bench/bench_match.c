/* What a hundred times the signatures costs a text: one pass should hardly notice. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "egw/buf.h"
#include "egw/catalogue.h"

enum { TEXTS = 2000, ROUNDS = 15, TEXT_BYTES = 600 };

static uint64_t sequence = 7;

static uint32_t next_number(uint32_t below)
{
    sequence = sequence * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(sequence >> 33) % below;
}

static int64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void check(enum egw_status st)
{
    if (st != EGW_OK)
        exit(1);
}

/* The mix of the shipped catalogue: hex with signed decimals, sign-in codes, symbols. */
static struct egw_catalogue *make(uint32_t count)
{
    struct egw_buf buf = {0};
    struct egw_faults faults = {0};
    struct egw_catalogue *catalogue = NULL;
    struct egw_catalogue_file file = {EGW_STR("bench.tsv"), EGW_STR_NONE};

    check(egw_buf_printf(&buf, "id\tcode\taliases\tmatch\tservice\tbasis\tbaseline\tname\turl\t"
                               "remedy\n"));
    for (uint32_t i = 0; i < count; i += i % 10 < 7 ? 2 : 1) { /* a hex row has two */
        int decimal = (int)(0x80040000u + i * 13);

        if (i % 10 < 7)
            check(egw_buf_printf(&buf, "K%u\t0x%08X\t%d\thex\twindows\tnone\tunknown\t\t\t\n", i,
                                 (unsigned)decimal, decimal));
        else if (i % 10 < 9)
            check(egw_buf_printf(&buf, "K%u\tAADSTS%u\t\tprefix\t\tnone\tunknown\t\t\t\n", i,
                                 50000 + i));
        else
            check(egw_buf_printf(&buf, "K%u\tError%cSymbol%u\t\tsymbol\t\tnone\tunknown\t\t\t\n", i,
                                 'A' + (int)(i % 26), i));
    }
    file.content = egw_buf_str(&buf);
    check(egw_catalogue_new(&file, 1, &catalogue, &faults));
    egw_buf_free(&buf);
    return catalogue;
}

/* Words, and in every text one code that both catalogues know. */
static void fill(char *text)
{
    static const char *const words[] = {"user ",  "cannot ", "sign ",   "in ",    "mailbox ",
                                        "since ", "error ",  "please ", "check ", "2026-01-05 "};
    size_t n = 0;

    n += (size_t)snprintf(text, TEXT_BYTES, "code 0x%08X ", 0x80040000u + 2 * next_number(4) * 13);
    while (n + 16 < TEXT_BYTES) {
        const char *word = words[next_number(EGW_COUNT(words))];

        memcpy(text + n, word, strlen(word));
        n += strlen(word);
    }
    text[n] = '\0';
}

static double best_ns_a_text(const struct egw_catalogue *catalogue, char (*texts)[TEXT_BYTES])
{
    int64_t best = INT64_MAX;

    for (int round = 0; round < ROUNDS; round++) {
        int64_t start = now_ns(), took;
        size_t found = 0;

        for (size_t i = 0; i < TEXTS; i++)
            found +=
                egw_catalogue_match(catalogue, EGW_STR_NONE, egw_str_of(texts[i]), EGW_STR_NONE)
                    .issue != NULL;
        took = now_ns() - start;
        if (found != TEXTS)
            exit(1);
        if (took < best)
            best = took;
    }
    return (double)best / TEXTS;
}

int main(void)
{
    static char texts[TEXTS][TEXT_BYTES];
    struct egw_catalogue *few = make(100), *many = make(10000);
    double few_ns, many_ns;

    for (size_t i = 0; i < TEXTS; i++)
        fill(texts[i]);
    few_ns = best_ns_a_text(few, texts);
    many_ns = best_ns_a_text(many, texts);
    (void)fprintf(stderr, "a text of %d bytes: 100 signatures %.0f ns, 10000 signatures %.0f ns\n",
                  TEXT_BYTES, few_ns, many_ns);
    printf("bench match_10000_vs_100 %.2f goal <= 1.5\n", many_ns / few_ns);
    egw_catalogue_free(few);
    egw_catalogue_free(many);
    return 0;
}

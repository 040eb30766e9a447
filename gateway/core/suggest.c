#include "egw/suggest.h"

/* A word over WORD_MAX bytes counts as infinitely far from all others. */
enum { WORD_MAX = 63, FAR = 1000 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap of neighbours) that turn a into b. */
static int edits_between(struct egw_str a, struct egw_str b)
{
    int rows[3][WORD_MAX + 1]; /* the last three rows of the usual table, used in turn */

    if (a.n > WORD_MAX || b.n > WORD_MAX)
        return FAR;
    for (size_t j = 0; j <= b.n; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= a.n; i++) {
        int *now = rows[i % 3];
        const int *above = rows[(i + 2) % 3];
        const int *two_above = rows[(i + 1) % 3];

        now[0] = (int)i;
        for (size_t j = 1; j <= b.n; j++) {
            int replaced = above[j - 1] + (a.p[i - 1] != b.p[j - 1]);

            now[j] = least(replaced, least(above[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                now[j] = least(now[j], two_above[j - 2] + 1);
        }
    }
    return rows[a.n % 3][b.n];
}

void egw_suggest_begin(struct egw_suggestion *suggestion, struct egw_str word)
{
    int allowed = (int)(word.n / 3);

    if (allowed < 1)
        allowed = 1;
    *suggestion = (struct egw_suggestion){.word = word, .edits = allowed + 1};
}

void egw_suggest_offer(struct egw_suggestion *suggestion, const char *candidate, const char *answer)
{
    int edits = edits_between(suggestion->word, egw_str_of(candidate));

    if (edits >= suggestion->edits)
        return;
    suggestion->edits = edits;
    suggestion->best = answer;
}

/*
 * policy_words - what every part of the policy is made of: growing lists, words without case
 */
#include "policy_model.h"

/* ---- sets of words ---- */

/* Reads the first and last eight bytes only: the words are the policy's, and few. Bit 5 is dropped
 * everywhere, which folds the case of letters (and merges some signs, which costs a comparison). */
static size_t word_hash(struct egw_str s)
{
    uint64_t a = 0, b = 0;

    if (s.n >= 8) {
        memcpy(&a, s.p, 8);
        memcpy(&b, s.p + s.n - 8, 8);
    } else if (s.n >= 4) {
        memcpy(&a, s.p, 4);
        memcpy(&b, s.p + s.n - 4, 4);
    } else {
        for (size_t i = 0; i < s.n; i++)
            a = a << 8 | (unsigned char)s.p[i];
    }
    a |= UINT64_C(0x2020202020202020);
    b |= UINT64_C(0x2020202020202020);
    a = (a ^ (b * UINT64_C(0x9E3779B97F4A7C15)) ^ s.n) * UINT64_C(0xD6E8FEB86659FD93);
    return (size_t)(a ^ a >> 32);
}

int egw_wordset_find(const struct egw_wordset *set, struct egw_str word)
{
    if (!set->n)
        return -1;
    for (size_t i = word_hash(word) & set->mask; set->slots[i]; i = (i + 1) & set->mask) {
        size_t at = set->slots[i] - 1u;

        if (egw_str_same(set->words[at], word))
            return set->numbers[at];
    }
    return -1;
}

bool egw_wordset_make(struct egw_wordset *set, struct egw_arena *arena, struct egw_str *words,
                      uint16_t *numbers, size_t n)
{
    size_t slots = 8;

    while (slots < 2 * n)
        slots *= 2;
    *set = (struct egw_wordset){.words = words, .numbers = numbers, .n = n, .mask = slots - 1};
    set->slots = egw_arena_alloc(arena, slots * sizeof(*set->slots));
    if (!set->slots)
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t at = word_hash(words[i]) & set->mask;

        while (set->slots[at])
            at = (at + 1) & set->mask;
        set->slots[at] = (uint16_t)(i + 1);
    }
    return true;
}

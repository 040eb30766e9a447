/* What the outside may see: counters, gauges, lag. Nothing here changes what the loop does. */
#include "internal.h"

static int64_t older(int64_t a, int64_t b) /* of two times, 0 being none */
{
    if (!a || !b)
        return a ? a : b;
    return a < b ? a : b;
}

static bool is_ours(const struct part *part)
{
    return part->phase != PART_UNUSED && part->phase != PART_PARKED;
}

static void look_at_part(const struct egw_runtime *rt, const struct part *part,
                         struct egw_runtime_stats *ret)
{
    ret->state_entries += part->base.used;
    ret->state_bytes += part->base.bytes;
    if (!is_ours(part))
        return;
    ret->partitions_waiting += part->phase == PART_RUNNING && waits(rt, part);
    for (size_t i = 0; i < rt->conf.input_count; i++) {
        if (part->head_ms[i] > 0)
            ret->oldest_undecided_ms = older(ret->oldest_undecided_ms, part->head_ms[i]);
    }
}

void egw_runtime_stats(const struct egw_runtime *rt, struct egw_runtime_stats *ret)
{
    *ret = rt->stats;
    ret->assigned = rt->assigned;
    ret->stopping = rt->stop != EGW_STOP_NO;
    ret->oldest_undecided_ms = older(rt->batches[0].oldest_ms, rt->batches[1].oldest_ms);
    for (int32_t p = 0; p < rt->conf.partition_count; p++)
        look_at_part(rt, &rt->parts[p], ret);
}

const uint64_t *egw_runtime_tallies(const struct egw_runtime *rt)
{
    return rt->tallies;
}

/* Before the first record came, only the look-up at take-over knew an end. */
static int64_t end_of(const struct egw_runtime *rt, const struct part *part, size_t input)
{
    int64_t heard =
        rt->log.ops->end ? rt->log.ops->end(rt->log.self, input, part->id) : (int64_t)-1;

    return heard >= 0 ? heard : part->found.high[input];
}

size_t egw_runtime_lags(const struct egw_runtime *rt, struct egw_runtime_lag *ret, size_t max)
{
    size_t n = 0;

    for (int32_t p = 0; p < rt->conf.partition_count; p++) {
        const struct part *part = &rt->parts[p];

        if (!is_ours(part) || !part->has_position)
            continue;
        for (size_t i = 0; i < rt->conf.input_count && n < max; i++) {
            int64_t behind = end_of(rt, part, i) - part->committed.inputs[i].next;

            ret[n++] = (struct egw_runtime_lag){i, p, behind > 0 ? behind : 0};
        }
    }
    return n;
}

/* ---- the survey ---- */

static void survey_part(struct egw_runtime *rt, const struct part *part, size_t *left)
{
    struct survey *survey = &rt->survey;
    struct egw_table_item item;

    if (survey->mask != part->base.mask) { /* it grew: places have moved */
        survey->mask = part->base.mask;
        survey->at = survey->part_stuck = 0;
        survey->part_oldest_ms = 0;
    }
    while (*left && egw_table_next(&part->base, &survey->at, &item)) {
        struct egw_waits waits = {0};

        (*left)--;
        if (egw_str_is(item.key, EGW_POSITION_KEY) ||
            rt->processor->waits(rt->processor->self, item.key, item.value, &waits, NULL) ||
            !waits.has_since)
            continue;
        survey->part_stuck++;
        survey->part_oldest_ms = older(survey->part_oldest_ms, waits.since_ms);
    }
}

static void next_part(struct survey *survey)
{
    survey->stuck += survey->part_stuck;
    survey->oldest_ms = older(survey->oldest_ms, survey->part_oldest_ms);
    survey->partition++;
    survey->at = survey->mask = survey->part_stuck = 0;
    survey->part_oldest_ms = 0;
}

void egw_runtime_survey(struct egw_runtime *rt, size_t entries)
{
    struct survey *survey = &rt->survey;
    size_t left = entries;

    while (left && survey->partition < rt->conf.partition_count) {
        const struct part *part = &rt->parts[survey->partition];

        if (part->phase == PART_RUNNING)
            survey_part(rt, part, &left);
        if (left)
            next_part(survey);
    }
    if (survey->partition < rt->conf.partition_count)
        return;
    rt->stats.entries_stuck = survey->stuck;
    rt->stats.oldest_stuck_ms = survey->oldest_ms;
    rt->stats.surveys++;
    *survey = (struct survey){0};
}

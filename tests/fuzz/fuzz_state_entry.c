/*
 * fuzz_state_entry - any bytes as an entry of the state topic, where a worker takes over
 *
 * The first byte says what the rest stands for: a case, a shared problem, a position. An entry is
 * refused as restore refuses it, or every step on it comes to an end: events, a timer, a fact. What
 * a step stores can be read again.
 */
#include "../../gateway/runtime/internal.h"

#include <stdlib.h>

#include "desk.h"
#include "egw/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NOW   INT64_C(1767601800000)
#define KEY   "litware/adatum"
#define FACTS "{\"as_of\":\"2026-01-05T06:00:00Z\",\"source\":\"t\",\"body\":{"
#define EVENT(id, type)                                                                            \
    "{\"event_id\":\"" id "\",\"event_type\":\"" type "\",\"partner\":\"litware\",\"customer\":"   \
    "\"adatum\",\"case_id\":\"C\",\"occurred_at\":\"2026-01-05T08:20:00Z\",\"domain\":"            \
    "\"billing\","                                                                                 \
    "\"ask\":\"issue\",\"service\":\"Office "                                                      \
    "365\",\"problem\":\"P\",\"severity\":\"C\",\"title\":\"t\",\"text\":"                         \
    "\"charged twice\",\"diagnosis\":[{\"kind\":\"check\","                                        \
    "\"step\":\"s\",\"result\":\"r\"}]}"

static const char *const events[] = {
    EVENT("e1", "opened"),   EVENT("e2", "updated"), EVENT("e3", "closed"),
    EVENT("e4", "reopened"), EVENT("e5", "attempt"),
};

static struct desk *desk;
static struct egw_runtime *rt;
static struct part *part;
static struct desk_record steps[EGW_COUNT(events)];

static void must(bool fine)
{
    if (!fine)
        abort();
}

/* A worker that runs, and the events as they stand in the log. */
static void open_desk(void)
{
    const struct desk_topic_log *log;
    int32_t p = egw_partition_of(EGW_STR(KEY), DESK_PARTITIONS);

    desk = desk_new(NOW);
    desk_fact(desk,
              FACTS "\"partner\":{\"partner\":\"litware\",\"kind\":\"indirect-provider\","
                    "\"csp\":true,\"contact_name\":\"O\",\"contact_email\":\"o@l.example\"}}}");
    desk_fact(desk, FACTS "\"relation\":{\"partner\":\"litware\",\"customer\":\"adatum\","
                          "\"tenant\":\"t\"}}}");
    desk_fact(desk, FACTS "\"contract\":{\"partner\":\"litware\",\"plan\":\"advanced\","
                          "\"ends_at\":\"2026-06-30T00:00:00Z\"}}}");
    for (size_t i = 0; i < EGW_COUNT(events); i++)
        desk_event(desk, events[i]);
    desk_run(desk);
    log = &desk->topics[DESK_EVENTS];
    must(log->n == EGW_COUNT(events));
    memcpy(steps, log->records, sizeof(steps));
    rt = desk_runtime(desk);
    part = &rt->parts[p];
    must(part->phase == PART_RUNNING);
    must(egw_table_get(&part->base, EGW_STR(KEY "/C"), &(struct egw_str){0}));
    must(egw_table_get(&part->base, EGW_STR(KEY "#P"), &(struct egw_str){0}));
}

/* What the step leaves is an entry as good as any. */
static void read_stored(void)
{
    struct egw_table_item item;
    size_t at = 0;

    while (egw_table_next(&part->overlay[rt->deciding], &at, &item)) {
        struct egw_waits waits = {0};

        if (item.value.p)
            must(!rt->processor->waits(rt->processor->self, item.key, item.value, &waits, NULL));
    }
}

static void step(const struct egw_input *input)
{
    struct egw_error error;
    enum egw_status st = run_step(rt, part, input, &error);

    must(st == EGW_OK || st == EGW_INVALID || st == EGW_RETRY);
    must(st == EGW_OK || error.text[0]);
    if (!st)
        read_stored();
}

static void step_on(struct egw_str key, const struct egw_waits *waits)
{
    struct egw_input input = {.kind = EGW_INPUT_TIMER, .key = key, .due_ms = NOW};
    struct egw_str fact = waits->fact_count ? waits->facts[0] : EGW_STR("partner/litware");

    step(&input);
    drop_batches(rt);
    input = (struct egw_input){.kind = EGW_INPUT_FACT, .key = key, .fact = fact, .offset = 1};
    step(&input);
    drop_batches(rt);
    for (size_t i = 0; i < EGW_COUNT(steps); i++) { /* each on top of the one before */
        input = (struct egw_input){.kind = EGW_INPUT_RECORD,
                                   .record = {.topic = DESK_EVENTS,
                                              .partition = part->id,
                                              .offset = 100 + (int64_t)i,
                                              .timestamp_ms = NOW,
                                              .key = steps[i].key,
                                              .value = steps[i].value}};
        step(&input);
    }
    drop_batches(rt);
}

static void take_over(struct egw_str key, struct egw_str value)
{
    struct egw_waits waits = {0};
    struct egw_str was = EGW_STR_NONE;
    struct egw_error error = {.text = ""};
    char *kept = NULL;
    enum egw_status st = rt->processor->waits(rt->processor->self, key, value, &waits, &error);

    must(st == EGW_OK || (st == EGW_INVALID && error.text[0]));
    if (st)
        return;
    if (egw_table_get(&part->base, key, &was)) {
        kept = malloc(was.n ? was.n : 1);
        must(kept);
        memcpy(kept, was.p, was.n);
        was.p = kept;
    }
    must(!egw_table_put(&part->base, key, value));
    step_on(key, &waits);
    if (kept)
        must(!egw_table_put(&part->base, key, was));
    else
        (void)egw_table_remove(&part->base, key);
    free(kept);
}

/* As the end of a restore finds it: the partition goes on, or it is halted. */
static void take_position(struct egw_str value)
{
    struct part *other = &rt->parts[(part->id + 1) % DESK_PARTITIONS];
    struct place was;

    place_copy(&was, &other->committed);
    must(!egw_table_put(&other->base, EGW_STR(EGW_POSITION_KEY), value));
    other->phase = PART_RESTORING;
    other->looked_again = true;
    other->state_end = 0;
    restore_end(rt, other->id, 1);
    must(other->phase == PART_CATCHING || other->phase == PART_HALTED);
    catch_up(rt);
    part_disarm(other);
    other->phase = PART_RUNNING;
    place_copy(&other->now, &was);
    place_copy(&other->committed, &was);
    must(!rt->ended);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct egw_str value = {(const char *)data + 1, n - 1};

    if (!desk)
        open_desk();
    if (!n)
        return 0;
    switch (data[0] % 3) {
    case 0:
        take_over(EGW_STR(KEY "/C"), value);
        break;
    case 1:
        take_over(EGW_STR(KEY "#P"), value);
        break;
    default:
        take_position(value);
        break;
    }
    return 0;
}

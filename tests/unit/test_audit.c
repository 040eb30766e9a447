#include "egw/audit.h"

#include <stdio.h>
#include <stdlib.h>

#include "egw/chain.h"
#include "support.h"

/*
 * A small world: one partition with two inputs, and the outcomes a triage wrote about them. The
 * value of an outcome is its struct's own bytes, so that a flipped byte is read as an outcome, too.
 */
enum { RECORDS = 40, FOUND_MAX = 64, PARTITION = 3, HOLE = 7 };

struct wire {
    int64_t seq;
    unsigned char prev[EGW_SHA256];
    int64_t offset, prev_offset;
    int32_t kind, input, partition;
    char chain[20];
    unsigned char digest[EGW_SHA256];
    char filler[16];
};

struct line {
    int64_t at;
    size_t headers;
    bool unreadable;
    struct wire wire;
};

struct world {
    struct egw_audit_partition partition;
    struct egw_position position;
    struct {
        int64_t offset;
        struct egw_sha256 digest;
    } inputs[2][RECORDS];
    size_t input_count[2];
    int64_t retained[2];
    struct line lines[RECORDS * 2];
    size_t line_count;
    struct egw_finding found[FOUND_MAX];
    size_t found_count;
    struct egw_audit_summary summary;
};

static const char *const input_names[] = {"support.events", "support.inbox"};

static void relink(struct world *world, size_t from)
{
    struct egw_sha256 head = {{0}}, leaf;

    for (size_t i = 0; i < world->line_count; i++) {
        struct wire *wire = &world->lines[i].wire;

        if (i >= from)
            memcpy(wire->prev, head.b, EGW_SHA256);
        egw_chain_leaf(EGW_STR("litware/fabrikam"),
                       (struct egw_str){(const char *)wire, sizeof(*wire)}, &leaf);
        egw_chain_head(wire->prev, &leaf, &head);
    }
    memcpy(world->position.chain_head, head.b, EGW_SHA256);
    world->position.chain_seq = (int64_t)world->line_count;
}

/* Every input answered once, in order; one record in four stands in the inbox. Offsets have holes,
 * as commit markers leave them. */
static struct world *clean_world(void)
{
    struct world *world = calloc(1, sizeof(*world));
    int64_t next[2] = {0, 0}, last[2] = {-1, -1};

    assert_non_null(world);
    for (size_t i = 0; i < RECORDS; i++) {
        int in = i % 4 == 3;
        struct line *line = &world->lines[world->line_count];
        size_t k = world->input_count[in]++;

        if (i % HOLE == HOLE - 1)
            next[in]++;
        world->inputs[in][k].offset = next[in];
        egw_sha256(&i, sizeof(i), &world->inputs[in][k].digest);
        line->at = (int64_t)(i + i / HOLE);
        line->wire = (struct wire){.seq = (int64_t)world->line_count++,
                                   .kind = EGW_TRIGGER_KIND_EVENT,
                                   .input = in,
                                   .partition = PARTITION,
                                   .offset = next[in],
                                   .prev_offset = last[in],
                                   .chain = "triage/3"};
        memcpy(line->wire.digest, world->inputs[in][k].digest.b, EGW_SHA256);
        last[in] = next[in]++;
    }
    world->partition.partition = PARTITION;
    for (int in = 0; in < 2; in++) {
        world->partition.inputs[in].consumed = next[in];
        world->partition.inputs[in].high = next[in];
    }
    relink(world, 0);
    return world;
}

static void keep_finding(void *user, const struct egw_finding *finding)
{
    struct world *world = user;

    if (world->found_count < FOUND_MAX)
        world->found[world->found_count++] = *finding;
}

static void feed_outcome(struct egw_audit *audit, const struct line *line)
{
    const struct wire *wire = &line->wire;
    unsigned char digest[EGW_SHA256];
    struct egw_outcome outcome = {
        .chain = {wire->chain, strnlen(wire->chain, sizeof(wire->chain))},
        .seq = wire->seq,
        .trigger = {.kind = wire->kind,
                    .topic = egw_str_of(wire->input == 0   ? input_names[0]
                                        : wire->input == 1 ? input_names[1]
                                                           : "support.escalations.advanced"),
                    .partition = wire->partition,
                    .offset = wire->offset,
                    .prev_offset = wire->prev_offset,
                    .digest = digest},
    };
    struct egw_audit_record record = {
        .offset = line->at,
        .headers = line->headers,
        .key = EGW_STR("litware/fabrikam"),
        .value = {(const char *)wire, sizeof(*wire)},
        .outcome = line->unreadable ? NULL : &outcome,
        .why = "no frame",
    };

    memcpy(outcome.prev, wire->prev, EGW_SHA256);
    memcpy(digest, wire->digest, EGW_SHA256);
    assert_int_equal(egw_audit_outcome(audit, &record, NULL), EGW_OK);
}

static void run(struct world *world)
{
    struct egw_audit_conf conf = {
        .processor = "triage",
        .outcomes = "support.outcomes",
        .input_names = input_names,
        .input_count = 2,
        .finding = keep_finding,
        .user = world,
    };
    struct egw_audit *audit = NULL;

    world->found_count = 0;
    world->partition.position = &world->position;
    assert_int_equal(egw_audit_new(&conf, &audit), EGW_OK);
    assert_int_equal(egw_audit_open(audit, &world->partition, NULL), EGW_OK);
    for (int in = 0; in < 2; in++) {
        for (size_t k = 0; k < world->input_count[in]; k++)
            assert_int_equal(egw_audit_input(audit, in, world->inputs[in][k].offset,
                                             &world->inputs[in][k].digest, NULL),
                             EGW_OK);
        egw_audit_retained(audit, in, world->retained[in]);
    }
    for (size_t i = 0; i < world->line_count; i++)
        feed_outcome(audit, &world->lines[i]);
    egw_audit_close(audit);
    world->summary = *egw_audit_summary(audit);
    egw_audit_free(audit);
    assert_int_equal(world->summary.found, world->found_count);
}

static void remove_lines(struct world *world, size_t from, size_t n)
{
    memmove(world->lines + from, world->lines + from + n,
            (world->line_count - from - n) * sizeof(world->lines[0]));
    world->line_count -= n;
}

static void insert_line(struct world *world, size_t at, const struct line *line)
{
    struct line copy = *line; /* it may stand in the array that moves */

    memmove(world->lines + at + 1, world->lines + at,
            (world->line_count - at) * sizeof(world->lines[0]));
    world->lines[at] = copy;
    world->line_count++;
}

static const struct egw_finding *finding_of(const struct world *world, enum egw_finding_kind kind)
{
    for (size_t i = 0; i < world->found_count; i++)
        if (world->found[i].kind == kind)
            return &world->found[i];
    return NULL;
}

static void assert_only(const struct world *world, const enum egw_finding_kind *kinds, size_t n)
{
    for (size_t i = 0; i < world->found_count; i++) {
        bool expected = false;

        for (size_t k = 0; k < n; k++)
            expected = expected || world->found[i].kind == kinds[k];
        if (!expected)
            fail_msg("unexpected finding: %s", world->found[i].text);
    }
    for (size_t k = 0; k < n; k++)
        if (!finding_of(world, kinds[k]))
            fail_msg("no finding of kind %s", egw_finding_names[kinds[k]]);
}

#define ASSERT_ONLY(world, ...)                                                                    \
    assert_only((world), (const enum egw_finding_kind[]){__VA_ARGS__},                             \
                EGW_COUNT(((const enum egw_finding_kind[]){__VA_ARGS__})))

static void test_a_clean_log_has_no_findings(void **state)
{
    struct world *world = clean_world();

    (void)state;
    run(world);
    assert_int_equal(world->found_count, 0);
    assert_int_equal(world->summary.inputs, RECORDS);
    assert_int_equal(world->summary.outcomes, RECORDS);
    assert_int_equal(world->summary.answered, RECORDS);
    assert_int_equal(world->summary.by_link, 0);
    assert_int_equal(world->summary.chains, 1);
    free(world);
}

static void test_one_deleted_outcome_is_a_gap_and_an_unanswered_input(void **state)
{
    struct world *world = clean_world();

    (void)state;
    remove_lines(world, 10, 1);
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_GAP, EGW_FINDING_UNANSWERED);
    assert_int_equal(world->found_count, 2);
    assert_string_equal(world->found[0].text, "triage/3: outcome 10 is missing");
    assert_int_equal(world->found[0].seq, 10);
    assert_int_equal(world->found[1].offset, 9);
    assert_string_equal(world->found[1].text, "support.events/3/9 has no outcome");
    free(world);
}

static void test_a_deleted_middle_range_is_one_gap(void **state)
{
    struct world *world = clean_world();
    const struct egw_finding *gap;

    (void)state;
    remove_lines(world, 12, 9);
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_GAP, EGW_FINDING_UNANSWERED);
    gap = finding_of(world, EGW_FINDING_GAP);
    assert_int_equal(gap->seq, 12);
    assert_int_equal(gap->last_seq, 20);
    assert_string_equal(gap->text, "triage/3: outcomes 12 to 20 are missing");
    assert_int_equal(world->summary.findings[EGW_FINDING_GAP], 1);
    assert_int_equal(world->summary.findings[EGW_FINDING_UNANSWERED], 2); /* events and inbox */
    free(world);
}

static void test_the_first_outcome_deleted_is_a_gap_at_zero(void **state)
{
    struct world *world = clean_world();

    (void)state;
    remove_lines(world, 0, 1);
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_GAP, EGW_FINDING_UNANSWERED);
    assert_int_equal(finding_of(world, EGW_FINDING_GAP)->seq, 0);
    free(world);
}

static void test_a_duplicated_outcome_is_named_where_it_stands_again(void **state)
{
    struct world *world = clean_world();

    (void)state;
    insert_line(world, 21, &world->lines[20]);
    world->lines[21].at = 1000;
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_REPEATED);
    assert_int_equal(world->found_count, 1);
    assert_int_equal(world->found[0].seq, 20);
    assert_int_equal(world->found[0].record, 1000);
    free(world);
}

static void test_a_duplicate_far_from_its_origin_is_named(void **state)
{
    struct world *world = clean_world();

    (void)state;
    insert_line(world, 30, &world->lines[5]);
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_REPEATED);
    assert_int_equal(world->found[0].seq, 5);
    free(world);
}

static void test_swapped_neighbours_are_one_finding(void **state)
{
    struct world *world = clean_world();
    struct line first = world->lines[14];

    (void)state;
    world->lines[14] = world->lines[15];
    world->lines[15] = first;
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_ORDER);
    assert_int_equal(world->found_count, 1);
    assert_int_equal(world->found[0].seq, 14);
    free(world);
}

static void test_an_altered_outcome_out_of_order_is_still_found(void **state)
{
    struct world *world = clean_world();
    struct line first = world->lines[14];

    (void)state;
    first.wire.filler[0] ^= 1;
    world->lines[14] = world->lines[15];
    world->lines[15] = first;
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_ORDER, EGW_FINDING_LINK);
    assert_int_equal(finding_of(world, EGW_FINDING_LINK)->seq, 14);
    free(world);
}

static void test_a_flipped_byte_is_found_at_its_outcome(void **state)
{
    (void)state;
    for (size_t i = 0; i < RECORDS - 1; i++) {
        struct world *world = clean_world();

        world->lines[i].wire.filler[3] ^= 0x20;
        run(world);
        ASSERT_ONLY(world, EGW_FINDING_LINK);
        assert_int_equal(world->found_count, 1);
        assert_int_equal(world->found[0].seq, (int64_t)i);
        assert_int_equal(world->found[0].record, world->lines[i].at);
        free(world);
    }
}

static void test_a_flipped_byte_in_the_last_outcome_is_found_by_the_position(void **state)
{
    struct world *world = clean_world();

    (void)state;
    world->lines[RECORDS - 1].wire.filler[3] ^= 0x20;
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_TAIL);
    assert_int_equal(world->found[0].seq, RECORDS - 1);
    assert_string_equal(world->found[0].text,
                        "triage/3: the last outcome, 39, is not the one that was committed");
    free(world);
}

static void test_no_flipped_byte_anywhere_goes_unseen(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof(struct wire); at++) {
        struct world *world = clean_world();

        ((unsigned char *)&world->lines[17].wire)[at] ^= 0x40;
        run(world);
        if (world->found_count == 0)
            fail_msg("byte %zu of an outcome changed unseen", at);
        free(world);
    }
}

static void test_a_changed_input_offset_is_found(void **state)
{
    struct world *world = clean_world();

    (void)state;
    world->lines[16].wire.offset++; /* the input of outcome 17 */
    run(world);
    assert_non_null(finding_of(world, EGW_FINDING_LINK));
    assert_int_equal(finding_of(world, EGW_FINDING_LINK)->seq, 16);
    assert_non_null(finding_of(world, EGW_FINDING_TWICE));
    assert_non_null(finding_of(world, EGW_FINDING_UNANSWERED));
    free(world);
}

static void test_a_changed_input_offset_is_found_even_when_the_chain_is_written_anew(void **state)
{
    struct world *world = clean_world();
    int64_t was = world->lines[16].wire.offset;

    (void)state;
    world->lines[16].wire.offset++;
    relink(world, 0);
    run(world);
    assert_null(finding_of(world, EGW_FINDING_LINK));
    assert_non_null(finding_of(world, EGW_FINDING_DIGEST));
    assert_int_equal(finding_of(world, EGW_FINDING_UNANSWERED)->offset, was);
    free(world);
}

static void test_a_forged_insert_is_named_by_its_number(void **state)
{
    struct world *world = clean_world();
    struct line forged = world->lines[20];

    (void)state;
    forged.wire.kind = EGW_TRIGGER_KIND_TIMER;
    forged.at = 500;
    insert_line(world, 20, &forged); /* links to outcome 19 as it should */
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_FORK);
    assert_int_equal(world->found_count, 1);
    assert_int_equal(world->found[0].seq, 20);
    free(world);
}

static void test_a_forged_outcome_that_answers_nothing_there_is_found(void **state)
{
    struct world *world = clean_world();
    struct line forged = world->lines[RECORDS - 1];

    (void)state;
    forged.wire.seq++;
    forged.wire.offset += 100;
    insert_line(world, RECORDS, &forged);
    relink(world, 0);
    run(world);
    assert_non_null(finding_of(world, EGW_FINDING_NO_INPUT));
    assert_int_equal(finding_of(world, EGW_FINDING_NO_INPUT)->seq, RECORDS);
    free(world);
}

static void test_an_input_of_no_chain_of_ours_is_found(void **state)
{
    struct world *world = clean_world();

    (void)state;
    world->lines[8].wire.input = 2;
    relink(world, 0);
    run(world);
    assert_non_null(finding_of(world, EGW_FINDING_NO_INPUT));
    assert_string_equal(finding_of(world, EGW_FINDING_NO_INPUT)->text,
                        "triage/3: outcome 8 names support.escalations.advanced/3/7, which is no "
                        "input of this chain");
    free(world);
}

static void test_a_hole_between_offsets_is_no_input(void **state)
{
    struct world *world = clean_world();

    (void)state;
    /* the offset before the first record after a hole */
    world->lines[HOLE - 1].wire.offset--;
    relink(world, 0);
    run(world);
    assert_non_null(finding_of(world, EGW_FINDING_NO_INPUT));
    free(world);
}

static void test_a_cut_tail_shows_as_inputs_without_outcome(void **state)
{
    struct world *world = clean_world();
    const struct egw_finding *tail;

    (void)state;
    remove_lines(world, RECORDS - 4, 4);
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_TAIL, EGW_FINDING_UNANSWERED);
    tail = finding_of(world, EGW_FINDING_TAIL);
    assert_int_equal(tail->seq, RECORDS - 4);
    assert_int_equal(tail->last_seq, RECORDS - 1);
    free(world);
}

static void test_a_log_emptied_whole_is_found(void **state)
{
    struct world *world = clean_world();

    (void)state;
    world->line_count = 0;
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_TAIL, EGW_FINDING_UNANSWERED);
    free(world);
}

static void test_a_header_is_a_finding(void **state)
{
    struct world *world = clean_world();

    (void)state;
    world->lines[9].headers = 1;
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_HEADER);
    assert_int_equal(world->found[0].record, world->lines[9].at);
    assert_string_equal(world->found[0].text,
                        "support.outcomes/3/10 has a header, outcomes have none");
    free(world);
}

static void test_an_unreadable_record_is_named_with_its_reason(void **state)
{
    struct world *world = clean_world();

    (void)state;
    world->lines[9].unreadable = true;
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_UNREADABLE, EGW_FINDING_GAP, EGW_FINDING_UNANSWERED);
    assert_string_equal(finding_of(world, EGW_FINDING_UNREADABLE)->text,
                        "support.outcomes/3/10 is no outcome: no frame");
    free(world);
}

static void test_an_outcome_of_another_partition_is_misplaced(void **state)
{
    static const char *const names[] = {"triage/4", "triage", "/3", "", "triage/", "triage/x"};

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(names); i++) {
        struct world *world = clean_world();
        struct line line = world->lines[3];

        (void)snprintf(line.wire.chain, sizeof(line.wire.chain), "%s", names[i]);
        insert_line(world, 6, &line);
        run(world);
        ASSERT_ONLY(world, EGW_FINDING_MISPLACED);
        free(world);
    }
}

static void test_a_left_out_input_breaks_the_link_to_the_one_before(void **state)
{
    struct world *world = clean_world();

    (void)state;
    world->lines[24].wire.prev_offset--;
    relink(world, 0);
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_SKIPPED);
    assert_int_equal(world->found[0].seq, 24);
    free(world);
}

static void test_other_bytes_in_an_input_are_found(void **state)
{
    struct world *world = clean_world();

    (void)state;
    world->inputs[0][5].digest.b[0] ^= 1;
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_DIGEST);
    assert_int_equal(world->found[0].offset, world->inputs[0][5].offset);
    assert_int_equal(world->summary.answered, RECORDS - 1);
    free(world);
}

static void test_inputs_past_the_consumed_offset_need_no_outcome(void **state)
{
    struct world *world = clean_world();

    (void)state;
    remove_lines(world, RECORDS - 4, 4); /* three events and one of the inbox */
    relink(world, 0);
    world->partition.inputs[0].consumed = world->inputs[0][27].offset;
    world->partition.inputs[1].consumed = world->inputs[1][9].offset;
    run(world);
    assert_int_equal(world->found_count, 0);
    assert_int_equal(world->summary.waiting, 4);
    free(world);
}

static void test_inputs_that_retention_took_are_proved_by_link(void **state)
{
    struct world *world = clean_world();

    (void)state;
    world->retained[0] = world->inputs[0][10].offset;
    memset(&world->inputs[0][2].digest, 0xee, sizeof(world->inputs[0][2].digest)); /* long gone */
    run(world);
    assert_int_equal(world->found_count, 0);
    assert_int_equal(world->summary.by_link, 10);
    assert_int_equal(world->summary.answered, RECORDS - 10);
    free(world);
}

static void test_outcomes_that_retention_took_are_proved_by_link(void **state)
{
    struct world *world = clean_world();

    (void)state;
    remove_lines(world, 0, 12);
    world->partition.outcomes_low = world->lines[0].at;
    run(world);
    assert_int_equal(world->found_count, 0);
    assert_int_equal(world->summary.by_link, 12);
    assert_int_equal(world->summary.answered, RECORDS - 12);
    free(world);
}

static void test_another_processors_chain_is_checked_but_not_its_inputs(void **state)
{
    struct world *world = clean_world();
    struct line line = {.at = 700, .wire = {.chain = "dispatch/adv/3", .kind = 0, .input = 2}};

    (void)state;
    insert_line(world, 6, &line);
    line.wire.seq = 2; /* 1 is missing */
    insert_line(world, 9, &line);
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_GAP);
    assert_string_equal(world->found[0].text, "dispatch/adv/3: outcome 1 is missing");
    assert_int_equal(world->summary.elsewhere, 2);
    assert_int_equal(world->summary.answered, RECORDS);
    free(world);
}

static void test_timers_and_facts_need_no_input(void **state)
{
    struct world *world = clean_world();
    struct line timer = {.wire = {.chain = "triage/3", .kind = EGW_TRIGGER_KIND_TIMER}};

    (void)state;
    insert_line(world, RECORDS, &timer);
    world->lines[RECORDS].wire.seq = RECORDS;
    relink(world, 0);
    run(world);
    assert_int_equal(world->found_count, 0);
    assert_int_equal(world->summary.follow_ups, 1);
    free(world);
}

static void test_many_gaps_are_all_reported(void **state)
{
    struct world *world = clean_world();

    (void)state;
    for (size_t i = 19; i > 0; i--)
        remove_lines(world, 2 * i, 1);
    run(world);
    assert_int_equal(world->summary.findings[EGW_FINDING_GAP], 19);
    free(world);
}

static void test_memory_past_the_ceiling_is_no_verdict(void **state)
{
    struct egw_audit_conf conf = {.processor = "triage",
                                  .outcomes = "support.outcomes",
                                  .input_names = input_names,
                                  .input_count = 2,
                                  .max_bytes = 100000};
    struct egw_audit_partition partition = {.inputs = {{.high = 10000}, {.high = 1}}};
    struct egw_sha256 digest = {{0}};
    struct egw_audit *audit = NULL;
    struct egw_error err;

    (void)state;
    assert_int_equal(egw_audit_new(&conf, &audit), EGW_OK);
    assert_int_equal(egw_audit_open(audit, &partition, &err), EGW_OK);
    assert_int_equal(egw_audit_input(audit, 0, 0, &digest, &err), EGW_OK);
    assert_int_equal(egw_audit_input(audit, 0, 9000, &digest, &err), EGW_NOMEM);
    assert_string_equal(err.text, "support.events/0 holds more records than memory is allowed for");
    egw_audit_free(audit);
}

static void test_senseless_offsets_are_refused(void **state)
{
    struct egw_audit_conf conf = {.processor = "triage",
                                  .outcomes = "support.outcomes",
                                  .input_names = input_names,
                                  .input_count = 1};
    struct egw_audit_partition partition = {.inputs = {{.low = 5, .high = 4}}};
    struct egw_audit *audit = NULL;
    struct egw_error err;

    (void)state;
    assert_int_equal(egw_audit_new(&conf, &audit), EGW_OK);
    assert_int_equal(egw_audit_open(audit, &partition, &err), EGW_INVALID);
    assert_string_equal(err.text, "support.events/0: offsets 5 to 4, consumed 0 make no sense");
    egw_audit_free(audit);
}

static void test_an_outcome_out_of_order_is_checked_against_the_one_before(void **state)
{
    struct world *world = clean_world();
    struct line first = world->lines[14];

    (void)state;
    world->lines[13].wire.filler[0] ^= 1;
    world->lines[14] = world->lines[15];
    world->lines[15] = first;
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_ORDER, EGW_FINDING_LINK);
    assert_int_equal(finding_of(world, EGW_FINDING_LINK)->seq, 13);
    free(world);
}

static void test_a_first_outcome_that_links_back_is_found(void **state)
{
    struct world *world = clean_world();

    (void)state;
    memset(world->lines[0].wire.prev, 1, EGW_SHA256);
    relink(world, 1);
    run(world);
    ASSERT_ONLY(world, EGW_FINDING_LINK);
    assert_string_equal(world->found[0].text,
                        "triage/3: outcome 0 links to one before it, and none can be");
    free(world);
}

static void test_an_input_of_another_partition_is_no_input_of_the_chain(void **state)
{
    struct world *world = clean_world();

    (void)state;
    world->lines[8].wire.partition = PARTITION + 1;
    relink(world, 0);
    run(world);
    assert_non_null(finding_of(world, EGW_FINDING_NO_INPUT));
    assert_string_equal(
        finding_of(world, EGW_FINDING_NO_INPUT)->text,
        "triage/3: outcome 8 names support.events/4/7, which is no input of this chain");
    free(world);
}

static void test_inputs_after_the_end_that_was_fixed_are_left_out(void **state)
{
    struct world *world = clean_world();

    (void)state;
    world->inputs[0][world->input_count[0]].offset = world->partition.inputs[0].high + 1000000;
    world->input_count[0]++;
    run(world);
    assert_int_equal(world->found_count, 0);
    assert_int_equal(world->summary.inputs, RECORDS);
    free(world);
}

static void test_an_input_no_outcome_kept_names_was_consumed_before(void **state)
{
    struct world *world = clean_world();

    (void)state;
    world->partition.inputs[1].consumed = world->inputs[1][9].offset;
    world->line_count = RECORDS - 1; /* the last one answers the inbox */
    relink(world, 0);
    remove_lines(world, 0, RECORDS - 4); /* three are left, all of events */
    world->partition.outcomes_low = world->lines[0].at;
    run(world);
    assert_int_equal(world->found_count, 0);
    assert_int_equal(world->summary.by_link, RECORDS - 4);
    free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_clean_log_has_no_findings),
        cmocka_unit_test(test_one_deleted_outcome_is_a_gap_and_an_unanswered_input),
        cmocka_unit_test(test_a_deleted_middle_range_is_one_gap),
        cmocka_unit_test(test_the_first_outcome_deleted_is_a_gap_at_zero),
        cmocka_unit_test(test_a_duplicated_outcome_is_named_where_it_stands_again),
        cmocka_unit_test(test_a_duplicate_far_from_its_origin_is_named),
        cmocka_unit_test(test_swapped_neighbours_are_one_finding),
        cmocka_unit_test(test_an_altered_outcome_out_of_order_is_still_found),
        cmocka_unit_test(test_a_flipped_byte_is_found_at_its_outcome),
        cmocka_unit_test(test_a_flipped_byte_in_the_last_outcome_is_found_by_the_position),
        cmocka_unit_test(test_no_flipped_byte_anywhere_goes_unseen),
        cmocka_unit_test(test_a_changed_input_offset_is_found),
        cmocka_unit_test(test_a_changed_input_offset_is_found_even_when_the_chain_is_written_anew),
        cmocka_unit_test(test_a_forged_insert_is_named_by_its_number),
        cmocka_unit_test(test_a_forged_outcome_that_answers_nothing_there_is_found),
        cmocka_unit_test(test_an_input_of_no_chain_of_ours_is_found),
        cmocka_unit_test(test_a_hole_between_offsets_is_no_input),
        cmocka_unit_test(test_a_cut_tail_shows_as_inputs_without_outcome),
        cmocka_unit_test(test_a_log_emptied_whole_is_found),
        cmocka_unit_test(test_a_header_is_a_finding),
        cmocka_unit_test(test_an_unreadable_record_is_named_with_its_reason),
        cmocka_unit_test(test_an_outcome_of_another_partition_is_misplaced),
        cmocka_unit_test(test_a_left_out_input_breaks_the_link_to_the_one_before),
        cmocka_unit_test(test_other_bytes_in_an_input_are_found),
        cmocka_unit_test(test_inputs_past_the_consumed_offset_need_no_outcome),
        cmocka_unit_test(test_inputs_that_retention_took_are_proved_by_link),
        cmocka_unit_test(test_outcomes_that_retention_took_are_proved_by_link),
        cmocka_unit_test(test_another_processors_chain_is_checked_but_not_its_inputs),
        cmocka_unit_test(test_timers_and_facts_need_no_input),
        cmocka_unit_test(test_many_gaps_are_all_reported),
        cmocka_unit_test(test_an_outcome_out_of_order_is_checked_against_the_one_before),
        cmocka_unit_test(test_a_first_outcome_that_links_back_is_found),
        cmocka_unit_test(test_an_input_of_another_partition_is_no_input_of_the_chain),
        cmocka_unit_test(test_inputs_after_the_end_that_was_fixed_are_left_out),
        cmocka_unit_test(test_an_input_no_outcome_kept_names_was_consumed_before),
        cmocka_unit_test(test_memory_past_the_ceiling_is_no_verdict),
        cmocka_unit_test(test_senseless_offsets_are_refused),
    };

    return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}

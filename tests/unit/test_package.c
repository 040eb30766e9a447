#define _GNU_SOURCE /* memmem */
#include "egw/package.h"

#include <stdio.h>
#include <stdlib.h>

#include "support.h"

#define FRENCH                                                                                     \
    "Les messages sont retard\u00e9s depuis 8 h 10 : \u00ab\u00a0451 4.7.0\u00a0\u00bb, "          \
    "\u0153uvre, \u00c0 l'aide\u2026"
#define JAPANESE "\u30b5\u30a4\u30f3\u30a4\u30f3\u3067\u304d\u307e\u305b\u3093\u3002"
#define EMOJI    "\U0001f525\U0001f469\u200d\U0001f4bb e\u0301"

struct fixture {
    struct egw_arena arena;
    struct egw_buf out;
    struct egw_contact contact;
    struct egw_diagnosis steps[2];
    struct egw_escalation e;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    f->contact = (struct egw_contact){EGW_STR("Litware Ops"), EGW_STR("ops@litware.example"),
                                      EGW_STR("+1 206 555 0100")};
    f->steps[0] = (struct egw_diagnosis){.kind = EGW_STR("check"),
                                         .step = EGW_STR("ping"),
                                         .result = EGW_STR("no answer"),
                                         .at = {true, 1767600600000}};
    f->steps[1] = (struct egw_diagnosis){.kind = EGW_STR("attempt"),
                                         .step = EGW_STR("redeployed the VM"),
                                         .result = EGW_STR("still unreachable"),
                                         .by = EGW_STR("desk 2")};
    f->e = (struct egw_escalation){
        .command_id = {0xab, 0xcd},
        .channel = EGW_STR("advanced"),
        .channel_name = EGW_STR("Advanced Support for Partners"),
        .mode = EGW_STR("hand-off"),
        .partner = EGW_STR("litware"),
        .customer = EGW_STR("northwind"),
        .tenant = EGW_STR("7f0c0f6e-0000-4000-8000-000000000002"),
        .tenant_domain = EGW_STR("northwind.example"),
        .case_id = EGW_STR("CW-1004"),
        .cause = EGW_STR("support.events/7/12"),
        .rule = EGW_STR("azure.technical.csp-plan"),
        .because = EGW_STR("Advanced covers Azure"),
        .advice = EGW_STR("file it in the Azure portal"),
        .decided_at = 1767600600000,
        .service = EGW_STR("azure"),
        .service_name = EGW_STR("Azure"),
        .domain = EGW_STR("technical"),
        .topic = EGW_STR("quota"),
        .symptom = EGW_STR("unreachable"),
        .feature = EGW_STR("Virtual Machines"),
        .scope = EGW_STR("several"),
        .environment = EGW_STR("production"),
        .severity = EGW_STR("B"),
        .started_at = {true, 1767600600000},
        .title = EGW_STR("VM unreachable"),
        .text = EGW_STR("The VM does not answer"),
        .subscription = EGW_STR("sub-1"),
        .resource = EGW_STR("/subscriptions/sub-1/vm/web-1"),
        .diagnosis = {f->steps, 2},
        .contact = &f->contact,
        .health = EGW_STR("known 2026-01-05T08:00:00.000Z, no issue"),
        .portal = EGW_STR("https://portal.azure.com/t"),
    };
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    egw_arena_free(&f->arena);
    egw_buf_free(&f->out);
    free(f);
    return 0;
}

static bool holds(struct egw_str text, struct egw_str piece)
{
    return memmem(text.p, text.n, piece.p, piece.n) != NULL;
}

static void test_the_whole_package_reads_in_the_order_of_the_form(void **state)
{
    static const char expected[] =
        "Hand-off to Advanced Support for Partners: litware/northwind/CW-1004\n"
        "\nWhere to file\n"
        "  Link: https://portal.azure.com/t\n"
        "  How: file it in the Azure portal\n"
        "  Channel: Advanced Support for Partners\n"
        "  Because: Advanced covers Azure\n"
        "  Rule: azure.technical.csp-plan\n"
        "  Decided at: 2026-01-05T08:10:00.000Z\n"
        "\nCustomer\n"
        "  Customer: northwind\n"
        "  Tenant: 7f0c0f6e-0000-4000-8000-000000000002\n"
        "  Domain: northwind.example\n"
        "  On behalf of it, partner: litware\n"
        "\nService\n"
        "  Service: Azure\n"
        "  Matter: technical\n"
        "  Topic: quota\n"
        "  Symptom: unreachable\n"
        "  Feature: Virtual Machines\n"
        "  Hits: several\n"
        "  Environment: production\n"
        "  Subscription: sub-1\n"
        "  Resource: /subscriptions/sub-1/vm/web-1\n"
        "\nSeverity\n"
        "  Severity: B (moderate; Standard where the form has no such choice)\n"
        "  Since: 2026-01-05T08:10:00.000Z\n"
        "\nTitle\nVM unreachable\n"
        "\nDescription\nThe VM does not answer\n"
        "\nDiagnosis\n"
        "  - 2026-01-05T08:10:00.000Z check: ping -> no answer\n"
        "  - attempt: redeployed the VM -> still unreachable [desk 2]\n"
        "\nService health\n"
        "  known 2026-01-05T08:00:00.000Z, no issue\n"
        "\nContact at the partner\n"
        "  Name: Litware Ops\n"
        "  E-mail: ops@litware.example\n"
        "  Phone: +1 206 555 0100\n"
        "\nOur record\n"
        "  Command: abcd000000000000000000000000000000000000000000000000000000000000\n"
        "  Cause: support.events/7/12\n";
    struct fixture *f = *state;

    assert_int_equal(egw_package_text(&f->e, &f->out), EGW_OK);
    assert_int_equal(egw_buf_put(&f->out, "", 1), EGW_OK);
    assert_string_equal((const char *)f->out.p, expected);
}

/* The form's spelling stands beside ours; a word of another policy stands alone, as does an older
 * package's channel. */
static void test_severities_are_spelt_as_the_forms_spell_them(void **state)
{
    static const struct {
        struct egw_str word, line;
    } cases[] = {
        {EGW_STR("emergency"),
         EGW_STR("  Severity: emergency (severe impact; A where the form has no such choice)\n")},
        {EGW_STR("A"), EGW_STR("  Severity: A (critical)\n")},
        {EGW_STR("C"),
         EGW_STR("  Severity: C (minimal; Standard where the form has no such choice)\n")},
        {EGW_STR("S1"), EGW_STR("  Severity: S1\n")},
    };
    struct fixture *f = *state;

    f->e.channel_name = EGW_STR("");
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        f->e.severity = cases[i].word;
        egw_buf_clear(&f->out);
        assert_int_equal(egw_package_text(&f->e, &f->out), EGW_OK);
        assert_true(holds(egw_buf_str(&f->out), cases[i].line));
        assert_true(holds(egw_buf_str(&f->out), EGW_STR("Hand-off to advanced: ")));
    }
}

static void test_texts_of_any_language_are_byte_equal_S66(void **state)
{
    static const struct egw_str texts[] = {
        EGW_STR(FRENCH),
        EGW_STR(JAPANESE),
        EGW_STR(EMOJI),
        EGW_STR("\r\n  two  spaces\t\n\n" FRENCH "\n" JAPANESE EMOJI
                "\n\nContact at the partner\n"),
        EGW_STR("\xff\xfe not UTF-8 \x80"),
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < EGW_COUNT(texts); i++) {
        struct egw_str expected;

        f->e.title = f->e.text = texts[i];
        egw_buf_clear(&f->out);
        assert_int_equal(egw_package_text(&f->e, &f->out), EGW_OK);
        expected = egw_arena_printf(&f->arena, "\nTitle\n%s\n\nDescription\n%s\n\nDiagnosis\n",
                                    texts[i].p, texts[i].p);
        assert_true(holds(egw_buf_str(&f->out), expected));
    }
}

static void test_a_value_of_several_lines_cannot_pass_for_a_section(void **state)
{
    struct fixture *f = *state;

    f->e.impact = EGW_STR("none\n\nContact at the partner\n  Phone: 666\x1b[2J");
    assert_int_equal(egw_package_text(&f->e, &f->out), EGW_OK);
    assert_true(holds(egw_buf_str(&f->out),
                      EGW_STR("Business impact: none  Contact at the partner   Phone: 666 [2J\n")));
}

static void test_the_package_has_no_place_for_the_customers_person_S25(void **state)
{
    (void)state;
    for (size_t i = 0; i < egw_type_escalation.field_count; i++) {
        const char *name = egw_type_escalation.fields[i].name;

        assert_null(strstr(name, "requester"));
        assert_string_not_equal(name, "actor");
    }
}

static void test_the_contact_is_the_partners_S25(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(egw_package_text(&f->e, &f->out), EGW_OK);
    assert_true(
        holds(egw_buf_str(&f->out), EGW_STR("Contact at the partner\n  Name: Litware Ops\n")));
}

static void test_a_cut_text_names_the_digest_of_the_whole(void **state)
{
    struct fixture *f = *state;
    unsigned char digest[32] = {0x01, 0x02};

    f->e.text_whole = digest;
    assert_int_equal(egw_package_text(&f->e, &f->out), EGW_OK);
    assert_true(holds(egw_buf_str(&f->out), EGW_STR("Cut to fit; SHA-256 of the whole: 01020000")));
}

static void test_without_memory_nothing_is_appended(void **state)
{
    struct fixture *f = *state;

    for (size_t max = 1; max < 600; max += 37) {
        struct egw_buf out = {.max = max};

        assert_int_equal(egw_package_text(&f->e, &out), EGW_NOMEM);
        assert_int_equal(out.n, 0);
        egw_buf_free(&out);
    }
}

static void test_links_are_filled_and_encoded(void **state)
{
    static const struct {
        const char *link, *expected;
        enum egw_status st;
    } cases[] = {
        {"https://x.example/a", "https://x.example/a", EGW_OK},
        {"https://x.example/{tenant}/b", "https://x.example/t-1/b", EGW_OK},
        {"{tenant}{customer}", "t-1north%2Fwind%3Fa%3D%C3%A9%20%25", EGW_OK},
        {"https://x.example/", "https://x.example/", EGW_OK},
        {"", "", EGW_OK},
        {"https://x.example/{subscription}", "the link needs the subscription, which is unknown",
         EGW_NOT_FOUND},
        {"https://x.example/{password}", "the link names {password}, which no case has",
         EGW_INVALID},
        {"https://x.example/{}", "the link names {}, which no case has", EGW_INVALID},
        {"https://x.example/{tenant", "the link has an open brace", EGW_INVALID},
        {"{", "the link has an open brace", EGW_INVALID},
    };
    const struct egw_package_place place = {.tenant = EGW_STR("t-1"),
                                            .customer = EGW_STR("north/wind?a=\u00e9 %"),
                                            .subscription = EGW_STR("")};
    struct fixture *f = *state;

    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_str link = EGW_STR_NONE;
        struct egw_error err = {0};

        assert_int_equal(
            egw_package_portal(egw_str_of(cases[i].link), &place, &f->arena, &link, &err),
            cases[i].st);
        if (cases[i].st)
            assert_string_equal(err.text, cases[i].expected);
        else if (!egw_str_is(link, cases[i].expected))
            fail_msg("'%s' became '%.*s'", cases[i].link, EGW_FMT(link));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        CASE(test_the_whole_package_reads_in_the_order_of_the_form),
        CASE(test_severities_are_spelt_as_the_forms_spell_them),
        CASE(test_texts_of_any_language_are_byte_equal_S66),
        CASE(test_a_value_of_several_lines_cannot_pass_for_a_section),
        CASE(test_the_package_has_no_place_for_the_customers_person_S25),
        CASE(test_the_contact_is_the_partners_S25),
        CASE(test_a_cut_text_names_the_digest_of_the_whole),
        CASE(test_without_memory_nothing_is_appended),
        CASE(test_links_are_filled_and_encoded),
#undef CASE
    };

    return cmocka_run_group_tests_name("package", tests, NULL, NULL);
}

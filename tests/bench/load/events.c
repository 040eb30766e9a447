#include "events.h"

#include <stdio.h>

static uint64_t draw(struct bench_events *events)
{
    events->random = events->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return events->random >> 33;
}

static struct egw_str text(struct bench_events *events, const char *begins)
{
    static const char more[] = "The desk wrote this much more. ";
    size_t n = 152 + draw(events) % 201; /* with the other fields 428 bytes on average */
    size_t at = (size_t)snprintf(events->text, sizeof(events->text), "%s", begins);

    for (; at < n; at++)
        events->text[at] = more[at % (sizeof(more) - 1)];
    return (struct egw_str){events->text, at};
}

void bench_event(struct bench_events *events, struct egw_str *ret_key,
                 struct egw_support_event *ret)
{
    size_t number = draw(events) % events->cases;
    bool up = number * 2654435761u % 8 < 5;

    (void)snprintf(events->customer, sizeof(events->customer), "c%04zu",
                   number % events->customers);
    (void)snprintf(events->case_id, sizeof(events->case_id), "K%s-%zu", events->case_salt, number);
    (void)snprintf(events->event_id, sizeof(events->event_id), "e%s-%zu", events->salt,
                   events->number++);
    (void)snprintf(events->key, sizeof(events->key), "litware/%s", events->customer);
    *ret = (struct egw_support_event){.event_id = egw_str_of(events->event_id),
                                      .event_type = EGW_STR("opened"),
                                      .partner = EGW_STR("litware"),
                                      .customer = egw_str_of(events->customer),
                                      .case_id = egw_str_of(events->case_id),
                                      .occurred_at = 1767601000000,
                                      .ask = EGW_STR("issue"),
                                      .severity = EGW_STR("C"),
                                      .title = EGW_STR("A case of the bench"),
                                      .source_system = EGW_STR("psa")};
    if (up) {
        events->step = (struct egw_diagnosis){.kind = EGW_STR("check"),
                                              .step = EGW_STR("compared with the order"),
                                              .result = EGW_STR("one order")};
        ret->domain = EGW_STR("billing");
        ret->service = EGW_STR("Office 365");
        ret->text = text(events, "Charged twice for 40 seats. ");
        ret->diagnosis = (struct egw_list){&events->step, 1};
    } else {
        ret->domain = EGW_STR("technical");
        ret->service = EGW_STR("Entra ID");
        ret->text = text(events, "User sees AADSTS50057 at sign-in. ");
    }
    *ret_key = egw_str_of(events->key);
}

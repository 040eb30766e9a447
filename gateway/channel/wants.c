#include "egw/wants.h"

#define WANT(name, text)                                                                           \
    {                                                                                              \
        {name, sizeof(name) - 1},                                                                  \
        {                                                                                          \
            text, sizeof(text) - 1                                                                 \
        }                                                                                          \
    }

const struct egw_want_words egw_wants[EGW_WANTS] = {
    [EGW_WANT_PORTAL] = WANT("portal", "link to the portal"),
    [EGW_WANT_TENANT] = WANT("tenant", "tenant id of the customer"),
    [EGW_WANT_SERVICE] = WANT("service", "service"),
    [EGW_WANT_SUBSCRIPTION] = WANT("subscription", "subscription"),
    [EGW_WANT_RESOURCE] = WANT("resource", "resource id"),
    [EGW_WANT_REGION] = WANT("region", "region"),
    [EGW_WANT_IMPACT] = WANT("impact", "business impact"),
    [EGW_WANT_AVAILABLE_24X7] = WANT("available_24x7", "availability around the clock"),
    [EGW_WANT_STARTED_AT] = WANT("started_at", "time the fault began"),
    [EGW_WANT_TITLE] = WANT("title", "title"),
    [EGW_WANT_TEXT] = WANT("text", "description"),
    [EGW_WANT_DIAGNOSIS] = WANT("diagnosis", "steps taken"),
    [EGW_WANT_CORRELATION_IDS] = WANT("correlation_ids", "correlation ids"),
    [EGW_WANT_CONTACT_NAME] = WANT("contact_name", "name of the partner's contact"),
    [EGW_WANT_CONTACT_EMAIL] = WANT("contact_email", "e-mail of the partner's contact"),
    [EGW_WANT_CONTACT_PHONE] = WANT("contact_phone", "phone number of the partner's contact"),
};

int egw_want_find(struct egw_str name)
{
    for (int want = 0; want < EGW_WANTS; want++) {
        if (egw_str_eq(egw_wants[want].name, name))
            return want;
    }
    return -1;
}

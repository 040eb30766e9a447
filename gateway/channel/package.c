#include "egw/package.h"

#include <inttypes.h>

#include "egw/hash.h"

/* ---- links ---- */

/* RFC 3986: what is not unreserved is encoded, the slash too: a value is one segment. */
static bool unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static enum egw_status put_encoded(struct egw_buf *out, struct egw_str value)
{
    for (size_t i = 0; i < value.n; i++) {
        enum egw_status st =
            unreserved(value.p[i])
                ? egw_buf_put(out, value.p + i, 1)
                : egw_buf_printf(out, "%%%02X", (unsigned)(unsigned char)value.p[i]);

        if (st)
            return st;
    }
    return EGW_OK;
}

static enum egw_status value_named(struct egw_str name, const struct egw_package_place *place,
                                   struct egw_str *ret, struct egw_error *reterr)
{
    if (egw_str_is(name, "tenant"))
        *ret = place->tenant;
    else if (egw_str_is(name, "customer"))
        *ret = place->customer;
    else if (egw_str_is(name, "subscription"))
        *ret = place->subscription;
    else
        return egw_error_set(reterr, EGW_INVALID, "the link names {%.*s}, which no case has",
                             EGW_FMT(name));
    if (ret->n == 0)
        return egw_error_set(reterr, EGW_NOT_FOUND, "the link needs the %.*s, which is unknown",
                             EGW_FMT(name));
    return EGW_OK;
}

static enum egw_status fill_link(struct egw_str link, const struct egw_package_place *place,
                                 struct egw_buf *out, struct egw_error *reterr)
{
    enum egw_status st = EGW_OK;
    size_t i = 0;

    while (!st && i < link.n) {
        const char *open = memchr(link.p + i, '{', link.n - i);
        size_t plain = open ? (size_t)(open - link.p) - i : link.n - i;
        struct egw_str value = EGW_STR_NONE, name;
        const char *end;

        st = egw_buf_put(out, link.p + i, plain);
        if (st || !open)
            break;
        i += plain + 1;
        end = memchr(link.p + i, '}', link.n - i);
        if (!end)
            return egw_error_set(reterr, EGW_INVALID, "the link has an open brace");
        name = (struct egw_str){link.p + i, (size_t)(end - link.p) - i};
        i += name.n + 1;
        st = value_named(name, place, &value, reterr);
        if (st)
            return st;
        st = put_encoded(out, value);
    }
    if (st)
        return egw_error_set(reterr, st, "no memory for a link");
    return EGW_OK;
}

enum egw_status egw_package_portal(struct egw_str link, const struct egw_package_place *place,
                                   struct egw_arena *arena, struct egw_str *ret,
                                   struct egw_error *reterr)
{
    struct egw_buf out = {.max = 65536};
    enum egw_status st = fill_link(link, place, &out, reterr);

    if (!st && !egw_arena_str(arena, egw_buf_str(&out), ret))
        st = egw_error_set(reterr, EGW_NOMEM, "no memory for a link");
    egw_buf_free(&out);
    return st;
}

/* ---- the text ---- */

/* One writer for the whole text: the first failure stays, the rest is skipped. */
struct writer {
    struct egw_buf *out;
    enum egw_status st;
};

static void put(struct writer *w, const char *bytes, size_t n)
{
    if (!w->st)
        w->st = egw_buf_put(w->out, bytes, n);
}

static void put_text(struct writer *w, const char *text)
{
    put(w, text, strlen(text));
}

/* The value on one line: a control character could start a line that looks like ours. */
static void put_line(struct writer *w, struct egw_str value)
{
    size_t from = 0;

    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];

        if (c >= 0x20 && c != 0x7f)
            continue;
        put(w, value.p + from, i - from);
        put_text(w, " ");
        from = i + 1;
    }
    if (value.n > from)
        put(w, value.p + from, value.n - from);
}

static void section(struct writer *w, const char *name)
{
    put_text(w, "\n");
    put_text(w, name);
    put_text(w, "\n");
}

static void field(struct writer *w, const char *name, struct egw_str value)
{
    if (value.n == 0)
        return;
    put_text(w, "  ");
    put_text(w, name);
    put_text(w, ": ");
    put_line(w, value);
    put_text(w, "\n");
}

static void time_field(struct writer *w, const char *name, int64_t ms)
{
    char text[EGW_TIME_TEXT];

    egw_time_format(ms, text);
    field(w, name, egw_str_of(text));
}

static void item(struct writer *w, struct egw_str value)
{
    put_text(w, "  - ");
    put_line(w, value);
    put_text(w, "\n");
}

static void items(struct writer *w, const char *name, const struct egw_list *list)
{
    const struct egw_str *texts = list->p;

    if (list->n == 0)
        return;
    section(w, name);
    for (size_t i = 0; i < list->n; i++)
        item(w, texts[i]);
}

/* As Microsoft's forms name it; packages of before had no name. */
static struct egw_str channel_name(const struct egw_escalation *e)
{
    return e->channel_name.n ? e->channel_name : e->channel;
}

static void heading(struct writer *w, const struct egw_escalation *e)
{
    put_text(w, egw_str_is(e->mode, "api") ? "Case for " : "Hand-off to ");
    put_line(w, channel_name(e));
    put_text(w, ": ");
    put_line(w, e->partner);
    put_text(w, "/");
    put_line(w, e->customer);
    put_text(w, "/");
    put_line(w, e->case_id);
    put_text(w, "\n");
}

static void where(struct writer *w, const struct egw_escalation *e)
{
    section(w, "Where to file");
    field(w, "Link", e->portal.n ? e->portal : EGW_STR("none known: see what is missing"));
    field(w, "How", e->advice);
    field(w, "Channel", channel_name(e));
    field(w, "Because", e->because);
    field(w, "Rule", e->rule);
    time_field(w, "Decided at", e->decided_at);
}

static void customer(struct writer *w, const struct egw_escalation *e)
{
    section(w, "Customer");
    field(w, "Customer", e->customer);
    field(w, "Tenant", e->tenant);
    field(w, "Domain", e->tenant_domain);
    field(w, "On behalf of it, partner", e->partner);
    section(w, "Service");
    field(w, "Service", e->service_name.n ? e->service_name : e->service);
    field(w, "Matter", e->domain);
    field(w, "Topic", e->topic);
    field(w, "Symptom", e->symptom);
    field(w, "Feature", e->feature);
    field(w, "Hits", e->scope);
    field(w, "Environment", e->environment);
    field(w, "Subscription", e->subscription);
    field(w, "Region", e->region);
    field(w, "Resource", e->resource);
}

/* A form says A, critical or Critical: one spelling for the policy's word, the rest beside it. */
static void severity(struct writer *w, struct egw_str word)
{
    static const struct {
        const char *word, *text;
    } spellings[] = {
        {"emergency", "emergency (severe impact; A where the form has no such choice)"},
        {"A", "A (critical)"},
        {"B", "B (moderate; Standard where the form has no such choice)"},
        {"C", "C (minimal; Standard where the form has no such choice)"},
    };
    struct egw_str text = word;

    for (size_t i = 0; i < EGW_COUNT(spellings); i++) {
        if (egw_str_is(word, spellings[i].word))
            text = egw_str_of(spellings[i].text);
    }
    field(w, "Severity", text);
}

static void weight(struct writer *w, const struct egw_escalation *e)
{
    section(w, "Severity");
    severity(w, e->severity);
    field(w, "Business impact", e->impact);
    if (e->available_24x7.has)
        field(w, "Available around the clock",
              e->available_24x7.v ? EGW_STR("yes") : EGW_STR("no"));
    if (e->started_at.has)
        time_field(w, "Since", e->started_at.v);
    field(w, "Support wanted in", e->support_language);
}

static void whole(struct writer *w, const char *name, struct egw_str text)
{
    if (!text.p)
        return;
    section(w, name);
    put(w, text.p, text.n);
    put_text(w, "\n");
}

static void description(struct writer *w, const struct egw_escalation *e)
{
    char hex[2 * EGW_SHA256 + 1];

    whole(w, "Title", e->title);
    whole(w, "Description", e->text);
    if (!e->language.n && !e->text_whole)
        return;
    section(w, "About the description");
    field(w, "Language", e->language);
    if (e->text_whole) {
        egw_hex(e->text_whole, EGW_SHA256, hex);
        field(w, "Cut to fit; SHA-256 of the whole", egw_str_of(hex));
    }
}

static void step(struct writer *w, const struct egw_diagnosis *d)
{
    char at[EGW_TIME_TEXT];

    put_text(w, "  - ");
    if (d->at.has) {
        egw_time_format(d->at.v, at);
        put_text(w, at);
        put_text(w, " ");
    }
    put_line(w, d->kind);
    put_text(w, ": ");
    put_line(w, d->step);
    if (d->result.n) {
        put_text(w, " -> ");
        put_line(w, d->result);
    }
    if (d->resolved)
        put_text(w, " (resolved)");
    if (d->by.n) {
        put_text(w, " [");
        put_line(w, d->by);
        put_text(w, "]");
    }
    put_text(w, "\n");
}

static void findings(struct writer *w, const struct egw_escalation *e)
{
    const struct egw_diagnosis *steps = e->diagnosis.p;

    if (e->diagnosis.n) {
        section(w, "Diagnosis");
        for (size_t i = 0; i < e->diagnosis.n; i++)
            step(w, &steps[i]);
    }
    if (e->health.n) {
        section(w, "Service health");
        put_text(w, "  ");
        put_line(w, e->health);
        put_text(w, "\n");
    }
    items(w, "Correlation ids", &e->correlation_ids);
}

static void contact(struct writer *w, const struct egw_escalation *e)
{
    if (!e->contact)
        return;
    section(w, "Contact at the partner");
    field(w, "Name", e->contact->name);
    field(w, "E-mail", e->contact->email);
    field(w, "Phone", e->contact->phone);
}

static void record(struct writer *w, const struct egw_escalation *e)
{
    char hex[2 * EGW_SHA256 + 1];

    section(w, "Our record");
    egw_hex(e->command_id, EGW_SHA256, hex);
    field(w, "Command", egw_str_of(hex));
    field(w, "Cause", e->cause);
    field(w, "Problem", e->problem);
}

enum egw_status egw_package_text(const struct egw_escalation *escalation, struct egw_buf *out)
{
    struct writer w = {.out = out};
    size_t was = out->n;

    heading(&w, escalation);
    where(&w, escalation);
    customer(&w, escalation);
    weight(&w, escalation);
    description(&w, escalation);
    findings(&w, escalation);
    contact(&w, escalation);
    items(&w, "Linked cases", &escalation->links);
    items(&w, "Missing", &escalation->missing);
    record(&w, escalation);
    if (w.st)
        out->n = was;
    return w.st;
}

#include "work.h"

#include <stdio.h>

static const char whole_text_key[] = "egw-whole-text-sha256";

/* ---- load ---- */

static enum egw_status load(struct work *work, struct kase *kase)
{
    struct egw_str value;
    enum egw_status st;

    kase->known = egw_turn_get(work->turn, kase->key, &value);
    if (!kase->known)
        return EGW_OK;
    st =
        read_entry(work->triage, value, &egw_type_case_entry, work->arena, &kase->entry, work->err);
    if (!st)
        st = read_entry(work->triage, kase->entry.event, &egw_type_support_event, work->arena,
                        &kase->event, work->err);
    if (!st && kase->entry.version != ENTRY_VERSION)
        st = egw_error_set(work->err, EGW_INVALID, "its version is %d, this program reads %d",
                           (int)kase->entry.version, ENTRY_VERSION);
    if (st)
        return egw_error_prefix(work->err, EGW_INVALID, "cannot use case entry %.*s",
                                EGW_FMT(kase->key));
    if ((kase->entry.phase == EGW_PHASE_ENDED || kase->entry.phase == EGW_PHASE_NEW) &&
        kase->entry.due_at.has && kase->entry.due_at.v <= egw_turn_now(work->turn))
        kase->known = false; /* past the horizon it counts as absent, whether removed yet or not */
    if (kase->known && kase->entry.recent.n) {
        const struct egw_seen_event *recent = kase->entry.recent.p;

        work->outcome.after_seq = (struct egw_opt_i64){true, recent[kase->entry.recent.n - 1].seq};
    }
    return EGW_OK;
}

enum egw_status case_load(struct work *work, struct egw_str partner, struct egw_str customer,
                          struct egw_str case_id, struct kase *ret)
{
    enum egw_status st;

    memset(ret, 0, sizeof(*ret));
    ret->key = work_join(work, work->key, '/', case_id);
    if (!ret->key.p)
        return no_memory(work);
    st = load(work, ret);
    if (st || ret->known)
        return st;
    memset(&ret->entry, 0, sizeof(ret->entry));
    memset(&ret->event, 0, sizeof(ret->event));
    ret->entry.version = ENTRY_VERSION;
    ret->entry.partner = partner;
    ret->entry.customer = customer;
    ret->entry.case_id = case_id;
    ret->entry.phase = EGW_PHASE_NEW;
    ret->entry.facts_offset = -1;
    return EGW_OK;
}

enum egw_status case_load_key(struct work *work, struct egw_str key, struct kase *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->key = key;
    return load(work, ret);
}

const struct egw_seen_event *case_seen(const struct kase *kase, struct egw_str event_id)
{
    const struct egw_seen_event *seen = kase->entry.recent.p;

    for (size_t i = kase->entry.recent.n; i-- > 0;) {
        if (egw_str_eq(seen[i].event_id, event_id))
            return &seen[i];
    }
    return NULL;
}

/* ---- merge ---- */

typedef bool same_fn(const void *, const void *);

static bool same_text(const void *a, const void *b)
{
    return egw_str_eq(*(const struct egw_str *)a, *(const struct egw_str *)b);
}

static bool same_pair(const void *a, const void *b)
{
    return egw_str_eq(((const struct egw_pair *)a)->key, ((const struct egw_pair *)b)->key);
}

static bool same_step(const void *a, const void *b)
{
    const struct egw_diagnosis *x = a, *y = b;

    return egw_str_eq(x->kind, y->kind) && egw_str_eq(x->step, y->step) &&
           egw_str_eq(x->result, y->result) && egw_str_eq(x->by, y->by) &&
           x->resolved == y->resolved && x->at.has == y->at.has &&
           (!x->at.has || x->at.v == y->at.v);
}

static void drop_same(struct egw_list *list, size_t size, same_fn *same, const void *item)
{
    char *items = list->p;
    size_t kept = 0;

    for (size_t i = 0; i < list->n; i++) {
        if (same(items + i * size, item))
            continue;
        if (kept != i)
            memcpy(items + kept * size, items + i * size, size);
        kept++;
    }
    list->n = kept;
}

/* A source that repeats all it knows with each event says nothing new, but says it last. */
static enum egw_status merge_list(struct work *work, struct egw_list *into,
                                  const struct egw_list *from, size_t size, size_t max,
                                  same_fn *same)
{
    for (size_t i = from->n > max ? from->n - max : 0; i < from->n; i++) {
        const void *item = (const char *)from->p + i * size;
        enum egw_status st;

        drop_same(into, size, same, item);
        st = list_add(work, into, size, max, item);
        if (st)
            return st;
    }
    return EGW_OK;
}

/* Lay one field over another; lists are merged by the caller. */
static void lay_over(const struct egw_field *field, char *into, const char *from)
{
    const struct egw_type *type = field->type;
    bool present;

    if (type->kind != EGW_K_OPTION)
        return;
    if (type->size == sizeof(struct egw_str) &&
        (type->item->kind == EGW_K_STRING || type->item->kind == EGW_K_BYTES))
        present = ((const struct egw_str *)(const void *)from)->p != NULL;
    else if (type->item->kind == EGW_K_RECORD || type->item->kind == EGW_K_FIXED)
        present = *(void *const *)(const void *)from != NULL;
    else
        present = *(const bool *)(const void *)from; /* every egw_opt_x begins with `has` */
    if (present)
        memcpy(into, from, type->size);
}

enum egw_status case_merge(struct work *work, struct kase *kase,
                           const struct egw_support_event *event)
{
    struct egw_support_event *into = &kase->event;
    bool whole_text_known = case_whole_text(into) && !event->text.p;
    enum egw_status st;

    if (!into->event_id.n) {
        *into = *event; /* the first that told us something about the case */
        into->customer = kase->entry.customer;
        kase->entry.opened_at = event->occurred_at;
        return EGW_OK;
    }
    into->event_id = event->event_id;
    into->event_type = event->event_type;
    into->occurred_at = event->occurred_at;
    into->own_tenant |= event->own_tenant;
    for (size_t i = 0; i < egw_type_support_event.field_count; i++) {
        const struct egw_field *field = &egw_type_support_event.fields[i];

        lay_over(field, (char *)into + field->offset, (const char *)event + field->offset);
    }
    if (!whole_text_known)
        into->extensions.n = 0;
    st = merge_list(work, &into->diagnosis, &event->diagnosis, sizeof(struct egw_diagnosis),
                    DIAGNOSIS_MAX, same_step);
    if (!st)
        st = merge_list(work, &into->correlation_ids, &event->correlation_ids,
                        sizeof(struct egw_str), LIST_MAX, same_text);
    if (!st)
        st = merge_list(work, &into->extensions, &event->extensions, sizeof(struct egw_pair),
                        LIST_MAX, same_pair);
    return st;
}

enum egw_status case_remember(struct work *work, struct kase *kase,
                              const struct egw_support_event *event)
{
    struct egw_seen_event seen = {.event_id = event->event_id,
                                  .seq = egw_turn_position(work->turn)->chain_seq};

    memcpy(seen.digest, egw_turn_digest(work->turn)->b, EGW_SHA256);
    return list_add(work, &kase->entry.recent, sizeof(seen), RECENT_MAX, &seen);
}

void case_end(struct work *work, struct kase *kase)
{
    struct egw_case_entry *entry = &kase->entry;

    entry->phase = EGW_PHASE_ENDED;
    entry->ended_at.has = true;
    entry->ended_at.v = work->recorded_ms;
    entry->waits_for.n = 0;
    case_clock_stop(kase);
    entry->due_at.has = true;
    entry->due_at.v = egw_turn_now(work->turn) + egw_policy_horizon_ms(work->policy);
}

void case_heard_of(struct work *work, struct kase *kase)
{
    case_end(work, kase);
    kase->entry.phase = EGW_PHASE_NEW;
}

/* ---- store ---- */

const struct egw_pair *case_whole_text(const struct egw_support_event *event)
{
    const struct egw_pair *pairs = event->extensions.p;

    for (size_t i = 0; i < event->extensions.n; i++) {
        if (egw_str_is(pairs[i].key, whole_text_key))
            return &pairs[i];
    }
    return NULL;
}

/* Not in the middle of a character. */
static size_t cut_at(struct egw_str s, size_t n)
{
    while (n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    return n;
}

static enum egw_status cut_text(struct work *work, struct egw_support_event *event, size_t over)
{
    struct egw_sha256 digest;
    char hex[2 * EGW_SHA256 + 1];
    struct egw_pair whole = {.key = {whole_text_key, sizeof(whole_text_key) - 1}};

    if (!event->text.n)
        return EGW_OK;
    if (!case_whole_text(event)) {
        egw_sha256(event->text.p, event->text.n, &digest);
        egw_hex(digest.b, EGW_SHA256, hex);
        whole.value = work_printf(work, "%s", hex);
        if (list_add(work, &event->extensions, sizeof(whole), LIST_MAX, &whole))
            return no_memory(work);
    }
    over += 256; /* for the digest itself, and so that the next merge still fits */
    event->text.n = cut_at(event->text, event->text.n > over ? event->text.n - over : 0);
    return warn(work, "the text was cut to fit; the digest is of the whole");
}

/* What lists add up to over many events; the digest of the whole text stays. */
static enum egw_status drop_lists(struct work *work, struct egw_support_event *event)
{
    const struct egw_pair *whole = case_whole_text(event);

    if (whole) {
        event->extensions.p = (void *)whole;
        event->extensions.n = 1;
    } else {
        event->extensions.n = 0;
    }
    event->correlation_ids.n = 0;
    return warn(work, "the case was too large: extensions and correlation ids were left out");
}

static void keep_some(struct egw_str *text)
{
    if (text->n > FIELD_KEPT)
        text->n = cut_at(*text, FIELD_KEPT);
}

/* What was tried, and with what success, is what decides: only its words get fewer. */
static enum egw_status cut_steps(struct work *work, struct egw_support_event *event)
{
    struct egw_diagnosis *steps = event->diagnosis.p;

    if (event->diagnosis.n > DIAGNOSIS_MAX) { /* the last say how things stand */
        steps += event->diagnosis.n - DIAGNOSIS_MAX;
        event->diagnosis = (struct egw_list){steps, DIAGNOSIS_MAX};
    }
    for (size_t i = 0; i < event->diagnosis.n; i++) {
        keep_some(&steps[i].kind);
        keep_some(&steps[i].step);
        keep_some(&steps[i].result);
        keep_some(&steps[i].by);
    }
    return warn(work, "the case was too large: its diagnosis was cut");
}

/* Every other text is cut to what a form takes. What is bounded already stays as it is. */
static enum egw_status cut_fields(struct work *work, struct egw_support_event *event)
{
    for (size_t i = 0; i < egw_type_support_event.field_count; i++) {
        const struct egw_field *field = &egw_type_support_event.fields[i];
        const struct egw_type *type = field->type;
        struct egw_str *text = (void *)((char *)event + field->offset);

        if (type->kind == EGW_K_OPTION)
            type = type->item;
        if (type->kind == EGW_K_STRING || type->kind == EGW_K_BYTES)
            keep_some(text);
    }
    event->requester = event->contact = NULL; /* not cut: half an address is a wrong one */
    return warn(work, "the case was too large: long fields were cut, persons left out");
}

enum egw_status case_shrink(struct work *work, struct egw_support_event *event, size_t over,
                            int round)
{
    switch (round) {
    case 0:
        return cut_text(work, event, over);
    case 1:
        return drop_lists(work, event);
    case 2:
        return cut_steps(work, event);
    default:
        return cut_fields(work, event);
    }
}

enum egw_status case_store(struct work *work, struct kase *kase)
{
    struct egw_triage *triage = work->triage;
    enum egw_status st;

    for (int round = 0;; round++) { /* a case kept small beats one that cannot be kept */
        egw_buf_clear(&triage->inner);
        st = egw_encode_framed(triage->framing, &egw_type_support_event, &kase->event,
                               &triage->inner, work->err);
        if (st)
            return st;
        kase->entry.event = egw_buf_str(&triage->inner);
        st = write_record(work, &egw_type_case_entry, &kase->entry, &triage->out);
        if (st != EGW_INVALID || triage->out.n <= RECORD_MAX || round == SHRINK_ROUNDS)
            break;
        st = case_shrink(work, &kase->event, triage->out.n - RECORD_MAX, round);
        if (st)
            return st;
    }
    if (!st)
        st = egw_turn_put(work->turn, kase->key, egw_buf_str(&triage->out));
    return st == EGW_NOMEM ? no_memory(work) : st;
}

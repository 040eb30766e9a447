/* The one command of a problem, and its package. */
#include "work.h"

#include <inttypes.h>

#include "egw/package.h"
#include "egw/wants.h"

/* partner/customer#problem: the hash sign comes before any second slash. */
bool command_key(struct egw_str key)
{
    const char *slash = memchr(key.p, '/', key.n);

    for (const char *p = slash ? slash + 1 : key.p; p < key.p + key.n; p++) {
        if (*p == '/')
            return false;
        if (*p == '#')
            return slash != NULL;
    }
    return false;
}

/* The command's name comes from the business, never from an offset: read again, delivered twice or
 * decided by another worker, it is the same. Each part has its length in front. */
static void command_id(const struct kase *kase, struct egw_str problem,
                       unsigned char ret[EGW_SHA256])
{
    static const char label[] = "egw-cmd-1";
    unsigned char generation[4] = {
        (unsigned char)((uint32_t)kase->entry.generation >> 24),
        (unsigned char)((uint32_t)kase->entry.generation >> 16),
        (unsigned char)((uint32_t)kase->entry.generation >> 8),
        (unsigned char)kase->entry.generation,
    };
    const struct egw_str parts[] = {kase->entry.partner,
                                    kase->entry.customer,
                                    problem,
                                    EGW_STR("create"),
                                    {(const char *)generation, 4}};
    unsigned char lengths[EGW_COUNT(parts)][4];
    struct egw_str pieces[2 * EGW_COUNT(parts) + 1] = {{label, sizeof(label) - 1}};
    struct egw_sha256 id;

    for (size_t i = 0; i < EGW_COUNT(parts); i++) {
        for (int b = 0; b < 4; b++)
            lengths[i][b] = (unsigned char)(parts[i].n >> (24 - 8 * b));
        pieces[2 * i + 1] = (struct egw_str){(const char *)lengths[i], 4};
        pieces[2 * i + 2] = parts[i];
    }
    egw_sha256v(pieces, EGW_COUNT(pieces), &id);
    memcpy(ret, id.b, EGW_SHA256);
}

/* ---- the problem several cases share ---- */

static bool shares_problem(const struct kase *kase)
{
    return kase->event.problem.n && !egw_str_eq(kase->event.problem, kase->entry.case_id);
}

static enum egw_status problem_load(struct work *work, const struct kase *kase,
                                    struct egw_str *ret_key, bool *ret_known,
                                    struct egw_problem_entry *ret)
{
    struct egw_str value;
    enum egw_status st;

    *ret_known = false;
    *ret_key = work_join(work, work->key, '#', kase->event.problem);
    if (!ret_key->p)
        return no_memory(work);
    if (!egw_turn_get(work->turn, *ret_key, &value))
        return EGW_OK;
    st = read_entry(work->triage, value, &egw_type_problem_entry, work->arena, ret, work->err);
    if (st)
        return egw_error_prefix(work->err, EGW_INVALID, "cannot use problem entry %.*s",
                                EGW_FMT(*ret_key));
    *ret_known = !ret->until.has || ret->until.v > egw_turn_now(work->turn);
    return EGW_OK;
}

static enum egw_status problem_store(struct work *work, struct egw_str key,
                                     const struct egw_problem_entry *problem)
{
    enum egw_status st = write_record(work, &egw_type_problem_entry, problem, &work->triage->out);

    return st ? st : egw_turn_put(work->turn, key, egw_buf_str(&work->triage->out));
}

/* The problem entry that this case's own command made; *ret_known false: there is none. */
static enum egw_status own_problem(struct work *work, const struct kase *kase,
                                   struct egw_str *ret_key, bool *ret_known,
                                   struct egw_problem_entry *ret)
{
    enum egw_status st;

    *ret_known = false;
    if (!shares_problem(kase))
        return EGW_OK;
    st = problem_load(work, kase, ret_key, ret_known, ret);
    if (!st && *ret_known && !egw_str_eq(ret->case_id, kase->entry.case_id))
        *ret_known = false;
    return st;
}

enum egw_status command_number(struct work *work, const struct kase *kase)
{
    struct egw_problem_entry problem;
    struct egw_str key;
    bool known;
    enum egw_status st = own_problem(work, kase, &key, &known, &problem);

    if (st || !known)
        return st;
    problem.number = kase->entry.number;
    return problem_store(work, key, &problem);
}

enum egw_status command_ended(struct work *work, const struct kase *kase)
{
    struct egw_problem_entry problem;
    struct egw_str key;
    bool known;
    enum egw_status st = own_problem(work, kase, &key, &known, &problem);

    if (st || !known)
        return st;
    problem.until = kase->entry.due_at;
    return problem_store(work, key, &problem);
}

/* The problem entry of a case that shares another one's command; *ret_known false: it does not. */
static enum egw_status shared_problem(struct work *work, const struct kase *kase, bool *ret_known,
                                      struct egw_problem_entry *ret)
{
    struct egw_str key;

    *ret_known = false;
    if (!egw_str_is(kase->entry.action, egw_action_names[EGW_ACTION_LINKED]) ||
        !shares_problem(kase))
        return EGW_OK;
    return problem_load(work, kase, &key, ret_known, ret);
}

enum egw_status command_shared_number(struct work *work, struct kase *kase)
{
    struct egw_problem_entry problem;
    bool known;
    enum egw_status st = shared_problem(work, kase, &known, &problem);

    if (!st && known && !kase->entry.number.n)
        kase->entry.number = problem.number;
    return st;
}

static struct egw_str problem_case(struct work *work, const struct egw_problem_entry *problem)
{
    return work_join(work, work->key, '/', problem->case_id);
}

enum egw_status command_part(struct work *work, struct kase *kase, struct egw_str link,
                             bool *ret_parted)
{
    struct egw_case_entry *entry = &kase->entry;
    struct egw_problem_entry problem;
    bool known;
    enum egw_status st = shared_problem(work, kase, &known, &problem);

    *ret_parted = !st && known && egw_str_eq(problem_case(work, &problem), link);
    if (!*ret_parted)
        return st;
    entry->command_id = NULL;
    entry->channel = entry->mode = entry->number = EGW_STR("");
    kase->event.problem = EGW_STR_NONE; /* the case is its own */
    work->outcome.problem = EGW_STR("");
    return EGW_OK;
}

/* ---- the package ---- */

/* What the reference topic says, a record of this kind: rest is the key behind its kind's name.
 * NULL: nothing. */
static const void *fact_of(struct work *work, enum egw_reference_kind kind, struct egw_str rest)
{
    struct egw_str key = work_join(work, egw_str_of(egw_reference_kinds[kind]), '/', rest);
    const struct egw_reference *reference =
        key.p ? egw_facts_get(work->triage->facts, key).reference : NULL;

    return reference && reference->body.branch == (int32_t)kind ? reference->body.p : NULL;
}

static struct egw_str first_of(const struct egw_list *texts)
{
    const struct egw_str *first = texts ? texts->p : NULL;

    return texts && texts->n ? *first : EGW_STR("");
}

/* The partner's contact: as the event names it, else as the partner's record does. The customer's
 * person is never sent on (S25). */
static enum egw_status fill_contact(struct work *work, const struct kase *kase,
                                    struct egw_escalation *escalation)
{
    const struct egw_partner *partner = fact_of(work, EGW_REF_PARTNER, kase->entry.partner);
    struct egw_contact *contact;

    if (kase->event.contact || !partner) {
        escalation->contact = kase->event.contact;
        return EGW_OK;
    }
    contact = egw_arena_alloc(work->arena, sizeof(*contact));
    if (!contact)
        return no_memory(work);
    contact->name = partner->contact_name;
    contact->email = partner->contact_email;
    contact->phone = partner->contact_phone;
    if (contact->name.p || contact->email.p || contact->phone.p)
        escalation->contact = contact;
    return EGW_OK;
}

/* The digest of the whole text, where the case had to cut it. */
static enum egw_status fill_whole(struct work *work, const struct kase *kase,
                                  struct egw_escalation *escalation)
{
    const struct egw_pair *whole = case_whole_text(&kase->event);
    struct egw_sha256 *digest;

    if (!whole)
        return EGW_OK;
    digest = egw_arena_alloc(work->arena, sizeof(*digest));
    if (!digest)
        return no_memory(work);
    if (egw_sha256_of_hex(whole->value, digest)) /* else a source used our name for its own */
        escalation->text_whole = digest->b;
    return EGW_OK;
}

/* The incident that is over while the fault is not, with both times (S16). */
static struct egw_str outlived_line(struct work *work, const struct egw_case_entry *entry)
{
    char ended[EGW_TIME_TEXT], confirmed[EGW_TIME_TEXT];

    if (!entry->outlived.n || !entry->incident_ended_at.has || !entry->confirmed_at.has)
        return EGW_STR("");
    egw_time_format(entry->incident_ended_at.v, ended);
    egw_time_format(entry->confirmed_at.v, confirmed);
    return work_printf(work, "; %.*s ended at %s, the fault was confirmed at %s",
                       EGW_FMT(entry->outlived), ended, confirmed);
}

static bool is_of_partner(struct egw_str key, struct egw_str partner)
{
    return key.n > partner.n && key.p[partner.n] == '/' && memcmp(key.p, partner.p, partner.n) == 0;
}

/* Microsoft's number of a linked case: as the link gave it, else as our own state has it. What
 * another partner's case holds is not this one's to read (S10). */
static struct egw_str number_of(struct work *work, const struct egw_case_entry *entry,
                                struct egw_str link)
{
    const struct egw_link_number *numbers = entry->link_numbers.p;
    struct egw_case_entry *other = egw_arena_alloc(work->arena, sizeof(*other));
    struct egw_str value;

    for (size_t i = 0; i < entry->link_numbers.n; i++) {
        if (egw_str_eq(numbers[i].link, link))
            return numbers[i].number;
    }
    if (!other || command_key(link) || !is_of_partner(link, entry->partner) ||
        !egw_turn_get(work->turn, link, &value) ||
        read_entry(work->triage, value, &egw_type_case_entry, work->arena, other, work->err))
        return EGW_STR("");
    return other->number;
}

/* Linked cases with Microsoft's numbers, so that its engineers can find them. */
static enum egw_status fill_links(struct work *work, const struct egw_case_entry *entry,
                                  struct egw_list *ret)
{
    const struct egw_str *links = entry->links.p;
    enum egw_status st = EGW_OK;

    for (size_t i = 0; i < entry->links.n && !st; i++) {
        struct egw_str number = number_of(work, entry, links[i]), text = links[i];

        if (number.n)
            text = work_printf(work, "%.*s, Microsoft's number %.*s", EGW_FMT(links[i]),
                               EGW_FMT(number));
        st = text.p ? list_add(work, ret, sizeof(text), LIST_MAX, &text) : no_memory(work);
    }
    return st;
}

/* For who files: what the word means, since when it is so, and what is open. */
static struct egw_str health_line(struct work *work, const struct egw_decision *decision)
{
    char at[EGW_TIME_TEXT] = "";

    if (!decision->health.n)
        return EGW_STR("");
    if (decision->health_as_of.has)
        egw_time_format(decision->health_as_of.v, at);
    if (egw_str_is(decision->health, "unknown"))
        return EGW_STR("unknown: nobody has told of this service's health lately");
    if (!egw_str_is(decision->health, "known"))
        return work_printf(work, "%.*s%s%s", EGW_FMT(decision->health),
                           at[0] ? ": last told of at " : "", at);
    if (decision->incident.n)
        return work_printf(work, "known as of %s: see %.*s, which is open", at,
                           EGW_FMT(decision->incident));
    return work_printf(work, "known as of %s: no open incident explains the fault", at);
}

static struct egw_str cause_of(struct work *work)
{
    const struct egw_input *input = work->input;

    if (input->kind == EGW_INPUT_RECORD)
        return work_printf(work, "%s/%d/%" PRId64, work->triage->topics.input_names[input->input],
                           (int)input->record.partition, input->record.offset);
    return work_printf(work, "%s/0/%" PRId64, work->triage->topics.reference_name, input->offset);
}

/* The support page of a service the partner manages, where that is on record: Microsoft's own link
 * into the customer's context (S20). */
static struct egw_str managed_link(struct work *work, const struct kase *kase,
                                   struct egw_str service)
{
    struct egw_str rest = work_join(work, kase->entry.customer, '/', service);
    const struct egw_managed_service *managed =
        rest.p ? fact_of(work, EGW_REF_MANAGED_SERVICE, rest) : NULL;

    return managed ? managed->ticket : EGW_STR_NONE;
}

/* In words, for the person who fills the form. */
static enum egw_status fill_missing(struct work *work, const struct egw_decision *decision,
                                    struct egw_escalation *escalation)
{
    const struct egw_str *names = decision->missing.p;
    struct egw_str *texts = egw_arena_alloc(work->arena, decision->missing.n * sizeof(*texts));
    size_t n = 0;

    if (!texts)
        return no_memory(work);
    for (size_t i = 0; i < decision->missing.n; i++) {
        int want = egw_want_find(names[i]);

        if (want != EGW_WANT_PORTAL || !escalation->portal.n)
            texts[n++] = egw_wants[want].text;
    }
    escalation->missing = (struct egw_list){texts, n};
    return EGW_OK;
}

static enum egw_status fill(struct work *work, const struct kase *kase,
                            const struct egw_decision *decision, struct egw_escalation *escalation)
{
    const struct egw_support_event *event = &kase->event;
    const struct egw_service *service = egw_policy_service(work->policy, decision->service);
    struct egw_position *position = egw_turn_position(work->turn);
    struct egw_str health = health_line(work, decision);
    struct egw_str outlived = outlived_line(work, &kase->entry);
    const struct egw_relation *relation = fact_of(work, EGW_REF_RELATION, work->key);
    struct egw_str managed = managed_link(work, kase, decision->service);
    struct egw_package_place place;
    struct egw_error why;
    enum egw_status st;

    *escalation = (struct egw_escalation){
        .generation = kase->entry.generation,
        .channel = decision->channel,
        .channel_name = egw_policy_channel_name(work->policy, decision->channel),
        .mode = decision->mode,
        .partner = kase->entry.partner,
        .customer = kase->entry.customer,
        .tenant = relation ? relation->tenant : EGW_STR_NONE,
        .tenant_domain = first_of(relation ? &relation->domains : NULL),
        .case_id = kase->entry.case_id,
        .problem = event->problem,
        .cause = cause_of(work),
        .policy = position->policy,
        .rule = egw_policy_rule(work->policy, decision->rule).id,
        .because = decision->because,
        .advice = decision->advice,
        .decided_at = egw_turn_now(work->turn),
        .service = decision->service,
        .service_name = service ? service->name : decision->service,
        .domain = decision->domain,
        .symptom = event->symptom,
        .topic = event->topic,
        .feature = event->feature,
        .scope = event->scope,
        .environment = event->environment,
        .severity = decision->severity,
        .impact = event->impact,
        .available_24x7 = event->available_24x7,
        .started_at = event->started_at,
        .title = event->title,
        .text = event->text,
        .language = event->language,
        .support_language = event->support_language,
        .subscription = event->subscription,
        .region = event->region,
        .resource = event->resource,
        .correlation_ids = event->correlation_ids,
        .diagnosis = event->diagnosis,
        .health = work_printf(work, "%.*s%.*s", EGW_FMT(health), EGW_FMT(outlived)),
        .traceparent = event->traceparent,
    };
    memcpy(escalation->command_id, kase->entry.command_id, EGW_SHA256);
    place = (struct egw_package_place){escalation->tenant, escalation->customer,
                                       escalation->subscription};
    st = fill_contact(work, kase, escalation);
    if (!st)
        st = fill_whole(work, kase, escalation);
    if (!st)
        st = fill_links(work, &kase->entry, &escalation->links);
    if (st)
        return st;
    if (decision->portal.n) {
        st = egw_package_portal(decision->portal, &place, work->arena, &escalation->portal, &why);
        if (st == EGW_NOMEM)
            return no_memory(work);
        if (st) /* a link into the wrong place is worse than none: the package says what it lacks */
            escalation->portal = EGW_STR("");
    }
    if (managed.n && !decision->portal_of_channel)
        escalation->portal = managed;
    return fill_missing(work, decision, escalation);
}

static enum egw_status emit(struct work *work, struct kase *kase,
                            const struct egw_decision *decision)
{
    struct egw_triage *triage = work->triage;
    struct egw_escalation escalation;
    struct egw_log_out out = {.partition = egw_turn_partition(work->turn)};
    enum egw_status st;

    out.topic = triage->topics.escalations(triage->topics.user, decision->channel);
    if (out.topic < 0)
        return egw_error_set(
            work->err, EGW_RETRY,
            "channel %.*s has no topic this worker knows: run egw init, or grant it the right to "
            "write there, then restart it",
            EGW_FMT(decision->channel));
    for (int round = 0;; round++) {
        st = fill(work, kase, decision, &escalation);
        if (!st)
            st = write_record(work, &egw_type_escalation, &escalation, &triage->out);
        if (st != EGW_INVALID || triage->out.n <= RECORD_MAX || round == SHRINK_ROUNDS)
            break;
        st = case_shrink(work, &kase->event, triage->out.n - RECORD_MAX, round);
        if (st)
            return st;
    }
    if (st)
        return st;
    out.key = work->key;
    out.value = egw_buf_str(&triage->out);
    return egw_turn_emit(work->turn, &out) ? no_memory(work) : EGW_OK;
}

/* ---- issue ---- */

static bool has_link(const struct egw_case_entry *entry, struct egw_str other)
{
    const struct egw_str *links = entry->links.p;

    for (size_t i = 0; i < entry->links.n; i++) {
        if (egw_str_eq(links[i], other))
            return true;
    }
    return false;
}

static enum egw_status link_to(struct work *work, struct kase *kase,
                               const struct egw_problem_entry *problem)
{
    struct egw_case_entry *entry = &kase->entry;
    struct egw_str other;

    entry->command_id = (unsigned char *)problem->command_id;
    entry->channel = problem->channel;
    entry->mode = problem->mode;
    entry->number = problem->number;
    work->outcome.command_id = entry->command_id;
    work->outcome.channel = entry->channel;
    work->outcome.mode = entry->mode;
    work->outcome.number = entry->number;
    work->outcome.because =
        work_printf(work, "case %.*s of this problem has the command", EGW_FMT(problem->case_id));
    work->outcome.advice = work_printf(
        work, "file nothing for this case: case %.*s is filed for both, and its number is shared",
        EGW_FMT(problem->case_id));
    work->outcome.missing.n = 0; /* it is the other case's package that counts */
    other = problem_case(work, problem);
    if (!other.p)
        return no_memory(work);
    if (!has_link(entry, other)) {
        enum egw_status st = list_add(work, &entry->links, sizeof(other), LIST_MAX, &other);

        if (st)
            return st;
    }
    work->outcome.links = entry->links;
    return EGW_OK;
}

/* A problem that came back after its command's end has a new command, of its own id. */
static void next_generation(struct egw_case_entry *entry, const struct egw_problem_entry *problem)
{
    if (entry->generation <= problem->generation)
        entry->generation = problem->generation + 1;
}

enum egw_status command_issue(struct work *work, struct kase *kase,
                              const struct egw_decision *decision, bool *ret_linked)
{
    struct egw_case_entry *entry = &kase->entry;
    bool shared = shares_problem(kase), known = false;
    struct egw_problem_entry *problem;
    struct egw_str key = EGW_STR_NONE;
    unsigned char *id;
    enum egw_status st;

    *ret_linked = false;
    work->outcome.command_id = entry->command_id;
    if (entry->command_id)
        return EGW_OK; /* it was issued before: the case still waits for the same answer */
    problem = egw_arena_alloc(work->arena, sizeof(*problem));
    id = egw_arena_alloc(work->arena, EGW_SHA256);
    if (!problem || !id)
        return no_memory(work);
    if (shared) {
        st = problem_load(work, kase, &key, &known, problem);
        if (st)
            return st;
        if (known && !problem->until.has && !egw_str_eq(problem->case_id, entry->case_id)) {
            *ret_linked = true;
            return link_to(work, kase, problem);
        }
        if (known)
            next_generation(entry, problem);
    }
    command_id(kase, shared ? kase->event.problem : entry->case_id, id);
    entry->command_id = id;
    entry->channel = decision->channel;
    entry->mode = decision->mode;
    work->outcome.command_id = id;
    st = emit(work, kase, decision);
    if (st || !shared)
        return st;
    *problem = (struct egw_problem_entry){.version = ENTRY_VERSION,
                                          .case_id = entry->case_id,
                                          .channel = entry->channel,
                                          .mode = entry->mode,
                                          .generation = entry->generation};
    memcpy(problem->command_id, id, EGW_SHA256);
    return problem_store(work, key, problem);
}

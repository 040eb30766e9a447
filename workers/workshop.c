#include "workshop.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "egw/registry.h"
#include "schemas.h"

struct order {
    struct order *next;
    struct egw_workshop_result result;
    const struct egw_policy_file *files;
    size_t n;
};

struct egw_workshop {
    struct egw_registry *registry; /* the thread's; NULL: none is set */
    void (*wake)(void *user);
    void *user;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct order *orders, *done; /* under the lock */
    struct order *at_work;       /* under the lock */
    bool stop;                   /* under the lock */
};

/* ---- the thread's side ---- */

static void compile(struct order *order)
{
    struct egw_workshop_result *result = &order->result;
    struct egw_faults faults = {0};

    result->status = egw_policy_compile(order->files, order->n, &result->policy, &faults);
    if (result->status && faults.n)
        egw_error_set(&result->error, result->status, "%s%s", faults.texts[0],
                      faults.total > 1 ? " (and more: egw policy lint)" : "");
    else if (result->status)
        egw_error_set(&result->error, result->status, "%s", egw_status_name(result->status));
    egw_faults_free(&faults);
}

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A schema that is there but is no record of ours will not become one: as good as not found. */
static void fetch(struct egw_workshop *workshop, struct order *order)
{
    struct egw_workshop_result *result = &order->result;
    struct egw_str schema;

    result->status =
        egw_registry_fetch(workshop->registry, result->id, now_ms(), &schema, &result->error);
    if (result->status)
        return;
    result->status = egw_schemas_plan(schema, &result->plan, &result->error);
    if (result->status == EGW_INVALID)
        result->status = EGW_NOT_FOUND;
}

static struct order *next_order(struct egw_workshop *workshop)
{
    struct order *order;

    pthread_mutex_lock(&workshop->lock);
    while (!workshop->orders && !workshop->stop)
        pthread_cond_wait(&workshop->more, &workshop->lock);
    order = workshop->stop ? NULL : workshop->orders;
    if (order)
        workshop->orders = order->next;
    workshop->at_work = order;
    pthread_mutex_unlock(&workshop->lock);
    return order;
}

static void *work(void *arg)
{
    struct egw_workshop *workshop = arg;
    struct order *order;

    while ((order = next_order(workshop)) != NULL) {
        if (order->result.kind == EGW_WORKSHOP_POLICY)
            compile(order);
        else
            fetch(workshop, order);
        pthread_mutex_lock(&workshop->lock);
        workshop->at_work = NULL;
        order->next = workshop->done;
        workshop->done = order;
        pthread_mutex_unlock(&workshop->lock);
        workshop->wake(workshop->user);
    }
    return NULL;
}

/* ---- the loop's side ---- */

enum egw_status egw_workshop_new(const struct egw_settings *settings, void (*wake)(void *user),
                                 void *user, struct egw_workshop **ret, struct egw_error *reterr)
{
    struct egw_workshop *workshop = calloc(1, sizeof(*workshop));
    enum egw_status st = EGW_OK;
    int rc;

    if (!workshop)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for the workshop");
    if (*settings->registry.url)
        st = egw_schemas_registry(settings, &workshop->registry, reterr);
    if (st) {
        free(workshop);
        return st;
    }
    workshop->wake = wake;
    workshop->user = user;
    pthread_mutex_init(&workshop->lock, NULL);
    pthread_cond_init(&workshop->more, NULL);
    rc = pthread_create(&workshop->thread, NULL, work, workshop);
    if (rc != 0) {
        pthread_cond_destroy(&workshop->more);
        pthread_mutex_destroy(&workshop->lock);
        egw_registry_free(workshop->registry);
        free(workshop);
        return egw_error_set(reterr, EGW_FATAL, "no thread for the workshop: %s", strerror(rc));
    }
    *ret = workshop;
    return EGW_OK;
}

static void free_orders(struct order *order)
{
    while (order) {
        struct order *next = order->next;

        egw_policy_free(order->result.policy);
        egw_plan_free(order->result.plan);
        free(order);
        order = next;
    }
}

void egw_workshop_free(struct egw_workshop *workshop)
{
    if (!workshop)
        return;
    pthread_mutex_lock(&workshop->lock);
    workshop->stop = true;
    pthread_cond_signal(&workshop->more);
    pthread_mutex_unlock(&workshop->lock);
    pthread_join(workshop->thread, NULL);
    free_orders(workshop->orders);
    free_orders(workshop->done);
    pthread_cond_destroy(&workshop->more);
    pthread_mutex_destroy(&workshop->lock);
    egw_registry_free(workshop->registry);
    free(workshop);
}

static void append(struct order **list, struct order *order)
{
    while (*list)
        list = &(*list)->next;
    *list = order;
}

static void give(struct egw_workshop *workshop, struct order *order)
{
    pthread_mutex_lock(&workshop->lock);
    append(&workshop->orders, order);
    pthread_cond_signal(&workshop->more);
    pthread_mutex_unlock(&workshop->lock);
}

enum egw_status egw_workshop_compile(struct egw_workshop *workshop,
                                     const struct egw_sha256 *manifest,
                                     const struct egw_policy_file *files, size_t n)
{
    struct order *order = calloc(1, sizeof(*order));

    if (!order)
        return EGW_NOMEM;
    order->result.kind = EGW_WORKSHOP_POLICY;
    order->result.manifest = *manifest;
    order->files = files;
    order->n = n;
    give(workshop, order);
    return EGW_OK;
}

static bool asked(const struct order *order, int32_t id)
{
    for (; order; order = order->next) {
        if (order->result.kind == EGW_WORKSHOP_SCHEMA && order->result.id == id)
            return true;
    }
    return false;
}

enum egw_status egw_workshop_fetch(struct egw_workshop *workshop, int32_t id)
{
    struct order *order;
    bool known;

    pthread_mutex_lock(&workshop->lock);
    known = asked(workshop->orders, id) || asked(workshop->done, id) ||
            (workshop->at_work && workshop->at_work->result.kind == EGW_WORKSHOP_SCHEMA &&
             workshop->at_work->result.id == id);
    pthread_mutex_unlock(&workshop->lock);
    if (known)
        return EGW_OK;
    order = calloc(1, sizeof(*order));
    if (!order)
        return EGW_NOMEM;
    order->result.kind = EGW_WORKSHOP_SCHEMA;
    order->result.id = id;
    give(workshop, order);
    return EGW_OK;
}

bool egw_workshop_take(struct egw_workshop *workshop, struct egw_workshop_result *ret)
{
    struct order *order;

    pthread_mutex_lock(&workshop->lock);
    order = workshop->done;
    if (order)
        workshop->done = order->next;
    pthread_mutex_unlock(&workshop->lock);
    if (!order)
        return false;
    *ret = order->result;
    free(order);
    return true;
}

/*
 * registry - a client of a Confluent-style Schema Registry (edge: libcurl; answers: jansson)
 *
 * HTTPS only, except plain HTTP to a loopback address. No redirects, no proxy, no netrc, nothing of
 * the environment; answers are capped at 1 MiB, schemas at 64 KiB. The password file is read for
 * each request, so a rotated password needs no restart; credentials never stand in an error text.
 *
 * EGW_OK
 * EGW_NOT_FOUND  the registry says definitely that there is none (404 with its own error code)
 * EGW_RETRY      no answer, or not now: down, time-out, certificate, 404 of a stranger, 408, 425,
 *                429, 5xx
 * EGW_DENIED     401, 403, or a password file that may not be used
 * EGW_INVALID    incompatible (409), refused (422 and other 4xx), a redirect, or an answer that
 *                cannot be used. Of an id this says nothing definite.
 * EGW_NOMEM
 *
 * Calls block up to the time-out. One thread at a time for each registry.
 */
#ifndef EGW_REGISTRY_H
#define EGW_REGISTRY_H

#include "egw/base.h"
#include "egw/buf.h"

struct egw_registry;

struct egw_registry_conf {
    const char *url;           /* may have a path: https://registry.example/apis/ccompat/v7 */
    const char *user;          /* NULL or empty: no authentication */
    const char *password_file; /* with user: regular file of ours or root's, mode & 077 == 0 */
    const char *ca_file;       /* NULL or empty: the system's authorities */
    int64_t timeout_ms;        /* of a whole call; 0: 30000 */
};

enum {
    EGW_REGISTRY_SCHEMA_MAX = 64 * 1024,
    EGW_REGISTRY_CACHE = 256,         /* ids, found and not found alike; the oldest makes room */
    EGW_REGISTRY_NEGATIVE_MS = 60000, /* how long "there is none" is believed */
};

/* Nothing is contacted yet. conf is copied. EGW_OK, EGW_INVALID (url), EGW_NOMEM. */
enum egw_status egw_registry_new(const struct egw_registry_conf *conf, struct egw_registry **ret,
                                 struct egw_error *reterr) EGW_MUST_CHECK;
void egw_registry_free(struct egw_registry *registry); /* NULL is allowed */

/* Register schema under subject; the same schema gets the same id again. */
enum egw_status egw_registry_register(struct egw_registry *registry, struct egw_str subject,
                                      struct egw_str schema, int32_t *ret_id,
                                      struct egw_error *reterr) EGW_MUST_CHECK;
/* The id schema has under subject; changes nothing there. */
enum egw_status egw_registry_lookup(struct egw_registry *registry, struct egw_str subject,
                                    struct egw_str schema, int32_t *ret_id,
                                    struct egw_error *reterr) EGW_MUST_CHECK;
/* The schema of id, from the cache if it is there. now_ms: any clock that does not step back.
 * *ret_schema is valid until the next call. */
enum egw_status egw_registry_fetch(struct egw_registry *registry, int32_t id, int64_t now_ms,
                                   struct egw_str *ret_schema,
                                   struct egw_error *reterr) EGW_MUST_CHECK;

/* ---- reading answers (gateway/edge/registry_answer.c): pure, any thread ---- */

/* {"id": 7, ...}; EGW_OK or EGW_INVALID. */
enum egw_status egw_registry_read_id(struct egw_str answer, int32_t *ret,
                                     struct egw_error *reterr) EGW_MUST_CHECK;
/* {"schema": "...", ...} of type AVRO and without references, appended to ret. EGW_OK, EGW_INVALID,
 * EGW_NOMEM. */
enum egw_status egw_registry_read_schema(struct egw_str answer, struct egw_buf *ret,
                                         struct egw_error *reterr) EGW_MUST_CHECK;
/* {"error_code": 40403, "message": "..."}: the code, 0 when there is none; the message cut to n - 1
 * printable bytes. */
int64_t egw_registry_read_error(struct egw_str answer, char *message, size_t n);

#endif

/*
 * What a handle hears of its connections. The library tries again for ever and tells why it has to
 * on the side; a question that nobody answers ends without a word of it. Here the two meet.
 */
#include "kafka_internal.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    HEARD_TEXT = 320,
    DENIED_TEXT = 272,
    SCRAM_SINCE = 0x020601ff /* rd_kafka_version() whose SCRAM is right */
};

struct egw_kafka_heard {
    void *self;
    void (*trouble)(rd_kafka_t *, int, const char *, void *);
    void (*line)(const rd_kafka_t *, int, const char *, const char *);
    const char *who; /* we come as: the user, or the file of the certificate; NULL: nobody */
    pthread_mutex_t lock;
    char text[HEARD_TEXT]; /* the last of them; of refusals the first stays */
    bool refused, all_down;
    bool silence;             /* all_down, and not told yet */
    char denied[DENIED_TEXT]; /* "topic/partition" a transaction may not write to, the first */
};

/* librdkafka says which it was in a line only, and the transaction's error not at all. Those that
 * were not tried for that reason have lines too. */
static bool denied_place(const char *line, char out[DENIED_TEXT])
{
    const char *name = strchr(line, '"'), *end = name ? strchr(name + 1, '"') : NULL;
    int32_t partition;

    if (!end || !strstr(end, "authoriz") || sscanf(end, "\" [%" SCNd32 "]", &partition) != 1)
        return false;
    (void)snprintf(out, DENIED_TEXT, "%.*s/%" PRId32, (int)(end - name - 1), name + 1, partition);
    return true;
}

static const char *who(const struct egw_settings *settings)
{
    const char *certificate = NULL;

    if (!settings)
        return NULL;
    if (settings->kafka.user && *settings->kafka.user)
        return settings->kafka.user;
    for (size_t i = 0; i < settings->kafka.property_count; i++) {
        if (strcmp(settings->kafka.properties[i].name, "ssl.certificate.location") == 0)
            certificate = settings->kafka.properties[i].value;
    }
    return certificate;
}

struct egw_kafka_heard *egw_kafka_heard_new(const struct egw_kafka_handle_conf *conf)
{
    struct egw_kafka_heard *heard = calloc(1, sizeof(*heard));

    if (!heard)
        return NULL;
    heard->self = conf->self;
    heard->trouble = conf->trouble;
    heard->line = conf->line;
    heard->who = who(conf->settings);
    (void)pthread_mutex_init(&heard->lock, NULL);
    return heard;
}

void egw_kafka_heard_free(struct egw_kafka_heard *heard)
{
    if (!heard)
        return;
    (void)pthread_mutex_destroy(&heard->lock);
    free(heard);
}

void *egw_kafka_self(const rd_kafka_t *rk)
{
    const struct egw_kafka_heard *heard = rd_kafka_opaque(rk);

    return heard->self;
}

/* A certificate that one side does not accept comes as a plain transport error now and then. */
static bool is_refusal(int code, const char *reason)
{
    return code == RD_KAFKA_RESP_ERR__AUTHENTICATION || strstr(reason, "certificate");
}

/* Without what only librdkafka's authors can use: "... (after 3ms in state CONNECT)". */
static void keep(struct egw_kafka_heard *heard, const char *reason)
{
    const char *tail = strstr(reason, " (after ");
    int n = tail ? (int)(tail - reason) : (int)strlen(reason);

    (void)snprintf(heard->text, sizeof(heard->text), "%.*s", n, reason);
}

void egw_kafka_heard_trouble(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct egw_kafka_heard *heard = opaque;
    bool refusal = is_refusal(code, reason);

    (void)pthread_mutex_lock(&heard->lock);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        heard->all_down = heard->silence = true;
    else if (!heard->refused)
        keep(heard, reason);
    heard->refused |= refusal;
    (void)pthread_mutex_unlock(&heard->lock);
    if (heard->trouble)
        heard->trouble(rk, code, reason, heard->self);
}

void egw_kafka_heard_line(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    struct egw_kafka_heard *heard = rd_kafka_opaque(rk);
    char place[DENIED_TEXT];

    if (strcmp(facility, "ADDPARTS") == 0 && denied_place(text, place)) {
        (void)pthread_mutex_lock(&heard->lock);
        if (!heard->denied[0])
            memcpy(heard->denied, place, sizeof(place));
        (void)pthread_mutex_unlock(&heard->lock);
    }
    if (heard->line)
        heard->line(rk, level, facility, text);
}

void egw_kafka_heard_begin(const rd_kafka_t *rk)
{
    struct egw_kafka_heard *heard = rd_kafka_opaque(rk);

    (void)pthread_mutex_lock(&heard->lock);
    heard->denied[0] = '\0';
    (void)pthread_mutex_unlock(&heard->lock);
}

enum egw_status egw_kafka_name_denied(const rd_kafka_t *rk, enum egw_status st,
                                      struct egw_error *error)
{
    struct egw_kafka_heard *heard = rd_kafka_opaque(rk);

    if (!error || error->status != EGW_DENIED)
        return st;
    (void)pthread_mutex_lock(&heard->lock);
    if (heard->denied[0])
        (void)egw_error_prefix(error, EGW_DENIED, "%s", heard->denied);
    if (heard->who)
        (void)egw_error_prefix(error, EGW_DENIED, "as %s", heard->who);
    (void)pthread_mutex_unlock(&heard->lock);
    return st;
}

bool egw_kafka_heard_silence(const rd_kafka_t *rk, struct egw_error *ret)
{
    struct egw_kafka_heard *heard = rd_kafka_opaque(rk);
    bool silence;

    (void)pthread_mutex_lock(&heard->lock);
    silence = heard->silence;
    heard->silence = false;
    if (silence)
        (void)egw_error_set(ret, EGW_RETRY, "%s",
                            heard->text[0] ? heard->text : "no broker is connected");
    (void)pthread_mutex_unlock(&heard->lock);
    return silence;
}

void egw_kafka_heard_well(const rd_kafka_t *rk)
{
    struct egw_kafka_heard *heard = rd_kafka_opaque(rk);

    (void)pthread_mutex_lock(&heard->lock);
    heard->text[0] = '\0';
    heard->refused = heard->all_down = false;
    (void)pthread_mutex_unlock(&heard->lock);
}

bool egw_kafka_refused(rd_kafka_t *rk)
{
    struct egw_kafka_heard *heard = rd_kafka_opaque(rk);
    bool refused;

    (void)rd_kafka_poll(rk, 0); /* what was heard comes by callback */
    (void)pthread_mutex_lock(&heard->lock);
    refused = heard->refused && heard->all_down;
    (void)pthread_mutex_unlock(&heard->lock);
    return refused;
}

/* librdkafka before 2.6.1 sends a nonce that Kafka 4 no longer lets pass, and the broker's answer
 * is that of a wrong password. */
static const char *hint(const struct egw_kafka_heard *heard)
{
    if (!heard->refused || !strstr(heard->text, "SCRAM") || rd_kafka_version() >= SCRAM_SINCE)
        return "";
    return "with Kafka 4 SCRAM needs librdkafka 2.6.1 (else PLAIN, or a certificate): ";
}

enum egw_status egw_kafka_no_answer(rd_kafka_t *rk, struct egw_error *reterr, const char *fmt, ...)
{
    struct egw_kafka_heard *heard = rd_kafka_opaque(rk);
    enum egw_status st;
    char asked[256];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(asked, sizeof(asked), fmt, ap);
    va_end(ap);
    (void)rd_kafka_poll(rk, 0);
    (void)pthread_mutex_lock(&heard->lock);
    if (heard->refused)
        st = egw_error_set(reterr, EGW_DENIED, "no broker let us in%s%s: %s%s",
                           heard->who ? " as " : "", heard->who ? heard->who : "", hint(heard),
                           heard->text);
    else
        st = egw_error_set(reterr, EGW_RETRY, "%s%s%s", asked, heard->text[0] ? ": " : "",
                           heard->text);
    (void)pthread_mutex_unlock(&heard->lock);
    return st;
}

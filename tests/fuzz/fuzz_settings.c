/*
 * Any bytes as a settings file: a fault or settings that hold what the table promises, never a
 * crash, a hang or a file opened by the text. Corpus: corpus/settings.
 */
#define _GNU_SOURCE /* memfd_create */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "egw/kafka.h"
#include "egw/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets the string it read last when the text is wrong behind it. */
const char *__lsan_default_suppressions(void)
{
    return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

static void check_promises(const struct egw_settings *s)
{
    if (s->topics.partitions < 1 || s->topics.partitions > 4096 || s->triage.slot > 999 ||
        s->kafka.transaction_timeout_ms > s->kafka.session_timeout_ms || !*s->kafka.brokers ||
        !*s->topics.events || strcmp(s->topics.events, s->topics.inbox) == 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct egw_settings settings;
    struct egw_faults faults = {0};
    int fd = memfd_create("settings", MFD_CLOEXEC);
    enum egw_status st;
    char path[64];

    if (fd < 0 || write(fd, data, n) != (ssize_t)n)
        abort();
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    st = egw_settings_load(path, NULL, 0, &settings, &faults);
    if ((st == EGW_OK) != (faults.total == 0))
        abort();
    if (st == EGW_OK)
        check_promises(&settings);
    if (settings.kafka.brokers)
        egw_kafka_check(&settings, &faults);
    egw_settings_free(&settings);
    egw_faults_free(&faults);
    close(fd);
    return 0;
}

/* kafka_command - the connection of commands, shared by admin and writing */
#ifndef EGW_KAFKA_COMMAND_H
#define EGW_KAFKA_COMMAND_H

#include "kafka_internal.h"

struct egw_kafka {
    const struct egw_settings *settings;
    char *client_id;
    rd_kafka_t *writer;  /* idempotent producer; admin requests go by it */
    rd_kafka_t *asker;   /* consumer: its questions create no topic, its ends are stable */
    rd_kafka_t *grouped; /* for committed offsets of `group` */
    char *group;
    char met[256]; /* the topic last written to: the writer knows its partitions */
    size_t failed; /* deliveries since the last flush */
    struct egw_error failure;
};

#endif

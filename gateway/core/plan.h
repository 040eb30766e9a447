/*
 * plan - what a decode plan is made of; shared by the executor (core/codec_decode.c) and the
 * compiler (edge/schema.c), private to the two
 *
 * A plan is one flat array of ops. A record that stands in place has no op of its own: its fields'
 * ops follow each other, each knowing its offset in the C struct. What has a memory of its own (the
 * items of a list, an optional record) is a block: the ops between NEW or LIST and its END. Records
 * of the writer that we drop are blocks at the end of the array, entered by CALL, because they may
 * contain themselves.
 *
 * The C struct is all zeros when its ops run: an absent optional part costs no write, and a field
 * the writer lacks costs one only when its default is not all zeros.
 */
#ifndef EGW_CORE_PLAN_H
#define EGW_CORE_PLAN_H

#include "egw/codec.h"

enum egw_opcode {
    EGW_OP_END, /* of a block or of the plan */
    EGW_OP_JUMP,
    EGW_OP_OPTION,     /* union of null and one type: null continues at `to` */
    EGW_OP_OPT_STRING, /* the same, with the string in the same op */
    EGW_OP_UNION,      /* size branches; targets[to + branch] is where each continues */
    EGW_OP_REFUSE,     /* a branch the reader has no place for; its path is the sentence */
    EGW_OP_HAS,        /* bool at `at` becomes true */
    EGW_OP_BRANCH,     /* int32_t at `at` becomes size: the branch of a choice */
    EGW_OP_NEW,        /* memory of size bytes, its address at `at`; block follows, then `to` */
    EGW_OP_LIST,       /* items of size bytes (0: dropped); block follows, then `to` */
    EGW_OP_SET,        /* size bytes of constants + to: the default of a field the writer lacks */
    EGW_OP_CALL,       /* the block at `to` */
    EGW_OP_BOOLEAN,
    EGW_OP_INT,
    EGW_OP_LONG,
    EGW_OP_FLOAT,
    EGW_OP_DOUBLE,
    EGW_OP_STRING, /* bytes too */
    EGW_OP_FIXED,
    EGW_OP_ENUM,     /* size symbols, the same in both */
    EGW_OP_ENUM_MAP, /* size symbols; symbols[to + n] is the reader's number, -1: it has none */
    EGW_OP_INT_LONG, /* promotions: what is written, what it becomes */
    EGW_OP_INT_FLOAT,
    EGW_OP_INT_DOUBLE,
    EGW_OP_LONG_FLOAT,
    EGW_OP_LONG_DOUBLE,
    EGW_OP_FLOAT_DOUBLE,
    EGW_OP_SKIP, /* size bytes */
    EGW_OP_SKIP_BOOLEAN,
    EGW_OP_SKIP_INT,
    EGW_OP_SKIP_LONG,
    EGW_OP_SKIP_STRING,
    EGW_OP_SKIP_ENUM, /* size symbols */
};

struct egw_op {
    uint8_t code;
    uint8_t null_byte; /* OPTION, OPT_STRING: the branch number of null as written, 0 or 2 */
    uint32_t at;       /* offset in the C struct */
    uint32_t size;
    uint32_t to;
};

enum { EGW_PLAN_OPS_MAX = 65536, EGW_DEPTH_MAX = 64, EGW_ITEMS_MAX = 100000 };

struct egw_plan {
    const struct egw_type *reader;
    struct egw_op *ops;
    const char **paths; /* one for each op: the field's path, for sentences only */
    size_t op_count;
    uint32_t *targets;        /* of UNION */
    int32_t *symbols;         /* of ENUM_MAP */
    unsigned char *constants; /* of SET */
    struct egw_arena arena;   /* paths, and what constants point to */
};

#endif

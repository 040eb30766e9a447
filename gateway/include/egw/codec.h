/*
 * codec - Avro records to C structs and back, bounded and without a library
 *
 * A reader schema is a constant table (struct egw_type) that the build writes from schemas/x.avsc,
 * beside the C struct it describes (egw/records.h). A writer schema and a reader table compile once
 * into a flat plan (egw/schema.h, which needs a JSON library and so lives at the edge); decoding
 * walks the plan. Strings and bytes in a decoded record are views of the input: the record lives as
 * long as the input and the arena. Encoding writes the reader schema's own form.
 *
 * How an Avro type appears in C:
 *   string, bytes          struct egw_str               union{null,string}  egw_str, p == NULL:
 * null int long float double  int32_t int64_t float double union{null,long}    struct egw_opt_i64
 * (etc.) boolean                bool                         union{null,bool}    struct
 * egw_opt_bool enum                   int32_t (enum egw_...)       union{null,record}  pointer,
 * NULL: null fixed N                unsigned char[N]             union{null,fixed}   pointer to the
 * N bytes array of T             struct egw_list: p points to n elements of T's C form map of
 * string          struct egw_list of struct egw_pair union of records       struct egw_choice:
 * branch number and pointer record                 the struct itself, in place
 *
 * Bounds (promises A1): lengths <= bytes left, <= 100,000 items in all, depth <= 64, canonical
 * varints, arena use <= 64 KiB + 64 x input, exact end of input.
 * Pure; any thread, a plan is read-only.
 */
#ifndef EGW_CODEC_H
#define EGW_CODEC_H

#include "egw/base.h"
#include "egw/buf.h"

struct egw_opt_bool {
    bool has, v;
};
struct egw_opt_i32 {
    bool has;
    int32_t v;
};
struct egw_opt_i64 {
    bool has;
    int64_t v;
};
struct egw_opt_double {
    bool has;
    double v;
};
struct egw_list {
    void *p;
    size_t n;
};
/* Room for one more item of `size`, zeroed, in a list that nothing else has grown; NULL: no memory.
 */
void *egw_list_push(struct egw_arena *arena, struct egw_list *list, size_t size);
struct egw_pair {
    struct egw_str key, value;
};
struct egw_choice {
    int32_t branch;
    void *p;
};

/* What a field may be shown to: A6 of the promises. */
enum egw_class {
    EGW_CLASS_ID,   /* identifiers: may be logged */
    EGW_CLASS_PII,  /* personal or free text: packages and waiting cases only */
    EGW_CLASS_FREE, /* neither: closed words, numbers, times */
};

enum egw_kind {
    EGW_K_NULL,
    EGW_K_BOOLEAN,
    EGW_K_INT,
    EGW_K_LONG,
    EGW_K_FLOAT,
    EGW_K_DOUBLE,
    EGW_K_BYTES,
    EGW_K_STRING,
    EGW_K_FIXED,
    EGW_K_ENUM,
    EGW_K_ARRAY,
    EGW_K_MAP,
    EGW_K_OPTION, /* union of null and `item`, null first */
    EGW_K_CHOICE, /* union of records */
    EGW_K_RECORD,
};

enum egw_logical {
    EGW_L_NONE,
    EGW_L_TIMESTAMP_MS, /* shown as ISO 8601 in JSON */
};

struct egw_type;
struct egw_put;

struct egw_field {
    const char *name;
    const char *const *aliases; /* NULL-terminated; NULL when there are none */
    const char *doc;
    const struct egw_type *type;
    size_t offset; /* in the C struct */
    enum egw_class cls;
    bool has_default;
    const unsigned char *default_bytes; /* the default, Avro-encoded */
    size_t default_n;
};

struct egw_type {
    enum egw_kind kind;
    enum egw_logical logical;
    const char *name;               /* full name of record, enum, fixed */
    const char *const *aliases;     /* of a named type; NULL-terminated or NULL */
    size_t size;                    /* of the C form */
    const struct egw_type *item;    /* ARRAY, MAP, OPTION */
    const struct egw_field *fields; /* RECORD */
    size_t field_count;
    const char *const *symbols; /* ENUM */
    size_t symbol_count;
    int32_t default_symbol;                 /* ENUM: for a symbol the reader lacks; -1 when none */
    const struct egw_type *const *branches; /* CHOICE */
    size_t branch_count;
    const char *json;           /* RECORD at top level: the schema text, else NULL */
    uint64_t fingerprint;       /* top level: CRC-64-AVRO of the parsing canonical form */
    const struct egw_put *puts; /* RECORD: fields as the encoder's ops; NULL: it walks the table */
};

/* The encoder's ops: a record's fields as the build flattened them. Private to core/codec_encode.c.
 */
enum egw_put_op {
    EGW_PUT_HEAD, /* count bytes are written at most, long texts and items apart */
    EGW_PUT_END,
    EGW_PUT_STRINGS, /* count of them, side by side */
    EGW_PUT_OPT_STRINGS,
    EGW_PUT_BOOLEAN,
    EGW_PUT_INT,
    EGW_PUT_LONG,
    EGW_PUT_FLOAT,
    EGW_PUT_DOUBLE,
    EGW_PUT_ENUM,  /* count symbols */
    EGW_PUT_FIXED, /* count bytes */
    EGW_PUT_OPT_BOOLEAN,
    EGW_PUT_OPT_INT,
    EGW_PUT_OPT_LONG,
    EGW_PUT_OPT_DOUBLE,
    EGW_PUT_OPT_ENUM,
    EGW_PUT_OPT_FIXED,
    EGW_PUT_OPT_RECORD, /* of type */
    EGW_PUT_CHOICE,     /* type has the branches */
    EGW_PUT_TEXTS,      /* list whose items are count strings each, and nothing else */
    EGW_PUT_RECORDS,    /* list of type */
};

struct egw_put {
    enum egw_put_op op;
    uint32_t count;
    size_t at; /* offset in the C struct */
    const struct egw_type *type;
};

struct egw_plan; /* made by egw_plan_new() of egw/schema.h */

/*
 * Decode exactly n bytes into *ret (the reader's C struct, overwritten). Lists and optional parts
 * come from the arena; strings point into bytes. EGW_INVALID names the field and what was wrong;
 * EGW_NOMEM when the arena is at its ceiling. On failure *ret is unspecified.
 */
enum egw_status egw_decode(const struct egw_plan *plan, const void *bytes, size_t n,
                           struct egw_arena *arena, void *ret,
                           struct egw_error *reterr) EGW_MUST_CHECK;

/* Append the record's Avro form. EGW_INVALID: an enum or branch out of range; EGW_NOMEM: out is at
 * its ceiling. On failure out->n is as it was. */
enum egw_status egw_encode(const struct egw_type *type, const void *record, struct egw_buf *out,
                           struct egw_error *reterr) EGW_MUST_CHECK;

const struct egw_type *egw_plan_reader(const struct egw_plan *plan);

/* Where the value of an optional part of kind item is; NULL: it is absent. */
const void *egw_option_value(const struct egw_type *item, const void *option);

/* ---- framing: what stands before the Avro bytes ---- */

enum egw_frame_kind {
    EGW_FRAME_NONE,      /* neither form: refuse */
    EGW_FRAME_CONFLUENT, /* 00, big-endian schema id */
    EGW_FRAME_SINGLE,    /* C3 01, little-endian fingerprint */
};

struct egw_frame {
    enum egw_frame_kind kind;
    int32_t id;           /* CONFLUENT */
    uint64_t fingerprint; /* SINGLE */
    struct egw_str body;
};

struct egw_frame egw_frame_read(struct egw_str value);

/*
 * How records are written: Confluent ids when a registry is set, single-object otherwise. ids maps
 * a type (by its place in egw_record_types) to the id the registry gave.
 */
struct egw_framing {
    bool confluent;
    const int32_t *ids;
};

/* Append frame and record. Statuses as egw_encode(). */
enum egw_status egw_encode_framed(const struct egw_framing *framing, const struct egw_type *type,
                                  const void *record, struct egw_buf *out,
                                  struct egw_error *reterr) EGW_MUST_CHECK;

/* ---- which plan reads a frame ---- */

/*
 * The set of plans a process knows: by fingerprint and by registry id, each bound to a reader type.
 * Grows only (a registry answer, an accepted fingerprint). Owner thread only.
 */
struct egw_plans;
struct egw_plans *egw_plans_new(void); /* NULL: no memory */
void egw_plans_free(struct egw_plans *plans);
/* The set owns plan from here, on failure too. */
enum egw_status egw_plans_add_fingerprint(struct egw_plans *plans, uint64_t fingerprint,
                                          struct egw_plan *plan) EGW_MUST_CHECK;
enum egw_status egw_plans_add_id(struct egw_plans *plans, int32_t id,
                                 struct egw_plan *plan) EGW_MUST_CHECK;
/* The registry says definitely that id is not there (or is not a record we read). */
enum egw_status egw_plans_refuse_id(struct egw_plans *plans, int32_t id) EGW_MUST_CHECK;
/* What the registry did not have it may have by now: ids refused are asked for once more. */
void egw_plans_forget_refused(struct egw_plans *plans);
/*
 * EGW_OK and the plan; EGW_INVALID: no frame, or a fingerprint or id that will not become known;
 * EGW_RETRY: an id the registry has not been asked for yet (*frame->id says which).
 */
enum egw_status egw_plans_find(const struct egw_plans *plans, const struct egw_frame *frame,
                               const struct egw_plan **ret,
                               struct egw_error *reterr) EGW_MUST_CHECK;
/* With a registry an unknown id is RETRY, without one it is INVALID. */
void egw_plans_expect_registry(struct egw_plans *plans, bool yes);

void egw_plan_free(struct egw_plan *plan);

#endif

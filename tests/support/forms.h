/*
 * forms - a record with one field for every form an Avro type takes in C, and records of any type
 * filled at random: what the tests, the fuzz targets and the contract tool read and write
 */
#ifndef EGW_TEST_FORMS_H
#define EGW_TEST_FORMS_H

#include "egw/codec.h"

struct forms_part {
    struct egw_str name;
    int64_t n;
};

struct forms {
    bool flag;
    int32_t i;
    int64_t l;
    float f;
    double d;
    struct egw_str bytes;
    struct egw_str text;
    unsigned char id[4];
    int32_t colour; /* RED, GREEN, BLUE */
    struct forms_part part;
    struct egw_list texts;
    struct egw_list parts;
    struct egw_list map;
    struct egw_str opt_text;
    struct egw_opt_bool opt_flag;
    struct egw_opt_i32 opt_i;
    struct egw_opt_i64 opt_l;
    struct egw_opt_double opt_d;
    struct egw_opt_i32 opt_colour;
    struct forms_part *opt_part;
    unsigned char *opt_id;
    struct egw_choice choice; /* forms_part or forms_other */
};

struct forms_other {
    bool yes;
};

/* test.Forms; its json describes the same. */
extern const struct egw_type forms_type;

/* A sequence of numbers that depends on the seed only. */
uint64_t random_next(uint64_t *seed);
/* A record of type at ret (type->size bytes), parts in the arena. False: the arena is full. */
bool random_record(uint64_t *seed, const struct egw_type *type, struct egw_arena *arena, void *ret);

#endif

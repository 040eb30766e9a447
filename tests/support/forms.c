#include "forms.h"

#define PLAIN(var, tag, ctype)                                                                     \
    static const struct egw_type var = {.kind = tag, .size = sizeof(ctype), .default_symbol = -1}
#define OPTIONAL(var, of, ctype)                                                                   \
    static const struct egw_type var = {                                                           \
        .kind = EGW_K_OPTION, .size = sizeof(ctype), .item = &(of), .default_symbol = -1}
#define FIELD(owner, member, of)                                                                   \
    {                                                                                              \
        .name = #member, .type = &(of), .offset = offsetof(struct owner, member)                   \
    }

PLAIN(t_bool, EGW_K_BOOLEAN, bool);
PLAIN(t_int, EGW_K_INT, int32_t);
PLAIN(t_long, EGW_K_LONG, int64_t);
PLAIN(t_float, EGW_K_FLOAT, float);
PLAIN(t_double, EGW_K_DOUBLE, double);
PLAIN(t_bytes, EGW_K_BYTES, struct egw_str);
PLAIN(t_string, EGW_K_STRING, struct egw_str);

static const struct egw_type t_id = {
    .kind = EGW_K_FIXED, .name = "test.Id", .size = 4, .default_symbol = -1};

static const char *const colours[] = {"RED", "GREEN", "BLUE"};
static const struct egw_type t_colour = {.kind = EGW_K_ENUM,
                                         .name = "test.Colour",
                                         .size = sizeof(int32_t),
                                         .symbols = colours,
                                         .symbol_count = EGW_COUNT(colours),
                                         .default_symbol = -1};

static const struct egw_field part_fields[] = {
    FIELD(forms_part, name, t_string),
    FIELD(forms_part, n, t_long),
};
static const struct egw_type t_part = {.kind = EGW_K_RECORD,
                                       .name = "test.Part",
                                       .size = sizeof(struct forms_part),
                                       .fields = part_fields,
                                       .field_count = EGW_COUNT(part_fields),
                                       .default_symbol = -1};

static const struct egw_field other_fields[] = {FIELD(forms_other, yes, t_bool)};
static const struct egw_type t_other = {.kind = EGW_K_RECORD,
                                        .name = "test.Other",
                                        .size = sizeof(struct forms_other),
                                        .fields = other_fields,
                                        .field_count = EGW_COUNT(other_fields),
                                        .default_symbol = -1};

static const struct egw_type t_texts = {
    .kind = EGW_K_ARRAY, .size = sizeof(struct egw_list), .item = &t_string, .default_symbol = -1};
static const struct egw_type t_parts = {
    .kind = EGW_K_ARRAY, .size = sizeof(struct egw_list), .item = &t_part, .default_symbol = -1};
static const struct egw_type t_map = {
    .kind = EGW_K_MAP, .size = sizeof(struct egw_list), .item = &t_string, .default_symbol = -1};

OPTIONAL(t_opt_text, t_string, struct egw_str);
OPTIONAL(t_opt_flag, t_bool, struct egw_opt_bool);
OPTIONAL(t_opt_i, t_int, struct egw_opt_i32);
OPTIONAL(t_opt_l, t_long, struct egw_opt_i64);
OPTIONAL(t_opt_d, t_double, struct egw_opt_double);
OPTIONAL(t_opt_colour, t_colour, struct egw_opt_i32);
OPTIONAL(t_opt_part, t_part, struct forms_part *);
OPTIONAL(t_opt_id, t_id, unsigned char *);

static const struct egw_type *const branches[] = {&t_part, &t_other};
static const struct egw_type t_choice = {.kind = EGW_K_CHOICE,
                                         .size = sizeof(struct egw_choice),
                                         .branches = branches,
                                         .branch_count = EGW_COUNT(branches),
                                         .default_symbol = -1};

static const struct egw_field fields[] = {
    FIELD(forms, flag, t_bool),
    FIELD(forms, i, t_int),
    FIELD(forms, l, t_long),
    FIELD(forms, f, t_float),
    FIELD(forms, d, t_double),
    FIELD(forms, bytes, t_bytes),
    FIELD(forms, text, t_string),
    FIELD(forms, id, t_id),
    FIELD(forms, colour, t_colour),
    FIELD(forms, part, t_part),
    FIELD(forms, texts, t_texts),
    FIELD(forms, parts, t_parts),
    FIELD(forms, map, t_map),
    FIELD(forms, opt_text, t_opt_text),
    FIELD(forms, opt_flag, t_opt_flag),
    FIELD(forms, opt_i, t_opt_i),
    FIELD(forms, opt_l, t_opt_l),
    FIELD(forms, opt_d, t_opt_d),
    FIELD(forms, opt_colour, t_opt_colour),
    FIELD(forms, opt_part, t_opt_part),
    FIELD(forms, opt_id, t_opt_id),
    FIELD(forms, choice, t_choice),
};

#define F(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define OPT(type)     "[\"null\"," type "]"

const struct egw_type forms_type = {
    .kind = EGW_K_RECORD,
    .name = "test.Forms",
    .size = sizeof(struct forms),
    .fields = fields,
    .field_count = EGW_COUNT(fields),
    .default_symbol = -1,
    .json =
        "{\"type\":\"record\",\"name\":\"Forms\",\"namespace\":\"test\",\"fields\":[" F(
            "flag",
            "\"boolean\"") "," F("i", "\"int\"") "," F("l", "\"long\"") "," F("f",
                                                                              "\"float\"") "," F("d", "\"double\"") "," F("bytes", "\"bytes\"") "," F("text", "\"string\"") "," F("id", "{\"type\":\"fixed\",\"name\":\"Id\",\"size\":4}") "," F("colour", "{\"type\":\"enum\",\"name\":\"Colour\",\"symbols\":"
                                                                                                                                                                                                                                                           "[\"RED\",\"GREEN\",\"BLUE\"]}") "," F("part", "{\"type\":\"record\",\"name\":\"Part\",\"fields\":[" F("name", "\"string\"") "," F("n", "\"long\"") "]}") "," F("texts",
                                                                                                                                                                                                                                                                                                                                                                                                                           "{\"type\":\"array\",\"items\":\"string\"}") "," F("parts",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                              "{\"type\":\"array\",\"items\":\"Part\"}") "," F("map", "{\"type\":\"map\",\"values\":\"string\"}") "," F("opt_text", OPT("\"string\"")) "," F("opt_flag",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                             OPT("\"boolean\"")) "," F("opt_i", OPT("\"int\"")) "," F("opt_l", OPT("\"long\"")) "," F("opt_d",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      OPT("\"double\"")) "," F("opt_colour", OPT("\"Colour\"")) "," F("opt_part", OPT("\"Part\"")) "," F("opt_id", OPT("\"Id\"")) "," F("choice",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                        "[\"Part\",{\"type\":\"record\",\"name\":\"Other\",\"fields\":[" F("yes", "\"boolean\"") "]}]") "]}",
};

/* ---- random records ---- */

uint64_t random_next(uint64_t *seed) /* splitmix64 */
{
    uint64_t z = *seed += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* Numbers of every length, both signs. */
static int64_t random_long(uint64_t *seed)
{
    uint64_t bits = random_next(seed) % 65;
    uint64_t v = bits ? random_next(seed) >> (64 - bits) : 0;

    return (int64_t)v;
}

/* Text in UTF-8 with letters of one, two, three and four bytes, now and then long. */
static bool random_text(uint64_t *seed, struct egw_arena *arena, struct egw_str *ret)
{
    static const char *const letters[] = {
        "a", "Z", " ", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x9a\x91", "\"", "\n"};
    size_t count = random_next(seed) % (random_next(seed) % 16 ? 20 : 400);
    char *p = egw_arena_alloc(arena, count * 4 + 1);
    size_t n = 0;

    if (!p)
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *letter = letters[random_next(seed) % EGW_COUNT(letters)];

        memcpy(p + n, letter, strlen(letter));
        n += strlen(letter);
    }
    *ret = (struct egw_str){p, n};
    return true;
}

static bool random_bytes(uint64_t *seed, size_t n, unsigned char *ret)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = (unsigned char)random_next(seed);
    return true;
}

static bool random_list(uint64_t *seed, const struct egw_type *type, struct egw_arena *arena,
                        struct egw_list *ret)
{
    size_t size = type->kind == EGW_K_MAP ? sizeof(struct egw_pair) : type->item->size;
    size_t n = random_next(seed) % 2 ? random_next(seed) % 5 : 0;
    unsigned char *p = egw_arena_alloc(arena, n * size);

    if (!p)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (type->kind == EGW_K_MAP) {
            struct egw_pair *pair = (void *)(p + i * size);

            pair->key = egw_arena_printf(arena, "key %zu", i); /* keys of a map differ */
            if (!pair->key.p || !random_record(seed, type->item, arena, &pair->value))
                return false;
        } else if (!random_record(seed, type->item, arena, p + i * size)) {
            return false;
        }
    }
    *ret = (struct egw_list){n ? p : NULL, n};
    return true;
}

static bool random_option(uint64_t *seed, const struct egw_type *item, struct egw_arena *arena,
                          void *ret)
{
    unsigned char *p = ret;
    void *made;

    if (random_next(seed) % 2)
        return true;
    switch (item->kind) {
    case EGW_K_STRING:
    case EGW_K_BYTES:
        return random_record(seed, item, arena, ret);
    case EGW_K_BOOLEAN:
        *(bool *)ret = true;
        return random_record(seed, item, arena, p + offsetof(struct egw_opt_bool, v));
    case EGW_K_INT:
    case EGW_K_ENUM:
        *(bool *)ret = true;
        return random_record(seed, item, arena, p + offsetof(struct egw_opt_i32, v));
    case EGW_K_LONG:
        *(bool *)ret = true;
        return random_record(seed, item, arena, p + offsetof(struct egw_opt_i64, v));
    case EGW_K_DOUBLE:
        *(bool *)ret = true;
        return random_record(seed, item, arena, p + offsetof(struct egw_opt_double, v));
    default:
        made = egw_arena_alloc(arena, item->size);
        *(void **)ret = made;
        return made && random_record(seed, item, arena, made);
    }
}

static bool random_choice(uint64_t *seed, const struct egw_type *type, struct egw_arena *arena,
                          struct egw_choice *ret)
{
    ret->branch = (int32_t)(random_next(seed) % type->branch_count);
    ret->p = egw_arena_alloc(arena, type->branches[ret->branch]->size);
    return ret->p && random_record(seed, type->branches[ret->branch], arena, ret->p);
}

bool random_record(uint64_t *seed, const struct egw_type *type, struct egw_arena *arena, void *ret)
{
    switch (type->kind) {
    case EGW_K_NULL:
        return true;
    case EGW_K_BOOLEAN:
        *(bool *)ret = random_next(seed) & 1;
        return true;
    case EGW_K_INT:
        *(int32_t *)ret = (int32_t)random_long(seed);
        return true;
    case EGW_K_LONG:
        *(int64_t *)ret = random_long(seed);
        return true;
    case EGW_K_FLOAT:
        *(float *)ret = (float)(int16_t)random_next(seed) / 8;
        return true;
    case EGW_K_DOUBLE:
        *(double *)ret = (double)(int32_t)random_next(seed) / 8;
        return true;
    case EGW_K_BYTES:
    case EGW_K_STRING:
        return random_text(seed, arena, ret);
    case EGW_K_FIXED:
        return random_bytes(seed, type->size, ret);
    case EGW_K_ENUM:
        *(int32_t *)ret = (int32_t)(random_next(seed) % type->symbol_count);
        return true;
    case EGW_K_ARRAY:
    case EGW_K_MAP:
        return random_list(seed, type, arena, ret);
    case EGW_K_OPTION:
        memset(ret, 0, type->size);
        return random_option(seed, type->item, arena, ret);
    case EGW_K_CHOICE:
        return random_choice(seed, type, arena, ret);
    case EGW_K_RECORD:
        memset(ret, 0, type->size);
        for (size_t i = 0; i < type->field_count; i++) {
            if (!random_record(seed, type->fields[i].type, arena,
                               (unsigned char *)ret + type->fields[i].offset))
                return false;
        }
        return true;
    }
    return false;
}

/*
 * hash - SHA-256, the Kafka partitioner's murmur2, and a keyed hash for tables
 *
 * Pure. SHA-256 is implemented at the edge by libcrypto (it is one of the named pure functions
 * core may be left with at link time); the others are here in core. Any thread.
 */
#ifndef EGW_HASH_H
#define EGW_HASH_H

#include "egw/base.h"

enum { EGW_SHA256 = 32 };

struct egw_sha256 {
    unsigned char b[EGW_SHA256];
};

/* One pass over up to eight pieces. Cannot fail (a failure inside libcrypto ends the process). */
void egw_sha256v(const struct egw_str *pieces, size_t n, struct egw_sha256 *ret);
static inline void egw_sha256(const void *bytes, size_t n, struct egw_sha256 *ret)
{
    struct egw_str piece = {bytes, n};
    egw_sha256v(&piece, 1, ret);
}

/* Lower-case hex of n bytes into out (2n + 1 bytes, NUL-terminated). */
void egw_hex(const void *bytes, size_t n, char *out);
/* The 32 bytes that 64 digits of lower-case hex name. False: it is no such hex, ret is unspecified.
 */
bool egw_sha256_of_hex(struct egw_str hex, struct egw_sha256 *ret) EGW_MUST_CHECK;

/* Kafka's own default partitioner: murmur2 of the key, sign bit cleared, modulo the count. The
 * Java client computes the same; librdkafka's default does not. count > 0. */
int32_t egw_partition_of(struct egw_str key, int32_t count);

/* Keyed hash for in-memory tables: a stranger who chooses keys cannot choose collisions. The seed
 * is process-wide, set once at start (the simulation sets a fixed one). */
void egw_table_seed(uint64_t seed);
uint64_t egw_table_hash(struct egw_str key);

#endif

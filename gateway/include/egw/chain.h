/*
 * chain - the hash chain over outcomes
 *
 * leaf = SHA-256(00 | key length as 4 bytes big-endian | key | value)
 * head = SHA-256(02 | prev | leaf), prev being 32 zero bytes at number 0.
 * Pure; any thread.
 */
#ifndef EGW_CHAIN_H
#define EGW_CHAIN_H

#include "egw/hash.h"

void egw_chain_leaf(struct egw_str key, struct egw_str value, struct egw_sha256 *ret);
void egw_chain_head(const unsigned char prev[EGW_SHA256], const struct egw_sha256 *leaf,
                    struct egw_sha256 *ret);

#endif

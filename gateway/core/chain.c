#include "egw/chain.h"

void egw_chain_leaf(struct egw_str key, struct egw_str value, struct egw_sha256 *ret)
{
    unsigned char head[5] = {0x00, (unsigned char)(key.n >> 24), (unsigned char)(key.n >> 16),
                             (unsigned char)(key.n >> 8), (unsigned char)key.n};
    struct egw_str pieces[] = {{(const char *)head, sizeof(head)}, key, value};

    egw_sha256v(pieces, EGW_COUNT(pieces), ret);
}

void egw_chain_head(const unsigned char prev[EGW_SHA256], const struct egw_sha256 *leaf,
                    struct egw_sha256 *ret)
{
    unsigned char text[1 + 2 * EGW_SHA256];

    text[0] = 0x02;
    memcpy(text + 1, prev, EGW_SHA256);
    memcpy(text + 1 + EGW_SHA256, leaf->b, EGW_SHA256);
    egw_sha256(text, sizeof(text), ret);
}

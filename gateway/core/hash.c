#include "egw/hash.h"

void egw_hex(const void *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = bytes;

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * n] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool egw_sha256_of_hex(struct egw_str hex, struct egw_sha256 *ret)
{
    if (hex.n != 2 * EGW_SHA256)
        return false;
    for (size_t i = 0; i < EGW_SHA256; i++) {
        int high = hex_digit(hex.p[2 * i]), low = hex_digit(hex.p[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        ret->b[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static uint32_t murmur2(const unsigned char *p, size_t n)
{
    const uint32_t m = 0x5bd1e995;
    uint32_t h = 0x9747b28c ^ (uint32_t)n;

    for (; n >= 4; p += 4, n -= 4) {
        uint32_t k =
            (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;

        k *= m;
        k ^= k >> 24;
        k *= m;
        h = h * m ^ k;
    }
    switch (n) {
    case 3:
        h ^= (uint32_t)p[2] << 16;
        __attribute__((fallthrough));
    case 2:
        h ^= (uint32_t)p[1] << 8;
        __attribute__((fallthrough));
    case 1:
        h = (h ^ p[0]) * m;
        break;
    default:
        break;
    }
    h ^= h >> 13;
    h *= m;
    return h ^ h >> 15;
}

int32_t egw_partition_of(struct egw_str key, int32_t count)
{
    return (int32_t)((murmur2((const unsigned char *)key.p, key.n) & 0x7fffffffu) %
                     (uint32_t)count);
}

/* SipHash-1-3: short keys, keyed, good enough against chosen collisions. */
static uint64_t seed[2] = {UINT64_C(0x736f6d6570736575), UINT64_C(0x646f72616e646f6d)};

void egw_table_seed(uint64_t value)
{
    seed[0] = value;
    seed[1] = value * UINT64_C(0x9E3779B97F4A7C15) + 1;
}

static inline uint64_t rotl(uint64_t x, int b)
{
    return x << b | x >> (64 - b);
}

#define SIP_ROUND                                                                                  \
    do {                                                                                           \
        v0 += v1, v1 = rotl(v1, 13), v1 ^= v0, v0 = rotl(v0, 32);                                  \
        v2 += v3, v3 = rotl(v3, 16), v3 ^= v2;                                                     \
        v0 += v3, v3 = rotl(v3, 21), v3 ^= v0;                                                     \
        v2 += v1, v1 = rotl(v1, 17), v1 ^= v2, v2 = rotl(v2, 32);                                  \
    } while (0)

uint64_t egw_table_hash(struct egw_str key)
{
    uint64_t v0 = UINT64_C(0x736f6d6570736575) ^ seed[0];
    uint64_t v1 = UINT64_C(0x646f72616e646f6d) ^ seed[1];
    uint64_t v2 = UINT64_C(0x6c7967656e657261) ^ seed[0];
    uint64_t v3 = UINT64_C(0x7465646279746573) ^ seed[1];
    uint64_t tail = (uint64_t)key.n << 56;
    const char *p = key.p;
    size_t n = key.n;

    for (; n >= 8; p += 8, n -= 8) {
        uint64_t m;

        memcpy(&m, p, 8);
        v3 ^= m;
        SIP_ROUND;
        v0 ^= m;
    }
    for (size_t i = 0; i < n; i++)
        tail |= (uint64_t)(unsigned char)p[i] << (8 * i);
    v3 ^= tail;
    SIP_ROUND;
    v0 ^= tail;
    v2 ^= 0xff;
    SIP_ROUND;
    SIP_ROUND;
    SIP_ROUND;
    return v0 ^ v1 ^ v2 ^ v3;
}

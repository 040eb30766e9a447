/* SHA-256 by libcrypto: the method is fetched once, each thread keeps one context. */
#include "egw/hash.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/evp.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *method;
static pthread_key_t context_key;

static void free_context(void *context)
{
    EVP_MD_CTX_free(context);
}

static void fetch(void)
{
    method = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!method || pthread_key_create(&context_key, free_context) != 0)
        abort(); /* a libcrypto without SHA-256 is no libcrypto */
}

static EVP_MD_CTX *context(void)
{
    static __thread EVP_MD_CTX *mine;

    if (!mine) {
        (void)pthread_once(&once, fetch);
        mine = EVP_MD_CTX_new();
        if (!mine || pthread_setspecific(context_key, mine) != 0)
            abort();
    }
    return mine;
}

void egw_sha256v(const struct egw_str *pieces, size_t n, struct egw_sha256 *ret)
{
    EVP_MD_CTX *ctx = context();
    unsigned size = EGW_SHA256;

    if (EVP_DigestInit_ex(ctx, method, NULL) != 1)
        abort();
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].n && EVP_DigestUpdate(ctx, pieces[i].p, pieces[i].n) != 1)
            abort();
    }
    if (EVP_DigestFinal_ex(ctx, ret->b, &size) != 1)
        abort();
}

#include <curl/curl.h>
#ifdef EGW_HAS_TCMALLOC
#include <gperftools/tcmalloc.h>
#endif
#include <hs/hs.h>
#include <jansson.h>
#include <libconfig.h>
#include <openssl/crypto.h>

#include "cli.h"
#include "egw/kafka.h"
#include "egw/metrics.h"

void egw_put_versions(FILE *to)
{
    (void)fprintf(to, "egw %s\n", EGW_VERSION);
    (void)fprintf(to, "librdkafka %s\n", egw_kafka_version());
    (void)fprintf(to, "libcurl %s\n", curl_version_info(CURLVERSION_NOW)->version);
    (void)fprintf(to, "libconfig %d.%d.%d\n", LIBCONFIG_VER_MAJOR, LIBCONFIG_VER_MINOR,
                  LIBCONFIG_VER_REVISION); /* of the header: the library does not say */
    (void)fprintf(to, "jansson %s\n", jansson_version_str());
    (void)fprintf(to, "libcrypto %s\n", OpenSSL_version(OPENSSL_VERSION_STRING));
    (void)fprintf(to, "libmicrohttpd %s\n", egw_metrics_library());
    (void)fprintf(to, "libhs %.*s\n", (int)strcspn(hs_version(), " "), hs_version());
#ifdef EGW_HAS_TCMALLOC
    (void)fprintf(to, "tcmalloc %s\n", tc_version(NULL, NULL, NULL));
#endif
}

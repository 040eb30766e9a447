#include "settings_words.h"

#include <string.h>
#include <sys/un.h>

bool settings_is_word(struct egw_str v, size_t most, const char *also)
{
    if (v.n == 0 || v.n > most)
        return false;
    for (size_t i = 0; i < v.n; i++) {
        char c = v.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c && strchr(also, c))))
            return false;
    }
    return true;
}

static bool is_host(struct egw_str host)
{
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        return settings_is_word((struct egw_str){host.p + 1, host.n - 2}, 45, ":.%");
    return settings_is_word(host, 253, ".-_");
}

static bool is_port(struct egw_str port)
{
    int64_t n;

    return egw_parse_i64(port, 1, 65535, &n);
}

static bool is_host_port(struct egw_str v)
{
    size_t colon = v.n;

    while (colon > 0 && v.p[colon - 1] != ':')
        colon--;
    return colon > 0 && is_host((struct egw_str){v.p, colon - 1}) &&
           is_port((struct egw_str){v.p + colon, v.n - colon});
}

bool settings_is_brokers(struct egw_str v)
{
    bool more = true;

    while (more) {
        more = v.n && memchr(v.p, ',', v.n);
        if (!is_host_port(egw_str_take(&v, ',')))
            return false;
    }
    return true;
}

bool settings_is_topic(struct egw_str v)
{
    return settings_is_word(v, 249, "._-") && !egw_str_is(v, ".") && !egw_str_is(v, "..");
}

/* Leaves room for what follows, of the 249 that Kafka grants. */
bool settings_is_stem(struct egw_str v)
{
    return settings_is_word(v, 180, "._-");
}

/* A number, not a name: what a name means may change between the check and the bind. */
static bool is_address(struct egw_str host)
{
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        return is_host(host);
    for (size_t i = 0; i < host.n; i++)
        if (!(host.p[i] >= '0' && host.p[i] <= '9') && host.p[i] != '.')
            return egw_str_is(host, "localhost");
    return host.n > 0;
}

static struct egw_str before_plus_slot(struct egw_str v)
{
    static const char plus[] = "+slot";
    size_t n = sizeof(plus) - 1;

    if (v.n > n && memcmp(v.p + v.n - n, plus, n) == 0)
        v.n -= n;
    return v;
}

bool settings_is_listen_or_empty(struct egw_str v)
{
    struct egw_str host = before_plus_slot(v);

    if (v.n == 0)
        return true;
    if (egw_str_begins(v, EGW_STR("unix:")))
        return v.n > 6 && v.p[5] == '/' && v.n - 5 < sizeof(((struct sockaddr_un *)0)->sun_path);
    if (!is_host_port(host))
        return false;
    while (host.p[host.n - 1] != ':')
        host.n--;
    host.n--;
    return is_address(host);
}

struct egw_str settings_url_authority(struct egw_str url)
{
    size_t scheme = egw_str_begins(url, EGW_STR("https://")) ? 8 : 7;
    struct egw_str rest = {url.p + scheme, url.n - scheme};

    return egw_str_take(&rest, '/');
}

bool settings_is_url_or_empty(struct egw_str v)
{
    struct egw_str authority;

    if (v.n == 0)
        return true;
    if (!egw_str_begins(v, EGW_STR("http://")) && !egw_str_begins(v, EGW_STR("https://")))
        return false;
    for (size_t i = 0; i < v.n; i++)
        if ((unsigned char)v.p[i] <= ' ' || strchr("@?#\\\"<>", v.p[i]))
            return false;
    authority = settings_url_authority(v);
    return is_host(authority) || is_host_port(authority);
}

bool settings_is_user_or_empty(struct egw_str v)
{
    return v.n == 0 || !memchr(v.p, ':', v.n);
}

bool settings_is_path(struct egw_str v)
{
    return v.n > 0;
}

bool settings_is_level(struct egw_str v)
{
    return egw_str_is(v, "error") || egw_str_is(v, "warn") || egw_str_is(v, "info") ||
           egw_str_is(v, "debug");
}

bool settings_holds_control(struct egw_str v)
{
    for (size_t i = 0; i < v.n; i++)
        if ((unsigned char)v.p[i] < ' ' || v.p[i] == 0x7F)
            return true;
    return false;
}

bool settings_is_loopback(struct egw_str authority)
{
    return egw_str_begins(authority, EGW_STR("127.")) ||
           egw_str_begins(authority, EGW_STR("[::1]")) || egw_str_is(authority, "localhost") ||
           egw_str_begins(authority, EGW_STR("localhost:"));
}

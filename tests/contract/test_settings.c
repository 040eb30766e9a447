#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "egw/settings.h"

/* ---- loading a text as the file "x.cfg" ---- */

struct loaded {
    enum egw_status st;
    struct egw_settings settings;
    struct egw_faults faults;
};

static int enter_folder(void **state)
{
    static char folder[] = "/tmp/egw-settings-XXXXXX";

    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
    char folder[256];

    (void)state;
    (void)unlink("x.cfg");
    return getcwd(folder, sizeof(folder)) && rmdir(folder) == 0 ? 0 : -1;
}

static void write_bytes(const char *bytes, size_t n)
{
    FILE *f = fopen("x.cfg", "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static struct loaded load(const char *text, const char *const *sets, size_t n)
{
    struct loaded l = {0};

    if (text)
        write_bytes(text, strlen(text));
    l.st = egw_settings_load(text ? "x.cfg" : NULL, sets, n, &l.settings, &l.faults);
    return l;
}

static void end(struct loaded *l)
{
    egw_settings_free(&l->settings);
    egw_faults_free(&l->faults);
}

static void assert_one_fault(struct loaded *l, const char *message)
{
    assert_int_equal(l->st, EGW_INVALID);
    assert_int_equal(l->faults.total, 1);
    assert_string_equal(l->faults.texts[0], message);
    end(l);
}

/* ---- one bad input, one message ---- */

struct bad {
    const char *text, *message;
};

static const struct bad bad_files[] = {
    {"kafka = {\n  broker = \"a:1\";\n};",
     "x.cfg:2: unknown setting kafka.broker: did you mean kafka.brokers?"},
    {"brokers = \"a:1\";", "x.cfg:1: unknown setting brokers: did you mean kafka.brokers?"},
    {"\nweather = { };", "x.cfg:2: unknown setting weather"},
    {"kafka = 5;", "x.cfg:1: kafka must be a group: { name = value; ... }, not 5"},
    {"kafka = ( 1 );", "x.cfg:1: kafka must be a group: { name = value; ... }, not a list"},
    {"kafka = { brokers = 5; };",
     "x.cfg:1: kafka.brokers must be host:port, or several with commas, not 5"},
    {"kafka = { brokers = \"broker1\"; };",
     "x.cfg:1: kafka.brokers must be host:port, or several with commas, not \"broker1\""},
    {"kafka = { brokers = \"a:1,,b:2\"; };",
     "x.cfg:1: kafka.brokers must be host:port, or several with commas, not \"a:1,,b:2\""},
    {"kafka = { brokers = \"a:65536\"; };",
     "x.cfg:1: kafka.brokers must be host:port, or several with commas, not \"a:65536\""},
    {"kafka = { brokers = \"a:9092,\"; };",
     "x.cfg:1: kafka.brokers must be host:port, or several with commas, not \"a:9092,\""},
    {"kafka = { allow_plaintext = 1; };",
     "x.cfg:1: kafka.allow_plaintext must be true or false, not 1"},
    {"kafka = {\n\n session_timeout_ms = 5999; };",
     "x.cfg:3: kafka.session_timeout_ms must be a whole number from 6000 to 1800000, not 5999"},
    {"kafka = { session_timeout_ms = 1800001; };",
     "x.cfg:1: kafka.session_timeout_ms must be a whole number from 6000 to 1800000, not 1800001"},
    {"kafka = { session_timeout_ms = 30000.0; };",
     "x.cfg:1: kafka.session_timeout_ms must be a whole number from 6000 to 1800000, "
     "not a fraction"},
    {"kafka = { session_timeout_ms = \"30000\"; };",
     "x.cfg:1: kafka.session_timeout_ms must be a whole number from 6000 to 1800000, "
     "not \"30000\""},
    {"kafka = { session_timeout_ms = true; };",
     "x.cfg:1: kafka.session_timeout_ms must be a whole number from 6000 to 1800000, not true"},
    {"kafka = { session_timeout_ms = [30000]; };",
     "x.cfg:1: kafka.session_timeout_ms must be a whole number from 6000 to 1800000, not a list"},
    {"kafka = {\n transaction_timeout_ms = 30001; };",
     "x.cfg:2: kafka.transaction_timeout_ms is 30001, more than kafka.session_timeout_ms (30000)"},
    {"kafka = {\n session_timeout_ms = 6000; };",
     "x.cfg:2: kafka.transaction_timeout_ms is 15000, more than kafka.session_timeout_ms (6000)"},
    {"triage = { commit_ms = 2000; }; kafka = { transaction_timeout_ms = 2000; };",
     "x.cfg:1: triage.commit_ms is 2000, not less than kafka.transaction_timeout_ms (2000)"},
    {"kafka = { properties = \"a\"; };",
     "x.cfg:1: kafka.properties must be a group: { name = value; ... }, not \"a\""},
    {"kafka = { properties = { fetch_wait_max_ms = 1.5; }; };",
     "x.cfg:1: kafka.properties.fetch.wait.max.ms must be text, a whole number, true or false, "
     "not a fraction"},
    {"kafka = { properties = { a-b = 1; }; };",
     "x.cfg:1: kafka.properties: \"a-b\" is no property name"},
    {"topics = { partitions = 0; };",
     "x.cfg:1: topics.partitions must be a whole number from 1 to 4096, not 0"},
    {"topics = { partitions = 4097; };",
     "x.cfg:1: topics.partitions must be a whole number from 1 to 4096, not 4097"},
    {"topics = { events = \"a b\"; };",
     "x.cfg:1: topics.events must be a topic name (letters, digits, '.', '_', '-'; at most 249), "
     "not \"a b\""},
    {"topics = { events = \"..\"; };",
     "x.cfg:1: topics.events must be a topic name (letters, digits, '.', '_', '-'; at most 249), "
     "not \"..\""},
    {"topics = { events = \"\"; };",
     "x.cfg:1: topics.events must be a topic name (letters, digits, '.', '_', '-'; at most 249), "
     "not \"\""},
    {"topics = {\n events = \"a\";\n inbox = \"a\"; };",
     "x.cfg:3: topics.inbox is \"a\", as topics.events is: each needs its own topic"},
    {"topics = { events = \"support.escalations.p\"; };",
     "x.cfg:1: topics.events is \"support.escalations.p\", which is a channel's topic by "
     "topics.escalations"},
    {"topics = { events = \"a\\nb\"; };", "x.cfg:1: topics.events holds a control character"},
    {"metrics = { listen = \"9464\"; };",
     "x.cfg:1: metrics.listen must be HOST:PORT, HOST:PORT+slot or unix:/PATH, or empty; HOST an "
     "address or localhost, not \"9464\""},
    {"metrics = { listen = \"example.com:9464\"; };",
     "x.cfg:1: metrics.listen must be HOST:PORT, HOST:PORT+slot or unix:/PATH, or empty; HOST an "
     "address or localhost, not \"example.com:9464\""},
    {"metrics = { listen = \"127.0.0.1:0\"; };",
     "x.cfg:1: metrics.listen must be HOST:PORT, HOST:PORT+slot or unix:/PATH, or empty; HOST an "
     "address or localhost, not \"127.0.0.1:0\""},
    {"metrics = { listen = \"unix:here\"; };",
     "x.cfg:1: metrics.listen must be HOST:PORT, HOST:PORT+slot or unix:/PATH, or empty; HOST an "
     "address or localhost, not \"unix:here\""},
    {"metrics = { listen = \"+slot\"; };",
     "x.cfg:1: metrics.listen must be HOST:PORT, HOST:PORT+slot or unix:/PATH, or empty; HOST an "
     "address or localhost, not \"+slot\""},
    {"log = { };\nmetrics = { listen = \"0.0.0.0:9464+slot\"; };",
     "x.cfg:2: metrics.listen is \"0.0.0.0:9464+slot\", which other machines can reach: set "
     "metrics.allow_remote if they may"},
    {"metrics = { listen = \"[::]:9464\"; };",
     "x.cfg:1: metrics.listen is \"[::]:9464\", which other machines can reach: set "
     "metrics.allow_remote if they may"},
    {"triage = { stuck_ms = 999; };",
     "x.cfg:1: triage.stuck_ms must be a whole number from 1000 to 3600000, not 999"},
    {"triage = { slot = 1000; };",
     "x.cfg:1: triage.slot must be a whole number from -1 to 999, not 1000"},
    {"triage = { group = \"a/b\"; };",
     "x.cfg:1: triage.group must be a group name (letters, digits, '.', '_', '-'; at most 180), "
     "not \"a/b\""},
    {"registry = { url = \"ftp://x\"; };",
     "x.cfg:1: registry.url must be an http:// or https:// URL without user, query or fragment, "
     "or empty, not \"ftp://x\""},
    {"registry = { url = \"https://u:p@x\"; };",
     "x.cfg:1: registry.url must be an http:// or https:// URL without user, query or fragment, "
     "or empty, not \"https://u:p@x\""},
    {"registry = { url = \"https://\"; };",
     "x.cfg:1: registry.url must be an http:// or https:// URL without user, query or fragment, "
     "or empty, not \"https://\""},
    {"registry = { url = \"https://x\";\n user = \"u\"; };",
     "x.cfg:2: registry.user is set but registry.password_file is not"},
    {"registry = { url = \"http://x\"; user = \"u\"; password_file = \"p\"; };",
     "x.cfg:1: registry.url must be https: the password of registry.user would travel in clear"},
    {"policy = { dir = \"\"; };", "x.cfg:1: policy.dir must be a path, not \"\""},
    {"log = { level = \"verbose\"; };",
     "x.cfg:1: log.level must be error, warn, info or debug, not \"verbose\""},
    /* libconfig's own faults and its traps */
    {"kafka = {\n brokers = ;\n};", "x.cfg:2: syntax error"},
    {"log = { level = \"info\";\n level = \"warn\"; };", "x.cfg:2: duplicate setting name"},
    {"\n@include \"/etc/passwd\"\n", "x.cfg:2: @include is refused: settings are one file"},
    {"triage = {\n commit_bytes = 5000000000; };",
     "x.cfg:2: 5000000000 does not fit 32 bits: write the suffix L after it"},
    {"triage = { slot = -5000000000; };",
     "x.cfg:1: -5000000000 does not fit 32 bits: write the suffix L after it"},
    {"triage = { slot = 0xFFFFFFFF; };",
     "x.cfg:1: 0xFFFFFFFF does not fit 32 bits: write the suffix L after it"},
    {"triage = { slot = 99999999999999999999L; };",
     "x.cfg:1: 99999999999999999999 does not fit 64 bits"},
    {"triage = { commit_bytes = 5000000000L; };",
     "x.cfg:1: triage.commit_bytes must be a whole number from 2097152 to 1073741824, "
     "not 5000000000"},
    {"log = { level = \"in\\x00fo\"; };", "x.cfg:1: string must not hold \\x00"},
    {"\nlog = { level = \"info; };\n", "x.cfg:2: string never ends: there is no closing quote"},
    {"\n\n/* log = { };\n", "x.cfg:3: comment never ends: there is no */"},
    {"log = { level = \"\xff\"; };", "x.cfg: text is not UTF-8"},
};

static void each_bad_file_has_its_own_message(void **state)
{
    (void)state;
    for (size_t i = 0; i < EGW_COUNT(bad_files); i++) {
        struct loaded l = load(bad_files[i].text, NULL, 0);

        assert_one_fault(&l, bad_files[i].message);
    }
}

static const struct bad bad_overrides[] = {
    {"log.level", "-s: \"log.level\" must be key=value"},
    {"", "-s: \"\" must be key=value"},
    {"log.levl=info", "-s: unknown setting log.levl: did you mean log.level?"},
    {"=info", "-s: \"=info\" must be key=value"},
    {"log=info", "-s: unknown setting log"},
    {"log.level=loud", "-s: log.level must be error, warn, info or debug, not \"loud\""},
    {"triage.slot=", "-s: triage.slot must be a whole number from -1 to 999, not \"\""},
    {"triage.slot=3x", "-s: triage.slot must be a whole number from -1 to 999, not \"3x\""},
    {"triage.slot=1000", "-s: triage.slot must be a whole number from -1 to 999, not 1000"},
    {"triage.slot=99999999999999999999",
     "-s: triage.slot must be a whole number from -1 to 999, not \"99999999999999999999\""},
    {"kafka.allow_plaintext=yes", "-s: kafka.allow_plaintext must be true or false, not \"yes\""},
    {"kafka.properties=x",
     "-s: kafka.properties must be a group: { name = value; ... }, not \"x\""},
    {"kafka.user=u", "-s: kafka.user is set but kafka.password_file is not"},
    {"kafka.properties.ssl_key_password=hunter2",
     "-s: kafka.properties.ssl.key.password is a secret, and arguments can be read by others: set "
     "it in the file"},
    {"kafka.properties.ssl.key.pem=hunter2",
     "-s: kafka.properties.ssl.key.pem is a secret, and arguments can be read by others: set it in "
     "the file"},
    {"kafka.properties.=x", "-s: kafka.properties: \"\" is no property name"},
    {"kafka.transaction_timeout_ms=40000",
     "-s: kafka.transaction_timeout_ms is 40000, more than kafka.session_timeout_ms (30000)"},
};

static void each_bad_override_has_its_own_message(void **state)
{
    (void)state;
    for (size_t i = 0; i < EGW_COUNT(bad_overrides); i++) {
        struct loaded l = load(NULL, &bad_overrides[i].text, 1);

        assert_one_fault(&l, bad_overrides[i].message);
    }
}

static void all_faults_of_file_and_overrides_come_in_one_run(void **state)
{
    const char *sets[] = {"log.level=loud", "triage.slot=x"};
    struct loaded l = load("kafka = {\n brokers = 1;\n broken = 2;\n};\ntopics = 3;\n", sets, 2);

    (void)state;
    assert_int_equal(l.st, EGW_INVALID);
    assert_int_equal(l.faults.total, 5);
    assert_string_equal(l.faults.texts[1], "x.cfg:3: unknown setting kafka.broken: did you mean "
                                           "kafka.brokers?");
    assert_string_equal(l.faults.texts[2],
                        "x.cfg:5: topics must be a group: { name = value; ... }, not 3");
    end(&l);
}

static void a_file_with_a_secret_is_nobody_elses_to_read(void **state)
{
    static const char *const text =
        "kafka = { properties = {\n ssl_key_password = \"hunter2\"; }; };";
    struct loaded l;

    (void)state;
    write_bytes(text, strlen(text));
    assert_int_equal(0, chmod("x.cfg", 0640));
    l = load(text, NULL, 0);
    assert_one_fault(&l, "x.cfg:2: kafka.properties.ssl.key.password is a secret, and other users "
                         "can read this file: chmod 600");
    assert_int_equal(0, chmod("x.cfg", 0600));
    l = load(text, NULL, 0);
    assert_int_equal(EGW_OK, l.st);
    end(&l);
    (void)unlink("x.cfg");
}

static void a_missing_file_is_named_with_the_reason(void **state)
{
    struct egw_faults faults = {0};
    struct egw_settings settings;

    (void)state;
    assert_int_equal(egw_settings_load("none.cfg", NULL, 0, &settings, &faults), EGW_IO);
    assert_string_equal(faults.texts[0],
                        "none.cfg: cannot open the settings: No such file or directory");
    egw_faults_free(&faults);
}

static void a_folder_is_no_settings_file(void **state)
{
    struct egw_faults faults = {0};
    struct egw_settings settings;

    (void)state;
    assert_int_equal(egw_settings_load("/tmp", NULL, 0, &settings, &faults), EGW_IO);
    assert_string_equal(faults.texts[0], "/tmp: cannot read the settings: Is a directory");
    egw_faults_free(&faults);
}

static void text_behind_a_nul_byte_is_not_overlooked(void **state)
{
    const char text[] = "log = { level = \"info\"; };\n\0 weather = 1;";
    struct loaded l = {0};

    (void)state;
    write_bytes(text, sizeof(text) - 1);
    l.st = egw_settings_load("x.cfg", NULL, 0, &l.settings, &l.faults);
    assert_one_fault(&l, "x.cfg:2: text holds a NUL byte");
}

static void a_file_past_one_mib_is_refused_unread(void **state)
{
    struct loaded l = {0};
    char *text = malloc((1 << 20) + 1);

    (void)state;
    assert_non_null(text);
    memset(text, '#', (1 << 20) + 1);
    write_bytes(text, (1 << 20) + 1);
    l.st = egw_settings_load("x.cfg", NULL, 0, &l.settings, &l.faults);
    assert_one_fault(&l, "x.cfg: the settings are larger than 1 MiB");
    write_bytes(text, 1 << 20);
    free(text);
    l.st = egw_settings_load("x.cfg", NULL, 0, &l.settings, &l.faults);
    assert_int_equal(l.st, EGW_OK);
    end(&l);
}

/* ---- what is accepted ---- */

static void without_a_file_every_setting_has_its_default(void **state)
{
    struct loaded l = load(NULL, NULL, 0);

    (void)state;
    assert_int_equal(l.st, EGW_OK);
    assert_string_equal(l.settings.kafka.brokers, "localhost:9092");
    assert_false(l.settings.kafka.allow_plaintext);
    assert_int_equal(l.settings.kafka.session_timeout_ms, 30000);
    assert_int_equal(l.settings.kafka.transaction_timeout_ms, 15000);
    assert_int_equal(l.settings.kafka.property_count, 0);
    assert_int_equal(l.settings.topics.partitions, 12);
    assert_int_equal(l.settings.topics.replication, 3);
    assert_string_equal(l.settings.topics.dead_letters, "support.dead-letters");
    assert_int_equal(l.settings.triage.slot, -1);
    assert_int_equal(l.settings.triage.commit_bytes, 33554432);
    assert_string_equal(l.settings.registry.url, "");
    assert_string_equal(l.settings.log.level, "info");
    end(&l);
}

static void an_override_wins_over_the_file(void **state)
{
    const char *sets[] = {"log.level=debug", "triage.slot=7"};
    struct loaded l = load("log = { level = \"warn\"; }; triage = { commit_ms = 5; };", sets, 2);

    (void)state;
    assert_int_equal(l.st, EGW_OK);
    assert_string_equal(l.settings.log.level, "debug");
    assert_int_equal(l.settings.triage.slot, 7);
    assert_int_equal(l.settings.triage.commit_ms, 5);
    end(&l);
}

static void properties_take_underscores_or_dots_and_the_last_value_counts(void **state)
{
    const char *sets[] = {"kafka.properties.security.protocol=SASL_SSL",
                          "kafka.properties.client_rack=a=b"};
    struct loaded l = load("kafka = { properties = { security_protocol = \"SSL\"; "
                           "fetch_wait_max_ms = 10L; enable_idempotence = true; }; };",
                           sets, 2);
    const struct egw_property *p = l.settings.kafka.properties;

    (void)state;
    assert_int_equal(l.st, EGW_OK);
    assert_int_equal(l.settings.kafka.property_count, 4);
    assert_string_equal(p[0].name, "security.protocol");
    assert_string_equal(p[0].value, "SASL_SSL");
    assert_string_equal(p[1].value, "10");
    assert_string_equal(p[2].value, "true");
    assert_string_equal(p[3].name, "client.rack");
    assert_string_equal(p[3].value, "a=b");
    end(&l);
}

static void what_is_wrong_leaves_the_rest_to_be_judged(void **state)
{
    static const char *const sets[] = {"log.level=debug"};
    struct loaded l = load("triage = {\n  commit_ms = 0;\n  group = \"desk\";\n};\n"
                           "kafka = { properties = {\n client_rack = \"a\"; }; };",
                           sets, 1);

    (void)state;
    assert_int_equal(l.st, EGW_INVALID);
    assert_int_equal(l.settings.triage.commit_ms, 80); /* its default */
    assert_string_equal(l.settings.triage.group, "desk");
    assert_int_equal(egw_settings_place(&l.settings, "triage.group").line, 3);
    assert_string_equal(egw_settings_place(&l.settings, "triage.group").file, "x.cfg");
    assert_string_equal(egw_settings_place(&l.settings, "log.level").file, "-s");
    assert_null(egw_settings_place(&l.settings, "topics.events").file);
    assert_int_equal(l.settings.kafka.properties[0].at.line, 6);
    end(&l);
    l = load("triage = {\n  commit_ms = 9000;\n};\nkafka = {\n  transaction_timeout_ms = 5;\n};",
             NULL, 0);
    assert_int_equal(l.faults.total, 1); /* who knows whether 9000 is too much */
    assert_true(egw_settings_place(&l.settings, "kafka.transaction_timeout_ms").refused);
    assert_false(egw_settings_place(&l.settings, "triage.commit_ms").refused);
    end(&l);
    l = load("triage = {", NULL, 0);
    assert_int_equal(l.st, EGW_INVALID);
    assert_null(l.settings.kafka.brokers);
    end(&l);
}

static void comments_and_strings_hide_what_looks_like_a_trap(void **state)
{
    struct loaded l = load("# @include 99999999999\n// \"\n/* \" @include */\n"
                           "policy = { dir = \"a @include 99999999999 # \\\" b\"; };",
                           NULL, 0);

    (void)state;
    assert_int_equal(l.st, EGW_OK);
    assert_string_equal(l.settings.policy.dir, "a @include 99999999999 # \" b");
    end(&l);
}

static void good_urls_pass(void **state)
{
    static const char *const urls[] = {
        "registry.url=https://registry.example.com",
        "registry.url=https://registry.example.com:8081/base",
        "registry.url=http://[::1]:8081",
        "registry.url=http://127.0.0.1:8081/",
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(urls); i++) {
        struct loaded l = load(NULL, &urls[i], 1);

        assert_int_equal(l.st, EGW_OK);
        end(&l);
    }
}

/* ---- the shipped files ---- */

static void full_cfg_is_what_the_table_writes(void **state)
{
    char *made = NULL, *kept = read_file(EGW_SOURCE_DIR "/config/full.cfg", NULL);
    size_t n = 0;
    FILE *to = open_memstream(&made, &n);

    (void)state;
    assert_non_null(to);
    assert_non_null(kept);
    egw_settings_sample(to);
    assert_int_equal(fclose(to), 0);
    assert_string_equal(made, kept);
    free(made);
    free(kept);
}

static void assert_loads(const char *path)
{
    struct loaded l = {0};

    l.st = egw_settings_load(path, NULL, 0, &l.settings, &l.faults);
    if (l.faults.n)
        print_error("%s\n", l.faults.texts[0]);
    assert_int_equal(l.st, EGW_OK);
    end(&l);
}

static void both_shipped_files_load(void **state)
{
    (void)state;
    assert_loads(EGW_SOURCE_DIR "/config/minimal.cfg");
    assert_loads(EGW_SOURCE_DIR "/config/full.cfg");
}

static void every_setting_has_type_range_and_help(void **state)
{
    (void)state;
    assert_true(egw_settings_count() > 20);
    for (size_t i = 0; i < egw_settings_count(); i++) {
        struct egw_setting_view v = egw_settings_view(i);

        assert_non_null(strchr(v.key, '.'));
        assert_true(*v.type && *v.range && v.fallback);
        assert_int_equal(v.help[strlen(v.help) - 1], '.');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_bad_file_has_its_own_message),
        cmocka_unit_test(each_bad_override_has_its_own_message),
        cmocka_unit_test(all_faults_of_file_and_overrides_come_in_one_run),
        cmocka_unit_test(a_file_with_a_secret_is_nobody_elses_to_read),
        cmocka_unit_test(a_missing_file_is_named_with_the_reason),
        cmocka_unit_test(a_folder_is_no_settings_file),
        cmocka_unit_test(text_behind_a_nul_byte_is_not_overlooked),
        cmocka_unit_test(a_file_past_one_mib_is_refused_unread),
        cmocka_unit_test(without_a_file_every_setting_has_its_default),
        cmocka_unit_test(an_override_wins_over_the_file),
        cmocka_unit_test(properties_take_underscores_or_dots_and_the_last_value_counts),
        cmocka_unit_test(what_is_wrong_leaves_the_rest_to_be_judged),
        cmocka_unit_test(comments_and_strings_hide_what_looks_like_a_trap),
        cmocka_unit_test(good_urls_pass),
        cmocka_unit_test(full_cfg_is_what_the_table_writes),
        cmocka_unit_test(both_shipped_files_load),
        cmocka_unit_test(every_setting_has_type_range_and_help),
    };

    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

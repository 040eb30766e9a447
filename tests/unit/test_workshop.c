/* Compiling takes a second: it must not be the loop's thread that does it. */
#include "../../workers/schemas.c"
#include "../../workers/workshop.c"

#include "support.h"

struct woken {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool is;
    pthread_t by;
};

static void wake(void *user)
{
    struct woken *woken = user;

    pthread_mutex_lock(&woken->lock);
    woken->is = true;
    woken->by = pthread_self();
    pthread_cond_signal(&woken->cond);
    pthread_mutex_unlock(&woken->lock);
}

/* What is compiled then: the whole shipped policy with its catalogue, or what does not compile. */
static struct egw_workshop_result compiled(const struct egw_policy_files *files,
                                           const struct egw_sha256 *manifest)
{
    struct woken woken = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
    char none[] = "";
    struct egw_settings settings = {.registry = {.url = none}};
    struct egw_workshop *workshop;
    struct egw_workshop_result result;

    assert_int_equal(egw_workshop_new(&settings, wake, &woken, &workshop, NULL), EGW_OK);
    pthread_mutex_lock(&woken.lock); /* nobody can be woken before we wait for it */
    assert_int_equal(egw_workshop_compile(workshop, manifest, files->files, files->n), EGW_OK);
    while (!woken.is)
        pthread_cond_wait(&woken.cond, &woken.lock);
    pthread_mutex_unlock(&woken.lock);
    assert_false(pthread_equal(woken.by, pthread_self()));
    assert_true(egw_workshop_take(workshop, &result));
    assert_memory_equal(result.manifest.b, manifest->b, EGW_SHA256);
    egw_workshop_free(workshop);
    return result;
}

static void a_policy_is_compiled_by_another_thread_than_the_one_that_asks(void **state)
{
    struct egw_policy_files files;
    struct egw_sha256 manifest;
    struct egw_workshop_result result;

    (void)state;
    assert_int_equal(egw_policy_read(EGW_SOURCE_DIR "/config/policy",
                                     EGW_SOURCE_DIR "/config/catalogue", &files, NULL),
                     EGW_OK);
    assert_int_equal(egw_policy_manifest(files.files, files.n, &manifest), EGW_OK);
    result = compiled(&files, &manifest);
    assert_int_equal(result.status, EGW_OK);
    assert_memory_equal(egw_policy_hash(result.policy)->b, manifest.b, EGW_SHA256);
    egw_policy_free(result.policy);
    egw_policy_files_free(&files);
}

static void a_policy_that_does_not_compile_comes_back_with_its_first_fault(void **state)
{
    struct egw_policy_file file = {EGW_STR("channel.cfg"), EGW_STR("stage = ;\n")};
    struct egw_policy_files files = {.files = &file, .n = 1};
    struct egw_sha256 manifest = {{7}};
    struct egw_workshop_result result = compiled(&files, &manifest);

    (void)state;
    assert_int_equal(result.status, EGW_INVALID);
    assert_null(result.policy);
    assert_non_null(strstr(result.error.text, "channel.cfg:1: "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_is_compiled_by_another_thread_than_the_one_that_asks),
        cmocka_unit_test(a_policy_that_does_not_compile_comes_back_with_its_first_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The watchdog in a process of its own: a stuck loop ends it within the bound, a busy, a resting or
 * a stopped one does not. */
#include "support.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "egw/watchdog.h"

enum { BOUND_MS = 1500, STUCK = 70, WELL = 3 };

static int64_t mono_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void nap(int64_t ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&pause, NULL);
}

/* ---- the process: what its loop does ---- */

static atomic_int slow_told;

static void on_slow(void *user, int64_t ms)
{
    (void)user;
    if (ms < BOUND_MS / 2 || ms >= BOUND_MS)
        _exit(90);
    slow_told++;
}

static void on_stuck(void *user, int64_t ms)
{
    (void)user;
    _exit(ms < BOUND_MS || slow_told < 1 ? 91 : STUCK);
}

static struct egw_watchdog *begin(void)
{
    struct egw_watchdog_conf conf = {.bound_ms = BOUND_MS, .slow = on_slow, .stuck = on_stuck};
    struct egw_watchdog *dog;

    if (egw_watchdog_start(&conf, &dog, NULL))
        _exit(92);
    return dog;
}

static void loop_that_hangs(void)
{
    struct egw_watchdog *dog = begin();

    for (int i = 0; i < 20; i++) {
        egw_watchdog_beat(dog);
        nap(5);
    }
    nap(60000);
}

static void loop_that_spins_in_one_turn(void)
{
    struct egw_watchdog *dog = begin();
    int64_t until = mono_ms() + 60000;

    egw_watchdog_beat(dog);
    while (mono_ms() < until)
        ;
}

/* Turns of a quarter of the bound, all of it computing: slow is not stuck. */
static void loop_that_is_busy(void)
{
    struct egw_watchdog *dog = begin();
    int64_t until = mono_ms() + 4 * BOUND_MS;

    while (mono_ms() < until) {
        int64_t turn = mono_ms() + BOUND_MS / 4;

        egw_watchdog_beat(dog);
        while (mono_ms() < turn)
            ;
    }
    egw_watchdog_rest(dog);
    nap(2 * BOUND_MS); /* after its end nothing counts */
    egw_watchdog_stop(dog);
    _exit(WELL);
}

static void loop_that_has_not_begun(void)
{
    struct egw_watchdog *dog = begin();

    nap(2 * BOUND_MS);
    if (egw_watchdog_age_ms(dog) != -1 || !egw_watchdog_is_well(dog))
        _exit(93);
    egw_watchdog_stop(dog);
    _exit(WELL);
}

/* One slow turn, then well again: told once, and no end. */
static void loop_that_recovers(void)
{
    struct egw_watchdog *dog = begin();
    int64_t until;

    egw_watchdog_beat(dog);
    for (until = mono_ms() + 10000; !slow_told && mono_ms() < until;)
        nap(1);
    if (egw_watchdog_is_well(dog))
        _exit(94);
    for (until = mono_ms() + BOUND_MS; mono_ms() < until; nap(5))
        egw_watchdog_beat(dog);
    if (slow_told < 1 || !egw_watchdog_is_well(dog))
        _exit(95);
    _exit(WELL);
}

/* The turn it is stopped in ends soon after it goes on. */
static void loop_of_short_turns(void)
{
    struct egw_watchdog *dog = begin();
    int64_t beats = 0;

    for (; beats < 400; beats++) {
        egw_watchdog_beat(dog);
        nap(2);
    }
    _exit(WELL);
}

/* ---- the tests ---- */

static pid_t run(void (*loop)(void))
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        loop();
        _exit(99);
    }
    return pid;
}

static int end_of(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void assert_ends_it(void (*loop)(void))
{
    int64_t began = mono_ms();

    assert_int_equal(end_of(run(loop)), STUCK);
    assert_true(mono_ms() - began >= BOUND_MS);
    assert_true(mono_ms() - began < 20000); /* a loaded machine; unwatched it were 60 s */
}

static void a_loop_that_hangs_ends_the_process(void **state)
{
    (void)state;
    assert_ends_it(loop_that_hangs);
}

static void a_turn_that_spins_ends_the_process(void **state)
{
    (void)state;
    assert_ends_it(loop_that_spins_in_one_turn);
}

static void a_busy_loop_goes_on(void **state)
{
    (void)state;
    assert_int_equal(end_of(run(loop_that_is_busy)), WELL);
}

static void a_loop_that_has_not_begun_is_not_stuck(void **state)
{
    (void)state;
    assert_int_equal(end_of(run(loop_that_has_not_begun)), WELL);
}

static void a_slow_turn_is_told_once_and_forgiven(void **state)
{
    (void)state;
    assert_int_equal(end_of(run(loop_that_recovers)), WELL);
}

static void a_stopped_process_is_not_stuck(void **state)
{
    pid_t pid = run(loop_of_short_turns);

    (void)state;
    for (int i = 0; i < 2; i++) {
        nap(100);
        assert_int_equal(kill(pid, SIGSTOP), 0);
        nap(2 * BOUND_MS);
        assert_int_equal(kill(pid, SIGCONT), 0);
    }
    assert_int_equal(end_of(pid), WELL);
}

/* ---- the supervisor ---- */

static int supervisor(struct sockaddr_un *address, const char *path, bool abstract)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct timeval patience = {.tv_sec = 10};
    size_t n = strlen(path);

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path, n);
    if (abstract)
        address->sun_path[0] = '\0';
    assert_int_equal(bind(fd, (struct sockaddr *)address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
                     0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return fd;
}

static void assert_heard(const char *name, const char *path, bool abstract)
{
    struct sockaddr_un address;
    char heard[64] = "";
    int fd = supervisor(&address, path, abstract);

    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    egw_supervisor_tell("READY=1");
    assert_int_equal(recv(fd, heard, sizeof(heard) - 1, 0), 7);
    assert_string_equal(heard, "READY=1");
    (void)unsetenv("NOTIFY_SOCKET");
    (void)close(fd);
    if (!abstract)
        (void)unlink(path);
}

static void the_supervisor_is_told(void **state)
{
    char path[64];

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/egw-notify-%ld", (long)getpid());
    assert_heard(path, path, false);
    path[0] = '@';
    assert_heard(path, path, true);
}

static void without_a_supervisor_nothing_happens(void **state)
{
    static const char *const bad[] = {"", "x", "relative", "/nobody/listens/here"};

    (void)state;
    (void)unsetenv("NOTIFY_SOCKET");
    egw_supervisor_tell("READY=1");
    for (size_t i = 0; i < EGW_COUNT(bad); i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", bad[i], 1), 0);
        egw_supervisor_tell("READY=1");
    }
    (void)unsetenv("NOTIFY_SOCKET");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_that_hangs_ends_the_process),
        cmocka_unit_test(a_turn_that_spins_ends_the_process),
        cmocka_unit_test(a_busy_loop_goes_on),
        cmocka_unit_test(a_loop_that_has_not_begun_is_not_stuck),
        cmocka_unit_test(a_slow_turn_is_told_once_and_forgiven),
        cmocka_unit_test(a_stopped_process_is_not_stuck),
        cmocka_unit_test(the_supervisor_is_told),
        cmocka_unit_test(without_a_supervisor_nothing_happens),
    };

    return cmocka_run_group_tests_name("watchdog", tests, NULL, NULL);
}

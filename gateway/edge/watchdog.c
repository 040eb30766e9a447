#include "egw/watchdog.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { TICKS = 20 /* a bound */, TICK_MAX_MS = 500 };

struct egw_watchdog {
    struct egw_watchdog_conf conf;
    int64_t tick_ms;
    atomic_uint_fast64_t beats; /* 0: the loop rests */
    atomic_int_fast64_t age_ms; /* as counted by the thread */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool quit; /* under lock */
};

static int64_t mono_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* False: it is time to quit. */
static bool sleep_a_tick(struct egw_watchdog *dog)
{
    int64_t until_ms = mono_ms() + dog->tick_ms;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    bool quit;

    (void)pthread_mutex_lock(&dog->lock);
    if (!dog->quit)
        (void)pthread_cond_timedwait(&dog->changed, &dog->lock, &until);
    quit = dog->quit;
    (void)pthread_mutex_unlock(&dog->lock);
    return !quit;
}

/* What a tick adds to the age: no more than a tick, however long it took to come. */
static int64_t counted(const struct egw_watchdog *dog, int64_t since_ms)
{
    int64_t took = mono_ms() - since_ms;

    return took < dog->tick_ms ? took : dog->tick_ms;
}

static void *watch(void *arg)
{
    struct egw_watchdog *dog = arg;
    uint_fast64_t seen = 0;
    int64_t age = 0, since = mono_ms();
    bool told_slow = false, told_stuck = false;

    while (sleep_a_tick(dog)) {
        uint_fast64_t beats = atomic_load(&dog->beats);

        age = beats && beats == seen ? age + counted(dog, since) : 0;
        since = mono_ms();
        seen = beats;
        atomic_store(&dog->age_ms, age);
        if (age < dog->conf.bound_ms / 2)
            told_slow = false;
        else if (!told_slow)
            dog->conf.slow(dog->conf.user, age);
        told_slow = age >= dog->conf.bound_ms / 2;
        if (age >= dog->conf.bound_ms && !told_stuck) {
            told_stuck = true;
            dog->conf.stuck(dog->conf.user, age);
        }
        if (!told_slow && dog->conf.well)
            dog->conf.well(dog->conf.user);
    }
    return NULL;
}

enum egw_status egw_watchdog_start(const struct egw_watchdog_conf *conf, struct egw_watchdog **ret,
                                   struct egw_error *reterr)
{
    struct egw_watchdog *dog = calloc(1, sizeof(*dog));
    pthread_condattr_t attr;
    int rc;

    if (!dog)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a watchdog");
    dog->conf = *conf;
    dog->tick_ms = conf->bound_ms / TICKS;
    if (dog->tick_ms > TICK_MAX_MS)
        dog->tick_ms = TICK_MAX_MS;
    if (dog->tick_ms < 1)
        dog->tick_ms = 1;
    (void)pthread_mutex_init(&dog->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&dog->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    rc = pthread_create(&dog->thread, NULL, watch, dog);
    if (rc != 0) {
        (void)pthread_cond_destroy(&dog->changed);
        (void)pthread_mutex_destroy(&dog->lock);
        free(dog);
        return egw_error_set(reterr, EGW_FATAL, "no thread for the watchdog: %s", strerror(rc));
    }
    *ret = dog;
    return EGW_OK;
}

void egw_watchdog_beat(struct egw_watchdog *dog)
{
    (void)atomic_fetch_add(&dog->beats, 1);
}

void egw_watchdog_rest(struct egw_watchdog *dog)
{
    atomic_store(&dog->beats, 0);
}

int64_t egw_watchdog_age_ms(const struct egw_watchdog *dog)
{
    return atomic_load(&dog->beats) ? (int64_t)atomic_load(&dog->age_ms) : -1;
}

bool egw_watchdog_is_well(const struct egw_watchdog *dog)
{
    return egw_watchdog_age_ms(dog) < dog->conf.bound_ms / 2;
}

void egw_watchdog_stop(struct egw_watchdog *dog)
{
    if (!dog)
        return;
    (void)pthread_mutex_lock(&dog->lock);
    dog->quit = true;
    (void)pthread_cond_signal(&dog->changed);
    (void)pthread_mutex_unlock(&dog->lock);
    (void)pthread_join(dog->thread, NULL);
    (void)pthread_cond_destroy(&dog->changed);
    (void)pthread_mutex_destroy(&dog->lock);
    free(dog);
}

void egw_supervisor_tell(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = path ? strlen(path) : 0;
    int fd;

    if (n < 2 || n >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, n);
    if (path[0] == '@') /* an abstract socket */
        to.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
    (void)close(fd);
}

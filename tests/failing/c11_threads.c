/*
 * c11_threads - preloaded under ThreadSanitizer: C11 threads are those of POSIX
 *
 * librdkafka uses <threads.h>. ThreadSanitizer of GCC 12 does not know it: it crashes in a thread
 * made so, and sees none of the locks. In glibc the types are the same ones under other names, so
 * each call becomes the one that it knows.
 */
#include <errno.h>
#include <pthread.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "another mutex");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "another condition variable");

static int answer(int error)
{
    switch (error) {
    case 0:
        return thrd_success;
    case ENOMEM:
        return thrd_nomem;
    case EBUSY:
        return thrd_busy;
    case ETIMEDOUT:
        return thrd_timedout;
    default:
        return thrd_error;
    }
}

int thrd_create(thrd_t *thread, thrd_start_t run, void *arg)
{
    /* The result travels in the pointer; its upper half, if any, is nobody's. */
    return answer(pthread_create(thread, NULL, (void *(*)(void *))(void *)run, arg));
}

int thrd_join(thrd_t thread, int *ret)
{
    void *result = NULL;
    int rc = pthread_join(thread, &result);

    if (ret)
        *ret = (int)(long)result;
    return answer(rc);
}

int thrd_detach(thrd_t thread)
{
    return answer(pthread_detach(thread));
}

thrd_t thrd_current(void)
{
    return pthread_self();
}

int mtx_init(mtx_t *lock, int type)
{
    pthread_mutexattr_t attr;
    int rc;

    (void)pthread_mutexattr_init(&attr);
    if (type & mtx_recursive)
        (void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    rc = pthread_mutex_init((pthread_mutex_t *)lock, &attr);
    (void)pthread_mutexattr_destroy(&attr);
    return answer(rc);
}

int mtx_lock(mtx_t *lock)
{
    return answer(pthread_mutex_lock((pthread_mutex_t *)lock));
}

int mtx_trylock(mtx_t *lock)
{
    return answer(pthread_mutex_trylock((pthread_mutex_t *)lock));
}

int mtx_unlock(mtx_t *lock)
{
    return answer(pthread_mutex_unlock((pthread_mutex_t *)lock));
}

void mtx_destroy(mtx_t *lock)
{
    (void)pthread_mutex_destroy((pthread_mutex_t *)lock);
}

int cnd_init(cnd_t *condition)
{
    return answer(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

int cnd_signal(cnd_t *condition)
{
    return answer(pthread_cond_signal((pthread_cond_t *)condition));
}

int cnd_broadcast(cnd_t *condition)
{
    return answer(pthread_cond_broadcast((pthread_cond_t *)condition));
}

int cnd_wait(cnd_t *condition, mtx_t *lock)
{
    return answer(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)lock));
}

int cnd_timedwait(cnd_t *condition, mtx_t *lock, const struct timespec *until)
{
    return answer(
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)lock, until));
}

void cnd_destroy(cnd_t *condition)
{
    (void)pthread_cond_destroy((pthread_cond_t *)condition);
}

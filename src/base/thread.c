// thread.c - pthreads, with every refusal an abort: none of them can happen unless we erred or the machine
// is out of memory.
#include "base/thread.h"

#include "base/bytes.h"
#include "base/limits.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define THREAD_NAME_BYTES_MAX 16u  // Linux's, with the zero
// About a century: longer waits would overflow the sum below.
#define WAIT_MS_MAX (100ull * 365 * 24 * 3600 * 1000)

// Raised by the CPU on the thread that erred, or by abort: blocking them would end the process.
static const int SIGNALS_OF_THE_THREAD[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                            SIGTRAP, SIGABRT, SIGSYS};

typedef struct ThreadStart {
    void (*run)(void *user);
    void *user;
    char name[THREAD_NAME_BYTES_MAX];
} ThreadStart;

static void *thread_main(void *argument);

void thread_start(Thread *thread, const char *name, void (*run)(void *user), void *user) {
    ASSERT(strlen(name) < THREAD_NAME_BYTES_MAX);
    ThreadStart *start = mem_alloc_zero(sizeof *start);
    start->run = run;
    start->user = user;
    memcpy(start->name, name, strlen(name));

    // A new thread inherits the mask, so it never runs a moment with another one.
    sigset_t blocked;
    sigset_t before;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof SIGNALS_OF_THE_THREAD / sizeof *SIGNALS_OF_THE_THREAD; i++) {
        sigdelset(&blocked, SIGNALS_OF_THE_THREAD[i]);
    }
    pthread_attr_t attributes;
    int failure = pthread_attr_init(&attributes);
    ASSERT(failure == 0);
    failure = pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    ASSERT(failure == 0);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    failure = pthread_create(&thread->id, &attributes, thread_main, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure != 0) assert_failed(__FILE__, __LINE__, "pthread_create");
    pthread_attr_destroy(&attributes);
    thread->started = true;
}

static void *thread_main(void *argument) {
    ThreadStart start = *(ThreadStart *)argument;
    mem_free(argument);
    pthread_setname_np(pthread_self(), start.name);
    start.run(start.user);
    return NULL;
}

void thread_join(Thread *thread) {
    if (!thread->started) return;
    int failure = pthread_join(thread->id, NULL);
    ASSERT(failure == 0);
    thread->started = false;
}

void mutex_init(Mutex *mutex) {
    int failure = pthread_mutex_init(&mutex->lock, NULL);
    ASSERT(failure == 0);
}

void mutex_done(Mutex *mutex) {
    int failure = pthread_mutex_destroy(&mutex->lock);
    ASSERT(failure == 0);  // EBUSY: somebody holds it
}

void mutex_lock(Mutex *mutex) {
    int failure = pthread_mutex_lock(&mutex->lock);
    ASSERT(failure == 0);
}

void mutex_unlock(Mutex *mutex) {
    int failure = pthread_mutex_unlock(&mutex->lock);
    ASSERT(failure == 0);
}

void condition_init(Condition *condition) {
    pthread_condattr_t attributes;
    int failure = pthread_condattr_init(&attributes);
    ASSERT(failure == 0);
    failure = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    ASSERT(failure == 0);
    failure = pthread_cond_init(&condition->condition, &attributes);
    ASSERT(failure == 0);
    pthread_condattr_destroy(&attributes);
}

void condition_done(Condition *condition) {
    int failure = pthread_cond_destroy(&condition->condition);
    ASSERT(failure == 0);
}

void condition_wait(Condition *condition, Mutex *mutex) {
    int failure = pthread_cond_wait(&condition->condition, &mutex->lock);
    ASSERT(failure == 0);
}

bool condition_wait_ms(Condition *condition, Mutex *mutex, uint64_t timeout_ms) {
    if (timeout_ms > WAIT_MS_MAX) timeout_ms = WAIT_MS_MAX;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(timeout_ms / 1000);
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    int failure = pthread_cond_timedwait(&condition->condition, &mutex->lock, &until);
    ASSERT(failure == 0 || failure == ETIMEDOUT);
    return failure == 0;
}

void condition_signal(Condition *condition) {
    int failure = pthread_cond_signal(&condition->condition);
    ASSERT(failure == 0);
}

void condition_broadcast(Condition *condition) {
    int failure = pthread_cond_broadcast(&condition->condition);
    ASSERT(failure == 0);
}

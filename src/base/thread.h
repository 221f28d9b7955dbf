// thread.h - threads, locks and wake-ups; the only caller of pthread.
//
// Threads    that is what it is about. Every Mutex has a line and a rank in docs/threads.md.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Thread {
    pthread_t id;
    bool started;
} Thread;

// Starts `run(user)` on a thread with that name (at most 15 characters). Aborts if the system refuses.
// Signals from outside are blocked on it: they are the main thread's business. Those the CPU raises (SIGSEGV
// and its like, by which the module engines trap) are not. Its stack has THREAD_STACK_BYTES.
void thread_start(Thread *thread, const char *name, void (*run)(void *user), void *user);
void thread_join(Thread *thread);  // accepts one that was never started

typedef struct Mutex {
    pthread_mutex_t lock;
} Mutex;

void mutex_init(Mutex *mutex);
void mutex_done(Mutex *mutex);
void mutex_lock(Mutex *mutex);
void mutex_unlock(Mutex *mutex);

typedef struct Condition {
    pthread_cond_t condition;
} Condition;

void condition_init(Condition *condition);
void condition_done(Condition *condition);
void condition_wait(Condition *condition, Mutex *mutex);
// False on time-out. Monotonic clock.
bool condition_wait_ms(Condition *condition, Mutex *mutex, uint64_t timeout_ms);
void condition_signal(Condition *condition);
void condition_broadcast(Condition *condition);

// wait_threads.h - threads for jobs that wait: for the disk, for other machines, for a time. Private to db/.
//
// Threads    wait_threads_run on any thread; the rest by the owner.
// Lifetime   a thread without a job for WAIT_THREAD_IDLE_MS ends.
// Limits     WAIT_THREADS_MAX; jobs beyond it wait for a thread.
#pragma once

#include "base/thread.h"
#include "base/vec.h"
#include "db/db.h"

typedef struct WaitThread WaitThread;
VEC(WaitThreadVec, wait_thread_vec, WaitThread *)

typedef struct WaitThreads {
    Mutex mutex;
    Condition work;
    // ---- under mutex ----
    PoolJob *first;
    PoolJob *last;
    uint32_t job_count;       // that no thread has taken
    uint32_t idle_count;      // threads that wait for one
    uint32_t starting_count;  // threads that have not looked for one yet
    WaitThreadVec threads;
    bool stop;
    // ---- constant ----
    void (*job_over)(void *user);
    void *user;
} WaitThreads;

// job_over  is called after each job, on its thread
void wait_threads_init(WaitThreads *threads, void (*job_over)(void *user), void *user);
void wait_threads_done(WaitThreads *threads);  // runs what is left
void wait_threads_run(WaitThreads *threads, PoolJob *job);

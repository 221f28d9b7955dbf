// wait_threads.c - as many threads as there are jobs at a time, up to a limit. A thread that ended is joined by the next
// caller that starts one, or at the end.

#include "db/wait_threads.h"

#include "base/limits.h"

struct WaitThread {
    WaitThreads *owner;
    Thread thread;
    // ---- under the owner's mutex ----
    bool is_known;  // it may be joined
    bool has_ended;
};

static void thread_run(void *user);
static bool take_job(WaitThread *self, PoolJob **ret_job);
static bool needs_thread(const WaitThreads *threads);
static void start_thread(WaitThreads *threads);

void wait_threads_init(WaitThreads *threads, void (*job_over)(void *user), void *user) {
    *threads = (WaitThreads){.job_over = job_over, .user = user};
    mutex_init(&threads->mutex);
    condition_init(&threads->work);
    wait_thread_vec_reserve(&threads->threads, WAIT_THREADS_MAX);
}

void wait_threads_done(WaitThreads *threads) {
    mutex_lock(&threads->mutex);
    threads->stop = true;
    condition_broadcast(&threads->work);
    // One whose job another one took may not have come so far yet.
    while (threads->starting_count > 0) condition_wait_ms(&threads->work, &threads->mutex, 1);
    mutex_unlock(&threads->mutex);
    for (uint32_t i = 0; i < threads->threads.count; i++) {
        thread_join(&threads->threads.items[i]->thread);
        mem_free(threads->threads.items[i]);
    }
    ASSERT(threads->first == NULL);
    wait_thread_vec_done(&threads->threads);
    condition_done(&threads->work);
    mutex_done(&threads->mutex);
}

static bool needs_thread(const WaitThreads *threads) {
    uint32_t coming = threads->idle_count + threads->starting_count;
    return coming < threads->job_count &&
           threads->threads.count + threads->starting_count < WAIT_THREADS_MAX;
}

void wait_threads_run(WaitThreads *threads, PoolJob *job) {
    job->node.next = NULL;
    WaitThread *ended = NULL;
    mutex_lock(&threads->mutex);
    ASSERT(!threads->stop);
    if (threads->last) {
        threads->last->node.next = &job->node;
    } else {
        threads->first = job;
    }
    threads->last = job;
    threads->job_count++;
    WaitThreadVec *all = &threads->threads;
    for (uint32_t i = 0; i < all->count && !ended; i++) {
        if (!all->items[i]->has_ended || !all->items[i]->is_known) continue;
        ended = all->items[i];
        all->items[i] = all->items[--all->count];
    }
    bool starts = needs_thread(threads);
    if (starts) threads->starting_count++;
    mutex_unlock(&threads->mutex);
    if (starts) {
        start_thread(threads);
    } else {
        condition_signal(&threads->work);
    }
    if (ended == NULL) return;
    thread_join(&ended->thread);
    mem_free(ended);
}

static void start_thread(WaitThreads *threads) {
    WaitThread *thread = mem_alloc_zero(sizeof *thread);
    thread->owner = threads;
    thread_start(&thread->thread, "procedure", thread_run, thread);
    mutex_lock(&threads->mutex);
    thread->is_known = true;  // its handle is written
    mutex_unlock(&threads->mutex);
}

static void thread_run(void *user) {
    WaitThread *self = user;
    WaitThreads *threads = self->owner;
    PoolJob *job = NULL;
    mutex_lock(&threads->mutex);
    threads->starting_count--;
    ASSERT(threads->threads.count < threads->threads.capacity);  // room was made at the beginning
    wait_thread_vec_push(&threads->threads, self);
    mutex_unlock(&threads->mutex);
    while (take_job(self, &job)) {
        job->run(job);
        threads->job_over(threads->user);
    }
}

// Waits for one; false: the thread ends.
static bool take_job(WaitThread *self, PoolJob **ret_job) {
    WaitThreads *threads = self->owner;
    mutex_lock(&threads->mutex);
    bool is_in_time = true;
    while (threads->first == NULL && !threads->stop && is_in_time) {
        threads->idle_count++;
        is_in_time = condition_wait_ms(&threads->work, &threads->mutex, WAIT_THREAD_IDLE_MS);
        threads->idle_count--;
    }
    PoolJob *job = threads->first;
    if (job) {
        threads->first = (PoolJob *)(void *)job->node.next;
        if (threads->first == NULL) threads->last = NULL;
        threads->job_count--;
    } else {
        self->has_ended = true;
    }
    mutex_unlock(&threads->mutex);
    *ret_job = job;
    return job != NULL;
}

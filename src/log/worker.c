// worker.c - see worker.h.
#include "log/worker.h"

#include "base/log.h"
#include "base/thread.h"
#include "log/compress.h"

#include <stdatomic.h>

struct Worker {
    WorkerOptions options;
    Thread thread;
    // ---- the executor, until it is busy; then the worker's thread ----
    SnapshotSource *source;
    // ---- both ----
    // Set by the executor, which relaxed sees its own; cleared by the worker, release, when it is done with everything;
    // read by the executor, acquire.
    _Atomic bool is_busy;
    _Atomic bool
        is_stopped;  // set by the executor; relaxed: learning late costs time, nothing else
};

static void worker_run(void *user);
static bool worker_goes_on(void *user);
static bool worker_wait_durable(void *user, uint64_t tx_offset);

Worker *worker_create(const WorkerOptions *options) {
    Worker *worker = mem_alloc_zero(sizeof *worker);
    worker->options = *options;
    return worker;
}

void worker_stop(Worker *worker) {
    atomic_store_explicit(&worker->is_stopped, true, memory_order_relaxed);
}

bool worker_is_stopped(const Worker *worker) {
    return atomic_load_explicit(&worker->is_stopped, memory_order_relaxed);
}

void worker_close(Worker *worker) {
    if (worker == NULL) return;
    worker_stop(worker);
    thread_join(&worker->thread);
    snapshot_source_free(worker->source);
    mem_free(worker);
}

bool worker_is_busy(const Worker *worker) {
    return atomic_load_explicit(&worker->is_busy, memory_order_acquire);
}

void worker_begin(Worker *worker, SnapshotSource *source) {
    ASSERT(!worker_is_busy(worker));
    ASSERT(worker->source == NULL);
    worker->source = source;
    atomic_store_explicit(&worker->is_busy, true, memory_order_relaxed);
    if (worker->options.is_stepped) return;
    thread_join(&worker->thread);  // it has ended, or is about to
    thread_start(&worker->thread, "log-worker", worker_run, worker);
}

bool worker_step(Worker *worker) {
    if (!worker_is_busy(worker)) return false;
    worker_run(worker);
    return true;
}

static void worker_run(void *user) {
    Worker *worker = user;
    const WorkerOptions *options = &worker->options;
    uint64_t offset = snapshot_source_offset(worker->source);
    SnapshotWrite write = {.os = options->os,
                           .directory = options->snapshots,
                           .goes_on = worker_goes_on,
                           .wait_durable = worker_wait_durable,
                           .user = worker};
    SnapshotWritten written;
    Error error = {.text = ""};
    Status status = snapshot_write(&write, worker->source, &written, &error);
    snapshot_source_free(worker->source);
    worker->source = NULL;
    if (status == STATUS_OK) {
        log_line(LOG_INFO, "log", "%s: snapshot %llu: %llu rows, %llu objects, %llu of them shared",
                 options->snapshots, (unsigned long long)offset, (unsigned long long)written.rows,
                 (unsigned long long)written.objects, (unsigned long long)written.objects_linked);
        status = compress_snapshots(options->os, options->snapshots, offset, worker_goes_on, worker,
                                    &error);
    }
    if (status == STATUS_OK) {
        status = compress_segments(options->os, options->segments, offset, worker_goes_on, worker,
                                   &error);
    }
    if (status != STATUS_OK && status != STATUS_CONFLICT) {
        log_line(LOG_WARN, "log", "%s: snapshot %llu: %s", options->snapshots,
                 (unsigned long long)offset, error.text);
    }
    atomic_store_explicit(&worker->is_busy, false, memory_order_release);
}

static bool worker_goes_on(void *user) {
    return !worker_is_stopped(user);
}

static bool worker_wait_durable(void *user, uint64_t tx_offset) {
    const Worker *worker = user;
    return worker->options.wait_durable(worker->options.user, tx_offset);
}

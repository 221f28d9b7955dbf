// worker.h - what a log does beside its work: a snapshot, then compression of what is older.
//
// Threads    the executor begins, closes and asks; one thread works, from a beginning to its end. Stepped: the
//            executor does the work itself.
// Lifetime   until worker_close, which gives up what is not done.
// Errors     go to the server's log; the next snapshot tries again.
#pragma once

#include "log/snapshot_write.h"

typedef struct Worker Worker;

typedef struct WorkerOptions {
    Os *os;
    const char *segments;  // directories; borrowed
    const char *snapshots;
    bool is_stepped;
    // Waits until this transaction is durable; false if it will not be, or worker_close was called. Worker's thread.
    bool (*wait_durable)(void *user, uint64_t tx_offset);
    void *user;
} WorkerOptions;

Worker *worker_create(const WorkerOptions *options);
// Being told to give up is seen at the next object.
void worker_stop(Worker *worker);
bool worker_is_stopped(const Worker *worker);  // any thread
void worker_close(Worker *worker);             // accepts NULL
bool worker_is_busy(const Worker *worker);
// Takes the source. The worker must not be busy.
void worker_begin(Worker *worker, SnapshotSource *source);
// Stepped: does what was begun. False: nothing was.
bool worker_step(Worker *worker);

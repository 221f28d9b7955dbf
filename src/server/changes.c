// changes.c - see changes.h. The thread is a pool of one.

#include "server/changes.h"

#include "base/map.h"

// Somebody who waits until the thread gets there.
typedef struct Barrier {
    PoolJob job;
    Mutex mutex;
    Condition reached;
    bool is_reached;  // under mutex
} Barrier;

static void control_reach(PoolJob *job);

typedef struct Claim {
    PoolJob *first;  // who waits, in the order of coming
    PoolJob *last;
} Claim;

struct Changes {
    ExecutorPool *thread;
    // ---- control thread ----
    Control *control;
    BytesMap claims;  // identity -> Claim
};

Changes *changes_create(Server *server, Control *control) {
    Changes *changes = mem_alloc_zero(sizeof *changes);
    changes->control = control;
    changes->thread = executor_pool_create(server->os, 1);
    bytes_map_init(&changes->claims);
    return changes;
}

void changes_free(Changes *changes) {
    if (changes == NULL) return;
    executor_pool_free(changes->thread);
    ASSERT(changes->claims.count == 0);
    bytes_map_done(&changes->claims);
    control_close(changes->control);
    mem_free(changes);
}

void changes_quiesce(Changes *changes) {
    Barrier barrier = {.job = {.run = control_reach}};
    mutex_init(&barrier.mutex);
    condition_init(&barrier.reached);
    executor_pool_run(changes->thread, &barrier.job);
    mutex_lock(&barrier.mutex);
    while (!barrier.is_reached) condition_wait(&barrier.reached, &barrier.mutex);
    mutex_unlock(&barrier.mutex);
    condition_done(&barrier.reached);
    mutex_done(&barrier.mutex);
}

static void control_reach(PoolJob *job) {
    Barrier *barrier = (Barrier *)(void *)job;
    mutex_lock(&barrier->mutex);
    barrier->is_reached = true;
    condition_signal(&barrier->reached);
    mutex_unlock(&barrier->mutex);
}

void changes_post(WebRequest *request, void (*run)(PoolJob *job)) {
    request->job.run = run;
    executor_pool_run(request->server->changes->thread, &request->job);
}

Control *changes_control(Server *server) {
    return server->changes->control;
}

bool changes_claim(WebRequest *request, const Identity *identity) {
    Changes *changes = request->server->changes;
    Bytes key = bytes_of(identity->bytes, sizeof identity->bytes);
    Claim *claim = bytes_map_find(&changes->claims, key);
    if (claim == NULL) {
        (void)bytes_map_set(&changes->claims, key, mem_alloc_zero(sizeof *claim));
        return true;
    }
    PoolJob *job = &request->job;
    job->node.next = NULL;
    if (claim->last) {
        claim->last->node.next = &job->node;
    } else {
        claim->first = job;
    }
    claim->last = job;
    return false;
}

void changes_release(Server *server, const Identity *identity) {
    Changes *changes = server->changes;
    Bytes key = bytes_of(identity->bytes, sizeof identity->bytes);
    Claim *claim = bytes_map_remove(&changes->claims, key);
    ASSERT(claim != NULL);
    // All of them: whoever comes first takes the claim, the others find it taken and wait again, in order.
    for (PoolJob *job = claim->first; job;) {
        PoolJob *next = (PoolJob *)(void *)job->node.next;
        executor_pool_run(changes->thread, job);
        job = next;
    }
    mem_free(claim);
}

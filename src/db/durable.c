// durable.c - threads that wait for a commit to be on the disk. The executor never does: it posts itself a message.

#include "db/database.h"

struct DurableWait {
    DbMessage message;
    _Atomic uint32_t refs;  // the waiter's and the message's; down acquire-release
    Database *database;     // a reference of the message's
    Mutex mutex;
    Condition changed;
    // ---- under mutex ----
    bool is_over;
    bool has_failed;
};

static void durable_run(Database *database, DbMessage *message);
static void durable_unref(DurableWait *wait);

DurableWait *durable_begin(Database *database, uint64_t ticket) {
    if (database->gate == NULL || gate_is_open(database->gate, ticket)) return NULL;
    DurableWait *wait = mem_alloc_zero(sizeof *wait);
    wait->message.run = durable_run;
    wait->refs = 2;
    wait->database = database_ref(database);
    mutex_init(&wait->mutex);
    condition_init(&wait->changed);
    database_post_when_durable(database, ticket, &wait->message);
    return wait;
}

static void durable_run(Database *database, DbMessage *message) {
    DurableWait *wait = (DurableWait *)(void *)message;
    Error failure;
    mutex_lock(&wait->mutex);
    ASSERT(!wait->is_over);
    wait->is_over = true;
    wait->has_failed = database_failure(database, &failure);
    condition_signal(&wait->changed);
    mutex_unlock(&wait->mutex);
    Database *held = wait->database;
    durable_unref(wait);
    database_unref(held);
}

DurableOutcome durable_end(DurableWait *wait, uint32_t timeout_ms) {
    if (wait == NULL) return DURABLE_YES;
    mutex_lock(&wait->mutex);
    bool is_in_time = true;
    while (!wait->is_over && is_in_time)
        is_in_time = condition_wait_ms(&wait->changed, &wait->mutex, timeout_ms);
    bool is_over = wait->is_over;
    bool has_failed = wait->has_failed;
    mutex_unlock(&wait->mutex);
    durable_unref(wait);
    if (!is_over) return DURABLE_LATE;
    return has_failed ? DURABLE_FAILED : DURABLE_YES;
}

static void durable_unref(DurableWait *wait) {
    if (atomic_fetch_sub_explicit(&wait->refs, 1, memory_order_acq_rel) > 1) return;
    condition_done(&wait->changed);
    mutex_done(&wait->mutex);
    mem_free(wait);
}

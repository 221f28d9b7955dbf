// views.c - see views.h. Within a transaction the notes of what its views read are kept aside and take effect at the end,
// when nothing can fail any more: after a rollback the instances have read what they had read before.

#include "db/view_run.h"

#include "base/log.h"

#include <stdlib.h>

#define NANOS_PER_MS 1000000ll
#define INSTANCE_KEY_BYTES (4u + VIEW_HASH_BYTES)

typedef enum Telling { TELL_SUBSCRIBERS, TELL_NOBODY } Telling;

static void instance_key(TableId table, const uint8_t *hash, uint8_t ret_key[INSTANCE_KEY_BYTES]);
static ViewInstance *find_instance(const Database *database, const QueryView *view);
static ViewInstance *make_instance(Database *database, const Identity *sender,
                                   const QueryView *view);
static void free_instance(Database *database, ViewInstance *view);
static ViewRunner own_runner(Database *database);
static CallStatus materialize(Database *database, ViewInstance *view, Telling telling);
static void retry_later(Database *database, ViewInstance *view);
static void run_retries(Database *database, DbMessage *message);
static void find_stale(Database *database);
static int compare_views(const void *a, const void *b);
static CallOutcome refresh_stale(Database *database, const ViewRunner *runner, ReadNotes *notes);
static void fail_surely(Database *database, ViewInstance *view, CallStatus status);
static bool fits(const ViewInstance *view, const ViewDef *def);
static void use_now(Database *database, ViewInstance *view);
static Status hold_views(void *user, const Identity *sender, const Query *query, Error *error);
static void release_views(void *user, const Query *query);
static void plan_expiry(Database *database, int64_t wait_ms);
static uint32_t take_unused(Database *database, ViewVec *unused);

static ViewInstance *view_of(ViewReader *reader) {
    return (ViewInstance *)(void *)reader;
}

static int64_t now_nanos(const Database *database) {
    return database->options.os->monotonic_nanos(database->options.os);
}

void views_init(Database *database) {
    Views *views = &database->views;
    bytes_map_init(&views->by_key);
    readers_init(&views->readers);
    views->retry_message.run = run_retries;
}

void views_done(Database *database) {
    Views *views = &database->views;
    uint32_t at = 0;
    Bytes key;
    void *value = NULL;
    while (at = 0, bytes_map_next(&views->by_key, &at, &key, &value))
        free_instance(database, value);
    view_reader_vec_done(&views->stale);
    view_vec_done(&views->retries);
    bytes_map_done(&views->by_key);
    readers_done(&views->readers);
}

// ---- instances ----

static void instance_key(TableId table, const uint8_t *hash, uint8_t ret_key[INSTANCE_KEY_BYTES]) {
    store_u32le(ret_key, table);
    memcpy(ret_key + 4, hash, VIEW_HASH_BYTES);
}

static ViewInstance *find_instance(const Database *database, const QueryView *view) {
    ASSERT(view->key.count == VIEW_HASH_BYTES);
    uint8_t key[INSTANCE_KEY_BYTES];
    instance_key(view->table, view->key.data, key);
    return bytes_map_find(&database->views.by_key, bytes_of(key, sizeof key));
}

static ViewInstance *make_instance(Database *database, const Identity *sender,
                                   const QueryView *view) {
    ViewInstance *made = mem_alloc_zero(sizeof *made);
    made->table = view->table;
    memcpy(made->key, view->key.data, VIEW_HASH_BYTES);
    made->is_per_sender = view->is_per_sender;
    if (view->is_per_sender) made->sender = *sender;
    made->is_failed = true;  // until it has run
    uint8_t *arguments = mem_alloc(view->arguments.count);
    if (view->arguments.count > 0) memcpy(arguments, view->arguments.data, view->arguments.count);
    made->arguments = bytes_of(arguments, view->arguments.count);
    uint8_t key[INSTANCE_KEY_BYTES];
    instance_key(made->table, made->key, key);
    void *previous = bytes_map_set(&database->views.by_key, bytes_of(key, sizeof key), made);
    ASSERT(previous == NULL);
    database->views.idle_count++;
    use_now(database, made);
    return made;
}

// Its rows are the caller's business.
static void free_instance(Database *database, ViewInstance *view) {
    Views *views = &database->views;
    uint8_t key[INSTANCE_KEY_BYTES];
    instance_key(view->table, view->key, key);
    void *removed = bytes_map_remove(&views->by_key, bytes_of(key, sizeof key));
    ASSERT(removed == view);
    readers_replace(&views->readers, &view->reader, NULL);
    for (uint32_t i = 0; view->is_retried && i < views->retries.count; i++) {
        if (views->retries.items[i] == view)
            views->retries.items[i] = views->retries.items[--views->retries.count];
    }
    if (view->holders == 0) views->idle_count--;
    mem_free((void *)(uintptr_t)view->arguments.data);
    mem_free(view);
}

static ViewRunner own_runner(Database *database) {
    return (ViewRunner){
        .instance = database->instance, .env = &database->env, .def = database->def};
}

// Runs it in a transaction of its own. Afterwards it has its rows, or is_failed.
static CallStatus materialize(Database *database, ViewInstance *view, Telling telling) {
    ReadNotes notes;
    read_notes_init(&notes);
    ViewRunner runner = own_runner(database);
    Tx *tx = tx_begin(database->store);
    CallOutcome outcome = view_run(database, &runner, view, &notes);
    view->is_failed = outcome.status != CALL_OK;
    readers_replace(&database->views.readers, &view->reader, &notes);
    read_notes_done(&notes);
    if (view->is_failed) {
        tx_rollback(tx);
    } else if (telling == TELL_SUBSCRIBERS) {
        TxCause cause = {.event = {.result = RESULT_COMMITTED,
                                   .caller_identity = database->options.identity,
                                   .reducer_id = UINT32_MAX,
                                   .timestamp = database_now(database)}};
        (void)database_commit(database, &cause);
    } else {
        const Commit *commit = tx_commit(tx);
        ASSERT(!commit->is_logged);  // views cannot write
        tx_release(tx);
    }
    if (outcome.status == CALL_TRAPPED || outcome.status == CALL_OUT_OF_TIME)
        database_restart_instance(database);
    return outcome.status;
}

// ---- failed ones ----

static void retry_later(Database *database, ViewInstance *view) {
    Views *views = &database->views;
    ASSERT(view->is_failed);
    if (!view->is_retried) view_vec_push(&views->retries, view);
    view->is_retried = true;
    if (views->retry_posted) return;
    views->retry_posted = true;
    database_post(database, &views->retry_message);
}

static void run_retries(Database *database, DbMessage *message) {
    (void)message;
    Views *views = &database->views;
    views->retry_posted = false;
    while (views->retries.count > 0) {
        ViewInstance *view = views->retries.items[--views->retries.count];
        view->is_retried = false;
        if (!database->is_stopped) (void)materialize(database, view, TELL_SUBSCRIBERS);
    }
}

// ---- within transactions ----

// By table and key: the order in which they run does not depend on where they lie in memory.
static int compare_views(const void *a, const void *b) {
    const ViewInstance *left = view_of(*(ViewReader *const *)a);
    const ViewInstance *right = view_of(*(ViewReader *const *)b);
    if (left->table != right->table) return left->table < right->table ? -1 : 1;
    return memcmp(left->key, right->key, VIEW_HASH_BYTES);
}

// Fills in Views.stale with the healthy ones; the others are tried again later.
static void find_stale(Database *database) {
    Views *views = &database->views;
    ViewReaderVec *stale = &views->stale;
    view_reader_vec_clear(stale);
    if (views->by_key.count == 0) return;
    readers_find(&views->readers, store_tx(database->store), stale);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < stale->count; i++) {
        ViewInstance *view = view_of(stale->items[i]);
        if (view->is_failed) {
            retry_later(database, view);
        } else {
            stale->items[kept++] = &view->reader;
        }
    }
    stale->count = kept;
    if (kept > 1) qsort(stale->items, kept, sizeof *stale->items, compare_views);
}

// Up to the first that fails.
static CallOutcome refresh_stale(Database *database, const ViewRunner *runner, ReadNotes *notes) {
    const ViewReaderVec *stale = &database->views.stale;
    CallOutcome outcome = {.status = CALL_OK};
    for (uint32_t i = 0; i < stale->count && outcome.status == CALL_OK; i++) {
        read_notes_init(&notes[i]);
        outcome = view_run(database, runner, view_of(stale->items[i]), &notes[i]);
    }
    return outcome;
}

CallOutcome views_refresh(Database *database, ProcedureInstance *procedure) {
    Views *views = &database->views;
    find_stale(database);
    uint32_t count = views->stale.count;
    if (count == 0) return (CallOutcome){.status = CALL_OK};
    ViewRunner runner = procedure ? procedure_runner(procedure) : own_runner(database);
    ReadNotes *notes = mem_alloc_zero(sizeof *notes * count);
    CallOutcome outcome = refresh_stale(database, &runner, notes);
    for (uint32_t i = 0; i < count; i++) {
        if (outcome.status == CALL_OK)
            readers_replace(&views->readers, views->stale.items[i], &notes[i]);
        read_notes_done(&notes[i]);
    }
    mem_free(notes);
    return outcome;
}

void views_refresh_surely(Database *database) {
    Views *views = &database->views;
    find_stale(database);
    for (uint32_t i = 0; i < views->stale.count; i++) {
        ViewInstance *view = view_of(views->stale.items[i]);
        ReadNotes notes;
        read_notes_init(&notes);
        ViewRunner runner = own_runner(database);
        CallOutcome outcome = view_run(database, &runner, view, &notes);
        readers_replace(&views->readers, &view->reader, &notes);
        read_notes_done(&notes);
        if (outcome.status != CALL_OK) fail_surely(database, view, outcome.status);
    }
}

static void fail_surely(Database *database, ViewInstance *view, CallStatus status) {
    view_clear(database, view);
    view->is_failed = true;
    if (status == CALL_TRAPPED || status == CALL_OUT_OF_TIME) database_restart_instance(database);
}

// Is it still the same view, seen from those who read it?
static bool fits(const ViewInstance *view, const ViewDef *def) {
    if (def == NULL || def->is_anonymous == view->is_per_sender) return false;
    Reader reader = reader_of(view->arguments);
    Error error;
    return bsatn_check(def->typespace, def->params, &reader, &error) == STATUS_OK &&
           reader_finish(&reader);
}

Status views_refresh_all(Database *database, Instance *instance, const ModuleDef *def,
                         Error *error) {
    Views *views = &database->views;
    ViewRunner runner = {.instance = instance, .env = &database->env, .def = def};
    const ModuleDef *before = database->env.def;
    database->env.def = def;
    ViewVec gone = {0};
    view_reader_vec_clear(&views->stale);
    uint32_t at = 0;
    Bytes key;
    void *value = NULL;
    while (bytes_map_next(&views->by_key, &at, &key, &value)) {
        ViewInstance *view = value;
        const Table *table = store_find_table(database->store, view->table);
        const ViewDef *now = table ? module_def_find_view(def, table_schema(table)->name) : NULL;
        if (fits(view, now)) {
            if (!view->is_failed) view_reader_vec_push(&views->stale, &view->reader);
        } else {
            view_clear(database, view);
            view_vec_push(&gone, view);
        }
    }
    uint32_t count = views->stale.count;
    if (count > 1) qsort(views->stale.items, count, sizeof *views->stale.items, compare_views);
    ReadNotes *notes = mem_alloc_zero(sizeof *notes * count);
    CallOutcome outcome = refresh_stale(database, &runner, notes);
    bool is_done = outcome.status == CALL_OK;
    for (uint32_t i = 0; i < count; i++) {
        if (is_done) readers_replace(&views->readers, views->stale.items[i], &notes[i]);
        read_notes_done(&notes[i]);
    }
    mem_free(notes);
    for (uint32_t i = 0; is_done && i < gone.count; i++) free_instance(database, gone.items[i]);
    view_vec_done(&gone);
    database->env.def = before;
    if (is_done) return STATUS_OK;
    return error_set(error, STATUS_INVALID,
                     "Views evaluation did not complete successfully during database update: %.*s",
                     BYTES_FORMAT(outcome.text));
}

// ---- readers ----

static void use_now(Database *database, ViewInstance *view) {
    view->last_used_nanos = now_nanos(database);
    if (view->holders == 0 && database->views.expiry_nanos == 0)
        plan_expiry(database, VIEW_EXPIRY_MS);
}

Status views_materialize(Database *database, const Identity *sender, const Query *query,
                         Error *error) {
    uint32_t count = 0;
    const QueryView *wanted = query_views(query, &count);
    for (uint32_t i = 0; i < count; i++) {
        ViewInstance *view = find_instance(database, &wanted[i]);
        bool is_new = view == NULL;
        if (is_new) view = make_instance(database, sender, &wanted[i]);
        use_now(database, view);
        if (!view->is_failed) continue;
        CallStatus status = materialize(database, view, TELL_SUBSCRIBERS);
        if (status != CALL_TRAPPED && status != CALL_OUT_OF_TIME) continue;
        if (is_new) free_instance(database, view);
        return error_set(error, STATUS_INVALID, "The instance encountered a fatal error.");
    }
    return STATUS_OK;
}

SyncViews views_for_sync(Database *database) {
    return (SyncViews){.user = database, .hold = hold_views, .release = release_views};
}

static Status hold_views(void *user, const Identity *sender, const Query *query, Error *error) {
    Database *database = user;
    uint32_t count = 0;
    const QueryView *wanted = query_views(query, &count);
    Status status = STATUS_OK;
    uint32_t held = 0;
    for (; held < count && status == STATUS_OK; held++) {
        ViewInstance *view = find_instance(database, &wanted[held]);
        bool is_new = view == NULL;
        if (is_new) view = make_instance(database, sender, &wanted[held]);
        if (view->holders++ == 0) database->views.idle_count--;
        if (!is_new) continue;
        if (store_tx(database->store) != NULL) {  // plans are compiled anew at the end of a commit
            retry_later(database, view);
            continue;
        }
        CallStatus outcome = materialize(database, view, TELL_NOBODY);
        if (outcome != CALL_TRAPPED && outcome != CALL_OUT_OF_TIME) continue;
        status = error_set(error, STATUS_INVALID, "The instance encountered a fatal error.");
        free_instance(database, view);
    }
    // The one that failed is gone, and holds nothing.
    for (uint32_t i = 0; status != STATUS_OK && i + 1 < held; i++) {
        ViewInstance *view = find_instance(database, &wanted[i]);
        ASSERT(view != NULL);
        if (--view->holders > 0) continue;
        database->views.idle_count++;
        use_now(database, view);
    }
    return status;
}

static void release_views(void *user, const Query *query) {
    Database *database = user;
    uint32_t count = 0;
    const QueryView *released = query_views(query, &count);
    for (uint32_t i = 0; i < count; i++) {
        ViewInstance *view = find_instance(database, &released[i]);
        if (view == NULL) continue;  // its view is gone
        ASSERT(view->holders > 0);
        if (--view->holders > 0) continue;
        database->views.idle_count++;
        use_now(database, view);
    }
}

// ---- expiry ----

static void plan_expiry(Database *database, int64_t wait_ms) {
    database->views.expiry_nanos = now_nanos(database) + wait_ms * NANOS_PER_MS;
    database_arm_timer(database);
}

void views_expire(Database *database) {
    Views *views = &database->views;
    if (views->expiry_nanos == 0 || views->expiry_nanos > now_nanos(database)) return;
    views->expiry_nanos = 0;
    ViewVec unused = {0};
    uint32_t left = take_unused(database, &unused);
    if (unused.count > 0) {
        Tx *tx = tx_begin(database->store);
        for (uint32_t i = 0; i < unused.count; i++) view_clear(database, unused.items[i]);
        const Commit *commit = tx_commit(tx);
        ASSERT(!commit->is_logged);
        tx_release(tx);
        for (uint32_t i = 0; i < unused.count; i++) free_instance(database, unused.items[i]);
    }
    view_vec_done(&unused);
    if (views->idle_count > 0)
        plan_expiry(database, left > 0 ? VIEW_EXPIRY_BUSY_MS : VIEW_EXPIRY_MS);
}

// A batch of them; the number of those left.
static uint32_t take_unused(Database *database, ViewVec *unused) {
    int64_t limit = now_nanos(database) - VIEW_UNUSED_MS_MAX * NANOS_PER_MS;
    uint32_t left = 0;
    uint32_t at = 0;
    Bytes key;
    void *value = NULL;
    while (bytes_map_next(&database->views.by_key, &at, &key, &value)) {
        ViewInstance *view = value;
        if (view->holders > 0 || view->last_used_nanos > limit) continue;
        if (unused->count < VIEW_EXPIRY_BATCH_MAX) {
            view_vec_push(unused, view);
        } else {
            left++;
        }
    }
    return left;
}

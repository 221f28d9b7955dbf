// scheduler.c - rows of scheduled tables come due (module-abi.md 5, since-2.8.md 2.6).
//
// Rows are queued when they are committed, whoever wrote them. An entry remembers the hash of its row: a row
// that was changed or deleted since has queued its own entry, the old one is dropped when it fires. The heap's
// first entry is the database's timer.

#include "db/database.h"

#include "base/log.h"

static void queue_row(Database *database, const TableSchema *table, Bytes row, int64_t due,
                      int64_t intended);
static bool row_key(const Table *table, Bytes row, uint64_t *ret_key);
static bool find_row(Database *database, const ScheduleEntry *entry, Table **ret_table,
                     Row *ret_row);
static void fire(Database *database, const ScheduleEntry *entry);
static void run_reducer(Database *database, Bytes function, Bytes row, const ScheduleEntry *entry);
static void fire_procedure(Database *database, const FunctionDef *procedure, Bytes row,
                           const ScheduleEntry *entry);
static int64_t call_time(const Database *database, const ScheduleEntry *entry);
static bool next_tick(Database *database, const ScheduleEntry *entry, int64_t *ret_next);
static void delete_row(Database *database, const ScheduleEntry *entry);
static void after_run(Database *database, const ScheduleEntry *entry);
static bool schedule_interval(Bytes column, int64_t *ret_interval);
static void heap_push(ScheduleVec *heap, ScheduleEntry entry);
static ScheduleEntry heap_pop(ScheduleVec *heap);
static void run_immediate(Database *database, DbMessage *message);
static void call_immediate(Database *database, Bytes name, Bytes args);

#define SCHEDULE_INTERVAL 0u  // the tags of ScheduleAt
// Due rows that one turn runs before other messages get their chance.
#define SCHEDULE_BATCH_MAX 64u

void database_schedule_commit(Database *database, const Commit *commit) {
    bool added = false;
    for (uint32_t i = 0; i < commit->table_count; i++) {
        const TableDelta *delta = &commit->tables[i];
        if (!delta->schema->has_schedule) continue;
        int64_t now = database_now(database);
        for (uint32_t r = 0; r < delta->inserted.count; r++) {
            Bytes row = delta->inserted.items[r].bytes;
            int64_t due = 0;
            if (!schedule_due(delta->schema, row, now, &due))
                continue;  // refused at the insert already
            queue_row(database, delta->schema, row, due, due);
            added = true;
        }
    }
    if (added) database_arm_timer(database);
}

void database_schedule_all(Database *database) {
    schedule_vec_clear(&database->schedule);
    int64_t now = database_now(database);
    TableId at = 0;
    for (Table *table = store_next_table(database->store, &at); table;
         table = store_next_table(database->store, &at)) {
        const TableSchema *schema = table_schema(table);
        if (!schema->has_schedule) continue;
        TableScan scan = table_scan(table);
        Row row;
        while (table_scan_next(&scan, &row)) {
            int64_t due = 0;
            if (schedule_due(schema, row.bytes, now, &due))
                queue_row(database, schema, row.bytes, due, due);
        }
    }
    database_arm_timer(database);
}

static void queue_row(Database *database, const TableSchema *schema, Bytes row, int64_t due,
                      int64_t intended) {
    Table *table = store_find_table(database->store, schema->id);
    uint64_t key = 0;
    if (table == NULL || !row_key(table, row, &key)) return;
    ScheduleEntry entry = {.due = due,
                           .intended = intended,
                           .table = schema->id,
                           .row_key = key,
                           .row_hash = hash_bytes(row)};
    heap_push(&database->schedule, entry);
}

static bool row_key(const Table *table, Bytes row, uint64_t *ret_key) {
    const TableSchema *schema = table_schema(table);
    if (schema->primary_key == COLUMN_NONE) return false;
    Bytes key = table_column(table, row, schema->primary_key);
    if (key.count != 8) return false;
    *ret_key = load_u64le(key.data);
    return true;
}

void database_run_due(Database *database) {
    for (uint32_t i = 0; i < SCHEDULE_BATCH_MAX && !database->is_stopped; i++) {
        if (database->schedule.count == 0) break;
        if (database->schedule.items[0].due > database_now(database)) break;
        ScheduleEntry entry = heap_pop(&database->schedule);
        fire(database, &entry);
        arena_clear(&database->call_arena);
    }
    database_arm_timer(database);
}

// The row as it is stored now, if it is still the one that was queued.
static bool find_row(Database *database, const ScheduleEntry *entry, Table **ret_table,
                     Row *ret_row) {
    Table *table = store_find_table(database->store, entry->table);
    if (table == NULL || !table_schema(table)->has_schedule) return false;
    uint16_t column = table_schema(table)->primary_key;
    Index *index = table_find_index(table, (ColumnList){&column, 1});
    uint8_t key[8];
    store_u64le(key, entry->row_key);
    if (index == NULL || !index_find(index, bytes_of(key, sizeof key), ret_row)) return false;
    *ret_table = table;
    return hash_bytes(ret_row->bytes) == entry->row_hash;
}

static void fire(Database *database, const ScheduleEntry *entry) {
    Table *table = NULL;
    Row row;
    Error failure;
    if (database_failure(database, &failure) || !find_row(database, entry, &table, &row)) return;
    Bytes bytes = arena_copy(&database->call_arena, row.bytes);  // the reducer may change the table
    Bytes function = table_schema(table)->schedule.function;
    const FunctionDef *procedure = database->def
                                       ? module_def_find_procedure(database->def, function)
                                       : NULL;
    if (procedure) {
        fire_procedure(database, procedure, bytes, entry);
        return;
    }
    run_reducer(database, function, bytes, entry);
    after_run(database, entry);
}

static void run_reducer(Database *database, Bytes function, Bytes row, const ScheduleEntry *entry) {
    const FunctionDef *reducer = database->def ? module_def_find_reducer(database->def, function)
                                               : NULL;
    if (reducer == NULL) {
        log_line(LOG_WARN, "db", "scheduled function %.*s: there is no such function",
                 BYTES_FORMAT(function));
        return;
    }
    ReducerCall call = {
        .reducer = reducer,
        .caller = {.identity = database->options.identity},
        .timestamp = call_time(database, entry),
        .args = row,
    };
    (void)database_run_reducer(database, &call);
}

static int64_t call_time(const Database *database, const ScheduleEntry *entry) {
    int64_t now = database_now(database);
    return entry->intended > now ? entry->intended : now;
}

// At most once: a one-shot row is gone before its procedure starts. An interval's next tick is fixed now, and queued
// when the procedure has ended (module-abi.md 5.6).
static void fire_procedure(Database *database, const FunctionDef *procedure, Bytes row,
                           const ScheduleEntry *entry) {
    int64_t timestamp = call_time(database, entry);
    ScheduleEntry next = *entry;
    bool is_interval = next_tick(database, entry, &next.intended);
    next.due = next.intended;
    if (!is_interval) delete_row(database, entry);
    procedure_call_scheduled(database, procedure, row, timestamp, is_interval ? &next : NULL);
}

// A one-shot row goes, an interval is queued for its next tick; unless the run changed the row.
static void after_run(Database *database, const ScheduleEntry *entry) {
    ScheduleEntry next = *entry;
    if (next_tick(database, entry, &next.intended)) {
        next.due = next.intended;
        database_schedule_done(database, &next);
    } else {
        delete_row(database, entry);
    }
}

void database_schedule_done(Database *database, const ScheduleEntry *entry) {
    Table *table = NULL;
    Row row;
    if (!find_row(database, entry, &table, &row)) return;
    heap_push(&database->schedule, *entry);
    database_arm_timer(database);
}

// False: the row is not an interval's, or it is gone.
static bool next_tick(Database *database, const ScheduleEntry *entry, int64_t *ret_next) {
    Table *table = NULL;
    Row row;
    if (!find_row(database, entry, &table, &row)) return false;
    const TableSchema *schema = table_schema(table);
    int64_t interval = 0;
    if (!schedule_interval(table_column(table, row.bytes, schema->schedule.at_column), &interval))
        return false;
    int64_t now = database_now(database);
    int64_t next = INT64_MAX;
    if (!__builtin_add_overflow(entry->intended, interval, &next) && interval > 0 && next <= now) {
        int64_t skipped = (now - next) / interval + 1;
        if (__builtin_add_overflow(next, skipped * interval, &next)) next = INT64_MAX;
    }
    *ret_next = next;
    return true;
}

static void delete_row(Database *database, const ScheduleEntry *entry) {
    Table *table = NULL;
    Row row;
    Error failure;
    if (database_failure(database, &failure) || !find_row(database, entry, &table, &row)) return;
    Tx *tx = tx_begin(database->store);
    tx_delete(tx, table, row.id);
    TxCause cause = {
        .event = {.result = RESULT_COMMITTED,
                  .caller_identity = database->options.identity,
                  .reducer_id = 0,
                  .timestamp = database_now(database)},
    };
    (void)database_commit_surely(database, &cause);
}

static bool schedule_interval(Bytes column, int64_t *ret_interval) {
    ASSERT(column.count == 9);  // ScheduleAt: one tag byte, an i64
    if (column.data[0] != SCHEDULE_INTERVAL) return false;
    int64_t interval = (int64_t)load_u64le(column.data + 1);
    if (interval == INT64_MIN) interval = INT64_MAX;
    *ret_interval = interval < 0 ? -interval : interval;
    return true;
}

// Of the two things that come due: rows, by the wall clock, and unused views.
void database_arm_timer(Database *database) {
    if (database->is_stopped) return;
    Os *os = database->options.os;
    int64_t due = database->views.expiry_nanos;
    if (database->schedule.count > 0) {
        int64_t wait = database->schedule.items[0].due - database_now(database);
        if (wait < 0) wait = 0;
        if (wait > INT64_MAX / 2000) wait = INT64_MAX / 2000;
        int64_t row_due = os->monotonic_nanos(os) + wait * 1000;
        if (due == 0 || row_due < due) due = row_due;
    }
    actor_set_timer(&database->actor, due);
}

// ---- immediate calls (module-abi.md 5.6): not stored, lost on a restart ----

typedef struct ImmediateCall {
    DbMessage message;
    uint32_t name_count;
    uint32_t args_count;
    uint8_t bytes[];  // name, arguments
} ImmediateCall;

void database_schedule_immediate(void *user, Bytes function, Bytes args) {
    Database *database = user;
    uint32_t waiting = atomic_fetch_add_explicit(&database->immediate_count, 1,
                                                 memory_order_relaxed);
    if (waiting >= IMMEDIATE_CALLS_MAX) {
        atomic_fetch_sub_explicit(&database->immediate_count, 1, memory_order_relaxed);
        log_line(LOG_WARN, "db", "immediate call of %.*s: dropped, %u are waiting",
                 BYTES_FORMAT(function), waiting);
        return;
    }
    ImmediateCall *call = mem_alloc(sizeof *call + function.count + args.count);
    *call = (ImmediateCall){
        .message.run = run_immediate, .name_count = function.count, .args_count = args.count};
    if (function.count > 0) memcpy(call->bytes, function.data, function.count);
    if (args.count > 0) memcpy(call->bytes + function.count, args.data, args.count);
    database_post(database, &call->message);
}

static void run_immediate(Database *database, DbMessage *message) {
    ImmediateCall *call = (ImmediateCall *)(void *)message;
    atomic_fetch_sub_explicit(&database->immediate_count, 1, memory_order_relaxed);
    call_immediate(database, bytes_of(call->bytes, call->name_count),
                   bytes_of(call->bytes + call->name_count, call->args_count));
    mem_free(call);
}

static void call_immediate(Database *database, Bytes name, Bytes args) {
    const ModuleDef *def = database->is_stopped ? NULL : database->def;
    const FunctionDef *reducer = def ? module_def_find_reducer(def, name) : NULL;
    const FunctionDef *procedure = def && !reducer ? module_def_find_procedure(def, name) : NULL;
    const FunctionDef *function = reducer ? reducer : procedure;
    Reader reader = reader_of(args);
    Error error = {0};
    if (function == NULL) {
        log_line(LOG_WARN, "db", "immediate call of %.*s: there is no such function",
                 BYTES_FORMAT(name));
    } else if (bsatn_check(function->typespace, function->params, &reader, &error) != STATUS_OK) {
        log_line(LOG_WARN, "db", "immediate call of %.*s: %s", BYTES_FORMAT(name), error.text);
    } else if (procedure) {
        procedure_call_scheduled(database, procedure, args, database_now(database), NULL);
    } else {
        ReducerCall run = {.reducer = reducer,
                           .caller = {.identity = database->options.identity},
                           .timestamp = database_now(database),
                           .args = args};
        (void)database_run_reducer(database, &run);
    }
}

// ---- the heap: items[0] is due first ----

static void heap_push(ScheduleVec *heap, ScheduleEntry entry) {
    schedule_vec_push(heap, entry);
    uint32_t at = heap->count - 1;
    while (at > 0 && heap->items[(at - 1) / 2].due > entry.due) {
        heap->items[at] = heap->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->items[at] = entry;
}

static ScheduleEntry heap_pop(ScheduleVec *heap) {
    ASSERT(heap->count > 0);
    ScheduleEntry first = heap->items[0];
    ScheduleEntry last = heap->items[--heap->count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= heap->count) break;
        if (child + 1 < heap->count && heap->items[child + 1].due < heap->items[child].due) child++;
        if (heap->items[child].due >= last.due) break;
        heap->items[at] = heap->items[child];
        at = child;
    }
    if (heap->count > 0) heap->items[at] = last;
    return first;
}

// scheduler.c - rows of scheduled tables come due (module-abi.md 5, since-2.8.md 2.6).
//
// Rows are queued when they are committed, whoever wrote them. An entry remembers the hash of its row: a row
// that was changed or deleted since has queued its own entry, the old one is dropped when it fires. The heap's
// first entry is the database's timer.

#include "db/database.h"

#include "base/log.h"

static void queue_row(Database *database, const TableSchema *table, Bytes row, int64_t due, int64_t intended);
static bool row_key(const Table *table, Bytes row, uint64_t *ret_key);
static bool find_row(Database *database, const ScheduleEntry *entry, Table **ret_table, Row *ret_row);
static void fire(Database *database, const ScheduleEntry *entry);
static void run_row(Database *database, const TableSchema *schema, Bytes row, const ScheduleEntry *entry);
static void after_run(Database *database, const ScheduleEntry *entry);
static bool schedule_interval(const TableSchema *table, Bytes column, int64_t *ret_interval);
static void heap_push(ScheduleVec *heap, ScheduleEntry entry);
static ScheduleEntry heap_pop(ScheduleVec *heap);
static void arm_timer(Database *database);
static void run_immediate(Database *database, DbMessage *message);

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
            if (!schedule_due(delta->schema, row, now, &due)) continue;  // refused at the insert already
            queue_row(database, delta->schema, row, due, due);
            added = true;
        }
    }
    if (added) arm_timer(database);
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
            if (schedule_due(schema, row.bytes, now, &due)) queue_row(database, schema, row.bytes, due, due);
        }
    }
    arm_timer(database);
}

static void queue_row(Database *database, const TableSchema *schema, Bytes row, int64_t due, int64_t intended) {
    Table *table = store_find_table(database->store, schema->id);
    uint64_t key = 0;
    if (table == NULL || !row_key(table, row, &key)) return;
    ScheduleEntry entry = {
        .due = due, .intended = intended, .table = schema->id, .row_key = key, .row_hash = hash_bytes(row)};
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
    arm_timer(database);
}

// The row as it is stored now, if it is still the one that was queued.
static bool find_row(Database *database, const ScheduleEntry *entry, Table **ret_table, Row *ret_row) {
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
    run_row(database, table_schema(table), bytes, entry);
    after_run(database, entry);
}

static void run_row(Database *database, const TableSchema *schema, Bytes row, const ScheduleEntry *entry) {
    const FunctionDef *reducer =
        database->def ? module_def_find_reducer(database->def, schema->schedule.function) : NULL;
    if (reducer == NULL) {
        log_line(LOG_WARN, "db", "scheduled function %.*s: no such reducer (procedures are not supported yet)",
                 BYTES_FORMAT(schema->schedule.function));
        return;
    }
    int64_t now = database_now(database);
    ReducerCall call = {
        .reducer = reducer,
        .caller = {.identity = database->options.identity},
        .timestamp = entry->intended > now ? entry->intended : now,
        .args = row,
    };
    (void)database_run_reducer(database, &call);
}

// A one-shot row goes, an interval is queued for its next tick; unless the run changed the row.
static void after_run(Database *database, const ScheduleEntry *entry) {
    Table *table = NULL;
    Row row;
    Error failure;
    if (database_failure(database, &failure) || !find_row(database, entry, &table, &row)) return;
    const TableSchema *schema = table_schema(table);
    Bytes at = table_column(table, row.bytes, schema->schedule.at_column);
    int64_t interval = 0;
    if (schedule_interval(schema, at, &interval)) {
        int64_t now = database_now(database);
        int64_t next = entry->intended + interval;
        if (interval > 0 && next <= now) next += ((now - next) / interval + 1) * interval;
        queue_row(database, schema, row.bytes, next, next);
        return;
    }
    Tx *tx = tx_begin(database->store);
    tx_delete(tx, table, row.id);
    TxCause cause = {
        .event = {.result = RESULT_COMMITTED,
                  .caller_identity = database->options.identity,
                  .reducer_id = 0,
                  .timestamp = database_now(database)},
    };
    (void)database_commit(database, &cause);
}

static bool schedule_interval(const TableSchema *table, Bytes column, int64_t *ret_interval) {
    (void)table;
    ASSERT(column.count == 9);  // ScheduleAt: one tag byte, an i64
    if (column.data[0] != SCHEDULE_INTERVAL) return false;
    int64_t interval = (int64_t)load_u64le(column.data + 1);
    if (interval == INT64_MIN) interval = INT64_MAX;
    *ret_interval = interval < 0 ? -interval : interval;
    return true;
}

static void arm_timer(Database *database) {
    if (database->is_stopped) return;
    if (database->schedule.count == 0) {
        actor_set_timer(&database->actor, 0);
        return;
    }
    Os *os = database->options.os;
    int64_t wait = database->schedule.items[0].due - database_now(database);
    if (wait < 0) wait = 0;
    if (wait > INT64_MAX / 2000) wait = INT64_MAX / 2000;
    actor_set_timer(&database->actor, os->monotonic_nanos(os) + wait * 1000);
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
    ImmediateCall *call = mem_alloc(sizeof *call + function.count + args.count);
    *call = (ImmediateCall){.message.run = run_immediate, .name_count = function.count, .args_count = args.count};
    if (function.count > 0) memcpy(call->bytes, function.data, function.count);
    if (args.count > 0) memcpy(call->bytes + function.count, args.data, args.count);
    database_post(database, &call->message);
}

static void run_immediate(Database *database, DbMessage *message) {
    ImmediateCall *call = (ImmediateCall *)(void *)message;
    Bytes name = bytes_of(call->bytes, call->name_count);
    const FunctionDef *reducer = database->def ? module_def_find_reducer(database->def, name) : NULL;
    Reader reader = reader_of(bytes_of(call->bytes + call->name_count, call->args_count));
    Error error = {0};
    if (database->is_stopped || reducer == NULL) {
        log_line(LOG_WARN, "db", "immediate call of %.*s: no such reducer", BYTES_FORMAT(name));
    } else if (bsatn_check(reducer->typespace, reducer->params, &reader, &error) != STATUS_OK) {
        log_line(LOG_WARN, "db", "immediate call of %.*s: %s", BYTES_FORMAT(name), error.text);
    } else {
        ReducerCall run = {.reducer = reducer,
                           .caller = {.identity = database->options.identity},
                           .timestamp = database_now(database),
                           .args = bytes_of(call->bytes + call->name_count, call->args_count)};
        (void)database_run_reducer(database, &run);
    }
    mem_free(call);
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

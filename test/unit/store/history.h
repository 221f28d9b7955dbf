// history.h - commits kept as a log keeps them, replayed into another store, and two stores compared.
#pragma once

#include "fixture.h"

typedef enum RecordKind { RECORD_INSERT, RECORD_DELETE, RECORD_TRUNCATE, RECORD_COMMIT } RecordKind;

typedef struct Record {
    RecordKind kind;
    TableId table;
    Bytes row;
} Record;

typedef struct History {
    Arena arena;
    Record *items;
    uint32_t count;
    uint32_t capacity;
} History;

static inline History *history_create(void) {
    History *history = calloc(1, sizeof *history);
    arena_init(&history->arena, 1u << 30);
    return history;
}

static inline void history_free(History *history) {
    arena_done(&history->arena);
    free(history->items);
    free(history);
}

static inline void record(History *history, RecordKind kind, TableId table, Bytes row) {
    if (history->count == history->capacity) {
        history->capacity = history->capacity * 2 + 256;
        history->items = realloc(history->items, sizeof(Record) * history->capacity);
        assert_non_null(history->items);
    }
    history->items[history->count++] = (Record){kind, table, arena_copy(&history->arena, row)};
}

static inline void keep(History *history, const Commit *commit) {
    if (!commit->is_logged) return;
    for (uint32_t i = 0; i < commit->table_count; i++) {
        const TableDelta *delta = &commit->tables[i];
        for (uint32_t r = 0; r < delta->inserted.count && !delta->is_ephemeral; r++) {
            record(history, RECORD_INSERT, delta->schema->id, delta->inserted.items[r].bytes);
        }
    }
    for (uint32_t i = 0; i < commit->table_count; i++) {
        const TableDelta *delta = &commit->tables[i];
        if (delta->is_ephemeral || delta->is_truncated) continue;
        for (uint32_t r = 0; r < delta->deleted.count; r++) {
            record(history, RECORD_DELETE, delta->schema->id, delta->deleted.items[r].bytes);
        }
    }
    for (uint32_t i = 0; i < commit->table_count; i++) {
        const TableDelta *delta = &commit->tables[i];
        if (delta->is_truncated && !delta->is_ephemeral)
            record(history, RECORD_TRUNCATE, delta->schema->id, BYTES_NONE);
    }
    record(history, RECORD_COMMIT, 0, BYTES_NONE);
}

static inline void commit_kept(Tx *tx, History *history) {
    keep(history, tx_commit(tx));
    tx_release(tx);
}

// As the log does it: each row is checked against the type that the table has at that moment.
static inline Status replay_record(Store *store, const Record *item, Error *error) {
    if (item->kind == RECORD_COMMIT) return store_replay_commit(store, error);
    if (item->kind == RECORD_TRUNCATE) return store_replay_truncate(store, item->table, error);
    const Type *type = store_replay_row_type(store, item->table);
    if (type == NULL) return error_set(error, STATUS_CORRUPT, "rows for table %u", item->table);
    Reader reader = reader_of(item->row);
    Status status = bsatn_check(TYPESPACE_NONE, type, &reader, error);
    if (status != STATUS_OK) return STATUS_CORRUPT;
    if (!reader_finish(&reader)) return error_set(error, STATUS_CORRUPT, "trailing bytes");
    if (item->kind == RECORD_INSERT)
        return store_replay_insert(store, item->table, item->row, error);
    return store_replay_delete(store, item->table, item->row, error);
}

static inline Status replay_into(Store *store, const History *history, uint64_t *ret_rows_added,
                                 Error *error) {
    store_replay_begin(store);
    Status status = STATUS_OK;
    for (uint32_t i = 0; i < history->count && status == STATUS_OK; i++) {
        status = replay_record(store, &history->items[i], error);
    }
    const Commit *added = NULL;
    Error ignored;
    Status ended = store_replay_end(store, &added, status == STATUS_OK ? error : &ignored);
    if (status != STATUS_OK || ended != STATUS_OK) {
        if (store_tx(store) != NULL) tx_release(store_tx(store));
        return status != STATUS_OK ? status : ended;
    }
    *ret_rows_added = 0;
    for (uint32_t i = 0; i < added->table_count; i++)
        *ret_rows_added += added->tables[i].inserted.count;
    tx_release(store_tx(store));
    return STATUS_OK;
}

static inline Store *replayed(const History *history) {
    Store *store = store_create();
    Error error = {0};
    uint64_t added;
    assert_status_ok(replay_into(store, history, &added, &error), error);
    assert_int_equal(added, 0);
    store_check(store);
    return store;
}

// ---- two stores side by side ----

static inline void assert_same_table(Table *a, Table *b) {
    const TableSchema *left = table_schema(a);
    const TableSchema *right = table_schema(b);
    assert_bytes_equal(left->name, right->name);
    assert_bytes_equal(left->accessor, right->accessor);
    assert_true(type_equal(left->row_type, right->row_type));
    assert_int_equal(left->access, right->access);
    assert_int_equal(left->origin, right->origin);
    assert_int_equal(left->primary_key, right->primary_key);
    assert_int_equal(left->is_event, right->is_event);
    assert_int_equal(left->has_schedule, right->has_schedule);
    if (left->has_schedule) assert_bytes_equal(left->schedule.function, right->schedule.function);
    assert_int_equal(left->constraint_count, right->constraint_count);
    assert_int_equal(left->sequence_count, right->sequence_count);
    assert_int_equal(left->index_count, right->index_count);
    for (uint32_t i = 0; i < left->column_count; i++) {
        assert_bytes_equal(left->columns[i].accessor, right->columns[i].accessor);
    }
    assert_int_equal(table_is_ephemeral(a), table_is_ephemeral(b));
    if (table_is_ephemeral(a)) return;
    assert_int_equal(table_row_count(a), table_row_count(b));
    TableScan scan = table_scan(a);
    Row row;
    RowId id;
    while (table_scan_next(&scan, &row)) assert_true(table_find_row(b, row.bytes, &id));
}

static inline void assert_same_indexes(Table *a, Table *b) {
    uint32_t a_at = 0;
    uint32_t b_at = 0;
    for (Index *index = table_next_index(a, &a_at); index; index = table_next_index(a, &a_at)) {
        Index *other = table_next_index(b, &b_at);
        assert_non_null(other);
        assert_int_equal(index_schema(index)->id, index_schema(other)->id);
        assert_bytes_equal(index_schema(index)->name, index_schema(other)->name);
        assert_bytes_equal(index_schema(index)->accessor, index_schema(other)->accessor);
        assert_int_equal(index_is_unique(index), index_is_unique(other));
        assert_int_equal(index_is_ordered(index), index_is_ordered(other));
    }
    assert_null(table_next_index(b, &b_at));
}

static inline void assert_same_store(Store *a, Store *b) {
    TableId a_at = 0;
    TableId b_at = 0;
    for (Table *table = store_next_table(a, &a_at); table; table = store_next_table(a, &a_at)) {
        Table *other = store_next_table(b, &b_at);
        assert_non_null(other);
        assert_int_equal(table_id(table), table_id(other));
        assert_same_table(table, other);
        assert_same_indexes(table, other);
    }
    assert_null(store_next_table(b, &b_at));
}

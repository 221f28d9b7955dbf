// store_replay_fuzz.c - a hostile log: any sequence of rows into a replay, then a transaction on
// what came of it.
//
// Input: records of a byte (0 insert, 1 delete, 2 truncate, 3 end of a transaction), a u32 table
// id, and for the first two a row, whose end its table's type decides, as in a log. Bytes that do
// not fit end the input.
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

#define RECORDS_MAX 2000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static Status replay_row(Store *store, uint8_t kind, TableId table, Reader *reader, Error *error) {
    const Type *type = store_replay_row_type(store, table);
    if (type == NULL) return STATUS_CORRUPT;
    const uint8_t *start = reader->at;
    Status status = bsatn_check(TYPESPACE_NONE, type, reader, error);
    if (status != STATUS_OK) return status;
    Bytes row = bytes_of(start, (size_t)(reader->at - start));
    return kind == 0 ? store_replay_insert(store, table, row, error)
                     : store_replay_delete(store, table, row, error);
}

static Status replay_records(Store *store, Reader *reader, Error *error) {
    Status status = STATUS_OK;
    for (uint32_t i = 0; i < RECORDS_MAX && status == STATUS_OK && reader_left(reader) > 0; i++) {
        uint8_t kind = reader_u8(reader) & 3;
        if (kind == 3) {
            status = store_replay_commit(store, error);
            continue;
        }
        TableId table = reader_u32(reader);
        if (!reader_ok(reader)) break;
        status = kind == 2 ? store_replay_truncate(store, table, error)
                           : replay_row(store, kind, table, reader, error);
    }
    return status;
}

// A transaction that takes out and puts back a row of every table, creates one, and is taken back.
static void touch_everything(Store *store) {
    Tx *tx = tx_begin(store);
    TableId at = 0;
    for (Table *table = store_next_table(store, &at); table; table = store_next_table(store, &at)) {
        TableScan scan = table_scan(table);
        Row row;
        if (!table_scan_next(&scan, &row)) continue;
        Bytes copy = arena_copy(tx_arena(tx), row.bytes);
        tx_delete(tx, table, row.id);
        InsertResult result;
        (void)tx_insert(tx, table, copy, &result);
    }
    TypeField field = {BYTES_LITERAL("n"), type_primitive(TYPE_U32)};
    ColumnSchema column = {.name = field.name, .type = field.type};
    TableSchema schema = {
        .name = BYTES_LITERAL("made"),
        .columns = &column,
        .column_count = 1,
        .row_type = type_product(tx_arena(tx), &field, 1),
        .primary_key = COLUMN_NONE,
    };
    Table *made;
    Error error;
    (void)tx_create_table(tx, &schema, &made, &error);
    tx_rollback(tx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    Store *store = store_create();
    Reader reader = reader_of(bytes_of(data, count));
    Error error;
    store_replay_begin(store);
    (void)replay_records(store, &reader, &error);
    const Commit *added = NULL;
    if (store_replay_end(store, &added, &error) == STATUS_OK) {
        tx_release(store_tx(store));
        store_check(store);
        touch_everything(store);
        store_check(store);
    }
    store_free(store);
    return 0;
}

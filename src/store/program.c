// program.c - the one row of st_module.
#include "store/inside.h"

#define MODULE_VERSION "0.0.1"

void tx_set_program(Tx *tx, const ProgramInfo *info) {
    ASSERT(info->program.data != NULL || info->program.count == 0);
    ASSERT(tx->state == TX_OPEN);
    Table *modules = store_find_table(tx->store, ST_MODULE);
    Buffer row;
    buffer_init(&row, STORE_ROW_BYTES_MAX);
    buffer_append(&row, info->database.bytes, sizeof info->database.bytes);
    buffer_append(&row, info->owner.bytes, sizeof info->owner.bytes);
    buffer_u8(&row, info->kind);
    buffer_append(&row, info->hash.bytes, sizeof info->hash.bytes);
    buffer_string(&row, info->program);
    buffer_string(&row, BYTES_LITERAL(MODULE_VERSION));
    ASSERT(!row.failed);  // MODULE_PROGRAM_BYTES_MAX was checked when it was uploaded
    (void)tx_clear(tx, modules);
    InsertResult result;
    InsertOutcome outcome = tx_insert(tx, modules, buffer_bytes(&row), &result);
    ASSERT(outcome == INSERT_ADDED);
    buffer_done(&row);
}

bool store_program(Store *store, ProgramInfo *ret_info) {
    ASSERT(ret_info != NULL);
    const Table *modules = store_find_table(store, ST_MODULE);
    TableScan scan = table_scan(modules);
    Row row;
    if (!table_scan_next(&scan, &row)) return false;
    Reader reader = reader_of(row.bytes);
    ProgramInfo info = {0};
    const uint8_t *database = reader_take(&reader, sizeof info.database.bytes);
    const uint8_t *owner = reader_take(&reader, sizeof info.owner.bytes);
    info.kind = reader_u8(&reader);
    const uint8_t *hash = reader_take(&reader, sizeof info.hash.bytes);
    info.program = reader_bytes(&reader);
    ASSERT(reader_ok(&reader));  // rows were checked against the table's type
    memcpy(info.database.bytes, database, sizeof info.database.bytes);
    memcpy(info.owner.bytes, owner, sizeof info.owner.bytes);
    memcpy(info.hash.bytes, hash, sizeof info.hash.bytes);
    *ret_info = info;
    return true;
}

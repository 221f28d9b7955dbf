// table_calls.c - names to ids, and writing rows. Rows go straight from guest memory to the store; it copies.
#include "host/abi/abi.h"

static int64_t unknown_table(Instance *instance, TableId id);
static bool row_view(Instance *instance, Table *table, uint32_t at, uint32_t count_at,
                     Bytes *ret_row);
static int64_t row_written(Instance *instance, Table *table, const HostValue *args,
                           const InsertResult *result);
static bool relation_check(const Type *row_type, Reader *reader, uint32_t *ret_count);

int64_t host_table_id_from_name(Instance *instance, const HostValue *args) {
    Bytes name;
    if (!guest_name(instance, args[0].u32, args[1].u32, &name)) return 0;
    Table *table = store_find_table_by_name(instance->env->store, name);
    if (!table || table_id(table) == ST_ENV) return ERRNO_NO_SUCH_TABLE;
    return guest_store_u32(instance, args[2].u32, table_id(table));
}

int64_t host_index_id_from_name(Instance *instance, const HostValue *args) {
    Bytes name;
    if (!guest_name(instance, args[0].u32, args[1].u32, &name)) return 0;
    Index *index = store_find_index_by_name(instance->env->store, name);
    if (!index || table_id(index_table(index)) == ST_ENV) return ERRNO_NO_SUCH_INDEX;
    return guest_store_u32(instance, args[2].u32, index_schema(index)->id);
}

int64_t host_table_row_count(Instance *instance, const HostValue *args) {
    Table *table = host_find_table(instance, args[0].u32);
    if (!table) return ERRNO_NO_SUCH_TABLE;
    if (__builtin_expect(instance->reads != NULL, 0))
        host_note_read(instance, table, NULL, BYTES_NONE);
    return guest_store_u64(instance, args[1].u32, table_row_count(table));
}

int64_t host_insert(Instance *instance, const HostValue *args) {
    Table *table = host_find_table(instance, args[0].u32);
    if (!table) return unknown_table(instance, args[0].u32);
    Bytes row;
    if (!row_view(instance, table, args[1].u32, args[2].u32, &row)) return 0;
    InsertResult result;
    switch (tx_insert(instance->env->tx, table, row, &result)) {
    case INSERT_ADDED:
    case INSERT_EXISTED: return row_written(instance, table, args + 1, &result);
    case INSERT_CONFLICT: return ERRNO_UNIQUE_ALREADY_EXISTS;
    case INSERT_EXHAUSTED:
        return host_fail(instance, "a sequence of table `%.*s` has no value left",
                         BYTES_FORMAT(table_schema(table)->name));
    }
    UNREACHABLE();
}

int64_t host_update(Instance *instance, const HostValue *args) {
    Table *table = host_find_table(instance, args[0].u32);
    if (!table) return unknown_table(instance, args[0].u32);
    Bytes row;
    if (!row_view(instance, table, args[2].u32, args[3].u32, &row)) return 0;
    Index *index = store_find_index(instance->env->store, args[1].u32);
    if (!index || index_table(index) != table) return ERRNO_NO_SUCH_INDEX;
    if (!index_is_unique(index)) return ERRNO_INDEX_NOT_UNIQUE;
    InsertResult result;
    switch (tx_update(instance->env->tx, index, row, &result)) {
    case UPDATE_DONE:
    case UPDATE_UNCHANGED: return row_written(instance, table, args + 2, &result);
    case UPDATE_NOT_FOUND: return ERRNO_NO_SUCH_ROW;
    case UPDATE_CONFLICT: return ERRNO_UNIQUE_ALREADY_EXISTS;
    case UPDATE_EXHAUSTED:
        return host_fail(instance, "a sequence of table `%.*s` has no value left",
                         BYTES_FORMAT(table_schema(table)->name));
    }
    UNREACHABLE();
}

// Inserting into st_env answers as if the table were not there, like every call that names it (since-2.8.md 2.7).
static int64_t unknown_table(Instance *instance, TableId id) {
    if (id == ST_ENV) return ERRNO_NO_SUCH_TABLE;
    return host_fail(instance, "table with provided name or id doesn't exist");
}

static bool row_view(Instance *instance, Table *table, uint32_t at, uint32_t count_at,
                     Bytes *ret_row) {
    const uint8_t *count = guest_view(instance, count_at, sizeof(uint32_t));
    if (!count || !guest_bytes(instance, at, load_u32le(count), ret_row)) return false;
    if (!host_may_write(instance, table)) return false;
    if (__builtin_expect(ret_row->count > STORE_ROW_BYTES_MAX, 0)) {
        host_fail(instance, "a row of %u bytes is larger than %u", ret_row->count,
                  STORE_ROW_BYTES_MAX);
        return false;
    }
    Error error;
    if (table_check_row(table, ret_row, &error) == STATUS_OK) return true;
    host_fail(instance, "Failed to decode row: %s", error.text);
    return false;
}

// args: where the row and its length are. The generated columns replace the row's first bytes.
static int64_t row_written(Instance *instance, Table *table, const HostValue *args,
                           const InsertResult *result) {
    const TableSchema *schema = table_schema(table);
    if (__builtin_expect(schema->has_schedule, 0)) {
        int64_t now = instance->env->os->time_micros(instance->env->os);
        if (now < instance->timestamp) now = instance->timestamp;
        int64_t due;
        if (!schedule_due(schema, result->row.bytes, now, &due))
            return ERRNO_SCHEDULE_DELAY_TOO_LONG;
    }
    if (result->generated.count > 0) {
        // The incoming zeros took at least as much room as what replaces them.
        uint8_t *row = guest_view(instance, args[0].u32, result->generated.count);
        if (!row) return 0;
        memcpy(row, result->generated.data, result->generated.count);
    }
    return guest_store_u32(instance, args[1].u32, result->generated.count);
}

int64_t host_delete_all_by_eq(Instance *instance, const HostValue *args) {
    Bytes relation;
    if (!guest_bytes(instance, args[1].u32, args[2].u32, &relation)) return 0;
    Table *table = host_find_table(instance, args[0].u32);
    if (!table) return ERRNO_NO_SUCH_TABLE;
    if (!host_may_write(instance, table)) return 0;
    const Type *row_type = table_schema(table)->row_type;
    Reader reader = reader_of(relation);
    uint32_t count;
    // All rows are checked before the first is deleted.
    if (!relation_check(row_type, &reader, &count)) return ERRNO_BSATN_DECODE;
    const uint8_t *at = relation.data + sizeof count;
    uint32_t deleted = 0;
    for (uint32_t i = 0; i < count; i++) {
        Bytes row = {at, bsatn_size(row_type, at)};
        deleted += tx_delete_equal(instance->env->tx, table, row);
        at += row.count;
    }
    return guest_store_u32(instance, args[3].u32, deleted);
}

static bool relation_check(const Type *row_type, Reader *reader, uint32_t *ret_count) {
    uint32_t count = row_type->fixed_bytes == 0
                         ? reader_count_limited(reader, SATS_EMPTY_ELEMENTS_MAX)
                         : reader_count(reader, 1);
    if (reader->failed) return false;
    Error error;
    for (uint32_t i = 0; i < count; i++) {
        if (bsatn_check(TYPESPACE_NONE, row_type, reader, &error) != STATUS_OK) return false;
    }
    *ret_count = count;
    return true;
}

int64_t host_clear(Instance *instance, const HostValue *args) {
    Table *table = host_find_table(instance, args[0].u32);
    if (!table) return unknown_table(instance, args[0].u32);
    if (!host_may_write(instance, table)) return 0;
    return guest_store_u64(instance, args[1].u32, tx_clear(instance->env->tx, table));
}

// txdata.c - the record of one transaction: inputs, inserts, deletes, truncates.
//
//   u8 flags | [u32 len | u8 name_len | name | caller 32 | connection 16 | timestamp 8 | args]
//            | [groups of inserts | groups of deletes | truncated tables]
//   group: u32 table, varint rows, rows back to back; a list of groups: varint count first
//
// A table that lost rows and is now empty is written as a truncate instead of its deletes (storage.md 10.4).

#include "log/txdata.h"

#define TXDATA_INPUTS 0x80u
#define TXDATA_OUTPUTS 0x40u
#define TXDATA_MUTATIONS 0x20u
#define REDUCER_NAME_BYTES_MAX 255u
// Rows that are read, then applied. With fewer in a group, hints come too late to help.
#define CHUNK_ROWS 32u
#define HINT_ROWS_MIN 4u

typedef enum Side { SIDE_INSERTS, SIDE_DELETES } Side;

static void write_inputs(Buffer *buffer, const LogInputs *inputs);
static void write_side(Buffer *buffer, const Commit *commit, Side side);
static void write_truncates(Buffer *buffer, const Commit *commit);
static RowSpan side_rows(const TableDelta *delta, Side side);
static Status replay_side(Reader *reader, Store *store, Side side, Error *error);
static Status replay_group(Reader *reader, Store *store, Side side, Error *error);
static Status read_rows(Reader *reader, Store *store, TableId table, Bytes *ret_rows,
                        uint32_t count, Error *error);
static Status apply_rows(Store *store, TableId table, Side side, const Bytes *rows, uint32_t count,
                         Error *error);
static Status replay_truncates(Reader *reader, Store *store, Error *error);
static void skip_inputs_and_outputs(Reader *reader, uint8_t flags);

void txdata_write(Buffer *buffer, const LogInputs *inputs, const Commit *commit) {
    uint8_t flags = TXDATA_MUTATIONS;
    if (inputs->present) flags |= TXDATA_INPUTS;
    buffer_u8(buffer, flags);
    if (inputs->present) write_inputs(buffer, inputs);
    write_side(buffer, commit, SIDE_INSERTS);
    write_side(buffer, commit, SIDE_DELETES);
    write_truncates(buffer, commit);
}

static void write_inputs(Buffer *buffer, const LogInputs *inputs) {
    uint32_t name_count = inputs->reducer.count;
    if (name_count > REDUCER_NAME_BYTES_MAX) {
        name_count = REDUCER_NAME_BYTES_MAX;
        // Cut at a character boundary: never before a continuation byte.
        while (name_count > 0 && (inputs->reducer.data[name_count] & 0xc0u) == 0x80u) name_count--;
    }
    ASSERT(inputs->args.count <= UINT32_MAX - 1024u);
    buffer_u32(buffer, 1 + name_count + 32 + 16 + 8 + inputs->args.count);
    buffer_u8(buffer, (uint8_t)name_count);
    buffer_append(buffer, inputs->reducer.data, name_count);
    buffer_append(buffer, inputs->caller.bytes, sizeof inputs->caller.bytes);
    buffer_append(buffer, inputs->connection.bytes, sizeof inputs->connection.bytes);
    buffer_u64(buffer, (uint64_t)inputs->timestamp);
    buffer_append_bytes(buffer, inputs->args);
}

static RowSpan side_rows(const TableDelta *delta, Side side) {
    RowSpan none = {NULL, 0};
    if (delta->is_ephemeral) return none;
    if (side == SIDE_INSERTS) return delta->inserted;
    return delta->is_truncated ? none : delta->deleted;
}

static void write_side(Buffer *buffer, const Commit *commit, Side side) {
    uint32_t group_count = 0;
    for (uint32_t i = 0; i < commit->table_count; i++) {
        if (side_rows(&commit->tables[i], side).count > 0) group_count++;
    }
    buffer_varint(buffer, group_count);
    for (uint32_t i = 0; i < commit->table_count; i++) {
        RowSpan rows = side_rows(&commit->tables[i], side);
        if (rows.count == 0) continue;
        buffer_u32(buffer, commit->tables[i].schema->id);
        buffer_varint(buffer, rows.count);
        for (uint32_t r = 0; r < rows.count; r++) buffer_append_bytes(buffer, rows.items[r].bytes);
    }
}

static void write_truncates(Buffer *buffer, const Commit *commit) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < commit->table_count; i++) {
        if (commit->tables[i].is_truncated && !commit->tables[i].is_ephemeral) count++;
    }
    buffer_varint(buffer, count);
    for (uint32_t i = 0; i < commit->table_count; i++) {
        if (!commit->tables[i].is_truncated || commit->tables[i].is_ephemeral) continue;
        ASSERT(commit->tables[i].inserted.count == 0);
        buffer_u32(buffer, commit->tables[i].schema->id);
    }
}

Status txdata_replay(Reader *reader, Store *store, Error *error) {
    uint8_t flags = reader_u8(reader);
    skip_inputs_and_outputs(reader, flags);
    if (!reader_ok(reader))
        return error_set(error, STATUS_CORRUPT, "transaction record is cut short");
    if (flags & TXDATA_MUTATIONS) {
        Status status = replay_side(reader, store, SIDE_INSERTS, error);
        if (status == STATUS_OK) status = replay_side(reader, store, SIDE_DELETES, error);
        if (status == STATUS_OK) status = replay_truncates(reader, store, error);
        if (status != STATUS_OK) return status;
    }
    return store_replay_commit(store, error);
}

static void skip_inputs_and_outputs(Reader *reader, uint8_t flags) {
    if (flags & TXDATA_INPUTS) (void)reader_bytes(reader);
    if (flags & TXDATA_OUTPUTS) {
        uint8_t count = reader_u8(reader);
        (void)reader_take(reader, count);
    }
}

static Status replay_side(Reader *reader, Store *store, Side side, Error *error) {
    uint64_t group_count = reader_varint(reader);
    for (uint64_t i = 0; i < group_count && reader_ok(reader); i++) {
        Status status = replay_group(reader, store, side, error);
        if (status != STATUS_OK) return status;
    }
    if (!reader_ok(reader))
        return error_set(error, STATUS_CORRUPT, "transaction record is cut short");
    return STATUS_OK;
}

static Status replay_group(Reader *reader, Store *store, Side side, Error *error) {
    TableId table = reader_u32(reader);
    uint64_t row_count = reader_varint(reader);
    for (uint64_t done = 0; done < row_count && reader_ok(reader);) {
        uint32_t count = row_count - done < CHUNK_ROWS ? (uint32_t)(row_count - done) : CHUNK_ROWS;
        // A row that describes a table may change the type of rows behind it.
        if (table < USER_ID_MIN) count = 1;
        Bytes rows[CHUNK_ROWS];
        Status status = read_rows(reader, store, table, rows, count, error);
        if (status == STATUS_OK) status = apply_rows(store, table, side, rows, count, error);
        if (status != STATUS_OK) {
            error_prefix(error, "table %u, row %llu or later: ", table, (unsigned long long)done);
            return error->status = STATUS_CORRUPT;
        }
        done += count;
    }
    return STATUS_OK;
}

static Status read_rows(Reader *reader, Store *store, TableId table, Bytes *ret_rows,
                        uint32_t count, Error *error) {
    const Type *type = store_replay_row_type(store, table);
    if (type == NULL) {
        return error_set(error, STATUS_CORRUPT, "rows for table %u, which does not exist", table);
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *start = reader->at;
        Status status = bsatn_check(TYPESPACE_NONE, type, reader, error);
        if (status != STATUS_OK) return status;
        ret_rows[i] = bytes_of(start, (size_t)(reader->at - start));
    }
    return STATUS_OK;
}

static Status apply_rows(Store *store, TableId table, Side side, const Bytes *rows, uint32_t count,
                         Error *error) {
    if (count >= HINT_ROWS_MIN) {
        for (uint32_t i = 0; i < count; i++) {
            store_replay_hint(store, table, rows[i], REPLAY_HINT_PLACE);
        }
        for (uint32_t i = 0; i < count; i++) {
            store_replay_hint(store, table, rows[i], REPLAY_HINT_ROW);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        Status status = side == SIDE_INSERTS ? store_replay_insert(store, table, rows[i], error)
                                             : store_replay_delete(store, table, rows[i], error);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

static Status replay_truncates(Reader *reader, Store *store, Error *error) {
    uint64_t count = reader_varint(reader);
    for (uint64_t i = 0; i < count && reader_ok(reader); i++) {
        TableId table = reader_u32(reader);
        if (!reader_ok(reader)) break;
        Status status = store_replay_truncate(store, table, error);
        if (status != STATUS_OK) return status;
    }
    if (!reader_ok(reader))
        return error_set(error, STATUS_CORRUPT, "transaction record is cut short");
    return STATUS_OK;
}

// ---- a look ahead ----

uint32_t txdata_rows(Bytes record, Store *store, TxdataRow *ret_rows, uint32_t count_max) {
    Reader reader = reader_of(record);
    uint8_t flags = reader_u8(&reader);
    skip_inputs_and_outputs(&reader, flags);
    if ((flags & TXDATA_MUTATIONS) == 0) return 0;
    uint32_t count = 0;
    for (int side = 0; side < 2; side++) {
        uint64_t groups = reader_varint(&reader);
        for (uint64_t g = 0; g < groups && reader_ok(&reader); g++) {
            TableId table = reader_u32(&reader);
            uint64_t rows = reader_varint(&reader);
            const Type *type = reader_ok(&reader) ? store_replay_row_type(store, table) : NULL;
            if (type == NULL || table < USER_ID_MIN) return count;
            for (uint64_t r = 0; r < rows; r++) {
                const uint8_t *start = reader.at;
                if (count == count_max) return count;
                if (bsatn_check(TYPESPACE_NONE, type, &reader, NULL) != STATUS_OK) return count;
                ret_rows[count++] = (TxdataRow){table,
                                                bytes_of(start, (size_t)(reader.at - start))};
            }
        }
    }
    return count;
}

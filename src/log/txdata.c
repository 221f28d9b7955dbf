// txdata.c - the record of one transaction: inputs, inserts, deletes, truncates.
//
//   u8 flags | [u32 len | u8 name_len | name | caller 32 | connection 16 | timestamp 8 | args]
//            | [groups of inserts | groups of deletes | truncated tables]
//   group: u32 table, varint rows, rows back to back; a list of groups: varint count first
//
// A table that lost rows and is now empty is written as a truncate instead of its deletes (storage.md 10.4).

#include "log/log.h"

#define TXDATA_INPUTS 0x80u
#define TXDATA_OUTPUTS 0x40u
#define TXDATA_MUTATIONS 0x20u
#define REDUCER_NAME_BYTES_MAX 255u

typedef enum Side { SIDE_INSERTS, SIDE_DELETES } Side;

static void write_inputs(Buffer *buffer, const LogInputs *inputs);
static void write_side(Buffer *buffer, const Commit *commit, Side side);
static void write_truncates(Buffer *buffer, const Commit *commit);
static RowSpan side_rows(const TableDelta *delta, Side side);
static Status replay_side(Reader *reader, Store *store, Side side, Error *error);
static Status replay_group(Reader *reader, Store *store, Side side, Error *error);
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
    for (uint64_t i = 0; i < row_count && reader_ok(reader); i++) {
        // Looked up for each row: a row of st_column may change the type of the ones behind it.
        const Type *type = store_replay_row_type(store, table);
        if (type == NULL) {
            return error_set(error, STATUS_CORRUPT, "rows for table %u, which does not exist",
                             table);
        }
        const uint8_t *start = reader->at;
        Status status = bsatn_check(TYPESPACE_NONE, type, reader, error);
        if (status == STATUS_OK) {
            Bytes row = bytes_of(start, (size_t)(reader->at - start));
            status = side == SIDE_INSERTS ? store_replay_insert(store, table, row, error)
                                          : store_replay_delete(store, table, row, error);
        }
        if (status != STATUS_OK) {
            error_prefix(error, "table %u, row %llu: ", table, (unsigned long long)i);
            return error->status = STATUS_CORRUPT;
        }
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

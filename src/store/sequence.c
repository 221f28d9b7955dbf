// sequence.c - generated values, kept only in the rows of st_sequence.
//
// `allocated` of a sequence's row is the next value to hand out. Each value rewrites that row
// within the transaction; the first time as any other change of a row, so that a rollback gives the
// values back and the log gets the row once; after that its bytes are the transaction's own and are
// overwritten.
#include "store/catalog_rows.h"
#include "store/inside.h"
#include "store/system_tables.h"

#define ALLOCATED_BYTES 16u

static RowId sequence_row(const Table *sequences, Sequence *sequence);
static bool sequence_next(Tx *tx, Sequence *sequence, __int128 *ret_value);
static bool sequence_successor(const SequenceRow *row, __int128 value, __int128 *ret_next);
static Bytes generated_columns(Tx *tx, const Table *table, Bytes row, const bool *is_generated);

SequenceOutcome sequences_fill(Tx *tx, Table *table, Bytes *row, Bytes *ret_generated) {
    ASSERT(table->sequence_count > 0);
    ASSERT(tx->state == TX_OPEN);
    Bytes copy = BYTES_NONE;
    bool *is_generated = NULL;
    for (uint32_t i = 0; i < table->sequence_count; i++) {
        Sequence *sequence = &table->sequences[i];
        Bytes now = copy.data != NULL ? copy : *row;
        const Type *type = table->layout.row_type->fields[sequence->column].type;
        const uint8_t *at = row_column(&table->layout, now.data, sequence->column);
        if (!value_is_zero(type, at)) continue;
        __int128 value;
        if (!sequence_next(tx, sequence, &value)) return SEQUENCE_EXHAUSTED;
        if (copy.data == NULL) {
            copy = arena_copy(&tx->arena, *row);
            is_generated = ARENA_ARRAY(&tx->arena, bool, table->sequence_count);
        }
        size_t offset = (size_t)(at - now.data);
        ASSERT(offset < copy.count);
        value_write_integer(type, value, (uint8_t *)(uintptr_t)copy.data + offset);
        is_generated[i] = true;
    }
    if (copy.data == NULL) return SEQUENCE_DONE;
    *row = copy;
    *ret_generated = generated_columns(tx, table, copy, is_generated);
    return SEQUENCE_DONE;
}

static bool sequence_next(Tx *tx, Sequence *sequence, __int128 *ret_value) {
    ASSERT(sequence->id > 0);
    Table *sequences = store_find_table(tx->store, ST_SEQUENCE);
    RowId id = sequence_row(sequences, sequence);
    ASSERT(id != ROW_ID_NONE);  // every sequence of a table has its row
    Bytes bytes = table_bytes_of(sequences, id);
    SequenceRow row;
    bool is_read = sequence_row_read(bytes, &row);
    ASSERT(is_read && row.id == sequence->id);
    // Rows of 1.x may hold 0 for "not yet started".
    __int128 value = row.allocated == 0 ? row.start : row.allocated;
    __int128 next;
    if (!sequence_successor(&row, value, &next)) return false;
    uint32_t offset = bytes.count - ALLOCATED_BYTES;
    if (rows_is_touched(&sequences->rows, id)) {
        memcpy(rows_own_bytes(&sequences->rows, id) + offset, &next, ALLOCATED_BYTES);
    } else {
        uint8_t *copy = arena_alloc(&tx->arena, bytes.count);
        memcpy(copy, bytes.data, bytes.count);
        memcpy(copy + offset, &next, ALLOCATED_BYTES);
        tx_write_row(tx, sequences, id, (Bytes){copy, bytes.count});
    }
    *ret_value = value;
    return true;
}

// The row keeps its id as long as it exists; a sequence that was made anew has a row of its own.
static RowId sequence_row(const Table *sequences, Sequence *sequence) {
    ASSERT(sequences->id == ST_SEQUENCE);
    if (sequence->row != ROW_ID_NONE && rows_is_present(&sequences->rows, sequence->row)) {
        Bytes row = table_bytes_of(sequences, sequence->row);
        if (load_u32le(row.data) == sequence->id) return sequence->row;
    }
    uint8_t key[sizeof(uint32_t)];
    store_u32le(key, sequence->id);
    Row row;
    ASSERT(sequences->set_index != NULL);
    if (!index_find(sequences->set_index, bytes_of(key, sizeof key), &row)) return ROW_ID_NONE;
    sequence->row = row.id;
    return row.id;
}

// What comes after the value; false if that is past what can be stored.
static bool sequence_successor(const SequenceRow *row, __int128 value, __int128 *ret_next) {
    ASSERT(ret_next != NULL);
    __int128 next;
    if (row->increment == 0) return false;
    if (__builtin_add_overflow(value, row->increment, &next)) return false;
    if (row->min < row->max && (next > row->max || next < row->min)) {
        // Older databases may hold sequences with bounds of their own; these start over (storage.md
        // 3.1).
        unsigned __int128 span = (unsigned __int128)row->max - (unsigned __int128)row->min + 1;
        if (row->increment > 0 && next > row->max) {
            unsigned __int128 past = (unsigned __int128)next - (unsigned __int128)row->max - 1;
            next = row->min + (__int128)(past % span);
        } else if (row->increment < 0 && next < row->min) {
            unsigned __int128 past = (unsigned __int128)row->min - (unsigned __int128)next - 1;
            next = row->max - (__int128)(past % span);
        }
    }
    *ret_next = next;
    return true;
}

// The generated columns, one after the other, in column order.
static Bytes generated_columns(Tx *tx, const Table *table, Bytes row, const bool *is_generated) {
    ASSERT(is_generated != NULL);
    uint8_t *data = arena_alloc(&tx->arena, row.count);
    uint32_t count = 0;
    uint32_t column_after = 0;
    for (;;) {
        uint32_t column = UINT32_MAX;
        for (uint32_t i = 0; i < table->sequence_count; i++) {
            uint16_t candidate = table->sequences[i].column;
            if (is_generated[i] && candidate >= column_after && candidate < column) {
                column = candidate;
            }
        }
        if (column == UINT32_MAX) break;
        Bytes value = table_column(table, row, (uint16_t)column);
        ASSERT(value.count <= row.count - count);
        memcpy(data + count, value.data, value.count);
        count += value.count;
        column_after = column + 1;
    }
    return (Bytes){data, count};
}

// table.h - the inside of a table, for the files of store/.
//
// Threads    the executor.
// Lifetime   until table_free; a schema is replaced as a whole (SchemaBox).
#pragma once

#include "store/index.h"
#include "store/rows.h"
#include "store/store.h"

// A larger row type keeps its rows in the slab, though their size is fixed.
#define TABLE_FIXED_ROW_BYTES_MAX 4096u

// One state of a table's schema with what is derived from it.
typedef struct SchemaBox {
    Arena arena;
    TableSchema *schema;
} SchemaBox;

typedef struct Sequence {
    SequenceId id;
    uint16_t column;
    RowId row;  // in st_sequence: rewritten in place, so it stays; ROW_ID_NONE: not looked up yet
} Sequence;

VEC(IndexVec, index_vec, Index *)

typedef struct TableTx TableTx;

struct Table {
    Store *store;
    TableId id;
    SchemaBox *box;
    RowLayout layout;
    Rows rows;
    IndexVec indexes;   // ascending id
    Index *set_index;   // unique index with the lowest id: finds equal rows; NULL: row_set does
    HashIndex row_set;  // by the bytes of whole rows
    bool has_row_set;
    bool is_ephemeral;
    bool is_dropped;      // by the running transaction
    bool is_stale;        // indexes are rebuilt when the rollback is through
    bool is_unsettled;    // replay: its st_column rows changed
    Sequence *sequences;  // in the box
    uint32_t sequence_count;
    TableTx *tx;  // what the running transaction did to it; NULL: nothing
};

// Copies the schema. No indexes yet: table_attach_index.
Table *table_create(Store *store, const TableSchema *schema);
void table_free(Table *table);  // accepts NULL

SchemaBox *schema_box_create(const TableSchema *schema);
void schema_box_free(SchemaBox *box);  // accepts NULL
// Makes this the table's schema and derives layout, sequences and keys; returns the box before.
SchemaBox *table_set_box(Table *table, SchemaBox *box);

void table_attach_index(Table *table, Index *index);
void table_detach_index(Table *table, Index *index);
Index *table_index_by_id(const Table *table, IndexId id);  // NULL
// Derives an index's keys from the schema in place.
void table_bind_index(const Table *table, Index *index);
// Chooses set_index anew; builds or drops the row set as needed.
void table_refresh_set(Table *table);
// Builds all indexes and the set from the rows. On a conflict: false, with the index and the rows.
bool table_rebuild(Table *table, const Index **ret_index, RowId *ret_first, RowId *ret_second);
// During replay and without indexes, equal rows are found by their bytes.
void table_use_row_set(Table *table);

// What stands in a new row's way.
typedef enum PlaceOutcome {
    PLACE_FREE,
    PLACE_SAME,   // an equal row
    PLACE_TAKEN,  // in a unique index, the first by id, another row has its key
} PlaceOutcome;

// Tokens beyond these are computed again.
#define PLACE_TOKENS_MAX 8u

typedef struct Place {
    RowId id;                           // the row in the way
    const Index *index;                 // PLACE_TAKEN
    uint64_t tokens[PLACE_TOKENS_MAX];  // of the first indexes
    uint64_t row_hash;                  // of the row set
} Place;

PlaceOutcome table_place(const Table *table, Bytes row, Place *ret_place);
// Adds to and removes from all indexes and the set. The row's bytes are in place.
void table_index_row(Table *table, RowId id, Bytes row);
void table_index_placed(Table *table, RowId id, Bytes row, const Place *place);
void table_unindex_row(Table *table, RowId id, Bytes row);
void table_clear_indexes(Table *table);
// Storage back to what a new table has; no row may be left.
void table_reset_rows(Table *table);

// Whether rows of this type lie in fixed slots. Types that may be extended later without changing
// what is there (sums with payloads, storage.md 8) do not count, though all their values may be of
// one size now.
uint32_t table_row_bytes(const Type *row_type);

// Rows of the first type are rows of the second as they are.
bool type_accepts(const Type *from, const Type *to);

static inline Bytes table_bytes_of(const Table *table, RowId id) {
    return rows_get(&table->rows, id);
}

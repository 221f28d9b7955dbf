// store.h - the tables of one database, seen through transactions.
//
// One writer: a transaction changes tables in place and undoes on rollback. Rows are their BSATN bytes.
// Every schema change is made of ordinary rows in the system tables (st_*), plus the table it describes.
//
// Threads    all of it belongs to the database's executor thread, except TableSnapshot, which any thread may
//            read and release.
// Lifetime   Row bytes, Generated and Commit are valid until the transaction is released (commit) or rolled
//            back. Tables and indexes live until dropped by a released transaction.
// Limits     STORE_* in base/limits.h.        Format  spec: storage.md 2-8, since-2.8.md 5.
#pragma once

#include "schema/schema.h"

typedef struct Store Store;
typedef struct Table Table;
typedef struct Index Index;
typedef struct Tx Tx;

typedef uint64_t RowId;  // page and slot: stable while the row exists, reused afterwards
#define ROW_ID_NONE UINT64_MAX

typedef struct Row {
    RowId id;
    Bytes bytes;
} Row;

// ---- life ----

// A database with the 26 system tables and the rows that describe them, and nothing else.
Store *store_create(void);
void store_free(Store *store);  // no transaction may be open

// ---- looking things up ----

// Ids of the system tables (storage.md 7.1, since-2.8.md 5.1).
typedef enum SystemTable {
    ST_TABLE = 1, ST_COLUMN, ST_SEQUENCE, ST_INDEX, ST_CONSTRAINT, ST_MODULE, ST_CLIENT, ST_VAR, ST_SCHEDULED,
    ST_ROW_LEVEL_SECURITY, ST_CONNECTION_CREDENTIALS, ST_VIEW, ST_VIEW_PARAM, ST_VIEW_COLUMN, ST_VIEW_SUB,
    ST_VIEW_ARG, ST_EVENT_TABLE, ST_TABLE_ACCESSOR, ST_INDEX_ACCESSOR, ST_COLUMN_ACCESSOR, ST_ENV,
    ST_OUTBOUND_STREAM, ST_OUTBOUND_MSG, ST_INBOUND_STREAM, ST_INBOUND_MSG, ST_OUTBOX,
    ST_COUNT = ST_OUTBOX,
} SystemTable;
#define USER_ID_MIN 4096u  // first id of user tables, indexes, ...

Table *store_find_table(Store *store, TableId id);           // NULL if none; one array access
Table *store_find_table_by_name(Store *store, Bytes name);   // canonical name, then accessor
Index *store_find_index(Store *store, IndexId id);
Index *store_find_index_by_name(Store *store, Bytes name);   // canonical name, then accessor
// Walks all tables in ascending id: start with *at = 0; NULL at the end.
Table *store_next_table(Store *store, TableId *at);

const TableSchema *table_schema(const Table *table);  // valid until the table's schema changes
TableId table_id(const Table *table);
uint64_t table_row_count(const Table *table);
uint64_t table_bytes(const Table *table);  // memory held by rows, for metrics
bool table_is_ephemeral(const Table *table);  // never logged (storage.md 2.6)
// Grows with every change of this table's schema or indexes: cached plans compare it.
uint64_t store_schema_version(const Store *store);

const IndexSchema *index_schema(const Index *index);
Table *index_table(const Index *index);
bool index_is_unique(const Index *index);
bool index_is_ordered(const Index *index);  // ranges work
// The type of a key: the column's, or the product of the columns.
const Type *index_key_type(const Index *index);
// An index over exactly these columns in this order (or as a set, for equality); NULL if none.
Index *table_find_index(Table *table, ColumnList columns);
Index *table_next_index(Table *table, uint32_t *at);  // in ascending id

// ---- reading (inside or between transactions, on the executor) ----

Row table_row(const Table *table, RowId id);  // must exist
// The bytes of one column of a row.
Bytes table_column(const Table *table, Bytes row, uint16_t column);
// Appends the key of the index for this row (columns in key order).
void index_project(const Index *index, Bytes row, Buffer *key);

typedef struct TableScan {
    const Table *table;
    uint64_t at;
} TableScan;
TableScan table_scan(const Table *table);
// False at the end. The table must not change while scanning.
bool table_scan_next(TableScan *scan, Row *ret_row);

typedef enum BoundKind { BOUND_INCLUDED, BOUND_EXCLUDED, BOUND_UNBOUNDED } BoundKind;  // the BSATN tags
typedef struct Bound {
    BoundKind kind;
    Bytes value;  // BSATN of the column after the prefix, checked
} Bound;
typedef struct IndexRange {
    Bytes prefix;  // BSATN of the first prefix_columns columns, checked
    uint16_t prefix_columns;
    Bound lower;
    Bound upper;
} IndexRange;

typedef struct IndexScan {
    const Index *index;
    uint64_t state[6];  // the index kind's own
} IndexScan;
// All rows with that key (BSATN of index_key_type, checked). Any kind of index.
void index_scan_point(const Index *index, Bytes key, IndexScan *ret_scan);
// Rows in key order; the index must be ordered. Bounds that cross give nothing.
void index_scan_range(const Index *index, const IndexRange *range, IndexScan *ret_scan);
// False at the end. The table must not change while scanning.
bool index_scan_next(IndexScan *scan, Row *ret_row);
// The row with that key in a unique index.
bool index_find(const Index *index, Bytes key, Row *ret_row);
// A row equal to these bytes (raw bits).
bool table_find_row(const Table *table, Bytes row, RowId *ret_id);

// ---- transactions ----

Tx *tx_begin(Store *store);  // none may be open
Tx *store_tx(Store *store);  // the open one, or NULL
Arena *tx_arena(Tx *tx);     // goes with the transaction

// Checks untrusted bytes as a row of the table and trims what upstream ignores (sats.md 3.3: exact length for
// fixed-size rows, trailing bytes ignored for others).
Status table_check_row(const Table *table, Bytes *row, Error *error);

typedef enum InsertOutcome {
    INSERT_ADDED,
    INSERT_EXISTED,   // an equal row was there: tables are sets, this is no error
    INSERT_CONFLICT,  // a unique index holds another row with this key
    INSERT_EXHAUSTED, // a sequence has no value left
} InsertOutcome;

typedef struct InsertResult {
    Row row;          // the row as stored, generated columns filled in; on INSERT_CONFLICT the row in the way
    Bytes generated;  // BSATN of only the columns generated by this call, in column order
    const Index *conflict;  // on INSERT_CONFLICT
} InsertResult;

// Adds a row within a transaction, which stays usable whatever the outcome.
//
// row    one BSATN product of the table's type, already checked; copied. Columns with a sequence whose value
//        is zero are generated.
// Cost   one probe per index; allocates only when a page fills up
InsertOutcome tx_insert(Tx *tx, Table *table, Bytes row, InsertResult *ret_result);

typedef enum UpdateOutcome {
    UPDATE_DONE,
    UPDATE_UNCHANGED,  // the stored row was equal already
    UPDATE_NOT_FOUND,
    UPDATE_CONFLICT,   // another unique index holds another row with its key
    UPDATE_EXHAUSTED,
} UpdateOutcome;

// Replaces the row that has the new row's key in a unique index. A fixed-size row keeps its place and touches
// only the indexes whose key changed.
UpdateOutcome tx_update(Tx *tx, Index *unique, Bytes row, InsertResult *ret_result);

void tx_delete(Tx *tx, Table *table, RowId id);         // must exist
bool tx_delete_equal(Tx *tx, Table *table, Bytes row);  // false if no equal row is there
uint64_t tx_clear(Tx *tx, Table *table);                // rows removed

// "Unique constraint violation '...'" as storage.md 4 has it.
void store_conflict_text(const InsertResult *result, Bytes new_row, Buffer *text);

typedef struct RowSpan {
    const Row *items;
    uint32_t count;
} RowSpan;

// What a transaction did to one table, net: no row is on both sides.
typedef struct TableDelta {
    Table *table;
    const TableSchema *schema;  // also when the table was dropped
    RowSpan inserted;
    RowSpan deleted;      // their bytes as they were
    bool is_truncated;    // rows were deleted and the table is now empty, or it was dropped
    bool is_ephemeral;    // not logged
} TableDelta;

typedef struct Commit {
    const TableDelta *tables;  // ascending table id; each with at least one row on a side, or truncated
    uint32_t table_count;
    bool is_logged;        // some non-ephemeral table changed: consumes a tx offset
    bool changes_schema;
} Commit;

// Ends the changes: from here on they are the state. The Commit and everything it points to stay valid until
// tx_release, which must come before the next tx_begin.
const Commit *tx_commit(Tx *tx);
void tx_release(Tx *tx);
// Restores every byte, catalog included.
void tx_rollback(Tx *tx);

// ---- schema changes: rows of system tables and their effect (storage.md 8) ----

// Ids in the schema are ignored and generated. view may be NULL, else the table backs it.
Status tx_create_table(Tx *tx, const TableSchema *schema, Table **ret_table, Error *error);
Status tx_create_view(Tx *tx, const ViewDef *view, Table **ret_table, Error *error);
Status tx_drop_table(Tx *tx, Table *table, Error *error);
Status tx_drop_view(Tx *tx, Bytes name, Error *error);
Status tx_create_index(Tx *tx, Table *table, const IndexSchema *schema, Error *error);
Status tx_drop_index(Tx *tx, Index *index, Error *error);
Status tx_create_constraint(Tx *tx, Table *table, const ConstraintSchema *schema, Error *error);
Status tx_drop_constraint(Tx *tx, Table *table, Bytes name, Error *error);
Status tx_create_sequence(Tx *tx, Table *table, const SequenceSchema *schema, Error *error);
Status tx_drop_sequence(Tx *tx, Table *table, Bytes name, Error *error);
Status tx_set_schedule(Tx *tx, Table *table, const ScheduleSchema *schedule, Error *error);  // NULL removes
Status tx_set_access(Tx *tx, Table *table, TableAccess access, Error *error);
Status tx_set_primary_key(Tx *tx, Table *table, uint16_t column, Error *error);
Status tx_set_accessors(Tx *tx, Table *table, const TableSchema *schema, Error *error);
// New types of the same layout (or an event table's columns).
Status tx_change_columns(Tx *tx, Table *table, const TableSchema *schema, Error *error);
// A new table with more columns; rows are extended by the defaults of the new schema's last columns.
Status tx_add_columns(Tx *tx, Table *table, const TableSchema *schema, Table **ret_table, Error *error);
Status tx_set_row_level_security(Tx *tx, TableId table, Bytes sql, bool present, Error *error);

typedef struct ProgramInfo {
    Identity database;
    Identity owner;
    uint8_t kind;  // 0 wasm, 1 js
    Hash hash;
    Bytes program;
} ProgramInfo;
void tx_set_program(Tx *tx, const ProgramInfo *info);             // rewrites the st_module row
bool store_program(Store *store, ProgramInfo *ret_info);          // false if there is none; borrowed

// ---- replay of logged transactions (storage.md 12, since-2.8.md 5.2) ----

// Between replay_begin and replay_end rows come and go without constraints being checked; catalog rows take
// effect as they pass (tables appear, change, vanish). Texts name the table and the row.
void store_replay_begin(Store *store);
Status store_replay_insert(Store *store, TableId table, Bytes row, Error *error);
Status store_replay_delete(Store *store, TableId table, Bytes row, Error *error);
Status store_replay_truncate(Store *store, TableId table, Error *error);
// The row type a logged table has right now (rows in a log carry no lengths); NULL if unknown.
const Type *store_replay_row_type(Store *store, TableId table);
// Ends one logged transaction.
Status store_replay_commit(Store *store, Error *error);
// Builds indexes, checks constraints, creates missing system tables (their rows are in ret_commit, which must
// be logged if it has any; released with tx_release(store_tx(store))).
Status store_replay_end(Store *store, const Commit **ret_commit, Error *error);

// ---- snapshots for readers ----

typedef struct TableSnapshot TableSnapshot;

// The table as it is now, between two transactions: one reference per page, no copy of rows. Executor only.
TableSnapshot *table_snapshot_create(Table *table);
void table_snapshot_release(TableSnapshot *snapshot);  // any thread
typedef struct SnapshotScan {
    const TableSnapshot *snapshot;
    uint64_t at;
} SnapshotScan;
SnapshotScan table_snapshot_scan(const TableSnapshot *snapshot);
bool table_snapshot_next(SnapshotScan *scan, Row *ret_row);  // any thread
uint64_t table_snapshot_row_count(const TableSnapshot *snapshot);

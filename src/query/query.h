// query.h - typed plans, and what they yield: rows, changes of rows, changes made by DML.
//
// A SELECT is a Query of one or more fragments whose results are united as bags (row-level security makes
// several out of one). A fragment reads one table or a join of several and returns whole rows of one of them,
// or projected columns.
//
// Threads    the database's executor, except query_matches and the row functions, which only read the plan.
// Lifetime   a Query lives in the arena it was compiled into and holds table ids, not pointers: it must be
//            compiled anew when store_schema_version changes.
// Format     spec: sql.md; websocket.md 9.5 for deltas.
#pragma once

#include "store/store.h"

typedef struct Query Query;
typedef struct Fragment Fragment;
typedef struct Dml Dml;

typedef enum QueryShape {
    QUERY_ROWS,      // whole rows of one table: what a subscription may ask
    QUERY_COLUMNS,   // projected columns
    QUERY_COUNT,     // one row with one u64
} QueryShape;

QueryShape query_shape(const Query *query);
// The table whose rows it returns (QUERY_ROWS); a view's backing table included.
TableId query_table(const Query *query);
// The product type of what it returns; element names are what the user asked for.
const Type *query_row_type(const Query *query);
uint32_t query_fragment_count(const Query *query);
const Fragment *query_fragment(const Query *query, uint32_t index);
// Its result depends on who asks (:sender, row-level security, a view per sender).
bool query_depends_on_sender(const Query *query);
// Tables that it reads, each once; fragment by fragment.
uint32_t fragment_table_count(const Fragment *fragment);
TableId fragment_table(const Fragment *fragment, uint32_t index);

// A conjunct "column = constant" of a fragment over one of its tables: rows of that table with another value
// in that column cannot change the fragment's result.
typedef struct Equality {
    TableId table;
    uint16_t column;
    Bytes value;  // BSATN of the column's type
} Equality;
// The equalities to prune by: for each table of the fragment at most one. *ret_count may be 0.
const Equality *fragment_equalities(const Fragment *fragment, uint32_t *ret_count);

// ---- running ----

// Receives rows; false stops the run. Bytes are borrowed for the call.
typedef bool (*QueryRow)(void *user, Bytes row);

// All rows of the query now, after LIMIT. Rows of event tables: none.
void query_run(const Query *query, Store *store, QueryRow row, void *user);
void fragment_run(const Fragment *fragment, Store *store, QueryRow row, void *user);
// Single-table fragments: does this row of the table belong to the result?
bool fragment_is_single_table(const Fragment *fragment);
bool fragment_matches(const Fragment *fragment, Bytes row);
// The exact change (as bags) of the fragment's result by a commit that was not released yet.
void fragment_delta(const Fragment *fragment, Store *store, const Commit *commit, QueryRow inserted,
                    QueryRow deleted, void *user);
// Rows that the plan expects to touch, for the row limit (sql.md, row limits).
uint64_t query_estimate(const Query *query, Store *store);

// ---- DML ----

typedef struct DmlStats {
    uint64_t inserted;
    uint64_t deleted;
    uint64_t updated;
} DmlStats;

// Runs INSERT, UPDATE or DELETE within a transaction; the caller rolls back on failure.
Status dml_run(const Dml *dml, Tx *tx, DmlStats *ret_stats, Error *error);
TableId dml_table(const Dml *dml);

// query.h - typed plans, and what they yield: rows, changes of rows, changes made by DML.
//
// A SELECT is a Query of one or more fragments whose results are united as bags (row-level security
// makes several out of one). A fragment reads one table or a join of several and returns whole rows
// of one of them, or projected columns.
//
// Threads    the database's executor, except fragment_matches and fragment_output, which only read
//            the plan.
// Lifetime   a Query lives in the arena it was compiled into and holds table ids, not pointers to
//            tables; its types are those of the schema. It must be compiled anew when
//            store_schema_version changes.
// Limits     SQL_* in base/limits.h.        Format  spec: sql.md; websocket.md 9.5 for deltas.
#pragma once

#include "store/store.h"

typedef struct Query Query;
typedef struct Fragment Fragment;
typedef struct Dml Dml;

typedef enum QueryShape {
    QUERY_ROWS,     // whole rows of one table: what a subscription may ask
    QUERY_COLUMNS,  // projected columns
    QUERY_COUNT,    // one row with one u64
} QueryShape;

QueryShape query_shape(const Query *query);
// The table whose rows it returns (QUERY_ROWS); a view's backing table included.
TableId query_table(const Query *query);
// The product type of what it returns; element names are what the user asked for.
const Type *query_row_type(const Query *query);
uint32_t query_fragment_count(const Query *query);
const Fragment *query_fragment(const Query *query, uint32_t index);
// Its result depends on who asks (:sender, row-level security with it, a view per sender).
bool query_depends_on_sender(const Query *query);
// Tables that it reads, each once; fragment by fragment.
uint32_t fragment_table_count(const Fragment *fragment);
TableId fragment_table(const Fragment *fragment, uint32_t index);

#define VIEW_KEY_BYTES 32u
// One instance of a view that a query reads. Whoever runs the query sees to it that the backing
// table holds its rows (sql.md 11.2); the query itself reads what is there.
typedef struct QueryView {
    TableId table;  // the backing table
    bool is_per_sender;
    Bytes arguments;  // BSATN of the arguments, one after the other; none: count 0
    Bytes key;        // arg_hash, the hidden first column of the instance's rows: VIEW_KEY_BYTES
} QueryView;
// Each instance once.
const QueryView *query_views(const Query *query, uint32_t *ret_count);

// A conjunct "column = constant" of a fragment over one of its tables: rows of that table with
// another value in that column cannot change the fragment's result.
typedef struct Equality {
    TableId table;
    uint16_t column;
    Bytes value;  // BSATN of the column's type; equal values have equal bytes (never a float)
} Equality;
// The equalities to prune by: for each table of the fragment at most one. *ret_count may be 0.
const Equality *fragment_equalities(const Fragment *fragment, uint32_t *ret_count);

// ---- running ----

// Receives rows; false stops the run. Bytes are borrowed for the call, unless they are whole rows:
// those stay as long as the row does (store.h).
typedef bool (*QueryRow)(void *user, Bytes row);

// All rows of the query now, after LIMIT. Rows of event tables: none.
void query_run(const Query *query, Store *store, QueryRow row, void *user);
void fragment_run(const Fragment *fragment, Store *store, QueryRow row, void *user);
// Single-table fragments: does this row of the table belong to the result?
bool fragment_is_single_table(const Fragment *fragment);
bool fragment_matches(const Fragment *fragment, Bytes row);
// What the fragment delivers for a row of query_table: the row without a view's hidden column. A
// slice.
Bytes fragment_output(const Fragment *fragment, Bytes row);
// The exact change (as bags) of the fragment's result by a commit that was not released yet. At
// most two relations, as query_check_subscription demands. Scratch memory comes from the
// transaction's arena.
void fragment_delta(const Fragment *fragment, Store *store, const Commit *commit, QueryRow inserted,
                    QueryRow deleted, void *user);
// Rows that upstream's plan expects to touch, for the row limit (sql.md 18). Saturating.
uint64_t query_estimate(const Query *query, Store *store);
// The system variable row_limit; false if it is not set.
bool query_row_limit(Store *store, uint64_t *ret_limit);
// May it be subscribed to: joins by index, at most two relations, no event table looked up (sql.md
// 15.1). STATUS_INVALID with upstream's text.
Status query_check_subscription(const Query *query, Error *error);

// ---- DML ----

typedef struct DmlStats {
    uint64_t inserted;
    uint64_t deleted;
    uint64_t updated;
} DmlStats;

// Runs INSERT, UPDATE or DELETE within a transaction; the caller rolls back on failure.
Status dml_run(const Dml *dml, Tx *tx, DmlStats *ret_stats, Error *error);
TableId dml_table(const Dml *dml);

// ---- building plans: what sql/ hands over ---- Everything is typed and checked already; names are
// gone. Specs and what they point to may go after the call, except types, which must live as long
// as the plan.

// A column of one of a fragment's relations, by position in the stored row.
typedef struct QueryColumn {
    uint16_t relation;
    uint16_t column;
} QueryColumn;

typedef enum QueryExprKind {
    QUERY_EXPR_CONSTANT,
    QUERY_EXPR_COLUMN,
    QUERY_EXPR_COMPARE,
    QUERY_EXPR_AND,
    QUERY_EXPR_OR,
} QueryExprKind;

typedef enum QueryCompare {
    QUERY_EQ,
    QUERY_NE,
    QUERY_LT,
    QUERY_LE,
    QUERY_GT,
    QUERY_GE
} QueryCompare;

typedef struct QueryExpr QueryExpr;
struct QueryExpr {
    QueryExprKind kind;
    QueryCompare compare;  // QUERY_EXPR_COMPARE
    const Type *type;      // of the value; comparisons, AND and OR: bool
    union {
        Bytes constant;  // BSATN
        QueryColumn column;
        struct {  // QUERY_EXPR_COMPARE: operands of one type
            const QueryExpr *left;
            const QueryExpr *right;
        };
        struct {  // QUERY_EXPR_AND, QUERY_EXPR_OR: at least one, evaluated from left to right
            const QueryExpr *const *items;
            uint32_t item_count;
        };
    };
};

typedef enum QueryJoin {
    QUERY_JOIN_CROSS,  // also of the first relation
    QUERY_JOIN_EQUAL,  // ON left = right
} QueryJoin;

typedef struct QueryRelation {
    TableId table;
    QueryJoin join;
    QueryColumn left;    // of this or an earlier relation
    QueryColumn right;   // likewise, of the same type
    Bytes view_key;      // a view: arg_hash of the rows to see; data == NULL: a table
    bool is_restricted;  // a row-level rule filters it by something else than "column op constant"
} QueryRelation;

typedef struct FragmentSpec {
    const QueryRelation *relations;     // in the order of the text
    uint16_t relation_count;            // 1 ... SQL_RELATIONS_MAX
    uint16_t returned;                  // QUERY_ROWS: the relation whose rows it returns
    const QueryExpr *const *conjuncts;  // all of them must hold
    uint32_t conjunct_count;
    const QueryColumn *columns;  // QUERY_COLUMNS
    uint16_t column_count;
} FragmentSpec;

#define QUERY_LIMIT_NONE UINT64_MAX
typedef struct QuerySpec {
    QueryShape shape;
    const Type *row_type;
    const FragmentSpec *fragments;
    uint32_t fragment_count;
    const QueryView *views;
    uint32_t view_count;
    uint64_t limit;
    bool depends_on_sender;
} QuerySpec;

const Query *query_build(Store *store, const QuerySpec *spec, Arena *arena);

typedef enum DmlKind { DML_INSERT, DML_UPDATE, DML_DELETE } DmlKind;

typedef struct DmlColumn {
    uint16_t column;
    Bytes value;  // BSATN
} DmlColumn;

typedef struct DmlSpec {
    DmlKind kind;
    TableId table;
    const Bytes *rows;  // DML_INSERT: whole rows in BSATN
    uint32_t row_count;
    const DmlColumn *columns;  // DML_UPDATE: each column at most once
    uint32_t column_count;
    const QueryExpr *const
        *conjuncts;  // DML_UPDATE, DML_DELETE: over relation 0; all of them must hold
    uint32_t conjunct_count;
} DmlSpec;

const Dml *dml_build(Store *store, const DmlSpec *spec, Arena *arena);

// query.h - typed plans, and what they yield: rows, changes of rows, changes made by DML.
//
// A SELECT is a Query of one or more fragments whose results are united as bags (row-level security
// makes several out of one). A fragment reads one table or a join of several and returns whole rows
// of one of them, or columns. The query may then group and sort what its fragments find.
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
    QUERY_GROUPS,   // a row for each group: its columns and aggregates; without GROUP BY one row
    QUERY_PLAN,     // EXPLAIN: lines of text
} QueryShape;

QueryShape query_shape(const Query *query);
// The table whose rows it returns (QUERY_ROWS); a view's backing table included. For other shapes
// the first table of FROM.
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

// ---- what a change must be like to matter: for pruning ----

// A conjunct "column = constant" of a fragment over one of its tables: rows of that table with
// another value in that column cannot change the fragment's result.
typedef struct Equality {
    TableId table;
    uint16_t column;
    Bytes value;  // BSATN of the column's type; equal values have equal bytes (never a float)
} Equality;
// The equalities to prune by: for each table of the fragment at most one. *ret_count may be 0.
const Equality *fragment_equalities(const Fragment *fragment, uint32_t *ret_count);

// Conjuncts "column < constant" and the like, or alternatives of such over one column: rows of that
// table whose value in that column lies outside (value_compare over `type`) cannot change the
// fragment's result. At least one bound is not BOUND_UNBOUNDED; bounds may cross, then no row matters.
typedef struct Range {
    TableId table;
    uint16_t column;
    const Type *type;
    Bound lower;
    Bound upper;
} Range;
// For each table without an equality at most one; tables with one have none here.
const Range *fragment_ranges(const Fragment *fragment, uint32_t *ret_count);

// A table without an equality of its own that is joined to one that has one: a changed row of
// `table` can change the result only if, after the commit, some row in `index` has the changed
// row's value in `column` as its key and `reached.value` in `reached.column`; or if rows of
// `reached.table` with that value came or went in the same commit. `table` occurs once in the
// fragment.
typedef struct Edge {
    TableId table;
    uint16_t column;
    IndexId index;     // of reached.table, over one column of the same type
    bool is_unique;    // at most one row is found
    Equality reached;  // also among fragment_equalities
} Edge;
const Edge *fragment_edges(const Fragment *fragment, uint32_t *ret_count);

// ---- running ----

// Receives rows; false stops the run. Bytes are borrowed for the call, unless they are whole rows:
// those stay as long as the row does (store.h).
typedef bool (*QueryRow)(void *user, Bytes row);

typedef enum QueryStop {
    QUERY_FINISHED,          // also when the receiver stopped it
    QUERY_STOPPED_TOUCHED,   // SQL_TOUCHED_ROWS_MAX
    QUERY_STOPPED_GATHERED,  // SQL_GATHERED_BYTES_MAX, or a row of the result became too large
} QueryStop;

typedef struct QueryOutcome {
    QueryStop stop;
    uint64_t touched;  // rows looked at
} QueryOutcome;

// All rows of the query now, after ORDER BY and LIMIT. Rows of event tables: none. If it did not
// finish, the rows passed on are a part of the result at best.
QueryOutcome query_run(const Query *query, Store *store, QueryRow row, void *user);
// STATUS_LIMIT with a text for the one who asked, unless it finished.
Status query_check_outcome(const QueryOutcome *outcome, Error *error);
QueryOutcome fragment_run(const Fragment *fragment, Store *store, QueryRow row, void *user);
// Each fragment reads one table from end to end and passes on the rows that match, whole and in any order: the
// query can be run elsewhere, over a copy of its tables, with fragment_matches and fragment_output.
bool query_scans_tables(const Query *query);
// Such a fragment passes on every row of its table, as it is.
bool fragment_takes_all(const Fragment *fragment);
// Single-table fragments: does this row of the table belong to the result?
bool fragment_is_single_table(const Fragment *fragment);
bool fragment_matches(const Fragment *fragment, Bytes row);
// What the fragment delivers for a row of query_table: the row without a view's hidden column. A
// slice.
Bytes fragment_output(const Fragment *fragment, Bytes row);

// What a commit did to one table, or the part of it that may matter to a fragment: rows that cannot
// (see above, all but edges) may be left out; to leave out rows by an edge, no other table of the
// fragment may have changed.
typedef struct DeltaRows {
    TableId table;
    RowSpan inserted;
    RowSpan deleted;
} DeltaRows;

typedef struct DeltaInput {
    Store *store;             // after the commit, which was not released yet
    const DeltaRows *tables;  // in any order; each table at most once
    uint32_t table_count;
    Arena *scratch;  // may be cleared after the call
} DeltaInput;

// The exact change (as bags) of the fragment's result: after = before + inserted - deleted, and no
// row is on both sides. The query must have been built for QUERY_LIVE, which has whole rows. If it
// does not finish, the receiver's copy cannot be kept.
//
// Cost  per changed row what finding its partners takes; a join without an index scans the other
//       table once
QueryOutcome fragment_delta_rows(const Fragment *fragment, const DeltaInput *input,
                                 QueryRow inserted, QueryRow deleted, void *user);
// The same for all of a commit that was not released yet; scratch memory comes from the
// transaction's arena.
QueryOutcome fragment_delta(const Fragment *fragment, Store *store, const Commit *commit,
                            QueryRow inserted, QueryRow deleted, void *user);

// Rows that upstream's plan expects to touch, to be held against row_limit (sql.md 18). Saturating.
// 0 if no row_limit is set: then nobody needs to know, and finding out costs looks at
// SQL_ESTIMATE_ROWS_MAX rows of each index that is not unique.
uint64_t query_estimate(const Query *query, Store *store);
// May it be subscribed to (sql.md 15.1)? Joins of up to SQL_LIVE_RELATIONS_MAX relations, with or
// without an index, unless the system variables say otherwise; no event table looked up.
// STATUS_INVALID with upstream's text.
Status query_check_subscription(const Query *query, Store *store, Error *error);
// Some join of it has no index by upstream's rules: its changes may cost a scan.
bool query_joins_without_index(const Query *query);
// A change of one of its tables may cost a scan of another: a join has no index on one of its sides. Only known of
// queries that were built for QUERY_LIVE.
bool query_scans_joins(const Query *query);

// ---- system variables: rows of st_var ----

// Rows a query may be expected to touch; false if it is not set.
bool query_row_limit(Store *store, uint64_t *ret_limit);
// May subscriptions join without an index? True unless set to false.
bool query_join_without_index(Store *store);
// What owners allow their module: seconds of a call, bytes of an instance; UINT64_MAX if not set. Not 0.
uint64_t query_call_seconds_max(Store *store);
uint64_t query_memory_bytes_max(Store *store);
// Tables that a subscription may join: SQL_LIVE_RELATIONS_MAX, or less if set so.
uint64_t query_join_tables_max(Store *store);

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
    Bytes name;  // what the text calls it, for EXPLAIN
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
    const QueryColumn *columns;  // QUERY_COLUMNS; QUERY_GROUPS: group columns, then arguments
    uint16_t column_count;
    const QueryColumn *order;  // ORDER BY of QUERY_ROWS and QUERY_COLUMNS: QuerySpec.order_count
} FragmentSpec;

typedef enum QueryAggregateKind {
    AGGREGATE_COUNT,  // of rows, a u64
    AGGREGATE_SUM,    // of integers up to 64 bits: an i128 or u128; of floats: an f64
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_AVG,  // of the same types as SUM: an f64
} QueryAggregateKind;

// Without GROUP BY, MIN, MAX and AVG are options: there may be no row.
typedef struct QueryAggregate {
    QueryAggregateKind kind;
    uint16_t column;   // the argument, among FragmentSpec.columns; not of AGGREGATE_COUNT
    const Type *type;  // of the argument; AGGREGATE_COUNT: NULL
} QueryAggregate;

typedef struct QueryOrder {
    bool is_descending;
    uint16_t output;  // QUERY_GROUPS: the column of the result
} QueryOrder;

typedef enum QueryUse {
    QUERY_ONCE,
    QUERY_LIVE,  // fragment_delta will be asked for; at most SQL_LIVE_RELATIONS_MAX relations
} QueryUse;

#define QUERY_LIMIT_NONE UINT64_MAX
typedef struct QuerySpec {
    QueryShape shape;
    QueryUse use;
    const Type *row_type;
    const FragmentSpec *fragments;
    uint32_t fragment_count;
    const QueryView *views;
    uint32_t view_count;
    const QueryOrder *order;
    uint16_t order_count;  // up to SQL_KEYS_MAX
    uint16_t group_count;  // QUERY_GROUPS; up to SQL_KEYS_MAX
    const QueryAggregate *aggregates;
    uint16_t aggregate_count;
    const uint16_t *outputs;  // QUERY_GROUPS, for each result column: a group column, or
                              // group_count + an aggregate
    uint64_t limit;
    bool depends_on_sender;
    bool is_explained;  // the query answers with its plan: rows of one string
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

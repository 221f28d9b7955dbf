// plan.h - the inside of a Query: relations, conditions, and routes through them.
//
// Threads    immutable once built.
// Lifetime   that of the arena given to query_build.
#pragma once

#include "query/filter.h"
#include "query/row_hash.h"

typedef struct Relation {
    TableId table;
    Bytes name;
    const Type *row_type;
    bool is_event;          // no rows outside of deltas
    uint32_t hidden_bytes;  // of a view's first column
    Bytes view_key;         // data == NULL: a table
    Program filter;         // the conditions that name only this relation
} Relation;

// Where a part of an index key comes from.
typedef struct KeyPart {
    bool is_constant;
    Bytes constant;
    ColumnPath column;  // of a relation visited before
} KeyPart;

typedef enum AccessKind {
    ACCESS_NONE,  // there is nothing: an event table, or a condition that never holds
    ACCESS_SCAN,
    ACCESS_POINT,  // all columns of an index are given
    ACCESS_RANGE,  // the first columns of an ordered index, perhaps with bounds on the next
    ACCESS_HASH,   // gathered for the run, by columns equal to those of relations visited
    ACCESS_GIVEN,  // rows handed in: one side of a delta
} AccessKind;

// One relation on a route: how its rows are found, given those of the steps before it.
typedef struct Step {
    uint16_t relation;
    AccessKind access;
    IndexId index;
    uint16_t key_count;  // POINT: all columns; RANGE: the prefix
    const KeyPart *key;
    Bound lower, upper;  // RANGE
    // Equalities with relations visited before, for rows that are found by hashing.
    uint16_t join_count;             // up to ROW_HASH_COLUMNS_MAX
    const KeyPart *join_key;         // the other side
    const ColumnPath *join_columns;  // this relation's side
    Program filter;                  // what must still hold once this relation's row is known
    Program whole;                   // the same, and what the access guarantees
    double rows_expected;            // that the access finds, in all
    double kept_expected;            // of them, after the filter
    Bytes access_text, filter_text;  // for EXPLAIN
} Step;

typedef struct Route {
    const Step *steps;  // one for each relation
} Route;

// How upstream would plan it: decides on subscriptions and gives the estimate (sql.md 13, 15, 18).
typedef struct Shape Shape;

// What ORDER BY keeps of a fragment's rows: pointers to the rows of some relations. Paths name
// these by their place among the kept ones.
typedef struct SortLayout {
    const uint16_t *kept;  // relations
    uint16_t kept_count;
    uint16_t returned;          // QUERY_ROWS
    const ColumnPath *keys;     // as many as ORDER BY has
    const ColumnPath *columns;  // QUERY_COLUMNS
} SortLayout;

struct Fragment {
    const Relation *relations;
    uint16_t relation_count;
    uint16_t returned;
    const ColumnPath *columns;  // QUERY_COLUMNS, QUERY_GROUPS
    uint16_t column_count;
    bool is_bare;  // one table and no conditions
    Route route;
    const Route *from;            // QUERY_LIVE: the routes when the rows of one relation are given
    const uint16_t *delta_ranks;  // and in which order the relations' changes are applied
    bool scans_joins;             // and some join has no index on one of its sides
    SortLayout sort;              // of a query with ORDER BY
    const TableId *tables;
    uint32_t table_count;
    const Equality *equalities;
    uint32_t equality_count;
    const Range *ranges;
    uint32_t range_count;
    const Edge *edges;
    uint32_t edge_count;
    const Shape *shape;
};

// GROUP BY and aggregates.
typedef struct Grouping {
    uint16_t group_count;
    uint16_t aggregate_count;
    const QueryAggregate *aggregates;
    const uint16_t *outputs;  // for each result column
    const ColumnPath *keys;   // ORDER BY, over the result row
} Grouping;

struct Query {
    QueryShape shape;
    const Type *row_type;
    Fragment *fragments;
    uint32_t fragment_count;
    const QueryView *views;
    uint32_t view_count;
    const bool *descending;  // for each key of ORDER BY
    uint16_t order_count;
    bool is_in_order;          // the route gives rows in the order asked for
    const Grouping *grouping;  // QUERY_GROUPS
    uint64_t limit;
    bool depends_on_sender;
    bool is_explained;
    const Type *plan_type;  // for EXPLAIN: of its lines
    Bytes *notes;           // and what happens to the fragments' rows
    uint32_t note_count;
};

// ---- building (plan.c, route.c, prune.c, sort.c, shape.c) ----

// A condition, and which relations it names.
typedef struct Condition {
    const QueryExpr *expr;
    uint32_t relations;  // a bit each
} Condition;

typedef struct Conditions {
    Condition *items;  // nested ANDs opened, joins' ONs and views' keys included
    uint32_t count;
} Conditions;

// A condition "column op constant" or "column = column".
typedef struct Comparison {
    QueryCompare compare;
    QueryColumn column;
    const Type *type;
    Bytes constant;  // data == NULL: compared with `other`
    QueryColumn other;
} Comparison;

bool condition_as_comparison(const QueryExpr *expr, Comparison *ret_comparison);

typedef struct Estimates Estimates;  // estimate.h

// What the parts of one fragment are built from. The first six are set by who builds a query.
typedef struct Building {
    Store *store;
    Arena *arena;    // of the plan
    Arena *scratch;  // cleared by fragment_build
    Estimates *estimates;
    const QuerySpec *query;  // NULL: the filter of an UPDATE or DELETE
    const FragmentSpec *spec;
    Fragment *fragment;
    Conditions conditions;
    Comparison *comparisons;  // by condition; those that are none have no type
    // For route.c to work with, one for each condition:
    bool *is_used, *is_tested, *was_used;
    const QueryExpr **tested, **whole, **used;
} Building;

// Everything but ORDER BY.
void fragment_build(Building *building, Fragment *fragment);
// The cheapest route; given: a relation whose rows are handed in, or ROUTE_ANY.
#define ROUTE_ANY UINT16_MAX
Route route_build(const Building *building, uint16_t given);
// A route over one table whose rows come in the order asked for; false if there is none, or the
// route that the fragment has is cheaper.
bool route_build_ordered(const Building *building, Route *ret_route);
void fragment_set_pruning(const Building *building);
// ORDER BY: layouts of all fragments.
void query_set_order(const QuerySpec *spec, Arena *arena, Query *query);
const Shape *shape_build(Store *store, const FragmentSpec *spec, Arena *arena);
// What owners allow in subscriptions.
typedef struct ShapeLimits {
    bool join_without_index;
    uint64_t tables_max;
} ShapeLimits;
Status shape_check_subscription(const Shape *shape, const ShapeLimits *limits, Error *error);
bool shape_joins_without_index(const Shape *shape);
uint64_t shape_estimate(const Shape *shape, Store *store, uint64_t limit);
// What query_estimate answers when a row_limit is set.
uint64_t query_cost(const Query *query, Store *store);
// For EXPLAIN (explain.c): conditions as text, and what happens to the fragments' rows.
Bytes explain_conditions(const Building *building, const QueryExpr *const *conditions,
                         uint32_t count);
void explain_set_notes(const QuerySpec *spec, Arena *arena, Query *query);

// ---- running (run.c) ----

typedef bool (*RowVisit)(void *user, const Row *row);
// One relation: its rows that satisfy the conditions, with their ids.
void fragment_visit(const Fragment *fragment, Store *store, RowVisit visit, void *user);

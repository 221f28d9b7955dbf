// plan.h - the inside of a Query: relations, conditions, and routes through them.
//
// Threads    immutable once built.
// Lifetime   that of the arena given to query_build.
#pragma once

#include "query/filter.h"
#include "query/row_hash.h"

typedef struct Relation {
    TableId table;
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
    uint16_t key_count;  // POINT: all columns; RANGE: the prefix; HASH: the columns compared
    const KeyPart *key;
    const ColumnPath *hash_columns;  // HASH: this relation's side
    Bound lower, upper;              // RANGE
    Program filter;                  // what must still hold once this relation's row is known
} Step;

typedef struct Route {
    const Step *steps;  // one for each relation
} Route;

// How upstream would plan it: decides on subscriptions and gives the estimate (sql.md 13, 15, 18).
typedef struct Shape Shape;

struct Fragment {
    const Relation *relations;
    uint16_t relation_count;
    uint16_t returned;
    const ColumnPath *columns;  // QUERY_COLUMNS
    uint16_t column_count;
    bool is_bare;  // one table and no conditions
    Route route;
    // Of two relations, for deltas:
    const Route *from;                   // the route when the rows of one are given
    Program conditions;                  // that name both
    const ColumnPath *equal_columns[2];  // that equal each other, of either relation
    uint16_t equal_count;                // at most ROW_HASH_COLUMNS_MAX
    const TableId *tables;
    uint32_t table_count;
    const Equality *equalities;
    uint32_t equality_count;
    const Shape *shape;
};

struct Query {
    QueryShape shape;
    const Type *row_type;
    Fragment *fragments;
    uint32_t fragment_count;
    const QueryView *views;
    uint32_t view_count;
    uint64_t limit;
    bool depends_on_sender;
};

// ---- building (plan.c, route.c, shape.c) ----

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

void fragment_build(Store *store, const FragmentSpec *spec, Arena *arena, Fragment *fragment);
bool condition_as_comparison(const QueryExpr *expr, Comparison *ret_comparison);
// The cheapest route; given: a relation whose rows are handed in, or ROUTE_ANY.
#define ROUTE_ANY UINT16_MAX
Route route_build(Store *store, const Fragment *fragment, const Conditions *conditions,
                  uint16_t given, Arena *arena);
const Shape *shape_build(Store *store, const FragmentSpec *spec, Arena *arena);
Status shape_check_subscription(const Shape *shape, Error *error);
uint64_t shape_estimate(const Shape *shape, Store *store, uint64_t limit);

// ---- running (run.c) ----

typedef bool (*RowVisit)(void *user, const Row *row);
// One relation: its rows that satisfy the conditions, with their ids.
void fragment_visit(const Fragment *fragment, Store *store, RowVisit visit, void *user);
// Rows that a step finds, given the rows of earlier relations in `rows`: also sets
// rows[step->relation].
typedef struct Cursor {
    const Step *step;
    const Fragment *fragment;
    Store *store;
    bool is_single;  // the row of a unique index, found when it was opened
    Row row;
    TableScan scan;
    IndexScan index;
    Buffer key;    // an index key of several columns; kept for the next opening
    RowHash hash;  // ACCESS_HASH: filled by the first opening
    bool is_hashed;
    const RowHashEntry *entry;
    const uint8_t *values[ROW_HASH_COLUMNS_MAX];
} Cursor;
void cursor_init(Cursor *cursor, const Fragment *fragment, Store *store, const Step *step);
void cursor_done(Cursor *cursor);
void cursor_open(Cursor *cursor, const uint8_t *const *rows);
bool cursor_next(Cursor *cursor, const uint8_t **rows);

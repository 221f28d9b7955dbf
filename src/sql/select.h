// select.h - SELECT: from syntax to a plan.
//
// Threads    the database's executor.
// Lifetime   the plan lives in the arena given; all else in the typing's.
// Format     sql.md 3.2, 8, 11.
#pragma once

#include "sql/rules.h"

// What stands between SELECT and FROM, and behind WHERE, typed.
typedef struct Selection {
    QueryShape shape;
    uint16_t returned;     // QUERY_ROWS
    QueryColumn *columns;  // QUERY_COLUMNS; QUERY_GROUPS: group columns, then arguments
    uint16_t column_count;
    const Type *row_type;  // in the plan's arena
    QueryOrder *order;
    QueryColumn *order_columns;  // QUERY_ROWS, QUERY_COLUMNS
    uint16_t order_count;
    uint16_t group_count;
    QueryAggregate *aggregates;
    uint16_t aggregate_count;
    uint16_t *outputs;  // QUERY_GROUPS: as in QuerySpec
    uint64_t limit;
} Selection;

typedef struct SelectOptions {
    SyntaxGrammar grammar;
    QueryUse use;
    bool is_explained;
} SelectOptions;

// Types a query of the subscription grammar: whole rows of one relation, without rules of others.
// The text is parsed here.
Status select_type_rows(Typing *typing, Bytes text, Branch *ret_branch);
// Types a checked SELECT, applies the rules, and builds the plan.
Status select_compile(Typing *typing, const SyntaxQuery *query, const SelectOptions *options,
                      Arena *arena, const Query **ret_query);

// ---- aggregates, GROUP BY and ORDER BY (select_keys.c) ----

// Items that are aggregates or columns of GROUP BY.
Status select_groups(Typing *typing, const SyntaxQuery *query, Arena *arena, Selection *selection);
// After the items.
Status select_order(Typing *typing, const SyntaxQuery *query, Selection *selection);

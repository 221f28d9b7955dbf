// rules.h - row-level security: the rules of a query's tables, put in their place.
//
// Threads    the database's executor.
// Lifetime   everything lives in the typing's arena.
// Limits     SQL_FRAGMENTS_MAX, SQL_NODES_MAX, SQL_RULES_DEPTH_MAX, SQL_RELATIONS_MAX.
// Format     sql.md 10.
#pragma once

#include "sql/typing.h"

// One fragment in the making: relations joined in order, and what must hold.
typedef struct Branch {
    QueryRelation *relations;
    QueryView *views;  // as many; key.data == NULL for tables
    uint16_t count;
    uint16_t returned;  // the relation whose rows it returns, if it returns rows
    Conjuncts conjuncts;
    // Where the relations of the query as written stand now.
    const uint16_t *places;
    uint16_t place_count;
} Branch;

typedef struct Branches {
    Branch *items;
    uint32_t count;
} Branches;

// The query as typed, without rules.
Branch branch_of(const Typing *typing, Conjuncts conjuncts, uint16_t returned);
// What the caller may see of the query: all combinations of the rules of its tables. Sets
// *uses_sender if a rule does. The owner sees everything: one branch.
Status rules_apply(const Typing *typing, const Branch *query, Branches *ret_branches,
                   bool *uses_sender);

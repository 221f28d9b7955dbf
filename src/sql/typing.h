// typing.h - names found and types checked: from syntax to expressions over columns.
//
// Threads    the database's executor.
// Lifetime   what is made lives in the plan's arena.
// Limits     SQL_RELATIONS_MAX, SQL_NODES_MAX.        Format  sql.md 4-6.
#pragma once

#include "sql/catalog.h"
#include "sql/syntax.h"

// The tables that a statement's names can mean, and what typing one statement finds out.
typedef struct Typing {
    const SqlContext *context;
    Arena *arena;
    Error *error;
    Bytes aliases[SQL_RELATIONS_MAX];
    CatalogTable tables[SQL_RELATIONS_MAX];
    QueryRelation relations[SQL_RELATIONS_MAX];
    uint16_t count;
    bool uses_sender;
    // The instances of views it reads, by relation; key.data == NULL for tables.
    QueryView views[SQL_RELATIONS_MAX];
} Typing;

// Conjuncts: expressions that must all hold.
typedef struct Conjuncts {
    const QueryExpr **items;
    uint32_t count;
} Conjuncts;

// FROM and its joins: fills in tables, relations and views.
Status typing_add_tables(Typing *typing, const SyntaxTables *from);
// The one table of an UPDATE or DELETE, under its name as written.
Status typing_add_table(Typing *typing, Bytes name);
// A WHERE clause, split at its outermost ANDs; NULL gives none.
Status typing_filter(Typing *typing, const Syntax *filter, Conjuncts *ret_conjuncts);
// A column of the tables in scope.
Status typing_column(Typing *typing, Bytes table, Bytes column, QueryColumn *ret_column);
// The relation with that alias.
Status typing_relation(Typing *typing, Bytes alias, uint16_t *ret_relation);
// A literal for a column in VALUES and SET: strings and booleans only for their own types (sql.md
// 5.3).
Status typing_value(Typing *typing, const Syntax *literal, const Type *type, Bytes *ret_value);

// "The literal expression `5` cannot be parsed as type `Bool`", "Unexpected type: ...".
Status typing_fail_literal(Typing *typing, Bytes text, const Type *type);
Status typing_fail_type(Typing *typing, const Type *actual, const Type *wanted);
// `x` is not in scope.
Status typing_fail_scope(Typing *typing, Bytes name);

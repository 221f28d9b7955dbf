// syntax.h - what the parser makes of a text: trees of names and literals, nothing looked up yet.
//
// The parser takes in much more than is supported, so that what is rejected can be named. Such
// parts are nodes of their own kinds that remember their tokens; syntax_check turns them into
// upstream's texts.
//
// Threads    none of it is shared.
// Lifetime   everything lives in the arena given and borrows from the text.
// Limits     SQL_DEPTH_MAX, SQL_EXPR_LEVELS_MAX.        Format  sql.md 3, since-2.8.md 4.1.
#pragma once

#include "query/query.h"
#include "sql/token.h"

typedef enum SyntaxKind {
    SYNTAX_NAME,  // column or table.column
    SYNTAX_NUMBER,
    SYNTAX_STRING,
    SYNTAX_HEX,
    SYNTAX_BOOL,
    SYNTAX_SENDER,
    SYNTAX_SIGNED,  // + or - before left
    SYNTAX_NESTED,  // left in parentheses
    SYNTAX_AND,
    SYNTAX_OR,
    SYNTAX_COMPARE,
    SYNTAX_OTHER_LITERAL,  // NULL, other parameters, other strings
    SYNTAX_OTHER_BINARY,   // an infix operator that is not ours
    SYNTAX_FUNCTION,
    SYNTAX_OTHER,
} SyntaxKind;

// Functions that we have: of one column, or count(*).
typedef enum SyntaxAggregate {
    SYNTAX_AGGREGATE_NONE,
    SYNTAX_COUNT,
    SYNTAX_SUM,
    SYNTAX_MIN,
    SYNTAX_MAX,
    SYNTAX_AVG,
} SyntaxAggregate;

typedef struct Syntax Syntax;
struct Syntax {
    SyntaxKind kind;
    QueryCompare compare;                   // SYNTAX_COMPARE
    bool is_true;                           // SYNTAX_BOOL
    SyntaxAggregate aggregate;              // SYNTAX_FUNCTION
    uint32_t levels;                        // of the tree below this node
    uint32_t first, end;                    // its tokens
    uint32_t operator_first, operator_end;  // SYNTAX_OTHER_BINARY
    Bytes table;  // SYNTAX_NAME: what stands before the last dot; data == NULL: nothing
    Bytes text;   // SYNTAX_NAME: the column; literals: their text; SYNTAX_SIGNED: sign and number
    const Syntax *left;  // SYNTAX_FUNCTION: the column of an aggregate
    const Syntax *right;
};

typedef enum SyntaxItemKind { ITEM_STAR, ITEM_TABLE_STAR, ITEM_EXPR } SyntaxItemKind;

// One item between SELECT and FROM.
typedef struct SyntaxItem {
    SyntaxItemKind kind;
    Bytes table;         // ITEM_TABLE_STAR
    const Syntax *expr;  // ITEM_EXPR
    Bytes alias;         // data == NULL: none
} SyntaxItem;

// An argument of a view call.
typedef struct SyntaxArgument {
    const Syntax *value;  // NULL: named, or a wildcard
    uint32_t first, end;
} SyntaxArgument;

typedef enum SyntaxJoin {
    SYNTAX_JOIN_NONE,   // the first table
    SYNTAX_JOIN_INNER,  // also CROSS JOIN
    SYNTAX_JOIN_OTHER,  // left, natural, USING ...
} SyntaxJoin;

typedef struct SyntaxTable {
    bool is_plain;  // a name with an optional alias and arguments; all else is not supported
    bool has_alias;
    bool has_arguments;  // parentheses, perhaps empty
    Bytes name;
    Bytes alias;  // the name if there is none
    const SyntaxArgument *arguments;
    uint32_t argument_count;
    SyntaxJoin join;
    const Syntax *on;     // NULL: none
    uint32_t first, end;  // without the join's ON
} SyntaxTable;

typedef struct SyntaxTables {
    SyntaxTable *items;  // of the first entry of FROM: a table and what is joined to it
    uint32_t count;
    uint32_t entry_count;  // entries, separated by commas
    uint32_t first, end;   // of the first entry
} SyntaxTables;

typedef enum SyntaxBody {
    BODY_SELECT,
    BODY_VALUES,
    BODY_OTHER,  // set operations, parentheses, TABLE
} SyntaxBody;

typedef struct SyntaxRow {
    const Syntax **values;
    uint32_t count;
} SyntaxRow;

// A key of ORDER BY.
typedef struct SyntaxOrder {
    const Syntax *expr;
    bool is_descending;
} SyntaxOrder;

// Keys of ORDER BY, as they are read.
typedef struct SyntaxOrders {
    SyntaxOrder *items;
    uint32_t count;
    bool has_nulls;  // NULLS FIRST or LAST
} SyntaxOrders;

// Expressions with commas between them.
typedef struct SyntaxList {
    const Syntax **items;
    uint32_t count;
} SyntaxList;

typedef struct SyntaxQuery {
    SyntaxBody body;
    bool has_extras;         // WITH, OFFSET, FETCH, FOR, NULLS in ORDER BY
    bool has_select_extras;  // DISTINCT, TOP, INTO, HAVING, GROUP BY ALL ...
    bool has_explicit_row;   // VALUES ROW (...)
    SyntaxOrders order;      // ORDER BY
    SyntaxList group;        // GROUP BY
    SyntaxItem *items;
    uint32_t item_count;
    SyntaxTables from;
    const Syntax *filter;  // NULL: none
    const Syntax *limit;   // NULL: none, or ALL
    SyntaxRow *rows;       // BODY_VALUES
    uint32_t row_count;
    uint32_t first, end;  // tokens of all of it
    uint32_t body_first, body_end;
} SyntaxQuery;

typedef struct SyntaxAssignment {
    Bytes name;
    const Syntax *value;
} SyntaxAssignment;

typedef enum SyntaxStatementKind {
    STATEMENT_QUERY,
    STATEMENT_INSERT,
    STATEMENT_UPDATE,
    STATEMENT_DELETE,
    STATEMENT_SET,
    STATEMENT_SHOW,
    STATEMENT_OTHER,
} SyntaxStatementKind;

typedef struct SyntaxStatement {
    SyntaxStatementKind kind;
    bool has_extras;                // clauses that make all of it unsupported
    bool is_explained;              // STATEMENT_QUERY: EXPLAIN stands before it
    uint32_t first, end;            // its tokens
    SyntaxQuery *query;             // STATEMENT_QUERY; STATEMENT_INSERT: what follows the columns
    Bytes name;                     // INSERT: table; SET, SHOW: variable
    uint32_t column_count;          // INSERT: names between the parentheses
    SyntaxTables tables;            // UPDATE, DELETE
    SyntaxAssignment *assignments;  // UPDATE; SET: its values, without names
    uint32_t assignment_count;
    const Syntax *filter;  // UPDATE, DELETE; NULL: none
} SyntaxStatement;

// A text with all its statements.
typedef struct SyntaxText {
    TokenSpan tokens;
    SyntaxStatement *first;  // NULL: none
    uint32_t count;
} SyntaxText;

// STATUS_INVALID with upstream's text if it does not parse or is nested too deeply.
Status syntax_parse(Bytes text, Arena *arena, SyntaxText *ret_text, Error *error);

// One-off queries have upstream's subscription grammar and texts, and what we added for queries
// that run once.
typedef enum SyntaxGrammar { GRAMMAR_SQL, GRAMMAR_SUBSCRIPTION, GRAMMAR_ONE_OFF } SyntaxGrammar;

// Finds what the grammar does not support, in upstream's order, and that names are qualified where
// they must be. What passes has one statement, with only the node kinds up to SYNTAX_COMPARE and,
// as items, aggregates.
Status syntax_check(const SyntaxText *text, SyntaxGrammar grammar, Error *error);
// The node without the parentheses around it.
const Syntax *syntax_inner(const Syntax *node);
// The name a column has in the result: its alias, or as written.
static inline Bytes syntax_item_name(const SyntaxItem *item) {
    return item->alias.data != NULL ? item->alias : item->expr->text;
}

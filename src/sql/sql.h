// sql.h - SQL text to typed plans: lexer, parser, names, types, permissions. No execution.
//
// Threads    the database's executor (it reads the catalogue).
// Lifetime   results live in the arena given.
// Limits     SQL_* in base/limits.h.        Format  spec: sql.md, since-2.8.md 4.
#pragma once

#include "query/query.h"

typedef struct SqlContext {
    Store *store;
    Identity sender;
    bool is_owner;  // may read private tables, bypasses row-level security, may write
} SqlContext;

typedef enum SqlKind { SQL_SELECT, SQL_DML, SQL_SET, SQL_SHOW } SqlKind;

// SET is an INSERT into st_var and SHOW a SELECT from it: `dml` and `query` are ready to run for
// them too.
typedef struct SqlStatement {
    SqlKind kind;
    const Query *query;  // SQL_SELECT, SQL_SHOW
    const Dml *dml;      // SQL_DML, SQL_SET
    Bytes variable;      // SQL_SET, SQL_SHOW: a supported name
    Bytes value;         // SQL_SET: BSATN of an st_var value
} SqlStatement;

// Splits the text of a request at its semicolons (sql.md 3.1), blank statements left out;
// STATUS_INVALID with upstream's text if it does not even split into tokens. *ret_texts are parts
// of `text`. The statements are not parsed; sql_compile takes only one.
Status sql_split(Bytes text, Arena *arena, const Bytes **ret_texts, uint32_t *ret_count,
                 Error *error);

// The grammar of HTTP and the CLI (sql.md 3): SELECT, INSERT, UPDATE, DELETE, SET, SHOW, and what
// docs/sql.md adds to it. EXPLAIN SELECT is a SQL_SELECT, too: its rows are one string each.
// STATUS_DENIED where the sender may not write; errors carry upstream's text.
Status sql_compile(const SqlContext *context, Bytes text, Arena *arena, SqlStatement *ret_statement,
                   Error *error);

// SQL_SUBSCRIBE: the grammar of subscriptions, whole rows of one table, and what can be maintained
// (query_check_subscription). SQL_ONE_OFF: any SELECT; the errors for what is rejected are those of
// subscriptions. Errors carry upstream's text without the ", executing: `...`" that subscriptions
// put behind it.
typedef enum SqlUse { SQL_SUBSCRIBE, SQL_ONE_OFF } SqlUse;
Status sql_compile_query(const SqlContext *context, Bytes text, SqlUse use, Arena *arena,
                         const Query **ret_query, Error *error);

// "SELECT * FROM *" (websocket.md 9.1), whatever the case and blanks.
bool sql_is_subscribe_all(Bytes text);

// Compiles the text of a row-level security rule and says which table it filters (sql.md, RLS).
Status sql_check_row_level_security(const SqlContext *context, Bytes text, TableId *ret_table,
                                    Error *error);

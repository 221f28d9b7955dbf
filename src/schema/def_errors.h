// def_errors.h - everything that can be wrong with a module definition: collected, sorted, written.
// Private to schema/.
//
// Threads    one owner.
// Lifetime   errors and their fields live in the arena given at init.
// Limits     MODULE_DEF_ERRORS_MAX kept, all counted.        Format  spec: sats.md 11.10,
// since-2.8.md 1.2.
#pragma once

#include "base/arena.h"
#include "base/status.h"

// The order is the one errors are sorted by. The comment names the fields, which sort within a
// kind.
typedef enum ErrorKind {
    ERROR_DUPLICATE_NAME,              // name
    ERROR_DUPLICATE_TYPE_NAME,         // name
    ERROR_DUPLICATE_LIFECYCLE,         // event
    ERROR_IDENTIFIER,                  // number of the problem, name, text
    ERROR_UNNAMED_COLUMN,              // table, column
    ERROR_TYPE_ORDERING,               // name, ref, type
    ERROR_COLUMN_NOT_FOUND,            // table, def, column
    ERROR_COLUMN_MALFORMED,            // "table `t` column `c`", type, position, product type
    ERROR_REPEATED_PRIMARY_KEY,        // table
    ERROR_ONE_AUTO_INC,                // table, column
    ERROR_UNIQUE_WITHOUT_INDEX,        // constraint, columns
    ERROR_DIRECT_INDEX_TYPE,           // index, column, type
    ERROR_DUPLICATE_COLUMNS,           // def, columns
    ERROR_SEQUENCE_TYPE,               // sequence, table, column, type
    ERROR_SEQUENCE_OPTION,             // sequence, option, value, value it must have
    ERROR_VIEW_RETURN_TYPE,            // view, type
    ERROR_VIEW_KEY_VIEW,               // view
    ERROR_VIEW_KEY_REPEATED,           // view
    ERROR_VIEW_KEY_COLUMNS,            // view, columns
    ERROR_VIEW_KEY_COLUMN,             // view, column
    ERROR_VIEW_FLOAT_PARAMETER,        // view, parameter
    ERROR_VIEW_KEY_PARAMETERS,         // view
    ERROR_PRODUCT_TYPE_REF,            // table, ref
    ERROR_TYPE_REF,                    // name, ref
    ERROR_SCHEDULED_COLUMNS,           // table, columns
    ERROR_CODEGEN,                     // place to sort by, place, text
    ERROR_PRIMARY_KEY_NOT_UNIQUE,      // table, column
    ERROR_SCHEDULED_FUNCTION_MISSING,  // schedule, function
    ERROR_SCHEDULED_FUNCTION_PARAMS,   // function, expected, actual
    ERROR_TABLE_NAME_RESERVED,         // table
    ERROR_DEFAULT_MALFORMED,           // table, column, reason
    ERROR_DEFAULT_REPEATED,            // table, column
    ERROR_TABLE_NOT_FOUND,             // table
    ERROR_OUTBOX,                      // table
    ERROR_DUPLICATE_FUNCTION,          // name
    ERROR_DUPLICATE_HANDLER,           // name
    ERROR_DUPLICATE_ROUTE,             // path, method
    ERROR_ROUTE_PATH,                  // path
    ERROR_ROUTE_HANDLER,               // handler
    ERROR_LIFECYCLE_WITHOUT_REDUCER,   // event
    ERROR_DUPLICATE_SCHEDULE,          // table
    ERROR_SCHEDULED_EVENT_TABLE,       // table
    ERROR_REDUCER_RETURN_TYPE,         // reducer, ok type, error type
    ERROR_LIFECYCLE_IN_SUBMODULE,      // event, namespace
    ERROR_NAMESPACE_TOO_LONG,          // namespace, bytes
    ERROR_NAMESPACE_CONFLICT,          // kind, name, namespace
    ERROR_ENVIRONMENT,                 // text
    ERROR_ENVIRONMENT_KEY,             // key, text
    ERROR_ENVIRONMENT_IN_SUBMODULE,    // namespace
    ERROR_INDEX_WITHOUT_NAME,          // table; ours, upstream panics
    ERROR_COLUMN_TYPE,                 // table, column, text; ours, upstream panics
    ERROR_TYPE_TOO_LARGE,              // what; ours
    ERROR_KIND_COUNT,
} ErrorKind;

#define ERROR_FIELDS_MAX 4u

typedef struct ErrorFields {
    Bytes items[ERROR_FIELDS_MAX];
} ErrorFields;

typedef struct DefError {
    ErrorKind kind;
    ErrorFields fields;
} DefError;

typedef struct ErrorList {
    Arena *arena;
    DefError *items;
    uint32_t kept;
    uint32_t count;
} ErrorList;

void error_list_init(ErrorList *errors, Arena *arena);
// The fields must live as long as the arena.
void error_list_add(ErrorList *errors, ErrorKind kind, ErrorFields fields);
// Forgets what was added since the list had `count` errors.
void error_list_truncate(ErrorList *errors, uint32_t count);
// STATUS_OK if there are none, else STATUS_INVALID with all of them as text ("Errors occurred:"
// ...).
Status error_list_finish(ErrorList *errors, Error *error);
// The text of one error; for tests of the table.
void error_kind_write(Buffer *buffer, ErrorKind kind, const ErrorFields *fields);

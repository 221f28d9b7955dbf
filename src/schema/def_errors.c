// def_errors.c - one table of texts; {n} is the n-th field.
#include "schema/def_errors.h"

#include <stdlib.h>

// More text than any Error holds.
#define ERRORS_TEXT_MAX (16u << 10)

static int error_compare(const void *left, const void *right);
static int field_compare(Bytes left, Bytes right);
static bool is_number(Bytes field);

static const char *const ERROR_TEXTS[ERROR_KIND_COUNT] = {
    [ERROR_DUPLICATE_NAME] = "name `{0}` is used for multiple entities",
    [ERROR_DUPLICATE_TYPE_NAME] = "name `{0}` is used for multiple types",
    [ERROR_DUPLICATE_LIFECYCLE] = "Multiple reducers defined for lifecycle event {0}",
    [ERROR_IDENTIFIER] = "module contains invalid identifier: {2}",
    [ERROR_UNNAMED_COLUMN] = "table `{0}` has unnamed column `{1}`, which is forbidden.",
    [ERROR_TYPE_ORDERING] = "type `{0}` is not annotated with a custom ordering, but uses one: {2}",
    [ERROR_COLUMN_NOT_FOUND] = "column `{2}` referenced by def {1} not found in table `{0}`",
    [ERROR_COLUMN_MALFORMED] =
        "{0} type {1} does not match corresponding element at position {2} in product type `{3}`",
    [ERROR_REPEATED_PRIMARY_KEY] = "table `{0}` has multiple primary key annotations",
    [ERROR_ONE_AUTO_INC] =
        "Attempt to define table `{0}` column `{1}` with more than 1 auto_inc sequence",
    [ERROR_UNIQUE_WITHOUT_INDEX] =
        "No index found to support unique constraint `{0}` for columns `{1}`",
    [ERROR_DIRECT_INDEX_TYPE] =
        "Direct index does not support type `{2}` in column `{1}` in index `{0}`",
    [ERROR_DUPLICATE_COLUMNS] = "def `{0}` has duplicate columns: {1}",
    [ERROR_SEQUENCE_TYPE] =
        "invalid sequence column type: table `{1}` column `{2}` with type `{3}` in sequence `{0}`",
    [ERROR_SEQUENCE_OPTION] = "sequence definition `{0}` specifies unsupported option `{1}` with "
                              "value {2}, should be {3}",
    [ERROR_VIEW_RETURN_TYPE] = "View {0} has invalid return type {1}",
    [ERROR_VIEW_KEY_VIEW] = "View {0} referenced by primary key definition not found",
    [ERROR_VIEW_KEY_REPEATED] = "View {0} has multiple primary key definitions",
    [ERROR_VIEW_KEY_COLUMNS] = "View {0} has multiple primary key columns: {1}",
    [ERROR_VIEW_KEY_COLUMN] = "Primary key column {1} for view {0} not found",
    [ERROR_VIEW_FLOAT_PARAMETER] =
        "View {0} has a float parameter `{1}`, which views can't take yet",
    [ERROR_VIEW_KEY_PARAMETERS] = "View {0} has parameters and cannot have a primary key",
    [ERROR_PRODUCT_TYPE_REF] = "Table {0} has invalid product_type_ref &{1}",
    [ERROR_TYPE_REF] = "Type {0} has invalid ref: &{1}",
    [ERROR_SCHEDULED_COLUMNS] = "A scheduled table must have columns `scheduled_id: u64` and "
                                "`scheduled_at: ScheduledAt`, but "
                                "table `{0}` has columns {1}",
    [ERROR_CODEGEN] = "error at {1}: {2}",
    [ERROR_PRIMARY_KEY_NOT_UNIQUE] =
        "table `{0}` column `{1}` is primary key but has no unique constraint",
    [ERROR_SCHEDULED_FUNCTION_MISSING] =
        "Schedule {0} refers to a scheduled reducer or procedure {1} that does not exist",
    [ERROR_SCHEDULED_FUNCTION_PARAMS] =
        "Scheduled reducer {0} expected to have type {1}, but has type {2}",
    [ERROR_TABLE_NAME_RESERVED] = "Table name is reserved for system use: {0}",
    [ERROR_DEFAULT_MALFORMED] = "Failed to deserialize default value for table {0} column {1}: {2}",
    [ERROR_DEFAULT_REPEATED] = "Multiple default values for table {0} column {1}",
    [ERROR_TABLE_NOT_FOUND] = "Table {0} not found",
    [ERROR_OUTBOX] = "table {0} is an outbox table, which this server does not support",
    [ERROR_DUPLICATE_FUNCTION] = "Name {0} is used for multiple reducers, procedures and/or views",
    [ERROR_DUPLICATE_HANDLER] = "HTTP handler name {0} is used for multiple HTTP handlers",
    [ERROR_DUPLICATE_ROUTE] = "HTTP route duplicates method {1} for path {0}",
    [ERROR_ROUTE_PATH] = "HTTP route path `{0}` is invalid; allowed characters are ASCII lowercase "
                         "letters, digits and "
                         "`-_~/`",
    [ERROR_ROUTE_HANDLER] = "HTTP route refers to unknown HTTP handler `{0}`",
    [ERROR_LIFECYCLE_WITHOUT_REDUCER] = "lifecycle event {0} without reducer",
    [ERROR_DUPLICATE_SCHEDULE] = "table {0} is assigned in multiple schedules",
    [ERROR_SCHEDULED_EVENT_TABLE] = "scheduled table {0} must not be an event table",
    [ERROR_REDUCER_RETURN_TYPE] = "reducer {0} has invalid return type: found Result<{1}, {2}>",
    [ERROR_LIFECYCLE_IN_SUBMODULE] = "lifecycle event {0} is not permitted in submodule under "
                                     "namespace `{1}`; lifecycle reducers may "
                                     "only be declared in the root module",
    [ERROR_NAMESPACE_TOO_LONG] =
        "submodule namespace `{0}` is {1} bytes, which exceeds the 63-byte limit",
    [ERROR_NAMESPACE_CONFLICT] = "naming conflict between {0} `{1}` and submodule namespace `{2}`; "
                                 "a {0} cannot share its accessor "
                                 "name with a namespace mounted in the same module",
    [ERROR_ENVIRONMENT] = "{0}",
    [ERROR_ENVIRONMENT_KEY] = "environment key \"{0}\": {1}",
    [ERROR_ENVIRONMENT_IN_SUBMODULE] = "submodule `{0}` cannot declare environment variables",
    [ERROR_INDEX_WITHOUT_NAME] = "table `{0}` has an index without a source name",
    [ERROR_COLUMN_TYPE] = "table `{0}` column `{1}`: {2}",
    [ERROR_TYPE_TOO_LARGE] = "{0} is too large with all type references written out",
};

void error_list_init(ErrorList *errors, Arena *arena) {
    *errors = (ErrorList){.arena = arena};
    errors->items = ARENA_ARRAY(arena, DefError, MODULE_DEF_ERRORS_MAX);
}

void error_list_add(ErrorList *errors, ErrorKind kind, ErrorFields fields) {
    ASSERT(kind < ERROR_KIND_COUNT);
    errors->count++;
    if (errors->kept == MODULE_DEF_ERRORS_MAX) return;
    errors->items[errors->kept++] = (DefError){kind, fields};
}

void error_list_truncate(ErrorList *errors, uint32_t count) {
    ASSERT(count <= errors->count);
    errors->count = count;
    if (errors->kept > count) errors->kept = count;
}

Status error_list_finish(ErrorList *errors, Error *error) {
    if (errors->count == 0) return STATUS_OK;
    qsort(errors->items, errors->kept, sizeof(DefError), error_compare);
    Buffer text;
    buffer_init(&text, ERRORS_TEXT_MAX);
    buffer_append_text(&text, "Errors occurred:\n");
    for (uint32_t i = 0; i < errors->kept && text.count < ERROR_TEXT_MAX; i++) {
        if (i > 0 && error_compare(&errors->items[i - 1], &errors->items[i]) == 0) continue;
        error_kind_write(&text, errors->items[i].kind, &errors->items[i].fields);
        buffer_append_text(&text, "\n\n");
    }
    Status status = error_set(error, STATUS_INVALID, "%.*s", BYTES_FORMAT(buffer_bytes(&text)));
    buffer_done(&text);
    return status;
}

void error_kind_write(Buffer *buffer, ErrorKind kind, const ErrorFields *fields) {
    for (const char *at = ERROR_TEXTS[kind]; *at != 0; at++) {
        if (at[0] == '{' && at[1] >= '0' && at[1] < (char)('0' + ERROR_FIELDS_MAX) &&
            at[2] == '}') {
            Bytes field = fields->items[at[1] - '0'];
            // One field cannot drive the others out: an Error holds less than this.
            if (field.count > ERROR_TEXT_MAX) field.count = ERROR_TEXT_MAX;
            buffer_append_bytes(buffer, field);
            at += 2;
        } else {
            buffer_u8(buffer, (uint8_t)*at);
        }
    }
}

static int error_compare(const void *left, const void *right) {
    const DefError *a = left;
    const DefError *b = right;
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    for (uint32_t i = 0; i < ERROR_FIELDS_MAX; i++) {
        int order = field_compare(a->fields.items[i], b->fields.items[i]);
        if (order != 0) return order;
    }
    return 0;
}

// Column numbers and the like sort as numbers; names cannot begin with a digit.
static int field_compare(Bytes left, Bytes right) {
    if (is_number(left) && is_number(right) && left.count != right.count) {
        return left.count < right.count ? -1 : 1;
    }
    return bytes_compare(left, right);
}

static bool is_number(Bytes field) {
    for (uint32_t i = 0; i < field.count; i++) {
        if (field.data[i] < '0' || field.data[i] > '9') return false;
    }
    return field.count > 0;
}

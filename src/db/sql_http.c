// sql_http.c - one SQL statement over HTTP: run it, and write the answer as upstream's JSON (http-api.md 6.3.8).

#include "db/database.h"
#include "sql/sql.h"

// Sessions may limit what a query is expected to touch (SET row_limit, sql.md).
static const Bytes ROW_LIMIT = {(const uint8_t *)"row_limit", 9};
#define ST_VAR_U64_TAG 8u

typedef struct RowWriter {
    Buffer *json;
    const Type *type;
    uint64_t count;
    uint64_t scanned;
} RowWriter;

static Status run_select(Database *database, const SqlContext *context, const Query *query,
                         Buffer *rows, Error *error);
static Status run_dml(Database *database, const Caller *caller, const SqlContext *context,
                      const Dml *dml, DmlStats *ret_stats, Error *error);
static Status run_set(Database *database, const Caller *caller, const SqlStatement *statement,
                      DmlStats *ret_stats, Error *error);
static void begin_rows(Buffer *json);
static void begin_no_rows(Buffer *json);
static void run_show(Database *database, const SqlStatement *statement, Buffer *json);
static bool write_row(void *user, Bytes row);
static void write_schema(Buffer *json, const Type *row_type);
static bool find_variable(Database *database, Bytes name, Row *ret_row);
static Status commit_sql(Database *database, const Caller *caller, Error *error);

Status database_sql(Database *database, const Caller *caller, Bytes text, SqlReport *ret_report,
                    Error *error) {
    Os *os = database->options.os;
    int64_t start = os->monotonic_nanos(os);
    const Bytes *texts = NULL;
    uint32_t count = 0;
    Status status = sql_split(text, &database->call_arena, &texts, &count, error);
    if (status != STATUS_OK) return status;
    if (count == 0) return error_set(error, STATUS_INVALID, "Empty SQL query");
    if (count > 1)
        return error_set(error, STATUS_INVALID, "Multiple SQL statements are not supported");
    SqlContext context = {.store = database->store,
                          .sender = caller->identity,
                          .is_owner = database_is_owner(database, &caller->identity)};
    SqlStatement statement;
    status = sql_compile(&context, texts[0], &database->call_arena, &statement, error);
    if (status != STATUS_OK) return status;

    // Everything is written where it will be sent from: a large answer is not copied together.
    Buffer *json = &ret_report->json;
    buffer_init(json, SQL_RESULT_BYTES_MAX);
    DmlStats stats = {0};
    buffer_append_text(json, "[{\"schema\":");
    switch (statement.kind) {
    case SQL_SELECT:
        write_schema(json, query_row_type(statement.query));
        begin_rows(json);
        status = views_materialize(database, &caller->identity, statement.query, error);
        if (status == STATUS_OK) {
            status = run_select(database, &context, statement.query, json, error);
        }
        break;
    case SQL_DML:
        begin_no_rows(json);
        status = run_dml(database, caller, &context, statement.dml, &stats, error);
        if (dml_table(statement.dml) == ST_VAR) database_take_limits(database);
        break;
    case SQL_SET:
        begin_no_rows(json);
        status = run_set(database, caller, &statement, &stats, error);
        database_take_limits(database);
        break;
    case SQL_SHOW: run_show(database, &statement, json); break;
    }
    if (status == STATUS_OK) {
        ret_report->micros = (uint64_t)(os->monotonic_nanos(os) - start) / 1000u;
        ret_report->ticket = database_ticket(database);
        buffer_append_format(json,
                             "],\"total_duration_micros\":%llu,\"stats\":{\"rows_inserted\":%llu,"
                             "\"rows_deleted\":%llu,\"rows_updated\":%llu}}]",
                             (unsigned long long)ret_report->micros,
                             (unsigned long long)stats.inserted, (unsigned long long)stats.deleted,
                             (unsigned long long)stats.updated);
        if (json->failed) {
            status = error_set(
                error, STATUS_LIMIT,
                "the result is larger than %u bytes; add a LIMIT or a narrower WHERE",
                SQL_RESULT_BYTES_MAX);
        }
    }
    if (status != STATUS_OK) buffer_done(json);
    return status;
}

static void begin_rows(Buffer *json) {
    buffer_append_text(json, ",\"rows\":[");
}

static void begin_no_rows(Buffer *json) {
    buffer_append_text(json, "{\"elements\":[]}");
    begin_rows(json);
}

static Status run_select(Database *database, const SqlContext *context, const Query *query,
                         Buffer *rows, Error *error) {
    Row variable;
    if (!context->is_owner && find_variable(database, ROW_LIMIT, &variable)) {
        // name string, then the tagged value
        uint32_t at = 4 + ROW_LIMIT.count;
        uint64_t limit = UINT64_MAX;
        if (variable.bytes.count >= at + 9 && variable.bytes.data[at] == ST_VAR_U64_TAG) {
            limit = load_u64le(variable.bytes.data + at + 1);
        }
        uint64_t estimate = query_estimate(query, database->store);
        if (estimate > limit) {
            return error_set(error, STATUS_LIMIT,
                             "Estimated cardinality (%llu rows) exceeds limit (%llu rows)",
                             (unsigned long long)estimate, (unsigned long long)limit);
        }
    }
    RowWriter writer = {.json = rows, .type = query_row_type(query)};
    QueryOutcome outcome = query_run(query, database->store, write_row, &writer);
    return query_check_outcome(&outcome, error);  // a result that a limit cut off is none
}

static bool write_row(void *user, Bytes row) {
    RowWriter *writer = user;
    if (writer->count++ > 0) buffer_u8(writer->json, ',');
    (void)json_write_value(writer->json, TYPESPACE_NONE, writer->type, row.data, JSON_UNTYPED);
    return !writer->json->failed;
}

// {"elements":[{"name":{"some":"id"},"algebraic_type":{"U32":[]}}]}
static void write_schema(Buffer *json, const Type *row_type) {
    ASSERT(row_type->kind == TYPE_PRODUCT);
    buffer_append_text(json, "{\"elements\":[");
    for (uint32_t i = 0; i < row_type->field_count; i++) {
        const TypeField *field = &row_type->fields[i];
        buffer_append_text(json, i > 0 ? ",{\"name\":" : "{\"name\":");
        if (field->name.data) {
            buffer_append_text(json, "{\"some\":");
            json_write_string(json, field->name);
            buffer_append_text(json, "}");
        } else {
            buffer_append_text(json, "{\"none\":[]}");
        }
        buffer_append_text(json, ",\"algebraic_type\":");
        type_write_json(json, field->type);
        buffer_append_text(json, "}");
    }
    buffer_append_text(json, "]}");
}

// Rolls back if a view that has to be run again fails.
static Status commit_sql(Database *database, const Caller *caller, Error *error) {
    CallOutcome refreshed = views_refresh(database, NULL);
    if (refreshed.status != CALL_OK) {
        tx_rollback(store_tx(database->store));
        (void)error_set(error, STATUS_INVALID,
                        "The module instance encountered a fatal error: %.*s",
                        BYTES_FORMAT(refreshed.text));
        bool is_lost = refreshed.status == CALL_TRAPPED || refreshed.status == CALL_OUT_OF_TIME;
        if (is_lost) database_restart_instance(database);
        return error->status;
    }
    TxCause cause = {.event = {.result = RESULT_COMMITTED,
                               .caller_identity = caller->identity,
                               .caller_connection = caller->connection,
                               .reducer_id = UINT32_MAX,
                               .timestamp = database_now(database)}};
    (void)database_commit(database, &cause);
    return STATUS_OK;
}

static Status run_dml(Database *database, const Caller *caller, const SqlContext *context,
                      const Dml *dml, DmlStats *ret_stats, Error *error) {
    (void)context;  // permission was checked when it was compiled
    if (database_is_refusing(database, error)) return error->status;
    Tx *tx = tx_begin(database->store);
    Status status = dml_run(dml, tx, ret_stats, error);
    if (status != STATUS_OK) {
        tx_rollback(tx);
        return status;
    }
    return commit_sql(database, caller, error);
}

static bool find_variable(Database *database, Bytes name, Row *ret_row) {
    Table *table = store_find_table(database->store, ST_VAR);
    TableScan scan = table_scan(table);
    while (table_scan_next(&scan, ret_row)) {
        Reader reader = reader_of(ret_row->bytes);
        if (bytes_equal(reader_bytes(&reader), name)) return true;
    }
    return false;
}

static Status run_set(Database *database, const Caller *caller, const SqlStatement *statement,
                      DmlStats *ret_stats, Error *error) {
    if (database_is_refusing(database, error)) return error->status;
    Buffer row;
    buffer_init(&row, SQL_TEXT_BYTES_MAX * 2);
    buffer_string(&row, statement->variable);
    buffer_append_bytes(&row, statement->value);
    ASSERT(!row.failed);
    Tx *tx = tx_begin(database->store);
    Table *table = store_find_table(database->store, ST_VAR);
    Row old;
    if (find_variable(database, statement->variable, &old)) {
        tx_delete(tx, table, old.id);
        ret_stats->deleted = 1;
    }
    InsertResult result;
    InsertOutcome outcome = tx_insert(tx, table, buffer_bytes(&row), &result);
    ASSERT(outcome == INSERT_ADDED || outcome == INSERT_EXISTED);
    ret_stats->inserted = 1;
    buffer_done(&row);
    return commit_sql(database, caller, error);
}

// The column `value` of the variable's st_var row, if it was set.
static void run_show(Database *database, const SqlStatement *statement, Buffer *json) {
    const ColumnSchema *column =
        &table_schema(store_find_table(database->store, ST_VAR))->columns[1];
    TypeField field = {column->name, column->type};
    const Type *row_type = type_product(&database->call_arena, &field, 1);
    write_schema(json, row_type);
    begin_rows(json);
    Row row;
    if (!find_variable(database, statement->variable, &row)) return;
    uint32_t at = 4 + statement->variable.count;
    (void)json_write_value(json, TYPESPACE_NONE, row_type, row.bytes.data + at, JSON_UNTYPED);
}

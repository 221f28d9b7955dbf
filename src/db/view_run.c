// view_run.c - calling a view's function and putting its rows into the backing table.
//
// Rows that were there before and are produced again are left alone: only what changed is written, so that a run costs
// the transaction and its subscribers as little as its difference. That takes three passes over the new rows: find the
// equal ones, delete the old ones that were not found, insert the others.

#include "db/view_run.h"

#include "base/log.h"

#include <stdlib.h>

#define FATAL_TEXT "The instance encountered a fatal error."
enum { HEADER_ROWS, HEADER_SQL };
enum { CODE_ROWS = 0, CODE_HEADER = 2 };  // what the function returned (module-abi.md 2.2)

VEC(RowBytesVec, row_bytes_vec, Bytes)
VEC(ViewRowIdVec, view_row_id_vec, RowId)

// A run at work.
typedef struct ViewWork {
    Database *database;
    const ViewInstance *view;
    const ViewDef *def;
    Table *table;
    const Type *row_type;  // declared columns
    ReadNotes *notes;
    RowBytesVec rows;     // without the key
    const char *failure;  // what upstream says was being done
    Error cause;
} ViewWork;

static CallOutcome call_view(const ViewRunner *runner, const ViewWork *work);
static void note_read(void *user, Table *table, const Index *index, Bytes key);
static CallOutcome told(Database *database, CallStatus status, Bytes text);
static CallOutcome view_failed(const ViewWork *work);
static bool collect_rows(ViewWork *work, const CallOutcome *outcome);
static bool collect_array(ViewWork *work, Reader *reader);
static bool collect_sql(ViewWork *work, Bytes text);
static bool check_query(ViewWork *work, const Query *query);
static bool collect_row(void *user, Bytes row);
static bool replace_rows(ViewWork *work);
static Index *key_index(Table *table);
static void take_ids(const ViewInstance *view, Table *table, ViewRowIdVec *ids);
static int compare_ids(const void *a, const void *b);

CallOutcome view_run(Database *database, const ViewRunner *runner, const ViewInstance *view,
                     ReadNotes *notes) {
    ViewWork work = {.database = database,
                     .view = view,
                     .table = store_find_table(database->store, view->table),
                     .notes = notes};
    if (work.table) work.def = module_def_find_view(runner->def, table_schema(work.table)->name);
    if (work.def == NULL || work.def->is_anonymous == view->is_per_sender) {
        return told(database, CALL_FAILED,
                    BYTES_LITERAL("failed to resolve view: view not found in current module"));
    }
    if (runner->instance == NULL)
        return told(database, CALL_FAILED, BYTES_LITERAL("no such module"));
    const Type *stored = table_schema(work.table)->row_type;
    work.row_type = type_product(&database->call_arena, stored->fields + 1,
                                 stored->field_count - 1);
    CallOutcome outcome = call_view(runner, &work);
    if (outcome.status != CALL_OK) return outcome;
    bool is_done = collect_rows(&work, &outcome) && replace_rows(&work);
    row_bytes_vec_done(&work.rows);
    return is_done ? outcome : view_failed(&work);
}

static CallOutcome call_view(const ViewRunner *runner, const ViewWork *work) {
    Database *database = work->database;
    const ViewInstance *view = work->view;
    ReadTracker reads = {.user = work->notes, .read = note_read};
    FunctionCall call = {.id = work->def->index,
                         .name = work->def->name,
                         .sender = view->sender,
                         .timestamp = database_now(database),
                         .args = view->arguments,
                         .reads = &reads};
    HostEnv *env = runner->env;
    Tx *before = env->tx;
    env->tx = store_tx(database->store);
    ASSERT(before == NULL || before == env->tx);  // a procedure's is set already
    database->views.run_count++;
    CallOutcome outcome = instance_call_view(
        runner->instance, view->is_per_sender ? VIEW_SENDER : VIEW_ANONYMOUS, &call);
    env->tx = before;
    if (outcome.status == CALL_OK) return outcome;
    log_line(LOG_INFO, "db", "view %.*s: %.*s", BYTES_FORMAT(call.name),
             BYTES_FORMAT(outcome.text));
    CallStatus status = outcome.status == CALL_USER_ERROR ? CALL_FAILED : outcome.status;
    return told(database, status, BYTES_LITERAL(FATAL_TEXT));
}

static void note_read(void *user, Table *table, const Index *index, Bytes key) {
    ReadNotes *notes = user;
    if (index == NULL) {
        read_notes_table(notes, table_id(table));
    } else {
        read_notes_point(notes, table_id(table), index_schema(index)->columns, key);
    }
}

static CallOutcome told(Database *database, CallStatus status, Bytes text) {
    return (CallOutcome){.status = status, .text = arena_copy(&database->call_arena, text)};
}

// The cause is for the server's log only.
static CallOutcome view_failed(const ViewWork *work) {
    Database *database = work->database;
    Bytes name = work->def->name;
    log_line(LOG_ERROR, "db", "Error materializing view `%.*s`: %s: %s", BYTES_FORMAT(name),
             work->failure, work->cause.text);
    Bytes text = arena_format(&database->call_arena, "Error materializing view `%.*s`: %s",
                              BYTES_FORMAT(name), work->failure);
    return (CallOutcome){.status = CALL_FAILED, .text = text};
}

// ---- the result ----

static bool collect_rows(ViewWork *work, const CallOutcome *outcome) {
    Reader reader = reader_of(outcome->output);
    uint8_t header = outcome->code == CODE_HEADER ? reader_u8(&reader) : HEADER_ROWS;
    work->failure = "Error parsing view result";
    if (reader.failed || header > HEADER_SQL) {
        (void)error_set(&work->cause, STATUS_INVALID, "failed to deserialize ViewResultHeader");
        return false;
    }
    if (header == HEADER_ROWS) return collect_array(work, &reader);
    Bytes text = reader_string(&reader);
    if (reader.failed) {
        (void)error_set(&work->cause, STATUS_INVALID, "failed to deserialize ViewResultHeader");
        return false;
    }
    return collect_sql(work, text);
}

// What follows the rows is ignored, as upstream does.
static bool collect_array(ViewWork *work, Reader *reader) {
    work->failure = "Error deserializing rows returned by view";
    bool is_empty = work->row_type->fixed_bytes == 0;
    uint32_t count = is_empty ? reader_count_limited(reader, SATS_EMPTY_ELEMENTS_MAX)
                              : reader_count(reader, 1);
    if (reader->failed) (void)error_set(&work->cause, STATUS_INVALID, "the rows are not an array");
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        const uint8_t *start = reader->at;
        if (bsatn_check(TYPESPACE_NONE, work->row_type, reader, &work->cause) != STATUS_OK)
            return false;
        row_bytes_vec_push(&work->rows, bytes_of(start, (size_t)(reader->at - start)));
    }
    return !reader->failed;
}

// With the database's own authority: private tables are readable, no row-level rule applies.
static bool collect_sql(ViewWork *work, Bytes text) {
    work->failure = "Error executing raw SQL returned by view";
    Database *database = work->database;
    bool is_blank = true;
    for (uint32_t i = 0; i < text.count && is_blank; i++) is_blank = text.data[i] <= ' ';
    if (is_blank) return true;
    SqlContext context = {
        .store = database->store, .sender = database->options.identity, .is_owner = true};
    const Query *query = NULL;
    Status status = sql_compile_query(&context, text, SQL_SUBSCRIBE, &database->call_arena, &query,
                                      &work->cause);
    if (status != STATUS_OK || !check_query(work, query)) return false;
    QueryOutcome outcome = query_run(query, database->store, collect_row, work);
    return query_check_outcome(&outcome, &work->cause) == STATUS_OK;
}

static bool check_query(ViewWork *work, const Query *query) {
    uint32_t view_count = 0;
    (void)query_views(query, &view_count);
    const char *refusal = NULL;
    if (query_depends_on_sender(query))
        refusal = "parameterized SQL is not supported for view materialization yet";
    if (query_shape(query) != QUERY_ROWS) refusal = "query does not return plain table rows";
    if (view_count > 0) refusal = "view definition cannot read from other views";
    for (uint32_t f = 0; f < query_fragment_count(query); f++) {
        const Fragment *fragment = query_fragment(query, f);
        for (uint32_t t = 0; t < fragment_table_count(fragment); t++) {
            TableId id = fragment_table(fragment, t);
            if (id == ST_ENV) refusal = "module SQL views cannot read a module-restricted table";
            read_notes_table(work->notes, id);
        }
    }
    if (refusal) {
        (void)error_set(&work->cause, STATUS_INVALID, "%s", refusal);
        return false;
    }
    const Type *type = query_row_type(query);
    if (type_equal(type, work->row_type)) return true;
    Buffer text;
    buffer_init(&text, 2 * ERROR_TEXT_MAX);
    buffer_append_text(&text, "query returns `");
    type_write_text(&text, type);
    buffer_append_text(&text, "` but view expects `");
    type_write_text(&text, work->row_type);
    buffer_append_text(&text, "`");
    (void)error_set(&work->cause, STATUS_INVALID, "%.*s", BYTES_FORMAT(buffer_bytes(&text)));
    buffer_done(&text);
    return false;
}

static bool collect_row(void *user, Bytes row) {
    ViewWork *work = user;
    row_bytes_vec_push(&work->rows, row);
    return true;
}

// ---- the rows ----

static bool replace_rows(ViewWork *work) {
    work->failure = "Error materializing view";
    Tx *tx = store_tx(work->database->store);
    ViewRowIdVec old = {0};
    take_ids(work->view, work->table, &old);
    uint8_t *is_kept = mem_alloc_zero(old.count);
    uint32_t added = 0;
    Arena *arena = tx_arena(tx);
    for (uint32_t i = 0; i < work->rows.count; i++) {
        Bytes row = work->rows.items[i];
        uint8_t *whole = arena_alloc(arena, VIEW_HASH_BYTES + row.count);
        memcpy(whole, work->view->key, VIEW_HASH_BYTES);
        if (row.count > 0) memcpy(whole + VIEW_HASH_BYTES, row.data, row.count);
        Bytes stored = bytes_of(whole, VIEW_HASH_BYTES + row.count);
        RowId id;
        const RowId *found = NULL;
        if (old.count > 0 && table_find_row(work->table, stored, &id)) {
            found = bsearch(&id, old.items, old.count, sizeof id, compare_ids);
            ASSERT(found != NULL);
            is_kept[found - old.items] = 1;
        } else {
            work->rows.items[added++] = stored;  // behind what was read
        }
    }
    for (uint32_t i = 0; i < old.count; i++) {
        if (!is_kept[i]) tx_delete(tx, work->table, old.items[i]);
    }
    mem_free(is_kept);
    view_row_id_vec_done(&old);
    for (uint32_t i = 0; i < added; i++) {
        InsertResult result;
        InsertOutcome outcome = tx_insert(tx, work->table, work->rows.items[i], &result);
        if (outcome == INSERT_ADDED || outcome == INSERT_EXISTED) continue;
        (void)error_set(&work->cause, STATUS_CONFLICT, "two rows have the same primary key");
        return false;
    }
    return true;
}

void view_clear(Database *database, const ViewInstance *view) {
    Table *table = store_find_table(database->store, view->table);
    if (table == NULL) return;
    ViewRowIdVec ids = {0};
    take_ids(view, table, &ids);
    for (uint32_t i = 0; i < ids.count; i++)
        tx_delete(store_tx(database->store), table, ids.items[i]);
    view_row_id_vec_done(&ids);
}

static Index *key_index(Table *table) {
    static const uint16_t KEY_COLUMN = 0;
    Index *index = table_find_index(table, (ColumnList){&KEY_COLUMN, 1});
    ASSERT(index != NULL);  // made with the table (sql.md 11.1)
    return index;
}

// Of the instance's rows, in ascending order.
static void take_ids(const ViewInstance *view, Table *table, ViewRowIdVec *ids) {
    IndexScan scan;
    index_scan_point(key_index(table), bytes_of(view->key, VIEW_HASH_BYTES), &scan);
    Row row;
    while (index_scan_next(&scan, &row)) view_row_id_vec_push(ids, row.id);
    if (ids->count > 1) qsort(ids->items, ids->count, sizeof(RowId), compare_ids);
}

static int compare_ids(const void *a, const void *b) {
    RowId left = *(const RowId *)a;
    RowId right = *(const RowId *)b;
    return left < right ? -1 : left > right;
}

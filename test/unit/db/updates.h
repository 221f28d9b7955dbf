// updates.h - every kind of change that an update can bring, for tests of updates: what is published first, what then, what
// becomes of it (http-api.md 8).
#pragma once

#include "guest.h"

typedef enum UpdateEnd {
    END_DONE,     // clients stay
    END_BREAKS,   // clients go; refused without a token
    END_REFUSED,  // by the plan
    END_FAILED,   // by what is stored
} UpdateEnd;

typedef struct UpdateCase {
    const char *name;
    const Tray *from;  // NULL: no such table
    const Tray *to;
    const char *from_rls;
    const char *to_rls;
    GuestView from_view;
    GuestView to_view;
    UpdateEnd end;
    bool is_empty;      // no rows before
    bool has_doubles;   // two rows have the same n
    const char *words;  // in the log of the module, or in the error
} UpdateCase;

#define TRAY(...) (&(const Tray){__VA_ARGS__})
#define PLAIN (&(const Tray){0})
#define SEEN(...) {.name = "seen", .sql = "SELECT * FROM item", __VA_ARGS__}

static const UpdateCase UPDATE_CASES[] = {
    {"nothing", PLAIN, PLAIN, .end = END_DONE, .words = "Database updated"},
    {"table added", NULL, PLAIN, .end = END_DONE, .words = "Creating table `tray`"},
    {"table removed", PLAIN, NULL, .end = END_BREAKS, .is_empty = true,
     .words = "Dropping table `tray`"},
    {"table with rows removed", PLAIN, NULL, .end = END_FAILED,
     .words = "Cannot remove table `tray`: table contains data. Clear the table's rows (e.g. via a "
              "reducer) before removing it from your schema."},
    {"private", PLAIN, TRAY(.is_private = true), .end = END_DONE, .words = "Database updated"},
    {"public", TRAY(.is_private = true), PLAIN, .end = END_DONE, .words = "Database updated"},
    {"primary key removed", PLAIN, TRAY(.has_no_key = true), .end = END_DONE,
     .words = "Changing primary key for table `tray`"},
    {"primary key added", TRAY(.has_no_key = true), PLAIN, .end = END_DONE,
     .words = "Changing primary key for table `tray`"},
    {"event flag changed", PLAIN, TRAY(.is_event = true), .end = END_REFUSED,
     .words = "Changing the event flag of table tray requires a manual migration"},
    {"event table changed", TRAY(.is_event = true), TRAY(.is_event = true, .lacks_text = true),
     .end = END_BREAKS, .is_empty = true, .words = "Changing schema of event table `tray`"},
    {"column added with default", PLAIN, TRAY(.has_added = true), .end = END_BREAKS,
     .words = "Disconnecting all users"},
    {"column added with default, sequence kept", TRAY(.has_sequence = true),
     TRAY(.has_sequence = true, .has_added = true), .end = END_BREAKS,
     .words = "Disconnecting all users"},
    {"column added without default", PLAIN, TRAY(.has_added_bare = true), .end = END_REFUSED,
     .words = "Adding a column added to table tray requires a default value annotation"},
    {"column removed", PLAIN, TRAY(.lacks_text = true), .end = END_REFUSED,
     .words = "Removing a column s from table tray requires a manual migration"},
    {"columns reordered", PLAIN, TRAY(.is_reordered = true), .end = END_REFUSED,
     .words = "Reordering table tray requires a manual migration"},
    {"column type changed", PLAIN, TRAY(.n_is_wide = true), .end = END_REFUSED,
     .words = "Changing the type of column n in table tray from U32 to U64 requires a manual "
              "migration"},
    {"variant added", PLAIN, TRAY(.has_third_kind = true), .end = END_DONE,
     .words = "Changing columns of table `tray`"},
    {"variant removed", PLAIN, TRAY(.has_one_kind = true), .end = END_REFUSED,
     .words = "with fewer variants, requires a manual migration"},
    {"variant renamed", PLAIN, TRAY(.has_renamed_kind = true), .end = END_REFUSED,
     .words = "with a renamed variant, requires a manual migration"},
    {"variant larger than all added", PLAIN, TRAY(.has_large_kind = true), .end = END_REFUSED,
     .words = "due to size mismatch"},
    {"index added", PLAIN, TRAY(.has_index = true), .end = END_DONE, .words = "Creating index `"},
    {"index removed", TRAY(.has_index = true), PLAIN, .end = END_DONE, .words = "Dropping index `"},
    {"unique constraint added", TRAY(.has_index = true), TRAY(.has_unique = true), .end = END_DONE,
     .words = "Adding constraint `"},
    {"unique constraint added to doubles", TRAY(.has_index = true), TRAY(.has_unique = true),
     .end = END_FAILED, .has_doubles = true,
     .words = "column(s) [ColId(1)] (committed state):\n1 duplicate group(s) found.\n  - U32(10) "
              "appears 2 times"},
    {"unique constraint removed", TRAY(.has_unique = true), TRAY(.has_index = true),
     .end = END_DONE, .words = "Dropping constraint `"},
    {"sequence added", PLAIN, TRAY(.has_sequence = true), .end = END_DONE, .is_empty = true,
     .words = "Adding sequence `"},
    {"sequence added where values are", PLAIN, TRAY(.has_sequence = true), .end = END_FAILED,
     .words = "already has values in range"},
    {"sequence removed", TRAY(.has_sequence = true), PLAIN, .end = END_DONE,
     .words = "Dropping sequence `"},
    // Upstream plans these two and fails when it carries them out; here they work.
    {"schedule added", TRAY(.has_at = true), TRAY(.has_at = true, .has_schedule = true),
     .end = END_DONE, .is_empty = true, .words = "Database updated"},
    {"schedule removed", TRAY(.has_at = true, .has_schedule = true), TRAY(.has_at = true),
     .end = END_DONE, .is_empty = true, .words = "Database updated"},
    {"view added", NULL, NULL, .to_view = SEEN(), .end = END_DONE, .words = "Database updated"},
    {"view removed", NULL, NULL, .from_view = SEEN(), .end = END_BREAKS,
     .words = "Disconnecting all users"},
    {"view kept", NULL, NULL, .from_view = SEEN(), .to_view = SEEN(), .end = END_DONE,
     .words = "Database updated"},
    {"view per sender instead of anonymous", NULL, NULL, .from_view = SEEN(),
     .to_view = SEEN(.is_per_sender = true), .end = END_BREAKS, .words = "Disconnecting all users"},
    {"rule added", NULL, NULL, .to_rls = "SELECT * FROM item WHERE grp = 1", .end = END_BREAKS,
     .words = "Adding row-level security `"},
    {"rule removed", NULL, NULL, .from_rls = "SELECT * FROM item WHERE grp = 1", .end = END_BREAKS,
     .words = "Removing row-level security `"},
    {"rule kept", NULL, NULL, .from_rls = "SELECT * FROM item WHERE grp = 1",
     .to_rls = "SELECT * FROM item WHERE grp = 1", .end = END_DONE,
     .words = "Adding row-level security `"},
    {"rule that is no query", NULL, NULL, .to_rls = "SELECT * FROM nothing", .end = END_FAILED,
     .words = "nothing"},
    {"everything at once", TRAY(.has_index = true),
     TRAY(.is_private = true, .has_unique = true, .has_added = true), .to_view = SEEN(),
     .to_rls = "SELECT * FROM item WHERE grp = 1", .end = END_BREAKS,
     .words = "Disconnecting all users"},
};
#define UPDATE_CASE_COUNT (sizeof UPDATE_CASES / sizeof *UPDATE_CASES)

static inline Bytes case_program(const UpdateCase *at, bool is_new) {
    GuestSpec spec = {.tray = is_new ? at->to : at->from,
                      .rls = is_new ? at->to_rls : at->from_rls,
                      .salt = is_new ? 2 : 1};
    spec.views[0] = is_new ? at->to_view : at->from_view;
    spec.view_count = spec.views[0].name != NULL;
    return guest_module_build(&spec, &harness.arena);
}

static inline bool case_has_rows(const UpdateCase *at) {
    return at->from && !at->is_empty;
}

// ---- rows ----

static inline void tray_id_step(Database *database, void *user) {
    *(TableId *)user = table_id(store_find_table_by_name(database->store, BYTES_LITERAL("tray")));
}

static inline void insert_tray(Database *database, TableId table, uint64_t id, uint32_t n) {
    Buffer row;
    buffer_init(&row, 256);
    buffer_u64(&row, id);
    buffer_u32(&row, n);
    buffer_string(&row, BYTES_LITERAL("text"));
    buffer_u8(&row, (uint8_t)(id % 2));
    RemoteScript script = script_make();
    script_write(&script, WRITE_AT, buffer_bytes(&row));
    script_write_u32(&script, LENGTH_CELL, (uint32_t)row.count);
    SCRIPT_CALL(&script, "datastore_insert_bsatn", table, WRITE_AT, LENGTH_CELL);
    assert_int_equal(run_script(database, "run", &script, 0).outcome, FUNCTION_COMMITTED);
    buffer_done(&row);
}

// Two rows of tray, if the case has rows, and one item.
static inline void case_fill(Database *database, const UpdateCase *at) {
    insert_item(database, 1, 1, 100);
    if (!case_has_rows(at)) return;
    TableId table = 0;
    on_executor(database, tray_id_step, &table);
    insert_tray(database, table, 1, 10);
    insert_tray(database, table, 2, at->has_doubles ? 10 : 20);
}

// The rows are those that case_fill made, in the shape of the old or the new program.
static inline void case_check_rows(Database *database, const UpdateCase *at, bool is_new) {
    const Tray *tray = is_new ? at->to : at->from;
    expect_rows(database, "SELECT id, value FROM item", "\"rows\":[[1,100]]");
    if (tray == NULL || tray->is_event) return;
    if (!case_has_rows(at)) {
        expect_rows(database, "SELECT COUNT(*) AS n FROM tray", "\"rows\":[[0]]");
        return;
    }
    expect_rows(database, "SELECT id, n, s FROM tray ORDER BY id",
                at->has_doubles ? "\"rows\":[[1,10,\"text\"],[2,10,\"text\"]]"
                                : "\"rows\":[[1,10,\"text\"],[2,20,\"text\"]]");
    if (tray->has_added) expect_rows(database, "SELECT added FROM tray", "\"rows\":[[7],[7]]");
    if (tray->has_index || tray->has_unique)
        expect_rows(database, "SELECT id FROM tray WHERE n = 10 AND id = 1", "\"rows\":[[1]]");
}

// ---- agreement ----

// What is stored is what the running program declares: no table too many, none too few, each with the same parts.
static inline void agree_step(Database *database, void *user) {
    (void)user;
    const ModuleDef *def = database->def;
    ProgramInfo info;
    assert_true(store_program(database->store, &info));
    Hash stored = hash_keccak256(info.program);
    Hash running = database_program_hash(database);
    assert_true(hash_equal(&stored, &info.hash));
    assert_true(hash_equal(&running, &info.hash));
    uint32_t user_tables = 0;
    TableId id = 0;
    for (Table *table = store_next_table(database->store, &id); table;
         table = store_next_table(database->store, &id))
        user_tables += id >= GUEST_ITEM_TABLE;
    assert_int_equal(user_tables, def->table_count + def->view_count);
    for (uint32_t i = 0; i < def->table_count; i++) {
        const TableSchema *wanted = &def->tables[i];
        Table *table = store_find_table_by_name(database->store, wanted->name);
        assert_non_null(table);
        const TableSchema *schema = table_schema(table);
        assert_int_equal(schema->column_count, wanted->column_count);
        assert_int_equal(schema->access, wanted->access);
        assert_int_equal(schema->primary_key, wanted->primary_key);
        assert_int_equal(schema->index_count, wanted->index_count);
        assert_int_equal(schema->constraint_count, wanted->constraint_count);
        assert_int_equal(schema->sequence_count, wanted->sequence_count);
        assert_int_equal(schema->has_schedule, wanted->has_schedule);
    }
    for (uint32_t i = 0; i < def->view_count; i++)
        assert_non_null(store_find_table_by_name(database->store, def->views[i].name));
    Table *rules = store_find_table(database->store, ST_ROW_LEVEL_SECURITY);
    assert_int_equal(table_row_count(rules), def->row_level_security_count);
}

// ---- updating ----

typedef struct Updating {
    Bytes program;
    bool breaks_clients;
    PublishOutcome outcome;
    DurableWait *wait;
    char text[1024];
} Updating;

static inline void updating_step(Database *database, void *user) {
    Updating *updating = user;
    UpdateRequest request = {.kind = PROGRAM_WASM, .program = updating->program};
    if (updating->breaks_clients) {
        Hash from = database_program_hash(database);
        Hash to = hash_keccak256(updating->program);
        request.policy = UPDATE_BREAK_CLIENTS;
        request.token = migration_token(&database_options(database)->identity, &from, &to);
    }
    uint64_t ticket = TICKET_NONE;
    Error error = {0};
    updating->outcome = database_update(database, &request, &ticket, &error);
    (void)snprintf(updating->text, sizeof updating->text, "%s", error.text);
    updating->wait = NULL;
    if (updating->outcome == PUBLISH_DONE) updating->wait = durable_begin(database, ticket);
}

static inline bool is_done(UpdateEnd end) {
    return end == END_DONE || end == END_BREAKS;
}

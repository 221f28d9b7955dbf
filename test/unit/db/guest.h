// guest.h - harness.h and guest_module.h together: databases of the scripted module, and scripts for it.
#pragma once

#include "harness.h"

#include "guest_module.h"

#include "db/database.h"

// Where scripts put things in guest memory.
enum {
    KEY_AT = FREE_AT + 0x1000,
    OUT_AT = FREE_AT + 0x2000,
    ROW_BUFFER_AT = FREE_AT + 0x3000,
    WRITE_AT = FREE_AT + 0x10000,
    LENGTH_CELL = FREE_AT + 0x8000,
};

typedef struct GuestIds {
    TableId item;
    TableId timer;
    IndexId item_id;
    IndexId item_grp;
} GuestIds;

static GuestIds ids;

static inline void ids_step(Database *database, void *user) {
    (void)user;
    Store *store = database->store;
    Table *item = store_find_table_by_name(store, BYTES_LITERAL("item"));
    Table *timer = store_find_table_by_name(store, BYTES_LITERAL("timer"));
    assert_non_null(item);
    assert_non_null(timer);
    ids.item = table_id(item);
    assert_int_equal(ids.item, GUEST_ITEM_TABLE);
    ids.timer = table_id(timer);
    uint16_t columns[] = {0, 1};
    ids.item_id = index_schema(table_find_index(item, (ColumnList){columns, 1}))->id;
    ids.item_grp = index_schema(table_find_index(item, (ColumnList){columns + 1, 1}))->id;
}

static inline int guest_setup(void **state) {
    if (harness_setup(state) != 0) return -1;
    GuestSpec spec = {0};
    Database *probe = create_from(guest_module_build(&spec, &harness.arena), NULL);
    on_executor(probe, ids_step, NULL);
    close_database(probe);
    return 0;
}

static inline Database *guest_create(const GuestSpec *spec, const char *directory) {
    return create_from(guest_module_build(spec, &harness.arena), directory);
}

// ---- scripts ----

static inline RemoteScript script_make(void) {
    RemoteScript script;
    script_init(&script);
    return script;
}

static inline void script_write_u64(RemoteScript *script, uint32_t to, uint64_t value) {
    script_write(script, to, bytes_of(&value, sizeof value));
}

static inline void script_write_u32(RemoteScript *script, uint32_t to, uint32_t value) {
    script_write(script, to, bytes_of(&value, sizeof value));
}

static inline void script_insert_item(RemoteScript *script, uint64_t id, uint64_t grp,
                                      uint64_t value) {
    uint64_t row[] = {id, grp, value};
    script_write(script, WRITE_AT, bytes_of(row, sizeof row));
    script_write_u32(script, LENGTH_CELL, sizeof row);
    SCRIPT_CALL(script, "datastore_insert_bsatn", ids.item, WRITE_AT, LENGTH_CELL);
}

static inline void script_update_item(RemoteScript *script, uint64_t id, uint64_t grp,
                                      uint64_t value) {
    uint64_t row[] = {id, grp, value};
    script_write(script, WRITE_AT, bytes_of(row, sizeof row));
    script_write_u32(script, LENGTH_CELL, sizeof row);
    SCRIPT_CALL(script, "datastore_update_bsatn", ids.item, ids.item_id, WRITE_AT, LENGTH_CELL);
}

static inline void script_delete_item(RemoteScript *script, uint64_t id) {
    script_write_u64(script, KEY_AT, id);
    SCRIPT_CALL(script, "datastore_delete_by_index_scan_point_bsatn", ids.item_id, KEY_AT, 8,
                OUT_AT);
}

// Results: 0, 8 bytes of the number of rows, the number again's result.
static inline void script_count_items(RemoteScript *script) {
    SCRIPT_CALL(script, "datastore_table_row_count", ids.item, OUT_AT);
    SCRIPT_OP(script, REMOTE_READ, OUT_AT, 8);
}
#define COUNT_ITEMS_WORDS 3u

// Three words of the item with that id, or zeros; and the results of six records.
static inline void script_find_item(RemoteScript *script, uint64_t id) {
    static const uint8_t ZEROS[24];
    script_write_u32(script, LENGTH_START_AT, 4096);
    script_write_u64(script, KEY_AT, id);
    script_write(script, ROW_BUFFER_AT, bytes_of(ZEROS, sizeof ZEROS));
    SCRIPT_OP(script, REMOTE_FIND, ids.item_id, KEY_AT, 8, OUT_AT, ROW_BUFFER_AT);
    SCRIPT_OP(script, REMOTE_READ, ROW_BUFFER_AT, 24);
}
#define FIND_ITEM_WORDS 8u

static inline void script_log(RemoteScript *script, const char *text) {
    script_write(script, WRITE_AT, bytes_of_text(text));
    SCRIPT_CALL(script, "console_log", 2, 0, 0, 0, 0, UINT32_MAX, WRITE_AT, strlen(text));
}

// The JSON arguments of a function that takes a script; the script is given up. `words`: of the results.
static inline Bytes script_json(RemoteScript *script, uint32_t words) {
    Buffer bytes;
    Buffer json;
    buffer_init(&bytes, SCRIPT_BYTES_MAX);
    buffer_init(&json, 3 * SCRIPT_BYTES_MAX);
    script_finish_at(script, &bytes, SCRIPT_AT, words);
    buffer_append_text(&json, "[\"");
    buffer_append_hex(&json, buffer_bytes(&bytes));
    buffer_append_text(&json, "\"]");
    Bytes result = arena_copy(&harness.arena, buffer_bytes(&json));
    buffer_done(&bytes);
    buffer_done(&json);
    script_done(script);
    return result;
}

// Runs a script as a reducer, or procedure.
static inline Call run_script(Database *database, const char *function, RemoteScript *script,
                              uint32_t words) {
    Call result;
    call_start(database, &result, function, script_json(script, words));
    call_wait(&result);
    return result;
}

static inline void insert_item(Database *database, uint64_t id, uint64_t grp, uint64_t value) {
    RemoteScript script = script_make();
    script_insert_item(&script, id, grp, value);
    assert_int_equal(run_script(database, "run", &script, 0).outcome, FUNCTION_COMMITTED);
}

static inline void update_item(Database *database, uint64_t id, uint64_t grp, uint64_t value) {
    RemoteScript script = script_make();
    script_update_item(&script, id, grp, value);
    assert_int_equal(run_script(database, "run", &script, 0).outcome, FUNCTION_COMMITTED);
}

static inline void delete_item(Database *database, uint64_t id) {
    RemoteScript script = script_make();
    script_delete_item(&script, id);
    assert_int_equal(run_script(database, "run", &script, 0).outcome, FUNCTION_COMMITTED);
}

// ---- looking inside ----

typedef struct Inside {
    uint64_t view_runs;
    uint32_t views;
    uint32_t idle_views;
    uint32_t running;
    uint32_t waiting;
} Inside;

static inline void inside_step(Database *database, void *user) {
    *(Inside *)user = (Inside){.view_runs = database->views.run_count,
                               .views = database->views.by_key.count,
                               .idle_views = database->views.idle_count,
                               .running = database->procedures.running_count,
                               .waiting = database->procedures.waiting_count};
}

static inline Inside inside(Database *database) {
    Inside result;
    on_executor(database, inside_step, &result);
    return result;
}

typedef struct LogText {
    char text[65536];
} LogText;

static inline void log_step_run(Database *database, void *user) {
    LogText *log = user;
    Buffer text;
    buffer_init(&text, MODULE_LOG_MEMORY_BYTES * 2);
    Error error;
    assert_int_equal(database_log_tail(database, 40, &text, &(LogPosition){0}, &error), STATUS_OK);
    (void)snprintf(log->text, sizeof log->text, "%.*s", BYTES_FORMAT(buffer_bytes(&text)));
    buffer_done(&text);
}

static inline bool log_has(Database *database, const char *words) {
    LogText log;
    on_executor(database, log_step_run, &log);
    return strstr(log.text, words) != NULL;
}

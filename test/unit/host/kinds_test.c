// kinds_test.c - a real Rust module (the golden one, with one of every kind), from its bytes to rows in a store.
//
// The module lies in $STDB_GOLDEN, or in ../shared/golden; without it the tests are skipped.
#include "fixture.h"

#include "base/log.h"

typedef struct Kinds {
    Fixture *base;  // for its logs and clock; its instance is the module's
    ModuleDef *def;
    Buffer args;
} Kinds;

static Bytes kinds_bytes(Arena *arena) {
    const char *folder = getenv("STDB_GOLDEN");
    char path[OS_PATH_BYTES_MAX];
    snprintf(path, sizeof path, "%s/modules/kinds/kinds.wasm",
             folder ? folder : "../shared/golden");
    Bytes bytes = BYTES_NONE;
    Error error;
    if (os_path_exists(os_real(), path) &&
        os_file_read_all(os_real(), path, MODULE_PROGRAM_BYTES_MAX, arena, &bytes, &error) !=
            STATUS_OK) {
        fail_msg("%s", error.text);
    }
    return bytes;
}

static int setup(void **state) {
    Kinds *kinds = mem_alloc_zero(sizeof *kinds);
    Fixture *base = mem_alloc_zero(sizeof *base);
    kinds->base = base;
    *state = kinds;
    buffer_init(&kinds->args, 1 << 20);
    base->os = *os_real();
    base->os.user = base;
    base->os.time_micros = fixture_time;
    base->logs = mem_alloc_zero(sizeof *base->logs * LOGS_MAX);
    Arena arena;
    arena_init(&arena, MODULE_PROGRAM_BYTES_MAX);
    Bytes bytes = kinds_bytes(&arena);
    if (bytes.data) {
        Error error;
        Hash hash = hash_keccak256(bytes);
        ASSERT(host_engine_create(os_real(), NULL, &base->engine, &error) == STATUS_OK);
        Status status = program_create(base->engine, PROGRAM_WASM, bytes, &hash, &base->program,
                                       &error);
        if (status != STATUS_OK) fixture_fail("%s", error.text);
        base->store = store_create();
        base->env = (HostEnv){
            .os = &base->os, .store = base->store, .user = base, .log = fixture_log};
        for (uint32_t i = 0; i < 32; i++) base->env.database.bytes[i] = (uint8_t)i;
        fixture_instance(base);
        Bytes description = instance_description(base->instance);
        if (module_def_read(description, &kinds->def, &error) != STATUS_OK) {
            fixture_fail("%s", error.text);
        }
        base->env.def = kinds->def;
        base->env.tx = tx_begin(base->store);
        for (uint32_t i = 0; i < kinds->def->table_count; i++) {
            Table *table;
            status = tx_create_table(base->env.tx, &kinds->def->tables[i], &table, &error);
            if (status != STATUS_OK) fixture_fail("%s", error.text);
        }
        tx_commit(base->env.tx);
        tx_release(base->env.tx);
        base->env.tx = NULL;
    }
    arena_done(&arena);
    return 0;
}

static int teardown(void **state) {
    Kinds *kinds = *state;
    Fixture *base = kinds->base;
    instance_free(base->instance);
    module_def_free(kinds->def);
    program_unref(base->program);
    host_engine_free(base->engine);
    if (base->store) store_free(base->store);
    buffer_done(&kinds->args);
    mem_free(base->logs);
    mem_free(base);
    mem_free(kinds);
    return 0;
}

static FunctionCall call_of(Kinds *kinds, Bytes name, uint32_t id, uint8_t sender) {
    FunctionCall call = {.id = id, .name = name, .timestamp = NOW_MICROS};
    call.args = buffer_bytes(&kinds->args);
    memset(call.sender.bytes, sender, 32);
    return call;
}

// Calls a reducer with the arguments in `args` in a transaction of its own, committed if it succeeds.
static CallOutcome reducer(Kinds *kinds, const char *name, uint8_t sender) {
    Fixture *base = kinds->base;
    const FunctionDef *def = module_def_find_reducer(kinds->def, bytes_of_text(name));
    assert_non_null(def);
    FunctionCall call = call_of(kinds, def->name, def->id, sender);
    guest_signals();
    base->env.tx = tx_begin(base->store);
    CallOutcome outcome = instance_call_reducer(base->instance, &call);
    if (outcome.status == CALL_OK) {
        tx_commit(base->env.tx);
        tx_release(base->env.tx);
    } else {
        tx_rollback(base->env.tx);
    }
    base->env.tx = NULL;
    buffer_clear(&kinds->args);
    return outcome;
}

static void succeeds(Kinds *kinds, const char *name, uint8_t sender) {
    CallOutcome outcome = reducer(kinds, name, sender);
    if (outcome.status != CALL_OK) fail_msg("%s: %.*s", name, BYTES_FORMAT(outcome.text));
}

static Table *table_of(Kinds *kinds, const char *name) {
    Table *table = store_find_table_by_name(kinds->base->store, bytes_of_text(name));
    assert_non_null(table);
    return table;
}

static uint64_t rows_of(Kinds *kinds, const char *name) {
    return table_row_count(table_of(kinds, name));
}

static bool is_missing(Kinds *kinds) {
    if (kinds->base->instance) return false;
    print_message("the golden module is not there\n");
    return true;
}

static const LoggedRecord *last_log(Kinds *kinds) {
    assert_true(kinds->base->log_count > 0);
    return &kinds->base->logs[kinds->base->log_count - 1];
}

static void describe(void **state) {
    Kinds *kinds = *state;
    if (is_missing(kinds)) skip();
    assert_int_equal(kinds->def->version, 10);
    assert_true(kinds->def->table_count >= 8);
    // Each instance describes itself anew, alike.
    Arena arena;
    arena_init(&arena, 1 << 20);
    Bytes before = arena_copy(&arena, instance_description(kinds->base->instance));
    fixture_instance(kinds->base);
    assert_true(bytes_equal(before, instance_description(kinds->base->instance)));
    arena_done(&arena);
}

static void reducers(void **state) {
    Kinds *kinds = *state;
    if (is_missing(kinds)) skip();
    succeeds(kinds, "init", 7);
    assert_int_equal(rows_of(kinds, "secret"), 1);
    const ModuleLogRecord *record = &last_log(kinds)->record;
    assert_int_equal(record->level, MODULE_LOG_INFO);
    assert_true(bytes_equal_text(record->function, "init"));
    assert_non_null(memmem(record->message.data, record->message.count, "init by 0707", 12));
    assert_true(record->filename.count > 0 && record->line > 0);

    for (uint32_t n = 0; n < 12; n++) {
        buffer_u32(&kinds->args, n);
        succeeds(kinds, "add_kind", 7);
    }
    assert_int_equal(rows_of(kinds, "kinds"), 12);
    buffer_u32(&kinds->args, 0);
    buffer_u32(&kinds->args, 1000);
    succeeds(kinds, "fill_fixed", 7);
    assert_int_equal(rows_of(kinds, "fixed"), 1000);
    buffer_u32(&kinds->args, 17);
    buffer_u32(&kinds->args, 5);
    buffer_u32(&kinds->args, (uint32_t)-5);
    succeeds(kinds, "move_fixed", 7);
    Row row;
    const Index *by_id = table_find_index(table_of(kinds, "fixed"), (ColumnList)COLUMNS(0));
    assert_true(index_find(by_id, bytes_of("\x11\0\0\0", 4), &row));
    assert_int_equal((int32_t)load_u32le(row.bytes.data + 4), 5);
    assert_int_equal((int32_t)load_u32le(row.bytes.data + 8), -5);
    buffer_u32(&kinds->args, 5);
    buffer_u32(&kinds->args, 7);
    succeeds(kinds, "delete_x", 7);
    assert_int_equal(rows_of(kinds, "fixed"), 1000 - 21);  // 5 and 6: ten each, and the moved one
    assert_true(bytes_equal_text(last_log(kinds)->record.message, "deleted 21"));
}

static void errors(void **state) {
    Kinds *kinds = *state;
    if (is_missing(kinds)) skip();
    buffer_string(&kinds->args, B("Ann"));
    buffer_u8(&kinds->args, 30);
    succeeds(kinds, "register", 1);
    buffer_string(&kinds->args, B("Ann"));
    buffer_u8(&kinds->args, 31);
    CallOutcome outcome = reducer(kinds, "register",
                                  2);  // the name is taken: errno 12, an Err of the module
    assert_int_equal(outcome.status, CALL_USER_ERROR);
    assert_true(outcome.text.count > 0);
    assert_int_equal(rows_of(kinds, "person"), 1);

    buffer_u8(&kinds->args, 0);
    outcome = reducer(kinds, "fail", 1);
    assert_int_equal(outcome.status, CALL_USER_ERROR);
    assert_true(bytes_equal_text(outcome.text, "asked to fail"));
    outcome = reducer(kinds, "insert_then_fail", 1);
    assert_int_equal(outcome.status, CALL_USER_ERROR);
    assert_int_equal(rows_of(kinds, "plain"), 0);

    buffer_u8(&kinds->args, 1);
    outcome = reducer(kinds, "fail", 1);
    assert_int_equal(outcome.status, CALL_TRAPPED);
    const LoggedRecord *panic = last_log(kinds);
    assert_int_equal(panic->record.level, MODULE_LOG_PANIC);
    assert_non_null(
        memmem(panic->record.message.data, panic->record.message.count, "asked to panic", 14));
    assert_true(panic->record.trace_count > 3);
    fixture_instance(kinds->base);
    succeeds(kinds, "unregister", 1);
    assert_int_equal(rows_of(kinds, "person"), 0);
}

static void out_of_memory_and_time(void **state) {
    Kinds *kinds = *state;
    if (is_missing(kinds)) skip();
    log_set_level(LOG_ERROR);
    instance_set_call_seconds(kinds->base->instance, 1);
    buffer_u8(&kinds->args, 2);
    assert_int_equal(reducer(kinds, "fail", 1).status, CALL_OUT_OF_TIME);
    fixture_instance(kinds->base);
    buffer_u8(&kinds->args, 3);
    CallOutcome outcome = reducer(kinds, "fail",
                                  1);  // allocates until nothing is left, then panics
    assert_int_equal(outcome.status, CALL_TRAPPED);
    fixture_instance(kinds->base);
    buffer_u8(&kinds->args, 4);
    succeeds(kinds, "fail", 1);
}

static CallOutcome view(Kinds *kinds, const char *name, uint8_t sender) {
    Fixture *base = kinds->base;
    const ViewDef *def = module_def_find_view(kinds->def, bytes_of_text(name));
    assert_non_null(def);
    buffer_clear(&kinds->args);
    FunctionCall call = call_of(kinds, def->name, def->index, sender);
    guest_signals();
    base->env.tx = tx_begin(base->store);
    CallOutcome outcome = instance_call_view(
        base->instance, def->is_anonymous ? VIEW_ANONYMOUS : VIEW_SENDER, &call);
    tx_rollback(base->env.tx);
    base->env.tx = NULL;
    if (outcome.status != CALL_OK) fail_msg("%s: %.*s", name, BYTES_FORMAT(outcome.text));
    assert_int_equal(outcome.code, 2);
    return outcome;
}

static void views(void **state) {
    Kinds *kinds = *state;
    if (is_missing(kinds)) skip();
    static const struct {
        const char *name;
        uint8_t age;
    } PEOPLE[] = {{"Ann", 30}, {"Bob", 10}, {"Cid", 18}};
    for (uint8_t i = 0; i < 3; i++) {
        buffer_string(&kinds->args, bytes_of_text(PEOPLE[i].name));
        buffer_u8(&kinds->args, PEOPLE[i].age);
        succeeds(kinds, "register", (uint8_t)(i + 1));
    }
    // Tag 0, RowData, and an array: of one, of none, of two.
    Bytes rows = view(kinds, "me", 2).output;
    assert_int_equal(rows.data[0], 0);
    assert_int_equal(load_u32le(rows.data + 1), 1);
    assert_int_equal(rows.data[5], 2);
    assert_int_equal(load_u32le(view(kinds, "me", 9).output.data + 1), 0);
    assert_int_equal(load_u32le(view(kinds, "adults", 9).output.data + 1), 2);
    // Tag 1, RawSql.
    rows = view(kinds, "sevens", 9).output;
    assert_int_equal(rows.data[0], 1);
    assert_memory_equal(rows.data + 5, "SELECT * FROM ", 14);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(describe, setup, teardown),
        cmocka_unit_test_setup_teardown(reducers, setup, teardown),
        cmocka_unit_test_setup_teardown(errors, setup, teardown),
        cmocka_unit_test_setup_teardown(out_of_memory_and_time, setup, teardown),
        cmocka_unit_test_setup_teardown(views, setup, teardown),
    };
    fixture_signals();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// calls_test.c - calling a module: what it is given, what its answers become, and how it can fail; and the host calls
// that have to do with the call rather than with rows.
#include "base/log.h"
#include "fixture.h"

static const uint8_t SENDER[32] = {0xbe, 0xbd, 0xbc, 0xbb, 0xba, 0xb9, 0xb8, 0xb7, 0xb6, 0xb5, 0xb4,
                                   0xb3, 0xb2, 0xb1, 0xb0, 0xaf, 0xae, 0xad, 0xac, 0xab, 0xaa, 0xa9,
                                   0xa8, 0xa7, 0xa6, 0xa5, 0xa4, 0xa3, 0xa2, 0xa1, 0x00, 0xc2};
static const uint8_t CONNECTION[16] = {0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe,
                                       0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01};

static CallOutcome reducer(Fixture *fixture, const FunctionCall *call) {
    guest_signals();
    return instance_call_reducer(fixture->instance, call);
}

// Runs the script as a reducer.
static CallOutcome run_reducer(Fixture *fixture, const char *name) {
    buffer_clear(&fixture->args);
    script_finish(&fixture->script, &fixture->args);
    script_clear(&fixture->script);
    FunctionCall call = {.name = bytes_of_text(name), .args = buffer_bytes(&fixture->args)};
    return reducer(fixture, &call);
}

static bool starts_with(Bytes text, const char *start) {
    return text.count >= strlen(start) && memcmp(text.data, start, strlen(start)) == 0;
}

// ---- what a function is given ----

// module-abi.md 1.12
static void parameters(void **state) {
    Fixture *fixture = *state;
    FunctionCall call = {.id = 0xFEDCBA98, .name = B("r"), .timestamp = -5};
    memcpy(call.sender.bytes, SENDER, 32);
    memcpy(call.connection.bytes, CONNECTION, 16);
    CallOutcome outcome = reducer(fixture, &call);
    assert_int_equal(outcome.status, CALL_OK);
    static const uint64_t EXPECTED[] = {0xFEDCBA98,
                                        0xb7b8b9babbbcbdbe,
                                        0xafb0b1b2b3b4b5b6,
                                        0xa7a8a9aaabacadae,
                                        0xc200a1a2a3a4a5a6,
                                        0xfedcba9876543210,
                                        0x0123456789abcdef,
                                        (uint64_t)-5,
                                        0,
                                        1};  // no arguments: source 0
    for (uint32_t i = 0; i < 10; i++)
        assert_true(fixture_read_u64(fixture, PARAMS_AT + 8 * i) == EXPECTED[i]);
    SCRIPT_OP(&fixture->script, REMOTE_RETURN, 0);
    assert_int_equal(run_reducer(fixture, "r").status, CALL_OK);
    assert_int_equal(fixture_read_u64(fixture, PARAMS_AT + 64),
                     1);  // with arguments: source 1, in each call
    assert_int_equal(fixture_read_u64(fixture, PARAMS_AT + 72), 1);
    assert_int_equal(fixture_read_u64(fixture, CALLS_AT), 2);  // globals stay
}

static void description(void **state) {
    Fixture *fixture = *state;
    Bytes bytes = instance_description(fixture->instance);
    assert_true(bytes_equal(bytes, bytes_of(REMOTE_DESCRIPTION, sizeof REMOTE_DESCRIPTION)));
}

// ---- what becomes of its answer ----

static void return_codes(void **state) {
    Fixture *fixture = *state;
    SCRIPT_OP(&fixture->script, REMOTE_READ, DESCRIPTION_AT + 19, 6);
    SCRIPT_OP(&fixture->script, REMOTE_RETURN, 1);
    CallOutcome outcome = run_reducer(fixture, "r");
    assert_int_equal(outcome.status, CALL_USER_ERROR);
    assert_int_equal(outcome.code, 1);
    assert_true(starts_with(outcome.text, "say_hi"));
    assert_true(outcome.nanos > 0);

    fixture_write(fixture, DATA_AT,
                  "a\xFF"
                  "b",
                  3);
    SCRIPT_OP(&fixture->script, REMOTE_READ, DATA_AT, 3);
    SCRIPT_OP(&fixture->script, REMOTE_RETURN, 1);
    outcome = run_reducer(fixture, "r");
    assert_int_equal(outcome.status, CALL_USER_ERROR);
    assert_true(starts_with(outcome.text, "a\xEF\xBF\xBD"
                                          "b"));
    assert_true(utf8_is_valid(outcome.text));

    static const uint32_t CODES[] = {2, 7, (uint32_t)-1, 0x80000000};
    for (int i = 0; i < 4; i++) {
        SCRIPT_OP(&fixture->script, REMOTE_RETURN, CODES[i]);
        outcome = run_reducer(fixture, "r");
        assert_int_equal(outcome.status, CALL_FAILED);
        assert_int_equal(outcome.code, (int32_t)CODES[i]);
        assert_true(bytes_equal_text(outcome.text, "unknown return code"));
    }
    assert_int_equal(fixture_read_u64(fixture, CALLS_AT), 6);  // the same instance throughout
}

static void view_codes(void **state) {
    Fixture *fixture = *state;
    static const struct {
        uint32_t code;
        CallStatus status;
    } CASES[] = {{0, CALL_OK},
                 {1, CALL_USER_ERROR},
                 {2, CALL_OK},
                 {3, CALL_FAILED},
                 {(uint32_t)-1, CALL_FAILED}};
    for (int i = 0; i < 5; i++) {
        SCRIPT_OP(&fixture->script, REMOTE_READ, DESCRIPTION_AT, 6);
        SCRIPT_OP(&fixture->script, REMOTE_RETURN, CASES[i].code);
        CallOutcome outcome = fixture_run(fixture);
        assert_int_equal(outcome.status, CASES[i].status);
        assert_int_equal(outcome.code, (int32_t)CASES[i].code);
        if (outcome.status == CALL_OK) {
            assert_int_equal(outcome.output.count, 14);
            assert_memory_equal(outcome.output.data, REMOTE_DESCRIPTION, 6);
            assert_null(outcome.text.data);
        }
    }
    FunctionCall call = {.name = B("mine")};
    CallOutcome outcome = instance_call_view(fixture->instance, VIEW_SENDER, &call);
    assert_int_equal(outcome.status, CALL_FAILED);
    assert_true(bytes_equal_text(outcome.text,
                                 "Module defines view mine but does not export `__call_view__`"));
}

// ---- traps ----

static void traps(void **state) {
    Fixture *fixture = *state;
    SCRIPT_OP(&fixture->script, REMOTE_TRAP, 0);
    CallOutcome outcome = fixture_run(fixture);
    assert_int_equal(outcome.status, CALL_TRAPPED);
    assert_true(starts_with(
        outcome.text,
        "wasm trap: wasm `unreachable` instruction executed\nwasm backtrace:\n    0: "));
    assert_non_null(
        memmem(outcome.text.data, outcome.text.count, "!remote::run", 12));  // demangled
    assert_non_null(memmem(outcome.text.data, outcome.text.count, "!plain_view", 11));
    fixture_instance(fixture);

    static const uint32_t PLACES[] = {REMOTE_BYTES, REMOTE_BYTES - 3, UINT32_MAX, 0x80000000};
    for (int i = 0; i < 4; i++) {
        SCRIPT_OP(&fixture->script, REMOTE_LOAD, PLACES[i]);
        outcome = fixture_run(fixture);
        assert_int_equal(outcome.status, CALL_TRAPPED);
        assert_non_null(
            memmem(outcome.text.data, outcome.text.count, "out of bounds memory access", 27));
        fixture_instance(fixture);
    }
    SCRIPT_OP(&fixture->script, REMOTE_LOAD, 8);
    assert_int_equal(fixture_run(fixture).status, CALL_OK);
}

static void stack_overflow(void **state) {
    Fixture *fixture = *state;
    SCRIPT_OP(&fixture->script, REMOTE_RECURSE,
              0);  // it finds its script in memory, and recurses again
    CallOutcome outcome = fixture_run(fixture);
    assert_int_equal(outcome.status, CALL_TRAPPED);
    assert_true(starts_with(outcome.text, "wasm trap: call stack exhausted\n"));
    fixture_instance(fixture);
    SCRIPT_OP(&fixture->script, REMOTE_LOAD, 8);
    assert_int_equal(fixture_run(fixture).status, CALL_OK);
}

static void out_of_time(void **state) {
    Fixture *fixture = *state;
    log_set_level(LOG_ERROR);
    instance_set_call_seconds(fixture->instance, 1);
    SCRIPT_OP(&fixture->script, REMOTE_SPIN, 0);
    int64_t start = os_real()->monotonic_nanos(os_real());
    CallOutcome outcome = fixture_run(fixture);
    int64_t nanos = os_real()->monotonic_nanos(os_real()) - start;
    assert_int_equal(outcome.status, CALL_OUT_OF_TIME);
    assert_true(starts_with(outcome.text, "the call used up its time\nwasm backtrace:\n"));
    assert_true(nanos > 900000000);
    assert_true(outcome.nanos > 900000000);
    fixture_instance(fixture);
    SCRIPT_OP(&fixture->script, REMOTE_LOAD, 8);
    assert_int_equal(fixture_run(fixture).status, CALL_OK);
}

// More than 4 GiB cannot be had; the guest is told so and goes on.
static void memory_limit(void **state) {
    Fixture *fixture = *state;
    SCRIPT_OP(&fixture->script, REMOTE_GROW, 65536);
    assert_int_equal(fixture_result(fixture), -1);
    SCRIPT_OP(&fixture->script, REMOTE_GROW, 65536 - REMOTE_PAGES);
    assert_int_equal(fixture_result(fixture), REMOTE_PAGES);
    assert_true(instance_memory_bytes(fixture->instance) == MODULE_MEMORY_BYTES_MAX);
    // Its last bytes are as good as any, and nothing lies behind them.
    fixture_write(fixture, FREE_AT, "person", 6);
    assert_int_equal(CALL(fixture, "table_id_from_name", FREE_AT, 6, 0xFFFFFFFC), 0);
    assert_int_equal(fixture_read_u32(fixture, 0xFFFFFFFC), fixture->person);
    CALL_TRAPS(fixture, "out of bounds pointer", "table_id_from_name", FREE_AT, 6, 0xFFFFFFFD);
}

// ---- bytes ----

static void byte_sources(void **state) {
    Fixture *fixture = *state;
    static const uint32_t BAD[] = {0, 2, UINT32_MAX};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(CALL(fixture, "bytes_source_read", BAD[i], 0, 0), ERRNO_NO_SUCH_BYTES);
        assert_int_equal(CALL(fixture, "bytes_source_remaining_length", BAD[i], 0),
                         ERRNO_NO_SUCH_BYTES);
        assert_int_equal(CALL(fixture, "bytes_sink_write", BAD[i], 0, 0), ERRNO_NO_SUCH_BYTES);
    }
    // The script itself was read to its end: source 1 is gone.
    assert_int_equal(CALL(fixture, "bytes_source_read", 1, 0, 0), ERRNO_NO_SUCH_BYTES);
    fixture_write_u32(fixture, COUNT_AT, REMOTE_BYTES);
    CALL_TRAPS(fixture, "out of bounds pointer", "bytes_sink_write", 1, DATA_AT, COUNT_AT);
    CALL_TRAPS(fixture, "null pointer", "bytes_sink_write", 1, DATA_AT, 0);
    fixture_write_u32(fixture, COUNT_AT, 0);
    CALL_TRAPS(fixture, "null pointer", "bytes_sink_write", 1, 0, COUNT_AT);
    fixture_write_u32(fixture, COUNT_AT, 0);
    assert_int_equal(CALL(fixture, "bytes_sink_write", 1, DATA_AT, COUNT_AT), 0);
}

// A sink ends somewhere: 1 GiB. Each record adds 8 bytes, its result.
static void sink_limit(void **state) {
    Fixture *fixture = *state;
    uint32_t piece = 1u << 20;
    uint32_t piece_count = MODULE_SINK_BYTES_MAX / piece - 1;
    fixture_write_u32(fixture, LENGTH_START_AT, piece);
    fixture_write_u32(fixture, COUNT_AT, piece - 24);
    fixture_write_u32(fixture, OUT_AT, 9);
    uint64_t args[] = {1, 1u << 19, LENGTH_AT};
    script_add(&fixture->script, remote_op("bytes_sink_write"), piece_count, args, 3);
    SCRIPT_CALL(&fixture->script, "bytes_sink_write", 1, 1u << 19,
                COUNT_AT);  // now 8 bytes are left
    SCRIPT_CALL(&fixture->script, "bytes_sink_write", 1, 1u << 19, OUT_AT);
    assert_int_equal(fixture_result(fixture), ERRNO_NO_SPACE);
    assert_int_equal(fixture->outcome.output.count, MODULE_SINK_BYTES_MAX);
}

static void put_credentials(Fixture *fixture, const char *claims) {
    uint8_t row[256];
    memcpy(row, CONNECTION, 16);
    store_u32le(row + 16, (uint32_t)strlen(claims));
    memcpy(row + 20, claims, strlen(claims));
    InsertResult result;
    Table *table = store_find_table(fixture->store, ST_CONNECTION_CREDENTIALS);
    assert_int_equal(tx_insert(fixture->env.tx, table, bytes_of(row, 20 + strlen(claims)), &result),
                     INSERT_ADDED);
}

static void jwt(void **state) {
    Fixture *fixture = *state;
    put_credentials(fixture, "{\"sub\":\"x\"}");
    // Sources end with the call, so one script asks and reads, in steps of five bytes.
    script_write(&fixture->script, DATA_AT, bytes_of(CONNECTION, 16));
    script_write(&fixture->script, COUNT_AT, B("\5\0\0\0"));
    SCRIPT_CALL(&fixture->script, "get_jwt", DATA_AT, OUT_AT);
    SCRIPT_CALL(&fixture->script, "bytes_source_remaining_length", 2, OUT_AT + 8);
    SCRIPT_CALL(&fixture->script, "bytes_source_read", 2, BIG_AT, COUNT_AT);
    SCRIPT_CALL(&fixture->script, "bytes_source_read", 2, BIG_AT + 5, COUNT_AT);
    SCRIPT_CALL(&fixture->script, "bytes_source_remaining_length", 2, OUT_AT + 12);
    SCRIPT_CALL(&fixture->script, "bytes_source_read", 2, BIG_AT + 10, COUNT_AT);
    SCRIPT_CALL(&fixture->script, "bytes_source_read", 2, BIG_AT + 10, COUNT_AT);
    CallOutcome outcome = fixture_run(fixture);
    assert_int_equal(outcome.status, CALL_OK);
    static const int64_t RESULTS[] = {0, 0, 0, 0, 0, 0, 0, -1, ERRNO_NO_SUCH_BYTES};
    for (uint32_t i = 0; i < 9; i++)
        assert_true((int64_t)load_u64le(outcome.output.data + 8 * i) == RESULTS[i]);
    assert_int_equal(fixture_read_u32(fixture, OUT_AT), 2);
    assert_int_equal(fixture_read_u32(fixture, OUT_AT + 8), 11);
    assert_int_equal(fixture_read_u32(fixture, OUT_AT + 12), 1);
    assert_int_equal(fixture_read_u32(fixture, COUNT_AT), 1);
    assert_memory_equal(fixture_read(fixture, BIG_AT, 11).data, "{\"sub\":\"x\"}", 11);
    // Nobody's connection.
    fixture_write(fixture, DATA_AT, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    assert_int_equal(CALL(fixture, "get_jwt", DATA_AT, OUT_AT), 0);
    assert_int_equal(fixture_read_u32(fixture, OUT_AT), 0);
    CALL_TRAPS(fixture, "null pointer", "get_jwt", 0, OUT_AT);
    CALL_TRAPS(fixture, "out of bounds pointer", "get_jwt", REMOTE_BYTES - 15, OUT_AT);
    CALL_TRAPS(fixture, "null pointer", "get_jwt", DATA_AT, 0);
}

static void identity(void **state) {
    Fixture *fixture = *state;
    CALL(fixture, "identity", OUT_AT + 1);
    assert_memory_equal(fixture_read(fixture, OUT_AT + 1, 32).data, fixture->env.database.bytes,
                        32);
    CALL_TRAPS(fixture, "null pointer", "identity", 0);
    CALL_TRAPS(fixture, "out of bounds pointer", "identity", REMOTE_BYTES - 31);
}

// ---- environment ----

static void put_env(Fixture *fixture, const char *key, const char *value) {
    Buffer row;
    buffer_init(&row, 1000);
    buffer_string(&row, bytes_of_text(key));
    buffer_string(&row, bytes_of_text(value));
    InsertResult result;
    tx_insert(fixture->env.tx, store_find_table(fixture->store, ST_ENV), buffer_bytes(&row),
              &result);
    buffer_done(&row);
}

static int64_t env_get(Fixture *fixture, const char *key) {
    fixture_write(fixture, NAME_AT, key, strlen(key));
    return CALL(fixture, "env_get", NAME_AT, strlen(key), OUT_AT);
}

static void env_traps(Fixture *fixture, const char *key, const char *text) {
    fixture_write(fixture, NAME_AT, key, strlen(key));
    char start[256];
    snprintf(start, sizeof start, "runtime error calling EnvGet: %s\n", text);
    CALL_TRAPS(fixture, start, "env_get", NAME_AT, strlen(key), OUT_AT);
}

static void environment(void **state) {
    Fixture *fixture = *state;
    EnvironmentDef declared[] = {{.name = B("KEY")},
                                 {.name = B("MAYBE"), .is_optional = true},
                                 {.name = B("EMPTY")},
                                 {.name = B("NEEDED")},
                                 {.name = B("_9")}};
    ModuleDef def = {.environment = declared, .environment_count = 5, .has_environment = true};
    env_traps(fixture, "KEY", "environment key is not declared");
    fixture->env.def = &def;
    put_env(fixture, "KEY", "value");
    put_env(fixture, "EMPTY", "");
    put_env(fixture, "OTHER", "not declared");

    static const char *const BAD[] = {"", "9A", "A-B", "A B", "\xC3\xA4", "K.Y"};
    for (int i = 0; i < 6; i++) assert_int_equal(env_get(fixture, BAD[i]), ERRNO_HOST_CALL_FAILURE);
    char longest[ENVIRONMENT_NAME_BYTES_MAX + 2];
    memset(longest, 'A', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(env_get(fixture, longest), ERRNO_HOST_CALL_FAILURE);
    longest[sizeof longest - 2] = '\0';
    env_traps(fixture, longest, "environment key is not declared");
    env_traps(fixture, "OTHER", "environment key is not declared");
    env_traps(fixture, "NEEDED",
              "required environment value is missing from the published configuration");
    assert_int_equal(env_get(fixture, "MAYBE"), 0);
    assert_int_equal(fixture_read_u32(fixture, OUT_AT), 0);
    assert_int_equal(env_get(fixture, "EMPTY"), 0);
    assert_int_equal(fixture_read_u32(fixture, OUT_AT), 2);  // a source of nothing

    script_write(&fixture->script, NAME_AT, B("KEY"));
    script_write(&fixture->script, COUNT_AT, B("\xFF\0\0\0"));
    SCRIPT_CALL(&fixture->script, "env_get", NAME_AT, 3, OUT_AT);
    SCRIPT_CALL(&fixture->script, "bytes_source_read", 2, BIG_AT, COUNT_AT);
    assert_int_equal(fixture_result(fixture), -1);
    assert_int_equal(fixture_read_u32(fixture, COUNT_AT), 5);
    assert_memory_equal(fixture_read(fixture, BIG_AT, 5).data, "value", 5);

    // 256 sources at once; the script's own is read and gone.
    script_write(&fixture->script, NAME_AT, B("KEY"));
    script_add(&fixture->script, remote_op("env_get"), MODULE_BYTES_SOURCES_MAX,
               (uint64_t[]){NAME_AT, 3, OUT_AT}, 3);
    SCRIPT_CALL(&fixture->script, "env_get", NAME_AT, 3, OUT_AT);
    assert_int_equal(fixture_result(fixture), ERRNO_NO_SPACE);
    assert_int_equal(load_u64le(fixture->outcome.output.data + 8), 0);
}

static void environment_refused(void **state) {
    Fixture *fixture = *state;
    EnvironmentDef declared[] = {{.name = B("KEY"), .is_optional = true}};
    ModuleDef def = {.environment = declared, .environment_count = 1, .has_environment = true};
    fixture->env.def = &def;
    CALL_TRAPS(fixture, "null pointer", "env_get", 0, 3, OUT_AT);
    CALL_TRAPS(fixture, "null pointer", "env_get", NAME_AT, 0, 0);
    fixture_write(fixture, NAME_AT, "\xFF", 1);
    CALL_TRAPS(fixture, "invalid utf8", "env_get", NAME_AT, 1, OUT_AT);
    // A function of a submodule.
    script_write(&fixture->script, NAME_AT, B("KEY"));
    SCRIPT_CALL(&fixture->script, "env_get", NAME_AT, 3, OUT_AT);
    CallOutcome outcome = run_reducer(fixture, "lib.f");
    assert_int_equal(outcome.status, CALL_TRAPPED);
    assert_true(starts_with(
        outcome.text,
        "runtime error calling EnvGet: environment access requires a host-dispatched root "
        "module function\n"));
    fixture_instance(fixture);
    // Without a transaction.
    Tx *tx = fixture->env.tx;
    fixture_write(fixture, NAME_AT, "KEY", 3);
    fixture->env.tx = NULL;
    assert_int_equal(CALL(fixture, "env_get", NAME_AT, 3, OUT_AT), ERRNO_NOT_IN_TRANSACTION);
    fixture->env.tx = tx;
    // Another program in the database.
    tx_set_program(tx, &(ProgramInfo){.program = B("other")});
    env_traps(fixture, "KEY", "module was replaced while this function was running");
}

// ---- console ----

static LoggedRecord *last_log(Fixture *fixture) {
    assert_true(fixture->log_count > 0);
    return &fixture->logs[fixture->log_count - 1];
}

static void console_log(void **state) {
    Fixture *fixture = *state;
    fixture_write(fixture, DATA_AT, "targetfilemessage", 17);
    static const struct {
        uint32_t level;
        ModuleLogLevel expected;
    } LEVELS[] = {{0, MODULE_LOG_ERROR},   {1, MODULE_LOG_WARN},    {2, MODULE_LOG_INFO},
                  {3, MODULE_LOG_DEBUG},   {4, MODULE_LOG_TRACE},   {5, MODULE_LOG_DEBUG},
                  {255, MODULE_LOG_DEBUG}, {256, MODULE_LOG_ERROR}, {100, MODULE_LOG_DEBUG}};
    for (int i = 0; i < 9; i++) {
        CALL(fixture, "console_log", LEVELS[i].level, DATA_AT, 6, DATA_AT + 6, 4, 12 + i,
             DATA_AT + 10, 7);
        const ModuleLogRecord *record = &last_log(fixture)->record;
        assert_int_equal(record->level, LEVELS[i].expected);
        assert_true(bytes_equal_text(record->target, "target"));
        assert_true(bytes_equal_text(record->filename, "file"));
        assert_true(bytes_equal_text(record->message, "message"));
        assert_true(bytes_equal_text(record->function, "remote"));
        assert_int_equal(record->line, 12 + i);
        assert_int_equal(record->trace_count, 0);
    }
    CALL(fixture, "console_log", 2, 0, 9, 0, 9, UINT32_MAX, DATA_AT, 0);
    const ModuleLogRecord *record = &last_log(fixture)->record;
    assert_null(record->target.data);
    assert_null(record->filename.data);
    assert_int_equal(record->line, UINT32_MAX);
    assert_int_equal(record->message.count, 0);
    CALL(fixture, "console_log", 2, DATA_AT, 0, DATA_AT, 0, 1, DATA_AT, 7);
    assert_non_null(last_log(fixture)->record.target.data);  // empty, but there
    assert_int_equal(last_log(fixture)->record.target.count, 0);
}

// Never a trap: a record that points nowhere is dropped.
static void console_log_pointers(void **state) {
    Fixture *fixture = *state;
    CALL(fixture, "console_log", 2, 0, 0, 0, 0, 0, 0, 5);
    CALL(fixture, "console_log", 2, 0, 0, 0, 0, 0, REMOTE_BYTES - 4, 5);
    CALL(fixture, "console_log", 2, 0, 0, 0, 0, 0, DATA_AT, UINT32_MAX);
    CALL(fixture, "console_log", 2, REMOTE_BYTES, 1, 0, 0, 0, DATA_AT, 5);
    CALL(fixture, "console_log", 2, 0, 0, REMOTE_BYTES, 1, 0, DATA_AT, 5);
    assert_int_equal(fixture->log_count, 0);
    CALL(fixture, "console_log", 2, REMOTE_BYTES, 0, 0, 0, 0, REMOTE_BYTES - 5, 5);
    assert_int_equal(fixture->log_count, 1);
}

static void console_log_repair(void **state) {
    Fixture *fixture = *state;
    fixture_write(fixture, DATA_AT,
                  "t\xFF"
                  "f\xC3"
                  "m\xE2\x82",
                  7);
    CALL(fixture, "console_log", 2, DATA_AT, 2, DATA_AT + 2, 2, 1, DATA_AT + 4, 3);
    const ModuleLogRecord *record = &last_log(fixture)->record;
    assert_true(bytes_equal_text(record->target, "t\xEF\xBF\xBD"));
    assert_true(bytes_equal_text(record->filename, "f\xEF\xBF\xBD"));
    assert_true(bytes_equal_text(record->message, "m\xEF\xBF\xBD"));
}

static void record_size(void *user, const ModuleLogRecord *record) {
    uint32_t *size = user;
    *size = record->message.count;
    assert_true(utf8_is_valid(record->message));
}

// A text is cut at its limit, between characters.
static void console_log_limit(void **state) {
    Fixture *fixture = *state;
    SCRIPT_OP(&fixture->script, REMOTE_GROW, 64);
    fixture_result(fixture);
    uint32_t size = 0;
    fixture->env.log = record_size;
    fixture->env.user = &size;
    fixture_write(fixture, REMOTE_BYTES + MODULE_LOG_TEXT_BYTES_MAX - 1, "\xC3\xA4", 2);
    CALL(fixture, "console_log", 2, 0, 0, 0, 0, 1, REMOTE_BYTES, MODULE_LOG_TEXT_BYTES_MAX - 1);
    assert_int_equal(size, MODULE_LOG_TEXT_BYTES_MAX - 1);
    CALL(fixture, "console_log", 2, 0, 0, 0, 0, 1, REMOTE_BYTES, MODULE_LOG_TEXT_BYTES_MAX + 1);
    assert_int_equal(size, MODULE_LOG_TEXT_BYTES_MAX - 1);
    CALL(fixture, "console_log", 2, 0, 0, 0, 0, 1, REMOTE_BYTES + 1, MODULE_LOG_TEXT_BYTES_MAX);
    assert_int_equal(size, MODULE_LOG_TEXT_BYTES_MAX);
    // All three too long and broken.
    fixture_write(fixture, REMOTE_BYTES, "\xFF", 1);
    CALL(fixture, "console_log", 2, REMOTE_BYTES, 4u << 20, REMOTE_BYTES, 4u << 20, 1, REMOTE_BYTES,
         4u << 20);
    assert_int_equal(size, MODULE_LOG_TEXT_BYTES_MAX - 1 + 2);
    fixture->env.user = fixture;
    fixture->env.log = fixture_log;
}

static void panic_trace(void **state) {
    Fixture *fixture = *state;
    fixture_write(fixture, DATA_AT, "panicked", 8);
    for (int i = 0; i < 3; i++) {
        CALL(fixture, "console_log", 101, 0, 0, 0, 0, 1, DATA_AT, 8);
        const LoggedRecord *logged = last_log(fixture);
        assert_int_equal(logged->record.level, MODULE_LOG_PANIC);
        assert_int_equal(logged->record.trace_count, 2);
        assert_true(strncmp(logged->frames[0], "remote::run", 11) == 0);
        assert_string_equal(logged->frames[1], "plain_view");
    }
    // The guest goes on, and its next trap has its own backtrace.
    SCRIPT_OP(&fixture->script, REMOTE_TRAP, 0);
    CallOutcome outcome = fixture_run(fixture);
    assert_int_equal(outcome.status, CALL_TRAPPED);
    assert_null(memmem(outcome.text.data, outcome.text.count, "trace!", 6));
}

static void timers(void **state) {
    Fixture *fixture = *state;
    fixture->nanos = 1000;
    fixture_write(fixture, DATA_AT, "a\"\xFF", 3);
    assert_int_equal(CALL(fixture, "console_timer_start", DATA_AT, 3), 1);
    assert_int_equal(CALL(fixture, "console_timer_start", DATA_AT, 0), 2);
    fixture->nanos += 1230000;
    assert_int_equal(CALL(fixture, "console_timer_end", 1), 0);
    const ModuleLogRecord *record = &last_log(fixture)->record;
    assert_true(bytes_equal_text(record->message, "Timing span \"a\\\"\xEF\xBF\xBD\": 1.23ms"));
    assert_int_equal(record->level, MODULE_LOG_INFO);
    assert_null(record->target.data);
    assert_null(record->filename.data);
    assert_int_equal(record->line, UINT32_MAX);
    assert_true(bytes_equal_text(record->function, "remote"));
    assert_int_equal(CALL(fixture, "console_timer_end", 1), ERRNO_NO_SUCH_TIMER);
    assert_int_equal(CALL(fixture, "console_timer_end", 0), ERRNO_NO_SUCH_TIMER);
    assert_int_equal(CALL(fixture, "console_timer_end", UINT32_MAX), ERRNO_NO_SUCH_TIMER);
    assert_int_equal(CALL(fixture, "console_timer_start", DATA_AT, MODULE_TIMER_NAME_BYTES_MAX), 1);
    assert_int_equal(CALL(fixture, "console_timer_end", 1), 0);
    CALL_TRAPS(fixture, "the name of a console timer is longer", "console_timer_start", DATA_AT,
               MODULE_TIMER_NAME_BYTES_MAX + 1);
    CALL_TRAPS(fixture, "null pointer", "console_timer_start", 0, 3);
    CALL_TRAPS(fixture, "out of bounds pointer", "console_timer_start", REMOTE_BYTES, 3);
    script_add(&fixture->script, remote_op("console_timer_start"), MODULE_TIMERS_MAX,
               (uint64_t[]){DATA_AT, 1}, 2);
    assert_int_equal(fixture_result(fixture), MODULE_TIMERS_MAX);
    CALL_TRAPS(fixture, "more than 4096 console timers are running", "console_timer_start", DATA_AT,
               1);
}

// ---- what only procedures may, and what is only queued ----

static void procedure_calls(void **state) {
    Fixture *fixture = *state;
    CALL_TRAPS(fixture, "procedure_sleep_until is only available in async instances",
               "procedure_sleep_until", 0);
    CALL_TRAPS(fixture, "procedure_http_request is only available in async instances",
               "procedure_http_request", 8, 1, 8, 0, 8);
    assert_int_equal(CALL(fixture, "procedure_start_mut_tx", OUT_AT),
                     ERRNO_WOULD_BLOCK_TRANSACTION);
    assert_int_equal(CALL(fixture, "procedure_start_mut_tx", 0), ERRNO_WOULD_BLOCK_TRANSACTION);
    assert_int_equal(CALL(fixture, "procedure_commit_mut_tx", 0), ERRNO_TRANSACTION_NOT_ANONYMOUS);
    assert_int_equal(CALL(fixture, "procedure_abort_mut_tx", 0), ERRNO_TRANSACTION_NOT_ANONYMOUS);
}

static void immediate_calls(void **state) {
    Fixture *fixture = *state;
    fixture_write(fixture, DATA_AT, "later", 5);
    CALL(fixture, "volatile_nonatomic_schedule_immediate", DATA_AT, 5, DATA_AT, 3);
    assert_string_equal(fixture->scheduled, "later");
    assert_int_equal(fixture->scheduled_args_count, 3);
    CALL_TRAPS(fixture, "null pointer", "volatile_nonatomic_schedule_immediate", DATA_AT, 5, 0, 0);
    fixture_write(fixture, DATA_AT, "\xFF", 1);
    CALL_TRAPS(fixture, "invalid utf8", "volatile_nonatomic_schedule_immediate", DATA_AT, 1,
               DATA_AT, 0);
    fixture->env.schedule_immediate = NULL;
    fixture_write(fixture, DATA_AT, "later", 5);
    CALL(fixture, "volatile_nonatomic_schedule_immediate", DATA_AT, 5, DATA_AT, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(parameters),
        TEST(description),
        TEST(return_codes),
        TEST(view_codes),
        TEST(traps),
        TEST(stack_overflow),
        TEST(out_of_time),
        TEST(memory_limit),
        TEST(byte_sources),
        TEST(sink_limit),
        TEST(jwt),
        TEST(identity),
        TEST(environment),
        TEST(environment_refused),
        TEST(console_log),
        TEST(console_log_pointers),
        TEST(console_log_repair),
        TEST(console_log_limit),
        TEST(panic_trace),
        TEST(timers),
        TEST(procedure_calls),
        TEST(immediate_calls),
    };
    fixture_signals();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

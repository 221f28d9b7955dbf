// program_test.c - what may be loaded, and the texts for what may not (module-abi.md 1.2, 1.9, 1.10); the code cache.
//
// Modules are put together byte by byte: most of them no compiler would make.
#include "base/log.h"
#include "fixture.h"

#include <unistd.h>

#include <wasmtime.h>

typedef struct Built {
    HostEngine *engine;
    Buffer module;
    Error error;
} Built;

static int setup(void **state) {
    Built *built = mem_alloc_zero(sizeof *built);
    assert_int_equal(host_engine_create(os_real(), NULL, &built->engine, &built->error), STATUS_OK);
    buffer_init(&built->module, BUILDER_BYTES_MAX);
    *state = built;
    return 0;
}

static int teardown(void **state) {
    Built *built = *state;
    host_engine_free(built->engine);
    buffer_done(&built->module);
    mem_free(built);
    return 0;
}

static Status create_on(Built *built, HostEngine *engine, Program **ret_program) {
    Hash hash = hash_keccak256(buffer_bytes(&built->module));
    return program_create(engine, PROGRAM_WASM, buffer_bytes(&built->module), &hash, ret_program,
                          &built->error);
}

static Status create(Built *built, WasmBuilder *builder, Program **ret_program) {
    buffer_clear(&built->module);
    builder_finish(builder, &built->module);
    builder_done(builder);
    return create_on(built, built->engine, ret_program);
}

static void refused(Built *built, WasmBuilder *builder, const char *text) {
    Program *program = NULL;
    assert_int_equal(create(built, builder, &program), STATUS_INVALID);
    assert_null(program);
    assert_string_equal(built->error.text, text);
}

// A module that imports one function from each of these host modules, and exports what it must.
static void build_importing(WasmBuilder *builder, const char *const *modules, uint32_t count) {
    builder_init(builder);
    for (uint32_t i = 0; i < count; i++) builder_import(builder, modules[i], "identity", "i:");
}

static void build_exports(WasmBuilder *builder) {
    builder_memory(builder, 1);
    builder_export(builder, "memory", EXPORT_MEMORY, 0);
    builder_export(builder, "__describe_module__", EXPORT_FUNCTION,
                   builder_function(builder, "i:", NULL));
    Buffer body;
    buffer_init(&body, 64);
    buffer_append(&body, "\x00\x41\x00\x0B", 4);
    builder_export(builder, "__call_reducer__", EXPORT_FUNCTION,
                   builder_function(builder, "illlllllii:i", &body));
    buffer_done(&body);
}

static void build_good(WasmBuilder *builder) {
    build_importing(builder, (const char *[]){"spacetime_10.0"}, 1);
    build_exports(builder);
}

static void versions(void **state) {
    static const struct {
        const char *modules[3];
        uint32_t count;
        const char *text;
    } CASES[] = {
        {{"spacetime_10.7"}, 1, "abi version 10.7 is not supported (host implements 10.6)"},
        {{"spacetime_10.0", "spacetime_10.9", "spacetime_10.8"},
         3,
         "abi version 10.9 is not supported (host implements 10.6)"},
        {{"spacetime_9.0"}, 1, "abi version 9.0 is not supported (host implements 10.6)"},
        {{"spacetime_9.0", "spacetime_10.0"},
         2,
         "module cannot depend on both major version 9 and major version 10"},
        {{"spacetime_x"}, 1, "import module \"spacetime_x\" has malformed version string"},
        {{"spacetime_10"}, 1, "import module \"spacetime_10\" has malformed version string"},
        {{"spacetime_10.65536"},
         1,
         "import module \"spacetime_10.65536\" has malformed version string"},
        {{"spacetime_10.0.1"},
         1,
         "import module \"spacetime_10.0.1\" has malformed version string"},
        {{"spacetime_"}, 1, "import module \"spacetime_\" has malformed version string"},
        {{"env"}, 1, "unable to determine ABI of module (may be on an spacetime version < 0.8)"},
        {{0}, 0, "unable to determine ABI of module (may be on an spacetime version < 0.8)"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        WasmBuilder builder;
        build_importing(&builder, CASES[i].modules, CASES[i].count);
        build_exports(&builder);
        refused(*state, &builder, CASES[i].text);
    }
}

static void unresolved_imports(void **state) {
    static const struct {
        const char *module, *name, *signature;
    } CASES[] = {
        {"spacetime_10.0", "get_jwt", "ii:i"},  // exists, in 10.2
        {"spacetime_10.0", "identity", "l:"},   // another type
        {"spacetime_10.0", "identity", "i:i"},
        {"wasi_snapshot_preview1", "proc_exit", "i:"},
        {"env", "abort", ":"},
    };
    Built *built = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        WasmBuilder builder;
        builder_init(&builder);
        builder_import(&builder, "spacetime_10.0", "console_timer_end", "i:i");
        builder_import(&builder, CASES[i].module, CASES[i].name, CASES[i].signature);
        build_exports(&builder);
        Program *program = NULL;
        assert_int_equal(create(built, &builder, &program), STATUS_INVALID);
        assert_non_null(strstr(built->error.text, CASES[i].name));
    }
}

// What upstream's C++ bindings import (crates/bindings-cpp/include/spacetimedb/abi/abi.h, wasi_shims.cpp): functions of WASI
// are defined in the module itself, so there is nothing else.
static void cpp_bindings_link(void **state) {
    static const char *const IMPORTS[][3] = {
        {"spacetime_10.0", "table_id_from_name", "iii:i"},
        {"spacetime_10.0", "index_id_from_name", "iii:i"},
        {"spacetime_10.0", "datastore_table_row_count", "ii:i"},
        {"spacetime_10.0", "datastore_table_scan_bsatn", "ii:i"},
        {"spacetime_10.0", "datastore_index_scan_range_bsatn", "iiiiiiiii:i"},
        {"spacetime_10.4", "datastore_index_scan_point_bsatn", "iiii:i"},
        {"spacetime_10.0", "datastore_btree_scan_bsatn", "iiiiiiiii:i"},
        {"spacetime_10.0", "row_iter_bsatn_advance", "iii:i"},
        {"spacetime_10.0", "row_iter_bsatn_close", "i:i"},
        {"spacetime_10.0", "datastore_insert_bsatn", "iii:i"},
        {"spacetime_10.0", "datastore_update_bsatn", "iiii:i"},
        {"spacetime_10.0", "datastore_delete_by_index_scan_range_bsatn", "iiiiiiiii:i"},
        {"spacetime_10.4", "datastore_delete_by_index_scan_point_bsatn", "iiii:i"},
        {"spacetime_10.0", "datastore_delete_by_btree_scan_bsatn", "iiiiiiiii:i"},
        {"spacetime_10.0", "datastore_delete_all_by_eq_bsatn", "iiii:i"},
        {"spacetime_10.5", "datastore_clear", "ii:i"},
        {"spacetime_10.0", "bytes_source_read", "iii:i"},
        {"spacetime_10.1", "bytes_source_remaining_length", "ii:i"},
        {"spacetime_10.0", "bytes_sink_write", "iii:i"},
        {"spacetime_10.0", "console_log", "iiiiiiii:"},
        {"spacetime_10.0", "console_timer_start", "ii:i"},
        {"spacetime_10.0", "console_timer_end", "i:i"},
        {"spacetime_10.0", "volatile_nonatomic_schedule_immediate", "iiii:"},
        {"spacetime_10.0", "identity", "i:"},
        {"spacetime_10.2", "get_jwt", "ii:i"},
        {"spacetime_10.3", "procedure_start_mut_tx", "i:i"},
        {"spacetime_10.3", "procedure_commit_mut_tx", ":i"},
        {"spacetime_10.3", "procedure_abort_mut_tx", ":i"},
        {"spacetime_10.3", "procedure_http_request", "iiiii:i"},
    };
    WasmBuilder builder;
    builder_init(&builder);
    for (size_t i = 0; i < sizeof IMPORTS / sizeof *IMPORTS; i++)
        builder_import(&builder, IMPORTS[i][0], IMPORTS[i][1], IMPORTS[i][2]);
    build_exports(&builder);
    Program *program = NULL;
    assert_int_equal(create(*state, &builder, &program), STATUS_OK);
    program_unref(program);
}

static void every_host_call_links(void **state) {
    uint32_t count;
    const HostCall *calls = host_calls(&count);
    assert_int_equal(count, 31);
    for (uint32_t i = 0; i < count; i++) {
        WasmBuilder builder;
        builder_init(&builder);
        builder_import(&builder, calls[i].module, calls[i].name, calls[i].signature);
        build_exports(&builder);
        Program *program = NULL;
        assert_int_equal(create(*state, &builder, &program), STATUS_OK);
        program_unref(program);
        assert_ptr_equal(
            host_call_find(bytes_of_text(calls[i].module), bytes_of_text(calls[i].name)),
            &calls[i]);
    }
    assert_null(host_call_find(B("spacetime_10.0"), B("get_jwt")));
}

static void exports(void **state) {
    WasmBuilder builder;
    build_importing(&builder, (const char *[]){"spacetime_10.0"}, 1);
    refused(*state, &builder,
            "there should be a memory export called \"memory\" but it does not exist");

    build_importing(&builder, (const char *[]){"spacetime_10.0"}, 1);
    builder_export(&builder, "memory", EXPORT_FUNCTION, builder_function(&builder, ":", NULL));
    refused(*state, &builder,
            "there should be a memory export called \"memory\" but it does not exist");

    build_importing(&builder, (const char *[]){"spacetime_10.0"}, 1);
    builder_memory(&builder, 1);
    builder_export(&builder, "memory", EXPORT_MEMORY, 0);
    refused(*state, &builder,
            "there should be a function called \"__call_reducer__\" but it does not exist");

    build_importing(&builder, (const char *[]){"spacetime_10.0"}, 1);
    builder_memory(&builder, 1);
    builder_export(&builder, "memory", EXPORT_MEMORY, 0);
    builder_export(&builder, "__call_reducer__", EXPORT_FUNCTION,
                   builder_function(&builder, "ivr:", NULL));
    refused(*state, &builder,
            "bad call_reducer signature for \"__call_reducer__\"; expected (func (param i32 i64 "
            "i64 i64 i64 i64 i64 "
            "i64 i32 i32) (result i32)) got (func (param i32 v128 ref))");

    build_good(&builder);
    builder_export(&builder, "__setup__", EXPORT_FUNCTION, builder_function(&builder, "i:", NULL));
    refused(*state, &builder,
            "bad setup signature for \"__setup__\"; expected (func (param i32) (result i32)) got "
            "(func (param i32))");

    build_good(&builder);
    builder_export(&builder, "__setup__", EXPORT_MEMORY, 0);
    refused(*state, &builder,
            "expected \"__setup__\" export to be a setup with signature (func (param i32) (result "
            "i32)), but it wasn't "
            "a function at all");

    build_good(&builder);
    builder_export(&builder, "__preinit__10_x", EXPORT_FUNCTION,
                   builder_function(&builder, "ld:", NULL));
    refused(*state, &builder,
            "bad preinit signature for \"10_x\"; expected (func) got (func (param i64 f64))");

    build_good(&builder);
    builder_export(&builder, "__call_http_handler__", EXPORT_FUNCTION,
                   builder_function(&builder, "f:", NULL));
    refused(*state, &builder,
            "bad call_http_handler signature for \"__call_http_handler__\"; expected (func (param "
            "i32 i64 i64 i64 i64 "
            "i32 i64 i32 i32 i32 i32) (result i32)) got (func (param f32))");
}

static void both_http_handler_signatures(void **state) {
    static const char *const SIGNATURES[] = {"illll"
                                             "il"
                                             "iiii:i",
                                             "iliiii:i"};
    for (int i = 0; i < 2; i++) {
        WasmBuilder builder;
        build_good(&builder);
        Buffer body;
        buffer_init(&body, 64);
        buffer_append(&body, "\x00\x41\x00\x0B", 4);
        builder_export(&builder, "__call_http_handler__", EXPORT_FUNCTION,
                       builder_function(&builder, SIGNATURES[i], &body));
        buffer_done(&body);
        Program *program = NULL;
        assert_int_equal(create(*state, &builder, &program), STATUS_OK);
        program_unref(program);
    }
}

static void not_wasm(void **state) {
    Built *built = *state;
    Program *program = NULL;
    buffer_append_text(&built->module, "(module)");
    assert_int_equal(create_on(built, built->engine, &program), STATUS_INVALID);
    buffer_clear(&built->module);
    assert_int_equal(create_on(built, built->engine, &program), STATUS_INVALID);
    Hash hash = {0};
    assert_int_equal(
        program_create(built->engine, PROGRAM_JS, B("1"), &hash, &program, &built->error),
        STATUS_UNSUPPORTED);
    Bytes too_large = {built->module.data, MODULE_PROGRAM_BYTES_MAX + 1};
    assert_int_equal(
        program_create(built->engine, PROGRAM_WASM, too_large, &hash, &program, &built->error),
        STATUS_LIMIT);
    assert_null(program);
}

// ---- what the engine understands (module-abi.md 1.11) ----

#define ZERO16 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static void features(void **state) {
    Built *built = *state;
    static const struct {
        const char *what, *signature, *body;  // without the count of locals and the end
        uint32_t body_count;
        bool is_accepted;
    } CASES[] = {
        {"sign extension", ":", "\x41\x00\xC0\x1A", 4, true},
        {"float to int", ":", "\x43\0\0\0\0\xFC\x00\x1A", 8, true},
        {"memory.fill", ":", "\x41\x00\x41\x00\x41\x00\xFC\x0B\x00", 9, true},
        {"multi-value", ":ii", "\x41\x00\x41\x00", 4, true},
        {"ref.null func", ":", "\xD0\x70\x1A", 3, true},
        {"v128.const", ":", "\xFD\x0C" ZERO16 "\x1A", 19, true},
        {"relaxed swizzle", ":", "\xFD\x0C" ZERO16 "\xFD\x0C" ZERO16 "\xFD\x80\x02\x1A", 40, true},
        {"return_call", ":", "\x12\x01", 2, true},
        {"externref", ":", "\xD0\x6F\x1A", 3, false},
        {"atomic.fence", ":", "\xFE\x03\x00", 3, false},
        {"memory.atomic.wait32", ":", "\x41\x00\x41\x00\x42\x00\xFE\x01\x02\x00\x1A", 11, false},
        {"try_table", ":", "\x1F\x40\x00\x0B", 4, false},
        {"ref.null any", ":", "\xD0\x6E\x1A", 3, false},
        {"wide arithmetic", ":", "\x42\0\x42\0\x42\0\x42\0\xFC\x13\x1A\x1A", 12, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        WasmBuilder builder;
        build_importing(&builder, (const char *[]){"spacetime_10.0"}, 1);
        builder_function(&builder, ":", NULL);  // function 1, to be called
        build_exports(&builder);
        Buffer body;
        buffer_init(&body, 256);
        buffer_u8(&body, 0);
        buffer_append(&body, CASES[i].body, CASES[i].body_count);
        buffer_u8(&body, OP_END);
        builder_function(&builder, CASES[i].signature, &body);
        buffer_done(&body);
        Program *program = NULL;
        Status status = create(built, &builder, &program);
        if ((status == STATUS_OK) != CASES[i].is_accepted) {
            fail_msg("%s: %s", CASES[i].what, status == STATUS_OK ? "accepted" : built->error.text);
        }
        program_unref(program);
    }
}

static void memories(void **state) {
    Built *built = *state;
    static const struct {
        const char *what, *memories;  // flags, pages, and so on, after the first memory
        uint32_t bytes, count;
        bool is_accepted;
    } CASES[] = {
        {"a second", "\x00\x01", 2, 1, true},
        {"64 bits", "\x04\x01", 2, 1, true},
        {"shared", "\x03\x01\x02", 3, 1, false},
        {"pages of one byte", "\x08\x01\x00", 3, 1, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        WasmBuilder builder;
        build_good(&builder);
        buffer_append(&builder.memories, CASES[i].memories, CASES[i].bytes);
        builder.memory_count += CASES[i].count;
        Program *program = NULL;
        Status status = create(built, &builder, &program);
        if ((status == STATUS_OK) != CASES[i].is_accepted) {
            fail_msg("%s: %s", CASES[i].what, status == STATUS_OK ? "accepted" : built->error.text);
        }
        program_unref(program);
    }
}

// ---- start-up ----

static void no_log(void *user, const ModuleLogRecord *record) {
    Buffer *log = user;
    buffer_append_bytes(log, record->message);
    assert_null(record->function.data);
}

static Status start(Built *built, WasmBuilder *builder, Buffer *log) {
    Program *program = NULL;
    if (create(built, builder, &program) != STATUS_OK) fail_msg("%s", built->error.text);
    Store *store = store_create();
    HostEnv env = {.os = os_real(), .store = store, .user = log, .log = no_log};
    Instance *instance = NULL;
    guest_signals();
    Status status = instance_create(program, &env, &instance, &built->error);
    if (status == STATUS_OK) assert_int_equal(instance_memory_bytes(instance), 65536);
    instance_free(instance);
    store_free(store);
    program_unref(program);
    return status;
}

// Logs one letter.
static void log_body(Buffer *body, uint32_t letter_at) {
    buffer_clear(body);
    buffer_u8(body, 0);
    for (uint32_t i = 0; i < 6; i++) emit_i32(body, 0);
    emit_i32(body, letter_at);
    emit_i32(body, 1);
    emit_call(body, 0);
}

static void start_order(void **state) {
    WasmBuilder builder;
    builder_init(&builder);
    builder_import(&builder, "spacetime_10.0", "console_log", "iiiiiiii:");
    builder_memory(&builder, 1);
    builder_export(&builder, "memory", EXPORT_MEMORY, 0);
    builder_data(&builder, 1, B("ABCDEFGH"));
    Buffer body;
    buffer_init(&body, 256);
    static const struct {
        const char *name;
        const char *signature;
        bool returns;
    } EXPORTS[] = {
        {"__describe_module__", "i:", false}, {"__setup__", "i:i", true},
        {"__preinit__20", ":", false},        {"__preinit__1z", ":", false},
        {"_initialize", ":", false},          {"_start", ":", false},
        {"__preinit__", ":", false},          {"__call_reducer__", "illlllllii:i", true},
    };
    for (uint32_t i = 0; i < 8; i++) {
        log_body(&body, 1 + i);
        if (EXPORTS[i].returns) emit_i32(&body, 0);
        buffer_u8(&body, OP_END);
        builder_export(&builder, EXPORTS[i].name, EXPORT_FUNCTION,
                       builder_function(&builder, EXPORTS[i].signature, &body));
    }
    Buffer log;
    buffer_init(&log, 256);
    assert_int_equal(start(*state, &builder, &log), STATUS_OK);
    assert_true(bytes_equal_text(buffer_bytes(&log), "EGDCBA"));  // not _start
    buffer_done(&log);
    buffer_done(&body);
}

static void start_failures(void **state) {
    Built *built = *state;
    static const struct {
        const char *name, *signature, *body, *text;
        uint32_t body_count;
    } CASES[] = {
        {"_initialize", ":", "\x00\x00\x0B",
         "wasm trap while calling \"_initialize\": wasm trap: wasm `unreachable`", 3},
        {"__preinit__5", ":", "\x00\x00\x0B",
         "wasm trap while calling \"__preinit__5\": wasm trap: wasm `unreach", 3},
        {"__setup__", "i:i", "\x00\x00\x0B",
         "wasm trap while calling \"__setup__\": wasm trap: wasm `unreachable`", 3},
        {"__setup__", "i:i", "\x00\x41\x01\x0B", "setup function returned an error: ", 4},
        {"__setup__", "i:i", "\x00\x41\x07\x0B",
         "wasm trap while calling \"__setup__\": unknown return code", 4},
        // identity(0) is not a place to write to.
        {"_initialize", ":", "\x00\x41\x00\x10\x00\x0B",
         "wasm trap while calling \"_initialize\": null pointer passed to a spacetime function", 6},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        WasmBuilder builder;
        build_good(&builder);
        Buffer body;
        buffer_init(&body, 64);
        buffer_append(&body, CASES[i].body, CASES[i].body_count);
        builder_export(&builder, CASES[i].name, EXPORT_FUNCTION,
                       builder_function(&builder, CASES[i].signature, &body));
        buffer_done(&body);
        assert_int_equal(start(built, &builder, NULL), STATUS_INVALID);
        if (strncmp(built->error.text, CASES[i].text, strlen(CASES[i].text)) != 0)
            fail_msg("%s", built->error.text);
    }
}

static void start_function(void **state) {
    Built *built = *state;
    for (int traps = 0; traps < 3; traps++) {
        // Nothing, a trap, or a host call that writes before there is a memory to write to.
        static const char *const BODIES[] = {"\x00\x0B", "\x00\x00\x0B",
                                             "\x00\x41\x08\x10\x00\x0B"};
        static const uint32_t COUNTS[] = {2, 3, 6};
        WasmBuilder builder;
        build_good(&builder);
        Buffer body;
        buffer_init(&body, 64);
        buffer_append(&body, BODIES[traps], COUNTS[traps]);
        builder.start = builder_function(&builder, ":", &body);
        buffer_done(&body);
        assert_int_equal(start(built, &builder, NULL), traps ? STATUS_INVALID : STATUS_OK);
    }
    assert_non_null(
        strstr(built->error.text, "out of bounds pointer passed to a spacetime function"));
}

static void describe_failure(void **state) {
    Built *built = *state;
    WasmBuilder builder;
    build_importing(&builder, (const char *[]){"spacetime_10.0"}, 1);
    builder_memory(&builder, 1);
    builder_export(&builder, "memory", EXPORT_MEMORY, 0);
    Buffer body;
    buffer_init(&body, 64);
    buffer_append(&body, "\x00\x00\x0B", 3);
    builder_export(&builder, "__describe_module__", EXPORT_FUNCTION,
                   builder_function(&builder, "i:", &body));
    builder_export(&builder, "__call_reducer__", EXPORT_FUNCTION,
                   builder_function(&builder, "illlllllii:i", &body));
    buffer_done(&body);
    assert_int_equal(start(built, &builder, NULL), STATUS_INVALID);
    const char *text =
        "error getting module description: wasm trap: wasm `unreachable` instruction executed\n";
    if (strncmp(built->error.text, text, strlen(text)) != 0) fail_msg("%s", built->error.text);
}

// A name of 250 bytes that would demangle to gigabytes is shown as it is; the cause is there all the same.
static void hostile_names(void **state) {
    Built *built = *state;
    Buffer name;
    buffer_init(&name, 1000);
    buffer_append_text(&name, "_Z1f1aIiiES_IS0_S0_E");
    for (int i = 1; i < 23; i++) {
        char digit = "0123456789ABCDEFGHIJKLMNOPQ"[i];
        buffer_append_format(&name, "S_IS%c_S%c_E", digit, digit);
    }
    buffer_u8(&name, 0);
    static const struct {
        const char *body, *cause;
        uint32_t body_count;
    } CASES[] = {
        {"\x00\x00\x0B",
         "wasm trap: wasm `unreachable` instruction executed\nwasm backtrace:\n    0: ", 3},
        {"\x00\x41\x00\x10\x00\x0B",
         "null pointer passed to a spacetime function\nwasm backtrace:\n    0: ", 6},
    };
    for (int i = 0; i < 2; i++) {
        WasmBuilder builder;
        build_good(&builder);
        Buffer body;
        buffer_init(&body, 64);
        buffer_append(&body, CASES[i].body, CASES[i].body_count);
        uint32_t function = builder_function(&builder, ":", &body);
        buffer_done(&body);
        builder_name(&builder, function, (const char *)name.data);
        builder_export(&builder, "_initialize", EXPORT_FUNCTION, function);
        int64_t started = os_real()->monotonic_nanos(os_real());
        assert_int_equal(start(built, &builder, NULL), STATUS_INVALID);
        assert_true(os_real()->monotonic_nanos(os_real()) - started < 1000000000);
        char text[512];
        snprintf(text, sizeof text, "wasm trap while calling \"_initialize\": %s%s", CASES[i].cause,
                 (const char *)name.data);
        assert_string_equal(built->error.text, text);
    }
    buffer_done(&name);
}

// A description may have 64 MiB, and not one byte more.
static void description_limit(void **state) {
    Built *built = *state;
    for (uint32_t extra = 0; extra < 2; extra++) {
        WasmBuilder builder;
        builder_init(&builder);
        builder_import(&builder, "spacetime_10.0", "bytes_sink_write", "iii:i");
        builder_memory(&builder, (MODULE_DEF_BYTES_MAX >> 16) + 1);
        builder_export(&builder, "memory", EXPORT_MEMORY, 0);
        Buffer body;
        buffer_init(&body, 64);
        buffer_u8(&body, 0);
        emit_i32(&body, 8);
        emit_i32(&body, MODULE_DEF_BYTES_MAX + extra);
        emit_memory(&body, OP_I32_STORE, 0);
        emit_get(&body, 0);
        emit_i32(&body, 16);
        emit_i32(&body, 8);
        emit_call(&body, 0);
        buffer_append(&body, (uint8_t[]){OP_DROP, OP_END}, 2);
        builder_export(&builder, "__describe_module__", EXPORT_FUNCTION,
                       builder_function(&builder, "i:", &body));
        buffer_clear(&body);
        buffer_append(&body, "\x00\x41\x00\x0B", 4);
        builder_export(&builder, "__call_reducer__", EXPORT_FUNCTION,
                       builder_function(&builder, "illlllllii:i", &body));
        buffer_done(&body);
        Program *program = NULL;
        assert_int_equal(create(built, &builder, &program), STATUS_OK);
        Store *store = store_create();
        HostEnv env = {.os = os_real(), .store = store, .log = no_log};
        Instance *instance = NULL;
        guest_signals();
        Status status = instance_create(program, &env, &instance, &built->error);
        assert_int_equal(status, extra ? STATUS_LIMIT : STATUS_OK);
        if (!extra) assert_int_equal(instance_description(instance).count, MODULE_DEF_BYTES_MAX);
        instance_free(instance);
        store_free(store);
        program_unref(program);
    }
}

// ---- the cache ----

static void count_files(void *user, const char *name, bool is_directory) {
    char *path = user;
    if (!is_directory) strcpy(path, name);
}

static void cache(void **state) {
    Built *built = *state;
    char directory[] = "/tmp/host-cache-XXXXXX";
    assert_non_null(mkdtemp(directory));
    HostEngine *engine;
    Error error;
    Program *program = NULL;
    WasmBuilder builder;
    build_good(&builder);
    builder_finish(&builder, &built->module);
    builder_done(&builder);
    assert_int_equal(host_engine_create(os_real(), directory, &engine, &error), STATUS_OK);
    assert_int_equal(create_on(built, engine, &program), STATUS_OK);
    program_unref(program);
    char name[256] = "";
    assert_int_equal(os_real()->directory_list(os_real(), directory, count_files, name, &error),
                     STATUS_OK);
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);

    // Whole, it is used: even if the program's bytes are not there any more.
    Hash hash = hash_keccak256(buffer_bytes(&built->module));
    assert_int_equal(program_create(engine, PROGRAM_WASM, B("-"), &hash, &program, &error),
                     STATUS_OK);
    program_unref(program);

    // Damaged anywhere, it is made again.
    Arena arena;
    arena_init(&arena, 1 << 24);
    Bytes file;
    assert_int_equal(os_file_read_all(os_real(), path, 1 << 24, &arena, &file, &error), STATUS_OK);
    uint8_t *damaged = mem_alloc(file.count);
    for (uint32_t at = 0; at < file.count; at = at < 64 ? at + 1 : at + file.count / 16) {
        memcpy(damaged, file.data, file.count);
        damaged[at] ^= 1;
        assert_int_equal(os_file_replace(os_real(), path, bytes_of(damaged, file.count), &error),
                         STATUS_OK);
        assert_int_equal(program_create(engine, PROGRAM_WASM, B("-"), &hash, &program, &error),
                         STATUS_INVALID);
        assert_int_equal(create_on(built, engine, &program), STATUS_OK);
        program_unref(program);
        Bytes again;
        assert_int_equal(os_file_read_all(os_real(), path, 1 << 24, &arena, &again, &error),
                         STATUS_OK);
        assert_true(again.count == file.count);
    }
    static const uint32_t CUTS[] = {0, 7, 47, 48, 49};
    for (size_t i = 0; i < sizeof CUTS / sizeof *CUTS; i++) {
        assert_int_equal(os_file_replace(os_real(), path, bytes_of(damaged, CUTS[i]), &error),
                         STATUS_OK);
        assert_int_equal(create_on(built, engine, &program), STATUS_OK);
        program_unref(program);
    }
    mem_free(damaged);
    arena_done(&arena);
    host_engine_free(engine);
    assert_int_equal(os_real()->remove(os_real(), path, &error), STATUS_OK);
    assert_int_equal(os_real()->remove(os_real(), directory, &error), STATUS_OK);
}

// A directory that cannot be made is an error of the configuration.
// Another version of the engine, or another machine: its code is not believed though its hash is right, and made anew.
static void cache_of_another_engine(void **state) {
    Built *built = *state;
    char directory[] = "/tmp/host-cache-XXXXXX";
    assert_non_null(mkdtemp(directory));
    HostEngine *engine;
    Error error;
    Program *program = NULL;
    WasmBuilder builder;
    build_good(&builder);
    builder_finish(&builder, &built->module);
    builder_done(&builder);
    assert_int_equal(host_engine_create(os_real(), directory, &engine, &error), STATUS_OK);
    assert_int_equal(create_on(built, engine, &program), STATUS_OK);
    program_unref(program);
    char name[256] = "";
    assert_int_equal(os_real()->directory_list(os_real(), directory, count_files, name, &error),
                     STATUS_OK);
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    Arena arena;
    arena_init(&arena, 1 << 24);
    Bytes file;
    assert_int_equal(os_file_read_all(os_real(), path, 1 << 24, &arena, &file, &error), STATUS_OK);
    uint8_t *other = arena_alloc(&arena, file.count);
    memcpy(other, file.data, file.count);
    // The engine writes its major version there, with its length before it.
    char wanted[32];
    int count = snprintf(wanted, sizeof wanted, "%c%u", WASMTIME_VERSION_MAJOR > 99 ? 3 : 2,
                         WASMTIME_VERSION_MAJOR);
    uint8_t *version = memmem(other, file.count, wanted, (size_t)count);
    assert_non_null(version);
    version[1] = version[1] == '1' ? '2' : '1';
    Hash hash = hash_blake3(bytes_of(other + 48, file.count - 48));
    memcpy(other + 16, hash.bytes, sizeof hash.bytes);
    assert_int_equal(os_file_replace(os_real(), path, bytes_of(other, file.count), &error),
                     STATUS_OK);
    Hash program_hash = hash_keccak256(buffer_bytes(&built->module));
    assert_int_equal(program_create(engine, PROGRAM_WASM, B("-"), &program_hash, &program, &error),
                     STATUS_INVALID);
    assert_int_equal(create_on(built, engine, &program), STATUS_OK);
    program_unref(program);
    Bytes again;
    assert_int_equal(os_file_read_all(os_real(), path, 1 << 24, &arena, &again, &error), STATUS_OK);
    assert_true(bytes_equal(again, file));
    arena_done(&arena);
    host_engine_free(engine);
    assert_int_equal(os_real()->remove(os_real(), path, &error), STATUS_OK);
    assert_int_equal(os_real()->remove(os_real(), directory, &error), STATUS_OK);
}

// A disk that fails at any point of the writing leaves the whole file or none, and the program runs.
typedef struct FailingOs {
    Os os;
    int left;  // calls that work
} FailingOs;

static Status failing(Os *os, Error *error) {
    FailingOs *failing_os = (FailingOs *)(void *)os;
    return failing_os->left-- > 0 ? STATUS_OK : error_set(error, STATUS_IO, "no");
}

static Status failing_write(Os *os, File file, uint64_t at, const void *bytes, size_t count,
                            Error *error) {
    Status status = failing(os, error);
    if (status != STATUS_OK) count /= 2;  // a part of it is there
    Status written = os_real()->file_write(os_real(), file, at, bytes, count, error);
    return status == STATUS_OK ? written : status;
}

static Status failing_sync(Os *os, File file, Error *error) {
    Status status = failing(os, error);
    return status == STATUS_OK ? os_real()->file_sync(os_real(), file, error) : status;
}

static Status failing_rename(Os *os, const char *from, const char *to, Error *error) {
    Status status = failing(os, error);
    return status == STATUS_OK ? os_real()->rename(os_real(), from, to, error) : status;
}

static void cache_is_written_whole(void **state) {
    Built *built = *state;
    WasmBuilder builder;
    build_good(&builder);
    builder_finish(&builder, &built->module);
    builder_done(&builder);
    for (int calls = 0; calls < 5; calls++) {
        char directory[] = "/tmp/host-cache-XXXXXX";
        assert_non_null(mkdtemp(directory));
        FailingOs os = {.os = *os_real(), .left = calls};
        os.os.file_write = failing_write;
        os.os.file_sync = failing_sync;
        os.os.rename = failing_rename;
        HostEngine *engine;
        Error error;
        Program *program = NULL;
        assert_int_equal(host_engine_create(&os.os, directory, &engine, &error), STATUS_OK);
        assert_int_equal(create_on(built, engine, &program), STATUS_OK);
        program_unref(program);
        host_engine_free(engine);
        assert_int_equal(host_engine_create(os_real(), directory, &engine, &error), STATUS_OK);
        Hash hash = hash_keccak256(buffer_bytes(&built->module));
        Status status = program_create(engine, PROGRAM_WASM, B("-"), &hash, &program, &error);
        assert_int_equal(status, calls < 3 ? STATUS_INVALID : STATUS_OK);
        if (status == STATUS_OK) program_unref(program);
        host_engine_free(engine);
        char command[64];
        snprintf(command, sizeof command, "rm -r %s", directory);
        assert_int_equal(system(command), 0);
    }
}

static void cache_is_a_file(void **state) {
    Built *built = *state;
    char path[] = "/tmp/host-cache-XXXXXX";
    close(mkstemp(path));
    HostEngine *engine = NULL;
    assert_int_not_equal(host_engine_create(os_real(), path, &engine, &built->error), STATUS_OK);
    assert_null(engine);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(versions, setup, teardown),
        cmocka_unit_test_setup_teardown(unresolved_imports, setup, teardown),
        cmocka_unit_test_setup_teardown(cpp_bindings_link, setup, teardown),
        cmocka_unit_test_setup_teardown(every_host_call_links, setup, teardown),
        cmocka_unit_test_setup_teardown(exports, setup, teardown),
        cmocka_unit_test_setup_teardown(both_http_handler_signatures, setup, teardown),
        cmocka_unit_test_setup_teardown(not_wasm, setup, teardown),
        cmocka_unit_test_setup_teardown(features, setup, teardown),
        cmocka_unit_test_setup_teardown(memories, setup, teardown),
        cmocka_unit_test_setup_teardown(start_order, setup, teardown),
        cmocka_unit_test_setup_teardown(start_failures, setup, teardown),
        cmocka_unit_test_setup_teardown(start_function, setup, teardown),
        cmocka_unit_test_setup_teardown(describe_failure, setup, teardown),
        cmocka_unit_test_setup_teardown(hostile_names, setup, teardown),
        cmocka_unit_test_setup_teardown(description_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(cache, setup, teardown),
        cmocka_unit_test_setup_teardown(cache_of_another_engine, setup, teardown),
        cmocka_unit_test_setup_teardown(cache_is_written_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(cache_is_a_file, setup, teardown),
    };
    fixture_signals();
    log_set_level(LOG_ERROR);  // damaged cache files are announced
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// guest.h - a database with a few tables and the remote-controlled module on it: for tests, fuzz targets and benches
// of host/. What goes wrong here ends the process; it needs no test library.
//
//   person(id u64 auto-inc primary key, a u32, b u32)    btree on id, on a, on (a, b)
//   word(n u32, s string)                                hash on n
//   pair(k u32 primary key, v u32 unique)
//   timer(id u64 auto-inc primary key, at ScheduleAt)    scheduled
#pragma once

#include "remote.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define LOGS_MAX 64u
#define NOW_MICROS 1700000000000000ll

typedef struct LoggedRecord {
    ModuleLogRecord record;
    char target[64], filename[64], function[64], message[512];
    char frames[MODULE_TRACE_FRAMES_MAX][128];
} LoggedRecord;

typedef struct Fixture {
    Os os;  // real but for the wall clock
    HostEngine *engine;
    Program *program;
    Instance *instance;
    HostEnv env;
    Store *store;
    RemoteScript script;
    Buffer args;
    CallOutcome outcome;
    LoggedRecord *logs;
    uint32_t log_count;
    char scheduled[64];  // the last immediate call
    uint32_t scheduled_args_count;
    TableId person, word, pair, timer;
    int64_t nanos;  // monotonic clock; 0: the real one
} Fixture;

// cmocka installs signal handlers of its own before each test, over those with which Wasmtime catches traps.
// fixture_signals() remembers Wasmtime's, first thing in main; guest_signals() puts them back before guests run.
static const int GUEST_SIGNALS[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
static struct sigaction guest_actions[sizeof GUEST_SIGNALS / sizeof *GUEST_SIGNALS];

static inline void fixture_signals(void) {
    HostEngine *engine;
    Error error;
    ASSERT(host_engine_create(os_real(), NULL, &engine, &error) == STATUS_OK);
    host_engine_free(engine);
    for (size_t i = 0; i < sizeof GUEST_SIGNALS / sizeof *GUEST_SIGNALS; i++) {
        sigaction(GUEST_SIGNALS[i], NULL, &guest_actions[i]);
    }
}

static inline void guest_signals(void) {
    for (size_t i = 0; i < sizeof GUEST_SIGNALS / sizeof *GUEST_SIGNALS; i++) {
        sigaction(GUEST_SIGNALS[i], &guest_actions[i], NULL);
    }
}

// What the module of the next fixture exports.
static RemoteExports guest_exports = REMOTE_FEW_EXPORTS;

#define fixture_fail(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), UNREACHABLE())

static inline int64_t fixture_time(Os *os) {
    (void)os;
    return NOW_MICROS;
}

static inline int64_t fixture_nanos(Os *os) {
    Fixture *fixture = os->user;
    return fixture->nanos ? fixture->nanos : os_real()->monotonic_nanos(os_real());
}

static inline Bytes fixture_copy(char *to, size_t max, Bytes from) {
    if (!from.data) return BYTES_NONE;
    uint32_t count = from.count < max ? from.count : (uint32_t)max;
    memcpy(to, from.data, count);
    return bytes_of(to, count);
}

static inline void fixture_log(void *user, const ModuleLogRecord *record) {
    Fixture *fixture = user;
    if (fixture->log_count == LOGS_MAX) return;
    LoggedRecord *logged = &fixture->logs[fixture->log_count++];
    logged->record = *record;
    logged->record.target = fixture_copy(logged->target, sizeof logged->target, record->target);
    logged->record.filename = fixture_copy(logged->filename, sizeof logged->filename,
                                           record->filename);
    logged->record.function = fixture_copy(logged->function, sizeof logged->function,
                                           record->function);
    logged->record.message = fixture_copy(logged->message, sizeof logged->message, record->message);
    for (uint32_t i = 0; i < record->trace_count; i++) {
        snprintf(logged->frames[i], sizeof logged->frames[i], "%.*s",
                 BYTES_FORMAT(record->trace[i].func_name));
    }
}

static inline void fixture_schedule(void *user, Bytes function, Bytes args) {
    Fixture *fixture = user;
    snprintf(fixture->scheduled, sizeof fixture->scheduled, "%.*s", BYTES_FORMAT(function));
    fixture->scheduled_args_count = args.count;
}

static inline Table *fixture_table(Store *store, const TableSchema *schema) {
    Tx *tx = tx_begin(store);
    Table *table;
    Error error;
    if (tx_create_table(tx, schema, &table, &error) != STATUS_OK) fixture_fail("%s", error.text);
    tx_commit(tx);
    tx_release(tx);
    return table;
}

#define B(text) BYTES_LITERAL(text)
#define COLUMNS(...) {(const uint16_t[]){__VA_ARGS__}, sizeof((uint16_t[]){__VA_ARGS__}) / 2}

static inline TableSchema fixture_schema(const char *name, const ColumnSchema *columns,
                                         uint16_t count, Arena *arena) {
    TypeField fields[8];
    for (uint16_t i = 0; i < count; i++) fields[i] = (TypeField){columns[i].name, columns[i].type};
    return (TableSchema){.name = bytes_of_text(name),
                         .accessor = bytes_of_text(name),
                         .columns = columns,
                         .column_count = count,
                         .row_type = type_product(arena, fields, count),
                         .primary_key = COLUMN_NONE,
                         .origin = TABLE_USER,
                         .access = TABLE_PRIVATE};
}

static inline void fixture_tables(Fixture *fixture) {
    Arena arena;
    arena_init(&arena, 1 << 20);
    const Type *u32_type = type_primitive(TYPE_U32);
    const Type *u64_type = type_primitive(TYPE_U64);

    ColumnSchema person[] = {{B("id"), B("id"), u64_type, BYTES_NONE},
                             {B("a"), B("a"), u32_type, BYTES_NONE},
                             {B("b"), B("b"), u32_type, BYTES_NONE}};
    IndexSchema person_indexes[] = {
        {.name = B("person_id_idx_btree"), .kind = INDEX_BTREE, .columns = COLUMNS(0)},
        {.name = B("person_a_idx_btree"), .kind = INDEX_BTREE, .columns = COLUMNS(1)},
        {.name = B("person_a_b_idx_btree"),
         .kind = INDEX_BTREE,
         .columns = COLUMNS(1, 2),
         .accessor = B("PersonAB")}};
    ConstraintSchema person_unique[] = {{.name = B("person_id_key"), .columns = COLUMNS(0)}};
    SequenceSchema sequence = {.name = B("person_id_seq"),
                               .column = 0,
                               .start = 1,
                               .min = 1,
                               .max = INT64_MAX,
                               .increment = 1};
    TableSchema schema = fixture_schema("person", person, 3, &arena);
    schema.accessor = B("Person");
    schema.indexes = person_indexes, schema.index_count = 3;
    schema.constraints = person_unique, schema.constraint_count = 1;
    schema.sequences = &sequence, schema.sequence_count = 1;
    schema.primary_key = 0;
    fixture->person = table_id(fixture_table(fixture->store, &schema));

    ColumnSchema word[] = {{B("n"), B("n"), u32_type, BYTES_NONE},
                           {B("s"), B("s"), type_primitive(TYPE_STRING), BYTES_NONE}};
    IndexSchema word_index = {
        .name = B("word_n_idx_hash"), .kind = INDEX_HASH, .columns = COLUMNS(0)};
    schema = fixture_schema("word", word, 2, &arena);
    schema.indexes = &word_index, schema.index_count = 1;
    fixture->word = table_id(fixture_table(fixture->store, &schema));

    ColumnSchema pair[] = {{B("k"), B("k"), u32_type, BYTES_NONE},
                           {B("v"), B("v"), u32_type, BYTES_NONE}};
    IndexSchema pair_indexes[] = {
        {.name = B("pair_k_idx_btree"), .kind = INDEX_BTREE, .columns = COLUMNS(0)},
        {.name = B("pair_v_idx_btree"), .kind = INDEX_BTREE, .columns = COLUMNS(1)}};
    ConstraintSchema pair_unique[] = {{.name = B("pair_k_key"), .columns = COLUMNS(0)},
                                      {.name = B("pair_v_key"), .columns = COLUMNS(1)}};
    schema = fixture_schema("pair", pair, 2, &arena);
    schema.indexes = pair_indexes, schema.index_count = 2;
    schema.constraints = pair_unique, schema.constraint_count = 2;
    schema.primary_key = 0;
    fixture->pair = table_id(fixture_table(fixture->store, &schema));

    ColumnSchema timer[] = {{B("id"), B("id"), u64_type, BYTES_NONE},
                            {B("at"), B("at"), type_special(SPECIAL_SCHEDULE_AT), BYTES_NONE}};
    IndexSchema timer_index = {
        .name = B("timer_id_idx_btree"), .kind = INDEX_BTREE, .columns = COLUMNS(0)};
    ConstraintSchema timer_unique = {.name = B("timer_id_key"), .columns = COLUMNS(0)};
    sequence.name = B("timer_id_seq");
    schema = fixture_schema("timer", timer, 2, &arena);
    schema.indexes = &timer_index, schema.index_count = 1;
    schema.constraints = &timer_unique, schema.constraint_count = 1;
    schema.sequences = &sequence, schema.sequence_count = 1;
    schema.primary_key = 0;
    schema.has_schedule = true;
    schema.schedule = (ScheduleSchema){
        .name = B("timer_sched"), .function = B("tick"), .at_column = 1};
    fixture->timer = table_id(fixture_table(fixture->store, &schema));
    arena_done(&arena);
}

static inline void fixture_instance(Fixture *fixture) {
    Error error;
    guest_signals();
    instance_free(fixture->instance);
    fixture->instance = NULL;
    if (instance_create(fixture->program, &fixture->env, &fixture->instance, &error) != STATUS_OK) {
        fixture_fail("%s", error.text);
    }
}

static inline int fixture_setup(void **state) {
    Fixture *fixture = mem_alloc_zero(sizeof *fixture);
    fixture->os = *os_real();
    fixture->os.user = fixture;
    fixture->os.time_micros = fixture_time;
    fixture->os.monotonic_nanos = fixture_nanos;
    fixture->logs = mem_alloc_zero(sizeof *fixture->logs * LOGS_MAX);
    Error error;
    if (host_engine_create(os_real(), NULL, &fixture->engine, &error) != STATUS_OK)
        fixture_fail("%s", error.text);
    Buffer module;
    buffer_init(&module, BUILDER_BYTES_MAX);
    remote_build(&module, guest_exports);
    Hash hash = hash_keccak256(buffer_bytes(&module));
    if (program_create(fixture->engine, PROGRAM_WASM, buffer_bytes(&module), &hash,
                       &fixture->program, &error) != STATUS_OK) {
        fixture_fail("%s", error.text);
    }
    fixture->store = store_create();
    fixture_tables(fixture);
    fixture->env = (HostEnv){.os = &fixture->os,
                             .store = fixture->store,
                             .user = fixture,
                             .log = fixture_log,
                             .schedule_immediate = fixture_schedule};
    for (uint32_t i = 0; i < 32; i++) fixture->env.database.bytes[i] = (uint8_t)(0xD0 + i);
    Tx *tx = tx_begin(fixture->store);
    tx_set_program(tx, &(ProgramInfo){.database = fixture->env.database,
                                      .hash = hash,
                                      .program = buffer_bytes(&module)});
    tx_commit(tx);
    tx_release(tx);
    buffer_done(&module);
    script_init(&fixture->script);
    buffer_init(&fixture->args, SCRIPT_BYTES_MAX);
    fixture_instance(fixture);
    fixture->env.tx = tx_begin(fixture->store);
    *state = fixture;
    return 0;
}

static inline int fixture_teardown(void **state) {
    Fixture *fixture = *state;
    if (fixture->env.tx) tx_rollback(fixture->env.tx);
    instance_free(fixture->instance);
    program_unref(fixture->program);
    host_engine_free(fixture->engine);
    store_free(fixture->store);
    script_done(&fixture->script);
    buffer_done(&fixture->args);
    mem_free(fixture->logs);
    mem_free(fixture);
    return 0;
}

// Runs the script as an anonymous view and forgets it.
static inline CallOutcome fixture_run(Fixture *fixture) {
    guest_signals();
    buffer_clear(&fixture->args);
    script_finish(&fixture->script, &fixture->args);
    script_clear(&fixture->script);
    FunctionCall call = {
        .name = B("remote"), .timestamp = NOW_MICROS, .args = buffer_bytes(&fixture->args)};
    fixture->outcome = instance_call_view(fixture->instance, VIEW_ANONYMOUS, &call);
    return fixture->outcome;
}

// Runs the script, which must end well, and returns the result of its last record.
static inline int64_t fixture_result(Fixture *fixture) {
    CallOutcome outcome = fixture_run(fixture);
    if (outcome.status != CALL_OK)
        fixture_fail("status %d: %.*s", outcome.status, BYTES_FORMAT(outcome.text));
    ASSERT(outcome.output.count >= 8);
    return (int64_t)load_u64le(outcome.output.data + outcome.output.count - 8);
}

// One host call; its result.
#define CALL(fixture, name, ...) \
    (SCRIPT_CALL(&(fixture)->script, name, __VA_ARGS__), fixture_result(fixture))
// One host call that traps with a text that begins so; a new instance takes over.
#define CALL_TRAPS(fixture, text, name, ...) \
    (SCRIPT_CALL(&(fixture)->script, name, __VA_ARGS__), fixture_traps(fixture, text))

static inline void fixture_traps(Fixture *fixture, const char *text) {
    CallOutcome outcome = fixture_run(fixture);
    ASSERT(outcome.status == CALL_TRAPPED);
    if (outcome.text.count < strlen(text) || memcmp(outcome.text.data, text, strlen(text)) != 0) {
        fixture_fail("trap text: %.*s", BYTES_FORMAT(outcome.text));
    }
    fixture_instance(fixture);
}

static inline void fixture_write(Fixture *fixture, uint32_t to, const void *bytes, size_t count) {
    script_write(&fixture->script, to, bytes_of(bytes, count));
    fixture_result(fixture);
}

static inline void fixture_write_u32(Fixture *fixture, uint32_t to, uint32_t value) {
    fixture_write(fixture, to, &value, sizeof value);
}

// Guest memory; valid until the next run.
static inline Bytes fixture_read(Fixture *fixture, uint32_t from, uint32_t count) {
    SCRIPT_OP(&fixture->script, REMOTE_READ, from, count);
    fixture_result(fixture);
    return bytes_slice(fixture->outcome.output, 0, count);
}

static inline uint32_t fixture_read_u32(Fixture *fixture, uint32_t from) {
    return load_u32le(fixture_read(fixture, from, 4).data);
}

static inline uint64_t fixture_read_u64(Fixture *fixture, uint32_t from) {
    return load_u64le(fixture_read(fixture, from, 8).data);
}

// Where tests put things.
enum {
    NAME_AT = FREE_AT,
    OUT_AT = FREE_AT + 0x1000,
    KEY_AT = FREE_AT + 0x2000,
    LOWER_AT = FREE_AT + 0x3000,
    UPPER_AT = FREE_AT + 0x4000,
    DATA_AT = FREE_AT + 0x5000,
    COUNT_AT = FREE_AT + 0xF00,
    BIG_AT = FREE_AT + 0x20000
};

static inline uint32_t fixture_index(Fixture *fixture, const char *name) {
    fixture_write(fixture, NAME_AT, name, strlen(name));
    ASSERT(CALL(fixture, "index_id_from_name", NAME_AT, strlen(name), OUT_AT) == 0);
    return fixture_read_u32(fixture, OUT_AT);
}

// Inserts a row; the errno. What was generated is at DATA_AT, its length at COUNT_AT.
static inline int64_t fixture_insert(Fixture *fixture, TableId table, const void *row,
                                     uint32_t count) {
    fixture_write_u32(fixture, COUNT_AT, count);
    fixture_write(fixture, DATA_AT, row, count);
    return CALL(fixture, "datastore_insert_bsatn", table, DATA_AT, COUNT_AT);
}

static inline int64_t fixture_insert_person(Fixture *fixture, uint64_t id, uint32_t a, uint32_t b) {
    uint8_t row[16];
    store_u64le(row, id);
    store_u32le(row + 8, a);
    store_u32le(row + 12, b);
    return fixture_insert(fixture, fixture->person, row, sizeof row);
}

static inline int64_t fixture_insert_pair(Fixture *fixture, uint32_t k, uint32_t v) {
    uint8_t row[8];
    store_u32le(row, k);
    store_u32le(row + 4, v);
    return fixture_insert(fixture, fixture->pair, row, sizeof row);
}

// Reads an iterator to its end through a buffer of 64 KiB at BIG_AT, which must do; the bytes, valid until the next run.
static inline Bytes fixture_drain(Fixture *fixture, uint32_t iter) {
    fixture_write_u32(fixture, COUNT_AT, 65536);
    ASSERT(CALL(fixture, "row_iter_bsatn_advance", iter, BIG_AT, COUNT_AT) == -1);
    uint32_t count = fixture_read_u32(fixture, COUNT_AT);
    return fixture_read(fixture, BIG_AT, count);
}

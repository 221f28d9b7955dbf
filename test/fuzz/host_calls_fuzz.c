// host_calls_fuzz.c - a guest that makes any host calls with any arguments.
//
// The input is a list of calls: | op | for each argument: a selector and, for some, bytes |. Selectors pick what guests
// get wrong: null, the ends of memory, handles and ids that exist or nearly do. Whatever comes, the call ends in one of
// the ways host.h names, and the database is as before after its transaction is rolled back.
#include "guest.h"  // of test/unit/host

#define CALLS_MAX 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static Fixture *fixture;

static uint64_t argument(Reader *reader) {
    uint8_t selector = reader_u8(reader);
    switch (selector & 15) {
    case 0: return 0;
    case 1: return FREE_AT + 64u * (selector >> 4);
    case 2: return REMOTE_BYTES - (selector >> 4);
    case 3: return UINT32_MAX - (selector >> 4);
    case 4: return selector >> 4;
    case 5: return USER_ID_MIN + (selector >> 4);
    case 6: return reader_u32(reader);
    case 7: return ST_TABLE + (selector >> 4);
    case 8: return 4u << (selector >> 4);
    case 9: return OUT_AT;
    case 10: return COUNT_AT;
    case 11: return DATA_AT + (selector >> 4);
    case 12: return 0x80000000u + (selector >> 4);
    case 13: return 16u + (selector >> 4);
    default: return reader_u8(reader);
    }
}

static uint64_t rows_now(void) {
    uint64_t rows = 0;
    TableId at = 0;
    for (Table *table; (table = store_next_table(fixture->store, &at));) {
        rows = rows * 31 + table_row_count(table);
    }
    return rows;
}

static void no_log(void *user, const ModuleLogRecord *record) {
    (void)user;
    ASSERT(utf8_is_valid(record->message));
    ASSERT(utf8_is_valid(record->target));
    ASSERT(utf8_is_valid(record->filename));
}

// Not before the first input: Wasmtime's signal handlers must come after the driver's.
static void start(void) {
    void *state;
    fixture_signals();
    fixture_setup(&state);
    fixture = state;
    fixture->env.log = no_log;
    for (uint32_t i = 1; i < 20; i++) {
        fixture_insert_person(fixture, i, i % 3, i);
        fixture_insert_pair(fixture, i, i);
    }
    tx_commit(fixture->env.tx);
    tx_release(fixture->env.tx);
    fixture->env.tx = tx_begin(fixture->store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (!fixture) start();
    uint64_t before = rows_now();
    Reader reader = reader_of(bytes_of(data, count));
    // Something to point at: the input itself, and lengths.
    fixture_write(fixture, DATA_AT, data, count < 512 ? count : 512);
    fixture_write_u32(fixture, COUNT_AT, 16);
    fixture_write(fixture, OUT_AT, "\x10\0\0\0\1\0\0\0", 8);
    uint32_t call_count;
    host_calls(&call_count);
    for (uint32_t i = 0; i < CALLS_MAX && reader_left(&reader) > 0; i++) {
        uint8_t op = reader_u8(&reader) % (call_count + 2);
        uint64_t args[RECORD_ARGS_MAX];
        for (uint32_t a = 0; a < RECORD_ARGS_MAX; a++) args[a] = argument(&reader);
        if (op == call_count) op = REMOTE_GROW, args[0] &= 15;
        if (op == call_count + 1) op = REMOTE_LOAD;
        script_add(&fixture->script, op, 1, args, RECORD_ARGS_MAX);
    }
    CallOutcome outcome = fixture_run(fixture);
    ASSERT(outcome.status == CALL_OK || outcome.status == CALL_TRAPPED);
    ASSERT(utf8_is_valid(outcome.text));
    tx_rollback(fixture->env.tx);
    ASSERT(rows_now() == before);
    fixture->env.tx = tx_begin(fixture->store);
    // Memory that grew is given back.
    if (outcome.status == CALL_TRAPPED || instance_memory_bytes(fixture->instance) > REMOTE_BYTES) {
        fixture_instance(fixture);
    }
    return 0;
}

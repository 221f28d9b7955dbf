// hostile_calls_test.c - goal: every host call, given any address, length, handle and id, answers with an error number that it may
// give or ends the guest's call with a text that says which call it was; with and without a transaction. Method: the
// remote-controlled module; for each call a good set of arguments, of which one and then two at a time are replaced by each of
// VALUES. What came of it is gathered as a set of numbers and compared with what module-abi.md 1.6 to 1.8 says.
#include "fixture.h"

#include "host/host.h"

#define ERRNO_COUNT 22u
#define TRAPPED ERRNO_COUNT  // behind the numbers
#define END_OF_ITER (ERRNO_COUNT + 1)
#define BIT(n) (1u << (n))
#define T BIT(TRAPPED)
#define E(n) BIT(n)
#define END BIT(END_OF_ITER)
#define OPEN_HANDLE UINT64_MAX  // as an argument: one that is opened for the run

enum { NAME_BYTES = 6, INDEX_NAME_AT = FREE_AT + 0x6000, ROW_AT_GOOD = FREE_AT + 0x7000 };

static const uint32_t VALUES[] = {
    0, 1, 2, 7, 4096, OUT_AT, REMOTE_BYTES - 1, REMOTE_BYTES, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
#define VALUE_COUNT (sizeof VALUES / sizeof *VALUES)

// Sources and sinks of a call are known to nobody but the guest: theirs are stale ones.
typedef enum Id { ID_NONE, ID_PERSON, ID_INDEX, ID_ITER, ID_SOURCE, ID_SINK, ID_TIMER } Id;

typedef struct CallCase {
    const char *name;
    Id first;           // what the first argument is
    uint64_t args[9];   // good ones; the first is replaced
    uint32_t expected;  // in a transaction
    uint32_t outside;   // of one
} CallCase;

// BIT(0): it worked. Numbers as in module-abi.md 1.5.
static const CallCase CASES[] = {
    {"table_id_from_name", ID_NONE, {NAME_AT, NAME_BYTES, OUT_AT}, E(0) | E(4) | T, E(2)},
    {"index_id_from_name", ID_NONE, {INDEX_NAME_AT, 19, OUT_AT}, E(0) | E(5) | T, E(2)},
    {"datastore_table_row_count", ID_PERSON, {0, OUT_AT}, E(0) | E(4) | T, E(2)},
    {"datastore_table_scan_bsatn", ID_PERSON, {0, OUT_AT}, E(0) | E(4) | T, E(2)},
    {"datastore_index_scan_range_bsatn",
     ID_INDEX,
     {0, 0, 0, 0, LOWER_AT, 1, UPPER_AT, 1, OUT_AT},
     E(0) | E(3) | E(5) | T,
     E(2)},
    {"datastore_btree_scan_bsatn",
     ID_INDEX,
     {0, 0, 0, 0, LOWER_AT, 1, UPPER_AT, 1, OUT_AT},
     E(0) | E(3) | E(5) | T,
     E(2)},
    {"datastore_index_scan_point_bsatn",
     ID_INDEX,
     {0, KEY_AT, 8, OUT_AT},
     E(0) | E(3) | E(5) | T,
     E(2)},
    {"row_iter_bsatn_advance", ID_ITER, {0, BIG_AT, COUNT_AT}, E(6) | E(11) | END | T, E(6)},
    {"row_iter_bsatn_close", ID_ITER, {0}, E(0) | E(6), E(6)},
    {"datastore_insert_bsatn", ID_PERSON, {0, ROW_AT_GOOD, COUNT_AT}, E(0) | T, E(2)},
    {"datastore_update_bsatn",
     ID_PERSON,
     {0, 0, ROW_AT_GOOD, COUNT_AT},
     E(5) | E(14) | E(15) | T,
     E(2)},
    {"datastore_delete_by_index_scan_range_bsatn",
     ID_INDEX,
     {0, 0, 0, 0, LOWER_AT, 1, UPPER_AT, 1, OUT_AT},
     E(0) | E(3) | E(5) | T,
     E(2)},
    {"datastore_delete_by_btree_scan_bsatn",
     ID_INDEX,
     {0, 0, 0, 0, LOWER_AT, 1, UPPER_AT, 1, OUT_AT},
     E(0) | E(3) | E(5) | T,
     E(2)},
    {"datastore_delete_by_index_scan_point_bsatn",
     ID_INDEX,
     {0, KEY_AT, 8, OUT_AT},
     E(0) | E(3) | E(5) | T,
     E(2)},
    {"datastore_delete_all_by_eq_bsatn",
     ID_PERSON,
     {0, DATA_AT, 4, OUT_AT},
     E(0) | E(3) | E(4) | T,
     E(2)},
    {"datastore_clear", ID_PERSON, {0, OUT_AT}, E(0) | T, E(2)},
    {"bytes_source_read", ID_SOURCE, {0, BIG_AT, COUNT_AT}, E(8), E(8)},
    {"bytes_source_remaining_length", ID_SOURCE, {0, OUT_AT}, E(8), E(8)},
    {"bytes_sink_write", ID_SINK, {0, BIG_AT, COUNT_AT}, E(0) | E(8) | T, E(0) | E(8) | T},
    {"console_log", ID_NONE, {2, NAME_AT, 6, NAME_AT, 6, 1, NAME_AT, 6}, E(0), E(0)},
    {"console_timer_start", ID_NONE, {NAME_AT, 6}, E(0) | T, E(0) | T},
    {"console_timer_end", ID_TIMER, {0}, E(0) | E(7), E(0) | E(7)},
    {"identity", ID_NONE, {OUT_AT}, E(0) | T, E(0) | T},
    {"volatile_nonatomic_schedule_immediate",
     ID_NONE,
     {NAME_AT, 6, DATA_AT, 4},
     E(0) | T,
     E(0) | T},
    {"get_jwt", ID_NONE, {DATA_AT, OUT_AT}, E(0) | T, E(2)},
    {"procedure_sleep_until", ID_NONE, {5}, T, T},
    {"procedure_start_mut_tx", ID_NONE, {OUT_AT}, E(17), T},
    {"procedure_commit_mut_tx", ID_NONE, {0}, E(18), E(18)},
    {"procedure_abort_mut_tx", ID_NONE, {0}, E(18), E(18)},
    {"procedure_http_request", ID_NONE, {DATA_AT, 4, DATA_AT, 4, OUT_AT}, T, T},
    {"env_get", ID_NONE, {NAME_AT, 6, OUT_AT}, E(1) | T, E(1) | E(2) | T},
};
#define CASE_COUNT (sizeof CASES / sizeof *CASES)

typedef struct Observed {
    uint32_t outcomes;
    uint32_t runs;
} Observed;

static uint32_t arg_count(const char *name) {
    uint32_t count;
    const HostCall *calls = host_calls(&count);
    return (uint32_t)(strchr(calls[remote_op(name)].signature, ':') -
                      calls[remote_op(name)].signature);
}

static bool returns_value(const char *name) {
    uint32_t count;
    const HostCall *calls = host_calls(&count);
    return strchr(calls[remote_op(name)].signature, ':')[1] != '\0';
}

// What the arguments point at, and what they name: before each run, because runs write.
static void prepare(Fixture *fixture) {
    RemoteScript *script = &fixture->script;
    static const uint8_t ROW[16] = {0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0};
    static const uint8_t KEY[8] = {1};
    script_write(script, NAME_AT, B("person"));
    script_write(script, INDEX_NAME_AT, B("person_id_idx_btree"));
    script_write(script, ROW_AT_GOOD, bytes_of(ROW, sizeof ROW));
    script_write(script, KEY_AT, bytes_of(KEY, sizeof KEY));
    script_write(script, LOWER_AT, B("\x02"));
    script_write(script, UPPER_AT, B("\x02"));
    script_write(script, DATA_AT, B("\0\0\0\0"));
    script_write(script, COUNT_AT, B("\x10\0\0\0"));
}

// A handle that is open; outside of a transaction there is no iterator, so that the call finds a stale one.
static uint64_t open_handle(Fixture *fixture, Id id) {
    fixture_write(fixture, NAME_AT, "person", 6);
    if (id == ID_TIMER) return (uint64_t)CALL(fixture, "console_timer_start", NAME_AT, 6);
    if (id != ID_ITER || fixture->env.tx == NULL) return 1;
    (void)fixture_insert_person(fixture, 77, 1, 2);  // or it is there already
    assert_int_equal(CALL(fixture, "datastore_table_scan_bsatn", fixture->person, OUT_AT), 0);
    return fixture_read_u32(fixture, OUT_AT);
}

static void note(Fixture *fixture, const CallCase *at, const CallOutcome *outcome,
                 Observed *observed) {
    observed->runs++;
    if (outcome->status == CALL_TRAPPED) {
        if (!memmem(outcome->text.data, outcome->text.count, "\nwasm backtrace:", 16))
            fail_msg("%s: trap: %.*s", at->name, BYTES_FORMAT(outcome->text));
        observed->outcomes |= T;
        fixture_instance(fixture);
        return;
    }
    assert_int_equal(outcome->status, CALL_OK);
    assert_true(outcome->output.count >= 8);
    int64_t value = (int64_t)load_u64le(outcome->output.data + outcome->output.count - 8);
    if (!returns_value(at->name) || strcmp(at->name, "console_timer_start") == 0) {
        observed->outcomes |= BIT(0);
    } else if (value == -1) {
        observed->outcomes |= END;
    } else if (value >= 0 && value < (int64_t)ERRNO_COUNT) {
        observed->outcomes |= BIT(value);
    } else {
        fail_msg("%s: answered %lld", at->name, (long long)value);
    }
}

static void run_once(Fixture *fixture, const CallCase *at, const uint64_t *args,
                     Observed *observed) {
    uint64_t real[9];
    memcpy(real, args, sizeof real);
    if (real[0] == OPEN_HANDLE) real[0] = open_handle(fixture, at->first);
    prepare(fixture);
    script_add(&fixture->script, remote_op(at->name), 1, real, 9);
    CallOutcome outcome = fixture_run(fixture);
    note(fixture, at, &outcome, observed);
}

static void check_call(Fixture *fixture, const CallCase *at, uint32_t expected) {
    Observed observed = {0};
    uint64_t good[9];
    memcpy(good, at->args, sizeof good);
    switch (at->first) {
    case ID_NONE: break;
    case ID_PERSON: good[0] = fixture->person; break;
    case ID_INDEX: good[0] = fixture_index(fixture, "person_id_idx_btree"); break;
    case ID_ITER:
    case ID_SOURCE:
    case ID_SINK:
    case ID_TIMER: good[0] = OPEN_HANDLE; break;
    }
    if (fixture->env.tx && strcmp(at->name, "datastore_update_bsatn") == 0)
        good[1] = fixture_index(fixture, "person_a_idx_btree");
    uint32_t count = arg_count(at->name);
    run_once(fixture, at, good, &observed);
    for (uint32_t a = 0; a < count; a++) {
        for (uint32_t i = 0; i < VALUE_COUNT; i++) {
            uint64_t args[9];
            memcpy(args, good, sizeof args);
            args[a] = VALUES[i];
            run_once(fixture, at, args, &observed);
            for (uint32_t b = a + 1; b < count; b++) {
                args[b] = VALUES[(i + b) % VALUE_COUNT];
                run_once(fixture, at, args, &observed);
                args[b] = good[b];
            }
        }
    }
    if (observed.outcomes != expected) {
        fail_msg("%s%s: outcomes %08x, expected %08x", at->name, fixture->env.tx ? "" : ", outside",
                 observed.outcomes, expected);
    }
}

static void within_a_transaction(void **state) {
    Fixture *fixture = *state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        check_call(fixture, &CASES[i], CASES[i].expected);
        tx_rollback(fixture->env.tx);
        fixture->env.tx = tx_begin(fixture->store);
    }
}

static void outside_of_one(void **state) {
    Fixture *fixture = *state;
    Tx *tx = fixture->env.tx;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        CallCase at = CASES[i];
        if (at.first == ID_INDEX) {
            fixture->env.tx = tx;
            at.args[0] = fixture_index(fixture, "person_id_idx_btree");
            at.first = ID_NONE;
        }
        fixture->env.tx = NULL;
        check_call(fixture, &at, at.outside);
        fixture->env.tx = tx;
        tx_rollback(tx);
        fixture->env.tx = tx = tx_begin(fixture->store);
    }
}

// None is forgotten.
static void all_are_here(void **state) {
    (void)state;
    uint32_t count;
    const HostCall *calls = host_calls(&count);
    assert_int_equal(count, CASE_COUNT);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t found = 0;
        for (size_t c = 0; c < CASE_COUNT; c++) found += strcmp(CASES[c].name, calls[i].name) == 0;
        assert_int_equal(found, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_here),
        cmocka_unit_test_setup_teardown(within_a_transaction, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(outside_of_one, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

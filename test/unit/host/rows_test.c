// rows_test.c - the host calls that look tables up and write rows: results, every errno, every trap of module-abi.md
// 1.6, and hostile pointers.
#include "fixture.h"

#define NULL_POINTER "null pointer passed to a spacetime function\n"
#define OUT_OF_BOUNDS "out of bounds pointer passed to a spacetime function\n"
#define BAD_UTF8 "invalid utf8 passed to a spacetime function\n"

static uint64_t row_count(Fixture *fixture, TableId table) {
    assert_int_equal(CALL(fixture, "datastore_table_row_count", table, OUT_AT), 0);
    return fixture_read_u64(fixture, OUT_AT);
}

static void names(void **state) {
    Fixture *fixture = *state;
    static const struct {
        const char *name;
        bool is_there;
    } CASES[] = {{"person", true}, {"Person", true},   {"PERSON", false},   {"person ", false},
                 {"", false},      {"st_table", true}, {"st_client", true}, {"st_env", false}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        fixture_write(fixture, NAME_AT, CASES[i].name, strlen(CASES[i].name));
        fixture_write_u32(fixture, OUT_AT, 77);
        int64_t answer = CALL(fixture, "table_id_from_name", NAME_AT, strlen(CASES[i].name),
                              OUT_AT);
        assert_int_equal(answer, CASES[i].is_there ? 0 : ERRNO_NO_SUCH_TABLE);
        if (!CASES[i].is_there)
            assert_int_equal(fixture_read_u32(fixture, OUT_AT), 77);  // untouched
    }
    fixture_write(fixture, NAME_AT, "Person", 6);
    assert_int_equal(CALL(fixture, "table_id_from_name", NAME_AT, 6, OUT_AT), 0);
    assert_int_equal(fixture_read_u32(fixture, OUT_AT), fixture->person);

    assert_int_equal(fixture_index(fixture, "person_a_b_idx_btree"),
                     fixture_index(fixture, "PersonAB"));
    fixture_write(fixture, NAME_AT, "person_c_idx_btree", 18);
    assert_int_equal(CALL(fixture, "index_id_from_name", NAME_AT, 18, OUT_AT), ERRNO_NO_SUCH_INDEX);
    fixture_write(fixture, NAME_AT, "st_env_key_idx_btree", 20);
    assert_int_equal(CALL(fixture, "index_id_from_name", NAME_AT, 20, OUT_AT), ERRNO_NO_SUCH_INDEX);
}

static void name_pointers(void **state) {
    Fixture *fixture = *state;
    static const char *const CALLS[] = {"table_id_from_name", "index_id_from_name"};
    for (int i = 0; i < 2; i++) {
        CALL_TRAPS(fixture, NULL_POINTER, CALLS[i], 0, 6, OUT_AT);
        CALL_TRAPS(fixture, NULL_POINTER, CALLS[i], 0, 0, OUT_AT);
        CALL_TRAPS(fixture, OUT_OF_BOUNDS, CALLS[i], REMOTE_BYTES - 5, 6, OUT_AT);
        CALL_TRAPS(fixture, OUT_OF_BOUNDS, CALLS[i], 8, UINT32_MAX, OUT_AT);
        CALL_TRAPS(fixture, OUT_OF_BOUNDS, CALLS[i], UINT32_MAX, UINT32_MAX, OUT_AT);
        CALL_TRAPS(fixture, OUT_OF_BOUNDS, CALLS[i], REMOTE_BYTES + 1, 0, OUT_AT);
        // The end of memory with nothing in it is fine.
        SCRIPT_CALL(&fixture->script, CALLS[i], REMOTE_BYTES, 0, OUT_AT);
        assert_int_equal(fixture_result(fixture),
                         i == 0 ? ERRNO_NO_SUCH_TABLE : ERRNO_NO_SUCH_INDEX);
        fixture_write(fixture, NAME_AT, "\xFF\xFE", 2);
        CALL_TRAPS(fixture, BAD_UTF8, CALLS[i], NAME_AT, 2, OUT_AT);
    }
    fixture_write(fixture, NAME_AT, "person", 6);
    CALL_TRAPS(fixture, NULL_POINTER, "table_id_from_name", NAME_AT, 6, 0);
    fixture_write(fixture, NAME_AT, "person", 6);
    CALL_TRAPS(fixture, OUT_OF_BOUNDS, "table_id_from_name", NAME_AT, 6, REMOTE_BYTES - 3);
    // The last place where it fits, misaligned or not.
    fixture_write(fixture, NAME_AT, "person", 6);
    assert_int_equal(CALL(fixture, "table_id_from_name", NAME_AT, 6, REMOTE_BYTES - 4), 0);
    assert_int_equal(fixture_read_u32(fixture, REMOTE_BYTES - 4), fixture->person);
    assert_int_equal(CALL(fixture, "table_id_from_name", NAME_AT, 6, OUT_AT + 3), 0);
    assert_int_equal(fixture_read_u32(fixture, OUT_AT + 3), fixture->person);
}

// Memory that the guest has grown is the host's to use at once.
static void grown_memory(void **state) {
    Fixture *fixture = *state;
    SCRIPT_OP(&fixture->script, REMOTE_GROW, 1);
    script_write(&fixture->script, REMOTE_BYTES + 100, B("person"));
    SCRIPT_CALL(&fixture->script, "table_id_from_name", REMOTE_BYTES + 100, 6,
                REMOTE_BYTES + 65532);
    assert_int_equal(fixture_result(fixture), 0);
    assert_int_equal(fixture_read_u32(fixture, REMOTE_BYTES + 65532), fixture->person);
    assert_int_equal(instance_memory_bytes(fixture->instance), REMOTE_BYTES + 65536);
}

static void without_transaction(void **state) {
    Fixture *fixture = *state;
    Tx *tx = fixture->env.tx;
    fixture->env.tx = NULL;
    uint32_t count;
    const HostCall *calls = host_calls(&count);
    uint32_t needing = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!calls[i].needs_tx) continue;
        needing++;
        script_add(&fixture->script, i, 1, (uint64_t[]){1, 8, 8, 0, 8, 8, 8, 8, 8}, 9);
        assert_int_equal(fixture_result(fixture), ERRNO_NOT_IN_TRANSACTION);
    }
    fixture->env.tx = tx;
    assert_int_equal(needing, 15);
}

static void insert(void **state) {
    Fixture *fixture = *state;
    // module-abi.md 1.12: the generated column replaces the front of the row.
    assert_int_equal(fixture_insert_person(fixture, 0, 5, 1), 0);
    assert_int_equal(fixture_read_u32(fixture, COUNT_AT), 8);
    uint64_t first = fixture_read_u64(fixture, DATA_AT);
    assert_true(first > 0);
    assert_int_equal(fixture_insert_person(fixture, 0, 5, 1), 0);
    assert_int_equal(fixture_read_u64(fixture, DATA_AT), first + 1);
    // A given value is kept, and nothing is written back.
    assert_int_equal(fixture_insert_person(fixture, 1000, 6, 2), 0);
    assert_int_equal(fixture_read_u32(fixture, COUNT_AT), 0);
    assert_int_equal(fixture_read_u64(fixture, DATA_AT), 1000);
    assert_int_equal(row_count(fixture, fixture->person), 3);
    // The same row again is no error; another one with its key is, and the transaction goes on.
    assert_int_equal(fixture_insert_person(fixture, 1000, 6, 2), 0);
    assert_int_equal(fixture_insert_person(fixture, 1000, 6, 3), ERRNO_UNIQUE_ALREADY_EXISTS);
    assert_int_equal(fixture_read_u32(fixture, COUNT_AT), 16);  // out-parameters only on success
    assert_int_equal(fixture_insert_person(fixture, 1001, 6, 3), 0);
    assert_int_equal(row_count(fixture, fixture->person), 4);
    // Trailing bytes: ignored where lengths vary.
    assert_int_equal(fixture_insert(fixture, fixture->word, "\1\0\0\0\2\0\0\0hi???", 13), 0);
    assert_int_equal(row_count(fixture, fixture->word), 1);
}

static void insert_traps(void **state) {
    Fixture *fixture = *state;
    fixture_write_u32(fixture, COUNT_AT, 16);
    CALL_TRAPS(fixture, "runtime error calling DatastoreInsertBsatn: ", "datastore_insert_bsatn",
               999999, DATA_AT, COUNT_AT);
    static const uint32_t COUNTS[] = {0, 15, 17};
    for (int i = 0; i < 3; i++) {
        fixture_write_u32(fixture, COUNT_AT, COUNTS[i]);
        CALL_TRAPS(fixture, "runtime error calling DatastoreInsertBsatn: Failed to decode row: ",
                   "datastore_insert_bsatn", fixture->person, DATA_AT, COUNT_AT);
    }
    fixture_write_u32(fixture, COUNT_AT, 10);
    fixture_write(fixture, DATA_AT, "\1\0\0\0\2\0\0\0\xFF\xFF", 10);
    CALL_TRAPS(fixture, "runtime error calling DatastoreInsertBsatn: Failed to decode row: ",
               "datastore_insert_bsatn", fixture->word, DATA_AT, COUNT_AT);
    CALL_TRAPS(fixture, NULL_POINTER, "datastore_insert_bsatn", fixture->person, DATA_AT, 0);
    CALL_TRAPS(fixture, OUT_OF_BOUNDS, "datastore_insert_bsatn", fixture->person, DATA_AT,
               REMOTE_BYTES - 3);
    fixture_write_u32(fixture, COUNT_AT, 16);
    CALL_TRAPS(fixture, NULL_POINTER, "datastore_insert_bsatn", fixture->person, 0, COUNT_AT);
    fixture_write_u32(fixture, COUNT_AT, 16);
    CALL_TRAPS(fixture, OUT_OF_BOUNDS, "datastore_insert_bsatn", fixture->person, REMOTE_BYTES - 15,
               COUNT_AT);
    fixture_write_u32(fixture, COUNT_AT, UINT32_MAX);
    CALL_TRAPS(fixture, OUT_OF_BOUNDS, "datastore_insert_bsatn", fixture->person, DATA_AT,
               COUNT_AT);
    assert_int_equal(row_count(fixture, fixture->person), 0);
}

// The length may lie inside the row, and the row in the length.
static void insert_overlapping(void **state) {
    Fixture *fixture = *state;
    uint8_t row[16] = {16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0};
    fixture_write(fixture, DATA_AT, row, sizeof row);
    assert_int_equal(CALL(fixture, "datastore_insert_bsatn", fixture->person, DATA_AT, DATA_AT), 0);
    assert_int_equal(fixture_read_u32(fixture, DATA_AT), 0);  // the length, written last
    assert_int_equal(row_count(fixture, fixture->person), 1);
}

static void system_tables(void **state) {
    Fixture *fixture = *state;
    fixture_write_u32(fixture, COUNT_AT, 0);
    static const char *const TEXT =
        "runtime error calling DatastoreInsertBsatn: modules cannot write system tables\n";
    CALL_TRAPS(fixture, TEXT, "datastore_insert_bsatn", ST_TABLE, DATA_AT, COUNT_AT);
    CALL_TRAPS(fixture, "runtime error calling DatastoreClear: modules cannot", "datastore_clear",
               ST_TABLE, OUT_AT);
    CALL_TRAPS(fixture, "runtime error calling DatastoreDeleteAllByEqBsatn: modules cannot",
               "datastore_delete_all_by_eq_bsatn", ST_TABLE, DATA_AT, 4, OUT_AT);
    CALL_TRAPS(fixture, "runtime error calling DatastoreUpdateBsatn: modules cannot",
               "datastore_update_bsatn", ST_TABLE, 1, DATA_AT, COUNT_AT);
    // Reading is allowed.
    assert_true(row_count(fixture, ST_TABLE) >= ST_COUNT);
    // st_env does not exist for modules, whatever they call.
    assert_int_equal(CALL(fixture, "datastore_table_row_count", ST_ENV, OUT_AT),
                     ERRNO_NO_SUCH_TABLE);
    assert_int_equal(CALL(fixture, "datastore_table_scan_bsatn", ST_ENV, OUT_AT),
                     ERRNO_NO_SUCH_TABLE);
    assert_int_equal(CALL(fixture, "datastore_insert_bsatn", ST_ENV, DATA_AT, COUNT_AT),
                     ERRNO_NO_SUCH_TABLE);
    assert_int_equal(CALL(fixture, "datastore_update_bsatn", ST_ENV, 30, DATA_AT, COUNT_AT),
                     ERRNO_NO_SUCH_TABLE);
    assert_int_equal(CALL(fixture, "datastore_clear", ST_ENV, OUT_AT), ERRNO_NO_SUCH_TABLE);
    assert_int_equal(CALL(fixture, "datastore_delete_all_by_eq_bsatn", ST_ENV, DATA_AT, 4, OUT_AT),
                     ERRNO_NO_SUCH_TABLE);
    assert_int_equal(CALL(fixture, "datastore_index_scan_point_bsatn", 30, DATA_AT, 4, OUT_AT),
                     ERRNO_NO_SUCH_TABLE);
    assert_int_equal(CALL(fixture, "datastore_index_scan_range_bsatn", 30, 8, 0, 0, DATA_AT, 1,
                          DATA_AT, 1, OUT_AT),
                     ERRNO_NO_SUCH_TABLE);
}

static int64_t update(Fixture *fixture, TableId table, uint32_t index, const void *row,
                      uint32_t count) {
    fixture_write_u32(fixture, COUNT_AT, count);
    fixture_write(fixture, DATA_AT, row, count);
    return CALL(fixture, "datastore_update_bsatn", table, index, DATA_AT, COUNT_AT);
}

static void updates(void **state) {
    Fixture *fixture = *state;
    uint32_t by_k = fixture_index(fixture, "pair_k_idx_btree");
    uint32_t by_v = fixture_index(fixture, "pair_v_idx_btree");
    uint32_t person_id = fixture_index(fixture, "person_id_idx_btree");
    uint32_t person_a = fixture_index(fixture, "person_a_idx_btree");
    assert_int_equal(fixture_insert_pair(fixture, 1, 10), 0);
    assert_int_equal(fixture_insert_pair(fixture, 2, 20), 0);
    assert_int_equal(update(fixture, fixture->pair, by_k, "\1\0\0\0\x0B\0\0\0", 8), 0);
    assert_int_equal(fixture_read_u32(fixture, COUNT_AT), 0);
    assert_int_equal(update(fixture, fixture->pair, by_k, "\1\0\0\0\x0B\0\0\0", 8),
                     0);  // unchanged
    assert_int_equal(update(fixture, fixture->pair, by_v, "\3\0\0\0\x0B\0\0\0", 8),
                     0);  // another key, same v
    assert_int_equal(update(fixture, fixture->pair, by_k, "\1\0\0\0\x0C\0\0\0", 8),
                     ERRNO_NO_SUCH_ROW);
    assert_int_equal(update(fixture, fixture->pair, by_k, "\3\0\0\0\x14\0\0\0", 8),
                     ERRNO_UNIQUE_ALREADY_EXISTS);
    assert_int_equal(row_count(fixture, fixture->pair), 2);
    assert_int_equal(update(fixture, fixture->pair, person_id, "\3\0\0\0\x14\0\0\0", 8),
                     ERRNO_NO_SUCH_INDEX);
    assert_int_equal(update(fixture, fixture->pair, 999999, "\3\0\0\0\x14\0\0\0", 8),
                     ERRNO_NO_SUCH_INDEX);
    assert_int_equal(fixture_insert_person(fixture, 1, 2, 3), 0);
    assert_int_equal(
        update(fixture, fixture->person, person_a, "\1\0\0\0\0\0\0\0\2\0\0\0\4\0\0\0", 16),
        ERRNO_INDEX_NOT_UNIQUE);
    assert_int_equal(
        update(fixture, fixture->person, person_id, "\1\0\0\0\0\0\0\0\2\0\0\0\4\0\0\0", 16), 0);
    assert_int_equal(row_count(fixture, fixture->person), 1);

    fixture_write_u32(fixture, COUNT_AT, 7);
    CALL_TRAPS(fixture, "runtime error calling DatastoreUpdateBsatn: Failed to decode row: ",
               "datastore_update_bsatn", fixture->pair, by_k, DATA_AT, COUNT_AT);
    fixture_write_u32(fixture, COUNT_AT, 8);
    CALL_TRAPS(fixture, "runtime error calling DatastoreUpdateBsatn: ", "datastore_update_bsatn",
               999999, by_k, DATA_AT, COUNT_AT);
    CALL_TRAPS(fixture, NULL_POINTER, "datastore_update_bsatn", fixture->pair, by_k, DATA_AT, 0);
    fixture_write_u32(fixture, COUNT_AT, 8);
    CALL_TRAPS(fixture, NULL_POINTER, "datastore_update_bsatn", fixture->pair, by_k, 0, COUNT_AT);
}

static int64_t insert_timer(Fixture *fixture, uint8_t tag, int64_t micros) {
    uint8_t row[17] = {0};
    row[8] = tag;
    store_u64le(row + 9, (uint64_t)micros);
    return fixture_insert(fixture, fixture->timer, row, sizeof row);
}

static void schedules(void **state) {
    Fixture *fixture = *state;
    int64_t limit = SCHEDULE_DELAY_MS_MAX * 1000;
    assert_int_equal(insert_timer(fixture, 0, 1000000), 0);
    assert_int_equal(fixture_read_u32(fixture, COUNT_AT), 8);
    assert_int_equal(insert_timer(fixture, 1, NOW_MICROS + limit - 1), 0);
    assert_int_equal(row_count(fixture, fixture->timer), 2);
    assert_int_equal(insert_timer(fixture, 1, NOW_MICROS + limit), ERRNO_SCHEDULE_DELAY_TOO_LONG);
    assert_int_equal(row_count(fixture, fixture->timer), 3);  // the row is in all the same
    assert_int_equal(insert_timer(fixture, 0, limit), ERRNO_SCHEDULE_DELAY_TOO_LONG);
    uint32_t by_id = fixture_index(fixture, "timer_id_idx_btree");
    assert_int_equal(insert_timer(fixture, 0, 5), 0);
    uint8_t row[17];
    store_u64le(row, fixture_read_u64(fixture, DATA_AT));
    row[8] = 0;
    store_u64le(row + 9, (uint64_t)limit);
    assert_int_equal(update(fixture, fixture->timer, by_id, row, sizeof row),
                     ERRNO_SCHEDULE_DELAY_TOO_LONG);
    store_u64le(row + 9, 9);
    assert_int_equal(update(fixture, fixture->timer, by_id, row, sizeof row), 0);
}

static void delete_equal(void **state) {
    Fixture *fixture = *state;
    for (uint32_t i = 1; i <= 3; i++) assert_int_equal(fixture_insert_pair(fixture, i, i), 0);
    static const uint8_t RELATION[] = {4, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 9, 0,   0,
                                       0, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0xFF};
    fixture_write(fixture, DATA_AT, RELATION, sizeof RELATION);
    // (2, 9) is not there, (1, 1) only the first time; the byte too many is ignored.
    assert_int_equal(CALL(fixture, "datastore_delete_all_by_eq_bsatn", fixture->pair, DATA_AT,
                          sizeof RELATION, OUT_AT),
                     0);
    assert_int_equal(fixture_read_u32(fixture, OUT_AT), 2);
    assert_int_equal(row_count(fixture, fixture->pair), 1);
    // Undecodable: nothing is deleted, also not what came before.
    assert_int_equal(fixture_insert_pair(fixture, 1, 1), 0);
    fixture_write(fixture, DATA_AT, RELATION, sizeof RELATION);
    for (uint32_t count = 0; count < 36; count++) {
        assert_int_equal(CALL(fixture, "datastore_delete_all_by_eq_bsatn", fixture->pair, DATA_AT,
                              count, OUT_AT),
                         ERRNO_BSATN_DECODE);
    }
    fixture_write_u32(fixture, DATA_AT, UINT32_MAX);
    assert_int_equal(
        CALL(fixture, "datastore_delete_all_by_eq_bsatn", fixture->pair, DATA_AT, 36, OUT_AT),
        ERRNO_BSATN_DECODE);
    assert_int_equal(row_count(fixture, fixture->pair), 2);
    assert_int_equal(CALL(fixture, "datastore_delete_all_by_eq_bsatn", 999999, DATA_AT, 36, OUT_AT),
                     ERRNO_NO_SUCH_TABLE);
    CALL_TRAPS(fixture, NULL_POINTER, "datastore_delete_all_by_eq_bsatn", fixture->pair, 0, 0,
               OUT_AT);
    fixture_write_u32(fixture, DATA_AT, 0);
    CALL_TRAPS(fixture, NULL_POINTER, "datastore_delete_all_by_eq_bsatn", fixture->pair, DATA_AT, 4,
               0);
}

static void clear(void **state) {
    Fixture *fixture = *state;
    for (uint32_t i = 1; i <= 5; i++) assert_int_equal(fixture_insert_pair(fixture, i, i), 0);
    assert_int_equal(CALL(fixture, "datastore_clear", fixture->pair, OUT_AT), 0);
    assert_int_equal(fixture_read_u64(fixture, OUT_AT), 5);
    assert_int_equal(row_count(fixture, fixture->pair), 0);
    assert_int_equal(CALL(fixture, "datastore_table_row_count", 999999, OUT_AT),
                     ERRNO_NO_SUCH_TABLE);
    CALL_TRAPS(fixture, "runtime error calling DatastoreClear: ", "datastore_clear", 999999,
               OUT_AT);
    CALL_TRAPS(fixture, NULL_POINTER, "datastore_clear", fixture->pair, 0);
    CALL_TRAPS(fixture, OUT_OF_BOUNDS, "datastore_clear", fixture->pair, REMOTE_BYTES - 7);
    CALL_TRAPS(fixture, OUT_OF_BOUNDS, "datastore_table_row_count", fixture->pair,
               REMOTE_BYTES - 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(name_pointers, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(grown_memory, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(without_transaction, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(insert, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(insert_traps, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(insert_overlapping, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(system_tables, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(updates, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(schedules, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(delete_equal, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(clear, fixture_setup, fixture_teardown),
    };
    fixture_signals();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// scans_test.c - the host calls that read rows, by table and by index, and those that delete what an index finds.
#include "fixture.h"

#define NULL_POINTER "null pointer passed to a spacetime function\n"
#define OUT_OF_BOUNDS "out of bounds pointer passed to a spacetime function\n"

static uint32_t scan(Fixture *fixture, TableId table) {
    assert_int_equal(CALL(fixture, "datastore_table_scan_bsatn", table, OUT_AT), 0);
    return fixture_read_u32(fixture, OUT_AT);
}

static void fill_person(Fixture *fixture, uint32_t count) {
    // One record that inserts `count` times: id is u64[ROW_AT], which grows by one each time.
    uint8_t row[16] = {0};
    store_u32le(row + 8, 5);
    store_u32le(row + 12, 1);
    fixture_write(fixture, ROW_AT, row, sizeof row);
    fixture_write_u32(fixture, LENGTH_START_AT, 16);
    fixture_write(fixture, ROW_STEP_AT, "\1\0\0\0\0\0\0\0", 8);
    fixture_write(fixture, ROW_AT, row, sizeof row);
    uint64_t args[] = {fixture->person, ROW_AT, LENGTH_AT};
    script_add(&fixture->script, remote_op("datastore_insert_bsatn"), count, args, 3);
    assert_int_equal(fixture_result(fixture), 0);
    fixture_write(fixture, ROW_STEP_AT, "\0\0\0\0\0\0\0\0", 8);
}

static void empty(void **state) {
    Fixture *fixture = *state;
    uint32_t iter = scan(fixture, fixture->person);
    assert_int_equal(iter, 1);
    assert_int_equal(fixture_drain(fixture, iter).count, 0);
    // Exhausted is unknown.
    fixture_write_u32(fixture, COUNT_AT, 100);
    assert_int_equal(CALL(fixture, "row_iter_bsatn_advance", iter, BIG_AT, COUNT_AT),
                     ERRNO_NO_SUCH_ITER);
    assert_int_equal(CALL(fixture, "row_iter_bsatn_close", iter), ERRNO_NO_SUCH_ITER);
}

static void handles(void **state) {
    Fixture *fixture = *state;
    assert_int_equal(CALL(fixture, "datastore_table_scan_bsatn", 999999, OUT_AT),
                     ERRNO_NO_SUCH_TABLE);
    static const uint32_t BAD[] = {0, 1, 2, 1u << 31, UINT32_MAX};
    for (int i = 0; i < 5; i++) {
        // The handle is looked up before the pointers.
        assert_int_equal(CALL(fixture, "row_iter_bsatn_advance", BAD[i], 0, 0), ERRNO_NO_SUCH_ITER);
        assert_int_equal(CALL(fixture, "row_iter_bsatn_close", BAD[i]), ERRNO_NO_SUCH_ITER);
    }
    // Iterators live across calls; the slot closed last is used first.
    for (uint32_t i = 1; i <= 3; i++) assert_int_equal(scan(fixture, fixture->person), i);
    assert_int_equal(CALL(fixture, "row_iter_bsatn_close", 1), 0);
    assert_int_equal(CALL(fixture, "row_iter_bsatn_close", 1), ERRNO_NO_SUCH_ITER);
    assert_int_equal(CALL(fixture, "row_iter_bsatn_close", 2), 0);
    assert_int_equal(scan(fixture, fixture->person), 2);
    assert_int_equal(scan(fixture, fixture->person), 1);
    assert_int_equal(scan(fixture, fixture->person), 4);
    CALL_TRAPS(fixture, NULL_POINTER, "datastore_table_scan_bsatn", fixture->person, 0);
    CALL_TRAPS(fixture, OUT_OF_BOUNDS, "datastore_table_scan_bsatn", fixture->person,
               REMOTE_BYTES - 3);
    assert_int_equal(scan(fixture, fixture->person), 1);  // a new instance
}

static void advance_pointers(void **state) {
    Fixture *fixture = *state;
    static const struct {
        uint32_t buffer, count_at, count;
        const char *text;
    } CASES[] = {
        {BIG_AT, 0, 0, NULL_POINTER},
        {0, COUNT_AT, 0, NULL_POINTER},  // also with no capacity
        {BIG_AT, REMOTE_BYTES - 3, 0, OUT_OF_BOUNDS},
        {BIG_AT, COUNT_AT, REMOTE_BYTES, OUT_OF_BOUNDS},
        {BIG_AT, COUNT_AT, UINT32_MAX, OUT_OF_BOUNDS},
        {REMOTE_BYTES - 9, COUNT_AT, 10, OUT_OF_BOUNDS},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        fixture_write_u32(fixture, COUNT_AT, CASES[i].count);
        assert_int_equal(scan(fixture, fixture->person), 1);
        CALL_TRAPS(fixture, CASES[i].text, "row_iter_bsatn_advance", 1, CASES[i].buffer,
                   CASES[i].count_at);
    }
}

// Module-abi.md 13: whole rows only, at most 32 KiB and one row a chunk; a small buffer is told what it needs.
static void many_rows(void **state) {
    Fixture *fixture = *state;
    enum { ROWS = 10000 };
    fill_person(fixture, ROWS);
    uint32_t iter = scan(fixture, fixture->person);
    fixture_write_u32(fixture, COUNT_AT, 1);
    assert_int_equal(CALL(fixture, "row_iter_bsatn_advance", iter, BIG_AT, COUNT_AT),
                     ERRNO_BUFFER_TOO_SMALL);
    uint32_t chunk = fixture_read_u32(fixture, COUNT_AT);
    assert_int_equal(chunk, 32768 + 16);
    uint64_t rows = 0;
    uint64_t sum = 0;
    for (int64_t answer = 0; answer == 0;) {
        fixture_write_u32(fixture, COUNT_AT, chunk);
        answer = CALL(fixture, "row_iter_bsatn_advance", iter, BIG_AT, COUNT_AT);
        assert_true(answer == 0 || answer == -1);
        uint32_t count = fixture_read_u32(fixture, COUNT_AT);
        assert_int_equal(count % 16, 0);
        assert_true(count <= chunk && count > 0);  // -1 carries data
        Bytes bytes = fixture_read(fixture, BIG_AT, count);
        for (uint32_t at = 0; at < count; at += 16, rows++) sum += load_u64le(bytes.data + at);
    }
    assert_int_equal(rows, ROWS);
    assert_int_equal(sum, (uint64_t)ROWS * (ROWS + 1) / 2);
    assert_int_equal(CALL(fixture, "row_iter_bsatn_close", iter), ERRNO_NO_SUCH_ITER);
}

// What an iterator shows was there when it was opened.
static void snapshot(void **state) {
    Fixture *fixture = *state;
    assert_int_equal(fixture_insert_pair(fixture, 1, 1), 0);
    assert_int_equal(fixture_insert_pair(fixture, 2, 2), 0);
    uint32_t iter = scan(fixture, fixture->pair);
    assert_int_equal(CALL(fixture, "datastore_clear", fixture->pair, OUT_AT), 0);
    assert_int_equal(fixture_insert_pair(fixture, 3, 3), 0);
    Bytes rows = fixture_drain(fixture, iter);
    assert_int_equal(rows.count, 16);
    assert_int_equal(load_u32le(rows.data) + load_u32le(rows.data + 8), 3);
}

// ---- indexes ----

static int64_t point(Fixture *fixture, uint32_t index, const void *key, uint32_t count) {
    fixture_write(fixture, KEY_AT, key, count);
    return CALL(fixture, "datastore_index_scan_point_bsatn", index, KEY_AT, count, OUT_AT);
}

static uint32_t found(Fixture *fixture, uint32_t row_bytes) {
    Bytes rows = fixture_drain(fixture, fixture_read_u32(fixture, OUT_AT));
    assert_int_equal(rows.count % row_bytes, 0);
    return rows.count / row_bytes;
}

static void points(void **state) {
    Fixture *fixture = *state;
    uint32_t by_id = fixture_index(fixture, "person_id_idx_btree");
    uint32_t by_a = fixture_index(fixture, "person_a_idx_btree");
    uint32_t by_a_b = fixture_index(fixture, "person_a_b_idx_btree");
    uint32_t by_n = fixture_index(fixture, "word_n_idx_hash");
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(fixture_insert_person(fixture, 100 + i, i % 2, i / 2), 0);
    for (uint32_t i = 0; i < 4; i++) {
        uint8_t word[] = {(uint8_t)(i % 2), 0, 0, 0, 1, 0, 0, 0, (uint8_t)('a' + i)};
        assert_int_equal(fixture_insert(fixture, fixture->word, word, sizeof word), 0);
    }
    assert_int_equal(point(fixture, by_id, "\x66\0\0\0\0\0\0\0", 8), 0);
    assert_int_equal(found(fixture, 16), 1);
    assert_int_equal(point(fixture, by_id, "\x67\0\0\0\0\0\0\1", 8), 0);
    assert_int_equal(found(fixture, 16), 0);
    assert_int_equal(point(fixture, by_a, "\1\0\0\0", 4), 0);
    assert_int_equal(found(fixture, 16), 5);
    assert_int_equal(point(fixture, by_a, "\1\0\0\0trailing", 12), 0);  // ignored
    assert_int_equal(found(fixture, 16), 5);
    assert_int_equal(point(fixture, by_a_b, "\1\0\0\0\2\0\0\0", 8), 0);
    assert_int_equal(found(fixture, 16), 1);
    assert_int_equal(point(fixture, by_n, "\1\0\0\0", 4), 0);
    assert_int_equal(found(fixture, 9), 2);
    assert_int_equal(point(fixture, by_n, "\7\0\0\0", 4), 0);
    assert_int_equal(found(fixture, 9), 0);
    for (uint32_t count = 0; count < 8; count++) {
        assert_int_equal(point(fixture, by_a_b, "\1\0\0\0\2\0\0\0", count), ERRNO_BSATN_DECODE);
        assert_int_equal(point(fixture, by_id, "\1\0\0\0\2\0\0\0", count), ERRNO_BSATN_DECODE);
    }
    assert_int_equal(point(fixture, 999999, "\1\0\0\0", 4), ERRNO_NO_SUCH_INDEX);
    CALL_TRAPS(fixture, NULL_POINTER, "datastore_index_scan_point_bsatn", by_a, 0, 4, OUT_AT);
    CALL_TRAPS(fixture, OUT_OF_BOUNDS, "datastore_index_scan_point_bsatn", by_a, REMOTE_BYTES - 3,
               4, OUT_AT);
    CALL_TRAPS(fixture, NULL_POINTER, "datastore_index_scan_point_bsatn", by_a, KEY_AT, 4, 0);
}

typedef struct Range {
    const char *prefix;
    uint32_t prefix_count, prefix_columns;
    const char *lower;
    uint32_t lower_count;
    const char *upper;
    uint32_t upper_count;
} Range;

static int64_t range_call(Fixture *fixture, const char *name, uint32_t index, const Range *range) {
    if (range->prefix_count > 0) fixture_write(fixture, KEY_AT, range->prefix, range->prefix_count);
    fixture_write(fixture, LOWER_AT, range->lower, range->lower_count);
    fixture_write(fixture, UPPER_AT, range->upper, range->upper_count);
    SCRIPT_CALL(&fixture->script, name, index, KEY_AT, range->prefix_count, range->prefix_columns,
                LOWER_AT, range->lower_count, UPPER_AT, range->upper_count, OUT_AT);
    return fixture_result(fixture);
}

#define IN(x) "\0" x, 5
#define EX(x) "\1" x, 5
#define UN "\2", 1
#define U(x) x "\0\0\0"

// Two columns, a in 0 to 3 and b in 0 to 4: twenty rows.
static void fill_grid(Fixture *fixture) {
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(fixture_insert_person(fixture, 100 + i, i % 4, i / 4), 0);
}

static void ranges(void **state) {
    Fixture *fixture = *state;
    uint32_t by_a = fixture_index(fixture, "person_a_idx_btree");
    uint32_t by_a_b = fixture_index(fixture, "person_a_b_idx_btree");
    fill_grid(fixture);
    const struct {
        uint32_t index;
        Range range;
        int64_t answer;
        uint32_t rows;
    } cases[] = {
        {by_a, {"", 0, 0, IN(U("\1")), EX(U("\3"))}, 0, 10},
        {by_a, {"", 0, 0, IN(U("\1")), IN(U("\3"))}, 0, 15},
        {by_a, {"", 0, 0, EX(U("\1")), IN(U("\3"))}, 0, 10},
        {by_a, {"", 0, 0, EX(U("\1")), UN}, 0, 10},
        {by_a, {"", 0, 0, UN, EX(U("\1"))}, 0, 5},
        {by_a, {"", 0, 0, UN, UN}, 0, 20},
        {by_a, {"", 0, 0, IN(U("\2")), IN(U("\2"))}, 0, 5},
        {by_a, {"", 0, 0, EX(U("\2")), EX(U("\2"))}, 0, 0},
        {by_a, {"", 0, 0, IN(U("\3")), IN(U("\1"))}, 0, 0},
        {by_a_b, {"", 0, 0, IN(U("\2")), IN(U("\2"))}, 0, 5},
        {by_a_b, {U("\2"), 4, 1, IN(U("\1")), UN}, 0, 4},
        {by_a_b, {U("\2"), 4, 1, IN(U("\1")), IN(U("\1"))}, 0, 1},
        {by_a_b, {U("\2"), 4, 1, EX(U("\1")), EX(U("\4"))}, 0, 2},
        {by_a_b, {U("\7"), 4, 1, UN, UN}, 0, 0},
        // Prefixes that are too long, or longer than the key.
        {by_a, {U("\2"), 4, 1, UN, UN}, 3, 0},
        {by_a_b, {U("\2") U("\2"), 8, 2, UN, UN}, 3, 0},
        {by_a_b, {U("\2") U("\2"), 8, 65535, UN, UN}, 3, 0},
        {by_a_b, {U("\2"), 3, 1, UN, UN}, 3, 0},
        {by_a_b, {"", 0, 1, UN, UN}, 3, 0},
        // Bounds cut short, of no kind, or missing.
        {by_a, {"", 0, 0, "\0\1\0\0", 4, UN}, 3, 0},
        {by_a, {"", 0, 0, UN, "\1\1\0\0", 4}, 3, 0},
        {by_a, {"", 0, 0, "\3\1\0\0\0", 5, UN}, 3, 0},
        {by_a, {"", 0, 0, UN, "\xFF", 1}, 3, 0},
        {by_a, {"", 0, 0, "", 0, UN}, 3, 0},
        {by_a, {"", 0, 0, UN, "\0", 1}, 3, 0},
        {999999, {"", 0, 0, UN, UN}, 5, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t answer = range_call(fixture, "datastore_index_scan_range_bsatn", cases[i].index,
                                    &cases[i].range);
        if (answer != cases[i].answer) fail_msg("case %zu: %lld", i, (long long)answer);
        if (answer == 0) {
            uint32_t rows = found(fixture, 16);
            if (rows != cases[i].rows) fail_msg("case %zu: %u rows", i, rows);
        }
        answer = range_call(fixture, "datastore_btree_scan_bsatn", cases[i].index, &cases[i].range);
        assert_int_equal(answer, cases[i].answer);
        if (answer == 0) assert_int_equal(found(fixture, 16), cases[i].rows);
    }
}

// Without prefix columns the prefix is not even looked at; with them it must be a place in memory.
static void range_pointers(void **state) {
    Fixture *fixture = *state;
    uint32_t by_a_b = fixture_index(fixture, "person_a_b_idx_btree");
    static const char *const NAME = "datastore_index_scan_range_bsatn";
    fixture_write(fixture, LOWER_AT, "\2", 1);
    SCRIPT_CALL(&fixture->script, NAME, by_a_b, 0, UINT32_MAX, 0, LOWER_AT, 1, LOWER_AT, 1, OUT_AT);
    assert_int_equal(fixture_result(fixture), 0);
    CALL_TRAPS(fixture, NULL_POINTER, NAME, by_a_b, 0, 4, 1, LOWER_AT, 1, LOWER_AT, 1, OUT_AT);
    CALL_TRAPS(fixture, OUT_OF_BOUNDS, NAME, by_a_b, REMOTE_BYTES, 4, 1, LOWER_AT, 1, LOWER_AT, 1,
               OUT_AT);
    CALL_TRAPS(fixture, NULL_POINTER, NAME, by_a_b, 0, 0, 0, 0, 1, LOWER_AT, 1, OUT_AT);
    CALL_TRAPS(fixture, NULL_POINTER, NAME, by_a_b, 0, 0, 0, LOWER_AT, 1, 0, 1, OUT_AT);
    CALL_TRAPS(fixture, OUT_OF_BOUNDS, NAME, by_a_b, 0, 0, 0, LOWER_AT, 1, LOWER_AT, UINT32_MAX,
               OUT_AT);
    fixture_write(fixture, LOWER_AT, "\2", 1);
    CALL_TRAPS(fixture, NULL_POINTER, NAME, by_a_b, 0, 0, 0, LOWER_AT, 1, LOWER_AT, 1, 0);
    CALL_TRAPS(fixture, "ABI violation, a `ColId` must be a `u16`\n", NAME, by_a_b, 0, 0, 65536,
               LOWER_AT, 1, LOWER_AT, 1, OUT_AT);
}

static void hash_ranges(void **state) {
    Fixture *fixture = *state;
    uint32_t by_n = fixture_index(fixture, "word_n_idx_hash");
    assert_int_equal(fixture_insert(fixture, fixture->word, "\1\0\0\0\0\0\0\0", 8), 0);
    // One value from both sides is a point, which a hash index finds; anything else it cannot.
    Range one = {"", 0, 0, IN(U("\1")), IN(U("\1"))};
    assert_int_equal(range_call(fixture, "datastore_index_scan_range_bsatn", by_n, &one), 0);
    assert_int_equal(found(fixture, 8), 1);
    fixture_write(fixture, LOWER_AT, "\2", 1);
    CALL_TRAPS(
        fixture,
        "runtime error calling DatastoreIndexScanRangeBsatn: index does not support range scans\n",
        "datastore_index_scan_range_bsatn", by_n, 0, 0, 0, LOWER_AT, 1, LOWER_AT, 1, OUT_AT);
    fixture_write(fixture, LOWER_AT, "\2", 1);
    CALL_TRAPS(fixture,
               "runtime error calling DatastoreDeleteByBtreeScanBsatn: index does not support "
               "range scans\n",
               "datastore_delete_by_btree_scan_bsatn", by_n, 0, 0, 0, LOWER_AT, 1, LOWER_AT, 1,
               OUT_AT);
}

static uint64_t person_count(Fixture *fixture) {
    assert_int_equal(CALL(fixture, "datastore_table_row_count", fixture->person, OUT_AT + 8), 0);
    return fixture_read_u64(fixture, OUT_AT + 8);
}

static void deletes(void **state) {
    Fixture *fixture = *state;
    uint32_t by_a = fixture_index(fixture, "person_a_idx_btree");
    uint32_t by_a_b = fixture_index(fixture, "person_a_b_idx_btree");
    fill_grid(fixture);
    Range some = {U("\2"), 4, 1, IN(U("\1")), UN};
    assert_int_equal(
        range_call(fixture, "datastore_delete_by_index_scan_range_bsatn", by_a_b, &some), 0);
    assert_int_equal(fixture_read_u32(fixture, OUT_AT), 4);
    assert_int_equal(person_count(fixture), 16);
    assert_int_equal(range_call(fixture, "datastore_delete_by_btree_scan_bsatn", by_a_b, &some), 0);
    assert_int_equal(fixture_read_u32(fixture, OUT_AT), 0);
    fixture_write_u32(fixture, KEY_AT, 1);
    assert_int_equal(
        CALL(fixture, "datastore_delete_by_index_scan_point_bsatn", by_a, KEY_AT, 4, OUT_AT), 0);
    assert_int_equal(fixture_read_u32(fixture, OUT_AT), 5);
    assert_int_equal(person_count(fixture), 11);
    assert_int_equal(
        CALL(fixture, "datastore_delete_by_index_scan_point_bsatn", by_a, KEY_AT, 3, OUT_AT), 3);
    assert_int_equal(
        CALL(fixture, "datastore_delete_by_index_scan_point_bsatn", 999999, KEY_AT, 4, OUT_AT), 5);
    Range all = {"", 0, 0, UN, UN};
    assert_int_equal(range_call(fixture, "datastore_delete_by_index_scan_range_bsatn", by_a, &all),
                     0);
    assert_int_equal(fixture_read_u32(fixture, OUT_AT), 11);
    assert_int_equal(person_count(fixture), 0);
    Range bad = {"", 0, 0, "\0", 1, UN};
    assert_int_equal(range_call(fixture, "datastore_delete_by_index_scan_range_bsatn", by_a, &bad),
                     3);
    CALL_TRAPS(fixture, NULL_POINTER, "datastore_delete_by_index_scan_point_bsatn", by_a, KEY_AT, 4,
               0);
}

// Iterators that are not closed: the limit holds, and the trap says why.
static void too_many_iterators(void **state) {
    Fixture *fixture = *state;
    uint64_t args[] = {fixture->person, OUT_AT};
    script_add(&fixture->script, remote_op("datastore_table_scan_bsatn"), MODULE_ROW_ITERS_MAX,
               args, 2);
    assert_int_equal(fixture_result(fixture), 0);
    assert_int_equal(fixture_read_u32(fixture, OUT_AT), MODULE_ROW_ITERS_MAX);
    CALL_TRAPS(fixture,
               "runtime error calling DatastoreTableScanBsatn: more than 65536 open row iterators",
               "datastore_table_scan_bsatn", fixture->person, OUT_AT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(empty, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(handles, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(advance_pointers, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(many_rows, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(snapshot, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(points, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(ranges, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(range_pointers, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(hash_ranges, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(deletes, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(too_many_iterators, fixture_setup, fixture_teardown),
    };
    fixture_signals();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// limits_test.c - limits of queries and what owners may set: relations of a subscription, rows
// touched, memory for sorting and grouping, the system variables.
#include "fixture.h"

// Rows of the table that is joined with itself.
#define ROWS 3000u

static Store *store;
static SqlContext owner;

static int setup(void **state) {
    (void)state;
    store = store_create();
    owner = fixture_owner(store);
    const TypeField columns[2] = {{BYTES_LITERAL("id"), type_primitive(TYPE_U32)},
                                  {BYTES_LITERAL("x"), type_primitive(TYPE_U32)}};
    static const FixtureIndex INDEXES[] = {{INDEX_BTREE, true, {0}, 1}};
    const FixtureTable tables[] = {
        {"t", columns, 2, INDEXES, 1, false, false},
        {"ev", columns, 2, INDEXES, 1, true, false},
    };
    for (uint32_t i = 0; i < 2; i++) {
        Table *table = fixture_table(store, &tables[i]);
        Tx *tx = tx_begin(store);
        for (uint32_t k = 0; k < ROWS; k++) {
            uint8_t row[8];
            InsertResult result;
            store_u32le(row, k);
            store_u32le(row + 4, 0);
            assert_int_equal(tx_insert(tx, table, bytes_of(row, sizeof row), &result),
                             INSERT_ADDED);
        }
        tx_commit(tx);
        tx_release(tx);
    }
    return 0;
}

static int teardown(void **state) {
    (void)state;
    store_free(store);
    return 0;
}

// The text of the error, or "".
static const char *subscribe(const char *text) {
    static Error error;
    Arena arena;
    const Query *query = NULL;
    error.text[0] = 0;
    arena_init(&arena, FIXTURE_ARENA_MAX);
    Status status = sql_compile_query(&owner, bytes_of_text(text), SQL_SUBSCRIBE, &arena, &query,
                                      &error);
    arena_done(&arena);
    return status == STATUS_OK ? "" : error.text;
}

static const char *subscribe_joined(uint32_t count, const char *column) {
    char text[2000];
    size_t used = (size_t)snprintf(text, sizeof text, "SELECT t0.* FROM t t0");
    for (uint32_t i = 1; i < count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, " JOIN t t%u ON t%u.%s = t%u.%s",
                                 i, i - 1, column, i, column);
    }
    return subscribe(text);
}

static void test_relations_of_subscriptions(void **state) {
    (void)state;
    assert_string_equal(subscribe_joined(SQL_LIVE_RELATIONS_MAX, "id"), "");
    assert_string_equal(subscribe_joined(SQL_LIVE_RELATIONS_MAX, "x"), "");
    assert_string_equal(subscribe_joined(SQL_LIVE_RELATIONS_MAX + 1, "id"),
                        "Invalid number of tables in subscription: 9");
    fixture_must(store, "SET join_tables_max = 2");
    assert_string_equal(subscribe_joined(2, "id"), "");
    assert_string_equal(subscribe_joined(3, "id"), "Invalid number of tables in subscription: 3");
    fixture_must(store, "DELETE FROM st_var");
    fixture_must(store, "SET join_tables_max = 100");  // no more than there are
    assert_string_equal(subscribe_joined(SQL_LIVE_RELATIONS_MAX, "id"), "");
    assert_string_equal(subscribe_joined(SQL_LIVE_RELATIONS_MAX + 1, "id"),
                        "Invalid number of tables in subscription: 9");
    fixture_must(store, "DELETE FROM st_var");
}

static void test_joins_without_index(void **state) {
    (void)state;
    const char *without = "Subscriptions require indexes on join columns";
    fixture_must(store, "SET join_without_index = true");
    assert_string_equal(subscribe_joined(2, "x"), "");
    assert_string_equal(subscribe("SELECT a.* FROM t a JOIN t b"), "");
    fixture_must(store, "DELETE FROM st_var");
    fixture_must(store, "SET join_without_index = false");
    assert_string_equal(subscribe_joined(2, "x"), without);
    assert_string_equal(subscribe("SELECT a.* FROM t a JOIN t b"), without);
    assert_string_equal(subscribe_joined(2, "id"), "");
    fixture_must(store, "DELETE FROM st_var");
    // Events are looked up neither with an index nor without one.
    const char *event = "Event tables cannot be used as the lookup table in subscription joins";
    assert_string_equal(subscribe("SELECT t.* FROM t JOIN ev ON t.id = ev.id"), event);
    assert_string_equal(subscribe("SELECT t.* FROM t JOIN ev ON t.id = ev.x"), event);
    assert_string_equal(subscribe("SELECT ev.* FROM ev JOIN t ON t.x = ev.x"), "");
}

static void test_variables(void **state) {
    (void)state;
    uint64_t limit;
    assert_true(query_join_without_index(store));
    assert_int_equal(query_join_tables_max(store), SQL_LIVE_RELATIONS_MAX);
    fixture_must(store, "SET join_without_index = false");
    fixture_must(store, "SET join_tables_max = 3");
    assert_false(query_join_without_index(store));
    assert_int_equal(query_join_tables_max(store), 3);
    assert_false(query_row_limit(store, &limit));
    assert_string_equal(fixture_select(&owner, "SHOW join_without_index"), "[[0,false]]");
    assert_string_equal(fixture_select(&owner, "SHOW join_tables_max"), "[[8,3]]");
    assert_string_equal(fixture_select(&owner, "SHOW row_limit"), "");
    assert_string_equal(fixture_change(store, "SET join_without_index = 1", NULL),
                        "The literal expression `1` cannot be parsed as type `Bool`");
    assert_string_equal(fixture_change(store, "SET join_tables_max = true", NULL),
                        "Unexpected type: (expected) U64 != Bool (inferred)");
    assert_string_equal(fixture_change(store, "SET row_limit = true", NULL),
                        "Unexpected type: (expected) U64 != Bool (inferred)");
    fixture_must(store, "DELETE FROM st_var");
}

static bool count_row(void *user, Bytes row) {
    (void)row;
    ++*(uint64_t *)user;
    return true;
}

static QueryStop run(const char *text, uint64_t *ret_rows) {
    Arena arena;
    Error error;
    SqlStatement statement = {0};
    arena_init(&arena, FIXTURE_ARENA_MAX);
    if (sql_compile(&owner, bytes_of_text(text), &arena, &statement, &error) != STATUS_OK)
        fail_msg("%s: %s", text, error.text);
    *ret_rows = 0;
    QueryOutcome outcome = query_run(statement.query, store, count_row, ret_rows);
    Status status = query_check_outcome(&outcome, &error);
    assert_int_equal(status, outcome.stop == QUERY_FINISHED ? STATUS_OK : STATUS_LIMIT);
    arena_done(&arena);
    return outcome.stop;
}

// 9 million rows, then 27 billion.
static void test_rows_touched(void **state) {
    (void)state;
    uint64_t rows;
    assert_int_equal(run("SELECT COUNT(*) AS n FROM t a JOIN t b", &rows), QUERY_FINISHED);
    assert_int_equal(rows, 1);
    assert_int_equal(run("SELECT COUNT(*) AS n FROM t a JOIN t b JOIN t c", &rows),
                     QUERY_STOPPED_TOUCHED);
    assert_int_equal(rows, 0);
}

// An entry has 24 bytes here: 9 million fit, 12 do not, unless few of them are wanted.
static void test_rows_sorted(void **state) {
    (void)state;
    uint64_t rows;
    const uint64_t fits = (uint64_t)ROWS * ROWS;
    static_assert((uint64_t)ROWS * ROWS * 24 < SQL_GATHERED_BYTES_MAX, "these fit");
    assert_int_equal(run("SELECT a.* FROM t a JOIN t b ORDER BY a.x", &rows), QUERY_FINISHED);
    assert_int_equal(rows, fits);
    const char *twice = "SELECT a.* FROM t a JOIN t b JOIN t c WHERE c.id < 2 ORDER BY a.x";
    assert_int_equal(run(twice, &rows), QUERY_STOPPED_GATHERED);
    assert_int_equal(rows, 0);
    const char *few = "SELECT a.* FROM t a JOIN t b JOIN t c WHERE c.id < 2 ORDER BY a.x LIMIT 5";
    assert_int_equal(run(few, &rows), QUERY_FINISHED);
    assert_int_equal(rows, 5);
}

// A group has 64 bytes here: 3 million fit, 9 do not.
static void test_groups(void **state) {
    (void)state;
    uint64_t rows;
    const char *fits = "SELECT a.id, b.id AS i, COUNT(*) AS n FROM t a JOIN t b WHERE b.id < 1000 "
                       "GROUP BY a.id, b.id";
    assert_int_equal(run(fits, &rows), QUERY_FINISHED);
    assert_int_equal(rows, ROWS * 1000);
    const char *many =
        "SELECT a.id, b.id AS i, COUNT(*) AS n FROM t a JOIN t b GROUP BY a.id, b.id";
    assert_int_equal(run(many, &rows), QUERY_STOPPED_GATHERED);
    assert_int_equal(rows, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relations_of_subscriptions),
        cmocka_unit_test(test_joins_without_index),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_rows_touched),
        cmocka_unit_test(test_rows_sorted),
        cmocka_unit_test(test_groups),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

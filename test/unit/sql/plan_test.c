// plan_test.c - what a plan says without being run: estimates for the row limit (sql.md 18), the
// equalities, ranges and edges to prune by, the tables it reads, and whose result it is.
#include "fixture.h"

static Store *store;

static int setup(void **state) {
    (void)state;
    store = fixture_catalogue();
    // 10 rows with 5 different values of x in l; 5 rows in n; 4 in p, with 2 different levels.
    for (uint32_t i = 0; i < 10; i++) {
        char text[100];
        snprintf(text, sizeof text, "INSERT INTO l (id, x, y) VALUES (%u, %u, %u)", i, i % 5, i);
        fixture_must(store, text);
    }
    fixture_must(store, "INSERT INTO n (a, b, c) VALUES (1, 1, 'a'), (2, 1, 'a'), (3, 1, 'a'), (4, "
                        "1, 'a'), (5, 1, 'a')");
    fixture_must(store, "INSERT INTO p (id, level, name) VALUES (1, 1, 'a'), (2, 1, 'a'), (3, 2, "
                        "'a'), (4, 2, 'a')");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    store_free(store);
    return 0;
}

static const Query *compile(const SqlContext *context, const char *text, Arena *arena) {
    SqlStatement statement = {0};
    Error error = {0};
    if (sql_compile(context, bytes_of_text(text), arena, &statement, &error) != STATUS_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    return statement.query;
}

static void test_estimates(void **state) {
    (void)state;
    SqlContext asker = fixture_owner(store);
    Arena unlimited;
    arena_init(&unlimited, FIXTURE_ARENA_MAX);
    assert_int_equal(query_estimate(compile(&asker, "SELECT * FROM n", &unlimited), store), 0);
    arena_done(&unlimited);
    fixture_must(store, "SET row_limit = 1");
    static const struct {
        const char *text;
        uint64_t cost;
    } CASES[] = {
        {"SELECT * FROM n", 5},
        {"SELECT * FROM n LIMIT 3", 3},
        {"SELECT * FROM n LIMIT 30", 30},
        {"SELECT * FROM n WHERE a = 1", 10},          // no index: scanned and filtered
        {"SELECT * FROM n WHERE a = 1 LIMIT 1", 10},  // the limit stays above the filter
        {"SELECT COUNT(*) AS n FROM n", 5},
        {"SELECT COUNT(*) AS n FROM n LIMIT 3", 5},
        {"SELECT * FROM l WHERE x = 0", 2},  // 10 rows, 5 keys
        {"SELECT * FROM l WHERE x = 0 LIMIT 1", 1},
        {"SELECT * FROM l WHERE x = 0 AND y = 1", 4},
        {"SELECT * FROM l WHERE x > 0", 20},  // ranges use no index upstream
        {"SELECT * FROM l WHERE x = 0 OR x = 1", 20},
        {"SELECT * FROM p WHERE id = 1", 1},
        {"SELECT * FROM p WHERE id = 99", 1},
        {"SELECT l.* FROM p JOIN l ON p.id = l.id", 8},                // 4 + 4 * (10 / 10)
        {"SELECT l.* FROM p JOIN l ON p.id = l.x", 12},                // 4 + 4 * (10 / 5)
        {"SELECT p.* FROM l JOIN p ON p.id = l.x", 20},                // the key of p is unique
        {"SELECT p.* FROM p JOIN l ON p.id = l.id WHERE l.x = 1", 4},  // l first: 2 + 2
        {"SELECT p.* FROM p JOIN n", 29},                              // 4 + 5 + 20
        {"SELECT p.* FROM p JOIN n ON p.level = n.a", 29},
        {"SELECT * FROM ev", 0},
    };
    SqlContext owner = fixture_owner(store);
    for (uint32_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        Arena arena;
        arena_init(&arena, FIXTURE_ARENA_MAX);
        uint64_t cost = query_estimate(compile(&owner, CASES[i].text, &arena), store);
        if (cost != CASES[i].cost) fail_msg("%s: %llu", CASES[i].text, (unsigned long long)cost);
        arena_done(&arena);
    }
    fixture_must(store, "DELETE FROM st_var");
}

static void test_equalities(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t count;
        const char *table;
        uint16_t column;
    } CASES[] = {
        {"SELECT * FROM p WHERE id = 1", 1, "p", 0},
        {"SELECT * FROM p WHERE level = 1 AND id = 1 AND name = 'a'", 1, "p", 0},  // the unique one
        {"SELECT * FROM p WHERE name = 'a' AND level = 1", 1, "p", 1},  // the indexed one
        {"SELECT * FROM p WHERE name = 'a'", 1, "p", 2},
        {"SELECT * FROM p WHERE id = 1 OR id = 2", 0, "", 0},
        {"SELECT * FROM p WHERE id > 1", 0, "", 0},
        {"SELECT * FROM n WHERE b = 1", 0, "", 0},
        {"SELECT p.* FROM p JOIN l ON p.id = l.id WHERE l.x = 3", 1, "l", 1},
        {"SELECT a.* FROM p a JOIN p b ON a.id = b.id WHERE a.level = 3", 0, "", 0},
        {"SELECT a.* FROM p a JOIN p b ON a.id = b.id WHERE a.level = 3 AND b.level = 3", 1, "p",
         1},
        {"SELECT a.* FROM p a JOIN p b ON a.id = b.id WHERE a.level = 3 AND b.level = 4", 0, "", 0},
        {"SELECT * FROM vs", 1, "vs", 0},
        {"SELECT * FROM mail WHERE to = :sender", 1, "mail", 1},
    };
    SqlContext owner = fixture_owner(store);
    for (uint32_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        Arena arena;
        arena_init(&arena, FIXTURE_ARENA_MAX);
        uint32_t count;
        const Query *query = compile(&owner, CASES[i].text, &arena);
        const Equality *equalities = fragment_equalities(query_fragment(query, 0), &count);
        if (count != CASES[i].count) fail_msg("%s: %u equalities", CASES[i].text, count);
        if (count > 0) {
            Table *table = store_find_table_by_name(store, bytes_of_text(CASES[i].table));
            assert_int_equal(equalities[0].table, table_id(table));
            assert_int_equal(equalities[0].column, CASES[i].column);
        }
        arena_done(&arena);
    }
}

static void bound_write(char *text, size_t size, const char *unbounded, const Bound *bound) {
    static const char *const KINDS[] = {[BOUND_INCLUDED] = "[", [BOUND_EXCLUDED] = "("};
    if (bound->kind == BOUND_UNBOUNDED) {
        snprintf(text, size, "%s", unbounded);
    } else {
        snprintf(text, size, "%s%u", KINDS[bound->kind], load_u32le(bound->value.data));
    }
}

static void test_ranges(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *range;  // column, lower, upper
    } CASES[] = {
        {"SELECT * FROM p WHERE level > 1", "1 (1 -"},
        {"SELECT * FROM p WHERE level >= 1 AND level < 5", "1 [1 (5"},
        {"SELECT * FROM p WHERE level >= 1 AND level > 1 AND level > 0", "1 (1 -"},
        {"SELECT * FROM p WHERE 7 >= level AND level <= 9 AND name <> 'a'", "1 - [7"},
        {"SELECT * FROM p WHERE id < 3 AND level > 1", "0 - (3"},  // the first one
        {"SELECT * FROM p WHERE level > 5 AND level < 2", "1 (5 (2"},
        {"SELECT * FROM p WHERE level > 1 AND id = 3", ""},  // the equality is better
        {"SELECT * FROM p WHERE level > 1 OR id > 3", ""},
        {"SELECT * FROM p WHERE level <> 1", ""},
        {"SELECT p.* FROM p JOIN l ON p.id = l.id WHERE p.level > 3", "1 (3 -"},
        {"SELECT a.* FROM p a JOIN p b ON a.id = b.id WHERE a.level > 3", ""},
    };
    SqlContext owner = fixture_owner(store);
    for (uint32_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        Arena arena;
        arena_init(&arena, FIXTURE_ARENA_MAX);
        uint32_t count;
        const Query *query = compile(&owner, CASES[i].text, &arena);
        const Range *ranges = fragment_ranges(query_fragment(query, 0), &count);
        char text[100] = "", lower[30], upper[30];
        if (count > 0) {
            bound_write(lower, sizeof lower, "-", &ranges[0].lower);
            bound_write(upper, sizeof upper, "-", &ranges[0].upper);
            snprintf(text, sizeof text, "%u %s %s", ranges[0].column, lower, upper);
        }
        if (strcmp(text, CASES[i].range) != 0) fail_msg("%s: %s", CASES[i].text, text);
        arena_done(&arena);
    }
}

static void test_edges(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *edge;  // table, column, index, column reached
    } CASES[] = {
        {"SELECT l.* FROM l JOIN p ON l.x = p.id WHERE p.level = 3", "l 1 p_id_idx_btree 1"},
        {"SELECT p.* FROM l JOIN p ON l.x = p.id WHERE p.level = 3", "l 1 p_id_idx_btree 1"},
        {"SELECT p.* FROM p JOIN l ON l.x = p.id WHERE l.id = 3", "p 0 l_x_idx_btree 0"},
        {"SELECT l.* FROM l JOIN p ON l.x = p.id WHERE p.level = 3 AND l.id = 1", ""},
        {"SELECT l.* FROM l JOIN p ON l.x = p.id WHERE p.level > 3", ""},
        {"SELECT l.* FROM l JOIN n ON l.x = n.a WHERE n.b = 3", ""},  // no index
        {"SELECT a.* FROM l a JOIN l b ON a.x = b.id JOIN p ON p.id = b.x WHERE p.level = 3", ""},
    };
    SqlContext owner = fixture_owner(store);
    for (uint32_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        Arena arena;
        arena_init(&arena, FIXTURE_ARENA_MAX);
        uint32_t count;
        const Query *query = compile(&owner, CASES[i].text, &arena);
        const Edge *edges = fragment_edges(query_fragment(query, 0), &count);
        char text[200] = "";
        if (count > 0) {
            Bytes table = table_schema(store_find_table(store, edges[0].table))->name;
            Bytes index = index_schema(store_find_index(store, edges[0].index))->name;
            snprintf(text, sizeof text, "%.*s %u %.*s %u", BYTES_FORMAT(table), edges[0].column,
                     BYTES_FORMAT(index), edges[0].reached.column);
        }
        if (strcmp(text, CASES[i].edge) != 0) fail_msg("%s: %s", CASES[i].text, text);
        arena_done(&arena);
    }
}

static void test_what_is_read(void **state) {
    (void)state;
    Arena arena;
    arena_init(&arena, FIXTURE_ARENA_MAX);
    SqlContext owner = fixture_owner(store), caller = fixture_caller(store);
    const Query *query = compile(
        &owner, "SELECT a.* FROM p a JOIN p b ON a.id = b.id JOIN l ON l.id = a.id", &arena);
    const Fragment *fragment = query_fragment(query, 0);
    assert_int_equal(fragment_table_count(fragment), 2);
    assert_false(fragment_is_single_table(fragment));
    assert_false(query_depends_on_sender(query));
    // Users: one fragment for the rule about oneself, one for the rule about admins, with that
    // table's own rule.
    query = compile(&caller, "SELECT * FROM users", &arena);
    assert_int_equal(query_fragment_count(query), 2);
    assert_true(query_depends_on_sender(query));
    assert_int_equal(fragment_table_count(query_fragment(query, 0)) +
                         fragment_table_count(query_fragment(query, 1)),
                     3);
    query = compile(&owner, "SELECT * FROM users", &arena);
    assert_int_equal(query_fragment_count(query), 1);
    assert_false(query_depends_on_sender(query));
    query = compile(&owner, "SELECT * FROM mail WHERE to = :sender", &arena);
    assert_true(query_depends_on_sender(query));
    // Views: the hidden column is neither in the type nor in what is delivered.
    query = compile(&caller, "SELECT va.* FROM va JOIN vs ON va.a = vs.a JOIN va x ON x.a = va.a",
                    &arena);
    uint32_t count;
    const QueryView *views = query_views(query, &count);
    assert_int_equal(count, 2);
    assert_false(views[0].is_per_sender && views[1].is_per_sender);
    assert_int_equal(query_row_type(query)->field_count, 2);
    uint8_t row[VIEW_KEY_BYTES + 8] = {0};
    query = compile(&caller, "SELECT * FROM va", &arena);
    assert_int_equal(fragment_output(query_fragment(query, 0), bytes_of(row, sizeof row)).count, 8);
    assert_false(fragment_matches(query_fragment(query, 0), bytes_of(row, sizeof row)));
    views = query_views(query, &count);
    memcpy(row, views[0].key.data, VIEW_KEY_BYTES);
    assert_true(fragment_matches(query_fragment(query, 0), bytes_of(row, sizeof row)));
    arena_done(&arena);
}

static void test_rules_are_checked(void **state) {
    (void)state;
    SqlContext owner = fixture_owner(store);
    Error error;
    TableId id = 0;
    Bytes text = BYTES_LITERAL("select s.* from users u join sales s on u.identity = s.customer");
    assert_int_equal(sql_check_row_level_security(&owner, text, &id, &error), STATUS_OK);
    assert_int_equal(id, table_id(store_find_table_by_name(store, BYTES_LITERAL("sales"))));
    text = BYTES_LITERAL("select * from secret");
    assert_int_equal(sql_check_row_level_security(&owner, text, &id, &error), STATUS_INVALID);
    assert_string_equal(
        error.text, "Cannot define RLS rule on private table: secret. Please make table public if "
                    "you wish to restrict access using RLS.");
    text = BYTES_LITERAL("select * from vp(1, 'a')");
    assert_int_equal(sql_check_row_level_security(&owner, text, &id, &error), STATUS_INVALID);
    assert_string_equal(
        error.text,
        "Row-level security is not supported on parameterized views: select * from vp(1, 'a')");
    text = BYTES_LITERAL("select name from users");
    assert_int_equal(sql_check_row_level_security(&owner, text, &id, &error), STATUS_INVALID);
    text = BYTES_LITERAL("delete from users");
    assert_int_equal(sql_check_row_level_security(&owner, text, &id, &error), STATUS_INVALID);
    assert_string_equal(error.text, "Unsupported: Non-SELECT queries");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_estimates),    cmocka_unit_test(test_equalities),
        cmocka_unit_test(test_ranges),       cmocka_unit_test(test_edges),
        cmocka_unit_test(test_what_is_read), cmocka_unit_test(test_rules_are_checked),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

// run_test.c - statements against small tables: what SELECT returns, what DML does, texts of its
// errors, views, rules, and system variables. Expected rows are JSON as the HTTP route writes them.
#include "fixture.h"

static Store *store;
static SqlContext owner, caller;

static int setup(void **state) {
    (void)state;
    store = fixture_catalogue();
    owner = fixture_owner(store);
    caller = fixture_caller(store);
    fixture_must(store, "INSERT INTO p (id, level, name) VALUES (1, 10, 'a'), (2, 20, 'b'), (3, "
                        "20, 'c'), (4, 30, '')");
    fixture_must(store,
                 "INSERT INTO l (id, x, y) VALUES (1, 5, 0), (1, 7, 1), (2, 5, 2), (9, 9, 9)");
    fixture_must(
        store,
        "INSERT INTO m (w, x, y, z) VALUES (1, 2, 3, 4), (5, 4, 3, 4), (1, 3, 4, 5), (2, 3, 4, 5)");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    store_free(store);
    return 0;
}

#define EXPECT(text, rows) assert_string_equal(fixture_select(&owner, text), rows)
#define EXPECT_CALLER(text, rows) assert_string_equal(fixture_select(&caller, text), rows)
#define EXPECT_FAILURE(text, error)                          \
    do {                                                     \
        const char *got = fixture_change(store, text, NULL); \
        assert_non_null(got);                                \
        assert_string_equal(got, error);                     \
    } while (0)

// ---- SELECT ----

static void test_rows_columns_count_limit(void **state) {
    (void)state;
    EXPECT("SELECT * FROM p", "[1,10,\"a\"],[2,20,\"b\"],[3,20,\"c\"],[4,30,\"\"]");
    EXPECT("SELECT name, id AS n FROM p WHERE level = 20", "[\"b\",2],[\"c\",3]");
    EXPECT("SELECT id FROM p LIMIT 2", "[1],[2]");
    EXPECT("SELECT * FROM p LIMIT 0", "");
    EXPECT("SELECT COUNT(*) AS n FROM p", "[4]");
    EXPECT("SELECT COUNT(*) AS n FROM p WHERE level > 10", "[3]");
    EXPECT("SELECT COUNT(*) AS n FROM p LIMIT 2", "[4]");
    EXPECT("SELECT COUNT(*) AS n FROM p LIMIT 0", "");
    EXPECT("SELECT id FROM p WHERE id > 2 AND id < 2", "");
    EXPECT("SELECT id FROM p WHERE FALSE", "");
    EXPECT("SELECT id FROM p WHERE TRUE AND id = 3", "[3]");
    EXPECT("SELECT id FROM p WHERE id = 1 AND id = 2", "");
    EXPECT("SELECT id FROM p WHERE id = 3 OR name = 'a'", "[1],[3]");
    EXPECT("SELECT id FROM p WHERE (id = 1) = (name = 'a')", "[1],[2],[3],[4]");
    EXPECT("SELECT id FROM p WHERE (id = 1) < (level = 20)", "[2],[3]");
    EXPECT("SELECT id FROM p WHERE 20 < level", "[4]");
    EXPECT("SELECT id FROM p WHERE id <> 2 AND level <= 20", "[1],[3]");
}

static void test_names_of_results(void **state) {
    (void)state;
    Arena arena;
    arena_init(&arena, FIXTURE_ARENA_MAX);
    SqlStatement statement;
    Error error;
    Bytes text = BYTES_LITERAL("SELECT theId, some_name AS b, some_name FROM AccTable");
    assert_int_equal(sql_compile(&owner, text, &arena, &statement, &error), STATUS_OK);
    const Type *type = query_row_type(statement.query);
    assert_int_equal(query_shape(statement.query), QUERY_COLUMNS);
    assert_int_equal(type->field_count, 3);
    assert_true(bytes_equal_text(type->fields[0].name, "theId"));
    assert_true(bytes_equal_text(type->fields[1].name, "b"));
    assert_true(bytes_equal_text(type->fields[2].name, "some_name"));
    text = BYTES_LITERAL("SELECT AccTable.* FROM AccTable");
    assert_int_equal(sql_compile(&owner, text, &arena, &statement, &error), STATUS_OK);
    assert_true(bytes_equal_text(query_row_type(statement.query)->fields[0].name, "the_id"));
    arena_done(&arena);
}

static void test_indexes_are_right(void **state) {
    (void)state;
    EXPECT("SELECT * FROM m WHERE x = 3 AND y = 4 AND z = 5", "[1,3,4,5],[2,3,4,5]");
    EXPECT("SELECT * FROM m WHERE z = 4 AND y = 3", "[1,2,3,4],[5,4,3,4]");
    EXPECT("SELECT * FROM m WHERE x = 3 AND w = 2", "[2,3,4,5]");
    EXPECT("SELECT * FROM m WHERE y = 4 AND z > 4 AND z < 6 AND w = 1", "[1,3,4,5]");
}

static void test_joins(void **state) {
    (void)state;
    EXPECT("SELECT p.* FROM p JOIN l ON p.id = l.id", "[1,10,\"a\"],[1,10,\"a\"],[2,20,\"b\"]");
    EXPECT("SELECT COUNT(*) AS n FROM p JOIN l ON p.id = l.id", "[3]");
    EXPECT("SELECT COUNT(*) AS n FROM p JOIN l", "[16]");
    EXPECT("SELECT p.name, l.x FROM p JOIN l ON p.id = l.id WHERE l.y = 1", "[\"a\",7]");
    EXPECT("SELECT a.id, b.id FROM p a JOIN p b ON a.level = b.level WHERE a.id < b.id",
           "Duplicate name `id`");
    EXPECT("SELECT a.id AS a, b.id AS b FROM p a JOIN p b ON a.level = b.level WHERE a.id < b.id",
           "[2,3]");
    EXPECT("SELECT p.id, l.x AS x, m.w AS w FROM p JOIN l ON p.id = l.id JOIN m ON m.w = l.y",
           "[1,7,1],[1,7,1],[2,5,2]");
    EXPECT("SELECT COUNT(*) AS n FROM p a JOIN p b JOIN p c JOIN p d", "[256]");
    EXPECT("SELECT COUNT(*) AS n FROM p a JOIN l b ON a.id = b.id JOIN m c ON c.w = b.y JOIN p d "
           "ON d.id = a.id",
           "[3]");
    EXPECT("SELECT p.id FROM p JOIN l ON p.id = l.id LIMIT 1", "[1]");
}

static void test_orders_of_floats_strings_and_bytes(void **state) {
    (void)state;
    fixture_must(store, "INSERT INTO n (a, b, c) VALUES (1, -0, 'b'), (2, 0, 'B'), (3, 1e400, "
                        "'ab'), (4, -1e400, '')");
    EXPECT("SELECT a FROM n WHERE b = 0", "[1],[2]");
    EXPECT("SELECT a FROM n WHERE b >= 0", "[1],[2],[3]");
    EXPECT("SELECT a FROM n WHERE b < 0", "[4]");
    EXPECT("SELECT a FROM n WHERE c < 'ab'", "[2],[4]");
    EXPECT("SELECT a FROM n WHERE c >= 'ab'", "[1],[3]");
    fixture_must(store, "DELETE FROM n");
    EXPECT("SELECT * FROM n", "");
}

// ---- DML ----

static void test_insert(void **state) {
    (void)state;
    DmlStats stats;
    assert_null(
        fixture_change(store, "INSERT INTO l (c, b, a) VALUES (50, 60, 70), (50, 60, 70)", &stats));
    assert_int_equal(stats.inserted, 1);  // by position, and an equal row is no new row
    EXPECT("SELECT * FROM l WHERE id = 50", "[50,60,70]");
    EXPECT_FAILURE(
        "INSERT INTO p (id, level, name) VALUES (7, 1, 'x'), (1, 1, 'y')",
        "IndexError: Unique constraint violation 'p_id_idx_btree' in table 'p': column(s): "
        "'[\"id\"]' value: 1");
    EXPECT("SELECT * FROM p WHERE id = 7", "");  // all or nothing
    fixture_must(store, "DELETE FROM l WHERE id = 50");
}

static void test_update(void **state) {
    (void)state;
    DmlStats stats;
    assert_null(fixture_change(
        store, "UPDATE p SET level = 1, level = 2, name = 'z' WHERE level = 20", &stats));
    assert_int_equal(stats.updated, 2);
    EXPECT("SELECT id, name FROM p WHERE level = 1",
           "[2,\"z\"],[3,\"z\"]");  // the first assignment counts
    assert_null(fixture_change(store, "UPDATE p SET level = 1 WHERE level = 1", &stats));
    assert_int_equal(stats.updated, 2);  // matched, if not changed
    EXPECT_FAILURE(
        "UPDATE p SET id = 1 WHERE id = 2",
        "IndexError: Unique constraint violation 'p_id_idx_btree' in table 'p': column(s): "
        "'[\"id\"]' value: 1");
    EXPECT("SELECT id FROM p WHERE id = 2", "[2]");
    fixture_must(store, "UPDATE p SET level = 20, name = 'b' WHERE id = 2");
    fixture_must(store, "UPDATE p SET level = 20, name = 'c' WHERE id = 3");
    // Rows that become equal are one row.
    assert_null(fixture_change(store, "UPDATE l SET id = 1, x = 1, y = 1", &stats));
    assert_int_equal(stats.updated, 4);
    EXPECT("SELECT * FROM l", "[1,1,1]");
    fixture_must(store, "DELETE FROM l");
    fixture_must(store,
                 "INSERT INTO l (id, x, y) VALUES (1, 5, 0), (1, 7, 1), (2, 5, 2), (9, 9, 9)");
}

static void test_delete(void **state) {
    (void)state;
    DmlStats stats;
    fixture_must(store, "INSERT INTO l (id, x, y) VALUES (70, 1, 1), (70, 2, 1), (71, 1, 1)");
    assert_null(fixture_change(store, "DELETE FROM l WHERE id = 70 AND y = 1", &stats));
    assert_int_equal(stats.deleted, 2);
    assert_null(fixture_change(store, "DELETE FROM l WHERE id = 71 OR id = 72", &stats));
    assert_int_equal(stats.deleted, 1);
    EXPECT("SELECT COUNT(*) AS n FROM l", "[4]");
}

static void test_rights(void **state) {
    (void)state;
    Arena arena;
    arena_init(&arena, FIXTURE_ARENA_MAX);
    SqlStatement statement;
    Error error;
    Status status = sql_compile(&caller, BYTES_LITERAL("DELETE FROM p"), &arena, &statement,
                                &error);
    assert_int_equal(status, STATUS_DENIED);
    assert_string_equal(
        error.text,
        "Caller c200bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb is not "
        "authorized to run SQL DML statements");
    status = sql_compile(&caller, BYTES_LITERAL("SET row_limit = 1"), &arena, &statement, &error);
    assert_int_equal(status, STATUS_DENIED);
    status = sql_compile(&caller, BYTES_LITERAL("DELETE FROM p WHERE nope = 1"), &arena, &statement,
                         &error);
    assert_string_equal(error.text, "`nope` is not in scope");  // names and types come first
    assert_int_equal(status, STATUS_INVALID);
    EXPECT_FAILURE("DELETE FROM st_env",
                   "Database environment variables can only be changed by publishing");
    EXPECT_FAILURE("DELETE FROM st_table",
                   "System table `st_table` can only be changed by publishing");
    fixture_must(store, "UPDATE st_module SET program_kind = 0");
    EXPECT_CALLER("SELECT * FROM secret",
                  "no such table: `secret`. If the table exists, it may be marked private.");
    EXPECT_CALLER("SELECT p.* FROM p JOIN secret ON p.id = secret.id WHERE FALSE",
                  "no such table: `secret`. If the table exists, it may be marked private.");
    EXPECT_CALLER("SELECT * FROM st_connection_credentials",
                  "no such table: `st_connection_credentials`. If the table exists, it may be "
                  "marked private.");
    EXPECT_CALLER("SELECT COUNT(*) AS n FROM st_table WHERE table_id < 4096", "[26]");
    arena_done(&arena);
}

static void test_variables(void **state) {
    (void)state;
    uint64_t limit = 0;
    EXPECT("SHOW row_limit", "");
    assert_false(query_row_limit(store, &limit));
    fixture_must(store, "SET row_limit = 5");
    fixture_must(store, "SET row_limit TO 5");
    EXPECT_CALLER("SHOW row_limit", "[[8,5]]");
    EXPECT("SELECT * FROM st_var", "[\"row_limit\",[8,5]]");
    assert_true(query_row_limit(store, &limit));
    assert_int_equal(limit, 5);
    EXPECT_FAILURE("SET row_limit = 6", "IndexError: Unique constraint violation "
                                        "'st_var_name_idx_btree' in table 'st_var': column(s): "
                                        "'[\"name\"]' value: \"row_limit\"");
    EXPECT_FAILURE("SET row_limit = -5",
                   "The literal expression `-5` cannot be parsed as type `U64`");
    EXPECT_FAILURE("SET other = 5", "other is not a valid system variable");
    fixture_must(store, "DELETE FROM st_var WHERE name = 'row_limit'");
    EXPECT("SHOW row_limit", "");
}

// ---- rules ----

static void insert_identity(const char *table, const char *hex, const char *rest) {
    char text[300];
    snprintf(text, sizeof text, "INSERT INTO %s VALUES (0x%s%s)", table, hex, rest);
    fixture_must(store, text);
}

// sql.md 23: users see themselves, admins see all users; sales follow the users one sees.
static void test_rules(void **state) {
    (void)state;
    insert_identity("users (identity, name)", OWNER_HEX, ", 'owner'");
    insert_identity("users (identity, name)", CALLER_HEX, ", 'caller'");
    char text[200];
    snprintf(text, sizeof text,
             "INSERT INTO sales (order_id, customer) VALUES (1, 0x%s), (2, 0x%s)", OWNER_HEX,
             CALLER_HEX);
    fixture_must(store, text);
    EXPECT_CALLER("SELECT name FROM users", "[\"caller\"]");
    EXPECT_CALLER("SELECT order_id FROM sales", "[2]");
    EXPECT_CALLER("SELECT COUNT(*) AS n FROM users", "[1]");
    snprintf(text, sizeof text, "SELECT * FROM users WHERE identity = 0x%s", OWNER_HEX);
    EXPECT_CALLER(text, "");
    EXPECT("SELECT name FROM users", "[\"owner\"],[\"caller\"]");
    insert_identity("admins (identity)", CALLER_HEX, "");
    EXPECT_CALLER("SELECT COUNT(*) AS n FROM users",
                  "[3]");  // both rules match the caller: it counts twice
    EXPECT_CALLER("SELECT COUNT(*) AS n FROM sales", "[3]");
    EXPECT_CALLER("SELECT name FROM users LIMIT 2", "[\"caller\"],[\"owner\"]");
    EXPECT_CALLER("SELECT * FROM guarded",
                  "no such table: `secret`. If the table exists, it may be marked private.");
    fixture_must(store, "DELETE FROM admins");
}

// ---- views ----

// Puts a row into a view's backing table under the key the query asks for.
static void view_insert(const SqlContext *context, const char *view, uint32_t a, const char *b) {
    Arena arena;
    arena_init(&arena, FIXTURE_ARENA_MAX);
    char text[100];
    snprintf(text, sizeof text, "SELECT * FROM %s", view);
    SqlStatement statement;
    Error error;
    assert_int_equal(sql_compile(context, bytes_of_text(text), &arena, &statement, &error),
                     STATUS_OK);
    uint32_t count;
    const QueryView *views = query_views(statement.query, &count);
    assert_int_equal(count, 1);
    assert_int_equal(views[0].key.count, VIEW_KEY_BYTES);
    Buffer row;
    buffer_init(&row, 1000);
    buffer_append_bytes(&row, views[0].key);
    buffer_u32(&row, a);
    buffer_string(&row, bytes_of_text(b));
    InsertResult result;
    Tx *tx = tx_begin(store);
    Table *table = store_find_table(store, views[0].table);
    assert_int_equal(tx_insert(tx, table, buffer_bytes(&row), &result), INSERT_ADDED);
    tx_commit(tx);
    tx_release(tx);
    buffer_done(&row);
    arena_done(&arena);
}

static void test_views(void **state) {
    (void)state;
    EXPECT("SELECT * FROM va", "");
    view_insert(&owner, "va", 1, "all");
    view_insert(&owner, "vs", 1, "owner's");
    view_insert(&caller, "vs", 2, "caller's");
    view_insert(&owner, "vp(1, 'x')", 5, "one");
    view_insert(&owner, "vp(2, 'x')", 6, "two");
    EXPECT_CALLER("SELECT * FROM va", "[1,\"all\"]");
    EXPECT("SELECT * FROM vs", "[1,\"owner's\"]");
    EXPECT_CALLER("SELECT * FROM vs", "[2,\"caller's\"]");
    EXPECT_CALLER("SELECT b FROM vs WHERE a = 2", "[\"caller's\"]");
    EXPECT_CALLER("SELECT COUNT(*) AS n FROM vs", "[1]");
    EXPECT("SELECT * FROM vp(1, 'x')", "[5,\"one\"]");
    EXPECT("SELECT * FROM vp(2, 'x')", "[6,\"two\"]");
    EXPECT("SELECT * FROM vp(3, 'x')", "");
    EXPECT_CALLER("SELECT p.name, vs.b FROM p JOIN vs ON p.id = vs.a", "[\"b\",\"caller's\"]");
    EXPECT_FAILURE("DELETE FROM va", "`va` is a view; DML on views is not supported");
}

// The hashes that upstream computes (sql.md 11.1, since-2.8.md 1.6).
static void test_keys_of_views(void **state) {
    (void)state;
    static const struct {
        const char *text, *key;
    } CASES[] = {
        {"SELECT * FROM va", "e8b8b119022591171d4b06f6240a1ee6c7a4b209b187d2e07b973c1e54e2e8b2"},
        {"SELECT * FROM vs", "1a6a47c9ffc9971559c902607f0a7fe219042dc8279f470e4463c746479f4e46"},
        {"SELECT * FROM vp(42, 'hello')",
         "a050847fd898832ca779042f750e0e1c077bd8ceb53bc213e7ff4c60b4183bef"},
    };
    SqlContext one = {.store = store};
    one.sender.bytes[0] = 1;
    for (uint32_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        Arena arena;
        arena_init(&arena, FIXTURE_ARENA_MAX);
        SqlStatement statement;
        Error error;
        assert_int_equal(
            sql_compile(&one, bytes_of_text(CASES[i].text), &arena, &statement, &error), STATUS_OK);
        uint32_t count;
        const QueryView *views = query_views(statement.query, &count);
        assert_int_equal(count, 1);
        Buffer hex;
        buffer_init(&hex, 100);
        buffer_append_hex(&hex, views[0].key);
        assert_memory_equal(hex.data, CASES[i].key, 64);
        assert_int_equal(views[0].is_per_sender, i == 1);
        assert_int_equal(query_depends_on_sender(statement.query), i == 1);
        buffer_done(&hex);
        arena_done(&arena);
    }
}

// ---- texts ----

static void test_split(void **state) {
    (void)state;
    Arena arena;
    arena_init(&arena, FIXTURE_ARENA_MAX);
    const Bytes *texts;
    uint32_t count;
    Error error;
    Bytes text = BYTES_LITERAL(" ; select ';' from t /* ; */ ;; show x -- ;\n;");
    assert_int_equal(sql_split(text, &arena, &texts, &count, &error), STATUS_OK);
    assert_int_equal(count, 2);
    assert_true(bytes_equal_text(texts[0], "select ';' from t"));
    assert_true(bytes_equal_text(texts[1], "show x"));
    assert_int_equal(sql_split(BYTES_LITERAL("  -- nothing"), &arena, &texts, &count, &error),
                     STATUS_OK);
    assert_int_equal(count, 0);
    assert_int_equal(sql_split(BYTES_LITERAL("select 'a"), &arena, &texts, &count, &error),
                     STATUS_INVALID);
    assert_string_equal(error.text,
                        "sql parser error: Unterminated string literal at Line: 1, Column 8");
    assert_int_equal(sql_split(BYTES_LITERAL("\xff"), &arena, &texts, &count, &error),
                     STATUS_INVALID);
    arena_done(&arena);
}

static void test_subscribe_all(void **state) {
    (void)state;
    assert_true(sql_is_subscribe_all(BYTES_LITERAL("SELECT * FROM *")));
    assert_true(sql_is_subscribe_all(BYTES_LITERAL(" \n select\t*  from\r\n* ")));
    assert_false(sql_is_subscribe_all(BYTES_LITERAL("SELECT * FROM * x")));
    assert_false(sql_is_subscribe_all(BYTES_LITERAL("SELECT*FROM *")));
    assert_false(sql_is_subscribe_all(BYTES_LITERAL("SELECT * FROM t")));
    assert_false(sql_is_subscribe_all(BYTES_NONE));
}

static void test_limits(void **state) {
    (void)state;
    char *text = malloc(200000);
    // The length of a text.
    memset(text, ' ', 60000);
    memcpy(text, "SELECT id FROM p WHERE id = 1", 29);
    text[SQL_TEXT_BYTES_MAX] = 0;
    EXPECT(text, "[1]");
    text[SQL_TEXT_BYTES_MAX] = ' ';
    text[SQL_TEXT_BYTES_MAX + 1] = 0;
    const char *got = fixture_select(&owner, text);
    assert_memory_equal(
        got, "SQL query exceeds maximum allowed length: \"SELECT id FROM p WHERE id = 1   ", 74);
    assert_int_equal(strlen(got), 43 + 120 + 4);
    // Terms of a chain.
    for (uint32_t terms = SQL_EXPR_LEVELS_MAX; terms <= SQL_EXPR_LEVELS_MAX + 1; terms++) {
        strcpy(text, "SELECT id FROM p WHERE id=3");
        for (uint32_t i = 1; i < terms; i++) strcat(text, " OR id=1");
        EXPECT(text, terms <= SQL_EXPR_LEVELS_MAX
                         ? "[1],[3]"
                         : "Recursion limit exceeded, `sql-parser::parse_expr`");
    }
    // Comparisons of comparisons, which nest for real.
    strcpy(text, "SELECT id FROM p WHERE id=1");
    for (uint32_t i = 1; i < SQL_EXPR_LEVELS_MAX; i++) strcat(text, "=TRUE");
    EXPECT(text, "[1]");
    // Parentheses.
    for (uint32_t depth = SQL_DEPTH_MAX - 3; depth <= SQL_DEPTH_MAX; depth++) {
        strcpy(text, "SELECT id FROM p WHERE ");
        for (uint32_t i = 0; i < depth; i++) strcat(text, "(");
        strcat(text, "id = 1");
        for (uint32_t i = 0; i < depth; i++) strcat(text, ")");
        got = fixture_select(&owner, text);
        bool fits = depth < SQL_DEPTH_MAX - 1;
        assert_string_equal(got, fits ? "[1]" : "sql parser error: recursion limit exceeded");
    }
    strcpy(text, "SELECT id FROM p WHERE id = ");
    for (uint32_t i = 0; i < 40000; i++) text[28 + i] = i % 2 == 0 ? '-' : ' ';
    strcpy(text + 28 + 40000, "1");
    EXPECT(text, "sql parser error: recursion limit exceeded");
    // Relations.
    for (uint32_t count = SQL_RELATIONS_MAX; count <= SQL_RELATIONS_MAX + 1; count++) {
        strcpy(text, "SELECT a0.id FROM p a0");
        for (uint32_t i = 1; i < count; i++) {
            sprintf(text + strlen(text), " JOIN p a%u ON a%u.id = a%u.id", i, i, i - 1);
        }
        strcat(text, " WHERE a0.id = 2");
        EXPECT(text,
               count <= SQL_RELATIONS_MAX ? "[2]" : "A query cannot join more than 32 tables");
    }
    free(text);
}

// Rules multiply: users have two, so n joined ones make 2^n fragments.
static void test_limits_of_rules(void **state) {
    (void)state;
    char *text = malloc(60000);
    for (uint32_t count = 10; count <= 11; count++) {
        strcpy(text, "SELECT COUNT(*) AS n FROM users a0");
        for (uint32_t i = 1; i < count; i++) sprintf(text + strlen(text), " JOIN users a%u", i);
        EXPECT_CALLER(text, count == 10
                                ? "[1]"
                                : "Row level security splits this query into more than 1024 parts");
    }
    strcpy(text, "SELECT COUNT(*) AS n FROM users a0");
    for (uint32_t i = 1; i < 9; i++) sprintf(text + strlen(text), " JOIN users a%u", i);
    strcat(text, " WHERE a0.name = ''");
    for (uint32_t i = 0; i < 400; i++) strcat(text, " OR a1.name = 'b'");
    EXPECT_CALLER(text, "Row level security makes this query too large");
    free(text);
}

// A chain of tables, each one's rule naming the next.
static void test_limits_of_chains(void **state) {
    (void)state;
    Store *chained = store_create();
    SqlContext all = fixture_owner(chained), some = fixture_caller(chained);
    TypeField field = {BYTES_LITERAL("id"), type_primitive(TYPE_U32)};
    char name[100], text[300];
    for (uint32_t i = 0; i < SQL_RULES_DEPTH_MAX + 2; i++) {
        snprintf(name, sizeof name, "d%u", i);
        FixtureTable table = {.name = name, .columns = &field, .column_count = 1};
        fixture_table(chained, &table);
    }
    for (uint32_t i = 0; i <= SQL_RULES_DEPTH_MAX; i++) {
        snprintf(text, sizeof text, "select a.* from d%u a join d%u b on a.id = b.id", i, i + 1);
        TableId id;
        Error error;
        Bytes rule = bytes_of_text(text);
        assert_int_equal(sql_check_row_level_security(&all, rule, &id, &error), STATUS_OK);
        Tx *tx = tx_begin(chained);
        assert_int_equal(tx_set_row_level_security(tx, id, rule, true, &error), STATUS_OK);
        tx_commit(tx);
        tx_release(tx);
    }
    assert_string_equal(fixture_select(&some, "SELECT * FROM d0"),
                        "Row level security rules are nested too deeply");
    assert_string_equal(fixture_select(&some, "SELECT * FROM d1"),
                        "Row level security joins more than 32 tables");
    assert_string_equal(fixture_select(&some, "SELECT * FROM d2"), "");  // 32 tables
    assert_string_equal(fixture_select(&all, "SELECT * FROM d0"), "");
    store_free(chained);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_columns_count_limit),
        cmocka_unit_test(test_names_of_results),
        cmocka_unit_test(test_indexes_are_right),
        cmocka_unit_test(test_joins),
        cmocka_unit_test(test_orders_of_floats_strings_and_bytes),
        cmocka_unit_test(test_insert),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_delete),
        cmocka_unit_test(test_rights),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_keys_of_views),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_subscribe_all),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_limits_of_rules),
        cmocka_unit_test(test_limits_of_chains),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

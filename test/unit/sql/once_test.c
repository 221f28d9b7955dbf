// once_test.c - what only queries that run once may have: ORDER BY, LIMIT, GROUP BY, aggregates and
// EXPLAIN. Hand-made cases for types, names, rights, rules and errors; then random queries against
// a plain evaluator that sorts and groups the rows of SELECT *.
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
    return 0;
}

static int teardown(void **state) {
    (void)state;
    store_free(store);
    return 0;
}

#define EXPECT(text, rows) assert_string_equal(fixture_select(&owner, text), rows)
#define EXPECT_CALLER(text, rows) assert_string_equal(fixture_select(&caller, text), rows)

// ---- by hand ----

static void test_order(void **state) {
    (void)state;
    EXPECT("SELECT id FROM p ORDER BY name", "[4],[1],[2],[3]");
    EXPECT("SELECT * FROM p ORDER BY level DESC, id DESC LIMIT 3",
           "[4,30,\"\"],[3,20,\"c\"],[2,20,\"b\"]");
    EXPECT("SELECT * FROM p WHERE level = 20 ORDER BY id DESC", "[3,20,\"c\"],[2,20,\"b\"]");
    EXPECT("SELECT name AS n FROM p ORDER BY n ASC LIMIT 2", "[\"\"],[\"a\"]");
    EXPECT("SELECT id AS level FROM p ORDER BY level DESC LIMIT 1", "[4]");  // the result's first
    EXPECT("SELECT id FROM p ORDER BY p.level DESC LIMIT 1", "[4]");
    EXPECT("SELECT * FROM p ORDER BY id LIMIT 0", "");
    EXPECT("SELECT l.y, p.name FROM p JOIN l ON l.id = p.id ORDER BY l.x DESC, p.name DESC",
           "[1,\"a\"],[2,\"b\"],[0,\"a\"]");
    EXPECT("SELECT l.y AS n FROM p JOIN l ON l.id = p.id ORDER BY n DESC LIMIT 1", "[2]");
    EXPECT("SELECT COUNT(*) AS n FROM p ORDER BY n", "[4]");
    EXPECT("SELECT * FROM ev ORDER BY id", "");
}

static void test_groups(void **state) {
    (void)state;
    EXPECT("SELECT level, COUNT(*) AS n, MIN(name) AS first FROM p GROUP BY level ORDER BY level",
           "[10,1,\"a\"],[20,2,\"b\"],[30,1,\"\"]");
    EXPECT("SELECT COUNT(*) AS n, level FROM p GROUP BY level ORDER BY n DESC, level DESC LIMIT 2",
           "[2,20],[1,30]");
    EXPECT("SELECT SUM(id) AS s, AVG(level) AS a, MAX(name) AS m FROM p",
           "[10,[0,20.0],[0,\"c\"]]");
    EXPECT(
        "SELECT SUM(id) AS s, AVG(level) AS a, MAX(name) AS m, COUNT(*) AS n FROM p WHERE id > 9",
        "[0,[1,[]],[1,[]],0]");
    EXPECT("SELECT level FROM p WHERE id > 9 GROUP BY level", "");
    EXPECT("SELECT level AS n FROM p GROUP BY level ORDER BY n LIMIT 1", "[10]");
    EXPECT("SELECT level AS n FROM p GROUP BY p.level, level ORDER BY p.level LIMIT 1", "[10]");
    EXPECT("SELECT p.name, SUM(l.x) AS s FROM p JOIN l ON l.id = p.id GROUP BY p.id, p.name "
           "ORDER BY s",
           "[\"b\",5],[\"a\",12]");
    EXPECT("SELECT COUNT(*) AS n, COUNT(*) AS m FROM p LIMIT 1", "[4,4]");
    EXPECT("SELECT COUNT(*) AS n, COUNT(*) AS m FROM p LIMIT 0", "");
    EXPECT("SELECT MIN(id) AS a FROM ev", "[[1,[]]]");
}

// Every combination of rules counts its rows, as COUNT(*) does.
static void test_rules(void **state) {
    (void)state;
    char text[200];
    snprintf(text, sizeof text,
             "INSERT INTO users (identity, name) VALUES (0x%s, 'o'), (0x%s, 'c')", OWNER_HEX,
             CALLER_HEX);
    fixture_must(store, text);
    EXPECT_CALLER("SELECT name, COUNT(*) AS n FROM users GROUP BY name ORDER BY name", "[\"c\",1]");
    snprintf(text, sizeof text, "INSERT INTO admins (identity) VALUES (0x%s)", CALLER_HEX);
    fixture_must(store, text);
    EXPECT_CALLER("SELECT name, COUNT(*) AS n FROM users GROUP BY name ORDER BY name",
                  "[\"c\",2],[\"o\",1]");
    EXPECT_CALLER("SELECT name FROM users ORDER BY name DESC LIMIT 2", "[\"o\"],[\"c\"]");
    EXPECT("SELECT name FROM users ORDER BY name DESC", "[\"o\"],[\"c\"]");
    fixture_must(store, "DELETE FROM admins");
    fixture_must(store, "DELETE FROM users");
}

static void test_errors(void **state) {
    (void)state;
    EXPECT("SELECT * FROM p ORDER BY nope", "`nope` is not in scope");
    EXPECT("SELECT * FROM p ORDER BY 1", "Unsupported: SELECT * FROM p ORDER BY 1");
    EXPECT("SELECT * FROM p ORDER BY id NULLS LAST",
           "Unsupported: SELECT * FROM p ORDER BY id NULLS LAST");
    EXPECT("SELECT * FROM p ORDER BY id OFFSET 1",
           "Unsupported: SELECT * FROM p ORDER BY id OFFSET 1");
    EXPECT("SELECT p.* FROM p JOIN l ON l.id = p.id ORDER BY id",
           "Names must be qualified when using joins");
    EXPECT("SELECT SUM(id) AS s FROM p JOIN l ON l.id = p.id",
           "Names must be qualified when using joins");
    EXPECT("SELECT p.id FROM p JOIN l ON l.id = p.id GROUP BY id",
           "Names must be qualified when using joins");
    EXPECT("SELECT SUM(name) AS s FROM p", "Invalid aggregate function `SUM` for type `String`");
    EXPECT("SELECT SUM(id) FROM p", "Aggregate expressions must have column aliases");
    EXPECT("SELECT COUNT(id) AS n FROM p", "Unsupported aggregate function: COUNT(id)");
    EXPECT("SELECT SUM(id + 1) AS n FROM p", "Unsupported aggregate function: SUM(id + 1)");
    EXPECT("SELECT SUM(DISTINCT id) AS n FROM p",
           "Unsupported aggregate function: SUM(DISTINCT id)");
    EXPECT("SELECT name, COUNT(*) AS n FROM p", "Unsupported projection expression: COUNT(*)");
    EXPECT("SELECT name, COUNT(*) AS n FROM p GROUP BY level",
           "`name` must appear in GROUP BY or in an aggregate");
    EXPECT("SELECT level, COUNT(*) AS n FROM p GROUP BY level ORDER BY name",
           "`name` must be a column of the result to order groups by it");
    EXPECT("SELECT COUNT(*) AS n FROM p ORDER BY name",
           "`name` must be a column of the result to order groups by it");
    EXPECT("SELECT level, SUM(id) AS level FROM p GROUP BY level", "Duplicate name `level`");
    EXPECT("SELECT * FROM p GROUP BY level", "Unsupported: SELECT * FROM p GROUP BY level");
    EXPECT("SELECT level FROM p GROUP BY level HAVING level > 1",
           "Unsupported: SELECT level FROM p GROUP BY level HAVING level > 1");
    EXPECT("SELECT level FROM p GROUP BY level + 1",
           "Unsupported: SELECT level FROM p GROUP BY level + 1");
    EXPECT("SELECT * FROM vp(1, 'x') ORDER BY a",
           "View `vp` takes arguments, so it can only be queried as `SELECT * FROM vp(...)`");
    EXPECT("EXPLAIN DELETE FROM p", "Unsupported: EXPLAIN DELETE FROM p");
    EXPECT("EXPLAIN SELECT nope FROM p", "`nope` is not in scope");
}

static void test_keys_max(void **state) {
    (void)state;
    for (uint32_t count = SQL_KEYS_MAX; count <= SQL_KEYS_MAX + 1; count++) {
        char text[4000] = "SELECT id FROM p ORDER BY id";
        for (uint32_t i = 1; i < count; i++) strcat(text, ", level");
        strcat(text, " LIMIT 1");
        EXPECT(text, count <= SQL_KEYS_MAX ? "[1]" : "ORDER BY takes at most 64 columns");
        strcpy(text, "SELECT COUNT(*) AS n FROM p WHERE id = 1 GROUP BY id");
        for (uint32_t i = 1; i < count; i++) strcat(text, ", level");
        EXPECT(text, count <= SQL_KEYS_MAX ? "[1]" : "GROUP BY takes at most 64 columns");
    }
}

static void test_explain(void **state) {
    (void)state;
    EXPECT("EXPLAIN SELECT * FROM p WHERE id = 2 AND name = 'b'",
           "[\"look up p by p_id_idx_btree (id = 2): expected 1, touched 1; if name = \\\"b\\\": "
           "expected 0.1, kept 1\"],"
           "[\"total: expected to touch 1 rows, touched 1, returned 1\"],"
           "[\"row_limit counts 2\"]");
    EXPECT("EXPLAIN SELECT l.* FROM p JOIN l ON l.id = p.id WHERE p.id = 1 ORDER BY l.y LIMIT 1",
           "[\"limit 1\"],[\"sort by l.y\"],"
           "[\"look up p by p_id_idx_btree (p.id = 1): expected 1, touched 1\"],"
           "[\"  look up l by l_id_idx_btree (l.id = p.id): expected 1.3, touched 2\"],"
           "[\"total: expected to touch 2.3 rows, touched 3, returned 1\"],"
           "[\"row_limit counts 2\"]");
    EXPECT("EXPLAIN SELECT name, COUNT(*) AS n FROM p WHERE level > 10 GROUP BY name",
           "[\"group by name: count(*)\"],"
           "[\"scan p: expected 4, touched 4; if level > 10: expected 1.2, kept 3\"],"
           "[\"total: expected to touch 4 rows, touched 4, returned 3\"],"
           "[\"row_limit counts 8\"]");
    SqlStatement statement;
    Error error;
    Arena arena;
    arena_init(&arena, FIXTURE_ARENA_MAX);
    Bytes text = BYTES_LITERAL("EXPLAIN SELECT * FROM p");
    assert_int_equal(sql_compile(&caller, text, &arena, &statement, &error), STATUS_DENIED);
    assert_int_equal(sql_compile(&owner, text, &arena, &statement, &error), STATUS_OK);
    assert_int_equal(query_shape(statement.query), QUERY_PLAN);
    assert_int_equal(query_row_type(statement.query)->field_count, 1);
    arena_done(&arena);
}

// One-off queries take all of it, and have no EXPLAIN.
static void test_one_off(void **state) {
    (void)state;
    Arena arena;
    Error error;
    const Query *query = NULL;
    arena_init(&arena, FIXTURE_ARENA_MAX);
    Bytes text = BYTES_LITERAL("SELECT level, SUM(id) AS s FROM p GROUP BY level ORDER BY s");
    assert_int_equal(sql_compile_query(&caller, text, SQL_ONE_OFF, &arena, &query, &error),
                     STATUS_OK);
    assert_int_equal(query_shape(query), QUERY_GROUPS);
    Table *table = store_find_table_by_name(store, BYTES_LITERAL("p"));
    assert_int_equal(query_table(query), table_id(table));
    assert_int_equal(sql_compile_query(&caller, text, SQL_SUBSCRIBE, &arena, &query, &error),
                     STATUS_INVALID);
    text = BYTES_LITERAL("EXPLAIN SELECT * FROM p");
    assert_int_equal(sql_compile_query(&owner, text, SQL_ONE_OFF, &arena, &query, &error),
                     STATUS_INVALID);
    assert_string_equal(error.text, "Unsupported: Non-SELECT queries");
    arena_done(&arena);
}

// ---- at random ----

#define COLUMNS 5u
#define ROWS_MAX 300u

typedef struct Cell {
    __int128 number;  // a: i32, b: u64, e: i8
    double real;      // c: f64
    char text[4];     // d
} Cell;

typedef struct Line {
    Cell cells[COLUMNS];
    Bytes bytes;
} Line;

static const char *const NAMES[COLUMNS] = {"a", "b", "c", "d", "e"};

typedef struct World {
    Store *store;
    uint64_t random;
    Line lines[ROWS_MAX];
    uint32_t count;
    Arena arena;
} World;

static uint32_t pick(World *world, uint32_t count) {
    return (uint32_t)(fixture_random(&world->random) % count);
}

static bool take_line(void *user, Bytes row) {
    World *world = user;
    assert_true(world->count < ROWS_MAX);
    Line *line = &world->lines[world->count++];
    *line = (Line){.bytes = arena_copy(&world->arena, row)};
    Reader reader = reader_of(row);
    line->cells[0].number = (int32_t)reader_u32(&reader);
    line->cells[1].number = reader_u64(&reader);
    uint64_t bits = reader_u64(&reader);
    memcpy(&line->cells[2].real, &bits, sizeof bits);
    Bytes text = reader_bytes(&reader);
    memcpy(line->cells[3].text, text.data, text.count);
    line->cells[4].number = (int8_t)reader_u8(&reader);
    assert_true(reader_finish(&reader));
    return true;
}

static void world_create(World *world, uint64_t seed) {
    memset(world, 0, sizeof *world);
    world->random = seed * 104729 + 1;
    world->store = store_create();
    arena_init(&world->arena, FIXTURE_ARENA_MAX);
    const TypeField columns[COLUMNS] = {
        {BYTES_LITERAL("a"), type_primitive(TYPE_I32)},
        {BYTES_LITERAL("b"), type_primitive(TYPE_U64)},
        {BYTES_LITERAL("c"), type_primitive(TYPE_F64)},
        {BYTES_LITERAL("d"), type_primitive(TYPE_STRING)},
        {BYTES_LITERAL("e"), type_primitive(TYPE_I8)},
    };
    // With and without indexes that have an order to offer.
    static const FixtureIndex INDEXES[] = {
        {INDEX_BTREE, false, {0}, 1}, {INDEX_BTREE, false, {1, 0}, 2}, {INDEX_HASH, false, {3}, 1}};
    FixtureTable table = {"t", columns, COLUMNS, INDEXES, seed % 2 == 0 ? 3 : 0, false, false};
    (void)fixture_table(world->store, &table);
    static const char *const REALS[] = {"-1.5", "0", "-0", "2", "1e999", "0.25"};
    static const char *const TEXTS[] = {"", "a", "ab", "b", "ba"};
    uint32_t rows = pick(world, ROWS_MAX);
    for (uint32_t i = 0; i < rows; i++) {
        char text[200];
        bool is_large = pick(world, 10) == 0;
        snprintf(text, sizeof text, "INSERT INTO t (a, b, c, d, e) VALUES (%d, %s, %s, '%s', %d)",
                 (int)pick(world, 9) - 4,
                 is_large         ? "18446744073709551615"
                 : pick(world, 2) ? "1"
                                  : "7",
                 REALS[pick(world, 6)], TEXTS[pick(world, 5)], (int)pick(world, 40) - 20);
        fixture_must(world->store, text);
    }
}

static void world_load(World *world, const char *filter) {
    char text[200];
    Arena arena;
    arena_init(&arena, FIXTURE_ARENA_MAX);
    snprintf(text, sizeof text, "SELECT * FROM t%s", filter);
    SqlContext context = fixture_owner(world->store);
    SqlStatement statement = {0};
    Error error;
    world->count = 0;
    assert_int_equal(sql_compile(&context, bytes_of_text(text), &arena, &statement, &error),
                     STATUS_OK);
    query_run(statement.query, world->store, take_line, world);
    arena_done(&arena);
}

static int cells_compare(uint32_t column, const Cell *left, const Cell *right) {
    if (column == 2) return (left->real > right->real) - (left->real < right->real);
    if (column == 3) return strcmp(left->text, right->text);
    return (left->number > right->number) - (left->number < right->number);
}

typedef struct Keys {
    uint32_t columns[COLUMNS];
    bool descending[COLUMNS];
    uint32_t count;
} Keys;

static int lines_compare(const Keys *keys, const Line *left, const Line *right) {
    for (uint32_t i = 0; i < keys->count; i++) {
        uint32_t column = keys->columns[i];
        int order = cells_compare(column, &left->cells[column], &right->cells[column]);
        if (order != 0) return keys->descending[i] ? -order : order;
    }
    return 0;
}

static void lines_sort(const Keys *keys, Line *lines, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        Line line = lines[i];
        uint32_t at = i;
        while (at > 0 && lines_compare(keys, &line, &lines[at - 1]) < 0) {
            lines[at] = lines[at - 1];
            at--;
        }
        lines[at] = line;
    }
}

static Keys random_keys(World *world) {
    Keys keys = {.count = 1 + pick(world, 3)};
    for (uint32_t i = 0; i < keys.count; i++) {
        keys.columns[i] = pick(world, COLUMNS);
        keys.descending[i] = pick(world, 2) == 0;
    }
    return keys;
}

static const char *random_filter(World *world) {
    static const char *const FILTERS[] = {
        "",
        "",
        " WHERE a > 0",
        " WHERE b = 1",
        " WHERE b = 7 AND a >= -2",
        " WHERE d <> 'a'",
        " WHERE e = 99",
        " WHERE a < 3 OR d = 'ab'",
    };
    return FILTERS[pick(world, sizeof FILTERS / sizeof FILTERS[0])];
}

static const Query *world_compile(World *world, const char *text, Arena *arena) {
    SqlContext context = fixture_owner(world->store);
    SqlStatement statement = {0};
    Error error;
    if (sql_compile(&context, bytes_of_text(text), arena, &statement, &error) != STATUS_OK)
        fail_msg("%s: %s", text, error.text);
    return statement.query;
}

// The keys must come as if sorted; which of the rows with equal keys come under a LIMIT is not told.
static void test_random_orders(void **state) {
    (void)state;
    static World world, got;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        world_create(&world, seed);
        for (uint32_t i = 0; i < 60; i++) {
            Keys keys = random_keys(&world);
            const char *filter = random_filter(&world);
            uint32_t limit = pick(&world, 3) == 0 ? 1 + pick(&world, 20) : ROWS_MAX;
            char text[300];
            size_t used = (size_t)snprintf(text, sizeof text, "SELECT * FROM t%s ORDER BY ",
                                           filter);
            for (uint32_t k = 0; k < keys.count; k++) {
                used += (size_t)snprintf(text + used, sizeof text - used, "%s%s%s",
                                         k > 0 ? ", " : "", NAMES[keys.columns[k]],
                                         keys.descending[k] ? " DESC" : "");
            }
            if (limit < ROWS_MAX) snprintf(text + used, sizeof text - used, " LIMIT %u", limit);
            world_load(&world, filter);
            lines_sort(&keys, world.lines, world.count);
            Arena arena;
            arena_init(&arena, FIXTURE_ARENA_MAX);
            got.count = 0;
            arena_init(&got.arena, FIXTURE_ARENA_MAX);
            query_run(world_compile(&world, text, &arena), world.store, take_line, &got);
            uint32_t expected = world.count < limit ? world.count : limit;
            if (got.count != expected)
                fail_msg("%s: %u rows, expected %u", text, got.count, expected);
            bool is_used[ROWS_MAX] = {0};  // each row is one of the table's, once
            for (uint32_t k = 0; k < expected; k++) {
                if (lines_compare(&keys, &world.lines[k], &got.lines[k]) != 0)
                    fail_msg("seed %llu: %s: row %u", (unsigned long long)seed, text, k);
                uint32_t at = 0;
                while (at < world.count &&
                       (is_used[at] || !bytes_equal(world.lines[at].bytes, got.lines[k].bytes)))
                    at++;
                assert_true(at < world.count);
                is_used[at] = true;
            }
            arena_done(&got.arena);
            arena_done(&arena);
        }
        arena_done(&world.arena);
        store_free(world.store);
    }
}

typedef struct Texts {
    char rows[ROWS_MAX + 1][200];
    uint32_t count;
} Texts;

// A result row as text: d, a, COUNT(*), SUM(a), SUM(b), SUM(c), MIN(e), MAX(d), AVG(a).
static void write_result(char *text, size_t size, const Cell *cells) {
    snprintf(text, size, "%s|%lld|%llu|%lld|%llu:%llu|%a|%d|%s|%a", cells[0].text,
             (long long)cells[1].number, (unsigned long long)cells[2].number,
             (long long)cells[3].number, (unsigned long long)(cells[4].number >> 64),
             (unsigned long long)cells[4].number, cells[5].real, (int)cells[6].number,
             cells[7].text, cells[8].real);
}

static __int128 read_i128(Reader *reader) {
    uint64_t low = reader_u64(reader), high = reader_u64(reader);
    return (__int128)((unsigned __int128)high << 64 | low);
}

static bool take_text(void *user, Bytes row) {
    Texts *texts = user;
    Reader reader = reader_of(row);
    Cell cells[9] = {0};
    Bytes text = reader_bytes(&reader);
    memcpy(cells[0].text, text.data, text.count);
    cells[1].number = (int32_t)reader_u32(&reader);
    cells[2].number = reader_u64(&reader);
    cells[3].number = read_i128(&reader);
    cells[4].number = read_i128(&reader);
    uint64_t bits = reader_u64(&reader);
    memcpy(&cells[5].real, &bits, sizeof bits);
    cells[6].number = (int8_t)reader_u8(&reader);
    text = reader_bytes(&reader);
    memcpy(cells[7].text, text.data, text.count);
    bits = reader_u64(&reader);
    memcpy(&cells[8].real, &bits, sizeof bits);
    assert_true(reader_finish(&reader));
    assert_true(texts->count < ROWS_MAX);
    write_result(texts->rows[texts->count++], sizeof texts->rows[0], cells);
    return true;
}

// The groups of lines that are sorted by d and a.
static void group_lines(const World *world, Texts *texts) {
    for (uint32_t i = 0; i < world->count;) {
        Cell cells[9] = {world->lines[i].cells[3], world->lines[i].cells[0]};
        cells[6] = world->lines[i].cells[4];
        uint32_t first = i;
        for (; i < world->count; i++) {
            const Cell *line = world->lines[i].cells;
            if (strcmp(line[3].text, cells[0].text) != 0 || line[0].number != cells[1].number)
                break;
            cells[3].number += line[0].number;
            cells[4].number += line[1].number;
            cells[5].real += line[2].real;
            if (line[4].number < cells[6].number) cells[6].number = line[4].number;
            if (strcmp(line[3].text, cells[7].text) > 0) strcpy(cells[7].text, line[3].text);
        }
        cells[2].number = i - first;
        cells[8].real = (double)cells[3].number / (double)(i - first);
        if (cells[5].real == 0) cells[5].real = 0;  // -0 or 0: depends on the order
        write_result(texts->rows[texts->count++], sizeof texts->rows[0], cells);
    }
}

// Sums of these floats are exact, so their order does not matter, but for the sign of 0.
static void test_random_groups(void **state) {
    (void)state;
    static World world;
    static Texts expected, got;
    const Keys by = {.columns = {3, 0}, .count = 2};
    for (uint64_t seed = 1; seed <= 60; seed++) {
        world_create(&world, seed + 500);
        for (uint32_t i = 0; i < 10; i++) {
            const char *filter = random_filter(&world);
            char text[300];
            snprintf(
                text, sizeof text,
                "SELECT d, a, COUNT(*) AS n, SUM(a) AS sa, SUM(b) AS sb, SUM(c) AS sc, MIN(e) AS "
                "me, MAX(d) AS md, AVG(a) AS aa FROM t%s GROUP BY a, d ORDER BY d, a",
                filter);
            world_load(&world, filter);
            lines_sort(&by, world.lines, world.count);
            expected.count = got.count = 0;
            group_lines(&world, &expected);
            Arena arena;
            arena_init(&arena, FIXTURE_ARENA_MAX);
            query_run(world_compile(&world, text, &arena), world.store, take_text, &got);
            arena_done(&arena);
            assert_int_equal(got.count, expected.count);
            for (uint32_t k = 0; k < got.count; k++) {
                char *zero = strstr(got.rows[k], "|-0x0p+0|");
                if (zero != NULL) memmove(zero + 1, zero + 2, strlen(zero + 1));
                assert_string_equal(got.rows[k], expected.rows[k]);
            }
        }
        arena_done(&world.arena);
        store_free(world.store);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),         cmocka_unit_test(test_groups),
        cmocka_unit_test(test_rules),         cmocka_unit_test(test_errors),
        cmocka_unit_test(test_keys_max),      cmocka_unit_test(test_explain),
        cmocka_unit_test(test_one_off),       cmocka_unit_test(test_random_orders),
        cmocka_unit_test(test_random_groups),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

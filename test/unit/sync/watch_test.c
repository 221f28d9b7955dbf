// watch_test.c - which queries a commit asks, about which rows, what that costs, and what owners are told of it.
//
// SyncStats and the costs count evaluations and rows looked at; that the answers are right is equivalence_test.c's.

#include "fixture.h"

#include "base/map.h"

#define TAG_APPLIED 1
#define TAG_UPDATE 4
#define PEOPLE 2000u

// person(id unique, name), member(id, person_id indexed), loose(id, person_id) without an index.
static World *with_tables(void) {
    World *world = world_open();
    world_person(world);
    const TypeField columns[] = {
        COLUMN("id", type_primitive(TYPE_U32)),
        COLUMN("person_id", type_primitive(TYPE_U32)),
    };
    static const WorldIndex INDEXES[] = {{INDEX_BTREE, false, 1}};
    world_table(world, &(WorldTable){.name = "member",
                                     .columns = columns,
                                     .column_count = 2,
                                     .indexes = INDEXES,
                                     .index_count = 1});
    world_table(world, &(WorldTable){.name = "loose", .columns = columns, .column_count = 2});
    return world;
}

static void insert_people(World *world, uint32_t count) {
    Table *table = store_find_table_by_name(world->store, BYTES_LITERAL("person"));
    Tx *tx = tx_begin(world->store);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t row[9];
        store_u32le(row, i);
        store_u32le(row + 4, 1);
        row[8] = (uint8_t)('a' + i % 4);
        InsertResult result;
        assert_int_equal(tx_insert(tx, table, bytes_of(row, sizeof row), &result), INSERT_ADDED);
    }
    world_commit(world, (SyncEvent){.reducer_id = UINT32_MAX});
    world_forget(world);
}

static SyncClient *subscriber(World *world, uint8_t number, const char *text) {
    SyncClient *client = world_client(world, number, PROTOCOL_V2);
    world_subscribe(world, client, 1, 1, text);
    (void)world_expect_tag(world, number, TAG_APPLIED);
    return client;
}

static Bytes costs(World *world, uint32_t limit) {
    Buffer json;
    buffer_init(&json, 1u << 24);
    sync_write_costs(world->sync, limit, &json);
    assert_false(json.failed);
    buffer_u8(&json, 0);
    Bytes copy = arena_copy(&world->arena, buffer_bytes(&json));
    buffer_done(&json);
    return bytes_slice(copy, 0, copy.count - 1);
}

// The sum of a number over all queries and clients.
static uint64_t cost_sum(World *world, const char *name) {
    Bytes json = costs(world, UINT32_MAX);
    char key[64];
    snprintf(key, sizeof key, "\"%s\":", name);
    uint64_t sum = 0;
    for (const char *at = (const char *)json.data; (at = strstr(at, key)) != NULL;) {
        at += strlen(key);
        sum += strtoull(at, NULL, 10);
    }
    return sum;
}

typedef struct Asked {
    uint64_t evaluations;
    uint64_t scanned;
    uint64_t messages;
} Asked;

static Asked asked(World *world, const char *texts) {
    Asked before = {sync_stats(world->sync).evaluations, cost_sum(world, "rows_scanned"), 0};
    world_run(world, texts);
    Asked after = {sync_stats(world->sync).evaluations, cost_sum(world, "rows_scanned"),
                   world->sent_count - world->sent_first};
    world_forget(world);
    return (Asked){after.evaluations - before.evaluations, after.scanned - before.scanned,
                   after.messages};
}

static void assert_asked(World *world, const char *texts, uint64_t evaluations, uint64_t scanned) {
    Asked what = asked(world, texts);
    if (what.evaluations != evaluations || what.scanned != scanned) {
        fail_msg("%s: %llu evaluations, %llu rows; wanted %llu, %llu", texts,
                 (unsigned long long)what.evaluations, (unsigned long long)what.scanned,
                 (unsigned long long)evaluations, (unsigned long long)scanned);
    }
}

// ---- values and ranges ----

// Each query looks at the rows with its value, not at the commit.
static void test_rows_of_a_value(void **state) {
    (void)state;
    World *world = with_tables();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    for (uint32_t i = 0; i < 500; i++) {
        char text[64];
        snprintf(text, sizeof text, "SELECT * FROM person WHERE id = %u", i);
        world_subscribe(world, client, i, i, text);
        world_forget(world);
    }
    insert_people(world, PEOPLE);
    assert_int_equal(sync_stats(world->sync).evaluations, 500);
    assert_int_equal(cost_sum(world, "rows_scanned"), 500);
    assert_int_equal(cost_sum(world, "rows"), 500);
    assert_asked(world, "UPDATE person SET name = 'Z'", 500, 1000);
    world_close(world);
}

static void test_ranges(void **state) {
    (void)state;
    World *world = with_tables();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    insert_people(world, 100);
    for (uint32_t i = 0; i < 1000; i++) {
        char text[96];
        snprintf(text, sizeof text, "SELECT * FROM person WHERE id >= %u AND id < %u", i * 10,
                 i * 10 + 20);
        world_subscribe(world, client, i, i, text);
        world_forget(world);
    }
    world_subscribe(world, client, 1000, 1000, "SELECT * FROM person WHERE id > 9990");
    world_subscribe(world, client, 1001, 1001, "SELECT * FROM person WHERE id > 50 AND id < 40");
    world_forget(world);
    assert_asked(world, "UPDATE person SET name = 'x' WHERE id = 5", 1, 2);
    assert_asked(world, "UPDATE person SET name = 'y' WHERE id = 10", 2, 4);
    assert_asked(world, "UPDATE person SET name = 'z' WHERE id = 45", 2, 4);
    assert_asked(world, "INSERT INTO person (id, name) VALUES (9991, 'a')", 3, 3);
    assert_asked(world, "INSERT INTO person (id, name) VALUES (20000, 'a')", 1, 1);
    // Moving from one range to others.
    assert_asked(world, "UPDATE person SET id = 505 WHERE id = 5", 3, 3);
    for (uint32_t i = 0; i < 1000; i += 2) world_unsubscribe(world, client, 0, i, 0);
    world_forget(world);
    assert_asked(world, "UPDATE person SET name = 'x' WHERE id = 45", 1, 2);
    assert_asked(world, "UPDATE person SET name = 'z' WHERE id = 505", 1, 2);
    world_close(world);
}

// Ranges of the same ends are one; what else a query demands does not matter.
static void test_shared_ranges(void **state) {
    (void)state;
    World *world = with_tables();
    (void)subscriber(world, 1, "SELECT * FROM person WHERE id < 10 AND name <> 'a'");
    (void)subscriber(world, 2, "SELECT * FROM person WHERE id < 10 AND name <> 'b'");
    (void)subscriber(world, 3, "SELECT * FROM person WHERE name > 'm'");
    assert_asked(world, "INSERT INTO person (id, name) VALUES (3, 'c'), (20, 'c'), (21, 'c')", 2,
                 2);
    assert_asked(world, "INSERT INTO person (id, name) VALUES (30, 'x')", 1, 1);
    assert_asked(world, "INSERT INTO person (id, name) VALUES (31, 'm')", 0, 0);
    world_close(world);
}

// Of several columns one with both bounds is watched.
static void test_range_columns(void **state) {
    (void)state;
    World *world = with_tables();
    (void)subscriber(world, 1, "SELECT * FROM person WHERE name > 'a' AND id >= 10 AND id < 20");
    (void)subscriber(world, 2, "SELECT * FROM person WHERE id >= 10 AND name > 'm' AND id <> 15");
    assert_asked(world, "INSERT INTO person (id, name) VALUES (5, 'z'), (6, 'b')", 0, 0);
    assert_asked(world, "INSERT INTO person (id, name) VALUES (11, 'z')", 2, 2);
    assert_asked(world, "INSERT INTO person (id, name) VALUES (20, 'z')", 1, 1);
    world_close(world);
}

// Alternatives over one column are watched from the least to the greatest of them.
static void test_alternatives(void **state) {
    (void)state;
    World *world = with_tables();
    (void)subscriber(world, 1, "SELECT * FROM person WHERE id = 30 OR id = 10 OR id = 12");
    (void)subscriber(world, 2, "SELECT * FROM person WHERE (id < 5 OR id = 7) AND name = 'q'");
    (void)subscriber(world, 3, "SELECT * FROM person WHERE (id > 100 OR id < 50) AND id >= 40");
    (void)subscriber(world, 4, "SELECT * FROM person WHERE name = 'u' OR id = 60");
    assert_asked(world, "INSERT INTO person (id, name) VALUES (9, 'a'), (31, 'a')", 1, 2);
    assert_asked(world, "INSERT INTO person (id, name) VALUES (10, 'a')", 2, 2);
    assert_asked(world, "INSERT INTO person (id, name) VALUES (20, 'a')", 2, 2);  // in vain
    assert_asked(world, "INSERT INTO person (id, name) VALUES (45, 'a')", 2, 2);
    assert_asked(world, "INSERT INTO person (id, name) VALUES (70, 'a')", 2, 2);
    assert_asked(world, "INSERT INTO person (id, name) VALUES (7, 'q')", 2, 2);
    world_close(world);
}

// More rows and ranges than are sorted: queries look at all rows of the commit, and say the same.
static void test_many_matches(void **state) {
    (void)state;
    enum { QUERIES = 200, EACH = PEOPLE };
    static_assert((uint64_t)QUERIES * EACH > WATCH_MATCHES_MAX, "past the limit");
    World *world = with_tables();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    for (uint32_t i = 0; i < QUERIES; i++) {
        char text[64];
        snprintf(text, sizeof text, "SELECT * FROM person WHERE id < %u", EACH + i);
        world_subscribe(world, client, i, i, text);
        world_forget(world);
    }
    insert_people(world, EACH);
    assert_int_equal(cost_sum(world, "rows"), (uint64_t)QUERIES * EACH);
    assert_int_equal(sync_stats(world->sync).evaluations, QUERIES);
    // The next one is small again.
    assert_asked(world, "DELETE FROM person WHERE id = 7", QUERIES, QUERIES);
    world_close(world);
}

// ---- joins ----

// A change of one table finds the few joins whose partner it has, through the partner's index.
static void test_edges(void **state) {
    (void)state;
    World *world = with_tables();
    insert_people(world, 1000);
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    for (uint32_t i = 0; i < 500; i++) {
        char text[160];
        snprintf(text, sizeof text,
                 "SELECT member.* FROM member JOIN person ON member.person_id = person.id WHERE "
                 "person.id = %u",
                 i);
        world_subscribe(world, client, i, i, text);
        world_forget(world);
    }
    assert_int_equal(asked(world, "INSERT INTO member (id, person_id) VALUES (1, 700)").evaluations,
                     0);
    assert_int_equal(
        asked(world, "INSERT INTO member (id, person_id) VALUES (2, 5000)").evaluations, 0);
    Asked one = asked(world, "INSERT INTO member (id, person_id) VALUES (3, 7), (4, 701)");
    assert_int_equal(one.evaluations, 1);
    assert_int_equal(one.messages, 1);
    // Both sides in one commit, either way round.
    one = asked(world, "INSERT INTO member (id, person_id) VALUES (5, 8); DELETE FROM person WHERE "
                       "id = 8; DELETE FROM person WHERE id = 7");
    assert_int_equal(one.evaluations, 2);
    assert_int_equal(one.messages, 1);  // member 3 goes, member 5 never came
    one = asked(world, "INSERT INTO person (id, name) VALUES (8, 'back')");
    assert_int_equal(one.evaluations, 1);
    assert_int_equal(one.messages, 1);
    world_close(world);
}

// Joined over a column that is not unique: a partner's rows are looked at, or all values waited for.
static void test_edges_to_many(void **state) {
    (void)state;
    enum { TEAM = 300 };
    World *world = with_tables();
    insert_people(world, 10);
    Tx *tx = tx_begin(world->store);
    for (uint32_t i = 0; i < TEAM; i++) {
        char text[96];
        snprintf(text, sizeof text, "INSERT INTO member (id, person_id) VALUES (%u, %u)", i,
                 i < 20 ? 1 : 2);
        world_change(world, tx, text);
    }
    world_commit(world, (SyncEvent){.reducer_id = UINT32_MAX});
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    for (uint32_t i = 0; i < 10; i++) {
        char text[160];
        snprintf(text, sizeof text,
                 "SELECT person.* FROM person JOIN member ON member.person_id = person.id WHERE "
                 "member.id = %u",
                 i * 30);
        world_subscribe(world, client, i, i, text);
        world_forget(world);
    }
    // 20 partners: that of set 0 is among them. 280: every set is asked.
    Asked few = asked(world, "UPDATE person SET name = 'x' WHERE id = 1");
    assert_int_equal(few.evaluations, 1);
    assert_int_equal(few.messages, 1);
    Asked many = asked(world, "UPDATE person SET name = 'x' WHERE id = 2");
    assert_int_equal(many.evaluations, 10);
    assert_int_equal(many.messages, 1);
    assert_int_equal(asked(world, "UPDATE person SET name = 'x' WHERE id = 3").evaluations, 0);
    world_close(world);
}

static void fill(World *world, uint32_t from, uint32_t to) {
    Tx *tx = tx_begin(world->store);
    for (uint32_t i = from; i < to; i++) {
        char text[96];
        snprintf(text, sizeof text, "INSERT INTO member (id, person_id) VALUES (%u, %u)", i, i);
        world_change(world, tx, text);
        snprintf(text, sizeof text, "INSERT INTO person (id, name) VALUES (%u, 'a')", i);
        world_change(world, tx, text);
    }
    world_commit(world, (SyncEvent){.reducer_id = UINT32_MAX});
    world_forget(world);
}

// A plan made while the tables are small serves when they are large: joins go through indexes.
static void check_growing(uint32_t small) {
    static const char *const TEXTS[] = {
        "SELECT person.* FROM person JOIN member ON person.id = member.person_id",
        "SELECT member.* FROM person JOIN member ON person.id = member.person_id WHERE person.id > "
        "5",
        "SELECT a.* FROM member a JOIN member b ON a.person_id = b.person_id WHERE b.id < 7",
        "SELECT a.* FROM member a JOIN person p ON a.person_id = p.id JOIN member b ON b.person_id "
        "= "
        "p.id",
    };
    World *world = with_tables();
    fill(world, 0, small);
    for (uint8_t i = 0; i < COUNT_OF(TEXTS); i++) (void)subscriber(world, i + 1, TEXTS[i]);
    fill(world, small, PEOPLE);
    Asked person = asked(world, "UPDATE person SET name = 'x' WHERE id = 100");
    Asked member = asked(world, "UPDATE member SET person_id = 101 WHERE id = 100");
    if (person.scanned > 30 || member.scanned > 60) {
        fail_msg("planned with %u rows: %llu and %llu rows scanned", small,
                 (unsigned long long)person.scanned, (unsigned long long)member.scanned);
    }
    world_close(world);
}

static void test_growing_tables(void **state) {
    (void)state;
    static const uint32_t ROWS[] = {0, 1, 2, 5, 20, 100};
    for (uint32_t i = 0; i < COUNT_OF(ROWS); i++) check_growing(ROWS[i]);
}

// ---- costs ----

static int64_t tick(void *user) {
    return *(int64_t *)user += 7000;
}

static void test_costs(void **state) {
    (void)state;
    World *world = with_tables();
    int64_t now = 0;
    SyncNotices notices = {.user = &now, .nanos = tick};
    sync_set_notices(world->sync, &notices);
    SyncClient *first = subscriber(world, 1, "SELECT * FROM person WHERE id < 10");
    world_subscribe(world, first, 2, 2, "SELECT * FROM person WHERE id < 10");
    SyncClient *second = world_owner(world, 2, PROTOCOL_V1_BSATN);
    world_ask_text(world, second,
                   "{\"SubscribeMulti\":{\"query_strings\":[\"SELECT * FROM member\"],"
                   "\"request_id\":1,\"query_id\":{\"id\":3}}}");
    world_forget(world);
    world_run(world, "INSERT INTO person (id, name) VALUES (1, 'Ada'), (2, 'Eve'), (30, 'Kim')");
    world_forget(world);
    Bytes json = costs(world, 100);
    // Two rows of eleven bytes, twice, each time with the counts around them; one reading of the clock.
    static const char *const PARTS[] = {
        "{\"queries\":[{\"sql\":\"SELECT * FROM person WHERE id < "
        "10\",\"as_owner\":false,\"sender\":"
        "null,\"joins_without_index\":false,\"subscriptions\":2,\"evaluations\":1,\"rows_scanned\":"
        "2,"
        "\"rows\":2,\"rows_sent\":4,\"bytes_sent\":",
        "\"microseconds\":7},",
        "{\"sql\":\"SELECT * FROM "
        "member\",\"as_owner\":true,\"sender\":null,\"joins_without_index\":"
        "false,\"subscriptions\":1,\"evaluations\":0,\"rows_scanned\":0,\"rows\":0,\"rows_sent\":0,"
        "\"bytes_sent\":0,\"microseconds\":0}],\"clients\":[{\"identity\":\"",
        "\"protocol\":\"v2.bsatn.spacetimedb\",\"query_sets\":2,\"queries\":2,\"messages_sent\":3,"
        "\"rows_sent\":4,\"bytes_sent\":",
        "\"protocol\":\"v1.bsatn.spacetimedb\",\"query_sets\":1,\"queries\":1,\"messages_sent\":1,"
        "\"rows_sent\":0,\"bytes_sent\":",
        "],\"query_count\":2,\"client_count\":2}",
    };
    for (uint32_t i = 0; i < COUNT_OF(PARTS); i++) {
        if (!bytes_contain(json, PARTS[i]))
            fail_msg("%s\nin %s", PARTS[i], (const char *)json.data);
    }
    // Of each list the most expensive one.
    json = costs(world, 1);
    assert_true(bytes_contain(json, "FROM person"));
    assert_false(bytes_contain(json, "FROM member"));
    assert_false(bytes_contain(json, "v1.bsatn"));
    assert_true(bytes_contain(json, "\"query_count\":2,\"client_count\":2"));
    assert_true(bytes_contain(costs(world, 0), "{\"queries\":[],\"clients\":[],\"query_count\":2"));
    // Who asks is named where it matters; a query that nobody holds is forgotten.
    world_unsubscribe(world, first, 1, 1, 0);
    world_unsubscribe(world, first, 1, 2, 0);
    world_forget(world);
    assert_false(bytes_contain(costs(world, 100), "FROM person"));
    world_close(world);
}

// The most expensive ones, however many there are and wherever they stand.
static void test_ranking(void **state) {
    (void)state;
    enum { MANY = 1000, TOLD = 7 };
    World *world = with_tables();
    insert_people(world, MANY);
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    for (uint32_t i = 0; i < MANY; i++) {
        char text[64];
        snprintf(text, sizeof text, "SELECT * FROM person WHERE id < %u", 1 + i * 37 % MANY);
        world_subscribe(world, client, i, i, text);
        world_forget(world);
    }
    world_run(
        world,
        "UPDATE person SET name = 'z'");  // each looks at as many rows as its bound says, twice
    world_forget(world);
    Bytes json = costs(world, TOLD);
    const char *at = (const char *)json.data;
    for (uint32_t i = 0; i < TOLD; i++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "WHERE id < %u\"", MANY - i);
        at = strstr(at, "{\"sql\":");
        assert_non_null(at);
        const char *found = strstr(at, wanted);
        assert_true(found != NULL && found - at < 60);
        at = found;
    }
    assert_null(strstr(at, "{\"sql\":"));
    world_close(world);
}

static int64_t tick_slowly(void *user) {
    return *(int64_t *)user += 160000;
}

// Readings of the clock: one before and one after few deltas, one for each sixteen of many.
static void test_clock(void **state) {
    (void)state;
    World *world = with_tables();
    int64_t now = 0;
    SyncNotices notices = {.user = &now, .nanos = tick_slowly};
    sync_set_notices(world->sync, &notices);
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    for (uint32_t i = 0; i < 160; i++) {
        char text[64];
        snprintf(text, sizeof text, "SELECT * FROM person WHERE id = %u", i);
        world_subscribe(world, client, i, i, text);
        world_forget(world);
    }
    now = 0;
    world_run(world, "INSERT INTO person (id, name) VALUES (1000, 'a')");
    assert_int_equal(now, 0);
    world_run(world, "INSERT INTO person (id, name) VALUES (1, 'a')");
    assert_int_equal(now, 2 * 160000);
    world_run(world, "DELETE FROM person");
    assert_int_equal(now, 4 * 160000);
    assert_int_equal(cost_sum(world, "microseconds"), 2 * 160);
    insert_people(world, 160);
    assert_int_equal(now, (4 + 1 + 10) * 160000);
    assert_int_equal(cost_sum(world, "microseconds"), (2 + 10) * 160);
    world_forget(world);
    world_close(world);
}

// ---- joins without an index ----

typedef struct Warnings {
    uint32_t count;
    char last[2048];
} Warnings;

static void keep_warning(void *user, Bytes text) {
    Warnings *warnings = user;
    warnings->count++;
    assert_true(text.count < sizeof warnings->last);
    memcpy(warnings->last, text.data, text.count);
    warnings->last[text.count] = 0;
}

#define LOOSE_JOIN "SELECT person.* FROM person JOIN loose ON person.id = loose.person_id"

static void test_join_without_index(void **state) {
    (void)state;
    World *world = with_tables();
    Warnings warnings = {0};
    SyncNotices notices = {.user = &warnings, .warn = keep_warning};
    sync_set_notices(world->sync, &notices);
    insert_people(world, 10);
    world_run(world, "INSERT INTO loose (id, person_id) VALUES (1, 1), (2, 7)");
    SyncClient *client = subscriber(world, 1, LOOSE_JOIN);
    assert_int_equal(warnings.count, 1);
    assert_non_null(strstr(warnings.last, "joins without an index"));
    assert_non_null(strstr(warnings.last, "(they have 12 now)"));
    assert_non_null(strstr(warnings.last, LOOSE_JOIN));
    // It works, and is told of once, however often it is asked for.
    Asked what = asked(world, "INSERT INTO loose (id, person_id) VALUES (3, 8)");
    assert_int_equal(what.messages, 1);
    (void)subscriber(world, 2, LOOSE_JOIN);
    world_unsubscribe(world, client, 1, 1, 0);
    world_forget(world);
    world_subscribe(world, client, 1, 1, LOOSE_JOIN);
    world_forget(world);
    assert_int_equal(warnings.count, 1);
    (void)subscriber(world, 3, LOOSE_JOIN " WHERE person.id < 5");
    assert_int_equal(warnings.count, 2);
    (void)subscriber(world, 4,
                     "SELECT person.* FROM person JOIN member ON person.id = "
                     "member.person_id");
    assert_int_equal(warnings.count, 2);
    // Upstream would look persons up by their id; a change of a person needs the other way.
    (void)subscriber(world, 5, LOOSE_JOIN " WHERE loose.id < 5");
    assert_int_equal(warnings.count, 3);
    assert_true(bytes_contain(costs(world, 100), "\"joins_without_index\":true"));
    world_close(world);
}

static void test_join_forbidden(void **state) {
    (void)state;
    World *world = with_tables();
    Warnings warnings = {0};
    SyncNotices notices = {.user = &warnings, .warn = keep_warning};
    sync_set_notices(world->sync, &notices);
    world_run(world, "SET join_without_index = false");
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    world_subscribe(world, client, 1, 1, LOOSE_JOIN);
    world_expect_error(world, 1, 1, 1, "Subscriptions require indexes on join columns");
    assert_int_equal(warnings.count, 0);
    world_run(world, "DELETE FROM st_var WHERE name = 'join_without_index'");
    world_subscribe(world, client, 1, 1, LOOSE_JOIN);
    (void)world_expect_tag(world, 1, TAG_APPLIED);
    assert_int_equal(warnings.count, 1);
    world_close(world);
}

// A long text is cut in the warning; after many texts nothing more is said.
static void test_many_warnings(void **state) {
    (void)state;
    enum { MANY = 1100, TOLD = 1024 };
    World *world = with_tables();
    Warnings warnings = {0};
    SyncNotices notices = {.user = &warnings, .warn = keep_warning};
    sync_set_notices(world->sync, &notices);
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    char text[4096];
    for (uint32_t i = 0; i < MANY; i++) {
        int count = snprintf(text, sizeof text, LOOSE_JOIN " WHERE person.id < %u%*s", i, 1, "");
        if (i == 0) memset(text + count, ' ', 2000);
        if (i == 0) snprintf(text + count + 2000, 32, "AND person.id < 7");
        world_subscribe(world, client, i, i, text);
        (void)world_expect_tag(world, 1, TAG_APPLIED);
        world_expect_nothing(world);
        if (i == 0) assert_non_null(strstr(warnings.last, "   ..."));
    }
    assert_int_equal(warnings.count, TOLD);
    world_close(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_of_a_value),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_shared_ranges),
        cmocka_unit_test(test_range_columns),
        cmocka_unit_test(test_alternatives),
        cmocka_unit_test(test_many_matches),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_edges_to_many),
        cmocka_unit_test(test_growing_tables),
        cmocka_unit_test(test_costs),
        cmocka_unit_test(test_ranking),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_join_without_index),
        cmocka_unit_test(test_join_forbidden),
        cmocka_unit_test(test_many_warnings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// reads_test.c - large first rows that are read over snapshots: the same bytes as the executor's, of the moment when
// they were asked for, in their place among the other messages.

#include "fixture.h"

#include <pthread.h>

#define ROW_COUNT 5000u
#define PLAIN 1
#define APART 2

// One store with two Syncs: one that has somebody to read elsewhere, one that has not.
typedef struct Pair {
    World *apart;
    World plain;
    SyncClient *apart_client;
    SyncClient *plain_client;
    uint32_t started;  // and not run yet
    uint32_t ready;
} Pair;

static void count_start(void *user) {
    ((Pair *)user)->started++;
}

static void count_ready(void *user) {
    ((Pair *)user)->ready++;
}

static void create_tables(World *world) {
    (void)world_person(world);
    (void)world_numbers(world, "numbers", false);
    (void)world_numbers(world, "few", false);
    const TypeField columns[] = {COLUMN("small", type_primitive(TYPE_U8))};
    (void)world_table(world, &(WorldTable){.name = "bytes", .columns = columns, .column_count = 1});
    Tx *tx = tx_begin(world->store);
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        char text[200];
        (void)snprintf(text, sizeof text, "INSERT INTO numbers (id) VALUES (%u)", i);
        world_change(world, tx, text);
        (void)snprintf(text, sizeof text, "INSERT INTO person (id, name) VALUES (%u, '%.*s')", i,
                       (int)(i % 7), "abcdefg");
        world_change(world, tx, text);
    }
    for (uint32_t i = 0; i < 200; i++) {
        char text[80];
        (void)snprintf(text, sizeof text, "INSERT INTO bytes (small) VALUES (%u)", i);
        world_change(world, tx, text);
    }
    world_change(world, tx, "INSERT INTO few (id) VALUES (1)");
    // Holes of every kind in the pages.
    world_change(world, tx, "DELETE FROM numbers WHERE id > 63 AND id < 191");
    world_change(world, tx, "DELETE FROM numbers WHERE id = 1 OR id = 500 OR id = 4999");
    (void)tx_commit(tx);
    tx_release(tx);
}

static void pair_open(Pair *pair) {
    *pair = (Pair){.apart = malloc(sizeof(World))};
    world_open_with(pair->apart, (SyncOutput){.takes_later = true});
    create_tables(pair->apart);
    sync_set_apart(pair->apart->sync, &(SyncApart){pair, count_start, count_ready});
    pair->plain.store = pair->apart->store;
    arena_init(&pair->plain.arena, WORLD_ARENA_MAX);
    SyncOutput output = {.user = &pair->plain, .send = world_send};
    pair->plain.sync = sync_create(pair->plain.store, &output);
    pair->apart_client = world_client(pair->apart, APART, PROTOCOL_V2);
    pair->plain_client = world_client(&pair->plain, PLAIN, PROTOCOL_V2);
}

static void pair_close(Pair *pair) {
    world_forget(&pair->plain);
    sync_remove_client(pair->plain.sync, pair->plain_client);
    sync_free(pair->plain.sync);
    arena_done(&pair->plain.arena);
    world_close(pair->apart);
}

// Takes the next message, and the bytes of one that comes later; buf == NULL: they are not there.
static SharedSlice take(World *world) {
    assert_true(world->sent_first < world->sent_count);
    SharedSlice slice = world->sent[world->sent_first].slice;
    if (shared_slice_is_later(slice)) {
        SharedBuf *later = slice.buf;
        if (!shared_later_take(slice, &slice)) return (SharedSlice){0};
        shared_buf_unref(later);
    }
    world->sent_first++;
    return slice;
}

static void assert_same(Pair *pair, const char *text) {
    SharedSlice apart = take(pair->apart);
    SharedSlice plain = take(&pair->plain);
    assert_non_null(apart.buf);
    bool is_same = bytes_equal(shared_slice_bytes(apart), shared_slice_bytes(plain));
    if (!is_same)
        fail_msg("%s: %u bytes, not the %u of the executor", text, apart.count, plain.count);
    shared_buf_unref(apart.buf);
    shared_buf_unref(plain.buf);
}

static void run_reads(Pair *pair) {
    assert_int_equal(pair->started, 1);
    pair->started = 0;
    sync_run_reads(pair->apart->sync);
}

static void the_bytes_are_the_executors(void **state) {
    (void)state;
    static const Texts SETS[] = {
        {{"SELECT * FROM numbers"}},
        {{"SELECT * FROM person"}},
        {{"SELECT * FROM numbers WHERE id > 100"}},
        {{"SELECT * FROM numbers WHERE id > 1000000"}},
        {{"SELECT * FROM person WHERE name = 'abc'"}},
        {{"SELECT * FROM person WHERE name <> 'abc'"}},
        {{"SELECT * FROM few", "SELECT * FROM numbers", "SELECT * FROM bytes",
          "SELECT * FROM person"}},
    };
    Pair pair;
    pair_open(&pair);
    for (uint32_t i = 0; i < COUNT_OF(SETS); i++) {
        const char *text = SETS[i].items[0];
        world_subscribe_all(pair.apart, pair.apart_client, 7 + i, i, SETS[i]);
        world_subscribe_all(&pair.plain, pair.plain_client, 7 + i, i, SETS[i]);
        assert_null(take(pair.apart).buf);
        run_reads(&pair);
        assert_same(&pair, text);
        if (SETS[i].items[1]) continue;
        world_one_off(pair.apart, pair.apart_client, 70 + i, text);
        world_one_off(&pair.plain, pair.plain_client, 70 + i, text);
        assert_null(take(pair.apart).buf);
        run_reads(&pair);
        assert_same(&pair, text);
    }
    assert_int_equal(pair.ready, 2 * COUNT_OF(SETS) - 1);
    pair_close(&pair);
}

static void what_is_small_or_not_scanned_comes_at_once(void **state) {
    (void)state;
    static const char *const TEXTS[] = {
        "SELECT * FROM few",
        "SELECT * FROM person WHERE id = 3",
        "SELECT person.* FROM person JOIN numbers ON person.id = numbers.id",
    };
    Pair pair;
    pair_open(&pair);
    for (uint32_t i = 0; i < COUNT_OF(TEXTS); i++) {
        world_subscribe(pair.apart, pair.apart_client, i, i, TEXTS[i]);
        world_subscribe(&pair.plain, pair.plain_client, i, i, TEXTS[i]);
        assert_int_equal(pair.started, 0);
        assert_same(&pair, TEXTS[i]);
    }
    pair_close(&pair);
}

// What happens between asking and reading is told behind the rows, and does not change them.
static void rows_are_of_the_moment_of_asking(void **state) {
    (void)state;
    Pair pair;
    pair_open(&pair);
    world_subscribe(pair.apart, pair.apart_client, 1, 1, "SELECT * FROM numbers");
    world_subscribe(&pair.plain, pair.plain_client, 1, 1, "SELECT * FROM numbers");
    world_run_for(pair.apart,
                  "DELETE FROM numbers WHERE id < 50;INSERT INTO numbers (id) VALUES (9999)",
                  (SyncEvent){0});
    assert_int_equal(pair.apart->sent_count, 2);
    assert_null(take(pair.apart).buf);
    run_reads(&pair);
    assert_same(&pair, "SELECT * FROM numbers");
    SharedSlice update = take(pair.apart);
    assert_int_equal(shared_slice_bytes(update).data[0], 4);  // TransactionUpdate
    shared_buf_unref(update.buf);
    pair_close(&pair);
}

// A client that takes nothing has a bounded number of messages that come later.
static void later_messages_of_a_client_are_bounded(void **state) {
    (void)state;
    Pair pair;
    pair_open(&pair);
    uint32_t later = 0;
    for (uint32_t i = 0; i < 10; i++) {
        world_subscribe(pair.apart, pair.apart_client, i, i, "SELECT * FROM numbers");
        if (shared_slice_is_later(pair.apart->sent[i].slice)) later++;
    }
    assert_int_equal(later, 4);
    sync_wait_reads(pair.apart->sync);  // the executor does it itself
    assert_int_equal(pair.ready, 4);
    for (uint32_t i = 0; i < 10; i++) shared_buf_unref(take(pair.apart).buf);
    world_subscribe(pair.apart, pair.apart_client, 10, 10, "SELECT * FROM numbers");
    assert_true(shared_slice_is_later(pair.apart->sent[10].slice));
    run_reads(&pair);
    pair_close(&pair);
}

static uint64_t bytes_sent(const Sync *sync) {
    Buffer json;
    buffer_init(&json, 1u << 20);
    sync_write_costs(sync, 10, &json);
    buffer_u8(&json, 0);
    const char *clients = strstr((const char *)json.data, "\"clients\":");
    assert_non_null(clients);
    const char *bytes = strstr(clients, "\"bytes_sent\":");
    assert_non_null(bytes);
    uint64_t count = strtoull(bytes + strlen("\"bytes_sent\":"), NULL, 10);
    buffer_done(&json);
    return count;
}

// An owner sees the bytes once the client has begun to take them, and once only.
static void later_bytes_are_in_the_cost(void **state) {
    (void)state;
    Pair pair;
    pair_open(&pair);
    world_subscribe(pair.apart, pair.apart_client, 1, 1, "SELECT * FROM numbers");
    world_subscribe(&pair.plain, pair.plain_client, 1, 1, "SELECT * FROM numbers");
    assert_int_equal(bytes_sent(pair.apart->sync), 0);
    run_reads(&pair);
    assert_int_equal(bytes_sent(pair.apart->sync), 0);
    assert_same(&pair, "SELECT * FROM numbers");
    uint64_t plain = bytes_sent(pair.plain.sync);
    assert_true(plain > 4 * (ROW_COUNT - 200));
    assert_int_equal(bytes_sent(pair.apart->sync), plain);
    assert_int_equal(bytes_sent(pair.apart->sync), plain);
    pair_close(&pair);
}

// ---- a thread that reads ----

static void *read_on_thread(void *user) {
    sync_run_reads(((Pair *)user)->apart->sync);
    return NULL;
}

static void the_executor_goes_on_while_somebody_reads(void **state) {
    (void)state;
    Pair pair;
    pair_open(&pair);
    for (uint32_t round = 0; round < 20; round++) {
        pair.started = 0;
        world_subscribe(pair.apart, pair.apart_client, round, round, "SELECT * FROM numbers");
        world_subscribe(&pair.plain, pair.plain_client, round, round, "SELECT * FROM numbers");
        assert_int_equal(pair.started, 1);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, read_on_thread, &pair), 0);
        char text[80];
        for (uint32_t i = 0; i < 40; i++) {
            (void)snprintf(text, sizeof text, "DELETE FROM numbers WHERE id = %u", round * 100 + i);
            Tx *tx = tx_begin(pair.apart->store);
            world_change(pair.apart, tx, text);
            (void)tx_commit(tx);
            tx_release(tx);
        }
        sync_wait_reads(pair.apart->sync);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_same(&pair, "SELECT * FROM numbers");
    }
    pair_close(&pair);
}

// A client that leaves, and an end without anybody who reads.
static void nobody_waits_any_more(void **state) {
    (void)state;
    Pair pair;
    pair_open(&pair);
    world_subscribe(pair.apart, pair.apart_client, 1, 1, "SELECT * FROM numbers");
    world_forget(pair.apart);
    sync_remove_client(pair.apart->sync, pair.apart_client);
    pair_close(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_the_executors),
        cmocka_unit_test(what_is_small_or_not_scanned_comes_at_once),
        cmocka_unit_test(rows_are_of_the_moment_of_asking),
        cmocka_unit_test(later_messages_of_a_client_are_bounded),
        cmocka_unit_test(later_bytes_are_in_the_cost),
        cmocka_unit_test(the_executor_goes_on_while_somebody_reads),
        cmocka_unit_test(nobody_waits_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

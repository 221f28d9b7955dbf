// allocation_test.c - the fan-out of a commit allocates nothing once it is warm, but a slab now and then.
//
// malloc and its kin are replaced by ones that count while a commit is told. A sanitizer has its own: then there
// is nothing to count, and the test says so.

#include "fixture.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

static uint64_t allocations;

#if !IS_SANITIZED
extern void *__libc_malloc(size_t count);
extern void *__libc_calloc(size_t items, size_t count);
extern void *__libc_realloc(void *memory, size_t count);

void *malloc(size_t count) {
    allocations++;
    return __libc_malloc(count);
}

void *calloc(size_t items, size_t count) {
    allocations++;
    return __libc_calloc(items, count);
}

void *realloc(void *memory, size_t count) {
    allocations++;
    return __libc_realloc(memory, count);
}
#endif

// What sync_commit allocates for an update of this person's name, and the messages it sends.
static uint64_t tell(World *world, uint32_t id, uint32_t round, SyncEvent event) {
    char text[128];
    snprintf(text, sizeof text, "UPDATE person SET name = 'name %u' WHERE id = %u", round, id);
    Tx *tx = tx_begin(world->store);
    world_change(world, tx, text);
    const Commit *commit = tx_commit(tx);
    event.result = RESULT_COMMITTED;
    uint64_t before = allocations;
    sync_commit(world->sync, &event, commit);
    uint64_t during = allocations - before;
    tx_release(tx);
    world_forget(world);
    return during;
}

static uint64_t tell_many(World *world, uint32_t id, SyncEvent event) {
    for (uint32_t i = 0; i < 100; i++) (void)tell(world, id, i, event);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 1000; i++) sum += tell(world, id, i, event);
    return sum;
}

static World *with_people(void) {
    World *world = world_open();
    world_person(world);
    world_run(world, "INSERT INTO person (id, name) VALUES (1, 'Ada'), (2, 'Grace')");
    return world;
}

static void test_counts(void **state) {
    (void)state;
    if (IS_SANITIZED) skip();
    uint64_t before = allocations;
    free(malloc(1));
    assert_int_equal(allocations, before + 1);
}

// Nobody is subscribed, or only to other rows.
static void test_nobody(void **state) {
    (void)state;
    World *world = with_people();
    SyncEvent event = {.reducer_id = UINT32_MAX};
    assert_int_equal(tell_many(world, 1, event), 0);
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    world_subscribe(world, client, 1, 1, "SELECT * FROM person WHERE id = 2");
    world_forget(world);
    assert_int_equal(tell_many(world, 1, event), 0);
    world_close(world);
}

// A caller and two subscribers: three messages of less than 200 bytes, so a slab of 64 KiB for a hundred commits.
static void test_few(void **state) {
    (void)state;
    World *world = with_people();
    SyncClient *caller = world_client(world, 1, PROTOCOL_V2);
    for (uint8_t i = 2; i <= 3; i++) {
        SyncClient *client = world_client(world, i, PROTOCOL_V2);
        world_subscribe(world, client, 1, i, "SELECT * FROM person WHERE id = 1");
        world_forget(world);
    }
    Request request = {.kind = REQUEST_CALL_REDUCER, .request_id = 1};
    SyncEvent event = {.caller = caller, .request = &request, .reducer_id = UINT32_MAX};
    assert_true(tell_many(world, 1, event) <= 10);
    world_close(world);
}

// Rows are sorted by who waits for them, found through ranges and joins: many queries are evaluated, most of which
// have nothing to say.
static void test_ranges_and_joins(void **state) {
    (void)state;
    World *world = with_people();
    const TypeField columns[] = {COLUMN("id", type_primitive(TYPE_U32)),
                                 COLUMN("person_id", type_primitive(TYPE_U32)),
                                 COLUMN("kind", type_primitive(TYPE_U32))};
    static const WorldIndex INDEXES[] = {{INDEX_BTREE, true, 0}, {INDEX_BTREE, false, 1}};
    world_table(world, &(WorldTable){.name = "member",
                                     .columns = columns,
                                     .column_count = 3,
                                     .indexes = INDEXES,
                                     .index_count = 2});
    world_run(world, "INSERT INTO member (id, person_id, kind) VALUES (1, 1, 5), (2, 1, 6)");
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    for (uint32_t i = 0; i < 50; i++) {
        char text[256];
        snprintf(text, sizeof text, "SELECT * FROM person WHERE id < %u AND name = 'x'", i + 2);
        world_subscribe(world, client, i, 2 * i, text);
        snprintf(text, sizeof text,
                 "SELECT member.* FROM member JOIN person ON member.person_id = person.id WHERE "
                 "member.kind = 5 AND person.name <> 'n%u'",
                 i);
        world_subscribe(world, client, i, 2 * i + 1, text);
        world_forget(world);
    }
    SyncEvent event = {.reducer_id = UINT32_MAX};
    uint64_t before = sync_stats(world->sync).evaluations;
    assert_int_equal(tell_many(world, 1, event), 0);
    assert_true(sync_stats(world->sync).evaluations - before > 50 * 1000);
    world_close(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_few),
        cmocka_unit_test(test_ranges_and_joins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

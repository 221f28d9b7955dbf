// structures_test.c - goal: what indexes are made of keeps what is put in, and finds it.
//
// Method: hash index, direct map, B+tree, slab and pages, each against arrays, with numbers of
// entries that make them split, double, shrink and reuse.
#include "fixture.h"

#include "store/btree.h"
#include "store/direct.h"
#include "store/hash_index.h"
#include "store/rows.h"

#define MANY 200000u

// ---- hash index ----

typedef struct HashWorld {
    uint64_t hashes[MANY];  // by id
} HashWorld;

static uint64_t world_hash(const void *user, uint64_t id) {
    const HashWorld *world = user;
    return world->hashes[id];
}

static bool matches_id(const void *user, uint64_t id) {
    return *(const uint64_t *)user == id;
}

static uint64_t hash_find_id(const HashIndex *index, uint64_t hash, uint64_t id) {
    return hash_index_find(index, hash, matches_id, &id);
}

static void hash_round(HashWorld *world, bool *is_in, Random *random, HashIndex *index,
                       uint32_t limit) {
    uint64_t count = index->count;
    for (uint32_t i = 0; i < limit; i++) {
        uint64_t id = random_below(random, limit);
        if (is_in[id]) {
            hash_index_remove(index, world->hashes[id], id);
            count--;
        } else {
            hash_index_insert(index, world->hashes[id], id);
            count++;
        }
        is_in[id] = !is_in[id];
    }
    assert_int_equal(index->count, count);
    for (uint64_t id = 0; id < limit; id++) {
        uint64_t found = hash_find_id(index, world->hashes[id], id);
        assert_true(found == (is_in[id] ? id : HASH_NO_ID));
    }
}

static void hash_keeps_entries(void **state) {
    (void)state;
    HashWorld *world = calloc(1, sizeof *world);
    bool *is_in = calloc(MANY, sizeof *is_in);
    Random random = {test_seed(7)};
    for (uint32_t i = 0; i < MANY; i++) {
        world->hashes[i] = random_next(&random);
        // Some share everything but the tag, some everything.
        if (i % 7 == 0 && i > 0)
            world->hashes[i] = (world->hashes[i - 1] & ~HASH_TAG_MASK) | (i & HASH_TAG_MASK);
        if (i % 31 == 0 && i > 0) world->hashes[i] = world->hashes[i - 1];
    }
    HashIndex index;
    hash_index_init(&index, world_hash, world);
    for (uint32_t limit = 10; limit <= MANY; limit *= 10)
        hash_round(world, is_in, &random, &index, limit);
    for (uint32_t round = 0; round < 4; round++) hash_round(world, is_in, &random, &index, MANY);
    hash_index_clear(&index);
    assert_int_equal(index.count, 0);
    assert_true(hash_find_id(&index, world->hashes[3], 3) == HASH_NO_ID);
    hash_index_done(&index);
    free(world);
    free(is_in);
}

// Insertion and removal in turn must not fill a table with tombstones.
static void hash_memory_is_bounded(void **state) {
    (void)state;
    HashWorld *world = calloc(1, sizeof *world);
    Random random = {test_seed(8)};
    for (uint32_t i = 0; i < MANY; i++) world->hashes[i] = random_next(&random);
    HashIndex index;
    hash_index_init(&index, world_hash, world);
    for (uint64_t i = 0; i < MANY; i++) {
        hash_index_insert(&index, world->hashes[i], i);
        if (i >= 100) hash_index_remove(&index, world->hashes[i - 100], i - 100);
    }
    assert_int_equal(index.count, 100);
    assert_true(index.bytes < 100 * 100);
    hash_index_done(&index);
    free(world);
}

// ---- direct map ----

static void direct_keeps_entries(void **state) {
    (void)state;
    DirectMap map = {0};
    Random random = {test_seed(9)};
    uint64_t *ids = calloc(MANY, sizeof *ids);
    for (uint32_t i = 0; i < 3 * MANY; i++) {
        uint32_t key = random_below(&random, 1 + i % MANY);
        if (ids[key] != 0) {
            assert_true(direct_map_find(&map, key) == ids[key]);
            assert_true(direct_map_remove(&map, key));
            ids[key] = 0;
        } else if (direct_map_add(&map, key, i + 1)) {
            ids[key] = i + 1;
        }
        assert_false(direct_map_remove(&map, MANY + key));
    }
    uint64_t count = 0;
    for (uint32_t key = 0; key < MANY; key++) {
        assert_true(direct_map_find(&map, key) == (ids[key] ? ids[key] : DIRECT_NO_ID));
        count += ids[key] != 0;
    }
    assert_int_equal(map.count, count);
    direct_map_done(&map);
    free(ids);
}

static void direct_takes_dense_keys_only(void **state) {
    (void)state;
    DirectMap map = {0};
    for (uint64_t key = 1; key < 100000; key++) assert_true(direct_map_add(&map, key, key));
    assert_true(direct_map_bytes(&map) < 100000 * 5);
    assert_false(direct_map_add(&map, 0, UINT32_MAX));  // an id that an entry cannot hold
    assert_true(direct_map_add(&map, 0, UINT32_MAX - 1));
    assert_true(direct_map_find(&map, 0) == UINT32_MAX - 1);
    assert_true(direct_map_remove(&map, 0));
    assert_false(direct_map_add(&map, UINT64_C(1) << 40, 1));
    assert_false(direct_map_add(&map, UINT64_MAX, 1));
    for (uint64_t key = 1; key < 100000; key++) assert_true(direct_map_remove(&map, key));
    direct_map_done(&map);
    // One key in a thousand: most are refused, and what is taken costs little.
    uint32_t taken = 0;
    for (uint64_t key = 0; key < 1000000; key += 1000) taken += direct_map_add(&map, key, 1);
    assert_true(taken < 64);
    assert_true(direct_map_bytes(&map) < 100000);
    direct_map_done(&map);
}

// ---- B+tree ----

// Rows are strings, so that the 64 bits do not decide: the first eight bytes are often the same.
typedef struct TreeWorld {
    Arena arena;
    uint32_t offsets[1];
    RowLayout layout;
    KeyColumn column;
    KeySpec spec;
    Bytes rows[MANY];
    Btree tree;
} TreeWorld;

static const uint8_t *tree_row(const void *user, uint64_t id) {
    const TreeWorld *world = user;
    return world->rows[id].data;
}

static TreeWorld *tree_world(const Type *type, uint32_t distinct, uint32_t count, Random *random) {
    TreeWorld *world = calloc(1, sizeof *world);
    arena_init(&world->arena, 64u << 20);
    TypeField field = {.type = type};
    world->layout = (RowLayout){type_product(&world->arena, &field, 1), world->offsets, 1};
    world->column = (KeyColumn){.type = type};
    world->spec = (KeySpec){
        .layout = &world->layout, .columns = &world->column, .column_count = 1, .type = type};
    key_spec_finish(&world->spec, KEY_SORTED, false);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t value = random_below(random, distinct);
        Bytes text = arena_format(&world->arena, "prefix-%u", value);
        uint8_t *row = arena_alloc(&world->arena, 4 + text.count);
        store_u32le(row, type->kind == TYPE_STRING ? text.count : value);
        memcpy(row + 4, text.data, text.count);
        world->rows[i] = bytes_of(row, type->kind == TYPE_STRING ? 4 + text.count : 4);
    }
    btree_init(&world->tree, &world->spec, tree_row, world);
    return world;
}

static void tree_world_free(TreeWorld *world) {
    btree_done(&world->tree);
    arena_done(&world->arena);
    free(world);
}

static BtreeEntry tree_entry(const TreeWorld *world, uint64_t id) {
    return (BtreeEntry){key_of_row(&world->spec, world->rows[id].data), id};
}

static void tree_insert(TreeWorld *world, uint64_t id) {
    btree_insert(&world->tree, tree_entry(world, id), world->rows[id].data);
}

static void tree_remove(TreeWorld *world, uint64_t id) {
    btree_remove(&world->tree, tree_entry(world, id), world->rows[id].data);
}

static void assert_tree_has(const TreeWorld *world, const bool *is_in, uint32_t count) {
    btree_check(&world->tree);
    KeyBound start = key_bound_prefix(&world->spec, NULL, 0, NULL, KEY_BEFORE_EQUALS);
    uint64_t found = 0;
    for (BtreePlace place = btree_seek(&world->tree, &start); place.leaf;
         place = btree_next(place)) {
        assert_true(is_in[btree_entry(place).id]);
        found++;
    }
    uint64_t expected = 0;
    for (uint32_t i = 0; i < count; i++) expected += is_in[i];
    assert_int_equal(found, expected);
    assert_int_equal(world->tree.count, expected);
}

static void tree_churn(const Type *type, uint32_t distinct, uint32_t count) {
    Random random = {test_seed(distinct + count)};
    TreeWorld *world = tree_world(type, distinct, count, &random);
    bool *is_in = calloc(count, sizeof *is_in);
    for (uint32_t round = 0; round < 6; round++) {
        // Mostly growing, then mostly shrinking.
        uint32_t target = round % 2 == 0 ? 90 : 10;
        for (uint32_t i = 0; i < count * 2; i++) {
            uint32_t id = random_below(&random, count);
            bool wants_in = random_below(&random, 100) < target;
            if (wants_in == is_in[id]) continue;
            if (wants_in) {
                tree_insert(world, id);
            } else {
                tree_remove(world, id);
            }
            is_in[id] = wants_in;
        }
        assert_tree_has(world, is_in, count);
    }
    for (uint32_t id = 0; id < count; id++) {
        if (is_in[id]) tree_remove(world, id);
        is_in[id] = false;
    }
    assert_tree_has(world, is_in, count);
    free(is_in);
    tree_world_free(world);
}

static void tree_keeps_order(void **state) {
    (void)state;
    tree_churn(type_primitive(TYPE_U32), 1000000, 20000);
    tree_churn(type_primitive(TYPE_U32), 5, 20000);
    tree_churn(type_primitive(TYPE_STRING), 1000000, 10000);
    tree_churn(type_primitive(TYPE_STRING), 3, 3000);
    tree_churn(type_primitive(TYPE_U32), 10, 70);
}

static void tree_builds_from_unsorted(void **state) {
    (void)state;
    Random random = {test_seed(11)};
    TreeWorld *world = tree_world(type_primitive(TYPE_STRING), 500, 5000, &random);
    BtreeEntry *entries = calloc(5000, sizeof *entries);
    bool is_in[5000];
    for (uint32_t i = 0; i < 5000; i++) {
        entries[i] = tree_entry(world, i);
        is_in[i] = true;
    }
    btree_build(&world->tree, entries, 5000);
    assert_tree_has(world, is_in, 5000);
    free(entries);
    tree_world_free(world);
}

// Rows in key order fill their leaves.
static void tree_appends_densely(void **state) {
    (void)state;
    Random random = {1};
    TreeWorld *world = tree_world(type_primitive(TYPE_U32), 2, 100000, &random);
    for (uint32_t i = 0; i < 100000; i++) {
        uint8_t *row = arena_alloc(&world->arena, 4);
        store_u32le(row, i);
        world->rows[i] = bytes_of(row, 4);
        tree_insert(world, i);
    }
    assert_true(world->tree.bytes < 100000 * 18);
    tree_world_free(world);
}

// ---- rows and pages ----

typedef struct RowWorld {
    uint64_t ids[4000];
    uint32_t values[4000];
} RowWorld;

static Bytes row_of_value(uint32_t value, uint32_t row_bytes, uint8_t *memory) {
    uint32_t count = row_bytes == ROWS_VARIABLE ? value % 500 + (value % 97 == 0 ? 20000 : 0)
                                                : row_bytes;
    for (uint32_t i = 0; i < count; i++) memory[i] = (uint8_t)(value + i);
    return bytes_of(memory, count);
}

static void rows_churn(uint32_t row_bytes) {
    static uint8_t memory[32768];
    PageVec graveyard = {0};
    Rows rows;
    RowWorld *world = calloc(1, sizeof *world);
    Random random = {test_seed(row_bytes)};
    rows_init(&rows, row_bytes, &graveyard);
    uint32_t live = 0;
    for (uint32_t i = 0; i < 40000; i++) {
        uint32_t at = random_below(&random, 4000);
        if (world->values[at] == 0) {
            world->values[at] = i + 1;
            world->ids[at] = rows_add(&rows, row_of_value(i + 1, row_bytes, memory));
            live++;
        } else {
            assert_true(rows_is_present(&rows, world->ids[at]));
            rows_hide(&rows, world->ids[at]);
            rows_show(&rows, world->ids[at]);
            rows_hide(&rows, world->ids[at]);
            rows_free(&rows, world->ids[at]);
            world->values[at] = 0;
            live--;
        }
        assert_int_equal(rows.count, live);
    }
    for (uint32_t at = 0; at < 4000; at++) {
        if (world->values[at] == 0) continue;
        Bytes expected = row_of_value(world->values[at], row_bytes, memory);
        Bytes found = rows_get(&rows, world->ids[at]);
        assert_bytes_equal(found, expected);
    }
    uint64_t place = 0;
    uint64_t id;
    uint32_t seen = 0;
    while (rows_next(rows.pool.array, &place, &id)) seen++;
    assert_int_equal(seen, live);
    page_graveyard_clear(&graveyard);
    rows_done(&rows);
    page_graveyard_clear(&graveyard);
    page_vec_done(&graveyard);
    free(world);
}

static void rows_keep_bytes(void **state) {
    (void)state;
    static const uint32_t SIZES[] = {1, 2, 3, 12, 100, 4096, ROWS_VARIABLE};
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) rows_churn(SIZES[i]);
}

// Every size around the borders of the classes.
static void slab_classes_fit(void **state) {
    (void)state;
    static uint8_t memory[40000];
    PageVec graveyard = {0};
    Slab slab;
    slab_init(&slab, &graveyard);
    for (uint32_t bytes = 0; bytes < 20000; bytes += bytes < 600 ? 1 : 61) {
        memset(memory, (int)(bytes & 0xff), sizeof memory);
        SlabHandle handle = slab_add(&slab, bytes_of(memory, bytes));
        uint32_t class_bytes = SLAB_CLASS_BYTES[handle >> 56];
        if (class_bytes > 0)
            assert_true(bytes + 4 <= class_bytes && class_bytes <= 16 + (bytes + 4) * 5 / 4);
        assert_bytes_equal(slab_get(slab.pool.array, handle), bytes_of(memory, bytes));
        if (bytes % 2 == 0) slab_remove(&slab, handle);
    }
    slab_done(&slab);
    page_graveyard_clear(&graveyard);
    page_vec_done(&graveyard);
}

// A reader's pages stay as they are; the writer copies each page once.
static void pages_copy_on_write(void **state) {
    (void)state;
    PageVec graveyard = {0};
    Rows rows;
    uint8_t row[12] = {0};
    uint64_t ids[20000];
    rows_init(&rows, sizeof row, &graveyard);
    for (uint32_t i = 0; i < 20000; i++) {
        store_u32le(row, i);
        ids[i] = rows_add(&rows, bytes_of(row, sizeof row));
    }
    RowsView view = rows_view_create(&rows);
    memset(row, 0xff, sizeof row);
    for (uint32_t i = 0; i < 20000; i++) rows_write(&rows, ids[i], bytes_of(row, sizeof row));
    assert_int_equal(graveyard.count, view.pages->count);
    rows_hide(&rows, ids[0]);
    rows_free(&rows, ids[0]);
    for (uint32_t i = 0; i < 20000; i++) {
        assert_int_equal(load_u32le(rows_view_get(&view, ids[i]).data), i);
        if (i > 0) assert_int_equal(load_u32le(rows_get(&rows, ids[i]).data), UINT32_MAX);
    }
    page_graveyard_clear(&graveyard);
    assert_int_equal(load_u32le(rows_view_get(&view, ids[19999]).data), 19999);
    rows_done(&rows);
    rows_view_release(&view);
    page_vec_done(&graveyard);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_keeps_entries),   cmocka_unit_test(hash_memory_is_bounded),
        cmocka_unit_test(direct_keeps_entries), cmocka_unit_test(direct_takes_dense_keys_only),
        cmocka_unit_test(tree_keeps_order),     cmocka_unit_test(tree_builds_from_unsorted),
        cmocka_unit_test(tree_appends_densely), cmocka_unit_test(rows_keep_bytes),
        cmocka_unit_test(slab_classes_fit),     cmocka_unit_test(pages_copy_on_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

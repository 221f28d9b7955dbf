// key_test.c - goal: the 64 bits of a key never contradict the order of values, and bounds cut
// where they should.
//
// Method: many pairs of random values of random types, single columns and several, against
// value_compare.
#include "values.h"

#include "store/key.h"

#define VALUES 40u
#define KEY_COLUMNS 3u

typedef struct KeyWorld {
    Arena arena;
    RowLayout layout;
    uint32_t offsets[KEY_COLUMNS];
    KeyColumn columns[KEY_COLUMNS];
    KeySpec spec;
    Bytes rows[VALUES];
} KeyWorld;

static KeyWorld *key_world(Random *random) {
    KeyWorld *world = calloc(1, sizeof *world);
    arena_init(&world->arena, 64u << 20);
    uint32_t count = 1 + random_below(random, KEY_COLUMNS);
    TypeField fields[KEY_COLUMNS] = {0};
    uint32_t at = 0;
    bool is_fixed = true;
    for (uint32_t i = 0; i < count; i++) {
        fields[i].type = random_type(random, &world->arena);
        world->columns[i] = (KeyColumn){.type = fields[i].type, .column = (uint16_t)i};
        if (!is_fixed) continue;
        world->offsets[world->layout.offset_count++] = at;
        is_fixed = fields[i].type->fixed_bytes != TYPE_BYTES_VARIABLE;
        if (is_fixed) at += fields[i].type->fixed_bytes;
    }
    world->layout.row_type = type_product(&world->arena, fields, count);
    world->layout.offsets = world->offsets;
    world->spec = (KeySpec){
        .layout = &world->layout,
        .columns = world->columns,
        .column_count = (uint16_t)count,
        .type = world->layout.row_type,
        .seed = 99,
    };
    key_spec_finish(&world->spec, KEY_SORTED, false);
    Buffer buffer;
    buffer_init(&buffer, 1u << 20);
    for (uint32_t i = 0; i < VALUES; i++) {
        buffer_clear(&buffer);
        random_value(random, world->layout.row_type, &buffer);
        world->rows[i] = arena_copy(&world->arena, buffer_bytes(&buffer));
    }
    buffer_done(&buffer);
    return world;
}

static void assert_pair(const KeyWorld *world, const uint8_t *a, const uint8_t *b) {
    const KeySpec *spec = &world->spec;
    int order = value_compare(world->layout.row_type, a, b);
    uint64_t a_bits = key_of_row(spec, a);
    uint64_t b_bits = key_of_row(spec, b);
    if (a_bits < b_bits) assert_true(order < 0);
    if (a_bits > b_bits) assert_true(order > 0);
    if (key_is_exact(spec) && a_bits == b_bits) assert_true(order == 0);
    assert_int_equal(key_compare_rows(spec, a, b) < 0, order < 0);
    assert_int_equal(key_equal_rows(spec, a, b), order == 0);
    assert_int_equal(key_equal_row_bytes(spec, a, b), order == 0);
    if (order == 0) assert_true(key_hash_row(spec, a) == key_hash_row(spec, b));
    // The columns of this row type, in order, are the BSATN of the key.
    assert_true(key_of_bytes(spec, a) == a_bits);
    assert_true(key_hash_bytes(spec, a) == key_hash_row(spec, a));
}

static bool is_before(const KeyBound *bound, const uint8_t *row) {
    uint64_t bits = key_of_row(bound->spec, row);
    if (bits < bound->low) return true;
    if (bits > bound->high) return false;
    return key_bound_is_before(bound, row);
}

static int prefix_compare(const KeyWorld *world, const uint8_t *a, const uint8_t *b,
                          uint32_t columns) {
    for (uint32_t i = 0; i < columns; i++) {
        const uint8_t *a_at = row_column(&world->layout, a, (uint16_t)i);
        const uint8_t *b_at = row_column(&world->layout, b, (uint16_t)i);
        int order = value_compare(world->columns[i].type, a_at, b_at);
        if (order != 0) return order;
    }
    return 0;
}

static void assert_bounds(const KeyWorld *world, const uint8_t *row, const uint8_t *named) {
    const KeySpec *spec = &world->spec;
    for (uint16_t columns = 0; columns <= spec->column_count; columns++) {
        int order = prefix_compare(world, row, named, columns);
        KeyBound before = key_bound_prefix(spec, named, columns, NULL, KEY_BEFORE_EQUALS);
        KeyBound after = key_bound_prefix(spec, named, columns, NULL, KEY_AFTER_EQUALS);
        assert_int_equal(is_before(&before, row), order < 0);
        assert_int_equal(is_before(&after, row), order <= 0);
        if (columns == 0) continue;
        // The same with the last column given apart.
        const uint8_t *value = row_column(&world->layout, named, (uint16_t)(columns - 1));
        before = key_bound_prefix(spec, named, (uint16_t)(columns - 1), value, KEY_BEFORE_EQUALS);
        after = key_bound_prefix(spec, named, (uint16_t)(columns - 1), value, KEY_AFTER_EQUALS);
        assert_int_equal(is_before(&before, row), order < 0);
        assert_int_equal(is_before(&after, row), order <= 0);
    }
    KeyBound whole = key_bound_whole(spec, named, KEY_BEFORE_EQUALS);
    assert_int_equal(is_before(&whole, row), value_compare(world->layout.row_type, row, named) < 0);
}

static void keys_follow_values(void **state) {
    (void)state;
    uint32_t rounds = test_rounds(300);
    for (uint32_t round = 0; round < rounds; round++) {
        Random random = {test_seed(round)};
        KeyWorld *world = key_world(&random);
        for (uint32_t i = 0; i < VALUES; i++) {
            for (uint32_t k = 0; k < VALUES; k++) {
                assert_pair(world, world->rows[i].data, world->rows[k].data);
                assert_bounds(world, world->rows[i].data, world->rows[k].data);
            }
        }
        arena_done(&world->arena);
        free(world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_follow_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

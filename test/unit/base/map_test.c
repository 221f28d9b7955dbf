// map_test.c - the maps against a plain array of what they should hold, over random operations on a small
// key space (so that runs form, wrap around and are torn), and the hash's spread.
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define KEYS_MAX 300u

static uint64_t next_random(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

// Keys of lengths 0 to 40, all different, with embedded zeros.
static Bytes key_of(uint32_t number, uint8_t memory[48]) {
    memset(memory, 0, 48);
    store_u32le(memory, number);
    return number == 0 ? BYTES_NONE : bytes_of(memory, 4 + number % 37);
}

static void check_bytes_map(const BytesMap *map, void *const *model) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < KEYS_MAX; i++) {
        uint8_t memory[48];
        assert_ptr_equal(bytes_map_find(map, key_of(i, memory)), model[i]);
        count += model[i] != NULL;
    }
    assert_int_equal(map->count, count);
    uint32_t at = 0;
    Bytes key;
    void *value;
    uint32_t walked = 0;
    while (bytes_map_next(map, &at, &key, &value)) {
        uint32_t number = key.count == 0 ? 0 : load_u32le(key.data);
        assert_ptr_equal(model[number], value);
        walked++;
    }
    assert_int_equal(walked, count);
}

static void test_bytes_map_against_a_model(void **state) {
    (void)state;
    static char values[1000];
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t random = seed;
        BytesMap map;
        bytes_map_init(&map);
        void *model[KEYS_MAX] = {0};
        for (int step = 0; step < 5000; step++) {
            uint8_t memory[48];
            uint32_t number = (uint32_t)(next_random(&random) % KEYS_MAX);
            // Phases of growing and of shrinking.
            bool adds = next_random(&random) % 8 < (step / 500 % 2 == 0 ? 6u : 2u);
            void *value = adds ? &values[next_random(&random) % 1000] : NULL;
            void *before = adds ? bytes_map_set(&map, key_of(number, memory), value)
                                : bytes_map_remove(&map, key_of(number, memory));
            assert_ptr_equal(before, model[number]);
            model[number] = value;
            if (step % 250 == 0) check_bytes_map(&map, model);
        }
        check_bytes_map(&map, model);
        bytes_map_done(&map);
        bytes_map_done(&map);
    }
}

static void check_u64_map(const U64Map *map, void *const *model, uint64_t stride) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < KEYS_MAX; i++) {
        assert_ptr_equal(u64_map_find(map, i * stride), model[i]);
        count += model[i] != NULL;
    }
    assert_int_equal(map->count, count);
    uint32_t at = 0;
    uint64_t key;
    void *value;
    uint32_t walked = 0;
    while (u64_map_next(map, &at, &key, &value)) {
        assert_ptr_equal(model[key / stride], value);
        walked++;
    }
    assert_int_equal(walked, count);
}

static void test_u64_map_against_a_model(void **state) {
    (void)state;
    static char values[1000];
    static const uint64_t STRIDES[] = {1, 4096, 1ull << 32, 0x0010000000000001u};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t random = seed;
        uint64_t stride = STRIDES[seed % 4];
        U64Map map;
        u64_map_init(&map);
        void *model[KEYS_MAX] = {0};
        for (int step = 0; step < 5000; step++) {
            uint32_t number = (uint32_t)(next_random(&random) % KEYS_MAX);
            bool adds = next_random(&random) % 8 < (step / 500 % 2 == 0 ? 6u : 2u);
            void *value = adds ? &values[next_random(&random) % 1000] : NULL;
            void *before = adds ? u64_map_set(&map, number * stride, value)
                                : u64_map_remove(&map, number * stride);
            assert_ptr_equal(before, model[number]);
            model[number] = value;
            if (step % 250 == 0) check_u64_map(&map, model, stride);
        }
        check_u64_map(&map, model, stride);
        u64_map_done(&map);
        u64_map_done(&map);
    }
}

static void test_empty_maps(void **state) {
    (void)state;
    BytesMap bytes = {0};
    U64Map numbers = {0};
    uint32_t at = 0;
    assert_null(bytes_map_find(&bytes, BYTES_NONE));
    assert_null(bytes_map_remove(&bytes, BYTES_NONE));
    assert_false(bytes_map_next(&bytes, &at, &(Bytes){0}, &(void *){0}));
    assert_null(u64_map_find(&numbers, 0));
    assert_null(u64_map_remove(&numbers, 0));
    assert_false(u64_map_next(&numbers, &at, &(uint64_t){0}, &(void *){0}));
}

static void test_keys_are_copied(void **state) {
    (void)state;
    BytesMap map = {0};
    char key[] = "key";
    bytes_map_set(&map, bytes_of_text(key), &map);
    key[0] = 'x';
    assert_ptr_equal(bytes_map_find(&map, BYTES_LITERAL("key")), &map);
    assert_null(bytes_map_find(&map, bytes_of_text(key)));
    bytes_map_done(&map);
}

static void test_load_stays_below_three_quarters(void **state) {
    (void)state;
    U64Map map = {0};
    for (uint64_t i = 0; i < 100000; i++) {
        u64_map_set(&map, i * i, &map);
        assert_true((uint64_t)map.count * 4 <= (uint64_t)map.capacity * 3);
    }
    assert_true(map.capacity <= 262144);
    u64_map_done(&map);
}

static void test_hash_depends_on_every_byte(void **state) {
    (void)state;
    uint8_t text[80] = {0};
    for (uint32_t count = 0; count < sizeof text; count++) {
        uint64_t hash = hash_bytes(bytes_of(text, count));
        assert_true(hash == hash_bytes(bytes_of(text, count)));
        assert_true(hash != hash_bytes(bytes_of(text, count + 1)));  // length counts
        for (uint32_t i = 0; i < count; i++) {
            text[i] = 1;
            assert_true(hash != hash_bytes(bytes_of(text, count)));
            text[i] = 0;
        }
    }
}

// Blocks that would cancel out one public multiplier or another must not swallow what stands beside them.
static void test_no_block_swallows_another(void **state) {
    (void)state;
    static const uint64_t PUBLIC[] = {0,
                                      1,
                                      UINT64_MAX,
                                      0xa0761d6478bd642fu,
                                      0xe7037ed1a0b428dbu,
                                      0x8ebc6af09c88c6e3u,
                                      0x9e3779b97f4a7c15u};
    for (size_t i = 0; i < sizeof PUBLIC / sizeof *PUBLIC; i++) {
        uint64_t a[4] = {PUBLIC[i], 1, PUBLIC[i], 2};
        uint64_t b[4] = {PUBLIC[i], 3, PUBLIC[i], 2};
        assert_true(hash_bytes(bytes_of(a, sizeof a)) != hash_bytes(bytes_of(b, sizeof b)));
        assert_true(hash_bytes(bytes_of(a, 16)) != hash_bytes(bytes_of(b, 16)));
    }
}

// The low bits are what the maps use: near keys must spread. 64 buckets, 64,000 keys: each within 20% (five standard deviations are 16%).
static void test_hashes_spread(void **state) {
    (void)state;
    uint32_t of_bytes[64] = {0};
    uint32_t of_numbers[64] = {0};
    for (uint64_t i = 0; i < 64000; i++) {
        uint64_t key = i << 20;
        of_bytes[hash_bytes(bytes_of(&key, sizeof key)) % 64]++;
        of_numbers[hash_u64(key) % 64]++;
    }
    for (int i = 0; i < 64; i++) {
        assert_in_range(of_bytes[i], 800, 1200);
        assert_in_range(of_numbers[i], 800, 1200);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_map_against_a_model),
        cmocka_unit_test(test_u64_map_against_a_model),
        cmocka_unit_test(test_empty_maps),
        cmocka_unit_test(test_keys_are_copied),
        cmocka_unit_test(test_load_stays_below_three_quarters),
        cmocka_unit_test(test_hash_depends_on_every_byte),
        cmocka_unit_test(test_no_block_swallows_another),
        cmocka_unit_test(test_hashes_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

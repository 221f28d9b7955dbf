// vec_test.c - growth, reuse, the limit.
#include "base/vec.h"

#include "base/limits.h"
#include "death.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct Pair {
    uint64_t first;
    uint32_t second;
} Pair;

VEC(PairVec, pair_vec, Pair)
VEC(ByteVec, byte_vec, uint8_t)

static void test_push_and_add(void **state) {
    (void)state;
    PairVec vec = {0};
    for (uint32_t i = 0; i < 10000; i++) {
        if (i % 2 == 0) pair_vec_push(&vec, (Pair){i, i + 1});
        if (i % 2 == 1) *pair_vec_add(&vec) = (Pair){i, i + 1};
        assert_int_equal(vec.count, i + 1);
        assert_true(vec.capacity >= vec.count);
    }
    for (uint32_t i = 0; i < 10000; i++) {
        assert_int_equal(vec.items[i].first, i);
        assert_int_equal(vec.items[i].second, i + 1);
    }
    assert_true(vec.capacity < 20001);
    pair_vec_done(&vec);
    assert_null(vec.items);
    assert_int_equal(vec.capacity, 0);
}

static void test_reserve_and_clear(void **state) {
    (void)state;
    ByteVec vec = {0};
    byte_vec_reserve(&vec, 1000);
    assert_true(vec.capacity >= 1000);
    const uint8_t *items = vec.items;
    for (int i = 0; i < 1000; i++) byte_vec_push(&vec, (uint8_t)i);
    assert_ptr_equal(vec.items, items);  // reserved: nothing moved
    byte_vec_clear(&vec);
    assert_int_equal(vec.count, 0);
    byte_vec_push(&vec, 1);
    assert_ptr_equal(vec.items, items);
    byte_vec_reserve(&vec, 10);
    assert_ptr_equal(vec.items, items);
    byte_vec_done(&vec);
    byte_vec_done(&vec);
}

static void grow_past_the_limit(void *user) {
    uint32_t capacity = 0;
    vec_grow(NULL, *(size_t *)user, &capacity, 1024);
}

static void grow_after_a_wrap(void *user) {
    (void)user;
    uint32_t capacity = UINT32_MAX;
    vec_grow(NULL, 1, &capacity, 0);
}

static void test_limit(void **state) {
    (void)state;
    size_t item_bytes = VEC_BYTES_MAX / 1024 + 1;
    assert_true(death_says(grow_past_the_limit, &item_bytes, "VEC_BYTES_MAX / item_bytes"));
    assert_true(death_says(grow_after_a_wrap, NULL, "needed > *capacity"));
    uint32_t capacity = 0;
    void *items = vec_grow(NULL, 4096, &capacity, 1024);
    assert_true(capacity >= 1024);
    mem_free(items);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push_and_add),
        cmocka_unit_test(test_reserve_and_clear),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

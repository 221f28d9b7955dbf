// arena_test.c - alignment, stability, the limit at n and n + 1, reuse after clear, poison in sanitizer builds.
#include "base/arena.h"

#include "death.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_aligned_and_apart(void **state) {
    (void)state;
    Arena arena;
    arena_init(&arena, 1 << 20);
    uint8_t *pieces[200];
    for (size_t i = 0; i < 200; i++) {
        pieces[i] = arena_alloc(&arena, i * 7);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)i, i * 7);
    }
    for (size_t i = 0; i < 200; i++) {
        for (size_t k = 0; k < i * 7; k++) assert_int_equal(pieces[i][k], i);
    }
    arena_done(&arena);
}

static void test_zeroed(void **state) {
    (void)state;
    Arena arena;
    arena_init(&arena, 1 << 20);
    memset(arena_alloc(&arena, 1000), 0xff, 1000);
    arena_clear(&arena);
    const uint8_t *zeroed = arena_alloc_zero(&arena, 1000);
    for (int i = 0; i < 1000; i++) assert_int_equal(zeroed[i], 0);
    uint32_t *numbers = ARENA_ARRAY(&arena, uint32_t, 10);
    for (int i = 0; i < 10; i++) assert_int_equal(numbers[i], 0);
    assert_null(ARENA_NEW(&arena, Bytes)->data);
    arena_done(&arena);
}

static void alloc_one_more(void *user) {
    arena_alloc(user, 1);
}

static void alloc_more_than_ever(void *user) {
    arena_alloc(user, SIZE_MAX);
}

static void test_limit(void **state) {
    (void)state;
    Arena arena;
    arena_init(&arena, 100000);
    assert_true(death_says(alloc_more_than_ever, &arena, "count <= SIZE_MAX - ARENA_ALIGNMENT"));
    assert_non_null(arena_alloc(&arena, 100000));  // n
    assert_true(death_says(alloc_one_more, &arena, "arena past its maximum"));
    arena_clear(&arena);
    for (int i = 0; i < 100; i++) assert_non_null(arena_alloc(&arena, 900));  // the same in pieces
    arena_done(&arena);
}

static void alloc_4096(void *user) {
    arena_alloc(user, 4096);
}

static void test_limit_counts_older_blocks(void **state) {
    (void)state;
    Arena arena;
    arena_init(&arena, 4096 * 3);
    arena_alloc(&arena, 4096);
    arena_alloc(&arena, 4096);
    arena_alloc(&arena, 4096);
    assert_true(death_says(alloc_4096, &arena, "arena past its maximum"));
    arena_done(&arena);
}

static void test_clear_keeps_one_block(void **state) {
    (void)state;
    Arena arena;
    arena_init(&arena, 1 << 30);
    for (int i = 0; i < 1000; i++) arena_alloc(&arena, 100);
    arena_clear(&arena);
    ArenaBlock *kept = arena.blocks;
    assert_non_null(kept);
    // The kept block holds at least half of what was used, so a second round stays in two blocks.
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++) arena_alloc(&arena, 100);
        arena_clear(&arena);
    }
    kept = arena.blocks;
    for (int i = 0; i < 1000; i++) arena_alloc(&arena, 100);
    assert_ptr_equal(arena.blocks, kept);  // steady: nothing new was allocated
    arena_clear(&arena);
    arena_alloc(&arena, 8 << 20);
    arena_clear(&arena);
    assert_null(arena.blocks);  // a large one is given back
    arena_done(&arena);
}

static void test_zeroed_and_empty_arenas(void **state) {
    (void)state;
    Arena arena = {0};
    arena_clear(&arena);
    arena_done(&arena);
    arena_init(&arena, SIZE_MAX);
    assert_non_null(arena_alloc(&arena, 0));
    arena_done(&arena);
    assert_non_null(arena_alloc(&arena, 1));  // usable again
    arena_done(&arena);
}

static void test_copies(void **state) {
    (void)state;
    Arena arena;
    arena_init(&arena, 1 << 20);
    char source[] = "abc";
    Bytes copy = arena_copy(&arena, bytes_of_text(source));
    char *text = arena_copy_text(&arena, bytes_of_text(source));
    source[0] = 'x';
    assert_true(bytes_equal_text(copy, "abc"));
    assert_string_equal(text, "abc");
    assert_int_equal(arena_copy(&arena, BYTES_NONE).count, 0);
    assert_string_equal(arena_copy_text(&arena, BYTES_NONE), "");
    arena_done(&arena);
}

static void test_format(void **state) {
    (void)state;
    Arena arena;
    arena_init(&arena, 1 << 20);
    for (int count = 1; count < 600; count += count > 250 && count < 260 ? 1 : 83) {
        Bytes text = arena_format(&arena, "%0*d", count, 7);
        assert_int_equal(text.count, count);
        assert_int_equal(text.data[count - 1], '7');
        assert_int_equal(text.data[count], 0);
    }
    assert_int_equal(arena_format(&arena, "%s", "").count, 0);
    arena_done(&arena);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_POISON
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define HAS_POISON
#endif

#ifdef HAS_POISON
static void write_past_the_end(void *user) {
    volatile uint8_t *memory = arena_alloc(user, 10);
    memory[10] = 1;
}

static void read_after_clear(void *user) {
    volatile uint8_t *memory = arena_alloc(user, 10);
    arena_clear(user);
    (void)memory[0];
}

static void test_poison(void **state) {
    (void)state;
    Arena arena;
    arena_init(&arena, 1 << 20);
    char said[4096];
    assert_int_not_equal(death_run(write_past_the_end, &arena, said), 0);
    assert_non_null(strstr(said, "use-after-poison"));
    assert_int_not_equal(death_run(read_after_clear, &arena, said), 0);
    assert_non_null(strstr(said, "use-after-poison"));
    arena_done(&arena);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aligned_and_apart),
        cmocka_unit_test(test_zeroed),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_limit_counts_older_blocks),
        cmocka_unit_test(test_clear_keeps_one_block),
        cmocka_unit_test(test_zeroed_and_empty_arenas),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_format),
#ifdef HAS_POISON
        cmocka_unit_test(test_poison),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

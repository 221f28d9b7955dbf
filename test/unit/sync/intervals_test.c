// intervals_test.c - the intervals that contain a value, against looking at each of them: random intervals of
// several types come and go, with equal ends, open ends and ends that cross.
//
// A failure prints its seed; INTERVALS_SEED runs that one.

#include "sync/intervals.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define INTERVALS_COUNT 64u
#define VALUES 12u
#define VALUE_BYTES 16u

static const double DOUBLES[VALUES] = {-INFINITY, -1e30, -1.5, -1e-40, -0.0,     0.0,
                                       1e-40,     0.5,   1.5,  1e30,   INFINITY, NAN};

typedef struct Entry {
    Interval interval;  // first
    bool is_in;
    uint32_t visits;
    uint8_t lower[VALUE_BYTES];
    uint8_t upper[VALUE_BYTES];
} Entry;

static Entry entries[INTERVALS_COUNT];
static const Interval *last_visited;
static const Intervals *visiting;
static uint32_t seed;
static uint64_t state;

static uint32_t below(uint32_t limit) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % limit);
}

static Bytes value_of(const Type *type, uint32_t number, uint8_t *bytes) {
    if (type->kind == TYPE_STRING) {
        store_u32le(bytes, number % 5);
        memset(bytes + 4, 'a' + (int)number, number % 5);
        return bytes_of(bytes, 4 + number % 5);
    }
    if (type->kind == TYPE_F64) {
        memcpy(bytes, &DOUBLES[number], 8);
        return bytes_of(bytes, 8);
    }
    if (type->kind == TYPE_F32) {
        float value = (float)DOUBLES[number];
        memcpy(bytes, &value, 4);
        return bytes_of(bytes, 4);
    }
    // Around zero, and both ends.
    store_u64le(bytes, (uint64_t)number - 4);
    uint32_t count = type->fixed_bytes;
    ASSERT(count <= VALUE_BYTES);
    memset(bytes + 8, number < 4 ? 0xff : 0, VALUE_BYTES - 8);
    if (number == 10) memset(bytes, 0xff, count);
    if (number == 11) memset(bytes, 0xff, count);
    if (number >= 10) bytes[count - 1] = number == 10 ? 0x7f : 0x80;
    if (number == 11) memset(bytes, 0, count - 1);
    return bytes_of(bytes, count);
}

static Bound some_bound(const Type *type, uint8_t *bytes) {
    BoundKind kind = (BoundKind)below(3);
    if (kind == BOUND_UNBOUNDED) return (Bound){.kind = kind};
    return (Bound){kind, value_of(type, below(VALUES), bytes)};
}

static bool contains(const Type *type, const Interval *interval, const uint8_t *value) {
    const Bound *lower = &interval->lower, *upper = &interval->upper;
    int from = lower->kind == BOUND_UNBOUNDED ? 1 : value_compare(type, value, lower->value.data);
    int to = upper->kind == BOUND_UNBOUNDED ? 1 : value_compare(type, upper->value.data, value);
    return (from > 0 || (from == 0 && lower->kind == BOUND_INCLUDED)) &&
           (to > 0 || (to == 0 && upper->kind == BOUND_INCLUDED));
}

static int lower_order(const Interval *a, const Interval *b) {
    bool a_is_open = a->lower.kind == BOUND_UNBOUNDED, b_is_open = b->lower.kind == BOUND_UNBOUNDED;
    if (a_is_open || b_is_open) return (int)b_is_open - (int)a_is_open;
    return value_compare(&visiting->type, a->lower.value.data, b->lower.value.data);
}

static void visit(void *user, Interval *interval) {
    assert_ptr_equal(user, &state);
    ((Entry *)interval)->visits++;
    if (last_visited != NULL) assert_true(lower_order(last_visited, interval) <= 0);
    last_visited = interval;
}

static void check(const Intervals *intervals, const Type *type) {
    uint8_t bytes[VALUE_BYTES];
    for (uint32_t number = 0; number < VALUES; number++) {
        Bytes value = value_of(type, number, bytes);
        last_visited = NULL;
        visiting = intervals;
        for (uint32_t i = 0; i < INTERVALS_COUNT; i++) entries[i].visits = 0;
        intervals_stab(intervals, value.data, visit, &state);
        for (uint32_t i = 0; i < INTERVALS_COUNT; i++) {
            bool is_wanted = entries[i].is_in && contains(type, &entries[i].interval, value.data);
            if (entries[i].visits != (is_wanted ? 1u : 0u))
                fail_msg("INTERVALS_SEED=%u: interval %u, value %u", seed, i, number);
        }
    }
}

static void step(Intervals *intervals, const Type *type) {
    Entry *entry = &entries[below(INTERVALS_COUNT)];
    if (entry->is_in) {
        assert_ptr_equal(intervals_find(intervals, &entry->interval.lower, &entry->interval.upper),
                         &entry->interval);
        intervals_remove(intervals, &entry->interval);
        entry->is_in = false;
        return;
    }
    Bound lower = some_bound(type, entry->lower), upper = some_bound(type, entry->upper);
    if (lower.kind == BOUND_UNBOUNDED && upper.kind == BOUND_UNBOUNDED) return;
    if (intervals_find(intervals, &lower, &upper) != NULL) return;
    entry->interval = (Interval){.lower = lower, .upper = upper};
    intervals_add(intervals, &entry->interval);
    entry->is_in = true;
}

static void play(const Type *type) {
    Intervals intervals;
    intervals_init(&intervals, type);
    memset(entries, 0, sizeof entries);
    check(&intervals, type);
    for (uint32_t i = 0; i < 600; i++) {
        step(&intervals, type);
        if (i % 7 == 0) check(&intervals, type);
    }
    for (uint32_t i = 0; i < INTERVALS_COUNT; i++) {
        if (entries[i].is_in) intervals_remove(&intervals, &entries[i].interval);
        entries[i].is_in = false;
    }
    check(&intervals, type);
    assert_int_equal(intervals.count, 0);
}

static void test_stab(void **unused) {
    (void)unused;
    const char *one = getenv("INTERVALS_SEED");
    uint32_t first = one ? (uint32_t)strtoul(one, NULL, 10) : 1;
    for (seed = first; seed < first + (one ? 1 : 20); seed++) {
        state = seed;
        for (TypeKind kind = TYPE_I8; kind <= TYPE_U128; kind++) play(type_primitive(kind));
        play(type_primitive(TYPE_F32));
        play(type_primitive(TYPE_F64));
        play(type_primitive(TYPE_STRING));
        play(type_special(SPECIAL_TIME_DURATION));
        play(type_special(SPECIAL_TIMESTAMP));
    }
}

// Whatever the order of adding, the tree stays shallow.
static uint32_t depth(const Interval *node) {
    if (node == NULL) return 0;
    uint32_t left = depth(node->left), right = depth(node->right);
    return 1 + (left > right ? left : right);
}

static void test_depth(void **unused) {
    (void)unused;
    enum { MANY = 10000 };
    Intervals intervals;
    intervals_init(&intervals, type_primitive(TYPE_U32));
    Interval *items = calloc(MANY, sizeof *items);
    uint8_t(*values)[4] = calloc(MANY, sizeof *values);
    for (uint32_t i = 0; i < MANY; i++) {
        store_u32le(values[i], i);
        items[i].lower = (Bound){BOUND_INCLUDED, bytes_of(values[i], 4)};
        items[i].upper = (Bound){.kind = BOUND_UNBOUNDED};
        intervals_add(&intervals, &items[i]);
    }
    assert_true(depth(intervals.root) < 60);  // 14 if it were balanced
    free(items);
    free(values);
}

static void test_types(void **unused) {
    (void)unused;
    Arena arena;
    arena_init(&arena, 1u << 20);
    assert_true(intervals_take_type(type_primitive(TYPE_F32)));
    assert_true(intervals_take_type(type_special(SPECIAL_IDENTITY)));
    assert_true(intervals_take_type(type_array(&arena, type_primitive(TYPE_U8))));
    assert_false(intervals_take_type(type_array(&arena, type_primitive(TYPE_U16))));
    assert_false(intervals_take_type(type_unit()));
    assert_false(intervals_take_type(type_option(&arena, type_primitive(TYPE_U8))));
    // The parts of the type that is kept are not the arena's.
    Intervals intervals;
    intervals_init(&intervals, type_array(&arena, type_primitive(TYPE_U8)));
    assert_ptr_equal(intervals.type.element, type_primitive(TYPE_U8));
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stab),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

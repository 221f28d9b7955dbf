// type_test.c - types: the tables of sats.md 1, 2 and 8, byte by byte, and what a hostile description can do.
#include "helpers.h"

static void assert_type_bytes(const Type *type, const char *wanted_hex) {
    Buffer buffer;
    buffer_init(&buffer, 1u << 20);
    type_write(&buffer, type);
    assert_bytes_equal(buffer_bytes(&buffer), wanted_hex);
    Reader reader = reader_of(buffer_bytes(&buffer));
    const Type *again = type_read(&reader, &test_arena);
    assert_non_null(again);
    assert_true(reader_finish(&reader));
    assert_true(type_equal(type, again));
    assert_int_equal(again->special, type->special);
    assert_int_equal(again->fixed_bytes, type->fixed_bytes);
    assert_int_equal(again->is_plain, type->is_plain);
    buffer_done(&buffer);
}

// ---- BSATN of types ----

static void test_tags(void **state) {
    (void)state;
    for (int kind = TYPE_STRING; kind < TYPE_KIND_COUNT; kind++) {
        char wanted[3];
        snprintf(wanted, sizeof wanted, "%02x", (unsigned)kind);
        assert_type_bytes(t((TypeKind)kind), wanted);
    }
    assert_int_equal(TYPE_F64, 19);
}

static void test_examples(void **state) {
    (void)state;
    assert_type_bytes(t(TYPE_U32), "0b");
    assert_type_bytes(array_of(t(TYPE_U8)), "03 07");
    assert_type_bytes(ref_to(3), "00 03000000");
    assert_type_bytes(type_unit(), "02 00000000");
    assert_type_bytes(never(), "01 00000000");
    assert_type_bytes(PRODUCT(field("id", t(TYPE_U64)), field("name", t(TYPE_STRING))),
                      "02 02000000 00 02000000 6964 0d 00 04000000 6e616d65 04");
    assert_type_bytes(PRODUCT(field(NULL, t(TYPE_U8))), "02 01000000 01 07");
    assert_type_bytes(option_of(t(TYPE_STRING)),
                      "01 02000000 00 04000000 736f6d65 04 00 04000000 6e6f6e65 02 00000000");
    assert_type_bytes(result_of(t(TYPE_U8), t(TYPE_STRING)),
                      "01 02000000 00 02000000 6f6b 07 00 03000000 657272 04");
    assert_type_bytes(PRODUCT(field("", t(TYPE_U8))), "02 01000000 00 00000000 07");
}

static void test_special_bytes(void **state) {
    (void)state;
    const char *duration =
        "02 01000000 00 18000000 5f5f74696d655f6475726174696f6e5f6d6963726f735f5f 0c";
    const char *timestamp =
        "02 01000000 00 25000000 "
        "5f5f74696d657374616d705f6d6963726f735f73696e63655f756e69785f65706f63685f5f 0c";
    assert_type_bytes(type_special(SPECIAL_IDENTITY),
                      "02 01000000 00 0c000000 5f5f6964656e746974795f5f 11");
    assert_type_bytes(type_special(SPECIAL_CONNECTION_ID),
                      "02 01000000 00 11000000 5f5f636f6e6e656374696f6e5f69645f5f 0f");
    assert_type_bytes(type_special(SPECIAL_TIMESTAMP), timestamp);
    assert_type_bytes(type_special(SPECIAL_TIME_DURATION), duration);
    assert_type_bytes(type_special(SPECIAL_UUID), "02 01000000 00 08000000 5f5f757569645f5f 0f");
    char schedule_at[512];
    snprintf(schedule_at, sizeof schedule_at,
             "01 02000000 00 08000000 496e74657276616c %s 00 04000000 54696d65 %s", duration,
             timestamp);
    assert_type_bytes(type_special(SPECIAL_SCHEDULE_AT), schedule_at);
    assert_int_equal(hex(schedule_at).count, 110);
}

static const char *const MALFORMED[] = {
    "",    // nothing
    "14",  // a tag past the last
    "ff",
    "00 0300",                        // a Ref cut short
    "03",                             // an array of nothing
    "02 01000000",                    // a field that is not there
    "02 01000000 02 07",              // an Option tag past the last
    "02 01000000 00 01000000",        // a name cut short
    "02 01000000 00 01000000 ff 07",  // a name that is no UTF-8
    "02 ffffffff",                    // a count that the input cannot hold
    "01 02000000 01 07",
};

static void test_malformed(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(MALFORMED); i++) {
        Reader reader = reader_of(hex(MALFORMED[i]));
        assert_null(type_read(&reader, &test_arena));
        assert_true(reader.failed);
    }
}

// `depth` arrays around a U8.
static Bytes nested_arrays(uint32_t depth) {
    uint8_t *bytes = arena_alloc(&test_arena, (size_t)depth + 1);
    memset(bytes, TYPE_ARRAY, depth);
    bytes[depth] = TYPE_U8;
    return (Bytes){bytes, depth + 1};
}

static void test_depth_limit(void **state) {
    (void)state;
    Reader reader = reader_of(nested_arrays(SATS_DEPTH_MAX - 1));
    assert_non_null(type_read(&reader, &test_arena));
    reader = reader_of(nested_arrays(SATS_DEPTH_MAX));
    assert_null(type_read(&reader, &test_arena));
    reader = reader_of(nested_arrays(10000));
    assert_null(type_read(&reader, &test_arena));
}

// One product of `count` unnamed U8: count + 1 nodes.
static Bytes wide_product(uint32_t count) {
    uint8_t *bytes = arena_alloc(&test_arena, 5 + (size_t)count * 2);
    bytes[0] = TYPE_PRODUCT;
    store_u32le(bytes + 1, count);
    for (uint32_t i = 0; i < count; i++) {
        bytes[5 + i * 2] = 1;
        bytes[6 + i * 2] = TYPE_U8;
    }
    return (Bytes){bytes, 5 + count * 2};
}

static void test_node_limit(void **state) {
    (void)state;
    Reader reader = reader_of(wide_product(SATS_TYPE_NODES_MAX - 1));
    assert_non_null(type_read(&reader, &test_arena));
    reader = reader_of(wide_product(SATS_TYPE_NODES_MAX));
    assert_null(type_read(&reader, &test_arena));
}

// A small arena is not driven to its maximum, where it would end the process.
static void test_arena_limit(void **state) {
    (void)state;
    Arena small;
    arena_init(&small, 64u << 10);
    Reader reader = reader_of(wide_product(100));
    assert_non_null(type_read(&reader, &small));
    reader = reader_of(wide_product(100000));
    assert_null(type_read(&reader, &small));
    arena_done(&small);
}

static void test_typespace(void **state) {
    (void)state;
    Bytes bytes = hex("02000000 0b 02 01000000 00 01000000 61 00 00000000");
    Reader reader = reader_of(bytes);
    Typespace typespace;
    assert_true(typespace_read(&reader, &test_arena, &typespace));
    assert_true(reader_finish(&reader));
    assert_int_equal(typespace.count, 2);
    assert_int_equal(typespace.types[1]->fields[0].type->ref, 0);
    Buffer buffer;
    buffer_init(&buffer, 1024);
    typespace_write(&buffer, &typespace);
    assert_string_equal(to_hex(buffer_bytes(&buffer)), to_hex(bytes));
    buffer_done(&buffer);

    reader = reader_of(hex("00000000"));
    assert_true(typespace_read(&reader, &test_arena, &typespace));
    assert_int_equal(typespace.count, 0);
    reader = reader_of(hex("02000000 0b"));
    assert_false(typespace_read(&reader, &test_arena, &typespace));
    reader = reader_of(hex("ffffffff 0b"));
    assert_false(typespace_read(&reader, &test_arena, &typespace));
}

// ---- text ----

static const char *type_json(const Type *type) {
    Buffer buffer;
    buffer_init(&buffer, 1u << 16);
    type_write_json(&buffer, type);
    return take_text(&buffer);
}

static const char *type_text(const Type *type) {
    Buffer buffer;
    buffer_init(&buffer, 1u << 16);
    type_write_text(&buffer, type);
    return take_text(&buffer);
}

static void test_json(void **state) {
    (void)state;
    assert_string_equal(type_json(t(TYPE_U32)), "{\"U32\":[]}");
    assert_string_equal(type_json(ref_to(3)), "{\"Ref\":3}");
    assert_string_equal(type_json(array_of(t(TYPE_U8))), "{\"Array\":{\"U8\":[]}}");
    assert_string_equal(type_json(PRODUCT(field("id", t(TYPE_U64)))),
                        "{\"Product\":{\"elements\":[{\"name\":{\"some\":\"id\"},\"algebraic_"
                        "type\":{\"U64\":[]}}]}}");
    assert_string_equal(
        type_json(option_of(t(TYPE_STRING))),
        "{\"Sum\":{\"variants\":[{\"name\":{\"some\":\"some\"},\"algebraic_type\":{\"String\":[]}},"
        "{\"name\":{\"some\":\"none\"},\"algebraic_type\":{\"Product\":{\"elements\":[]}}}]}}");
    assert_string_equal(
        type_json(PRODUCT(field(NULL, t(TYPE_F32)), field("q\"", t(TYPE_BOOL)))),
        "{\"Product\":{\"elements\":[{\"name\":{\"none\":[]},\"algebraic_type\":{\"F32\":[]}},"
        "{\"name\":{\"some\":\"q\\\"\"},\"algebraic_type\":{\"Bool\":[]}}]}}");
}

static void test_text(void **state) {
    (void)state;
    assert_string_equal(type_text(PRODUCT(field("id", t(TYPE_U64)), field("name", t(TYPE_STRING)))),
                        "(id: U64, name: String)");
    assert_string_equal(type_text(PRODUCT(field("a", t(TYPE_I8)), field(NULL, t(TYPE_U256)))),
                        "(a: I8, 1: U256)");
    assert_string_equal(type_text(option_of(t(TYPE_I32))), "(some: I32 | none: ())");
    assert_string_equal(type_text(type_unit()), "()");
    assert_string_equal(type_text(never()), "(|)");
    assert_string_equal(type_text(array_of(ref_to(3))), "Array<&3>");
}

// ---- special types ----

static void test_special(void **state) {
    (void)state;
    for (TypeSpecial special = SPECIAL_IDENTITY; special <= SPECIAL_UUID; special++) {
        const Type *shared = type_special(special);
        const Type *built = type_product(&test_arena, shared->fields, 1);
        assert_int_equal(built->special, special);
        assert_int_equal(shared->special, special);
        assert_int_equal(shared->fixed_bytes, built->fixed_bytes);
        assert_int_equal(shared->is_plain, built->is_plain);
    }
    const Type *schedule = type_special(SPECIAL_SCHEDULE_AT);
    const Type *built = type_sum(&test_arena, schedule->fields, 2);
    assert_int_equal(built->special, SPECIAL_SCHEDULE_AT);
    assert_int_equal(built->fixed_bytes, schedule->fixed_bytes);
    assert_int_equal(option_of(t(TYPE_U8))->special, SPECIAL_OPTION);
    assert_int_equal(result_of(t(TYPE_U8), t(TYPE_U8))->special, SPECIAL_RESULT);
    assert_int_equal(PRODUCT(field("__query__", ref_to(1)))->special, SPECIAL_QUERY);
}

static void test_not_special(void **state) {
    (void)state;
    const Type *const not_special[] = {
        PRODUCT(field("__identity__", ref_to(5))),  // never through a Ref
        PRODUCT(field("__identity__", t(TYPE_U128))),
        PRODUCT(field("__Identity__", t(TYPE_U256))),
        PRODUCT(field("__identity__", t(TYPE_U256)), field("x", t(TYPE_U8))),
        PRODUCT(field(NULL, t(TYPE_U256))),
        PRODUCT(field("__query__", t(TYPE_U8))),
        SUM(field("none", type_unit()), field("some", t(TYPE_U8))),
        SUM(field("some", t(TYPE_U8)), field("none", t(TYPE_U8))),
        SUM(field("some", t(TYPE_U8)), field("none", type_unit()), field("x", t(TYPE_U8))),
        SUM(field("err", t(TYPE_U8)), field("ok", t(TYPE_U8))),
        SUM(field("interval", type_special(SPECIAL_TIME_DURATION)),
            field("time", type_special(SPECIAL_TIMESTAMP))),
        SUM(field("Interval", t(TYPE_I64)), field("Time", type_special(SPECIAL_TIMESTAMP))),
        SUM(field("Interval", type_special(SPECIAL_TIME_DURATION)), field("Time", ref_to(0))),
        type_unit(),
        never(),
    };
    for (size_t i = 0; i < COUNT_OF(not_special); i++) {
        assert_int_equal(not_special[i]->special, SPECIAL_NONE);
    }
}

// ---- derived fields ----

static void test_fixed_bytes(void **state) {
    (void)state;
    static const uint32_t BYTES[TYPE_KIND_COUNT] = {
        [TYPE_STRING] = TYPE_BYTES_VARIABLE,
        [TYPE_BOOL] = 1,
        [TYPE_I8] = 1,
        [TYPE_U8] = 1,
        [TYPE_I16] = 2,
        [TYPE_U16] = 2,
        [TYPE_I32] = 4,
        [TYPE_U32] = 4,
        [TYPE_I64] = 8,
        [TYPE_U64] = 8,
        [TYPE_I128] = 16,
        [TYPE_U128] = 16,
        [TYPE_I256] = 32,
        [TYPE_U256] = 32,
        [TYPE_F32] = 4,
        [TYPE_F64] = 8,
    };
    for (int kind = TYPE_STRING; kind < TYPE_KIND_COUNT; kind++) {
        assert_int_equal(t((TypeKind)kind)->fixed_bytes, BYTES[kind]);
        assert_int_equal(t((TypeKind)kind)->is_plain, kind != TYPE_STRING && kind != TYPE_BOOL);
        assert_int_equal(t((TypeKind)kind)->kind, kind);
    }
    assert_int_equal(type_unit()->fixed_bytes, 0);
    assert_true(type_unit()->is_plain);
    const Type *plain = PRODUCT(field("a", t(TYPE_U8)),
                                field("b", PRODUCT(field("c", t(TYPE_F64)))));
    assert_int_equal(plain->fixed_bytes, 9);
    assert_true(plain->is_plain);
    const Type *with_bool = PRODUCT(field("a", t(TYPE_U8)), field("b", t(TYPE_BOOL)));
    assert_int_equal(with_bool->fixed_bytes, 2);
    assert_false(with_bool->is_plain);
    assert_int_equal(PRODUCT(field("a", t(TYPE_STRING)))->fixed_bytes, TYPE_BYTES_VARIABLE);
    assert_int_equal(PRODUCT(field("a", ref_to(0)))->fixed_bytes, TYPE_BYTES_VARIABLE);
    assert_int_equal(array_of(t(TYPE_U8))->fixed_bytes, TYPE_BYTES_VARIABLE);
    assert_int_equal(SUM(field("a", type_unit()), field("b", type_unit()))->fixed_bytes, 1);
    assert_int_equal(SUM(field("a", t(TYPE_I32)), field("b", t(TYPE_F32)))->fixed_bytes, 5);
    assert_int_equal(option_of(t(TYPE_I32))->fixed_bytes, TYPE_BYTES_VARIABLE);
    assert_int_equal(type_special(SPECIAL_SCHEDULE_AT)->fixed_bytes, 9);
    assert_false(type_special(SPECIAL_SCHEDULE_AT)->is_plain);
}

// Products of products double: past 32 bits the size is no number any more.
static void test_fixed_bytes_overflow(void **state) {
    (void)state;
    const Type *type = t(TYPE_U256);
    for (int i = 0; i < 40; i++) type = PRODUCT(field("a", type), field("b", type));
    assert_int_equal(type->fixed_bytes, TYPE_BYTES_VARIABLE);
    assert_false(type->is_plain);
}

static void test_predicates(void **state) {
    (void)state;
    assert_true(type_is_simple_enum(SUM(field("a", type_unit()), field("b", type_unit()))));
    assert_false(type_is_simple_enum(never()));
    assert_false(type_is_simple_enum(option_of(t(TYPE_U8))));
    assert_false(type_is_simple_enum(type_unit()));
    assert_true(type_is_bytes(array_of(t(TYPE_U8))));
    assert_false(type_is_bytes(array_of(t(TYPE_I8))));
    assert_true(type_is_integer(t(TYPE_I8)));
    assert_true(type_is_integer(t(TYPE_U256)));
    assert_false(type_is_integer(t(TYPE_F32)));
    assert_false(type_is_integer(t(TYPE_BOOL)));
    assert_true(type_is_unit(type_unit()));
    assert_false(type_is_unit(never()));
}

static void test_equal(void **state) {
    (void)state;
    const Type *a = PRODUCT(field("x", t(TYPE_U8)), field(NULL, array_of(ref_to(1))));
    assert_true(type_equal(a, PRODUCT(field("x", t(TYPE_U8)), field(NULL, array_of(ref_to(1))))));
    assert_false(type_equal(a, PRODUCT(field("x", t(TYPE_U8)), field("", array_of(ref_to(1))))));
    assert_false(type_equal(a, PRODUCT(field("y", t(TYPE_U8)), field(NULL, array_of(ref_to(1))))));
    assert_false(type_equal(a, PRODUCT(field("x", t(TYPE_U8)), field(NULL, array_of(ref_to(2))))));
    assert_false(type_equal(a, PRODUCT(field("x", t(TYPE_U8)))));
    assert_false(type_equal(type_unit(), never()));
}

// ---- references ----

static void test_deref(void **state) {
    (void)state;
    Typespace typespace = TYPESPACE(ref_to(1), t(TYPE_U8), ref_to(3), ref_to(2), ref_to(9));
    assert_ptr_equal(type_deref(&typespace, ref_to(0)), t(TYPE_U8));
    assert_ptr_equal(type_deref(&typespace, t(TYPE_F32)), t(TYPE_F32));
    assert_null(type_deref(&typespace, ref_to(2)));  // in circles
    assert_null(type_deref(&typespace, ref_to(4)));  // out of bounds
    assert_null(type_deref(TYPESPACE_NONE, ref_to(0)));
}

static const char *resolve_text(const Typespace *typespace, const Type *type, Status wanted) {
    const Type *resolved = NULL;
    Error error = {.text = ""};
    Status status = type_resolve(typespace, type, &test_arena, &resolved, &error);
    assert_int_equal(status, wanted);
    if (status == STATUS_OK) return type_text(resolved);
    assert_null(resolved);
    return arena_copy_text(&test_arena, bytes_of_text(error.text));
}

static void test_resolve(void **state) {
    (void)state;
    Typespace typespace = TYPESPACE(
        t(TYPE_U256), PRODUCT(field("__identity__", ref_to(0))),
        PRODUCT(field("a", ref_to(1)), field("b", array_of(ref_to(1)))));
    assert_string_equal(resolve_text(&typespace, ref_to(2), STATUS_OK),
                        "(a: (__identity__: U256), b: Array<(__identity__: U256)>)");
    const Type *resolved = NULL;
    assert_int_equal(type_resolve(&typespace, ref_to(1), &test_arena, &resolved, NULL), STATUS_OK);
    assert_int_equal(resolved->special, SPECIAL_IDENTITY);
    assert_int_equal(resolved->fixed_bytes, 32);
    const Type *without = PRODUCT(field("a", t(TYPE_U8)));
    assert_int_equal(type_resolve(&typespace, without, &test_arena, &resolved, NULL), STATUS_OK);
    assert_ptr_equal(resolved, without);
}

static void test_resolve_errors(void **state) {
    (void)state;
    Typespace typespace = TYPESPACE(option_of(ref_to(0)), array_of(ref_to(2)),
                                    PRODUCT(field("x", ref_to(1))));
    assert_string_equal(resolve_text(&typespace, ref_to(0), STATUS_INVALID),
                        "Found recursive type reference &0");
    assert_string_equal(resolve_text(&typespace, ref_to(1), STATUS_INVALID),
                        "Found recursive type reference &1");
    assert_string_equal(resolve_text(&typespace, array_of(ref_to(3)), STATUS_INVALID),
                        "Type reference &3 out of bounds");
    assert_string_equal(resolve_text(TYPESPACE_NONE, ref_to(0), STATUS_INVALID),
                        "Type reference &0 out of bounds");
}

// n types, each a pair of the one before: 2^n copies.
static void test_resolve_limit(void **state) {
    (void)state;
    const Type *types[30];
    types[0] = t(TYPE_U8);
    for (uint32_t i = 1; i < COUNT_OF(types); i++) {
        types[i] = PRODUCT(field("a", ref_to(i - 1)), field("b", ref_to(i - 1)));
    }
    Typespace typespace = {types, COUNT_OF(types)};
    const Type *resolved = NULL;
    assert_int_equal(type_resolve(&typespace, ref_to(10), &test_arena, &resolved, NULL), STATUS_OK);
    assert_int_equal(resolved->fixed_bytes, 1024);
    assert_int_equal(type_resolve(&typespace, ref_to(29), &test_arena, &resolved, NULL),
                     STATUS_LIMIT);
}

// A chain of Refs as deep as a type may be, and one deeper.
static void test_resolve_depth(void **state) {
    (void)state;
    const Type *types[SATS_DEPTH_MAX];
    types[0] = t(TYPE_U8);
    for (uint32_t i = 1; i < COUNT_OF(types); i++) types[i] = ref_to(i - 1);
    Typespace typespace = {types, COUNT_OF(types)};
    const Type *resolved = NULL;
    assert_int_equal(
        type_resolve(&typespace, ref_to(SATS_DEPTH_MAX - 2), &test_arena, &resolved, NULL),
        STATUS_OK);
    assert_int_equal(
        type_resolve(&typespace, ref_to(SATS_DEPTH_MAX - 1), &test_arena, &resolved, NULL),
        STATUS_LIMIT);
}

// ---- layout ----

static void assert_layout(const Type *type, uint32_t size, uint32_t align) {
    uint32_t got_size = 0;
    uint32_t got_align = 0;
    type_layout(type, &got_size, &got_align);
    assert_int_equal(got_size, size);
    assert_int_equal(got_align, align);
}

static void test_layout(void **state) {
    (void)state;
    assert_layout(t(TYPE_BOOL), 1, 1);
    assert_layout(t(TYPE_I16), 2, 2);
    assert_layout(t(TYPE_U64), 8, 8);
    assert_layout(t(TYPE_I128), 16, 16);
    assert_layout(t(TYPE_U256), 32, 32);
    assert_layout(t(TYPE_F32), 4, 4);
    assert_layout(t(TYPE_STRING), 4, 2);
    assert_layout(array_of(t(TYPE_U256)), 4, 2);
    assert_layout(type_unit(), 0, 1);
    assert_layout(PRODUCT(field("a", t(TYPE_U8)), field("b", t(TYPE_U32)), field("c", t(TYPE_U8))),
                  12, 4);
    assert_layout(PRODUCT(field("a", t(TYPE_U8)), field("b", t(TYPE_STRING))), 6, 2);
    assert_layout(never(), 1, 1);
    assert_layout(SUM(field("a", type_unit()), field("b", type_unit())), 1, 1);
    assert_layout(option_of(t(TYPE_U8)), 2, 1);
    assert_layout(option_of(t(TYPE_U64)), 16, 8);
    assert_layout(SUM(field("a", t(TYPE_U16)),
                      field("b", PRODUCT(field("x", t(TYPE_U8)), field("y", t(TYPE_U8)),
                                         field("z", t(TYPE_U8))))),
                  6, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tags),           cmocka_unit_test(test_examples),
        cmocka_unit_test(test_special_bytes),  cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_depth_limit),    cmocka_unit_test(test_node_limit),
        cmocka_unit_test(test_arena_limit),    cmocka_unit_test(test_typespace),
        cmocka_unit_test(test_json),           cmocka_unit_test(test_text),
        cmocka_unit_test(test_special),        cmocka_unit_test(test_not_special),
        cmocka_unit_test(test_fixed_bytes),    cmocka_unit_test(test_fixed_bytes_overflow),
        cmocka_unit_test(test_predicates),     cmocka_unit_test(test_equal),
        cmocka_unit_test(test_deref),          cmocka_unit_test(test_resolve),
        cmocka_unit_test(test_resolve_errors), cmocka_unit_test(test_resolve_limit),
        cmocka_unit_test(test_resolve_depth),  cmocka_unit_test(test_layout),
    };
    return cmocka_run_group_tests(tests, test_setup, test_teardown);
}

// helpers.h - what the tests of sats/ share: bytes from hex, types in a line, answers as texts.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "sats/sats.h"

#define TEST_ARENA_BYTES_MAX (256u << 20)
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

// One per test program: types and hex live in it until the program ends.
static Arena test_arena;

static inline int test_setup(void **state) {
    (void)state;
    arena_init(&test_arena, TEST_ARENA_BYTES_MAX);
    return 0;
}

static inline int test_teardown(void **state) {
    (void)state;
    arena_done(&test_arena);
    return 0;
}

// Bytes from hex digits; everything else in the text is for the eye.
static inline Bytes hex(const char *text) {
    size_t count = strlen(text);
    uint8_t *bytes = arena_alloc(&test_arena, count / 2 + 1);
    uint32_t digit_count = 0;
    for (size_t i = 0; i < count; i++) {
        const char *digits = "0123456789abcdef";
        const char *digit = strchr(digits, text[i]);
        if (digit == NULL) continue;
        uint8_t value = (uint8_t)(digit - digits);
        uint8_t *byte = &bytes[digit_count / 2];
        *byte = (uint8_t)(digit_count % 2 == 0 ? value << 4 : *byte | value);
        digit_count++;
    }
    assert_int_equal(digit_count % 2, 0);
    return (Bytes){bytes, digit_count / 2};
}

static inline const char *to_hex(Bytes bytes) {
    Buffer buffer;
    buffer_init(&buffer, SIZE_MAX / 4);
    buffer_append_hex(&buffer, bytes);
    const char *text = arena_copy_text(&test_arena, buffer_bytes(&buffer));
    buffer_done(&buffer);
    return text;
}

// The buffer's content as a text; empties it.
static inline const char *take_text(Buffer *buffer) {
    assert_false(buffer->failed);
    const char *text = arena_copy_text(&test_arena, buffer_bytes(buffer));
    buffer_done(buffer);
    return text;
}

static inline void assert_bytes_equal(Bytes bytes, const char *wanted_hex) {
    assert_string_equal(to_hex(bytes), to_hex(hex(wanted_hex)));
}

// ---- types in a line ----

static inline const Type *t(TypeKind kind) {
    return type_primitive(kind);
}

static inline const Type *array_of(const Type *element) {
    return type_array(&test_arena, element);
}

static inline const Type *option_of(const Type *some) {
    return type_option(&test_arena, some);
}

static inline const Type *ref_to(uint32_t ref) {
    return type_ref(&test_arena, ref);
}

static inline TypeField field(const char *name, const Type *type) {
    return (TypeField){name ? bytes_of_text(name) : BYTES_NONE, type};
}

#define PRODUCT(...)                                      \
    type_product(&test_arena, (TypeField[]){__VA_ARGS__}, \
                 (uint32_t)(sizeof((TypeField[]){__VA_ARGS__}) / sizeof(TypeField)))
#define SUM(...)                                      \
    type_sum(&test_arena, (TypeField[]){__VA_ARGS__}, \
             (uint32_t)(sizeof((TypeField[]){__VA_ARGS__}) / sizeof(TypeField)))
#define TYPESPACE(...)                                                         \
    (Typespace) {                                                              \
        (const Type *[]){__VA_ARGS__},                                         \
            (uint32_t)(sizeof((const Type *[]){__VA_ARGS__}) / sizeof(Type *)) \
    }

static inline const Type *never(void) {
    return type_sum(&test_arena, NULL, 0);
}

static inline const Type *result_of(const Type *ok, const Type *err) {
    return SUM(field("ok", ok), field("err", err));
}

// ---- values ----

// "" when the value is fine and all bytes were read, else the text.
static inline const char *check_text(const Typespace *typespace, const Type *type, Bytes bytes) {
    Reader reader = reader_of(bytes);
    Error error = {.text = ""};
    Status status = bsatn_check(typespace, type, &reader, &error);
    assert_true(reader.failed == (status != STATUS_OK));
    if (status != STATUS_OK) return arena_copy_text(&test_arena, bytes_of_text(error.text));
    return reader.at == reader.end ? "" : "bytes left";
}

static inline const char *json_text(const Typespace *typespace, const Type *type, const char *bsatn,
                                    JsonShape shape) {
    Buffer buffer;
    buffer_init(&buffer, 1u << 20);
    Bytes bytes = hex(bsatn);
    assert_string_equal(check_text(typespace, type, bytes), "");
    const uint8_t *end = json_write_value(&buffer, typespace, type, bytes.data, shape);
    assert_ptr_equal(end, bytes.data + bytes.count);
    return take_text(&buffer);
}

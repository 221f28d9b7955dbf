// json_text.c - a cursor that moves past values and fails for good at the first wrong byte.
#include "cli/json_text.h"

#include "base/limits.h"

#include <jansson.h>

typedef struct Cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
} Cursor;

static void skip_value(Cursor *cursor, uint32_t depth);
static void skip_items(Cursor *cursor, uint32_t depth);
static void skip_string(Cursor *cursor);
static void skip_number(Cursor *cursor);
static void skip_digits(Cursor *cursor);
static void skip_word(Cursor *cursor, const char *word);
static void skip_blanks(Cursor *cursor);
static int peek(const Cursor *cursor);
static void expect(Cursor *cursor, int byte);
static void write_level(Buffer *buffer, Bytes value, uint32_t level);
static void write_indent(Buffer *buffer, uint32_t level);

bool json_text_read(Bytes text, Bytes *ret_value) {
    if (text.count == 0 || !utf8_is_valid(text)) return false;
    Cursor cursor = {text.data, text.data + text.count, false};
    skip_blanks(&cursor);
    const uint8_t *start = cursor.at;
    skip_value(&cursor, 0);
    const uint8_t *end = cursor.at;
    skip_blanks(&cursor);
    if (cursor.failed || cursor.at != cursor.end) return false;
    *ret_value = bytes_of(start, (size_t)(end - start));
    return true;
}

static void skip_value(Cursor *cursor, uint32_t depth) {
    switch (peek(cursor)) {
    case '{':
    case '[': skip_items(cursor, depth + 1); break;
    case '"': skip_string(cursor); break;
    case 't': skip_word(cursor, "true"); break;
    case 'f': skip_word(cursor, "false"); break;
    case 'n': skip_word(cursor, "null"); break;
    default: skip_number(cursor); break;
    }
}

// An array or object with its brackets.
static void skip_items(Cursor *cursor, uint32_t depth) {
    if (depth > CLI_JSON_DEPTH_MAX) cursor->failed = true;
    bool is_object = peek(cursor) == '{';
    int close = is_object ? '}' : ']';
    cursor->at++;
    skip_blanks(cursor);
    if (peek(cursor) == close) {
        cursor->at++;
        return;
    }
    while (!cursor->failed) {
        if (is_object) {
            if (peek(cursor) != '"') cursor->failed = true;
            skip_string(cursor);
            skip_blanks(cursor);
            expect(cursor, ':');
            skip_blanks(cursor);
        }
        skip_value(cursor, depth);
        skip_blanks(cursor);
        if (peek(cursor) == close) break;
        expect(cursor, ',');
        skip_blanks(cursor);
    }
    expect(cursor, close);
}

static void skip_string(Cursor *cursor) {
    expect(cursor, '"');
    while (!cursor->failed && peek(cursor) != '"') {
        int byte = peek(cursor);
        if (byte < 0x20) {
            cursor->failed = true;
            return;
        }
        cursor->at++;
        if (byte != '\\') continue;
        int kind = peek(cursor);
        if (kind < 0 || strchr("\"\\/bfnrtu", kind) == NULL) {
            cursor->failed = true;
            return;
        }
        cursor->at++;
        uint8_t code[2];
        if (kind != 'u') continue;
        if (cursor->end - cursor->at < 4 || !hex_decode(bytes_of(cursor->at, 4), code, 2)) {
            cursor->failed = true;
            return;
        }
        cursor->at += 4;
    }
    expect(cursor, '"');
}

static void skip_number(Cursor *cursor) {
    if (peek(cursor) == '-') cursor->at++;
    bool has_leading_zero = peek(cursor) == '0';
    const uint8_t *start = cursor->at;
    skip_digits(cursor);
    if (has_leading_zero && cursor->at - start > 1) cursor->failed = true;
    if (peek(cursor) == '.') {
        cursor->at++;
        skip_digits(cursor);
    }
    if (peek(cursor) == 'e' || peek(cursor) == 'E') {
        cursor->at++;
        if (peek(cursor) == '+' || peek(cursor) == '-') cursor->at++;
        skip_digits(cursor);
    }
}

static void skip_digits(Cursor *cursor) {
    if (peek(cursor) < '0' || peek(cursor) > '9') cursor->failed = true;
    while (peek(cursor) >= '0' && peek(cursor) <= '9') cursor->at++;
}

static void skip_word(Cursor *cursor, const char *word) {
    while (*word != 0) expect(cursor, *word++);
}

static void skip_blanks(Cursor *cursor) {
    while (peek(cursor) == ' ' || peek(cursor) == '\t' || peek(cursor) == '\n' ||
           peek(cursor) == '\r') {
        cursor->at++;
    }
}

// -1 at the end and after a failure.
static int peek(const Cursor *cursor) {
    return cursor->failed || cursor->at == cursor->end ? -1 : *cursor->at;
}

static void expect(Cursor *cursor, int byte) {
    if (peek(cursor) != byte) {
        cursor->failed = true;
    } else {
        cursor->at++;
    }
}

// ---- checked values ----

JsonTextKind json_text_kind(Bytes value) {
    ASSERT(value.count > 0);
    switch (value.data[0]) {
    case 'n': return JSON_TEXT_NULL;
    case 't':
    case 'f': return JSON_TEXT_BOOL;
    case '"': return JSON_TEXT_STRING;
    case '[': return JSON_TEXT_ARRAY;
    case '{': return JSON_TEXT_OBJECT;
    default: return JSON_TEXT_NUMBER;
    }
}

JsonWalk json_text_walk(Bytes value) {
    if (value.count < 2 || (value.data[0] != '[' && value.data[0] != '{')) {
        return (JsonWalk){NULL, NULL, false};
    }
    return (JsonWalk){value.data + 1, value.data + value.count - 1, value.data[0] == '{'};
}

bool json_text_next(JsonWalk *walk, Bytes *ret_key, Bytes *ret_value) {
    Cursor cursor = {walk->at, walk->end, false};
    skip_blanks(&cursor);
    if (peek(&cursor) == ',') cursor.at++;
    skip_blanks(&cursor);
    if (cursor.at == cursor.end) return false;
    *ret_key = BYTES_NONE;
    if (walk->has_keys) {
        const uint8_t *key = cursor.at;
        skip_string(&cursor);
        *ret_key = bytes_of(key + 1, (size_t)(cursor.at - key) - 2);
        skip_blanks(&cursor);
        expect(&cursor, ':');
        skip_blanks(&cursor);
    }
    const uint8_t *start = cursor.at;
    skip_value(&cursor, 0);
    ASSERT(!cursor.failed);  // json_text_read saw all of it
    *ret_value = bytes_of(start, (size_t)(cursor.at - start));
    walk->at = cursor.at;
    return true;
}

Bytes json_text_member(Bytes object, const char *name) {
    JsonWalk walk = json_text_walk(object);
    Bytes key = BYTES_NONE;
    Bytes value = BYTES_NONE;
    while (walk.has_keys && json_text_next(&walk, &key, &value)) {
        if (bytes_equal_text(key, name)) return value;
    }
    return BYTES_NONE;
}

bool json_text_variant(Bytes object, Bytes *ret_name, Bytes *ret_value) {
    JsonWalk walk = json_text_walk(object);
    Bytes key = BYTES_NONE;
    Bytes value = BYTES_NONE;
    return walk.has_keys && json_text_next(&walk, ret_name, ret_value) &&
           !json_text_next(&walk, &key, &value);
}

bool json_text_string(Bytes value, Arena *arena, Bytes *ret_text) {
    if (value.count == 0 || json_text_kind(value) != JSON_TEXT_STRING) return false;
    json_t *decoded = json_loadb((const char *)value.data, value.count,
                                 JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (decoded == NULL) return false;  // half a surrogate pair
    *ret_text = arena_copy(arena,
                           bytes_of(json_string_value(decoded), json_string_length(decoded)));
    json_decref(decoded);
    return true;
}

bool json_text_u32(Bytes value, uint32_t *ret_number) {
    int64_t number = 0;
    if (!json_text_i64(value, &number) || number < 0 || number > UINT32_MAX) return false;
    *ret_number = (uint32_t)number;
    return true;
}

bool json_text_i64(Bytes value, int64_t *ret_number) {
    if (value.count == 0 || json_text_kind(value) != JSON_TEXT_NUMBER) return false;
    bool is_negative = value.data[0] == '-';
    int64_t number = 0;
    for (uint32_t i = is_negative; i < value.count; i++) {
        uint8_t digit = value.data[i];
        if (digit < '0' || digit > '9') return false;
        if (__builtin_mul_overflow(number, 10, &number)) return false;
        int64_t step = is_negative ? -(digit - '0') : digit - '0';
        if (__builtin_add_overflow(number, step, &number)) return false;
    }
    *ret_number = number;
    return true;
}

// ---- writing ----

void json_text_write_pretty(Buffer *buffer, Bytes value) {
    write_level(buffer, value, 0);
}

static void write_level(Buffer *buffer, Bytes value, uint32_t level) {
    JsonWalk walk = json_text_walk(value);
    Bytes key = BYTES_NONE;
    Bytes item = BYTES_NONE;
    if (walk.at == NULL || !json_text_next(&walk, &key, &item)) {
        if (walk.at == NULL) {
            buffer_append_bytes(buffer, value);
        } else {
            buffer_append_text(buffer, walk.has_keys ? "{}" : "[]");
        }
        return;
    }
    buffer_u8(buffer, walk.has_keys ? '{' : '[');
    bool is_first = true;
    do {
        if (!is_first) buffer_u8(buffer, ',');
        is_first = false;
        write_indent(buffer, level + 1);
        if (walk.has_keys) {
            buffer_u8(buffer, '"');
            buffer_append_bytes(buffer, key);
            buffer_append_text(buffer, "\": ");
        }
        write_level(buffer, item, level + 1);
    } while (json_text_next(&walk, &key, &item));
    write_indent(buffer, level);
    buffer_u8(buffer, walk.has_keys ? '}' : ']');
}

static void write_indent(Buffer *buffer, uint32_t level) {
    buffer_u8(buffer, '\n');
    for (uint32_t i = 0; i < level; i++) buffer_append_text(buffer, "  ");
}

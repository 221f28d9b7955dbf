// text.c - words, durations and as much JSON as comparing needs.
#include "harness/trial.h"

typedef struct Unit {
    const char *name;
    int64_t micros;
} Unit;
static const Unit UNITS[] = {{"us", 1},
                             {"ms", 1000},
                             {"s", 1000000},
                             {"", 1000000},
                             {"m", INT64_C(60000000)},
                             {"h", INT64_C(3600000000)},
                             {"d", INT64_C(86400000000)}};
#define DAY_MICROS INT64_C(86400000000)

static bool is_space(uint8_t character) {
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

Bytes text_trim(Bytes text) {
    while (text.count > 0 && is_space(text.data[0])) text = bytes_slice(text, 1, text.count - 1);
    while (text.count > 0 && is_space(text.data[text.count - 1])) text.count--;
    return text;
}

Bytes text_word(Bytes *text) {
    *text = text_trim(*text);
    uint32_t count = 0;
    while (count < text->count && !is_space(text->data[count])) count++;
    Bytes word = bytes_slice(*text, 0, count);
    *text = text_trim(bytes_slice(*text, count, text->count - count));
    return word;
}

bool text_starts(Bytes text, Bytes head) {
    return text.count >= head.count && bytes_equal(bytes_slice(text, 0, head.count), head);
}

bool text_contains(Bytes text, Bytes part) {
    if (part.count == 0) return true;
    for (uint32_t i = 0; text.count - i >= part.count && i < text.count; i++) {
        if (bytes_equal(bytes_slice(text, i, part.count), part)) return true;
    }
    return false;
}

bool text_duration(Bytes text, int64_t *ret_micros) {
    int64_t number = 0;
    uint32_t count = 0;
    for (; count < text.count && text.data[count] >= '0' && text.data[count] <= '9'; count++) {
        number = number * 10 + (text.data[count] - '0');
        if (number > HARNESS_ADVANCE_DAYS_MAX * DAY_MICROS) return false;
    }
    if (count == 0) return false;
    Bytes unit = bytes_slice(text, count, text.count - count);
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
        if (!bytes_equal_text(unit, UNITS[i].name)) continue;
        if (number > HARNESS_ADVANCE_DAYS_MAX * DAY_MICROS / UNITS[i].micros) return false;
        *ret_micros = number * UNITS[i].micros;
        return true;
    }
    return false;
}

// ---- JSON ----

// Behind the string that begins at `at`, or the end.
static uint32_t string_end(Bytes json, uint32_t at) {
    ASSERT(json.data[at] == '"');
    for (at++; at < json.count; at++) {
        if (json.data[at] == '\\') {
            at++;
        } else if (json.data[at] == '"') {
            return at + 1;
        }
    }
    return json.count;
}

static Bytes json_dense(Bytes json, Arena *arena) {
    uint8_t *dense = arena_alloc(arena, (size_t)json.count + 1);
    uint32_t count = 0;
    for (uint32_t at = 0; at < json.count;) {
        if (is_space(json.data[at])) {
            at++;
            continue;
        }
        uint32_t end = json.data[at] == '"' ? string_end(json, at) : at + 1;
        memcpy(dense + count, json.data + at, end - at);
        count += end - at;
        at = end;
    }
    return bytes_of(dense, count);
}

bool json_is_same(Bytes left, Bytes right, Arena *arena) {
    return bytes_equal(json_dense(left, arena), json_dense(right, arena));
}

// Behind the value that begins at `at`: to the bracket that closes it.
static uint32_t value_end(Bytes json, uint32_t at) {
    uint32_t depth = 0;
    while (at < json.count) {
        uint8_t next = json.data[at];
        at = next == '"' ? string_end(json, at) : at + 1;
        if (next == '[' || next == '{') depth++;
        if (next == ']' || next == '}') depth--;
        if (depth == 0) return at;
    }
    return json.count;
}

// [{"schema": ..., "rows": [...], ...}]: a key at depth two.
Bytes json_rows(Bytes answer) {
    static const Bytes KEY = {(const uint8_t *)"\"rows\":", 7};
    uint32_t depth = 0;
    for (uint32_t at = 0; at < answer.count;) {
        uint8_t next = answer.data[at];
        if (depth == 2 && text_starts(bytes_slice(answer, at, answer.count - at), KEY)) {
            at += KEY.count;
            return bytes_slice(answer, at, value_end(answer, at) - at);
        }
        at = next == '"' ? string_end(answer, at) : at + 1;
        if (next == '[' || next == '{') depth++;
        if (next == ']' || next == '}') depth--;
    }
    return BYTES_NONE;
}

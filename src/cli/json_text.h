// json_text.h - JSON as text: looking into it without losing a digit.
//
// A value is the Bytes of its text. Values of 128 bits and more, the order of members and the
// spelling of numbers survive, which they do not in a decoded tree.
//
// Threads    any.
// Lifetime   values borrow from the text.
// Limits     CLI_JSON_DEPTH_MAX.        Format  RFC 8259.
#pragma once

#include "base/arena.h"

typedef enum JsonTextKind {
    JSON_TEXT_NULL,
    JSON_TEXT_BOOL,
    JSON_TEXT_NUMBER,
    JSON_TEXT_STRING,
    JSON_TEXT_ARRAY,
    JSON_TEXT_OBJECT,
} JsonTextKind;

// Checks a whole text, once; all functions below take only what came from here.
bool json_text_read(Bytes text, Bytes *ret_value);
JsonTextKind json_text_kind(Bytes value);

// Walks the elements of an array or the members of an object; there are none in other values.
typedef struct JsonWalk {
    const uint8_t *at;
    const uint8_t *end;
    bool has_keys;
} JsonWalk;
JsonWalk json_text_walk(Bytes value);
// *ret_key is the key's text without its quotes, escapes left as they are; data == NULL in an array.
bool json_text_next(JsonWalk *walk, Bytes *ret_key, Bytes *ret_value);

// data == NULL: no such member, or no object.
Bytes json_text_member(Bytes object, const char *name);
// The one member of an object that has just one ("{\"U8\":[]}"); false otherwise.
bool json_text_variant(Bytes object, Bytes *ret_name, Bytes *ret_value);
// The text of a string; false if it is something else.
bool json_text_string(Bytes value, Arena *arena, Bytes *ret_text);
// A number without sign, point and exponent that fits; false otherwise.
bool json_text_u32(Bytes value, uint32_t *ret_number);
bool json_text_i64(Bytes value, int64_t *ret_number);

// With two spaces a level, as serde_json's pretty form.
void json_text_write_pretty(Buffer *buffer, Bytes value);

// json_scan.h - JSON text as tokens, with upstream's error texts; private to sats/.
//
// It moves and fails exactly as serde_json does, because the position of a failure is part of the
// text that clients see. Two kinds of position are told apart: "here" is behind the byte that was
// just taken, "ahead" is behind the byte that was looked at. A failure without a position gets one
// from the enclosing value.
//
// Threads    a scanner belongs to its function.
// Lifetime   strings borrow from the text.
// Limits     JSON_DEPTH_MAX; texts of ERROR_TEXT_MAX.
#pragma once

#include "base/bytes.h"
#include "base/limits.h"
#include "base/status.h"

#define JSON_END (-1)

// Where in the value the scanner is, innermost first. Nodes live on the stack of the reading
// functions.
typedef enum JsonStepKind {
    JSON_STEP_INDEX,
    JSON_STEP_KEY,
    JSON_STEP_UNKNOWN,  // a key that could not be read
} JsonStepKind;

typedef struct JsonStep {
    const struct JsonStep *parent;  // NULL: the root
    JsonStepKind kind;
    uint32_t index;
    Bytes raw_key;  // between the quotes, escapes and all
} JsonStep;

typedef struct JsonString {
    Bytes raw;         // between the quotes
    uint32_t count;    // bytes when decoded
    bool has_escapes;  // otherwise `raw` is the text
} JsonString;

typedef enum JsonNumberKind {
    JSON_NUMBER_U64,
    JSON_NUMBER_I64,  // negative
    JSON_NUMBER_F64,  // a point, an exponent, out of 64 bits, or -0
} JsonNumberKind;

typedef struct JsonNumber {
    JsonNumberKind kind;
    union {
        uint64_t u64;
        int64_t i64;
        double f64;
    };
} JsonNumber;

typedef struct JsonScanner {
    Bytes text;
    uint32_t at;
    uint32_t depth_left;
    const JsonStep *step;  // of the value being read
    Buffer *ret_path;      // gets the step of the first failure; may be NULL
    bool failed;
    bool has_position;
    char message[ERROR_TEXT_MAX];
} JsonScanner;

void json_scan_init(JsonScanner *scanner, Bytes text, Buffer *ret_path);

// ---- failures: the first one stays; all return false ----

bool json_fail_here(JsonScanner *scanner, const char *text);
bool json_fail_ahead(JsonScanner *scanner, const char *text);
bool json_fail(JsonScanner *scanner, const char *format, ...) __attribute__((format(printf, 2, 3)));
// "invalid type: ..., expected ..." of what comes next, which is read over unless it has parts.
bool json_fail_type(JsonScanner *scanner, const char *expected);
bool json_fail_number(JsonScanner *scanner, const char *problem, JsonNumber number,
                      const char *expected);
bool json_fail_string(JsonScanner *scanner, const char *problem, JsonString string,
                      const char *expected);
// Gives a failure without position the current one. Returns whether nothing failed.
bool json_settle(JsonScanner *scanner);

// ---- tokens ----

// The next byte that is not white space, not taken; JSON_END at the end.
int json_peek(JsonScanner *scanner);
// The same, where a value has to follow.
bool json_peek_value(JsonScanner *scanner, int *ret_byte);
// The rest of null, true or false, whose first letter was seen and is taken.
bool json_word(JsonScanner *scanner, const char *rest);
// A string whose quote was seen and is taken.
bool json_read_string(JsonScanner *scanner, JsonString *ret_string);
void json_string_decode(JsonString string, uint8_t *ret_bytes);
// A number whose sign or first digit was seen.
bool json_number(JsonScanner *scanner, JsonNumber *ret_number);
// Digits without point and exponent (of 128 bits): what follows them is not looked at.
bool json_digits(JsonScanner *scanner, Bytes *ret_digits);

// ---- arrays and objects ----

// Takes the bracket that was seen.
bool json_enter(JsonScanner *scanner);
// Whether another element or key follows, past the comma before it. false without `failed`: no.
bool json_next_element(JsonScanner *scanner, bool *first);
bool json_next_key(JsonScanner *scanner, bool *first, JsonString *ret_key);
bool json_colon(JsonScanner *scanner);
// Takes the closing bracket; after a failure it moves all the same.
void json_leave_array(JsonScanner *scanner);
void json_leave_object(JsonScanner *scanner);

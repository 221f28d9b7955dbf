// json_scan.c - see json_scan.h. Functions stand in the order a value meets them.
#include "sats/json_scan.h"

#include "sats/float_text.h"
#include "sats/sats.h"

#include <stdarg.h>
#include <stdio.h>

#define TEXT_EOF_VALUE "EOF while parsing a value"
#define TEXT_EOF_LIST "EOF while parsing a list"
#define TEXT_EOF_OBJECT "EOF while parsing an object"
#define TEXT_EOF_STRING "EOF while parsing a string"
#define TEXT_INVALID_ESCAPE "invalid escape"
#define TEXT_INVALID_NUMBER "invalid number"
#define TEXT_LONE_SURROGATE "lone leading surrogate in hex escape"
#define TEXT_TRAILING_COMMA "trailing comma"
#define TEXT_TRAILING_CHARACTERS "trailing characters"

// Quoted text in a message: the rest of the message has to fit behind it.
#define QUOTED_BYTES_MAX 600u
// A message without its position.
#define MESSAGE_BYTES_MAX (ERROR_TEXT_MAX - 64u)

static void fail_begin(JsonScanner *scanner);
static void set_position(JsonScanner *scanner, uint32_t at);
static void write_path(Buffer *buffer, const JsonStep *step);
static void write_step(Buffer *buffer, const JsonStep *step);
static int byte_at(const JsonScanner *scanner);
static bool is_digit(int byte);
static bool scan_escape(JsonScanner *scanner, JsonString *string);
static bool scan_unicode_escape(JsonScanner *scanner, JsonString *string);
static bool scan_hex4(JsonScanner *scanner, uint32_t *ret_code);
static uint32_t hex4_value(const uint8_t *at);
static uint32_t utf8_encode(uint32_t code, uint8_t *ret_bytes);
static bool scan_fraction(JsonScanner *scanner);
static bool scan_exponent(JsonScanner *scanner);
static void write_quoted(Buffer *buffer, JsonString string);
static void write_debug_char(Buffer *buffer, const uint8_t *at, uint32_t count);

void json_scan_init(JsonScanner *scanner, Bytes text, Buffer *ret_path) {
    *scanner = (JsonScanner){.text = text, .depth_left = JSON_DEPTH_MAX, .ret_path = ret_path};
}

// ---- failures ----

bool json_fail_here(JsonScanner *scanner, const char *text) {
    if (scanner->failed) return false;
    fail_begin(scanner);
    snprintf(scanner->message, sizeof scanner->message, "%s", text);
    set_position(scanner, scanner->at);
    return false;
}

bool json_fail_ahead(JsonScanner *scanner, const char *text) {
    if (scanner->failed) return false;
    fail_begin(scanner);
    snprintf(scanner->message, sizeof scanner->message, "%s", text);
    set_position(scanner,
                 scanner->at < scanner->text.count ? scanner->at + 1 : scanner->text.count);
    return false;
}

bool json_fail(JsonScanner *scanner, const char *format, ...) {
    if (scanner->failed) return false;
    fail_begin(scanner);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(scanner->message, sizeof scanner->message, format, arguments);
    va_end(arguments);
    Bytes message = bytes_of_text(scanner->message);
    scanner->message[utf8_cut(message, MESSAGE_BYTES_MAX)] = 0;
    return false;
}

bool json_fail_type(JsonScanner *scanner, const char *expected) {
    int byte = byte_at(scanner);
    const char *what = NULL;
    switch (byte) {
    case 'n': what = json_word(scanner, "ull") ? "null" : NULL; break;
    case 't': what = json_word(scanner, "rue") ? "boolean `true`" : NULL; break;
    case 'f': what = json_word(scanner, "alse") ? "boolean `false`" : NULL; break;
    case '[': what = "sequence"; break;
    case '{': what = "map"; break;
    default: break;
    }
    JsonString string;
    JsonNumber number;
    if (what) {
        json_fail(scanner, "invalid type: %s, expected %s", what, expected);
    } else if (scanner->failed) {
        return false;
    } else if (byte == '"') {
        if (json_read_string(scanner, &string)) json_fail_string(scanner, "type", string, expected);
    } else if (byte == '-' || is_digit(byte)) {
        if (json_number(scanner, &number)) json_fail_number(scanner, "type", number, expected);
    } else {
        json_fail_ahead(scanner, "expected value");
    }
    return json_settle(scanner);
}

bool json_fail_number(JsonScanner *scanner, const char *problem, JsonNumber number,
                      const char *expected) {
    Buffer text;
    buffer_init(&text, 64);
    const char *word = "integer";
    switch (number.kind) {
    case JSON_NUMBER_U64: integer_write_u64(&text, number.u64); break;
    case JSON_NUMBER_I64: integer_write_i64(&text, number.i64); break;
    case JSON_NUMBER_F64:
        word = "floating point";
        json_write_f64(&text, number.f64);
        break;
    }
    json_fail(scanner, "invalid %s: %s `%.*s`, expected %s", problem, word, (int)text.count,
              (const char *)text.data, expected);
    buffer_done(&text);
    return false;
}

bool json_fail_string(JsonScanner *scanner, const char *problem, JsonString string,
                      const char *expected) {
    Buffer text;
    buffer_init(&text, (size_t)string.count * 10 + QUOTED_BYTES_MAX);
    write_quoted(&text, string);
    json_fail(scanner, "invalid %s: string %.*s, expected %s", problem, (int)text.count,
              (const char *)text.data, expected);
    buffer_done(&text);
    return false;
}

bool json_settle(JsonScanner *scanner) {
    if (scanner->failed && !scanner->has_position) set_position(scanner, scanner->at);
    return !scanner->failed;
}

// ---- tokens ----

int json_peek(JsonScanner *scanner) {
    for (;;) {
        int byte = byte_at(scanner);
        if (byte != ' ' && byte != '\n' && byte != '\t' && byte != '\r') return byte;
        scanner->at++;
    }
}

bool json_peek_value(JsonScanner *scanner, int *ret_byte) {
    int byte = json_peek(scanner);
    if (byte == JSON_END) return json_fail_ahead(scanner, TEXT_EOF_VALUE);
    *ret_byte = byte;
    return true;
}

bool json_word(JsonScanner *scanner, const char *rest) {
    scanner->at++;
    for (; *rest; rest++) {
        int byte = byte_at(scanner);
        if (byte == JSON_END) return json_fail_here(scanner, TEXT_EOF_VALUE);
        scanner->at++;
        if (byte != *rest) return json_fail_here(scanner, "expected ident");
    }
    return true;
}

bool json_read_string(JsonScanner *scanner, JsonString *ret_string) {
    scanner->at++;
    const uint8_t *data = scanner->text.data;
    uint32_t start = scanner->at;
    JsonString string = {.count = 0};
    for (;;) {
        uint32_t run = scanner->at;
        while (scanner->at < scanner->text.count && data[scanner->at] >= 0x20 &&
               data[scanner->at] != '"' && data[scanner->at] != '\\') {
            scanner->at++;
        }
        string.count += scanner->at - run;
        if (scanner->at == scanner->text.count) return json_fail_here(scanner, TEXT_EOF_STRING);
        uint8_t byte = data[scanner->at++];
        if (byte == '"') break;
        if (byte != '\\') {
            return json_fail_here(
                scanner, "control character (\\u0000-\\u001F) found while parsing a string");
        }
        string.has_escapes = true;
        if (!scan_escape(scanner, &string)) return false;
    }
    string.raw = bytes_slice(scanner->text, start, scanner->at - 1 - start);
    *ret_string = string;
    return true;
}

void json_string_decode(JsonString string, uint8_t *ret_bytes) {
    const uint8_t *at = string.raw.data;
    const uint8_t *end = at + string.raw.count;
    uint8_t *to = ret_bytes;
    while (at < end) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        uint8_t letter = at[1];
        at += 2;
        switch (letter) {
        case 'b': *to++ = '\b'; break;
        case 'f': *to++ = '\f'; break;
        case 'n': *to++ = '\n'; break;
        case 'r': *to++ = '\r'; break;
        case 't': *to++ = '\t'; break;
        case 'u': {
            uint32_t code = hex4_value(at);
            at += 4;
            if (code >= 0xd800 && code < 0xdc00) {  // paired: the scan saw to it
                code = 0x10000 + ((code - 0xd800) << 10) + (hex4_value(at + 2) - 0xdc00);
                at += 6;
            }
            to += utf8_encode(code, to);
            break;
        }
        default: *to++ = letter; break;
        }
    }
    ASSERT((uint32_t)(to - ret_bytes) == string.count);
}

bool json_number(JsonScanner *scanner, JsonNumber *ret_number) {
    bool is_negative = byte_at(scanner) == '-';
    if (is_negative) scanner->at++;
    uint32_t start = scanner->at;
    int first = byte_at(scanner);
    if (first == JSON_END) return json_fail_here(scanner, TEXT_EOF_VALUE);
    scanner->at++;
    if (!is_digit(first)) return json_fail_here(scanner, TEXT_INVALID_NUMBER);
    if (first == '0' && is_digit(byte_at(scanner)))
        return json_fail_ahead(scanner, TEXT_INVALID_NUMBER);
    uint64_t value = (uint64_t)(first - '0');
    bool is_integer = true;
    for (; is_digit(byte_at(scanner)); scanner->at++) {
        uint64_t digit = (uint64_t)(byte_at(scanner) - '0');
        if (__builtin_mul_overflow(value, 10u, &value)) is_integer = false;
        if (__builtin_add_overflow(value, digit, &value)) is_integer = false;
    }
    if (byte_at(scanner) == '.') {
        is_integer = false;
        if (!scan_fraction(scanner)) return false;
    }
    if (byte_at(scanner) == 'e' || byte_at(scanner) == 'E') {
        is_integer = false;
        if (!scan_exponent(scanner)) return false;
    }
    bool fits_i64 = value <= (uint64_t)INT64_MAX + 1;
    if (is_integer && !is_negative) {
        *ret_number = (JsonNumber){JSON_NUMBER_U64, {.u64 = value}};
    } else if (is_integer && fits_i64 && value > 0) {
        *ret_number = (JsonNumber){JSON_NUMBER_I64, {.i64 = (int64_t)(0 - value)}};
    } else {
        double number = float_parse(bytes_slice(scanner->text, start, scanner->at - start));
        if (number - number != 0) return json_fail_here(scanner, "number out of range");
        *ret_number = (JsonNumber){JSON_NUMBER_F64, {.f64 = is_negative ? -number : number}};
    }
    return true;
}

bool json_digits(JsonScanner *scanner, Bytes *ret_digits) {
    uint32_t start = scanner->at;
    int first = byte_at(scanner);
    if (first != JSON_END) scanner->at++;
    if (!is_digit(first)) return json_fail_here(scanner, TEXT_INVALID_NUMBER);
    if (first == '0' && is_digit(byte_at(scanner)))
        return json_fail_ahead(scanner, TEXT_INVALID_NUMBER);
    while (is_digit(byte_at(scanner))) scanner->at++;
    *ret_digits = bytes_slice(scanner->text, start, scanner->at - start);
    return true;
}

// ---- arrays and objects ----

bool json_enter(JsonScanner *scanner) {
    scanner->depth_left--;
    if (scanner->depth_left == 0) return json_fail_ahead(scanner, "recursion limit exceeded");
    scanner->at++;
    return true;
}

bool json_next_element(JsonScanner *scanner, bool *first) {
    int byte = json_peek(scanner);
    if (byte == JSON_END) return json_fail_ahead(scanner, TEXT_EOF_LIST);
    if (byte == ']') return false;
    bool was_first = *first;
    *first = false;
    if (was_first) return true;
    if (byte != ',') return json_fail_ahead(scanner, "expected `,` or `]`");
    scanner->at++;
    byte = json_peek(scanner);
    if (byte == JSON_END) return json_fail_ahead(scanner, TEXT_EOF_VALUE);
    if (byte == ']') return json_fail_ahead(scanner, TEXT_TRAILING_COMMA);
    return true;
}

bool json_next_key(JsonScanner *scanner, bool *first, JsonString *ret_key) {
    JsonStep unknown = {.parent = scanner->step, .kind = JSON_STEP_UNKNOWN};
    scanner->step = &unknown;
    bool is_there = false;
    int byte = json_peek(scanner);
    bool was_first = *first;
    *first = false;
    if (byte == JSON_END) {
        json_fail_ahead(scanner, TEXT_EOF_OBJECT);
    } else if (byte != '}' && !was_first && byte != ',') {
        json_fail_ahead(scanner, "expected `,` or `}`");
    } else if (byte != '}') {
        if (!was_first) {
            scanner->at++;
            byte = json_peek(scanner);
        }
        if (byte == JSON_END) {
            json_fail_ahead(scanner, TEXT_EOF_VALUE);
        } else if (byte == '}') {
            json_fail_ahead(scanner, TEXT_TRAILING_COMMA);
        } else if (byte != '"') {
            json_fail_ahead(scanner, "key must be a string");
        } else {
            is_there = json_read_string(scanner, ret_key);
        }
    }
    scanner->step = unknown.parent;
    return is_there;
}

bool json_colon(JsonScanner *scanner) {
    int byte = json_peek(scanner);
    if (byte == JSON_END) return json_fail_ahead(scanner, TEXT_EOF_OBJECT);
    if (byte != ':') return json_fail_ahead(scanner, "expected `:`");
    scanner->at++;
    return true;
}

void json_leave_array(JsonScanner *scanner) {
    scanner->depth_left++;
    int byte = json_peek(scanner);
    if (byte == ']') {
        scanner->at++;
    } else if (byte == ',') {
        scanner->at++;
        bool is_comma = json_peek(scanner) == ']';
        json_fail_ahead(scanner, is_comma ? TEXT_TRAILING_COMMA : TEXT_TRAILING_CHARACTERS);
    } else {
        json_fail_ahead(scanner, byte == JSON_END ? TEXT_EOF_LIST : TEXT_TRAILING_CHARACTERS);
    }
}

void json_leave_object(JsonScanner *scanner) {
    scanner->depth_left++;
    int byte = json_peek(scanner);
    if (byte == '}') {
        scanner->at++;
    } else if (byte == ',') {
        json_fail_ahead(scanner, TEXT_TRAILING_COMMA);
    } else {
        json_fail_ahead(scanner, byte == JSON_END ? TEXT_EOF_OBJECT : TEXT_TRAILING_CHARACTERS);
    }
}

// ---- failures, inside ----

static void fail_begin(JsonScanner *scanner) {
    scanner->failed = true;
    if (scanner->ret_path) write_path(scanner->ret_path, scanner->step);
}

static void set_position(JsonScanner *scanner, uint32_t at) {
    uint32_t line = 1;
    uint32_t line_start = 0;
    for (uint32_t i = 0; i < at; i++) {
        if (scanner->text.data[i] != '\n') continue;
        line++;
        line_start = i + 1;
    }
    size_t count = strlen(scanner->message);
    snprintf(scanner->message + count, sizeof scanner->message - count, " at line %u column %u",
             line, at - line_start);
    scanner->has_position = true;
}

// Names joined by points, indexes in brackets without one; the root alone is ".".
static void write_path(Buffer *buffer, const JsonStep *step) {
    if (step == NULL) {
        buffer_u8(buffer, '.');
        return;
    }
    if (step->parent) {
        write_path(buffer, step->parent);
        if (step->kind != JSON_STEP_INDEX) buffer_u8(buffer, '.');
    }
    write_step(buffer, step);
}

static void write_step(Buffer *buffer, const JsonStep *step) {
    switch (step->kind) {
    case JSON_STEP_INDEX: buffer_append_format(buffer, "[%u]", step->index); break;
    case JSON_STEP_UNKNOWN: buffer_u8(buffer, '?'); break;
    case JSON_STEP_KEY: {
        // Scanned before, so that it scans again.
        Bytes quoted = {step->raw_key.data - 1, step->raw_key.count + 2};
        JsonScanner scanner;
        json_scan_init(&scanner, quoted, NULL);
        JsonString key;
        bool is_string = json_read_string(&scanner, &key);
        ASSERT(is_string);
        uint8_t *to = buffer_reserve(buffer, key.count);
        if (to == NULL) break;
        json_string_decode(key, to);
        buffer_advance(buffer, key.count);
        break;
    }
    }
}

// ---- tokens, inside ----

static int byte_at(const JsonScanner *scanner) {
    return scanner->at < scanner->text.count ? scanner->text.data[scanner->at] : JSON_END;
}

static bool is_digit(int byte) {
    return byte >= '0' && byte <= '9';
}

static bool scan_escape(JsonScanner *scanner, JsonString *string) {
    int letter = byte_at(scanner);
    if (letter == JSON_END) return json_fail_here(scanner, TEXT_EOF_STRING);
    scanner->at++;
    if (letter == 'u') return scan_unicode_escape(scanner, string);
    if (letter == 0 || strchr("\"\\/bfnrt", letter) == NULL) {
        return json_fail_here(scanner, TEXT_INVALID_ESCAPE);
    }
    string->count++;
    return true;
}

// Surrogates have to come in pairs.
static bool scan_unicode_escape(JsonScanner *scanner, JsonString *string) {
    uint8_t encoded[4];
    uint32_t code = 0;
    if (!scan_hex4(scanner, &code)) return false;
    if (code >= 0xdc00 && code <= 0xdfff) return json_fail_here(scanner, TEXT_LONE_SURROGATE);
    if (code < 0xd800 || code > 0xdbff) {
        string->count += utf8_encode(code, encoded);
        return true;
    }
    for (const char *wanted = "\\u"; *wanted; wanted++) {
        int byte = byte_at(scanner);
        if (byte == JSON_END) return json_fail_here(scanner, TEXT_EOF_STRING);
        scanner->at++;
        if (byte != *wanted) return json_fail_here(scanner, "unexpected end of hex escape");
    }
    if (!scan_hex4(scanner, &code)) return false;
    if (code < 0xdc00 || code > 0xdfff) return json_fail_here(scanner, TEXT_LONE_SURROGATE);
    string->count += 4;
    return true;
}

static bool scan_hex4(JsonScanner *scanner, uint32_t *ret_code) {
    if (scanner->text.count - scanner->at < 4) {
        scanner->at = scanner->text.count;
        return json_fail_here(scanner, TEXT_EOF_STRING);
    }
    uint8_t pair[2];
    Bytes digits = bytes_slice(scanner->text, scanner->at, 4);
    scanner->at += 4;
    if (!hex_decode(digits, pair, sizeof pair)) return json_fail_here(scanner, TEXT_INVALID_ESCAPE);
    *ret_code = (uint32_t)pair[0] << 8 | pair[1];
    return true;
}

static uint32_t hex4_value(const uint8_t *at) {
    uint8_t pair[2];
    bool is_hex = hex_decode((Bytes){at, 4}, pair, sizeof pair);
    ASSERT(is_hex);
    return (uint32_t)pair[0] << 8 | pair[1];
}

static uint32_t utf8_encode(uint32_t code, uint8_t *ret_bytes) {
    if (code < 0x80) {
        ret_bytes[0] = (uint8_t)code;
        return 1;
    }
    uint32_t count = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (uint32_t i = count - 1; i > 0; i--) {
        ret_bytes[i] = (uint8_t)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    ret_bytes[0] = (uint8_t)((0xf00u >> count & 0xf0) | code);
    return count;
}

static bool scan_fraction(JsonScanner *scanner) {
    scanner->at++;
    if (byte_at(scanner) == JSON_END) return json_fail_ahead(scanner, TEXT_EOF_VALUE);
    if (!is_digit(byte_at(scanner))) return json_fail_ahead(scanner, TEXT_INVALID_NUMBER);
    while (is_digit(byte_at(scanner))) scanner->at++;
    return true;
}

static bool scan_exponent(JsonScanner *scanner) {
    scanner->at++;
    if (byte_at(scanner) == '+' || byte_at(scanner) == '-') scanner->at++;
    int first = byte_at(scanner);
    if (first == JSON_END) return json_fail_here(scanner, TEXT_EOF_VALUE);
    scanner->at++;
    if (!is_digit(first)) return json_fail_here(scanner, TEXT_INVALID_NUMBER);
    while (is_digit(byte_at(scanner))) scanner->at++;
    return true;
}

// ---- quoting ----

// As Rust's {:?} writes a string.
static void write_quoted(Buffer *buffer, JsonString string) {
    uint8_t *text = mem_alloc(string.count);
    json_string_decode(string, text);
    buffer_u8(buffer, '"');
    for (uint32_t i = 0; i < string.count && buffer->count < QUOTED_BYTES_MAX;) {
        uint32_t count = 1;
        while (i + count < string.count && (text[i + count] & 0xc0) == 0x80) count++;
        write_debug_char(buffer, text + i, count);
        i += count;
    }
    buffer_u8(buffer, '"');
    mem_free(text);
}

// Characters that do not print are \u{hex}. Of those outside ASCII only the common ones are known
// here.
static void write_debug_char(Buffer *buffer, const uint8_t *at, uint32_t count) {
    uint32_t code = count == 1 ? *at : *at & (0x7fu >> count);
    for (uint32_t i = 1; i < count; i++) code = code << 6 | (at[i] & 0x3f);
    bool is_printed = code >= 0x20 && (code < 0x7f || code > 0xa0) && code != 0xad &&
                      !(code >= 0x2000 && code <= 0x200f) && !(code >= 0x2028 && code <= 0x202f) &&
                      code != 0xfeff;
    switch (code) {
    case '"': buffer_append_text(buffer, "\\\""); break;
    case '\\': buffer_append_text(buffer, "\\\\"); break;
    case '\n': buffer_append_text(buffer, "\\n"); break;
    case '\r': buffer_append_text(buffer, "\\r"); break;
    case '\t': buffer_append_text(buffer, "\\t"); break;
    case 0: buffer_append_text(buffer, "\\0"); break;
    default:
        if (is_printed) {
            buffer_append(buffer, at, count);
        } else {
            buffer_append_format(buffer, "\\u{%x}", code);
        }
        break;
    }
}

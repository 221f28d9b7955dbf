// json5.c - one loop over tokens; each is written in its JSON spelling.
//
// A comma is held back until the next token shows that it does not trail.
#include "cli/json5.h"

#include <stdio.h>

typedef struct Json5 {
    Bytes text;
    uint32_t at;
    uint32_t line;
    Buffer *json;
    Error *error;
} Json5;

static Status copy_token(Json5 *json5);
static Status copy_string(Json5 *json5);
static Status copy_escape(Json5 *json5);
static Status copy_word(Json5 *json5);
static Status copy_number(Json5 *json5);
static Status copy_hex_number(Json5 *json5);
static Status skip_blanks(Json5 *json5);
static Status skip_comment(Json5 *json5);
static uint32_t blank_bytes(const Json5 *json5);
static Status broken(Json5 *json5, const char *problem);
static int peek(const Json5 *json5, uint32_t ahead);
static bool is_digit(int byte);
static bool is_word_byte(int byte);

Status json5_to_json(Bytes text, Buffer *json, Error *error) {
    Json5 json5 = {text, 0, 1, json, error};
    if (!utf8_is_valid(text)) return error_set(error, STATUS_INVALID, "not UTF-8");
    bool has_comma = false;
    for (;;) {
        Status status = skip_blanks(&json5);
        if (status != STATUS_OK) return status;
        int byte = peek(&json5, 0);
        if (byte < 0) break;
        if (has_comma && byte != '}' && byte != ']') buffer_u8(json, ',');
        has_comma = byte == ',';
        if (has_comma) {
            json5.at++;
        } else {
            status = copy_token(&json5);
            if (status != STATUS_OK) return status;
        }
    }
    if (has_comma) buffer_u8(json, ',');
    if (json->failed) return error_set(error, STATUS_LIMIT, "it is too long");
    return STATUS_OK;
}

static Status copy_token(Json5 *json5) {
    int byte = peek(json5, 0);
    if (strchr("{}[]:", byte) != NULL && byte != 0) {
        buffer_u8(json5->json, (uint8_t)byte);
        json5->at++;
        return STATUS_OK;
    }
    if (byte == '"' || byte == '\'') return copy_string(json5);
    if (byte == '+' || byte == '-' || byte == '.' || is_digit(byte)) return copy_number(json5);
    if (is_word_byte(byte)) return copy_word(json5);
    return broken(json5, "unexpected character");
}

static Status copy_string(Json5 *json5) {
    int quote = peek(json5, 0);
    json5->at++;
    buffer_u8(json5->json, '"');
    while (peek(json5, 0) != quote) {
        int byte = peek(json5, 0);
        if (byte < 0 || byte == '\n' || byte == '\r') {
            return broken(json5, "a string needs its closing quote");
        }
        if (byte == '\\') {
            Status status = copy_escape(json5);
            if (status != STATUS_OK) return status;
            continue;
        }
        if (byte == '"') buffer_u8(json5->json, '\\');
        if (byte < 0x20) {
            buffer_append_format(json5->json, "\\u%04x", (unsigned)byte);
        } else {
            buffer_u8(json5->json, (uint8_t)byte);
        }
        json5->at++;
    }
    json5->at++;
    buffer_u8(json5->json, '"');
    return STATUS_OK;
}

static Status copy_escape(Json5 *json5) {
    int kind = peek(json5, 1);
    json5->at += 2;
    if (kind < 0) return broken(json5, "a string needs its closing quote");
    if (kind == '\n' || kind == '\r') {  // the string goes on in the next line
        if (kind == '\r' && peek(json5, 0) == '\n') json5->at++;
        json5->line++;
        return STATUS_OK;
    }
    if (kind == 'v') {
        buffer_append_text(json5->json, "\\u000b");
    } else if (kind == '0') {
        buffer_append_text(json5->json, "\\u0000");
    } else if (kind == 'x') {
        uint8_t code = 0;
        if (peek(json5, 1) < 0 || !hex_decode(bytes_slice(json5->text, json5->at, 2), &code, 1)) {
            return broken(json5, "\\x needs two hexadecimal digits");
        }
        buffer_append_format(json5->json, "\\u%04x", code);
        json5->at += 2;
    } else if (strchr("\"\\/bfnrtu", kind) != NULL) {
        buffer_u8(json5->json, '\\');
        buffer_u8(json5->json, (uint8_t)kind);
    } else {
        buffer_u8(json5->json, (uint8_t)kind);
    }
    return STATUS_OK;
}

// true, false, null, or a key without quotes.
static Status copy_word(Json5 *json5) {
    uint32_t start = json5->at;
    while (is_word_byte(peek(json5, 0)) || is_digit(peek(json5, 0))) json5->at++;
    Bytes word = bytes_slice(json5->text, start, json5->at - start);
    Status status = skip_blanks(json5);
    if (status != STATUS_OK) return status;
    if (peek(json5, 0) == ':') {
        buffer_u8(json5->json, '"');
        buffer_append_bytes(json5->json, word);
        buffer_u8(json5->json, '"');
        return STATUS_OK;
    }
    if (bytes_equal_text(word, "true") || bytes_equal_text(word, "false") ||
        bytes_equal_text(word, "null")) {
        buffer_append_bytes(json5->json, word);
        return STATUS_OK;
    }
    return error_set(json5->error, STATUS_INVALID, "line %u: a text needs quotes: %.*s",
                     json5->line, BYTES_FORMAT(word));
}

static Status copy_number(Json5 *json5) {
    int sign = peek(json5, 0);
    if (sign == '+' || sign == '-') json5->at++;
    if (sign == '-') buffer_u8(json5->json, '-');
    if (peek(json5, 0) == '0' && (peek(json5, 1) == 'x' || peek(json5, 1) == 'X')) {
        return copy_hex_number(json5);
    }
    if (!is_digit(peek(json5, 0)) && peek(json5, 0) != '.') return broken(json5, "not a number");
    if (peek(json5, 0) == '.') buffer_u8(json5->json, '0');
    while (is_digit(peek(json5, 0))) buffer_u8(json5->json, json5->text.data[json5->at++]);
    if (peek(json5, 0) == '.') {
        json5->at++;
        buffer_u8(json5->json, '.');
        if (!is_digit(peek(json5, 0))) buffer_u8(json5->json, '0');
        while (is_digit(peek(json5, 0))) buffer_u8(json5->json, json5->text.data[json5->at++]);
    }
    if (peek(json5, 0) != 'e' && peek(json5, 0) != 'E') return STATUS_OK;
    buffer_u8(json5->json, 'e');
    json5->at++;
    while (is_digit(peek(json5, 0)) || peek(json5, 0) == '+' || peek(json5, 0) == '-') {
        buffer_u8(json5->json, json5->text.data[json5->at++]);
    }
    return STATUS_OK;
}

static Status copy_hex_number(Json5 *json5) {
    json5->at += 2;
    uint64_t number = 0;
    uint32_t digits = 0;
    for (;; json5->at++, digits++) {
        int byte = peek(json5, 0);
        int value = is_digit(byte)               ? byte - '0'
                    : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                    : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                                 : -1;
        if (value < 0) break;
        if (number >> 59 != 0) return broken(json5, "the number is too large");
        number = number << 4 | (uint64_t)value;
    }
    if (digits == 0) return broken(json5, "not a number");
    buffer_append_format(json5->json, "%llu", (unsigned long long)number);
    return STATUS_OK;
}

static Status skip_blanks(Json5 *json5) {
    for (;;) {
        uint32_t count = blank_bytes(json5);
        if (count > 0) {
            json5->line += peek(json5, 0) == '\n';
            json5->at += count;
        } else if (peek(json5, 0) == '/') {
            Status status = skip_comment(json5);
            if (status != STATUS_OK) return status;
        } else {
            return STATUS_OK;
        }
    }
}

static Status skip_comment(Json5 *json5) {
    bool is_line = peek(json5, 1) == '/';
    if (!is_line && peek(json5, 1) != '*') return broken(json5, "unexpected character");
    json5->at += 2;
    while (peek(json5, 0) >= 0) {
        if (is_line && peek(json5, 0) == '\n') return STATUS_OK;
        if (!is_line && peek(json5, 0) == '*' && peek(json5, 1) == '/') {
            json5->at += 2;
            return STATUS_OK;
        }
        json5->line += peek(json5, 0) == '\n';
        json5->at++;
    }
    return is_line ? STATUS_OK : broken(json5, "a comment needs its end");
}

// How many bytes of white space are next, as one character.
static uint32_t blank_bytes(const Json5 *json5) {
    int byte = peek(json5, 0);
    if (byte == ' ' || (byte >= '\t' && byte <= '\r')) return 1;
    if (byte == 0xc2 && peek(json5, 1) == 0xa0) return 2;  // no-break space
    bool is_bom = byte == 0xef && peek(json5, 1) == 0xbb && peek(json5, 2) == 0xbf;
    bool is_separator = byte == 0xe2 && peek(json5, 1) == 0x80 &&
                        (peek(json5, 2) == 0xa8 || peek(json5, 2) == 0xa9);
    return is_bom || is_separator ? 3 : 0;
}

static Status broken(Json5 *json5, const char *problem) {
    return error_set(json5->error, STATUS_INVALID, "line %u: %s", json5->line, problem);
}

// -1 at the end.
static int peek(const Json5 *json5, uint32_t ahead) {
    if (json5->at > json5->text.count || json5->text.count - json5->at <= ahead) return -1;
    return json5->text.data[json5->at + ahead];
}

static bool is_digit(int byte) {
    return byte >= '0' && byte <= '9';
}

static bool is_word_byte(int byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           byte == '$' || byte >= 0x80;
}

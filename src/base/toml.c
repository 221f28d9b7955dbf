// toml.c - see toml.h. One pass; every entry is stored flat with the path of its table.

#include "base/toml.h"

#include "base/map.h"
#include "base/vec.h"

#include <stdlib.h>

VEC(EntryVec, entry_vec, TomlEntry)
VEC(ValueVec, value_vec, TomlValue)

#define NUMBER_BYTES_MAX 64u

typedef struct Parser {
    const uint8_t *at;
    const uint8_t *end;
    uint32_t line;
    Arena *arena;
    Error *error;
    Bytes table;
    uint32_t table_index;
    EntryVec entries;
    BytesMap seen;    // "table#index\0key" -> anything
    BytesMap tables;  // plain tables -> anything
    BytesMap arrays;  // arrays of tables -> how many so far
} Parser;

static Status read_line(Parser *parser);
static Status read_table(Parser *parser);
static Status enter_table(Parser *parser, Bytes path, bool is_array);
static Status read_entry(Parser *parser);
static Status add_entry(Parser *parser, Bytes path, uint32_t last_at, const TomlValue *value);
static Status read_path(Parser *parser, Bytes *ret_path, uint32_t *ret_last_at);
static Status read_key(Parser *parser, Bytes *ret_key);
static Status read_value(Parser *parser, uint32_t depth, TomlValue *ret_value);
static Status read_array(Parser *parser, uint32_t depth, TomlValue *ret_value);
static Status read_string(Parser *parser, Bytes *ret_text);
static Status read_escape(Parser *parser, Buffer *text);
static bool append_code_point(Buffer *text, uint32_t code);
static Status read_word(Parser *parser, TomlValue *ret_value);
static bool read_integer(const char *word, int64_t *ret_integer);
static bool read_float(const char *word, double *ret_number);
static Status end_line(Parser *parser);
static void skip_blanks(Parser *parser);
static void skip_lines(Parser *parser);
static bool peek(const Parser *parser, uint8_t byte);
static bool take(Parser *parser, uint8_t byte);
static Status fail(const Parser *parser, const char *text);
static bool is_bare(uint8_t byte);

Status toml_read(Bytes text, Arena *arena, Toml *ret_toml, Error *error) {
    if (text.count > TOML_BYTES_MAX) {
        return error_set(error, STATUS_LIMIT, "larger than %u bytes", TOML_BYTES_MAX);
    }
    if (!utf8_is_valid(text)) return error_set(error, STATUS_INVALID, "not valid UTF-8");
    Parser parser = {.at = text.data,
                     .end = text.data + text.count,
                     .line = 1,
                     .arena = arena,
                     .error = error,
                     .table = BYTES_LITERAL("")};
    bytes_map_init(&parser.seen);
    bytes_map_init(&parser.tables);
    bytes_map_init(&parser.arrays);
    Status status = STATUS_OK;
    while (status == STATUS_OK && parser.at < parser.end) status = read_line(&parser);
    if (status == STATUS_OK) {
        TomlEntry *entries = ARENA_ARRAY(arena, TomlEntry, parser.entries.count);
        if (parser.entries.count > 0) {
            memcpy(entries, parser.entries.items, parser.entries.count * sizeof *entries);
        }
        *ret_toml = (Toml){entries, parser.entries.count};
    }
    bytes_map_done(&parser.seen);
    bytes_map_done(&parser.tables);
    bytes_map_done(&parser.arrays);
    entry_vec_done(&parser.entries);
    return status;
}

const TomlValue *toml_find(const Toml *toml, const char *table, const char *key) {
    for (uint32_t i = 0; i < toml->count; i++) {
        const TomlEntry *entry = &toml->entries[i];
        if (bytes_equal_text(entry->table, table) && bytes_equal_text(entry->key, key)) {
            return &entry->value;
        }
    }
    return NULL;
}

static Status read_line(Parser *parser) {
    skip_blanks(parser);
    if (peek(parser, '[')) return read_table(parser);
    if (parser->at < parser->end && !peek(parser, '#') && !peek(parser, '\n') &&
        !peek(parser, '\r')) {
        return read_entry(parser);
    }
    return end_line(parser);
}

// ---- tables ----

static Status read_table(Parser *parser) {
    (void)take(parser, '[');
    bool is_array = take(parser, '[');
    Bytes path;
    uint32_t last_at;
    Status status = read_path(parser, &path, &last_at);
    if (status != STATUS_OK) return status;
    if (!take(parser, ']') || (is_array && !take(parser, ']'))) {
        return fail(parser, "a table's name must end with ]");
    }
    status = enter_table(parser, path, is_array);
    return status == STATUS_OK ? end_line(parser) : status;
}

static Status enter_table(Parser *parser, Bytes path, bool is_array) {
    void *count = bytes_map_find(&parser->arrays, path);
    bool is_plain = bytes_map_find(&parser->tables, path) != NULL;
    if (is_plain || (count && !is_array)) return fail(parser, "the table is there already");
    parser->table = path;
    parser->table_index = 0;
    if (is_array) {
        parser->table_index = (uint32_t)(uintptr_t)count;
        (void)bytes_map_set(&parser->arrays, path, (void *)(uintptr_t)(parser->table_index + 1));
    } else {
        (void)bytes_map_set(&parser->tables, path, parser);
    }
    return STATUS_OK;
}

// ---- entries ----

static Status read_entry(Parser *parser) {
    Bytes path;
    uint32_t last_at;
    Status status = read_path(parser, &path, &last_at);
    if (status != STATUS_OK) return status;
    if (!take(parser, '=')) return fail(parser, "a key must be followed by =");
    skip_blanks(parser);
    TomlValue value;
    status = read_value(parser, 0, &value);
    if (status == STATUS_OK) status = add_entry(parser, path, last_at, &value);
    return status == STATUS_OK ? end_line(parser) : status;
}

// All but the last part of a dotted key are tables within the current one.
static Status add_entry(Parser *parser, Bytes path, uint32_t last_at, const TomlValue *value) {
    if (parser->entries.count == TOML_ENTRIES_MAX) {
        return error_set(parser->error, STATUS_LIMIT, "more than %u keys", TOML_ENTRIES_MAX);
    }
    TomlEntry entry = {.table = parser->table,
                       .table_index = parser->table_index,
                       .key = bytes_slice(path, last_at, path.count - last_at),
                       .value = *value};
    if (last_at > 0) {
        Bytes inner = bytes_slice(path, 0, last_at - 1);
        const char *dot = parser->table.count > 0 ? "." : "";
        entry.table = arena_format(parser->arena, "%.*s%s%.*s", BYTES_FORMAT(parser->table), dot,
                                   BYTES_FORMAT(inner));
    }
    Bytes place = arena_format(parser->arena, "%.*s#%u\n%.*s", BYTES_FORMAT(entry.table),
                               entry.table_index, BYTES_FORMAT(entry.key));
    if (bytes_map_set(&parser->seen, place, parser) != NULL) {
        return fail(parser, "the key is there already");
    }
    entry_vec_push(&parser->entries, entry);
    return STATUS_OK;
}

// Keys joined by dots; ret_last_at: where the last one begins.
static Status read_path(Parser *parser, Bytes *ret_path, uint32_t *ret_last_at) {
    Bytes path = BYTES_LITERAL("");
    uint32_t last_at = 0;
    for (;;) {
        skip_blanks(parser);
        Bytes key;
        Status status = read_key(parser, &key);
        if (status != STATUS_OK) return status;
        last_at = path.count > 0 ? path.count + 1 : 0;
        path = arena_format(parser->arena, "%.*s%s%.*s", BYTES_FORMAT(path), last_at > 0 ? "." : "",
                            BYTES_FORMAT(key));
        skip_blanks(parser);
        if (!take(parser, '.')) break;
    }
    *ret_path = path;
    *ret_last_at = last_at;
    return STATUS_OK;
}

static Status read_key(Parser *parser, Bytes *ret_key) {
    if (peek(parser, '"') || peek(parser, '\'')) {
        Status status = read_string(parser, ret_key);
        if (status == STATUS_OK && ret_key->count == 0) return fail(parser, "an empty key");
        return status;
    }
    const uint8_t *start = parser->at;
    while (parser->at < parser->end && is_bare(*parser->at)) parser->at++;
    if (parser->at == start) return fail(parser, "a key is missing");
    *ret_key = bytes_of(start, (size_t)(parser->at - start));
    return STATUS_OK;
}

static bool is_bare(uint8_t byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-';
}

// ---- values ----

static Status read_value(Parser *parser, uint32_t depth, TomlValue *ret_value) {
    *ret_value = (TomlValue){.line = parser->line};
    if (peek(parser, '"') || peek(parser, '\'')) {
        ret_value->kind = TOML_STRING;
        return read_string(parser, &ret_value->text);
    }
    if (peek(parser, '[')) return read_array(parser, depth, ret_value);
    if (peek(parser, '{')) return fail(parser, "inline tables are not supported");
    return read_word(parser, ret_value);
}

static Status read_array(Parser *parser, uint32_t depth, TomlValue *ret_value) {
    if (depth == TOML_DEPTH_MAX) {
        return error_set(parser->error, STATUS_LIMIT, "line %u: arrays within arrays beyond %u",
                         parser->line, TOML_DEPTH_MAX);
    }
    (void)take(parser, '[');
    ValueVec items = {0};
    Status status = STATUS_OK;
    bool wants_more = true;
    skip_lines(parser);
    while (status == STATUS_OK && !peek(parser, ']')) {
        if (!wants_more) {
            status = fail(parser, "an array needs a comma or ]");
            break;
        }
        status = read_value(parser, depth + 1, value_vec_add(&items));
        skip_lines(parser);
        wants_more = take(parser, ',');
        skip_lines(parser);
    }
    if (status == STATUS_OK) {
        (void)take(parser, ']');
        TomlValue *copy = ARENA_ARRAY(parser->arena, TomlValue, items.count);
        if (items.count > 0) memcpy(copy, items.items, items.count * sizeof *copy);
        ret_value->kind = TOML_ARRAY;
        ret_value->items = copy;
        ret_value->count = items.count;
    }
    value_vec_done(&items);
    return status;
}

static Status read_string(Parser *parser, Bytes *ret_text) {
    uint8_t quote = *parser->at++;
    if (parser->end - parser->at >= 2 && parser->at[0] == quote && parser->at[1] == quote) {
        return fail(parser, "multi-line strings are not supported");
    }
    Buffer text;
    buffer_init(&text, TOML_BYTES_MAX);
    Status status = STATUS_OK;
    while (status == STATUS_OK && !peek(parser, quote)) {
        if (parser->at == parser->end || *parser->at == '\n' ||
            (*parser->at < 0x20 && *parser->at != '\t') || *parser->at == 0x7f) {
            status = fail(parser, "a string must end on its line and hold no control characters");
        } else if (quote == '"' && *parser->at == '\\') {
            status = read_escape(parser, &text);
        } else {
            buffer_u8(&text, *parser->at++);
        }
    }
    if (status == STATUS_OK) {
        parser->at++;
        *ret_text = arena_copy(parser->arena, buffer_bytes(&text));
    }
    buffer_done(&text);
    return status;
}

static Status read_escape(Parser *parser, Buffer *text) {
    static const char LETTERS[] = "btnfr\"\\";
    static const char BYTES[] = "\b\t\n\f\r\"\\";
    parser->at++;
    if (parser->at == parser->end) return fail(parser, "a string does not end");
    uint8_t letter = *parser->at++;
    const char *found = letter ? strchr(LETTERS, letter) : NULL;
    if (found) {
        buffer_u8(text, (uint8_t)BYTES[found - LETTERS]);
        return STATUS_OK;
    }
    uint32_t digits = letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    uint8_t code[4] = {0};
    if (digits == 0 || (size_t)(parser->end - parser->at) < digits ||
        !hex_decode(bytes_of(parser->at, digits), code, digits / 2)) {
        return fail(parser, "an unknown escape in a string");
    }
    parser->at += digits;
    uint32_t value = 0;
    for (uint32_t i = 0; i < digits / 2; i++) value = value << 8 | code[i];
    if (!append_code_point(text, value)) return fail(parser, "an escape that is no character");
    return STATUS_OK;
}

static bool append_code_point(Buffer *text, uint32_t code) {
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
    if (code < 0x80) {
        buffer_u8(text, (uint8_t)code);
        return true;
    }
    if (code < 0x800) {
        buffer_u8(text, (uint8_t)(0xc0 | code >> 6));
    } else {
        if (code < 0x10000) {
            buffer_u8(text, (uint8_t)(0xe0 | code >> 12));
        } else {
            buffer_u8(text, (uint8_t)(0xf0 | code >> 18));
            buffer_u8(text, (uint8_t)(0x80 | (code >> 12 & 0x3f)));
        }
        buffer_u8(text, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
    }
    buffer_u8(text, (uint8_t)(0x80 | (code & 0x3f)));
    return true;
}

// true, false or a number.
static Status read_word(Parser *parser, TomlValue *ret_value) {
    char word[NUMBER_BYTES_MAX];
    uint32_t count = 0;
    while (parser->at < parser->end &&
           (is_bare(*parser->at) || *parser->at == '+' || *parser->at == '.')) {
        if (count == sizeof word - 1) return fail(parser, "not a value");
        word[count++] = (char)*parser->at++;
    }
    word[count] = 0;
    if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0) {
        ret_value->kind = TOML_BOOLEAN;
        ret_value->flag = word[0] == 't';
        return STATUS_OK;
    }
    // Underscores stand between digits.
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool is_between = i > 0 && word[i - 1] != '_' && i + 1 < count && word[i + 1] != '_';
        if (word[i] == '_' && !is_between) return fail(parser, "not a value");
        if (word[i] != '_') word[kept++] = word[i];
    }
    word[kept] = 0;
    if (read_integer(word, &ret_value->integer)) {
        ret_value->kind = TOML_INTEGER;
        return STATUS_OK;
    }
    if (read_float(word, &ret_value->number)) {
        ret_value->kind = TOML_FLOAT;
        return STATUS_OK;
    }
    return fail(parser, "not a value (dates are not supported)");
}

static bool read_integer(const char *word, int64_t *ret_integer) {
    const char *digits = word;
    bool is_negative = *digits == '-';
    bool has_sign = is_negative || *digits == '+';
    if (has_sign) digits++;
    uint32_t base = 10;
    if (digits[0] == '0' && digits[1] != 0) {
        base = digits[1] == 'x' ? 16 : digits[1] == 'o' ? 8 : digits[1] == 'b' ? 2 : 0;
        if (base == 0 || has_sign) return false;
        digits += 2;
    }
    if (*digits == 0) return false;
    int64_t value = 0;
    for (; *digits; digits++) {
        int letter = *digits | 0x20;
        uint32_t digit = *digits >= '0' && *digits <= '9' ? (uint32_t)(*digits - '0')
                         : letter >= 'a' && letter <= 'f' ? (uint32_t)(letter - 'a' + 10)
                                                          : 99;
        if (digit >= base) return false;
        int64_t signed_digit = is_negative ? -(int64_t)digit : (int64_t)digit;
        if (__builtin_mul_overflow(value, (int64_t)base, &value) ||
            __builtin_add_overflow(value, signed_digit, &value)) {
            return false;
        }
    }
    *ret_integer = value;
    return true;
}

static bool read_float(const char *word, double *ret_number) {
    const char *digits = word + (*word == '-' || *word == '+' ? 1 : 0);
    bool is_named = strcmp(digits, "inf") == 0 || strcmp(digits, "nan") == 0;
    bool has_mark = strpbrk(digits, ".eE") != NULL;
    if (!is_named && (!has_mark || strspn(digits, "0123456789.eE+-") != strlen(digits) ||
                      *digits < '0' || *digits > '9')) {
        return false;
    }
    char *end = NULL;
    *ret_number = strtod(word, &end);
    return *end == 0 && end[-1] != '.';
}

// ---- small steps ----

// The rest of a line: blanks and a comment.
static Status end_line(Parser *parser) {
    skip_blanks(parser);
    if (peek(parser, '#')) {
        while (parser->at < parser->end && *parser->at != '\n') parser->at++;
    }
    (void)take(parser, '\r');
    if (parser->at == parser->end) return STATUS_OK;
    if (!take(parser, '\n')) return fail(parser, "something stands behind the value");
    parser->line++;
    return STATUS_OK;
}

static void skip_blanks(Parser *parser) {
    while (peek(parser, ' ') || peek(parser, '\t')) parser->at++;
}

// Blanks, comments and line ends within an array.
static void skip_lines(Parser *parser) {
    for (;;) {
        skip_blanks(parser);
        if (peek(parser, '#')) {
            while (parser->at < parser->end && *parser->at != '\n') parser->at++;
        }
        (void)take(parser, '\r');
        if (!take(parser, '\n')) return;
        parser->line++;
    }
}

static bool peek(const Parser *parser, uint8_t byte) {
    return parser->at < parser->end && *parser->at == byte;
}

static bool take(Parser *parser, uint8_t byte) {
    if (!peek(parser, byte)) return false;
    parser->at++;
    return true;
}

static Status fail(const Parser *parser, const char *text) {
    return error_set(parser->error, STATUS_INVALID, "line %u: %s", parser->line, text);
}

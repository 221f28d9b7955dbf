// toml_text.c - splits a TOML text into items: one a line, more lines where a value spans them.
#include "cli/toml_text.h"

typedef struct Splitter {
    Bytes text;
    uint32_t at;
    uint32_t line;
    Arena *arena;
    Error *error;
} Splitter;

static Status split_item(Splitter *splitter, TomlItem *ret_item);
static Status split_header(Splitter *splitter, TomlItem *ret_item);
static Status split_key(Splitter *splitter, TomlItem *ret_item);
static Status skip_value(Splitter *splitter);
static Status skip_string(Splitter *splitter);
static Status finish_line(Splitter *splitter);
static Bytes key_text(Splitter *splitter, Bytes written);
static Status broken(Splitter *splitter, const char *problem);
static int peek(const Splitter *splitter, uint32_t ahead);
static void skip_blanks(Splitter *splitter);
static Bytes unquote(Bytes value, bool *ret_is_multiline);
static bool read_escape(const uint8_t **at, const uint8_t *end, Buffer *out);
static bool read_code_point(const uint8_t **at, const uint8_t *end, uint32_t digits, Buffer *out);

Status toml_text_read(Bytes text, Arena *arena, TomlText *ret_toml, Error *error) {
    if (text.count > CLI_CONFIG_BYTES_MAX) {
        return error_set(error, STATUS_LIMIT, "more than %u bytes", CLI_CONFIG_BYTES_MAX);
    }
    if (!utf8_is_valid(text)) return error_set(error, STATUS_INVALID, "not UTF-8");
    uint32_t lines = 1;
    for (uint32_t i = 0; i < text.count; i++) lines += text.data[i] == '\n';
    if (lines > CLI_CONFIG_ITEMS_MAX) {
        return error_set(error, STATUS_LIMIT, "more than %u lines", CLI_CONFIG_ITEMS_MAX);
    }
    TomlText toml = {ARENA_ARRAY(arena, TomlItem, lines), 0};
    Splitter splitter = {text, 0, 1, arena, error};
    while (splitter.at < text.count) {
        ASSERT(toml.count < lines);
        Status status = split_item(&splitter, &toml.items[toml.count]);
        if (status != STATUS_OK) return status;
        toml.count++;
    }
    *ret_toml = toml;
    return STATUS_OK;
}

static Status split_item(Splitter *splitter, TomlItem *ret_item) {
    uint32_t start = splitter->at;
    *ret_item = (TomlItem){.kind = TOML_ITEM_BLANK};
    skip_blanks(splitter);
    int first = peek(splitter, 0);
    Status status = STATUS_OK;
    if (first == '[') {
        status = split_header(splitter, ret_item);
    } else if (first >= 0 && first != '#' && first != '\n' && first != '\r') {
        status = split_key(splitter, ret_item);
    }
    if (status == STATUS_OK) status = finish_line(splitter);
    if (status != STATUS_OK) return status;
    ret_item->text = bytes_slice(splitter->text, start, splitter->at - start);
    return STATUS_OK;
}

static Status split_header(Splitter *splitter, TomlItem *ret_item) {
    ret_item->kind = peek(splitter, 1) == '[' ? TOML_ITEM_TABLES : TOML_ITEM_TABLE;
    uint32_t brackets = ret_item->kind == TOML_ITEM_TABLES ? 2 : 1;
    splitter->at += brackets;
    uint32_t start = splitter->at;
    while (peek(splitter, 0) >= 0 && peek(splitter, 0) != ']' && peek(splitter, 0) != '\n') {
        splitter->at++;
    }
    ret_item->key = key_text(splitter, bytes_slice(splitter->text, start, splitter->at - start));
    for (uint32_t i = 0; i < brackets; i++) {
        if (peek(splitter, 0) != ']') return broken(splitter, "a table's name needs its bracket");
        splitter->at++;
    }
    return ret_item->key.count == 0 ? broken(splitter, "a table needs a name") : STATUS_OK;
}

static Status split_key(Splitter *splitter, TomlItem *ret_item) {
    ret_item->kind = TOML_ITEM_KEY;
    uint32_t start = splitter->at;
    while (peek(splitter, 0) >= 0 && peek(splitter, 0) != '=' && peek(splitter, 0) != '\n') {
        splitter->at++;
    }
    ret_item->key = key_text(splitter, bytes_slice(splitter->text, start, splitter->at - start));
    if (peek(splitter, 0) != '=') return broken(splitter, "expected key = value");
    if (ret_item->key.count == 0) return broken(splitter, "a value needs a key");
    splitter->at++;
    skip_blanks(splitter);
    uint32_t value = splitter->at;
    Status status = skip_value(splitter);
    if (status != STATUS_OK) return status;
    ret_item->value = bytes_slice(splitter->text, value, splitter->at - value);
    return STATUS_OK;
}

// Past a value: a string, something in brackets, or a word.
static Status skip_value(Splitter *splitter) {
    uint32_t depth = 0;
    do {
        int byte = peek(splitter, 0);
        if (byte < 0) return broken(splitter, "the file ends within a value");
        if (byte == '"' || byte == '\'') {
            Status status = skip_string(splitter);
            if (status != STATUS_OK) return status;
        } else if (byte == '[' || byte == '{') {
            depth++;
            splitter->at++;
        } else if ((byte == ']' || byte == '}') && depth > 0) {
            depth--;
            splitter->at++;
        } else if (byte == '#' && depth > 0) {
            while (peek(splitter, 0) >= 0 && peek(splitter, 0) != '\n') splitter->at++;
        } else if (depth > 0) {
            splitter->line += byte == '\n';
            splitter->at++;
        } else {
            uint32_t start = splitter->at;
            while (peek(splitter, 0) >= 0 && strchr(" \t\r\n#", peek(splitter, 0)) == NULL) {
                splitter->at++;
            }
            if (splitter->at == start) return broken(splitter, "a key needs a value");
        }
    } while (depth > 0);
    return STATUS_OK;
}

// Past a string of one of the four kinds.
static Status skip_string(Splitter *splitter) {
    int quote = peek(splitter, 0);
    bool is_multiline = peek(splitter, 1) == quote && peek(splitter, 2) == quote;
    splitter->at += is_multiline ? 3 : 1;
    for (;;) {
        int byte = peek(splitter, 0);
        if (byte < 0 || (byte == '\n' && !is_multiline)) {
            return broken(splitter, "a string needs its closing quote");
        }
        splitter->line += byte == '\n';
        if (byte == '\\' && quote == '"') {
            splitter->at += peek(splitter, 1) < 0 ? 1 : 2;
            continue;
        }
        if (byte == quote && !is_multiline) break;
        if (byte == quote && peek(splitter, 1) == quote && peek(splitter, 2) == quote &&
            peek(splitter, 3) != quote) {
            splitter->at += 2;
            break;
        }
        splitter->at++;
    }
    splitter->at++;
    return STATUS_OK;
}

// Past blanks, a comment and the line's end.
static Status finish_line(Splitter *splitter) {
    skip_blanks(splitter);
    if (peek(splitter, 0) == '#') {
        while (peek(splitter, 0) >= 0 && peek(splitter, 0) != '\n') splitter->at++;
    }
    if (peek(splitter, 0) == '\r') splitter->at++;
    if (peek(splitter, 0) < 0) return STATUS_OK;
    if (peek(splitter, 0) != '\n') return broken(splitter, "something follows the value");
    splitter->at++;
    splitter->line++;
    return STATUS_OK;
}

// A key without blanks and quotes around its parts.
static Bytes key_text(Splitter *splitter, Bytes written) {
    uint8_t *key = arena_alloc(splitter->arena, written.count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < written.count; i++) {
        uint8_t byte = written.data[i];
        if (byte != '"' && byte != '\'' && byte != ' ' && byte != '\t') key[count++] = byte;
    }
    return bytes_of(key, count);
}

static Status broken(Splitter *splitter, const char *problem) {
    return error_set(splitter->error, STATUS_INVALID, "line %u: %s", splitter->line, problem);
}

// -1 at the end.
static int peek(const Splitter *splitter, uint32_t ahead) {
    if (splitter->text.count - splitter->at <= ahead) return -1;
    return splitter->text.data[splitter->at + ahead];
}

static void skip_blanks(Splitter *splitter) {
    while (peek(splitter, 0) == ' ' || peek(splitter, 0) == '\t') splitter->at++;
}

// ---- values ----

bool toml_text_string(Bytes value, Arena *arena, Bytes *ret_text) {
    if (value.count < 2 || (value.data[0] != '"' && value.data[0] != '\'')) return false;
    bool has_escapes = value.data[0] == '"';
    bool is_multiline = false;
    Bytes inner = unquote(value, &is_multiline);
    Buffer text;
    buffer_init(&text, CLI_CONFIG_BYTES_MAX);
    bool valid = true;
    const uint8_t *end = inner.data + inner.count;
    for (const uint8_t *at = inner.data; at < end && valid;) {
        if (*at == '\\' && has_escapes) {
            valid = read_escape(&at, end, &text);
        } else {
            buffer_u8(&text, *at++);
        }
    }
    if (valid) *ret_text = arena_copy(arena, buffer_bytes(&text));
    buffer_done(&text);
    return valid;
}

// Without its quotes, and without the line end right behind those of a string of several lines.
static Bytes unquote(Bytes value, bool *ret_is_multiline) {
    uint8_t quote = value.data[0];
    *ret_is_multiline = value.count >= 6 && value.data[1] == quote && value.data[2] == quote;
    uint32_t quotes = *ret_is_multiline ? 3 : 1;
    Bytes inner = bytes_slice(value, quotes, value.count - 2 * quotes);
    if (!*ret_is_multiline) return inner;
    if (inner.count > 0 && inner.data[0] == '\r') inner = bytes_slice(inner, 1, inner.count - 1);
    if (inner.count > 0 && inner.data[0] == '\n') inner = bytes_slice(inner, 1, inner.count - 1);
    return inner;
}

// *at is at the backslash, and behind the escape afterwards.
static bool read_escape(const uint8_t **at, const uint8_t *end, Buffer *out) {
    if (end - *at < 2) return false;
    uint8_t kind = (*at)[1];
    *at += 2;
    static const char LETTERS[] = "btnfr\"\\e";
    static const char MEANINGS[] = "\b\t\n\f\r\"\\\x1b";
    const char *letter = strchr(LETTERS, kind);
    if (kind != 0 && letter != NULL) {
        buffer_u8(out, (uint8_t)MEANINGS[letter - LETTERS]);
        return true;
    }
    if (kind == 'u') return read_code_point(at, end, 4, out);
    if (kind == 'U') return read_code_point(at, end, 8, out);
    // A backslash before a line's end: neither it nor the blanks behind it count.
    if (kind != '\n' && kind != '\r' && kind != ' ' && kind != '\t') return false;
    while (*at < end && strchr(" \t\r\n", **at) != NULL) (*at)++;
    return true;
}

static bool read_code_point(const uint8_t **at, const uint8_t *end, uint32_t digits, Buffer *out) {
    uint8_t bytes[4];
    if (end - *at < (ptrdiff_t)digits) return false;
    if (!hex_decode(bytes_of(*at, digits), bytes, digits / 2)) return false;
    *at += digits;
    uint32_t code = 0;
    for (uint32_t i = 0; i < digits / 2; i++) code = code << 8 | bytes[i];
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
    if (code < 0x80) {
        buffer_u8(out, (uint8_t)code);
        return true;
    }
    uint32_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t LEADS[] = {0, 0xc0, 0xe0, 0xf0};
    buffer_u8(out, (uint8_t)(LEADS[more] | code >> (6 * more)));
    while (more-- > 0) buffer_u8(out, (uint8_t)(0x80 | (code >> (6 * more) & 0x3f)));
    return true;
}

const char *toml_text_kind(Bytes value) {
    if (value.count == 0) return "none";
    uint8_t first = value.data[0];
    if (first == '"' || first == '\'') return "string";
    if (first == '[') return "array";
    if (first == '{') return "inline table";
    if (first == 't' || first == 'f') return "boolean";
    for (uint32_t i = 1; i < value.count; i++) {
        if (value.data[i] == ':' || (value.data[i] == '-' && i == 4)) return "datetime";
    }
    bool is_float = memchr(value.data, '.', value.count) != NULL || first == 'i' || first == 'n';
    return is_float ? "float" : "integer";
}

void toml_text_write_string(Buffer *buffer, Bytes text) {
    buffer_u8(buffer, '"');
    for (uint32_t i = 0; i < text.count; i++) {
        uint8_t byte = text.data[i];
        if (byte == '"' || byte == '\\') {
            buffer_u8(buffer, '\\');
            buffer_u8(buffer, byte);
        } else if (byte == '\n') {
            buffer_append_text(buffer, "\\n");
        } else if (byte < 0x20 || byte == 0x7f) {
            buffer_append_format(buffer, "\\u%04X", byte);
        } else {
            buffer_u8(buffer, byte);
        }
    }
    buffer_u8(buffer, '"');
}

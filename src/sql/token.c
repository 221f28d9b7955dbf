// token.c - the lexer: one pass over the text, a character at a time, that counts lines and
// columns.
//
// Words start with a letter or _ and go on with letters, digits, $ and _. Beyond ASCII all but
// white space and the blocks of signs and symbols count as letters, so a few more names are legal
// than upstream.

#include "sql/token.h"

// The place in the text, and where it is for error texts.
typedef struct Lexer {
    Bytes text;
    uint32_t at;
    uint32_t line;
    uint32_t column;
    Arena *arena;
    Error *error;
    bool failed;
} Lexer;

typedef struct Place {
    uint32_t at;
    uint32_t line;
    uint32_t column;
} Place;

// Operators of more than one character, longest first where one begins another.
static const struct {
    const char *text;
    TokenKind kind;
} OPERATORS[] = {
    {"<=>", TOKEN_OPERATOR},  {"->>", TOKEN_OPERATOR},     {"#>>", TOKEN_OPERATOR},
    {"!~*", TOKEN_OPERATOR},  {"||/", TOKEN_PREFIX},       {"==", TOKEN_EQUAL},
    {"=>", TOKEN_OTHER},      {"<>", TOKEN_NOT_EQUAL},     {"!=", TOKEN_NOT_EQUAL},
    {"<=", TOKEN_LESS_EQUAL}, {">=", TOKEN_GREATER_EQUAL}, {"<<", TOKEN_OPERATOR},
    {">>", TOKEN_OPERATOR},   {"<@", TOKEN_OPERATOR},      {"||", TOKEN_OPERATOR},
    {"|/", TOKEN_PREFIX},     {"!!", TOKEN_PREFIX},        {"!~", TOKEN_OPERATOR},
    {"::", TOKEN_OPERATOR},   {":=", TOKEN_OTHER},         {"&&", TOKEN_OPERATOR},
    {"~*", TOKEN_OPERATOR},   {"->", TOKEN_OPERATOR},      {"#-", TOKEN_OPERATOR},
    {"#>", TOKEN_OPERATOR},   {"@>", TOKEN_OPERATOR},      {"@?", TOKEN_OPERATOR},
    {"@@", TOKEN_OPERATOR},   {"=", TOKEN_EQUAL},          {"<", TOKEN_LESS},
    {">", TOKEN_GREATER},     {"+", TOKEN_PLUS},           {"-", TOKEN_MINUS},
    {"*", TOKEN_STAR},        {"/", TOKEN_OPERATOR},       {"%", TOKEN_OPERATOR},
    {"|", TOKEN_OPERATOR},    {"&", TOKEN_OPERATOR},       {"^", TOKEN_OPERATOR},
    {"#", TOKEN_OPERATOR},    {"~", TOKEN_OPERATOR},       {"!", TOKEN_OPERATOR},
    {"@", TOKEN_PREFIX},      {",", TOKEN_COMMA},          {".", TOKEN_PERIOD},
    {";", TOKEN_SEMICOLON},   {":", TOKEN_COLON},          {"(", TOKEN_LEFT_PAREN},
    {")", TOKEN_RIGHT_PAREN}, {"[", TOKEN_LEFT_BRACKET},   {"]", TOKEN_RIGHT_BRACKET},
};

static const char *const KEYWORD_TEXTS[] = {"",
#define KEYWORD_TEXT(name) #name,
                                            KEYWORDS(KEYWORD_TEXT)
#undef KEYWORD_TEXT
};
#define KEYWORD_COUNT (sizeof KEYWORD_TEXTS / sizeof KEYWORD_TEXTS[0])

static void lexer_skip_blanks(Lexer *lexer);
static void lexer_skip_block_comment(Lexer *lexer);
static uint32_t lexer_space_bytes(const Lexer *lexer);
static void lexer_step(Lexer *lexer);
static uint8_t lexer_peek(const Lexer *lexer, uint32_t ahead);
static void lexer_fail(Lexer *lexer, uint32_t line, uint32_t column, const char *message);
static Token lexer_token(Lexer *lexer);
static Token lexer_word(Lexer *lexer);
static Token lexer_number(Lexer *lexer);
static Bytes lexer_quoted(Lexer *lexer, uint8_t quote, Place start);
static void lexer_escaped(Lexer *lexer, Place start);
static Token lexer_dollar(Lexer *lexer);
static Token lexer_operator(Lexer *lexer);
static Keyword keyword_find(Bytes word);
static bool lexer_is_word_part(const Lexer *lexer);
static uint32_t lexer_code_point(const Lexer *lexer);
static bool is_digit(uint8_t byte);
static bool is_hex_digit(uint8_t byte);

Status tokens_read(Bytes text, Arena *arena, TokenSpan *ret_tokens, Error *error) {
    ASSERT(text.count <= SQL_TEXT_BYTES_MAX);
    Lexer lexer = {.text = text, .line = 1, .column = 1, .arena = arena, .error = error};
    uint32_t capacity = 64, count = 0;
    Token *items = ARENA_ARRAY(arena, Token, capacity);
    for (;;) {
        if (count == capacity) {
            Token *larger = ARENA_ARRAY(arena, Token, capacity * 2);
            memcpy(larger, items, capacity * sizeof *items);
            items = larger;
            capacity *= 2;
        }
        lexer_skip_blanks(&lexer);
        Token token = lexer.failed ? (Token){0} : lexer_token(&lexer);
        if (lexer.failed) return STATUS_INVALID;
        items[count++] = token;
        if (token.kind == TOKEN_END) break;
    }
    *ret_tokens = (TokenSpan){items, count};
    return STATUS_OK;
}

void token_write(const Token *token, Buffer *buffer) {
    switch (token->kind) {
    case TOKEN_END: buffer_append_text(buffer, "EOF"); return;
    case TOKEN_HEX:
        buffer_append_text(buffer, "X'");
        buffer_append_bytes(buffer, token->value);
        buffer_append_text(buffer, "'");
        return;
    case TOKEN_STRING:
        buffer_append_text(buffer, "'");
        buffer_append_bytes(buffer, token->value);
        buffer_append_text(buffer, "'");
        return;
    case TOKEN_NOT_EQUAL: buffer_append_text(buffer, "<>"); return;
    default: buffer_append_bytes(buffer, token->text); return;
    }
}

static uint8_t byte_to_upper(uint8_t byte) {
    return byte >= 'a' && byte <= 'z' ? (uint8_t)(byte - 32) : byte;
}

static bool tokens_need_space(const Token *before, const Token *token) {
    switch (token->kind) {
    case TOKEN_COMMA:
    case TOKEN_PERIOD:
    case TOKEN_RIGHT_PAREN:
    case TOKEN_RIGHT_BRACKET:
    case TOKEN_LEFT_BRACKET:
    case TOKEN_SEMICOLON: return false;
    case TOKEN_LEFT_PAREN:
        if (token->role == ROLE_CALL) return false;
        break;
    default: break;
    }
    return before->kind != TOKEN_PERIOD && before->kind != TOKEN_LEFT_PAREN &&
           before->kind != TOKEN_LEFT_BRACKET && before->kind != TOKEN_COLON &&
           before->kind != TOKEN_PREFIX && before->role != ROLE_SIGN;
}

void tokens_write(const TokenSpan *tokens, uint32_t first, uint32_t end, Buffer *buffer) {
    ASSERT(first <= end && end <= tokens->count);
    const Token *before = NULL;
    for (uint32_t i = first; i < end && buffer->count < ERROR_TEXT_MAX; i++) {
        const Token *token = &tokens->items[i];
        if (token->role == ROLE_OMITTED) continue;
        if (before != NULL && tokens_need_space(before, token)) buffer_u8(buffer, ' ');
        if (token->role == ROLE_BARE_ALIAS) buffer_append_text(buffer, "AS ");
        if (token->role == ROLE_CAPITALS) {
            for (uint32_t j = 0; j < token->text.count; j++)
                buffer_u8(buffer, byte_to_upper(token->text.data[j]));
        } else if (token->role == ROLE_BOOL) {
            buffer_append_text(buffer, token->keyword == KEYWORD_TRUE ? "true" : "false");
        } else if (token->kind == TOKEN_EQUAL) {
            buffer_u8(buffer, '=');
        } else if (token->kind == TOKEN_STRING) {
            buffer_append_bytes(buffer, token->text);
        } else {
            token_write(token, buffer);
        }
        before = token;
    }
}

// ---- blanks ----

static void lexer_skip_blanks(Lexer *lexer) {
    while (!lexer->failed && lexer->at < lexer->text.count) {
        if (lexer_space_bytes(lexer) > 0) {
            lexer_step(lexer);
        } else if (lexer_peek(lexer, 0) == '-' && lexer_peek(lexer, 1) == '-') {
            while (lexer->at < lexer->text.count && lexer_peek(lexer, 0) != '\n') lexer_step(lexer);
        } else if (lexer_peek(lexer, 0) == '/' && lexer_peek(lexer, 1) == '*') {
            lexer_skip_block_comment(lexer);
        } else {
            return;
        }
    }
}

static void lexer_skip_block_comment(Lexer *lexer) {
    uint32_t nesting = 0;
    uint8_t last = 0;
    while (lexer->at < lexer->text.count) {
        uint8_t byte = lexer_peek(lexer, 0);
        if (last == '/' && byte == '*') nesting++;
        if (last == '*' && byte == '/') nesting--;
        lexer_step(lexer);
        if (nesting == 0 && last != 0) return;
        // The star that opens the comment does not close it as well.
        last = nesting == 1 && last == '/' && byte == '*' ? ' ' : byte;
    }
    lexer_fail(lexer, lexer->line, lexer->column, "Unexpected EOF while in a multi-line comment");
}

// Bytes of the white space at this place, 0 if there is none. The text is valid UTF-8.
static uint32_t lexer_space_bytes(const Lexer *lexer) {
    uint8_t byte = lexer_peek(lexer, 0);
    if (byte == ' ' || (byte >= '\t' && byte <= '\r')) return 1;
    uint8_t second = lexer_peek(lexer, 1);
    if (byte == 0xc2) return second == 0x85 || second == 0xa0 ? 2 : 0;
    uint8_t third = lexer_peek(lexer, 2);
    if (byte == 0xe1) return second == 0x9a && third == 0x80 ? 3 : 0;  // U+1680
    if (byte == 0xe3) return second == 0x80 && third == 0x80 ? 3 : 0;  // U+3000
    if (byte != 0xe2) return 0;
    if (second == 0x81) return third == 0x9f ? 3 : 0;  // U+205F
    if (second != 0x80) return 0;
    bool is_space = (third >= 0x80 && third <= 0x8a) || third == 0xa8 || third == 0xa9 ||
                    third == 0xaf;
    return is_space ? 3 : 0;
}

// One character on. \r\n is one newline: the \r counts, the \n behind it does not.
static void lexer_step(Lexer *lexer) {
    ASSERT(lexer->at < lexer->text.count);
    uint8_t byte = lexer->text.data[lexer->at++];
    while (lexer->at < lexer->text.count && (lexer->text.data[lexer->at] & 0xc0) == 0x80)
        lexer->at++;
    if (byte == '\n') {
        lexer->line++;
        lexer->column = 1;
    } else {
        lexer->column++;
    }
}

static uint8_t lexer_peek(const Lexer *lexer, uint32_t ahead) {
    return lexer->text.count - lexer->at > ahead ? lexer->text.data[lexer->at + ahead] : 0;
}

static void lexer_fail(Lexer *lexer, uint32_t line, uint32_t column, const char *message) {
    if (lexer->failed) return;
    lexer->failed = true;
    (void)error_set(lexer->error, STATUS_INVALID, "sql parser error: %s at Line: %u, Column %u",
                    message, line, column);  // tokens_read answers with the status
}

// ---- tokens ----

static Place lexer_place(const Lexer *lexer) {
    return (Place){lexer->at, lexer->line, lexer->column};
}

static Token lexer_finish(const Lexer *lexer, Place start, TokenKind kind) {
    ASSERT(start.at <= lexer->at);
    Bytes text = bytes_slice(lexer->text, start.at, lexer->at - start.at);
    return (Token){
        .kind = kind, .text = text, .value = text, .line = start.line, .column = start.column};
}

static Token lexer_token(Lexer *lexer) {
    if (lexer->at == lexer->text.count) return lexer_finish(lexer, lexer_place(lexer), TOKEN_END);
    Place start = lexer_place(lexer);
    uint8_t byte = lexer_peek(lexer, 0);
    bool has_quote = lexer_peek(lexer, 1) == '\'';
    if (byte == '\'' || ((byte == 'x' || byte == 'X') && has_quote) ||
        ((byte == 'n' || byte == 'N') && has_quote)) {
        if (byte != '\'') lexer_step(lexer);
        Bytes value = lexer_quoted(lexer, '\'', lexer_place(lexer));
        TokenKind kind = byte == '\'' ? TOKEN_STRING : TOKEN_OTHER_STRING;
        if (byte == 'x' || byte == 'X') kind = TOKEN_HEX;
        Token token = lexer_finish(lexer, start, kind);
        token.value = value;
        return token;
    }
    if ((byte == 'e' || byte == 'E') && has_quote) {
        lexer_step(lexer);
        lexer_escaped(lexer, start);
        return lexer_finish(lexer, start, TOKEN_OTHER_STRING);
    }
    if (byte == '"') {
        Bytes value = lexer_quoted(lexer, '"', start);
        Token token = lexer_finish(lexer, start, TOKEN_WORD);
        token.value = value;
        token.is_quoted = true;
        return token;
    }
    if (is_digit(byte) || (byte == '.' && is_digit(lexer_peek(lexer, 1))))
        return lexer_number(lexer);
    if (!is_digit(byte) && byte != '$' && lexer_is_word_part(lexer)) return lexer_word(lexer);
    if (byte == '$') return lexer_dollar(lexer);
    if (byte == '?') {
        lexer_step(lexer);
        while (is_digit(lexer_peek(lexer, 0))) lexer_step(lexer);
        return lexer_finish(lexer, start, TOKEN_PLACEHOLDER);
    }
    return lexer_operator(lexer);
}

static Token lexer_word(Lexer *lexer) {
    Place start = lexer_place(lexer);
    while (lexer_is_word_part(lexer)) lexer_step(lexer);
    Token token = lexer_finish(lexer, start, TOKEN_WORD);
    token.keyword = keyword_find(token.text);
    return token;
}

static Token lexer_number(Lexer *lexer) {
    Place start = lexer_place(lexer);
    if (lexer_peek(lexer, 0) == '0' && lexer_peek(lexer, 1) == 'x') {
        lexer_step(lexer);
        lexer_step(lexer);
        while (is_hex_digit(lexer_peek(lexer, 0))) lexer_step(lexer);
        Token token = lexer_finish(lexer, start, TOKEN_HEX);
        token.value = bytes_slice(token.text, 2, token.text.count - 2);
        return token;
    }
    while (is_digit(lexer_peek(lexer, 0))) lexer_step(lexer);
    if (lexer_peek(lexer, 0) == '.') lexer_step(lexer);
    while (is_digit(lexer_peek(lexer, 0))) lexer_step(lexer);
    uint8_t byte = lexer_peek(lexer, 0);
    if (byte == 'e' || byte == 'E') {
        uint8_t sign = lexer_peek(lexer, 1);
        uint32_t skip = sign == '+' || sign == '-' ? 2 : 1;
        if (is_digit(lexer_peek(lexer, skip))) {
            for (uint32_t i = 0; i < skip; i++) lexer_step(lexer);
            while (is_digit(lexer_peek(lexer, 0))) lexer_step(lexer);
        }
    }
    Token token = lexer_finish(lexer, start, TOKEN_NUMBER);
    if (lexer_peek(lexer, 0) == 'L') {
        lexer_step(lexer);
        token.text.count++;
        token.is_long = true;
    }
    return token;
}

// A text between quotes, in which a doubled quote stands for one. `start` is where an error says it
// began.
static Bytes lexer_quoted(Lexer *lexer, uint8_t quote, Place start) {
    ASSERT(lexer_peek(lexer, 0) == quote);
    lexer_step(lexer);
    uint32_t begin = lexer->at, doubled = 0;
    while (lexer->at < lexer->text.count) {
        if (lexer_peek(lexer, 0) != quote) {
            lexer_step(lexer);
            continue;
        }
        if (lexer_peek(lexer, 1) != quote) break;
        lexer_step(lexer);
        lexer_step(lexer);
        doubled++;
    }
    if (lexer->at == lexer->text.count) {
        lexer_fail(lexer, start.line, start.column,
                   quote == '"' ? "Expected close delimiter '\"' before EOF."
                                : "Unterminated string literal");
        return BYTES_NONE;
    }
    Bytes inner = bytes_slice(lexer->text, begin, lexer->at - begin);
    lexer_step(lexer);
    if (doubled == 0) return inner;
    uint8_t *value = arena_alloc(lexer->arena, inner.count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < inner.count; i++) {
        value[count++] = inner.data[i];
        if (inner.data[i] == quote) i++;
    }
    ASSERT(count == inner.count - doubled);
    return bytes_of(value, count);
}

// E'...': a backslash takes the next character with it. Its value is never needed.
static void lexer_escaped(Lexer *lexer, Place start) {
    lexer_step(lexer);
    while (lexer->at < lexer->text.count) {
        uint8_t byte = lexer_peek(lexer, 0);
        lexer_step(lexer);
        if (byte == '\\' && lexer->at < lexer->text.count) {
            lexer_step(lexer);
        } else if (byte == '\'') {
            if (lexer_peek(lexer, 0) != '\'') return;
            lexer_step(lexer);
        }
    }
    lexer_fail(lexer, start.line, start.column, "Unterminated encoded string literal");
}

// $1 is a placeholder; $tag$...$tag$ a string.
static Token lexer_dollar(Lexer *lexer) {
    Place start = lexer_place(lexer);
    lexer_step(lexer);
    while (lexer_peek(lexer, 0) != '$' && lexer_is_word_part(lexer)) lexer_step(lexer);
    if (lexer_peek(lexer, 0) != '$') return lexer_finish(lexer, start, TOKEN_PLACEHOLDER);
    lexer_step(lexer);
    Bytes tag = bytes_slice(lexer->text, start.at, lexer->at - start.at);
    while (lexer->at < lexer->text.count) {
        bool fits = lexer->text.count - lexer->at >= tag.count;
        if (fits && bytes_equal(bytes_slice(lexer->text, lexer->at, tag.count), tag)) {
            for (uint32_t end = lexer->at + tag.count; lexer->at < end;) lexer_step(lexer);
            return lexer_finish(lexer, start, TOKEN_OTHER_STRING);
        }
        lexer_step(lexer);
    }
    lexer_fail(lexer, lexer->line, lexer->column, "Unterminated dollar-quoted string");
    return lexer_finish(lexer, start, TOKEN_OTHER_STRING);
}

static Token lexer_operator(Lexer *lexer) {
    Place start = lexer_place(lexer);
    for (uint32_t i = 0; i < sizeof OPERATORS / sizeof OPERATORS[0]; i++) {
        uint32_t count = (uint32_t)strlen(OPERATORS[i].text);
        if (lexer->text.count - lexer->at < count) continue;
        if (memcmp(lexer->text.data + lexer->at, OPERATORS[i].text, count) != 0) continue;
        for (uint32_t step = 0; step < count; step++) lexer_step(lexer);
        return lexer_finish(lexer, start, OPERATORS[i].kind);
    }
    lexer_step(lexer);
    return lexer_finish(lexer, start, TOKEN_OTHER);
}

// ---- characters and keywords ----

// Beyond ASCII: blocks without letters.
static const struct {
    uint32_t first, last;
} SIGNS[] = {
    {0x80, 0xa9},     {0xab, 0xb4},     {0xb6, 0xb9},     {0xbb, 0xbf},       {0xd7, 0xd7},
    {0xf7, 0xf7},     {0x1680, 0x1680}, {0x2000, 0x2070}, {0x2074, 0x207e},   {0x2080, 0x208e},
    {0x20a0, 0x20ff}, {0x2190, 0x249b}, {0x2500, 0x2bff}, {0x3000, 0x3004},   {0x3008, 0x3020},
    {0xe000, 0xf8ff}, {0xfe00, 0xfe6f}, {0xfffc, 0xffff}, {0x1f000, 0x1faff},
};

static bool lexer_is_word_part(const Lexer *lexer) {
    uint8_t byte = lexer_peek(lexer, 0);
    bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
    if (byte < 0x80) return is_letter || is_digit(byte) || byte == '$';
    uint32_t point = lexer_code_point(lexer);
    for (uint32_t i = 0; i < sizeof SIGNS / sizeof SIGNS[0]; i++) {
        if (point >= SIGNS[i].first && point <= SIGNS[i].last) return false;
    }
    return true;
}

// The character here, which is not ASCII. The text is valid UTF-8.
static uint32_t lexer_code_point(const Lexer *lexer) {
    uint32_t first = lexer_peek(lexer, 0);
    uint32_t rest = 0, count = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    for (uint32_t i = 1; i <= count; i++) rest = rest << 6 | (lexer_peek(lexer, i) & 0x3f);
    return (first & (0x3fu >> count)) << (6 * count) | rest;
}

static Keyword keyword_find(Bytes word) {
    uint32_t low = 1, high = KEYWORD_COUNT;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const char *text = KEYWORD_TEXTS[middle];
        uint32_t i = 0;
        int order = 0;
        for (; i < word.count && order == 0; i++) {
            order = byte_to_upper(word.data[i]) -
                    (uint8_t)text[i];  // text ends in a zero, which no word contains
        }
        if (order == 0 && text[i] == 0) return (Keyword)middle;
        if (order > 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return KEYWORD_NONE;
}

static bool is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

static bool is_hex_digit(uint8_t byte) {
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

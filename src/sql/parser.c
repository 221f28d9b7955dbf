// parser.c - the token cursor of the parser, and the loop over statements.
//
// The grammar's own files call these; every function here is harmless after a failure.

#include "sql/parser.h"

static SyntaxStatement *parser_statements(Parser *parser, uint32_t *ret_count);

Status syntax_parse(Bytes text, Arena *arena, SyntaxText *ret_text, Error *error) {
    TokenSpan tokens;
    Status status = tokens_read(text, arena, &tokens, error);
    if (status != STATUS_OK) return status;
    Parser parser = {.tokens = tokens, .arena = arena, .error = error};
    uint32_t count = 0;
    SyntaxStatement *first = parser_statements(&parser, &count);
    if (parser.failed) return STATUS_INVALID;
    *ret_text = (SyntaxText){tokens, first, count};
    return STATUS_OK;
}

// All statements are parsed, as errors in later ones count; only the first is kept.
static SyntaxStatement *parser_statements(Parser *parser, uint32_t *ret_count) {
    SyntaxStatement *first = NULL;
    bool needs_semicolon = false;
    while (!parser->failed) {
        while (parser_take(parser, TOKEN_SEMICOLON)) needs_semicolon = false;
        if (parser_sees(parser, TOKEN_END) || parser_sees_keyword(parser, KEYWORD_END)) break;
        if (needs_semicolon) {
            parser_fail_expected(parser, "end of statement");
            break;
        }
        SyntaxStatement *statement = parse_statement(parser);
        if (first == NULL) first = statement;
        (*ret_count)++;
        needs_semicolon = true;
    }
    return first;
}

// ---- the cursor ----

const Token *parser_peek(const Parser *parser) {
    return parser_peek_ahead(parser, 0);
}

const Token *parser_peek_ahead(const Parser *parser, uint32_t count) {
    uint32_t last = parser->tokens.count - 1;
    ASSERT(parser->at <= last);
    if (parser->failed || last - parser->at < count) return &parser->tokens.items[last];
    return &parser->tokens.items[parser->at + count];
}

Token *parser_next(Parser *parser) {
    Token *token = (Token *)parser_peek(parser);  // ours: the span's items are not const
    if (token->kind != TOKEN_END) parser->at++;
    return token;
}

bool parser_sees(const Parser *parser, TokenKind kind) {
    return parser_peek(parser)->kind == kind;
}

bool parser_sees_keyword(const Parser *parser, Keyword keyword) {
    ASSERT(keyword != KEYWORD_NONE);
    return parser_peek(parser)->keyword == keyword;
}

bool parser_take(Parser *parser, TokenKind kind) {
    ASSERT(kind != TOKEN_END);
    if (!parser_sees(parser, kind)) return false;
    (void)parser_next(parser);
    return true;
}

bool parser_take_keyword(Parser *parser, Keyword keyword) {
    if (!parser_sees_keyword(parser, keyword)) return false;
    parser_next(parser)->role = ROLE_CAPITALS;
    return true;
}

bool parser_take_keywords(Parser *parser, Keyword first, Keyword second) {
    if (!parser_sees_keyword(parser, first) || parser_peek_ahead(parser, 1)->keyword != second)
        return false;
    return parser_take_keyword(parser, first) && parser_take_keyword(parser, second);
}

bool parser_sees_assign(const Parser *parser) {
    return parser_sees(parser, TOKEN_EQUAL) && parser_peek(parser)->text.count == 1;
}

void parser_expect(Parser *parser, TokenKind kind, const char *name) {
    if (!parser_take(parser, kind)) parser_fail_expected(parser, name);
}

void parser_expect_keyword(Parser *parser, Keyword keyword, const char *name) {
    if (!parser_take_keyword(parser, keyword)) parser_fail_expected(parser, name);
}

void parser_fail_expected(Parser *parser, const char *what) {
    if (parser->failed) return;
    const Token *found = parser_peek(parser);
    Buffer text;
    buffer_init(&text, SQL_TEXT_BYTES_MAX + ERROR_TEXT_MAX);
    token_write(found, &text);
    Bytes shown = buffer_bytes(&text);
    if (found->kind == TOKEN_END) {
        (void)error_set(parser->error, STATUS_INVALID, "sql parser error: Expected %s, found: %.*s",
                        what,
                        BYTES_FORMAT(shown));  // syntax_parse answers with the status
    } else {
        (void)error_set(parser->error, STATUS_INVALID,
                        "sql parser error: Expected %s, found: %.*s at Line: %u, Column %u", what,
                        BYTES_FORMAT(shown), found->line, found->column);
    }
    buffer_done(&text);
    parser->failed = true;
}

void parser_fail(Parser *parser, const char *text) {
    if (parser->failed) return;
    parser->failed = true;
    (void)error_set(parser->error, STATUS_INVALID, "sql parser error: %s", text);
}

bool parser_enter(Parser *parser) {
    ASSERT(parser->depth <= SQL_DEPTH_MAX);
    if (parser->depth == SQL_DEPTH_MAX) parser_fail(parser, "recursion limit exceeded");
    if (parser->failed) return false;
    parser->depth++;
    return true;
}

void parser_leave(Parser *parser) {
    ASSERT(parser->depth > 0);
    parser->depth--;
}

// ---- names ----

Bytes parser_identifier(Parser *parser) {
    const Token *token = parser_peek(parser);
    if (token->kind != TOKEN_WORD && token->kind != TOKEN_STRING) {
        parser_fail_expected(parser, "identifier");
        return BYTES_NONE;
    }
    return parser_next(parser)->value;
}

Bytes parser_object_name(Parser *parser) {
    uint32_t first = parser->at;
    Bytes name = parser_identifier(parser);
    while (parser_take(parser, TOKEN_PERIOD)) (void)parser_identifier(parser);
    return parser->failed || parser->at == first + 1 ? name
                                                     : parser_join(parser, first, parser->at);
}

Bytes parser_join(Parser *parser, uint32_t first, uint32_t end) {
    ASSERT(first < end && end < parser->tokens.count);
    uint32_t count = 0;
    for (uint32_t i = first; i < end; i++) count += parser->tokens.items[i].value.count;
    uint8_t *data = arena_alloc(parser->arena, count);
    uint32_t at = 0;
    for (uint32_t i = first; i < end; i++) {
        Bytes value = parser->tokens.items[i].value;  // a period's value is the period
        if (value.count > 0) memcpy(data + at, value.data, value.count);
        at += value.count;
    }
    return bytes_of(data, count);
}

void parser_skip_parens(Parser *parser) {
    uint32_t nesting = 0;
    do {
        TokenKind kind = parser_peek(parser)->kind;
        if (kind == TOKEN_LEFT_PAREN || kind == TOKEN_LEFT_BRACKET) nesting++;
        if (kind == TOKEN_RIGHT_PAREN || kind == TOKEN_RIGHT_BRACKET) nesting--;
        if (kind == TOKEN_END) {
            parser_fail_expected(parser, ")");
            return;
        }
        (void)parser_next(parser);
    } while (nesting > 0);
}

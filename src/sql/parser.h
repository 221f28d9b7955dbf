// parser.h - the state of one parse, shared by the files that hold the grammar.
//
// A failure sticks: the parser then sees only the end of the text, so that every loop ends, and
// what it returns is not looked at.
//
// Threads    none of it is shared.
// Lifetime   that of syntax_parse.
#pragma once

#include "sql/syntax.h"

typedef struct Parser {
    TokenSpan tokens;
    uint32_t at;
    uint32_t depth;
    Arena *arena;
    Error *error;
    bool failed;
} Parser;

// ---- tokens (parser.c) ----

const Token *parser_peek(const Parser *parser);
const Token *parser_peek_ahead(const Parser *parser, uint32_t count);
Token *parser_next(Parser *parser);
bool parser_sees(const Parser *parser, TokenKind kind);
bool parser_sees_keyword(const Parser *parser, Keyword keyword);
// Take what is expected if it is there; a keyword is marked as one.
bool parser_take(Parser *parser, TokenKind kind);
bool parser_take_keyword(Parser *parser, Keyword keyword);
bool parser_take_keywords(Parser *parser, Keyword first, Keyword second);
// The = of an assignment, which == is not.
bool parser_sees_assign(const Parser *parser);
// The same, and its absence is an error.
void parser_expect(Parser *parser, TokenKind kind, const char *name);
void parser_expect_keyword(Parser *parser, Keyword keyword, const char *name);
// "Expected {what}, found: {token}".
void parser_fail_expected(Parser *parser, const char *what);
// Any other text behind "sql parser error: ".
void parser_fail(Parser *parser, const char *text);
// Counts nesting; false (and a failure) past SQL_DEPTH_MAX. parser_leave must follow where it was
// true.
bool parser_enter(Parser *parser);
void parser_leave(Parser *parser);
// An identifier: a word, or a single-quoted string.
Bytes parser_identifier(Parser *parser);
// Identifiers with dots between them, joined by dots.
Bytes parser_object_name(Parser *parser);
// The texts of the tokens first ... end - 1, which are identifiers and the periods between them.
Bytes parser_join(Parser *parser, uint32_t first, uint32_t end);
// Skips over an opening parenthesis and all up to the closing one.
void parser_skip_parens(Parser *parser);

// ---- grammar ----

const Syntax *parse_expr(Parser *parser);                      // parse_expr.c
SyntaxList parse_exprs(Parser *parser);                        // with commas between them
SyntaxQuery *parse_query(Parser *parser);                      // parse_query.c
SyntaxTables parse_tables(Parser *parser);                     // one entry of FROM
uint32_t parse_items(Parser *parser, SyntaxItem **ret_items);  // SELECT's and RETURNING's
// What stands between the parentheses of a call, without the closing one.
uint32_t parse_arguments(Parser *parser, SyntaxArgument **ret_items);
SyntaxOrders parse_order_by(Parser *parser);  // what follows ORDER BY
void parse_names(Parser *parser);  // identifiers with commas, and the closing parenthesis
SyntaxStatement *parse_statement(Parser *parser);  // parse_statement.c

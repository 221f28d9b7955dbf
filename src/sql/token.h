// token.h - SQL text cut into tokens, and tokens written back as text.
//
// Threads    none of it is shared.
// Lifetime   tokens and their texts live in the arena and in the text given.
// Limits     the text is bounded by its caller (SQL_TEXT_BYTES_MAX); as many tokens as bytes at
//            most.
// Format     sql.md 2.
#pragma once

#include "base/arena.h"
#include "base/status.h"

typedef enum TokenKind {
    TOKEN_END,  // of the text; the last token
    TOKEN_WORD,
    TOKEN_NUMBER,
    TOKEN_STRING,        // '...'
    TOKEN_HEX,           // 0x... and X'...'
    TOKEN_OTHER_STRING,  // E'...', N'...', $$...$$: no literal of ours
    TOKEN_PLACEHOLDER,   // ?, $1
    TOKEN_COMMA,
    TOKEN_PERIOD,
    TOKEN_SEMICOLON,
    TOKEN_COLON,
    TOKEN_LEFT_PAREN,
    TOKEN_RIGHT_PAREN,
    TOKEN_LEFT_BRACKET,
    TOKEN_RIGHT_BRACKET,
    TOKEN_STAR,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_EQUAL,  // = and ==
    TOKEN_NOT_EQUAL,
    TOKEN_LESS,
    TOKEN_LESS_EQUAL,
    TOKEN_GREATER,
    TOKEN_GREATER_EQUAL,
    TOKEN_OPERATOR,  // infix operators that are rejected later
    TOKEN_PREFIX,    // prefix operators that are rejected later
    TOKEN_OTHER,     // everything else
} TokenKind;

// Words with a meaning somewhere in the grammar. In alphabetical order.
// clang-format off
#define KEYWORDS(X) \
    X(ALL) X(ANALYZE) X(AND) X(ANTI) X(ANY) X(APPLY) X(ARRAY) X(ARRAY_AGG) X(AS) X(ASC) X(AT) \
    X(BETWEEN) X(BY) X(CASE) X(CAST) X(CEIL) X(CLUSTER) X(COLLATE) X(CONFLICT) X(CROSS) \
    X(CURRENT_CATALOG) X(CURRENT_DATE) X(CURRENT_TIME) X(CURRENT_TIMESTAMP) X(CURRENT_USER) \
    X(DELETE) X(DESC) X(DISTINCT) X(DISTRIBUTE) X(DIV) X(ELSE) X(END) X(ESCAPE) X(EXCEPT) \
    X(EXISTS) X(EXPLAIN) X(EXTRACT) X(FALSE) X(FETCH) X(FIRST) X(FLOOR) X(FOR) X(FROM) X(FULL) \
    X(GROUP) X(HAVING) X(ILIKE) X(IN) X(INNER) X(INSERT) X(INTERSECT) X(INTERVAL) X(INTO) X(IS) \
    X(JOIN) X(LAST) X(LATERAL) X(LEFT) X(LIKE) X(LIMIT) X(LISTAGG) X(LOCAL) X(LOCALTIME) \
    X(LOCALTIMESTAMP) X(NATURAL) X(NOT) X(NULL) X(NULLS) X(OFFSET) X(ON) X(OPERATOR) X(OR) \
    X(ORDER) X(OUTER) X(OVER) X(OVERLAY) X(OVERWRITE) X(PARTITION) X(PIVOT) X(POSITION) \
    X(QUALIFY) X(RETURNING) X(RIGHT) X(ROLE) X(ROW) X(ROWS) X(SAFE_CAST) X(SELECT) X(SEMI) \
    X(SESSION) X(SESSION_USER) X(SET) X(SHOW) X(SIMILAR) X(SORT) X(SUBSTRING) X(TABLE) X(THEN) \
    X(TIME) X(TO) X(TOP) X(TRIM) X(TRUE) X(TRY_CAST) X(UNION) X(UNKNOWN) X(UNNEST) X(UPDATE) \
    X(USER) X(USING) X(VALUES) X(VIEW) X(WHEN) X(WHERE) X(WINDOW) X(WITH) X(XOR) X(ZONE)
// clang-format on

typedef enum Keyword {
    KEYWORD_NONE,
#define KEYWORD_ENUMERATOR(name) KEYWORD_##name,
    KEYWORDS(KEYWORD_ENUMERATOR)
#undef KEYWORD_ENUMERATOR
} Keyword;

// How the parser understood a token; what tokens_write needs to know.
typedef enum TokenRole {
    ROLE_PLAIN,
    ROLE_CAPITALS,    // a keyword, or the name of a type
    ROLE_BOOL,        // written in small letters
    ROLE_SIGN,        // no space behind it
    ROLE_CALL,        // an opening parenthesis with no space before it
    ROLE_BARE_ALIAS,  // written with AS before it
    ROLE_OMITTED,     // not written
} TokenRole;

typedef struct Token {
    TokenKind kind;
    Keyword keyword;  // of a word without quotes
    TokenRole role;
    bool is_quoted;   // a word in double quotes
    bool is_long;     // a number with an L behind it
    Bytes text;       // as it stands in the source
    Bytes value;      // without quotes, prefix and suffix
    uint32_t line;    // from 1
    uint32_t column;  // in characters, from 1
} Token;

typedef struct TokenSpan {
    Token *items;  // the last one is TOKEN_END
    uint32_t count;
} TokenSpan;

// STATUS_INVALID with upstream's text for what does not end: strings, quoted names, comments.
Status tokens_read(Bytes text, Arena *arena, TokenSpan *ret_tokens, Error *error);

// One token as error texts show it.
void token_write(const Token *token, Buffer *buffer);
// Tokens first ... end - 1 with single spaces, keywords in capitals: how rejected parts are quoted
// (sql.md 3.8).
void tokens_write(const TokenSpan *tokens, uint32_t first, uint32_t end, Buffer *buffer);

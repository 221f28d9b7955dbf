// parse_expr.c - expressions, by precedence climbing: a prefix, then infix operators that bind
// tighter than asked.
//
// Left-associative chains are loops, so depth is spent on parentheses and prefixes only; the height
// of the tree is counted in the nodes. Whatever is no literal, name, comparison, AND, OR or
// function is taken in loosely and becomes SYNTAX_OTHER.

#include "sql/parser.h"

// How tightly infix operators bind.
enum {
    BINDS_NOT_AT_ALL = 0,
    BINDS_OR = 5,
    BINDS_AND = 10,
    BINDS_NOT = 15,
    BINDS_IS = 17,
    BINDS_LIKE = 19,
    BINDS_COMPARE = 20,
    BINDS_XOR = 24,
    BINDS_SUM = 30,
    BINDS_PRODUCT = 40,
    BINDS_ACCESS = 50,
};

static const struct {
    const char *text;
    uint8_t binds;
} OPERATOR_BINDS[] = {
    {"<=>", 20}, {"~", 20},  {"~*", 20}, {"!~", 20},  {"!~*", 20}, {"|", 21},   {"^", 22},
    {"#", 22},   {"<<", 22}, {">>", 22}, {"&", 23},   {"/", 40},   {"%", 40},   {"||", 40},
    {"::", 50},  {"!", 50},  {"->", 50}, {"->>", 50}, {"#>", 50},  {"#>>", 50}, {"@>", 50},
    {"<@", 50},  {"#-", 50}, {"@?", 50}, {"@@", 50},  {"&&", 50},
};

// Names of types that make a typed literal of a string behind them.
static const char *const TYPE_WORDS[] = {
    "DATE",    "TIME",   "TIMESTAMP", "TIMESTAMPTZ", "TIMETZ",  "DATETIME", "BOOL",     "BOOLEAN",
    "INT",     "INT2",   "INT4",      "INT8",        "INTEGER", "BIGINT",   "SMALLINT", "TINYINT",
    "FLOAT",   "FLOAT4", "FLOAT8",    "REAL",        "DOUBLE",  "NUMERIC",  "DECIMAL",  "CHAR",
    "VARCHAR", "TEXT",   "STRING",    "BYTEA",       "UUID",    "JSON",
};

static Syntax *parse_subexpr(Parser *parser, uint8_t binds);
static uint8_t parser_binds(const Parser *parser);
static Syntax *parse_prefix(Parser *parser);
static Syntax *parse_prefix_word(Parser *parser);
static Syntax *parse_interval(Parser *parser);
static Syntax *parse_exists(Parser *parser);
static Syntax *parse_array(Parser *parser);
static Syntax *parse_call_syntax(Parser *parser);
static Syntax *parse_cast(Parser *parser);
static void parse_type(Parser *parser);
static void parse_brackets(Parser *parser);
static Syntax *parse_case(Parser *parser);
static Syntax *parse_name(Parser *parser);
static Syntax *parse_sign(Parser *parser);
static Syntax *parse_not(Parser *parser);
static Syntax *parse_parens(Parser *parser);
static Syntax *parse_infix(Parser *parser, Syntax *left, uint8_t binds);
static Syntax *parse_binary(Parser *parser, Syntax *left, uint8_t binds);
static Syntax *parse_test(Parser *parser, Syntax *left);
static Syntax *parse_is(Parser *parser, Syntax *left);
static Syntax *syntax_new(Parser *parser, SyntaxKind kind, uint32_t first);
static void syntax_set_children(Parser *parser, Syntax *node, const Syntax *left,
                                const Syntax *right);
static Syntax *syntax_other(Parser *parser, uint32_t first);

const Syntax *parse_expr(Parser *parser) {
    if (!parser_enter(parser)) return syntax_new(parser, SYNTAX_OTHER, parser->at);
    Syntax *node = parse_subexpr(parser, BINDS_NOT_AT_ALL);
    parser_leave(parser);
    return node;
}

const Syntax *syntax_inner(const Syntax *node) {
    while (node->kind == SYNTAX_NESTED) node = node->left;
    return node;
}

static Syntax *parse_subexpr(Parser *parser, uint8_t binds) {
    uint32_t first = parser->at;
    Syntax *node = parse_prefix(parser);
    if (parser_take_keyword(parser, KEYWORD_COLLATE)) {
        (void)parser_object_name(parser);
        node = syntax_other(parser, first);
    }
    for (uint8_t next = parser_binds(parser); binds < next; next = parser_binds(parser)) {
        node = parse_infix(parser, node, next);
    }
    return node;
}

// How tightly the next token binds as an infix operator.
static uint8_t parser_binds(const Parser *parser) {
    const Token *token = parser_peek(parser);
    Keyword keyword = token->keyword;
    if (keyword == KEYWORD_NOT) {
        keyword = parser_peek_ahead(parser, 1)->keyword;
        bool is_infix = keyword == KEYWORD_IN || keyword == KEYWORD_BETWEEN ||
                        keyword == KEYWORD_LIKE || keyword == KEYWORD_ILIKE ||
                        keyword == KEYWORD_SIMILAR;
        if (!is_infix) return BINDS_NOT_AT_ALL;
    }
    switch (keyword) {
    case KEYWORD_OR: return BINDS_OR;
    case KEYWORD_AND: return BINDS_AND;
    case KEYWORD_XOR: return BINDS_XOR;
    case KEYWORD_IS: return BINDS_IS;
    case KEYWORD_IN:
    case KEYWORD_BETWEEN:
    case KEYWORD_OPERATOR: return BINDS_COMPARE;
    case KEYWORD_LIKE:
    case KEYWORD_ILIKE:
    case KEYWORD_SIMILAR: return BINDS_LIKE;
    case KEYWORD_AT: {
        bool is_zone = parser_peek_ahead(parser, 1)->keyword == KEYWORD_TIME &&
                       parser_peek_ahead(parser, 2)->keyword == KEYWORD_ZONE;
        return is_zone ? BINDS_COMPARE : BINDS_NOT_AT_ALL;
    }
    default: break;
    }
    switch (token->kind) {
    case TOKEN_EQUAL:
    case TOKEN_NOT_EQUAL:
    case TOKEN_LESS:
    case TOKEN_LESS_EQUAL:
    case TOKEN_GREATER:
    case TOKEN_GREATER_EQUAL: return BINDS_COMPARE;
    case TOKEN_PLUS:
    case TOKEN_MINUS: return BINDS_SUM;
    case TOKEN_STAR: return BINDS_PRODUCT;
    case TOKEN_COLON:
    case TOKEN_LEFT_BRACKET: return BINDS_ACCESS;
    case TOKEN_OPERATOR: break;
    default: return BINDS_NOT_AT_ALL;
    }
    for (uint32_t i = 0; i < sizeof OPERATOR_BINDS / sizeof OPERATOR_BINDS[0]; i++) {
        if (bytes_equal_text(token->text, OPERATOR_BINDS[i].text)) return OPERATOR_BINDS[i].binds;
    }
    return BINDS_NOT_AT_ALL;
}

// ---- prefixes ----

static Syntax *parse_literal(Parser *parser, SyntaxKind kind) {
    uint32_t first = parser->at;
    Bytes text = parser_next(parser)->value;
    Syntax *node = syntax_new(parser, kind, first);
    node->text = text;
    return node;
}

// A parameter: a colon and a name.
static Syntax *parse_parameter(Parser *parser) {
    uint32_t first = parser->at;
    (void)parser_next(parser);
    bool is_sender = bytes_equal_text(parser_identifier(parser), "sender");
    return syntax_new(parser, is_sender ? SYNTAX_SENDER : SYNTAX_OTHER_LITERAL, first);
}

static Syntax *parse_prefix(Parser *parser) {
    uint32_t first = parser->at;
    switch (parser_peek(parser)->kind) {
    case TOKEN_WORD: return parse_prefix_word(parser);
    case TOKEN_NUMBER: return parse_literal(parser, SYNTAX_NUMBER);
    case TOKEN_STRING: return parse_literal(parser, SYNTAX_STRING);
    case TOKEN_HEX: return parse_literal(parser, SYNTAX_HEX);
    case TOKEN_OTHER_STRING:
    case TOKEN_PLACEHOLDER: return parse_literal(parser, SYNTAX_OTHER_LITERAL);
    case TOKEN_COLON: return parse_parameter(parser);
    case TOKEN_PLUS:
    case TOKEN_MINUS: return parse_sign(parser);
    case TOKEN_LEFT_PAREN: return parse_parens(parser);
    case TOKEN_LEFT_BRACKET: parse_brackets(parser); return syntax_other(parser, first);
    case TOKEN_OPERATOR:
        if (!bytes_equal_text(parser_peek(parser)->text, "~")) break;
        // fall through
    case TOKEN_PREFIX:
        parser_next(parser)->role = ROLE_SIGN;
        if (parser_enter(parser)) {
            (void)parse_subexpr(parser, BINDS_SUM);
            parser_leave(parser);
        }
        return syntax_other(parser, first);
    default: break;
    }
    parser_fail_expected(parser, "an expression:");
    return syntax_new(parser, SYNTAX_OTHER, first);
}

static bool token_is_type_word(const Token *token) {
    if (token->is_quoted) return false;
    for (uint32_t i = 0; i < sizeof TYPE_WORDS / sizeof TYPE_WORDS[0]; i++) {
        size_t count = strlen(TYPE_WORDS[i]);
        if (token->text.count == count &&
            strncasecmp((const char *)token->text.data, TYPE_WORDS[i], count) == 0) {
            return true;
        }
    }
    return false;
}

static Syntax *parse_prefix_word(Parser *parser) {
    uint32_t first = parser->at;
    const Token *token = parser_peek(parser);
    switch (token->keyword) {
    case KEYWORD_TRUE:
    case KEYWORD_FALSE: {
        parser_next(parser)->role = ROLE_BOOL;
        Syntax *node = syntax_new(parser, SYNTAX_BOOL, first);
        node->is_true = token->keyword == KEYWORD_TRUE;
        return node;
    }
    case KEYWORD_NULL:
        parser_next(parser)->role = ROLE_CAPITALS;
        return syntax_new(parser, SYNTAX_OTHER_LITERAL, first);
    case KEYWORD_USER:
    case KEYWORD_CURRENT_USER:
    case KEYWORD_SESSION_USER:
    case KEYWORD_CURRENT_CATALOG:
        (void)parser_next(parser);
        return syntax_new(parser, SYNTAX_FUNCTION, first);
    case KEYWORD_CURRENT_DATE:
    case KEYWORD_CURRENT_TIME:
    case KEYWORD_CURRENT_TIMESTAMP:
    case KEYWORD_LOCALTIME:
    case KEYWORD_LOCALTIMESTAMP:
        (void)parser_next(parser);
        if (parser_sees(parser, TOKEN_LEFT_PAREN)) parser_skip_parens(parser);
        return syntax_new(parser, SYNTAX_FUNCTION, first);
    case KEYWORD_CASE: return parse_case(parser);
    case KEYWORD_NOT: return parse_not(parser);
    case KEYWORD_INTERVAL: return parse_interval(parser);
    case KEYWORD_EXISTS: return parse_exists(parser);
    case KEYWORD_CAST:
    case KEYWORD_TRY_CAST:
    case KEYWORD_SAFE_CAST: return parse_cast(parser);
    case KEYWORD_EXTRACT:
    case KEYWORD_CEIL:
    case KEYWORD_FLOOR:
    case KEYWORD_POSITION:
    case KEYWORD_SUBSTRING:
    case KEYWORD_OVERLAY:
    case KEYWORD_TRIM:
    case KEYWORD_LISTAGG:
    case KEYWORD_ARRAY_AGG: return parse_call_syntax(parser);
    default: break;
    }
    TokenKind behind = parser_peek_ahead(parser, 1)->kind;
    bool has_brackets = behind == TOKEN_LEFT_BRACKET || behind == TOKEN_LEFT_PAREN;
    if (token->keyword == KEYWORD_ARRAY && has_brackets) return parse_array(parser);
    if (behind != TOKEN_STRING || !token_is_type_word(token)) return parse_name(parser);
    parser_next(parser)->role = ROLE_CAPITALS;
    (void)parser_next(parser);
    return syntax_other(parser, first);
}

static Syntax *parse_interval(Parser *parser) {
    uint32_t first = parser->at;
    parser_next(parser)->role = ROLE_CAPITALS;
    if (parser_enter(parser)) {
        (void)parse_prefix(parser);
        parser_leave(parser);
    }
    if (parser_sees(parser, TOKEN_WORD) && parser_peek(parser)->keyword == KEYWORD_NONE) {
        parser_next(parser)->role = ROLE_CAPITALS;  // DAY, HOUR ...
    }
    return syntax_other(parser, first);
}

static Syntax *parse_exists(Parser *parser) {
    uint32_t first = parser->at;
    parser_next(parser)->role = ROLE_CAPITALS;
    parser_expect(parser, TOKEN_LEFT_PAREN, "(");
    (void)parse_query(parser);
    parser_expect(parser, TOKEN_RIGHT_PAREN, ")");
    return syntax_other(parser, first);
}

// ARRAY[a, b] and ARRAY(SELECT ...)
static Syntax *parse_array(Parser *parser) {
    uint32_t first = parser->at;
    parser_next(parser)->role = ROLE_CAPITALS;
    if (parser_sees(parser, TOKEN_LEFT_BRACKET)) {
        parse_brackets(parser);
    } else {
        parser_next(parser)->role = ROLE_CALL;
        (void)parse_query(parser);
        parser_expect(parser, TOKEN_RIGHT_PAREN, ")");
    }
    return syntax_other(parser, first);
}

// A word with a syntax of its own between parentheses, such as POSITION(a IN b).
static Syntax *parse_call_syntax(Parser *parser) {
    uint32_t first = parser->at;
    parser_next(parser)->role = ROLE_CAPITALS;
    if (!parser_sees(parser, TOKEN_LEFT_PAREN)) {
        parser_fail_expected(parser, "(");
        return syntax_other(parser, first);
    }
    uint32_t open = parser->at;
    parser_skip_parens(parser);
    parser->tokens.items[open].role = ROLE_CALL;
    return syntax_other(parser, first);
}

static Syntax *parse_cast(Parser *parser) {
    uint32_t first = parser->at;
    parser_next(parser)->role = ROLE_CAPITALS;
    uint32_t open = parser->at;
    parser_expect(parser, TOKEN_LEFT_PAREN, "(");
    parser->tokens.items[open].role = ROLE_CALL;
    (void)parse_expr(parser);
    parser_expect_keyword(parser, KEYWORD_AS, "AS");
    parse_type(parser);
    parser_expect(parser, TOKEN_RIGHT_PAREN, ")");
    return syntax_other(parser, first);
}

// The name of a type, with what may stand behind it in parentheses.
static void parse_type(Parser *parser) {
    if (!parser_sees(parser, TOKEN_WORD)) {
        parser_fail_expected(parser, "a data type name");
        return;
    }
    bool is_known = token_is_type_word(parser_peek(parser));
    Token *name = parser_next(parser);
    if (is_known) name->role = ROLE_CAPITALS;
    if (parser_sees(parser, TOKEN_LEFT_PAREN)) parser_skip_parens(parser);
}

// [a, b]
static void parse_brackets(Parser *parser) {
    (void)parser_take(parser, TOKEN_LEFT_BRACKET);
    if (!parser_sees(parser, TOKEN_RIGHT_BRACKET)) (void)parse_exprs(parser);
    parser_expect(parser, TOKEN_RIGHT_BRACKET, "]");
}

static Syntax *parse_case(Parser *parser) {
    uint32_t first = parser->at;
    (void)parser_take_keyword(parser, KEYWORD_CASE);
    if (!parser_sees_keyword(parser, KEYWORD_WHEN)) (void)parse_expr(parser);
    parser_expect_keyword(parser, KEYWORD_WHEN, "WHEN");
    do {
        (void)parse_expr(parser);
        parser_expect_keyword(parser, KEYWORD_THEN, "THEN");
        (void)parse_expr(parser);
    } while (parser_take_keyword(parser, KEYWORD_WHEN));
    if (parser_take_keyword(parser, KEYWORD_ELSE)) (void)parse_expr(parser);
    parser_expect_keyword(parser, KEYWORD_END, "END");
    return syntax_other(parser, first);
}

// The aggregate that a name means.
static SyntaxAggregate aggregate_of(Bytes name, bool is_star) {
    static const struct {
        const char *name;
        SyntaxAggregate aggregate;
    } AGGREGATES[] = {
        {"sum", SYNTAX_SUM}, {"min", SYNTAX_MIN}, {"max", SYNTAX_MAX}, {"avg", SYNTAX_AVG}};
    if (is_star) {
        bool is_count = name.count == 5 && strncasecmp((const char *)name.data, "count", 5) == 0;
        return is_count ? SYNTAX_COUNT : SYNTAX_AGGREGATE_NONE;
    }
    for (uint32_t i = 0; i < sizeof AGGREGATES / sizeof AGGREGATES[0]; i++) {
        if (name.count == 3 && strncasecmp((const char *)name.data, AGGREGATES[i].name, 3) == 0)
            return AGGREGATES[i].aggregate;
    }
    return SYNTAX_AGGREGATE_NONE;
}

// A call whose opening parenthesis is next: aggregates are recognised, others are only taken in.
static Syntax *parse_function(Parser *parser, uint32_t first) {
    bool is_simple = parser->at == first + 1;
    Bytes name = parser->tokens.items[first].value;
    parser_next(parser)->role = ROLE_CALL;
    if (parser_sees_keyword(parser, KEYWORD_ALL)) parser_next(parser)->role = ROLE_OMITTED;
    if (parser_take_keyword(parser, KEYWORD_DISTINCT)) is_simple = false;
    SyntaxArgument *arguments = NULL;
    uint32_t open = parser->at;
    uint32_t count = parse_arguments(parser, &arguments);
    bool is_star = count == 1 && parser->at == open + 1 &&
                   parser->tokens.items[open].kind == TOKEN_STAR;
    if (parser_take_keywords(parser, KEYWORD_ORDER, KEYWORD_BY)) {
        is_simple = false;
        (void)parse_order_by(parser);
    }
    parser_expect(parser, TOKEN_RIGHT_PAREN, ")");
    if (parser_take_keyword(parser, KEYWORD_OVER)) {
        is_simple = false;
        if (parser_sees(parser, TOKEN_LEFT_PAREN)) {
            parser_skip_parens(parser);
        } else {
            (void)parser_identifier(parser);
        }
    }
    Syntax *node = syntax_new(parser, SYNTAX_FUNCTION, first);
    bool is_column = count == 1 && arguments[0].value != NULL &&
                     arguments[0].value->kind == SYNTAX_NAME;
    if (is_simple && (is_star || is_column)) node->aggregate = aggregate_of(name, is_star);
    if (node->aggregate != SYNTAX_AGGREGATE_NONE && is_column) node->left = arguments[0].value;
    return node;
}

static Syntax *parse_name(Parser *parser) {
    uint32_t first = parser->at;
    (void)parser_next(parser);
    while (parser_take(parser, TOKEN_PERIOD)) {
        if (!parser_sees(parser, TOKEN_WORD)) {
            parser_fail_expected(parser, "an identifier or a '*' after '.'");
            return syntax_new(parser, SYNTAX_OTHER, first);
        }
        (void)parser_next(parser);
    }
    if (parser_sees(parser, TOKEN_LEFT_PAREN)) return parse_function(parser, first);
    Syntax *node = syntax_new(parser, SYNTAX_NAME, first);
    uint32_t last = parser->at - 1;
    node->text = parser->tokens.items[last].value;
    if (last > first) node->table = parser_join(parser, first, last - 1);
    return node;
}

static Syntax *parse_sign(Parser *parser) {
    uint32_t first = parser->at;
    Token *sign = parser_next(parser);
    sign->role = ROLE_SIGN;
    if (!parser_enter(parser)) return syntax_new(parser, SYNTAX_OTHER, first);
    const Syntax *operand = parse_subexpr(parser, BINDS_PRODUCT);
    parser_leave(parser);
    Syntax *node = syntax_new(parser, SYNTAX_SIGNED, first);
    syntax_set_children(parser, node, operand, NULL);
    if (operand->kind == SYNTAX_NUMBER && !parser->failed) {
        const char *text = sign->kind == TOKEN_PLUS ? "+" : "-";
        node->text = arena_format(parser->arena, "%s%.*s", text, BYTES_FORMAT(operand->text));
    }
    return node;
}

static Syntax *parse_not(Parser *parser) {
    uint32_t first = parser->at;
    parser_next(parser)->role = ROLE_CAPITALS;
    if (!parser_enter(parser)) return syntax_new(parser, SYNTAX_OTHER, first);
    (void)parse_subexpr(parser, BINDS_NOT);
    parser_leave(parser);
    return syntax_other(parser, first);
}

// (a), (a, b), (SELECT ...), and any of them with .name behind it.
static Syntax *parse_parens(Parser *parser) {
    uint32_t first = parser->at;
    parser_expect(parser, TOKEN_LEFT_PAREN, "(");
    const Syntax *inner = NULL;
    if (parser_sees_keyword(parser, KEYWORD_SELECT) || parser_sees_keyword(parser, KEYWORD_WITH)) {
        (void)parse_query(parser);
    } else {
        inner = parse_expr(parser);
        while (parser_take(parser, TOKEN_COMMA)) {
            (void)parse_expr(parser);
            inner = NULL;
        }
    }
    parser_expect(parser, TOKEN_RIGHT_PAREN, ")");
    if (parser_take(parser, TOKEN_PERIOD)) {
        parser_expect(parser, TOKEN_WORD, "identifier");
        inner = NULL;
    }
    if (inner == NULL) return syntax_other(parser, first);
    Syntax *node = syntax_new(parser, SYNTAX_NESTED, first);
    syntax_set_children(parser, node, inner, NULL);
    return node;
}

// ---- infixes ----

static Syntax *parse_infix(Parser *parser, Syntax *left, uint8_t binds) {
    const Token *token = parser_peek(parser);
    switch (token->keyword) {
    case KEYWORD_IS: return parse_is(parser, left);
    case KEYWORD_AT:
        (void)parser_take_keyword(parser, KEYWORD_AT);
        (void)parser_take_keywords(parser, KEYWORD_TIME, KEYWORD_ZONE);
        parser_expect(parser, TOKEN_STRING,
                      "Expected Token::SingleQuotedString after AT TIME ZONE");
        return syntax_other(parser, left->first);
    case KEYWORD_NOT:
    case KEYWORD_IN:
    case KEYWORD_BETWEEN:
    case KEYWORD_LIKE:
    case KEYWORD_ILIKE:
    case KEYWORD_SIMILAR: return parse_test(parser, left);
    default: break;
    }
    if (binds < BINDS_ACCESS) return parse_binary(parser, left, binds);
    if (token->kind == TOKEN_LEFT_BRACKET) {
        (void)parser_next(parser);
        (void)parse_expr(parser);
        parser_expect(parser, TOKEN_RIGHT_BRACKET, "]");
        return syntax_other(parser, left->first);
    }
    bool is_postfix = bytes_equal_text(token->text, "!");
    bool is_cast = bytes_equal_text(token->text, "::");
    bool is_value = token->kind == TOKEN_COLON;
    (void)parser_next(parser);
    if (is_cast) {
        parse_type(parser);
    } else if (is_value) {
        bool is_literal = !parser_sees(parser, TOKEN_WORD) ||
                          parser_sees_keyword(parser, KEYWORD_TRUE) ||
                          parser_sees_keyword(parser, KEYWORD_FALSE) ||
                          parser_sees_keyword(parser, KEYWORD_NULL);
        if (!is_literal) parser_fail_expected(parser, "a concrete value");
        (void)parse_prefix(parser);
    } else if (!is_postfix) {
        (void)parse_expr(parser);
    }
    return syntax_other(parser, left->first);
}

static QueryCompare compare_of(TokenKind kind) {
    switch (kind) {
    case TOKEN_NOT_EQUAL: return QUERY_NE;
    case TOKEN_LESS: return QUERY_LT;
    case TOKEN_LESS_EQUAL: return QUERY_LE;
    case TOKEN_GREATER: return QUERY_GT;
    case TOKEN_GREATER_EQUAL: return QUERY_GE;
    default: return QUERY_EQ;
    }
}

static SyntaxKind binary_kind(const Token *token) {
    if (token->keyword == KEYWORD_AND) return SYNTAX_AND;
    if (token->keyword == KEYWORD_OR) return SYNTAX_OR;
    bool is_compare = token->kind >= TOKEN_EQUAL && token->kind <= TOKEN_GREATER_EQUAL;
    return is_compare ? SYNTAX_COMPARE : SYNTAX_OTHER_BINARY;
}

static Syntax *parse_binary(Parser *parser, Syntax *left, uint8_t binds) {
    uint32_t operator_first = parser->at;
    Token *token = parser_next(parser);
    if (token->keyword != KEYWORD_NONE) token->role = ROLE_CAPITALS;
    if (token->keyword == KEYWORD_OPERATOR && parser_sees(parser, TOKEN_LEFT_PAREN))
        parser_skip_parens(parser);
    uint32_t operator_end = parser->at;
    if (parser_take_keyword(parser, KEYWORD_ANY) || parser_take_keyword(parser, KEYWORD_ALL)) {
        uint32_t open = parser->at;
        parser_expect(parser, TOKEN_LEFT_PAREN, "(");
        parser->tokens.items[open].role = ROLE_CALL;
        if (parser_enter(parser)) {
            (void)parse_subexpr(parser, binds);
            parser_leave(parser);
        }
        parser_expect(parser, TOKEN_RIGHT_PAREN, ")");
        return syntax_other(parser, left->first);
    }
    const Syntax *right = parse_subexpr(parser, binds);
    Syntax *node = syntax_new(parser, binary_kind(token), left->first);
    node->compare = compare_of(token->kind);
    node->operator_first = operator_first;
    node->operator_end = operator_end;
    syntax_set_children(parser, node, left, right);
    return node;
}

// [NOT] IN, BETWEEN, LIKE, ILIKE, SIMILAR TO.
static Syntax *parse_test(Parser *parser, Syntax *left) {
    (void)parser_take_keyword(parser, KEYWORD_NOT);
    if (parser_take_keyword(parser, KEYWORD_IN)) {
        (void)parser_take_keyword(parser, KEYWORD_UNNEST);
        parser_expect(parser, TOKEN_LEFT_PAREN, "(");
        if (parser_sees_keyword(parser, KEYWORD_SELECT) ||
            parser_sees_keyword(parser, KEYWORD_WITH)) {
            (void)parse_query(parser);
        } else {
            (void)parse_exprs(parser);
        }
        parser_expect(parser, TOKEN_RIGHT_PAREN, ")");
    } else if (parser_take_keyword(parser, KEYWORD_BETWEEN)) {
        (void)parse_subexpr(parser, BINDS_COMPARE);
        parser_expect_keyword(parser, KEYWORD_AND, "AND");
        (void)parse_subexpr(parser, BINDS_COMPARE);
    } else {
        bool is_pattern = parser_take_keyword(parser, KEYWORD_LIKE) ||
                          parser_take_keyword(parser, KEYWORD_ILIKE) ||
                          parser_take_keywords(parser, KEYWORD_SIMILAR, KEYWORD_TO);
        if (!is_pattern) parser_fail_expected(parser, "IN or BETWEEN after NOT");
        (void)parse_subexpr(parser, BINDS_LIKE);
        if (parser_take_keyword(parser, KEYWORD_ESCAPE))
            parser_expect(parser, TOKEN_STRING, "literal string");
    }
    return syntax_other(parser, left->first);
}

static Syntax *parse_is(Parser *parser, Syntax *left) {
    (void)parser_take_keyword(parser, KEYWORD_IS);
    (void)parser_take_keyword(parser, KEYWORD_NOT);
    if (parser_take_keywords(parser, KEYWORD_DISTINCT, KEYWORD_FROM)) {
        (void)parse_expr(parser);
        return syntax_other(parser, left->first);
    }
    bool is_known = parser_take_keyword(parser, KEYWORD_NULL) ||
                    parser_take_keyword(parser, KEYWORD_TRUE) ||
                    parser_take_keyword(parser, KEYWORD_FALSE) ||
                    parser_take_keyword(parser, KEYWORD_UNKNOWN);
    if (!is_known) {
        parser_fail_expected(parser, "[NOT] NULL or TRUE|FALSE or [NOT] DISTINCT FROM after IS");
    }
    return syntax_other(parser, left->first);
}

// ---- nodes ----

static Syntax *syntax_new(Parser *parser, SyntaxKind kind, uint32_t first) {
    Syntax *node = ARENA_NEW(parser->arena, Syntax);
    node->kind = kind;
    node->first = first;
    node->end = parser->at;
    return node;
}

static Syntax *syntax_other(Parser *parser, uint32_t first) {
    return syntax_new(parser, SYNTAX_OTHER, first);
}

// Later passes recurse over the tree, so its height is bounded here.
static void syntax_set_children(Parser *parser, Syntax *node, const Syntax *left,
                                const Syntax *right) {
    node->left = left;
    node->right = right;
    node->levels = 1 + left->levels;
    if (right != NULL && right->levels >= node->levels) node->levels = 1 + right->levels;
    if (node->levels <= SQL_EXPR_LEVELS_MAX || parser->failed) return;
    parser->failed = true;
    (void)error_set(parser->error, STATUS_INVALID,
                    "Recursion limit exceeded, `sql-parser::parse_expr`");
}

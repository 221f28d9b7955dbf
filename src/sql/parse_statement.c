// parse_statement.c - INSERT, UPDATE, DELETE, SET, SHOW, and the statements that are only named.

#include "sql/parser.h"

// First words of statements that parse and are rejected as a whole.
static const char *const OTHER_STATEMENTS[] = {
    "ALTER",    "ANALYZE",   "ASSERT",     "BEGIN",    "CACHE",    "CLOSE",   "COMMENT", "COMMIT",
    "COPY",     "CREATE",    "DEALLOCATE", "DECLARE",  "DESCRIBE", "DISCARD", "DROP",    "EXECUTE",
    "EXPLAIN",  "FETCH",     "GRANT",      "KILL",     "MERGE",    "MSCK",    "PREPARE", "REVOKE",
    "ROLLBACK", "SAVEPOINT", "START",      "TRUNCATE", "UNCACHE",  "USE",
};

static void parse_insert(Parser *parser, SyntaxStatement *statement);
static void parse_update(Parser *parser, SyntaxStatement *statement);
static void parse_delete(Parser *parser, SyntaxStatement *statement);
static void parse_set(Parser *parser, SyntaxStatement *statement);
static void parse_show(Parser *parser, SyntaxStatement *statement);
static bool parse_other(Parser *parser);
static SyntaxAssignment *statement_add_assignment(Parser *parser, SyntaxStatement *statement);
static Bytes parse_loose_name(Parser *parser);
static void parse_returning(Parser *parser, SyntaxStatement *statement);

SyntaxStatement *parse_statement(Parser *parser) {
    SyntaxStatement *statement = ARENA_NEW(parser->arena, SyntaxStatement);
    statement->first = parser->at;
    bool is_explained = parser_sees_keyword(parser, KEYWORD_EXPLAIN) &&
                        parser_peek_ahead(parser, 1)->keyword == KEYWORD_SELECT;
    if (is_explained) {
        (void)parser_take_keyword(parser, KEYWORD_EXPLAIN);
        statement->is_explained = true;
    }
    bool is_query = parser_sees_keyword(parser, KEYWORD_SELECT) ||
                    parser_sees_keyword(parser, KEYWORD_WITH) ||
                    parser_sees_keyword(parser, KEYWORD_VALUES) ||
                    parser_sees(parser, TOKEN_LEFT_PAREN);
    if (is_query) {
        statement->kind = STATEMENT_QUERY;
        statement->query = parse_query(parser);
    } else if (parser_take_keyword(parser, KEYWORD_INSERT)) {
        statement->kind = STATEMENT_INSERT;
        parse_insert(parser, statement);
    } else if (parser_take_keyword(parser, KEYWORD_UPDATE)) {
        statement->kind = STATEMENT_UPDATE;
        parse_update(parser, statement);
    } else if (parser_take_keyword(parser, KEYWORD_DELETE)) {
        statement->kind = STATEMENT_DELETE;
        parse_delete(parser, statement);
    } else if (parser_take_keyword(parser, KEYWORD_SET)) {
        statement->kind = STATEMENT_SET;
        parse_set(parser, statement);
    } else if (parser_take_keyword(parser, KEYWORD_SHOW)) {
        statement->kind = STATEMENT_SHOW;
        parse_show(parser, statement);
    } else {
        statement->kind = STATEMENT_OTHER;
        if (!parse_other(parser)) parser_fail_expected(parser, "an SQL statement");
    }
    statement->end = parser->at;
    return statement;
}

static void parse_insert(Parser *parser, SyntaxStatement *statement) {
    if (!parser_take_keyword(parser, KEYWORD_INTO) &&
        parser_take_keyword(parser, KEYWORD_OVERWRITE)) {
        statement->has_extras = true;
    }
    if (parser_take_keyword(parser, KEYWORD_TABLE)) statement->has_extras = true;
    statement->name = parser_object_name(parser);
    if (parser_take(parser, TOKEN_LEFT_PAREN)) {
        do {
            (void)parser_identifier(parser);
            statement->column_count++;
        } while (parser_take(parser, TOKEN_COMMA));
        parser_expect(parser, TOKEN_RIGHT_PAREN, ")");
    }
    if (parser_take_keyword(parser, KEYWORD_PARTITION)) {
        statement->has_extras = true;
        if (parser_sees(parser, TOKEN_LEFT_PAREN)) parser_skip_parens(parser);
    }
    if (parser_take(parser, TOKEN_LEFT_PAREN)) {  // some dialect names columns once more
        statement->has_extras = true;
        parse_names(parser);
    }
    statement->query = parse_query(parser);
    if (parser_take_keywords(parser, KEYWORD_ON, KEYWORD_CONFLICT)) {
        statement->has_extras = true;
        while (parser_sees(parser, TOKEN_WORD) && !parser_sees_keyword(parser, KEYWORD_RETURNING)) {
            (void)parser_next(parser);
            if (parser_sees(parser, TOKEN_LEFT_PAREN)) parser_skip_parens(parser);
        }
    }
    parse_returning(parser, statement);
}

static void parse_update(Parser *parser, SyntaxStatement *statement) {
    statement->tables = parse_tables(parser);
    parser_expect_keyword(parser, KEYWORD_SET, "SET");
    do {
        SyntaxAssignment *assignment = statement_add_assignment(parser, statement);
        assignment->name = parse_loose_name(parser);
        if (!parser_sees_assign(parser)) parser_fail_expected(parser, "=");
        (void)parser_take(parser, TOKEN_EQUAL);
        assignment->value = parse_expr(parser);
    } while (parser_take(parser, TOKEN_COMMA));
    if (parser_take_keyword(parser, KEYWORD_FROM)) {
        statement->has_extras = true;
        (void)parse_tables(parser);
    }
    if (parser_take_keyword(parser, KEYWORD_WHERE)) statement->filter = parse_expr(parser);
    parse_returning(parser, statement);
}

static void parse_delete(Parser *parser, SyntaxStatement *statement) {
    if (!parser_take_keyword(parser, KEYWORD_FROM)) {
        statement->has_extras = true;
        do {
            (void)parser_object_name(parser);
        } while (parser_take(parser, TOKEN_COMMA));
        parser_expect_keyword(parser, KEYWORD_FROM, "FROM");
    }
    statement->tables = parse_tables(parser);
    while (parser_take(parser, TOKEN_COMMA)) {
        (void)parse_tables(parser);
        statement->tables.entry_count++;
    }
    if (parser_take_keyword(parser, KEYWORD_USING)) {
        statement->has_extras = true;
        (void)parse_tables(parser);
    }
    if (parser_take_keyword(parser, KEYWORD_WHERE)) statement->filter = parse_expr(parser);
    parse_returning(parser, statement);
}

static void parse_set(Parser *parser, SyntaxStatement *statement) {
    if (parser_sees_keyword(parser, KEYWORD_SESSION)) {
        parser_next(parser)->role = ROLE_OMITTED;
    } else if (parser_take_keyword(parser, KEYWORD_LOCAL)) {
        statement->has_extras = true;
    }
    if (parser_take_keyword(parser, KEYWORD_ROLE)) {
        statement->has_extras = true;
        (void)parser_identifier(parser);
        return;
    }
    if (parser_take_keywords(parser, KEYWORD_TIME, KEYWORD_ZONE)) {
        statement->has_extras = true;
        if (!parser_take(parser, TOKEN_EQUAL)) (void)parser_take_keyword(parser, KEYWORD_TO);
        (void)parse_expr(parser);
        return;
    }
    statement->name = parser_object_name(parser);
    if (!parser_sees_assign(parser) && !parser_sees_keyword(parser, KEYWORD_TO)) {
        parser_fail_expected(parser, "equals sign or TO");
        return;
    }
    do {
        (void)parser_next(parser);  // =, TO or a comma
        if (parser_sees(parser, TOKEN_END)) parser_fail_expected(parser, "variable value");
        statement_add_assignment(parser, statement)->value = parse_expr(parser);
    } while (parser_sees(parser, TOKEN_COMMA));
}

// SHOW takes words as they come and joins them with dots.
static void parse_show(Parser *parser, SyntaxStatement *statement) {
    statement->name = parse_loose_name(parser);
}

// What upstream takes for a name in SET and SHOW: all words up to the next =, joined with dots;
// other tokens between them do not count.
static Bytes parse_loose_name(Parser *parser) {
    uint32_t first = parser->at, count = 0, bytes = 0;
    while (!parser_sees(parser, TOKEN_END) && !parser_sees_assign(parser)) {
        const Token *token = parser_next(parser);
        if (token->kind != TOKEN_WORD) continue;
        count++;
        bytes += token->value.count;
    }
    if (count == 0) return BYTES_LITERAL("");
    uint8_t *name = arena_alloc(parser->arena, bytes + count - 1);
    uint32_t at = 0;
    for (uint32_t i = first; i < parser->at; i++) {
        const Token *token = &parser->tokens.items[i];
        if (token->kind != TOKEN_WORD) continue;
        if (at > 0) name[at++] = '.';
        memcpy(name + at, token->value.data, token->value.count);
        at += token->value.count;
    }
    return bytes_of(name, at);
}

// A statement of another kind: taken up to its semicolon.
static bool parse_other(Parser *parser) {
    const Token *token = parser_peek(parser);
    bool is_known = false;
    for (uint32_t i = 0; i < sizeof OTHER_STATEMENTS / sizeof OTHER_STATEMENTS[0]; i++) {
        size_t count = strlen(OTHER_STATEMENTS[i]);
        if (token->kind == TOKEN_WORD && !token->is_quoted && token->text.count == count &&
            strncasecmp((const char *)token->text.data, OTHER_STATEMENTS[i], count) == 0) {
            is_known = true;
        }
    }
    if (!is_known) return false;
    parser_next(parser)->role = ROLE_CAPITALS;
    while (!parser_sees(parser, TOKEN_END) && !parser_sees(parser, TOKEN_SEMICOLON)) {
        Token *next = parser_next(parser);
        if (next->keyword != KEYWORD_NONE) next->role = ROLE_CAPITALS;
    }
    return true;
}

static SyntaxAssignment *statement_add_assignment(Parser *parser, SyntaxStatement *statement) {
    uint32_t count = statement->assignment_count;
    bool is_full = (count & (count - 1)) == 0;  // capacities are powers of two
    if (is_full) {
        SyntaxAssignment *larger = ARENA_ARRAY(parser->arena, SyntaxAssignment,
                                               count == 0 ? 1 : count * 2);
        if (count > 0) memcpy(larger, statement->assignments, count * sizeof *larger);
        statement->assignments = larger;
    }
    statement->assignment_count++;
    return &statement->assignments[count];
}

static void parse_returning(Parser *parser, SyntaxStatement *statement) {
    if (!parser_take_keyword(parser, KEYWORD_RETURNING)) return;
    statement->has_extras = true;
    SyntaxItem *items;
    (void)parse_items(parser, &items);
}

// parse_query.c - SELECT and what else may stand where a query stands.
//
// Clauses that make a query unsupported set has_extras or has_select_extras and are otherwise only
// skipped over.

#include "sql/parser.h"

// Words that end a table, so they are no alias unless AS or quotes say so; and those that end a
// column.
static const Keyword NO_TABLE_ALIAS[] = {
    KEYWORD_WITH,      KEYWORD_EXPLAIN, KEYWORD_ANALYZE, KEYWORD_SELECT,    KEYWORD_WHERE,
    KEYWORD_GROUP,     KEYWORD_SORT,    KEYWORD_HAVING,  KEYWORD_ORDER,     KEYWORD_PIVOT,
    KEYWORD_TOP,       KEYWORD_LATERAL, KEYWORD_VIEW,    KEYWORD_LIMIT,     KEYWORD_OFFSET,
    KEYWORD_FETCH,     KEYWORD_UNION,   KEYWORD_EXCEPT,  KEYWORD_INTERSECT, KEYWORD_ON,
    KEYWORD_JOIN,      KEYWORD_INNER,   KEYWORD_CROSS,   KEYWORD_FULL,      KEYWORD_LEFT,
    KEYWORD_RIGHT,     KEYWORD_NATURAL, KEYWORD_USING,   KEYWORD_CLUSTER,   KEYWORD_DISTRIBUTE,
    KEYWORD_OUTER,     KEYWORD_SET,     KEYWORD_QUALIFY, KEYWORD_WINDOW,    KEYWORD_END,
    KEYWORD_PARTITION, KEYWORD_NONE,
};
static const Keyword NO_COLUMN_ALIAS[] = {
    KEYWORD_WITH,    KEYWORD_EXPLAIN, KEYWORD_ANALYZE,   KEYWORD_SELECT,  KEYWORD_WHERE,
    KEYWORD_GROUP,   KEYWORD_SORT,    KEYWORD_HAVING,    KEYWORD_ORDER,   KEYWORD_TOP,
    KEYWORD_LATERAL, KEYWORD_VIEW,    KEYWORD_LIMIT,     KEYWORD_OFFSET,  KEYWORD_FETCH,
    KEYWORD_UNION,   KEYWORD_EXCEPT,  KEYWORD_INTERSECT, KEYWORD_CLUSTER, KEYWORD_DISTRIBUTE,
    KEYWORD_FROM,    KEYWORD_INTO,    KEYWORD_END,       KEYWORD_NONE,
};

static void parse_body(Parser *parser, SyntaxQuery *query);
static void parse_body_part(Parser *parser, SyntaxQuery *query);
static void parse_select(Parser *parser, SyntaxQuery *query);
static void parse_select_tail(Parser *parser, SyntaxQuery *query);
static void parse_values(Parser *parser, SyntaxQuery *query);
static void parse_query_tail(Parser *parser, SyntaxQuery *query);
static SyntaxItem parse_item(Parser *parser);
static bool parse_item_star(Parser *parser, SyntaxItem *item);
static SyntaxTable parse_table(Parser *parser);
static void parse_table_other(Parser *parser, SyntaxTable *table);
static bool parse_join(Parser *parser, SyntaxTable *ret_table);
static bool parse_join_kind(Parser *parser, SyntaxJoin *ret_join);
static Bytes parse_alias(Parser *parser, const Keyword *reserved);

SyntaxQuery *parse_query(Parser *parser) {
    SyntaxQuery *query = ARENA_NEW(parser->arena, SyntaxQuery);
    query->first = parser->at;
    if (!parser_enter(parser)) return query;
    if (parser_take_keyword(parser, KEYWORD_WITH)) {
        query->has_extras = true;
        do {
            (void)parser_identifier(parser);
            if (parser_sees(parser, TOKEN_LEFT_PAREN)) parser_skip_parens(parser);
            parser_expect_keyword(parser, KEYWORD_AS, "AS");
            parser_expect(parser, TOKEN_LEFT_PAREN, "(");
            (void)parse_query(parser);
            parser_expect(parser, TOKEN_RIGHT_PAREN, ")");
        } while (parser_take(parser, TOKEN_COMMA));
    }
    query->body_first = parser->at;
    parse_body(parser, query);
    query->body_end = parser->at;
    parse_query_tail(parser, query);
    query->end = parser->at;
    parser_leave(parser);
    return query;
}

// ---- bodies ----

static bool parser_take_set_operator(Parser *parser) {
    return parser_take_keyword(parser, KEYWORD_UNION) ||
           parser_take_keyword(parser, KEYWORD_EXCEPT) ||
           parser_take_keyword(parser, KEYWORD_INTERSECT);
}

static void parse_body(Parser *parser, SyntaxQuery *query) {
    parse_body_part(parser, query);
    while (parser_take_set_operator(parser)) {
        query->body = BODY_OTHER;
        (void)parser_take_keyword(parser, KEYWORD_ALL);
        (void)parser_take_keyword(parser, KEYWORD_DISTINCT);
        SyntaxQuery ignored = {0};
        parse_body_part(parser, &ignored);
    }
}

static void parse_body_part(Parser *parser, SyntaxQuery *query) {
    if (parser_take_keyword(parser, KEYWORD_SELECT)) {
        query->body = BODY_SELECT;
        parse_select(parser, query);
    } else if (parser_take_keyword(parser, KEYWORD_VALUES)) {
        query->body = BODY_VALUES;
        parse_values(parser, query);
    } else if (parser_take(parser, TOKEN_LEFT_PAREN)) {
        query->body = BODY_OTHER;
        (void)parse_query(parser);
        parser_expect(parser, TOKEN_RIGHT_PAREN, ")");
    } else if (parser_take_keyword(parser, KEYWORD_TABLE)) {
        query->body = BODY_OTHER;
        (void)parser_object_name(parser);
    } else {
        parser_fail_expected(parser, "SELECT, VALUES, or a subquery in the query body");
    }
}

static void parse_select(Parser *parser, SyntaxQuery *query) {
    if (parser_sees_keyword(parser, KEYWORD_ALL)) parser_next(parser)->role = ROLE_OMITTED;
    if (parser_take_keyword(parser, KEYWORD_DISTINCT)) {
        query->has_select_extras = true;
        if (parser_take_keyword(parser, KEYWORD_ON) && parser_sees(parser, TOKEN_LEFT_PAREN)) {
            parser_skip_parens(parser);
        }
    }
    if (parser_take_keyword(parser, KEYWORD_TOP)) {
        query->has_select_extras = true;
        if (parser_sees(parser, TOKEN_LEFT_PAREN)) {
            parser_skip_parens(parser);
        } else {
            parser_expect(parser, TOKEN_NUMBER, "literal number");
        }
    }
    query->item_count = parse_items(parser, &query->items);
    if (parser_take_keyword(parser, KEYWORD_INTO)) {
        query->has_select_extras = true;
        (void)parser_take_keyword(parser, KEYWORD_TABLE);
        (void)parser_object_name(parser);
    }
    if (parser_take_keyword(parser, KEYWORD_FROM)) {
        query->from = parse_tables(parser);
        while (parser_take(parser, TOKEN_COMMA)) {
            (void)parse_tables(parser);
            query->from.entry_count++;
        }
    }
    if (parser_take_keyword(parser, KEYWORD_WHERE)) query->filter = parse_expr(parser);
    parse_select_tail(parser, query);
}

static void parse_select_tail(Parser *parser, SyntaxQuery *query) {
    static const Keyword LISTS[] = {KEYWORD_CLUSTER, KEYWORD_DISTRIBUTE, KEYWORD_SORT};
    if (parser_take_keywords(parser, KEYWORD_GROUP, KEYWORD_BY)) {
        if (parser_take_keyword(parser, KEYWORD_ALL)) {
            query->has_select_extras = true;
        } else {
            query->group = parse_exprs(parser);
        }
    }
    for (uint32_t i = 0; i < sizeof LISTS / sizeof LISTS[0]; i++) {
        if (!parser_take_keywords(parser, LISTS[i], KEYWORD_BY)) continue;
        query->has_select_extras = true;
        if (!parser_take_keyword(parser, KEYWORD_ALL)) (void)parse_exprs(parser);
    }
    if (parser_take_keyword(parser, KEYWORD_HAVING)) {
        query->has_select_extras = true;
        (void)parse_expr(parser);
    }
    if (parser_take_keyword(parser, KEYWORD_WINDOW)) {
        query->has_select_extras = true;
        (void)parser_identifier(parser);
        parser_expect_keyword(parser, KEYWORD_AS, "AS");
        (void)parse_exprs(parser);
    }
    if (parser_take_keyword(parser, KEYWORD_QUALIFY)) {
        query->has_select_extras = true;
        (void)parse_expr(parser);
    }
}

static void parse_values(Parser *parser, SyntaxQuery *query) {
    uint32_t capacity = 0;
    do {
        if (query->row_count == capacity) {
            capacity = capacity == 0 ? 8 : capacity * 2;
            SyntaxRow *larger = ARENA_ARRAY(parser->arena, SyntaxRow, capacity);
            if (query->row_count > 0)
                memcpy(larger, query->rows, query->row_count * sizeof *larger);
            query->rows = larger;
        }
        if (parser_take_keyword(parser, KEYWORD_ROW)) query->has_explicit_row = true;
        parser_expect(parser, TOKEN_LEFT_PAREN, "(");
        SyntaxRow row = {0};
        uint32_t row_capacity = 0;
        do {
            if (row.count == row_capacity) {
                row_capacity = row_capacity == 0 ? 8 : row_capacity * 2;
                const Syntax **larger = ARENA_ARRAY(parser->arena, const Syntax *, row_capacity);
                if (row.count > 0) memcpy(larger, row.values, row.count * sizeof *larger);
                row.values = larger;
            }
            row.values[row.count++] = parse_expr(parser);
        } while (parser_take(parser, TOKEN_COMMA));
        parser_expect(parser, TOKEN_RIGHT_PAREN, ")");
        query->rows[query->row_count++] = row;
    } while (parser_take(parser, TOKEN_COMMA));
}

static void parse_query_tail(Parser *parser, SyntaxQuery *query) {
    if (parser_take_keywords(parser, KEYWORD_ORDER, KEYWORD_BY)) {
        query->order = parse_order_by(parser);
        if (query->order.has_nulls) query->has_extras = true;
    }
    bool has_limit = false, has_offset = false;
    for (uint32_t turn = 0; turn < 2; turn++) {  // LIMIT and OFFSET, in either order
        if (!has_limit && parser_sees_keyword(parser, KEYWORD_LIMIT)) {
            has_limit = true;
            Token *limit = parser_next(parser);
            limit->role = ROLE_CAPITALS;
            if (parser_sees_keyword(parser, KEYWORD_ALL)) {
                limit->role = ROLE_OMITTED;  // upstream forgets about it
                parser_next(parser)->role = ROLE_OMITTED;
            } else {
                query->limit = parse_expr(parser);
            }
        }
        if (!has_offset && parser_take_keyword(parser, KEYWORD_OFFSET)) {
            has_offset = true;
            query->has_extras = true;
            (void)parse_expr(parser);
            if (!parser_take_keyword(parser, KEYWORD_ROW))
                (void)parser_take_keyword(parser, KEYWORD_ROWS);
        }
    }
    if (parser_take_keyword(parser, KEYWORD_FETCH)) {
        query->has_extras = true;
        while (parser_sees(parser, TOKEN_WORD) || parser_sees(parser, TOKEN_NUMBER))
            (void)parser_next(parser);
    }
    while (parser_take_keyword(parser, KEYWORD_FOR)) {
        query->has_extras = true;
        while (parser_sees(parser, TOKEN_WORD)) (void)parser_next(parser);
    }
}

SyntaxOrders parse_order_by(Parser *parser) {
    SyntaxOrders orders = {0};
    uint32_t capacity = 0;
    do {
        if (orders.count == capacity) {
            capacity = capacity == 0 ? 4 : capacity * 2;
            SyntaxOrder *larger = ARENA_ARRAY(parser->arena, SyntaxOrder, capacity);
            if (orders.count > 0) memcpy(larger, orders.items, orders.count * sizeof *larger);
            orders.items = larger;
        }
        SyntaxOrder *order = &orders.items[orders.count++];
        order->expr = parse_expr(parser);
        if (!parser_take_keyword(parser, KEYWORD_ASC))
            order->is_descending = parser_take_keyword(parser, KEYWORD_DESC);
        if (!parser_take_keyword(parser, KEYWORD_NULLS)) continue;
        orders.has_nulls = true;
        if (!parser_take_keyword(parser, KEYWORD_FIRST))
            parser_expect_keyword(parser, KEYWORD_LAST, "LAST");
    } while (parser_take(parser, TOKEN_COMMA));
    return orders;
}

SyntaxList parse_exprs(Parser *parser) {
    SyntaxList list = {0};
    uint32_t capacity = 0;
    do {
        if (list.count == capacity) {
            capacity = capacity == 0 ? 4 : capacity * 2;
            const Syntax **larger = ARENA_ARRAY(parser->arena, const Syntax *, capacity);
            if (list.count > 0) memcpy(larger, list.items, list.count * sizeof *larger);
            list.items = larger;
        }
        list.items[list.count++] = parse_expr(parser);
    } while (parser_take(parser, TOKEN_COMMA));
    return list;
}

// ---- items ----

uint32_t parse_items(Parser *parser, SyntaxItem **ret_items) {
    uint32_t capacity = 8, count = 0;
    SyntaxItem *items = ARENA_ARRAY(parser->arena, SyntaxItem, capacity);
    do {
        if (count == capacity) {
            SyntaxItem *larger = ARENA_ARRAY(parser->arena, SyntaxItem, capacity * 2);
            memcpy(larger, items, count * sizeof *items);
            items = larger;
            capacity *= 2;
        }
        items[count++] = parse_item(parser);
    } while (parser_take(parser, TOKEN_COMMA));
    *ret_items = items;
    return count;
}

static SyntaxItem parse_item(Parser *parser) {
    SyntaxItem item = {.kind = ITEM_EXPR};
    if (parse_item_star(parser, &item)) return item;
    item.expr = parse_expr(parser);
    item.alias = parse_alias(parser, NO_COLUMN_ALIAS);
    return item;
}

// * and name.*; anything else leaves the parser where it is.
static bool parse_item_star(Parser *parser, SyntaxItem *item) {
    if (parser_take(parser, TOKEN_STAR)) {
        item->kind = ITEM_STAR;
        return true;
    }
    uint32_t first = parser->at, ahead = 0;
    while (parser_peek_ahead(parser, ahead)->kind == TOKEN_WORD &&
           parser_peek_ahead(parser, ahead + 1)->kind == TOKEN_PERIOD) {
        ahead += 2;
    }
    if (ahead == 0 || parser_peek_ahead(parser, ahead)->kind != TOKEN_STAR) return false;
    item->kind = ITEM_TABLE_STAR;
    item->table = parser_join(parser, first, first + ahead - 1);
    parser->at += ahead + 1;
    return true;
}

// [AS] alias; data == NULL if there is none.
static Bytes parse_alias(Parser *parser, const Keyword *reserved) {
    bool has_as = parser_take_keyword(parser, KEYWORD_AS);
    const Token *token = parser_peek(parser);
    bool is_name = token->kind == TOKEN_WORD || token->kind == TOKEN_STRING;
    for (const Keyword *word = reserved; !has_as && *word != KEYWORD_NONE; word++) {
        if (token->keyword == *word) is_name = false;
    }
    if (!is_name) {
        if (has_as) parser_fail_expected(parser, "an identifier after AS");
        return BYTES_NONE;
    }
    if (!has_as) parser_next(parser)->role = ROLE_BARE_ALIAS;
    if (has_as) (void)parser_next(parser);
    return token->value.data == NULL ? BYTES_LITERAL("") : token->value;
}

// ---- tables ----

SyntaxTables parse_tables(Parser *parser) {
    SyntaxTables tables = {.entry_count = 1, .first = parser->at};
    uint32_t capacity = 4;
    tables.items = ARENA_ARRAY(parser->arena, SyntaxTable, capacity);
    SyntaxTable table = parse_table(parser);
    do {
        if (tables.count == capacity) {
            SyntaxTable *larger = ARENA_ARRAY(parser->arena, SyntaxTable, capacity * 2);
            memcpy(larger, tables.items, tables.count * sizeof *larger);
            tables.items = larger;
            capacity *= 2;
        }
        tables.items[tables.count++] = table;
    } while (parse_join(parser, &table));
    tables.end = parser->at;
    return tables;
}

static SyntaxTable parse_table(Parser *parser) {
    SyntaxTable table = {.first = parser->at};
    if (!parser_enter(parser)) return table;
    bool is_other = parser_sees_keyword(parser, KEYWORD_LATERAL) ||
                    parser_sees_keyword(parser, KEYWORD_TABLE) ||
                    parser_sees_keyword(parser, KEYWORD_UNNEST) ||
                    parser_sees(parser, TOKEN_LEFT_PAREN);
    if (is_other) {
        parse_table_other(parser, &table);
    } else {
        table.is_plain = true;
        table.name = parser_object_name(parser);
        if (parser_sees(parser, TOKEN_LEFT_PAREN)) {
            parser_next(parser)->role = ROLE_CALL;
            SyntaxArgument *arguments;
            table.has_arguments = true;
            table.argument_count = parse_arguments(parser, &arguments);
            table.arguments = arguments;
            parser_expect(parser, TOKEN_RIGHT_PAREN, ")");
        }
    }
    Bytes alias = parse_alias(parser, NO_TABLE_ALIAS);
    table.has_alias = alias.data != NULL;
    table.alias = table.has_alias ? alias : table.name;
    if (table.has_alias && parser_take(parser, TOKEN_LEFT_PAREN)) {
        table.is_plain = false;  // names for the columns
        parse_names(parser);
    }
    if (parser_take_keyword(parser, KEYWORD_PIVOT)) {
        table.is_plain = false;
        if (parser_sees(parser, TOKEN_LEFT_PAREN)) parser_skip_parens(parser);
    }
    if (parser_sees_keyword(parser, KEYWORD_WITH) &&
        parser_peek_ahead(parser, 1)->kind == TOKEN_LEFT_PAREN) {
        table.is_plain = false;  // hints
        (void)parser_take_keyword(parser, KEYWORD_WITH);
        (void)parser_take(parser, TOKEN_LEFT_PAREN);
        (void)parse_exprs(parser);
        parser_expect(parser, TOKEN_RIGHT_PAREN, ")");
    }
    table.end = parser->at;
    parser_leave(parser);
    return table;
}

// Subqueries, joins in parentheses, LATERAL, TABLE(...), UNNEST(...).
static void parse_table_other(Parser *parser, SyntaxTable *table) {
    bool has_word = parser_sees(parser, TOKEN_WORD);
    bool is_lateral = parser_take_keyword(parser, KEYWORD_LATERAL);
    if (has_word && !is_lateral) {
        parser_next(parser)->role = ROLE_CAPITALS;
        if (parser_sees(parser, TOKEN_LEFT_PAREN))
            parser_next(parser)->role = ROLE_CALL;
        else
            parser_fail_expected(parser, "(");
        (void)parse_exprs(parser);
        parser_expect(parser, TOKEN_RIGHT_PAREN, ")");
        return;
    }
    parser_expect(parser, TOKEN_LEFT_PAREN, is_lateral ? "subquery after LATERAL" : "(");
    bool is_query = parser_sees_keyword(parser, KEYWORD_SELECT) ||
                    parser_sees_keyword(parser, KEYWORD_WITH) ||
                    parser_sees_keyword(parser, KEYWORD_VALUES);
    if (is_query || is_lateral) {
        (void)parse_query(parser);
    } else {
        SyntaxTables inner = parse_tables(parser);
        bool is_nested = inner.count > 1 || (inner.count == 1 && !inner.items[0].is_plain);
        if (!is_nested) parser_fail_expected(parser, "joined table");
    }
    parser_expect(parser, TOKEN_RIGHT_PAREN, ")");
    table->is_plain = false;
}

uint32_t parse_arguments(Parser *parser, SyntaxArgument **ret_items) {
    *ret_items = NULL;
    if (parser_sees(parser, TOKEN_RIGHT_PAREN)) return 0;
    uint32_t capacity = 4, count = 0;
    SyntaxArgument *items = ARENA_ARRAY(parser->arena, SyntaxArgument, capacity);
    do {
        if (count == capacity) {
            SyntaxArgument *larger = ARENA_ARRAY(parser->arena, SyntaxArgument, capacity * 2);
            memcpy(larger, items, capacity * sizeof *items);
            items = larger;
            capacity *= 2;
        }
        SyntaxArgument *item = &items[count++];
        item->first = parser->at;
        bool is_named = bytes_equal_text(parser_peek_ahead(parser, 1)->text, "=>");
        if (is_named) {
            (void)parser_identifier(parser);
            (void)parser_next(parser);
        }
        SyntaxItem star;
        bool is_star = parse_item_star(parser, &star);
        const Syntax *value = is_star ? NULL : parse_expr(parser);
        item->value = is_named ? NULL : value;
        item->end = parser->at;
    } while (parser_take(parser, TOKEN_COMMA));
    *ret_items = items;
    return count;
}

void parse_names(Parser *parser) {
    do {
        (void)parser_identifier(parser);
    } while (parser_take(parser, TOKEN_COMMA));
    parser_expect(parser, TOKEN_RIGHT_PAREN, ")");
}

// ---- joins ----

// One more join, if there is one.
static bool parse_join(Parser *parser, SyntaxTable *ret_table) {
    if (parser_take_keyword(parser, KEYWORD_CROSS)) {
        bool is_apply = parser_take_keyword(parser, KEYWORD_APPLY);
        if (!is_apply) parser_expect_keyword(parser, KEYWORD_JOIN, "JOIN or APPLY after CROSS");
        *ret_table = parse_table(parser);
        ret_table->join = is_apply ? SYNTAX_JOIN_OTHER : SYNTAX_JOIN_INNER;
        return !parser->failed;
    }
    SyntaxJoin join;
    bool is_natural = parser_take_keyword(parser, KEYWORD_NATURAL);
    if (!parse_join_kind(parser, &join)) {
        if (is_natural) parser_fail_expected(parser, "a join type after NATURAL");
        return false;
    }
    *ret_table = parse_table(parser);
    ret_table->join = is_natural ? SYNTAX_JOIN_OTHER : join;
    if (is_natural) return !parser->failed;
    if (parser_take_keyword(parser, KEYWORD_ON)) {
        ret_table->on = parse_expr(parser);
    } else if (parser_take_keyword(parser, KEYWORD_USING)) {
        ret_table->join = SYNTAX_JOIN_OTHER;
        parser_expect(parser, TOKEN_LEFT_PAREN, "a list of columns in parentheses");
        parse_names(parser);
    }
    return !parser->failed;
}

// The words before the joined table.
static bool parse_join_kind(Parser *parser, SyntaxJoin *ret_join) {
    *ret_join = SYNTAX_JOIN_INNER;
    if (parser_sees_keyword(parser, KEYWORD_INNER)) {
        parser_next(parser)->role = ROLE_OMITTED;
        parser_expect_keyword(parser, KEYWORD_JOIN, "JOIN");
        return true;
    }
    if (parser_take_keyword(parser, KEYWORD_JOIN)) return true;
    *ret_join = SYNTAX_JOIN_OTHER;
    if (parser_take_keyword(parser, KEYWORD_OUTER)) {
        parser_expect_keyword(parser, KEYWORD_APPLY, "APPLY");
        return true;
    }
    bool is_left = parser_take_keyword(parser, KEYWORD_LEFT);
    bool is_side = is_left || parser_take_keyword(parser, KEYWORD_RIGHT);
    if (!is_side && !parser_take_keyword(parser, KEYWORD_FULL)) return false;
    bool has_word = parser_take_keyword(parser, KEYWORD_OUTER);
    if (is_side && !has_word) {
        has_word = parser_take_keyword(parser, KEYWORD_SEMI) ||
                   parser_take_keyword(parser, KEYWORD_ANTI);
    }
    if (is_side && !has_word && !parser_sees_keyword(parser, KEYWORD_JOIN)) {
        parser_fail(parser, is_left ? "expected OUTER, SEMI, ANTI or JOIN after LEFT"
                                    : "expected OUTER, SEMI, ANTI or JOIN after RIGHT");
    }
    parser_expect_keyword(parser, KEYWORD_JOIN, "JOIN");
    return true;
}

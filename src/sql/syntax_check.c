// syntax_check.c - what parses and is not supported, with upstream's texts.
//
// Upstream turns the parser's tree into its own, clause by clause; the first clause that has no
// counterpart gives the error. The order of the clauses differs between the two grammars, and is
// kept.

#include "sql/syntax.h"

typedef struct Check {
    const TokenSpan *tokens;
    SyntaxGrammar grammar;
    Error *error;
} Check;

static Status check_statement(const Check *check, const SyntaxStatement *statement);
static Status check_query_sql(const Check *check, const SyntaxQuery *query);
static Status check_query_subscription(const Check *check, const SyntaxQuery *query);
static bool keys_are_names(const SyntaxQuery *query, bool *ret_group);
static Status check_qualified(const Check *check, const SyntaxQuery *query);
static bool keys_have_unqualified(const SyntaxQuery *query);
static Status check_items(const Check *check, const SyntaxQuery *query);
static Status check_item(const Check *check, const SyntaxItem *item, bool is_aggregated);
static bool items_are_aggregated(const Check *check, const SyntaxQuery *query);
static Status check_from(const Check *check, const SyntaxTables *from);
static Status check_table(const Check *check, const SyntaxTable *table);
static Status check_join(const Check *check, const SyntaxTable *table);
static Status check_expr(const Check *check, const Syntax *node);
static Status check_literal(const Check *check, const Syntax *node, const char *prefix,
                            const char *suffix);
static Status check_insert(const Check *check, const SyntaxStatement *statement);
static Status check_update(const Check *check, const SyntaxStatement *statement);
static Status check_delete(const Check *check, const SyntaxStatement *statement);
static Status check_set(const Check *check, const SyntaxStatement *statement);
static bool tables_are_one_name(const SyntaxTables *tables);
static bool expr_has_unqualified(const Syntax *node);
static Status reject(const Check *check, const char *prefix, uint32_t first, uint32_t end,
                     const char *suffix);
static Status reject_body(const Check *check, const SyntaxQuery *query);
static Status reject_text(const Check *check, const char *text);

Status syntax_check(const SyntaxText *text, SyntaxGrammar grammar, Error *error) {
    Check check = {&text->tokens, grammar, error};
    if (text->count == 0) return reject_text(&check, "Empty SQL query");
    if (text->count > 1) return reject_text(&check, "Multiple SQL statements are not supported");
    const SyntaxStatement *statement = text->first;
    if (grammar == GRAMMAR_SQL) return check_statement(&check, statement);
    if (statement->kind != STATEMENT_QUERY || statement->is_explained)
        return reject_text(&check, "Unsupported: Non-SELECT queries");
    return check_query_subscription(&check, statement->query);
}

static Status check_statement(const Check *check, const SyntaxStatement *statement) {
    if (statement->has_extras || statement->kind == STATEMENT_OTHER) {
        return reject(check, "Unsupported: ", statement->first, statement->end, "");
    }
    switch (statement->kind) {
    case STATEMENT_QUERY: return check_query_sql(check, statement->query);
    case STATEMENT_INSERT: return check_insert(check, statement);
    case STATEMENT_UPDATE: return check_update(check, statement);
    case STATEMENT_DELETE: return check_delete(check, statement);
    case STATEMENT_SET: return check_set(check, statement);
    case STATEMENT_SHOW: return STATUS_OK;
    case STATEMENT_OTHER: break;
    }
    UNREACHABLE();
}

// ---- queries ----

static bool query_has_bad_limit(const SyntaxQuery *query) {
    return query->limit != NULL && query->limit->kind != SYNTAX_NUMBER;
}

static Status check_query_sql(const Check *check, const SyntaxQuery *query) {
    bool is_group = false;
    bool has_names = keys_are_names(query, &is_group);
    if (query->has_extras || query_has_bad_limit(query) || (!has_names && !is_group))
        return reject(check, "Unsupported: ", query->first, query->end, "");
    bool is_select = query->body == BODY_SELECT && !query->has_select_extras && has_names;
    if (!is_select) return reject_body(check, query);
    Status status = check_items(check, query);
    if (status == STATUS_OK) status = check_from(check, &query->from);
    if (status == STATUS_OK && query->filter != NULL) status = check_expr(check, query->filter);
    if (status == STATUS_OK) status = check_qualified(check, query);
    return status;
}

static Status check_query_subscription(const Check *check, const SyntaxQuery *query) {
    bool is_once = check->grammar == GRAMMAR_ONE_OFF, is_group = false;
    bool has_names = keys_are_names(query, &is_group);
    bool has_tail = query->limit != NULL || query->order.count > 0;
    bool is_bad_tail = is_once ? query_has_bad_limit(query) || (!has_names && !is_group) : has_tail;
    if (query->has_extras || is_bad_tail) {
        return reject(check, "Unsupported: ", query->first, query->end, "");
    }
    if (query->body != BODY_SELECT) {
        return reject(check, "Unsupported set operation: ", query->body_first, query->body_end, "");
    }
    bool is_bad_group = query->group.count > 0 && (!is_once || !has_names);
    if (query->has_select_extras || is_bad_group) return reject_body(check, query);
    Status status = check_from(check, &query->from);
    if (status == STATUS_OK && query->filter != NULL) status = check_expr(check, query->filter);
    if (status == STATUS_OK) status = check_items(check, query);
    if (status == STATUS_OK) status = check_qualified(check, query);
    return status;
}

// ORDER BY and GROUP BY take columns only. *ret_group: is GROUP BY the one at fault?
static bool keys_are_names(const SyntaxQuery *query, bool *ret_group) {
    *ret_group = false;
    for (uint32_t i = 0; i < query->order.count; i++) {
        if (query->order.items[i].expr->kind != SYNTAX_NAME) return false;
    }
    *ret_group = true;
    for (uint32_t i = 0; i < query->group.count; i++) {
        if (query->group.items[i]->kind != SYNTAX_NAME) return false;
    }
    return true;
}

// Where tables are joined every name must say which table it means.
static Status check_qualified(const Check *check, const SyntaxQuery *query) {
    if (query->from.count < 2) return STATUS_OK;
    bool found = query->filter != NULL && expr_has_unqualified(query->filter);
    for (uint32_t i = 0; i < query->from.count && !found; i++) {
        found = query->from.items[i].on != NULL && expr_has_unqualified(query->from.items[i].on);
    }
    for (uint32_t i = 0; i < query->item_count && !found; i++) {
        const Syntax *expr = query->items[i].expr;
        if (expr != NULL && expr->kind == SYNTAX_FUNCTION) expr = expr->left;
        found = expr != NULL && expr->kind == SYNTAX_NAME && expr->table.data == NULL;
    }
    found = found || keys_have_unqualified(query);
    return found ? reject_text(check, "Names must be qualified when using joins") : STATUS_OK;
}

// ORDER BY may also name a column of the result.
static bool keys_have_unqualified(const SyntaxQuery *query) {
    for (uint32_t i = 0; i < query->group.count; i++) {
        if (query->group.items[i]->table.data == NULL) return true;
    }
    for (uint32_t i = 0; i < query->order.count; i++) {
        const Syntax *key = query->order.items[i].expr;
        if (key->table.data != NULL) continue;
        bool is_result = false;
        for (uint32_t j = 0; j < query->item_count && !is_result; j++) {
            const SyntaxItem *item = &query->items[j];
            is_result = item->kind == ITEM_EXPR && bytes_equal(syntax_item_name(item), key->text);
        }
        if (!is_result) return true;
    }
    return false;
}

static bool expr_has_unqualified(const Syntax *node) {
    node = syntax_inner(node);
    if (node->kind == SYNTAX_NAME) return node->table.data == NULL;
    bool is_binary = node->kind == SYNTAX_AND || node->kind == SYNTAX_OR ||
                     node->kind == SYNTAX_COMPARE;
    return is_binary && (expr_has_unqualified(node->left) || expr_has_unqualified(node->right));
}

static Status check_items(const Check *check, const SyntaxQuery *query) {
    bool is_aggregated = items_are_aggregated(check, query);
    for (uint32_t i = 0; i < query->item_count; i++) {
        const SyntaxItem *item = &query->items[i];
        if (item->kind == ITEM_EXPR) {
            Status status = check_item(check, item, is_aggregated);
            if (status != STATUS_OK) return status;
        } else if (query->item_count > 1) {
            return reject_text(check, "Mixed wildcard projections are not supported");
        } else if (query->group.count > 0) {
            return reject_body(check, query);
        }
    }
    return STATUS_OK;
}

// Are functions taken as aggregates? Upstream does so for one by itself.
static bool items_are_aggregated(const Check *check, const SyntaxQuery *query) {
    if (query->group.count > 0) return true;
    if (check->grammar == GRAMMAR_SUBSCRIPTION && query->item_count > 1) return false;
    for (uint32_t i = 0; i < query->item_count; i++) {
        const SyntaxItem *item = &query->items[i];
        if (item->kind != ITEM_EXPR || item->expr->kind != SYNTAX_FUNCTION) return false;
    }
    return true;
}

static Status check_item(const Check *check, const SyntaxItem *item, bool is_aggregated) {
    const Syntax *expr = item->expr;
    if (is_aggregated && expr->kind == SYNTAX_FUNCTION) {
        if (item->alias.data == NULL) {
            return reject_text(check, "Aggregate expressions must have column aliases");
        }
        bool is_known = check->grammar == GRAMMAR_SUBSCRIPTION
                            ? expr->aggregate == SYNTAX_COUNT
                            : expr->aggregate != SYNTAX_AGGREGATE_NONE;
        if (is_known) return STATUS_OK;
        return reject(check, "Unsupported aggregate function: ", expr->first, expr->end, "");
    }
    if (expr->kind == SYNTAX_NAME) return STATUS_OK;
    return reject(check, "Unsupported projection expression: ", expr->first, expr->end, "");
}

static Status check_from(const Check *check, const SyntaxTables *from) {
    if (from->count == 0) return reject_text(check, "A FROM clause is required");
    if (from->entry_count > 1) return reject_text(check, "Implicit joins are not supported");
    for (uint32_t i = 0; i < from->count; i++) {
        const SyntaxTable *table = &from->items[i];
        Status status = check_table(check, table);
        if (status != STATUS_OK) return status;
        if (from->count > 1 && table->argument_count > 0) {
            return error_set(
                check->error, STATUS_INVALID,
                "Unsupported view call in a JOIN: `%.*s`. A view that takes arguments can only be "
                "queried by itself",
                BYTES_FORMAT(table->name));
        }
        status = check_join(check, table);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

static Status check_table(const Check *check, const SyntaxTable *table) {
    if (!table->is_plain) {
        return reject(check, "Unsupported FROM expression: ", table->first, table->end, "");
    }
    for (uint32_t i = 0; i < table->argument_count; i++) {
        const SyntaxArgument *argument = &table->arguments[i];
        if (argument->value == NULL) {
            return reject(check, "Unsupported view argument: ", argument->first, argument->end,
                          ". View arguments must be positional literals");
        }
        Status status = check_literal(check, argument->value, "Unsupported view argument: ",
                                      ". View arguments must be literals");
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

static Status check_join(const Check *check, const SyntaxTable *table) {
    bool is_supported = table->join != SYNTAX_JOIN_OTHER;
    const Syntax *on = table->on;
    if (on != NULL) {
        is_supported = is_supported && on->kind == SYNTAX_COMPARE && on->compare == QUERY_EQ &&
                       on->left->kind == SYNTAX_NAME && on->right->kind == SYNTAX_NAME;
    }
    return is_supported ? STATUS_OK : reject_text(check, "Non-inner joins are not supported");
}

// ---- expressions ----

static Status check_expr(const Check *check, const Syntax *node) {
    node = syntax_inner(node);
    Status status = STATUS_OK;
    switch (node->kind) {
    case SYNTAX_NAME:
    case SYNTAX_NUMBER:
    case SYNTAX_STRING:
    case SYNTAX_HEX:
    case SYNTAX_BOOL:
    case SYNTAX_SENDER: return STATUS_OK;
    case SYNTAX_SIGNED:
        if (node->left->kind == SYNTAX_NUMBER) return STATUS_OK;
        break;
    case SYNTAX_OTHER_LITERAL:
        return reject(check, "Unsupported literal expression: ", node->first, node->end, "");
    case SYNTAX_AND:
    case SYNTAX_OR:
    case SYNTAX_COMPARE:
    case SYNTAX_OTHER_BINARY:
        status = check_expr(check, node->left);
        if (status == STATUS_OK) status = check_expr(check, node->right);
        if (status != STATUS_OK || node->kind != SYNTAX_OTHER_BINARY) return status;
        return reject(check, "Unsupported binary operator: ", node->operator_first,
                      node->operator_end, "");
    case SYNTAX_NESTED:
    case SYNTAX_FUNCTION:
    case SYNTAX_OTHER: break;
    }
    return reject(check, "Unsupported expression: ", node->first, node->end, "");
}

// A literal as VALUES, SET and view calls take it; anything else is rejected with the texts given.
static Status check_literal(const Check *check, const Syntax *node, const char *prefix,
                            const char *suffix) {
    switch (node->kind) {
    case SYNTAX_NUMBER:
    case SYNTAX_STRING:
    case SYNTAX_HEX:
    case SYNTAX_BOOL: return STATUS_OK;
    case SYNTAX_SIGNED:
        if (node->left->kind == SYNTAX_NUMBER) return STATUS_OK;
        break;
    case SYNTAX_SENDER:
    case SYNTAX_OTHER_LITERAL:
        return reject(check, "Unsupported literal expression: ", node->first, node->end, "");
    default: break;
    }
    return reject(check, prefix, node->first, node->end, suffix);
}

// ---- other statements ----

static Status check_insert(const Check *check, const SyntaxStatement *statement) {
    const SyntaxQuery *query = statement->query;
    bool is_values = query->body == BODY_VALUES && !query->has_explicit_row;
    if (query->has_extras || query->limit != NULL || !is_values) {
        return reject(check, "Unsupported INSERT expression: ", query->first, query->end, "");
    }
    for (uint32_t i = 0; i < query->row_count; i++) {
        for (uint32_t j = 0; j < query->rows[i].count; j++) {
            Status status = check_literal(check, query->rows[i].values[j],
                                          "Unsupported INSERT value: ", "");
            if (status != STATUS_OK) return status;
        }
    }
    return STATUS_OK;
}

static Status check_update(const Check *check, const SyntaxStatement *statement) {
    if (!tables_are_one_name(&statement->tables)) {
        return reject(check, "Unsupported: ", statement->first, statement->end, "");
    }
    for (uint32_t i = 0; i < statement->assignment_count; i++) {
        Status status = check_literal(check, statement->assignments[i].value,
                                      "Unsupported column/variable assignment expression: ", "");
        if (status != STATUS_OK) return status;
    }
    return statement->filter == NULL ? STATUS_OK : check_expr(check, statement->filter);
}

static Status check_delete(const Check *check, const SyntaxStatement *statement) {
    const SyntaxTables *tables = &statement->tables;
    if (tables->entry_count > 1) return reject_text(check, "Multi-table DELETE is not supported");
    if (!tables_are_one_name(tables)) {
        return reject(check, "Unsupported table expression in DELETE: ", tables->first, tables->end,
                      "");
    }
    return statement->filter == NULL ? STATUS_OK : check_expr(check, statement->filter);
}

static Status check_set(const Check *check, const SyntaxStatement *statement) {
    if (statement->assignment_count != 1) {
        return reject(check, "Unsupported: ", statement->first, statement->end, "");
    }
    return check_literal(check, statement->assignments[0].value,
                         "Unsupported column/variable assignment expression: ", "");
}

static bool tables_are_one_name(const SyntaxTables *tables) {
    const SyntaxTable *table = &tables->items[0];
    return tables->count == 1 && table->is_plain && !table->has_alias && !table->has_arguments;
}

// ---- errors ----

static Status reject(const Check *check, const char *prefix, uint32_t first, uint32_t end,
                     const char *suffix) {
    Buffer text;
    buffer_init(&text, 4 * SQL_TEXT_BYTES_MAX);
    tokens_write(check->tokens, first, end, &text);
    Bytes shown = buffer_bytes(&text);
    Status status = error_set(check->error, STATUS_INVALID, "%s%.*s%s", prefix, BYTES_FORMAT(shown),
                              suffix);
    buffer_done(&text);
    return status;
}

// A SELECT with a clause that is not supported.
static Status reject_body(const Check *check, const SyntaxQuery *query) {
    const char *prefix = check->grammar == GRAMMAR_SQL ? "Unsupported: " : "Unsupported SELECT: ";
    return reject(check, prefix, query->body_first, query->body_end, "");
}

static Status reject_text(const Check *check, const char *text) {
    return error_set(check->error, STATUS_INVALID, "%s", text);
}

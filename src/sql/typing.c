// typing.c - the type checker (sql.md 6).
//
// Literals have no type of their own: they take that of the other operand. There is no promotion:
// two columns compare only if their types are structurally the same.

#include "sql/typing.h"

#include "sql/literal.h"

static Status typing_add_relation(Typing *typing, const SyntaxTable *table, bool takes_arguments);
static Status typing_add_view(Typing *typing, const SyntaxTable *table, uint16_t relation);
static Status typing_view_arguments(Typing *typing, const SyntaxTable *table, uint16_t relation,
                                    Bytes *ret_arguments);
static Status typing_on(Typing *typing, const Syntax *on, QueryRelation *relation);
static Status typing_expr(Typing *typing, const Syntax *node, const Type *wanted,
                          const QueryExpr **ret_expr);
static Status typing_literal(Typing *typing, const Syntax *node, const Type *wanted,
                             const QueryExpr **ret_expr);
static Status typing_sender(Typing *typing, const Type *wanted, const QueryExpr **ret_expr);
static Status typing_name(Typing *typing, const Syntax *node, const Type *wanted,
                          const QueryExpr **ret_expr);
static Status typing_logic(Typing *typing, const Syntax *node, const QueryExpr **ret_expr);
static Status typing_compare(Typing *typing, const Syntax *node, const QueryExpr **ret_expr);
static const QueryExpr *expr_constant(Typing *typing, const Type *type, Bytes value);
static bool syntax_is_constant(const Syntax *node);

// ---- tables ----

Status typing_add_tables(Typing *typing, const SyntaxTables *from) {
    ASSERT(from->count > 0);
    for (uint32_t i = 0; i < from->count; i++) {
        Status status = typing_add_relation(typing, &from->items[i], from->count == 1);
        if (status != STATUS_OK) return status;
        if (from->items[i].on == NULL) continue;
        status = typing_on(typing, from->items[i].on, &typing->relations[typing->count - 1]);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

Status typing_add_table(Typing *typing, Bytes name) {
    ASSERT(typing->count == 0);
    Status status = catalog_find_table(typing->context, name, &typing->tables[0], typing->error);
    if (status != STATUS_OK) return status;
    const TableSchema *schema = typing->tables[0].schema;
    if (catalog_is_view(&typing->tables[0])) {
        return error_set(typing->error, STATUS_INVALID,
                         "`%.*s` is a view; DML on views is not supported",
                         BYTES_FORMAT(schema->name));
    }
    typing->aliases[0] = name;
    typing->relations[0] = (QueryRelation){.table = schema->id};
    typing->count = 1;
    return STATUS_OK;
}

static Status typing_add_relation(Typing *typing, const SyntaxTable *table, bool takes_arguments) {
    if (typing->count == SQL_RELATIONS_MAX) {
        return error_set(typing->error, STATUS_LIMIT, "A query cannot join more than %u tables",
                         SQL_RELATIONS_MAX);
    }
    for (uint16_t i = 0; i < typing->count; i++) {
        if (!bytes_equal(typing->aliases[i], table->alias)) continue;
        return error_set(typing->error, STATUS_INVALID, "Duplicate name `%.*s`",
                         BYTES_FORMAT(table->alias));
    }
    uint16_t relation = typing->count;
    CatalogTable *found = &typing->tables[relation];
    Status status = catalog_find_table(typing->context, table->name, found, typing->error);
    if (status != STATUS_OK) return status;
    ASSERT(takes_arguments || table->argument_count == 0);
    typing->relations[relation] = (QueryRelation){.table = found->schema->id, .name = table->alias};
    typing->views[relation] = (QueryView){.table = found->schema->id};
    typing->aliases[relation] = table->alias;
    status = typing_add_view(typing, table, relation);
    typing->count++;
    return status;
}

// Checks the call's arguments, and which instance of the view it means.
static Status typing_add_view(Typing *typing, const SyntaxTable *table, uint16_t relation) {
    const CatalogTable *found = &typing->tables[relation];
    Bytes name = found->schema->name;
    if (!catalog_is_view(found)) {
        if (table->argument_count == 0) return STATUS_OK;
        return error_set(typing->error, STATUS_INVALID,
                         "`%.*s` is a table, not a view; it does not take arguments",
                         BYTES_FORMAT(name));
    }
    if (table->argument_count != found->parameter_count) {
        return error_set(typing->error, STATUS_INVALID,
                         "View `%.*s` takes %u argument(s), but %u were given", BYTES_FORMAT(name),
                         found->parameter_count, table->argument_count);
    }
    Bytes arguments = BYTES_NONE;
    Status status = typing_view_arguments(typing, table, relation, &arguments);
    if (status != STATUS_OK) return status;
    QueryView *view = &typing->views[relation];
    view->is_per_sender = found->is_per_sender;
    view->arguments = arguments;
    view->key = catalog_view_key(typing->context, found, arguments, typing->arena);
    typing->relations[relation].view_key = view->key;
    return STATUS_OK;
}

static bool type_is_literal(const Type *type) {
    return type->kind == TYPE_BOOL || type_is_comparable(type);
}

static Status typing_view_arguments(Typing *typing, const SyntaxTable *table, uint16_t relation,
                                    Bytes *ret_arguments) {
    const CatalogTable *found = &typing->tables[relation];
    if (found->parameter_count == 0) return STATUS_OK;
    const CatalogParameter *parameters = catalog_parameters(typing->context, found, typing->arena);
    Buffer bytes;
    buffer_init(&bytes, 64 * SQL_TEXT_BYTES_MAX);
    Status status = STATUS_OK;
    for (uint16_t i = 0; i < found->parameter_count && status == STATUS_OK; i++) {
        if (!type_is_literal(parameters[i].type)) {
            Buffer text;
            buffer_init(&text, SQL_TEXT_BYTES_MAX);
            type_write_text(&text, parameters[i].type);
            Bytes shown = buffer_bytes(&text);
            status = error_set(
                typing->error, STATUS_INVALID,
                "Parameter `%.*s` of view `%.*s` has type %.*s, which cannot be passed from SQL",
                BYTES_FORMAT(parameters[i].name), BYTES_FORMAT(found->schema->name),
                BYTES_FORMAT(shown));
            buffer_done(&text);
            break;
        }
        const QueryExpr *value = NULL;
        status = typing_expr(typing, table->arguments[i].value, parameters[i].type, &value);
        if (status == STATUS_OK) buffer_append_bytes(&bytes, value->constant);
    }
    ASSERT(!bytes.failed);  // a literal of one digit becomes 32 bytes at most
    if (status == STATUS_OK) *ret_arguments = arena_copy(typing->arena, buffer_bytes(&bytes));
    buffer_done(&bytes);
    return status;
}

static Status typing_on(Typing *typing, const Syntax *on, QueryRelation *relation) {
    ASSERT(on->kind == SYNTAX_COMPARE && on->compare == QUERY_EQ);
    const QueryExpr *expr = NULL;
    Status status = typing_expr(typing, on, type_primitive(TYPE_BOOL), &expr);
    if (status != STATUS_OK) return status;
    ASSERT(expr->left->kind == QUERY_EXPR_COLUMN && expr->right->kind == QUERY_EXPR_COLUMN);
    relation->join = QUERY_JOIN_EQUAL;
    relation->left = expr->left->column;
    relation->right = expr->right->column;
    return STATUS_OK;
}

Status typing_relation(Typing *typing, Bytes alias, uint16_t *ret_relation) {
    for (uint16_t i = 0; i < typing->count; i++) {
        if (!bytes_equal(typing->aliases[i], alias)) continue;
        *ret_relation = i;
        return STATUS_OK;
    }
    return typing_fail_scope(typing, alias);
}

Status typing_column(Typing *typing, Bytes table, Bytes column, QueryColumn *ret_column) {
    uint16_t relation = 0;  // without a qualifier there is only one relation
    if (table.data != NULL) {
        Status status = typing_relation(typing, table, &relation);
        if (status != STATUS_OK) return status;
    }
    ASSERT(relation < typing->count);
    uint16_t found = catalog_find_column(&typing->tables[relation], column);
    if (found == COLUMN_NONE) return typing_fail_scope(typing, column);
    *ret_column = (QueryColumn){relation, found};
    return STATUS_OK;
}

// ---- expressions ----

Status typing_filter(Typing *typing, const Syntax *filter, Conjuncts *ret_conjuncts) {
    *ret_conjuncts = (Conjuncts){0};
    if (filter == NULL) return STATUS_OK;
    const QueryExpr *expr = NULL;
    Status status = typing_expr(typing, filter, type_primitive(TYPE_BOOL), &expr);
    if (status != STATUS_OK) return status;
    uint32_t count = expr->kind == QUERY_EXPR_AND ? expr->item_count : 1;
    const QueryExpr **items = ARENA_ARRAY(typing->arena, const QueryExpr *, count);
    if (expr->kind == QUERY_EXPR_AND) {
        memcpy(items, expr->items, count * sizeof *items);
    } else {
        items[0] = expr;
    }
    *ret_conjuncts = (Conjuncts){items, count};
    return STATUS_OK;
}

// wanted may be NULL: any type.
static Status typing_expr(Typing *typing, const Syntax *node, const Type *wanted,
                          const QueryExpr **ret_expr) {
    node = syntax_inner(node);
    bool is_bool = wanted == NULL || wanted->kind == TYPE_BOOL;
    switch (node->kind) {
    case SYNTAX_BOOL: {
        if (!is_bool) return typing_fail_type(typing, type_primitive(TYPE_BOOL), wanted);
        uint8_t value = node->is_true ? 1 : 0;
        *ret_expr = expr_constant(typing, type_primitive(TYPE_BOOL),
                                  arena_copy(typing->arena, bytes_of(&value, sizeof value)));
        return STATUS_OK;
    }
    case SYNTAX_NUMBER:
    case SYNTAX_STRING:
    case SYNTAX_HEX:
    case SYNTAX_SIGNED: return typing_literal(typing, node, wanted, ret_expr);
    case SYNTAX_SENDER: return typing_sender(typing, wanted, ret_expr);
    case SYNTAX_NAME: return typing_name(typing, node, wanted, ret_expr);
    case SYNTAX_AND:
    case SYNTAX_OR:
        if (!is_bool) return typing_fail_type(typing, type_primitive(TYPE_BOOL), wanted);
        return typing_logic(typing, node, ret_expr);
    case SYNTAX_COMPARE:
        if (!is_bool) return typing_fail_type(typing, type_primitive(TYPE_BOOL), wanted);
        return typing_compare(typing, node, ret_expr);
    case SYNTAX_NESTED:
    case SYNTAX_OTHER_LITERAL:
    case SYNTAX_OTHER_BINARY:
    case SYNTAX_FUNCTION:
    case SYNTAX_OTHER: break;
    }
    UNREACHABLE();  // syntax_check lets none of these through
}

static Status typing_literal(Typing *typing, const Syntax *node, const Type *wanted,
                             const QueryExpr **ret_expr) {
    if (wanted == NULL) {
        return error_set(typing->error, STATUS_INVALID,
                         "Cannot resolve type for literal expression");
    }
    Bytes value;
    if (!literal_read(node->text, wanted, typing->arena, &value)) {
        return typing_fail_literal(typing, node->text, wanted);
    }
    *ret_expr = expr_constant(typing, wanted, value);
    return STATUS_OK;
}

static Status typing_sender(Typing *typing, const Type *wanted, const QueryExpr **ret_expr) {
    const Type *identity = type_special(SPECIAL_IDENTITY);
    const Identity *sender = &typing->context->sender;
    typing->uses_sender = true;
    if (wanted == NULL || wanted->special == SPECIAL_IDENTITY) {
        Bytes value = arena_copy(typing->arena, bytes_of(sender->bytes, sizeof sender->bytes));
        *ret_expr = expr_constant(typing, identity, value);
        return STATUS_OK;
    }
    if (!type_is_bytes(wanted)) return typing_fail_type(typing, identity, wanted);
    const uint32_t count = sizeof sender->bytes;
    uint8_t *value = arena_alloc(typing->arena, sizeof(uint32_t) + count);
    store_u32le(value, count);
    for (uint32_t i = 0; i < count; i++) value[sizeof(uint32_t) + i] = sender->bytes[count - 1 - i];
    *ret_expr = expr_constant(typing, wanted, bytes_of(value, sizeof(uint32_t) + count));
    return STATUS_OK;
}

static Status typing_name(Typing *typing, const Syntax *node, const Type *wanted,
                          const QueryExpr **ret_expr) {
    QueryColumn column;
    Status status = typing_column(typing, node->table, node->text, &column);
    if (status != STATUS_OK) return status;
    const Type *type = catalog_column_type(&typing->tables[column.relation], column.column);
    if (wanted != NULL && !type_equal(type, wanted)) return typing_fail_type(typing, type, wanted);
    QueryExpr *expr = ARENA_NEW(typing->arena, QueryExpr);
    *expr = (QueryExpr){.kind = QUERY_EXPR_COLUMN, .type = type};
    expr->column = column;
    *ret_expr = expr;
    return STATUS_OK;
}

// A chain of one operator becomes one node: a AND b AND c has three items.
static Status typing_logic(Typing *typing, const Syntax *node, const QueryExpr **ret_expr) {
    SyntaxKind kind = node->kind;
    uint32_t count = 1;
    for (const Syntax *at = node; at->kind == kind; at = syntax_inner(at->left)) count++;
    const Syntax **operands = ARENA_ARRAY(typing->arena, const Syntax *, count);
    const QueryExpr **items = ARENA_ARRAY(typing->arena, const QueryExpr *, count);
    const Syntax *at = node;
    for (uint32_t i = count - 1; i > 0; i--) {
        operands[i] = at->right;
        at = syntax_inner(at->left);
    }
    operands[0] = at;
    for (uint32_t i = 0; i < count; i++) {
        Status status = typing_expr(typing, operands[i], type_primitive(TYPE_BOOL), &items[i]);
        if (status != STATUS_OK) return status;
    }
    QueryExpr *expr = ARENA_NEW(typing->arena, QueryExpr);
    expr->kind = kind == SYNTAX_AND ? QUERY_EXPR_AND : QUERY_EXPR_OR;
    expr->type = type_primitive(TYPE_BOOL);
    expr->items = items;
    expr->item_count = count;
    *ret_expr = expr;
    return STATUS_OK;
}

static const char *compare_text(QueryCompare compare) {
    static const char *const TEXTS[] = {
        [QUERY_EQ] = "=",  [QUERY_NE] = "<>", [QUERY_LT] = "<",
        [QUERY_LE] = "<=", [QUERY_GT] = ">",  [QUERY_GE] = ">=",
    };
    return TEXTS[compare];
}

static Status typing_compare(Typing *typing, const Syntax *node, const QueryExpr **ret_expr) {
    const QueryExpr *left = NULL, *right = NULL;
    Status status;
    if (syntax_is_constant(node->left)) {
        status = typing_expr(typing, node->right, NULL, &right);
        if (status == STATUS_OK) status = typing_expr(typing, node->left, right->type, &left);
    } else {
        status = typing_expr(typing, node->left, NULL, &left);
        if (status == STATUS_OK) status = typing_expr(typing, node->right, left->type, &right);
    }
    if (status != STATUS_OK) return status;
    if (!type_is_comparable(left->type)) {
        Buffer text;
        buffer_init(&text, SQL_TEXT_BYTES_MAX);
        type_write_text(&text, left->type);
        Bytes shown = buffer_bytes(&text);
        status = error_set(typing->error, STATUS_INVALID,
                           "Invalid binary operator `%s` for type `%.*s`",
                           compare_text(node->compare), BYTES_FORMAT(shown));
        buffer_done(&text);
        return status;
    }
    QueryExpr *expr = ARENA_NEW(typing->arena, QueryExpr);
    *expr = (QueryExpr){
        .kind = QUERY_EXPR_COMPARE, .compare = node->compare, .type = type_primitive(TYPE_BOOL)};
    expr->left = left;
    expr->right = right;
    *ret_expr = expr;
    return STATUS_OK;
}

static bool syntax_is_constant(const Syntax *node) {
    node = syntax_inner(node);
    switch (node->kind) {
    case SYNTAX_BOOL:
    case SYNTAX_NUMBER:
    case SYNTAX_STRING:
    case SYNTAX_HEX:
    case SYNTAX_SIGNED:
    case SYNTAX_SENDER: return true;
    default: return false;
    }
}

static const QueryExpr *expr_constant(Typing *typing, const Type *type, Bytes value) {
    QueryExpr *expr = ARENA_NEW(typing->arena, QueryExpr);
    *expr = (QueryExpr){.kind = QUERY_EXPR_CONSTANT, .type = type};
    expr->constant = value;
    return expr;
}

Status typing_value(Typing *typing, const Syntax *literal, const Type *type, Bytes *ret_value) {
    bool is_bool = literal->kind == SYNTAX_BOOL;
    if (is_bool && type->kind != TYPE_BOOL)
        return typing_fail_type(typing, type_primitive(TYPE_BOOL), type);
    if (literal->kind == SYNTAX_STRING && type->kind != TYPE_STRING) {
        return typing_fail_type(typing, type_primitive(TYPE_STRING), type);
    }
    if (is_bool) {
        uint8_t value = literal->is_true ? 1 : 0;
        *ret_value = arena_copy(typing->arena, bytes_of(&value, sizeof value));
        return STATUS_OK;
    }
    if (literal_read(literal->text, type, typing->arena, ret_value)) return STATUS_OK;
    return typing_fail_literal(typing, literal->text, type);
}

// ---- errors ----

Status typing_fail_literal(Typing *typing, Bytes text, const Type *type) {
    Buffer shown;
    buffer_init(&shown, SQL_TEXT_BYTES_MAX);
    type_write_text(&shown, type);
    Bytes type_text = buffer_bytes(&shown);
    Status status = error_set(typing->error, STATUS_INVALID,
                              "The literal expression `%.*s` cannot be parsed as type `%.*s`",
                              BYTES_FORMAT(text), BYTES_FORMAT(type_text));
    buffer_done(&shown);
    return status;
}

Status typing_fail_type(Typing *typing, const Type *actual, const Type *wanted) {
    Buffer actual_text, wanted_text;
    buffer_init(&actual_text, SQL_TEXT_BYTES_MAX);
    buffer_init(&wanted_text, SQL_TEXT_BYTES_MAX);
    type_write_text(&actual_text, actual);
    type_write_text(&wanted_text, wanted);
    Bytes shown[2] = {buffer_bytes(&actual_text), buffer_bytes(&wanted_text)};
    Status status = error_set(typing->error, STATUS_INVALID,
                              "Unexpected type: (expected) %.*s != %.*s (inferred)",
                              BYTES_FORMAT(shown[0]), BYTES_FORMAT(shown[1]));
    buffer_done(&actual_text);
    buffer_done(&wanted_text);
    return status;
}

Status typing_fail_scope(Typing *typing, Bytes name) {
    return error_set(typing->error, STATUS_INVALID, "`%.*s` is not in scope", BYTES_FORMAT(name));
}

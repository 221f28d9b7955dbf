// select_keys.c - aggregates, GROUP BY and ORDER BY. All of it is ours, for queries that run once.
//
// COUNT(*) is a U64. SUM takes integers of up to 64 bits and floats, and is an I128, a U128 or an
// F64, so that no sum overflows. AVG takes the same and is an F64. MIN and MAX take anything and
// have its type. Without GROUP BY, MIN, MAX and AVG are options, as there may be no row.

#include "base/map.h"
#include "sql/select.h"

static Status select_group_columns(Typing *typing, const SyntaxQuery *query, Selection *selection);
static Status select_group_item(Typing *typing, const Syntax *expr, Arena *arena,
                                Selection *selection, uint16_t *ret_output, const Type **ret_type);
static Status select_aggregate(Typing *typing, const Syntax *call, Selection *selection);
static const Type *aggregate_type(const QueryAggregate *aggregate, bool is_grouped, Arena *arena);
static bool find_group(const Selection *selection, QueryColumn column, uint16_t *ret_group);
static Status select_key(Typing *typing, const SyntaxQuery *query, const Syntax *key,
                         Selection *selection);
static Status select_key_of_groups(Typing *typing, const SyntaxQuery *query, const Syntax *key,
                                   Selection *selection);
static bool find_item(const SyntaxQuery *query, const Syntax *key, uint32_t *ret_item);
static Status fail_keys(Typing *typing, const char *clause);

// ---- groups ----

Status select_groups(Typing *typing, const SyntaxQuery *query, Arena *arena, Selection *selection) {
    uint32_t count = query->item_count;
    if (count > UINT16_MAX / 2) return error_set(typing->error, STATUS_LIMIT, "Too many columns");
    if (query->group.count > SQL_KEYS_MAX) return fail_keys(typing, "GROUP BY");
    selection->shape = QUERY_GROUPS;
    selection->columns = ARENA_ARRAY(typing->arena, QueryColumn, query->group.count + count);
    selection->aggregates = ARENA_ARRAY(typing->arena, QueryAggregate, count);
    selection->outputs = ARENA_ARRAY(typing->arena, uint16_t, count);
    TypeField *fields = ARENA_ARRAY(typing->arena, TypeField, count);
    Status status = select_group_columns(typing, query, selection);
    BytesMap names;
    bytes_map_init(&names);
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        const SyntaxItem *item = &query->items[i];
        Bytes name = syntax_item_name(item);
        if (bytes_map_set(&names, name, fields) != NULL) {
            status = error_set(typing->error, STATUS_INVALID, "Duplicate name `%.*s`",
                               BYTES_FORMAT(name));
            break;
        }
        fields[i].name = arena_copy(arena, name);
        status = select_group_item(typing, item->expr, arena, selection, &selection->outputs[i],
                                   &fields[i].type);
    }
    bytes_map_done(&names);
    if (status == STATUS_OK) selection->row_type = type_product(arena, fields, count);
    return status;
}

static Status select_group_columns(Typing *typing, const SyntaxQuery *query, Selection *selection) {
    for (uint32_t i = 0; i < query->group.count; i++) {
        const Syntax *name = query->group.items[i];
        QueryColumn column;
        uint16_t group;
        Status status = typing_column(typing, name->table, name->text, &column);
        if (status != STATUS_OK) return status;
        if (find_group(selection, column, &group)) continue;  // once is enough
        selection->columns[selection->column_count++] = column;
        selection->group_count++;
    }
    return STATUS_OK;
}

static bool find_group(const Selection *selection, QueryColumn column, uint16_t *ret_group) {
    for (uint16_t i = 0; i < selection->group_count; i++) {
        const QueryColumn *group = &selection->columns[i];
        if (group->relation != column.relation || group->column != column.column) continue;
        *ret_group = i;
        return true;
    }
    return false;
}

static Status select_group_item(Typing *typing, const Syntax *expr, Arena *arena,
                                Selection *selection, uint16_t *ret_output, const Type **ret_type) {
    if (expr->kind == SYNTAX_FUNCTION) {
        *ret_output = (uint16_t)(selection->group_count + selection->aggregate_count);
        Status status = select_aggregate(typing, expr, selection);
        if (status != STATUS_OK) return status;
        const QueryAggregate *added = &selection->aggregates[selection->aggregate_count - 1];
        *ret_type = aggregate_type(added, selection->group_count > 0, arena);
        return STATUS_OK;
    }
    QueryColumn column;
    Status status = typing_column(typing, expr->table, expr->text, &column);
    if (status != STATUS_OK) return status;
    if (!find_group(selection, column, ret_output)) {
        return error_set(typing->error, STATUS_INVALID,
                         "`%.*s` must appear in GROUP BY or in an aggregate",
                         BYTES_FORMAT(expr->text));
    }
    *ret_type = catalog_column_type(&typing->tables[column.relation], column.column);
    return STATUS_OK;
}

static bool type_is_summable(const Type *type) {
    bool is_float = type->kind == TYPE_F32 || type->kind == TYPE_F64;
    return is_float || (type_is_integer(type) && type->fixed_bytes <= sizeof(uint64_t));
}

static Status select_aggregate(Typing *typing, const Syntax *call, Selection *selection) {
    static const struct {
        QueryAggregateKind kind;
        const char *name;
    } AGGREGATES[] = {
        [SYNTAX_COUNT] = {AGGREGATE_COUNT, "COUNT"}, [SYNTAX_SUM] = {AGGREGATE_SUM, "SUM"},
        [SYNTAX_MIN] = {AGGREGATE_MIN, "MIN"},       [SYNTAX_MAX] = {AGGREGATE_MAX, "MAX"},
        [SYNTAX_AVG] = {AGGREGATE_AVG, "AVG"},
    };
    ASSERT(call->aggregate != SYNTAX_AGGREGATE_NONE);
    QueryAggregate aggregate = {.kind = AGGREGATES[call->aggregate].kind};
    if (aggregate.kind != AGGREGATE_COUNT) {
        QueryColumn column;
        Status status = typing_column(typing, call->left->table, call->left->text, &column);
        if (status != STATUS_OK) return status;
        aggregate.type = catalog_column_type(&typing->tables[column.relation], column.column);
        bool sums = aggregate.kind == AGGREGATE_SUM || aggregate.kind == AGGREGATE_AVG;
        if (sums && !type_is_summable(aggregate.type)) {
            Buffer text;
            buffer_init(&text, SQL_TEXT_BYTES_MAX);
            type_write_text(&text, aggregate.type);
            Bytes shown = buffer_bytes(&text);
            status = error_set(typing->error, STATUS_INVALID,
                               "Invalid aggregate function `%s` for type `%.*s`",
                               AGGREGATES[call->aggregate].name, BYTES_FORMAT(shown));
            buffer_done(&text);
            return status;
        }
        aggregate.column = selection->column_count;
        selection->columns[selection->column_count++] = column;
    }
    selection->aggregates[selection->aggregate_count++] = aggregate;
    return STATUS_OK;
}

static bool type_is_signed(const Type *type) {
    return type->kind == TYPE_I8 || type->kind == TYPE_I16 || type->kind == TYPE_I32 ||
           type->kind == TYPE_I64;
}

static const Type *aggregate_type(const QueryAggregate *aggregate, bool is_grouped, Arena *arena) {
    const Type *type = aggregate->type;
    switch (aggregate->kind) {
    case AGGREGATE_COUNT: return type_primitive(TYPE_U64);
    case AGGREGATE_SUM:
        if (!type_is_integer(type)) return type_primitive(TYPE_F64);
        return type_primitive(type_is_signed(type) ? TYPE_I128 : TYPE_U128);
    case AGGREGATE_AVG: type = type_primitive(TYPE_F64); break;
    case AGGREGATE_MIN:
    case AGGREGATE_MAX: break;
    }
    return is_grouped ? type : type_option(arena, type);
}

// ---- order ----

Status select_order(Typing *typing, const SyntaxQuery *query, Selection *selection) {
    uint32_t count = query->order.count;
    if (count == 0) return STATUS_OK;
    if (count > SQL_KEYS_MAX) return fail_keys(typing, "ORDER BY");
    selection->order = ARENA_ARRAY(typing->arena, QueryOrder, count);
    bool is_of_rows = selection->shape == QUERY_ROWS || selection->shape == QUERY_COLUMNS;
    if (is_of_rows) selection->order_columns = ARENA_ARRAY(typing->arena, QueryColumn, count);
    for (uint32_t i = 0; i < count; i++) {
        const SyntaxOrder *order = &query->order.items[i];
        selection->order[i].is_descending = order->is_descending;
        Status status = is_of_rows ? select_key(typing, query, order->expr, selection)
                                   : select_key_of_groups(typing, query, order->expr, selection);
        if (status != STATUS_OK) return status;
        selection->order_count++;
    }
    if (selection->shape == QUERY_COUNT) selection->order_count = 0;  // of one row
    return STATUS_OK;
}

// A column of the result, else one of the tables.
static Status select_key(Typing *typing, const SyntaxQuery *query, const Syntax *key,
                         Selection *selection) {
    QueryColumn *column = &selection->order_columns[selection->order_count];
    uint32_t item;
    if (selection->shape == QUERY_COLUMNS && find_item(query, key, &item)) {
        *column = selection->columns[item];
        return STATUS_OK;
    }
    return typing_column(typing, key->table, key->text, column);
}

// A column of the result, by its name or by the column of GROUP BY that it is.
static Status select_key_of_groups(Typing *typing, const SyntaxQuery *query, const Syntax *key,
                                   Selection *selection) {
    QueryOrder *order = &selection->order[selection->order_count];
    uint32_t item;
    if (find_item(query, key, &item)) {
        order->output = (uint16_t)item;
        return STATUS_OK;
    }
    QueryColumn column;
    Status status = typing_column(typing, key->table, key->text, &column);
    if (status != STATUS_OK) return status;
    uint16_t group;
    if (find_group(selection, column, &group)) {
        for (uint32_t i = 0; i < query->item_count; i++) {
            if (selection->outputs[i] != group) continue;
            order->output = (uint16_t)i;
            return STATUS_OK;
        }
    }
    return error_set(typing->error, STATUS_INVALID,
                     "`%.*s` must be a column of the result to order groups by it",
                     BYTES_FORMAT(key->text));
}

// The item whose name in the result the key is.
static bool find_item(const SyntaxQuery *query, const Syntax *key, uint32_t *ret_item) {
    for (uint32_t i = 0; i < query->item_count && key->table.data == NULL; i++) {
        if (!bytes_equal(syntax_item_name(&query->items[i]), key->text)) continue;
        *ret_item = i;
        return true;
    }
    return false;
}

static Status fail_keys(Typing *typing, const char *clause) {
    return error_set(typing->error, STATUS_LIMIT, "%s takes at most %u columns", clause,
                     SQL_KEYS_MAX);
}

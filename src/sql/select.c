// select.c - what a SELECT returns, and the plan made of it.
//
// Order of errors: FROM and its joins, WHERE, what is selected, ORDER BY, LIMIT, how views may be
// called, row-level rules.

#include "sql/select.h"

#include "base/map.h"
#include "sql/literal.h"

static Status select_type(Typing *typing, const SyntaxQuery *query, Arena *arena,
                          Selection *ret_selection, Conjuncts *ret_conjuncts);
static Status select_items(Typing *typing, const SyntaxQuery *query, Arena *arena,
                           Selection *selection);
static Status select_star(Typing *typing, const SyntaxItem *item, Arena *arena,
                          Selection *selection);
static Status select_columns(Typing *typing, const SyntaxQuery *query, Arena *arena,
                             Selection *selection);
static Status select_limit(Typing *typing, const Syntax *limit, Selection *selection);
static Status select_check_view_call(Typing *typing, const SyntaxQuery *query);
static Status select_fail_shape(Typing *typing);
static const Query *select_build(Typing *typing, const Selection *selection,
                                 const Branches *branches, const SelectOptions *options,
                                 Arena *arena);
static QueryColumn *select_move(Typing *typing, const QueryColumn *columns, uint16_t count,
                                const Branch *branch);
static uint32_t select_views(Typing *typing, const Branches *branches, QueryView **ret_views);

Status select_type_rows(Typing *typing, Bytes text, Branch *ret_branch) {
    if (text.count > SQL_TEXT_BYTES_MAX || !utf8_is_valid(text)) {
        return error_set(typing->error, STATUS_INVALID,
                         "A row level security rule is too long or no text");
    }
    SyntaxText syntax;
    Status status = syntax_parse(text, typing->arena, &syntax, typing->error);
    if (status == STATUS_OK) status = syntax_check(&syntax, GRAMMAR_SUBSCRIPTION, typing->error);
    Selection selection;
    Conjuncts conjuncts;
    if (status == STATUS_OK) {
        status = select_type(typing, syntax.first->query, typing->arena, &selection, &conjuncts);
    }
    if (status == STATUS_OK && selection.shape != QUERY_ROWS) status = select_fail_shape(typing);
    if (status == STATUS_OK) *ret_branch = branch_of(typing, conjuncts, selection.returned);
    return status;
}

Status select_compile(Typing *typing, const SyntaxQuery *query, const SelectOptions *options,
                      Arena *arena, const Query **ret_query) {
    Selection selection;
    Conjuncts conjuncts;
    Status status = select_type(typing, query, arena, &selection, &conjuncts);
    if (status != STATUS_OK) return status;
    if (options->grammar == GRAMMAR_SUBSCRIPTION && selection.shape != QUERY_ROWS)
        return select_fail_shape(typing);
    Branch whole = branch_of(typing, conjuncts, selection.returned);
    Branches branches;
    status = rules_apply(typing, &whole, &branches, &typing->uses_sender);
    if (status != STATUS_OK) return status;
    *ret_query = select_build(typing, &selection, &branches, options, arena);
    return STATUS_OK;
}

static Status select_type(Typing *typing, const SyntaxQuery *query, Arena *arena,
                          Selection *ret_selection, Conjuncts *ret_conjuncts) {
    *ret_selection = (Selection){.limit = QUERY_LIMIT_NONE};
    Status status = typing_add_tables(typing, &query->from);
    if (status == STATUS_OK) status = typing_filter(typing, query->filter, ret_conjuncts);
    if (status == STATUS_OK) status = select_items(typing, query, arena, ret_selection);
    if (status == STATUS_OK) status = select_order(typing, query, ret_selection);
    if (status == STATUS_OK) status = select_limit(typing, query->limit, ret_selection);
    if (status == STATUS_OK) status = select_check_view_call(typing, query);
    return status;
}

// ---- what is selected ----

static Status select_items(Typing *typing, const SyntaxQuery *query, Arena *arena,
                           Selection *selection) {
    const SyntaxItem *item = &query->items[0];
    if (item->kind != ITEM_EXPR) return select_star(typing, item, arena, selection);
    bool is_aggregated = query->group.count > 0 || item->expr->kind == SYNTAX_FUNCTION;
    if (!is_aggregated) return select_columns(typing, query, arena, selection);
    bool is_count = query->item_count == 1 && query->group.count == 0 &&
                    item->expr->aggregate == SYNTAX_COUNT;
    if (!is_count) return select_groups(typing, query, arena, selection);
    ASSERT(item->alias.data != NULL);
    TypeField field = {arena_copy(arena, item->alias), type_primitive(TYPE_U64)};
    selection->shape = QUERY_COUNT;
    selection->row_type = type_product(arena, &field, 1);
    return STATUS_OK;
}

static Status select_star(Typing *typing, const SyntaxItem *item, Arena *arena,
                          Selection *selection) {
    if (item->kind == ITEM_STAR && typing->count > 1) {
        return error_set(typing->error, STATUS_INVALID, "SELECT * is not supported for joins");
    }
    uint16_t returned = 0;
    if (item->kind == ITEM_TABLE_STAR) {
        Status status = typing_relation(typing, item->table, &returned);
        if (status != STATUS_OK) return status;
    }
    selection->shape = QUERY_ROWS;
    selection->returned = returned;
    selection->row_type = catalog_row_type(&typing->tables[returned], arena);
    return STATUS_OK;
}

static Status select_columns(Typing *typing, const SyntaxQuery *query, Arena *arena,
                             Selection *selection) {
    uint32_t count = query->item_count;
    if (count > UINT16_MAX) return error_set(typing->error, STATUS_LIMIT, "Too many columns");
    QueryColumn *columns = ARENA_ARRAY(typing->arena, QueryColumn, count);
    TypeField *fields = ARENA_ARRAY(typing->arena, TypeField, count);
    BytesMap names;
    bytes_map_init(&names);
    Status status = STATUS_OK;
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        const SyntaxItem *item = &query->items[i];
        Bytes name = syntax_item_name(item);
        if (bytes_map_set(&names, name, columns) != NULL) {
            status = error_set(typing->error, STATUS_INVALID, "Duplicate name `%.*s`",
                               BYTES_FORMAT(name));
            break;
        }
        status = typing_column(typing, item->expr->table, item->expr->text, &columns[i]);
        if (status != STATUS_OK) break;
        const CatalogTable *table = &typing->tables[columns[i].relation];
        fields[i] = (TypeField){arena_copy(arena, name),
                                catalog_column_type(table, columns[i].column)};
    }
    bytes_map_done(&names);
    if (status != STATUS_OK) return status;
    selection->shape = QUERY_COLUMNS;
    selection->columns = columns;
    selection->column_count = (uint16_t)count;
    selection->row_type = type_product(arena, fields, count);
    return STATUS_OK;
}

static Status select_limit(Typing *typing, const Syntax *limit, Selection *selection) {
    if (limit == NULL) return STATUS_OK;
    ASSERT(limit->kind == SYNTAX_NUMBER);
    const Type *type = type_primitive(TYPE_U64);
    Bytes value;
    if (!literal_read(limit->text, type, typing->arena, &value)) {
        return typing_fail_literal(typing, limit->text, type);
    }
    selection->limit = load_u64le(value.data);
    return STATUS_OK;
}

// A view with arguments is read as a whole: SELECT * FROM v(...), and nothing else.
static Status select_check_view_call(Typing *typing, const SyntaxQuery *query) {
    bool has_arguments = catalog_is_view(&typing->tables[0]) &&
                         typing->tables[0].parameter_count > 0;
    bool is_whole = query->items[0].kind != ITEM_EXPR && query->filter == NULL &&
                    query->limit == NULL && query->order.count == 0;
    if (!has_arguments || is_whole) return STATUS_OK;
    Bytes name = typing->tables[0].schema->name;
    return error_set(
        typing->error, STATUS_INVALID,
        "View `%.*s` takes arguments, so it can only be queried as `SELECT * FROM %.*s(...)`",
        BYTES_FORMAT(name), BYTES_FORMAT(name));
}

static Status select_fail_shape(Typing *typing) {
    return error_set(typing->error, STATUS_INVALID,
                     "Column projections are not supported in subscriptions; Subscriptions must "
                     "return a table type");
}

// ---- the plan ----

static const Query *select_build(Typing *typing, const Selection *selection,
                                 const Branches *branches, const SelectOptions *options,
                                 Arena *arena) {
    FragmentSpec *fragments = ARENA_ARRAY(typing->arena, FragmentSpec, branches->count);
    uint16_t moved_order = selection->order_columns != NULL ? selection->order_count : 0;
    for (uint32_t i = 0; i < branches->count; i++) {
        const Branch *branch = &branches->items[i];
        fragments[i] = (FragmentSpec){
            .relations = branch->relations,
            .relation_count = branch->count,
            .returned = branch->returned,
            .conjuncts = branch->conjuncts.items,
            .conjunct_count = branch->conjuncts.count,
            .columns = select_move(typing, selection->columns, selection->column_count, branch),
            .column_count = selection->column_count,
            .order = select_move(typing, selection->order_columns, moved_order, branch),
        };
    }
    QueryView *views;
    uint32_t view_count = select_views(typing, branches, &views);
    bool reads_sender_view = false;
    for (uint32_t i = 0; i < view_count; i++)
        reads_sender_view = reads_sender_view || views[i].is_per_sender;
    QuerySpec spec = {
        .shape = selection->shape,
        .use = options->use,
        .row_type = selection->row_type,
        .fragments = fragments,
        .fragment_count = branches->count,
        .views = views,
        .view_count = view_count,
        .order = selection->order,
        .order_count = selection->order_count,
        .group_count = selection->group_count,
        .aggregates = selection->aggregates,
        .aggregate_count = selection->aggregate_count,
        .outputs = selection->outputs,
        .limit = selection->limit,
        .depends_on_sender = typing->uses_sender || reads_sender_view,
        .is_explained = options->is_explained,
    };
    return query_build(typing->context->store, &spec, arena);
}

// Columns of the query as written, where they stand in the branch.
static QueryColumn *select_move(Typing *typing, const QueryColumn *columns, uint16_t count,
                                const Branch *branch) {
    QueryColumn *moved = ARENA_ARRAY(typing->arena, QueryColumn, count);
    for (uint16_t i = 0; i < count; i++)
        moved[i] = (QueryColumn){branch->places[columns[i].relation], columns[i].column};
    return moved;
}

// Every instance of a view that any branch reads, each once.
static uint32_t select_views(Typing *typing, const Branches *branches, QueryView **ret_views) {
    uint32_t total = 0, count = 0;
    for (uint32_t i = 0; i < branches->count; i++) {
        for (uint16_t j = 0; j < branches->items[i].count; j++) {
            if (branches->items[i].views[j].key.data != NULL) total++;
        }
    }
    QueryView *views = ARENA_ARRAY(typing->arena, QueryView, total);
    for (uint32_t i = 0; i < branches->count && total > 0; i++) {
        for (uint16_t j = 0; j < branches->items[i].count; j++) {
            const QueryView *view = &branches->items[i].views[j];
            bool is_new = view->key.data != NULL;
            for (uint32_t k = 0; k < count && is_new; k++) {
                is_new = views[k].table != view->table || !bytes_equal(views[k].key, view->key);
            }
            if (is_new) views[count++] = *view;
        }
    }
    *ret_views = views;
    return count;
}

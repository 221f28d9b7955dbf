// plan.c - a Query is built from its spec, and tells about itself.

#include "query/plan.h"

static Conditions conditions_collect(Store *store, const FragmentSpec *spec, Arena *arena);
static void conditions_add(Conditions *conditions, const QueryExpr *expr, Arena *arena);
static uint32_t expr_relations(const QueryExpr *expr);
static const QueryExpr *expr_equal(const Type *type, QueryColumn left, const QueryColumn *right,
                                   Bytes constant, Arena *arena);
static void fragment_set_relations(Store *store, const FragmentSpec *spec,
                                   const Conditions *conditions, Arena *arena, Fragment *fragment);
static void fragment_set_delta(Store *store, const Conditions *conditions, Arena *arena,
                               Fragment *fragment);
static void fragment_set_tables(Fragment *fragment, Arena *arena);
static void fragment_set_equalities(Store *store, const Conditions *conditions, Arena *arena,
                                    Fragment *fragment);
static bool equality_find(Store *store, const Fragment *fragment, const Conditions *conditions,
                          uint16_t relation, Equality *ret_equality);
static uint32_t equality_rank(Store *store, TableId table, uint16_t column);
static bool type_has_float(const Type *type);

// ---- building ----

const Query *query_build(Store *store, const QuerySpec *spec, Arena *arena) {
    ASSERT(spec->fragment_count > 0);
    Query *query = ARENA_NEW(arena, Query);
    query->shape = spec->shape;
    query->row_type = spec->row_type;
    query->limit = spec->limit;
    query->depends_on_sender = spec->depends_on_sender;
    query->fragment_count = spec->fragment_count;
    query->fragments = ARENA_ARRAY(arena, Fragment, spec->fragment_count);
    for (uint32_t i = 0; i < spec->fragment_count; i++) {
        fragment_build(store, &spec->fragments[i], arena, &query->fragments[i]);
    }
    QueryView *views = ARENA_ARRAY(arena, QueryView, spec->view_count);
    for (uint32_t i = 0; i < spec->view_count; i++) {
        views[i] = spec->views[i];
        views[i].arguments = arena_copy(arena, spec->views[i].arguments);
        views[i].key = arena_copy(arena, spec->views[i].key);
    }
    query->views = views;
    query->view_count = spec->view_count;
    return query;
}

void fragment_build(Store *store, const FragmentSpec *spec, Arena *arena, Fragment *fragment) {
    ASSERT(spec->relation_count > 0 && spec->relation_count <= SQL_RELATIONS_MAX);
    ASSERT(spec->returned < spec->relation_count);
    Conditions conditions = conditions_collect(store, spec, arena);
    *fragment = (Fragment){.relation_count = spec->relation_count, .returned = spec->returned};
    fragment_set_relations(store, spec, &conditions, arena, fragment);
    ColumnPath *columns = ARENA_ARRAY(arena, ColumnPath, spec->column_count);
    for (uint16_t i = 0; i < spec->column_count; i++) {
        columns[i] = column_path(fragment->relations[spec->columns[i].relation].row_type,
                                 spec->columns[i]);
    }
    fragment->columns = columns;
    fragment->column_count = spec->column_count;
    fragment->is_bare = spec->relation_count == 1 && conditions.count == 0;
    fragment->route = route_build(store, fragment, &conditions, ROUTE_ANY, arena);
    if (spec->relation_count == 2) fragment_set_delta(store, &conditions, arena, fragment);
    fragment_set_tables(fragment, arena);
    fragment_set_equalities(store, &conditions, arena, fragment);
    fragment->shape = shape_build(store, spec, arena);
}

static void fragment_set_relations(Store *store, const FragmentSpec *spec,
                                   const Conditions *conditions, Arena *arena, Fragment *fragment) {
    Relation *relations = ARENA_ARRAY(arena, Relation, spec->relation_count);
    const Type *row_types[SQL_RELATIONS_MAX];
    for (uint16_t i = 0; i < spec->relation_count; i++) {
        const QueryRelation *of = &spec->relations[i];
        Table *table = store_find_table(store, of->table);
        ASSERT(table != NULL);
        const TableSchema *schema = table_schema(table);
        bool is_view = of->view_key.data != NULL;
        ASSERT(!is_view || of->view_key.count == VIEW_KEY_BYTES);
        row_types[i] = schema->row_type;
        relations[i] = (Relation){
            .table = of->table, .row_type = schema->row_type, .is_event = schema->is_event};
        if (!is_view) continue;
        relations[i].hidden_bytes = VIEW_KEY_BYTES;
        relations[i].view_key = arena_copy(arena, of->view_key);
    }
    const QueryExpr **own = ARENA_ARRAY(arena, const QueryExpr *, conditions->count);
    for (uint16_t i = 0; i < spec->relation_count; i++) {
        uint32_t count = 0;
        for (uint32_t j = 0; j < conditions->count; j++) {
            uint32_t others = conditions->items[j].relations & ~(1u << i);
            if (others == 0)
                own[count++] = conditions->items[j].expr;  // those without any relation too
        }
        relations[i].filter = program_compile(own, count, row_types, arena);
    }
    fragment->relations = relations;
}

static void fragment_set_delta(Store *store, const Conditions *conditions, Arena *arena,
                               Fragment *fragment) {
    const uint32_t both = 3;
    const Type *row_types[2] = {fragment->relations[0].row_type, fragment->relations[1].row_type};
    const QueryExpr **common = ARENA_ARRAY(arena, const QueryExpr *, conditions->count);
    ColumnPath *columns[2];
    for (uint32_t i = 0; i < 2; i++)
        columns[i] = ARENA_ARRAY(arena, ColumnPath, ROW_HASH_COLUMNS_MAX);
    uint32_t count = 0;
    for (uint32_t i = 0; i < conditions->count; i++) {
        if (conditions->items[i].relations != both) continue;
        common[count++] = conditions->items[i].expr;
        Comparison comparison;
        if (fragment->equal_count == ROW_HASH_COLUMNS_MAX) continue;
        if (!condition_as_comparison(common[count - 1], &comparison)) continue;
        if (comparison.compare != QUERY_EQ || comparison.constant.data != NULL) continue;
        QueryColumn sides[2] = {comparison.column, comparison.other};
        for (uint32_t j = 0; j < 2; j++) {
            uint16_t relation = sides[j].relation;
            columns[relation][fragment->equal_count] = column_path(row_types[relation], sides[j]);
        }
        fragment->equal_count++;
    }
    fragment->conditions = program_compile(common, count, row_types, arena);
    fragment->equal_columns[0] = columns[0];
    fragment->equal_columns[1] = columns[1];
    Route *from = ARENA_ARRAY(arena, Route, 2);
    from[0] = route_build(store, fragment, conditions, 0, arena);
    from[1] = route_build(store, fragment, conditions, 1, arena);
    fragment->from = from;
}

static void fragment_set_tables(Fragment *fragment, Arena *arena) {
    TableId *tables = ARENA_ARRAY(arena, TableId, fragment->relation_count);
    for (uint16_t i = 0; i < fragment->relation_count; i++) {
        TableId table = fragment->relations[i].table;
        bool is_new = true;
        for (uint32_t j = 0; j < fragment->table_count; j++) is_new = is_new && tables[j] != table;
        if (is_new) tables[fragment->table_count++] = table;
    }
    fragment->tables = tables;
}

// ---- conditions ----

static Conditions conditions_collect(Store *store, const FragmentSpec *spec, Arena *arena) {
    Conditions conditions = {0};
    const Type *key_type = type_primitive(TYPE_U256);
    for (uint16_t i = 0; i < spec->relation_count; i++) {
        const QueryRelation *relation = &spec->relations[i];
        if (relation->view_key.data != NULL) {
            QueryColumn column = {i, 0};
            conditions_add(&conditions,
                           expr_equal(key_type, column, NULL, relation->view_key, arena), arena);
        }
        if (relation->join != QUERY_JOIN_EQUAL) continue;
        Table *table = store_find_table(store, spec->relations[relation->left.relation].table);
        const Type *type = table_schema(table)->columns[relation->left.column].type;
        const QueryExpr *on = expr_equal(type, relation->left, &relation->right, BYTES_NONE, arena);
        conditions_add(&conditions, on, arena);
    }
    for (uint32_t i = 0; i < spec->conjunct_count; i++)
        conditions_add(&conditions, spec->conjuncts[i], arena);
    return conditions;
}

// right == NULL: the constant.
static const QueryExpr *expr_equal(const Type *type, QueryColumn left, const QueryColumn *right,
                                   Bytes constant, Arena *arena) {
    QueryExpr *nodes = ARENA_ARRAY(arena, QueryExpr, 3);
    nodes[0] = (QueryExpr){.kind = QUERY_EXPR_COLUMN, .type = type};
    nodes[0].column = left;
    nodes[1] = (QueryExpr){.kind = right != NULL ? QUERY_EXPR_COLUMN : QUERY_EXPR_CONSTANT,
                           .type = type};
    if (right != NULL) {
        nodes[1].column = *right;
    } else {
        nodes[1].constant = constant;
    }
    nodes[2] = (QueryExpr){
        .kind = QUERY_EXPR_COMPARE, .compare = QUERY_EQ, .type = type_primitive(TYPE_BOOL)};
    nodes[2].left = &nodes[0];
    nodes[2].right = &nodes[1];
    return &nodes[2];
}

// ANDs are opened, so that each condition can be used by itself.
static void conditions_add(Conditions *conditions, const QueryExpr *expr, Arena *arena) {
    ASSERT(expr->type->kind == TYPE_BOOL);
    if (expr->kind == QUERY_EXPR_AND) {
        for (uint32_t i = 0; i < expr->item_count; i++)
            conditions_add(conditions, expr->items[i], arena);
        return;
    }
    uint32_t count = conditions->count;
    bool is_full = (count & (count - 1)) == 0;  // capacities are powers of two
    if (is_full) {
        Condition *larger = ARENA_ARRAY(arena, Condition, count == 0 ? 1 : count * 2);
        if (count > 0) memcpy(larger, conditions->items, count * sizeof *larger);
        conditions->items = larger;
    }
    conditions->items[count] = (Condition){expr, expr_relations(expr)};
    conditions->count++;
}

static uint32_t expr_relations(const QueryExpr *expr) {
    uint32_t relations = 0;
    switch (expr->kind) {
    case QUERY_EXPR_CONSTANT: return 0;
    case QUERY_EXPR_COLUMN: return 1u << expr->column.relation;
    case QUERY_EXPR_COMPARE: return expr_relations(expr->left) | expr_relations(expr->right);
    case QUERY_EXPR_AND:
    case QUERY_EXPR_OR:
        for (uint32_t i = 0; i < expr->item_count; i++) relations |= expr_relations(expr->items[i]);
        return relations;
    }
    UNREACHABLE();
}

bool condition_as_comparison(const QueryExpr *expr, Comparison *ret_comparison) {
    static const QueryCompare MIRRORED[] = {
        [QUERY_EQ] = QUERY_EQ, [QUERY_NE] = QUERY_NE, [QUERY_LT] = QUERY_GT,
        [QUERY_LE] = QUERY_GE, [QUERY_GT] = QUERY_LT, [QUERY_GE] = QUERY_LE,
    };
    if (expr->kind != QUERY_EXPR_COMPARE) return false;
    const QueryExpr *left = expr->left, *right = expr->right;
    QueryCompare compare = expr->compare;
    if (left->kind == QUERY_EXPR_CONSTANT && right->kind == QUERY_EXPR_COLUMN) {
        left = expr->right;
        right = expr->left;
        compare = MIRRORED[compare];
    }
    if (left->kind != QUERY_EXPR_COLUMN) return false;
    *ret_comparison = (Comparison){.compare = compare, .column = left->column, .type = left->type};
    if (right->kind == QUERY_EXPR_CONSTANT) {
        ret_comparison->constant = right->constant;
        return true;
    }
    if (right->kind != QUERY_EXPR_COLUMN) return false;
    ret_comparison->other = right->column;
    return true;
}

// ---- equalities ----

// For each table the best "column = constant" that every occurrence of the table has.
static void fragment_set_equalities(Store *store, const Conditions *conditions, Arena *arena,
                                    Fragment *fragment) {
    Equality *equalities = ARENA_ARRAY(arena, Equality, fragment->table_count);
    for (uint32_t i = 0; i < fragment->table_count; i++) {
        Equality found = {0};
        bool is_common = true, is_first = true;
        for (uint16_t j = 0; j < fragment->relation_count && is_common; j++) {
            if (fragment->relations[j].table != fragment->tables[i]) continue;
            Equality own;
            is_common = equality_find(store, fragment, conditions, j, &own);
            if (is_common && !is_first) {
                is_common = own.column == found.column && bytes_equal(own.value, found.value);
            }
            found = own;
            is_first = false;
        }
        if (!is_common) continue;
        found.value = arena_copy(arena, found.value);
        equalities[fragment->equality_count++] = found;
    }
    fragment->equalities = equalities;
}

static bool equality_find(Store *store, const Fragment *fragment, const Conditions *conditions,
                          uint16_t relation, Equality *ret_equality) {
    uint32_t best = 0;
    TableId table = fragment->relations[relation].table;
    for (uint32_t i = 0; i < conditions->count; i++) {
        Comparison comparison;
        if (conditions->items[i].relations != 1u << relation) continue;
        if (!condition_as_comparison(conditions->items[i].expr, &comparison)) continue;
        if (comparison.compare != QUERY_EQ || comparison.constant.data == NULL) continue;
        if (type_has_float(comparison.type)) continue;  // equal floats may differ in their bytes
        uint32_t rank = equality_rank(store, table, comparison.column.column);
        if (rank <= best) continue;
        best = rank;
        *ret_equality = (Equality){table, comparison.column.column, comparison.constant};
    }
    return best > 0;
}

// How few rows are likely to have one value in that column.
static uint32_t equality_rank(Store *store, TableId table, uint16_t column) {
    const TableSchema *schema = table_schema(store_find_table(store, table));
    uint32_t rank = 1;
    for (uint32_t i = 0; i < schema->index_count; i++) {
        const IndexSchema *index = &schema->indexes[i];
        if (index->columns.count != 1 || index->columns.items[0] != column) continue;
        uint32_t of_index = table_schema_index_is_unique(schema, index) ? 3 : 2;
        if (of_index > rank) rank = of_index;
    }
    return rank;
}

static bool type_has_float(const Type *type) {
    return type->kind == TYPE_F32 || type->kind == TYPE_F64;
}

// ---- what a query tells about itself ----

QueryShape query_shape(const Query *query) {
    return query->shape;
}

TableId query_table(const Query *query) {
    ASSERT(query->shape == QUERY_ROWS);
    const Fragment *fragment = &query->fragments[0];
    return fragment->relations[fragment->returned].table;
}

const Type *query_row_type(const Query *query) {
    return query->row_type;
}

uint32_t query_fragment_count(const Query *query) {
    return query->fragment_count;
}

const Fragment *query_fragment(const Query *query, uint32_t index) {
    ASSERT(index < query->fragment_count);
    return &query->fragments[index];
}

bool query_depends_on_sender(const Query *query) {
    return query->depends_on_sender;
}

uint32_t fragment_table_count(const Fragment *fragment) {
    return fragment->table_count;
}

TableId fragment_table(const Fragment *fragment, uint32_t index) {
    ASSERT(index < fragment->table_count);
    return fragment->tables[index];
}

const QueryView *query_views(const Query *query, uint32_t *ret_count) {
    *ret_count = query->view_count;
    return query->views;
}

const Equality *fragment_equalities(const Fragment *fragment, uint32_t *ret_count) {
    *ret_count = fragment->equality_count;
    return fragment->equalities;
}

bool fragment_is_single_table(const Fragment *fragment) {
    return fragment->relation_count == 1;
}

bool fragment_matches(const Fragment *fragment, Bytes row) {
    ASSERT(fragment->relation_count == 1);
    const uint8_t *rows[1] = {row.data};
    return program_holds(&fragment->relations[0].filter, rows);
}

Bytes fragment_output(const Fragment *fragment, Bytes row) {
    uint32_t hidden = fragment->relations[fragment->returned].hidden_bytes;
    ASSERT(row.count >= hidden);
    return hidden == 0 ? row : bytes_slice(row, hidden, row.count - hidden);
}

Status query_check_subscription(const Query *query, Error *error) {
    for (uint32_t i = 0; i < query->fragment_count; i++) {
        Status status = shape_check_subscription(query->fragments[i].shape, error);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

uint64_t query_estimate(const Query *query, Store *store) {
    uint64_t sum = 0;
    uint64_t limit = query->shape == QUERY_COUNT ? QUERY_LIMIT_NONE : query->limit;
    for (uint32_t i = 0; i < query->fragment_count; i++) {
        uint64_t rows = shape_estimate(query->fragments[i].shape, store, limit);
        sum = rows > UINT64_MAX - sum ? UINT64_MAX : sum + rows;
    }
    return sum;
}

bool query_row_limit(Store *store, uint64_t *ret_limit) {
    enum { VAR_NAME, VAR_VALUE };
    const uint8_t u64_tag = 8;  // in st_var's value (sql.md 21)
    Table *variables = store_find_table(store, ST_VAR);
    ASSERT(variables != NULL);
    if (table_row_count(variables) == 0) return false;
    TableScan scan = table_scan(variables);
    Row row;
    while (table_scan_next(&scan, &row)) {
        Bytes name = table_column(variables, row.bytes, VAR_NAME);
        Bytes value = table_column(variables, row.bytes, VAR_VALUE);
        if (!bytes_equal_text(bytes_slice(name, 4, name.count - 4), "row_limit")) continue;
        if (value.count != 9 || value.data[0] != u64_tag) continue;
        *ret_limit = load_u64le(value.data + 1);
        return true;
    }
    return false;
}

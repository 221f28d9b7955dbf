// plan.c - a Query is built from its spec, and tells about itself.

#include "query/plan.h"

#include "query/estimate.h"

static void building_set_conditions(Building *building);
static void conditions_add(Conditions *conditions, const QueryExpr *expr, Arena *arena);
static uint32_t expr_relations(const QueryExpr *expr);
static const QueryExpr *expr_equal(const Type *type, QueryColumn left, const QueryColumn *right,
                                   Bytes constant, Arena *arena);
static void query_set_views(const QuerySpec *spec, Arena *arena, Query *query);
static void query_set_grouping(const QuerySpec *spec, Arena *arena, Query *query);
static void fragment_set_relations(const Building *building);
static void fragment_set_columns(const Building *building);
static void fragment_set_delta(const Building *building);
static bool joins_scan(const Building *building);
static bool side_has_index(const Building *building, QueryColumn side);
static void fragment_set_tables(const Building *building);

// ---- building ----

const Query *query_build(Store *store, const QuerySpec *spec, Arena *arena) {
    ASSERT(spec->fragment_count > 0);
    Query *query = ARENA_NEW(arena, Query);
    query->shape = spec->shape;
    query->row_type = spec->row_type;
    query->limit = spec->limit;
    query->depends_on_sender = spec->depends_on_sender;
    query->is_explained = spec->is_explained;
    query->fragment_count = spec->fragment_count;
    query->fragments = ARENA_ARRAY(arena, Fragment, spec->fragment_count);
    Arena scratch;
    arena_init(&scratch, SQL_SCRATCH_BYTES_MAX);
    Estimates estimates = {.count = 0};
    Building building = {.store = store,
                         .arena = arena,
                         .scratch = &scratch,
                         .estimates = &estimates,
                         .query = spec};
    for (uint32_t i = 0; i < spec->fragment_count; i++) {
        building.spec = &spec->fragments[i];
        fragment_build(&building, &query->fragments[i]);
        bool may_be_ordered = spec->fragment_count == 1 && spec->order_count > 0 &&
                              spec->shape != QUERY_GROUPS;
        if (may_be_ordered)
            query->is_in_order = route_build_ordered(&building, &query->fragments[i].route);
    }
    arena_done(&scratch);
    query_set_views(spec, arena, query);
    if (spec->order_count > 0) query_set_order(spec, arena, query);
    if (spec->shape == QUERY_GROUPS) query_set_grouping(spec, arena, query);
    if (spec->is_explained) explain_set_notes(spec, arena, query);
    return query;
}

static void query_set_views(const QuerySpec *spec, Arena *arena, Query *query) {
    QueryView *views = ARENA_ARRAY(arena, QueryView, spec->view_count);
    for (uint32_t i = 0; i < spec->view_count; i++) {
        views[i] = spec->views[i];
        ASSERT(views[i].key.count == VIEW_KEY_BYTES);
        views[i].arguments = arena_copy(arena, spec->views[i].arguments);
        views[i].key = arena_copy(arena, spec->views[i].key);
    }
    query->views = views;
    query->view_count = spec->view_count;
}

static void query_set_grouping(const QuerySpec *spec, Arena *arena, Query *query) {
    ASSERT(spec->group_count <= SQL_KEYS_MAX);
    Grouping *grouping = ARENA_NEW(arena, Grouping);
    grouping->group_count = spec->group_count;
    grouping->aggregate_count = spec->aggregate_count;
    QueryAggregate *aggregates = ARENA_ARRAY(arena, QueryAggregate, spec->aggregate_count);
    for (uint16_t i = 0; i < spec->aggregate_count; i++) aggregates[i] = spec->aggregates[i];
    ASSERT(spec->order_count <= SQL_KEYS_MAX);
    uint16_t *outputs = ARENA_ARRAY(arena, uint16_t, spec->row_type->field_count);
    for (uint32_t i = 0; i < spec->row_type->field_count; i++) {
        outputs[i] = spec->outputs[i];
        ASSERT(outputs[i] < spec->group_count + spec->aggregate_count);
    }
    ColumnPath *keys = ARENA_ARRAY(arena, ColumnPath, spec->order_count);
    for (uint16_t i = 0; i < spec->order_count; i++)
        keys[i] = column_path(spec->row_type, (QueryColumn){0, spec->order[i].output});
    grouping->aggregates = aggregates;
    grouping->outputs = outputs;
    grouping->keys = keys;
    query->grouping = grouping;
}

void fragment_build(Building *building, Fragment *fragment) {
    const FragmentSpec *spec = building->spec;
    ASSERT(spec->relation_count > 0 && spec->relation_count <= SQL_RELATIONS_MAX);
    ASSERT(spec->returned < spec->relation_count);
    arena_clear(building->scratch);
    building_set_conditions(building);
    *fragment = (Fragment){.relation_count = spec->relation_count, .returned = spec->returned};
    building->fragment = fragment;
    fragment_set_relations(building);
    fragment_set_columns(building);
    fragment->is_bare = spec->relation_count == 1 && building->conditions.count == 0;
    fragment->route = route_build(building, ROUTE_ANY);
    fragment_set_tables(building);
    bool is_live = building->query != NULL && building->query->use == QUERY_LIVE;
    if (is_live && spec->relation_count > 1 && spec->relation_count <= SQL_LIVE_RELATIONS_MAX)
        fragment_set_delta(building);
    if (building->query != NULL) fragment_set_pruning(building);
    fragment->shape = shape_build(building->store, spec, building->arena);
}

static void fragment_set_relations(const Building *building) {
    const FragmentSpec *spec = building->spec;
    const Conditions *conditions = &building->conditions;
    Arena *arena = building->arena;
    Relation *relations = ARENA_ARRAY(arena, Relation, spec->relation_count);
    const Type *row_types[SQL_RELATIONS_MAX];
    for (uint16_t i = 0; i < spec->relation_count; i++) {
        const QueryRelation *of = &spec->relations[i];
        Table *table = store_find_table(building->store, of->table);
        ASSERT(table != NULL);
        const TableSchema *schema = table_schema(table);
        bool is_view = of->view_key.data != NULL;
        ASSERT(!is_view || of->view_key.count == VIEW_KEY_BYTES);
        row_types[i] = schema->row_type;
        relations[i] = (Relation){
            .table = of->table, .row_type = schema->row_type, .is_event = schema->is_event};
        if (building->query != NULL && building->query->is_explained)
            relations[i].name = arena_copy(arena, of->name);
        if (!is_view) continue;
        relations[i].hidden_bytes = VIEW_KEY_BYTES;
        relations[i].view_key = arena_copy(arena, of->view_key);
    }
    for (uint16_t i = 0; i < spec->relation_count; i++) {
        const QueryExpr **own = building->used;  // nobody needs it yet
        uint32_t count = 0;
        for (uint32_t j = 0; j < conditions->count; j++) {
            uint32_t others = conditions->items[j].relations & ~(1u << i);
            if (others == 0)
                own[count++] = conditions->items[j].expr;  // those without any relation too
        }
        relations[i].filter = program_compile(own, count, row_types, arena);
    }
    building->fragment->relations = relations;
}

static void fragment_set_columns(const Building *building) {
    const FragmentSpec *spec = building->spec;
    Fragment *fragment = building->fragment;
    ColumnPath *columns = ARENA_ARRAY(building->arena, ColumnPath, spec->column_count);
    for (uint16_t i = 0; i < spec->column_count; i++) {
        columns[i] = column_path(fragment->relations[spec->columns[i].relation].row_type,
                                 spec->columns[i]);
    }
    fragment->columns = columns;
    fragment->column_count = spec->column_count;
}

static void fragment_set_delta(const Building *building) {
    Fragment *fragment = building->fragment;
    uint16_t count = fragment->relation_count, rank = 0;
    Route *from = ARENA_ARRAY(building->arena, Route, count);
    uint16_t *ranks = ARENA_ARRAY(building->arena, uint16_t, count);
    for (uint16_t i = 0; i < count; i++) from[i] = route_build(building, i);
    for (uint16_t i = 0; i < count; i++) {
        if (fragment->relations[i].is_event) ranks[i] = rank++;
    }
    for (uint16_t i = 0; i < count; i++) {
        if (!fragment->relations[i].is_event) ranks[i] = rank++;
    }
    ASSERT(rank == count);
    fragment->from = from;
    fragment->delta_ranks = ranks;
    fragment->scans_joins = joins_scan(building);
}

// Whichever side changes, the other one is looked up.
static bool joins_scan(const Building *building) {
    const FragmentSpec *spec = building->spec;
    for (uint16_t i = 1; i < spec->relation_count; i++) {
        const QueryRelation *relation = &spec->relations[i];
        if (relation->join != QUERY_JOIN_EQUAL) return true;
        if (!side_has_index(building, relation->left)) return true;
        if (!side_has_index(building, relation->right)) return true;
    }
    return false;
}

// Can rows be found by that column? Events are never looked up.
static bool side_has_index(const Building *building, QueryColumn side) {
    const Relation *relation = &building->fragment->relations[side.relation];
    ASSERT(side.relation < building->fragment->relation_count);
    if (relation->is_event) return true;
    const TableSchema *schema = table_schema(store_find_table(building->store, relation->table));
    for (uint32_t i = 0; i < schema->index_count; i++) {
        const ColumnList *columns = &schema->indexes[i].columns;
        uint16_t at = relation->hidden_bytes > 0 && columns->items[0] == 0 ? 1 : 0;
        if (at < columns->count && columns->items[at] == side.column) return true;
    }
    return false;
}

static void fragment_set_tables(const Building *building) {
    Fragment *fragment = building->fragment;
    TableId *tables = ARENA_ARRAY(building->arena, TableId, fragment->relation_count);
    for (uint16_t i = 0; i < fragment->relation_count; i++) {
        TableId table = fragment->relations[i].table;
        bool is_new = true;
        for (uint32_t j = 0; j < fragment->table_count; j++) is_new = is_new && tables[j] != table;
        if (is_new) tables[fragment->table_count++] = table;
    }
    ASSERT(fragment->table_count > 0);
    fragment->tables = tables;
}

// ---- conditions ----

static void building_set_conditions(Building *building) {
    const FragmentSpec *spec = building->spec;
    Arena *scratch = building->scratch;
    Conditions *conditions = &building->conditions;
    *conditions = (Conditions){0};
    const Type *key_type = type_primitive(TYPE_U256);
    for (uint16_t i = 0; i < spec->relation_count; i++) {
        const QueryRelation *relation = &spec->relations[i];
        if (relation->view_key.data != NULL) {
            QueryColumn column = {i, 0};
            conditions_add(conditions,
                           expr_equal(key_type, column, NULL, relation->view_key, scratch),
                           scratch);
        }
        if (relation->join != QUERY_JOIN_EQUAL) continue;
        ASSERT(relation->left.relation <= i && relation->right.relation <= i);
        TableId id = spec->relations[relation->left.relation].table;
        Table *table = store_find_table(building->store, id);
        const Type *type = table_schema(table)->columns[relation->left.column].type;
        conditions_add(conditions,
                       expr_equal(type, relation->left, &relation->right, BYTES_NONE, scratch),
                       scratch);
    }
    for (uint32_t i = 0; i < spec->conjunct_count; i++)
        conditions_add(conditions, spec->conjuncts[i], scratch);
    uint32_t count = conditions->count;
    building->comparisons = ARENA_ARRAY(scratch, Comparison, count);
    for (uint32_t i = 0; i < count; i++) {
        if (!condition_as_comparison(conditions->items[i].expr, &building->comparisons[i]))
            building->comparisons[i].type = NULL;
    }
    bool **flags[] = {&building->is_used, &building->is_tested, &building->was_used};
    for (uint32_t i = 0; i < 3; i++) *flags[i] = ARENA_ARRAY(scratch, bool, count);
    const QueryExpr ***lists[] = {&building->tested, &building->whole, &building->used};
    for (uint32_t i = 0; i < 3; i++) *lists[i] = ARENA_ARRAY(scratch, const QueryExpr *, count);
}

// right == NULL: the constant.
static const QueryExpr *expr_equal(const Type *type, QueryColumn left, const QueryColumn *right,
                                   Bytes constant, Arena *arena) {
    QueryExpr *nodes = ARENA_ARRAY(arena, QueryExpr, 3);
    ASSERT((right != NULL) != (constant.data != NULL));
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
    case QUERY_EXPR_COLUMN:
        ASSERT(expr->column.relation < SQL_RELATIONS_MAX);
        return 1u << expr->column.relation;
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

// ---- what a query tells about itself ----

QueryShape query_shape(const Query *query) {
    return query->is_explained ? QUERY_PLAN : query->shape;
}

TableId query_table(const Query *query) {
    const Fragment *fragment = &query->fragments[0];
    return fragment->relations[query->shape == QUERY_ROWS ? fragment->returned : 0].table;
}

const Type *query_row_type(const Query *query) {
    return query->is_explained ? query->plan_type : query->row_type;
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

Status query_check_subscription(const Query *query, Store *store, Error *error) {
    ShapeLimits limits = {query_join_without_index(store), query_join_tables_max(store)};
    for (uint32_t i = 0; i < query->fragment_count; i++) {
        Status status = shape_check_subscription(query->fragments[i].shape, &limits, error);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

bool query_joins_without_index(const Query *query) {
    for (uint32_t i = 0; i < query->fragment_count; i++) {
        if (shape_joins_without_index(query->fragments[i].shape)) return true;
    }
    return false;
}

bool query_scans_joins(const Query *query) {
    for (uint32_t i = 0; i < query->fragment_count; i++) {
        if (query->fragments[i].scans_joins) return true;
    }
    return false;
}

uint64_t query_estimate(const Query *query, Store *store) {
    uint64_t limit;
    return query_row_limit(store, &limit) ? query_cost(query, store) : 0;
}

uint64_t query_cost(const Query *query, Store *store) {
    uint64_t sum = 0;
    bool has_limit = query->shape == QUERY_ROWS || query->shape == QUERY_COLUMNS;
    bool is_sorted = query->order_count > 0 && !query->is_in_order;  // needs all rows
    uint64_t limit = has_limit && !is_sorted ? query->limit : QUERY_LIMIT_NONE;
    for (uint32_t i = 0; i < query->fragment_count; i++) {
        uint64_t rows = shape_estimate(query->fragments[i].shape, store, limit);
        sum = rows > UINT64_MAX - sum ? UINT64_MAX : sum + rows;
    }
    return sum;
}

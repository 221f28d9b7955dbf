// prune.c - which changed rows a fragment need not be asked about: equalities, ranges and edges.
//
// Each says something about every occurrence of a table in the fragment: a row that fails it cannot
// be part of any combination.

#include "query/plan.h"

typedef enum BoundSide { SIDE_LOWER, SIDE_UPPER } BoundSide;

static bool equality_of_table(const Building *building, TableId table, Equality *ret_equality);
static bool equality_find(const Building *building, uint16_t relation, Equality *ret_equality);
static uint32_t equality_rank(Store *store, TableId table, uint16_t column);
static bool range_of_table(const Building *building, TableId table, Range *ret_range);
static Range range_of_column(const Building *building, uint16_t relation, uint16_t column);
static bool range_of_condition(const Building *building, uint32_t at, uint16_t relation,
                               Range *ret_range);
static bool range_of_comparison(const QueryExpr *expr, Range *ret_range);
static int bound_compare(const Type *type, const Bound *a, const Bound *b, BoundSide side);
static bool edge_of_table(const Building *building, TableId table, Edge *ret_edge);
static bool edge_find(const Building *building, uint16_t relation, uint16_t column,
                      QueryColumn other, Edge *ret_edge);
static uint16_t table_occurrence(const Fragment *fragment, TableId table);
static bool type_is_float(const Type *type);

#define RELATION_NONE UINT16_MAX

void fragment_set_pruning(const Building *building) {
    Fragment *fragment = building->fragment;
    Arena *arena = building->arena;
    uint32_t count = fragment->table_count;
    ASSERT(count > 0 && count <= fragment->relation_count);
    Equality *equalities = ARENA_ARRAY(arena, Equality, count);
    Range *ranges = ARENA_ARRAY(arena, Range, count);
    fragment->equalities = equalities;
    fragment->ranges = ranges;
    for (uint32_t i = 0; i < count; i++) {
        TableId table = fragment->tables[i];
        Equality *equality = &equalities[fragment->equality_count];
        Range *range = &ranges[fragment->range_count];
        if (equality_of_table(building, table, equality)) {
            equality->value = arena_copy(arena, equality->value);
            fragment->equality_count++;
        } else if (range_of_table(building, table, range)) {
            range->lower.value = arena_copy(arena, range->lower.value);
            range->upper.value = arena_copy(arena, range->upper.value);
            fragment->range_count++;
        }
    }
    ASSERT(fragment->equality_count + fragment->range_count <= count);
    if (fragment->equality_count == 0 || fragment->equality_count == count) return;
    Edge *edges = ARENA_ARRAY(arena, Edge, count);
    fragment->edges = edges;
    for (uint32_t i = 0; i < count; i++) {
        if (edge_of_table(building, fragment->tables[i], &edges[fragment->edge_count]))
            fragment->edge_count++;
    }
}

const Equality *fragment_equalities(const Fragment *fragment, uint32_t *ret_count) {
    *ret_count = fragment->equality_count;
    return fragment->equalities;
}

const Range *fragment_ranges(const Fragment *fragment, uint32_t *ret_count) {
    *ret_count = fragment->range_count;
    return fragment->ranges;
}

const Edge *fragment_edges(const Fragment *fragment, uint32_t *ret_count) {
    *ret_count = fragment->edge_count;
    return fragment->edges;
}

// ---- equalities ----

// The best "column = constant" that every occurrence of the table has.
static bool equality_of_table(const Building *building, TableId table, Equality *ret_equality) {
    const Fragment *fragment = building->fragment;
    Equality found = {0};
    bool is_first = true;
    for (uint16_t i = 0; i < fragment->relation_count; i++) {
        if (fragment->relations[i].table != table) continue;
        Equality own;
        if (!equality_find(building, i, &own)) return false;
        bool is_same = own.column == found.column && bytes_equal(own.value, found.value);
        if (!is_first && !is_same) return false;
        found = own;
        is_first = false;
    }
    ASSERT(!is_first);
    *ret_equality = found;
    return true;
}

static bool equality_find(const Building *building, uint16_t relation, Equality *ret_equality) {
    uint32_t best = 0;
    TableId table = building->fragment->relations[relation].table;
    for (uint32_t i = 0; i < building->conditions.count; i++) {
        const Comparison *comparison = &building->comparisons[i];
        if (building->conditions.items[i].relations != 1u << relation) continue;
        if (comparison->type == NULL || comparison->compare != QUERY_EQ) continue;
        if (comparison->constant.data == NULL) continue;
        if (type_is_float(comparison->type)) continue;  // equal floats may differ in their bytes
        uint32_t rank = equality_rank(building->store, table, comparison->column.column);
        if (rank <= best) continue;
        best = rank;
        *ret_equality = (Equality){table, comparison->column.column, comparison->constant};
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

static bool type_is_float(const Type *type) {
    return type->kind == TYPE_F32 || type->kind == TYPE_F64;
}

// ---- ranges ----

// Bounds of a column, of a table that occurs once: of the first column that has both, or else of the first that
// has one.
static bool range_of_table(const Building *building, TableId table, Range *ret_range) {
    uint16_t relation = table_occurrence(building->fragment, table);
    if (relation == RELATION_NONE) return false;
    bool is_found = false;
    for (uint32_t i = 0; i < building->conditions.count; i++) {
        Range own;
        if (!range_of_condition(building, i, relation, &own)) continue;
        Range range = range_of_column(building, relation, own.column);
        ASSERT(range.lower.kind != BOUND_UNBOUNDED || range.upper.kind != BOUND_UNBOUNDED);
        bool has_both = range.lower.kind != BOUND_UNBOUNDED && range.upper.kind != BOUND_UNBOUNDED;
        if (is_found && !has_both) continue;
        range.table = table;
        *ret_range = range;
        is_found = true;
        if (has_both) break;
    }
    return is_found;
}

// What all conditions say about that column.
static Range range_of_column(const Building *building, uint16_t relation, uint16_t column) {
    Range range = {.type = NULL};
    for (uint32_t i = 0; i < building->conditions.count; i++) {
        Range own;
        if (!range_of_condition(building, i, relation, &own) || own.column != column) continue;
        if (range.type == NULL) {
            range = own;
            continue;
        }
        if (bound_compare(range.type, &own.lower, &range.lower, SIDE_LOWER) > 0)
            range.lower = own.lower;
        if (bound_compare(range.type, &own.upper, &range.upper, SIDE_UPPER) < 0)
            range.upper = own.upper;
    }
    ASSERT(range.type != NULL);
    return range;
}

// The bounds that one condition sets: a comparison, or several of one column of which one must hold.
static bool range_of_condition(const Building *building, uint32_t at, uint16_t relation,
                               Range *ret_range) {
    const Condition *condition = &building->conditions.items[at];
    if (condition->relations != 1u << relation) return false;
    const QueryExpr *expr = condition->expr;
    if (expr->kind != QUERY_EXPR_OR) return range_of_comparison(expr, ret_range);
    Range hull = {.type = NULL};
    for (uint32_t i = 0; i < expr->item_count; i++) {
        Range own;
        if (!range_of_comparison(expr->items[i], &own)) return false;
        if (i == 0) hull = own;
        if (own.column != hull.column) return false;
        if (bound_compare(hull.type, &own.lower, &hull.lower, SIDE_LOWER) < 0)
            hull.lower = own.lower;
        if (bound_compare(hull.type, &own.upper, &hull.upper, SIDE_UPPER) > 0)
            hull.upper = own.upper;
    }
    *ret_range = hull;
    return hull.lower.kind != BOUND_UNBOUNDED || hull.upper.kind != BOUND_UNBOUNDED;
}

// An equality is met from both sides (of floats, or with others: else it has been taken as such).
static bool range_of_comparison(const QueryExpr *expr, Range *ret_range) {
    Comparison comparison;
    if (!condition_as_comparison(expr, &comparison) || comparison.constant.data == NULL)
        return false;
    QueryCompare compare = comparison.compare;
    if (compare == QUERY_NE) return false;
    Range range = {.column = comparison.column.column, .type = comparison.type};
    range.lower.kind = range.upper.kind = BOUND_UNBOUNDED;
    bool is_open = compare == QUERY_LT || compare == QUERY_GT;
    Bound bound = {is_open ? BOUND_EXCLUDED : BOUND_INCLUDED, comparison.constant};
    if (compare != QUERY_LT && compare != QUERY_LE) range.lower = bound;
    if (compare != QUERY_GT && compare != QUERY_GE) range.upper = bound;
    *ret_range = range;
    return true;
}

// Which end lies further up?
static int bound_compare(const Type *type, const Bound *a, const Bound *b, BoundSide side) {
    int outwards = side == SIDE_LOWER ? -1 : 1;
    bool a_is_open = a->kind == BOUND_UNBOUNDED, b_is_open = b->kind == BOUND_UNBOUNDED;
    if (a_is_open || b_is_open) return ((int)a_is_open - (int)b_is_open) * outwards;
    int order = value_compare(type, a->value.data, b->value.data);
    if (order != 0 || a->kind == b->kind) return order;
    return a->kind == BOUND_INCLUDED ? outwards : -outwards;
}

// ---- edges ----

static bool edge_of_table(const Building *building, TableId table, Edge *ret_edge) {
    const Fragment *fragment = building->fragment;
    uint16_t relation = table_occurrence(fragment, table);
    if (relation == RELATION_NONE) return false;
    for (uint32_t i = 0; i < fragment->equality_count; i++) {
        if (fragment->equalities[i].table == table) return false;
    }
    for (uint32_t i = 0; i < building->conditions.count; i++) {
        const Comparison *comparison = &building->comparisons[i];
        bool is_join = comparison->type != NULL && comparison->constant.data == NULL &&
                       comparison->compare == QUERY_EQ && !type_is_float(comparison->type);
        if (!is_join) continue;
        QueryColumn own = comparison->column, other = comparison->other;
        if (own.relation != relation) {
            own = comparison->other;
            other = comparison->column;
        }
        bool leads_away = own.relation == relation && other.relation != relation;
        ASSERT(other.relation < fragment->relation_count);
        if (leads_away && edge_find(building, relation, own.column, other, ret_edge)) return true;
    }
    return false;
}

// Has the other relation an equality, and an index over just the column that is joined?
static bool edge_find(const Building *building, uint16_t relation, uint16_t column,
                      QueryColumn other, Edge *ret_edge) {
    const Fragment *fragment = building->fragment;
    const Relation *reached = &fragment->relations[other.relation];
    ASSERT(other.relation != relation);
    const Equality *equality = NULL;
    for (uint32_t i = 0; i < fragment->equality_count; i++) {
        if (fragment->equalities[i].table == reached->table) equality = &fragment->equalities[i];
    }
    if (equality == NULL || reached->is_event) return false;
    const TableSchema *schema = table_schema(store_find_table(building->store, reached->table));
    for (uint32_t i = 0; i < schema->index_count; i++) {
        const IndexSchema *index = &schema->indexes[i];
        if (index->columns.count != 1 || index->columns.items[0] != other.column) continue;
        Index *found = store_find_index(building->store, index->id);
        if (found == NULL) continue;
        *ret_edge = (Edge){
            .table = fragment->relations[relation].table,
            .column = column,
            .index = index->id,
            .is_unique = index_is_unique(found),
            .reached = *equality,
        };
        return true;
    }
    return false;
}

// The one relation that is of this table.
static uint16_t table_occurrence(const Fragment *fragment, TableId table) {
    uint16_t found = RELATION_NONE;
    for (uint16_t i = 0; i < fragment->relation_count; i++) {
        if (fragment->relations[i].table != table) continue;
        if (found != RELATION_NONE) return RELATION_NONE;
        found = i;
    }
    return found;
}

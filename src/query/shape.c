// shape.c - the plan that upstream would make, as far as it shows: may the query be subscribed to,
// and how many rows does it cost (sql.md 13, 15.1, 18).
//
// Joins stand left-deep in the order of the text. Conditions "column op constant" move down to
// their table; a table with such conditions, a view, and a table that a row-level rule filters
// count as filtered. If the first table is not and the second one is, the two are exchanged. A join
// then is an index join if an index of the joined table ends in the join column and equalities fix
// the columns before it.

#include "query/estimate.h"
#include "query/plan.h"

// A longer index is not used for a scan.
#define EXACT_INDEX_COLUMNS_MAX 3u

typedef struct ShapeRelation {
    TableId table;
    QueryJoin join;
    bool is_connected;      // the ON connects this relation with an earlier one
    uint16_t join_column;   // of this relation
    uint16_t other_column;  // and of the relation it is joined to
    bool is_view;
    bool is_filtered;
    uint32_t pushed_count;  // conditions moved down to it
    uint16_t *fixed;        // columns fixed by "column = constant", of the pushed ones
    uint32_t fixed_count;
} ShapeRelation;

// A join: the relation that is looked up, and how.
typedef struct ShapeJoin {
    uint16_t inner;
    uint16_t column;  // of the inner relation
    bool is_equal;
    bool has_index;
    IndexId index;
    uint16_t index_columns;
    bool is_unique;  // the column alone is unique
} ShapeJoin;

struct Shape {
    ShapeRelation *relations;
    ShapeJoin *joins;  // [0] is not used
    uint16_t count;
    uint16_t outer;       // the relation that all begins with
    uint32_t rest_count;  // conditions that stay above all
    bool looks_up_event;
};

// Estimates of one node: rows that come out, rows touched below.
typedef struct Cost {
    uint64_t rows;
    uint64_t cost;
    bool is_filtered;  // a table with conditions that no index scan took up
} Cost;

static void shape_set_relation(const FragmentSpec *spec, uint16_t at, uint32_t leaf_count,
                               Arena *arena, ShapeRelation *relation);
static void shape_add_conjunct(Shape *shape, const QueryExpr *expr);
static uint32_t expr_leaf_count(const QueryExpr *expr);
static void shape_set_joins(Store *store, Shape *shape);
static void shape_find_index(Store *store, const Shape *shape, ShapeJoin *join);
static bool relation_fixes(const ShapeRelation *relation, uint16_t column);
static Cost cost_leaf(Store *store, const Shape *shape, uint16_t relation);
static Cost cost_join(Store *store, const Shape *shape, Cost outer, const ShapeJoin *join);
static const IndexSchema *leaf_index(Store *store, const ShapeRelation *relation, bool has_key,
                                     bool has_pushed);
static uint64_t index_rows(Store *store, IndexId index);
static uint64_t add_saturating(uint64_t a, uint64_t b);
static uint64_t multiply_saturating(uint64_t a, uint64_t b);

// ---- building ----

const Shape *shape_build(Store *store, const FragmentSpec *spec, Arena *arena) {
    Shape *shape = ARENA_NEW(arena, Shape);
    shape->count = spec->relation_count;
    shape->relations = ARENA_ARRAY(arena, ShapeRelation, spec->relation_count);
    shape->joins = ARENA_ARRAY(arena, ShapeJoin, spec->relation_count);
    uint32_t leaf_count = 0;
    for (uint32_t i = 0; i < spec->conjunct_count; i++)
        leaf_count += expr_leaf_count(spec->conjuncts[i]);
    for (uint16_t i = 0; i < spec->relation_count; i++) {
        shape_set_relation(spec, i, leaf_count, arena, &shape->relations[i]);
    }
    for (uint32_t i = 0; i < spec->conjunct_count; i++)
        shape_add_conjunct(shape, spec->conjuncts[i]);
    shape_set_joins(store, shape);
    return shape;
}

static void shape_set_relation(const FragmentSpec *spec, uint16_t at, uint32_t leaf_count,
                               Arena *arena, ShapeRelation *relation) {
    const QueryRelation *of = &spec->relations[at];
    relation->table = of->table;
    relation->join = of->join;
    relation->is_view = of->view_key.data != NULL;
    relation->is_filtered = relation->is_view || of->is_restricted;
    relation->fixed = ARENA_ARRAY(arena, uint16_t, leaf_count);
    if (of->join != QUERY_JOIN_EQUAL) return;
    bool is_left = of->left.relation == at, is_right = of->right.relation == at;
    relation->is_connected = is_left != is_right;
    relation->join_column = is_left ? of->left.column : of->right.column;
    relation->other_column = is_left ? of->right.column : of->left.column;
}

// The number of conditions that ANDs hold together.
static uint32_t expr_leaf_count(const QueryExpr *expr) {
    if (expr->kind != QUERY_EXPR_AND) return 1;
    uint32_t count = 0;
    for (uint32_t i = 0; i < expr->item_count; i++) count += expr_leaf_count(expr->items[i]);
    return count;
}

static void shape_add_conjunct(Shape *shape, const QueryExpr *expr) {
    if (expr->kind == QUERY_EXPR_AND) {
        for (uint32_t i = 0; i < expr->item_count; i++) shape_add_conjunct(shape, expr->items[i]);
        return;
    }
    Comparison comparison;
    if (!condition_as_comparison(expr, &comparison) || comparison.constant.data == NULL) {
        shape->rest_count++;
        return;
    }
    ShapeRelation *relation = &shape->relations[comparison.column.relation];
    relation->is_filtered = true;
    relation->pushed_count++;
    if (comparison.compare == QUERY_EQ)
        relation->fixed[relation->fixed_count++] = comparison.column.column;
}

static void shape_set_joins(Store *store, Shape *shape) {
    for (uint16_t level = 1; level < shape->count; level++) {
        const ShapeRelation *relation = &shape->relations[level];
        ShapeJoin *join = &shape->joins[level];
        join->inner = level;
        join->column = relation->join_column;
        join->is_equal = relation->join == QUERY_JOIN_EQUAL && relation->is_connected;
        bool is_swapped = level == 1 && join->is_equal && !shape->relations[0].is_filtered &&
                          relation->is_filtered;
        if (is_swapped) {
            shape->outer = 1;
            join->inner = 0;
            join->column = relation->other_column;
        }
        if (join->is_equal) shape_find_index(store, shape, join);
        const TableSchema *inner = table_schema(
            store_find_table(store, shape->relations[join->inner].table));
        if (inner->is_event) shape->looks_up_event = true;
    }
}

// The first index that ends in the join column and whose other columns are fixed.
static void shape_find_index(Store *store, const Shape *shape, ShapeJoin *join) {
    ASSERT(join->is_equal && !join->has_index);
    const ShapeRelation *inner = &shape->relations[join->inner];
    const TableSchema *schema = table_schema(store_find_table(store, inner->table));
    for (uint32_t i = 0; i < schema->constraint_count; i++) {
        const ColumnList *columns = &schema->constraints[i].columns;
        if (columns->count == 1 && columns->items[0] == join->column) join->is_unique = true;
    }
    for (uint32_t i = 0; i < schema->index_count && !join->has_index; i++) {
        const ColumnList *columns = &schema->indexes[i].columns;
        if (columns->count == 0 || columns->items[columns->count - 1] != join->column) continue;
        bool fits = true;
        for (uint16_t j = 0; j + 1 < columns->count && fits; j++)
            fits = relation_fixes(inner, columns->items[j]);
        if (!fits) continue;
        join->has_index = true;
        join->index = schema->indexes[i].id;
        join->index_columns = columns->count;
    }
    if (join->has_index && join->index_columns > 1) join->is_unique = false;
}

static bool relation_fixes(const ShapeRelation *relation, uint16_t column) {
    if (relation->is_view && column == 0) return true;
    for (uint32_t i = 0; i < relation->fixed_count; i++) {
        if (relation->fixed[i] == column) return true;
    }
    return false;
}

// ---- subscriptions ----

Status shape_check_subscription(const Shape *shape, const ShapeLimits *limits, Error *error) {
    if (!limits->join_without_index && shape_joins_without_index(shape)) {
        return error_set(error, STATUS_INVALID, "Subscriptions require indexes on join columns");
    }
    if (shape->looks_up_event) {
        return error_set(error, STATUS_INVALID,
                         "Event tables cannot be used as the lookup table in subscription joins");
    }
    ASSERT(limits->tables_max <= SQL_LIVE_RELATIONS_MAX);
    if (shape->count <= limits->tables_max) return STATUS_OK;
    return error_set(error, STATUS_INVALID, "Invalid number of tables in subscription: %u",
                     shape->count);
}

bool shape_joins_without_index(const Shape *shape) {
    for (uint16_t level = 1; level < shape->count; level++) {
        if (!shape->joins[level].has_index) return true;
    }
    return false;
}

// ---- estimates ----

uint64_t shape_estimate(const Shape *shape, Store *store, uint64_t limit) {
    Cost cost = cost_leaf(store, shape, shape->outer);
    bool is_limited = shape->count == 1 && !cost.is_filtered && limit != QUERY_LIMIT_NONE;
    if (is_limited) return limit;
    if (shape->count == 1) return cost.cost;
    for (uint16_t level = 1; level < shape->count; level++) {
        cost = cost_join(store, shape, cost, &shape->joins[level]);
    }
    return shape->rest_count > 0 ? add_saturating(cost.cost, cost.rows) : cost.cost;
}

// A table with the conditions right above it. Only the lowest layer of them can be an index scan:
// for a view by itself that is its key, else what was moved down.
static Cost cost_leaf(Store *store, const Shape *shape, uint16_t at) {
    ASSERT(at < shape->count);
    const ShapeRelation *relation = &shape->relations[at];
    bool is_alone = shape->count == 1;
    uint32_t own = relation->pushed_count + (is_alone ? shape->rest_count : 0);
    bool key_is_lowest = relation->is_view && (is_alone || own == 0);
    uint32_t lowest = key_is_lowest ? 1 : own;
    const IndexSchema *index = leaf_index(store, relation, key_is_lowest, !key_is_lowest);
    uint64_t rows = table_row_count(store_find_table(store, relation->table));
    uint32_t layers = lowest > 0 ? 1 : 0;
    if (index != NULL) {
        rows = index_rows(store, index->id);
        layers = lowest > index->columns.count ? 1 : 0;
    }
    bool has_upper = key_is_lowest ? own > 0 : relation->is_view;
    if (has_upper) layers++;
    return (Cost){rows, multiply_saturating(rows, 1 + layers), layers > 0};
}

static Cost cost_join(Store *store, const Shape *shape, Cost outer, const ShapeJoin *join) {
    const ShapeRelation *inner = &shape->relations[join->inner];
    Cost cost = {0};
    if (join->has_index) {
        cost.rows = join->is_unique
                        ? outer.rows
                        : multiply_saturating(outer.rows, index_rows(store, join->index));
        cost.cost = add_saturating(outer.cost, cost.rows);
        uint32_t filters = inner->pushed_count + (inner->is_view ? 1 : 0);
        bool has_rest = filters > join->index_columns - 1u;
        if (has_rest) cost.cost = add_saturating(cost.cost, cost.rows);
        return cost;
    }
    Cost leaf = cost_leaf(store, shape, join->inner);
    bool is_unique = join->is_equal && join->is_unique;
    cost.rows = is_unique ? outer.rows : multiply_saturating(outer.rows, leaf.rows);
    cost.cost = add_saturating(add_saturating(outer.cost, leaf.cost), cost.rows);
    return cost;
}

// The longest index all of whose columns are fixed.
static const IndexSchema *leaf_index(Store *store, const ShapeRelation *relation, bool has_key,
                                     bool has_pushed) {
    const TableSchema *schema = table_schema(store_find_table(store, relation->table));
    const IndexSchema *best = NULL;
    for (uint32_t i = 0; i < schema->index_count; i++) {
        const ColumnList *columns = &schema->indexes[i].columns;
        if (columns->count == 0 || columns->count > EXACT_INDEX_COLUMNS_MAX) continue;
        bool fits = true;
        for (uint16_t j = 0; j < columns->count && fits; j++) {
            bool is_key = has_key && columns->items[j] == 0;
            bool is_pushed = false;
            for (uint32_t k = 0; k < relation->fixed_count && has_pushed; k++) {
                is_pushed = is_pushed || relation->fixed[k] == columns->items[j];
            }
            fits = is_key || is_pushed;
        }
        if (fits && (best == NULL || columns->count > best->columns.count))
            best = &schema->indexes[i];
    }
    return best;
}

// Rows that one probe finds, on average.
static uint64_t index_rows(Store *store, IndexId id) {
    Index *index = store_find_index(store, id);
    if (index == NULL) return 0;
    uint64_t rows = table_row_count(index_table(index));
    if (index_is_unique(index)) return rows > 0 ? 1 : 0;
    uint64_t distinct = estimate_distinct(index, SQL_ESTIMATE_ROWS_MAX);
    return distinct > 0 ? rows / distinct : 0;
}

static uint64_t add_saturating(uint64_t a, uint64_t b) {
    return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

static uint64_t multiply_saturating(uint64_t a, uint64_t b) {
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

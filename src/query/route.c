// route.c - in which order a fragment's relations are visited, and how each is accessed.
//
// Greedy: from a first relation, always the one that is cheapest to reach from those already
// visited. All first relations are tried and the route with the least cost is taken. Costs are
// guesses from the tables' sizes at this moment: they decide on speed only.
//
// An equality that an index probe or a hash join has used up is not tested again; all other
// conditions are tested as soon as their relations are known.

#include "query/plan.h"

// Guessed share of a table's rows that an access finds.
#define POINT_SHARE 0.02
#define RANGE_SHARE 0.3
#define PROBE_COST 2.0
// With more relations only the cheapest one is tried as the first: trying all takes too long.
#define STARTS_MAX 8u

// A route in the making.
typedef struct Router {
    Store *store;
    const Fragment *fragment;
    const Conditions *conditions;
    Comparison *comparisons;  // by condition; those that are none have no type
    bool *is_used;            // conditions that some access guarantees
    bool *is_tested;          // conditions that some step tests
    uint32_t visited;         // a bit for each relation
    Arena *arena;
    double rows;  // guessed, after the steps so far
} Router;

// One way to reach a relation.
typedef struct Candidate {
    AccessKind access;
    const IndexSchema *index;
    uint16_t key_count;
    bool is_unique;
    double rows;  // found for each probe
    double cost;  // of the step
} Candidate;

// An order of visits, and how each relation would be reached.
typedef struct Draft {
    uint16_t relations[SQL_RELATIONS_MAX];
    Candidate candidates[SQL_RELATIONS_MAX];
    double cost;
} Draft;

static uint16_t router_first(Router *router);
static Draft router_draft(Router *router, uint16_t first, bool is_given);
static Route router_build(Router *router, const Draft *draft);
static void router_start(Router *router);
static uint16_t router_choose(Router *router, Candidate *ret_candidate);
static bool router_is_connected(const Router *router, uint16_t relation);
static Candidate candidate_find(Router *router, uint16_t relation);
static Candidate candidate_of_index(Router *router, uint16_t relation, const IndexSchema *index);
static bool candidate_has_bounds(const Router *router, uint16_t relation, uint16_t column);
static uint32_t router_find_part(const Router *router, uint16_t relation, uint16_t column);
static uint32_t router_hash_columns(const Router *router, uint16_t relation,
                                    uint32_t *ret_conditions);
static void step_set_access(Router *router, Step *step, const Candidate *candidate);
static void step_set_index(Router *router, Step *step, const Candidate *candidate);
static void step_set_bounds(Router *router, Step *step, uint16_t column);
static void step_set_hash(Router *router, Step *step);
static void step_set_filter(Router *router, Step *step);
static KeyPart key_part(Router *router, uint16_t relation, uint32_t condition);

#define CONDITION_NONE UINT32_MAX

Route route_build(Store *store, const Fragment *fragment, const Conditions *conditions,
                  uint16_t given, Arena *arena) {
    Router router = {
        .store = store, .fragment = fragment, .conditions = conditions, .arena = arena};
    router.comparisons = ARENA_ARRAY(arena, Comparison, conditions->count);
    router.is_used = ARENA_ARRAY(arena, bool, conditions->count);
    router.is_tested = ARENA_ARRAY(arena, bool, conditions->count);
    for (uint32_t i = 0; i < conditions->count; i++) {
        if (!condition_as_comparison(conditions->items[i].expr, &router.comparisons[i])) {
            router.comparisons[i].type = NULL;
        }
    }
    if (given != ROUTE_ANY) {
        Draft draft = router_draft(&router, given, true);
        return router_build(&router, &draft);
    }
    uint16_t first = router_first(&router);
    Draft best = router_draft(&router, first, false);
    bool tries_all = fragment->relation_count <= STARTS_MAX;
    for (uint16_t i = 0; i < fragment->relation_count && tries_all; i++) {
        Draft draft = router_draft(&router, i, false);
        if (draft.cost < best.cost) best = draft;
    }
    return router_build(&router, &best);
}

// The relation that is cheapest to begin with, by itself.
static uint16_t router_first(Router *router) {
    uint16_t best = 0;
    double best_cost = 0;
    router_start(router);
    for (uint16_t i = 0; i < router->fragment->relation_count; i++) {
        double cost = candidate_find(router, i).cost;
        if (i > 0 && cost >= best_cost) continue;
        best = i;
        best_cost = cost;
    }
    return best;
}

// Costs one order of visits, from the relation given on.
static Draft router_draft(Router *router, uint16_t first, bool is_given) {
    router_start(router);
    Draft draft = {.cost = 0};
    for (uint16_t i = 0; i < router->fragment->relation_count; i++) {
        Candidate candidate;
        uint16_t relation = first;
        if (i > 0) {
            relation = router_choose(router, &candidate);
        } else if (is_given) {
            candidate = (Candidate){.access = ACCESS_GIVEN, .rows = 1};
        } else {
            candidate = candidate_find(router, first);
        }
        draft.relations[i] = relation;
        draft.candidates[i] = candidate;
        draft.cost += candidate.cost;
        router->visited |= 1u << relation;
        router->rows *= candidate.rows;
    }
    return draft;
}

static Route router_build(Router *router, const Draft *draft) {
    router_start(router);
    Step *steps = ARENA_ARRAY(router->arena, Step, router->fragment->relation_count);
    for (uint16_t i = 0; i < router->fragment->relation_count; i++) {
        steps[i].relation = draft->relations[i];
        step_set_access(router, &steps[i], &draft->candidates[i]);
        ASSERT((router->visited >> steps[i].relation & 1) == 0);
        router->visited |= 1u << steps[i].relation;
        step_set_filter(router, &steps[i]);
    }
    for (uint32_t i = 0; i < router->conditions->count; i++) {
        ASSERT(router->is_used[i] != router->is_tested[i]);  // each one once
    }
    return (Route){.steps = steps};
}

static void router_start(Router *router) {
    router->visited = 0;
    router->rows = 1;
    if (router->conditions->count == 0) return;
    memset(router->is_used, 0, router->conditions->count);
    memset(router->is_tested, 0, router->conditions->count);
}

static uint16_t router_choose(Router *router, Candidate *ret_candidate) {
    uint16_t best = UINT16_MAX;
    bool best_connected = false;
    for (uint16_t i = 0; i < router->fragment->relation_count; i++) {
        if (router->visited >> i & 1) continue;
        Candidate candidate = candidate_find(router, i);
        bool is_connected = router_is_connected(router, i);
        bool is_better = best == UINT16_MAX || (is_connected && !best_connected) ||
                         (is_connected == best_connected && candidate.cost < ret_candidate->cost);
        if (!is_better) continue;
        best = i;
        best_connected = is_connected;
        *ret_candidate = candidate;
    }
    ASSERT(best != UINT16_MAX);
    return best;
}

// Is there an equality with a relation already visited?
static bool router_is_connected(const Router *router, uint16_t relation) {
    uint32_t found[ROW_HASH_COLUMNS_MAX];
    return router_hash_columns(router, relation, found) > 0;
}

// ---- candidates ----

static double table_rows(const Router *router, uint16_t relation) {
    Table *table = store_find_table(router->store, router->fragment->relations[relation].table);
    return (double)table_row_count(table) + 1;
}

static Candidate candidate_find(Router *router, uint16_t relation) {
    const Relation *of = &router->fragment->relations[relation];
    if (of->is_event || of->filter.entry == PROGRAM_REJECT)
        return (Candidate){.access = ACCESS_NONE};
    double rows = table_rows(router, relation);
    Candidate best = {.access = ACCESS_SCAN, .rows = rows, .cost = router->rows * rows};
    uint32_t found[ROW_HASH_COLUMNS_MAX];
    uint32_t columns = router_hash_columns(router, relation, found);
    if (columns > 0) {
        double found_rows = 1 + rows * POINT_SHARE;
        best = (Candidate){
            .access = ACCESS_HASH, .key_count = (uint16_t)columns, .rows = found_rows};
        best.cost = rows * PROBE_COST + router->rows * (PROBE_COST + found_rows);
    }
    const TableSchema *schema = table_schema(store_find_table(router->store, of->table));
    for (uint32_t i = 0; i < schema->index_count; i++) {
        Candidate candidate = candidate_of_index(router, relation, &schema->indexes[i]);
        bool is_better = candidate.access != ACCESS_NONE && candidate.cost < best.cost;
        if (is_better) best = candidate;
    }
    return best;
}

static bool index_compares_raw(const TableSchema *schema, const IndexSchema *index) {
    if (index->columns.count < 2) return false;
    for (uint16_t i = 0; i < index->columns.count; i++) {
        TypeKind kind = schema->columns[index->columns.items[i]].type->kind;
        if (kind == TYPE_F32 || kind == TYPE_F64) return true;  // -0 and +0 would be different keys
    }
    return false;
}

static Candidate candidate_of_index(Router *router, uint16_t relation, const IndexSchema *index) {
    const Candidate none = {.access = ACCESS_NONE};
    TableId table = router->fragment->relations[relation].table;
    const TableSchema *schema = table_schema(store_find_table(router->store, table));
    Index *store_index = store_find_index(router->store, index->id);
    if (store_index == NULL || index->columns.count == 0 || index_compares_raw(schema, index))
        return none;
    uint16_t prefix = 0;
    while (prefix < index->columns.count &&
           router_find_part(router, relation, index->columns.items[prefix]) != CONDITION_NONE) {
        prefix++;
    }
    double rows = table_rows(router, relation);
    Candidate candidate = {.index = index, .key_count = prefix};
    if (prefix == index->columns.count) {
        candidate.access = ACCESS_POINT;
        candidate.is_unique = index_is_unique(store_index);
        candidate.rows = candidate.is_unique ? 1 : 1 + rows * POINT_SHARE / prefix;
    } else {
        bool has_bounds = candidate_has_bounds(router, relation, index->columns.items[prefix]);
        if (!index_is_ordered(store_index) || (prefix == 0 && !has_bounds)) return none;
        candidate.access = ACCESS_RANGE;
        candidate.rows = 1 + rows * (prefix > 0 ? POINT_SHARE : 1) * (has_bounds ? RANGE_SHARE : 1);
        candidate.rows *= 1.5;  // a little dearer than the same rows by a point
    }
    candidate.cost = router->rows * (PROBE_COST + candidate.rows);
    return candidate;
}

static bool comparison_is_bound(const Comparison *comparison, uint16_t relation, uint16_t column) {
    return comparison->type != NULL && comparison->constant.data != NULL &&
           comparison->column.relation == relation && comparison->column.column == column &&
           comparison->compare != QUERY_EQ && comparison->compare != QUERY_NE;
}

static bool candidate_has_bounds(const Router *router, uint16_t relation, uint16_t column) {
    for (uint32_t i = 0; i < router->conditions->count; i++) {
        if (comparison_is_bound(&router->comparisons[i], relation, column)) return true;
    }
    return false;
}

// The other side of an equality of this column, if that side is known already: true for constants
// and for columns of relations visited.
static bool comparison_gives(const Router *router, const Comparison *comparison,
                             QueryColumn column) {
    if (comparison->type == NULL || comparison->compare != QUERY_EQ) return false;
    bool is_left = comparison->column.relation == column.relation &&
                   comparison->column.column == column.column;
    if (comparison->constant.data != NULL) return is_left;
    bool is_right = comparison->other.relation == column.relation &&
                    comparison->other.column == column.column;
    if (!is_left && !is_right) return false;
    uint16_t other = is_left ? comparison->other.relation : comparison->column.relation;
    return (router->visited >> other & 1) != 0;
}

// The condition that says what this column equals; constants first, as they make the shorter key.
static uint32_t router_find_part(const Router *router, uint16_t relation, uint16_t column) {
    uint32_t found = CONDITION_NONE;
    for (uint32_t i = 0; i < router->conditions->count; i++) {
        const Comparison *comparison = &router->comparisons[i];
        if (!comparison_gives(router, comparison, (QueryColumn){relation, column})) continue;
        if (comparison->constant.data != NULL) return i;
        if (found == CONDITION_NONE) found = i;
    }
    return found;
}

// Conditions that equate a column of this relation with one of a relation visited.
static uint32_t router_hash_columns(const Router *router, uint16_t relation,
                                    uint32_t *ret_conditions) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < router->conditions->count && count < ROW_HASH_COLUMNS_MAX; i++) {
        const Comparison *comparison = &router->comparisons[i];
        if (comparison->type == NULL || comparison->constant.data != NULL) continue;
        bool is_join = (comparison->column.relation == relation &&
                        comparison_gives(router, comparison, comparison->column)) ||
                       (comparison->other.relation == relation &&
                        comparison_gives(router, comparison, comparison->other));
        if (is_join) ret_conditions[count++] = i;
    }
    return count;
}

// ---- steps ----

static void step_set_access(Router *router, Step *step, const Candidate *candidate) {
    step->access = candidate->access;
    switch (candidate->access) {
    case ACCESS_POINT:
    case ACCESS_RANGE: step_set_index(router, step, candidate); break;
    case ACCESS_HASH: step_set_hash(router, step); break;
    case ACCESS_NONE:
    case ACCESS_SCAN:
    case ACCESS_GIVEN: break;
    }
}

static void step_set_index(Router *router, Step *step, const Candidate *candidate) {
    const ColumnList *columns = &candidate->index->columns;
    ASSERT(candidate->key_count <= columns->count);
    ASSERT((candidate->key_count == columns->count) == (candidate->access == ACCESS_POINT));
    KeyPart *key = ARENA_ARRAY(router->arena, KeyPart, candidate->key_count);
    for (uint16_t i = 0; i < candidate->key_count; i++) {
        uint32_t condition = router_find_part(router, step->relation, columns->items[i]);
        key[i] = key_part(router, step->relation, condition);
        router->is_used[condition] = true;
    }
    step->index = candidate->index->id;
    step->key = key;
    step->key_count = candidate->key_count;
    if (candidate->access == ACCESS_RANGE)
        step_set_bounds(router, step, columns->items[candidate->key_count]);
}

// The value that a condition gives for this relation's side.
static KeyPart key_part(Router *router, uint16_t relation, uint32_t condition) {
    ASSERT((router->visited >> relation & 1) == 0);
    ASSERT(condition != CONDITION_NONE);
    const Comparison *comparison = &router->comparisons[condition];
    KeyPart part = {.is_constant = comparison->constant.data != NULL};
    if (part.is_constant) {
        part.constant = arena_copy(router->arena, comparison->constant);
        return part;
    }
    bool is_left = comparison->column.relation == relation;
    QueryColumn other = is_left ? comparison->other : comparison->column;
    ASSERT((router->visited >> other.relation & 1) != 0);
    part.column = column_path(router->fragment->relations[other.relation].row_type, other);
    return part;
}

// One lower and one upper bound; further ones stay conditions.
static void step_set_bounds(Router *router, Step *step, uint16_t column) {
    ASSERT(step->access == ACCESS_RANGE);
    step->lower.kind = BOUND_UNBOUNDED;
    step->upper.kind = BOUND_UNBOUNDED;
    for (uint32_t i = 0; i < router->conditions->count; i++) {
        const Comparison *comparison = &router->comparisons[i];
        if (!comparison_is_bound(comparison, step->relation, column)) continue;
        bool is_lower = comparison->compare == QUERY_GT || comparison->compare == QUERY_GE;
        bool is_open = comparison->compare == QUERY_GT || comparison->compare == QUERY_LT;
        Bound *bound = is_lower ? &step->lower : &step->upper;
        if (bound->kind != BOUND_UNBOUNDED) continue;
        bound->kind = is_open ? BOUND_EXCLUDED : BOUND_INCLUDED;
        bound->value = arena_copy(router->arena, comparison->constant);
        router->is_used[i] = true;
    }
}

static void step_set_hash(Router *router, Step *step) {
    uint32_t conditions[ROW_HASH_COLUMNS_MAX];
    uint32_t count = router_hash_columns(router, step->relation, conditions);
    ASSERT(count > 0);
    KeyPart *key = ARENA_ARRAY(router->arena, KeyPart, count);
    ColumnPath *columns = ARENA_ARRAY(router->arena, ColumnPath, count);
    const Type *row_type = router->fragment->relations[step->relation].row_type;
    for (uint32_t i = 0; i < count; i++) {
        const Comparison *comparison = &router->comparisons[conditions[i]];
        bool is_left = comparison->column.relation == step->relation;
        key[i] = key_part(router, step->relation, conditions[i]);
        columns[i] = column_path(row_type, is_left ? comparison->column : comparison->other);
        router->is_used[conditions[i]] = true;
    }
    step->key = key;
    step->key_count = (uint16_t)count;
    step->hash_columns = columns;
}

static void step_set_filter(Router *router, Step *step) {
    const Type *row_types[SQL_RELATIONS_MAX];
    for (uint16_t i = 0; i < router->fragment->relation_count; i++) {
        row_types[i] = router->fragment->relations[i].row_type;
    }
    const QueryExpr **tested = ARENA_ARRAY(router->arena, const QueryExpr *,
                                           router->conditions->count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < router->conditions->count; i++) {
        const Condition *condition = &router->conditions->items[i];
        bool is_known = (condition->relations & ~router->visited) == 0;
        if (!is_known || router->is_used[i] || router->is_tested[i]) continue;
        router->is_tested[i] = true;
        tested[count++] = condition->expr;
    }
    step->filter = program_compile(tested, count, row_types, router->arena);
}

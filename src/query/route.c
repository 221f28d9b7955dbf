// route.c - in which order a fragment's relations are visited, and how each is accessed.
//
// Greedy: from a first relation, always the one that is cheapest to reach from those already
// visited. All first relations are tried and the route with the least cost is taken. Costs are
// guesses from the tables and indexes at this moment (estimate.h): they decide on speed only.
//
// An equality that an index probe or a hash join has used up is not tested again; all other
// conditions are tested as soon as their relations are known.
//
// Where rows of one relation are given and no index leads on from it, the next relation is scanned
// once and its rows look for theirs among the given ones, rather than the other way round.

#include "query/estimate.h"
#include "query/plan.h"

// Guessed share of the rows that a condition leaves, and of those that equal a value.
#define EQUAL_SHARE 0.1
#define RANGE_SHARE 0.3
#define UNEQUAL_SHARE 0.9
#define OTHER_SHARE 0.5
#define JOIN_SHARE 0.02
// What a probe costs, and a row found by an index, in rows scanned.
#define PROBE_COST 2.0
#define FOUND_COST 1.5
// With more relations only the cheapest one is tried as the first: trying all takes too long.
#define STARTS_MAX 8u

// A route in the making.
typedef struct Router {
    const Building *building;
    Store *store;
    const Fragment *fragment;
    const Conditions *conditions;
    const Comparison *comparisons;
    bool *is_used;     // conditions that some access guarantees
    bool *is_tested;   // conditions that some step tests
    uint32_t visited;  // a bit for each relation
    uint16_t given;    // ROUTE_ANY: none
    Arena *arena;
    double rows;  // guessed, after the steps so far
} Router;

// One way to reach a relation.
typedef struct Candidate {
    AccessKind access;
    const IndexSchema *index;
    uint16_t key_count;
    bool has_bounds;
    double rows;                // found for each probe
    double cost;                // of the step
    double rows_all, kept_all;  // of the step, once it is taken
} Candidate;

// An order of visits, and how each relation would be reached.
typedef struct Draft {
    uint16_t relations[SQL_RELATIONS_MAX];
    Candidate candidates[SQL_RELATIONS_MAX];
    double cost;
} Draft;

static void router_init(Router *router, const Building *building, uint16_t given);
static uint16_t router_first(Router *router);
static Draft router_draft(Router *router, const uint16_t *first, uint16_t first_count);
static void router_take(Router *router, uint16_t relation, Candidate *candidate);
static Route router_build(Router *router, const Draft *draft);
static void router_start(Router *router);
static uint16_t router_choose(Router *router, Candidate *ret_candidate);
static bool router_is_connected(const Router *router, uint16_t relation);
static Candidate candidate_find(Router *router, uint16_t relation);
static Candidate candidate_of_hash(Router *router, uint16_t relation, uint32_t column_count);
static Candidate candidate_of_index(Router *router, uint16_t relation, const IndexSchema *index);
static double candidate_rows(Router *router, uint16_t relation, const Candidate *candidate);
static bool candidate_uses(const Router *router, uint16_t relation, const Candidate *candidate,
                           uint32_t condition);
static bool router_has_bounds(const Router *router, uint16_t relation, uint16_t column);
static uint32_t router_find_part(const Router *router, uint16_t relation, uint16_t column);
static uint32_t router_joins(const Router *router, uint16_t relation, uint32_t *ret_conditions);
static void step_set_access(Router *router, Step *step, const Candidate *candidate);
static void step_set_index(Router *router, Step *step, const Candidate *candidate);
static void step_set_bounds(Router *router, Step *step, uint16_t column);
static void step_set_joins(Router *router, Step *step);
static void step_set_filter(Router *router, Step *step, const bool *was_used);
static void find_bounds(const Router *router, QueryColumn column, IndexRange *range, bool *is_used);
static KeyPart key_part(Router *router, uint16_t relation, uint32_t condition);

#define CONDITION_NONE UINT32_MAX

Route route_build(const Building *building, uint16_t given) {
    Router router;
    router_init(&router, building, given);
    uint16_t count = building->fragment->relation_count;
    if (given != ROUTE_ANY) {
        Draft draft = router_draft(&router, &given, 1);
        bool leads_on = count < 2 || (draft.candidates[1].access != ACCESS_SCAN &&
                                      draft.candidates[1].access != ACCESS_HASH);
        const uint16_t swapped[2] = {draft.relations[1], given};
        if (!leads_on) draft = router_draft(&router, swapped, 2);
        return router_build(&router, &draft);
    }
    uint16_t first = router_first(&router);
    Draft best = router_draft(&router, &first, 1);
    bool tries_all = count > 1 && count <= STARTS_MAX;
    for (uint16_t i = 0; i < count && tries_all; i++) {
        Draft draft = router_draft(&router, &i, 1);
        if (draft.cost < best.cost) best = draft;
    }
    return router_build(&router, &best);
}

static void router_init(Router *router, const Building *building, uint16_t given) {
    *router = (Router){
        .building = building,
        .store = building->store,
        .fragment = building->fragment,
        .conditions = &building->conditions,
        .comparisons = building->comparisons,
        .is_used = building->is_used,
        .is_tested = building->is_tested,
        .given = given,
        .arena = building->arena,
    };
    router_start(router);
}

// The relation that is cheapest to begin with, by itself.
static uint16_t router_first(Router *router) {
    uint16_t best = 0;
    double best_cost = 0;
    for (uint16_t i = 0; i < router->fragment->relation_count; i++) {
        double cost = candidate_find(router, i).cost;
        if (i > 0 && cost >= best_cost) continue;
        best = i;
        best_cost = cost;
    }
    return best;
}

// Costs one order of visits, from the relations given on.
static Draft router_draft(Router *router, const uint16_t *first, uint16_t first_count) {
    router_start(router);
    Draft draft = {.cost = 0};
    for (uint16_t i = 0; i < router->fragment->relation_count; i++) {
        Candidate *candidate = &draft.candidates[i];
        uint16_t relation;
        if (i >= first_count) {
            relation = router_choose(router, candidate);
        } else {
            relation = first[i];
            *candidate = relation == router->given ? (Candidate){.access = ACCESS_GIVEN, .rows = 1}
                                                   : candidate_find(router, relation);
        }
        draft.relations[i] = relation;
        draft.cost += candidate->cost;
        router_take(router, relation, candidate);
    }
    return draft;
}

static double condition_share(const Comparison *comparison) {
    if (comparison->type == NULL) return OTHER_SHARE;
    switch (comparison->compare) {
    case QUERY_EQ: return EQUAL_SHARE;
    case QUERY_NE: return UNEQUAL_SHARE;
    case QUERY_LT:
    case QUERY_LE:
    case QUERY_GT:
    case QUERY_GE: return RANGE_SHARE;
    }
    UNREACHABLE();
}

// The relation is visited next: how many rows are found, and left by the conditions then known?
static void router_take(Router *router, uint16_t relation, Candidate *candidate) {
    ASSERT((router->visited >> relation & 1) == 0);
    double share = 1;
    uint32_t visited = router->visited | 1u << relation;
    for (uint32_t i = 0; i < router->conditions->count; i++) {
        uint32_t relations = router->conditions->items[i].relations;
        bool is_new = (relations & ~visited) == 0 && (relations >> relation & 1) != 0;
        if (is_new && !candidate_uses(router, relation, candidate, i))
            share *= condition_share(&router->comparisons[i]);
    }
    candidate->rows_all = router->rows * candidate->rows;
    candidate->kept_all = candidate->rows_all * share;
    router->rows = candidate->kept_all;
    router->visited = visited;
}

static Route router_build(Router *router, const Draft *draft) {
    router_start(router);
    Step *steps = ARENA_ARRAY(router->arena, Step, router->fragment->relation_count);
    bool *was_used = router->building->was_used;
    for (uint16_t i = 0; i < router->fragment->relation_count; i++) {
        Step *step = &steps[i];
        const Candidate *candidate = &draft->candidates[i];
        if (router->conditions->count > 0)
            memcpy(was_used, router->is_used, router->conditions->count);
        step->relation = draft->relations[i];
        step->rows_expected = candidate->rows_all;
        step->kept_expected = candidate->kept_all;
        step_set_joins(router, step);
        step_set_access(router, step, candidate);
        ASSERT((router->visited >> step->relation & 1) == 0);
        router->visited |= 1u << step->relation;
        step_set_filter(router, step, was_used);
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
    return router_joins(router, relation, found) > 0;
}

// ---- rows in order ----

bool route_build_ordered(const Building *building, Route *ret_route) {
    const Fragment *fragment = building->fragment;
    const FragmentSpec *spec = building->spec;
    const Relation *relation = &fragment->relations[0];
    if (fragment->relation_count > 1 || relation->is_event) return false;
    uint16_t order_count = building->query->order_count;
    for (uint16_t i = 0; i < order_count; i++) {
        if (building->query->order[i].is_descending) return false;
    }
    Router router;
    router_init(&router, building, ROUTE_ANY);
    Candidate best = candidate_find(&router, 0);
    if (best.access != ACCESS_SCAN && best.access != ACCESS_RANGE) return false;
    const TableSchema *schema = table_schema(store_find_table(building->store, relation->table));
    for (uint32_t i = 0; i < schema->index_count; i++) {
        const IndexSchema *index = &schema->indexes[i];
        Candidate candidate = candidate_of_index(&router, 0, index);
        Index *store_index = store_find_index(building->store, index->id);
        // The order of a unique index may have to be built first.
        bool is_fit = candidate.index != NULL && candidate.access != ACCESS_POINT &&
                      index_is_ordered(store_index) && !index_is_unique(store_index) &&
                      index->columns.count - candidate.key_count >= order_count;
        for (uint16_t k = 0; k < order_count && is_fit; k++)
            is_fit = index->columns.items[candidate.key_count + k] == spec->order[k].column;
        if (!is_fit) continue;
        if (candidate.access == ACCESS_NONE) {  // all of the index, from its beginning
            double rows = (double)table_row_count(
                store_find_table(building->store, relation->table));
            double limit = (double)building->query->limit;
            bool stops_early = building->conditions.count == 0 && limit < rows;
            candidate.access = ACCESS_RANGE;
            candidate.rows = stops_early ? limit : rows;
            candidate.cost = candidate.rows * FOUND_COST;
        }
        if (candidate.cost > best.cost + best.rows) continue;
        Draft draft = {.candidates = {candidate}};
        router_take(&router, 0, &draft.candidates[0]);
        *ret_route = router_build(&router, &draft);
        return true;
    }
    return false;
}

// ---- candidates ----

static double table_rows(const Router *router, uint16_t relation) {
    Table *table = store_find_table(router->store, router->fragment->relations[relation].table);
    return (double)table_row_count(table);
}

static Candidate candidate_find(Router *router, uint16_t relation) {
    const Relation *of = &router->fragment->relations[relation];
    if (of->is_event || of->filter.entry == PROGRAM_REJECT)
        return (Candidate){.access = ACCESS_NONE};
    double rows = table_rows(router, relation);
    Candidate best = {.access = ACCESS_SCAN, .rows = rows, .cost = router->rows * (1 + rows)};
    uint32_t found[ROW_HASH_COLUMNS_MAX];
    uint32_t columns = router_joins(router, relation, found);
    if (columns > 0) best = candidate_of_hash(router, relation, columns);
    const TableSchema *schema = table_schema(store_find_table(router->store, of->table));
    for (uint32_t i = 0; i < schema->index_count; i++) {
        Candidate candidate = candidate_of_index(router, relation, &schema->indexes[i]);
        bool is_better = candidate.access != ACCESS_NONE && candidate.cost < best.cost;
        if (is_better) best = candidate;
    }
    return best;
}

static Candidate candidate_of_hash(Router *router, uint16_t relation, uint32_t column_count) {
    double rows = table_rows(router, relation), found = 1 + rows * JOIN_SHARE;
    for (uint32_t i = 1; i < column_count; i++) found = 1 + found * EQUAL_SHARE;
    return (Candidate){
        .access = ACCESS_HASH,
        .rows = found,
        .cost = (1 + rows) * PROBE_COST + router->rows * (PROBE_COST + found),
    };
}

static bool index_compares_raw(const TableSchema *schema, const IndexSchema *index) {
    if (index->columns.count < 2) return false;
    for (uint16_t i = 0; i < index->columns.count; i++) {
        TypeKind kind = schema->columns[index->columns.items[i]].type->kind;
        if (kind == TYPE_F32 || kind == TYPE_F64) return true;  // -0 and +0 would be different keys
    }
    return false;
}

// ACCESS_NONE if nothing is known that leads into the index; no index either: it cannot be used.
static Candidate candidate_of_index(Router *router, uint16_t relation, const IndexSchema *index) {
    Candidate candidate = {.access = ACCESS_NONE};
    TableId table = router->fragment->relations[relation].table;
    const TableSchema *schema = table_schema(store_find_table(router->store, table));
    Index *store_index = store_find_index(router->store, index->id);
    if (store_index == NULL || index->columns.count == 0 || index_compares_raw(schema, index))
        return candidate;
    uint16_t prefix = 0;
    while (prefix < index->columns.count &&
           router_find_part(router, relation, index->columns.items[prefix]) != CONDITION_NONE) {
        prefix++;
    }
    candidate.index = index;
    candidate.key_count = prefix;
    if (prefix == index->columns.count) {
        candidate.access = ACCESS_POINT;
    } else {
        candidate.has_bounds = router_has_bounds(router, relation, index->columns.items[prefix]);
        bool is_known = prefix > 0 || candidate.has_bounds;
        if (!is_known || !index_is_ordered(store_index)) return candidate;
        candidate.access = ACCESS_RANGE;
    }
    candidate.rows = candidate_rows(router, relation, &candidate);
    candidate.cost = router->rows * (PROBE_COST + candidate.rows * FOUND_COST);
    return candidate;
}

// Rows that one probe finds: counted if all of the key is known now.
static double candidate_rows(Router *router, uint16_t relation, const Candidate *candidate) {
    Index *index = store_find_index(router->store, candidate->index->id);
    Estimates *estimates = router->building->estimates;
    if (index_is_unique(index) && candidate->access == ACCESS_POINT) return 1;
    Buffer key;
    buffer_init(&key, STORE_ROW_BYTES_MAX);
    bool is_constant = true;
    for (uint16_t i = 0; i < candidate->key_count; i++) {
        uint16_t column = candidate->index->columns.items[i];
        uint32_t condition = router_find_part(router, relation, column);
        Bytes constant = router->comparisons[condition].constant;
        is_constant = is_constant && constant.data != NULL;
        buffer_append_bytes(&key, constant);
    }
    is_constant = is_constant && !key.failed;
    double rows;
    if (candidate->access == ACCESS_POINT) {
        rows = is_constant ? estimate_point(estimates, index, buffer_bytes(&key))
                           : estimate_per_key(estimates, index);
    } else {
        IndexRange range = {.lower.kind = BOUND_UNBOUNDED, .upper.kind = BOUND_UNBOUNDED};
        uint16_t column = candidate->index->columns.items[candidate->key_count];
        find_bounds(router, (QueryColumn){relation, column}, &range, NULL);
        range.prefix_columns = candidate->key_count;
        range.prefix = buffer_bytes(&key);
        rows = is_constant ? estimate_range(estimates, index, &range)
                           : 1 + table_rows(router, relation) * JOIN_SHARE;
    }
    buffer_done(&key);
    return rows;
}

static bool comparison_is_bound(const Comparison *comparison, uint16_t relation, uint16_t column) {
    return comparison->type != NULL && comparison->constant.data != NULL &&
           comparison->column.relation == relation && comparison->column.column == column &&
           comparison->compare != QUERY_EQ && comparison->compare != QUERY_NE;
}

static bool router_has_bounds(const Router *router, uint16_t relation, uint16_t column) {
    for (uint32_t i = 0; i < router->conditions->count; i++) {
        if (comparison_is_bound(&router->comparisons[i], relation, column)) return true;
    }
    return false;
}

// Does the access guarantee the condition? As step_set_access will mark it.
static bool candidate_uses(const Router *router, uint16_t relation, const Candidate *candidate,
                           uint32_t condition) {
    const Comparison *comparison = &router->comparisons[condition];
    if (comparison->type == NULL) return false;
    if (candidate->access == ACCESS_HASH || candidate->access == ACCESS_GIVEN) {
        return comparison->compare == QUERY_EQ && comparison->constant.data == NULL;
    }
    if (candidate->access != ACCESS_POINT && candidate->access != ACCESS_RANGE) return false;
    const ColumnList *columns = &candidate->index->columns;
    for (uint16_t i = 0; i < candidate->key_count; i++) {
        if (router_find_part(router, relation, columns->items[i]) == condition) return true;
    }
    return candidate->access == ACCESS_RANGE &&
           comparison_is_bound(comparison, relation, columns->items[candidate->key_count]);
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
static uint32_t router_joins(const Router *router, uint16_t relation, uint32_t *ret_conditions) {
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
    case ACCESS_HASH: {
        uint32_t conditions[ROW_HASH_COLUMNS_MAX];
        uint32_t count = router_joins(router, step->relation, conditions);
        ASSERT(count == step->join_count && count > 0);
        for (uint32_t i = 0; i < count; i++) router->is_used[conditions[i]] = true;
        break;
    }
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

// One lower and one upper bound; further ones stay conditions. is_used (may be NULL) gets those
// that are taken.
static void find_bounds(const Router *router, QueryColumn column, IndexRange *range,
                        bool *is_used) {
    for (uint32_t i = 0; i < router->conditions->count; i++) {
        const Comparison *comparison = &router->comparisons[i];
        if (!comparison_is_bound(comparison, column.relation, column.column)) continue;
        bool is_lower = comparison->compare == QUERY_GT || comparison->compare == QUERY_GE;
        bool is_open = comparison->compare == QUERY_GT || comparison->compare == QUERY_LT;
        Bound *bound = is_lower ? &range->lower : &range->upper;
        if (bound->kind != BOUND_UNBOUNDED) continue;
        bound->kind = is_open ? BOUND_EXCLUDED : BOUND_INCLUDED;
        bound->value = comparison->constant;
        if (is_used != NULL) is_used[i] = true;
    }
}

static void step_set_bounds(Router *router, Step *step, uint16_t column) {
    ASSERT(step->access == ACCESS_RANGE);
    IndexRange range = {.lower.kind = BOUND_UNBOUNDED, .upper.kind = BOUND_UNBOUNDED};
    find_bounds(router, (QueryColumn){step->relation, column}, &range, router->is_used);
    step->lower = range.lower;
    step->upper = range.upper;
    step->lower.value = arena_copy(router->arena, range.lower.value);
    step->upper.value = arena_copy(router->arena, range.upper.value);
}

// What hashing would go by. Before the access is set: only relations visited before count.
static void step_set_joins(Router *router, Step *step) {
    uint32_t conditions[ROW_HASH_COLUMNS_MAX];
    uint32_t count = router_joins(router, step->relation, conditions);
    KeyPart *key = ARENA_ARRAY(router->arena, KeyPart, count);
    ColumnPath *columns = ARENA_ARRAY(router->arena, ColumnPath, count);
    const Type *row_type = router->fragment->relations[step->relation].row_type;
    for (uint32_t i = 0; i < count; i++) {
        const Comparison *comparison = &router->comparisons[conditions[i]];
        bool is_left = comparison->column.relation == step->relation;
        key[i] = key_part(router, step->relation, conditions[i]);
        columns[i] = column_path(row_type, is_left ? comparison->column : comparison->other);
    }
    step->join_key = key;
    step->join_columns = columns;
    step->join_count = (uint16_t)count;
}

// was_used: the conditions that earlier steps used up.
static void step_set_filter(Router *router, Step *step, const bool *was_used) {
    const Type *row_types[SQL_RELATIONS_MAX];
    for (uint16_t i = 0; i < router->fragment->relation_count; i++) {
        row_types[i] = router->fragment->relations[i].row_type;
    }
    const Building *building = router->building;
    const QueryExpr **tested = building->tested, **whole = building->whole, **used = building->used;
    uint32_t tested_count = 0, whole_count = 0, used_count = 0;
    for (uint32_t i = 0; i < router->conditions->count; i++) {
        const Condition *condition = &router->conditions->items[i];
        bool is_known = (condition->relations & ~router->visited) == 0;
        if (!is_known || was_used[i] || router->is_tested[i]) continue;
        whole[whole_count++] = condition->expr;
        if (router->is_used[i]) {
            used[used_count++] = condition->expr;
        } else {
            router->is_tested[i] = true;
            tested[tested_count++] = condition->expr;
        }
    }
    step->filter = program_compile(tested, tested_count, row_types, router->arena);
    bool is_same = used_count == 0;
    step->whole = is_same ? step->filter
                          : program_compile(whole, whole_count, row_types, router->arena);
    if (building->query == NULL || !building->query->is_explained) return;
    step->access_text = explain_conditions(building, used, used_count);
    step->filter_text = explain_conditions(building, tested, tested_count);
}

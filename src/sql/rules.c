// rules.c - row-level security by substitution.
//
// A rule is a query that returns rows of the table it protects. Where the table stands in a query,
// the rule's relations are put instead: the first table of a query is replaced by the rule's joins
// as they are; a joined table becomes a cross product with the rule's relations, its ON a
// condition. That is also how upstream plans it, which decides what may be subscribed to. Several
// rules of a table, or several tables with rules, give several branches, whose results are united
// as bags.

#include "sql/rules.h"

#include "sql/select.h"

// What one application shares over its recursion.
typedef struct Rules {
    const SqlContext *context;
    Arena *arena;
    Error *error;
    bool *uses_sender;
    TableId chain[SQL_RULES_DEPTH_MAX];  // tables whose rules are being applied
    uint32_t depth;
    uint32_t branch_count;  // made so far, at any depth
    uint64_t node_count;
} Rules;

// A rule put in the place of one relation of a branch, and where the relations of both go.
typedef struct Graft {
    const Branch *branch;
    const Branch *rule;
    uint16_t place;
    uint16_t of_branch[SQL_RELATIONS_MAX];
    uint16_t of_rule[SQL_RELATIONS_MAX];
} Graft;

static Status rules_expand(Rules *rules, const Branch *branch, TableId returned_table,
                           Branches *ret_branches);
static Status rules_find_cycle(Rules *rules, const Branch *branch, TableId returned_table);
static Status rules_of_table(Rules *rules, TableId table, Branches *ret_branches);
static Status rules_of_text(Rules *rules, Bytes text, TableId table, Branches *branches);
static Status rules_substitute(Rules *rules, const Branch *branch, uint16_t place,
                               const Branch *rule, Branch *ret_branch);
static void branch_set_relations(Rules *rules, const Graft *graft, Branch *made);
static void branch_set_conjuncts(Rules *rules, const Graft *graft, Branch *made);
static const QueryExpr *expr_move(Rules *rules, const QueryExpr *expr, const uint16_t *places);
static Status branches_add(Rules *rules, Branches *branches, const Branch *branch);

// Rules of one table and of the tables they name: more are refused before memory is at stake.
#define BRANCHES_MADE_MAX (4 * SQL_FRAGMENTS_MAX)

Branch branch_of(const Typing *typing, Conjuncts conjuncts, uint16_t returned) {
    ASSERT(returned < typing->count);
    uint16_t count = typing->count;
    Branch branch = {
        .count = count, .returned = returned, .conjuncts = conjuncts, .place_count = count};
    branch.relations = ARENA_ARRAY(typing->arena, QueryRelation, count);
    branch.views = ARENA_ARRAY(typing->arena, QueryView, count);
    uint16_t *places = ARENA_ARRAY(typing->arena, uint16_t, count);
    for (uint16_t i = 0; i < count; i++) {
        branch.relations[i] = typing->relations[i];
        branch.views[i] = typing->views[i];
        places[i] = i;
    }
    branch.places = places;
    return branch;
}

Status rules_apply(const Typing *typing, const Branch *query, Branches *ret_branches,
                   bool *uses_sender) {
    Rules rules = {
        .context = typing->context,
        .arena = typing->arena,
        .error = typing->error,
        .uses_sender = uses_sender,
    };
    if (typing->context->is_owner) {
        *ret_branches = (Branches){0};
        return branches_add(&rules, ret_branches, query);
    }
    return rules_expand(&rules, query, 0, ret_branches);
}

// returned_table: the table whose rule the branch is; its own rows are not filtered again. 0: a
// user's query.
static Status rules_expand(Rules *rules, const Branch *branch, TableId returned_table,
                           Branches *ret_branches) {
    Status status = rules_find_cycle(rules, branch, returned_table);
    Branches now = {0};
    if (status == STATUS_OK) status = branches_add(rules, &now, branch);
    for (uint16_t place = branch->count; place > 0 && status == STATUS_OK; place--) {
        TableId table = branch->relations[place - 1].table;
        if (table == returned_table) continue;
        Branches of_table = {0};
        status = rules_of_table(rules, table, &of_table);
        if (status != STATUS_OK || of_table.count == 0) continue;
        Branches next = {0};
        // From the last relation to the first: the places before it do not move.
        for (uint32_t i = 0; i < now.count && status == STATUS_OK; i++) {
            for (uint32_t j = 0; j < of_table.count && status == STATUS_OK; j++) {
                Branch made;
                status = rules_substitute(rules, &now.items[i], (uint16_t)(place - 1),
                                          &of_table.items[j], &made);
                if (status == STATUS_OK) status = branches_add(rules, &next, &made);
            }
        }
        now = next;
    }
    *ret_branches = now;
    return status;
}

static Status rules_find_cycle(Rules *rules, const Branch *branch, TableId returned_table) {
    for (uint16_t i = 0; i < branch->count; i++) {
        TableId table = branch->relations[i].table;
        if (table == returned_table) continue;
        for (uint32_t j = 0; j < rules->depth; j++) {
            if (rules->chain[j] != table) continue;
            return error_set(
                rules->error, STATUS_INVALID,
                "Discovered cyclic dependency when resolving RLS rules for table id `%u`", table);
        }
    }
    return STATUS_OK;
}

static Status rules_of_table(Rules *rules, TableId table, Branches *ret_branches) {
    const Bytes *texts;
    uint32_t count;
    Status status = catalog_rules(rules->context, table, rules->arena, &texts, &count,
                                  rules->error);
    if (status != STATUS_OK || count == 0) return status;
    if (rules->depth == SQL_RULES_DEPTH_MAX) {
        return error_set(rules->error, STATUS_LIMIT,
                         "Row level security rules are nested too deeply");
    }
    rules->chain[rules->depth++] = table;
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        status = rules_of_text(rules, texts[i], table, ret_branches);
    }
    rules->depth--;
    return status;
}

// Adds the branches of one rule. Rules are typed with the caller's rights.
static Status rules_of_text(Rules *rules, Bytes text, TableId table, Branches *branches) {
    Typing *typing = ARENA_NEW(rules->arena, Typing);
    *typing = (Typing){.context = rules->context, .arena = rules->arena, .error = rules->error};
    Branch rule;
    Status status = select_type_rows(typing, text, &rule);
    if (status != STATUS_OK) return status;
    if (typing->uses_sender) *rules->uses_sender = true;
    Branches expanded = {0};
    status = rules_expand(rules, &rule, table, &expanded);
    for (uint32_t i = 0; i < expanded.count && status == STATUS_OK; i++) {
        status = branches_add(rules, branches, &expanded.items[i]);
    }
    return status;
}

// Puts the rule in the place of one relation.
static Status rules_substitute(Rules *rules, const Branch *branch, uint16_t place,
                               const Branch *rule, Branch *ret_branch) {
    ASSERT(place < branch->count && rule->count > 0);
    uint32_t count = (uint32_t)branch->count + rule->count - 1;
    if (count > SQL_RELATIONS_MAX) {
        return error_set(rules->error, STATUS_LIMIT, "Row level security joins more than %u tables",
                         SQL_RELATIONS_MAX);
    }
    Graft graft = {.branch = branch, .rule = rule, .place = place};
    for (uint16_t i = 0; i < branch->count; i++) {
        graft.of_branch[i] = (uint16_t)(i <= place ? i : i + rule->count - 1);
    }
    graft.of_branch[place] = (uint16_t)(place + rule->returned);
    for (uint16_t i = 0; i < rule->count; i++) graft.of_rule[i] = (uint16_t)(place + i);

    Branch made = {.count = (uint16_t)count, .place_count = branch->place_count};
    made.returned = graft.of_branch[branch->returned];
    uint16_t *places = ARENA_ARRAY(rules->arena, uint16_t, branch->place_count);
    for (uint16_t i = 0; i < branch->place_count; i++)
        places[i] = graft.of_branch[branch->places[i]];
    made.places = places;
    branch_set_relations(rules, &graft, &made);
    branch_set_conjuncts(rules, &graft, &made);
    *ret_branch = made;
    if (rules->node_count <= SQL_NODES_MAX) return STATUS_OK;
    return error_set(rules->error, STATUS_LIMIT, "Row level security makes this query too large");
}

static void branch_set_relations(Rules *rules, const Graft *graft, Branch *made) {
    const Branch *branch = graft->branch, *rule = graft->rule;
    uint16_t place = graft->place;
    made->relations = ARENA_ARRAY(rules->arena, QueryRelation, made->count);
    made->views = ARENA_ARRAY(rules->arena, QueryView, made->count);
    for (uint16_t i = 0; i < made->count; i++) {
        bool is_of_rule = i >= place && i < place + rule->count;
        uint16_t behind = (uint16_t)(i < place ? i : i - rule->count + 1);
        uint16_t source = is_of_rule ? (uint16_t)(i - place) : behind;
        const Branch *of = is_of_rule ? rule : branch;
        const uint16_t *moved = is_of_rule ? graft->of_rule : graft->of_branch;
        QueryRelation relation = of->relations[source];
        if (relation.join == QUERY_JOIN_EQUAL) {
            relation.left.relation = moved[relation.left.relation];
            relation.right.relation = moved[relation.right.relation];
        }
        made->relations[i] = relation;
        made->views[i] = of->views[source];
    }
    bool is_filtered = rule->relations[0].is_restricted ||
                       (rule->count == 1 && rule->conjuncts.count > 0);
    made->relations[place].is_restricted = place == 0 && is_filtered;
}

// The rule's conditions, the ON of the relation it replaces, and the branch's own conditions.
static void branch_set_conjuncts(Rules *rules, const Graft *graft, Branch *made) {
    const Branch *branch = graft->branch, *rule = graft->rule;
    uint16_t place = graft->place;
    uint32_t count = 0;
    const QueryExpr **items = ARENA_ARRAY(rules->arena, const QueryExpr *,
                                          branch->conjuncts.count + rule->conjuncts.count + 1);
    for (uint32_t i = 0; i < rule->conjuncts.count; i++) {
        items[count++] = expr_move(rules, rule->conjuncts.items[i], graft->of_rule);
    }
    const QueryRelation *replaced = &branch->relations[place];
    if (place > 0 && replaced->join == QUERY_JOIN_EQUAL) {
        QueryExpr *sides = ARENA_ARRAY(rules->arena, QueryExpr, 3);
        const QueryColumn columns[2] = {replaced->left, replaced->right};
        for (uint32_t i = 0; i < 2; i++) {
            Table *table = store_find_table(rules->context->store,
                                            branch->relations[columns[i].relation].table);
            sides[i].kind = QUERY_EXPR_COLUMN;
            sides[i].type = table_schema(table)->columns[columns[i].column].type;
            sides[i].column = columns[i];
        }
        sides[2] = (QueryExpr){.kind = QUERY_EXPR_COMPARE, .type = type_primitive(TYPE_BOOL)};
        sides[2].left = &sides[0];
        sides[2].right = &sides[1];
        items[count++] = expr_move(rules, &sides[2], graft->of_branch);
    }
    for (uint32_t i = 0; i < branch->conjuncts.count; i++) {
        items[count++] = expr_move(rules, branch->conjuncts.items[i], graft->of_branch);
    }
    made->conjuncts = (Conjuncts){items, count};
}

// A copy of the expression over relations that have moved.
static const QueryExpr *expr_move(Rules *rules, const QueryExpr *expr, const uint16_t *places) {
    rules->node_count++;
    if (expr->kind == QUERY_EXPR_CONSTANT) {
        rules->node_count += expr->constant.count / sizeof(QueryExpr);
        return expr;
    }
    if (rules->node_count > SQL_NODES_MAX) return expr;  // refused when all is put together
    QueryExpr *copy = ARENA_NEW(rules->arena, QueryExpr);
    *copy = *expr;
    switch (expr->kind) {
    case QUERY_EXPR_CONSTANT: break;
    case QUERY_EXPR_COLUMN: copy->column.relation = places[expr->column.relation]; break;
    case QUERY_EXPR_COMPARE:
        copy->left = expr_move(rules, expr->left, places);
        copy->right = expr_move(rules, expr->right, places);
        break;
    case QUERY_EXPR_AND:
    case QUERY_EXPR_OR: {
        const QueryExpr **items = ARENA_ARRAY(rules->arena, const QueryExpr *, expr->item_count);
        for (uint32_t i = 0; i < expr->item_count; i++)
            items[i] = expr_move(rules, expr->items[i], places);
        copy->items = items;
        break;
    }
    }
    return copy;
}

static Status branches_add(Rules *rules, Branches *branches, const Branch *branch) {
    if (branches->count == SQL_FRAGMENTS_MAX || rules->branch_count == BRANCHES_MADE_MAX) {
        return error_set(rules->error, STATUS_LIMIT,
                         "Row level security splits this query into more than %u parts",
                         SQL_FRAGMENTS_MAX);
    }
    uint32_t count = branches->count;
    bool is_full = (count & (count - 1)) == 0;  // capacities are powers of two
    if (is_full) {
        Branch *larger = ARENA_ARRAY(rules->arena, Branch, count == 0 ? 1 : count * 2);
        if (count > 0) memcpy(larger, branches->items, count * sizeof *larger);
        branches->items = larger;
    }
    branches->items[count] = *branch;
    branches->count++;
    rules->branch_count++;
    return STATUS_OK;
}

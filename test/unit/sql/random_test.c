// random_test.c - random data and random queries against a plain evaluator, and changes of results
// against results.
//
// Tables of all kinds of indexes hold rows of few different values, so that everything matches
// often. Queries are made as trees, written as SQL and evaluated over the tables' rows by nested
// loops. Then random transactions run, and for every query that can be subscribed to: result after
// = result before + inserted - deleted, as bags.
#include "fixture.h"

#define COLUMNS 5u
#define TABLES 5u
#define ROWS_MAX 40u
#define RELATIONS_MAX 4u
// Scratch memory of one delta over small tables.
#define SCRATCH_MAX (1u << 26)
#define NODES_MAX 32u

typedef struct Value {
    int64_t number;  // columns 0 to 2; column 3: an index into FLOATS; column 4: into TEXTS
} Value;

typedef struct ModelRow {
    Value values[COLUMNS];
} ModelRow;

static const struct {
    const char *text;
    double value;
    int order;
} FLOATS[] = {{"-1.5", -1.5, 0}, {"0", 0, 1}, {"-0", 0, 1}, {"2", 2, 2}, {"1e999", 0, 3}};
static const char *const TEXTS[] = {"", "a", "ab", "b"};
static const char *const COLUMN_NAMES[COLUMNS] = {"a", "b", "c", "d", "e"};

// a i32, b u64, c i16, d f64, e string: the first variable column is the last but one in two of the
// tables.
static const uint32_t ORDERS[TABLES][COLUMNS] = {
    {0, 1, 2, 3, 4}, {0, 1, 2, 3, 4}, {4, 0, 1, 2, 3}, {0, 4, 1, 2, 3}, {0, 1, 2, 3, 4},
};
static const char *const TABLE_NAMES[TABLES] = {"r", "s", "u", "v", "w"};

typedef struct World {
    Store *store;
    Table *tables[TABLES];
    uint64_t random;
} World;

static uint32_t pick(World *world, uint32_t count) {
    return (uint32_t)(fixture_random(&world->random) % count);
}

// ---- tables ----

static uint16_t place_of(uint32_t table, uint32_t column) {
    for (uint16_t i = 0; i < COLUMNS; i++) {
        if (ORDERS[table][i] == column) return i;
    }
    abort();
}

static void world_create(World *world, uint64_t seed) {
    *world = (World){.store = store_create(), .random = seed * 7919 + 1};
    static const TypeKind KINDS[COLUMNS] = {TYPE_I32, TYPE_U64, TYPE_I16, TYPE_F64, TYPE_STRING};
    // By column, turned into places below.
    static const FixtureIndex INDEXES[TABLES][4] = {
        {{INDEX_BTREE, true, {0}, 1},
         {INDEX_BTREE, false, {1}, 1},
         {INDEX_BTREE, false, {2, 1}, 2}},
        {{INDEX_HASH, false, {0}, 1},
         {INDEX_BTREE, false, {4}, 1},
         {INDEX_HASH, true, {1, 2, 0}, 3}},
        {{INDEX_BTREE, false, {1, 2, 3}, 3}, {INDEX_BTREE, false, {3}, 1}},
        {{0}},
        {{INDEX_BTREE, false, {2}, 1}, {INDEX_BTREE, false, {4, 0}, 2}},
    };
    for (uint32_t i = 0; i < TABLES; i++) {
        TypeField fields[COLUMNS];
        for (uint32_t j = 0; j < COLUMNS; j++) {
            fields[j].name = bytes_of_text(COLUMN_NAMES[ORDERS[i][j]]);
            fields[j].type = type_primitive(KINDS[ORDERS[i][j]]);
        }
        FixtureIndex indexes[4];
        uint32_t count = 0;
        for (; count < 4 && INDEXES[i][count].count > 0; count++) {
            indexes[count] = INDEXES[i][count];
            for (uint16_t k = 0; k < indexes[count].count; k++) {
                indexes[count].columns[k] = place_of(i, indexes[count].columns[k]);
            }
        }
        FixtureTable table = {TABLE_NAMES[i], fields, COLUMNS, indexes, count, i == 4, false};
        world->tables[i] = fixture_table(world->store, &table);
    }
}

static ModelRow random_row(World *world) {
    ModelRow row;
    row.values[0].number = (int64_t)pick(world, 7) - 3;
    row.values[1].number = pick(world, 4);
    row.values[2].number = (int64_t)pick(world, 5) - 2;
    row.values[3].number = pick(world, sizeof FLOATS / sizeof FLOATS[0]);
    row.values[4].number = pick(world, sizeof TEXTS / sizeof TEXTS[0]);
    return row;
}

static void column_write(Buffer *buffer, uint32_t column, Value value) {
    double number = 0;
    if (column == 3) number = value.number == 4 ? __builtin_inf() : FLOATS[value.number].value;
    if (column == 3 && value.number == 2) number = -0.0;
    switch (column) {
    case 0: buffer_u32(buffer, (uint32_t)(int32_t)value.number); break;
    case 1: buffer_u64(buffer, (uint64_t)value.number); break;
    case 2: buffer_u16(buffer, (uint16_t)(int16_t)value.number); break;
    case 3: buffer_append(buffer, &number, sizeof number); break;
    default: buffer_string(buffer, bytes_of_text(TEXTS[value.number])); break;
    }
}

static void row_write(Buffer *buffer, uint32_t table, const ModelRow *row) {
    for (uint32_t i = 0; i < COLUMNS; i++)
        column_write(buffer, ORDERS[table][i], row->values[ORDERS[table][i]]);
}

// Reads a stored row back.
static ModelRow row_read(uint32_t table, Bytes bytes) {
    ModelRow row = {0};
    Reader reader = reader_of(bytes);
    for (uint32_t i = 0; i < COLUMNS; i++) {
        Value *value = &row.values[ORDERS[table][i]];
        uint64_t bits;
        Bytes text;
        switch (ORDERS[table][i]) {
        case 0: value->number = (int32_t)reader_u32(&reader); break;
        case 1: value->number = (int64_t)reader_u64(&reader); break;
        case 2: value->number = (int16_t)reader_u16(&reader); break;
        case 3:
            bits = reader_u64(&reader);
            for (uint32_t k = 0; k < 5; k++) {
                Buffer buffer;
                buffer_init(&buffer, 8);
                column_write(&buffer, 3, (Value){k});
                if (load_u64le(buffer.data) == bits) value->number = k;
                buffer_done(&buffer);
            }
            break;
        default:
            text = reader_bytes(&reader);
            for (uint32_t k = 0; k < 4; k++) {
                if (bytes_equal_text(text, TEXTS[k])) value->number = k;
            }
            break;
        }
    }
    assert_true(reader_finish(&reader));
    return row;
}

// One transaction of random inserts and deletes.
static void world_change(World *world, Tx *tx) {
    uint32_t changes = 1 + pick(world, 6);
    for (uint32_t i = 0; i < changes; i++) {
        uint32_t table = pick(world, TABLES);
        Table *of = world->tables[table];
        bool deletes = table_row_count(of) > 0 &&
                       pick(world, 5) < (table_row_count(of) >= ROWS_MAX ? 4u : 2u);
        if (!deletes) {
            ModelRow row = random_row(world);
            Buffer bytes;
            buffer_init(&bytes, 1000);
            row_write(&bytes, table, &row);
            InsertResult result;
            (void)tx_insert(tx, of, buffer_bytes(&bytes), &result);
            buffer_done(&bytes);
            continue;
        }
        uint32_t skip = pick(world, (uint32_t)table_row_count(of));
        TableScan scan = table_scan(of);
        Row row;
        while (table_scan_next(&scan, &row) && skip > 0) skip--;
        tx_delete(tx, of, row.id);
    }
}

// ---- random queries ----

typedef enum NodeKind { NODE_AND, NODE_OR, NODE_COMPARE, NODE_BOOL } NodeKind;

typedef struct Operand {
    bool is_column;
    uint32_t relation;
    uint32_t column;
    Value value;
} Operand;

typedef struct Node {
    NodeKind kind;
    QueryCompare compare;
    bool value;
    Operand left, right;
    uint32_t first, second;  // children
} Node;

typedef struct RandomQuery {
    uint32_t tables[RELATIONS_MAX];
    uint32_t count;
    bool has_on[RELATIONS_MAX];
    Operand on[RELATIONS_MAX][2];
    Node nodes[NODES_MAX];
    uint32_t node_count;
    uint32_t root;  // UINT32_MAX: no WHERE
    QueryShape shape;
    uint32_t returned;
    Operand columns[3];
    uint32_t column_count;
} RandomQuery;

static Operand random_column(World *world, uint32_t relations, uint32_t column) {
    return (Operand){.is_column = true, .relation = pick(world, relations), .column = column};
}

static uint32_t random_node(World *world, RandomQuery *query, uint32_t depth) {
    uint32_t at = query->node_count++;
    Node node = {0};
    uint32_t kind = pick(world, 10);
    if (depth > 0 && kind < 5 && query->node_count + 8 < NODES_MAX) {
        node.kind = kind < 3 ? NODE_AND : NODE_OR;
        node.first = random_node(world, query, depth - 1);
        node.second = random_node(world, query, depth - 1);
    } else if (kind == 9 && pick(world, 4) == 0) {
        node.kind = NODE_BOOL;
        node.value = pick(world, 3) > 0;
    } else {
        uint32_t column = pick(world, COLUMNS);
        node.kind = NODE_COMPARE;
        node.compare = pick(world, 2) == 0 ? QUERY_EQ : (QueryCompare)pick(world, 6);
        node.left = random_column(world, query->count, column);
        node.right = random_column(world, query->count, column);
        if (pick(world, 4) > 0) {
            node.right = (Operand){.column = column, .value = random_row(world).values[column]};
        }
        if (pick(world, 5) == 0) {
            Operand swapped = node.left;
            node.left = node.right;
            node.right = swapped;
        }
    }
    query->nodes[at] = node;
    return at;
}

static void random_query(World *world, uint32_t relations_max, RandomQuery *query) {
    *query = (RandomQuery){.count = 1 + pick(world, relations_max), .root = UINT32_MAX};
    for (uint32_t i = 0; i < query->count; i++) {
        query->tables[i] = pick(world, TABLES);
        if (i == 0 || pick(world, 8) == 0) continue;
        uint32_t column = pick(world, COLUMNS);
        query->has_on[i] = true;
        query->on[i][0] = random_column(world, i, column);
        query->on[i][1] = (Operand){.is_column = true, .relation = i, .column = column};
        if (pick(world, 2) == 0) {
            Operand swapped = query->on[i][0];
            query->on[i][0] = query->on[i][1];
            query->on[i][1] = swapped;
        }
    }
    if (pick(world, 5) > 0) query->root = random_node(world, query, 3);
    query->shape = (QueryShape)pick(world, 3);
    query->returned = pick(world, query->count);
    query->column_count = 1 + pick(world, 3);
    for (uint32_t i = 0; i < query->column_count; i++) {
        query->columns[i] = random_column(world, query->count, pick(world, COLUMNS));
    }
}

// ---- as text ----

static void operand_write(Buffer *text, const Operand *operand) {
    if (operand->is_column) {
        buffer_append_format(text, "t%u.%s", operand->relation, COLUMN_NAMES[operand->column]);
    } else if (operand->column == 3) {
        buffer_append_text(text, FLOATS[operand->value.number].text);
    } else if (operand->column == 4) {
        buffer_append_format(text, "'%s'", TEXTS[operand->value.number]);
    } else {
        buffer_append_format(text, "%lld", (long long)operand->value.number);
    }
}

static void node_write(Buffer *text, const RandomQuery *query, uint32_t at) {
    static const char *const COMPARES[] = {"=", "<>", "<", "<=", ">", ">="};
    const Node *node = &query->nodes[at];
    switch (node->kind) {
    case NODE_BOOL: buffer_append_text(text, node->value ? "TRUE" : "FALSE"); return;
    case NODE_COMPARE:
        operand_write(text, &node->left);
        buffer_append_format(text, " %s ", COMPARES[node->compare]);
        operand_write(text, &node->right);
        return;
    case NODE_AND:
    case NODE_OR:
        buffer_append_text(text, "(");
        node_write(text, query, node->first);
        buffer_append_text(text, node->kind == NODE_AND ? " AND " : " OR ");
        node_write(text, query, node->second);
        buffer_append_text(text, ")");
        return;
    }
}

static void query_write(Buffer *text, const RandomQuery *query) {
    buffer_append_text(text, "SELECT ");
    if (query->shape == QUERY_ROWS) buffer_append_format(text, "t%u.*", query->returned);
    if (query->shape == QUERY_COUNT) buffer_append_text(text, "COUNT(*) AS n");
    for (uint32_t i = 0; query->shape == QUERY_COLUMNS && i < query->column_count; i++) {
        if (i > 0) buffer_append_text(text, ", ");
        operand_write(text, &query->columns[i]);
        buffer_append_format(text, " AS c%u", i);
    }
    for (uint32_t i = 0; i < query->count; i++) {
        buffer_append_format(text, " %s %s t%u", i == 0 ? "FROM" : "JOIN",
                             TABLE_NAMES[query->tables[i]], i);
        if (!query->has_on[i]) continue;
        buffer_append_text(text, " ON ");
        operand_write(text, &query->on[i][0]);
        buffer_append_text(text, " = ");
        operand_write(text, &query->on[i][1]);
    }
    if (query->root != UINT32_MAX) {
        buffer_append_text(text, " WHERE ");
        node_write(text, query, query->root);
    }
}

// ---- evaluated ----

typedef struct Bag {
    Buffer bytes;  // u32 length and bytes of each row
    uint32_t count;
} Bag;

static void bag_init(Bag *bag) {
    *bag = (Bag){0};
    buffer_init(&bag->bytes, 1u << 28);
}

static bool bag_take(void *user, Bytes row) {
    Bag *bag = user;
    buffer_string(&bag->bytes, row);
    bag->count++;
    return true;
}

static int bytes_order(const void *a, const void *b) {
    return bytes_compare(*(const Bytes *)a, *(const Bytes *)b);
}

// The rows, sorted.
static Bytes *bag_sorted(const Bag *bag) {
    Bytes *rows = malloc((bag->count + 1) * sizeof *rows);
    Reader reader = reader_of(buffer_bytes(&bag->bytes));
    for (uint32_t i = 0; i < bag->count; i++) rows[i] = reader_bytes(&reader);
    qsort(rows, bag->count, sizeof *rows, bytes_order);
    return rows;
}

static bool bags_equal(const Bag *a, const Bag *b) {
    if (a->count != b->count) return false;
    Bytes *left = bag_sorted(a), *right = bag_sorted(b);
    bool equal = true;
    for (uint32_t i = 0; i < a->count && equal; i++) equal = bytes_equal(left[i], right[i]);
    free(left);
    free(right);
    return equal;
}

static bool bags_are_disjoint(const Bag *a, const Bag *b) {
    Bytes *left = bag_sorted(a), *right = bag_sorted(b);
    bool disjoint = true;
    for (uint32_t i = 0, j = 0; i < a->count && j < b->count && disjoint;) {
        int order = bytes_compare(left[i], right[j]);
        if (order == 0) disjoint = false;
        if (order < 0) i++;
        if (order > 0) j++;
    }
    free(left);
    free(right);
    return disjoint;
}

static int values_order(uint32_t column, Value a, Value b) {
    if (column == 3) return FLOATS[a.number].order - FLOATS[b.number].order;
    if (column == 4) return strcmp(TEXTS[a.number], TEXTS[b.number]);
    return a.number < b.number ? -1 : a.number > b.number;
}

static Value operand_value(const Operand *operand, const ModelRow *rows) {
    return operand->is_column ? rows[operand->relation].values[operand->column] : operand->value;
}

static bool node_holds(const RandomQuery *query, uint32_t at, const ModelRow *rows) {
    const Node *node = &query->nodes[at];
    switch (node->kind) {
    case NODE_BOOL: return node->value;
    case NODE_AND:
        return node_holds(query, node->first, rows) && node_holds(query, node->second, rows);
    case NODE_OR:
        return node_holds(query, node->first, rows) || node_holds(query, node->second, rows);
    case NODE_COMPARE: break;
    }
    int order = values_order(node->left.column, operand_value(&node->left, rows),
                             operand_value(&node->right, rows));
    switch (node->compare) {
    case QUERY_EQ: return order == 0;
    case QUERY_NE: return order != 0;
    case QUERY_LT: return order < 0;
    case QUERY_LE: return order <= 0;
    case QUERY_GT: return order > 0;
    case QUERY_GE: return order >= 0;
    }
    abort();
}

typedef struct Model {
    ModelRow rows[TABLES][ROWS_MAX + 64];
    uint32_t counts[TABLES];
} Model;

static void model_load(const World *world, Model *model) {
    for (uint32_t i = 0; i < TABLES; i++) {
        model->counts[i] = 0;
        bool is_event = i == 4;
        TableScan scan = table_scan(world->tables[i]);
        Row row;
        while (!is_event && table_scan_next(&scan, &row)) {
            assert_true(model->counts[i] < ROWS_MAX + 64);
            model->rows[i][model->counts[i]++] = row_read(i, row.bytes);
        }
    }
}

static void model_emit(const RandomQuery *query, const ModelRow *rows, Bag *bag, uint64_t *count) {
    Buffer bytes;
    buffer_init(&bytes, 10000);
    (*count)++;
    if (query->shape == QUERY_ROWS)
        row_write(&bytes, query->tables[query->returned], &rows[query->returned]);
    for (uint32_t i = 0; query->shape == QUERY_COLUMNS && i < query->column_count; i++) {
        column_write(&bytes, query->columns[i].column, operand_value(&query->columns[i], rows));
    }
    if (query->shape != QUERY_COUNT) bag_take(bag, buffer_bytes(&bytes));
    buffer_done(&bytes);
}

static void model_join(const Model *model, const RandomQuery *query, uint32_t at, ModelRow *rows,
                       Bag *bag, uint64_t *count) {
    if (at == query->count) {
        if (query->root == UINT32_MAX || node_holds(query, query->root, rows))
            model_emit(query, rows, bag, count);
        return;
    }
    uint32_t table = query->tables[at];
    for (uint32_t i = 0; i < model->counts[table]; i++) {
        rows[at] = model->rows[table][i];
        if (query->has_on[at]) {
            const Operand *on = query->on[at];
            if (values_order(on[0].column, operand_value(&on[0], rows),
                             operand_value(&on[1], rows)) != 0)
                continue;
        }
        model_join(model, query, at + 1, rows, bag, count);
    }
}

static void model_run(const Model *model, const RandomQuery *query, Bag *bag) {
    ModelRow rows[RELATIONS_MAX];
    uint64_t count = 0;
    model_join(model, query, 0, rows, bag, &count);
    if (query->shape == QUERY_COUNT) bag_take(bag, bytes_of(&count, sizeof count));
}

static const Query *compile(World *world, const char *text, Arena *arena) {
    SqlContext owner = fixture_owner(world->store);
    SqlStatement statement = {0};
    Error error = {0};
    if (sql_compile(&owner, bytes_of_text(text), arena, &statement, &error) != STATUS_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    return statement.query;
}

static const Query *compile_live(World *world, const char *text, Arena *arena) {
    SqlContext owner = fixture_owner(world->store);
    const Query *query = NULL;
    Error error = {0};
    if (sql_compile_query(&owner, bytes_of_text(text), SQL_SUBSCRIBE, arena, &query, &error) !=
        STATUS_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    return query;
}

static void run(World *world, const Query *query, Bag *bag) {
    assert_int_equal(query_run(query, world->store, bag_take, bag).stop, QUERY_FINISHED);
}

static void test_queries_against_nested_loops(void **state) {
    (void)state;
    static Model model;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        World world;
        world_create(&world, seed);
        for (uint32_t step = 0; step < 20 + seed % 60; step++) {
            Tx *tx = tx_begin(world.store);
            world_change(&world, tx);
            tx_commit(tx);
            tx_release(tx);
        }
        model_load(&world, &model);
        for (uint32_t i = 0; i < 100; i++) {
            RandomQuery query;
            random_query(&world, i % 10 == 0 ? RELATIONS_MAX : 3, &query);
            Buffer text;
            buffer_init(&text, 10000);
            query_write(&text, &query);
            buffer_u8(&text, 0);
            Arena arena;
            arena_init(&arena, FIXTURE_ARENA_MAX);
            const Query *compiled = compile(&world, (const char *)text.data, &arena);
            Bag expected, got;
            bag_init(&expected);
            bag_init(&got);
            model_run(&model, &query, &expected);
            run(&world, compiled, &got);
            if (!bags_equal(&expected, &got)) {
                fail_msg("seed %llu: %s: %u rows, expected %u", (unsigned long long)seed,
                         (const char *)text.data, got.count, expected.count);
            }
            buffer_done(&expected.bytes);
            buffer_done(&got.bytes);
            arena_done(&arena);
            buffer_done(&text);
        }
        store_free(world.store);
    }
}

// ---- deltas ----

typedef struct DeltaBags {
    Bag inserted, deleted;
} DeltaBags;

static bool take_inserted(void *user, Bytes row) {
    return bag_take(&((DeltaBags *)user)->inserted, row);
}

static bool take_deleted(void *user, Bytes row) {
    return bag_take(&((DeltaBags *)user)->deleted, row);
}

static void bag_add_all(Bag *bag, const Bag *other) {
    buffer_append_bytes(&bag->bytes, buffer_bytes(&other->bytes));
    bag->count += other->count;
}

// before + inserted = after + deleted
static void check_delta(const Bag *before, const Bag *after, const DeltaBags *delta,
                        const char *text, uint64_t seed) {
    Bag left, right;
    bag_init(&left);
    bag_init(&right);
    bag_add_all(&left, before);
    bag_add_all(&left, &delta->inserted);
    bag_add_all(&right, after);
    bag_add_all(&right, &delta->deleted);
    if (!bags_equal(&left, &right)) {
        fail_msg("seed %llu: %s: %u + %u - %u is not %u", (unsigned long long)seed, text,
                 before->count, delta->inserted.count, delta->deleted.count, after->count);
    }
    if (!bags_are_disjoint(&delta->inserted, &delta->deleted)) {
        fail_msg("seed %llu: %s: a row both came and went", (unsigned long long)seed, text);
    }
    buffer_done(&left.bytes);
    buffer_done(&right.bytes);
}

// The rows that the fragment does not say are of no matter.
typedef struct Relevant {
    DeltaRows tables[RELATIONS_MAX];
    Row rows[RELATIONS_MAX][2][256];
    uint32_t table_count;
    uint32_t left_out;
} Relevant;

static bool row_matters(const Fragment *fragment, const TableDelta *change, Bytes row) {
    uint32_t count;
    const Equality *equalities = fragment_equalities(fragment, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (equalities[i].table != change->schema->id) continue;
        Bytes value = table_column(change->table, row, equalities[i].column);
        if (!bytes_equal(value, equalities[i].value)) return false;
    }
    const Range *ranges = fragment_ranges(fragment, &count);
    for (uint32_t i = 0; i < count; i++) {
        const Range *range = &ranges[i];
        if (range->table != change->schema->id) continue;
        assert_true(range->lower.kind != BOUND_UNBOUNDED || range->upper.kind != BOUND_UNBOUNDED);
        const uint8_t *value = table_column(change->table, row, range->column).data;
        if (range->lower.kind != BOUND_UNBOUNDED) {
            int order = value_compare(range->type, value, range->lower.value.data);
            if (order < 0 || (order == 0 && range->lower.kind == BOUND_EXCLUDED)) return false;
        }
        if (range->upper.kind != BOUND_UNBOUNDED) {
            int order = value_compare(range->type, value, range->upper.value.data);
            if (order > 0 || (order == 0 && range->upper.kind == BOUND_EXCLUDED)) return false;
        }
    }
    return true;
}

static uint32_t keep_rows(const Fragment *fragment, const TableDelta *change, RowSpan span,
                          Row *kept, RowSpan *ret_span) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < span.count; i++) {
        if (!row_matters(fragment, change, span.items[i].bytes)) continue;
        assert_true(count < 256);
        kept[count++] = span.items[i];
    }
    *ret_span = (RowSpan){kept, count};
    return span.count - count;
}

static void find_relevant(const Fragment *fragment, const Commit *commit, Relevant *relevant) {
    relevant->table_count = 0;
    relevant->left_out = 0;
    for (uint32_t i = 0; i < commit->table_count; i++) {
        const TableDelta *change = &commit->tables[i];
        bool is_read = false;
        for (uint32_t j = 0; j < fragment_table_count(fragment); j++)
            is_read = is_read || fragment_table(fragment, j) == change->schema->id;
        if (!is_read) continue;
        DeltaRows *rows = &relevant->tables[relevant->table_count];
        Row(*kept)[256] = relevant->rows[relevant->table_count++];
        rows->table = change->schema->id;
        relevant->left_out += keep_rows(fragment, change, change->inserted, kept[0],
                                        &rows->inserted);
        relevant->left_out += keep_rows(fragment, change, change->deleted, kept[1], &rows->deleted);
    }
}

// Does the row reach one that the edge leads to, by the tables after the commit?
static bool edge_reaches(World *world, const Edge *edge, const TableDelta *change, Bytes row) {
    Index *index = store_find_index(world->store, edge->index);
    IndexScan scan;
    Row found;
    assert_int_equal(table_id(index_table(index)), edge->reached.table);
    index_scan_point(index, table_column(change->table, row, edge->column), &scan);
    while (index_scan_next(&scan, &found)) {
        Bytes value = table_column(index_table(index), found.bytes, edge->reached.column);
        if (bytes_equal(value, edge->reached.value)) return true;
    }
    return false;
}

// If only the edge's own table changed, rows that do not reach anything can be left out.
static void leave_out_by_edges(World *world, const Fragment *fragment, const Commit *commit,
                               Relevant *relevant) {
    uint32_t count;
    const Edge *edges = fragment_edges(fragment, &count);
    if (relevant->table_count != 1) return;
    for (uint32_t i = 0; i < count; i++) {
        if (edges[i].table != relevant->tables[0].table) continue;
        const TableDelta *change = NULL;
        for (uint32_t j = 0; j < commit->table_count; j++) {
            if (commit->tables[j].schema->id == edges[i].table) change = &commit->tables[j];
        }
        RowSpan *spans[2] = {&relevant->tables[0].inserted, &relevant->tables[0].deleted};
        for (uint32_t k = 0; k < 2; k++) {
            uint32_t left = 0;
            for (uint32_t j = 0; j < spans[k]->count; j++) {
                Row row = spans[k]->items[j];
                if (edge_reaches(world, &edges[i], change, row.bytes))
                    relevant->rows[0][k][left++] = row;
            }
            relevant->left_out += spans[k]->count - left;
            spans[k]->count = left;
        }
    }
}

// The delta of the relevant rows alone must be the same.
static uint32_t check_relevant(World *world, const Fragment *fragment, const Commit *commit,
                               const DeltaBags *expected, const char *text) {
    static Relevant relevant;
    find_relevant(fragment, commit, &relevant);
    leave_out_by_edges(world, fragment, commit, &relevant);
    Arena scratch;
    arena_init(&scratch, SCRATCH_MAX);
    DeltaInput input = {world->store, relevant.tables, relevant.table_count, &scratch};
    DeltaBags delta;
    bag_init(&delta.inserted);
    bag_init(&delta.deleted);
    QueryOutcome outcome = fragment_delta_rows(fragment, &input, take_inserted, take_deleted,
                                               &delta);
    assert_int_equal(outcome.stop, QUERY_FINISHED);
    if (!bags_equal(&delta.inserted, &expected->inserted) ||
        !bags_equal(&delta.deleted, &expected->deleted)) {
        fail_msg("%s: +%u -%u of the relevant rows, expected +%u -%u", text, delta.inserted.count,
                 delta.deleted.count, expected->inserted.count, expected->deleted.count);
    }
    buffer_done(&delta.inserted.bytes);
    buffer_done(&delta.deleted.bytes);
    arena_done(&scratch);
    return relevant.left_out;
}

#define WATCHED 24u

static void test_deltas(void **state) {
    (void)state;
    uint64_t left_out = 0, joins = 0;
    for (uint64_t seed = 1; seed <= 25; seed++) {
        World world;
        world_create(&world, seed + 1000);
        for (uint32_t step = 0; step < seed; step++) {
            Tx *tx = tx_begin(world.store);
            world_change(&world, tx);
            tx_commit(tx);
            tx_release(tx);
        }
        Arena arena;
        arena_init(&arena, FIXTURE_ARENA_MAX);
        const Query *queries[WATCHED];
        Buffer texts[WATCHED];
        for (uint32_t i = 0; i < WATCHED; i++) {
            RandomQuery query;
            do {
                random_query(&world, i % 8 == 0 ? RELATIONS_MAX : 1 + i % 3, &query);
                query.shape = QUERY_ROWS;
                for (uint32_t k = 0; k < query.count; k++) {
                    if (query.tables[k] == 4) query.tables[k] = 3;  // events are looked at below
                }
            } while (query.count < 1 + i % 3);
            joins += query.count > 2 ? 1 : 0;
            buffer_init(&texts[i], 10000);
            query_write(&texts[i], &query);
            buffer_u8(&texts[i], 0);
            queries[i] = compile_live(&world, (const char *)texts[i].data, &arena);
        }
        for (uint32_t step = 0; step < 60; step++) {
            Bag before[WATCHED];
            for (uint32_t i = 0; i < WATCHED; i++) {
                bag_init(&before[i]);
                run(&world, queries[i], &before[i]);
            }
            Tx *tx = tx_begin(world.store);
            uint32_t rounds = step % 10 == 0 ? 30 : 1 + step % 3;
            for (uint32_t k = 0; k < rounds; k++) world_change(&world, tx);
            const Commit *commit = tx_commit(tx);
            for (uint32_t i = 0; i < WATCHED; i++) {
                Bag after;
                DeltaBags delta;
                bag_init(&after);
                bag_init(&delta.inserted);
                bag_init(&delta.deleted);
                const Fragment *fragment = query_fragment(queries[i], 0);
                fragment_delta(fragment, world.store, commit, take_inserted, take_deleted, &delta);
                run(&world, queries[i], &after);
                const char *text = (const char *)texts[i].data;
                check_delta(&before[i], &after, &delta, text, seed);
                left_out += check_relevant(&world, fragment, commit, &delta, text);
                buffer_done(&after.bytes);
                buffer_done(&delta.inserted.bytes);
                buffer_done(&delta.deleted.bytes);
                buffer_done(&before[i].bytes);
            }
            tx_release(tx);
        }
        for (uint32_t i = 0; i < WATCHED; i++) buffer_done(&texts[i]);
        arena_done(&arena);
        store_free(world.store);
    }
    assert_true(joins > 100);
    assert_true(left_out > 5000);
}

// Events exist only in their transaction, and meet the other table as it was before it (sql.md 12).
static void test_events(void **state) {
    (void)state;
    World world;
    world_create(&world, 77);
    Arena arena;
    arena_init(&arena, FIXTURE_ARENA_MAX);
    const Query *plain = compile_live(&world, "SELECT * FROM w WHERE a > 0", &arena);
    const Query *join = compile_live(&world, "SELECT w.* FROM w JOIN v ON w.a = v.a", &arena);
    const Query *other = compile_live(&world, "SELECT v.* FROM w JOIN v ON w.a = v.a", &arena);
    for (uint32_t step = 0; step < 500; step++) {
        static Model before;
        model_load(&world, &before);
        Tx *tx = tx_begin(world.store);
        for (uint32_t k = 0; k < 4; k++) world_change(&world, tx);
        const Commit *commit = tx_commit(tx);
        Bag expected[3];
        for (uint32_t i = 0; i < 3; i++) bag_init(&expected[i]);
        for (uint32_t i = 0; i < commit->table_count; i++) {
            if (commit->tables[i].table != world.tables[4]) continue;
            for (uint32_t j = 0; j < commit->tables[i].inserted.count; j++) {
                Bytes bytes = commit->tables[i].inserted.items[j].bytes;
                ModelRow row = row_read(4, bytes);
                if (row.values[0].number > 0) bag_take(&expected[0], bytes);
                for (uint32_t k = 0; k < before.counts[3]; k++) {
                    if (before.rows[3][k].values[0].number != row.values[0].number) continue;
                    bag_take(&expected[1], bytes);
                    Buffer text;
                    buffer_init(&text, 1000);
                    row_write(&text, 3, &before.rows[3][k]);
                    bag_take(&expected[2], buffer_bytes(&text));
                    buffer_done(&text);
                }
            }
        }
        const Query *queries[3] = {plain, join, other};
        for (uint32_t i = 0; i < 3; i++) {
            DeltaBags delta;
            Bag now;
            bag_init(&delta.inserted);
            bag_init(&delta.deleted);
            bag_init(&now);
            fragment_delta(query_fragment(queries[i], 0), world.store, commit, take_inserted,
                           take_deleted, &delta);
            run(&world, queries[i], &now);
            assert_int_equal(now.count, 0);
            assert_int_equal(delta.deleted.count, 0);
            assert_true(bags_equal(&delta.inserted, &expected[i]));
            buffer_done(&delta.inserted.bytes);
            buffer_done(&delta.deleted.bytes);
            buffer_done(&now.bytes);
            buffer_done(&expected[i].bytes);
        }
        tx_release(tx);
    }
    arena_done(&arena);
    store_free(world.store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queries_against_nested_loops),
        cmocka_unit_test(test_deltas),
        cmocka_unit_test(test_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

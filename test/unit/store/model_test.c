// model_test.c - goal: whatever a transaction does, rows, look-ups, ranges, deltas and rollbacks
// are those of a plain list.
//
// Method: random schemas and operations, held against a list of rows that is searched from end to
// end. After each transaction the store checks itself; in the end all that was committed is
// replayed. A failure prints the seed; STDB_SEED repeats it, STDB_ROUNDS does more.
#include "history.h"
#include "values.h"

#define ROWS_MAX 400u
#define INDEXES_MAX 5u
#define COLUMNS_MAX 5u
#define SNAPSHOTS_MAX 3u

typedef struct RowsCopy {
    Bytes items[ROWS_MAX];
    uint32_t count;
} RowsCopy;

typedef struct ModelIndex {
    char name[32];
    IndexKind kind;
    ColumnList columns;
    bool is_unique;
} ModelIndex;

typedef struct HeldSnapshot {
    TableSnapshot *snapshot;
    RowsCopy rows;
} HeldSnapshot;

typedef struct Model {
    Random random;
    SchemaMaker maker;
    Arena arena;  // all rows ever made
    Store *store;
    Table *table;
    Tx *tx;
    History *history;
    RowsCopy rows;
    RowsCopy before;                  // when the transaction began
    ModelIndex indexes[INDEXES_MAX];  // in id order
    uint32_t index_count;
    HeldSnapshot snapshots[SNAPSHOTS_MAX];
} Model;

// ---- the list ----

static const uint8_t *column_at(const Model *model, Bytes row, uint16_t column) {
    const uint8_t *at = row.data;
    for (uint32_t i = 0; i < column; i++) at += bsatn_size(model->maker.columns[i].type, at);
    return at;
}

static bool type_has_floats(const Type *type) {
    if (type->kind == TYPE_F32 || type->kind == TYPE_F64) return true;
    if (type->kind != TYPE_PRODUCT) return false;
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (type_has_floats(type->fields[i].type)) return true;
    }
    return false;
}

// sats.md 5: hash indexes over several fixed-size columns, or a product, compare floats by their
// bits.
static bool index_compares_bits(const Model *model, const ModelIndex *index) {
    if (index->kind != INDEX_HASH) return false;
    bool is_fixed = true;
    for (uint32_t i = 0; i < index->columns.count; i++) {
        const Type *type = model->maker.columns[index->columns.items[i]].type;
        if (type->fixed_bytes == TYPE_BYTES_VARIABLE) is_fixed = false;
    }
    const Type *first = model->maker.columns[index->columns.items[0]].type;
    return is_fixed && (index->columns.count > 1 || first->kind == TYPE_PRODUCT);
}

static bool keys_equal(const Model *model, const ModelIndex *index, Bytes a, Bytes b) {
    bool by_bits = index_compares_bits(model, index);
    for (uint32_t i = 0; i < index->columns.count; i++) {
        uint16_t column = index->columns.items[i];
        const Type *type = model->maker.columns[column].type;
        const uint8_t *a_at = column_at(model, a, column);
        const uint8_t *b_at = column_at(model, b, column);
        uint32_t bytes = bsatn_size(type, a_at);
        bool is_same = bytes == bsatn_size(type, b_at) && memcmp(a_at, b_at, bytes) == 0;
        if (by_bits && type_has_floats(type) && !is_same) return false;
        if (value_compare(type, a_at, b_at) != 0) return false;
    }
    return true;
}

static int32_t rows_find(const RowsCopy *rows, Bytes row) {
    for (uint32_t i = 0; i < rows->count; i++) {
        if (bytes_equal(rows->items[i], row)) return (int32_t)i;
    }
    return -1;
}

static int32_t rows_find_key(const Model *model, const ModelIndex *index, Bytes row,
                             int32_t except) {
    for (uint32_t i = 0; i < model->rows.count; i++) {
        if ((int32_t)i == except) continue;
        if (keys_equal(model, index, model->rows.items[i], row)) return (int32_t)i;
    }
    return -1;
}

static void rows_remove(RowsCopy *rows, int32_t at) {
    rows->items[at] = rows->items[--rows->count];
}

static int32_t model_conflict(const Model *model, Bytes row, int32_t except,
                              const char **ret_index) {
    for (uint32_t i = 0; i < model->index_count; i++) {
        if (!model->indexes[i].is_unique) continue;
        int32_t at = rows_find_key(model, &model->indexes[i], row, except);
        if (at < 0) continue;
        *ret_index = model->indexes[i].name;
        return at;
    }
    return -1;
}

// ---- making things up ----

static Bytes random_row(Model *model) {
    Buffer buffer;
    buffer_init(&buffer, 1u << 20);
    for (uint32_t i = 0; i < model->maker.schema.column_count; i++) {
        random_value(&model->random, model->maker.columns[i].type, &buffer);
    }
    Bytes row = arena_copy(&model->arena, buffer_bytes(&buffer));
    buffer_done(&buffer);
    return row;
}

// A new row, or one that shares columns with one that is there.
static Bytes random_near_row(Model *model) {
    if (model->rows.count == 0 || random_below(&model->random, 3) == 0) return random_row(model);
    Bytes near = model->rows.items[random_below(&model->random, model->rows.count)];
    Bytes other = random_row(model);
    Buffer buffer;
    buffer_init(&buffer, 1u << 20);
    for (uint16_t i = 0; i < model->maker.schema.column_count; i++) {
        Bytes from = random_below(&model->random, 4) == 0 ? other : near;
        const uint8_t *at = column_at(model, from, i);
        buffer_append(&buffer, at, bsatn_size(model->maker.columns[i].type, at));
    }
    Bytes row = arena_copy(&model->arena, buffer_bytes(&buffer));
    buffer_done(&buffer);
    return row;
}

static ColumnList random_columns(Model *model, uint32_t count_max) {
    uint16_t column_count = model->maker.schema.column_count;
    uint16_t *items = ARENA_ARRAY(&model->arena, uint16_t, column_count);
    uint16_t count = (uint16_t)(1 + random_below(&model->random, count_max));
    if (count > column_count) count = column_count;
    for (uint16_t made = 0; made < count;) {
        uint16_t column = (uint16_t)random_below(&model->random, column_count);
        bool is_new = true;
        for (uint32_t i = 0; i < made; i++) is_new = is_new && items[i] != column;
        if (is_new) items[made++] = column;
    }
    return (ColumnList){items, count};
}

static ColumnList sorted_columns(Model *model, ColumnList columns) {
    uint16_t *items = ARENA_ARRAY(&model->arena, uint16_t, columns.count);
    for (uint32_t i = 0; i < columns.count; i++) {
        uint32_t at = i;
        for (; at > 0 && items[at - 1] > columns.items[i]; at--) items[at] = items[at - 1];
        items[at] = columns.items[i];
    }
    return (ColumnList){items, columns.count};
}

static bool same_set(Model *model, ColumnList a, ColumnList b) {
    if (a.count != b.count) return false;
    ColumnList left = sorted_columns(model, a);
    ColumnList right = sorted_columns(model, b);
    return memcmp(left.items, right.items, sizeof(uint16_t) * left.count) == 0;
}

static void model_schema(Model *model) {
    SchemaMaker *maker = &model->maker;
    maker_init(maker, "t");
    uint32_t columns = 1 + random_below(&model->random, COLUMNS_MAX);
    for (uint32_t i = 0; i < columns; i++) {
        const char *name = arena_copy_text(&maker->arena, arena_format(&maker->arena, "c%u", i));
        maker_column(maker, name, random_type(&model->random, &maker->arena));
    }
    uint32_t count = random_below(&model->random, INDEXES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        ModelIndex *index = &model->indexes[model->index_count++];
        (void)snprintf(index->name, sizeof index->name, "i%u", i);
        index->columns = random_columns(model, 3);
        index->kind = random_below(&model->random, 3) == 0 ? INDEX_HASH : INDEX_BTREE;
        if (index->columns.count == 1 && random_below(&model->random, 4) == 0)
            index->kind = INDEX_DIRECT;
        IndexSchema *made = maker_index(maker, index->name, index->kind, "");
        made->columns = index->columns;
        if (random_below(&model->random, 2) == 0) continue;
        const char *name = arena_copy_text(&maker->arena, arena_format(&maker->arena, "k%u", i));
        maker_unique(maker, name, "")->columns = sorted_columns(model, index->columns);
    }
    for (uint32_t i = 0; i < model->index_count; i++) {
        for (uint32_t k = 0; k < maker->schema.constraint_count; k++) {
            if (same_set(model, model->indexes[i].columns, maker->constraints[k].columns)) {
                model->indexes[i].is_unique = true;
            }
        }
    }
}

static Index *model_index(const Model *model, uint32_t at) {
    Index *index = store_find_index_by_name(model->store, bytes_of_text(model->indexes[at].name));
    assert_non_null(index);
    assert_int_equal(index_is_unique(index), model->indexes[at].is_unique);
    return index;
}

// ---- operations ----

static void op_insert(Model *model) {
    Bytes row = random_near_row(model);
    InsertResult result;
    InsertOutcome outcome = tx_insert(model->tx, model->table, row, &result);
    const char *conflict = NULL;
    if (rows_find(&model->rows, row) >= 0) {
        assert_int_equal(outcome, INSERT_EXISTED);
        assert_bytes_equal(result.row.bytes, row);
        return;
    }
    int32_t in_the_way = model_conflict(model, row, -1, &conflict);
    if (in_the_way >= 0) {
        assert_int_equal(outcome, INSERT_CONFLICT);
        assert_true(bytes_equal_text(index_schema(result.conflict)->name, conflict));
        assert_bytes_equal(result.row.bytes, model->rows.items[in_the_way]);
        return;
    }
    assert_int_equal(outcome, INSERT_ADDED);
    assert_bytes_equal(result.row.bytes, row);
    if (model->rows.count < ROWS_MAX) {
        model->rows.items[model->rows.count++] = row;
    } else {
        assert_true(tx_delete_equal(model->tx, model->table, row));
    }
}

static void op_update(Model *model) {
    uint32_t at = 0;
    while (at < model->index_count && !model->indexes[at].is_unique) at++;
    if (at == model->index_count) return;
    uint32_t second = random_below(&model->random, model->index_count);
    if (model->indexes[second].is_unique) at = second;
    Bytes row = random_near_row(model);
    InsertResult result;
    UpdateOutcome outcome = tx_update(model->tx, model_index(model, at), row, &result);
    int32_t old = rows_find_key(model, &model->indexes[at], row, -1);
    const char *conflict = NULL;
    if (old < 0) {
        assert_int_equal(outcome, UPDATE_NOT_FOUND);
    } else if (bytes_equal(model->rows.items[old], row)) {
        assert_int_equal(outcome, UPDATE_UNCHANGED);
    } else if (model_conflict(model, row, old, &conflict) >= 0) {
        assert_int_equal(outcome, UPDATE_CONFLICT);
        assert_true(bytes_equal_text(index_schema(result.conflict)->name, conflict));
    } else {
        assert_int_equal(outcome, UPDATE_DONE);
        assert_bytes_equal(result.row.bytes, row);
        model->rows.items[old] = row;
    }
}

static void op_delete(Model *model) {
    bool is_there = model->rows.count > 0 && random_below(&model->random, 4) > 0;
    Bytes row = is_there ? model->rows.items[random_below(&model->random, model->rows.count)]
                         : random_row(model);
    int32_t at = rows_find(&model->rows, row);
    RowId id;
    assert_int_equal(table_find_row(model->table, row, &id), at >= 0);
    if (random_below(&model->random, 2) == 0) {
        assert_int_equal(tx_delete_equal(model->tx, model->table, row), at >= 0);
    } else if (at >= 0) {
        tx_delete(model->tx, model->table, id);
    }
    if (at >= 0) rows_remove(&model->rows, at);
}

static void op_clear(Model *model) {
    if (random_below(&model->random, 12) > 0) return;
    assert_int_equal(tx_clear(model->tx, model->table), model->rows.count);
    model->rows.count = 0;
}

static void op_point(Model *model) {
    if (model->index_count == 0) return;
    uint32_t at = random_below(&model->random, model->index_count);
    const Index *index = model_index(model, at);
    Bytes like = random_near_row(model);
    Buffer key;
    buffer_init(&key, 1u << 20);
    index_project(index, like, &key);
    uint32_t expected = 0;
    for (uint32_t i = 0; i < model->rows.count; i++) {
        expected += keys_equal(model, &model->indexes[at], model->rows.items[i], like);
    }
    IndexScan scan;
    Row row;
    uint32_t found = 0;
    index_scan_point(index, buffer_bytes(&key), &scan);
    while (index_scan_next(&scan, &row)) {
        found++;
        assert_true(keys_equal(model, &model->indexes[at], row.bytes, like));
        assert_true(rows_find(&model->rows, row.bytes) >= 0);
    }
    assert_int_equal(found, expected);
    if (index_is_unique(index))
        assert_int_equal(index_find(index, buffer_bytes(&key), &row), expected);
    buffer_done(&key);
}

// ---- ranges ----

typedef struct ModelRange {
    const ModelIndex *index;
    uint16_t prefix_columns;
    Bytes like;  // the prefix is taken from it
    BoundKind lower;
    Bytes lower_like;
    BoundKind upper;
    Bytes upper_like;
} ModelRange;

static int range_compare(const Model *model, const ModelRange *range, Bytes row, Bytes bound_like) {
    uint16_t column = range->index->columns.items[range->prefix_columns];
    return value_compare(model->maker.columns[column].type, column_at(model, row, column),
                         column_at(model, bound_like, column));
}

static bool range_has(const Model *model, const ModelRange *range, Bytes row) {
    for (uint32_t i = 0; i < range->prefix_columns; i++) {
        uint16_t column = range->index->columns.items[i];
        int order = value_compare(model->maker.columns[column].type, column_at(model, row, column),
                                  column_at(model, range->like, column));
        if (order != 0) return false;
    }
    if (range->lower != BOUND_UNBOUNDED) {
        int order = range_compare(model, range, row, range->lower_like);
        if (order < 0 || (order == 0 && range->lower == BOUND_EXCLUDED)) return false;
    }
    if (range->upper != BOUND_UNBOUNDED) {
        int order = range_compare(model, range, row, range->upper_like);
        if (order > 0 || (order == 0 && range->upper == BOUND_EXCLUDED)) return false;
    }
    return true;
}

static int index_order(const Model *model, const ModelIndex *index, Bytes a, Bytes b) {
    for (uint32_t i = 0; i < index->columns.count; i++) {
        uint16_t column = index->columns.items[i];
        int order = value_compare(model->maker.columns[column].type, column_at(model, a, column),
                                  column_at(model, b, column));
        if (order != 0) return order;
    }
    return 0;
}

// The same rows backwards, and as many different keys as the index says if it is asked for all.
static void range_run_back(const Model *model, const Index *index, const ModelRange *range,
                           const IndexRange *asked, uint32_t expected) {
    IndexScan scan, forth;
    Row row, first = {0};
    Bytes before = BYTES_NONE;
    uint32_t found = 0;
    uint64_t keys = 0;
    index_scan_range(index, asked, &forth);
    bool has_first = index_scan_next(&forth, &first);
    index_scan_range_reverse(index, asked, &scan);
    while (index_scan_next(&scan, &row)) {
        found++;
        assert_true(range_has(model, range, row.bytes));
        int order = before.data == NULL ? 1 : index_order(model, range->index, before, row.bytes);
        assert_true(order >= 0);
        if (order > 0) keys++;
        before = row.bytes;
    }
    assert_int_equal(found, expected);
    assert_true(has_first == (found > 0));
    if (has_first) assert_ptr_equal(before.data, first.bytes.data);
    if (found == model->rows.count) assert_int_equal(index_key_count(index), keys);
}

static void range_run(Model *model, const Index *index, const ModelRange *range) {
    Buffer prefix;
    buffer_init(&prefix, 1u << 20);
    for (uint32_t i = 0; i < range->prefix_columns; i++) {
        buffer_append_bytes(
            &prefix, table_column(model->table, range->like, range->index->columns.items[i]));
    }
    uint16_t column = range->index->columns.items[range->prefix_columns];
    IndexRange asked = {
        .prefix = buffer_bytes(&prefix),
        .prefix_columns = range->prefix_columns,
        .lower = {range->lower, table_column(model->table, range->lower_like, column)},
        .upper = {range->upper, table_column(model->table, range->upper_like, column)},
    };
    uint32_t expected = 0;
    for (uint32_t i = 0; i < model->rows.count; i++) {
        expected += range_has(model, range, model->rows.items[i]);
    }
    IndexScan scan;
    Row row;
    Bytes before = BYTES_NONE;
    uint32_t found = 0;
    index_scan_range(index, &asked, &scan);
    while (index_scan_next(&scan, &row)) {
        found++;
        assert_true(range_has(model, range, row.bytes));
        if (before.data != NULL)
            assert_true(index_order(model, range->index, before, row.bytes) <= 0);
        before = row.bytes;
    }
    assert_int_equal(found, expected);
    range_run_back(model, index, range, &asked, expected);
    buffer_done(&prefix);
}

static void op_range(Model *model) {
    if (model->index_count == 0) return;
    uint32_t at = random_below(&model->random, model->index_count);
    const Index *index = model_index(model, at);
    if (!index_is_ordered(index)) {
        assert_int_equal(model->indexes[at].kind, INDEX_HASH);
        return;
    }
    ModelRange range = {
        .index = &model->indexes[at],
        .prefix_columns = (uint16_t)random_below(&model->random, model->indexes[at].columns.count),
        .like = random_near_row(model),
        .lower = (BoundKind)random_below(&model->random, 3),
        .lower_like = random_near_row(model),
        .upper = (BoundKind)random_below(&model->random, 3),
        .upper_like = random_near_row(model),
    };
    range_run(model, index, &range);
}

// ---- changes of the schema ----

static bool rows_have_duplicate(const Model *model, const ModelIndex *index) {
    for (uint32_t i = 0; i < model->rows.count; i++) {
        if (rows_find_key(model, index, model->rows.items[i], (int32_t)i) >= 0) return true;
    }
    return false;
}

// True if it succeeded; otherwise the transaction has to be rolled back.
static bool op_toggle_unique(Model *model) {
    if (model->index_count == 0) return true;
    uint32_t at = random_below(&model->random, model->index_count);
    ColumnList columns = model->indexes[at].columns;
    Error error = {0};
    const TableSchema *schema = table_schema(model->table);
    for (uint32_t i = 0; i < schema->constraint_count; i++) {
        if (!same_set(model, schema->constraints[i].columns, columns)) continue;
        Bytes name = schema->constraints[i].name;
        assert_status_ok(tx_drop_constraint(model->tx, model->table, name, &error), error);
        schema = table_schema(model->table);
        bool is_left = false;
        for (uint32_t k = 0; k < schema->constraint_count; k++) {
            is_left = is_left || same_set(model, schema->constraints[k].columns, columns);
        }
        for (uint32_t k = 0; k < model->index_count; k++) {
            if (same_set(model, model->indexes[k].columns, columns))
                model->indexes[k].is_unique = is_left;
        }
        return true;
    }
    static uint32_t made;
    ConstraintSchema constraint = {.name = arena_format(&model->arena, "made%u", made++),
                                   .columns = sorted_columns(model, columns)};
    Status status = tx_create_constraint(model->tx, model->table, &constraint, &error);
    bool is_possible = true;
    for (uint32_t k = 0; k < model->index_count; k++) {
        if (!same_set(model, model->indexes[k].columns, columns)) continue;
        is_possible = is_possible && !rows_have_duplicate(model, &model->indexes[k]);
        model->indexes[k].is_unique = true;
    }
    assert_int_equal(status, is_possible ? STATUS_OK : STATUS_CONFLICT);
    return is_possible;
}

static bool op_create_index(Model *model) {
    if (model->index_count == INDEXES_MAX) return true;
    ModelIndex *index = &model->indexes[model->index_count++];
    static uint32_t made;
    (void)snprintf(index->name, sizeof index->name, "m%u", made++);
    index->columns = random_columns(model, 2);
    index->kind = random_below(&model->random, 3) == 0 ? INDEX_HASH : INDEX_BTREE;
    index->is_unique = false;
    const TableSchema *schema = table_schema(model->table);
    for (uint32_t i = 0; i < schema->constraint_count; i++) {
        if (same_set(model, schema->constraints[i].columns, index->columns))
            index->is_unique = true;
    }
    IndexSchema created = {
        .name = bytes_of_text(index->name), .kind = index->kind, .columns = index->columns};
    Error error = {0};
    Status status = tx_create_index(model->tx, model->table, &created, &error);
    bool is_possible = !index->is_unique || !rows_have_duplicate(model, index);
    assert_int_equal(status, is_possible ? STATUS_OK : STATUS_CONFLICT);
    return is_possible;
}

static void op_drop_index(Model *model) {
    if (model->index_count == 0) return;
    uint32_t at = random_below(&model->random, model->index_count);
    Error error = {0};
    assert_status_ok(tx_drop_index(model->tx, model_index(model, at), &error), error);
    for (uint32_t i = at; i + 1 < model->index_count; i++)
        model->indexes[i] = model->indexes[i + 1];
    model->index_count--;
}

// False: something failed, as it should, and the transaction has to be rolled back.
static bool model_operate(Model *model) {
    uint32_t what = random_below(&model->random, 100);
    if (what < 35)
        op_insert(model);
    else if (what < 55)
        op_update(model);
    else if (what < 72)
        op_delete(model);
    else if (what < 74)
        op_clear(model);
    else if (what < 85)
        op_point(model);
    else if (what < 97)
        op_range(model);
    else if (what < 98)
        return op_toggle_unique(model);
    else if (what < 99)
        return op_create_index(model);
    else
        op_drop_index(model);
    return true;
}

// ---- transactions ----

static void assert_rows_are(Model *model) {
    assert_int_equal(table_row_count(model->table), model->rows.count);
    TableScan scan = table_scan(model->table);
    Row row;
    uint32_t count = 0;
    while (table_scan_next(&scan, &row)) {
        assert_true(rows_find(&model->rows, row.bytes) >= 0);
        count++;
    }
    assert_int_equal(count, model->rows.count);
}

static void assert_side(RowSpan side, const RowsCopy *has, const RowsCopy *has_not) {
    uint32_t expected = 0;
    for (uint32_t i = 0; i < has->count; i++) expected += rows_find(has_not, has->items[i]) < 0;
    assert_int_equal(side.count, expected);
    for (uint32_t i = 0; i < side.count; i++) {
        assert_true(rows_find(has, side.items[i].bytes) >= 0);
        assert_true(rows_find(has_not, side.items[i].bytes) < 0);
        for (uint32_t k = 0; k < i; k++)
            assert_false(bytes_equal(side.items[i].bytes, side.items[k].bytes));
    }
}

static void model_commit(Model *model) {
    const Commit *commit = tx_commit(model->tx);
    const TableDelta *delta = delta_of(commit, model->table);
    RowSpan none = {0};
    assert_side(delta ? delta->inserted : none, &model->rows, &model->before);
    assert_side(delta ? delta->deleted : none, &model->before, &model->rows);
    if (delta != NULL) {
        assert_true(commit->is_logged);
        bool is_truncated = model->rows.count == 0 && model->before.count > 0;
        assert_int_equal(delta->is_truncated, is_truncated);
    }
    if (random_below(&model->random, 4) == 0) {
        HeldSnapshot *held = &model->snapshots[random_below(&model->random, SNAPSHOTS_MAX)];
        table_snapshot_release(held->snapshot);
        held->snapshot = table_snapshot_create(model->table);
        held->rows = model->rows;
    }
    keep(model->history, commit);
    tx_release(model->tx);
}

static void assert_snapshots_are(const Model *model) {
    for (uint32_t i = 0; i < SNAPSHOTS_MAX; i++) {
        const HeldSnapshot *held = &model->snapshots[i];
        if (held->snapshot == NULL) continue;
        assert_int_equal(table_snapshot_row_count(held->snapshot), held->rows.count);
        SnapshotScan scan = table_snapshot_scan(held->snapshot);
        Row row;
        uint32_t count = 0;
        while (table_snapshot_next(&scan, &row)) {
            assert_true(rows_find(&held->rows, row.bytes) >= 0);
            count++;
        }
        assert_int_equal(count, held->rows.count);
    }
}

static void model_transaction(Model *model) {
    ModelIndex indexes[INDEXES_MAX];
    uint32_t index_count = model->index_count;
    memcpy(indexes, model->indexes, sizeof indexes);
    model->before = model->rows;
    model->tx = tx_begin(model->store);
    bool is_good = true;
    uint32_t operations = random_below(&model->random, 10) == 0
                              ? 120
                              : 1 + random_below(&model->random, 12);
    for (uint32_t i = 0; i < operations && is_good; i++) is_good = model_operate(model);
    if (is_good && random_below(&model->random, 3) > 0) {
        model_commit(model);
    } else {
        tx_rollback(model->tx);
        model->rows = model->before;
        model->index_count = index_count;
        memcpy(model->indexes, indexes, sizeof indexes);
    }
    store_check(model->store);
    assert_rows_are(model);
    assert_snapshots_are(model);
}

static void model_run(uint64_t seed, uint32_t transactions) {
    Model *model = calloc(1, sizeof *model);
    model->random.state = seed;
    arena_init(&model->arena, 1u << 30);
    model_schema(model);
    model->store = store_create();
    model->history = history_create();
    Tx *tx = tx_begin(model->store);
    model->table = create_table_in(tx, maker_schema(&model->maker));
    keep(model->history, tx_commit(tx));
    tx_release(tx);
    for (uint32_t i = 0; i < transactions; i++) model_transaction(model);
    Store *again = replayed(model->history);
    assert_same_store(model->store, again);
    store_free(again);
    history_free(model->history);
    for (uint32_t i = 0; i < SNAPSHOTS_MAX; i++)
        table_snapshot_release(model->snapshots[i].snapshot);
    store_free(model->store);
    maker_done(&model->maker);
    arena_done(&model->arena);
    free(model);
}

static void test_model(void **state) {
    (void)state;
    uint32_t rounds = test_rounds(300);
    for (uint32_t i = 0; i < rounds; i++) {
        uint64_t seed = test_seed(1000 + i);
        // Shown by CTest when the test fails, wherever it does.
        fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        model_run(seed, 80);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

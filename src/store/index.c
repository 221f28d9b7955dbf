// index.c - see index.h for which structure serves what.
//
// A tree for the ranges of a unique index is built when the first range is asked for and kept in
// step from then on: most primary keys are only ever looked up. Range scans take a const Index, as
// they change nothing that a caller could see; the tree is a cache.
#include "store/index.h"

#include "base/map.h"
#include "store/table.h"

// IndexScan.state: of a point in a hash index, the id; of a walk over a tree, the place and the
// end; of a walk backwards, the place behind the next row, and the start.
enum { SCAN_LEAF, SCAN_AT, SCAN_END_LEAF, SCAN_END_AT, SCAN_ID, SCAN_KIND };
enum { SCAN_NOTHING, SCAN_ONE, SCAN_TREE, SCAN_TREE_BACK };

static const uint8_t *index_bytes_of_row(const void *user, uint64_t id);
static uint64_t index_hash_of_row(const void *user, uint64_t id);
static void index_build_tree(Index *index);
static void scan_between(const Index *index, const KeyBound *from, const KeyBound *to,
                         IndexScan *ret_scan);
static void index_add_point(Index *index, RowId id, uint64_t token);
static uint64_t direct_key(const Index *index, uint64_t integer);
static uint64_t point_hash(const Index *index, uint64_t token);
static RowId find_integer(const Index *index, uint64_t integer);
static RowId find_key(const Index *index, const uint8_t *key);

typedef struct ProbeTarget {
    const Index *index;
    uint64_t integer;
    const uint8_t *row;
    const uint8_t *key;
} ProbeTarget;

static inline bool match_integer(const void *user, uint64_t id);
static inline bool match_row(const void *user, uint64_t id);
static inline bool match_key(const void *user, uint64_t id);

// ---- life ----

Index *index_create(Table *table, const IndexSchema *schema, bool is_unique) {
    ASSERT(schema->columns.count > 0);
    Index *index = mem_alloc_zero(sizeof *index);
    index->table = table;
    index->id = schema->id;
    index->is_unique = is_unique;
    index_bind(index, schema);
    if (is_unique) {
        hash_index_init(&index->hash, index_hash_of_row, index);
    } else {
        btree_init(&index->tree, &index->spec, index_bytes_of_row, table);
        index->has_tree = true;
    }
    return index;
}

void index_free(Index *index) {
    if (index == NULL) return;
    if (index->is_unique) hash_index_done(&index->hash);
    direct_map_done(&index->direct);
    if (index->has_tree) btree_done(&index->tree);
    mem_free(index);
}

void index_bind(Index *index, const IndexSchema *schema) {
    Table *table = index->table;
    const TableSchema *table_schema = table->box->schema;
    ASSERT(schema->id == index->id);
    ASSERT(schema->columns.count > 0);
    Arena *arena = &table->box->arena;
    uint16_t count = schema->columns.count;
    KeyColumn *columns = ARENA_ARRAY(arena, KeyColumn, count);
    TypeField *fields = ARENA_ARRAY(arena, TypeField, count);
    for (uint32_t i = 0; i < count; i++) {
        ASSERT(schema->columns.items[i] < table_schema->column_count);
        columns[i].column = schema->columns.items[i];
        columns[i].type = table_schema->row_type->fields[columns[i].column].type;
        fields[i].type = columns[i].type;
    }
    index->schema = schema;
    index->spec = (KeySpec){
        .layout = &table->layout,
        .columns = columns,
        .column_count = count,
        .type = count == 1 ? columns[0].type : type_product(arena, fields, count),
        .seed = hash_bytes(BYTES_LITERAL("index")),
    };
    bool is_hash = schema->kind == INDEX_HASH;
    bool is_product = count > 1 || columns[0].type->kind == TYPE_PRODUCT;
    bool is_raw = is_hash && is_product && index->spec.type->fixed_bytes != TYPE_BYTES_VARIABLE;
    KeyOrder order = is_hash && !index->is_unique ? KEY_HASHED : KEY_SORTED;
    key_spec_finish(&index->spec, order, is_raw);
}

bool index_build(Index *index, RowId *ret_first, RowId *ret_second) {
    const Table *table = index->table;
    uint64_t at = 0;
    RowId id;
    if (!index->is_unique) {
        index_build_tree(index);
        return true;
    }
    ASSERT(index->hash.count == 0 && index->direct.count == 0);
    while (rows_next(table->rows.pool.array, &at, &id)) {
        const uint8_t *row = table_bytes_of(table, id).data;
        uint64_t token = index_token(index, row);
        RowId other = index_find_row(index, row, token);
        if (other != ROW_ID_NONE) {
            index_clear(index);
            *ret_first = other;
            *ret_second = id;
            return false;
        }
        index_add_point(index, id, token);
    }
    if (index->has_tree) index_build_tree(index);
    return true;
}

void index_clear(Index *index) {
    ASSERT(index->is_unique || index->has_tree);
    if (index->is_unique) hash_index_clear(&index->hash);
    direct_map_done(&index->direct);
    if (index->has_tree) btree_clear(&index->tree);
}

uint64_t index_memory(const Index *index) {
    return index->hash.bytes + direct_map_bytes(&index->direct) + index->tree.bytes;
}

// ---- rows ----

uint64_t index_token(const Index *index, const uint8_t *row) {
    if (!index->is_unique) return 0;
    if (index->spec.kind == KEY_INTEGER) return key_integer_of_row(&index->spec, row);
    return key_hash_row(&index->spec, row);
}

void index_add(Index *index, RowId id, const uint8_t *row, uint64_t token) {
    ASSERT(row != NULL);
    ASSERT_SLOW(token == index_token(index, row));
    if (index->is_unique) {
        ASSERT_SLOW(index_find_row(index, row, token) == ROW_ID_NONE);
        index_add_point(index, id, token);
    }
    if (index->has_tree) {
        btree_insert(&index->tree, (BtreeEntry){key_of_row(&index->spec, row), id}, row);
    }
}

void index_remove(Index *index, RowId id, const uint8_t *row) {
    ASSERT(row != NULL);
    ASSERT(index->is_unique || index->has_tree);
    if (index->is_unique) {
        uint64_t token = index_token(index, row);
        bool is_integer = index->spec.kind == KEY_INTEGER;
        if (!is_integer || !direct_map_remove(&index->direct, direct_key(index, token))) {
            hash_index_remove(&index->hash, point_hash(index, token), id);
        }
    }
    if (index->has_tree) {
        btree_remove(&index->tree, (BtreeEntry){key_of_row(&index->spec, row), id}, row);
    }
}

RowId index_find_row(const Index *index, const uint8_t *row, uint64_t token) {
    ASSERT(index->is_unique);
    if (index->spec.kind == KEY_INTEGER) return find_integer(index, token);
    ProbeTarget target = {.index = index, .row = row};
    return hash_index_find(&index->hash, token, match_row, &target);
}

void index_check(const Index *index) {
    ASSERT(index->is_unique || index->has_tree);
    const Table *table = index->table;
    if (index->has_tree) {
        btree_check(&index->tree);
        ASSERT(index->tree.count == table->rows.count);
    }
    if (index->is_unique) {
        ASSERT(index->hash.count + index->direct.count == table->rows.count);
    }
    Buffer key;
    buffer_init(&key, STORE_ROW_BYTES_MAX);
    uint64_t at = 0;
    RowId id;
    while (rows_next(table->rows.pool.array, &at, &id)) {
        Bytes row = table_bytes_of(table, id);
        if (index->is_unique)
            ASSERT(index_find_row(index, row.data, index_token(index, row.data)) == id);
        buffer_clear(&key);
        index_project(index, row, &key);
        IndexScan scan;
        Row found;
        bool is_found = false;
        index_scan_point(index, buffer_bytes(&key), &scan);
        while (!is_found && index_scan_next(&scan, &found)) is_found = found.id == id;
        ASSERT(is_found);
    }
    buffer_done(&key);
}

// ---- the public part ----

const IndexSchema *index_schema(const Index *index) {
    return index->schema;
}

Table *index_table(const Index *index) {
    return index->table;
}

bool index_is_unique(const Index *index) {
    return index->is_unique;
}

bool index_is_ordered(const Index *index) {
    return index->schema->kind != INDEX_HASH;
}

const Type *index_key_type(const Index *index) {
    return index->spec.type;
}

void index_project(const Index *index, Bytes row, Buffer *key) {
    ASSERT(row.data != NULL || row.count == 0);
    for (uint32_t i = 0; i < index->spec.column_count; i++) {
        buffer_append_bytes(key, table_column(index->table, row, index->spec.columns[i].column));
    }
}

void index_scan_point(const Index *index, Bytes key, IndexScan *ret_scan) {
    ASSERT(index->is_unique || index->has_tree);
    if (index->is_unique) {
        RowId id = find_key(index, key.data);
        *ret_scan = (IndexScan){.index = index};
        ret_scan->state[SCAN_ID] = id;
        ret_scan->state[SCAN_KIND] = id == ROW_ID_NONE ? SCAN_NOTHING : SCAN_ONE;
        return;
    }
    KeyBound from = key_bound_whole(&index->spec, key.data, KEY_BEFORE_EQUALS);
    KeyBound to = key_bound_whole(&index->spec, key.data, KEY_AFTER_EQUALS);
    scan_between(index, &from, &to, ret_scan);
}

uint64_t index_key_count(const Index *index) {
    ASSERT(index->is_unique || index->has_tree);
    ASSERT(index->is_unique || index->tree.count == index->table->rows.count);
    return index->is_unique ? index->table->rows.count : index->tree.key_count;
}

void index_scan_range(const Index *index, const IndexRange *range, IndexScan *ret_scan) {
    ASSERT(range->prefix_columns <= index->spec.column_count);
    ASSERT(index_is_ordered(index));
    ASSERT(range->prefix_columns < index->spec.column_count ||
           (range->lower.kind == BOUND_UNBOUNDED && range->upper.kind == BOUND_UNBOUNDED));
    Index *cache = (Index *)(uintptr_t)index;
    if (!index->has_tree) {
        btree_init(&cache->tree, &cache->spec, index_bytes_of_row, cache->table);
        cache->has_tree = true;
        index_build_tree(cache);
    }
    const uint8_t *lower = range->lower.kind == BOUND_UNBOUNDED ? NULL : range->lower.value.data;
    const uint8_t *upper = range->upper.kind == BOUND_UNBOUNDED ? NULL : range->upper.value.data;
    KeySide from_side = range->lower.kind == BOUND_EXCLUDED ? KEY_AFTER_EQUALS : KEY_BEFORE_EQUALS;
    KeySide to_side = range->upper.kind == BOUND_EXCLUDED ? KEY_BEFORE_EQUALS : KEY_AFTER_EQUALS;
    KeyBound from = key_bound_prefix(&index->spec, range->prefix.data, range->prefix_columns, lower,
                                     from_side);
    KeyBound to = key_bound_prefix(&index->spec, range->prefix.data, range->prefix_columns, upper,
                                   to_side);
    scan_between(index, &from, &to, ret_scan);
}

void index_scan_range_reverse(const Index *index, const IndexRange *range, IndexScan *ret_scan) {
    index_scan_range(index, range, ret_scan);
    if (ret_scan->state[SCAN_KIND] == SCAN_NOTHING) return;
    ASSERT(ret_scan->state[SCAN_KIND] == SCAN_TREE);
    uint64_t *state = ret_scan->state;
    uint64_t start[2] = {state[SCAN_LEAF], state[SCAN_AT]};
    state[SCAN_LEAF] = state[SCAN_END_LEAF];
    state[SCAN_AT] = state[SCAN_END_AT];
    state[SCAN_END_LEAF] = start[0];
    state[SCAN_END_AT] = start[1];
    state[SCAN_KIND] = SCAN_TREE_BACK;
}

bool index_scan_next(IndexScan *scan, Row *ret_row) {
    ASSERT(scan->index != NULL);
    ASSERT(scan->state[SCAN_KIND] <= SCAN_TREE_BACK);
    const Table *table = scan->index->table;
    if (scan->state[SCAN_KIND] == SCAN_NOTHING) return false;
    if (scan->state[SCAN_KIND] == SCAN_ONE) {
        *ret_row = table_row(table, scan->state[SCAN_ID]);
        scan->state[SCAN_KIND] = SCAN_NOTHING;
        return true;
    }
    if (scan->state[SCAN_LEAF] == scan->state[SCAN_END_LEAF] &&
        scan->state[SCAN_AT] == scan->state[SCAN_END_AT]) {
        return false;
    }
    BtreePlace place = {(const BtreeNode *)(uintptr_t)scan->state[SCAN_LEAF],
                        (uint32_t)scan->state[SCAN_AT]};
    bool is_back = scan->state[SCAN_KIND] == SCAN_TREE_BACK;
    if (is_back) place = btree_previous(&scan->index->tree, place);
    *ret_row = table_row(table, btree_entry(place).id);
    if (!is_back) place = btree_next(place);
    scan->state[SCAN_LEAF] = (uintptr_t)place.leaf;
    scan->state[SCAN_AT] = place.at;
    return true;
}

bool index_find(const Index *index, Bytes key, Row *ret_row) {
    ASSERT(key.data != NULL);
    ASSERT(index->is_unique);
    RowId id = find_key(index, key.data);
    if (id == ROW_ID_NONE) return false;
    *ret_row = (Row){id, table_bytes_of(index->table, id)};
    return true;
}

// ---- inside ----

static const uint8_t *index_bytes_of_row(const void *user, uint64_t id) {
    const Table *table = user;
    return table_bytes_of(table, id).data;
}

static uint64_t index_hash_of_row(const void *user, uint64_t id) {
    const Index *index = user;
    return key_hash_row(&index->spec, table_bytes_of(index->table, id).data);
}

static void index_build_tree(Index *index) {
    const Table *table = index->table;
    ASSERT(index->has_tree && index->tree.count == 0);
    BtreeEntry *entries = mem_alloc(sizeof(BtreeEntry) * table->rows.count);
    uint64_t count = 0;
    uint64_t at = 0;
    RowId id;
    while (rows_next(table->rows.pool.array, &at, &id)) {
        const uint8_t *row = table_bytes_of(table, id).data;
        ASSERT(count < table->rows.count);
        entries[count++] = (BtreeEntry){key_of_row(&index->spec, row), id};
    }
    btree_build(&index->tree, entries, count);
    mem_free(entries);
}

static void scan_between(const Index *index, const KeyBound *from, const KeyBound *to,
                         IndexScan *ret_scan) {
    ASSERT(from->spec == to->spec);
    const Btree *tree = &index->tree;
    ASSERT(index->has_tree);
    *ret_scan = (IndexScan){.index = index};
    ret_scan->state[SCAN_KIND] = SCAN_NOTHING;
    BtreePlace start = btree_seek(tree, from);
    if (start.leaf == NULL) return;
    // If the bounds cross, the end is not after the start: then the first row is not before the
    // end.
    BtreeEntry first = btree_entry(start);
    if (first.key > to->high) return;
    if (first.key >= to->low) {
        const uint8_t *row = index_bytes_of_row(index->table, first.id);
        if (!key_bound_is_before(to, row)) return;
    }
    BtreePlace end = btree_seek(tree, to);
    ret_scan->state[SCAN_KIND] = SCAN_TREE;
    ret_scan->state[SCAN_LEAF] = (uintptr_t)start.leaf;
    ret_scan->state[SCAN_AT] = start.at;
    ret_scan->state[SCAN_END_LEAF] = (uintptr_t)end.leaf;
    ret_scan->state[SCAN_END_AT] = end.at;
}

// ---- points ----

// Two's complement again: small numbers of either kind are small.
static uint64_t direct_key(const Index *index, uint64_t integer) {
    ASSERT(index->spec.kind == KEY_INTEGER);
    return integer ^ index->spec.integer_flip;
}

static uint64_t point_hash(const Index *index, uint64_t token) {
    ASSERT(index->is_unique);
    bool is_integer = index->spec.kind == KEY_INTEGER;
    return is_integer ? key_hash_integer(&index->spec, token) : token;
}

static void index_add_point(Index *index, RowId id, uint64_t token) {
    ASSERT(index->is_unique);
    ASSERT(id <= HASH_ID_MAX);
    bool is_integer = index->spec.kind == KEY_INTEGER;
    if (is_integer && direct_map_add(&index->direct, direct_key(index, token), id)) return;
    hash_index_insert(&index->hash, point_hash(index, token), id);
}

static RowId find_integer(const Index *index, uint64_t integer) {
    ASSERT(index->is_unique && index->spec.kind == KEY_INTEGER);
    RowId id = direct_map_find(&index->direct, direct_key(index, integer));
    if (id != DIRECT_NO_ID || index->hash.count == 0) return id;
    ProbeTarget target = {.index = index, .integer = integer};
    uint64_t hash = key_hash_integer(&index->spec, integer);
    return hash_index_find(&index->hash, hash, match_integer, &target);
}
static_assert(DIRECT_NO_ID == ROW_ID_NONE && HASH_NO_ID == ROW_ID_NONE, "what is not found");

static RowId find_key(const Index *index, const uint8_t *key) {
    if (index->spec.kind == KEY_INTEGER) {
        return find_integer(index, key_integer(&index->spec, key));
    }
    ProbeTarget target = {.index = index, .key = key};
    return hash_index_find(&index->hash, key_hash_bytes(&index->spec, key), match_key, &target);
}

static inline bool match_integer(const void *user, uint64_t id) {
    const ProbeTarget *target = user;
    const uint8_t *row = table_bytes_of(target->index->table, id).data;
    return key_integer_of_row(&target->index->spec, row) == target->integer;
}

static inline bool match_row(const void *user, uint64_t id) {
    const ProbeTarget *target = user;
    const uint8_t *row = table_bytes_of(target->index->table, id).data;
    return key_equal_rows(&target->index->spec, row, target->row);
}

static inline bool match_key(const void *user, uint64_t id) {
    const ProbeTarget *target = user;
    const uint8_t *row = table_bytes_of(target->index->table, id).data;
    return key_equal_row_bytes(&target->index->spec, row, target->key);
}

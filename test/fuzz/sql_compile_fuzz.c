// sql_compile_fuzz.c - any text as a statement, one-off query, subscription and rule, over a few
// tables of every column type; what compiles is run, in a transaction that is rolled back.
//
// The first byte says who asks and in which grammar. Tables hold one row, so that any join is
// short. A query must answer the same with and without what it says about itself: estimates,
// equalities, views. A subscription's delta must be what a small transaction made of its rows.
#include "sql/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

#define ARENA_MAX (1u << 30)

static Store *store;

typedef struct TableSpec {
    const char *name;
    const TypeField *columns;
    uint16_t column_count;
    const ColumnList *indexes;
    uint32_t index_count;  // the first one is unique
    bool is_private;
    bool is_event;
} TableSpec;

static void table_create(Tx *tx, Arena *arena, const TableSpec *spec) {
    TableSchema schema = {
        .name = bytes_of_text(spec->name), .primary_key = COLUMN_NONE, .origin = TABLE_USER};
    schema.accessor = arena_format(arena, "%s_acc", spec->name);
    schema.access = spec->is_private ? TABLE_PRIVATE : TABLE_PUBLIC;
    schema.is_event = spec->is_event;
    ColumnSchema *columns = ARENA_ARRAY(arena, ColumnSchema, spec->column_count);
    for (uint16_t i = 0; i < spec->column_count; i++) {
        columns[i] = (ColumnSchema){.name = spec->columns[i].name, .type = spec->columns[i].type};
        columns[i].accessor = columns[i].name;
    }
    schema.columns = columns;
    schema.column_count = spec->column_count;
    schema.row_type = type_product(arena, spec->columns, spec->column_count);
    IndexSchema *indexes = ARENA_ARRAY(arena, IndexSchema, spec->index_count);
    for (uint32_t i = 0; i < spec->index_count; i++) {
        indexes[i].name = arena_format(arena, "%s_%u", spec->name, i);
        indexes[i].kind = i % 3 == 2 ? INDEX_HASH : INDEX_BTREE;
        indexes[i].columns = spec->indexes[i];
    }
    schema.indexes = indexes;
    schema.index_count = spec->index_count;
    ConstraintSchema constraint = {.name = arena_format(arena, "%s_key", spec->name)};
    if (spec->index_count > 0) constraint.columns = spec->indexes[0];
    schema.constraints = &constraint;
    schema.constraint_count = spec->index_count > 0 ? 1 : 0;
    Table *table;
    Error error;
    ASSERT(tx_create_table(tx, &schema, &table, &error) == STATUS_OK);
    if (spec->is_event) return;
    Buffer row;
    buffer_init(&row, 1u << 16);
    for (uint16_t i = 0; i < spec->column_count; i++) {
        uint32_t bytes = spec->columns[i].type->fixed_bytes;
        for (uint32_t j = 0; j < (bytes == TYPE_BYTES_VARIABLE ? 4 : bytes); j++)
            buffer_u8(&row, 0);
    }
    InsertResult result;
    ASSERT(tx_insert(tx, table, buffer_bytes(&row), &result) == INSERT_ADDED);
    buffer_done(&row);
}

static void store_fill(void) {
    Arena arena;
    arena_init(&arena, ARENA_MAX);
    store = store_create();
    Tx *tx = tx_begin(store);
    TypeField all[24];
    uint16_t count = 0;
    for (TypeKind kind = TYPE_STRING; kind < TYPE_KIND_COUNT; kind++) {
        Bytes name = arena_format(&arena, "c%u", count);
        all[count++] = (TypeField){name, type_primitive(kind)};
    }
    for (TypeSpecial special = SPECIAL_IDENTITY; special <= SPECIAL_UUID; special++) {
        Bytes name = arena_format(&arena, "c%u", count);
        all[count++] = (TypeField){name, type_special(special)};
    }
    static const uint16_t FIRST[] = {0}, SECOND[] = {1}, PAIR[] = {1, 2};
    const TypeField few[3] = {
        {BYTES_LITERAL("id"), type_primitive(TYPE_U32)},
        {BYTES_LITERAL("x"), type_primitive(TYPE_U32)},
        {BYTES_LITERAL("y"), type_array(&arena, type_primitive(TYPE_U8))},
    };
    const ColumnList lists[] = {{FIRST, 1}, {SECOND, 1}, {PAIR, 2}};
    const TableSpec specs[] = {
        {"t", all, count, NULL, 0, false, false}, {"p", few, 3, lists, 3, false, false},
        {"l", few, 3, lists, 2, false, false},    {"secret", few, 3, lists, 1, true, false},
        {"ev", few, 3, lists, 1, false, true},    {"lib.items", few, 2, lists, 1, false, false},
    };
    for (uint32_t i = 0; i < sizeof specs / sizeof specs[0]; i++)
        table_create(tx, &arena, &specs[i]);
    SqlContext owner = {.store = store, .is_owner = true};
    Error error;
    TableId id;
    Bytes rule = BYTES_LITERAL("select l.* from l join p on l.id = p.id where l.x = 0 or p.x = 1");
    ASSERT(sql_check_row_level_security(&owner, rule, &id, &error) == STATUS_OK);
    ASSERT(tx_set_row_level_security(tx, id, rule, true, &error) == STATUS_OK);
    // Else nothing is estimated.
    Buffer row;
    buffer_init(&row, 100);
    buffer_string(&row, BYTES_LITERAL("row_limit"));
    buffer_u8(&row, 8);  // the tag of a u64
    buffer_u64(&row, 1000);
    InsertResult result;
    Table *variables = store_find_table(store, ST_VAR);
    ASSERT(tx_insert(tx, variables, buffer_bytes(&row), &result) == INSERT_ADDED);
    buffer_done(&row);
    tx_commit(tx);
    tx_release(tx);
    arena_done(&arena);
}

#define ROWS_MAX 1000u

static bool count_row(void *user, Bytes row) {
    (void)row;
    return ++*(uint64_t *)user < ROWS_MAX;
}

static bool count_deleted(void *user, Bytes row) {
    return count_row((uint64_t *)user + 1, row);
}

// A row of p and one of l get another value, and there is one more of each; then all is as before.
static void change_rows(Tx *tx, bool is_back) {
    static const char *const NAMES[] = {"p", "l"};
    for (uint32_t i = 0; i < 2; i++) {
        Table *table = store_find_table_by_name(store, bytes_of_text(NAMES[i]));
        tx_clear(tx, table);
        for (uint32_t id = 0; id < (is_back ? 1u : 2u); id++) {
            uint8_t row[12] = {0};  // id, x, and no bytes in y
            InsertResult result;
            store_u32le(row, id);
            store_u32le(row + 4, is_back ? 0 : 1);
            ASSERT(tx_insert(tx, table, bytes_of(row, sizeof row), &result) == INSERT_ADDED);
        }
    }
}

static void check_delta(const Query *query) {
    enum { BEFORE, AFTER, COUNTS };
    if (query_fragment_count(query) > 8) return;
    uint64_t counts[8][COUNTS] = {{0}};
    for (uint32_t i = 0; i < query_fragment_count(query); i++)
        fragment_run(query_fragment(query, i), store, count_row, &counts[i][BEFORE]);
    Tx *tx = tx_begin(store);
    change_rows(tx, false);
    const Commit *commit = tx_commit(tx);
    for (uint32_t i = 0; i < query_fragment_count(query); i++) {
        const Fragment *fragment = query_fragment(query, i);
        uint64_t *count = counts[i];
        uint64_t sides[2] = {0};
        Arena scratch;
        arena_init(&scratch, ARENA_MAX);
        DeltaRows tables[2];
        DeltaInput input = {store, tables, 0, &scratch};
        for (uint32_t k = 0; k < commit->table_count; k++) {
            const TableDelta *delta = &commit->tables[k];
            tables[input.table_count++] = (DeltaRows){delta->schema->id, delta->inserted,
                                                      delta->deleted};
        }
        // Two receivers that share `sides`: rows of either side are counted in their own.
        fragment_delta_rows(fragment, &input, count_row, count_deleted, sides);
        fragment_run(fragment, store, count_row, &count[AFTER]);
        bool is_whole = sides[0] < ROWS_MAX && sides[1] < ROWS_MAX && count[BEFORE] < ROWS_MAX &&
                        count[AFTER] < ROWS_MAX;
        if (is_whole) ASSERT(count[BEFORE] + sides[0] == count[AFTER] + sides[1]);
        arena_done(&scratch);
    }
    tx_release(tx);
    tx = tx_begin(store);
    change_rows(tx, true);
    tx_commit(tx);
    tx_release(tx);
}

static void check_query(const Query *query) {
    uint64_t rows = 0;
    query_run(query, store, count_row, &rows);
    (void)query_estimate(query, store);
    uint32_t count;
    (void)query_views(query, &count);
    for (uint32_t i = 0; i < query_fragment_count(query); i++) {
        const Fragment *fragment = query_fragment(query, i);
        const Equality *equalities = fragment_equalities(fragment, &count);
        for (uint32_t j = 0; j < count; j++) {
            const TableSchema *schema = table_schema(store_find_table(store, equalities[j].table));
            Reader reader = reader_of(equalities[j].value);
            ASSERT(bsatn_check(TYPESPACE_NONE, schema->columns[equalities[j].column].type, &reader,
                               NULL) == STATUS_OK);
            ASSERT(reader_finish(&reader));
        }
        if (query_shape(query) != QUERY_ROWS || !fragment_is_single_table(fragment)) continue;
        Table *table = store_find_table(store, fragment_table(fragment, 0));
        uint64_t found = 0, matching = 0;
        fragment_run(fragment, store, count_row, &found);
        TableScan scan = table_scan(table);
        Row row;
        while (table_scan_next(&scan, &row))
            matching += fragment_matches(fragment, row.bytes) ? 1 : 0;
        ASSERT(found == matching);
    }
}

static void check_change(const Dml *dml) {
    Error error;
    DmlStats stats;
    Tx *tx = tx_begin(store);
    (void)dml_run(dml, tx, &stats, &error);  // conflicts are answers too
    tx_rollback(tx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count == 0 || count > 4096) return 0;  // longer texts only take longer
    if (store == NULL) store_fill();
    SqlContext context = {.store = store, .is_owner = data[0] % 2 == 0};
    Bytes text = bytes_of(data + 1, count - 1);
    Error error = {0};
    Arena arena;
    arena_init(&arena, ARENA_MAX);
    const Query *query = NULL;
    Status status;
    switch (data[0] / 2 % 4) {
    case 0: {
        SqlStatement statement = {0};
        status = sql_compile(&context, text, &arena, &statement, &error);
        if (status == STATUS_OK && statement.query != NULL) check_query(statement.query);
        if (status == STATUS_OK && statement.dml != NULL) check_change(statement.dml);
        break;
    }
    case 1:
        status = sql_compile_query(&context, text, SQL_ONE_OFF, &arena, &query, &error);
        if (status == STATUS_OK) check_query(query);
        break;
    case 2:
        status = sql_compile_query(&context, text, SQL_SUBSCRIBE, &arena, &query, &error);
        if (status == STATUS_OK) check_query(query);
        if (status == STATUS_OK) check_delta(query);
        break;
    default: {
        TableId id = 0;
        status = sql_check_row_level_security(&context, text, &id, &error);
        if (status == STATUS_OK) ASSERT(store_find_table(store, id) != NULL);
        break;
    }
    }
    if (status != STATUS_OK) ASSERT(error.text[0] != 0 && error.status == status);
    arena_done(&arena);
    return 0;
}

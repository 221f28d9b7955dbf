// fixture.h - stores for the tests of sql/: the catalogue that upstream's answers were recorded
// with, and tables made on the spot.
#pragma once

#include "sql/sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FIXTURE_ARENA_MAX (1u << 30)
#define FIXTURE_DATA "test/unit/sql/data/"

static const char OWNER_HEX[] = "c2000000000000000000000000000000000000000000000000000000000000aa";
static const char CALLER_HEX[] = "c200bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static inline Identity fixture_identity(const char *hex) {
    Identity identity;
    assert_true(identity_parse(bytes_of_text(hex), &identity));
    return identity;
}

static inline SqlContext fixture_owner(Store *store) {
    return (SqlContext){.store = store, .sender = fixture_identity(OWNER_HEX), .is_owner = true};
}

static inline SqlContext fixture_caller(Store *store) {
    return (SqlContext){.store = store, .sender = fixture_identity(CALLER_HEX)};
}

static inline Bytes fixture_read(const char *path, uint8_t **ret_memory) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long count = ftell(file);
    assert_true(count >= 0);
    rewind(file);
    *ret_memory = malloc((size_t)count + 1);
    assert_int_equal(fread(*ret_memory, 1, (size_t)count, file), count);
    fclose(file);
    return bytes_of(*ret_memory, (size_t)count);
}

// A store with the tables, views and rules of data/catalogue.bsatn.
static inline Store *fixture_catalogue(void) {
    uint8_t *memory;
    Error error = {0};
    ModuleDef *def = NULL;
    Bytes bytes = fixture_read(FIXTURE_DATA "catalogue.bsatn", &memory);
    if (module_def_read(bytes, &def, &error) != STATUS_OK) fail_msg("%s", error.text);
    Store *store = store_create();
    Tx *tx = tx_begin(store);
    for (uint32_t i = 0; i < def->table_count; i++) {
        Table *table;
        if (tx_create_table(tx, &def->tables[i], &table, &error) != STATUS_OK)
            fail_msg("%s", error.text);
    }
    for (uint32_t i = 0; i < def->view_count; i++) {
        Table *table;
        if (tx_create_view(tx, &def->views[i], &table, &error) != STATUS_OK)
            fail_msg("%s", error.text);
    }
    SqlContext owner = fixture_owner(store);
    for (uint32_t i = 0; i < def->row_level_security_count; i++) {
        TableId id = 0;
        Bytes text = def->row_level_security[i];
        if (sql_check_row_level_security(&owner, text, &id, &error) != STATUS_OK)
            fail_msg("%s", error.text);
        if (tx_set_row_level_security(tx, id, text, true, &error) != STATUS_OK)
            fail_msg("%s", error.text);
    }
    tx_commit(tx);
    tx_release(tx);
    module_def_free(def);
    free(memory);
    return store;
}

// ---- tables made on the spot ----

typedef struct FixtureIndex {
    IndexKind kind;
    bool is_unique;
    uint16_t columns[4];
    uint16_t count;
} FixtureIndex;

typedef struct FixtureTable {
    const char *name;
    const TypeField *columns;
    uint16_t column_count;
    const FixtureIndex *indexes;
    uint32_t index_count;
    bool is_event;
    bool is_private;
} FixtureTable;

static inline Table *fixture_table(Store *store, const FixtureTable *of) {
    Arena arena;
    arena_init(&arena, FIXTURE_ARENA_MAX);
    TableSchema schema = {
        .name = bytes_of_text(of->name), .primary_key = COLUMN_NONE, .origin = TABLE_USER};
    schema.accessor = schema.name;
    schema.access = of->is_private ? TABLE_PRIVATE : TABLE_PUBLIC;
    schema.is_event = of->is_event;
    ColumnSchema *columns = ARENA_ARRAY(&arena, ColumnSchema, of->column_count);
    for (uint16_t i = 0; i < of->column_count; i++) {
        columns[i].name = columns[i].accessor = of->columns[i].name;
        columns[i].type = of->columns[i].type;
    }
    schema.columns = columns;
    schema.column_count = of->column_count;
    schema.row_type = type_product(&arena, of->columns, of->column_count);
    IndexSchema *indexes = ARENA_ARRAY(&arena, IndexSchema, of->index_count);
    ConstraintSchema *constraints = ARENA_ARRAY(&arena, ConstraintSchema, of->index_count);
    for (uint32_t i = 0; i < of->index_count; i++) {
        const FixtureIndex *index = &of->indexes[i];
        ColumnList list = {index->columns, index->count};
        indexes[i].name = arena_format(&arena, "%s_idx_%u", of->name, i);
        indexes[i].accessor = indexes[i].name;
        indexes[i].kind = index->kind;
        indexes[i].columns = list;
        if (!index->is_unique) continue;
        ConstraintSchema *constraint = &constraints[schema.constraint_count++];
        constraint->name = arena_format(&arena, "%s_key_%u", of->name, i);
        constraint->columns = list;
    }
    schema.indexes = indexes;
    schema.index_count = of->index_count;
    schema.constraints = constraints;
    Error error = {0};
    Table *table = NULL;
    Tx *tx = tx_begin(store);
    if (tx_create_table(tx, &schema, &table, &error) != STATUS_OK) fail_msg("%s", error.text);
    tx_commit(tx);
    tx_release(tx);
    arena_done(&arena);
    return table;
}

// ---- statements ----

// Runs INSERT, UPDATE, DELETE or SET as the owner; the error's text, or NULL.
static inline const char *fixture_change(Store *store, const char *text, DmlStats *ret_stats) {
    static Error error;
    Arena arena;
    arena_init(&arena, FIXTURE_ARENA_MAX);
    SqlContext owner = fixture_owner(store);
    SqlStatement statement = {0};
    DmlStats stats = {0};
    Status status = sql_compile(&owner, bytes_of_text(text), &arena, &statement, &error);
    if (status == STATUS_OK) {
        assert_non_null(statement.dml);
        Tx *tx = tx_begin(store);
        status = dml_run(statement.dml, tx, &stats, &error);
        if (status == STATUS_OK) {
            tx_commit(tx);
            tx_release(tx);
        } else {
            tx_rollback(tx);
        }
    }
    arena_done(&arena);
    if (ret_stats != NULL) *ret_stats = stats;
    return status == STATUS_OK ? NULL : error.text;
}

static inline void fixture_must(Store *store, const char *text) {
    const char *error = fixture_change(store, text, NULL);
    if (error != NULL) fail_msg("%s: %s", text, error);
}

typedef struct FixtureRows {
    Buffer text;
    const Type *type;
    uint32_t count;
} FixtureRows;

static inline bool fixture_take_row(void *user, Bytes row) {
    FixtureRows *rows = user;
    if (rows->count++ > 0) buffer_append_text(&rows->text, ",");
    const uint8_t *end = json_write_value(&rows->text, TYPESPACE_NONE, rows->type, row.data,
                                          JSON_UNTYPED);
    assert_ptr_equal(end, row.data + row.count);
    return true;
}

// The rows of a SELECT or SHOW as JSON, "[1,2],[3,4]", or the text of the error. Freed by the next
// call.
static inline const char *fixture_select(const SqlContext *context, const char *text) {
    static FixtureRows rows;
    Arena arena;
    Error error = {0};
    SqlStatement statement = {0};
    arena_init(&arena, FIXTURE_ARENA_MAX);
    buffer_done(&rows.text);
    buffer_init(&rows.text, 1u << 28);
    rows.count = 0;
    if (sql_compile(context, bytes_of_text(text), &arena, &statement, &error) == STATUS_OK) {
        assert_non_null(statement.query);
        rows.type = query_row_type(statement.query);
        query_run(statement.query, context->store, fixture_take_row, &rows);
    } else {
        buffer_append_text(&rows.text, error.text);
    }
    buffer_u8(&rows.text, 0);
    arena_done(&arena);
    return (const char *)rows.text.data;
}

static inline uint64_t fixture_random(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

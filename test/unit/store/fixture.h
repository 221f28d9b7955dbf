// fixture.h - shared by the tests of store/: a store, schemas made by hand, rows as BSATN.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/store.h"

#define MAKER_MAX 16u

// A table schema under construction; everything lives in the maker.
typedef struct SchemaMaker {
    Arena arena;
    TableSchema schema;
    ColumnSchema columns[MAKER_MAX];
    IndexSchema indexes[MAKER_MAX];
    ConstraintSchema constraints[MAKER_MAX];
    SequenceSchema sequences[MAKER_MAX];
} SchemaMaker;

static inline void maker_init(SchemaMaker *maker, const char *name) {
    memset(maker, 0, sizeof *maker);
    arena_init(&maker->arena, 64u << 20);
    maker->schema = (TableSchema){
        .name = bytes_of_text(name),
        .accessor = bytes_of_text(name),
        .columns = maker->columns,
        .indexes = maker->indexes,
        .constraints = maker->constraints,
        .sequences = maker->sequences,
        .primary_key = COLUMN_NONE,
        .origin = TABLE_USER,
    };
}

static inline void maker_done(SchemaMaker *maker) {
    arena_done(&maker->arena);
}

static inline void maker_column(SchemaMaker *maker, const char *name, const Type *type) {
    assert_true(maker->schema.column_count < MAKER_MAX);
    maker->columns[maker->schema.column_count++] = (ColumnSchema){
        .name = bytes_of_text(name), .accessor = bytes_of_text(name), .type = type};
}

static inline ColumnList maker_columns(SchemaMaker *maker, const char *digits) {
    uint16_t count = (uint16_t)strlen(digits);
    uint16_t *items = ARENA_ARRAY(&maker->arena, uint16_t, count);
    for (uint32_t i = 0; i < count; i++) items[i] = (uint16_t)(digits[i] - '0');
    return (ColumnList){items, count};
}

// columns: one digit a column, "02".
static inline IndexSchema *maker_index(SchemaMaker *maker, const char *name, IndexKind kind,
                                       const char *columns) {
    assert_true(maker->schema.index_count < MAKER_MAX);
    IndexSchema *index = &maker->indexes[maker->schema.index_count++];
    *index = (IndexSchema){.name = bytes_of_text(name),
                           .accessor = bytes_of_text(name),
                           .kind = kind,
                           .columns = maker_columns(maker, columns)};
    return index;
}

static inline ConstraintSchema *maker_unique(SchemaMaker *maker, const char *name,
                                             const char *columns) {
    assert_true(maker->schema.constraint_count < MAKER_MAX);
    ConstraintSchema *constraint = &maker->constraints[maker->schema.constraint_count++];
    *constraint = (ConstraintSchema){.name = bytes_of_text(name),
                                     .columns = maker_columns(maker, columns)};
    return constraint;
}

static inline SequenceSchema *maker_sequence(SchemaMaker *maker, const char *name,
                                             uint16_t column) {
    assert_true(maker->schema.sequence_count < MAKER_MAX);
    SequenceSchema *sequence = &maker->sequences[maker->schema.sequence_count++];
    *sequence = (SequenceSchema){
        .name = bytes_of_text(name),
        .column = column,
        .start = 1,
        .min = 1,
        .max = (__int128)(((unsigned __int128)1 << 127) - 1),
        .increment = 1,
        .allocated = 1,
    };
    return sequence;
}

static inline const TableSchema *maker_schema(SchemaMaker *maker) {
    TypeField *fields = ARENA_ARRAY(&maker->arena, TypeField, maker->schema.column_count);
    for (uint32_t i = 0; i < maker->schema.column_count; i++) {
        fields[i] = (TypeField){maker->columns[i].name, maker->columns[i].type};
    }
    maker->schema.row_type = type_product(&maker->arena, fields, maker->schema.column_count);
    return &maker->schema;
}

#define assert_status_ok(status, error)                          \
    do {                                                         \
        if ((status) != STATUS_OK) fail_msg("%s", (error).text); \
    } while (0)

static inline Table *create_table_in(Tx *tx, const TableSchema *schema) {
    Table *table = NULL;
    Error error = {0};
    assert_status_ok(tx_create_table(tx, schema, &table, &error), error);
    return table;
}

static inline void commit(Tx *tx) {
    (void)tx_commit(tx);
    tx_release(tx);
}

static inline Table *create_table(Store *store, const TableSchema *schema) {
    Tx *tx = tx_begin(store);
    Table *table = create_table_in(tx, schema);
    commit(tx);
    return table;
}

// (id: U32 unique, name: String), or with a plain index over name.
static inline void maker_person(SchemaMaker *maker, const char *name) {
    maker_init(maker, name);
    maker_column(maker, "id", type_primitive(TYPE_U32));
    maker_column(maker, "name", type_primitive(TYPE_STRING));
    maker_index(maker, "person_id_idx_btree", INDEX_BTREE, "0");
    maker_index(maker, "person_name_idx_btree", INDEX_BTREE, "1");
    maker_unique(maker, "person_id_key", "0");
    maker->schema.primary_key = 0;
}

// Rows in a ring: valid until sixteen more have been made.
static inline Bytes person(uint32_t id, const char *name) {
    static uint8_t rows[16][256];
    static uint32_t at;
    uint8_t *row = rows[at++ % 16];
    uint32_t count = (uint32_t)strlen(name);
    store_u32le(row, id);
    store_u32le(row + 4, count);
    memcpy(row + 8, name, count);
    return bytes_of(row, 8 + count);
}

static inline Bytes key_u32(uint32_t value) {
    static uint8_t keys[16][4];
    static uint32_t at;
    uint8_t *key = keys[at++ % 16];
    store_u32le(key, value);
    return bytes_of(key, 4);
}

static inline Bytes key_text(const char *text) {
    static uint8_t key[256];
    uint32_t count = (uint32_t)strlen(text);
    store_u32le(key, count);
    memcpy(key + 4, text, count);
    return bytes_of(key, 4 + count);
}

static inline const TableDelta *delta_of(const Commit *commit, const Table *table) {
    for (uint32_t i = 0; i < commit->table_count; i++) {
        if (commit->tables[i].table == table) return &commit->tables[i];
    }
    return NULL;
}

static inline void assert_bytes_equal(Bytes a, Bytes b) {
    assert_int_equal(a.count, b.count);
    if (a.count > 0) assert_memory_equal(a.data, b.data, a.count);
}

static inline InsertOutcome insert(Tx *tx, Table *table, Bytes row) {
    InsertResult result;
    return tx_insert(tx, table, row, &result);
}

// ---- pseudo-random numbers: splitmix64 ----

typedef struct Random {
    uint64_t state;
} Random;

static inline uint64_t random_next(Random *random) {
    uint64_t value = random->state += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

static inline uint32_t random_below(Random *random, uint32_t limit) {
    return (uint32_t)(random_next(random) >> 33) % limit;
}

// STDB_ROUNDS multiplies how much randomised tests do; STDB_SEED makes them repeat one.
static inline uint32_t test_rounds(uint32_t rounds) {
    const char *text = getenv("STDB_ROUNDS");
    return text ? rounds * (uint32_t)strtoul(text, NULL, 10) : rounds;
}

static inline uint64_t test_seed(uint64_t seed) {
    const char *text = getenv("STDB_SEED");
    return text ? strtoull(text, NULL, 10) : seed;
}

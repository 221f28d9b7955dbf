// def_builder.h - writes module descriptions of version 10 section by section, for tests.
//
// A test adds what it needs and takes the bytes, or goes straight to what comes of them: expect_def reads a good
// definition, expect_errors compares the whole text of a bad one.
//
// Threads    one.        Lifetime   builder_done frees it, the bytes too.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "schema/schema.h"

#define SECTION_COUNT 17
#define PK_NONE -1

typedef enum Section {
    SECTION_TYPESPACE,
    SECTION_TYPES,
    SECTION_TABLES,
    SECTION_REDUCERS,
    SECTION_PROCEDURES,
    SECTION_VIEWS,
    SECTION_SCHEDULES,
    SECTION_LIFECYCLES,
    SECTION_RLS,
    SECTION_POLICY,
    SECTION_EXPLICIT_NAMES,
    SECTION_HANDLERS,
    SECTION_ROUTES,
    SECTION_VIEW_KEYS,
    SECTION_SUBMODULES,
    SECTION_ENVIRONMENT,
    SECTION_OUTBOXES,
} Section;

typedef struct Builder {
    Arena arena;
    Buffer sections[SECTION_COUNT];
    uint32_t counts[SECTION_COUNT];
    int policy;  // -1: no section
    uint32_t view_indexes[2];
    Buffer bytes;
} Builder;

typedef struct IndexSpec {
    const char *name;      // NULL: none
    const char *accessor;  // NULL: none
    uint8_t kind;          // tag: BTree 0, Hash 1, Direct 2
    uint16_t columns[4];
    uint32_t count;
} IndexSpec;

typedef struct UniqueSpec {
    uint16_t columns[4];
    uint32_t count;
} UniqueSpec;

typedef struct SequenceSpec {
    const char *name;
    uint16_t column;
    int start, min, max;  // 0: none
    int increment;        // 0: 1
} SequenceSpec;

typedef struct DefaultSpec {
    uint16_t column;
    const char *value;
    uint32_t count;
} DefaultSpec;

typedef struct TableSpec {
    const char *name;
    uint32_t ref;
    uint16_t primary_key[2];
    uint32_t primary_key_count;
    IndexSpec indexes[4];
    uint32_t index_count;
    UniqueSpec uniques[4];
    uint32_t unique_count;
    SequenceSpec sequences[4];
    uint32_t sequence_count;
    DefaultSpec defaults[4];
    uint32_t default_count;
    bool is_system, is_private, is_event;
} TableSpec;

static inline void put_text(Buffer *buffer, const char *text) {
    buffer_string(buffer, bytes_of_text(text));
}

static inline void put_some(Buffer *buffer, const char *text) {
    buffer_u8(buffer, text == NULL);
    if (text) put_text(buffer, text);
}

static inline void put_i128(Buffer *buffer, int64_t value) {
    buffer_u64(buffer, (uint64_t)value);
    buffer_u64(buffer, value < 0 ? UINT64_MAX : 0);
}

static inline void put_optional_i128(Buffer *buffer, int value) {
    buffer_u8(buffer, value == 0);
    if (value != 0) put_i128(buffer, value);
}

static inline void put_columns(Buffer *buffer, const uint16_t *columns, uint32_t count) {
    buffer_u32(buffer, count);
    for (uint32_t i = 0; i < count; i++) buffer_u16(buffer, columns[i]);
}

// A ProductType: the type without its tag.
static inline void put_product(Buffer *buffer, const Type *product) {
    buffer_u32(buffer, product->field_count);
    for (uint32_t i = 0; i < product->field_count; i++) {
        Bytes name = product->fields[i].name;
        buffer_u8(buffer, name.data == NULL);
        if (name.data) buffer_string(buffer, name);
        type_write(buffer, product->fields[i].type);
    }
}

static inline void builder_init(Builder *b) {
    *b = (Builder){.policy = -1};
    arena_init(&b->arena, 256u << 20);
    for (int i = 0; i < SECTION_COUNT; i++) buffer_init(&b->sections[i], 64u << 20);
    buffer_init(&b->bytes, 64u << 20);
}

static inline void builder_done(Builder *b) {
    for (int i = 0; i < SECTION_COUNT; i++) buffer_done(&b->sections[i]);
    buffer_done(&b->bytes);
    arena_done(&b->arena);
}

static inline Buffer *section_add(Builder *b, Section section) {
    b->counts[section]++;
    return &b->sections[section];
}

// ---- types ----

static inline TypeField field(const char *name, const Type *type) {
    return (TypeField){name ? bytes_of_text(name) : BYTES_NONE, type};
}

#define PRODUCT(b, ...)                                   \
    type_product(&(b)->arena, (TypeField[]){__VA_ARGS__}, \
                 sizeof((TypeField[]){__VA_ARGS__}) / sizeof(TypeField))
#define SUM(b, ...)                                   \
    type_sum(&(b)->arena, (TypeField[]){__VA_ARGS__}, \
             sizeof((TypeField[]){__VA_ARGS__}) / sizeof(TypeField))
#define P(kind) type_primitive(TYPE_##kind)

static inline uint32_t add_anonymous(Builder *b, const Type *type) {
    type_write(section_add(b, SECTION_TYPESPACE), type);
    return b->counts[SECTION_TYPESPACE] - 1;
}

static inline void name_type(Builder *b, const char *name, uint32_t ref, bool custom_ordering) {
    Buffer *out = section_add(b, SECTION_TYPES);
    buffer_u32(out, 0);
    put_text(out, name);
    buffer_u32(out, ref);
    buffer_u8(out, custom_ordering);
}

static inline uint32_t add_type(Builder *b, const char *name, const Type *type) {
    uint32_t ref = add_anonymous(b, type);
    name_type(b, name, ref, true);
    return ref;
}

static inline const Type *ref_to(Builder *b, uint32_t ref) {
    return type_ref(&b->arena, ref);
}

// ---- tables ----

static inline void put_index(Buffer *out, const IndexSpec *index) {
    put_some(out, index->name);
    put_some(out, index->accessor);
    buffer_u8(out, index->kind);
    if (index->kind == 2) {
        buffer_u16(out, index->columns[0]);
    } else {
        put_columns(out, index->columns, index->count);
    }
}

static inline void add_table(Builder *b, TableSpec spec) {
    Buffer *out = section_add(b, SECTION_TABLES);
    put_text(out, spec.name);
    buffer_u32(out, spec.ref);
    put_columns(out, spec.primary_key, spec.primary_key_count);
    buffer_u32(out, spec.index_count);
    for (uint32_t i = 0; i < spec.index_count; i++) put_index(out, &spec.indexes[i]);
    buffer_u32(out, spec.unique_count);
    for (uint32_t i = 0; i < spec.unique_count; i++) {
        put_some(out, NULL);
        buffer_u8(out, 0);
        put_columns(out, spec.uniques[i].columns, spec.uniques[i].count);
    }
    buffer_u32(out, spec.sequence_count);
    for (uint32_t i = 0; i < spec.sequence_count; i++) {
        const SequenceSpec *sequence = &spec.sequences[i];
        put_some(out, sequence->name);
        buffer_u16(out, sequence->column);
        put_optional_i128(out, sequence->start);
        put_optional_i128(out, sequence->min);
        put_optional_i128(out, sequence->max);
        put_i128(out, sequence->increment == 0 ? 1 : sequence->increment);
    }
    buffer_u8(out, !spec.is_system);
    buffer_u8(out, spec.is_private);
    buffer_u32(out, spec.default_count);
    for (uint32_t i = 0; i < spec.default_count; i++) {
        buffer_u16(out, spec.defaults[i].column);
        buffer_string(out, bytes_of(spec.defaults[i].value, spec.defaults[i].count));
    }
    buffer_u8(out, spec.is_event);
}

// A primary key on column 0 with its constraint and btree index "NAME_key_index".
static inline TableSpec keyed_table(Builder *b, const char *name, uint32_t ref) {
    Bytes index = arena_format(&b->arena, "%s_key_index", name);
    return (TableSpec){
        .name = name,
        .ref = ref,
        .primary_key_count = 1,
        .indexes = {{.name = (const char *)index.data, .count = 1}},
        .index_count = 1,
        .uniques = {{.count = 1}},
        .unique_count = 1,
    };
}

// ---- functions ----

static inline void add_reducer_of(Builder *b, const char *name, const Type *params, const Type *ok,
                                  const Type *error) {
    Buffer *out = section_add(b, SECTION_REDUCERS);
    put_text(out, name);
    put_product(out, params);
    buffer_u8(out, 1);
    type_write(out, ok);
    type_write(out, error);
}

static inline void add_reducer(Builder *b, const char *name, const Type *params) {
    add_reducer_of(b, name, params, type_unit(), P(STRING));
}

static inline void add_procedure(Builder *b, const char *name, const Type *params,
                                 const Type *result) {
    Buffer *out = section_add(b, SECTION_PROCEDURES);
    put_text(out, name);
    put_product(out, params);
    type_write(out, result);
    buffer_u8(out, 1);
}

typedef enum ViewKind { VIEW_SENDER, VIEW_ANONYMOUS } ViewKind;

static inline void add_view(Builder *b, const char *name, ViewKind kind, const Type *params,
                            const Type *result) {
    Buffer *out = section_add(b, SECTION_VIEWS);
    put_text(out, name);
    buffer_u32(out, b->view_indexes[kind]++);
    buffer_u8(out, 1);
    buffer_u8(out, kind == VIEW_ANONYMOUS);
    put_product(out, params);
    type_write(out, result);
}

static inline const Type *query_of(Builder *b, uint32_t ref) {
    return PRODUCT(b, field("__query__", ref_to(b, ref)));
}

static inline void add_view_key(Builder *b, const char *view, const char *column,
                                const char *second) {
    Buffer *out = section_add(b, SECTION_VIEW_KEYS);
    put_text(out, view);
    buffer_u32(out, (column != NULL) + (second != NULL));
    if (column) put_text(out, column);
    if (second) put_text(out, second);
}

static inline void add_schedule(Builder *b, const char *table, uint16_t column,
                                const char *function) {
    Buffer *out = section_add(b, SECTION_SCHEDULES);
    put_some(out, "ignored");
    put_text(out, table);
    buffer_u16(out, column);
    put_text(out, function);
}

static inline void add_lifecycle(Builder *b, Lifecycle event, const char *function) {
    Buffer *out = section_add(b, SECTION_LIFECYCLES);
    buffer_u8(out, (uint8_t)event);
    put_text(out, function);
}

static inline void add_explicit(Builder *b, uint8_t kind, const char *source,
                                const char *canonical) {
    Buffer *out = section_add(b, SECTION_EXPLICIT_NAMES);
    buffer_u8(out, kind);
    put_text(out, source);
    put_text(out, canonical);
}

static inline void add_handler(Builder *b, const char *name) {
    put_text(section_add(b, SECTION_HANDLERS), name);
}

// method: tag of HttpMethod, -1 for any.
static inline void add_route(Builder *b, const char *handler, int method, const char *path) {
    Buffer *out = section_add(b, SECTION_ROUTES);
    put_text(out, handler);
    buffer_u8(out, method >= 0);
    if (method >= 0) buffer_u8(out, (uint8_t)method);
    if (method == 9) put_text(out, "PURGE");
    put_text(out, path);
}

static inline void add_rls(Builder *b, const char *sql) {
    put_text(section_add(b, SECTION_RLS), sql);
}

// A union if there are literals.
static inline void add_environment(Builder *b, const char *name, const char *const *literals,
                                   uint32_t count) {
    Buffer *out = section_add(b, SECTION_ENVIRONMENT);
    put_text(out, name);
    buffer_u8(out, literals ? 2 : 0);
    if (literals) {
        buffer_u32(out, count);
        for (uint32_t i = 0; i < count; i++) put_text(out, literals[i]);
    }
    buffer_u8(out, 0);
}

static inline void add_outbox(Builder *b, const char *table) {
    Buffer *out = section_add(b, SECTION_OUTBOXES);
    put_text(out, table);
    put_text(out, "remote");
    buffer_u16(out, 1);
    buffer_u32(out, 0);
    put_some(out, NULL);
    for (int i = 0; i < 32; i++) buffer_u8(out, 0);
}

// ---- the whole ----

static inline void put_section(const Builder *b, Buffer *out, int section) {
    buffer_u8(out, (uint8_t)section);
    buffer_u32(out, b->counts[section]);
    buffer_append_bytes(out, buffer_bytes(&b->sections[section]));
}

// RawModuleDefV10 without the tag of the version before it.
static inline void put_module(const Builder *b, Buffer *out) {
    uint32_t count = b->policy >= 0;
    for (int i = 0; i < SECTION_COUNT; i++) count += b->counts[i] > 0;
    buffer_u32(out, count);
    for (int i = 0; i < SECTION_COUNT; i++) {
        if (b->counts[i] > 0) put_section(b, out, i);
    }
    if (b->policy >= 0) {
        buffer_u8(out, SECTION_POLICY);
        buffer_u8(out, (uint8_t)b->policy);
    }
}

static inline void add_submodule(Builder *b, const char *name, const Builder *module) {
    Buffer *out = section_add(b, SECTION_SUBMODULES);
    put_text(out, name);
    put_module(module, out);
}

static inline Bytes builder_bytes(Builder *b) {
    buffer_clear(&b->bytes);
    buffer_u8(&b->bytes, 2);
    put_module(b, &b->bytes);
    assert_false(b->bytes.failed);
    return buffer_bytes(&b->bytes);
}

static inline ModuleDef *read_def(Bytes bytes) {
    ModuleDef *def = NULL;
    Error error = {0};
    Status status = module_def_read(bytes, &def, &error);
    if (status != STATUS_OK) print_message("%s\n", error.text);
    assert_int_equal(status, STATUS_OK);
    return def;
}

static inline ModuleDef *expect_def(Builder *b) {
    return read_def(builder_bytes(b));
}

// Compares with "Errors occurred:", the texts in this order, and nothing else. Frees the builder.
static inline void expect_errors_in(Builder *b, const char *const *texts, size_t count) {
    char wanted[4096] = "Errors occurred:\n";
    for (size_t i = 0; i < count; i++) {
        size_t at = strlen(wanted);
        snprintf(wanted + at, sizeof wanted - at, "%s\n\n", texts[i]);
    }
    ModuleDef *def = NULL;
    Error error = {0};
    assert_int_equal(module_def_read(builder_bytes(b), &def, &error), STATUS_INVALID);
    assert_string_equal(error.text, wanted);
    builder_done(b);
}
#define expect_errors(b, ...)                            \
    expect_errors_in((b), (const char *[]){__VA_ARGS__}, \
                     sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

static inline void assert_name(Bytes name, const char *wanted) {
    char text[512];
    snprintf(text, sizeof text, "%.*s", BYTES_FORMAT(name));
    assert_string_equal(text, wanted);
}

static inline Bytes read_file(Arena *arena, const char *path) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t *data = arena_alloc(arena, 1u << 20);
    size_t count = fread(data, 1, 1u << 20, file);
    fclose(file);
    return bytes_of(data, count);
}

// legacy_test.c - definitions of versions 9 and 8: names verbatim, and what V8 leaves to be generated.
//
// Both are written by hand here, field by field as sats.md 9.2 and 9.3 list them.
#include "def_builder.h"

// ---- version 9 ----

typedef struct V9Options {
    const char *index_name;  // NULL: generated
    const char *unique_name;
    const char *schedule_function;  // NULL: none
    const char *default_table;
    uint32_t default_count;
    int second_lifecycle;  // -1: none
    int start;
} V9Options;

static void put_v9_table(Buffer *out, const V9Options *options) {
    put_text(out, "MyTable");
    buffer_u32(out, 0);
    put_columns(out, (uint16_t[]){0}, 1);
    buffer_u32(out, 1);
    put_index(out, &(IndexSpec){.name = options->index_name, .accessor = "byId", .count = 1});
    buffer_u32(out, 1);
    put_some(out, options->unique_name);
    buffer_u8(out, 0);
    put_columns(out, (uint16_t[]){0}, 1);
    buffer_u32(out, 1);
    put_some(out, NULL);
    buffer_u16(out, 0);
    put_optional_i128(out, options->start);
    put_optional_i128(out, 0);
    put_optional_i128(out, 0);
    put_i128(out, 1);
    buffer_u8(out, options->schedule_function == NULL);
    if (options->schedule_function) {
        put_some(out, "theSchedule");
        put_text(out, options->schedule_function);
        buffer_u16(out, 1);
    }
    buffer_u8(out, 1);
    buffer_u8(out, 0);
}

static void put_v9_reducer(Buffer *out, const char *name, const Type *params, int lifecycle) {
    put_text(out, name);
    put_product(out, params);
    buffer_u8(out, lifecycle < 0);
    if (lifecycle >= 0) buffer_u8(out, (uint8_t)lifecycle);
}

static void put_v9(Builder *b, V9Options options) {
    Buffer *out = &b->bytes;
    const Type *row = PRODUCT(b, field("rowId", P(U64)),
                              field("at", type_special(SPECIAL_SCHEDULE_AT)), field("n", P(U8)));
    buffer_clear(out);
    buffer_u8(out, 1);
    buffer_u32(out, 1);  // typespace
    type_write(out, row);
    buffer_u32(out, 1);  // tables
    put_v9_table(out, &options);
    buffer_u32(out, 2);  // reducers
    put_v9_reducer(out, "runIt", PRODUCT(b, field("theRow", ref_to(b, 0))),
                   options.second_lifecycle);
    put_v9_reducer(out, "start", type_unit(), 0);
    buffer_u32(out, 1);  // types
    buffer_u32(out, 0);
    put_text(out, "my_type");
    buffer_u32(out, 0);
    buffer_u8(out, 1);
    buffer_u32(out, options.default_count + 2);  // exports
    for (uint32_t i = 0; i < options.default_count; i++) {
        buffer_u8(out, 0);
        put_text(out, options.default_table);
        buffer_u16(out, 2);
        buffer_string(out, BYTES_LITERAL("\7"));
    }
    buffer_u8(out, 1);
    put_text(out, "askIt");
    put_product(out, type_unit());
    type_write(out, P(U8));
    buffer_u8(out, 2);
    put_text(out, "theView");
    buffer_u32(out, 0);
    buffer_u8(out, 1);
    buffer_u8(out, 1);
    put_product(out, type_unit());
    type_write(out, query_of(b, 0));
    buffer_u32(out, 1);  // row-level security
    put_text(out, "SELECT * FROM MyTable");
    assert_false(out->failed);
}

static void expect_v9_error(V9Options options, const char *text) {
    Builder b;
    builder_init(&b);
    put_v9(&b, options);
    char wanted[1024];
    snprintf(wanted, sizeof wanted, "Errors occurred:\n%s\n\n", text);
    ModuleDef *def = NULL;
    Error error;
    assert_int_equal(module_def_read(buffer_bytes(&b.bytes), &def, &error), STATUS_INVALID);
    assert_string_equal(error.text, wanted);
    builder_done(&b);
}

static const V9Options V9_FINE = {.schedule_function = "runIt",
                                  .default_table = "MyTable",
                                  .default_count = 1,
                                  .second_lifecycle = -1};

static void test_v9_names(void **state) {
    (void)state;
    Builder b;
    builder_init(&b);
    put_v9(&b, V9_FINE);
    ModuleDef *def = read_def(buffer_bytes(&b.bytes));
    assert_int_equal(def->version, 9);
    const TableSchema *table = &def->tables[0];
    assert_name(table->name, "MyTable");
    assert_name(table->accessor, "MyTable");
    assert_name(table->columns[0].name, "rowId");
    assert_name(table->indexes[0].name, "MyTable_rowId_idx_btree");
    assert_name(table->indexes[0].accessor, "MyTable_rowId_idx_btree");
    assert_name(table->indexes[0].codegen_name, "byId");
    assert_name(table->constraints[0].name, "MyTable_rowId_key");
    assert_name(table->sequences[0].name, "MyTable_rowId_seq");
    assert_name(table->schedule.name, "theSchedule");
    assert_name(table->schedule.function, "runIt");
    assert_int_equal(table->columns[2].default_value.data[0], 7);
    // Everything is callable by clients in the definition.
    assert_false(module_def_find_reducer(def, BYTES_LITERAL("runIt"))->is_private);
    assert_false(module_def_find_lifecycle(def, LIFECYCLE_INIT)->is_private);
    assert_int_equal(module_def_find_procedure(def, BYTES_LITERAL("askIt"))->id, 0);
    // Views of this version have no key, not even an inherited one.
    assert_int_equal(def->views[0].primary_key, COLUMN_NONE);
    assert_name(def->types[0].name, "my_type");
    assert_false(table->is_event);
    module_def_free(def);

    V9Options named = V9_FINE;
    named.index_name = "anyName";
    named.unique_name = "uniqueName";
    put_v9(&b, named);
    def = read_def(buffer_bytes(&b.bytes));
    assert_name(def->tables[0].indexes[0].name, "anyName");
    assert_name(def->tables[0].constraints[0].name, "uniqueName");
    module_def_free(def);
    builder_done(&b);
}

static void test_v9_errors(void **state) {
    (void)state;
    V9Options options = V9_FINE;
    options.default_table = "nobody";
    expect_v9_error(options, "Table nobody not found");
    options = V9_FINE;
    options.default_count = 2;
    expect_v9_error(options, "Multiple default values for table MyTable column 2");
    options = V9_FINE;
    options.second_lifecycle = 0;
    expect_v9_error(options, "Multiple reducers defined for lifecycle event Init");
    options = V9_FINE;
    options.schedule_function = "nobody";
    expect_v9_error(options, "Schedule theSchedule refers to a scheduled reducer or procedure "
                             "nobody that does not exist");
    options = V9_FINE;
    options.unique_name = "MyTable_rowId_seq";
    expect_v9_error(options, "name `MyTable_rowId_seq` is used for multiple entities");
    options = V9_FINE;
    options.start = 10;
    expect_v9_error(
        options,
        "sequence definition `MyTable_rowId_seq` specifies unsupported option `start` with "
        "value 10, should be None");
}

// Upgrading to V10 keeps nothing but the names to compare.
static void test_v9_truncation(void **state) {
    (void)state;
    Builder b;
    builder_init(&b);
    put_v9(&b, V9_FINE);
    Bytes bytes = buffer_bytes(&b.bytes);
    for (uint32_t count = 0; count < bytes.count; count++) {
        ModuleDef *def = NULL;
        Error error;
        assert_int_equal(module_def_read(bytes_slice(bytes, 0, count), &def, &error),
                         STATUS_INVALID);
    }
    builder_done(&b);
}

// ---- version 8 ----

typedef struct V8Options {
    uint8_t flags;   // of the constraint on column 0
    bool has_index;  // a unique one on column 1, without a constraint
    bool has_second_key;
    const char *column_name;  // of column 0 in the column list
    const char *access;
} V8Options;

static void put_v8_constraint(Buffer *out, const char *name, uint8_t flags, uint16_t column) {
    put_text(out, name);
    buffer_u8(out, flags);
    put_columns(out, &column, 1);
}

static void put_v8(Builder *b, V8Options options) {
    Buffer *out = &b->bytes;
    const Type *at = type_special(SPECIAL_SCHEDULE_AT);
    buffer_clear(out);
    buffer_u8(out, 0);
    buffer_u32(out, 2);  // typespace
    type_write(out, PRODUCT(b, field("id", P(U64)), field("name", P(STRING)),
                            field("scheduled_at", ref_to(b, 1))));
    type_write(out, at);
    buffer_u32(out, 1);  // tables
    put_text(out, "Person");
    buffer_u32(out, 3);
    put_text(out, options.column_name);
    type_write(out, P(U64));
    put_text(out, "name");
    type_write(out, P(STRING));
    put_text(out, "scheduled_at");
    type_write(out, at);  // resolved, as V8 does at times
    buffer_u32(out, options.has_index);
    if (options.has_index) {
        put_text(out, "idx_name");
        buffer_u8(out, 1);
        buffer_u8(out, 0);
        put_columns(out, (uint16_t[]){1}, 1);
    }
    buffer_u32(out, 1 + options.has_second_key);
    put_v8_constraint(out, "ct_Person_id_primary_key_auto", options.flags, 0);
    if (options.has_second_key) put_v8_constraint(out, "ct_Person_name_primary_key", 13, 1);
    buffer_u32(out, 0);  // sequences
    put_text(out, "user");
    put_text(out, options.access);
    put_some(out, NULL);
    buffer_u32(out, 0);
    buffer_u32(out, 2);  // reducers
    put_text(out, "__init__");
    put_product(out, type_unit());
    put_text(out, "add");
    put_product(out, PRODUCT(b, field("x", P(U8))));
    buffer_u32(out, 1);  // exports
    buffer_u8(out, 0);
    put_text(out, "mod::inner.Person");
    buffer_u32(out, 0);
}

static const V8Options V8_FINE = {
    .flags = 15, .has_index = true, .column_name = "id", .access = "public"};

static void test_v8_lift(void **state) {
    (void)state;
    Builder b;
    builder_init(&b);
    put_v8(&b, V8_FINE);
    ModuleDef *def = read_def(buffer_bytes(&b.bytes));
    assert_int_equal(def->version, 8);
    const TableSchema *table = &def->tables[0];
    assert_name(table->name, "Person");
    assert_int_equal(table->primary_key, 0);
    assert_int_equal(table->index_count, 2);
    assert_name(table->indexes[0].name, "idx_name");
    assert_name(table->indexes[0].codegen_name, "idx_name");
    assert_name(table->indexes[1].name, "idx_Person_id_primary_key_auto_unique");
    assert_int_equal(table->constraint_count, 2);
    assert_name(table->constraints[0].name, "ct_Person_id_primary_key_auto");
    assert_name(table->constraints[1].name, "ct_Person_name_unique");
    assert_int_equal(table->sequence_count, 1);
    assert_name(table->sequences[0].name, "seq_Person_id_primary_key_auto");
    assert_name(module_def_find_lifecycle(def, LIFECYCLE_INIT)->name, "__init__");
    assert_name(def->types[0].name, "Person");
    assert_int_equal(def->types[0].scope_count, 2);
    assert_name(def->types[0].scope[1], "inner");
    Bytes bytes = buffer_bytes(&b.bytes);
    for (uint32_t count = 0; count < bytes.count; count++) {
        ModuleDef *cut = NULL;
        Error error;
        assert_int_equal(module_def_read(bytes_slice(bytes, 0, count), &cut, &error),
                         STATUS_INVALID);
    }
    module_def_free(def);
    // Only indexed: an index, and nothing else.
    V8Options indexed = V8_FINE;
    indexed.flags = 1;
    indexed.has_index = false;
    put_v8(&b, indexed);
    def = read_def(buffer_bytes(&b.bytes));
    assert_int_equal(def->tables[0].primary_key, COLUMN_NONE);
    assert_name(def->tables[0].indexes[0].name, "idx_Person_id_primary_key_auto_non_unique");
    assert_int_equal(def->tables[0].constraint_count + def->tables[0].sequence_count, 0);
    module_def_free(def);
    builder_done(&b);
}

static void expect_v8_error(V8Options options, const char *wanted) {
    Builder b;
    builder_init(&b);
    put_v8(&b, options);
    ModuleDef *def = NULL;
    Error error;
    assert_int_equal(module_def_read(buffer_bytes(&b.bytes), &def, &error), STATUS_INVALID);
    assert_string_equal(error.text, wanted);
    builder_done(&b);
}

static void test_v8_errors(void **state) {
    (void)state;
    V8Options options = V8_FINE;
    options.column_name = "other";
    expect_v8_error(options, "Errors occurred:\n"
                             "table `Person` column `other` type U64 does not match corresponding "
                             "element at position 0 in "
                             "product type `(id: U64, name: String, scheduled_at: (Interval: "
                             "(__time_duration_micros__: I64) | "
                             "Time: (__timestamp_micros_since_unix_epoch__: I64)))`\n\n");
    options = V8_FINE;
    options.has_second_key = true;
    expect_v8_error(options,
                    "Errors occurred:\ntable `Person` has multiple primary key annotations\n\n");
    options = V8_FINE;
    options.access = "secret";
    expect_v8_error(options, "table with an unknown type or access");
    options = V8_FINE;
    options.flags = 16;
    expect_v8_error(options, "constraint with unknown flags");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v9_names),      cmocka_unit_test(test_v9_errors),
        cmocka_unit_test(test_v9_truncation), cmocka_unit_test(test_v8_lift),
        cmocka_unit_test(test_v8_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

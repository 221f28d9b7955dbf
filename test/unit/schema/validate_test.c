// validate_test.c - each kind of error on a minimal bad definition, with its whole text; several at once
// in the order of sats.md 11.10; and the limits.
#include "def_builder.h"

// A module with one good type "Row" {id: U64, name: String, at: ScheduleAt}.
static uint32_t start(Builder *b) {
    builder_init(b);
    return add_type(b, "Row",
                    PRODUCT(b, field("id", P(U64)), field("name", P(STRING)),
                            field("at", type_special(SPECIAL_SCHEDULE_AT))));
}

#define TEXT_BAD_START(name, first)                                                                \
    "Identifier `" name "`'s starting character '" first "' is neither an underscore ('_') nor a " \
    "Unicode XID_start character (according to Unicode Standard Annex 31, "                        \
    "https://www.unicode.org/reports/tr31/) and cannot be used for entities in a module."

static void test_duplicate_name(void **state) {
    (void)state;
    Builder b;
    uint32_t row = start(&b);
    // The second table's index and constraint collide too, but a table of a taken name is not looked into.
    add_table(&b, keyed_table(&b, "t", row));
    add_table(&b, keyed_table(&b, "t", row));
    expect_errors(&b, "name `t` is used for multiple entities");

    // Two indexes on the same columns have the same generated name.
    row = start(&b);
    TableSpec table = keyed_table(&b, "t", row);
    table.indexes[1] = (IndexSpec){.name = "again", .count = 1};
    table.index_count = 2;
    add_table(&b, table);
    expect_errors(&b, "name `t_id_idx_btree` is used for multiple entities");

    row = start(&b);
    add_table(&b, (TableSpec){.name = "t", .ref = row});
    add_view(&b, "t", VIEW_SENDER, type_unit(), query_of(&b, row));
    expect_errors(&b, "name `t` is used for multiple entities");

    // Canonical names count like source names.
    row = start(&b);
    add_table(&b, (TableSpec){.name = "my_table", .ref = row});
    add_table(&b, (TableSpec){.name = "MyTable", .ref = row});
    expect_errors(&b, "name `my_table` is used for multiple entities");

    row = start(&b);
    Builder sub;
    builder_init(&sub);
    add_submodule(&b, "lib", &sub);
    add_submodule(&b, "lib", &sub);
    builder_done(&sub);
    expect_errors(&b, "name `lib` is used for multiple entities");
}

static void test_types(void **state) {
    (void)state;
    Builder b;
    uint32_t row = start(&b);
    name_type(&b, "row", row, true);
    expect_errors(&b, "name `Row` is used for multiple types");

    start(&b);
    name_type(&b, "Lost", 9, true);
    expect_errors(&b, "Type Lost has invalid ref: &9");

    start(&b);
    uint32_t unordered = add_anonymous(&b, PRODUCT(&b, field("b", P(U8)), field("a", P(U8))));
    name_type(&b, "Unordered", unordered, false);
    expect_errors(
        &b,
        "type `Unordered` is not annotated with a custom ordering, but uses one: (b: U8, a: U8)");

    start(&b);
    uint32_t ordered = add_anonymous(&b, PRODUCT(&b, field("a", P(U8)), field("b", P(U8))));
    name_type(&b, "Ordered", ordered, false);
    module_def_free(expect_def(&b));
    builder_done(&b);

    start(&b);
    uint32_t word = add_anonymous(&b, P(U8));
    name_type(&b, "1st", word, true);
    expect_errors(&b, "module contains invalid identifier: " TEXT_BAD_START("1St", "1"),
                  "error at typespace ref `&1`: internal codegen error: type U8 is not valid for "
                  "generating a "
                  "definition");
}

static void test_codegen(void **state) {
    (void)state;
    Builder b;
    start(&b);
    const Type *inner = PRODUCT(&b, field("x", P(U8)));
    uint32_t bad = add_anonymous(
        &b, PRODUCT(&b, field("a", inner), field(NULL, P(U8)), field("c-d", P(U8))));
    name_type(&b, "Bad", bad, true);
    expect_errors(
        &b,
        "error at typespace ref `&1`: internal codegen error: all type elements require names: "
        "(a: (x: U8), 1: U8, c-d: U8)",
        "error at typespace ref `&1`: internal codegen error: non-special product or sum type (x: "
        "U8) "
        "cannot be used to generate a client type use",
        "error at typespace ref `&1`: type (a: (x: U8), 1: U8, c-d: U8) contains identifier error "
        "Identifier `c-d` contains a character '-' that is not an XID_continue character "
        "(according to "
        "Unicode Standard Annex 31, https://www.unicode.org/reports/tr31/) and cannot be used for "
        "entities in a module.");

    // Parameters and results, by place.
    start(&b);
    const Type *pair = PRODUCT(&b, field("x", P(U8)), field("y", P(U8)));
    add_reducer(&b, "r", PRODUCT(&b, field("fine", P(U8)), field("bad", pair), field(NULL, P(U8))));
    add_procedure(&b, "p", PRODUCT(&b, field("lost", ref_to(&b, 7))), type_array(&b.arena, pair));
    expect_errors(&b,
                  "error at reducer `r` argument 1 (`bad`): internal codegen error: non-special "
                  "product or sum type "
                  "(x: U8, y: U8) cannot be used to generate a client type use",
                  "error at reducer `r` argument 2: internal codegen error: all reducer parameters "
                  "require names",
                  "error at procedure `p` argument 0 (`lost`): internal codegen error: invalid "
                  "AlgebraicTypeRef",
                  "error at procedure `p` return value: internal codegen error: non-special "
                  "product or sum type "
                  "(x: U8, y: U8) cannot be used to generate a client type use");

    // Anonymous cycles are refused, chains of Refs to something usable are not.
    start(&b);
    uint32_t first = b.counts[SECTION_TYPESPACE];
    add_anonymous(&b, ref_to(&b, first + 1));
    add_anonymous(&b, type_array(&b.arena, ref_to(&b, first)));
    add_anonymous(&b, ref_to(&b, first + 3));
    add_anonymous(&b, type_option(&b.arena, P(U8)));
    add_reducer(
        &b, "r",
        PRODUCT(&b, field("cycle", ref_to(&b, first)), field("chain", ref_to(&b, first + 2))));
    expect_errors(&b, "error at reducer `r` argument 0 (`cycle`): internal codegen error: invalid "
                      "AlgebraicTypeRef");
}

static void test_columns(void **state) {
    (void)state;
    Builder b;
    start(&b);
    uint32_t unnamed = add_anonymous(&b, PRODUCT(&b, field("a", P(U8)), field(NULL, P(U8))));
    add_table(&b, (TableSpec){.name = "t", .ref = unnamed});
    expect_errors(&b, "table `t` has unnamed column `1`, which is forbidden.");

    start(&b);
    uint32_t odd = add_anonymous(&b, PRODUCT(&b, field("_3d", P(U8)), field("_", P(U8))));
    add_table(&b, (TableSpec){.name = "t", .ref = odd});
    expect_errors(&b, "module contains invalid identifier: " TEXT_BAD_START("3_d", "3"),
                  "module contains invalid identifier: Empty identifiers are forbidden.");

    start(&b);
    uint32_t twice = add_anonymous(
        &b, PRODUCT(&b, field("a_b", P(U8)), field("x", P(U8)), field("aB", P(U8))));
    add_table(&b, (TableSpec){.name = "t", .ref = twice});
    expect_errors(&b, "def `t` has duplicate columns: [0, 2]");

    // A declared type may be recursive, a column may not.
    start(&b);
    uint32_t tree = b.counts[SECTION_TYPESPACE];
    add_type(&b, "Tree", PRODUCT(&b, field("sub", type_array(&b.arena, ref_to(&b, tree)))));
    add_table(&b, (TableSpec){.name = "t", .ref = tree});
    expect_errors(&b, "table `t` column `sub`: Found recursive type reference &1");
}

static void test_table_names(void **state) {
    (void)state;
    Builder b;
    uint32_t row = start(&b);
    add_table(&b, (TableSpec){.name = "StTable", .ref = row});
    expect_errors(&b, "Table name is reserved for system use: st_table");

    row = start(&b);
    add_table(&b, (TableSpec){.name = "StTable", .ref = row, .is_system = true});
    ModuleDef *def = expect_def(&b);
    assert_int_equal(def->tables[0].origin, TABLE_SYSTEM);
    module_def_free(def);
    builder_done(&b);

    start(&b);
    uint32_t sum = add_type(&b, "Sum", SUM(&b, field("a", type_unit())));
    add_table(&b, (TableSpec){.name = "t", .ref = sum});
    add_table(&b, (TableSpec){.name = "u", .ref = 99});
    add_view(&b, "v", VIEW_SENDER, type_unit(), query_of(&b, sum));
    expect_errors(&b, "Table t has invalid product_type_ref &1",
                  "Table u has invalid product_type_ref &99",
                  "Table v has invalid product_type_ref &1");

    row = start(&b);
    add_table(&b, (TableSpec){.name = "a.b", .ref = row});
    expect_errors(
        &b, "module contains invalid identifier: Identifier `a.b` contains a character '.' that is "
            "not an "
            "XID_continue character (according to Unicode Standard Annex 31, "
            "https://www.unicode.org/reports/tr31/) and cannot be used for entities in a module.");
}

static void test_keys(void **state) {
    (void)state;
    Builder b;
    uint32_t row = start(&b);
    TableSpec table = keyed_table(&b, "t", row);
    table.primary_key[1] = 1;
    table.primary_key_count = 2;
    add_table(&b, table);
    expect_errors(&b, "table `t` has multiple primary key annotations");

    row = start(&b);
    table = keyed_table(&b, "t", row);
    table.primary_key[0] = 1;
    add_table(&b, table);
    expect_errors(&b, "table `t` column `name` is primary key but has no unique constraint");

    row = start(&b);
    table = keyed_table(&b, "t", row);
    table.primary_key[0] = 7;
    add_table(&b, table);
    expect_errors(&b, "column `7` referenced by def t not found in table `t`");

    // Same set of columns, order does not matter; a prefix is not enough.
    row = start(&b);
    table = (TableSpec){.name = "t", .ref = row};
    table.indexes[0] = (IndexSpec){.name = "i", .columns = {1, 0}, .count = 2};
    table.index_count = 1;
    table.uniques[0] = (UniqueSpec){.columns = {0, 1}, .count = 2};
    table.unique_count = 1;
    add_table(&b, table);
    module_def_free(expect_def(&b));
    builder_done(&b);

    row = start(&b);
    table.uniques[0].count = 1;
    table.ref = row;
    add_table(&b, table);
    expect_errors(&b, "No index found to support unique constraint `t_id_key` for columns `[0]`");
}

static void test_indexes(void **state) {
    (void)state;
    Builder b;
    start(&b);
    uint32_t row = add_type(&b, "Kinds", PRODUCT(&b, field("i", P(I32)), field("u", P(U32))));
    TableSpec table = {.name = "t", .ref = row};
    table.indexes[0] = (IndexSpec){.name = "a", .kind = 2, .columns = {0}};
    table.indexes[1] = (IndexSpec){.name = "b", .columns = {1, 1}, .count = 2};
    table.indexes[2] = (IndexSpec){.name = "c", .kind = 1, .columns = {8, 1, 12}, .count = 3};
    table.indexes[3] = (IndexSpec){.name = NULL, .columns = {1}, .count = 1};
    table.index_count = 4;
    add_table(&b, table);
    expect_errors(
        &b, "column `8` referenced by def t_col_8_u_col_12_idx_hash not found in table `t`",
        "column `12` referenced by def t_col_8_u_col_12_idx_hash not found in table `t`",
        "Direct index does not support type `I32` in column `i` in index `t_i_idx_direct`",
        "def `t_u_u_idx_btree` has duplicate columns: [1, 1]",
        "table `t` has an index without a source name");

    row = start(&b);
    table = keyed_table(&b, "t", row);
    table.indexes[0].accessor = "no-name";
    add_explicit(&b, 2, "t_key_index", "no name");
    add_table(&b, table);
    expect_errors(
        &b, "module contains invalid identifier: Identifier `no name` contains a character ' ' "
            "that is not "
            "an XID_continue character (according to Unicode Standard Annex 31, "
            "https://www.unicode.org/reports/tr31/) and cannot be used for entities in a module.");

    // Simple enums are fine for a direct index, inline they are no valid use, through a Ref they are.
    start(&b);
    uint32_t color = add_type(&b, "Color",
                              SUM(&b, field("Red", type_unit()), field("Blue", type_unit())));
    uint32_t shape = add_type(&b, "Shape",
                              SUM(&b, field("Dot", type_unit()), field("Line", P(U8))));
    row = add_type(&b, "Colors",
                   PRODUCT(&b, field("c", ref_to(&b, color)), field("s", ref_to(&b, shape))));
    table = (TableSpec){.name = "t", .ref = row};
    table.indexes[0] = (IndexSpec){.name = "a", .kind = 2, .columns = {0}};
    table.indexes[1] = (IndexSpec){.name = "b", .kind = 2, .columns = {1}};
    table.index_count = 2;
    add_table(&b, table);
    expect_errors(
        &b, "Direct index does not support type `&2` in column `s` in index `t_s_idx_direct`");
}

static void test_sequences(void **state) {
    (void)state;
    Builder b;
    uint32_t row = start(&b);
    TableSpec table = {.name = "t", .ref = row};
    table.sequences[0] = (SequenceSpec){.column = 0};
    table.sequences[1] = (SequenceSpec){.name = "again", .column = 0};
    table.sequences[2] = (SequenceSpec){.column = 1};
    table.sequences[3] = (SequenceSpec){.column = 9};
    table.sequence_count = 4;
    add_table(&b, table);
    expect_errors(&b, "column `9` referenced by def t_col_9_seq not found in table `t`",
                  "Attempt to define table `t` column `id` with more than 1 auto_inc sequence",
                  "invalid sequence column type: table `t` column `name` with type `String` in "
                  "sequence `t_name_seq`");

    row = start(&b);
    table = (TableSpec){.name = "t", .ref = row};
    table.sequences[0] = (SequenceSpec){
        .column = 0, .start = 5, .min = -1, .max = 9, .increment = -2};
    table.sequence_count = 1;
    add_table(&b, table);
    expect_errors(&b,
                  "sequence definition `t_id_seq` specifies unsupported option `increment` with "
                  "value -2, should be 1",
                  "sequence definition `t_id_seq` specifies unsupported option `max_value` with "
                  "value 9, should be "
                  "None",
                  "sequence definition `t_id_seq` specifies unsupported option `min_value` with "
                  "value -1, should be "
                  "None",
                  "sequence definition `t_id_seq` specifies unsupported option `start` with value "
                  "5, should be None");
}

static void test_defaults(void **state) {
    (void)state;
    Builder b;
    uint32_t row = start(&b);
    TableSpec table = {.name = "t", .ref = row};
    table.defaults[0] = (DefaultSpec){0, "\1", 1};
    table.defaults[1] = (DefaultSpec){7, "\1", 1};
    table.default_count = 2;
    add_table(&b, table);
    expect_errors(&b, "column `7` referenced by def t not found in table `t`",
                  "Failed to deserialize default value for table t column 0: data too short for "
                  "u64: Expected 8, "
                  "given 1");
}

static void test_functions(void **state) {
    (void)state;
    Builder b;
    uint32_t row = start(&b);
    add_reducer(&b, "f", type_unit());
    add_reducer(&b, "F", type_unit());
    add_procedure(&b, "f", type_unit(), P(U8));
    add_procedure(&b, "g", type_unit(), P(U8));
    add_view(&b, "g", VIEW_SENDER, type_unit(), query_of(&b, row));
    expect_errors(&b, "Name f is used for multiple reducers, procedures and/or views",
                  "Name g is used for multiple reducers, procedures and/or views");

    start(&b);
    add_reducer_of(&b, "r", type_unit(), P(U8), P(STRING));
    add_reducer_of(&b, "s", type_unit(), type_unit(), P(U8));
    expect_errors(&b, "reducer r has invalid return type: found Result<U8, String>",
                  "reducer s has invalid return type: found Result<(), U8>");

    start(&b);
    add_reducer(&b, "_", type_unit());
    add_reducer(&b, "fine", PRODUCT(&b, field("_", P(U8))));
    expect_errors(&b, "module contains invalid identifier: Empty identifiers are forbidden.");
}

static void test_views(void **state) {
    (void)state;
    Builder b;
    uint32_t row = start(&b);
    add_view(&b, "bad_list", VIEW_SENDER, type_unit(), type_array(&b.arena, P(U32)));
    add_view(&b, "bad_option", VIEW_SENDER, type_unit(), type_option(&b.arena, P(U32)));
    add_view(&b, "bare", VIEW_SENDER, type_unit(), ref_to(&b, row));
    expect_errors(&b, "View bad_list has invalid return type Array<U32>",
                  "View bad_option has invalid return type (some: U32 | none: ())",
                  "View bare has invalid return type &0");

    row = start(&b);
    const Type *list = type_array(&b.arena, ref_to(&b, row));
    add_view(&b, "one", VIEW_SENDER, type_unit(), list);
    add_view(&b, "two", VIEW_SENDER, type_unit(), list);
    add_view(&b, "three", VIEW_SENDER, PRODUCT(&b, field("x", P(U8))), list);
    add_view_key(&b, "nobody", "id", NULL);
    add_view_key(&b, "one", "id", NULL);
    add_view_key(&b, "one", "id", NULL);
    add_view_key(&b, "two", "id", "name");
    add_view_key(&b, "three", "id", NULL);
    expect_errors(&b, "View nobody referenced by primary key definition not found",
                  "View one has multiple primary key definitions",
                  "View two has multiple primary key columns: [\"id\", \"name\"]",
                  "View three has parameters and cannot have a primary key");

    row = start(&b);
    add_view(&b, "one", VIEW_SENDER, type_unit(), type_array(&b.arena, ref_to(&b, row)));
    add_view_key(&b, "one", "nothing", NULL);
    expect_errors(&b, "Primary key column nothing for view one not found");

    row = start(&b);
    add_view(&b, "v", VIEW_SENDER, PRODUCT(&b, field("x", P(F32)), field("y", P(F64))),
             query_of(&b, row));
    expect_errors(&b, "View v has a float parameter `x`, which views can't take yet",
                  "View v has a float parameter `y`, which views can't take yet");
}

static void test_lifecycles(void **state) {
    (void)state;
    Builder b;
    start(&b);
    add_reducer(&b, "a", type_unit());
    add_reducer(&b, "b", type_unit());
    add_lifecycle(&b, LIFECYCLE_INIT, "a");
    add_lifecycle(&b, LIFECYCLE_INIT, "b");
    add_lifecycle(&b, LIFECYCLE_CONNECT, "a");
    add_lifecycle(&b, LIFECYCLE_DISCONNECT, "nobody");
    expect_errors(&b, "Multiple reducers defined for lifecycle event Init",
                  "Multiple reducers defined for lifecycle event OnConnect",
                  "lifecycle event OnDisconnect without reducer");

    start(&b);
    Builder sub;
    builder_init(&sub);
    add_reducer(&sub, "a", type_unit());
    add_lifecycle(&sub, LIFECYCLE_CONNECT, "a");
    add_submodule(&b, "lib", &sub);
    builder_done(&sub);
    expect_errors(
        &b,
        "lifecycle event OnConnect is not permitted in submodule under namespace `lib`; lifecycle "
        "reducers may only be declared in the root module");
}

static void test_schedules(void **state) {
    (void)state;
    Builder b;
    uint32_t row = start(&b);
    add_table(&b, keyed_table(&b, "fine", row));
    add_table(&b, (TableSpec){.name = "unkeyed", .ref = row});
    add_reducer(&b, "run", PRODUCT(&b, field("x", ref_to(&b, row))));
    add_schedule(&b, "fine", 1, "run");
    add_schedule(&b, "unkeyed", 2, "run");
    add_schedule(&b, "nobody", 2, "run");
    expect_errors(&b,
                  "A scheduled table must have columns `scheduled_id: u64` and `scheduled_at: "
                  "ScheduledAt`, but table "
                  "`fine` has columns (id: U64, name: String, at: (Interval: "
                  "(__time_duration_micros__: I64) | Time: "
                  "(__timestamp_micros_since_unix_epoch__: I64)))",
                  "A scheduled table must have columns `scheduled_id: u64` and `scheduled_at: "
                  "ScheduledAt`, but table "
                  "`unkeyed` has columns (id: U64, name: String, at: (Interval: "
                  "(__time_duration_micros__: I64) | "
                  "Time: (__timestamp_micros_since_unix_epoch__: I64)))",
                  "Table nobody not found");

    row = start(&b);
    add_table(&b, keyed_table(&b, "t", row));
    add_reducer(&b, "run", PRODUCT(&b, field("x", ref_to(&b, row))));
    add_schedule(&b, "t", 2, "run");
    add_schedule(&b, "t", 2, "run");
    expect_errors(&b, "name `t_sched` is used for multiple entities",
                  "table t is assigned in multiple schedules");

    row = start(&b);
    add_table(&b, keyed_table(&b, "t", row));
    add_table(&b, keyed_table(&b, "u", row));
    add_procedure(&b, "run", PRODUCT(&b, field("x", P(U8))), type_unit());
    add_schedule(&b, "t", 2, "nobody");
    add_schedule(&b, "u", 2, "run");
    expect_errors(
        &b,
        "Schedule t_sched refers to a scheduled reducer or procedure nobody that does not exist",
        "Scheduled reducer run expected to have type (0: &0), but has type (x: U8)");

    row = start(&b);
    TableSpec table = keyed_table(&b, "t", row);
    table.is_event = true;
    add_table(&b, table);
    add_reducer(&b, "run", PRODUCT(&b, field("x", ref_to(&b, row))));
    add_schedule(&b, "t", 2, "run");
    expect_errors(&b, "scheduled table t must not be an event table");
}

static void test_http(void **state) {
    (void)state;
    Builder b;
    start(&b);
    add_handler(&b, "h");
    add_handler(&b, "H");
    expect_errors(&b, "HTTP handler name h is used for multiple HTTP handlers");

    start(&b);
    add_handler(&b, "h");
    add_route(&b, "h", 0, "no-slash");
    add_route(&b, "h", 0, "/Upper");
    add_route(&b, "nobody", 0, "/x");
    expect_errors(&b,
                  "HTTP route path `/Upper` is invalid; allowed characters are ASCII lowercase "
                  "letters, digits and "
                  "`-_~/`",
                  "HTTP route path `no-slash` is invalid; allowed characters are ASCII lowercase "
                  "letters, digits and "
                  "`-_~/`",
                  "HTTP route refers to unknown HTTP handler `nobody`");

    start(&b);
    add_handler(&b, "h");
    add_route(&b, "h", 0, "/a");
    add_route(&b, "h", 0, "/a");
    add_route(&b, "h", 2, "/a");
    add_route(&b, "h", -1, "/b");
    add_route(&b, "h", 9, "/b");
    add_route(&b, "h", 9, "/c");
    add_route(&b, "h", -1, "/c");
    expect_errors(&b, "HTTP route duplicates method Method(Get) for path /a",
                  "HTTP route duplicates method Method(Extension(\"PURGE\")) for path /b",
                  "HTTP route duplicates method Any for path /c");

    // A handler may be called like a reducer.
    start(&b);
    add_reducer(&b, "h", type_unit());
    add_handler(&b, "h");
    module_def_free(expect_def(&b));
    builder_done(&b);
}

static void test_submodules(void **state) {
    (void)state;
    static const char LONG[] = "a234567890123456789012345678901234567890123456789012345678901234";
    static_assert(sizeof LONG - 1 == NAMESPACE_BYTES_MAX + 1, "one too many");
    Builder b, sub;
    start(&b);
    builder_init(&sub);
    b.policy = 0;
    add_submodule(&b, LONG, &sub);
    add_submodule(&b, "no-name", &sub);
    expect_errors(
        &b,
        "module contains invalid identifier: Identifier `no-name` contains a character '-' that is "
        "not an "
        "XID_continue character (according to Unicode Standard Annex 31, "
        "https://www.unicode.org/reports/tr31/) and cannot be used for entities in a module.",
        "submodule namespace `a234567890123456789012345678901234567890123456789012345678901234` is "
        "64 bytes, "
        "which exceeds the 63-byte limit");

    // 63 bytes work.
    start(&b);
    b.policy = 0;
    add_submodule(&b, LONG + 1 - 1, &sub);
    builder_done(&b);
    start(&b);
    b.policy = 0;
    char fits[64] = {0};
    memcpy(fits, LONG, 63);
    add_submodule(&b, fits, &sub);
    module_def_free(expect_def(&b));
    builder_done(&b);

    uint32_t row = start(&b);
    add_table(&b, (TableSpec){.name = "lib", .ref = row});
    add_reducer(&b, "auth", type_unit());
    add_submodule(&b, "lib", &sub);
    add_submodule(&b, "auth", &sub);
    builder_done(&sub);
    expect_errors(&b,
                  "naming conflict between reducer `auth` and submodule namespace `auth`; a "
                  "reducer cannot share its "
                  "accessor name with a namespace mounted in the same module",
                  "naming conflict between table `lib` and submodule namespace `lib`; a table "
                  "cannot share its "
                  "accessor name with a namespace mounted in the same module");

    start(&b);
    builder_init(&sub);
    add_environment(&sub, "KEY", NULL, 0);
    add_submodule(&b, "lib", &sub);
    builder_done(&sub);
    expect_errors(&b, "submodule `lib` cannot declare environment variables");
}

static void test_environment(void **state) {
    (void)state;
    Builder b;
    start(&b);
    static const char *const LITERALS[] = {"a"};
    add_environment(&b, "1A", NULL, 0);
    add_environment(&b, "K", NULL, 0);
    add_environment(&b, "K", NULL, 0);
    add_environment(&b, "EMPTY", LITERALS, 0);
    expect_errors(&b, "invalid name", "environment key \"EMPTY\": string union must not be empty",
                  "environment key \"K\": duplicate declaration");

    char name[ENVIRONMENT_NAME_BYTES_MAX + 2] = {0};
    memset(name, 'a', ENVIRONMENT_NAME_BYTES_MAX);
    start(&b);
    add_environment(&b, name, NULL, 0);
    module_def_free(expect_def(&b));
    builder_done(&b);
    name[ENVIRONMENT_NAME_BYTES_MAX] = 'a';
    start(&b);
    add_environment(&b, name, NULL, 0);
    expect_errors(&b, "invalid name");

    const char *many[ENVIRONMENT_LITERALS_MAX + 1];
    for (uint32_t i = 0; i <= ENVIRONMENT_LITERALS_MAX; i++) many[i] = "x";
    start(&b);
    add_environment(&b, "FITS", many, ENVIRONMENT_LITERALS_MAX);
    add_environment(&b, "MANY", many, ENVIRONMENT_LITERALS_MAX + 1);
    expect_errors(&b, "environment key \"MANY\": string union has too many entries");

    char *value = mem_alloc_zero(ENVIRONMENT_VALUE_BYTES_MAX + 2);
    memset(value, 'v', ENVIRONMENT_VALUE_BYTES_MAX);
    const char *one[] = {value};
    start(&b);
    add_environment(&b, "FITS", one, 1);
    module_def_free(expect_def(&b));
    builder_done(&b);
    value[ENVIRONMENT_VALUE_BYTES_MAX] = 'v';
    start(&b);
    add_environment(&b, "LARGE", one, 1);
    expect_errors(&b, "environment key \"LARGE\": declared literal exceeds value size limit");
    value[ENVIRONMENT_VALUE_BYTES_MAX] = 0;
    // 257 values of 8 KiB are more than 2 MiB: the last declaration goes over.
    for (uint32_t i = 0; i < ENVIRONMENT_LITERALS_MAX; i++) many[i] = value;
    start(&b);
    add_environment(&b, "ALL", many, ENVIRONMENT_LITERALS_MAX);
    expect_errors(&b, "environment key \"ALL\": declaration schema exceeds size limit");
    mem_free(value);

    for (uint32_t count = ENVIRONMENT_ITEMS_MAX; count <= ENVIRONMENT_ITEMS_MAX + 1; count++) {
        start(&b);
        for (uint32_t i = 0; i < count; i++) {
            Bytes key = arena_format(&b.arena, "K%u", i);
            add_environment(&b, (const char *)key.data, NULL, 0);
        }
        if (count > ENVIRONMENT_ITEMS_MAX) {
            expect_errors(&b, "too many declarations");
        } else {
            module_def_free(expect_def(&b));
            builder_done(&b);
        }
    }
}

static void test_outboxes(void **state) {
    (void)state;
    Builder b;
    uint32_t row = start(&b);
    add_table(&b, keyed_table(&b, "letters", row));
    add_outbox(&b, "letters");
    expect_errors(&b, "table letters is an outbox table, which this server does not support");
}

// Many at once: sorted by kind, then by fields, each once. What refers to something broken is not looked at.
static void test_order(void **state) {
    (void)state;
    Builder b;
    uint32_t row = start(&b);
    add_reducer_of(&b, "z", type_unit(), P(U8), P(U8));
    add_lifecycle(&b, LIFECYCLE_INIT, "missing");
    add_table(&b, (TableSpec){.name = "b", .ref = 70});
    add_table(&b, (TableSpec){.name = "a", .ref = 70});
    add_table(&b, (TableSpec){.name = "a", .ref = 70});
    add_schedule(&b, "nobody", 2, "run");
    TableSpec table = keyed_table(&b, "t", row);
    table.primary_key_count = 2;
    add_table(&b, table);
    name_type(&b, "Row", 0, true);
    add_outbox(&b, "a");
    expect_errors(&b, "name `Row` is used for multiple types",
                  "table `t` has multiple primary key annotations",
                  "Table a has invalid product_type_ref &70",
                  "Table b has invalid product_type_ref &70",
                  "table a is an outbox table, which this server does not support",
                  "reducer z has invalid return type: found Result<U8, U8>");
}

// ---- limits ----

// n types, each holding the one before twice: 2^n nodes when written out.
static void add_doubling(Builder *b, uint32_t count) {
    uint32_t ref = add_type(b, "D0", PRODUCT(b, field("x", type_unit())));
    for (uint32_t i = 1; i <= count; i++) {
        Bytes name = arena_format(&b->arena, "D%u", i);
        ref = add_type(b, (const char *)name.data,
                       PRODUCT(b, field("a", ref_to(b, ref)), field("b", ref_to(b, ref))));
    }
    add_reducer(b, "r", PRODUCT(b, field("x", ref_to(b, ref))));
}

static void test_type_size(void **state) {
    (void)state;
    // 3 * 2^14 - 1 nodes fit below 2^16, 3 * 2^15 - 1 do not.
    static_assert(MODULE_DEF_TYPE_NODES_MAX == 1u << 16, "the sizes below are made for this");
    Builder b;
    builder_init(&b);
    add_doubling(&b, 14);
    module_def_free(expect_def(&b));
    builder_done(&b);
    builder_init(&b);
    add_doubling(&b, 15);
    expect_errors(&b, "r is too large with all type references written out",
                  "type &15 is too large with all type references written out");
    // Sixty would be 2^60 steps.
    builder_init(&b);
    add_doubling(&b, 60);
    ModuleDef *def = NULL;
    Error error;
    assert_int_equal(module_def_read(builder_bytes(&b), &def, &error), STATUS_INVALID);
    builder_done(&b);
}

static void test_column_nodes(void **state) {
    (void)state;
    // 2^6 columns of 3 * 2^13 - 1 nodes are more than 2^20 in all.
    for (uint32_t tables = 42; tables <= 43; tables++) {
        Builder b;
        builder_init(&b);
        add_doubling(&b, 13);
        uint32_t row = add_type(&b, "Row", PRODUCT(&b, field("x", ref_to(&b, 13))));
        for (uint32_t i = 0; i < tables; i++) {
            Bytes name = arena_format(&b.arena, "t%u", i);
            add_table(&b, (TableSpec){.name = (const char *)name.data, .ref = row});
        }
        if ((uint64_t)tables * ((3u << 13) - 1) > MODULE_DEF_COLUMN_NODES_MAX) {
            expect_errors(
                &b, "the sum of all columns is too large with all type references written out");
        } else {
            module_def_free(expect_def(&b));
            builder_done(&b);
        }
    }
}

static void test_list_limit(void **state) {
    (void)state;
    for (uint32_t count = MODULE_DEF_ITEMS_MAX; count <= MODULE_DEF_ITEMS_MAX + 1; count++) {
        Builder b;
        builder_init(&b);
        for (uint32_t i = 0; i < count; i++) {
            Bytes sql = arena_format(&b.arena, "%u", i);
            add_rls(&b, (const char *)sql.data);
        }
        ModuleDef *def = NULL;
        Error error;
        Status status = module_def_read(builder_bytes(&b), &def, &error);
        if (count > MODULE_DEF_ITEMS_MAX) {
            assert_int_equal(status, STATUS_INVALID);
            assert_string_equal(error.text, "module description: a list has too many items");
        } else {
            assert_int_equal(status, STATUS_OK);
            assert_int_equal(def->row_level_security_count, count);
            module_def_free(def);
        }
        builder_done(&b);
    }
}

static void test_submodule_depth(void **state) {
    (void)state;
    Builder levels[MODULE_DEF_SUBMODULE_DEPTH_MAX + 2];
    for (uint32_t depth = MODULE_DEF_SUBMODULE_DEPTH_MAX;
         depth <= MODULE_DEF_SUBMODULE_DEPTH_MAX + 1; depth++) {
        for (uint32_t i = 0; i <= depth; i++) builder_init(&levels[i]);
        for (uint32_t i = depth; i > 0; i--) add_submodule(&levels[i - 1], "m", &levels[i]);
        ModuleDef *def = NULL;
        Error error;
        Status status = module_def_read(builder_bytes(&levels[0]), &def, &error);
        if (depth > MODULE_DEF_SUBMODULE_DEPTH_MAX) {
            assert_int_equal(status, STATUS_INVALID);
            assert_string_equal(error.text, "submodules are nested too deeply");
        } else {
            assert_int_equal(status, STATUS_OK);
            module_def_free(def);
        }
        for (uint32_t i = 0; i <= depth; i++) builder_done(&levels[i]);
    }
}

// More errors than are kept: the text is the start of the sorted list, cut.
static void test_many_errors(void **state) {
    (void)state;
    Builder b;
    builder_init(&b);
    for (uint32_t i = 0; i < 3 * MODULE_DEF_ERRORS_MAX; i++) {
        Bytes name = arena_format(&b.arena, "t%05u", i);
        add_table(&b, (TableSpec){.name = (const char *)name.data, .ref = 70});
    }
    ModuleDef *def = NULL;
    Error error;
    assert_int_equal(module_def_read(builder_bytes(&b), &def, &error), STATUS_INVALID);
    assert_int_equal(strlen(error.text), ERROR_TEXT_MAX - 1);
    assert_memory_equal(error.text, "Errors occurred:\nTable t00000 has invalid", 41);
    builder_done(&b);
}

static void test_size_limit(void **state) {
    (void)state;
    uint8_t *bytes = mem_alloc_zero((size_t)MODULE_DEF_BYTES_MAX + 1);
    bytes[0] = 2;
    ModuleDef *def = NULL;
    Error error;
    assert_int_equal(
        module_def_read(bytes_of(bytes, (size_t)MODULE_DEF_BYTES_MAX + 1), &def, &error),
        STATUS_LIMIT);
    module_def_free(read_def(bytes_of(bytes, MODULE_DEF_BYTES_MAX)));
    mem_free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duplicate_name), cmocka_unit_test(test_types),
        cmocka_unit_test(test_codegen),        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_table_names),    cmocka_unit_test(test_keys),
        cmocka_unit_test(test_indexes),        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_defaults),       cmocka_unit_test(test_functions),
        cmocka_unit_test(test_views),          cmocka_unit_test(test_lifecycles),
        cmocka_unit_test(test_schedules),      cmocka_unit_test(test_http),
        cmocka_unit_test(test_submodules),     cmocka_unit_test(test_environment),
        cmocka_unit_test(test_outboxes),       cmocka_unit_test(test_order),
        cmocka_unit_test(test_type_size),      cmocka_unit_test(test_column_nodes),
        cmocka_unit_test(test_list_limit),     cmocka_unit_test(test_submodule_depth),
        cmocka_unit_test(test_many_errors),    cmocka_unit_test(test_size_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

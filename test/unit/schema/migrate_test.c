// migrate_test.c - every row of http-api.md 8.1, the type rules of 8.2, the texts of 8.3 and 8.5.
//
// A case is a pair of definitions that differ in one thing; its plan is compared as a list of words
// ("AddIndex t t_b_idx_btree"), its refusal as text.
#include "def_builder.h"

static const char *const KIND_WORDS[] = {
    [MIGRATE_ADD_TABLE] = "AddTable",
    [MIGRATE_REMOVE_TABLE] = "RemoveTable",
    [MIGRATE_ADD_INDEX] = "AddIndex",
    [MIGRATE_REMOVE_INDEX] = "RemoveIndex",
    [MIGRATE_ADD_CONSTRAINT] = "AddConstraint",
    [MIGRATE_REMOVE_CONSTRAINT] = "RemoveConstraint",
    [MIGRATE_ADD_SEQUENCE] = "AddSequence",
    [MIGRATE_REMOVE_SEQUENCE] = "RemoveSequence",
    [MIGRATE_ADD_SCHEDULE] = "AddSchedule",
    [MIGRATE_REMOVE_SCHEDULE] = "RemoveSchedule",
    [MIGRATE_CHANGE_ACCESS] = "ChangeAccess",
    [MIGRATE_CHANGE_PRIMARY_KEY] = "ChangePrimaryKey",
    [MIGRATE_CHANGE_COLUMNS] = "ChangeColumns",
    [MIGRATE_ADD_COLUMNS] = "AddColumns",
    [MIGRATE_CHANGE_EVENT_TABLE] = "ReschemaEventTable",
    [MIGRATE_CHANGE_ACCESSOR] = "ChangeAccessor",
    [MIGRATE_ADD_VIEW] = "AddView",
    [MIGRATE_REMOVE_VIEW] = "RemoveView",
    [MIGRATE_UPDATE_VIEW] = "UpdateView",
    [MIGRATE_ADD_RLS] = "AddRls",
    [MIGRATE_REMOVE_RLS] = "RemoveRls",
};

typedef struct Pair {
    Builder from, to;
} Pair;

static void pair_init(Pair *pair) {
    builder_init(&pair->from);
    builder_init(&pair->to);
}

// "step, step" and "!" at the end if clients are disconnected. Leaves the pair alone.
static void plan_words(Pair *pair, Buffer *words, PlanStyle style, Buffer *text) {
    ModuleDef *from = expect_def(&pair->from);
    ModuleDef *to = expect_def(&pair->to);
    Arena arena;
    arena_init(&arena, 64u << 20);
    MigrationPlan plan;
    Error error = {0};
    Status status = migration_plan(from, to, &arena, &plan, &error);
    if (status != STATUS_OK) print_message("%s\n", error.text);
    assert_int_equal(status, STATUS_OK);
    for (uint32_t i = 0; i < plan.step_count; i++) {
        const MigrationStep *step = &plan.steps[i];
        buffer_append_format(words, "%s%s %.*s", i > 0 ? ", " : "", KIND_WORDS[step->kind],
                             BYTES_FORMAT(step->table));
        if (step->object.data) buffer_append_format(words, " %.*s", BYTES_FORMAT(step->object));
    }
    if (plan.breaks_clients) buffer_append_text(words, "!");
    if (text) migration_plan_write(&plan, from, to, style, text);
    arena_done(&arena);
    module_def_free(from);
    module_def_free(to);
}

static void pair_done(Pair *pair) {
    builder_done(&pair->from);
    builder_done(&pair->to);
}

// Frees the pair.
static void expect_plan(Pair *pair, const char *wanted) {
    Buffer words;
    buffer_init(&words, 1u << 16);
    plan_words(pair, &words, PLAN_NO_COLOR, NULL);
    buffer_u8(&words, 0);
    assert_string_equal((const char *)words.data, wanted);
    buffer_done(&words);
    pair_done(pair);
}

static const char HEADER[] = "━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━\n"
                             "Database Migration Plan\n"
                             "━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━\n\n";

// The text without header, frees the pair.
static void expect_text(Pair *pair, const char *wanted) {
    Buffer words, text;
    buffer_init(&words, 1u << 16);
    buffer_init(&text, 1u << 16);
    plan_words(pair, &words, PLAN_NO_COLOR, &text);
    buffer_u8(&text, 0);
    assert_memory_equal(text.data, HEADER, sizeof HEADER - 1);
    assert_string_equal((const char *)text.data + sizeof HEADER - 1, wanted);
    buffer_done(&words);
    buffer_done(&text);
    pair_done(pair);
}

static void expect_refusals_in(Pair *pair, const char *const *texts, size_t count) {
    char wanted[4096] = "Errors occurred:\n";
    for (size_t i = 0; i < count; i++) {
        size_t at = strlen(wanted);
        snprintf(wanted + at, sizeof wanted - at, "%s\n\n", texts[i]);
    }
    ModuleDef *from = expect_def(&pair->from);
    ModuleDef *to = expect_def(&pair->to);
    Arena arena;
    arena_init(&arena, 64u << 20);
    MigrationPlan plan;
    Error error = {0};
    assert_int_equal(migration_plan(from, to, &arena, &plan, &error), STATUS_CONFLICT);
    assert_string_equal(error.text, wanted);
    arena_done(&arena);
    module_def_free(from);
    module_def_free(to);
    pair_done(pair);
}
#define expect_refusals(pair, ...)                            \
    expect_refusals_in((pair), (const char *[]){__VA_ARGS__}, \
                       sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

// One table "t" {id: U64, a: U32, b: U32}, with a key.
static TableSpec plain_table(Builder *b) {
    uint32_t row = add_type(
        b, "Row", PRODUCT(b, field("id", P(U64)), field("a", P(U32)), field("b", P(U32))));
    return keyed_table(b, "t", row);
}

static void pair_of_plain(Pair *pair, TableSpec *ret_from, TableSpec *ret_to) {
    pair_init(pair);
    *ret_from = plain_table(&pair->from);
    *ret_to = plain_table(&pair->to);
}

static void test_tables(void **state) {
    (void)state;
    Pair pair;
    TableSpec from, to;
    pair_of_plain(&pair, &from, &to);
    add_table(&pair.from, from);
    add_table(&pair.to, to);
    expect_plan(&pair, "");

    pair_of_plain(&pair, &from, &to);
    add_table(&pair.to, to);
    expect_plan(&pair, "AddTable t");

    pair_of_plain(&pair, &from, &to);
    add_table(&pair.from, from);
    expect_plan(&pair, "RemoveTable t!");

    pair_of_plain(&pair, &from, &to);
    to.is_system = true;
    to.is_event = true;
    add_table(&pair.from, from);
    add_table(&pair.to, to);
    expect_refusals(
        &pair, "Changing the table type of table t from User to System requires a manual migration",
        "Changing the event flag of table t requires a manual migration");

    pair_of_plain(&pair, &from, &to);
    to.is_private = true;
    to.primary_key_count = 0;
    add_table(&pair.from, from);
    add_table(&pair.to, to);
    expect_plan(&pair, "ChangeAccess t, ChangePrimaryKey t");

    // Functions, types and lifecycles may change freely.
    pair_of_plain(&pair, &from, &to);
    add_table(&pair.from, from);
    add_table(&pair.to, to);
    add_reducer(&pair.from, "old", PRODUCT(&pair.from, field("x", P(U8))));
    add_reducer(&pair.to, "other", type_unit());
    add_lifecycle(&pair.to, LIFECYCLE_INIT, "other");
    add_type(&pair.to, "More", PRODUCT(&pair.to, field("x", P(U8))));
    expect_plan(&pair, "");
}

static void test_aliases(void **state) {
    (void)state;
    Pair pair;
    TableSpec from, to;
    pair_init(&pair);
    from = keyed_table(&pair.from, "t",
                       add_type(&pair.from, "Row", PRODUCT(&pair.from, field("aB", P(U64)))));
    to = keyed_table(&pair.to, "T",
                     add_type(&pair.to, "Row", PRODUCT(&pair.to, field("a_b", P(U64)))));
    to.indexes[0].name = "other";
    add_table(&pair.from, from);
    add_table(&pair.to, to);
    expect_text(&pair, "▸ Changed index t_a_b_idx_btree on [a_b] of table t\n"
                       "▸ Changed table accessor name for t\n"
                       "▸ Changed column accessor name for t.a_b\n");

    pair_of_plain(&pair, &from, &to);
    from.indexes[0].accessor = "by_id";
    add_table(&pair.from, from);
    add_table(&pair.to, to);
    expect_refusals(&pair, "Changing the accessor name on index t_id_idx_btree from "
                           "Some(\"by_id\") to None requires a "
                           "manual migration");
}

static void test_indexes_and_constraints(void **state) {
    (void)state;
    Pair pair;
    TableSpec from, to;
    pair_of_plain(&pair, &from, &to);
    from.indexes[1] = (IndexSpec){.name = "i", .columns = {1}, .count = 1};
    from.index_count = 2;
    to.indexes[1] = (IndexSpec){.name = "i", .columns = {2}, .count = 1};
    to.indexes[2] = (IndexSpec){.name = "j", .kind = 2, .columns = {1}};
    to.index_count = 3;
    add_table(&pair.from, from);
    add_table(&pair.to, to);
    expect_plan(&pair,
                "RemoveIndex t t_a_idx_btree, AddIndex t t_a_idx_direct, AddIndex t t_b_idx_btree");

    // One name, other columns: goes and comes.
    pair_of_plain(&pair, &from, &to);
    from.indexes[1] = (IndexSpec){.name = "i", .columns = {1}, .count = 1};
    to.indexes[1] = (IndexSpec){.name = "i", .columns = {2}, .count = 1};
    from.index_count = to.index_count = 2;
    add_explicit(&pair.from, 2, "i", "named");
    add_explicit(&pair.to, 2, "i", "named");
    add_table(&pair.from, from);
    add_table(&pair.to, to);
    expect_plan(&pair, "RemoveIndex t named, AddIndex t named");

    pair_of_plain(&pair, &from, &to);
    from.unique_count = 0;
    from.primary_key_count = 0;
    to.indexes[1] = (IndexSpec){.name = "i", .columns = {1}, .count = 1};
    to.index_count = 2;
    to.uniques[1] = (UniqueSpec){.columns = {1}, .count = 1};
    to.unique_count = 2;
    add_table(&pair.from, from);
    add_table(&pair.to, to);
    expect_plan(&pair,
                "AddIndex t t_a_idx_btree, AddConstraint t t_a_key, AddConstraint t t_id_key, "
                "ChangePrimaryKey t");

    pair_of_plain(&pair, &from, &to);
    to.unique_count = 0;
    to.primary_key_count = 0;
    add_table(&pair.from, from);
    add_table(&pair.to, to);
    expect_plan(&pair, "RemoveConstraint t t_id_key, ChangePrimaryKey t");
}

static void test_sequences_and_schedules(void **state) {
    (void)state;
    Pair pair;
    TableSpec from, to;
    pair_of_plain(&pair, &from, &to);
    from.sequences[0] = (SequenceSpec){.column = 1};
    from.sequences[1] = (SequenceSpec){.name = "same", .column = 2};
    from.sequence_count = 2;
    to.sequences[0] = (SequenceSpec){.column = 0};
    to.sequences[1] = (SequenceSpec){.name = "same", .column = 1};
    to.sequence_count = 2;
    add_table(&pair.from, from);
    add_table(&pair.to, to);
    expect_plan(&pair, "RemoveSequence t same, RemoveSequence t t_a_seq, AddSequence t same, "
                       "AddSequence t t_id_seq");

    for (int round = 0; round < 3; round++) {
        pair_init(&pair);
        Builder *sides[] = {&pair.from, &pair.to};
        for (int side = 0; side < 2; side++) {
            Builder *b = sides[side];
            uint32_t row = add_type(
                b, "Row",
                PRODUCT(b, field("id", P(U64)), field("at", type_special(SPECIAL_SCHEDULE_AT))));
            add_table(b, keyed_table(b, "t", row));
            const Type *params = PRODUCT(b, field("x", ref_to(b, row)));
            add_reducer(b, "run", params);
            if (side == 0 && round == 0) continue;
            if (round == 2 && side == 1) {
                add_procedure(b, "other", params, type_unit());
                add_schedule(b, "t", 1, "other");
            } else {
                add_schedule(b, "t", 1, "run");
            }
        }
        static const char *const WANTED[] = {"AddSchedule t t_sched", "",
                                             "RemoveSchedule t t_sched, AddSchedule t t_sched"};
        expect_plan(&pair, WANTED[round]);
    }
}

// Tables "t" with one column "c" of either type.
static void pair_of_types(Pair *pair, const Type *from, const Type *to) {
    Builder *sides[] = {&pair->from, &pair->to};
    const Type *types[] = {from, to};
    for (int side = 0; side < 2; side++) {
        Builder *b = sides[side];
        uint32_t inner = add_type(b, "Inner", types[side]);
        uint32_t row = add_type(b, "Row", PRODUCT(b, field("c", ref_to(b, inner))));
        add_table(b, (TableSpec){.name = "t", .ref = row});
    }
}

static void test_column_changes(void **state) {
    (void)state;
    Pair pair;
    Builder *a = &pair.from;
    Builder *b = &pair.to;
    pair_init(&pair);
    add_table(a, (TableSpec){.name = "t",
                             .ref = add_type(a, "Row",
                                             PRODUCT(a, field("x", P(U8)), field("y", P(U8)),
                                                     field("z", P(U8))))});
    add_table(b, (TableSpec){.name = "t",
                             .ref = add_type(b, "Row",
                                             PRODUCT(b, field("z", P(U8)), field("y", P(U16)),
                                                     field("w", P(U8))))});
    expect_refusals(
        &pair, "Removing a column x from table t requires a manual migration",
        "Changing the type of column y in table t from U8 to U16 requires a manual migration",
        "Reordering table t requires a manual migration",
        "Adding a column w to table t requires a default value annotation");

    // An event table has no rows: all of it is one step.
    pair_init(&pair);
    add_table(
        a, (TableSpec){.name = "t",
                       .ref = add_type(a, "Row", PRODUCT(a, field("x", P(U8)), field("y", P(U8)))),
                       .is_event = true});
    add_table(b, (TableSpec){.name = "t",
                             .ref = add_type(b, "Row", PRODUCT(b, field("y", P(U16)))),
                             .is_event = true});
    expect_plan(&pair, "ReschemaEventTable t!");

    pair_init(&pair);
    add_table(a,
              (TableSpec){.name = "t", .ref = add_type(a, "Row", PRODUCT(a, field("x", P(U8))))});
    TableSpec wider = {.name = "t"};
    wider.ref = add_type(b, "Row",
                         PRODUCT(b, field("x", P(U8)), field("f", P(U32)), field("s", P(STRING))));
    wider.defaults[0] = (DefaultSpec){1, "\5\0\0\0", 4};
    wider.defaults[1] = (DefaultSpec){2, "\2\0\0\0hi", 6};
    wider.default_count = 2;
    add_table(b, wider);
    expect_text(&pair,
                "▸ Created columns in table t\n"
                "    + f: U32 (default: U32(\n    5,\n))\n"
                "    + s: String (default: String(\n    \"hi\",\n))\n"
                "!!! Warning: All clients will be disconnected due to breaking schema changes\n");
}

static void test_type_changes(void **state) {
    (void)state;
    Pair pair;
    Builder *a = &pair.from;
    Builder *b = &pair.to;
    // A unit variant more keeps one byte; the first variants stay.
    pair_init(&pair);
    pair_of_types(
        &pair, SUM(a, field("A", type_unit()), field("B", type_unit())),
        SUM(b, field("A", type_unit()), field("B", type_unit()), field("C", type_unit())));
    expect_text(&pair, "▸ Changed columns for table t\n");

    pair_init(&pair);
    pair_of_types(&pair, SUM(a, field("A", type_unit()), field("B", type_unit())),
                  SUM(b, field("A", type_unit())));
    expect_refusals(
        &pair,
        "Changing the type of column c in table t from (a: () | b: ()) to (a: ()), with fewer "
        "variants, requires a manual migration");

    pair_init(&pair);
    pair_of_types(&pair, SUM(a, field("A", type_unit())), SUM(b, field("B", type_unit())));
    expect_refusals(
        &pair,
        "Changing the type of column c in table t from (a: ()) to (b: ()), with a renamed variant, "
        "requires a manual migration");

    // A larger payload changes size and alignment.
    pair_init(&pair);
    pair_of_types(&pair, SUM(a, field("A", type_unit())),
                  SUM(b, field("A", type_unit()), field("B", P(U64))));
    expect_refusals(&pair,
                    "Changing the type of column c in table t from (a: ()) to (a: () | b: U64), "
                    "requires a manual "
                    "migration, due to size mismatch",
                    "Changing the type of column c in table t from (a: ()) to (a: () | b: U64), "
                    "requires a manual "
                    "migration, due to alignment mismatch");

    pair_init(&pair);
    pair_of_types(&pair, PRODUCT(a, field("x", P(U8)), field("y", P(U8))),
                  PRODUCT(b, field("x", P(U8)), field("z", P(U8)), field("w", P(U8))));
    expect_refusals(&pair,
                    "Changing the type of column c in table t from (x: U8, y: U8) to (x: U8, z: "
                    "U8, w: U8), with fewer "
                    "fields, requires a manual migration",
                    "Changing the type of column c in table t from (x: U8, y: U8) to (x: U8, z: "
                    "U8, w: U8), with a "
                    "renamed field, requires a manual migration");
}

// Below the top level the texts say "a type within", except that of a renamed variant.
static void test_nested_type_changes(void **state) {
    (void)state;
    Pair pair;
    pair_init(&pair);
    Builder *sides[] = {&pair.from, &pair.to};
    for (int side = 0; side < 2; side++) {
        Builder *b = sides[side];
        uint32_t sum = side == 0 ? add_type(b, "S", SUM(b, field("A", P(U8)), field("B", P(U8))))
                                 : add_type(b, "S", SUM(b, field("X", P(U16))));
        uint32_t inner = add_type(b, "Inner",
                                  PRODUCT(b, field(side == 0 ? "p" : "q", ref_to(b, sum))));
        uint32_t row = add_type(b, "Row",
                                PRODUCT(b, field("c", type_array(&b->arena, ref_to(b, inner)))));
        add_table(b, (TableSpec){.name = "t", .ref = row});
    }
    expect_refusals(
        &pair,
        "Changing a type within column c in table t from (a: U8 | b: U8) to (x: U16), with fewer "
        "variants, "
        "requires a manual migration",
        "Changing a type within column c in table t from U8 to U16 requires a manual migration",
        "Changing the type of column c in table t from (a: U8 | b: U8) to (x: U16), with a renamed "
        "variant, requires a manual migration",
        "Changing a type within column c in table t from (a: U8 | b: U8) to (x: U16), requires a "
        "manual "
        "migration, due to size mismatch",
        "Changing a type within column c in table t from (a: U8 | b: U8) to (x: U16), requires a "
        "manual "
        "migration, due to alignment mismatch",
        "Changing a type within column c in table t from (p: (a: U8 | b: U8)) to (q: (x: U16)), "
        "with a "
        "renamed field, requires a manual migration");
}

// What is written about a column's type when it differs on its face: here a Ref to an equal type.
static void test_modified_line(void **state) {
    (void)state;
    Pair pair;
    pair_init(&pair);
    Builder *sides[] = {&pair.from, &pair.to};
    for (int side = 0; side < 2; side++) {
        Builder *b = sides[side];
        if (side == 1) add_type(b, "Shift", PRODUCT(b, field("x", P(U8))));
        uint32_t sum = side == 0
                           ? add_type(b, "S", SUM(b, field("A", type_unit())))
                           : add_type(b, "S",
                                      SUM(b, field("A", type_unit()), field("B", type_unit())));
        uint32_t row = add_type(b, "Row",
                                PRODUCT(b, field("c", type_array(&b->arena, ref_to(b, sum)))));
        add_table(b, (TableSpec){.name = "t", .ref = row});
    }
    expect_text(&pair, "▸ Changed columns for table t\n"
                       "    ~ Modified: c (Array<(a: ())> → Array<(a: () | b: ())>)\n");
}

typedef enum ViewDifference {
    VIEW_SAME,
    VIEW_OTHER_KIND,
    VIEW_OTHER_COLUMN_NAME,
    VIEW_OTHER_COLUMN_TYPE,
    VIEW_MORE_COLUMNS,
    VIEW_OTHER_PARAM,
    VIEW_OTHER_KEY,
    VIEW_DIFFERENCE_COUNT,
} ViewDifference;

static void test_views(void **state) {
    (void)state;
    for (int difference = 0; difference < VIEW_DIFFERENCE_COUNT; difference++) {
        Pair pair;
        pair_init(&pair);
        Builder *sides[] = {&pair.from, &pair.to};
        for (int side = 0; side < 2; side++) {
            Builder *b = sides[side];
            int differs = side == 1 ? difference : VIEW_SAME;
            TypeField fields[] = {field(differs == VIEW_OTHER_COLUMN_NAME ? "y" : "x", P(U32)),
                                  field("s", P(U8))};
            if (differs == VIEW_OTHER_COLUMN_TYPE) fields[0].type = P(I32);
            uint32_t row = add_type(
                b, "Row", type_product(&b->arena, fields, differs == VIEW_MORE_COLUMNS ? 2 : 1));
            ViewKind kind = differs == VIEW_OTHER_KIND ? VIEW_SENDER : VIEW_ANONYMOUS;
            const Type *params = difference == VIEW_OTHER_PARAM
                                     ? PRODUCT(b, field("p", side == 1 ? P(U16) : P(U8)))
                                     : type_unit();
            add_view(b, "v", kind, params, type_option(&b->arena, ref_to(b, row)));
            if (differs == VIEW_OTHER_KEY) add_view_key(b, "v", "x", NULL);
        }
        expect_plan(&pair, difference == VIEW_SAME ? "UpdateView v" : "RemoveView v, AddView v!");
    }
    Pair pair;
    pair_init(&pair);
    uint32_t row = add_type(&pair.to, "Row", PRODUCT(&pair.to, field("x", P(U8))));
    add_view(&pair.to, "v", VIEW_SENDER, PRODUCT(&pair.to, field("someArg", P(U8))),
             query_of(&pair.to, row));
    expect_text(&pair, "▸ ▸ Created view: v\n"
                       "    Parameters:\n"
                       "        • some_arg: U8\n"
                       "    Columns:\n"
                       "        • x: U8\n"
                       "\n");
    pair_init(&pair);
    row = add_type(&pair.from, "Row", PRODUCT(&pair.from, field("x", P(U8))));
    add_view(&pair.from, "v", VIEW_ANONYMOUS, type_unit(), query_of(&pair.from, row));
    expect_text(&pair,
                "▸ ▸ Removed anonymous view: v\n"
                "    Columns:\n"
                "        • x: U8\n"
                "\n"
                "!!! Warning: All clients will be disconnected due to breaking schema changes\n");
}

// is_public is one byte behind the name and the number.
static void test_view_access(void **state) {
    (void)state;
    Pair pair;
    pair_init(&pair);
    Builder *sides[] = {&pair.from, &pair.to};
    for (int side = 0; side < 2; side++) {
        Builder *b = sides[side];
        uint32_t row = add_type(b, "Row", PRODUCT(b, field("x", P(U8))));
        add_view(b, "v", VIEW_SENDER, type_unit(), query_of(b, row));
    }
    pair.to.sections[SECTION_VIEWS].data[4 + 1 + 4] = 0;
    expect_text(&pair, "▸ Changed access for table v (public → private)\n");
}

static void test_row_level_security(void **state) {
    (void)state;
    Pair pair;
    pair_init(&pair);
    add_rls(&pair.from, "SELECT b");
    add_rls(&pair.from, "SELECT a");
    add_rls(&pair.to, "SELECT a");
    add_rls(&pair.to, "SELECT b");
    expect_plan(&pair,
                "RemoveRls  SELECT a, RemoveRls  SELECT b, AddRls  SELECT a, AddRls  SELECT b");

    pair_init(&pair);
    add_rls(&pair.from, "SELECT a");
    add_rls(&pair.to, "SELECT a");
    add_rls(&pair.to, "SELECT b");
    expect_text(&pair,
                "▸ Created row level security policy:\n    `SELECT b`\n"
                "!!! Warning: All clients will be disconnected due to breaking schema changes\n");

    pair_init(&pair);
    add_rls(&pair.from, "SELECT a");
    expect_plan(&pair, "RemoveRls  SELECT a!");
}

// Root before submodules, and each by name; objects of submodules are shown without their namespace.
static void test_namespaces(void **state) {
    (void)state;
    Pair pair;
    Builder sub;
    pair_init(&pair);
    builder_init(&sub);
    add_table(&sub, plain_table(&sub));
    add_submodule(&pair.to, "aLib", &sub);
    builder_done(&sub);
    TableSpec table = plain_table(&pair.to);
    table.name = "z";
    table.indexes[0].name = "z_index";
    add_table(&pair.to, table);
    expect_text(&pair, "▸ Created user table: z (public)\n"
                       "    Columns:\n        • id: U64\n        • a: U32\n        • b: U32\n"
                       "    Unique constraints:\n        • z_id_key on [id]\n"
                       "    Indexes:\n        • z_id_idx_btree on [id]\n"
                       "\n"
                       "▸ Created user table: a_lib.t (public)\n"
                       "    Columns:\n        • id: U64\n        • a: U32\n        • b: U32\n"
                       "    Unique constraints:\n        • t_id_key on [id]\n"
                       "    Indexes:\n        • t_id_idx_btree on [id]\n"
                       "\n");
}

// One plan with a step of nearly every kind, in the order of 8.4.
static void test_whole_text(void **state) {
    (void)state;
    Pair pair;
    pair_init(&pair);
    Builder *sides[] = {&pair.from, &pair.to};
    for (int side = 0; side < 2; side++) {
        Builder *b = sides[side];
        uint32_t timer = add_type(
            b, "Timer",
            PRODUCT(b, field("id", P(U64)), field("at", type_special(SPECIAL_SCHEDULE_AT))));
        uint32_t row = add_type(b, "Row", PRODUCT(b, field("id", P(U64)), field("n", P(U32))));
        add_reducer(b, "run", PRODUCT(b, field("x", ref_to(b, timer))));
        TableSpec changed = keyed_table(b, "changed", row);
        changed.indexes[1] = (IndexSpec){
            .name = "by", .kind = side == 0 ? 0 : 1, .columns = {1, 0}, .count = 2};
        changed.index_count = 2;
        changed.is_private = side == 1;
        changed.sequences[0] = (SequenceSpec){.column = side == 0 ? 0 : 1};
        changed.sequence_count = 1;
        if (side == 1) changed.primary_key_count = changed.unique_count = 0;
        add_table(b, changed);
        add_table(b, keyed_table(b, "timer", timer));
        if (side == 0) add_schedule(b, "timer", 1, "run");
        TableSpec own = keyed_table(b, side == 0 ? "gone" : "new", timer);
        own.sequences[0] = (SequenceSpec){.column = 0};
        own.sequence_count = 1;
        add_table(b, own);
        if (side == 1) add_schedule(b, "new", 1, "run");
        add_rls(b, side == 0 ? "SELECT 0" : "SELECT 1");
    }
    expect_text(&pair,
                "▸ Removed index changed_n_id_idx_btree on [n, id] of table changed\n"
                "▸ Removed unique constraint changed_id_key on [id] of table changed\n"
                "▸ Removed auto-increment constraint changed_id_seq on column id of table changed\n"
                "▸ Removed schedule for table timer calling reducer run\n"
                "▸ Removed row level security policy:\n    `SELECT 0`\n"
                "▸ Removed table: gone\n"
                "\n"
                "▸ Created user table: new (public)\n"
                "    Columns:\n"
                "        • id: U64\n"
                "        • at: (Interval: (__time_duration_micros__: I64) | Time: "
                "(__timestamp_micros_since_unix_epoch__: I64))\n"
                "    Unique constraints:\n        • new_id_key on [id]\n"
                "    Indexes:\n        • new_id_idx_btree on [id]\n"
                "    Auto-increment constraints:\n        • new_id_seq on id\n"
                "    Schedule:\n        • Calls reducer: run\n"
                "\n"
                "▸ Created index changed_n_id_idx_hash on [n, id] of table changed\n"
                "▸ Created auto-increment constraint changed_n_seq on column n of table changed\n"
                "▸ Created row level security policy:\n    `SELECT 1`\n"
                "▸ Changed access for table changed (public → private)\n"
                "▸ Changed primary key on table changed (removed)\n"
                "!!! Warning: All clients will be disconnected due to breaking schema changes\n");
}

static void test_color(void **state) {
    (void)state;
    Pair pair;
    TableSpec from, to;
    pair_of_plain(&pair, &from, &to);
    add_table(&pair.from, from);
    to.is_private = true;
    to.primary_key_count = 0;
    add_table(&pair.to, to);
    add_rls(&pair.to, "SELECT 1");
    Buffer words, text;
    buffer_init(&words, 1u << 16);
    buffer_init(&text, 1u << 16);
    plan_words(&pair, &words, PLAN_COLOR, &text);
    buffer_u8(&text, 0);
    static const char LINE[] = "━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━\n";
    char wanted[2048];
    snprintf(
        wanted, sizeof wanted,
        "%s\x1b[0m\x1b[1m\x1b[34mDatabase Migration Plan\x1b[0m\n%s\n"
        "▸ \x1b[0m\x1b[1m\x1b[32mCreated\x1b[0m row level security policy:\n"
        "    `\x1b[0m\x1b[34mSELECT 1\x1b[0m`\n"
        "▸ \x1b[0m\x1b[1m\x1b[33mChanged\x1b[0m access for table \x1b[0m\x1b[1m\x1b[36mt\x1b[0m "
        "(\x1b[0m\x1b[32mpublic → private\x1b[0m)\n"
        "▸ \x1b[0m\x1b[1m\x1b[33mChanged\x1b[0m primary key on table "
        "\x1b[0m\x1b[1m\x1b[36mt\x1b[0m (removed)\n"
        "\x1b[0m\x1b[1m\x1b[41m!!! Warning: All clients will be disconnected due to breaking "
        "schema changes"
        "\x1b[0m\n",
        LINE, LINE);
    assert_string_equal((const char *)text.data, wanted);
    buffer_done(&words);
    buffer_done(&text);
    pair_done(&pair);
}

// The golden module to itself: upstream's answer is the bare header.
static void test_golden_plan(void **state) {
    (void)state;
    Arena arena;
    arena_init(&arena, 8u << 20);
    ModuleDef *def = read_def(read_file(&arena, "test/unit/schema/data/kinds.bsatn"));
    MigrationPlan plan;
    Error error;
    Buffer text;
    buffer_init(&text, 1u << 16);
    assert_int_equal(migration_plan(def, def, &arena, &plan, &error), STATUS_OK);
    migration_plan_write(&plan, def, def, PLAN_NO_COLOR, &text);
    buffer_u8(&text, 0);
    assert_string_equal((const char *)text.data, HEADER);
    assert_false(plan.breaks_clients);
    assert_int_equal(plan.step_count, 5);  // the rule out and in, three views updated
    buffer_done(&text);
    module_def_free(def);
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_indexes_and_constraints),
        cmocka_unit_test(test_sequences_and_schedules),
        cmocka_unit_test(test_column_changes),
        cmocka_unit_test(test_type_changes),
        cmocka_unit_test(test_nested_type_changes),
        cmocka_unit_test(test_modified_line),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_view_access),
        cmocka_unit_test(test_row_level_security),
        cmocka_unit_test(test_namespaces),
        cmocka_unit_test(test_whole_text),
        cmocka_unit_test(test_color),
        cmocka_unit_test(test_golden_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

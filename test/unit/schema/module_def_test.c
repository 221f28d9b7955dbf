// module_def_test.c - reading good definitions: names, numbers, visibility, views, submodules, export.
//
// The worked example of sats.md 9.5 byte by byte, the golden module against an unmodified server's
// answer, and small definitions for each sentence of sats.md 9.4, 11.8, 12 and 13.
#include "def_builder.h"

static const char EXAMPLE[] =
    "0206000000000100000002020000000002000000696"
    "40b00040000006e616d6504"
    "01010000000000000006000000506572736f6e0000000001"
    "020100000006000000706572736f6e00000000010000000000"
    "01000000001300000070657273"
    "6f6e5f69645f6964785f62747265650002000000696400010000000000"
    "01000000010001000000000001000000010000010101010000000000000000000000000000000101"
    "0000000000"
    "03010000000300000061646401000000000400"
    "00006e616d65040102000000000409010a00000000";

static ModuleDef *read_example(uint8_t bytes[209]) {
    assert_true(hex_decode(bytes_of_text(EXAMPLE), bytes, 209));
    return read_def(bytes_of(bytes, 209));
}

static void assert_json(void (*write)(const ModuleDef *, Buffer *), const ModuleDef *def,
                        const char *wanted) {
    Buffer buffer;
    buffer_init(&buffer, 1u << 20);
    write(def, &buffer);
    buffer_u8(&buffer, 0);
    assert_false(buffer.failed);
    assert_string_equal((const char *)buffer.data, wanted);
    buffer_done(&buffer);
}

static bool json_contains(void (*write)(const ModuleDef *, Buffer *), const ModuleDef *def,
                          const char *part) {
    Buffer buffer;
    buffer_init(&buffer, 1u << 20);
    write(def, &buffer);
    buffer_u8(&buffer, 0);
    bool contains = strstr((const char *)buffer.data, part) != NULL;
    if (!contains) print_message("%s\n", (const char *)buffer.data);
    buffer_done(&buffer);
    return contains;
}

static void test_example(void **state) {
    (void)state;
    uint8_t bytes[209];
    ModuleDef *def = read_example(bytes);
    assert_int_equal(def->version, 10);
    assert_int_equal(def->table_count, 1);
    const TableSchema *table = &def->tables[0];
    assert_name(table->name, "person");
    assert_name(table->accessor, "person");
    assert_int_equal(table->access, TABLE_PRIVATE);
    assert_int_equal(table->origin, TABLE_USER);
    assert_int_equal(table->primary_key, 0);
    assert_int_equal(table->column_count, 2);
    assert_int_equal(table->row_type->kind, TYPE_PRODUCT);
    assert_false(table->has_schedule);
    assert_name(table->indexes[0].name, "person_id_idx_btree");
    assert_name(table->indexes[0].accessor, "person_id_idx_btree");
    assert_name(table->indexes[0].codegen_name, "id");
    assert_true(table_schema_index_is_unique(table, &table->indexes[0]));
    assert_name(table->constraints[0].name, "person_id_key");
    assert_name(table->sequences[0].name, "person_id_seq");
    assert_true(table->sequences[0].start == 1 && table->sequences[0].min == 1);
    assert_true(table->sequences[0].max == (__int128)(((unsigned __int128)1 << 127) - 1));
    assert_int_equal(def->reducer_count, 1);
    assert_name(def->reducers[0].name, "add");
    assert_false(def->reducers[0].is_private);
    assert_int_equal(def->types[0].ref, 0);
    assert_name(def->types[0].name, "Person");
    assert_json(
        module_def_write_json_v10, def,
        "{\"sections\":[{\"CaseConversionPolicy\":{\"None\":[]}},"
        "{\"Typespace\":{\"types\":[{\"Product\":{\"elements\":[{\"name\":{\"some\":\"id\"},"
        "\"algebraic_type\":{\"U32\":[]}},{\"name\":{\"some\":\"name\"},\"algebraic_type\":{"
        "\"String\":[]}}]}}]}},"
        "{\"Types\":[{\"source_name\":{\"scope\":[],\"source_name\":\"Person\"},\"ty\":0,"
        "\"custom_ordering\":true}]},"
        "{\"Tables\":[{\"source_name\":\"person\",\"product_type_ref\":0,\"primary_key\":[0],"
        "\"indexes\":[{\"source_name\":{\"some\":\"person_id_idx_btree\"},\"accessor_name\":{"
        "\"some\":\"id\"},"
        "\"algorithm\":{\"BTree\":[0]}}],"
        "\"constraints\":[{\"source_name\":{\"some\":\"person_id_key\"},\"data\":{\"Unique\":{"
        "\"columns\":[0]}}}],"
        "\"sequences\":[{\"source_name\":{\"some\":\"person_id_seq\"},\"column\":0,\"start\":{"
        "\"none\":[]},"
        "\"min_value\":{\"none\":[]},\"max_value\":{\"none\":[]},\"increment\":1}],"
        "\"table_type\":{\"User\":[]},\"table_access\":{\"Private\":[]},\"default_values\":[],"
        "\"is_event\":false}]},"
        "{\"Reducers\":[{\"source_name\":\"add\",\"params\":{\"elements\":[{\"name\":{\"some\":"
        "\"name\"},"
        "\"algebraic_type\":{\"String\":[]}}]},\"visibility\":{\"ClientCallable\":[]},"
        "\"ok_return_type\":{\"Product\":{\"elements\":[]}},\"err_return_type\":{\"String\":[]}}]},"
        "{\"ExplicitNames\":{\"entries\":[{\"Table\":{\"source_name\":\"person\",\"canonical_"
        "name\":\"person\"}},"
        "{\"Function\":{\"source_name\":\"add\",\"canonical_name\":\"add\"}}]}}]}");
    module_def_free(def);
}

// Cut at every byte: an error each time, and never the same as success.
static void test_truncation(void **state) {
    (void)state;
    uint8_t bytes[209];
    module_def_free(read_example(bytes));
    for (uint32_t count = 0; count < 209; count++) {
        uint8_t *cut = mem_alloc(count);
        memcpy(cut, bytes, count);
        ModuleDef *def = NULL;
        Error error;
        assert_int_equal(module_def_read(bytes_of(cut, count), &def, &error), STATUS_INVALID);
        assert_null(def);
        mem_free(cut);
    }
    // Trailing bytes are ignored.
    uint8_t longer[210] = {0};
    memcpy(longer, bytes, 209);
    module_def_free(read_def(bytes_of(longer, 210)));
}

static void assert_unreadable(const char *hex, const char *text) {
    uint8_t bytes[64];
    size_t count = strlen(hex) / 2;
    assert_true(hex_decode(bytes_of_text(hex), bytes, count));
    ModuleDef *def = NULL;
    Error error;
    assert_int_equal(module_def_read(bytes_of(bytes, count), &def, &error), STATUS_INVALID);
    assert_string_equal(error.text, text);
}

static void test_bad_tags(void **state) {
    (void)state;
    assert_unreadable("03", "unknown tag 0x3 for sum type RawModuleDef");
    assert_unreadable("020100000011", "module description: malformed at byte 5");
    assert_unreadable("02010000001100000000",
                      "unknown tag 0x11 for sum type RawModuleDefV10Section");
    assert_unreadable("0201000000090200", "unknown tag 0x2 for sum type CaseConversionPolicy");
    assert_unreadable("02010000000001000000140000", "module description: malformed at byte 11");
    assert_unreadable("020100000001010000000000000001000000410000000002",
                      "byte 2 not valid as `bool` (must be 0 or 1)");
    assert_unreadable("", "module description: malformed at byte 0");
}

static void test_golden_module(void **state) {
    (void)state;
    Arena arena;
    arena_init(&arena, 8u << 20);
    ModuleDef *def = read_def(read_file(&arena, "test/unit/schema/data/kinds.bsatn"));
    Bytes golden = read_file(&arena, "test/unit/schema/data/kinds.v9.json");
    assert_json(module_def_write_json_v9, def, arena_copy_text(&arena, golden));
    // What an unmodified server created from it.
    static const char *const TABLES[] = {"fixed", "kinds", "mail",   "person",
                                         "ping",  "plain", "secret", "timer"};
    assert_int_equal(def->table_count, 8);
    for (uint32_t i = 0; i < 8; i++) assert_name(def->tables[i].name, TABLES[i]);
    assert_int_equal(def->tables[0].row_type->fixed_bytes, 14);
    const TableSchema *timer = module_def_find_table(def, BYTES_LITERAL("timer"));
    assert_true(timer->has_schedule);
    assert_name(timer->schedule.name, "timer_sched");
    assert_name(timer->schedule.function, "tick");
    assert_int_equal(timer->schedule.at_column, 1);
    assert_true(module_def_find_reducer(def, BYTES_LITERAL("tick"))->is_private);
    assert_name(module_def_find_lifecycle(def, LIFECYCLE_CONNECT)->name, "connected");
    assert_true(module_def_find_lifecycle(def, LIFECYCLE_INIT)->is_private);
    assert_null(module_def_find_reducer(def, BYTES_LITERAL("sum")));
    assert_int_equal(module_def_find_procedure(def, BYTES_LITERAL("sum"))->id, 1);
    assert_null(module_def_find_table(def, BYTES_LITERAL("me")));
    assert_int_equal(module_def_find_view(def, BYTES_LITERAL("me"))->index, 0);
    assert_int_equal(module_def_find_view(def, BYTES_LITERAL("sevens"))->index, 1);
    assert_int_equal(module_def_find_view(def, BYTES_LITERAL("sevens"))->primary_key, 0);
    assert_int_equal(module_def_find_view(def, BYTES_LITERAL("adults"))->primary_key, COLUMN_NONE);
    assert_true(module_def_find_table(def, BYTES_LITERAL("ping"))->is_event);
    const TableSchema *person = module_def_find_table(def, BYTES_LITERAL("person"));
    assert_int_equal(person->columns[3].default_value.count, 1);
    assert_null(person->columns[2].default_value.data);
    assert_int_equal(def->row_level_security_count, 1);
    assert_int_equal(def->http_handler_count, 1);
    assert_int_equal(def->http_routes[0].method, 0);
    module_def_free(def);
    arena_done(&arena);
}

static void build_named(Builder *b) {
    builder_init(b);
    uint32_t color = add_type(b, "color_kind",
                              SUM(b, field("DarkRed", type_unit()), field("Green", type_unit())));
    uint32_t row = add_type(b, "player_row",
                            PRODUCT(b, field("playerId", P(U32)),
                                    field("HTTPCode", ref_to(b, color)),
                                    field("owner", type_special(SPECIAL_IDENTITY)),
                                    field("maybeText", type_option(&b->arena, P(STRING)))));
    TableSpec table = keyed_table(b, "PlayerTable", row);
    table.indexes[1] = (IndexSpec){
        .name = "byCode", .accessor = "byCode", .kind = 2, .columns = {1}};
    table.index_count = 2;
    table.sequences[0] = (SequenceSpec){.column = 0};
    table.sequence_count = 1;
    add_table(b, table);
    add_reducer(b, "DoThing", PRODUCT(b, field("firstArg", P(U8))));
    add_procedure(b, "AskThing", type_unit(), ref_to(b, color));
    add_view(b, "MyView", VIEW_SENDER, PRODUCT(b, field("someId", P(U32))),
             type_option(&b->arena, ref_to(b, row)));
    add_handler(b, "HandleIt");
    add_route(b, "HandleIt", 2, "/it");
    add_route(b, "HandleIt", -1, "");
}

static void test_snake_case(void **state) {
    (void)state;
    Builder b;
    build_named(&b);
    ModuleDef *def = expect_def(&b);
    const TableSchema *table = &def->tables[0];
    assert_name(table->name, "player_table");
    assert_name(table->accessor, "PlayerTable");
    assert_name(table->columns[0].name, "player_id");
    assert_name(table->columns[0].accessor, "playerId");
    assert_name(table->columns[1].name, "http_code");
    assert_name(table->columns[1].type->fields[0].name, "darkRed");
    assert_name(table->columns[2].type->fields[0].name, "__identity__");
    assert_name(table->columns[3].type->fields[0].name, "some");
    assert_name(table->row_type->fields[1].name, "http_code");
    assert_name(table->indexes[0].name, "player_table_player_id_idx_btree");
    assert_name(table->indexes[0].accessor, "PlayerTable_key_index");
    assert_name(table->indexes[1].name, "player_table_http_code_idx_direct");
    assert_name(table->indexes[1].codegen_name, "byCode");
    assert_int_equal(table->indexes[1].kind, INDEX_DIRECT);
    assert_name(table->constraints[0].name, "player_table_player_id_key");
    assert_name(table->sequences[0].name, "player_table_player_id_seq");
    assert_name(def->types[0].name, "ColorKind");
    assert_name(def->reducers[0].name, "do_thing");
    assert_name(def->reducers[0].source_name, "DoThing");
    assert_name(def->reducers[0].params->fields[0].name, "firstArg");
    assert_name(def->reducers[0].canonical_params->fields[0].name, "first_arg");
    assert_name(def->procedures[0].name, "ask_thing");
    assert_name(def->views[0].name, "my_view");
    assert_name(def->views[0].canonical_params->fields[0].name, "some_id");
    assert_name(def->views[0].columns[1].name, "http_code");
    assert_name(def->http_handlers[0].name, "handle_it");
    assert_int_equal(table_schema_find_column(table, BYTES_LITERAL("playerId")), 0);
    assert_int_equal(table_schema_find_column(table, BYTES_LITERAL("http_code")), 1);
    assert_int_equal(table_schema_find_column(table, BYTES_LITERAL("nothing")), -1);
    assert_true(json_contains(
        module_def_write_json_v10, def,
        "{\"HttpRoutes\":[{\"handler_function\":\"HandleIt\",\"method\":{\"Method\":"
        "{\"Post\":[]}},\"path\":\"/it\"},{\"handler_function\":\"HandleIt\",\"method\":"
        "{\"Any\":[]},\"path\":\"\"}]}"));
    assert_true(json_contains(
        module_def_write_json_v10, def,
        "{\"Reducers\":[{\"source_name\":\"DoThing\",\"params\":{\"elements\":[{\"name\":"
        "{\"some\":\"first_arg\"}"));
    assert_true(json_contains(
        module_def_write_json_v10, def,
        "{\"Function\":{\"source_name\":\"HandleIt\",\"canonical_name\":\"handle_it\"}}"));
    assert_true(json_contains(
        module_def_write_json_v10, def,
        "\"indexes\":[{\"source_name\":{\"some\":\"byCode\"},\"accessor_name\":{\"some\":"
        "\"byCode\"},\"algorithm\":{\"Direct\":1}}"));
    module_def_free(def);
    builder_done(&b);
}

static void test_policy_none(void **state) {
    (void)state;
    Builder b;
    build_named(&b);
    b.policy = 0;
    add_explicit(&b, 1, "DoThing", "renamed");
    ModuleDef *def = expect_def(&b);
    assert_name(def->tables[0].name, "PlayerTable");
    assert_name(def->tables[0].columns[0].name, "playerId");
    assert_name(def->tables[0].columns[1].type->fields[0].name, "DarkRed");
    assert_name(def->tables[0].indexes[0].name, "PlayerTable_playerId_idx_btree");
    assert_name(def->types[0].name, "color_kind");
    assert_name(def->reducers[0].name, "renamed");
    assert_name(def->reducers[0].canonical_params->fields[0].name, "firstArg");
    module_def_free(def);
    builder_done(&b);
}

// Mapped verbatim, the last entry wins, unknown ones are ignored, tables and functions are separate.
static void test_explicit_names(void **state) {
    (void)state;
    Builder b;
    build_named(&b);
    add_explicit(&b, 0, "PlayerTable", "first");
    add_explicit(&b, 0, "PlayerTable", "TheTable");
    add_explicit(&b, 1, "MyView", "TheView");
    add_explicit(&b, 1, "HandleIt", "TheHandler");
    add_explicit(&b, 2, "byCode", "TheIndex");
    add_explicit(&b, 0, "DoThing", "not_a_function");
    add_explicit(&b, 1, "nobody", "x");
    ModuleDef *def = expect_def(&b);
    assert_name(def->tables[0].name, "TheTable");
    assert_name(def->tables[0].accessor, "PlayerTable");
    assert_name(def->tables[0].indexes[0].name, "TheTable_player_id_idx_btree");
    assert_name(def->tables[0].indexes[1].name, "TheIndex");
    assert_name(def->tables[0].indexes[1].accessor, "byCode");
    assert_name(def->reducers[0].name, "do_thing");
    assert_name(def->views[0].name, "TheView");
    assert_name(def->http_handlers[0].name, "TheHandler");
    assert_non_null(module_def_find_view(def, BYTES_LITERAL("TheView")));
    assert_true(json_contains(
        module_def_write_json_v10, def,
        "{\"Table\":{\"source_name\":\"PlayerTable\",\"canonical_name\":\"TheTable\"}}"));
    module_def_free(def);
    builder_done(&b);
}

// Sections in reverse, and each once more but empty: the first of a kind counts.
static void test_section_order(void **state) {
    (void)state;
    Builder b;
    build_named(&b);
    ModuleDef *straight = expect_def(&b);
    Buffer shuffled;
    buffer_init(&shuffled, 1u << 20);
    buffer_u8(&shuffled, 2);
    uint32_t count = 0;
    for (int i = 0; i < SECTION_COUNT; i++) count += b.counts[i] > 0;
    buffer_u32(&shuffled, 2 * count);
    for (int i = SECTION_COUNT - 1; i >= 0; i--) {
        if (b.counts[i] > 0) put_section(&b, &shuffled, i);
    }
    for (int i = 0; i < SECTION_COUNT; i++) {
        if (b.counts[i] == 0) continue;
        buffer_u8(&shuffled, (uint8_t)i);
        buffer_u32(&shuffled, 0);
    }
    ModuleDef *def = read_def(buffer_bytes(&shuffled));
    Buffer wanted;
    buffer_init(&wanted, 1u << 20);
    module_def_write_json_v10(straight, &wanted);
    buffer_u8(&wanted, 0);
    assert_json(module_def_write_json_v10, def, (const char *)wanted.data);
    buffer_done(&wanted);
    buffer_done(&shuffled);
    module_def_free(straight);
    module_def_free(def);
    builder_done(&b);
}

static void test_views(void **state) {
    (void)state;
    Builder b;
    builder_init(&b);
    uint32_t row = add_type(&b, "Row",
                            PRODUCT(&b, field("theKey", P(U64)), field("other", P(U64))));
    uint32_t loose = add_type(&b, "Loose", PRODUCT(&b, field("theKey", P(U64))));
    add_table(&b, keyed_table(&b, "first", row));
    TableSpec unkeyed = {.name = "unkeyed", .ref = row};
    add_table(&b, unkeyed);
    const Type *none = type_unit();
    add_view(&b, "a_list", VIEW_ANONYMOUS, none, type_array(&b.arena, ref_to(&b, row)));
    add_view(&b, "b_option", VIEW_SENDER, none, type_option(&b.arena, ref_to(&b, row)));
    add_view(&b, "c_query", VIEW_ANONYMOUS, none, query_of(&b, row));
    add_view(&b, "d_loose", VIEW_ANONYMOUS, none, query_of(&b, loose));
    add_view(&b, "e_params", VIEW_SENDER, PRODUCT(&b, field("x", P(U8))), query_of(&b, row));
    add_view_key(&b, "b_option", "theKey", NULL);
    add_view_key(&b, "a_list", NULL, NULL);
    ModuleDef *def = expect_def(&b);
    static const uint16_t KEYS[] = {COLUMN_NONE, 0, 0, COLUMN_NONE, COLUMN_NONE};
    static const uint32_t INDEXES[] = {0, 0, 1, 2, 1};
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(def->views[i].primary_key, KEYS[i]);
        assert_int_equal(def->views[i].index, INDEXES[i]);
    }
    assert_true(json_contains(
        module_def_write_json_v10, def,
        "{\"ViewPrimaryKeys\":[{\"view_source_name\":\"b_option\",\"columns\":[\"the_key\"]}]}"));
    module_def_free(def);
    builder_done(&b);
}

// Two tables with the view's row type whose keys disagree: the view has none.
static void test_view_key_disagreement(void **state) {
    (void)state;
    Builder b;
    builder_init(&b);
    uint32_t row = add_type(&b, "Row", PRODUCT(&b, field("a", P(U64)), field("b", P(U64))));
    add_table(&b, keyed_table(&b, "one", row));
    TableSpec other = keyed_table(&b, "two", row);
    other.primary_key[0] = 1;
    other.indexes[0].columns[0] = 1;
    other.uniques[0].columns[0] = 1;
    add_table(&b, other);
    add_view(&b, "v", VIEW_ANONYMOUS, type_unit(), query_of(&b, row));
    ModuleDef *def = expect_def(&b);
    assert_int_equal(def->views[0].primary_key, COLUMN_NONE);
    module_def_free(def);
    builder_done(&b);
}

static void build_tree(Builder *root, Builder *middle, Builder *leaf) {
    Builder *parts[] = {root, middle, leaf};
    static const char *const NAMES[] = {"root", "middle", "leaf"};
    for (int i = 0; i < 3; i++) {
        Builder *b = parts[i];
        builder_init(b);
        uint32_t row = add_type(
            b, "Row",
            PRODUCT(b, field("id", P(U64)), field("at", type_special(SPECIAL_SCHEDULE_AT))));
        TableSpec table = keyed_table(b, "Sessions", row);
        table.sequences[0] = (SequenceSpec){.column = 0};
        table.sequence_count = 1;
        add_table(b, table);
        add_reducer(b, "Run", PRODUCT(b, field("x", ref_to(b, row))));
        add_reducer(b, NAMES[i], type_unit());
        add_procedure(b, "Ask", type_unit(), P(U8));
        add_view(b, "all", VIEW_ANONYMOUS, type_unit(), query_of(b, row));
        add_view(b, "mine", VIEW_SENDER, type_unit(), query_of(b, row));
        add_schedule(b, "Sessions", 1, "Run");
        add_rls(b, "SELECT * FROM sessions");
        add_handler(b, "handle");
        add_route(b, "handle", 0, "/x");
    }
    add_submodule(middle, "DeepOne", leaf);
    add_explicit(root, 3, "other", "renamed");
    add_submodule(root, "myAuth", middle);
    Builder empty;
    builder_init(&empty);
    add_reducer(&empty, "last", type_unit());
    add_submodule(root, "other", &empty);
    builder_done(&empty);
}

static void test_submodules(void **state) {
    (void)state;
    Builder root, middle, leaf;
    build_tree(&root, &middle, &leaf);
    ModuleDef *def = expect_def(&root);
    static const char *const REDUCERS[] = {"run",
                                           "root",
                                           "my_auth.run",
                                           "my_auth.middle",
                                           "my_auth.deep_one.run",
                                           "my_auth.deep_one.leaf",
                                           "renamed.last"};
    assert_int_equal(def->reducer_count, 7);
    for (uint32_t i = 0; i < 7; i++) {
        assert_int_equal(def->reducers[i].id, i);
        assert_name(def->reducers[i].name, REDUCERS[i]);
        assert_ptr_equal(module_def_find_reducer(def, def->reducers[i].name), &def->reducers[i]);
    }
    assert_name(def->reducers[3].source_name, "myAuth.middle");
    assert_int_equal(module_def_find_procedure(def, BYTES_LITERAL("my_auth.deep_one.ask"))->id, 2);
    assert_int_equal(def->table_count, 3);
    assert_name(def->tables[0].name, "my_auth.deep_one.sessions");
    assert_name(def->tables[0].accessor, "myAuth.DeepOne.Sessions");
    assert_name(def->tables[1].name, "my_auth.sessions");
    assert_name(def->tables[2].name, "sessions");
    const TableSchema *deep = &def->tables[0];
    assert_name(deep->indexes[0].name, "my_auth.deep_one.sessions_id_idx_btree");
    assert_name(deep->indexes[0].accessor, "myAuth.DeepOne.Sessions_key_index");
    assert_name(deep->constraints[0].name, "my_auth.deep_one.sessions_id_key");
    assert_name(deep->sequences[0].name, "my_auth.deep_one.sessions_id_seq");
    assert_name(deep->schedule.name, "my_auth.deep_one.sessions_sched");
    assert_name(deep->schedule.function, "my_auth.deep_one.run");
    assert_true(module_def_find_reducer(def, deep->schedule.function)->is_private);
    // Views are numbered by kind, depth first.
    assert_int_equal(module_def_find_view(def, BYTES_LITERAL("mine"))->index, 0);
    assert_int_equal(module_def_find_view(def, BYTES_LITERAL("my_auth.mine"))->index, 1);
    assert_int_equal(module_def_find_view(def, BYTES_LITERAL("my_auth.deep_one.mine"))->index, 2);
    assert_int_equal(module_def_find_view(def, BYTES_LITERAL("my_auth.deep_one.all"))->index, 2);
    // Handlers, routes and rules are the root's.
    assert_int_equal(def->http_handler_count, 1);
    assert_int_equal(def->http_route_count, 1);
    assert_int_equal(def->row_level_security_count, 1);
    assert_true(json_contains(module_def_write_json_v10, def,
                              "{\"Submodules\":[{\"namespace\":\"myAuth\",\"module\":"));
    assert_true(json_contains(
        module_def_write_json_v10, def,
        "{\"Namespace\":{\"source_name\":\"myAuth\",\"canonical_name\":\"my_auth\"}},"
        "{\"Namespace\":{\"source_name\":\"other\",\"canonical_name\":\"renamed\"}}]}}]}"));
    assert_true(json_contains(
        module_def_write_json_v10, def,
        "\"Schedules\":[{\"source_name\":{\"some\":\"sessions_sched\"},\"table_name\":"
        "\"sessions\",\"schedule_at_col\":1,\"function_name\":\"run\"}]"));
    module_def_free(def);
    builder_done(&root);
    builder_done(&middle);
    builder_done(&leaf);
}

static void test_environment(void **state) {
    (void)state;
    static const char *const MODES[] = {"b", "a", "b"};
    Builder b;
    builder_init(&b);
    add_environment(&b, "API_KEY", NULL, 0);
    add_environment(&b, "MODE", MODES, 3);
    ModuleDef *def = expect_def(&b);
    assert_true(def->has_environment);
    assert_int_equal(def->environment_count, 2);
    assert_int_equal(def->environment[0].kind, ENVIRONMENT_STRING);
    assert_int_equal(def->environment[1].literal_count, 2);
    assert_name(def->environment[1].literals[0], "a");
    assert_json(
        module_def_write_json_v10, def,
        "{\"sections\":[{\"CaseConversionPolicy\":{\"None\":[]}},"
        "{\"Environment\":[{\"name\":\"API_KEY\",\"ty\":{\"String\":[]},\"optional\":false},"
        "{\"name\":\"MODE\",\"ty\":{\"Union\":[\"a\",\"b\"]},\"optional\":false}]},"
        "{\"Typespace\":{\"types\":[]}},{\"ExplicitNames\":{\"entries\":[]}}]}");
    module_def_free(def);
    builder_done(&b);
    // Declared but empty; and not declared.
    ModuleDef *empty = read_def(bytes_of("\2\1\0\0\0\17\0\0\0\0", 10));
    assert_true(empty->has_environment);
    module_def_free(empty);
    ModuleDef *nothing = read_def(bytes_of("\2\0\0\0\0", 5));
    assert_false(nothing->has_environment);
    assert_int_equal(nothing->table_count + nothing->view_count + nothing->reducer_count, 0);
    assert_null(module_def_find_table(nothing, BYTES_LITERAL("t")));
    assert_null(module_def_find_lifecycle(nothing, LIFECYCLE_INIT));
    module_def_free(nothing);
    module_def_free(NULL);
}

// Recursion is fine in arguments; a default fills the column; the last of several defaults wins.
static void test_recursive_argument_and_defaults(void **state) {
    (void)state;
    Builder b;
    builder_init(&b);
    uint32_t tree = b.counts[SECTION_TYPESPACE];
    add_type(&b, "Tree", PRODUCT(&b, field("children", type_array(&b.arena, ref_to(&b, tree)))));
    add_reducer(&b, "plant", PRODUCT(&b, field("tree", ref_to(&b, tree))));
    uint32_t row = add_type(&b, "Row", PRODUCT(&b, field("a", P(U16)), field("b", P(STRING))));
    TableSpec table = {.name = "t", .ref = row};
    table.defaults[0] = (DefaultSpec){1, "\2\0\0\0hi....", 10};
    table.defaults[1] = (DefaultSpec){0, "\1\0", 2};
    table.defaults[2] = (DefaultSpec){0, "\2\0", 2};
    table.default_count = 3;
    add_table(&b, table);
    add_rls(&b, "SELECT * FROM t");
    add_rls(&b, "SELECT * FROM t");
    ModuleDef *def = expect_def(&b);
    assert_int_equal(def->tables[0].columns[0].default_value.data[0], 2);
    assert_int_equal(def->tables[0].columns[1].default_value.count, 6);
    assert_int_equal(def->row_level_security_count, 1);
    assert_true(json_contains(module_def_write_json_v10, def,
                              "\"default_values\":[{\"col_id\":0,\"value\":\"0200\"},{\"col_id\":1,"
                              "\"value\":\"020000006869\"}]"));
    module_def_free(def);
    builder_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_bad_tags),
        cmocka_unit_test(test_golden_module),
        cmocka_unit_test(test_snake_case),
        cmocka_unit_test(test_policy_none),
        cmocka_unit_test(test_explicit_names),
        cmocka_unit_test(test_section_order),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_view_key_disagreement),
        cmocka_unit_test(test_submodules),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_recursive_argument_and_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

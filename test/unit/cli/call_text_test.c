// call_text_test.c - goal: definitions are understood, and calls that cannot be say what upstream says.
// Method: a small definition as a server gives it, with a submodule.
#include "cli_test.h"

#include "cli/call_text.h"
#include "cli/similar.h"

static const char MODULE[] =
    "{\"sections\":[{\"Typespace\":{\"types\":[{\"Product\":{\"elements\":[{\"name\":{\"some\":"
    "\"x\"},"
    "\"algebraic_type\":{\"U8\":[]}}]}},{\"Array\":{\"Ref\":1}}]}},"
    "{\"Tables\":[{\"source_name\":\"Point\",\"product_type_ref\":0}]},"
    "{\"Reducers\":[{\"source_name\":\"sayHello\",\"params\":{\"elements\":[{\"name\":{\"some\":"
    "\"toWhom\"},\"algebraic_type\":{\"Sum\":{\"variants\":[{\"name\":{\"some\":\"some\"},"
    "\"algebraic_type\":{\"String\":[]}},{\"name\":{\"some\":\"none\"},\"algebraic_type\":"
    "{\"Product\":{\"elements\":[]}}}]}}},{\"name\":{\"some\":\"at\"},\"algebraic_type\":{"
    "\"Array\":"
    "{\"Ref\":0}}},{\"name\":{\"some\":\"loop\"},\"algebraic_type\":{\"Ref\":1}}]}},"
    "{\"source_name\":\"init\",\"params\":{\"elements\":[]}},"
    "{\"source_name\":\"add\",\"params\":{\"elements\":[]}}]},"
    "{\"Procedures\":[{\"source_name\":\"count\",\"params\":{\"elements\":[]},\"return_type\":{"
    "\"U8\":"
    "[]}}]},"
    "{\"Views\":[{\"source_name\":\"near\",\"return_type\":{\"Array\":{\"Ref\":0}}}]},"
    "{\"LifeCycleReducers\":[{\"lifecycle_spec\":{\"Init\":[]},\"function_name\":\"init\"}]},"
    "{\"Submodules\":[{\"namespace\":\"myLib\",\"module\":{\"sections\":[{\"Typespace\":{\"types\":"
    "[]}},"
    "{\"Reducers\":[{\"source_name\":\"login\",\"params\":{\"elements\":[]}}]}]}}]},"
    "{\"ExplicitNames\":{\"entries\":[{\"Function\":{\"source_name\":\"sayHello\",\"canonical_"
    "name\":"
    "\"say_hello\"}},{\"Table\":{\"source_name\":\"Point\",\"canonical_name\":\"point\"}},"
    "{\"Namespace\":{\"source_name\":\"myLib\",\"canonical_name\":\"my_lib\"}}]}}]}";

static ModuleInfo module;
static const Remote REMOTE = {.name = "db", .identity = "c200"};

static int set_up_module(void **state) {
    (void)set_up(state);
    if (module_info_read(&cli, bytes_of_text(MODULE), &module) != STATUS_OK) {
        fail_msg("%s", fault_text());
    }
    return 0;
}

static void test_definition(void **state) {
    (void)state;
    assert_int_equal(module.function_count, 5);
    const FunctionInfo *hello = module_find_function(&module, "say_hello");
    assert_non_null(hello);
    assert_int_equal(hello->params->field_count, 3);
    assert_false(hello->is_procedure || hello->is_lifecycle);
    assert_true(module_find_function(&module, "init")->is_lifecycle);
    assert_true(module_find_function(&module, "count")->is_procedure);
    assert_non_null(module_find_function(&module, "my_lib.login"));
    assert_null(module_find_function(&module, "login"));
    assert_null(module_find_function(&module, "sayHello"));
    assert_non_null(module_find_relation(&module, BYTES_LITERAL("point"))->json.data);
    const RelationInfo *view = module_find_relation(&module, BYTES_LITERAL("near"));
    assert_null(view->json.data);
    assert_int_equal(view->row->kind, TYPE_PRODUCT);
}

static void test_no_definition(void **state) {
    (void)state;
    static const char *const TEXTS[] = {
        "",
        "{}",
        "{\"typespace\":{\"types\":[]}}",
        "{\"sections\":[{\"Typespace\":{\"types\":[{\"U9\":[]}]}}]}",
        "{\"sections\":[{\"Typespace\":{\"types\":[]}},{\"Tables\":[{\"source_name\":\"t\","
        "\"product_type_ref\":0}]}]}",
        "{\"sections\":[{\"Typespace\":{\"types\":[]}},{\"Reducers\":[{\"source_name\":\"r\"}]}]}",
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        ModuleInfo none;
        assert_int_equal(module_info_read(&cli, bytes_of_text(TEXTS[i]), &none), STATUS_INVALID);
    }
}

static const char *unknown(const char *name) {
    const CallContext context = {&REMOTE, &module, NULL, name};
    return call_text_unknown(&cli, &context);
}

#define NO_SUCH(name) \
    "No such reducer OR procedure `" name "` for database `db` resolving to identity `c200`."

static void test_unknown_functions(void **state) {
    (void)state;
    assert_string_equal(
        unknown("say_helo"),
        NO_SUCH("say_helo") "\n\nA reducer with a similar name exists: `say_hello`");
    assert_string_equal(unknown("coutn"),
                        NO_SUCH("coutn") "\n\nA procedure with a similar name exists: `count`");
    assert_string_equal(unknown("zzzzzzzzzzz"),
                        NO_SUCH("zzzzzzzzzzz") "\n\nHere are some existing reducers:\n- say_hello\n"
                                               "- add\n- my_lib.login\n\nHere are some existing "
                                               "procedures:\n- count");
    module.function_count = 0;
    assert_string_equal(unknown("a"),
                        NO_SUCH("a") "\n\nThe database has no reducers.\n\nThe database "
                                     "has no procedures.");
}

static void test_long_lists(void **state) {
    (void)state;
    FunctionInfo functions[12] = {0};
    for (uint32_t i = 0; i < 12; i++) {
        functions[i].name = bytes_of_text(cli_text(&cli, "reducer_number_%u", i));
    }
    module.functions = functions;
    module.function_count = 12;
    const char *text = unknown("x");
    assert_non_null(strstr(text, "\n- reducer_number_9\n... (2 reducers not shown)"));
    module.function_count = 11;
    assert_non_null(strstr(unknown("x"), "\n... (1 reducer not shown)"));
    module.function_count = 10;
    assert_null(strstr(unknown("x"), "not shown"));
}

static void test_wrong_arguments(void **state) {
    (void)state;
    const CallContext context = {&REMOTE, &module, module_find_function(&module, "say_hello"),
                                 "say_hello"};
    static const char ANSWER[] = "invalid arguments for reducer say_hello: [0]: invalid type";
    const char *text = call_text_arguments(&cli, &context, bytes_of_text(ANSWER));
    const char *loop = "...";
    for (uint32_t i = 0; i <= CALL_TEXT_DEPTH_MAX; i++) loop = cli_text(&cli, "Vec<%s>", loop);
    assert_string_equal(
        text,
        cli_text(
            &cli,
            "Invalid arguments provided for reducer `say_hello` for database `db` resolving to "
            "identity `c200`.\n\nThe reducer has the following signature:\n\tsay_hello(to_whom: "
            "Option<String>, at: Vec<{ x: u8 }>, loop: %s)",
            loop));
    static const char COUNTED[] =
        "invalid arguments: invalid length 1, expected args for test with 3 elements";
    text = call_text_arguments(&cli, &context, bytes_of_text(COUNTED));
    assert_non_null(strstr(text, "\n\n3 parameters were expected, but 1 were provided.\n\n"));
}

static void test_distances(void **state) {
    (void)state;
    assert_int_equal(name_distance(BYTES_LITERAL("abc"), BYTES_LITERAL("abc")), 0);
    assert_int_equal(name_distance(BYTES_LITERAL(""), BYTES_LITERAL("abc")), 3);
    assert_int_equal(name_distance(BYTES_LITERAL("abcd"), BYTES_LITERAL("acbd")), 1);
    assert_int_equal(name_distance(BYTES_LITERAL("kitten"), BYTES_LITERAL("sitting")), 3);
    assert_int_equal(name_distance(BYTES_LITERAL("ca"), BYTES_LITERAL("abc")), 3);
    uint8_t letters[SIMILAR_BYTES_MAX + 1] = {0};
    assert_int_equal(name_distance(bytes_of(letters, SIMILAR_BYTES_MAX), BYTES_LITERAL("")),
                     SIMILAR_BYTES_MAX);
    assert_int_equal(name_distance(bytes_of(letters, SIMILAR_BYTES_MAX + 1), BYTES_LITERAL("")),
                     UINT32_MAX);
    const Bytes names[] = {BYTES_LITERAL("set_name"), BYTES_LITERAL("name_of_user")};
    Bytes similar = BYTES_NONE;
    assert_true(name_find_similar(BYTES_LITERAL("SET_NAME"), names, 2, &similar));
    assert_bytes(similar, "set_name");
    assert_true(name_find_similar(BYTES_LITERAL("user_of_name"), names, 2, &similar));
    assert_bytes(similar, "name_of_user");
    assert_false(name_find_similar(BYTES_LITERAL("delete"), names, 2, &similar));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_module, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_definition), TEST(test_no_definition),   TEST(test_unknown_functions),
        TEST(test_long_lists), TEST(test_wrong_arguments), TEST(test_distances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

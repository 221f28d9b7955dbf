// project_test.c - goal: spacetime.json is found, layered and inherited as upstream does; commands mean
// the right database. Method: files in a directory of their own, with the process standing in it.
#include "cli_test.h"

#include "cli/json5.h"
#include "cli/project.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[64];

static int set_up_directory(void **state) {
    (void)set_up(state);
    (void)snprintf(directory, sizeof directory, "/tmp/cli-project-XXXXXX");
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chdir(directory), 0);
    return 0;
}

static int tear_down_directory(void **state) {
    static const char *const FILES[] = {"spacetime.json", "spacetime.local.json",
                                        "spacetime.dev.json", "spacetime.dev.local.json"};
    for (size_t i = 0; i < 4; i++) (void)unlink(path_join(&cli, directory, FILES[i]));
    (void)rmdir(path_join(&cli, directory, "below"));
    assert_int_equal(chdir("/"), 0);
    (void)rmdir(directory);
    return tear_down(state);
}

static void write_file(const char *name, const char *text) {
    Error error;
    const char *path = path_join(&cli, directory, name);
    assert_int_equal(os_file_replace(cli.os, path, bytes_of_text(text), &error), STATUS_OK);
}

static const char *field(const Project *project, uint32_t target, const char *key) {
    assert_true(target < project->target_count);
    const char *text = json_string_value(json_object_get(project->targets[target], key));
    return text == NULL ? "" : text;
}

static void test_none(void **state) {
    (void)state;
    Project *project = NULL;
    assert_int_equal(project_open(&cli, directory, NULL, &project), STATUS_OK);
    assert_null(project);
}

static void test_layers(void **state) {
    (void)state;
    write_file(
        "spacetime.json",
        "// root\n{database: 'a', 'server': \"s\", children: [{database: \"b\",}, 5, {x: 'y'}],}");
    write_file("spacetime.local.json", "{\"server\": \"l\", \"children\": [{\"server\": \"c\"}]}");
    write_file("spacetime.dev.json", "{\"database\": \"d\"}");
    write_file("spacetime.dev.local.json", "{\"children\": [{}, {\"database\": \"e\"}]}");
    Project *project = NULL;
    assert_int_equal(project_open(&cli, ".", NULL, &project), STATUS_INVALID);  // a child is 5
    assert_int_equal(project_open(&cli, ".", "dev", &project), STATUS_OK);
    assert_int_equal(project->file_count, 4);
    assert_int_equal(project->target_count, 4);
    assert_string_equal(field(project, 0, "database"), "d");
    assert_string_equal(field(project, 0, "server"), "l");
    assert_string_equal(field(project, 1, "database"), "b");
    assert_string_equal(field(project, 1, "server"), "c");
    assert_string_equal(field(project, 2, "database"), "e");
    assert_string_equal(field(project, 2, "server"), "l");
    assert_string_equal(field(project, 3, "database"), "d");
    project_close(project);
}

static void test_inheritance(void **state) {
    (void)state;
    write_file("spacetime.json",
               "{\"database\": \"a\", \"module-path\": \"m\", \"parent\": \"p\", \"generate\": [],"
               "\"dev\": {\"run\": \"x\"}, \"children\": [{\"database\": \"b\", \"children\": "
               "[{\"database\": \"c\"}]}, {\"bin-path\": \"w\"}]}");
    Project *project = NULL;
    assert_int_equal(project_open(&cli, ".", NULL, &project), STATUS_OK);
    assert_int_equal(project->target_count, 4);
    assert_string_equal(field(project, 2, "database"), "c");
    assert_string_equal(field(project, 2, "module-path"), "m");
    assert_string_equal(field(project, 2, "parent"), "p");
    assert_string_equal(field(project, 3, "database"), "a");
    assert_string_equal(field(project, 3, "module-path"), "");  // it comes from somewhere else
    assert_null(json_object_get(project->targets[0], "generate"));
    assert_null(json_object_get(project->targets[0], "dev"));
    project_close(project);
}

static void test_found_above(void **state) {
    (void)state;
    write_file("spacetime.json", "{\"database\": \"a\"}");
    Error error;
    const char *below = path_join(&cli, directory, "below");
    assert_int_equal(cli.os->directory_create(cli.os, below, &error), STATUS_OK);
    assert_int_equal(chdir(below), 0);
    Project *project = NULL;
    assert_int_equal(project_open(&cli, ".", NULL, &project), STATUS_OK);
    assert_non_null(project);
    assert_string_equal(project->directory, directory);
    project_close(project);
}

static void test_wrong_files(void **state) {
    (void)state;
    Project *project = NULL;
    write_file("spacetime.json", "{\"dev\": {\"run_command\": \"x\"}}");
    assert_int_equal(project_open(&cli, ".", NULL, &project), STATUS_INVALID);
    assert_string_equal(fault_text(), "Failed to load spacetime.json");
    assert_bytes(cli.fault.texts[0], "unknown field `run_command`, expected `run`");
    write_file("spacetime.json", "[]");
    assert_int_equal(project_open(&cli, ".", NULL, &project), STATUS_INVALID);
    write_file("spacetime.json", "{");
    assert_int_equal(project_open(&cli, ".", NULL, &project), STATUS_INVALID);
}

static void test_depth_limit(void **state) {
    (void)state;
    for (uint32_t more = 0; more < 2; more++) {
        const char *text = "{}";
        for (uint32_t i = 0; i < CLI_TARGET_DEPTH_MAX + more; i++) {
            text = cli_text(&cli, "{\"children\":[%s]}", text);
        }
        write_file("spacetime.json", text);
        Project *project = NULL;
        Status status = project_open(&cli, ".", NULL, &project);
        assert_int_equal(status, more == 0 ? STATUS_OK : STATUS_LIMIT);
        project_close(project);
    }
}

static void test_target_limit(void **state) {
    (void)state;
    for (uint32_t count = CLI_TARGETS_MAX - 1; count <= CLI_TARGETS_MAX; count++) {
        Buffer text;
        buffer_init(&text, 65536);
        buffer_append_text(&text, "{children: [");
        for (uint32_t i = 0; i < count; i++) buffer_append_text(&text, "{},");
        buffer_append_text(&text, "]}");
        write_file("spacetime.json", arena_copy_text(&cli.arena, buffer_bytes(&text)));
        buffer_done(&text);
        Project *project = NULL;
        Status status = project_open(&cli, ".", NULL, &project);
        assert_int_equal(status, count < CLI_TARGETS_MAX ? STATUS_OK : STATUS_LIMIT);
        project_close(project);
    }
}

// ---- JSON5 ----

typedef struct Json5Case {
    const char *json5;
    const char *json;  // NULL: refused
} Json5Case;

static void test_json5(void **state) {
    (void)state;
    static const Json5Case CASES[] = {
        {"{a: 1, 'b': \"x\", $c_1: [1, 2,], }", "{\"a\":1,\"b\":\"x\",\"$c_1\":[1,2]}"},
        {"/* c */ {// x\n}", "{}"},
        {"[+1, -.5, 5., 0xFF, 1e3, true, null]", "[1,-0.5,5.0,255,1e3,true,null]"},
        {"'it\\'s \"q\" \\x41\\\nB\\v'", "\"it's \\\"q\\\" \\u0041B\\u000b\""},
        {"\"\\n\\u00e9\"", "\"\\n\\u00e9\""},
        {"[1,,2]", "[1,,2]"},  // for the JSON reader to refuse
        {"{a: word}", NULL},
        {"'open", NULL},
        {"/* open", NULL},
        {"0x", NULL},
        {"0xFFFFFFFFFFFFFFFFFF", NULL},
        {"{a: #}", NULL},
        {"Infinity", NULL},
        {"'\\x4'", NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        Buffer json;
        Error error;
        buffer_init(&json, 4096);
        Status status = json5_to_json(bytes_of_text(CASES[i].json5), &json, &error);
        assert_int_equal(status == STATUS_OK, CASES[i].json != NULL);
        if (status == STATUS_OK) assert_bytes(buffer_bytes(&json), CASES[i].json);
        buffer_done(&json);
    }
}

// ---- which database is meant ----

static const OptionSpec OPTIONS[] = {
    {.name = "no-config", .kind = OPTION_FLAG, .help = "h"},
};
static const CommandSpec COMMAND = {
    .name = "x", .options = OPTIONS, .option_count = 1, .positionals_max = 9};

static Args args;

#define GIVE(...) give((const char *[]){__VA_ARGS__, NULL})

static void give(const char **words) {
    int count = 0;
    while (words[count] != NULL) count++;
    Error error;
    assert_int_equal(args_read(&COMMAND, count, (char **)words, &cli.arena, &args, &error),
                     ARGS_OK);
}

static Target target;

static void test_targets_without_project(void **state) {
    (void)state;
    GIVE("db", "f", "1");
    assert_int_equal(target_of_parts(&cli, &args, "function", "U", &target), STATUS_OK);
    assert_string_equal(target.database, "db");
    assert_int_equal(target.rest_count, 2);
    assert_string_equal(target.rest[0], "f");
    GIVE("db");
    assert_int_equal(target_of_parts(&cli, &args, "function", "U", &target), STATUS_INVALID);
    assert_string_equal(fault_text(), "the following required arguments were not provided:\n"
                                      "  <function>\n\nUsage: U");
    assert_int_equal(target_of_database(&cli, &args, "U", &target), STATUS_OK);
    assert_int_equal(target_of_optional_parts(&cli, &args, "U", &target), STATUS_OK);
    assert_int_equal(target.rest_count, 0);
    GIVE(NULL);
    assert_int_equal(target_of_database(&cli, &args, "U", &target), STATUS_INVALID);
    assert_int_equal(target_of_parts(&cli, &args, "function", "U", &target), STATUS_INVALID);
    assert_string_equal(fault_text(), "the following required arguments were not provided:\n"
                                      "  <database>\n\nUsage: U");
}

static void test_targets_of_one(void **state) {
    (void)state;
    write_file("spacetime.json", "{\"database\": \"one\", \"server\": \"s\"}");
    GIVE(NULL);
    assert_int_equal(target_of_database(&cli, &args, "U", &target), STATUS_OK);
    assert_string_equal(target.database, "one");
    assert_string_equal(target.server, "s");
    assert_int_equal(target_of_optional_parts(&cli, &args, "U", &target), STATUS_OK);
    assert_int_equal(target_of_parts(&cli, &args, "query", "U", &target), STATUS_INVALID);
    GIVE("f", "1");
    assert_int_equal(target_of_parts(&cli, &args, "query", "U", &target), STATUS_OK);
    assert_string_equal(target.database, "one");
    assert_int_equal(target.rest_count, 2);
    GIVE("one", "f");
    assert_int_equal(target_of_parts(&cli, &args, "query", "U", &target), STATUS_OK);
    assert_int_equal(target.rest_count, 1);
    GIVE("other");
    assert_int_equal(target_of_database(&cli, &args, "U", &target), STATUS_OK);
    assert_string_equal(target.database, "other");
    assert_null(target.server);
    GIVE("other", "f", "--no-config");
    assert_int_equal(target_of_parts(&cli, &args, "query", "U", &target), STATUS_OK);
    assert_string_equal(target.database, "other");
}

static void test_targets_of_several(void **state) {
    (void)state;
    write_file("spacetime.json", "{\"database\": \"a\", \"children\": [{\"database\": \"b\", "
                                 "\"server\": \"t\"}, {\"database\": \"a\"}]}");
    GIVE("b", "f");
    assert_int_equal(target_of_parts(&cli, &args, "query", "U", &target), STATUS_OK);
    assert_string_equal(target.server, "t");
    GIVE("c", "f");
    assert_int_equal(target_of_parts(&cli, &args, "query", "U", &target), STATUS_NOT_FOUND);
    assert_string_equal(
        fault_text(), "Multiple databases found in config: a, b. Please specify which database to "
                      "use, or pass --no-config to use 'c' directly.");
    assert_int_equal(target_of_optional_parts(&cli, &args, "U", &target), STATUS_NOT_FOUND);
    assert_int_equal(target_of_database(&cli, &args, "U", &target), STATUS_OK);
    GIVE(NULL);
    assert_int_equal(target_of_database(&cli, &args, "U", &target), STATUS_INVALID);
    assert_int_equal(target_of_parts(&cli, &args, "query", "U", &target), STATUS_INVALID);
}

static void test_clean_paths(void **state) {
    (void)state;
    static const char *const PATHS[][2] = {
        {"./a/./b/../c", "a/c"},
        {"../x/../../y", "../../y"},
        {"/a/../../b", "/b"},
        {"a/..", "."},
        {"a//b/", "a/b"},
        {"/", "/"},
        {"", "."},
    };
    for (size_t i = 0; i < sizeof PATHS / sizeof PATHS[0]; i++) {
        assert_string_equal(path_clean(&cli, PATHS[i][0]), PATHS[i][1]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_directory, tear_down_directory)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_none),
        TEST(test_layers),
        TEST(test_inheritance),
        TEST(test_found_above),
        TEST(test_wrong_files),
        TEST(test_depth_limit),
        TEST(test_target_limit),
        TEST(test_json5),
        TEST(test_targets_without_project),
        TEST(test_targets_of_one),
        TEST(test_targets_of_several),
        TEST(test_clean_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

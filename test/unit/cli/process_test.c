// process_test.c - goal: other programs run as they should, and their output and ends come back.
// Method: the shell and a few of its neighbours, in PATH and in folders of this test; limits at n and n + 1.
#include "cli_test.h"

#include "cli/build.h"
#include "cli/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static ProcessResult result;

static Words *shell(const char *script) {
    Words *words = words_create(&cli);
    words_add(words, "sh");
    words_add(words, "-c");
    words_add(words, script);
    return words;
}

static void test_output_and_exit_codes(void **state) {
    (void)state;
    const Process speaking = {.words = shell("echo out; echo err >&2; exit 7")};
    assert_int_equal(process_read_quietly(&cli, &speaking, &result), STATUS_OK);
    assert_int_equal(result.exit_code, 7);
    assert_bytes(result.output, "out\n");
    const Process killed = {.words = shell("kill -9 $$")};
    assert_int_equal(process_run(&cli, &killed, &result), STATUS_OK);
    assert_int_equal(result.exit_code, 128 + 9);
    const Process silent = {.words = shell("true")};
    assert_int_equal(process_read(&cli, &silent, &result), STATUS_OK);
    assert_int_equal(result.exit_code, 0);
    assert_int_equal(result.output.count, 0);
}

static void test_place_and_environment(void **state) {
    (void)state;
    assert_int_equal(setenv("CLI_TEST", "ours", 1), 0);
    static const char *const ADDED[] = {"CLI_TEST=theirs", "CLI_TEST_TOO=x", NULL};
    const Process process = {
        .words = shell("pwd; echo $CLI_TEST $CLI_TEST_TOO; env | grep -c ^CLI_TEST="),
        .directory = "/",
        .environment = ADDED};
    assert_int_equal(process_read(&cli, &process, &result), STATUS_OK);
    assert_bytes(result.output, "/\ntheirs x\n1\n");
}

static void test_missing_programs(void **state) {
    (void)state;
    Words *words = words_create(&cli);
    words_add(words, "no-such-program-here");
    const Process process = {.words = words};
    assert_int_equal(process_run(&cli, &process, &result), STATUS_NOT_FOUND);
    assert_string_equal(fault_text(), "no-such-program-here is not installed: it is not in PATH");
    Words *path = words_create(&cli);
    words_add(path, "/no/such/program");
    const Process absolute = {.words = path};
    assert_int_equal(process_run(&cli, &absolute, &result), STATUS_IO);
}

static void test_program_find(void **state) {
    (void)state;
    char directory[] = "/tmp/cli-process-XXXXXX";
    assert_non_null(mkdtemp(directory));
    const char *program = path_join(&cli, directory, "tool");
    const char *plain = path_join(&cli, directory, "plain");
    Error error;
    assert_int_equal(os_file_replace(cli.os, program, BYTES_LITERAL(""), &error), STATUS_OK);
    assert_int_equal(os_file_replace(cli.os, plain, BYTES_LITERAL(""), &error), STATUS_OK);
    assert_int_equal(chmod(program, 0755), 0);
    const char *before = cli_text(&cli, "%s", getenv("PATH"));
    assert_int_equal(setenv("PATH", cli_text(&cli, "/nowhere::%s:%s", directory, directory), 1), 0);
    assert_string_equal(program_find(&cli, "tool", 0), program);
    assert_string_equal(program_find(&cli, "tool", 1), program);
    assert_null(program_find(&cli, "tool", 2));
    assert_null(program_find(&cli, "plain", 0));
    assert_int_equal(setenv("PATH", before, 1), 0);
    assert_int_equal(unlink(program) + unlink(plain) + rmdir(directory), 0);
}

static void test_word_limit(void **state) {
    (void)state;
    Words *words = words_create(&cli);
    words_add(words, "true");
    while (words->count < CLI_PROCESS_WORDS_MAX) words_add(words, "x");
    const Process process = {.words = words};
    assert_int_equal(process_run(&cli, &process, &result), STATUS_OK);
    words_add(words, "x");
    words_add(words, "x");
    assert_int_equal(process_run(&cli, &process, &result), STATUS_LIMIT);
}

static void test_output_limit(void **state) {
    (void)state;
    for (uint32_t more = 0; more < 2; more++) {
        const char *script = cli_text(&cli, "head -c %u /dev/zero",
                                      CLI_PROCESS_OUTPUT_BYTES_MAX + more);
        const Process process = {.words = shell(script)};
        assert_int_equal(process_read_quietly(&cli, &process, &result),
                         more == 0 ? STATUS_OK : STATUS_LIMIT);
        if (more == 0) assert_int_equal(result.output.count, CLI_PROCESS_OUTPUT_BYTES_MAX);
    }
}

// Sources of a module: sorted, hidden ones left out, n and n + 1 of them.
static void test_listed_files(void **state) {
    (void)state;
    char directory[] = "/tmp/cli-process-XXXXXX";
    assert_non_null(mkdtemp(directory));
    const Process fill = {
        .words = shell(cli_text(
            &cli, "mkdir d; touch .h.c b.c a.c d/c.c x.h; cd d; seq -f %%g.c 1 %u | xargs touch",
            CLI_MODULE_FILES_MAX - 3)),
        .directory = directory};
    assert_int_equal(process_run(&cli, &fill, &result), STATUS_OK);
    const char **paths = NULL;
    uint32_t count = 0;
    assert_int_equal(build_list_files(&cli, directory, ".c", BUILD_FLAT, &paths, &count),
                     STATUS_OK);
    assert_int_equal(count, 2);
    assert_string_equal(paths[0], path_join(&cli, directory, "a.c"));
    assert_string_equal(paths[1], path_join(&cli, directory, "b.c"));
    assert_int_equal(build_list_files(&cli, directory, ".c", BUILD_DEEP, &paths, &count),
                     STATUS_OK);
    assert_int_equal(count, CLI_MODULE_FILES_MAX);
    const Process one_more = {.words = shell("touch more.c"), .directory = directory};
    assert_int_equal(process_run(&cli, &one_more, &result), STATUS_OK);
    assert_int_equal(build_list_files(&cli, directory, ".c", BUILD_DEEP, &paths, &count),
                     STATUS_LIMIT);
    const Process clean = {.words = shell(cli_text(&cli, "rm -r %s", directory))};
    assert_int_equal(process_run(&cli, &clean, &result), STATUS_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_output_and_exit_codes),
        TEST(test_place_and_environment),
        TEST(test_missing_programs),
        TEST(test_program_find),
        TEST(test_word_limit),
        TEST(test_output_limit),
        TEST(test_listed_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

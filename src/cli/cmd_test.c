// cmd_test.c - `test`: builds a module and runs its tests, each on a fresh database in memory under
// a virtual clock: tests/*.test are steps, tests/*.c are programs.
#include "base/log.h"
#include "cli/build.h"
#include "cli/commands.h"
#include "cli/test_c.h"

#include <stdio.h>

static const OptionSpec OPTIONS[] = {
    {.name = "module-path",
     .letter = 'p',
     .kind = OPTION_VALUE,
     .value_name = "DIR",
     .help = "The module's directory [default: spacetimedb, else this one]"},
    {.name = "bin-path",
     .letter = 'b',
     .kind = OPTION_VALUE,
     .value_name = "FILE",
     .help = "Test this program instead of building one"},
    {.name = "tests",
     .kind = OPTION_VALUE,
     .value_name = "DIR",
     .help = "Where the tests are [default: tests, below the module]"},
    {.name = "tap", .kind = OPTION_FLAG, .help = "Print results as TAP"},
    {.name = "sanitize",
     .kind = OPTION_FLAG,
     .help = "Compile tests in C with the address and undefined behaviour sanitizers"},
};

// The run of all tests.
typedef struct TestRun {
    Cli *cli;
    Harness *harness;
    const char *module_dir;
    const char *filter;  // NULL: all
    TestSanitizers sanitizers;
    bool is_tap;
    const char *file;  // of the tests that run
    uint32_t passed, failed;
} TestRun;

static Status run(Cli *cli, const Args *args);
static Status find_program(Cli *cli, const Args *args, const char **ret_module_dir,
                           Bytes *ret_program);
static Status run_files(TestRun *tests, const char *directory);
static Status run_script(TestRun *tests);
static Status run_c_tests(TestRun *tests);
static bool is_wanted(void *user, Bytes test);
static void ended(void *user, Bytes test, const char *text, uint32_t line);
static void report(TestRun *tests, Bytes test, Bytes why);

const CommandSpec COMMAND_TEST = {
    .name = "test",
    .about = "Runs a module's tests on databases in memory",
    .positionals = "[NAME]",
    .positionals_max = 1,
    COMMAND_OPTIONS(OPTIONS),
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    TestRun tests = {
        .cli = cli, .filter = args_positional(args, 0), .is_tap = args_has(args, "tap")};
    tests.sanitizers = args_has(args, "sanitize") ? TEST_SANITIZED : TEST_PLAIN;
    Bytes program = BYTES_NONE;
    Status status = find_program(cli, args, &tests.module_dir, &program);
    if (status != STATUS_OK) return status;
    const char *directory = args_text(args, "tests");
    if (directory == NULL) directory = path_join(cli, tests.module_dir, "tests");
    if (!path_is_directory(directory))
        return cli_fail(cli, STATUS_NOT_FOUND,
                        "There are no tests: %s is not there. Write steps into tests/*.test, or C "
                        "into tests/*.c.",
                        directory);
    log_set_level(LOG_WARN);  // a panic of the module is in its own log
    Error error;
    status = harness_create(path_join(cli, cli->paths.cache_dir, "test-code"), program,
                            &tests.harness, &error);
    if (status != STATUS_OK) return cli_fail_error(cli, &error);
    if (tests.is_tap) puts("TAP version 14");
    status = run_files(&tests, directory);
    harness_free(tests.harness);
    if (status != STATUS_OK) return status;
    if (tests.is_tap)
        printf("1..%u\n", tests.passed + tests.failed);
    else
        printf("\n%u passed, %u failed\n", tests.passed, tests.failed);
    if (tests.passed + tests.failed == 0)
        return cli_fail(cli, STATUS_NOT_FOUND, "No test was run.");
    return tests.failed == 0 ? STATUS_OK : STATUS_INVALID;  // what failed has been said
}

// Without a program to test, one is built.
static Status find_program(Cli *cli, const Args *args, const char **ret_module_dir,
                           Bytes *ret_program) {
    const char *path = args_text(args, "bin-path");
    const char *module_dir = args_text(args, "module-path");
    if (path != NULL) {
        *ret_module_dir = module_dir == NULL ? "." : module_dir;
        return file_read(cli, path, MODULE_PROGRAM_BYTES_MAX, ret_program);
    }
    Status status = build_find_module(cli, module_dir, ret_module_dir);
    if (status != STATUS_OK) return status;
    const BuildOptions options = {
        .module_dir = *ret_module_dir, .lint_dir = "src", .profile = BUILD_RELEASE};
    status = build_module(cli, &options, &path);
    return status == STATUS_OK ? file_read(cli, path, MODULE_PROGRAM_BYTES_MAX, ret_program)
                               : status;
}

static Status run_files(TestRun *tests, const char *directory) {
    static const struct {
        const char *ending;
        Status (*run)(TestRun *tests);
    } KINDS[] = {{".test", run_script}, {".c", run_c_tests}};
    for (size_t kind = 0; kind < sizeof KINDS / sizeof KINDS[0]; kind++) {
        const char **paths = NULL;
        uint32_t count = 0;
        Status status = build_list_files(tests->cli, directory, KINDS[kind].ending, BUILD_FLAT,
                                         &paths, &count);
        for (uint32_t i = 0; status == STATUS_OK && i < count; i++) {
            tests->file = paths[i];
            if (!tests->is_tap) printf("\n%s\n", paths[i]);
            status = KINDS[kind].run(tests);
        }
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

static bool is_wanted(void *user, Bytes test) {
    const TestRun *tests = user;
    return tests->filter == NULL ||
           memmem(test.data, test.count, tests->filter, strlen(tests->filter)) != NULL;
}

static Status run_script(TestRun *tests) {
    Bytes text = BYTES_NONE;
    Status status = file_read(tests->cli, tests->file, CLI_SOURCE_BYTES_MAX, &text);
    if (status != STATUS_OK) return status;
    const ScriptReport reporting = {.user = tests, .ended = ended, .is_wanted = is_wanted};
    Error error;
    status = script_run(tests->harness, text, &reporting, &error);
    return status == STATUS_OK
               ? STATUS_OK
               : cli_wrap(tests->cli, cli_fail_error(tests->cli, &error), "%s", tests->file);
}

static void ended(void *user, Bytes test, const char *text, uint32_t line) {
    TestRun *tests = user;
    if (text == NULL) {
        report(tests, test, BYTES_NONE);
    } else {
        report(tests, test,
               bytes_of_text(cli_text(tests->cli, "%s:%u: %s", tests->file, line, text)));
    }
}

static Status run_c_tests(TestRun *tests) {
    const char *program = NULL;
    Bytes names = BYTES_NONE;
    Status status = test_c_build(tests->cli, tests->module_dir, tests->file, tests->sanitizers,
                                 &program);
    if (status == STATUS_OK) status = test_c_list(tests->cli, program, &names);
    while (status == STATUS_OK && names.count > 0) {
        const uint8_t *end = memchr(names.data, '\n', names.count);
        uint32_t count = end == NULL ? names.count : (uint32_t)(end - names.data);
        Bytes name = bytes_slice(names, 0, count);
        uint32_t taken = end == NULL ? count : count + 1;
        names = bytes_slice(names, taken, names.count - taken);
        if (!is_wanted(tests, name)) continue;
        Bytes why = BYTES_NONE;
        Trial *trial = trial_begin(tests->harness);
        status = test_c_run(tests->cli, trial, program, arena_copy_text(&tests->cli->arena, name),
                            &why);
        trial_end(trial);
        if (status == STATUS_OK) report(tests, name, why);
    }
    return status;
}

static void report(TestRun *tests, Bytes test, Bytes why) {
    bool is_passed = why.count == 0;
    uint32_t *counter = is_passed ? &tests->passed : &tests->failed;
    ++*counter;
    const char *head = is_passed ? "  ok    " : "  FAIL  ";
    if (tests->is_tap) {
        printf("%s %u - %s: %.*s\n", is_passed ? "ok" : "not ok", tests->passed + tests->failed,
               tests->file, BYTES_FORMAT(test));
    } else {
        printf("%s%.*s\n", head, BYTES_FORMAT(test));
    }
    // Each line of the reason by itself: a comment in TAP, indented otherwise.
    while (why.count > 0) {
        const uint8_t *end = memchr(why.data, '\n', why.count);
        uint32_t count = end == NULL ? why.count : (uint32_t)(end - why.data);
        printf("%s%.*s\n", tests->is_tap ? "# " : "        ",
               BYTES_FORMAT(bytes_slice(why, 0, count)));
        uint32_t taken = end == NULL ? count : count + 1;
        why = bytes_slice(why, taken, why.count - taken);
    }
    (void)fflush(stdout);
}

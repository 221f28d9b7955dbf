// args_test.c - goal: command lines are read as clap reads them.
// Method: one table of every kind of option, command lines as lists of words.
#include "cli_test.h"

static const OptionSpec OPTIONS[] = {
    {.name = "server", .letter = 's', .kind = OPTION_VALUE, .value_name = "SERVER", .help = "h"},
    {.name = "follow", .letter = 'f', .kind = OPTION_FLAG, .help = "h"},
    {.name = "quiet", .letter = 'q', .kind = OPTION_FLAG, .conflicts = "server loud", .help = "h"},
    {.name = "loud", .alias = "noisy", .kind = OPTION_FLAG, .requires = "follow", .help = "h"},
    {.name = "lines",
     .letter = 'n',
     .kind = OPTION_NUMBER,
     .value_name = "N",
     .number_max = 255,
     .help = "h"},
    {.name = "clear",
     .letter = 'c',
     .kind = OPTION_OPTIONAL,
     .value_name = "WHEN",
     .choices = "always|never",
     .missing = "always",
     .help = "h"},
    {.name = "yes",
     .letter = 'y',
     .kind = OPTION_LIST,
     .value_name = "WHAT",
     .choices = "all|remote,far|migrate",
     .missing = "all",
     .help = "h"},
    {.name = "format",
     .kind = OPTION_VALUE,
     .value_name = "FORMAT",
     .choices = "text,default,txt|json",
     .help = "h"},
};

static const CommandSpec COMMAND = {
    .name = "do",
    .about = "Does",
    .options = OPTIONS,
    .option_count = sizeof OPTIONS / sizeof OPTIONS[0],
    .positionals = "<WHAT> [MORE]",
    .positionals_min = 1,
    .positionals_max = 3,
};

static Args args;
static Error error;

#define READ(...) read_words((const char *[]){__VA_ARGS__, NULL})

static ArgsOutcome read_words(const char **words) {
    int count = 0;
    while (words[count] != NULL) count++;
    return args_read(&COMMAND, count, (char **)words, &cli.arena, &args, &error);
}

static void test_spellings_of_a_value(void **state) {
    (void)state;
    static const char *const LINES[][3] = {
        {"x", "--server", "s1"}, {"x", "--server=s1", NULL}, {"x", "-s", "s1"},
        {"x", "-ss1", NULL},     {"x", "-s=s1", NULL},       {"-s", "s1", "x"},
    };
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        assert_int_equal(READ(LINES[i][0], LINES[i][1], LINES[i][2]), ARGS_OK);
        assert_string_equal(args_text(&args, "server"), "s1");
        assert_string_equal(args_positional(&args, 0), "x");
        assert_int_equal(args.positional_count, 1);
    }
}

static void test_grouped_letters(void **state) {
    (void)state;
    assert_int_equal(READ("x", "-fn5"), ARGS_OK);
    assert_true(args_has(&args, "follow"));
    assert_int_equal(args_number(&args, "lines", 0), 5);
    assert_int_equal(READ("x", "-fs", "one"), ARGS_OK);
    assert_string_equal(args_text(&args, "server"), "one");
}

static void test_double_dash_ends_options(void **state) {
    (void)state;
    assert_int_equal(READ("a", "-f", "--", "-5", "--server"), ARGS_OK);
    assert_int_equal(args.positional_count, 3);
    assert_string_equal(args_positional(&args, 1), "-5");
    assert_string_equal(args_positional(&args, 2), "--server");
    assert_null(args_positional(&args, 3));
    assert_int_equal(READ("a", "-"), ARGS_OK);
    assert_string_equal(args_positional(&args, 1), "-");
}

// The value of such an option must be attached: what follows is a positional.
static void test_optional_values(void **state) {
    (void)state;
    assert_int_equal(READ("--yes", "db"), ARGS_OK);
    assert_string_equal(args_positional(&args, 0), "db");
    assert_true(args_lists(&args, "yes", "all"));
    assert_int_equal(READ("db", "-y=remote,migrate", "--yes=migrate"), ARGS_OK);
    assert_true(args_lists(&args, "yes", "remote") && args_lists(&args, "yes", "migrate"));
    assert_false(args_lists(&args, "yes", "all"));
    assert_int_equal(READ("db", "--yes=far"), ARGS_OK);
    assert_true(args_lists(&args, "yes", "remote"));
    assert_int_equal(READ("-c", "db"), ARGS_OK);
    assert_string_equal(args_text(&args, "clear"), "always");
    assert_int_equal(READ("--clear=never", "db"), ARGS_OK);
    assert_string_equal(args_text(&args, "clear"), "never");
    assert_int_equal(READ("-cf", "db"), ARGS_OK);
    assert_true(args_has(&args, "follow"));
}

static void test_other_spellings_of_choices(void **state) {
    (void)state;
    assert_int_equal(READ("x", "--format", "txt"), ARGS_OK);
    assert_string_equal(args_text(&args, "format"), "text");
    assert_int_equal(READ("x", "--format=json"), ARGS_OK);
    assert_string_equal(args_text(&args, "format"), "json");
    assert_int_equal(READ("x", "-f", "--noisy"), ARGS_OK);
    assert_true(args_has(&args, "loud"));
}

typedef struct WrongLine {
    const char *words[5];
    const char *text;
} WrongLine;

static void test_wrong_lines(void **state) {
    (void)state;
    static const WrongLine LINES[] = {
        {{"x", "--nothing"}, "unexpected argument '--nothing' found"},
        {{"x", "-z"}, "unexpected argument '-z' found"},
        {{"x", "-5"}, "unexpected argument '-5' found"},
        {{"x", "--server"}, "a value is required for '--server <SERVER>' but none was supplied"},
        {{"x", "--server", "-f"},
         "a value is required for '--server <SERVER>' but none was supplied"},
        {{"x", "-s1", "-s2"}, "the argument '--server <SERVER>' cannot be used multiple times"},
        {{"x", "-ff"}, "the argument '--follow' cannot be used multiple times"},
        {{"x", "--follow=1"}, "unexpected value '1' for '--follow' found; no more were expected"},
        {{"x", "-f=1"}, "unexpected value '1' for '--follow' found; no more were expected"},
        {{"x", "-q", "-s1"}, "the argument '--quiet' cannot be used with '--server <SERVER>'"},
        {{"x", "--loud"}, "the following required arguments were not provided:\n  --follow"},
        {{"x", "-n", "256"},
         "invalid value '256' for '--lines <N>': a number from 0 to 255 is expected"},
        {{"x", "-n1x"}, "invalid value '1x' for '--lines <N>': a number from 0 to 255 is expected"},
        {{"x", "--clear=now"},
         "invalid value 'now' for '--clear[=<WHEN>]'\n  [possible values: always, never]"},
        {{"x", "--format=Text"},
         "invalid value 'Text' for '--format <FORMAT>'\n  [possible values: text, json]"},
        {{"x", "--yes=all,"},
         "invalid value '' for '--yes[=<WHAT>]'\n  [possible values: all, remote, migrate]"},
        {{"-f"}, "the following required arguments were not provided:\n  <WHAT> [MORE]"},
        {{"1", "2", "3", "4"}, "unexpected argument '4' found"},
    };
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        const char *words[6] = {NULL};
        memcpy(words, LINES[i].words, sizeof LINES[i].words);
        assert_int_equal(read_words(words), ARGS_WRONG);
        assert_string_equal(error.text, LINES[i].text);
    }
    assert_int_equal(READ("x", "-n255"), ARGS_OK);
}

static void test_list_limit(void **state) {
    (void)state;
    const char *words[CLI_LIST_MAX + 3] = {"x"};
    for (uint32_t i = 0; i < CLI_LIST_MAX; i++) words[i + 1] = "--yes=all";
    assert_int_equal(read_words(words), ARGS_OK);
    words[CLI_LIST_MAX + 1] = "--yes";
    assert_int_equal(read_words(words), ARGS_WRONG);
}

static void test_last_wins(void **state) {
    (void)state;
    CommandSpec relaxed = COMMAND;
    relaxed.style = ARGS_LAST_WINS;
    char *words[] = {"x", "--server", "one", "-f", "--server=two", "-f"};
    assert_int_equal(args_read(&relaxed, 6, words, &cli.arena, &args, &error), ARGS_OK);
    assert_string_equal(args_text(&args, "server"), "two");
}

static void test_help(void **state) {
    (void)state;
    assert_int_equal(READ("--help"), ARGS_HELP);
    assert_int_equal(READ("-fh"), ARGS_HELP);
    Buffer help;
    buffer_init(&help, 65536);
    args_write_help(&help, &COMMAND, "do");
    assert_non_null(memmem(help.data, help.count, "Usage: spacetime do [OPTIONS] <WHAT>", 36));
    assert_non_null(memmem(help.data, help.count, "-n, --lines <N>", 15));
    assert_non_null(memmem(help.data, help.count, "[possible values: text, json]", 29));
    buffer_done(&help);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_spellings_of_a_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_grouped_letters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_double_dash_ends_options, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_optional_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_spellings_of_choices, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_list_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_last_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_help, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

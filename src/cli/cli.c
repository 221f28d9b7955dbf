// cli.c - global options, the table of commands, how a command is started and its error printed.
#include "cli/cli.h"

#include "cli/commands.h"
#include "cli/config.h"
#include "cli/paths.h"
#include "server/server.h"

#include <curl/curl.h>
#include <locale.h>
#include <stdio.h>
#include <unistd.h>

static const CommandSpec *const COMMANDS[] = {
    &COMMAND_PUBLISH, &COMMAND_DELETE, &COMMAND_LOGS,    &COMMAND_CALL,      &COMMAND_DESCRIBE,
    &COMMAND_SQL,     &COMMAND_RENAME, &COMMAND_LIST,    &COMMAND_LOGIN,     &COMMAND_LOGOUT,
    &COMMAND_INIT,    &COMMAND_BUILD,  &COMMAND_SERVER,  &COMMAND_SUBSCRIBE, &COMMAND_START,
    &COMMAND_LOCK,    &COMMAND_UNLOCK, &COMMAND_VERSION, &COMMAND_TEST,      &COMMAND_BACKUP,
    &COMMAND_RESTORE, &COMMAND_IMPORT, &COMMAND_REPAIR,
};
#define COMMAND_COUNT (sizeof COMMANDS / sizeof COMMANDS[0])

static const char UNSTABLE_BANNER[] =
    "WARNING: This command is UNSTABLE and subject to breaking changes.\n\n";

#define EXIT_USAGE 2
#define TEXT_BYTES_MAX 65536u

// What stands before the command's name.
typedef struct Globals {
    const char *root_dir;
    const char *config_path;
    int at;  // of the command in argv
    bool wants_help;
    bool wants_version;
    bool wants_short_version;
} Globals;

static bool read_globals(Cli *cli, int argc, char **argv, Globals *ret_globals);
static bool read_global_value(int argc, char **argv, int *at, const char *name,
                              const char **ret_value);
static int run_command(Cli *cli, const Globals *globals, int argc, char **argv);
static int run_help(Cli *cli, int argc, char **argv);
static const CommandSpec *find_command(const char *name);
static const CommandSpec *find_below(const CommandSpec *command, const char *name);
static int execute(Cli *cli, const Globals *globals, const Args *args);
static int fail_usage(const CommandSpec *command, const char *usage_name, const char *text);
static void print_help(const CommandSpec *command, const char *usage_name);
static void write_overview(Buffer *buffer);
static void print_overview(FILE *to);
static void print_version(Cli *cli);
static void print_fault(const Fault *fault);
static void print_indented(const char *head, Bytes text);

int cli_run(int argc, char **argv) {
    Cli cli = {.os = os_real(), .exit_code = 1};
    arena_init(&cli.arena, CLI_ARENA_BYTES_MAX);
    // For the width of characters only; numbers keep their points.
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) (void)setlocale(LC_CTYPE, "");
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    Globals globals = {0};
    int exit_code = EXIT_USAGE;
    if (read_globals(&cli, argc, argv, &globals)) {
        if (globals.wants_help) {
            print_overview(stdout);
            exit_code = 0;
        } else if (globals.wants_short_version) {
            puts("spacetime " SERVER_VERSION);
            exit_code = 0;
        } else if (globals.wants_version) {
            print_version(&cli);
            exit_code = 0;
        } else if (globals.at == argc) {
            print_overview(stderr);
        } else {
            exit_code = run_command(&cli, &globals, argc, argv);
        }
    }
    if (fflush(stdout) != 0 && exit_code == 0) exit_code = 1;
    curl_global_cleanup();
    arena_done(&cli.arena);
    return exit_code;
}

static bool read_globals(Cli *cli, int argc, char **argv, Globals *ret_globals) {
    int at = 1;
    for (; at < argc && argv[at][0] == '-'; at++) {
        const char *word = argv[at];
        if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
            ret_globals->wants_help = true;
            return true;
        }
        if (strcmp(word, "-V") == 0 || strcmp(word, "--version") == 0) {
            ret_globals->wants_short_version = word[1] == 'V';
            ret_globals->wants_version = word[1] != 'V';
            return true;
        }
        if (read_global_value(argc, argv, &at, "--root-dir", &ret_globals->root_dir)) continue;
        if (read_global_value(argc, argv, &at, "--config-path", &ret_globals->config_path))
            continue;
        const char *text =
            strcmp(word, "--root-dir") == 0 || strcmp(word, "--config-path") == 0
                ? cli_text(cli, "a value is required for '%s <PATH>' but none was supplied", word)
                : cli_text(cli, "unexpected argument '%s' found", word);
        (void)fail_usage(NULL, "", text);
        return false;
    }
    ret_globals->at = at;
    return true;
}

// Whether argv[*at] is this option, with a value; then *at is at the last word of it.
static bool read_global_value(int argc, char **argv, int *at, const char *name,
                              const char **ret_value) {
    size_t count = strlen(name);
    if (strncmp(argv[*at], name, count) != 0) return false;
    if (argv[*at][count] == '=') {
        *ret_value = argv[*at] + count + 1;
        return true;
    }
    if (argv[*at][count] != 0 || *at + 1 == argc) return false;
    *ret_value = argv[++*at];
    return true;
}

static int run_command(Cli *cli, const Globals *globals, int argc, char **argv) {
    int at = globals->at;
    if (strcmp(argv[at], "help") == 0) return run_help(cli, argc - at - 1, argv + at + 1);
    const CommandSpec *command = find_command(argv[at]);
    if (command == NULL) {
        return fail_usage(NULL, "", cli_text(cli, "unrecognized subcommand '%s'", argv[at]));
    }
    const char *usage_name = command->name;
    at++;
    while (at < argc && command->command_count > 0) {
        const CommandSpec *below = find_below(command, argv[at]);
        if (below == NULL && command->run == NULL && argv[at][0] != '-') {
            return fail_usage(command, usage_name,
                              cli_text(cli, "unrecognized subcommand '%s'", argv[at]));
        }
        if (below == NULL) break;
        command = below;
        usage_name = cli_text(cli, "%s %s", usage_name, below->name);
        at++;
    }
    Args args;
    Error error;
    ArgsOutcome outcome = args_read(command, argc - at, argv + at, &cli->arena, &args, &error);
    if (outcome == ARGS_WRONG) return fail_usage(command, usage_name, error.text);
    if (outcome == ARGS_HELP) {
        print_help(command, usage_name);
        return 0;
    }
    if (command->run == NULL) {
        return fail_usage(
            command, usage_name,
            cli_text(cli, "'%s' requires a subcommand but one was not provided", usage_name));
    }
    args.usage_name = usage_name;
    return execute(cli, globals, &args);
}

static int run_help(Cli *cli, int argc, char **argv) {
    if (argc == 0) {
        print_overview(stdout);
        return 0;
    }
    const CommandSpec *command = find_command(argv[0]);
    const char *usage_name = argv[0];
    for (int i = 1; i < argc && command != NULL; i++) {
        command = find_below(command, argv[i]);
        usage_name = cli_text(cli, "%s %s", usage_name, argv[i]);
    }
    if (command == NULL) {
        return fail_usage(NULL, "", cli_text(cli, "unrecognized subcommand '%s'", usage_name));
    }
    print_help(command, usage_name);
    return 0;
}

static const CommandSpec *find_command(const char *name) {
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(COMMANDS[i]->name, name) == 0) return COMMANDS[i];
    }
    return NULL;
}

static const CommandSpec *find_below(const CommandSpec *command, const char *name) {
    for (uint32_t i = 0; i < command->command_count; i++) {
        if (strcmp(command->commands[i].name, name) == 0) return &command->commands[i];
    }
    return NULL;
}

static int execute(Cli *cli, const Globals *globals, const Args *args) {
    Status status = paths_find(cli, globals->root_dir, globals->config_path);
    if (status == STATUS_OK) status = config_load(cli);
    if (status == STATUS_OK) {
        if (args->command->is_unstable) (void)fputs(UNSTABLE_BANNER, stderr);
        status = args->command->run(cli, args);
    }
    if (status == STATUS_OK) return 0;
    (void)fflush(stdout);
    print_fault(&cli->fault);
    return cli->exit_code;
}

static int fail_usage(const CommandSpec *command, const char *usage_name, const char *text) {
    Buffer buffer;
    buffer_init(&buffer, TEXT_BYTES_MAX);
    if (command == NULL) {
        buffer_append_text(&buffer, "Usage: spacetime [OPTIONS] <COMMAND>\n");
    } else {
        args_write_usage(&buffer, command, usage_name);
    }
    (void)fprintf(stderr, "error: %s\n\n%.*s\nFor more information, try '--help'.\n", text,
                  BYTES_FORMAT(buffer_bytes(&buffer)));
    buffer_done(&buffer);
    return EXIT_USAGE;
}

// ---- what is printed ----

static void print_help(const CommandSpec *command, const char *usage_name) {
    Buffer buffer;
    buffer_init(&buffer, TEXT_BYTES_MAX);
    args_write_help(&buffer, command, usage_name);
    printf("%.*s", BYTES_FORMAT(buffer_bytes(&buffer)));
    buffer_done(&buffer);
}

static void write_overview(Buffer *buffer) {
    buffer_append_text(buffer, "The command line of SpacetimeDB: databases, modules, servers.\n\n"
                               "Usage: spacetime [OPTIONS] <COMMAND>\n\nCommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        buffer_append_format(buffer, "  %-10s  %s\n", COMMANDS[i]->name, COMMANDS[i]->about);
    }
    buffer_append_text(buffer,
                       "  help        Print this message or the help of a command\n\nOptions:\n"
                       "      --root-dir <DIR>      Keep configuration, data and caches in DIR\n"
                       "      --config-path <FILE>  Use FILE instead of cli.toml\n"
                       "  -h, --help                Print help\n"
                       "  -V, --version             Print version\n");
}

static void print_overview(FILE *to) {
    Buffer buffer;
    buffer_init(&buffer, TEXT_BYTES_MAX);
    write_overview(&buffer);
    (void)fprintf(to, "%.*s", BYTES_FORMAT(buffer_bytes(&buffer)));
    buffer_done(&buffer);
}

static void print_version(Cli *cli) {
    char path[OS_PATH_BYTES_MAX];
    ssize_t count = readlink("/proc/self/exe", path, sizeof path - 1);
    path[count < 0 ? 0 : count] = 0;
    printf("spacetime Path: %s\nCommit: %s\nspacetimedb tool version %s; spacetimedb-lib version "
           "%s;\n",
           cli_text(cli, "%s", path), "unknown", SERVER_VERSION, SERVER_VERSION);
}

// "Error: outermost", and below it what caused it, numbered if there are several.
static void print_fault(const Fault *fault) {
    if (fault->count == 0) return;  // a tool that was run has said it all
    const Bytes *outermost = &fault->texts[fault->count - 1];
    (void)fprintf(stderr, "Error: %.*s\n", BYTES_FORMAT(*outermost));
    if (fault->count == 1) return;
    (void)fprintf(stderr, "\nCaused by:\n");
    for (uint32_t i = 0; i + 1 < fault->count; i++) {
        char head[16] = "    ";
        if (fault->count > 2) (void)snprintf(head, sizeof head, "%5u: ", i);
        print_indented(head, fault->texts[fault->count - 2 - i]);
    }
}

// Further lines of a text stand below its first one.
static void print_indented(const char *head, Bytes text) {
    uint32_t indent = (uint32_t)strlen(head);
    (void)fputs(head, stderr);
    for (uint32_t start = 0;;) {
        uint32_t end = start;
        while (end < text.count && text.data[end] != '\n') end++;
        (void)fprintf(stderr, "%.*s\n", BYTES_FORMAT(bytes_slice(text, start, end - start)));
        if (end == text.count) return;
        start = end + 1;
        (void)fprintf(stderr, "%*s", (int)indent, "");
    }
}

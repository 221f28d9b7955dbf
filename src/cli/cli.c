// cli.c - finds the command.

#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "server/server.h"

static const Command COMMANDS[] = {
    {"start", "Start a local SpacetimeDB instance", command_start},
};
#define COMMAND_COUNT (sizeof COMMANDS / sizeof COMMANDS[0])

static void print_usage(FILE *to);

int cli_run(int argc, char **argv) {
    if (argc < 2) {
        print_usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0) {
        (void)printf("spacetime " SERVER_VERSION "\n");
        return 0;
    }
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return 0;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], COMMANDS[i].name) == 0) return COMMANDS[i].run(argc - 1, argv + 1);
    }
    (void)fprintf(stderr, "error: unrecognized subcommand '%s'\n\n", argv[1]);
    print_usage(stderr);
    return 2;
}

static void print_usage(FILE *to) {
    (void)fprintf(to, "Usage: spacetime <COMMAND>\n\nCommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        (void)fprintf(to, "  %-12s %s\n", COMMANDS[i].name, COMMANDS[i].about);
    }
}

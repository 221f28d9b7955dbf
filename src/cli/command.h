// command.h - what every command is given, and how it says what went wrong.
//
// Threads    the main thread.
// Lifetime   all texts live in cli->arena, until the command ends; so nothing here is released.
// Limits     CLI_ARENA_BYTES_MAX, CLI_FAULT_TEXTS_MAX.
#pragma once

#include "base/arena.h"
#include "base/os.h"
#include "base/status.h"
#include "cli/args.h"

typedef struct Config Config;

typedef struct Paths {
    const char *config_dir;  // keys
    const char *config_file;
    const char *data_dir;   // of `start`
    const char *cache_dir;  // the unpacked SDK
    const char *home_dir;   // NULL: unknown
} Paths;

// Why a command failed: innermost text first, each further one what was being done.
typedef struct Fault {
    Bytes texts[CLI_FAULT_TEXTS_MAX];
    uint32_t count;
} Fault;

struct Cli {
    Arena arena;
    Os *os;
    Paths paths;
    Config *config;  // loaded before a command runs
    Fault fault;
    int exit_code;  // of a command that failed: 1 unless a tool it ran had another
};

// A text in the arena.
const char *cli_text(Cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Notes the innermost text, replacing what was noted before; returns `status`.
Status cli_fail(Cli *cli, Status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
Status cli_fail_error(Cli *cli, const Error *error);
// Adds what was being done; returns `status`, which is an error.
Status cli_wrap(Cli *cli, Status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// ---- output and prompts ----

// The bytes as they are on standard output; false if it does not take them.
bool cli_print(Bytes bytes);

// `--yes` was given: say so and go on.
typedef enum Asking { ASKING, ASKING_SKIPPED } Asking;

// Asks on standard output; the end of input is a no.
bool cli_confirm(Cli *cli, Asking asking, const char *question);
// One line of standard input, trimmed; empty at its end.
const char *cli_read_line(Cli *cli);
// Whether to use colours on that stream (1 or 2): a terminal, and no NO_COLOR.
bool cli_has_colour(int descriptor);

// ---- files ----

bool path_is_directory(const char *path);
bool path_is_file(const char *path);
const char *path_join(Cli *cli, const char *directory, const char *name);
// Without "." and "x/..", as text: links are not looked at.
const char *path_clean(Cli *cli, const char *path);
const char *path_working_directory(Cli *cli);
// A whole file; the error names it.
Status file_read(Cli *cli, const char *path, size_t bytes_max, Bytes *ret_bytes);

// args.h - command lines: what a command accepts as a table, and what it was given.
//
// Threads    any.
// Lifetime   texts are those of argv or of the tables.
// Limits     CLI_OPTIONS_MAX options a command, CLI_LIST_MAX values of one.
// Format     the grammar of clap 4 (spec: cli.md 2.2).
#pragma once

#include "base/arena.h"
#include "base/limits.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Cli Cli;
typedef struct Args Args;

typedef enum OptionKind {
    OPTION_FLAG,
    OPTION_VALUE,
    OPTION_NUMBER,    // a decimal number up to number_max
    OPTION_OPTIONAL,  // the value, if any, is attached with '='; otherwise `missing`
    OPTION_LIST,      // the same, comma-separated and repeatable
} OptionKind;

typedef struct OptionSpec {
    const char *name;   // without the dashes
    const char *alias;  // another long name; NULL: none
    char letter;        // 0: none
    OptionKind kind;
    const char *value_name;  // for the help
    // "text,default,txt|json": the values it takes, each with its other spellings. NULL: any.
    const char *choices;
    const char *missing;  // of OPTIONAL and LIST: the value when none is attached
    uint32_t number_max;
    const char *conflicts;  // names of options it cannot stand beside, separated by spaces
    const char *
        requires;  // the option it needs
    bool is_required;
    bool is_hidden;
    const char *help;
} OptionSpec;

// How a command line is read that is not only options and positionals.
typedef enum ArgsStyle {
    ARGS_STRICT,
    ARGS_LAST_WINS,  // options may repeat; the last one counts
} ArgsStyle;

typedef struct CommandSpec {
    const char *name;
    const char *about;
    const OptionSpec *options;
    uint32_t option_count;
    const char *positionals;  // for the usage: "[DATABASE] <QUERY>..."
    uint32_t positionals_min;
    uint32_t positionals_max;
    ArgsStyle style;
    const struct CommandSpec *commands;  // further ones below it
    uint32_t command_count;
    bool is_unstable;                           // prints the banner
    Status (*run)(Cli *cli, const Args *args);  // NULL: a command below it must be named
} CommandSpec;

typedef struct OptionValue {
    bool is_given;
    const char *values[CLI_LIST_MAX];
    uint32_t count;
    uint32_t number;
} OptionValue;

struct Args {
    const CommandSpec *command;
    const char *usage_name;  // "server add"
    OptionValue options[CLI_OPTIONS_MAX];
    const char **positionals;
    uint32_t positional_count;
};

typedef enum ArgsOutcome {
    ARGS_OK,
    ARGS_HELP,   // -h or --help was among them
    ARGS_WRONG,  // error has the text, without usage
} ArgsOutcome;

// Reads what follows the command's name. `arena` holds the positionals and attached values.
ArgsOutcome args_read(const CommandSpec *command, int argc, char **argv, Arena *arena,
                      Args *ret_args, Error *error);

// The option must be one of the command's.
bool args_has(const Args *args, const char *name);
const char *args_text(const Args *args, const char *name);  // NULL: not given
uint32_t args_number(const Args *args, const char *name, uint32_t otherwise);
// Whether one of the values of an OPTION_LIST is `value`.
bool args_lists(const Args *args, const char *name, const char *value);
const char *args_positional(const Args *args, uint32_t index);  // NULL: not given

// "Usage: spacetime call [OPTIONS] ..." and the whole help.
void args_write_usage(Buffer *buffer, const CommandSpec *command, const char *usage_name);
void args_write_help(Buffer *buffer, const CommandSpec *command, const char *usage_name);

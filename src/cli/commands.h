// commands.h - the commands there are, one file each, and the options that several of them have.
//
// Threads    the main thread.
// Limits     CLI_OPTIONS_MAX.
// Format     spec: cli.md 8.
#pragma once

#include "cli/command.h"

extern const CommandSpec COMMAND_BACKUP;
extern const CommandSpec COMMAND_BUILD;
extern const CommandSpec COMMAND_CALL;
extern const CommandSpec COMMAND_DELETE;
extern const CommandSpec COMMAND_DESCRIBE;
extern const CommandSpec COMMAND_IMPORT;
extern const CommandSpec COMMAND_INIT;
extern const CommandSpec COMMAND_LIST;
extern const CommandSpec COMMAND_LOCK;
extern const CommandSpec COMMAND_LOGIN;
extern const CommandSpec COMMAND_LOGOUT;
extern const CommandSpec COMMAND_LOGS;
extern const CommandSpec COMMAND_PUBLISH;
extern const CommandSpec COMMAND_RENAME;
extern const CommandSpec COMMAND_REPAIR;
extern const CommandSpec COMMAND_RESTORE;
extern const CommandSpec COMMAND_SERVER;
extern const CommandSpec COMMAND_SQL;
extern const CommandSpec COMMAND_START;
extern const CommandSpec COMMAND_SUBSCRIBE;
extern const CommandSpec COMMAND_TEST;
extern const CommandSpec COMMAND_UNLOCK;
extern const CommandSpec COMMAND_VERSION;

#define COMMAND_OPTIONS(list) .options = (list), .option_count = sizeof(list) / sizeof(list)[0]

// clang-format off
#define OPTION_SERVER                                                                              \
    {.name = "server", .letter = 's', .kind = OPTION_VALUE, .value_name = "SERVER",                \
     .help = "The nickname, host name or URL of the server"}
#define OPTION_ANONYMOUS                                                                           \
    {.name = "anonymous", .kind = OPTION_FLAG,                                                     \
     .help = "Perform this action with an anonymous identity"}
#define OPTION_YES                                                                                 \
    {.name = "yes", .letter = 'y', .kind = OPTION_FLAG,                                            \
     .help = "Answer every question with yes, and never offer to log in on the web"}
#define OPTION_NO_CONFIG                                                                           \
    {.name = "no-config", .kind = OPTION_FLAG, .help = "Ignore spacetime.json"}
#define OPTION_CONFIRMED                                                                           \
    {.name = "confirmed", .kind = OPTION_VALUE, .value_name = "BOOL", .choices = "true|false",     \
     .help = "Whether to wait until what is read is durable"}
#define OPTION_DOTNET                                                                              \
    {.name = "dotnet-version", .kind = OPTION_VALUE, .value_name = "VERSION", .choices = "8|10",   \
     .help = "The .NET version of C# modules"}
// clang-format on

// cmd_version.c - `version`: what this program is. It is one file, so there are no versions to manage.
#include "cli/commands.h"
#include "server/server.h"

#include <stdio.h>

static Status run(Cli *cli, const Args *args);

const CommandSpec COMMAND_VERSION = {
    .name = "version",
    .about = "Print the version",
    .positionals = "[list]",
    .positionals_max = UINT32_MAX,
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    const char *wanted = args_positional(args, 0);
    if (wanted != NULL && strcmp(wanted, "list") != 0) {
        return cli_fail(
            cli, STATUS_UNSUPPORTED,
            "`spacetime version %s` is not there: this program is one file and does not "
            "install others. Replace the file to change the version.",
            wanted);
    }
    puts(wanted == NULL ? "spacetime " SERVER_VERSION : SERVER_VERSION " (current)");
    return STATUS_OK;
}

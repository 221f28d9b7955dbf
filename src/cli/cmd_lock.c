// cmd_lock.c - `lock` and `unlock`: a locked database cannot be deleted.
#include "cli/commands.h"
#include "cli/http.h"
#include "cli/remote.h"

#include <stdio.h>

static const OptionSpec OPTIONS[] = {OPTION_SERVER, OPTION_NO_CONFIG};

static Status lock(Cli *cli, const Args *args);
static Status unlock(Cli *cli, const Args *args);
static Status change_lock(Cli *cli, const Args *args, const char *usage, const char *route,
                          const char *done);

const CommandSpec COMMAND_LOCK = {
    .name = "lock",
    .about = "Lock a database to prevent accidental deletion",
    COMMAND_OPTIONS(OPTIONS),
    .positionals = "[DATABASE]",
    .positionals_max = 1,
    .run = lock,
};

const CommandSpec COMMAND_UNLOCK = {
    .name = "unlock",
    .about = "Unlock a database to allow deletion",
    COMMAND_OPTIONS(OPTIONS),
    .positionals = "[DATABASE]",
    .positionals_max = 1,
    .run = unlock,
};

static Status lock(Cli *cli, const Args *args) {
    return change_lock(cli, args, "spacetime lock [database] [--no-config]", "lock",
                       "is now locked. It cannot be deleted until unlocked.");
}

static Status unlock(Cli *cli, const Args *args) {
    return change_lock(cli, args, "spacetime unlock [database] [--no-config]", "unlock",
                       "is now unlocked.");
}

static Status change_lock(Cli *cli, const Args *args, const char *usage, const char *route,
                          const char *done) {
    Target target;
    Remote remote;
    HttpReply reply;
    Status status = target_of_database(cli, args, usage, &target);
    if (status == STATUS_OK) status = remote_open(cli, &target, args, &remote);
    if (status != STATUS_OK) return status;
    const HttpCall call = {
        .method = "POST",
        .url = cli_text(cli, "%s/v1/database/%s/%s", remote.url, remote.identity, route),
        .token = remote.token,
    };
    status = http_call(cli, &call, &reply);
    if (status == STATUS_OK) status = http_expect_success(cli, &reply);
    if (status == STATUS_OK) printf("Database %s %s\n", remote.identity, done);
    return status;
}

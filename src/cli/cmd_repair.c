// cmd_repair.c - `repair`: gives up what is damaged at the end of a commitlog, as the error that refuses it advises.
#include "cli/transfer.h"

#include <stdio.h>

static const OptionSpec OPTIONS[] = {
    {.name = "keep",
     .kind = OPTION_VALUE,
     .value_name = "COUNT",
     .is_required = true,
     .help = "How many transactions to keep; all behind them are given up"},
    OPTION_YES,
};

static Status run(Cli *cli, const Args *args);

const CommandSpec COMMAND_REPAIR = {
    .name = "repair",
    .about = "Gives up the damaged end of a database that refuses to open",
    COMMAND_OPTIONS(OPTIONS),
    .positionals = "<DIR>",
    .positionals_min = 1,
    .positionals_max = 1,
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    const char *given = args_positional(args, 0);
    uint64_t keep = 0;
    if (!transfer_number(args_text(args, "keep"), &keep)) {
        return cli_fail(cli, STATUS_INVALID, "--keep %s is no count", args_text(args, "keep"));
    }
    if (path_is_directory(cli_text(cli, "%s/clog", given))) given = cli_text(cli, "%s/clog", given);
    if (!path_is_directory(given)) {
        return cli_fail(cli, STATUS_NOT_FOUND, "%s is no directory with a commitlog", given);
    }
    const char *replica = cli_text(cli, "%s/..", given);
    DirectoryLock lock;
    Error error;
    if (directory_lock(replica, &lock, &error) != STATUS_OK) return cli_fail_error(cli, &error);
    const char *question = cli_text(
        cli, "Keep the first %llu transactions of %s and give up all behind them?",
        (unsigned long long)keep, given);
    Status status = STATUS_OK;
    if (!cli_confirm(cli, args_has(args, "yes") ? ASKING_SKIPPED : ASKING, question)) {
        puts("Aborting");
    } else {
        const char *snapshots = cli_text(cli, "%s/snapshots", replica);
        status = log_repair(cli->os, given, path_is_directory(snapshots) ? snapshots : NULL, keep,
                            &error);
        if (status != STATUS_OK) {
            (void)cli_fail_error(cli, &error);
        } else {
            printf("Kept %llu transactions. What was changed or given up is still in %s, with "
                   "\".damaged\" at the end.\n",
                   (unsigned long long)keep, given);
        }
    }
    directory_unlock(&lock);
    return status;
}

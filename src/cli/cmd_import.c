// cmd_import.c - `import`: a database out of another server's data directory, SpacetimeDB's included.
//
// Its control database is not read: what a database is called there is given on the command line, whose it is can be; the
// rest is in the replica itself.
#include "cli/transfer.h"

static const OptionSpec OPTIONS[] = {
    OPTION_DATA_DIR,
    {.name = "replica",
     .kind = OPTION_VALUE,
     .value_name = "NUMBER",
     .help = "Which one of replicas/, if there are several"},
    OPTION_TRANSACTIONS,
    OPTION_TIME,
    OPTION_OWNER,
    OPTION_REPLACE,
};

typedef struct Replicas {
    Cli *cli;
    const char *directory;
    const char *found;  // the last one
    const char *names;  // all of them
    uint32_t count;
} Replicas;

static Status run(Cli *cli, const Args *args);
static Status find_replica(Cli *cli, const Args *args, const char *from, const char **ret_replica);
static void note_replica(void *user, const char *name, bool is_directory);
static bool is_replica(Cli *cli, const char *path);

const CommandSpec COMMAND_IMPORT = {
    .name = "import",
    .about = "Takes a database over from a data directory, also one of SpacetimeDB's",
    COMMAND_OPTIONS(OPTIONS),
    .positionals = "<FROM> [NAME]",
    .positionals_min = 1,
    .positionals_max = 2,
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    const char *replica = NULL;
    Status status = find_replica(cli, args, args_positional(args, 0), &replica);
    if (status != STATUS_OK) return status;
    return transfer_take_in(cli, args, replica, args_positional(args, 1));
}

static Status find_replica(Cli *cli, const Args *args, const char *from, const char **ret_replica) {
    const char *number = args_text(args, "replica");
    uint64_t ignored;
    if (number && !transfer_number(number, &ignored)) {
        return cli_fail(cli, STATUS_INVALID, "--replica %s is no number", number);
    }
    Replicas replicas = {.cli = cli, .directory = cli_text(cli, "%s/replicas", from), .names = ""};
    if (number) {
        replicas.found = cli_text(cli, "%s/%s", replicas.directory, number);
        replicas.count = is_replica(cli, replicas.found);
    } else if (is_replica(cli, from)) {
        replicas.found = from;
        replicas.count = 1;
    } else {
        Error error;
        Os *os = cli->os;
        Status status = os->directory_list(os, replicas.directory, note_replica, &replicas, &error);
        if (status != STATUS_OK) return cli_fail_error(cli, &error);
    }
    if (replicas.count == 0) {
        return cli_fail(cli, STATUS_NOT_FOUND, "%s has no database: no clog/ is there",
                        number ? replicas.found : from);
    }
    if (replicas.count > 1) {
        return cli_fail(cli, STATUS_INVALID, "%s has several databases, say which: --replica%s",
                        from, replicas.names);
    }
    *ret_replica = replicas.found;
    return STATUS_OK;
}

static void note_replica(void *user, const char *name, bool is_directory) {
    Replicas *replicas = user;
    uint64_t number;
    const char *path = cli_text(replicas->cli, "%s/%s", replicas->directory, name);
    if (!is_directory || !transfer_number(name, &number) || !is_replica(replicas->cli, path))
        return;
    replicas->names = cli_text(replicas->cli, "%s %s", replicas->names, name);
    replicas->found = path;
    replicas->count++;
}

static bool is_replica(Cli *cli, const char *path) {
    return path_is_directory(cli_text(cli, "%s/clog", path));
}

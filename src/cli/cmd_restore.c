// cmd_restore.c - `restore`: a backup, or its state at an earlier transaction or time, into a data directory.
#include "cli/transfer.h"

#include "base/toml.h"

static const OptionSpec OPTIONS[] = {OPTION_DATA_DIR, OPTION_TRANSACTIONS, OPTION_TIME,
                                     OPTION_OWNER, OPTION_REPLACE};

static Status run(Cli *cli, const Args *args);
static const char *name_in(Cli *cli, const char *backup);

const CommandSpec COMMAND_RESTORE = {
    .name = "restore",
    .about = "Puts a backup into the data directory of a server that does not run",
    COMMAND_OPTIONS(OPTIONS),
    .positionals = "<BACKUP> [NAME]",
    .positionals_min = 1,
    .positionals_max = 2,
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    const char *backup = args_positional(args, 0);
    const char *name = args_positional(args, 1);
    if (!path_is_directory(cli_text(cli, "%s/clog", backup))) {
        return cli_fail(cli, STATUS_NOT_FOUND, "%s is no backup: it has no clog/", backup);
    }
    return transfer_take_in(cli, args, backup, name ? name : name_in(cli, backup));
}

// What the database was called when it was backed up; NULL: it had no name, or nobody noted it.
static const char *name_in(Cli *cli, const char *backup) {
    const char *path = cli_text(cli, "%s/backup.toml", backup);
    Bytes text;
    Toml toml;
    Error error;
    if (!path_is_file(path) || file_read(cli, path, TOML_BYTES_MAX, &text) != STATUS_OK) {
        return NULL;
    }
    if (toml_read(text, &cli->arena, &toml, &error) != STATUS_OK) return NULL;
    const TomlValue *name = toml_find(&toml, "", "name");
    if (name == NULL || name->kind != TOML_STRING || name->text.count == 0) return NULL;
    return cli_text(cli, "%.*s", BYTES_FORMAT(name->text));
}

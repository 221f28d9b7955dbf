// cmd_backup.c - `backup`: a copy of a database while it is used, from a server or from a data directory; up to a
// transaction or a time; as a directory, or as a tar archive on standard output.
#include "cli/backup_fetch.h"
#include "cli/config.h"
#include "cli/remove_tree.h"
#include "cli/tar.h"
#include "cli/transfer.h"

#include <stdio.h>
#include <stdlib.h>

static const OptionSpec OPTIONS[] = {
    OPTION_SERVER, OPTION_DATA_DIR, OPTION_TRANSACTIONS, OPTION_TIME, OPTION_YES, OPTION_NO_CONFIG,
};

typedef struct Backup {
    const char *directory;  // that it becomes
    const char *replica;    // where its files are
    const char
        *incoming;  // of a server: where they are put first; NULL: they are read where they are
    const char *name;
    Remote remote;
    TransferLimit limit;
    LogCopied copied;
} Backup;

static Status run(Cli *cli, const Args *args);
static Status choose_source(Cli *cli, const Args *args, Backup *backup);
static Status make(Cli *cli, Backup *backup);
static Status copy(Cli *cli, Backup *backup);
static Status note(Cli *cli, const Backup *backup);

const CommandSpec COMMAND_BACKUP = {
    .name = "backup",
    .about = "Copies a database, also while it is used, to a directory or (-) as a tar archive",
    COMMAND_OPTIONS(OPTIONS),
    .positionals = "<DATABASE> <DIR|->",
    .positionals_min = 2,
    .positionals_max = 2,
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    Backup backup = {.name = ""};
    bool is_stream = strcmp(args_positional(args, 1), "-") == 0;
    char temporary[] = "/tmp/spacetime-backup-XXXXXX";
    Status status = transfer_limit(cli, args, &backup.limit);
    if (status != STATUS_OK) return status;
    backup.directory = args_positional(args, 1);
    if (is_stream) {
        if (mkdtemp(temporary) == NULL) {
            return cli_fail(cli, STATUS_IO, "no directory can be made in /tmp");
        }
        backup.directory = temporary;
    }
    status = choose_source(cli, args, &backup);
    if (status == STATUS_OK) status = make(cli, &backup);
    if (is_stream) {
        if (status == STATUS_OK) status = tar_write(cli, temporary, 1);
        Status removed = remove_tree(cli, temporary);
        if (status == STATUS_OK) status = removed;
    } else if (status == STATUS_OK) {
        printf("Backed up %s to %s: %s; %llu bytes written.\n", args_positional(args, 0),
               backup.directory, transfer_text(cli, &backup.copied),
               (unsigned long long)backup.copied.bytes);
    }
    return status;
}

static Status choose_source(Cli *cli, const Args *args, Backup *backup) {
    const char *which = args_positional(args, 0);
    const char *data_dir = args_text(args, "data-dir");
    if (data_dir) {
        Bytes name;
        Error error;
        Status status = database_locate(cli->os, data_dir, bytes_of_text(which), &cli->arena,
                                        &backup->replica, &name, &error);
        if (status != STATUS_OK) return cli_fail_error(cli, &error);
        backup->name = cli_text(cli, "%.*s", BYTES_FORMAT(name));
        return STATUS_OK;
    }
    Identity identity;
    const Target target = {.database = which};
    backup->name = identity_parse(bytes_of_text(which), &identity) ? "" : which;
    backup->incoming = cli_text(cli, "%s/incoming", backup->directory);
    backup->replica = backup->incoming;
    return remote_open(cli, &target, args, &backup->remote);
}

// What was fetched before a file was compressed does not fit what came after: then all of it is fetched anew, once.
static Status make(Cli *cli, Backup *backup) {
    Status status = STATUS_OK;
    if (backup->incoming) status = backup_fetch(cli, &backup->remote, backup->incoming);
    if (status == STATUS_OK) status = copy(cli, backup);
    if (status == STATUS_CORRUPT && backup->incoming) {
        status = remove_tree(cli, backup->incoming);
        if (status == STATUS_OK) status = backup_fetch(cli, &backup->remote, backup->incoming);
        if (status == STATUS_OK) status = copy(cli, backup);
    }
    if (status == STATUS_OK) status = note(cli, backup);
    if (status == STATUS_OK && backup->incoming) status = remove_tree(cli, backup->incoming);
    return status;
}

static Status copy(Cli *cli, Backup *backup) {
    Progress progress = progress_begin(backup->incoming ? "Verifying" : "Copying");
    const char *snapshots = cli_text(cli, "%s/snapshots", backup->replica);
    const LogCopy options = {.os = cli->os,
                             .segments = cli_text(cli, "%s/clog", backup->replica),
                             .snapshots = path_is_directory(snapshots) ? snapshots : NULL,
                             .to_segments = cli_text(cli, "%s/clog", backup->directory),
                             .to_snapshots = cli_text(cli, "%s/snapshots", backup->directory),
                             .transactions = backup->limit.transactions,
                             .micros = backup->limit.micros,
                             .progress = progress_show,
                             .user = &progress};
    Error error;
    Status status = log_copy(&options, &backup->copied, &error);
    progress_end(&progress);
    return status == STATUS_OK ? status : cli_fail_error(cli, &error);
}

// For people, and for the name that `restore` gives it.
static Status note(Cli *cli, const Backup *backup) {
    const char *text = cli_text(cli,
                                "# Written by spacetime backup.\n"
                                "name = \"%s\"\ntransactions = %llu\nsnapshot = %llu\n",
                                backup->name, (unsigned long long)backup->copied.transactions,
                                (unsigned long long)backup->copied.snapshot_transactions);
    Error error;
    Status status = os_file_replace(cli->os, cli_text(cli, "%s/backup.toml", backup->directory),
                                    bytes_of_text(text), &error);
    return status == STATUS_OK ? status : cli_fail_error(cli, &error);
}

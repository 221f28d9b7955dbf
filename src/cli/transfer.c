// transfer.c - see transfer.h.
#include "cli/transfer.h"

#include "sats/sats.h"

#include <stdio.h>
#include <unistd.h>

#define BAR_COLUMNS 40u

// ---- the bar ----

Progress progress_begin(const char *what) {
    return (Progress){.what = what, .is_shown = isatty(2) == 1, .percent = UINT32_MAX};
}

bool progress_show(void *user, uint64_t bytes_done, uint64_t bytes_total) {
    Progress *progress = user;
    if (!progress->is_shown) return true;
    double part = bytes_total > 0 ? (double)bytes_done / (double)bytes_total : 1;
    uint32_t percent = (uint32_t)(part * 100);
    if (percent == progress->percent) return true;
    progress->percent = percent;
    char bar[BAR_COLUMNS + 1];
    for (uint32_t i = 0; i < BAR_COLUMNS; i++) bar[i] = i * 100 < percent * BAR_COLUMNS ? '#' : '.';
    bar[BAR_COLUMNS] = 0;
    (void)fprintf(stderr, "\r%s [%s] %3u%% of %.1f MB ", progress->what, bar, percent,
                  (double)bytes_total / 1e6);
    return true;
}

void progress_end(Progress *progress) {
    if (progress->is_shown && progress->percent != UINT32_MAX) (void)fputs("\n", stderr);
}

// ---- limits ----

bool transfer_number(const char *text, uint64_t *ret_number) {
    uint64_t number = 0;
    if (*text == 0) return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || number > (UINT64_MAX - 9) / 10) return false;
        number = number * 10 + (uint64_t)(*text - '0');
    }
    *ret_number = number;
    return true;
}

Status transfer_limit(Cli *cli, const Args *args, TransferLimit *ret_limit) {
    TransferLimit limit = {.transactions = UINT64_MAX, .micros = INT64_MAX};
    const char *transactions = args_text(args, "transactions");
    const char *time = args_text(args, "time");
    if (transactions &&
        (!transfer_number(transactions, &limit.transactions) || limit.transactions == 0)) {
        return cli_fail(cli, STATUS_INVALID, "--transactions %s is no count", transactions);
    }
    if (time && !timestamp_parse(bytes_of_text(time), &limit.micros)) {
        return cli_fail(cli, STATUS_INVALID, "--time %s is no RFC 3339 time", time);
    }
    *ret_limit = limit;
    return STATUS_OK;
}

const char *transfer_text(Cli *cli, const LogCopied *copied) {
    const char *text = cli_text(cli, "%llu transactions", (unsigned long long)copied->transactions);
    if (copied->micros != INT64_MIN) {
        Buffer time;
        buffer_init(&time, 256);
        timestamp_write_text(&time, copied->micros);
        text = cli_text(cli, "%s, the last one at %.*s", text, BYTES_FORMAT(buffer_bytes(&time)));
        buffer_done(&time);
    }
    if (copied->snapshot_transactions == 0) return text;
    return cli_text(cli, "%s, %llu of them in a snapshot", text,
                    (unsigned long long)copied->snapshot_transactions);
}

// ---- into a data directory ----

Status transfer_take_in(Cli *cli, const Args *args, const char *replica, const char *name) {
    TransferLimit limit;
    Identity owner;
    const char *owner_text = args_text(args, "owner");
    const char *data_dir = args_text(args, "data-dir");
    if (data_dir == NULL) data_dir = cli->paths.data_dir;
    Status status = transfer_limit(cli, args, &limit);
    if (status != STATUS_OK) return status;
    if (owner_text && !identity_parse(bytes_of_text(owner_text), &owner)) {
        return cli_fail(cli, STATUS_INVALID, "--owner %s is no identity", owner_text);
    }
    Progress progress = progress_begin("Copying");
    const AdoptOptions options = {.data_dir = data_dir,
                                  .replica = replica,
                                  .name = name ? bytes_of_text(name) : BYTES_NONE,
                                  .owner = owner_text ? &owner : NULL,
                                  .transactions = limit.transactions,
                                  .micros = limit.micros,
                                  .is_replacing = args_has(args, "replace"),
                                  .progress = progress_show,
                                  .user = &progress};
    Adopted adopted;
    Error error;
    status = database_adopt(cli->os, &options, &adopted, &error);
    progress_end(&progress);
    if (status != STATUS_OK) return cli_fail_error(cli, &error);
    char identity[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&adopted.identity, identity);
    printf("Database %s is in %s/replicas/%llu: %s.\n", name ? name : identity, data_dir,
           (unsigned long long)adopted.replica, transfer_text(cli, &adopted.copied));
    char hex[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&adopted.owner, hex);
    printf("Its identity is %s, its owner %s.\n", identity, hex);
    if (adopted.replaced > 0) {
        printf("The files that it replaces stay in %s/replicas/%llu.\n", data_dir,
               (unsigned long long)adopted.replaced);
    }
    return STATUS_OK;
}

// transfer.h - what backup, restore and import have in common: up to which transaction, how far it is, what came of it.
//
// Threads    the main thread.
// Lifetime   texts in cli->arena.
#pragma once

#include "cli/commands.h"
#include "server/server.h"

// clang-format off
#define OPTION_TRANSACTIONS                                                                        \
    {.name = "transactions", .kind = OPTION_VALUE, .value_name = "COUNT", .conflicts = "time",     \
     .help = "Only the first COUNT transactions"}
#define OPTION_TIME                                                                                \
    {.name = "time", .kind = OPTION_VALUE, .value_name = "RFC3339",                                \
     .help = "Only what happened up to this time, as 2026-11-25T07:40:00Z"}
#define OPTION_DATA_DIR                                                                            \
    {.name = "data-dir", .kind = OPTION_VALUE, .value_name = "DIR",                                \
     .help = "The data directory of the server"}
#define OPTION_OWNER                                                                               \
    {.name = "owner", .kind = OPTION_VALUE, .value_name = "IDENTITY",                              \
     .help = "Whose it is from now on [default: as it says itself]"}
#define OPTION_REPLACE                                                                             \
    {.name = "replace", .kind = OPTION_FLAG,                                                       \
     .help = "Put it in the place of the same database"}
// clang-format on

// A bar on standard error, if that is a terminal.
typedef struct Progress {
    const char *what;
    bool is_shown;
    uint32_t percent;
} Progress;
Progress progress_begin(const char *what);
bool progress_show(void *user, uint64_t bytes_done, uint64_t bytes_total);  // user: the Progress
void progress_end(Progress *progress);

// What --transactions and --time say.
typedef struct TransferLimit {
    uint64_t transactions;
    int64_t micros;
} TransferLimit;
Status transfer_limit(Cli *cli, const Args *args, TransferLimit *ret_limit);
// A decimal number of 64 bits.
bool transfer_number(const char *text, uint64_t *ret_number);
// "1600 transactions, the last one at ..., 1500 of them in a snapshot".
const char *transfer_text(Cli *cli, const LogCopied *copied);

// Takes a directory with clog/ and snapshots/ into the data directory of a server that does not run, and says so.
// name  NULL: none
Status transfer_take_in(Cli *cli, const Args *args, const char *replica, const char *name);

// publish_check.h - may this program replace the one that is there? Asks the server, then the user.
//
// Threads    the main thread.
// Lifetime   texts in cli->arena.
// Limits     none.        Format  spec: cli.md 7 (PrePublishResult), 8.4.
#pragma once

#include "cli/command.h"

typedef enum DeleteData {
    DELETE_DATA_NEVER,
    DELETE_DATA_ON_CONFLICT,
    DELETE_DATA_ALWAYS
} DeleteData;

typedef struct PublishCheck {
    const char *url;       // of the server
    const char *database;  // name or identity, as it was given
    const char *token;
    const char *host_type;  // "Wasm" or "Js"
    Bytes program;
    DeleteData delete_data;
    bool skips_upgrade;  // questions that --yes answers
    bool skips_break_clients;
    bool skips_delete_data;
    bool break_clients;  // --break-clients
} PublishCheck;

// Adds what the upload needs to *url: nothing, clear=true, or the token of a migration.
Status publish_check(Cli *cli, const PublishCheck *check, const char **url);

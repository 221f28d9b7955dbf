// updates.h - what a subscription is sent, as lines of JSON.
//
// Threads    any.
// Lifetime   messages borrow from the payload.
// Limits     CLI_WS_MESSAGE_BYTES_MAX, and the buffer's.
// Format     v2 server messages in BSATN (spec: websocket.md 5); lines: cli.md 6.6, 8.10.
#pragma once

#include "cli/remote.h"

typedef enum UpdateKind {
    UPDATE_NONE,     // nothing about rows
    UPDATE_APPLIED,  // the rows that are there
    UPDATE_ERROR,    // the subscription ended
    UPDATE_CHANGES,  // a transaction
} UpdateKind;

typedef struct Update {
    UpdateKind kind;
    Bytes error;   // UPDATE_ERROR
    Bytes tables;  // APPLIED, CHANGES: still encoded; update_write_line reads it
} Update;

// Reads one message; there may be more in the payload. STATUS_INVALID for what no server sends.
Status update_read(Cli *cli, Reader *reader, Update *ret_update);
// "{"table":{"deletes":[...],"inserts":[...]}}\n", several lists of one table put together.
Status update_write_line(Cli *cli, const Update *update, const ModuleInfo *module, Buffer *line);
// The request for these queries.
void subscribe_write(Buffer *message, const char *const *queries, uint32_t count);

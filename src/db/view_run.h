// view_run.h - one run of a view: the call, its result, the rows of its instance. Private to db/.
//
// Threads    the executor, or the procedure that has its turn.
#pragma once

#include "db/database.h"

#define VIEW_HASH_BYTES 32u
static_assert(VIEW_HASH_BYTES == VIEW_KEY_BYTES, "arg_hash is the key of an instance");

struct ViewInstance {
    ViewReader reader;  // first: a ViewReader of ours is a ViewInstance
    TableId table;
    uint8_t key[VIEW_HASH_BYTES];
    bool is_per_sender;
    Identity sender;   // if it is
    Bytes arguments;   // ours
    uint32_t holders;  // queries that somebody has subscribed to
    bool is_failed;    // it has no rows, whatever it should have
    bool is_retried;   // in Views.retries
    int64_t last_used_nanos;
};

// Who runs a view.
typedef struct ViewRunner {
    Instance *instance;
    HostEnv *env;  // its `tx` is set for the call
    const ModuleDef *def;
} ViewRunner;

// Runs it within the open transaction and replaces its rows. Unless the outcome is CALL_OK the rows are as they were, or
// partly replaced; the text, in the call arena, is what a caller is told.
//
// notes  what it read, also if it failed
CallOutcome view_run(Database *database, const ViewRunner *runner, const ViewInstance *view,
                     ReadNotes *notes);
// Deletes its rows within the open transaction.
void view_clear(Database *database, const ViewInstance *view);

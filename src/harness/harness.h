// harness.h - tries a module out: databases in memory, a clock that stands still until it is moved,
// and steps, one line of text each, that do something to the database and say what came of it.
//
// Threads    one thread calls; databases run on a pool of their own. The engine is shared by all
// trials.
// Lifetime   Trial < Harness. A reply is valid until the trial's next step.
// Errors     what a step does wrong is its reply, and the trial goes on.
// Limits     HARNESS_* in limits.h.        Format  docs/testing-modules.md: steps and scripts.
#pragma once

#include "db/db.h"

typedef struct Harness Harness;

// cache_dir: compiled code, as of host_engine_create. The program is copied.
Status harness_create(const char *cache_dir, Bytes program, Harness **ret_harness, Error *error);
void harness_free(Harness *harness);  // accepts NULL; its trials have ended

// ---- one fresh database ----

typedef struct Trial Trial;

// At 2026-01-01T00:00:00Z. The database itself is made by the first step that needs it.
Trial *trial_begin(Harness *harness);
void trial_end(Trial *trial);  // accepts NULL

typedef struct StepReply {
    bool is_error;
    Bytes text;  // of an error its text, otherwise what docs/testing-modules.md says of the step
} StepReply;

// Runs one step, and whatever is due because of it.
StepReply trial_step(Trial *trial, Bytes line);
// What the module has logged since the last time, as upstream's JSON lines.
Bytes trial_logs(Trial *trial);

// ---- scripts: tests written as steps ----

// Is told of each test of a script when it has run. `text` is NULL or why it failed, at that line.
typedef struct ScriptReport {
    void *user;
    void (*ended)(void *user, Bytes test, const char *text, uint32_t line);
    // Whether to run this test.
    bool (*is_wanted)(void *user, Bytes test);
} ScriptReport;

// Runs the tests of a script, each on a fresh database. STATUS_INVALID: it is no script, nothing
// was run.
Status script_run(Harness *harness, Bytes script, const ScriptReport *report, Error *error);

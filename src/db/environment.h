// environment.h - the values that the owner of a database gives its module (since-2.8.md 6.1). Private to db/.
//
// They are rows of st_env. A change is planned first, against the declarations of the module that is going to run, and
// written in the transaction that installs that module, or in one of its own.
//
// Threads    the executor.
// Limits     ENVIRONMENT_* in base/limits.h.
#pragma once

#include "db/db.h"

// What is stored after a change. In the arena.
typedef struct EnvironmentPlan {
    const EnvironmentEntry *entries;
    uint32_t count;
    bool is_changed;
} EnvironmentPlan;

// change  NULL: none. STATUS_NOT_FOUND: required values are missing, the text is a JSON array of their keys (as many as
// fit); STATUS_INVALID: the text says what is wrong.
Status environment_plan(const Database *database, const ModuleDef *def,
                        const EnvironmentChange *change, Arena *arena, EnvironmentPlan *ret_plan,
                        Error *error);
void environment_write(Database *database, Tx *tx, const EnvironmentPlan *plan);
// A transaction that changes only them, and what views make of them.
PublishOutcome environment_apply(Database *database, const EnvironmentPlan *plan,
                                 uint64_t *ret_ticket, Error *error);

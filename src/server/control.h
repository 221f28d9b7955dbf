// control.h - the control database: which databases there are, who owns them, what they are called. SQLite.
//
// Threads    one at a time: main while starting, then the control thread (changes.h).
// Durability a function that returns STATUS_OK has its change on disk (WAL, synchronous=FULL); one call is one
//            transaction.
// Format     docs/formats.md; what must persist: spec http-api.md 11.1.
#pragma once

#include "base/hash.h"
#include "host/host.h"

typedef struct Control Control;

typedef struct DatabaseRecord {
    uint64_t id;
    Identity identity;
    Identity owner;
    ProgramKind kind;
    Hash initial_program;  // it was created or last reset with; updates do not change it
    uint64_t replica;      // names its directory
} DatabaseRecord;

// One call per row, names of one database in their order.
typedef struct ControlVisitor {
    void *user;
    void (*database)(void *user, const DatabaseRecord *record);
    void (*name)(void *user, Bytes name, const Identity *identity);
    void (*tld)(void *user, Bytes name, const Identity *owner);
    void (*lock)(void *user, const Identity *identity);
} ControlVisitor;

Status control_open(const char *path, Control **ret_control, Error *error);
void control_close(Control *control);  // accepts NULL
Status control_load(Control *control, const ControlVisitor *visitor, Error *error);

// A number that was never given before; for databases and replicas.
Status control_new_id(Control *control, uint64_t *ret_id, Error *error);
// Adds or replaces by identity.
Status control_put_database(Control *control, const DatabaseRecord *record, Error *error);
Status control_remove_database(Control *control, const Identity *identity, Error *error);
// The name must be free; its tld is claimed for the owner if nobody has it. Goes behind the others.
Status control_add_name(Control *control, Bytes name, const Identity *identity,
                        const Identity *owner, Error *error);
// Exactly these names, in this order.
typedef struct NameList {
    const Bytes *items;
    uint32_t count;
} NameList;
Status control_set_names(Control *control, const Identity *identity, const Identity *owner,
                         NameList names, Error *error);
typedef enum LockState { DATABASE_UNLOCKED, DATABASE_LOCKED } LockState;
Status control_set_lock(Control *control, const Identity *identity, LockState state, Error *error);

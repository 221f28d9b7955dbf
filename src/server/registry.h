// registry.h - the control database's content in memory: names, owners, locks, and the databases that run.
//
// Readers take a View: immutable and counted, so that no lock is held while it is used. The one writer
// copies the newest view, changes the copy and publishes it: changes are rare, look-ups are not.
//
// Threads    registry_view, view_*: any. registry_edit, edit_*, registry_publish: the control thread.
// Lifetime   what a view holds lives as long as the view; a Hosted is counted on its own.
#pragma once

#include "server/control.h"

typedef struct Registry Registry;
typedef struct View View;
struct Hosted;

// `unref` lets go of a Hosted, `ref` takes another reference.
typedef struct HostedFunctions {
    struct Hosted *(*ref)(struct Hosted *hosted);
    void (*unref)(struct Hosted *hosted);
} HostedFunctions;

Registry *registry_create(const HostedFunctions *functions);
void registry_free(Registry *registry);  // no view may be left

// ---- reading ----

View *registry_view(Registry *registry);  // a reference to the newest one
void view_unref(View *view);              // accepts NULL

typedef struct ViewDatabase {
    DatabaseRecord record;
    struct Hosted *hosted;  // borrowed from the view
} ViewDatabase;
const ViewDatabase *view_find_database(const View *view, const Identity *identity);  // NULL
const Identity *view_find_name(const View *view, Bytes name);                        // NULL
const Identity *view_find_tld(const View *view, Bytes name);  // whose it is; NULL: nobody's
NameList view_names(const View *view, const Identity *identity);
bool view_is_locked(const View *view, const Identity *identity);
// All databases, by ascending id; one owner's, or everybody's if owner is NULL. The array is in the arena.
typedef struct ViewDatabases {
    const ViewDatabase *const *items;
    uint32_t count;
} ViewDatabases;
ViewDatabases view_databases(const View *view, const Identity *owner, Arena *arena);

// ---- changing ----

View *registry_edit(Registry *registry);  // a private copy of the newest view
void edit_put_database(View *edit, const DatabaseRecord *record, struct Hosted *hosted);  // ref'd
void edit_remove_database(View *edit, const Identity *identity);
// The name must be free. Claims the tld for the owner if nobody has it; owner NULL: leaves the tld alone.
void edit_add_name(View *edit, Bytes name, const Identity *identity, const Identity *owner);
void edit_claim_tld(View *edit, Bytes name, const Identity *owner);
void edit_set_names(View *edit, const Identity *identity, const Identity *owner, NameList names);
void edit_set_lock(View *edit, const Identity *identity, LockState state);
// The edit becomes what readers get from now on. Takes it.
void registry_publish(Registry *registry, View *edit);

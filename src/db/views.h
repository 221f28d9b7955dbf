// views.h - materialised views: instances, what they read, when they are run again, when they go (module-abi.md 7.4,
// sql.md 11). Private to db/.
//
// An instance is a view with its arguments and, if it depends on the sender, an identity; its rows stand in the view's
// backing table under its key. It is made when somebody first reads it, run again within every transaction that writes
// what it has read, and dropped when nobody has subscribed to it or asked for it for a while.
//
// An instance whose function fails when it is first run is empty, and stays out of others' transactions: it is tried
// again in transactions of its own, after each write of what it had read before it failed.
//
// Threads    the executor, or the procedure that has its turn.
// Limits     VIEW_* in base/limits.h.
#pragma once

#include "db/db.h"
#include "db/readers.h"

typedef struct ViewInstance ViewInstance;
typedef struct ProcedureInstance ProcedureInstance;

VEC(ViewVec, view_vec, ViewInstance *)

typedef struct Views {
    BytesMap by_key;  // u32 table, the instance's key -> ViewInstance
    Readers readers;
    ViewReaderVec stale;  // of the transaction at hand
    ViewVec retries;      // failed ones whose reads were written
    DbMessage retry_message;
    bool retry_posted;
    uint32_t idle_count;   // instances without subscribers
    int64_t expiry_nanos;  // when to look for unused ones; 0: there are none
    uint64_t run_count;    // for tests and statistics
} Views;

void views_init(Database *database);
void views_done(Database *database);

// ---- transactions ----

// Is there anything to refresh? Cheap, for before the calls below.
#define views_exist(database) ((database)->views.by_key.count > 0)

// Runs again what the open transaction made stale, in it. Unless the outcome is CALL_OK the transaction must be rolled
// back, and the text is what its caller is told (in the call arena); after CALL_TRAPPED and CALL_OUT_OF_TIME the instance
// must be replaced.
//
// runner  the procedure whose commit this is; NULL: the database's own instance runs the views
CallOutcome views_refresh(Database *database, ProcedureInstance *runner);
// The same for a transaction that commits whatever happens: views that fail are empty afterwards.
void views_refresh_surely(Database *database);
// Every instance again, by the instance of a new program within the transaction that migrates to it. Those whose view is
// gone or takes other arguments go too.
Status views_refresh_all(Database *database, Instance *instance, const ModuleDef *def,
                         Error *error);

// ---- readers ----

// Before a query is run for somebody: its views are materialised, in a transaction of their own. An error means that
// the module trapped; a view that merely fails is empty.
Status views_materialize(Database *database, const Identity *sender, const Query *query,
                         Error *error);
// What sync/ calls for queries that somebody subscribes to. Does not tell other subscribers; if a transaction is open
// the views are run later.
SyncViews views_for_sync(Database *database);

// Drops what has been unused for too long, if it is time to look.
void views_expire(Database *database);

// queries.h - the distinct queries of all clients: compiled once, found by what a commit changed.
//
// A query's identity is its text, for whom it was compiled (owner or not), and the asker if its result depends
// on who asks. Fragments that demand column = constant are found by one probe per watched column and row;
// the others by their table.
//
// Threads    the executor. Lifetime: a SharedQuery lives as long as a query set holds it.
#pragma once

#include "base/map.h"
#include "base/vec.h"
#include "sync/sync.h"

typedef struct QuerySet QuerySet;
typedef struct SharedQuery SharedQuery;

VEC(QuerySetVec, query_set_vec, QuerySet *)

// What one fragment has to say about the commit at hand.
typedef struct FragmentUpdate {
    uint32_t id;  // distinct within the commit
    Bytes rows;   // encoded TableUpdateRows; in the transaction's arena
} FragmentUpdate;
VEC(FragmentUpdateVec, fragment_update_vec, FragmentUpdate)

struct SharedQuery {
    Arena arena;       // plan and key
    Bytes key;
    Bytes text;
    SqlContext context;  // for whom it was compiled
    const Query *query;
    Bytes table_name;    // on the wire
    bool is_event;       // its rows are events
    QuerySetVec sets;    // who holds it
    FragmentUpdateVec updates;  // of the commit at hand
    uint64_t stamp;      // commit in which it became a candidate
};

// A fragment that may be interested in a table.
typedef struct FragmentRef {
    SharedQuery *shared;
    uint32_t fragment;
} FragmentRef;
VEC(FragmentRefVec, fragment_ref_vec, FragmentRef)

typedef struct Queries Queries;

Queries *queries_create(Store *store);
void queries_free(Queries *queries);  // none may be held
// The query for this text and asker, compiled if nobody holds it yet; not yet counted as held. Errors carry
// the text ("..., executing: `...`").
Status queries_get(Queries *queries, const SqlContext *context, Bytes text, SharedQuery **ret_shared,
                   Error *error);
void queries_hold(Queries *queries, SharedQuery *shared, QuerySet *set);
// The last one to let go frees it. Also for a query that nobody held: set NULL.
void queries_drop(Queries *queries, SharedQuery *shared, QuerySet *set);
// The fragments that this commit may concern, each once.
void queries_candidates(Queries *queries, const Commit *commit, FragmentRefVec *ret_fragments);
// Compiles every plan anew. Those that fail are given to `failed`, which must drop their sets.
void queries_recompile(Queries *queries, void (*failed)(void *user, SharedQuery *shared, const Error *error),
                       void *user);
uint64_t queries_count(const Queries *queries);

// queries.h - the distinct queries of all clients: compiled once, found by what a commit changed.
//
// A query's identity is its text, for whom it was compiled (owner or not), and the asker if its result
// depends on who asks. Where the owner sees what everybody does, the two queries of one text are twins: a commit asks
// one of them, for both.
//
// Threads    the executor.
// Lifetime   a SharedQuery lives as long as a query set holds it; its fragments and texts change when it is
//            compiled anew.
// Limits     QUERY_PLAN_BYTES_MAX, SQL_TEXT_BYTES_MAX.
#pragma once

#include "sync/cost.h"
#include "sync/sync.h"
#include "sync/watch.h"

// How rows are encoded: protocols differ in more than this, but share what is encoded once for many.
typedef enum Format { FORMAT_V2, FORMAT_V1_BSATN, FORMAT_V1_JSON, FORMAT_COUNT } Format;

typedef struct QuerySet QuerySet;
typedef struct SharedQuery SharedQuery;

// A set that holds a query, and a query that a set holds: each knows the other's place.
typedef struct Holder {
    QuerySet *set;
    struct SyncClient *client;  // its client and id, so that an update need not look at the set
    uint32_t query_set_id;
    uint32_t at;  // in the set's queries
} Holder;
VEC(HolderVec, holder_vec, Holder)

typedef struct HeldQuery {
    SharedQuery *shared;
    uint32_t at;  // in the query's holders
} HeldQuery;
VEC(HeldQueryVec, held_query_vec, HeldQuery)

// Queries that a client asked for together; what they deliver goes to it.
struct QuerySet {
    struct SyncClient *client;
    Format format;         // the client's
    uint64_t serial;       // another one for each set ever made
    uint32_t id;           // what the client calls it
    bool is_legacy;        // v1 Subscribe: has no id
    bool is_failed;        // its client was told that it ended; about to be dropped
    HeldQueryVec queries;  // distinct, in the order of the request
};

// What one fragment has to say about the commit at hand.
typedef struct FragmentUpdate {
    uint64_t row_count;        // in and out; 0: nothing changed
    Bytes rows[FORMAT_COUNT];  // encoded, where somebody wants it; in the transaction's arena
} FragmentUpdate;

struct SharedFragment {
    SharedQuery *shared;
    const Fragment *plan;
    WatchPlace *places;           // one for each table that it reads
    uint64_t serial;              // in the order of registration
    uint64_t stamp;               // of the commit that found it last
    struct SharedFragment *twin;  // the same fragment of the query's twin; NULL: none
    FragmentUpdate update;
};

// What compiling gives; goes as a whole when the query is compiled anew.
typedef struct SharedPlan {
    Arena arena;
    Bytes key;
    Bytes text;
    const Query *query;
    TableId table_id;  // whose rows it returns
    Bytes table_name;  // on the wire
    const Type *row_type;
    bool is_event;  // its rows are events
    bool is_view;   // they are a view's
    SharedFragment *fragments;
    uint32_t fragment_count;
} SharedPlan;

struct SharedQuery {
    SharedQuery *previous;  // in the order of creation
    SharedQuery *next;
    SqlContext context;  // for whom it was compiled
    SharedPlan plan;
    HolderVec holders;
    uint32_t holders_by_format[FORMAT_COUNT];
    uint64_t collected_by;  // serial of the set that took it last
    QueryCost cost;
};

typedef struct Queries Queries;

Queries *queries_create(Store *store);
void queries_free(Queries *queries);  // none may be held
void queries_set_views(Queries *queries, const SyncViews *views);
void queries_set_notices(Queries *queries, const SyncNotices *notices);
// The query for this text and asker, compiled if nobody holds it yet. Who does not hold it afterwards calls
// queries_drop_unheld. Errors carry the text ("..., executing: `...`").
Status queries_get(Queries *queries, const SqlContext *context, Bytes text,
                   SharedQuery **ret_shared, Error *error);
// Puts the query at the end of the set; it must not be in it.
void queries_hold(SharedQuery *shared, QuerySet *set);
// Empties the set. Queries that nobody holds any more go.
void queries_release_set(Queries *queries, QuerySet *set);
void queries_drop_unheld(Queries *queries, SharedQuery *shared);
// Fills in what the plan's query returns, by the tables as they are now.
void queries_describe(Store *store, SharedPlan *plan);
// The fragments that this commit may concern, each once.
void queries_candidates(Queries *queries, const Commit *commit, SharedFragmentVec *ret_fragments);
// The fragment that is asked for both: the older twin.
static inline bool fragment_leads(const SharedFragment *fragment) {
    return fragment->twin == NULL || fragment->serial < fragment->twin->serial;
}
// The rows of that commit that such a fragment must be asked about (watch.h).
uint32_t queries_delta_rows(const Queries *queries, const SharedFragment *fragment,
                            DeltaRows ret_tables[SQL_LIVE_RELATIONS_MAX]);

// Did what the plans were made from change? commit: not released yet, or NULL.
bool queries_are_stale(const Queries *queries, const Commit *commit);
// Compiles every plan anew. Those that fail (sync.h, sync_schema_changed) keep the old plan until their
// sets, which `failed` must end, are dropped; nothing may be evaluated before.
void queries_refresh(Queries *queries, const Commit *commit,
                     void (*failed)(void *user, SharedQuery *shared, const Error *error),
                     void *user);
uint64_t queries_count(const Queries *queries);
// In the order of creation: NULL begins and ends the walk.
SharedQuery *queries_next(const Queries *queries, SharedQuery *after);

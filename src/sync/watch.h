// watch.h - which fragments may a commit concern? Found by the bytes of changed rows.
//
// A fragment stands in one list for each table that it reads: in the list of a value, if it demands
// column = value of that table, else in the table's list for any change. A changed row costs one probe per
// watched column, however many fragments wait for other values.
//
// Threads    the executor.
// Lifetime   a fragment is removed before its plan goes.
#pragma once

#include "base/map.h"
#include "base/vec.h"
#include "query/query.h"

typedef struct SharedFragment SharedFragment;
VEC(SharedFragmentVec, shared_fragment_vec, SharedFragment *)

typedef struct WatchList WatchList;

// Where a fragment stands for one of its tables.
typedef struct WatchPlace {
    WatchList *list;
    uint32_t at;
} WatchPlace;

typedef struct Watches {
    U64Map tables;   // table id -> TableWatch
    uint64_t stamp;  // of the commit at hand
} Watches;

void watches_init(Watches *watches);
void watches_done(Watches *watches);  // no fragment may be left
// fragment->plan is set, fragment->places has room for each of its tables.
void watches_add(Watches *watches, SharedFragment *fragment);
void watches_remove(Watches *watches, SharedFragment *fragment);
// Appends each fragment once: in the order of the commit's tables and rows, then of registration.
void watches_find(Watches *watches, const Commit *commit, SharedFragmentVec *ret_fragments);

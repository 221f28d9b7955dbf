// watch.h - which fragments may a commit concern, and which of its rows? Found by the bytes of changed rows.
//
// A fragment stands in one list for each table that it reads. Fragments that demand the same of the table's rows
// share a list: the same value in a column, a value between the same bounds, or, through a join's index, a
// partner that has the same value in a column (query.h: equalities, ranges, edges). What demands nothing stands in
// the table's list for any change. So a changed row costs one probe per watched column, however many fragments
// wait for other values; rows are gathered once per list, and a fragment is asked about those rows only.
//
// Threads    the executor.
// Lifetime   a fragment is removed before its plan goes; rows are borrowed from the commit, or belong to Watches
//            until the next watches_find.
// Limits     WATCH_MATCHES_MAX: beyond it lists get all rows of the commit.
#pragma once

#include "base/map.h"
#include "base/vec.h"
#include "query/query.h"

typedef struct SharedFragment SharedFragment;
VEC(SharedFragmentVec, shared_fragment_vec, SharedFragment *)

typedef struct WatchList WatchList;
VEC(WatchListVec, watch_list_vec, WatchList *)

// Where a fragment stands for one of its tables.
typedef struct WatchPlace {
    WatchList *list;
    uint32_t at;
} WatchPlace;

// A changed row that a list waits for.
typedef struct WatchMatch {
    WatchList *list;
    const Row *row;
} WatchMatch;
VEC(WatchMatchVec, watch_match_vec, WatchMatch)
VEC(WatchRowVec, watch_row_vec, Row)

typedef enum WatchSide { WATCH_INSERTED, WATCH_DELETED, WATCH_SIDE_COUNT } WatchSide;

typedef struct Watches {
    Store *store;
    U64Map tables;  // table id -> TableWatch
    // of the commit at hand
    uint64_t stamp;
    WatchListVec found;
    WatchMatchVec matches[WATCH_SIDE_COUNT];
    WatchRowVec rows;  // of the lists found, one behind the other
} Watches;

void watches_init(Watches *watches, Store *store);
void watches_done(Watches *watches);  // no fragment may be left
// fragment->plan is set, fragment->places has room for each of its tables.
void watches_add(Watches *watches, SharedFragment *fragment);
void watches_remove(Watches *watches, SharedFragment *fragment);
// Appends each fragment once: in the order of the commit's tables and rows, then of registration; those that wait
// for any row of a table come last.
//
// Cost  one probe per changed row and watched column, O(log n) per row and range found; for an edge, the row's
//       partners, or as many steps as there are values waited for, whichever are fewer. Allocates nothing
//       once it is warm.
void watches_find(Watches *watches, const Commit *commit, SharedFragmentVec *ret_fragments);
// What of that commit a fragment must be asked about; one for each of its tables that has any. Returns how many.
uint32_t watches_rows(const Watches *watches, const SharedFragment *fragment,
                      DeltaRows ret_tables[SQL_LIVE_RELATIONS_MAX]);

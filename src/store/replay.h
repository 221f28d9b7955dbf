// replay.h - what replay.c and replay_end.c share.
//
// Threads    the executor.
#pragma once

#include "store/catalog_load.h"

// Of the built-in indexes: st_table(table_id), st_column(table_id, col_pos).
#define REPLAY_TABLE_INDEX 1u
#define REPLAY_COLUMN_INDEX 3u

VEC(RowIds, row_ids, uint64_t)
VEC(ReplayTables, replay_tables, Table *)

struct Replay {
    ReplayTables dropped;   // in the transaction that is being replayed: freed at its end
    RowIds hidden_columns;  // st_column rows that have a successor, until they are deleted
    RowIds updated_tables;  // table ids whose old st_table row is yet to be deleted
    Arena arena;            // for one settle
};

Table *replay_find_dropped(const Replay *replay, TableId id);  // NULL

// damage.h - what is behind the last good commit of a log: the end that a crash left, or stored data that rotted?
//
// A crash leaves a group of commits (one write, one sync) in part: the file ends within it, or sectors of it were
// never written and are zero; a commit behind the gap may be whole. None of that was ever confirmed: it is cut
// off. Anything else was stored once and is damaged now, and so may be what had been confirmed.
//
// Threads    the executor that opens the database.
#pragma once

#include "log/offset_index.h"

// Where a log ends, or seems to.
typedef struct LogEnd {
    const char *directory;
    const char *path;      // of the segment
    uint64_t segment;      // its number
    uint64_t at;           // behind its last good commit
    uint64_t next_offset;  // the transaction that should be there
    uint64_t keep;         // how many transactions a repair can keep
    uint64_t epoch;        // of the last good commit
    // Number of the segment behind, which was begun when this one was whole; 0: it is the last.
    uint64_t next_segment;
} LogEnd;

// STATUS_OK if it is an end that a crash can have left. STATUS_CORRUPT with the byte, the transaction and what to do
// if not; STATUS_IO if it cannot be read. Cost: nothing at a clean end, else reads what is behind it.
Status damage_judge(Os *os, const LogEnd *end, Error *error);
// The first good commit of a later transaction behind the end; false if there is none. For who needs nothing of what
// lies between. Cost: reads what is behind the end.
bool damage_skip(Os *os, const LogEnd *end, uint64_t *ret_at);
// What every text about damage ends with: how to keep these transactions and give up all behind them.
void damage_add_advice(const char *directory, uint64_t keep, Error *error);

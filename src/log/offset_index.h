// offset_index.h - where commits are in a segment, one entry every few thousand bytes.
//
// A hint: entries are written after the commits they name became durable, but are not synced themselves. They may
// be missing, and after a crash they may be wrong; whoever uses one checks that the commit is there.
//
// Threads    one owner at a time.
// Errors     none: an index that cannot be written or read is done without.
// Format     storage.md 9.7: pairs of u64, tx offset and byte in the uncompressed segment; offset 0 ends it.
#pragma once

#include "base/os.h"
#include "base/vec.h"

typedef struct OffsetEntry {
    uint64_t offset;
    uint64_t at;
} OffsetEntry;
VEC(OffsetEntryVec, offset_entry_vec, OffsetEntry)

typedef struct OffsetIndexWriter {
    Os *os;
    File file;  // FILE_NONE: there is no index
    uint64_t count;
    uint64_t count_max;
    OffsetEntry candidate;   // the first commit behind the last entry; offset 0: none
    uint64_t bytes_covered;  // of commits from the candidate on
} OffsetIndexWriter;

void offset_index_init(OffsetIndexWriter *index, Os *os);
// Begins or goes on with the index of a segment of which `segment_bytes` are good; entries past them go.
void offset_index_open(OffsetIndexWriter *index, const char *directory, uint64_t segment,
                       uint64_t segment_bytes_max, uint64_t segment_bytes);
void offset_index_close(OffsetIndexWriter *index);
// These commits are durable: the first has this offset and starts at this byte, all have `bytes`.
void offset_index_add(OffsetIndexWriter *index, uint64_t offset, uint64_t at, uint64_t bytes);

// Appends the entries of a segment, ascending in both numbers; none if there is no readable index.
void offset_index_read(Os *os, const char *directory, uint64_t segment, OffsetEntryVec *entries);

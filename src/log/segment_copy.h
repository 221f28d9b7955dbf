// segment_copy.h - a segment, or the front of one, as a file of its own.
//
// Threads    whoever calls.
// Errors     the target is a temporary name until it is whole and synced.
#pragma once

#include "log/segment.h"

// Where a copy ends: before the first transaction that is past either.
typedef struct SegmentLimit {
    uint64_t offset;  // the first one that is left out; UINT64_MAX: none
    int64_t micros;   // of those that have a time: later ones are left out; INT64_MAX: none
} SegmentLimit;

typedef struct SegmentCopied {
    uint64_t next_offset;  // behind the last transaction that was copied
    uint64_t bytes;        // of the target
    int64_t micros;        // the time of the last transaction that has one; INT64_MIN: none has
    bool is_cut;           // the limit was met
    uint64_t
        from_end;  // byte of the source behind the last commit that was copied; 0: it is compressed
    uint64_t epoch;  // of that commit
} SegmentCopied;

// Writes the commits of `from` up to the limit to `to`, in today's framing, plain. They must begin with `offset` and
// follow each other. Ends without an error at a commit that is not whole. Replaces `to`, durably.
Status segment_copy(Os *os, const char *from, const char *to, uint64_t offset, SegmentLimit limit,
                    SegmentCopied *ret_copied, Error *error);

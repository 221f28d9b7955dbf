// writer.h - the end of a commitlog: the segment that grows, and the next one when it is full.
//
// Threads    one owner at a time: the log thread, or the executor while there is none.
// Lifetime   the directory's name is borrowed.
// Errors     STATUS_FULL: there is no room; nothing was lost and the same call may be made again. Any other is
//            final: what the segment holds is unknown, a sync is never made a second time.
// Format     storage.md 9.5 and 9.7.
#pragma once

#include "log/offset_index.h"
#include "log/segment.h"

typedef struct Writer {
    Os *os;
    const char *directory;
    uint64_t segment_bytes_max;
    File segment;
    uint64_t segment_bytes;  // of the header and the whole commits: where the next one goes
    uint64_t segment_count;  // begun since the owner set it to zero
    OffsetIndexWriter index;
} Writer;

// A new segment with its header, durable including its directory entry; open for writing.
Status segment_create(Os *os, const char *directory, uint64_t offset, File *ret_file, Error *error);

// Goes on in a segment that was created or recovered; takes the file.
void writer_init(Writer *writer, Os *os, const char *directory, uint64_t segment_bytes_max);
void writer_resume(Writer *writer, uint64_t segment, File file, uint64_t segment_bytes);
void writer_done(Writer *writer);

// Makes the leading ones of these whole commits durable: as many as LOG_GROUP_BYTES_MAX and the segment take, at
// least one. Begins a new segment first if the current one is full. ret_count: their bytes.
Status writer_write(Writer *writer, Bytes commits, uint32_t *ret_count, Error *error);

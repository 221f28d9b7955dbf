// segment.h - one segment file of the commitlog: names, the header, and reading its commits in order.
//
// Threads    whoever opened the reader.
// Lifetime   a commit's bytes are valid until the next call.
// Format     storage.md 9.1 to 9.4 and 9.8.
#pragma once

#include "base/os.h"

#define SEGMENT_HEADER_BYTES 10u
#define COMMIT_HEADER_BYTES 22u
#define COMMIT_FRAME_BYTES 26u  // header and checksum

// "00000000000000000007.stdb.log"
#define SEGMENT_NAME_BYTES 32u
void segment_name(uint64_t offset, char ret_name[SEGMENT_NAME_BYTES]);
// False for other files.
bool segment_name_parse(const char *name, uint64_t *ret_offset);
void segment_header_write(uint8_t ret_header[SEGMENT_HEADER_BYTES]);

typedef struct SegmentCommit {
    uint64_t offset;  // of its first transaction
    uint64_t epoch;
    uint16_t transactions;
    uint32_t checksum;
    Bytes records;
    uint64_t at;   // byte in the uncompressed segment where it starts
    uint64_t end;  // and where it ends
} SegmentCommit;

typedef struct SegmentReader SegmentReader;

// STATUS_CORRUPT for a wrong magic, STATUS_UNSUPPORTED for a newer version or another checksum.
// An empty file is a segment whose creation was cut off: *ret_reader is NULL and the status OK.
Status segment_reader_open(Os *os, const char *path, SegmentReader **ret_reader, Error *error);
void segment_reader_close(SegmentReader *reader);  // accepts NULL
bool segment_reader_is_compressed(const SegmentReader *reader);
// Of a version whose frames are not those we write: nothing may be appended to it.
bool segment_reader_is_old(const SegmentReader *reader);

typedef enum SegmentNext {
    SEGMENT_COMMIT,  // *ret_commit is set
    SEGMENT_END,     // clean; at most a part of a header is left
    SEGMENT_TORN,  // a commit that is cut short or has a wrong checksum; the text says which and where
    SEGMENT_FAILED,  // the file could not be read
} SegmentNext;
SegmentNext segment_reader_next(SegmentReader *reader, SegmentCommit *ret_commit, Error *error);
// Goes on reading at this byte, where a commit is said to begin. Not for compressed segments.
void segment_reader_seek(SegmentReader *reader, uint64_t at);
// Bytes of the file.
uint64_t segment_reader_size(const SegmentReader *reader);
// A good commit with this first transaction begins at this byte of the file.
bool segment_has_commit(Os *os, const char *path, uint64_t at, uint64_t offset);

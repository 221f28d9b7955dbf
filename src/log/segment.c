// segment.c - see segment.h. The file is read through one sliding window that grows to the largest commit;
// a compressed segment is fed through zstd into the same window.
//
// A commit, little-endian (v1; v0 has no epoch):
//   0            8       16   18    22           22+len
//   | min_offset | epoch | n  | len | n records  | crc32c of everything before it |

#include "log/segment.h"

#include "base/hash.h"

#include <stdio.h>
#include <zstd.h>

#define WINDOW_BYTES (1u << 20)
#define ZSTD_MAGIC 0xfd2fb528u
#define COMMIT_HEADER_V0_BYTES 14u

static const uint8_t SEGMENT_MAGIC[6] = {0x28, 0x64, 0x73, 0x29, 0x5e, 0x32};  // "(ds)^2"

struct SegmentReader {
    Os *os;
    File file;
    uint64_t file_size;
    uint64_t file_at;  // next byte of the file to read
    uint8_t version;
    bool failed;  // the file could not be read: error has the text
    Error error;
    Buffer window;  // uncompressed bytes from window_at on
    uint64_t window_at;
    size_t window_used;  // consumed bytes at the front
    ZSTD_DStream *zstd;  // NULL: not compressed
    Buffer packed;       // compressed bytes not yet fed
    size_t packed_used;
};

static bool window_fill(SegmentReader *reader, size_t wanted);
static void window_read(SegmentReader *reader);
static void window_read_plain(SegmentReader *reader);
static void window_read_packed(SegmentReader *reader);
static Status read_header(SegmentReader *reader, Error *error);
static bool commit_parse(const SegmentReader *reader, Bytes bytes, SegmentCommit *ret_commit);

void segment_name(uint64_t offset, char ret_name[SEGMENT_NAME_BYTES]) {
    (void)snprintf(ret_name, SEGMENT_NAME_BYTES, "%020llu.stdb.log", (unsigned long long)offset);
}

bool segment_name_parse(const char *name, uint64_t *ret_offset) {
    uint64_t offset = 0;
    const char *at = name;
    while (*at >= '0' && *at <= '9') {
        if (__builtin_mul_overflow(offset, 10u, &offset)) return false;
        if (__builtin_add_overflow(offset, (uint64_t)(*at - '0'), &offset)) return false;
        at++;
    }
    if (at == name || strcmp(at, ".stdb.log") != 0) return false;
    *ret_offset = offset;
    return true;
}

void segment_header_write(uint8_t ret_header[SEGMENT_HEADER_BYTES]) {
    memset(ret_header, 0, SEGMENT_HEADER_BYTES);
    memcpy(ret_header, SEGMENT_MAGIC, sizeof SEGMENT_MAGIC);
    ret_header[6] = 1;  // format version; the checksum algorithm 0 is CRC-32C
}

Status segment_reader_open(Os *os, const char *path, SegmentReader **ret_reader, Error *error) {
    SegmentReader *reader = mem_alloc_zero(sizeof *reader);
    reader->os = os;
    reader->file = FILE_NONE;
    buffer_init(&reader->window, LOG_RECORD_BYTES_MAX);
    buffer_init(&reader->packed, 2 * WINDOW_BYTES);
    Status status = os->file_open(os, path, OS_OPEN_READ, &reader->file, error);
    if (status == STATUS_OK) status = os->file_size(os, reader->file, &reader->file_size, error);
    if (status == STATUS_OK && reader->file_size > 0) status = read_header(reader, error);
    if (status != STATUS_OK || reader->file_size == 0) {
        segment_reader_close(reader);
        *ret_reader = NULL;
        return status;
    }
    *ret_reader = reader;
    return STATUS_OK;
}

static Status read_header(SegmentReader *reader, Error *error) {
    uint8_t magic[4] = {0};
    if (reader->file_size >= sizeof magic) {
        Status status = reader->os->file_read(reader->os, reader->file, 0, magic, sizeof magic,
                                              error);
        if (status != STATUS_OK) return status;
    }
    if (load_u32le(magic) == ZSTD_MAGIC) {
        reader->zstd = ZSTD_createDStream();
        ASSERT(reader->zstd != NULL);
    }
    if (!window_fill(reader, SEGMENT_HEADER_BYTES)) {
        if (reader->failed) {
            *error = reader->error;
            return error->status;
        }
        // Shorter than its header: its creation was cut off; nothing can be in it.
        reader->file_size = 0;
        return STATUS_OK;
    }
    const uint8_t *header = reader->window.data;
    if (memcmp(header, SEGMENT_MAGIC, sizeof SEGMENT_MAGIC) != 0) {
        return error_set(error, STATUS_CORRUPT, "not a commitlog segment: wrong magic at byte 0");
    }
    reader->version = header[6];
    if (reader->version > 1) {
        return error_set(error, STATUS_UNSUPPORTED, "unsupported log format version: %u",
                         header[6]);
    }
    if (header[7] != 0) {
        return error_set(error, STATUS_UNSUPPORTED, "unsupported checksum algorithm: %u",
                         header[7]);
    }
    reader->window_used = SEGMENT_HEADER_BYTES;
    return STATUS_OK;
}

void segment_reader_close(SegmentReader *reader) {
    if (reader == NULL) return;
    os_file_close(reader->os, reader->file);
    if (reader->zstd) ZSTD_freeDStream(reader->zstd);
    buffer_done(&reader->window);
    buffer_done(&reader->packed);
    mem_free(reader);
}

bool segment_reader_is_old(const SegmentReader *reader) {
    return reader->version == 0;
}

bool segment_reader_is_compressed(const SegmentReader *reader) {
    return reader->zstd != NULL;
}

SegmentNext segment_reader_next(SegmentReader *reader, SegmentCommit *ret_commit, Error *error) {
    size_t header_bytes = reader->version == 0 ? COMMIT_HEADER_V0_BYTES : COMMIT_HEADER_BYTES;
    if (!window_fill(reader, header_bytes)) {
        if (!reader->failed) return SEGMENT_END;
        *error = reader->error;
        return SEGMENT_FAILED;
    }
    const uint8_t *header = reader->window.data + reader->window_used;
    static const uint8_t ZEROES[COMMIT_HEADER_BYTES] = {0};
    if (memcmp(header, ZEROES, header_bytes) == 0)
        return SEGMENT_END;  // preallocated, never written
    uint64_t at = reader->window_at + reader->window_used;
    uint32_t record_bytes = load_u32le(header + header_bytes - 4);
    size_t whole = header_bytes + (size_t)record_bytes + 4;
    if (!window_fill(reader, whole)) {
        if (reader->failed) {
            *error = reader->error;
            return SEGMENT_FAILED;
        }
        (void)error_set(error, STATUS_CORRUPT, "commit at byte position %llu: cut short",
                        (unsigned long long)at);
        return SEGMENT_TORN;
    }
    Bytes bytes = bytes_of(reader->window.data + reader->window_used, whole);
    if (!commit_parse(reader, bytes, ret_commit)) {
        (void)error_set(error, STATUS_CORRUPT, "commit at byte position %llu: wrong checksum",
                        (unsigned long long)at);
        return SEGMENT_TORN;
    }
    ret_commit->at = at;
    ret_commit->end = at + whole;
    reader->window_used += whole;
    return SEGMENT_COMMIT;
}

// Takes `bytes` apart, which is exactly one frame; false if the checksum is wrong.
static bool commit_parse(const SegmentReader *reader, Bytes bytes, SegmentCommit *ret_commit) {
    size_t header_bytes = reader->version == 0 ? COMMIT_HEADER_V0_BYTES : COMMIT_HEADER_BYTES;
    ASSERT(bytes.count >= header_bytes + 4);
    uint32_t checksum = load_u32le(bytes.data + bytes.count - 4);
    if (crc32c(0, bytes_slice(bytes, 0, bytes.count - 4)) != checksum) return false;
    ret_commit->offset = load_u64le(bytes.data);
    ret_commit->epoch = reader->version == 0 ? 0 : load_u64le(bytes.data + 8);
    ret_commit->transactions = load_u16le(bytes.data + header_bytes - 6);
    ret_commit->checksum = checksum;
    ret_commit->records = bytes_slice(bytes, (uint32_t)header_bytes,
                                      (uint32_t)(bytes.count - header_bytes - 4));
    return true;
}

void segment_reader_seek(SegmentReader *reader, uint64_t at) {
    ASSERT(reader->zstd == NULL);
    ASSERT(at >= SEGMENT_HEADER_BYTES && at <= reader->file_size);
    buffer_clear(&reader->window);
    reader->window_used = 0;
    reader->window_at = at;
    reader->file_at = at;
}

uint64_t segment_reader_size(const SegmentReader *reader) {
    return reader->file_size;
}

bool segment_has_commit(Os *os, const char *path, uint64_t at, uint64_t offset) {
    SegmentReader *reader = NULL;
    Error error;
    SegmentCommit commit;
    bool found = false;
    if (segment_reader_open(os, path, &reader, &error) != STATUS_OK || reader == NULL) return false;
    if (reader->zstd == NULL && at >= SEGMENT_HEADER_BYTES && at < reader->file_size) {
        segment_reader_seek(reader, at);
        found = segment_reader_next(reader, &commit, &error) == SEGMENT_COMMIT &&
                commit.offset == offset;
    }
    segment_reader_close(reader);
    return found;
}

// Makes at least `wanted` unconsumed bytes available; false if the segment has fewer or cannot be read.
static bool window_fill(SegmentReader *reader, size_t wanted) {
    while (reader->window.count - reader->window_used < wanted) {
        size_t before = reader->window.count - reader->window_used;
        if (reader->window_used > 0) {
            memmove(reader->window.data, reader->window.data + reader->window_used, before);
            reader->window_at += reader->window_used;
            reader->window.count = before;
            reader->window_used = 0;
        }
        window_read(reader);
        if (reader->failed || reader->window.count == before) return false;
    }
    return true;
}

// Appends what the file has next, if anything.
static void window_read(SegmentReader *reader) {
    if (reader->zstd) {
        window_read_packed(reader);
    } else {
        window_read_plain(reader);
    }
    if (reader->window.failed && !reader->failed) {
        reader->failed = true;
        (void)error_set(&reader->error, STATUS_LIMIT, "a commit is larger than %u bytes",
                        LOG_RECORD_BYTES_MAX);
    }
}

static void window_read_plain(SegmentReader *reader) {
    uint64_t left = reader->file_size - reader->file_at;
    size_t count = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
    if (count == 0) return;
    uint8_t *room = buffer_reserve(&reader->window, count);
    if (room == NULL) return;
    Status status = reader->os->file_read(reader->os, reader->file, reader->file_at, room, count,
                                          &reader->error);
    if (status != STATUS_OK) {
        reader->failed = true;
        return;
    }
    buffer_advance(&reader->window, count);
    reader->file_at += count;
}

static void window_read_packed(SegmentReader *reader) {
    size_t window_before = reader->window.count;
    while (reader->window.count == window_before && !reader->failed) {
        if (reader->packed_used == reader->packed.count) {
            uint64_t left = reader->file_size - reader->file_at;
            size_t count = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
            if (count == 0) return;
            buffer_clear(&reader->packed);
            reader->packed_used = 0;
            uint8_t *room = buffer_reserve(&reader->packed, count);
            ASSERT(room != NULL);
            Status status = reader->os->file_read(reader->os, reader->file, reader->file_at, room,
                                                  count, &reader->error);
            if (status != STATUS_OK) {
                reader->failed = true;
                return;
            }
            buffer_advance(&reader->packed, count);
            reader->file_at += count;
        }
        uint8_t *room = buffer_reserve(&reader->window, WINDOW_BYTES);
        if (room == NULL) return;
        ZSTD_inBuffer in = {reader->packed.data, reader->packed.count, reader->packed_used};
        ZSTD_outBuffer out = {room, WINDOW_BYTES, 0};
        size_t result = ZSTD_decompressStream(reader->zstd, &out, &in);
        if (ZSTD_isError(result)) {
            reader->failed = true;
            uint64_t at = reader->file_at - reader->packed.count + reader->packed_used;
            (void)error_set(&reader->error, STATUS_CORRUPT,
                            "compressed segment, damaged behind byte position %llu: %s",
                            (unsigned long long)at, ZSTD_getErrorName(result));
            return;
        }
        reader->packed_used = in.pos;
        buffer_advance(&reader->window, out.pos);
    }
}

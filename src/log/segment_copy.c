// segment_copy.c - see segment_copy.h. Records are copied as they are; the frame around each is made anew, so that
// compressed and old segments become plain ones.
#include "log/segment_copy.h"

#include "base/hash.h"
#include "base/reader.h"
#include "log/path.h"

#define COPY_BUFFER_BYTES (1u << 20)
#define TXDATA_INPUTS 0x80u

typedef struct Copying {
    Os *os;
    File to;
    Buffer out;  // not yet written
    SegmentLimit limit;
    SegmentCopied copied;
    Error *error;
} Copying;

static Status copy_commits(Copying *copying, SegmentReader *reader);
static bool is_past_limit(Copying *copying, const SegmentCommit *commit);
static int64_t time_of(Bytes record);
static Status put_commit(Copying *copying, const SegmentCommit *commit);
static Status flush(Copying *copying);

Status segment_copy(Os *os, const char *from, const char *to, uint64_t offset, SegmentLimit limit,
                    SegmentCopied *ret_copied, Error *error) {
    char temporary[OS_PATH_BYTES_MAX];
    path_extend(temporary, to, ".tmp");
    Copying copying = {.os = os, .to = FILE_NONE, .limit = limit, .error = error};
    copying.copied = (SegmentCopied){
        .next_offset = offset, .micros = INT64_MIN, .from_end = SEGMENT_HEADER_BYTES};
    buffer_init(&copying.out, (size_t)LOG_RECORD_BYTES_MAX + COPY_BUFFER_BYTES);
    SegmentReader *reader = NULL;
    uint8_t header[SEGMENT_HEADER_BYTES];
    segment_header_write(header);
    Status status = segment_reader_open(os, from, &reader, error);
    if (status != STATUS_OK) error_prefix(error, "%s: ", from);
    if (status == STATUS_OK)
        status = os->file_open(os, temporary, OS_OPEN_CREATE, &copying.to, error);
    if (status == STATUS_OK) status = os->file_truncate(os, copying.to, 0, error);
    buffer_append(&copying.out, header, sizeof header);
    if (status == STATUS_OK && reader) status = copy_commits(&copying, reader);
    if (status == STATUS_OK) status = flush(&copying);
    if (status == STATUS_OK) status = os->file_sync(os, copying.to, error);
    os_file_close(os, copying.to);
    segment_reader_close(reader);
    buffer_done(&copying.out);
    if (status == STATUS_OK) status = os->rename(os, temporary, to, error);
    if (status == STATUS_OK) *ret_copied = copying.copied;
    return status;
}

static Status copy_commits(Copying *copying, SegmentReader *reader) {
    SegmentCommit commit;
    SegmentNext next = segment_reader_next(reader, &commit, copying->error);
    while (next == SEGMENT_COMMIT) {
        if (commit.offset != copying->copied.next_offset) {
            return error_set(copying->error, STATUS_CORRUPT,
                             "out-of-order commit: expected-offset=%llu actual-offset=%llu",
                             (unsigned long long)copying->copied.next_offset,
                             (unsigned long long)commit.offset);
        }
        if (is_past_limit(copying, &commit)) {
            copying->copied.is_cut = true;
            return STATUS_OK;
        }
        Status status = put_commit(copying, &commit);
        if (status != STATUS_OK) return status;
        copying->copied.from_end = commit.end;
        copying->copied.epoch = commit.epoch;
        next = segment_reader_next(reader, &commit, copying->error);
    }
    if (segment_reader_is_compressed(reader)) copying->copied.from_end = 0;
    return next == SEGMENT_FAILED ? copying->error->status : STATUS_OK;
}

// A commit of several transactions is taken as a whole or not at all.
static bool is_past_limit(Copying *copying, const SegmentCommit *commit) {
    if (copying->limit.offset - commit->offset < commit->transactions) return true;
    if (commit->offset >= copying->limit.offset) return true;
    int64_t micros = time_of(commit->records);
    if (micros == INT64_MIN) return false;
    if (micros > copying->limit.micros) return true;
    copying->copied.micros = micros;
    return false;
}

// When the transaction was called; INT64_MIN if the record does not say.
static int64_t time_of(Bytes record) {
    Reader reader = reader_of(record);
    if ((reader_u8(&reader) & TXDATA_INPUTS) == 0) return INT64_MIN;
    Reader inputs = reader_of(reader_bytes(&reader));
    uint8_t name_count = reader_u8(&inputs);
    (void)reader_take(&inputs, name_count);
    (void)reader_take(&inputs, sizeof(uint8_t[32]) + sizeof(uint8_t[16]));  // identity, connection
    int64_t micros = (int64_t)reader_u64(&inputs);
    return reader_ok(&inputs) ? micros : INT64_MIN;
}

static Status put_commit(Copying *copying, const SegmentCommit *commit) {
    Buffer *out = &copying->out;
    size_t start = out->count;
    buffer_u64(out, commit->offset);
    buffer_u64(out, commit->epoch);
    buffer_u16(out, commit->transactions);
    buffer_u32(out, commit->records.count);
    buffer_append_bytes(out, commit->records);
    buffer_u32(out, crc32c(0, bytes_of(out->data + start, out->count - start)));
    ASSERT(!out->failed);
    copying->copied.next_offset = commit->offset + commit->transactions;
    return out->count >= COPY_BUFFER_BYTES ? flush(copying) : STATUS_OK;
}

static Status flush(Copying *copying) {
    Status status = copying->os->file_write(copying->os, copying->to, copying->copied.bytes,
                                            copying->out.data, copying->out.count, copying->error);
    copying->copied.bytes += copying->out.count;
    buffer_clear(&copying->out);
    return status;
}

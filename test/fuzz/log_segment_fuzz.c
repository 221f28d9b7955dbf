// log_segment_fuzz.c - can any bytes of a commitlog hurt us?
//
// The first byte of an input chooses what the others are: a segment file, whose commits are read and replayed
// into a store; or records without the frames around them, so that checksums are not in the way. A store that
// the replay accepts must agree with itself.
#include "log/damage.h"
#include "log/log.h"
#include "log/segment.h"

#define FILE_PATH "segment"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

// ---- a disk with one file that can only be read ----

static Status memory_open(Os *os, const char *path, OsOpen how, File *ret_file, Error *error) {
    (void)os;
    ASSERT(how == OS_OPEN_READ);
    if (strcmp(path, FILE_PATH) != 0) return error_set(error, STATUS_NOT_FOUND, "%s", path);
    *ret_file = (File){0};
    return STATUS_OK;
}

static void memory_close(Os *os, File file) {
    (void)os;
    ASSERT(file.descriptor == 0);
}

static Status memory_size(Os *os, File file, uint64_t *ret_size, Error *error) {
    (void)file;
    (void)error;
    *ret_size = ((const Bytes *)os->user)->count;
    return STATUS_OK;
}

static Status memory_read(Os *os, File file, uint64_t at, void *bytes, size_t count, Error *error) {
    (void)file;
    (void)error;
    const Bytes *content = os->user;
    ASSERT(at <= content->count && count <= content->count - at);
    if (count > 0) memcpy(bytes, content->data + at, count);
    return STATUS_OK;
}

// ---- replay ----

static Status replay_records(Store *store, Bytes records, uint32_t transactions, Error *error) {
    Reader reader = reader_of(records);
    Status status = STATUS_OK;
    for (uint32_t i = 0; i < transactions && status == STATUS_OK; i++) {
        if (reader_left(&reader) == 0) break;
        status = txdata_replay(&reader, store, error);
    }
    return status;
}

static Status replay_segment(Store *store, Bytes file, Error *error) {
    Os os = {.user = &file,
             .file_open = memory_open,
             .file_close = memory_close,
             .file_size = memory_size,
             .file_read = memory_read};
    SegmentReader *reader = NULL;
    uint64_t next_offset = 0;
    uint64_t epoch = 0;
    Status status = segment_reader_open(&os, FILE_PATH, &reader, error);
    if (status != STATUS_OK || reader == NULL) return status;
    SegmentNext next = SEGMENT_COMMIT;
    uint64_t end = SEGMENT_HEADER_BYTES;
    while (status == STATUS_OK && next == SEGMENT_COMMIT) {
        SegmentCommit commit = {0};
        next = segment_reader_next(reader, &commit, error);
        if (next != SEGMENT_COMMIT) break;
        ASSERT(commit.at == end);
        ASSERT(commit.end > commit.at + commit.records.count);
        end = commit.end;
        next_offset = commit.offset + commit.transactions;
        epoch = commit.epoch;
        status = replay_records(store, commit.records, commit.transactions, error);
    }
    segment_reader_close(reader);
    LogEnd log_end = {
        .directory = ".", .path = FILE_PATH, .at = end, .next_offset = next_offset, .epoch = epoch};
    Error judged = {.text = ""};
    if (damage_judge(&os, &log_end, &judged) != STATUS_OK) ASSERT(judged.text[0] != 0);
    uint64_t later = 0;
    if (damage_skip(&os, &log_end, &later)) ASSERT(later > end);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count == 0 || count > UINT32_MAX) return 0;
    Bytes rest = bytes_of(data + 1, count - 1);
    Error error = {.text = ""};
    Store *store = store_create();
    store_replay_begin(store);
    Status status = data[0] % 2 == 0 ? replay_segment(store, rest, &error)
                                     : replay_records(store, rest, UINT32_MAX, &error);
    if (status != STATUS_OK) ASSERT(error.text[0] != 0);
    const Commit *repairs = NULL;
    Status end = store_replay_end(store, &repairs, &error);
    if (end == STATUS_OK) {
        tx_release(store_tx(store));
        if (status == STATUS_OK) store_check(store);
    }
    store_free(store);
    return 0;
}

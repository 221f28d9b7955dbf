// recover.c - opening a log (storage.md 9.4, 9.6, 12).
//
// Segments are read in ascending order. What follows the last good commit of one is left alone if the next segment
// begins at the offset that is expected: earlier servers went on in a new one after a crash. At the end of the log it
// is cut off, if it can be a crash's work (damage.h), and the file goes on. Else the log is refused, and nothing is
// touched.

#include "log/recover.h"

#include "base/log.h"
#include "base/vec.h"
#include "log/damage.h"
#include "log/writer.h"

#include <stdio.h>
#include <stdlib.h>

#define PATH_BYTES_MAX 4096u

VEC(OffsetVec, offset_vec, uint64_t)

typedef struct Replay {
    Os *os;
    const char *directory;
    Store *store;
    OffsetVec segments;
    uint64_t next_offset;
    bool has_previous;
    uint64_t previous_offset;
    uint32_t previous_checksum;
    // The last segment read.
    uint64_t good_end;  // byte behind its last whole commit
    uint64_t epoch;     // of that commit
    bool is_compressed;
    bool is_empty;  // no whole header
    LogReport report;
} Replay;

static Status sync_parents(Os *os, const char *directory, Error *error);
static void abandon(Store *store, bool is_replaying);
static Status list_segments(Replay *replay, Error *error);
static void list_entry(void *user, const char *name, bool is_directory);
static int compare_offsets(const void *a, const void *b);
static Status replay_segments(Replay *replay, Error *error);
static Status gap_error(const Replay *replay, uint64_t number, Error *error);
static Status judge_end(const Replay *replay, uint64_t number, uint64_t next_segment, Error *error);
static Status replay_segment(Replay *replay, uint64_t number, Error *error);
static Status replay_commits(Replay *replay, SegmentReader *reader, Error *error);
static Status replay_commit(Replay *replay, const SegmentCommit *commit, Error *error);
static Status resume(Replay *replay, Recovery *recovery, Error *error);
static Status resume_last(Replay *replay, uint64_t number, Recovery *recovery, Error *error);
static void segment_path(const char *directory, uint64_t number, char ret_path[PATH_BYTES_MAX]);

Status recover(Os *os, const char *directory, Store *store, Recovery *ret_recovery, Error *error) {
    Replay replay = {.os = os, .directory = directory, .store = store};
    Recovery recovery = {.segment = FILE_NONE};
    bool replaying = false;
    Status status = os->directory_create(os, directory, error);
    if (status == STATUS_OK) status = list_segments(&replay, error);
    if (status == STATUS_OK && replay.segments.count == 0) {
        status = sync_parents(os, directory, error);
    }
    if (status != STATUS_OK) goto done;
    if (replay.segments.count > 0 && replay.segments.items[0] != 0) {
        status = error_set(error, STATUS_CORRUPT,
                           "%s: no connected snapshot found, the commitlog starts at %llu",
                           directory, (unsigned long long)replay.segments.items[0]);
        goto done;
    }
    store_replay_begin(store);
    replaying = true;
    status = replay_segments(&replay, error);
    if (status != STATUS_OK) goto done;
    replaying = false;
    status = store_replay_end(store, &recovery.repairs, error);
    if (status != STATUS_OK) goto done;
    status = resume(&replay, &recovery, error);
    if (status != STATUS_OK) goto done;
    recovery.next_offset = replay.next_offset;
    recovery.report = replay.report;
    *ret_recovery = recovery;
done:
    if (status != STATUS_OK) abandon(store, replaying);
    offset_vec_done(&replay.segments);
    return status;
}

// The log's directory, and the database's that it is in, may have been made a moment ago: their names must last as
// long as what is in them. What is above them is there since before this database.
static Status sync_parents(Os *os, const char *directory, Error *error) {
    char path[OS_PATH_BYTES_MAX];
    Status status = STATUS_OK;
    (void)snprintf(path, sizeof path, "%s", directory);
    for (uint32_t i = 0; i < 2 && status == STATUS_OK; i++) {
        char *slash = strrchr(path, '/');
        if (slash == NULL || slash == path) break;
        *slash = 0;
        status = os->directory_sync(os, path, error);
    }
    return status;
}

// Leaves the store consistent enough to be freed; its content is not used.
static void abandon(Store *store, bool is_replaying) {
    const Commit *unused = NULL;
    Error ignored;
    if (is_replaying) (void)store_replay_end(store, &unused, &ignored);
    if (store_tx(store)) tx_release(store_tx(store));
}

static void segment_path(const char *directory, uint64_t number, char ret_path[PATH_BYTES_MAX]) {
    char name[SEGMENT_NAME_BYTES];
    segment_name(number, name);
    (void)snprintf(ret_path, PATH_BYTES_MAX, "%s/%s", directory, name);
}

static Status list_segments(Replay *replay, Error *error) {
    Status status = replay->os->directory_list(replay->os, replay->directory, list_entry, replay,
                                               error);
    if (status != STATUS_OK) return status;
    if (replay->segments.count > LOG_SEGMENTS_MAX) {
        return error_set(error, STATUS_LIMIT, "%s: more than %u segments", replay->directory,
                         LOG_SEGMENTS_MAX);
    }
    if (replay->segments.count > 0) {
        qsort(replay->segments.items, replay->segments.count, sizeof(uint64_t), compare_offsets);
    }
    return STATUS_OK;
}

static void list_entry(void *user, const char *name, bool is_directory) {
    Replay *replay = user;
    uint64_t number = 0;
    if (is_directory || !segment_name_parse(name, &number)) return;
    if (replay->segments.count <= LOG_SEGMENTS_MAX) offset_vec_push(&replay->segments, number);
}

static int compare_offsets(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static Status replay_segments(Replay *replay, Error *error) {
    for (uint32_t i = 0; i < replay->segments.count; i++) {
        uint64_t number = replay->segments.items[i];
        if (number != replay->next_offset) return gap_error(replay, number, error);
        Status status = replay_segment(replay, number, error);
        if (status != STATUS_OK) return status;
        bool is_last = i + 1 == replay->segments.count;
        uint64_t next_segment = is_last ? 0 : replay->segments.items[i + 1];
        bool is_followed = !is_last && next_segment == replay->next_offset;
        if (!is_followed && !replay->is_empty) {
            status = judge_end(replay, number, next_segment, error);
        }
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

// Whole segments are missing, or end too early.
static Status gap_error(const Replay *replay, uint64_t number, Error *error) {
    (void)error_set(error, STATUS_CORRUPT,
                    "%s: out-of-order commit: segment %020llu follows, but the next transaction is "
                    "%llu",
                    replay->directory, (unsigned long long)number,
                    (unsigned long long)replay->next_offset);
    damage_add_advice(replay->directory, replay->next_offset, error);
    return STATUS_CORRUPT;
}

static Status judge_end(const Replay *replay, uint64_t number, uint64_t next_segment,
                        Error *error) {
    if (replay->is_compressed && next_segment == 0) return STATUS_OK;
    char path[PATH_BYTES_MAX];
    segment_path(replay->directory, number, path);
    LogEnd end = {.directory = replay->directory,
                  .path = path,
                  .segment = number,
                  .at = replay->good_end,
                  .next_offset = replay->next_offset,
                  .epoch = replay->epoch,
                  .next_segment = next_segment};
    return damage_judge(replay->os, &end, error);
}

static Status replay_segment(Replay *replay, uint64_t number, Error *error) {
    char path[PATH_BYTES_MAX];
    segment_path(replay->directory, number, path);
    SegmentReader *reader = NULL;
    Status status = segment_reader_open(replay->os, path, &reader, error);
    replay->is_empty = reader == NULL;
    replay->is_compressed = reader && segment_reader_is_compressed(reader);
    replay->good_end = SEGMENT_HEADER_BYTES;
    if (status == STATUS_OK && reader) status = replay_commits(replay, reader, error);
    if (status != STATUS_OK) error_prefix(error, "%s: ", path);
    segment_reader_close(reader);
    return status;
}

static Status replay_commits(Replay *replay, SegmentReader *reader, Error *error) {
    for (;;) {
        SegmentCommit commit;
        SegmentNext next = segment_reader_next(reader, &commit, error);
        if (next == SEGMENT_FAILED) return error->status;
        if (next == SEGMENT_TORN && replay->is_compressed) return error->status;
        if (next != SEGMENT_COMMIT) return STATUS_OK;  // whether it may end here is judged later
        Status status = replay_commit(replay, &commit, error);
        if (status != STATUS_OK) return status;
        replay->report.bytes += commit.end - commit.at;
        replay->good_end = commit.end;
        replay->epoch = commit.epoch;
    }
}

static Status replay_commit(Replay *replay, const SegmentCommit *commit, Error *error) {
    if (replay->has_previous && commit->offset == replay->previous_offset) {
        if (commit->checksum == replay->previous_checksum) return STATUS_OK;  // a duplicate
        return error_set(error, STATUS_CORRUPT, "forked history: offset=%llu",
                         (unsigned long long)commit->offset);
    }
    if (commit->offset != replay->next_offset) {
        return error_set(
            error, STATUS_CORRUPT, "out-of-order commit: expected-offset=%llu actual-offset=%llu",
            (unsigned long long)replay->next_offset, (unsigned long long)commit->offset);
    }
    Reader reader = reader_of(commit->records);
    for (uint16_t i = 0; i < commit->transactions; i++) {
        Status status = txdata_replay(&reader, replay->store, error);
        if (status != STATUS_OK) {
            error_prefix(error, "transaction %llu: ", (unsigned long long)replay->next_offset);
            return status;
        }
        replay->next_offset++;
        replay->report.transactions++;
    }
    if (!reader_finish(&reader)) {
        return error_set(error, STATUS_CORRUPT,
                         "transaction %llu: bytes are left behind its record",
                         (unsigned long long)replay->next_offset - 1);
    }
    replay->has_previous = true;
    replay->previous_offset = commit->offset;
    replay->previous_checksum = commit->checksum;
    return STATUS_OK;
}

static Status resume(Replay *replay, Recovery *recovery, Error *error) {
    if (replay->segments.count > 0) {
        uint64_t number = replay->segments.items[replay->segments.count - 1];
        if (!replay->is_compressed && !replay->is_empty)
            return resume_last(replay, number, recovery, error);
        if (replay->is_empty) {
            char path[PATH_BYTES_MAX];
            segment_path(replay->directory, number, path);
            Status status = replay->os->remove(replay->os, path, error);
            if (status != STATUS_OK) return status;
        }
    }
    recovery->segment_number = replay->next_offset;
    recovery->segment_bytes = SEGMENT_HEADER_BYTES;
    return segment_create(replay->os, replay->directory, replay->next_offset, &recovery->segment,
                          error);
}

// Goes on in the last segment: what is behind its last whole commit is cut off, the rest is made durable.
static Status resume_last(Replay *replay, uint64_t number, Recovery *recovery, Error *error) {
    Os *os = replay->os;
    char path[PATH_BYTES_MAX];
    segment_path(replay->directory, number, path);
    uint64_t size = 0;
    Status status = os->file_open(os, path, OS_OPEN_READ_WRITE, &recovery->segment, error);
    if (status == STATUS_OK) status = os->file_size(os, recovery->segment, &size, error);
    if (status == STATUS_OK && size > replay->good_end) {
        replay->report.torn_bytes = size - replay->good_end;
        log_line(LOG_WARN, "log",
                 "%s: cutting off %llu bytes of an unfinished commit behind transaction %llu", path,
                 (unsigned long long)replay->report.torn_bytes,
                 (unsigned long long)replay->next_offset);
        status = os->file_truncate(os, recovery->segment, replay->good_end, error);
    }
    if (status == STATUS_OK) status = os->file_sync(os, recovery->segment, error);
    if (status == STATUS_OK) status = os->directory_sync(os, replay->directory, error);
    recovery->segment_number = number;
    recovery->segment_bytes = replay->good_end;
    if (status != STATUS_OK) {
        os_file_close(os, recovery->segment);
        recovery->segment = FILE_NONE;
    }
    return status;
}

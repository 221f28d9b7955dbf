// recover.c - opening a log (storage.md 9.4, 9.6, 12).
//
// Where the log begins and ends is found out first, since a snapshot counts only if the log reaches it. Then segments
// are read in ascending order, from the one that holds the first transaction that the snapshot does not.
//
// What follows the last good commit of a segment is left alone if the next segment begins at the offset that is expected:
// earlier servers went on in a new one after a crash. At the end of the log it is cut off, if it can be a crash's work
// (damage.h), and the file goes on. Else the log is refused, and nothing is touched.

#include "log/recover.h"

#include "base/log.h"
#include "base/vec.h"
#include "log/damage.h"
#include "log/path.h"
#include "log/replay_batch.h"
#include "log/restore.h"
#include "log/writer.h"

#include <stdio.h>
#include <stdlib.h>

VEC(OffsetVec, offset_vec, uint64_t)

typedef struct Replay {
    const RecoverFrom *from;
    Store *store;
    OffsetVec segments;
    uint64_t next_offset;  // that the store does not hold
    bool has_previous;
    uint64_t previous_offset;
    uint32_t previous_checksum;
    // The last segment read.
    uint64_t read_offset;  // behind the last commit that was read in it
    uint64_t good_end;     // byte behind its last whole commit
    uint64_t epoch;        // of that commit
    bool is_compressed;
    bool is_old;    // its frames are not those we write
    bool is_empty;  // no whole header
    LogReport report;
} Replay;

static Status sync_parents(const RecoverFrom *from, Error *error);
static void abandon(Store *store, bool is_replaying);
static Status list_segments(Replay *replay, Error *error);
static Status remove_leftovers(const RecoverFrom *from, Error *error);
static Status restore_snapshot(Replay *replay, Error *error);
static Status find_end(Replay *replay, uint64_t *ret_end, Error *error);
static Status replay_segments(Replay *replay, Error *error);
static uint32_t first_segment(const Replay *replay);
static Status gap_error(const Replay *replay, uint64_t number, Error *error);
static Status judge_end(const Replay *replay, uint64_t number, uint64_t next_segment, Error *error);
static LogEnd end_of(const Replay *replay, const char *path, uint64_t number);
static Status replay_segment(Replay *replay, uint64_t number, Error *error);
static bool skip_damage(const Replay *replay, uint64_t number, const char *path,
                        SegmentReader *reader);
static void seek_commit(const RecoverFrom *from, uint64_t number, const char *path, uint64_t offset,
                        SegmentReader *reader);
static Status replay_commits(Replay *replay, SegmentReader *reader, Error *error);
static Status replay_batch(Replay *replay, ReplayBatch *batch, Error *error);
static Status take_commit(Replay *replay, const SegmentCommit *commit, Error *error);
static Status replay_commit(Replay *replay, const SegmentCommit *commit, Error *error);
static Status resume(Replay *replay, Recovery *recovery, Error *error);
static Status resume_last(Replay *replay, uint64_t number, Recovery *recovery, Error *error);
static void segment_path(const RecoverFrom *from, uint64_t number,
                         char ret_path[OS_PATH_BYTES_MAX]);

Status recover(const RecoverFrom *from, Store *store, Recovery *ret_recovery, Error *error) {
    Replay replay = {.from = from, .store = store};
    Recovery recovery = {.segment = FILE_NONE};
    bool is_replaying = false;
    Status status = from->os->directory_create(from->os, from->directory, error);
    if (status == STATUS_OK) status = remove_leftovers(from, error);
    if (status == STATUS_OK) status = list_segments(&replay, error);
    if (status == STATUS_OK && replay.segments.count == 0) status = sync_parents(from, error);
    if (status != STATUS_OK) goto done;
    store_replay_begin(store);
    is_replaying = true;
    status = restore_snapshot(&replay, error);
    if (status == STATUS_OK) status = replay_segments(&replay, error);
    if (status != STATUS_OK) goto done;
    is_replaying = false;
    status = store_replay_end(store, &recovery.repairs, error);
    if (status == STATUS_OK) status = resume(&replay, &recovery, error);
    if (status != STATUS_OK) goto done;
    recovery.next_offset = replay.next_offset;
    recovery.report = replay.report;
    *ret_recovery = recovery;
done:
    if (status != STATUS_OK) abandon(store, is_replaying);
    offset_vec_done(&replay.segments);
    return status;
}

// The log's directory, and the database's that it is in, may have been made a moment ago: their names must last as
// long as what is in them. What is above them is there since before this database.
static Status sync_parents(const RecoverFrom *from, Error *error) {
    char path[OS_PATH_BYTES_MAX];
    Status status = STATUS_OK;
    (void)snprintf(path, sizeof path, "%s", from->directory);
    for (uint32_t i = 0; i < 2 && status == STATUS_OK; i++) {
        char *slash = strrchr(path, '/');
        if (slash == NULL || slash == path) break;
        *slash = 0;
        status = from->os->directory_sync(from->os, path, error);
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

static void segment_path(const RecoverFrom *from, uint64_t number,
                         char ret_path[OS_PATH_BYTES_MAX]) {
    char name[SEGMENT_NAME_BYTES];
    segment_name(number, name);
    path_join(ret_path, from->directory, name);
}

// ---- what there is ----

static void segment_entry(void *user, const char *name, bool is_directory) {
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

static Status list_segments(Replay *replay, Error *error) {
    const RecoverFrom *from = replay->from;
    Status status = from->os->directory_list(from->os, from->directory, segment_entry, replay,
                                             error);
    if (status != STATUS_OK) return status;
    if (replay->segments.count > LOG_SEGMENTS_MAX) {
        return error_set(error, STATUS_LIMIT, "%s: more than %u segments", from->directory,
                         LOG_SEGMENTS_MAX);
    }
    if (replay->segments.count > 0) {
        qsort(replay->segments.items, replay->segments.count, sizeof(uint64_t), compare_offsets);
    }
    return STATUS_OK;
}

static void leftover_entry(void *user, const char *name, bool is_directory) {
    char **leftover = user;
    size_t count = strlen(name);
    bool is_temporary = count > 4 && strcmp(name + count - 4, ".tmp") == 0;
    if (is_temporary && !is_directory && *leftover == NULL) {
        *leftover = mem_copy_text(bytes_of_text(name));
    }
}

// Files that were to be renamed when they were whole. One at a time: a list must not change while it is read.
static Status remove_leftovers(const RecoverFrom *from, Error *error) {
    Status status = STATUS_OK;
    for (uint32_t i = 0; i < LOG_SEGMENTS_MAX && status == STATUS_OK; i++) {
        char *leftover = NULL;
        status = from->os->directory_list(from->os, from->directory, leftover_entry, &leftover,
                                          error);
        if (leftover == NULL) break;
        char path[OS_PATH_BYTES_MAX];
        path_join(path, from->directory, leftover);
        if (status == STATUS_OK) status = from->os->remove(from->os, path, error);
        mem_free(leftover);
    }
    return status;
}

// ---- snapshots ----

static Status restore_snapshot(Replay *replay, Error *error) {
    const RecoverFrom *from = replay->from;
    bool has_log = replay->segments.count > 0;
    uint64_t begin = has_log ? replay->segments.items[0] : 0;
    if (from->snapshots == NULL) {
        if (begin == 0) return STATUS_OK;
        return error_set(error, STATUS_CORRUPT,
                         "%s: No connected snapshot found, commitlog starts at %llu",
                         from->directory, (unsigned long long)begin);
    }
    uint64_t end = 0;
    Status status = has_log ? find_end(replay, &end, error) : STATUS_OK;
    if (status != STATUS_OK) return status;
    Restore options = {.os = from->os,
                       .directory = from->snapshots,
                       .database = from->database,
                       .store = replay->store,
                       .has_log = has_log,
                       .log_begin = begin,
                       .log_end = end};
    Restored restored;
    status = restore(&options, &restored, error);
    if (status != STATUS_OK) return status;
    replay->next_offset = restored.next_offset;
    replay->report.snapshot_transactions = restored.next_offset;
    replay->report.snapshot_rows = restored.rows;
    return STATUS_OK;
}

// The offset behind the newest whole commit: a segment was begun when all before it was whole. Damage before that one is
// passed over: maybe a snapshot holds what it took. Damage at the end is refused here already, before a snapshot that
// may hold it is taken for one that is ahead of the log.
static Status find_end(Replay *replay, uint64_t *ret_end, Error *error) {
    const RecoverFrom *from = replay->from;
    uint64_t number = replay->segments.items[replay->segments.count - 1];
    char path[OS_PATH_BYTES_MAX];
    segment_path(from, number, path);
    SegmentReader *reader = NULL;
    Status status = segment_reader_open(from->os, path, &reader, error);
    if (status != STATUS_OK) error_prefix(error, "%s: ", path);
    *ret_end = number;
    if (reader == NULL) return status;
    LogEnd end = {.directory = from->directory, .path = path, .segment = number};
    end.at = SEGMENT_HEADER_BYTES;
    end.next_offset = number;
    seek_commit(from, number, path, UINT64_MAX, reader);
    SegmentCommit commit;
    SegmentNext next = segment_reader_next(reader, &commit, error);
    uint64_t later = 0;
    bool is_plain = !segment_reader_is_compressed(reader);
    while (next == SEGMENT_COMMIT || (is_plain && damage_skip(from->os, &end, &later))) {
        if (next == SEGMENT_COMMIT) {
            end.next_offset = commit.offset + commit.transactions;
            end.at = commit.end;
            end.epoch = commit.epoch;
        } else {
            segment_reader_seek(reader, later);
        }
        next = segment_reader_next(reader, &commit, error);
    }
    *ret_end = end.next_offset;
    end.keep = end.next_offset;
    if (next == SEGMENT_FAILED) {
        error_prefix(error, "%s: ", path);
        status = error->status;
    }
    segment_reader_close(reader);
    return status == STATUS_OK && is_plain ? damage_judge(from->os, &end, error) : status;
}

// ---- replay ----

static Status replay_segments(Replay *replay, Error *error) {
    uint32_t first = first_segment(replay);
    for (uint32_t i = first; i < replay->segments.count; i++) {
        uint64_t number = replay->segments.items[i];
        if (i > first && number != replay->next_offset) return gap_error(replay, number, error);
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

// The last one that begins at or before the first transaction to replay.
static uint32_t first_segment(const Replay *replay) {
    uint32_t first = 0;
    for (uint32_t i = 0; i < replay->segments.count; i++) {
        if (replay->segments.items[i] <= replay->next_offset) first = i;
    }
    return first;
}

// Whole segments are missing, or end too early.
static Status gap_error(const Replay *replay, uint64_t number, Error *error) {
    const char *directory = replay->from->directory;
    (void)error_set(error, STATUS_CORRUPT,
                    "%s: out-of-order commit: segment %020llu follows, but the next transaction is "
                    "%llu",
                    directory, (unsigned long long)number, (unsigned long long)replay->next_offset);
    damage_add_advice(directory, replay->next_offset, error);
    return STATUS_CORRUPT;
}

static Status judge_end(const Replay *replay, uint64_t number, uint64_t next_segment,
                        Error *error) {
    if (replay->is_compressed && next_segment == 0) return STATUS_OK;
    char path[OS_PATH_BYTES_MAX];
    segment_path(replay->from, number, path);
    LogEnd end = end_of(replay, path, number);
    end.next_segment = next_segment;
    if (replay->read_offset < replay->next_offset) {
        // What the snapshot holds is not all there: the log ends before the snapshot does.
        (void)error_set(error, STATUS_CORRUPT,
                        "%s: ends with transaction %llu, before the snapshot", path,
                        (unsigned long long)replay->read_offset);
        damage_add_advice(end.directory, end.keep, error);
        return STATUS_CORRUPT;
    }
    return damage_judge(replay->from->os, &end, error);
}

static LogEnd end_of(const Replay *replay, const char *path, uint64_t number) {
    return (LogEnd){.directory = replay->from->directory,
                    .path = path,
                    .segment = number,
                    .at = replay->good_end,
                    .next_offset = replay->read_offset,
                    .keep = replay->next_offset,
                    .epoch = replay->epoch};
}

static Status replay_segment(Replay *replay, uint64_t number, Error *error) {
    char path[OS_PATH_BYTES_MAX];
    segment_path(replay->from, number, path);
    SegmentReader *reader = NULL;
    Status status = segment_reader_open(replay->from->os, path, &reader, error);
    replay->is_empty = reader == NULL;
    replay->is_compressed = reader && segment_reader_is_compressed(reader);
    replay->is_old = reader && segment_reader_is_old(reader);
    replay->good_end = SEGMENT_HEADER_BYTES;
    replay->read_offset = number;
    if (status == STATUS_OK && reader) {
        seek_commit(replay->from, number, path, replay->next_offset, reader);
        status = replay_commits(replay, reader, error);
        while (status == STATUS_OK && skip_damage(replay, number, path, reader)) {
            status = replay_commits(replay, reader, error);
        }
    }
    if (status != STATUS_OK) error_prefix(error, "%s: ", path);
    segment_reader_close(reader);
    return status;
}

// Damage among transactions that the snapshot holds is none of ours.
static bool skip_damage(const Replay *replay, uint64_t number, const char *path,
                        SegmentReader *reader) {
    if (replay->read_offset >= replay->next_offset || replay->is_compressed) return false;
    LogEnd end = end_of(replay, path, number);
    uint64_t later = 0;
    if (!damage_skip(replay->from->os, &end, &later)) return false;
    log_line(
        LOG_WARN, "log",
        "%s: transaction %llu is damaged (commit at byte position %llu); the snapshot holds it",
        path, (unsigned long long)end.next_offset, (unsigned long long)end.at);
    segment_reader_seek(reader, later);
    return true;
}

// Goes to the last commit at or before this offset that the index knows, if it is really there.
static void seek_commit(const RecoverFrom *from, uint64_t number, const char *path, uint64_t offset,
                        SegmentReader *reader) {
    if (segment_reader_is_compressed(reader) || offset == number) return;
    OffsetEntryVec entries = {0};
    offset_index_read(from->os, from->directory, number, &entries);
    for (uint32_t i = entries.count; i > 0; i--) {
        const OffsetEntry *entry = &entries.items[i - 1];
        if (entry->offset > offset) continue;
        if (!segment_has_commit(from->os, path, entry->at, entry->offset)) continue;
        segment_reader_seek(reader, entry->at);
        break;
    }
    offset_entry_vec_done(&entries);
}

static Status replay_commits(Replay *replay, SegmentReader *reader, Error *error) {
    ReplayBatch batch;
    replay_batch_init(&batch);
    SegmentNext next = SEGMENT_COMMIT;
    Status status = STATUS_OK;
    while (status == STATUS_OK && next == SEGMENT_COMMIT) {
        SegmentCommit commit;
        Error ending;
        next = segment_reader_next(reader, &commit, &ending);
        bool is_large = next == SEGMENT_COMMIT && commit.records.count > REPLAY_BATCH_BYTES / 4;
        if (next == SEGMENT_COMMIT && !is_large && replay_batch_add(&batch, &commit)) continue;
        status = replay_batch(replay, &batch, error);
        if (status != STATUS_OK) break;
        if (is_large) {
            status = take_commit(replay, &commit, error);
        } else if (next == SEGMENT_COMMIT) {
            bool fits = replay_batch_add(&batch, &commit);
            ASSERT(fits);
        } else if (next == SEGMENT_FAILED) {
            *error = ending;
            status = ending.status;
            if (status == STATUS_CORRUPT) {
                damage_add_advice(replay->from->directory, replay->next_offset, error);
            }
        }  // else it ends here; whether it may is judged later
    }
    replay_batch_done(&batch);
    return status;
}

static Status replay_batch(Replay *replay, ReplayBatch *batch, Error *error) {
    Status status = STATUS_OK;
    replay_batch_hint(batch, replay->store);
    for (uint32_t i = 0; i < batch->count && status == STATUS_OK; i++) {
        status = take_commit(replay, &batch->commits[i], error);
    }
    replay_batch_clear(batch);
    return status;
}

static Status take_commit(Replay *replay, const SegmentCommit *commit, Error *error) {
    bool is_known = commit->offset + commit->transactions <= replay->next_offset &&
                    replay->report.transactions == 0;
    if (!is_known) {
        Status status = replay_commit(replay, commit, error);
        if (status != STATUS_OK) return status;
        replay->report.bytes += commit->end - commit->at;
    }
    replay->read_offset = commit->offset + commit->transactions;
    replay->good_end = commit->end;
    replay->epoch = commit->epoch;
    return STATUS_OK;
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

// ---- going on ----

static Status resume(Replay *replay, Recovery *recovery, Error *error) {
    const RecoverFrom *from = replay->from;
    if (replay->segments.count > 0) {
        uint64_t number = replay->segments.items[replay->segments.count - 1];
        if (!replay->is_compressed && !replay->is_empty) {
            Status status = resume_last(replay, number, recovery, error);
            if (status != STATUS_OK || !replay->is_old) return status;
            os_file_close(from->os, recovery->segment);  // its end was cut, no more
            recovery->segment = FILE_NONE;
        }
        if (replay->is_empty || (replay->is_old && number == replay->next_offset)) {
            char path[OS_PATH_BYTES_MAX];
            segment_path(from, number, path);
            Status status = from->os->remove(from->os, path, error);
            if (status != STATUS_OK) return status;
        }
    }
    recovery->segment_number = replay->next_offset;
    recovery->segment_bytes = SEGMENT_HEADER_BYTES;
    return segment_create(from->os, from->directory, replay->next_offset, &recovery->segment,
                          error);
}

// Goes on in the last segment: what is behind its last whole commit is cut off, the rest is made durable.
static Status resume_last(Replay *replay, uint64_t number, Recovery *recovery, Error *error) {
    Os *os = replay->from->os;
    char path[OS_PATH_BYTES_MAX];
    segment_path(replay->from, number, path);
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
    if (status == STATUS_OK) status = os->directory_sync(os, replay->from->directory, error);
    recovery->segment_number = number;
    recovery->segment_bytes = replay->good_end;
    if (status != STATUS_OK) {
        os_file_close(os, recovery->segment);
        recovery->segment = FILE_NONE;
    }
    return status;
}

// backup.c - see backup.h.
//
// A segment that another one follows, and that lies within the limit, is done once its copy is there. The last one is
// copied anew each time. Of snapshots the objects come first, by their hashes, then the list that makes it one.
#include "log/backup.h"

#include "base/vec.h"
#include "log/damage.h"
#include "log/flat_page.h"
#include "log/path.h"
#include "log/segment_copy.h"
#include "log/snapshot_dir.h"
#include "log/snapshot_file.h"
#include "store/store.h"

#include <stdlib.h>

#define LIST_ARENA_BYTES_MAX (4ull << 30)

VEC(NumberVec, number_vec, uint64_t)

typedef struct Copier {
    const LogCopy *copy;
    NumberVec segments;  // of the source, ascending
    uint64_t bytes_done;
    uint64_t bytes_total;
    LogCopied copied;
    Error *error;
} Copier;

static Status list_segments(Copier *copier);
static Status check_target(Copier *copier);
static bool has_number(const NumberVec *numbers, uint64_t number);
static Status copy_segments(Copier *copier);
static Status copy_segment(Copier *copier, uint32_t at, SegmentCopied *ret_copied);
static Status judge_end(Copier *copier, const char *path, uint64_t number,
                        const SegmentCopied *copied);
static bool is_same(Os *os, const char *from, const char *to, uint64_t number, uint64_t next);
static Status copy_snapshot(Copier *copier);
static Status copy_snapshot_of(Copier *copier, uint64_t offset);
static Status copy_objects(Copier *copier, uint64_t offset, const SnapshotFile *list);
static Status copy_object(Copier *copier, uint64_t offset, const Hash *hash, Buffer *content);
static bool object_is(Bytes content, const Hash *hash);
static bool goes_on(Copier *copier, uint64_t bytes);

Status log_copy(const LogCopy *copy, LogCopied *ret_copied, Error *error) {
    Copier copier = {.copy = copy, .error = error, .copied = {.micros = INT64_MIN}};
    Os *os = copy->os;
    Status status = list_segments(&copier);
    if (status == STATUS_OK) status = os->directory_create(os, copy->to_segments, error);
    if (status == STATUS_OK) status = check_target(&copier);
    if (status == STATUS_OK) status = copy_segments(&copier);
    if (status == STATUS_OK) status = os->directory_sync(os, copy->to_segments, error);
    if (status == STATUS_OK && copy->snapshots) status = copy_snapshot(&copier);
    if (status == STATUS_OK) *ret_copied = copier.copied;
    number_vec_done(&copier.segments);
    return status;
}

static bool goes_on(Copier *copier, uint64_t bytes) {
    copier->bytes_done += bytes;
    if (copier->bytes_done > copier->bytes_total)
        copier->bytes_total = copier->bytes_done;  // it grew
    const LogCopy *copy = copier->copy;
    return copy->progress == NULL ||
           copy->progress(copy->user, copier->bytes_done, copier->bytes_total);
}

static Status given_up(Copier *copier) {
    return error_set(copier->error, STATUS_CONFLICT, "given up");
}

// ---- segments ----

static void note_segment(void *user, const char *name, bool is_directory) {
    uint64_t number = 0;
    if (!is_directory && segment_name_parse(name, &number)) number_vec_push(user, number);
}

static int compare_numbers(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static uint64_t size_of(Os *os, const char *path) {
    File file = FILE_NONE;
    uint64_t size = 0;
    if (os->file_open(os, path, OS_OPEN_READ, &file, NULL) != STATUS_OK) return 0;
    if (os->file_size(os, file, &size, NULL) != STATUS_OK) size = 0;
    os_file_close(os, file);
    return size;
}

static void segment_path(const char *directory, uint64_t number, char ret_path[OS_PATH_BYTES_MAX]) {
    char name[SEGMENT_NAME_BYTES];
    segment_name(number, name);
    path_join(ret_path, directory, name);
}

static Status list_segments(Copier *copier) {
    const LogCopy *copy = copier->copy;
    NumberVec *segments = &copier->segments;
    Status status = copy->os->directory_list(copy->os, copy->segments, note_segment, segments,
                                             copier->error);
    if (status == STATUS_OK && segments->count == 0) {
        status = error_set(copier->error, STATUS_NOT_FOUND, "%s: there is no commitlog",
                           copy->segments);
    }
    if (status != STATUS_OK) return status;
    qsort(segments->items, segments->count, sizeof(uint64_t), compare_numbers);
    if (copy->transactions <= segments->items[0]) {
        return error_set(
            copier->error, STATUS_NOT_FOUND,
            "%s: the log begins with transaction %llu, behind the one that is asked for",
            copy->segments, (unsigned long long)segments->items[0]);
    }
    for (uint32_t i = 0; i < segments->count; i++) {
        char path[OS_PATH_BYTES_MAX];
        segment_path(copy->segments, segments->items[i], path);
        copier->bytes_total += size_of(copy->os, path);
    }
    return STATUS_OK;
}

// What is there already can only be a part of the same copy.
static Status check_target(Copier *copier) {
    const LogCopy *copy = copier->copy;
    NumberVec there = {0};
    Status status = copy->os->directory_list(copy->os, copy->to_segments, note_segment, &there,
                                             copier->error);
    for (uint32_t i = 0; i < there.count && status == STATUS_OK; i++) {
        uint64_t number = there.items[i];
        bool is_ours = number < copy->transactions && has_number(&copier->segments, number);
        if (is_ours) continue;
        status = error_set(copier->error, STATUS_CONFLICT,
                           "%s holds another log (its segment %llu is not of this one)",
                           copy->to_segments, (unsigned long long)number);
    }
    number_vec_done(&there);
    return status;
}

static bool has_number(const NumberVec *numbers, uint64_t number) {
    for (uint32_t i = 0; i < numbers->count; i++) {
        if (numbers->items[i] == number) return true;
    }
    return false;
}

static Status copy_segments(Copier *copier) {
    copier->copied.transactions = copier->segments.items[0];
    for (uint32_t i = 0; i < copier->segments.count; i++) {
        uint64_t number = copier->segments.items[i];
        if (number >= copier->copy->transactions) break;
        if (number != copier->copied.transactions) {
            return error_set(copier->error, STATUS_CORRUPT,
                             "%s: transaction %llu is damaged or missing: segment %llu follows",
                             copier->copy->segments,
                             (unsigned long long)copier->copied.transactions,
                             (unsigned long long)number);
        }
        SegmentCopied copied;
        Status status = copy_segment(copier, i, &copied);
        if (status != STATUS_OK) return status;
        copier->copied.transactions = copied.next_offset;
        if (copied.micros != INT64_MIN) copier->copied.micros = copied.micros;
        if (copied.is_cut) break;
    }
    return STATUS_OK;
}

static Status copy_segment(Copier *copier, uint32_t at, SegmentCopied *ret_copied) {
    const LogCopy *copy = copier->copy;
    uint64_t number = copier->segments.items[at];
    bool is_last = at + 1 == copier->segments.count;
    uint64_t next = is_last ? UINT64_MAX : copier->segments.items[at + 1];
    char from[OS_PATH_BYTES_MAX];
    char to[OS_PATH_BYTES_MAX];
    segment_path(copy->segments, number, from);
    segment_path(copy->to_segments, number, to);
    uint64_t bytes = size_of(copy->os, from);
    Status status = STATUS_OK;
    bool may_be_there = next <= copy->transactions && copy->micros == INT64_MAX;
    if (may_be_there && is_same(copy->os, from, to, number, next)) {
        *ret_copied = (SegmentCopied){.next_offset = next, .micros = INT64_MIN};
    } else {
        SegmentLimit limit = {.offset = copy->transactions, .micros = copy->micros};
        status = segment_copy(copy->os, from, to, number, limit, ret_copied, copier->error);
        if (status == STATUS_OK) copier->copied.bytes += ret_copied->bytes;
        bool is_judged = status == STATUS_OK && is_last && !ret_copied->is_cut;
        if (is_judged && ret_copied->from_end > 0) {
            status = judge_end(copier, from, number, ret_copied);
        }
    }
    if (status == STATUS_OK && !goes_on(copier, bytes)) status = given_up(copier);
    return status;
}

// A server may be writing there: then a commit is cut short. Anything else that is not whole is damage.
static Status judge_end(Copier *copier, const char *path, uint64_t number,
                        const SegmentCopied *copied) {
    LogEnd end = {.directory = copier->copy->segments,
                  .path = path,
                  .segment = number,
                  .at = copied->from_end,
                  .next_offset = copied->next_offset,
                  .keep = copied->next_offset,
                  .epoch = copied->epoch};
    Os *os = copier->copy->os;
    if (segment_has_commit(os, path, end.at, end.next_offset))
        return STATUS_OK;  // written meanwhile
    Status status = damage_judge(os, &end, copier->error);
    // Or while it was judged: what is behind it was written after it.
    bool was_written = status == STATUS_CORRUPT &&
                       segment_has_commit(os, path, end.at, end.next_offset);
    return was_written ? STATUS_OK : status;
}

// Whether an earlier call has copied this segment: the same records, up to the next segment.
static bool is_same(Os *os, const char *from, const char *to, uint64_t number, uint64_t next) {
    SegmentReader *source = NULL;
    SegmentReader *target = NULL;
    SegmentCommit a;
    SegmentCommit b;
    Error ignored;
    uint64_t offset = number;
    bool is_open = os_path_exists(os, to) &&
                   segment_reader_open(os, from, &source, &ignored) == STATUS_OK && source &&
                   segment_reader_open(os, to, &target, &ignored) == STATUS_OK && target;
    while (is_open && segment_reader_next(source, &a, &ignored) == SEGMENT_COMMIT &&
           segment_reader_next(target, &b, &ignored) == SEGMENT_COMMIT) {
        bool is_next = a.offset == offset && b.offset == offset &&
                       bytes_equal(a.records, b.records);
        if (!is_next) break;
        offset += a.transactions;
    }
    segment_reader_close(source);
    segment_reader_close(target);
    return offset == next;
}

// ---- snapshots ----

// The newest that the copied log reaches.
static Status copy_snapshot(Copier *copier) {
    const LogCopy *copy = copier->copy;
    SnapshotOffsets offsets = {0};
    Status status = snapshot_list(copy->os, copy->snapshots, &offsets, copier->error);
    uint32_t count = offsets.count;
    while (count > 0 && offsets.items[count - 1] >= copier->copied.transactions) count--;
    if (status == STATUS_OK && count > 0) {
        status = copy_snapshot_of(copier, offsets.items[count - 1]);
    }
    if (status == STATUS_OK && count > 0) {
        copier->copied.snapshot_transactions = offsets.items[count - 1] + 1;
    } else if (status == STATUS_OK && copier->segments.items[0] > 0) {
        status = error_set(copier->error, STATUS_CORRUPT,
                           "%s: the commitlog begins at %llu, and no snapshot connects to it",
                           copy->segments, (unsigned long long)copier->segments.items[0]);
    }
    snapshot_offsets_done(&offsets);
    return status;
}

static Status copy_snapshot_of(Copier *copier, uint64_t offset) {
    const LogCopy *copy = copier->copy;
    Os *os = copy->os;
    Error *error = copier->error;
    char path[OS_PATH_BYTES_MAX];
    Arena arena;
    Buffer content;
    SnapshotFile list;
    File lock = FILE_NONE;
    arena_init(&arena, LIST_ARENA_BYTES_MAX);
    buffer_init(&content, LOG_SNAPSHOT_FILE_BYTES_MAX);
    snapshot_file_path(copy->snapshots, offset, path);
    Status status = snapshot_read_file(os, path, LOG_SNAPSHOT_FILE_BYTES_MAX, &content, error);
    Bytes bytes = buffer_bytes(&content);
    if (status == STATUS_OK) status = snapshot_file_read(bytes, &arena, &list, error);
    if (status == STATUS_CORRUPT) error_prefix(error, "%s: ", path);
    if (status == STATUS_OK) status = os->directory_create(os, copy->to_snapshots, error);
    snapshot_lock_path(copy->to_snapshots, offset, path);
    if (status == STATUS_OK) status = os->file_open(os, path, OS_OPEN_CREATE, &lock, error);
    os_file_close(os, lock);
    if (status == STATUS_OK) status = copy_objects(copier, offset, &list);
    snapshot_objects_path(copy->to_snapshots, offset, path);
    if (status == STATUS_OK) status = os->directory_sync(os, path, error);
    snapshot_file_path(copy->to_snapshots, offset, path);
    if (status == STATUS_OK) status = os_file_replace(os, path, bytes, error);
    if (status == STATUS_OK) status = os->directory_sync(os, copy->to_snapshots, error);
    snapshot_lock_path(copy->to_snapshots, offset, path);
    if (status == STATUS_OK) status = os->remove(os, path, error);
    if (status == STATUS_OK) status = os->directory_sync(os, copy->to_snapshots, error);
    buffer_done(&content);
    arena_done(&arena);
    return status;
}

static Status copy_objects(Copier *copier, uint64_t offset, const SnapshotFile *list) {
    static const Hash ABSENT = {{0}};
    Buffer content;
    buffer_init(&content, STORE_ROW_BYTES_MAX);
    Status status = STATUS_OK;
    for (uint32_t i = 0; i < list->blob_count && status == STATUS_OK; i++) {
        status = copy_object(copier, offset, &list->blobs[i].hash, &content);
    }
    for (uint32_t i = 0; i < list->table_count && status == STATUS_OK; i++) {
        const SnapshotTable *table = &list->tables[i];
        for (uint32_t p = 0; p < table->page_count && status == STATUS_OK; p++) {
            if (hash_equal(&table->pages[p], &ABSENT)) continue;
            status = copy_object(copier, offset, &table->pages[p], &content);
        }
    }
    buffer_done(&content);
    return status;
}

// Unless it is there and good.
static Status copy_object(Copier *copier, uint64_t offset, const Hash *hash, Buffer *content) {
    const LogCopy *copy = copier->copy;
    Os *os = copy->os;
    char path[OS_PATH_BYTES_MAX];
    snapshot_object_path(copy->to_snapshots, offset, hash, path);
    if (snapshot_read_file(os, path, STORE_ROW_BYTES_MAX, content, NULL) == STATUS_OK &&
        object_is(buffer_bytes(content), hash)) {
        return STATUS_OK;
    }
    char from[OS_PATH_BYTES_MAX];
    snapshot_object_path(copy->snapshots, offset, hash, from);
    Status status = snapshot_read_file(os, from, STORE_ROW_BYTES_MAX, content, copier->error);
    if (status != STATUS_OK) return status;
    if (!object_is(buffer_bytes(content), hash)) {
        return error_set(copier->error, STATUS_CORRUPT, "%s: its content has another hash", from);
    }
    char folder[OS_PATH_BYTES_MAX];
    snapshot_object_folder(copy->to_snapshots, offset, hash, folder);
    status = os->directory_create(os, folder, copier->error);
    if (status == STATUS_OK) {
        status = os_file_replace(os, path, buffer_bytes(content), copier->error);
    }
    copier->copied.bytes += content->count;
    if (status == STATUS_OK && !goes_on(copier, 0)) status = given_up(copier);
    return status;
}

static bool object_is(Bytes content, const Hash *hash) {
    Hash blob = hash_blake3(content);
    return hash_equal(&blob, hash) || flat_page_file_is(content, hash);
}

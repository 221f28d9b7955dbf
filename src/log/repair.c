// repair.c - giving up the end of a log (backup.h).
//
// From the back: segments behind the one that is cut are renamed, so that a crash in between leaves a log that still
// refuses to open, and the same call goes on.
#include "base/vec.h"
#include "log/backup.h"
#include "log/path.h"
#include "log/segment_copy.h"
#include "log/snapshot_dir.h"
#include "log/writer.h"

#include <stdlib.h>

VEC(NumberVec, number_vec, uint64_t)

static bool has_snapshot(Os *os, const char *snapshots, uint64_t transactions);
static Status begin_behind_snapshot(Os *os, const char *directory, uint64_t transactions,
                                    Error *error);
static void paths_of(const char *directory, uint64_t number, char ret_path[OS_PATH_BYTES_MAX],
                     char ret_damaged[OS_PATH_BYTES_MAX]);
static Status set_aside(Os *os, const char *directory, uint64_t number, Error *error);
static Status cut(Os *os, const char *directory, uint64_t number, uint64_t transactions,
                  Error *error);
static Status set_snapshots_aside(Os *os, const char *snapshots, uint64_t transactions,
                                  Error *error);
static void remove_index(Os *os, const char *directory, uint64_t number);

static void note_segment(void *user, const char *name, bool is_directory) {
    uint64_t number = 0;
    if (!is_directory && segment_name_parse(name, &number)) number_vec_push(user, number);
}

static int compare_numbers(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

Status log_repair(Os *os, const char *segments, const char *snapshots, uint64_t transactions,
                  Error *error) {
    NumberVec numbers = {0};
    Status status = os->directory_list(os, segments, note_segment, &numbers, error);
    if (numbers.count > 0) {
        qsort(numbers.items, numbers.count, sizeof(uint64_t), compare_numbers);
    }
    uint32_t kept = 0;  // segments that begin with a transaction to keep
    while (kept < numbers.count && numbers.items[kept] < transactions) kept++;
    // Tried first, so that nothing happens if it cannot be done.
    if (status == STATUS_OK && kept > 0) {
        status = cut(os, segments, numbers.items[kept - 1], transactions, error);
    }
    if (status == STATUS_CORRUPT && has_snapshot(os, snapshots, transactions)) {
        status = begin_behind_snapshot(os, segments, transactions, error);
        kept = 0;
    }
    for (uint32_t i = numbers.count; i > kept && status == STATUS_OK; i--) {
        bool is_new = kept == 0 && transactions > 0 && numbers.items[i - 1] == transactions;
        if (!is_new) status = set_aside(os, segments, numbers.items[i - 1], error);
    }
    if (status == STATUS_OK) status = os->directory_sync(os, segments, error);
    if (status == STATUS_OK && snapshots) {
        status = set_snapshots_aside(os, snapshots, transactions, error);
    }
    number_vec_done(&numbers);
    return status;
}

// A snapshot that holds just these transactions.
static bool has_snapshot(Os *os, const char *snapshots, uint64_t transactions) {
    SnapshotOffsets offsets = {0};
    bool found = false;
    if (snapshots && snapshot_list(os, snapshots, &offsets, NULL) == STATUS_OK) {
        for (uint32_t i = 0; i < offsets.count; i++) {
            found = found || offsets.items[i] + 1 == transactions;
        }
    }
    snapshot_offsets_done(&offsets);
    return found;
}

// What is damaged is in a snapshot: the log begins anew behind it. The new segment comes first; with it the database opens,
// whatever is still beside it.
static Status begin_behind_snapshot(Os *os, const char *directory, uint64_t transactions,
                                    Error *error) {
    char path[OS_PATH_BYTES_MAX];
    char damaged[OS_PATH_BYTES_MAX];
    File file = FILE_NONE;
    paths_of(directory, transactions, path, damaged);
    Status status = os->link(os, path, damaged, error);
    if (status == STATUS_NOT_FOUND || status == STATUS_CONFLICT) status = STATUS_OK;
    remove_index(os, directory, transactions);
    if (status == STATUS_OK) status = segment_create(os, directory, transactions, &file, error);
    os_file_close(os, file);
    return status;
}

static void paths_of(const char *directory, uint64_t number, char ret_path[OS_PATH_BYTES_MAX],
                     char ret_damaged[OS_PATH_BYTES_MAX]) {
    char name[SEGMENT_NAME_BYTES];
    segment_name(number, name);
    path_join(ret_path, directory, name);
    path_extend(ret_damaged, ret_path, ".damaged");
}

static Status set_aside(Os *os, const char *directory, uint64_t number, Error *error) {
    char path[OS_PATH_BYTES_MAX];
    char damaged[OS_PATH_BYTES_MAX];
    paths_of(directory, number, path, damaged);
    remove_index(os, directory, number);
    return os->rename(os, path, damaged, error);
}

// The front of the segment takes its place; the whole one stays under another name.
static Status cut(Os *os, const char *directory, uint64_t number, uint64_t transactions,
                  Error *error) {
    char path[OS_PATH_BYTES_MAX];
    char damaged[OS_PATH_BYTES_MAX];
    char front[OS_PATH_BYTES_MAX];
    paths_of(directory, number, path, damaged);
    path_extend(front, path, ".front.tmp");
    SegmentLimit limit = {.offset = transactions, .micros = INT64_MAX};
    SegmentCopied copied;
    Status status = segment_copy(os, path, front, number, limit, &copied, error);
    if (status == STATUS_OK && copied.next_offset < transactions) {
        status = error_set(
            error, STATUS_CORRUPT, "%s: transaction %llu is damaged: at most %llu can be kept",
            path, (unsigned long long)copied.next_offset, (unsigned long long)copied.next_offset);
    }
    if (status == STATUS_OK) {
        status = os->link(os, path, damaged, error);
        if (status == STATUS_CONFLICT) status = STATUS_OK;  // kept by an earlier attempt
    }
    if (status == STATUS_OK) status = os->directory_sync(os, directory, error);
    if (status == STATUS_OK) {
        remove_index(os, directory, number);
        return os->rename(os, front, path, error);
    }
    (void)os->remove(os, front, NULL);
    return status;
}

// It would speak of commits that are gone. Opening makes another.
static void remove_index(Os *os, const char *directory, uint64_t number) {
    char name[SEGMENT_NAME_BYTES];
    char path[OS_PATH_BYTES_MAX];
    (void)snprintf(name, sizeof name, "%020llu.stdb.ofs", (unsigned long long)number);
    path_join(path, directory, name);
    (void)os->remove(os, path, NULL);
}

static Status set_snapshots_aside(Os *os, const char *snapshots, uint64_t transactions,
                                  Error *error) {
    SnapshotOffsets offsets = {0};
    Status status = snapshot_list(os, snapshots, &offsets, error);
    for (uint32_t i = 0; i < offsets.count && status == STATUS_OK; i++) {
        if (offsets.items[i] < transactions) continue;
        status = snapshot_invalidate(os, snapshots, offsets.items[i], error);
    }
    snapshot_offsets_done(&offsets);
    return status;
}

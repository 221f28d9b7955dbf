// restore.c - see restore.h.
#include "log/restore.h"

#include "base/log.h"
#include "log/snapshot_dir.h"
#include "log/snapshot_read.h"

// The rows of the system tables of a new database.
#define NEW_ROWS_BYTES_MAX (64u << 20)

static Status set_aside_ahead(const Restore *restore, SnapshotOffsets *offsets, Error *error);
static Status try_snapshots(const Restore *restore, const SnapshotOffsets *offsets,
                            Restored *restored, Error *error);
static Status refuse(const Restore *restore, uint64_t offset, Status status, Error *error);
static void keep_new_rows(Store *store, Buffer *rows);
static Status put_new_rows(Store *store, Bytes rows, Error *error);

Status restore(const Restore *restore, Restored *ret_restored, Error *error) {
    Restored restored = {0};
    SnapshotOffsets offsets = {0};
    Os *os = restore->os;
    Status status = snapshot_remove_unfinished(os, restore->directory, error);
    if (status == STATUS_OK) status = snapshot_list(os, restore->directory, &offsets, error);
    if (status == STATUS_OK && !restore->has_log && offsets.count > 0) {
        status = error_set(
            error, STATUS_CORRUPT,
            "%s: there are snapshots (the newest of transaction %llu), but there is no "
            "commitlog: restore it, or remove the snapshots to begin an empty database",
            restore->directory, (unsigned long long)offsets.items[offsets.count - 1]);
    }
    if (status == STATUS_OK) status = set_aside_ahead(restore, &offsets, error);
    if (status == STATUS_OK) status = try_snapshots(restore, &offsets, &restored, error);
    if (status == STATUS_OK && restored.next_offset < restore->log_begin) {
        status = error_set(error, STATUS_CORRUPT,
                           "%s: No connected snapshot found, commitlog starts at %llu",
                           restore->directory, (unsigned long long)restore->log_begin);
    }
    if (status == STATUS_OK) *ret_restored = restored;
    snapshot_offsets_done(&offsets);
    return status;
}

static Status set_aside_ahead(const Restore *restore, SnapshotOffsets *offsets, Error *error) {
    while (offsets->count > 0 && offsets->items[offsets->count - 1] >= restore->log_end) {
        uint64_t offset = offsets->items[offsets->count - 1];
        log_line(LOG_WARN, "log", "%s: snapshot %llu is ahead of the log and is set aside",
                 restore->directory, (unsigned long long)offset);
        Status status = snapshot_invalidate(restore->os, restore->directory, offset, error);
        if (status != STATUS_OK) return status;
        offsets->count--;
    }
    return STATUS_OK;
}

// Newest first. After each that fails the store is made new again.
static Status try_snapshots(const Restore *restore, const SnapshotOffsets *offsets,
                            Restored *restored, Error *error) {
    Buffer rows;
    buffer_init(&rows, NEW_ROWS_BYTES_MAX);
    if (offsets->count > 0) keep_new_rows(restore->store, &rows);
    Status status = STATUS_OK;
    for (uint32_t i = offsets->count; i > 0 && status == STATUS_OK; i--) {
        uint64_t offset = offsets->items[i - 1];
        SnapshotLoaded loaded;
        if (offset + 1 < restore->log_begin) break;  // the log does not go on from there
        status = snapshot_load(restore->os, restore->directory, offset, restore->database,
                               restore->store, &loaded, error);
        if (status == STATUS_OK) {
            restored->next_offset = offset + 1;
            restored->rows = loaded.rows;
            break;
        }
        restored->refused++;
        status = refuse(restore, offset, status, error);
        if (status == STATUS_OK) status = put_new_rows(restore->store, buffer_bytes(&rows), error);
    }
    buffer_done(&rows);
    return status;
}

// What is damaged will not get better; what could not be read may.
static Status refuse(const Restore *restore, uint64_t offset, Status status, Error *error) {
    if (status == STATUS_INVALID) return status;
    log_line(LOG_WARN, "log", "%s: %s; an older one is used, or the whole log", restore->directory,
             error->text);
    if (status != STATUS_CORRUPT && status != STATUS_UNSUPPORTED) return STATUS_OK;
    return snapshot_invalidate(restore->os, restore->directory, offset, error);
}

// ---- a store as it was created ----

static void keep_new_rows(Store *store, Buffer *rows) {
    for (TableId id = 1; id <= ST_COUNT; id++) {
        Table *table = store_find_table(store, id);
        ASSERT(table != NULL);
        TableScan scan = table_scan(table);
        Row row;
        while (table_scan_next(&scan, &row)) {
            buffer_u32(rows, id);
            buffer_string(rows, row.bytes);
        }
    }
    ASSERT(!rows->failed);
}

static Status put_new_rows(Store *store, Bytes rows, Error *error) {
    Status status = STATUS_OK;
    for (TableId id = 1; id <= ST_COUNT && status == STATUS_OK; id++) {
        status = store_replay_truncate(store, id, error);
    }
    Reader reader = reader_of(rows);
    while (status == STATUS_OK && reader_left(&reader) > 0) {
        TableId id = reader_u32(&reader);
        Bytes row = reader_bytes(&reader);
        ASSERT(reader_ok(&reader));
        status = store_replay_insert(store, id, row, error);
    }
    return status == STATUS_OK ? store_replay_commit(store, error) : status;
}

// snapshot_write.c - see snapshot_write.h: the order of steps, and the objects.
//
// lock | objects written or linked | objects synced | their folders synced | wait for the log | the file that
// names them, synced | directories synced | unlock. After a crash before the last step the lock says what to remove.
#include "log/snapshot_write.h"

#include "base/map.h"
#include "log/path.h"
#include "log/snapshot_dir.h"
#include "log/snapshot_file.h"
#include "log/table_pages.h"

// The layouts of all tables.
#define SOURCE_BYTES_MAX ((size_t)STORE_SCHEMA_BYTES_MAX)
#define OBJECT_FOLDERS 256u

typedef struct SourceTable {
    TableId id;
    FlatRow row;
    bool is_unfit;        // its rows do not fit a page
    TableSnapshot *rows;  // NULL: an event table, or done
} SourceTable;
VEC(SourceTableVec, source_table_vec, SourceTable)

struct SnapshotSource {
    uint64_t tx_offset;
    Identity database;
    uint64_t replica;
    Arena arena;
    SourceTableVec tables;
};

typedef struct Writing {
    const SnapshotWrite *write;
    SnapshotSource *source;
    bool has_parent;
    uint64_t parent;  // the snapshot before
    bool has_folder[OBJECT_FOLDERS];
    HashVec unsynced;  // objects that were written
    SnapshotBlobVec blobs;
    BytesMap blob_places;  // hash -> index + 1
    HashVec pages;         // of all tables, one after the other
    SnapshotWritten written;
    Error *error;
} Writing;

static Status find_parent(Writing *writing);
static Status begin(Writing *writing);
static Status sync_parent(Writing *writing);
static Status write_tables(Writing *writing, SnapshotTableVec *tables);
static Status put_page(void *user, const FlatPage *page);
static Status put_blob(void *user, Bytes content, Hash *ret_hash);
static Status put_object(Writing *writing, const Hash *hash, Bytes content);
static Status make_folder(Writing *writing, const Hash *hash);
static Status write_new(Os *os, const char *path, Bytes content, Error *error);
static Status sync_objects(Writing *writing);
static Status publish(Writing *writing, const SnapshotTableVec *tables);
static Status cancelled(Writing *writing);

// ---- the source ----

SnapshotSource *snapshot_source_create(Store *store, uint64_t tx_offset, const Identity *database,
                                       uint64_t replica) {
    ASSERT(store_tx(store) == NULL);
    SnapshotSource *source = mem_alloc_zero(sizeof *source);
    source->tx_offset = tx_offset;
    source->database = *database;
    source->replica = replica;
    arena_init(&source->arena, SOURCE_BYTES_MAX);
    TableId at = 0;
    for (Table *table = store_next_table(store, &at); table; table = store_next_table(store, &at)) {
        if (table_is_ephemeral(table)) continue;
        const TableSchema *schema = table_schema(table);
        SourceTable *added = source_table_vec_add(&source->tables);
        *added = (SourceTable){.id = table_id(table)};
        if (schema->is_event || table_row_count(table) == 0) continue;
        added->is_unfit = !flat_row_of(schema->row_type, &source->arena, &added->row);
        added->rows = table_snapshot_create(table);
    }
    return source;
}

void snapshot_source_free(SnapshotSource *source) {
    if (source == NULL) return;
    for (uint32_t i = 0; i < source->tables.count; i++) {
        table_snapshot_release(source->tables.items[i].rows);
    }
    source_table_vec_done(&source->tables);
    arena_done(&source->arena);
    mem_free(source);
}

uint64_t snapshot_source_offset(const SnapshotSource *source) {
    return source->tx_offset;
}

// ---- the steps ----

Status snapshot_write(const SnapshotWrite *write, SnapshotSource *source,
                      SnapshotWritten *ret_written, Error *error) {
    Writing writing = {.write = write, .source = source, .error = error};
    SnapshotTableVec tables = {0};
    bytes_map_init(&writing.blob_places);
    Status status = find_parent(&writing);
    bool has_begun = status == STATUS_OK;
    if (status == STATUS_OK) status = begin(&writing);
    if (status == STATUS_OK) status = write_tables(&writing, &tables);
    if (status == STATUS_OK) status = sync_objects(&writing);
    if (status == STATUS_OK && !write->wait_durable(write->user, source->tx_offset)) {
        status = cancelled(&writing);
    }
    if (status == STATUS_OK) status = publish(&writing, &tables);
    if (status != STATUS_OK && has_begun) {
        // If that fails too, the lock stays and the next start removes it.
        (void)snapshot_remove(write->os, write->directory, source->tx_offset, NULL);
    }
    if (status == STATUS_OK) *ret_written = writing.written;
    bytes_map_done(&writing.blob_places);
    snapshot_blob_vec_done(&writing.blobs);
    hash_vec_done(&writing.unsynced);
    hash_vec_done(&writing.pages);
    snapshot_table_vec_done(&tables);
    return status;
}

static Status cancelled(Writing *writing) {
    return error_set(writing->error, STATUS_CONFLICT, "given up");
}

static Status find_parent(Writing *writing) {
    const SnapshotWrite *write = writing->write;
    uint64_t offset = writing->source->tx_offset;
    SnapshotOffsets offsets = {0};
    Status status = snapshot_list(write->os, write->directory, &offsets, writing->error);
    for (uint32_t i = 0; i < offsets.count && status == STATUS_OK; i++) {
        if (offsets.items[i] == offset) {
            status = error_set(writing->error, STATUS_CONFLICT, "there is one already");
        }
        if (offsets.items[i] >= offset) break;
        writing->has_parent = true;
        writing->parent = offsets.items[i];
    }
    snapshot_offsets_done(&offsets);
    return status;
}

static Status begin(Writing *writing) {
    const SnapshotWrite *write = writing->write;
    Os *os = write->os;
    char path[OS_PATH_BYTES_MAX];
    File lock = FILE_NONE;
    uint64_t offset = writing->source->tx_offset;
    snapshot_lock_path(write->directory, offset, path);
    Status status = os->directory_create(os, write->directory, writing->error);
    if (status == STATUS_OK && !writing->has_parent) status = sync_parent(writing);
    if (status == STATUS_OK) {
        status = os->file_open(os, path, OS_OPEN_CREATE_NEW, &lock, writing->error);
    }
    os_file_close(os, lock);
    if (status == STATUS_OK) status = os->directory_sync(os, write->directory, writing->error);
    snapshot_objects_path(write->directory, offset, path);
    if (status == STATUS_OK) status = os->directory_create(os, path, writing->error);
    return status;
}

// The directory of the snapshots may be new.
static Status sync_parent(Writing *writing) {
    const SnapshotWrite *write = writing->write;
    char path[OS_PATH_BYTES_MAX];
    path_extend(path, write->directory, "");
    char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path) return STATUS_OK;
    *slash = 0;
    return write->os->directory_sync(write->os, path, writing->error);
}

static Status write_tables(Writing *writing, SnapshotTableVec *tables) {
    TablePages *pages = table_pages_create();
    Status status = STATUS_OK;
    SnapshotSource *source = writing->source;
    for (uint32_t i = 0; i < source->tables.count && status == STATUS_OK; i++) {
        SourceTable *table = &source->tables.items[i];
        uint32_t first_page = writing->pages.count;
        if (table->is_unfit) {
            status = STATUS_UNSUPPORTED;
        } else if (table->rows) {
            TablePagesSink sink = {.put_page = put_page, .put_blob = put_blob, .user = writing};
            status = table_pages_write(pages, &table->row, table->rows, &sink);
            writing->written.rows += table_snapshot_row_count(table->rows);
            table_snapshot_release(table->rows);
            table->rows = NULL;
        }
        if (status == STATUS_UNSUPPORTED) {
            (void)error_set(writing->error, status, "table %u: a row does not fit a page",
                            table->id);
        }
        snapshot_table_vec_push(
            tables,
            (SnapshotTable){.id = table->id, .page_count = writing->pages.count - first_page});
    }
    // The list of hashes does not move any more.
    uint32_t at = 0;
    for (uint32_t i = 0; i < tables->count; i++) {
        tables->items[i].pages = writing->pages.items + at;
        at += tables->items[i].page_count;
    }
    table_pages_free(pages);
    return status;
}

// ---- objects ----

static Status put_page(void *user, const FlatPage *page) {
    Writing *writing = user;
    if (!writing->write->goes_on(writing->write->user)) return cancelled(writing);
    Hash hash = flat_page_hash(page);
    Buffer file;
    buffer_init(&file, FLAT_FILE_BYTES_MAX);
    flat_page_write(page, &hash, &file);
    hash_vec_push(&writing->pages, hash);
    Status status = put_object(writing, &hash, buffer_bytes(&file));
    buffer_done(&file);
    return status;
}

static Status put_blob(void *user, Bytes content, Hash *ret_hash) {
    Writing *writing = user;
    *ret_hash = hash_blake3(content);
    Bytes key = bytes_of(ret_hash->bytes, sizeof ret_hash->bytes);
    uintptr_t place = (uintptr_t)bytes_map_find(&writing->blob_places, key);
    if (place > 0) {
        writing->blobs.items[place - 1].uses++;
        return STATUS_OK;
    }
    snapshot_blob_vec_push(&writing->blobs, (SnapshotBlob){*ret_hash, 1});
    place = writing->blobs.count;
    (void)bytes_map_set(&writing->blob_places, key, (void *)place);
    return put_object(writing, ret_hash, content);
}

// Shared with the snapshot before if that has it, else written; synced later, all at once.
static Status put_object(Writing *writing, const Hash *hash, Bytes content) {
    const SnapshotWrite *write = writing->write;
    uint64_t offset = writing->source->tx_offset;
    char path[OS_PATH_BYTES_MAX];
    Status status = make_folder(writing, hash);
    if (status != STATUS_OK) return status;
    writing->written.objects++;
    snapshot_object_path(write->directory, offset, hash, path);
    if (writing->has_parent) {
        char parent[OS_PATH_BYTES_MAX];
        snapshot_object_path(write->directory, writing->parent, hash, parent);
        status = write->os->link(write->os, parent, path, writing->error);
        if (status == STATUS_OK) writing->written.objects_linked++;
        if (status != STATUS_NOT_FOUND) return status == STATUS_CONFLICT ? STATUS_OK : status;
    }
    status = write_new(write->os, path, content, writing->error);
    if (status == STATUS_CONFLICT) return STATUS_OK;  // two pages are the same
    if (status != STATUS_OK) return status;
    writing->written.bytes += content.count;
    hash_vec_push(&writing->unsynced, *hash);
    return STATUS_OK;
}

static Status make_folder(Writing *writing, const Hash *hash) {
    if (writing->has_folder[hash->bytes[0]]) return STATUS_OK;
    const SnapshotWrite *write = writing->write;
    char path[OS_PATH_BYTES_MAX];
    snapshot_object_folder(write->directory, writing->source->tx_offset, hash, path);
    Status status = write->os->directory_create(write->os, path, writing->error);
    if (status == STATUS_OK) writing->has_folder[hash->bytes[0]] = true;
    return status;
}

static Status write_new(Os *os, const char *path, Bytes content, Error *error) {
    File file = FILE_NONE;
    Status status = os->file_open(os, path, OS_OPEN_CREATE_NEW, &file, error);
    if (status != STATUS_OK) return status;
    status = os->file_write(os, file, 0, content.data, content.count, error);
    os_file_close(os, file);
    if (status != STATUS_OK) error_prefix(error, "%s: ", path);
    return status;
}

static Status sync_file(Os *os, const char *path, Error *error) {
    File file = FILE_NONE;
    Status status = os->file_open(os, path, OS_OPEN_READ_WRITE, &file, error);
    if (status == STATUS_OK) status = os->file_sync(os, file, error);
    os_file_close(os, file);
    return status;
}

static Status sync_objects(Writing *writing) {
    const SnapshotWrite *write = writing->write;
    Os *os = write->os;
    uint64_t offset = writing->source->tx_offset;
    char path[OS_PATH_BYTES_MAX];
    Status status = STATUS_OK;
    for (uint32_t i = 0; i < writing->unsynced.count && status == STATUS_OK; i++) {
        if (!write->goes_on(write->user)) return cancelled(writing);
        snapshot_object_path(write->directory, offset, &writing->unsynced.items[i], path);
        status = sync_file(os, path, writing->error);
    }
    for (uint32_t i = 0; i < OBJECT_FOLDERS && status == STATUS_OK; i++) {
        if (!writing->has_folder[i]) continue;
        Hash any = {{(uint8_t)i}};
        snapshot_object_folder(write->directory, offset, &any, path);
        status = os->directory_sync(os, path, writing->error);
    }
    snapshot_objects_path(write->directory, offset, path);
    if (status == STATUS_OK) status = os->directory_sync(os, path, writing->error);
    return status;
}

// ---- the end ----

static Status publish(Writing *writing, const SnapshotTableVec *tables) {
    const SnapshotWrite *write = writing->write;
    const SnapshotSource *source = writing->source;
    Os *os = write->os;
    char path[OS_PATH_BYTES_MAX];
    Buffer file;
    buffer_init(&file, LOG_SNAPSHOT_FILE_BYTES_MAX);
    SnapshotFile content = {.database = source->database,
                            .replica = source->replica,
                            .tx_offset = source->tx_offset,
                            .blobs = writing->blobs.items,
                            .blob_count = writing->blobs.count,
                            .tables = tables->items,
                            .table_count = tables->count};
    snapshot_file_write(&content, &file);
    Status status = STATUS_OK;
    if (file.failed) status = error_set(writing->error, STATUS_LIMIT, "too many pages");
    snapshot_file_path(write->directory, source->tx_offset, path);
    if (status == STATUS_OK) status = write_new(os, path, buffer_bytes(&file), writing->error);
    if (status == STATUS_OK) status = sync_file(os, path, writing->error);
    snapshot_path(write->directory, source->tx_offset, path);
    if (status == STATUS_OK) status = os->directory_sync(os, path, writing->error);
    if (status == STATUS_OK) status = os->directory_sync(os, write->directory, writing->error);
    buffer_done(&file);
    if (status != STATUS_OK) return status;
    // From here on it is a snapshot; a lock that comes back after a crash costs it, nothing else.
    snapshot_lock_path(write->directory, source->tx_offset, path);
    status = os->remove(os, path, writing->error);
    if (status == STATUS_OK) status = os->directory_sync(os, write->directory, writing->error);
    return status;
}

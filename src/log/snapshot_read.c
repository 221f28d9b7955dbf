// snapshot_read.c - see snapshot_read.h. Tables are loaded in ascending id: those that describe the others first.
#include "log/snapshot_read.h"

#include "log/flat_page.h"
#include "log/snapshot_dir.h"
#include "log/snapshot_file.h"

#include <stdlib.h>

#define LOAD_ARENA_BYTES_MAX (4ull << 30)

typedef struct Load {
    Os *os;
    const char *directory;
    uint64_t offset;
    Store *store;
    Arena arena;  // the snapshot's file and the layouts
    Buffer file;  // of an object
    Buffer blob;
    Buffer row;
    FlatPage page;
    SnapshotLoaded loaded;
    Error *error;
    Status fetch_status;  // why a blob could not be fetched
} Load;

static Status read_list(Load *load, const Identity *database, SnapshotFile *ret_snapshot);
static Status load_tables(Load *load, const SnapshotFile *snapshot);
static Status load_table(Load *load, const SnapshotTable *table);
static Status load_page(Load *load, TableId table, const FlatRow *row, const Hash *hash);
static Status load_row(Load *load, TableId table, const FlatRow *row, uint32_t slot);
static bool fetch(void *user, const uint8_t *reference, Buffer *content);
static Status read_object(Load *load, const Hash *hash, size_t bytes_max, Buffer *content);
static Status check_hash(Load *load, const char *what, const Hash *expected, const Hash *computed);

Status snapshot_load(Os *os, const char *directory, uint64_t offset, const Identity *database,
                     Store *store, SnapshotLoaded *ret_loaded, Error *error) {
    Load load = {
        .os = os, .directory = directory, .offset = offset, .store = store, .error = error};
    arena_init(&load.arena, LOAD_ARENA_BYTES_MAX);
    buffer_init(&load.file, FLAT_FILE_BYTES_MAX);
    buffer_init(&load.blob, STORE_ROW_BYTES_MAX);
    buffer_init(&load.row, STORE_ROW_BYTES_MAX);
    flat_page_init(&load.page);
    SnapshotFile snapshot = {0};
    Status status = read_list(&load, database, &snapshot);
    if (status == STATUS_OK) status = load_tables(&load, &snapshot);
    if (status == STATUS_OK) *ret_loaded = load.loaded;
    if (status != STATUS_OK) error_prefix(error, "snapshot %llu: ", (unsigned long long)offset);
    flat_page_done(&load.page);
    buffer_done(&load.row);
    buffer_done(&load.blob);
    buffer_done(&load.file);
    arena_done(&load.arena);
    return status;
}

static Status read_list(Load *load, const Identity *database, SnapshotFile *ret_snapshot) {
    char path[OS_PATH_BYTES_MAX];
    snapshot_file_path(load->directory, load->offset, path);
    Buffer content;
    buffer_init(&content, LOG_SNAPSHOT_FILE_BYTES_MAX);
    Status status = snapshot_read_file(load->os, path, LOG_SNAPSHOT_FILE_BYTES_MAX, &content,
                                       load->error);
    if (status == STATUS_OK) {
        Bytes bytes = arena_copy(&load->arena, buffer_bytes(&content));
        status = snapshot_file_read(bytes, &load->arena, ret_snapshot, load->error);
        if (status != STATUS_OK) error_prefix(load->error, "%s: ", path);
    }
    if (status == STATUS_NOT_FOUND) status = load->error->status = STATUS_CORRUPT;
    buffer_done(&content);
    if (status != STATUS_OK || database == NULL) return status;
    if (identity_equal(&ret_snapshot->database, database)) return STATUS_OK;
    char stored[IDENTITY_HEX_COUNT + 1];
    char expected[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&ret_snapshot->database, stored);
    identity_to_hex(database, expected);
    return error_set(load->error, STATUS_INVALID,
                     "Snapshot has incorrect database_identity: expected %s but found %s", expected,
                     stored);
}

static int compare_tables(const void *a, const void *b) {
    uint32_t left = ((const SnapshotTable *)a)->id;
    uint32_t right = ((const SnapshotTable *)b)->id;
    return left < right ? -1 : left > right;
}

static Status load_tables(Load *load, const SnapshotFile *snapshot) {
    // It holds the rows of the system tables too.
    for (TableId id = 1; id <= ST_COUNT; id++) {
        Status status = store_replay_truncate(load->store, id, load->error);
        if (status != STATUS_OK) return status;
    }
    uint32_t count = snapshot->table_count;
    SnapshotTable *tables = ARENA_ARRAY(&load->arena, SnapshotTable, count);
    if (count > 0) memcpy(tables, snapshot->tables, sizeof tables[0] * (size_t)count);
    if (count > 0) qsort(tables, count, sizeof tables[0], compare_tables);
    for (uint32_t i = 0; i < count; i++) {
        bool is_twice = i > 0 && tables[i].id == tables[i - 1].id;
        Status status = is_twice ? error_set(load->error, STATUS_CORRUPT, "it is listed twice")
                                 : load_table(load, &tables[i]);
        if (status != STATUS_OK) {
            error_prefix(load->error, "table %u: ", tables[i].id);
            return status;
        }
    }
    return store_replay_commit(load->store, load->error);
}

static Status load_table(Load *load, const SnapshotTable *table) {
    const Type *type = store_replay_row_type(load->store, table->id);
    if (type == NULL) {
        return error_set(load->error, STATUS_CORRUPT, "it is not described in st_table");
    }
    FlatRow row;
    if (!flat_row_of(type, &load->arena, &row)) {
        if (table->page_count == 0) return STATUS_OK;
        return error_set(load->error, STATUS_CORRUPT, "its rows do not fit a page");
    }
    static const Hash ABSENT = {{0}};
    for (uint32_t i = 0; i < table->page_count; i++) {
        if (hash_equal(&table->pages[i], &ABSENT)) continue;
        Status status = load_page(load, table->id, &row, &table->pages[i]);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

static Status load_page(Load *load, TableId table, const FlatRow *row, const Hash *hash) {
    Status status = read_object(load, hash, FLAT_FILE_BYTES_MAX, &load->file);
    if (status != STATUS_OK) return status;
    if (!flat_page_read(buffer_bytes(&load->file), row->row_bytes, &load->page)) {
        return error_set(load->error, STATUS_CORRUPT, "a page is malformed");
    }
    Hash computed = flat_page_hash(&load->page);
    status = check_hash(load, "page", hash, &computed);
    load->loaded.pages++;
    uint32_t slot = 0;
    while (status == STATUS_OK && flat_page_next(&load->page, &slot)) {
        status = load_row(load, table, row, slot);
        slot++;
    }
    return status;
}

static Status load_row(Load *load, TableId table, const FlatRow *row, uint32_t slot) {
    buffer_clear(&load->row);
    load->fetch_status = STATUS_OK;
    const uint8_t *fixed = flat_page_row(&load->page, slot);
    if (!flat_row_read(row, fixed, fetch, load, &load->row)) {
        if (load->fetch_status != STATUS_OK) return load->fetch_status;
        return error_set(load->error, STATUS_CORRUPT, "row %u of a page is malformed", slot);
    }
    Bytes bytes = buffer_bytes(&load->row);
    // Asked anew: the type goes with the row before it, if that described a table.
    const Type *type = store_replay_row_type(load->store, table);
    ASSERT(type != NULL);
    Reader reader = reader_of(bytes);
    Status status = bsatn_check(TYPESPACE_NONE, type, &reader, load->error);
    if (status == STATUS_OK && reader_left(&reader) > 0) {
        status = error_set(load->error, STATUS_CORRUPT, "a row is longer than its type");
    }
    if (status == STATUS_OK) status = store_replay_insert(load->store, table, bytes, load->error);
    if (status != STATUS_OK) status = load->error->status = STATUS_CORRUPT;
    load->loaded.rows++;
    return status;
}

// FlatFetch: what a reference of the page at hand stands for.
static bool fetch(void *user, const uint8_t *reference, Buffer *content) {
    Load *load = user;
    Hash hash;
    switch (flat_page_fetch(&load->page, reference, content, &hash)) {
    case FLAT_INLINE: return true;
    case FLAT_BROKEN: return false;
    case FLAT_BLOB: break;
    }
    Status status = read_object(load, &hash, STORE_ROW_BYTES_MAX, &load->blob);
    if (status == STATUS_OK) {
        Hash computed = hash_blake3(buffer_bytes(&load->blob));
        status = check_hash(load, "large blob", &hash, &computed);
    }
    load->fetch_status = status;
    if (status != STATUS_OK) return false;
    buffer_append_bytes(content, buffer_bytes(&load->blob));
    return true;
}

static Status read_object(Load *load, const Hash *hash, size_t bytes_max, Buffer *content) {
    char path[OS_PATH_BYTES_MAX];
    snapshot_object_path(load->directory, load->offset, hash, path);
    Status status = snapshot_read_file(load->os, path, bytes_max, content, load->error);
    if (status == STATUS_NOT_FOUND || status == STATUS_LIMIT) {
        status = load->error->status = STATUS_CORRUPT;  // the snapshot is not whole
    }
    return status;
}

static Status check_hash(Load *load, const char *what, const Hash *expected, const Hash *computed) {
    if (hash_equal(expected, computed)) return STATUS_OK;
    char expected_hex[65];
    char computed_hex[65];
    char path[OS_PATH_BYTES_MAX];
    hash_to_hex(expected, expected_hex);
    hash_to_hex(computed, computed_hex);
    snapshot_object_path(load->directory, load->offset, expected, path);
    return error_set(load->error, STATUS_CORRUPT,
                     "Encountered corrupted %s in %s: expected hash %s, but computed %s", what,
                     path, expected_hex, computed_hex);
}

// snapshot_dir.c - see snapshot_dir.h.
#include "log/snapshot_dir.h"

#include "log/path.h"

#include <stdlib.h>
#include <zstd.h>

#define ZSTD_MAGIC 0xfd2fb528u
// Directories below a snapshot: objects/xx.
#define TREE_DEPTH_MAX 4u

typedef struct Listing {
    SnapshotOffsets snapshots;
    SnapshotOffsets locks;
} Listing;

typedef struct TreeEntry {
    char *name;
    bool is_directory;
} TreeEntry;
VEC(TreeEntries, tree_entries, TreeEntry)

static Status list_all(Os *os, const char *directory, Listing *listing, Error *error);
static bool parse_name(const char *name, const char *suffix, uint64_t *ret_offset);
static int compare_offsets(const void *a, const void *b);
static Status remove_tree(Os *os, const char *path, uint32_t depth, Error *error);
static Status decompress(Buffer *content, size_t bytes_max, Error *error);

// ---- names ----

void snapshot_lock_path(const char *directory, uint64_t offset, char ret_path[OS_PATH_BYTES_MAX]) {
    (void)snprintf(ret_path, OS_PATH_BYTES_MAX, "%s/%020llu.lock", directory,
                   (unsigned long long)offset);
}

void snapshot_path(const char *directory, uint64_t offset, char ret_path[OS_PATH_BYTES_MAX]) {
    (void)snprintf(ret_path, OS_PATH_BYTES_MAX, "%s/%020llu.snapshot_dir", directory,
                   (unsigned long long)offset);
}

void snapshot_file_path(const char *directory, uint64_t offset, char ret_path[OS_PATH_BYTES_MAX]) {
    unsigned long long number = offset;
    (void)snprintf(ret_path, OS_PATH_BYTES_MAX, "%s/%020llu.snapshot_dir/%020llu.snapshot_bsatn",
                   directory, number, number);
}

void snapshot_objects_path(const char *directory, uint64_t offset,
                           char ret_path[OS_PATH_BYTES_MAX]) {
    (void)snprintf(ret_path, OS_PATH_BYTES_MAX, "%s/%020llu.snapshot_dir/objects", directory,
                   (unsigned long long)offset);
}

void snapshot_object_folder(const char *directory, uint64_t offset, const Hash *hash,
                            char ret_path[OS_PATH_BYTES_MAX]) {
    (void)snprintf(ret_path, OS_PATH_BYTES_MAX, "%s/%020llu.snapshot_dir/objects/%02x", directory,
                   (unsigned long long)offset, hash->bytes[0]);
}

void snapshot_object_path(const char *directory, uint64_t offset, const Hash *hash,
                          char ret_path[OS_PATH_BYTES_MAX]) {
    char hex[65];
    hash_to_hex(hash, hex);
    (void)snprintf(ret_path, OS_PATH_BYTES_MAX, "%s/%020llu.snapshot_dir/objects/%.2s/%s",
                   directory, (unsigned long long)offset, hex, hex + 2);
}

static bool parse_name(const char *name, const char *suffix, uint64_t *ret_offset) {
    uint64_t offset = 0;
    const char *at = name;
    while (*at >= '0' && *at <= '9') {
        if (__builtin_mul_overflow(offset, 10u, &offset)) return false;
        if (__builtin_add_overflow(offset, (uint64_t)(*at - '0'), &offset)) return false;
        at++;
    }
    if (at == name || strcmp(at, suffix) != 0) return false;
    *ret_offset = offset;
    return true;
}

// ---- what there is ----

static void list_entry(void *user, const char *name, bool is_directory) {
    Listing *listing = user;
    uint64_t offset = 0;
    if (listing->snapshots.count + listing->locks.count >= LOG_SNAPSHOTS_MAX) return;
    if (is_directory && parse_name(name, ".snapshot_dir", &offset)) {
        snapshot_offsets_push(&listing->snapshots, offset);
    } else if (!is_directory && parse_name(name, ".lock", &offset)) {
        snapshot_offsets_push(&listing->locks, offset);
    }
}

static Status list_all(Os *os, const char *directory, Listing *listing, Error *error) {
    Status status = os->directory_list(os, directory, list_entry, listing, error);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static int compare_offsets(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static bool has_offset(const SnapshotOffsets *offsets, uint64_t offset) {
    for (uint32_t i = 0; i < offsets->count; i++) {
        if (offsets->items[i] == offset) return true;
    }
    return false;
}

Status snapshot_list(Os *os, const char *directory, SnapshotOffsets *offsets, Error *error) {
    Listing listing = {0};
    Status status = list_all(os, directory, &listing, error);
    for (uint32_t i = 0; i < listing.snapshots.count; i++) {
        uint64_t offset = listing.snapshots.items[i];
        if (!has_offset(&listing.locks, offset)) snapshot_offsets_push(offsets, offset);
    }
    if (offsets->count > 0) {
        qsort(offsets->items, offsets->count, sizeof(uint64_t), compare_offsets);
    }
    snapshot_offsets_done(&listing.snapshots);
    snapshot_offsets_done(&listing.locks);
    return status;
}

Status snapshot_remove_unfinished(Os *os, const char *directory, Error *error) {
    Listing listing = {0};
    Status status = list_all(os, directory, &listing, error);
    for (uint32_t i = 0; i < listing.locks.count && status == STATUS_OK; i++) {
        status = snapshot_remove(os, directory, listing.locks.items[i], error);
    }
    snapshot_offsets_done(&listing.snapshots);
    snapshot_offsets_done(&listing.locks);
    return status;
}

Status snapshot_remove(Os *os, const char *directory, uint64_t offset, Error *error) {
    char path[OS_PATH_BYTES_MAX];
    snapshot_path(directory, offset, path);
    Status status = remove_tree(os, path, TREE_DEPTH_MAX, error);
    if (status == STATUS_NOT_FOUND) status = STATUS_OK;
    // Without its lock, what is left would count as a snapshot.
    if (status == STATUS_OK) status = os->directory_sync(os, directory, error);
    if (status != STATUS_OK) return status;
    snapshot_lock_path(directory, offset, path);
    status = os->remove(os, path, error);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

Status snapshot_invalidate(Os *os, const char *directory, uint64_t offset, Error *error) {
    char from[OS_PATH_BYTES_MAX];
    char to[OS_PATH_BYTES_MAX];
    snapshot_path(directory, offset, from);
    (void)snprintf(to, sizeof to, "%s/%020llu.invalid_snapshot", directory,
                   (unsigned long long)offset);
    Status status = remove_tree(os, to, TREE_DEPTH_MAX, error);  // an earlier one
    if (status == STATUS_OK || status == STATUS_NOT_FOUND) status = os->rename(os, from, to, error);
    if (status == STATUS_OK) status = os->directory_sync(os, directory, error);
    return status;
}

// ---- trees ----

static void tree_entry(void *user, const char *name, bool is_directory) {
    tree_entries_push(user, (TreeEntry){mem_copy_text(bytes_of_text(name)), is_directory});
}

static Status remove_tree(Os *os, const char *path, uint32_t depth, Error *error) {
    if (depth == 0) return error_set(error, STATUS_LIMIT, "%s: too many directories", path);
    TreeEntries entries = {0};
    Status status = os->directory_list(os, path, tree_entry, &entries, error);
    for (uint32_t i = 0; i < entries.count; i++) {
        const TreeEntry *entry = &entries.items[i];
        char inner[OS_PATH_BYTES_MAX];
        path_join(inner, path, entry->name);
        if (status == STATUS_OK && entry->is_directory) {
            status = remove_tree(os, inner, depth - 1, error);
        } else if (status == STATUS_OK) {
            status = os->remove(os, inner, error);
        }
        mem_free(entry->name);
    }
    tree_entries_done(&entries);
    if (status == STATUS_OK) status = os->remove(os, path, error);
    return status;
}

// ---- files ----

Status snapshot_read_file(Os *os, const char *path, size_t bytes_max, Buffer *content,
                          Error *error) {
    File file = FILE_NONE;
    uint64_t size = 0;
    buffer_clear(content);
    Status status = os->file_open(os, path, OS_OPEN_READ, &file, error);
    if (status == STATUS_OK) status = os->file_size(os, file, &size, error);
    if (status == STATUS_OK && size > bytes_max) {
        status = error_set(error, STATUS_LIMIT, "%s: larger than %zu bytes", path, bytes_max);
    }
    if (status == STATUS_OK) {
        uint8_t *room = buffer_reserve(content, (size_t)size);
        ASSERT(room != NULL);
        status = os->file_read(os, file, 0, room, (size_t)size, error);
    }
    if (status == STATUS_OK) buffer_advance(content, (size_t)size);
    os_file_close(os, file);
    bool is_packed = status == STATUS_OK && size > 4 && load_u32le(content->data) == ZSTD_MAGIC;
    if (is_packed) status = decompress(content, bytes_max, error);
    if (status == STATUS_CORRUPT) error_prefix(error, "%s: ", path);
    return status;
}

// In place, by way of another buffer.
static Status decompress(Buffer *content, size_t bytes_max, Error *error) {
    Buffer plain;
    buffer_init(&plain, bytes_max);
    ZSTD_DStream *stream = ZSTD_createDStream();
    ASSERT(stream != NULL);
    ZSTD_inBuffer in = {content->data, content->count, 0};
    Status status = STATUS_OK;
    size_t result = 1;
    while (result != 0 && status == STATUS_OK) {
        size_t step = ZSTD_DStreamOutSize();
        if (step > bytes_max - plain.count) step = bytes_max - plain.count;
        uint8_t *room = step > 0 ? buffer_reserve(&plain, step) : NULL;
        ZSTD_outBuffer out = {room, room ? step : 0, 0};
        size_t in_before = in.pos;
        result = ZSTD_decompressStream(stream, &out, &in);
        if (ZSTD_isError(result)) {
            status = error_set(error, STATUS_CORRUPT, "compressed: %s", ZSTD_getErrorName(result));
        } else if (result != 0 && out.pos == 0 && in.pos == in_before) {
            status = error_set(error, STATUS_CORRUPT, "compressed: cut short or too large");
        } else if (room) {
            buffer_advance(&plain, out.pos);
        }
    }
    ZSTD_freeDStream(stream);
    buffer_done(content);
    *content = plain;
    return status;
}

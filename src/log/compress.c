// compress.c - see compress.h.
//
// A compressed segment, so that a reader can find its place without the rest:
//   frames of at most 4096 bytes of the segment each | skippable frame with the seek table:
//   | u32 0x184d2a5e | u32 bytes of the rest | u32 compressed, u32 plain of each frame | u32 frames | u8 0 | u32 0x8f92eab1 |
#include "log/compress.h"

#include "base/vec.h"
#include "log/path.h"
#include "log/segment.h"
#include "log/snapshot_dir.h"

#include <zstd.h>

#define FRAME_BYTES 4096u
#define READ_BYTES (64u * FRAME_BYTES)
#define SKIPPABLE_MAGIC 0x184d2a5eu
#define SEEKABLE_MAGIC 0x8f92eab1u
#define SEEK_ENTRY_BYTES 8u
#define SEEK_FOOTER_BYTES 9u
#define ZSTD_MAGIC 0xfd2fb528u
#define LEVEL ZSTD_CLEVEL_DEFAULT
// A blob is a row's largest; segments go through in pieces.
#define OBJECT_BYTES_MAX ((size_t)STORE_ROW_BYTES_MAX)

VEC(NumberVec, number_vec, uint64_t)
VEC(NameVec, name_vec, char *)

typedef struct Compressing {
    Os *os;
    CompressGoesOn goes_on;
    void *user;
    Error *error;
    ZSTD_CCtx *zstd;
} Compressing;

// A segment on its way.
typedef struct Packing {
    Compressing *compressing;
    File from;
    File to;
    uint64_t written;
    Buffer table;  // of the seek table
    uint32_t frames;
    Buffer packed;
} Packing;

static Status is_compressed(Os *os, const char *path, bool *ret_compressed, Error *error);
static Status replace_segment(Compressing *compressing, const char *directory, uint64_t number);
static Status pack_segment(Packing *packing);
static Status pack_block(Packing *packing, Bytes block);
static Status pack_end(Packing *packing);
static Status compress_snapshot(Compressing *compressing, const char *directory, uint64_t offset,
                                const uint64_t *parent);
static Status compress_folder(Compressing *compressing, const char *folder,
                              const char *parent_folder);
static Status compress_object(Compressing *compressing, const char *path, const char *parent_path);
static Status swap_in(Compressing *compressing, const char *folder, const NameVec *names);
static Status cancelled(Compressing *compressing);

static Compressing begin(Os *os, CompressGoesOn goes_on, void *user, Error *error) {
    Compressing compressing = {os, goes_on, user, error, ZSTD_createCCtx()};
    ASSERT(compressing.zstd != NULL);
    return compressing;
}

static Status cancelled(Compressing *compressing) {
    return error_set(compressing->error, STATUS_CONFLICT, "given up");
}

static Status is_compressed(Os *os, const char *path, bool *ret_compressed, Error *error) {
    File file = FILE_NONE;
    uint64_t size = 0;
    uint8_t magic[4] = {0};
    Status status = os->file_open(os, path, OS_OPEN_READ, &file, error);
    if (status == STATUS_OK) status = os->file_size(os, file, &size, error);
    if (status == STATUS_OK && size >= sizeof magic) {
        status = os->file_read(os, file, 0, magic, sizeof magic, error);
    }
    os_file_close(os, file);
    *ret_compressed = load_u32le(magic) == ZSTD_MAGIC;
    return status;
}

// ---- segments ----

static void segment_entry(void *user, const char *name, bool is_directory) {
    uint64_t number = 0;
    if (!is_directory && segment_name_parse(name, &number)) number_vec_push(user, number);
}

Status compress_segments(Os *os, const char *directory, uint64_t tx_offset, CompressGoesOn goes_on,
                         void *user, Error *error) {
    Compressing compressing = begin(os, goes_on, user, error);
    NumberVec numbers = {0};
    Status status = os->directory_list(os, directory, segment_entry, &numbers, error);
    uint64_t holder = 0;  // the segment that holds tx_offset
    for (uint32_t i = 0; i < numbers.count; i++) {
        uint64_t number = numbers.items[i];
        if (number <= tx_offset && number > holder) holder = number;
    }
    for (uint32_t i = 0; i < numbers.count && status == STATUS_OK; i++) {
        if (numbers.items[i] >= holder) continue;
        status = replace_segment(&compressing, directory, numbers.items[i]);
    }
    number_vec_done(&numbers);
    ZSTD_freeCCtx(compressing.zstd);
    return status;
}

static Status replace_segment(Compressing *compressing, const char *directory, uint64_t number) {
    Os *os = compressing->os;
    char name[SEGMENT_NAME_BYTES];
    char path[OS_PATH_BYTES_MAX];
    char temporary[OS_PATH_BYTES_MAX];
    segment_name(number, name);
    path_join(path, directory, name);
    path_extend(temporary, path, ".zst.tmp");
    bool is_done = false;
    Status status = is_compressed(os, path, &is_done, compressing->error);
    if (status != STATUS_OK || is_done) return status;
    Packing packing = {.compressing = compressing, .from = FILE_NONE, .to = FILE_NONE};
    buffer_init(&packing.table, LOG_SEGMENT_PACKED_TABLE_BYTES_MAX);
    buffer_init(&packing.packed, ZSTD_COMPRESSBOUND(FRAME_BYTES) * (READ_BYTES / FRAME_BYTES));
    status = os->file_open(os, path, OS_OPEN_READ, &packing.from, compressing->error);
    if (status == STATUS_OK) {
        status = os->file_open(os, temporary, OS_OPEN_CREATE, &packing.to, compressing->error);
    }
    if (status == STATUS_OK) status = os->file_truncate(os, packing.to, 0, compressing->error);
    if (status == STATUS_OK) status = pack_segment(&packing);
    if (status == STATUS_OK) status = os->file_sync(os, packing.to, compressing->error);
    os_file_close(os, packing.from);
    os_file_close(os, packing.to);
    buffer_done(&packing.table);
    buffer_done(&packing.packed);
    if (status == STATUS_OK) status = os->rename(os, temporary, path, compressing->error);
    if (status == STATUS_OK) return os->directory_sync(os, directory, compressing->error);
    (void)os->remove(os, temporary, NULL);
    return status;
}

static Status pack_segment(Packing *packing) {
    Os *os = packing->compressing->os;
    Error *error = packing->compressing->error;
    uint64_t size = 0;
    Status status = os->file_size(os, packing->from, &size, error);
    uint8_t *block = mem_alloc(READ_BYTES);
    for (uint64_t at = 0; at < size && status == STATUS_OK;) {
        size_t count = size - at < READ_BYTES ? (size_t)(size - at) : READ_BYTES;
        status = os->file_read(os, packing->from, at, block, count, error);
        if (status == STATUS_OK) status = pack_block(packing, bytes_of(block, count));
        at += count;
    }
    mem_free(block);
    return status == STATUS_OK ? pack_end(packing) : status;
}

static Status pack_block(Packing *packing, Bytes block) {
    Compressing *compressing = packing->compressing;
    if (!compressing->goes_on(compressing->user)) return cancelled(compressing);
    buffer_clear(&packing->packed);
    for (uint32_t at = 0; at < block.count;) {
        uint32_t count = block.count - at < FRAME_BYTES ? block.count - at : FRAME_BYTES;
        size_t bound = ZSTD_COMPRESSBOUND(FRAME_BYTES);
        uint8_t *room = buffer_reserve(&packing->packed, bound);
        ASSERT(room != NULL);
        size_t packed = ZSTD_compressCCtx(compressing->zstd, room, bound, block.data + at, count,
                                          LEVEL);
        ASSERT(!ZSTD_isError(packed));
        buffer_advance(&packing->packed, packed);
        buffer_u32(&packing->table, (uint32_t)packed);
        buffer_u32(&packing->table, count);
        packing->frames++;
        at += count;
    }
    if (packing->table.failed) {
        return error_set(compressing->error, STATUS_LIMIT, "the segment is too large");
    }
    Os *os = compressing->os;
    Status status = os->file_write(os, packing->to, packing->written, packing->packed.data,
                                   packing->packed.count, compressing->error);
    packing->written += packing->packed.count;
    return status;
}

static Status pack_end(Packing *packing) {
    Compressing *compressing = packing->compressing;
    Buffer end;
    buffer_init(&end, packing->table.count + 64);
    buffer_u32(&end, SKIPPABLE_MAGIC);
    buffer_u32(&end, packing->frames * SEEK_ENTRY_BYTES + SEEK_FOOTER_BYTES);
    buffer_append(&end, packing->table.data, packing->table.count);
    buffer_u32(&end, packing->frames);
    buffer_u8(&end, 0);  // no checksums
    buffer_u32(&end, SEEKABLE_MAGIC);
    Status status = compressing->os->file_write(compressing->os, packing->to, packing->written,
                                                end.data, end.count, compressing->error);
    buffer_done(&end);
    return status;
}

// ---- snapshots ----

Status compress_snapshots(Os *os, const char *directory, uint64_t tx_offset, CompressGoesOn goes_on,
                          void *user, Error *error) {
    Compressing compressing = begin(os, goes_on, user, error);
    SnapshotOffsets offsets = {0};
    Status status = snapshot_list(os, directory, &offsets, error);
    for (uint32_t i = 0; i < offsets.count && status == STATUS_OK; i++) {
        if (offsets.items[i] >= tx_offset) break;
        const uint64_t *parent = i > 0 ? &offsets.items[i - 1] : NULL;
        status = compress_snapshot(&compressing, directory, offsets.items[i], parent);
    }
    snapshot_offsets_done(&offsets);
    ZSTD_freeCCtx(compressing.zstd);
    return status;
}

static void folder_entry(void *user, const char *name, bool is_directory) {
    if (is_directory) name_vec_push(user, mem_copy_text(bytes_of_text(name)));
}

static void file_entry(void *user, const char *name, bool is_directory) {
    size_t count = strlen(name);
    bool is_temporary = count > 4 && strcmp(name + count - 4, ".tmp") == 0;
    if (is_directory || is_temporary) return;
    name_vec_push(user, mem_copy_text(bytes_of_text(name)));
}

static void names_done(NameVec *names) {
    for (uint32_t i = 0; i < names->count; i++) mem_free(names->items[i]);
    name_vec_done(names);
}

// The file that lists the objects comes last: once it is compressed the snapshot is done.
static Status compress_snapshot(Compressing *compressing, const char *directory, uint64_t offset,
                                const uint64_t *parent) {
    Os *os = compressing->os;
    char objects[OS_PATH_BYTES_MAX];
    char folder[OS_PATH_BYTES_MAX];
    char parent_folder[OS_PATH_BYTES_MAX];
    bool is_done = false;
    snapshot_file_path(directory, offset, folder);
    Status status = is_compressed(os, folder, &is_done, compressing->error);
    if (status != STATUS_OK || is_done) return status;
    NameVec folders = {0};
    snapshot_objects_path(directory, offset, objects);
    status = os->directory_list(os, objects, folder_entry, &folders, compressing->error);
    for (uint32_t i = 0; i < folders.count && status == STATUS_OK; i++) {
        path_join(folder, objects, folders.items[i]);
        if (parent) {
            char parent_objects[OS_PATH_BYTES_MAX];
            snapshot_objects_path(directory, *parent, parent_objects);
            path_join(parent_folder, parent_objects, folders.items[i]);
        }
        status = compress_folder(compressing, folder, parent ? parent_folder : NULL);
    }
    names_done(&folders);
    snapshot_path(directory, offset, folder);
    if (status == STATUS_OK) status = compress_folder(compressing, folder, NULL);
    return status;
}

// The files of one folder: all written, all synced, all swapped in.
static Status compress_folder(Compressing *compressing, const char *folder,
                              const char *parent_folder) {
    NameVec names = {0};
    Os *os = compressing->os;
    Status status = os->directory_list(os, folder, file_entry, &names, compressing->error);
    for (uint32_t i = 0; i < names.count && status == STATUS_OK; i++) {
        char path[OS_PATH_BYTES_MAX];
        char parent_path[OS_PATH_BYTES_MAX];
        path_join(path, folder, names.items[i]);
        if (parent_folder) {
            path_join(parent_path, parent_folder, names.items[i]);
        }
        if (!compressing->goes_on(compressing->user)) status = cancelled(compressing);
        if (status == STATUS_OK) {
            status = compress_object(compressing, path, parent_folder ? parent_path : NULL);
        }
    }
    if (status == STATUS_OK) status = swap_in(compressing, folder, &names);
    names_done(&names);
    return status;
}

// Makes "PATH.tmp": a name for the parent's compressed copy, or a compressed copy of our own. None if the file is
// compressed already.
static Status compress_object(Compressing *compressing, const char *path, const char *parent_path) {
    Os *os = compressing->os;
    char temporary[OS_PATH_BYTES_MAX];
    path_extend(temporary, path, ".tmp");
    // Of an attempt that was cut short: it may be anything.
    Status status = os->remove(os, temporary, compressing->error);
    bool is_done = false;
    if (status == STATUS_OK || status == STATUS_NOT_FOUND) {
        status = is_compressed(os, path, &is_done, compressing->error);
    }
    if (status != STATUS_OK || is_done) return status;
    bool has_twin = false;
    if (parent_path && is_compressed(os, parent_path, &has_twin, NULL) == STATUS_OK && has_twin) {
        return os->link(os, parent_path, temporary, compressing->error);
    }
    Buffer plain;
    Buffer packed;
    buffer_init(&plain, OBJECT_BYTES_MAX);
    buffer_init(&packed, ZSTD_COMPRESSBOUND(OBJECT_BYTES_MAX));
    File file = FILE_NONE;
    status = snapshot_read_file(os, path, OBJECT_BYTES_MAX, &plain, compressing->error);
    if (status == STATUS_OK) {
        size_t bound = ZSTD_compressBound(plain.count);
        uint8_t *room = buffer_reserve(&packed, bound);
        ASSERT(room != NULL);
        size_t count = ZSTD_compressCCtx(compressing->zstd, room, bound, plain.data, plain.count,
                                         LEVEL);
        ASSERT(!ZSTD_isError(count));
        buffer_advance(&packed, count);
        status = os->file_open(os, temporary, OS_OPEN_CREATE_NEW, &file, compressing->error);
    }
    if (status == STATUS_OK) {
        status = os->file_write(os, file, 0, packed.data, packed.count, compressing->error);
    }
    os_file_close(os, file);
    buffer_done(&plain);
    buffer_done(&packed);
    return status;
}

static Status swap_in(Compressing *compressing, const char *folder, const NameVec *names) {
    Os *os = compressing->os;
    Status status = STATUS_OK;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < names->count && status == STATUS_OK; i++) {
            char path[OS_PATH_BYTES_MAX];
            char temporary[OS_PATH_BYTES_MAX];
            path_join(path, folder, names->items[i]);
            path_extend(temporary, path, ".tmp");
            File file = FILE_NONE;
            Status opened = os->file_open(os, temporary, OS_OPEN_READ_WRITE, &file, NULL);
            if (opened == STATUS_NOT_FOUND) continue;  // it was compressed before
            if (pass == 0 && opened == STATUS_OK) {
                status = os->file_sync(os, file, compressing->error);
            }
            os_file_close(os, file);
            if (pass == 1) status = os->rename(os, temporary, path, compressing->error);
        }
    }
    return status == STATUS_OK ? os->directory_sync(os, folder, compressing->error) : status;
}

// offset_index.c - see offset_index.h.
#include "log/offset_index.h"

#include <stdio.h>

#define ENTRY_BYTES 16u
#define READ_BYTES 65536u

static void index_path(const char *directory, uint64_t segment, char ret_path[OS_PATH_BYTES_MAX]);
static void read_entries(Os *os, File file, OffsetEntryVec *entries);
static bool read_block(const uint8_t *block, uint64_t bytes, OffsetEntryVec *entries);

void offset_index_init(OffsetIndexWriter *index, Os *os) {
    *index = (OffsetIndexWriter){.os = os, .file = FILE_NONE};
}

void offset_index_open(OffsetIndexWriter *index, const char *directory, uint64_t segment,
                       uint64_t segment_bytes_max, uint64_t segment_bytes) {
    Os *os = index->os;
    offset_index_init(index, os);
    char path[OS_PATH_BYTES_MAX];
    index_path(directory, segment, path);
    uint64_t count_max = segment_bytes_max / LOG_INDEX_INTERVAL_BYTES;
    if (count_max == 0) return;
    File file = FILE_NONE;
    if (os->file_open(os, path, OS_OPEN_CREATE, &file, NULL) != STATUS_OK) return;
    OffsetEntryVec entries = {0};
    read_entries(os, file, &entries);
    while (entries.count > 0 && entries.items[entries.count - 1].at >= segment_bytes) {
        entries.count--;
    }
    // A file of its full size without blocks, as upstream has it; what was past the last entry becomes zero.
    uint64_t used = (uint64_t)entries.count * ENTRY_BYTES;
    Status status = os->file_truncate(os, file, used, NULL);
    if (status == STATUS_OK) {
        status = os->file_truncate(os, file, count_max * ENTRY_BYTES, NULL);
    }
    index->count = entries.count;
    index->count_max = count_max;
    index->file = file;
    if (status != STATUS_OK) offset_index_close(index);
    offset_entry_vec_done(&entries);
}

void offset_index_close(OffsetIndexWriter *index) {
    os_file_close(index->os, index->file);
    offset_index_init(index, index->os);
}

void offset_index_add(OffsetIndexWriter *index, uint64_t offset, uint64_t at, uint64_t bytes) {
    if (index->file.descriptor == FILE_NONE.descriptor) return;
    if (index->candidate.offset == 0) index->candidate = (OffsetEntry){offset, at};
    index->bytes_covered += bytes;
    bool is_due = index->bytes_covered >= LOG_INDEX_INTERVAL_BYTES;
    if (!is_due || index->candidate.offset == 0 || index->count == index->count_max) return;
    uint8_t entry[ENTRY_BYTES];
    store_u64le(entry, index->candidate.offset);
    store_u64le(entry + 8, index->candidate.at);
    Status status = index->os->file_write(index->os, index->file, index->count * ENTRY_BYTES, entry,
                                          sizeof entry, NULL);
    if (status != STATUS_OK) {
        offset_index_close(index);  // the log does without
        return;
    }
    index->count++;
    index->candidate = (OffsetEntry){0};
    index->bytes_covered = 0;
}

void offset_index_read(Os *os, const char *directory, uint64_t segment, OffsetEntryVec *entries) {
    char path[OS_PATH_BYTES_MAX];
    index_path(directory, segment, path);
    File file = FILE_NONE;
    if (os->file_open(os, path, OS_OPEN_READ, &file, NULL) != STATUS_OK) return;
    read_entries(os, file, entries);
    os_file_close(os, file);
}

static void index_path(const char *directory, uint64_t segment, char ret_path[OS_PATH_BYTES_MAX]) {
    (void)snprintf(ret_path, OS_PATH_BYTES_MAX, "%s/%020llu.stdb.ofs", directory,
                   (unsigned long long)segment);
}

// Up to the first that is zero or out of order.
static void read_entries(Os *os, File file, OffsetEntryVec *entries) {
    uint64_t size = 0;
    if (os->file_size(os, file, &size, NULL) != STATUS_OK) return;
    uint8_t *block = mem_alloc(READ_BYTES);
    bool goes_on = true;
    for (uint64_t at = 0; goes_on && size - at >= ENTRY_BYTES;) {
        uint64_t bytes = size - at < READ_BYTES ? size - at : READ_BYTES;
        bytes -= bytes % ENTRY_BYTES;
        goes_on = entries->count < LOG_INDEX_ENTRIES_MAX &&
                  os->file_read(os, file, at, block, (size_t)bytes, NULL) == STATUS_OK &&
                  read_block(block, bytes, entries);
        at += bytes;
    }
    mem_free(block);
}

static bool read_block(const uint8_t *block, uint64_t bytes, OffsetEntryVec *entries) {
    for (uint64_t i = 0; i < bytes; i += ENTRY_BYTES) {
        OffsetEntry entry = {load_u64le(block + i), load_u64le(block + i + 8)};
        OffsetEntry last = {0};
        if (entries->count > 0) last = entries->items[entries->count - 1];
        if (entry.offset <= last.offset || entry.at <= last.at) return false;
        offset_entry_vec_push(entries, entry);
    }
    return true;
}

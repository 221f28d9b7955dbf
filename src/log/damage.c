// damage.c - see damage.h.
//
// Three witnesses. The offset index: its entries were written after the sync of the commits that they name. Good
// commits farther behind the gap than one group reaches. Zeroes: of a sector that was never written, the part behind
// the last good commit is zero. Without zeroes a gap is no crash's work.
#include "log/damage.h"

#include "base/hash.h"
#include "log/segment.h"

#include <stdio.h>

#define SECTOR_BYTES 512u
// The search for a later commit checks at most this many times the bytes that there are.
#define SEARCH_FACTOR 8u

typedef struct Tail {
    const LogEnd *end;
    Bytes bytes;  // of the file, from end->at on
} Tail;

typedef enum Search { SEARCH_NOTHING, SEARCH_FOUND, SEARCH_GAVE_UP } Search;

static Status tail_judge(const Tail *tail, Error *error);
static Status tail_read(Os *os, const LogEnd *end, uint8_t **ret_bytes, Bytes *ret_tail,
                        Error *error);
static bool index_knows_more(Os *os, const LogEnd *end);
static bool is_commit(Bytes bytes, uint64_t at, uint32_t *ret_count);
static Search find_commit(const Tail *tail, uint64_t *ret_at, uint64_t *ret_last);
static bool has_lost_sector(const Tail *tail, uint64_t count);
static bool is_cut_short(const Tail *tail);
static bool has_wrong_length(const Tail *tail);
static Status rotten(const LogEnd *end, const char *why, Error *error);

Status damage_judge(Os *os, const LogEnd *end, Error *error) {
    if (end->next_segment > 0) {
        char why[64];
        (void)snprintf(why, sizeof why, "the next segment begins with transaction %llu",
                       (unsigned long long)end->next_segment);
        return rotten(end, why, error);
    }
    if (index_knows_more(os, end)) {
        return rotten(end, "it had been synced, but is not there any more", error);
    }
    uint8_t *memory = NULL;
    Tail tail = {.end = end};
    Status status = tail_read(os, end, &memory, &tail.bytes, error);
    if (status != STATUS_OK) return status;
    if (tail.bytes.count >= COMMIT_HEADER_BYTES) status = tail_judge(&tail, error);
    mem_free(memory);
    return status;
}

static Status tail_judge(const Tail *tail, Error *error) {
    uint64_t later = 0;
    uint64_t last = 0;
    switch (find_commit(tail, &later, &last)) {
    case SEARCH_FOUND:
        if (last < LOG_GROUP_BYTES_MAX && has_lost_sector(tail, later)) return STATUS_OK;
        return rotten(tail->end, "transactions behind it are intact", error);
    case SEARCH_GAVE_UP: return rotten(tail->end, "what follows it makes no sense", error);
    case SEARCH_NOTHING: break;
    }
    if (is_cut_short(tail)) {
        if (!has_wrong_length(tail)) return STATUS_OK;
        return rotten(tail->end, "its length is wrong", error);
    }
    if (has_lost_sector(tail, tail->bytes.count)) return STATUS_OK;
    return rotten(tail->end, "it was written in full, but its checksum is wrong", error);
}

static Status rotten(const LogEnd *end, const char *why, Error *error) {
    (void)error_set(error, STATUS_CORRUPT,
                    "%s: transaction %llu is damaged (commit at byte position %llu): %s", end->path,
                    (unsigned long long)end->next_offset, (unsigned long long)end->at, why);
    damage_add_advice(end->directory, end->keep, error);
    return STATUS_CORRUPT;
}

bool damage_skip(Os *os, const LogEnd *end, uint64_t *ret_at) {
    uint8_t *memory = NULL;
    Tail tail = {.end = end};
    uint64_t at = 0;
    uint64_t last = 0;
    bool found = tail_read(os, end, &memory, &tail.bytes, NULL) == STATUS_OK &&
                 find_commit(&tail, &at, &last) == SEARCH_FOUND;
    mem_free(memory);
    if (found) *ret_at = end->at + at;
    return found;
}

void damage_add_advice(const char *directory, uint64_t keep, Error *error) {
    if (error == NULL) return;
    char text[ERROR_TEXT_MAX];
    (void)snprintf(text, sizeof text, "%s", error->text);
    Status status = error->status;
    (void)error_set(error, status,
                    "%s. Nothing was changed. Check the disk, restore a backup; or give up "
                    "transaction %llu and all behind it: spacetime repair %s --keep %llu",
                    text, (unsigned long long)keep, directory, (unsigned long long)keep);
}

static Status tail_read(Os *os, const LogEnd *end, uint8_t **ret_bytes, Bytes *ret_tail,
                        Error *error) {
    File file = FILE_NONE;
    uint64_t size = 0;
    Status status = os->file_open(os, end->path, OS_OPEN_READ, &file, error);
    if (status == STATUS_OK) status = os->file_size(os, file, &size, error);
    uint64_t count = status == STATUS_OK && size > end->at ? size - end->at : 0;
    if (status == STATUS_OK && count > LOG_RECORD_BYTES_MAX) {
        status = rotten(end, "too much follows it", error);
    } else if (status == STATUS_OK && count > 0) {
        *ret_bytes = mem_alloc((size_t)count);
        status = os->file_read(os, file, end->at, *ret_bytes, (size_t)count, error);
        *ret_tail = bytes_of(*ret_bytes, (size_t)count);
    }
    os_file_close(os, file);
    if (status != STATUS_OK) {
        mem_free(*ret_bytes);
        *ret_bytes = NULL;
    }
    return status;
}

// An entry at or behind the end. It is believed only if the entry before it was right, or the file is as it says:
// what an index of another file says is nothing.
static bool index_knows_more(Os *os, const LogEnd *end) {
    OffsetEntryVec entries = {0};
    offset_index_read(os, end->directory, end->segment, &entries);
    bool knows_more = false;
    uint32_t before = 0;
    while (before < entries.count && entries.items[before].at < end->at) before++;
    if (before > 0 && before < entries.count) {
        const OffsetEntry *known = &entries.items[before - 1];
        const OffsetEntry *next = &entries.items[before];
        knows_more = next->offset >= end->next_offset &&
                     segment_has_commit(os, end->path, known->at, known->offset);
    }
    offset_entry_vec_done(&entries);
    return knows_more;
}

static bool is_commit(Bytes bytes, uint64_t at, uint32_t *ret_count) {
    uint64_t left = bytes.count - at;
    if (left < COMMIT_FRAME_BYTES) return false;
    const uint8_t *header = bytes.data + at;
    uint32_t record_bytes = load_u32le(header + COMMIT_HEADER_BYTES - 4);
    if (record_bytes > left - COMMIT_FRAME_BYTES) return false;
    uint32_t covered = COMMIT_HEADER_BYTES + record_bytes;
    if (crc32c(0, bytes_of(header, covered)) != load_u32le(header + covered)) return false;
    *ret_count = covered + 4;
    return true;
}

// The first good commit with a later transaction, wherever it begins, and the last one of those that follow it.
static Search find_commit(const Tail *tail, uint64_t *ret_at, uint64_t *ret_last) {
    const LogEnd *end = tail->end;
    Bytes bytes = tail->bytes;
    uint64_t budget = (uint64_t)bytes.count * SEARCH_FACTOR;
    uint32_t count = 0;
    for (uint64_t at = 1; at + COMMIT_FRAME_BYTES <= bytes.count; at++) {
        const uint8_t *header = bytes.data + at;
        uint64_t ahead = load_u64le(header) - end->next_offset;  // wraps for what is before
        bool is_plausible = ahead > 0 && ahead < bytes.count / COMMIT_FRAME_BYTES + 2 &&
                            load_u64le(header + 8) == end->epoch && load_u16le(header + 16) > 0;
        if (!is_plausible) continue;
        uint32_t record_bytes = load_u32le(header + COMMIT_HEADER_BYTES - 4);
        if (record_bytes > bytes.count - at - COMMIT_FRAME_BYTES) continue;
        if (record_bytes > budget) return SEARCH_GAVE_UP;
        budget -= record_bytes;
        if (!is_commit(bytes, at, &count)) continue;
        *ret_at = at;
        for (uint64_t next = at; is_commit(bytes, next, &count); next += count) *ret_last = next;
        return SEARCH_FOUND;
    }
    return SEARCH_NOTHING;
}

// Is there a sector of which everything within the first `count` bytes behind the end is zero?
static bool has_lost_sector(const Tail *tail, uint64_t count) {
    uint64_t at = 0;
    while (at < count) {
        uint64_t sector_end = SECTOR_BYTES - (tail->end->at + at) % SECTOR_BYTES + at;
        if (sector_end > count) sector_end = count;
        uint64_t zeroes = at;
        while (zeroes < sector_end && tail->bytes.data[zeroes] == 0) zeroes++;
        if (zeroes == sector_end) return true;
        at = sector_end;
    }
    return false;
}

// The commit behind the end is longer than what is left of the file.
static bool is_cut_short(const Tail *tail) {
    uint32_t record_bytes = load_u32le(tail->bytes.data + COMMIT_HEADER_BYTES - 4);
    return (uint64_t)record_bytes + COMMIT_FRAME_BYTES > tail->bytes.count;
}

// Were it as long as what is left, it would be good: then only its length is damaged.
static bool has_wrong_length(const Tail *tail) {
    if (tail->bytes.count < COMMIT_FRAME_BYTES) return false;
    uint32_t covered = tail->bytes.count - 4;
    uint8_t length[4];
    store_u32le(length, covered - COMMIT_HEADER_BYTES);
    uint32_t checksum = crc32c(0, bytes_slice(tail->bytes, 0, COMMIT_HEADER_BYTES - 4));
    checksum = crc32c(checksum, bytes_of(length, sizeof length));
    checksum = crc32c(checksum,
                      bytes_slice(tail->bytes, COMMIT_HEADER_BYTES, covered - COMMIT_HEADER_BYTES));
    return checksum == load_u32le(tail->bytes.data + covered);
}

// hash_index.h - from the hash of a key to the rows that have it: open addressing over RowIds.
//
// Keys are not stored: candidates are checked by the caller through the row bytes.
//
// Threads    the executor.
// Lifetime   owns its memory until hash_index_done.
// Limits     ids of HASH_ID_BITS; equal hashes only as many as a run of buckets can hold (keys are
//            unique).
#pragma once

#include "base/bytes.h"

#define HASH_ID_BITS 40u
#define HASH_ID_MAX ((UINT64_C(1) << HASH_ID_BITS) - 1)
#define HASH_NO_ID UINT64_MAX
#define HASH_TAG_BITS 22u
#define HASH_BUCKET_ENTRIES 8u

// hash   63 ... 44 | 43 ... 32 | 31 ... 22 | 21 ..................................... 0
//                  | bucket    |           | tag: directory from the top; place in the bucket: the low 3
// entry  63        | 62        | 61 ... 40 | 39 ... 0
//        no entry  | displaced | tag       | id
#define HASH_ENTRY_NONE (UINT64_C(1) << 63)
#define HASH_ENTRY_DISPLACED (UINT64_C(1) << 62)
#define HASH_ENTRY_FREE UINT64_MAX
#define HASH_ENTRY_DEAD (UINT64_MAX - 1)
#define HASH_TAG_MASK ((UINT64_C(1) << HASH_TAG_BITS) - 1)
#define HASH_BUCKET_SHIFT 32u

typedef struct HashSegment {
    uint64_t bytes;
    uint32_t bucket_count;  // a power of two
    uint32_t depth;         // leading bits of the tag that all hashes in it share
    uint32_t live;
    uint32_t dead;
    _Alignas(64) uint64_t entries[];
} HashSegment;

// The hash of the key of a row that is in the index: asked when a segment grows.
typedef uint64_t (*HashOfRow)(const void *user, uint64_t id);
// Whether the row is the one looked for.
typedef bool (*HashMatch)(const void *user, uint64_t id);

typedef struct HashIndex {
    HashSegment **directory;  // 2^depth entries
    uint32_t depth;           // at least 1
    uint64_t count;
    uint64_t bytes;
    HashOfRow hash_of_row;
    const void *user;
} HashIndex;

void hash_index_init(HashIndex *index, HashOfRow hash_of_row, const void *user);
void hash_index_done(HashIndex *index);
void hash_index_clear(HashIndex *index);
void hash_index_insert(HashIndex *index, uint64_t hash, uint64_t id);
// The id must be in it, under this hash.
void hash_index_remove(HashIndex *index, uint64_t hash, uint64_t id);

static inline HashSegment *hash_index_segment(const HashIndex *index, uint64_t hash) {
    return index->directory[(hash & HASH_TAG_MASK) >> (HASH_TAG_BITS - index->depth)];
}

// The id that matches, or HASH_NO_ID. Inline, so that a constant `match` is too.
static inline uint64_t hash_index_find(const HashIndex *index, uint64_t hash, HashMatch match,
                                       const void *user) {
    const HashSegment *segment = hash_index_segment(index, hash);
    uint64_t wanted = (hash & HASH_TAG_MASK) << HASH_ID_BITS;
    uint64_t mask = HASH_ENTRY_NONE | HASH_TAG_MASK << HASH_ID_BITS;
    uint32_t bucket = (uint32_t)(hash >> HASH_BUCKET_SHIFT) & (segment->bucket_count - 1);
    for (uint32_t left = segment->bucket_count; left > 0; left--) {
        const uint64_t *entries = &segment->entries[(size_t)bucket * HASH_BUCKET_ENTRIES];
        bool has_free = false;
        for (uint32_t i = 0; i < HASH_BUCKET_ENTRIES; i++) {
            uint64_t entry = entries[(hash + i) & (HASH_BUCKET_ENTRIES - 1)];
            if ((entry & mask) == wanted && match(user, entry & HASH_ID_MAX)) {
                return entry & HASH_ID_MAX;
            }
            has_free |= entry == HASH_ENTRY_FREE;
        }
        if (has_free) break;  // nothing was pushed past this bucket
        bucket = (bucket + 1) & (segment->bucket_count - 1);
    }
    return HASH_NO_ID;
}

// Begins to fetch the bucket in which a search will start.
static inline void hash_index_prefetch(const HashIndex *index, uint64_t hash) {
    const HashSegment *segment = hash_index_segment(index, hash);
    uint32_t bucket = (uint32_t)(hash >> HASH_BUCKET_SHIFT) & (segment->bucket_count - 1);
    __builtin_prefetch(&segment->entries[(size_t)bucket * HASH_BUCKET_ENTRIES], 1);
}

// An id that a search would look at, or HASH_NO_ID: only its first bucket is asked.
static inline uint64_t hash_index_candidate(const HashIndex *index, uint64_t hash) {
    const HashSegment *segment = hash_index_segment(index, hash);
    uint64_t wanted = (hash & HASH_TAG_MASK) << HASH_ID_BITS;
    uint64_t mask = HASH_ENTRY_NONE | HASH_TAG_MASK << HASH_ID_BITS;
    uint32_t bucket = (uint32_t)(hash >> HASH_BUCKET_SHIFT) & (segment->bucket_count - 1);
    const uint64_t *entries = &segment->entries[(size_t)bucket * HASH_BUCKET_ENTRIES];
    for (uint32_t i = 0; i < HASH_BUCKET_ENTRIES; i++) {
        if ((entries[i] & mask) == wanted) return entries[i] & HASH_ID_MAX;
    }
    return HASH_NO_ID;
}

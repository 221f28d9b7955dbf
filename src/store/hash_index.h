// hash_index.h - from the hash of a key to the rows that have it: open addressing over RowIds.
//
// Keys are not stored: candidates are checked by the caller through the row bytes.
//
// Threads    the executor.
// Lifetime   owns its memory until hash_index_done.
// Limits     ids below 2^48; equal hashes only as many as a bucket run can hold (keys are unique).
#pragma once

#include "base/bytes.h"

#define HASH_ID_MAX ((UINT64_C(1) << 48) - 1)
#define HASH_NO_ID UINT64_MAX

typedef struct HashSegment HashSegment;

// The hash of the key of a row that is in the index: asked when a segment grows or splits.
typedef uint64_t (*HashOfRow)(const void *user, uint64_t id);

typedef struct HashIndex {
    HashSegment **directory;  // 2^depth entries
    uint32_t depth;
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

// Walks the candidates for a hash: start with hash_probe, then hash_probe_next until HASH_NO_ID.
typedef struct HashProbe {
    const HashSegment *segment;
    uint64_t tag;
    uint32_t bucket;
    uint32_t step;  // entries of the bucket looked at
    uint32_t start; // entry looked at first
    bool is_last;   // the bucket has a free entry: nothing was pushed past it
} HashProbe;

HashProbe hash_probe(const HashIndex *index, uint64_t hash);
uint64_t hash_probe_next(HashProbe *probe);

// direct.h - rows by small integers: an array in chunks, for the part of a key's range that is
// dense.
//
// Takes what it can hold with at least a quarter of its entries used; the caller keeps the rest
// elsewhere. Keys that count up from anywhere near zero, as generated ones do, all fit. So do the ids
// of a table's first 65,536 pages: an entry is four bytes, because what a look-up costs is the cache
// lines it misses.
//
// Threads    the executor.
// Lifetime   owns its memory until direct_map_done.
// Limits     memory in proportion to the entries that are used, plus a few KiB.
#pragma once

#include "base/bytes.h"

#define DIRECT_CHUNK_BITS 7u
#define DIRECT_CHUNK_ENTRIES (1u << DIRECT_CHUNK_BITS)
#define DIRECT_NO_ID UINT64_MAX
// Of an entry without a row.
#define DIRECT_ENTRY_NONE UINT32_MAX

typedef struct DirectChunk {
    uint32_t ids[DIRECT_CHUNK_ENTRIES];
    uint32_t count;
} DirectChunk;

typedef struct DirectMap {
    DirectChunk **chunks;  // NULL: empty
    uint32_t chunk_count;  // length of the array
    uint32_t chunks_used;
    uint64_t count;
} DirectMap;

static inline uint64_t direct_map_find(const DirectMap *map, uint64_t key) {
    uint64_t chunk = key >> DIRECT_CHUNK_BITS;
    if (chunk >= map->chunk_count || map->chunks[chunk] == NULL) return DIRECT_NO_ID;
    uint32_t entry = map->chunks[chunk]->ids[key & (DIRECT_CHUNK_ENTRIES - 1)];
    return entry == DIRECT_ENTRY_NONE ? DIRECT_NO_ID : entry;
}

// False if the key is too far from the others or the id too large; nothing has changed then. The key
// is not in it.
bool direct_map_add(DirectMap *map, uint64_t key, uint64_t id);
// False if the key is not in it.
bool direct_map_remove(DirectMap *map, uint64_t key);
void direct_map_done(DirectMap *map);  // accepts a zeroed one, leaves a zeroed one
uint64_t direct_map_bytes(const DirectMap *map);

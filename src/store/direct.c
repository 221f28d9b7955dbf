// direct.c - chunks come and go with the keys in them; the array of chunks grows only as far as its
// chunks warrant.
#include "store/direct.h"

// A new chunk is made while this many entries are there for each one used...
#define ENTRIES_PER_KEY_MAX 4u
// ... beyond a start that costs little.
#define ENTRIES_FREE_START (2u * DIRECT_CHUNK_ENTRIES)
// Places in the array of chunks, for each chunk used.
#define PLACES_PER_CHUNK_MAX 8u
#define PLACES_FREE_START 16u

static bool chunk_is_warranted(const DirectMap *map, uint64_t chunk);
static DirectChunk *chunk_create(DirectMap *map, uint32_t chunk);

bool direct_map_add(DirectMap *map, uint64_t key, uint64_t id) {
    ASSERT(map->count < UINT64_MAX);
    ASSERT(id != DIRECT_NO_ID);
    if (id >= DIRECT_ENTRY_NONE) return false;
    uint64_t at = key >> DIRECT_CHUNK_BITS;
    DirectChunk *chunk = at < map->chunk_count ? map->chunks[at] : NULL;
    if (chunk == NULL) {
        if (!chunk_is_warranted(map, at)) return false;
        chunk = chunk_create(map, (uint32_t)at);
    }
    uint32_t *entry = &chunk->ids[key & (DIRECT_CHUNK_ENTRIES - 1)];
    ASSERT(*entry == DIRECT_ENTRY_NONE);
    ASSERT(chunk->count < DIRECT_CHUNK_ENTRIES);
    *entry = (uint32_t)id;
    chunk->count++;
    map->count++;
    return true;
}

bool direct_map_remove(DirectMap *map, uint64_t key) {
    ASSERT(map->chunks != NULL || map->chunk_count == 0);
    uint64_t at = key >> DIRECT_CHUNK_BITS;
    DirectChunk *chunk = at < map->chunk_count ? map->chunks[at] : NULL;
    if (chunk == NULL) return false;
    uint32_t *entry = &chunk->ids[key & (DIRECT_CHUNK_ENTRIES - 1)];
    if (*entry == DIRECT_ENTRY_NONE) return false;
    ASSERT(map->count > 0 && chunk->count > 0);
    *entry = DIRECT_ENTRY_NONE;
    map->count--;
    if (--chunk->count > 0) return true;
    mem_free(chunk);
    map->chunks[at] = NULL;
    map->chunks_used--;
    return true;
}

void direct_map_done(DirectMap *map) {
    ASSERT(map->chunks != NULL || map->chunk_count == 0);
    for (uint32_t i = 0; i < map->chunk_count; i++) mem_free(map->chunks[i]);
    mem_free(map->chunks);
    *map = (DirectMap){0};
}

uint64_t direct_map_bytes(const DirectMap *map) {
    ASSERT(map->chunks_used <= map->chunk_count);
    return map->chunks_used * sizeof(DirectChunk) + map->chunk_count * sizeof(DirectChunk *);
}

static bool chunk_is_warranted(const DirectMap *map, uint64_t chunk) {
    ASSERT(map->chunks_used <= map->chunk_count);
    uint64_t places = (uint64_t)map->chunks_used * PLACES_PER_CHUNK_MAX + PLACES_FREE_START;
    uint64_t entries = ((uint64_t)map->chunks_used + 1) * DIRECT_CHUNK_ENTRIES;
    return chunk < places && entries <= map->count * ENTRIES_PER_KEY_MAX + ENTRIES_FREE_START;
}

static DirectChunk *chunk_create(DirectMap *map, uint32_t chunk) {
    ASSERT(map->chunks_used <= map->chunk_count);
    if (chunk >= map->chunk_count) {
        uint32_t count = map->chunk_count + map->chunk_count / 2 + 4;
        if (count <= chunk) count = chunk + 1;
        map->chunks = mem_realloc(map->chunks, sizeof(DirectChunk *) * count);
        memset(&map->chunks[map->chunk_count], 0,
               sizeof(DirectChunk *) * (count - map->chunk_count));
        map->chunk_count = count;
    }
    ASSERT(map->chunks[chunk] == NULL);
    DirectChunk *created = mem_alloc(sizeof *created);
    memset(created->ids, 0xff, sizeof created->ids);
    static_assert(DIRECT_ENTRY_NONE == UINT32_MAX, "the bytes above");
    created->count = 0;
    map->chunks[chunk] = created;
    map->chunks_used++;
    return created;
}

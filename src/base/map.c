// map.c - open addressing with linear probing.
//
// Invariants: capacity is 0 or a power of two; at most 3/4 of the slots are taken, so every probe ends at a
// free one; between a key's home slot and the slot it is in, no slot is free. A removal keeps the last one
// by shifting later members of the run back into the gap, so there are no tombstones.
#include "base/map.h"

#include <sys/random.h>

#define MAP_CAPACITY_MIN 8u
#define MAP_CAPACITY_MAX (1u << 31)

uint64_t hash_secrets[3];

static uint64_t hash_mix(uint64_t a, uint64_t b);
static uint32_t bytes_map_probe(const BytesMap *map, Bytes key, uint32_t hash);
static void bytes_map_grow(BytesMap *map);
static uint32_t u64_map_probe(const U64Map *map, uint64_t key);
static void u64_map_grow(U64Map *map);

// ---- hashing ----

__attribute__((constructor)) static void hash_secrets_init(void) {
    if (getrandom(hash_secrets, sizeof hash_secrets, 0) != sizeof hash_secrets) {
        assert_failed(__FILE__, __LINE__, "getrandom");
    }
}

// Multiplies to 128 bits and folds: every input bit reaches every output bit. A factor that outsiders could make
// zero would take the other one with it: each is masked with a secret.
static uint64_t hash_mix(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_bytes(Bytes bytes) {
    const uint8_t *at = bytes.data;
    uint32_t left = bytes.count;
    uint64_t hash = hash_secrets[0];
    while (left > 16) {
        hash = hash_mix(load_u64le(at) ^ hash_secrets[1], load_u64le(at + 8) ^ hash);
        at += 16;
        left -= 16;
    }
    // The last 0..16 bytes as two words, which overlap where there are fewer.
    uint64_t low = 0;
    uint64_t high = 0;
    if (left >= 8) {
        low = load_u64le(at);
        high = load_u64le(at + left - 8);
    } else if (left >= 4) {
        low = load_u32le(at);
        high = load_u32le(at + left - 4);
    } else if (left > 0) {
        low = (uint64_t)at[0] << 16 | (uint64_t)at[left / 2] << 8 | at[left - 1];
    }
    return hash_mix(hash_secrets[2] ^ bytes.count, hash_mix(low ^ hash_secrets[1], high ^ hash));
}

// ---- BytesMap ----

void bytes_map_init(BytesMap *map) {
    *map = (BytesMap){0};
}

void bytes_map_done(BytesMap *map) {
    for (uint32_t i = 0; i < map->capacity; i++) mem_free(map->slots[i].key);
    mem_free(map->slots);
    *map = (BytesMap){0};
}

void *bytes_map_find(const BytesMap *map, Bytes key) {
    if (map->count == 0) return NULL;
    const BytesMapSlot *slot = &map->slots[bytes_map_probe(map, key, (uint32_t)hash_bytes(key))];
    return slot->key ? slot->value : NULL;
}

void *bytes_map_set(BytesMap *map, Bytes key, void *value) {
    ASSERT(value != NULL);
    if ((uint64_t)map->count + 1 > (uint64_t)map->capacity / 4 * 3) bytes_map_grow(map);
    uint32_t hash = (uint32_t)hash_bytes(key);
    BytesMapSlot *slot = &map->slots[bytes_map_probe(map, key, hash)];
    void *previous = slot->key ? slot->value : NULL;
    if (slot->key == NULL) {
        slot->key = mem_alloc(key.count);
        if (key.count > 0) memcpy(slot->key, key.data, key.count);
        slot->key_count = key.count;
        slot->hash = hash;
        map->count++;
    }
    slot->value = value;
    return previous;
}

void *bytes_map_remove(BytesMap *map, Bytes key) {
    if (map->count == 0) return NULL;
    uint32_t mask = map->capacity - 1;
    uint32_t gap = bytes_map_probe(map, key, (uint32_t)hash_bytes(key));
    if (map->slots[gap].key == NULL) return NULL;
    void *value = map->slots[gap].value;
    mem_free(map->slots[gap].key);
    for (uint32_t i = (gap + 1) & mask; map->slots[i].key != NULL; i = (i + 1) & mask) {
        uint32_t home = map->slots[i].hash & mask;
        if (((i - home) & mask) < ((i - gap) & mask)) continue;  // would land before its home
        map->slots[gap] = map->slots[i];
        gap = i;
    }
    map->slots[gap] = (BytesMapSlot){0};
    map->count--;
    return value;
}

bool bytes_map_next(const BytesMap *map, uint32_t *at, Bytes *ret_key, void **ret_value) {
    for (; *at < map->capacity; (*at)++) {
        const BytesMapSlot *slot = &map->slots[*at];
        if (slot->key == NULL) continue;
        *ret_key = (Bytes){slot->key, slot->key_count};
        *ret_value = slot->value;
        (*at)++;
        return true;
    }
    return false;
}

// The slot that holds the key, or the free one where it would go.
static uint32_t bytes_map_probe(const BytesMap *map, Bytes key, uint32_t hash) {
    uint32_t mask = map->capacity - 1;
    uint32_t i = hash & mask;
    while (map->slots[i].key != NULL) {
        const BytesMapSlot *slot = &map->slots[i];
        if (slot->hash == hash && bytes_equal((Bytes){slot->key, slot->key_count}, key)) break;
        i = (i + 1) & mask;
    }
    return i;
}

static void bytes_map_grow(BytesMap *map) {
    ASSERT(map->capacity < MAP_CAPACITY_MAX);
    uint32_t capacity = map->capacity ? map->capacity * 2 : MAP_CAPACITY_MIN;
    uint32_t mask = capacity - 1;
    BytesMapSlot *slots = mem_alloc_zero(sizeof(BytesMapSlot) * capacity);
    for (uint32_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].key == NULL) continue;
        uint32_t to = map->slots[i].hash & mask;
        while (slots[to].key != NULL) to = (to + 1) & mask;
        slots[to] = map->slots[i];
    }
    mem_free(map->slots);
    map->slots = slots;
    map->capacity = capacity;
}

// ---- U64Map ----

void u64_map_init(U64Map *map) {
    *map = (U64Map){0};
}

void u64_map_done(U64Map *map) {
    mem_free(map->keys);
    mem_free(map->values);
    *map = (U64Map){0};
}

void *u64_map_find(const U64Map *map, uint64_t key) {
    return map->count == 0 ? NULL : map->values[u64_map_probe(map, key)];
}

void *u64_map_set(U64Map *map, uint64_t key, void *value) {
    ASSERT(value != NULL);
    if ((uint64_t)map->count + 1 > (uint64_t)map->capacity / 4 * 3) u64_map_grow(map);
    uint32_t i = u64_map_probe(map, key);
    void *previous = map->values[i];
    if (previous == NULL) map->count++;
    map->keys[i] = key;
    map->values[i] = value;
    return previous;
}

void *u64_map_remove(U64Map *map, uint64_t key) {
    if (map->count == 0) return NULL;
    uint32_t mask = map->capacity - 1;
    uint32_t gap = u64_map_probe(map, key);
    void *value = map->values[gap];
    if (value == NULL) return NULL;
    for (uint32_t i = (gap + 1) & mask; map->values[i] != NULL; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)hash_u64(map->keys[i]) & mask;
        if (((i - home) & mask) < ((i - gap) & mask)) continue;  // would land before its home
        map->keys[gap] = map->keys[i];
        map->values[gap] = map->values[i];
        gap = i;
    }
    map->values[gap] = NULL;
    map->count--;
    return value;
}

bool u64_map_next(const U64Map *map, uint32_t *at, uint64_t *ret_key, void **ret_value) {
    for (; *at < map->capacity; (*at)++) {
        if (map->values[*at] == NULL) continue;
        *ret_key = map->keys[*at];
        *ret_value = map->values[*at];
        (*at)++;
        return true;
    }
    return false;
}

static uint32_t u64_map_probe(const U64Map *map, uint64_t key) {
    uint32_t mask = map->capacity - 1;
    uint32_t i = (uint32_t)hash_u64(key) & mask;
    while (map->values[i] != NULL && map->keys[i] != key) i = (i + 1) & mask;
    return i;
}

static void u64_map_grow(U64Map *map) {
    ASSERT(map->capacity < MAP_CAPACITY_MAX);
    U64Map grown = {.count = map->count,
                    .capacity = map->capacity ? map->capacity * 2 : MAP_CAPACITY_MIN};
    grown.keys = mem_alloc(sizeof(uint64_t) * grown.capacity);
    grown.values = mem_alloc_zero(sizeof(void *) * grown.capacity);
    for (uint32_t i = 0; i < map->capacity; i++) {
        if (map->values[i] == NULL) continue;
        uint32_t to = u64_map_probe(&grown, map->keys[i]);
        grown.keys[to] = map->keys[i];
        grown.values[to] = map->values[i];
    }
    u64_map_done(map);
    *map = grown;
}

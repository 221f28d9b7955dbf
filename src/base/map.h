// map.h - a hash map from bytes or u64 keys to u64 values or pointers. Open addressing, no order.
//
// Threads    one owner.
// Lifetime   keys of a BytesMap are copied; values are the caller's. Iteration order must never become
//            visible outside (STYLE 18): sort first.
#pragma once

#include "base/bytes.h"

// Random per process, so that nobody outside can choose keys that collide. Set before main, then only read.
extern uint64_t hash_secrets[3];

// Both are fast and good in all bits; they differ from process to process and are never persisted.
uint64_t hash_bytes(Bytes bytes);
static inline uint64_t hash_u64(uint64_t value) {
    value ^= hash_secrets[0];
    value ^= value >> 32;
    value *= 0x9e3779b97f4a7c15u;
    value ^= value >> 29;
    value *= 0xbf58476d1ce4e5b9u;
    return value ^ (value >> 32);
}

typedef struct BytesMapSlot {
    uint8_t *key;  // NULL: free
    uint32_t key_count;
    uint32_t hash;
    void *value;
} BytesMapSlot;

typedef struct BytesMap {
    BytesMapSlot *slots;
    uint32_t count;
    uint32_t capacity;  // 0 or a power of two
} BytesMap;

void bytes_map_init(BytesMap *map);
void bytes_map_done(BytesMap *map);
// NULL if absent.
void *bytes_map_find(const BytesMap *map, Bytes key);
// Adds or replaces; returns the value that was there, or NULL. value must not be NULL.
void *bytes_map_set(BytesMap *map, Bytes key, void *value);
// Returns the value that was there, or NULL.
void *bytes_map_remove(BytesMap *map, Bytes key);
// Walks the map: start with *at = 0; false at the end. Do not change the map meanwhile.
bool bytes_map_next(const BytesMap *map, uint32_t *at, Bytes *ret_key, void **ret_value);

typedef struct U64Map {
    uint64_t *keys;
    void **values;  // NULL: free
    uint32_t count;
    uint32_t capacity;
} U64Map;

void u64_map_init(U64Map *map);
void u64_map_done(U64Map *map);
void *u64_map_find(const U64Map *map, uint64_t key);
void *u64_map_set(U64Map *map, uint64_t key, void *value);
void *u64_map_remove(U64Map *map, uint64_t key);
bool u64_map_next(const U64Map *map, uint32_t *at, uint64_t *ret_key, void **ret_value);

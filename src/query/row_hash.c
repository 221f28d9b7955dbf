// row_hash.c - chained hashing; entries stay in the order they came, chains run from the newest to
// the oldest.

#include "query/row_hash.h"

#define CAPACITY_FIRST 64u

static void row_hash_grow(RowHash *hash, uint32_t capacity);
static void row_hash_link(RowHash *hash, uint32_t index);
static bool entry_equals(const RowHash *hash, const RowHashEntry *entry,
                         const uint8_t *const *values);
static const RowHashEntry *row_hash_walk(const RowHash *hash, uint32_t at, uint64_t value,
                                         const uint8_t *const *values);

void row_hash_init(RowHash *hash, const ColumnPath *columns, uint16_t column_count, Arena *arena) {
    ASSERT(column_count > 0 && column_count <= ROW_HASH_COLUMNS_MAX);
    *hash = (RowHash){.columns = columns, .column_count = column_count, .arena = arena};
}

void row_hash_done(RowHash *hash) {
    if (hash->arena == NULL) {
        mem_free(hash->entries);
        mem_free(hash->buckets);
    }
    *hash = (RowHash){0};
}

void row_hash_reserve(RowHash *hash, uint32_t count) {
    uint32_t capacity = hash->capacity == 0 ? CAPACITY_FIRST : hash->capacity;
    while (capacity < count && capacity <= UINT32_MAX / 4) capacity *= 2;
    if (capacity > hash->capacity) row_hash_grow(hash, capacity);
}

static uint64_t values_hash(const RowHash *hash, const uint8_t *const *values) {
    uint64_t result = 0;
    for (uint16_t i = 0; i < hash->column_count; i++) {
        result = (result ^ value_hash(hash->columns[i].type, values[i])) * 0x9e3779b97f4a7c15u;
        result ^= result >> 29;
    }
    return result;
}

void row_hash_add(RowHash *hash, Row row) {
    ASSERT(hash->column_count > 0);
    if (hash->count == hash->capacity) {
        row_hash_grow(hash, hash->capacity == 0 ? CAPACITY_FIRST : hash->capacity * 2);
    }
    const uint8_t *values[ROW_HASH_COLUMNS_MAX];
    for (uint16_t i = 0; i < hash->column_count; i++)
        values[i] = column_at(&hash->columns[i], row.bytes.data);
    RowHashEntry *entry = &hash->entries[hash->count];
    entry->hash = values_hash(hash, values);
    entry->row = row;
    row_hash_link(hash, hash->count++);
}

static void row_hash_grow(RowHash *hash, uint32_t capacity) {
    ASSERT(hash->capacity <= UINT32_MAX / 4);
    ASSERT(capacity > hash->capacity);
    size_t entry_bytes = (size_t)capacity * sizeof *hash->entries;
    size_t bucket_bytes = (size_t)capacity * sizeof *hash->buckets;
    if (hash->arena == NULL) {
        hash->entries = mem_realloc(hash->entries, entry_bytes);
        mem_free(hash->buckets);
        hash->buckets = mem_alloc(bucket_bytes);
    } else {
        RowHashEntry *larger = arena_alloc(hash->arena, entry_bytes);
        if (hash->count > 0) memcpy(larger, hash->entries, hash->count * sizeof *larger);
        hash->entries = larger;
        hash->buckets = arena_alloc(hash->arena, bucket_bytes);
    }
    hash->capacity = capacity;
    memset(hash->buckets, 0xff, bucket_bytes);  // ROW_HASH_END
    for (uint32_t i = 0; i < hash->count; i++) row_hash_link(hash, i);
}

static void row_hash_link(RowHash *hash, uint32_t index) {
    RowHashEntry *entry = &hash->entries[index];
    ASSERT(index < hash->capacity);
    uint32_t *bucket = &hash->buckets[entry->hash & (hash->capacity - 1)];
    entry->next = *bucket;
    *bucket = index;
}

const RowHashEntry *row_hash_first(const RowHash *hash, const uint8_t *const *values) {
    if (hash->count == 0) return NULL;
    ASSERT(hash->count <= hash->capacity);
    uint64_t value = values_hash(hash, values);
    return row_hash_walk(hash, hash->buckets[value & (hash->capacity - 1)], value, values);
}

const RowHashEntry *row_hash_next(const RowHash *hash, const RowHashEntry *entry,
                                  const uint8_t *const *values) {
    ASSERT(entry >= hash->entries && entry < hash->entries + hash->count);
    return row_hash_walk(hash, entry->next, entry->hash, values);
}

static const RowHashEntry *row_hash_walk(const RowHash *hash, uint32_t at, uint64_t value,
                                         const uint8_t *const *values) {
    while (at != ROW_HASH_END) {
        const RowHashEntry *entry = &hash->entries[at];
        ASSERT(at < hash->count);
        if (entry->hash == value && entry_equals(hash, entry, values)) return entry;
        at = entry->next;
    }
    return NULL;
}

static bool entry_equals(const RowHash *hash, const RowHashEntry *entry,
                         const uint8_t *const *values) {
    for (uint16_t i = 0; i < hash->column_count; i++) {
        const uint8_t *at = column_at(&hash->columns[i], entry->row.bytes.data);
        if (value_compare(hash->columns[i].type, at, values[i]) != 0) return false;
    }
    return true;
}

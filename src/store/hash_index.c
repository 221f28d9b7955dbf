// hash_index.c - extendible hashing: a directory of segments, each an open-addressed table of
// buckets.
//
// A bucket of eight entries is one cache line. A key lives in the first bucket from its own on that
// had room, so a search may end at a bucket with a free entry. Removing from a full bucket
// therefore leaves a tombstone; from others a free entry.
//
// A segment doubles until it has SEGMENT_BUCKETS_MAX buckets and is split in two after that, so
// that no single insertion ever moves more than one segment's entries, however large the table. The
// bit that decides between the two is in the tag, and the bucket stays the same: only displaced
// entries need their row to be hashed again.
#include "store/hash_index.h"

#define SEGMENT_BUCKETS_MAX 4096u
#define DEPTH_MAX (HASH_TAG_BITS - 3)

static HashSegment *segment_create(HashIndex *index, uint32_t bucket_count, uint32_t depth);
static void segment_free(HashIndex *index, HashSegment *segment);
static bool segment_has_room(const HashSegment *segment);
static void segment_put(HashSegment *segment, uint32_t home, uint64_t tag, uint64_t id);
static void segment_make_room(HashIndex *index, uint64_t hash);
static void segment_move(const HashIndex *index, const HashSegment *from, HashSegment *low,
                         HashSegment *high);
static void segment_split(HashIndex *index, HashSegment *segment, uint64_t hash);
static void directory_set(HashIndex *index, uint64_t hash, uint32_t depth, HashSegment *segment);
static void directory_double(HashIndex *index);

void hash_index_init(HashIndex *index, HashOfRow hash_of_row, const void *user) {
    ASSERT(hash_of_row != NULL);
    *index = (HashIndex){.hash_of_row = hash_of_row, .user = user, .depth = 1};
    index->directory = mem_alloc(2 * sizeof(HashSegment *));
    index->directory[0] = segment_create(index, 1, 0);
    index->directory[1] = index->directory[0];
}

void hash_index_done(HashIndex *index) {
    if (index->directory == NULL) return;
    uint64_t count = UINT64_C(1) << index->depth;
    for (uint64_t i = 0; i < count;) {
        HashSegment *segment = index->directory[i];
        i += UINT64_C(1) << (index->depth - segment->depth);  // all the entries that point to it
        segment_free(index, segment);
    }
    ASSERT(index->bytes == 0);
    mem_free(index->directory);
    index->directory = NULL;
}

void hash_index_clear(HashIndex *index) {
    ASSERT(index->directory != NULL && index->hash_of_row != NULL);
    HashOfRow hash_of_row = index->hash_of_row;
    const void *user = index->user;
    hash_index_done(index);
    hash_index_init(index, hash_of_row, user);
}

void hash_index_insert(HashIndex *index, uint64_t hash, uint64_t id) {
    ASSERT(index->directory != NULL);
    ASSERT(id <= HASH_ID_MAX);
    HashSegment *segment = hash_index_segment(index, hash);
    while (!segment_has_room(segment)) {
        segment_make_room(index, hash);
        segment = hash_index_segment(index, hash);
    }
    segment_put(segment, (uint32_t)(hash >> HASH_BUCKET_SHIFT), hash & HASH_TAG_MASK, id);
    index->count++;
}

void hash_index_remove(HashIndex *index, uint64_t hash, uint64_t id) {
    ASSERT(id <= HASH_ID_MAX);
    ASSERT(index->count > 0);
    HashSegment *segment = hash_index_segment(index, hash);
    uint64_t wanted = (hash & HASH_TAG_MASK) << HASH_ID_BITS | id;
    uint32_t mask = segment->bucket_count - 1;
    uint32_t bucket = (uint32_t)(hash >> HASH_BUCKET_SHIFT) & mask;
    ASSERT(segment->live > 0);
    for (uint32_t left = segment->bucket_count; left > 0; left--) {
        uint64_t *entries = &segment->entries[(size_t)bucket * HASH_BUCKET_ENTRIES];
        uint64_t *found = NULL;
        bool has_free = false;
        for (uint32_t i = 0; i < HASH_BUCKET_ENTRIES; i++) {
            if ((entries[i] & ~HASH_ENTRY_DISPLACED) == wanted) found = &entries[i];
            has_free |= entries[i] == HASH_ENTRY_FREE;
        }
        if (found != NULL) {
            *found = has_free ? HASH_ENTRY_FREE : HASH_ENTRY_DEAD;
            segment->live--;
            if (!has_free) segment->dead++;
            index->count--;
            return;
        }
        if (has_free) break;
        bucket = (bucket + 1) & mask;
    }
    UNREACHABLE();
}

// ---- segments ----

static HashSegment *segment_create(HashIndex *index, uint32_t bucket_count, uint32_t depth) {
    ASSERT(bucket_count > 0 && bucket_count <= SEGMENT_BUCKETS_MAX);
    ASSERT((bucket_count & (bucket_count - 1)) == 0);
    size_t entry_bytes = sizeof(uint64_t) * HASH_BUCKET_ENTRIES * bucket_count;
    HashSegment *segment = mem_alloc_aligned(_Alignof(HashSegment),
                                             sizeof(HashSegment) + entry_bytes);
    segment->bytes = sizeof(HashSegment) + entry_bytes;
    segment->bucket_count = bucket_count;
    segment->depth = depth;
    segment->live = 0;
    segment->dead = 0;
    memset(segment->entries, 0xff, entry_bytes);
    static_assert(HASH_ENTRY_FREE == UINT64_MAX, "the bytes above");
    index->bytes += segment->bytes;
    return segment;
}

static void segment_free(HashIndex *index, HashSegment *segment) {
    ASSERT(index->bytes >= segment->bytes);
    index->bytes -= segment->bytes;
    mem_free(segment);
}

static bool segment_has_room(const HashSegment *segment) {
    ASSERT(segment->live + segment->dead <= segment->bucket_count * HASH_BUCKET_ENTRIES);
    uint32_t capacity = segment->bucket_count * HASH_BUCKET_ENTRIES;
    // Thirteen sixteenths: most searches then end in their first bucket.
    return segment->live + segment->dead < capacity - capacity * 3 / 16;
}

static void segment_put(HashSegment *segment, uint32_t home, uint64_t tag, uint64_t id) {
    ASSERT(tag <= HASH_TAG_MASK && id <= HASH_ID_MAX);
    uint32_t mask = segment->bucket_count - 1;
    uint64_t value = tag << HASH_ID_BITS | id;
    for (uint32_t step = 0; step < segment->bucket_count; step++) {
        uint32_t bucket = (home + step) & mask;
        uint64_t *entries = &segment->entries[(size_t)bucket * HASH_BUCKET_ENTRIES];
        for (uint32_t i = 0; i < HASH_BUCKET_ENTRIES; i++) {
            uint64_t *entry = &entries[(tag + i) & (HASH_BUCKET_ENTRIES - 1)];
            if (!(*entry & HASH_ENTRY_NONE)) continue;
            if (*entry == HASH_ENTRY_DEAD) segment->dead--;
            *entry = step == 0 ? value : value | HASH_ENTRY_DISPLACED;
            segment->live++;
            return;
        }
    }
    UNREACHABLE();
}

// The segment of the hash is full: cleans it of tombstones, doubles it or splits it.
static void segment_make_room(HashIndex *index, uint64_t hash) {
    ASSERT(index->directory != NULL);
    HashSegment *segment = hash_index_segment(index, hash);
    uint32_t capacity = segment->bucket_count * HASH_BUCKET_ENTRIES;
    bool is_mostly_dead = segment->live < capacity / 2;
    if (!is_mostly_dead && segment->bucket_count == SEGMENT_BUCKETS_MAX) {
        segment_split(index, segment, hash);
        return;
    }
    uint32_t bucket_count = is_mostly_dead ? segment->bucket_count : segment->bucket_count * 2;
    HashSegment *larger = segment_create(index, bucket_count, segment->depth);
    segment_move(index, segment, larger, larger);
    directory_set(index, hash, segment->depth, larger);
    segment_free(index, segment);
}

// To one of two by the first bit of the tag that the hashes of `from` do not all share.
static void segment_move(const HashIndex *index, const HashSegment *from, HashSegment *low,
                         HashSegment *high) {
    ASSERT(low->depth >= from->depth && high->depth == low->depth);
    ASSERT(from->depth < DEPTH_MAX);
    bool keeps_buckets = low->bucket_count == from->bucket_count;
    uint64_t bit = UINT64_C(1) << (HASH_TAG_BITS - 1 - from->depth);
    uint32_t moved = 0;
    for (uint32_t bucket = 0; bucket < from->bucket_count; bucket++) {
        const uint64_t *entries = &from->entries[(size_t)bucket * HASH_BUCKET_ENTRIES];
        for (uint32_t i = 0; i < HASH_BUCKET_ENTRIES; i++) {
            uint64_t entry = entries[i];
            if (entry & HASH_ENTRY_NONE) continue;
            uint64_t id = entry & HASH_ID_MAX;
            uint64_t tag = entry >> HASH_ID_BITS & HASH_TAG_MASK;
            uint32_t home = bucket;
            if (!keeps_buckets || (entry & HASH_ENTRY_DISPLACED)) {
                uint64_t hash = index->hash_of_row(index->user, id);
                ASSERT((hash & HASH_TAG_MASK) == tag);
                home = (uint32_t)(hash >> HASH_BUCKET_SHIFT);
            }
            segment_put(tag & bit ? high : low, home, tag, id);
            moved++;
        }
    }
    ASSERT(moved == from->live);
}

static void segment_split(HashIndex *index, HashSegment *segment, uint64_t hash) {
    ASSERT(segment->bucket_count == SEGMENT_BUCKETS_MAX);
    ASSERT(segment == hash_index_segment(index, hash));
    uint32_t depth = segment->depth + 1;
    ASSERT(depth <= DEPTH_MAX);
    if (segment->depth == index->depth) directory_double(index);
    HashSegment *low = segment_create(index, segment->bucket_count, depth);
    HashSegment *high = segment_create(index, segment->bucket_count, depth);
    segment_move(index, segment, low, high);
    uint64_t bit = UINT64_C(1) << (HASH_TAG_BITS - depth);
    directory_set(index, hash & ~bit, depth, low);
    directory_set(index, hash | bit, depth, high);
    segment_free(index, segment);
}

// ---- directory ----

// All entries whose leading `depth` bits are those of the hash's tag.
static void directory_set(HashIndex *index, uint64_t hash, uint32_t depth, HashSegment *segment) {
    ASSERT(segment->depth == depth);
    ASSERT(depth <= index->depth);
    uint64_t count = UINT64_C(1) << (index->depth - depth);
    uint64_t prefix = (hash & HASH_TAG_MASK) >> (HASH_TAG_BITS - depth);
    uint64_t first = prefix << (index->depth - depth);
    for (uint64_t i = 0; i < count; i++) index->directory[first + i] = segment;
}

static void directory_double(HashIndex *index) {
    ASSERT(index->depth < DEPTH_MAX);
    uint64_t count = UINT64_C(1) << index->depth;
    HashSegment **directory = mem_alloc(sizeof(HashSegment *) * count * 2);
    for (uint64_t i = 0; i < count; i++) {
        directory[i * 2] = index->directory[i];
        directory[i * 2 + 1] = index->directory[i];
    }
    mem_free(index->directory);
    index->directory = directory;
    index->depth++;
    ASSERT(index->depth <= DEPTH_MAX);
}

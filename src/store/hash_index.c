// hash_index.c - extendible hashing: a directory of segments, each an open-addressed table of buckets.
//
//   hash   63 ....... 64-depth | ..... | 31 ... 16 | 15 | 14 ......... 0 |
//          segment (directory)         | bucket    |    | tag; entry in the bucket: the low 3
//
// An entry is the tag and the id; a bucket of eight entries is one cache line. A key lives in the first bucket
// from its own on that had room, so a search may end at a bucket with a free entry. Removing from a full
// bucket therefore leaves a tombstone; from others a free entry.
//
// A segment doubles until it has SEGMENT_BUCKETS_MAX buckets and is split in two after that, so that no single
// insertion ever moves more than one segment's entries, however large the table.
#include "store/hash_index.h"

#define BUCKET_ENTRIES 8u
#define SEGMENT_BUCKETS_MAX 4096u
#define ENTRY_FREE UINT64_MAX
#define ENTRY_DEAD (UINT64_MAX - 1)
#define TAG_MASK 0x7fffu
#define BUCKET_SHIFT 16u
#define DEPTH_MAX 32u
#define CACHE_LINE_BYTES 64u

struct HashSegment {
    uint64_t bytes;
    uint32_t bucket_count;  // a power of two
    uint32_t depth;         // leading bits that all hashes in it share
    uint32_t live;
    uint32_t dead;
    _Alignas(CACHE_LINE_BYTES) uint64_t entries[];
};

static HashSegment *segment_create(HashIndex *index, uint32_t bucket_count, uint32_t depth);
static void segment_free(HashIndex *index, HashSegment *segment);
static HashSegment *segment_find(const HashIndex *index, uint64_t hash);
static bool segment_has_room(const HashSegment *segment);
static void segment_put(HashSegment *segment, uint64_t hash, uint64_t id);
static void segment_make_room(HashIndex *index, uint64_t hash);
static void segment_move(HashIndex *index, const HashSegment *from, HashSegment *low,
                         HashSegment *high);
static void segment_split(HashIndex *index, HashSegment *segment, uint64_t hash);
static void directory_set(HashIndex *index, uint64_t hash, uint32_t depth, HashSegment *segment);
static void directory_double(HashIndex *index);

void hash_index_init(HashIndex *index, HashOfRow hash_of_row, const void *user) {
    *index = (HashIndex){.hash_of_row = hash_of_row, .user = user};
    index->directory = mem_alloc(sizeof(HashSegment *));
    index->directory[0] = segment_create(index, 1, 0);
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
    HashOfRow hash_of_row = index->hash_of_row;
    const void *user = index->user;
    hash_index_done(index);
    hash_index_init(index, hash_of_row, user);
}

void hash_index_insert(HashIndex *index, uint64_t hash, uint64_t id) {
    ASSERT(id <= HASH_ID_MAX);
    HashSegment *segment = segment_find(index, hash);
    while (!segment_has_room(segment)) {
        segment_make_room(index, hash);
        segment = segment_find(index, hash);
    }
    segment_put(segment, hash, id);
    index->count++;
}

void hash_index_remove(HashIndex *index, uint64_t hash, uint64_t id) {
    HashSegment *segment = segment_find(index, hash);
    uint64_t wanted = (hash & TAG_MASK) << 48 | id;
    uint32_t mask = segment->bucket_count - 1;
    ASSERT(segment->live > 0);
    for (uint32_t bucket = (uint32_t)(hash >> BUCKET_SHIFT) & mask, left = segment->bucket_count;
         left > 0; bucket = (bucket + 1) & mask, left--) {
        uint64_t *entries = &segment->entries[(size_t)bucket * BUCKET_ENTRIES];
        uint64_t *found = NULL;
        bool has_free = false;
        for (uint32_t i = 0; i < BUCKET_ENTRIES; i++) {
            if (entries[i] == wanted) found = &entries[i];
            if (entries[i] == ENTRY_FREE) has_free = true;
        }
        if (found != NULL) {
            *found = has_free ? ENTRY_FREE : ENTRY_DEAD;
            segment->live--;
            if (!has_free) segment->dead++;
            index->count--;
            return;
        }
        if (has_free) break;
    }
    UNREACHABLE();
}

HashProbe hash_probe(const HashIndex *index, uint64_t hash) {
    const HashSegment *segment = segment_find(index, hash);
    return (HashProbe){
        .segment = segment,
        .tag = hash & TAG_MASK,
        .bucket = (uint32_t)(hash >> BUCKET_SHIFT) & (segment->bucket_count - 1),
        .start = hash & (BUCKET_ENTRIES - 1),
    };
}

uint64_t hash_probe_next(HashProbe *probe) {
    for (uint32_t buckets = 0; buckets <= probe->segment->bucket_count; buckets++) {
        const uint64_t *entries = &probe->segment->entries[(size_t)probe->bucket * BUCKET_ENTRIES];
        while (probe->step < BUCKET_ENTRIES) {
            uint64_t entry = entries[(probe->start + probe->step++) & (BUCKET_ENTRIES - 1)];
            if (entry >> 48 == probe->tag) return entry & HASH_ID_MAX;
            if (entry == ENTRY_FREE) probe->is_last = true;
        }
        if (probe->is_last) return HASH_NO_ID;
        probe->step = 0;
        probe->bucket = (probe->bucket + 1) & (probe->segment->bucket_count - 1);
    }
    return HASH_NO_ID;
}

// ---- segments ----

static HashSegment *segment_create(HashIndex *index, uint32_t bucket_count, uint32_t depth) {
    size_t entry_bytes = sizeof(uint64_t) * BUCKET_ENTRIES * bucket_count;
    HashSegment *segment = mem_alloc_aligned(CACHE_LINE_BYTES, sizeof(HashSegment) + entry_bytes);
    segment->bytes = sizeof(HashSegment) + entry_bytes;
    segment->bucket_count = bucket_count;
    segment->depth = depth;
    segment->live = 0;
    segment->dead = 0;
    memset(segment->entries, 0xff, entry_bytes);
    static_assert(ENTRY_FREE == UINT64_MAX, "the bytes above");
    index->bytes += segment->bytes;
    return segment;
}

static void segment_free(HashIndex *index, HashSegment *segment) {
    ASSERT(index->bytes >= segment->bytes);
    index->bytes -= segment->bytes;
    mem_free(segment);
}

static HashSegment *segment_find(const HashIndex *index, uint64_t hash) {
    uint64_t at = index->depth == 0 ? 0 : hash >> (64 - index->depth);
    return index->directory[at];
}

static bool segment_has_room(const HashSegment *segment) {
    uint32_t capacity = segment->bucket_count * BUCKET_ENTRIES;
    return segment->live + segment->dead < capacity - capacity / 8;
}

static void segment_put(HashSegment *segment, uint64_t hash, uint64_t id) {
    uint32_t mask = segment->bucket_count - 1;
    uint32_t bucket = (uint32_t)(hash >> BUCKET_SHIFT) & mask;
    uint32_t start = hash & (BUCKET_ENTRIES - 1);
    for (uint32_t left = segment->bucket_count; left > 0; left--) {
        uint64_t *entries = &segment->entries[(size_t)bucket * BUCKET_ENTRIES];
        for (uint32_t i = 0; i < BUCKET_ENTRIES; i++) {
            uint64_t *entry = &entries[(start + i) & (BUCKET_ENTRIES - 1)];
            if (*entry < ENTRY_DEAD) continue;
            if (*entry == ENTRY_DEAD) segment->dead--;
            *entry = (hash & TAG_MASK) << 48 | id;
            segment->live++;
            return;
        }
        bucket = (bucket + 1) & mask;
    }
    UNREACHABLE();
}

// The segment of the hash is full: cleans it of tombstones, doubles it or splits it.
static void segment_make_room(HashIndex *index, uint64_t hash) {
    HashSegment *segment = segment_find(index, hash);
    uint32_t capacity = segment->bucket_count * BUCKET_ENTRIES;
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

// By the first bit that the hashes of `from` do not all share.
static void segment_move(HashIndex *index, const HashSegment *from, HashSegment *low,
                         HashSegment *high) {
    uint32_t capacity = from->bucket_count * BUCKET_ENTRIES;
    uint32_t moved = 0;
    for (uint32_t i = 0; i < capacity; i++) {
        if (from->entries[i] >= ENTRY_DEAD) continue;
        uint64_t id = from->entries[i] & HASH_ID_MAX;
        uint64_t hash = index->hash_of_row(index->user, id);
        ASSERT((hash & TAG_MASK) == from->entries[i] >> 48);
        bool is_high = hash >> (63 - from->depth) & 1;
        segment_put(is_high ? high : low, hash, id);
        moved++;
    }
    ASSERT(moved == from->live);
}

static void segment_split(HashIndex *index, HashSegment *segment, uint64_t hash) {
    uint32_t depth = segment->depth + 1;
    ASSERT(depth <= DEPTH_MAX);
    if (segment->depth == index->depth) directory_double(index);
    HashSegment *low = segment_create(index, segment->bucket_count, depth);
    HashSegment *high = segment_create(index, segment->bucket_count, depth);
    segment_move(index, segment, low, high);
    uint64_t bit = UINT64_C(1) << (64 - depth);
    directory_set(index, hash & ~bit, depth, low);
    directory_set(index, hash | bit, depth, high);
    segment_free(index, segment);
}

// ---- directory ----

// All entries whose leading `depth` bits are those of the hash.
static void directory_set(HashIndex *index, uint64_t hash, uint32_t depth, HashSegment *segment) {
    ASSERT(depth <= index->depth);
    uint64_t count = UINT64_C(1) << (index->depth - depth);
    uint64_t first = depth == 0 ? 0 : (hash >> (64 - depth)) << (index->depth - depth);
    for (uint64_t i = 0; i < count; i++) index->directory[first + i] = segment;
}

static void directory_double(HashIndex *index) {
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

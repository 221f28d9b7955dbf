// slab.c - size classes over one page pool.
//
// Steps of 16 bytes up to 128, then four steps to each doubling: at most a fifth of a slot is
// wasted. What is larger than the largest class has a page of its own, made to measure.
#include "store/slab.h"

#include "base/limits.h"

const uint32_t SLAB_CLASS_BYTES[SLAB_CLASS_COUNT + 1] = {
    16,   32,   48,   64,   80,   96,   112,  128,  160,   192,   224,   256,
    320,  384,  448,  512,  640,  768,  896,  1024, 1280,  1536,  1792,  2048,
    2560, 3072, 3584, 4096, 5120, 6144, 7168, 8192, 10240, 12288, 14336, 16384,
    0,  // SLAB_LARGE: slot 0, wherever that is
};

static uint32_t slab_class(uint32_t bytes);

void slab_init(Slab *slab, PageVec *graveyard) {
    ASSERT(graveyard != NULL);
    page_pool_init(&slab->pool, graveyard);
    for (uint32_t i = 0; i < SLAB_CLASS_COUNT; i++) page_list_init(&slab->lists[i]);
}

void slab_done(Slab *slab) {
    ASSERT(slab->pool.graveyard != NULL);
    PageVec *graveyard = slab->pool.graveyard;
    page_pool_done(&slab->pool);
    slab_init(slab, graveyard);
}

SlabHandle slab_add(Slab *slab, Bytes bytes) {
    ASSERT(bytes.count <= STORE_ROW_BYTES_MAX);
    uint32_t needed = bytes.count + (uint32_t)sizeof(uint32_t);
    uint32_t class = slab_class(needed);
    uint64_t id = class == SLAB_LARGE ? page_pool_take_large(&slab->pool, needed)
                                      : page_pool_take(&slab->pool, &slab->lists[class],
                                                       SLAB_CLASS_BYTES[class], PAGE_PLAIN);
    ASSERT(id >> 56 == 0);
    uint8_t *at = page_slot(page_get(slab->pool.array, id), SLAB_CLASS_BYTES[class], id);
    store_u32le(at, bytes.count);
    if (bytes.count > 0) memcpy(at + sizeof(uint32_t), bytes.data, bytes.count);
    return (uint64_t)class << 56 | id;
}

void slab_remove(Slab *slab, SlabHandle handle) {
    ASSERT(handle != UINT64_MAX);
    uint32_t class = (uint32_t)(handle >> 56);
    ASSERT(class <= SLAB_LARGE);
    PageList *list = class == SLAB_LARGE ? NULL : &slab->lists[class];
    page_pool_give(&slab->pool, list, handle & 0xffffffffffffff);
}

uint8_t *slab_own(Slab *slab, SlabHandle handle) {
    ASSERT(slab->pool.array != NULL);
    uint64_t id = handle & 0xffffffffffffff;
    ASSERT(handle >> 56 <= SLAB_LARGE);
    const Page *page = page_pool_own(&slab->pool, (uint32_t)(id >> 16));
    return page_slot(page, SLAB_CLASS_BYTES[handle >> 56], id) + sizeof(uint32_t);
}

static uint32_t slab_class(uint32_t bytes) {
    ASSERT(bytes <= STORE_ROW_BYTES_MAX + sizeof(uint32_t));
    ASSERT(bytes > 0);
    if (bytes <= 128) return (bytes + 15) / 16 - 1;
    if (bytes > SLAB_CLASS_BYTES[SLAB_CLASS_COUNT - 1]) return SLAB_LARGE;
    // 2^log < bytes <= 2^(log + 1); four classes in between.
    uint32_t log = 31 - (uint32_t)__builtin_clz(bytes - 1);
    uint32_t step = ((bytes - 1) >> (log - 2)) & 3;
    return 8 + (log - 7) * 4 + step;
}

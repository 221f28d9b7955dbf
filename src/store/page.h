// page.h - slots of one size in blocks of memory, shared with readers copy-on-write.
//
// Threads    the executor owns a PagePool; readers hold references to its PageArray and only read.
// Lifetime   a page lives until the last array that holds it goes; a page that the writer replaced
//            while a transaction runs goes to the graveyard and stays readable until the
//            transaction is released.
// Limits     PAGE_DATA_BYTES a page, except a page made for one larger slot.
#pragma once

#include "base/vec.h"

#include <stdatomic.h>

#define PAGE_DATA_BYTES 65536u
#define PAGE_NONE UINT32_MAX
#define SLOT_NONE UINT32_MAX
// A free slot holds the number of the next free one.
#define SLOT_BYTES_MIN 2u

// The slots follow the header; behind them two bitmaps, if the page has them: present and touched.
typedef struct Page {
    // Arrays that hold this page, and the graveyard. Up: executor, relaxed (it holds one already).
    // Down: any thread, acquire-release: the last holder frees what the others are done with.
    _Atomic uint32_t refs;
    // ---- the rest is written by the executor, on pages that only it holds ----
    uint32_t slot_bytes;
    uint32_t slot_count;
    uint32_t bump;        // slots from here on were never used
    uint32_t free_head;   // slot freed last, or SLOT_NONE
    uint32_t live;        // slots in use
    uint32_t word_count;  // of each bitmap; 0: none
    uint32_t page_bytes;  // of the whole allocation
    // ---- links of the list of pages with free slots: readers do not look, so they change in place
    // ----
    uint32_t previous;
    uint32_t next;
    bool is_listed;
} Page;
#define PAGE_HEADER_BYTES 64u
static_assert(sizeof(Page) <= PAGE_HEADER_BYTES, "slots start at a fixed place");

typedef struct PageArray {
    _Atomic uint32_t refs;  // pool and snapshots; as Page.refs
    uint32_t count;
    uint32_t capacity;
    Page *items[];  // NULL: a number that is free
} PageArray;

VEC(PageVec, page_vec, Page *)
VEC(PageNumbers, page_numbers, uint32_t)

typedef struct PagePool {
    PageArray *array;  // NULL until the first page
    PageNumbers free_numbers;
    PageVec *graveyard;  // the store's
    uint64_t bytes;      // of all pages
} PagePool;

// Pages with free slots, of one slot size.
typedef struct PageList {
    uint32_t head;
    uint32_t page_count;  // pages of that size, full ones too
} PageList;

typedef enum PageBits { PAGE_PLAIN, PAGE_WITH_BITS } PageBits;

void page_pool_init(PagePool *pool, PageVec *graveyard);
void page_pool_done(PagePool *pool);
void page_list_init(PageList *list);

// A free slot: page << 16 | slot. Prefers the page where a slot was freed last.
uint64_t page_pool_take(PagePool *pool, PageList *list, uint32_t slot_bytes, PageBits bits);
// A page of its own for something larger than PAGE_DATA_BYTES holds well; in no list.
uint64_t page_pool_take_large(PagePool *pool, uint32_t bytes);
// Gives a slot back. Pages without bitmaps vanish when their last slot is freed. list: NULL for
// large ones.
void page_pool_give(PagePool *pool, PageList *list, uint64_t id);
// The page, copied first if a reader holds it.
Page *page_pool_own(PagePool *pool, uint32_t number);

PageArray *page_array_ref(PageArray *array);  // executor only
void page_array_unref(PageArray *array);      // any thread; accepts NULL
void page_graveyard_clear(PageVec *graveyard);

static inline Page *page_get(const PageArray *array, uint64_t id) {
    ASSERT(id >> 16 < array->count);
    return array->items[id >> 16];
}

// The place of a slot whose size the caller knows: no look at the header.
static inline uint8_t *page_slot(const Page *page, uint32_t slot_bytes, uint64_t id) {
    return (uint8_t *)(uintptr_t)page + PAGE_HEADER_BYTES + (size_t)slot_bytes * (id & 0xffff);
}

static inline uint64_t *page_present(const Page *page) {
    size_t data_bytes = ((size_t)page->slot_bytes * page->slot_count + 7) & ~(size_t)7;
    return (uint64_t *)((uintptr_t)page + PAGE_HEADER_BYTES + data_bytes);
}

static inline uint64_t *page_touched(const Page *page) {
    return page_present(page) + page->word_count;
}

static inline bool bit_get(const uint64_t *words, uint32_t at) {
    return words[at >> 6] >> (at & 63) & 1;
}
static inline void bit_set(uint64_t *words, uint32_t at) {
    words[at >> 6] |= (uint64_t)1 << (at & 63);
}
static inline void bit_clear(uint64_t *words, uint32_t at) {
    words[at >> 6] &= ~((uint64_t)1 << (at & 63));
}

// page.c - pages, their free slots, and the copy that keeps readers' pages as they were.
//
//   PagePool -> PageArray -> Page | header | slot 0 | slot 1 | ... | present bits | touched bits |
//                               \-> Page ...
//
// A snapshot is one more reference to the array. The writer, before it changes anything that a
// snapshot could see, makes the array its own (a copy of the pointers, one more reference to each
// page) and then the page (a copy of its bytes). Both checks are "is the count one": only the
// executor adds references, so a count of one cannot grow behind its back.
//
// Free slots form a list through their first two bytes, last freed first. The first pages of a list
// are small, so that the many small tables of a database do not cost 64 KiB each.
#include "store/page.h"

#define PAGE_DATA_BYTES_MIN 1024u
#define PAGE_GROWTH_SHIFT 2u
#define SLOTS_MAX 65535u
// So that ids fit the entries of hash indexes.
#define PAGES_MAX (1u << 24)
#define PAGE_ALIGNMENT 64u
#define ARRAY_CAPACITY_MIN 4u

static Page *page_create(uint32_t slot_bytes, uint32_t slot_count, PageBits bits);
static void page_unref(Page *page);
static uint32_t page_take_slot(Page *page);
static PageArray *pool_own_array(PagePool *pool, uint32_t count);
static uint32_t pool_add(PagePool *pool, Page *page);
static void pool_drop(PagePool *pool, uint32_t number);
static void list_push(PagePool *pool, PageList *list, uint32_t number);
static void list_remove(PagePool *pool, PageList *list, uint32_t number);
static uint32_t list_slot_count(const PageList *list, uint32_t slot_bytes);

// ---- pool ----

void page_pool_init(PagePool *pool, PageVec *graveyard) {
    ASSERT(graveyard != NULL);
    *pool = (PagePool){.graveyard = graveyard};
}

void page_pool_done(PagePool *pool) {
    page_array_unref(pool->array);
    page_numbers_done(&pool->free_numbers);
    page_pool_init(pool, pool->graveyard);
}

void page_list_init(PageList *list) {
    *list = (PageList){.head = PAGE_NONE};
}

uint64_t page_pool_take(PagePool *pool, PageList *list, uint32_t slot_bytes, PageBits bits) {
    ASSERT(pool->graveyard != NULL);
    ASSERT(slot_bytes >= SLOT_BYTES_MIN && slot_bytes <= PAGE_DATA_BYTES);
    if (list->head == PAGE_NONE) {
        Page *page = page_create(slot_bytes, list_slot_count(list, slot_bytes), bits);
        list->page_count++;
        list_push(pool, list, pool_add(pool, page));
    }
    uint32_t number = list->head;
    Page *page = page_pool_own(pool, number);
    ASSERT(page->slot_bytes == slot_bytes);
    uint32_t slot = page_take_slot(page);
    if (page->live == page->slot_count) list_remove(pool, list, number);
    return (uint64_t)number << 16 | slot;
}

uint64_t page_pool_take_large(PagePool *pool, uint32_t bytes) {
    ASSERT(bytes > 0);
    Page *page = page_create(bytes, 1, PAGE_PLAIN);
    (void)page_take_slot(page);
    ASSERT(page->live == 1);
    return (uint64_t)pool_add(pool, page) << 16;
}

void page_pool_give(PagePool *pool, PageList *list, uint64_t id) {
    ASSERT(pool->array != NULL && id >> 16 < pool->array->count);
    ASSERT((id & 0xffff) != (uint16_t)SLOT_NONE);
    uint32_t number = (uint32_t)(id >> 16);
    Page *page = page_pool_own(pool, number);
    ASSERT((id & 0xffff) < page->bump);
    ASSERT(page->live > 0);
    page->live--;
    if (page->live == 0 && page->word_count == 0) {
        if (list != NULL) {
            if (page->is_listed) list_remove(pool, list, number);
            list->page_count--;
        }
        pool_drop(pool, number);
        return;
    }
    ASSERT(list != NULL);
    store_u16le(page_slot(page, page->slot_bytes, id), (uint16_t)page->free_head);
    page->free_head = (uint32_t)(id & 0xffff);
    if (!page->is_listed) list_push(pool, list, number);
}

Page *page_pool_own(PagePool *pool, uint32_t number) {
    PageArray *array = pool->array;
    ASSERT(array != NULL && number < array->count);
    if (atomic_load_explicit(&array->refs, memory_order_acquire) != 1) {
        array = pool_own_array(pool, array->count);
    }
    Page *page = array->items[number];
    if (atomic_load_explicit(&page->refs, memory_order_acquire) == 1) return page;
    Page *copy = mem_alloc_aligned(PAGE_ALIGNMENT, page->page_bytes);
    memcpy((uint8_t *)copy + sizeof copy->refs, (const uint8_t *)page + sizeof page->refs,
           page->page_bytes - sizeof page->refs);
    atomic_init(&copy->refs, 1);
    array->items[number] = copy;
    page_vec_push(pool->graveyard, page);
    return copy;
}

// ---- references ----

PageArray *page_array_ref(PageArray *array) {
    if (array != NULL) atomic_fetch_add_explicit(&array->refs, 1, memory_order_relaxed);
    return array;
}

void page_array_unref(PageArray *array) {
    if (array == NULL) return;
    uint32_t refs = atomic_fetch_sub_explicit(&array->refs, 1, memory_order_acq_rel);
    ASSERT(refs > 0);
    if (refs > 1) return;
    for (uint32_t i = 0; i < array->count; i++) {
        if (array->items[i] != NULL) page_unref(array->items[i]);
    }
    mem_free(array);
}

void page_graveyard_clear(PageVec *graveyard) {
    ASSERT(graveyard->count <= graveyard->capacity);
    for (uint32_t i = 0; i < graveyard->count; i++) page_unref(graveyard->items[i]);
    page_vec_clear(graveyard);
}

static void page_unref(Page *page) {
    uint32_t refs = atomic_fetch_sub_explicit(&page->refs, 1, memory_order_acq_rel);
    ASSERT(refs > 0);
    if (refs == 1) mem_free(page);
}

// ---- pages ----

static Page *page_create(uint32_t slot_bytes, uint32_t slot_count, PageBits bits) {
    ASSERT(slot_bytes > 0);
    ASSERT(slot_count > 0 && slot_count <= SLOTS_MAX);
    uint32_t words = bits == PAGE_WITH_BITS ? (slot_count + 63) / 64 : 0;
    size_t data_bytes = ((size_t)slot_bytes * slot_count + 7) & ~(size_t)7;
    size_t bytes = PAGE_HEADER_BYTES + data_bytes + (size_t)words * 2 * sizeof(uint64_t);
    ASSERT(bytes <= UINT32_MAX);
    bytes = (bytes + PAGE_ALIGNMENT - 1) & ~(size_t)(PAGE_ALIGNMENT - 1);
    Page *page = mem_alloc_aligned(PAGE_ALIGNMENT, bytes);
    *page = (Page){
        .slot_bytes = slot_bytes,
        .slot_count = slot_count,
        .free_head = SLOT_NONE,
        .word_count = words,
        .page_bytes = (uint32_t)bytes,
        .previous = PAGE_NONE,
        .next = PAGE_NONE,
    };
    atomic_init(&page->refs, 1);
    memset(page_present(page), 0, (size_t)words * 2 * sizeof(uint64_t));
    return page;
}

static uint32_t page_take_slot(Page *page) {
    ASSERT(page->free_head == SLOT_NONE || page->free_head < page->bump);
    ASSERT(page->live < page->slot_count);
    page->live++;
    if (page->free_head == SLOT_NONE) {
        ASSERT(page->bump < page->slot_count);
        return page->bump++;
    }
    uint32_t slot = page->free_head;
    uint32_t next = load_u16le(page_slot(page, page->slot_bytes, slot));
    page->free_head = next == (uint16_t)SLOT_NONE ? SLOT_NONE : next;
    return slot;
}

// ---- the array ----

// An array that only the pool holds, with room for `count` pages.
static PageArray *pool_own_array(PagePool *pool, uint32_t count) {
    ASSERT(count < PAGES_MAX + 1);
    PageArray *array = pool->array;
    uint32_t old_count = array ? array->count : 0;
    ASSERT(count >= old_count);
    uint32_t capacity = array ? array->capacity : ARRAY_CAPACITY_MIN;
    while (capacity < count) capacity *= 2;
    PageArray *copy = mem_alloc(sizeof(PageArray) + sizeof(Page *) * (size_t)capacity);
    atomic_init(&copy->refs, 1);
    copy->count = old_count;
    copy->capacity = capacity;
    for (uint32_t i = 0; i < old_count; i++) {
        copy->items[i] = array->items[i];
        if (copy->items[i] == NULL) continue;
        atomic_fetch_add_explicit(&copy->items[i]->refs, 1, memory_order_relaxed);
    }
    pool->array = copy;
    page_array_unref(array);
    return copy;
}

static uint32_t pool_add(PagePool *pool, Page *page) {
    ASSERT(!page->is_listed && page->live <= page->slot_count);
    pool->bytes += page->page_bytes;
    PageArray *array = pool->array;
    bool reuses = pool->free_numbers.count > 0;
    uint32_t count = array ? array->count : 0;
    uint32_t needed = reuses ? count : count + 1;
    ASSERT(count < PAGES_MAX);  // 2^24 pages: a terabyte
    bool is_own = array && atomic_load_explicit(&array->refs, memory_order_acquire) == 1;
    if (!is_own || needed > array->capacity) array = pool_own_array(pool, needed);
    uint32_t number = count;
    if (reuses) {
        number = pool->free_numbers.items[--pool->free_numbers.count];
        ASSERT(array->items[number] == NULL);
    } else {
        array->count++;
    }
    array->items[number] = page;
    return number;
}

// The page was made the pool's own; bytes handed out may still point into it.
static void pool_drop(PagePool *pool, uint32_t number) {
    ASSERT(pool->array->items[number] != NULL);
    ASSERT(pool->array->items[number]->live == 0);
    Page *page = pool->array->items[number];
    ASSERT(!page->is_listed);
    pool->bytes -= page->page_bytes;
    pool->array->items[number] = NULL;
    page_numbers_push(&pool->free_numbers, number);
    page_vec_push(pool->graveyard, page);
}

// ---- pages with free slots ----

static void list_push(PagePool *pool, PageList *list, uint32_t number) {
    ASSERT(number < pool->array->count);
    ASSERT(number != list->head);
    Page *page = pool->array->items[number];
    ASSERT(!page->is_listed);
    page->is_listed = true;
    page->previous = PAGE_NONE;
    page->next = list->head;
    if (list->head != PAGE_NONE) pool->array->items[list->head]->previous = number;
    list->head = number;
}

static void list_remove(PagePool *pool, PageList *list, uint32_t number) {
    ASSERT(number < pool->array->count);
    ASSERT(list->head != PAGE_NONE);
    Page *page = pool->array->items[number];
    ASSERT(page->is_listed);
    if (page->previous == PAGE_NONE) {
        list->head = page->next;
    } else {
        pool->array->items[page->previous]->next = page->next;
    }
    if (page->next != PAGE_NONE) pool->array->items[page->next]->previous = page->previous;
    page->is_listed = false;
}

// 1 KiB, 4 KiB, 16 KiB, then whole pages.
static uint32_t list_slot_count(const PageList *list, uint32_t slot_bytes) {
    ASSERT(slot_bytes > 0 && slot_bytes <= PAGE_DATA_BYTES);
    uint32_t bytes = PAGE_DATA_BYTES;
    if (list->page_count < 3) bytes = PAGE_DATA_BYTES_MIN << (PAGE_GROWTH_SHIFT * list->page_count);
    uint32_t slot_count = bytes / slot_bytes;
    if (slot_count == 0) return 1;
    return slot_count > SLOTS_MAX ? SLOTS_MAX : slot_count;
}

// rows.c - slots, bitmaps and slab handles put together.
//
// Every change first makes the page the executor's own. `present` is what readers go by; `touched`
// is the running transaction's and means nothing to them.
#include "store/rows.h"

#include "base/limits.h"

static Page *rows_own(Rows *rows, uint64_t id);

void rows_init(Rows *rows, uint32_t row_bytes, PageVec *graveyard) {
    ASSERT(graveyard != NULL);
    *rows = (Rows){.row_bytes = row_bytes, .slot_bytes = row_bytes};
    if (row_bytes == ROWS_VARIABLE) rows->slot_bytes = sizeof(SlabHandle);
    if (rows->slot_bytes < SLOT_BYTES_MIN) rows->slot_bytes = SLOT_BYTES_MIN;
    ASSERT(rows->slot_bytes <= PAGE_DATA_BYTES);
    page_pool_init(&rows->pool, graveyard);
    page_list_init(&rows->list);
    slab_init(&rows->slab, graveyard);
}

void rows_done(Rows *rows) {
    ASSERT(rows->slot_bytes >= SLOT_BYTES_MIN);
    page_pool_done(&rows->pool);
    page_list_init(&rows->list);
    slab_done(&rows->slab);
    rows->count = 0;
}

uint64_t rows_memory(const Rows *rows) {
    return rows->pool.bytes + rows->slab.pool.bytes;
}

uint64_t rows_add(Rows *rows, Bytes bytes) {
    ASSERT(bytes.count <= STORE_ROW_BYTES_MAX);
    ASSERT(bytes.count == 0 || bytes.data != NULL);
    ASSERT(rows->row_bytes == ROWS_VARIABLE || bytes.count == rows->row_bytes);
    // The bytes may lie in a page of this table: they are copied before anything is freed.
    SlabHandle handle = rows->row_bytes == ROWS_VARIABLE ? slab_add(&rows->slab, bytes) : 0;
    uint64_t id = page_pool_take(&rows->pool, &rows->list, rows->slot_bytes, PAGE_WITH_BITS);
    Page *page = page_get(rows->pool.array, id);
    uint8_t *slot = page_slot(page, rows->slot_bytes, id);
    if (rows->row_bytes == ROWS_VARIABLE) {
        store_u64le(slot, handle);
    } else if (bytes.count > 0) {
        memcpy(slot, bytes.data, bytes.count);
    }
    ASSERT(!bit_get(page_present(page), id & 0xffff));
    bit_set(page_present(page), id & 0xffff);
    rows->count++;
    return id;
}

void rows_hide(Rows *rows, uint64_t id) {
    Page *page = rows_own(rows, id);
    ASSERT(bit_get(page_present(page), id & 0xffff));
    ASSERT(rows->count > 0);
    bit_clear(page_present(page), id & 0xffff);
    rows->count--;
}

void rows_show(Rows *rows, uint64_t id) {
    ASSERT((id & 0xffff) < rows->pool.array->items[id >> 16]->bump);
    Page *page = rows_own(rows, id);
    ASSERT(!bit_get(page_present(page), id & 0xffff));
    bit_set(page_present(page), id & 0xffff);
    rows->count++;
}

void rows_free(Rows *rows, uint64_t id) {
    ASSERT((id & 0xffff) < rows->pool.array->items[id >> 16]->bump);
    Page *page = rows_own(rows, id);
    ASSERT(!bit_get(page_present(page), id & 0xffff));
    bit_clear(page_touched(page), id & 0xffff);
    if (rows->row_bytes == ROWS_VARIABLE) slab_remove(&rows->slab, rows_handle(rows, id));
    page_pool_give(&rows->pool, &rows->list, id);
}

void rows_write(Rows *rows, uint64_t id, Bytes bytes) {
    ASSERT(rows->row_bytes != ROWS_VARIABLE);
    ASSERT(rows->row_bytes == bytes.count);
    const Page *page = rows_own(rows, id);
    uint8_t *slot = page_slot(page, rows->slot_bytes, id);
    if (bytes.count > 0) memmove(slot, bytes.data, bytes.count);
}

SlabHandle rows_replace(Rows *rows, uint64_t id, Bytes bytes) {
    ASSERT(rows->row_bytes == ROWS_VARIABLE);
    return rows_set_handle(rows, id, slab_add(&rows->slab, bytes));
}

SlabHandle rows_set_handle(Rows *rows, uint64_t id, SlabHandle handle) {
    ASSERT(handle >> 56 <= SLAB_LARGE);
    ASSERT(rows->row_bytes == ROWS_VARIABLE);
    SlabHandle before = rows_handle(rows, id);
    const Page *page = rows_own(rows, id);
    store_u64le(page_slot(page, rows->slot_bytes, id), handle);
    return before;
}

void rows_free_bytes(Rows *rows, SlabHandle handle) {
    ASSERT(handle >> 56 <= SLAB_LARGE);
    ASSERT(rows->row_bytes == ROWS_VARIABLE);
    slab_remove(&rows->slab, handle);
}

uint8_t *rows_own_bytes(Rows *rows, uint64_t id) {
    ASSERT(rows_is_present(rows, id));
    if (rows->row_bytes == ROWS_VARIABLE) return slab_own(&rows->slab, rows_handle(rows, id));
    return page_slot(rows_own(rows, id), rows->slot_bytes, id);
}

bool rows_touch(Rows *rows, uint64_t id) {
    ASSERT(rows_is_present(rows, id));
    Page *page = rows_own(rows, id);
    uint64_t *touched = page_touched(page);
    if (bit_get(touched, id & 0xffff)) return false;
    bit_set(touched, id & 0xffff);
    return true;
}

void rows_untouch(Rows *rows, uint64_t id) {
    Page *page = rows_own(rows, id);
    bit_clear(page_touched(page), id & 0xffff);
}

bool rows_is_touched(const Rows *rows, uint64_t id) {
    ASSERT(id >> 16 < rows->pool.array->count);
    return bit_get(page_touched(page_get(rows->pool.array, id)), id & 0xffff);
}

bool rows_is_present(const Rows *rows, uint64_t id) {
    const PageArray *array = rows->pool.array;
    if (array == NULL || id >> 16 >= array->count) return false;
    const Page *page = array->items[id >> 16];
    if (page == NULL || (id & 0xffff) >= page->slot_count) return false;
    return bit_get(page_present(page), id & 0xffff);
}

bool rows_next(const PageArray *pages, uint64_t *at, uint64_t *ret_id) {
    if (pages == NULL) return false;
    for (uint64_t number = *at >> 16; number < pages->count; number++) {
        const Page *page = pages->items[number];
        uint32_t slot = number == *at >> 16 ? *at & 0xffff : 0;
        if (page == NULL) continue;
        const uint64_t *present = page_present(page);
        for (uint32_t word = slot >> 6; word < page->word_count; word++) {
            uint64_t bits = present[word];
            if (word == slot >> 6) bits &= UINT64_MAX << (slot & 63);
            if (bits == 0) continue;
            uint32_t found = word * 64 + (uint32_t)__builtin_ctzll(bits);
            *ret_id = number << 16 | found;
            *at = *ret_id + 1;
            return true;
        }
    }
    *at = (uint64_t)pages->count << 16;
    return false;
}

RowsView rows_view_create(Rows *rows) {
    ASSERT(rows->slot_bytes >= SLOT_BYTES_MIN);
    return (RowsView){
        .row_bytes = rows->row_bytes,
        .slot_bytes = rows->slot_bytes,
        .pages = page_array_ref(rows->pool.array),
        .slab_pages = page_array_ref(rows->slab.pool.array),
    };
}

void rows_view_release(RowsView *view) {
    page_array_unref(view->pages);
    page_array_unref(view->slab_pages);
    *view = (RowsView){0};
}

static Page *rows_own(Rows *rows, uint64_t id) {
    ASSERT(rows->pool.array != NULL);
    return page_pool_own(&rows->pool, (uint32_t)(id >> 16));
}

SlabHandle rows_handle(const Rows *rows, uint64_t id) {
    ASSERT(rows->row_bytes == ROWS_VARIABLE);
    return load_u64le(page_slot(page_get(rows->pool.array, id), rows->slot_bytes, id));
}

// rows.h - the rows of one table: where their bytes are and which are there.
//
// A row has a slot in a page with bitmaps. Rows of a fixed size lie in the slot; of others the slot
// holds the handle of their bytes in a slab, so that a row keeps its place, and with it its RowId,
// whatever its length.
//
// Threads    the executor; a RowsView may be read by any thread.
// Lifetime   bytes of a row are valid until it changes or, if it was removed, until its slot is
//            freed.
// Limits     STORE_ROW_BYTES_MAX.
#pragma once

#include "store/slab.h"

#define ROWS_VARIABLE UINT32_MAX

typedef struct Rows {
    uint32_t row_bytes;   // ROWS_VARIABLE: in the slab
    uint32_t slot_bytes;  // of a slot in `pool`
    PagePool pool;
    PageList list;
    Slab slab;
    uint64_t count;  // rows that are present
} Rows;

// What a snapshot holds on to.
typedef struct RowsView {
    uint32_t row_bytes;
    uint32_t slot_bytes;
    PageArray *pages;
    PageArray *slab_pages;
} RowsView;

void rows_init(Rows *rows, uint32_t row_bytes, PageVec *graveyard);
void rows_done(Rows *rows);
uint64_t rows_memory(const Rows *rows);

// A copy of the bytes in a new slot, present.
uint64_t rows_add(Rows *rows, Bytes bytes);
// The row is no longer there, but its slot and bytes are kept: rows_show brings it back.
void rows_hide(Rows *rows, uint64_t id);
void rows_show(Rows *rows, uint64_t id);
// Frees the slot of a hidden row, and its bytes.
void rows_free(Rows *rows, uint64_t id);
// Overwrites the bytes of a row of fixed size.
void rows_write(Rows *rows, uint64_t id, Bytes bytes);
// Gives a row of variable size other bytes; the ones before stay until rows_free_bytes.
SlabHandle rows_replace(Rows *rows, uint64_t id, Bytes bytes);
// The same with bytes that are there already.
SlabHandle rows_set_handle(Rows *rows, uint64_t id, SlabHandle handle);
void rows_free_bytes(Rows *rows, SlabHandle handle);
SlabHandle rows_handle(const Rows *rows, uint64_t id);  // of a row of variable size
// Where the row's bytes may be changed in place without changing their count.
uint8_t *rows_own_bytes(Rows *rows, uint64_t id);
// Sets the mark of a row; false if it had it.
bool rows_touch(Rows *rows, uint64_t id);
void rows_untouch(Rows *rows, uint64_t id);
bool rows_is_touched(const Rows *rows, uint64_t id);
bool rows_is_present(const Rows *rows, uint64_t id);

static inline Bytes rows_view_get(const RowsView *view, uint64_t id) {
    const uint8_t *slot = page_slot(page_get(view->pages, id), view->slot_bytes, id);
    if (view->row_bytes != ROWS_VARIABLE) return (Bytes){slot, view->row_bytes};
    return slab_get(view->slab_pages, load_u64le(slot));
}

static inline Bytes rows_get(const Rows *rows, uint64_t id) {
    const uint8_t *slot = page_slot(page_get(rows->pool.array, id), rows->slot_bytes, id);
    if (rows->row_bytes != ROWS_VARIABLE) return (Bytes){slot, rows->row_bytes};
    return slab_get(rows->slab.pool.array, load_u64le(slot));
}

// Begins to fetch the slot of a row that will be looked at soon.
static inline void rows_prefetch(const Rows *rows, uint64_t id) {
    __builtin_prefetch(page_slot(page_get(rows->pool.array, id), rows->slot_bytes, id));
}

// The next present row at or after *at, in id order; advances *at past it.
bool rows_next(const PageArray *pages, uint64_t *at, uint64_t *ret_id);

// One reference to each array.
RowsView rows_view_create(Rows *rows);
void rows_view_release(RowsView *view);  // any thread

// slab.h - byte strings of any length, found by a handle that stays the same.
//
// Threads    as page.h: the executor changes, readers of a shared PageArray read.
// Lifetime   until slab_remove; the bytes of a handle never change or move while it is in use,
//            except that their page may be copied (page.h).
// Limits     STORE_ROW_BYTES_MAX.
#pragma once

#include "store/page.h"

#define SLAB_CLASS_COUNT 36u
// Class of what has a page of its own.
#define SLAB_LARGE SLAB_CLASS_COUNT

// class << 56 | page << 16 | slot. A slot holds a u32 length and the bytes.
typedef uint64_t SlabHandle;

typedef struct Slab {
    PagePool pool;
    PageList lists[SLAB_CLASS_COUNT];
} Slab;

extern const uint32_t SLAB_CLASS_BYTES[SLAB_CLASS_COUNT + 1];

void slab_init(Slab *slab, PageVec *graveyard);
void slab_done(Slab *slab);
SlabHandle slab_add(Slab *slab, Bytes bytes);
void slab_remove(Slab *slab, SlabHandle handle);
// The bytes, in a page that no reader holds.
uint8_t *slab_own(Slab *slab, SlabHandle handle);

static inline Bytes slab_get(const PageArray *array, SlabHandle handle) {
    uint32_t slot_bytes = SLAB_CLASS_BYTES[handle >> 56];
    const Page *page = page_get(array, handle & 0xffffffffffffff);
    const uint8_t *at = page_slot(page, slot_bytes, handle);
    return (Bytes){at + sizeof(uint32_t), load_u32le(at)};
}

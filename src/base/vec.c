// vec.c - the growth of all arrays: doubling, at least to what is needed.
#include "base/vec.h"

#include "base/limits.h"

#define VEC_CAPACITY_MIN 4u

void *vec_grow(void *items, size_t item_bytes, uint32_t *capacity, uint32_t needed) {
    ASSERT(needed > *capacity);  // also catches a count that wrapped
    ASSERT(needed <= VEC_BYTES_MAX / item_bytes);
    uint32_t grown = *capacity > UINT32_MAX / 2 ? UINT32_MAX : *capacity * 2;
    if (grown < VEC_CAPACITY_MIN) grown = VEC_CAPACITY_MIN;
    if (grown > VEC_BYTES_MAX / item_bytes || grown < needed) grown = needed;
    *capacity = grown;
    return mem_realloc(items, item_bytes * grown);
}

// vec.h - a growing array. VEC(RowVec, row_vec, Row) declares the struct and its typed functions.
//
// Threads    one owner.
// Lifetime   items may move when it grows; owns its memory until *_done.
// Limits     VEC_BYTES_MAX; hostile input is bounded before it gets here.
#pragma once

#include "base/bytes.h"

// Makes room for one more item; used by the macro only.
void *vec_grow(void *items, size_t item_bytes, uint32_t *capacity, uint32_t needed);

#define VEC(Name, name, Item)                                                                \
    typedef struct Name {                                                                    \
        Item *items;                                                                         \
        uint32_t count;                                                                      \
        uint32_t capacity;                                                                   \
    } Name;                                                                                  \
    static inline Item *name##_add(Name *vec) {                                              \
        if (vec->count == vec->capacity)                                                     \
            vec->items = vec_grow(vec->items, sizeof(Item), &vec->capacity, vec->count + 1); \
        return &vec->items[vec->count++];                                                    \
    }                                                                                        \
    static inline __attribute__((unused)) void name##_push(Name *vec, Item item) {           \
        *name##_add(vec) = item;                                                             \
    }                                                                                        \
    static inline __attribute__((unused)) void name##_reserve(Name *vec, uint32_t count) {   \
        if (count > vec->capacity)                                                           \
            vec->items = vec_grow(vec->items, sizeof(Item), &vec->capacity, count);          \
    }                                                                                        \
    static inline __attribute__((unused)) void name##_clear(Name *vec) {                     \
        vec->count = 0;                                                                      \
    }                                                                                        \
    static inline __attribute__((unused)) void name##_done(Name *vec) {                      \
        mem_free(vec->items);                                                                \
        *vec = (Name){0};                                                                    \
    }

// row_list.h - builds a BsatnRowList (websocket.md 4): the rows back to back, and how to cut them.
//
// Threads    the executor. Lifetime: reused from list to list; nothing points into it afterwards.
#pragma once

#include "base/vec.h"

VEC(OffsetVec, offset_vec, uint64_t)

typedef struct RowList {
    Buffer rows;        // their bytes
    OffsetVec offsets;  // where each begins
    uint64_t count;
    uint32_t first_bytes;  // size of the first row
    bool is_uniform;       // all rows have that size
} RowList;

void row_list_init(RowList *list);
void row_list_done(RowList *list);
void row_list_clear(RowList *list);
void row_list_add(RowList *list, Bytes row);
// Appends hint and rows as upstream chooses them: FixedSize where all rows have one non-zero size that fits u16.
void row_list_write(const RowList *list, Buffer *message);

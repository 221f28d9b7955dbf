// row_list.h - builds a list of rows: back to back, with what is needed to cut them.
//
// Threads    the executor.
// Lifetime   reused from list to list; nothing points into it afterwards.
// Limits     `bytes_max` given at init: of the rows' bytes, and of eight bytes a row.
#pragma once

#include "base/vec.h"

VEC(OffsetVec, offset_vec, uint64_t)

// Tags of a BsatnRowList's RowSizeHint.
enum { ROW_HINT_FIXED_SIZE, ROW_HINT_OFFSETS };

typedef struct RowList {
    Buffer rows;        // their bytes
    OffsetVec offsets;  // where each begins; none while all have one size
    uint64_t count;
    uint64_t count_max;
    uint32_t first_bytes;  // size of the first row
    bool is_uniform;       // all rows have that size
    bool is_full;          // a row did not fit: the list is of no use
} RowList;

void row_list_init(RowList *list, size_t bytes_max);
void row_list_done(RowList *list);
void row_list_clear(RowList *list);
// Copies the row. False, and `is_full` from then on, if there is no room for it.
bool row_list_add(RowList *list, Bytes row);
Bytes row_list_row(const RowList *list, uint64_t index);
// Appends a BsatnRowList (websocket.md 4) as upstream chooses it: FixedSize where all rows have one non-zero
// size that fits u16.
void row_list_write(const RowList *list, Buffer *message);

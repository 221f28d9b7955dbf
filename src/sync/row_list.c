// row_list.c - see row_list.h. Offsets are only kept once two sizes differ, so that the common list of
// fixed-size rows costs one copy and nothing else.

#include "sync/row_list.h"

static void start_offsets(RowList *list);
static uint64_t row_offset(const RowList *list, uint64_t index);

void row_list_init(RowList *list, size_t bytes_max) {
    *list = (RowList){.count_max = bytes_max / sizeof(uint64_t)};
    buffer_init(&list->rows, bytes_max);
    row_list_clear(list);
}

void row_list_done(RowList *list) {
    buffer_done(&list->rows);
    offset_vec_done(&list->offsets);
}

void row_list_clear(RowList *list) {
    buffer_clear(&list->rows);
    offset_vec_clear(&list->offsets);
    list->count = 0;
    list->first_bytes = 0;
    list->is_uniform = true;
    list->is_full = false;
}

bool row_list_add(RowList *list, Bytes row) {
    bool fits = list->count < list->count_max && row.count <= list->rows.max - list->rows.count;
    if (!fits) list->is_full = true;
    if (list->is_full) return false;
    if (list->count == 0) list->first_bytes = row.count;
    if (list->is_uniform && row.count != list->first_bytes) start_offsets(list);
    if (!list->is_uniform) offset_vec_push(&list->offsets, list->rows.count);
    buffer_append_bytes(&list->rows, row);
    list->count++;
    ASSERT(!list->rows.failed);
    return true;
}

// The rows so far had one size: their offsets follow from it.
static void start_offsets(RowList *list) {
    ASSERT(list->offsets.count == 0);
    for (uint64_t i = 0; i < list->count; i++) {
        offset_vec_push(&list->offsets, i * list->first_bytes);
    }
    list->is_uniform = false;
}

static uint64_t row_offset(const RowList *list, uint64_t index) {
    if (index == list->count) return list->rows.count;
    return list->is_uniform ? index * list->first_bytes : list->offsets.items[index];
}

Bytes row_list_row(const RowList *list, uint64_t index) {
    ASSERT(index < list->count);
    uint64_t start = row_offset(list, index);
    uint64_t end = row_offset(list, index + 1);
    ASSERT(start <= end && end <= list->rows.count);
    return bytes_slice(buffer_bytes(&list->rows), (uint32_t)start, (uint32_t)(end - start));
}

void row_list_write(const RowList *list, Buffer *message) {
    ASSERT(!list->is_full);
    bool is_fixed = list->count > 0 && list->is_uniform && list->first_bytes > 0 &&
                    list->first_bytes <= UINT16_MAX;
    if (is_fixed) {
        buffer_u8(message, ROW_HINT_FIXED_SIZE);
        buffer_u16(message, (uint16_t)list->first_bytes);
    } else {
        buffer_u8(message, ROW_HINT_OFFSETS);
        buffer_u32(message, (uint32_t)list->count);
        for (uint64_t i = 0; i < list->count; i++) buffer_u64(message, row_offset(list, i));
    }
    buffer_string(message, buffer_bytes(&list->rows));
}

// sql_split_fuzz.c - any text cut at its semicolons.
//
// Statements are parts of the text, in order, apart, and each one by itself is one statement again.
#include "sql/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count > 2 * SQL_TEXT_BYTES_MAX) return 0;
    Bytes text = bytes_of(data, count);
    Error error = {0};
    Arena arena;
    arena_init(&arena, 1u << 30);
    const Bytes *parts = NULL;
    uint32_t part_count = 0;
    (void)sql_is_subscribe_all(text);
    Status status = sql_split(text, &arena, &parts, &part_count, &error);
    if (status != STATUS_OK) ASSERT(error.text[0] != 0);
    const uint8_t *end = data;
    for (uint32_t i = 0; status == STATUS_OK && i < part_count; i++) {
        ASSERT(parts[i].count > 0);
        ASSERT(parts[i].data >= end && parts[i].data + parts[i].count <= data + count);
        end = parts[i].data + parts[i].count;
        const Bytes *again = NULL;
        uint32_t again_count = 0;
        ASSERT(sql_split(parts[i], &arena, &again, &again_count, &error) == STATUS_OK);
        ASSERT(again_count == 1 && bytes_equal(again[0], parts[i]));
        if (i == 64) break;  // quadratic otherwise
    }
    arena_done(&arena);
    return 0;
}

// hostile_memory.c - asks for memory until there is none: through the library, which panics, and
// from the engine itself, ignoring the refusal.
#include <spacetime/module.h>

STDB_TABLE(Blob, blob, PUBLIC,
    (uint32_t, id, PRIMARY_KEY),
    (StdbBytes, bytes));

STDB_REDUCER(allocate, ctx) {
    for (;;) memset(stdb_alloc(1 << 24), 1, 1 << 24);
}

STDB_REDUCER(grow, ctx) {
    for (;;) {
        size_t pages = __builtin_wasm_memory_grow(0, 256);
        if (pages == SIZE_MAX)
            return stdb_fail("refused at %zu pages", __builtin_wasm_memory_size(0));
        *(volatile uint8_t *)(pages * 65536) = 1;
    }
}

// One row of `bytes` bytes, as large as the module's memory allows.
STDB_REDUCER(large_row, ctx, (uint32_t, bytes)) {
    return blob_insert(&(Blob){1, {STDB_NEW(uint8_t, bytes), bytes}});
}

// Very many rows: it is the host's memory that they fill.
STDB_REDUCER(many_rows, ctx, (uint32_t, count), (uint32_t, bytes)) {
    StdbBytes blob = {STDB_NEW(uint8_t, bytes), bytes};
    for (uint32_t id = 0; id < count; id++) STDB_TRY(blob_insert(&(Blob){id, blob}));
    return STDB_OK;
}

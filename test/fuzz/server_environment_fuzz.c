// server_environment_fuzz.c - the header `spacetime-environment` with any bytes: read or refused; what was read is text.
#include "server/environment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count > HTTP_HEAD_BYTES_MAX) return 0;
    Arena arena;
    arena_init(&arena, 64u << 20);
    EnvironmentEntry *entries = ARENA_ARRAY(&arena, EnvironmentEntry, ENVIRONMENT_ITEMS_MAX + 1);
    uint32_t entry_count = 0;
    Error error = {0};
    // Twice: lines of one request are read one after the other.
    for (int line = 0; line < 2; line++) {
        Status status = environment_read_header(bytes_of(data, count), &arena, entries,
                                                &entry_count, &error);
        ASSERT(status == STATUS_OK || status == STATUS_INVALID);
        ASSERT(entry_count <= ENVIRONMENT_ITEMS_MAX + 1);
        if (status != STATUS_OK) ASSERT(error.text[0] != 0);
        for (uint32_t i = 0; status == STATUS_OK && i < entry_count; i++) {
            ASSERT(entries[i].key.count > 0);
            ASSERT(utf8_is_valid(entries[i].value));
        }
    }
    arena_done(&arena);
    return 0;
}

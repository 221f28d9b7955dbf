// base_toml_fuzz.c - configuration files of any bytes: read or refused, and what was read lies in the arena.
#include "base/toml.h"

#include "base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static void check_value(const TomlValue *value, uint32_t depth) {
    ASSERT(depth <= TOML_DEPTH_MAX);
    ASSERT(value->line > 0);
    if (value->kind == TOML_STRING) ASSERT(utf8_is_valid(value->text));
    for (uint32_t i = 0; value->kind == TOML_ARRAY && i < value->count; i++) {
        check_value(&value->items[i], depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count > TOML_BYTES_MAX) return 0;
    Arena arena;
    Toml toml;
    Error error = {0};
    arena_init(&arena, 1u << 30);
    Status status = toml_read(bytes_of(data, count), &arena, &toml, &error);
    ASSERT(status == STATUS_OK || status == STATUS_INVALID || status == STATUS_LIMIT);
    if (status == STATUS_OK) {
        for (uint32_t i = 0; i < toml.count; i++) {
            ASSERT(toml.entries[i].key.count > 0);
            check_value(&toml.entries[i].value, 0);
        }
    } else {
        ASSERT(error.text[0] != 0);
    }
    arena_done(&arena);
    return 0;
}

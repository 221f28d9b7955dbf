// cli_config_fuzz.c - the configuration files: any text.
//
// The items of a TOML text, one behind the other, are the text; their values lie inside of them. A
// string that was read, written and read again is the same. JSON5 turns into something or is refused.
#include "cli/json5.h"
#include "cli/toml_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static void check_string(Bytes value, Arena *arena) {
    Bytes text = BYTES_NONE;
    Bytes again = BYTES_NONE;
    if (!toml_text_string(value, arena, &text)) return;
    Buffer written;
    buffer_init(&written, 8 * CLI_CONFIG_BYTES_MAX);
    toml_text_write_string(&written, text);
    ASSERT(toml_text_string(buffer_bytes(&written), arena, &again));
    ASSERT(bytes_equal(text, again));
    buffer_done(&written);
}

static void check_toml(Bytes text, Arena *arena) {
    TomlText toml;
    Error error;
    if (toml_text_read(text, arena, &toml, &error) != STATUS_OK) return;
    const uint8_t *at = text.data;
    for (uint32_t i = 0; i < toml.count; i++) {
        const TomlItem *item = &toml.items[i];
        ASSERT(item->text.data == at);
        at += item->text.count;
        if (item->kind != TOML_ITEM_KEY) continue;
        ASSERT(item->value.data >= item->text.data);
        ASSERT(item->value.data + item->value.count <= at);
        ASSERT(toml_text_kind(item->value) != NULL);
        check_string(item->value, arena);
    }
    ASSERT(at == text.data + text.count || text.count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    Arena arena;
    arena_init(&arena, 1ull << 30);
    Bytes text = bytes_of(data, count);
    check_toml(text, &arena);
    Buffer json;
    Error error;
    buffer_init(&json, 4 * CLI_CONFIG_BYTES_MAX);
    Status status = json5_to_json(text, &json, &error);
    ASSERT(status == STATUS_OK || error.status == status);
    buffer_done(&json);
    arena_done(&arena);
    return 0;
}

// sats_type_fuzz.c - type descriptions from a hostile module.
//
// The input is | typespace | type |. What can be read must be written as the same bytes and be
// equal to itself; its texts, its resolution and the layout of what resolves must come to an end.
#include "base/limits.h"
#include "sats/sats.h"

#define ARENA_BYTES_MAX (256u << 20)
#define TEXT_BYTES_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static void check_texts(const Type *type) {
    Buffer text;
    buffer_init(&text, TEXT_BYTES_MAX);
    type_write_text(&text, type);
    ASSERT(text.failed || text.count > 0);
    buffer_clear(&text);
    type_write_json(&text, type);
    ASSERT(text.failed || (text.data[0] == '{' && text.data[text.count - 1] == '}'));
    ASSERT(text.failed || utf8_is_valid(buffer_bytes(&text)));
    buffer_done(&text);
}

static void check_resolved(const Typespace *typespace, const Type *type, Arena *arena) {
    const Type *resolved = NULL;
    Error error = {.text = ""};
    Status status = type_resolve(typespace, type, arena, &resolved, &error);
    ASSERT(status == STATUS_OK || error.text[0] != 0);
    if (status != STATUS_OK) return;
    uint32_t size = 0;
    uint32_t align = 0;
    type_layout(resolved, &size, &align);
    ASSERT(align > 0 && align <= 32 && (align & (align - 1)) == 0);
    ASSERT(size % align == 0);
    const Type *again = NULL;
    ASSERT(type_resolve(TYPESPACE_NONE, resolved, arena, &again, NULL) == STATUS_OK);
    ASSERT(again == resolved);
    if (resolved->is_plain) ASSERT(resolved->fixed_bytes != TYPE_BYTES_VARIABLE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count > UINT32_MAX) return 0;
    Reader reader = reader_of(bytes_of(data, count));
    Arena arena;
    Buffer written;
    Typespace typespace = {0};
    arena_init(&arena, ARENA_BYTES_MAX);
    buffer_init(&written, SIZE_MAX / 2);
    if (typespace_read(&reader, &arena, &typespace)) {
        const Type *type = type_read(&reader, &arena);
        ASSERT((type == NULL) == reader.failed);
        if (type) {
            typespace_write(&written, &typespace);
            type_write(&written, type);
            ASSERT(written.count == (size_t)(reader.at - data));
            ASSERT(memcmp(written.data, data, written.count) == 0);
            Reader again = reader_of(buffer_bytes(&written));
            Typespace typespace_again;
            ASSERT(typespace_read(&again, &arena, &typespace_again));
            ASSERT(type_equal(type, type_read(&again, &arena)));
            check_texts(type);
            check_resolved(&typespace, type, &arena);
            (void)type_deref(&typespace, type);
        }
    }
    buffer_done(&written);
    arena_done(&arena);
    return 0;
}

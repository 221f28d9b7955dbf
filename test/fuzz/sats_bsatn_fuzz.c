// sats_bsatn_fuzz.c - values from a hostile sender, of types from a hostile module.
//
// The input is | typespace | type | value | value |. A value that passes the check is handed to
// everything that trusts it: each must stop at the same place, JSON must read back as the same
// bytes, order and hash must agree with each other.
#include "base/limits.h"
#include "sats/sats.h"

#define ARENA_BYTES_MAX (256u << 20)
#define TEXT_BYTES_MAX (4u << 20)

typedef struct Context {
    Typespace typespace;
    const Type *type;
    const Type *resolved;  // NULL: recursive, dangling or too large
    Buffer text;
    Buffer bsatn;
} Context;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

// Read back, an untyped text is the value; only infinities and NaN are lost (null), and depth is
// limited.
static void check_json_back(Context *context, Bytes value) {
    Error error = {.text = ""};
    buffer_clear(&context->bsatn);
    Bytes json = buffer_bytes(&context->text);
    Status status = json_read_value(json, &context->typespace, context->type, (JsonReadOptions){0},
                                    &context->bsatn, NULL, &error);
    if (status == STATUS_OK) {
        ASSERT(bytes_equal(buffer_bytes(&context->bsatn), value));
        return;
    }
    bool is_deep = strstr(error.text, "recursion limit exceeded") != NULL;
    ASSERT(is_deep || memmem(json.data, json.count, "null", 4) != NULL);
}

static void check_json(Context *context, Bytes value) {
    static const JsonShape SHAPES[] = {JSON_TYPED, JSON_DERIVED, JSON_ROW_OBJECT, JSON_UNTYPED};
    for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++) {
        buffer_clear(&context->text);
        const uint8_t *end = json_write_value(&context->text, &context->typespace, context->type,
                                              value.data, SHAPES[i]);
        ASSERT(end == value.data + value.count);
        if (context->text.failed) return;
        ASSERT(utf8_is_valid(buffer_bytes(&context->text)));
    }
    check_json_back(context, value);
}

static void check_trusting(Context *context, Bytes value) {
    const Type *type = context->resolved;
    const uint8_t *end = value.data + value.count;
    ASSERT(bsatn_size(type, value.data) == value.count);
    if (type->fixed_bytes != TYPE_BYTES_VARIABLE) ASSERT(type->fixed_bytes == value.count);
    buffer_clear(&context->text);
    ASSERT(display_value(&context->text, type, value.data) == end);
    buffer_clear(&context->text);
    ASSERT(satn_value(&context->text, type, value.data) == end);
    ASSERT(value_compare(type, value.data, value.data) == 0);
    ASSERT(value_hash(type, value.data) == value_hash(type, value.data));
}

static bool read_value(Context *context, Reader *reader, Bytes *ret_value) {
    const uint8_t *start = reader->at;
    Error error = {.text = ""};
    Status status = bsatn_check(&context->typespace, context->type, reader, &error);
    ASSERT((status == STATUS_OK) == !reader->failed);
    if (status != STATUS_OK) {
        ASSERT(error.text[0] != 0);
        return false;
    }
    // A copy of exactly that size, so that a sanitizer sees one byte too many.
    size_t count = (size_t)(reader->at - start);
    uint8_t *copy = mem_alloc(count);
    if (count > 0) memcpy(copy, start, count);
    *ret_value = bytes_of(copy, count);
    check_json(context, *ret_value);
    if (context->resolved) check_trusting(context, *ret_value);
    return true;
}

static void check_pair(const Type *type, Bytes a, Bytes b) {
    int order = value_compare(type, a.data, b.data);
    int back = value_compare(type, b.data, a.data);
    ASSERT((order < 0) == (back > 0));
    ASSERT((order == 0) == (back == 0));
    if (order == 0) ASSERT(value_hash(type, a.data) == value_hash(type, b.data));
    if (bytes_equal(a, b)) ASSERT(order == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count > UINT32_MAX) return 0;
    Reader reader = reader_of(bytes_of(data, count));
    Arena arena;
    Context context = {0};
    arena_init(&arena, ARENA_BYTES_MAX);
    buffer_init(&context.text, TEXT_BYTES_MAX);
    buffer_init(&context.bsatn, TEXT_BYTES_MAX);
    if (typespace_read(&reader, &arena, &context.typespace))
        context.type = type_read(&reader, &arena);
    if (context.type) {
        (void)type_resolve(&context.typespace, context.type, &arena, &context.resolved, NULL);
        Bytes a = BYTES_NONE;
        Bytes b = BYTES_NONE;
        if (read_value(&context, &reader, &a) && read_value(&context, &reader, &b) &&
            context.resolved) {
            check_pair(context.resolved, a, b);
        }
        mem_free((void *)a.data);
        mem_free((void *)b.data);
    }
    buffer_done(&context.text);
    buffer_done(&context.bsatn);
    arena_done(&arena);
    return 0;
}

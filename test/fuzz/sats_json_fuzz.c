// sats_json_fuzz.c - JSON from a hostile client, read as one of a few types.
//
// The input is | which type | JSON text |. What is read must pass the check, and written again must
// read as the same bytes; what is refused must come with a text and, unless the value itself was
// read, a path.
#include "base/limits.h"
#include "sats/sats.h"

#define BYTES_MAX (16u << 20)
#define FIELD(text, field_type) {BYTES_LITERAL(text), (field_type)}
#define PRODUCT(arena, fields) type_product((arena), (fields), sizeof(fields) / sizeof((fields)[0]))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

// Twenty-odd types: every scalar, and one with all ways of nesting, a recursive one among them.
static const Type *choose_type(uint8_t choice, Arena *arena, Typespace *ret_typespace) {
    static const Type *types[1];
    *ret_typespace = (Typespace){types, 1};
    const Type *string = type_primitive(TYPE_STRING);
    const TypeField tree[] = {
        FIELD("value", string),
        FIELD("children", type_array(arena, type_ref(arena, 0))),
    };
    types[0] = PRODUCT(arena, tree);
    if (choice >= TYPE_STRING && choice < TYPE_KIND_COUNT) return type_primitive((TypeKind)choice);
    const TypeField position[] = {
        FIELD("x", type_primitive(TYPE_F32)),
        FIELD("y", type_primitive(TYPE_I16)),
    };
    const TypeField status[] = {
        FIELD("active", type_unit()),
        FIELD("until", type_primitive(TYPE_I64)),
        {BYTES_NONE, PRODUCT(arena, position)},
    };
    const TypeField row[] = {
        FIELD("id", type_special(SPECIAL_IDENTITY)),
        FIELD("pos", type_array(arena, PRODUCT(arena, position))),
        FIELD("status", type_sum(arena, status, 3)),
        FIELD("data", type_array(arena, type_primitive(TYPE_U8))),
        FIELD("name", type_option(arena, string)),
        FIELD("units", type_array(arena, type_unit())),
        FIELD("n", type_primitive(TYPE_I128)),
    };
    switch (choice % 6) {
    case 0: return type_ref(arena, 0);
    case 1: return PRODUCT(arena, row);
    case 2: return type_sum(arena, status, 3);
    case 3: return type_array(arena, type_option(arena, type_primitive(TYPE_BOOL)));
    case 4: return type_special(SPECIAL_SCHEDULE_AT);
    default: return PRODUCT(arena, position);
    }
}

static void check_again(const Typespace *typespace, const Type *type, Bytes value,
                        JsonShape shape) {
    Buffer json;
    Buffer again;
    Error error = {.text = ""};
    buffer_init(&json, BYTES_MAX);
    buffer_init(&again, BYTES_MAX);
    (void)json_write_value(&json, typespace, type, value.data, shape);
    Bytes text = buffer_bytes(&json);
    // A large number read as F32 is infinite, and infinity is written as null.
    bool has_null = text.count > 0 && memmem(text.data, text.count, "null", 4) != NULL;
    Status status = STATUS_OK;
    if (!json.failed) {
        status = json_read_value(text, typespace, type, (JsonReadOptions){0}, &again, NULL, &error);
        ASSERT(status == STATUS_OK || has_null || strstr(error.text, "recursion limit") != NULL);
        if (status == STATUS_OK) ASSERT(bytes_equal(buffer_bytes(&again), value));
    }
    buffer_done(&json);
    buffer_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count == 0 || count > UINT32_MAX) return 0;
    Arena arena;
    Buffer bsatn;
    Buffer path;
    Typespace typespace;
    Error error = {.text = ""};
    arena_init(&arena, BYTES_MAX);
    buffer_init(&bsatn, BYTES_MAX);
    buffer_init(&path, BYTES_MAX);
    const Type *type = choose_type(data[0], &arena, &typespace);
    JsonReadOptions options = {.names = data[0] & 0x80 ? JSON_NAMES_ARGUMENTS : JSON_NAMES_VALUE,
                               .function = BYTES_LITERAL("f")};
    Status status = json_read_value(bytes_of(data + 1, count - 1), &typespace, type, options,
                                    &bsatn, &path, &error);
    if (status == STATUS_OK) {
        ASSERT(path.count == 0);
        Reader reader = reader_of(buffer_bytes(&bsatn));
        ASSERT(bsatn_check(&typespace, type, &reader, &error) == STATUS_OK);
        ASSERT(reader_finish(&reader));
        check_again(&typespace, type, buffer_bytes(&bsatn), JSON_UNTYPED);
        check_again(&typespace, type, buffer_bytes(&bsatn), JSON_DERIVED);
    } else {
        ASSERT(error.text[0] != 0);
        ASSERT(utf8_is_valid(bytes_of_text(error.text)));
        if (path.count > 0) ASSERT(utf8_is_valid(buffer_bytes(&path)));
    }
    buffer_done(&bsatn);
    buffer_done(&path);
    arena_done(&arena);
    return 0;
}

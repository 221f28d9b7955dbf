// bflatn.c - see bflatn.h. Both directions walk the BSATN and the layout side by side.
#include "log/bflatn.h"

#include "log/flat_page.h"

typedef struct FlatReader {
    FlatFetch fetch;
    void *user;
    Buffer *bsatn;
} FlatReader;

static const FlatType *make_type(const Type *type, Arena *arena);
static void make_product(const Type *type, Arena *arena, FlatType *flat);
static void make_sum(const Type *type, Arena *arena, FlatType *flat);
static uint32_t bsatn_bytes(const FlatType *type, const uint8_t *at);
static const uint8_t *write_value(const FlatType *type, const uint8_t *at, uint8_t *fixed,
                                  uint32_t fixed_at, FlatObjectVec *objects);
static bool read_value(const FlatType *type, const uint8_t *fixed, const FlatReader *reader);

static uint32_t round_up(uint32_t value, uint32_t align) {
    return (value + align - 1) / align * align;
}

// ---- layout ----

bool flat_row_of(const Type *row_type, Arena *arena, FlatRow *ret_row) {
    ASSERT(row_type->kind == TYPE_PRODUCT);
    uint32_t size = 0;
    uint32_t align = 0;
    type_layout(row_type, &size, &align);
    if (size > FLAT_PAGE_BYTES) return false;
    ret_row->type = make_type(row_type, arena);
    ASSERT(ret_row->type->size == size && ret_row->type->align == align);
    ret_row->row_bytes = size < 2 ? 2 : round_up(size, 2);
    return ret_row->row_bytes <= FLAT_PAGE_BYTES;
}

static const FlatType *make_type(const Type *type, Arena *arena) {
    FlatType *flat = ARENA_NEW(arena, FlatType);
    type_layout(type, &flat->size, &flat->align);
    switch (type->kind) {
    case TYPE_PRODUCT: make_product(type, arena, flat); break;
    case TYPE_SUM: make_sum(type, arena, flat); break;
    case TYPE_STRING: flat->kind = FLAT_STRING; break;
    case TYPE_ARRAY:
        flat->kind = FLAT_ARRAY;
        flat->element = make_type(type->element, arena);
        break;
    default:
        ASSERT(type->fixed_bytes == flat->size);
        flat->kind = FLAT_COPY;
        flat->bsatn_bytes = flat->size;
        break;
    }
    return flat;
}

// A product without holes, of parts that are copied, is copied as a whole.
static void make_product(const Type *type, Arena *arena, FlatType *flat) {
    FlatPart *parts = ARENA_ARRAY(arena, FlatPart, type->field_count);
    uint32_t count = 0;
    uint32_t at = 0;
    for (uint32_t i = 0; i < type->field_count; i++) {
        const FlatType *field = make_type(type->fields[i].type, arena);
        at = round_up(at, field->align);
        FlatPart *last = count > 0 ? &parts[count - 1] : NULL;
        bool joins = last && last->type == NULL && last->at + last->bytes == at;
        if (field->kind != FLAT_COPY) {
            parts[count++] = (FlatPart){.at = at, .type = field};
        } else if (joins) {
            last->bytes += field->size;
        } else if (field->size > 0) {
            parts[count++] = (FlatPart){.at = at, .bytes = field->size};
        }
        at += field->size;
    }
    bool is_copied = count == 0 || (count == 1 && parts[0].type == NULL && parts[0].at == 0);
    if (is_copied && at == flat->size) {
        flat->kind = FLAT_COPY;
        flat->bsatn_bytes = at;
        return;
    }
    flat->kind = FLAT_PRODUCT;
    flat->parts = parts;
    flat->part_count = count;
}

static void make_sum(const Type *type, Arena *arena, FlatType *flat) {
    const FlatType **variants = ARENA_ARRAY(arena, const FlatType *, type->field_count);
    uint32_t align = 1;
    for (uint32_t i = 0; i < type->field_count; i++) {
        variants[i] = make_type(type->fields[i].type, arena);
        if (variants[i]->align > align) align = variants[i]->align;
    }
    ASSERT(flat->align == align);
    flat->kind = FLAT_SUM;
    flat->variants = variants;
    flat->variant_count = type->field_count;
    flat->payload_at = align;
}

// ---- BSATN to layout ----

void flat_row_write(const FlatRow *row, Bytes bsatn, uint8_t *fixed, FlatObjectVec *objects) {
    const uint8_t *end = write_value(row->type, bsatn.data, fixed, 0, objects);
    ASSERT(end == bsatn.data + bsatn.count);
}

static uint32_t bsatn_bytes(const FlatType *type, const uint8_t *at) {
    const uint8_t *start = at;
    switch (type->kind) {
    case FLAT_COPY: return type->bsatn_bytes;
    case FLAT_PRODUCT:
        for (uint32_t i = 0; i < type->part_count; i++) {
            const FlatPart *part = &type->parts[i];
            at += part->type ? bsatn_bytes(part->type, at) : part->bytes;
        }
        return (uint32_t)(at - start);
    case FLAT_SUM:
        ASSERT(*at < type->variant_count);
        return 1 + bsatn_bytes(type->variants[*at], at + 1);
    case FLAT_STRING: return 4 + load_u32le(at);
    case FLAT_ARRAY: {
        uint32_t count = load_u32le(at);
        at += 4;
        if (type->element->kind == FLAT_COPY) return 4 + count * type->element->bsatn_bytes;
        for (uint32_t i = 0; i < count; i++) at += bsatn_bytes(type->element, at);
        return (uint32_t)(at - start);
    }
    }
    return 0;
}

static const uint8_t *write_value(const FlatType *type, const uint8_t *at, uint8_t *fixed,
                                  uint32_t fixed_at, FlatObjectVec *objects) {
    switch (type->kind) {
    case FLAT_COPY:
        if (type->bsatn_bytes > 0) memcpy(fixed + fixed_at, at, type->bsatn_bytes);
        return at + type->bsatn_bytes;
    case FLAT_PRODUCT:
        for (uint32_t i = 0; i < type->part_count; i++) {
            const FlatPart *part = &type->parts[i];
            if (part->type) {
                at = write_value(part->type, at, fixed, fixed_at + part->at, objects);
            } else {
                memcpy(fixed + fixed_at + part->at, at, part->bytes);
                at += part->bytes;
            }
        }
        return at;
    case FLAT_SUM: {
        ASSERT(*at < type->variant_count);
        const FlatType *variant = type->variants[*at];
        fixed[fixed_at] = *at;
        return write_value(variant, at + 1, fixed, fixed_at + type->payload_at, objects);
    }
    case FLAT_STRING:
    case FLAT_ARRAY: {
        uint32_t bytes = bsatn_bytes(type, at);
        uint32_t skip = type->kind == FLAT_STRING ? 4 : 0;
        flat_object_vec_push(
            objects, (FlatObject){.at = fixed_at, .content = bytes_of(at + skip, bytes - skip)});
        return at + bytes;
    }
    }
    return at;
}

// ---- layout to BSATN ----

bool flat_row_read(const FlatRow *row, const uint8_t *fixed, FlatFetch fetch, void *user,
                   Buffer *bsatn) {
    FlatReader reader = {fetch, user, bsatn};
    return read_value(row->type, fixed, &reader) && !bsatn->failed;
}

static bool read_value(const FlatType *type, const uint8_t *fixed, const FlatReader *reader) {
    switch (type->kind) {
    case FLAT_COPY: buffer_append(reader->bsatn, fixed, type->bsatn_bytes); return true;
    case FLAT_PRODUCT:
        for (uint32_t i = 0; i < type->part_count; i++) {
            const FlatPart *part = &type->parts[i];
            if (part->type == NULL) {
                buffer_append(reader->bsatn, fixed + part->at, part->bytes);
            } else if (!read_value(part->type, fixed + part->at, reader)) {
                return false;
            }
        }
        return true;
    case FLAT_SUM:
        if (*fixed >= type->variant_count) return false;
        buffer_u8(reader->bsatn, *fixed);
        return read_value(type->variants[*fixed], fixed + type->payload_at, reader);
    case FLAT_STRING: {
        size_t length_at = reader->bsatn->count;
        buffer_u32(reader->bsatn, 0);
        if (!reader->fetch(reader->user, fixed, reader->bsatn) || reader->bsatn->failed) {
            return false;
        }
        size_t bytes = reader->bsatn->count - length_at - 4;
        store_u32le(reader->bsatn->data + length_at, (uint32_t)bytes);
        return true;
    }
    case FLAT_ARRAY: return reader->fetch(reader->user, fixed, reader->bsatn);
    }
    return false;
}

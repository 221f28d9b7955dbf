// log_snapshot_fuzz.c - can any bytes of a snapshot hurt us?
//
// The first byte chooses: the list of a snapshot; or a page, of rows of a type that the second byte chooses. What is
// read must be written again as the same bytes; rows that decode and check must survive a page of ours.
#include "log/flat_page.h"
#include "log/snapshot_file.h"

#define ARENA_BYTES_MAX (256u << 20)
#define ROW_BYTES_MAX (4u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static void check_list(Bytes bytes) {
    Arena arena;
    Buffer fixed;
    Buffer out;
    Error error = {.text = ""};
    SnapshotFile snapshot;
    arena_init(&arena, ARENA_BYTES_MAX);
    buffer_init(&fixed, (size_t)bytes.count + sizeof(Hash));
    buffer_init(&out, 2 * ((size_t)bytes.count + 1024));
    // With the right hash, so that what is behind it is looked at.
    Hash hash = hash_blake3(bytes);
    buffer_append(&fixed, hash.bytes, sizeof hash.bytes);
    buffer_append_bytes(&fixed, bytes);
    if (snapshot_file_read(buffer_bytes(&fixed), &arena, &snapshot, &error) == STATUS_OK) {
        snapshot_file_write(&snapshot, &out);
        SnapshotFile again;
        ASSERT(snapshot_file_read(buffer_bytes(&out), &arena, &again, &error) == STATUS_OK);
        ASSERT(again.table_count == snapshot.table_count);
        ASSERT(again.blob_count == snapshot.blob_count);
    } else {
        ASSERT(error.text[0] != 0);
    }
    buffer_done(&fixed);
    buffer_done(&out);
    arena_done(&arena);
}

static const Type *choose_type(uint8_t choice, Arena *arena) {
    const Type *u64 = type_primitive(TYPE_U64);
    const Type *string = type_primitive(TYPE_STRING);
    TypeField either[] = {{BYTES_LITERAL("n"), type_primitive(TYPE_U32)},
                          {BYTES_LITERAL("s"), string}};
    TypeField fields[] = {
        {BYTES_LITERAL("id"), u64},
        {BYTES_LITERAL("flag"), type_primitive(TYPE_BOOL)},
        {BYTES_LITERAL("text"), string},
        {BYTES_LITERAL("list"), type_array(arena, type_option(arena, type_primitive(TYPE_U16)))},
        {BYTES_LITERAL("either"), type_sum(arena, either, 2)},
        {BYTES_LITERAL("big"), type_primitive(TYPE_U256)},
    };
    return type_product(arena, fields + choice % 3, 1 + (choice / 3u) % 4);
}

static bool fetch(void *user, const uint8_t *reference, Buffer *content) {
    Hash blob;
    return flat_page_fetch(user, reference, content, &blob) == FLAT_INLINE;
}

// A row that is a value of its type goes into an empty page of ours and comes back, if it fits.
static void check_row(const FlatRow *row, Bytes bsatn, FlatPage *page, Buffer *fixed) {
    FlatObjectVec objects = {0};
    Buffer again;
    buffer_init(&again, ROW_BYTES_MAX);
    flat_page_clear(page, row->row_bytes);
    buffer_clear(fixed);
    memset(buffer_reserve(fixed, row->row_bytes), 0, row->row_bytes);
    flat_row_write(row, bsatn, fixed->data, &objects);
    bool is_small = true;
    for (uint32_t i = 0; i < objects.count; i++) {
        is_small = is_small && objects.items[i].content.count <= FLAT_OBJECT_BYTES_MAX;
    }
    if (is_small && flat_page_add(page, 0, fixed->data, &objects)) {
        flat_page_seal(page);
        ASSERT(flat_row_read(row, flat_page_row(page, 0), fetch, page, &again));
        ASSERT(bytes_equal(buffer_bytes(&again), bsatn));
    }
    flat_object_vec_done(&objects);
    buffer_done(&again);
}

static void check_page(uint8_t choice, Bytes bytes) {
    Arena arena;
    FlatRow row;
    FlatPage page;
    FlatPage ours;
    Buffer bsatn;
    Buffer fixed;
    arena_init(&arena, 1u << 20);
    flat_page_init(&page);
    flat_page_init(&ours);
    buffer_init(&bsatn, ROW_BYTES_MAX);
    buffer_init(&fixed, FLAT_PAGE_BYTES);
    const Type *type = choose_type(choice, &arena);
    bool fits = flat_row_of(type, &arena, &row);
    ASSERT(fits);
    if (flat_page_read(bytes, row.row_bytes, &page)) {
        for (uint32_t slot = 0; flat_page_next(&page, &slot); slot++) {
            buffer_clear(&bsatn);
            if (!flat_row_read(&row, flat_page_row(&page, slot), fetch, &page, &bsatn)) continue;
            Reader reader = reader_of(buffer_bytes(&bsatn));
            if (bsatn_check(TYPESPACE_NONE, type, &reader, NULL) != STATUS_OK) continue;
            if (reader_left(&reader) == 0) check_row(&row, buffer_bytes(&bsatn), &ours, &fixed);
        }
    }
    flat_page_done(&page);
    flat_page_done(&ours);
    buffer_done(&bsatn);
    buffer_done(&fixed);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count < 2 || count > UINT32_MAX) return 0;
    Bytes rest = bytes_of(data + 2, count - 2);
    if (data[0] % 2 == 0) {
        check_list(rest);
    } else {
        check_page(data[1], rest);
    }
    return 0;
}

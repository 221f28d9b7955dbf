// flat_page.h - one page of a snapshot: rows in slots from the front, granules of what varies from the back.
//
// Threads    a page belongs to who made it.
// Lifetime   until flat_page_done.
// Format     storage.md 5.2 to 5.4 and 11.3. What is free is zero, free lists are as upstream threads them.
#pragma once

#include "base/hash.h"
#include "log/bflatn.h"

#define FLAT_PAGE_BYTES 65472u
#define FLAT_GRANULE_BYTES 64u
#define FLAT_GRANULE_DATA_BYTES 62u
// An object that needs more is a blob: its granule holds its hash.
#define FLAT_OBJECT_GRANULES_MAX 16u
#define FLAT_OBJECT_BYTES_MAX (FLAT_OBJECT_GRANULES_MAX * FLAT_GRANULE_DATA_BYTES)
// `row_bytes` is at least 2.
#define FLAT_WORDS_MAX ((FLAT_PAGE_BYTES / 2 + 63) / 64)
// Of the file of a page.
#define FLAT_FILE_BYTES_MAX (65531u + 8u * FLAT_WORDS_MAX)

typedef struct FlatPage {
    uint8_t *data;  // FLAT_PAGE_BYTES
    uint32_t row_bytes;
    uint32_t word_count;
    uint64_t present[FLAT_WORDS_MAX];
    uint16_t next_free;  // slot freed last; FLAT_PAGE_BYTES: none
    uint16_t last;       // end of the highest slot
    uint16_t row_count;
    uint16_t granule_next_free;
    uint16_t granules_free;
    uint16_t first;  // the lowest granule
    uint16_t granule_count;
} FlatPage;

void flat_page_init(FlatPage *page);
void flat_page_done(FlatPage *page);
// Empties it, for rows of this size.
void flat_page_clear(FlatPage *page, uint32_t row_bytes);
static inline uint32_t flat_page_slots(uint32_t row_bytes) {
    return FLAT_PAGE_BYTES / row_bytes;
}

// ---- writing ----

// Puts a row into a free slot: its fixed part, of which the references are filled in, and its objects. Those larger
// than FLAT_OBJECT_BYTES_MAX must be blobs. False if there is no room; nothing has changed then.
bool flat_page_add(FlatPage *page, uint32_t slot, const uint8_t *fixed,
                   const FlatObjectVec *objects);
// Threads the free slots; then the page may be hashed and written.
void flat_page_seal(FlatPage *page);
Hash flat_page_hash(const FlatPage *page);
void flat_page_write(const FlatPage *page, const Hash *hash, Buffer *file);

// ---- reading ----

// Takes a file apart into a page that was initialised. False if it is malformed; references are checked when they are
// followed.
bool flat_page_read(Bytes file, uint32_t row_bytes, FlatPage *ret_page);
// Whether a file is the page of this hash; without knowing what its rows are.
bool flat_page_file_is(Bytes file, const Hash *hash);
// The next present slot from *at on, or false.
bool flat_page_next(const FlatPage *page, uint32_t *at);
static inline const uint8_t *flat_page_row(const FlatPage *page, uint32_t slot) {
    return page->data + (size_t)slot * page->row_bytes;
}

typedef enum FlatReference { FLAT_INLINE, FLAT_BLOB, FLAT_BROKEN } FlatReference;
// Appends what a reference within a row stands for; of a blob: sets its hash instead.
FlatReference flat_page_fetch(const FlatPage *page, const uint8_t *reference, Buffer *content,
                              Hash *ret_blob);

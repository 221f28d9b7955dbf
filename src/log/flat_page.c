// flat_page.c - see flat_page.h.
#include "log/flat_page.h"

#include "base/reader.h"

#define NONE ((uint16_t)FLAT_PAGE_BYTES)
#define BLOB_LENGTH 0xffffu

static uint32_t granules_of(const FlatObject *object);
static uint16_t write_object(FlatPage *page, Bytes content);
static bool read_hash(Reader *reader);

void flat_page_init(FlatPage *page) {
    *page = (FlatPage){0};
    page->data = mem_alloc_zero(FLAT_PAGE_BYTES);
}

void flat_page_done(FlatPage *page) {
    mem_free(page->data);
    page->data = NULL;
}

void flat_page_clear(FlatPage *page, uint32_t row_bytes) {
    ASSERT(row_bytes >= 2 && row_bytes <= FLAT_PAGE_BYTES);
    page->row_bytes = row_bytes;
    // The last word counts slots that begin in the page and do not fit (storage.md 5.2).
    uint32_t bits = (FLAT_PAGE_BYTES + row_bytes - 1) / row_bytes;
    page->word_count = (bits + 63) / 64;
    memset(page->data, 0, FLAT_PAGE_BYTES);
    memset(page->present, 0, sizeof page->present);
    page->next_free = NONE;
    page->last = 0;
    page->row_count = 0;
    page->granule_next_free = NONE;
    page->granules_free = 0;
    page->first = NONE;
    page->granule_count = 0;
}

// ---- writing ----

bool flat_page_add(FlatPage *page, uint32_t slot, const uint8_t *fixed,
                   const FlatObjectVec *objects) {
    ASSERT(slot < flat_page_slots(page->row_bytes));
    ASSERT((page->present[slot / 64] >> (slot % 64) & 1) == 0);
    uint32_t granules = 0;
    for (uint32_t i = 0; i < objects->count; i++) granules += granules_of(&objects->items[i]);
    uint32_t end = (slot + 1) * page->row_bytes;
    if (end < page->last) end = page->last;
    if ((uint64_t)granules * FLAT_GRANULE_BYTES > page->first) return false;
    if (end > page->first - granules * FLAT_GRANULE_BYTES) return false;
    uint8_t *row = page->data + (size_t)slot * page->row_bytes;
    memcpy(row, fixed, page->row_bytes);
    for (uint32_t i = 0; i < objects->count; i++) {
        const FlatObject *object = &objects->items[i];
        Bytes content = object->content;
        if (object->is_blob) content = bytes_of(object->blob.bytes, sizeof object->blob.bytes);
        ASSERT(content.count <= FLAT_OBJECT_BYTES_MAX);
        uint16_t at = content.count > 0 ? write_object(page, content) : 0;
        store_u16le(row + object->at, object->is_blob ? BLOB_LENGTH : (uint16_t)content.count);
        store_u16le(row + object->at + 2, at);
    }
    page->present[slot / 64] |= (uint64_t)1 << (slot % 64);
    page->last = (uint16_t)end;
    page->row_count++;
    page->granule_count = (uint16_t)(page->granule_count + granules);
    return true;
}

static uint32_t granules_of(const FlatObject *object) {
    if (object->is_blob) return 1;
    return (object->content.count + FLAT_GRANULE_DATA_BYTES - 1) / FLAT_GRANULE_DATA_BYTES;
}

// From the last granule to the first, so that a chain runs towards higher offsets. Returns the first's offset.
static uint16_t write_object(FlatPage *page, Bytes content) {
    uint16_t next = 0;
    uint32_t left = content.count;
    while (left > 0) {
        uint32_t count = left % FLAT_GRANULE_DATA_BYTES;
        if (count == 0) count = FLAT_GRANULE_DATA_BYTES;
        left -= count;
        page->first = (uint16_t)(page->first - FLAT_GRANULE_BYTES);
        uint8_t *granule = page->data + page->first;
        store_u16le(granule, (uint16_t)(next | count));
        memcpy(granule + 2, content.data + left, count);
        next = page->first;
    }
    return next;
}

void flat_page_seal(FlatPage *page) {
    ASSERT(page->next_free == NONE);
    uint32_t end = page->last / page->row_bytes;
    for (uint32_t slot = end; slot > 0; slot--) {
        uint32_t free = slot - 1;
        if (page->present[free / 64] >> (free % 64) & 1) continue;
        store_u16le(page->data + (size_t)free * page->row_bytes, page->next_free);
        page->next_free = (uint16_t)(free * page->row_bytes);
    }
}

Hash flat_page_hash(const FlatPage *page) {
    Buffer buffer;
    buffer_init(&buffer, FLAT_FILE_BYTES_MAX);
    buffer_append(&buffer, page->data, FLAT_PAGE_BYTES);
    buffer_u16(&buffer, page->next_free);
    buffer_u16(&buffer, page->last);
    buffer_u16(&buffer, page->row_count);
    buffer_append(&buffer, page->present, page->word_count * sizeof(uint64_t));
    buffer_u16(&buffer, page->granule_next_free);
    buffer_u16(&buffer, page->granules_free);
    buffer_u16(&buffer, page->first);
    buffer_u16(&buffer, page->granule_count);
    Hash hash = hash_blake3(buffer_bytes(&buffer));
    buffer_done(&buffer);
    return hash;
}

void flat_page_write(const FlatPage *page, const Hash *hash, Buffer *file) {
    buffer_u16(file, page->next_free);
    buffer_u16(file, page->last);
    buffer_u16(file, page->row_count);
    buffer_u32(file, page->word_count);
    buffer_append(file, page->present, page->word_count * sizeof(uint64_t));
    buffer_u16(file, page->granule_next_free);
    buffer_u16(file, page->granules_free);
    buffer_u16(file, page->first);
    buffer_u16(file, page->granule_count);
    buffer_u8(file, 0);  // some: the hash
    buffer_string(file, bytes_of(hash->bytes, sizeof hash->bytes));
    buffer_u32(file, FLAT_PAGE_BYTES);
    buffer_append(file, page->data, FLAT_PAGE_BYTES);
}

// ---- reading ----

bool flat_page_read(Bytes file, uint32_t row_bytes, FlatPage *ret_page) {
    FlatPage *page = ret_page;
    Reader reader = reader_of(file);
    flat_page_clear(page, row_bytes);
    page->next_free = reader_u16(&reader);
    page->last = reader_u16(&reader);
    page->row_count = reader_u16(&reader);
    uint32_t words = reader_u32(&reader);
    if (words != page->word_count) return false;
    const uint8_t *present = reader_take(&reader, words * sizeof(uint64_t));
    if (present) memcpy(page->present, present, words * sizeof(uint64_t));
    page->granule_next_free = reader_u16(&reader);
    page->granules_free = reader_u16(&reader);
    page->first = reader_u16(&reader);
    page->granule_count = reader_u16(&reader);
    if (!read_hash(&reader)) return false;
    if (reader_u32(&reader) != FLAT_PAGE_BYTES) return false;
    const uint8_t *data = reader_take(&reader, FLAT_PAGE_BYTES);
    if (data) memcpy(page->data, data, FLAT_PAGE_BYTES);
    if (!reader_finish(&reader)) return false;
    // Rows that are present lie within the page.
    uint32_t count = 0;
    for (uint32_t i = 0; i < words; i++) count += (uint32_t)__builtin_popcountll(page->present[i]);
    uint32_t at = flat_page_slots(row_bytes);
    return count == page->row_count && !flat_page_next(page, &at);
}

// What is hashed: the data, then the header without the counts of words.
bool flat_page_file_is(Bytes file, const Hash *hash) {
    Reader reader = reader_of(file);
    Bytes fixed = bytes_of(reader.at, 6);
    (void)reader_take(&reader, 6);
    uint32_t words = reader_u32(&reader);
    if (!reader_ok(&reader) || words > FLAT_WORDS_MAX) return false;
    const uint8_t *present = reader_take(&reader, words * sizeof(uint64_t));
    const uint8_t *variable = reader_take(&reader, 8);
    if (!read_hash(&reader) || reader_u32(&reader) != FLAT_PAGE_BYTES) return false;
    const uint8_t *data = reader_take(&reader, FLAT_PAGE_BYTES);
    if (!reader_finish(&reader)) return false;
    Buffer buffer;
    buffer_init(&buffer, FLAT_FILE_BYTES_MAX);
    buffer_append(&buffer, data, FLAT_PAGE_BYTES);
    buffer_append_bytes(&buffer, fixed);
    buffer_append(&buffer, present, words * sizeof(uint64_t));
    buffer_append(&buffer, variable, 8);
    Hash computed = hash_blake3(buffer_bytes(&buffer));
    buffer_done(&buffer);
    return hash_equal(&computed, hash);
}

// The page's own hash, as an Option: the caller computes it.
static bool read_hash(Reader *reader) {
    uint8_t tag = reader_u8(reader);
    if (tag == 0) return reader_bytes(reader).count == sizeof(Hash);
    return tag == 1;
}

bool flat_page_next(const FlatPage *page, uint32_t *at) {
    for (uint32_t word = *at / 64; word < page->word_count; word++) {
        uint64_t bits = page->present[word];
        if (word == *at / 64) bits &= UINT64_MAX << (*at % 64);
        if (bits == 0) continue;
        *at = word * 64 + (uint32_t)__builtin_ctzll(bits);
        return true;
    }
    return false;
}

FlatReference flat_page_fetch(const FlatPage *page, const uint8_t *reference, Buffer *content,
                              Hash *ret_blob) {
    uint32_t length = load_u16le(reference);
    uint32_t at = load_u16le(reference + 2);
    bool is_blob = length == BLOB_LENGTH;
    uint32_t left = is_blob ? (uint32_t)sizeof(Hash) : length;
    if (left > FLAT_OBJECT_BYTES_MAX) return FLAT_BROKEN;
    uint8_t *hash = ret_blob->bytes;
    while (left > 0) {
        if (at == 0 || at > FLAT_PAGE_BYTES - FLAT_GRANULE_BYTES) return FLAT_BROKEN;
        const uint8_t *granule = page->data + at;
        uint32_t header = load_u16le(granule);
        uint32_t count = header & 63;
        if (count == 0 || count > left || count > FLAT_GRANULE_DATA_BYTES) return FLAT_BROKEN;
        if (is_blob) {
            memcpy(hash, granule + 2, count);
            hash += count;
        } else {
            buffer_append(content, granule + 2, count);
        }
        left -= count;
        at = header & 0xffc0;
    }
    return is_blob ? FLAT_BLOB : FLAT_INLINE;
}

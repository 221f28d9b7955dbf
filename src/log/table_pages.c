// table_pages.c - see table_pages.h.
//
// A row id is page << 16 | slot of the store. Pages of the store have one size from the fourth on, as far as can be seen
// from the highest slot in use; that is all that is assumed, and only sharing hangs on it.
#include "log/table_pages.h"

// The store's first pages are small: they are taken together.
#define SMALL_PAGES 3u
// A page of the store with fewer rows does not close a page here.
#define GROUP_ROWS_MIN 2048u

struct TablePages {
    FlatPage page;
    bool has_rows;
    Buffer fixed;
    FlatObjectVec objects;
    // ---- of the table at hand ----
    const FlatRow *row;
    const TablePagesSink *sink;
    uint32_t slot;                     // the next one, for rows that follow each other
    uint64_t number;                   // of the page, for rows that have their place
    uint64_t small_ends[SMALL_PAGES];  // place behind the last row of each small page
    uint64_t stride;                   // slots of the others
};

typedef enum Placing { PLACE_IN_ORDER, PLACE_BY_ID } Placing;

static Placing choose_placing(TablePages *pages, const TableSnapshot *rows);
static bool has_objects(const FlatType *type);
static uint64_t place_of(const TablePages *pages, RowId id);
static Status write_by_id(TablePages *pages, const TableSnapshot *rows);
static Status write_in_order(TablePages *pages, const TableSnapshot *rows);
static Status add_in_order(TablePages *pages);
static Status encode(TablePages *pages, Bytes bsatn);
static Status make_blob(TablePages *pages, FlatObject *object);
static Status shrink(TablePages *pages, bool *ret_shrunk);
static Status close_page(TablePages *pages);

TablePages *table_pages_create(void) {
    TablePages *pages = mem_alloc_zero(sizeof *pages);
    flat_page_init(&pages->page);
    buffer_init(&pages->fixed, FLAT_PAGE_BYTES);
    return pages;
}

void table_pages_free(TablePages *pages) {
    flat_page_done(&pages->page);
    buffer_done(&pages->fixed);
    flat_object_vec_done(&pages->objects);
    mem_free(pages);
}

Status table_pages_write(TablePages *pages, const FlatRow *row, const TableSnapshot *rows,
                         const TablePagesSink *sink) {
    pages->row = row;
    pages->sink = sink;
    pages->has_rows = false;
    pages->slot = 0;
    pages->number = 0;
    flat_page_clear(&pages->page, row->row_bytes);
    buffer_clear(&pages->fixed);
    uint8_t *fixed = buffer_reserve(&pages->fixed, row->row_bytes);
    ASSERT(fixed != NULL);
    buffer_advance(&pages->fixed, row->row_bytes);
    Status status = STATUS_OK;
    switch (choose_placing(pages, rows)) {
    case PLACE_BY_ID: status = write_by_id(pages, rows); break;
    case PLACE_IN_ORDER: status = write_in_order(pages, rows); break;
    }
    return status == STATUS_OK ? close_page(pages) : status;
}

// ---- rows that have their place ----

// By id, unless rows vary in length or most places would be empty.
static Placing choose_placing(TablePages *pages, const TableSnapshot *rows) {
    if (has_objects(pages->row->type)) return PLACE_IN_ORDER;
    memset(pages->small_ends, 0, sizeof pages->small_ends);
    pages->stride = 0;
    SnapshotScan scan = table_snapshot_scan(rows);
    Row row = {0};
    while (table_snapshot_next(&scan, &row)) {
        uint64_t page = row.id >> 16;
        uint64_t end = (row.id & 0xffff) + 1;
        uint64_t *known = page < SMALL_PAGES ? &pages->small_ends[page] : &pages->stride;
        if (end > *known) *known = end;
    }
    for (uint32_t i = 1; i < SMALL_PAGES; i++) pages->small_ends[i] += pages->small_ends[i - 1];
    uint64_t count = table_snapshot_row_count(rows);
    uint64_t places = count > 0 ? place_of(pages, row.id) + 1 : 0;
    return places / 2 > count ? PLACE_IN_ORDER : PLACE_BY_ID;
}

static bool has_objects(const FlatType *type) {
    switch (type->kind) {
    case FLAT_COPY: return false;
    case FLAT_STRING:
    case FLAT_ARRAY: return true;
    case FLAT_PRODUCT:
        for (uint32_t i = 0; i < type->part_count; i++) {
            if (type->parts[i].type && has_objects(type->parts[i].type)) return true;
        }
        return false;
    case FLAT_SUM:
        for (uint32_t i = 0; i < type->variant_count; i++) {
            if (has_objects(type->variants[i])) return true;
        }
        return false;
    }
    return false;
}

static uint64_t place_of(const TablePages *pages, RowId id) {
    uint64_t page = id >> 16;
    uint64_t slot = id & 0xffff;
    if (page == 0) return slot;
    if (page < SMALL_PAGES) return pages->small_ends[page - 1] + slot;
    return pages->small_ends[SMALL_PAGES - 1] + (page - SMALL_PAGES) * pages->stride + slot;
}

static Status write_by_id(TablePages *pages, const TableSnapshot *rows) {
    uint32_t slots = flat_page_slots(pages->row->row_bytes);
    SnapshotScan scan = table_snapshot_scan(rows);
    Row row;
    while (table_snapshot_next(&scan, &row)) {
        uint64_t place = place_of(pages, row.id);
        Status status = STATUS_OK;
        if (place / slots != pages->number) status = close_page(pages);
        if (status == STATUS_OK) status = encode(pages, row.bytes);
        if (status != STATUS_OK) return status;
        pages->number = place / slots;
        bool has_room = flat_page_add(&pages->page, (uint32_t)(place % slots), pages->fixed.data,
                                      &pages->objects);
        ASSERT(has_room);
        pages->has_rows = true;
    }
    return STATUS_OK;
}

// ---- rows that follow each other ----

static Status write_in_order(TablePages *pages, const TableSnapshot *rows) {
    SnapshotScan scan = table_snapshot_scan(rows);
    Row row;
    uint64_t group = 0;
    uint64_t group_rows = 0;
    while (table_snapshot_next(&scan, &row)) {
        uint64_t page = row.id >> 16;
        uint64_t row_group = page <= SMALL_PAGES ? 0 : page;
        Status status = STATUS_OK;
        if (row_group != group) {
            if (group_rows >= GROUP_ROWS_MIN) status = close_page(pages);
            group = row_group;
            group_rows = 0;
        }
        if (status == STATUS_OK) status = encode(pages, row.bytes);
        if (status == STATUS_OK) status = add_in_order(pages);
        if (status != STATUS_OK) return status;
        group_rows++;
    }
    return STATUS_OK;
}

// Into this page, or into the next one; as a last resort with more of it outside.
static Status add_in_order(TablePages *pages) {
    uint32_t slots = flat_page_slots(pages->row->row_bytes);
    for (;;) {
        bool has_room = pages->slot < slots && flat_page_add(&pages->page, pages->slot,
                                                             pages->fixed.data, &pages->objects);
        if (has_room) {
            pages->slot++;
            pages->has_rows = true;
            return STATUS_OK;
        }
        bool shrunk = true;
        Status status = pages->has_rows ? close_page(pages) : shrink(pages, &shrunk);
        if (status != STATUS_OK) return status;
        if (!shrunk) return STATUS_UNSUPPORTED;
    }
}

static Status encode(TablePages *pages, Bytes bsatn) {
    memset(pages->fixed.data, 0, pages->fixed.count);
    flat_object_vec_clear(&pages->objects);
    flat_row_write(pages->row, bsatn, pages->fixed.data, &pages->objects);
    for (uint32_t i = 0; i < pages->objects.count; i++) {
        FlatObject *object = &pages->objects.items[i];
        if (object->content.count <= FLAT_OBJECT_BYTES_MAX) continue;
        Status status = make_blob(pages, object);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

static Status make_blob(TablePages *pages, FlatObject *object) {
    object->is_blob = true;
    return pages->sink->put_blob(pages->sink->user, object->content, &object->blob);
}

// The row does not even fit an empty page: its largest object that is not outside yet goes there.
static Status shrink(TablePages *pages, bool *ret_shrunk) {
    FlatObject *largest = NULL;
    for (uint32_t i = 0; i < pages->objects.count; i++) {
        FlatObject *object = &pages->objects.items[i];
        if (object->is_blob || object->content.count <= FLAT_GRANULE_DATA_BYTES) continue;
        if (largest == NULL || object->content.count > largest->content.count) largest = object;
    }
    *ret_shrunk = largest != NULL;
    return largest ? make_blob(pages, largest) : STATUS_OK;
}

static Status close_page(TablePages *pages) {
    if (!pages->has_rows) return STATUS_OK;
    flat_page_seal(&pages->page);
    Status status = pages->sink->put_page(pages->sink->user, &pages->page);
    flat_page_clear(&pages->page, pages->row->row_bytes);
    pages->has_rows = false;
    pages->slot = 0;
    return status;
}

// snapshot.c - a table as it was, for readers on other threads.
//
// Only references are taken; page.c's copy-on-write keeps the pages as they were.
#include "store/inside.h"

static uint8_t *copy_page(const RowsView *view, const Page *page, uint8_t *to);

struct TableSnapshot {
    RowsView view;
    uint64_t row_count;
    uint64_t bytes_max;
};

TableSnapshot *table_snapshot_create(Table *table) {
    ASSERT(table->store->replay == NULL);
    ASSERT(table->store->tx.state != TX_OPEN);
    TableSnapshot *snapshot = mem_alloc(sizeof *snapshot);
    *snapshot = (TableSnapshot){rows_view_create(&table->rows), table->rows.count,
                                rows_memory(&table->rows)};
    return snapshot;
}

void table_snapshot_release(TableSnapshot *snapshot) {
    if (snapshot == NULL) return;
    rows_view_release(&snapshot->view);
    mem_free(snapshot);
}

SnapshotScan table_snapshot_scan(const TableSnapshot *snapshot) {
    ASSERT(snapshot != NULL);
    return (SnapshotScan){snapshot, 0};
}

bool table_snapshot_next(SnapshotScan *scan, Row *ret_row) {
    ASSERT(scan->snapshot != NULL);
    RowId id;
    if (!rows_next(scan->snapshot->view.pages, &scan->at, &id)) return false;
    *ret_row = (Row){id, rows_view_get(&scan->snapshot->view, id)};
    return true;
}

uint64_t table_snapshot_row_count(const TableSnapshot *snapshot) {
    return snapshot->row_count;
}

uint64_t table_snapshot_bytes_max(const TableSnapshot *snapshot) {
    return snapshot->bytes_max;
}

uint32_t table_snapshot_row_bytes(const TableSnapshot *snapshot) {
    uint32_t row_bytes = snapshot->view.row_bytes;
    return row_bytes == ROWS_VARIABLE ? 0 : row_bytes;
}

void table_snapshot_copy(const TableSnapshot *snapshot, uint8_t *to) {
    const RowsView *view = &snapshot->view;
    ASSERT(view->row_bytes != ROWS_VARIABLE);
    const uint8_t *end = to + snapshot->row_count * view->row_bytes;
    for (uint32_t i = 0; view->pages && i < view->pages->count; i++) {
        const Page *page = view->pages->items[i];
        if (page) to = copy_page(view, page, to);
    }
    ASSERT(to == end);
}

// Rows that lie side by side go as one.
static uint8_t *copy_page(const RowsView *view, const Page *page, uint8_t *to) {
    const uint64_t *present = page_present(page);
    bool is_dense = view->slot_bytes == view->row_bytes;
    for (uint32_t slot = 0; slot < page->bump;) {
        uint64_t bits = present[slot >> 6] >> (slot & 63);
        if (bits == 0) {
            slot = (slot | 63) + 1;
            continue;
        }
        slot += (uint32_t)__builtin_ctzll(bits);
        uint32_t first = slot;
        while (slot < page->bump && bit_get(present, slot)) {
            bool is_whole = (slot & 63) == 0 && present[slot >> 6] == UINT64_MAX;
            slot += is_whole ? 64 : 1;
        }
        ASSERT(slot <= page->slot_count);
        for (uint32_t at = first; at < slot;) {
            uint32_t count = is_dense ? slot - at : 1;
            size_t bytes = (size_t)count * view->row_bytes;
            if (bytes > 0) memcpy(to, page_slot(page, view->slot_bytes, at), bytes);
            to += bytes;
            at += count;
        }
    }
    return to;
}

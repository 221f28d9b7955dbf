// snapshot.c - a table as it was, for readers on other threads.
//
// Only references are taken; page.c's copy-on-write keeps the pages as they were.
#include "store/inside.h"

struct TableSnapshot {
    RowsView view;
    uint64_t row_count;
};

TableSnapshot *table_snapshot_create(Table *table) {
    ASSERT(table->store->replay == NULL);
    ASSERT(table->store->tx.state != TX_OPEN);
    TableSnapshot *snapshot = mem_alloc(sizeof *snapshot);
    *snapshot = (TableSnapshot){rows_view_create(&table->rows), table->rows.count};
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

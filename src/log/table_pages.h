// table_pages.h - the rows of one table as pages.
//
// Pages that hold the same rows as in the snapshot before come out the same, so that they can be shared: rows of fixed
// size keep the place that their id gives them, others begin a new page with every page of the store.
//
// Threads    whoever owns the TablePages.
// Format     storage.md 5; which row lies in which page is ours to choose.
#pragma once

#include "log/flat_page.h"
#include "store/store.h"

typedef struct TablePages TablePages;  // memory for one page, reused from table to table

typedef struct TablePagesSink {
    // A page that is sealed, until the call returns. Pages come in order.
    Status (*put_page)(void *user, const FlatPage *page);
    // An object that is too large for a page: stores it and says its hash.
    Status (*put_blob)(void *user, Bytes content, Hash *ret_hash);
    void *user;
} TablePagesSink;

TablePages *table_pages_create(void);
void table_pages_free(TablePages *pages);
// STATUS_UNSUPPORTED if a row does not fit a page; else what the sink says.
Status table_pages_write(TablePages *pages, const FlatRow *row, const TableSnapshot *rows,
                         const TablePagesSink *sink);

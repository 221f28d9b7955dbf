// duplicates.h - which values stand in the way of a unique constraint, in upstream's words (http-api.md 8.4). Private to db/.
#pragma once

#include "store/store.h"

// Replaces the error by "Cannot add unique constraint ...", with the groups of rows that have equal values in these columns,
// ten at most. Sorts one pointer a row.
void duplicates_describe(const Table *table, ColumnList columns, Error *error);

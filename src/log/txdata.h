// txdata.h - a look into a transaction's record without applying it.
//
// Threads    the executor that opens the database.
#pragma once

#include "log/log.h"

typedef struct TxdataRow {
    TableId table;
    Bytes bytes;  // borrowed from the record
} TxdataRow;

// The first rows that the record's transaction inserts or deletes in users' tables, as far as it can be read with the
// types of now. Returns how many.
uint32_t txdata_rows(Bytes record, Store *store, TxdataRow *ret_rows, uint32_t count_max);

// readers.h - who has read what: from a written row to the view instances whose result it may change. Private to db/.
//
// What a view read is a list of reads, each a table as a whole or the rows with one key in some columns. A read is known
// by its bytes: u32 table, u16 column count, u16 columns, the key; without columns it is the whole table.
//
// Threads    the executor.
// Lifetime   a reader must be removed (readers_replace with no reads) before it goes.
#pragma once

#include "base/map.h"
#include "base/vec.h"
#include "store/store.h"

typedef struct ReadEntry ReadEntry;

// One read of one reader: where the entry lists it.
typedef struct ReadSlot {
    ReadEntry *entry;
    uint32_t at;
} ReadSlot;
VEC(ReadSlotVec, read_slot_vec, ReadSlot)

// Embedded in who reads.
typedef struct ViewReader {
    ReadSlotVec reads;
    uint64_t stamp;  // of the last readers_find that found it
} ViewReader;
VEC(ViewReaderVec, view_reader_vec, ViewReader *)

typedef struct Readers {
    BytesMap entries;  // bytes of a read -> ReadEntry
    U64Map tables;     // table id -> what kinds of reads there are
    uint64_t stamp;
    Buffer probe;
} Readers;

void readers_init(Readers *readers);
void readers_done(Readers *readers);  // nobody may have reads any more

// ---- what a run reads ----

typedef struct ReadNotes {
    BytesMap seen;        // bytes of each read, once
    U64Map point_counts;  // table id -> points; past VIEW_POINTS_MAX the whole table is noted
    Buffer scratch;
} ReadNotes;

void read_notes_init(ReadNotes *notes);
void read_notes_done(ReadNotes *notes);  // accepts a zeroed one
void read_notes_table(ReadNotes *notes, TableId table);
void read_notes_point(ReadNotes *notes, TableId table, ColumnList columns, Bytes key);

// From now on the reader has read these and nothing else; NULL: nothing.
void readers_replace(Readers *readers, ViewReader *reader, const ReadNotes *notes);

// Appends each reader that what the open transaction has written concerns, once. Cost: a probe per table, and two per
// row and kind of key that somebody has read in its table.
void readers_find(Readers *readers, Tx *tx, ViewReaderVec *ret_readers);

// raw_reader.h - what the readers of the three versions share. Private to schema/.
//
// A RawReader is a Reader whose failure has a reason: the first one is kept. Every function reads
// one thing; after a failure it returns something empty.
//
// Threads    belongs to its caller.
// Limits     MODULE_DEF_ITEMS_MAX per list.        Format  spec: sats.md 9.
#pragma once

#include "schema/raw_def.h"

typedef struct RawReader {
    Reader bytes;
    Bytes all;
    Arena *arena;
    uint32_t depth;  // of submodules
    char text[160];  // the first problem; empty: none
} RawReader;

// One reader a version: the payload behind the outer tag.
void raw_v8_read(RawReader *reader, RawModule *ret_module);
void raw_v9_read(RawReader *reader, RawModule *ret_module);
void raw_v10_read(RawReader *reader, RawModule *ret_module);

// How to read the items of a list: their size here, their least bytes there.
typedef struct RawList {
    size_t item_bytes;
    uint32_t bytes_min;
    void (*read)(RawReader *reader, void *item);  // item is zeroed
} RawList;

void *raw_read_list(RawReader *reader, RawList list, uint32_t *ret_count);
// A copy of collected items in the reader's arena.
const void *raw_take_items(RawReader *reader, const void *items, size_t bytes);
// Fails with "unknown tag 0x3 for sum type NAME" if there are not so many variants.
uint8_t raw_read_tag(RawReader *reader, uint32_t variant_count, const char *sum_name);
void raw_fail(RawReader *reader, const char *text);
bool raw_read_bool(RawReader *reader);
// Elements of at least element_bytes_min bytes each.
uint32_t raw_read_count(RawReader *reader, uint32_t element_bytes_min);
Bytes raw_read_optional_string(RawReader *reader);  // none: BYTES_NONE
const Bytes *raw_read_strings(RawReader *reader, uint32_t *ret_count);
ColumnList raw_read_columns(RawReader *reader);
__int128 raw_read_i128(RawReader *reader);
bool raw_read_optional_i128(RawReader *reader, __int128 *ret_value);
const Type *raw_read_type(RawReader *reader);
// A ProductType: elements without a tag before them.
const Type *raw_read_product(RawReader *reader);
void raw_read_typespace(RawReader *reader, Typespace *ret_typespace);

// Shared by V9 and V10.
void raw_read_named_type(RawReader *reader, void *item);  // RawType
void raw_read_index(RawReader *reader, void *item);       // RawIndex
void raw_read_constraint(RawReader *reader, void *item);  // RawConstraint
void raw_read_sequence(RawReader *reader, void *item);    // RawSequence
void raw_read_view(RawReader *reader, void *item);        // RawView
Lifecycle raw_read_lifecycle(RawReader *reader);
// TableType and TableAccess.
void raw_read_table_kind(RawReader *reader, RawTable *table);

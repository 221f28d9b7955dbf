// text_table.h - tables of text as the command line prints them.
//
// Threads    any.
// Lifetime   cells borrow; the table owns its list of them until text_table_done.
// Limits     VEC_BYTES_MAX.        Format  spec: cli.md 6.6.
#pragma once

#include "base/vec.h"

VEC(TextCellVec, text_cell_vec, Bytes)

typedef struct TextTable {
    uint32_t column_count;
    TextCellVec cells;  // row by row, the header first; whole rows
} TextTable;

typedef enum TextTableStyle {
    TEXT_TABLE_PSQL,   // " id | name " over "----+------"
    TEXT_TABLE_EMPTY,  // no lines; the first column is aligned to the right
} TextTableStyle;

void text_table_init(TextTable *table, uint32_t column_count);
void text_table_done(TextTable *table);
static inline void text_table_add(TextTable *table, Bytes cell) {
    text_cell_vec_push(&table->cells, cell);
}
// Without a line end at the end. Nothing for a table without columns.
void text_table_write(Buffer *buffer, const TextTable *table, TextTableStyle style);
// Columns that a text takes on a terminal; of several lines, the longest one.
uint32_t text_width(Bytes text);

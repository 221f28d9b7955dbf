// text_table.c - widths first, then line by line: a cell with line ends makes its row higher.
#include "cli/text_table.h"

#include <wchar.h>

static Bytes line_of(Bytes text, uint32_t index);
static uint32_t line_count(Bytes text);
static void write_row(Buffer *buffer, const TextTable *table, uint32_t row, const uint32_t *widths,
                      TextTableStyle style);
static void write_rule(Buffer *buffer, uint32_t column_count, const uint32_t *widths);
static void write_blanks(Buffer *buffer, uint32_t count, char blank);
static uint32_t code_point(const uint8_t **at, const uint8_t *end);

void text_table_init(TextTable *table, uint32_t column_count) {
    *table = (TextTable){.column_count = column_count};
}

void text_table_done(TextTable *table) {
    text_cell_vec_done(&table->cells);
}

void text_table_write(Buffer *buffer, const TextTable *table, TextTableStyle style) {
    uint32_t columns = table->column_count;
    if (columns == 0) return;
    ASSERT(table->cells.count % columns == 0);
    uint32_t *widths = mem_alloc_zero(columns * sizeof *widths);
    for (uint32_t i = 0; i < table->cells.count; i++) {
        uint32_t width = text_width(table->cells.items[i]);
        if (width > widths[i % columns]) widths[i % columns] = width;
    }
    uint32_t row_count = table->cells.count / columns;
    for (uint32_t row = 0; row < row_count; row++) {
        if (row > 0) buffer_u8(buffer, '\n');
        write_row(buffer, table, row, widths, style);
        if (row == 0 && style == TEXT_TABLE_PSQL) write_rule(buffer, columns, widths);
    }
    mem_free(widths);
}

static void write_row(Buffer *buffer, const TextTable *table, uint32_t row, const uint32_t *widths,
                      TextTableStyle style) {
    const Bytes *cells = &table->cells.items[row * table->column_count];
    uint32_t lines = 1;
    for (uint32_t c = 0; c < table->column_count; c++) {
        if (line_count(cells[c]) > lines) lines = line_count(cells[c]);
    }
    for (uint32_t line = 0; line < lines; line++) {
        if (line > 0) buffer_u8(buffer, '\n');
        for (uint32_t c = 0; c < table->column_count; c++) {
            Bytes text = line_of(cells[c], line);
            uint32_t missing = widths[c] - text_width(text);
            bool is_right = style == TEXT_TABLE_EMPTY && c == 0;
            if (c > 0 && style == TEXT_TABLE_PSQL) buffer_u8(buffer, '|');
            buffer_u8(buffer, ' ');
            if (is_right) write_blanks(buffer, missing, ' ');
            buffer_append_bytes(buffer, text);
            if (!is_right) write_blanks(buffer, missing, ' ');
            buffer_u8(buffer, ' ');
        }
    }
}

static void write_rule(Buffer *buffer, uint32_t column_count, const uint32_t *widths) {
    buffer_u8(buffer, '\n');
    for (uint32_t c = 0; c < column_count; c++) {
        if (c > 0) buffer_u8(buffer, '+');
        write_blanks(buffer, widths[c] + 2, '-');
    }
}

static void write_blanks(Buffer *buffer, uint32_t count, char blank) {
    for (uint32_t i = 0; i < count; i++) buffer_u8(buffer, (uint8_t)blank);
}

static uint32_t line_count(Bytes text) {
    uint32_t count = 1;
    for (uint32_t i = 0; i < text.count; i++) count += text.data[i] == '\n';
    return count;
}

// Empty behind the last one.
static Bytes line_of(Bytes text, uint32_t index) {
    uint32_t start = 0;
    for (uint32_t i = 0;; i++) {
        uint32_t end = start;
        while (end < text.count && text.data[end] != '\n') end++;
        if (i == index) return bytes_slice(text, start, end - start);
        if (end == text.count) return BYTES_NONE;
        start = end + 1;
    }
}

uint32_t text_width(Bytes text) {
    uint32_t longest = 0;
    uint32_t width = 0;
    if (text.count == 0) return 0;
    const uint8_t *end = text.data + text.count;
    for (const uint8_t *at = text.data; at < end;) {
        uint32_t code = code_point(&at, end);
        int columns = code < 0x20 ? 0 : code < 0x7f ? 1 : wcwidth((wchar_t)code);
        width = code == '\n' ? 0 : width + (columns < 0 ? 0 : (uint32_t)columns);
        if (width > longest) longest = width;
    }
    return longest;
}

// One UTF-8 sequence; a byte that begins none counts for itself.
static uint32_t code_point(const uint8_t **at, const uint8_t *end) {
    uint32_t first = *(*at)++;
    uint32_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    static const uint32_t MASKS[] = {0xff, 0x1f, 0x0f, 0x07};
    uint32_t code = first & MASKS[more];
    while (more-- > 0 && *at < end) code = code << 6 | (*(*at)++ & 0x3f);
    return code;
}

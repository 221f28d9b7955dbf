// duplicates.c - see duplicates.h. Values are written as Rust's debug form does it: upstream's text has them so.

#include "db/duplicates.h"

#include <stdio.h>
#include <stdlib.h>

#define GROUPS_SHOWN_MAX 10u

typedef struct DuplicateRow {
    const Table *table;
    ColumnList columns;
    Bytes bytes;
} DuplicateRow;

static int compare_rows(const void *a, const void *b);
static void write_group(Buffer *text, const DuplicateRow *row, uint32_t count);
static void write_value(Buffer *text, const DuplicateRow *row, uint16_t column);

void duplicates_describe(const Table *table, ColumnList columns, Error *error) {
    uint64_t row_count = table_row_count(table);
    DuplicateRow *rows = mem_alloc((size_t)(row_count + 1) * sizeof *rows);
    TableScan scan = table_scan(table);
    Row row;
    size_t count = 0;
    while (table_scan_next(&scan, &row)) rows[count++] = (DuplicateRow){table, columns, row.bytes};
    ASSERT(count == row_count);
    if (count > 1) qsort(rows, count, sizeof *rows, compare_rows);
    Buffer groups;
    buffer_init(&groups, ERROR_TEXT_MAX);
    uint32_t total = 0;
    for (size_t at = 0; at < count;) {
        size_t end = at + 1;
        while (end < count && compare_rows(&rows[at], &rows[end]) == 0) end++;
        if (end - at > 1 && ++total <= GROUPS_SHOWN_MAX)
            write_group(&groups, &rows[at], (uint32_t)(end - at));
        at = end;
    }
    char names[256] = "";
    for (uint32_t i = 0; i < columns.count; i++) {
        size_t used = strlen(names);
        (void)snprintf(names + used, sizeof names - used, "%sColId(%u)", i > 0 ? ", " : "",
                       columns.items[i]);
    }
    (void)error_set(error, STATUS_CONFLICT,
                    "Cannot add unique constraint on table %u column(s) [%s] (committed state):\n"
                    "%u duplicate group(s) found.%.*s%s",
                    table_id(table), names, total, BYTES_FORMAT(buffer_bytes(&groups)),
                    total > GROUPS_SHOWN_MAX ? "\n  ... and more" : "");
    buffer_done(&groups);
    mem_free(rows);
}

static int compare_rows(const void *a, const void *b) {
    const DuplicateRow *left = a;
    const DuplicateRow *right = b;
    for (uint32_t i = 0; i < left->columns.count; i++) {
        uint16_t column = left->columns.items[i];
        const Type *type = table_schema(left->table)->columns[column].type;
        int order = value_compare(type, table_column(left->table, left->bytes, column).data,
                                  table_column(right->table, right->bytes, column).data);
        if (order != 0) return order;
    }
    return 0;
}

static void write_group(Buffer *text, const DuplicateRow *row, uint32_t count) {
    buffer_append_text(text, "\n  - ");
    if (row->columns.count == 1) {
        write_value(text, row, row->columns.items[0]);
    } else {
        buffer_append_text(text, "Product(ProductValue { elements: [");
        for (uint32_t i = 0; i < row->columns.count; i++) {
            if (i > 0) buffer_append_text(text, ", ");
            write_value(text, row, row->columns.items[i]);
        }
        buffer_append_text(text, "] })");
    }
    buffer_append_format(text, " appears %u times", count);
}

static void write_value(Buffer *text, const DuplicateRow *row, uint16_t column) {
    const Type *type = table_schema(row->table)->columns[column].type;
    Bytes value = table_column(row->table, row->bytes, column);
    bool is_plain = type->kind != TYPE_PRODUCT && type->kind != TYPE_SUM &&
                    type->kind != TYPE_ARRAY;
    if (is_plain) {
        type_write_text(text, type);
        buffer_append_text(text, "(");
    }
    (void)satn_value(text, type, value.data);
    if (is_plain) buffer_append_text(text, ")");
}

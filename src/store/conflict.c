// conflict.c - the text of a unique violation (storage.md 4): modules and tests match on it, index
// name and all.
#include "store/inside.h"

void store_conflict_text(const InsertResult *result, Bytes new_row, Buffer *text) {
    ASSERT(new_row.data != NULL);
    const Index *index = result->conflict;
    ASSERT(index != NULL);
    const TableSchema *schema = index->table->box->schema;
    buffer_append_text(text, "Unique constraint violation '");
    buffer_append_bytes(text, index->schema->name);
    buffer_append_text(text, "' in table '");
    buffer_append_bytes(text, schema->name);
    buffer_append_text(text, "': column(s): '[");
    for (uint32_t i = 0; i < index->schema->columns.count; i++) {
        if (i > 0) buffer_append_text(text, ", ");
        buffer_append_text(text, "\"");
        buffer_append_bytes(text, schema->columns[index->schema->columns.items[i]].name);
        buffer_append_text(text, "\"");
    }
    buffer_append_text(text, "]' value: ");
    Buffer key;
    buffer_init(&key, STORE_ROW_BYTES_MAX);
    index_project(index, new_row, &key);
    ASSERT(!key.failed);
    (void)satn_value(text, index->spec.type, key.data);
    buffer_done(&key);
}

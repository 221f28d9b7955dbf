// rows.c - the host calls behind the row functions, and the parts of the encoding that are not
// worth repeating.
//
// A row that points to nothing is read in scratch and copied out by the decoder; its scans reuse
// one buffer. A row with strings or arrays is read into the memory of the call and stays there, for
// its decoded form points into it.
#include "call.h"
#include "memory.h"

// What a scan fetches at once; the host packs rows into chunks of 32 KiB and a row.
#define FETCH_BYTES 65536u
// What a find asks for at first; the host says if the row is longer.
#define FIND_BYTES 4096u
#define NAME_BYTES_MAX 512u

extern const StdbIndex *const __start_stdb_indexes[] __attribute__((weak));
extern const StdbIndex *const __stop_stdb_indexes[] __attribute__((weak));

uint8_t stdb_scratch_small[STDB_SCRATCH_BYTES];

static uint32_t name_append(char *name, uint32_t length, const char *text);
static int32_t fetch(uint32_t handle, uint8_t **buffer, uint32_t capacity, uint32_t *ret_count,
                     const StdbTable *table);
static StdbIter iter_open(uint32_t handle, const StdbTable *table, uint32_t row_max);
static const char *unique_columns(const StdbTable *table);
static const char *key_columns(const StdbIndex *index);

uint8_t *stdb_scratch_large(uint32_t bytes) {
    return memory_borrow(bytes);
}

// ---- ids ----

uint32_t stdb_table_lookup(StdbTable *table) {
    uint32_t error = stdb_host_table_id_from_name(table->name, (uint32_t)strlen(table->name),
                                                  &table->id);
    if (error != 0) stdb_host_failed(table, "table_id_from_name", error);
    return table->id;
}

// Not in scratch, where the key may be waiting already.
uint32_t stdb_index_lookup(StdbIndex *index) {
    char name[NAME_BYTES_MAX];
    uint32_t length = stdb_index_name(index, name, sizeof name);
    uint32_t error = stdb_host_index_id_from_name(name, length, &index->id);
    if (error != 0) stdb_host_failed(index->table, name, error);
    return index->id;
}

uint32_t stdb_index_name(const StdbIndex *index, char *name, uint32_t capacity) {
    const StdbField *fields = index->table->row->fields;
    uint32_t length = name_append(name, 0, index->table->name);
    for (uint32_t i = 0; i < index->column_count; i++) {
        length = name_append(name, length, "_");
        length = name_append(name, length, fields[index->columns[i]].name);
    }
    length = name_append(name, length,
                         index->flags & STDB_COLUMN_HASH     ? "_idx_hash"
                         : index->flags & STDB_COLUMN_DIRECT ? "_idx_direct"
                                                             : "_idx_btree");
    if (length >= capacity)
        stdb_panic("table %s: the name of an index is too long", index->table->name);
    name[length] = 0;
    return length;
}

// Counts on past the capacity without writing there.
static uint32_t name_append(char *name, uint32_t length, const char *text) {
    for (; *text != 0; text++, length++) {
        if (length < NAME_BYTES_MAX) name[length] = *text;
    }
    return length;
}

// ---- results ----

StdbStatus stdb_write_refused(const StdbTable *table, uint32_t error) {
    switch (error) {
    case STDB_ERRNO_UNIQUE_EXISTS:
        return stdb_fail("%s: another row has the same %s", table->name, unique_columns(table));
    case STDB_ERRNO_NO_SUCH_ROW: return stdb_fail("%s: no such row to update", table->name);
    case STDB_ERRNO_SCHEDULE_TOO_LONG:
        return stdb_fail("%s: scheduled too far in the future", table->name);
    default: stdb_host_failed(table, "insert or update", error);
    }
}

// "id", "id or name", "id or (layer, x)", for the one who has to make sense of a refusal.
static const char *unique_columns(const StdbTable *table) {
    const char *text = NULL;
    const StdbIndex *const *end = __stop_stdb_indexes;
    for (const StdbIndex *const *at = __start_stdb_indexes; at < end; at++) {
        const StdbIndex *index = *at;
        if (!(index->flags & (STDB_COLUMN_PRIMARY_KEY | STDB_COLUMN_UNIQUE))) continue;
        if (index->table != table) continue;
        const char *key = key_columns(index);
        text = text == NULL ? key : stdb_format("%s or %s", text, key).data;
    }
    return text == NULL ? "key" : text;
}

static const char *key_columns(const StdbIndex *index) {
    const StdbField *fields = index->table->row->fields;
    const char *text = fields[index->columns[0]].name;
    for (uint32_t i = 1; i < index->column_count; i++) {
        text = stdb_format("%s, %s", text, fields[index->columns[i]].name).data;
    }
    return index->column_count == 1 ? text : stdb_format("(%s)", text).data;
}

void stdb_host_failed(const StdbTable *table, const char *call, uint32_t error) {
    stdb_panic("table %s: %s: host error %u", table->name, call, error);
}

void stdb_row_malformed(const StdbTable *table) {
    stdb_panic("table %s: a row is not as declared", table->name);
}

// ---- scans ----

StdbIter stdb_scan(StdbTable *table, uint32_t row_max) {
    uint32_t handle = 0;
    uint32_t error = stdb_host_table_scan(stdb_table_id(table), &handle);
    if (error != 0) stdb_host_failed(table, "scan", error);
    return iter_open(handle, table, row_max);
}

StdbIter stdb_scan_point(StdbIndex *index, const uint8_t *key, uint32_t key_bytes,
                         uint32_t row_max) {
    uint32_t handle = 0;
    uint32_t error = stdb_host_index_scan_point(stdb_index_id(index), key, key_bytes, &handle);
    if (error != 0) stdb_host_failed(index->table, "index scan", error);
    return iter_open(handle, index->table, row_max);
}

StdbIter stdb_scan_range(StdbIndex *index, const StdbRange *range, uint32_t row_max) {
    uint32_t handle = 0;
    uint32_t error = stdb_host_index_scan_range(
        stdb_index_id(index), range->prefix, (uint32_t)(range->low - range->prefix),
        range->prefix_columns, range->low, (uint32_t)(range->high - range->low), range->high,
        (uint32_t)(range->end - range->high), &handle);
    if (error != 0) stdb_host_failed(index->table, "range scan", error);
    return iter_open(handle, index->table, row_max);
}

static StdbIter iter_open(uint32_t handle, const StdbTable *table, uint32_t row_max) {
    StdbIter iter = {.handle = handle, .table = table, .is_reusing = row_max < STDB_UNBOUNDED};
    stdb_iter_fetch(&iter);  // most scans end here, and need not be closed
    if (iter.handle != 0) call_note_iter(iter.handle);
    return iter;
}

bool stdb_iter_fetch(StdbIter *iter) {
    if (iter->handle == 0) return false;
    uint8_t *buffer = iter->buffer;
    uint32_t count = 0;
    int32_t result = fetch(iter->handle, &buffer, iter->buffer_bytes, &count, iter->table);
    if (buffer != iter->buffer) {
        // Borrowed: all of it is kept for the next fetch, or just the rows in it.
        uint32_t bytes = iter->is_reusing && result == 0 ? FETCH_BYTES : count;
        if (bytes < count) bytes = count;
        memory_keep(bytes);
        if (iter->is_reusing) {
            iter->buffer = buffer;
            iter->buffer_bytes = bytes;
        }
    }
    iter->rows = (StdbReader){buffer, count, false};
    if (result == -1) {
        if (iter->is_noted) call_forget_iter(iter->handle);
        iter->handle = 0;
    } else {
        iter->is_noted = true;
    }
    return count > 0;
}

// Advances the host's iterator into *buffer, or into borrowed memory where that is NULL or too
// small.
static int32_t fetch(uint32_t handle, uint8_t **buffer, uint32_t capacity, uint32_t *ret_count,
                     const StdbTable *table) {
    if (*buffer == NULL) {
        *buffer = memory_borrow(FETCH_BYTES);
        capacity = FETCH_BYTES;
    }
    uint32_t count = capacity;
    int32_t result = stdb_host_row_iter_advance(handle, *buffer, &count);
    if (result == STDB_ERRNO_BUFFER_TOO_SMALL) {
        *buffer = memory_borrow(count);
        result = stdb_host_row_iter_advance(handle, *buffer, &count);
    }
    if (result > 0) stdb_host_failed(table, "row_iter_bsatn_advance", (uint32_t)result);
    *ret_count = count;
    return result;
}

bool stdb_find(StdbIndex *index, const uint8_t *key, uint32_t key_bytes, uint32_t row_max,
               StdbReader *ret_row) {
    uint32_t handle = 0;
    uint32_t error = stdb_host_index_scan_point(stdb_index_id(index), key, key_bytes, &handle);
    if (error != 0) stdb_host_failed(index->table, "find", error);
    bool is_scratch = row_max <= STDB_SCRATCH_BYTES;
    uint8_t *buffer = is_scratch ? stdb_scratch_small : memory_borrow(FIND_BYTES);
    uint32_t count = 0;
    int32_t result = fetch(handle, &buffer, is_scratch ? STDB_SCRATCH_BYTES : FIND_BYTES, &count,
                           index->table);
    if (!is_scratch) memory_keep(count);
    if (result == 0)
        stdb_host_row_iter_close(handle);  // more than one row: no unique index, but no leak either
    *ret_row = (StdbReader){buffer, count, false};
    return count > 0;
}

// ---- counts and deletes ----

uint32_t stdb_delete_point(StdbIndex *index, const uint8_t *key, uint32_t key_bytes) {
    uint32_t count = 0;
    uint32_t error = stdb_host_delete_point(stdb_index_id(index), key, key_bytes, &count);
    if (error != 0) stdb_host_failed(index->table, "delete", error);
    return count;
}

uint32_t stdb_delete_range(StdbIndex *index, const StdbRange *range) {
    uint32_t count = 0;
    uint32_t error = stdb_host_delete_range(
        stdb_index_id(index), range->prefix, (uint32_t)(range->low - range->prefix),
        range->prefix_columns, range->low, (uint32_t)(range->high - range->low), range->high,
        (uint32_t)(range->end - range->high), &count);
    if (error != 0) stdb_host_failed(index->table, "delete_range", error);
    return count;
}

uint64_t stdb_count(StdbTable *table) {
    uint64_t count = 0;
    uint32_t error = stdb_host_table_row_count(stdb_table_id(table), &count);
    if (error != 0) stdb_host_failed(table, "count", error);
    return count;
}

uint64_t stdb_clear(StdbTable *table) {
    uint64_t count = 0;
    uint32_t error = stdb_host_clear(stdb_table_id(table), &count);
    if (error != 0) stdb_host_failed(table, "clear", error);
    return count;
}

bool stdb_delete_row(StdbTable *table, const uint8_t *rows, uint32_t bytes) {
    uint32_t count = 0;
    uint32_t error = stdb_host_delete_all_by_eq(stdb_table_id(table), rows, bytes, &count);
    if (error != 0) stdb_host_failed(table, "delete", error);
    return count > 0;
}

// ---- encoding ----

uint8_t *stdb_write_blob(uint8_t *at, const void *data, uint32_t count) {
    at = stdb_write_count(at, count);
    if (count > 0) memcpy(at, data, count);
    return at + count;
}

void stdb_read_string(StdbReader *reader, StdbString *ret_string) {
    uint32_t length = stdb_reader_count(reader);
    uint8_t *at = stdb_reader_take(reader, length);
    if (reader->failed) {
        *ret_string = STDB_STRING("");
        return;
    }
    // The length is read: its last byte makes room.
    memmove(at - 1, at, length);
    at[(int64_t)length - 1] = 0;
    *ret_string = (StdbString){(const char *)at - 1, length};
}

void stdb_read_bytes(StdbReader *reader, StdbBytes *ret_bytes) {
    uint32_t count = stdb_reader_count(reader);
    *ret_bytes = (StdbBytes){stdb_reader_take(reader, count), count};
}

void stdb_bad_tag(const char *type, uint32_t tag) {
    stdb_panic("a %s has no variant %u", type, tag);
}

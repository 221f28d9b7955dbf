// scan_calls.c - reading rows, and deleting what an index finds.
//
// A scan is complete before the guest sees its first row: it is copied into chunks of whole rows, so that a guest
// which deletes while it iterates sees the rows of the beginning (module-abi.md 1.8).
#include "host/abi/abi.h"

// What an index call looks for. Bounds that meet in one complete key make a point, which any index can find
// (module-abi.md 6.2).
typedef struct IndexQuery {
    bool is_point;
    Bytes key;
    IndexRange range;
} IndexQuery;

static int64_t open_iter(Instance *instance, RowWriter *writer, uint32_t out);
static int64_t too_many_rows(Instance *instance, RowWriter *writer);
static int64_t index_scan(Instance *instance, const Index *index, const IndexQuery *query,
                          uint32_t out);
static int64_t index_delete(Instance *instance, const Index *index, const IndexQuery *query,
                            uint32_t out);
static bool query_start(Instance *instance, const Index *index, const IndexQuery *query,
                        IndexScan *ret_scan);
static Index *range_query(Instance *instance, const HostValue *args, IndexQuery *ret_query,
                          int64_t *ret_answer);
static Index *point_query(Instance *instance, const HostValue *args, IndexQuery *ret_query,
                          int64_t *ret_answer);
static bool range_decode(Instance *instance, const Index *index, Bytes lower, Bytes upper,
                         IndexQuery *query);
static bool bound_decode(const Type *type, Bytes bytes, Bound *ret_bound);

int64_t host_table_scan(Instance *instance, const HostValue *args) {
    Table *table = host_find_table(instance, args[0].u32);
    if (!table) return ERRNO_NO_SUCH_TABLE;
    if (__builtin_expect(instance->reads != NULL, 0))
        host_note_read(instance, table, NULL, BYTES_NONE);
    RowWriter writer;
    row_writer_init(&writer, &instance->row_iters);
    TableScan scan = table_scan(table);
    for (Row row; table_scan_next(&scan, &row);) {
        if (!row_writer_add(&writer, row.bytes)) return too_many_rows(instance, &writer);
    }
    return open_iter(instance, &writer, args[1].u32);
}

int64_t host_index_scan_range(Instance *instance, const HostValue *args) {
    IndexQuery query;
    int64_t answer = 0;
    const Index *index = range_query(instance, args, &query, &answer);
    return index ? index_scan(instance, index, &query, args[8].u32) : answer;
}

int64_t host_index_scan_point(Instance *instance, const HostValue *args) {
    IndexQuery query;
    int64_t answer = 0;
    const Index *index = point_query(instance, args, &query, &answer);
    return index ? index_scan(instance, index, &query, args[3].u32) : answer;
}

int64_t host_delete_by_range(Instance *instance, const HostValue *args) {
    IndexQuery query;
    int64_t answer = 0;
    const Index *index = range_query(instance, args, &query, &answer);
    return index ? index_delete(instance, index, &query, args[8].u32) : answer;
}

int64_t host_delete_by_point(Instance *instance, const HostValue *args) {
    IndexQuery query;
    int64_t answer = 0;
    const Index *index = point_query(instance, args, &query, &answer);
    return index ? index_delete(instance, index, &query, args[3].u32) : answer;
}

static int64_t index_scan(Instance *instance, const Index *index, const IndexQuery *query,
                          uint32_t out) {
    if (__builtin_expect(instance->reads != NULL, 0)) {
        host_note_read(instance, index_table(index), query->is_point ? index : NULL,
                       query->is_point ? query->key : BYTES_NONE);
    }
    RowWriter writer;
    row_writer_init(&writer, &instance->row_iters);
    if (query->is_point && index_is_unique(index)) {
        Row row;
        if (index_find(index, query->key, &row) && !row_writer_add(&writer, row.bytes)) {
            return too_many_rows(instance, &writer);
        }
        return open_iter(instance, &writer, out);
    }
    IndexScan scan;
    if (!query_start(instance, index, query, &scan)) return 0;
    for (Row row; index_scan_next(&scan, &row);) {
        if (!row_writer_add(&writer, row.bytes)) return too_many_rows(instance, &writer);
    }
    return open_iter(instance, &writer, out);
}

// The scan ends before the first row goes: the table must not change under it.
static int64_t index_delete(Instance *instance, const Index *index, const IndexQuery *query,
                            uint32_t out) {
    Table *table = index_table(index);
    if (!host_may_write(instance, table)) return 0;
    IndexScan scan;
    if (!query_start(instance, index, query, &scan)) return 0;
    RowIdVec *ids = &instance->row_ids;
    row_id_vec_clear(ids);
    for (Row row; index_scan_next(&scan, &row);) row_id_vec_push(ids, row.id);
    for (uint32_t i = 0; i < ids->count; i++) tx_delete(instance->env->tx, table, ids->items[i]);
    return guest_store_u32(instance, out, ids->count);
}

// False after a trap.
static bool query_start(Instance *instance, const Index *index, const IndexQuery *query,
                        IndexScan *ret_scan) {
    if (query->is_point) {
        index_scan_point(index, query->key, ret_scan);
        return true;
    }
    if (!index_is_ordered(index)) {
        host_fail(instance, "index does not support range scans");
        return false;
    }
    index_scan_range(index, &query->range, ret_scan);
    return true;
}

static int64_t open_iter(Instance *instance, RowWriter *writer, uint32_t out) {
    uint32_t handle = row_writer_finish(writer);
    if (handle == 0)
        return host_fail(instance, "more than %u open row iterators", MODULE_ROW_ITERS_MAX);
    return guest_store_u32(instance, out, handle);
}

static int64_t too_many_rows(Instance *instance, RowWriter *writer) {
    row_writer_drop(writer);
    return host_fail(instance, "open row iterators hold more than %llu bytes",
                     (unsigned long long)MODULE_ROW_ITER_BYTES_MAX);
}

// args: index, prefix, prefix_len, prefix_elems, rstart, rstart_len, rend, rend_len. NULL: *ret_answer, or a trap.
static Index *range_query(Instance *instance, const HostValue *args, IndexQuery *ret_query,
                          int64_t *ret_answer) {
    uint32_t prefix_columns = args[3].u32;
    if (prefix_columns > UINT16_MAX) {
        host_trap(instance, "ABI violation, a `ColId` must be a `u16`");
        return NULL;
    }
    *ret_query = (IndexQuery){.range.prefix_columns = (uint16_t)prefix_columns};
    Bytes lower;
    Bytes upper;
    if (prefix_columns > 0 &&
        !guest_bytes(instance, args[1].u32, args[2].u32, &ret_query->range.prefix))
        return NULL;
    if (!guest_bytes(instance, args[4].u32, args[5].u32, &lower)) return NULL;
    if (!guest_bytes(instance, args[6].u32, args[7].u32, &upper)) return NULL;
    Errno errno_code;
    Index *index = host_find_index(instance, args[0].u32, &errno_code);
    *ret_answer = errno_code;
    if (!index) return NULL;
    *ret_answer = ERRNO_BSATN_DECODE;
    return range_decode(instance, index, lower, upper, ret_query) ? index : NULL;
}

static bool range_decode(Instance *instance, const Index *index, Bytes lower, Bytes upper,
                         IndexQuery *query) {
    const IndexSchema *schema = index_schema(index);
    const TableSchema *table = table_schema(index_table(index));
    IndexRange *range = &query->range;
    if (range->prefix_columns >= schema->columns.count) return false;
    Reader reader = reader_of(range->prefix);
    Error error;
    for (uint16_t i = 0; i < range->prefix_columns; i++) {
        const Type *type = table->columns[schema->columns.items[i]].type;
        if (bsatn_check(TYPESPACE_NONE, type, &reader, &error) != STATUS_OK) return false;
    }
    range->prefix.count -= (uint32_t)reader_left(&reader);
    const Type *type = table->columns[schema->columns.items[range->prefix_columns]].type;
    if (!bound_decode(type, lower, &range->lower)) return false;
    if (!bound_decode(type, upper, &range->upper)) return false;
    query->is_point = range->prefix_columns + 1u == schema->columns.count &&
                      range->lower.kind == BOUND_INCLUDED && range->upper.kind == BOUND_INCLUDED &&
                      bytes_equal(range->lower.value, range->upper.value);
    if (!query->is_point) return true;
    query->key = range->lower.value;
    if (range->prefix_columns > 0) {
        buffer_clear(&instance->key);
        buffer_append_bytes(&instance->key, range->prefix);
        buffer_append_bytes(&instance->key, range->lower.value);
        ASSERT(!instance->key.failed);  // both parts came out of guest memory
        query->key = buffer_bytes(&instance->key);
    }
    return true;
}

static bool bound_decode(const Type *type, Bytes bytes, Bound *ret_bound) {
    Reader reader = reader_of(bytes);
    uint8_t kind = reader_u8(&reader);
    if (reader.failed || kind > BOUND_UNBOUNDED) return false;
    *ret_bound = (Bound){.kind = (BoundKind)kind};
    if (kind == BOUND_UNBOUNDED) return true;
    Error error;
    const uint8_t *start = reader.at;
    if (bsatn_check(TYPESPACE_NONE, type, &reader, &error) != STATUS_OK) return false;
    ret_bound->value = bytes_of(start, (size_t)(reader.at - start));
    return true;
}

// args: index, point, point_len. NULL: *ret_answer, or a trap.
static Index *point_query(Instance *instance, const HostValue *args, IndexQuery *ret_query,
                          int64_t *ret_answer) {
    Bytes key;
    if (!guest_bytes(instance, args[1].u32, args[2].u32, &key)) return NULL;
    Errno errno_code;
    Index *index = host_find_index(instance, args[0].u32, &errno_code);
    *ret_answer = errno_code;
    if (!index) return NULL;
    const Type *type = index_key_type(index);
    if (!type->is_plain || key.count < type->fixed_bytes) {
        Reader reader = reader_of(key);
        Error error;
        *ret_answer = ERRNO_BSATN_DECODE;
        if (bsatn_check(TYPESPACE_NONE, type, &reader, &error) != STATUS_OK) return NULL;
        key.count -= (uint32_t)reader_left(&reader);
    } else {
        key.count = type->fixed_bytes;
    }
    *ret_query = (IndexQuery){.is_point = true, .key = key};
    return index;
}

int64_t host_row_iter_advance(Instance *instance, const HostValue *args) {
    uint32_t handle = args[0].u32;
    if (!row_iters_find(&instance->row_iters, handle)) return ERRNO_NO_SUCH_ITER;
    const uint8_t *capacity_at = guest_view(instance, args[2].u32, sizeof(uint32_t));
    if (!capacity_at) return 0;
    uint32_t capacity = load_u32le(capacity_at);
    uint8_t *buffer = guest_view(instance, args[1].u32, capacity);
    if (!buffer) return 0;
    uint32_t count = 0;
    RowIterStep step = row_iters_advance(&instance->row_iters, handle, buffer, capacity, &count);
    guest_store_u32(instance, args[2].u32, count);
    return step == ROW_ITER_END         ? -1
           : step == ROW_ITER_TOO_SMALL ? ERRNO_BUFFER_TOO_SMALL
                                        : ERRNO_OK;
}

int64_t host_row_iter_close(Instance *instance, const HostValue *args) {
    if (!row_iters_find(&instance->row_iters, args[0].u32)) return ERRNO_NO_SUCH_ITER;
    row_iters_close(&instance->row_iters, args[0].u32);
    return ERRNO_OK;
}

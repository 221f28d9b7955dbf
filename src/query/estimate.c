// estimate.c - samples.
//
// An ordered index is read from its beginning: where the key changes, another one begins. In a hash
// index, a sampled row stands for a key if it is the first row that a look-up of its key finds.

#include "query/estimate.h"

// Rows looked at for one average, and for one key or range.
#define SAMPLE_ROWS_MAX 256u
#define PROBE_ROWS_MAX 64u
// Share of the rows guessed to lie in a range of which more than PROBE_ROWS_MAX were found.
#define RANGE_SHARE 0.3

static uint64_t distinct_in_order(const Index *index, uint64_t rows_max, uint64_t *ret_rows);
static uint64_t distinct_by_probes(const Index *index, uint64_t rows_max, uint64_t *ret_rows);
static uint64_t scan_count(IndexScan *scan, uint64_t rows_max);

static double table_rows(const Index *index) {
    return (double)table_row_count(index_table(index));
}

double estimate_per_key(Estimates *estimates, const Index *index) {
    if (index_is_unique(index)) return 1;
    IndexId id = index_schema(index)->id;
    for (uint32_t i = 0; i < estimates->count; i++) {
        if (estimates->per_key[i].index == id) return estimates->per_key[i].rows;
    }
    uint64_t distinct = estimate_distinct(index, SAMPLE_ROWS_MAX);
    double rows = distinct == 0 ? 1 : table_rows(index) / (double)distinct;
    if (estimates->count < ESTIMATE_INDEXES_MAX)
        estimates->per_key[estimates->count++] = (Estimate){id, rows};
    return rows;
}

double estimate_point(Estimates *estimates, const Index *index, Bytes key) {
    if (index_is_unique(index)) return 1;
    IndexScan scan;
    index_scan_point(index, key, &scan);
    uint64_t count = scan_count(&scan, PROBE_ROWS_MAX);
    if (count < PROBE_ROWS_MAX) return (double)count;
    double average = estimate_per_key(estimates, index);
    return average > PROBE_ROWS_MAX ? average : PROBE_ROWS_MAX;
}

double estimate_range(Estimates *estimates, const Index *index, const IndexRange *range) {
    bool has_bounds = range->lower.kind != BOUND_UNBOUNDED || range->upper.kind != BOUND_UNBOUNDED;
    double share = has_bounds ? RANGE_SHARE : 1;
    if (index_is_unique(index)) {
        // Half of a key of several columns finds few rows, but nobody knows how few.
        return 1 + table_rows(index) * share / (range->prefix_columns > 0 ? SAMPLE_ROWS_MAX : 1);
    }
    IndexScan scan;
    index_scan_range(index, range, &scan);
    uint64_t count = scan_count(&scan, PROBE_ROWS_MAX);
    if (count < PROBE_ROWS_MAX) return (double)count;
    double rows = table_rows(index) * share;
    if (range->prefix_columns > 0) {
        double keys = table_rows(index) / estimate_per_key(estimates, index);
        rows /= keys > 1 ? __builtin_sqrt(keys) : 1;  // as if each column had its share of the keys
    }
    return rows > PROBE_ROWS_MAX ? rows : PROBE_ROWS_MAX;
}

static uint64_t scan_count(IndexScan *scan, uint64_t rows_max) {
    uint64_t count = 0;
    Row row;
    while (count < rows_max && index_scan_next(scan, &row)) count++;
    return count;
}

// ---- different keys ----

uint64_t estimate_distinct(const Index *index, uint64_t rows_max) {
    uint64_t rows = table_row_count(index_table(index)), seen = 0;
    if (rows == 0 || index_is_unique(index)) return rows;
    uint64_t distinct = index_is_ordered(index) ? distinct_in_order(index, rows_max, &seen)
                                                : distinct_by_probes(index, rows_max, &seen);
    ASSERT(seen > 0 && seen <= rows);
    ASSERT(distinct <= seen);
    if (seen < rows) distinct = (uint64_t)((double)distinct * (double)rows / (double)seen + 0.5);
    return distinct > 0 ? distinct : 1;
}

static uint64_t distinct_in_order(const Index *index, uint64_t rows_max, uint64_t *ret_rows) {
    const Type *type = index_key_type(index);
    IndexRange all = {.lower = {.kind = BOUND_UNBOUNDED}, .upper = {.kind = BOUND_UNBOUNDED}};
    IndexScan scan;
    index_scan_range(index, &all, &scan);
    Buffer keys[2];
    for (uint32_t i = 0; i < 2; i++) buffer_init(&keys[i], STORE_ROW_BYTES_MAX);
    uint64_t count = 0, distinct = 0;
    Row row;
    while (count < rows_max && index_scan_next(&scan, &row)) {
        Buffer *key = &keys[count % 2], *before = &keys[1 - count % 2];
        buffer_clear(key);
        index_project(index, row.bytes, key);
        if (count == 0 || value_compare(type, key->data, before->data) != 0) distinct++;
        count++;
    }
    for (uint32_t i = 0; i < 2; i++) buffer_done(&keys[i]);
    *ret_rows = count;
    return distinct;
}

static uint64_t distinct_by_probes(const Index *index, uint64_t rows_max, uint64_t *ret_rows) {
    Buffer key;
    buffer_init(&key, STORE_ROW_BYTES_MAX);
    TableScan rows = table_scan(index_table(index));
    uint64_t count = 0, distinct = 0;
    Row row, first;
    while (count < rows_max && table_scan_next(&rows, &row)) {
        buffer_clear(&key);
        index_project(index, row.bytes, &key);
        IndexScan same;
        index_scan_point(index, buffer_bytes(&key), &same);
        if (index_scan_next(&same, &first) && first.id == row.id) distinct++;
        count++;
    }
    buffer_done(&key);
    *ret_rows = count;
    return distinct;
}

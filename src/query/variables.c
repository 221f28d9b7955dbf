// variables.c - the system variables that queries heed (sql.md 20). A variable of another type than
// it should have is as if it was not set.

#include "query/query.h"

// Tags of st_var's value (sql.md 21).
enum { VALUE_BOOL = 0, VALUE_U64 = 8 };

// The value behind its tag; false if there is none of this type.
static bool variable_find(Store *store, const char *wanted, uint8_t tag, Bytes *ret_value) {
    enum { VAR_NAME, VAR_VALUE };
    Table *variables = store_find_table(store, ST_VAR);
    ASSERT(variables != NULL);
    if (table_row_count(variables) == 0) return false;
    TableScan scan = table_scan(variables);
    Row row;
    while (table_scan_next(&scan, &row)) {
        Bytes name = table_column(variables, row.bytes, VAR_NAME);
        Bytes value = table_column(variables, row.bytes, VAR_VALUE);
        if (!bytes_equal_text(bytes_slice(name, 4, name.count - 4), wanted)) continue;
        if (value.data[0] != tag) continue;
        *ret_value = bytes_slice(value, 1, value.count - 1);
        return true;
    }
    return false;
}

static uint64_t positive_number(Store *store, const char *wanted) {
    Bytes value;
    if (!variable_find(store, wanted, VALUE_U64, &value)) return UINT64_MAX;
    uint64_t number = load_u64le(value.data);
    return number > 0 ? number : 1;
}

uint64_t query_call_seconds_max(Store *store) {
    return positive_number(store, "call_seconds");
}

uint64_t query_memory_bytes_max(Store *store) {
    return positive_number(store, "memory_bytes");
}

bool query_row_limit(Store *store, uint64_t *ret_limit) {
    Bytes value;
    if (!variable_find(store, "row_limit", VALUE_U64, &value)) return false;
    *ret_limit = load_u64le(value.data);
    return true;
}

bool query_join_without_index(Store *store) {
    Bytes value;
    return !variable_find(store, "join_without_index", VALUE_BOOL, &value) || value.data[0] != 0;
}

uint64_t query_join_tables_max(Store *store) {
    Bytes value;
    if (!variable_find(store, "join_tables_max", VALUE_U64, &value)) return SQL_LIVE_RELATIONS_MAX;
    uint64_t wanted = load_u64le(value.data);
    return wanted < SQL_LIVE_RELATIONS_MAX ? wanted : SQL_LIVE_RELATIONS_MAX;
}

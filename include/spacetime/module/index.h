// index.h - the functions that an index brings to its table. Included by table.h, which lists them.
//
// `index` is the index's name in its table, `by` the part that its functions are named with:
// by_age. The columns that follow are the key, in order; parameters are named like them, and
// everything else is named stdb_..., lest they meet.
#pragma once

#include "declare.h"
#include "rows.h"

// An index over several columns, called by_something. kind: BTREE or HASH.
#define STDB_INDEX(Row, table, by, kind, ...)                                              \
    STDB_INDEX_CHECK(table, by, kind, __VA_ARGS__)                                         \
    STDB_INDEX_OBJECT(Row, table, by, STDB_COLUMN_INDEX | STDB_COLUMN_##kind, __VA_ARGS__) \
    STDB_FILTER_FUNCTIONS(Row, table, by, by, __VA_ARGS__)                                 \
    STDB_PASTE(STDB_INDEX_, STDB_COUNT(__VA_ARGS__))(Row, table, by, STDB_COLUMN_##kind,   \
                                                     __VA_ARGS__) STDB_END

// The same, and no two rows share the values of all its columns.
#define STDB_UNIQUE(Row, table, by, kind, ...)                                              \
    STDB_INDEX_CHECK(table, by, kind, __VA_ARGS__)                                          \
    STDB_INDEX_OBJECT(Row, table, by, STDB_COLUMN_UNIQUE | STDB_COLUMN_##kind, __VA_ARGS__) \
    STDB_KEY_FUNCTIONS(Row, table, by, by, __VA_ARGS__)                                     \
    STDB_PASTE(STDB_INDEX_, STDB_COUNT(__VA_ARGS__))(Row, table, by, STDB_COLUMN_##kind,    \
                                                     __VA_ARGS__) STDB_END

#define STDB_INDEX_CHECK(table, by, kind, ...)                                               \
    _Static_assert(STDB_COLUMN_##kind != STDB_COLUMN_DIRECT || STDB_COUNT(__VA_ARGS__) == 1, \
                   #table "." #by ": a DIRECT index has one column");

// The range over all columns, then what the first n - 1, n - 2 ... of them allow.
#define STDB_INDEX_1(R, t, by, f, a) STDB_RANGE_FUNCTIONS(R, t, by, by, f, a)
#define STDB_INDEX_2(R, t, by, f, a, b) \
    STDB_RANGE_FUNCTIONS(R, t, by, by, f, b, a) STDB_FIRST_1(R, t, by, f, a)
#define STDB_INDEX_3(R, t, by, f, a, b, c) \
    STDB_RANGE_FUNCTIONS(R, t, by, by, f, c, a, b) STDB_FIRST_2(R, t, by, f, a, b)
#define STDB_INDEX_4(R, t, by, f, a, b, c, d) \
    STDB_RANGE_FUNCTIONS(R, t, by, by, f, d, a, b, c) STDB_FIRST_3(R, t, by, f, a, b, c)
#define STDB_INDEX_5(R, t, by, f, a, b, c, d, e) \
    STDB_RANGE_FUNCTIONS(R, t, by, by, f, e, a, b, c, d) STDB_FIRST_4(R, t, by, f, a, b, c, d)
#define STDB_INDEX_6(R, t, by, f, a, b, c, d, e, g) \
    STDB_RANGE_FUNCTIONS(R, t, by, by, f, g, a, b, c, d, e) STDB_FIRST_5(R, t, by, f, a, b, c, d, e)

#define STDB_FIRST_1(R, t, by, f, a) STDB_PREFIX_FUNCTIONS(R, t, by, by##_1, f, a)
#define STDB_FIRST_2(R, t, by, f, a, b) \
    STDB_PREFIX_FUNCTIONS(R, t, by, by##_2, f, b, a) STDB_FIRST_1(R, t, by, f, a)
#define STDB_FIRST_3(R, t, by, f, a, b, c) \
    STDB_PREFIX_FUNCTIONS(R, t, by, by##_3, f, c, a, b) STDB_FIRST_2(R, t, by, f, a, b)
#define STDB_FIRST_4(R, t, by, f, a, b, c, d) \
    STDB_PREFIX_FUNCTIONS(R, t, by, by##_4, f, d, a, b, c) STDB_FIRST_3(R, t, by, f, a, b, c)
#define STDB_FIRST_5(R, t, by, f, a, b, c, d, e) \
    STDB_PREFIX_FUNCTIONS(R, t, by, by##_5, f, e, a, b, c, d) STDB_FIRST_4(R, t, by, f, a, b, c, d)

#define STDB_INDEX_OBJECT(Row, table_, index, index_flags, ...)                  \
    static const uint16_t stdb_key__##table_##__##index[] = {                    \
        STDB_EACH_KEY(STDB_KEY_COLUMN, Row, __VA_ARGS__)};                       \
    static StdbIndex stdb_index__##table_##__##index = {                         \
        .table = &stdb_table__##table_,                                          \
        .accessor = #index,                                                      \
        .columns = stdb_key__##table_##__##index,                                \
        .column_count = sizeof stdb_key__##table_##__##index / sizeof(uint16_t), \
        .flags = index_flags,                                                    \
    };                                                                           \
    STDB_REGISTER(indexes, StdbIndex, stdb_index__##table_##__##index)

#define STDB_KEY_COLUMN(Row, column) stdb_column__##Row##__##column,
#define STDB_KEY_MORE(Row, column) , stdb_t__##Row##__##column column
#define STDB_KEY_FIRST(Row, column) stdb_t__##Row##__##column column,
#define STDB_KEY_BYTES(Row, column) +stdb_bytes__##Row##__##column(&column)
#define STDB_KEY_WRITE(Row, column) stdb_end = stdb_write__##Row##__##column(stdb_end, &column);

// first, second, third as parameters.
#define STDB_KEY_PARAMETERS(Row, column, ...) \
    stdb_t__##Row##__##column column STDB_EACH_KEY(STDB_KEY_MORE, Row, __VA_ARGS__)

// The parameters in scratch, from stdb_key to stdb_end.
#define STDB_KEY_ENCODE(Row, ...)                                                        \
    uint8_t *stdb_key = stdb_scratch(0 STDB_EACH_KEY(STDB_KEY_BYTES, Row, __VA_ARGS__)); \
    uint8_t *stdb_end = stdb_key;                                                        \
    STDB_EACH_KEY(STDB_KEY_WRITE, Row, __VA_ARGS__)                                      \
    uint32_t stdb_key_bytes = (uint32_t)(stdb_end - stdb_key);

// By a whole key that one row has at most.
#define STDB_KEY_FUNCTIONS(Row, table, index, by, ...)                                             \
    STDB_INLINE bool table##_find_##by(STDB_KEY_PARAMETERS(Row, __VA_ARGS__), Row *ret_row) {      \
        STDB_KEY_ENCODE(Row, __VA_ARGS__)                                                          \
        StdbReader stdb_found;                                                                     \
        if (!stdb_find(&stdb_index__##table##__##index, stdb_key, stdb_key_bytes, stdb_max__##Row, \
                       &stdb_found)) {                                                             \
            return false;                                                                          \
        }                                                                                          \
        StdbReader stdb_row =                                                                      \
            stdb_found; /* a copy that nobody else points to lives in registers */                 \
        stdb_read__##Row(&stdb_row, ret_row);                                                      \
        if (stdb_row.failed) stdb_row_malformed(&stdb_table__##table);                             \
        return true;                                                                               \
    }                                                                                              \
    STDB_INLINE StdbStatus table##_update_##by(Row *row) {                                         \
        uint32_t error = stdb_update__##table(&stdb_index__##table##__##index, row);               \
        return error == 0 ? STDB_OK : stdb_write_refused(&stdb_table__##table, error);             \
    }                                                                                              \
    STDB_INLINE StdbStatus table##_insert_or_update_##by(Row *row) {                               \
        uint32_t error = stdb_update__##table(&stdb_index__##table##__##index, row);               \
        if (error == STDB_ERRNO_NO_SUCH_ROW) return table##_insert(row);                           \
        return error == 0 ? STDB_OK : stdb_write_refused(&stdb_table__##table, error);             \
    }                                                                                              \
    STDB_INLINE bool table##_delete_##by(STDB_KEY_PARAMETERS(Row, __VA_ARGS__)) {                  \
        STDB_KEY_ENCODE(Row, __VA_ARGS__)                                                          \
        return stdb_delete_point(&stdb_index__##table##__##index, stdb_key, stdb_key_bytes) > 0;   \
    }

// By a whole key that any number of rows have.
#define STDB_FILTER_FUNCTIONS(Row, table, index, by, ...)                                    \
    STDB_INLINE Row##Iter table##_filter_##by(STDB_KEY_PARAMETERS(Row, __VA_ARGS__)) {       \
        STDB_KEY_ENCODE(Row, __VA_ARGS__)                                                    \
        return (Row##Iter){stdb_scan_point(&stdb_index__##table##__##index, stdb_key,        \
                                           stdb_key_bytes, stdb_max__##Row)};                \
    }                                                                                        \
    STDB_INLINE uint32_t table##_delete_##by(STDB_KEY_PARAMETERS(Row, __VA_ARGS__)) {        \
        STDB_KEY_ENCODE(Row, __VA_ARGS__)                                                    \
        return stdb_delete_point(&stdb_index__##table##__##index, stdb_key, stdb_key_bytes); \
    }

// Calling one of these on a hash index is an error at the call; declaring it is none.
#define STDB_NEEDS_ORDER(table, index, flags)                                                     \
    __attribute__((diagnose_if(((flags) & STDB_COLUMN_HASH) != 0,                                 \
                               #table "." #index ": a HASH index has no order, this needs BTREE", \
                               "error")))

// By a range of `last` where the columns before it are given.
#define STDB_RANGE_FUNCTIONS(Row, table, index, by, flags, last, ...)                             \
    STDB_INLINE StdbRange stdb_range__##table##__##by(                                            \
        STDB_EACH_KEY(STDB_KEY_FIRST, Row, __VA_ARGS__) StdbLow stdb_low,                         \
        const stdb_t__##Row##__##last *stdb_from, StdbHigh stdb_high,                             \
        const stdb_t__##Row##__##last *stdb_to) {                                                 \
        uint32_t stdb_bytes = 2 + stdb_bytes__##Row##__##last(stdb_from) +                        \
                              stdb_bytes__##Row##__##last(stdb_to)                                \
                                  STDB_EACH_KEY(STDB_KEY_BYTES, Row, __VA_ARGS__);                \
        uint8_t *stdb_end = stdb_scratch(stdb_bytes);                                             \
        StdbRange stdb_range = {.prefix = stdb_end, .prefix_columns = STDB_COUNT(__VA_ARGS__)};   \
        STDB_EACH_KEY(STDB_KEY_WRITE, Row, __VA_ARGS__)                                           \
        stdb_range.low = stdb_end;                                                                \
        *stdb_end++ = (uint8_t)stdb_low;                                                          \
        if (stdb_low != STDB_NO_MIN) stdb_end = stdb_write__##Row##__##last(stdb_end, stdb_from); \
        stdb_range.high = stdb_end;                                                               \
        *stdb_end++ = (uint8_t)stdb_high;                                                         \
        if (stdb_high != STDB_NO_MAX) stdb_end = stdb_write__##Row##__##last(stdb_end, stdb_to);  \
        stdb_range.end = stdb_end;                                                                \
        return stdb_range;                                                                        \
    }                                                                                             \
    STDB_NEEDS_ORDER(table, by, flags)                                                            \
    STDB_INLINE Row##Iter table##_range_##by(                                                     \
        STDB_EACH_KEY(STDB_KEY_FIRST, Row, __VA_ARGS__) StdbLow stdb_low,                         \
        stdb_t__##Row##__##last stdb_from, StdbHigh stdb_high, stdb_t__##Row##__##last stdb_to) { \
        StdbRange stdb_range = stdb_range__##table##__##by(                                       \
            STDB_EACH_KEY(STDB_KEY_ARGUMENT, Row, __VA_ARGS__) stdb_low, &stdb_from, stdb_high,   \
            &stdb_to);                                                                            \
        return (Row##Iter){                                                                       \
            stdb_scan_range(&stdb_index__##table##__##index, &stdb_range, stdb_max__##Row)};      \
    }                                                                                             \
    STDB_NEEDS_ORDER(table, by, flags)                                                            \
    STDB_INLINE uint32_t table##_delete_range_##by(                                               \
        STDB_EACH_KEY(STDB_KEY_FIRST, Row, __VA_ARGS__) StdbLow stdb_low,                         \
        stdb_t__##Row##__##last stdb_from, StdbHigh stdb_high, stdb_t__##Row##__##last stdb_to) { \
        StdbRange stdb_range = stdb_range__##table##__##by(                                       \
            STDB_EACH_KEY(STDB_KEY_ARGUMENT, Row, __VA_ARGS__) stdb_low, &stdb_from, stdb_high,   \
            &stdb_to);                                                                            \
        return stdb_delete_range(&stdb_index__##table##__##index, &stdb_range);                   \
    }
#define STDB_KEY_ARGUMENT(Row, column) column,

// By the first columns only: ranges over the last of them, of which the first kind is "equal".
#define STDB_PREFIX_FUNCTIONS(Row, table, index, by, flags, last, ...)                            \
    STDB_RANGE_FUNCTIONS(Row, table, index, by, flags, last __VA_OPT__(, ) __VA_ARGS__)           \
    STDB_NEEDS_ORDER(table, by, flags)                                                            \
    STDB_INLINE Row##Iter table##_filter_##by(STDB_EACH_KEY(STDB_KEY_FIRST, Row, __VA_ARGS__)     \
                                                  stdb_t__##Row##__##last last) {                 \
        StdbRange stdb_range = stdb_range__##table##__##by(                                       \
            STDB_EACH_KEY(STDB_KEY_ARGUMENT, Row, __VA_ARGS__) STDB_FROM, &last, STDB_TO, &last); \
        return (Row##Iter){                                                                       \
            stdb_scan_range(&stdb_index__##table##__##index, &stdb_range, stdb_max__##Row)};      \
    }                                                                                             \
    STDB_NEEDS_ORDER(table, by, flags)                                                            \
    STDB_INLINE uint32_t table##_delete_##by(STDB_EACH_KEY(STDB_KEY_FIRST, Row, __VA_ARGS__)      \
                                                 stdb_t__##Row##__##last last) {                  \
        StdbRange stdb_range = stdb_range__##table##__##by(                                       \
            STDB_EACH_KEY(STDB_KEY_ARGUMENT, Row, __VA_ARGS__) STDB_FROM, &last, STDB_TO, &last); \
        return stdb_delete_range(&stdb_index__##table##__##index, &stdb_range);                   \
    }

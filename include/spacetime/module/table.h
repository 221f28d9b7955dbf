// table.h - tables, indexes and the row functions that they bring.
//
//     STDB_TABLE(Person, person, PUBLIC,               // row type, table, PUBLIC or PRIVATE
//         (u64,    id,   PRIMARY_KEY, AUTO_INC),       // type, column, attributes
//         (String, name, UNIQUE),
//         (u8,     age,  INDEX),
//         (bool,   vip,  DEFAULT(false)));
//     STDB_INDEX(Person, person, by_age_name, BTREE, age, name);
//
// Attributes
//     PRIMARY_KEY     at most one column; unique
//     UNIQUE          no two rows share its value
//     INDEX           rows can be looked up by its value
//     BTREE, HASH, DIRECT   the kind of the column's index, BTREE unless said; DIRECT: for unsigned
//                     numbers without large gaps
//     AUTO_INC        a row inserted with 0 gets the next number
//     DEFAULT(value)  for rows that were there before the column was added to the module
//
// Every table
//     StdbStatus person_insert(Person *row)        fills in AUTO_INC columns; fails if a unique
//                                                  value is taken
//     bool       person_delete(const Person *row)  the row equal in all columns; false: none was
//     uint64_t   person_count(void)
//     uint64_t   person_clear(void)                how many rows went
//     PersonIter person_scan(void)                 all rows, as they are now
//     bool       person_next(PersonIter *iter, Person *ret_row)
//
//         PersonIter people = person_scan();
//         for (Person person; person_next(&people, &person);) { ... }
//
// PRIMARY_KEY and UNIQUE columns, here `name`
//     bool       person_find_by_name(String name, Person *ret_row)
//     StdbStatus person_update_by_name(Person *row)   fails if no row has this name,
//                                                     or another unique value is taken
//     StdbStatus person_insert_or_update_by_name(Person *row)
//     bool       person_delete_by_name(String name)
//     PersonIter person_range_by_name(StdbLow, String from, StdbHigh, String to)
//     uint32_t   person_delete_range_by_name(StdbLow, String from, StdbHigh, String to)
//
// INDEX columns, here `age`
//     PersonIter person_filter_by_age(u8 age)
//     PersonIter person_range_by_age(StdbLow, u8 from, StdbHigh, u8 to)
//         person_range_by_age(STDB_FROM, 18, STDB_BELOW, 65)     18 to 64
//         person_range_by_age(STDB_ABOVE, 18, STDB_NO_MAX, 0)    19 and more; also STDB_NO_MIN
//     uint32_t   person_delete_by_age(u8 age)
//     uint32_t   person_delete_range_by_age(StdbLow, u8 from, StdbHigh, u8 to)
//
// STDB_INDEX(Row, table, name, kind, columns...), named by_something: the same by all its columns,
// a range running over the last of them. With _1, _2 ... appended, by its first columns only.
//     PersonIter person_filter_by_age_name(u8 age, String name)
//     PersonIter person_range_by_age_name(u8 age, StdbLow, String from, StdbHigh, String to)
//     PersonIter person_filter_by_age_name_1(u8 age)
//     PersonIter person_range_by_age_name_1(StdbLow, u8 from, StdbHigh, u8 to)
//     (delete_by_..., delete_range_by_... likewise)
// STDB_UNIQUE(Row, table, name, kind, columns...): and no two rows share those values; find, update
// and delete_by by all.
//
// Rows and what they point to stay as they were read until the call ends, whatever happens to the
// table.
// Limits     64 columns, 8 attributes each, 6 columns an index.
#pragma once

#include "declare.h"
#include "rows.h"

// A table with a row type of its own.
#define STDB_TABLE(Row, table, access, ...) \
    STDB_STRUCT(Row, __VA_ARGS__);          \
    STDB_TABLE_OF(Row, table, access, __VA_ARGS__)

// Its rows are sent to subscribers and then forgotten.
#define STDB_EVENT_TABLE(Row, table, access, ...) \
    STDB_STRUCT(Row, __VA_ARGS__);                \
    STDB_TABLE_(Row, table, STDB_ACCESS_##access, true, __VA_ARGS__)

// A further table with the rows of another. Columns with attributes are repeated, the others need
// not be.
#define STDB_TABLE_OF(Row, table, access, ...) \
    STDB_TABLE_(Row, table, STDB_ACCESS_##access, false, __VA_ARGS__)

#define STDB_TABLE_(Row, table, table_access, table_is_event, ...)                                \
    STDB_EACH(STDB_COLUMN_CHECK, (Row, table), __VA_ARGS__)                                       \
    enum { stdb_primary__##table = 0 STDB_EACH(STDB_COLUMN_PRIMARY, (Row, table), __VA_ARGS__) }; \
    enum { stdb_primary_u64__##table = 0 STDB_EACH(STDB_COLUMN_U64, (Row, table), __VA_ARGS__) }; \
    _Static_assert(stdb_primary__##table <= 1, "table " #table ": more than one PRIMARY_KEY");    \
    _Static_assert(stdb_max__##Row > 0, "table " #table ": its rows take no bytes");              \
    static const uint16_t stdb_columns__##table[stdb_columns__##Row] = {                          \
        STDB_EACH(STDB_COLUMN_BITS, (Row, table), __VA_ARGS__)};                                  \
    static StdbTable stdb_table__##table = {                                                      \
        .name = #table,                                                                           \
        .row = &stdb_type__##Row,                                                                 \
        .columns = stdb_columns__##table,                                                         \
        .column_count = stdb_columns__##Row,                                                      \
        .access = table_access,                                                                   \
        .is_event = table_is_event,                                                               \
    };                                                                                            \
    STDB_REGISTER(tables, StdbTable, stdb_table__##table)                                         \
    STDB_INLINE void stdb_generated__##table(Row *row, StdbReader *reader) {                      \
        STDB_EACH(STDB_COLUMN_GENERATED, (Row, table), __VA_ARGS__)                               \
        if (reader->failed) stdb_row_malformed(&stdb_table__##table);                             \
    }                                                                                             \
    STDB_ROW_FUNCTIONS(Row, table)                                                                \
    STDB_EACH(STDB_COLUMN_FUNCTIONS, (Row, table), __VA_ARGS__)                                   \
    STDB_END

// ---- columns: each macro takes (Row, table) and (Type, column, attributes...) ----

#define STDB_COLUMN_CHECK(data, field) \
    STDB_CALL(STDB_COLUMN_CHECK_, STDB_NEEDS_PARENTHESES data, STDB_NEEDS_PARENTHESES field)
#define STDB_COLUMN_CHECK_(Row, table, Type, column, ...)                                          \
    enum { stdb_flags__##table##__##column = 0 STDB_EACH_IN(STDB_ATTRIBUTE_BIT, ~, __VA_ARGS__) }; \
    STDB_CHECK_COLUMN(stdb_flags__##table##__##column, stdb_class__##Type,                         \
                      #table "." #column ": ")                                                     \
    _Static_assert(__builtin_types_compatible_p(Type, stdb_t__##Row##__##column),                  \
                   #table "." #column ": not the type it has in " #Row);

#define STDB_CHECK_COLUMN(flags, type_class, name)                                              \
    _Static_assert(STDB_IS_ONE_BIT((flags) & STDB_COLUMN_KEYS),                                 \
                   name "give one of PRIMARY_KEY, UNIQUE and INDEX; a key has its index");      \
    _Static_assert(STDB_IS_ONE_BIT((flags) & STDB_COLUMN_KINDS),                                \
                   name "give one of BTREE, HASH and DIRECT");                                  \
    _Static_assert(!((flags) & STDB_COLUMN_KINDS) || ((flags) & STDB_COLUMN_KEYS),              \
                   name "BTREE, HASH and DIRECT go with PRIMARY_KEY, UNIQUE or INDEX");         \
    _Static_assert(!((flags) & STDB_COLUMN_DIRECT) || ((type_class) & STDB_CLASS_DIRECT),       \
                   name "DIRECT needs u8, u16, u32, u64 or an enum");                           \
    _Static_assert(!((flags) & STDB_COLUMN_AUTO_INC) || ((type_class) & STDB_CLASS_INTEGER),    \
                   name "AUTO_INC needs an integer");                                           \
    _Static_assert(                                                                             \
        !((flags) & STDB_COLUMN_HAS_DEFAULT) ||                                                 \
            !((flags) & (STDB_COLUMN_PRIMARY_KEY | STDB_COLUMN_UNIQUE | STDB_COLUMN_AUTO_INC)), \
        name "DEFAULT would give many rows one key");
#define STDB_IS_ONE_BIT(bits) (((bits) & ((bits) - 1)) == 0)

#define STDB_ATTRIBUTE_BIT(data, attribute) | STDB_COLUMN_##attribute

#define STDB_COLUMN_BITS(data, field) \
    STDB_CALL(STDB_COLUMN_BITS_, STDB_NEEDS_PARENTHESES data, STDB_NEEDS_PARENTHESES field, )
#define STDB_COLUMN_BITS_(Row, table, Type, column, ...) \
    [stdb_column__##Row##__##column] = stdb_flags__##table##__##column,

#define STDB_COLUMN_PRIMARY(data, field) \
    STDB_CALL(STDB_COLUMN_PRIMARY_, STDB_NEEDS_PARENTHESES data, STDB_NEEDS_PARENTHESES field, )
#define STDB_COLUMN_PRIMARY_(Row, table, Type, column, ...) \
    +((stdb_flags__##table##__##column & STDB_COLUMN_PRIMARY_KEY) != 0)

#define STDB_COLUMN_U64(data, field) \
    STDB_CALL(STDB_COLUMN_U64_, STDB_NEEDS_PARENTHESES data, STDB_NEEDS_PARENTHESES field, )
#define STDB_COLUMN_U64_(Row, table, Type, column, ...)                   \
    +((stdb_flags__##table##__##column & STDB_COLUMN_PRIMARY_KEY) != 0 && \
      ((stdb_class__##Type) & STDB_CLASS_U64) != 0)

// The host returns the numbers it made, in column order, and nothing for columns that had one.
#define STDB_COLUMN_GENERATED(data, field) \
    STDB_CALL(STDB_COLUMN_GENERATED_, STDB_NEEDS_PARENTHESES data, STDB_NEEDS_PARENTHESES field, )
#define STDB_COLUMN_GENERATED_(Row, table, Type, column, ...)                                \
    if ((stdb_flags__##table##__##column & STDB_COLUMN_AUTO_INC) != 0 && reader->left > 0 && \
        stdb_is_zero(&row->column, sizeof row->column)) {                                    \
        stdb_read__##Type(reader, &row->column);                                             \
    }

// An attribute becomes a pair of what to make of it and its value; STDB_MAKE_... below makes it.
#define STDB_COLUMN_FUNCTIONS(data, field) \
    STDB_CALL(STDB_COLUMN_FUNCTIONS_, STDB_NEEDS_PARENTHESES data, STDB_NEEDS_PARENTHESES field)
#define STDB_COLUMN_FUNCTIONS_(Row, table, Type, column, ...) \
    STDB_EACH_IN(STDB_ATTRIBUTE_MAKE, (Row, table, Type, column), __VA_ARGS__)
#define STDB_ATTRIBUTE_MAKE(data, attribute) \
    STDB_CALL_IN(STDB_ATTRIBUTE_MAKE_, STDB_NEEDS_PARENTHESES data, STDB_ATTRIBUTE_##attribute)
#define STDB_ATTRIBUTE_MAKE_(Row, table, Type, column, what, ...) \
    STDB_MAKE_##what(Row, table, Type, column, __VA_ARGS__)

#define STDB_ATTRIBUTE_PRIMARY_KEY KEY, ~
#define STDB_ATTRIBUTE_UNIQUE KEY, ~
#define STDB_ATTRIBUTE_INDEX INDEX, ~
#define STDB_ATTRIBUTE_DEFAULT(...) DEFAULT, __VA_ARGS__
#define STDB_ATTRIBUTE_BTREE NOTHING, ~
#define STDB_ATTRIBUTE_HASH NOTHING, ~
#define STDB_ATTRIBUTE_DIRECT NOTHING, ~
#define STDB_ATTRIBUTE_AUTO_INC NOTHING, ~

#define STDB_MAKE_NOTHING(Row, table, Type, column, ...)

#define STDB_MAKE_KEY(Row, table, Type, column, ...)                               \
    STDB_INDEX_OBJECT(Row, table, column, stdb_flags__##table##__##column, column) \
    STDB_KEY_FUNCTIONS(Row, table, column, by_##column, column)                    \
    STDB_RANGE_FUNCTIONS(Row, table, column, by_##column, stdb_flags__##table##__##column, column)

#define STDB_MAKE_INDEX(Row, table, Type, column, ...)                             \
    STDB_INDEX_OBJECT(Row, table, column, stdb_flags__##table##__##column, column) \
    STDB_FILTER_FUNCTIONS(Row, table, column, by_##column, column)                 \
    STDB_RANGE_FUNCTIONS(Row, table, column, by_##column, stdb_flags__##table##__##column, column)

#define STDB_MAKE_DEFAULT(Row, table, Type, column, ...)                                  \
    static StdbBytes stdb_default_encode__##table##__##column(void) {                     \
        const Type value = __VA_ARGS__;                                                   \
        uint8_t *bytes = stdb_alloc(stdb_bytes__##Type(&value));                          \
        return (StdbBytes){bytes, (uint32_t)(stdb_write__##Type(bytes, &value) - bytes)}; \
    }                                                                                     \
    static const StdbDefault stdb_default__##table##__##column = {                        \
        &stdb_table__##table, stdb_column__##Row##__##column,                             \
        stdb_default_encode__##table##__##column};                                        \
    STDB_REGISTER(defaults, StdbDefault, stdb_default__##table##__##column)

// ---- row functions ----

#define STDB_ROW_FUNCTIONS(Row, table)                                                          \
    STDB_INLINE StdbStatus table##_insert(Row *row) {                                           \
        uint32_t length = stdb_bytes__##Row(row);                                               \
        uint8_t *bytes = stdb_scratch(length);                                                  \
        stdb_write__##Row(bytes, row);                                                          \
        uint32_t error = stdb_host_insert(stdb_table_id(&stdb_table__##table), bytes, &length); \
        if (error != 0) return stdb_write_refused(&stdb_table__##table, error);                 \
        stdb_generated__##table(row, &(StdbReader){bytes, length, false});                      \
        return STDB_OK;                                                                         \
    }                                                                                           \
    STDB_INLINE uint32_t stdb_update__##table(StdbIndex *index, Row *row) {                     \
        uint32_t length = stdb_bytes__##Row(row);                                               \
        uint8_t *bytes = stdb_scratch(length);                                                  \
        stdb_write__##Row(bytes, row);                                                          \
        uint32_t table_id = stdb_table_id(&stdb_table__##table);                                \
        uint32_t error = stdb_host_update(table_id, stdb_index_id(index), bytes, &length);      \
        if (error == 0) stdb_generated__##table(row, &(StdbReader){bytes, length, false});      \
        return error;                                                                           \
    }                                                                                           \
    STDB_INLINE bool table##_delete(const Row *row) {                                           \
        uint32_t length = 4 + stdb_bytes__##Row(row);                                           \
        uint8_t *bytes = stdb_scratch(length);                                                  \
        stdb_write__##Row(stdb_write_count(bytes, 1), row);                                     \
        return stdb_delete_row(&stdb_table__##table, bytes, length);                            \
    }                                                                                           \
    STDB_INLINE uint64_t table##_count(void) {                                                  \
        return stdb_count(&stdb_table__##table);                                                \
    }                                                                                           \
    STDB_INLINE uint64_t table##_clear(void) {                                                  \
        return stdb_clear(&stdb_table__##table);                                                \
    }                                                                                           \
    STDB_INLINE Row##Iter table##_scan(void) {                                                  \
        return (Row##Iter){stdb_scan(&stdb_table__##table, stdb_max__##Row)};                   \
    }                                                                                           \
    STDB_INLINE bool table##_next(Row##Iter *iter, Row *ret_row) {                              \
        if (iter->rows.rows.left == 0 && !stdb_iter_fetch(&iter->rows)) return false;           \
        StdbReader reader = iter->rows.rows;                                                    \
        stdb_read__##Row(&reader, ret_row);                                                     \
        if (reader.failed) stdb_row_malformed(&stdb_table__##table);                            \
        iter->rows.rows = reader;                                                               \
        return true;                                                                            \
    }

#include "index.h"

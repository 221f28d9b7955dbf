// declare.h - declare a type once: C type, encoding and description.
//
//     STDB_STRUCT(Point, (i32, x), (i32, y));  { int32_t x; int32_t y; }
//     STDB_ENUM(Color, Red, Green, Blue);      Color_Red ...; Color_name(color)
//     STDB_OPTION(OptPoint, Point);            { bool has_value; Point value; }; OptPoint_some(p)
//     STDB_ARRAY(Points, Point);               { Point *items; uint32_t count; }
//     STDB_RESULT(Found, Point, String);       { bool is_err; union { Point ok; String err; }; }
//     STDB_SUM(Shape,                          { ShapeTag tag;
//         (Unit, Dot),                           union { Unit Dot;
//         (f64, Circle),                                 double Circle;
//         (Points, Polygon));                            Points Polygon; }; }    tag: Shape_Circle
//     STDB_ALIAS(Meters, f64);                 the same type by another name
//
// A type in a declaration is always one name: one of types.h or one declared before. Structs, enums
// and sums reach the database under their names, with fields and variants as written; the others
// are spelled out in place. All-zero memory is a valid value of each: no value, nothing in it, the
// first variant, an Ok.
// Limits     64 fields or variants; types do not contain themselves.
#pragma once

#include "bsatn.h"
#include "each.h"
#include "rows.h"

// Sums of maxima stay far below an int's, and anything unbounded counts as STDB_UNBOUNDED.
#define STDB_BOUND(bytes) ((bytes) < STDB_UNBOUNDED ? (bytes) : STDB_UNBOUNDED)
// Of an array or option: whether a view may return it.
#define STDB_CLASS_OF_ROWS(item_class) \
    (((item_class) & STDB_CLASS_STRUCT) != 0 ? STDB_CLASS_ROWS : 0)

// ---- structs ----

#define STDB_STRUCT(Name, ...)                                                            \
    typedef struct Name {                                                                 \
        STDB_EACH(STDB_FIELD_MEMBER, Name, __VA_ARGS__)                                   \
    } Name;                                                                               \
    typedef struct Name##Iter {                                                           \
        StdbIter rows;                                                                    \
    } Name##Iter;                                                                         \
    enum { STDB_EACH(STDB_FIELD_COLUMN, Name, __VA_ARGS__) stdb_columns__##Name };        \
    enum {                                                                                \
        stdb_max__##Name = STDB_BOUND(0 STDB_EACH(STDB_FIELD_MAX, Name, __VA_ARGS__)),    \
        stdb_class__##Name = STDB_CLASS_STRUCT                                            \
    };                                                                                    \
    static const StdbField stdb_fields__##Name[] = {                                      \
        STDB_EACH(STDB_FIELD_ENTRY, Name, __VA_ARGS__){0}};                               \
    static const StdbType stdb_type__##Name __attribute__((unused)) = {                   \
        .kind = STDB_TYPE_STRUCT, .name = #Name, .fields = stdb_fields__##Name};          \
    STDB_INLINE uint32_t stdb_bytes__##Name(const Name *value) {                          \
        return 0 STDB_EACH(STDB_FIELD_BYTES, Name, __VA_ARGS__);                          \
    }                                                                                     \
    STDB_INLINE uint8_t *stdb_write__##Name(uint8_t *at, const Name *value) {             \
        STDB_EACH(STDB_FIELD_WRITE, Name, __VA_ARGS__)                                    \
        return at;                                                                        \
    }                                                                                     \
    STDB_INLINE void stdb_read__##Name(StdbReader *reader, Name *ret_value){              \
        STDB_EACH(STDB_FIELD_READ, Name, __VA_ARGS__)} STDB_EACH(STDB_FIELD_ACCESS, Name, \
                                                                 __VA_ARGS__) STDB_END

#define STDB_FIELD_MEMBER(Row, field) \
    STDB_CALL(STDB_FIELD_MEMBER_, Row, STDB_NEEDS_PARENTHESES field, )
#define STDB_FIELD_MEMBER_(Row, Type, name, ...) Type name;
#define STDB_FIELD_COLUMN(Row, field) \
    STDB_CALL(STDB_FIELD_COLUMN_, Row, STDB_NEEDS_PARENTHESES field, )
#define STDB_FIELD_COLUMN_(Row, Type, name, ...) stdb_column__##Row##__##name,
#define STDB_FIELD_MAX(Row, field) STDB_CALL(STDB_FIELD_MAX_, Row, STDB_NEEDS_PARENTHESES field, )
#define STDB_FIELD_MAX_(Row, Type, name, ...) +stdb_max__##Type
#define STDB_FIELD_ENTRY(Row, field) \
    STDB_CALL(STDB_FIELD_ENTRY_, Row, STDB_NEEDS_PARENTHESES field, )
#define STDB_FIELD_ENTRY_(Row, Type, name, ...) {#name, &stdb_type__##Type},
#define STDB_FIELD_BYTES(Row, field) \
    STDB_CALL(STDB_FIELD_BYTES_, Row, STDB_NEEDS_PARENTHESES field, )
#define STDB_FIELD_BYTES_(Row, Type, name, ...) +stdb_bytes__##Type(&value->name)
#define STDB_FIELD_WRITE(Row, field) \
    STDB_CALL(STDB_FIELD_WRITE_, Row, STDB_NEEDS_PARENTHESES field, )
#define STDB_FIELD_WRITE_(Row, Type, name, ...) at = stdb_write__##Type(at, &value->name);
#define STDB_FIELD_READ(Row, field) STDB_CALL(STDB_FIELD_READ_, Row, STDB_NEEDS_PARENTHESES field, )
#define STDB_FIELD_READ_(Row, Type, name, ...) stdb_read__##Type(reader, &ret_value->name);

// Reaches a field's type and codec by the names of struct and field, for indexes, which name only
// columns.
#define STDB_FIELD_ACCESS(Row, field) \
    STDB_CALL(STDB_FIELD_ACCESS_, Row, STDB_NEEDS_PARENTHESES field, )
#define STDB_FIELD_ACCESS_(Row, Type, name, ...)                                       \
    typedef Type stdb_t__##Row##__##name;                                              \
    enum { stdb_class__##Row##__##name = stdb_class__##Type };                         \
    STDB_INLINE uint32_t stdb_bytes__##Row##__##name(const Type *value) {              \
        return stdb_bytes__##Type(value);                                              \
    }                                                                                  \
    STDB_INLINE uint8_t *stdb_write__##Row##__##name(uint8_t *at, const Type *value) { \
        return stdb_write__##Type(at, value);                                          \
    }                                                                                  \
    STDB_INLINE void stdb_read__##Row##__##name(StdbReader *reader, Type *ret_value) { \
        stdb_read__##Type(reader, ret_value);                                          \
    }

// ---- enums ----

#define STDB_ENUM(Name, ...)                                                                  \
    typedef enum Name { STDB_EACH(STDB_ENUMERATOR, Name, __VA_ARGS__) } Name;                 \
    enum { STDB_EACH(STDB_ENUM_VARIANT, Name, __VA_ARGS__) stdb_variants__##Name };           \
    enum { stdb_max__##Name = 1, stdb_class__##Name = STDB_CLASS_DIRECT };                    \
    static const StdbField stdb_fields__##Name[] = {                                          \
        STDB_EACH(STDB_ENUM_ENTRY, Name, __VA_ARGS__){0}};                                    \
    static const StdbType stdb_type__##Name __attribute__((unused)) = {                       \
        .kind = STDB_TYPE_SUM, .name = #Name, .fields = stdb_fields__##Name};                 \
    STDB_INLINE const char *Name##_name(Name value) {                                         \
        if ((uint32_t)value >= stdb_variants__##Name) stdb_bad_tag(#Name, (uint32_t)value);   \
        return stdb_fields__##Name[value].name;                                               \
    }                                                                                         \
    STDB_INLINE uint32_t stdb_bytes__##Name(const Name *value) {                              \
        (void)value;                                                                          \
        return 1;                                                                             \
    }                                                                                         \
    STDB_INLINE uint8_t *stdb_write__##Name(uint8_t *at, const Name *value) {                 \
        if ((uint32_t)*value >= stdb_variants__##Name) stdb_bad_tag(#Name, (uint32_t)*value); \
        *at = (uint8_t)*value;                                                                \
        return at + 1;                                                                        \
    }                                                                                         \
    STDB_INLINE void stdb_read__##Name(StdbReader *reader, Name *ret_value) {                 \
        *ret_value = (Name)stdb_reader_tag(reader, stdb_variants__##Name);                    \
    }                                                                                         \
    STDB_END

#define STDB_ENUMERATOR(Name, variant) Name##_##variant,
#define STDB_ENUM_VARIANT(Name, variant) stdb_variant__##Name##__##variant,
#define STDB_ENUM_ENTRY(Name, variant) {#variant, &stdb_type__StdbUnit},

// ---- sums ----

#define STDB_SUM(Name, ...)                                                         \
    typedef enum Name##Tag{STDB_EACH(STDB_SUM_TAG, Name, __VA_ARGS__)} Name##Tag;   \
    enum { STDB_EACH(STDB_SUM_VARIANT, Name, __VA_ARGS__) stdb_variants__##Name };  \
    typedef struct Name {                                                           \
        Name##Tag tag;                                                              \
        union {                                                                     \
            STDB_EACH(STDB_FIELD_MEMBER, Name, __VA_ARGS__)                         \
        };                                                                          \
    } Name;                                                                         \
    union stdb_largest__##Name {                                                    \
        STDB_EACH(STDB_SUM_LARGEST, Name, __VA_ARGS__)                              \
    };                                                                              \
    enum {                                                                          \
        stdb_max__##Name = STDB_BOUND((int)sizeof(union stdb_largest__##Name)),     \
        stdb_class__##Name = 0                                                      \
    };                                                                              \
    static const StdbField stdb_fields__##Name[] = {                                \
        STDB_EACH(STDB_FIELD_ENTRY, Name, __VA_ARGS__){0}};                         \
    static const StdbType stdb_type__##Name __attribute__((unused)) = {             \
        .kind = STDB_TYPE_SUM, .name = #Name, .fields = stdb_fields__##Name};       \
    STDB_INLINE uint32_t stdb_bytes__##Name(const Name *value) {                    \
        switch (value->tag) { STDB_EACH(STDB_SUM_BYTES, Name, __VA_ARGS__) }        \
        stdb_bad_tag(#Name, (uint32_t)value->tag);                                  \
    }                                                                               \
    STDB_INLINE uint8_t *stdb_write__##Name(uint8_t *at, const Name *value) {       \
        *at++ = (uint8_t)value->tag;                                                \
        switch (value->tag) { STDB_EACH(STDB_SUM_WRITE, Name, __VA_ARGS__) }        \
        stdb_bad_tag(#Name, (uint32_t)value->tag);                                  \
    }                                                                               \
    STDB_INLINE void stdb_read__##Name(StdbReader *reader, Name *ret_value) {       \
        ret_value->tag = (Name##Tag)stdb_reader_tag(reader, stdb_variants__##Name); \
        switch (ret_value->tag) { STDB_EACH(STDB_SUM_READ, Name, __VA_ARGS__) }     \
    }                                                                               \
    STDB_END

#define STDB_SUM_TAG(Name, field) STDB_CALL(STDB_SUM_TAG_, Name, STDB_NEEDS_PARENTHESES field, )
#define STDB_SUM_TAG_(Name, Type, variant, ...) Name##_##variant,
#define STDB_SUM_VARIANT(Name, field) \
    STDB_CALL(STDB_SUM_VARIANT_, Name, STDB_NEEDS_PARENTHESES field, )
#define STDB_SUM_VARIANT_(Name, Type, variant, ...) stdb_variant__##Name##__##variant,
#define STDB_SUM_LARGEST(Name, field) \
    STDB_CALL(STDB_SUM_LARGEST_, Name, STDB_NEEDS_PARENTHESES field, )
#define STDB_SUM_LARGEST_(Name, Type, variant, ...) char variant[1 + stdb_max__##Type];
#define STDB_SUM_BYTES(Name, field) STDB_CALL(STDB_SUM_BYTES_, Name, STDB_NEEDS_PARENTHESES field, )
#define STDB_SUM_BYTES_(Name, Type, variant, ...) \
    case Name##_##variant: return 1 + stdb_bytes__##Type(&value->variant);
#define STDB_SUM_WRITE(Name, field) STDB_CALL(STDB_SUM_WRITE_, Name, STDB_NEEDS_PARENTHESES field, )
#define STDB_SUM_WRITE_(Name, Type, variant, ...) \
    case Name##_##variant: return stdb_write__##Type(at, &value->variant);
#define STDB_SUM_READ(Name, field) STDB_CALL(STDB_SUM_READ_, Name, STDB_NEEDS_PARENTHESES field, )
#define STDB_SUM_READ_(Name, Type, variant, ...) \
    case Name##_##variant: stdb_read__##Type(reader, &ret_value->variant); break;

// ---- options and results ----

#define STDB_OPTION(Name, Type) STDB_CALL(STDB_OPTION_, Name, Type)
#define STDB_OPTION_(Name, Type)                                                             \
    typedef struct Name {                                                                    \
        bool has_value;                                                                      \
        Type value;                                                                          \
    } Name;                                                                                  \
    STDB_INLINE Name Name##_some(Type value) {                                               \
        return (Name){true, value};                                                          \
    }                                                                                        \
    STDB_INLINE Name Name##_none(void) {                                                     \
        return (Name){0};                                                                    \
    }                                                                                        \
    enum { stdb_max__##Name = STDB_BOUND(1 + stdb_max__##Type) };                            \
    enum { stdb_class__##Name = STDB_CLASS_OF_ROWS(stdb_class__##Type) };                    \
    static const StdbField stdb_fields__##Name[] = {                                         \
        {"some", &stdb_type__##Type}, {"none", &stdb_type__StdbUnit}, {0}};                  \
    static const StdbType stdb_type__##Name                                                  \
        __attribute__((unused)) = {.kind = STDB_TYPE_CHOICE, .fields = stdb_fields__##Name}; \
    STDB_INLINE uint32_t stdb_bytes__##Name(const Name *value) {                             \
        return value->has_value ? 1 + stdb_bytes__##Type(&value->value) : 1;                 \
    }                                                                                        \
    STDB_INLINE uint8_t *stdb_write__##Name(uint8_t *at, const Name *value) {                \
        *at++ = value->has_value ? 0 : 1;                                                    \
        return value->has_value ? stdb_write__##Type(at, &value->value) : at;                \
    }                                                                                        \
    STDB_INLINE void stdb_read__##Name(StdbReader *reader, Name *ret_value) {                \
        *ret_value = (Name){0};                                                              \
        ret_value->has_value = stdb_reader_tag(reader, 2) == 0;                              \
        if (ret_value->has_value) stdb_read__##Type(reader, &ret_value->value);              \
    }                                                                                        \
    STDB_END

// `is_err` rather than is_ok, so that zeroed memory is an Ok.
#define STDB_RESULT(Name, Ok, Err) STDB_CALL(STDB_RESULT_, Name, Ok, Err)
#define STDB_RESULT_(Name, Ok, Err)                                                             \
    typedef struct Name {                                                                       \
        bool is_err;                                                                            \
        union {                                                                                 \
            Ok ok;                                                                              \
            Err err;                                                                            \
        };                                                                                      \
    } Name;                                                                                     \
    STDB_INLINE Name Name##_ok(Ok ok) {                                                         \
        return (Name){false, .ok = ok};                                                         \
    }                                                                                           \
    STDB_INLINE Name Name##_err(Err err) {                                                      \
        return (Name){true, .err = err};                                                        \
    }                                                                                           \
    enum {                                                                                      \
        stdb_max__##Name = STDB_BOUND(1 + (stdb_max__##Ok > (int)stdb_max__##Err                \
                                               ? (int)stdb_max__##Ok                            \
                                               : (int)stdb_max__##Err)),                        \
        stdb_class__##Name = 0                                                                  \
    };                                                                                          \
    static const StdbField stdb_fields__##Name[] = {                                            \
        {"ok", &stdb_type__##Ok}, {"err", &stdb_type__##Err}, {0}};                             \
    static const StdbType stdb_type__##Name                                                     \
        __attribute__((unused)) = {.kind = STDB_TYPE_CHOICE, .fields = stdb_fields__##Name};    \
    STDB_INLINE uint32_t stdb_bytes__##Name(const Name *value) {                                \
        return 1 +                                                                              \
               (value->is_err ? stdb_bytes__##Err(&value->err) : stdb_bytes__##Ok(&value->ok)); \
    }                                                                                           \
    STDB_INLINE uint8_t *stdb_write__##Name(uint8_t *at, const Name *value) {                   \
        *at++ = value->is_err ? 1 : 0;                                                          \
        return value->is_err ? stdb_write__##Err(at, &value->err)                               \
                             : stdb_write__##Ok(at, &value->ok);                                \
    }                                                                                           \
    STDB_INLINE void stdb_read__##Name(StdbReader *reader, Name *ret_value) {                   \
        ret_value->is_err = stdb_reader_tag(reader, 2) == 1;                                    \
        if (ret_value->is_err)                                                                  \
            stdb_read__##Err(reader, &ret_value->err);                                          \
        else                                                                                    \
            stdb_read__##Ok(reader, &ret_value->ok);                                            \
    }                                                                                           \
    STDB_END

// ---- arrays ----

#define STDB_ARRAY(Name, Type) STDB_CALL(STDB_ARRAY_, Name, Type)
#define STDB_ARRAY_(Name, Type)                                                                    \
    _Static_assert(stdb_max__##Type > 0, "array " #Name ": its items take no bytes");              \
    typedef struct Name {                                                                          \
        Type *items;                                                                               \
        uint32_t count;                                                                            \
    } Name;                                                                                        \
    enum { stdb_max__##Name = STDB_UNBOUNDED };                                                    \
    enum { stdb_class__##Name = STDB_CLASS_OF_ROWS(stdb_class__##Type) };                          \
    static const StdbType stdb_type__##Name                                                        \
        __attribute__((unused)) = {.kind = STDB_TYPE_ARRAY, .of = &stdb_type__##Type};             \
    STDB_INLINE uint32_t stdb_bytes__##Name(const Name *value) {                                   \
        uint32_t bytes = 4;                                                                        \
        for (uint32_t i = 0; i < value->count; i++) bytes += stdb_bytes__##Type(&value->items[i]); \
        return bytes;                                                                              \
    }                                                                                              \
    STDB_INLINE uint8_t *stdb_write__##Name(uint8_t *at, const Name *value) {                      \
        at = stdb_write_count(at, value->count);                                                   \
        for (uint32_t i = 0; i < value->count; i++) at = stdb_write__##Type(at, &value->items[i]); \
        return at;                                                                                 \
    }                                                                                              \
    STDB_INLINE void stdb_read__##Name(StdbReader *reader, Name *ret_value) {                      \
        ret_value->count = stdb_reader_count(reader);                                              \
        ret_value->items = STDB_NEW(Type, ret_value->count);                                       \
        for (uint32_t i = 0; i < ret_value->count; i++) {                                          \
            stdb_read__##Type(reader, &ret_value->items[i]);                                       \
        }                                                                                          \
    }                                                                                              \
    STDB_END

// ---- aliases ----

#define STDB_ALIAS(Alias, Type) STDB_CALL(STDB_ALIAS_, Alias, Type)
#define STDB_ALIAS_(Alias, Type)                                                             \
    typedef Type Alias;                                                                      \
    enum { stdb_max__##Alias = stdb_max__##Type, stdb_class__##Alias = stdb_class__##Type }; \
    static const StdbType stdb_type__##Alias                                                 \
        __attribute__((unused)) = {.kind = STDB_TYPE_ALIAS, .of = &stdb_type__##Type};       \
    STDB_INLINE uint32_t stdb_bytes__##Alias(const Type *value) {                            \
        return stdb_bytes__##Type(value);                                                    \
    }                                                                                        \
    STDB_INLINE uint8_t *stdb_write__##Alias(uint8_t *at, const Type *value) {               \
        return stdb_write__##Type(at, value);                                                \
    }                                                                                        \
    STDB_INLINE void stdb_read__##Alias(StdbReader *reader, Type *ret_value) {               \
        stdb_read__##Type(reader, ret_value);                                                \
    }                                                                                        \
    STDB_END

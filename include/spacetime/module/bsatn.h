// bsatn.h - bytes to values and back, and what a type must bring to take part.
//
// A type T that columns and arguments may have brings six names; the declarations of declare.h make
// them:
//
//     enum { stdb_max__T };                                most bytes it takes, or STDB_UNBOUNDED
//     enum { stdb_class__T };                              StdbClass bits
//     const StdbType stdb_type__T;                         its description
//     uint32_t stdb_bytes__T(const T *value);              bytes this value takes
//     uint8_t *stdb_write__T(uint8_t *at, const T *value); writes them, returns the end
//     void stdb_read__T(StdbReader *reader, T *ret_value); reads them
//
// A value is measured first and then written into room that is known to suffice; for types of fixed
// size the compiler folds the measuring away. Reading checks bounds, and its failure sticks until
// somebody asks.
// Format     BSATN; integers are little-endian as wasm's memory is, so they are copied as they are.
#pragma once

#include "types.h"

typedef struct StdbReader {
    uint8_t *at;  // reading a string moves it one byte forward, to make room for its zero byte
    uint32_t left;
    bool failed;
} StdbReader;

// Strings and arrays have no bound. Small enough that sums of it fit an int.
enum { STDB_UNBOUNDED = 1 << 20 };

typedef enum StdbClass {
    STDB_CLASS_INTEGER = 1,      // AUTO_INC may number it
    STDB_CLASS_DIRECT = 2,       // a DIRECT index may hold it
    STDB_CLASS_U64 = 4,          // the key of a scheduled table
    STDB_CLASS_SCHEDULE_AT = 8,  // the time of a scheduled table
    STDB_CLASS_STRUCT = 16,      // declared by STDB_STRUCT: rows may be it
    STDB_CLASS_ROWS = 32,        // an array or option of a struct, or a query: views may return it
} StdbClass;

typedef enum StdbTypeKind {
    // Values of the database's own type tags.
    STDB_TYPE_ARRAY = 3,
    STDB_TYPE_STRING = 4,
    STDB_TYPE_BOOL = 5,
    STDB_TYPE_I8 = 6,
    STDB_TYPE_U8 = 7,
    STDB_TYPE_I16 = 8,
    STDB_TYPE_U16 = 9,
    STDB_TYPE_I32 = 10,
    STDB_TYPE_U32 = 11,
    STDB_TYPE_I64 = 12,
    STDB_TYPE_U64 = 13,
    STDB_TYPE_I128 = 14,
    STDB_TYPE_U128 = 15,
    STDB_TYPE_I256 = 16,
    STDB_TYPE_U256 = 17,
    STDB_TYPE_F32 = 18,
    STDB_TYPE_F64 = 19,
    // Ours: each becomes one of the tags Ref, Sum and Product.
    STDB_TYPE_STRUCT,   // a declared product: its fields, by its name
    STDB_TYPE_SUM,      // a declared sum: its fields are the variants
    STDB_TYPE_SPECIAL,  // an undeclared product of its fields: Identity, Timestamp, Unit
    STDB_TYPE_CHOICE,   // an undeclared sum of its fields: options, results, ScheduleAt
    STDB_TYPE_ALIAS,    // another name for `of`
} StdbTypeKind;

typedef struct StdbType StdbType;

typedef struct StdbField {
    const char *name;  // NULL ends a list of fields
    const StdbType *type;
} StdbField;

struct StdbType {
    StdbTypeKind kind;
    const char *name;         // of STRUCT and SUM
    const StdbField *fields;  // of STRUCT, SUM, SPECIAL and CHOICE
    const StdbType *of;       // of ARRAY and ALIAS
};

// Whether `count` bytes are left. If not, the reader has failed and has none.
STDB_INLINE bool stdb_reader_has(StdbReader *reader, uint32_t count) {
    if (reader->left >= count) return true;
    reader->failed = true;
    reader->left = 0;
    return false;
}

// The next `count` bytes, or NULL after a failure.
STDB_INLINE uint8_t *stdb_reader_take(StdbReader *reader, uint32_t count) {
    if (!stdb_reader_has(reader, count)) return NULL;
    uint8_t *at = reader->at;
    reader->at += count;
    reader->left -= count;
    return at;
}

STDB_INLINE uint8_t stdb_reader_byte(StdbReader *reader) {
    return stdb_reader_has(reader, 1) ? *stdb_reader_take(reader, 1) : 0;
}

// A tag below `count`; 0 after a failure.
STDB_INLINE uint8_t stdb_reader_tag(StdbReader *reader, uint32_t count) {
    uint8_t tag = stdb_reader_byte(reader);
    if (tag < count) return tag;
    reader->failed = true;
    return 0;
}

// An element count, believed only if that many bytes are left; 0 after a failure.
STDB_INLINE uint32_t stdb_reader_count(StdbReader *reader) {
    uint32_t count = 0;
    if (stdb_reader_has(reader, sizeof count)) {
        __builtin_memcpy(&count, stdb_reader_take(reader, sizeof count), sizeof count);
    }
    if (count <= reader->left) return count;
    reader->failed = true;
    return 0;
}

STDB_INLINE uint8_t *stdb_write_count(uint8_t *at, uint32_t count) {
    __builtin_memcpy(at, &count, sizeof count);
    return at + sizeof count;
}

// The parts too long to repeat in every module's code.
uint8_t *stdb_write_blob(uint8_t *at, const void *data, uint32_t count);
void stdb_read_string(StdbReader *reader, StdbString *ret_string);
void stdb_read_bytes(StdbReader *reader, StdbBytes *ret_bytes);
_Noreturn void stdb_bad_tag(const char *type, uint32_t tag);

// ---- scalars: their bytes are their memory ----

// Type    how it is spelled; Tokens: how it is pasted into names; kind, class: see above
#define STDB_SCALAR(Type, Tokens, type_kind, type_class)                                       \
    enum { stdb_max__##Tokens = sizeof(Type), stdb_class__##Tokens = (type_class) };           \
    static const StdbType stdb_type__##Tokens __attribute__((unused)) = {.kind = (type_kind)}; \
    STDB_SCALAR_CODEC(Type, Tokens)

// An undeclared product of one element, known to every client by the element's name.
#define STDB_SPECIAL(Type, element, element_type)                                                \
    enum { stdb_max__##Type = sizeof(Type), stdb_class__##Type = 0 };                            \
    static const StdbField stdb_fields__##Type[] = {{element, &stdb_type__##element_type}, {0}}; \
    static const StdbType stdb_type__##Type                                                      \
        __attribute__((unused)) = {.kind = STDB_TYPE_SPECIAL, .fields = stdb_fields__##Type};    \
    STDB_SCALAR_CODEC(Type, Type)

#define STDB_SCALAR_CODEC(Type, Tokens)                                         \
    STDB_INLINE uint32_t stdb_bytes__##Tokens(const Type *value) {              \
        return sizeof *value;                                                   \
    }                                                                           \
    STDB_INLINE uint8_t *stdb_write__##Tokens(uint8_t *at, const Type *value) { \
        __builtin_memcpy(at, value, sizeof *value);                             \
        return at + sizeof *value;                                              \
    }                                                                           \
    STDB_INLINE void stdb_read__##Tokens(StdbReader *reader, Type *ret_value) { \
        if (!stdb_reader_has(reader, sizeof *ret_value)) {                      \
            __builtin_memset(ret_value, 0, sizeof *ret_value);                  \
            return;                                                             \
        }                                                                       \
        __builtin_memcpy(ret_value, reader->at, sizeof *ret_value);             \
        reader->at += sizeof *ret_value;                                        \
        reader->left -= sizeof *ret_value;                                      \
    }

STDB_SCALAR(int8_t, int8_t, STDB_TYPE_I8, STDB_CLASS_INTEGER)
STDB_SCALAR(uint8_t, uint8_t, STDB_TYPE_U8, STDB_CLASS_INTEGER | STDB_CLASS_DIRECT)
STDB_SCALAR(int16_t, int16_t, STDB_TYPE_I16, STDB_CLASS_INTEGER)
STDB_SCALAR(uint16_t, uint16_t, STDB_TYPE_U16, STDB_CLASS_INTEGER | STDB_CLASS_DIRECT)
STDB_SCALAR(int32_t, int32_t, STDB_TYPE_I32, STDB_CLASS_INTEGER)
STDB_SCALAR(uint32_t, uint32_t, STDB_TYPE_U32, STDB_CLASS_INTEGER | STDB_CLASS_DIRECT)
STDB_SCALAR(int64_t, int64_t, STDB_TYPE_I64, STDB_CLASS_INTEGER)
STDB_SCALAR(uint64_t, uint64_t, STDB_TYPE_U64,
            STDB_CLASS_INTEGER | STDB_CLASS_DIRECT | STDB_CLASS_U64)
STDB_SCALAR(StdbI128, StdbI128, STDB_TYPE_I128, STDB_CLASS_INTEGER)
STDB_SCALAR(StdbU128, StdbU128, STDB_TYPE_U128, STDB_CLASS_INTEGER)
STDB_SCALAR(StdbI256, StdbI256, STDB_TYPE_I256, STDB_CLASS_INTEGER)
STDB_SCALAR(StdbU256, StdbU256, STDB_TYPE_U256, STDB_CLASS_INTEGER)
STDB_SCALAR(float, float, STDB_TYPE_F32, 0)
STDB_SCALAR(double, double, STDB_TYPE_F64, 0)

STDB_SPECIAL(StdbIdentity, "__identity__", StdbU256)
STDB_SPECIAL(StdbConnectionId, "__connection_id__", StdbU128)
STDB_SPECIAL(StdbUuid, "__uuid__", StdbU128)
STDB_SPECIAL(StdbTimestamp, "__timestamp_micros_since_unix_epoch__", int64_t)
STDB_SPECIAL(StdbDuration, "__time_duration_micros__", int64_t)

// ---- bool: `bool` is a macro before C23, so both its spellings can reach the pasting ----

#define STDB_BOOL(Tokens)                                                                         \
    enum { stdb_max__##Tokens = 1, stdb_class__##Tokens = 0 };                                    \
    static const StdbType stdb_type__##Tokens __attribute__((unused)) = {.kind = STDB_TYPE_BOOL}; \
    STDB_INLINE uint32_t stdb_bytes__##Tokens(const _Bool *value) {                               \
        return sizeof *value;                                                                     \
    }                                                                                             \
    STDB_INLINE uint8_t *stdb_write__##Tokens(uint8_t *at, const _Bool *value) {                  \
        *at = *value ? 1 : 0;                                                                     \
        return at + 1;                                                                            \
    }                                                                                             \
    STDB_INLINE void stdb_read__##Tokens(StdbReader *reader, _Bool *ret_value) {                  \
        *ret_value = stdb_reader_tag(reader, 2) == 1;                                             \
    }
STDB_BOOL(_Bool)
#pragma push_macro("bool")
#undef bool
STDB_BOOL(bool)
#pragma pop_macro("bool")

// ---- unit, strings, bytes, schedule times ----

enum { stdb_max__StdbUnit = 0, stdb_class__StdbUnit = 0 };
static const StdbField stdb_fields__StdbUnit[] = {{0}};
static const StdbType stdb_type__StdbUnit = {.kind = STDB_TYPE_SPECIAL,
                                             .fields = stdb_fields__StdbUnit};
STDB_INLINE uint32_t stdb_bytes__StdbUnit(const StdbUnit *value) {
    (void)value;
    return 0;
}
STDB_INLINE uint8_t *stdb_write__StdbUnit(uint8_t *at, const StdbUnit *value) {
    (void)value;
    return at;
}
STDB_INLINE void stdb_read__StdbUnit(StdbReader *reader, StdbUnit *ret_value) {
    (void)reader;
    ret_value->nothing = 0;
}

enum { stdb_max__StdbString = STDB_UNBOUNDED, stdb_class__StdbString = 0 };
static const StdbType stdb_type__StdbString __attribute__((unused)) = {.kind = STDB_TYPE_STRING};
STDB_INLINE uint32_t stdb_bytes__StdbString(const StdbString *value) {
    return 4 + value->length;
}
STDB_INLINE uint8_t *stdb_write__StdbString(uint8_t *at, const StdbString *value) {
    return stdb_write_blob(at, value->data, value->length);
}
STDB_INLINE void stdb_read__StdbString(StdbReader *reader, StdbString *ret_value) {
    stdb_read_string(reader, ret_value);
}

enum { stdb_max__StdbBytes = STDB_UNBOUNDED, stdb_class__StdbBytes = 0 };
static const StdbType stdb_type__StdbBytes
    __attribute__((unused)) = {.kind = STDB_TYPE_ARRAY, .of = &stdb_type__uint8_t};
STDB_INLINE uint32_t stdb_bytes__StdbBytes(const StdbBytes *value) {
    return 4 + value->count;
}
STDB_INLINE uint8_t *stdb_write__StdbBytes(uint8_t *at, const StdbBytes *value) {
    return stdb_write_blob(at, value->data, value->count);
}
STDB_INLINE void stdb_read__StdbBytes(StdbReader *reader, StdbBytes *ret_value) {
    stdb_read_bytes(reader, ret_value);
}

enum { stdb_max__StdbScheduleAt = 9, stdb_class__StdbScheduleAt = STDB_CLASS_SCHEDULE_AT };
static const StdbField stdb_fields__StdbScheduleAt[] = {
    {"Interval", &stdb_type__StdbDuration}, {"Time", &stdb_type__StdbTimestamp}, {0}};
static const StdbType stdb_type__StdbScheduleAt
    __attribute__((unused)) = {.kind = STDB_TYPE_CHOICE, .fields = stdb_fields__StdbScheduleAt};
STDB_INLINE uint32_t stdb_bytes__StdbScheduleAt(const StdbScheduleAt *value) {
    (void)value;
    return 9;
}
STDB_INLINE uint8_t *stdb_write__StdbScheduleAt(uint8_t *at, const StdbScheduleAt *value) {
    *at++ = value->tag == STDB_SCHEDULE_INTERVAL ? 0 : 1;
    int64_t micros = value->tag == STDB_SCHEDULE_INTERVAL ? value->interval.micros
                                                          : value->time.micros;
    return stdb_write__int64_t(at, &micros);
}
STDB_INLINE void stdb_read__StdbScheduleAt(StdbReader *reader, StdbScheduleAt *ret_value) {
    int64_t micros;
    uint8_t tag = stdb_reader_tag(reader, 2);
    stdb_read__int64_t(reader, &micros);
    *ret_value = tag == 0 ? stdb_every((StdbDuration){micros}) : stdb_at((StdbTimestamp){micros});
}

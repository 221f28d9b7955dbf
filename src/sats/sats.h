// sats.h - the type system: types, and operations on values that are always their BSATN bytes.
//
// A value never has a form of its own here: rows, arguments and keys are BSATN, and each operation
// walks the bytes by their type.
//
// Threads    types are immutable once built and may be shared; functions hold no state.
// Lifetime   a Type lives in the arena it was decoded into or built in.
// Limits     SATS_* and JSON_DEPTH_MAX in base/limits.h.
// Format     spec: sats.md 1-8; docs/formats.md.
#pragma once

#include "base/arena.h"
#include "base/hash.h"
#include "base/reader.h"
#include "base/status.h"

// ---- types ----

// The order is the BSATN tag.
typedef enum TypeKind {
    TYPE_REF,
    TYPE_SUM,
    TYPE_PRODUCT,
    TYPE_ARRAY,
    TYPE_STRING,
    TYPE_BOOL,
    TYPE_I8,
    TYPE_U8,
    TYPE_I16,
    TYPE_U16,
    TYPE_I32,
    TYPE_U32,
    TYPE_I64,
    TYPE_U64,
    TYPE_I128,
    TYPE_U128,
    TYPE_I256,
    TYPE_U256,
    TYPE_F32,
    TYPE_F64,
    TYPE_KIND_COUNT,
} TypeKind;

// Structural types that are recognised by exact names, order and inner types (sats.md 2). Never
// through a Ref.
typedef enum TypeSpecial {
    SPECIAL_NONE,
    SPECIAL_IDENTITY,
    SPECIAL_CONNECTION_ID,
    SPECIAL_TIMESTAMP,
    SPECIAL_TIME_DURATION,
    SPECIAL_UUID,
    SPECIAL_OPTION,
    SPECIAL_RESULT,
    SPECIAL_SCHEDULE_AT,
    SPECIAL_QUERY,  // product {__query__: Ref}: only as a view's return type
} TypeSpecial;

typedef struct Type Type;

// An element of a product or a variant of a sum.
typedef struct TypeField {
    Bytes name;  // data == NULL: no name
    const Type *type;
} TypeField;

#define TYPE_BYTES_VARIABLE UINT32_MAX

struct Type {
    TypeKind kind;
    TypeSpecial special;
    // BSATN bytes of every value, or TYPE_BYTES_VARIABLE (sats.md 3.4). Refs: variable unless
    // resolved.
    uint32_t fixed_bytes;
    // Every byte string of fixed_bytes is a valid value (no bool, no sum, no string): no walk is
    // needed.
    bool is_plain;
    union {
        uint32_t ref;         // TYPE_REF
        const Type *element;  // TYPE_ARRAY
        struct {              // TYPE_PRODUCT, TYPE_SUM
            const TypeField *fields;
            uint32_t field_count;
        };
    };
};

typedef struct Typespace {
    const Type **types;
    uint32_t count;
} Typespace;
#define TYPESPACE_NONE ((const Typespace *)NULL)

// The shared node of a kind without payload (TYPE_STRING ... TYPE_F64).
const Type *type_primitive(TypeKind kind);
const Type *type_unit(void);
const Type *type_special(TypeSpecial special);  // IDENTITY ... UUID and SCHEDULE_AT
const Type *type_ref(Arena *arena, uint32_t ref);
const Type *type_array(Arena *arena, const Type *element);
const Type *type_option(Arena *arena, const Type *some);
// Copies the field array (names and types are borrowed); fills in the derived fields.
const Type *type_product(Arena *arena, const TypeField *fields, uint32_t count);
const Type *type_sum(Arena *arena, const TypeField *fields, uint32_t count);

// BSATN of types; a failed reader answers NULL. Names are copied into the arena, of which
// outside input may fill three quarters. Limits: SATS_DEPTH_MAX, SATS_TYPE_NODES_MAX.
const Type *type_read(Reader *reader, Arena *arena);
void type_write(Buffer *buffer, const Type *type);
bool typespace_read(Reader *reader, Arena *arena, Typespace *ret_typespace);
void typespace_write(Buffer *buffer, const Typespace *typespace);
// {"U32":[]} and so on (sats.md 1.4).
void type_write_json(Buffer *buffer, const Type *type);
// "(id: U64, name: String)": error texts (sats.md 1.6).
void type_write_text(Buffer *buffer, const Type *type);

bool type_equal(const Type *a, const Type *b);
// A sum with at least one variant, all unit.
bool type_is_simple_enum(const Type *type);
bool type_is_integer(const Type *type);
bool type_is_bytes(const Type *type);  // Array<U8>
bool type_is_unit(const Type *type);
// Follows Refs until something else; NULL if out of range or going in circles.
const Type *type_deref(const Typespace *typespace, const Type *type);
// A copy with every Ref replaced by its target; parts without Refs are shared. STATUS_INVALID for
// dangling and recursive ones (sats.md 1.5), STATUS_LIMIT past SATS_RESOLVED_NODES_MAX nodes.
Status type_resolve(const Typespace *typespace, const Type *type, Arena *arena,
                    const Type **ret_type, Error *error);
// Size and alignment in upstream's row layout (sats.md 8); the type must be resolved.
void type_layout(const Type *type, uint32_t *ret_size, uint32_t *ret_align);

// ---- BSATN values ----

// Checks one value and moves past it; on failure the reader has failed too. Texts of sats.md 3.3.
// typespace may be TYPESPACE_NONE for resolved types. Cost: a comparison for plain types.
Status bsatn_check(const Typespace *typespace, const Type *type, Reader *reader, Error *error);
// Bytes of the value at `at`, which was checked before. No Refs.
uint32_t bsatn_size(const Type *type, const uint8_t *at);

// Value order (sats.md 5): floats total, -0 = +0, all NaN equal. Both were checked. No Refs.
// Returns <0, 0, >0.
int value_compare(const Type *type, const uint8_t *a, const uint8_t *b);
// Equal values (value_compare == 0) hash alike; seeded per process.
uint64_t value_hash(const Type *type, const uint8_t *at);
// Numeric zero of an integer type.
bool value_is_zero(const Type *type, const uint8_t *at);
// Writes the low bytes of an i128 as an integer of that type.
void value_write_integer(const Type *type, __int128 value, uint8_t *at);

// ---- JSON ----

typedef enum JsonShape {
    JSON_UNTYPED,     // products as arrays, sums as [tag,payload]: /sql rows, results, arguments
    JSON_TYPED,       // objects by name, unit {}: values written together with their type
    JSON_DERIVED,     // as typed, but the unit payload of a sum is []: definitions, v1 messages
    JSON_ROW_OBJECT,  // v1.json rows from storage: products objects, sums untyped (sats.md 4.4)
} JsonShape;

// Appends the value at `at` and returns the place behind it. The value was checked. Refs are
// followed. A product with unnamed elements is an array in every shape.
const uint8_t *json_write_value(Buffer *buffer, const Typespace *typespace, const Type *type,
                                const uint8_t *at, JsonShape shape);
// Appends a JSON string with sats.md 4.1's escapes.
void json_write_string(Buffer *buffer, Bytes text);
void json_write_f64(Buffer *buffer, double value);  // sats.md 4.2
void json_write_f32(Buffer *buffer, float value);
void json_write_u128(Buffer *buffer, unsigned __int128 value);
void json_write_i128(Buffer *buffer, __int128 value);
// "0x..." without leading zeros, quoted.
void json_write_u256_hex(Buffer *buffer, const uint8_t *at);

// What the names in an error text are called: "field" of a value, "reducer argument" of arguments.
typedef enum JsonNames { JSON_NAMES_VALUE, JSON_NAMES_ARGUMENTS } JsonNames;

typedef struct JsonReadOptions {
    JsonNames names;
    Bytes function;  // for arguments: the function's name in error texts
} JsonReadOptions;

// Parses the whole text as one value of the type (leniency of sats.md 4.5) and appends its BSATN,
// which is in part there after a failure. text is checked to be UTF-8. On failure the text is
// upstream's, and ret_path (may be NULL) gets the path of the failing value ("[0].pos.x", the root
// is "."); it gets nothing when the value was read and something follows it: upstream's texts then
// have the error in the path's place. STATUS_LIMIT if `bsatn` was full.
Status json_read_value(Bytes text, const Typespace *typespace, const Type *type,
                       JsonReadOptions options, Buffer *bsatn, Buffer *ret_path, Error *error);

// ---- text ----

// As `spacetime sql` shows a cell (sats.md 6.1); appends and returns the place behind the value.
const uint8_t *display_value(Buffer *buffer, const Type *type, const uint8_t *at);
// SATN, for error texts (sats.md 6.3).
const uint8_t *satn_value(Buffer *buffer, const Type *type, const uint8_t *at);

// ---- identifiers and time ----

typedef struct Identity {
    uint8_t bytes[32];  // little-endian: as in BSATN and at the module ABI
} Identity;

typedef struct ConnectionId {
    uint8_t bytes[16];  // little-endian
} ConnectionId;

#define IDENTITY_HEX_COUNT 64u
#define CONNECTION_ID_HEX_COUNT 32u

// sats.md 7.1. issuer and subject have 1 to IDENTITY_CLAIM_BYTES_MAX bytes.
Identity identity_derive(Bytes issuer, Bytes subject);
// 64 digits most significant first, and a zero.
void identity_to_hex(const Identity *identity, char ret_text[IDENTITY_HEX_COUNT + 1]);
// Exactly 64 hex digits of either case, an optional 0x before them.
bool identity_parse(Bytes text, Identity *ret_identity);
bool identity_equal(const Identity *a, const Identity *b);
bool identity_is_zero(const Identity *identity);
void connection_id_to_hex(const ConnectionId *id, char ret_text[CONNECTION_ID_HEX_COUNT + 1]);
// Exactly 32 hex digits, no prefix.
bool connection_id_parse(Bytes text, ConnectionId *ret_id);
bool connection_id_is_zero(const ConnectionId *id);
// "1970-01-01T00:00:00+00:00" with 0, 3 or 6 fraction digits (sats.md 6.1).
void timestamp_write_text(Buffer *buffer, int64_t micros);
// RFC 3339 with T, t or a space, and an offset or Z (sats.md 6.4).
bool timestamp_parse(Bytes text, int64_t *ret_micros);
void time_duration_write_text(Buffer *buffer, int64_t micros);
// Hyphenated lower-case text of 16 little-endian bytes; parsing takes all forms of sats.md 7.5.
void uuid_write_text(Buffer *buffer, const uint8_t *at);
bool uuid_parse(Bytes text, uint8_t ret_bytes[16]);

// bflatn.h - rows in upstream's page layout: a fixed part at fixed offsets, what varies in length elsewhere.
//
// A FlatType is the layout of a type, made once per table. Strings and arrays are references of four bytes in the
// fixed part; their content is a string's bytes, or an array's whole BSATN. Padding is written as zero.
//
// Threads    a FlatType is immutable once made.
// Lifetime   in the arena it was made in; it does not point to the Type.
// Format     storage.md 5.1 and 5.4.
#pragma once

#include "base/vec.h"
#include "sats/sats.h"

typedef struct FlatType FlatType;

// A part of a product, in order. Neighbours that are the same bytes in both forms are one part.
typedef struct FlatPart {
    uint32_t at;           // byte within the product
    uint32_t bytes;        // of a part that is copied
    const FlatType *type;  // NULL: it is copied
} FlatPart;

typedef enum FlatKind { FLAT_COPY, FLAT_PRODUCT, FLAT_SUM, FLAT_STRING, FLAT_ARRAY } FlatKind;

struct FlatType {
    FlatKind kind;
    uint32_t size;  // of the fixed part
    uint32_t align;
    uint32_t bsatn_bytes;  // of FLAT_COPY; else 0
    union {
        struct {  // FLAT_PRODUCT
            const FlatPart *parts;
            uint32_t part_count;
        };
        struct {  // FLAT_SUM
            const FlatType *const *variants;
            uint32_t variant_count;
            uint32_t payload_at;
        };
        const FlatType *element;  // FLAT_ARRAY
    };
};

typedef struct FlatRow {
    const FlatType *type;
    uint32_t row_bytes;  // size of a slot: even, at least 2
} FlatRow;

#define FLAT_REFERENCE_BYTES 4u

// False if such a row does not fit a page.
bool flat_row_of(const Type *row_type, Arena *arena, FlatRow *ret_row);

// Content that goes elsewhere, and where its reference stands in the fixed part.
typedef struct FlatObject {
    uint32_t at;
    Bytes content;  // borrowed from the row
    bool is_blob;   // it is stored by its hash; the caller decides, after FLAT_OBJECT_BYTES_MAX
    Hash blob;
} FlatObject;
VEC(FlatObjectVec, flat_object_vec, FlatObject)

// Writes the fixed part over row_bytes zeroes and appends the objects that it refers to. The row was checked.
void flat_row_write(const FlatRow *row, Bytes bsatn, uint8_t *fixed, FlatObjectVec *objects);

// Appends the content that a reference stands for; false if it leads nowhere.
typedef bool (*FlatFetch)(void *user, const uint8_t *reference, Buffer *content);
// Appends the row's BSATN, which the caller checks: the fixed part comes from a disk. False if a reference leads
// nowhere or a tag is unknown.
bool flat_row_read(const FlatRow *row, const uint8_t *fixed, FlatFetch fetch, void *user,
                   Buffer *bsatn);

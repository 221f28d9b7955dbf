// toml.h - reads the part of TOML that configuration files use.
//
// Threads    any.
// Lifetime   everything lives in the arena given.
// Limits     TOML_BYTES_MAX, TOML_ENTRIES_MAX, TOML_DEPTH_MAX.
// Format     TOML 1.0: tables, arrays of tables, dotted keys; strings on one line, integers, floats, booleans,
//            arrays of them. Multi-line strings, inline tables and dates are refused with a text that says so.
#pragma once

#include "base/arena.h"
#include "base/status.h"

typedef enum TomlKind { TOML_STRING, TOML_INTEGER, TOML_FLOAT, TOML_BOOLEAN, TOML_ARRAY } TomlKind;

typedef struct TomlValue {
    TomlKind kind;
    uint32_t line;  // where it stands, from 1
    union {
        Bytes text;       // TOML_STRING
        int64_t integer;  // TOML_INTEGER
        double number;    // TOML_FLOAT
        bool flag;        // TOML_BOOLEAN
        struct {          // TOML_ARRAY
            const struct TomlValue *items;
            uint32_t count;
        };
    };
} TomlValue;

typedef struct TomlEntry {
    Bytes table;           // "logs", "a.b" for nested ones; empty: before the first table
    uint32_t table_index;  // which one of an array of tables; 0 for a plain one
    Bytes key;
    TomlValue value;
} TomlEntry;

// In the order of the text.
typedef struct Toml {
    const TomlEntry *entries;
    uint32_t count;
} Toml;

// STATUS_INVALID with "line 3: ..."; STATUS_LIMIT.
Status toml_read(Bytes text, Arena *arena, Toml *ret_toml, Error *error);
// The value of a key in a plain table; NULL if absent.
const TomlValue *toml_find(const Toml *toml, const char *table, const char *key);

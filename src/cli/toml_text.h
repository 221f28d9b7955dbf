// toml_text.h - a TOML text that is read for a few keys and changed without touching the rest.
//
// base/toml.h reads whole files strictly; here the point is to keep what we do not know: comments,
// order, keys of other programs, values of every kind.
//
// Threads    any.
// Lifetime   everything in the arena given.
// Limits     CLI_CONFIG_BYTES_MAX, CLI_CONFIG_ITEMS_MAX.
// Format     TOML 1.0. Values that are not strings are skipped by their brackets, not checked.
#pragma once

#include "base/arena.h"
#include "base/status.h"

typedef enum TomlItemKind {
    TOML_ITEM_BLANK,   // empty lines and comments
    TOML_ITEM_KEY,     // key = value, with the rest of its line
    TOML_ITEM_TABLE,   // [table]
    TOML_ITEM_TABLES,  // [[table]]
} TomlItemKind;

typedef struct TomlItem {
    TomlItemKind kind;
    Bytes key;    // as written, without quotes; "a.b" for a dotted one; of the header for tables
    Bytes text;   // the whole item with its line end
    Bytes value;  // KEY: as written
} TomlItem;

typedef struct TomlText {
    TomlItem *items;
    uint32_t count;
} TomlText;

// STATUS_INVALID with "line 3: ..."; STATUS_LIMIT.
Status toml_text_read(Bytes text, Arena *arena, TomlText *ret_toml, Error *error);
// The text of a string value; false if it is something else or malformed.
bool toml_text_string(Bytes value, Arena *arena, Bytes *ret_text);
// "integer", "boolean", "array" ...: what a value is, for error texts.
const char *toml_text_kind(Bytes value);
// The text as a string on one line, in quotes.
void toml_text_write_string(Buffer *buffer, Bytes text);

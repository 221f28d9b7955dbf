// migrate.h - the parts of migration planning. Private to schema/.
//
// migrate.c compares tables and views, migrate_types.c column types, migrate_text.c writes the
// plan.
//
// Threads    one owner.        Format  spec: http-api.md 8.
#pragma once

#include "schema/module_part.h"
#include "schema/schema.h"

// Reasons against a migration, as text. Cut where an Error would cut it.
typedef struct MigrationErrors {
    Buffer text;
    uint32_t count;
} MigrationErrors;

// Counts one reason; the caller appends its text to ret and "\n\n" behind it.
Buffer *migration_errors_add(MigrationErrors *errors);

// What becomes of a column's type.
typedef enum TypeChange { TYPE_UNCHANGED, TYPE_UPGRADED, TYPE_REFUSED } TypeChange;

// Both types are resolved. Refusals are reported with table and column; errors may be NULL.
TypeChange migration_compare_types(MigrationErrors *errors, Bytes table, const ColumnSchema *from,
                                   const ColumnSchema *to);

// The part whose tables and views have this path before their names ("a.b" of "a.b.t").
const ModulePart *module_def_part(const ModuleDef *def, Bytes qualified_name);
static inline Bytes name_path(Bytes qualified_name) {
    uint32_t count = qualified_name.count;
    while (count > 0 && qualified_name.data[count - 1] != '.') count--;
    return bytes_slice(qualified_name, 0, count > 0 ? count - 1 : 0);
}

// Appends the Rust debug form of a value, over several lines ("U32(\n    5,\n)"). Returns the place
// behind it.
const uint8_t *migration_write_default(Buffer *buffer, const Type *type, const uint8_t *at,
                                       uint32_t indent);

// filter.h - conditions compiled to tests with jumps: what the fan-out evaluates for every changed
// row.
//
// Threads    a Program is immutable; any thread may evaluate it.
// Lifetime   that of the arena it was compiled into; types are the schema's.
// Limits     SQL_EXPR_LEVELS_MAX levels of comparisons of comparisons.
#pragma once

#include "query/query.h"

// The way to one column of a row. All columns up to the first of variable size have a fixed place.
typedef struct ColumnPath {
    const Type *type;
    const TypeField *walk;  // columns to step over, from that first one on
    uint32_t offset;        // of the column if walk_count is 0, else of the first to step over
    uint16_t walk_count;
    uint16_t relation;
} ColumnPath;

ColumnPath column_path(const Type *row_type, QueryColumn column);
static inline const uint8_t *column_at(const ColumnPath *path, const uint8_t *row) {
    const uint8_t *at = row + path->offset;
    for (uint16_t i = 0; i < path->walk_count; i++) at += bsatn_size(path->walk[i].type, at);
    return at;
}
static inline Bytes column_bytes(const ColumnPath *path, const uint8_t *row) {
    const uint8_t *at = column_at(path, row);
    uint32_t fixed = path->type->fixed_bytes;
    return (Bytes){at, fixed != TYPE_BYTES_VARIABLE ? fixed : bsatn_size(path->type, at)};
}

typedef struct Test Test;

// A condition over the rows of a fragment's relations.
typedef struct Program {
    const Test *tests;
    uint32_t count;
    uint32_t entry;  // an index, PROGRAM_ACCEPT or PROGRAM_REJECT
} Program;
#define PROGRAM_REJECT UINT32_MAX
#define PROGRAM_ACCEPT (UINT32_MAX - 1)
#define PROGRAM_TRUE ((Program){NULL, 0, PROGRAM_ACCEPT})

// All of the conditions. row_types: of each relation, by number; constants are copied.
Program program_compile(const QueryExpr *const *conjuncts, uint32_t count,
                        const Type *const *row_types, Arena *arena);
// rows: the row of each relation that the condition names, by number.
bool program_run(const Program *program, const uint8_t *const *rows);
static inline bool program_holds(const Program *program, const uint8_t *const *rows) {
    if (program->entry == PROGRAM_ACCEPT) return true;
    return program->entry != PROGRAM_REJECT && program_run(program, rows);
}

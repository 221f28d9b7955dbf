// system_tables.h - the built-in tables: their schemas, ids and names.
//
// Threads    none of its own: constant tables.
// Format     storage.md 7, since-2.8.md 5.1.
#pragma once

#include "store/store.h"

// Value that user ids start with, and all sequences' bounds.
#define SYSTEM_SEQUENCE_START 4097
#define SYSTEM_SEQUENCE_ALLOCATED 4096
#define SEQUENCE_VALUE_MAX ((__int128)(((unsigned __int128)1 << 127) - 1))

// The at-th system table in order of creation, at < ST_COUNT; schema in the arena.
const TableSchema *system_table_schema(uint32_t at, Arena *arena);

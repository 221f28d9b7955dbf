// module_part.h - one module of the tree, validated: the root or a submodule. Private to schema/.
//
// A ModuleDef flattens the tree; the parts stay for the export, which is made module by module.
//
// Threads    immutable once built.
// Lifetime   the definition's arena.
#pragma once

#include "base/map.h"
#include "schema/schema.h"

typedef struct ModulePart ModulePart;

struct ModulePart {
    Bytes namespace_source, namespace_name;  // as mounted; of the root: none
    Bytes path, accessor_path;               // "a.b", of the root: empty
    const Typespace *typespace;              // canonical names
    TableSchema *tables;                     // in declared order; names are qualified by the path
    uint32_t table_count;
    NamedTypeDef *types;
    uint32_t type_count;
    FunctionDef *reducers;
    uint32_t reducer_count;
    FunctionDef *procedures;
    uint32_t procedure_count;
    ViewDef *views;  // index as the module counts: within itself
    uint32_t view_count;
    FunctionDef *handlers;
    uint32_t handler_count;
    HttpRouteDef *routes;
    uint32_t route_count;
    const Bytes *row_level_security;
    uint32_t row_level_security_count;
    const EnvironmentDef *environment;
    uint32_t environment_count;
    bool has_environment;
    ModulePart **submodules;
    uint32_t submodule_count;
};

// What ModuleDef.raw points to.
typedef struct ModuleDefRaw {
    ModulePart *root;
    BytesMap reducers;  // canonical name -> FunctionDef
    BytesMap procedures;
} ModuleDefRaw;

// The name without the path before it.
static inline Bytes part_local_name(Bytes path, Bytes name) {
    return path.count == 0 ? name : bytes_slice(name, path.count + 1, name.count - path.count - 1);
}

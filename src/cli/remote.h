// remote.h - a database at a server: its identity, its definition.
//
// Threads    the main thread.
// Lifetime   everything in cli->arena.
// Limits     MODULE_DEF_ITEMS_MAX of each kind.
// Format     spec: cli.md 6.3, 6.4; sats.md 9 (the V10 definition as JSON).
#pragma once

#include "cli/project.h"
#include "cli/session.h"

typedef struct Remote {
    const char *url;    // of the server
    const char *name;   // as it was given
    const char *token;  // NULL: anonymous
    char identity[IDENTITY_HEX_COUNT + 1];
} Remote;

// The identity that a name stands for; an identity stands for itself.
Status remote_find(Cli *cli, const char *url, const char *name,
                   char ret_identity[IDENTITY_HEX_COUNT + 1]);
// Server, token and identity of a target. server: what --server says, or NULL.
Status remote_open(Cli *cli, const Target *target, const Args *args, Remote *ret_remote);

// One function of a module.
typedef struct FunctionInfo {
    Bytes name;          // canonical; "ns.name" in a submodule
    Bytes json;          // its raw definition
    const Type *params;  // product
    bool is_procedure;
    bool is_lifecycle;
    const Typespace *typespace;
} FunctionInfo;

// A table or a view.
typedef struct RelationInfo {
    Bytes name;
    Bytes json;  // data == NULL: a view
    const Type *row;
    const Typespace *typespace;
} RelationInfo;

typedef struct ModuleInfo {
    Bytes json;  // the whole definition
    const FunctionInfo *functions;
    uint32_t function_count;
    const RelationInfo *relations;
    uint32_t relation_count;
} ModuleInfo;

Status remote_module(Cli *cli, const Remote *remote, ModuleInfo *ret_module);
// From the text of a definition; STATUS_INVALID if it is none.
Status module_info_read(Cli *cli, Bytes text, ModuleInfo *ret_module);
const FunctionInfo *module_find_function(const ModuleInfo *module, const char *name);
const RelationInfo *module_find_relation(const ModuleInfo *module, Bytes name);

// raw_def.h - a module description as the module wrote it. One model: V8 and V9 are lifted into the
// form of V10.
//
// What V10 lacks stays visible: names of constraints and schedules (used up to V9), defaults by
// table name (V9). An absent name has data == NULL. Nothing here is checked but the encoding.
// Private to schema/.
//
// Threads    belongs to its reader.
// Lifetime   everything borrows from the description or lives in the reader's arena.
// Limits     MODULE_DEF_*, SATS_*.        Format  spec: sats.md 9, since-2.8.md 1.1.
#pragma once

#include "schema/def_errors.h"
#include "schema/schema.h"

typedef struct RawModule RawModule;

typedef struct RawType {
    const Bytes *scope;
    uint32_t scope_count;
    Bytes name;
    uint32_t ref;
    bool custom_ordering;
} RawType;

typedef struct RawIndex {
    Bytes name;  // V10: the source name, which must be there
    Bytes accessor;
    IndexKind kind;
    ColumnList columns;  // Direct: one
} RawIndex;

typedef struct RawConstraint {
    Bytes name;  // V10: ignored
    ColumnList columns;
} RawConstraint;

typedef struct RawSequence {
    Bytes name;
    uint16_t column;
    bool has_start, has_min, has_max;
    __int128 start, min, max, increment;
} RawSequence;

typedef struct RawDefault {
    Bytes table;  // V9; in a RawTable: none
    uint16_t column;
    Bytes value;
} RawDefault;

typedef struct RawTable {
    Bytes name;
    uint32_t product_type_ref;
    ColumnList primary_key;
    const RawIndex *indexes;
    uint32_t index_count;
    const RawConstraint *constraints;
    uint32_t constraint_count;
    const RawSequence *sequences;
    uint32_t sequence_count;
    const RawDefault *defaults;
    uint32_t default_count;
    TableOrigin origin;
    TableAccess access;
    bool is_event;
} RawTable;

typedef struct RawFunction {
    Bytes name;
    const Type *params;       // product
    const Type *return_type;  // reducers: of success
    const Type *error_type;   // procedures: NULL
    bool is_private;
} RawFunction;

typedef struct RawView {
    Bytes name;
    uint32_t index;
    bool is_public, is_anonymous;
    const Type *params;
    const Type *return_type;
} RawView;

typedef struct RawViewKey {
    Bytes view;
    const Bytes *columns;
    uint32_t column_count;
} RawViewKey;

typedef struct RawSchedule {
    Bytes name;  // V10: ignored
    Bytes table;
    uint16_t column;
    Bytes function;
} RawSchedule;

typedef struct RawLifecycle {
    Lifecycle event;
    Bytes function;
} RawLifecycle;

typedef enum ExplicitKind {
    EXPLICIT_TABLE,
    EXPLICIT_FUNCTION,
    EXPLICIT_INDEX,
    EXPLICIT_NAMESPACE,
    EXPLICIT_KIND_COUNT,
} ExplicitKind;

typedef struct RawExplicitName {
    ExplicitKind kind;
    Bytes source, canonical;
} RawExplicitName;

typedef struct RawRoute {
    Bytes handler;
    int32_t method;  // tag of HttpMethod; -1: any
    Bytes extension;
    Bytes path;
} RawRoute;

typedef struct RawSubmodule {
    Bytes namespace_name;
    const RawModule *module;
} RawSubmodule;

// A problem that only an older form can have, found while lifting it.
typedef struct RawProblem {
    ErrorKind kind;
    ErrorFields fields;
} RawProblem;

typedef enum CasePolicy { CASE_VERBATIM, CASE_SNAKE } CasePolicy;

struct RawModule {
    uint32_t version;
    CasePolicy policy;
    Typespace typespace;
    const RawType *types;
    uint32_t type_count;
    const RawTable *tables;
    uint32_t table_count;
    const RawFunction *reducers;
    uint32_t reducer_count;
    const RawFunction *procedures;
    uint32_t procedure_count;
    const RawView *views;
    uint32_t view_count;
    const RawViewKey *view_keys;
    uint32_t view_key_count;
    const RawSchedule *schedules;
    uint32_t schedule_count;
    const RawLifecycle *lifecycles;
    uint32_t lifecycle_count;
    const Bytes *row_level_security;
    uint32_t row_level_security_count;
    const RawExplicitName *explicit_names;
    uint32_t explicit_name_count;
    const Bytes *handlers;
    uint32_t handler_count;
    const RawRoute *routes;
    uint32_t route_count;
    const EnvironmentDef *environment;
    uint32_t environment_count;
    bool has_environment;
    const Bytes *outbox_tables;
    uint32_t outbox_count;
    const RawSubmodule *submodules;
    uint32_t submodule_count;
    const RawDefault *defaults;
    uint32_t default_count;
    const RawProblem *problems;
    uint32_t problem_count;
};

// The outer sum RawModuleDef. `bytes` must live as long as the result.
Status raw_module_read(Bytes bytes, Arena *arena, RawModule *ret_module, Error *error);

// schema.h - module definitions: decode, validate, name, export; table schemas; migration plans.
//
// Threads    a ModuleDef is immutable once made and may be shared.
// Lifetime   everything in a ModuleDef lives in its own arena, until module_def_free.
// Limits     MODULE_DEF_BYTES_MAX, SATS_*.        Format  spec: sats.md 9-13, since-2.8.md 1.
#pragma once

#include "sats/sats.h"

typedef uint32_t TableId;
typedef uint32_t IndexId;
typedef uint32_t SequenceId;
typedef uint32_t ConstraintId;
typedef uint32_t ViewId;

typedef struct ColumnList {
    const uint16_t *items;
    uint16_t count;
} ColumnList;

typedef enum IndexKind {
    INDEX_BTREE = 1,
    INDEX_DIRECT = 2,
    INDEX_HASH = 3
} IndexKind;  // the stored tag

typedef enum TableAccess { TABLE_PUBLIC, TABLE_PRIVATE } TableAccess;
typedef enum TableOrigin { TABLE_SYSTEM, TABLE_USER } TableOrigin;

typedef struct ColumnSchema {
    Bytes name;           // canonical
    Bytes accessor;       // source spelling
    const Type *type;     // resolved: no Refs
    Bytes default_value;  // BSATN; data == NULL: none
} ColumnSchema;

typedef struct IndexSchema {
    IndexId id;  // 0 until created
    Bytes name;
    Bytes accessor;      // source name (lookup alias); data == NULL: none
    Bytes codegen_name;  // accessor_name for generated code; data == NULL: none
    IndexKind kind;
    ColumnList columns;  // in key order
} IndexSchema;

typedef struct ConstraintSchema {
    ConstraintId id;
    Bytes name;
    ColumnList columns;  // ascending: a set. The only kind is Unique.
} ConstraintSchema;

typedef struct SequenceSchema {
    SequenceId id;
    Bytes name;
    uint16_t column;
    __int128 start, min, max, increment, allocated;
} SequenceSchema;

typedef struct ScheduleSchema {
    uint32_t id;  // 0: the table is not scheduled
    Bytes name;
    Bytes function;  // canonical name of a reducer or procedure
    uint16_t at_column;
} ScheduleSchema;

#define COLUMN_NONE UINT16_MAX

typedef struct TableSchema {
    TableId id;      // 0 until created
    Bytes name;      // canonical, "ns.name" in submodules
    Bytes accessor;  // source spelling; data == NULL: system objects have none
    const ColumnSchema *columns;
    uint16_t column_count;
    const Type *row_type;       // product of the columns, resolved
    uint32_t product_type_ref;  // in the defining module's typespace
    const IndexSchema *indexes;
    uint32_t index_count;
    const ConstraintSchema *constraints;
    uint32_t constraint_count;
    const SequenceSchema *sequences;
    uint32_t sequence_count;
    ScheduleSchema schedule;
    bool has_schedule;
    uint16_t primary_key;  // COLUMN_NONE: none
    TableOrigin origin;
    TableAccess access;
    bool is_event;
} TableSchema;

typedef enum Lifecycle {
    LIFECYCLE_INIT,
    LIFECYCLE_CONNECT,
    LIFECYCLE_DISCONNECT,
    LIFECYCLE_COUNT,
    LIFECYCLE_NONE = LIFECYCLE_COUNT,
} Lifecycle;

typedef struct FunctionDef {
    uint32_t id;                   // what the module is called with
    Bytes name;                    // canonical, qualified
    Bytes source_name;             // as written, qualified by the namespaces as written
    const Type *params;            // product; element names as written in the source; may hold Refs
    const Type *canonical_params;  // the same with canonical names
    const Type *return_type;       // procedures and views; reducers: NULL
    const Typespace *typespace;    // canonical names; of the module that declares it
    Lifecycle lifecycle;           // reducers
    bool is_private;               // only the owner may call it
} FunctionDef;

typedef struct ViewDef {
    uint32_t index;     // what the module is called with: numbered by kind
    Bytes name;         // canonical, qualified
    Bytes source_name;  // as written, qualified by the namespaces as written
    bool is_public;
    bool is_anonymous;
    const Type *params;            // product; element names as written in the source; may hold Refs
    const Type *canonical_params;  // the same with canonical names
    const Type *return_type;
    const Typespace *typespace;
    const ColumnSchema *columns;  // of the rows
    uint16_t column_count;
    uint16_t primary_key;  // COLUMN_NONE: none
} ViewDef;

typedef struct HttpRouteDef {
    uint32_t handler;  // index into http_handlers
    int32_t method;    // HttpMethod tag 0..9; -1: any
    Bytes method_extension;
    Bytes path;
} HttpRouteDef;

typedef struct NamedTypeDef {
    const Bytes *scope;
    uint32_t scope_count;
    Bytes name;  // canonical
    uint32_t ref;
    bool custom_ordering;
} NamedTypeDef;

// Section 15 of a V10 definition: what the module wants from its environment (since-2.8.md 1.1,
// 6.1).
typedef enum EnvironmentKind {
    ENVIRONMENT_STRING,
    ENVIRONMENT_LITERAL,
    ENVIRONMENT_UNION
} EnvironmentKind;

typedef struct EnvironmentDef {
    Bytes name;
    EnvironmentKind kind;
    const Bytes *literals;  // the accepted values, sorted; ENVIRONMENT_STRING: none
    uint32_t literal_count;
    bool is_optional;
} EnvironmentDef;

typedef struct ModuleDef {
    uint32_t version;            // 8, 9 or 10: of the raw definition
    const Typespace *typespace;  // root module, canonical names
    const TableSchema *tables;   // all modules, sorted by name; ids are 0
    uint32_t table_count;
    const FunctionDef *reducers;  // in id order
    uint32_t reducer_count;
    const FunctionDef *procedures;
    uint32_t procedure_count;
    const ViewDef *views;  // sorted by name
    uint32_t view_count;
    const Bytes *row_level_security;  // SQL texts of the root module, each once
    uint32_t row_level_security_count;
    const NamedTypeDef *types;  // of the root module, in declared order
    uint32_t type_count;
    const EnvironmentDef *environment;  // in declared order
    uint32_t environment_count;
    bool has_environment;              // declared, even if empty
    const FunctionDef *http_handlers;  // of the root module
    uint32_t http_handler_count;
    const HttpRouteDef *http_routes;  // in declared order
    uint32_t http_route_count;
    struct ModuleDefRaw *raw;  // what the export needs; private to schema/
    Arena arena;
} ModuleDef;

// Decodes a RawModuleDef (V8, V9 or V10) and validates it. On failure the text lists every error
// found, as upstream does ("Errors occurred:" ...).
Status module_def_read(Bytes bytes, ModuleDef **ret_def, Error *error);
void module_def_free(ModuleDef *def);  // accepts NULL

const FunctionDef *module_def_find_reducer(const ModuleDef *def, Bytes name);    // canonical; NULL
const FunctionDef *module_def_find_procedure(const ModuleDef *def, Bytes name);  // canonical; NULL
const FunctionDef *module_def_find_lifecycle(const ModuleDef *def, Lifecycle lifecycle);
const TableSchema *module_def_find_table(const ModuleDef *def, Bytes name);
const ViewDef *module_def_find_view(const ModuleDef *def, Bytes name);

// The JSON of /schema?version=9 and 10 (sats.md 13.3 with since-2.8.md 1.5), without wrapper.
void module_def_write_json_v9(const ModuleDef *def, Buffer *buffer);
void module_def_write_json_v10(const ModuleDef *def, Buffer *buffer);

// ---- names (sats.md 12.3) ----

void name_write_snake(Buffer *buffer, Bytes name);
void name_write_camel(Buffer *buffer, Bytes name);
void name_write_pascal(Buffer *buffer, Bytes name);
// Valid identifier (sats.md 10.1); the error has upstream's text.
Status identifier_check(Bytes name, Error *error);
// Valid database name (http-api.md); the error has upstream's text.
Status database_name_check(Bytes name, Error *error);

// ---- table schemas of their own ----

// A deep copy into the arena.
TableSchema *table_schema_copy(const TableSchema *schema, Arena *arena);
// The backing table of a view: arg_hash first (sats.md 13.2).
TableSchema *table_schema_of_view(const ViewDef *view, Arena *arena);
bool table_schema_index_is_unique(const TableSchema *table, const IndexSchema *index);
int32_t table_schema_find_column(const TableSchema *table, Bytes name);  // source name first; -1

// ---- migration (http-api.md 8) ----

typedef enum MigrationStepKind {
    MIGRATE_ADD_TABLE,
    MIGRATE_REMOVE_TABLE,
    MIGRATE_ADD_INDEX,
    MIGRATE_REMOVE_INDEX,
    MIGRATE_ADD_CONSTRAINT,
    MIGRATE_REMOVE_CONSTRAINT,
    MIGRATE_ADD_SEQUENCE,
    MIGRATE_REMOVE_SEQUENCE,
    MIGRATE_ADD_SCHEDULE,
    MIGRATE_REMOVE_SCHEDULE,
    MIGRATE_CHANGE_ACCESS,
    MIGRATE_CHANGE_PRIMARY_KEY,
    MIGRATE_CHANGE_COLUMNS,  // types whose layout stays
    MIGRATE_ADD_COLUMNS,     // with defaults: the table is rewritten
    MIGRATE_CHANGE_EVENT_TABLE,
    MIGRATE_CHANGE_ACCESSOR,  // of the table, a column or an index: `alias`
    MIGRATE_ADD_VIEW,
    MIGRATE_REMOVE_VIEW,
    MIGRATE_UPDATE_VIEW,
    MIGRATE_ADD_RLS,
    MIGRATE_REMOVE_RLS,
} MigrationStepKind;

typedef enum MigrationAlias { ALIAS_OF_TABLE, ALIAS_OF_COLUMN, ALIAS_OF_INDEX } MigrationAlias;

typedef struct MigrationStep {
    MigrationStepKind kind;
    MigrationAlias alias;  // MIGRATE_CHANGE_ACCESSOR: whose
    Bytes table;           // canonical name of the table or view; row-level security: empty
    // Name of the index, constraint, sequence, schedule or column, or SQL text; data == NULL: the
    // table itself.
    Bytes object;
} MigrationStep;

typedef struct MigrationPlan {
    const MigrationStep *steps;
    uint32_t step_count;
    bool breaks_clients;  // all users are disconnected after the last step
} MigrationPlan;

// From one definition to the next, in the order of application. Every MIGRATE_ADD_SEQUENCE has its
// precheck. The plan borrows its names from the definitions. STATUS_CONFLICT with upstream's list
// of reasons ("Errors occurred:" ...) if it needs a manual migration.
Status migration_plan(const ModuleDef *from, const ModuleDef *to, Arena *arena,
                      MigrationPlan *ret_plan, Error *error);
// The text of /pre_publish; color: with ANSI codes (http-api.md 8).
typedef enum PlanStyle { PLAN_NO_COLOR, PLAN_COLOR } PlanStyle;
void migration_plan_write(const MigrationPlan *plan, const ModuleDef *from, const ModuleDef *to,
                          PlanStyle style, Buffer *buffer);

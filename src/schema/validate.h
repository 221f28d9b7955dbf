// validate.h - from a RawModule to a ModulePart, with all errors there are. Private to schema/.
//
// validate.c walks the module; validate_types.c, validate_table.c and validate_functions.c hold the
// rules of sats.md 11 for their part. A function that returns bool says whether its thing is
// usable; what is wrong with it is in the error list then.
//
// Threads    one at a time per Validator.
// Lifetime   the part lives in `arena`; `scratch` and the maps until the end of the validation.
#pragma once

#include "schema/def_errors.h"
#include "schema/module_part.h"
#include "schema/raw_def.h"

typedef enum RefState { REF_NEW, REF_VISITING, REF_USABLE } RefState;

// Shared by all modules of a tree.
typedef struct ValidationRun {
    Arena *arena;
    Arena *scratch;
    ErrorList errors;
    uint64_t column_nodes;  // of all columns so far, written out
} ValidationRun;

typedef struct Validator {
    ValidationRun *run;
    Arena *arena;
    Arena *scratch;
    const RawModule *raw;
    ModulePart *part;
    const Typespace *source;     // names as written
    const Typespace *canonical;  // names converted
    bool *is_declared;           // per type: it has a name
    uint8_t *ref_states;         // RefState per type
    uint32_t *ref_nodes;         // per type: nodes with all Refs written out, 0: not known yet
    BytesMap explicit_names[EXPLICIT_KIND_COUNT];  // source -> RawExplicitName
    BytesMap global_names;
    // Canonical names within the module, and of views also the source names; the first of a name.
    BytesMap tables, reducers, procedures, views, handlers, views_by_source;
} Validator;

// The module and its submodules. The part is complete if the run has no errors.
ModulePart *validate_module(ValidationRun *run, const RawModule *raw, const ModulePart *place);

// ---- validate.c, for its helpers ----

static inline uint32_t error_count(const Validator *v) {
    return v->run->errors.count;
}
void report(Validator *v, ErrorKind kind, ErrorFields fields);
// Reports and returns false if it is no identifier.
bool check_identifier(Validator *v, Bytes name);
// The explicit name, else the converted one; checked.
bool resolve_name(Validator *v, ExplicitKind kind, Bytes source, Bytes *ret_name);
// By the module's policy.
Bytes convert_name(Validator *v, Bytes source);
// Reports ERROR_DUPLICATE_NAME and returns false if it is taken.
bool claim_name(Validator *v, Bytes name);
// Texts for error fields.
Bytes text_of_number(Validator *v, uint64_t number);
Bytes text_of_type(Validator *v, const Type *type);
Bytes text_of_columns(Validator *v, ColumnList columns);

// ---- validate_types.c ----

// Where a type stands, for the texts of the code generation check.
typedef enum TypePlace {
    PLACE_REDUCER_PARAM,
    PLACE_PROCEDURE_PARAM,
    PLACE_VIEW_PARAM,
    PLACE_PROCEDURE_RETURN,
    PLACE_VIEW_RETURN,
    PLACE_TYPESPACE,
} TypePlace;

typedef struct TypeLocation {
    TypePlace place;
    Bytes function;
    uint32_t position;  // of the parameter; PLACE_TYPESPACE: the Ref
    Bytes param;
} TypeLocation;

// Builds part->typespace and the tables about it.
void validate_typespace(Validator *v);
void validate_named_types(Validator *v);
// Client code can use a type that stands here (sats.md 11.6).
bool validate_type_use(Validator *v, const Type *type, TypeLocation location);
// All of them, and that they have names that are identifiers once converted.
bool validate_params(Validator *v, const Type *params, TypeLocation location,
                     const Type **ret_canonical);
// The number of nodes with every Ref written out; 0 if it is over MODULE_DEF_TYPE_NODES_MAX.
uint32_t validate_type_size(Validator *v, const Type *type, Bytes what);
// The product that a Ref of a table or view points to, or NULL.
const Type *product_at(const Typespace *typespace, uint32_t ref);

// ---- validate_table.c ----

void validate_tables(Validator *v);
// The columns of a table or a view's rows. owner: its name as written, for error texts.
bool validate_columns(Validator *v, Bytes owner, uint32_t ref, const ColumnSchema **ret_columns,
                      uint16_t *ret_count);
// V9: defaults stand apart from their tables.
void validate_loose_defaults(Validator *v);

// ---- validate_functions.c ----

void validate_reducers(Validator *v);
void validate_procedures(Validator *v);
void validate_views(Validator *v);
void validate_handlers(Validator *v);
// Those that need the tables or functions, once these are fine.
void validate_schedules(Validator *v);
void validate_lifecycles(Validator *v);
void validate_routes(Validator *v);
void validate_function_names(Validator *v);
void validate_scheduled_functions(Validator *v);
void validate_view_keys(Validator *v);

// ---- validate_environment.c ----

void validate_environment(Validator *v);
// Functions, views and tables may not be called like a submodule.
void validate_namespaces(Validator *v);

// ---- qualify.c ----

// path "." name; without a path just the name.
Bytes qualify_name(Arena *arena, Bytes path, Bytes name);
// Puts the path before every name in the part (not in its submodules).
void qualify_part(Arena *arena, ModulePart *part);

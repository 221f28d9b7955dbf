// validate_types.c - the typespace: conversion of names, named types, and what client code can use.
//
// The code generation check sees source names, everything else canonical ones, as upstream.
#include "schema/names.h"
#include "schema/validate.h"

typedef struct CodegenProblem {
    const char *text;    // before the type
    const Type *type;    // or NULL
    const char *suffix;  // behind it
    Bytes detail;
} CodegenProblem;

static const Type *convert_type(Validator *v, const Type *type);
static Bytes convert_variant(Validator *v, Bytes source);
static Bytes convert_type_name(Validator *v, Bytes source);
static bool validate_named_type(Validator *v, const RawType *raw, NamedTypeDef *ret_type);
static bool validate_type_name(Validator *v, const RawType *raw, NamedTypeDef *ret_type);
static bool validate_type_target(Validator *v, const RawType *raw);
static bool has_default_ordering(const Type *type);
static bool validate_definition(Validator *v, const Type *type, TypeLocation location);
static bool validate_definition_name(Validator *v, const Type *type, Bytes name,
                                     TypeLocation location);
static bool find_use_problem(Validator *v, const Type *type, uint32_t depth,
                             CodegenProblem *ret_problem);
static bool find_ref_problem(Validator *v, uint32_t ref, uint32_t depth,
                             CodegenProblem *ret_problem);
static void report_codegen(Validator *v, TypeLocation location, CodegenProblem problem);
static Bytes raw_type_name(Validator *v, const RawType *raw);
static uint32_t type_nodes(Validator *v, const Type *type, uint32_t depth);

void validate_typespace(Validator *v) {
    const Typespace *source = &v->raw->typespace;
    Typespace *canonical = ARENA_NEW(v->arena, Typespace);
    *canonical = *source;
    if (v->raw->policy != CASE_VERBATIM) {
        canonical->types = ARENA_ARRAY(v->arena, const Type *, source->count);
        for (uint32_t i = 0; i < source->count; i++)
            canonical->types[i] = convert_type(v, source->types[i]);
    }
    v->source = source;
    v->canonical = canonical;
    v->part->typespace = canonical;
    v->is_declared = ARENA_ARRAY(v->scratch, bool, source->count);
    v->ref_states = ARENA_ARRAY(v->scratch, uint8_t, source->count);
    v->ref_nodes = ARENA_ARRAY(v->scratch, uint32_t, source->count);
    for (uint32_t i = 0; i < v->raw->type_count; i++) {
        if (v->raw->types[i].ref < source->count) v->is_declared[v->raw->types[i].ref] = true;
    }
    for (uint32_t i = 0; i < source->count; i++) {
        if (v->is_declared[i]) {
            Bytes what = arena_format(v->scratch, "type &%u", i);
            (void)validate_type_size(v, source->types[i], what);
        }
    }
}

void validate_named_types(Validator *v) {
    BytesMap names;
    bytes_map_init(&names);
    uint32_t count = v->raw->type_count;
    v->part->types = ARENA_ARRAY(v->arena, NamedTypeDef, count);
    v->part->type_count = count;
    for (uint32_t i = 0; i < count; i++) {
        NamedTypeDef *type = &v->part->types[i];
        if (!validate_named_type(v, &v->raw->types[i], type)) continue;
        Bytes name = raw_type_name(
            v, &(RawType){type->scope, type->scope_count, type->name, 0, false});
        if (bytes_map_set(&names, name, v) != NULL)
            report(v, ERROR_DUPLICATE_TYPE_NAME, (ErrorFields){{name}});
    }
    bytes_map_done(&names);
}

bool validate_type_use(Validator *v, const Type *type, TypeLocation location) {
    CodegenProblem problem = {0};
    if (!find_use_problem(v, type, 0, &problem)) return true;
    report_codegen(v, location, problem);
    return false;
}

bool validate_params(Validator *v, const Type *params, TypeLocation location,
                     const Type **ret_canonical) {
    bool is_fine = true;
    TypeField *fields = ARENA_ARRAY(v->arena, TypeField, params->field_count);
    for (uint32_t i = 0; i < params->field_count; i++) {
        fields[i] = params->fields[i];
        location.position = i;
        location.param = params->fields[i].name;
        if (location.param.data == NULL) {
            CodegenProblem problem = {
                .text = "internal codegen error: all reducer parameters require names"};
            report_codegen(v, location, problem);
            is_fine = false;
        } else {
            fields[i].name = convert_name(v, location.param);
            is_fine = check_identifier(v, fields[i].name) && is_fine;
        }
        is_fine = validate_type_use(v, params->fields[i].type, location) && is_fine;
    }
    bool is_same = v->raw->policy == CASE_VERBATIM || params->field_count == 0;
    *ret_canonical = is_same ? params : type_product(v->arena, fields, params->field_count);
    return is_fine;
}

uint32_t validate_type_size(Validator *v, const Type *type, Bytes what) {
    uint32_t nodes = type_nodes(v, type, 0);
    if (nodes <= MODULE_DEF_TYPE_NODES_MAX) return nodes;
    report(v, ERROR_TYPE_TOO_LARGE, (ErrorFields){{what}});
    return 0;
}

const Type *product_at(const Typespace *typespace, uint32_t ref) {
    if (ref >= typespace->count || typespace->types[ref]->kind != TYPE_PRODUCT) return NULL;
    return typespace->types[ref];
}

// Special types stay as they are, and so does what they hold: a Ref or a primitive in valid
// definitions.
static const Type *convert_type(Validator *v, const Type *type) {
    if (type->special != SPECIAL_NONE && type->special != SPECIAL_QUERY) return type;
    if (type->kind == TYPE_ARRAY) {
        const Type *element = convert_type(v, type->element);
        return element == type->element ? type : type_array(v->arena, element);
    }
    if ((type->kind != TYPE_PRODUCT && type->kind != TYPE_SUM) || type->field_count == 0)
        return type;
    TypeField *fields = ARENA_ARRAY(v->arena, TypeField, type->field_count);
    for (uint32_t i = 0; i < type->field_count; i++) {
        fields[i] = type->fields[i];
        if (fields[i].name.data != NULL) {
            fields[i].name = type->kind == TYPE_SUM ? convert_variant(v, fields[i].name)
                                                    : convert_name(v, fields[i].name);
        }
        fields[i].type = convert_type(v, fields[i].type);
    }
    return type->kind == TYPE_SUM ? type_sum(v->arena, fields, type->field_count)
                                  : type_product(v->arena, fields, type->field_count);
}

static Bytes convert_with(Validator *v, Bytes source, void (*write)(Buffer *, Bytes)) {
    Buffer buffer;
    buffer_init(&buffer, (size_t)source.count * 4 + 16);
    write(&buffer, source);
    Bytes name = arena_copy(v->arena, buffer_bytes(&buffer));
    buffer_done(&buffer);
    return name;
}

static Bytes convert_variant(Validator *v, Bytes source) {
    return convert_with(v, source, name_write_camel);
}

static Bytes convert_type_name(Validator *v, Bytes source) {
    return v->raw->policy == CASE_VERBATIM ? source : convert_with(v, source, name_write_pascal);
}

static bool validate_named_type(Validator *v, const RawType *raw, NamedTypeDef *ret_type) {
    ret_type->ref = raw->ref;
    ret_type->custom_ordering = raw->custom_ordering;
    bool target_is_fine = validate_type_target(v, raw);
    return validate_type_name(v, raw, ret_type) && target_is_fine;
}

static bool validate_type_name(Validator *v, const RawType *raw, NamedTypeDef *ret_type) {
    ret_type->name = convert_type_name(v, raw->name);
    bool is_fine = check_identifier(v, ret_type->name);
    Bytes *scope = ARENA_ARRAY(v->arena, Bytes, raw->scope_count);
    for (uint32_t i = 0; i < raw->scope_count; i++) {
        scope[i] = convert_type_name(v, raw->scope[i]);
        is_fine = check_identifier(v, scope[i]) && is_fine;
    }
    ret_type->scope = scope;
    ret_type->scope_count = raw->scope_count;
    return is_fine;
}

static bool validate_type_target(Validator *v, const RawType *raw) {
    if (raw->ref >= v->canonical->count) {
        report(v, ERROR_TYPE_REF,
               (ErrorFields){{raw_type_name(v, raw), text_of_number(v, raw->ref)}});
        return false;
    }
    bool is_fine = true;
    const Type *type = v->canonical->types[raw->ref];
    if (!raw->custom_ordering && !has_default_ordering(type)) {
        ErrorFields fields = {
            {raw_type_name(v, raw), text_of_number(v, raw->ref), text_of_type(v, type)}};
        report(v, ERROR_TYPE_ORDERING, fields);
        is_fine = false;
    }
    TypeLocation location = {PLACE_TYPESPACE, BYTES_NONE, raw->ref, BYTES_NONE};
    return validate_definition(v, v->source->types[raw->ref], location) && is_fine;
}

// Unnamed fields first, then the named ones by name.
static bool has_default_ordering(const Type *type) {
    if (type->kind != TYPE_PRODUCT && type->kind != TYPE_SUM) return true;
    for (uint32_t i = 1; i < type->field_count; i++) {
        Bytes before = type->fields[i - 1].name;
        Bytes after = type->fields[i].name;
        if (before.data == NULL) continue;
        if (after.data == NULL || bytes_compare(before, after) > 0) return false;
    }
    return true;
}

static bool validate_definition(Validator *v, const Type *type, TypeLocation location) {
    if (type->kind != TYPE_PRODUCT && type->kind != TYPE_SUM) {
        report_codegen(v, location,
                       (CodegenProblem){"internal codegen error: type ", type,
                                        " is not valid for generating a definition", BYTES_NONE});
        return false;
    }
    bool is_fine = true;
    for (uint32_t i = 0; i < type->field_count; i++) {
        is_fine = validate_definition_name(v, type, type->fields[i].name, location) && is_fine;
        is_fine = validate_type_use(v, type->fields[i].type, location) && is_fine;
    }
    return is_fine;
}

static bool validate_definition_name(Validator *v, const Type *type, Bytes name,
                                     TypeLocation location) {
    if (name.data == NULL) {
        CodegenProblem problem = {"internal codegen error: all type elements require names: ", type,
                                  "", BYTES_NONE};
        report_codegen(v, location, problem);
        return false;
    }
    uint32_t character = 0;
    IdentifierProblem name_problem = identifier_problem(name, &character);
    if (name_problem == IDENTIFIER_FINE) return true;
    Buffer text;
    buffer_init(&text, ERROR_TEXT_MAX + (size_t)name.count);
    identifier_problem_write(&text, name_problem, name, character);
    Bytes detail = arena_copy(v->scratch, buffer_bytes(&text));
    buffer_done(&text);
    report_codegen(v, location,
                   (CodegenProblem){"type ", type, " contains identifier error ", detail});
    return false;
}

// True if the type is no valid use; the first reason, outside in.
static bool find_use_problem(Validator *v, const Type *type, uint32_t depth,
                             CodegenProblem *ret_problem) {
    if (depth > SATS_DEPTH_MAX) {
        *ret_problem = (CodegenProblem){.text = "internal codegen error: invalid AlgebraicTypeRef"};
        return true;
    }
    switch (type->kind) {
    case TYPE_REF: return find_ref_problem(v, type->ref, depth, ret_problem);
    case TYPE_ARRAY: return find_use_problem(v, type->element, depth + 1, ret_problem);
    case TYPE_PRODUCT:
    case TYPE_SUM: break;
    default: return false;
    }
    if (type->field_count == 0) return false;
    if (type->special == SPECIAL_OPTION)
        return find_use_problem(v, type->fields[0].type, depth + 1, ret_problem);
    if (type->special == SPECIAL_RESULT) {
        return find_use_problem(v, type->fields[0].type, depth + 1, ret_problem) ||
               find_use_problem(v, type->fields[1].type, depth + 1, ret_problem);
    }
    if (type->special != SPECIAL_NONE && type->special != SPECIAL_QUERY) return false;
    *ret_problem = (CodegenProblem){"internal codegen error: non-special product or sum type ",
                                    type, " cannot be used to generate a client type use",
                                    BYTES_NONE};
    return true;
}

// A Ref must lead to a declared type, or through any chain to something that is a use itself.
static bool find_ref_problem(Validator *v, uint32_t ref, uint32_t depth,
                             CodegenProblem *ret_problem) {
    if (ref >= v->source->count || v->ref_states[ref] == REF_VISITING) {
        *ret_problem = (CodegenProblem){.text = "internal codegen error: invalid AlgebraicTypeRef"};
        return true;
    }
    if (v->is_declared[ref] || v->ref_states[ref] == REF_USABLE) return false;
    v->ref_states[ref] = REF_VISITING;
    bool has_problem = find_use_problem(v, v->source->types[ref], depth + 1, ret_problem);
    v->ref_states[ref] = has_problem ? REF_NEW : REF_USABLE;
    return has_problem;
}

static void report_codegen(Validator *v, TypeLocation location, CodegenProblem problem) {
    static const char *const PLACES[] = {
        [PLACE_REDUCER_PARAM] = "reducer", [PLACE_PROCEDURE_PARAM] = "procedure",
        [PLACE_VIEW_PARAM] = "view",       [PLACE_PROCEDURE_RETURN] = "procedure",
        [PLACE_VIEW_RETURN] = "view",
    };
    // Sorted by place, then by function, then by position.
    Bytes order = arena_format(v->scratch, "%u%.*s%c%05u", location.place,
                               BYTES_FORMAT(location.function), 1, location.position);
    Bytes place = BYTES_NONE;
    if (location.place == PLACE_TYPESPACE) {
        place = arena_format(v->scratch, "typespace ref `&%u`", location.position);
    } else if (location.place == PLACE_PROCEDURE_RETURN || location.place == PLACE_VIEW_RETURN) {
        place = arena_format(v->scratch, "%s `%.*s` return value", PLACES[location.place],
                             BYTES_FORMAT(location.function));
    } else if (location.param.data == NULL) {
        place = arena_format(v->scratch, "%s `%.*s` argument %u", PLACES[location.place],
                             BYTES_FORMAT(location.function), location.position);
    } else {
        place = arena_format(v->scratch, "%s `%.*s` argument %u (`%.*s`)", PLACES[location.place],
                             BYTES_FORMAT(location.function), location.position,
                             BYTES_FORMAT(location.param));
    }
    Bytes type = problem.type ? text_of_type(v, problem.type) : BYTES_LITERAL("");
    Bytes text = arena_format(v->scratch, "%s%.*s%s%.*s", problem.text, BYTES_FORMAT(type),
                              problem.suffix ? problem.suffix : "", BYTES_FORMAT(problem.detail));
    report(v, ERROR_CODEGEN, (ErrorFields){{order, place, text}});
}

// "scope::name"
static Bytes raw_type_name(Validator *v, const RawType *raw) {
    Buffer buffer;
    buffer_init(&buffer, MODULE_DEF_BYTES_MAX);
    for (uint32_t i = 0; i < raw->scope_count; i++) {
        buffer_append_bytes(&buffer, raw->scope[i]);
        buffer_append_text(&buffer, "::");
    }
    buffer_append_bytes(&buffer, raw->name);
    Bytes name = arena_copy(v->scratch, buffer_bytes(&buffer));
    buffer_done(&buffer);
    return name;
}

// Nodes with every Ref written out; a Ref that leads back into itself counts as one. At most a
// little more than MODULE_DEF_TYPE_NODES_MAX: then it is too large anyway.
static uint32_t type_nodes(Validator *v, const Type *type, uint32_t depth) {
    const uint32_t too_many = MODULE_DEF_TYPE_NODES_MAX + 1;
    if (depth > SATS_DEPTH_MAX) return too_many;
    if (type->kind == TYPE_REF) {
        uint32_t ref = type->ref;
        if (ref >= v->canonical->count) return 1;
        if (v->ref_nodes[ref] == 0) {
            v->ref_nodes[ref] = 1;
            v->ref_nodes[ref] = type_nodes(v, v->canonical->types[ref], depth + 1);
        }
        return v->ref_nodes[ref];
    }
    uint32_t nodes = 1;
    if (type->kind == TYPE_ARRAY) nodes += type_nodes(v, type->element, depth + 1);
    if (type->kind == TYPE_PRODUCT || type->kind == TYPE_SUM) {
        for (uint32_t i = 0; i < type->field_count && nodes < too_many; i++) {
            nodes += type_nodes(v, type->fields[i].type, depth + 1);
        }
    }
    return nodes < too_many ? nodes : too_many;
}

// validate.c - walks one module, then its submodules.
//
// Order as upstream's, since it decides which errors come together: everything that stands alone
// first, then what refers to tables or functions if these were fine, then what needs the whole
// module.
#include "schema/validate.h"

#include "schema/names.h"

static void maps_init(Validator *v);
static void maps_done(Validator *v);
static void explicit_names_collect(Validator *v);
static void validate_references(Validator *v, uint32_t errors_before);
static void validate_submodules(Validator *v);
static bool validate_namespace(Validator *v, Bytes source, Bytes *ret_name);
static ModulePart *validate_submodule(Validator *v, const RawSubmodule *submodule, Bytes name);
static void report_problems(Validator *v);
static void collect_row_level_security(Validator *v);

ModulePart *validate_module(ValidationRun *run, const RawModule *raw, const ModulePart *place) {
    ModulePart *part = ARENA_NEW(run->arena, ModulePart);
    *part = *place;
    Validator validator = {
        .run = run, .arena = run->arena, .scratch = run->scratch, .raw = raw, .part = part};
    Validator *v = &validator;
    maps_init(v);
    explicit_names_collect(v);
    uint32_t errors_before = error_count(v);
    report_problems(v);
    validate_typespace(v);
    validate_reducers(v);
    bool reducers_fine = error_count(v) == errors_before;
    validate_procedures(v);
    validate_views(v);
    uint32_t errors_before_tables = error_count(v);
    validate_tables(v);
    if (error_count(v) == errors_before_tables) validate_schedules(v);
    if (reducers_fine) validate_lifecycles(v);
    validate_named_types(v);
    uint32_t errors_before_handlers = error_count(v);
    validate_handlers(v);
    if (error_count(v) == errors_before_handlers) validate_routes(v);
    validate_environment(v);
    for (uint32_t i = 0; i < raw->outbox_count; i++) {
        report(v, ERROR_OUTBOX, (ErrorFields){{raw->outbox_tables[i]}});
    }
    validate_references(v, errors_before);
    collect_row_level_security(v);
    if (error_count(v) == errors_before) qualify_part(v->arena, part);
    validate_submodules(v);
    maps_done(v);
    return part;
}

void report(Validator *v, ErrorKind kind, ErrorFields fields) {
    error_list_add(&v->run->errors, kind, fields);
}

bool check_identifier(Validator *v, Bytes name) {
    uint32_t character = 0;
    IdentifierProblem problem = identifier_problem(name, &character);
    if (problem == IDENTIFIER_FINE) return true;
    Buffer text;
    buffer_init(&text, ERROR_TEXT_MAX + (size_t)name.count);
    identifier_problem_write(&text, problem, name, character);
    Bytes copy = arena_copy(v->scratch, buffer_bytes(&text));
    buffer_done(&text);
    report(v, ERROR_IDENTIFIER, (ErrorFields){{text_of_number(v, problem), name, copy}});
    return false;
}

bool resolve_name(Validator *v, ExplicitKind kind, Bytes source, Bytes *ret_name) {
    const RawExplicitName *explicit_name = bytes_map_find(&v->explicit_names[kind], source);
    Bytes name = explicit_name ? explicit_name->canonical : convert_name(v, source);
    if (!check_identifier(v, name)) return false;
    *ret_name = name;
    return true;
}

Bytes convert_name(Validator *v, Bytes source) {
    if (v->raw->policy == CASE_VERBATIM) return source;
    Buffer buffer;
    buffer_init(&buffer, (size_t)source.count * 4 + 16);
    name_write_snake(&buffer, source);
    Bytes name = arena_copy(v->arena, buffer_bytes(&buffer));
    buffer_done(&buffer);
    return name;
}

bool claim_name(Validator *v, Bytes name) {
    if (bytes_map_set(&v->global_names, name, v) == NULL) return true;
    report(v, ERROR_DUPLICATE_NAME, (ErrorFields){{name}});
    return false;
}

Bytes text_of_number(Validator *v, uint64_t number) {
    return arena_format(v->scratch, "%llu", (unsigned long long)number);
}

Bytes text_of_type(Validator *v, const Type *type) {
    Buffer buffer;
    buffer_init(&buffer, ERROR_TEXT_MAX);  // past it: cut, as the whole text would be
    type_write_text(&buffer, type);
    Bytes text = arena_copy(v->scratch, buffer_bytes(&buffer));
    buffer_done(&buffer);
    return text;
}

Bytes text_of_columns(Validator *v, ColumnList columns) {
    Buffer buffer;
    buffer_init(&buffer, ERROR_TEXT_MAX);
    buffer_u8(&buffer, '[');
    for (uint32_t i = 0; i < columns.count; i++) {
        buffer_append_format(&buffer, "%s%u", i > 0 ? ", " : "", columns.items[i]);
    }
    buffer_u8(&buffer, ']');
    Bytes text = arena_copy(v->scratch, buffer_bytes(&buffer));
    buffer_done(&buffer);
    return text;
}

static void maps_init(Validator *v) {
    for (uint32_t i = 0; i < EXPLICIT_KIND_COUNT; i++) bytes_map_init(&v->explicit_names[i]);
    BytesMap *maps[] = {&v->global_names, &v->tables,   &v->reducers,       &v->procedures,
                        &v->views,        &v->handlers, &v->views_by_source};
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) bytes_map_init(maps[i]);
}

static void maps_done(Validator *v) {
    for (uint32_t i = 0; i < EXPLICIT_KIND_COUNT; i++) bytes_map_done(&v->explicit_names[i]);
    BytesMap *maps[] = {&v->global_names, &v->tables,   &v->reducers,       &v->procedures,
                        &v->views,        &v->handlers, &v->views_by_source};
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) bytes_map_done(maps[i]);
}

// Of several entries for one source name the last wins.
static void explicit_names_collect(Validator *v) {
    for (uint32_t i = 0; i < v->raw->explicit_name_count; i++) {
        const RawExplicitName *entry = &v->raw->explicit_names[i];
        (void)bytes_map_set(&v->explicit_names[entry->kind], entry->source,
                            (void *)(uintptr_t)entry);
    }
}

// What an older form got wrong by its own rules.
static void report_problems(Validator *v) {
    for (uint32_t i = 0; i < v->raw->problem_count; i++) {
        report(v, v->raw->problems[i].kind, v->raw->problems[i].fields);
    }
}

// Each step only if the ones before left the module whole.
static void validate_references(Validator *v, uint32_t errors_before) {
    static void (*const STEPS[])(Validator *) = {
        validate_function_names, validate_loose_defaults, validate_scheduled_functions,
        validate_view_keys,      validate_namespaces,
    };
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        if (error_count(v) == errors_before) STEPS[i](v);
    }
}

// Equal texts are one rule.
static void collect_row_level_security(Validator *v) {
    BytesMap seen;
    bytes_map_init(&seen);
    Bytes *rules = ARENA_ARRAY(v->arena, Bytes, v->raw->row_level_security_count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < v->raw->row_level_security_count; i++) {
        Bytes sql = v->raw->row_level_security[i];
        if (bytes_map_set(&seen, sql, v) == NULL) rules[count++] = sql;
    }
    bytes_map_done(&seen);
    v->part->row_level_security = rules;
    v->part->row_level_security_count = count;
}

static void validate_submodules(Validator *v) {
    uint32_t count = v->raw->submodule_count;
    BytesMap sources;
    BytesMap names;
    bytes_map_init(&sources);
    bytes_map_init(&names);
    v->part->submodules = ARENA_ARRAY(v->arena, ModulePart *, count);
    for (uint32_t i = 0; i < count; i++) {
        const RawSubmodule *submodule = &v->raw->submodules[i];
        Bytes name = BYTES_NONE;
        if (!validate_namespace(v, submodule->namespace_name, &name)) continue;
        bool source_taken = bytes_map_set(&sources, submodule->namespace_name, v) != NULL;
        bool name_taken = bytes_map_set(&names, name, v) != NULL;
        if (source_taken || name_taken) {
            report(v, ERROR_DUPLICATE_NAME,
                   (ErrorFields){{source_taken ? submodule->namespace_name : name}});
            continue;
        }
        v->part->submodules[v->part->submodule_count++] = validate_submodule(v, submodule, name);
    }
    bytes_map_done(&sources);
    bytes_map_done(&names);
}

// False: no name to go on with. A long one is an error, but its module is looked at all the same.
static bool validate_namespace(Validator *v, Bytes source, Bytes *ret_name) {
    if (source.count > NAMESPACE_BYTES_MAX) {
        report(v, ERROR_NAMESPACE_TOO_LONG,
               (ErrorFields){{source, text_of_number(v, source.count)}});
    }
    if (!check_identifier(v, source)) return false;
    if (!resolve_name(v, EXPLICIT_NAMESPACE, source, ret_name)) return false;
    if (ret_name->count > NAMESPACE_BYTES_MAX && source.count <= NAMESPACE_BYTES_MAX) {
        report(v, ERROR_NAMESPACE_TOO_LONG,
               (ErrorFields){{*ret_name, text_of_number(v, ret_name->count)}});
    }
    return true;
}

static ModulePart *validate_submodule(Validator *v, const RawSubmodule *submodule, Bytes name) {
    static const char *const EVENTS[LIFECYCLE_COUNT] = {"Init", "OnConnect", "OnDisconnect"};
    ModulePart place = {
        .namespace_source = submodule->namespace_name,
        .namespace_name = name,
        .path = qualify_name(v->arena, v->part->path, name),
        .accessor_path = qualify_name(v->arena, v->part->accessor_path, submodule->namespace_name),
    };
    ModulePart *part = validate_module(v->run, submodule->module, &place);
    for (uint32_t i = 0; i < part->reducer_count; i++) {
        if (part->reducers[i].lifecycle == LIFECYCLE_NONE) continue;
        Bytes event = bytes_of_text(EVENTS[part->reducers[i].lifecycle]);
        report(v, ERROR_LIFECYCLE_IN_SUBMODULE, (ErrorFields){{event, submodule->namespace_name}});
    }
    if (submodule->module->environment_count > 0) {
        report(v, ERROR_ENVIRONMENT_IN_SUBMODULE, (ErrorFields){{submodule->namespace_name}});
    }
    return part;
}

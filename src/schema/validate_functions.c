// validate_functions.c - reducers, procedures, views, HTTP handlers and routes, lifecycles,
// schedules (sats.md 11.7, 11.8), and that they do not stand in each other's way.
#include "schema/validate.h"

static bool validate_function(Validator *v, const RawFunction *raw, TypePlace place,
                              FunctionDef *function);
static void validate_view(Validator *v, const RawView *raw, ViewDef *view);
static bool find_view_row(const Type *return_type, const Type **ret_row);
static bool validate_view_params(Validator *v, const RawView *raw, ViewDef *view);
static void validate_schedule(Validator *v, const RawSchedule *raw);
static bool schedule_columns_fit(Validator *v, const TableSchema *table, uint16_t at_column);
static void validate_scheduled_function(Validator *v, TableSchema *table);
static bool is_route_path(Bytes path);
static Bytes route_method_text(Validator *v, const HttpRouteDef *route);
static void validate_view_key(Validator *v, const RawViewKey *key);
static void inherit_view_keys(Validator *v);
static void report_function_duplicates(Validator *v, const FunctionDef *functions, uint32_t count,
                                       const BytesMap *own, const BytesMap *others);

// By event.
static const char *const EVENT_NAMES[LIFECYCLE_COUNT] = {"Init", "OnConnect", "OnDisconnect"};

void validate_reducers(Validator *v) {
    uint32_t count = v->raw->reducer_count;
    v->part->reducers = ARENA_ARRAY(v->arena, FunctionDef, count);
    v->part->reducer_count = count;
    for (uint32_t i = 0; i < count; i++) {
        const RawFunction *raw = &v->raw->reducers[i];
        FunctionDef *reducer = &v->part->reducers[i];
        if (!type_is_unit(raw->return_type) || raw->error_type->kind != TYPE_STRING) {
            ErrorFields fields = {
                {raw->name, text_of_type(v, raw->return_type), text_of_type(v, raw->error_type)}};
            report(v, ERROR_REDUCER_RETURN_TYPE, fields);
        }
        if (!validate_function(v, raw, PLACE_REDUCER_PARAM, reducer)) continue;
        if (bytes_map_find(&v->reducers, reducer->name) == NULL) {
            (void)bytes_map_set(&v->reducers, reducer->name, reducer);
        }
    }
}

void validate_procedures(Validator *v) {
    uint32_t count = v->raw->procedure_count;
    v->part->procedures = ARENA_ARRAY(v->arena, FunctionDef, count);
    v->part->procedure_count = count;
    for (uint32_t i = 0; i < count; i++) {
        const RawFunction *raw = &v->raw->procedures[i];
        FunctionDef *procedure = &v->part->procedures[i];
        TypeLocation location = {PLACE_PROCEDURE_RETURN, raw->name, 0, BYTES_NONE};
        (void)validate_type_use(v, raw->return_type, location);
        (void)validate_type_size(v, raw->return_type, raw->name);
        bool is_fine = validate_function(v, raw, PLACE_PROCEDURE_PARAM, procedure);
        procedure->return_type = raw->return_type;
        if (is_fine && bytes_map_find(&v->procedures, procedure->name) == NULL) {
            (void)bytes_map_set(&v->procedures, procedure->name, procedure);
        }
    }
}

static bool validate_function(Validator *v, const RawFunction *raw, TypePlace place,
                              FunctionDef *function) {
    *function = (FunctionDef){
        .source_name = raw->name,
        .params = raw->params,
        .typespace = v->canonical,
        .lifecycle = LIFECYCLE_NONE,
        .is_private = raw->is_private,
    };
    bool is_fine = check_identifier(v, raw->name);
    TypeLocation location = {place, raw->name, 0, BYTES_NONE};
    is_fine = validate_params(v, raw->params, location, &function->canonical_params) && is_fine;
    is_fine = validate_type_size(v, raw->params, raw->name) != 0 && is_fine;
    return resolve_name(v, EXPLICIT_FUNCTION, raw->name, &function->name) && is_fine;
}

void validate_views(Validator *v) {
    uint32_t count = v->raw->view_count;
    v->part->views = ARENA_ARRAY(v->arena, ViewDef, count);
    v->part->view_count = count;
    for (uint32_t i = 0; i < count; i++) validate_view(v, &v->raw->views[i], &v->part->views[i]);
}

static void validate_view(Validator *v, const RawView *raw, ViewDef *view) {
    const Type *row = NULL;
    if (!find_view_row(raw->return_type, &row)) {
        report(v, ERROR_VIEW_RETURN_TYPE,
               (ErrorFields){{raw->name, text_of_type(v, raw->return_type)}});
        return;
    }
    if (product_at(v->canonical, row->ref) == NULL) {
        report(v, ERROR_PRODUCT_TYPE_REF, (ErrorFields){{raw->name, text_of_number(v, row->ref)}});
        return;
    }
    *view = (ViewDef){
        .index = raw->index,
        .source_name = raw->name,
        .is_public = raw->is_public,
        .is_anonymous = raw->is_anonymous,
        .params = raw->params,
        .return_type = raw->return_type,
        .typespace = v->canonical,
        .primary_key = COLUMN_NONE,
    };
    if (!resolve_name(v, EXPLICIT_FUNCTION, raw->name, &view->name)) return;
    if (!validate_view_params(v, raw, view)) return;
    (void)validate_type_use(v, row, (TypeLocation){PLACE_VIEW_RETURN, view->name, 0, BYTES_NONE});
    if (!claim_name(v, view->name)) return;
    (void)validate_columns(v, raw->name, row->ref, &view->columns, &view->column_count);
    (void)check_identifier(v, raw->name);
    if (bytes_map_find(&v->views, view->name) == NULL)
        (void)bytes_map_set(&v->views, view->name, view);
    if (bytes_map_find(&v->views_by_source, raw->name) == NULL) {
        (void)bytes_map_set(&v->views_by_source, raw->name, view);
    }
}

// Option<Ref>, Array<Ref> or {__query__: Ref}.
static bool find_view_row(const Type *return_type, const Type **ret_row) {
    const Type *row = NULL;
    if (return_type->kind == TYPE_ARRAY) row = return_type->element;
    if (return_type->special == SPECIAL_OPTION || return_type->special == SPECIAL_QUERY) {
        row = return_type->fields[0].type;
    }
    if (row == NULL || row->kind != TYPE_REF) return false;
    *ret_row = row;
    return true;
}

static bool validate_view_params(Validator *v, const RawView *raw, ViewDef *view) {
    TypeLocation location = {PLACE_VIEW_PARAM, view->name, 0, BYTES_NONE};
    bool is_fine = validate_params(v, raw->params, location, &view->canonical_params);
    is_fine = validate_type_size(v, raw->params, raw->name) != 0 && is_fine;
    for (uint32_t i = 0; i < raw->params->field_count; i++) {
        TypeKind kind = raw->params->fields[i].type->kind;
        if (kind != TYPE_F32 && kind != TYPE_F64) continue;
        report(v, ERROR_VIEW_FLOAT_PARAMETER,
               (ErrorFields){{raw->name, raw->params->fields[i].name}});
        is_fine = false;
    }
    return is_fine;
}

void validate_handlers(Validator *v) {
    uint32_t count = v->raw->handler_count;
    v->part->handlers = ARENA_ARRAY(v->arena, FunctionDef, count);
    v->part->handler_count = count;
    for (uint32_t i = 0; i < count; i++) {
        FunctionDef *handler = &v->part->handlers[i];
        *handler = (FunctionDef){
            .id = i,
            .source_name = v->raw->handlers[i],
            .params = type_unit(),
            .canonical_params = type_unit(),
            .typespace = v->canonical,
            .lifecycle = LIFECYCLE_NONE,
        };
        bool is_fine = check_identifier(v, handler->source_name);
        if (!resolve_name(v, EXPLICIT_FUNCTION, handler->source_name, &handler->name) || !is_fine)
            continue;
        if (bytes_map_find(&v->handlers, handler->name) != NULL) {
            report(v, ERROR_DUPLICATE_HANDLER, (ErrorFields){{handler->name}});
        } else {
            (void)bytes_map_set(&v->handlers, handler->name, handler);
        }
    }
}

void validate_routes(Validator *v) {
    uint32_t count = v->raw->route_count;
    uint32_t errors_before = error_count(v);
    HttpRouteDef *routes = ARENA_ARRAY(v->arena, HttpRouteDef, count);
    v->part->routes = routes;
    v->part->route_count = count;
    for (uint32_t i = 0; i < count; i++) {
        const RawRoute *raw = &v->raw->routes[i];
        routes[i] = (HttpRouteDef){0, raw->method, raw->extension, raw->path};
        if (!is_route_path(raw->path)) {
            report(v, ERROR_ROUTE_PATH, (ErrorFields){{raw->path}});
            continue;
        }
        Bytes name = BYTES_NONE;
        if (!resolve_name(v, EXPLICIT_FUNCTION, raw->handler, &name)) continue;
        const FunctionDef *handler = bytes_map_find(&v->handlers, name);
        if (handler == NULL) {
            report(v, ERROR_ROUTE_HANDLER, (ErrorFields){{raw->handler}});
        } else {
            routes[i].handler = handler->id;
        }
    }
    if (error_count(v) != errors_before) return;
    // "path" has a route, "path 1 Any" and "path 1 Method(Get)" say which.
    BytesMap taken;
    bytes_map_init(&taken);
    for (uint32_t i = 0; i < count; i++) {
        Bytes path = routes[i].path;
        Bytes method = route_method_text(v, &routes[i]);
        Bytes any = arena_format(v->scratch, "%.*s\1Any", BYTES_FORMAT(path));
        Bytes exact = arena_format(v->scratch, "%.*s\1%.*s", BYTES_FORMAT(path),
                                   BYTES_FORMAT(method));
        bool overlaps = bytes_map_find(&taken, any) || bytes_map_find(&taken, exact) ||
                        (routes[i].method < 0 && bytes_map_find(&taken, path));
        if (overlaps) report(v, ERROR_DUPLICATE_ROUTE, (ErrorFields){{path, method}});
        (void)bytes_map_set(&taken, path, v);
        (void)bytes_map_set(&taken, exact, v);
    }
    bytes_map_done(&taken);
}

// Empty or from "/", of a-z 0-9 - _ ~ /.
static bool is_route_path(Bytes path) {
    if (path.count > 0 && path.data[0] != '/') return false;
    for (uint32_t i = 0; i < path.count; i++) {
        uint8_t byte = path.data[i];
        bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
        if (!is_plain && byte != '-' && byte != '_' && byte != '~' && byte != '/') return false;
    }
    return true;
}

static Bytes route_method_text(Validator *v, const HttpRouteDef *route) {
    static const char *const METHODS[] = {"Get",     "Head",    "Post",  "Put",  "Delete",
                                          "Connect", "Options", "Trace", "Patch"};
    if (route->method < 0) return BYTES_LITERAL("Any");
    if (route->method == 9) {
        return arena_format(v->scratch, "Method(Extension(\"%.*s\"))",
                            BYTES_FORMAT(route->method_extension));
    }
    return arena_format(v->scratch, "Method(%s)", METHODS[route->method]);
}

void validate_schedules(Validator *v) {
    for (uint32_t i = 0; i < v->raw->schedule_count; i++)
        validate_schedule(v, &v->raw->schedules[i]);
}

static void validate_schedule(Validator *v, const RawSchedule *raw) {
    Bytes table_name = BYTES_NONE;
    if (!resolve_name(v, EXPLICIT_TABLE, raw->table, &table_name)) return;
    TableSchema *table = bytes_map_find(&v->tables, table_name);
    if (table == NULL) {
        report(v, ERROR_TABLE_NOT_FOUND, (ErrorFields){{raw->table}});
        return;
    }
    bool is_given = v->raw->version < 10 && raw->name.data != NULL;
    Bytes name = is_given ? raw->name
                          : arena_format(v->arena, "%.*s_sched", BYTES_FORMAT(table_name));
    bool is_fine = schedule_columns_fit(v, table, raw->column);
    if (!is_fine) {
        const Type *row = product_at(v->canonical, table->product_type_ref);
        report(v, ERROR_SCHEDULED_COLUMNS, (ErrorFields){{raw->table, text_of_type(v, row)}});
    }
    if (table->is_event) {
        report(v, ERROR_SCHEDULED_EVENT_TABLE, (ErrorFields){{table_name}});
        is_fine = false;
    }
    if (table->has_schedule) {
        report(v, ERROR_DUPLICATE_SCHEDULE, (ErrorFields){{table_name}});
        is_fine = false;
    }
    Bytes function = BYTES_NONE;
    is_fine = claim_name(v, name) && is_fine;
    is_fine = resolve_name(v, EXPLICIT_FUNCTION, raw->function, &function) && is_fine;
    if (!is_fine || !check_identifier(v, name)) return;
    table->schedule = (ScheduleSchema){
        .name = name, .function = function, .at_column = raw->column};
    table->has_schedule = true;
}

// A time column of the very type ScheduleAt, and a primary key of u64.
static bool schedule_columns_fit(Validator *v, const TableSchema *table, uint16_t at_column) {
    const Type *row = product_at(v->canonical, table->product_type_ref);
    if (at_column >= row->field_count || table->primary_key == COLUMN_NONE) return false;
    return row->fields[at_column].type->special == SPECIAL_SCHEDULE_AT &&
           row->fields[table->primary_key].type->kind == TYPE_U64;
}

void validate_lifecycles(Validator *v) {
    bool has_event[LIFECYCLE_COUNT] = {false};
    for (uint32_t i = 0; i < v->raw->lifecycle_count; i++) {
        const RawLifecycle *raw = &v->raw->lifecycles[i];
        Bytes event = bytes_of_text(EVENT_NAMES[raw->event]);
        Bytes name = BYTES_NONE;
        if (!resolve_name(v, EXPLICIT_FUNCTION, raw->function, &name)) continue;
        FunctionDef *reducer = bytes_map_find(&v->reducers, name);
        if (reducer == NULL) {
            report(v, ERROR_LIFECYCLE_WITHOUT_REDUCER, (ErrorFields){{event}});
        } else if (has_event[raw->event] || reducer->lifecycle != LIFECYCLE_NONE) {
            report(v, ERROR_DUPLICATE_LIFECYCLE, (ErrorFields){{event}});
        } else {
            has_event[raw->event] = true;
            reducer->lifecycle = raw->event;
            if (v->raw->version >= 10) reducer->is_private = true;
        }
    }
}

void validate_function_names(Validator *v) {
    const ModulePart *part = v->part;
    report_function_duplicates(v, part->reducers, part->reducer_count, &v->reducers, NULL);
    report_function_duplicates(v, part->procedures, part->procedure_count, &v->procedures,
                               &v->reducers);
    for (uint32_t i = 0; i < part->view_count; i++) {
        Bytes name = part->views[i].name;
        bool is_taken = bytes_map_find(&v->reducers, name) ||
                        bytes_map_find(&v->procedures, name) ||
                        bytes_map_find(&v->views, name) != &part->views[i];
        if (is_taken) report(v, ERROR_DUPLICATE_FUNCTION, (ErrorFields){{name}});
    }
}

static void report_function_duplicates(Validator *v, const FunctionDef *functions, uint32_t count,
                                       const BytesMap *own, const BytesMap *others) {
    for (uint32_t i = 0; i < count; i++) {
        Bytes name = functions[i].name;
        bool is_taken = bytes_map_find(own, name) != &functions[i] ||
                        (others && bytes_map_find(others, name));
        if (is_taken) report(v, ERROR_DUPLICATE_FUNCTION, (ErrorFields){{name}});
    }
}

void validate_scheduled_functions(Validator *v) {
    for (uint32_t i = 0; i < v->part->table_count; i++) {
        if (v->part->tables[i].has_schedule) validate_scheduled_function(v, &v->part->tables[i]);
    }
}

// A reducer or procedure of this module whose only parameter is the Ref of the table's row, and no
// other type.
static void validate_scheduled_function(Validator *v, TableSchema *table) {
    Bytes name = table->schedule.function;
    FunctionDef *function = bytes_map_find(&v->reducers, name);
    if (function == NULL) function = bytes_map_find(&v->procedures, name);
    if (function == NULL) {
        report(v, ERROR_SCHEDULED_FUNCTION_MISSING, (ErrorFields){{table->schedule.name, name}});
        return;
    }
    const Type *params = function->params;
    bool fits = params->field_count == 1 && params->fields[0].type->kind == TYPE_REF &&
                params->fields[0].type->ref == table->product_type_ref;
    if (!fits) {
        Bytes expected = arena_format(v->scratch, "(0: &%u)", table->product_type_ref);
        report(v, ERROR_SCHEDULED_FUNCTION_PARAMS,
               (ErrorFields){{name, expected, text_of_type(v, params)}});
        return;
    }
    if (v->raw->version >= 10) function->is_private = true;
}

void validate_view_keys(Validator *v) {
    BytesMap seen;
    bytes_map_init(&seen);
    for (uint32_t i = 0; i < v->raw->view_key_count; i++) {
        const RawViewKey *key = &v->raw->view_keys[i];
        if (bytes_map_set(&seen, key->view, v) != NULL) {
            report(v, ERROR_VIEW_KEY_REPEATED, (ErrorFields){{key->view}});
        } else {
            validate_view_key(v, key);
        }
    }
    bytes_map_done(&seen);
    inherit_view_keys(v);
}

static void validate_view_key(Validator *v, const RawViewKey *key) {
    if (key->column_count > 1) {
        Buffer text;
        buffer_init(&text, ERROR_TEXT_MAX);
        buffer_u8(&text, '[');
        for (uint32_t i = 0; i < key->column_count; i++) {
            buffer_append_format(&text, "%s\"%.*s\"", i > 0 ? ", " : "",
                                 BYTES_FORMAT(key->columns[i]));
        }
        buffer_u8(&text, ']');
        Bytes columns = arena_copy(v->scratch, buffer_bytes(&text));
        buffer_done(&text);
        report(v, ERROR_VIEW_KEY_COLUMNS, (ErrorFields){{key->view, columns}});
        return;
    }
    if (key->column_count == 0) return;
    ViewDef *view = bytes_map_find(&v->views_by_source, key->view);
    if (view == NULL) {
        report(v, ERROR_VIEW_KEY_VIEW, (ErrorFields){{key->view}});
        return;
    }
    for (uint16_t i = 0; i < view->column_count; i++) {
        if (!bytes_equal(view->columns[i].accessor, key->columns[0])) continue;
        view->primary_key = i;
        if (view->params->field_count > 0)
            report(v, ERROR_VIEW_KEY_PARAMETERS, (ErrorFields){{key->view}});
        return;
    }
    report(v, ERROR_VIEW_KEY_COLUMN, (ErrorFields){{key->view, key->columns[0]}});
}

// A query view without a key of its own takes that of the tables with its row type, if they agree.
static void inherit_view_keys(Validator *v) {
    const uint16_t disagree = COLUMN_NONE - 1;
    uint16_t *keys = ARENA_ARRAY(v->scratch, uint16_t, v->canonical->count);
    for (uint32_t i = 0; i < v->canonical->count; i++) keys[i] = COLUMN_NONE;
    for (uint32_t i = 0; i < v->part->table_count; i++) {
        const TableSchema *table = &v->part->tables[i];
        if (table->primary_key == COLUMN_NONE) continue;
        uint16_t *key = &keys[table->product_type_ref];
        *key = *key == COLUMN_NONE || *key == table->primary_key ? table->primary_key : disagree;
    }
    for (uint32_t i = 0; i < v->part->view_count; i++) {
        ViewDef *view = &v->part->views[i];
        if (view->return_type->special != SPECIAL_QUERY || v->raw->version < 10) continue;
        if (view->primary_key != COLUMN_NONE || view->params->field_count > 0) continue;
        uint16_t key = keys[view->return_type->fields[0].type->ref];
        if (key != disagree) view->primary_key = key;
    }
}

// export.c - a definition as JSON, the way /schema gives it (sats.md 13.3, since-2.8.md 1.5).
//
// Each object is written field by field in the order of the raw structures of raw_def.h; a JsonList
// puts the commas. V10 is exported under policy None with all names explicit, so that whoever reads
// it back gets the same names.
#include "schema/module_part.h"
#include "schema/schema.h"

#include <stdlib.h>

typedef struct JsonList {
    Buffer *buffer;
    bool has_items;
} JsonList;

// Both forms of a table, index, type share their writers; they differ in the names of fields and
// which name they give.
typedef enum ExportForm { EXPORT_V9, EXPORT_V10 } ExportForm;

static void write_tables(Buffer *buffer, const ModulePart *part, ExportForm form);
static void write_table(Buffer *buffer, const ModulePart *part, const TableSchema *table,
                        ExportForm form);
static void write_indexes(Buffer *buffer, const ModulePart *part, const TableSchema *table,
                          ExportForm form);
static void write_constraints(Buffer *buffer, const ModulePart *part, const TableSchema *table,
                              ExportForm form);
static void write_sequences(Buffer *buffer, const ModulePart *part, const TableSchema *table,
                            ExportForm form);
static void write_schedule_v9(Buffer *buffer, const ModulePart *part, const TableSchema *table);
static void write_defaults_v10(Buffer *buffer, const TableSchema *table);
static void write_types(Buffer *buffer, const ModulePart *part, ExportForm form);
static void write_reducers_v9(Buffer *buffer, const ModulePart *part);
static void write_exports_v9(Buffer *buffer, const ModulePart *part);
static void write_view(Buffer *buffer, const ModulePart *part, const ViewDef *view,
                       ExportForm form);
static void write_row_level_security(Buffer *buffer, const ModulePart *part);
static void write_typespace(Buffer *buffer, const Typespace *typespace);
static void write_module_v10(Buffer *buffer, const ModulePart *part);
static void write_environment(Buffer *buffer, const ModulePart *part);
static void write_functions_v10(JsonList *sections, const ModulePart *part);
static void write_http_v10(JsonList *sections, const ModulePart *part);
static void write_views_v10(JsonList *sections, const ModulePart *part);
static void write_schedules_v10(JsonList *sections, const ModulePart *part);
static void write_lifecycles_v10(JsonList *sections, const ModulePart *part);
static void write_submodules_v10(JsonList *sections, const ModulePart *part);
static void write_explicit_names(JsonList *sections, const ModulePart *part);
static void write_mapping(JsonList *entries, const char *kind, Bytes source, Bytes canonical);
static void write_params(Buffer *buffer, const Type *params);
static const void **sorted_by_name(const void *items, size_t item_bytes, uint32_t count,
                                   size_t name_offset);

static JsonList list_begin(Buffer *buffer) {
    buffer_u8(buffer, '[');
    return (JsonList){buffer, false};
}

static Buffer *list_item(JsonList *list) {
    if (list->has_items) buffer_u8(list->buffer, ',');
    list->has_items = true;
    return list->buffer;
}

static void list_end(JsonList *list) {
    buffer_u8(list->buffer, ']');
}

static void write_some(Buffer *buffer, Bytes name) {
    if (name.data == NULL) {
        buffer_append_text(buffer, "{\"none\":[]}");
        return;
    }
    buffer_append_text(buffer, "{\"some\":");
    json_write_string(buffer, name);
    buffer_u8(buffer, '}');
}

static void write_bool(Buffer *buffer, bool value) {
    buffer_append_text(buffer, value ? "true" : "false");
}

static Bytes local_name(const ModulePart *part, Bytes name) {
    return part_local_name(part->path, name);
}

static Bytes local_source(const ModulePart *part, Bytes source) {
    return part_local_name(part->accessor_path, source);
}

void module_def_write_json_v9(const ModuleDef *def, Buffer *buffer) {
    const ModulePart *part = def->raw->root;
    buffer_append_text(buffer, "{\"typespace\":");
    write_typespace(buffer, part->typespace);
    buffer_append_text(buffer, ",\"tables\":");
    write_tables(buffer, part, EXPORT_V9);
    buffer_append_text(buffer, ",\"reducers\":");
    write_reducers_v9(buffer, part);
    buffer_append_text(buffer, ",\"types\":");
    write_types(buffer, part, EXPORT_V9);
    buffer_append_text(buffer, ",\"misc_exports\":");
    write_exports_v9(buffer, part);
    buffer_append_text(buffer, ",\"row_level_security\":");
    write_row_level_security(buffer, part);
    buffer_u8(buffer, '}');
}

void module_def_write_json_v10(const ModuleDef *def, Buffer *buffer) {
    write_module_v10(buffer, def->raw->root);
}

static void write_tables(Buffer *buffer, const ModulePart *part, ExportForm form) {
    const TableSchema **tables = (const TableSchema **)sorted_by_name(
        part->tables, sizeof(TableSchema), part->table_count, offsetof(TableSchema, name));
    JsonList list = list_begin(buffer);
    for (uint32_t i = 0; i < part->table_count; i++)
        write_table(list_item(&list), part, tables[i], form);
    list_end(&list);
    mem_free(tables);
}

static void write_table(Buffer *buffer, const ModulePart *part, const TableSchema *table,
                        ExportForm form) {
    buffer_append_text(buffer, form == EXPORT_V9 ? "{\"name\":" : "{\"source_name\":");
    json_write_string(buffer, form == EXPORT_V9 ? local_name(part, table->name)
                                                : local_source(part, table->accessor));
    buffer_append_format(buffer, ",\"product_type_ref\":%u,\"primary_key\":[",
                         table->product_type_ref);
    if (table->primary_key != COLUMN_NONE) buffer_append_format(buffer, "%u", table->primary_key);
    buffer_append_text(buffer, "],\"indexes\":");
    write_indexes(buffer, part, table, form);
    buffer_append_text(buffer, ",\"constraints\":");
    write_constraints(buffer, part, table, form);
    buffer_append_text(buffer, ",\"sequences\":");
    write_sequences(buffer, part, table, form);
    if (form == EXPORT_V9) {
        buffer_append_text(buffer, ",\"schedule\":");
        write_schedule_v9(buffer, part, table);
    }
    buffer_append_format(buffer, ",\"table_type\":{\"%s\":[]},\"table_access\":{\"%s\":[]}",
                         table->origin == TABLE_SYSTEM ? "System" : "User",
                         table->access == TABLE_PUBLIC ? "Public" : "Private");
    if (form == EXPORT_V10) {
        buffer_append_text(buffer, ",\"default_values\":");
        write_defaults_v10(buffer, table);
        buffer_append_text(buffer, ",\"is_event\":");
        write_bool(buffer, table->is_event);
    }
    buffer_u8(buffer, '}');
}

static void write_columns(Buffer *buffer, ColumnList columns) {
    JsonList list = list_begin(buffer);
    for (uint32_t i = 0; i < columns.count; i++)
        buffer_append_format(list_item(&list), "%u", columns.items[i]);
    list_end(&list);
}

static void write_indexes(Buffer *buffer, const ModulePart *part, const TableSchema *table,
                          ExportForm form) {
    const IndexSchema **indexes = (const IndexSchema **)sorted_by_name(
        table->indexes, sizeof(IndexSchema), table->index_count, offsetof(IndexSchema, name));
    JsonList list = list_begin(buffer);
    for (uint32_t i = 0; i < table->index_count; i++) {
        const IndexSchema *index = indexes[i];
        buffer_append_text(list_item(&list),
                           form == EXPORT_V9 ? "{\"name\":" : "{\"source_name\":");
        write_some(buffer, form == EXPORT_V9 ? local_name(part, index->name)
                                             : local_source(part, index->accessor));
        buffer_append_text(buffer, ",\"accessor_name\":");
        write_some(buffer, index->codegen_name);
        buffer_append_text(buffer, ",\"algorithm\":");
        if (index->kind == INDEX_DIRECT) {
            buffer_append_format(buffer, "{\"Direct\":%u}}", index->columns.items[0]);
            continue;
        }
        buffer_append_text(buffer, index->kind == INDEX_BTREE ? "{\"BTree\":" : "{\"Hash\":");
        write_columns(buffer, index->columns);
        buffer_append_text(buffer, "}}");
    }
    list_end(&list);
    mem_free(indexes);
}

static void write_constraints(Buffer *buffer, const ModulePart *part, const TableSchema *table,
                              ExportForm form) {
    const ConstraintSchema **constraints = (const ConstraintSchema **)sorted_by_name(
        table->constraints, sizeof(ConstraintSchema), table->constraint_count,
        offsetof(ConstraintSchema, name));
    JsonList list = list_begin(buffer);
    for (uint32_t i = 0; i < table->constraint_count; i++) {
        buffer_append_text(list_item(&list),
                           form == EXPORT_V9 ? "{\"name\":" : "{\"source_name\":");
        write_some(buffer, local_name(part, constraints[i]->name));
        buffer_append_text(buffer, ",\"data\":{\"Unique\":{\"columns\":");
        write_columns(buffer, constraints[i]->columns);
        buffer_append_text(buffer, "}}}");
    }
    list_end(&list);
    mem_free(constraints);
}

static void write_sequences(Buffer *buffer, const ModulePart *part, const TableSchema *table,
                            ExportForm form) {
    const SequenceSchema **sequences = (const SequenceSchema **)sorted_by_name(
        table->sequences, sizeof(SequenceSchema), table->sequence_count,
        offsetof(SequenceSchema, name));
    JsonList list = list_begin(buffer);
    for (uint32_t i = 0; i < table->sequence_count; i++) {
        buffer_append_text(list_item(&list),
                           form == EXPORT_V9 ? "{\"name\":" : "{\"source_name\":");
        write_some(buffer, local_name(part, sequences[i]->name));
        buffer_append_format(buffer,
                             ",\"column\":%u,\"start\":{\"none\":[]},\"min_value\":{\"none\":[]},"
                             "\"max_value\":{\"none\":[]},\"increment\":1}",
                             sequences[i]->column);
    }
    list_end(&list);
    mem_free(sequences);
}

static void write_schedule_v9(Buffer *buffer, const ModulePart *part, const TableSchema *table) {
    if (!table->has_schedule) {
        buffer_append_text(buffer, "{\"none\":[]}");
        return;
    }
    buffer_append_text(buffer, "{\"some\":{\"name\":");
    write_some(buffer, local_name(part, table->schedule.name));
    buffer_append_text(buffer, ",\"reducer_name\":");
    json_write_string(buffer, local_name(part, table->schedule.function));
    buffer_append_format(buffer, ",\"scheduled_at_column\":%u}}", table->schedule.at_column);
}

static void write_default(Buffer *buffer, const TableSchema *table, uint32_t column) {
    buffer_append_format(buffer, "\"col_id\":%u,\"value\":\"", column);
    buffer_append_hex(buffer, table->columns[column].default_value);
    buffer_append_text(buffer, "\"}");
}

static void write_defaults_v10(Buffer *buffer, const TableSchema *table) {
    JsonList list = list_begin(buffer);
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].default_value.data == NULL) continue;
        buffer_u8(list_item(&list), '{');
        write_default(buffer, table, i);
    }
    list_end(&list);
}

static int scoped_name_compare(const void *left, const void *right) {
    const NamedTypeDef *a = *(const NamedTypeDef *const *)left;
    const NamedTypeDef *b = *(const NamedTypeDef *const *)right;
    for (uint32_t i = 0; i < a->scope_count && i < b->scope_count; i++) {
        int order = bytes_compare(a->scope[i], b->scope[i]);
        if (order != 0) return order;
    }
    if (a->scope_count != b->scope_count) return a->scope_count < b->scope_count ? -1 : 1;
    return bytes_compare(a->name, b->name);
}

static void write_types(Buffer *buffer, const ModulePart *part, ExportForm form) {
    const NamedTypeDef **types = mem_alloc(sizeof(NamedTypeDef *) * part->type_count);
    for (uint32_t i = 0; i < part->type_count; i++) types[i] = &part->types[i];
    qsort(types, part->type_count, sizeof *types, scoped_name_compare);
    const char *name_field = form == EXPORT_V9 ? "name" : "source_name";
    JsonList list = list_begin(buffer);
    for (uint32_t i = 0; i < part->type_count; i++) {
        buffer_append_format(list_item(&list), "{\"%s\":{\"scope\":", name_field);
        JsonList scope = list_begin(buffer);
        for (uint32_t s = 0; s < types[i]->scope_count; s++)
            json_write_string(list_item(&scope), types[i]->scope[s]);
        list_end(&scope);
        buffer_append_format(buffer, ",\"%s\":", name_field);
        json_write_string(buffer, types[i]->name);
        buffer_append_format(buffer, "},\"ty\":%u,\"custom_ordering\":", types[i]->ref);
        write_bool(buffer, types[i]->custom_ordering);
        buffer_u8(buffer, '}');
    }
    list_end(&list);
    mem_free(types);
}

// By lifecycle.
static const char *const LIFECYCLE_NAMES[LIFECYCLE_COUNT] = {"Init", "OnConnect", "OnDisconnect"};

static void write_reducers_v9(Buffer *buffer, const ModulePart *part) {
    JsonList list = list_begin(buffer);
    for (uint32_t i = 0; i < part->reducer_count; i++) {
        const FunctionDef *reducer = &part->reducers[i];
        buffer_append_text(list_item(&list), "{\"name\":");
        json_write_string(buffer, local_name(part, reducer->name));
        buffer_append_text(buffer, ",\"params\":");
        write_params(buffer, reducer->params);
        buffer_append_text(buffer, ",\"lifecycle\":");
        if (reducer->lifecycle == LIFECYCLE_NONE) {
            buffer_append_text(buffer, "{\"none\":[]}}");
        } else {
            buffer_append_format(buffer, "{\"some\":{\"%s\":[]}}}",
                                 LIFECYCLE_NAMES[reducer->lifecycle]);
        }
    }
    list_end(&list);
}

static void write_exports_v9(Buffer *buffer, const ModulePart *part) {
    JsonList list = list_begin(buffer);
    const TableSchema **tables = (const TableSchema **)sorted_by_name(
        part->tables, sizeof(TableSchema), part->table_count, offsetof(TableSchema, name));
    for (uint32_t i = 0; i < part->table_count; i++) {
        for (uint32_t c = 0; c < tables[i]->column_count; c++) {
            if (tables[i]->columns[c].default_value.data == NULL) continue;
            buffer_append_text(list_item(&list), "{\"ColumnDefaultValue\":{\"table\":");
            json_write_string(buffer, local_name(part, tables[i]->name));
            buffer_u8(buffer, ',');
            write_default(buffer, tables[i], c);
            buffer_u8(buffer, '}');
        }
    }
    mem_free(tables);
    for (uint32_t i = 0; i < part->procedure_count; i++) {
        const FunctionDef *procedure = &part->procedures[i];
        buffer_append_text(list_item(&list), "{\"Procedure\":{\"name\":");
        json_write_string(buffer, local_name(part, procedure->name));
        buffer_append_text(buffer, ",\"params\":");
        write_params(buffer, procedure->params);
        buffer_append_text(buffer, ",\"return_type\":");
        type_write_json(buffer, procedure->return_type);
        buffer_append_text(buffer, "}}");
    }
    for (uint32_t i = 0; i < part->view_count; i++) {
        buffer_append_text(list_item(&list), "{\"View\":");
        write_view(buffer, part, &part->views[i], EXPORT_V9);
        buffer_u8(buffer, '}');
    }
    list_end(&list);
}

static void write_view(Buffer *buffer, const ModulePart *part, const ViewDef *view,
                       ExportForm form) {
    buffer_append_text(buffer, form == EXPORT_V9 ? "{\"name\":" : "{\"source_name\":");
    json_write_string(buffer, form == EXPORT_V9 ? local_name(part, view->name)
                                                : local_source(part, view->source_name));
    buffer_append_format(buffer, ",\"index\":%u,\"is_public\":", view->index);
    write_bool(buffer, view->is_public);
    buffer_append_text(buffer, ",\"is_anonymous\":");
    write_bool(buffer, view->is_anonymous);
    buffer_append_text(buffer, ",\"params\":");
    write_params(buffer, form == EXPORT_V9 ? view->params : view->canonical_params);
    buffer_append_text(buffer, ",\"return_type\":");
    type_write_json(buffer, view->return_type);
    buffer_u8(buffer, '}');
}

static void write_row_level_security(Buffer *buffer, const ModulePart *part) {
    JsonList list = list_begin(buffer);
    for (uint32_t i = 0; i < part->row_level_security_count; i++) {
        buffer_append_text(list_item(&list), "{\"sql\":");
        json_write_string(buffer, part->row_level_security[i]);
        buffer_u8(buffer, '}');
    }
    list_end(&list);
}

static void write_typespace(Buffer *buffer, const Typespace *typespace) {
    buffer_append_text(buffer, "{\"types\":");
    JsonList list = list_begin(buffer);
    for (uint32_t i = 0; i < typespace->count; i++)
        type_write_json(list_item(&list), typespace->types[i]);
    list_end(&list);
    buffer_u8(buffer, '}');
}

// Opens a section; the caller writes its payload and a "}".
static Buffer *section_begin(JsonList *sections, const char *name) {
    buffer_append_format(list_item(sections), "{\"%s\":", name);
    return sections->buffer;
}

static void write_module_v10(Buffer *buffer, const ModulePart *part) {
    buffer_append_text(buffer, "{\"sections\":");
    JsonList sections = list_begin(buffer);
    buffer_append_text(list_item(&sections), "{\"CaseConversionPolicy\":{\"None\":[]}}");
    if (part->has_environment) {
        write_environment(section_begin(&sections, "Environment"), part);
        buffer_u8(buffer, '}');
    }
    write_typespace(section_begin(&sections, "Typespace"), part->typespace);
    buffer_u8(buffer, '}');
    if (part->type_count > 0) {
        write_types(section_begin(&sections, "Types"), part, EXPORT_V10);
        buffer_u8(buffer, '}');
    }
    if (part->table_count > 0) {
        write_tables(section_begin(&sections, "Tables"), part, EXPORT_V10);
        buffer_u8(buffer, '}');
    }
    write_functions_v10(&sections, part);
    write_http_v10(&sections, part);
    write_views_v10(&sections, part);
    write_schedules_v10(&sections, part);
    write_lifecycles_v10(&sections, part);
    if (part->row_level_security_count > 0) {
        write_row_level_security(section_begin(&sections, "RowLevelSecurity"), part);
        buffer_u8(buffer, '}');
    }
    write_submodules_v10(&sections, part);
    write_explicit_names(&sections, part);
    list_end(&sections);
    buffer_u8(buffer, '}');
}

static void write_environment(Buffer *buffer, const ModulePart *part) {
    JsonList list = list_begin(buffer);
    for (uint32_t i = 0; i < part->environment_count; i++) {
        const EnvironmentDef *entry = &part->environment[i];
        buffer_append_text(list_item(&list), "{\"name\":");
        json_write_string(buffer, entry->name);
        buffer_append_text(buffer, ",\"ty\":");
        if (entry->kind == ENVIRONMENT_STRING) {
            buffer_append_text(buffer, "{\"String\":[]}");
        } else if (entry->kind == ENVIRONMENT_LITERAL) {
            buffer_append_text(buffer, "{\"StringLiteral\":");
            json_write_string(buffer, entry->literals[0]);
            buffer_u8(buffer, '}');
        } else {
            buffer_append_text(buffer, "{\"Union\":");
            JsonList literals = list_begin(buffer);
            for (uint32_t l = 0; l < entry->literal_count; l++) {
                json_write_string(list_item(&literals), entry->literals[l]);
            }
            list_end(&literals);
            buffer_u8(buffer, '}');
        }
        buffer_append_text(buffer, ",\"optional\":");
        write_bool(buffer, entry->is_optional);
        buffer_u8(buffer, '}');
    }
    list_end(&list);
}

static void write_function_v10(Buffer *buffer, const ModulePart *part,
                               const FunctionDef *function) {
    buffer_append_text(buffer, "{\"source_name\":");
    json_write_string(buffer, local_source(part, function->source_name));
    buffer_append_text(buffer, ",\"params\":");
    write_params(buffer, function->canonical_params);
}

static void write_visibility(Buffer *buffer, const FunctionDef *function) {
    buffer_append_format(buffer, ",\"visibility\":{\"%s\":[]}",
                         function->is_private ? "Private" : "ClientCallable");
}

static void write_functions_v10(JsonList *sections, const ModulePart *part) {
    Buffer *buffer = sections->buffer;
    if (part->reducer_count > 0) {
        JsonList list = list_begin(section_begin(sections, "Reducers"));
        for (uint32_t i = 0; i < part->reducer_count; i++) {
            write_function_v10(list_item(&list), part, &part->reducers[i]);
            write_visibility(buffer, &part->reducers[i]);
            buffer_append_text(buffer, ",\"ok_return_type\":{\"Product\":{\"elements\":[]}},"
                                       "\"err_return_type\":{\"String\":[]}}");
        }
        list_end(&list);
        buffer_u8(buffer, '}');
    }
    if (part->procedure_count > 0) {
        JsonList list = list_begin(section_begin(sections, "Procedures"));
        for (uint32_t i = 0; i < part->procedure_count; i++) {
            write_function_v10(list_item(&list), part, &part->procedures[i]);
            buffer_append_text(buffer, ",\"return_type\":");
            type_write_json(buffer, part->procedures[i].return_type);
            write_visibility(buffer, &part->procedures[i]);
            buffer_u8(buffer, '}');
        }
        list_end(&list);
        buffer_u8(buffer, '}');
    }
}

static void write_method(Buffer *buffer, const HttpRouteDef *route) {
    static const char *const METHODS[] = {"Get",     "Head",    "Post",  "Put",  "Delete",
                                          "Connect", "Options", "Trace", "Patch"};
    if (route->method < 0) {
        buffer_append_text(buffer, "{\"Any\":[]}");
    } else if (route->method == 9) {
        buffer_append_text(buffer, "{\"Method\":{\"Extension\":");
        json_write_string(buffer, route->method_extension);
        buffer_append_text(buffer, "}}");
    } else {
        buffer_append_format(buffer, "{\"Method\":{\"%s\":[]}}", METHODS[route->method]);
    }
}

static void write_http_v10(JsonList *sections, const ModulePart *part) {
    Buffer *buffer = sections->buffer;
    if (part->handler_count > 0) {
        JsonList list = list_begin(section_begin(sections, "HttpHandlers"));
        for (uint32_t i = 0; i < part->handler_count; i++) {
            buffer_append_text(list_item(&list), "{\"source_name\":");
            json_write_string(buffer, local_source(part, part->handlers[i].source_name));
            buffer_u8(buffer, '}');
        }
        list_end(&list);
        buffer_u8(buffer, '}');
    }
    if (part->route_count > 0) {
        JsonList list = list_begin(section_begin(sections, "HttpRoutes"));
        for (uint32_t i = 0; i < part->route_count; i++) {
            const HttpRouteDef *route = &part->routes[i];
            buffer_append_text(list_item(&list), "{\"handler_function\":");
            json_write_string(buffer,
                              local_source(part, part->handlers[route->handler].source_name));
            buffer_append_text(buffer, ",\"method\":");
            write_method(buffer, route);
            buffer_append_text(buffer, ",\"path\":");
            json_write_string(buffer, route->path);
            buffer_u8(buffer, '}');
        }
        list_end(&list);
        buffer_u8(buffer, '}');
    }
}

static bool exports_view_key(const ViewDef *view) {
    return view->primary_key != COLUMN_NONE && view->return_type->special != SPECIAL_QUERY;
}

static void write_views_v10(JsonList *sections, const ModulePart *part) {
    Buffer *buffer = sections->buffer;
    if (part->view_count == 0) return;
    JsonList views = list_begin(section_begin(sections, "Views"));
    uint32_t key_count = 0;
    for (uint32_t i = 0; i < part->view_count; i++) {
        write_view(list_item(&views), part, &part->views[i], EXPORT_V10);
        key_count += exports_view_key(&part->views[i]);
    }
    list_end(&views);
    buffer_u8(buffer, '}');
    if (key_count == 0) return;
    JsonList keys = list_begin(section_begin(sections, "ViewPrimaryKeys"));
    for (uint32_t i = 0; i < part->view_count; i++) {
        const ViewDef *view = &part->views[i];
        if (!exports_view_key(view)) continue;
        buffer_append_text(list_item(&keys), "{\"view_source_name\":");
        json_write_string(buffer, local_source(part, view->source_name));
        buffer_append_text(buffer, ",\"columns\":[");
        json_write_string(buffer, view->columns[view->primary_key].name);
        buffer_append_text(buffer, "]}");
    }
    list_end(&keys);
    buffer_u8(buffer, '}');
}

// Canonical names, as upstream: under policy None they lead to themselves when this is read back.
static void write_schedules_v10(JsonList *sections, const ModulePart *part) {
    Buffer *buffer = sections->buffer;
    const TableSchema **tables = (const TableSchema **)sorted_by_name(
        part->tables, sizeof(TableSchema), part->table_count, offsetof(TableSchema, name));
    JsonList list = {buffer, false};
    for (uint32_t i = 0; i < part->table_count; i++) {
        const TableSchema *table = tables[i];
        if (!table->has_schedule) continue;
        if (!list.has_items) list = list_begin(section_begin(sections, "Schedules"));
        buffer_append_text(list_item(&list), "{\"source_name\":");
        write_some(buffer, local_name(part, table->schedule.name));
        buffer_append_text(buffer, ",\"table_name\":");
        json_write_string(buffer, local_name(part, table->name));
        buffer_append_format(
            buffer, ",\"schedule_at_col\":%u,\"function_name\":", table->schedule.at_column);
        json_write_string(buffer, local_name(part, table->schedule.function));
        buffer_u8(buffer, '}');
    }
    mem_free(tables);
    if (list.has_items) buffer_append_text(buffer, "]}");
}

static void write_lifecycles_v10(JsonList *sections, const ModulePart *part) {
    Buffer *buffer = sections->buffer;
    JsonList list = {buffer, false};
    for (uint32_t event = 0; event < LIFECYCLE_COUNT; event++) {
        for (uint32_t i = 0; i < part->reducer_count; i++) {
            if (part->reducers[i].lifecycle != event) continue;
            if (!list.has_items) list = list_begin(section_begin(sections, "LifeCycleReducers"));
            buffer_append_format(
                list_item(&list),
                "{\"lifecycle_spec\":{\"%s\":[]},\"function_name\":", LIFECYCLE_NAMES[event]);
            json_write_string(buffer, local_name(part, part->reducers[i].name));
            buffer_u8(buffer, '}');
        }
    }
    if (list.has_items) buffer_append_text(buffer, "]}");
}

static void write_submodules_v10(JsonList *sections, const ModulePart *part) {
    Buffer *buffer = sections->buffer;
    if (part->submodule_count == 0) return;
    JsonList list = list_begin(section_begin(sections, "Submodules"));
    for (uint32_t i = 0; i < part->submodule_count; i++) {
        buffer_append_text(list_item(&list), "{\"namespace\":");
        json_write_string(buffer, part->submodules[i]->namespace_source);
        buffer_append_text(buffer, ",\"module\":");
        write_module_v10(buffer, part->submodules[i]);
        buffer_u8(buffer, '}');
    }
    list_end(&list);
    buffer_u8(buffer, '}');
}

// Equal namespaces need no entry and would stop older readers, which do not know the kind.
static void write_explicit_names(JsonList *sections, const ModulePart *part) {
    Buffer *buffer = section_begin(sections, "ExplicitNames");
    buffer_append_text(buffer, "{\"entries\":");
    JsonList entries = list_begin(buffer);
    const TableSchema **tables = (const TableSchema **)sorted_by_name(
        part->tables, sizeof(TableSchema), part->table_count, offsetof(TableSchema, name));
    for (uint32_t i = 0; i < part->table_count; i++) {
        write_mapping(&entries, "Table", local_source(part, tables[i]->accessor),
                      local_name(part, tables[i]->name));
    }
    mem_free(tables);
    const struct {
        const FunctionDef *items;
        uint32_t count;
    } functions[] = {{part->reducers, part->reducer_count},
                     {part->procedures, part->procedure_count}};
    for (size_t f = 0; f < sizeof functions / sizeof functions[0]; f++) {
        for (uint32_t i = 0; i < functions[f].count; i++) {
            const FunctionDef *function = &functions[f].items[i];
            write_mapping(&entries, "Function", local_source(part, function->source_name),
                          local_name(part, function->name));
        }
    }
    for (uint32_t i = 0; i < part->view_count; i++) {
        const ViewDef *view = &part->views[i];
        write_mapping(&entries, "Function", local_source(part, view->source_name),
                      local_name(part, view->name));
    }
    for (uint32_t i = 0; i < part->handler_count; i++) {
        const FunctionDef *handler = &part->handlers[i];
        write_mapping(&entries, "Function", local_source(part, handler->source_name),
                      local_name(part, handler->name));
    }
    for (uint32_t i = 0; i < part->submodule_count; i++) {
        const ModulePart *submodule = part->submodules[i];
        if (bytes_equal(submodule->namespace_source, submodule->namespace_name)) continue;
        write_mapping(&entries, "Namespace", submodule->namespace_source,
                      submodule->namespace_name);
    }
    list_end(&entries);
    buffer_append_text(buffer, "}}");
}

static void write_mapping(JsonList *entries, const char *kind, Bytes source, Bytes canonical) {
    Buffer *buffer = list_item(entries);
    buffer_append_format(buffer, "{\"%s\":{\"source_name\":", kind);
    json_write_string(buffer, source);
    buffer_append_text(buffer, ",\"canonical_name\":");
    json_write_string(buffer, canonical);
    buffer_append_text(buffer, "}}");
}

// A ProductType without tag. V9 gets the parameters as the source spells them, V10 as clients do.
static void write_params(Buffer *buffer, const Type *params) {
    buffer_append_text(buffer, "{\"elements\":");
    JsonList list = list_begin(buffer);
    for (uint32_t i = 0; i < params->field_count; i++) {
        buffer_append_text(list_item(&list), "{\"name\":");
        write_some(buffer, params->fields[i].name);
        buffer_append_text(buffer, ",\"algebraic_type\":");
        type_write_json(buffer, params->fields[i].type);
        buffer_u8(buffer, '}');
    }
    list_end(&list);
    buffer_u8(buffer, '}');
}

// The name stands behind a pointer to the item, where the comparison of sorted_by_name finds it.
typedef struct NamedItem {
    const void *item;
    Bytes name;
} NamedItem;

static int named_item_compare(const void *left, const void *right) {
    return bytes_compare(((const NamedItem *)left)->name, ((const NamedItem *)right)->name);
}

// Pointers to the items, by name; freed with mem_free.
static const void **sorted_by_name(const void *items, size_t item_bytes, uint32_t count,
                                   size_t name_offset) {
    NamedItem *named = mem_alloc(sizeof(NamedItem) * count);
    for (uint32_t i = 0; i < count; i++) {
        named[i].item = (const uint8_t *)items + item_bytes * i;
        memcpy(&named[i].name, (const uint8_t *)named[i].item + name_offset, sizeof(Bytes));
    }
    qsort(named, count, sizeof(NamedItem), named_item_compare);
    const void **pointers = mem_alloc(sizeof(void *) * count);
    for (uint32_t i = 0; i < count; i++) pointers[i] = named[i].item;
    mem_free(named);
    return pointers;
}

// raw_v10.c - RawModuleDefV10: sections in any order, of repeated ones the first counts.
//
// A section is read into a scratch RawModule and its fields taken over if its kind is new: reading
// a repeated section all the same keeps the reader in step.
#include "schema/raw_reader.h"

typedef void SectionRead(RawReader *reader, RawModule *module);

#define SECTION_COUNT 17u

static void read_typespace(RawReader *reader, RawModule *module);
static void read_types(RawReader *reader, RawModule *module);
static void read_tables(RawReader *reader, RawModule *module);
static void read_reducers(RawReader *reader, RawModule *module);
static void read_procedures(RawReader *reader, RawModule *module);
static void read_views(RawReader *reader, RawModule *module);
static void read_schedules(RawReader *reader, RawModule *module);
static void read_lifecycles(RawReader *reader, RawModule *module);
static void read_row_level_security(RawReader *reader, RawModule *module);
static void read_policy(RawReader *reader, RawModule *module);
static void read_explicit_names(RawReader *reader, RawModule *module);
static void read_handlers(RawReader *reader, RawModule *module);
static void read_routes(RawReader *reader, RawModule *module);
static void read_view_keys(RawReader *reader, RawModule *module);
static void read_submodules(RawReader *reader, RawModule *module);
static void read_environment(RawReader *reader, RawModule *module);
static void read_outboxes(RawReader *reader, RawModule *module);

// By section tag.
static SectionRead *const SECTIONS[SECTION_COUNT] = {
    read_typespace,      read_types,     read_tables,     read_reducers,           read_procedures,
    read_views,          read_schedules, read_lifecycles, read_row_level_security, read_policy,
    read_explicit_names, read_handlers,  read_routes,     read_view_keys,          read_submodules,
    read_environment,    read_outboxes,
};

void raw_v10_read(RawReader *reader, RawModule *ret_module) {
    ret_module->version = 10;
    ret_module->policy = CASE_SNAKE;
    uint32_t seen = 0;
    uint32_t count = raw_read_count(reader, 2);
    for (uint32_t i = 0; i < count && !reader->bytes.failed; i++) {
        uint8_t tag = raw_read_tag(reader, SECTION_COUNT, "RawModuleDefV10Section");
        RawModule ignored = {0};
        SECTIONS[tag](reader, (seen & 1u << tag) != 0 ? &ignored : ret_module);
        seen |= 1u << tag;
    }
}

static void read_typespace(RawReader *reader, RawModule *module) {
    raw_read_typespace(reader, &module->typespace);
}

static void read_types(RawReader *reader, RawModule *module) {
    module->types = raw_read_list(reader, (RawList){sizeof(RawType), 13, raw_read_named_type},
                                  &module->type_count);
}

static void read_default(RawReader *reader, void *item) {
    RawDefault *ret_default = item;
    ret_default->column = reader_u16(&reader->bytes);
    ret_default->value = reader_bytes(&reader->bytes);
}

static void read_table(RawReader *reader, void *item) {
    RawTable *ret_table = item;
    ret_table->name = reader_string(&reader->bytes);
    ret_table->product_type_ref = reader_u32(&reader->bytes);
    ret_table->primary_key = raw_read_columns(reader);
    ret_table->indexes = raw_read_list(reader, (RawList){sizeof(RawIndex), 5, raw_read_index},
                                       &ret_table->index_count);
    ret_table->constraints = raw_read_list(reader,
                                           (RawList){sizeof(RawConstraint), 6, raw_read_constraint},
                                           &ret_table->constraint_count);
    ret_table->sequences = raw_read_list(
        reader, (RawList){sizeof(RawSequence), 22, raw_read_sequence}, &ret_table->sequence_count);
    raw_read_table_kind(reader, ret_table);
    ret_table->defaults = raw_read_list(reader, (RawList){sizeof(RawDefault), 6, read_default},
                                        &ret_table->default_count);
    ret_table->is_event = raw_read_bool(reader);
}

static void read_tables(RawReader *reader, RawModule *module) {
    module->tables = raw_read_list(reader, (RawList){sizeof(RawTable), 31, read_table},
                                   &module->table_count);
}

static void read_reducer(RawReader *reader, void *item) {
    RawFunction *ret_reducer = item;
    ret_reducer->name = reader_string(&reader->bytes);
    ret_reducer->params = raw_read_product(reader);
    ret_reducer->is_private = raw_read_tag(reader, 2, "FunctionVisibility") == 0;
    ret_reducer->return_type = raw_read_type(reader);
    ret_reducer->error_type = raw_read_type(reader);
}

static void read_reducers(RawReader *reader, RawModule *module) {
    module->reducers = raw_read_list(reader, (RawList){sizeof(RawFunction), 11, read_reducer},
                                     &module->reducer_count);
}

static void read_procedure(RawReader *reader, void *item) {
    RawFunction *ret_procedure = item;
    ret_procedure->name = reader_string(&reader->bytes);
    ret_procedure->params = raw_read_product(reader);
    ret_procedure->return_type = raw_read_type(reader);
    ret_procedure->is_private = raw_read_tag(reader, 2, "FunctionVisibility") == 0;
}

static void read_procedures(RawReader *reader, RawModule *module) {
    module->procedures = raw_read_list(reader, (RawList){sizeof(RawFunction), 10, read_procedure},
                                       &module->procedure_count);
}

static void read_views(RawReader *reader, RawModule *module) {
    module->views = raw_read_list(reader, (RawList){sizeof(RawView), 15, raw_read_view},
                                  &module->view_count);
}

static void read_schedule(RawReader *reader, void *item) {
    RawSchedule *ret_schedule = item;
    ret_schedule->name = raw_read_optional_string(reader);
    ret_schedule->table = reader_string(&reader->bytes);
    ret_schedule->column = reader_u16(&reader->bytes);
    ret_schedule->function = reader_string(&reader->bytes);
}

static void read_schedules(RawReader *reader, RawModule *module) {
    module->schedules = raw_read_list(reader, (RawList){sizeof(RawSchedule), 11, read_schedule},
                                      &module->schedule_count);
}

static void read_lifecycle(RawReader *reader, void *item) {
    RawLifecycle *ret_lifecycle = item;
    ret_lifecycle->event = raw_read_lifecycle(reader);
    ret_lifecycle->function = reader_string(&reader->bytes);
}

static void read_lifecycles(RawReader *reader, RawModule *module) {
    module->lifecycles = raw_read_list(reader, (RawList){sizeof(RawLifecycle), 5, read_lifecycle},
                                       &module->lifecycle_count);
}

static void read_row_level_security(RawReader *reader, RawModule *module) {
    module->row_level_security = raw_read_strings(reader, &module->row_level_security_count);
}

static void read_policy(RawReader *reader, RawModule *module) {
    module->policy = raw_read_tag(reader, 2, "CaseConversionPolicy") == 0 ? CASE_VERBATIM
                                                                          : CASE_SNAKE;
}

static void read_explicit_name(RawReader *reader, void *item) {
    RawExplicitName *ret_name = item;
    ret_name->kind = (ExplicitKind)raw_read_tag(reader, EXPLICIT_KIND_COUNT, "ExplicitNameEntry");
    ret_name->source = reader_string(&reader->bytes);
    ret_name->canonical = reader_string(&reader->bytes);
}

static void read_explicit_names(RawReader *reader, RawModule *module) {
    module->explicit_names = raw_read_list(
        reader, (RawList){sizeof(RawExplicitName), 9, read_explicit_name},
        &module->explicit_name_count);
}

static void read_handlers(RawReader *reader, RawModule *module) {
    module->handlers = raw_read_strings(reader, &module->handler_count);
}

static void read_route(RawReader *reader, void *item) {
    RawRoute *ret_route = item;
    ret_route->handler = reader_string(&reader->bytes);
    ret_route->method = -1;
    if (raw_read_tag(reader, 2, "MethodOrAny") == 1) {
        ret_route->method = raw_read_tag(reader, 10, "HttpMethod");
        if (ret_route->method == 9) ret_route->extension = reader_string(&reader->bytes);
    }
    ret_route->path = reader_string(&reader->bytes);
}

static void read_routes(RawReader *reader, RawModule *module) {
    module->routes = raw_read_list(reader, (RawList){sizeof(RawRoute), 9, read_route},
                                   &module->route_count);
}

static void read_view_key(RawReader *reader, void *item) {
    RawViewKey *ret_key = item;
    ret_key->view = reader_string(&reader->bytes);
    ret_key->columns = raw_read_strings(reader, &ret_key->column_count);
}

static void read_view_keys(RawReader *reader, RawModule *module) {
    module->view_keys = raw_read_list(reader, (RawList){sizeof(RawViewKey), 8, read_view_key},
                                      &module->view_key_count);
}

static void read_submodule(RawReader *reader, void *item) {
    RawSubmodule *ret_submodule = item;
    RawModule *module = ARENA_NEW(reader->arena, RawModule);
    ret_submodule->namespace_name = reader_string(&reader->bytes);
    ret_submodule->module = module;
    if (reader->depth == MODULE_DEF_SUBMODULE_DEPTH_MAX)
        raw_fail(reader, "submodules are nested too deeply");
    if (reader->bytes.failed) return;
    reader->depth++;
    raw_v10_read(reader, module);
    reader->depth--;
}

static void read_submodules(RawReader *reader, RawModule *module) {
    module->submodules = raw_read_list(reader, (RawList){sizeof(RawSubmodule), 8, read_submodule},
                                       &module->submodule_count);
}

static void read_environment_entry(RawReader *reader, void *item) {
    EnvironmentDef *ret_entry = item;
    ret_entry->name = reader_string(&reader->bytes);
    ret_entry->kind = (EnvironmentKind)raw_read_tag(reader, 3, "EnvironmentType");
    if (ret_entry->kind == ENVIRONMENT_LITERAL) {
        Bytes *literal = ARENA_NEW(reader->arena, Bytes);
        *literal = reader_string(&reader->bytes);
        ret_entry->literals = literal;
        ret_entry->literal_count = 1;
    } else if (ret_entry->kind == ENVIRONMENT_UNION) {
        ret_entry->literals = raw_read_strings(reader, &ret_entry->literal_count);
    }
    ret_entry->is_optional = raw_read_bool(reader);
}

static void read_environment(RawReader *reader, RawModule *module) {
    module->environment = raw_read_list(
        reader, (RawList){sizeof(EnvironmentDef), 6, read_environment_entry},
        &module->environment_count);
    module->has_environment = true;
}

// Kept: the table's name, for the refusal.
static void read_outbox(RawReader *reader, void *item) {
    Bytes *ret_table = item;
    *ret_table = reader_string(&reader->bytes);
    (void)reader_string(&reader->bytes);  // remote reducer
    (void)reader_u16(&reader->bytes);     // target column
    (void)raw_read_columns(reader);       // argument columns
    (void)raw_read_optional_string(reader);
    (void)reader_take(&reader->bytes, 32);  // signature hash
}

static void read_outboxes(RawReader *reader, RawModule *module) {
    module->outbox_tables = raw_read_list(reader, (RawList){sizeof(Bytes), 47, read_outbox},
                                          &module->outbox_count);
}

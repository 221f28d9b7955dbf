// raw_v9.c - RawModuleDefV9, lifted: schedules out of their tables, lifecycles out of their
// reducers, the miscellaneous exports into lists of their own. Names stay as they are: policy
// verbatim.
#include "base/vec.h"
#include "schema/raw_reader.h"

VEC(RawScheduleVec, raw_schedule_vec, RawSchedule)
VEC(RawLifecycleVec, raw_lifecycle_vec, RawLifecycle)
VEC(RawDefaultVec, raw_default_vec, RawDefault)
VEC(RawFunctionVec, raw_function_vec, RawFunction)
VEC(RawViewVec, raw_view_vec, RawView)

static void read_tables(RawReader *reader, RawModule *module);
static void read_table(RawReader *reader, RawTable *ret_table, RawScheduleVec *schedules);
static void read_reducers(RawReader *reader, RawModule *module);
static void read_exports(RawReader *reader, RawModule *module);

void raw_v9_read(RawReader *reader, RawModule *ret_module) {
    ret_module->version = 9;
    ret_module->policy = CASE_VERBATIM;
    raw_read_typespace(reader, &ret_module->typespace);
    read_tables(reader, ret_module);
    read_reducers(reader, ret_module);
    ret_module->types = raw_read_list(reader, (RawList){sizeof(RawType), 13, raw_read_named_type},
                                      &ret_module->type_count);
    read_exports(reader, ret_module);
    ret_module->row_level_security = raw_read_strings(reader,
                                                      &ret_module->row_level_security_count);
}

static void read_tables(RawReader *reader, RawModule *module) {
    RawScheduleVec schedules = {0};
    uint32_t count = raw_read_count(reader, 27);
    RawTable *tables = ARENA_ARRAY(reader->arena, RawTable, count);
    for (uint32_t i = 0; i < count; i++) read_table(reader, &tables[i], &schedules);
    module->tables = tables;
    module->table_count = count;
    module->schedules = raw_take_items(reader, schedules.items,
                                       schedules.count * sizeof(RawSchedule));
    module->schedule_count = schedules.count;
    raw_schedule_vec_done(&schedules);
}

static void read_table(RawReader *reader, RawTable *ret_table, RawScheduleVec *schedules) {
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
    if (raw_read_tag(reader, 2, "option") == 0) {
        RawSchedule schedule = {.table = ret_table->name};
        schedule.name = raw_read_optional_string(reader);
        schedule.function = reader_string(&reader->bytes);
        schedule.column = reader_u16(&reader->bytes);
        if (!reader->bytes.failed) raw_schedule_vec_push(schedules, schedule);
    }
    raw_read_table_kind(reader, ret_table);
}

static void read_reducers(RawReader *reader, RawModule *module) {
    RawLifecycleVec lifecycles = {0};
    uint32_t count = raw_read_count(reader, 9);
    RawFunction *reducers = ARENA_ARRAY(reader->arena, RawFunction, count);
    for (uint32_t i = 0; i < count; i++) {
        reducers[i].name = reader_string(&reader->bytes);
        reducers[i].params = raw_read_product(reader);
        reducers[i].return_type = type_unit();
        reducers[i].error_type = type_primitive(TYPE_STRING);
        if (raw_read_tag(reader, 2, "option") == 1) continue;
        Lifecycle event = raw_read_lifecycle(reader);
        if (reader->bytes.failed) break;
        raw_lifecycle_vec_push(&lifecycles, (RawLifecycle){event, reducers[i].name});
    }
    module->reducers = reducers;
    module->reducer_count = count;
    module->lifecycles = raw_take_items(reader, lifecycles.items,
                                        lifecycles.count * sizeof(RawLifecycle));
    module->lifecycle_count = lifecycles.count;
    raw_lifecycle_vec_done(&lifecycles);
}

static void read_exports(RawReader *reader, RawModule *module) {
    RawDefaultVec defaults = {0};
    RawFunctionVec procedures = {0};
    RawViewVec views = {0};
    uint32_t count = raw_read_count(reader, 10);
    for (uint32_t i = 0; i < count && !reader->bytes.failed; i++) {
        uint8_t tag = raw_read_tag(reader, 3, "RawMiscModuleExportV9");
        if (tag == 0) {
            RawDefault *column_default = raw_default_vec_add(&defaults);
            *column_default = (RawDefault){.table = reader_string(&reader->bytes)};
            column_default->column = reader_u16(&reader->bytes);
            column_default->value = reader_bytes(&reader->bytes);
        } else if (tag == 1) {
            RawFunction *procedure = raw_function_vec_add(&procedures);
            *procedure = (RawFunction){.name = reader_string(&reader->bytes)};
            procedure->params = raw_read_product(reader);
            procedure->return_type = raw_read_type(reader);
        } else {
            RawView *view = raw_view_vec_add(&views);
            *view = (RawView){0};
            raw_read_view(reader, view);
        }
    }
    module->defaults = raw_take_items(reader, defaults.items, defaults.count * sizeof(RawDefault));
    module->default_count = defaults.count;
    module->procedures = raw_take_items(reader, procedures.items,
                                        procedures.count * sizeof(RawFunction));
    module->procedure_count = procedures.count;
    module->views = raw_take_items(reader, views.items, views.count * sizeof(RawView));
    module->view_count = views.count;
    raw_default_vec_done(&defaults);
    raw_function_vec_done(&procedures);
    raw_view_vec_done(&views);
}

// program.c - the module that a database runs: compile, instantiate, describe, take over, restart.

#include "db/database.h"

#include "base/limits.h"
#include "base/log.h"

Status database_load_program(Database *database, ProgramKind kind, Bytes program,
                             LoadedProgram *ret_loaded, Error *error) {
    LoadedProgram loaded = {.hash = hash_keccak256(program)};
    Status status = program_create(database->options.engine, kind, program, &loaded.hash,
                                   &loaded.program, error);
    if (status != STATUS_OK) return status;
    database_take_limits(database);
    status = instance_create(loaded.program, &database->env, &loaded.instance, error);
    if (status == STATUS_OK) {
        status = module_def_read(instance_description(loaded.instance), &loaded.def, error);
    }
    if (status != STATUS_OK) {
        loaded_program_done(&loaded);
        return status;
    }
    *ret_loaded = loaded;
    return STATUS_OK;
}

void database_take_limits(Database *database) {
    const DatabaseOptions *options = &database->options;
    HostEnv *env = &database->env;
    uint64_t seconds = query_call_seconds_max(database->store);
    uint64_t server_seconds = options->call_seconds ? options->call_seconds
                                                    : MODULE_CALL_SECONDS_MAX;
    env->call_seconds = (uint32_t)(seconds < server_seconds ? seconds : server_seconds);
    uint64_t bytes = query_memory_bytes_max(database->store);
    uint64_t server_bytes = options->memory_bytes_max ? options->memory_bytes_max
                                                      : MODULE_MEMORY_BYTES_MAX;
    env->memory_bytes_max = bytes < server_bytes ? bytes : server_bytes;
    if (database->instance) instance_set_call_seconds(database->instance, env->call_seconds);
}

void loaded_program_done(LoadedProgram *loaded) {
    instance_free(loaded->instance);
    program_unref(loaded->program);
    module_def_free(loaded->def);
    *loaded = (LoadedProgram){0};
}

void database_set_program(Database *database, Program *program, Instance *instance, ModuleDef *def,
                          const ProgramInfo *info) {
    instance_free(database_swap_instance(database, instance));
    module_version_unref(database->version);
    bytes_map_done(&database->reducers);
    database->version = mem_alloc_zero(sizeof *database->version);
    *database->version = (ModuleVersion){.refs = 1, .program = program, .def = def};
    procedures_replaced(database);
    database->def = def;
    database->env.def = def;
    database->info = *info;
    database->info.program = BYTES_NONE;
    database->running.function = BYTES_NONE;
    bytes_map_init(&database->reducers);
    for (uint32_t i = 0; i < def->reducer_count; i++) {
        (void)bytes_map_set(&database->reducers, def->reducers[i].name,
                            (void *)(uintptr_t)&def->reducers[i]);
    }
}

void database_restart_instance(Database *database) {
    ASSERT(database->env.tx == NULL);
    instance_free(database_swap_instance(database, NULL));
    Instance *fresh = NULL;
    Error error;
    Status status = instance_create(database->version->program, &database->env, &fresh, &error);
    if (status == STATUS_OK) {
        (void)database_swap_instance(database, fresh);
    } else {
        log_line(LOG_ERROR, "db", "the module could not be started again after a fatal error: %s",
                 error.text);
    }
}

Instance *database_swap_instance(Database *database, Instance *instance) {
    mutex_lock(&database->guard.mutex);
    Instance *before = database->instance;
    database->instance = instance;
    if (instance && database->guard.is_interrupted) instance_interrupt(instance);
    mutex_unlock(&database->guard.mutex);
    return before;
}

void database_interrupt(Database *database) {
    mutex_lock(&database->guard.mutex);
    database->guard.is_interrupted = true;
    if (database->instance) instance_interrupt(database->instance);
    mutex_unlock(&database->guard.mutex);
}

ModuleVersion *module_version_ref(ModuleVersion *version) {
    atomic_fetch_add_explicit(&version->refs, 1, memory_order_relaxed);
    return version;
}

void module_version_unref(ModuleVersion *version) {
    if (version == NULL) return;
    if (atomic_fetch_sub_explicit(&version->refs, 1, memory_order_acq_rel) > 1) return;
    program_unref(version->program);
    module_def_free(version->def);
    mem_free(version);
}

const ModuleDef *database_module(const Database *database) {
    return database->def;
}

Hash database_program_hash(const Database *database) {
    return database->info.hash;
}

// module_def.c - reading a definition: decode, validate, and lay the tree of modules flat.
//
// Numbers go depth first: a module's own functions, then those of each submodule in order. Tables
// and views of all modules are sorted by their full names. Row-level security, HTTP handlers and
// routes are the root's alone, as upstream.
#include "schema/validate.h"

#include <stdlib.h>

// Running totals of a walk over the tree.
typedef struct PartCounts {
    uint32_t tables, reducers, procedures, views;
    uint32_t anonymous_views, sender_views;
} PartCounts;

// Where the walk that fills the definition writes.
typedef struct Flattening {
    TableSchema *tables;
    FunctionDef *reducers;
    FunctionDef *procedures;
    ViewDef *views;
    PartCounts done;
} Flattening;

static Status validate_tree(ModuleDef *def, const RawModule *raw, ModulePart **ret_root,
                            Error *error);
static void count_parts(const ModulePart *part, PartCounts *counts);
static void flatten(ModuleDef *def, const ModulePart *root);
static void flatten_part(Flattening *flat, const ModulePart *part);
static void index_functions(BytesMap *map, const FunctionDef *functions, uint32_t count);
static int table_compare(const void *left, const void *right);
static int view_compare(const void *left, const void *right);

Status module_def_read(Bytes bytes, ModuleDef **ret_def, Error *error) {
    if (bytes.count > MODULE_DEF_BYTES_MAX) {
        return error_set(error, STATUS_LIMIT, "module description: %u bytes, at most %u are read",
                         bytes.count, MODULE_DEF_BYTES_MAX);
    }
    ModuleDef *def = mem_alloc_zero(sizeof(ModuleDef));
    arena_init(&def->arena, MODULE_DEF_ARENA_BYTES_MAX);
    RawModule raw;
    ModulePart *root = NULL;
    Status status = raw_module_read(arena_copy(&def->arena, bytes), &def->arena, &raw, error);
    if (status != STATUS_OK) goto done;
    status = validate_tree(def, &raw, &root, error);
    if (status != STATUS_OK) goto done;
    def->version = raw.version;
    flatten(def, root);
    *ret_def = def;
done:
    if (status != STATUS_OK) module_def_free(def);
    return status;
}

void module_def_free(ModuleDef *def) {
    if (def == NULL) return;
    if (def->raw != NULL) {
        bytes_map_done(&def->raw->reducers);
        bytes_map_done(&def->raw->procedures);
    }
    arena_done(&def->arena);
    mem_free(def);
}

const FunctionDef *module_def_find_reducer(const ModuleDef *def, Bytes name) {
    return bytes_map_find(&def->raw->reducers, name);
}

const FunctionDef *module_def_find_procedure(const ModuleDef *def, Bytes name) {
    return bytes_map_find(&def->raw->procedures, name);
}

const FunctionDef *module_def_find_lifecycle(const ModuleDef *def, Lifecycle lifecycle) {
    ASSERT(lifecycle < LIFECYCLE_COUNT);
    for (uint32_t i = 0; i < def->reducer_count; i++) {
        if (def->reducers[i].lifecycle == lifecycle) return &def->reducers[i];
    }
    return NULL;
}

const TableSchema *module_def_find_table(const ModuleDef *def, Bytes name) {
    TableSchema key = {.name = name};
    if (def->table_count == 0) return NULL;
    return bsearch(&key, def->tables, def->table_count, sizeof key, table_compare);
}

const ViewDef *module_def_find_view(const ModuleDef *def, Bytes name) {
    ViewDef key = {.name = name};
    if (def->view_count == 0) return NULL;
    return bsearch(&key, def->views, def->view_count, sizeof key, view_compare);
}

static Status validate_tree(ModuleDef *def, const RawModule *raw, ModulePart **ret_root,
                            Error *error) {
    Arena scratch;
    arena_init(&scratch, MODULE_DEF_ARENA_BYTES_MAX);
    ValidationRun run = {.arena = &def->arena, .scratch = &scratch};
    error_list_init(&run.errors, &scratch);
    ModulePart place = {.path = BYTES_LITERAL(""), .accessor_path = BYTES_LITERAL("")};
    *ret_root = validate_module(&run, raw, &place);
    Status status = error_list_finish(&run.errors, error);
    arena_done(&scratch);
    return status;
}

static void count_parts(const ModulePart *part, PartCounts *counts) {
    counts->tables += part->table_count;
    counts->reducers += part->reducer_count;
    counts->procedures += part->procedure_count;
    counts->views += part->view_count;
    for (uint32_t i = 0; i < part->submodule_count; i++) count_parts(part->submodules[i], counts);
}

static void flatten(ModuleDef *def, const ModulePart *root) {
    Arena *arena = &def->arena;
    PartCounts counts = {0};
    count_parts(root, &counts);
    Flattening flat = {
        .tables = ARENA_ARRAY(arena, TableSchema, counts.tables),
        .reducers = ARENA_ARRAY(arena, FunctionDef, counts.reducers),
        .procedures = ARENA_ARRAY(arena, FunctionDef, counts.procedures),
        .views = ARENA_ARRAY(arena, ViewDef, counts.views),
    };
    flatten_part(&flat, root);
    ASSERT(flat.done.tables == counts.tables && flat.done.reducers == counts.reducers);
    qsort(flat.tables, counts.tables, sizeof(TableSchema), table_compare);
    qsort(flat.views, counts.views, sizeof(ViewDef), view_compare);
    def->typespace = root->typespace;
    def->tables = flat.tables;
    def->table_count = counts.tables;
    def->reducers = flat.reducers;
    def->reducer_count = counts.reducers;
    def->procedures = flat.procedures;
    def->procedure_count = counts.procedures;
    def->views = flat.views;
    def->view_count = counts.views;
    def->row_level_security = root->row_level_security;
    def->row_level_security_count = root->row_level_security_count;
    def->types = root->types;
    def->type_count = root->type_count;
    def->environment = root->environment;
    def->environment_count = root->environment_count;
    def->has_environment = root->has_environment;
    def->http_handlers = root->handlers;
    def->http_handler_count = root->handler_count;
    def->http_routes = root->routes;
    def->http_route_count = root->route_count;
    def->raw = ARENA_NEW(arena, ModuleDefRaw);
    def->raw->root = (ModulePart *)(uintptr_t)root;
    index_functions(&def->raw->reducers, def->reducers, def->reducer_count);
    index_functions(&def->raw->procedures, def->procedures, def->procedure_count);
}

static void flatten_part(Flattening *flat, const ModulePart *part) {
    PartCounts *done = &flat->done;
    for (uint32_t i = 0; i < part->table_count; i++) flat->tables[done->tables++] = part->tables[i];
    for (uint32_t i = 0; i < part->reducer_count; i++) {
        flat->reducers[done->reducers] = part->reducers[i];
        flat->reducers[done->reducers].id = done->reducers;
        done->reducers++;
    }
    for (uint32_t i = 0; i < part->procedure_count; i++) {
        flat->procedures[done->procedures] = part->procedures[i];
        flat->procedures[done->procedures].id = done->procedures;
        done->procedures++;
    }
    uint32_t anonymous_before = done->anonymous_views;
    uint32_t sender_before = done->sender_views;
    for (uint32_t i = 0; i < part->view_count; i++) {
        ViewDef *view = &flat->views[done->views++];
        *view = part->views[i];
        view->index += view->is_anonymous ? anonymous_before : sender_before;
        if (view->is_anonymous) done->anonymous_views++;
        if (!view->is_anonymous) done->sender_views++;
    }
    for (uint32_t i = 0; i < part->submodule_count; i++) flatten_part(flat, part->submodules[i]);
}

static void index_functions(BytesMap *map, const FunctionDef *functions, uint32_t count) {
    bytes_map_init(map);
    for (uint32_t i = 0; i < count; i++) {
        (void)bytes_map_set(map, functions[i].name, (void *)(uintptr_t)&functions[i]);
    }
}

static int table_compare(const void *left, const void *right) {
    return bytes_compare(((const TableSchema *)left)->name, ((const TableSchema *)right)->name);
}

static int view_compare(const void *left, const void *right) {
    return bytes_compare(((const ViewDef *)left)->name, ((const ViewDef *)right)->name);
}

// module_info.c - reads the JSON form of a V10 definition: {"sections":[{"Tables":[...]}, ...]}.
//
// A module may contain modules; each level is read the same way, with its namespace in front of its
// names. Canonical names stand in the section ExplicitNames, which maps those of the source to them.
#include "base/map.h"
#include "base/vec.h"
#include "cli/remote.h"
#include "cli/type_json.h"

VEC(FunctionInfoVec, function_info_vec, FunctionInfo)
VEC(RelationInfoVec, relation_info_vec, RelationInfo)

typedef struct ModuleReader {
    Arena *arena;
    FunctionInfoVec functions;
    RelationInfoVec relations;
    bool failed;
} ModuleReader;

// One level: the module or a submodule.
typedef struct ModuleLevel {
    Bytes sections;
    Bytes prefix;  // "ns." or empty
    const Typespace *typespace;
    BytesMap names;  // "Function:source" -> its canonical name; "Lifecycle:source" -> anything
    uint32_t depth;
} ModuleLevel;

static void read_level(ModuleReader *reader, Bytes module, Bytes prefix, uint32_t depth);
static void read_names(ModuleReader *reader, ModuleLevel *level);
static Bytes name_key(ModuleReader *reader, Bytes kind, Bytes source);
static void read_functions(ModuleReader *reader, const ModuleLevel *level, const char *section);
static void read_tables(ModuleReader *reader, const ModuleLevel *level);
static void read_views(ModuleReader *reader, const ModuleLevel *level);
static void read_submodules(ModuleReader *reader, const ModuleLevel *level);
static Bytes find_section(Bytes sections, const char *name);
static Bytes canonical_name(ModuleReader *reader, const ModuleLevel *level, const char *kind,
                            Bytes source);
static bool is_lifecycle(ModuleReader *reader, const ModuleLevel *level, Bytes source);
static const Type *view_row(const ModuleLevel *level, const Type *type);

Status module_info_read(Cli *cli, Bytes text, ModuleInfo *ret_module) {
    Bytes module = BYTES_NONE;
    ModuleReader reader = {.arena = &cli->arena};
    if (json_text_read(text, &module)) {
        read_level(&reader, module, BYTES_LITERAL(""), 0);
    } else {
        reader.failed = true;
    }
    Status status = STATUS_OK;
    if (reader.failed) {
        status = cli_fail(
            cli, STATUS_INVALID,
            "the server's description of the module is not of version 10, or damaged");
    } else {
        FunctionInfo *functions = ARENA_ARRAY(&cli->arena, FunctionInfo, reader.functions.count);
        RelationInfo *relations = ARENA_ARRAY(&cli->arena, RelationInfo, reader.relations.count);
        for (uint32_t i = 0; i < reader.functions.count; i++) {
            functions[i] = reader.functions.items[i];
        }
        for (uint32_t i = 0; i < reader.relations.count; i++) {
            relations[i] = reader.relations.items[i];
        }
        *ret_module = (ModuleInfo){module, functions, reader.functions.count, relations,
                                   reader.relations.count};
    }
    function_info_vec_done(&reader.functions);
    relation_info_vec_done(&reader.relations);
    return status;
}

static void read_level(ModuleReader *reader, Bytes module, Bytes prefix, uint32_t depth) {
    Bytes sections = json_text_member(module, "sections");
    Typespace *typespace = ARENA_NEW(reader->arena, Typespace);
    if (sections.data == NULL || depth > MODULE_DEF_SUBMODULE_DEPTH_MAX ||
        !typespace_of_json(find_section(sections, "Typespace"), reader->arena, typespace)) {
        reader->failed = true;
        return;
    }
    ModuleLevel level = {
        .sections = sections, .prefix = prefix, .typespace = typespace, .depth = depth};
    bytes_map_init(&level.names);
    read_names(reader, &level);
    read_tables(reader, &level);
    read_views(reader, &level);
    read_functions(reader, &level, "Reducers");
    read_functions(reader, &level, "Procedures");
    read_submodules(reader, &level);
    bytes_map_done(&level.names);
}

static void read_names(ModuleReader *reader, ModuleLevel *level) {
    Bytes entries = json_text_member(find_section(level->sections, "ExplicitNames"), "entries");
    JsonWalk walk = json_text_walk(entries);
    Bytes key = BYTES_NONE;
    Bytes item = BYTES_NONE;
    Bytes kind = BYTES_NONE;
    Bytes entry = BYTES_NONE;
    while (json_text_next(&walk, &key, &item)) {
        if (!json_text_variant(item, &kind, &entry)) continue;
        Bytes source = name_of_json(json_text_member(entry, "source_name"), reader->arena);
        Bytes *name = ARENA_NEW(reader->arena, Bytes);
        *name = name_of_json(json_text_member(entry, "canonical_name"), reader->arena);
        (void)bytes_map_set(&level->names, name_key(reader, kind, source), name);
    }
    walk = json_text_walk(find_section(level->sections, "LifeCycleReducers"));
    while (json_text_next(&walk, &key, &item)) {
        Bytes *name = ARENA_NEW(reader->arena, Bytes);
        *name = name_of_json(json_text_member(item, "function_name"), reader->arena);
        kind = BYTES_LITERAL("Lifecycle");
        (void)bytes_map_set(&level->names, name_key(reader, kind, *name), name);
    }
}

static Bytes name_key(ModuleReader *reader, Bytes kind, Bytes source) {
    return arena_format(reader->arena, "%.*s:%.*s", BYTES_FORMAT(kind), BYTES_FORMAT(source));
}

static void read_functions(ModuleReader *reader, const ModuleLevel *level, const char *section) {
    JsonWalk walk = json_text_walk(find_section(level->sections, section));
    Bytes key = BYTES_NONE;
    Bytes item = BYTES_NONE;
    while (!reader->failed && json_text_next(&walk, &key, &item)) {
        Bytes source = name_of_json(json_text_member(item, "source_name"), reader->arena);
        FunctionInfo function = {
            .name = canonical_name(reader, level, "Function", source),
            .json = item,
            .params = type_of_elements(json_text_member(item, "params"), reader->arena),
            .is_procedure = strcmp(section, "Procedures") == 0,
            .is_lifecycle = is_lifecycle(reader, level, source),
            .typespace = level->typespace,
        };
        if (function.params == NULL || reader->functions.count == MODULE_DEF_ITEMS_MAX) {
            reader->failed = true;
        } else {
            function_info_vec_push(&reader->functions, function);
        }
    }
}

static void read_tables(ModuleReader *reader, const ModuleLevel *level) {
    JsonWalk walk = json_text_walk(find_section(level->sections, "Tables"));
    Bytes key = BYTES_NONE;
    Bytes item = BYTES_NONE;
    while (!reader->failed && json_text_next(&walk, &key, &item)) {
        Bytes source = name_of_json(json_text_member(item, "source_name"), reader->arena);
        uint32_t ref = 0;
        bool has_row = json_text_u32(json_text_member(item, "product_type_ref"), &ref) &&
                       ref < level->typespace->count;
        if (!has_row || reader->relations.count == MODULE_DEF_ITEMS_MAX) {
            reader->failed = true;
            return;
        }
        RelationInfo table = {canonical_name(reader, level, "Table", source), item,
                              level->typespace->types[ref], level->typespace};
        relation_info_vec_push(&reader->relations, table);
    }
}

static void read_views(ModuleReader *reader, const ModuleLevel *level) {
    JsonWalk walk = json_text_walk(find_section(level->sections, "Views"));
    Bytes key = BYTES_NONE;
    Bytes item = BYTES_NONE;
    while (!reader->failed && json_text_next(&walk, &key, &item)) {
        Bytes source = name_of_json(json_text_member(item, "source_name"), reader->arena);
        const Type *type = type_of_json(json_text_member(item, "return_type"), reader->arena);
        const Type *row = type == NULL ? NULL : view_row(level, type);
        if (row == NULL || reader->relations.count == MODULE_DEF_ITEMS_MAX) {
            reader->failed = true;
            return;
        }
        RelationInfo view = {canonical_name(reader, level, "Function", source), BYTES_NONE, row,
                             level->typespace};
        relation_info_vec_push(&reader->relations, view);
    }
}

// What a view returns is an array of rows, perhaps a row, or a query over rows.
static const Type *view_row(const ModuleLevel *level, const Type *type) {
    const Type *row = NULL;
    if (type->kind == TYPE_ARRAY) row = type->element;
    if (type->kind == TYPE_SUM && type->field_count > 0) row = type->fields[0].type;
    if (type->special == SPECIAL_QUERY) row = type->fields[0].type;
    return row == NULL ? NULL : type_deref(level->typespace, row);
}

static void read_submodules(ModuleReader *reader, const ModuleLevel *level) {
    JsonWalk walk = json_text_walk(find_section(level->sections, "Submodules"));
    Bytes key = BYTES_NONE;
    Bytes item = BYTES_NONE;
    while (!reader->failed && json_text_next(&walk, &key, &item)) {
        Bytes source = name_of_json(json_text_member(item, "namespace"), reader->arena);
        Bytes name = canonical_name(reader, level, "Namespace", source);
        Bytes prefix = arena_format(reader->arena, "%.*s.", BYTES_FORMAT(name));
        read_level(reader, json_text_member(item, "module"), prefix, level->depth + 1);
    }
}

// The value of {"Name": value} in the list of sections; data == NULL: not there.
static Bytes find_section(Bytes sections, const char *name) {
    JsonWalk walk = json_text_walk(sections);
    Bytes key = BYTES_NONE;
    Bytes item = BYTES_NONE;
    while (json_text_next(&walk, &key, &item)) {
        Bytes section = json_text_member(item, name);
        if (section.data != NULL) return section;
    }
    return BYTES_NONE;
}

// With the level's namespace in front.
static Bytes canonical_name(ModuleReader *reader, const ModuleLevel *level, const char *kind,
                            Bytes source) {
    Bytes key = name_key(reader, bytes_of_text(kind), source);
    const Bytes *explicit_name = bytes_map_find(&level->names, key);
    Bytes name = explicit_name == NULL ? source : *explicit_name;
    if (level->prefix.count == 0) return name;
    return arena_format(reader->arena, "%.*s%.*s", BYTES_FORMAT(level->prefix), BYTES_FORMAT(name));
}

static bool is_lifecycle(ModuleReader *reader, const ModuleLevel *level, Bytes source) {
    Bytes key = name_key(reader, BYTES_LITERAL("Lifecycle"), source);
    return bytes_map_find(&level->names, key) != NULL;
}

const FunctionInfo *module_find_function(const ModuleInfo *module, const char *name) {
    for (uint32_t i = 0; i < module->function_count; i++) {
        if (bytes_equal_text(module->functions[i].name, name)) return &module->functions[i];
    }
    return NULL;
}

const RelationInfo *module_find_relation(const ModuleInfo *module, Bytes name) {
    for (uint32_t i = 0; i < module->relation_count; i++) {
        if (bytes_equal(module->relations[i].name, name)) return &module->relations[i];
    }
    return NULL;
}

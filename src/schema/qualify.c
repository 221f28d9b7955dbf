// qualify.c - a submodule's names become "path.name"; aliases get the path as it is spelled in the
// source.
#include "schema/validate.h"

static void qualify_table(Arena *arena, const ModulePart *part, TableSchema *table);
static void qualify_functions(Arena *arena, const ModulePart *part, FunctionDef *functions,
                              uint32_t count);

Bytes qualify_name(Arena *arena, Bytes path, Bytes name) {
    if (path.count == 0) return name;
    return arena_format(arena, "%.*s.%.*s", BYTES_FORMAT(path), BYTES_FORMAT(name));
}

void qualify_part(Arena *arena, ModulePart *part) {
    if (part->path.count == 0) return;
    for (uint32_t i = 0; i < part->table_count; i++) qualify_table(arena, part, &part->tables[i]);
    qualify_functions(arena, part, part->reducers, part->reducer_count);
    qualify_functions(arena, part, part->procedures, part->procedure_count);
    qualify_functions(arena, part, part->handlers, part->handler_count);
    for (uint32_t i = 0; i < part->view_count; i++) {
        part->views[i].name = qualify_name(arena, part->path, part->views[i].name);
        part->views[i].source_name = qualify_name(arena, part->accessor_path,
                                                  part->views[i].source_name);
    }
}

static void qualify_table(Arena *arena, const ModulePart *part, TableSchema *table) {
    table->name = qualify_name(arena, part->path, table->name);
    table->accessor = qualify_name(arena, part->accessor_path, table->accessor);
    // The lists are const for readers; until the part is done they are ours.
    IndexSchema *indexes = (IndexSchema *)(uintptr_t)table->indexes;
    for (uint32_t i = 0; i < table->index_count; i++) {
        indexes[i].name = qualify_name(arena, part->path, indexes[i].name);
        indexes[i].accessor = qualify_name(arena, part->accessor_path, indexes[i].accessor);
    }
    ConstraintSchema *constraints = (ConstraintSchema *)(uintptr_t)table->constraints;
    for (uint32_t i = 0; i < table->constraint_count; i++) {
        constraints[i].name = qualify_name(arena, part->path, constraints[i].name);
    }
    SequenceSchema *sequences = (SequenceSchema *)(uintptr_t)table->sequences;
    for (uint32_t i = 0; i < table->sequence_count; i++) {
        sequences[i].name = qualify_name(arena, part->path, sequences[i].name);
    }
    if (!table->has_schedule) return;
    table->schedule.name = qualify_name(arena, part->path, table->schedule.name);
    table->schedule.function = qualify_name(arena, part->path, table->schedule.function);
}

static void qualify_functions(Arena *arena, const ModulePart *part, FunctionDef *functions,
                              uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        functions[i].name = qualify_name(arena, part->path, functions[i].name);
        functions[i].source_name = qualify_name(arena, part->accessor_path,
                                                functions[i].source_name);
    }
}

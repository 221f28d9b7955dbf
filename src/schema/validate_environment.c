// validate_environment.c - declarations of environment variables, and names that collide with
// submodules (since-2.8.md 1.1, 1.2).
#include "schema/validate.h"

#include <stdlib.h>

static void validate_entry(Validator *v, EnvironmentDef *entry, size_t *bytes);
static bool is_environment_name(Bytes name);
static void sort_literals(Validator *v, EnvironmentDef *entry);
static void check_conflict(Validator *v, const BytesMap *namespaces, const char *kind, Bytes name);

void validate_environment(Validator *v) {
    uint32_t count = v->raw->environment_count;
    EnvironmentDef *entries = ARENA_ARRAY(v->arena, EnvironmentDef, count);
    v->part->environment = entries;
    v->part->environment_count = count;
    v->part->has_environment = v->raw->has_environment;
    if (count > ENVIRONMENT_ITEMS_MAX) {
        report(v, ERROR_ENVIRONMENT, (ErrorFields){{BYTES_LITERAL("too many declarations")}});
        return;
    }
    BytesMap names;
    bytes_map_init(&names);
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        entries[i] = v->raw->environment[i];
        if (bytes_map_set(&names, entries[i].name, v) != NULL) {
            ErrorFields fields = {{entries[i].name, BYTES_LITERAL("duplicate declaration")}};
            report(v, ERROR_ENVIRONMENT_KEY, fields);
        }
        validate_entry(v, &entries[i], &bytes);
    }
    bytes_map_done(&names);
}

// bytes: names and literals so far.
static void validate_entry(Validator *v, EnvironmentDef *entry, size_t *bytes) {
    if (!is_environment_name(entry->name)) {
        report(v, ERROR_ENVIRONMENT, (ErrorFields){{BYTES_LITERAL("invalid name")}});
        return;
    }
    const char *problem = NULL;
    if (entry->kind == ENVIRONMENT_UNION && entry->literal_count == 0) {
        problem = "string union must not be empty";
    } else if (entry->literal_count > ENVIRONMENT_LITERALS_MAX) {
        problem = "string union has too many entries";
    }
    *bytes += entry->name.count;
    for (uint32_t i = 0; i < entry->literal_count && problem == NULL; i++) {
        *bytes += entry->literals[i].count;
        if (entry->literals[i].count > ENVIRONMENT_VALUE_BYTES_MAX) {
            problem = "declared literal exceeds value size limit";
        }
    }
    if (problem == NULL && *bytes > ENVIRONMENT_SCHEMA_BYTES_MAX) {
        problem = "declaration schema exceeds size limit";
    }
    if (problem != NULL) {
        report(v, ERROR_ENVIRONMENT_KEY, (ErrorFields){{entry->name, bytes_of_text(problem)}});
        return;
    }
    sort_literals(v, entry);
}

static bool is_environment_name(Bytes name) {
    if (name.count == 0 || name.count > ENVIRONMENT_NAME_BYTES_MAX) return false;
    for (uint32_t i = 0; i < name.count; i++) {
        uint8_t byte = name.data[i];
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                         byte == '_';
        bool is_digit = byte >= '0' && byte <= '9';
        if (!is_letter && (!is_digit || i == 0)) return false;
    }
    return true;
}

static int literal_compare(const void *left, const void *right) {
    return bytes_compare(*(const Bytes *)left, *(const Bytes *)right);
}

static void sort_literals(Validator *v, EnvironmentDef *entry) {
    if (entry->literal_count < 2) return;
    Bytes *literals = ARENA_ARRAY(v->arena, Bytes, entry->literal_count);
    memcpy(literals, entry->literals, entry->literal_count * sizeof(Bytes));
    qsort(literals, entry->literal_count, sizeof(Bytes), literal_compare);
    uint32_t count = 1;
    for (uint32_t i = 1; i < entry->literal_count; i++) {
        if (!bytes_equal(literals[count - 1], literals[i])) literals[count++] = literals[i];
    }
    entry->literals = literals;
    entry->literal_count = count;
}

void validate_namespaces(Validator *v) {
    if (v->raw->submodule_count == 0) return;
    BytesMap namespaces;
    bytes_map_init(&namespaces);
    for (uint32_t i = 0; i < v->raw->submodule_count; i++) {
        (void)bytes_map_set(&namespaces, v->raw->submodules[i].namespace_name, v);
    }
    const RawModule *raw = v->raw;
    for (uint32_t i = 0; i < raw->table_count; i++)
        check_conflict(v, &namespaces, "table", raw->tables[i].name);
    for (uint32_t i = 0; i < raw->view_count; i++)
        check_conflict(v, &namespaces, "view", raw->views[i].name);
    for (uint32_t i = 0; i < raw->reducer_count; i++) {
        check_conflict(v, &namespaces, "reducer", raw->reducers[i].name);
    }
    for (uint32_t i = 0; i < raw->procedure_count; i++) {
        check_conflict(v, &namespaces, "procedure", raw->procedures[i].name);
    }
    bytes_map_done(&namespaces);
}

static void check_conflict(Validator *v, const BytesMap *namespaces, const char *kind, Bytes name) {
    if (bytes_map_find(namespaces, name) == NULL) return;
    report(v, ERROR_NAMESPACE_CONFLICT, (ErrorFields){{bytes_of_text(kind), name, name}});
}

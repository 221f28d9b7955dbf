// project.c - finds spacetime.json, lays its overlays over it, flattens the tree of targets.
#include "cli/project.h"

#include "cli/json5.h"

static const char *find_directory(Cli *cli, const char *directory);
static Status read_layer(Cli *cli, Project *project, const char *name, json_t **ret_layer);
static Status read_file(Cli *cli, const char *path, json_t **ret_json);
static Status overlay(Cli *cli, json_t *base, json_t *layer, uint32_t depth);
static Status check_dev(Cli *cli, const json_t *root);
static Status flatten(Cli *cli, Project *project, json_t *node, const json_t *parent,
                      uint32_t depth);
static json_t *inherit(const json_t *node, const json_t *parent);
static bool is_own(const char *key);
static bool is_source(const char *key);

Status project_open(Cli *cli, const char *directory, const char *env, Project **ret_project) {
    *ret_project = NULL;
    const char *found = find_directory(cli, directory);
    if (found == NULL) return STATUS_OK;
    Project *project = ARENA_NEW(&cli->arena, Project);
    project->directory = found;
    project->targets = ARENA_ARRAY(&cli->arena, json_t *, CLI_TARGETS_MAX);
    const char *names[PROJECT_FILES_MAX] = {"spacetime.json", "spacetime.local.json"};
    uint32_t name_count = 2;
    if (env != NULL) {
        names[name_count++] = cli_text(cli, "spacetime.%s.json", env);
        names[name_count++] = cli_text(cli, "spacetime.%s.local.json", env);
    }
    Status status = STATUS_OK;
    for (uint32_t i = 0; i < name_count && status == STATUS_OK; i++) {
        json_t *layer = NULL;
        status = read_layer(cli, project, names[i], &layer);
        if (status != STATUS_OK || layer == NULL) continue;
        if (project->root == NULL) {
            project->root = layer;
        } else {
            status = overlay(cli, project->root, layer, 0);
            json_decref(layer);
        }
    }
    if (status == STATUS_OK) status = check_dev(cli, project->root);
    if (status == STATUS_OK) status = flatten(cli, project, project->root, NULL, 0);
    if (status != STATUS_OK) {
        project_close(project);
        return status;
    }
    *ret_project = project;
    return STATUS_OK;
}

void project_close(Project *project) {
    if (project == NULL) return;
    for (uint32_t i = 0; i < project->target_count; i++) json_decref(project->targets[i]);
    json_decref(project->root);
    *project = (Project){0};
}

static const char *find_directory(Cli *cli, const char *directory) {
    const char *absolute = path_join(cli, path_working_directory(cli), directory);
    char *at = arena_copy_text(&cli->arena, bytes_of_text(path_clean(cli, absolute)));
    for (;;) {
        if (path_is_file(path_join(cli, at, "spacetime.json"))) return at;
        char *slash = strrchr(at, '/');
        if (slash == NULL || at[1] == 0) return NULL;
        slash[slash == at ? 1 : 0] = 0;
    }
}

// *ret_layer is NULL if there is no such file.
static Status read_layer(Cli *cli, Project *project, const char *name, json_t **ret_layer) {
    const char *path = path_join(cli, project->directory, name);
    if (!path_is_file(path)) return STATUS_OK;
    Status status = read_file(cli, path, ret_layer);
    if (status != STATUS_OK) return cli_wrap(cli, status, "Failed to load %s", name);
    project->files[project->file_count++] = path;
    return STATUS_OK;
}

static Status read_file(Cli *cli, const char *path, json_t **ret_json) {
    Bytes text = BYTES_NONE;
    Status status = file_read(cli, path, CLI_CONFIG_BYTES_MAX, &text);
    if (status != STATUS_OK) return status;
    Buffer json;
    buffer_init(&json, 4 * CLI_CONFIG_BYTES_MAX);
    Error error;
    json_error_t problem;
    status = json5_to_json(text, &json, &error);
    if (status != STATUS_OK) {
        (void)cli_fail(cli, status, "%s: %s", path, error.text);
        goto done;
    }
    json_t *value = json_loadb((const char *)json.data, json.count, JSON_REJECT_DUPLICATES,
                               &problem);
    if (!json_is_object(value)) {
        status = cli_fail(cli, STATUS_INVALID, "%s: %s", path,
                          value == NULL ? problem.text : "an object is expected");
        json_decref(value);
        goto done;
    }
    *ret_json = value;
done:
    buffer_done(&json);
    return status;
}

// Members of the layer replace those of the base; children are merged one by one.
static Status overlay(Cli *cli, json_t *base, json_t *layer, uint32_t depth) {
    if (depth > CLI_TARGET_DEPTH_MAX) {
        return cli_fail(cli, STATUS_LIMIT, "`children` are nested deeper than %u",
                        CLI_TARGET_DEPTH_MAX);
    }
    const char *key;
    json_t *value;
    json_object_foreach(layer, key, value) {
        json_t *below = json_object_get(base, key);
        if (strcmp(key, "children") != 0 || !json_is_array(value) || !json_is_array(below)) {
            json_object_set(base, key, value);
            continue;
        }
        for (size_t i = 0; i < json_array_size(value) && i < json_array_size(below); i++) {
            json_t *child = json_array_get(value, i);
            if (json_is_object(child) && json_is_object(json_array_get(below, i))) {
                Status status = overlay(cli, json_array_get(below, i), child, depth + 1);
                if (status != STATUS_OK) return status;
            } else {
                json_array_set(below, i, child);
            }
        }
    }
    return STATUS_OK;
}

static Status check_dev(Cli *cli, const json_t *root) {
    const json_t *dev = json_object_get(root, "dev");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)dev, key, value) {
        if (strcmp(key, "run") == 0) continue;
        Status status = cli_fail(cli, STATUS_INVALID, "unknown field `%s`, expected `run`", key);
        return cli_wrap(cli, status, "Failed to load spacetime.json");
    }
    return STATUS_OK;
}

static Status flatten(Cli *cli, Project *project, json_t *node, const json_t *parent,
                      uint32_t depth) {
    if (project->target_count == CLI_TARGETS_MAX || depth > CLI_TARGET_DEPTH_MAX) {
        return cli_fail(cli, STATUS_LIMIT,
                        "spacetime.json has more than %u databases, or `children` nested deeper "
                        "than %u",
                        CLI_TARGETS_MAX, CLI_TARGET_DEPTH_MAX);
    }
    if (!json_is_object(node)) {
        return cli_fail(cli, STATUS_INVALID, "spacetime.json: `children` must be objects");
    }
    json_t *target = inherit(node, parent);
    project->targets[project->target_count++] = target;
    size_t index;
    json_t *child;
    json_array_foreach(json_object_get(node, "children"), index, child) {
        Status status = flatten(cli, project, child, target, depth + 1);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

// The node's own fields and those of its parent that it lacks.
static json_t *inherit(const json_t *node, const json_t *parent) {
    json_t *target = json_object();
    bool has_source = false;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)node, key, value) {
        if (is_own(key)) continue;
        json_object_set(target, key, value);
        has_source = has_source || is_source(key);
    }
    json_object_foreach((json_t *)parent, key, value) {
        if (json_object_get(target, key) != NULL || (has_source && is_source(key))) continue;
        json_object_set(target, key, value);
    }
    return target;
}

// Neither a field of a target nor inherited. (Old versions left "_source-config" in files.)
static bool is_own(const char *key) {
    return strcmp(key, "dev") == 0 || strcmp(key, "generate") == 0 ||
           strcmp(key, "children") == 0 || strcmp(key, "_source-config") == 0;
}

// Where a module comes from: a child that says it differently inherits none of these.
static bool is_source(const char *key) {
    return strcmp(key, "module-path") == 0 || strcmp(key, "bin-path") == 0 ||
           strcmp(key, "js-path") == 0;
}

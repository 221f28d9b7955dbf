// publish_plan.c - merges each target with the command line, which wins.
#include "cli/publish_plan.h"

#include <fnmatch.h>
#include <stdio.h>

typedef enum FieldKind { FIELD_TEXT, FIELD_FLAG, FIELD_NUMBER } FieldKind;

typedef struct Field {
    const char *key;     // in spacetime.json, with '_' for '-'
    const char *option;  // on the command line; NULL: the positional
    FieldKind kind;
    size_t offset;      // in PublishPlan: a const char *, for FLAG a bool
    bool is_of_module;  // makes no sense for several targets
} Field;

static const Field FIELDS[] = {
    {"database", NULL, FIELD_TEXT, offsetof(PublishPlan, database), false},
    {"server", "server", FIELD_TEXT, offsetof(PublishPlan, server), false},
    {"module_path", "module-path", FIELD_TEXT, offsetof(PublishPlan, module_path), true},
    {"build_options", "build-options", FIELD_TEXT, offsetof(PublishPlan, build_options), true},
    {"wasm_file", "bin-path", FIELD_TEXT, offsetof(PublishPlan, wasm_file), true},
    {"js_file", "js-path", FIELD_TEXT, offsetof(PublishPlan, js_file), true},
    {"num_replicas", "num-replicas", FIELD_NUMBER, offsetof(PublishPlan, replicas), true},
    {"break_clients", "break-clients", FIELD_FLAG, offsetof(PublishPlan, break_clients), false},
    {"anon_identity", "anonymous", FIELD_FLAG, offsetof(PublishPlan, anonymous), false},
    {"parent", "parent", FIELD_TEXT, offsetof(PublishPlan, parent), false},
    {"organization", "organization", FIELD_TEXT, offsetof(PublishPlan, organization), false},
    {"native_aot", "native-aot", FIELD_FLAG, offsetof(PublishPlan, native_aot), true},
    {"dotnet_version", "dotnet-version", FIELD_TEXT, offsetof(PublishPlan, dotnet_version), true},
};
#define FIELD_COUNT (sizeof FIELDS / sizeof FIELDS[0])

static Status open_project(Cli *cli, const Args *args, Project **ret_project);
static Status plans_of_project(Cli *cli, const Args *args, const Project *project,
                               PublishPlan *plans, uint32_t *ret_count);
static bool is_meant(const json_t *target, const char *pattern);
static Status fail_no_match(Cli *cli, const Project *project, const char *pattern);
static Status plan_of_target(Cli *cli, const Args *args, const Project *project,
                             const json_t *target, PublishPlan *ret_plan);
static Status read_field(Cli *cli, const char *key, const json_t *value, PublishPlan *plan);
static const Field *find_field(Cli *cli, const char *key);
static void fill_from_args(const Args *args, PublishPlan *plan);
static Status check_several(Cli *cli, const Args *args);

Status publish_plans(Cli *cli, const Args *args, PublishPlan **ret_plans, uint32_t *ret_count) {
    Project *project = NULL;
    Status status = open_project(cli, args, &project);
    if (status != STATUS_OK) return status;
    uint32_t count = 1;
    PublishPlan *plans = ARENA_ARRAY(&cli->arena, PublishPlan,
                                     project == NULL ? 1 : project->target_count);
    if (project == NULL) {
        fill_from_args(args, plans);
    } else {
        status = plans_of_project(cli, args, project, plans, &count);
    }
    project_close(project);
    if (status != STATUS_OK) return status;
    *ret_plans = plans;
    *ret_count = count;
    return STATUS_OK;
}

static Status open_project(Cli *cli, const Args *args, Project **ret_project) {
    *ret_project = NULL;
    if (args_has(args, "no-config")) return STATUS_OK;
    const char *env = args_text(args, "env");
    const char *module_path = args_text(args, "module-path");
    Status status = project_open(cli, path_working_directory(cli), env, ret_project);
    if (status == STATUS_OK && *ret_project == NULL && module_path != NULL) {
        status = project_open(cli, module_path, env, ret_project);
    }
    for (uint32_t i = 0; status == STATUS_OK && *ret_project && i < (*ret_project)->file_count;
         i++) {
        printf("Using configuration from %s\n", (*ret_project)->files[i]);
    }
    return status;
}

static Status plans_of_project(Cli *cli, const Args *args, const Project *project,
                               PublishPlan *plans, uint32_t *ret_count) {
    const char *pattern = args_positional(args, 0);
    uint32_t count = 0;
    Status status = STATUS_OK;
    for (uint32_t i = 0; i < project->target_count && status == STATUS_OK; i++) {
        if (!is_meant(project->targets[i], pattern)) continue;
        status = plan_of_target(cli, args, project, project->targets[i], &plans[count++]);
    }
    // A single target lends its settings to whatever name was given.
    if (status == STATUS_OK && count == 0) {
        if (project->target_count != 1) return fail_no_match(cli, project, pattern);
        status = plan_of_target(cli, args, project, project->targets[0], &plans[count++]);
    }
    if (status == STATUS_OK && count > 1) status = check_several(cli, args);
    if (status == STATUS_OK) *ret_count = count;
    return status;
}

static bool is_meant(const json_t *target, const char *pattern) {
    if (pattern == NULL) return true;
    const char *database = json_string_value(json_object_get(target, "database"));
    return database != NULL && fnmatch(pattern, database, FNM_NOESCAPE) == 0;
}

static Status fail_no_match(Cli *cli, const Project *project, const char *pattern) {
    const char *names = "";
    for (uint32_t i = 0; i < project->target_count; i++) {
        const char *database = json_string_value(json_object_get(project->targets[i], "database"));
        if (database == NULL) continue;
        names = cli_text(cli, "%s%s%s", names, names[0] == 0 ? "" : ", ", database);
    }
    return cli_fail(cli, STATUS_NOT_FOUND,
                    "No database target matches '%s'. Available databases: %s", pattern, names);
}

static Status plan_of_target(Cli *cli, const Args *args, const Project *project,
                             const json_t *target, PublishPlan *ret_plan) {
    PublishPlan plan = {.is_configured = true};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)target, key, value) {
        Status status = read_field(cli, key, value, &plan);
        if (status != STATUS_OK) return status;
    }
    if (plan.module_path != NULL) {
        plan.module_path = path_clean(cli, path_join(cli, project->directory, plan.module_path));
    }
    const char *database = plan.database;
    fill_from_args(args, &plan);
    // What matched was perhaps a pattern; a name that did not match is meant as it is.
    if (is_meant(target, args_positional(args, 0))) plan.database = database;
    if (plan.database == NULL) {
        return cli_fail(cli, STATUS_INVALID,
                        "Required key 'database' is missing from the config file or CLI");
    }
    *ret_plan = plan;
    return STATUS_OK;
}

static Status read_field(Cli *cli, const char *key, const json_t *value, PublishPlan *plan) {
    const Field *field = find_field(cli, key);
    if (field == NULL) return STATUS_INVALID;
    void *place = (char *)plan + field->offset;
    bool is_right = false;
    switch (field->kind) {
    case FIELD_TEXT:
        is_right = json_is_string(value);
        if (is_right) *(const char **)place = cli_text(cli, "%s", json_string_value(value));
        break;
    case FIELD_FLAG:
        is_right = json_is_boolean(value);
        if (is_right) *(bool *)place = json_is_true(value);
        break;
    case FIELD_NUMBER:
        is_right = json_is_integer(value);
        if (is_right) {
            *(const char **)place = cli_text(cli, "%lld", (long long)json_integer_value(value));
        }
        break;
    }
    if (is_right) return STATUS_OK;
    static const char *const WANTED[] = {"a text", "true or false", "a number"};
    return cli_fail(cli, STATUS_INVALID, "spacetime.json: '%s' must be %s", key,
                    WANTED[field->kind]);
}

static const Field *find_field(Cli *cli, const char *key) {
    char *snake = arena_copy_text(&cli->arena, bytes_of_text(key));
    for (char *at = snake; *at != 0; at++) {
        if (*at == '-') *at = '_';
    }
    const char *keys = "";
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (strcmp(FIELDS[i].key, snake) == 0) return &FIELDS[i];
        keys = cli_text(cli, "%s%s%s", keys, i == 0 ? "" : ", ", FIELDS[i].key);
    }
    (void)cli_fail(cli, STATUS_INVALID,
                   "Config key '%s' is not supported in the config file. Available keys: %s", snake,
                   keys);
    return NULL;
}

static void fill_from_args(const Args *args, PublishPlan *plan) {
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const Field *field = &FIELDS[i];
        void *place = (char *)plan + field->offset;
        const char *text = NULL;
        if (field->option == NULL) {
            text = args_positional(args, 0);
        } else if (field->kind == FIELD_FLAG) {
            if (args_has(args, field->option)) *(bool *)place = true;
        } else {
            text = args_text(args, field->option);
        }
        if (text != NULL) *(const char **)place = text;
    }
    // A program on the command line stands for the module of the configuration, and the reverse.
    if (args_text(args, "bin-path") != NULL) plan->js_file = NULL;
    if (args_text(args, "js-path") != NULL) plan->wasm_file = NULL;
}

static Status check_several(Cli *cli, const Args *args) {
    const char *given = "";
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const char *option = FIELDS[i].option;
        if (!FIELDS[i].is_of_module || !args_has(args, option)) continue;
        given = cli_text(cli, "%s%s--%s", given, given[0] == 0 ? "" : ", ", option);
    }
    if (given[0] == 0) return STATUS_OK;
    return cli_fail(
        cli, STATUS_INVALID,
        "Cannot use module-specific arguments (%s) when publishing to multiple targets. "
        "Please specify the database name or identity to select a single target, or "
        "remove these arguments.",
        given);
}

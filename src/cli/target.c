// target.c - which database the positionals of a command mean, with and without a spacetime.json.
#include "cli/project.h"

static Status load_targets(Cli *cli, const Args *args, Target **ret_targets, uint32_t *ret_count);
static const Target *find_target(const Target *targets, uint32_t count, const char *database);
static Target with_rest(Target target, const Args *args, uint32_t from);
static Status fail_required(Cli *cli, const char *needed, const char *usage);
static Status fail_unknown(Cli *cli, const Target *targets, uint32_t count, const char *database);

Status target_of_database(Cli *cli, const Args *args, const char *usage, Target *ret_target) {
    Target *targets = NULL;
    uint32_t count = 0;
    Status status = load_targets(cli, args, &targets, &count);
    if (status != STATUS_OK) return status;
    const char *given = args_positional(args, 0);
    if (given == NULL && count != 1) return fail_required(cli, "database", usage);
    const Target *target = given == NULL ? &targets[0] : find_target(targets, count, given);
    *ret_target = target != NULL ? *target : (Target){.database = given};
    return STATUS_OK;
}

Status target_of_parts(Cli *cli, const Args *args, const char *needed, const char *usage,
                       Target *ret_target) {
    Target *targets = NULL;
    uint32_t count = 0;
    Status status = load_targets(cli, args, &targets, &count);
    if (status != STATUS_OK) return status;
    const char *first = args_positional(args, 0);
    if (first == NULL) return fail_required(cli, count == 0 ? "database" : needed, usage);
    const Target *target = find_target(targets, count, first);
    if (target == NULL && count == 1) {
        *ret_target = with_rest(targets[0], args, 0);
        return STATUS_OK;
    }
    if (target == NULL && count > 1) return fail_unknown(cli, targets, count, first);
    if (args->positional_count < 2) return fail_required(cli, needed, usage);
    *ret_target = with_rest(target != NULL ? *target : (Target){.database = first}, args, 1);
    return STATUS_OK;
}

Status target_of_optional_parts(Cli *cli, const Args *args, const char *usage, Target *ret_target) {
    Target *targets = NULL;
    uint32_t count = 0;
    Status status = load_targets(cli, args, &targets, &count);
    if (status != STATUS_OK) return status;
    const char *first = args_positional(args, 0);
    if (first == NULL && count != 1) return fail_required(cli, "database", usage);
    const Target *target = first == NULL ? NULL : find_target(targets, count, first);
    if (target == NULL && count == 1) {
        *ret_target = with_rest(targets[0], args, 0);
        return STATUS_OK;
    }
    if (target == NULL && count > 1) return fail_unknown(cli, targets, count, first);
    *ret_target = with_rest(target != NULL ? *target : (Target){.database = first}, args, 1);
    return STATUS_OK;
}

// The databases of the project, each name once; none with --no-config.
static Status load_targets(Cli *cli, const Args *args, Target **ret_targets, uint32_t *ret_count) {
    *ret_count = 0;
    if (args_has(args, "no-config")) return STATUS_OK;
    Project *project = NULL;
    Status status = project_open(cli, path_working_directory(cli), NULL, &project);
    if (status != STATUS_OK || project == NULL) return status;
    Target *targets = ARENA_ARRAY(&cli->arena, Target, project->target_count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < project->target_count; i++) {
        const json_t *fields = project->targets[i];
        const char *database = json_string_value(json_object_get(fields, "database"));
        const char *server = json_string_value(json_object_get(fields, "server"));
        if (database == NULL || find_target(targets, count, database) != NULL) continue;
        targets[count].database = cli_text(cli, "%s", database);
        targets[count++].server = server == NULL ? NULL : cli_text(cli, "%s", server);
    }
    project_close(project);
    *ret_targets = targets;
    *ret_count = count;
    return STATUS_OK;
}

static const Target *find_target(const Target *targets, uint32_t count, const char *database) {
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(targets[i].database, database) == 0) return &targets[i];
    }
    return NULL;
}

static Target with_rest(Target target, const Args *args, uint32_t from) {
    target.rest = args->positionals + from;
    target.rest_count = args->positional_count - from;
    return target;
}

static Status fail_required(Cli *cli, const char *needed, const char *usage) {
    return cli_fail(cli, STATUS_INVALID,
                    "the following required arguments were not provided:\n  <%s>\n\nUsage: %s",
                    needed, usage);
}

static Status fail_unknown(Cli *cli, const Target *targets, uint32_t count, const char *database) {
    Buffer names;
    buffer_init(&names, CLI_CONFIG_BYTES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        buffer_append_format(&names, "%s%s", i == 0 ? "" : ", ", targets[i].database);
    }
    Status status = cli_fail(
        cli, STATUS_NOT_FOUND,
        "Multiple databases found in config: %.*s. Please specify which database to use, "
        "or pass --no-config to use '%s' directly.",
        BYTES_FORMAT(buffer_bytes(&names)), database);
    buffer_done(&names);
    return status;
}

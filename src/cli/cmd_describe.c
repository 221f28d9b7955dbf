// cmd_describe.c - `describe --json`: a module's definition, or one reducer or table of it.
#include "cli/commands.h"
#include "cli/json_text.h"
#include "cli/remote.h"

#include <stdio.h>

static const OptionSpec OPTIONS[] = {
    {.name = "json",
     .kind = OPTION_FLAG,
     .is_required = true,
     .help = "Print JSON, which is the only form there is"},
    OPTION_ANONYMOUS,
    OPTION_SERVER,
    OPTION_YES,
    OPTION_NO_CONFIG,
};

static const char USAGE[] =
    "spacetime describe [database] [entity_type entity_name] --json [--no-config]";

static Status run(Cli *cli, const Args *args);
static Status check_parts(Cli *cli, const Target *target);
static Status find_entity(Cli *cli, const ModuleInfo *module, const Target *target,
                          Bytes *ret_json);

const CommandSpec COMMAND_DESCRIBE = {
    .name = "describe",
    .about = "Describe the structure of a database or entities within it",
    COMMAND_OPTIONS(OPTIONS),
    .positionals = "[DATABASE] [reducer|table NAME]",
    .positionals_max = UINT32_MAX,
    .is_unstable = true,
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    Target target;
    Remote remote;
    ModuleInfo module;
    Bytes json = BYTES_NONE;
    Status status = target_of_optional_parts(cli, args, USAGE, &target);
    if (status == STATUS_OK) status = check_parts(cli, &target);
    if (status == STATUS_OK) status = remote_open(cli, &target, args, &remote);
    if (status == STATUS_OK) status = remote_module(cli, &remote, &module);
    if (status == STATUS_OK) status = find_entity(cli, &module, &target, &json);
    if (status != STATUS_OK) return status;
    Buffer text;
    buffer_init(&text, CLI_RESPONSE_BYTES_MAX);
    json_text_write_pretty(&text, json);
    if (text.failed) {
        status = cli_fail(cli, STATUS_LIMIT, "the description is too long");
    } else {
        (void)cli_print(buffer_bytes(&text));
        puts("");
    }
    buffer_done(&text);
    return status;
}

static Status check_parts(Cli *cli, const Target *target) {
    if (target->rest_count == 0) return STATUS_OK;
    if (target->rest_count != 2) {
        return cli_fail(cli, STATUS_INVALID, "Invalid describe arguments.\nUsage: %s", USAGE);
    }
    const char *kind = target->rest[0];
    if (strcmp(kind, "reducer") == 0 || strcmp(kind, "table") == 0) return STATUS_OK;
    return cli_fail(cli, STATUS_INVALID,
                    "Invalid entity_type '%s'. Expected one of: reducer, table.", kind);
}

static Status find_entity(Cli *cli, const ModuleInfo *module, const Target *target,
                          Bytes *ret_json) {
    *ret_json = module->json;
    if (target->rest_count == 0) return STATUS_OK;
    if (strcmp(target->rest[0], "reducer") == 0) {
        const FunctionInfo *function = module_find_function(module, target->rest[1]);
        if (function == NULL || function->is_procedure) {
            return cli_fail(cli, STATUS_NOT_FOUND, "no such reducer");
        }
        *ret_json = function->json;
        return STATUS_OK;
    }
    const RelationInfo *table = module_find_relation(module, bytes_of_text(target->rest[1]));
    if (table == NULL || table->json.data == NULL) {
        return cli_fail(cli, STATUS_NOT_FOUND, "no such table");
    }
    *ret_json = table->json;
    return STATUS_OK;
}

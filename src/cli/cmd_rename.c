// cmd_rename.c - `rename`: gives a database another name, instead of all it has.
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/http.h"
#include "cli/session.h"

#include <stdio.h>

#define NAME_PART_BYTES_MAX 64u

static const OptionSpec OPTIONS[] = {
    {.name = "to",
     .kind = OPTION_VALUE,
     .value_name = "NEW-NAME",
     .is_required = true,
     .help = "The new name"},
    OPTION_SERVER,
    OPTION_YES,
};

static Status run(Cli *cli, const Args *args);
static Status check_domain(Cli *cli, const char *name);
static Status tell_result(Cli *cli, const HttpReply *reply, const json_t *result,
                          const char *database);

const CommandSpec COMMAND_RENAME = {
    .name = "rename",
    .about = "Rename a database",
    COMMAND_OPTIONS(OPTIONS),
    .positionals = "<DATABASE-IDENTITY>",
    .positionals_min = 1,
    .positionals_max = 1,
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    const char *name = args_text(args, "to");
    const char *database = args_positional(args, 0);
    const char *server = args_text(args, "server");
    const char *token = NULL;
    const char *url = NULL;
    Status status = session_token(cli, session_user(args), server, &token);
    if (status == STATUS_OK) status = check_domain(cli, name);
    if (status == STATUS_OK) status = config_server_url(cli, server, &url);
    if (status != STATUS_OK) return status;
    json_t *names = json_pack("[s]", name);
    if (names == NULL) return cli_fail(cli, STATUS_INVALID, "the name is not UTF-8");
    char *body = json_dumps(names, JSON_COMPACT);
    const HttpCall call = {
        .method = "PUT",
        .url = cli_text(cli, "%s/v1/database/%s/names", url, url_encode(cli, database)),
        .token = token,
        .content_type = "application/json",
        .body = bytes_of_text(body),
    };
    HttpReply reply;
    json_t *result = NULL;
    status = http_call(cli, &call, &reply);
    if (status == STATUS_OK) status = http_read_json(cli, &reply, &result);
    if (status == STATUS_OK) status = tell_result(cli, &reply, result, database);
    if (status == STATUS_OK) printf("Name set to %s for identity %s.\n", name, database);
    json_decref(result);
    json_decref(names);
    mem_free(body);
    return status;
}

// Parts between slashes, none of them empty, no white space in them.
static Status check_domain(Cli *cli, const char *name) {
    Identity identity;
    if (identity_parse(bytes_of_text(name), &identity)) {
        return cli_fail(cli, STATUS_INVALID, "a name cannot look like an identity: %s", name);
    }
    for (const char *at = name;; at++) {
        size_t part = strcspn(at, "/");
        if (part == 0) {
            return cli_fail(cli, STATUS_INVALID,
                            "a name cannot be empty, nor any part of it between slashes: `%s`",
                            name);
        }
        if (part > NAME_PART_BYTES_MAX) {
            return cli_fail(cli, STATUS_INVALID, "a part of a name has at most %u characters: %s",
                            NAME_PART_BYTES_MAX, name);
        }
        if (strcspn(at, " \t\r\n\v\f") < part) {
            return cli_fail(cli, STATUS_INVALID, "a name cannot have white space: `%s`", name);
        }
        at += part;
        if (*at == 0) return STATUS_OK;
    }
}

static Status tell_result(Cli *cli, const HttpReply *reply, const json_t *result,
                          const char *database) {
    if (http_is_success(reply)) return STATUS_OK;
    const char *domain = json_string_value(
        json_object_get(json_object_get(result, "PermissionDenied"), "domain"));
    const json_t *domains = json_object_get(json_object_get(result, "PermissionDeniedOnAny"),
                                            "domains");
    const char *other = json_string_value(json_object_get(result, "OtherError"));
    if (domain != NULL) {
        return cli_fail(cli, STATUS_DENIED, "Permission denied for domain: %s", domain);
    }
    if (domains != NULL) {
        char *text = json_dumps(domains, JSON_COMPACT);
        Status status = cli_fail(cli, STATUS_DENIED, "Permission denied for domains: %s", text);
        mem_free(text);
        return status;
    }
    if (json_object_get(result, "NotYourDatabase") != NULL) {
        return cli_fail(cli, STATUS_DENIED,
                        "You cannot rename %s because it is owned by another identity.", database);
    }
    if (json_is_string(result) && strcmp(json_string_value(result), "DatabaseNotFound") == 0) {
        return cli_fail(cli, STATUS_NOT_FOUND, "Database %s not found", database);
    }
    if (other != NULL) return cli_fail(cli, STATUS_INVALID, "%s", other);
    return http_fail_status(cli, reply);
}

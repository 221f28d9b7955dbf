// cmd_delete.c - `delete`: a database and, if the user wants that, its children.
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/http.h"
#include "cli/remote.h"

#include <stdio.h>

static const OptionSpec OPTIONS[] = {OPTION_SERVER, OPTION_YES, OPTION_NO_CONFIG};

static Status run(Cli *cli, const Args *args);
static Status send_delete(Cli *cli, const char *url, const char *token, HttpReply *ret_reply);
static Status delete_tree(Cli *cli, const Args *args, const HttpReply *reply, const char *identity,
                          const HttpCall *again);
static Status print_tree(Cli *cli, const json_t *tree, const char *prefix, uint32_t depth);
static const char *node_text(Cli *cli, const json_t *root);

const CommandSpec COMMAND_DELETE = {
    .name = "delete",
    .about = "Deletes a SpacetimeDB database",
    COMMAND_OPTIONS(OPTIONS),
    .positionals = "[DATABASE]",
    .positionals_max = 1,
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    Target target;
    const char *url = NULL;
    const char *token = NULL;
    char identity[IDENTITY_HEX_COUNT + 1];
    Status status = target_of_database(cli, args, "spacetime delete [database] [--no-config]",
                                       &target);
    if (status != STATUS_OK) return status;
    const char *server = args_text(args, "server");
    if (server == NULL) server = target.server;
    status = config_server_url(cli, server, &url);
    if (status == STATUS_OK) status = remote_find(cli, url, target.database, identity);
    if (status != STATUS_OK) return status;
    const char *shown = strcmp(target.database, identity) == 0
                            ? identity
                            : cli_text(cli, "%s (%s)", target.database, identity);
    const char *question = cli_text(
        cli, "Are you sure you want to delete database %s? This action cannot be undone.", shown);
    if (!cli_confirm(cli, args_has(args, "yes") ? ASKING_SKIPPED : ASKING, question)) {
        puts("Aborting");
        return STATUS_OK;
    }
    status = session_token(cli, session_user(args), server, &token);
    if (status != STATUS_OK) return status;
    const char *path = cli_text(cli, "%s/v1/database/%s", url, identity);
    HttpReply reply;
    status = send_delete(cli, path, token, &reply);
    if (status != STATUS_OK || reply.status == 200) return status;
    if (reply.status != 428) return http_expect_success(cli, &reply);
    const HttpCall again = {.method = "DELETE", .url = path, .token = token};
    return delete_tree(cli, args, &reply, identity, &again);
}

static Status send_delete(Cli *cli, const char *url, const char *token, HttpReply *ret_reply) {
    const HttpCall call = {.method = "DELETE", .url = url, .token = token};
    return http_call(cli, &call, ret_reply);
}

// The server wants to hear that the children go, too.
static Status delete_tree(Cli *cli, const Args *args, const HttpReply *reply, const char *identity,
                          const HttpCall *again) {
    json_t *answer = NULL;
    Status status = http_read_json(cli, reply, &answer);
    if (status != STATUS_OK) return status;
    printf("WARNING: Deleting the database %s will also delete its children!\n", identity);
    const char *confirmation = json_string_value(json_object_get(answer, "confirmation_token"));
    if (confirmation == NULL) {
        status = cli_fail(cli, STATUS_INVALID, "the server's answer has no confirmation token");
        goto done;
    }
    if (!args_has(args, "yes")) {
        status = print_tree(cli, json_object_get(answer, "database_tree"), NULL, 0);
        if (status != STATUS_OK) goto done;
        if (!cli_confirm(cli, ASKING, "Do you want to proceed deleting above databases?")) {
            puts("Aborting");
            goto done;
        }
    }
    HttpReply second;
    status = send_delete(cli, url_with(cli, again->url, "token", confirmation), again->token,
                         &second);
    if (status == STATUS_OK) status = http_expect_success(cli, &second);
done:
    json_decref(answer);
    return status;
}

// One line a database, the children below it, the last one of the list first.
// prefix  what the branches above draw before a line; NULL: this is the root
static Status print_tree(Cli *cli, const json_t *tree, const char *prefix, uint32_t depth) {
    if (depth > CLI_TARGET_DEPTH_MAX) {
        return cli_fail(cli, STATUS_LIMIT, "children are nested deeper than %u",
                        CLI_TARGET_DEPTH_MAX);
    }
    if (prefix == NULL) printf("%s\n", node_text(cli, json_object_get(tree, "root")));
    const json_t *children = json_object_get(tree, "children");
    for (size_t i = json_array_size(children); i > 0; i--) {
        const json_t *child = json_array_get(children, i - 1);
        const char *above = prefix == NULL ? "" : prefix;
        bool is_last = i == 1;
        printf("%s%s%s\n", above, is_last ? "└── " : "├── ",
               node_text(cli, json_object_get(child, "root")));
        const char *below = cli_text(cli, "%s%s", above, is_last ? "    " : "│   ");
        Status status = print_tree(cli, child, below, depth + 1);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

// "c200...: name, other name".
static const char *node_text(Cli *cli, const json_t *root) {
    const char *identity = json_string_value(json_object_get(root, "database_identity"));
    const char *text = cli_text(cli, "%s", identity == NULL ? "?" : identity);
    size_t index;
    json_t *item;
    json_array_foreach(json_object_get(root, "database_names"), index, item) {
        const char *name = json_string_value(item);
        text = cli_text(cli, "%s%s%s", text, index == 0 ? ": " : ", ", name == NULL ? "?" : name);
    }
    return text;
}

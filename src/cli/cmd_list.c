// cmd_list.c - `list`: the databases of whoever is logged in.
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/http.h"
#include "cli/session.h"
#include "cli/text_table.h"

#include <stdio.h>

static const OptionSpec OPTIONS[] = {OPTION_SERVER, OPTION_YES};

static Status run(Cli *cli, const Args *args);
static Status add_rows(Cli *cli, const char *url, const json_t *identities, TextTable *table);
static Status find_names(Cli *cli, const char *url, const char *identity, const char **ret_names);

const CommandSpec COMMAND_LIST = {
    .name = "list",
    .about = "Lists the databases attached to an identity",
    COMMAND_OPTIONS(OPTIONS),
    .is_unstable = true,
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    const char *server = args_text(args, "server");
    const char *token = NULL;
    const char *url = NULL;
    Identity identity;
    Status status = session_token(cli, session_user(args), server, &token);
    if (status == STATUS_OK) status = token_identity(cli, token, &identity);
    if (status == STATUS_OK) status = config_server_url(cli, server, &url);
    if (status != STATUS_OK) return status;
    char hex[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&identity, hex);
    const HttpCall call = {.method = "GET",
                           .url = cli_text(cli, "%s/v1/identity/%s/databases", url, hex),
                           .token = token};
    HttpReply reply;
    json_t *answer = NULL;
    status = http_call(cli, &call, &reply);
    if (status == STATUS_OK) status = http_read_json(cli, &reply, &answer);
    if (status != STATUS_OK) {
        return cli_wrap(cli, status, "unable to retrieve databases for identity");
    }
    TextTable table;
    text_table_init(&table, 2);
    text_table_add(&table, BYTES_LITERAL("Database Name(s)"));
    text_table_add(&table, BYTES_LITERAL("Identity"));
    const json_t *identities = json_object_get(answer, "identities");
    status = add_rows(cli, url, identities, &table);
    if (status == STATUS_OK && json_array_size(identities) == 0) {
        printf("No databases found for %s.\n", hex);
    } else if (status == STATUS_OK) {
        Buffer text;
        buffer_init(&text, CLI_RESPONSE_BYTES_MAX);
        text_table_write(&text, &table, TEXT_TABLE_PSQL);
        printf("Associated databases for user %s:\n\n%.*s\n", hex,
               BYTES_FORMAT(buffer_bytes(&text)));
        buffer_done(&text);
    }
    text_table_done(&table);
    json_decref(answer);
    return status;
}

static Status add_rows(Cli *cli, const char *url, const json_t *identities, TextTable *table) {
    size_t index;
    json_t *item;
    json_array_foreach((json_t *)identities, index, item) {
        Identity identity;
        const char *text = json_string_value(item);
        if (text == NULL || !identity_parse(bytes_of_text(text), &identity)) {
            return cli_fail(cli, STATUS_INVALID, "the server's list has something else in it");
        }
        char hex[IDENTITY_HEX_COUNT + 1];
        identity_to_hex(&identity, hex);
        const char *names = NULL;
        Status status = find_names(cli, url, hex, &names);
        if (status != STATUS_OK) return status;
        text_table_add(table, bytes_of_text(names));
        text_table_add(table, bytes_of_text(cli_text(cli, "%s", hex)));
    }
    return STATUS_OK;
}

static Status find_names(Cli *cli, const char *url, const char *identity, const char **ret_names) {
    const HttpCall call = {.method = "GET",
                           .url = cli_text(cli, "%s/v1/database/%s/names", url, identity)};
    HttpReply reply;
    json_t *answer = NULL;
    Status status = http_call(cli, &call, &reply);
    if (status == STATUS_OK) status = http_read_json(cli, &reply, &answer);
    if (status != STATUS_OK) return status;
    const char *names = "";
    size_t index;
    json_t *item;
    json_array_foreach(json_object_get(answer, "names"), index, item) {
        const char *name = json_string_value(item);
        if (name == NULL) continue;
        names = cli_text(cli, "%s%s%s", names, names[0] == 0 ? "" : ", ", name);
    }
    json_decref(answer);
    *ret_names = names;
    return STATUS_OK;
}

// remote.c - asks a server who a database is and what is in it.
#include "cli/remote.h"

#include "cli/config.h"
#include "cli/http.h"
#include "cli/json_text.h"

Status remote_find(Cli *cli, const char *url, const char *name,
                   char ret_identity[IDENTITY_HEX_COUNT + 1]) {
    Identity identity;
    if (identity_parse(bytes_of_text(name), &identity)) {
        identity_to_hex(&identity, ret_identity);
        return STATUS_OK;
    }
    const HttpCall call = {
        .method = "GET",
        .url = cli_text(cli, "%s/v1/database/%s/identity", url, url_encode(cli, name)),
    };
    HttpReply reply;
    Status status = http_call(cli, &call, &reply);
    if (status != STATUS_OK) return status;
    if (reply.status == 404) {
        return cli_fail(cli, STATUS_NOT_FOUND, "failed to find database `%s`.", name);
    }
    status = http_expect_success(cli, &reply);
    if (status != STATUS_OK) return status;
    if (!identity_parse(reply.body, &identity)) {
        return cli_fail(cli, STATUS_INVALID, "identity endpoint did not return an identity");
    }
    identity_to_hex(&identity, ret_identity);
    return STATUS_OK;
}

Status remote_open(Cli *cli, const Target *target, const Args *args, Remote *ret_remote) {
    const char *server = args_text(args, "server");
    if (server == NULL) server = target->server;
    Remote remote = {.name = target->database};
    Status status = config_server_url(cli, server, &remote.url);
    if (status == STATUS_OK) {
        status = session_token(cli, session_user(args), server, &remote.token);
    }
    if (status == STATUS_OK) {
        status = remote_find(cli, remote.url, remote.name, remote.identity);
    }
    if (status == STATUS_OK) *ret_remote = remote;
    return status;
}

Status remote_module(Cli *cli, const Remote *remote, ModuleInfo *ret_module) {
    const HttpCall call = {
        .method = "GET",
        .url = cli_text(cli, "%s/v1/database/%s/schema?version=10", remote->url, remote->identity),
        .token = remote->token,
        .agent = HTTP_AGENT_NAMED,
    };
    HttpReply reply;
    Status status = http_call(cli, &call, &reply);
    if (status == STATUS_OK) status = http_expect_json(cli, &reply);
    if (status == STATUS_OK && !http_is_success(&reply)) status = http_fail_status(cli, &reply);
    if (status != STATUS_OK) return status;
    return module_info_read(cli, reply.body, ret_module);
}

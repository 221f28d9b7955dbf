// publish_check.c - `pre_publish` and the questions that its answer raises.
#include "cli/publish_check.h"

#include "cli/http.h"

#include <stdio.h>

static Status ask_to_delete(Cli *cli, const PublishCheck *check, const char **url);
static Status read_answer(Cli *cli, const PublishCheck *check, const json_t *answer,
                          const char **url);
static Status ask_to_upgrade(Cli *cli, const PublishCheck *check);
static Status read_manual(Cli *cli, const PublishCheck *check, const json_t *manual,
                          const char **url);
static Status read_automatic(Cli *cli, const PublishCheck *check, const json_t *automatic,
                             const char **url);

Status publish_check(Cli *cli, const PublishCheck *check, const char **url) {
    if (check->delete_data == DELETE_DATA_ALWAYS) return ask_to_delete(cli, check, url);
    printf("Checking for breaking changes...\n");
    fflush(stdout);
    const char *pre = cli_text(cli, "%s/v1/database/%s/pre_publish", check->url,
                               url_encode(cli, check->database));
    pre = url_with(cli, pre, "pretty_print_style", cli_has_colour(1) ? "AnsiColor" : "NoColor");
    // The server's own name for it, which upstream's command line does not know.
    pre = url_with(cli, pre, "style", cli_has_colour(1) ? "AnsiColor" : "NoColor");
    pre = url_with(cli, pre, "host_type", check->host_type);
    const HttpCall call = {
        .method = "POST", .url = pre, .token = check->token, .body = check->program};
    HttpReply reply;
    Status status = http_call(cli, &call, &reply);
    if (status != STATUS_OK) return status;
    if (reply.status == 404) return STATUS_OK;  // a new database
    if (!http_is_success(&reply)) {
        return cli_fail(cli, STATUS_INVALID, "Pre-publish check failed with status %s: %.*s",
                        http_status_text(cli, reply.status), BYTES_FORMAT(reply.body));
    }
    json_t *answer = NULL;
    status = http_read_json(cli, &reply, &answer);
    if (status != STATUS_OK) return status;
    status = read_answer(cli, check, answer, url);
    json_decref(answer);
    return status;
}

static Status ask_to_delete(Cli *cli, const PublishCheck *check, const char **url) {
    printf("This will DESTROY the current %s module, and ALL corresponding data.\n",
           check->database);
    const char *question = cli_text(cli, "Are you sure you want to proceed? [deleting %s]",
                                    check->database);
    if (!cli_confirm(cli, check->skips_delete_data ? ASKING_SKIPPED : ASKING, question)) {
        return cli_fail(cli, STATUS_DENIED, "Aborted.");
    }
    *url = url_with(cli, *url, "clear", "true");
    return STATUS_OK;
}

static Status read_answer(Cli *cli, const PublishCheck *check, const json_t *answer,
                          const char **url) {
    const json_t *manual = json_object_get(answer, "ManualMigrate");
    const json_t *automatic = json_object_get(answer, "AutoMigrate");
    const json_t *either = manual != NULL ? manual : automatic;
    if (either == NULL) {
        return cli_fail(cli, STATUS_INVALID,
                        "the answer to the pre-publish check is not understood");
    }
    if (json_is_true(json_object_get(either, "major_version_upgrade"))) {
        Status status = ask_to_upgrade(cli, check);
        if (status != STATUS_OK) return status;
    }
    return manual != NULL ? read_manual(cli, check, manual, url)
                          : read_automatic(cli, check, automatic, url);
}

static Status ask_to_upgrade(Cli *cli, const PublishCheck *check) {
    printf(
        "It looks like you're trying to do a major version upgrade from 1.0 to 2.0. We recommend "
        "first looking at the upgrade notes before committing to this upgrade: "
        "https://spacetimedb.com/docs/upgrade\n\n"
        "WARNING: Once you publish you cannot revert back to version 1.0.\n\n");
    if (check->skips_upgrade) return STATUS_OK;
    printf("Please type 'upgrade' to accept this change: ");
    fflush(stdout);
    if (strcmp(cli_read_line(cli), "upgrade") == 0) return STATUS_OK;
    return cli_fail(cli, STATUS_DENIED, "Aborting because major version upgrade was not accepted.");
}

static Status read_manual(Cli *cli, const PublishCheck *check, const json_t *manual,
                          const char **url) {
    const char *reason = json_string_value(json_object_get(manual, "reason"));
    printf("%s\n", reason == NULL ? "The server gives no reason." : reason);
    if (check->delete_data == DELETE_DATA_NEVER) {
        printf("Aborting publish due to required manual migration.\n");
        return cli_fail(cli, STATUS_CONFLICT,
                        "Aborting because publishing would require manual migration or deletion of "
                        "data and --delete-data was not specified.");
    }
    printf("Proceeding with database clear due to --delete-data=on-conflict.\n");
    return ask_to_delete(cli, check, url);
}

static Status read_automatic(Cli *cli, const PublishCheck *check, const json_t *automatic,
                             const char **url) {
    const char *plan = json_string_value(json_object_get(automatic, "migrate_plan"));
    const char *token = json_string_value(json_object_get(automatic, "token"));
    if (plan == NULL || token == NULL) {
        return cli_fail(cli, STATUS_INVALID,
                        "the answer to the pre-publish check is not understood");
    }
    printf("%s\n", plan);
    if (json_is_true(json_object_get(automatic, "break_clients"))) {
        bool is_skipped = check->break_clients || check->skips_break_clients;
        if (!cli_confirm(
                cli, is_skipped ? ASKING_SKIPPED : ASKING,
                "The above changes will BREAK existing clients. Do you want to proceed?")) {
            printf("Aborting\n");
            return cli_fail(cli, STATUS_DENIED, "Publishing aborted by user");
        }
    }
    *url = url_with(cli, *url, "token", token);
    *url = url_with(cli, *url, "policy", "BreakClients");
    return STATUS_OK;
}

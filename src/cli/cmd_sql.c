// cmd_sql.c - `sql`: runs statements and prints their rows as tables, or the answer as it is.
#include "cli/commands.h"
#include "cli/http.h"
#include "cli/json_text.h"
#include "cli/remote.h"
#include "cli/sql_text.h"

#include <stdio.h>

static const OptionSpec OPTIONS[] = {
    {.name = "interactive",
     .kind = OPTION_FLAG,
     .is_hidden = true,
     .help = "Not offered: pipe statements into `spacetime sql` one by one instead"},
    OPTION_CONFIRMED,
    OPTION_ANONYMOUS,
    OPTION_SERVER,
    {.name = "format",
     .kind = OPTION_VALUE,
     .value_name = "FORMAT",
     .choices = "text,default,txt|json",
     .help = "How to print the result"},
    OPTION_YES,
    OPTION_NO_CONFIG,
};

static Status run(Cli *cli, const Args *args);
static Status find_target(Cli *cli, const Args *args, Target *ret_target);
static bool is_one_query(const Args *args);
static Status send_query(Cli *cli, const Remote *remote, const Args *args, const char *query,
                         HttpReply *ret_reply);
static const char *join_words(Cli *cli, const Target *target);

const CommandSpec COMMAND_SQL = {
    .name = "sql",
    .about = "Runs a SQL query on the database",
    COMMAND_OPTIONS(OPTIONS),
    .positionals = "[DATABASE] <QUERY>...",
    .positionals_max = UINT32_MAX,
    .is_unstable = true,
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    if (args_has(args, "interactive")) {
        return cli_fail(cli, STATUS_UNSUPPORTED,
                        "`sql --interactive` is not there. Pass one query at a time: spacetime sql "
                        "<database> \"SELECT * FROM t\"");
    }
    Target target;
    Remote remote;
    HttpReply reply;
    Status status = find_target(cli, args, &target);
    if (status == STATUS_OK) status = remote_open(cli, &target, args, &remote);
    if (status == STATUS_OK) {
        status = send_query(cli, &remote, args, join_words(cli, &target), &reply);
    }
    if (status != STATUS_OK) return status;
    const char *format = args_text(args, "format");
    if (format != NULL && strcmp(format, "json") == 0) {
        (void)cli_print(reply.body);  // the exit code tells (cli.c)
        puts("");
        return STATUS_OK;
    }
    Buffer text;
    buffer_init(&text, CLI_RESPONSE_BYTES_MAX);
    status = sql_write_results(cli, reply.body, &text);
    if (status == STATUS_OK) {
        (void)cli_print(buffer_bytes(&text));
        puts("");
    }
    buffer_done(&text);
    return status;
}

// A name that spacetime.json does not know is taken for a database outside of the project, since
// there must be a query behind it.
static Status find_target(Cli *cli, const Args *args, Target *ret_target) {
    static const char USAGE[] = "spacetime sql [database] <query> [--no-config]";
    Status status = target_of_parts(cli, args, "query", USAGE, ret_target);
    if (status == STATUS_OK) return STATUS_OK;
    if (args->positional_count >= 2) {
        *ret_target = (Target){.database = args->positionals[0],
                               .rest = args->positionals + 1,
                               .rest_count = args->positional_count - 1};
        return STATUS_OK;
    }
    if (!is_one_query(args)) return status;
    const char *query = args->positionals[0];
    return cli_wrap(cli, status,
                    "Please specify which database to query:\n  spacetime sql <database> \"%s\"",
                    query);
}

static bool is_one_query(const Args *args) {
    return args->positional_count == 1 && strchr(args->positionals[0], ' ') != NULL;
}

static Status send_query(Cli *cli, const Remote *remote, const Args *args, const char *query,
                         HttpReply *ret_reply) {
    const char *url = cli_text(cli, "%s/v1/database/%s/sql", remote->url, remote->identity);
    const char *confirmed = args_text(args, "confirmed");
    if (confirmed != NULL) url = url_with(cli, url, "confirmed", confirmed);
    const HttpCall call = {
        .method = "POST",
        .url = url,
        .token = remote->token,
        .body = bytes_of_text(query),
        .agent = HTTP_AGENT_NAMED,
    };
    Status status = http_call(cli, &call, ret_reply);
    if (status == STATUS_OK) status = http_expect_json(cli, ret_reply);
    if (status == STATUS_OK && !http_is_success(ret_reply)) {
        status = http_fail_status(cli, ret_reply);
    }
    return status;
}

static const char *join_words(Cli *cli, const Target *target) {
    const char *query = target->rest[0];
    for (uint32_t i = 1; i < target->rest_count; i++) {
        query = cli_text(cli, "%s %s", query, target->rest[i]);
    }
    return query;
}

// cmd_publish.c - `publish`: builds a module, asks what has to be asked, uploads it.
#include "cli/build.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/http.h"
#include "cli/publish_check.h"
#include "cli/publish_plan.h"
#include "cli/session.h"

#include <stdio.h>

static const OptionSpec OPTIONS[] = {
    {.name = "delete-data",
     .alias = "clear-database",
     .letter = 'c',
     .kind = OPTION_OPTIONAL,
     .value_name = "CLEAR-DATABASE",
     .choices = "always|on-conflict|never",
     .missing = "always",
     .help = "Whether to delete all data of the database when publishing"},
    {.name = "build-options",
     .alias = "build-opts",
     .kind = OPTION_VALUE,
     .value_name = "OPTIONS",
     .help = "Options for the build, for example --build-options='--lint-dir='"},
    {.name = "module-path",
     .letter = 'p',
     .kind = OPTION_VALUE,
     .value_name = "DIR",
     .help = "The module's directory [default: spacetimedb, else this one]"},
    {.name = "bin-path",
     .letter = 'b',
     .kind = OPTION_VALUE,
     .value_name = "WASM",
     .conflicts = "module-path build-options js-path",
     .help = "A compiled module to publish instead of building one"},
    {.name = "js-path",
     .letter = 'j',
     .kind = OPTION_VALUE,
     .value_name = "JS",
     .conflicts = "module-path build-options bin-path",
     .help = "A JavaScript bundle to publish instead of building one"},
    {.name = "num-replicas",
     .kind = OPTION_NUMBER,
     .value_name = "NUMBER",
     .number_max = UINT8_MAX,
     .is_hidden = true,
     .help = "UNSTABLE: how many replicas the database should have"},
    {.name = "break-clients",
     .kind = OPTION_FLAG,
     .help = "Publish although clients that are connected will break"},
    OPTION_ANONYMOUS,
    {.name = "parent",
     .kind = OPTION_VALUE,
     .value_name = "DATABASE",
     .help = "An existing database that is the parent of a new one"},
    {.name = "organization",
     .alias = "org",
     .kind = OPTION_VALUE,
     .value_name = "ORGANIZATION",
     .help = "An existing organization that a new database belongs to"},
    OPTION_SERVER,
    {.name = "yes",
     .letter = 'y',
     .kind = OPTION_LIST,
     .value_name = "PROMPTS",
     .choices = "all|remote|migrate|break-clients|skip-login|delete-data",
     .missing = "all",
     .help = "Skip questions: all, or those named, separated by commas"},
    OPTION_NO_CONFIG,
    {.name = "env",
     .kind = OPTION_VALUE,
     .value_name = "ENV",
     .help = "Also read spacetime.ENV.json"},
    {.name = "native-aot", .kind = OPTION_FLAG, .help = "Compile C# ahead of time"},
    OPTION_DOTNET,
};

// What one publication found out on its way.
typedef struct Publication {
    const PublishPlan *plan;
    const Args *args;
    const char *url;       // of the server
    const char *token;     // NULL: anonymous
    const char *database;  // NULL: a new one without a name
    const char *parent;
    const char *host_type;
    Bytes program;
} Publication;

static Status run(Cli *cli, const Args *args);
static Status publish(Cli *cli, const Args *args, const PublishPlan *plan);
static const char *module_directory(const PublishPlan *plan);
static void say_target(const PublishPlan *plan, const char *module_dir);
static Status check_names(Cli *cli, Publication *publication);
static Status check_name(Cli *cli, const char *name);
static Status read_program(Cli *cli, Publication *publication, const char *module_dir);
static Status ask_about_server(Cli *cli, const Publication *publication);
static Status make_url(Cli *cli, const Publication *publication, const char **ret_url);
static Status upload(Cli *cli, const Publication *publication, const char *url);
static Status tell_result(Cli *cli, const Publication *publication, const json_t *result);
static Status fail_denied(Cli *cli, const Publication *publication, const json_t *denied);
static bool skips(const Args *args, const char *prompt);

const CommandSpec COMMAND_PUBLISH = {
    .name = "publish",
    .about = "Create and update a SpacetimeDB database",
    COMMAND_OPTIONS(OPTIONS),
    .positionals = "[name|identity]",
    .positionals_max = 1,
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    PublishPlan *plans = NULL;
    uint32_t count = 0;
    Status status = publish_plans(cli, args, &plans, &count);
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        status = publish(cli, args, &plans[i]);
    }
    return status;
}

static Status publish(Cli *cli, const Args *args, const PublishPlan *plan) {
    Publication publication = {
        .plan = plan, .args = args, .database = plan->database, .parent = plan->parent};
    const char *module_dir = module_directory(plan);
    say_target(plan, module_dir);
    SessionUser user = plan->anonymous             ? SESSION_ANONYMOUS
                       : skips(args, "skip-login") ? SESSION_STORED
                                                   : SESSION_STORED_OR_ASKED;
    Status status = config_server_url(cli, plan->server, &publication.url);
    if (status == STATUS_OK) {
        status = session_token(cli, user, plan->server, &publication.token);
    }
    if (status == STATUS_OK) status = check_names(cli, &publication);
    if (status == STATUS_OK && module_dir != NULL && !path_is_directory(module_dir)) {
        return cli_fail(cli, STATUS_NOT_FOUND, "Project path does not exist: %s", module_dir);
    }
    if (status == STATUS_OK) status = read_program(cli, &publication, module_dir);
    if (status == STATUS_OK) status = ask_about_server(cli, &publication);
    const char *url = NULL;
    if (status == STATUS_OK) status = make_url(cli, &publication, &url);
    if (status == STATUS_OK) status = upload(cli, &publication, url);
    return status;
}

// NULL if a program is given and no directory.
static const char *module_directory(const PublishPlan *plan) {
    if (plan->wasm_file != NULL || plan->js_file != NULL) return plan->module_path;
    if (plan->module_path != NULL) return plan->module_path;
    return path_is_directory("spacetimedb") ? "spacetimedb" : ".";
}

static void say_target(const PublishPlan *plan, const char *module_dir) {
    if (!plan->is_configured) return;
    if (module_dir == NULL) {
        printf("Publishing precompiled module to database '%s'\n", plan->database);
    } else {
        printf("Publishing module %s to database '%s'\n", module_dir, plan->database);
    }
}

// ---- names ----

// "parent/child" is two names.
static Status check_names(Cli *cli, Publication *publication) {
    const char *name = publication->database;
    const char *slash = name == NULL ? NULL : strchr(name, '/');
    if (slash != NULL) {
        const char *parent = arena_copy_text(&cli->arena, bytes_of(name, (size_t)(slash - name)));
        if (publication->parent != NULL && strcmp(publication->parent, parent) != 0) {
            return cli_fail(cli, STATUS_INVALID,
                            "cannot specify both --parent and <parent>/<child>");
        }
        publication->parent = parent;
        publication->database = slash + 1;
    }
    Status status = STATUS_OK;
    if (publication->database != NULL) status = check_name(cli, publication->database);
    if (status == STATUS_OK && publication->parent != NULL) {
        status = check_name(cli, publication->parent);
        if (status != STATUS_OK) {
            return cli_wrap(cli, status, "invalid parent database name `%s`", publication->parent);
        }
    }
    return status;
}

// An identity, or lower-case letters and digits with single hyphens between them.
static Status check_name(Cli *cli, const char *name) {
    Identity identity;
    if (identity_parse(bytes_of_text(name), &identity)) return STATUS_OK;
    if (name[0] == 0) return cli_fail(cli, STATUS_INVALID, "database names cannot be empty");
    for (const char *at = name; *at != 0; at++) {
        if (*at == '-' && (at == name || at[1] == '-' || at[1] == 0)) {
            return cli_fail(cli, STATUS_INVALID, "invalid hyphen in database name");
        }
        if (*at != '-' && !(*at >= 'a' && *at <= 'z') && !(*at >= '0' && *at <= '9')) {
            return cli_fail(
                cli, STATUS_INVALID,
                "invalid characters in database name: `%s` may have lower-case letters, "
                "digits and single hyphens",
                name);
        }
    }
    return STATUS_OK;
}

// ---- the program ----

static Status read_program(Cli *cli, Publication *publication, const char *module_dir) {
    const PublishPlan *plan = publication->plan;
    const char *path = plan->wasm_file != NULL ? plan->wasm_file : plan->js_file;
    publication->host_type = plan->wasm_file == NULL && plan->js_file != NULL ? "Js" : "Wasm";
    if (path != NULL) {
        printf("(%s) Skipping build. Instead we are publishing %s\n",
               plan->wasm_file != NULL ? "WASM" : "JS", path);
    } else {
        const char *words = plan->build_options == NULL ? "" : plan->build_options;
        Status status = build_with_words(cli, module_dir, words, &path);
        if (status != STATUS_OK) return status;
    }
    return file_read(cli, path, MODULE_PROGRAM_BYTES_MAX, &publication->program);
}

// ---- the upload ----

static Status ask_about_server(Cli *cli, const Publication *publication) {
    const char *protocol = NULL;
    const char *host = NULL;
    if (!url_split(cli, publication->url, &protocol, &host)) UNREACHABLE();
    size_t count = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
    Bytes name = bytes_of(host, count);
    if (!bytes_equal_text(name, "localhost") && !bytes_equal_text(name, "127.0.0.1")) {
        printf("You are about to publish to a non-local server: %.*s\n", BYTES_FORMAT(name));
        bool is_skipped = skips(publication->args, "remote");
        if (!cli_confirm(cli, is_skipped ? ASKING_SKIPPED : ASKING,
                         "Are you sure you want to proceed?")) {
            return cli_fail(cli, STATUS_DENIED, "Publish aborted by user.");
        }
    }
    const char *server = publication->plan->server;
    if (server == NULL) server = cli->config->default_server;
    printf("Uploading to %s => %s\n", server == NULL ? "<default>" : server, publication->url);
    return STATUS_OK;
}

static Status make_url(Cli *cli, const Publication *publication, const char **ret_url) {
    const Args *args = publication->args;
    const PublishPlan *plan = publication->plan;
    const char *url = cli_text(cli, "%s/v1/database", publication->url);
    if (publication->database != NULL) {
        const char *mode = args_text(args, "delete-data");
        DeleteData delete_data = DELETE_DATA_NEVER;
        if (mode != NULL && strcmp(mode, "always") == 0) delete_data = DELETE_DATA_ALWAYS;
        if (mode != NULL && strcmp(mode, "on-conflict") == 0) delete_data = DELETE_DATA_ON_CONFLICT;
        const PublishCheck check = {
            .url = publication->url,
            .database = publication->database,
            .token = publication->token,
            .host_type = publication->host_type,
            .program = publication->program,
            .delete_data = delete_data,
            .skips_upgrade = skips(args, "migrate"),
            .skips_break_clients = skips(args, "break-clients"),
            .skips_delete_data = skips(args, "delete-data"),
            .break_clients = plan->break_clients,
        };
        url = cli_text(cli, "%s/%s", url, url_encode(cli, publication->database));
        Status status = publish_check(cli, &check, &url);
        if (status != STATUS_OK) return status;
    }
    if (plan->replicas != NULL) {
        (void)fprintf(stderr, "WARNING: Use of unstable option `--num-replicas`.\n\n");
        url = url_with(cli, url, "num_replicas", plan->replicas);
    }
    if (publication->parent != NULL) url = url_with(cli, url, "parent", publication->parent);
    if (plan->organization != NULL) url = url_with(cli, url, "org", plan->organization);
    *ret_url = url_with(cli, url, "host_type", publication->host_type);
    return STATUS_OK;
}

static Status upload(Cli *cli, const Publication *publication, const char *url) {
    printf("Publishing module...\n");
    fflush(stdout);
    const HttpCall call = {
        .method = publication->database == NULL ? "POST" : "PUT",
        .url = url,
        .token = publication->token,
        .body = publication->program,
    };
    HttpReply reply;
    json_t *result = NULL;
    Status status = http_call(cli, &call, &reply);
    if (status == STATUS_OK) status = http_read_json(cli, &reply, &result);
    if (status != STATUS_OK) return status;
    status = tell_result(cli, publication, result);
    json_decref(result);
    return status;
}

static Status tell_result(Cli *cli, const Publication *publication, const json_t *result) {
    const json_t *success = json_object_get(result, "Success");
    const json_t *denied = json_object_get(result, "PermissionDenied");
    if (denied != NULL) return fail_denied(cli, publication, denied);
    const char *name = json_string_value(json_object_get(success, "domain"));
    const char *identity = json_string_value(json_object_get(success, "database_identity"));
    const char *operation = json_string_value(json_object_get(success, "op"));
    if (identity == NULL || operation == NULL) {
        char *text = json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY);
        Status status = cli_fail(cli, STATUS_INVALID, "the server refused the module: %s",
                                 text == NULL ? "" : text);
        mem_free(text);
        return status;
    }
    const char *done = strcmp(operation, "created") == 0 ? "Created new" : "Updated";
    if (name == NULL) {
        printf("%s database with identity: %s\n", done, identity);
        return STATUS_OK;
    }
    printf("%s database with name: %s, identity: %s\n", done, name, identity);
    if (strstr(publication->url, "://maincloud.spacetimedb.com") != NULL) {
        printf("Dashboard: https://spacetimedb.com/%s\n", name);
    }
    return STATUS_OK;
}

static Status fail_denied(Cli *cli, const Publication *publication, const json_t *denied) {
    const char *name = json_string_value(json_object_get(denied, "name"));
    if (name == NULL) name = publication->database == NULL ? "" : publication->database;
    Identity identity;
    if (publication->token == NULL) {
        return cli_fail(cli, STATUS_DENIED,
                        "You need to be logged in as the owner of %s to publish to %s", name, name);
    }
    Status status = token_identity(cli, publication->token, &identity);
    if (status != STATUS_OK) return status;
    char hex[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&identity, hex);
    return cli_fail(cli, STATUS_DENIED,
                    "The database %s is not registered to the identity you provided.\n"
                    "We suggest you push to either a domain owned by you, or a new domain like:\n"
                    "\tspacetime publish %.12s\n",
                    name, hex);
}

static bool skips(const Args *args, const char *prompt) {
    return args_lists(args, "yes", "all") || args_lists(args, "yes", prompt);
}

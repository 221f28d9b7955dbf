// cmd_call.c - `call`: a reducer or procedure with arguments as they are typed.
#include "cli/call_text.h"
#include "cli/commands.h"
#include "cli/http.h"

#include <stdio.h>

static const OptionSpec OPTIONS[] = {OPTION_SERVER, OPTION_ANONYMOUS, OPTION_YES, OPTION_NO_CONFIG};

static Status run(Cli *cli, const Args *args);
static Status send_call(Cli *cli, const CallContext *context, const Target *target);
static const char *write_arguments(Cli *cli, const FunctionInfo *function, const char **arguments,
                                   uint32_t count);
static void write_argument(Buffer *json, const Type *type, const char *argument);
static Status fail_call(Cli *cli, const CallContext *context, const HttpReply *reply);
static bool starts_with(Bytes text, const char *start);

const CommandSpec COMMAND_CALL = {
    .name = "call",
    .about = "Invokes a function (reducer or procedure) in a database",
    COMMAND_OPTIONS(OPTIONS),
    .positionals = "[DATABASE] <FUNCTION> [ARGUMENTS]...",
    .positionals_max = UINT32_MAX,
    .is_unstable = true,
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    Target target;
    Remote remote;
    ModuleInfo module;
    Status status = target_of_parts(cli, args, "function_name",
                                    "spacetime call [database] <function_name> <arguments>... (or "
                                    "--no-config for legacy behavior)",
                                    &target);
    if (status == STATUS_OK) status = remote_open(cli, &target, args, &remote);
    if (status == STATUS_OK) status = remote_module(cli, &remote, &module);
    if (status != STATUS_OK) return status;
    const char *name = target.rest[0];
    CallContext context = {&remote, &module, module_find_function(&module, name), name};
    if (context.function == NULL) {
        return cli_fail(cli, STATUS_NOT_FOUND, "%s", call_text_unknown(cli, &context));
    }
    return send_call(cli, &context, &target);
}

static Status send_call(Cli *cli, const CallContext *context, const Target *target) {
    const Remote *remote = context->remote;
    const char *body = write_arguments(cli, context->function, target->rest + 1,
                                       target->rest_count - 1);
    const HttpCall call = {
        .method = "POST",
        .url = cli_text(cli, "%s/v1/database/%s/call/%s", remote->url, remote->identity,
                        url_encode(cli, context->name)),
        .token = remote->token,
        .content_type = "application/json",
        .body = bytes_of_text(body),
        .agent = HTTP_AGENT_NAMED,
    };
    HttpReply reply;
    Status status = http_call(cli, &call, &reply);
    if (status != STATUS_OK) return status;
    if (reply.status >= 400) return fail_call(cli, context, &reply);
    if (context->function->is_procedure) {
        (void)cli_print(reply.body);
        puts("");
    }
    return STATUS_OK;
}

// "[a, b]". Arguments without a parameter are dropped, as upstream does.
static const char *write_arguments(Cli *cli, const FunctionInfo *function, const char **arguments,
                                   uint32_t count) {
    Buffer json;
    buffer_init(&json, CLI_LINE_BYTES_MAX);
    buffer_u8(&json, '[');
    for (uint32_t i = 0; i < count && i < function->params->field_count; i++) {
        if (i > 0) buffer_append_text(&json, ", ");
        write_argument(&json, function->params->fields[i].type, arguments[i]);
    }
    buffer_u8(&json, ']');
    const char *text = arena_copy_text(&cli->arena, buffer_bytes(&json));
    buffer_done(&json);
    return text;
}

// Texts need no quotes, identities neither quotes nor brackets; all else is JSON.
static void write_argument(Buffer *json, const Type *type, const char *argument) {
    Bytes text = bytes_of_text(argument);
    bool is_quoted = text.count >= 1 && text.data[0] == '"' && text.data[text.count - 1] == '"';
    if (type->special == SPECIAL_IDENTITY) {
        while (text.count > 0 && text.data[0] == '"') text = bytes_slice(text, 1, text.count - 1);
        while (text.count > 0 && text.data[text.count - 1] == '"') text.count--;
        bool has_prefix = starts_with(text, "0x");
        if (has_prefix || starts_with(text, "c200")) {
            buffer_append_format(json, "[\"%s%.*s\"]", has_prefix ? "" : "0x", BYTES_FORMAT(text));
            return;
        }
    }
    bool needs_quotes = type->kind == TYPE_STRING && !is_quoted;
    if (needs_quotes) buffer_u8(json, '"');
    buffer_append_bytes(json, text);
    if (needs_quotes) buffer_u8(json, '"');
}

static Status fail_call(Cli *cli, const CallContext *context, const HttpReply *reply) {
    Status status = http_fail_status(cli, reply);
    status = cli_wrap(cli, status, "Response text: %.*s", BYTES_FORMAT(reply->body));
    if (starts_with(reply->body, "no such reducer") ||
        starts_with(reply->body, "no such procedure")) {
        return cli_wrap(cli, status, "%s", call_text_unknown(cli, context));
    }
    if (starts_with(reply->body, "invalid arguments")) {
        return cli_wrap(cli, status, "%s", call_text_arguments(cli, context, reply->body));
    }
    return status;
}

static bool starts_with(Bytes text, const char *start) {
    size_t count = strlen(start);
    return text.count >= count && memcmp(text.data, start, count) == 0;
}

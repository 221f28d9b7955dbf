// publish.c - new programs: create, update, reset, and what an update would do (http-api.md 7).
//
//   handle_publish       any thread      reads the query
//   control_decide       control thread  target, name, rights; then one of
//     work_make          work thread     create or reset: tries the program, makes the database on disk
//       exec_made        executor        waits until what `init` did is durable
//       control_finish   control thread  records it; the old one of a reset ends
//     exec_update        executor        update; the answer waits for the disk (exec_updated)

#include "base/log.h"
#include "server/changes.h"
#include "server/environment.h"
#include "server/handlers.h"
#include "server/programs.h"

typedef struct Publish {
    // ---- from the request ----
    bool has_target;
    DatabaseTarget target;
    bool clear;
    bool has_parent;
    ProgramKind kind;
    UpdatePolicy policy;
    bool has_token;
    Hash token;
    uint32_t confirmation_ms;
    Bytes parent;        // data == NULL: none
    Bytes organization;  // data == NULL: none
    uint32_t replicas;
    EnvironmentChange environment;
    // ---- on the way ----
    Identity identity;
    Hosted *old;   // reset: what is replaced; a reference
    Hosted *made;  // a reference
    Status status;
    DurableWait *wait;  // of an update
    Error error;
} Publish;

static bool read_options(WebRequest *request, Publish *publish);
static bool read_kind(WebRequest *request, ProgramKind *kind);
static bool read_policy(WebRequest *request, Publish *publish);
static bool read_token(WebRequest *request, Publish *publish);
static bool read_timeout(WebRequest *request, Publish *publish);
static bool hash_parse(Bytes text, Hash *ret_hash);
static void control_decide(PoolJob *job);
static bool find_target(WebRequest *request, Publish *publish, View *view);
static bool register_name(WebRequest *request, Publish *publish, View *view);
static bool may_create(const WebRequest *request);
static void refuse_creation(WebRequest *request);
static bool check_parents(WebRequest *request, const Publish *publish, const View *view);
static bool resolves(const View *view, Bytes text, bool is_organization);
static void decide_update(WebRequest *request, Publish *publish, const ViewDatabase *database);
static bool decide_reset(WebRequest *request, Publish *publish, const View *view,
                         const ViewDatabase *database);
static void start_making(WebRequest *request, Publish *publish);
static void work_make(PoolJob *job);
static void exec_made(Database *database, DbMessage *message);
static void exec_made_durable(Database *database, DbMessage *message);
static void control_finish(PoolJob *job);
static void end_old(Hosted *old);
static Status record_database(Server *server, Publish *publish);
static void answer_success(WebRequest *request, const Publish *publish, const char *operation);
static void exec_update(Database *database, DbMessage *message);
static void wait_updated(PoolJob *job);
static void exec_plan(Database *database, DbMessage *message);
static void answer_plan(WebRequest *request, const PlanReport *report);

// ---- the request ----

void handle_publish(WebRequest *request) {
    Publish *publish = ARENA_NEW(request->arena, Publish);
    request->own = publish;
    publish->has_target = request->params[0].data != NULL;
    if (publish->has_target && !web_target(request, &publish->target)) return;
    if (!read_options(request, publish)) return;
    if (publish->clear && !publish->has_target) {
        web_answer_text(request, 400, "Clear database requires database name or identity");
        return;
    }
    changes_post(request, control_decide);
}

// As publish with clear, of a database that must exist. An empty body means the initial program.
void handle_reset(WebRequest *request) {
    if (!web_database(request)) return;
    Publish *publish = ARENA_NEW(request->arena, Publish);
    request->own = publish;
    publish->has_target = true;
    publish->clear = true;
    publish->kind = request->hosted->record.kind;
    if (!web_target(request, &publish->target) || !read_kind(request, &publish->kind)) return;
    changes_post(request, control_decide);
}

static bool read_options(WebRequest *request, Publish *publish) {
    publish->confirmation_ms = 5000;
    if (!web_query_flag(request, "clear", &publish->clear)) return false;
    if (!read_kind(request, &publish->kind)) return false;
    if (!read_policy(request, publish)) return false;
    if (!read_token(request, publish)) return false;
    if (!read_timeout(request, publish)) return false;
    if (!web_query_u32(request, "num_replicas", &publish->replicas)) return false;
    if (!web_environment(request, &publish->environment)) return false;
    if (!web_query(request, "parent", &publish->parent)) return false;
    if (!web_query(request, "organization", &publish->organization)) return false;
    if (publish->organization.data) return true;
    return web_query(request, "org", &publish->organization);
}

static bool read_kind(WebRequest *request, ProgramKind *kind) {
    Bytes text;
    if (!web_query(request, "host_type", &text)) return false;
    if (text.data == NULL) return true;
    bool is_js = bytes_equal_text(text, "Js");
    if (!is_js && !bytes_equal_text(text, "Wasm")) {
        web_refuse_query(request, "unknown variant `%.*s`, expected `Wasm` or `Js`",
                         BYTES_FORMAT(text));
        return false;
    }
    *kind = is_js ? PROGRAM_JS : PROGRAM_WASM;
    return true;
}

static bool read_policy(WebRequest *request, Publish *publish) {
    Bytes text;
    if (!web_query(request, "policy", &text)) return false;
    bool is_breaking = bytes_equal_text(text, "BreakClients");
    if (text.data && !is_breaking && !bytes_equal_text(text, "Compatible")) {
        web_refuse_query(request, "unknown variant `%.*s`, expected `Compatible` or `BreakClients`",
                         BYTES_FORMAT(text));
        return false;
    }
    publish->policy = is_breaking ? UPDATE_BREAK_CLIENTS : UPDATE_COMPATIBLE;
    return true;
}

static bool read_token(WebRequest *request, Publish *publish) {
    Bytes text;
    if (!web_query(request, "token", &text)) return false;
    if (text.data == NULL) return true;
    if (!hash_parse(text, &publish->token)) {
        // Without an Authorization header it was taken for a caller's token, long before.
        web_refuse_query(request, "`token` is not a hash: expected 0x and up to 64 hex digits");
        return false;
    }
    publish->has_token = true;
    return true;
}

// "0x" and up to 64 digits of a number whose bytes are the digest, the lowest first.
static bool hash_parse(Bytes text, Hash *ret_hash) {
    if (text.count < 3 || text.count > 66 || memcmp(text.data, "0x", 2) != 0) return false;
    uint8_t digits[64];
    uint32_t count = text.count - 2;
    memset(digits, '0', sizeof digits - count);
    memcpy(digits + sizeof digits - count, text.data + 2, count);
    uint8_t bytes[32];
    if (!hex_decode(bytes_of(digits, sizeof digits), bytes, sizeof bytes)) return false;
    for (uint32_t i = 0; i < sizeof bytes; i++) ret_hash->bytes[i] = bytes[sizeof bytes - 1 - i];
    return true;
}

static bool read_timeout(WebRequest *request, Publish *publish) {
    Bytes text;
    if (!web_query(request, "update_confirmation_timeout", &text)) return false;
    if (text.data == NULL) return true;
    if (!duration_parse(text, &publish->confirmation_ms)) {
        web_refuse_query(request, "`%.*s` is no duration", BYTES_FORMAT(text));
        return false;
    }
    if (publish->confirmation_ms > SERVER_CONFIRMATION_MS_MAX) {
        publish->confirmation_ms = SERVER_CONFIRMATION_MS_MAX;
    }
    return true;
}

// ---- the decision ----

static void control_decide(PoolJob *job) {
    WebRequest *request = WEB_OF_JOB(job);
    Server *server = request->server;
    Publish *publish = request->own;
    View *view = registry_view(server->registry);
    if (!find_target(request, publish, view) || !check_parents(request, publish, view)) {
        view_unref(view);
        return;
    }
    if (!changes_claim(request, &publish->identity)) {  // comes back here
        view_unref(view);
        return;
    }
    // A name that was registered is no part of this view, but then the identity is new.
    const ViewDatabase *database = view_find_database(view, &publish->identity);
    bool goes_on = true;
    if (server_is_stopping(server)) {
        changes_release(server, &publish->identity);
        web_answer_text(request, 503, "the server is stopping");
        goes_on = false;
    } else if (database && !publish->clear) {
        changes_release(server, &publish->identity);
        decide_update(request, publish, database);
        goes_on = false;
    } else if (database) {
        goes_on = decide_reset(request, publish, view, database);
    } else if (request->hosted || !may_create(request)) {
        changes_release(server, &publish->identity);
        if (request->hosted) {  // a reset of what was deleted meanwhile
            web_answer_text(request, 404, "No such database.");
        } else {
            refuse_creation(request);
        }
        goes_on = false;
    }
    view_unref(view);
    if (goes_on) start_making(request, publish);
}

// Which identity; an unknown name gets a new one and is registered, before anything else can fail.
static bool find_target(WebRequest *request, Publish *publish, View *view) {
    if (!publish->has_target) {
        publish->identity = auth_mint_database_identity(request->server->auth);
        return true;
    }
    if (publish->target.is_identity) {
        publish->identity = publish->target.identity;
        return true;
    }
    const Identity *known = view_find_name(view, publish->target.name);
    if (known) {
        publish->identity = *known;
        return true;
    }
    if (may_create(request)) return register_name(request, publish, view);
    refuse_creation(request);
    return false;
}

static bool register_name(WebRequest *request, Publish *publish, View *view) {
    Server *server = request->server;
    Bytes name = publish->target.name;
    const Identity *caller = &request->claims.identity;
    const Identity *tld = view_find_tld(view, name);
    if (tld && !identity_equal(tld, caller)) {
        web_answer_json(request, 401,
                        arena_format(request->arena, "{\"PermissionDenied\":{\"name\":\"%.*s\"}}",
                                     BYTES_FORMAT(name)));
        return false;
    }
    if (name.count > SERVER_NAME_BYTES_MAX) {
        web_answer_text(request, 400, "Invalid URL: database names cannot be longer than %u bytes",
                        SERVER_NAME_BYTES_MAX);
        return false;
    }
    publish->identity = auth_mint_database_identity(server->auth);
    Error error;
    Status status = control_add_name(changes_control(server), name, &publish->identity, caller,
                                     &error);
    if (status != STATUS_OK) {
        web_answer_text(request, 500, "%s", error.text);
        return false;
    }
    View *edit = registry_edit(server->registry);
    edit_add_name(edit, name, &publish->identity, caller);
    registry_publish(server->registry, edit);
    return true;
}

// Some servers let only users of one issuer create databases (http-api.md 3.6).
static bool may_create(const WebRequest *request) {
    const char *wanted = request->server->options.publish_issuer;
    if (wanted == NULL || *wanted == 0) return true;
    Bytes issuer = request->claims.issuer;
    while (issuer.count > 0 && issuer.data[issuer.count - 1] == '/') issuer.count--;
    return bytes_equal_text(issuer, wanted);
}

static void refuse_creation(WebRequest *request) {
    web_answer_text(request, 401,
                    "To create a database, you must be logged in with a SpacetimeDB account.");
}

// They must exist; they mean nothing to a standalone server.
static bool check_parents(WebRequest *request, const Publish *publish, const View *view) {
    if (publish->parent.data && !resolves(view, publish->parent, false)) {
        web_answer_text(request, 404, "`%.*s` not found", BYTES_FORMAT(publish->parent));
        return false;
    }
    if (publish->organization.data && !resolves(view, publish->organization, true)) {
        web_answer_text(request, 404, "`%.*s` not found", BYTES_FORMAT(publish->organization));
        return false;
    }
    if (publish->replicas > UINT8_MAX) {
        web_answer_text(request, 400, "Replication factor %u out of bounds", publish->replicas);
        return false;
    }
    return true;
}

static bool resolves(const View *view, Bytes text, bool is_organization) {
    DatabaseTarget target;
    Error error;
    if (!database_target_parse(text, &target, &error)) return false;
    if (target.is_identity) return true;
    return (is_organization ? view_find_tld(view, text) : view_find_name(view, text)) != NULL;
}

static void decide_update(WebRequest *request, Publish *publish, const ViewDatabase *database) {
    const DatabaseRecord *record = &database->record;
    if (!identity_equal(&record->owner, &request->claims.identity)) {
        web_refuse_owner(request, &record->identity, "update database");
        return;
    }
    if (publish->policy == UPDATE_BREAK_CLIENTS && !publish->has_token) {
        web_answer_text(request, 400,
                        "Migration policy is set to `BreakClients`, but no migration token was "
                        "provided.");
        return;
    }
    if (database->hosted->database == NULL) {
        web_answer_text(request, 500, "error starting database: %s", database->hosted->failure);
        return;
    }
    request->hosted = hosted_ref(database->hosted);
    web_post(request, exec_update);
}

// False: answered, and the claim is given back.
static bool decide_reset(WebRequest *request, Publish *publish, const View *view,
                         const ViewDatabase *database) {
    const DatabaseRecord *record = &database->record;
    const Identity *identity = &publish->identity;
    if (!identity_equal(&record->owner, &request->claims.identity)) {
        changes_release(request->server, identity);
        web_refuse_owner(request, identity, "reset database");
        return false;
    }
    if (view_is_locked(view, identity)) {
        changes_release(request->server, identity);
        web_answer_text(request, 403,
                        "Database is locked and cannot be reset with --delete-data. Run `spacetime "
                        "unlock` first.");
        return false;
    }
    if (publish->parent.data) {
        changes_release(request->server, identity);
        web_answer_text(request, 400,
                        "Setting the parent of an existing database is not supported");
        return false;
    }
    publish->old = hosted_ref(database->hosted);
    return true;
}

// ---- create and reset ----

// The claim is held from here to control_finish.
static void start_making(WebRequest *request, Publish *publish) {
    Server *server = request->server;
    DatabaseRecord record = {
        .identity = publish->identity, .owner = request->claims.identity, .kind = publish->kind};
    Control *control = changes_control(server);
    publish->status = STATUS_OK;
    if (publish->old) {
        record.id = publish->old->record.id;
    } else {
        publish->status = control_new_id(control, &record.id, &publish->error);
    }
    if (publish->status == STATUS_OK) {
        publish->status = control_new_id(control, &record.replica, &publish->error);
    }
    publish->made = hosted_create(server, &record);
    server_add_making(server);
    request->job.run = publish->status == STATUS_OK ? work_make : control_finish;
    executor_pool_run(server->work, &request->job);
}

static void work_make(PoolJob *job) {
    WebRequest *request = WEB_OF_JOB(job);
    Server *server = request->server;
    Publish *publish = request->own;
    Hosted *made = publish->made;
    Bytes program = request->http->body;
    Arena arena;
    arena_init(&arena, 2 * (size_t)MODULE_PROGRAM_BYTES_MAX);
    bool wants_initial = program.count == 0 && publish->old && request->hosted;
    if (wants_initial) {
        publish->status = program_load(server->os, server->programs_dir,
                                       &publish->old->record.initial_program, &arena, &program,
                                       &publish->error);
    }
    if (publish->status == STATUS_OK) {
        made->record.initial_program = hash_keccak256(program);
        made->environment = &publish->environment;
        publish->status = hosted_make(made, program, &publish->error);
        made->environment = NULL;
    }
    if (publish->status == STATUS_OK) {
        publish->status = program_store(server->os, server->programs_dir,
                                        &made->record.initial_program, program, &publish->error);
    }
    arena_done(&arena);
    if (publish->status == STATUS_OK) {
        request->message.run = exec_made;
        database_post(made->database, &request->message);
    } else {
        changes_post(request, control_finish);
    }
}

// A database that was recorded must be there after a crash: its first transactions are on disk before.
static void exec_made(Database *database, DbMessage *message) {
    message->run = exec_made_durable;
    database_post_when_durable(database, database_ticket(database), message);
}

static void exec_made_durable(Database *database, DbMessage *message) {
    WebRequest *request = WEB_OF_MESSAGE(message);
    Publish *publish = request->own;
    if (database_failure(database, &publish->error)) publish->status = STATUS_IO;
    changes_post(request, control_finish);
}

static void control_finish(PoolJob *job) {
    WebRequest *request = WEB_OF_JOB(job);
    Publish *publish = request->own;
    if (publish->status == STATUS_OK) publish->status = record_database(request->server, publish);
    const char *operation = publish->old ? "updated" : "created";
    if (publish->status != STATUS_OK) hosted_stop(publish->made);
    if (publish->status == STATUS_OK && publish->old) end_old(publish->old);
    hosted_unref(publish->made);
    hosted_unref(publish->old);
    Server *server = request->server;
    changes_release(server, &publish->identity);
    if (publish->status == STATUS_OK) {
        answer_success(request, publish, operation);
    } else if (server_is_stopping(server)) {
        web_answer_text(request, 503, "the server is stopping");  // its init may have been cut off
    } else if (publish->status == STATUS_DENIED && publish->error.text[0] == '{') {
        web_answer_json(request, 400,
                        arena_copy(request->arena, bytes_of_text(publish->error.text)));
    } else if (publish->status == STATUS_DENIED) {
        web_answer_text(request, 400, "%s", publish->error.text);
    } else {
        web_answer_text(request, 500, "%s", publish->error.text);
    }
    server_remove_making(server);
}

// Whatever its module does at the moment.
static void end_old(Hosted *old) {
    if (old->database) database_interrupt(old->database);
    hosted_stop(old);
}

static Status record_database(Server *server, Publish *publish) {
    const DatabaseRecord *record = &publish->made->record;
    Status status = control_put_database(changes_control(server), record, &publish->error);
    if (status != STATUS_OK) return status;
    View *edit = registry_edit(server->registry);
    edit_put_database(edit, record, publish->made);
    registry_publish(server->registry, edit);
    return STATUS_OK;
}

static void answer_success(WebRequest *request, const Publish *publish, const char *operation) {
    char hex[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&publish->identity, hex);
    Bytes domain = BYTES_LITERAL("null");
    if (publish->has_target && !publish->target.is_identity) {
        domain = arena_format(request->arena, "\"%.*s\"", BYTES_FORMAT(publish->target.name));
    }
    web_answer_json(request, 200,
                    arena_format(request->arena,
                                 "{\"Success\":{\"domain\":%.*s,\"database_identity\":\"%s\","
                                 "\"op\":\"%s\"}}",
                                 BYTES_FORMAT(domain), hex, operation));
}

// ---- update ----

static void exec_update(Database *database, DbMessage *message) {
    WebRequest *request = WEB_OF_MESSAGE(message);
    Publish *publish = request->own;
    if (database_is_stopped(database)) {
        web_answer_text(request, 404, "No such database.");
        return;
    }
    UpdateRequest update = {.kind = publish->kind,
                            .program = request->http->body,
                            .policy = publish->policy,
                            .token = publish->token,
                            .environment = &publish->environment};
    uint64_t ticket = TICKET_NONE;
    switch (database_update(database, &update, &ticket, &publish->error)) {
    case PUBLISH_DONE:
        publish->wait = durable_begin(database, ticket);
        request->job.run = wait_updated;
        executor_pool_run_waiting(request->server->executors, &request->job);
        return;
    case PUBLISH_MISSING_ENVIRONMENT: web_refuse_environment(request, publish->error.text); return;
    case PUBLISH_OUTDATED:
    case PUBLISH_REJECTED: web_answer_text(request, 400, "%s", publish->error.text); return;
    case PUBLISH_BAD_MODULE: web_answer_text(request, 500, "%s", publish->error.text); return;
    }
    UNREACHABLE();
}

// The update has happened, whatever is answered.
static void wait_updated(PoolJob *job) {
    WebRequest *request = WEB_OF_JOB(job);
    const Publish *publish = request->own;
    switch (durable_end(publish->wait, publish->confirmation_ms)) {
    case DURABLE_YES: answer_success(request, publish, "updated"); return;
    case DURABLE_LATE:
        web_answer_text(request, 504,
                        "Database update failed: timeout waiting for transaction confirmation");
        return;
    case DURABLE_FAILED:
        web_answer_text(request, 503,
                        "Database update failed: database crashed while waiting for transaction "
                        "confirmation");
        return;
    }
    UNREACHABLE();
}

// ---- what an update would do ----

void handle_pre_publish(WebRequest *request) {
    Publish *publish = ARENA_NEW(request->arena, Publish);
    request->own = publish;
    if (!web_running_database(request) || !web_owner(request, "update database")) return;
    if (!read_kind(request, &publish->kind)) return;
    web_post(request, exec_plan);
}

static void exec_plan(Database *database, DbMessage *message) {
    WebRequest *request = WEB_OF_MESSAGE(message);
    const Publish *publish = request->own;
    Bytes style;
    if (!web_query(request, "style", &style)) return;
    bool is_plain = bytes_equal_text(style, "NoColor");
    if (style.data && !is_plain && !bytes_equal_text(style, "AnsiColor")) {
        web_refuse_query(request, "unknown variant `%.*s`, expected `NoColor` or `AnsiColor`",
                         BYTES_FORMAT(style));
        return;
    }
    PlanReport report = {0};
    Error error;
    Status status = database_plan(database, publish->kind, request->http->body,
                                  is_plain ? PLAN_NO_COLOR : PLAN_COLOR, &report, &error);
    if (status == STATUS_OK) {
        answer_plan(request, &report);
        buffer_done(&report.text);
    } else {
        web_answer_text(request, 500, "%s", error.text);
    }
}

static void answer_plan(WebRequest *request, const PlanReport *report) {
    const char *upgrade = report->major_version_upgrade ? "true" : "false";
    Buffer json;
    buffer_init(&json, SERVER_TEXT_BYTES_MAX);
    if (report->is_manual) {
        buffer_append_text(&json, "{\"ManualMigrate\":{\"reason\":");
        json_write_string(&json, buffer_bytes(&report->text));
    } else {
        buffer_append_text(&json, "{\"AutoMigrate\":{\"migrate_plan\":");
        json_write_string(&json, buffer_bytes(&report->text));
        buffer_append_format(
            &json, ",\"break_clients\":%s,\"token\":", report->breaks_clients ? "true" : "false");
        json_write_u256_hex(&json, report->token.bytes);
    }
    buffer_append_format(&json, ",\"major_version_upgrade\":%s}}", upgrade);
    if (json.failed) {
        web_answer_text(request, 500, "the plan is too long");
    } else {
        web_answer_json(request, 200, buffer_bytes(&json));
    }
    buffer_done(&json);
}

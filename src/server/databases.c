// databases.c - one database seen from outside: its record, its identity, the end of it, its lock.

#include "server/changes.h"
#include "server/handlers.h"

static void write_hash(Buffer *json, const Hash *hash);
static void control_delete(PoolJob *job);
static void set_lock(WebRequest *request, LockState state);
static void control_lock(PoolJob *job);

void handle_database_info(WebRequest *request) {
    if (!web_database(request)) return;
    const DatabaseRecord *record = &request->hosted->record;
    char identity[IDENTITY_HEX_COUNT + 1];
    char owner[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&record->identity, identity);
    identity_to_hex(&record->owner, owner);
    Buffer json;
    buffer_init(&json, SERVER_TEXT_BYTES_MAX);
    buffer_append_format(&json,
                         "{\"database_identity\":{\"__identity__\":\"0x%s\"},"
                         "\"owner_identity\":{\"__identity__\":\"0x%s\"},"
                         "\"host_type\":{\"%s\":[]},\"initial_program\":",
                         identity, owner, record->kind == PROGRAM_JS ? "Js" : "Wasm");
    write_hash(&json, &record->initial_program);
    buffer_append_text(&json, "}");
    web_answer_json(request, 200, arena_copy(request->arena, buffer_bytes(&json)));
    buffer_done(&json);
}

// The digest read as a little-endian number (http-api.md 2).
static void write_hash(Buffer *json, const Hash *hash) {
    json_write_u256_hex(json, hash->bytes);
}

void handle_database_identity(WebRequest *request) {
    Identity identity;
    if (!web_target_identity(request, &identity)) return;
    char hex[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&identity, hex);
    web_answer_text(request, 200, "%s", hex);
}

void handle_timestamp(WebRequest *request) {
    if (!web_database(request)) return;
    Os *os = request->server->os;
    web_answer_json(request, 200,
                    arena_format(request->arena, "{\"__timestamp_micros_since_unix_epoch__\":%lld}",
                                 (long long)os->time_micros(os)));
}

// ---- delete ----

void handle_database_delete(WebRequest *request) {
    Identity *identity = ARENA_NEW(request->arena, Identity);
    if (!web_target_identity(request, identity)) return;
    request->own = identity;
    changes_post(request, control_delete);
}

// Names, their owners, the lock and the files stay (http-api.md 7.6).
static void control_delete(PoolJob *job) {
    WebRequest *request = WEB_OF_JOB(job);
    Server *server = request->server;
    const Identity *identity = request->own;
    if (!changes_claim(request, identity)) return;
    View *view = registry_view(server->registry);
    const ViewDatabase *database = view_find_database(view, identity);
    Hosted *hosted = database ? database->hosted : NULL;
    bool is_owner = hosted && identity_equal(&request->claims.identity, &database->record.owner);
    bool is_locked = view_is_locked(view, identity);
    Error error;
    Status status = STATUS_OK;
    if (is_owner && !is_locked) {
        status = control_remove_database(changes_control(server), identity, &error);
        if (status == STATUS_OK) {
            View *edit = registry_edit(server->registry);
            edit_remove_database(edit, identity);
            registry_publish(server->registry, edit);
            // It goes whatever its module does at the moment.
            if (hosted->database) database_interrupt(hosted->database);
            hosted_stop(hosted);
        }
    }
    view_unref(view);
    changes_release(server, identity);
    if (status != STATUS_OK) {
        web_answer_text(request, 500, "%s", error.text);
    } else if (hosted && !is_owner) {
        web_refuse_owner(request, identity, "delete database");
    } else if (hosted && is_locked) {
        web_answer_text(request, 403,
                        "Database is locked and cannot be deleted. Run `spacetime unlock` first.");
    } else {
        web_answer_empty(request, 200);
    }
}

// ---- lock ----

void handle_database_lock(WebRequest *request) {
    set_lock(request, DATABASE_LOCKED);
}

void handle_database_unlock(WebRequest *request) {
    set_lock(request, DATABASE_UNLOCKED);
}

static void set_lock(WebRequest *request, LockState state) {
    if (!web_database(request) || !web_owner(request, "delete database")) return;
    LockState *wanted = ARENA_NEW(request->arena, LockState);
    *wanted = state;
    request->own = wanted;
    changes_post(request, control_lock);
}

static void control_lock(PoolJob *job) {
    WebRequest *request = WEB_OF_JOB(job);
    Server *server = request->server;
    LockState state = *(const LockState *)request->own;
    const Identity *identity = &request->hosted->record.identity;
    Error error;
    if (control_set_lock(changes_control(server), identity, state, &error) != STATUS_OK) {
        web_answer_text(request, 500, "%s", error.text);
        return;
    }
    View *edit = registry_edit(server->registry);
    edit_set_lock(edit, identity, state);
    registry_publish(server->registry, edit);
    web_answer_empty(request, 200);
}

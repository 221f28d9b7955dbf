// names.c - the names of a database: list, add, replace (http-api.md 4.3, 6.3.3 to 6.3.5).

#include "server/changes.h"
#include "server/handlers.h"

#include <jansson.h>
#include <strings.h>

static void control_add(PoolJob *job);
static void answer_added(WebRequest *request, Bytes name);
static void answer_name(WebRequest *request, uint32_t status, const char *kind, Bytes name);
static bool is_json_content(Bytes content_type);
static bool read_names(WebRequest *request, NameList *ret_names);
static bool names_of_json(WebRequest *request, const json_t *list, NameList *ret_names);
static bool check_names(WebRequest *request, NameList names);
static void control_set(PoolJob *job);
static Bytes taken_name(const View *view, const Identity *identity, const Identity *owner,
                        NameList names);
static bool is_repeated(NameList names, uint32_t index);

void handle_names_get(WebRequest *request) {
    if (!web_database(request)) return;
    View *view = registry_view(request->server->registry);
    NameList names = view_names(view, &request->hosted->record.identity);
    Buffer json;
    buffer_init(&json, SERVER_TEXT_BYTES_MAX);
    buffer_append_text(&json, "{\"names\":[");
    for (uint32_t i = 0; i < names.count; i++) {
        if (i > 0) buffer_append_text(&json, ",");
        json_write_string(&json, names.items[i]);
    }
    buffer_append_text(&json, "]}");
    view_unref(view);
    if (json.failed) {
        web_answer_text(request, 500, "the list is too long");
    } else {
        web_answer_json(request, 200, buffer_bytes(&json));
    }
    buffer_done(&json);
}

// ---- add ----

// Anybody may add a name that is his to any database, as upstream has it.
void handle_names_add(WebRequest *request) {
    if (!web_database(request)) return;
    Bytes name = request->http->body;
    Error error;
    if (!utf8_is_valid(name)) {
        web_answer_text(request, 400, "Request body didn't contain valid UTF-8");
    } else if (database_name_check(name, &error) != STATUS_OK) {
        web_answer_text(request, 400, "%s", error.text);
    } else if (name.count > SERVER_NAME_BYTES_MAX) {
        web_answer_text(request, 400, "database names cannot be longer than %u bytes",
                        SERVER_NAME_BYTES_MAX);
    } else {
        changes_post(request, control_add);
    }
}

static void control_add(PoolJob *job) {
    WebRequest *request = WEB_OF_JOB(job);
    Server *server = request->server;
    Bytes name = request->http->body;
    const Identity *identity = &request->hosted->record.identity;
    const Identity *caller = &request->claims.identity;
    View *view = registry_view(server->registry);
    bool is_taken = view_find_name(view, name) != NULL;
    const Identity *tld = view_find_tld(view, name);
    bool is_denied = tld && !identity_equal(tld, caller);
    view_unref(view);
    if (is_taken) {
        web_answer_text(request, 500, "record with the name %.*s already exists",
                        BYTES_FORMAT(name));
        return;
    }
    if (is_denied) {
        answer_name(request, 401, "PermissionDenied", name);
        return;
    }
    Error error;
    if (control_add_name(changes_control(server), name, identity, caller, &error) != STATUS_OK) {
        web_answer_text(request, 500, "%s", error.text);
        return;
    }
    View *edit = registry_edit(server->registry);
    edit_add_name(edit, name, identity, caller);
    registry_publish(server->registry, edit);
    answer_added(request, name);
}

static void answer_added(WebRequest *request, Bytes name) {
    char hex[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&request->hosted->record.identity, hex);
    web_answer_json(request, 200,
                    arena_format(request->arena,
                                 "{\"Success\":{\"domain\":\"%.*s\",\"database_identity\":\"%s\"}}",
                                 BYTES_FORMAT(name), hex));
}

// Names were checked: they need no escapes.
static void answer_name(WebRequest *request, uint32_t status, const char *kind, Bytes name) {
    web_answer_json(
        request, status,
        arena_format(request->arena, "{\"%s\":{\"domain\":\"%.*s\"}}", kind, BYTES_FORMAT(name)));
}

// ---- set ----

void handle_names_set(WebRequest *request) {
    if (!web_database(request)) return;
    NameList *names = ARENA_NEW(request->arena, NameList);
    if (!read_names(request, names) || !check_names(request, *names)) return;
    const DatabaseRecord *record = &request->hosted->record;
    if (!identity_equal(&record->owner, &request->claims.identity)) {
        char hex[IDENTITY_HEX_COUNT + 1];
        identity_to_hex(&record->identity, hex);
        web_answer_json(
            request, 401,
            arena_format(request->arena, "{\"NotYourDatabase\":{\"database\":\"%s\"}}", hex));
        return;
    }
    request->own = names;
    changes_post(request, control_set);
}

// application/json or application/...+json, with or without parameters.
static bool is_json_content(Bytes content_type) {
    uint32_t count = 0;
    while (count < content_type.count && content_type.data[count] != ';') count++;
    while (count > 0 && content_type.data[count - 1] == ' ') count--;
    const char *text = (const char *)content_type.data;
    if (count < 12 || strncasecmp(text, "application/", 12) != 0) return false;
    bool is_plain = count == 16 && strncasecmp(text + 12, "json", 4) == 0;
    return is_plain || (count >= 17 && strncasecmp(text + count - 5, "+json", 5) == 0);
}

static bool read_names(WebRequest *request, NameList *ret_names) {
    if (!is_json_content(http_header(request->http, "content-type"))) {
        web_answer_text(request, 415, "Expected request with `Content-Type: application/json`");
        return false;
    }
    json_error_t reason;
    Bytes body = request->http->body;
    json_t *list = json_loadb((const char *)body.data, body.count, JSON_DECODE_ANY, &reason);
    if (list == NULL) {
        web_answer_text(request, 400,
                        "Failed to parse the request body as JSON: %s at line %d column %d",
                        reason.text, reason.line, reason.column);
        return false;
    }
    bool is_good = names_of_json(request, list, ret_names);
    json_decref(list);
    if (!is_good) {
        web_answer_text(request, 422,
                        "Failed to deserialize the JSON body into the target type: expected an "
                        "array of at most %u strings",
                        SERVER_NAMES_MAX);
    }
    return is_good;
}

static bool names_of_json(WebRequest *request, const json_t *list, NameList *ret_names) {
    if (!json_is_array(list)) return false;
    size_t count = json_array_size(list);
    if (count > SERVER_NAMES_MAX) return false;
    Bytes *items = ARENA_ARRAY(request->arena, Bytes, count);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        if (!json_is_string(item)) return false;
        items[i] = arena_copy(request->arena,
                              bytes_of(json_string_value(item), json_string_length(item)));
    }
    *ret_names = (NameList){items, (uint32_t)count};
    return true;
}

static bool check_names(WebRequest *request, NameList names) {
    for (uint32_t i = 0; i < names.count; i++) {
        Error error;
        Status status = database_name_check(names.items[i], &error);
        if (status == STATUS_OK && names.items[i].count > SERVER_NAME_BYTES_MAX) {
            status = error_set(&error, STATUS_LIMIT,
                               "database names cannot be longer than %u bytes",
                               SERVER_NAME_BYTES_MAX);
        }
        if (status == STATUS_OK && is_repeated(names, i)) {
            status = error_set(&error, STATUS_CONFLICT, "the name is in the list twice");
        }
        if (status == STATUS_OK) continue;
        web_answer_text(request, 400, "Error parsing `%.*s`: %s", BYTES_FORMAT(names.items[i]),
                        error.text);
        return false;
    }
    return true;
}

static bool is_repeated(NameList names, uint32_t index) {
    for (uint32_t i = 0; i < index; i++) {
        if (bytes_equal(names.items[i], names.items[index])) return true;
    }
    return false;
}

static void control_set(PoolJob *job) {
    WebRequest *request = WEB_OF_JOB(job);
    Server *server = request->server;
    NameList names = *(const NameList *)request->own;
    const DatabaseRecord *record = &request->hosted->record;
    View *view = registry_view(server->registry);
    Bytes in_use = BYTES_NONE;
    for (uint32_t i = 0; i < names.count && in_use.data == NULL; i++) {
        if (view_find_name(view, names.items[i])) in_use = names.items[i];
    }
    Bytes denied = taken_name(view, &record->identity, &record->owner, names);
    if (denied.data) denied = arena_copy(request->arena, denied);
    view_unref(view);
    if (in_use.data) {
        web_answer_json(
            request, 400,
            arena_format(request->arena,
                         "{\"OtherError\":\"Cannot rename to %.*s because it already is "
                         "in use.\"}",
                         BYTES_FORMAT(in_use)));
        return;
    }
    if (denied.data) {
        answer_name(request, 401, "PermissionDenied", denied);
        return;
    }
    Error error;
    Status status = control_set_names(changes_control(server), &record->identity, &record->owner,
                                      names, &error);
    if (status != STATUS_OK) {
        web_answer_text(request, 500, "%s", error.text);
        return;
    }
    View *edit = registry_edit(server->registry);
    edit_set_names(edit, &record->identity, &record->owner, names);
    registry_publish(server->registry, edit);
    web_answer_json(request, 200, BYTES_LITERAL("\"Success\""));
}

// The first name, old or new, whose tld belongs to somebody else; data == NULL: none.
static Bytes taken_name(const View *view, const Identity *identity, const Identity *owner,
                        NameList names) {
    NameList lists[] = {view_names(view, identity), names};
    for (uint32_t list = 0; list < 2; list++) {
        for (uint32_t i = 0; i < lists[list].count; i++) {
            const Identity *tld = view_find_tld(view, lists[list].items[i]);
            if (tld && !identity_equal(tld, owner)) return lists[list].items[i];
        }
    }
    return BYTES_NONE;
}

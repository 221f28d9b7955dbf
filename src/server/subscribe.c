// subscribe.c - the upgrade to a WebSocket: every check in upstream's order (websocket.md 1.6).

#include "server/handlers.h"
#include "server/session.h"

#include <strings.h>

static bool read_options(WebRequest *request, SessionOptions *options, bool *ret_has_confirmed);
static bool read_compression(WebRequest *request, SessionOptions *options);
static bool read_connection_id(WebRequest *request, SessionOptions *options, bool *ret_is_zero);
static bool read_session_id(WebRequest *request, SessionOptions *options);
static bool check_upgrade(WebRequest *request);
static bool find_target(WebRequest *request, const DatabaseTarget *target);
static bool choose_protocol(WebRequest *request, Protocol *ret_protocol);

void handle_subscribe(WebRequest *request) {
    DatabaseTarget target;
    SessionOptions options = {0};
    bool has_confirmed = false;
    bool has_zero_id = false;
    if (!web_target(request, &target)) return;
    if (!read_options(request, &options, &has_confirmed)) return;
    if (!read_connection_id(request, &options, &has_zero_id)) return;
    if (!read_session_id(request, &options) || !check_upgrade(request)) return;
    if (has_zero_id) {
        web_answer_text(request, 400,
                        "Invalid connection ID: the all-zeros ConnectionId is reserved.");
        return;
    }
    if (!find_target(request, &target)) return;
    if (!choose_protocol(request, &options.protocol)) return;
    if (request->hosted->database == NULL) {
        web_answer_text(request, 500, "error starting database: %s", request->hosted->failure);
        return;
    }
    if (!has_confirmed) options.confirmed = !protocol_is_v1(options.protocol);
    if (connection_id_is_zero(&options.connection_id)) {
        options.connection_id = database_new_connection_id(request->hosted->database);
    }
    session_open(request, &options);
}

static bool read_options(WebRequest *request, SessionOptions *options, bool *ret_has_confirmed) {
    Bytes confirmed;
    if (!read_compression(request, options)) return false;
    if (!web_query_flag(request, "light", &options->light)) return false;
    if (!web_query_flag(request, "confirmed", &options->confirmed)) return false;
    if (!web_query(request, "confirmed", &confirmed)) return false;
    *ret_has_confirmed = confirmed.data != NULL;
    return true;
}

// What the client would like; the configuration allows it (websocket.md 2.2 says why it does not by default).
static bool read_compression(WebRequest *request, SessionOptions *options) {
    Bytes text;
    if (!web_query(request, "compression", &text)) return false;
    if (text.data == NULL || bytes_equal_text(text, "Brotli")) {
        options->compression = WS_COMPRESS_BROTLI;
        return true;
    }
    if (bytes_equal_text(text, "Gzip")) {
        options->compression = WS_COMPRESS_GZIP;
        return true;
    }
    if (bytes_equal_text(text, "None")) return true;
    web_refuse_query(request, "unknown variant `%.*s`, expected one of `None`, `Brotli`, `Gzip`",
                     BYTES_FORMAT(text));
    return false;
}

static bool read_connection_id(WebRequest *request, SessionOptions *options, bool *ret_is_zero) {
    Bytes text;
    if (!web_query(request, "connection_id", &text)) return false;
    if (text.data == NULL) return true;
    if (!connection_id_parse(text, &options->connection_id)) {
        web_refuse_query(request, "`connection_id` must have 32 hex digits");
        return false;
    }
    *ret_is_zero = connection_id_is_zero(&options->connection_id);
    return true;
}

static bool read_session_id(WebRequest *request, SessionOptions *options) {
    Bytes text;
    if (!web_query(request, "session_id", &text)) return false;
    if (text.data == NULL) return true;
    options->has_session_id = connection_id_parse(text, &options->session_id);
    if (!options->has_session_id) web_refuse_query(request, "`session_id` must have 32 hex digits");
    return options->has_session_id;
}

static bool check_upgrade(WebRequest *request) {
    HttpResponse refusal;
    if (ws_check_upgrade(request->http, &refusal)) return true;
    for (uint32_t i = 0; i < refusal.header_count; i++) {
        const HttpHeader *header = &refusal.headers[i];
        web_add_header(request, arena_copy_text(request->arena, header->name), header->value);
    }
    web_answer(request, refusal.status, refusal.content_type, refusal.body);
    return false;
}

// An unknown name is 404, an identity without a database 500: as upstream.
static bool find_target(WebRequest *request, const DatabaseTarget *target) {
    View *view = registry_view(request->server->registry);
    const Identity *found = target->is_identity ? &target->identity
                                                : view_find_name(view, target->name);
    Identity identity = {0};
    const ViewDatabase *database = NULL;
    if (found) {
        identity = *found;
        database = view_find_database(view, &identity);
    }
    if (database) request->hosted = hosted_ref(database->hosted);
    view_unref(view);
    if (!found) {
        web_answer_text(request, 404, "`%.*s` not found", BYTES_FORMAT(target->name));
    } else if (!request->hosted) {
        char caller[IDENTITY_HEX_COUNT + 1];
        char hex[IDENTITY_HEX_COUNT + 1];
        identity_to_hex(&request->claims.identity, caller);
        identity_to_hex(&identity, hex);
        web_answer_text(request, 500, "Unable to authorize %s for SQL: database %s not found",
                        caller, hex);
    }
    return request->hosted != NULL;
}

// The header may be repeated; one list of all.
static bool choose_protocol(WebRequest *request, Protocol *ret_protocol) {
    Bytes list = BYTES_LITERAL("");
    for (uint32_t i = 0; i < request->http->header_count; i++) {
        const HttpHeader *header = &request->http->headers[i];
        if (header->name.count != 22 ||
            strncasecmp((const char *)header->name.data, "sec-websocket-protocol", 22) != 0) {
            continue;
        }
        list = arena_format(request->arena, "%.*s,%.*s", BYTES_FORMAT(list),
                            BYTES_FORMAT(header->value));
    }
    if (protocol_choose(list, ret_protocol)) return true;
    web_answer_text(request, 400, "no valid protocol selected");
    return false;
}

// web_parts.c - what handlers read out of a request: path and query parameters, the database, the owner.

#include "server/web.h"

#include <stdarg.h>
#include <stdio.h>

typedef enum ParamKind { PARAM_ABSENT, PARAM_FOUND, PARAM_BAD } ParamKind;

static ParamKind find_param(WebRequest *request, const char *name, Bytes *ret_value);
static uint32_t find_byte(Bytes bytes, uint32_t from, uint8_t byte);
static bool identity_in_path(Bytes text, Identity *ret_identity);

// ---- query ----

void web_refuse_query(WebRequest *request, const char *format, ...) {
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    web_answer_text(request, 400, "Failed to deserialize query string: %s", text);
}

bool web_query(WebRequest *request, const char *name, Bytes *ret_value) {
    *ret_value = BYTES_NONE;
    return find_param(request, name, ret_value) != PARAM_BAD;
}

static ParamKind find_param(WebRequest *request, const char *name, Bytes *ret_value) {
    Bytes query = request->http->query;
    ParamKind kind = PARAM_ABSENT;
    for (uint32_t at = 0; at < query.count;) {
        uint32_t end = find_byte(query, at, '&');
        Bytes pair = bytes_slice(query, at, end - at);
        at = end + 1;
        uint32_t equals = find_byte(pair, 0, '=');
        Bytes key;
        if (!url_decode(bytes_slice(pair, 0, equals), URL_QUERY, request->arena, &key)) continue;
        if (!bytes_equal_text(key, name)) continue;
        if (kind == PARAM_FOUND) {
            web_refuse_query(request, "duplicate field `%s`", name);
            return PARAM_BAD;
        }
        uint32_t value_at = equals < pair.count ? equals + 1 : equals;
        Bytes value = bytes_slice(pair, value_at, pair.count - value_at);
        if (!url_decode(value, URL_QUERY, request->arena, ret_value)) {
            web_refuse_query(request, "malformed value of `%s`", name);
            return PARAM_BAD;
        }
        kind = PARAM_FOUND;
    }
    return kind;
}

static uint32_t find_byte(Bytes bytes, uint32_t from, uint8_t byte) {
    if (from == bytes.count) return from;
    const uint8_t *found = memchr(bytes.data + from, byte, bytes.count - from);
    return found ? (uint32_t)(found - bytes.data) : bytes.count;
}

bool web_query_flag(WebRequest *request, const char *name, bool *flag) {
    Bytes value;
    ParamKind kind = find_param(request, name, &value);
    if (kind != PARAM_FOUND) return kind == PARAM_ABSENT;
    bool is_true = bytes_equal_text(value, "true");
    if (!is_true && !bytes_equal_text(value, "false")) {
        web_refuse_query(request, "provided string was not `true` or `false`");
        return false;
    }
    *flag = is_true;
    return true;
}

bool web_query_u32(WebRequest *request, const char *name, uint32_t *number) {
    Bytes value;
    ParamKind kind = find_param(request, name, &value);
    if (kind != PARAM_FOUND) return kind == PARAM_ABSENT;
    uint64_t read = 0;
    bool is_good = value.count > 0 && value.count <= 10;
    for (uint32_t i = 0; is_good && i < value.count; i++) {
        is_good = value.data[i] >= '0' && value.data[i] <= '9';
        read = read * 10 + (uint64_t)(value.data[i] - '0');
    }
    if (!is_good || read > UINT32_MAX) {
        web_refuse_query(request, value.count == 0 ? "cannot parse integer from empty string"
                                                   : "invalid digit found in string");
        return false;
    }
    *number = (uint32_t)read;
    return true;
}

// ---- path ----

bool web_param(WebRequest *request, uint32_t index, Bytes *ret_text) {
    ASSERT(request->params[index].data != NULL);
    if (url_decode(request->params[index], URL_PATH, request->arena, ret_text)) return true;
    web_answer_text(request, 400, "Invalid URL: Invalid UTF-8 in `%.*s`",
                    BYTES_FORMAT(request->params[index]));
    return false;
}

// 64 hex digits behind an optional 0x or X'.
static bool identity_in_path(Bytes text, Identity *ret_identity) {
    if (text.count == IDENTITY_HEX_COUNT + 2 && text.data[0] == 'X' && text.data[1] == '\'') {
        text = bytes_slice(text, 2, IDENTITY_HEX_COUNT);
    }
    return identity_parse(text, ret_identity);
}

bool database_target_parse(Bytes text, DatabaseTarget *ret_target, Error *error) {
    DatabaseTarget target = {.name = text};
    if (identity_in_path(text, &target.identity)) {
        target.is_identity = true;
    } else if (database_name_check(text, error) != STATUS_OK) {
        return false;
    }
    *ret_target = target;
    return true;
}

bool web_target(WebRequest *request, DatabaseTarget *ret_target) {
    Bytes text;
    Error error;
    if (!web_param(request, 0, &text)) return false;
    if (database_target_parse(text, ret_target, &error)) return true;
    web_answer_text(request, 400, "Invalid URL: %s", error.text);
    return false;
}

bool web_target_identity(WebRequest *request, Identity *ret_identity) {
    DatabaseTarget target;
    if (!web_target(request, &target)) return false;
    if (target.is_identity) {
        *ret_identity = target.identity;
        return true;
    }
    View *view = registry_view(request->server->registry);
    const Identity *found = view_find_name(view, target.name);
    if (found) *ret_identity = *found;
    view_unref(view);
    if (!found) web_answer_text(request, 404, "`%.*s` not found", BYTES_FORMAT(target.name));
    return found != NULL;
}

bool web_database(WebRequest *request) {
    Identity identity;
    if (!web_target_identity(request, &identity)) return false;
    ASSERT(request->hosted == NULL);
    View *view = registry_view(request->server->registry);
    const ViewDatabase *database = view_find_database(view, &identity);
    if (database) request->hosted = hosted_ref(database->hosted);
    view_unref(view);
    if (request->hosted == NULL) web_answer_text(request, 404, "No such database.");
    return request->hosted != NULL;
}

bool web_running_database(WebRequest *request) {
    if (!web_database(request)) return false;
    if (request->hosted->database) return true;
    web_answer_text(request, 500, "error starting database: %s", request->hosted->failure);
    return false;
}

// ---- owner ----

bool web_owner(WebRequest *request, const char *action) {
    const DatabaseRecord *record = &request->hosted->record;
    if (identity_equal(&request->claims.identity, &record->owner)) return true;
    web_refuse_owner(request, &record->identity, action);
    return false;
}

void web_refuse_owner(WebRequest *request, const Identity *database, const char *action) {
    char caller[IDENTITY_HEX_COUNT + 1];
    char target[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&request->claims.identity, caller);
    identity_to_hex(database, target);
    web_answer_text(request, 403, "%s is not authorized to perform action on database %s: %s",
                    caller, target, action);
}

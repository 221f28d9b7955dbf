// module_route.c - requests that the module itself answers (http-api.md 6.3.16): no caller, no client_connected.

#include "server/handlers.h"

#include <strings.h>

// A request while its handler runs.
typedef struct RouteCall {
    RouteWaiter waiter;  // first: a waiter of ours is a RouteCall
    WebRequest *request;
    RouteRequest route;
} RouteCall;

static bool module_path(WebRequest *request, Bytes *ret_path);
static Bytes external_uri(WebRequest *request);
static Bytes forwarded(WebRequest *request, const char *name);
static void exec_route(Database *database, DbMessage *message);
static void route_ended(RouteWaiter *waiter, Database *database, const RouteReply *reply);
static void answer_route(WebRequest *request, const RouteReply *reply);
static bool says_origin(Bytes name);

void handle_module_route(WebRequest *request) {
    RouteCall *call = ARENA_NEW(request->arena, RouteCall);
    RouteRequest *route = &call->route;
    if (!web_running_database(request) || !module_path(request, &route->path)) return;
    const HttpRequest *http = request->http;
    RouteField *fields = ARENA_ARRAY(request->arena, RouteField, http->header_count);
    for (uint32_t i = 0; i < http->header_count; i++) {
        fields[i] = (RouteField){http->headers[i].name, http->headers[i].value};
    }
    // Each request comes from a user of its own (since-2.8.md 2.3).
    Claims claims;
    auth_mint(request->server->auth, request->arena, &claims);
    route->method = http->method;
    route->uri = external_uri(request);
    route->fields = fields;
    route->field_count = http->header_count;
    route->version_minor = (uint8_t)http->version_minor;
    route->body = http->body;
    route->sender = claims.identity;
    route->jwt_payload = claims.payload;
    call->request = request;
    call->waiter.done = route_ended;
    request->own = call;
    web_post(request, exec_route);
}

// "" for .../route, "/" for .../route/, "/rest" decoded otherwise.
static bool module_path(WebRequest *request, Bytes *ret_path) {
    Bytes path = request->http->path;
    uint32_t at = (uint32_t)(request->params[0].data - path.data) + request->params[0].count;
    ASSERT(path.count - at >= 6);
    Bytes rest = bytes_slice(path, at + 6, path.count - at - 6);  // behind "/route"
    if (url_decode(rest, URL_PATH, request->arena, ret_path)) return true;
    web_answer_text(request, 400, "Invalid URL: Invalid UTF-8 in `path`");
    return false;
}

// As the client wrote it, whatever stands between.
static Bytes external_uri(WebRequest *request) {
    const HttpRequest *http = request->http;
    Bytes scheme = forwarded(request, "x-forwarded-proto");
    Bytes authority = forwarded(request, "x-forwarded-host");
    if (authority.count == 0) authority = http_header(http, "host");
    if (scheme.count == 0) scheme = BYTES_LITERAL("http");
    const char *mark = http->query.count > 0 ? "?" : "";
    if (authority.count == 0 || !utf8_is_valid(authority)) {
        return arena_format(request->arena, "%.*s%s%.*s", BYTES_FORMAT(http->path), mark,
                            BYTES_FORMAT(http->query));
    }
    return arena_format(request->arena, "%.*s://%.*s%.*s%s%.*s", BYTES_FORMAT(scheme),
                        BYTES_FORMAT(authority), BYTES_FORMAT(http->path), mark,
                        BYTES_FORMAT(http->query));
}

// The first item of a list that proxies write; empty if there is none.
static Bytes forwarded(WebRequest *request, const char *name) {
    Bytes value = http_header(request->http, name);
    const uint8_t *comma = value.count > 0 ? memchr(value.data, ',', value.count) : NULL;
    if (comma) value.count = (uint32_t)(comma - value.data);
    while (value.count > 0 && value.data[0] <= ' ') value = bytes_slice(value, 1, value.count - 1);
    while (value.count > 0 && value.data[value.count - 1] <= ' ') value.count--;
    return utf8_is_valid(value) ? value : BYTES_NONE;
}

static void exec_route(Database *database, DbMessage *message) {
    WebRequest *request = WEB_OF_MESSAGE(message);
    RouteCall *call = request->own;
    switch (database_call_route(database, &call->route, &call->waiter)) {
    case ROUTE_STARTED: return;
    case ROUTE_NONE:
        web_answer_text(request, 404, "Database has not registered a handler for this route");
        return;
    case ROUTE_BUSY: web_answer_text(request, 503, "too many calls are waiting"); return;
    }
    UNREACHABLE();
}

static void route_ended(RouteWaiter *waiter, Database *database, const RouteReply *reply) {
    (void)database;
    WebRequest *request = ((RouteCall *)(void *)waiter)->request;
    if (reply->is_failed) {
        web_answer_bytes(request, 500, reply->text);
    } else {
        answer_route(request, reply);
    }
}

// The module's headers in its order, then ours, which replace what it says about origins.
static void answer_route(WebRequest *request, const RouteReply *reply) {
    uint32_t own_count = 0;
    const HttpHeader *own = web_headers(request, &own_count);
    HttpHeader *headers = ARENA_ARRAY(request->arena, HttpHeader,
                                      (size_t)reply->field_count + own_count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < reply->field_count; i++) {
        const RouteField *field = &reply->fields[i];
        if (!says_origin(field->name)) headers[count++] = (HttpHeader){field->name, field->value};
    }
    for (uint32_t i = 0; i < own_count; i++) headers[count++] = own[i];
    HttpResponse response = {
        .status = reply->status, .headers = headers, .header_count = count, .body = reply->body};
    Hosted *hosted = request->hosted;
    http_respond(request->exchange, &response);  // the request may be gone from here on
    hosted_unref(hosted);
}

static bool says_origin(Bytes name) {
    static const char ORIGIN[] = "access-control-allow-origin";
    return name.count == sizeof ORIGIN - 1 &&
           strncasecmp((const char *)name.data, ORIGIN, name.count) == 0;
}

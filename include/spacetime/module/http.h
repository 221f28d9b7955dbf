// http.h - requests and responses: what procedures send out, and what HTTP handlers answer.
//
//     StdbHttpResponse response;
//     StdbHttpRequest request = {.uri = STDB_STRING("https://example.com/a")};
//     if (stdb_http_send(ctx, &request, &response) != STDB_OK) ... stdb_fail_text() says why
//
// All-zero memory is a GET without headers and body, with the host's own time limit.
// Lifetime   what a response or a handler's request points to lives until the call ends.
// Limits     the host's: 30 seconds unless said otherwise, 180 at most; private addresses are
// refused
//            unless the server allows them; the size of a body.
// Format     module ABI 7.5 and 7.6.
#pragma once

#include "function.h"

typedef enum StdbHttpMethod {
    STDB_HTTP_GET = 0,
    STDB_HTTP_HEAD = 1,
    STDB_HTTP_POST = 2,
    STDB_HTTP_PUT = 3,
    STDB_HTTP_DELETE = 4,
    STDB_HTTP_CONNECT = 5,
    STDB_HTTP_OPTIONS = 6,
    STDB_HTTP_TRACE = 7,
    STDB_HTTP_PATCH = 8,
    STDB_HTTP_EXTENSION = 9,  // the one that `extension` names
    STDB_HTTP_ANY = 10,       // of routes only
} StdbHttpMethod;

typedef enum StdbHttpVersion {
    STDB_HTTP_DEFAULT = 0,  // 1.1 in requests that a module sends
    STDB_HTTP_1_0 = 1,
    STDB_HTTP_1_1 = 2,
    STDB_HTTP_2 = 3,
    STDB_HTTP_3 = 4,
} StdbHttpVersion;

typedef struct StdbHttpHeader {
    StdbString name;  // lower case in what arrives
    StdbString value;
} StdbHttpHeader;

typedef struct StdbHttpHeaders {
    const StdbHttpHeader *items;
    uint32_t count;
} StdbHttpHeaders;

typedef struct StdbHttpRequest {
    StdbHttpMethod method;
    StdbString extension;
    StdbString uri;
    StdbHttpHeaders headers;
    StdbHttpVersion version;
    StdbDuration timeout;  // 0: the host's
    StdbBytes body;
} StdbHttpRequest;

typedef struct StdbHttpResponse {
    uint16_t status;  // 0 of a handler's response counts as 200
    StdbHttpHeaders headers;
    StdbHttpVersion version;
    StdbBytes body;
} StdbHttpResponse;

// Waits for the answer; any HTTP status is STDB_OK. STDB_FAILED: none came, stdb_fail_text says
// why. Not within a transaction: that is a panic, for it would stop everybody.
StdbStatus stdb_http_send(StdbProcedureContext *ctx, const StdbHttpRequest *request,
                          StdbHttpResponse *ret_response);

// The first header of this name, whatever its case. False: there is none.
bool stdb_http_header(StdbHttpHeaders headers, const char *name, StdbString *ret_value);

// A body that is text, with no content-type but text/plain. The rest as printf.
StdbHttpResponse stdb_http_text(uint16_t status, const char *format, ...) STDB_PRINTF(2, 3);
// A response with this body; the content type is a literal or stays until the call ends.
StdbHttpResponse stdb_http_reply(uint16_t status, const char *content_type, StdbBytes body);

// ---- handlers ----

typedef struct StdbHttpHandler {
    const char *name;
    StdbHttpResponse (*run)(StdbProcedureContext *context, const StdbHttpRequest *request);
} StdbHttpHandler;

typedef struct StdbHttpRoute {
    const StdbHttpHandler *handler;
    StdbHttpMethod method;
    const char *path;
} StdbHttpRoute;

//     STDB_HTTP_HANDLER(receive, ctx, request) { ... return stdb_http_text(200, "thanks"); }
//     STDB_HTTP_ROUTE(POST, "/orders", receive);
//
// Anybody may call it, at /v1/database/<name>/route/orders; there is no sender. The rules of
// procedures hold: stdb_begin and stdb_commit for what concerns tables.
#define STDB_HTTP_HANDLER(handler, context, request)                                       \
    static StdbHttpResponse handler(StdbProcedureContext *context,                         \
                                    const StdbHttpRequest *request);                       \
    static const StdbHttpHandler stdb_handler__##handler = {#handler, handler};            \
    STDB_REGISTER(handlers, StdbHttpHandler, stdb_handler__##handler)                      \
    static StdbHttpResponse handler(__attribute__((unused)) StdbProcedureContext *context, \
                                    __attribute__((unused)) const StdbHttpRequest *request)

// A path is "", "/" or "/...": lower-case letters, digits, '-', '_', '~' and '/'. The first route
// that fits counts; of several sources, in their order.
#define STDB_HTTP_ROUTE(method, path, handler) \
    STDB_HTTP_ROUTE_(method, path, handler, STDB_PASTE(stdb_route__, __COUNTER__))
#define STDB_HTTP_ROUTE_(route_method, route_path, route_handler, object)                          \
    _Static_assert(STDB_HTTP_##route_method != STDB_HTTP_EXTENSION,                                \
                   "STDB_HTTP_ROUTE: " #route_method " cannot have routes of its own");            \
    static const StdbHttpRoute object = {&stdb_handler__##route_handler, STDB_HTTP_##route_method, \
                                         "" route_path ""};                                        \
    STDB_REGISTER(routes, StdbHttpRoute, object)                                                   \
    STDB_END

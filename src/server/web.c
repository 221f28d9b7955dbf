// web.c - the door: routes, CORS, callers, and the answers' common part.

#include "server/web.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#define CONTENT_TEXT BYTES_LITERAL("text/plain; charset=utf-8")
#define CONTENT_JSON BYTES_LITERAL("application/json")
#define VARY "origin, access-control-request-method, access-control-request-headers"
#define METHOD_LIST_BYTES_MAX 64u

typedef struct Match {
    const Route *route;       // NULL: none with this method
    const Route *path_route;  // the first one with this path; NULL: unknown path
    Bytes params[ROUTE_PARAMS_MAX];
} Match;

static void find_route(Bytes method, Bytes path, Match *ret_match);
static bool path_matches(const char *pattern, Bytes path, Bytes ret_params[ROUTE_PARAMS_MAX]);
static bool method_matches(const char *wanted, Bytes method);
static void answer_unknown(HttpExchange *exchange);
static void answer_options(WebRequest *request);
static void answer_method(WebRequest *request);
static void find_caller(WebRequest *request);
static bool find_token(WebRequest *request, Bytes *ret_token);
static void validate_job(PoolJob *job);
static void validate(WebRequest *request, Bytes token);
static void run_handler(WebRequest *request);
static void fill_headers(WebRequest *request);

// ---- the door ----

size_t web_body_bytes_max(void *user, const HttpRequest *head) {
    (void)user;
    Match match;
    find_route(head->method, head->path, &match);
    bool is_program = match.route && match.route->body == BODY_PROGRAM;
    return is_program ? HTTP_BODY_BYTES_MAX : SERVER_BODY_BYTES_MAX;
}

void web_receive(void *user, HttpExchange *exchange) {
    Server *server = user;
    const HttpRequest *http = http_request(exchange);
    Match match;
    find_route(http->method, http->path, &match);
    if (match.path_route == NULL) {
        answer_unknown(exchange);
        return;
    }
    WebRequest *request = ARENA_NEW(http_arena(exchange), WebRequest);
    *request = (WebRequest){.server = server,
                            .exchange = exchange,
                            .http = http,
                            .arena = http_arena(exchange),
                            .route = match.route ? match.route : match.path_route};
    memcpy(request->params, match.params, sizeof match.params);
    if (bytes_equal_text(http->method, "OPTIONS")) {
        answer_options(request);
    } else if (!atomic_load_explicit(&server->is_ready, memory_order_acquire)) {
        web_answer_text(request, 503, "the server is starting");
    } else {
        if (request->route->arrive) request->route->arrive(request);
        find_caller(request);
    }
}

// The first row that fits wins: rows without parameters stand before those with.
static void find_route(Bytes method, Bytes path, Match *ret_match) {
    *ret_match = (Match){0};
    for (uint32_t i = 0; i < ROUTE_COUNT; i++) {
        const Route *route = &ROUTES[i];
        Bytes params[ROUTE_PARAMS_MAX] = {0};
        if (!path_matches(route->path, path, params)) continue;
        if (ret_match->path_route == NULL) ret_match->path_route = route;
        if (!method_matches(route->method, method)) continue;
        ret_match->route = route;
        memcpy(ret_match->params, params, sizeof params);
        return;
    }
}

static bool path_matches(const char *pattern, Bytes path, Bytes ret_params[ROUTE_PARAMS_MAX]) {
    uint32_t at = 0;
    uint32_t param = 0;
    while (*pattern) {
        if (*pattern == '*') return at < path.count;
        if (*pattern != ':') {
            if (at == path.count || path.data[at] != (uint8_t)*pattern) return false;
            at++;
            pattern++;
            continue;
        }
        uint32_t start = at;
        while (at < path.count && path.data[at] != '/') at++;
        if (at == start) return false;
        ASSERT(param < ROUTE_PARAMS_MAX);
        ret_params[param++] = bytes_slice(path, start, at - start);
        while (*pattern && *pattern != '/') pattern++;
    }
    return at == path.count;
}

static bool method_matches(const char *wanted, Bytes method) {
    if (wanted == NULL || bytes_equal_text(method, wanted)) return true;
    return strcmp(wanted, "GET") == 0 && bytes_equal_text(method, "HEAD");
}

static void answer_unknown(HttpExchange *exchange) {
    HttpResponse response = {.status = 404};
    http_respond(exchange, &response);
}

static void answer_options(WebRequest *request) {
    static const HttpHeader HEADERS[] = {
        {BYTES_LITERAL("access-control-allow-origin"), BYTES_LITERAL("*")},
        {BYTES_LITERAL("access-control-allow-methods"), BYTES_LITERAL("*")},
        {BYTES_LITERAL("access-control-allow-headers"),
         BYTES_LITERAL("authorization,accept,content-type,spacetime-environment,"
                       "spacetime-environment-remove")},
        {BYTES_LITERAL("vary"), BYTES_LITERAL(VARY)},
    };
    HttpResponse response = {
        .status = 200, .headers = HEADERS, .header_count = sizeof HEADERS / sizeof HEADERS[0]};
    http_respond(request->exchange, &response);
}

// 405 with the methods of the path, in the order of the table.
static void answer_method(WebRequest *request) {
    char list[METHOD_LIST_BYTES_MAX] = "";
    for (uint32_t i = 0; i < ROUTE_COUNT; i++) {
        Bytes params[ROUTE_PARAMS_MAX] = {0};
        const Route *route = &ROUTES[i];
        if (route->method == NULL || !path_matches(route->path, request->http->path, params))
            continue;
        size_t used = strlen(list);
        const char *name = strcmp(route->method, "GET") == 0 ? "GET,HEAD" : route->method;
        (void)snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? "," : "", name);
    }
    web_add_header(request, "allow", bytes_of_text(list));
    web_answer_empty(request, 405);
}

// ---- who calls ----

static void find_caller(WebRequest *request) {
    if (request->route->auth == AUTH_NONE) {
        run_handler(request);
        return;
    }
    Bytes token = BYTES_NONE;
    if (!find_token(request, &token)) return;
    if (token.data) {
        if (auth_needs_network(request->server->auth, token)) {
            request->job.run = validate_job;
            executor_pool_run(request->server->fetches, &request->job);
        } else {
            validate(request, token);
        }
        return;
    }
    if (request->route->auth == AUTH_REQUIRED) {
        web_answer_text(request, 401, "Authorization required");
        return;
    }
    if (request->route->auth == AUTH_ANONYMOUS) {
        auth_mint(request->server->auth, request->arena, &request->claims);
        request->has_claims = true;
    }
    run_handler(request);
}

// The header first, then the query; data == NULL: neither.
static bool find_token(WebRequest *request, Bytes *ret_token) {
    Bytes header = http_header(request->http, "authorization");
    if (header.data) {
        bool is_bearer = header.count > 7 &&
                         strncasecmp((const char *)header.data, "Bearer ", 7) == 0;
        Bytes token = is_bearer ? bytes_slice(header, 7, header.count - 7) : BYTES_NONE;
        if (!is_bearer || memchr(token.data, ' ', token.count)) {
            web_answer_text(request, 400, "Authorization is invalid: malformed token");
            return false;
        }
        *ret_token = token;
        return true;
    }
    return web_query(request, "token", ret_token);
}

static void validate_job(PoolJob *job) {
    WebRequest *request = WEB_OF_JOB(job);
    Bytes token = BYTES_NONE;
    if (find_token(request, &token)) validate(request, token);
}

static void validate(WebRequest *request, Bytes token) {
    Error error;
    Status status = auth_validate(request->server->auth, token, request->arena, &request->claims,
                                  &error);
    if (status != STATUS_OK) {
        web_answer_text(request, 401, "%s", error.text);
        return;
    }
    request->has_claims = true;
    run_handler(request);
}

static void run_handler(WebRequest *request) {
    if (method_matches(request->route->method, request->http->method)) {
        request->route->handler(request);
    } else {
        answer_method(request);
    }
}

// ---- answers ----

void web_add_header(WebRequest *request, const char *name, Bytes value) {
    ASSERT(request->header_count < WEB_HEADERS_MAX);
    request->headers[request->header_count++] = (HttpHeader){bytes_of_text(name),
                                                             arena_copy(request->arena, value)};
}

static void fill_headers(WebRequest *request) {
    if (request->has_claims && request->route->auth == AUTH_ANONYMOUS) {
        char hex[IDENTITY_HEX_COUNT + 1];
        identity_to_hex(&request->claims.identity, hex);
        web_add_header(request, "spacetime-identity", bytes_of_text(hex));
        web_add_header(request, "spacetime-identity-token", request->claims.token);
    }
    web_add_header(request, "vary", BYTES_LITERAL(VARY));
    web_add_header(request, "access-control-allow-origin", BYTES_LITERAL("*"));
}

const HttpHeader *web_headers(WebRequest *request, uint32_t *ret_count) {
    fill_headers(request);
    *ret_count = request->header_count;
    return request->headers;
}

void web_answer(WebRequest *request, uint32_t status, Bytes content_type, Bytes body) {
    fill_headers(request);
    HttpResponse response = {.status = status,
                             .content_type = content_type,
                             .headers = request->headers,
                             .header_count = request->header_count,
                             .body = body};
    Hosted *hosted = request->hosted;
    http_respond(request->exchange, &response);  // the request may be gone from here on
    hosted_unref(hosted);
}

void web_answer_empty(WebRequest *request, uint32_t status) {
    web_answer(request, status, BYTES_NONE, BYTES_NONE);
}

void web_answer_bytes(WebRequest *request, uint32_t status, Bytes text) {
    web_answer(request, status, CONTENT_TEXT, text);
}

void web_answer_json(WebRequest *request, uint32_t status, Bytes json) {
    web_answer(request, status, CONTENT_JSON, json);
}

void web_answer_text(WebRequest *request, uint32_t status, const char *format, ...) {
    char text[ERROR_TEXT_MAX * 2];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    // A text that was cut may end within a character.
    Bytes all = bytes_of_text(text);
    web_answer_bytes(request, status, bytes_slice(all, 0, utf8_cut(all, sizeof text - 4)));
}

void web_answer_stream(WebRequest *request, uint32_t status, Bytes content_type) {
    fill_headers(request);
    HttpResponse response = {.status = status,
                             .content_type = content_type,
                             .headers = request->headers,
                             .header_count = request->header_count};
    http_stream_begin(request->exchange, &response);
}

// ---- passing on ----

void web_post(WebRequest *request, void (*run)(Database *database, DbMessage *message)) {
    ASSERT(request->hosted && request->hosted->database);
    request->message.run = run;
    database_post(request->hosted->database, &request->message);
}

Caller web_caller(const WebRequest *request, ConnectionId connection) {
    ASSERT(request->has_claims);
    return (Caller){.identity = request->claims.identity,
                    .connection = connection,
                    .jwt_payload = request->claims.payload};
}

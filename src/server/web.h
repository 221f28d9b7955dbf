// web.h - one HTTP request on its way through the server: route, caller, database, answer.
//
//   net thread:  route -> CORS, 404, 405 -> token (a fetch thread if other issuers' keys are missing) -> handler
//   handler:     any thread; answers itself, or passes the request on: to a database's executor (web_post), to
//                the control thread or a work thread (changes.h)
//
// Threads    a WebRequest belongs to whoever was handed it, until that one answers.
// Lifetime   it lives in the exchange's arena: gone as soon as it is answered. So the answer comes last.
// Format     spec: http-api.md 1-6.
#pragma once

#include "server/inside.h"

typedef struct WebRequest WebRequest;

// Whose token a route wants (http-api.md 3.2).
typedef enum AuthMode {
    AUTH_NONE,        // a token is ignored
    AUTH_IF_PRESENT,  // a bad one is refused
    AUTH_REQUIRED,    // 401 without one
    AUTH_ANONYMOUS,   // without one a new user is made; answers tell who (spacetime-identity ...)
} AuthMode;

typedef enum BodySize { BODY_SMALL, BODY_PROGRAM } BodySize;

typedef struct Route {
    const char *method;  // NULL: any
    const char *path;    // ":x" is any segment that is not empty, "*" at the end the rest
    AuthMode auth;
    BodySize body;
    void (*handler)(WebRequest *request);
    // Called first, on the net thread, before it is known who calls; NULL: nothing to do then.
    void (*arrive)(WebRequest *request);
} Route;

extern const Route ROUTES[];
extern const uint32_t ROUTE_COUNT;

#define ROUTE_PARAMS_MAX 2u
#define WEB_HEADERS_MAX 8u

struct WebRequest {
    Server *server;
    HttpExchange *exchange;
    const HttpRequest *http;
    Arena *arena;
    const Route *route;
    Bytes params[ROUTE_PARAMS_MAX];  // as in the path, still encoded
    bool has_claims;
    Claims claims;                        // who calls
    Hosted *hosted;                       // a reference, released with the answer; NULL: none
    HttpHeader headers[WEB_HEADERS_MAX];  // of the answer
    uint32_t header_count;
    PoolJob job;
    DbMessage message;
    void *own;  // the handler's, in the arena
};

#define WEB_OF_JOB(at) ((WebRequest *)(void *)((char *)(at) - offsetof(WebRequest, job)))
#define WEB_OF_MESSAGE(at) ((WebRequest *)(void *)((char *)(at) - offsetof(WebRequest, message)))

// ---- the door (HttpHandler) ----

void web_receive(void *user, HttpExchange *exchange);  // user: the Server
size_t web_body_bytes_max(void *user, const HttpRequest *head);

// ---- answers; each ends the request ----

void web_answer(WebRequest *request, uint32_t status, Bytes content_type, Bytes body);
void web_answer_empty(WebRequest *request, uint32_t status);
void web_answer_text(WebRequest *request, uint32_t status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void web_answer_bytes(WebRequest *request, uint32_t status, Bytes text);  // text/plain
void web_answer_json(WebRequest *request, uint32_t status, Bytes json);
// Head of an answer that goes on; the exchange is the caller's then, the request stays valid.
void web_answer_stream(WebRequest *request, uint32_t status, Bytes content_type);
// For the answer to come. The value is copied, the name is not.
void web_add_header(WebRequest *request, const char *name, Bytes value);
// All headers that answers to this request carry, CORS included.
const HttpHeader *web_headers(WebRequest *request, uint32_t *ret_count);

// ---- parts of a request; false or NULL: it was answered ----

// A path parameter, decoded.
bool web_param(WebRequest *request, uint32_t index, Bytes *ret_text);
// A query parameter; data == NULL if absent. Repeated or malformed: 400.
bool web_query(WebRequest *request, const char *name, Bytes *ret_value);
bool web_query_flag(WebRequest *request, const char *name, bool *flag);       // kept if absent
bool web_query_u32(WebRequest *request, const char *name, uint32_t *number);  // kept if absent
// 400 "Failed to deserialize query string: ...".
void web_refuse_query(WebRequest *request, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// What stands for a database in a path: a name or an identity (http-api.md 2, 4).
typedef struct DatabaseTarget {
    bool is_identity;
    Identity identity;  // if it is one
    Bytes name;         // if it is not
} DatabaseTarget;
bool database_target_parse(Bytes text, DatabaseTarget *ret_target, Error *error);
bool web_target(WebRequest *request, DatabaseTarget *ret_target);
// Its identity, whether or not there is such a database; 404 for an unknown name.
bool web_target_identity(WebRequest *request, Identity *ret_identity);
// The database of the path, kept in request->hosted; 404.
bool web_database(WebRequest *request);
// The same, and it runs; 500.
bool web_running_database(WebRequest *request);
// 403 unless the caller owns request->hosted. action: "view module logs".
bool web_owner(WebRequest *request, const char *action);
void web_refuse_owner(WebRequest *request, const Identity *database, const char *action);

// ---- passing on ----

// Runs on the executor of request->hosted.
void web_post(WebRequest *request, void (*run)(Database *database, DbMessage *message));
// Who calls, under this connection.
Caller web_caller(const WebRequest *request, ConnectionId connection);

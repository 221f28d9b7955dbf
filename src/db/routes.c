// routes.c - HTTP handlers of the module: from a request to its handler, and back (module-abi.md 7.6).

#include "db/database.h"

static const char *const METHODS[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                      "CONNECT", "OPTIONS", "TRACE", "PATCH"};
#define METHOD_COUNT ((uint32_t)(sizeof METHODS / sizeof *METHODS))
#define METHOD_EXTENSION METHOD_COUNT
enum { VERSION_10 = 1, VERSION_11 = 2 };  // tags of HttpVersion
#define OPTION_NONE 1u

static const FunctionDef *find_route(const ModuleDef *def, const RouteRequest *request);
static uint32_t method_tag(Bytes method);
static bool route_matches(const HttpRouteDef *route, const RouteRequest *request);
static void write_request(Buffer *buffer, const RouteRequest *request);
static void route_done(ProcedureRun *run);
static void read_reply(ProcedureRun *run, const ProcedureResult *result, RouteReply *ret_reply);

RouteOutcome database_call_route(Database *database, const RouteRequest *request,
                                 RouteWaiter *waiter) {
    const FunctionDef *def = database->def && !database->is_stopped
                                 ? find_route(database->def, request)
                                 : NULL;
    if (def == NULL) return ROUTE_NONE;
    Buffer args;
    buffer_init(&args, CALL_ARENA_BYTES_MAX / 2);
    write_request(&args, request);
    ASSERT(!args.failed);  // net/ bounds the head
    ProcedureOptions options = {
        .name = def->name,
        .args = buffer_bytes(&args),
        .caller = {.identity = request->sender, .jwt_payload = request->jwt_payload},
        .timestamp = database_now(database),
        .is_confirmed = true,
        .done = route_done,
        .user = waiter,
    };
    ProcedureRun *run = handler_create(database, &options, request->body);
    buffer_done(&args);
    if (run == NULL) return ROUTE_BUSY;
    procedure_submit(run);
    return ROUTE_STARTED;
}

// The first one declared.
static const FunctionDef *find_route(const ModuleDef *def, const RouteRequest *request) {
    for (uint32_t i = 0; i < def->http_route_count; i++) {
        const HttpRouteDef *route = &def->http_routes[i];
        if (route_matches(route, request)) return &def->http_handlers[route->handler];
    }
    return NULL;
}

static uint32_t method_tag(Bytes method) {
    uint32_t tag = 0;
    while (tag < METHOD_COUNT && !bytes_equal_text(method, METHODS[tag])) tag++;
    return tag;
}

static bool route_matches(const HttpRouteDef *route, const RouteRequest *request) {
    if (!bytes_equal(route->path, request->path)) return false;
    if (route->method < 0) return true;
    uint32_t tag = method_tag(request->method);
    if ((uint32_t)route->method != tag) return false;
    return tag != METHOD_EXTENSION || bytes_equal(route->method_extension, request->method);
}

// HttpRequest (module-abi.md 7.5).
static void write_request(Buffer *buffer, const RouteRequest *request) {
    uint32_t tag = method_tag(request->method);
    buffer_u8(buffer, (uint8_t)tag);
    if (tag == METHOD_EXTENSION) buffer_string(buffer, request->method);
    buffer_u32(buffer, request->field_count);
    for (uint32_t i = 0; i < request->field_count; i++) {
        buffer_string(buffer, request->fields[i].name);
        buffer_string(buffer, request->fields[i].value);
    }
    buffer_u8(buffer, OPTION_NONE);
    buffer_string(buffer, request->uri);
    buffer_u8(buffer, request->version_minor == 0 ? VERSION_10 : VERSION_11);
}

static void route_done(ProcedureRun *run) {
    const ProcedureResult *result = procedure_result(run);
    RouteReply reply = {.is_failed = true, .text = result->text};
    if (result->outcome == RUN_RETURNED) read_reply(run, result, &reply);
    RouteWaiter *waiter = procedure_user(run);
    waiter->done(waiter, procedure_database(run), &reply);
}

// HttpResponse: headers, version (which is ours to say), code.
static void read_reply(ProcedureRun *run, const ProcedureResult *result, RouteReply *ret_reply) {
    Reader reader = reader_of(result->output);
    uint32_t count = reader_count(&reader, 8);
    RouteField *fields = ARENA_ARRAY(procedure_arena(run), RouteField, count);
    for (uint32_t i = 0; i < count; i++) {
        fields[i].name = reader_string(&reader);
        fields[i].value = reader_bytes(&reader);
    }
    uint8_t version = reader_u8(&reader);
    uint32_t status = reader_u16(&reader);
    if (reader.failed || version > 4) {
        ret_reply->text = BYTES_LITERAL("the handler's response cannot be decoded");
    } else if (status < 200 || status > 999) {  // interim ones are no answers
        ret_reply->text = BYTES_LITERAL("invalid status code");
    } else {
        *ret_reply = (RouteReply){
            .status = status, .fields = fields, .field_count = count, .body = result->body};
    }
}

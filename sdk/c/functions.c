// functions.c - running views, procedures and HTTP handlers, and what procedures can do.
//
// The host numbers each kind by itself: procedures and handlers by their place in the linker's
// list, views by their place among those of their kind. A view may run in the middle of a
// procedure, when that commits: call_begin then keeps what the procedure has, and call_end gives it
// back.
#include "call.h"
#include "http.h"
#include "memory.h"

extern const StdbView *const __start_stdb_views[] __attribute__((weak));
extern const StdbView *const __stop_stdb_views[] __attribute__((weak));
extern const StdbProcedure *const __start_stdb_procedures[] __attribute__((weak));
extern const StdbProcedure *const __stop_stdb_procedures[] __attribute__((weak));
extern const StdbHttpHandler *const __start_stdb_handlers[] __attribute__((weak));
extern const StdbHttpHandler *const __stop_stdb_handlers[] __attribute__((weak));

// What a view's answer begins with, and the code that says so.
enum { VIEW_ROWS = 0, VIEW_SQL = 1, VIEW_WITH_HEADER = 2 };

static const StdbView *view_get(uint32_t number, bool is_anonymous);
static void view_write(uint32_t sink, const StdbType *type, StdbBytes value);
static StdbProcedureContext procedure_context(int64_t timestamp);

#define STDB_EXPORT(name) __attribute__((export_name(name)))

// ---- views ----

STDB_EXPORT("__call_view__")
uint32_t stdb_export_call_view(uint32_t id, uint64_t sender0, uint64_t sender1, uint64_t sender2,
                               uint64_t sender3, uint32_t arguments, uint32_t sink);
STDB_EXPORT("__call_view_anon__")
uint32_t stdb_export_call_view_anon(uint32_t id, uint32_t arguments, uint32_t sink);

uint32_t stdb_export_call_view(uint32_t id, uint64_t sender0, uint64_t sender1, uint64_t sender2,
                               uint64_t sender3, uint32_t arguments, uint32_t sink) {
    CallFrame frame = call_begin();
    const StdbView *view = view_get(id, false);
    StdbViewContext context = {0};
    memcpy(context.sender.bytes, (uint64_t[]){sender0, sender1, sender2, sender3},
           sizeof context.sender);
    view_write(sink, view->returns, view->run(&context, call_read_source(arguments)));
    call_end(&frame);
    return VIEW_WITH_HEADER;
}

uint32_t stdb_export_call_view_anon(uint32_t id, uint32_t arguments, uint32_t sink) {
    CallFrame frame = call_begin();
    const StdbView *view = view_get(id, true);
    StdbViewContext context = {0};
    view_write(sink, view->returns, view->run(&context, call_read_source(arguments)));
    call_end(&frame);
    return VIEW_WITH_HEADER;
}

static const StdbView *view_get(uint32_t number, bool is_anonymous) {
    uint32_t left = number;
    for (const StdbView *const *at = __start_stdb_views; at < __stop_stdb_views; at++) {
        if ((*at)->is_anonymous != is_anonymous) continue;
        if (left-- == 0) return *at;
    }
    stdb_panic("no view has number %u", number);
}

// Arrays are rows as they are; an option becomes an array of none or one, a query its text.
static void view_write(uint32_t sink, const StdbType *type, StdbBytes value) {
    while (type->kind == STDB_TYPE_ALIAS) type = type->of;
    const uint8_t header = type->kind == STDB_TYPE_SPECIAL ? VIEW_SQL : VIEW_ROWS;
    call_write_sink(sink, &header, 1);
    if (type->kind == STDB_TYPE_CHOICE) {
        const uint32_t count = value.data[0] == 0 ? 1 : 0;
        call_write_sink(sink, &count, sizeof count);
        value = (StdbBytes){value.data + 1, value.count - 1};
    }
    if (value.count > 0) call_write_sink(sink, value.data, value.count);
}

// ---- procedures ----

STDB_EXPORT("__call_procedure__")
uint32_t stdb_export_call_procedure(uint32_t id, uint64_t sender0, uint64_t sender1,
                                    uint64_t sender2, uint64_t sender3, uint64_t connection0,
                                    uint64_t connection1, int64_t timestamp, uint32_t arguments,
                                    uint32_t sink);

uint32_t stdb_export_call_procedure(uint32_t id, uint64_t sender0, uint64_t sender1,
                                    uint64_t sender2, uint64_t sender3, uint64_t connection0,
                                    uint64_t connection1, int64_t timestamp, uint32_t arguments,
                                    uint32_t sink) {
    CallFrame frame = call_begin();
    if (id >= (size_t)(__stop_stdb_procedures - __start_stdb_procedures))
        stdb_panic("no procedure has number %u", id);
    StdbProcedureContext context = procedure_context(timestamp);
    memcpy(context.sender.bytes, (uint64_t[]){sender0, sender1, sender2, sender3},
           sizeof context.sender);
    memcpy(context.connection_id.bytes, (uint64_t[]){connection0, connection1},
           sizeof context.connection_id);
    StdbBytes value = __start_stdb_procedures[id]->run(&context, call_read_source(arguments));
    if (value.count > 0) call_write_sink(sink, value.data, value.count);
    call_end(&frame);
    return 0;
}

static StdbProcedureContext procedure_context(int64_t timestamp) {
    StdbProcedureContext context = {.random = {.timestamp = {timestamp}}};
    return context;
}

StdbContext *stdb_begin(StdbProcedureContext *ctx) {
    if (ctx->is_in_transaction) stdb_panic("stdb_begin: a transaction is open already");
    int64_t micros = 0;
    uint32_t error = stdb_host_start_tx(&micros);
    if (error != 0) stdb_panic("procedure_start_mut_tx: host error %u", error);
    ctx->is_in_transaction = true;
    ctx->transaction = ctx->random;
    ctx->transaction.timestamp = (StdbTimestamp){micros};
    return &ctx->transaction;
}

// The numbers that the transaction drew are not drawn again. A source that it seeded goes on as
// well.
static void transaction_ended(StdbProcedureContext *ctx) {
    ctx->is_in_transaction = false;
    ctx->random.random = ctx->transaction.random;
    ctx->random.uuid_counter = ctx->transaction.uuid_counter;
}

void stdb_commit(StdbProcedureContext *ctx) {
    if (!ctx->is_in_transaction) stdb_panic("stdb_commit: no transaction is open");
    uint32_t error = stdb_host_commit_tx();
    if (error != 0) stdb_panic("procedure_commit_mut_tx: host error %u", error);
    transaction_ended(ctx);
}

void stdb_abort(StdbProcedureContext *ctx) {
    if (!ctx->is_in_transaction) stdb_panic("stdb_abort: no transaction is open");
    uint32_t error = stdb_host_abort_tx();
    if (error != 0) stdb_panic("procedure_abort_mut_tx: host error %u", error);
    transaction_ended(ctx);
}

StdbStatus stdb_transact(StdbProcedureContext *ctx, StdbStatus (*body)(StdbContext *tx, void *data),
                         void *data) {
    StdbContext *tx = stdb_begin(ctx);
    if (body(tx, data) != STDB_OK) {
        stdb_abort(ctx);
        return STDB_FAILED;
    }
    uint32_t error = stdb_host_commit_tx();
    transaction_ended(ctx);
    if (error == 0) return STDB_OK;
    tx = stdb_begin(ctx);  // once more, as every language's library does it
    if (body(tx, data) != STDB_OK) {
        stdb_abort(ctx);
        return STDB_FAILED;
    }
    stdb_commit(ctx);
    return STDB_OK;
}

void stdb_sleep_until(StdbProcedureContext *ctx, StdbTimestamp time) {
    if (ctx->is_in_transaction) stdb_panic("stdb_sleep_until: a transaction is open");
    ctx->timestamp.micros = stdb_host_sleep_until(time.micros);
}

// From the time that it is now, which the host tells for a sleep that is over already.
void stdb_sleep(StdbProcedureContext *ctx, StdbDuration duration) {
    stdb_sleep_until(ctx, (StdbTimestamp){0});
    stdb_sleep_until(ctx, stdb_later(ctx->timestamp, duration));
}

// ---- HTTP handlers ----

STDB_EXPORT("__call_http_handler__")
uint32_t stdb_export_call_http_handler(uint32_t id, int64_t timestamp, uint32_t request,
                                       uint32_t body, uint32_t sink, uint32_t body_sink);

uint32_t stdb_export_call_http_handler(uint32_t id, int64_t timestamp, uint32_t request,
                                       uint32_t body, uint32_t sink, uint32_t body_sink) {
    CallFrame frame = call_begin();
    if (id >= (size_t)(__stop_stdb_handlers - __start_stdb_handlers))
        stdb_panic("no HTTP handler has number %u", id);
    StdbHttpRequest decoded;
    http_read_request(call_read_source(request), &decoded);
    StdbReader bytes = call_read_source(body);
    decoded.body = (StdbBytes){bytes.at, bytes.left};
    StdbProcedureContext context = procedure_context(timestamp);
    StdbHttpResponse response = __start_stdb_handlers[id]->run(&context, &decoded);
    StdbBytes head = http_write_response(&response);
    call_write_sink(sink, head.data, head.count);
    if (response.body.count > 0)
        call_write_sink(body_sink, response.body.data, response.body.count);
    call_end(&frame);
    return 0;
}

// ---- environment ----

bool stdb_environment_get(const StdbEnvironment *variable, StdbString *ret_value) {
    uint32_t source = 0;
    uint32_t error = stdb_host_env_get(variable->name, (uint32_t)strlen(variable->name), &source);
    if (error != 0) stdb_panic("env_get %s: host error %u", variable->name, error);
    if (source == 0) return false;
    StdbReader value = call_read_source(source);
    *ret_value = stdb_string_copy((StdbString){(const char *)value.at, value.left});
    return true;
}

// logs.c - the module log over HTTP: its tail, and what is appended from then on (http-api.md 9.3).

#include "server/handlers.h"

typedef struct LogsRequest {
    bool follow;
    uint32_t lines;  // UINT32_MAX: not given
    // What the net thread needs when the client leaves. Lives in the exchange's arena, as long as it may ask.
    Server *server;
    Identity identity;
    LogPosition end;      // of what was sent before the follow
    _Atomic uint64_t id;  // of the Follow; 0: none yet. Executor stores, net thread loads, seq_cst.
} LogsRequest;

static void net_gone(void *user);
static void wait_logs(PoolJob *job);
static void exec_follow(Database *database, DbMessage *message);
static void begin_follow(WebRequest *request, LogsRequest *logs);

void arrive_logs(WebRequest *request) {
    LogsRequest *logs = ARENA_NEW(request->arena, LogsRequest);
    logs->lines = UINT32_MAX;
    logs->server = request->server;
    request->own = logs;
    http_on_gone(request->exchange, net_gone, logs);
}

void handle_logs(WebRequest *request) {
    LogsRequest *logs = request->own;
    if (!web_database(request) || !web_owner(request, "view module logs")) return;
    if (!web_query_u32(request, "num_lines", &logs->lines)) return;
    if (!web_query_flag(request, "follow", &logs->follow)) return;
    if (request->hosted->database == NULL) {
        web_answer_text(request, 500, "error starting database: %s", request->hosted->failure);
        return;
    }
    logs->identity = request->hosted->record.identity;
    request->job.run = wait_logs;
    executor_pool_run_waiting(request->server->executors, &request->job);
}

// If the follow has no number yet, hosted_follow finds out itself that the client is gone: either it sees that,
// or this sees the number (both sides store first and look then).
static void net_gone(void *user) {
    LogsRequest *logs = user;
    atomic_thread_fence(memory_order_seq_cst);
    uint64_t id = atomic_load(&logs->id);
    if (id == 0) return;
    View *view = registry_view(logs->server->registry);
    const ViewDatabase *database = view_find_database(view, &logs->identity);
    // A database that was deleted or replaced ends its follows itself.
    if (database && database->hosted->database) hosted_unfollow(database->hosted, id);
    view_unref(view);
}

// On a thread that may wait for the file: the database may be busy for long.
static void wait_logs(PoolJob *job) {
    WebRequest *request = WEB_OF_JOB(job);
    LogsRequest *logs = request->own;
    bool wants_tail = !logs->follow || (logs->lines > 0 && logs->lines < UINT32_MAX);
    uint32_t lines = wants_tail ? logs->lines : 1;  // where it ends is asked for in any case
    if (logs->follow && lines > SERVER_FOLLOW_LINES_MAX) lines = SERVER_FOLLOW_LINES_MAX;
    Buffer text;
    buffer_init(&text, SERVER_TEXT_BYTES_MAX);
    Error error;
    Status status = database_log_tail(request->hosted->database, lines, &text, &logs->end, &error);
    if (!wants_tail) buffer_clear(&text);
    if (status != STATUS_OK) {
        web_answer_text(request, 503, "Logs are temporarily not available");
    } else {
        web_add_header(request, "cache-control", BYTES_LITERAL("no-cache"));
        Bytes type = BYTES_LITERAL("application/x-ndjson");
        if (logs->follow) {
            web_answer_stream(request, 200, type);
            if (text.count > 0) (void)http_stream_write(request->exchange, buffer_bytes(&text));
            web_post(request, exec_follow);
        } else {
            web_answer(request, 200, type, buffer_bytes(&text));
        }
    }
    buffer_done(&text);
}

// Nothing is logged between what is written here and the first line that is followed.
static void exec_follow(Database *database, DbMessage *message) {
    WebRequest *request = WEB_OF_MESSAGE(message);
    LogsRequest *logs = request->own;
    if (database_is_stopped(database)) {
        Hosted *hosted = request->hosted;
        http_stream_end(request->exchange);
        hosted_unref(hosted);
        return;
    }
    Buffer text;
    buffer_init(&text, SERVER_TEXT_BYTES_MAX);
    Error error;
    if (database_log_since(database, &logs->end, &text, &error) == STATUS_OK && text.count > 0)
        (void)http_stream_write(request->exchange, buffer_bytes(&text));
    buffer_done(&text);
    begin_follow(request, logs);
}

// The exchange belongs to the follow from here on.
static void begin_follow(WebRequest *request, LogsRequest *logs) {
    Hosted *hosted = request->hosted;
    uint64_t id = server_new_follow(request->server);
    atomic_store(&logs->id, id);
    atomic_thread_fence(memory_order_seq_cst);
    hosted_follow(hosted, request->exchange, id);
    hosted_unref(hosted);
}

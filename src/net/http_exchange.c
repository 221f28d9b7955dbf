// http_exchange.c - the handler's side of a request.
//
// Answers are turned into bytes on the answering thread and reach the connection as posts, in
// order.
#include "net/http_exchange.h"

#include "base/limits.h"
#include "net/http_conn.h"
#include "net/server.h"

// Heads of our answers are small; bodies have 32-bit lengths.
#define ANSWER_BYTES_MAX ((1ull << 32) + (1ull << 20))

// Bytes of a stream on their way to the connection.
typedef struct StreamPost {
    Post post;
    HttpExchange *exchange;
    uint32_t count;
    uint8_t bytes[];
} StreamPost;

static void exchange_write_head(HttpExchange *exchange, const HttpResponse *response,
                                HttpLength length);
static void net_run_answer(Post *post);
static void net_run_stream_begin(Post *post);
static void net_run_stream_write(Post *post);
static void net_run_stream_end(Post *post);

HttpExchange *exchange_create(NetThread *thread, Conn *conn) {
    HttpExchange *exchange = mem_alloc_zero(sizeof *exchange);
    exchange->thread = thread;
    exchange->server = net_server_ref(thread->server);
    exchange->conn = conn;
    arena_init(&exchange->arena, HTTP_ARENA_BYTES_MAX);
    buffer_init(&exchange->answer, ANSWER_BYTES_MAX);
    return exchange;
}

void exchange_free(HttpExchange *exchange) {
    NetServer *server = exchange->server;
    atomic_fetch_sub_explicit(&server->body_bytes, exchange->body_counted, memory_order_relaxed);
    arena_done(&exchange->arena);
    buffer_done(&exchange->body);
    buffer_done(&exchange->answer);
    mem_free(exchange);
    net_server_unref(server);
}

void exchange_lose_conn(HttpExchange *exchange) {
    exchange->conn = NULL;
    atomic_store_explicit(&exchange->is_gone, true, memory_order_relaxed);
    if (exchange->gone != NULL) exchange->gone(exchange->gone_user);
}

void exchange_abandon(HttpExchange *exchange) {
    exchange->state = EXCHANGE_ANSWERED;
    exchange->answer_post.run = net_run_answer;
    net_thread_post(exchange->thread, &exchange->answer_post);
}

const HttpRequest *http_request(HttpExchange *exchange) {
    ASSERT(exchange->state == EXCHANGE_HELD || exchange->state == EXCHANGE_STREAMING);
    return &exchange->head.request;
}

Arena *http_arena(HttpExchange *exchange) {
    ASSERT(exchange->state == EXCHANGE_HELD || exchange->state == EXCHANGE_STREAMING);
    return &exchange->arena;
}

void http_on_gone(HttpExchange *exchange, void (*gone)(void *user), void *user) {
    exchange->gone = gone;
    exchange->gone_user = user;
}

void http_respond(HttpExchange *exchange, const HttpResponse *response) {
    ASSERT(exchange->state == EXCHANGE_HELD);
    exchange_write_head(exchange, response, HTTP_LENGTH_KNOWN);
    exchange->state = EXCHANGE_ANSWERED;
    exchange->answer_post.run = net_run_answer;
    net_thread_post(exchange->thread, &exchange->answer_post);
}

static void exchange_write_head(HttpExchange *exchange, const HttpResponse *response,
                                HttpLength length) {
    const HttpHead *head = &exchange->head;
    bool is_stopping = atomic_load_explicit(&exchange->server->stopping, memory_order_relaxed);
    exchange->will_close = !head->keep_alive || is_stopping || length == HTTP_LENGTH_CLOSE;
    HttpResponseStyle style = {
        .length = length,
        .without_body = head->is_head,
        .will_close = exchange->will_close,
        .says_keep_alive = head->request.version_minor == 0,
    };
    http_response_write(&exchange->answer, response, &style);
    ASSERT(!exchange->answer.failed);
}

static void net_run_answer(Post *post) {
    HttpExchange *exchange = POST_OWNER(post, HttpExchange, answer_post);
    if (exchange->conn != NULL) http_conn_answer(exchange->conn, exchange, HTTP_ANSWER_WHOLE);
    exchange_free(exchange);
}

void http_stream_begin(HttpExchange *exchange, const HttpResponse *response) {
    ASSERT(exchange->state == EXCHANGE_HELD);
    bool is_old = exchange->head.request.version_minor == 0;
    if (!http_status_has_body(response->status)) exchange->head.is_head = true;
    exchange_write_head(exchange, response, is_old ? HTTP_LENGTH_CLOSE : HTTP_LENGTH_CHUNKED);
    exchange->state = EXCHANGE_STREAMING;
    exchange->answer_post.run = net_run_stream_begin;
    net_thread_post(exchange->thread, &exchange->answer_post);
}

static void net_run_stream_begin(Post *post) {
    HttpExchange *exchange = POST_OWNER(post, HttpExchange, answer_post);
    if (exchange->conn != NULL) http_conn_answer(exchange->conn, exchange, HTTP_ANSWER_BEGIN);
}

bool http_stream_write(HttpExchange *exchange, Bytes bytes) {
    ASSERT(exchange->state == EXCHANGE_STREAMING);
    if (atomic_load_explicit(&exchange->is_gone, memory_order_relaxed)) return false;
    uint64_t waiting = atomic_load_explicit(&exchange->posted_bytes, memory_order_relaxed) +
                       atomic_load_explicit(&exchange->queued_bytes, memory_order_relaxed);
    if (waiting + bytes.count > OUTBOX_BYTES_MAX) return false;
    if (bytes.count == 0 || exchange->head.is_head) return true;
    StreamPost *write = mem_alloc(sizeof *write + bytes.count);
    write->post.run = net_run_stream_write;
    write->exchange = exchange;
    write->count = bytes.count;
    memcpy(write->bytes, bytes.data, bytes.count);
    atomic_fetch_add_explicit(&exchange->posted_bytes, bytes.count, memory_order_relaxed);
    net_thread_post(exchange->thread, &write->post);
    return true;
}

static void net_run_stream_write(Post *post) {
    StreamPost *write = POST_OWNER(post, StreamPost, post);
    HttpExchange *exchange = write->exchange;
    if (exchange->conn != NULL) {
        http_conn_stream(exchange->conn, exchange, bytes_of(write->bytes, write->count));
    }
    atomic_fetch_sub_explicit(&exchange->posted_bytes, write->count, memory_order_relaxed);
    mem_free(write);
}

void http_stream_end(HttpExchange *exchange) {
    ASSERT(exchange->state == EXCHANGE_STREAMING);
    exchange->state = EXCHANGE_ANSWERED;
    exchange->end_post.run = net_run_stream_end;
    net_thread_post(exchange->thread, &exchange->end_post);
}

static void net_run_stream_end(Post *post) {
    HttpExchange *exchange = POST_OWNER(post, HttpExchange, end_post);
    if (exchange->conn != NULL) http_conn_stream_end(exchange->conn, exchange);
    exchange_free(exchange);
}

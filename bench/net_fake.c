// net_fake.c - a server without a database: net/ with one handler thread that answers every
// CallReducer at once. It shows the most that net/ and the load generator can do together, and it
// tests the load generator.
//
//   net_fake [THREADS]      prints its port, runs until its standard input ends
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/queue.h"
#include "base/reader.h"
#include "base/thread.h"
#include "net/net.h"

// A message on its way from a net thread to the "executor".
typedef struct Request {
    QueueNode node;
    WsConn *conn;
    uint32_t count;  // of calls
    uint32_t ids[];
} Request;

typedef struct Fake {
    NetServer *server;
    NetOutbox *outbox;
    Queue queue;
    Mutex lock;
    Condition wake;
    bool is_stopping;
    bool is_idle;
    Thread executor;
} Fake;

typedef struct Peer {
    Fake *fake;
    WsConn *_Atomic conn;
} Peer;

static void on_request(void *user, HttpExchange *exchange);
static size_t on_body_bytes_max(void *user, const HttpRequest *head);
static void on_message(void *user, WsKind kind, Bytes bytes);
static void on_closed(void *user);
static void send_first(Fake *fake, WsConn *conn);
static void exec_run(void *user);
static void exec_answer(Fake *fake, Request *request);
static void fake_push(Fake *fake, Request *request);

static const WsHandler WS_HANDLER = {.message = on_message, .closed = on_closed};

int main(int argument_count, char **arguments) {
    static Fake fake;
    queue_init(&fake.queue);
    mutex_init(&fake.lock);
    condition_init(&fake.wake);
    NetOptions options = {
        .address = "127.0.0.1:0",
        .threads = argument_count > 1 ? (uint32_t)atoi(arguments[1]) : 1,
        .handler = {.user = &fake, .request = on_request, .body_bytes_max = on_body_bytes_max},
    };
    Error error;
    if (options.threads == 0 || net_server_start(&options, &fake.server, &error) != STATUS_OK) {
        fprintf(stderr, "net_fake: %s\n", error.text);
        return 1;
    }
    fake.outbox = net_outbox_create(fake.server);
    thread_start(&fake.executor, "executor", exec_run, &fake);
    printf("%u\n", net_server_port(fake.server));
    fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {}
    NetStats stats = net_server_stats(fake.server);
    fprintf(stderr, "net_fake: %llu messages in, %llu out\n", (unsigned long long)stats.messages_in,
            (unsigned long long)stats.messages_out);
    net_server_stop(fake.server, 100);
    mutex_lock(&fake.lock);
    fake.is_stopping = true;
    condition_signal(&fake.wake);
    mutex_unlock(&fake.lock);
    thread_join(&fake.executor);
    net_outbox_free(fake.outbox);
    return 0;
}

static size_t on_body_bytes_max(void *user, const HttpRequest *head) {
    (void)user;
    (void)head;
    return 1000;
}

static void on_request(void *user, HttpExchange *exchange) {
    Fake *fake = user;
    const HttpRequest *request = http_request(exchange);
    HttpResponse response;
    if (bytes_equal_text(request->path, "/v1/identity")) {
        response = (HttpResponse){
            .status = 200,
            .content_type = BYTES_LITERAL("application/json"),
            .body = BYTES_LITERAL("{\"identity\":\"c200\",\"token\":\"fake.token\"}"),
        };
        http_respond(exchange, &response);
        return;
    }
    if (!ws_check_upgrade(request, &response)) {
        http_respond(exchange, &response);
        return;
    }
    HttpHeader header = {BYTES_LITERAL("sec-websocket-protocol"),
                         BYTES_LITERAL("v3.bsatn.spacetimedb")};
    WsOptions options = {
        .headers = &header,
        .header_count = 1,
        .kind = WS_BINARY,
        .join = WS_JOINED,
        .has_prefix = true,
        .ping_interval_ms = 15000,
        .idle_timeout_ms = 30000,
        .close_timeout_ms = 250,
    };
    Peer *peer = mem_alloc_zero(sizeof *peer);
    peer->fake = fake;
    WsConn *conn = ws_accept(exchange, &options, &WS_HANDLER, peer);
    if (conn == NULL) {
        mem_free(peer);
        return;
    }
    peer->conn = conn;
    send_first(fake, conn);
    ws_start(conn);
}

// The first message, InitialConnection, goes through the executor like everything else: zero calls.
static void send_first(Fake *fake, WsConn *conn) {
    Request *request = mem_alloc_zero(sizeof *request);
    request->conn = ws_ref(conn);
    fake_push(fake, request);
}

static void on_message(void *user, WsKind kind, Bytes bytes) {
    (void)kind;
    Peer *peer = user;
    // At most one call for each 14 bytes: tag, id, flags and two lengths.
    Request *request = mem_alloc(sizeof *request + (bytes.count / 14 + 1) * sizeof(uint32_t));
    request->count = 0;
    request->conn = ws_ref(peer->conn);
    Reader reader = reader_of(bytes);
    while (reader_left(&reader) > 0) {
        uint8_t tag = reader_u8(&reader);
        uint32_t id = reader_u32(&reader);
        (void)reader_u8(&reader);
        Bytes name = reader_bytes(&reader);
        (void)reader_bytes(&reader);
        if (tag != 3 || !reader_ok(&reader) || name.count == 0) {
            ws_close(peer->conn, 1011, BYTES_LITERAL("want CallReducer"));
            break;
        }
        request->ids[request->count++] = id;
    }
    if (request->count == 0) {
        ws_unref(request->conn);
        mem_free(request);
        return;
    }
    fake_push(peer->fake, request);
}

static void fake_push(Fake *fake, Request *request) {
    if (!queue_push(&fake->queue, &request->node)) return;
    mutex_lock(&fake->lock);
    if (fake->is_idle) condition_signal(&fake->wake);
    mutex_unlock(&fake->lock);
}

static void on_closed(void *user) {
    Peer *peer = user;
    ws_unref(peer->conn);
    mem_free(peer);
}

static void exec_run(void *user) {
    Fake *fake = user;
    for (;;) {
        QueueNode *node = queue_take_all(&fake->queue);
        if (node == NULL) {
            mutex_lock(&fake->lock);
            fake->is_idle = true;
            while (queue_is_empty(&fake->queue) && !fake->is_stopping)
                condition_wait(&fake->wake, &fake->lock);
            fake->is_idle = false;
            bool is_over = fake->is_stopping && queue_is_empty(&fake->queue);
            mutex_unlock(&fake->lock);
            if (is_over) return;
            continue;
        }
        while (node != NULL) {
            QueueNode *next = node->next;
            exec_answer(fake, (Request *)(void *)node);
            node = next;
        }
        net_outbox_flush(fake->outbox);
    }
}

static void exec_answer(Fake *fake, Request *request) {
    static const uint8_t FIRST[1 + 32 + 16 + 4] = {0};  // InitialConnection with an empty token
    if (request->count == 0) {
        SharedBuf *first = shared_buf_of(bytes_of(FIRST, sizeof FIRST));
        net_outbox_add(fake->outbox, request->conn, (SharedSlice){first, 0, first->count},
                       TICKET_NONE);
    }
    // One buffer for all answers, one item each.
    const uint32_t answer_bytes = 1 + 4 + 8 + 1 + 4 + 4;
    SharedBuf *buf = shared_buf_create(request->count * answer_bytes);
    for (uint32_t i = 0; i < request->count; i++) {
        uint8_t *at = buf->data + buf->count;
        memset(at, 0, answer_bytes);
        at[0] = 6;
        store_u32le(at + 1, request->ids[i]);
        net_outbox_add(fake->outbox, request->conn,
                       (SharedSlice){shared_buf_ref(buf), buf->count, answer_bytes}, TICKET_NONE);
        buf->count += answer_bytes;
    }
    shared_buf_unref(buf);
    ws_unref(request->conn);
    mem_free(request);
}

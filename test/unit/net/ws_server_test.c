// ws_server_test.c - goal: the WebSocket half of net.h over real sockets: handshake, messages in and out, batching,
// gates, limits, keep-alive and every way to close. Method: a server that accepts /ws in the mode
// named by its query, and a blocking client that speaks frames.
#include "net_client.h"

#include "base/limits.h"
#include "base/thread.h"
#include "net/net.h"

typedef struct Fixture Fixture;

typedef struct Peer {
    Fixture *fixture;
    WsConn *_Atomic conn;
    _Atomic uint32_t messages;
    _Atomic uint32_t batches;
    _Atomic uint64_t bytes;
    _Atomic uint32_t closed;
    bool echoes;
    NetOutbox *outbox;  // the net thread is the sender when it echoes
} Peer;

#define PEERS_MAX 64u

struct Fixture {
    NetServer *server;
    uint16_t port;
    Gate *gate;
    _Atomic uint32_t peer_count;
    Peer peers[PEERS_MAX];
    HttpExchange *_Atomic held;
};

static void on_message(void *user, WsKind kind, Bytes bytes) {
    Peer *peer = user;
    atomic_fetch_add(&peer->messages, 1);
    atomic_fetch_add(&peer->bytes, bytes.count);
    WsConn *conn = atomic_load(&peer->conn);
    if (bytes_equal_text(bytes, "close")) ws_close(conn, 1011, BYTES_LITERAL("as asked"));
    if (bytes_equal_text(bytes, "abort")) ws_abort(conn);
    if (!peer->echoes || bytes.count == 0) return;
    (void)kind;
    net_outbox_add(peer->outbox, conn, (SharedSlice){shared_buf_of(bytes), 0, bytes.count},
                   TICKET_NONE);
}

static void on_batch_end(void *user) {
    Peer *peer = user;
    atomic_fetch_add(&peer->batches, 1);
    if (peer->echoes) net_outbox_flush(peer->outbox);
}

static void on_closed(void *user) {
    Peer *peer = user;
    if (peer->outbox != NULL) {
        net_outbox_flush(peer->outbox);
        net_outbox_free(peer->outbox);
    }
    peer->outbox = NULL;
    atomic_fetch_add(&peer->closed, 1);
}

static const WsHandler HANDLER = {
    .message = on_message, .batch_end = on_batch_end, .closed = on_closed};

static bool has(const HttpRequest *request, const char *word) {
    return memmem(request->query.data, request->query.count, word, strlen(word)) != NULL;
}

static void on_request(void *user, HttpExchange *exchange) {
    Fixture *fixture = user;
    const HttpRequest *request = http_request(exchange);
    HttpResponse response;
    if (!ws_check_upgrade(request, &response)) {
        http_respond(exchange, &response);
        return;
    }
    if (has(request, "later")) {
        atomic_store(&fixture->held, exchange);
        return;
    }
    HttpHeader header = {BYTES_LITERAL("sec-websocket-protocol"), BYTES_LITERAL("v3")};
    WsOptions options = {
        .headers = &header,
        .header_count = 1,
        .kind = has(request, "text") ? WS_TEXT : WS_BINARY,
        .join = has(request, "joined") ? WS_JOINED : WS_SINGLE,
        .has_prefix = has(request, "prefix"),
        .gate = has(request, "gate") ? fixture->gate : NULL,
        .ping_interval_ms = has(request, "fast") ? 50 : 15000,
        .idle_timeout_ms = has(request, "fast") ? 200 : 30000,
        .close_timeout_ms = 100,
    };
    uint32_t index = atomic_load(&fixture->peer_count);
    Peer *peer = &fixture->peers[index];
    peer->fixture = fixture;
    peer->echoes = has(request, "echo");
    peer->outbox = peer->echoes ? net_outbox_create(fixture->server) : NULL;
    bool is_waiting = has(request, "hold");
    WsConn *conn = ws_accept(exchange, &options, &HANDLER, peer);
    atomic_store(&peer->conn, conn);
    if (!is_waiting) ws_start(conn);
    atomic_store(&fixture->peer_count, index + 1);
}

static size_t on_body_bytes_max(void *user, const HttpRequest *head) {
    (void)user;
    (void)head;
    return 0;
}

static int setup(void **state) {
    Fixture *fixture = mem_alloc_zero(sizeof *fixture);
    fixture->gate = gate_create();
    NetOptions options = {
        .address = "127.0.0.1:0",
        .threads = 1,
        .handler = {.user = fixture, .request = on_request, .body_bytes_max = on_body_bytes_max},
    };
    Error error;
    assert_int_equal(net_server_start(&options, &fixture->server, &error), STATUS_OK);
    fixture->port = net_server_port(fixture->server);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    Fixture *fixture = *state;
    net_server_stop(fixture->server, 1000);
    for (uint32_t i = 0; i < fixture->peer_count; i++) {
        assert_int_equal(fixture->peers[i].closed, 1);  // exactly once, whatever happened
        ws_unref(fixture->peers[i].conn);
    }
    gate_unref(fixture->gate);
    mem_free(fixture);
    return 0;
}

#define UPGRADE                                                                              \
    "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// Connects and consumes the 101; with `ping`, also the ping that follows.
static Client ws_client(Fixture *fixture, const char *mode, bool has_ping) {
    Client client = client_connect(fixture->port);
    char request[512];
    (void)snprintf(request, sizeof request, "GET /ws?%s HTTP/1.1\r\n" UPGRADE, mode);
    client_send_text(&client, request);
    Answer answer = {0};
    client_head(&client, &answer);
    assert_int_equal(answer.status, 101);
    assert_true(answer_has(&answer, "\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_true(answer_has(&answer, "\r\nsec-websocket-protocol: v3\r\n"));
    assert_true(answer_has(&answer, "\r\nconnection: upgrade\r\nupgrade: websocket\r\n"));
    if (has_ping) {
        Frame frame;
        assert_true(client_frame(&client, &frame));
        assert_int_equal(frame.opcode, WS_OP_PING);
        assert_int_equal(frame.count, 0);
        client_frame_done(&client, &frame);
    }
    return client;
}

static Peer *last_peer(Fixture *fixture) {
    while (atomic_load(&fixture->peer_count) == 0) usleep(1000);
    return &fixture->peers[atomic_load(&fixture->peer_count) - 1];
}

static void wait_for(_Atomic uint32_t *value, uint32_t wanted) {
    for (uint32_t i = 0; i < 10000 && atomic_load(value) < wanted; i++) usleep(1000);
    assert_int_equal(atomic_load(value), wanted);
}

static SharedSlice slice_of(const void *data, size_t count) {
    return (SharedSlice){shared_buf_of(bytes_of(data, count)), 0, (uint32_t)count};
}

static void test_upgrade_checks(void **state) {
    Fixture *fixture = *state;
    static const struct {
        const char *request;
        int status;
        const char *body;
    } ROWS[] = {
        {"GET /ws HTTP/1.1\r\n\r\n", 426, "This service requires use of the websocket protocol"},
        {"GET /ws HTTP/1.0\r\n" UPGRADE, 426,
         "This service requires use of the websocket protocol"},
        {"POST /ws HTTP/1.1\r\n" UPGRADE, 426,
         "This service requires use of the websocket protocol"},
        {"GET /ws HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", 426,
         "This service requires use of the websocket protocol"},
        {"GET /ws HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
         "8\r\n\r\n",
         400, "`Sec-WebSocket-Version` header did not include '13'"},
        {"GET /ws HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
         "13\r\n\r\n",
         400, "`Sec-WebSocket-Key` header missing"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        Client client = client_connect(fixture->port);
        client_send_text(&client, ROWS[i].request);
        Answer answer = client_answer(&client);
        assert_int_equal(answer.status, ROWS[i].status);
        assert_string_equal((char *)answer.body.data, ROWS[i].body);
        if (answer.status == 426) {
            assert_true(answer_has(&answer, "\r\nconnection: upgrade\r\nupgrade: websocket\r\n"));
        }
        answer_done(&answer);
        client_close(&client);
    }
}

static void test_echo(void **state) {
    Fixture *fixture = *state;
    Client client = ws_client(fixture, "echo", true);
    Buffer message;
    buffer_init(&message, 1u << 30);
    static const size_t SIZES[] = {1, 125, 126, 65535, 65536, 300000, 5000000};
    uint8_t *data = mem_alloc(5000000);
    for (size_t i = 0; i < 5000000; i++) data[i] = (uint8_t)(i * 7 + i / 255);
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        client_send_frame(&client, 0x82, data, SIZES[i]);
        assert_true(client_message(&client, &message));
        assert_int_equal(message.count, SIZES[i]);
        assert_memory_equal(message.data, data, SIZES[i]);
    }
    mem_free(data);
    buffer_done(&message);
    client_close(&client);
}

static void test_fragments_and_controls(void **state) {
    Fixture *fixture = *state;
    Client client = ws_client(fixture, "echo&text", true);
    client_send_frame(&client, 0x01, "he", 2);  // text, not final
    client_send_frame(&client, 0x89, "ping", 4);
    client_send_frame(&client, 0x00, "l", 1);
    client_send_frame(&client, 0x80, "lo", 2);  // final
    Frame frame;
    assert_true(client_frame(&client, &frame));
    if (frame.opcode == WS_OP_TEXT) {  // both orders are legal; our net thread answers the ping
                                       // first if it comes apart
        assert_memory_equal(frame.payload, "hello", 5);
    } else {
        assert_int_equal(frame.opcode, WS_OP_PONG);
        assert_memory_equal(frame.payload, "ping", 4);
    }
    client_frame_done(&client, &frame);
    assert_true(client_frame(&client, &frame));
    client_frame_done(&client, &frame);
    assert_int_equal(last_peer(fixture)->messages, 1);
    client_close(&client);
}

static void test_many_small_in_one_read(void **state) {
    Fixture *fixture = *state;
    Client client = ws_client(fixture, "echo&prefix", true);
    Buffer frames;
    buffer_init(&frames, 1u << 24);
    char text[32];
    for (uint32_t i = 0; i < 10000; i++) {
        int count = snprintf(text, sizeof text, "message %u", i);
        frame_append(&frames, 0x82, text, (size_t)count);
    }
    client_send(&client, frames.data, frames.count);
    Buffer message;
    buffer_init(&message, 1u << 20);
    for (uint32_t i = 0; i < 10000; i++) {
        int count = snprintf(text, sizeof text, "message %u", i);
        assert_true(client_message(&client, &message));
        assert_int_equal(message.count, count + 1);
        assert_int_equal(message.data[0], 0);
        assert_memory_equal(message.data + 1, text, count);
    }
    Peer *peer = last_peer(fixture);
    assert_int_equal(peer->messages, 10000);
    assert_true(peer->batches < 1000);  // many messages a read
    buffer_done(&frames);
    buffer_done(&message);
    client_close(&client);
}

static void test_joined(void **state) {
    Fixture *fixture = *state;
    Client client = ws_client(fixture, "joined&prefix", true);
    Peer *peer = last_peer(fixture);
    NetOutbox *outbox = net_outbox_create(fixture->server);
    for (uint32_t i = 0; i < 1000; i++) {
        uint8_t bytes[4];
        store_u32le(bytes, i);
        net_outbox_add(outbox, peer->conn, slice_of(bytes, 4), TICKET_NONE);
    }
    net_outbox_flush(outbox);
    Buffer message;
    buffer_init(&message, 1u << 24);
    uint32_t next = 0;
    uint32_t message_count = 0;
    while (next < 1000) {
        assert_true(client_message(&client, &message));
        message_count++;
        assert_int_equal(message.data[0], 0);
        for (size_t at = 1; at < message.count; at += 4)
            assert_int_equal(load_u32le(message.data + at), next++);
    }
    assert_true(message_count < 20);
    // Joining stops at WS_JOINED_BYTES_MAX.
    static uint8_t big[WS_JOINED_BYTES_MAX / 2];
    for (uint32_t i = 0; i < 3; i++)
        net_outbox_add(outbox, peer->conn, slice_of(big, sizeof big), TICKET_NONE);
    net_outbox_flush(outbox);
    assert_true(client_message(&client, &message));
    assert_int_equal(message.count, WS_JOINED_BYTES_MAX + 1);
    assert_true(client_message(&client, &message));
    assert_int_equal(message.count, WS_JOINED_BYTES_MAX / 2 + 1);
    net_outbox_free(outbox);
    buffer_done(&message);
    client_close(&client);
}

static void test_frame_limit(void **state) {
    Fixture *fixture = *state;
    Client client = ws_client(fixture, "x", true);
    Peer *peer = last_peer(fixture);
    NetOutbox *outbox = net_outbox_create(fixture->server);
    uint8_t *data = mem_alloc_zero(WS_FRAME_BYTES_MAX + 1);
    for (uint32_t over = 0; over <= 1; over++) {
        net_outbox_add(outbox, peer->conn, slice_of(data, WS_FRAME_BYTES_MAX + over), TICKET_NONE);
        net_outbox_flush(outbox);
        Frame frame;
        assert_true(client_frame(&client, &frame));
        assert_int_equal(frame.opcode, WS_OP_BINARY);
        assert_int_equal(frame.count, WS_FRAME_BYTES_MAX);
        assert_int_equal(frame.is_final, over == 0);
        client_frame_done(&client, &frame);
        if (over == 0) continue;
        assert_true(client_frame(&client, &frame));
        assert_int_equal(frame.opcode, WS_OP_CONTINUATION);
        assert_int_equal(frame.count, 1);
        assert_true(frame.is_final);
        client_frame_done(&client, &frame);
    }
    mem_free(data);
    net_outbox_free(outbox);
    client_close(&client);
}

static bool is_readable(Client *client, int wait_ms) {
    struct pollfd ready = {.fd = client->socket, .events = POLLIN};
    return client->in.count > 0 || poll(&ready, 1, wait_ms) == 1;
}

static void test_gate(void **state) {
    Fixture *fixture = *state;
    Client client = ws_client(fixture, "gate", true);
    Peer *peer = last_peer(fixture);
    NetOutbox *outbox = net_outbox_create(fixture->server);
    net_outbox_add(outbox, peer->conn, slice_of("one", 3), TICKET_NONE);
    net_outbox_add(outbox, peer->conn, slice_of("two", 3), 5);
    net_outbox_add(outbox, peer->conn, slice_of("three", 5), TICKET_NONE);  // waits behind two
    net_outbox_add(outbox, peer->conn, slice_of("four", 4), 7);
    net_outbox_flush(outbox);
    Buffer message;
    buffer_init(&message, 1000);
    assert_true(client_message(&client, &message));
    assert_memory_equal(message.data, "one", 3);
    assert_false(is_readable(&client, 50));
    gate_open(fixture->gate, 4);
    net_gates_opened(fixture->server);
    assert_false(is_readable(&client, 50));
    gate_open(fixture->gate, 5);
    net_gates_opened(fixture->server);
    assert_true(client_message(&client, &message));
    assert_memory_equal(message.data, "two", 3);
    assert_true(client_message(&client, &message));
    assert_memory_equal(message.data, "three", 5);
    assert_false(is_readable(&client, 50));
    gate_open(fixture->gate, 100);
    net_gates_opened(fixture->server);
    assert_true(client_message(&client, &message));
    assert_memory_equal(message.data, "four", 4);
    net_outbox_free(outbox);
    buffer_done(&message);
    client_close(&client);
}

// A message whose bytes come later holds back what is behind it, and what other connections get goes on.
static void test_bytes_that_come_later(void **state) {
    Fixture *fixture = *state;
    Client client = ws_client(fixture, "gate", true);
    Peer *peer = last_peer(fixture);
    Client other = ws_client(fixture, "gate", true);
    Peer *other_peer = last_peer(fixture);
    NetOutbox *outbox = net_outbox_create(fixture->server);
    SharedSlice first = shared_later_create();
    SharedSlice second = shared_later_create();
    SharedBuf *first_place = shared_buf_ref(first.buf);
    SharedBuf *second_place = shared_buf_ref(second.buf);
    net_outbox_add(outbox, peer->conn, first, TICKET_NONE);
    net_outbox_add(outbox, peer->conn, slice_of("two", 3), TICKET_NONE);
    net_outbox_add(outbox, peer->conn, second, 5);
    net_outbox_add(outbox, other_peer->conn, slice_of("other", 5), TICKET_NONE);
    net_outbox_flush(outbox);
    Buffer message;
    buffer_init(&message, 1000);
    assert_true(client_message(&other, &message));
    assert_memory_equal(message.data, "other", 5);
    assert_false(is_readable(&client, 50));
    shared_later_fill(first_place, slice_of("one", 3));
    shared_later_fill(second_place, slice_of("three", 5));  // there before its gate is open
    net_gates_opened(fixture->server);
    assert_true(client_message(&client, &message));
    assert_memory_equal(message.data, "one", 3);
    assert_true(client_message(&client, &message));
    assert_memory_equal(message.data, "two", 3);
    assert_false(is_readable(&client, 50));
    gate_open(fixture->gate, 5);
    net_gates_opened(fixture->server);
    assert_true(client_message(&client, &message));
    assert_memory_equal(message.data, "three", 5);
    assert_false(shared_later_is_open(first_place));
    assert_int_equal(shared_later_bytes(second_place), 5);
    shared_buf_unref(first_place);
    shared_buf_unref(second_place);
    net_outbox_free(outbox);
    buffer_done(&message);
    client_close(&client);
    client_close(&other);
}

// Filled when the connection is gone already: nobody takes it, nothing leaks.
static void test_bytes_that_come_too_late(void **state) {
    Fixture *fixture = *state;
    Client client = ws_client(fixture, "gate", true);
    Peer *peer = last_peer(fixture);
    NetOutbox *outbox = net_outbox_create(fixture->server);
    SharedSlice later = shared_later_create();
    SharedBuf *place = shared_buf_ref(later.buf);
    net_outbox_add(outbox, peer->conn, later, TICKET_NONE);
    net_outbox_flush(outbox);
    client_close(&client);
    wait_for(&peer->closed, 1);
    while (shared_later_is_open(place)) usleep(1000);
    shared_later_fill(place, slice_of("late", 4));
    shared_buf_unref(place);
    net_outbox_free(outbox);
}

typedef struct LaterRace {
    Fixture *fixture;
    uint64_t until;
    SharedBuf *_Atomic place;
} LaterRace;

static void later_filler(void *user) {
    LaterRace *race = user;
    for (uint64_t i = 1; i <= race->until; i++) {
        SharedBuf *place = NULL;
        while (place == NULL) place = atomic_exchange(&race->place, NULL);
        shared_later_fill(place, slice_of(&i, 8));
        shared_buf_unref(place);
        net_gates_opened(race->fixture->server);
    }
}

// No wake-up may be lost between a thread that finds no bytes and one that fills them in.
static void test_later_race(void **state) {
    Fixture *fixture = *state;
    Client client = ws_client(fixture, "gate", true);
    Peer *peer = last_peer(fixture);
    NetOutbox *outbox = net_outbox_create(fixture->server);
    LaterRace race = {.fixture = fixture, .until = 20000};
    Thread filler = {0};
    thread_start(&filler, "filler", later_filler, &race);
    Buffer message;
    buffer_init(&message, 1000);
    for (uint64_t i = 1; i <= race.until; i++) {
        SharedSlice later = shared_later_create();
        SharedBuf *place = shared_buf_ref(later.buf);
        net_outbox_add(outbox, peer->conn, later, TICKET_NONE);
        net_outbox_flush(outbox);
        atomic_store(&race.place, place);
        assert_true(client_message(&client, &message));
        assert_int_equal(load_u64le(message.data), i);
    }
    thread_join(&filler);
    net_outbox_free(outbox);
    buffer_done(&message);
    client_close(&client);
}

typedef struct GateRace {
    Fixture *fixture;
    uint64_t until;
    _Atomic uint64_t added;
} GateRace;

// The "log thread": opens the gate as soon as a ticket was given out, with nothing in between.
static void gate_opener(void *user) {
    GateRace *race = user;
    uint64_t opened = 0;
    while (opened < race->until) {
        uint64_t added = atomic_load(&race->added);
        if (added == opened) continue;
        gate_open(race->fixture->gate, added);
        net_gates_opened(race->fixture->server);
        opened = added;
    }
}

// No wake-up may be lost between a thread that goes to sleep and a gate that opens.
static void test_gate_race(void **state) {
    Fixture *fixture = *state;
    Client client = ws_client(fixture, "gate", true);
    Peer *peer = last_peer(fixture);
    NetOutbox *outbox = net_outbox_create(fixture->server);
    GateRace race = {.fixture = fixture, .until = 20000};
    Thread opener = {0};
    thread_start(&opener, "opener", gate_opener, &race);
    Buffer message;
    buffer_init(&message, 1000);
    for (uint64_t i = 1; i <= race.until; i++) {
        net_outbox_add(outbox, peer->conn, slice_of(&i, 8), i);
        net_outbox_flush(outbox);
        atomic_store(&race.added, i);
        assert_true(client_message(&client, &message));
        assert_int_equal(load_u64le(message.data), i);
    }
    thread_join(&opener);
    net_outbox_free(outbox);
    buffer_done(&message);
    client_close(&client);
}

static void test_hold_and_start(void **state) {
    Fixture *fixture = *state;
    Client client = ws_client(fixture, "hold", false);
    Peer *peer = last_peer(fixture);
    client_send_frame(&client, 0x82, "early", 5);
    usleep(30000);
    assert_int_equal(peer->messages, 0);
    NetOutbox *outbox = net_outbox_create(fixture->server);
    net_outbox_add(outbox, peer->conn, slice_of("first", 5), TICKET_NONE);
    net_outbox_flush(outbox);
    Buffer message;
    buffer_init(&message, 1000);
    assert_true(client_message(&client, &message));
    ws_start(peer->conn);
    wait_for(&peer->messages, 1);
    net_outbox_free(outbox);
    buffer_done(&message);
    client_close(&client);
}

// Frames that come in one piece with the upgrade request.
static void test_early_frames(void **state) {
    Fixture *fixture = *state;
    Client client = client_connect(fixture->port);
    Buffer out;
    buffer_init(&out, 1000);
    buffer_append_text(&out, "GET /ws?echo HTTP/1.1\r\n" UPGRADE);
    frame_append(&out, 0x82, "early", 5);
    frame_append(&out, 0x82, "bird", 4);
    client_send(&client, out.data, out.count - 2);
    usleep(20000);
    client_send(&client, out.data + out.count - 2, 2);
    Answer answer = {0};
    client_head(&client, &answer);
    assert_int_equal(answer.status, 101);
    Buffer message;
    buffer_init(&message, 1000);
    assert_true(client_message(&client, &message));
    assert_memory_equal(message.data, "early", 5);
    assert_true(client_message(&client, &message));
    assert_memory_equal(message.data, "bird", 4);
    buffer_done(&out);
    buffer_done(&message);
    client_close(&client);
}

static void expect_close(Client *client, uint16_t code, const char *reason) {
    Frame frame;
    do {
        assert_true(client_frame(client, &frame));
        if (frame.opcode != WS_OP_CLOSE) client_frame_done(client, &frame);
    } while (frame.opcode != WS_OP_CLOSE);
    assert_true(frame.count >= 2);
    assert_int_equal(frame.payload[0] << 8 | frame.payload[1], code);
    assert_int_equal(frame.count - 2, strlen(reason));
    assert_memory_equal(frame.payload + 2, reason, strlen(reason));
    client_frame_done(client, &frame);
}

static void test_server_close(void **state) {
    Fixture *fixture = *state;
    Client client = ws_client(fixture, "x", true);
    Buffer out;
    buffer_init(&out, 1000);
    frame_append(&out, 0x82, "close", 5);
    frame_append(&out, 0x82, "not delivered", 13);
    client_send(&client, out.data, out.count);
    expect_close(&client, 1011, "as asked");
    assert_int_equal(last_peer(fixture)->messages, 1);
    client_send_frame(&client, 0x82, "discarded", 9);
    client_send_frame(&client, 0x88, "\x03\xf3", 2);
    assert_true(client_is_closed(&client));
    wait_for(&last_peer(fixture)->closed, 1);
    client_close(&client);

    // A client that does not answer is dropped after close_timeout_ms.
    client = ws_client(fixture, "x", true);
    client_send_frame(&client, 0x82, "close", 5);
    expect_close(&client, 1011, "as asked");
    assert_true(client_is_closed(&client));
    assert_int_equal(last_peer(fixture)->messages, 1);
    buffer_done(&out);
    client_close(&client);
}

static void test_close_reason_limit(void **state) {
    Fixture *fixture = *state;
    for (uint32_t over = 0; over <= 2; over++) {
        Client client = ws_client(fixture, "x", true);
        while (atomic_load(&fixture->peer_count) <= over) usleep(1000);
        char reason[200] = {0};
        memset(reason, 'r', WS_CLOSE_REASON_BYTES_MAX + (over > 0));
        // With 2, a character of two bytes lies over the cut.
        if (over == 2) memcpy(reason + WS_CLOSE_REASON_BYTES_MAX - 1, "\xc3\xa4", 2);
        ws_close(last_peer(fixture)->conn, 1001, bytes_of_text(reason));
        reason[over == 2 ? WS_CLOSE_REASON_BYTES_MAX - 1 : WS_CLOSE_REASON_BYTES_MAX] = 0;
        expect_close(&client, 1001, reason);
        client_close(&client);
    }
}

static void test_client_close(void **state) {
    Fixture *fixture = *state;
    Client client = ws_client(fixture, "echo", true);
    client_send_frame(&client, 0x88, "\x03\xe8good bye", 10);
    expect_close(&client, 1000, "");
    assert_true(client_is_closed(&client));
    wait_for(&last_peer(fixture)->closed, 1);
    client_close(&client);
    client = ws_client(fixture, "echo", true);
    client_send_frame(&client, 0x88, "", 0);
    Frame frame;
    assert_true(client_frame(&client, &frame));
    assert_int_equal(frame.opcode, WS_OP_CLOSE);
    assert_int_equal(frame.count, 0);
    client_close(&client);
}

static void test_abort_and_faults(void **state) {
    Fixture *fixture = *state;
    static const struct {
        uint8_t bytes[16];
        size_t count;
    } ROWS[] = {
        {{0x82, 0x01, 'x'}, 3},                                     // not masked
        {{0xc2, 0x81, 1, 2, 3, 4, 'x'}, 7},                         // reserved bit
        {{0x83, 0x81, 1, 2, 3, 4, 'x'}, 7},                         // reserved opcode
        {{0x80, 0x81, 1, 2, 3, 4, 'x'}, 7},                         // continuation of nothing
        {{0x09, 0x80, 1, 2, 3, 4}, 6},                              // fragmented ping
        {{0x89, 0xfe, 0, 126, 1, 2, 3, 4}, 8},                      // long ping
        {{0x81, 0x81, 0, 0, 0, 0, 0xff}, 7},                        // not UTF-8
        {{0x88, 0x81, 0, 0, 0, 0, 3}, 7},                           // half a close code
        {{0x88, 0x82, 0, 0, 0, 0, 3, 0xed}, 8},                     // close 1005
        {{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4}, 14},  // length over 63 bits
        {{0x82, 0xff, 0, 0, 0, 0, 2, 0, 0, 1, 1, 2, 3, 4}, 14},     // CLIENT_MESSAGE_BYTES_MAX + 1
    };
    for (uint32_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        Client client = ws_client(fixture, "echo", true);
        client_send(&client, ROWS[i].bytes, ROWS[i].count);
        Frame frame;
        assert_false(client_frame(&client, &frame));  // no close frame
        client_close(&client);
        wait_for(&last_peer(fixture)->closed, 1);
        assert_int_equal(last_peer(fixture)->messages, 0);
    }
    Client client = ws_client(fixture, "x", true);
    client_send_frame(&client, 0x82, "abort", 5);
    Frame frame;
    assert_false(client_frame(&client, &frame));
    client_close(&client);
}

static void test_message_limit(void **state) {
    Fixture *fixture = *state;
    Client client = ws_client(fixture, "x", true);
    uint8_t *data = mem_alloc_zero(CLIENT_MESSAGE_BYTES_MAX);
    client_send_frame(&client, 0x02, data, CLIENT_MESSAGE_BYTES_MAX - 1);
    client_send_frame(&client, 0x80, data, 1);
    wait_for(&last_peer(fixture)->messages, 1);
    assert_int_equal(last_peer(fixture)->bytes, CLIENT_MESSAGE_BYTES_MAX);
    client_send_frame(&client, 0x02, data, CLIENT_MESSAGE_BYTES_MAX - 1);
    static const uint8_t TWO[] = {0x80, 0x82};
    client_send(&client, TWO, 2);
    client_send(&client, data, 6);
    Frame frame;
    assert_false(client_frame(&client, &frame));
    mem_free(data);
    client_close(&client);
}

static void test_keep_alive(void **state) {
    Fixture *fixture = *state;
    // Silent: one ping, no second one without a pong, dropped without a close frame.
    Client client = ws_client(fixture, "fast", true);
    Frame frame;
    assert_false(client_frame(&client, &frame));
    client_close(&client);
    // Answering: stays, and is pinged again.
    client = ws_client(fixture, "fast", true);
    for (uint32_t i = 0; i < 10; i++) {
        client_send_frame(&client, 0x8a, "", 0);
        assert_true(client_frame(&client, &frame));
        assert_int_equal(frame.opcode, WS_OP_PING);
        client_frame_done(&client, &frame);
    }
    assert_int_equal(last_peer(fixture)->closed, 0);
    client_close(&client);
}

static void test_slow_client(void **state) {
    Fixture *fixture = *state;
    Client slow = ws_client(fixture, "gate", true);
    Peer *peer = last_peer(fixture);
    NetOutbox *outbox = net_outbox_create(fixture->server);
    // Behind a closed gate nothing leaves: exactly OUTBOX_MESSAGES_MAX are kept.
    SharedBuf *buf = shared_buf_of(BYTES_LITERAL("x"));
    for (uint32_t i = 0; i < OUTBOX_MESSAGES_MAX; i++) {
        net_outbox_add(outbox, peer->conn, (SharedSlice){shared_buf_ref(buf), 0, 1}, 1);
    }
    net_outbox_flush(outbox);
    usleep(50000);
    assert_int_equal(peer->closed, 0);
    net_outbox_add(outbox, peer->conn, (SharedSlice){shared_buf_ref(buf), 0, 1}, 1);
    net_outbox_flush(outbox);
    wait_for(&peer->closed, 1);
    Frame frame;
    assert_false(client_frame(&slow, &frame));
    client_close(&slow);
    // A fast client gets any number, even in one flush.
    Client fast = ws_client(fixture, "joined", true);
    peer = last_peer(fixture);
    for (uint32_t i = 0; i < 3 * OUTBOX_MESSAGES_MAX; i++) {
        net_outbox_add(outbox, peer->conn, (SharedSlice){shared_buf_ref(buf), 0, 1}, TICKET_NONE);
    }
    net_outbox_flush(outbox);
    Buffer message;
    buffer_init(&message, 1u << 20);
    for (size_t count = 0; count < 3 * OUTBOX_MESSAGES_MAX; count += message.count) {
        assert_true(client_message(&fast, &message));
    }
    // Bytes: a single item of any size passes, a second one on top does not.
    SharedBuf *large = shared_buf_create(OUTBOX_BYTES_MAX);
    large->count = OUTBOX_BYTES_MAX;
    net_outbox_add(outbox, peer->conn, (SharedSlice){shared_buf_ref(large), 0, large->count},
                   TICKET_NONE);
    net_outbox_flush(outbox);
    usleep(50000);
    assert_int_equal(peer->closed, 0);
    net_outbox_add(outbox, peer->conn, (SharedSlice){shared_buf_ref(large), 0, large->count},
                   TICKET_NONE);
    net_outbox_flush(outbox);
    wait_for(&peer->closed, 1);
    shared_buf_unref(large);
    shared_buf_unref(buf);
    buffer_done(&message);
    net_outbox_free(outbox);
    client_close(&fast);
}

// Writes that the socket takes only in part, with everything mixed: small, large, joined, pongs.
static void test_blocked_writes(void **state) {
    Fixture *fixture = *state;
    Client client = ws_client(fixture, "prefix", true);
    Peer *peer = last_peer(fixture);
    NetOutbox *outbox = net_outbox_create(fixture->server);
    uint32_t seed = 12345;
    uint64_t total = 0;
    for (uint32_t i = 0; i < 3000; i++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t count = 4 + (seed >> 16) % ((i % 50 == 0) ? 900000 : 3000);
        SharedBuf *buf = shared_buf_create(count);
        buf->count = count;
        memset(buf->data, (int)(i & 0xff), count);
        store_u32le(buf->data, i);
        total += count;
        net_outbox_add(outbox, peer->conn, (SharedSlice){buf, 0, count}, TICKET_NONE);
        if (i % 7 == 0) net_outbox_flush(outbox);
        if (i % 100 == 0) client_send_frame(&client, 0x89, "p", 1);
    }
    net_outbox_flush(outbox);
    usleep(100000);
    Buffer message;
    buffer_init(&message, 1u << 24);
    for (uint32_t i = 0; i < 3000; i++) {
        assert_true(client_message(&client, &message));
        assert_int_equal(load_u32le(message.data + 1), i);
        for (size_t at = 5; at < message.count; at++) assert_true(message.data[at] == (i & 0xff));
        total -= message.count - 1;
    }
    assert_int_equal(total, 0);
    buffer_done(&message);
    net_outbox_free(outbox);
    client_close(&client);
}

// Control frames stand between the fragments of a message that the client reads slowly.
static void test_close_finishes_message(void **state) {
    Fixture *fixture = *state;
    Client client = ws_client(fixture, "x", true);
    Peer *peer = last_peer(fixture);
    NetOutbox *outbox = net_outbox_create(fixture->server);
    SharedBuf *large = shared_buf_create(40u << 20);
    large->count = 40u << 20;
    memset(large->data, 7, large->count);
    net_outbox_add(outbox, peer->conn, (SharedSlice){large, 0, large->count}, TICKET_NONE);
    net_outbox_add(outbox, peer->conn, slice_of("dropped", 7), TICKET_NONE);
    net_outbox_flush(outbox);
    usleep(50000);
    client_send_frame(&client, 0x89, "now", 3);
    uint64_t count = 0;
    bool has_pong = false;
    Frame frame;
    for (;;) {
        assert_true(client_frame(&client, &frame));
        if (frame.opcode == WS_OP_CLOSE) break;
        if (frame.opcode == WS_OP_PONG) {
            has_pong = true;
            assert_true(count > 0 && count < 40u << 20);
            ws_close(peer->conn, 1001, BYTES_LITERAL("bye"));
        } else {
            count += frame.count;
        }
        client_frame_done(&client, &frame);
    }
    assert_int_equal(count, 40u << 20);
    assert_true(has_pong);
    net_outbox_free(outbox);
    client_close(&client);
}

static void test_accept_after_gone(void **state) {
    Fixture *fixture = *state;
    Client client = client_connect(fixture->port);
    client_send_text(&client, "GET /ws?later HTTP/1.1\r\n" UPGRADE);
    while (atomic_load(&fixture->held) == NULL) usleep(1000);
    client_close(&client);
    usleep(50000);
    Peer peer = {0};
    WsOptions options = {.kind = WS_BINARY};
    assert_null(ws_accept(atomic_load(&fixture->held), &options, &HANDLER, &peer));
    assert_int_equal(peer.closed, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_upgrade_checks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_echo, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fragments_and_controls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_small_in_one_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_joined, setup, teardown),
        cmocka_unit_test_setup_teardown(test_frame_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gate_race, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_that_come_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_that_come_too_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_later_race, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hold_and_start, setup, teardown),
        cmocka_unit_test_setup_teardown(test_early_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(test_server_close, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close_reason_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_close, setup, teardown),
        cmocka_unit_test_setup_teardown(test_abort_and_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_message_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keep_alive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_client, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocked_writes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close_finishes_message, setup, teardown),
        cmocka_unit_test_setup_teardown(test_accept_after_gone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// net_stress_test.c - goal: many threads at once hurt nothing: no message lost or out of order, every connection ended
// exactly once, nothing leaked, also when the server stops under load. Method: clients that come
// and go, senders with their own outboxes, gates that open; meant for the thread and address
// sanitizers as well.
#include "net_client.h"

#include "base/limits.h"
#include "base/thread.h"
#include "net/net.h"

#define SENDERS 3u
#define CLIENTS 4u
#define ROUNDS 40u
#define PEERS_MAX 1024u

typedef struct Peer {
    struct Fixture *fixture;
    WsConn *_Atomic conn;
    _Atomic uint32_t closed;
    _Atomic uint32_t messages;
    _Atomic uint64_t sequence[SENDERS];
} Peer;

typedef struct Fixture {
    NetServer *server;
    uint16_t port;
    Gate *gate;
    _Atomic uint64_t ticket;
    _Atomic uint32_t peer_count;
    _Atomic uint32_t sender_index;
    _Atomic bool is_over;
    Mutex lock;  // of peer_count going up
    Peer peers[PEERS_MAX];
} Fixture;

static void on_message(void *user, WsKind kind, Bytes bytes) {
    (void)kind;
    (void)bytes;
    Peer *peer = user;
    uint32_t count = atomic_fetch_add(&peer->messages, 1);
    if (count == 50) ws_close(peer->conn, 1000, BYTES_LITERAL("enough"));
    if (count == 60) ws_abort(peer->conn);
}

static void on_closed(void *user) {
    Peer *peer = user;
    atomic_fetch_add(&peer->closed, 1);
}

static const WsHandler HANDLER = {.message = on_message, .closed = on_closed};

static void on_request(void *user, HttpExchange *exchange) {
    Fixture *fixture = user;
    HttpResponse response;
    if (!ws_check_upgrade(http_request(exchange), &response)) {
        http_respond(exchange, &response);
        return;
    }
    mutex_lock(&fixture->lock);
    uint32_t index = atomic_load(&fixture->peer_count);
    if (index == PEERS_MAX) index--;
    WsOptions options = {
        .kind = WS_BINARY,
        .join = index % 2 ? WS_JOINED : WS_SINGLE,
        .gate = fixture->gate,
        .ping_interval_ms = 5,
        .idle_timeout_ms = 60000,
        .close_timeout_ms = 20,
    };
    Peer *peer = &fixture->peers[index];
    peer->fixture = fixture;
    WsConn *conn = ws_accept(exchange, &options, &HANDLER, peer);
    if (conn != NULL) {
        atomic_store(&peer->conn, conn);
        ws_start(conn);
        atomic_store(&fixture->peer_count, index + 1);
    }
    mutex_unlock(&fixture->lock);
}

static size_t on_body_bytes_max(void *user, const HttpRequest *head) {
    (void)user;
    (void)head;
    return 100;
}

// Sends its sequence numbers to every peer there is, half of them behind the gate.
static void sender_run(void *user) {
    Fixture *fixture = user;
    uint32_t index = atomic_fetch_add(&fixture->sender_index, 1);
    NetOutbox *outbox = net_outbox_create(fixture->server);
    while (!atomic_load(&fixture->is_over)) {
        uint32_t count = atomic_load(&fixture->peer_count);
        for (uint32_t i = 0; i < count; i++) {
            Peer *peer = &fixture->peers[i];
            if (atomic_load(&peer->closed) > 0) continue;
            uint64_t number = atomic_fetch_add(&peer->sequence[index], 1) + 1;
            SharedBuf *buf = shared_buf_create(12);
            buf->count = 12;
            store_u32le(buf->data, index);
            store_u64le(buf->data + 4, number);
            uint64_t ticket = number % 2 ? TICKET_NONE : atomic_fetch_add(&fixture->ticket, 1) + 1;
            net_outbox_add(outbox, peer->conn, (SharedSlice){buf, 0, 12}, ticket);
        }
        net_outbox_flush(outbox);
        usleep(50);
    }
    net_outbox_free(outbox);
}

static void gate_run(void *user) {
    Fixture *fixture = user;
    while (!atomic_load(&fixture->is_over)) {
        gate_open(fixture->gate, atomic_load(&fixture->ticket));
        net_gates_opened(fixture->server);
        usleep(100);
    }
}

static const char UPGRADE[] =
    "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

// One life: connect, talk, check the order of what comes, and leave in one of several ways.
static void client_life(Fixture *fixture, uint32_t round) {
    Client client = client_connect(fixture->port);
    client_send_text(&client, UPGRADE);
    Answer answer = {0};
    if (round % 8 == 7) {
        client_close(&client);  // before the 101
        return;
    }
    client_head(&client, &answer);
    assert_int_equal(answer.status, 101);
    uint64_t last[SENDERS] = {0};
    Buffer message;
    buffer_init(&message, 1u << 24);
    for (uint32_t i = 0; i < 40 + 5 * (round % 5); i++) {
        if (send(client.socket, "\x82\x81\0\0\0\0x", 7, MSG_NOSIGNAL) != 7) break;
        if (!client_message(&client, &message)) break;
        for (size_t at = 0; at + 12 <= message.count; at += 12) {
            uint32_t sender = load_u32le(message.data + at);
            uint64_t number = load_u64le(message.data + at + 4);
            assert_true(sender < SENDERS);
            // Senders begin with a peer when they see it: the first number is 1, none is missing.
            assert_true(number == last[sender] + 1);
            last[sender] = number;
        }
    }
    if (round % 3 == 0) (void)send(client.socket, "\x88\x80\0\0\0\0", 6, MSG_NOSIGNAL);
    if (round % 3 == 1) shutdown(client.socket, SHUT_WR);
    buffer_done(&message);
    client_close(&client);
}

static void clients_run(void *user) {
    for (uint32_t round = 0; round < ROUNDS; round++) client_life(user, round);
}

static void test_coming_and_going(void **state) {
    (void)state;
    Fixture *fixture = mem_alloc_zero(sizeof *fixture);
    fixture->gate = gate_create();
    mutex_init(&fixture->lock);
    NetOptions options = {
        .address = "127.0.0.1:0",
        .threads = 2,
        .handler = {.user = fixture, .request = on_request, .body_bytes_max = on_body_bytes_max},
    };
    Error error;
    assert_int_equal(net_server_start(&options, &fixture->server, &error), STATUS_OK);
    fixture->port = net_server_port(fixture->server);
    Thread senders[SENDERS] = {0};
    Thread clients[CLIENTS] = {0};
    Thread opener = {0};
    for (uint32_t i = 0; i < SENDERS; i++) thread_start(&senders[i], "sender", sender_run, fixture);
    thread_start(&opener, "opener", gate_run, fixture);
    for (uint32_t i = 0; i < CLIENTS; i++)
        thread_start(&clients[i], "clients", clients_run, fixture);
    for (uint32_t i = 0; i < CLIENTS; i++) thread_join(&clients[i]);

    // A client that is there when the server stops, with everybody still sending.
    Client last = client_connect(fixture->port);
    client_send_text(&last, UPGRADE);
    Answer answer = {0};
    client_head(&last, &answer);
    net_server_stop(fixture->server, 50);
    usleep(20000);
    atomic_store(&fixture->is_over, true);
    for (uint32_t i = 0; i < SENDERS; i++) thread_join(&senders[i]);
    thread_join(&opener);
    assert_true(client_is_closed(&last));
    client_close(&last);
    assert_true(fixture->peer_count > CLIENTS * ROUNDS / 2);
    for (uint32_t i = 0; i < fixture->peer_count; i++) {
        assert_int_equal(fixture->peers[i].closed, 1);
        ws_unref(fixture->peers[i].conn);
    }
    gate_unref(fixture->gate);
    mutex_done(&fixture->lock);
    mem_free(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coming_and_going),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

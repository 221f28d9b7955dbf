// http_patience_test.c - goal: nobody holds a connection for nothing: each time-out of limits.h that is short enough to
// wait for, and the bounds on input that is not wanted. Method: clients that dawdle, all at the
// same time; it takes half a minute of waiting and no work.
#define CLIENT_WAIT_MS 60000
#include "net_client.h"

#include "base/limits.h"
#include "base/os.h"
#include "net/net.h"

typedef struct Fixture {
    NetServer *server;
    uint16_t port;
    HttpExchange *_Atomic held;
    _Atomic uint32_t requests;
} Fixture;

static void on_request(void *user, HttpExchange *exchange) {
    Fixture *fixture = user;
    atomic_fetch_add(&fixture->requests, 1);
    if (bytes_equal_text(http_request(exchange)->path, "/held")) {
        atomic_store(&fixture->held, exchange);
        return;
    }
    HttpResponse response = {.status = 200, .body = BYTES_LITERAL("short")};
    if (bytes_equal_text(http_request(exchange)->path, "/large")) {
        response.body = bytes_of(arena_alloc_zero(http_arena(exchange), 64u << 20), 64u << 20);
    }
    http_respond(exchange, &response);
}

static size_t on_body_bytes_max(void *user, const HttpRequest *head) {
    (void)user;
    (void)head;
    return 1000;
}

static int setup(void **state) {
    Fixture *fixture = mem_alloc_zero(sizeof *fixture);
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
    net_server_stop(fixture->server, 0);
    mem_free(fixture);
    return 0;
}

static int64_t now_ms(void) {
    return os_real()->monotonic_nanos(os_real()) / 1000000;
}

static void expect_408(Client *client, int64_t start_ms, int64_t limit_ms) {
    Answer answer = client_answer(client);
    assert_int_equal(answer.status, 408);
    int64_t waited = now_ms() - start_ms;
    assert_true(waited >= limit_ms - 1000 && waited <= limit_ms + 3000);
    answer_done(&answer);
    assert_true(client_is_closed(client));
    client_close(client);
}

static void test_dawdlers(void **state) {
    Fixture *fixture = *state;
    int64_t start = now_ms();
    Client head = client_connect(fixture->port);
    client_send_text(&head, "G");
    Client body = client_connect(fixture->port);
    client_send_text(&body, "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345");
    Client reader = client_connect_small(fixture->port, 4096);
    client_send_text(&reader, "GET /large HTTP/1.1\r\n\r\n");
    Client held = client_connect(fixture->port);  // the handler's time is not the client's fault
    client_send_text(&held, "GET /held HTTP/1.1\r\n\r\n");
    // A byte now and then does not extend the time for a head.
    for (uint32_t i = 0; i < 8; i++) {
        usleep(3500000);
        client_send_text(&head, i == 0 ? "ET" : i == 1 ? " " : "/");
    }
    expect_408(&head, start, HTTP_HEAD_TIMEOUT_MS);
    expect_408(&body, start, HTTP_BODY_STALL_MS);
    usleep(2000000);
    // What the system had taken already comes, but not all: the connection was dropped.
    size_t received = 0;
    while (client_receive(&reader)) {
        received += reader.in.count;
        buffer_clear(&reader.in);
    }
    assert_true(received < 64u << 20);
    client_close(&reader);
    HttpResponse response = {.status = 200, .body = BYTES_LITERAL("at last")};
    http_respond(atomic_load(&fixture->held), &response);
    Answer answer = client_answer(&held);
    assert_string_equal((char *)answer.body.data, "at last");
    answer_done(&answer);
    client_close(&held);
}

// After a refusal the rest of the body is taken for a while, so that the answer can be read.
static void test_linger(void **state) {
    Fixture *fixture = *state;
    int64_t start = now_ms();
    Client client = client_connect(fixture->port);
    client_send_text(&client, "POST / HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n");
    Answer answer = client_answer(&client);
    assert_int_equal(answer.status, 413);
    answer_done(&answer);
    char byte = 'x';
    int64_t waited = 0;
    while (send(client.socket, &byte, 1, MSG_NOSIGNAL) == 1 && waited < 2 * HTTP_LINGER_MS) {
        usleep(100000);
        waited = now_ms() - start;
    }
    assert_true(waited >= HTTP_LINGER_MS - 500 && waited < HTTP_LINGER_MS + 1500);
    client_close(&client);

    client = client_connect(fixture->port);
    client_send_text(&client, "POST / HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n");
    uint8_t *rest = mem_alloc_zero(1u << 20);
    uint32_t sent = 0;
    while (sent < 64 && send(client.socket, rest, 1u << 20, MSG_NOSIGNAL) > 0) sent++;
    assert_true(sent >= HTTP_LINGER_BYTES_MAX >> 20 && sent < 64);
    mem_free(rest);
    client_close(&client);
}

// Requests behind one that is being answered are not read without bound, and not lost either.
static void test_early_input(void **state) {
    Fixture *fixture = *state;
    Client client = client_connect(fixture->port);
    client_send_text(&client, "GET /held HTTP/1.1\r\n\r\n");
    while (atomic_load(&fixture->held) == NULL) usleep(1000);
    static const char REQUEST[] = "GET /x HTTP/1.1\r\n\r\n";
    uint32_t sent = 0;
    Buffer many;
    buffer_init(&many, 1u << 26);
    for (uint32_t i = 0; i < 20000; i++) buffer_append_text(&many, REQUEST);
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    for (uint32_t idle = 0; sent < many.count && idle < 20; idle++) {
        ssize_t count = send(client.socket, many.data + sent, many.count - sent, flags);
        if (count > 0) sent += (uint32_t)count;
        usleep(5000);
    }
    NetStats stats = net_server_stats(fixture->server);
    assert_true(stats.bytes_in <= HTTP_EARLY_BYTES_MAX + NET_READ_BYTES + 1000);
    assert_int_equal(fixture->requests, 1);
    HttpResponse response = {.status = 200};
    http_respond(atomic_load(&fixture->held), &response);
    Answer answer = client_answer(&client);
    answer_done(&answer);
    for (uint32_t i = 0; i < sent / (sizeof REQUEST - 1); i++) {
        answer = client_answer(&client);
        assert_int_equal(answer.status, 200);
        answer_done(&answer);
    }
    buffer_done(&many);
    client_close(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_linger, setup, teardown),
        cmocka_unit_test_setup_teardown(test_early_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dawdlers, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// http_server_test.c - goal: the HTTP half of net.h over real sockets: answers now and later, streams, keep-alive,
// pipelining, bodies, refusals. Method: a server with a few paths and a blocking client.
#include "net_client.h"

#include "base/limits.h"
#include "base/thread.h"
#include "net/net.h"

typedef struct Later {
    Thread thread;
    HttpExchange *exchange;
    HttpExchange *streams;
    _Atomic uint32_t gone;
} Later;

typedef struct Fixture {
    NetServer *server;
    uint16_t port;
    Later later;
    HttpExchange *_Atomic held;
    _Atomic uint32_t gone;
} Fixture;

static void later_run(void *user) {
    HttpExchange *exchange = user;
    usleep(20000);
    HttpResponse response = {.status = 200, .body = BYTES_LITERAL("later")};
    http_respond(exchange, &response);
}

static void stream_run(void *user) {
    HttpExchange *exchange = user;
    HttpResponse response = {.status = 200, .content_type = BYTES_LITERAL("text/plain")};
    http_stream_begin(exchange, &response);
    for (uint32_t i = 0; i < 1000; i++) {
        Bytes line = arena_format(http_arena(exchange), "line %u\n", i);
        if (!http_stream_write(exchange, line)) break;
    }
    http_stream_end(exchange);
}

static void on_gone(void *user) {
    Fixture *fixture = user;
    atomic_fetch_add(&fixture->gone, 1);
}

static void on_request(void *user, HttpExchange *exchange) {
    Fixture *fixture = user;
    const HttpRequest *request = http_request(exchange);
    if (bytes_equal_text(request->path, "/later")) {
        thread_start(&fixture->later.thread, "later", later_run, exchange);
        return;
    }
    if (bytes_equal_text(request->path, "/stream")) {
        thread_start(&fixture->later.thread, "stream", stream_run, exchange);
        return;
    }
    if (bytes_equal_text(request->path, "/held")) {
        http_on_gone(exchange, on_gone, fixture);
        atomic_store(&fixture->held, exchange);
        return;
    }
    HttpResponse response = {.status = 200, .content_type = BYTES_LITERAL("text/plain")};
    HttpHeader headers[] = {{BYTES_LITERAL("x-test"), BYTES_LITERAL("yes")},
                            {BYTES_LITERAL("x-evil"), BYTES_LITERAL("a\r\nx-injected: 1")}};
    response.headers = headers;
    response.header_count = 2;
    if (bytes_equal_text(request->path, "/large")) {
        uint8_t *large = arena_alloc(http_arena(exchange), 8u << 20);
        memset(large, 'x', 8u << 20);
        response.body = bytes_of(large, 8u << 20);
    } else if (bytes_equal_text(request->path, "/empty")) {
        response = (HttpResponse){.status = 204};
    } else {
        response.body = arena_format(http_arena(exchange), "%.*s %.*s ? %.*s [%u] %.*s",
                                     BYTES_FORMAT(request->method), BYTES_FORMAT(request->path),
                                     BYTES_FORMAT(request->query), request->body.count,
                                     (int)(request->body.count < 64 ? request->body.count : 64),
                                     request->body.data ? (const char *)request->body.data : "");
    }
    http_respond(exchange, &response);
}

static size_t on_body_bytes_max(void *user, const HttpRequest *head) {
    (void)user;
    return bytes_equal_text(head->path, "/nobody") ? 0 : 1000;
}

static int setup(void **state) {
    Fixture *fixture = mem_alloc_zero(sizeof *fixture);
    NetOptions options = {
        .address = "127.0.0.1:0",
        .threads = 2,
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
    thread_join(&fixture->later.thread);
    net_server_stop(fixture->server, 1000);
    mem_free(fixture);
    return 0;
}

static void expect(Client *client, int status, const char *body) {
    Answer answer = client_answer(client);
    assert_int_equal(answer.status, status);
    assert_string_equal((char *)answer.body.data, body);
    answer_done(&answer);
}

static void test_get(void **state) {
    Fixture *fixture = *state;
    Client client = client_connect(fixture->port);
    client_send_text(&client, "GET /a/b%20c?x=1&y=2 HTTP/1.1\r\nHost: h\r\n\r\n");
    Answer answer = client_answer(&client);
    assert_int_equal(answer.status, 200);
    assert_string_equal((char *)answer.body.data, "GET /a/b%20c ? x=1&y=2 [0] ");
    assert_true(answer_has(&answer, "\r\nx-test: yes\r\n"));
    assert_true(answer_has(&answer, "\r\ndate: "));
    assert_false(answer_has(&answer, "x-injected"));
    assert_false(answer_has(&answer, "connection:"));
    answer_done(&answer);
    client_send_text(&client,
                     "\r\nGET /second HTTP/1.1\r\n\r\n");  // keep-alive, empty line ignored
    expect(&client, 200, "GET /second ?  [0] ");
    client_close(&client);
}

static void test_later_and_stream(void **state) {
    Fixture *fixture = *state;
    Client client = client_connect(fixture->port);
    client_send_text(&client, "GET /later HTTP/1.1\r\n\r\n");
    expect(&client, 200, "later");
    thread_join(&fixture->later.thread);
    client_send_text(&client, "GET /stream HTTP/1.1\r\n\r\nGET /after HTTP/1.1\r\n\r\n");
    Answer answer = client_answer(&client);
    assert_int_equal(answer.status, 200);
    assert_memory_equal(answer.body.data, "line 0\nline 1\n", 14);
    assert_non_null(strstr((char *)answer.body.data, "line 999\n"));
    answer_done(&answer);
    expect(&client, 200, "GET /after ?  [0] ");
    client_close(&client);
}

static void test_stream_http_1_0(void **state) {
    Fixture *fixture = *state;
    Client client = client_connect(fixture->port);
    client_send_text(&client, "GET /stream HTTP/1.0\r\n\r\n");
    const char *all = client_receive_all(&client);
    assert_null(strstr(all, "chunked"));
    assert_non_null(strstr(all, "connection: close\r\n"));
    assert_non_null(strstr(all, "\r\n\r\nline 0\nline 1\n"));
    assert_non_null(strstr(all, "line 999\n"));
    client_close(&client);
}

static void test_http_1_0(void **state) {
    Fixture *fixture = *state;
    Client client = client_connect(fixture->port);
    client_send_text(&client, "GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    Answer answer = client_answer(&client);
    assert_true(answer_has(&answer, "connection: keep-alive"));
    answer_done(&answer);
    client_send_text(&client, "GET /old HTTP/1.0\r\n\r\n");
    expect(&client, 200, "GET /old ?  [0] ");
    assert_true(client_is_closed(&client));
    client_close(&client);
}

static void test_head_and_204(void **state) {
    Fixture *fixture = *state;
    Client client = client_connect(fixture->port);
    client_send_text(&client, "HEAD /x HTTP/1.1\r\n\r\nGET /empty HTTP/1.1\r\n\r\nGET /y "
                              "HTTP/1.1\r\nConnection: close\r\n\r\n");
    const char *all = client_receive_all(&client);
    assert_non_null(strstr(all, "content-length: 15\r\n"));
    assert_null(strstr(all, "HEAD /x"));
    const char *empty = strstr(all, "HTTP/1.1 204 No Content\r\n");
    assert_non_null(empty);
    assert_non_null(strstr(all, "\r\n\r\nGET /y ?  [0] "));
    assert_non_null(strstr(empty, "connection: close"));
    client_close(&client);
}

static void test_bodies(void **state) {
    Fixture *fixture = *state;
    Client client = client_connect(fixture->port);
    client_send_text(&client, "POST /p HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
    expect(&client, 200, "POST /p ?  [5] hello");
    client_send_text(&client, "POST /p HTTP/1.1\r\nTransfer-Encoding: "
                              "chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: v\r\n\r\n");
    expect(&client, 200, "POST /p ?  [5] hello");
    client_send_text(&client,
                     "POST /p HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    Answer answer = {0};
    client_head(&client, &answer);
    assert_int_equal(answer.status, 100);
    client_send_text(&client, "ok");
    expect(&client, 200, "POST /p ?  [2] ok");
    // One byte at a time, with the next request right behind.
    const char *slow = "POST /s HTTP/1.1\r\nTransfer-Encoding: "
                       "chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\nGET /n HTTP/1.1\r\n\r\n";
    for (const char *at = slow; *at != 0; at++) client_send(&client, at, 1);
    expect(&client, 200, "POST /s ?  [10] 0123456789");
    expect(&client, 200, "GET /n ?  [0] ");
    client_close(&client);
}

static void test_body_limit(void **state) {
    Fixture *fixture = *state;
    char body[1001];
    memset(body, 'b', sizeof body);
    Client client = client_connect(fixture->port);
    client_send_text(&client, "POST /p HTTP/1.1\r\nContent-Length: 1000\r\n\r\n");
    client_send(&client, body, 1000);
    Answer answer = client_answer(&client);
    assert_int_equal(answer.status, 200);
    answer_done(&answer);
    client_send_text(&client, "POST /p HTTP/1.1\r\nContent-Length: 1001\r\n\r\n");
    client_send(&client, body, 1001);
    expect(&client, 413, "Failed to buffer the request body: length limit exceeded");
    assert_true(client_is_closed(&client));
    client_close(&client);

    client = client_connect(fixture->port);
    client_send_text(&client, "POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n");
    client_send(&client, body, 1000);
    client_send_text(&client, "\r\n1\r\n");
    expect(&client, 413, "Failed to buffer the request body: length limit exceeded");
    client_close(&client);

    client = client_connect(fixture->port);
    client_send_text(&client, "POST /nobody HTTP/1.1\r\nContent-Length: 1\r\n\r\nx");
    expect(&client, 413, "Failed to buffer the request body: length limit exceeded");
    client_close(&client);
}

static void expect_refusal(Fixture *fixture, const char *request, size_t count, int status) {
    Client client = client_connect(fixture->port);
    client_send(&client, request, count);
    Answer answer = client_answer(&client);
    assert_int_equal(answer.status, status);
    assert_true(answer_has(&answer, "connection: close"));
    answer_done(&answer);
    assert_true(client_is_closed(&client));
    client_close(&client);
}

static void test_refusals(void **state) {
    Fixture *fixture = *state;
    static const struct {
        int status;
        const char *request;
    } ROWS[] = {
        {400, "GARBAGE\x01\x02\x03 this is no request line at all"},
        {400, "GET nopath HTTP/1.1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
        {400, "GET / HTTP/1.1\r\nA : b\r\n\r\n"},
        {417, "POST / HTTP/1.1\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n"},
        {501, "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        expect_refusal(fixture, ROWS[i].request, strlen(ROWS[i].request), ROWS[i].status);
    }
}

static void test_head_limits(void **state) {
    Fixture *fixture = *state;
    Buffer request;
    buffer_init(&request, 1u << 20);
    // A target of exactly the maximum passes.
    for (uint32_t over = 0; over <= 1; over++) {
        buffer_clear(&request);
        buffer_append_text(&request, "GET /");
        for (uint32_t i = 1; i < HTTP_TARGET_BYTES_MAX + over - 64; i++) buffer_u8(&request, 'p');
        buffer_append_text(&request, "?");
        for (uint32_t i = 0; i < 63; i++) buffer_u8(&request, 'q');
        buffer_append_text(&request, " HTTP/1.1\r\nConnection: close\r\n\r\n");
        if (over) expect_refusal(fixture, (char *)request.data, request.count, 414);
        if (!over) expect_refusal(fixture, (char *)request.data, request.count, 200);
    }
    for (uint32_t over = 0; over <= 1; over++) {
        buffer_clear(&request);
        buffer_append_text(&request, "GET / HTTP/1.1\r\nConnection: close\r\nX: ");
        while (request.count < HTTP_HEAD_BYTES_MAX + over - 4) buffer_u8(&request, 'x');
        buffer_append_text(&request, "\r\n\r\n");
        expect_refusal(fixture, (char *)request.data, request.count, over ? 431 : 200);
    }
    for (uint32_t over = 0; over <= 1; over++) {
        buffer_clear(&request);
        buffer_append_text(&request, "GET / HTTP/1.1\r\nConnection: close\r\n");
        for (uint32_t i = 1; i < HTTP_HEADERS_MAX + over; i++)
            buffer_append_text(&request, "a: b\r\n");
        buffer_append_text(&request, "\r\n");
        expect_refusal(fixture, (char *)request.data, request.count, over ? 431 : 200);
    }
    buffer_done(&request);
}

static void test_large_answer(void **state) {
    Fixture *fixture = *state;
    Client client = client_connect_small(fixture->port, 4096);
    client_send_text(&client, "GET /large HTTP/1.1\r\n\r\nGET /x HTTP/1.1\r\n\r\n");
    usleep(50000);
    Answer answer = client_answer(&client);
    assert_int_equal(answer.body.count, (8u << 20) + 1);
    answer_done(&answer);
    expect(&client, 200, "GET /x ?  [0] ");
    client_close(&client);
}

static void test_pipelining(void **state) {
    Fixture *fixture = *state;
    Client client = client_connect(fixture->port);
    Buffer requests;
    buffer_init(&requests, 1u << 24);
    for (uint32_t i = 0; i < 5000; i++)
        buffer_append_format(&requests, "POST /%u HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc", i);
    client_send(&client, requests.data, requests.count);
    char expected[64];
    for (uint32_t i = 0; i < 5000; i++) {
        (void)snprintf(expected, sizeof expected, "POST /%u ?  [3] abc", i);
        expect(&client, 200, expected);
    }
    buffer_done(&requests);
    client_close(&client);
}

static void test_gone(void **state) {
    Fixture *fixture = *state;
    Client client = client_connect(fixture->port);
    client_send_text(&client, "GET /held HTTP/1.1\r\n\r\n");
    while (atomic_load(&fixture->held) == NULL) usleep(1000);
    client_close(&client);
    while (atomic_load(&fixture->gone) == 0) usleep(1000);
    HttpResponse response = {.status = 200};
    http_respond(atomic_load(&fixture->held), &response);
    assert_int_equal(atomic_load(&fixture->gone), 1);
}

static void test_stats(void **state) {
    Fixture *fixture = *state;
    for (uint32_t i = 0; i < 4; i++) {
        Client client = client_connect(fixture->port);
        client_send_text(&client, "GET / HTTP/1.1\r\n\r\n");
        expect(&client, 200, "GET / ?  [0] ");
        client_close(&client);
    }
    NetStats stats = net_server_stats(fixture->server);
    assert_int_equal(stats.connections, 4);
    assert_int_equal(stats.requests, 4);
    assert_int_equal(stats.bytes_in, 4 * 18);
    assert_true(stats.bytes_out > 4 * 50);
}

static void test_answer_after_stop(void **state) {
    Fixture *fixture = mem_alloc_zero(sizeof *fixture);
    NetOptions options = {
        .address = "[::1]:0",
        .threads = 1,
        .handler = {.user = fixture, .request = on_request, .body_bytes_max = on_body_bytes_max},
    };
    Error error;
    if (net_server_start(&options, &fixture->server, &error) != STATUS_OK) {
        options.address = "localhost:0";  // no IPv6 here
        assert_int_equal(net_server_start(&options, &fixture->server, &error), STATUS_OK);
        Client client = client_connect(net_server_port(fixture->server));
        client_send_text(&client, "GET /held HTTP/1.1\r\n\r\n");
        while (atomic_load(&fixture->held) == NULL) usleep(1000);
        net_server_stop(fixture->server, 10);
        HttpResponse response = {.status = 200};
        http_respond(atomic_load(&fixture->held), &response);
        assert_true(client_is_closed(&client));
        client_close(&client);
    } else {
        net_server_stop(fixture->server, 10);
    }
    mem_free(fixture);
    (void)state;
}

static void test_addresses(void **state) {
    (void)state;
    static const char *const BAD[] = {"",           "127.0.0.1", ":3000",
                                      "127.0.0.1:", "::1:3000",  "127.0.0.1:x"};
    Fixture fixture = {0};
    NetServer *server = NULL;
    Error error;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        NetOptions options = {.address = BAD[i], .threads = 1, .handler = {.user = &fixture}};
        assert_int_equal(net_server_start(&options, &server, &error), STATUS_INVALID);
    }
    // Taken.
    NetOptions options = {.address = "127.0.0.1:0", .threads = 1, .handler = {.user = &fixture}};
    assert_int_equal(net_server_start(&options, &server, &error), STATUS_OK);
    char taken[64];
    (void)snprintf(taken, sizeof taken, "127.0.0.1:%u", net_server_port(server));
    options.address = taken;
    NetServer *second = NULL;
    assert_int_equal(net_server_start(&options, &second, &error), STATUS_IO);
    assert_non_null(strstr(error.text, taken));
    net_server_stop(server, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_get, setup, teardown),
        cmocka_unit_test_setup_teardown(test_later_and_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream_http_1_0, setup, teardown),
        cmocka_unit_test_setup_teardown(test_http_1_0, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head_and_204, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bodies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_body_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pipelining, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stats, setup, teardown),
        cmocka_unit_test(test_answer_after_stop),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// http_test.c - goal: outbound HTTP does what a module asks and no more: methods, headers, redirects, encodings, limits and
// time-outs; and it reaches no address that it should not. Method: a small server of the test's own on the loopback
// interface, which echoes what it got.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "base/os.h"
#include "base/reader.h"
#include "base/thread.h"
#include "host/http/http.h"

#define B(text) BYTES_LITERAL(text)

// ---- the server ----

typedef struct TestServer {
    int socket;
    uint16_t port;
    Thread thread;
    _Atomic bool stop;
    _Atomic uint32_t requests;
} TestServer;

static TestServer server;

static void send_all(int to, const void *bytes, size_t count) {
    const uint8_t *at = bytes;
    while (count > 0) {
        ssize_t sent = send(to, at, count, MSG_NOSIGNAL);
        if (sent <= 0) return;
        at += sent;
        count -= (size_t)sent;
    }
}

static void send_text(int to, const char *text) {
    send_all(to, text, strlen(text));
}

// The whole request, by its content-length.
static size_t read_request(int from, char *text, size_t max) {
    size_t count = 0;
    while (count + 1 < max) {
        ssize_t got = recv(from, text + count, max - count - 1, 0);
        if (got <= 0) break;
        count += (size_t)got;
        text[count] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        if (end == NULL) continue;
        const char *length = strcasestr(text, "content-length: ");
        size_t body = length ? strtoul(length + 16, NULL, 10) : 0;
        if (count >= (size_t)(end + 4 - text) + body) break;
    }
    return count;
}

// "unpacked text"
static const uint8_t PACKED[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x2b,
                                 0xcd, 0x2b, 0x48, 0x4c, 0xce, 0x4e, 0x4d, 0x51, 0x28, 0x49, 0xad,
                                 0x28, 0x01, 0x00, 0xe3, 0x73, 0x41, 0xd0, 0x0d, 0x00, 0x00, 0x00};

static void answer_gzip(int to) {
    char head[128];
    (void)snprintf(
        head, sizeof head,
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nX-Kept: 1\r\nContent-Length: %zu\r\n\r\n",
        sizeof PACKED);
    send_text(to, head);
    send_all(to, PACKED, sizeof PACKED);
}

static void answer_endless(int to) {
    send_text(to, "HTTP/1.1 200 OK\r\n\r\n");
    static uint8_t block[1 << 20];
    for (uint32_t i = 0; i < 80 && !server.stop; i++) send_all(to, block, sizeof block);
}

static void answer_head_flood(int to) {
    send_text(to, "HTTP/1.1 200 OK\r\n");
    char line[1100];
    for (uint32_t i = 0; i < 2000; i++) {
        (void)snprintf(line, sizeof line, "X-%u: %01000u\r\n", i, i);
        send_text(to, line);
    }
    send_text(to, "\r\n");
}

static void answer_redirect(int to, const char *query) {
    char head[512];
    int status = atoi(query);
    const char *target = strchr(query, ',') + 1;
    (void)snprintf(head, sizeof head,
                   "HTTP/1.1 %d Moved\r\nLocation: %.*s\r\nContent-Length: 4\r\n\r\ngone", status,
                   (int)strcspn(target, " "), target);
    send_text(to, head);
}

static void answer(int to) {
    static char text[1 << 16];
    size_t count = read_request(to, text, sizeof text);
    if (count == 0) return;
    server.requests++;
    const char *path = strchr(text, ' ') + 1;
    if (strncmp(path, "/redirect?", 10) == 0) {
        answer_redirect(to, path + 10);
    } else if (strncmp(path, "/loop", 5) == 0) {
        send_text(to, "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n");
    } else if (strncmp(path, "/gzip", 5) == 0) {
        answer_gzip(to);
    } else if (strncmp(path, "/endless", 8) == 0) {
        answer_endless(to);
    } else if (strncmp(path, "/flood", 6) == 0) {
        answer_head_flood(to);
    } else if (strncmp(path, "/slow", 5) == 0) {
        for (int i = 0; i < 300 && !server.stop; i++) usleep(10000);
    } else if (strncmp(path, "/garbage", 8) == 0) {
        send_text(to, "this is not HTTP\r\n\r\n");
    } else if (strncmp(path, "/cut", 4) == 0) {
        send_text(to, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
    } else if (strncmp(path, "/interim", 8) == 0) {
        send_text(to, "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
                      "HTTP/1.1 418 Teapot\r\nX-Late: 1\r\nContent-Length: 0\r\n\r\n");
    } else {
        char head[128];
        bool is_head = strncmp(text, "HEAD", 4) == 0;
        (void)snprintf(
            head, sizeof head,
            "HTTP/1.1 200 OK\r\nX-Twice: a\r\nx-twice:  b \r\nContent-Length: %zu\r\n\r\n", count);
        send_text(to, head);
        if (!is_head) send_all(to, text, count);
    }
}

static void server_run(void *user) {
    (void)user;
    while (!server.stop) {
        int connection = accept(server.socket, NULL, NULL);
        if (connection < 0) break;
        if (!server.stop) answer(connection);
        shutdown(connection, SHUT_WR);
        close(connection);
    }
}

static int setup(void **state) {
    (void)state;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    server.socket = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t count = sizeof address;
    if (bind(server.socket, (struct sockaddr *)&address, count) != 0) return -1;
    if (listen(server.socket, 16) != 0) return -1;
    getsockname(server.socket, (struct sockaddr *)&address, &count);
    server.port = ntohs(address.sin_port);
    thread_start(&server.thread, "http-server", server_run, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    server.stop = true;
    shutdown(server.socket, SHUT_RDWR);
    thread_join(&server.thread);
    close(server.socket);
    curl_global_cleanup();
    return 0;
}

// ---- requests ----

typedef struct Exchange {
    HttpRequest request;
    HttpPolicy policy;
    HttpReply reply;
    HttpOutcome outcome;
    char uri[512];
    char body[8192];
    uint16_t status;
    uint8_t version;
    uint32_t field_count;
    HttpField fields[16];
} Exchange;

static Exchange exchange_for(const char *path) {
    Exchange exchange = {.request = {.method = HTTP_GET, .version = HTTP_11},
                         .policy.allows_private = true};
    if (path[0] == '/') {
        (void)snprintf(exchange.uri, sizeof exchange.uri, "http://127.0.0.1:%u%s", server.port,
                       path);
    } else {
        (void)snprintf(exchange.uri, sizeof exchange.uri, "%s", path);
    }
    return exchange;
}

static void exchange_run(Exchange *exchange) {
    exchange->request.uri = bytes_of_text(exchange->uri);
    http_reply_init(&exchange->reply);
    exchange->outcome = http_fetch(&exchange->request, &exchange->policy, &exchange->reply);
    const Buffer *body = exchange->outcome == HTTP_DONE ? &exchange->reply.body
                                                        : &exchange->reply.error;
    (void)snprintf(exchange->body, sizeof exchange->body, "%.*s", BYTES_FORMAT(buffer_bytes(body)));
    if (exchange->outcome != HTTP_DONE) return;
    Reader reader = reader_of(buffer_bytes(&exchange->reply.head));
    exchange->field_count = reader_u32(&reader);
    for (uint32_t i = 0; i < exchange->field_count; i++) {
        HttpField field;
        field.name = reader_string(&reader);
        field.value = reader_bytes(&reader);
        if (i < 16) exchange->fields[i] = field;
    }
    exchange->version = reader_u8(&reader);
    exchange->status = reader_u16(&reader);
    assert_true(reader_finish(&reader));
}

static Exchange get(const char *path) {
    Exchange exchange = exchange_for(path);
    exchange_run(&exchange);
    return exchange;
}

static Bytes field(const Exchange *exchange, const char *name) {
    for (uint32_t i = 0; i < exchange->field_count; i++) {
        if (bytes_equal_text(exchange->fields[i].name, name)) return exchange->fields[i].value;
    }
    return BYTES_NONE;
}

static void expect_failure(Exchange exchange, const char *text) {
    assert_int_equal(exchange.outcome, HTTP_FAILED);
    if (strstr(exchange.body, text) == NULL) fail_msg("%s", exchange.body);
    http_reply_done(&exchange.reply);
}

// ---- tests ----

static void answers(void **state) {
    (void)state;
    Exchange exchange = get("/path?query=1#fragment");
    assert_int_equal(exchange.outcome, HTTP_DONE);
    assert_int_equal(exchange.status, 200);
    assert_int_equal(exchange.version, HTTP_11);
    assert_non_null(strstr(exchange.body, "GET /path?query=1 HTTP/1.1\r\n"));
    assert_null(strcasestr(exchange.body, "content-type"));
    assert_null(strcasestr(exchange.body, "expect"));
    assert_true(
        bytes_equal_text(exchange.fields[0].name, "x-twice"));  // in order, lower case, trimmed
    assert_true(bytes_equal_text(exchange.fields[0].value, "a"));
    assert_true(bytes_equal_text(exchange.fields[1].name, "x-twice"));
    assert_true(bytes_equal_text(exchange.fields[1].value, "b"));
    http_reply_done(&exchange.reply);
    exchange = get("/interim");
    assert_int_equal(exchange.status, 418);
    assert_null(field(&exchange, "x-early").data);
    assert_non_null(field(&exchange, "x-late").data);
    assert_int_equal(exchange.reply.body.count, 0);
    http_reply_done(&exchange.reply);
}

static void methods_and_bodies(void **state) {
    (void)state;
    static const struct {
        HttpMethod method;
        const char *line;
    } CASES[] = {{HTTP_GET, "GET /"},       {HTTP_POST, "POST /"},       {HTTP_PUT, "PUT /"},
                 {HTTP_DELETE, "DELETE /"}, {HTTP_OPTIONS, "OPTIONS /"}, {HTTP_TRACE, "TRACE /"},
                 {HTTP_PATCH, "PATCH /"},   {HTTP_EXTENSION, "PURGE /"}};
    for (uint32_t with_body = 0; with_body < 2; with_body++) {
        for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
            Exchange exchange = exchange_for("/");
            exchange.request.method = CASES[i].method;
            exchange.request.extension = B("PURGE");
            if (with_body) exchange.request.body = B("the body");
            exchange_run(&exchange);
            assert_int_equal(exchange.status, 200);
            assert_memory_equal(exchange.body, CASES[i].line, strlen(CASES[i].line));
            assert_int_equal(strstr(exchange.body, "\r\n\r\nthe body") != NULL, with_body);
            http_reply_done(&exchange.reply);
        }
    }
    Exchange exchange = exchange_for("/");
    exchange.request.method = HTTP_HEAD;
    exchange_run(&exchange);
    assert_int_equal(exchange.status, 200);
    assert_int_equal(exchange.reply.body.count, 0);
    http_reply_done(&exchange.reply);
    exchange = exchange_for("/");
    exchange.request.method = HTTP_CONNECT;
    exchange_run(&exchange);
    expect_failure(exchange, "CONNECT requests are not supported");
    static const char *const BAD[] = {"", "A B", "A\r\nB", "A\xC3\xA4"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        exchange = exchange_for("/");
        exchange.request.method = HTTP_EXTENSION;
        exchange.request.extension = bytes_of_text(BAD[i]);
        exchange_run(&exchange);
        expect_failure(exchange, "invalid HTTP method");
    }
}

static void headers(void **state) {
    (void)state;
    HttpField fields[] = {{B("X-One"), B("1")},          {B("x-one"), B("2")},
                          {B("X-Empty"), B("")},         {B("Content-Type"), B("text/x")},
                          {B("Content-Length"), B("7")}, {B("Transfer-Encoding"), B("chunked")},
                          {B("X-High"), B("\xFF\t~")}};
    Exchange exchange = exchange_for("/");
    exchange.request.fields = fields;
    exchange.request.field_count = sizeof fields / sizeof *fields;
    exchange_run(&exchange);
    assert_non_null(strstr(exchange.body, "X-One: 1\r\n"));
    assert_non_null(strstr(exchange.body, "x-one: 2\r\n"));
    assert_non_null(strstr(exchange.body, "X-Empty:"));
    assert_non_null(strstr(exchange.body, "Content-Type: text/x\r\n"));
    assert_non_null(strstr(exchange.body, "X-High: \xFF\t~\r\n"));
    assert_null(strcasestr(exchange.body, "content-length"));  // not the module's to say
    assert_null(strcasestr(exchange.body, "transfer-encoding"));
    http_reply_done(&exchange.reply);
    static const struct {
        const char *name;
        const char *value;
        const char *text;
    } BAD[] = {{"", "x", "invalid HTTP header name"},
               {"a b", "x", "invalid HTTP header name"},
               {"a:", "x", "invalid HTTP header name"},
               {"a\n", "x", "invalid HTTP header name"},
               {"ok", "x\r\nInjected: 1", "failed to parse header value"},
               {"ok", "secret\x7F", "failed to parse header value"}};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        HttpField one = {bytes_of_text(BAD[i].name), bytes_of_text(BAD[i].value)};
        exchange = exchange_for("/");
        exchange.request.fields = &one;
        exchange.request.field_count = 1;
        exchange_run(&exchange);
        assert_null(strstr(exchange.body, "secret"));
        expect_failure(exchange, BAD[i].text);
    }
}

static void encodings(void **state) {
    (void)state;
    Exchange exchange = get("/gzip");
    assert_string_equal(exchange.body, "unpacked text");
    assert_null(field(&exchange, "content-encoding").data);
    assert_null(field(&exchange, "content-length").data);
    assert_non_null(field(&exchange, "x-kept").data);
    http_reply_done(&exchange.reply);
    // Who asks for an encoding gets it as it is.
    HttpField one = {B("Accept-Encoding"), B("gzip")};
    exchange = exchange_for("/gzip");
    exchange.request.fields = &one;
    exchange.request.field_count = 1;
    exchange_run(&exchange);
    assert_true(bytes_equal_text(field(&exchange, "content-encoding"), "gzip"));
    assert_non_null(field(&exchange, "content-length").data);
    assert_int_equal(exchange.reply.body.data[0], 0x1f);
    http_reply_done(&exchange.reply);
}

static Exchange redirected(HttpMethod method, int status, const char *host, const char *to) {
    char path[256];
    if (host) {
        (void)snprintf(path, sizeof path, "/redirect?%d,http://%s:%u%s", status, host, server.port,
                       to);
    } else {
        (void)snprintf(path, sizeof path, "/redirect?%d,%s", status, to);
    }
    static HttpField fields[] = {
        {{(const uint8_t *)"Authorization", 13}, {(const uint8_t *)"Bearer", 6}},
        {{(const uint8_t *)"Content-Type", 12}, {(const uint8_t *)"text/x", 6}}};
    Exchange exchange = exchange_for(path);
    exchange.request.method = method;
    exchange.request.fields = fields;
    exchange.request.field_count = 2;
    if (method == HTTP_POST) exchange.request.body = B("the body");
    exchange_run(&exchange);
    return exchange;
}

static void redirects(void **state) {
    (void)state;
    for (int status = 301; status <= 303; status++) {
        Exchange exchange = redirected(HTTP_POST, status, NULL, "/there");
        assert_memory_equal(exchange.body, "GET /there", 10);
        assert_null(strstr(exchange.body, "the body"));
        assert_null(strstr(exchange.body, "text/x"));
        assert_non_null(strstr(exchange.body, "Authorization"));  // the same host
        http_reply_done(&exchange.reply);
    }
    for (int status = 307; status <= 308; status++) {
        Exchange exchange = redirected(HTTP_POST, status, NULL, "/there");
        assert_memory_equal(exchange.body, "POST /there", 11);
        assert_non_null(strstr(exchange.body, "\r\n\r\nthe body"));
        assert_non_null(strstr(exchange.body, "text/x"));
        http_reply_done(&exchange.reply);
    }
    Exchange exchange = redirected(HTTP_GET, 302, "localhost", "/there");
    assert_memory_equal(exchange.body, "GET /there", 10);
    assert_null(strstr(exchange.body, "Authorization"));  // another host
    http_reply_done(&exchange.reply);
    exchange = redirected(HTTP_GET, 304, NULL, "/there");
    assert_int_equal(exchange.status, 304);
    http_reply_done(&exchange.reply);

    uint32_t before = server.requests;
    expect_failure(get("/loop"), "too many redirects");
    assert_int_equal(server.requests - before, 11);
    expect_failure(redirected(HTTP_GET, 302, NULL, "ftp://127.0.0.1/"),
                   "URL scheme is not allowed");
    expect_failure(redirected(HTTP_GET, 302, NULL, "file:///etc/passwd"), "not allowed");
}

static void private_addresses_are_refused(void **state) {
    (void)state;
    static const char *const URIS[] = {"http://127.0.0.1/",
                                       "http://localhost/",
                                       "http://[::1]/",
                                       "http://10.1.2.3/",
                                       "http://169.254.1.1/",
                                       "http://0.0.0.0/",
                                       "http://2130706433/",
                                       "http://0x7f.1/",
                                       "http://017700000001/",
                                       "http://[::ffff:127.0.0.1]/",
                                       "https://192.168.0.1/x?secret"};
    for (size_t i = 0; i < sizeof URIS / sizeof *URIS; i++) {
        Exchange exchange = exchange_for(URIS[i]);
        exchange.policy.allows_private = false;
        exchange_run(&exchange);
        assert_int_equal(exchange.outcome, HTTP_FAILED);
        assert_string_equal(exchange.body, HTTP_PRIVATE_TEXT);
        http_reply_done(&exchange.reply);
    }
}

static bool is_private(const char *text) {
    struct sockaddr_in six4 = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &six4.sin_addr) == 1)
        return http_address_is_private((struct sockaddr *)&six4);
    if (inet_pton(AF_INET6, text, &six.sin6_addr) != 1) fail_msg("%s", text);
    return http_address_is_private((struct sockaddr *)&six);
}

// The first and last of each range, and those beside it.
static const char *const PRIVATE[] = {"0.0.0.0",
                                      "0.255.255.255",
                                      "10.0.0.0",
                                      "10.255.255.255",
                                      "100.64.0.0",
                                      "100.127.255.255",
                                      "127.0.0.0",
                                      "127.255.255.255",
                                      "169.254.0.0",
                                      "169.254.255.255",
                                      "172.16.0.0",
                                      "172.31.255.255",
                                      "192.0.0.0",
                                      "192.0.0.255",
                                      "192.0.2.0",
                                      "192.0.2.255",
                                      "192.31.196.0",
                                      "192.31.196.255",
                                      "192.52.193.0",
                                      "192.52.193.255",
                                      "192.88.99.0",
                                      "192.88.99.255",
                                      "192.168.0.0",
                                      "192.168.255.255",
                                      "192.175.48.0",
                                      "192.175.48.255",
                                      "198.18.0.0",
                                      "198.19.255.255",
                                      "198.51.100.0",
                                      "198.51.100.255",
                                      "203.0.113.0",
                                      "203.0.113.255",
                                      "240.0.0.0",
                                      "255.255.255.255",
                                      "::",
                                      "::1",
                                      "64:ff9b::",
                                      "64:ff9b::ffff:ffff",
                                      "64:ff9b:1::",
                                      "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
                                      "::ffff:0:0",
                                      "::ffff:8.8.8.8",
                                      "100::",
                                      "100::ffff:ffff:ffff:ffff",
                                      "100:0:0:1::",
                                      "100:0:0:1:ffff::",
                                      "2001::",
                                      "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
                                      "2001:db8::",
                                      "2001:db8:ffff::",
                                      "2002::",
                                      "2002:ffff::",
                                      "2620:4f:8000::",
                                      "2620:4f:8000:ffff::",
                                      "3fff::",
                                      "3fff:fff::",
                                      "5f00::",
                                      "5f00:ffff::",
                                      "fc00::",
                                      "fdff:ffff::",
                                      "fe80::",
                                      "febf:ffff::"};
static const char *const PUBLIC[] = {"1.0.0.0",         "9.255.255.255",
                                     "11.0.0.0",        "100.63.255.255",
                                     "100.128.0.0",     "126.255.255.255",
                                     "128.0.0.0",       "169.253.255.255",
                                     "169.255.0.0",     "172.15.255.255",
                                     "172.32.0.0",      "191.255.255.255",
                                     "192.0.1.0",       "192.0.3.0",
                                     "192.31.195.255",  "192.31.197.0",
                                     "192.52.192.255",  "192.52.194.0",
                                     "192.88.98.255",   "192.88.100.0",
                                     "192.167.255.255", "192.169.0.0",
                                     "192.175.47.255",  "192.175.49.0",
                                     "198.17.255.255",  "198.20.0.0",
                                     "198.51.99.255",   "198.51.101.0",
                                     "203.0.112.255",   "203.0.114.0",
                                     "224.0.0.1",       "239.255.255.255",
                                     "8.8.8.8",         "::2",
                                     "64:ff9a:ffff::",  "64:ff9b:0:0:0:1::",
                                     "64:ff9b:2::",     "::fffe:ffff:ffff",
                                     "::1:0:0:0",       "ff:ffff::",
                                     "100:0:0:2::",     "2000:ffff::",
                                     "2001:200::",      "2001:db7:ffff::",
                                     "2001:db9::",      "2003::",
                                     "2620:4f:7fff::",  "2620:4f:8001::",
                                     "3ffe::",          "3fff:1000::",
                                     "5eff::",          "5f01::",
                                     "fbff::",          "fe00::",
                                     "fe7f::",          "fec0::",
                                     "2606:4700::1111"};

static void ranges(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof PRIVATE / sizeof *PRIVATE; i++) {
        if (!is_private(PRIVATE[i])) fail_msg("%s is not refused", PRIVATE[i]);
    }
    for (size_t i = 0; i < sizeof PUBLIC / sizeof *PUBLIC; i++) {
        if (is_private(PUBLIC[i])) fail_msg("%s is refused", PUBLIC[i]);
    }
    struct sockaddr other = {.sa_family = AF_UNIX};
    assert_true(http_address_is_private(&other));
}

static bool end_soon(void *user) {
    uint32_t *asked = user;
    return ++*asked > 1;
}

static void limits(void **state) {
    (void)state;
    Os *os = os_real();
    Exchange exchange = exchange_for("/slow?secret=1");
    exchange.request.has_timeout = true;
    exchange.request.timeout_micros = 200000;
    int64_t start = os->monotonic_nanos(os);
    exchange_run(&exchange);
    assert_true(os->monotonic_nanos(os) - start < 2000000000);
    assert_null(strstr(exchange.body, "secret"));
    expect_failure(exchange, "operation timed out");
    exchange = exchange_for("/path");
    exchange.request.has_timeout = true;
    exchange.request.timeout_micros = -1;
    exchange_run(&exchange);
    expect_failure(exchange, "operation timed out");
    uint32_t asked = 0;
    exchange = exchange_for("/slow");
    exchange.policy.is_ending = end_soon;
    exchange.policy.user = &asked;
    exchange_run(&exchange);
    assert_int_equal(exchange.outcome, HTTP_ENDED);
    http_reply_done(&exchange.reply);
    expect_failure(get("/endless"), "the response is too large");
    expect_failure(get("/flood"), "error sending request");
    expect_failure(get("/garbage"), "error sending request");
    expect_failure(get("/cut"), "error sending request");
}

static void uris(void **state) {
    (void)state;
    static const struct {
        const char *uri;
        const char *text;
    } CASES[] = {{"", "invalid uri character"},
                 {"http://a b/", "invalid uri character"},
                 {"http://a/\n", "invalid uri character"},
                 {"http://\xC3\xA4/", "invalid uri character"},
                 {"relative", "invalid or relative URL"},
                 {"http://", "builder error"},
                 {"http://host:99999/", "builder error"},
                 {"ftp://127.0.0.1/", "URL scheme is not allowed"},
                 {"file:///etc/passwd", "URL scheme is not allowed"},
                 {"gopher://127.0.0.1/", "URL scheme is not allowed"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        expect_failure(get(CASES[i].uri), CASES[i].text);
    // Nobody listens there: what is told has no secret in it.
    Exchange exchange = get("http://user:hidden@127.0.0.1:1/path?secret=1#f");
    assert_null(strstr(exchange.body, "hidden"));
    assert_null(strstr(exchange.body, "secret"));
    expect_failure(exchange, "error sending request for url (http://127.0.0.1:1/path): ");
}

static void codec(void **state) {
    (void)state;
    // The example of module-abi.md 7.5.
    static const uint8_t EXAMPLE[] = "\0\1\0\0\0\6\0\0\0accept\3\0\0\0*/*\0\x80\x84\x1e\0\0\0\0\0"
                                     "\x19\0\0\0https://example.com/a?x=1\2";
    Arena arena;
    arena_init(&arena, 1 << 20);
    HttpRequest request;
    Bytes bytes = bytes_of(EXAMPLE, sizeof EXAMPLE - 1);
    assert_int_equal(bytes.count, 61);
    assert_true(http_request_read(bytes, &arena, &request));
    assert_int_equal(request.method, HTTP_GET);
    assert_int_equal(request.field_count, 1);
    assert_true(bytes_equal_text(request.fields[0].name, "accept"));
    assert_true(request.has_timeout);
    assert_int_equal(request.timeout_micros, 2000000);
    assert_true(bytes_equal_text(request.uri, "https://example.com/a?x=1"));
    assert_int_equal(request.version, HTTP_11);
    for (uint32_t count = 0; count < bytes.count; count++)
        assert_false(http_request_read(bytes_slice(bytes, 0, count), &arena, &request));
    static const struct {
        uint32_t at;
        uint8_t value;
    } BAD[] = {{0, 10}, {1, 200}, {9, 0xFF}, {22, 2}, {60, 5}};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        uint8_t copy[sizeof EXAMPLE];
        memcpy(copy, EXAMPLE, sizeof EXAMPLE);
        copy[BAD[i].at] = BAD[i].value;
        assert_false(http_request_read(bytes_of(copy, 61), &arena, &request));
    }
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),   cmocka_unit_test(methods_and_bodies),
        cmocka_unit_test(headers),   cmocka_unit_test(encodings),
        cmocka_unit_test(redirects), cmocka_unit_test(private_addresses_are_refused),
        cmocka_unit_test(ranges),    cmocka_unit_test(limits),
        cmocka_unit_test(uris),      cmocka_unit_test(codec),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

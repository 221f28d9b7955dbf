// http_parts_test.c - goal: the pure parts of HTTP: URLs, heads, bodies, answers. Method: texts in, structs out, table
// by table.
#include "net_client.h"

#include "base/limits.h"
#include "net/http_body.h"
#include "net/http_response.h"
#include "net/ws_handshake.h"

static int setup(void **state) {
    Arena *arena = mem_alloc_zero(sizeof *arena);
    arena_init(arena, 1u << 24);
    *state = arena;
    return 0;
}

static int teardown(void **state) {
    arena_done(*state);
    mem_free(*state);
    return 0;
}

static void test_url_decode(void **state) {
    static const struct {
        const char *text;
        const char *path;  // NULL: malformed
        const char *query;
    } ROWS[] = {
        {"", "", ""},
        {"abc", "abc", "abc"},
        {"a+b%20c", "a+b c", "a b c"},
        {"%C3%a4", "\xc3\xa4", "\xc3\xa4"},
        {"%2F%2e", "/.", "/."},
        {"%", NULL, NULL},
        {"%4", NULL, NULL},
        {"a%4", NULL, NULL},
        {"%zz", NULL, NULL},
        {"%ff", NULL, NULL},  // not UTF-8
        {"%c3", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        Bytes decoded = BYTES_NONE;
        Bytes text = bytes_of_text(ROWS[i].text);
        assert_int_equal(url_decode(text, URL_PATH, *state, &decoded), ROWS[i].path != NULL);
        if (ROWS[i].path != NULL) assert_true(bytes_equal_text(decoded, ROWS[i].path));
        assert_int_equal(url_decode(text, URL_QUERY, *state, &decoded), ROWS[i].query != NULL);
        if (ROWS[i].query != NULL) assert_true(bytes_equal_text(decoded, ROWS[i].query));
    }
}

static void test_url_query_find(void **state) {
    Bytes query = BYTES_LITERAL("a=1&b=&c&%64=x+y&a=2&e=f=g");
    static const struct {
        const char *name;
        const char *value;  // NULL: absent
    } ROWS[] = {{"a", "1"},   {"b", ""},   {"c", ""}, {"d", "x y"},
                {"e", "f=g"}, {"f", NULL}, {"", NULL}};
    Bytes value;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        assert_true(url_query_find(query, ROWS[i].name, *state, &value));
        assert_int_equal(value.data != NULL, ROWS[i].value != NULL);
        if (ROWS[i].value != NULL) assert_true(bytes_equal_text(value, ROWS[i].value));
    }
    assert_true(url_query_find(BYTES_NONE, "a", *state, &value));
    assert_null(value.data);
    assert_false(url_query_find(BYTES_LITERAL("a=%"), "a", *state, &value));
    assert_false(url_query_find(BYTES_LITERAL("%=1&a=1"), "a", *state, &value));
}

static void test_find_end(void **state) {
    (void)state;
    static const char *const HEADS[] = {"GET / HTTP/1.1\r\na: b\r\n\r\n",
                                        "GET / HTTP/1.1\na: b\n\n", "GET / HTTP/1.1\r\n\n",
                                        "x\r\r\n\r\n"};
    for (size_t i = 0; i < sizeof HEADS / sizeof *HEADS; i++) {
        uint32_t whole = (uint32_t)strlen(HEADS[i]);
        // However it comes, the end is found with the last byte and not before.
        uint32_t at = 0;
        for (uint32_t count = 0; count < whole; count++) {
            assert_int_equal(http_head_find_end(bytes_of(HEADS[i], count), &at), 0);
        }
        assert_int_equal(http_head_find_end(bytes_of(HEADS[i], whole), &at), whole);
        at = 0;
        assert_int_equal(http_head_find_end(bytes_of(HEADS[i], whole), &at), whole);
    }
}

static HttpHeadStatus parse(Arena *arena, const char *text, HttpHead *ret_head) {
    return http_head_parse(arena_copy(arena, bytes_of_text(text)), arena, ret_head);
}

static void test_targets(void **state) {
    static const struct {
        const char *target;
        const char *path;  // NULL: 400
        const char *query;
    } ROWS[] = {
        {"/", "/", ""},
        {"/a/b?c=d?e", "/a/b", "c=d?e"},
        {"/a?", "/a", ""},
        {"/a?b#c", "/a", "b"},
        {"http://host:3000/a?b", "/a", "b"},
        {"https://host/", "/", ""},
        {"http://host", NULL, NULL},
        {"*", "*", ""},
        {"host:443", NULL, NULL},
        {"a/b", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n\r\n", ROWS[i].target);
        HttpHead head;
        HttpHeadStatus status = parse(*state, text, &head);
        assert_int_equal(status, ROWS[i].path != NULL ? HTTP_HEAD_OK : HTTP_HEAD_BAD);
        if (ROWS[i].path == NULL) continue;
        assert_true(bytes_equal_text(head.request.path, ROWS[i].path));
        assert_true(bytes_equal_text(head.request.query, ROWS[i].query));
    }
}

static void test_connection_and_framing(void **state) {
    static const struct {
        const char *headers;
        uint32_t minor;
        HttpFraming framing;
        uint64_t bytes;
        bool keep_alive;
    } ROWS[] = {
        {"", 1, HTTP_BODY_NONE, 0, true},
        {"", 0, HTTP_BODY_NONE, 0, false},
        {"Connection: close\r\n", 1, HTTP_BODY_NONE, 0, false},
        {"Connection: a, Close\r\n", 1, HTTP_BODY_NONE, 0, false},
        {"Connection: Keep-Alive\r\n", 0, HTTP_BODY_NONE, 0, true},
        {"Content-Length: 0\r\n", 1, HTTP_BODY_NONE, 0, true},
        {"content-length:  7 \r\n", 1, HTTP_BODY_LENGTH, 7, true},
        {"content-length: 7\r\ncontent-length: 7\r\n", 1, HTTP_BODY_LENGTH, 7, true},
        {"Transfer-Encoding: CHUNKED\r\n", 1, HTTP_BODY_CHUNKED, 0, true},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        char text[256];
        (void)snprintf(text, sizeof text, "POST / HTTP/1.%u\r\n%s\r\n", ROWS[i].minor,
                       ROWS[i].headers);
        HttpHead head;
        assert_int_equal(parse(*state, text, &head), HTTP_HEAD_OK);
        assert_int_equal(head.framing, ROWS[i].framing);
        assert_true(head.content_bytes == ROWS[i].bytes);
        assert_int_equal(head.keep_alive, ROWS[i].keep_alive);
        assert_int_equal(head.request.version_minor, ROWS[i].minor);
    }
}

static void test_smuggling(void **state) {
    static const char *const HEADERS[] = {
        "Content-Length: +1\r\n",
        "Content-Length: 1, 1\r\n",
        "Content-Length: 0x1\r\n",
        "Content-Length:\r\n",
        "Content-Length: 1234567890123456789\r\n",
        "Content-Length: 1\r\nContent-Length: 0\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        " folded: x\r\n",
        "name : x\r\n",
        "na\x01me: x\r\n",
    };
    for (size_t i = 0; i < sizeof HEADERS / sizeof *HEADERS; i++) {
        char text[256];
        (void)snprintf(text, sizeof text, "POST / HTTP/1.1\r\n%s\r\n", HEADERS[i]);
        HttpHead head;
        assert_int_equal(parse(*state, text, &head), HTTP_HEAD_BAD);
    }
    HttpHead head;
    assert_int_equal(parse(*state, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", &head),
                     HTTP_HEAD_BAD);
    assert_int_equal(parse(*state, "POST / HTTP/2.0\r\n\r\n", &head), HTTP_HEAD_BAD);
}

static void test_headers(void **state) {
    HttpHead head;
    assert_int_equal(
        parse(*state, "GET / HTTP/1.1\r\nAccept: a\r\nEMPTY:\r\naccept: b\r\n\r\n", &head),
        HTTP_HEAD_OK);
    assert_true(bytes_equal_text(http_header(&head.request, "ACCEPT"),
                                 "a"));  // the first one, without case
    assert_int_equal(http_header(&head.request, "empty").count, 0);
    assert_non_null(http_header(&head.request, "empty").data);
    assert_null(http_header(&head.request, "accep").data);
    assert_null(http_header(&head.request, "accepts").data);
}

static HttpBodyResult chunked(const char *text, size_t max, Buffer *content, size_t *ret_used) {
    HttpHead head = {.framing = HTTP_BODY_CHUNKED};
    HttpBody body;
    assert_true(http_body_init(&body, &head, max));
    buffer_init(content, max);
    return http_body_feed(&body, bytes_of_text(text), content, ret_used);
}

static void test_chunked(void **state) {
    (void)state;
    static const struct {
        const char *text;
        HttpBodyResult result;
        const char *content;
    } ROWS[] = {
        {"0\r\n\r\n", HTTP_BODY_DONE, ""},
        {"000\r\n\r\n", HTTP_BODY_DONE, ""},
        {"3\r\nabc\r\n0\r\n\r\n", HTTP_BODY_DONE, "abc"},
        {"3\r\nabc\r\nA;e=\"v\"\r\n0123456789\r\n0\r\n\r\n", HTTP_BODY_DONE, "abc0123456789"},
        {"1 \r\nx\r\n0\r\na: b\r\nc: d\r\n\r\n", HTTP_BODY_DONE, "x"},
        {"3\r\nab", HTTP_BODY_MORE, "ab"},
        {"3\r\nabcd", HTTP_BODY_BAD, "abc"},
        {"3\nabc", HTTP_BODY_BAD, ""},
        {"\r\n", HTTP_BODY_BAD, ""},
        {"g\r\n", HTTP_BODY_BAD, ""},
        {"-1\r\n", HTTP_BODY_BAD, ""},
        {"1;\n", HTTP_BODY_BAD, ""},
        {"ffffffffffffffff\r\n", HTTP_BODY_BAD, ""},
        {"fffffffffffffff\r\n", HTTP_BODY_TOO_LARGE, ""},
        {"0\r\na\n", HTTP_BODY_BAD, ""},
        {"0\r\n\rx", HTTP_BODY_BAD, ""},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        Buffer content;
        size_t used = 0;
        assert_int_equal(chunked(ROWS[i].text, 1000, &content, &used), ROWS[i].result);
        assert_int_equal(content.count, strlen(ROWS[i].content));
        if (content.count > 0) assert_memory_equal(content.data, ROWS[i].content, content.count);
        if (ROWS[i].result == HTTP_BODY_DONE) assert_int_equal(used, strlen(ROWS[i].text));
        buffer_done(&content);
    }
}

static void test_chunked_limits(void **state) {
    (void)state;
    Buffer text;
    buffer_init(&text, 1u << 20);
    for (uint32_t over = 0; over <= 1; over++) {
        Buffer content;
        size_t used;
        buffer_clear(&text);
        buffer_append_text(&text,
                           "1;");  // the first byte of an extension is not counted, its CR is
        for (uint32_t i = 1; i < HTTP_CHUNK_LINE_BYTES_MAX + over; i++) buffer_u8(&text, 'e');
        buffer_append_text(&text, "\r\n");
        buffer_u8(&text, 0);
        assert_int_equal(chunked((char *)text.data, 10, &content, &used),
                         over ? HTTP_BODY_BAD : HTTP_BODY_MORE);
        buffer_done(&content);
        buffer_clear(&text);
        buffer_append_text(&text, "0\r\n");
        for (uint32_t i = 2; i < HTTP_TRAILER_BYTES_MAX + over; i++) buffer_u8(&text, 't');
        buffer_append_text(&text, "\r\n\r\n");
        buffer_u8(&text, 0);
        assert_int_equal(chunked((char *)text.data, 10, &content, &used),
                         over ? HTTP_BODY_BAD : HTTP_BODY_DONE);
        buffer_done(&content);
    }
    buffer_done(&text);
}

static void test_response(void **state) {
    (void)state;
    Buffer out;
    buffer_init(&out, 10000);
    HttpHeader headers[] = {
        {BYTES_LITERAL("allow"), BYTES_LITERAL("GET,HEAD")},
        {BYTES_LITERAL("Content-Length"), BYTES_LITERAL("99")},  // ours
        {BYTES_LITERAL(""), BYTES_LITERAL("no name")},
        {BYTES_LITERAL("x-null"), {(const uint8_t *)"a\0b", 3}},
        {BYTES_LITERAL("x\r\ny"), BYTES_LITERAL("v")},
    };
    HttpResponse response = {
        .status = 200,
        .content_type = BYTES_LITERAL("application/json"),
        .headers = headers,
        .header_count = 5,
        .body = BYTES_LITERAL("{}"),
    };
    HttpResponseStyle style = {.length = HTTP_LENGTH_KNOWN, .will_close = true};
    http_response_write(&out, &response, &style);
    buffer_u8(&out, 0);
    char *date = strstr((char *)out.data, "date: ");
    assert_non_null(date);
    assert_memory_equal(date + 6 + 25, " GMT\r\n", 6);
    date[6] = 0;
    assert_string_equal((char *)out.data,
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nallow: GET,HEAD\r\n"
                        "content-length: 2\r\nconnection: close\r\ndate: ");
    assert_string_equal(date + 6 + 29, "\r\n\r\n{}");

    buffer_clear(&out);
    response = (HttpResponse){.status = 304, .body = BYTES_LITERAL("ignored")};
    style = (HttpResponseStyle){.length = HTTP_LENGTH_KNOWN};
    http_response_write(&out, &response, &style);
    buffer_u8(&out, 0);
    assert_null(strstr((char *)out.data, "content-length"));
    assert_null(strstr((char *)out.data, "ignored"));
    assert_memory_equal(out.data, "HTTP/1.1 304 Not Modified\r\n", 27);

    buffer_clear(&out);
    http_chunk_write(&out, BYTES_LITERAL("0123456789abcdef"));
    http_chunk_write(&out, BYTES_NONE);
    http_chunk_write_end(&out);
    buffer_u8(&out, 0);
    assert_string_equal((char *)out.data, "10\r\n0123456789abcdef\r\n0\r\n\r\n");
    buffer_done(&out);
}

static void test_accept_text(void **state) {
    (void)state;
    char text[WS_ACCEPT_TEXT_BYTES];
    ws_accept_text(BYTES_LITERAL("dGhlIHNhbXBsZSBub25jZQ=="), text);  // RFC 6455, 1.3
    assert_string_equal(text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_url_decode, setup, teardown),
        cmocka_unit_test_setup_teardown(test_url_query_find, setup, teardown),
        cmocka_unit_test(test_find_end),
        cmocka_unit_test_setup_teardown(test_targets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connection_and_framing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_smuggling, setup, teardown),
        cmocka_unit_test_setup_teardown(test_headers, setup, teardown),
        cmocka_unit_test(test_chunked),
        cmocka_unit_test(test_chunked_limits),
        cmocka_unit_test(test_response),
        cmocka_unit_test(test_accept_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

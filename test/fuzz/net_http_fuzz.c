// net_http_fuzz.c - what hostile clients can send as HTTP.
//
// The input is | one byte: how to cut | bytes of the socket |, taken as requests one after the
// other, the way http_conn.c does: find the end of the head, parse it, take the body. Done with all
// bytes at hand and again as they come in pieces: both must see the same requests. Paths and
// queries are decoded as well.
#include "base/hash.h"
#include "base/limits.h"
#include "net/http_body.h"

#define BODY_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

typedef struct Session {
    Buffer in;
    Buffer body;
    HttpBody reader;
    HttpHead head;
    Arena arena;
    uint32_t scanned;
    bool in_body;
    bool is_over;  // refused
    Buffer events;
} Session;

static void session_event(Session *session, char kind, Bytes bytes) {
    Hash hash = hash_blake3(bytes);
    buffer_u8(&session->events, (uint8_t)kind);
    buffer_append(&session->events, hash.bytes, sizeof hash.bytes);
    ASSERT(!session->events.failed);
}

static void session_refuse(Session *session, uint32_t status) {
    session->is_over = true;
    session_event(session, 'r', bytes_of(&status, sizeof status));
}

static void check_part(Bytes part, Bytes whole) {
    if (part.count == 0) return;
    ASSERT(part.data >= whole.data && part.count <= (size_t)(whole.data + whole.count - part.data));
}

static void check_head(Session *session, Bytes bytes) {
    const HttpRequest *request = &session->head.request;
    check_part(request->method, bytes);
    check_part(request->path, bytes);
    check_part(request->query, bytes);
    ASSERT(request->path.count > 0);
    ASSERT(request->path.data[0] == '/' || bytes_equal_text(request->path, "*"));
    ASSERT(request->header_count <= HTTP_HEADERS_MAX);
    for (uint32_t i = 0; i < request->header_count; i++) {
        check_part(request->headers[i].name, bytes);
        check_part(request->headers[i].value, bytes);
        if (request->headers[i].value.count > 0)
            ASSERT(memchr(request->headers[i].value.data, '\n', request->headers[i].value.count) ==
                   NULL);
    }
    Bytes text;
    if (url_decode(request->path, URL_PATH, &session->arena, &text))
        ASSERT(utf8_is_valid(text) && text.count <= request->path.count);
    if (url_query_find(request->query, "a", &session->arena, &text)) ASSERT(utf8_is_valid(text));
    if (http_header(request, "host").data != NULL) ASSERT(request->header_count > 0);
}

static bool session_take_head(Session *session) {
    Bytes input = buffer_bytes(&session->in);
    uint32_t head_bytes = http_head_find_end(input, &session->scanned);
    ASSERT(head_bytes <= input.count && session->scanned <= input.count);
    if (head_bytes == 0) return false;
    Bytes bytes = arena_copy(&session->arena, bytes_slice(input, 0, head_bytes));
    session->in.count -= head_bytes;
    memmove(session->in.data, session->in.data + head_bytes, session->in.count);
    session->scanned = 0;
    HttpHeadStatus status = http_head_parse(bytes, &session->arena, &session->head);
    if (status != HTTP_HEAD_OK) {
        session_refuse(session, (uint32_t)status);
        return false;
    }
    check_head(session, bytes);
    session_event(session, 'h', bytes);
    if (session->head.framing == HTTP_BODY_NONE) return true;
    if (!http_body_init(&session->reader, &session->head, BODY_MAX)) {
        session_refuse(session, 413);
        return false;
    }
    buffer_clear(&session->body);
    session->in_body = true;
    return true;
}

static bool session_take_body(Session *session) {
    size_t used = 0;
    HttpBodyResult result = http_body_feed(&session->reader, buffer_bytes(&session->in),
                                           &session->body, &used);
    ASSERT(used <= session->in.count);
    ASSERT(session->body.count <= BODY_MAX);
    session->in.count -= used;
    memmove(session->in.data, session->in.data + used, session->in.count);
    if (result == HTTP_BODY_BAD) session_refuse(session, 400);
    if (result == HTTP_BODY_TOO_LARGE) session_refuse(session, 413);
    if (result == HTTP_BODY_MORE) ASSERT(session->in.count == 0);
    if (result != HTTP_BODY_DONE) return false;
    if (session->head.framing == HTTP_BODY_LENGTH)
        ASSERT(session->body.count == session->head.content_bytes);
    session_event(session, 'b', buffer_bytes(&session->body));
    session->in_body = false;
    return true;
}

static void session_feed(Session *session, Bytes bytes) {
    buffer_append_bytes(&session->in, bytes);
    bool goes_on = true;
    while (goes_on && !session->is_over && session->in.count > 0) {
        goes_on = session->in_body ? session_take_body(session) : session_take_head(session);
    }
}

static void session_run(Session *session, Bytes input, uint32_t piece_max) {
    *session = (Session){0};
    buffer_init(&session->in, 1u << 30);
    buffer_init(&session->body, BODY_MAX);
    buffer_init(&session->events, 1u << 30);
    arena_init(&session->arena, 1u << 30);
    uint32_t at = 0;
    for (uint32_t turn = 0; at < input.count && !session->is_over; turn++) {
        uint32_t piece = piece_max == 0 ? input.count : 1 + (turn * 5 + piece_max) % piece_max;
        if (piece > input.count - at) piece = input.count - at;
        session_feed(session, bytes_slice(input, at, piece));
        at += piece;
    }
}

static void session_done(Session *session) {
    buffer_done(&session->in);
    buffer_done(&session->body);
    buffer_done(&session->events);
    arena_done(&session->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count == 0) return 0;
    Bytes input = bytes_of(data + 1, count - 1);
    Session whole;
    Session pieces;
    session_run(&whole, input, 0);
    session_run(&pieces, input, 1 + (data[0] & 0x3f));
    ASSERT(whole.is_over == pieces.is_over);
    ASSERT(bytes_equal(buffer_bytes(&whole.events), buffer_bytes(&pieces.events)));
    session_done(&whole);
    session_done(&pieces);
    (void)http_head_check_partial(input);
    return 0;
}

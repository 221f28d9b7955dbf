// http_head.c - request heads. The grammar is httparse's (dep_http_parse_request); what the headers
// mean for the connection and the body is decided here.
#include "net/http_head.h"

#include "base/deps.h"
#include "base/limits.h"

// Method and version beside the target; the target itself is measured once it is parsed.
#define LINE_SLACK_BYTES 64u

static_assert(HTTP_HEADERS_MAX < 128, "dep_http_parse_request's own maximum");

static HttpHeadStatus head_limits(Bytes input);
static HttpHeadStatus head_fault(Bytes input);
static HttpHeadStatus head_split_target(const DepHttpHead *parsed, HttpRequest *request);
static HttpHeadStatus head_connection(HttpHead *head);
static HttpHeadStatus head_framing(HttpHead *head);
static HttpHeadStatus head_content_length(HttpHead *head, Bytes value);
static uint8_t lower(uint8_t byte);
static Bytes trim(Bytes text);

uint32_t http_head_find_end(Bytes input, uint32_t *at) {
    while (*at < input.count) {
        const uint8_t *newline = memchr(input.data + *at, '\n', input.count - *at);
        if (newline == NULL) {
            *at = input.count;
            return 0;
        }
        uint32_t next = (uint32_t)(newline - input.data) + 1;
        if (next < input.count && input.data[next] == '\n') return next + 1;
        if (input.count - next >= 2 && input.data[next] == '\r' && input.data[next + 1] == '\n')
            return next + 2;
        bool may_be_end = next == input.count ||
                          (input.count - next == 1 && input.data[next] == '\r');
        *at = may_be_end ? next - 1 : next;
        if (may_be_end) return 0;
    }
    return 0;
}

HttpHeadStatus http_head_check_partial(Bytes input) {
    HttpHeadStatus status = head_limits(input);
    if (status != HTTP_HEAD_OK) return status;
    DepHeader headers[HTTP_HEADERS_MAX];
    DepHttpHead parsed;
    ssize_t used = dep_http_parse_request(input.data, input.count, headers, HTTP_HEADERS_MAX,
                                          &parsed);
    return used < 0 ? head_fault(input) : HTTP_HEAD_OK;
}

static HttpHeadStatus head_limits(Bytes input) {
    const uint8_t *line_end = memchr(input.data, '\n', input.count);
    uint32_t line_bytes = line_end ? (uint32_t)(line_end - input.data) : input.count;
    if (line_bytes > HTTP_TARGET_BYTES_MAX + LINE_SLACK_BYTES) return HTTP_HEAD_TARGET_LONG;
    return input.count > HTTP_HEAD_BYTES_MAX ? HTTP_HEAD_LARGE : HTTP_HEAD_OK;
}

// The parser refuses malformed heads and those with too many headers alike.
static HttpHeadStatus head_fault(Bytes input) {
    uint32_t lines = 0;
    for (uint32_t i = 0; i < input.count; i++) lines += input.data[i] == '\n';
    return lines > HTTP_HEADERS_MAX + 1 ? HTTP_HEAD_LARGE : HTTP_HEAD_BAD;
}

HttpHeadStatus http_head_parse(Bytes bytes, Arena *arena, HttpHead *ret_head) {
    HttpHeadStatus status = head_limits(bytes);
    if (status != HTTP_HEAD_OK) return status;
    DepHeader headers[HTTP_HEADERS_MAX];
    DepHttpHead parsed;
    ssize_t used = dep_http_parse_request(bytes.data, bytes.count, headers, HTTP_HEADERS_MAX,
                                          &parsed);
    if (used != (ssize_t)bytes.count) return head_fault(bytes);
    ASSERT(parsed.header_count <= HTTP_HEADERS_MAX);

    HttpHead head = {0};
    HttpRequest *request = &head.request;
    HttpHeader *copies = ARENA_ARRAY(arena, HttpHeader, parsed.header_count);
    for (size_t i = 0; i < parsed.header_count; i++) {
        copies[i].name = bytes_of(headers[i].name, headers[i].name_count);
        copies[i].value = bytes_of(headers[i].value, headers[i].value_count);
    }
    request->headers = copies;
    request->header_count = (uint32_t)parsed.header_count;
    request->method = bytes_of(parsed.method, parsed.method_count);
    request->version_minor = parsed.version_minor;
    head.is_head = bytes_equal_text(request->method, "HEAD");
    status = head_split_target(&parsed, request);
    if (status == HTTP_HEAD_OK) status = head_connection(&head);
    if (status == HTTP_HEAD_OK) status = head_framing(&head);
    if (status == HTTP_HEAD_OK) *ret_head = head;
    return status;
}

// "/path?query", "http://host/path?query" or "*".
static HttpHeadStatus head_split_target(const DepHttpHead *parsed, HttpRequest *request) {
    Bytes target = bytes_of(parsed->path, parsed->path_count);
    if (target.count > HTTP_TARGET_BYTES_MAX) return HTTP_HEAD_TARGET_LONG;
    static const char *const SCHEMES[] = {"http://", "https://"};
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t scheme_bytes = (uint32_t)strlen(SCHEMES[i]);
        if (target.count < scheme_bytes || memcmp(target.data, SCHEMES[i], scheme_bytes) != 0)
            continue;
        target = bytes_slice(target, scheme_bytes, target.count - scheme_bytes);
        const uint8_t *slash = memchr(target.data, '/', target.count);
        if (slash == NULL) return HTTP_HEAD_BAD;
        uint32_t host_bytes = (uint32_t)(slash - target.data);
        target = bytes_slice(target, host_bytes, target.count - host_bytes);
        break;
    }
    bool is_asterisk = bytes_equal_text(target, "*");
    if (!is_asterisk && (target.count == 0 || target.data[0] != '/')) return HTTP_HEAD_BAD;
    const uint8_t *fragment = memchr(target.data, '#', target.count);
    if (fragment != NULL) target.count = (uint32_t)(fragment - target.data);
    const uint8_t *mark = memchr(target.data, '?', target.count);
    uint32_t path_bytes = mark ? (uint32_t)(mark - target.data) : target.count;
    request->path = bytes_slice(target, 0, path_bytes);
    request->query = BYTES_LITERAL("");
    if (mark != NULL) {
        request->query = bytes_slice(target, path_bytes + 1, target.count - path_bytes - 1);
    }
    return HTTP_HEAD_OK;
}

static HttpHeadStatus head_connection(HttpHead *head) {
    const HttpRequest *request = &head->request;
    bool wants_close = false;
    bool wants_keep = false;
    for (uint32_t i = 0; i < request->header_count; i++) {
        Bytes value = request->headers[i].value;
        if (http_text_equal(request->headers[i].name, "connection")) {
            wants_close = wants_close || http_value_has_token(value, "close");
            wants_keep = wants_keep || http_value_has_token(value, "keep-alive");
        } else if (http_text_equal(request->headers[i].name, "expect") &&
                   request->version_minor > 0) {
            if (!http_text_equal(trim(value), "100-continue")) return HTTP_HEAD_EXPECTS;
            head->expects_continue = true;
        }
    }
    head->keep_alive = !wants_close && (request->version_minor > 0 || wants_keep);
    return HTTP_HEAD_OK;
}

static HttpHeadStatus head_framing(HttpHead *head) {
    const HttpRequest *request = &head->request;
    bool has_coding = false;
    for (uint32_t i = 0; i < request->header_count; i++) {
        Bytes value = trim(request->headers[i].value);
        if (http_text_equal(request->headers[i].name, "content-length")) {
            HttpHeadStatus status = head_content_length(head, value);
            if (status != HTTP_HEAD_OK) return status;
        } else if (http_text_equal(request->headers[i].name, "transfer-encoding")) {
            if (has_coding || request->version_minor == 0) return HTTP_HEAD_BAD;
            if (!http_text_equal(value, "chunked")) return HTTP_HEAD_CODING;
            has_coding = true;
        }
    }
    if (has_coding) {
        // Both: somebody in between may believe the other one.
        if (head->framing == HTTP_BODY_LENGTH) return HTTP_HEAD_BAD;
        head->framing = HTTP_BODY_CHUNKED;
    } else if (head->content_bytes == 0) {
        head->framing = HTTP_BODY_NONE;
    }
    return HTTP_HEAD_OK;
}

static HttpHeadStatus head_content_length(HttpHead *head, Bytes value) {
    if (value.count == 0 || value.count > 18) return HTTP_HEAD_BAD;  // 18 digits cannot overflow
    uint64_t count = 0;
    for (uint32_t i = 0; i < value.count; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') return HTTP_HEAD_BAD;
        count = count * 10 + (uint64_t)(value.data[i] - '0');
    }
    if (head->framing == HTTP_BODY_LENGTH && head->content_bytes != count) return HTTP_HEAD_BAD;
    head->framing = HTTP_BODY_LENGTH;
    head->content_bytes = count;
    return HTTP_HEAD_OK;
}

Bytes http_header(const HttpRequest *request, const char *name) {
    for (uint32_t i = 0; i < request->header_count; i++) {
        if (http_text_equal(request->headers[i].name, name)) {
            Bytes value = request->headers[i].value;
            return value.data != NULL ? value : BYTES_LITERAL("");
        }
    }
    return BYTES_NONE;
}

bool http_value_has_token(Bytes value, const char *token) {
    uint32_t at = 0;
    while (at < value.count) {
        const uint8_t *comma = memchr(value.data + at, ',', value.count - at);
        uint32_t end = comma ? (uint32_t)(comma - value.data) : value.count;
        if (http_text_equal(trim(bytes_slice(value, at, end - at)), token)) return true;
        at = end + 1;
    }
    return false;
}

// The other text may be of either case as well.
bool http_text_equal(Bytes text, const char *other) {
    for (uint32_t i = 0; i < text.count; i++) {
        if (other[i] == 0 || lower(text.data[i]) != lower((uint8_t)other[i])) return false;
    }
    return other[text.count] == 0;
}

static uint8_t lower(uint8_t byte) {
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

static Bytes trim(Bytes text) {
    while (text.count > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = bytes_slice(text, 1, text.count - 1);
    }
    while (text.count > 0 &&
           (text.data[text.count - 1] == ' ' || text.data[text.count - 1] == '\t')) {
        text.count--;
    }
    return text;
}

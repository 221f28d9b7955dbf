// http_body.c - the body reader, one state a place in the grammar.
//
//   chunked = *( 1*HEXDIG [ ext ] CRLF data CRLF )  1*"0" [ ext ] CRLF  *( trailer CRLF )  CRLF
#include "net/http_body.h"

#include "base/limits.h"

#define SIZE_DIGITS_MAX 15u  // cannot overflow 64 bits

static HttpBodyResult body_copy(HttpBody *body, Bytes input, Buffer *content, size_t *at);
static HttpBodyResult body_byte(HttpBody *body, uint8_t byte, const Buffer *content);
static HttpBodyResult body_size_byte(HttpBody *body, uint8_t byte);
static HttpBodyResult body_size_end(HttpBody *body, const Buffer *content);
static HttpBodyResult body_expect(HttpBody *body, uint8_t byte, uint8_t wanted, HttpBodyState to);

bool http_body_init(HttpBody *body, const HttpHead *head, size_t max) {
    ASSERT(head->framing != HTTP_BODY_NONE);
    *body = (HttpBody){.state = HTTP_BODY_SIZE, .max = max};
    if (head->framing == HTTP_BODY_CHUNKED) return true;
    body->state = HTTP_BODY_COUNTED;
    body->left = head->content_bytes;
    return head->content_bytes <= max;
}

HttpBodyResult http_body_feed(HttpBody *body, Bytes input, Buffer *content, size_t *ret_used) {
    HttpBodyResult result = HTTP_BODY_MORE;
    size_t at = 0;
    while (at < input.count && result == HTTP_BODY_MORE) {
        if (body->state == HTTP_BODY_COUNTED || body->state == HTTP_BODY_CHUNK) {
            result = body_copy(body, input, content, &at);
        } else {
            result = body_byte(body, input.data[at++], content);
        }
    }
    *ret_used = at;
    return result;
}

static HttpBodyResult body_copy(HttpBody *body, Bytes input, Buffer *content, size_t *at) {
    size_t count = input.count - *at;
    if (body->left < count) count = (size_t)body->left;
    buffer_append(content, input.data + *at, count);
    if (content->failed) return HTTP_BODY_TOO_LARGE;
    *at += count;
    body->left -= count;
    if (body->left > 0) return HTTP_BODY_MORE;
    if (body->state == HTTP_BODY_CHUNK) {
        body->state = HTTP_BODY_CHUNK_CR;
        return HTTP_BODY_MORE;
    }
    body->state = HTTP_BODY_COMPLETE;
    return HTTP_BODY_DONE;
}

static HttpBodyResult body_byte(HttpBody *body, uint8_t byte, const Buffer *content) {
    switch (body->state) {
    case HTTP_BODY_SIZE: return body_size_byte(body, byte);
    case HTTP_BODY_EXTENSION:
        if (byte == '\n' || ++body->line_bytes > HTTP_CHUNK_LINE_BYTES_MAX) return HTTP_BODY_BAD;
        if (byte == '\r') body->state = HTTP_BODY_SIZE_END;
        return HTTP_BODY_MORE;
    case HTTP_BODY_SIZE_END:
        if (byte != '\n') return HTTP_BODY_BAD;
        return body_size_end(body, content);
    case HTTP_BODY_CHUNK_CR: return body_expect(body, byte, '\r', HTTP_BODY_CHUNK_LF);
    case HTTP_BODY_CHUNK_LF:
        body->size_digits = 0;
        body->line_bytes = 0;
        return body_expect(body, byte, '\n', HTTP_BODY_SIZE);
    case HTTP_BODY_TRAILER:
    case HTTP_BODY_TRAILER_LINE:
        if (byte == '\n' || ++body->line_bytes > HTTP_TRAILER_BYTES_MAX) return HTTP_BODY_BAD;
        if (byte == '\r') {
            bool is_empty = body->state == HTTP_BODY_TRAILER;
            body->state = is_empty ? HTTP_BODY_FINAL_LF : HTTP_BODY_TRAILER_LF;
        } else {
            body->state = HTTP_BODY_TRAILER_LINE;
        }
        return HTTP_BODY_MORE;
    case HTTP_BODY_TRAILER_LF: return body_expect(body, byte, '\n', HTTP_BODY_TRAILER);
    case HTTP_BODY_FINAL_LF:
        body->state = HTTP_BODY_COMPLETE;
        return byte == '\n' ? HTTP_BODY_DONE : HTTP_BODY_BAD;
    case HTTP_BODY_COUNTED:
    case HTTP_BODY_CHUNK:
    case HTTP_BODY_COMPLETE: break;
    }
    UNREACHABLE();
}

static HttpBodyResult body_size_byte(HttpBody *body, uint8_t byte) {
    uint8_t digit;
    char text[2] = {'0', (char)byte};
    if (hex_decode(bytes_of(text, 2), &digit, 1)) {
        if (++body->size_digits > SIZE_DIGITS_MAX) return HTTP_BODY_BAD;
        body->left = body->left << 4 | digit;
        return HTTP_BODY_MORE;
    }
    if (body->size_digits == 0) return HTTP_BODY_BAD;
    if (byte == '\r') {
        body->state = HTTP_BODY_SIZE_END;
    } else if (byte == ';' || byte == ' ' || byte == '\t') {
        body->state = HTTP_BODY_EXTENSION;
    } else {
        return HTTP_BODY_BAD;
    }
    return HTTP_BODY_MORE;
}

static HttpBodyResult body_size_end(HttpBody *body, const Buffer *content) {
    if (body->left > body->max - content->count) return HTTP_BODY_TOO_LARGE;
    body->line_bytes = 0;
    body->state = body->left == 0 ? HTTP_BODY_TRAILER : HTTP_BODY_CHUNK;
    return HTTP_BODY_MORE;
}

static HttpBodyResult body_expect(HttpBody *body, uint8_t byte, uint8_t wanted, HttpBodyState to) {
    if (byte != wanted) return HTTP_BODY_BAD;
    body->state = to;
    return HTTP_BODY_MORE;
}

// http_head.h - one request head: where it ends, what it says, how its body is framed. Pure.
//
// Threads    any.
// Lifetime   the parsed head borrows from the bytes and the arena given.
// Limits     HTTP_HEAD_BYTES_MAX, HTTP_TARGET_BYTES_MAX, HTTP_HEADERS_MAX.
// Format     RFC 9112. Whatever two readers could frame differently is refused.
#pragma once

#include "net/net.h"

// What a head is refused with: the enumerators are the HTTP statuses.
typedef enum HttpHeadStatus {
    HTTP_HEAD_OK = 0,
    HTTP_HEAD_BAD = 400,
    HTTP_HEAD_TARGET_LONG = 414,
    HTTP_HEAD_EXPECTS = 417,  // an Expect we do not know
    HTTP_HEAD_LARGE = 431,
    HTTP_HEAD_CODING = 501,  // a transfer coding we do not know
} HttpHeadStatus;

typedef enum HttpFraming { HTTP_BODY_NONE, HTTP_BODY_LENGTH, HTTP_BODY_CHUNKED } HttpFraming;

typedef struct HttpHead {
    HttpRequest request;  // without body
    HttpFraming framing;
    uint64_t content_bytes;  // with HTTP_BODY_LENGTH
    bool keep_alive;
    bool expects_continue;
    bool is_head;  // the method HEAD: the answer has no body
} HttpHead;

// Looks for the end of a head that begins at input's first byte; continues from *at, which it
// advances, so that each byte is looked at once. Bytes of the head, or 0 if its end has not come.
uint32_t http_head_find_end(Bytes input, uint32_t *at);
// What to say about a head whose end has not come within the limits, or that cannot become one.
HttpHeadStatus http_head_check_partial(Bytes input);
// Parses a whole head.
HttpHeadStatus http_head_parse(Bytes bytes, Arena *arena, HttpHead *ret_head);
// Does a comma-separated header value contain the token? Without case.
bool http_value_has_token(Bytes value, const char *token);
bool http_text_equal(Bytes text, const char *other);  // without case

// http_body.h - takes a request body out of the input: counted or chunked. Pure.
//
// Threads    any.
// Limits     the maximum given at init, HTTP_CHUNK_LINE_BYTES_MAX, HTTP_TRAILER_BYTES_MAX.
// Format     RFC 9112, 7.1. Trailers are read and dropped; line ends are CRLF only.
#pragma once

#include "net/http_head.h"

typedef enum HttpBodyState {
    HTTP_BODY_COUNTED,    // `left` bytes of a body with a length
    HTTP_BODY_SIZE,       // digits of a chunk's size
    HTTP_BODY_EXTENSION,  // behind the size, to be ignored
    HTTP_BODY_SIZE_END,   // CR was read, LF is due
    HTTP_BODY_CHUNK,      // `left` bytes of a chunk
    HTTP_BODY_CHUNK_CR,   // behind a chunk
    HTTP_BODY_CHUNK_LF,
    HTTP_BODY_TRAILER,  // start of a trailer line, or of the final empty line
    HTTP_BODY_TRAILER_LINE,
    HTTP_BODY_TRAILER_LF,  // end of a trailer line
    HTTP_BODY_FINAL_LF,
    HTTP_BODY_COMPLETE,
} HttpBodyState;

typedef struct HttpBody {
    HttpBodyState state;
    uint64_t left;
    uint32_t line_bytes;  // of the size line, or of all trailers
    uint32_t size_digits;
    size_t max;
} HttpBody;

typedef enum HttpBodyResult {
    HTTP_BODY_MORE,
    HTTP_BODY_DONE,
    HTTP_BODY_BAD,        // 400
    HTTP_BODY_TOO_LARGE,  // 413
} HttpBodyResult;

// For a head whose framing is not HTTP_BODY_NONE. False: the announced length is over the maximum.
bool http_body_init(HttpBody *body, const HttpHead *head, size_t max);
// Takes from the input what belongs to the body and appends its content. *ret_used is always
// written.
HttpBodyResult http_body_feed(HttpBody *body, Bytes input, Buffer *content, size_t *ret_used);

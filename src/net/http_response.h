// http_response.h - the bytes of an answer. Pure but for the date.
//
// Threads    any.
// Format     RFC 9112; header names as given, ours in lower case, in upstream's order.
#pragma once

#include "net/net.h"

typedef enum HttpLength {
    HTTP_LENGTH_KNOWN,  // content-length
    HTTP_LENGTH_CHUNKED,
    HTTP_LENGTH_CLOSE,  // HTTP/1.0 and unknown: until the connection ends
} HttpLength;

typedef struct HttpResponseStyle {
    HttpLength length;
    bool without_body;  // of a HEAD request: its headers only
    bool will_close;
    bool says_keep_alive;  // to an HTTP/1.0 client that asked for it
} HttpResponseStyle;

// Head and, with HTTP_LENGTH_KNOWN, body. Headers that cannot stand in a head (CR, LF or NUL in
// them, an empty name) and those that we write ourselves are left out.
void http_response_write(Buffer *out, const HttpResponse *response, const HttpResponseStyle *style);
// One chunk; nothing if empty, as that would be the end.
void http_chunk_write(Buffer *out, Bytes bytes);
void http_chunk_write_end(Buffer *out);
// 204, 304 and 1xx have no body and no length.
bool http_status_has_body(uint32_t status);
// One header line, or nothing if it cannot stand in a head.
void http_header_write(Buffer *out, Bytes name, Bytes value);
void http_date_write(Buffer *out);

// http.h - HTTP requests that procedures make, in BSATN at the module's side and through libcurl at the other.
// Private to host/.
//
// Threads    http_fetch waits on the calling thread; nothing is shared.
// Errors     texts never hold a query string, a password or a header's value: they may be logged and shown.
// Limits     MODULE_HTTP_* in base/limits.h.        Format  spec: module-abi.md 7.5.
#pragma once

#include "base/arena.h"

#include <netinet/in.h>

typedef struct HttpField {
    Bytes name;
    Bytes value;
} HttpField;

// The tags of the BSATN sums.
typedef enum HttpMethod {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_CONNECT,
    HTTP_OPTIONS,
    HTTP_TRACE,
    HTTP_PATCH,
    HTTP_EXTENSION,
} HttpMethod;
typedef enum HttpVersion { HTTP_09, HTTP_10, HTTP_11, HTTP_2, HTTP_3 } HttpVersion;

typedef struct HttpRequest {
    HttpMethod method;
    Bytes extension;  // HTTP_EXTENSION
    const HttpField *fields;
    uint32_t field_count;
    bool has_timeout;
    int64_t timeout_micros;
    Bytes uri;
    HttpVersion version;
    Bytes body;
} HttpRequest;

#define HTTP_ERROR_BYTES_MAX 4096u

typedef struct HttpReply {
    Buffer head;  // BSATN of an HttpResponse
    Buffer body;
    Buffer error;  // of HTTP_FAILED
} HttpReply;

void http_reply_init(HttpReply *reply);
void http_reply_done(HttpReply *reply);
void http_reply_fail(HttpReply *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// BSATN of an HttpRequest; false if it is none. Fields are in the arena; texts are borrowed.
bool http_request_read(Bytes bytes, Arena *arena, HttpRequest *ret_request);

typedef struct HttpPolicy {
    bool allows_private;
    bool (*is_ending)(void *user);  // asked while it waits: give up?
    void *user;
} HttpPolicy;

typedef enum HttpOutcome {
    HTTP_DONE,    // whatever the status
    HTTP_FAILED,  // reply->error says why
    HTTP_ENDED,   // the policy wanted it
} HttpOutcome;

// The whole exchange, redirects included.
HttpOutcome http_fetch(const HttpRequest *request, const HttpPolicy *policy, HttpReply *reply);

// Is this no address of the public internet? What is neither IPv4 nor IPv6 is not.
bool http_address_is_private(const struct sockaddr *address);
#define HTTP_PRIVATE_TEXT "refusing to connect to private or special-purpose addresses"

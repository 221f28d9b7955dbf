// http.c - outbound requests, and the encoding of requests and responses.
//
//     request    method, headers, timeout, uri, version
//     response   headers, version, status
// A method is a tag, and its text behind the last one; a timeout is an option of microseconds.
// Bodies travel beside them.
#include "http.h"
#include "call.h"
#include "memory.h"

#define HTTP_DEFAULT_STATUS 200u
// A method, a timeout, a version, a count and a status, without their texts.
#define HTTP_FIXED_BYTES 32u

static uint32_t headers_bytes(StdbHttpHeaders headers);
static uint8_t *headers_write(uint8_t *at, StdbHttpHeaders headers);
static StdbHttpHeaders headers_read(StdbReader *reader);
static uint8_t *write_version(uint8_t *at, StdbHttpVersion version);
static StdbBytes request_write(const StdbHttpRequest *request);
static bool is_same_name(StdbString name, const char *other);

StdbStatus stdb_http_send(StdbProcedureContext *ctx, const StdbHttpRequest *request,
                          StdbHttpResponse *ret_response) {
    if (ctx->is_in_transaction) stdb_panic("stdb_http_send: a transaction is open");
    StdbBytes head = request_write(request);
    const uint8_t *body = request->body.count > 0 ? request->body.data : head.data;
    uint32_t sources[2] = {0};
    uint32_t error = stdb_host_http_request(head.data, head.count, body, request->body.count,
                                            sources);
    if (error == STDB_ERRNO_HTTP) {
        StdbReader text = call_read_source(sources[0]);
        StdbString reason;
        stdb_read__StdbString(&text, &reason);
        return stdb_fail("%s", reason.data);
    }
    if (error != 0) stdb_panic("procedure_http_request: host error %u", error);
    StdbReader reader = call_read_source(sources[0]);
    StdbReader bytes = call_read_source(sources[1]);
    StdbHttpResponse response = {.headers = headers_read(&reader)};
    response.version = (StdbHttpVersion)stdb_reader_tag(&reader, STDB_HTTP_3 + 1);
    stdb_read__uint16_t(&reader, &response.status);
    if (reader.failed) stdb_panic("procedure_http_request: the response is malformed");
    response.body = (StdbBytes){bytes.at, bytes.left};
    *ret_response = response;
    return STDB_OK;
}

bool stdb_http_header(StdbHttpHeaders headers, const char *name, StdbString *ret_value) {
    for (uint32_t i = 0; i < headers.count; i++) {
        if (!is_same_name(headers.items[i].name, name)) continue;
        *ret_value = headers.items[i].value;
        return true;
    }
    return false;
}

static uint8_t lower(char character) {
    return (uint8_t)(character >= 'A' && character <= 'Z' ? character - 'A' + 'a' : character);
}

static bool is_same_name(StdbString name, const char *other) {
    if (strlen(other) != name.length) return false;
    for (uint32_t i = 0; i < name.length; i++) {
        if (lower(name.data[i]) != lower(other[i])) return false;
    }
    return true;
}

StdbHttpResponse stdb_http_text(uint16_t status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    StdbString text = stdb_format_list(format, arguments);
    va_end(arguments);
    return stdb_http_reply(status, "text/plain; charset=utf-8",
                           (StdbBytes){(const uint8_t *)text.data, text.length});
}

StdbHttpResponse stdb_http_reply(uint16_t status, const char *content_type, StdbBytes body) {
    StdbHttpHeader *header = STDB_NEW(StdbHttpHeader, 1);
    *header = (StdbHttpHeader){STDB_STRING("content-type"), stdb_string(content_type)};
    return (StdbHttpResponse){.status = status, .headers = {header, 1}, .body = body};
}

// ---- encoding ----

static StdbBytes request_write(const StdbHttpRequest *request) {
    if (request->method > STDB_HTTP_EXTENSION)
        stdb_panic("no HTTP method has number %u", (uint32_t)request->method);
    uint8_t *bytes = stdb_alloc((size_t)HTTP_FIXED_BYTES + request->extension.length +
                                headers_bytes(request->headers) + request->uri.length);
    uint8_t *at = bytes;
    *at++ = (uint8_t)request->method;
    if (request->method == STDB_HTTP_EXTENSION)
        at = stdb_write__StdbString(at, &request->extension);
    at = headers_write(at, request->headers);
    *at++ = request->timeout.micros == 0 ? 1 : 0;  // none, some
    if (request->timeout.micros != 0) at = stdb_write__StdbDuration(at, &request->timeout);
    at = stdb_write__StdbString(at, &request->uri);
    at = write_version(at, request->version);
    return (StdbBytes){bytes, (uint32_t)(at - bytes)};
}

StdbBytes http_write_response(const StdbHttpResponse *response) {
    uint8_t *bytes = stdb_alloc((size_t)HTTP_FIXED_BYTES + headers_bytes(response->headers));
    uint8_t *at = headers_write(bytes, response->headers);
    at = write_version(at, response->version);
    const uint16_t status = response->status == 0 ? HTTP_DEFAULT_STATUS : response->status;
    at = stdb_write__uint16_t(at, &status);
    return (StdbBytes){bytes, (uint32_t)(at - bytes)};
}

void http_read_request(StdbReader reader, StdbHttpRequest *ret_request) {
    StdbHttpRequest request = {
        .method = (StdbHttpMethod)stdb_reader_tag(&reader, STDB_HTTP_EXTENSION + 1)};
    if (request.method == STDB_HTTP_EXTENSION) stdb_read__StdbString(&reader, &request.extension);
    request.headers = headers_read(&reader);
    if (stdb_reader_tag(&reader, 2) == 0) stdb_read__StdbDuration(&reader, &request.timeout);
    stdb_read__StdbString(&reader, &request.uri);
    request.version = (StdbHttpVersion)stdb_reader_tag(&reader, STDB_HTTP_3 + 1);
    if (reader.failed) stdb_panic("the request of an HTTP handler is malformed");
    *ret_request = request;
}

static uint8_t *write_version(uint8_t *at, StdbHttpVersion version) {
    *at = (uint8_t)(version == STDB_HTTP_DEFAULT ? STDB_HTTP_1_1 : version);
    return at + 1;
}

static uint32_t headers_bytes(StdbHttpHeaders headers) {
    uint32_t bytes = 4;
    for (uint32_t i = 0; i < headers.count; i++) {
        bytes += stdb_bytes__StdbString(&headers.items[i].name) +
                 stdb_bytes__StdbString(&headers.items[i].value);
    }
    return bytes;
}

static uint8_t *headers_write(uint8_t *at, StdbHttpHeaders headers) {
    at = stdb_write_count(at, headers.count);
    for (uint32_t i = 0; i < headers.count; i++) {
        at = stdb_write__StdbString(at, &headers.items[i].name);
        at = stdb_write__StdbString(at, &headers.items[i].value);
    }
    return at;
}

// A failed reader gives none.
static StdbHttpHeaders headers_read(StdbReader *reader) {
    uint32_t count = stdb_reader_count(reader);
    StdbHttpHeader *items = STDB_NEW(StdbHttpHeader, count);
    for (uint32_t i = 0; i < count; i++) {
        stdb_read__StdbString(reader, &items[i].name);
        stdb_read__StdbString(reader, &items[i].value);
    }
    return (StdbHttpHeaders){items, reader->failed ? 0 : count};
}

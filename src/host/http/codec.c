// codec.c - HttpRequest from BSATN, and what a reply is made of.
#include "host/http/http.h"

#include "base/limits.h"
#include "base/reader.h"
#include "base/status.h"

#include <stdio.h>

enum { OPTION_SOME, OPTION_NONE };
// A name and a value, each with its length.
#define FIELD_BYTES_MIN 8u

bool http_request_read(Bytes bytes, Arena *arena, HttpRequest *ret_request) {
    if (bytes.count > MODULE_HTTP_HEAD_BYTES_MAX) return false;
    Reader reader = reader_of(bytes);
    HttpRequest request = {0};
    uint8_t method = reader_u8(&reader);
    if (method > HTTP_EXTENSION) return false;
    request.method = (HttpMethod)method;
    if (request.method == HTTP_EXTENSION) request.extension = reader_string(&reader);
    request.field_count = reader_count(&reader, FIELD_BYTES_MIN);
    HttpField *fields = ARENA_ARRAY(arena, HttpField, request.field_count);
    for (uint32_t i = 0; i < request.field_count; i++) {
        fields[i].name = reader_string(&reader);
        fields[i].value = reader_bytes(&reader);
    }
    request.fields = fields;
    uint8_t option = reader_u8(&reader);
    if (option > OPTION_NONE) return false;
    request.has_timeout = option == OPTION_SOME;
    if (request.has_timeout) request.timeout_micros = (int64_t)reader_u64(&reader);
    request.uri = reader_string(&reader);
    uint8_t version = reader_u8(&reader);
    if (version > HTTP_3) return false;
    request.version = (HttpVersion)version;
    if (!reader_ok(&reader)) return false;  // what follows is ignored, as upstream does
    *ret_request = request;
    return true;
}

void http_reply_init(HttpReply *reply) {
    buffer_init(&reply->head, 2 * MODULE_HTTP_HEAD_BYTES_MAX);
    buffer_init(&reply->body, MODULE_HTTP_BODY_BYTES_MAX);
    buffer_init(&reply->error, HTTP_ERROR_BYTES_MAX);
}

void http_reply_done(HttpReply *reply) {
    buffer_done(&reply->head);
    buffer_done(&reply->body);
    buffer_done(&reply->error);
}

void http_reply_fail(HttpReply *reply, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    Error text = {0};
    (void)vsnprintf(text.text, sizeof text.text, format, arguments);  // cut if longer
    va_end(arguments);
    buffer_clear(&reply->error);
    uint32_t count = utf8_cut(bytes_of_text(text.text), ERROR_TEXT_MAX - 1);
    buffer_append(&reply->error, text.text, count);
}

// host_http_fuzz.c - any bytes as the HttpRequest of a module: what is read must be what is written again.
#include "base/limits.h"
#include "base/reader.h"
#include "host/http/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static void write_request(Buffer *out, const HttpRequest *request) {
    buffer_u8(out, (uint8_t)request->method);
    if (request->method == HTTP_EXTENSION) buffer_string(out, request->extension);
    buffer_u32(out, request->field_count);
    for (uint32_t i = 0; i < request->field_count; i++) {
        buffer_string(out, request->fields[i].name);
        buffer_string(out, request->fields[i].value);
    }
    buffer_u8(out, request->has_timeout ? 0 : 1);
    if (request->has_timeout) buffer_u64(out, (uint64_t)request->timeout_micros);
    buffer_string(out, request->uri);
    buffer_u8(out, (uint8_t)request->version);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count > MODULE_HTTP_HEAD_BYTES_MAX + 1) return 0;
    Arena arena;
    arena_init(&arena, 64u << 20);
    HttpRequest request;
    if (http_request_read(bytes_of(data, count), &arena, &request)) {
        Buffer out;
        buffer_init(&out, 2 * MODULE_HTTP_HEAD_BYTES_MAX);
        write_request(&out, &request);
        ASSERT(!out.failed && out.count <= count);
        ASSERT(memcmp(out.data, data, out.count) == 0);
        buffer_done(&out);
    }
    arena_done(&arena);
    return 0;
}

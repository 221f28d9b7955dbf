// bytes_calls.c - byte streams between host and guest. The handle is looked up before guest memory is touched.
#include "host/abi/abi.h"

int64_t host_bytes_source_read(Instance *instance, const HostValue *args) {
    ByteSource *source = byte_sources_find(&instance->sources, args[0].u32);
    if (!source) return ERRNO_NO_SUCH_BYTES;
    const uint8_t *capacity_at = guest_view(instance, args[2].u32, sizeof(uint32_t));
    if (!capacity_at) return 0;
    uint32_t count = load_u32le(capacity_at);
    uint8_t *buffer = guest_view(instance, args[1].u32, count);
    if (!buffer) return 0;
    if (count > source->rest.count) count = source->rest.count;
    if (count > 0) memcpy(buffer, source->rest.data, count);
    source->rest = bytes_slice(source->rest, count, source->rest.count - count);
    guest_store_u32(instance, args[2].u32, count);
    if (source->rest.count > 0) return ERRNO_OK;
    byte_sources_close(&instance->sources, source);
    return -1;
}

int64_t host_bytes_source_remaining_length(Instance *instance, const HostValue *args) {
    const ByteSource *source = byte_sources_find(&instance->sources, args[0].u32);
    if (!source) return ERRNO_NO_SUCH_BYTES;
    return guest_store_u32(instance, args[1].u32, source->rest.count);
}

// The length cell stays as it is: it always says what was written (module-abi.md 1.8).
int64_t host_bytes_sink_write(Instance *instance, const HostValue *args) {
    Buffer *sink = byte_sinks_find(&instance->sinks, args[0].u32);
    if (!sink) return ERRNO_NO_SUCH_BYTES;
    const uint8_t *count_at = guest_view(instance, args[2].u32, sizeof(uint32_t));
    Bytes bytes;
    if (!count_at || !guest_bytes(instance, args[1].u32, load_u32le(count_at), &bytes)) return 0;
    if (bytes.count > MODULE_SINK_BYTES_MAX - sink->count) return ERRNO_NO_SPACE;
    buffer_append_bytes(sink, bytes);
    return ERRNO_OK;
}

// compress.c - see compress.h. A message that many clients get passes the connections of a thread in a row, so that a
// memory of a few is enough to compress it once.
#include "net/compress.h"

#include <brotli/encode.h>
#include <zlib.h>

// zlib: the largest window, and a gzip header and trailer around the stream.
#define GZIP_WINDOW_BITS (15 + 16)
#define GZIP_MEMORY_LEVEL 8
#define BROTLI_QUALITY 1

static bool gzip_into(Compressor *compressor, Bytes bytes, SharedBuf *to);
static bool brotli_into(Bytes bytes, SharedBuf *to);
static void forget(CompressedMessage *message);

void compressor_done(Compressor *compressor) {
    for (uint32_t i = 0; i < COMPRESS_MEMORY; i++) forget(&compressor->memory[i]);
    if (compressor->deflate) {
        (void)deflateEnd(compressor->deflate);
        mem_free(compressor->deflate);
    }
    *compressor = (Compressor){0};
}

static void forget(CompressedMessage *message) {
    shared_buf_unref(message->from.buf);
    shared_buf_unref(message->to);
    *message = (CompressedMessage){0};
}

SharedBuf *compress_slice(Compressor *compressor, WsCompression compression, SharedSlice slice) {
    ASSERT(slice.count > 0);
    for (uint32_t i = 0; i < COMPRESS_MEMORY; i++) {
        const CompressedMessage *message = &compressor->memory[i];
        bool is_same = message->from.buf == slice.buf && message->from.at == slice.at &&
                       message->from.count == slice.count && message->compression == compression;
        if (is_same) return message->to ? shared_buf_ref(message->to) : NULL;
    }
    SharedBuf *to = compress_bytes(compressor, compression, shared_slice_bytes(slice));
    CompressedMessage *place = &compressor->memory[compressor->oldest];
    compressor->oldest = (compressor->oldest + 1) % COMPRESS_MEMORY;
    forget(place);
    (void)shared_buf_ref(slice.buf);
    *place = (CompressedMessage){slice, compression, to ? shared_buf_ref(to) : NULL};
    return to;
}

// The buffer has room for what was there before: what does not fit is no gain.
SharedBuf *compress_bytes(Compressor *compressor, WsCompression compression, Bytes bytes) {
    ASSERT(compression != WS_COMPRESS_NONE && bytes.count > 0);
    SharedBuf *to = shared_buf_create(bytes.count);
    to->data[0] = (uint8_t)compression;
    bool is_fewer = compression == WS_COMPRESS_GZIP ? gzip_into(compressor, bytes, to)
                                                    : brotli_into(bytes, to);
    if (is_fewer) return to;
    shared_buf_unref(to);
    return NULL;
}

static bool gzip_into(Compressor *compressor, Bytes bytes, SharedBuf *to) {
    z_stream *stream = compressor->deflate;
    if (stream == NULL) {
        stream = mem_alloc_zero(sizeof *stream);
        int begun = deflateInit2(stream, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW_BITS,
                                 GZIP_MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
        if (begun != Z_OK) {
            mem_free(stream);
            return false;  // no memory: the message goes as it is
        }
        compressor->deflate = stream;
    }
    stream->next_in = (Bytef *)(uintptr_t)bytes.data;
    stream->avail_in = bytes.count;
    stream->next_out = to->data + 1;
    stream->avail_out = to->capacity - 1;
    bool is_fewer = deflate(stream, Z_FINISH) == Z_STREAM_END;
    to->count = to->capacity - stream->avail_out;
    (void)deflateReset(stream);
    return is_fewer;
}

static bool brotli_into(Bytes bytes, SharedBuf *to) {
    size_t count = to->capacity - 1;
    bool is_fewer = BrotliEncoderCompress(BROTLI_QUALITY, BROTLI_DEFAULT_WINDOW,
                                          BROTLI_DEFAULT_MODE, bytes.count, bytes.data, &count,
                                          to->data + 1) == BROTLI_TRUE;
    if (is_fewer) to->count = (uint32_t)count + 1;
    return is_fewer;
}

// compress.h - messages in fewer bytes: once for all connections of a net thread that send the same ones.
//
// Threads    the net thread that owns the Compressor.
// Lifetime   a zeroed Compressor is ready; the few messages it remembers keep their buffers until others take their
//            place, or compressor_done.
// Limits     COMPRESS_BYTES_MIN as upstream; COMPRESS_BYTES_MAX: larger ones would stop the thread's other connections.
// Format     websocket.md 2.2: a tag byte, then a Brotli stream of quality 1 or one gzip member of the fastest level.
#pragma once

#include "base/bytes.h"
#include "net/net.h"

// Smaller messages are sent as they are.
#define COMPRESS_BYTES_MIN 1025u
#define COMPRESS_BYTES_MAX (1u << 20)
#define COMPRESS_MEMORY 4u

typedef struct CompressedMessage {
    SharedSlice from;  // buf == NULL: none; one reference
    WsCompression compression;
    SharedBuf *to;  // one reference
} CompressedMessage;

typedef struct Compressor {
    CompressedMessage memory[COMPRESS_MEMORY];
    uint32_t oldest;  // in memory
    void *deflate;    // zlib's state, kept from message to message; NULL: none yet
} Compressor;

void compressor_done(Compressor *compressor);
static inline bool compress_is_due(WsCompression compression, uint64_t bytes) {
    return compression != WS_COMPRESS_NONE && bytes >= COMPRESS_BYTES_MIN &&
           bytes <= COMPRESS_BYTES_MAX;
}
// A message's bytes with their tag, as a counted buffer of the caller's; NULL if they would not become fewer.
SharedBuf *compress_bytes(Compressor *compressor, WsCompression compression, Bytes bytes);
// The same for a message that is one slice, remembered: the next connection gets the same buffer.
SharedBuf *compress_slice(Compressor *compressor, WsCompression compression, SharedSlice slice);

// reader.c - the readers that are too long to be inlined.
#include "base/reader.h"

Bytes reader_string(Reader *reader) {
    Bytes bytes = reader_bytes(reader);
    if (!utf8_is_valid(bytes)) reader->failed = true;
    return reader->failed ? BYTES_NONE : bytes;
}

uint64_t reader_varint(Reader *reader) {
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 64; shift += 7) {
        uint8_t byte = reader_u8(reader);
        if (shift == 63 && byte > 1) break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) return reader->failed ? 0 : value;
    }
    reader->failed = true;
    return 0;
}

// base_reader_fuzz.c - a script of reads over hostile bytes.
//
// The input is | count of operations | operations | bytes to read |. Whatever the operations, the reader must
// stay inside its input, hand out only parts of it, and stay failed once it failed. What it read, written again
// by the Buffer's mirror of each read, must be the bytes it passed over.
#include "base/reader.h"

typedef enum Operation {
    OPERATION_U8,
    OPERATION_U16,
    OPERATION_U32,
    OPERATION_U64,
    OPERATION_BYTES,
    OPERATION_STRING,
    OPERATION_VARINT,
    OPERATION_COUNT,
    OPERATION_COUNT_LIMITED,
    OPERATION_TAKE,
    OPERATION_TOTAL,
} Operation;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static void check_inside(Bytes part, Bytes whole) {
    if (part.data == NULL) ASSERT(part.count == 0);
    if (part.data == NULL) return;
    ASSERT(part.data >= whole.data);
    ASSERT(part.data <= whole.data + whole.count);
    ASSERT(part.count <= (size_t)(whole.data + whole.count - part.data));
}

// A varint may be longer than the shortest form; then only its value must come back.
static void check_varint(Reader *reader, Buffer *written) {
    size_t before = reader_left(reader);
    uint64_t value = reader_varint(reader);
    if (!reader_ok(reader)) return;
    size_t start = written->count;
    buffer_varint(written, value);
    ASSERT(written->count - start <= before - reader_left(reader));
    Reader again = reader_of(
        bytes_slice(buffer_bytes(written), (uint32_t)start, (uint32_t)(written->count - start)));
    ASSERT(reader_varint(&again) == value);
    ASSERT(reader_finish(&again));
    written->count = start;
    buffer_append(written, reader->at - (before - reader_left(reader)),
                  before - reader_left(reader));
}

static void check_count(Reader *reader, Buffer *written, uint32_t element_bytes_min) {
    uint32_t count = reader_count(reader, element_bytes_min);
    if (!reader_ok(reader)) ASSERT(count == 0);
    ASSERT((uint64_t)count * element_bytes_min <= reader_left(reader));
    buffer_u32(written, count);
}

static void check_part(Buffer *written, Bytes part, Bytes whole) {
    check_inside(part, whole);
    buffer_string(written, part);
}

static void run_operation(Reader *reader, uint8_t code, Bytes whole, Buffer *written) {
    uint32_t argument = code / OPERATION_TOTAL;
    switch ((Operation)(code % OPERATION_TOTAL)) {
    case OPERATION_U8: buffer_u8(written, reader_u8(reader)); break;
    case OPERATION_U16: buffer_u16(written, reader_u16(reader)); break;
    case OPERATION_U32: buffer_u32(written, reader_u32(reader)); break;
    case OPERATION_U64: buffer_u64(written, reader_u64(reader)); break;
    case OPERATION_BYTES: check_part(written, reader_bytes(reader), whole); break;
    case OPERATION_STRING: check_part(written, reader_string(reader), whole); break;
    case OPERATION_VARINT: check_varint(reader, written); break;
    case OPERATION_COUNT: check_count(reader, written, argument + 1); break;
    case OPERATION_COUNT_LIMITED: {
        uint32_t count = reader_count_limited(reader, argument);
        ASSERT(count <= argument);
        buffer_u32(written, count);
        break;
    }
    case OPERATION_TAKE: {
        const uint8_t *at = reader_take(reader, argument);
        if (reader_ok(reader)) ASSERT(at != NULL);
        if (reader_ok(reader)) buffer_append(written, at, argument);
        break;
    }
    case OPERATION_TOTAL: UNREACHABLE();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count == 0) return 0;
    size_t operation_count = data[0] < count ? data[0] : count - 1;
    const uint8_t *operations = data + 1;
    Bytes whole = bytes_of(operations + operation_count, count - 1 - operation_count);
    Buffer written;
    buffer_init(&written, count + 4);
    Reader reader = reader_of(whole);
    bool failed = false;
    for (size_t i = 0; i < operation_count; i++) {
        run_operation(&reader, operations[i], whole, &written);
        if (failed) ASSERT(!reader_ok(&reader));
        failed = !reader_ok(&reader);
        ASSERT(reader_left(&reader) <= whole.count);
        if (failed) continue;
        ASSERT(!written.failed);
        ASSERT(written.count == whole.count - reader_left(&reader));
        ASSERT(written.count == 0 || memcmp(written.data, whole.data, written.count) == 0);
    }
    if (reader_finish(&reader)) ASSERT(written.count == whole.count);
    buffer_done(&written);
    return 0;
}

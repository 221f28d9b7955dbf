// net_ws_frame_fuzz.c - what hostile clients can put on a WebSocket.
//
// The input is | one byte: how to cut | bytes of the socket |. The bytes are fed to a reader at
// once and to another one in pieces: both must tell the same events and find the same fault at the
// same place. Every event keeps the promises of ws_reader.h.
#include "base/hash.h"
#include "base/limits.h"
#include "net/ws_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

// All events so far, as bytes.
typedef struct Trace {
    Buffer events;
    uint32_t stops_at;  // the sink says stop at this message; 0: never
    uint32_t messages;
} Trace;

static void trace_event(Trace *trace, uint8_t kind, Bytes bytes) {
    Hash hash = hash_blake3(bytes);
    buffer_u8(&trace->events, kind);
    buffer_u32(&trace->events, bytes.count);
    buffer_append(&trace->events, hash.bytes, sizeof hash.bytes);
    ASSERT(!trace->events.failed);
}

static bool on_message(void *user, WsKind kind, Bytes bytes) {
    Trace *trace = user;
    ASSERT(bytes.count <= CLIENT_MESSAGE_BYTES_MAX);
    if (kind == WS_TEXT) ASSERT(utf8_is_valid(bytes));
    trace_event(trace, kind == WS_TEXT ? 't' : 'b', bytes);
    return ++trace->messages != trace->stops_at;
}

static bool on_control(void *user, WsOpcode opcode, Bytes payload) {
    Trace *trace = user;
    ASSERT(ws_opcode_is_control(opcode) && opcode <= WS_OP_PONG);
    ASSERT(payload.count <= WS_CONTROL_BYTES_MAX);
    if (opcode == WS_OP_CLOSE && payload.count > 0) {
        ASSERT(payload.count >= 2);
        ASSERT(ws_close_code_is_valid((uint16_t)(payload.data[0] << 8 | payload.data[1])));
    }
    trace_event(trace, (uint8_t)('0' + opcode), payload);
    return true;
}

// Feeds pieces of 1 to `piece_max` bytes, the whole input if 0.
static WsFault read_all(Trace *trace, Bytes input, uint32_t piece_max) {
    WsSink sink = {.user = trace, .message = on_message, .control = on_control};
    uint8_t *copy = mem_alloc(input.count);  // the reader unmasks in place
    if (input.count > 0) memcpy(copy, input.data, input.count);
    WsReader reader;
    ws_reader_init(&reader);
    WsFault fault = WS_FAULT_NONE;
    uint32_t at = 0;
    for (uint32_t turn = 0; at < input.count && fault == WS_FAULT_NONE; turn++) {
        uint32_t piece = piece_max == 0 ? input.count : 1 + (turn * 7 + piece_max) % piece_max;
        if (piece > input.count - at) piece = input.count - at;
        fault = ws_reader_feed(&reader, copy + at, piece, &sink);
        at += piece;
    }
    ws_reader_done(&reader);
    mem_free(copy);
    return fault;
}

static void check_head_round_trip(const uint8_t *data, size_t count) {
    WsHead head;
    if (ws_head_read(data, count, &head) != WS_HEAD_OK) return;
    ASSERT(head.head_bytes <= count && head.head_bytes <= WS_HEAD_BYTES_MAX);
    uint8_t written[WS_HEAD_BYTES_MAX];
    uint32_t written_bytes = ws_head_write(written, head.opcode, head.is_final, head.payload_bytes);
    ASSERT(written_bytes <= WS_SENT_HEAD_BYTES_MAX);
    written[1] |= 0x80;
    store_u32le(written + written_bytes, head.mask);
    WsHead again;
    ASSERT(ws_head_read(written, written_bytes + 4, &again) == WS_HEAD_OK);
    ASSERT(again.payload_bytes == head.payload_bytes && again.opcode == head.opcode);
    ASSERT(again.is_final == head.is_final && again.mask == head.mask);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count == 0) return 0;
    Bytes input = bytes_of(data + 1, count - 1);
    Trace whole = {.stops_at = data[0] >> 5};
    Trace pieces = {.stops_at = data[0] >> 5};
    buffer_init(&whole.events, 1u << 30);
    buffer_init(&pieces.events, 1u << 30);
    WsFault fault = read_all(&whole, input, 0);
    WsFault fault_pieces = read_all(&pieces, input, 1 + (data[0] & 0x1f));
    ASSERT(fault == fault_pieces);
    ASSERT(bytes_equal(buffer_bytes(&whole.events), buffer_bytes(&pieces.events)));
    buffer_done(&whole.events);
    buffer_done(&pieces.events);
    check_head_round_trip(input.data, input.count);
    return 0;
}

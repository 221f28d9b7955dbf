// ws_frames.c - one frame after the other; fragments are put together, control frames pass between.
//
//   0                1                2
//   | fin 000 opcode | mask length7   | length16 or length64, big-endian | mask | payload |
#include "cli/ws_frames.h"

#include "base/limits.h"

#define FRAME_HEAD_BYTES_MAX 14u

typedef struct FrameHead {
    WsFrameKind kind;
    bool is_final;
    bool has_reserved;
    bool is_masked;
    size_t head_bytes;
    uint64_t payload_bytes;
} FrameHead;

static bool read_head(const FrameReader *reader, FrameHead *ret_head);
static bool is_allowed(const FrameReader *reader, const FrameHead *head);
static FrameReadOutcome take_fragment(FrameReader *reader, const FrameHead *head, Bytes payload,
                                      WsFrameKind *ret_kind, Bytes *ret_bytes);

void frame_reader_init(FrameReader *reader) {
    *reader = (FrameReader){0};
    buffer_init(&reader->input, CLI_WS_FRAME_BYTES_MAX + (1u << 20));
    buffer_init(&reader->message, CLI_WS_MESSAGE_BYTES_MAX);
}

void frame_reader_done(FrameReader *reader) {
    buffer_done(&reader->input);
    buffer_done(&reader->message);
}

bool frame_reader_feed(FrameReader *reader, Bytes bytes) {
    if (reader->at > 0) {  // what was read makes room
        memmove(reader->input.data, reader->input.data + reader->at,
                reader->input.count - reader->at);
        reader->input.count -= reader->at;
        reader->at = 0;
    }
    buffer_append_bytes(&reader->input, bytes);
    return !reader->input.failed;
}

FrameReadOutcome frame_reader_next(FrameReader *reader, WsFrameKind *ret_kind, Bytes *ret_bytes) {
    for (;;) {
        if (!reader->is_in_message) buffer_clear(&reader->message);
        FrameHead head;
        if (!read_head(reader, &head)) return FRAME_READ_NOTHING;
        if (!is_allowed(reader, &head)) return FRAME_READ_BROKEN;
        size_t waiting = reader->input.count - reader->at - head.head_bytes;
        if (waiting < head.payload_bytes) return FRAME_READ_NOTHING;
        const uint8_t *start = reader->input.data + reader->at + head.head_bytes;
        Bytes payload = bytes_of(start, (size_t)head.payload_bytes);
        reader->at += head.head_bytes + payload.count;
        if (head.kind >= WS_FRAME_CLOSE) {
            *ret_kind = head.kind;
            *ret_bytes = payload;
            return FRAME_READ_FRAME;
        }
        FrameReadOutcome outcome = take_fragment(reader, &head, payload, ret_kind, ret_bytes);
        if (outcome != FRAME_READ_NOTHING) return outcome;
    }
}

// FRAME_READ_NOTHING: the message goes on in another frame.
static FrameReadOutcome take_fragment(FrameReader *reader, const FrameHead *head, Bytes payload,
                                      WsFrameKind *ret_kind, Bytes *ret_bytes) {
    if (head->kind != WS_FRAME_CONTINUATION) reader->message_kind = head->kind;
    reader->is_in_message = !head->is_final;
    *ret_kind = reader->message_kind;
    if (head->is_final && reader->message.count == 0) {
        *ret_bytes = payload;  // the usual case: no copy
        return FRAME_READ_FRAME;
    }
    buffer_append_bytes(&reader->message, payload);
    if (reader->message.failed) return FRAME_READ_BROKEN;
    *ret_bytes = buffer_bytes(&reader->message);
    return head->is_final ? FRAME_READ_FRAME : FRAME_READ_NOTHING;
}

// False: its bytes are not all there yet.
static bool read_head(const FrameReader *reader, FrameHead *ret_head) {
    const uint8_t *at = reader->input.data + reader->at;
    size_t waiting = reader->input.count - reader->at;
    if (waiting < 2) return false;
    FrameHead head = {
        .kind = (WsFrameKind)(at[0] & 0x0f),
        .is_final = (at[0] & 0x80) != 0,
        .has_reserved = (at[0] & 0x70) != 0,
        .is_masked = (at[1] & 0x80) != 0,
        .payload_bytes = at[1] & 0x7f,
        .head_bytes = 2,
    };
    size_t length_bytes = head.payload_bytes == 126 ? 2 : head.payload_bytes == 127 ? 8 : 0;
    if (waiting < 2 + length_bytes) return false;
    if (length_bytes > 0) head.payload_bytes = 0;
    for (size_t i = 0; i < length_bytes; i++) {
        head.payload_bytes = head.payload_bytes << 8 | at[2 + i];
    }
    head.head_bytes += length_bytes;
    *ret_head = head;
    return true;
}

static bool is_allowed(const FrameReader *reader, const FrameHead *head) {
    if (head->has_reserved || head->is_masked) return false;
    if (head->payload_bytes > CLI_WS_FRAME_BYTES_MAX) return false;
    switch (head->kind) {
    case WS_FRAME_CONTINUATION: return reader->is_in_message;
    case WS_FRAME_TEXT:
    case WS_FRAME_BINARY: return !reader->is_in_message;
    case WS_FRAME_CLOSE:
    case WS_FRAME_PING:
    case WS_FRAME_PONG: return head->is_final && head->payload_bytes <= 125;
    }
    return false;
}

void ws_frame_write(Buffer *buffer, WsFrameKind kind, Bytes payload, const uint8_t mask[4]) {
    uint8_t head[FRAME_HEAD_BYTES_MAX] = {(uint8_t)(0x80 | kind)};
    size_t count = 2;
    if (payload.count < 126) {
        head[1] = (uint8_t)(0x80 | payload.count);
    } else if (payload.count <= UINT16_MAX) {
        head[1] = 0x80 | 126;
        head[count++] = (uint8_t)(payload.count >> 8);
        head[count++] = (uint8_t)payload.count;
    } else {
        head[1] = 0x80 | 127;
        for (int shift = 56; shift >= 0; shift -= 8) {
            head[count++] = (uint8_t)((uint64_t)payload.count >> shift);
        }
    }
    memcpy(head + count, mask, 4);
    buffer_append(buffer, head, count + 4);
    uint8_t *at = buffer_reserve(buffer, payload.count);
    if (at == NULL) return;
    for (uint32_t i = 0; i < payload.count; i++) at[i] = payload.data[i] ^ mask[i % 4];
    buffer_advance(buffer, payload.count);
}

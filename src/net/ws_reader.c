// ws_reader.c - frames to messages.
//
// A message whose only frame lies wholly in one read is delivered where it lies; everything else is
// appended to `assembly` as it comes. A head cut by the end of a read waits in `carried`.
#include "net/ws_reader.h"

#include "base/limits.h"

typedef struct WsInput {
    uint8_t *at;
    uint8_t *end;
} WsInput;

static WsFault reader_head(WsReader *reader, WsInput *input);
static WsFault reader_frame_begin(WsReader *reader, const WsHead *head);
static WsFault reader_data(WsReader *reader, WsInput *input, const WsSink *sink);
static WsFault reader_deliver(WsReader *reader, Bytes bytes, const WsSink *sink);
static WsFault reader_control(WsReader *reader, WsInput *input, const WsSink *sink);
static bool close_payload_is_valid(Bytes payload);
static void reader_set_state(WsReader *reader, WsReaderState to);

void ws_reader_init(WsReader *reader) {
    *reader = (WsReader){.state = WS_READ_HEAD};
    buffer_init(&reader->assembly, CLIENT_MESSAGE_BYTES_MAX);
}

void ws_reader_done(WsReader *reader) {
    buffer_done(&reader->assembly);
}

WsFault ws_reader_feed(WsReader *reader, uint8_t *data, size_t count, const WsSink *sink) {
    WsInput input = {data, data + count};
    WsFault fault = WS_FAULT_NONE;
    while (input.at < input.end && fault == WS_FAULT_NONE && reader->state != WS_READ_STOPPED) {
        if (reader->state == WS_READ_HEAD) fault = reader_head(reader, &input);
        // A frame without payload is complete with its head, so it must not wait for more input.
        if (fault != WS_FAULT_NONE) break;
        if (reader->state == WS_READ_DATA) {
            fault = reader_data(reader, &input, sink);
        } else if (reader->state == WS_READ_CONTROL) {
            fault = reader_control(reader, &input, sink);
        }
    }
    if (fault != WS_FAULT_NONE) reader_set_state(reader, WS_READ_STOPPED);
    return fault;
}

static WsFault reader_head(WsReader *reader, WsInput *input) {
    WsHead head;
    size_t available = (size_t)(input->end - input->at);
    if (reader->carried_bytes == 0) {
        WsHeadResult result = ws_head_read(input->at, available, &head);
        if (result == WS_HEAD_BAD) return WS_FAULT_PROTOCOL;
        if (result == WS_HEAD_OK) {
            input->at += head.head_bytes;
            return reader_frame_begin(reader, &head);
        }
    }
    // Byte by byte: at most 14, and only where a read ended within a head.
    while (input->at < input->end) {
        ASSERT(reader->carried_bytes < WS_HEAD_BYTES_MAX);
        reader->carried[reader->carried_bytes++] = *input->at++;
        WsHeadResult result = ws_head_read(reader->carried, reader->carried_bytes, &head);
        if (result == WS_HEAD_BAD) return WS_FAULT_PROTOCOL;
        if (result == WS_HEAD_OK) {
            reader->carried_bytes = 0;
            return reader_frame_begin(reader, &head);
        }
    }
    return WS_FAULT_NONE;
}

static WsFault reader_frame_begin(WsReader *reader, const WsHead *head) {
    reader->opcode = head->opcode;
    reader->mask = head->mask;
    reader->left = head->payload_bytes;
    if (ws_opcode_is_control(head->opcode)) {
        reader->control_bytes = 0;
        reader_set_state(reader, WS_READ_CONTROL);
        return WS_FAULT_NONE;
    }
    bool is_continuation = head->opcode == WS_OP_CONTINUATION;
    if (is_continuation != reader->in_message) return WS_FAULT_PROTOCOL;
    if (!is_continuation) {
        ASSERT(reader->assembly.count == 0);
        reader->kind = head->opcode == WS_OP_TEXT ? WS_TEXT : WS_BINARY;
    }
    if (head->payload_bytes > CLIENT_MESSAGE_BYTES_MAX - reader->assembly.count)
        return WS_FAULT_LIMIT;
    reader->is_final = head->is_final;
    reader->in_message = true;
    reader_set_state(reader, WS_READ_DATA);
    return WS_FAULT_NONE;
}

static WsFault reader_data(WsReader *reader, WsInput *input, const WsSink *sink) {
    size_t available = (size_t)(input->end - input->at);
    size_t count = reader->left < available ? (size_t)reader->left : available;
    uint8_t *payload = input->at;
    ws_mask(payload, count, reader->mask);
    reader->mask = ws_mask_advance(reader->mask, count);
    reader->left -= count;
    input->at += count;

    bool is_complete = reader->left == 0 && reader->is_final;
    if (is_complete && reader->assembly.count == 0) {
        return reader_deliver(reader, bytes_of(payload, count), sink);
    }
    buffer_append(&reader->assembly, payload, count);
    ASSERT(!reader->assembly.failed);  // reader_frame_begin has compared with the maximum
    if (is_complete) return reader_deliver(reader, buffer_bytes(&reader->assembly), sink);
    if (reader->left == 0) reader_set_state(reader, WS_READ_HEAD);
    return WS_FAULT_NONE;
}

static WsFault reader_deliver(WsReader *reader, Bytes bytes, const WsSink *sink) {
    reader->in_message = false;
    reader_set_state(reader, WS_READ_HEAD);
    if (reader->kind == WS_TEXT && !utf8_is_valid(bytes)) return WS_FAULT_PROTOCOL;
    bool go_on = sink->message(sink->user, reader->kind, bytes);
    if (reader->assembly.capacity > WS_ASSEMBLY_KEEP_BYTES) {
        buffer_done(&reader->assembly);
    } else {
        buffer_clear(&reader->assembly);
    }
    if (!go_on) reader_set_state(reader, WS_READ_STOPPED);
    return WS_FAULT_NONE;
}

static WsFault reader_control(WsReader *reader, WsInput *input, const WsSink *sink) {
    size_t available = (size_t)(input->end - input->at);
    size_t count = reader->left < available ? (size_t)reader->left : available;
    ASSERT(count <= WS_CONTROL_BYTES_MAX - reader->control_bytes);
    uint8_t *to = reader->control + reader->control_bytes;
    if (count > 0) memcpy(to, input->at, count);
    ws_mask(to, count, reader->mask);
    reader->mask = ws_mask_advance(reader->mask, count);
    reader->control_bytes += (uint32_t)count;
    reader->left -= count;
    input->at += count;
    if (reader->left > 0) return WS_FAULT_NONE;

    Bytes payload = bytes_of(reader->control, reader->control_bytes);
    if (reader->opcode == WS_OP_CLOSE && !close_payload_is_valid(payload)) return WS_FAULT_PROTOCOL;
    bool go_on = sink->control(sink->user, reader->opcode, payload);
    // Nothing may follow a close.
    bool is_last = !go_on || reader->opcode == WS_OP_CLOSE;
    reader_set_state(reader, is_last ? WS_READ_STOPPED : WS_READ_HEAD);
    return WS_FAULT_NONE;
}

static bool close_payload_is_valid(Bytes payload) {
    if (payload.count == 0) return true;
    if (payload.count == 1) return false;
    uint16_t code = (uint16_t)(payload.data[0] << 8 | payload.data[1]);
    return ws_close_code_is_valid(code) &&
           utf8_is_valid(bytes_slice(payload, 2, payload.count - 2));
}

static void reader_set_state(WsReader *reader, WsReaderState to) {
    ASSERT(reader->state != WS_READ_STOPPED || to == WS_READ_STOPPED);
    reader->state = to;
}

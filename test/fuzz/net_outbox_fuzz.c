// net_outbox_fuzz.c - framing under any order of sends, partial writes and closes.
//
// The input is | style | script |. The script adds items of some sizes and tickets, opens the gate,
// and lets the socket take any part of a plan. The bytes that got out are read back as frames:
// whole messages, of the items in order, none beyond the gate, within the limits on frames and
// joined messages; at the end nothing is missing.
#include "base/limits.h"
#include "net/outbox.h"

#include <zlib.h>

#define ITEM_BYTES_MAX 700000u
#define STEPS_MAX 200u
// While the wire is longer than this only the end is checked: it is read from the start each time.
#define CHECK_BYTES_MAX (64u << 10)
#define PREFIX_BYTE 0u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

typedef struct Model {
    OutboxStyle style;
    Gate *gate;
    Outbox outbox;
    OutItemPool pool;
    Compressor compressor;
    WritePlan *plan;
    Parked parked;
    Buffer wire;    // what the socket took
    Buffer sent;    // all items, one after the other
    uint32_t next;  // of the items' content
    uint64_t
        allowed;  // bytes of `sent` up to the first item whose gate is closed, as of the last look
    Buffer tickets;  // per item: u64 ticket, u32 bytes
} Model;

static void model_add(Model *model, uint32_t count, uint64_t ticket) {
    SharedBuf *buf = shared_buf_create(count + 3);
    buf->count = count + 3;
    for (uint32_t i = 0; i < buf->count; i++) buf->data[i] = (uint8_t)(model->next + i * 31);
    model->next += 7;
    if (outbox_is_full(&model->outbox, count)) {
        shared_buf_unref(buf);
        return;
    }
    buffer_append(&model->sent, buf->data + 3, count);
    buffer_u64(&model->tickets, ticket);
    buffer_u32(&model->tickets, count);
    outbox_add(&model->outbox, &model->pool, (SharedSlice){buf, 3, count}, ticket);
}

// One turn of ws_flush, where the socket takes `part` of 256 of the plan.
static bool model_write(Model *model, OutboxUntil until, uint32_t part) {
    plan_clear(model->plan);
    plan_add_parked(model->plan, &model->parked);
    bool is_done = false;
    if (plan_has_room(model->plan))
        is_done = outbox_frame(&model->outbox, &model->pool, until, model->plan);
    size_t bytes = model->plan->bytes;
    size_t take = part == 255 ? bytes : bytes * part / 256;
    size_t left = take;
    for (uint32_t i = 0; i < model->plan->count && left > 0; i++) {
        size_t count = model->plan->pieces[i].iov_len < left ? model->plan->pieces[i].iov_len
                                                             : left;
        buffer_append(&model->wire, model->plan->pieces[i].iov_base, count);
        left -= count;
    }
    ASSERT(left == 0);
    plan_written(model->plan, take, &model->parked);
    ASSERT(model->parked.bytes == bytes - take);
    return is_done && model->parked.count == 0;
}

static uint64_t model_allowed(const Model *model) {
    uint64_t bytes = 0;
    for (size_t at = 0; at < model->tickets.count; at += 12) {
        if (!gate_is_open(model->gate, load_u64le(model->tickets.data + at))) return bytes;
        bytes += load_u32le(model->tickets.data + at + 8);
    }
    return bytes;
}

// Compares one message with what was sent from `seen` on; how many bytes of that it is.
static uint64_t model_check_message(const Model *model, Bytes message, uint64_t seen) {
    uint8_t tag = PREFIX_BYTE;
    if (model->style.has_prefix) {
        tag = message.data[0];
        message = bytes_slice(message, 1, message.count - 1);
    }
    static uint8_t unpacked[COMPRESS_BYTES_MAX];
    if (tag != PREFIX_BYTE) {
        ASSERT(tag == WS_COMPRESS_GZIP && model->style.compression == WS_COMPRESS_GZIP);
        uint32_t packed_bytes = message.count;
        z_stream stream = {.next_in = (Bytef *)(uintptr_t)message.data,
                           .avail_in = message.count,
                           .next_out = unpacked,
                           .avail_out = sizeof unpacked};
        ASSERT(inflateInit2(&stream, 15 + 16) == Z_OK);
        ASSERT(inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_in == 0);
        message = bytes_of(unpacked, stream.total_out);
        (void)inflateEnd(&stream);
        ASSERT(packed_bytes < message.count && message.count >= COMPRESS_BYTES_MIN);
    }
    ASSERT(seen + message.count <= model->sent.count);
    ASSERT(memcmp(message.data, model->sent.data + seen, message.count) == 0);
    if (model->style.join == WS_JOINED)
        ASSERT(message.count <= WS_JOINED_BYTES_MAX || message.count <= ITEM_BYTES_MAX);
    return message.count;
}

// Reads the wire back and compares it with what was sent. `is_whole`: everything allowed must be
// there.
static void model_check(const Model *model, bool is_whole) {
    ASSERT(!model->wire.failed && !model->sent.failed);
    size_t at = 0;
    uint64_t seen = 0;
    bool in_message = false;
    Buffer message;
    buffer_init(&message, 1u << 30);
    while (model->wire.count - at >= WS_SENT_HEAD_BYTES_MAX ||
           (is_whole && at < model->wire.count)) {
        const uint8_t *frame = model->wire.data + at;
        uint8_t head[WS_SENT_HEAD_BYTES_MAX + 4] = {0};
        memcpy(head, frame,
               model->wire.count - at < WS_SENT_HEAD_BYTES_MAX ? model->wire.count - at
                                                               : WS_SENT_HEAD_BYTES_MAX);
        head[1] |= 0x80;  // as a client would have sent it
        WsHead parsed;
        ASSERT(ws_head_read(head, sizeof head, &parsed) == WS_HEAD_OK);
        at += parsed.head_bytes - 4;
        uint64_t payload = parsed.payload_bytes;
        ASSERT(payload > 0 && payload <= WS_FRAME_BYTES_MAX);
        ASSERT(parsed.opcode == (in_message                     ? WS_OP_CONTINUATION
                                 : model->style.kind == WS_TEXT ? WS_OP_TEXT
                                                                : WS_OP_BINARY));
        if (model->wire.count - at < payload) break;
        buffer_append(&message, model->wire.data + at, payload);
        at += payload;
        in_message = !parsed.is_final;
        if (in_message) continue;
        seen += model_check_message(model, buffer_bytes(&message), seen);
        buffer_clear(&message);
    }
    buffer_done(&message);
    ASSERT(seen <= model_allowed(model));
    if (is_whole) ASSERT(!in_message && at == model->wire.count && seen == model_allowed(model));
}

static void model_step(Model *model, uint8_t operation, uint8_t value) {
    switch (operation & 7) {
    case 0: model_add(model, 1 + value, TICKET_NONE); break;
    case 1: model_add(model, 1 + value * 8u, value); break;
    case 2:
        // Mostly some kilobytes; a few that need several frames.
        model_add(model, value < 248 ? 1 + value * 61u : (value - 247) * 80000u, value / 2);
        break;
    case 3:
        for (uint32_t i = 0; i < value; i++) model_add(model, 1 + i % 40, TICKET_NONE);
        break;
    case 4:
        if (value > atomic_load(&model->gate->reached)) gate_open(model->gate, value);
        break;
    default:
        (void)model_write(model, (operation & 0x40) ? OUTBOX_FRAME_END : OUTBOX_ALL, value);
        if (operation & 0x40) break;
        if (model->wire.count < CHECK_BYTES_MAX) model_check(model, false);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count < 3) return 0;
    Model model = {.gate = gate_create(), .plan = mem_alloc(sizeof(WritePlan))};
    bool is_packed = (data[0] & 4) && (data[0] & 16);
    model.style = (OutboxStyle){
        .kind = (data[0] & 1) ? WS_TEXT : WS_BINARY,
        .join = (data[0] & 2) ? WS_JOINED : WS_SINGLE,
        .has_prefix = (data[0] & 4) != 0,
        .compression = is_packed ? WS_COMPRESS_GZIP : WS_COMPRESS_NONE,
        .compressor = &model.compressor,
    };
    plan_clear(model.plan);
    outbox_init(&model.outbox, model.style, model.gate);
    buffer_init(&model.wire, 1u << 30);
    buffer_init(&model.sent, 1u << 30);
    buffer_init(&model.tickets, 1u << 24);
    bool is_dropped = (data[0] & 8) != 0;  // the connection ends with items left
    for (size_t i = 1; i + 1 < count && i < 2 * STEPS_MAX; i += 2)
        model_step(&model, data[i], data[i + 1]);
    if (!is_dropped) {
        while (!model_write(&model, OUTBOX_ALL, 255)) {}
        model_check(&model, true);
        gate_open(model.gate, UINT64_MAX);
        while (!model_write(&model, OUTBOX_ALL, 200) && model.parked.bytes > 1) {}
        while (!model_write(&model, OUTBOX_ALL, 255)) {}
        model_check(&model, true);
        ASSERT(outbox_is_empty(&model.outbox));
    }
    outbox_done(&model.outbox, &model.pool);
    parked_done(&model.parked);
    out_item_pool_done(&model.pool);
    compressor_done(&model.compressor);
    buffer_done(&model.wire);
    buffer_done(&model.sent);
    buffer_done(&model.tickets);
    mem_free(model.plan);
    gate_unref(model.gate);
    return 0;
}

// outbox.c - items to messages to frames, resumable after every piece.
//
// A message is begun by deciding its length: one item, or (WS_JOINED) all that are ready, up to
// WS_JOINED_BYTES_MAX. From then on `message_left`, `frame_left` and `framed` say where we are, so
// that framing can stop wherever the plan is full and go on after the writev. Items of a begun
// message stay at the front of the queue; their gate was looked at when the message was begun.
#include "net/outbox.h"

#include "base/limits.h"

#define POOL_BLOCK_ITEMS 512u

struct OutItemBlock {
    OutItemBlock *next;
    OutItem items[POOL_BLOCK_ITEMS];
};

static OutItem *pool_take(OutItemPool *pool);
static void pool_give(OutItemPool *pool, OutItem *item);
static bool message_begin(Outbox *outbox, OutItemPool *pool);
static bool compress_front(Outbox *outbox, OutItemPool *pool, uint32_t item_count, uint64_t bytes);
static void frame_begin(Outbox *outbox, bool is_first, WritePlan *plan);
static void frame_item(Outbox *outbox, OutItemPool *pool, WritePlan *plan);
static void outbox_drop_first(Outbox *outbox, OutItemPool *pool);
static bool item_is_ready(Outbox *outbox, OutItem *item, uint64_t reached);
static uint64_t outbox_reached(const Outbox *outbox);

void out_item_pool_done(OutItemPool *pool) {
    while (pool->blocks != NULL) {
        OutItemBlock *block = pool->blocks;
        pool->blocks = block->next;
        mem_free(block);
    }
    pool->unused = NULL;
}

static OutItem *pool_take(OutItemPool *pool) {
    if (pool->unused == NULL) {
        OutItemBlock *block = mem_alloc(sizeof *block);
        block->next = pool->blocks;
        pool->blocks = block;
        for (uint32_t i = 0; i < POOL_BLOCK_ITEMS; i++) pool_give(pool, &block->items[i]);
    }
    OutItem *item = pool->unused;
    pool->unused = item->next;
    return item;
}

static void pool_give(OutItemPool *pool, OutItem *item) {
    item->next = pool->unused;
    pool->unused = item;
}

void outbox_init(Outbox *outbox, OutboxStyle style, Gate *gate) {
    *outbox = (Outbox){.style = style, .gate = gate};
}

void outbox_done(Outbox *outbox, OutItemPool *pool) {
    while (outbox->first != NULL) {
        shared_buf_unref(outbox->first->slice.buf);
        outbox_drop_first(outbox, pool);
    }
    ASSERT(outbox->count == 0);
}

bool outbox_is_full(const Outbox *outbox, uint32_t item_bytes) {
    if (outbox->count >= OUTBOX_MESSAGES_MAX) return true;
    return outbox->count > 0 && outbox->bytes + item_bytes > OUTBOX_BYTES_MAX;
}

void outbox_add(Outbox *outbox, OutItemPool *pool, SharedSlice slice, uint64_t ticket) {
    ASSERT(slice.buf != NULL);
    OutItem *item = pool_take(pool);
    *item = (OutItem){.slice = slice, .ticket = ticket};
    if (outbox->last != NULL) {
        outbox->last->next = item;
    } else {
        outbox->first = item;
    }
    outbox->last = item;
    outbox->count++;
    outbox->bytes += slice.count;
}

bool outbox_frame(Outbox *outbox, OutItemPool *pool, OutboxUntil until, WritePlan *plan) {
    for (;;) {
        if (outbox->frame_left == 0) {
            if (until == OUTBOX_FRAME_END) return true;
            bool is_first = outbox->message_left == 0;
            if (is_first && until == OUTBOX_MESSAGE_END) return true;
            if (!plan_has_room(plan)) return false;
            if (is_first && !message_begin(outbox, pool)) return true;
            frame_begin(outbox, is_first, plan);
        }
        while (outbox->frame_left > 0) {
            if (!plan_has_room(plan)) return false;
            frame_item(outbox, pool, plan);
        }
    }
}

// Decides what the next message consists of; false if nothing is ready.
static bool message_begin(Outbox *outbox, OutItemPool *pool) {
    ASSERT(outbox->message_left == 0 && outbox->framed == 0);
    uint64_t reached = outbox_reached(outbox);
    OutItem *item = outbox->first;
    if (item == NULL || !item_is_ready(outbox, item, reached)) return false;
    uint64_t bytes = item->slice.count;
    uint32_t count = 1;
    if (outbox->style.join == WS_JOINED) {
        for (item = item->next; item != NULL && item_is_ready(outbox, item, reached);
             item = item->next) {
            if (bytes + item->slice.count > WS_JOINED_BYTES_MAX) break;
            bytes += item->slice.count;
            count++;
        }
    }
    if (compress_is_due(outbox->style.compression, bytes) &&
        compress_front(outbox, pool, count, bytes)) {
        outbox->message_left = outbox->first->slice.count;  // with its tag
        return true;
    }
    outbox->prefix_due = outbox->style.has_prefix;
    outbox->message_left = bytes + (outbox->style.has_prefix ? 1 : 0);
    return true;
}

// Puts one item in the place of those that make up the next message. False if that gains nothing.
static bool compress_front(Outbox *outbox, OutItemPool *pool, uint32_t item_count, uint64_t bytes) {
    ASSERT(outbox->style.has_prefix && outbox->framed == 0 && item_count > 0);
    const OutboxStyle *style = &outbox->style;
    SharedBuf *compressed = NULL;
    if (item_count == 1) {
        compressed = compress_slice(style->compressor, style->compression, outbox->first->slice);
    } else {
        Buffer whole;
        buffer_init(&whole, COMPRESS_BYTES_MAX);
        const OutItem *item = outbox->first;
        for (uint32_t i = 0; i < item_count; i++, item = item->next) {
            buffer_append_bytes(&whole, shared_slice_bytes(item->slice));
        }
        ASSERT(!whole.failed && whole.count == bytes);
        compressed = compress_bytes(style->compressor, style->compression, buffer_bytes(&whole));
        buffer_done(&whole);
    }
    if (compressed == NULL) return false;
    for (uint32_t i = 1; i < item_count; i++) {
        shared_buf_unref(outbox->first->slice.buf);
        outbox_drop_first(outbox, pool);
    }
    shared_buf_unref(outbox->first->slice.buf);
    outbox->first->slice = (SharedSlice){compressed, 0, compressed->count};
    outbox->bytes = outbox->bytes - bytes + compressed->count;
    return true;
}

// Its gate is open and its bytes are there.
static bool item_is_ready(Outbox *outbox, OutItem *item, uint64_t reached) {
    if (item->ticket > reached) return false;
    if (!shared_slice_is_later(item->slice)) return true;
    SharedBuf *later = item->slice.buf;
    if (!shared_later_take(item->slice, &item->slice)) return false;
    shared_buf_unref(later);
    ASSERT(item->slice.count > 0);
    outbox->bytes += item->slice.count;
    return true;
}

static uint64_t outbox_reached(const Outbox *outbox) {
    if (outbox->gate == NULL) return UINT64_MAX;
    return atomic_load_explicit(&outbox->gate->reached, memory_order_acquire);
}

static void frame_begin(Outbox *outbox, bool is_first, WritePlan *plan) {
    uint64_t count = outbox->message_left;
    if (count > WS_FRAME_BYTES_MAX) count = WS_FRAME_BYTES_MAX;
    bool is_final = count == outbox->message_left;
    WsOpcode opcode = outbox->style.kind == WS_TEXT ? WS_OP_TEXT : WS_OP_BINARY;
    uint8_t head[WS_SENT_HEAD_BYTES_MAX + 1];
    uint32_t head_bytes = ws_head_write(head, is_first ? opcode : WS_OP_CONTINUATION, is_final,
                                        count);
    outbox->frame_left = (uint32_t)count;
    if (outbox->prefix_due) {
        head[head_bytes++] = 0;
        outbox->prefix_due = false;
        outbox->frame_left--;
        outbox->message_left--;
    }
    plan_add_copy(plan, head, head_bytes);
}

// Puts what fits of the first item into the current frame.
static void frame_item(Outbox *outbox, OutItemPool *pool, WritePlan *plan) {
    ASSERT(outbox->first != NULL);
    SharedSlice slice = outbox->first->slice;
    uint32_t count = slice.count - outbox->framed;
    if (count > outbox->frame_left) count = outbox->frame_left;
    bool is_item_end = outbox->framed + count == slice.count;
    SharedSlice part = {slice.buf, slice.at + outbox->framed, count};
    if (count <= OUTBOX_COPY_BYTES_MAX) {
        plan_add_copy(plan, shared_slice_bytes(part).data, count);
        if (is_item_end) shared_buf_unref(slice.buf);
    } else {
        if (!is_item_end) shared_buf_ref(slice.buf);
        plan_add_slice(plan, part);
    }
    outbox->framed += count;
    outbox->frame_left -= count;
    outbox->message_left -= count;
    outbox->bytes -= count;
    if (is_item_end) outbox_drop_first(outbox, pool);
}

// Its reference was moved or dropped already.
static void outbox_drop_first(Outbox *outbox, OutItemPool *pool) {
    OutItem *item = outbox->first;
    outbox->first = item->next;
    if (outbox->first == NULL) outbox->last = NULL;
    outbox->count--;
    outbox->framed = 0;
    pool_give(pool, item);
}

bool outbox_is_gated(Outbox *outbox) {
    if (outbox->message_left > 0 || outbox->first == NULL) return false;
    return !item_is_ready(outbox, outbox->first, outbox_reached(outbox));
}

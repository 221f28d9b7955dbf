// outbox.h - what one WebSocket connection has to send: a queue of items, cut into messages and
// frames.
//
// Threads    the connection's.
// Lifetime   outbox_init to outbox_done; item nodes come from the thread's pool and return to it.
// Limits     OUTBOX_MESSAGES_MAX, OUTBOX_BYTES_MAX, WS_FRAME_BYTES_MAX, WS_JOINED_BYTES_MAX.
// Format     websocket.md 2.1, 2.2 and 6.
#pragma once

#include "base/gate.h"
#include "net/compress.h"
#include "net/net.h"
#include "net/write_plan.h"
#include "net/ws_frame.h"

typedef struct OutItem {
    struct OutItem *next;
    SharedSlice slice;
    uint64_t ticket;
} OutItem;

// Free item nodes of one net thread.
typedef struct OutItemBlock OutItemBlock;
typedef struct OutItemPool {
    OutItem *unused;
    OutItemBlock *blocks;
} OutItemPool;

void out_item_pool_done(OutItemPool *pool);

typedef struct OutboxStyle {
    WsKind kind;
    WsJoin join;
    bool has_prefix;
    WsCompression compression;
    Compressor *compressor;  // the thread's
} OutboxStyle;

typedef struct Outbox {
    OutboxStyle style;
    Gate *gate;  // borrowed from the connection; may be NULL
    OutItem *first;
    OutItem *last;
    uint32_t count;         // items, the one being framed included
    uint64_t bytes;         // of their slices, as far as they are not framed
    uint32_t framed;        // bytes of the first item that are framed
    uint64_t message_left;  // bytes of the current message that are not framed
    uint32_t frame_left;    // bytes of the current frame that are not framed
    bool prefix_due;        // the current message's first byte is not framed
} Outbox;

void outbox_init(Outbox *outbox, OutboxStyle style, Gate *gate);
// Lets go of all items.
void outbox_done(Outbox *outbox, OutItemPool *pool);
// Would one more item of that size exceed a limit? A single item may have any size.
bool outbox_is_full(const Outbox *outbox, uint32_t item_bytes);
// Takes one reference of the slice. One that comes later (shared_buf.h) holds back what is behind it.
void outbox_add(Outbox *outbox, OutItemPool *pool, SharedSlice slice, uint64_t ticket);

typedef enum OutboxUntil {
    OUTBOX_ALL,          // all that is ready
    OUTBOX_MESSAGE_END,  // what is left of the current message
    OUTBOX_FRAME_END,    // what is left of the current frame
} OutboxUntil;

// Frames items into the plan until there is no room. True when everything up to `until` is in the
// plan; then a control frame may follow.
bool outbox_frame(Outbox *outbox, OutItemPool *pool, OutboxUntil until, WritePlan *plan);
// Waits the first item for its gate, or for its bytes? False if there is none.
bool outbox_is_gated(Outbox *outbox);
static inline bool outbox_is_empty(const Outbox *outbox) {
    return outbox->count == 0;
}
// Between two frames, where control frames may stand.
static inline bool outbox_is_between_frames(const Outbox *outbox) {
    return outbox->frame_left == 0;
}

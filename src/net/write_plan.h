// write_plan.h - one writev in the making: small pieces copied together, large ones gathered.
//
// Threads    one plan per net thread, used by one connection at a time.
// Lifetime   between plan_clear and plan_written; what did not get out moves into a Parked.
// Limits     NET_WRITE_PIECES_MAX, NET_WRITE_BYTES_MAX (may be passed by the last piece),
//            NET_STAGING_BYTES.
#pragma once

#include "base/limits.h"
#include "base/shared_buf.h"

#include <sys/uio.h>

typedef struct WritePlan {
    uint32_t count;
    uint32_t staged_bytes;
    size_t bytes;
    struct iovec pieces[NET_WRITE_PIECES_MAX];
    SharedBuf
        *owners[NET_WRITE_PIECES_MAX];  // one reference each; NULL: the piece lies in `staging`
    uint8_t staging[NET_STAGING_BYTES];
} WritePlan;

// What a socket did not take: counted slices, oldest first. Zeroed when empty.
typedef struct Parked {
    SharedSlice *slices;
    uint32_t count;
    size_t bytes;
} Parked;

void plan_clear(WritePlan *plan);
// Is there room for one piece and one frame head more?
bool plan_has_room(const WritePlan *plan);
// Copies; at most OUTBOX_COPY_BYTES_MAX. Consecutive copies become one piece.
void plan_add_copy(WritePlan *plan, const void *data, uint32_t count);
// Takes one reference.
void plan_add_slice(WritePlan *plan, SharedSlice slice);
// Moves what is parked to the front of an empty plan.
void plan_add_parked(WritePlan *plan, Parked *parked);
// The first `written` bytes got out: lets go of them and parks the rest. Leaves the plan empty.
void plan_written(WritePlan *plan, size_t written, Parked *parked);

// Parks bytes that are to go out first of all. Copies.
void parked_add_bytes(Parked *parked, Bytes bytes);
void parked_done(Parked *parked);

// write_plan.c - the pieces of one writev.
//
// A piece either lies in `staging` (heads, small items: copying them is cheaper than an iovec entry
// each) or in a SharedBuf of which the plan holds a reference. The common case is one piece in
// staging, written whole.
#include "net/write_plan.h"

static bool plan_can_extend(const WritePlan *plan);
static void plan_push(WritePlan *plan, uint8_t *data, size_t count, SharedBuf *owner);
static uint32_t plan_skip(WritePlan *plan, size_t written);
static SharedBuf *plan_copy_staged(const WritePlan *plan, uint32_t from);

static_assert(NET_WRITE_PIECES_MAX <= 1024, "IOV_MAX of Linux");
static_assert(NET_STAGING_BYTES >= 2 * OUTBOX_COPY_BYTES_MAX, "a head and a small item must fit");

void plan_clear(WritePlan *plan) {
    plan->count = 0;
    plan->staged_bytes = 0;
    plan->bytes = 0;
}

bool plan_has_room(const WritePlan *plan) {
    // A head, an item and a cut through it: three pieces, and two copies.
    return NET_WRITE_PIECES_MAX - plan->count >= 3 && plan->bytes < NET_WRITE_BYTES_MAX &&
           NET_STAGING_BYTES - plan->staged_bytes >= 2 * OUTBOX_COPY_BYTES_MAX;
}

void plan_add_copy(WritePlan *plan, const void *data, uint32_t count) {
    ASSERT(count <= OUTBOX_COPY_BYTES_MAX);
    ASSERT(count <= NET_STAGING_BYTES - plan->staged_bytes);
    uint8_t *to = plan->staging + plan->staged_bytes;
    if (count > 0) memcpy(to, data, count);
    plan->staged_bytes += count;
    if (plan_can_extend(plan)) {
        plan->pieces[plan->count - 1].iov_len += count;
        plan->bytes += count;
    } else {
        plan_push(plan, to, count, NULL);
    }
}

// The last piece lies in staging, hence directly before the next copy: only copies move that end.
static bool plan_can_extend(const WritePlan *plan) {
    return plan->count > 0 && plan->owners[plan->count - 1] == NULL;
}

void plan_add_slice(WritePlan *plan, SharedSlice slice) {
    plan_push(plan, slice.buf->data + slice.at, slice.count, slice.buf);
}

static void plan_push(WritePlan *plan, uint8_t *data, size_t count, SharedBuf *owner) {
    ASSERT(plan->count < NET_WRITE_PIECES_MAX);
    plan->pieces[plan->count] = (struct iovec){.iov_base = data, .iov_len = count};
    plan->owners[plan->count] = owner;
    plan->count++;
    plan->bytes += count;
}

void plan_add_parked(WritePlan *plan, Parked *parked) {
    ASSERT(plan->count == 0);
    for (uint32_t i = 0; i < parked->count; i++) plan_add_slice(plan, parked->slices[i]);
    mem_free(parked->slices);
    *parked = (Parked){0};
}

void plan_written(WritePlan *plan, size_t written, Parked *parked) {
    ASSERT(written <= plan->bytes);
    ASSERT(parked->count == 0);
    uint32_t first = plan_skip(plan, written);
    if (first < plan->count) {
        SharedBuf *staged = plan_copy_staged(plan, first);
        uint32_t staged_at = 0;
        parked->count = plan->count - first;
        parked->slices = mem_alloc(parked->count * sizeof *parked->slices);
        parked->bytes = plan->bytes - written;
        for (uint32_t i = 0; i < parked->count; i++) {
            const struct iovec *piece = &plan->pieces[first + i];
            SharedBuf *owner = plan->owners[first + i];
            uint32_t count = (uint32_t)piece->iov_len;
            if (owner != NULL) {
                uint32_t at = (uint32_t)((uint8_t *)piece->iov_base - owner->data);
                parked->slices[i] = (SharedSlice){owner, at, count};
            } else {
                parked->slices[i] = (SharedSlice){shared_buf_ref(staged), staged_at, count};
                staged_at += count;
            }
        }
        shared_buf_unref(staged);
    }
    plan_clear(plan);
}

// Releases the pieces that are out, shortens the one that is partly out; returns the first that is
// left.
static uint32_t plan_skip(WritePlan *plan, size_t written) {
    uint32_t i = 0;
    for (; i < plan->count && written >= plan->pieces[i].iov_len; i++) {
        written -= plan->pieces[i].iov_len;
        shared_buf_unref(plan->owners[i]);
    }
    if (i < plan->count) {
        plan->pieces[i].iov_base = (uint8_t *)plan->pieces[i].iov_base + written;
        plan->pieces[i].iov_len -= written;
    }
    return i;
}

// Staging is reused by the next connection, so what waits there is copied out; NULL if there is
// none.
static SharedBuf *plan_copy_staged(const WritePlan *plan, uint32_t from) {
    uint32_t count = 0;
    for (uint32_t i = from; i < plan->count; i++) {
        if (plan->owners[i] == NULL) count += (uint32_t)plan->pieces[i].iov_len;
    }
    if (count == 0) return NULL;
    SharedBuf *copy = shared_buf_create(count);
    for (uint32_t i = from; i < plan->count; i++) {
        if (plan->owners[i] != NULL) continue;
        memcpy(copy->data + copy->count, plan->pieces[i].iov_base, plan->pieces[i].iov_len);
        copy->count += (uint32_t)plan->pieces[i].iov_len;
    }
    return copy;
}

void parked_add_bytes(Parked *parked, Bytes bytes) {
    ASSERT(parked->count == 0);
    parked->slices = mem_alloc(sizeof *parked->slices);
    parked->slices[0] = (SharedSlice){shared_buf_of(bytes), 0, bytes.count};
    parked->count = 1;
    parked->bytes = bytes.count;
}

void parked_done(Parked *parked) {
    for (uint32_t i = 0; i < parked->count; i++) shared_buf_unref(parked->slices[i].buf);
    mem_free(parked->slices);
    *parked = (Parked){0};
}

// gate.c - life and death of a gate; the rest is inline.
#include "base/gate.h"

#include "base/bytes.h"

Gate *gate_create(void) {
    Gate *gate = mem_alloc(sizeof *gate);
    atomic_init(&gate->reached, TICKET_NONE);
    atomic_init(&gate->refs, 1);
    return gate;
}

void gate_unref(Gate *gate) {
    if (gate == NULL) return;
    // As shared_buf_unref: everybody's last use comes before the free.
    uint32_t before = atomic_fetch_sub_explicit(&gate->refs, 1, memory_order_acq_rel);
    ASSERT(before > 0);
    if (before == 1) mem_free(gate);
}

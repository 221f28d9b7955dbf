// gate.h - "released once a counter has reached n": how confirmed messages wait for the disk.
//
// Threads    gate_open from one writer (the log thread), gate_reached from any.
// Lifetime   outlives everything that holds a ticket; counted.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// A ticket that never waits.
#define TICKET_NONE 0u

typedef struct Gate {
    // Tickets below or equal to this are released. Writer: the log thread, release; readers: acquire, so
    // that what was made durable is also visible. Tickets are tx offset + 1.
    _Atomic uint64_t reached;
    _Atomic uint32_t refs;
} Gate;

Gate *gate_create(void);
static inline Gate *gate_ref(Gate *gate) {
    atomic_fetch_add_explicit(&gate->refs, 1, memory_order_relaxed);
    return gate;
}
void gate_unref(Gate *gate);  // accepts NULL
static inline bool gate_is_open(const Gate *gate, uint64_t ticket) {
    return ticket <= atomic_load_explicit(&gate->reached, memory_order_acquire);
}
static inline void gate_open(Gate *gate, uint64_t ticket) {
    atomic_store_explicit(&gate->reached, ticket, memory_order_release);
}

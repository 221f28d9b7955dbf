// hostile_trap.c - every way to trap, each after a change that must not stay.
#include <spacetime/module.h>

STDB_TABLE(Mark, mark, PUBLIC,
    (uint32_t, n));

static uint32_t calls;  // lost with the instance

STDB_REDUCER(unreachable, ctx) {
    STDB_TRY(mark_insert(&(Mark){1}));
    __builtin_trap();
}

STDB_REDUCER(divide, ctx, (int32_t, by)) {
    STDB_TRY(mark_insert(&(Mark){2}));
    volatile int32_t zero = by;
    return mark_insert(&(Mark){(uint32_t)(100 / zero)});
}

STDB_REDUCER(load, ctx, (uint32_t, address)) {
    STDB_TRY(mark_insert(&(Mark){3}));
    return mark_insert(&(Mark){*(volatile uint32_t *)(uintptr_t)address});
}

STDB_REDUCER(call_pointer, ctx, (uint32_t, address)) {
    STDB_TRY(mark_insert(&(Mark){4}));
    void (*volatile function)(void) = (void (*)(void))(uintptr_t)address;
    function();
    return STDB_OK;
}

STDB_REDUCER(panic, ctx) {
    STDB_TRY(mark_insert(&(Mark){5}));
    stdb_panic("with %s", "a text");
}

STDB_REDUCER(count_calls, ctx) {
    return stdb_fail("call %u", ++calls);
}

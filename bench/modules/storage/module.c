// module.c - a million rows in one reducer: what bench/storage.sh calls.
//
// Keys come in ascending order or in none; both orders use the keys 0 to n - 1 only where that is said.
#define STDB_SHORT_NAMES
#include <spacetime/module.h>

STDB_TABLE(Small, small, PUBLIC, (u32, id, PRIMARY_KEY), (u32, a), (u32, b));
STDB_TABLE(Account, accounts, PUBLIC, (u64, id, PRIMARY_KEY), (u64, balance));

// A permutation of all 32-bit numbers.
static u32 scramble(u32 value) {
    value *= 0x9e3779b1u;
    value ^= value >> 15;
    return value * 0x85ebca6bu;
}

STDB_REDUCER(clear, ctx) {
    small_clear();
    accounts_clear();
    return STDB_OK;
}

// Twelve bytes each.
STDB_REDUCER(insert_ascending, ctx, (u32, n)) {
    for (u32 i = 0; i < n; i++) STDB_TRY(small_insert(&(Small){i, i, 0}));
    return STDB_OK;
}

STDB_REDUCER(insert_random, ctx, (u32, n)) {
    for (u32 i = 0; i < n; i++) STDB_TRY(small_insert(&(Small){scramble(i), i, 0}));
    return STDB_OK;
}

// Sixteen bytes each; keys 0 to n - 1.
STDB_REDUCER(seed, ctx, (u32, n)) {
    for (u32 i = 0; i < n; i++) STDB_TRY(accounts_insert(&(Account){i, 1000}));
    return STDB_OK;
}

// The same rows with keys all over the place.
STDB_REDUCER(seed_random, ctx, (u32, n)) {
    for (u32 i = 0; i < n; i++) STDB_TRY(accounts_insert(&(Account){scramble(i), 1000}));
    return STDB_OK;
}

STDB_REDUCER(update_ascending, ctx, (u32, n), (u64, balance)) {
    for (u32 i = 0; i < n; i++) STDB_TRY(accounts_update_by_id(&(Account){i, balance}));
    return STDB_OK;
}

// The rows of `seed`, in another order: n is a power of two, or rows repeat.
STDB_REDUCER(update_shuffled, ctx, (u32, n), (u64, balance)) {
    for (u32 i = 0; i < n; i++) {
        u32 id = (u32)((u64)scramble(i) * n >> 32);
        STDB_TRY(accounts_update_by_id(&(Account){id, balance + i}));
    }
    return STDB_OK;
}

// The rows of `seed_random`.
STDB_REDUCER(update_random, ctx, (u32, n), (u64, balance)) {
    for (u32 i = 0; i < n; i++) STDB_TRY(accounts_update_by_id(&(Account){scramble(i), balance}));
    return STDB_OK;
}

// verified.c - see verified.h. Each token has one slot, by its hash; nobody can choose hashes of valid tokens.

#include "auth/verified.h"

#include "base/limits.h"
#include "base/thread.h"

struct Verified {
    Mutex mutex;
    // ---- under mutex ----
    Hash slots[AUTH_VERIFIED_MAX];  // zero: free
};
static_assert((AUTH_VERIFIED_MAX & (AUTH_VERIFIED_MAX - 1)) == 0,
              "a slot is some bits of the hash");

static Hash *slot_of(Verified *verified, const Hash *token);

Verified *verified_create(void) {
    Verified *verified = mem_alloc_zero(sizeof *verified);
    mutex_init(&verified->mutex);
    return verified;
}

void verified_free(Verified *verified) {
    if (verified == NULL) return;
    mutex_done(&verified->mutex);
    mem_free(verified);
}

bool verified_find(Verified *verified, const Hash *token) {
    mutex_lock(&verified->mutex);
    bool is_there = hash_equal(slot_of(verified, token), token);
    mutex_unlock(&verified->mutex);
    return is_there;
}

void verified_add(Verified *verified, const Hash *token) {
    mutex_lock(&verified->mutex);
    *slot_of(verified, token) = *token;
    mutex_unlock(&verified->mutex);
}

static Hash *slot_of(Verified *verified, const Hash *token) {
    return &verified->slots[load_u32le(token->bytes) & (AUTH_VERIFIED_MAX - 1)];
}

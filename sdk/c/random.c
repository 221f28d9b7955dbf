// random.c - deterministic random numbers: xoshiro256++ (Blackman and Vigna), seeded through
// splitmix64.
#include <spacetime/module.h>

static void random_seed(StdbRandom *random, uint64_t seed);

uint64_t stdb_random_u64(StdbContext *ctx) {
    StdbRandom *random = &ctx->random;
    if (!random->is_seeded) random_seed(random, (uint64_t)ctx->timestamp.micros);
    uint64_t *state = random->state;
    uint64_t result = __builtin_rotateleft64(state[0] + state[3], 23) + state[0];
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = __builtin_rotateleft64(state[3], 45);
    return result;
}

static void random_seed(StdbRandom *random, uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t mixed = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9u;
        mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
        random->state[i] = mixed ^ mixed >> 31;
    }
    random->is_seeded = true;
}

uint64_t stdb_random_below(StdbContext *ctx, uint64_t limit) {
    if (limit == 0) stdb_panic("stdb_random_below: the limit is 0");
    // Numbers past the last whole multiple of the limit would favour small results.
    uint64_t surplus = (UINT64_MAX % limit + 1) % limit;
    uint64_t random = stdb_random_u64(ctx);
    while (random > UINT64_MAX - surplus) random = stdb_random_u64(ctx);
    return random % limit;
}

double stdb_random_double(StdbContext *ctx) {
    return (double)(stdb_random_u64(ctx) >> 11) * 0x1p-53;
}

void stdb_random_fill(StdbContext *ctx, void *bytes, size_t count) {
    uint8_t *at = bytes;
    while (count > 0) {
        uint64_t random = stdb_random_u64(ctx);
        size_t step = count < sizeof random ? count : sizeof random;
        memcpy(at, &random, step);
        at += step;
        count -= step;
    }
}

// UUIDs are made in the order of their text and kept in the order of their number.
static StdbUuid uuid_from_text_order(const uint8_t bytes[16]) {
    StdbUuid uuid;
    for (int i = 0; i < 16; i++) uuid.bytes[i] = bytes[15 - i];
    return uuid;
}

StdbUuid stdb_uuid_v4(StdbContext *ctx) {
    uint8_t bytes[16];
    stdb_random_fill(ctx, bytes, sizeof bytes);
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    return uuid_from_text_order(bytes);
}

// The time, then a counter, so that those of one call are ordered too.
StdbUuid stdb_uuid_v7(StdbContext *ctx) {
    uint64_t millis = (uint64_t)(ctx->timestamp.micros / 1000);
    uint32_t counter = ctx->uuid_counter;
    ctx->uuid_counter = (counter + 1) & 0x7fffffff;
    uint8_t random[4];
    stdb_random_fill(ctx, random, sizeof random);
    uint8_t bytes[16] = {
        (uint8_t)(millis >> 40),
        (uint8_t)(millis >> 32),
        (uint8_t)(millis >> 24),
        (uint8_t)(millis >> 16),
        (uint8_t)(millis >> 8),
        (uint8_t)millis,
        0x70,
        (uint8_t)(counter >> 23),
        0x80,
        (uint8_t)(counter >> 15),
        (uint8_t)(counter >> 7),
        (uint8_t)((counter & 0x7f) << 1),
        random[0] & 0x7f,
        random[1],
        random[2],
        random[3],
    };
    return uuid_from_text_order(bytes);
}

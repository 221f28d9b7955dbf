// hash.h - the hashes of the formats. All take whole inputs and write whole digests.
//
// Threads    any.
#pragma once

#include "base/bytes.h"

typedef struct Hash {
    uint8_t bytes[32];  // the digest in natural order (spec/sats.md 7.7)
} Hash;

Hash hash_blake3(Bytes bytes);
Hash hash_keccak256(Bytes bytes);  // original padding: program hashes (spec/sats.md 7.6)
// CRC-32C (Castagnoli), continuing from `crc` (0 to start). "123456789" -> 0xE3069283.
uint32_t crc32c(uint32_t crc, Bytes bytes);
// The same, bytewise: what crc32c does where the CPU has no instruction for it.
uint32_t crc32c_portable(uint32_t crc, Bytes bytes);
// 64 lower-case digits and a zero.
void hash_to_hex(const Hash *hash, char ret_text[65]);
static inline bool hash_equal(const Hash *a, const Hash *b) {
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

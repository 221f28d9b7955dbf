// hash.c - digests of the formats; the work is done by crates (deps.h). crc32c is in crc32c.c.
#include "base/hash.h"

#include "base/deps.h"

// Rust's slices are never NULL, not even empty ones.
static const uint8_t *hash_input(Bytes bytes) {
    return bytes.data ? bytes.data : (const uint8_t *)"";
}

Hash hash_blake3(Bytes bytes) {
    Hash hash;
    dep_blake3(hash_input(bytes), bytes.count, hash.bytes);
    return hash;
}

Hash hash_keccak256(Bytes bytes) {
    Hash hash;
    dep_keccak256(hash_input(bytes), bytes.count, hash.bytes);
    return hash;
}

void hash_to_hex(const Hash *hash, char ret_text[65]) {
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof hash->bytes; i++) {
        ret_text[2 * i] = DIGITS[hash->bytes[i] >> 4];
        ret_text[2 * i + 1] = DIGITS[hash->bytes[i] & 15];
    }
    ret_text[64] = 0;
}

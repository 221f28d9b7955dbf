// identity.c - identities and connection ids: little-endian inside, most significant digit first in
// text.
#include "base/limits.h"
#include "sats/sats.h"

#define IDENTITY_DIGEST_BYTES 26u  // of the claims' hash that end up in the identity
#define IDENTITY_CHECKSUM_BYTES 4u
#define IDENTITY_TAG 0xc200u  // the first two bytes of every identity

static void number_to_hex(const uint8_t *bytes, uint32_t count, char *ret_text);
static bool number_parse(Bytes text, uint8_t *ret_bytes, uint32_t count);
static bool number_is_zero(const uint8_t *bytes, uint32_t count);

Identity identity_derive(Bytes issuer, Bytes subject) {
    ASSERT(issuer.count > 0 && issuer.count <= IDENTITY_CLAIM_BYTES_MAX);
    ASSERT(subject.count > 0 && subject.count <= IDENTITY_CLAIM_BYTES_MAX);
    uint8_t claims[2 * IDENTITY_CLAIM_BYTES_MAX + 1];
    memcpy(claims, issuer.data, issuer.count);
    claims[issuer.count] = '|';
    memcpy(claims + issuer.count + 1, subject.data, subject.count);
    Hash digest = hash_blake3((Bytes){claims, issuer.count + 1 + subject.count});

    uint8_t checked[2 + IDENTITY_DIGEST_BYTES] = {IDENTITY_TAG >> 8, IDENTITY_TAG & 0xff};
    memcpy(checked + 2, digest.bytes, IDENTITY_DIGEST_BYTES);
    Hash checksum = hash_blake3(bytes_of(checked, sizeof checked));

    uint8_t big_endian[32] = {IDENTITY_TAG >> 8, IDENTITY_TAG & 0xff};
    memcpy(big_endian + 2, checksum.bytes, IDENTITY_CHECKSUM_BYTES);
    memcpy(big_endian + 2 + IDENTITY_CHECKSUM_BYTES, digest.bytes, IDENTITY_DIGEST_BYTES);
    Identity identity;
    for (uint32_t i = 0; i < sizeof big_endian; i++) identity.bytes[i] = big_endian[31 - i];
    return identity;
}

void identity_to_hex(const Identity *identity, char ret_text[IDENTITY_HEX_COUNT + 1]) {
    number_to_hex(identity->bytes, sizeof identity->bytes, ret_text);
}

bool identity_parse(Bytes text, Identity *ret_identity) {
    if (text.count == IDENTITY_HEX_COUNT + 2 && text.data[0] == '0' && text.data[1] == 'x') {
        text = bytes_slice(text, 2, IDENTITY_HEX_COUNT);
    }
    return number_parse(text, ret_identity->bytes, sizeof ret_identity->bytes);
}

bool identity_equal(const Identity *a, const Identity *b) {
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool identity_is_zero(const Identity *identity) {
    return number_is_zero(identity->bytes, sizeof identity->bytes);
}

void connection_id_to_hex(const ConnectionId *id, char ret_text[CONNECTION_ID_HEX_COUNT + 1]) {
    number_to_hex(id->bytes, sizeof id->bytes, ret_text);
}

bool connection_id_parse(Bytes text, ConnectionId *ret_id) {
    return number_parse(text, ret_id->bytes, sizeof ret_id->bytes);
}

bool connection_id_is_zero(const ConnectionId *id) {
    return number_is_zero(id->bytes, sizeof id->bytes);
}

static void number_to_hex(const uint8_t *bytes, uint32_t count, char *ret_text) {
    static const char DIGITS[] = "0123456789abcdef";
    for (uint32_t i = 0; i < count; i++) {
        uint8_t byte = bytes[count - 1 - i];
        ret_text[i * 2] = DIGITS[byte >> 4];
        ret_text[i * 2 + 1] = DIGITS[byte & 0xf];
    }
    ret_text[count * 2] = 0;
}

static bool number_parse(Bytes text, uint8_t *ret_bytes, uint32_t count) {
    uint8_t big_endian[32];
    if (!hex_decode(text, big_endian, count)) return false;
    for (uint32_t i = 0; i < count; i++) ret_bytes[i] = big_endian[count - 1 - i];
    return true;
}

static bool number_is_zero(const uint8_t *bytes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (bytes[i] != 0) return false;
    }
    return true;
}

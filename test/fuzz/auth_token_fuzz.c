// auth_token_fuzz.c - tokens of any bytes: the parts, the claims, and base64url both ways.
#include "auth/token.h"

#include "base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count > HTTP_HEAD_BYTES_MAX) return 0;
    Arena arena;
    Error error = {0};
    Bytes text = bytes_of(data, count);
    arena_init(&arena, AUTH_TOKEN_ARENA_BYTES_MAX);
    Bytes decoded;
    if (base64url_read(text, &arena, &decoded)) {
        ASSERT(bytes_equal(base64url_write(decoded, &arena), text));
    }
    Token token = {0};
    if (token_read(text, &arena, &token, &error) == STATUS_OK) {
        Claims claims;
        if (token_check(&token, 1755000000, &claims, &error) == STATUS_OK) {
            ASSERT(claims.issuer.count > 0 && claims.issuer.count <= IDENTITY_CLAIM_BYTES_MAX);
            ASSERT(claims.subject.count > 0 && claims.subject.count <= IDENTITY_CLAIM_BYTES_MAX);
            ASSERT(bytes_equal(token_issuer(&token), claims.issuer));
        }
    }
    token_done(&token);
    arena_done(&arena);
    return 0;
}

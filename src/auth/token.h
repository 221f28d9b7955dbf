// token.h - the parts of a JWT, and what its claims must be. Nothing here checks a signature.
//
// Threads    none of it is shared.
// Lifetime   a Token's texts borrow from the arena and the token given; token_done releases the rest.
// Errors     STATUS_DENIED with upstream's text (http-api.md 3.3).
// Format     RFC 7515 (compact form), RFC 7519.
#pragma once

#include "auth/auth.h"

#include <jansson.h>

typedef struct Token {
    Bytes text;         // as presented
    Bytes signed_text;  // "header.payload", what the signature is over
    Bytes signature;    // decoded
    Bytes payload;      // decoded JSON text
    Bytes algorithm;    // of the header; empty: none
    Bytes key_id;       // of the header; data == NULL: none
    json_t *claims;     // of the payload
} Token;

Status token_read(Bytes text, Arena *arena, Token *ret_token, Error *error);
void token_done(Token *token);  // accepts a zeroed Token
// The `iss` claim, unchecked; data == NULL if it is no string.
Bytes token_issuer(const Token *token);
// Checks the claims and fills in who it is. now: seconds.
Status token_check(const Token *token, int64_t now, Claims *ret_claims, Error *error);

// base64url without padding.
Bytes base64url_write(Bytes bytes, Arena *arena);
// False if a character or the length is wrong.
bool base64url_read(Bytes text, Arena *arena, Bytes *ret_bytes);

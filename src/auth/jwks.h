// jwks.h - the keys of other issuers: discovery, fetching, a cache, verifying with them.
//
// Threads    any. jwks_verify may fetch (blocks); jwks_is_fresh tells beforehand.
// Limits     AUTH_ISSUERS_MAX issuers are kept, AUTH_ISSUER_KEYS_MAX keys each.
// Format     OpenID Connect Discovery 1.0; RFC 7517; rules: http-api.md 3.5, since-2.8.md 6.3.
#pragma once

#include "auth/token.h"

typedef struct Jwks Jwks;

Jwks *jwks_create(Os *os);
void jwks_free(Jwks *jwks);  // accepts NULL

// True if the issuer's keys are here and young enough to be used without asking for them again.
bool jwks_is_fresh(Jwks *jwks, Bytes issuer);
// Verifies the token's signature with the issuer's keys, which are fetched if need be. Old keys are used on
// when fetching fails. STATUS_DENIED with the text of the 401.
Status jwks_verify(Jwks *jwks, const Token *token, Bytes issuer, Arena *arena, Error *error);

// auth.h - who is calling: keys, tokens, identities.
//
// Threads    Auth may be used from any thread once created; validating a foreign token may fetch keys over
//            the network and must then run on a pool thread (auth_needs_network tells beforehand).
// Lifetime   Claims live in the arena given.
// Limits     AUTH_* in base/limits.h.        Format  spec: http-api.md 3, since-2.8.md 6.3; RFC 7519.
#pragma once

#include "base/os.h"
#include "sats/sats.h"

typedef struct Auth Auth;

typedef struct AuthOptions {
    Os *os;
    const char *private_key_path;  // PKCS#8 PEM
    const char *public_key_path;   // SubjectPublicKeyInfo PEM
    const char *issuer;            // of the tokens we mint: "localhost"
} AuthOptions;

// Reads the key pair; makes one if neither file exists (mode 0600, synced); refuses if only one does.
Status auth_create(const AuthOptions *options, Auth **ret_auth, Error *error);
void auth_free(Auth *auth);
// The PEM text of the public key, as served by /v1/identity/public-key.
Bytes auth_public_key(const Auth *auth);

typedef struct Claims {
    Identity identity;
    Bytes token;    // as presented or minted
    Bytes payload;  // the decoded JSON text, exact bytes
    Bytes issuer;
    Bytes subject;
} Claims;

// A new user: random UUID subject, our issuer, no expiry (http-api.md 3.4; exp omitted, since-2.8.md 6.3).
void auth_mint(Auth *auth, Arena *arena, Claims *ret_claims);
// The identity of a new database (http-api.md 7.2: minted like a user's).
Identity auth_mint_database_identity(Auth *auth);
// A 60-second token for the same user.
Status auth_mint_short(Auth *auth, const Claims *claims, Arena *arena, Bytes *ret_token,
                       Error *error);
// Checks a presented token. STATUS_DENIED with upstream's 401 text.
Status auth_validate(Auth *auth, Bytes token, Arena *arena, Claims *ret_claims, Error *error);
// True if validating needs keys that would have to be fetched now.
bool auth_needs_network(Auth *auth, Bytes token);

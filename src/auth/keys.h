// keys.h - the server's own ES256 key pair: its files, signing, verifying.
//
// Threads    immutable once opened; any thread.
// Limits     AUTH_KEY_FILE_BYTES_MAX.        Format  PKCS#8 and SubjectPublicKeyInfo PEM; RFC 7518, 3.4.
#pragma once

#include "base/os.h"

#define SIGNATURE_BYTES 64u  // r and s, each 32 bytes, big-endian

typedef struct Keys Keys;

// See auth_create.
Status keys_open(Os *os, const char *private_path, const char *public_path, Keys **ret_keys,
                 Error *error);
void keys_free(Keys *keys);  // accepts NULL
// The text of the public key's file.
Bytes keys_public_pem(const Keys *keys);

void keys_sign(const Keys *keys, Bytes text, uint8_t ret_signature[SIGNATURE_BYTES]);
bool keys_verify(const Keys *keys, Bytes text, Bytes signature);

// verified.h - tokens whose signature our own key was found to have made: clients send the same one again and
// again, and verifying costs more than everything else about a small request.
//
// Threads    any.
// Limits     AUTH_VERIFIED_MAX tokens; a newer one takes the place of an older one.
#pragma once

#include "base/hash.h"

typedef struct Verified Verified;

Verified *verified_create(void);
void verified_free(Verified *verified);  // accepts NULL

// By the hash of the whole token. Only signatures are remembered, never claims: those depend on the time.
bool verified_find(Verified *verified, const Hash *token);
void verified_add(Verified *verified, const Hash *token);

// load_http.h - the part before the load: an identity, and the upgrade to a WebSocket. Blocking.
//
// Errors     end the process with a text.
#pragma once

#include <stddef.h>

#include "base/bytes.h"
#include "load_options.h"

// Connects; TCP_NODELAY is set.
int load_connect(const LoadOptions *options);
// A token for a new identity; to be freed with mem_free.
char *load_identity(const LoadOptions *options);
// Upgrades to v3.bsatn.spacetimedb; what came behind the 101 is appended to `early`. The socket is
// non-blocking afterwards.
void load_upgrade(int socket, const LoadOptions *options, const char *token, Buffer *early);
_Noreturn void load_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

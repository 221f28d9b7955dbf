// listener.h - the listening socket: accepts on the first net thread and spreads over all of them.
//
// Threads    listener_open before the threads start; everything after on the first net thread.
// Limits     NET_CONNECTIONS_MAX, NET_ACCEPTS_MAX.
#pragma once

#include "base/status.h"
#include "net/thread.h"

typedef struct Listener Listener;

// "127.0.0.1:3000", "[::1]:0" or "localhost:3000".
Status listener_open(NetServer *server, const char *address, Listener **ret_listener,
                     uint16_t *ret_port, Error *error);
// Stops listening and frees it, once its loop has turned. Any thread; the net threads run.
void listener_close(Listener *listener);

// changes.h - the control thread: whatever changes which databases there are and what they are called.
//
// Changes run one at a time, so that each checks, writes and publishes without anybody in between. What takes
// long (compiling, the first transaction of a new database) is done on a work thread between two steps; the
// database's identity is claimed meanwhile, and others who want it wait in line.
//
// Threads    changes_post: any. The rest: the control thread, in jobs that it runs.
// Lifetime   from server start to stop; free runs what is waiting.
#pragma once

#include "server/web.h"

// Takes the control database.
Changes *changes_create(Server *server, Control *control);
void changes_free(Changes *changes);
// Returns once everything posted before was run. Not on the control thread.
void changes_quiesce(Changes *changes);

// Runs the request's job there.
void changes_post(WebRequest *request, void (*run)(PoolJob *job));
Control *changes_control(Server *server);

// True: this request has the identity until changes_release. False: somebody else has; the request's job runs
// again from its start once it is free.
bool changes_claim(WebRequest *request, const Identity *identity);
void changes_release(Server *server, const Identity *identity);

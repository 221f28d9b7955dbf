// http.h - the encoding of requests and responses, for functions.c.
//
// Threads    none.   Lifetime   memory of the call.   Format   module ABI 7.5.
#pragma once

#include <spacetime/module.h>

// All of a request but its body. Panics if it is none: the host made it.
void http_read_request(StdbReader reader, StdbHttpRequest *ret_request);
// All of a response but its body.
StdbBytes http_write_response(const StdbHttpResponse *response);

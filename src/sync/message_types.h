// message_types.h - the types of messages, for what works on any value: reading and writing v1's JSON, and the
// texts about bytes that are no message.
//
// Threads    constants.        Format  websocket.md 5.1, 7.1, 7.2; since-2.8.md 3.1.
#pragma once

#include "sats/sats.h"

extern const Type V1_CLIENT_MESSAGE;
extern const Type V2_CLIENT_MESSAGE;
// With JSON, arguments and single values are strings of JSON, and lists of rows arrays of such strings. The
// BSATN of a client's message is the same all the same: a string and a byte string look alike.
extern const Type V1_CLIENT_MESSAGE_JSON;
extern const Type V1_SERVER_MESSAGE_JSON;

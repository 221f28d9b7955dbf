// protocol.c - names and choice of the subprotocols (websocket.md 1.5).

#include "sync/sync.h"

static const char *const NAMES[PROTOCOL_COUNT] = {
    [PROTOCOL_V3] = "v3.bsatn.spacetimedb",
    [PROTOCOL_V2] = "v2.bsatn.spacetimedb",
    [PROTOCOL_V1_BSATN] = "v1.bsatn.spacetimedb",
    [PROTOCOL_V1_JSON] = "v1.json.spacetimedb",
};

static bool list_contains(Bytes list, Bytes name);
static bool is_blank(uint8_t byte);

const char *protocol_name(Protocol protocol) {
    ASSERT(protocol < PROTOCOL_COUNT);
    return NAMES[protocol];
}

bool protocol_choose(Bytes list, Protocol *ret_protocol) {
    for (Protocol protocol = 0; protocol < PROTOCOL_COUNT; protocol++) {
        if (!list_contains(list, bytes_of_text(NAMES[protocol]))) continue;
        *ret_protocol = protocol;
        return true;
    }
    return false;
}

// Items are separated by commas with blanks around them; the comparison is exact.
static bool list_contains(Bytes list, Bytes name) {
    uint32_t at = 0;
    while (at < list.count) {
        uint32_t start = at;
        while (at < list.count && list.data[at] != ',') at++;
        uint32_t end = at++;
        while (start < end && is_blank(list.data[start])) start++;
        while (end > start && is_blank(list.data[end - 1])) end--;
        if (bytes_equal(bytes_slice(list, start, end - start), name)) return true;
    }
    return false;
}

static bool is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t';
}

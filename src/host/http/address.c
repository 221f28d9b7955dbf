// address.c - which addresses a module must not reach: everything that RFC 6890 and IANA's registries give a special
// purpose (module-abi.md 7.5). Tables of prefixes.
#include "host/http/http.h"

#include <string.h>

typedef struct Prefix4 {
    uint8_t address[4];
    uint8_t bits;
} Prefix4;

static const Prefix4 PREFIXES4[] = {
    {{0, 0, 0, 0}, 8},       {{10, 0, 0, 0}, 8},     {{100, 64, 0, 0}, 10},
    {{127, 0, 0, 0}, 8},     {{169, 254, 0, 0}, 16}, {{172, 16, 0, 0}, 12},
    {{192, 0, 0, 0}, 24},    {{192, 0, 2, 0}, 24},   {{192, 31, 196, 0}, 24},
    {{192, 52, 193, 0}, 24}, {{192, 88, 99, 0}, 24}, {{192, 168, 0, 0}, 16},
    {{192, 175, 48, 0}, 24}, {{198, 18, 0, 0}, 15},  {{198, 51, 100, 0}, 24},
    {{203, 0, 113, 0}, 24},  {{240, 0, 0, 0}, 4},
};

typedef struct Prefix6 {
    uint8_t address[16];
    uint8_t bits;
} Prefix6;

// clang-format off
static const Prefix6 PREFIXES6[] = {
    {{[15] = 1}, 128},                                    // ::1
    {{0}, 128},                                           // ::
    {{0x00, 0x64, 0xff, 0x9b}, 96},                       // 64:ff9b::/96
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48},           // 64:ff9b:1::/48
    {{[10] = 0xff, 0xff}, 96},                            // ::ffff:0:0/96
    {{0x01, 0x00}, 64},                                   // 100::/64
    {{0x01, 0x00, [7] = 1}, 64},                          // 100:0:0:1::/64
    {{0x20, 0x01}, 23},                                   // 2001::/23
    {{0x20, 0x01, 0x0d, 0xb8}, 32},                       // 2001:db8::/32
    {{0x20, 0x02}, 16},                                   // 2002::/16
    {{0x26, 0x20, 0x00, 0x4f, 0x80, 0x00}, 48},           // 2620:4f:8000::/48
    {{0x3f, 0xff}, 20},                                   // 3fff::/20
    {{0x5f, 0x00}, 16},                                   // 5f00::/16
    {{0xfc}, 7},                                          // fc00::/7
    {{0xfe, 0x80}, 10},                                   // fe80::/10
};
// clang-format on

static bool has_prefix(const uint8_t *address, const uint8_t *prefix, uint32_t bits) {
    uint32_t bytes = bits / 8;
    if (memcmp(address, prefix, bytes) != 0) return false;
    uint32_t rest = bits % 8;
    return rest == 0 || (address[bytes] ^ prefix[bytes]) >> (8 - rest) == 0;
}

bool http_address_is_private(const struct sockaddr *address) {
    if (address->sa_family == AF_INET) {
        uint8_t bytes[4];
        memcpy(bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, sizeof bytes);
        for (size_t i = 0; i < sizeof PREFIXES4 / sizeof *PREFIXES4; i++) {
            if (has_prefix(bytes, PREFIXES4[i].address, PREFIXES4[i].bits)) return true;
        }
        return false;
    }
    if (address->sa_family != AF_INET6) return true;
    uint8_t bytes[16];
    memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, sizeof bytes);
    for (size_t i = 0; i < sizeof PREFIXES6 / sizeof *PREFIXES6; i++) {
        if (has_prefix(bytes, PREFIXES6[i].address, PREFIXES6[i].bits)) return true;
    }
    return false;
}

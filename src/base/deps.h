// deps.h - C functions over crates, built by deps/ (see deps/src/lib.rs).
//
// Threads    any; all are pure.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct DepHeader {
    const uint8_t *name;
    size_t name_count;
    const uint8_t *value;
    size_t value_count;
} DepHeader;

typedef struct DepHttpHead {
    const uint8_t *method;
    size_t method_count;
    const uint8_t *path;
    size_t path_count;
    uint32_t version_minor;
    uint32_t status;  // of a response
    size_t header_count;
} DepHttpHead;

// Bytes of the head when complete, 0 when more input is needed, -1 when malformed. What it points to
// borrows from `data`. At most 128 headers.
ssize_t dep_http_parse_request(const uint8_t *data, size_t count, DepHeader *headers,
                               size_t header_max, DepHttpHead *ret_head);
ssize_t dep_http_parse_response(const uint8_t *data, size_t count, DepHeader *headers,
                                size_t header_max, DepHttpHead *ret_head);
void dep_blake3(const uint8_t *data, size_t count, uint8_t *ret_digest);
void dep_keccak256(const uint8_t *data, size_t count, uint8_t *ret_digest);

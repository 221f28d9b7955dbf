// config.h - config.toml: what operators may set. Unknown keys are ignored.
//
// Threads    read once at start, then constant.
// Format     spec: http-api.md 10.5; docs/configuration.md names what has an effect.
#pragma once

#include "base/log.h"
#include "base/os.h"

typedef struct Config {
    const char *private_key_path;  // NULL: not given
    const char *public_key_path;
    LogLevel log_level;
    uint64_t segment_bytes_max;
    bool websocket_compression;
    uint32_t ping_interval_ms;
    uint32_t idle_timeout_ms;
    uint32_t close_timeout_ms;
    uint32_t inbox_messages_max;  // of one client
    // Modules; db.h says what they mean.
    bool http_is_enabled;
    bool http_allows_private;
    uint32_t procedure_instances;
    uint32_t call_seconds;
    uint64_t module_memory_bytes_max;
    uint64_t module_log_day_bytes_max;
} Config;

// Reads the file; writes a template with every key commented out if there is none. Texts live in the arena.
Status config_read(Os *os, const char *path, Arena *arena, Config *ret_config, Error *error);

// "500ms", "1m 30s", "2h": number and unit groups, with blanks between them; false if it is none, or too long
// for milliseconds in 32 bits.
bool duration_parse(Bytes text, uint32_t *ret_ms);

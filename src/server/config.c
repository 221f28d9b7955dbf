// config.c - see config.h. One table says what each key is and where its value goes.

#include "server/config.h"

#include "base/toml.h"

typedef enum SettingKind {
    SETTING_TEXT,
    SETTING_LEVEL,
    SETTING_COUNT_U32,  // > 0
    SETTING_COUNT_U64,  // > 0
    SETTING_DURATION,
    SETTING_FLAG,
} SettingKind;

typedef struct Setting {
    const char *table;
    const char *key;
    SettingKind kind;
    size_t offset;  // in Config
} Setting;

static const Setting SETTINGS[] = {
    {"certificate-authority", "jwt-priv-key-path", SETTING_TEXT,
     offsetof(Config, private_key_path)},
    {"certificate-authority", "jwt-pub-key-path", SETTING_TEXT, offsetof(Config, public_key_path)},
    {"logs", "level", SETTING_LEVEL, offsetof(Config, log_level)},
    {"logs", "module-day-size", SETTING_COUNT_U64, offsetof(Config, module_log_day_bytes_max)},
    {"module-http", "enabled", SETTING_FLAG, offsetof(Config, http_is_enabled)},
    {"module-http", "allow-private-addresses", SETTING_FLAG, offsetof(Config, http_allows_private)},
    {"wasm", "procedure-instance-pool-size", SETTING_COUNT_U32,
     offsetof(Config, procedure_instances)},
    {"wasm", "memory-size", SETTING_COUNT_U64, offsetof(Config, module_memory_bytes_max)},
    {"wasm", "call-seconds", SETTING_COUNT_U32, offsetof(Config, call_seconds)},
    {"commitlog", "max-segment-size", SETTING_COUNT_U64, offsetof(Config, segment_bytes_max)},
    {"websocket", "compression", SETTING_FLAG, offsetof(Config, websocket_compression)},
    {"websocket", "ping-interval", SETTING_DURATION, offsetof(Config, ping_interval_ms)},
    {"websocket", "idle-timeout", SETTING_DURATION, offsetof(Config, idle_timeout_ms)},
    {"websocket", "close-handshake-timeout", SETTING_DURATION, offsetof(Config, close_timeout_ms)},
    {"websocket", "incoming-queue-length", SETTING_COUNT_U32, offsetof(Config, inbox_messages_max)},
};

static const char TEMPLATE[] =
    "# Settings of the server, read once when it starts. Each line shows a default.\n"
    "\n"
    "# [certificate-authority]\n"
    "# The key pair that signs tokens; both or neither.\n"
    "# jwt-priv-key-path = \"/etc/spacetime/id_ecdsa\"\n"
    "# jwt-pub-key-path = \"/etc/spacetime/id_ecdsa.pub\"\n"
    "\n"
    "[logs]\n"
    "# off, error, warn, info, debug or trace\n"
    "# level = \"info\"\n"
    "# Bytes of one day's log of a module; what it says beyond them is dropped.\n"
    "# module-day-size = 268435456\n"
    "\n"
    "[module-http]\n"
    "# HTTP requests that procedures and HTTP handlers make, and whether to other addresses than\n"
    "# those of the public internet.\n"
    "# enabled = true\n"
    "# allow-private-addresses = false\n"
    "\n"
    "[wasm]\n"
    "# Procedures and HTTP handlers of one database that run at a time.\n"
    "# procedure-instance-pool-size = 8\n"
    "# Seconds of processor time that one call may use.\n"
    "# call-seconds = 60\n"
    "# Bytes of memory that an instance of a module may have.\n"
    "# memory-size = 4294967296\n"
    "\n"
    "[commitlog]\n"
    "# A file of the log is closed and a new one begun at this size.\n"
    "# max-segment-size = 1073741824\n"
    "\n"
    "[websocket]\n"
    "# Compress messages of more than 1,024 bytes as clients ask for. Off: some versions of the\n"
    "# TypeScript package take what follows a compressed message before it.\n"
    "# compression = false\n"
    "# ping-interval = \"15s\"\n"
    "# A client that sends nothing for this long, not even a pong, is dropped.\n"
    "# idle-timeout = \"30s\"\n"
    "# close-handshake-timeout = \"250ms\"\n"
    "# Messages of one client that may wait for its database.\n"
    "# incoming-queue-length = 16384\n";

static Status apply(const Setting *setting, const TomlValue *value, Arena *arena, Config *config,
                    Error *error);
static Status apply_count(const TomlValue *value, uint64_t max, uint64_t *ret_count, Error *error);
static Status apply_duration(const TomlValue *value, uint32_t *ret_ms, Error *error);
static Status apply_level(const TomlValue *value, LogLevel *ret_level, Error *error);
static bool unit_micros(Bytes unit, uint64_t *ret_micros);
static bool is_digit(uint8_t byte);

Status config_read(Os *os, const char *path, Arena *arena, Config *ret_config, Error *error) {
    Config config = {.log_level = LOG_INFO,
                     .segment_bytes_max = LOG_SEGMENT_BYTES_MAX,
                     .ping_interval_ms = 15000,
                     .idle_timeout_ms = 30000,
                     .close_timeout_ms = 250,
                     .inbox_messages_max = INBOX_MESSAGES_MAX,
                     .http_is_enabled = true,
                     .procedure_instances = PROCEDURE_INSTANCES_DEFAULT,
                     .call_seconds = MODULE_CALL_SECONDS_MAX,
                     .module_memory_bytes_max = MODULE_MEMORY_BYTES_MAX,
                     .module_log_day_bytes_max = MODULE_LOG_DAY_BYTES_MAX};
    if (!os_path_exists(os, path)) {
        *ret_config = config;
        return os_file_replace(os, path, bytes_of_text(TEMPLATE), error);
    }
    Bytes text;
    Status status = os_file_read_all(os, path, TOML_BYTES_MAX, arena, &text, error);
    if (status != STATUS_OK) return status;
    Toml toml;
    status = toml_read(text, arena, &toml, error);
    if (status != STATUS_OK) {
        error_prefix(error, "invalid TOML syntax in %s: ", path);
        return status;
    }
    for (size_t i = 0; status == STATUS_OK && i < sizeof SETTINGS / sizeof SETTINGS[0]; i++) {
        const TomlValue *value = toml_find(&toml, SETTINGS[i].table, SETTINGS[i].key);
        if (value == NULL) continue;
        status = apply(&SETTINGS[i], value, arena, &config, error);
        if (status != STATUS_OK) {
            error_prefix(error, "%s, line %u: `%s.%s`: ", path, value->line, SETTINGS[i].table,
                         SETTINGS[i].key);
        }
    }
    if (status == STATUS_OK && !config.private_key_path != !config.public_key_path) {
        return error_set(error, STATUS_INVALID,
                         "%s: [certificate-authority] needs jwt-priv-key-path and jwt-pub-key-path",
                         path);
    }
    if (status == STATUS_OK) *ret_config = config;
    return status;
}

static Status apply(const Setting *setting, const TomlValue *value, Arena *arena, Config *config,
                    Error *error) {
    void *place = (char *)config + setting->offset;
    uint64_t count = 0;
    Status status = STATUS_OK;
    switch (setting->kind) {
    case SETTING_TEXT:
        if (value->kind != TOML_STRING) {
            return error_set(error, STATUS_INVALID, "expected a string");
        }
        *(const char **)place = arena_copy_text(arena, value->text);
        return STATUS_OK;
    case SETTING_LEVEL: return apply_level(value, place, error);
    case SETTING_COUNT_U32:
        status = apply_count(value, UINT32_MAX, &count, error);
        if (status == STATUS_OK) *(uint32_t *)place = (uint32_t)count;
        return status;
    case SETTING_COUNT_U64:
        status = apply_count(value, INT64_MAX, &count, error);
        if (status == STATUS_OK) *(uint64_t *)place = count;
        return status;
    case SETTING_DURATION: return apply_duration(value, place, error);
    case SETTING_FLAG:
        if (value->kind != TOML_BOOLEAN)
            return error_set(error, STATUS_INVALID, "expected true or false");
        *(bool *)place = value->flag;
        return STATUS_OK;
    }
    UNREACHABLE();
}

static Status apply_count(const TomlValue *value, uint64_t max, uint64_t *ret_count, Error *error) {
    if (value->kind != TOML_INTEGER) return error_set(error, STATUS_INVALID, "expected an integer");
    if (value->integer <= 0) {
        return error_set(error, STATUS_INVALID, "value must be greater than 0");
    }
    if ((uint64_t)value->integer > max) return error_set(error, STATUS_INVALID, "too large");
    *ret_count = (uint64_t)value->integer;
    return STATUS_OK;
}

static Status apply_duration(const TomlValue *value, uint32_t *ret_ms, Error *error) {
    uint32_t ms = 0;
    if (value->kind != TOML_STRING || !duration_parse(value->text, &ms)) {
        return error_set(error, STATUS_INVALID, "expected a duration like \"15s\"");
    }
    if (ms == 0) return error_set(error, STATUS_INVALID, "value must be greater than 0");
    *ret_ms = ms;
    return STATUS_OK;
}

static Status apply_level(const TomlValue *value, LogLevel *ret_level, Error *error) {
    static const struct {
        const char *name;
        LogLevel level;
    } LEVELS[] = {{"off", LOG_ERROR}, {"error", LOG_ERROR}, {"warn", LOG_WARN},
                  {"info", LOG_INFO}, {"debug", LOG_DEBUG}, {"trace", LOG_DEBUG}};
    for (size_t i = 0; value->kind == TOML_STRING && i < sizeof LEVELS / sizeof LEVELS[0]; i++) {
        size_t count = strlen(LEVELS[i].name);
        bool is_equal = value->text.count == count;
        for (size_t at = 0; is_equal && at < count; at++) {
            is_equal = (value->text.data[at] | 0x20) == LEVELS[i].name[at];
        }
        if (!is_equal) continue;
        *ret_level = LEVELS[i].level;
        return STATUS_OK;
    }
    return error_set(error, STATUS_INVALID, "expected off, error, warn, info, debug or trace");
}

// ---- durations ----

bool duration_parse(Bytes text, uint32_t *ret_ms) {
    uint64_t micros = 0;
    uint32_t at = 0;
    uint32_t groups = 0;
    while (at < text.count) {
        if (text.data[at] == ' ') {
            at++;
            continue;
        }
        uint64_t number = 0;
        uint32_t digits_at = at;
        for (; at < text.count && is_digit(text.data[at]); at++) {
            if (number > UINT32_MAX) return false;
            number = number * 10 + (uint64_t)(text.data[at] - '0');
        }
        if (at == digits_at) return false;
        while (at < text.count && text.data[at] == ' ') at++;
        uint32_t unit_at = at;
        while (at < text.count && text.data[at] >= 'a' && text.data[at] <= 'z') at++;
        uint64_t unit = 0;
        uint64_t product = 0;
        if (!unit_micros(bytes_slice(text, unit_at, at - unit_at), &unit) ||
            __builtin_mul_overflow(number, unit, &product) ||
            __builtin_add_overflow(micros, product, &micros)) {
            return false;
        }
        groups++;
    }
    if (groups == 0 || micros / 1000 > UINT32_MAX) return false;
    *ret_ms = (uint32_t)((micros + 999) / 1000);
    return true;
}

static bool unit_micros(Bytes unit, uint64_t *ret_micros) {
    static const struct {
        const char *names;  // each between blanks
        uint64_t micros;
    } UNITS[] = {
        {" us usec usecs ", 1},
        {" ms msec msecs millis ", 1000},
        {" s sec secs second seconds ", 1000000},
        {" m min mins minute minutes ", 60000000},
        {" h hr hrs hour hours ", 3600000000u},
        {" d day days ", 86400000000u},
        {" w week weeks ", 604800000000u},
    };
    if (unit.count == 0 || unit.count > 8) return false;
    char name[16] = " ";
    memcpy(name + 1, unit.data, unit.count);
    name[unit.count + 1] = ' ';
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
        if (!strstr(UNITS[i].names, name)) continue;
        *ret_micros = UNITS[i].micros;
        return true;
    }
    return false;
}

static bool is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

// log_text.c - a record is a JSON object on a line.
#include "cli/log_text.h"

#include "sats/sats.h"

#include <jansson.h>

// Stands in a record for what the compiler did not know.
static const char UNKNOWN[] = "__spacetimedb__";

#define COLOUR_DIM "\x1b[0m\x1b[2m"
#define COLOUR_NONE "\x1b[0m"

typedef struct LevelName {
    const char *record;  // in the log
    const char *option;  // on the command line
    const char *shown;
    const char *colour;
} LevelName;

static const LevelName LEVELS[LOG_RECORD_LEVEL_COUNT] = {
    [LOG_RECORD_TRACE] = {"Trace", "trace", "TRACE", COLOUR_DIM},
    [LOG_RECORD_DEBUG] = {"Debug", "debug", "DEBUG", "\x1b[0m\x1b[1m\x1b[2m"},
    [LOG_RECORD_INFO] = {"Info", "info", " INFO", "\x1b[0m\x1b[34m"},
    [LOG_RECORD_WARN] = {"Warn", "warn", " WARN", "\x1b[0m\x1b[33m"},
    [LOG_RECORD_ERROR] = {"Error", "error", "ERROR", "\x1b[0m\x1b[31m"},
    [LOG_RECORD_PANIC] = {"Panic", "panic", "PANIC", "\x1b[0m\x1b[1m\x1b[91m"},
};

static Status read_record(Bytes line, json_t **ret_record, LogRecordLevel *ret_level, Error *error);
static void write_record(const json_t *record, LogRecordLevel level, LogTextColour colour,
                         Buffer *text);
static void write_time(int64_t micros, Buffer *text);
static void write_frame(const json_t *frame, LogTextColour colour, Buffer *text);
static const char *known_text(const json_t *record, const char *key);
static void paint(Buffer *text, LogTextColour colour, const char *code);

bool log_record_level(const char *name, LogRecordLevel *ret_level) {
    for (uint32_t i = 0; i < LOG_RECORD_LEVEL_COUNT; i++) {
        if (strcmp(LEVELS[i].record, name) != 0 && strcmp(LEVELS[i].option, name) != 0) continue;
        *ret_level = (LogRecordLevel)i;
        return true;
    }
    return false;
}

Status log_record_read_level(Bytes line, LogRecordLevel *ret_level, Error *error) {
    json_t *record = NULL;
    Status status = read_record(line, &record, ret_level, error);
    json_decref(record);
    return status;
}

Status log_record_write_text(Bytes line, LogTextColour colour, Buffer *text, Error *error) {
    json_t *record = NULL;
    LogRecordLevel level = LOG_RECORD_INFO;
    Status status = read_record(line, &record, &level, error);
    if (status == STATUS_OK) write_record(record, level, colour, text);
    json_decref(record);
    return status;
}

static Status read_record(Bytes line, json_t **ret_record, LogRecordLevel *ret_level,
                          Error *error) {
    json_error_t problem;
    json_t *record = json_loadb((const char *)line.data, line.count, JSON_ALLOW_NUL, &problem);
    const char *level = json_string_value(json_object_get(record, "level"));
    if (level != NULL && log_record_level(level, ret_level) &&
        json_is_string(json_object_get(record, "message"))) {
        *ret_record = record;
        return STATUS_OK;
    }
    json_decref(record);
    return error_set(error, STATUS_INVALID, "a line of the log is not understood: %.*s",
                     (int)utf8_cut(line, 200), (const char *)line.data);
}

static void write_record(const json_t *record, LogRecordLevel level, LogTextColour colour,
                         Buffer *text) {
    const json_t *time = json_object_get(record, "ts");
    if (json_is_integer(time)) {
        paint(text, colour, COLOUR_DIM);
        write_time(json_integer_value(time), text);
    }
    paint(text, colour, LEVELS[level].colour);
    buffer_append_format(text, "%s: ", LEVELS[level].shown);
    paint(text, colour, COLOUR_NONE);
    const char *function = known_text(record, "function");
    const char *file = known_text(record, "filename");
    if (function != NULL) {
        paint(text, colour, COLOUR_DIM);
        buffer_append_text(text, function);
        paint(text, colour, COLOUR_NONE);
    }
    if (file != NULL) {
        paint(text, colour, COLOUR_DIM);
        buffer_append_format(text, "%s%s", function != NULL ? " " : "", file);
        const json_t *line = json_object_get(record, "line_number");
        if (json_is_integer(line)) {
            buffer_append_format(text, ":%lld", (long long)json_integer_value(line));
        }
        paint(text, colour, COLOUR_NONE);
    }
    if (function != NULL || file != NULL) buffer_append_text(text, ": ");
    const json_t *message = json_object_get(record, "message");
    buffer_append(text, json_string_value(message), json_string_length(message));
    buffer_u8(text, '\n');
    size_t index;
    json_t *frame;
    json_array_foreach(json_object_get(record, "trace"), index, frame) {
        write_frame(frame, colour, text);
    }
}

// "2026-08-01T12:00:00.123456Z ": with Z where sats writes +00:00.
static void write_time(int64_t micros, Buffer *text) {
    static const char OFFSET[] = "+00:00";
    timestamp_write_text(text, micros);
    size_t count = sizeof OFFSET - 1;
    if (text->count >= count && memcmp(text->data + text->count - count, OFFSET, count) == 0) {
        text->count -= count;
    }
    buffer_append_text(text, "Z ");
}

static void write_frame(const json_t *frame, LogTextColour colour, Buffer *text) {
    const char *module = json_string_value(json_object_get(frame, "module_name"));
    const char *function = json_string_value(json_object_get(frame, "func_name"));
    buffer_append_text(text, "    in ");
    if (module != NULL) {
        paint(text, colour, COLOUR_DIM);
        buffer_append_text(text, module);
        paint(text, colour, COLOUR_NONE);
        buffer_append_text(text, " :: ");
    }
    paint(text, colour, COLOUR_DIM);
    if (function != NULL) buffer_append_text(text, function);
    buffer_u8(text, '\n');
    paint(text, colour, COLOUR_NONE);
}

// NULL: absent, or not known.
static const char *known_text(const json_t *record, const char *key) {
    const char *text = json_string_value(json_object_get(record, key));
    return text == NULL || strcmp(text, UNKNOWN) == 0 ? NULL : text;
}

static void paint(Buffer *text, LogTextColour colour, const char *code) {
    if (colour == LOG_TEXT_COLOURED) buffer_append_text(text, code);
}

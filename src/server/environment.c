// environment.c - see environment.h; and the routes that read and change the environment of a database that runs.

#include "server/environment.h"

#include "server/handlers.h"

#include <jansson.h>
#include <strings.h>

#define SET_HEADER "spacetime-environment"
#define REMOVE_HEADER "spacetime-environment-remove"
#define ENTRIES_MAX (ENVIRONMENT_ITEMS_MAX + 1u)  // one more is one too many, whatever follows

typedef enum EnvironmentVerb { ENVIRONMENT_PUT, ENVIRONMENT_PATCH } EnvironmentVerb;

typedef struct EnvironmentRequest {
    Hash expected;
    EnvironmentChange change;
    DurableWait *wait;
    Error error;
} EnvironmentRequest;

static Status read_entry(Reader *reader, Arena *arena, EnvironmentEntry *ret_entry, Error *error);
static bool read_bare(Reader *reader, Bytes *ret_value);
static bool read_single_quoted(Reader *reader, Bytes *ret_value);
static bool read_double_quoted(Reader *reader, Arena *arena, Bytes *ret_value);
static Status read_removals(Bytes value, EnvironmentChange *change, Bytes *removed, Error *error);
static void skip_blanks(Reader *reader);
static bool is_blank(uint8_t byte);
static uint8_t peek(const Reader *reader);
static bool header_is(const HttpHeader *header, const char *name);
static void change_environment(WebRequest *request, EnvironmentVerb verb);
static bool read_expected(WebRequest *request, Hash *ret_hash);
static bool read_body(WebRequest *request, EnvironmentChange *change);
static void exec_get(Database *database, DbMessage *message);
static void exec_change(Database *database, DbMessage *message);
static void wait_changed(PoolJob *job);

// ---- headers ----

bool web_environment(WebRequest *request, EnvironmentChange *ret_change) {
    const HttpRequest *http = request->http;
    EnvironmentEntry *entries = NULL;
    Bytes *removed = NULL;
    EnvironmentChange change = {0};
    Error error;
    Status status = STATUS_OK;
    for (uint32_t i = 0; i < http->header_count && status == STATUS_OK; i++) {
        const HttpHeader *header = &http->headers[i];
        if (header_is(header, SET_HEADER)) {
            if (!entries) entries = ARENA_ARRAY(request->arena, EnvironmentEntry, ENTRIES_MAX);
            status = environment_read_header(header->value, request->arena, entries,
                                             &change.set_count, &error);
        } else if (header_is(header, REMOVE_HEADER)) {
            if (!removed) removed = ARENA_ARRAY(request->arena, Bytes, ENTRIES_MAX);
            status = read_removals(header->value, &change, removed, &error);
        }
    }
    if (status == STATUS_OK && change.removes_all && change.removed_count > 0)
        status = error_set(&error, STATUS_INVALID, "conflicting environment update operations");
    if (status != STATUS_OK) {
        web_answer_text(request, 400, "Invalid header: %s", error.text);
        return false;
    }
    change.set = entries;
    change.removed = removed;
    *ret_change = change;
    return true;
}

static bool header_is(const HttpHeader *header, const char *name) {
    return header->name.count == strlen(name) &&
           strncasecmp((const char *)header->name.data, name, header->name.count) == 0;
}

Status environment_read_header(Bytes value, Arena *arena, EnvironmentEntry *entries,
                               uint32_t *count, Error *error) {
    Reader reader = reader_of(value);
    for (;;) {
        skip_blanks(&reader);
        if (reader_left(&reader) == 0) return STATUS_OK;
        if (peek(&reader) != ',') {
            if (*count == ENTRIES_MAX) return STATUS_OK;  // refused for their number
            Status status = read_entry(&reader, arena, &entries[*count], error);
            if (status != STATUS_OK) return status;
            ++*count;
            skip_blanks(&reader);
            if (reader_left(&reader) == 0) return STATUS_OK;
        }
        if (peek(&reader) != ',')
            return error_set(error, STATUS_INVALID, SET_HEADER ": expected a comma");
        (void)reader_u8(&reader);
    }
}

static Status read_entry(Reader *reader, Arena *arena, EnvironmentEntry *ret_entry, Error *error) {
    const uint8_t *start = reader->at;
    while (reader_left(reader) > 0 && peek(reader) != '=' && peek(reader) != ',')
        (void)reader_u8(reader);
    Bytes key = bytes_of(start, (size_t)(reader->at - start));
    while (key.count > 0 && is_blank(key.data[key.count - 1])) key.count--;
    bool is_pair = key.count > 0 && reader_left(reader) > 0 && peek(reader) == '=';
    if (!is_pair) return error_set(error, STATUS_INVALID, SET_HEADER ": expected KEY=VALUE");
    (void)reader_u8(reader);
    skip_blanks(reader);
    ret_entry->key = key;
    uint8_t quote = reader_left(reader) > 0 ? peek(reader) : 0;
    bool is_good = quote == '\''  ? read_single_quoted(reader, &ret_entry->value)
                   : quote == '"' ? read_double_quoted(reader, arena, &ret_entry->value)
                                  : read_bare(reader, &ret_entry->value);
    if (is_good) return STATUS_OK;
    return error_set(error, STATUS_INVALID, SET_HEADER ": the value of \"%.*s\" is malformed",
                     BYTES_FORMAT(key));
}

// Visible ASCII; a comma ends it.
static bool read_bare(Reader *reader, Bytes *ret_value) {
    const uint8_t *start = reader->at;
    while (reader_left(reader) > 0 && peek(reader) != ',' && !is_blank(peek(reader))) {
        uint8_t byte = reader_u8(reader);
        if (byte <= ' ' || byte > '~' || byte == '"' || byte == '\'' || byte == '\\') return false;
    }
    *ret_value = bytes_of(start, (size_t)(reader->at - start));
    return true;
}

static bool read_single_quoted(Reader *reader, Bytes *ret_value) {
    (void)reader_u8(reader);
    const uint8_t *start = reader->at;
    while (reader_left(reader) > 0 && peek(reader) != '\'') {
        if (reader_u8(reader) >= 0x80) return false;
    }
    *ret_value = bytes_of(start, (size_t)(reader->at - start));
    return reader_u8(reader) == '\'';
}

// The JSON string is found by its quotes; what is in it is jansson's business.
static bool read_double_quoted(Reader *reader, Arena *arena, Bytes *ret_value) {
    const uint8_t *start = reader->at;
    (void)reader_u8(reader);
    while (reader_left(reader) > 0 && peek(reader) != '"') {
        uint8_t byte = reader_u8(reader);
        if (byte >= 0x80) return false;
        if (byte == '\\' && reader_left(reader) > 0) (void)reader_u8(reader);
    }
    if (reader_u8(reader) != '"') return false;
    json_t *text = json_loadb((const char *)start, (size_t)(reader->at - start),
                              JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!json_is_string(text)) {
        json_decref(text);
        return false;
    }
    *ret_value = arena_copy(arena, bytes_of(json_string_value(text), json_string_length(text)));
    json_decref(text);
    return true;
}

static Status read_removals(Bytes value, EnvironmentChange *change, Bytes *removed, Error *error) {
    Reader reader = reader_of(value);
    while (reader_left(&reader) > 0) {
        skip_blanks(&reader);
        const uint8_t *start = reader.at;
        while (reader_left(&reader) > 0 && peek(&reader) != ',') (void)reader_u8(&reader);
        Bytes key = bytes_of(start, (size_t)(reader.at - start));
        if (reader_left(&reader) > 0) (void)reader_u8(&reader);
        while (key.count > 0 && is_blank(key.data[key.count - 1])) key.count--;
        if (key.count == 0) continue;
        if (bytes_equal_text(key, "*")) {
            if (change->removes_all)
                return error_set(error, STATUS_INVALID,
                                 "conflicting environment update operations");
            change->removes_all = true;
        } else if (change->removed_count < ENTRIES_MAX) {
            removed[change->removed_count++] = key;
        }
    }
    return STATUS_OK;
}

static void skip_blanks(Reader *reader) {
    while (reader_left(reader) > 0 && is_blank(peek(reader))) (void)reader_u8(reader);
}

static bool is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t';
}

static uint8_t peek(const Reader *reader) {
    ASSERT(reader->at < reader->end);
    return *reader->at;
}

void web_refuse_environment(WebRequest *request, const char *keys) {
    web_answer_json(
        request, 400,
        arena_format(request->arena,
                     "{\"EnvironmentError\":{\"MissingRequiredEnvironment\":{\"keys\":%s}}}",
                     keys));
}

// ---- routes ----

void handle_environment_get(WebRequest *request) {
    if (!web_running_database(request) || !web_owner(request, "update database")) return;
    web_post(request, exec_get);
}

static void exec_get(Database *database, DbMessage *message) {
    WebRequest *request = WEB_OF_MESSAGE(message);
    if (database_is_stopped(database) || database_module(database) == NULL) {
        web_answer_text(request, 500, "no such module");
        return;
    }
    Buffer json;
    buffer_init(&json, SERVER_TEXT_BYTES_MAX);
    database_write_environment(database, &json);
    ASSERT(!json.failed);  // declarations are limited to a fraction of it
    web_answer_json(request, 200, buffer_bytes(&json));
    buffer_done(&json);
}

void handle_environment_put(WebRequest *request) {
    change_environment(request, ENVIRONMENT_PUT);
}

void handle_environment_patch(WebRequest *request) {
    change_environment(request, ENVIRONMENT_PATCH);
}

static void change_environment(WebRequest *request, EnvironmentVerb verb) {
    if (!web_running_database(request) || !web_owner(request, "update database")) return;
    EnvironmentRequest *own = ARENA_NEW(request->arena, EnvironmentRequest);
    request->own = own;
    if (!read_expected(request, &own->expected)) return;
    if (verb == ENVIRONMENT_PATCH && !web_environment(request, &own->change)) return;
    if (own->change.removes_all || own->change.set_count > 0) {
        web_answer_text(request, 400, "Invalid header: only keys can be removed here");
        return;
    }
    if (!read_body(request, &own->change)) return;
    if (verb == ENVIRONMENT_PUT) own->change.removes_all = true;
    web_post(request, exec_change);
}

static bool read_expected(WebRequest *request, Hash *ret_hash) {
    Bytes text;
    if (!web_query(request, "expected_module_hash", &text)) return false;
    if (text.data == NULL) {
        web_refuse_query(request, "missing field `expected_module_hash`");
        return false;
    }
    if (text.count == 64 && hex_decode(text, ret_hash->bytes, sizeof ret_hash->bytes)) return true;
    web_refuse_query(request, "`expected_module_hash` is not a hash: expected 64 hex digits");
    return false;
}

static bool read_body(WebRequest *request, EnvironmentChange *change) {
    Bytes body = request->http->body;
    json_t *object = json_loadb((const char *)body.data, body.count,
                                JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    bool is_good = json_is_object(object);
    size_t count = is_good ? json_object_size(object) : 0;
    if (count > ENTRIES_MAX) count = ENTRIES_MAX;
    EnvironmentEntry *entries = ARENA_ARRAY(request->arena, EnvironmentEntry, count);
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        if (change->set_count == count) break;
        if (!json_is_string(value)) {
            is_good = false;
            break;
        }
        entries[change->set_count++] = (EnvironmentEntry){
            arena_copy(request->arena, bytes_of_text(key)),
            arena_copy(request->arena,
                       bytes_of(json_string_value(value), json_string_length(value)))};
    }
    json_decref(object);
    change->set = entries;
    if (!is_good) web_answer_text(request, 400, "The body is no JSON object of strings");
    return is_good;
}

static void exec_change(Database *database, DbMessage *message) {
    WebRequest *request = WEB_OF_MESSAGE(message);
    EnvironmentRequest *own = request->own;
    if (database_is_stopped(database) || database_module(database) == NULL) {
        web_answer_text(request, 500, "no such module");
        return;
    }
    uint64_t ticket = TICKET_NONE;
    switch (
        database_set_environment(database, &own->expected, &own->change, &ticket, &own->error)) {
    case PUBLISH_DONE:
        own->wait = durable_begin(database, ticket);
        request->job.run = wait_changed;
        executor_pool_run_waiting(database_options(database)->pool, &request->job);
        return;
    case PUBLISH_MISSING_ENVIRONMENT:
        web_answer_json(request, 400,
                        arena_format(request->arena,
                                     "{\"Err\":{\"MissingRequiredEnvironment\":{\"keys\":%s}}}",
                                     own->error.text));
        return;
    case PUBLISH_OUTDATED: web_answer_text(request, 409, "%s", own->error.text); return;
    case PUBLISH_REJECTED:
    case PUBLISH_BAD_MODULE: web_answer_text(request, 400, "%s", own->error.text); return;
    }
    UNREACHABLE();
}

static void wait_changed(PoolJob *job) {
    WebRequest *request = WEB_OF_JOB(job);
    const EnvironmentRequest *own = request->own;
    if (durable_end(own->wait, SERVER_CONFIRMATION_MS_MAX) == DURABLE_YES) {
        web_answer_json(request, 200, BYTES_LITERAL("{\"Ok\":null}"));
    } else {
        web_answer_text(request, 503, "the change could not be confirmed to be on the disk");
    }
}

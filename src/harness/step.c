// step.c - one line of text to what it does. docs/testing-modules.md lists the steps.
#include "harness/trial.h"

typedef struct StepSpec {
    const char *name;
    StepReply (*run)(Trial *trial, Bytes rest);
} StepSpec;

static StepReply step_as(Trial *trial, Bytes rest);
static StepReply step_claims(Trial *trial, Bytes rest);
static StepReply step_connect(Trial *trial, Bytes rest);
static StepReply step_disconnect(Trial *trial, Bytes rest);
static StepReply step_call(Trial *trial, Bytes rest);
static StepReply step_result(Trial *trial, Bytes rest);
static StepReply step_sql(Trial *trial, Bytes rest);
static StepReply step_subscribe(Trial *trial, Bytes rest);
static StepReply step_updates(Trial *trial, Bytes rest);
static StepReply step_http(Trial *trial, Bytes rest);
static StepReply step_header(Trial *trial, Bytes rest);
static StepReply step_advance(Trial *trial, Bytes rest);
static StepReply step_now(Trial *trial, Bytes rest);
static StepReply step_identity(Trial *trial, Bytes rest);
static StepReply step_logs(Trial *trial, Bytes rest);
static StepReply step_environment(Trial *trial, Bytes rest);
static bool fill_in_persons(Trial *trial, Bytes line, Bytes *ret_line);

static const StepSpec STEPS[] = {
    {"as", step_as},           {"claims", step_claims},
    {"connect", step_connect}, {"disconnect", step_disconnect},
    {"call", step_call},       {"result", step_result},
    {"sql", step_sql},         {"subscribe", step_subscribe},
    {"updates", step_updates}, {"http", step_http},
    {"header", step_header},   {"advance", step_advance},
    {"now", step_now},         {"identity", step_identity},
    {"logs", step_logs},       {"environment", step_environment},
};

StepReply trial_step(Trial *trial, Bytes line) {
    if (line.count > HARNESS_STEP_BYTES_MAX)
        return reply_error(trial, "a step has at most %u bytes", HARNESS_STEP_BYTES_MAX);
    Bytes rest = BYTES_NONE;
    if (!fill_in_persons(trial, line, &rest)) return reply_error(trial, "too many persons");
    Bytes name = text_word(&rest);
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        if (bytes_equal_text(name, STEPS[i].name)) return STEPS[i].run(trial, rest);
    }
    return reply_error(trial, "there is no step %.*s", BYTES_FORMAT(name));
}

// @{alice} becomes the 64 digits of alice's identity. The line is copied: what it says may outlive
// it.
static bool fill_in_persons(Trial *trial, Bytes line, Bytes *ret_line) {
    Buffer filled;
    buffer_init(&filled, (size_t)HARNESS_STEP_BYTES_MAX * (IDENTITY_HEX_COUNT / 3));
    bool is_possible = true;
    for (uint32_t at = 0; at < line.count && is_possible;) {
        const uint8_t *end = NULL;
        if (text_starts(bytes_slice(line, at, line.count - at), BYTES_LITERAL("@{")))
            end = memchr(line.data + at, '}', line.count - at);
        if (end == NULL) {
            buffer_u8(&filled, line.data[at++]);
            continue;
        }
        uint32_t stop = (uint32_t)(end - line.data);
        Person *person = trial_person(trial, bytes_slice(line, at + 2, stop - at - 2));
        is_possible = person != NULL;
        if (!is_possible) break;
        char hex[IDENTITY_HEX_COUNT + 1];
        identity_to_hex(&person->caller.identity, hex);
        buffer_append_text(&filled, hex);
        at = stop + 1;
    }
    if (is_possible) *ret_line = arena_copy(&trial->arena, buffer_bytes(&filled));
    buffer_done(&filled);
    return is_possible;
}

Bytes trial_expected(Trial *trial, Bytes text) {
    Bytes filled = text;
    return fill_in_persons(trial, text, &filled) ? filled : text;
}

// ---- who ----

static StepReply step_as(Trial *trial, Bytes rest) {
    Bytes name = text_word(&rest);
    if (name.count == 0 || name.count > HARNESS_NAME_BYTES_MAX)
        return reply_error(trial, "as: a name has 1 to %u bytes", HARNESS_NAME_BYTES_MAX);
    Person *person = trial_person(trial, name);
    if (person == NULL) return reply_error(trial, "too many persons");
    trial->acting = person;
    return reply_ok(trial, BYTES_NONE);
}

static StepReply step_claims(Trial *trial, Bytes rest) {
    if (trial->acting->is_connected)
        return reply_error(trial, "claims: disconnect first, a connection keeps its token");
    trial->acting->caller.jwt_payload = rest;
    return reply_ok(trial, BYTES_NONE);
}

static StepReply step_connect(Trial *trial, Bytes rest) {
    (void)rest;
    return trial_connect(trial);
}

static StepReply step_disconnect(Trial *trial, Bytes rest) {
    (void)rest;
    return trial_disconnect(trial);
}

static StepReply step_identity(Trial *trial, Bytes rest) {
    Bytes name = text_word(&rest);
    Person *person = name.count == 0 ? trial->acting : trial_person(trial, name);
    if (person == NULL) return reply_error(trial, "too many persons");
    char hex[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&person->caller.identity, hex);
    return reply_ok(trial, bytes_of_text(hex));
}

// ---- what ----

static StepReply step_call(Trial *trial, Bytes rest) {
    Bytes name = text_word(&rest);
    if (name.count == 0) return reply_error(trial, "call: a function's name is missing");
    return trial_call(trial, name, rest.count == 0 ? BYTES_LITERAL("[]") : rest);
}

static StepReply step_result(Trial *trial, Bytes rest) {
    (void)rest;
    return trial_result(trial);
}

static StepReply step_sql(Trial *trial, Bytes rest) {
    return trial_sql(trial, rest);
}

static StepReply step_subscribe(Trial *trial, Bytes rest) {
    return trial_subscribe(trial, rest);
}

static StepReply step_updates(Trial *trial, Bytes rest) {
    (void)rest;
    return trial_updates(trial);
}

static StepReply step_http(Trial *trial, Bytes rest) {
    Bytes method = text_word(&rest);
    Bytes path = text_word(&rest);
    // Routes are "" or begin with a slash: "-" is how a line says "".
    if (bytes_equal_text(path, "-"))
        path = BYTES_LITERAL("");
    else if (path.count == 0)
        return reply_error(trial, "http: METHOD PATH [BODY]");
    return trial_http(trial, method, path, rest);
}

static StepReply step_header(Trial *trial, Bytes rest) {
    Bytes name = text_word(&rest);
    if (name.count == 0) return reply_error(trial, "header: NAME VALUE");
    if (trial->field_count == HARNESS_HEADERS_MAX) return reply_error(trial, "too many headers");
    trial->fields[trial->field_count++] = (RouteField){name, rest};
    return reply_ok(trial, BYTES_NONE);
}

static StepReply step_environment(Trial *trial, Bytes rest) {
    Bytes key = text_word(&rest);
    if (trial->database != NULL)
        return reply_error(trial, "environment: the database is there already");
    if (trial->environment_count == HARNESS_ENVIRONMENT_MAX)
        return reply_error(trial, "too many values");
    trial->environment[trial->environment_count++] = (EnvironmentEntry){key, rest};
    return reply_ok(trial, BYTES_NONE);
}

static StepReply step_logs(Trial *trial, Bytes rest) {
    (void)rest;
    return reply_ok(trial, trial_logs(trial));
}

// ---- when ----

static StepReply step_advance(Trial *trial, Bytes rest) {
    int64_t micros = 0;
    if (!text_duration(rest, &micros))
        return reply_error(trial,
                           "advance: a duration like 10ms, 5s, 2m, 1h or 3d, at most %u days",
                           (unsigned)HARNESS_ADVANCE_DAYS_MAX);
    if (!trial_needs_database(trial)) return (StepReply){true, buffer_bytes(&trial->reply)};
    virtual_clock_advance(trial->clock, trial->pool, micros);
    return reply_ok(trial, BYTES_NONE);
}

static StepReply step_now(Trial *trial, Bytes rest) {
    (void)rest;
    return reply_ok(
        trial, arena_format(&trial->arena, "%lld", (long long)virtual_clock_now(trial->clock)));
}

// trial.c - harnesses and trials: a database in memory on a pool and a clock of its own.
#include "harness/trial.h"

#include <stdarg.h>
#include <stdio.h>

// 2026-01-01T00:00:00Z.
#define START_MICROS INT64_C(1767225600000000)
#define POOL_THREADS 2u

static void receive(void *user, void *connection, SharedSlice slice, uint64_t ticket);
static void no_close(void *user, void *connection, uint16_t code, Bytes reason);
static Identity person_identity(Bytes name);

Status harness_create(const char *cache_dir, Bytes program, Harness **ret_harness, Error *error) {
    HostEngine *engine = NULL;
    Status status = host_engine_create(os_real(), cache_dir, &engine, error);
    if (status != STATUS_OK) return status;
    Harness *harness = mem_alloc_zero(sizeof *harness);
    arena_init(&harness->arena, HARNESS_ARENA_BYTES_MAX);
    harness->engine = engine;
    harness->program = arena_copy(&harness->arena, program);
    *ret_harness = harness;
    return STATUS_OK;
}

void harness_free(Harness *harness) {
    if (harness == NULL) return;
    host_engine_free(harness->engine);
    arena_done(&harness->arena);
    mem_free(harness);
}

Trial *trial_begin(Harness *harness) {
    Trial *trial = mem_alloc_zero(sizeof *trial);
    trial->harness = harness;
    trial->clock = virtual_clock_create(os_real(), START_MICROS);
    trial->pool = executor_pool_create(virtual_clock_os(trial->clock), POOL_THREADS);
    arena_init(&trial->arena, HARNESS_ARENA_BYTES_MAX);
    buffer_init(&trial->reply, SQL_RESULT_BYTES_MAX);
    trial->acting = trial_person(trial, BYTES_LITERAL("owner"));
    return trial;
}

typedef struct StopMessage {
    DbMessage message;
    Trial *trial;
    _Atomic bool is_done;  // as Action.is_done
} StopMessage;

static void stop_run(Database *database, DbMessage *message) {
    StopMessage *stop = (StopMessage *)(void *)message;
    for (uint32_t i = 0; i < stop->trial->person_count; i++) {
        Person *person = &stop->trial->persons[i];
        if (person->client != NULL) database_remove_client(database, person->client);
        person->client = NULL;
    }
    database_stop(database);
    stop->is_done = true;
}

void trial_end(Trial *trial) {
    if (trial == NULL) return;
    if (trial->database != NULL) {
        StopMessage stop = {.message.run = stop_run, .trial = trial};
        database_post(trial->database, &stop.message);
        trial_settle(trial);  // a procedure that slept ends, too
        ASSERT(stop.is_done);
        database_unref(trial->database);
        trial_settle(trial);  // closing is a job of the pool
    }
    if (trial->asleep != NULL) {
        ASSERT(trial->asleep->is_done);
        buffer_done(&trial->asleep->text);
    }
    for (uint32_t i = 0; i < trial->person_count; i++) buffer_done(&trial->persons[i].received);
    executor_pool_free(trial->pool);
    virtual_clock_free(trial->clock);
    buffer_done(&trial->reply);
    arena_done(&trial->arena);
    mem_free(trial);
}

void trial_settle(Trial *trial) {
    virtual_clock_advance(trial->clock, trial->pool, 0);
}

static Identity person_identity(Bytes name) {
    return identity_derive(BYTES_LITERAL("localhost"), name);
}

Person *trial_person(Trial *trial, Bytes name) {
    for (uint32_t i = 0; i < trial->person_count; i++) {
        if (bytes_equal(trial->persons[i].name, name)) return &trial->persons[i];
    }
    if (trial->person_count == HARNESS_PERSONS_MAX) return NULL;
    Person *person = &trial->persons[trial->person_count++];
    person->name = arena_copy(&trial->arena, name);
    person->caller.identity = person_identity(name);
    buffer_init(&person->received, HARNESS_RECEIVED_BYTES_MAX);
    person->caller.jwt_payload = arena_format(
        &trial->arena, "{\"iss\":\"localhost\",\"sub\":\"%.*s\"}", BYTES_FORMAT(name));
    return person;
}

bool trial_needs_database(Trial *trial) {
    if (trial->database != NULL) return true;
    const EnvironmentChange environment = {.set = trial->environment,
                                           .set_count = trial->environment_count};
    const DatabaseOptions options = {
        .os = virtual_clock_os(trial->clock),
        .engine = trial->harness->engine,
        .pool = trial->pool,
        .identity = person_identity(BYTES_LITERAL("database")),
        .owner = trial->persons[0].caller.identity,
        .output = {.send = receive},
        .http = {.allows_private = true},  // whatever the test set up on this machine
        .environment = &environment,
        .close_connection = no_close,
        .user = trial,
    };
    Error error = {0};
    Status status = database_create(&options, PROGRAM_WASM, trial->harness->program,
                                    &trial->database, &error);
    if (status == STATUS_OK) {
        trial_settle(trial);
        return true;
    }
    trial->database = NULL;
    (void)reply_error(trial, "the module could not be published: %s", error.text);
    return false;
}

// A test that is told more than it can hold has lost the rest.
static void receive(void *user, void *connection, SharedSlice slice, uint64_t ticket) {
    (void)user;
    (void)ticket;
    Person *person = connection;
    Bytes message = shared_slice_bytes(slice);
    if (person->received.count + message.count < HARNESS_RECEIVED_BYTES_MAX) {
        buffer_append_bytes(&person->received, message);
        buffer_u8(&person->received, ',');
    }
    shared_buf_unref(slice.buf);
}

static void no_close(void *user, void *connection, uint16_t code, Bytes reason) {
    (void)user;
    (void)connection;
    (void)code;
    (void)reason;
}

// ---- replies ----

StepReply reply_error(Trial *trial, const char *format, ...) {
    char text[HARNESS_ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    StepReply reply = reply_ok(trial, bytes_of_text(text));
    reply.is_error = true;
    return reply;
}

StepReply reply_ok(Trial *trial, Bytes text) {
    buffer_clear(&trial->reply);
    buffer_append_bytes(&trial->reply, text);
    return (StepReply){false, buffer_bytes(&trial->reply)};
}

Bytes trial_logs(Trial *trial) {
    if (trial->database == NULL) return BYTES_NONE;
    Buffer text;
    LogPosition end = trial->logged;
    Error error;
    buffer_init(&text, MODULE_LOG_MEMORY_BYTES + MODULE_LOG_LINE_BYTES_MAX);
    // In memory `bytes` counts all that was ever logged: the difference is what is new.
    Status status = database_log_tail(trial->database, UINT32_MAX, &text, &end, &error);
    Bytes all = buffer_bytes(&text);
    uint64_t fresh = end.bytes - trial->logged.bytes;
    if (status != STATUS_OK || fresh > all.count) fresh = status == STATUS_OK ? all.count : 0;
    Bytes logs = arena_copy(&trial->arena,
                            bytes_slice(all, all.count - (uint32_t)fresh, (uint32_t)fresh));
    trial->logged = end;
    buffer_done(&text);
    return logs;
}

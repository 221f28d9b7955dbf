// hosted.c - see hosted.h.

#include "server/hosted.h"

#include "base/log.h"
#include "server/inside.h"
#include "server/programs.h"
#include "server/session.h"

typedef struct StopMessage {
    DbMessage message;
    Hosted *hosted;
} StopMessage;

typedef struct UnfollowMessage {
    DbMessage message;
    Hosted *hosted;
    uint64_t id;
} UnfollowMessage;

static DatabaseOptions options_of(Hosted *hosted, const char *directory);
static void hosted_send(void *user, void *connection, SharedSlice message, uint64_t ticket);
static void hosted_turn_end(void *user);
static void hosted_durable(void *user);
static void hosted_close_connection(void *user, void *connection, uint16_t code, Bytes reason);
static Status load_and_make(Hosted *hosted, Error *error);
static void exec_stop(Database *database, DbMessage *message);
static void exec_unfollow(Database *database, DbMessage *message);
static bool exec_log_line(void *user, Bytes text);
static void end_follow(Hosted *hosted, Follow **place);
static void end_broken_follows(Hosted *hosted);

// ---- references ----

Hosted *hosted_create(struct Server *server, const DatabaseRecord *record) {
    Hosted *hosted = mem_alloc_zero(sizeof *hosted);
    hosted->server = server;
    hosted->record = *record;
    hosted->refs = 1;
    arena_init(&hosted->batch_arena, SERVER_BATCH_ARENA_BYTES_MAX);
    mutex_lock(&server->mutex);
    server->hosted_count++;
    mutex_unlock(&server->mutex);
    return hosted;
}

Hosted *hosted_ref(Hosted *hosted) {
    uint32_t before = atomic_fetch_add_explicit(&hosted->refs, 1, memory_order_relaxed);
    ASSERT(before > 0);
    return hosted;
}

void hosted_unref(Hosted *hosted) {
    if (hosted == NULL) return;
    uint32_t before = atomic_fetch_sub_explicit(&hosted->refs, 1, memory_order_acq_rel);
    ASSERT(before > 0);
    if (before > 1) return;
    struct Server *server = hosted->server;
    database_unref(hosted->database);
    mutex_lock(&server->mutex);
    hosted->next_retired = server->retired;
    server->retired = hosted;
    server->hosted_count--;
    if (server->hosted_count == 0) condition_broadcast(&server->none_left);
    mutex_unlock(&server->mutex);
}

void hosted_sweep(Hosted *hosted) {
    ASSERT(hosted->refs == 0);
    ASSERT(hosted->follows == NULL);
    if (hosted->outbox) net_outbox_free(hosted->outbox);
    arena_done(&hosted->batch_arena);
    mem_free(hosted->failure);
    mem_free(hosted);
}

// ---- start and stop ----

static DatabaseOptions options_of(Hosted *hosted, const char *directory) {
    struct Server *server = hosted->server;
    return (DatabaseOptions){
        .os = server->os,
        .engine = server->engine,
        .pool = server->executors,
        .directory = server->options.in_memory ? NULL : directory,
        .identity = hosted->record.identity,
        .owner = hosted->record.owner,
        .environment = hosted->environment,
        .segment_bytes_max = server->config.segment_bytes_max,
        .procedure_instances = server->config.procedure_instances,
        .call_seconds = server->config.call_seconds,
        .memory_bytes_max = server->config.module_memory_bytes_max,
        .http = {.is_disabled = !server->config.http_is_enabled,
                 .allows_private = server->config.http_allows_private},
        .log_day_bytes_max = server->config.module_log_day_bytes_max,
        .output = {.user = hosted, .send = hosted_send, .takes_later = true},
        .turn_end = hosted_turn_end,
        .durable = hosted_durable,
        .close_connection = hosted_close_connection,
        .user = hosted,
    };
}

void hosted_open(Hosted *hosted) {
    struct Server *server = hosted->server;
    Error error;
    Status status = STATUS_OK;
    if (server->options.in_memory) {
        status = load_and_make(hosted, &error);
    } else {
        Arena arena;
        arena_init(&arena, 2 * OS_PATH_BYTES_MAX);
        DatabaseOptions options = options_of(
            hosted, data_dir_replica(&server->dir, hosted->record.replica, &arena));
        status = database_open(&options, &hosted->database, &error);
        arena_done(&arena);
    }
    if (status == STATUS_OK) return;
    char hex[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&hosted->record.identity, hex);
    log_line(LOG_ERROR, "server", "error starting database %s: %s", hex, error.text);
    hosted->failure = mem_copy_text(bytes_of_text(error.text));
}

// In memory: after a restart a database begins anew with the program it was created with.
static Status load_and_make(Hosted *hosted, Error *error) {
    struct Server *server = hosted->server;
    Arena arena;
    arena_init(&arena, 2 * (size_t)MODULE_PROGRAM_BYTES_MAX);
    Bytes program;
    Status status = program_load(server->os, server->programs_dir, &hosted->record.initial_program,
                                 &arena, &program, error);
    if (status == STATUS_OK) status = hosted_make(hosted, program, error);
    arena_done(&arena);
    return status;
}

Status hosted_make(Hosted *hosted, Bytes program, Error *error) {
    struct Server *server = hosted->server;
    Arena arena;
    arena_init(&arena, 2 * OS_PATH_BYTES_MAX);
    const char *directory = data_dir_replica(&server->dir, hosted->record.replica, &arena);
    Status status = STATUS_OK;
    if (!server->options.in_memory) {
        status = server->os->directory_create(server->os, directory, error);
    }
    if (status == STATUS_OK) {
        DatabaseOptions options = options_of(hosted, directory);
        status = database_create(&options, hosted->record.kind, program, &hosted->database, error);
        Error ignored;
        if (status != STATUS_OK && options.directory) {
            (void)server->os->remove(server->os, directory, &ignored);  // an empty one may stay
        }
    }
    arena_done(&arena);
    return status;
}

void hosted_stop(Hosted *hosted) {
    if (hosted->database == NULL) return;
    mutex_lock(&hosted->server->mutex);
    hosted->server->stop_count++;
    mutex_unlock(&hosted->server->mutex);
    StopMessage *stop = mem_alloc_zero(sizeof *stop);
    *stop = (StopMessage){{.run = exec_stop}, hosted_ref(hosted)};
    database_post(hosted->database, &stop->message);
}

static void exec_stop(Database *database, DbMessage *message) {
    StopMessage *stop = (StopMessage *)(void *)message;
    Hosted *hosted = stop->hosted;
    database_stop(database);
    while (hosted->follows) end_follow(hosted, &hosted->follows);
    struct Server *server = hosted->server;
    mutex_lock(&server->mutex);
    server->stop_count--;
    if (server->stop_count == 0) condition_broadcast(&server->none_left);
    mutex_unlock(&server->mutex);
    hosted_unref(hosted);
    mem_free(stop);
}

// ---- what the database calls ----

static void hosted_send(void *user, void *connection, SharedSlice message, uint64_t ticket) {
    Hosted *hosted = user;
    net_outbox_add(hosted->outbox, session_connection(connection), message, ticket);
}

static void hosted_turn_end(void *user) {
    Hosted *hosted = user;
    if (hosted->outbox) net_outbox_flush(hosted->outbox);
    end_broken_follows(hosted);
}

static void hosted_durable(void *user) {
    Hosted *hosted = user;
    // Databases are opened before the server listens.
    struct Server *server = hosted->server;
    if (!atomic_load_explicit(&server->is_ready, memory_order_acquire)) return;
    net_gates_opened(server->net);
}

static void hosted_close_connection(void *user, void *connection, uint16_t code, Bytes reason) {
    (void)user;
    ws_close(session_connection(connection), code, reason);
}

NetOutbox *hosted_outbox(Hosted *hosted) {
    if (hosted->outbox == NULL) hosted->outbox = net_outbox_create(hosted->server->net);
    return hosted->outbox;
}

// ---- logs that are followed ----

void hosted_follow(Hosted *hosted, HttpExchange *exchange, uint64_t id) {
    Follow *follow = mem_alloc_zero(sizeof *follow);
    *follow = (Follow){.next = hosted->follows, .id = id, .exchange = exchange};
    follow->follower = database_log_follow(hosted->database, exec_log_line, follow);
    hosted->follows = follow;
    // It may have gone before its number was known: then nobody else ends this.
    if (!http_stream_write(exchange, BYTES_NONE)) follow->is_broken = true;
}

// False: no more lines, but the follower stays until it is removed, at the end of the turn.
static bool exec_log_line(void *user, Bytes text) {
    Follow *follow = user;
    if (text.count > 0 && http_stream_write(follow->exchange, text)) return true;
    follow->is_broken = true;
    return false;
}

void hosted_unfollow(Hosted *hosted, uint64_t id) {
    UnfollowMessage *unfollow = mem_alloc_zero(sizeof *unfollow);
    *unfollow = (UnfollowMessage){{.run = exec_unfollow}, hosted_ref(hosted), id};
    database_post(hosted->database, &unfollow->message);
}

static void exec_unfollow(Database *database, DbMessage *message) {
    (void)database;
    UnfollowMessage *unfollow = (UnfollowMessage *)(void *)message;
    for (Follow **at = &unfollow->hosted->follows; *at; at = &(*at)->next) {
        if ((*at)->id != unfollow->id) continue;
        end_follow(unfollow->hosted, at);
        break;
    }
    hosted_unref(unfollow->hosted);
    mem_free(unfollow);
}

static void end_follow(Hosted *hosted, Follow **place) {
    Follow *follow = *place;
    *place = follow->next;
    database_log_unfollow(hosted->database, follow->follower);
    http_stream_end(follow->exchange);
    mem_free(follow);
}

static void end_broken_follows(Hosted *hosted) {
    Follow **at = &hosted->follows;
    while (*at) {
        if ((*at)->is_broken) {
            end_follow(hosted, at);
        } else {
            at = &(*at)->next;
        }
    }
}

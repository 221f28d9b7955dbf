// server.c - the whole: what is started in which order, and stopped in the reverse.
//
// Start: directory and lock, configuration, keys, engine, threads, control database, every database, and only
// then the listener. Stop: WebSockets get their close frames, the listener and its threads end, then those who
// may still hold requests (fetches, changes, work), then the databases, then what they stand on.

#include "server/server.h"

#include "base/log.h"
#include "server/changes.h"
#include "server/inside.h"
#include "server/web.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define NET_THREADS_DEFAULT 2u
#define WORK_THREADS 2u
#define FETCH_THREADS 2u
#define ARENA_BYTES_MAX (16u << 20)
// One pointer per database.
#define DATABASES_ARENA_BYTES_MAX (1u << 30)

typedef struct Loader {
    Server *server;
    View *edit;
} Loader;

static Status start_storage(Server *server, Error *error);
static Status make_folders(Server *server, Error *error);
static Status choose_keys(Server *server, AuthOptions *options, Error *error);
static void open_log_file(Server *server);
static Status load_control(Server *server, Control *control, Error *error);
static void load_database(void *user, const DatabaseRecord *record);
static void load_name(void *user, Bytes name, const Identity *identity);
static void load_tld(void *user, Bytes name, const Identity *owner);
static void load_lock(void *user, const Identity *identity);
static void open_databases(Server *server);
static Status start_listening(Server *server, Error *error);
static void stop_hosted(Server *server);
static void stop_databases(Server *server);
static void wait_or_exit(Server *server, const uint32_t *count);
static bool wait_for_none(Server *server, const uint32_t *count, uint64_t timeout_ms);
static void free_parts(Server *server);
static const char *copy_text(Server *server, const char *text);

Status server_start(const ServerOptions *options, Server **ret_server, Error *error) {
    Server *server = mem_alloc_zero(sizeof *server);
    server->os = os_real();
    server->log_file = -1;
    server->dir.lock = -1;
    arena_init(&server->arena, ARENA_BYTES_MAX);
    mutex_init(&server->mutex);
    condition_init(&server->none_left);
    server->options = *options;
    server->options.listen_address = copy_text(server, options->listen_address);
    server->options.publish_issuer = copy_text(server, options->publish_issuer);
    Status status = start_storage(server, error);
    if (status == STATUS_OK) status = start_listening(server, error);
    if (status != STATUS_OK) {
        stop_databases(server);
        free_parts(server);
        return status;
    }
    *ret_server = server;
    return STATUS_OK;
}

static const char *copy_text(Server *server, const char *text) {
    return text ? arena_copy_text(&server->arena, bytes_of_text(text)) : NULL;
}

uint16_t server_port(const Server *server) {
    return net_server_port(server->net);
}

void server_add_making(Server *server) {
    mutex_lock(&server->mutex);
    server->making_count++;
    mutex_unlock(&server->mutex);
}

void server_remove_making(Server *server) {
    mutex_lock(&server->mutex);
    server->making_count--;
    if (server->making_count == 0) condition_broadcast(&server->none_left);
    mutex_unlock(&server->mutex);
}

uint64_t server_new_follow(Server *server) {
    return atomic_fetch_add_explicit(&server->next_follow, 1, memory_order_relaxed) + 1;
}

// ---- start ----

static Status start_storage(Server *server, Error *error) {
    Os *os = server->os;
    Arena *arena = &server->arena;
    Status status = data_dir_open(os, server->options.data_dir, &server->dir, error);
    if (status != STATUS_OK) return status;
    server->options.data_dir = server->dir.path;
    server->programs_dir = data_dir_file(&server->dir, "program-bytes", arena);
    status = make_folders(server, error);
    if (status != STATUS_OK) return status;
    status = config_read(os, data_dir_file(&server->dir, "config.toml", arena), arena,
                         &server->config, error);
    if (status != STATUS_OK) return status;
    log_set_level(server->config.log_level);
    open_log_file(server);
    AuthOptions keys = {.os = os, .issuer = "localhost"};
    status = choose_keys(server, &keys, error);
    if (status == STATUS_OK) status = auth_create(&keys, &server->auth, error);
    if (status != STATUS_OK) return status;
    const char *cache = data_dir_file(&server->dir, "cache/wasmtime", arena);
    status = os->directory_create(os, cache, error);
    if (status == STATUS_OK) status = host_engine_create(os, cache, &server->engine, error);
    if (status != STATUS_OK) return status;
    server->executors = executor_pool_create(os, server->options.executor_threads);
    server->work = executor_pool_create(os, WORK_THREADS);
    server->fetches = executor_pool_create(os, FETCH_THREADS);
    const HostedFunctions functions = {hosted_ref, hosted_unref};
    server->registry = registry_create(&functions);
    Control *control = NULL;
    const char *control_path = data_dir_file(&server->dir, "control.db", arena);
    status = control_open(control_path, &control, error);
    if (status == STATUS_OK) status = load_control(server, control, error);
    if (status != STATUS_OK) {
        control_close(control);
        return status;
    }
    server->changes = changes_create(server, control);
    open_databases(server);
    return STATUS_OK;
}

// What databases and programs are put into: their names must outlast a power failure as what is in them does.
static Status make_folders(Server *server, Error *error) {
    Os *os = server->os;
    const char *replicas = data_dir_file(&server->dir, "replicas", &server->arena);
    Status status = os->directory_create(os, server->programs_dir, error);
    if (status == STATUS_OK && !server->options.in_memory)
        status = os->directory_create(os, replicas, error);
    if (status == STATUS_OK) status = os->directory_sync(os, server->dir.path, error);
    return status;
}

// Explicit paths, then config.toml, then the key directory.
static Status choose_keys(Server *server, AuthOptions *options, Error *error) {
    const ServerOptions *given = &server->options;
    const Config *config = &server->config;
    if (!given->private_key_path != !given->public_key_path) {
        return error_set(error, STATUS_INVALID,
                         "--jwt-priv-key-path and --jwt-pub-key-path need each other");
    }
    if (given->private_key_path) {
        options->private_key_path = given->private_key_path;
        options->public_key_path = given->public_key_path;
    } else if (config->private_key_path) {
        options->private_key_path = config->private_key_path;
        options->public_key_path = config->public_key_path;
    } else if (given->key_dir) {
        Arena *arena = &server->arena;
        options->private_key_path =
            (const char *)arena_format(arena, "%s/id_ecdsa", given->key_dir).data;
        options->public_key_path =
            (const char *)arena_format(arena, "%s/id_ecdsa.pub", given->key_dir).data;
    } else {
        return error_set(
            error, STATUS_INVALID,
            "cannot omit --jwt-{pub,priv}-key-path when those options are not specified "
            "in config.toml");
    }
    return STATUS_OK;
}

// Without it the log goes to standard error only.
static void open_log_file(Server *server) {
    if (server->options.without_log_file) return;
    Error error;
    const char *logs = data_dir_file(&server->dir, "logs", &server->arena);
    if (server->os->directory_create(server->os, logs, &error) != STATUS_OK) {
        log_line(LOG_WARN, "server", "%s", error.text);
        return;
    }
    const char *path = data_dir_file(&server->dir, "logs/spacetime-standalone.log", &server->arena);
    server->log_file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (server->log_file < 0) log_line(LOG_WARN, "server", "cannot open %s", path);
    log_set_file(server->log_file);
}

static Status load_control(Server *server, Control *control, Error *error) {
    Loader loader = {server, registry_edit(server->registry)};
    const ControlVisitor visitor = {.user = &loader,
                                    .database = load_database,
                                    .name = load_name,
                                    .tld = load_tld,
                                    .lock = load_lock};
    Status status = control_load(control, &visitor, error);
    registry_publish(server->registry, loader.edit);
    return status;
}

static void load_database(void *user, const DatabaseRecord *record) {
    Loader *loader = user;
    Hosted *hosted = hosted_create(loader->server, record);
    edit_put_database(loader->edit, record, hosted);
    hosted_unref(hosted);
}

static void load_name(void *user, Bytes name, const Identity *identity) {
    Loader *loader = user;
    edit_add_name(loader->edit, name, identity, NULL);
}

static void load_tld(void *user, Bytes name, const Identity *owner) {
    Loader *loader = user;
    edit_claim_tld(loader->edit, name, owner);
}

static void load_lock(void *user, const Identity *identity) {
    Loader *loader = user;
    edit_set_lock(loader->edit, identity, DATABASE_LOCKED);
}

static void open_databases(Server *server) {
    View *view = registry_view(server->registry);
    Arena arena;
    arena_init(&arena, DATABASES_ARENA_BYTES_MAX);
    ViewDatabases databases = view_databases(view, NULL, &arena);
    for (uint32_t i = 0; i < databases.count; i++) hosted_open(databases.items[i]->hosted);
    arena_done(&arena);
    view_unref(view);
}

static Status start_listening(Server *server, Error *error) {
    uint32_t threads = server->options.net_threads;
    NetOptions options = {
        .address = server->options.listen_address,
        .threads = threads > 0 ? threads : NET_THREADS_DEFAULT,
        .handler = {.user = server, .request = web_receive, .body_bytes_max = web_body_bytes_max}};
    Status status = net_server_start(&options, &server->net, error);
    if (status != STATUS_OK) return status;
    server->net_hold = net_outbox_create(server->net);
    // Requests that came meanwhile were told to come again.
    atomic_store_explicit(&server->is_ready, true, memory_order_release);
    return STATUS_OK;
}

// ---- stop ----

void server_stop(Server *server) {
    atomic_store(&server->is_stopping, true);
    stop_hosted(server);
    // Their clients' close frames are queued before the net threads end. A call that takes longer is cut off
    // and rolled back, in databases that are being made as well.
    (void)wait_for_none(server, &server->stop_count, SERVER_STOP_GRACE_MS);
    host_engine_interrupt(server->engine);
    net_server_stop(server->net, SERVER_STOP_GRACE_MS);
    stop_databases(server);
    free_parts(server);
}

static void stop_hosted(Server *server) {
    View *view = registry_view(server->registry);
    Arena arena;
    arena_init(&arena, DATABASES_ARENA_BYTES_MAX);
    ViewDatabases databases = view_databases(view, NULL, &arena);
    for (uint32_t i = 0; i < databases.count; i++) hosted_stop(databases.items[i]->hosted);
    arena_done(&arena);
    view_unref(view);
}

// Everything that may still hand a message to a database ends first.
static void stop_databases(Server *server) {
    if (server->registry == NULL) return;
    executor_pool_free(server->fetches);
    server->fetches = NULL;
    if (server->changes) changes_quiesce(server->changes);  // begins nothing new from here on
    wait_or_exit(server, &server->making_count);
    executor_pool_free(server->work);
    server->work = NULL;
    changes_free(server->changes);
    server->changes = NULL;
    stop_hosted(server);
    registry_free(server->registry);
    server->registry = NULL;
    wait_or_exit(server, &server->hosted_count);
}

static void wait_or_exit(Server *server, const uint32_t *count) {
    if (wait_for_none(server, count, SERVER_STOP_DATABASES_MS)) return;
    log_line(LOG_ERROR, "server", "databases did not end within %u ms", SERVER_STOP_DATABASES_MS);
    _exit(1);  // what was acknowledged is in the log; the rest is replayed or was never promised
}

// False: the count, which is under the server's mutex, did not become 0 in time.
static bool wait_for_none(Server *server, const uint32_t *count, uint64_t timeout_ms) {
    int64_t end = server->os->monotonic_nanos(server->os) + (int64_t)timeout_ms * 1000000;
    mutex_lock(&server->mutex);
    int64_t left = end - server->os->monotonic_nanos(server->os);
    while (*count > 0 && left > 0) {
        (void)condition_wait_ms(&server->none_left, &server->mutex, (uint64_t)left / 1000000u + 1);
        left = end - server->os->monotonic_nanos(server->os);
    }
    bool is_none = *count == 0;
    mutex_unlock(&server->mutex);
    return is_none;
}

// Databases close as jobs of the executors' pool, which runs them all before it ends.
static void free_parts(Server *server) {
    executor_pool_free(server->executors);
    while (server->retired) {
        Hosted *hosted = server->retired;
        server->retired = hosted->next_retired;
        hosted_sweep(hosted);
    }
    if (server->net_hold) net_outbox_free(server->net_hold);
    host_engine_free(server->engine);
    auth_free(server->auth);
    data_dir_close(&server->dir);
    log_set_file(-1);
    if (server->log_file >= 0) (void)close(server->log_file);
    condition_done(&server->none_left);
    mutex_done(&server->mutex);
    arena_done(&server->arena);
    mem_free(server);
}

// ---- run ----

Status server_run(const ServerOptions *options, Error *error) {
    // Blocked here, before any thread exists: all of them inherit that, and this one waits for them.
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)printf("spacetime version: " SERVER_VERSION "\n");
    (void)printf("database running in data directory %s\n", options->data_dir);
    (void)fflush(stdout);
    Server *server = NULL;
    Status status = server_start(options, &server, error);
    if (status != STATUS_OK) return status;
    const char *address = server->options.listen_address;
    const char *colon = strrchr(address, ':');
    int host_bytes = colon ? (int)(colon - address) : (int)strlen(address);
    // Test harnesses look for this text.
    (void)printf("Starting SpacetimeDB listening on %.*s:%u\n", host_bytes, address,
                 server_port(server));
    (void)fflush(stdout);
    os_trim();
    int received = 0;
    (void)sigwait(&signals, &received);
    log_line(LOG_INFO, "server", "stopping");
    server_stop(server);
    return STATUS_OK;
}

// adopt.c - see adopt.h.
//
// The copy grows under a name that no server looks at; it becomes a replica by a rename, and a database by a line in
// the control database. A crash before that leaves files only.
#include "server/adopt.h"

#include "base/hash.h"
#include "server/control.h"
#include "server/data_dir.h"
#include "server/programs.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define ARENA_BYTES_MAX (2 * (size_t)MODULE_PROGRAM_BYTES_MAX)

typedef struct Adopting {
    Os *os;
    const AdoptOptions *options;
    Arena arena;
    DataDir dir;
    const char *staging;  // the copy until it is whole
    Control *control;
    // What the control database says.
    bool is_known;  // there is a database of this identity
    DatabaseRecord record;
    bool is_name_taken;  // by another database
    bool has_name;       // by this one
    Adopted adopted;
    Error *error;
} Adopting;

typedef struct Locating {
    Arena *arena;
    Bytes which;
    bool is_identity;
    bool is_found;
    Identity identity;
    Bytes name;
    uint64_t replica;
} Locating;

static Status adopt(Adopting *adopting);
static Status copy(Adopting *adopting);
static Status open_copy(Adopting *adopting);
static Status take_program(Adopting *adopting, Store *store, Log *log);
static Status look_up(Adopting *adopting);
static Status enter(Adopting *adopting);
static Status move_in(Adopting *adopting, uint64_t replica);

static const char *text_of(Bytes text) {
    return (const char *)text.data;  // the arena's, with a zero behind it
}

// ---- taking in ----

Status database_adopt(Os *os, const AdoptOptions *options, Adopted *ret_adopted, Error *error) {
    Adopting adopting = {.os = os, .options = options, .dir = {.lock = -1}, .error = error};
    arena_init(&adopting.arena, ARENA_BYTES_MAX);
    Status status = data_dir_open(os, options->data_dir, &adopting.dir, error);
    bool is_open = status == STATUS_OK;
    if (status == STATUS_OK) status = adopt(&adopting);
    control_close(adopting.control);
    if (is_open) data_dir_close(&adopting.dir);
    arena_done(&adopting.arena);
    if (status == STATUS_OK) *ret_adopted = adopting.adopted;
    return status;
}

static Status adopt(Adopting *adopting) {
    const char *control = data_dir_file(&adopting->dir, "control.db", &adopting->arena);
    Status status = copy(adopting);
    if (status == STATUS_OK) status = open_copy(adopting);
    if (status == STATUS_OK) status = control_open(control, &adopting->control, adopting->error);
    if (status == STATUS_OK) status = look_up(adopting);
    if (status == STATUS_OK) status = enter(adopting);
    return status;
}

// The same source goes on in the same place.
static Status copy(Adopting *adopting) {
    const AdoptOptions *options = adopting->options;
    Os *os = adopting->os;
    Arena *arena = &adopting->arena;
    uint32_t of_source = crc32c(0, bytes_of_text(options->replica));
    const char *replicas = data_dir_file(&adopting->dir, "replicas", arena);
    adopting->staging = text_of(arena_format(arena, "%s/incoming-%08x", replicas, of_source));
    const char *snapshots = text_of(arena_format(arena, "%s/snapshots", options->replica));
    LogCopy log_options = {
        .os = os,
        .segments = text_of(arena_format(arena, "%s/clog", options->replica)),
        .snapshots = os_path_exists(os, snapshots) ? snapshots : NULL,
        .to_segments = text_of(arena_format(arena, "%s/clog", adopting->staging)),
        .to_snapshots = text_of(arena_format(arena, "%s/snapshots", adopting->staging)),
        .transactions = options->transactions,
        .micros = options->micros,
        .progress = options->progress,
        .user = options->user};
    Status status = log_copy(&log_options, &adopting->adopted.copied, adopting->error);
    if (status == STATUS_CONFLICT) {
        error_prefix(adopting->error, "to begin anew, remove %s: ", adopting->staging);
    }
    return status;
}

// What cannot be opened is not taken in. The owner is in it, too.
static Status open_copy(Adopting *adopting) {
    Arena *arena = &adopting->arena;
    LogOptions options = {
        .threads = LOG_STEPPED,
        .snapshots = text_of(arena_format(arena, "%s/snapshots", adopting->staging))};
    const char *segments = text_of(arena_format(arena, "%s/clog", adopting->staging));
    Store *store = store_create();
    Log *log = NULL;
    LogReport report;
    Status status = log_open(adopting->os, segments, &options, store, &log, &report,
                             adopting->error);
    if (status == STATUS_OK) status = take_program(adopting, store, log);
    log_close(log);
    store_free(store);
    return status;
}

static Status take_program(Adopting *adopting, Store *store, Log *log) {
    ProgramInfo info;
    if (!store_program(store, &info)) {
        return error_set(adopting->error, STATUS_NOT_FOUND,
                         "%s: no module was published in what is taken in",
                         adopting->options->replica);
    }
    const Identity *owner = adopting->options->owner;
    adopting->adopted.identity = info.database;
    adopting->adopted.owner = owner ? *owner : info.owner;
    adopting->record = (DatabaseRecord){.identity = info.database,
                                        .owner = adopting->adopted.owner,
                                        .kind = (ProgramKind)info.kind,
                                        .initial_program = info.hash};
    const char *programs = data_dir_file(&adopting->dir, "program-bytes", &adopting->arena);
    Status status = program_store(adopting->os, programs, &info.hash, info.program,
                                  adopting->error);
    if (status != STATUS_OK || identity_equal(&info.owner, &adopting->adopted.owner)) return status;
    info.owner = *owner;
    info.program = arena_copy(&adopting->arena, info.program);  // its row is rewritten
    Tx *tx = tx_begin(store);
    tx_set_program(tx, &info);
    LogInputs none = {0};
    uint64_t ticket = log_append(log, &none, tx_commit(tx));
    tx_release(tx);
    log_wake(log);
    Gate *gate = log_gate(log);
    while (!gate_is_open(gate, ticket) && log_step(log)) continue;
    if (gate_is_open(gate, ticket)) return STATUS_OK;
    (void)log_state(log, adopting->error);
    return STATUS_IO;
}

// ---- the control database ----

static void look_at_database(void *user, const DatabaseRecord *record) {
    Adopting *adopting = user;
    if (!identity_equal(&record->identity, &adopting->record.identity)) return;
    adopting->is_known = true;
    adopting->adopted.replaced = record->replica;
    adopting->record.id = record->id;
}

static void look_at_name(void *user, Bytes name, const Identity *identity) {
    Adopting *adopting = user;
    if (!bytes_equal(name, adopting->options->name)) return;
    adopting->has_name = identity_equal(identity, &adopting->record.identity);
    adopting->is_name_taken = !adopting->has_name;
}

static void look_at_tld(void *user, Bytes name, const Identity *owner) {
    Adopting *adopting = user;
    if (adopting->has_name || !bytes_equal(name, adopting->options->name)) return;
    if (!identity_equal(owner, &adopting->record.owner)) adopting->is_name_taken = true;
}

static void look_at_lock(void *user, const Identity *identity) {
    (void)user;
    (void)identity;
}

static Status look_up(Adopting *adopting) {
    const ControlVisitor visitor = {.user = adopting,
                                    .database = look_at_database,
                                    .name = look_at_name,
                                    .tld = look_at_tld,
                                    .lock = look_at_lock};
    Status status = control_load(adopting->control, &visitor, adopting->error);
    if (status != STATUS_OK) return status;
    char hex[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&adopting->record.identity, hex);
    if (adopting->is_known && !adopting->options->is_replacing) {
        return error_set(adopting->error, STATUS_CONFLICT,
                         "database %s is in %s already (replicas/%llu); --replace puts this one in "
                         "its place",
                         hex, adopting->dir.path, (unsigned long long)adopting->adopted.replaced);
    }
    if (adopting->is_name_taken) {
        return error_set(adopting->error, STATUS_CONFLICT, "the name %.*s is another's",
                         BYTES_FORMAT(adopting->options->name));
    }
    return STATUS_OK;
}

static Status enter(Adopting *adopting) {
    Control *control = adopting->control;
    Error *error = adopting->error;
    DatabaseRecord *record = &adopting->record;
    Status status = STATUS_OK;
    if (!adopting->is_known) status = control_new_id(control, &record->id, error);
    if (status == STATUS_OK) status = control_new_id(control, &record->replica, error);
    if (status == STATUS_OK) status = move_in(adopting, record->replica);
    if (status == STATUS_OK) status = control_put_database(control, record, error);
    Bytes name = adopting->options->name;
    if (status == STATUS_OK && name.count > 0 && !adopting->has_name) {
        status = control_add_name(control, name, &record->identity, &record->owner, error);
    }
    adopting->adopted.replica = record->replica;
    return status;
}

static Status move_in(Adopting *adopting, uint64_t replica) {
    Os *os = adopting->os;
    const char *to = data_dir_replica(&adopting->dir, replica, &adopting->arena);
    const char *replicas = data_dir_file(&adopting->dir, "replicas", &adopting->arena);
    if (os_path_exists(os, to)) {
        return error_set(adopting->error, STATUS_CONFLICT, "%s is there already: try again", to);
    }
    Status status = os->directory_sync(os, adopting->staging, adopting->error);
    if (status == STATUS_OK) status = os->rename(os, adopting->staging, to, adopting->error);
    if (status == STATUS_OK) status = os->directory_sync(os, replicas, adopting->error);
    if (status == STATUS_OK) status = os->directory_sync(os, adopting->dir.path, adopting->error);
    return status;
}

// ---- where a database is ----

static void locate_database(void *user, const DatabaseRecord *record) {
    Locating *locating = user;
    if (!identity_equal(&record->identity, &locating->identity)) return;
    locating->replica = record->replica;
    locating->is_found = true;
}

static void locate_name(void *user, Bytes name, const Identity *identity) {
    Locating *locating = user;
    if (locating->is_identity ? identity_equal(identity, &locating->identity)
                              : bytes_equal(name, locating->which)) {
        locating->identity = *identity;
        if (locating->name.count == 0) locating->name = arena_copy(locating->arena, name);
    }
}

static void locate_nothing(void *user, const DatabaseRecord *record) {
    (void)user;
    (void)record;
}

static void skip_name(void *user, Bytes name, const Identity *identity) {
    (void)user;
    (void)name;
    (void)identity;
}

static void skip_lock(void *user, const Identity *identity) {
    (void)user;
    (void)identity;
}

Status database_locate(Os *os, const char *data_dir, Bytes which, Arena *arena,
                       const char **ret_replica, Bytes *ret_name, Error *error) {
    const char *path = text_of(arena_format(arena, "%s/control.db", data_dir));
    if (!os_path_exists(os, path)) {
        return error_set(error, STATUS_NOT_FOUND, "%s: there are no databases", data_dir);
    }
    Locating locating = {.arena = arena, .which = which};
    locating.is_identity = identity_parse(which, &locating.identity);
    // Names come behind databases: the first round finds the identity, the second the database.
    const ControlVisitor names = {&locating, locate_nothing, locate_name, skip_name, skip_lock};
    const ControlVisitor databases = {&locating, locate_database, skip_name, skip_name, skip_lock};
    Control *control = NULL;
    Status status = control_open(path, &control, error);
    if (status == STATUS_OK) status = control_load(control, &names, error);
    if (status == STATUS_OK) status = control_load(control, &databases, error);
    control_close(control);
    if (status != STATUS_OK) return status;
    if (!locating.is_found) {
        return error_set(error, STATUS_NOT_FOUND, "%s: there is no database %.*s", data_dir,
                         BYTES_FORMAT(which));
    }
    *ret_replica = text_of(
        arena_format(arena, "%s/replicas/%llu", data_dir, (unsigned long long)locating.replica));
    *ret_name = locating.name;
    return STATUS_OK;
}

// ---- locks ----

// -1 and no error: there is no such directory to lock in.
static Status lock_file(const char *path, int *ret_lock, Error *error) {
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock < 0) return error_set(error, STATUS_IO, "cannot open %s", path);
    if (flock(lock, LOCK_EX | LOCK_NB) == 0) {
        *ret_lock = lock;
        return STATUS_OK;
    }
    char text[64] = {0};
    if (read(lock, text, sizeof text - 1) <= 0) (void)snprintf(text, sizeof text, "unknown");
    (void)close(lock);
    return error_set(error, STATUS_CONFLICT, "%s is locked by a server that runs (%s): stop it",
                     path, text);
}

Status directory_lock(const char *replica, DirectoryLock *ret_lock, Error *error) {
    DirectoryLock lock = {-1, -1};
    Status status = STATUS_OK;
    char path[OS_PATH_BYTES_MAX];
    int count = snprintf(path, sizeof path, "%s/../../metadata.toml", replica);
    if (count < 0 || (size_t)count >= sizeof path) {
        return error_set(error, STATUS_LIMIT, "the path %s is too long", replica);
    }
    if (access(path, F_OK) == 0) {
        (void)snprintf(path, sizeof path, "%s/../../spacetime.pid", replica);
        status = lock_file(path, &lock.data_dir, error);
    }
    (void)snprintf(path, sizeof path, "%s/db.lock", replica);
    if (status == STATUS_OK) status = lock_file(path, &lock.replica, error);
    if (status != STATUS_OK) {
        directory_unlock(&lock);
        return status;
    }
    *ret_lock = lock;
    return STATUS_OK;
}

void directory_unlock(DirectoryLock *lock) {
    if (lock->data_dir >= 0) (void)close(lock->data_dir);
    if (lock->replica >= 0) (void)close(lock->replica);
    *lock = (DirectoryLock){-1, -1};
}

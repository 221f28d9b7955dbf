// control.c - see control.h. Statements are prepared when they are used: changes are rare.

#include "server/control.h"

#include <sqlite3.h>

#define SCHEMA_VERSION 1
#define SCHEMA_VERSION_TEXT "1"
#define IDENTITY_BYTES 32

static const char SCHEMA[] =
    "CREATE TABLE counter(next INTEGER NOT NULL);"
    "INSERT INTO counter VALUES(1);"
    "CREATE TABLE database(id INTEGER PRIMARY KEY, identity BLOB NOT NULL UNIQUE, owner BLOB NOT "
    "NULL,"
    " kind INTEGER NOT NULL, program BLOB NOT NULL, replica INTEGER NOT NULL) STRICT;"
    "CREATE TABLE name(name TEXT PRIMARY KEY, identity BLOB NOT NULL, position INTEGER NOT NULL) "
    "STRICT;"
    "CREATE INDEX name_identity ON name(identity, position);"
    "CREATE TABLE tld(name TEXT PRIMARY KEY, owner BLOB NOT NULL) STRICT;"
    "CREATE TABLE lock(identity BLOB PRIMARY KEY) STRICT;"
    "PRAGMA user_version=" SCHEMA_VERSION_TEXT ";";

struct Control {
    sqlite3 *sqlite;
};

// A value bound to a statement's next parameter.
typedef enum BindKind { BIND_NUMBER, BIND_TEXT, BIND_BLOB } BindKind;
typedef struct Bind {
    BindKind kind;
    int64_t number;
    Bytes bytes;
} Bind;
#define NUMBER(value) ((Bind){.kind = BIND_NUMBER, .number = (int64_t)(value)})
#define TEXT(value) ((Bind){.kind = BIND_TEXT, .bytes = (value)})
#define BLOB(value) ((Bind){.kind = BIND_BLOB, .bytes = bytes_of((value)->bytes, 32)})

static Status create_schema(Control *control, Error *error);
static Status run(Control *control, const char *sql, Error *error);
static Status run_with(Control *control, const char *sql, const Bind *binds, uint32_t count,
                       Error *error);
static Status prepare(Control *control, const char *sql, sqlite3_stmt **ret_statement,
                      Error *error);
static Status finish(Control *control, Status status, Error *error);
static Status failure(Control *control, Error *error);
static Status load_databases(Control *control, const ControlVisitor *visitor, Error *error);
static Status load_identities(Control *control, const char *sql,
                              void (*visit)(void *user, Bytes name, const Identity *identity),
                              void *user, Error *error);
static Status load_locks(Control *control, const ControlVisitor *visitor, Error *error);
static bool column_blob(sqlite3_stmt *statement, int column, uint8_t ret_bytes[32]);
static Status insert_name(Control *control, Bytes name, const Identity *identity,
                          const Identity *owner, Error *error);

Status control_open(const char *path, Control **ret_control, Error *error) {
    Control *control = mem_alloc_zero(sizeof *control);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    Status status = STATUS_OK;
    if (sqlite3_open_v2(path, &control->sqlite, flags, NULL) != SQLITE_OK) {
        status = failure(control, error);
    }
    if (status == STATUS_OK) status = run(control, "PRAGMA journal_mode=WAL", error);
    if (status == STATUS_OK) status = run(control, "PRAGMA synchronous=FULL", error);
    if (status == STATUS_OK) status = create_schema(control, error);
    if (status != STATUS_OK) {
        error_prefix(error, "control database %s: ", path);
        control_close(control);
        return status;
    }
    *ret_control = control;
    return STATUS_OK;
}

void control_close(Control *control) {
    if (control == NULL) return;
    (void)sqlite3_close(control->sqlite);  // every statement was finalized
    mem_free(control);
}

static Status create_schema(Control *control, Error *error) {
    sqlite3_stmt *statement = NULL;
    Status status = prepare(control, "PRAGMA user_version", &statement, error);
    if (status != STATUS_OK) return status;
    int version = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int(statement, 0) : -1;
    (void)sqlite3_finalize(statement);
    if (version == SCHEMA_VERSION) return STATUS_OK;
    if (version != 0) return error_set(error, STATUS_CORRUPT, "unknown version %d", version);
    status = run(control, "BEGIN IMMEDIATE", error);
    if (status == STATUS_OK) status = finish(control, run(control, SCHEMA, error), error);
    return status;
}

// ---- reading everything ----

Status control_load(Control *control, const ControlVisitor *visitor, Error *error) {
    Status status = load_databases(control, visitor, error);
    if (status == STATUS_OK) {
        status = load_identities(control,
                                 "SELECT name, identity FROM name ORDER BY identity, position",
                                 visitor->name, visitor->user, error);
    }
    if (status == STATUS_OK) {
        status = load_identities(control, "SELECT name, owner FROM tld", visitor->tld,
                                 visitor->user, error);
    }
    if (status == STATUS_OK) status = load_locks(control, visitor, error);
    return status;
}

static Status load_databases(Control *control, const ControlVisitor *visitor, Error *error) {
    sqlite3_stmt *statement = NULL;
    Status status = prepare(
        control, "SELECT id, identity, owner, kind, program, replica FROM database ORDER BY id",
        &statement, error);
    if (status != STATUS_OK) return status;
    int step = sqlite3_step(statement);
    for (; status == STATUS_OK && step == SQLITE_ROW; step = sqlite3_step(statement)) {
        DatabaseRecord record = {.id = (uint64_t)sqlite3_column_int64(statement, 0),
                                 .kind = (ProgramKind)sqlite3_column_int(statement, 3),
                                 .replica = (uint64_t)sqlite3_column_int64(statement, 5)};
        bool is_good = column_blob(statement, 1, record.identity.bytes) &&
                       column_blob(statement, 2, record.owner.bytes) &&
                       column_blob(statement, 4, record.initial_program.bytes) &&
                       (record.kind == PROGRAM_WASM || record.kind == PROGRAM_JS);
        if (!is_good) {
            status = error_set(error, STATUS_CORRUPT, "control database: bad row in database");
        } else {
            visitor->database(visitor->user, &record);
        }
    }
    if (status == STATUS_OK && step != SQLITE_DONE) status = failure(control, error);
    (void)sqlite3_finalize(statement);
    return status;
}

static Status load_identities(Control *control, const char *sql,
                              void (*visit)(void *user, Bytes name, const Identity *identity),
                              void *user, Error *error) {
    sqlite3_stmt *statement = NULL;
    Status status = prepare(control, sql, &statement, error);
    if (status != STATUS_OK) return status;
    int step = sqlite3_step(statement);
    for (; status == STATUS_OK && step == SQLITE_ROW; step = sqlite3_step(statement)) {
        Identity identity;
        const void *text = sqlite3_column_text(statement, 0);
        Bytes name = bytes_of(text, (size_t)sqlite3_column_bytes(statement, 0));
        if (text == NULL || !column_blob(statement, 1, identity.bytes)) {
            status = error_set(error, STATUS_CORRUPT, "control database: bad row of a name");
        } else {
            visit(user, name, &identity);
        }
    }
    if (status == STATUS_OK && step != SQLITE_DONE) status = failure(control, error);
    (void)sqlite3_finalize(statement);
    return status;
}

static Status load_locks(Control *control, const ControlVisitor *visitor, Error *error) {
    sqlite3_stmt *statement = NULL;
    Status status = prepare(control, "SELECT identity FROM lock", &statement, error);
    if (status != STATUS_OK) return status;
    int step = sqlite3_step(statement);
    for (; status == STATUS_OK && step == SQLITE_ROW; step = sqlite3_step(statement)) {
        Identity identity;
        if (!column_blob(statement, 0, identity.bytes)) {
            status = error_set(error, STATUS_CORRUPT, "control database: bad row in lock");
        } else {
            visitor->lock(visitor->user, &identity);
        }
    }
    if (status == STATUS_OK && step != SQLITE_DONE) status = failure(control, error);
    (void)sqlite3_finalize(statement);
    return status;
}

static bool column_blob(sqlite3_stmt *statement, int column, uint8_t ret_bytes[32]) {
    const void *blob = sqlite3_column_blob(statement, column);
    if (blob == NULL || sqlite3_column_bytes(statement, column) != IDENTITY_BYTES) return false;
    memcpy(ret_bytes, blob, IDENTITY_BYTES);
    return true;
}

// ---- changes ----

Status control_new_id(Control *control, uint64_t *ret_id, Error *error) {
    sqlite3_stmt *statement = NULL;
    Status status = prepare(control, "UPDATE counter SET next = next + 1 RETURNING next - 1",
                            &statement, error);
    if (status != STATUS_OK) return status;
    bool has_row = sqlite3_step(statement) == SQLITE_ROW;
    uint64_t id = has_row ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    bool is_done = has_row && sqlite3_step(statement) == SQLITE_DONE;
    if (!is_done) status = failure(control, error);
    (void)sqlite3_finalize(statement);
    if (status == STATUS_OK) *ret_id = id;
    return status;
}

Status control_put_database(Control *control, const DatabaseRecord *record, Error *error) {
    const Bind binds[] = {
        NUMBER(record->id),   BLOB(&record->identity),        BLOB(&record->owner),
        NUMBER(record->kind), BLOB(&record->initial_program), NUMBER(record->replica)};
    return run_with(control,
                    "INSERT INTO database(id, identity, owner, kind, program, replica)"
                    " VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(identity) DO UPDATE SET id=excluded.id,"
                    " owner=excluded.owner, kind=excluded.kind, program=excluded.program,"
                    " replica=excluded.replica",
                    binds, 6, error);
}

Status control_remove_database(Control *control, const Identity *identity, Error *error) {
    const Bind binds[] = {BLOB(identity)};
    return run_with(control, "DELETE FROM database WHERE identity=?", binds, 1, error);
}

Status control_add_name(Control *control, Bytes name, const Identity *identity,
                        const Identity *owner, Error *error) {
    Status status = run(control, "BEGIN IMMEDIATE", error);
    if (status != STATUS_OK) return status;
    return finish(control, insert_name(control, name, identity, owner, error), error);
}

Status control_set_names(Control *control, const Identity *identity, const Identity *owner,
                         NameList names, Error *error) {
    Status status = run(control, "BEGIN IMMEDIATE", error);
    if (status != STATUS_OK) return status;
    const Bind binds[] = {BLOB(identity)};
    status = run_with(control, "DELETE FROM name WHERE identity=?", binds, 1, error);
    for (uint32_t i = 0; status == STATUS_OK && i < names.count; i++) {
        status = insert_name(control, names.items[i], identity, owner, error);
    }
    return finish(control, status, error);
}

// Within a transaction.
static Status insert_name(Control *control, Bytes name, const Identity *identity,
                          const Identity *owner, Error *error) {
    const Bind claim[] = {TEXT(name), BLOB(owner)};
    Status status = run_with(control,
                             "INSERT INTO tld(name, owner) VALUES(?, ?) ON CONFLICT DO NOTHING",
                             claim, 2, error);
    if (status != STATUS_OK) return status;
    const Bind binds[] = {TEXT(name), BLOB(identity), BLOB(identity)};
    return run_with(control,
                    "INSERT INTO name(name, identity, position) VALUES(?, ?,"
                    " (SELECT coalesce(max(position), 0) + 1 FROM name WHERE identity=?))",
                    binds, 3, error);
}

Status control_set_lock(Control *control, const Identity *identity, LockState state, Error *error) {
    const Bind binds[] = {BLOB(identity)};
    const char *sql = state == DATABASE_LOCKED
                          ? "INSERT INTO lock(identity) VALUES(?) ON CONFLICT DO NOTHING"
                          : "DELETE FROM lock WHERE identity=?";
    return run_with(control, sql, binds, 1, error);
}

// ---- SQLite ----

static Status run(Control *control, const char *sql, Error *error) {
    if (sqlite3_exec(control->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK) return STATUS_OK;
    return failure(control, error);
}

static Status run_with(Control *control, const char *sql, const Bind *binds, uint32_t count,
                       Error *error) {
    sqlite3_stmt *statement = NULL;
    Status status = prepare(control, sql, &statement, error);
    if (status != STATUS_OK) return status;
    int code = SQLITE_OK;
    for (uint32_t i = 0; i < count && code == SQLITE_OK; i++) {
        const Bind *bind = &binds[i];
        int at = (int)i + 1;
        int bytes = (int)bind->bytes.count;
        switch (bind->kind) {
        case BIND_NUMBER: code = sqlite3_bind_int64(statement, at, bind->number); break;
        case BIND_TEXT:
            code = sqlite3_bind_text(statement, at, (const char *)bind->bytes.data, bytes,
                                     SQLITE_STATIC);
            break;
        case BIND_BLOB:
            code = sqlite3_bind_blob(statement, at, bind->bytes.data, bytes, SQLITE_STATIC);
            break;
        }
    }
    if (code != SQLITE_OK || sqlite3_step(statement) != SQLITE_DONE)
        status = failure(control, error);
    (void)sqlite3_finalize(statement);
    return status;
}

static Status prepare(Control *control, const char *sql, sqlite3_stmt **ret_statement,
                      Error *error) {
    if (sqlite3_prepare_v2(control->sqlite, sql, -1, ret_statement, NULL) == SQLITE_OK) {
        return STATUS_OK;
    }
    return failure(control, error);
}

// Ends a transaction; a failed one changes nothing.
static Status finish(Control *control, Status status, Error *error) {
    if (status == STATUS_OK) status = run(control, "COMMIT", error);
    if (status != STATUS_OK) {
        Error ignored;
        (void)run(control, "ROLLBACK", &ignored);  // there may be none left; the first error counts
    }
    return status;
}

static Status failure(Control *control, Error *error) {
    return error_set(error, STATUS_IO, "control database: %s", sqlite3_errmsg(control->sqlite));
}

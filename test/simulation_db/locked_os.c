// locked_os.c - see locked_os.h. Every function: lock, the same of the inner Os, unlock.

#include "locked_os.h"

static LockedOs *enter(Os *os) {
    LockedOs *locked = (LockedOs *)(void *)os;
    mutex_lock(&locked->mutex);
    return locked;
}

static Status leave(LockedOs *locked, Status status) {
    mutex_unlock(&locked->mutex);
    return status;
}

static int64_t locked_time_micros(Os *os) {
    LockedOs *locked = enter(os);
    int64_t now = locked->inner->time_micros(locked->inner);
    (void)leave(locked, STATUS_OK);
    return now;
}

static int64_t locked_monotonic_nanos(Os *os) {
    LockedOs *locked = enter(os);
    int64_t now = locked->inner->monotonic_nanos(locked->inner);
    (void)leave(locked, STATUS_OK);
    return now;
}

static void locked_random(Os *os, void *bytes, size_t count) {
    LockedOs *locked = enter(os);
    locked->inner->random(locked->inner, bytes, count);
    (void)leave(locked, STATUS_OK);
}

static Status locked_file_open(Os *os, const char *path, OsOpen how, File *ret_file, Error *error) {
    LockedOs *locked = enter(os);
    return leave(locked, locked->inner->file_open(locked->inner, path, how, ret_file, error));
}

static void locked_file_close(Os *os, File file) {
    LockedOs *locked = enter(os);
    locked->inner->file_close(locked->inner, file);
    (void)leave(locked, STATUS_OK);
}

static Status locked_file_read(Os *os, File file, uint64_t at, void *bytes, size_t count,
                               Error *error) {
    LockedOs *locked = enter(os);
    return leave(locked, locked->inner->file_read(locked->inner, file, at, bytes, count, error));
}

static Status locked_file_write(Os *os, File file, uint64_t at, const void *bytes, size_t count,
                                Error *error) {
    LockedOs *locked = enter(os);
    return leave(locked, locked->inner->file_write(locked->inner, file, at, bytes, count, error));
}

static Status locked_file_size(Os *os, File file, uint64_t *ret_size, Error *error) {
    LockedOs *locked = enter(os);
    return leave(locked, locked->inner->file_size(locked->inner, file, ret_size, error));
}

static Status locked_file_truncate(Os *os, File file, uint64_t size, Error *error) {
    LockedOs *locked = enter(os);
    return leave(locked, locked->inner->file_truncate(locked->inner, file, size, error));
}

static Status locked_file_sync(Os *os, File file, Error *error) {
    LockedOs *locked = enter(os);
    return leave(locked, locked->inner->file_sync(locked->inner, file, error));
}

static Status locked_rename(Os *os, const char *from, const char *to, Error *error) {
    LockedOs *locked = enter(os);
    return leave(locked, locked->inner->rename(locked->inner, from, to, error));
}

static Status locked_link(Os *os, const char *from, const char *to, Error *error) {
    LockedOs *locked = enter(os);
    return leave(locked, locked->inner->link(locked->inner, from, to, error));
}

static Status locked_remove(Os *os, const char *path, Error *error) {
    LockedOs *locked = enter(os);
    return leave(locked, locked->inner->remove(locked->inner, path, error));
}

static Status locked_directory_create(Os *os, const char *path, Error *error) {
    LockedOs *locked = enter(os);
    return leave(locked, locked->inner->directory_create(locked->inner, path, error));
}

static Status locked_directory_sync(Os *os, const char *path, Error *error) {
    LockedOs *locked = enter(os);
    return leave(locked, locked->inner->directory_sync(locked->inner, path, error));
}

// Entries are told under the lock: who hears of them must not ask back.
typedef struct ListedName {
    char name[256];
    bool is_directory;
} ListedName;

typedef struct ListedNames {
    ListedName items[1024];
    uint32_t count;
} ListedNames;

static void keep_name(void *user, const char *name, bool is_directory) {
    ListedNames *names = user;
    if (names->count == sizeof names->items / sizeof *names->items) return;
    size_t count = strlen(name);
    if (count >= sizeof names->items->name) return;
    memcpy(names->items[names->count].name, name, count + 1);
    names->items[names->count++].is_directory = is_directory;
}

static Status locked_directory_list(Os *os, const char *path, OsListEntry entry, void *user,
                                    Error *error) {
    ListedNames *names = mem_alloc_zero(sizeof *names);
    LockedOs *locked = enter(os);
    Status status = leave(
        locked, locked->inner->directory_list(locked->inner, path, keep_name, names, error));
    for (uint32_t i = 0; i < names->count; i++)
        entry(user, names->items[i].name, names->items[i].is_directory);
    mem_free(names);
    return status;
}

void locked_os_init(LockedOs *locked, Os *inner) {
    *locked = (LockedOs){.inner = inner};
    mutex_init(&locked->mutex);
    locked->os = (Os){.time_micros = locked_time_micros,
                      .monotonic_nanos = locked_monotonic_nanos,
                      .random = locked_random,
                      .file_open = locked_file_open,
                      .file_close = locked_file_close,
                      .file_read = locked_file_read,
                      .file_write = locked_file_write,
                      .file_size = locked_file_size,
                      .file_truncate = locked_file_truncate,
                      .file_sync = locked_file_sync,
                      .rename = locked_rename,
                      .link = locked_link,
                      .remove = locked_remove,
                      .directory_create = locked_directory_create,
                      .directory_sync = locked_directory_sync,
                      .directory_list = locked_directory_list};
}

void locked_os_done(LockedOs *locked) {
    mutex_done(&locked->mutex);
}

// sim_disk.c - see sim_disk.h: paths, handles, the Os, and when what goes wrong.
#include "sim_disk.h"

#include "sim_inode.h"

#define SIM_HANDLES_MAX 100000

VEC(SimHandleVec, sim_handle_vec, SimInode *)

struct SimDisk {
    Os os;
    SimDice dice;
    SimInode *root;
    SimInodeVec inodes;
    SimHandleVec handles;  // NULL: closed
    int handle_base;       // handles from before the last restart are below it
    int64_t clock;
    uint64_t calls;
    uint64_t fault_at;
    SimFault fault;
    SimLie lie;
    bool is_off;
    uint64_t room;
    void (*on_sync)(void *user);
    void *on_sync_user;
};

// What becomes of a call that changes something.
typedef enum SimFate { FATE_DONE, FATE_LOST, FATE_CRASH, FATE_EIO, FATE_ENOSPC } SimFate;

static void fill_os(Os *os);
static SimFate call_begin(SimDisk *disk);
static Status fate_error(SimFate fate, const char *what, Error *error);
static SimInode *inode_add(SimDisk *disk, bool is_directory);
static SimInode *find_path(SimDisk *disk, const char *path);
static SimInode *find_parent(SimDisk *disk, const char *path, const char **ret_name);
static SimInode *file_of(SimDisk *disk, File file);
static void mark(SimInode *inode);
static void sweep(SimDisk *disk);
static uint64_t room_left(const SimDisk *disk);

static SimDisk *disk_of(Os *os) {
    return os->user;
}

// ---- life ----

SimDisk *sim_disk_create(uint64_t seed) {
    SimDisk *disk = mem_alloc_zero(sizeof *disk);
    disk->dice.state = seed;
    disk->room = UINT64_MAX;
    disk->clock = 1700000000000000;
    disk->root = inode_add(disk, true);
    fill_os(&disk->os);
    disk->os.user = disk;
    return disk;
}

void sim_disk_free(SimDisk *disk) {
    for (uint32_t i = 0; i < disk->inodes.count; i++) sim_inode_free(disk->inodes.items[i]);
    sim_inode_vec_done(&disk->inodes);
    sim_handle_vec_done(&disk->handles);
    mem_free(disk);
}

Os *sim_disk_os(SimDisk *disk) {
    return &disk->os;
}

uint64_t sim_disk_calls(const SimDisk *disk) {
    return disk->calls;
}

void sim_disk_fault_at(SimDisk *disk, uint64_t call, SimFault fault) {
    disk->fault_at = call;
    disk->fault = fault;
}

bool sim_disk_is_off(const SimDisk *disk) {
    return disk->is_off;
}

void sim_disk_restart(SimDisk *disk) {
    for (uint32_t i = 0; i < disk->inodes.count; i++) {
        SimInode *inode = disk->inodes.items[i];
        if (inode->is_directory) {
            sim_directory_crash(inode, &disk->dice);
        } else {
            sim_file_crash(inode, &disk->dice);
        }
    }
    disk->handle_base += (int)disk->handles.count;
    sim_handle_vec_clear(&disk->handles);
    sweep(disk);
    disk->is_off = false;
    disk->fault_at = 0;
}

void sim_disk_set_lie(SimDisk *disk, SimLie lie) {
    disk->lie = lie;
}

void sim_disk_on_sync(SimDisk *disk, void (*hook)(void *user), void *user) {
    disk->on_sync = hook;
    disk->on_sync_user = user;
}

void sim_disk_set_room(SimDisk *disk, uint64_t bytes) {
    disk->room = bytes;
}

bool sim_disk_flip_bit(SimDisk *disk, const char *path, uint64_t bit) {
    SimInode *file = find_path(disk, path);
    if (file == NULL || bit / 8 >= file->seen.count || bit / 8 >= file->held.count) return false;
    uint8_t mask = (uint8_t)(1u << (bit % 8));
    file->seen.data[bit / 8] ^= mask;
    file->held.data[bit / 8] ^= mask;
    return true;
}

uint64_t sim_disk_file_bytes(SimDisk *disk, const char *path) {
    SimInode *file = find_path(disk, path);
    return file ? file->seen.count : 0;
}

uint64_t sim_disk_held_bytes(SimDisk *disk, const char *path) {
    SimInode *file = find_path(disk, path);
    return file ? file->held.count : 0;
}

uint64_t sim_disk_random(SimDisk *disk, uint64_t limit) {
    return sim_dice(&disk->dice, limit);
}

// ---- fate ----

static SimFate call_begin(SimDisk *disk) {
    if (disk->is_off) return FATE_LOST;
    disk->calls++;
    if (disk->calls != disk->fault_at) return FATE_DONE;
    switch (disk->fault) {
    case SIM_CRASH: disk->is_off = true; return FATE_CRASH;
    case SIM_EIO: return FATE_EIO;
    case SIM_ENOSPC: return FATE_ENOSPC;
    }
    return FATE_DONE;
}

static Status fate_error(SimFate fate, const char *what, Error *error) {
    switch (fate) {
    case FATE_DONE: return STATUS_OK;
    case FATE_LOST:
    case FATE_CRASH: return error_set(error, STATUS_IO, "%s: the machine is off", what);
    case FATE_EIO: return error_set(error, STATUS_IO, "%s: Input/output error", what);
    case FATE_ENOSPC: return error_set(error, STATUS_FULL, "%s: No space left on device", what);
    }
    return STATUS_OK;
}

// For calls that either happen or do not: a crash leaves that to chance, later (the change is not synced).
static Status begin_change(SimDisk *disk, const char *what, bool *ret_happens, Error *error) {
    SimFate fate = call_begin(disk);
    *ret_happens = fate == FATE_DONE || fate == FATE_CRASH;
    return fate_error(fate, what, error);
}

static uint64_t room_left(const SimDisk *disk) {
    uint64_t used = 0;
    for (uint32_t i = 0; i < disk->inodes.count; i++) used += disk->inodes.items[i]->room;
    return used < disk->room ? disk->room - used : 0;
}

// ---- inodes and paths ----

static SimInode *inode_add(SimDisk *disk, bool is_directory) {
    SimInode *inode = sim_inode_create(is_directory);
    sim_inode_vec_push(&disk->inodes, inode);
    return inode;
}

static SimInode *find_parent(SimDisk *disk, const char *path, const char **ret_name) {
    SimInode *at = disk->root;
    while (*path == '/') path++;
    for (;;) {
        size_t count = strcspn(path, "/");
        const char *next = path + count;
        while (*next == '/') next++;
        if (*next == 0) break;
        if (!at->is_directory) return NULL;
        SimEntry *entry = sim_directory_find(at, path, count);
        if (entry == NULL) return NULL;
        at = entry->inode;
        path = next;
    }
    *ret_name = path;
    return at->is_directory ? at : NULL;
}

static SimInode *find_path(SimDisk *disk, const char *path) {
    const char *name = NULL;
    SimInode *parent = find_parent(disk, path, &name);
    if (parent == NULL) return NULL;
    size_t count = strcspn(name, "/");
    if (count == 0) return parent;  // the root
    SimEntry *entry = sim_directory_find(parent, name, count);
    return entry ? entry->inode : NULL;
}

static Status not_found(const char *what, const char *path, Error *error) {
    return error_set(error, STATUS_NOT_FOUND, "%s %s: No such file or directory", what, path);
}

// Whatever no held name leads to any more is gone.
static void sweep(SimDisk *disk) {
    for (uint32_t i = 0; i < disk->inodes.count; i++) disk->inodes.items[i]->is_reached = false;
    mark(disk->root);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < disk->inodes.count; i++) {
        SimInode *inode = disk->inodes.items[i];
        if (inode->is_reached) {
            disk->inodes.items[kept++] = inode;
        } else {
            sim_inode_free(inode);
        }
    }
    disk->inodes.count = kept;
}

static void mark(SimInode *inode) {
    if (inode->is_reached) return;
    inode->is_reached = true;
    for (uint32_t i = 0; i < inode->seen_entries.count; i++) {
        mark(inode->seen_entries.items[i].inode);
    }
}

// ---- the table: time and dice ----

static int64_t sim_time_micros(Os *os) {
    return disk_of(os)->clock += 1000;
}

static int64_t sim_monotonic_nanos(Os *os) {
    return (disk_of(os)->clock += 1000) * 1000;
}

static void sim_random(Os *os, void *bytes, size_t count) {
    uint8_t *at = bytes;
    for (size_t i = 0; i < count; i++) at[i] = (uint8_t)sim_dice(&disk_of(os)->dice, 256);
}

// ---- files ----

static Status sim_file_open(Os *os, const char *path, OsOpen how, File *ret_file, Error *error) {
    SimDisk *disk = disk_of(os);
    if (disk->is_off) return fate_error(FATE_LOST, path, error);
    const char *name = NULL;
    SimInode *parent = find_parent(disk, path, &name);
    if (parent == NULL) return not_found("open", path, error);
    SimEntry *entry = sim_directory_find(parent, name, strlen(name));
    SimInode *inode = entry ? entry->inode : NULL;
    if (inode != NULL && how == OS_OPEN_CREATE_NEW) {
        return error_set(error, STATUS_CONFLICT, "open %s: File exists", path);
    }
    if (inode == NULL) {
        if (how == OS_OPEN_READ || how == OS_OPEN_READ_WRITE) return not_found("open", path, error);
        bool happens;
        Status status = begin_change(disk, path, &happens, error);
        if (happens) {
            inode = inode_add(disk, false);
            sim_directory_move(parent, NULL, name, inode);
        }
        if (status != STATUS_OK) return status;
    }
    ASSERT(disk->handles.count < SIM_HANDLES_MAX);
    *ret_file = (File){disk->handle_base + (int)disk->handles.count};
    sim_handle_vec_push(&disk->handles, inode);
    return STATUS_OK;
}

static SimInode *file_of(SimDisk *disk, File file) {
    int at = file.descriptor - disk->handle_base;
    if (at < 0 || at >= (int)disk->handles.count) return NULL;
    return disk->handles.items[at];
}

static void sim_file_close(Os *os, File file) {
    SimDisk *disk = disk_of(os);
    if (file_of(disk, file) == NULL) return;  // opened before a restart
    disk->handles.items[file.descriptor - disk->handle_base] = NULL;
}

static Status sim_file_read(Os *os, File file, uint64_t at, void *bytes, size_t count,
                            Error *error) {
    SimDisk *disk = disk_of(os);
    SimInode *inode = file_of(disk, file);
    if (disk->is_off || inode == NULL) return fate_error(FATE_LOST, "read", error);
    if (at > inode->seen.count || count > inode->seen.count - at) {
        return error_set(error, STATUS_CORRUPT, "read of %zu bytes at %llu: the file ends", count,
                         (unsigned long long)at);
    }
    if (count > 0) memcpy(bytes, inode->seen.data + at, count);
    return STATUS_OK;
}

static Status sim_file_write_at(Os *os, File file, uint64_t at, const void *bytes, size_t count,
                                Error *error) {
    SimDisk *disk = disk_of(os);
    SimInode *inode = file_of(disk, file);
    if (inode == NULL) return fate_error(FATE_LOST, "write", error);
    SimFate fate = call_begin(disk);
    if (fate == FATE_LOST) return fate_error(fate, "write", error);
    size_t done = count;
    uint64_t growth = at + count > inode->room ? at + count - inode->room : 0;
    if (growth > room_left(disk)) {
        uint64_t missing = growth - room_left(disk);
        done = missing < count ? count - (size_t)missing : 0;
        if (fate == FATE_DONE) fate = FATE_ENOSPC;
    } else if (fate == FATE_EIO || fate == FATE_ENOSPC) {
        done = (size_t)sim_dice(&disk->dice, count);
    }
    sim_file_write(inode, at, bytes, done);
    return fate_error(fate, "write", error);
}

static Status sim_file_size(Os *os, File file, uint64_t *ret_size, Error *error) {
    SimDisk *disk = disk_of(os);
    SimInode *inode = file_of(disk, file);
    if (disk->is_off || inode == NULL) return fate_error(FATE_LOST, "size", error);
    *ret_size = inode->seen.count;
    return STATUS_OK;
}

static Status sim_file_truncate(Os *os, File file, uint64_t size, Error *error) {
    SimDisk *disk = disk_of(os);
    SimInode *inode = file_of(disk, file);
    if (inode == NULL) return fate_error(FATE_LOST, "truncate", error);
    bool happens;
    Status status = begin_change(disk, "truncate", &happens, error);
    if (happens) sim_file_resize(inode, size);
    return status;
}

static Status sim_file_sync_all(Os *os, File file, Error *error) {
    SimDisk *disk = disk_of(os);
    SimInode *inode = file_of(disk, file);
    if (inode == NULL) return fate_error(FATE_LOST, "sync", error);
    if (disk->on_sync && !disk->is_off) disk->on_sync(disk->on_sync_user);
    SimFate fate = call_begin(disk);
    bool lies = disk->lie == SIM_SKIP_FILE_SYNC &&
                inode->held.count > 0;  // the first one is honest
    switch (fate) {
    case FATE_DONE:
        if (!lies) sim_file_sync(inode);
        break;
    case FATE_CRASH:  // it may have been through already
        if (!lies && sim_dice(&disk->dice, 2) == 0) sim_file_sync(inode);
        break;
    case FATE_EIO:
    case FATE_ENOSPC:
        sim_file_sync_badly(inode, &disk->dice);
        fate = FATE_EIO;
        break;
    case FATE_LOST: break;
    }
    return fate_error(fate, "sync", error);
}

// ---- names ----

static Status sim_rename(Os *os, const char *from, const char *to, Error *error) {
    SimDisk *disk = disk_of(os);
    if (disk->is_off) return fate_error(FATE_LOST, from, error);
    const char *from_name = NULL;
    const char *to_name = NULL;
    SimInode *parent = find_parent(disk, from, &from_name);
    if (parent == NULL || sim_directory_find(parent, from_name, strlen(from_name)) == NULL) {
        return not_found("rename", from, error);
    }
    ASSERT(find_parent(disk, to, &to_name) == parent);  // across directories: not simulated
    SimEntry *target = sim_directory_find(parent, to_name, strlen(to_name));
    if (target && target->inode->is_directory && target->inode->seen_entries.count > 0) {
        return error_set(error, STATUS_CONFLICT, "rename %s: Directory not empty", from);
    }
    SimInode *inode = sim_directory_find(parent, from_name, strlen(from_name))->inode;
    bool happens;
    Status status = begin_change(disk, from, &happens, error);
    if (happens) sim_directory_move(parent, from_name, to_name, inode);
    return status;
}

static Status sim_link(Os *os, const char *from, const char *to, Error *error) {
    SimDisk *disk = disk_of(os);
    if (disk->is_off) return fate_error(FATE_LOST, from, error);
    SimInode *inode = find_path(disk, from);
    const char *name = NULL;
    SimInode *parent = find_parent(disk, to, &name);
    if (inode == NULL || parent == NULL) return not_found("link", from, error);
    if (sim_directory_find(parent, name, strlen(name)) != NULL) {
        return error_set(error, STATUS_CONFLICT, "link %s: File exists", to);
    }
    bool happens;
    Status status = begin_change(disk, to, &happens, error);
    if (happens) sim_directory_move(parent, NULL, name, inode);
    return status;
}

static Status sim_remove(Os *os, const char *path, Error *error) {
    SimDisk *disk = disk_of(os);
    if (disk->is_off) return fate_error(FATE_LOST, path, error);
    const char *name = NULL;
    SimInode *parent = find_parent(disk, path, &name);
    SimEntry *entry = parent ? sim_directory_find(parent, name, strlen(name)) : NULL;
    if (entry == NULL) return not_found("remove", path, error);
    if (entry->inode->is_directory && entry->inode->seen_entries.count > 0) {
        return error_set(error, STATUS_CONFLICT, "remove %s: Directory not empty", path);
    }
    bool happens;
    Status status = begin_change(disk, path, &happens, error);
    if (happens) sim_directory_move(parent, name, NULL, NULL);
    return status;
}

static Status sim_directory_create(Os *os, const char *path, Error *error) {
    SimDisk *disk = disk_of(os);
    if (disk->is_off) return fate_error(FATE_LOST, path, error);
    SimInode *at = disk->root;
    while (*path == '/') path++;
    while (*path != 0) {
        size_t count = strcspn(path, "/");
        SimEntry *entry = sim_directory_find(at, path, count);
        if (entry == NULL) {
            bool happens;
            Status status = begin_change(disk, path, &happens, error);
            char *name = mem_copy_text(bytes_of(path, count));
            if (happens) sim_directory_move(at, NULL, name, inode_add(disk, true));
            mem_free(name);
            if (status != STATUS_OK) return status;
            entry = sim_directory_find(at, path, count);
        }
        at = entry->inode;
        if (!at->is_directory) return error_set(error, STATUS_CONFLICT, "%s: is a file", path);
        path += count;
        while (*path == '/') path++;
    }
    return STATUS_OK;
}

static Status sim_directory_sync_all(Os *os, const char *path, Error *error) {
    SimDisk *disk = disk_of(os);
    if (disk->is_off) return fate_error(FATE_LOST, path, error);
    SimInode *directory = find_path(disk, path);
    if (directory == NULL || !directory->is_directory) return not_found("sync", path, error);
    SimFate fate = call_begin(disk);
    if (fate == FATE_ENOSPC) fate = FATE_EIO;
    bool lies = disk->lie == SIM_SKIP_DIRECTORY_SYNC;
    bool reaches = fate == FATE_DONE || (fate == FATE_CRASH && sim_dice(&disk->dice, 2) == 0);
    if (reaches && !lies) sim_directory_sync(directory);
    return fate_error(fate, path, error);
}

static Status sim_directory_list(Os *os, const char *path, OsListEntry entry, void *user,
                                 Error *error) {
    SimDisk *disk = disk_of(os);
    if (disk->is_off) return fate_error(FATE_LOST, path, error);
    SimInode *directory = find_path(disk, path);
    if (directory == NULL || !directory->is_directory) return not_found("list", path, error);
    for (uint32_t i = 0; i < directory->seen_entries.count; i++) {
        const SimEntry *item = &directory->seen_entries.items[i];
        entry(user, item->name, item->inode->is_directory);
    }
    return STATUS_OK;
}

static void fill_os(Os *os) {
    *os = (Os){
        .time_micros = sim_time_micros,
        .monotonic_nanos = sim_monotonic_nanos,
        .random = sim_random,
        .file_open = sim_file_open,
        .file_close = sim_file_close,
        .file_read = sim_file_read,
        .file_write = sim_file_write_at,
        .file_size = sim_file_size,
        .file_truncate = sim_file_truncate,
        .file_sync = sim_file_sync_all,
        .rename = sim_rename,
        .link = sim_link,
        .remove = sim_remove,
        .directory_create = sim_directory_create,
        .directory_sync = sim_directory_sync_all,
        .directory_list = sim_directory_list,
    };
}

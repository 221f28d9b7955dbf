// backup.c - the files of a database over HTTP, for its owner: what there is, and a part of one of them (docs/http.md).
//
// Segments only grow and snapshots never change, so the reader needs no stop: it asks for the list, then for each file in
// parts, and verifies what it has (log/backup.h). A segment that was compressed meanwhile is shorter than the
// list said: 409, and the reader begins that file anew.
#include "server/handlers.h"

#include <stdio.h>

#define SNAPSHOT_DEPTH_MAX 4u

typedef struct PartRequest {
    Bytes file;   // NULL: the list is wanted
    uint64_t at;  // of the part
    uint64_t of;  // bytes that the file had when it was listed
} PartRequest;

typedef struct Listing {
    Os *os;
    Arena *arena;
    Buffer *text;
    const char *path;    // of the directory that is listed
    const char *prefix;  // what stands before its names in the list
    uint32_t depth;
    uint64_t newest;  // of snapshots
    bool has_snapshot;
} Listing;

static bool query_u64(WebRequest *request, const char *name, uint64_t *number);
static bool file_is_ours(Bytes file);
static void wait_backup(PoolJob *job);
static const char *replica_path(const WebRequest *request, const char *name, uint32_t count);
static Status list_files(WebRequest *request, Buffer *text, Error *error);
static Status list_directory(const Listing *above, const char *path, const char *prefix,
                             OsListEntry entry, Error *error);
static void list_segment(void *user, const char *name, bool is_directory);
static void find_snapshot(void *user, const char *name, bool is_directory);
static void list_tree(void *user, const char *name, bool is_directory);
static void list_file(Listing *listing, const char *name);
static void answer_part(WebRequest *request, const PartRequest *part);

void handle_backup(WebRequest *request) {
    if (!web_database(request) || !web_owner(request, "back up database")) return;
    PartRequest *part = ARENA_NEW(request->arena, PartRequest);
    if (!web_query(request, "file", &part->file)) return;
    if (!query_u64(request, "at", &part->at) || !query_u64(request, "of", &part->of)) return;
    if (part->file.data && !file_is_ours(part->file)) {
        web_refuse_query(request, "`file` is none of the list");
        return;
    }
    if (request->server->options.in_memory) {
        web_answer_text(request, 400, "the databases of this server are in memory only");
        return;
    }
    request->own = part;
    request->job.run = wait_backup;
    executor_pool_run_waiting(request->server->executors, &request->job);
}

static bool query_u64(WebRequest *request, const char *name, uint64_t *number) {
    Bytes text;
    if (!web_query(request, name, &text)) return false;
    if (text.data == NULL) return true;
    uint64_t read = 0;
    bool is_good = text.count > 0 && text.count < 19;  // fits 63 bits
    for (uint32_t i = 0; is_good && i < text.count; i++) {
        is_good = text.data[i] >= '0' && text.data[i] <= '9';
        read = read * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (!is_good) {
        web_refuse_query(request, "invalid digit found in string");
        return false;
    }
    *number = read;
    return true;
}

// Below clog/ or snapshots/, and no way out: no name that begins with a point.
static bool file_is_ours(Bytes file) {
    static const char *const FOLDERS[] = {"clog/", "snapshots/"};
    bool is_below = false;
    for (size_t i = 0; i < sizeof FOLDERS / sizeof FOLDERS[0]; i++) {
        size_t count = strlen(FOLDERS[i]);
        is_below = is_below || (file.count > count && memcmp(file.data, FOLDERS[i], count) == 0);
    }
    if (!is_below || file.count > SERVER_BACKUP_PATH_BYTES_MAX) return false;
    for (uint32_t i = 0; i < file.count; i++) {
        uint8_t byte = file.data[i];
        bool is_plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                        byte == '_' || byte == '.' || byte == '/';
        if (!is_plain || (byte == '.' && file.data[i - 1] == '/')) return false;
    }
    return true;
}

// On a thread that may wait for the disk.
static void wait_backup(PoolJob *job) {
    WebRequest *request = WEB_OF_JOB(job);
    const PartRequest *part = request->own;
    if (part->file.data) {
        answer_part(request, part);
        return;
    }
    Buffer text;
    buffer_init(&text, SERVER_TEXT_BYTES_MAX);
    Error error;
    if (list_files(request, &text, &error) != STATUS_OK) {
        web_answer_text(request, 500, "%s", error.text);
    } else if (text.failed) {
        web_answer_text(request, 500, "the list is too long");
    } else {
        web_answer_bytes(request, 200, buffer_bytes(&text));
    }
    buffer_done(&text);
}

// ---- the list: a line a file, "BYTES NAME" ----

static const char *replica_path(const WebRequest *request, const char *name, uint32_t count) {
    const char *replica = data_dir_replica(&request->server->dir, request->hosted->record.replica,
                                           request->arena);
    return (const char *)arena_format(request->arena, "%s/%.*s", replica, (int)count, name).data;
}

// The newest snapshot first: the log that is listed behind it reaches further.
static Status list_files(WebRequest *request, Buffer *text, Error *error) {
    Listing listing = {.os = request->server->os, .arena = request->arena, .text = text};
    const char *snapshots = replica_path(request, "snapshots", strlen("snapshots"));
    Status status = STATUS_OK;
    if (os_path_exists(listing.os, snapshots)) {
        listing.path = snapshots;
        status = listing.os->directory_list(listing.os, snapshots, find_snapshot, &listing, error);
    }
    if (status == STATUS_OK && listing.has_snapshot) {
        Bytes name = arena_format(listing.arena, "%020llu.snapshot_dir",
                                  (unsigned long long)listing.newest);
        Bytes path = arena_format(listing.arena, "%s/%s", snapshots, (const char *)name.data);
        Bytes prefix = arena_format(listing.arena, "snapshots/%s", (const char *)name.data);
        status = list_directory(&listing, (const char *)path.data, (const char *)prefix.data,
                                list_tree, error);
    }
    if (status != STATUS_OK) return status;
    return list_directory(&listing, replica_path(request, "clog", strlen("clog")), "clog",
                          list_segment, error);
}

static Status list_directory(const Listing *above, const char *path, const char *prefix,
                             OsListEntry entry, Error *error) {
    Listing listing = *above;
    listing.path = path;
    listing.prefix = prefix;
    listing.depth++;
    return listing.os->directory_list(listing.os, path, entry, &listing, error);
}

static bool ends_with(const char *name, const char *ending) {
    size_t count = strlen(name);
    size_t behind = strlen(ending);
    return count >= behind && strcmp(name + count - behind, ending) == 0;
}

static void list_segment(void *user, const char *name, bool is_directory) {
    if (!is_directory && ends_with(name, ".stdb.log")) list_file(user, name);
}

// Of the whole ones.
static void find_snapshot(void *user, const char *name, bool is_directory) {
    Listing *listing = user;
    unsigned long long offset = 0;
    if (!is_directory || !ends_with(name, ".snapshot_dir") || sscanf(name, "%20llu", &offset) != 1)
        return;
    Bytes lock = arena_format(listing->arena, "%s/%020llu.lock", listing->path, offset);
    if (os_path_exists(listing->os, (const char *)lock.data)) return;
    if (listing->has_snapshot && offset < listing->newest) return;
    listing->newest = offset;
    listing->has_snapshot = true;
}

static void list_tree(void *user, const char *name, bool is_directory) {
    Listing *listing = user;
    if (!is_directory) {
        list_file(listing, name);
    } else if (listing->depth < SNAPSHOT_DEPTH_MAX) {
        Bytes path = arena_format(listing->arena, "%s/%s", listing->path, name);
        Bytes prefix = arena_format(listing->arena, "%s/%s", listing->prefix, name);
        // What goes away meanwhile is missed by the reader, who asks again.
        (void)list_directory(listing, (const char *)path.data, (const char *)prefix.data, list_tree,
                             NULL);
    }
}

static void list_file(Listing *listing, const char *name) {
    Bytes path = arena_format(listing->arena, "%s/%s", listing->path, name);
    File file = FILE_NONE;
    uint64_t bytes = 0;
    Os *os = listing->os;
    if (os->file_open(os, (const char *)path.data, OS_OPEN_READ, &file, NULL) != STATUS_OK) return;
    Status status = os->file_size(os, file, &bytes, NULL);
    os_file_close(os, file);
    if (status != STATUS_OK) return;
    buffer_append_format(listing->text, "%llu %s/%s\n", (unsigned long long)bytes, listing->prefix,
                         name);
}

// ---- a part ----

static void answer_part(WebRequest *request, const PartRequest *part) {
    Os *os = request->server->os;
    const char *path = replica_path(request, (const char *)part->file.data, part->file.count);
    File file = FILE_NONE;
    uint64_t bytes = 0;
    Error error;
    Status status = os->file_open(os, path, OS_OPEN_READ, &file, &error);
    if (status == STATUS_OK) status = os->file_size(os, file, &bytes, &error);
    if (status == STATUS_OK && (bytes < part->of || part->of < part->at)) {
        os_file_close(os, file);
        web_answer_text(request, 409, "the file has %llu bytes now", (unsigned long long)bytes);
        return;
    }
    uint64_t left = part->of - part->at;
    uint32_t count = left < SERVER_BACKUP_PART_BYTES_MAX ? (uint32_t)left
                                                         : SERVER_BACKUP_PART_BYTES_MAX;
    uint8_t *content = mem_alloc(count + 1);
    if (status == STATUS_OK && count > 0)
        status = os->file_read(os, file, part->at, content, count, &error);
    os_file_close(os, file);
    if (status != STATUS_OK) {
        web_answer_text(request, status == STATUS_NOT_FOUND ? 404 : 500, "%s", error.text);
    } else {
        web_answer(request, 200, BYTES_LITERAL("application/octet-stream"),
                   bytes_of(content, count));
    }
    mem_free(content);
}

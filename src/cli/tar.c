// tar.c - see tar.h.
#include "cli/tar.h"

#include <stdio.h>
#include <unistd.h>

#define BLOCK_BYTES 512u
#define PREFIX_BYTES 155u
#define NAME_BYTES 100u
#define PART_BYTES (1u << 20)
#define FILE_BYTES_MAX ((uint64_t)1 << 33)
#define DEPTH_MAX 16u

typedef struct TarWriter {
    Cli *cli;
    int descriptor;
    const char *directory;  // that is listed
    const char *prefix;     // of names in it: "" or "clog/"
    uint32_t depth;
    Status status;
} TarWriter;

static void add_entry(void *user, const char *name, bool is_directory);
static void add_directory(TarWriter *tar, const char *path, const char *name);
static void add_file(TarWriter *tar, const char *path, const char *name);
static void write_head(TarWriter *tar, const char *name, uint64_t bytes, char kind);
static void write_all(TarWriter *tar, const void *data, size_t count);

Status tar_write(Cli *cli, const char *directory, int descriptor) {
    TarWriter tar = {.cli = cli, .descriptor = descriptor, .status = STATUS_OK};
    tar.prefix = "";
    add_directory(&tar, directory, "");
    static const uint8_t END[2 * BLOCK_BYTES];
    write_all(&tar, END, sizeof END);
    return tar.status;
}

static void add_directory(TarWriter *tar, const char *path, const char *name) {
    if (tar->status != STATUS_OK) return;
    Error error;
    TarWriter below = *tar;
    below.directory = path;
    below.prefix = name;
    below.depth++;
    Os *os = tar->cli->os;
    if (below.depth > DEPTH_MAX) {
        tar->status = cli_fail(tar->cli, STATUS_LIMIT, "%s is nested too deep", path);
        return;
    }
    Status status = os->directory_list(os, path, add_entry, &below, &error);
    tar->status = status == STATUS_OK ? below.status : cli_fail_error(tar->cli, &error);
}

static void add_entry(void *user, const char *name, bool is_directory) {
    TarWriter *tar = user;
    const char *path = cli_text(tar->cli, "%s/%s", tar->directory, name);
    const char *full = cli_text(tar->cli, "%s%s%s", tar->prefix, name, is_directory ? "/" : "");
    if (is_directory) {
        write_head(tar, full, 0, '5');
        add_directory(tar, path, full);
    } else {
        add_file(tar, path, full);
    }
}

static void add_file(TarWriter *tar, const char *path, const char *name) {
    Os *os = tar->cli->os;
    File file = FILE_NONE;
    uint64_t bytes = 0;
    Error error;
    if (tar->status != STATUS_OK) return;
    Status status = os->file_open(os, path, OS_OPEN_READ, &file, &error);
    if (status == STATUS_OK) status = os->file_size(os, file, &bytes, &error);
    if (status == STATUS_OK) write_head(tar, name, bytes, '0');
    uint8_t *part = mem_alloc(PART_BYTES);
    for (uint64_t at = 0; at < bytes && status == STATUS_OK && tar->status == STATUS_OK;) {
        size_t count = bytes - at < PART_BYTES ? (size_t)(bytes - at) : PART_BYTES;
        status = os->file_read(os, file, at, part, count, &error);
        if (status == STATUS_OK) write_all(tar, part, count);
        at += count;
    }
    mem_free(part);
    os_file_close(os, file);
    if (status != STATUS_OK) tar->status = cli_fail_error(tar->cli, &error);
    static const uint8_t ZEROS[BLOCK_BYTES];
    write_all(tar, ZEROS, (BLOCK_BYTES - bytes % BLOCK_BYTES) % BLOCK_BYTES);
}

// A long name is cut at a slash: what is before it goes into the prefix.
static bool put_name(char *head, const char *name) {
    size_t count = strlen(name);
    if (count <= NAME_BYTES) {
        memcpy(head, name, count);
        return true;
    }
    for (size_t cut = count - 1; cut > 0; cut--) {
        bool fits = name[cut] == '/' && cut <= PREFIX_BYTES && count - cut - 1 <= NAME_BYTES &&
                    count - cut - 1 > 0;
        if (!fits) continue;
        memcpy(head + 345, name, cut);
        memcpy(head, name + cut + 1, count - cut - 1);
        return true;
    }
    return false;
}

static void write_head(TarWriter *tar, const char *name, uint64_t bytes, char kind) {
    char head[BLOCK_BYTES] = {0};
    if (tar->status != STATUS_OK) return;
    if (bytes >= FILE_BYTES_MAX || !put_name(head, name)) {
        tar->status = cli_fail(tar->cli, STATUS_LIMIT, "%s does not fit into a tar archive", name);
        return;
    }
    (void)snprintf(head + 100, 8, "%07o", kind == '5' ? 0755u : 0644u);
    (void)snprintf(head + 108, 8, "%07o", 0u);  // user and group
    (void)snprintf(head + 116, 8, "%07o", 0u);
    (void)snprintf(head + 124, 12, "%011llo", (unsigned long long)bytes);
    Os *os = tar->cli->os;
    (void)snprintf(head + 136, 12, "%011llo", (unsigned long long)(os->time_micros(os) / 1000000));
    memset(head + 148, ' ', 8);
    head[156] = kind;
    memcpy(head + 257, "ustar", 6);
    memcpy(head + 263, "00", 2);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < BLOCK_BYTES; i++) sum += (uint8_t)head[i];
    (void)snprintf(head + 148, 8, "%06o", sum);
    write_all(tar, head, sizeof head);
}

static void write_all(TarWriter *tar, const void *data, size_t count) {
    const uint8_t *at = data;
    while (tar->status == STATUS_OK && count > 0) {
        ssize_t written = write(tar->descriptor, at, count);
        if (written <= 0) {
            tar->status = cli_fail(tar->cli, STATUS_IO, "the archive cannot be written");
            return;
        }
        at += written;
        count -= (size_t)written;
    }
}

// backup_fetch.c - see backup_fetch.h. Names come from a server: only those below the directory are taken.
#include "cli/backup_fetch.h"

#include "cli/http.h"
#include "cli/transfer.h"

#define ROUNDS_MAX 5u

typedef struct Fetch {
    Cli *cli;
    const Remote *remote;
    const char *directory;
    Progress progress;
    uint64_t bytes_done;
    uint64_t bytes_total;
    bool is_outdated;  // a file is not what the list says any more
    // The file at hand.
    File file;
    uint64_t at;
    uint64_t bytes;
    Error error;
} Fetch;

static Status fetch_list(Fetch *fetch, Bytes *ret_list);
static bool take_line(Cli *cli, Bytes *list, uint64_t *ret_bytes, const char **ret_name);
static bool name_is_good(const char *name);
static Status fetch_file(Fetch *fetch, uint64_t bytes, const char *name);
static Status fetch_parts(Fetch *fetch, const char *name);
static bool take_bytes(void *user, Bytes bytes);

Status backup_fetch(Cli *cli, const Remote *remote, const char *directory) {
    Fetch fetch = {.cli = cli, .remote = remote, .directory = directory};
    for (uint32_t round = 0; round < ROUNDS_MAX; round++) {
        Bytes list;
        uint64_t bytes;
        const char *name;
        fetch.is_outdated = false;
        fetch.bytes_done = 0;
        fetch.bytes_total = 0;
        Status status = fetch_list(&fetch, &list);
        if (status != STATUS_OK) return status;
        for (Bytes rest = list; take_line(cli, &rest, &bytes, &name);) fetch.bytes_total += bytes;
        fetch.progress = progress_begin("Fetching");
        while (status == STATUS_OK && take_line(cli, &list, &bytes, &name)) {
            status = fetch_file(&fetch, bytes, name);
        }
        progress_end(&fetch.progress);
        if (status != STATUS_OK || !fetch.is_outdated) return status;
    }
    return cli_fail(cli, STATUS_CONFLICT, "the files of the database change too fast: try again");
}

static Status fetch_list(Fetch *fetch, Bytes *ret_list) {
    Cli *cli = fetch->cli;
    const Remote *remote = fetch->remote;
    const HttpCall call = {
        .method = "GET",
        .url = cli_text(cli, "%s/v1/database/%s/backup", remote->url, remote->identity),
        .token = remote->token};
    HttpReply reply;
    Status status = http_call(cli, &call, &reply);
    if (status == STATUS_OK) status = http_expect_success(cli, &reply);
    *ret_list = status == STATUS_OK ? reply.body : BYTES_NONE;
    return status;
}

// "BYTES NAME"; what is none ends the list.
static bool take_line(Cli *cli, Bytes *list, uint64_t *ret_bytes, const char **ret_name) {
    if (list->count == 0) return false;
    const uint8_t *end = memchr(list->data, '\n', list->count);
    const uint8_t *blank = memchr(list->data, ' ', list->count);
    if (end == NULL || blank == NULL || blank > end) return false;
    const char *number = cli_text(cli, "%.*s", (int)(blank - list->data), (const char *)list->data);
    *ret_name = cli_text(cli, "%.*s", (int)(end - blank - 1), (const char *)blank + 1);
    uint32_t count = (uint32_t)(end - list->data) + 1;
    *list = bytes_slice(*list, count, list->count - count);
    return transfer_number(number, ret_bytes) && name_is_good(*ret_name);
}

static bool name_is_good(const char *name) {
    bool is_below = strncmp(name, "clog/", 5) == 0 || strncmp(name, "snapshots/", 10) == 0;
    return is_below && strstr(name, "..") == NULL && strlen(name) <= SERVER_BACKUP_PATH_BYTES_MAX &&
           strspn(name, "0123456789abcdefghijklmnopqrstuvwxyz_./") == strlen(name) &&
           strstr(name, "//") == NULL;
}

static Status fetch_file(Fetch *fetch, uint64_t bytes, const char *name) {
    Cli *cli = fetch->cli;
    Os *os = cli->os;
    Error *error = &fetch->error;
    const char *path = cli_text(cli, "%s/%s", fetch->directory, name);
    const char *slash = strrchr(path, '/');
    const char *folder = cli_text(cli, "%.*s", (int)(slash - path), path);
    fetch->file = FILE_NONE;
    fetch->bytes = bytes;
    Status status = os->directory_create(os, folder, error);
    if (status == STATUS_OK) {
        status = os->file_open(os, path, OS_OPEN_CREATE, &fetch->file, error);
    }
    if (status == STATUS_OK) status = os->file_size(os, fetch->file, &fetch->at, error);
    if (status == STATUS_OK && fetch->at > bytes) {  // it was compressed since
        fetch->at = 0;
        status = os->file_truncate(os, fetch->file, 0, error);
    }
    if (status == STATUS_OK) {
        fetch->bytes_done += fetch->at;
        status = fetch_parts(fetch, name);
    } else {
        (void)cli_fail_error(cli, error);
    }
    os_file_close(os, fetch->file);
    return status;
}

static Status fetch_parts(Fetch *fetch, const char *name) {
    Cli *cli = fetch->cli;
    const Remote *remote = fetch->remote;
    while (fetch->at < fetch->bytes) {
        const HttpCall call = {
            .method = "GET",
            .url = cli_text(cli, "%s/v1/database/%s/backup?file=%s&at=%llu&of=%llu", remote->url,
                            remote->identity, url_encode(cli, name), (unsigned long long)fetch->at,
                            (unsigned long long)fetch->bytes),
            .token = remote->token,
            .take = take_bytes,
            .user = fetch};
        uint64_t before = fetch->at;
        HttpReply reply;
        fetch->error = (Error){.status = STATUS_OK};
        Status status = http_call(cli, &call, &reply);
        if (fetch->error.status != STATUS_OK) return cli_fail_error(cli, &fetch->error);
        if (status != STATUS_OK) return status;
        if (reply.status == 404 || reply.status == 409) {
            fetch->is_outdated = true;
            Os *os = cli->os;
            status = os->file_truncate(os, fetch->file, 0, &fetch->error);
            return status == STATUS_OK ? status : cli_fail_error(cli, &fetch->error);
        }
        status = http_expect_success(cli, &reply);
        if (status != STATUS_OK) return status;
        if (fetch->at == before) {
            return cli_fail(cli, STATUS_INVALID, "the server sends nothing of %s", name);
        }
    }
    return STATUS_OK;
}

static bool take_bytes(void *user, Bytes bytes) {
    Fetch *fetch = user;
    Os *os = fetch->cli->os;
    if (bytes.count > fetch->bytes - fetch->at) {
        (void)error_set(&fetch->error, STATUS_INVALID, "the server sends more than was asked for");
        return false;
    }
    Status status = os->file_write(os, fetch->file, fetch->at, bytes.data, bytes.count,
                                   &fetch->error);
    if (status != STATUS_OK) return false;
    fetch->at += bytes.count;
    fetch->bytes_done += bytes.count;
    return progress_show(&fetch->progress, fetch->bytes_done, fetch->bytes_total);
}

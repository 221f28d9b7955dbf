// unpack.c - the SDK's folder is named by the hash of what is in it, so it never has to be updated:
// it is unpacked beside its place and renamed there, whole or not at all.
#include "cli/unpack.h"

#include "base/hash.h"
#include "cli/embedded.h"

#include <unistd.h>

// What the SDK consists of; templates/ is embedded, too.
static const char *const SDK_FOLDERS[] = {"include/", "sdk/"};

static bool is_sdk(const EmbeddedFile *file);
static Hash sdk_hash(void);

Status unpack_sdk(Cli *cli, const char **ret_directory) {
    char hex[65];
    Hash hash = sdk_hash();
    hash_to_hex(&hash, hex);
    const char *directory = cli_text(cli, "%s/sdk-c-%.16s", cli->paths.cache_dir, hex);
    *ret_directory = directory;
    if (path_is_directory(directory)) return STATUS_OK;
    const char *unfinished = cli_text(cli, "%s.%d", directory, (int)getpid());
    for (uint32_t i = 0; i < EMBEDDED_FILE_COUNT; i++) {
        const EmbeddedFile *file = &EMBEDDED_FILES[i];
        if (!is_sdk(file)) continue;
        Status status = unpack_write(cli, path_join(cli, unfinished, file->path),
                                     bytes_of(file->data, file->count));
        if (status != STATUS_OK) return cli_wrap(cli, status, "cannot unpack the C SDK");
    }
    Error error;
    Status status = cli->os->rename(cli->os, unfinished, directory, &error);
    if (status == STATUS_OK || path_is_directory(directory)) return STATUS_OK;
    (void)cli_fail_error(cli, &error);
    return cli_wrap(cli, status, "cannot unpack the C SDK");
}

static bool is_sdk(const EmbeddedFile *file) {
    for (size_t i = 0; i < sizeof SDK_FOLDERS / sizeof SDK_FOLDERS[0]; i++) {
        if (strncmp(file->path, SDK_FOLDERS[i], strlen(SDK_FOLDERS[i])) == 0) return true;
    }
    return false;
}

static Hash sdk_hash(void) {
    Buffer all;
    buffer_init(&all, CLI_CONFIG_BYTES_MAX * 16ull);
    for (uint32_t i = 0; i < EMBEDDED_FILE_COUNT; i++) {
        const EmbeddedFile *file = &EMBEDDED_FILES[i];
        if (!is_sdk(file)) continue;
        buffer_string(&all, bytes_of_text(file->path));
        buffer_string(&all, bytes_of(file->data, file->count));
    }
    ASSERT(!all.failed);
    Hash hash = hash_blake3(buffer_bytes(&all));
    buffer_done(&all);
    return hash;
}

Status unpack_folder(Cli *cli, const char *folder, const char *directory) {
    size_t folder_bytes = strlen(folder);
    for (uint32_t i = 0; i < EMBEDDED_FILE_COUNT; i++) {
        const EmbeddedFile *file = &EMBEDDED_FILES[i];
        if (strncmp(file->path, folder, folder_bytes) != 0) continue;
        if (file->path[folder_bytes] != '/') continue;
        const char *below = file->path + folder_bytes + 1;
        if (strcmp(below, ".template.json") == 0) continue;
        Status status = unpack_write(cli, path_join(cli, directory, below),
                                     bytes_of(file->data, file->count));
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

Status unpack_write(Cli *cli, const char *path, Bytes bytes) {
    Error error;
    const char *slash = strrchr(path, '/');
    Status status = STATUS_OK;
    if (slash != NULL && slash != path) {
        const char *parent = arena_copy_text(&cli->arena, bytes_of(path, (size_t)(slash - path)));
        status = cli->os->directory_create(cli->os, parent, &error);
    }
    if (status == STATUS_OK) status = os_file_replace(cli->os, path, bytes, &error);
    return status == STATUS_OK ? STATUS_OK : cli_fail_error(cli, &error);
}

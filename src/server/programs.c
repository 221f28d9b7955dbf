// programs.c - see programs.h.

#include "server/programs.h"

#include <stdio.h>

static void program_path(const char *directory, const Hash *hash,
                         char ret_folder[OS_PATH_BYTES_MAX], char ret_path[OS_PATH_BYTES_MAX]);

Status program_store(Os *os, const char *directory, const Hash *hash, Bytes program, Error *error) {
    char folder[OS_PATH_BYTES_MAX];
    char path[OS_PATH_BYTES_MAX];
    program_path(directory, hash, folder, path);
    if (os_path_exists(os, path)) return STATUS_OK;
    Status status = os->directory_create(os, folder, error);
    if (status == STATUS_OK) status = os->directory_sync(os, directory, error);
    return status == STATUS_OK ? os_file_replace(os, path, program, error) : status;
}

Status program_load(Os *os, const char *directory, const Hash *hash, Arena *arena,
                    Bytes *ret_program, Error *error) {
    char folder[OS_PATH_BYTES_MAX];
    char path[OS_PATH_BYTES_MAX];
    char hex[65];
    program_path(directory, hash, folder, path);
    hash_to_hex(hash, hex);
    if (!os_path_exists(os, path)) {
        return error_set(error, STATUS_NOT_FOUND, "program %s not found", hex);
    }
    Bytes program;
    Status status = os_file_read_all(os, path, MODULE_PROGRAM_BYTES_MAX, arena, &program, error);
    if (status != STATUS_OK) return status;
    Hash found = hash_keccak256(program);
    if (!hash_equal(&found, hash)) {
        Error ignored;
        (void)os->remove(os, path, &ignored);  // damaged: it counts as absent either way
        return error_set(error, STATUS_NOT_FOUND, "program %s not found", hex);
    }
    *ret_program = program;
    return STATUS_OK;
}

static void program_path(const char *directory, const Hash *hash,
                         char ret_folder[OS_PATH_BYTES_MAX], char ret_path[OS_PATH_BYTES_MAX]) {
    char hex[65];
    hash_to_hex(hash, hex);
    int folder_bytes = snprintf(ret_folder, OS_PATH_BYTES_MAX, "%s/%.2s", directory, hex);
    int path_bytes = snprintf(ret_path, OS_PATH_BYTES_MAX, "%s/%.2s/%s", directory, hex, hex + 2);
    ASSERT(folder_bytes < (int)OS_PATH_BYTES_MAX && path_bytes < (int)OS_PATH_BYTES_MAX);
}

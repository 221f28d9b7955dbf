// os.c - the machine's own Os (Linux), and the helpers that work over any.
//
// A call that a signal interrupted is repeated, except close and sync: after a failed sync the kernel may
// have dropped the data, and trying again would report a success that is none.
#include "base/os.h"

#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MODE 0666
#define DIRECTORY_MODE 0777

static const int OPEN_FLAGS[] = {
    [OS_OPEN_READ] = O_RDONLY | O_CLOEXEC,
    [OS_OPEN_READ_WRITE] = O_RDWR | O_CLOEXEC,
    [OS_OPEN_CREATE] = O_RDWR | O_CREAT | O_CLOEXEC,
    [OS_OPEN_CREATE_NEW] = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
};

static Status os_fail(Error *error, int error_number, const char *what, const char *path);
static Status os_full(Error *error, int error_number);
static Status real_directory_create_one(const char *path, Error *error);
static bool real_is_directory(int directory, const struct dirent *entry);
static Status os_temporary_path(Os *os, const char *path, char ret_path[OS_PATH_BYTES_MAX],
                                Error *error);
static Status os_file_write_new(Os *os, const char *path, Bytes bytes, Error *error);
static Status os_directory_of(const char *path, char ret_path[OS_PATH_BYTES_MAX], Error *error);

// ---- time and randomness ----

static int64_t real_time_micros(Os *os) {
    (void)os;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t real_monotonic_nanos(Os *os) {
    (void)os;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void real_random(Os *os, void *bytes, size_t count) {
    (void)os;
    uint8_t *at = bytes;
    while (count > 0) {
        ssize_t got = getrandom(at, count, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) assert_failed(__FILE__, __LINE__, "getrandom");
        at += got;
        count -= (size_t)got;
    }
}

// ---- files ----

static Status real_file_open(Os *os, const char *path, OsOpen how, File *ret_file, Error *error) {
    (void)os;
    int descriptor;
    do {
        descriptor = open(path, OPEN_FLAGS[how], FILE_MODE);
    } while (descriptor < 0 && errno == EINTR);
    if (descriptor < 0) return os_fail(error, errno, "open", path);
    *ret_file = (File){descriptor};
    return STATUS_OK;
}

static void real_file_close(Os *os, File file) {
    (void)os;
    close(file.descriptor);  // what must be on the disk was synced before
}

static Status real_file_read(Os *os, File file, uint64_t at, void *bytes, size_t count,
                             Error *error) {
    (void)os;
    size_t done = 0;
    while (done < count) {
        ssize_t got = pread(file.descriptor, (uint8_t *)bytes + done, count - done,
                            (off_t)(at + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            return error_set_errno(error, errno, "read of %zu bytes at %llu", count,
                                   (unsigned long long)at);
        }
        if (got == 0) {
            return error_set(error, STATUS_CORRUPT,
                             "read of %zu bytes at %llu: the file ends after %zu", count,
                             (unsigned long long)at, done);
        }
        done += (size_t)got;
    }
    return STATUS_OK;
}

static Status real_file_write(Os *os, File file, uint64_t at, const void *bytes, size_t count,
                              Error *error) {
    (void)os;
    size_t done = 0;
    while (done < count) {
        ssize_t put = pwrite(file.descriptor, (const uint8_t *)bytes + done, count - done,
                             (off_t)(at + done));
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) {
            int failure = put < 0 ? errno : EIO;
            (void)error_set_errno(error, failure, "write of %zu bytes at %llu", count,
                                  (unsigned long long)at);
            return os_full(error, failure);
        }
        done += (size_t)put;
    }
    return STATUS_OK;
}

static Status real_file_size(Os *os, File file, uint64_t *ret_size, Error *error) {
    (void)os;
    struct stat info;
    if (fstat(file.descriptor, &info) != 0) return error_set_errno(error, errno, "size");
    *ret_size = (uint64_t)info.st_size;
    return STATUS_OK;
}

static Status real_file_truncate(Os *os, File file, uint64_t size, Error *error) {
    (void)os;
    int failure;
    do {
        failure = ftruncate(file.descriptor, (off_t)size);
    } while (failure != 0 && errno == EINTR);
    if (failure == 0) return STATUS_OK;
    failure = errno;
    (void)error_set_errno(error, failure, "truncate to %llu", (unsigned long long)size);
    return os_full(error, failure);
}

static Status real_file_sync(Os *os, File file, Error *error) {
    (void)os;
    if (fdatasync(file.descriptor) != 0) return error_set_errno(error, errno, "sync");
    return STATUS_OK;
}

// ---- names ----

static Status real_rename(Os *os, const char *from, const char *to, Error *error) {
    (void)os;
    if (rename(from, to) != 0) return os_fail(error, errno, "rename", from);
    return STATUS_OK;
}

static Status real_link(Os *os, const char *from, const char *to, Error *error) {
    (void)os;
    if (link(from, to) != 0) return os_fail(error, errno, "link", to);
    return STATUS_OK;
}

static Status real_remove(Os *os, const char *path, Error *error) {
    (void)os;
    if (remove(path) != 0) return os_fail(error, errno, "remove", path);
    return STATUS_OK;
}

static Status real_directory_create(Os *os, const char *path, Error *error) {
    (void)os;
    char part[OS_PATH_BYTES_MAX];
    size_t count = strlen(path);
    if (count >= sizeof part) {
        return error_set(error, STATUS_LIMIT, "path of %zu bytes is too long", count);
    }
    memcpy(part, path, count + 1);
    for (size_t i = 1; i < count; i++) {
        if (part[i] != '/') continue;
        part[i] = 0;
        Status status = real_directory_create_one(part, error);
        if (status != STATUS_OK) return status;
        part[i] = '/';
    }
    return real_directory_create_one(part, error);
}

static Status real_directory_create_one(const char *path, Error *error) {
    if (mkdir(path, DIRECTORY_MODE) == 0) return STATUS_OK;
    int failure = errno;
    struct stat info;
    // Whatever mkdir says of a parent (EACCES, EROFS): a directory that is there is fine.
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) return STATUS_OK;
    return os_fail(error, failure, "create directory", path);
}

static Status real_directory_sync(Os *os, const char *path, Error *error) {
    (void)os;
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return os_fail(error, errno, "open directory", path);
    Status status = STATUS_OK;
    if (fsync(descriptor) != 0) status = error_set_errno(error, errno, "sync directory %s", path);
    close(descriptor);
    return status;
}

static Status real_directory_list(Os *os, const char *path, OsListEntry entry, void *user,
                                  Error *error) {
    (void)os;
    DIR *directory = opendir(path);
    if (directory == NULL) return os_fail(error, errno, "list", path);
    int descriptor = dirfd(directory);
    ASSERT(descriptor >= 0);  // fails only for streams that are not open
    Status status = STATUS_OK;
    for (;;) {
        errno = 0;
        const struct dirent *item = readdir(directory);
        if (item == NULL) {
            if (errno != 0) status = os_fail(error, errno, "list", path);
            break;
        }
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0) continue;
        entry(user, item->d_name, real_is_directory(descriptor, item));
    }
    closedir(directory);
    return status;
}

static bool real_is_directory(int directory, const struct dirent *entry) {
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK) return entry->d_type == DT_DIR;
    struct stat info;
    return fstatat(directory, entry->d_name, &info, 0) == 0 && S_ISDIR(info.st_mode);
}

// The status of a call that takes room, whose text is set.
static Status os_full(Error *error, int error_number) {
    Status status = error_number == ENOSPC || error_number == EDQUOT ? STATUS_FULL : STATUS_IO;
    if (error != NULL) error->status = status;
    return status;
}

static Status os_fail(Error *error, int error_number, const char *what, const char *path) {
    (void)error_set_errno(error, error_number, "%s %s", what, path);
    Status status = os_full(error, error_number);
    if (error_number == ENOENT || error_number == ENOTDIR) status = STATUS_NOT_FOUND;
    if (error_number == EEXIST || error_number == ENOTEMPTY) status = STATUS_CONFLICT;
    if (error != NULL) error->status = status;
    return status;
}

Os *os_real(void) {
    static Os real = {
        .time_micros = real_time_micros,
        .monotonic_nanos = real_monotonic_nanos,
        .random = real_random,
        .file_open = real_file_open,
        .file_close = real_file_close,
        .file_read = real_file_read,
        .file_write = real_file_write,
        .file_size = real_file_size,
        .file_truncate = real_file_truncate,
        .file_sync = real_file_sync,
        .rename = real_rename,
        .link = real_link,
        .remove = real_remove,
        .directory_create = real_directory_create,
        .directory_sync = real_directory_sync,
        .directory_list = real_directory_list,
    };
    return &real;
}

// ---- helpers over the table ----

void os_file_close(Os *os, File file) {
    if (file.descriptor != FILE_NONE.descriptor) os->file_close(os, file);
}

Status os_file_read_all(Os *os, const char *path, size_t bytes_max, Arena *arena, Bytes *ret_bytes,
                        Error *error) {
    File file = FILE_NONE;
    uint64_t size = 0;
    uint8_t *bytes = NULL;
    Status status = os->file_open(os, path, OS_OPEN_READ, &file, error);
    if (status != STATUS_OK) return status;  // names the path itself
    status = os->file_size(os, file, &size, error);
    if (status != STATUS_OK) goto done;
    if (size > bytes_max || size > UINT32_MAX) {
        status = error_set(error, STATUS_LIMIT, "%llu bytes are more than %zu",
                           (unsigned long long)size, bytes_max);
        goto done;
    }
    bytes = arena_alloc(arena, (size_t)size);
    status = os->file_read(os, file, 0, bytes, (size_t)size, error);
    if (status == STATUS_OK) *ret_bytes = bytes_of(bytes, (size_t)size);
done:
    if (status != STATUS_OK) error_prefix(error, "%s: ", path);
    os_file_close(os, file);
    return status;
}

Status os_file_replace(Os *os, const char *path, Bytes bytes, Error *error) {
    char temporary[OS_PATH_BYTES_MAX];
    char directory[OS_PATH_BYTES_MAX];
    Status status = os_directory_of(path, directory, error);
    if (status != STATUS_OK) return status;
    status = os_temporary_path(os, path, temporary, error);
    if (status != STATUS_OK) return status;
    status = os_file_write_new(os, temporary, bytes, error);
    if (status != STATUS_OK) return status;
    status = os->rename(os, temporary, path, error);
    if (status != STATUS_OK) {
        (void)os->remove(os, temporary, NULL);  // the first failure is the one to report
        return status;
    }
    return os->directory_sync(os, directory, error);
}

// A name beside `path` that nobody else uses, so that two replacements at once do not mix.
static Status os_temporary_path(Os *os, const char *path, char ret_path[OS_PATH_BYTES_MAX],
                                Error *error) {
    uint64_t random = 0;
    os->random(os, &random, sizeof random);
    int count = snprintf(ret_path, OS_PATH_BYTES_MAX, "%s.%016llx.tmp", path,
                         (unsigned long long)random);
    if (count < 0 || (size_t)count >= OS_PATH_BYTES_MAX) {
        return error_set(error, STATUS_LIMIT, "path of %zu bytes is too long", strlen(path));
    }
    return STATUS_OK;
}

// Creates the file and leaves it synced, or leaves none.
static Status os_file_write_new(Os *os, const char *path, Bytes bytes, Error *error) {
    File file = FILE_NONE;
    Status status = os->file_open(os, path, OS_OPEN_CREATE_NEW, &file, error);
    if (status != STATUS_OK) return status;
    status = os->file_write(os, file, 0, bytes.data, bytes.count, error);
    if (status == STATUS_OK) status = os->file_sync(os, file, error);
    os_file_close(os, file);
    if (status != STATUS_OK) {
        error_prefix(error, "%s: ", path);
        (void)os->remove(os, path, NULL);  // the first failure is the one to report
    }
    return status;
}

static Status os_directory_of(const char *path, char ret_path[OS_PATH_BYTES_MAX], Error *error) {
    const char *slash = strrchr(path, '/');
    size_t count = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (count >= OS_PATH_BYTES_MAX) {
        return error_set(error, STATUS_LIMIT, "path of %zu bytes is too long", strlen(path));
    }
    memcpy(ret_path, count == 0 ? "." : path, count == 0 ? 1 : count);
    ret_path[count == 0 ? 1 : count] = 0;
    return STATUS_OK;
}

bool os_path_exists(Os *os, const char *path) {
    File file = FILE_NONE;
    Status status = os->file_open(os, path, OS_OPEN_READ, &file, NULL);
    os_file_close(os, file);
    return status != STATUS_NOT_FOUND;
}

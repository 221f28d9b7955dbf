// os_test.c - the machine's Os on a directory of its own, and the helpers under an Os that fails at the 1st,
// 2nd ... nth call until a run passes untouched.
#include "base/os.h"

#include "base/limits.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

// A path in the test's directory, as long-lived as the test program.
static const char *in_root(const char *name) {
    static char paths[100][128];
    static uint32_t count;
    assert_true(count < 100);
    char *path = paths[count++];
    snprintf(path, sizeof paths[0], "%s/%s", root, name);
    return path;
}

static int enter(void **state) {
    (void)state;
    strcpy(root, "/tmp/os_test_XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int leave(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static void must(Status status, const Error *error) {
    if (status != STATUS_OK) fail_msg("%s", error->text);
}

// ---- the table ----

static void test_clocks(void **state) {
    (void)state;
    Os *os = os_real();
    assert_ptr_equal(os, os_real());
    assert_true(os->time_micros(os) > 1700000000000000);
    assert_true(os->time_micros(os) < 10000000000000000);
    int64_t start = os->monotonic_nanos(os);
    usleep(2000);
    int64_t passed = os->monotonic_nanos(os) - start;
    assert_true(passed >= 2000000);
}

static void test_random(void **state) {
    (void)state;
    Os *os = os_real();
    uint8_t a[1000] = {0};
    uint8_t b[1000] = {0};
    os->random(os, a, sizeof a);
    os->random(os, b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    uint32_t zeros = 0;
    for (size_t i = 0; i < sizeof a; i++) zeros += a[i] == 0;
    assert_true(zeros < 50);
    os->random(os, a, 0);
}

static void test_open_ways(void **state) {
    (void)state;
    Os *os = os_real();
    Error error;
    File file = FILE_NONE;
    const char *path = in_root("ways");
    assert_int_equal(os->file_open(os, path, OS_OPEN_READ, &file, &error), STATUS_NOT_FOUND);
    assert_int_equal(error.status, STATUS_NOT_FOUND);
    assert_non_null(strstr(error.text, path));
    assert_non_null(strstr(error.text, "No such file"));
    assert_int_equal(os->file_open(os, path, OS_OPEN_READ_WRITE, &file, &error), STATUS_NOT_FOUND);
    assert_int_equal(file.descriptor, -1);
    must(os->file_open(os, path, OS_OPEN_CREATE_NEW, &file, &error), &error);
    must(os->file_write(os, file, 0, "kept", 4, &error), &error);
    assert_true(fcntl(file.descriptor, F_GETFD) & FD_CLOEXEC);
    os_file_close(os, file);
    assert_int_equal(os->file_open(os, path, OS_OPEN_CREATE_NEW, &file, &error), STATUS_CONFLICT);
    must(os->file_open(os, path, OS_OPEN_CREATE, &file, &error), &error);
    uint64_t size = 0;
    must(os->file_size(os, file, &size, &error), &error);
    assert_int_equal(size, 4);
    os_file_close(os, file);
    must(os->file_open(os, path, OS_OPEN_READ, &file, &error), &error);
    assert_int_equal(os->file_write(os, file, 0, "x", 1, &error), STATUS_IO);
    os_file_close(os, file);
    assert_int_equal(os->file_open(os, in_root("ways/below"), OS_OPEN_READ, &file, NULL),
                     STATUS_NOT_FOUND);
    assert_int_equal(os->file_open(os, root, OS_OPEN_READ_WRITE, &file, NULL), STATUS_IO);
    os_file_close(os, FILE_NONE);
}

static void test_ranges(void **state) {
    (void)state;
    Os *os = os_real();
    Error error;
    File file = FILE_NONE;
    must(os->file_open(os, in_root("ranges"), OS_OPEN_CREATE, &file, &error), &error);
    must(os->file_write(os, file, 100, "0123456789", 10, &error), &error);
    char text[11] = {0};
    must(os->file_read(os, file, 100, text, 10, &error), &error);
    assert_string_equal(text, "0123456789");
    must(os->file_read(os, file, 0, text, 10, &error), &error);
    for (int i = 0; i < 10; i++) assert_int_equal(text[i], 0);
    assert_int_equal(os->file_read(os, file, 101, text, 10, &error), STATUS_CORRUPT);
    assert_int_equal(os->file_read(os, file, 1000, text, 1, &error), STATUS_CORRUPT);
    must(os->file_read(os, file, 1000, text, 0, &error), &error);
    must(os->file_sync(os, file, &error), &error);
    must(os->file_truncate(os, file, 105, &error), &error);
    uint64_t size = 0;
    must(os->file_size(os, file, &size, &error), &error);
    assert_int_equal(size, 105);
    os_file_close(os, file);
    File closed = {1000};
    assert_int_equal(os->file_sync(os, closed, &error), STATUS_IO);
    assert_int_equal(os->file_size(os, closed, &size, &error), STATUS_IO);
    assert_int_equal(os->file_truncate(os, closed, 0, &error), STATUS_IO);
    assert_int_equal(os->file_read(os, closed, 0, text, 1, &error), STATUS_IO);
}

// Linux has a file that never has room.
static void test_full(void **state) {
    (void)state;
    Os *os = os_real();
    Error error;
    File file = FILE_NONE;
    must(os->file_open(os, "/dev/full", OS_OPEN_READ_WRITE, &file, &error), &error);
    assert_int_equal(os->file_write(os, file, 0, "x", 1, &error), STATUS_FULL);
    assert_int_equal(error.status, STATUS_FULL);
    os_file_close(os, file);
}

typedef struct Listing {
    uint32_t files;
    uint32_t directories;
    char names[512];
} Listing;

static void list_entry(void *user, const char *name, bool is_directory) {
    Listing *listing = user;
    if (is_directory) listing->directories++;
    if (!is_directory) listing->files++;
    strcat(listing->names, name);
    strcat(listing->names, " ");
}

static void test_directories(void **state) {
    (void)state;
    Os *os = os_real();
    Error error;
    File file = FILE_NONE;
    must(os->directory_create(os, in_root("a/b/c"), &error), &error);
    must(os->directory_create(os, in_root("a/b/c"), &error), &error);  // there already
    must(os->directory_create(os, in_root("a/b//d/"), &error), &error);
    must(os->file_open(os, in_root("a/b/file"), OS_OPEN_CREATE, &file, &error), &error);
    os_file_close(os, file);
    assert_int_equal(symlink(in_root("a/b/c"), in_root("a/b/link")), 0);
    must(os->directory_sync(os, in_root("a/b"), &error), &error);
    Listing listing = {0};
    must(os->directory_list(os, in_root("a/b"), list_entry, &listing, &error), &error);
    assert_int_equal(listing.directories, 3);  // c, d, and the link to one
    assert_int_equal(listing.files, 1);
    assert_non_null(strstr(listing.names, "file "));
    assert_int_equal(os->directory_list(os, in_root("none"), list_entry, &listing, &error),
                     STATUS_NOT_FOUND);
    assert_int_equal(os->directory_sync(os, in_root("none"), &error), STATUS_NOT_FOUND);
    assert_int_equal(os->directory_create(os, in_root("a/b/file"), &error), STATUS_CONFLICT);
    assert_int_equal(os->directory_create(os, in_root("a/b/file/x"), &error), STATUS_CONFLICT);
    char long_path[OS_PATH_BYTES_MAX + 1];
    memset(long_path, '/', sizeof long_path);
    long_path[OS_PATH_BYTES_MAX - 1] = 0;
    must(os->directory_create(os, long_path, &error), &error);  // many times the root directory
    long_path[OS_PATH_BYTES_MAX - 1] = '/';
    long_path[OS_PATH_BYTES_MAX] = 0;
    assert_int_equal(os->directory_create(os, long_path, &error), STATUS_LIMIT);
}

static void test_rename_and_remove(void **state) {
    (void)state;
    Os *os = os_real();
    Error error;
    File file = FILE_NONE;
    must(os->file_open(os, in_root("old"), OS_OPEN_CREATE, &file, &error), &error);
    os_file_close(os, file);
    assert_true(os_path_exists(os, in_root("old")));
    must(os->rename(os, in_root("old"), in_root("new"), &error), &error);
    assert_false(os_path_exists(os, in_root("old")));
    assert_true(os_path_exists(os, in_root("new")));
    assert_int_equal(os->rename(os, in_root("old"), in_root("new"), &error), STATUS_NOT_FOUND);
    must(os->remove(os, in_root("new"), &error), &error);
    assert_int_equal(os->remove(os, in_root("new"), &error), STATUS_NOT_FOUND);
    must(os->file_open(os, in_root("old"), OS_OPEN_CREATE, &file, &error), &error);
    os_file_close(os, file);
    must(os->link(os, in_root("old"), in_root("twin"), &error), &error);
    assert_int_equal(os->link(os, in_root("old"), in_root("twin"), &error), STATUS_CONFLICT);
    must(os->remove(os, in_root("old"), &error), &error);
    assert_true(os_path_exists(os, in_root("twin")));
    assert_int_equal(os->link(os, in_root("old"), in_root("other"), &error), STATUS_NOT_FOUND);
    must(os->remove(os, in_root("twin"), &error), &error);
    must(os->directory_create(os, in_root("full/part"), &error), &error);
    assert_true(os_path_exists(os, in_root("full")));
    assert_int_equal(os->remove(os, in_root("full"), &error), STATUS_CONFLICT);
    must(os->remove(os, in_root("full/part"), &error), &error);
    must(os->remove(os, in_root("full"), &error), &error);
}

// ---- the helpers, with faults ----

// An Os that passes everything on but fails its call number fails_at.
typedef struct FaultyOs {
    Os os;
    uint32_t calls;
    uint32_t fails_at;
} FaultyOs;

static bool faulty_now(Os *os) {
    FaultyOs *faulty = os->user;
    return ++faulty->calls == faulty->fails_at;
}

static Status faulty_open(Os *os, const char *path, OsOpen how, File *ret_file, Error *error) {
    if (faulty_now(os)) return error_set(error, STATUS_IO, "injected");
    return os_real()->file_open(os_real(), path, how, ret_file, error);
}

static Status faulty_read(Os *os, File file, uint64_t at, void *bytes, size_t count, Error *error) {
    if (faulty_now(os)) return error_set(error, STATUS_IO, "injected");
    return os_real()->file_read(os_real(), file, at, bytes, count, error);
}

static Status faulty_write(Os *os, File file, uint64_t at, const void *bytes, size_t count,
                           Error *error) {
    if (faulty_now(os)) {  // a torn write: half of it arrives
        (void)os_real()->file_write(os_real(), file, at, bytes, count / 2, error);
        return error_set(error, STATUS_IO, "injected");
    }
    return os_real()->file_write(os_real(), file, at, bytes, count, error);
}

static Status faulty_size(Os *os, File file, uint64_t *ret_size, Error *error) {
    if (faulty_now(os)) return error_set(error, STATUS_IO, "injected");
    return os_real()->file_size(os_real(), file, ret_size, error);
}

static Status faulty_sync(Os *os, File file, Error *error) {
    if (faulty_now(os)) return error_set(error, STATUS_IO, "injected");
    return os_real()->file_sync(os_real(), file, error);
}

static Status faulty_rename(Os *os, const char *from, const char *to, Error *error) {
    if (faulty_now(os)) return error_set(error, STATUS_IO, "injected");
    return os_real()->rename(os_real(), from, to, error);
}

static Status faulty_directory_sync(Os *os, const char *path, Error *error) {
    if (faulty_now(os)) return error_set(error, STATUS_IO, "injected");
    return os_real()->directory_sync(os_real(), path, error);
}

static void faulty_init(FaultyOs *faulty, uint32_t fails_at) {
    *faulty = (FaultyOs){.os = *os_real(), .fails_at = fails_at};
    faulty->os.user = faulty;
    faulty->os.file_open = faulty_open;
    faulty->os.file_read = faulty_read;
    faulty->os.file_write = faulty_write;
    faulty->os.file_size = faulty_size;
    faulty->os.file_sync = faulty_sync;
    faulty->os.rename = faulty_rename;
    faulty->os.directory_sync = faulty_directory_sync;
}

static bool file_is(const char *path, const char *text) {
    Arena arena;
    arena_init(&arena, 1 << 20);
    Bytes bytes = BYTES_NONE;
    Error error;
    must(os_file_read_all(os_real(), path, 1 << 16, &arena, &bytes, &error), &error);
    bool same = bytes_equal_text(bytes, text);
    arena_done(&arena);
    return same;
}

static void test_replace(void **state) {
    (void)state;
    Error error;
    Os *os = os_real();
    must(os->directory_create(os, in_root("replace"), &error), &error);
    const char *path = in_root("replace/it");
    must(os_file_replace(os, path, BYTES_LITERAL("one"), &error), &error);
    assert_true(file_is(path, "one"));
    must(os_file_replace(os, path, BYTES_NONE, &error), &error);
    assert_true(file_is(path, ""));
    assert_int_equal(os_file_replace(os, in_root("none/it"), BYTES_NONE, &error), STATUS_NOT_FOUND);
    Listing listing = {0};
    must(os->directory_list(os, in_root("replace"), list_entry, &listing, &error), &error);
    assert_string_equal(listing.names, "it ");
}

static void test_replace_in_the_working_directory(void **state) {
    (void)state;
    Error error;
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(root), 0);
    must(os_file_replace(os_real(), "bare", BYTES_LITERAL("name"), &error), &error);
    assert_true(file_is("bare", "name"));
    assert_int_equal(chdir(before), 0);
}

static void test_replace_is_all_or_nothing(void **state) {
    (void)state;
    Error error;
    Os *os = os_real();
    const char *directory = in_root("atomic");
    must(os->directory_create(os, directory, &error), &error);
    const char *path = in_root("atomic/it");
    must(os_file_replace(os, path, BYTES_LITERAL("old content"), &error), &error);
    uint32_t fails_at = 1;
    for (;; fails_at++) {
        FaultyOs faulty;
        faulty_init(&faulty, fails_at);
        Status status = os_file_replace(&faulty.os, path, BYTES_LITERAL("new content"), &error);
        Listing listing = {0};
        must(os->directory_list(os, directory, list_entry, &listing, &error), &error);
        assert_string_equal(listing.names, "it ");  // no rubbish beside it
        if (status == STATUS_OK) break;
        assert_int_equal(status, STATUS_IO);
        // The last call is the directory's sync: the new name is there, only its permanence is not promised.
        bool renamed = fails_at == 5;
        assert_true(file_is(path, renamed ? "new content" : "old content"));
        must(os_file_replace(os, path, BYTES_LITERAL("old content"), &error), &error);
    }
    assert_int_equal(fails_at,
                     6);  // open, write, sync, rename, sync of the directory; then no fault
    assert_true(file_is(path, "new content"));
}

static void test_read_all_limit_and_faults(void **state) {
    (void)state;
    Error error;
    Arena arena;
    arena_init(&arena, 1 << 20);
    Bytes bytes = BYTES_NONE;
    const char *path = in_root("read");
    must(os_file_replace(os_real(), path, BYTES_LITERAL("12345678"), &error), &error);
    must(os_file_read_all(os_real(), path, 8, &arena, &bytes, &error), &error);
    assert_true(bytes_equal_text(bytes, "12345678"));
    bytes = BYTES_NONE;
    assert_int_equal(os_file_read_all(os_real(), path, 7, &arena, &bytes, &error), STATUS_LIMIT);
    assert_non_null(strstr(error.text, path));
    assert_null(bytes.data);
    assert_int_equal(os_file_read_all(os_real(), in_root("none"), 7, &arena, &bytes, &error),
                     STATUS_NOT_FOUND);
    uint32_t fails_at = 1;
    for (;; fails_at++) {
        FaultyOs faulty;
        faulty_init(&faulty, fails_at);
        if (os_file_read_all(&faulty.os, path, 8, &arena, &bytes, &error) == STATUS_OK) break;
        assert_int_equal(error.status, STATUS_IO);
        assert_null(bytes.data);
    }
    assert_int_equal(fails_at, 4);
    arena_done(&arena);
}

static void test_path_too_long(void **state) {
    (void)state;
    Error error;
    char path[OS_PATH_BYTES_MAX + 10];
    memset(path, 'a', sizeof path);
    path[OS_PATH_BYTES_MAX - 5] = 0;  // the temporary name would not fit
    assert_int_equal(os_file_replace(os_real(), path, BYTES_NONE, &error), STATUS_LIMIT);
    memset(path, '/', OS_PATH_BYTES_MAX + 5);
    path[OS_PATH_BYTES_MAX + 5] = 0;
    assert_int_equal(os_file_replace(os_real(), path, BYTES_NONE, &error), STATUS_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_open_ways),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_directories),
        cmocka_unit_test(test_rename_and_remove),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_replace_in_the_working_directory),
        cmocka_unit_test(test_replace_is_all_or_nothing),
        cmocka_unit_test(test_read_all_limit_and_faults),
        cmocka_unit_test(test_path_too_long),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}

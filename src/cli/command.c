// command.c - the tools that every command uses: texts, errors, prompts, paths.
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static Bytes format_text(Arena *arena, const char *format, va_list arguments);
static void fault_push(Cli *cli, Bytes text);

const char *cli_text(Cli *cli, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    Bytes text = format_text(&cli->arena, format, arguments);
    va_end(arguments);
    return (const char *)text.data;
}

Status cli_fail(Cli *cli, Status status, const char *format, ...) {
    ASSERT(status != STATUS_OK);
    va_list arguments;
    va_start(arguments, format);
    Bytes text = format_text(&cli->arena, format, arguments);
    va_end(arguments);
    cli->fault.count = 0;
    fault_push(cli, text);
    return status;
}

Status cli_fail_error(Cli *cli, const Error *error) {
    return cli_fail(cli, error->status, "%s", error->text);
}

Status cli_wrap(Cli *cli, Status status, const char *format, ...) {
    ASSERT(status != STATUS_OK);
    va_list arguments;
    va_start(arguments, format);
    Bytes text = format_text(&cli->arena, format, arguments);
    va_end(arguments);
    fault_push(cli, text);
    return status;
}

static Bytes format_text(Arena *arena, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int count = vsnprintf(NULL, 0, format, again);
    va_end(again);
    ASSERT(count >= 0);
    char *text = arena_alloc(arena, (size_t)count + 1);
    (void)vsnprintf(text, (size_t)count + 1, format, arguments);
    return bytes_of(text, (size_t)count);
}

// What does not fit is left out: the innermost texts say most.
static void fault_push(Cli *cli, Bytes text) {
    if (cli->fault.count == CLI_FAULT_TEXTS_MAX) return;
    cli->fault.texts[cli->fault.count++] = text;
}

// ---- output and prompts ----

bool cli_print(Bytes bytes) {
    return bytes.count == 0 || fwrite(bytes.data, 1, bytes.count, stdout) == bytes.count;
}

bool cli_confirm(Cli *cli, Asking asking, const char *question) {
    if (asking == ASKING_SKIPPED) {
        puts("Skipping confirmation due to --yes");
        return true;
    }
    printf("%s [y/N]", question);
    fflush(stdout);
    const char *answer = cli_read_line(cli);
    return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}

const char *cli_read_line(Cli *cli) {
    char line[4096];
    if (fgets(line, sizeof line, stdin) == NULL) return "";
    Bytes text = bytes_of_text(line);
    while (text.count > 0 && strchr(" \t\r\n", text.data[text.count - 1]) != NULL) text.count--;
    while (text.count > 0 && strchr(" \t\r\n", text.data[0]) != NULL) {
        text = bytes_slice(text, 1, text.count - 1);
    }
    return arena_copy_text(&cli->arena, text);
}

bool cli_has_colour(int descriptor) {
    const char *refused = getenv("NO_COLOR");
    if (refused != NULL && refused[0] != 0) return false;
    return isatty(descriptor) == 1;
}

// ---- files ----

bool path_is_directory(const char *path) {
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

bool path_is_file(const char *path) {
    struct stat found;
    return stat(path, &found) == 0 && S_ISREG(found.st_mode);
}

const char *path_join(Cli *cli, const char *directory, const char *name) {
    if (name[0] == '/' || directory[0] == 0) return name;
    size_t count = strlen(directory);
    return cli_text(cli, directory[count - 1] == '/' ? "%s%s" : "%s/%s", directory, name);
}

const char *path_clean(Cli *cli, const char *path) {
    size_t count = strlen(path);
    char *clean = arena_alloc(&cli->arena, count + 2);
    size_t used = 0;
    size_t kept = 0;  // up to here it is the root and leading ".."
    if (path[0] == '/') clean[used++] = '/';
    kept = used;
    for (const char *at = path; *at != 0;) {
        size_t part = strcspn(at, "/");
        bool is_parent = part == 2 && at[0] == '.' && at[1] == '.';
        bool is_here = part == 0 || (part == 1 && at[0] == '.');
        if (is_parent && used > kept) {
            while (used > kept && clean[used - 1] != '/') used--;
            if (used > kept) used--;
        } else if (!is_here && !(is_parent && kept > 0 && path[0] == '/')) {
            if (used > 0 && clean[used - 1] != '/') clean[used++] = '/';
            memcpy(clean + used, at, part);
            used += part;
            if (is_parent) kept = used;
        }
        at += part + (at[part] == '/');
    }
    if (used == 0) clean[used++] = '.';
    clean[used] = 0;
    return clean;
}

const char *path_working_directory(Cli *cli) {
    char path[OS_PATH_BYTES_MAX];
    if (getcwd(path, sizeof path) == NULL) return ".";
    return cli_text(cli, "%s", path);
}

Status file_read(Cli *cli, const char *path, size_t bytes_max, Bytes *ret_bytes) {
    Error error;
    Status status = os_file_read_all(cli->os, path, bytes_max, &cli->arena, ret_bytes, &error);
    return status == STATUS_OK ? STATUS_OK : cli_fail_error(cli, &error);
}

// build_c.c - C modules: clang for wasm32 over the module's sources and the SDK's.
//
// The command line is that of docs/modules-in-c.md: `clang @SDK/sdk/c/flags -ISDK/include
// SDK/sdk/c/*.c module/*.c -o module/build/module.wasm`. The SDK is unpacked from the program.
#include "cli/build.h"
#include "cli/process.h"
#include "cli/unpack.h"

#include <stdio.h>
#include <stdlib.h>

// The oldest clang that the SDK is tested with, and the newest whose versioned name is looked for.
#define CLANG_VERSION_MIN 16
#define CLANG_VERSION_MAX 30

static Status find_clang(Cli *cli, const char **ret_clang);
static bool can_compile(Cli *cli, const char *clang);
static bool read_one_line(Cli *cli, const char *program, const char *const *arguments,
                          const char **ret_line);
static Status add_sources(Cli *cli, Words *words, const char *directory);

Status build_c(Cli *cli, const BuildOptions *options, const char **ret_path) {
    const char *clang = NULL;
    const char *sdk = NULL;
    Error error;
    Status status = find_clang(cli, &clang);
    if (status == STATUS_OK) status = unpack_sdk(cli, &sdk);
    if (status != STATUS_OK) return status;
    const char *build_dir = path_join(cli, options->module_dir, "build");
    status = cli->os->directory_create(cli->os, build_dir, &error);
    if (status != STATUS_OK) return cli_fail_error(cli, &error);
    const char *program = path_join(cli, build_dir, "module.wasm");
    Words *words = words_create(cli);
    words_add(words, clang);
    words_add(words, cli_text(cli, "@%s/sdk/c/flags", sdk));
    if (options->profile == BUILD_DEBUG) {
        words_add(words, "-O0");
        words_add(words, "-g");
    }
    words_add(words, cli_text(cli, "-I%s/include", sdk));
    // Logs name the files as the module's author knows them, and the program is the same wherever it
    // was built; clang's own messages keep the whole paths.
    words_add(words, cli_text(cli, "-fmacro-prefix-map=%s/=", options->module_dir));
    words_add(words, cli_text(cli, "-fmacro-prefix-map=%s/=", sdk));
    status = add_sources(cli, words, path_join(cli, sdk, "sdk/c"));
    if (status == STATUS_OK) status = add_sources(cli, words, options->module_dir);
    const char *source_dir = path_join(cli, options->module_dir, "src");
    if (status == STATUS_OK && path_is_directory(source_dir)) {
        status = add_sources(cli, words, source_dir);
    }
    if (status != STATUS_OK) return status;
    words_add(words, "-o");
    words_add(words, program);
    const Process process = {.words = words};
    ProcessResult result = {.exit_code = 1};
    status = process_run(cli, &process, &result);
    if (status != STATUS_OK) return status;
    if (result.exit_code != 0) {
        return cli_fail(cli, STATUS_INVALID,
                        "The module did not compile; clang's messages are above.");
    }
    *ret_path = program;
    return STATUS_OK;
}

static Status add_sources(Cli *cli, Words *words, const char *directory) {
    const char **paths = NULL;
    uint32_t count = 0;
    Status status = build_list_files(cli, directory, ".c", BUILD_FLAT, &paths, &count);
    for (uint32_t i = 0; status == STATUS_OK && i < count; i++) words_add(words, paths[i]);
    return status;
}

// The newest clang-N, else clang, that knows wasm32 and finds its linker.
static Status find_clang(Cli *cli, const char **ret_clang) {
    const char *without_linker = NULL;
    for (int version = CLANG_VERSION_MAX; version >= CLANG_VERSION_MIN - 1; version--) {
        const char *name = version < CLANG_VERSION_MIN ? "clang"
                                                       : cli_text(cli, "clang-%d", version);
        if (program_find(cli, name, 0) == NULL || !can_compile(cli, name)) continue;
        static const char *const LINKER[] = {"--target=wasm32", "-print-prog-name=wasm-ld", NULL};
        const char *linker = NULL;
        if (!read_one_line(cli, name, LINKER, &linker)) continue;
        if (strchr(linker, '/') != NULL || program_find(cli, linker, 0) != NULL) {
            *ret_clang = name;
            return STATUS_OK;
        }
        if (without_linker == NULL) without_linker = name;
    }
    if (without_linker != NULL) {
        return cli_fail(cli, STATUS_NOT_FOUND,
                        "%s is there, but its linker wasm-ld is not. Install lld (Debian: `apt "
                        "install lld-19` for clang-19).",
                        without_linker);
    }
    return cli_fail(
        cli, STATUS_NOT_FOUND,
        "Modules in C need clang %d or newer with its WebAssembly target. Install clang "
        "and lld (Debian: `apt install clang-19 lld-19`).",
        CLANG_VERSION_MIN);
}

// New enough, and with a WebAssembly target, which Apple's does not have.
static bool can_compile(Cli *cli, const char *clang) {
    static const char *const VERSION[] = {"-dumpversion", NULL};
    static const char *const TARGETS[] = {"--print-targets", NULL};
    const char *version = NULL;
    Words *words = words_create(cli);
    words_add(words, clang);
    words_add(words, TARGETS[0]);
    if (!read_one_line(cli, clang, VERSION, &version) || atoi(version) < CLANG_VERSION_MIN) {
        return false;
    }
    const Process process = {.words = words};
    ProcessResult result = {.exit_code = 1};
    if (process_read_quietly(cli, &process, &result) != STATUS_OK || result.exit_code != 0) {
        return false;
    }
    return memmem(result.output.data, result.output.count, "wasm32", 6) != NULL;
}

// The first line of what a program prints; false if it fails.
static bool read_one_line(Cli *cli, const char *program, const char *const *arguments,
                          const char **ret_line) {
    Words *words = words_create(cli);
    words_add(words, program);
    for (; *arguments != NULL; arguments++) words_add(words, *arguments);
    const Process process = {.words = words};
    ProcessResult result = {.exit_code = 1};
    if (process_read_quietly(cli, &process, &result) != STATUS_OK || result.exit_code != 0) {
        return false;
    }
    uint32_t count = 0;
    while (count < result.output.count && result.output.data[count] != '\n') count++;
    *ret_line = arena_copy_text(&cli->arena, bytes_slice(result.output, 0, count));
    return true;
}

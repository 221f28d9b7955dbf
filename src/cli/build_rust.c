// build_rust.c - Rust modules: a look for what cannot work, then cargo.
//
// Where no prebuilt standard library for wasm32 is there but its sources are (Debian's rust-web-src),
// cargo builds it, too: -Zbuild-std, which stable compilers allow with RUSTC_BOOTSTRAP.
#include "cli/build.h"
#include "cli/process.h"
#include "cli/wasm_check.h"

#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#define TARGET "wasm32-unknown-unknown"
// Versions of wasm-ld whose names are looked for.
#define LINKER_VERSION_MIN 14
#define LINKER_VERSION_MAX 30

// A compiler and how it gets a standard library.
typedef struct Toolchain {
    const char *rustc;
    const char *cargo;
    bool builds_std;
} Toolchain;

static Status lint(Cli *cli, const BuildOptions *options);
static uint32_t lint_file(const char *path, Bytes text, Buffer *found);
static bool is_printing(Bytes line);
static Status find_toolchain(Cli *cli, const char *module_dir, Toolchain *ret_toolchain);
static const char *ask_rustc(Cli *cli, const char *rustc, const char *module_dir,
                             const char *question);
static const char *find_linker(Cli *cli);
static Status run_cargo(Cli *cli, const BuildOptions *options, const Toolchain *toolchain,
                        const char **ret_path);
static const char *last_artifact(Cli *cli, Bytes messages);

Status build_rust(Cli *cli, const BuildOptions *options, const char **ret_path) {
    Toolchain toolchain;
    Status status = find_toolchain(cli, options->module_dir, &toolchain);
    if (status == STATUS_OK) status = lint(cli, options);
    if (status == STATUS_OK) status = run_cargo(cli, options, &toolchain, ret_path);
    if (status == STATUS_OK) status = wasm_check(cli, *ret_path);
    return status;
}

// ---- lint ----

static Status lint(Cli *cli, const BuildOptions *options) {
    if (options->lint_dir[0] == 0) {
        printf("Warning: Skipping checks for nonfunctional print statements.\n");
        return STATUS_OK;
    }
    const char *directory = path_join(cli, options->module_dir, options->lint_dir);
    const char **paths = NULL;
    uint32_t count = 0;
    Status status = build_list_files(cli, directory, ".rs", BUILD_DEEP, &paths, &count);
    Buffer found;
    buffer_init(&found, CLI_PROCESS_OUTPUT_BYTES_MAX);
    uint32_t hits = 0;
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        Bytes text = BYTES_NONE;
        status = file_read(cli, paths[i], CLI_SOURCE_BYTES_MAX, &text);
        if (status == STATUS_OK) hits += lint_file(paths[i], text, &found);
    }
    if (status == STATUS_OK && hits > 0) {
        (void)fprintf(stderr, "\nDetected nonfunctional print statements:\n\n%.*s\n",
                      BYTES_FORMAT(buffer_bytes(&found)));
        status = cli_fail(
            cli, STATUS_INVALID,
            "Found %u disallowed print statement(s).\nThese will not be printed from "
            "SpacetimeDB modules.\nIf you need to print something, use the `log` crate "
            "and the `log::info!` macro instead.",
            hits);
    }
    buffer_done(&found);
    return status;
}

static uint32_t lint_file(const char *path, Bytes text, Buffer *found) {
    uint32_t hits = 0;
    uint32_t line = 1;
    for (uint32_t start = 0; start < text.count; line++) {
        uint32_t end = start;
        while (end < text.count && text.data[end] != '\n') end++;
        Bytes words = bytes_slice(text, start, end - start);
        if (is_printing(words)) {
            buffer_append_format(found, "%s:%u: %.*s\n", path, line, BYTES_FORMAT(words));
            hits++;
        }
        start = end + 1;
    }
    return hits;
}

static bool is_printing(Bytes line) {
    static const char *const MACROS[] = {"println!", "print!", "eprintln!", "eprint!", "dbg!"};
    for (size_t i = 0; i < sizeof MACROS / sizeof MACROS[0]; i++) {
        if (memmem(line.data, line.count, MACROS[i], strlen(MACROS[i])) != NULL) return true;
    }
    return false;
}

// ---- toolchain ----

static Status find_toolchain(Cli *cli, const char *module_dir, Toolchain *ret_toolchain) {
    if (program_find(cli, "rustc", 0) == NULL || program_find(cli, "cargo", 0) == NULL) {
        return cli_fail(cli, STATUS_NOT_FOUND,
                        "Modules in Rust need rustc and cargo. Install them from https://rustup.rs "
                        "(Debian: `apt install rustc-web cargo-web rust-web-src lld`).");
    }
    *ret_toolchain = (Toolchain){"rustc", "cargo", false};
    const char *libraries = ask_rustc(cli, "rustc", module_dir, "target-libdir");
    if (libraries != NULL && path_is_directory(libraries)) return STATUS_OK;
    // Any rustc of PATH whose library's sources are there will do; rustup's may hide Debian's.
    const char *rustc = NULL;
    for (uint32_t i = 0; (rustc = program_find(cli, "rustc", i)) != NULL; i++) {
        const char *root = ask_rustc(cli, rustc, module_dir, "sysroot");
        if (root == NULL) continue;
        const char *sources = path_join(cli, root, "lib/rustlib/src/rust/library/Cargo.toml");
        const char *cargo = cli_text(cli, "%.*scargo", (int)(strlen(rustc) - 5), rustc);
        if (!path_is_file(sources) || access(cargo, X_OK) != 0) continue;
        *ret_toolchain = (Toolchain){rustc, cargo, true};
        return STATUS_OK;
    }
    if (program_find(cli, "rustup", 0) != NULL) {
        Words *words = words_create(cli);
        const char *const all[] = {"rustup", "target", "add", TARGET};
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) words_add(words, all[i]);
        const Process process = {.words = words, .directory = module_dir};
        ProcessResult result = {.exit_code = 1};
        Status status = process_run(cli, &process, &result);
        if (status != STATUS_OK || result.exit_code == 0) return status;
    }
    return cli_fail(cli, STATUS_NOT_FOUND,
                    TARGET " target is not installed. Please install it: `rustup target add " TARGET
                           "` (Debian: `apt install rust-web-src`).");
}

// What `rustc --print question` says for wasm32; NULL if it fails.
static const char *ask_rustc(Cli *cli, const char *rustc, const char *module_dir,
                             const char *question) {
    Words *words = words_create(cli);
    const char *const all[] = {rustc, "--print", question, "--target", TARGET};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) words_add(words, all[i]);
    const Process process = {.words = words, .directory = module_dir};
    ProcessResult result = {.exit_code = 1};
    if (process_read_quietly(cli, &process, &result) != STATUS_OK || result.exit_code != 0) {
        return NULL;
    }
    Bytes line = result.output;
    while (line.count > 0 && line.data[line.count - 1] == '\n') line.count--;
    return arena_copy_text(&cli->arena, line);
}

// For compilers without one of their own; NULL: none is there.
static const char *find_linker(Cli *cli) {
    const char *linker = program_find(cli, "wasm-ld", 0);
    for (int version = LINKER_VERSION_MAX; linker == NULL && version >= LINKER_VERSION_MIN;
         version--) {
        linker = program_find(cli, cli_text(cli, "wasm-ld-%d", version), 0);
    }
    return linker;
}

// ---- cargo ----

static Status run_cargo(Cli *cli, const BuildOptions *options, const Toolchain *toolchain,
                        const char **ret_path) {
    Words *words = words_create(cli);
    const char *const all[] = {toolchain->cargo, "build", "--config=net.git-fetch-with-cli=true",
                               "--target=" TARGET, "--message-format=json-render-diagnostics"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) words_add(words, all[i]);
    if (options->profile == BUILD_RELEASE) words_add(words, "--release");
    if (options->features != NULL) {
        words_add(words, cli_text(cli, "--features=%s", options->features));
    }
    const char *environment[] = {NULL, NULL, NULL};
    if (toolchain->builds_std) {
        words_add(words, "-Zbuild-std=std,panic_abort");
        environment[0] = cli_text(cli, "RUSTC=%s", toolchain->rustc);
        environment[1] = "RUSTC_BOOTSTRAP=1";
        const char *linker = find_linker(cli);
        if (linker != NULL) {
            words_add(words, "--config");
            words_add(words, cli_text(cli, "target." TARGET ".linker=\"%s\"", linker));
        }
    }
    const Process process = {
        .words = words, .directory = options->module_dir, .environment = environment};
    ProcessResult result = {.exit_code = 1};
    Status status = process_read(cli, &process, &result);
    if (status != STATUS_OK) return status;
    if (result.exit_code != 0) {
        return cli_fail(cli, STATUS_INVALID,
                        "The module did not compile; cargo's messages are above.");
    }
    *ret_path = last_artifact(cli, result.output);
    if (*ret_path != NULL) return STATUS_OK;
    return cli_fail(
        cli, STATUS_INVALID,
        "cargo built no WebAssembly. The crate needs `[lib] crate-type = [\"cdylib\"]`.");
}

// The file of the last artifact that cargo tells about, one JSON message a line.
static const char *last_artifact(Cli *cli, Bytes messages) {
    const char *path = NULL;
    for (uint32_t start = 0; start < messages.count;) {
        uint32_t end = start;
        while (end < messages.count && messages.data[end] != '\n') end++;
        json_t *message = json_loadb((const char *)messages.data + start, end - start, 0, NULL);
        const char *reason = json_string_value(json_object_get(message, "reason"));
        const char *file = json_string_value(
            json_array_get(json_object_get(message, "filenames"), 0));
        if (reason != NULL && file != NULL && strcmp(reason, "compiler-artifact") == 0) {
            path = cli_text(cli, "%s", file);
        }
        json_decref(message);
        start = end + 1;
    }
    size_t count = path == NULL ? 0 : strlen(path);
    bool is_wasm = count > 5 && strcmp(path + count - 5, ".wasm") == 0;
    return is_wasm ? path : NULL;
}

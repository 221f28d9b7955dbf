// build.c - which language a module is in, and what all languages share: finding files, wasm-opt.
#include "cli/build.h"

#include "base/vec.h"
#include "cli/process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

VEC(PathVec, path_vec, const char *)

static bool has_ending(const char *name, const char *ending);
static bool has_file_with(const char *directory, const char *ending);
static Status collect_files(Cli *cli, const char *directory, const char *ending, BuildDepth depth,
                            PathVec *paths);
static int compare_paths(const void *a, const void *b);
static Status optimise(Cli *cli, const char *path, const char **ret_path);
static Status fail_language(Cli *cli, const char *language, const char *instead);

BuildLanguage build_detect(Cli *cli, const char *module_dir) {
    if (path_is_file(path_join(cli, module_dir, "Cargo.toml"))) return BUILD_RUST;
    if (has_file_with(module_dir, ".csproj")) return BUILD_CSHARP;
    if (path_is_file(path_join(cli, module_dir, "package.json"))) return BUILD_TYPESCRIPT;
    if (path_is_file(path_join(cli, module_dir, "CMakeLists.txt"))) return BUILD_CPP;
    if (has_file_with(module_dir, ".c")) return BUILD_C;
    return BUILD_LANGUAGE_UNKNOWN;
}

Status build_find_module(Cli *cli, const char *given, const char **ret_module_dir) {
    if (given != NULL) {
        *ret_module_dir = given;
        if (path_is_directory(given)) return STATUS_OK;
        const char *format = path_is_file(given)
                                 ? "Fatal Error: path %s exists but is not a directory."
                                 : "Fatal Error: path %s does not exist.";
        return cli_fail(cli, STATUS_NOT_FOUND, format, given);
    }
    static const char *const PLACES[] = {"spacetimedb", "."};
    for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++) {
        if (!path_is_directory(PLACES[i])) continue;
        if (build_detect(cli, PLACES[i]) == BUILD_LANGUAGE_UNKNOWN) continue;
        *ret_module_dir = PLACES[i];
        return STATUS_OK;
    }
    return cli_fail(cli, STATUS_NOT_FOUND,
                    "Could not find a SpacetimeDB module in spacetimedb/ or the current directory. "
                    "Use --module-path to specify the module location.");
}

Status build_module(Cli *cli, const BuildOptions *options, const char **ret_path) {
    BuildLanguage language = build_detect(cli, options->module_dir);
    if (options->features != NULL && language != BUILD_RUST) {
        return cli_fail(cli, STATUS_INVALID,
                        "The --features option is only supported for Rust modules.");
    }
    const char *path = NULL;
    Status status = STATUS_OK;
    switch (language) {
    case BUILD_RUST: status = build_rust(cli, options, &path); break;
    case BUILD_C: status = build_c(cli, options, &path); break;
    case BUILD_CSHARP: return fail_language(cli, "C#", "--bin-path");
    case BUILD_TYPESCRIPT: return fail_language(cli, "TypeScript", "--js-path");
    case BUILD_CPP: return fail_language(cli, "C++", "--bin-path");
    case BUILD_LANGUAGE_UNKNOWN:
        return cli_fail(cli, STATUS_INVALID,
                        "Could not detect the language of the module. Are you in a SpacetimeDB "
                        "project directory?");
    }
    if (status == STATUS_OK && language == BUILD_RUST && options->profile == BUILD_RELEASE) {
        status = optimise(cli, path, &path);
    }
    if (status != STATUS_OK) return status;
    *ret_path = path;
    printf("Build finished successfully.\n");
    return STATUS_OK;
}

static Status fail_language(Cli *cli, const char *language, const char *instead) {
    return cli_fail(cli, STATUS_UNSUPPORTED,
                    "Building %s modules is not offered here. Build it with upstream's `spacetime "
                    "build` and publish the result with %s.",
                    language, instead);
}

Status build_with_words(Cli *cli, const char *module_dir, const char *words,
                        const char **ret_path) {
    static const OptionSpec BUILD_OPTIONS[] = {
        {.name = "lint-dir", .kind = OPTION_VALUE, .value_name = "DIR", .help = ""},
        {.name = "debug", .letter = 'd', .kind = OPTION_FLAG, .help = ""},
        {.name = "features", .kind = OPTION_VALUE, .value_name = "FEATURES", .help = ""},
    };
    static const CommandSpec BUILD = {.name = "build",
                                      .options = BUILD_OPTIONS,
                                      .option_count = sizeof BUILD_OPTIONS / sizeof *BUILD_OPTIONS};
    char *copy = arena_copy_text(&cli->arena, bytes_of_text(words));
    char **items = ARENA_ARRAY(&cli->arena, char *, strlen(words) + 1);
    int count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(copy, " \t\n", &rest); word != NULL;
         word = strtok_r(NULL, " \t\n", &rest)) {
        items[count++] = word;
    }
    Args args;
    Error error = {STATUS_INVALID, "--help makes no sense here"};
    if (args_read(&BUILD, count, items, &cli->arena, &args, &error) != ARGS_OK) {
        (void)cli_fail_error(cli, &error);
        return cli_wrap(cli, STATUS_INVALID, "--build-options");
    }
    const char *lint_dir = args_text(&args, "lint-dir");
    const BuildOptions options = {
        .module_dir = module_dir,
        .lint_dir = lint_dir == NULL ? "src" : lint_dir,
        .features = args_text(&args, "features"),
        .profile = args_has(&args, "debug") ? BUILD_DEBUG : BUILD_RELEASE,
    };
    return build_module(cli, &options, ret_path);
}

// ---- files ----

Status build_list_files(Cli *cli, const char *directory, const char *ending, BuildDepth depth,
                        const char ***ret_paths, uint32_t *ret_count) {
    PathVec paths = {0};
    Status status = collect_files(cli, directory, ending, depth, &paths);
    if (status == STATUS_OK) {
        *ret_paths = ARENA_ARRAY(&cli->arena, const char *, paths.count);
        if (paths.count > 0) {
            memcpy(*ret_paths, paths.items, paths.count * sizeof *paths.items);
            qsort(*ret_paths, paths.count, sizeof **ret_paths, compare_paths);
        }
        *ret_count = paths.count;
    }
    path_vec_done(&paths);
    return status;
}

// Folders that cannot be read have no files.
static Status collect_files(Cli *cli, const char *directory, const char *ending, BuildDepth depth,
                            PathVec *paths) {
    PathVec folders = {0};
    path_vec_push(&folders, directory);
    Status status = STATUS_OK;
    while (folders.count > 0 && status == STATUS_OK) {
        const char *folder = folders.items[--folders.count];
        DIR *open = opendir(folder);
        if (open == NULL) continue;
        for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open)) {
            if (entry->d_name[0] == '.') continue;
            const char *path = path_join(cli, folder, entry->d_name);
            bool is_folder = entry->d_type == DT_DIR;
            if (is_folder && depth == BUILD_DEEP) path_vec_push(&folders, path);
            if (!is_folder && has_ending(entry->d_name, ending)) path_vec_push(paths, path);
        }
        closedir(open);
        if (folders.count > CLI_MODULE_FILES_MAX || paths->count > CLI_MODULE_FILES_MAX) {
            status = cli_fail(cli, STATUS_LIMIT, "%s has more than %u files", directory,
                              CLI_MODULE_FILES_MAX);
        }
    }
    path_vec_done(&folders);
    return status;
}

static int compare_paths(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool has_ending(const char *name, const char *ending) {
    size_t name_bytes = strlen(name);
    size_t ending_bytes = strlen(ending);
    return name_bytes > ending_bytes && strcmp(name + name_bytes - ending_bytes, ending) == 0;
}

static bool has_file_with(const char *directory, const char *ending) {
    DIR *open = opendir(directory);
    if (open == NULL) return false;
    bool is_found = false;
    for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open)) {
        if (entry->d_name[0] != '.' && has_ending(entry->d_name, ending)) is_found = true;
    }
    closedir(open);
    return is_found;
}

// x.wasm -> x.opt.wasm if wasm-opt is there and works; x.wasm stays what is published otherwise.
static Status optimise(Cli *cli, const char *path, const char **ret_path) {
    if (program_find(cli, "wasm-opt", 0) == NULL) {
        (void)fprintf(stderr, "Could not find wasm-opt to optimise the module.\n"
                              "For best performance install `wasm-opt` from "
                              "https://github.com/WebAssembly/binaryen/releases.\n"
                              "Continuing with unoptimised module.\n");
        return STATUS_OK;
    }
    (void)fprintf(stderr, "Optimising module with wasm-opt...\n");
    const char *optimised = cli_text(cli, "%.*s.opt.wasm", (int)(strlen(path) - 5), path);
    Words *words = words_create(cli);
    const char *const all[] = {"wasm-opt", "-all", "-g", "-O2", path, "-o", optimised};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) words_add(words, all[i]);
    const Process process = {.words = words};
    ProcessResult result = {.exit_code = 1};
    if (process_run(cli, &process, &result) == STATUS_OK && result.exit_code == 0) {
        *ret_path = optimised;
    } else {
        (void)fprintf(stderr, "wasm-opt failed. Continuing with unoptimised module.\n");
    }
    return STATUS_OK;
}

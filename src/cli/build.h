// build.h - makes a program out of a module's sources.
//
// Threads    the main thread.
// Lifetime   texts in cli->arena.
// Limits     CLI_MODULE_FILES_MAX, CLI_PROCESS_*.
// Format     spec: cli.md 8.5; docs/modules-in-c.md.
#pragma once

#include "cli/command.h"

typedef enum BuildProfile { BUILD_RELEASE, BUILD_DEBUG } BuildProfile;

typedef enum BuildLanguage {
    BUILD_RUST,
    BUILD_CSHARP,
    BUILD_TYPESCRIPT,
    BUILD_CPP,
    BUILD_C,
    BUILD_LANGUAGE_UNKNOWN,
} BuildLanguage;

typedef struct BuildOptions {
    const char *module_dir;  // exists
    const char *lint_dir;    // below it; "": no lint
    const char *features;    // Rust; NULL: none
    BuildProfile profile;
} BuildOptions;

// By what lies in the directory: Cargo.toml, *.csproj, package.json, CMakeLists.txt, *.c.
BuildLanguage build_detect(Cli *cli, const char *module_dir);
// `given`, which must be a directory, or the module that is in "spacetimedb" or here.
Status build_find_module(Cli *cli, const char *given, const char **ret_module_dir);
// Builds and says so; *ret_path is the program, a wasm file.
Status build_module(Cli *cli, const BuildOptions *options, const char **ret_path);
// The same with the words of `publish --build-options`.
Status build_with_words(Cli *cli, const char *module_dir, const char *words, const char **ret_path);

// ---- one function a language ----

Status build_rust(Cli *cli, const BuildOptions *options, const char **ret_path);
Status build_c(Cli *cli, const BuildOptions *options, const char **ret_path);

// The files below a directory with this ending, sorted by path; *ret_count may be 0.
typedef enum BuildDepth { BUILD_FLAT, BUILD_DEEP } BuildDepth;
Status build_list_files(Cli *cli, const char *directory, const char *ending, BuildDepth depth,
                        const char ***ret_paths, uint32_t *ret_count);

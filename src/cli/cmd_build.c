// cmd_build.c - `build`: compiles a module.
#include "cli/build.h"
#include "cli/commands.h"

static const OptionSpec OPTIONS[] = {
    {.name = "module-path",
     .letter = 'p',
     .kind = OPTION_VALUE,
     .value_name = "DIR",
     .help = "The module's directory [default: spacetimedb, else this one]"},
    {.name = "lint-dir",
     .kind = OPTION_VALUE,
     .value_name = "DIR",
     .help = "Where to look for print statements in Rust modules; empty: nowhere [default: src]"},
    {.name = "debug", .letter = 'd', .kind = OPTION_FLAG, .help = "Build without optimisation"},
    OPTION_DOTNET,
    {.name = "features",
     .kind = OPTION_VALUE,
     .value_name = "FEATURES",
     .is_hidden = true,
     .help = "Cargo features of a Rust module"},
};

static Status run(Cli *cli, const Args *args);

const CommandSpec COMMAND_BUILD = {
    .name = "build",
    .about = "Builds a SpacetimeDB module",
    COMMAND_OPTIONS(OPTIONS),
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    const char *module_dir = NULL;
    Status status = build_find_module(cli, args_text(args, "module-path"), &module_dir);
    if (status != STATUS_OK) return status;
    const char *lint_dir = args_text(args, "lint-dir");
    const BuildOptions options = {
        .module_dir = module_dir,
        .lint_dir = lint_dir == NULL ? "src" : lint_dir,
        .features = args_text(args, "features"),
        .profile = args_has(args, "debug") ? BUILD_DEBUG : BUILD_RELEASE,
    };
    const char *path = NULL;
    return build_module(cli, &options, &path);
}

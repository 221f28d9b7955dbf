// paths.c - the XDG base directories, or everything below one root.
#include "cli/paths.h"

#include <stdlib.h>

static const char *base_directory(Cli *cli, const char *variable, const char *home,
                                  const char *below);

Status paths_find(Cli *cli, const char *root_dir, const char *config_path) {
    Paths *paths = &cli->paths;
    const char *home = getenv("HOME");
    if (home != NULL && home[0] != '/') home = NULL;
    paths->home_dir = home;
    if (root_dir != NULL) {
        paths->config_dir = path_join(cli, root_dir, "config");
        paths->data_dir = path_join(cli, root_dir, "data");
        paths->cache_dir = path_join(cli, root_dir, "cache");
    } else {
        const char *config = base_directory(cli, "XDG_CONFIG_HOME", home, ".config");
        const char *data = base_directory(cli, "XDG_DATA_HOME", home, ".local/share");
        const char *cache = base_directory(cli, "XDG_CACHE_HOME", home, ".cache");
        if (config == NULL || data == NULL || cache == NULL) {
            return cli_fail(
                cli, STATUS_INVALID,
                "HOME is not set, so there is no place for the configuration. Set it, or "
                "pass --root-dir <DIR>.");
        }
        paths->config_dir = path_join(cli, config, "spacetime");
        paths->data_dir = path_join(cli, data, "spacetime/data");
        paths->cache_dir = path_join(cli, cache, "spacetime");
    }
    paths->config_file = config_path != NULL ? config_path
                                             : path_join(cli, paths->config_dir, "cli.toml");
    return STATUS_OK;
}

// The variable counts only if it is absolute, as the XDG specification asks. NULL: no home either.
static const char *base_directory(Cli *cli, const char *variable, const char *home,
                                  const char *below) {
    const char *value = getenv(variable);
    if (value != NULL && value[0] == '/') return cli_text(cli, "%s", value);
    return home == NULL ? NULL : path_join(cli, home, below);
}

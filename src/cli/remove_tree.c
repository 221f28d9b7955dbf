// remove_tree.c - nftw from the leaves up.
#include "cli/remove_tree.h"

#include <ftw.h>
#include <stdio.h>

#define OPEN_DIRECTORIES_MAX 64

static int remove_entry(const char *path, const struct stat *found, int kind, struct FTW *place);

Status remove_tree(Cli *cli, const char *directory) {
    if (nftw(directory, remove_entry, OPEN_DIRECTORIES_MAX, FTW_DEPTH | FTW_PHYS) == 0) {
        return STATUS_OK;
    }
    return cli_fail(cli, STATUS_IO, "%s could not be deleted whole: check its permissions",
                    directory);
}

static int remove_entry(const char *path, const struct stat *found, int kind, struct FTW *place) {
    (void)found;
    (void)kind;
    (void)place;
    return remove(path);
}

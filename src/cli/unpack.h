// unpack.h - writes embedded files to disk: the C SDK into the cache, templates into projects.
//
// Threads    any; processes that unpack at the same time do not disturb each other.
// Lifetime   texts in cli->arena.
// Limits     none: the files are ours.
#pragma once

#include "cli/command.h"

// The folder that has include/spacetime and sdk/c, unpacked if this version's is not there yet.
Status unpack_sdk(Cli *cli, const char **ret_directory);
// Writes the embedded files below `folder` into `directory`, under their paths below it. Files that
// are there are replaced.
Status unpack_folder(Cli *cli, const char *folder, const char *directory);
// Writes one file, making its directories.
Status unpack_write(Cli *cli, const char *path, Bytes bytes);

// tar.h - a directory as a tar archive (POSIX ustar).
//
// Threads    the main thread.
// Limits     names of 255 bytes, files of 8 GiB: the format's.
#pragma once

#include "cli/command.h"

// Writes what is in the directory to a descriptor: files as they are, names from the directory on.
Status tar_write(Cli *cli, const char *directory, int descriptor);

// path.h - names of files within the directories of a log.
//
// Limits     log_open refuses directories that leave less than LOG_NAME_BYTES_MAX for what is in them.
#pragma once

#include "base/os.h"

#include <stdio.h>

// "DIRECTORY/NAME"
static inline void path_join(char ret_path[OS_PATH_BYTES_MAX], const char *directory,
                             const char *name) {
    int count = snprintf(ret_path, OS_PATH_BYTES_MAX, "%s/%s", directory, name);
    ASSERT(count > 0 && (uint32_t)count < OS_PATH_BYTES_MAX);
}

// "PATHENDING"
static inline void path_extend(char ret_path[OS_PATH_BYTES_MAX], const char *path,
                               const char *ending) {
    int count = snprintf(ret_path, OS_PATH_BYTES_MAX, "%s%s", path, ending);
    ASSERT(count > 0 && (uint32_t)count < OS_PATH_BYTES_MAX);
}

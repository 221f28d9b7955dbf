// embedded.h - files of the source tree that are part of the program: the C SDK and the templates.
//
// Threads    any: constants.
// Lifetime   the process's.
// Limits     none. embed.cmake writes the table when the program is built.
#pragma once

#include "base/bytes.h"

typedef struct EmbeddedFile {
    const char *path;  // in the source tree: "include/spacetime/module.h"
    const uint8_t *data;
    uint32_t count;
} EmbeddedFile;

extern const EmbeddedFile EMBEDDED_FILES[];
extern const uint32_t EMBEDDED_FILE_COUNT;

// os_trim.c - gives memory back that only starting up needed. Linux: code pages are dropped from the page tables (the
// file keeps them; those that are used again come back one by one), and the allocator returns its free pages.

#include "base/os.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/mman.h>

#define MAPS_LINE_BYTES_MAX 512

void os_trim_memory(void) {
    (void)malloc_trim(0);
}

void os_trim(void) {
    os_trim_memory();
    FILE *maps = fopen("/proc/self/maps", "re");
    if (maps == NULL) return;
    char line[MAPS_LINE_BYTES_MAX];
    while (fgets(line, sizeof line, maps)) {
        unsigned long start = 0;
        unsigned long end = 0;
        char mode[5] = {0};
        unsigned long inode = 0;
        int fields = sscanf(line, "%lx-%lx %4s %*s %*s %lu", &start, &end, mode, &inode);
        // Only code mapped from files: such pages are never written, so nothing can be lost.
        if (fields != 4 || inode == 0 || strcmp(mode, "r-xp") != 0) continue;
        (void)madvise((void *)start, end - start, MADV_DONTNEED);  // refused: the pages simply stay
    }
    (void)fclose(maps);
}

// load_system.c - /proc and clocks of Linux.
#include "load_system.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define PROBE_SYNCS 1000u
#define PROBE_BYTES 200u
#define PATH_BYTES_MAX 4096u

static bool read_proc(int process, const char *file, char *text, size_t text_bytes);

uint64_t system_nanos(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double system_own_cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           ((double)usage.ru_utime.tv_usec + (double)usage.ru_stime.tv_usec) / 1e6;
}

double system_process_cpu(int process) {
    char text[2048];
    if (!read_proc(process, "stat", text, sizeof text)) return -1;
    // The name, in parentheses, may contain anything; fields are counted behind it: 14 and 15 are
    // the times.
    const char *at = strrchr(text, ')');
    if (at == NULL) return -1;
    unsigned long long user;
    unsigned long long kernel;
    int found = sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
                       &kernel);
    return found == 2 ? (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK) : -1;
}

uint64_t system_process_memory(int process) {
    char text[256];
    unsigned long long resident_pages;
    if (!read_proc(process, "statm", text, sizeof text)) return 0;
    if (sscanf(text, "%*u %llu", &resident_pages) != 1) return 0;
    return resident_pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool read_proc(int process, const char *file, char *text, size_t text_bytes) {
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", process, file);
    int handle = open(path, O_RDONLY | O_CLOEXEC);
    if (handle < 0) return false;
    ssize_t count = read(handle, text, text_bytes - 1);
    close(handle);
    if (count <= 0) return false;
    text[count] = 0;
    return true;
}

void system_sync_probe(const char *directory, Histogram *histogram) {
    char path[PATH_BYTES_MAX];
    (void)snprintf(path, sizeof path, "%s/sync-probe-XXXXXX", directory);
    int handle = mkostemp(path, O_CLOEXEC);
    if (handle < 0) {
        perror(path);
        exit(1);
    }
    unlink(path);
    char bytes[PROBE_BYTES];
    memset(bytes, 'p', sizeof bytes);
    histogram_clear(histogram);
    for (uint32_t i = 0; i < PROBE_SYNCS; i++) {
        uint64_t before = system_nanos();
        if (write(handle, bytes, sizeof bytes) != (ssize_t)sizeof bytes || fdatasync(handle) != 0) {
            perror(path);
            exit(1);
        }
        histogram_add(histogram, system_nanos() - before);
    }
    close(handle);
}

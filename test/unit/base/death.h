// death.h - for tests of "aborts": runs a function in a child process and looks at how it died.
//
// Threads    the caller's only; call it before starting others.
// Limits     the first 4 KiB of what the child says.
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

// Runs `run(user)` in a child whose standard error is a pipe; returns waitpid's status and what it said.
static inline int death_run(void (*run)(void *user), void *user, char ret_text[4096]) {
    int ends[2];
    if (pipe(ends) != 0) abort();
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) abort();
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        run(user);
        _exit(0);
    }
    close(ends[1]);
    size_t count = 0;
    char dropped[256];
    for (;;) {
        bool is_full = count == 4095;
        ssize_t got = is_full ? read(ends[0], dropped, sizeof dropped)
                              : read(ends[0], ret_text + count, 4095 - count);
        if (got <= 0) break;
        if (!is_full) count += (size_t)got;
    }
    ret_text[count] = 0;
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return status;
}

// True if it aborted and said `text` before.
static inline bool death_says(void (*run)(void *user), void *user, const char *text) {
    char said[4096];
    int status = death_run(run, user, said);
    bool aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    if (!aborted || strstr(said, text) == NULL) {
        fprintf(stderr, "status %x, said: %s\n", (unsigned)status, said);
        return false;
    }
    return true;
}

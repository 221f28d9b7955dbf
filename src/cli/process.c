// process.c - posix_spawn, a pipe for what we want to read, waitpid.
#include "cli/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_BYTES 65536u

typedef enum Streams {
    STREAMS_OURS,
    STREAMS_READ,
    STREAMS_READ_QUIETLY,
} Streams;

static Status run(Cli *cli, const Process *process, Streams streams, ProcessResult *ret_result);
static Status start(Cli *cli, const Process *process, Streams streams, int pipe_end,
                    pid_t *ret_child);
static char *const *environment_with(Cli *cli, const char *const *added);
static Status read_all(Cli *cli, int descriptor, Bytes *ret_output);
static int wait_for(pid_t child);

Words *words_create(Cli *cli) {
    return ARENA_NEW(&cli->arena, Words);
}

void words_add(Words *words, const char *word) {
    if (words->count <= CLI_PROCESS_WORDS_MAX) words->items[words->count++] = word;
}

Status process_run(Cli *cli, const Process *process, ProcessResult *ret_result) {
    return run(cli, process, STREAMS_OURS, ret_result);
}

Status process_read(Cli *cli, const Process *process, ProcessResult *ret_result) {
    return run(cli, process, STREAMS_READ, ret_result);
}

Status process_read_quietly(Cli *cli, const Process *process, ProcessResult *ret_result) {
    return run(cli, process, STREAMS_READ_QUIETLY, ret_result);
}

static Status run(Cli *cli, const Process *process, Streams streams, ProcessResult *ret_result) {
    const Words *words = process->words;
    ASSERT(words->count > 0);
    if (words->count > CLI_PROCESS_WORDS_MAX) {
        return cli_fail(cli, STATUS_LIMIT, "%s: more than %u arguments", words->items[0],
                        CLI_PROCESS_WORDS_MAX);
    }
    if (strchr(words->items[0], '/') == NULL && program_find(cli, words->items[0], 0) == NULL) {
        return cli_fail(cli, STATUS_NOT_FOUND, "%s is not installed: it is not in PATH",
                        words->items[0]);
    }
    fflush(stdout);
    int ends[2] = {-1, -1};
    if (streams != STREAMS_OURS && pipe2(ends, O_CLOEXEC) != 0) {
        return cli_fail(cli, STATUS_IO, "%s: no pipe to read from", words->items[0]);
    }
    pid_t child = -1;
    Bytes output = BYTES_NONE;
    Status status = start(cli, process, streams, ends[1], &child);
    if (ends[1] >= 0) close(ends[1]);
    if (status == STATUS_OK && ends[0] >= 0) status = read_all(cli, ends[0], &output);
    if (ends[0] >= 0) close(ends[0]);  // before waiting: a child that still writes must notice
    if (child > 0) ret_result->exit_code = wait_for(child);
    if (status == STATUS_OK) ret_result->output = output;
    return status;
}

static Status start(Cli *cli, const Process *process, Streams streams, int pipe_end,
                    pid_t *ret_child) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (streams != STREAMS_OURS) {
        posix_spawn_file_actions_adddup2(&actions, pipe_end, STDOUT_FILENO);
    }
    if (streams == STREAMS_READ_QUIETLY) {
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    if (process->directory != NULL) {
        posix_spawn_file_actions_addchdir_np(&actions, process->directory);
    }
    char *const *words = (char *const *)process->words->items;
    int problem = posix_spawnp(ret_child, words[0], &actions, NULL, words,
                               environment_with(cli, process->environment));
    posix_spawn_file_actions_destroy(&actions);
    if (problem == 0) return STATUS_OK;
    return cli_fail(cli, STATUS_IO, "%s could not be started: %s", words[0], strerror(problem));
}

// Ours with the added ones in front: the first of a name counts for getenv.
static char *const *environment_with(Cli *cli, const char *const *added) {
    if (added == NULL) return environ;
    uint32_t added_count = 0;
    while (added[added_count] != NULL) added_count++;
    uint32_t our_count = 0;
    while (environ[our_count] != NULL) our_count++;
    const char **both = ARENA_ARRAY(&cli->arena, const char *, added_count + our_count + 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < added_count; i++) both[count++] = added[i];
    for (uint32_t i = 0; i < our_count; i++) {
        bool is_replaced = false;
        for (uint32_t a = 0; a < added_count; a++) {
            size_t name_bytes = strcspn(added[a], "=") + 1;
            if (strncmp(environ[i], added[a], name_bytes) == 0) is_replaced = true;
        }
        if (!is_replaced) both[count++] = environ[i];
    }
    return (char *const *)both;
}

static Status read_all(Cli *cli, int descriptor, Bytes *ret_output) {
    Buffer buffer;
    buffer_init(&buffer, CLI_PROCESS_OUTPUT_BYTES_MAX + READ_BYTES);
    while (buffer.count <= CLI_PROCESS_OUTPUT_BYTES_MAX) {
        uint8_t *at = buffer_reserve(&buffer, READ_BYTES);
        ssize_t count = read(descriptor, at, READ_BYTES);
        if (count <= 0) break;
        buffer_advance(&buffer, (size_t)count);
    }
    Status status = STATUS_OK;
    if (buffer.count > CLI_PROCESS_OUTPUT_BYTES_MAX) {
        status = cli_fail(cli, STATUS_LIMIT, "a program printed more than %u bytes",
                          CLI_PROCESS_OUTPUT_BYTES_MAX);
    } else {
        *ret_output = arena_copy(&cli->arena, buffer_bytes(&buffer));
    }
    buffer_done(&buffer);
    return status;
}

static int wait_for(pid_t child) {
    int status = 0;
    if (waitpid(child, &status, 0) != child) return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

const char *program_find(Cli *cli, const char *name, uint32_t index) {
    const char *path = getenv("PATH");
    if (path == NULL) return NULL;
    for (const char *at = path;;) {
        size_t count = strcspn(at, ":");
        if (count > 0) {
            const char *directory = arena_copy_text(&cli->arena, bytes_of(at, count));
            const char *candidate = path_join(cli, directory, name);
            bool is_program = path_is_file(candidate) && access(candidate, X_OK) == 0;
            if (is_program && index == 0) return candidate;
            if (is_program) index--;
        }
        at += count;
        if (*at == 0) return NULL;
        at++;
    }
}

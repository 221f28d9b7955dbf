// driver.c - runs a fuzz target without libFuzzer: replays files, then mutates them from a fixed seed.
//
//   program DIRECTORY_OR_FILE...
//
// Every file of the directories (and below) is an input; a directory that is missing is an error, an empty one
// is not. Then FUZZ_RUNS (20000) mutated inputs follow, or as many as fit into FUZZ_SECONDS (5). The seed is
// printed; FUZZ_SEED sets another. With the same seed and files, the same inputs come in the same order. An
// input that kills the process, or takes longer than INPUT_SECONDS_MAX, is written to fuzz-crash-NAME in the
// working directory: give that file to the same program to see it again.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RUNS_DEFAULT 20000u
#define SECONDS_DEFAULT 5u
#define SEED_DEFAULT 0x5eedu
// Seeds longer than this are replayed, but only their beginning is mutated.
#define MUTANT_BYTES_MAX (256u << 10)
#define MUTATIONS_MAX 8u
#define INPUT_SECONDS_MAX 60u
#define DIRECTORY_DEPTH_MAX 8u

typedef struct Input {
    uint8_t *data;
    size_t count;
} Input;

typedef struct Corpus {
    Input *inputs;  // in the order of their paths, so that runs repeat
    size_t count;
    size_t capacity;
} Corpus;

typedef struct Mutant {
    uint8_t data[MUTANT_BYTES_MAX];
    size_t count;
} Mutant;

typedef void (*Mutation)(Mutant *mutant, const Corpus *corpus);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);
// Both may be absent.
__attribute__((weak)) int LLVMFuzzerInitialize(int *argument_count, char ***arguments);
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

static void die(const char *what, const char *path);
static uint64_t setting(const char *name, uint64_t value);
static void crash_install(const char *program);
static void corpus_add_path(Corpus *corpus, const char *path, unsigned depth);
static void corpus_add_directory(Corpus *corpus, const char *path, unsigned depth);
static void corpus_add_file(Corpus *corpus, const char *path, size_t count);
static void run(const uint8_t *data, size_t count);
static void mutate(Mutant *mutant, const Corpus *corpus);
static uint64_t random_below(uint64_t limit);

static uint64_t random_state;

// What runs now, for the last words.
static const char *program_name = "fuzz";
static const uint8_t *current_data;
static size_t current_count;

int main(int argument_count, char **arguments) {
    if (LLVMFuzzerInitialize) LLVMFuzzerInitialize(&argument_count, &arguments);
    uint64_t run_max = setting("FUZZ_RUNS", RUNS_DEFAULT);
    time_t seconds_max = (time_t)setting("FUZZ_SECONDS", SECONDS_DEFAULT);
    random_state = setting("FUZZ_SEED", SEED_DEFAULT);
    printf("%s: seed %llu\n", arguments[0], (unsigned long long)random_state);
    fflush(stdout);
    crash_install(arguments[0]);

    static Corpus corpus;
    for (int i = 1; i < argument_count; i++) corpus_add_path(&corpus, arguments[i], 0);
    run(NULL, 0);
    for (size_t i = 0; i < corpus.count; i++) run(corpus.inputs[i].data, corpus.inputs[i].count);

    static Mutant mutant;
    struct timespec start;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    uint64_t runs = 0;
    for (; runs < run_max; runs++) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - start.tv_sec >= seconds_max) break;
        mutate(&mutant, &corpus);
        run(mutant.data, mutant.count);
    }
    printf("%s: %zu files replayed, %llu mutants run\n", arguments[0], corpus.count,
           (unsigned long long)runs);
    for (size_t i = 0; i < corpus.count; i++) free(corpus.inputs[i].data);
    free(corpus.inputs);
    return 0;
}

static void die(const char *what, const char *path) {
    fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
    exit(2);
}

// An unsigned number from the environment.
static uint64_t setting(const char *name, uint64_t value) {
    const char *text = getenv(name);
    if (text == NULL) return value;
    char *end = NULL;
    errno = 0;
    uint64_t number = strtoull(text, &end, 0);
    if (errno != 0 || end == text || *end != 0) {
        fprintf(stderr, "%s=%s is no number\n", name, text);
        exit(2);
    }
    return number;
}

// ---- last words ----

static void crash_save(void) {
    char path[300];
    snprintf(path, sizeof path, "fuzz-crash-%.200s", program_name);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) return;
    size_t done = 0;
    while (done < current_count) {
        ssize_t put = write(file, current_data + done, current_count - done);
        if (put <= 0) break;
        done += (size_t)put;
    }
    close(file);
    dprintf(STDERR_FILENO, "the input (%zu bytes) is in %s\n", current_count, path);
}

static void crash_signal(int number) {
    if (number == SIGALRM) dprintf(STDERR_FILENO, "an input took over %u s\n", INPUT_SECONDS_MAX);
    crash_save();
    signal(number, SIG_DFL);
    raise(number);
}

static void crash_install(const char *program) {
    const char *slash = strrchr(program, '/');
    program_name = slash ? slash + 1 : program;
    signal(SIGALRM, crash_signal);
    signal(SIGABRT, crash_signal);
    if (__sanitizer_set_death_callback) {
        __sanitizer_set_death_callback(crash_save);
        return;  // the sanitizer reports the signals below better than we could
    }
    signal(SIGSEGV, crash_signal);
    signal(SIGBUS, crash_signal);
    signal(SIGFPE, crash_signal);
    signal(SIGILL, crash_signal);
}

// ---- inputs ----

static void corpus_add_path(Corpus *corpus, const char *path, unsigned depth) {
    struct stat info;
    if (stat(path, &info) != 0) die("cannot read", path);
    if (S_ISDIR(info.st_mode)) {
        if (depth < DIRECTORY_DEPTH_MAX) corpus_add_directory(corpus, path, depth);
    } else {
        corpus_add_file(corpus, path, (size_t)info.st_size);
    }
}

static void corpus_add_directory(Corpus *corpus, const char *path, unsigned depth) {
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) die("cannot list", path);
    for (int i = 0; i < count; i++) {
        char child[4096];
        int bytes = snprintf(child, sizeof child, "%s/%s", path, entries[i]->d_name);
        bool is_hidden = entries[i]->d_name[0] == '.';
        free(entries[i]);
        if (is_hidden) continue;
        if (bytes < 0 || (size_t)bytes >= sizeof child) {
            errno = ENAMETOOLONG;
            die("cannot read", path);
        }
        corpus_add_path(corpus, child, depth + 1);
    }
    free(entries);
}

static void corpus_add_file(Corpus *corpus, const char *path, size_t count) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) die("cannot open", path);
    uint8_t *data = malloc(count + 1);
    if (data == NULL) die("no memory for", path);
    if (fread(data, 1, count, file) != count) die("cannot read", path);
    fclose(file);
    if (corpus->count == corpus->capacity) {
        corpus->capacity = corpus->capacity ? corpus->capacity * 2 : 64;
        corpus->inputs = realloc(corpus->inputs, corpus->capacity * sizeof *corpus->inputs);
        if (corpus->inputs == NULL) die("no memory for", path);
    }
    corpus->inputs[corpus->count++] = (Input){data, count};
}

// Runs the target on a copy of exactly that size, so that the address sanitizer sees a read past the end.
static void run(const uint8_t *data, size_t count) {
    uint8_t *copy = malloc(count);
    if (copy == NULL && count > 0) die("no memory for", "an input");
    if (count > 0) memcpy(copy, data, count);
    current_data = copy;
    current_count = count;
    alarm(INPUT_SECONDS_MAX);
    LLVMFuzzerTestOneInput(copy, count);
    alarm(0);
    current_count = 0;
    free(copy);
}

// ---- mutations ----

static void flip_bit(Mutant *mutant, const Corpus *corpus) {
    (void)corpus;
    if (mutant->count == 0) return;
    mutant->data[random_below(mutant->count)] ^= (uint8_t)(1u << random_below(8));
}

static void set_byte(Mutant *mutant, const Corpus *corpus) {
    (void)corpus;
    if (mutant->count == 0) return;
    mutant->data[random_below(mutant->count)] = (uint8_t)random_below(256);
}

static void truncate_end(Mutant *mutant, const Corpus *corpus) {
    (void)corpus;
    mutant->count = random_below(mutant->count + 1);
}

// Moves what starts at `from` to `to`, cutting what would not fit.
static void shift_tail(Mutant *mutant, size_t from, size_t to) {
    size_t tail = mutant->count - from;
    if (tail > MUTANT_BYTES_MAX - to) tail = MUTANT_BYTES_MAX - to;
    memmove(mutant->data + to, mutant->data + from, tail);
    mutant->count = to + tail;
}

static void remove_range(Mutant *mutant, const Corpus *corpus) {
    (void)corpus;
    size_t at = random_below(mutant->count + 1);
    size_t count = random_below(mutant->count - at + 1);
    shift_tail(mutant, at + count, at);
}

static void insert_random(Mutant *mutant, const Corpus *corpus) {
    (void)corpus;
    size_t at = random_below(mutant->count + 1);
    size_t count = 1 + random_below(16);
    if (count > MUTANT_BYTES_MAX - at) return;
    shift_tail(mutant, at, at + count);
    for (size_t i = 0; i < count; i++) mutant->data[at + i] = (uint8_t)random_below(256);
}

static void repeat_range(Mutant *mutant, const Corpus *corpus) {
    (void)corpus;
    size_t at = random_below(mutant->count + 1);
    size_t count = random_below(mutant->count - at + 1);
    if (count > 256) count = 256;
    if (count > MUTANT_BYTES_MAX - at - count) return;
    shift_tail(mutant, at, at + count);
}

// Numbers at which decoders change their mind, in 1, 2, 4 or 8 bytes, either byte order.
static void set_integer(Mutant *mutant, const Corpus *corpus) {
    (void)corpus;
    static const uint64_t NUMBERS[] = {
        0,          1,          2,          4,          0x7f,      0x80,
        0xff,       0x100,      0x7fff,     0x8000,     0xffff,    0x10000,
        0x7fffffff, 0x80000000, 0xfffffffe, UINT32_MAX, INT64_MAX, (uint64_t)1 << 63,
        UINT64_MAX,
    };
    size_t width = (size_t)1 << random_below(4);
    if (mutant->count < width) return;
    size_t at = random_below(mutant->count - width + 1);
    uint64_t number = NUMBERS[random_below(sizeof NUMBERS / sizeof *NUMBERS)];
    if (random_below(4) == 0) number = mutant->count - at - width;  // the length of what follows
    bool is_big_endian = random_below(4) == 0;
    for (size_t i = 0; i < width; i++) {
        mutant->data[at + (is_big_endian ? width - 1 - i : i)] = (uint8_t)(number >> (8 * i));
    }
}

// The tail of another input after the head of this one.
static void splice_other(Mutant *mutant, const Corpus *corpus) {
    if (corpus->count == 0) return;
    const Input *other = &corpus->inputs[random_below(corpus->count)];
    size_t at = random_below(mutant->count + 1);
    size_t from = random_below(other->count + 1);
    size_t count = other->count - from;
    if (count > MUTANT_BYTES_MAX - at) count = MUTANT_BYTES_MAX - at;
    memcpy(mutant->data + at, other->data + from, count);
    mutant->count = at + count;
}

static void swap_digit(Mutant *mutant, const Corpus *corpus) {
    (void)corpus;
    static const char BYTES_OF_TEXTS[] =
        "0123456789\"'\\{}[]():,;.+-*/=<>!?&%$#@_ \t\r\n~`|^\0eExXnN";
    if (mutant->count == 0) return;
    mutant->data[random_below(mutant->count)] = (uint8_t)
        BYTES_OF_TEXTS[random_below(sizeof BYTES_OF_TEXTS)];
}

static const Mutation MUTATIONS[] = {
    flip_bit,     set_byte,    truncate_end, remove_range, insert_random,
    repeat_range, set_integer, set_integer,  splice_other, swap_digit,
};

// One of the inputs (or nothing), changed a few times over.
static void mutate(Mutant *mutant, const Corpus *corpus) {
    mutant->count = 0;
    if (corpus->count > 0) {
        const Input *input = &corpus->inputs[random_below(corpus->count)];
        mutant->count = input->count < MUTANT_BYTES_MAX ? input->count : MUTANT_BYTES_MAX;
        memcpy(mutant->data, input->data, mutant->count);
    } else {
        for (uint64_t i = 0; i < 4; i++) insert_random(mutant, corpus);
    }
    uint64_t count = 1 + random_below(MUTATIONS_MAX);
    for (uint64_t i = 0; i < count; i++) {
        MUTATIONS[random_below(sizeof MUTATIONS / sizeof *MUTATIONS)](mutant, corpus);
    }
}

// splitmix64.
static uint64_t random_below(uint64_t limit) {
    random_state += 0x9e3779b97f4a7c15u;
    uint64_t value = random_state;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return (value ^ value >> 31) % limit;
}

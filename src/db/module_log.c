// module_log.c - see module_log.h. Lines are appended with one positioned write each; nothing is synced: a log
// is for people, the commitlog is for data. Readers open the day's file themselves and read as far as the end that was
// published last: what is before it never changes.

#include "db/module_log.h"

#include "base/log.h"
#include "db/database.h"

#include <stdio.h>
#include <stdlib.h>

#define MICROS_PER_DAY 86400000000ll
#define PATH_BYTES_MAX 4096u
#define TAIL_BLOCK_BYTES 65536u
// Without a time: it is the last of a file whose others have one.
#define FULL_LINE                                                                                 \
    "{\"level\":\"Error\",\"ts\":0,\"target\":\"__spacetimedb__\",\"filename\":\"__spacetimedb__" \
    "\","                                                                                         \
    "\"message\":\"the log of this day is full; further records are dropped\"}\n"

struct LogFollower {
    bool (*line)(void *user, Bytes text);
    void *user;
};

static const char *level_name(ModuleLogLevel level);
static void write_record(Buffer *line, const ModuleLogRecord *record, int64_t now_micros);
static void write_member(Buffer *line, const char *name, Bytes value);
static void write_trace(Buffer *line, const ModuleLogRecord *record);
static void file_path(const ModuleLog *log, int64_t day, char *path);
static void open_day(ModuleLog *log, int64_t day);
static bool is_too_old(const ModuleLog *log, const char *name);
static void publish_end(ModuleLog *log);
static void drop_oldest(ModuleLog *log);
static void store_line(ModuleLog *log, Bytes line);
static void keep_in_memory(ModuleLog *log, Bytes line);
static void drop_front(ModuleLog *log);
static void tell_followers(ModuleLog *log, Bytes line);
static Status file_tail(ModuleLog *log, const LogPosition *end, uint32_t lines, Buffer *text,
                        Error *error);
static Status read_tail(Os *os, File file, uint64_t end, uint32_t lines, Buffer *read,
                        Error *error);
static Status file_part(ModuleLog *log, int64_t day, uint64_t from, uint64_t to, Buffer *text,
                        Error *error);
static void memory_since(const ModuleLog *log, uint64_t since, Buffer *text);
static uint32_t tail_start(Bytes text, uint32_t lines);

void module_log_init(ModuleLog *log, Os *os, const char *directory, uint64_t day_bytes_max) {
    *log = (ModuleLog){.os = os, .file = FILE_NONE, .file_day = INT64_MIN};
    log->day_bytes_max = day_bytes_max > 0 ? day_bytes_max : MODULE_LOG_DAY_BYTES_MAX;
    if (directory) log->directory = mem_copy_text(bytes_of_text(directory));
    mutex_init(&log->mutex);
    buffer_init(&log->memory, 2 * (size_t)MODULE_LOG_MEMORY_BYTES);
    buffer_init(&log->line, MODULE_LOG_LINE_BYTES_MAX);
    if (directory) {
        Error error;
        if (os->directory_create(os, directory, &error) != STATUS_OK) {
            log_line(LOG_WARN, "db", "module log: %s", error.text);
        }
        open_day(log, os->time_micros(os) / MICROS_PER_DAY);
    }
}

void module_log_done(ModuleLog *log) {
    tell_followers(log, BYTES_NONE);
    for (uint32_t i = 0; i < log->followers.count; i++) mem_free(log->followers.items[i]);
    follower_vec_done(&log->followers);
    if (log->os) os_file_close(log->os, log->file);
    buffer_done(&log->memory);
    buffer_done(&log->line);
    mem_free(log->directory);
    mutex_done(&log->mutex);
    *log = (ModuleLog){.file = FILE_NONE};
}

void module_log_append(ModuleLog *log, const ModuleLogRecord *record, int64_t now_micros) {
    buffer_clear(&log->line);
    module_log_write(&log->line, record, now_micros);
    module_log_append_line(log, buffer_bytes(&log->line), now_micros);
}

void module_log_write(Buffer *line, const ModuleLogRecord *record, int64_t now_micros) {
    write_record(line, record, now_micros);
    if (!line->failed) return;
    buffer_clear(line);
    ModuleLogRecord cut = *record;
    cut.message = BYTES_LITERAL("(a log record was longer than the limit and was dropped)");
    cut.trace_count = 0;
    write_record(line, &cut, now_micros);
}

void module_log_append_line(ModuleLog *log, Bytes line, int64_t now_micros) {
    if (log->directory) {
        if (now_micros / MICROS_PER_DAY > log->file_day) open_day(log, now_micros / MICROS_PER_DAY);
        store_line(log, line);
    } else {
        keep_in_memory(log, line);
    }
    tell_followers(log, line);
}

static const char *level_name(ModuleLogLevel level) {
    switch (level) {
    case MODULE_LOG_ERROR: return "Error";
    case MODULE_LOG_WARN: return "Warn";
    case MODULE_LOG_INFO: return "Info";
    case MODULE_LOG_DEBUG: return "Debug";
    case MODULE_LOG_TRACE: return "Trace";
    case MODULE_LOG_PANIC: return "Panic";
    }
    return "Debug";
}

static void write_record(Buffer *line, const ModuleLogRecord *record, int64_t now_micros) {
    buffer_append_format(line, "{\"level\":\"%s\",\"ts\":%lld", level_name(record->level),
                         (long long)now_micros);
    write_member(line, "target", record->target);
    write_member(line, "filename", record->filename);
    if (record->line != UINT32_MAX) buffer_append_format(line, ",\"line_number\":%u", record->line);
    write_member(line, "function", record->function);
    buffer_append_text(line, ",\"message\":");
    json_write_string(line, record->message);
    if (record->level == MODULE_LOG_PANIC) write_trace(line, record);
    buffer_append_text(line, "}\n");
}

static void write_member(Buffer *line, const char *name, Bytes value) {
    if (value.data == NULL) return;
    buffer_append_format(line, ",\"%s\":", name);
    json_write_string(line, value);
}

static void write_trace(Buffer *line, const ModuleLogRecord *record) {
    buffer_append_text(line, ",\"trace\":[");
    for (uint32_t i = 0; i < record->trace_count; i++) {
        const ModuleLogFrame *frame = &record->trace[i];
        buffer_append_text(line, i > 0 ? ",{" : "{");
        if (frame->module_name.data) {
            buffer_append_text(line, "\"module_name\":");
            json_write_string(line, frame->module_name);
        }
        if (frame->func_name.data) {
            buffer_append_text(line,
                               frame->module_name.data ? ",\"func_name\":" : "\"func_name\":");
            json_write_string(line, frame->func_name);
        }
        buffer_append_text(line, "}");
    }
    buffer_append_text(line, "]");
}

static void open_day(ModuleLog *log, int64_t day) {
    os_file_close(log->os, log->file);
    log->file = FILE_NONE;
    log->file_day = day;
    log->file_bytes = 0;
    char path[PATH_BYTES_MAX];
    file_path(log, day, path);
    Error error;
    Status status = log->os->file_open(log->os, path, OS_OPEN_CREATE, &log->file, &error);
    if (status == STATUS_OK)
        status = log->os->file_size(log->os, log->file, &log->file_bytes, &error);
    if (status != STATUS_OK) log_line(LOG_WARN, "db", "module log: %s", error.text);
    log->is_full = false;
    publish_end(log);
    drop_oldest(log);
}

// path  PATH_BYTES_MAX
static void file_path(const ModuleLog *log, int64_t day, char *path) {
    Buffer text;
    buffer_init(&text, 128);
    timestamp_write_text(&text, day * MICROS_PER_DAY);
    (void)snprintf(path, PATH_BYTES_MAX, "%s/%.10s.log", log->directory, (const char *)text.data);
    buffer_done(&text);
}

static void publish_end(ModuleLog *log) {
    mutex_lock(&log->mutex);
    log->end = (LogPosition){log->file_day, log->file_bytes};
    mutex_unlock(&log->mutex);
}

typedef struct LogFile {
    char name[32];
} LogFile;
VEC(LogFileVec, log_file_vec, LogFile)

// Dates as names sort by age.
static int compare_files(const void *a, const void *b) {
    return strcmp(((const LogFile *)a)->name, ((const LogFile *)b)->name);
}

static void add_file(void *user, const char *name, bool is_directory) {
    LogFileVec *files = user;
    size_t count = strlen(name);
    bool is_day = count == sizeof "2024-01-01.log" - 1 && strcmp(name + count - 4, ".log") == 0;
    if (is_directory || !is_day || files->count == MODULE_LOG_FILES_MAX) return;
    memcpy(log_file_vec_add(files)->name, name, count + 1);
}

static bool is_too_old(const ModuleLog *log, const char *name) {
    char oldest[PATH_BYTES_MAX];
    file_path(log, log->file_day - (MODULE_LOG_DAYS_MAX - 1), oldest);
    return strcmp(name, strrchr(oldest, '/') + 1) < 0;
}

// From the newest back, as long as they fit and are not too old; the day's own stays whatever it has.
static void drop_oldest(ModuleLog *log) {
    LogFileVec files = {0};
    Error error;
    (void)log->os->directory_list(log->os, log->directory, add_file, &files, &error);
    if (files.count > 1) qsort(files.items, files.count, sizeof(LogFile), compare_files);
    uint64_t total = 0;
    for (uint32_t i = files.count; i > 0; i--) {
        char path[PATH_BYTES_MAX];
        (void)snprintf(path, sizeof path, "%s/%s", log->directory, files.items[i - 1].name);
        File file = FILE_NONE;
        uint64_t bytes = 0;
        if (log->os->file_open(log->os, path, OS_OPEN_READ, &file, &error) == STATUS_OK)
            (void)log->os->file_size(log->os, file, &bytes, &error);
        os_file_close(log->os, file);
        total += bytes;
        bool is_kept = total <= MODULE_LOG_FILES_BYTES_MAX &&
                       !is_too_old(log, files.items[i - 1].name);
        if (is_kept || i == files.count) continue;
        if (log->os->remove(log->os, path, &error) != STATUS_OK)
            log_line(LOG_WARN, "db", "module log: %s", error.text);
    }
    log_file_vec_done(&files);
}

static void store_line(ModuleLog *log, Bytes line) {
    if (log->file.descriptor < 0 || log->is_full) return;
    if (log->file_bytes + line.count > log->day_bytes_max) {
        log->is_full = true;
        log_line(LOG_WARN, "db", "module log %s: full for today", log->directory);
        line = BYTES_LITERAL(FULL_LINE);
    }
    Error error;
    Status status = log->os->file_write(log->os, log->file, log->file_bytes, line.data, line.count,
                                        &error);
    if (status == STATUS_OK) {
        log->file_bytes += line.count;
        log->complained = false;
        publish_end(log);
    } else if (!log->complained) {
        log->complained = true;
        log_line(LOG_ERROR, "db", "module log: %s; lines are lost until it works again",
                 error.text);
    }
}

static void keep_in_memory(ModuleLog *log, Bytes line) {
    mutex_lock(&log->mutex);
    log->end.bytes += line.count;
    buffer_append_bytes(&log->memory, line);
    if (log->memory.count > MODULE_LOG_MEMORY_BYTES) drop_front(log);
    mutex_unlock(&log->mutex);
}

static void drop_front(ModuleLog *log) {
    // Drop whole lines from the front until half of the limit is free again: one copy per many lines.
    size_t drop = log->memory.count - MODULE_LOG_MEMORY_BYTES / 2;
    const uint8_t *newline = memchr(log->memory.data + drop, '\n', log->memory.count - drop);
    ASSERT(newline != NULL);  // every line ends with one
    drop = (size_t)(newline + 1 - log->memory.data);
    memmove(log->memory.data, log->memory.data + drop, log->memory.count - drop);
    log->memory.count -= drop;
}

static void tell_followers(ModuleLog *log, Bytes line) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < log->followers.count; i++) {
        LogFollower *follower = log->followers.items[i];
        bool wants_more = follower->line == NULL || follower->line(follower->user, line);
        if (!wants_more) follower->line = NULL;  // freed by unfollow: its owner still holds it
        log->followers.items[kept++] = follower;
    }
    log->followers.count = kept;
}

// ---- db.h ----

Status database_log_tail(Database *database, uint32_t lines, Buffer *text, LogPosition *ret_end,
                         Error *error) {
    ModuleLog *log = &database->module_log;
    mutex_lock(&log->mutex);
    LogPosition end = log->end;
    if (log->directory == NULL) {
        Bytes all = buffer_bytes(&log->memory);
        uint32_t start = tail_start(all, lines);
        buffer_append_bytes(text, bytes_slice(all, start, all.count - start));
    }
    mutex_unlock(&log->mutex);
    *ret_end = end;
    return log->directory ? file_tail(log, &end, lines, text, error) : STATUS_OK;
}

static Status file_tail(ModuleLog *log, const LogPosition *end, uint32_t lines, Buffer *text,
                        Error *error) {
    Os *os = log->os;
    char path[PATH_BYTES_MAX];
    file_path(log, end->day, path);
    File file = FILE_NONE;
    Buffer read;
    buffer_init(&read, MODULE_LOG_TAIL_BYTES_MAX + TAIL_BLOCK_BYTES);
    Status status = os->file_open(os, path, OS_OPEN_READ, &file, error);
    if (status == STATUS_OK) status = read_tail(os, file, end->bytes, lines, &read, error);
    if (status == STATUS_OK) {
        Bytes all = buffer_bytes(&read);
        uint32_t start = tail_start(all, lines);
        if (all.count < end->bytes && start == 0) {  // the limit cut a line
            const uint8_t *newline = memchr(all.data, '\n', all.count);
            start = newline ? (uint32_t)(newline + 1 - all.data) : all.count;
        }
        buffer_append_bytes(text, bytes_slice(all, start, all.count - start));
    }
    buffer_done(&read);
    os_file_close(os, file);
    return status;
}

// Reads ever more of the end until it holds enough lines.
static Status read_tail(Os *os, File file, uint64_t end, uint32_t lines, Buffer *read,
                        Error *error) {
    Status status = STATUS_OK;
    bool enough = false;
    uint64_t wanted = TAIL_BLOCK_BYTES;
    while (status == STATUS_OK && !enough) {
        uint64_t count = end < wanted ? end : wanted;
        buffer_clear(read);
        uint8_t *room = buffer_reserve(read, (size_t)count);
        ASSERT(room != NULL);
        status = os->file_read(os, file, end - count, room, (size_t)count, error);
        if (status == STATUS_OK) buffer_advance(read, (size_t)count);
        enough = count == end || tail_start(buffer_bytes(read), lines) > 0 ||
                 count >= MODULE_LOG_TAIL_BYTES_MAX;
        wanted = wanted * 4 > MODULE_LOG_TAIL_BYTES_MAX ? MODULE_LOG_TAIL_BYTES_MAX : wanted * 4;
    }
    return status;
}

Status database_log_since(Database *database, const LogPosition *since, Buffer *text,
                          Error *error) {
    ModuleLog *log = &database->module_log;
    if (log->directory == NULL) {
        memory_since(log, since->bytes, text);
        return STATUS_OK;
    }
    ASSERT(since->day <= log->file_day);
    if (since->day == log->file_day)
        return file_part(log, since->day, since->bytes, log->file_bytes, text, error);
    Status status = file_part(log, since->day, since->bytes, UINT64_MAX, text, error);
    if (status == STATUS_OK)
        status = file_part(log, log->file_day, 0, log->file_bytes, text, error);
    return status;
}

// Bytes of a day's file; UINT64_MAX: to its end.
static Status file_part(ModuleLog *log, int64_t day, uint64_t from, uint64_t to, Buffer *text,
                        Error *error) {
    Os *os = log->os;
    char path[PATH_BYTES_MAX];
    file_path(log, day, path);
    File file = FILE_NONE;
    Status status = os->file_open(os, path, OS_OPEN_READ, &file, error);
    if (status == STATUS_OK && to == UINT64_MAX) status = os->file_size(os, file, &to, error);
    if (status == STATUS_OK && from < to) {
        if (to - from > MODULE_LOG_TAIL_BYTES_MAX) from = to - MODULE_LOG_TAIL_BYTES_MAX;
        uint8_t *room = buffer_reserve(text, (size_t)(to - from));
        status = room ? os->file_read(os, file, from, room, (size_t)(to - from), error)
                      : error_set(error, STATUS_LIMIT, "%s: too much was logged", path);
        if (status == STATUS_OK) buffer_advance(text, (size_t)(to - from));
    }
    os_file_close(os, file);
    return status;
}

static void memory_since(const ModuleLog *log, uint64_t since, Buffer *text) {
    ASSERT(since <= log->end.bytes);
    uint64_t count = log->end.bytes - since;
    if (count > log->memory.count) count = log->memory.count;
    Bytes all = buffer_bytes(&log->memory);
    buffer_append_bytes(text, bytes_slice(all, all.count - (uint32_t)count, (uint32_t)count));
}

// Where the last `lines` lines begin; 0 if there are not more. No lines behave like one.
static uint32_t tail_start(Bytes text, uint32_t lines) {
    if (lines == 0) lines = 1;
    uint32_t at = text.count;
    uint32_t seen = 0;
    while (at > 0) {
        bool ends_line = text.data[at - 1] == '\n';
        if (ends_line && at != text.count && ++seen == lines) return at;
        at--;
    }
    return 0;
}

LogFollower *database_log_follow(Database *database, bool (*line)(void *user, Bytes text),
                                 void *user) {
    LogFollower *follower = mem_alloc_zero(sizeof *follower);
    *follower = (LogFollower){line, user};
    follower_vec_push(&database->module_log.followers, follower);
    return follower;
}

void database_log_unfollow(Database *database, LogFollower *follower) {
    FollowerVec *followers = &database->module_log.followers;
    for (uint32_t i = 0; i < followers->count; i++) {
        if (followers->items[i] != follower) continue;
        followers->items[i] = followers->items[--followers->count];
        mem_free(follower);
        return;
    }
}

void database_log(Database *database, ModuleLogLevel level, Bytes function, const char *format,
                  ...) {
    static const Bytes SENTINEL = {(const uint8_t *)"__spacetimedb__", 15};
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    ASSERT(count >= 0);
    char *text = mem_alloc((size_t)count + 1);
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)count + 1, format, arguments);
    va_end(arguments);
    ModuleLogRecord record = {
        .level = level,
        .target = SENTINEL,
        .filename = SENTINEL,
        .line = UINT32_MAX,
        .function = function.data ? function : SENTINEL,
        .message = bytes_of_text(text),
    };
    module_log_append(&database->module_log, &record, database_now(database));
    mem_free(text);
}

// call.c - running a reducer, and what a call has at hand: errors, logs, its context.
//
// The host calls __call_reducer__ with the position of a reducer in the description, which is its
// position in the linker's list of reducers. The four words of the sender and the two of the
// connection are their bytes in order.
#include "call.h"
#include "memory.h"

extern const StdbReducer *const __start_stdb_reducers[] __attribute__((weak));
extern const StdbReducer *const __stop_stdb_reducers[] __attribute__((weak));

// What the first read asks for: most arguments fit, and then one host call does.
#define SOURCE_BYTES 4096u

// Scans that a call may leave half read.
#define OPEN_ITERS_MAX 1024u

static StdbString fail_text;
static uint32_t open_iters[OPEN_ITERS_MAX];
static uint32_t open_iter_count;
static uint32_t calls_running;  // more than one: a view within a procedure

static void log_list(StdbLogLevel level, const char *file, uint32_t line, const char *format,
                     va_list arguments);

__attribute__((export_name("__call_reducer__"))) uint32_t
stdb_export_call_reducer(uint32_t id, uint64_t sender0, uint64_t sender1, uint64_t sender2,
                         uint64_t sender3, uint64_t connection0, uint64_t connection1,
                         int64_t timestamp, uint32_t arguments, uint32_t error_sink);

uint32_t stdb_export_call_reducer(uint32_t id, uint64_t sender0, uint64_t sender1, uint64_t sender2,
                                  uint64_t sender3, uint64_t connection0, uint64_t connection1,
                                  int64_t timestamp, uint32_t arguments, uint32_t error_sink) {
    CallFrame frame = call_begin();
    if (id >= (size_t)(__stop_stdb_reducers - __start_stdb_reducers))
        stdb_panic("no reducer has number %u", id);
    const StdbReducer *reducer = __start_stdb_reducers[id];
    StdbContext context = {.timestamp = {timestamp}};
    memcpy(context.sender.bytes, (uint64_t[]){sender0, sender1, sender2, sender3},
           sizeof context.sender);
    memcpy(context.connection_id.bytes, (uint64_t[]){connection0, connection1},
           sizeof context.connection_id);
    StdbStatus status = reducer->run(&context, call_read_source(arguments));
    if (status != STDB_OK) {
        if (fail_text.length == 0) (void)stdb_fail("%s failed", reducer->name);
        call_write_sink(error_sink, fail_text.data, fail_text.length);
    }
    call_end(&frame);
    return status == STDB_OK ? 0 : 1;
}

// A call that traps never ends, but then the instance is never called again either.
CallFrame call_begin(void) {
    if (calls_running++ > 0) {
        CallFrame frame = {true, stdb_mark(), fail_text, open_iter_count};
        fail_text = (StdbString){0};
        return frame;
    }
    memory_reset();
    fail_text = (StdbString){0};
    open_iter_count = 0;
    return (CallFrame){0};
}

void call_end(const CallFrame *frame) {
    for (uint32_t i = frame->open_iters; i < open_iter_count; i++)
        stdb_host_row_iter_close(open_iters[i]);
    open_iter_count = frame->open_iters;
    calls_running--;
    if (!frame->is_nested) return;
    memory_release(frame->mark.top);
    fail_text = frame->fail_text;
}

void call_note_iter(uint32_t handle) {
    if (open_iter_count == OPEN_ITERS_MAX)
        stdb_panic("%u scans were left half read", OPEN_ITERS_MAX);
    open_iters[open_iter_count++] = handle;
}

void call_forget_iter(uint32_t handle) {
    for (uint32_t i = open_iter_count; i > 0; i--) {
        if (open_iters[i - 1] != handle) continue;
        open_iters[i - 1] = open_iters[--open_iter_count];
        return;
    }
}

StdbReader call_read_source(uint32_t source) {
    if (source == 0) return (StdbReader){0};
    uint8_t *bytes = memory_borrow(SOURCE_BYTES);
    uint32_t count = (uint32_t)memory_free();
    int32_t result = stdb_host_bytes_source_read(source, bytes, &count);
    if (result == 0) {  // more to come
        uint32_t rest = 0;
        stdb_host_bytes_source_remaining_length(source, &rest);
        bytes = memory_borrow((size_t)count + rest);
        result = stdb_host_bytes_source_read(source, bytes + count, &rest);
        count += rest;
    }
    if (result != -1) stdb_panic("reading the arguments failed: %d", result);
    memory_keep(count);
    return (StdbReader){bytes, count, false};
}

void call_write_sink(uint32_t sink, const void *bytes, uint32_t count) {
    uint32_t error = stdb_host_bytes_sink_write(sink, bytes, &count);
    if (error != 0) stdb_panic("writing to the host failed: %u", error);
}

// ---- errors ----

StdbStatus stdb_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fail_text = stdb_format_list(format, arguments);
    va_end(arguments);
    return STDB_FAILED;
}

StdbString stdb_fail_text(void) {
    return fail_text;
}

// The text of a failure outlives the memory around it.
void stdb_release(StdbMark mark) {
    memory_release(mark.top);
    if (fail_text.length == 0 || (uintptr_t)fail_text.data < mark.top) return;
    uint8_t *text = memory_borrow((size_t)fail_text.length + 1);
    memmove(text, fail_text.data, (size_t)fail_text.length + 1);
    memory_keep((size_t)fail_text.length + 1);
    fail_text.data = (const char *)text;
}

void stdb_panic_at(const char *file, uint32_t line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    log_list(STDB_LOG_PANIC, file, line, format, arguments);
    va_end(arguments);
    __builtin_trap();
}

// ---- logs ----

void stdb_log(StdbLogLevel level, const char *file, uint32_t line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    log_list(level, file, line, format, arguments);
    va_end(arguments);
}

// Into a buffer of its own: a panic may be about memory, and a log must not disturb a borrower.
// Longer texts go where memory can be borrowed, unless there is none.
static void log_list(StdbLogLevel level, const char *file, uint32_t line, const char *format,
                     va_list arguments) {
    static char short_text[1024];
    char *text = short_text;
    size_t length = stdb_format_into(text, sizeof short_text, format, arguments);
    if (length >= sizeof short_text) {
        if (level != STDB_LOG_PANIC) {
            text = (char *)memory_borrow(length + 1);
            stdb_format_into(text, length + 1, format, arguments);
        } else {
            length = sizeof short_text - 1;
        }
    }
    stdb_host_console_log(level, NULL, 0, file, (uint32_t)strlen(file), line, text,
                          (uint32_t)length);
}

uint32_t stdb_timer_start(const char *name) {
    return stdb_host_console_timer_start(name, (uint32_t)strlen(name));
}

void stdb_timer_end(uint32_t timer) {
    uint32_t error = stdb_host_console_timer_end(timer);
    if (error != 0) stdb_panic("stdb_timer_end: no timer has number %u", timer);
}

// ---- context ----

StdbIdentity stdb_database_identity(void) {
    StdbIdentity identity;
    stdb_host_identity(identity.bytes);
    return identity;
}

bool stdb_is_internal(const StdbContext *ctx) {
    return stdb_identity_equal(ctx->sender, stdb_database_identity());
}

bool stdb_jwt(const StdbContext *ctx, StdbString *ret_claims) {
    uint32_t source = 0;
    uint32_t error = stdb_host_get_jwt(ctx->connection_id.bytes, &source);
    if (error != 0) stdb_panic("get_jwt failed: %u", error);
    if (source == 0) return false;
    StdbReader claims = call_read_source(source);
    *ret_claims = stdb_string_copy((StdbString){(const char *)claims.at, claims.left});
    return true;
}

// trap.c - Wasmtime's C API gives a failure one text:
//
//   error while executing at wasm backtrace:
//       0:   0x1a2b - module.wasm!function
//   <empty line>
//   Caused by:
//       0: cause
//       1: its cause
//
// The cause goes first here: a text that is cut somewhere must still say what happened. The names in these lines
// are demangled, which the frames' own are not, so a frame's name is taken from its line.
//
// A C++ name of a few hundred bytes can demangle to gigabytes ("S_" doubles what came before, again and again), and
// nothing in Wasmtime limits that. If a frame has such a name, the text is not asked for: the cause is known
// otherwise, and names are shown as they are. Rust's names grow no more than to 1 MB each.
#include "host/wasm/trap.h"

#include <stdio.h>

#define BACKTRACE_START "error while executing at wasm backtrace:\n"
#define CAUSE_START "\n\nCaused by:\n"
// "  123: "
#define FRAME_NUMBER_BYTES_MAX 16u

static Bytes bytes_after(Bytes bytes, uint32_t count);
static void trace_take(const wasmtime_error_t *error, const wasm_trap_t *trap,
                       wasm_frame_vec_t *ret_trace);
static bool trace_is_cheap(const wasm_frame_vec_t *trace);
static bool name_is_cheap(Bytes name);
static bool name_is_rust(Bytes name);
static void text_write_message(Buffer *text, const wasmtime_error_t *error,
                               const wasm_trap_t *trap);
static void text_write_raw(Buffer *text, const wasm_trap_t *trap, Bytes cause,
                           const wasm_frame_vec_t *trace);
static Bytes text_find(Bytes text, const char *wanted);
static void text_write_causes(Buffer *buffer, Bytes causes);
static Bytes line_take(Bytes *text);
static Bytes frame_name(Bytes backtrace, uint32_t number, const wasm_frame_t *frame);

void trap_take_text(wasmtime_error_t *error, wasm_trap_t *trap, Bytes cause, Buffer *text) {
    wasm_frame_vec_t trace;
    trace_take(error, trap, &trace);
    if (trace_is_cheap(&trace)) {
        text_write_message(text, error, trap);
    } else {
        text_write_raw(text, trap, cause, &trace);
    }
    wasm_frame_vec_delete(&trace);
    if (trap) wasm_trap_delete(trap);
    if (error) wasmtime_error_delete(error);
}

static void trace_take(const wasmtime_error_t *error, const wasm_trap_t *trap,
                       wasm_frame_vec_t *ret_trace) {
    if (trap) {
        wasm_trap_trace(trap, ret_trace);
    } else {
        wasmtime_error_wasm_trace(error, ret_trace);
    }
}

static void text_write_message(Buffer *text, const wasmtime_error_t *error,
                               const wasm_trap_t *trap) {
    wasm_byte_vec_t message = {0};
    if (trap) {
        wasm_trap_message(trap, &message);
    } else {
        wasmtime_error_message(error, &message);
    }
    Bytes rest = bytes_of(message.data, message.size);
    if (trap && rest.count > 0) rest.count--;  // a trap's text has a terminating zero
    Bytes causes = text_find(rest, CAUSE_START);
    Bytes start = text_find(rest, BACKTRACE_START);
    if (causes.data && start.data == rest.data) {
        Bytes frames = bytes_after(rest, sizeof BACKTRACE_START - 1);
        frames.count -= causes.count;
        text_write_causes(text, bytes_after(causes, sizeof CAUSE_START - 1));
        buffer_append_text(text, "\nwasm backtrace:\n");
        buffer_append_bytes(text, frames);
    } else {
        buffer_append_bytes(text, rest);
    }
    wasm_byte_vec_delete(&message);
}

static void text_write_raw(Buffer *text, const wasm_trap_t *trap, Bytes cause,
                           const wasm_frame_vec_t *trace) {
    // Those a module without threads, garbage collection and components can cause.
    static const char *const CAUSES[] = {
        [WASMTIME_TRAP_CODE_STACK_OVERFLOW] = "call stack exhausted",
        [WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS] = "out of bounds memory access",
        [WASMTIME_TRAP_CODE_HEAP_MISALIGNED] = "unaligned atomic",
        [WASMTIME_TRAP_CODE_TABLE_OUT_OF_BOUNDS] = "undefined element: out of bounds table access",
        [WASMTIME_TRAP_CODE_INDIRECT_CALL_TO_NULL] = "uninitialized element",
        [WASMTIME_TRAP_CODE_BAD_SIGNATURE] = "indirect call type mismatch",
        [WASMTIME_TRAP_CODE_INTEGER_OVERFLOW] = "integer overflow",
        [WASMTIME_TRAP_CODE_INTEGER_DIVISION_BY_ZERO] = "integer divide by zero",
        [WASMTIME_TRAP_CODE_BAD_CONVERSION_TO_INTEGER] = "invalid conversion to integer",
        [WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED] = "wasm `unreachable` instruction executed",
    };
    wasmtime_trap_code_t code;
    if (cause.data) {
        buffer_append_bytes(text, cause);
    } else if (trap && wasmtime_trap_code(trap, &code) && code < sizeof CAUSES / sizeof *CAUSES) {
        buffer_append_format(text, "wasm trap: %s", CAUSES[code]);
    } else {
        buffer_append_text(text, "wasm trap");
    }
    buffer_append_text(text, "\nwasm backtrace:");
    for (size_t i = 0; i < trace->size; i++) {
        const wasm_name_t *name = wasmtime_frame_func_name(trace->data[i]);
        buffer_append_format(text, "\n  %3zu: ", i);
        if (name) {
            buffer_append(text, name->data, name->size);
        } else {
            buffer_append_format(text, "<wasm function %u>", wasm_frame_func_index(trace->data[i]));
        }
    }
}

static bool trace_is_cheap(const wasm_frame_vec_t *trace) {
    for (size_t i = 0; i < trace->size; i++) {
        const wasm_name_t *name = wasmtime_frame_func_name(trace->data[i]);
        if (name && !name_is_cheap(bytes_of(name->data, name->size))) return false;
    }
    return true;
}

// Not what the demangler for C++ would take.
static bool name_is_cheap(Bytes name) {
    static const char GLOBAL[] = "_GLOBAL_";
    uint32_t at = 0;
    while (at < name.count && name.data[at] == '_') at++;
    if (at > 0 && at < name.count && name.data[at] == 'Z') return name_is_rust(name);
    return name.count < sizeof GLOBAL - 1 || memcmp(name.data, GLOBAL, sizeof GLOBAL - 1) != 0;
}

// Rust's older form, "_ZN" (length name)... "E", is tried first.
static bool name_is_rust(Bytes name) {
    if (name.count < 4 || memcmp(name.data, "_ZN", 3) != 0) return false;
    uint32_t at = 3;
    while (at < name.count && name.data[at] != 'E') {
        uint32_t count = 0;
        uint32_t start = at;
        while (at < name.count && name.data[at] >= '0' && name.data[at] <= '9') {
            count = count * 10 + (uint32_t)(name.data[at++] - '0');
            if (count > name.count) return false;
        }
        if (at == start || count > name.count - at) return false;
        at += count;
    }
    for (uint32_t i = 0; i < name.count; i++) {
        if (name.data[i] >= 0x80) return false;
    }
    return at + 1 == name.count;
}

uint32_t trap_frames(const wasm_trap_t *trap, uint32_t skip, Arena *arena, ModuleLogFrame *frames,
                     uint32_t frame_max) {
    wasm_frame_vec_t trace;
    wasm_byte_vec_t message = {0};
    wasm_trap_trace(trap, &trace);
    if (trace_is_cheap(&trace)) wasm_trap_message(trap, &message);
    Bytes text = bytes_of(message.data, message.size > 0 ? message.size - 1 : 0);
    uint32_t count = 0;
    for (uint32_t i = skip; i < trace.size && count < frame_max; i++) {
        Bytes name = frame_name(text, i, trace.data[i]);
        // Modules in WebAssembly have no name in records, as upstream.
        frames[count++] = (ModuleLogFrame){.func_name = name.data ? arena_copy(arena, name)
                                                                  : BYTES_NONE};
    }
    wasm_byte_vec_delete(&message);
    wasm_frame_vec_delete(&trace);
    return count;
}

// What follows "module!" in the line that begins with the frame's number; the frame's own name if it is not there.
static Bytes frame_name(Bytes backtrace, uint32_t number, const wasm_frame_t *frame) {
    const wasm_name_t *own = wasmtime_frame_func_name(frame);
    if (!own) return BYTES_NONE;
    const wasm_name_t *module = wasmtime_frame_module_name(frame);
    Bytes module_name = module ? bytes_of(module->data, module->size) : BYTES_LITERAL("<unknown>");
    char prefix[FRAME_NUMBER_BYTES_MAX];
    int prefix_count = snprintf(prefix, sizeof prefix, "  %3u: ", number);
    Bytes rest = backtrace;
    while (rest.count > 0) {
        Bytes line = line_take(&rest);
        if (line.count < (uint32_t)prefix_count ||
            memcmp(line.data, prefix, (size_t)prefix_count) != 0)
            continue;
        Bytes name = text_find(line, " - ");
        if (!name.data) break;
        name = bytes_after(name, 3);
        if (name.count > module_name.count && name.data[module_name.count] == '!' &&
            memcmp(name.data, module_name.data, module_name.count) == 0) {
            return bytes_after(name, module_name.count + 1);
        }
        return name;
    }
    return bytes_of(own->data, own->size);
}

// One cause a line, indented and numbered if there are several, becomes "cause: its cause".
static void text_write_causes(Buffer *buffer, Bytes causes) {
    bool is_first = true;
    while (causes.count > 0) {
        Bytes line = line_take(&causes);
        uint32_t at = 0;
        while (at < line.count && line.data[at] == ' ') at++;
        uint32_t digits = at;
        while (digits < line.count && line.data[digits] >= '0' && line.data[digits] <= '9')
            digits++;
        if (digits > at && line.count - digits >= 2 && line.data[digits] == ':') at = digits + 2;
        if (at == line.count) continue;
        if (!is_first) buffer_append_text(buffer, ": ");
        buffer_append_bytes(buffer, bytes_after(line, at));
        is_first = false;
    }
}

static Bytes line_take(Bytes *text) {
    const uint8_t *end = memchr(text->data, '\n', text->count);
    uint32_t count = end ? (uint32_t)(end - text->data) : text->count;
    Bytes line = {text->data, count};
    uint32_t skipped = end ? count + 1 : count;
    *text = bytes_after(*text, skipped);
    return line;
}

// From the first occurrence on; data == NULL if there is none.
static Bytes text_find(Bytes text, const char *wanted) {
    const uint8_t *at = memmem(text.data, text.count, wanted, strlen(wanted));
    if (!at) return BYTES_NONE;
    return bytes_after(text, (uint32_t)(at - text.data));
}

static Bytes bytes_after(Bytes bytes, uint32_t count) {
    return bytes_slice(bytes, count, bytes.count - count);
}

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
#include "host/wasm/trap.h"

#include <stdio.h>

#define BACKTRACE_START "error while executing at wasm backtrace:\n"
#define CAUSE_START "\n\nCaused by:\n"
// "  123: "
#define FRAME_NUMBER_BYTES_MAX 16u

static Bytes bytes_after(Bytes bytes, uint32_t count);
static Bytes text_find(Bytes text, const char *wanted);
static void text_write_causes(Buffer *buffer, Bytes causes);
static Bytes line_take(Bytes *text);
static Bytes frame_name(Bytes backtrace, uint32_t number, const wasm_frame_t *frame);

void trap_take_text(wasmtime_error_t *error, wasm_trap_t *trap, Buffer *text) {
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
    if (trap) wasm_trap_delete(trap);
    if (error) wasmtime_error_delete(error);
}

uint32_t trap_frames(const wasm_trap_t *trap, uint32_t skip, Arena *arena, ModuleLogFrame *frames,
                     uint32_t frame_max) {
    wasm_frame_vec_t trace;
    wasm_byte_vec_t message;
    wasm_trap_trace(trap, &trace);
    wasm_trap_message(trap, &message);
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

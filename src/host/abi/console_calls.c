// console_calls.c - the module's log and its timers (module-abi.md 6.6).
#include "host/abi/abi.h"
#include "host/text.h"

static bool log_text(Instance *instance, uint32_t at, uint32_t count, Bytes *ret_text);
static Bytes text_cut(Bytes text);
static Bytes text_repair(Instance *instance, Bytes text);
static ModuleLogLevel log_level(uint32_t value);

// A record that points nowhere is dropped; nothing here traps.
int64_t host_console_log(Instance *instance, const HostValue *args) {
    Bytes target = BYTES_NONE;
    Bytes filename = BYTES_NONE;
    Bytes message;
    if (args[1].u32 != 0 && !log_text(instance, args[1].u32, args[2].u32, &target)) return 0;
    if (args[3].u32 != 0 && !log_text(instance, args[3].u32, args[4].u32, &filename)) return 0;
    if (!log_text(instance, args[6].u32, args[7].u32, &message)) return 0;
    if (!utf8_is_valid(target) || !utf8_is_valid(filename) || !utf8_is_valid(message)) {
        buffer_clear(&instance->repair);
        // Room for all three at once: what was repaired first must not move. An invalid byte becomes three.
        size_t room = 3 * ((size_t)target.count + filename.count + message.count);
        if (!buffer_reserve(&instance->repair, room)) return 0;
        if (target.data) target = text_repair(instance, target);
        if (filename.data) filename = text_repair(instance, filename);
        message = text_repair(instance, message);
    }
    ModuleLogRecord record = {.level = log_level(args[0].u32),
                              .target = target,
                              .filename = filename,
                              .line = args[5].u32,
                              .function = instance->function,
                              .message = message};
    ModuleLogFrame frames[MODULE_TRACE_FRAMES_MAX];
    if (record.level == MODULE_LOG_PANIC) {
        arena_clear(&instance->scratch);
        record.trace = frames;
        record.trace_count = instance->engine->trace(instance, &instance->scratch, frames,
                                                     MODULE_TRACE_FRAMES_MAX);
    }
    instance->env->log(instance->env->user, &record);
    return 0;
}

static ModuleLogLevel log_level(uint32_t value) {
    uint8_t level = (uint8_t)value;
    if (level <= MODULE_LOG_TRACE || level == MODULE_LOG_PANIC) return (ModuleLogLevel)level;
    return MODULE_LOG_DEBUG;
}

// As guest_bytes, without the trap, and cut to MODULE_LOG_TEXT_BYTES_MAX.
static bool log_text(Instance *instance, uint32_t at, uint32_t count, Bytes *ret_text) {
    if (at != 0 && (uint64_t)at + count > instance->memory_bytes)
        instance->engine->memory_refresh(instance);
    if (at == 0 || (uint64_t)at + count > instance->memory_bytes) return false;
    *ret_text = text_cut((Bytes){instance->memory + at, count});
    return true;
}

// On a character's boundary, if the text has characters.
static Bytes text_cut(Bytes text) {
    if (text.count <= MODULE_LOG_TEXT_BYTES_MAX) return text;
    uint32_t count = MODULE_LOG_TEXT_BYTES_MAX;
    while (count > MODULE_LOG_TEXT_BYTES_MAX - 4 && (text.data[count] & 0xC0) == 0x80) count--;
    return (Bytes){text.data, count};
}

static Bytes text_repair(Instance *instance, Bytes text) {
    size_t start = instance->repair.count;
    text_write_lossy(&instance->repair, text);
    ASSERT(!instance->repair.failed);  // room was reserved
    return bytes_of(instance->repair.data + start, instance->repair.count - start);
}

int64_t host_console_timer_start(Instance *instance, const HostValue *args) {
    Bytes name;
    if (!guest_bytes(instance, args[0].u32, args[1].u32, &name)) return 0;
    if (name.count > MODULE_TIMER_NAME_BYTES_MAX) {
        return host_trap(instance, "the name of a console timer is longer than %u bytes",
                         MODULE_TIMER_NAME_BYTES_MAX);
    }
    if (!utf8_is_valid(name)) {
        buffer_clear(&instance->repair);
        name = text_repair(instance, name);
    }
    Os *os = instance->env->os;
    uint32_t handle = timers_open(&instance->timers, name, os->monotonic_nanos(os));
    if (handle == 0)
        return host_trap(instance, "more than %u console timers are running", MODULE_TIMERS_MAX);
    return handle;
}

int64_t host_console_timer_end(Instance *instance, const HostValue *args) {
    Timer *timer = timers_find(&instance->timers, args[0].u32);
    if (!timer) return ERRNO_NO_SUCH_TIMER;
    Os *os = instance->env->os;
    int64_t nanos = os->monotonic_nanos(os) - timer->start_nanos;
    Buffer *text = &instance->repair;
    buffer_clear(text);
    buffer_append_text(text, "Timing span ");
    text_write_debug(text, bytes_of(timer->name, timer->name_count));
    buffer_append_text(text, ": ");
    text_write_duration(text, nanos < 0 ? 0 : (uint64_t)nanos);
    timers_close(&instance->timers, args[0].u32);
    ASSERT(!text->failed);
    ModuleLogRecord record = {.level = MODULE_LOG_INFO,
                              .line = UINT32_MAX,
                              .function = instance->function,
                              .message = buffer_bytes(text)};
    instance->env->log(instance->env->user, &record);
    return ERRNO_OK;
}

// guest_module.h - a module for tests of db/: tables, a reducer, procedures, HTTP handlers and views, all of which run
// scripts (host/remote.h) that make whatever host calls a test writes down.
//
//   item(id u64 primary key, grp u64, value u64)         public; btree on id, btree on grp
//   timer(id u64 primary key, at ScheduleAt, script bytes)     scheduled: procedure tick
//   wakeup: like timer, if the test wants it                   scheduled: reducer fire
//   reducer run(script: bytes); fire(row of wakeup)
//   procedure run_p(script: bytes) -> array of u64, the results; tick(row of timer) -> (); wrong(script: bytes) -> bool
//   GET /echo: the request's BSATN as the body; POST /run: runs the body, its results are the body; any /any
//   views: as the test wishes; scripts' results are rows (word u64)
//
// The description is made by the builder of schema's tests, whose names are put out of the way.
#pragma once

#define ViewKind DefViewKind
#define VIEW_SENDER DEF_VIEW_SENDER
#define VIEW_ANONYMOUS DEF_VIEW_ANONYMOUS
#define builder_init def_builder_init
#define builder_done def_builder_done
#include "schema/def_builder.h"
#undef ViewKind
#undef VIEW_SENDER
#undef VIEW_ANONYMOUS
#undef builder_init
#undef builder_done

#include "host/remote.h"

#define GUEST_VIEWS_MAX 8u
#define GUEST_VIEW_AT 0x140000u  // scripts and replies of views, one after the other
#define GUEST_VIEW_BYTES 0x8000u
#define GUEST_HEAD_AT 0x1C0000u    // the HttpResponse of both handlers
#define GUEST_BUFFER_AT 0x1C8000u  // what echo copies
#define GUEST_BUFFER_BYTES 0x8000u
#define GUEST_SENDER_AT \
    0x1D0000u  // of the last view or handler call, four u64; the jwt source behind it
#define GUEST_TIME_AT 0x1D0080u  // of the last reducer or procedure call, u64
#define OP_I32_EQ 0x46
#define GUEST_ITEM_TABLE 4096u  // the first table of a new database
// What tick's argument has before the script: id, ScheduleAt, the length.
#define GUEST_TICK_SKIPPED (8u + 9u + 4u)

typedef struct GuestView {
    const char *name;
    bool is_per_sender;
    // One of the four:
    bool takes_number;     // a parameter u64; rows: that number, and how many items there are
    RemoteScript *script;  // rows of one u64; `words` of them
    uint32_t words;
    const char *sql;  // rows of item
    Bytes reply;      // these bytes, with this code
    uint32_t code;
} GuestView;

// The table `tray` of tests of updates: tray(id u64 primary key, n u32, s string, kind enum, [added u32]).
typedef struct Tray {
    bool is_private, is_event, has_no_key;
    bool has_index, has_unique, has_sequence;  // on n, on n, on id
    bool has_added, has_added_bare;            // `added` with the default 7, or without one
    bool lacks_text, is_reordered, n_is_wide;
    bool has_third_kind, has_one_kind, has_large_kind, has_renamed_kind;
    bool has_at;        // ScheduleAt in the place of s
    bool has_schedule;  // by it; calls fire_tray
} Tray;

typedef struct GuestSpec {
    const Tray *tray;
    const char *rls;  // one rule
    GuestView views[GUEST_VIEWS_MAX];
    uint32_t view_count;
    uint32_t salt;  // makes another program of it
    bool has_extra_table;
    bool has_alarm;
} GuestSpec;

// ---- the description ----

static inline void guest_describe_alarm(Builder *b, uint32_t timer) {
    TableSpec alarms = keyed_table(b, "wakeup", timer);
    add_table(b, alarms);
    add_schedule(b, "wakeup", 1, "fire");
    add_reducer(b, "fire", PRODUCT(b, field("row", ref_to(b, timer))));
}

static inline const Type *guest_kind(Builder *b, const Tray *tray) {
    const char *first = tray->has_renamed_kind ? "z" : "a";
    if (tray->has_one_kind) return SUM(b, field(first, type_unit()));
    if (tray->has_large_kind)
        return SUM(b, field(first, type_unit()), field("b", type_unit()), field("c", P(U64)));
    if (tray->has_third_kind)
        return SUM(b, field(first, type_unit()), field("b", type_unit()), field("c", type_unit()));
    return SUM(b, field(first, type_unit()), field("b", type_unit()));
}

// Returns the row's type.
static inline uint32_t guest_describe_tray(Builder *b, const Tray *tray) {
    uint32_t kind = add_type(b, "Kind", guest_kind(b, tray));
    TypeField fields[5];
    uint32_t count = 0;
    TypeField n = field("n", P(U32));
    TypeField s = field("s", P(STRING));
    if (tray->n_is_wide) n = field("n", P(U64));
    if (tray->has_at) s = field("s", type_special(SPECIAL_SCHEDULE_AT));
    fields[count++] = field("id", P(U64));
    fields[count++] = tray->is_reordered ? s : n;
    if (!tray->lacks_text) fields[count++] = tray->is_reordered ? n : s;
    fields[count++] = field("kind", ref_to(b, kind));
    if (tray->has_added || tray->has_added_bare) fields[count++] = field("added", P(U32));
    uint32_t row = add_type(b, "Tray", type_product(&b->arena, fields, count));
    TableSpec spec = keyed_table(b, "tray", row);
    if (tray->has_no_key) spec.primary_key_count = 0;
    spec.is_private = tray->is_private;
    spec.is_event = tray->is_event;
    if (tray->has_index || tray->has_unique)
        spec.indexes[spec.index_count++] = (IndexSpec){
            .name = "tray_n_index", .columns = {1}, .count = 1};
    if (tray->has_unique)
        spec.uniques[spec.unique_count++] = (UniqueSpec){.columns = {1}, .count = 1};
    if (tray->has_sequence) spec.sequences[spec.sequence_count++] = (SequenceSpec){.column = 0};
    if (tray->has_added)
        spec.defaults[spec.default_count++] = (DefaultSpec){
            .column = (uint16_t)(count - 1), .value = "\x07\0\0\0", .count = 4};
    add_table(b, spec);
    if (tray->has_schedule) add_schedule(b, "tray", 2, "fire_tray");
    return row;
}

static inline void guest_describe(const GuestSpec *spec, Buffer *out) {
    Builder b;
    def_builder_init(&b);
    const Type *u64_type = P(U64);
    const Type *bytes_type = type_array(&b.arena, P(U8));
    uint32_t item = add_type(
        &b, "Item",
        PRODUCT(&b, field("id", u64_type), field("grp", u64_type), field("value", u64_type)));
    uint32_t timer = add_type(&b, "Timer",
                              PRODUCT(&b, field("id", u64_type),
                                      field("at", type_special(SPECIAL_SCHEDULE_AT)),
                                      field("script", bytes_type)));
    uint32_t word = add_type(&b, "Word", PRODUCT(&b, field("word", u64_type)));
    TableSpec items = keyed_table(&b, "item", item);
    items.indexes[1] = (IndexSpec){.name = "item_grp_index", .columns = {1}, .count = 1};
    items.index_count = 2;
    add_table(&b, items);
    TableSpec timers = keyed_table(&b, "timer", timer);
    timers.is_private = true;
    add_table(&b, timers);
    uint32_t tray = spec->tray ? guest_describe_tray(&b, spec->tray) : 0;
    if (spec->rls) add_rls(&b, spec->rls);
    if (spec->has_extra_table) add_table(&b, keyed_table(&b, "extra", item));
    add_schedule(&b, "timer", 1, "tick");
    add_reducer(&b, "run", PRODUCT(&b, field("script", bytes_type)));
    if (spec->has_alarm) guest_describe_alarm(&b, timer);
    if (spec->tray && spec->tray->has_at)
        add_reducer(&b, "fire_tray", PRODUCT(&b, field("row", ref_to(&b, tray))));
    add_procedure(&b, "run_p", PRODUCT(&b, field("script", bytes_type)),
                  type_array(&b.arena, u64_type));
    add_procedure(&b, "tick", PRODUCT(&b, field("row", ref_to(&b, timer))), type_unit());
    add_procedure(&b, "wrong", PRODUCT(&b, field("script", bytes_type)), P(BOOL));
    add_handler(&b, "echo");
    add_handler(&b, "run_h");
    add_route(&b, "echo", 0, "/echo");
    add_route(&b, "run_h", 2, "/run");
    add_route(&b, "echo", -1, "/any");
    for (uint32_t i = 0; i < spec->view_count; i++) {
        const GuestView *view = &spec->views[i];
        const Type *row = ref_to(&b, view->sql ? item : word);
        const Type *params = view->takes_number ? PRODUCT(&b, field("number", u64_type))
                                                : type_product(&b.arena, NULL, 0);
        add_view(&b, view->name, view->is_per_sender ? DEF_VIEW_SENDER : DEF_VIEW_ANONYMOUS, params,
                 type_array(&b.arena, row));
    }
    buffer_append_bytes(out, builder_bytes(&b));
    def_builder_done(&b);
}

// ---- functions ----

typedef struct GuestBuild {
    WasmBuilder wasm;
    Buffer body;
    const HostCall *calls;
    uint32_t call_count;
    uint32_t source_read;
    uint32_t sink_write;
} GuestBuild;

static inline uint32_t guest_run(GuestBuild *build, RemoteEntry entry) {
    buffer_clear(&build->body);
    uint32_t self = build->wasm.import_function_count + build->wasm.function_count;
    remote_emit_run(&build->body, build->calls, build->call_count, build->source_read,
                    build->sink_write, self, entry);
    return builder_function(&build->wasm, "ii:i", &build->body);
}

// Writes `count` bytes of memory into the sink that is a parameter.
static inline void guest_emit_write(GuestBuild *build, uint32_t sink_param, uint32_t at,
                                    uint32_t count) {
    Buffer *body = &build->body;
    emit_i32(body, 24);
    emit_i32(body, count);
    emit_memory(body, OP_I32_STORE, 0);
    emit_get(body, sink_param);
    emit_i32(body, at);
    emit_i32(body, 24);
    emit_call(body, build->sink_write);
    buffer_u8(body, OP_DROP);
}

// (source, sink) -> code: these bytes.
static inline uint32_t guest_reply(GuestBuild *build, uint32_t at, Bytes reply, uint32_t code) {
    ASSERT(reply.count <= GUEST_VIEW_BYTES);
    if (reply.count > 0) builder_data(&build->wasm, at, reply);
    buffer_clear(&build->body);
    buffer_u8(&build->body, 0);
    guest_emit_write(build, 1, at, reply.count);
    emit_i32(&build->body, code);
    buffer_u8(&build->body, OP_END);
    return builder_function(&build->wasm, "ii:i", &build->body);
}

// if (id == `value`) return function(args, sink);
static inline void guest_emit_case(GuestBuild *build, uint32_t value, uint32_t function,
                                   uint32_t args_param, uint32_t sink_param) {
    Buffer *body = &build->body;
    emit_get(body, 0);
    emit_i32(body, value);
    buffer_append(body, (uint8_t[]){OP_I32_EQ, OP_IF, BLOCK_EMPTY}, 3);
    emit_get(body, args_param);
    emit_get(body, sink_param);
    emit_call(body, function);
    buffer_append(body, (uint8_t[]){OP_RETURN, OP_END}, 2);
}

static inline void guest_emit_sender(GuestBuild *build) {
    for (uint32_t i = 0; i < 4; i++) {
        emit_i32(&build->body, GUEST_SENDER_AT + 8 * i);
        emit_get(&build->body, 1 + i);
        emit_memory(&build->body, OP_I64_STORE, 0);
    }
}

static inline void guest_export(GuestBuild *build, const char *name, const char *signature) {
    emit_i32(&build->body, 99);
    buffer_u8(&build->body, OP_END);
    builder_export(&build->wasm, name, EXPORT_FUNCTION,
                   builder_function(&build->wasm, signature, &build->body));
}

// (source, sink): 2, the number that the source holds, the row count of table `item` (whose id is known to be the first).
static inline uint32_t guest_number_view(GuestBuild *build, uint32_t at) {
    Buffer *body = &build->body;
    builder_data(&build->wasm, at, BYTES_LITERAL("\x02\0\0\0"));
    buffer_clear(body);
    buffer_u8(body, 0);
    emit_i32(body, 24);
    emit_i32(body, 8);
    emit_memory(body, OP_I32_STORE, 0);
    emit_get(body, 0);
    emit_i32(body, at + 4);
    emit_i32(body, 24);
    emit_call(body, build->source_read);
    buffer_u8(body, OP_DROP);
    emit_i32(body, GUEST_ITEM_TABLE);
    emit_i32(body, at + 12);
    emit_call(body, remote_op("datastore_table_row_count"));
    buffer_u8(body, OP_DROP);
    guest_emit_write(build, 1, at, 20);
    emit_i32(body, 0);
    buffer_u8(body, OP_END);
    return builder_function(&build->wasm, "ii:i", body);
}

static inline uint32_t guest_view_function(GuestBuild *build, const GuestView *view,
                                           uint32_t slot) {
    uint32_t at = GUEST_VIEW_AT + slot * GUEST_VIEW_BYTES;
    Buffer bytes;
    buffer_init(&bytes, SCRIPT_BYTES_MAX);
    uint32_t function = 0;
    if (view->takes_number) {
        function = guest_number_view(build, at);
    } else if (view->script) {
        script_finish_at(view->script, &bytes, at, view->words);
        ASSERT(bytes.count <= GUEST_VIEW_BYTES);
        builder_data(&build->wasm, at, buffer_bytes(&bytes));
        function = guest_run(build, (RemoteEntry){.script_at = at, .writes_count = true});
    } else if (view->sql) {
        buffer_u8(&bytes, 1);
        buffer_string(&bytes, bytes_of_text(view->sql));
        function = guest_reply(build, at, buffer_bytes(&bytes), 2);
    } else {
        function = guest_reply(build, at, view->reply, view->code);
    }
    buffer_done(&bytes);
    return function;
}

static inline void guest_views(GuestBuild *build, const GuestSpec *spec) {
    uint32_t functions[GUEST_VIEWS_MAX];
    for (uint32_t i = 0; i < spec->view_count; i++)
        functions[i] = guest_view_function(build, &spec->views[i], i);
    for (uint32_t per_sender = 0; per_sender < 2; per_sender++) {
        buffer_clear(&build->body);
        buffer_u8(&build->body, 0);
        if (per_sender) guest_emit_sender(build);
        uint32_t index = 0;
        for (uint32_t i = 0; i < spec->view_count; i++) {
            if (spec->views[i].is_per_sender != (per_sender == 1)) continue;
            guest_emit_case(build, index++, functions[i], per_sender ? 5 : 1, per_sender ? 6 : 2);
        }
        guest_export(build, per_sender ? "__call_view__" : "__call_view_anon__",
                     per_sender ? "illllii:i" : "iii:i");
    }
}

static inline void guest_handlers(GuestBuild *build) {
    static const uint8_t HEAD[] = {1,   0,   0, 0, 7, 0, 0,   0,   'x', '-', 'g', 'u', 'e',
                                   's', 't', 3, 0, 0, 0, 'y', 'e', 's', 2,   201, 0};
    builder_data(&build->wasm, GUEST_HEAD_AT, bytes_of(HEAD, sizeof HEAD));
    uint32_t run = guest_run(build, (RemoteEntry){.script_at = SCRIPT_AT});
    Buffer *body = &build->body;
    buffer_clear(body);
    buffer_u8(body, 0);
    guest_emit_sender(build);
    emit_i32(body, GUEST_SENDER_AT + 32);
    emit_get(body, 5);
    emit_memory(body, OP_I32_STORE, 0);
    guest_emit_write(build, 9, GUEST_HEAD_AT, sizeof HEAD);
    guest_emit_case(build, 1, run, 8, 10);
    emit_i32(body, 24);
    emit_i32(body, GUEST_BUFFER_BYTES);
    emit_memory(body, OP_I32_STORE, 0);
    emit_get(body, 7);
    emit_i32(body, GUEST_BUFFER_AT);
    emit_i32(body, 24);
    emit_call(body, build->source_read);
    buffer_u8(body, OP_DROP);
    emit_get(body, 10);
    emit_i32(body, GUEST_BUFFER_AT);
    emit_i32(body, 24);
    emit_call(body, build->sink_write);
    buffer_append(body, (uint8_t[]){OP_DROP, OP_I32_CONST, 0, OP_RETURN}, 4);
    guest_export(build, "__call_http_handler__", "illlliliiii:i");
}

static inline void guest_emit_time(GuestBuild *build) {
    emit_i32(&build->body, GUEST_TIME_AT);
    emit_get(&build->body, 7);
    emit_memory(&build->body, OP_I64_STORE, 0);
}

static inline void guest_calls(GuestBuild *build) {
    uint32_t silent = guest_run(build, (RemoteEntry){.script_at = SCRIPT_AT, .skipped = 4});
    uint32_t array = guest_run(
        build, (RemoteEntry){.script_at = SCRIPT_AT, .skipped = 4, .writes_count = true});
    uint32_t tick = guest_run(build,
                              (RemoteEntry){.script_at = SCRIPT_AT, .skipped = GUEST_TICK_SKIPPED});
    buffer_clear(&build->body);
    buffer_u8(&build->body, 0);
    guest_emit_time(build);
    guest_emit_case(build, 0, silent, 8, 9);
    guest_emit_case(build, 1, tick, 8, 9);
    guest_export(build, "__call_reducer__", "illlllllii:i");
    buffer_clear(&build->body);
    buffer_u8(&build->body, 0);
    guest_emit_time(build);
    guest_emit_case(build, 0, array, 8, 9);
    guest_emit_case(build, 1, tick, 8, 9);
    guest_emit_case(build, 2, array, 8, 9);
    guest_export(build, "__call_procedure__", "illlllllii:i");
}

// ---- the whole ----

static inline Bytes guest_module_build(const GuestSpec *spec, Arena *arena) {
    GuestBuild build = {0};
    builder_init(&build.wasm);
    buffer_init(&build.body, BUILDER_BYTES_MAX);
    build.calls = host_calls(&build.call_count);
    for (uint32_t i = 0; i < build.call_count; i++) {
        const HostCall *call = &build.calls[i];
        builder_import(&build.wasm, call->module, call->name, call->signature);
        if (strcmp(call->name, "bytes_source_read") == 0) build.source_read = i;
        if (strcmp(call->name, "bytes_sink_write") == 0) build.sink_write = i;
    }
    guest_calls(&build);
    guest_views(&build, spec);
    guest_handlers(&build);

    Buffer bytes;
    buffer_init(&bytes, SCRIPT_AT - DESCRIPTION_AT);
    guest_describe(spec, &bytes);
    ASSERT(!bytes.failed);
    builder_data(&build.wasm, DESCRIPTION_AT, buffer_bytes(&bytes));
    buffer_clear(&build.body);
    buffer_u8(&build.body, 0);
    guest_emit_write(&build, 0, DESCRIPTION_AT, (uint32_t)bytes.count);
    buffer_u8(&build.body, OP_END);
    builder_export(&build.wasm, "__describe_module__", EXPORT_FUNCTION,
                   builder_function(&build.wasm, "i:", &build.body));
    uint8_t salt[4];
    store_u32le(salt, spec->salt);
    builder_data(&build.wasm, GUEST_SENDER_AT + 64, bytes_of(salt, sizeof salt));
    builder_memory(&build.wasm, REMOTE_PAGES);
    builder_export(&build.wasm, "memory", EXPORT_MEMORY, 0);
    Buffer module;
    buffer_init(&module, BUILDER_BYTES_MAX);
    builder_finish(&build.wasm, &module);
    Bytes result = arena_copy(arena, buffer_bytes(&module));
    buffer_done(&module);
    buffer_done(&bytes);
    buffer_done(&build.body);
    builder_done(&build.wasm);
    return result;
}

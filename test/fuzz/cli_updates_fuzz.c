// cli_updates_fuzz.c - what a server sends over a WebSocket: any bytes, in pieces.
//
// The first byte says how long the pieces are. Every whole message is taken for an update of the
// tables of a small definition.
#include "cli/updates.h"
#include "cli/ws_frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static const char MODULE[] =
    "{\"sections\":[{\"Typespace\":{\"types\":[{\"Product\":{\"elements\":[{\"name\":{\"some\":"
    "\"name\"}"
    ",\"algebraic_type\":{\"String\":[]}},{\"name\":{\"some\":\"b\"},\"algebraic_type\":{\"Bool\":["
    "]}}]"
    "}}]}},{\"Tables\":[{\"source_name\":\"t\",\"product_type_ref\":0}]}]}";

static void take_message(Cli *cli, const ModuleInfo *module, Bytes message) {
    Reader reader = reader_of(message);
    Update update;
    Buffer line;
    buffer_init(&line, 1u << 20);
    while (reader_left(&reader) > 0 && update_read(cli, &reader, &update) == STATUS_OK) {
        buffer_clear(&line);
        if (update.tables.data == NULL) continue;
        if (update_write_line(cli, &update, module, &line) != STATUS_OK) break;
        ASSERT(line.data[line.count - 1] == '\n');
    }
    buffer_done(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count == 0) return 0;
    Cli cli = {.os = os_real()};
    arena_init(&cli.arena, 1ull << 30);
    ModuleInfo module;
    Status status = module_info_read(&cli, bytes_of_text(MODULE), &module);
    ASSERT(status == STATUS_OK);
    take_message(&cli, &module, bytes_of(data, count));
    FrameReader frames;
    frame_reader_init(&frames);
    size_t piece = 1 + data[0];
    FrameReadOutcome outcome = FRAME_READ_NOTHING;
    for (size_t at = 1; at < count && outcome != FRAME_READ_BROKEN; at += piece) {
        size_t left = count - at;
        if (!frame_reader_feed(&frames, bytes_of(data + at, left < piece ? left : piece))) break;
        WsFrameKind kind = WS_FRAME_CLOSE;
        Bytes bytes = BYTES_NONE;
        while ((outcome = frame_reader_next(&frames, &kind, &bytes)) == FRAME_READ_FRAME) {
            if (kind == WS_FRAME_BINARY) take_message(&cli, &module, bytes);
        }
    }
    frame_reader_done(&frames);
    arena_done(&cli.arena);
    return 0;
}

// sats_text_fuzz.c - identities, connection ids, uuids and timestamps as text, from URLs and SQL.
//
// What is taken must, written and read again, be the same.
#include "sats/sats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static void check_identity(Bytes text) {
    Identity identity;
    Identity again;
    char written[IDENTITY_HEX_COUNT + 1];
    if (!identity_parse(text, &identity)) return;
    identity_to_hex(&identity, written);
    ASSERT(identity_parse(bytes_of_text(written), &again));
    ASSERT(identity_equal(&identity, &again));
}

static void check_connection_id(Bytes text) {
    ConnectionId id;
    ConnectionId again;
    char written[CONNECTION_ID_HEX_COUNT + 1];
    if (!connection_id_parse(text, &id)) return;
    connection_id_to_hex(&id, written);
    ASSERT(connection_id_parse(bytes_of_text(written), &again));
    ASSERT(memcmp(id.bytes, again.bytes, sizeof id.bytes) == 0);
}

static void check_uuid(Bytes text, Buffer *written) {
    uint8_t uuid[16];
    uint8_t again[16];
    if (!uuid_parse(text, uuid)) return;
    buffer_clear(written);
    uuid_write_text(written, uuid);
    ASSERT(uuid_parse(buffer_bytes(written), again));
    ASSERT(memcmp(uuid, again, sizeof uuid) == 0);
}

static void check_timestamp(Bytes text, Buffer *written) {
    int64_t micros = 0;
    int64_t again = 0;
    if (!timestamp_parse(text, &micros)) return;
    buffer_clear(written);
    timestamp_write_text(written, micros);
    // An offset can lead out of the years that have four digits.
    if (written->data[0] == '+' || written->data[0] == '-') return;
    ASSERT(timestamp_parse(buffer_bytes(written), &again));
    ASSERT(micros == again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count > UINT32_MAX) return 0;
    Buffer written;
    buffer_init(&written, 4096);
    Bytes text = bytes_of(data, count);
    check_identity(text);
    check_connection_id(text);
    check_uuid(text, &written);
    check_timestamp(text, &written);
    if (count >= 8) {
        int64_t any = (int64_t)load_u64le(data);
        buffer_clear(&written);
        timestamp_write_text(&written, any);
        time_duration_write_text(&written, any);
        ASSERT(!written.failed);
    }
    buffer_done(&written);
    return 0;
}

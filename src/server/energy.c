// energy.c - balances of energy, which a standalone server keeps and nobody spends (http-api.md 6.2).
//
// They are lines "identity balance" of the file `energy`, written anew with each credit: credits are rare and few.

#include "server/changes.h"
#include "server/handlers.h"
#include "server/inside.h"

#include <stdio.h>

#define ENERGY_BYTES_MAX (4u << 20)  // of the file: some 40,000 balances
#define BALANCE_MAX ((__int128)(((unsigned __int128)1 << 127) - 1))

typedef struct EnergyRequest {
    Identity identity;
    unsigned __int128 amount;
    bool is_credit;
} EnergyRequest;

static bool parse_amount(Bytes text, unsigned __int128 *ret_amount);
static void control_energy(PoolJob *job);
static bool find_balance(Bytes *lines, const char *hex, __int128 *ret_balance, Bytes *ret_line);
static void write_number(Buffer *buffer, __int128 number);

void handle_energy_get(WebRequest *request) {
    EnergyRequest *own = ARENA_NEW(request->arena, EnergyRequest);
    request->own = own;
    Bytes text;
    if (!web_param(request, 0, &text)) return;
    if (text.count != IDENTITY_HEX_COUNT || !identity_parse(text, &own->identity)) {
        web_answer_text(request, 400, "Invalid URL: `%.*s` is not an identity", BYTES_FORMAT(text));
        return;
    }
    changes_post(request, control_energy);
}

// To the caller, whoever is in the path.
void handle_energy_credit(WebRequest *request) {
    EnergyRequest *own = ARENA_NEW(request->arena, EnergyRequest);
    own->identity = request->claims.identity;
    own->is_credit = true;
    request->own = own;
    Bytes text;
    if (!web_query(request, "amount", &text)) return;
    if (text.data && !parse_amount(text, &own->amount)) {
        web_answer_empty(request, 400);
        return;
    }
    changes_post(request, control_energy);
}

// Only the identity of zeros may, and nobody has that.
void handle_energy_set(WebRequest *request) {
    web_answer_empty(request, 401);
}

static bool parse_amount(Bytes text, unsigned __int128 *ret_amount) {
    const unsigned __int128 max = ~(unsigned __int128)0;
    unsigned __int128 amount = 0;
    for (uint32_t i = 0; i < text.count; i++) {
        uint8_t digit = (uint8_t)(text.data[i] - '0');
        if (digit > 9 || amount > max / 10 || (amount == max / 10 && digit > max % 10))
            return false;
        amount = amount * 10 + digit;
    }
    *ret_amount = amount;
    return text.count > 0;
}

static void control_energy(PoolJob *job) {
    WebRequest *request = WEB_OF_JOB(job);
    const EnergyRequest *own = request->own;
    Os *os = request->server->os;
    const char *path = data_dir_file(&request->server->dir, "energy", request->arena);
    Bytes lines = BYTES_NONE;
    Error error;
    Status status = STATUS_OK;
    if (os_path_exists(os, path)) {
        status = os_file_read_all(os, path, ENERGY_BYTES_MAX, request->arena, &lines, &error);
    }
    char hex[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&own->identity, hex);
    __int128 balance = 0;
    Bytes line = BYTES_NONE;
    (void)find_balance(&lines, hex, &balance, &line);
    Buffer text;
    buffer_init(&text, ENERGY_BYTES_MAX);
    if (status == STATUS_OK && own->is_credit) {
        unsigned __int128 room = (unsigned __int128)BALANCE_MAX - (unsigned __int128)balance;
        balance = own->amount > room ? BALANCE_MAX : balance + (__int128)own->amount;
        uint32_t before = line.data ? (uint32_t)(line.data - lines.data) : lines.count;
        buffer_append(&text, lines.data, before);
        buffer_append(&text, lines.data + before + line.count, lines.count - before - line.count);
        buffer_append_format(&text, "%s ", hex);
        write_number(&text, balance);
        buffer_append_text(&text, "\n");
        status = text.failed ? error_set(&error, STATUS_LIMIT, "too many balances")
                             : os_file_replace(os, path, buffer_bytes(&text), &error);
    }
    buffer_clear(&text);
    write_number(&text, balance);
    if (status != STATUS_OK) {
        web_answer_text(request, 500, "%s", error.text);
    } else {
        web_answer_json(request, 200,
                        arena_format(request->arena, "{\"balance\":\"%.*s\"}",
                                     BYTES_FORMAT(buffer_bytes(&text))));
    }
    buffer_done(&text);
}

// ret_line  with its end; what follows a balance that is none is 0
static bool find_balance(Bytes *lines, const char *hex, __int128 *ret_balance, Bytes *ret_line) {
    for (uint32_t at = 0; at < lines->count;) {
        const uint8_t *start = lines->data + at;
        const uint8_t *end = memchr(start, '\n', lines->count - at);
        uint32_t count = end ? (uint32_t)(end - start) : lines->count - at;
        at += count + (end ? 1 : 0);
        if (count <= IDENTITY_HEX_COUNT + 1 || memcmp(start, hex, IDENTITY_HEX_COUNT) != 0)
            continue;
        unsigned __int128 number = 0;
        Bytes digits = bytes_of(start + IDENTITY_HEX_COUNT + 1, count - IDENTITY_HEX_COUNT - 1);
        if (!parse_amount(digits, &number)) number = 0;
        *ret_balance = number > (unsigned __int128)BALANCE_MAX ? BALANCE_MAX : (__int128)number;
        *ret_line = bytes_of(start, count + (end ? 1 : 0));
        return true;
    }
    return false;
}

static void write_number(Buffer *buffer, __int128 number) {
    ASSERT(number >= 0);
    char digits[41];
    uint32_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + (int)(number % 10));
        number /= 10;
    } while (number > 0);
    buffer_append(buffer, digits + at, sizeof digits - at);
}

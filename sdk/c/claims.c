// claims.c - the members of a token's claims: as much JSON as that takes.
//
// The host has checked the token, so its claims are one JSON object. What is not, is treated as if
// the member were not there; the scanner never leaves the text.
#include "memory.h"

#include <spacetime/module.h>

#define DEPTH_MAX 64u

typedef struct Scan {
    const char *at, *end;
} Scan;

static bool find_member(StdbString claims, const char *name, Scan *ret_value);
static char peek(Scan *scan);
static bool take(Scan *scan, char wanted);
static bool scan_text(Scan *scan, StdbString *ret_text);
static bool scan_escape(Scan *scan, char *target, uint32_t *length);
static bool scan_hex(Scan *scan, uint32_t *ret_code);
static uint32_t put_utf8(char *target, uint32_t code);
static bool skip_value(Scan *scan);

bool stdb_claim_text(StdbString claims, const char *name, StdbString *ret_value) {
    Scan scan;
    return find_member(claims, name, &scan) && scan_text(&scan, ret_value);
}

bool stdb_claim_has(StdbString claims, const char *name, StdbString value) {
    Scan scan;
    StdbString text;
    if (!find_member(claims, name, &scan)) return false;
    if (peek(&scan) == '"') return scan_text(&scan, &text) && stdb_string_equal(text, value);
    if (!take(&scan, '[')) return false;
    do {
        if (peek(&scan) != '"') {
            if (!skip_value(&scan)) return false;
        } else if (!scan_text(&scan, &text)) {
            return false;
        } else if (stdb_string_equal(text, value)) {
            return true;
        }
    } while (take(&scan, ','));
    return false;
}

// The scan stands at the member's value.
static bool find_member(StdbString claims, const char *name, Scan *ret_value) {
    Scan scan = {claims.data, claims.data + claims.length};
    if (!take(&scan, '{')) return false;
    do {
        StdbString key;
        if (!scan_text(&scan, &key) || !take(&scan, ':')) return false;
        if (stdb_string_equal(key, stdb_string(name))) {
            *ret_value = scan;
            return true;
        }
        if (!skip_value(&scan)) return false;
    } while (take(&scan, ','));
    return false;
}

// The next character that is no space, not taken; 0 at the end.
static char peek(Scan *scan) {
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
    return scan->at < scan->end ? *scan->at : 0;
}

static bool take(Scan *scan, char wanted) {
    if (peek(scan) != wanted) return false;
    scan->at++;
    return true;
}

static bool scan_text(Scan *scan, StdbString *ret_text) {
    if (!take(scan, '"')) return false;
    char *text = (char *)memory_borrow((size_t)(scan->end - scan->at) +
                                       1);  // never longer than written
    uint32_t length = 0;
    while (scan->at < scan->end && *scan->at != '"') {
        if (*scan->at != '\\') {
            text[length++] = *scan->at++;
        } else if (!scan_escape(scan, text, &length)) {
            return false;
        }
    }
    if (scan->at == scan->end) return false;
    scan->at++;
    text[length] = 0;
    memory_keep((size_t)length + 1);
    *ret_text = (StdbString){text, length};
    return true;
}

static bool scan_escape(Scan *scan, char *target, uint32_t *length) {
    scan->at++;
    if (scan->at == scan->end) return false;
    char kind = *scan->at++;
    uint32_t code = 0;
    switch (kind) {
    case 'n': code = '\n'; break;
    case 't': code = '\t'; break;
    case 'r': code = '\r'; break;
    case 'b': code = '\b'; break;
    case 'f': code = '\f'; break;
    case 'u': {
        if (!scan_hex(scan, &code)) return false;
        if (code < 0xd800 || code > 0xdfff) break;
        uint32_t low = 0;  // the second half of a pair
        if (code > 0xdbff || scan->end - scan->at < 2 || scan->at[0] != '\\' || scan->at[1] != 'u')
            return false;
        scan->at += 2;
        if (!scan_hex(scan, &low) || low < 0xdc00 || low > 0xdfff) return false;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        break;
    }
    default: code = (uint8_t)kind; break;
    }
    *length += put_utf8(target + *length, code);
    return true;
}

static bool scan_hex(Scan *scan, uint32_t *ret_code) {
    uint32_t code = 0;
    if (scan->end - scan->at < 4) return false;
    for (int i = 0; i < 4; i++) {
        char digit = *scan->at++;
        uint32_t value = digit >= '0' && digit <= '9'   ? (uint32_t)(digit - '0')
                         : digit >= 'a' && digit <= 'f' ? (uint32_t)(digit - 'a' + 10)
                         : digit >= 'A' && digit <= 'F' ? (uint32_t)(digit - 'A' + 10)
                                                        : 16;
        if (value == 16) return false;
        code = code << 4 | value;
    }
    *ret_code = code;
    return true;
}

// An escape of six characters becomes three bytes at most, a pair of twelve becomes four.
static uint32_t put_utf8(char *target, uint32_t code) {
    if (code < 0x80) {
        target[0] = (char)code;
        return 1;
    }
    uint32_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t FIRST[] = {0, 0xc0, 0xe0, 0xf0};
    target[0] = (char)(FIRST[more] | code >> 6 * more);
    for (uint32_t i = 1; i <= more; i++) target[i] = (char)(0x80 | (code >> 6 * (more - i) & 0x3f));
    return more + 1;
}

// Any value, brackets by depth; texts are passed over whole, so brackets in them do not count.
static bool skip_value(Scan *scan) {
    uint32_t depth = 0;
    do {
        char next = peek(scan);
        if (next == 0) return false;
        if (next == '"') {
            StdbString text;
            if (!scan_text(scan, &text)) return false;
            continue;
        }
        if (depth == 0 && (next == ',' || next == '}' || next == ']')) return true;
        scan->at++;
        if (next == '{' || next == '[') depth++;
        if (depth > DEPTH_MAX) return false;
        if ((next == '}' || next == ']') && depth > 0) depth--;
    } while (depth > 0 ||
             (peek(scan) != ',' && peek(scan) != '}' && peek(scan) != ']' && peek(scan) != 0));
    return true;
}

// json_read.c - values from SATS-JSON, directed by their type (sats.md 4.5).
//
// Values are appended in the order of the text. The fields of an object may come in any order:
// where each one's bytes begin and end is noted on a stack in `scratch`, and if the order was not
// the type's they are put into it when the object ends. The scanner (json_scan.c) owns position,
// depth, path and the texts of broken JSON; here are the texts of JSON that is no value of the
// type.
#include "sats/json_scan.h"
#include "sats/sats.h"

#include <stdio.h>

// Notes about open objects and decoded keys: at most a few times the text and one type.
#define JSON_SCRATCH_BYTES_MAX (1u << 30)
// A list of alternatives in a text.
#define NAMES_BYTES_MAX 512u
// A field's note: where its bytes begin, plus one (0: not seen), and how many they are.
#define SPAN_BYTES 16u

typedef struct JsonReader {
    JsonScanner scanner;
    const Typespace *typespace;
    JsonReadOptions options;  // of the root
    Buffer *out;
    Buffer scratch;
    uint32_t empty_left;  // elements without bytes, over the whole value
} JsonReader;

// A product being read: the root is worded differently.
typedef struct Product {
    const Type *type;
    bool is_arguments;
} Product;

static bool read_value(JsonReader *reader, const Type *type);
static bool read_bool(JsonReader *reader);
static bool read_integer(JsonReader *reader, const Type *type);
static bool read_integer_128(JsonReader *reader, TypeKind kind);
static bool read_integer_256(JsonReader *reader, TypeKind kind);
static bool read_float(JsonReader *reader, TypeKind kind);
static bool read_string(JsonReader *reader);
static bool read_array(JsonReader *reader, const Type *element);
static bool read_bytes(JsonReader *reader);
static void read_elements(JsonReader *reader, const Type *element);
static bool read_product(JsonReader *reader, Product product);
static void read_positional(JsonReader *reader, Product product);
static void read_named(JsonReader *reader, Product product);
static bool read_field(JsonReader *reader, Product product, JsonString key, size_t spans,
                       bool *in_order);
static bool read_sum(JsonReader *reader, const Type *type);
static void read_sum_object(JsonReader *reader, const Type *type);
static void read_sum_array(JsonReader *reader, const Type *type);
static bool read_variant(JsonReader *reader, const Type *type, uint8_t *ret_tag);
static bool find_variant(JsonReader *reader, const Type *type, JsonString name, uint8_t *ret_tag);
static bool check_tag(JsonReader *reader, const Type *type, uint64_t tag, uint8_t *ret_tag);
static bool read_step(JsonReader *reader, const Type *type, JsonStep step);
static void order_fields(JsonReader *reader, const Type *type, size_t spans);
static bool append_decoded(Buffer *buffer, JsonString string);
static Bytes key_text(JsonReader *reader, JsonString key);
static bool parse_u8(Bytes text, uint64_t *ret_value);
static const char *parse_hex_256(Bytes text, bool is_signed, uint8_t ret_bytes[32]);
static bool fail_bracket(JsonReader *reader, int byte, const char *expected);
static void write_names(Buffer *buffer, const Type *type, bool counts_unnamed);
static bool fail_unknown(JsonReader *reader, const char *what, Bytes name, const Type *type);
static bool fail_field(JsonReader *reader, Product product, const char *problem, uint32_t index);

static const char *const KIND_WORDS[TYPE_KIND_COUNT] = {
    [TYPE_I8] = "i8",   [TYPE_U8] = "u8",   [TYPE_I16] = "i16", [TYPE_U16] = "u16",
    [TYPE_I32] = "i32", [TYPE_U32] = "u32", [TYPE_I64] = "i64", [TYPE_U64] = "u64",
    [TYPE_F32] = "f32", [TYPE_F64] = "f64",
};

Status json_read_value(Bytes text, const Typespace *typespace, const Type *type,
                       JsonReadOptions options, Buffer *bsatn, Buffer *ret_path, Error *error) {
    JsonReader reader = {
        .typespace = typespace,
        .options = options,
        .out = bsatn,
        .empty_left = SATS_EMPTY_ELEMENTS_MAX,
    };
    JsonScanner *scanner = &reader.scanner;
    json_scan_init(scanner, text, ret_path);
    if (!utf8_is_valid(text)) return error_set(error, STATUS_INVALID, "invalid utf-8 sequence");
    buffer_init(&reader.scratch, JSON_SCRATCH_BYTES_MAX);

    const Type *root = type_deref(typespace, type);
    bool is_arguments = options.names == JSON_NAMES_ARGUMENTS && root && root->kind == TYPE_PRODUCT;
    bool is_read = is_arguments ? read_product(&reader, (Product){root, true})
                                : read_value(&reader, type);
    if (is_read && json_peek(scanner) != JSON_END) {
        scanner->ret_path = NULL;  // the value was read: upstream names no place in it
        json_fail_ahead(scanner, "trailing characters");
    }
    bool is_full = bsatn->failed || reader.scratch.failed;
    buffer_done(&reader.scratch);
    if (scanner->failed) return error_set(error, STATUS_INVALID, "%s", scanner->message);
    if (is_full)
        return error_set(error, STATUS_LIMIT, "value is larger than %zu bytes", bsatn->max);
    return STATUS_OK;
}

static bool read_value(JsonReader *reader, const Type *type) {
    type = type_deref(reader->typespace, type);
    if (type == NULL) {
        json_fail(&reader->scanner, "type reference out of bounds");
        return json_settle(&reader->scanner);
    }
    switch (type->kind) {
    case TYPE_PRODUCT: return read_product(reader, (Product){type, false});
    case TYPE_SUM: return read_sum(reader, type);
    case TYPE_ARRAY: return read_array(reader, type->element);
    case TYPE_STRING: return read_string(reader);
    case TYPE_BOOL: return read_bool(reader);
    case TYPE_I128:
    case TYPE_U128: return read_integer_128(reader, type->kind);
    case TYPE_I256:
    case TYPE_U256: return read_integer_256(reader, type->kind);
    case TYPE_F32:
    case TYPE_F64: return read_float(reader, type->kind);
    default: return read_integer(reader, type);
    }
}

// ---- scalars ----

static bool read_bool(JsonReader *reader) {
    JsonScanner *scanner = &reader->scanner;
    int byte = 0;
    if (!json_peek_value(scanner, &byte)) return false;
    if (byte != 't' && byte != 'f') return json_fail_type(scanner, "a boolean");
    if (!json_word(scanner, byte == 't' ? "rue" : "alse")) return false;
    buffer_u8(reader->out, byte == 't');
    return true;
}

// Up to 64 bits.
static bool read_integer(JsonReader *reader, const Type *type) {
    JsonScanner *scanner = &reader->scanner;
    const char *word = KIND_WORDS[type->kind];
    int byte = 0;
    JsonNumber number;
    if (!json_peek_value(scanner, &byte)) return false;
    if (byte != '-' && (byte < '0' || byte > '9')) return json_fail_type(scanner, word);
    if (!json_number(scanner, &number)) return false;
    uint32_t bits = type->fixed_bytes * 8;
    bool is_signed = type->kind == TYPE_I8 || type->kind == TYPE_I16 || type->kind == TYPE_I32 ||
                     type->kind == TYPE_I64;
    bool fits = false;
    if (number.kind == JSON_NUMBER_U64) {
        fits = number.u64 <= UINT64_MAX >> (64 - bits + is_signed);
    } else if (number.kind == JSON_NUMBER_I64) {
        fits = is_signed && number.i64 >= INT64_MIN >> (64 - bits);
    }
    if (!fits) {
        json_fail_number(scanner, number.kind == JSON_NUMBER_F64 ? "type" : "value", number, word);
        return json_settle(scanner);
    }
    buffer_append(reader->out, &number.u64, type->fixed_bytes);
    return true;
}

static bool read_integer_128(JsonReader *reader, TypeKind kind) {
    JsonScanner *scanner = &reader->scanner;
    int byte = 0;
    Bytes digits;
    if (!json_peek_value(scanner, &byte)) return false;
    bool is_negative = byte == '-';
    if (is_negative && kind == TYPE_U128) return json_fail_ahead(scanner, "number out of range");
    if (is_negative) scanner->at++;
    if (!json_digits(scanner, &digits)) return false;
    unsigned __int128 value = 0;
    bool fits = true;
    for (uint32_t i = 0; i < digits.count; i++) {
        if (__builtin_mul_overflow(value, (unsigned __int128)10, &value)) fits = false;
        if (__builtin_add_overflow(value, (unsigned __int128)(digits.data[i] - '0'), &value))
            fits = false;
    }
    unsigned __int128 sign = (unsigned __int128)1 << 127;
    if (kind == TYPE_I128 && value > (is_negative ? sign : sign - 1)) fits = false;
    if (!fits) return json_fail_here(scanner, "number out of range");
    if (is_negative) value = 0 - value;
    buffer_append(reader->out, &value, sizeof value);
    return true;
}

static bool read_integer_256(JsonReader *reader, TypeKind kind) {
    JsonScanner *scanner = &reader->scanner;
    int byte = 0;
    JsonString string;
    if (!json_peek_value(scanner, &byte)) return false;
    if (byte != '"') return json_fail_type(scanner, "a formatted 256-bit integer");
    if (!json_read_string(scanner, &string)) return false;
    size_t base = reader->scratch.count;
    uint8_t value[32];
    const char *problem = parse_hex_256(key_text(reader, string), kind == TYPE_I256, value);
    reader->scratch.count = base;
    if (problem) {
        json_fail(scanner, "%s", problem);
        return json_settle(scanner);
    }
    buffer_append(reader->out, value, sizeof value);
    return true;
}

static bool read_float(JsonReader *reader, TypeKind kind) {
    JsonScanner *scanner = &reader->scanner;
    int byte = 0;
    JsonNumber number;
    if (!json_peek_value(scanner, &byte)) return false;
    if (byte != '-' && (byte < '0' || byte > '9')) return json_fail_type(scanner, KIND_WORDS[kind]);
    if (!json_number(scanner, &number)) return false;
    double value = 0;
    switch (number.kind) {
    case JSON_NUMBER_U64: value = (double)number.u64; break;
    case JSON_NUMBER_I64: value = (double)number.i64; break;
    case JSON_NUMBER_F64: value = number.f64; break;
    }
    float narrow = (float)value;  // what is too large for it becomes infinite, as upstream
    if (kind == TYPE_F32) {
        buffer_append(reader->out, &narrow, sizeof narrow);
    } else {
        buffer_append(reader->out, &value, sizeof value);
    }
    return true;
}

static bool read_string(JsonReader *reader) {
    JsonScanner *scanner = &reader->scanner;
    int byte = 0;
    JsonString string;
    if (!json_peek_value(scanner, &byte)) return false;
    if (byte != '"') return json_fail_type(scanner, "a string");
    if (!json_read_string(scanner, &string)) return false;
    buffer_u32(reader->out, string.count);
    append_decoded(reader->out, string);
    return true;
}

// ---- arrays ----

static bool read_array(JsonReader *reader, const Type *element) {
    JsonScanner *scanner = &reader->scanner;
    int byte = 0;
    const Type *target = type_deref(reader->typespace, element);
    if (target && target->kind == TYPE_U8) return read_bytes(reader);
    if (!json_peek_value(scanner, &byte)) return false;
    if (byte != '[') return json_fail_type(scanner, "a vec");
    if (!json_enter(scanner)) return false;
    read_elements(reader, element);
    json_leave_array(scanner);
    return json_settle(scanner);
}

static bool read_bytes(JsonReader *reader) {
    static const char EXPECTED[] = "a byte array or hex string";
    JsonScanner *scanner = &reader->scanner;
    int byte = 0;
    if (!json_peek_value(scanner, &byte)) return false;
    if (byte == '[') {
        if (!json_enter(scanner)) return false;
        read_elements(reader, type_primitive(TYPE_U8));
        json_leave_array(scanner);
        return json_settle(scanner);
    }
    JsonString string;
    if (byte == '{') return fail_bracket(reader, byte, EXPECTED);
    if (byte != '"') return json_fail_type(scanner, EXPECTED);
    if (!json_read_string(scanner, &string)) return false;
    size_t base = reader->scratch.count;
    Bytes text = key_text(reader, string);
    buffer_u32(reader->out, text.count / 2);
    uint8_t *to = buffer_reserve(reader->out, text.count / 2);
    if (to != NULL) {
        if (text.count % 2 == 0 && hex_decode(text, to, text.count / 2)) {
            buffer_advance(reader->out, text.count / 2);
        } else {
            json_fail_string(scanner, "value", string, EXPECTED);
        }
    }
    reader->scratch.count = base;
    return json_settle(scanner);
}

static void read_elements(JsonReader *reader, const Type *element) {
    JsonScanner *scanner = &reader->scanner;
    size_t count_at = reader->out->count;
    uint32_t count = 0;
    bool first = true;
    buffer_u32(reader->out, 0);
    while (json_next_element(scanner, &first)) {
        size_t before = reader->out->count;
        JsonStep step = {.kind = JSON_STEP_INDEX, .index = count};
        if (!read_step(reader, element, step)) return;
        count++;
        if (reader->out->failed || reader->out->count > before) continue;
        if (reader->empty_left-- == 0) {
            json_fail(scanner, "allocation of %u elements failed", count);
            return;
        }
    }
    if (!reader->out->failed) store_u32le(reader->out->data + count_at, count);
}

// ---- products ----

static bool read_product(JsonReader *reader, Product product) {
    JsonScanner *scanner = &reader->scanner;
    int byte = 0;
    if (!json_peek_value(scanner, &byte)) return false;
    if (byte == '[') {
        if (!json_enter(scanner)) return false;
        read_positional(reader, product);
        json_leave_array(scanner);
        return json_settle(scanner);
    }
    if (byte == '{') {
        if (!json_enter(scanner)) return false;
        read_named(reader, product);
        json_leave_object(scanner);
        return json_settle(scanner);
    }
    char expected[NAMES_BYTES_MAX];
    if (product.is_arguments) {
        Bytes function = reader->options.function;
        function.count = utf8_cut(function, sizeof expected - sizeof "a  tuple");
        snprintf(expected, sizeof expected, "a %.*s tuple", BYTES_FORMAT(function));
    } else {
        snprintf(expected, sizeof expected, "a %u-element tuple", product.type->field_count);
    }
    return json_fail_type(scanner, expected);
}

static void read_positional(JsonReader *reader, Product product) {
    JsonScanner *scanner = &reader->scanner;
    bool first = true;
    for (uint32_t i = 0; i < product.type->field_count; i++) {
        if (!json_next_element(scanner, &first)) {
            if (product.is_arguments) {
                json_fail(scanner,
                          "invalid length %u, expected reducer args for %.*s with %u elements", i,
                          BYTES_FORMAT(reader->options.function), product.type->field_count);
            } else {
                json_fail(scanner,
                          "invalid length %u, expected product type <product> with %u elements", i,
                          product.type->field_count);
            }
            return;
        }
        JsonStep step = {.kind = JSON_STEP_INDEX, .index = i};
        if (!read_step(reader, product.type->fields[i].type, step)) return;
    }
}

// Stops when every field was read: what follows is for the end of the object to refuse.
static void read_named(JsonReader *reader, Product product) {
    JsonScanner *scanner = &reader->scanner;
    uint32_t field_count = product.type->field_count;
    size_t spans = reader->scratch.count;
    size_t spans_bytes = (size_t)field_count * SPAN_BYTES;
    uint8_t *notes = buffer_reserve(&reader->scratch, spans_bytes);
    if (notes == NULL) {
        json_fail(scanner, "value is too large");
        return;
    }
    memset(notes, 0, spans_bytes);
    buffer_advance(&reader->scratch, spans_bytes);
    bool first = true;
    bool in_order = true;
    for (uint32_t i = 0; i < field_count && !scanner->failed; i++) {
        JsonString key;
        if (json_next_key(scanner, &first, &key)) {
            if (!read_field(reader, product, key, spans, &in_order)) break;
        } else if (!scanner->failed) {
            uint32_t missing = 0;
            while (load_u64le(reader->scratch.data + spans + (size_t)missing * SPAN_BYTES) != 0)
                missing++;
            fail_field(reader, product, "missing", missing);
        }
    }
    if (!scanner->failed && !in_order && !reader->out->failed)
        order_fields(reader, product.type, spans);
    reader->scratch.count = spans;
}

static bool read_field(JsonReader *reader, Product product, JsonString key, size_t spans,
                       bool *in_order) {
    JsonScanner *scanner = &reader->scanner;
    const Type *type = product.type;
    JsonStep step = {.parent = scanner->step, .kind = JSON_STEP_KEY, .raw_key = key.raw};
    size_t base = reader->scratch.count;
    Bytes name = key_text(reader, key);
    uint32_t index = 0;
    while (index < type->field_count &&
           !(type->fields[index].name.data && bytes_equal(type->fields[index].name, name))) {
        index++;
    }
    reader->scratch.count = base;
    if (index == type->field_count) {
        scanner->step = &step;
        fail_unknown(reader, product.is_arguments ? "reducer argument" : "field", name, type);
        scanner->step = step.parent;
        return false;
    }
    size_t span = spans + (size_t)index * SPAN_BYTES;
    if (load_u64le(reader->scratch.data + span) != 0)
        return fail_field(reader, product, "duplicate", index);
    if (index > 0 && load_u64le(reader->scratch.data + span - SPAN_BYTES) == 0) *in_order = false;
    if (!json_colon(scanner)) return false;
    size_t start = reader->out->count;
    if (!read_step(reader, type->fields[index].type, step)) return false;
    store_u64le(reader->scratch.data + span, start + 1);
    store_u64le(reader->scratch.data + span + 8, reader->out->count - start);
    return true;
}

// ---- sums ----

static bool read_sum(JsonReader *reader, const Type *type) {
    JsonScanner *scanner = &reader->scanner;
    int byte = 0;
    if (!json_peek_value(scanner, &byte)) return false;
    if (byte == '{') {
        if (!json_enter(scanner)) return false;
        read_sum_object(reader, type);
        json_leave_object(scanner);
        return json_settle(scanner);
    }
    if (byte == '[') {
        if (!json_enter(scanner)) return false;
        read_sum_array(reader, type);
        json_leave_array(scanner);
        return json_settle(scanner);
    }
    if (byte == 'n' && type->special == SPECIAL_OPTION) {
        if (!json_word(scanner, "ull")) return false;
        buffer_u8(reader->out, 1);
        return true;
    }
    return json_fail_type(scanner, "sum type");
}

static void read_sum_object(JsonReader *reader, const Type *type) {
    JsonScanner *scanner = &reader->scanner;
    bool first = true;
    JsonString key;
    uint8_t tag = 0;
    if (!json_next_key(scanner, &first, &key)) {
        json_fail(scanner, "expected map representing sum type to have exactly one field");
        return;
    }
    JsonStep step = {.parent = scanner->step, .kind = JSON_STEP_KEY, .raw_key = key.raw};
    scanner->step = &step;
    bool is_found = find_variant(reader, type, key, &tag);
    scanner->step = step.parent;
    if (!is_found || !json_colon(scanner)) return;
    buffer_u8(reader->out, tag);
    read_step(reader, type->fields[tag].type, step);
}

static void read_sum_array(JsonReader *reader, const Type *type) {
    static const char WRONG_COUNT[] =
        "expected seq representing sum type to have exactly two fields";
    JsonScanner *scanner = &reader->scanner;
    bool first = true;
    if (!json_next_element(scanner, &first)) {
        json_fail(scanner, WRONG_COUNT);
        return;
    }
    JsonStep step = {.parent = scanner->step, .kind = JSON_STEP_INDEX, .index = 0};
    uint8_t tag = 0;
    scanner->step = &step;
    bool is_found = read_variant(reader, type, &tag);
    scanner->step = step.parent;
    if (!is_found) return;
    buffer_u8(reader->out, tag);
    if (!json_next_element(scanner, &first)) {
        json_fail(scanner, WRONG_COUNT);
        return;
    }
    step.index = 1;
    read_step(reader, type->fields[tag].type, step);
}

// The first of two: a tag, or a string with a tag or a name.
static bool read_variant(JsonReader *reader, const Type *type, uint8_t *ret_tag) {
    static const char EXPECTED[] = "variant identifier (string or int)";
    JsonScanner *scanner = &reader->scanner;
    int byte = 0;
    JsonString name;
    JsonNumber number;
    if (!json_peek_value(scanner, &byte)) return false;
    if (byte == '"') {
        if (!json_read_string(scanner, &name)) return false;
        find_variant(reader, type, name, ret_tag);
    } else if (byte == '-' || (byte >= '0' && byte <= '9')) {
        if (!json_number(scanner, &number)) return false;
        if (number.kind != JSON_NUMBER_U64) {
            json_fail_number(scanner, "type", number, EXPECTED);
        } else if (number.u64 > UINT8_MAX) {
            json_fail_number(scanner, "value", number, "a u8 tag");
        } else {
            check_tag(reader, type, number.u64, ret_tag);
        }
    } else if (byte == '[' || byte == '{') {
        fail_bracket(reader, byte, EXPECTED);
    } else {
        json_fail_type(scanner, EXPECTED);
    }
    return json_settle(scanner);
}

static bool find_variant(JsonReader *reader, const Type *type, JsonString name, uint8_t *ret_tag) {
    size_t base = reader->scratch.count;
    Bytes text = key_text(reader, name);
    reader->scratch.count = base;
    uint64_t tag = 0;
    if (parse_u8(text, &tag)) return check_tag(reader, type, tag, ret_tag);
    for (uint32_t i = 0; i < type->field_count && i <= UINT8_MAX; i++) {
        Bytes variant = type->fields[i].name;
        if (variant.data == NULL || !bytes_equal(variant, text)) continue;
        *ret_tag = (uint8_t)i;
        return true;
    }
    return fail_unknown(reader, "variant", text, type);
}

static bool check_tag(JsonReader *reader, const Type *type, uint64_t tag, uint8_t *ret_tag) {
    if (tag >= type->field_count) {
        return json_fail(&reader->scanner, "unknown tag 0x%x for sum type <unknown>",
                         (unsigned)tag);
    }
    *ret_tag = (uint8_t)tag;
    return true;
}

// ---- helpers ----

static bool read_step(JsonReader *reader, const Type *type, JsonStep step) {
    JsonScanner *scanner = &reader->scanner;
    step.parent = scanner->step;
    scanner->step = &step;
    bool is_read = read_value(reader, type);
    scanner->step = step.parent;
    return is_read;
}

// The bytes since the first field are put into the type's order by way of a copy.
static void order_fields(JsonReader *reader, const Type *type, size_t spans) {
    size_t copy = reader->scratch.count;
    size_t total = 0;
    for (uint32_t i = 0; i < type->field_count; i++) {
        size_t span = spans + (size_t)i * SPAN_BYTES;
        uint64_t start = load_u64le(reader->scratch.data + span) - 1;
        uint64_t count = load_u64le(reader->scratch.data + span + 8);
        buffer_append(&reader->scratch, reader->out->data + start, count);
        total += count;
    }
    if (reader->scratch.failed || total == 0) return;
    memcpy(reader->out->data + reader->out->count - total, reader->scratch.data + copy, total);
}

static bool append_decoded(Buffer *buffer, JsonString string) {
    uint8_t *to = buffer_reserve(buffer, string.count);
    if (to == NULL) return false;
    if (string.has_escapes) {
        json_string_decode(string, to);
    } else {
        memcpy(to, string.raw.data, string.count);
    }
    buffer_advance(buffer, string.count);
    return true;
}

// The decoded text: part of the input where nothing is escaped, else on the scratch stack, which
// the caller resets (the bytes stay until the next push).
static Bytes key_text(JsonReader *reader, JsonString key) {
    if (!key.has_escapes) return key.raw;
    size_t base = reader->scratch.count;
    if (!append_decoded(&reader->scratch, key)) return BYTES_LITERAL("");
    return (Bytes){reader->scratch.data + base, key.count};
}

// As Rust's u8::from_str: a plus and leading zeros are fine.
static bool parse_u8(Bytes text, uint64_t *ret_value) {
    uint64_t value = 0;
    uint32_t at = text.count > 1 && text.data[0] == '+' ? 1 : 0;
    if (at == text.count) return false;
    for (; at < text.count; at++) {
        if (text.data[at] < '0' || text.data[at] > '9') return false;
        value = value * 10 + (uint64_t)(text.data[at] - '0');
        if (value > UINT8_MAX) return false;
    }
    *ret_value = value;
    return true;
}

// An optional sign, 0x, digits. Returns upstream's text of what is wrong, or NULL.
static const char *parse_hex_256(Bytes text, bool is_signed, uint8_t ret_bytes[32]) {
    static const char INVALID[] = "invalid digit found in string";
    if (text.count == 0) return "cannot parse integer from empty string";
    bool is_negative = is_signed && text.data[0] == '-';
    if (is_negative || text.data[0] == '+') text = bytes_slice(text, 1, text.count - 1);
    if (text.count < 3 || text.data[0] != '0' || text.data[1] != 'x') return INVALID;
    uint8_t value[32] = {0};
    uint32_t digit_count = 0;
    for (uint32_t i = 2; i < text.count; i++) {
        uint8_t byte = text.data[i];
        uint8_t pair[1];
        uint8_t padded[2] = {'0', byte};
        if (!hex_decode((Bytes){padded, 2}, pair, 1)) return INVALID;
        if (digit_count == 0 && pair[0] == 0) continue;
        if (++digit_count > 64) break;
        for (uint32_t k = 31; k > 0; k--) value[k] = (uint8_t)(value[k] << 4 | value[k - 1] >> 4);
        value[0] = (uint8_t)(value[0] << 4 | pair[0]);
    }
    static const uint8_t LOWEST[32] = {[31] = 0x80};
    bool is_over = digit_count > 64;
    bool is_lowest = is_negative && memcmp(value, LOWEST, sizeof value) == 0;
    if (is_signed && value[31] >> 7 && !is_lowest) is_over = true;
    if (is_over) {
        return is_negative ? "number too small to fit in target type"
                           : "number too large to fit in target type";
    }
    uint32_t carry = is_negative;
    for (uint32_t i = 0; i < 32; i++) {
        carry += is_negative ? (uint8_t)~value[i] : value[i];
        ret_bytes[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return NULL;
}

// An array or object where several other things may stand: it is entered, and then nobody wants it.
static bool fail_bracket(JsonReader *reader, int byte, const char *expected) {
    JsonScanner *scanner = &reader->scanner;
    if (!json_enter(scanner)) return false;
    json_fail(scanner, "invalid type: %s, expected %s", byte == '[' ? "sequence" : "map", expected);
    if (byte == '[') {
        json_leave_array(scanner);
    } else {
        json_leave_object(scanner);
    }
    return json_settle(scanner);
}

// Upstream's list of alternatives, whose punctuation is what it is: ", `a`", "one of `b`", ", `c`".
static void write_names(Buffer *buffer, const Type *type, bool counts_unnamed) {
    uint32_t count = 0;
    uint32_t unnamed = 0;
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (type->fields[i].name.data || counts_unnamed) count++;
    }
    for (uint32_t i = 0, index = 0; i < type->field_count && !buffer->failed; i++) {
        Bytes name = type->fields[i].name;
        if (!name.data && !counts_unnamed) continue;
        const char *before = ", `";
        if (count == 1 || (count == 2 && index == 1)) {
            before = "`";
        } else if (index == 1) {
            before = "one of `";
        }
        buffer_append_text(buffer, before);
        if (name.data) {
            buffer_append_bytes(buffer, name);
        } else {
            buffer_append_format(buffer, "%u", unnamed++);
        }
        buffer_u8(buffer, '`');
        index++;
    }
}

static bool fail_unknown(JsonReader *reader, const char *what, Bytes name, const Type *type) {
    Buffer names;
    buffer_init(&names, NAMES_BYTES_MAX);
    write_names(&names, type, type->kind == TYPE_PRODUCT);
    int shown = (int)utf8_cut(name, NAMES_BYTES_MAX / 2);
    if (names.count == 0) {
        json_fail(&reader->scanner, "unknown %s `%.*s`, there are no %ss", what, shown,
                  (const char *)name.data, what);
    } else {
        json_fail(&reader->scanner, "unknown %s `%.*s`, expected %.*s", what, shown,
                  (const char *)name.data, (int)names.count, (const char *)names.data);
    }
    buffer_done(&names);
    return false;
}

static bool fail_field(JsonReader *reader, Product product, const char *problem, uint32_t index) {
    const char *what = product.is_arguments ? "reducer argument" : "field";
    Bytes name = product.type->fields[index].name;
    if (name.data == NULL) {
        return json_fail(&reader->scanner, "%s %s (index %u)", problem, what, index);
    }
    return json_fail(&reader->scanner, "%s %s `%.*s`", problem, what, BYTES_FORMAT(name));
}

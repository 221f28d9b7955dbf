// names.c - identifiers, case conversion, database names.
//
// The conversion is that of the Rust crate convert_case 0.6 (sats.md 12.3): words end at "_", "-"
// and " ", which are dropped, and at certain changes of upper, lower and digit. We work on
// characters where upstream works on grapheme clusters, and check no normalisation form: both
// differ only for names with combining marks.
#include "schema/names.h"

#include "schema/unicode.h"

typedef enum CharacterClass { CLASS_OTHER, CLASS_UPPER, CLASS_LOWER, CLASS_DIGIT } CharacterClass;

// How the letters of a word are written.
typedef enum WordStyle { WORD_LOWER, WORD_CAPITAL } WordStyle;

// Walks the characters of a name together with the word boundaries between them.
typedef struct WordWalk {
    Bytes name;
    uint32_t at;
    uint32_t character;       // the current one, not a separator
    CharacterClass previous;  // of the character before, separators included
    bool starts_word;
} WordWalk;

typedef struct NameStyle {
    WordStyle first, others;
    bool joins;  // by "_"
} NameStyle;

static void name_write(Buffer *buffer, Bytes name, NameStyle style);
static bool word_walk_next(WordWalk *walk);
static bool word_boundary(CharacterClass previous, CharacterClass current, CharacterClass next);
static CharacterClass character_class(uint32_t character);
static bool is_separator(uint32_t character);
static bool is_database_name_character(uint8_t byte);

void name_write_snake(Buffer *buffer, Bytes name) {
    name_write(buffer, name, (NameStyle){WORD_LOWER, WORD_LOWER, true});
}

void name_write_camel(Buffer *buffer, Bytes name) {
    name_write(buffer, name, (NameStyle){WORD_LOWER, WORD_CAPITAL, false});
}

void name_write_pascal(Buffer *buffer, Bytes name) {
    name_write(buffer, name, (NameStyle){WORD_CAPITAL, WORD_CAPITAL, false});
}

Status identifier_check(Bytes name, Error *error) {
    uint32_t character = 0;
    IdentifierProblem problem = identifier_problem(name, &character);
    if (problem == IDENTIFIER_FINE) return STATUS_OK;
    Buffer text;
    buffer_init(&text, ERROR_TEXT_MAX + (size_t)name.count);
    identifier_problem_write(&text, problem, name, character);
    Status status = error_set(error, STATUS_INVALID, "%.*s", BYTES_FORMAT(buffer_bytes(&text)));
    buffer_done(&text);
    return status;
}

Status database_name_check(Bytes name, Error *error) {
    Identity identity;
    if (identity_parse(name, &identity)) {
        return error_set(error, STATUS_INVALID, "database names cannot be identities");
    }
    if (name.count == 0) return error_set(error, STATUS_INVALID, "database names cannot be empty");
    if (name.data[0] == '-' || name.data[name.count - 1] == '-') {
        return error_set(error, STATUS_INVALID, "invalid hyphen in database name");
    }
    for (uint32_t i = 0; i < name.count; i++) {
        if (name.data[i] == '-') {  // not the last one
            if (!is_database_name_character(name.data[i + 1])) {
                return error_set(error, STATUS_INVALID, "invalid hyphen in database name");
            }
        } else if (!is_database_name_character(name.data[i])) {
            return error_set(error, STATUS_INVALID, "invalid characters in database name");
        }
    }
    return STATUS_OK;
}

IdentifierProblem identifier_problem(Bytes name, uint32_t *ret_character) {
    if (name.count == 0) return IDENTIFIER_EMPTY;
    uint32_t at = 0;
    uint32_t character = unicode_next(name, &at);
    if (character != '_' && !unicode_is_xid_start(character)) {
        *ret_character = character;
        return IDENTIFIER_BAD_START;
    }
    while (at < name.count) {
        character = unicode_next(name, &at);
        if (!unicode_is_xid_continue(character)) {
            *ret_character = character;
            return IDENTIFIER_BAD_CHARACTER;
        }
    }
    return IDENTIFIER_FINE;
}

void identifier_problem_write(Buffer *buffer, IdentifierProblem problem, Bytes name,
                              uint32_t character) {
    if (problem == IDENTIFIER_EMPTY) {
        buffer_append_text(buffer, "Empty identifiers are forbidden.");
        return;
    }
    buffer_append_format(buffer, "Identifier `%.*s`", BYTES_FORMAT(name));
    if (problem == IDENTIFIER_RESERVED) {
        buffer_append_text(buffer, " is reserved by spacetimedb and");
    } else if (problem == IDENTIFIER_BAD_START) {
        buffer_append_text(buffer, "'s starting character '");
        unicode_append(buffer, character);
        buffer_append_text(
            buffer,
            "' is neither an underscore ('_') nor a Unicode XID_start character (according to "
            "Unicode Standard Annex 31, https://www.unicode.org/reports/tr31/) and");
    } else {
        buffer_append_text(buffer, " contains a character '");
        unicode_append(buffer, character);
        buffer_append_text(
            buffer,
            "' that is not an XID_continue character (according to Unicode Standard Annex 31, "
            "https://www.unicode.org/reports/tr31/) and");
    }
    buffer_append_text(buffer, " cannot be used for entities in a module.");
}

static void name_write(Buffer *buffer, Bytes name, NameStyle style) {
    WordWalk walk = {.name = name};
    bool is_first_word = true;
    bool is_first_character = true;
    while (word_walk_next(&walk)) {
        if (walk.starts_word && !is_first_character) is_first_word = false;
        if (walk.starts_word && !is_first_word && style.joins) buffer_u8(buffer, '_');
        WordStyle word_style = is_first_word ? style.first : style.others;
        bool is_capital = walk.starts_word && word_style == WORD_CAPITAL;
        unicode_append(buffer, is_capital ? unicode_to_upper(walk.character)
                                          : unicode_to_lower(walk.character));
        is_first_character = false;
    }
}

// Moves to the next character that is no separator.
static bool word_walk_next(WordWalk *walk) {
    bool after_separator = walk->at == 0;
    while (walk->at < walk->name.count) {
        walk->character = unicode_next(walk->name, &walk->at);
        if (is_separator(walk->character)) {
            after_separator = true;
            walk->previous = CLASS_OTHER;
            continue;
        }
        CharacterClass current = character_class(walk->character);
        CharacterClass next = CLASS_OTHER;
        uint32_t ahead = walk->at;
        if (ahead < walk->name.count) next = character_class(unicode_next(walk->name, &ahead));
        walk->starts_word = after_separator || word_boundary(walk->previous, current, next);
        walk->previous = current;
        return true;
    }
    return false;
}

static bool word_boundary(CharacterClass previous, CharacterClass current, CharacterClass next) {
    if (current == CLASS_UPPER) {
        return previous == CLASS_LOWER || previous == CLASS_DIGIT ||
               (previous == CLASS_UPPER && next == CLASS_LOWER);
    }
    if (current == CLASS_DIGIT) return previous == CLASS_UPPER || previous == CLASS_LOWER;
    return current == CLASS_LOWER && previous == CLASS_DIGIT;
}

static CharacterClass character_class(uint32_t character) {
    if (character >= '0' && character <= '9') return CLASS_DIGIT;
    uint32_t upper = unicode_to_upper(character);
    uint32_t lower = unicode_to_lower(character);
    if (upper == lower) return CLASS_OTHER;
    if (character == upper) return CLASS_UPPER;
    return character == lower ? CLASS_LOWER : CLASS_OTHER;
}

static bool is_separator(uint32_t character) {
    return character == '_' || character == '-' || character == ' ';
}

static bool is_database_name_character(uint8_t byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

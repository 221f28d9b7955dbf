// sql.c - the doors: length and text checked, then parse, check, type, plan.
//
// Everything in between lives in a scratch arena of the call's own.

#include "sql/sql.h"

#include "sql/change.h"
#include "sql/select.h"

// What one compilation holds on to.
typedef struct Compile {
    Arena scratch;
    SyntaxText syntax;
    Typing *typing;
} Compile;

static void compile_init(Compile *compile, const SqlContext *context, Error *error);
static Status compile_parse(Compile *compile, Bytes text, SyntaxGrammar grammar);
static Status compile_statement(Compile *compile, Arena *arena, SqlStatement *ret_statement);
static Status compile_select(Compile *compile, Arena *arena, SqlStatement *ret_statement);
static Status compile_change(Compile *compile, Arena *arena, SqlStatement *ret_statement);
static Status compile_show(Compile *compile, Arena *arena, const Query **ret_query);
static Status text_check(Bytes text, Error *error);
static bool text_take_word(Bytes *text, const char *word);
static uint32_t text_skip_blanks(Bytes *text);
static bool text_is_blank(Bytes text);

Status sql_split(Bytes text, Arena *arena, const Bytes **ret_texts, uint32_t *ret_count,
                 Error *error) {
    Status status = text_check(text, error);
    if (status != STATUS_OK) return status;
    Arena scratch;
    arena_init(&scratch, SQL_SCRATCH_BYTES_MAX);
    TokenSpan tokens;
    status = tokens_read(text, &scratch, &tokens, error);
    if (status == STATUS_OK) {
        uint32_t count = 0;
        Bytes *texts = ARENA_ARRAY(arena, Bytes, tokens.count);
        const Token *first = NULL, *last = NULL;
        for (uint32_t i = 0; i < tokens.count; i++) {
            const Token *token = &tokens.items[i];
            if (token->kind != TOKEN_SEMICOLON && token->kind != TOKEN_END) {
                if (first == NULL) first = token;
                last = token;
            } else if (first != NULL) {
                const uint8_t *end = last->text.data + last->text.count;
                texts[count++] = bytes_of(first->text.data, (size_t)(end - first->text.data));
                first = NULL;
            }
        }
        *ret_texts = texts;
        *ret_count = count;
    }
    arena_done(&scratch);
    return status;
}

Status sql_compile(const SqlContext *context, Bytes text, Arena *arena, SqlStatement *ret_statement,
                   Error *error) {
    Compile compile;
    compile_init(&compile, context, error);
    Status status = compile_parse(&compile, text, GRAMMAR_SQL);
    SqlStatement statement = {0};
    if (status == STATUS_OK) status = compile_statement(&compile, arena, &statement);
    if (status == STATUS_OK) *ret_statement = statement;
    arena_done(&compile.scratch);
    return status;
}

Status sql_compile_query(const SqlContext *context, Bytes text, SqlUse use, Arena *arena,
                         const Query **ret_query, Error *error) {
    if (use == SQL_SUBSCRIBE && text_is_blank(text)) {
        return error_set(error, STATUS_INVALID, "SubscriptionError: Empty string");
    }
    Compile compile;
    compile_init(&compile, context, error);
    const Query *query = NULL;
    bool is_live = use == SQL_SUBSCRIBE;
    SelectOptions options = {
        .grammar = is_live ? GRAMMAR_SUBSCRIPTION : GRAMMAR_ONE_OFF,
        .use = is_live ? QUERY_LIVE : QUERY_ONCE,
    };
    Status status = compile_parse(&compile, text, options.grammar);
    if (status == STATUS_OK) {
        status = select_compile(compile.typing, compile.syntax.first->query, &options, arena,
                                &query);
    }
    arena_done(&compile.scratch);
    if (status == STATUS_OK && is_live)
        status = query_check_subscription(query, context->store, error);
    if (status == STATUS_OK) *ret_query = query;
    return status;
}

bool sql_is_subscribe_all(Bytes text) {
    (void)text_skip_blanks(&text);
    if (!text_take_word(&text, "select")) return false;
    if (text_skip_blanks(&text) == 0 || !text_take_word(&text, "*")) return false;
    if (text_skip_blanks(&text) == 0 || !text_take_word(&text, "from")) return false;
    if (text_skip_blanks(&text) == 0 || !text_take_word(&text, "*")) return false;
    (void)text_skip_blanks(&text);
    return text.count == 0;
}

Status sql_check_row_level_security(const SqlContext *context, Bytes text, TableId *ret_table,
                                    Error *error) {
    Status status = text_check(text, error);
    if (status != STATUS_OK) return status;
    Compile compile;
    compile_init(&compile, context, error);
    Branch branch;
    status = select_type_rows(compile.typing, text, &branch);
    if (status == STATUS_OK) {
        const Typing *typing = compile.typing;
        const TableSchema *schema = typing->tables[branch.returned].schema;
        if (schema->access == TABLE_PRIVATE) {
            status = error_set(
                error, STATUS_INVALID,
                "Cannot define RLS rule on private table: %.*s. Please make table public if you "
                "wish to restrict access using RLS.",
                BYTES_FORMAT(schema->name));
        } else if (typing->tables[branch.returned].parameter_count > 0) {
            status = error_set(error, STATUS_INVALID,
                               "Row-level security is not supported on parameterized views: %.*s",
                               BYTES_FORMAT(text));
        } else {
            *ret_table = schema->id;
        }
    }
    arena_done(&compile.scratch);
    return status;
}

// ---- steps ----

static void compile_init(Compile *compile, const SqlContext *context, Error *error) {
    ASSERT(context->store != NULL);
    *compile = (Compile){0};
    arena_init(&compile->scratch, SQL_SCRATCH_BYTES_MAX);
    compile->typing = ARENA_NEW(&compile->scratch, Typing);
    *compile->typing = (Typing){.context = context, .arena = &compile->scratch, .error = error};
}

static Status compile_parse(Compile *compile, Bytes text, SyntaxGrammar grammar) {
    Error *error = compile->typing->error;
    Status status = text_check(text, error);
    if (status == STATUS_OK)
        status = syntax_parse(text, &compile->scratch, &compile->syntax, error);
    if (status == STATUS_OK) status = syntax_check(&compile->syntax, grammar, error);
    return status;
}

static Status compile_statement(Compile *compile, Arena *arena, SqlStatement *ret_statement) {
    const SyntaxStatement *statement = compile->syntax.first;
    Status status;
    switch (statement->kind) {
    case STATEMENT_QUERY: return compile_select(compile, arena, ret_statement);
    case STATEMENT_SHOW:
        ret_statement->kind = SQL_SHOW;
        status = change_check_variable(compile->typing, statement->name);
        if (status == STATUS_OK) status = compile_show(compile, arena, &ret_statement->query);
        if (status == STATUS_OK) ret_statement->variable = arena_copy(arena, statement->name);
        return status;
    case STATEMENT_INSERT:
    case STATEMENT_UPDATE:
    case STATEMENT_DELETE:
    case STATEMENT_SET: return compile_change(compile, arena, ret_statement);
    case STATEMENT_OTHER: break;
    }
    UNREACHABLE();  // syntax_check lets none through
}

// A plan tells about rows that its reader may not see: only owners may ask for it.
static Status compile_select(Compile *compile, Arena *arena, SqlStatement *ret_statement) {
    const SyntaxStatement *statement = compile->syntax.first;
    const SqlContext *context = compile->typing->context;
    SelectOptions options = {.grammar = GRAMMAR_SQL, .is_explained = statement->is_explained};
    ret_statement->kind = SQL_SELECT;
    Status status = select_compile(compile->typing, statement->query, &options, arena,
                                   &ret_statement->query);
    if (status != STATUS_OK || !options.is_explained || context->is_owner) return status;
    char hex[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&context->sender, hex);
    return error_set(compile->typing->error, STATUS_DENIED,
                     "Caller %s is not authorized to run EXPLAIN", hex);
}

// Rights come last: who may not write still hears of wrong names and types first.
static Status compile_change(Compile *compile, Arena *arena, SqlStatement *ret_statement) {
    const SyntaxStatement *statement = compile->syntax.first;
    Typing *typing = compile->typing;
    ret_statement->kind = SQL_DML;
    Status status = STATUS_OK;
    if (statement->kind == STATEMENT_INSERT) {
        status = change_insert(typing, statement, arena, &ret_statement->dml);
    } else if (statement->kind == STATEMENT_UPDATE) {
        status = change_update(typing, statement, arena, &ret_statement->dml);
    } else if (statement->kind == STATEMENT_DELETE) {
        status = change_delete(typing, statement, arena, &ret_statement->dml);
    } else {
        ret_statement->kind = SQL_SET;
        ret_statement->variable = arena_copy(arena, statement->name);
        status = change_set(typing, statement, arena, &ret_statement->dml, &ret_statement->value);
    }
    if (status == STATUS_OK) status = change_check_rights(typing, ret_statement->dml);
    return status;
}

// SHOW of a known variable is this SELECT; everybody may see it.
static Status compile_show(Compile *compile, Arena *arena, const Query **ret_query) {
    const SqlContext *asker = compile->typing->context;
    SqlContext context = {.store = asker->store, .sender = asker->sender, .is_owner = true};
    Compile show;
    compile_init(&show, &context, compile->typing->error);
    Bytes text = arena_format(&show.scratch, "SELECT value FROM st_var WHERE name = '%.*s'",
                              BYTES_FORMAT(compile->syntax.first->name));
    Status status = compile_parse(&show, text, GRAMMAR_SQL);
    if (status == STATUS_OK) {
        SelectOptions options = {.grammar = GRAMMAR_SQL};
        status = select_compile(show.typing, show.syntax.first->query, &options, arena, ret_query);
    }
    arena_done(&show.scratch);
    return status;
}

// ---- texts ----

static Status text_check(Bytes text, Error *error) {
    if (!utf8_is_valid(text))
        return error_set(error, STATUS_INVALID, "SQL query is not valid UTF-8");
    if (text.count <= SQL_TEXT_BYTES_MAX) return STATUS_OK;
    const uint32_t shown_characters = 120;
    uint32_t end = 0;
    for (uint32_t i = 0; i < shown_characters; i++) {
        end++;
        while (end < text.count && (text.data[end] & 0xc0) == 0x80) end++;
    }
    return error_set(error, STATUS_INVALID, "SQL query exceeds maximum allowed length: \"%.*s...\"",
                     (int)end, (const char *)text.data);
}

static bool byte_is_blank(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static uint32_t text_skip_blanks(Bytes *text) {
    uint32_t count = 0;
    while (count < text->count && byte_is_blank(text->data[count])) count++;
    *text = bytes_slice(*text, count, text->count - count);
    return count;
}

static bool text_take_word(Bytes *text, const char *word) {
    uint32_t count = (uint32_t)strlen(word);
    if (text->count < count || strncasecmp((const char *)text->data, word, count) != 0)
        return false;
    *text = bytes_slice(*text, count, text->count - count);
    return true;
}

static bool text_is_blank(Bytes text) {
    (void)text_skip_blanks(&text);
    return text.count == 0;
}

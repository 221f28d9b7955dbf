// context_calls.c - who and where the module is: its database, its caller's claims, its environment.
#include "host/abi/abi.h"

static bool find_by_first_column(Instance *instance, TableId id, Bytes key, Bytes *ret_text);
static int64_t env_answer(Instance *instance, Bytes key, uint32_t out);
static bool env_key_is_valid(Bytes key);
static bool env_is_allowed(const Instance *instance);
static const EnvironmentDef *env_find(const ModuleDef *def, Bytes key);
static int64_t source_answer(Instance *instance, Bytes bytes, uint32_t out);

int64_t host_identity(Instance *instance, const HostValue *args) {
    const Identity *identity = &instance->env->database;
    uint8_t *view = guest_view(instance, args[0].u32, sizeof identity->bytes);
    if (view) memcpy(view, identity->bytes, sizeof identity->bytes);
    return 0;
}

int64_t host_get_jwt(Instance *instance, const HostValue *args) {
    Bytes connection;
    if (!guest_bytes(instance, args[0].u32, sizeof((ConnectionId *)0)->bytes, &connection))
        return 0;
    Bytes claims;
    bool is_known = find_by_first_column(instance, ST_CONNECTION_CREDENTIALS, connection, &claims);
    if (!is_known || claims.count == 0) return guest_store_u32(instance, args[1].u32, 0);
    return source_answer(instance, claims, args[1].u32);
}

// The steps of since-2.8.md 2.1, in its order.
int64_t host_env_get(Instance *instance, const HostValue *args) {
    Bytes key;
    if (!guest_name(instance, args[0].u32, args[1].u32, &key)) return 0;
    if (!guest_view(instance, args[2].u32, sizeof(uint32_t))) return 0;
    if (!env_key_is_valid(key)) return ERRNO_HOST_CALL_FAILURE;
    if (!env_is_allowed(instance)) {
        return host_fail(instance,
                         "environment access requires a host-dispatched root module function");
    }
    const HostEnv *env = instance->env;
    if (env->tx) return env_answer(instance, key, args[2].u32);
    if (!env->procedures) return ERRNO_NOT_IN_TRANSACTION;
    Error error;
    if (env->procedures->enter(env->user, &error) != STATUS_OK)
        return host_trap(instance, "%s", error.text);
    int64_t answer = env_answer(instance, key, args[2].u32);
    env->procedures->leave(env->user);
    return answer;
}

static int64_t env_answer(Instance *instance, Bytes key, uint32_t out) {
    ProgramInfo program;
    if (!store_program(instance->env->store, &program)) {
        return host_fail(instance, "database program is not initialized");
    }
    if (!hash_equal(&program.hash, &instance->program->hash)) {
        return host_fail(instance, "module was replaced while this function was running");
    }
    const EnvironmentDef *declared = env_find(instance->env->def, key);
    if (!declared) return host_fail(instance, "environment key is not declared");
    buffer_clear(&instance->key);
    buffer_string(&instance->key, key);
    ASSERT(!instance->key.failed);
    // A change of whatever key runs a view again.
    if (instance->reads)
        host_note_read(instance, store_find_table(instance->env->store, ST_ENV), NULL, BYTES_NONE);
    Bytes value;
    if (find_by_first_column(instance, ST_ENV, buffer_bytes(&instance->key), &value)) {
        return source_answer(instance, value, out);
    }
    if (declared->is_optional) return guest_store_u32(instance, out, 0);
    return host_fail(instance,
                     "required environment value is missing from the published configuration");
}

// [A-Za-z_][A-Za-z0-9_]*, not too long.
static bool env_key_is_valid(Bytes key) {
    if (key.count == 0 || key.count > ENVIRONMENT_NAME_BYTES_MAX) return false;
    for (uint32_t i = 0; i < key.count; i++) {
        uint8_t letter = key.data[i] | 0x20;
        bool is_digit = key.data[i] >= '0' && key.data[i] <= '9';
        if (key.data[i] != '_' && !(letter >= 'a' && letter <= 'z') && !(is_digit && i > 0))
            return false;
    }
    return true;
}

// Within a call of a function of the root module: submodules' names have a dot.
static bool env_is_allowed(const Instance *instance) {
    Bytes name = instance->function;
    return instance->depth > 0 && (name.count == 0 || memchr(name.data, '.', name.count) == NULL);
}

static const EnvironmentDef *env_find(const ModuleDef *def, Bytes key) {
    for (uint32_t i = 0; def && i < def->environment_count; i++) {
        if (bytes_equal(def->environment[i].name, key)) return &def->environment[i];
    }
    return NULL;
}

// The text in the second column of the row whose first column, a key, has that value. Valid for the transaction.
static bool find_by_first_column(Instance *instance, TableId id, Bytes key, Bytes *ret_text) {
    static const uint16_t FIRST = 0;
    Table *table = store_find_table(instance->env->store, id);
    ASSERT(table != NULL);
    const Index *index = table_find_index(table, (ColumnList){&FIRST, 1});
    ASSERT(index != NULL && index_is_unique(index));
    Row row;
    if (!index_find(index, key, &row)) return false;
    Reader reader = reader_of(table_column(table, row.bytes, 1));
    *ret_text = reader_bytes(&reader);
    ASSERT(!reader.failed);
    return true;
}

// The bytes are those of a row: a procedure may outlive them.
static int64_t source_answer(Instance *instance, Bytes bytes, uint32_t out) {
    uint32_t source = 0;
    if (instance->env->procedures) {
        Buffer copy;
        buffer_init(&copy, MODULE_SOURCES_OWNED_BYTES_MAX);
        buffer_append_bytes(&copy, bytes);
        if (!copy.failed) source = byte_sources_open_owned(&instance->sources, &copy);
        buffer_done(&copy);
    } else {
        source = byte_sources_open(&instance->sources, bytes);
    }
    return source == 0 ? ERRNO_NO_SPACE : guest_store_u32(instance, out, source);
}

int64_t host_schedule_immediate(Instance *instance, const HostValue *args) {
    Bytes name;
    Bytes arguments;
    if (!guest_name(instance, args[0].u32, args[1].u32, &name)) return 0;
    if (!guest_bytes(instance, args[2].u32, args[3].u32, &arguments)) return 0;
    const HostEnv *env = instance->env;
    if (env->schedule_immediate) env->schedule_immediate(env->user, name, arguments);
    return 0;
}

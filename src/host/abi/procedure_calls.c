// procedure_calls.c - transactions, sleep and outbound HTTP of procedures (module-abi.md 7.2, 7.3, 7.5), and what
// reducers, views and start-up code get when they call them.
//
// A procedure's transaction holds the database: nothing that waits for something else is allowed in it.
#include "host/abi/abi.h"
#include "host/http/http.h"

static bool is_outside(Instance *instance, const char *name, const char *where);
static bool ends_own_tx(const Instance *instance);
static int64_t http_answer(Instance *instance, HttpOutcome outcome, HttpReply *reply, uint32_t out);
static bool open_source(Instance *instance, Buffer *bytes, uint32_t out);
static bool is_ending(void *user);

// True after a trap: the instance does not run procedures.
static bool is_outside(Instance *instance, const char *name, const char *where) {
    if (instance->env->procedures && instance->depth > 0) return false;
    host_trap(instance, "%s is only available in %s", name, where);
    return true;
}

// ---- transactions ----

int64_t host_procedure_start(Instance *instance, const HostValue *args) {
    HostEnv *env = instance->env;
    if (env->tx) return ERRNO_WOULD_BLOCK_TRANSACTION;
    if (is_outside(instance, "procedure_start_mut_tx", "procedures")) return 0;
    Error error;
    instance->engine->wait_begin(instance);
    Status status = env->procedures->enter(env->user, &error);
    instance->engine->wait_end(instance);
    if (status != STATUS_OK) return host_trap(instance, "%s", error.text);
    env->tx = tx_begin(env->store);
    return guest_store_u64(instance, args[0].u32, (uint64_t)env->os->time_micros(env->os));
}

// A transaction that belongs to a reducer, or to the procedure whose commit runs this view, is not the guest's to end.
static bool ends_own_tx(const Instance *instance) {
    return instance->env->procedures && instance->env->tx && instance->depth == 1;
}

int64_t host_procedure_commit(Instance *instance, const HostValue *args) {
    (void)args;
    if (!ends_own_tx(instance)) return ERRNO_TRANSACTION_NOT_ANONYMOUS;
    HostEnv *env = instance->env;
    Error error;
    Status status = env->procedures->commit(env->user, &error);
    ASSERT(env->tx == NULL);
    return status == STATUS_OK ? ERRNO_OK : host_trap(instance, "%s", error.text);
}

int64_t host_procedure_abort(Instance *instance, const HostValue *args) {
    (void)args;
    if (!ends_own_tx(instance)) return ERRNO_TRANSACTION_NOT_ANONYMOUS;
    HostEnv *env = instance->env;
    tx_rollback(env->tx);
    env->tx = NULL;
    env->procedures->leave(env->user);
    return ERRNO_OK;
}

// ---- waiting ----

int64_t host_procedure_sleep_until(Instance *instance, const HostValue *args) {
    if (is_outside(instance, "procedure_sleep_until", "async instances")) return 0;
    HostEnv *env = instance->env;
    int64_t until = (int64_t)args[0].u64;
    if (env->tx) return host_trap(instance, "procedure_sleep_until within a transaction");
    if (until > env->os->time_micros(env->os)) {
        Error error;
        instance->engine->wait_begin(instance);
        Status status = env->procedures->sleep(env->user, until, &error);
        instance->engine->wait_end(instance);
        if (status != STATUS_OK) return host_trap(instance, "%s", error.text);
    }
    return env->os->time_micros(env->os);
}

// args: request, request_len, body, body_len, out.
int64_t host_procedure_http_request(Instance *instance, const HostValue *args) {
    if (is_outside(instance, "procedure_http_request", "async instances")) return 0;
    Bytes bytes;
    if (!guest_bytes(instance, args[0].u32, args[1].u32, &bytes)) return 0;
    HostEnv *env = instance->env;
    HttpRequest request;
    arena_clear(&instance->scratch);
    if (!http_request_read(bytes, &instance->scratch, &request)) return ERRNO_BSATN_DECODE;
    if (!guest_bytes(instance, args[2].u32, args[3].u32, &request.body)) return 0;
    HttpReply reply;
    http_reply_init(&reply);
    HttpOutcome outcome = HTTP_FAILED;
    if (env->http.is_disabled) {
        http_reply_fail(&reply, "module outbound HTTP requests are disabled");
    } else if (env->tx) {
        http_reply_done(&reply);
        return ERRNO_WOULD_BLOCK_TRANSACTION;
    } else {
        HttpPolicy policy = {
            .allows_private = env->http.allows_private, .is_ending = is_ending, .user = instance};
        instance->engine->wait_begin(instance);
        outcome = http_fetch(&request, &policy, &reply);
        instance->engine->wait_end(instance);
    }
    int64_t answer = http_answer(instance, outcome, &reply, args[4].u32);
    http_reply_done(&reply);
    return answer;
}

static bool is_ending(void *user) {
    const HostEnv *env = ((const Instance *)user)->env;
    return env->procedures->is_ending(env->user);
}

static int64_t http_answer(Instance *instance, HttpOutcome outcome, HttpReply *reply,
                           uint32_t out) {
    if (outcome == HTTP_ENDED) return host_trap(instance, "the module is being stopped");
    if (outcome == HTTP_FAILED) {
        Buffer text;
        buffer_init(&text, HTTP_ERROR_BYTES_MAX + sizeof(uint32_t));
        buffer_string(&text, buffer_bytes(&reply->error));
        (void)open_source(instance, &text, out);
        buffer_done(&text);
        return ERRNO_HTTP;
    }
    if (out > UINT32_MAX - sizeof(uint32_t))
        return host_trap(instance, "out of bounds pointer passed to a spacetime function");
    bool has_body = reply->body.count > 0;
    if (!open_source(instance, &reply->head, out)) return 0;
    if (!has_body) return guest_store_u32(instance, out + (uint32_t)sizeof(uint32_t), 0);
    (void)open_source(instance, &reply->body, out + (uint32_t)sizeof(uint32_t));
    return ERRNO_OK;
}

// False after a trap. Takes the memory.
static bool open_source(Instance *instance, Buffer *bytes, uint32_t out) {
    uint32_t source = byte_sources_open_owned(&instance->sources, bytes);
    if (source == 0) {
        host_trap(instance, "too many byte sources are open, or they hold more than %llu bytes",
                  (unsigned long long)MODULE_SOURCES_OWNED_BYTES_MAX);
        return false;
    }
    guest_store_u32(instance, out, source);
    return !instance->trapped;
}

// procedure_calls.c - the procedures' calls, outside of procedures: what reducers, views and start-up code get.
#include "host/abi/abi.h"

int64_t host_procedure_sleep_until(Instance *instance, const HostValue *args) {
    (void)args;
    return host_trap(instance, "procedure_sleep_until is only available in async instances");
}

int64_t host_procedure_http_request(Instance *instance, const HostValue *args) {
    (void)args;
    return host_trap(instance, "procedure_http_request is only available in async instances");
}

int64_t host_procedure_start(Instance *instance, const HostValue *args) {
    (void)args;
    if (instance->env->tx) return ERRNO_WOULD_BLOCK_TRANSACTION;
    return host_trap(instance, "procedure_start_mut_tx is only available in procedures");
}

// A reducer's transaction is not the module's to end.
int64_t host_procedure_commit(Instance *instance, const HostValue *args) {
    (void)instance;
    (void)args;
    return ERRNO_TRANSACTION_NOT_ANONYMOUS;
}

int64_t host_procedure_abort(Instance *instance, const HostValue *args) {
    (void)instance;
    (void)args;
    return ERRNO_TRANSACTION_NOT_ANONYMOUS;
}

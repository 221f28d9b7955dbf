// loadgen.c - the load generator: many connections, each with a window of reducer calls on their
// way, on one thread. It shares the machine with the server it measures, so it does as little as it
// can: calls are patched copies of one template, answers are walked over, one read and one write
// per turn of a connection.
//
// Ends with 1 if any call failed or the server misbehaved, 2 on a bad command line.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "load_conn.h"
#include "load_http.h"
#include "load_options.h"
#include "load_system.h"

#define EVENTS_MAX 256
#define CONNECT_SECONDS_MAX 60.0
#define DRAIN_SECONDS_MAX 30.0
#define OUT_BYTES_MAX (64u << 20)
#define READ_BYTES (256u << 10)

// Both ends of the measured time.
typedef struct Mark {
    uint64_t nanos;
    double own_cpu;
    double server_cpu;  // negative: not known
} Mark;

static uint32_t connection_count(const LoadOptions *options);
static void seed_accounts(const LoadOptions *options, const char *token);
static bool run_turns(Load *load, double seconds, bool (*is_done)(const Load *load));
static bool all_ready(const Load *load);
static bool all_answered(const Load *load);
static void load_init(Load *load, const LoadOptions *options);
static void load_done(Load *load);
static void clear_counts(Load *load);
static Mark mark_now(const LoadOptions *options);
static void print_report(const Load *load, const Mark *begin, const Mark *end);
static void print_json(const Load *load, const Mark *begin, const Mark *end);
static void run_load(Load *load, LoadConn *conns, Mark *ret_begin, Mark *ret_end);
static void probe_sync(const LoadOptions *options);

int main(int argument_count, char **arguments) {
    LoadOptions options = load_options_parse(argument_count, arguments);
    if (options.sync_directory != NULL) probe_sync(&options);
    if (options.host[0] == 0) return 0;
    char *token = options.token != NULL ? mem_copy_text(bytes_of_text(options.token))
                                        : load_identity(&options);
    if (options.seeds_first) seed_accounts(&options, token);

    static Load load;
    load_init(&load, &options);
    uint32_t count = connection_count(&options);
    LoadConn *conns = mem_alloc(count * sizeof *conns);
    for (uint32_t i = 0; i < count; i++) load_conn_open(&load, &conns[i], i, token);
    Mark begin;
    Mark end;
    run_load(&load, conns, &begin, &end);
    for (uint32_t i = 0; i < count; i++) load_conn_close(&conns[i]);
    if (load.errors > 0) {
        fprintf(stderr, "loadgen: %llu calls failed, the first one: %s\n",
                (unsigned long long)load.errors, load.error_text);
    }
    int result = load.errors > 0 ? 1 : 0;
    mem_free(conns);
    mem_free(token);
    load_done(&load);
    return result;
}

// The report belongs to the measured time; errors count from start to end.
static void run_load(Load *load, LoadConn *conns, Mark *ret_begin, Mark *ret_end) {
    const LoadOptions *options = load->options;
    if (!run_turns(load, CONNECT_SECONDS_MAX, all_ready))
        load_fail("not all connections got their first message");
    load->phase = LOAD_WARMUP;
    load->now = system_nanos();
    for (uint32_t i = 0; i < options->connections; i++) load_conn_fill(load, &conns[i]);
    (void)run_turns(load, options->warmup_seconds, NULL);
    load->phase = LOAD_MEASURE;
    clear_counts(load);
    *ret_begin = mark_now(options);
    (void)run_turns(load, options->seconds, NULL);
    *ret_end = mark_now(options);
    if (options->prints_json) {
        print_json(load, ret_begin, ret_end);
    } else {
        print_report(load, ret_begin, ret_end);
    }
    load->phase = LOAD_DRAIN;
    if (!run_turns(load, DRAIN_SECONDS_MAX, all_answered)) {
        load_fail("%llu calls were never answered", (unsigned long long)load->waiting);
    }
}

// Turns for that long, or until it is done; false if it was not.
static bool run_turns(Load *load, double seconds, bool (*is_done)(const Load *load)) {
    struct epoll_event events[EVENTS_MAX];
    uint64_t until = system_nanos() + (uint64_t)(seconds * 1e9);
    for (;;) {
        load->now = system_nanos();
        if (is_done != NULL && is_done(load)) return true;
        if (load->now >= until) return false;
        int wait_ms = (int)((until - load->now) / 1000000u + 1);
        int count = epoll_wait(load->epoll, events, EVENTS_MAX, wait_ms);
        if (count < 0 && errno != EINTR) load_fail("epoll_wait: %s", strerror(errno));
        load->now = system_nanos();
        for (int i = 0; i < count; i++)
            load_conn_on_event(load, events[i].data.ptr, events[i].events);
    }
}

static uint32_t connection_count(const LoadOptions *options) {
    return options->connections + (options->sets > 0 ? 1 : 0);
}

static bool all_ready(const Load *load) {
    return load->ready == connection_count(load->options);
}

static bool all_answered(const Load *load) {
    return load->waiting == 0;
}

// With a connection of its own.
static void seed_accounts(const LoadOptions *options, const char *token) {
    LoadOptions seeding = *options;
    seeding.connections = 1;
    seeding.sets = 0;
    seeding.workload = WORKLOAD_TRANSFER;
    static Load load;
    load_init(&load, &seeding);
    LoadConn conn;
    load_conn_open(&load, &conn, 0, token);
    if (!run_turns(&load, CONNECT_SECONDS_MAX, all_ready)) load_fail("no first message");
    conn.sent = 1;
    conn.sent_nanos[0] = load.now;
    load.waiting = 1;
    Buffer call;
    buffer_init(&call, OUT_BYTES_MAX);
    seed_call_write(&call, 1, options->accounts, options->balance);
    load_conn_send(&load, &conn, buffer_bytes(&call));
    buffer_done(&call);
    if (!run_turns(&load, CONNECT_SECONDS_MAX, all_answered)) load_fail("seed was not answered");
    if (load.errors > 0) load_fail("seed: %s", load.error_text);
    load_conn_close(&conn);
    load_done(&load);
}

static void load_init(Load *load, const LoadOptions *options) {
    *load = (Load){.options = options, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    if (load->epoll < 0) load_fail("epoll_create1: %s", strerror(errno));
    call_template_init(&load->call, options->workload);
    load->read_buffer = mem_alloc(READ_BYTES);
    buffer_init(&load->out, OUT_BYTES_MAX);
}

static void load_done(Load *load) {
    mem_free(load->read_buffer);
    buffer_done(&load->out);
}

static void clear_counts(Load *load) {
    load->calls = 0;
    load->updates = 0;
    load->row_bytes = 0;
    load->reads = 0;
    load->writes = 0;
    histogram_clear(&load->latency);
}

static Mark mark_now(const LoadOptions *options) {
    return (Mark){
        .nanos = system_nanos(),
        .own_cpu = system_own_cpu(),
        .server_cpu = options->server_process > 0 ? system_process_cpu(options->server_process)
                                                  : -1,
    };
}

static double quantile_us(const Load *load, double part) {
    return (double)histogram_quantile(&load->latency, part) / 1000;
}

static void print_report(const Load *load, const Mark *begin, const Mark *end) {
    const LoadOptions *options = load->options;
    double seconds = (double)(end->nanos - begin->nanos) / 1e9;
    double calls = load->calls > 0 ? (double)load->calls : 1;
    printf("%s, %s: %u connections, %u in flight each, %u a message, %.1f s\n",
           workload_name(options->workload), options->is_confirmed ? "confirmed" : "unconfirmed",
           options->connections, options->in_flight, options->batch, seconds);
    if (options->sets > 0)
        printf("%u query sets were subscribed to in %.1f ms\n", options->sets,
               (double)load->subscribe_nanos / 1e6);
    printf("calls      %12llu  %.0f/s\n", (unsigned long long)load->calls,
           (double)load->calls / seconds);
    printf("latency us   p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f\n",
           quantile_us(load, 0.5), quantile_us(load, 0.9), quantile_us(load, 0.99),
           quantile_us(load, 0.999), (double)load->latency.max / 1000);
    if (load->updates > 0) {
        printf("updates    %12llu  %.0f/s, %.1f MB/s of rows\n", (unsigned long long)load->updates,
               (double)load->updates / seconds, (double)load->row_bytes / seconds / 1e6);
    }
    double own = end->own_cpu - begin->own_cpu;
    printf("our CPU    %12.2f s  %.0f%% of a core, %.2f us a call, %.1f calls a read\n", own,
           own / seconds * 100, own / calls * 1e6,
           calls / (double)(load->reads > 0 ? load->reads : 1));
    if (end->server_cpu < 0) return;
    double server = end->server_cpu - begin->server_cpu;
    printf("server CPU %12.2f s  %.0f%% of a core, %.2f us a call, %.1f MB resident\n", server,
           server / seconds * 100, server / calls * 1e6,
           (double)system_process_memory(options->server_process) / 1e6);
}

static void print_json(const Load *load, const Mark *begin, const Mark *end) {
    const LoadOptions *options = load->options;
    double seconds = (double)(end->nanos - begin->nanos) / 1e9;
    printf("{\"workload\":\"%s\",\"confirmed\":%s,\"connections\":%u,\"in_flight\":%u,\"batch\":%u,"
           "\"seconds\":%.3f,"
           "\"calls\":%llu,\"calls_per_second\":%.1f,\"updates\":%llu,\"subscribe_ms\":%.2f,"
           "\"errors\":%llu,",
           workload_name(options->workload), options->is_confirmed ? "true" : "false",
           options->connections, options->in_flight, options->batch, seconds,
           (unsigned long long)load->calls, (double)load->calls / seconds,
           (unsigned long long)load->updates, (double)load->subscribe_nanos / 1e6,
           (unsigned long long)load->errors);
    printf("\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,\"own_cpu_s\":%.3f",
           quantile_us(load, 0.5), quantile_us(load, 0.9), quantile_us(load, 0.99),
           (double)load->latency.max / 1000, end->own_cpu - begin->own_cpu);
    if (end->server_cpu >= 0) {
        printf(",\"server_cpu_s\":%.3f,\"server_resident_bytes\":%llu",
               end->server_cpu - begin->server_cpu,
               (unsigned long long)system_process_memory(options->server_process));
    }
    printf("}\n");
}

static void probe_sync(const LoadOptions *options) {
    static Histogram histogram;
    system_sync_probe(options->sync_directory, &histogram);
    if (options->prints_json) return;
    printf("fdatasync of a 200-byte append: p50 %.1f us, p99 %.1f us, max %.1f us\n",
           (double)histogram_quantile(&histogram, 0.5) / 1000,
           (double)histogram_quantile(&histogram, 0.99) / 1000, (double)histogram.max / 1000);
}

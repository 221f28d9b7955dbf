// thread_test.c - what crosses threads: threads, locks, conditions, queue, shared buffers, gate. The thread
// sanitizer is the real judge here; the counts are checked besides.
#include "base/thread.h"

#include "base/bytes.h"
#include "base/gate.h"
#include "base/limits.h"
#include "base/queue.h"
#include "base/shared_buf.h"
#include "death.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS 4
#define ROUNDS 20000

// ---- threads ----

typedef struct Seen {
    char name[16];
    sigset_t blocked;
    size_t stack_bytes;
} Seen;

static void look_around(void *user) {
    Seen *seen = user;
    pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
    pthread_sigmask(SIG_SETMASK, NULL, &seen->blocked);
    pthread_attr_t attributes;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstacksize(&attributes, &seen->stack_bytes);
    pthread_attr_destroy(&attributes);
}

static void test_thread_has_name_mask_and_stack(void **state) {
    (void)state;
    Seen seen = {0};
    sigset_t before;
    sigset_t after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    Thread thread = {0};
    thread_start(&thread, "fifteen-letters", look_around, &seen);
    thread_join(&thread);
    assert_string_equal(seen.name, "fifteen-letters");
    assert_true(sigismember(&seen.blocked, SIGTERM) == 1);
    assert_true(sigismember(&seen.blocked, SIGINT) == 1);
    assert_true(sigismember(&seen.blocked, SIGHUP) == 1);
    assert_true(sigismember(&seen.blocked, SIGSEGV) == 0);
    assert_true(sigismember(&seen.blocked, SIGFPE) == 0);
    assert_true(seen.stack_bytes >= THREAD_STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
    thread_join(&thread);  // again: nothing to do
}

static void start_with_a_long_name(void *user) {
    thread_start(user, "sixteen-letters!", look_around, NULL);
}

static void test_name_limit(void **state) {
    (void)state;
    Thread thread = {0};
    assert_true(death_says(start_with_a_long_name, &thread, "THREAD_NAME_BYTES_MAX"));
}

static void test_join_of_none(void **state) {
    (void)state;
    Thread thread = {0};
    thread_join(&thread);
}

// ---- locks and conditions ----

typedef struct Counter {
    Mutex mutex;
    Condition changed;
    uint64_t value;
    uint64_t waiting;
} Counter;

static void count_up(void *user) {
    Counter *counter = user;
    for (int i = 0; i < ROUNDS; i++) {
        mutex_lock(&counter->mutex);
        counter->value++;
        mutex_unlock(&counter->mutex);
    }
}

static void test_mutex_excludes(void **state) {
    (void)state;
    Counter counter = {0};
    mutex_init(&counter.mutex);
    Thread threads[THREADS] = {0};
    for (int i = 0; i < THREADS; i++) thread_start(&threads[i], "count", count_up, &counter);
    for (int i = 0; i < THREADS; i++) thread_join(&threads[i]);
    assert_int_equal(counter.value, THREADS * ROUNDS);
    mutex_done(&counter.mutex);
}

static void wait_for_one(void *user) {
    Counter *counter = user;
    mutex_lock(&counter->mutex);
    counter->waiting++;
    while (counter->value == 0) condition_wait(&counter->changed, &counter->mutex);
    counter->waiting--;
    mutex_unlock(&counter->mutex);
}

static void test_broadcast_wakes_all(void **state) {
    (void)state;
    Counter counter = {0};
    mutex_init(&counter.mutex);
    condition_init(&counter.changed);
    Thread threads[THREADS] = {0};
    for (int i = 0; i < THREADS; i++) thread_start(&threads[i], "wait", wait_for_one, &counter);
    for (bool all = false; !all; usleep(1000)) {
        mutex_lock(&counter.mutex);
        all = counter.waiting == THREADS;
        mutex_unlock(&counter.mutex);
    }
    mutex_lock(&counter.mutex);
    counter.value = 1;
    condition_broadcast(&counter.changed);
    mutex_unlock(&counter.mutex);
    for (int i = 0; i < THREADS; i++) thread_join(&threads[i]);
    assert_int_equal(counter.waiting, 0);
    condition_done(&counter.changed);
    mutex_done(&counter.mutex);
}

static void signal_once(void *user) {
    Counter *counter = user;
    mutex_lock(&counter->mutex);
    counter->value = 1;
    condition_signal(&counter->changed);
    mutex_unlock(&counter->mutex);
}

static void test_wait_ms(void **state) {
    (void)state;
    Counter counter = {0};
    mutex_init(&counter.mutex);
    condition_init(&counter.changed);
    struct timespec start;
    struct timespec end;
    mutex_lock(&counter.mutex);
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (condition_wait_ms(&counter.changed, &counter.mutex, 30)) {}
    clock_gettime(CLOCK_MONOTONIC, &end);
    int64_t waited_ms = (end.tv_sec - start.tv_sec) * 1000 +
                        (end.tv_nsec - start.tv_nsec) / 1000000;
    assert_true(waited_ms >= 29);
    Thread thread = {0};
    thread_start(&thread, "signal", signal_once, &counter);
    bool in_time = true;
    while (counter.value == 0)
        in_time = condition_wait_ms(&counter.changed, &counter.mutex, UINT64_MAX);
    assert_true(in_time);
    mutex_unlock(&counter.mutex);
    thread_join(&thread);
    condition_done(&counter.changed);
    mutex_done(&counter.mutex);
}

// ---- queue ----

typedef struct Message {
    QueueNode node;
    uint32_t producer;
    uint32_t number;
} Message;

typedef struct Producer {
    Queue *queue;
    Message *messages;
} Producer;

static void produce(void *user) {
    Producer *producer = user;
    for (uint32_t i = 0; i < ROUNDS; i++) queue_push(producer->queue, &producer->messages[i].node);
}

static void test_queue_keeps_order_and_loses_nothing(void **state) {
    (void)state;
    Queue queue;
    queue_init(&queue);
    Producer producers[THREADS];
    Thread threads[THREADS] = {0};
    for (uint32_t p = 0; p < THREADS; p++) {
        producers[p] = (Producer){&queue, mem_alloc(sizeof(Message) * ROUNDS)};
        for (uint32_t i = 0; i < ROUNDS; i++) producers[p].messages[i] = (Message){{NULL}, p, i};
    }
    for (int p = 0; p < THREADS; p++) thread_start(&threads[p], "produce", produce, &producers[p]);
    uint32_t next[THREADS] = {0};
    for (uint32_t taken = 0; taken < THREADS * ROUNDS;) {
        for (QueueNode *node = queue_take_all(&queue); node != NULL; node = node->next) {
            const Message *message = (const Message *)node;
            assert_int_equal(message->number, next[message->producer]);
            next[message->producer]++;
            taken++;
        }
    }
    assert_true(queue_is_empty(&queue));
    for (int p = 0; p < THREADS; p++) {
        thread_join(&threads[p]);
        mem_free(producers[p].messages);
    }
}

static void test_queue_says_when_it_was_empty(void **state) {
    (void)state;
    Queue queue;
    queue_init(&queue);
    QueueNode nodes[3];
    assert_true(queue_is_empty(&queue));
    assert_null(queue_take_all(&queue));
    assert_true(queue_push(&queue, &nodes[0]));
    assert_false(queue_push(&queue, &nodes[1]));
    assert_false(queue_is_empty(&queue));
    QueueNode *first = queue_take_all(&queue);
    assert_ptr_equal(first, &nodes[0]);
    assert_ptr_equal(first->next, &nodes[1]);
    assert_null(first->next->next);
    assert_true(queue_push(&queue, &nodes[2]));
}

// ---- shared buffers ----

static void read_and_let_go(void *user) {
    SharedBuf *buf = user;
    for (uint32_t i = 0; i < buf->count; i++) {
        if (buf->data[i] != (uint8_t)i) abort();
    }
    shared_buf_unref(buf);
}

static void test_shared_buf_is_freed_by_the_last(void **state) {
    (void)state;
    for (int round = 0; round < 50; round++) {
        SharedBuf *buf = shared_buf_create(1000);
        assert_int_equal(buf->count, 0);
        assert_int_equal(buf->capacity, 1000);
        for (uint32_t i = 0; i < 1000; i++) buf->data[i] = (uint8_t)i;
        buf->count = 1000;
        Thread threads[THREADS] = {0};
        for (int i = 0; i < THREADS; i++) {
            thread_start(&threads[i], "share", read_and_let_go, shared_buf_ref(buf));
        }
        shared_buf_unref(buf);  // not necessarily the last: the address sanitizer tells
        for (int i = 0; i < THREADS; i++) thread_join(&threads[i]);
    }
    shared_buf_unref(NULL);
}

static void test_shared_buf_of_and_slices(void **state) {
    (void)state;
    SharedBuf *buf = shared_buf_of(BYTES_LITERAL("abcdef"));
    SharedSlice slice = {shared_buf_ref(buf), 2, 3};
    assert_true(bytes_equal_text(shared_slice_bytes(slice), "cde"));
    assert_int_equal(atomic_load(&buf->refs), 2);
    shared_buf_unref(slice.buf);
    shared_buf_unref(buf);
    buf = shared_buf_of(BYTES_NONE);
    assert_int_equal(buf->count, 0);
    shared_buf_unref(buf);
}

// ---- gate ----

typedef struct Disk {
    Gate *gate;
    uint64_t durable[64];  // plain memory: the gate is what makes it visible
} Disk;

static void make_durable(void *user) {
    Disk *disk = user;
    for (uint64_t ticket = 1; ticket < 64; ticket++) {
        disk->durable[ticket] = ticket * ticket;
        gate_open(disk->gate, ticket);
    }
    gate_unref(disk->gate);
}

static void test_gate_publishes(void **state) {
    (void)state;
    Disk disk = {.gate = gate_create()};
    assert_true(gate_is_open(disk.gate, TICKET_NONE));
    assert_false(gate_is_open(disk.gate, 1));
    gate_ref(disk.gate);
    Thread thread = {0};
    thread_start(&thread, "disk", make_durable, &disk);
    for (uint64_t ticket = 1; ticket < 64; ticket++) {
        while (!gate_is_open(disk.gate, ticket)) {}
        assert_int_equal(disk.durable[ticket], ticket * ticket);
        assert_true(gate_is_open(disk.gate, ticket - 1));
    }
    assert_false(gate_is_open(disk.gate, 64));
    thread_join(&thread);
    gate_unref(disk.gate);
    gate_unref(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_limit),
        cmocka_unit_test(test_thread_has_name_mask_and_stack),
        cmocka_unit_test(test_join_of_none),
        cmocka_unit_test(test_mutex_excludes),
        cmocka_unit_test(test_broadcast_wakes_all),
        cmocka_unit_test(test_wait_ms),
        cmocka_unit_test(test_queue_keeps_order_and_loses_nothing),
        cmocka_unit_test(test_queue_says_when_it_was_empty),
        cmocka_unit_test(test_shared_buf_is_freed_by_the_last),
        cmocka_unit_test(test_shared_buf_of_and_slices),
        cmocka_unit_test(test_gate_publishes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

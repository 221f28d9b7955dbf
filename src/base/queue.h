// queue.h - messages from many threads to one: an intrusive MPSC queue.
//
// Threads    queue_push from any thread, queue_take_all from the one consumer.
// Lifetime   a node belongs to the queue between push and take; sending gives it away.
// Order      first in, first out per producer (and over all by the order of the atomic exchange).
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct QueueNode {
    struct QueueNode *next;
} QueueNode;

typedef struct Queue {
    // Newest first. Writers: any; reader: the consumer takes the whole chain. Release on push, acquire on
    // take: the node's content is visible to the consumer.
    _Atomic(QueueNode *) head;
} Queue;

static inline void queue_init(Queue *queue) {
    atomic_store_explicit(&queue->head, NULL, memory_order_relaxed);
}

// True if the queue was empty: the pusher then wakes the consumer.
static inline bool queue_push(Queue *queue, QueueNode *node) {
    QueueNode *head = atomic_load_explicit(&queue->head, memory_order_relaxed);
    do {
        node->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&queue->head, &head, node, memory_order_release,
                                                    memory_order_relaxed));
    return head == NULL;
}

// Everything that is there, oldest first, linked by next; NULL if nothing.
static inline QueueNode *queue_take_all(Queue *queue) {
    QueueNode *node = atomic_exchange_explicit(&queue->head, NULL, memory_order_acquire);
    QueueNode *oldest = NULL;
    while (node) {
        QueueNode *next = node->next;
        node->next = oldest;
        oldest = node;
        node = next;
    }
    return oldest;
}

static inline bool queue_is_empty(Queue *queue) {
    return atomic_load_explicit(&queue->head, memory_order_acquire) == NULL;
}

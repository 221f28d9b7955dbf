// conn.c - sockets under uv_poll, with our own reads and writes.
//
// One read per readiness: the poll is level-triggered, so what did not fit is reported again, and
// no read is spent on finding out that there is no more. The timer follows the deadline lazily:
// moving the deadline later, which happens with every read, is one store.
#include "net/conn.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define NEVER UINT64_MAX

static void conn_on_poll(uv_poll_t *poll, int status, int events);
static void conn_read(Conn *conn);
static void conn_on_timer(uv_timer_t *timer);
static void conn_arm(Conn *conn);
static void conn_update_events(Conn *conn);
static void conn_unlink(Conn *conn);
static void conn_on_handle_closed(uv_handle_t *handle);

Conn *conn_create(NetThread *thread, int socket, const ConnProtocol *protocol, void *part) {
    Conn *conn = mem_alloc_zero(sizeof *conn);
    conn->thread = thread;
    conn->protocol = protocol;
    conn->part = part;
    conn->socket = socket;
    conn->is_reading = true;
    conn->deadline_ms = NEVER;
    conn->armed_ms = NEVER;
    if (uv_poll_init(&thread->loop, &conn->poll, socket) != 0) {
        close(socket);
        net_thread_unassign(thread);
        mem_free(conn);
        return NULL;
    }
    int failure = uv_timer_init(&thread->loop, &conn->timer);
    ASSERT(failure == 0);  // libuv's has no way to fail
    conn->poll.data = conn;
    conn->timer.data = conn;
    conn->handles = 2;
    conn->next = thread->conns;
    if (conn->next != NULL) conn->next->previous = conn;
    thread->conns = conn;
    thread->open_count++;
    counter_add(&thread->counters.connections, 1);
    conn_update_events(conn);
    return conn;
}

void conn_close(Conn *conn) {
    if (conn->is_closed) return;
    conn->is_closed = true;
    net_thread_unassign(conn->thread);
    conn_set_waiting(conn, false);
    conn_unlink(conn);
    uv_close((uv_handle_t *)&conn->poll, conn_on_handle_closed);
    uv_close((uv_handle_t *)&conn->timer, conn_on_handle_closed);
    close(conn->socket);  // after uv_close: libuv has taken it out of the epoll set
    conn->socket = -1;
    conn->protocol->closed(conn);
}

static void conn_unlink(Conn *conn) {
    NetThread *thread = conn->thread;
    if (conn->previous != NULL) {
        conn->previous->next = conn->next;
    } else {
        ASSERT(thread->conns == conn);
        thread->conns = conn->next;
    }
    if (conn->next != NULL) conn->next->previous = conn->previous;
}

// A closed connection may still be on the dirty list; the list is worked off before handles are
// closed.
static void conn_on_handle_closed(uv_handle_t *handle) {
    Conn *conn = handle->data;
    ASSERT(conn->handles > 0);
    if (--conn->handles > 0) return;
    conn->thread->open_count--;
    if (conn->is_dirty) {
        conn->part = NULL;  // freed when the dirty list comes to it
        return;
    }
    mem_free(conn);
}

void conn_set_protocol(Conn *conn, const ConnProtocol *protocol, void *part) {
    ASSERT(!conn->is_closed);
    conn->protocol = protocol;
    conn->part = part;
}

void conn_set_reading(Conn *conn, bool is_reading) {
    if (conn->is_closed || conn->is_reading == is_reading) return;
    conn->is_reading = is_reading;
    conn_update_events(conn);
}

static void conn_update_events(Conn *conn) {
    int events = (conn->is_reading ? UV_READABLE : 0) | (conn->is_blocked ? UV_WRITABLE : 0);
    if (events == conn->events) return;
    conn->events = events;
    int failure = events == 0 ? uv_poll_stop(&conn->poll)
                              : uv_poll_start(&conn->poll, events, conn_on_poll);
    ASSERT(failure == 0);
}

void conn_set_deadline(Conn *conn, uint64_t at_ms) {
    conn->deadline_ms = at_ms;
    if (at_ms < conn->armed_ms && !conn->is_closed) conn_arm(conn);
}

static void conn_arm(Conn *conn) {
    uint64_t now = net_thread_now(conn->thread);
    uint64_t delay = conn->deadline_ms > now ? conn->deadline_ms - now : 0;
    conn->armed_ms = conn->deadline_ms;
    int failure = uv_timer_start(&conn->timer, conn_on_timer, delay, 0);
    ASSERT(failure == 0);
}

static void conn_on_timer(uv_timer_t *timer) {
    Conn *conn = timer->data;
    conn->armed_ms = NEVER;
    if (conn->deadline_ms == NEVER) return;
    if (conn->deadline_ms > net_thread_now(conn->thread)) {
        conn_arm(conn);
        return;
    }
    conn->deadline_ms = NEVER;
    conn->protocol->expired(conn);
}

void conn_mark(Conn *conn) {
    if (conn->is_dirty || conn->is_closed) return;
    conn->is_dirty = true;
    conn->dirty_next = conn->thread->dirty;
    conn->thread->dirty = conn;
}

void conn_set_waiting(Conn *conn, bool is_waiting) {
    if (conn->is_waiting == is_waiting) return;
    conn->is_waiting = is_waiting;
    NetThread *thread = conn->thread;
    if (is_waiting) {
        conn->waiting_previous = NULL;
        conn->waiting_next = thread->waiting;
        if (thread->waiting != NULL) thread->waiting->waiting_previous = conn;
        thread->waiting = conn;
        return;
    }
    if (conn->waiting_previous != NULL) {
        conn->waiting_previous->waiting_next = conn->waiting_next;
    } else {
        ASSERT(thread->waiting == conn);
        thread->waiting = conn->waiting_next;
    }
    if (conn->waiting_next != NULL) conn->waiting_next->waiting_previous = conn->waiting_previous;
}

static void conn_on_poll(uv_poll_t *poll, int status, int events) {
    Conn *conn = poll->data;
    if (status != 0) {
        conn_close(conn);
        return;
    }
    if ((events & UV_WRITABLE) != 0) {
        conn->is_blocked = false;
        conn_update_events(conn);
        conn_mark(conn);
    }
    if ((events & UV_READABLE) != 0 && conn->is_reading) conn_read(conn);
}

static void conn_read(Conn *conn) {
    NetThread *thread = conn->thread;
    ssize_t count;
    do {
        count = recv(conn->socket, thread->read_buffer, NET_READ_BYTES, 0);
    } while (count < 0 && errno == EINTR);
    if (count > 0) {
        counter_add(&thread->counters.bytes_in, (uint64_t)count);
        conn->protocol->read(conn, thread->read_buffer, (size_t)count);
    } else if (count == 0) {
        conn->protocol->ended(conn);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
        conn_close(conn);
    }
}

ConnWrite conn_write(Conn *conn, const struct iovec *pieces, uint32_t count, size_t *ret_written) {
    ASSERT(!conn->is_closed && !conn->is_blocked);
    size_t wanted = 0;
    for (uint32_t i = 0; i < count; i++) wanted += pieces[i].iov_len;
    struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = count};
    ssize_t written;
    do {
        written = sendmsg(conn->socket, &message, MSG_NOSIGNAL);
    } while (written < 0 && errno == EINTR);
    if (written < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
        conn_close(conn);
        return CONN_WRITE_GONE;
    }
    *ret_written = written < 0 ? 0 : (size_t)written;
    counter_add(&conn->thread->counters.bytes_out, *ret_written);
    if (*ret_written == wanted) return CONN_WRITE_ALL;
    conn->is_blocked = true;
    conn_update_events(conn);
    return CONN_WRITE_BLOCKED;
}

void conn_end_writing(Conn *conn) {
    (void)shutdown(conn->socket,
                   SHUT_WR);  // fails only if the client is gone, which the next read tells
}

// conn.h - one TCP connection on its net thread: readiness, writing, one deadline; what is spoken
// on it is a ConnProtocol (HTTP first, WebSocket after an upgrade).
//
// Threads    its net thread only.
// Lifetime   from conn_create until conn_close and the end of that loop turn; protocols may go on
//            using it within the callback that closed it.
#pragma once

#include "net/thread.h"

typedef struct ConnProtocol {
    // What one read gave; the bytes may be changed. May close the connection.
    void (*read)(Conn *conn, uint8_t *data, size_t count);
    // The client has sent its last byte.
    void (*ended)(Conn *conn);
    // The connection was marked, or takes bytes again: write what is ready.
    void (*flush)(Conn *conn);
    // The deadline has passed. Close, or set another one.
    void (*expired)(Conn *conn);
    // The server stops: close as soon as nothing runs here.
    void (*stopping)(Conn *conn);
    // The socket is gone; last call.
    void (*closed)(Conn *conn);
} ConnProtocol;

struct Conn {
    NetThread *thread;
    const ConnProtocol *protocol;
    void *part;  // the protocol's
    int socket;
    bool is_closed;
    bool is_reading;  // wants to be told about input
    bool is_blocked;  // the socket takes no bytes for now
    bool is_dirty;
    bool is_waiting;
    uint8_t handles;       // open libuv handles; memory is freed with the last
    int events;            // what the poll handle was told
    uint64_t deadline_ms;  // of the loop's clock; UINT64_MAX: none
    uint64_t armed_ms;     // when the timer fires; UINT64_MAX: not armed
    Conn *next;
    Conn *previous;
    Conn *dirty_next;
    Conn *waiting_next;
    Conn *waiting_previous;
    uv_poll_t poll;
    uv_timer_t timer;
};

// Takes the socket (non-blocking). Reads from the start. NULL if the system refuses; the socket is
// closed.
Conn *conn_create(NetThread *thread, int socket, const ConnProtocol *protocol, void *part);
void conn_close(Conn *conn);
// Another protocol from now on; the old one gets no callback.
void conn_set_protocol(Conn *conn, const ConnProtocol *protocol, void *part);
void conn_set_reading(Conn *conn, bool is_reading);
// Cheap if later than before: the timer is only moved when it fires.
void conn_set_deadline(Conn *conn, uint64_t at_ms);
// Its flush is called before the thread sleeps.
void conn_mark(Conn *conn);
// Is on the list of those that net_gates_opened marks, from now on, or no more.
void conn_set_waiting(Conn *conn, bool is_waiting);

typedef enum ConnWrite {
    CONN_WRITE_ALL,
    CONN_WRITE_BLOCKED,  // not all; flush will be called when it goes on
    CONN_WRITE_GONE,     // the connection was closed
} ConnWrite;
ConnWrite conn_write(Conn *conn, const struct iovec *pieces, uint32_t count, size_t *ret_written);
// Tells the client that nothing more comes.
void conn_end_writing(Conn *conn);

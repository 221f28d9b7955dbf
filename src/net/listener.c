// listener.c - accepting.
//
// One thread accepts for all: with SO_REUSEPORT the kernel would spread by hash, and a few busy
// connections would share a thread while another idles. The thread with the fewest connections gets
// the next one.
#include "net/listener.h"

#include "base/log.h"
#include "net/http_conn.h"
#include "net/server.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_BYTES_MAX 256u

struct Listener {
    NetServer *server;
    int socket;
    uint8_t handles;
    bool is_paused;
    Post close_post;
    uv_poll_t poll;
    uv_timer_t pause;
};

typedef struct AcceptPost {
    Post post;
    NetThread *thread;
    int socket;
} AcceptPost;

static Status address_split(const char *address, char *host, char *port, Error *error);
static Status socket_listen(const struct addrinfo *info, int *ret_socket);
static uint16_t socket_port(int socket);
static void listener_start(Listener *listener);
static void listener_on_ready(uv_poll_t *poll, int status, int events);
static bool listener_accept(Listener *listener);
static void listener_pause(Listener *listener, int error_number);
static void listener_on_pause_end(uv_timer_t *timer);
static void listener_hand_over(Listener *listener, int socket);
static void net_run_accepted(Post *post);
static void net_run_close(Post *post);
static void listener_on_handle_closed(uv_handle_t *handle);

Status listener_open(NetServer *server, const char *address, Listener **ret_listener,
                     uint16_t *ret_port, Error *error) {
    char host[HOST_BYTES_MAX];
    char port[HOST_BYTES_MAX];
    Status status = address_split(address, host, port, error);
    if (status != STATUS_OK) return status;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *infos = NULL;
    int failure = getaddrinfo(host, port, &hints, &infos);
    if (failure != 0)
        return error_set(error, STATUS_INVALID, "address %s: %s", address, gai_strerror(failure));
    int socket = -1;
    status = STATUS_IO;
    for (struct addrinfo *info = infos; info != NULL && status != STATUS_OK; info = info->ai_next) {
        status = socket_listen(info, &socket);
    }
    int error_number = errno;
    freeaddrinfo(infos);
    if (status != STATUS_OK) return error_set_errno(error, error_number, "listen on %s", address);

    Listener *listener = mem_alloc_zero(sizeof *listener);
    listener->server = server;
    listener->socket = socket;
    listener_start(listener);
    *ret_port = socket_port(socket);
    *ret_listener = listener;
    return STATUS_OK;
}

static Status address_split(const char *address, char *host, char *port, Error *error) {
    const char *colon = strrchr(address, ':');
    size_t host_bytes = colon ? (size_t)(colon - address) : 0;
    bool is_bracketed = host_bytes >= 2 && address[0] == '[' && address[host_bytes - 1] == ']';
    if (is_bracketed) {
        address++;
        host_bytes -= 2;
    }
    bool is_good = host_bytes > 0 && host_bytes < HOST_BYTES_MAX && colon[1] != 0 &&
                   strlen(colon + 1) < HOST_BYTES_MAX;
    // "::1:3000" could be read in two ways.
    if (is_good && !is_bracketed) is_good = memchr(address, ':', host_bytes) == NULL;
    if (!is_good) return error_set(error, STATUS_INVALID, "address %s: want HOST:PORT", address);
    memcpy(host, address, host_bytes);
    host[host_bytes] = 0;
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return STATUS_OK;
}

static Status socket_listen(const struct addrinfo *info, int *ret_socket) {
    int handle = socket(info->ai_family, info->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                        info->ai_protocol);
    if (handle < 0) return STATUS_IO;
    int on = 1;
    // Accepted sockets inherit TCP_NODELAY. Both may be refused without harm.
    (void)setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    (void)setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(handle, info->ai_addr, info->ai_addrlen) != 0 ||
        listen(handle, NET_BACKLOG_MAX) != 0) {
        int error_number = errno;
        close(handle);
        errno = error_number;
        return STATUS_IO;
    }
    *ret_socket = handle;
    return STATUS_OK;
}

static uint16_t socket_port(int socket) {
    struct sockaddr_storage address;
    socklen_t count = sizeof address;
    int failure = getsockname(socket, (struct sockaddr *)&address, &count);
    ASSERT(failure == 0);
    if (address.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static void listener_start(Listener *listener) {
    NetThread *thread = &listener->server->threads[0];
    int failure = uv_poll_init(&thread->loop, &listener->poll, listener->socket);
    failure |= uv_timer_init(&thread->loop, &listener->pause);
    listener->poll.data = listener;
    listener->pause.data = listener;
    listener->handles = 2;
    failure |= uv_poll_start(&listener->poll, UV_READABLE, listener_on_ready);
    ASSERT(failure == 0);
    thread->open_count++;
}

static void listener_on_ready(uv_poll_t *poll, int status, int events) {
    (void)status;  // an error shows in accept
    (void)events;
    Listener *listener = poll->data;
    for (uint32_t i = 0; i < NET_ACCEPTS_MAX; i++) {
        if (!listener_accept(listener)) return;
    }
}

// False when there is nothing to accept for now.
static bool listener_accept(Listener *listener) {
    int socket = accept4(listener->socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            listener_pause(listener, errno);
        }
        return errno == ECONNABORTED || errno == EINTR;
    }
    uint32_t open = atomic_load_explicit(&listener->server->connections, memory_order_relaxed);
    if (open >= NET_CONNECTIONS_MAX) {
        close(socket);
        return true;
    }
    listener_hand_over(listener, socket);
    return true;
}

// Without descriptors the socket stays readable: do not spin on it.
static void listener_pause(Listener *listener, int error_number) {
    if (!listener->is_paused) log_line(LOG_WARN, "net", "accept: %s", strerror(error_number));
    listener->is_paused = true;
    (void)uv_poll_stop(&listener->poll);
    int failure = uv_timer_start(&listener->pause, listener_on_pause_end, NET_ACCEPT_PAUSE_MS, 0);
    ASSERT(failure == 0);
}

static void listener_on_pause_end(uv_timer_t *timer) {
    Listener *listener = timer->data;
    int failure = uv_poll_start(&listener->poll, UV_READABLE, listener_on_ready);
    ASSERT(failure == 0);
}

static void listener_hand_over(Listener *listener, int socket) {
    NetServer *server = listener->server;
    listener->is_paused = false;
    NetThread *least = &server->threads[0];
    for (uint32_t i = 1; i < server->thread_count; i++) {
        NetThread *thread = &server->threads[i];
        uint32_t count = atomic_load_explicit(&thread->assigned, memory_order_relaxed);
        if (count < atomic_load_explicit(&least->assigned, memory_order_relaxed)) least = thread;
    }
    atomic_fetch_add_explicit(&least->assigned, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&server->connections, 1, memory_order_relaxed);
    AcceptPost *accepted = mem_alloc_zero(sizeof *accepted);
    accepted->post.run = net_run_accepted;
    accepted->thread = least;
    accepted->socket = socket;
    net_thread_post(least, &accepted->post);
}

static void net_run_accepted(Post *post) {
    AcceptPost *accepted = POST_OWNER(post, AcceptPost, post);
    NetThread *thread = accepted->thread;
    if (thread->is_stopping) {
        close(accepted->socket);
        net_thread_unassign(thread);
    } else {
        http_conn_open(thread, accepted->socket);
    }
    mem_free(accepted);
}

void listener_close(Listener *listener) {
    listener->close_post.run = net_run_close;
    net_thread_post(&listener->server->threads[0], &listener->close_post);
}

static void net_run_close(Post *post) {
    Listener *listener = POST_OWNER(post, Listener, close_post);
    uv_close((uv_handle_t *)&listener->poll, listener_on_handle_closed);
    uv_close((uv_handle_t *)&listener->pause, listener_on_handle_closed);
    close(listener->socket);
}

static void listener_on_handle_closed(uv_handle_t *handle) {
    Listener *listener = handle->data;
    if (--listener->handles > 0) return;
    listener->server->threads[0].open_count--;
    mem_free(listener);
}

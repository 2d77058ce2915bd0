/* SPDX-License-Identifier: Apache-2.0
 *
 * handoff/channel: see channel.h.
 */
#include "handoff/channel.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { SPARE_DESCRIPTORS = 8 }; /* Room for more than one, so that too many are told from none. */

void handoff_channel_begin(struct handoff_channel* channel, int fd)
{
    channel->fd = fd;
    channel->wrong = NULL;
    channel->socket = -1;
    channel->state = NULL;
    channel->state_size = channel->n_state = 0;
    channel->whole = true;
}

/* Forgets the last socket. */
static void forget(struct handoff_channel* channel)
{
    if (channel->socket >= 0)
        close(channel->socket);
    free(channel->state);
    channel->socket = -1;
    channel->state = NULL;
    channel->state_size = channel->n_state = 0;
    channel->whole = true;
}

void handoff_channel_end(struct handoff_channel* channel)
{
    forget(channel);
    if (channel->fd >= 0)
        close(channel->fd);
    channel->fd = -1;
}

/* Milliseconds that are left for poll(2), rounded up. */
static int left(int64_t until)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t rest = until - ((int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
    if (rest <= 0)
        return 0;
    return rest / 1000000 >= INT_MAX ? INT_MAX : (int)((rest + 999999) / 1000000);
}

int handoff_wait(int fd, short events, int64_t until)
{
    struct pollfd pollfd = {.fd = fd, .events = events};
    for (;;) {
        const int n = poll(&pollfd, 1, left(until));
        if (n > 0)
            return 0;
        if (n == 0)
            return ETIMEDOUT;
        if (errno != EINTR)
            return errno;
    }
}

/* Sends one packet, with descriptor `fd` unless that is -1. */
static int send_packet(int to, const struct handoff_message* message, int fd, int64_t until)
{
    uint8_t head[HANDOFF_HEADER_SIZE + 8];
    struct iovec parts[] = {
        {.iov_base = head, .iov_len = handoff_encode(message, head)},
        {.iov_base = (void*)message->text, .iov_len = message->text_size},
        {.iov_base = (void*)message->state, .iov_len = message->state_size},
    };
    union {
        struct cmsghdr header; /* For its alignment. */
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr packet = {.msg_iov = parts, .msg_iovlen = 3};
    if (fd >= 0) {
        packet.msg_control = control.bytes;
        packet.msg_controllen = sizeof control.bytes;
        struct cmsghdr* rights = CMSG_FIRSTHDR(&packet);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    }
    while (sendmsg(to, &packet, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return errno;
        const int error = handoff_wait(to, POLLOUT, until);
        if (error)
            return error;
    }
    return 0;
}

int handoff_channel_send(struct handoff_channel* channel, const struct handoff_message* message,
                         int64_t until)
{
    return channel->fd < 0 ? EPIPE : send_packet(channel->fd, message, -1, until);
}

int handoff_channel_send_socket(struct handoff_channel* channel, const char* name, int fd,
                                const void* state, size_t state_size, int64_t until)
{
    struct stat about;
    const size_t name_size = strlen(name);
    if (!handoff_is_name(name, name_size) || fstat(fd, &about) || !S_ISSOCK(about.st_mode))
        return EINVAL;
    if (state_size > HOLDFAST_HANDOFF_STATE_MAX)
        return EMSGSIZE;
    if (channel->fd < 0)
        return EPIPE;

    const uint8_t* rest = state;
    size_t n_rest = state_size;
    const size_t room = HANDOFF_PAYLOAD_MAX - 8 - name_size;
    struct handoff_message message = {.type = HANDOFF_SOCKET,
                                      .number = (uint32_t)state_size,
                                      .text = name,
                                      .text_size = name_size,
                                      .state = rest,
                                      .state_size = n_rest < room ? n_rest : room};
    int error = send_packet(channel->fd, &message, fd, until);
    while (!error) {
        n_rest -= message.state_size;
        if (n_rest == 0)
            break;
        rest += message.state_size;
        message = (struct handoff_message){
            .type = HANDOFF_MORE,
            .state = rest,
            .state_size = n_rest < HANDOFF_PAYLOAD_MAX ? n_rest : HANDOFF_PAYLOAD_MAX};
        error = send_packet(channel->fd, &message, -1, until);
    }
    return error;
}

/* Takes the descriptors of a packet: the first goes to `fd`, others are closed; returns how many.
 */
static int take_descriptors(struct msghdr* packet, int* fd)
{
    int n = 0;
    for (struct cmsghdr* at = CMSG_FIRSTHDR(packet); at; at = CMSG_NXTHDR(packet, at)) {
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
            continue;
        const size_t n_here = (at->cmsg_len - CMSG_LEN(0)) / sizeof *fd;
        for (size_t i = 0; i < n_here; i++, n++) {
            int got;
            memcpy(&got, CMSG_DATA(at) + i * sizeof got, sizeof got);
            if (n == 0)
                *fd = got;
            else
                close(got);
        }
    }
    return n;
}

static int protocol(struct handoff_channel* channel, const char* wrong)
{
    channel->wrong = wrong;
    return EPROTO;
}

/* Reads one packet and its descriptor (-1: none). */
static int receive_packet(struct handoff_channel* channel, struct handoff_message* message, int* fd)
{
    union {
        struct cmsghdr header; /* For its alignment. */
        char bytes[CMSG_SPACE(SPARE_DESCRIPTORS * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = channel->packet, .iov_len = sizeof channel->packet};
    struct msghdr packet = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    ssize_t size;
    *fd = -1;
    do
        size = recvmsg(channel->fd, &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return errno == ECONNRESET ? EPIPE : errno;

    const int n = take_descriptors(&packet, fd);
    if (n == 0 && (packet.msg_flags & MSG_CTRUNC))
        return EMFILE;
    if (n == 0 && size == 0)
        return EPIPE;
    if (n > 1 || (packet.msg_flags & MSG_CTRUNC))
        return protocol(channel, "a message has more than one descriptor");
    if (packet.msg_flags & MSG_TRUNC)
        return protocol(channel, "a message is longer than 64 KiB");
    const char* wrong = handoff_decode(channel->packet, (size_t)size, message);
    if (wrong)
        return protocol(channel, wrong);
    if (message->type == HANDOFF_SOCKET && n == 0)
        return protocol(channel, "a socket comes without its descriptor");
    if (message->type != HANDOFF_SOCKET && n == 1)
        return protocol(channel, "a descriptor comes with a message that has none");
    return 0;
}

/* A socket begins. */
static int begin_socket(struct handoff_channel* channel, const struct handoff_message* message,
                        int fd)
{
    struct stat about;
    forget(channel);
    channel->socket = fd;
    if (fstat(fd, &about) || !S_ISSOCK(about.st_mode))
        return protocol(channel, "a descriptor is no socket");
    memcpy(channel->name, message->text, message->text_size);
    channel->name[message->text_size] = '\0';
    channel->state_size = message->number;
    channel->whole = false;
    channel->state = malloc(message->number ? message->number : 1);
    return channel->state ? 0 : ENOMEM;
}

/* Adds to the socket's state, and makes `message` the whole socket's if that was all. */
static int add_state(struct handoff_channel* channel, struct handoff_message* message)
{
    if (message->state_size > channel->state_size - channel->n_state)
        return protocol(channel, "a socket has more state than it said");
    memcpy(channel->state + channel->n_state, message->state, message->state_size);
    channel->n_state += message->state_size;
    channel->whole = channel->n_state == channel->state_size;
    *message = (struct handoff_message){.type = HANDOFF_SOCKET,
                                        .number = (uint32_t)channel->state_size,
                                        .text = channel->name,
                                        .text_size = strlen(channel->name),
                                        .state = channel->state,
                                        .state_size = channel->state_size};
    return 0;
}

/* Reads one packet, and adds it to the socket that comes if it is part of one. */
static int receive_part(struct handoff_channel* channel, struct handoff_message* message)
{
    int fd;
    const int error = receive_packet(channel, message, &fd);
    if (error) {
        if (fd >= 0)
            close(fd);
        return error;
    }
    if (message->type == HANDOFF_MORE)
        return channel->whole ? protocol(channel, "state comes without its socket")
                              : add_state(channel, message);
    if (!channel->whole) {
        if (fd >= 0)
            close(fd);
        return protocol(channel, "a socket's state ends too soon");
    }
    if (message->type != HANDOFF_SOCKET)
        return 0;
    const int begun = begin_socket(channel, message, fd);
    return begun ? begun : add_state(channel, message);
}

int handoff_channel_receive(struct handoff_channel* channel, struct handoff_message* message)
{
    int error;
    do
        error = receive_part(channel, message);
    while (!error && !channel->whole);
    return error;
}

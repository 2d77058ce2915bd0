/* SPDX-License-Identifier: Apache-2.0
 *
 * handoff/channel: one end of the connection of service and agent: whole messages and whole
 * sockets over a Unix socket (SOCK_SEQPACKET).  Both ends are alike.
 *
 * Every function returns 0 or a positive errno.
 */
#ifndef HOLDFAST_HANDOFF_CHANNEL_H
#define HOLDFAST_HANDOFF_CHANNEL_H 1

#include "handoff/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

struct handoff_channel {
    int fd;            /* The connection; -1: none. */
    const char* wrong; /* After EPROTO: what the other side did, in a few words. */

    /* The socket of which not all has come yet, or the last one that came. */
    int socket;                               /* Its descriptor; -1: none, or the caller has it. */
    char name[HOLDFAST_HANDOFF_NAME_MAX + 1]; /* With a NUL at the end. */
    uint8_t* state; /* `state_size` bytes, of which `n_state` have come. */
    size_t state_size, n_state;
    bool whole; /* All has come. */

    uint8_t packet[HANDOFF_MESSAGE_MAX]; /* The last packet that came. */
};

/* Waits until `fd` has one of the `events` of poll(2), or its other side has gone; at the latest
 * until `until` (CLOCK_MONOTONIC, ns): ETIMEDOUT. */
int handoff_wait(int fd, short events, int64_t until);

/* Begins with the connection `fd` (-1: none), which it owns. */
void handoff_channel_begin(struct handoff_channel* channel, int fd);

/* Closes the connection and what came by it and was not taken. */
void handoff_channel_end(struct handoff_channel* channel);

/* Sends a message; waits while the connection is full, until `until` (as above).
 * ETIMEDOUT; EPIPE or ECONNRESET if the other side has gone; EMSGSIZE beyond the limits. */
int handoff_channel_send(struct handoff_channel* channel, const struct handoff_message* message,
                         int64_t until);

/* The same for a socket with all its state; EINVAL if `fd` is none, or `name` no name. */
int handoff_channel_send_socket(struct handoff_channel* channel, const char* name, int fd,
                                const void* state, size_t state_size, int64_t until);

/* Reads one message, without waiting.  A socket comes whole: `message` is its SOCKET with the
 * whole state, and channel->socket is for the caller to take (set it to -1) before the next call.
 * What `message` points to is valid until then, too.
 * EAGAIN nothing (whole) has come; EPIPE the other side has gone; EPROTO see channel->wrong;
 * EMFILE this process can have no more descriptors; ENOMEM. */
int handoff_channel_receive(struct handoff_channel* channel, struct handoff_message* message);

#ifdef __cplusplus
}
#endif

#endif /* channel.h */

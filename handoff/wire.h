/* SPDX-License-Identifier: Apache-2.0
 *
 * handoff/wire: the messages of the handoff protocol (doc/handoff.md) as bytes, and back.
 *
 * Pure: no I/O, no memory.  For both ends: the client library and the agent.
 */
#ifndef HOLDFAST_HANDOFF_WIRE_H
#define HOLDFAST_HANDOFF_WIRE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handoff/holdfast-handoff.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HANDOFF_VERSION = 1,         /* The first byte of each message. */
    HANDOFF_HEADER_SIZE = 8,     /* Bytes before the payload. */
    HANDOFF_PAYLOAD_MAX = 65536, /* Bytes of a payload. */
    HANDOFF_MESSAGE_MAX = HANDOFF_HEADER_SIZE + HANDOFF_PAYLOAD_MAX,
    HANDOFF_STOPPED = 4, /* Beside the roles in a hello: told to give, waits for KEEP. */
    HANDOFF_AGREED = 8,  /* The same: has taken and said READY, waits for GO or DROP. */
};

/* Second byte of a message; S is the service, A the agent. */
enum handoff_type {
    HANDOFF_HELLO = 1, /* S to A, first: who it is and what it can. */
    HANDOFF_GIVE,      /* A to S: stop, send all sockets. */
    HANDOFF_SOCKET,    /* From who gives to who takes: a descriptor, its name, its state. */
    HANDOFF_MORE,      /* The same: more of the last socket's state. */
    HANDOFF_DONE,      /* The same: those were all. */
    HANDOFF_READY,     /* S to A: it has them all and can go on with them. */
    HANDOFF_KEEP,      /* A to S: go on with your own. */
    HANDOFF_KEPT,      /* S to A: it does. */
    HANDOFF_GO,        /* A to S: go on with what you took. */
    HANDOFF_DROP,      /* A to S: close what you took. */
    HANDOFF_REFUSED,   /* S to A: it cannot give, or not go on with what it took, and why. */
};

/* One message; which members count follows from its type. */
struct handoff_message {
    enum handoff_type type;
    uint32_t number;   /* HELLO: roles; SOCKET: bytes of its state in all; DONE: of sockets. */
    const char* text;  /* HELLO: program; SOCKET: name; REFUSED: reason.  No NUL at its end. */
    size_t text_size;  /* Bytes of `text`. */
    const void* state; /* SOCKET, MORE: this part of the state. */
    size_t state_size; /* Bytes of `state`. */
};

/* Whether `text` is a name: 1 to 255 bytes of printable ASCII without ':'.
 * Source: systemd's rule for LISTEN_FDNAMES, sd_listen_fds(3). */
bool handoff_is_name(const char* text, size_t size);

/* Makes the packet's bytes before the parts that `message` points to, for sendmsg(2): header and
 * fixed members go to `head`, of at most HANDOFF_HEADER_SIZE + 8 bytes; `text` and `state` follow.
 * Returns the bytes in `head`. */
size_t handoff_encode(const struct handoff_message* message, uint8_t* head);

/* Reads a packet; `message` points into it.  Every length and name is checked.
 * Returns NULL, or what is wrong with it, in a few words. */
const char* handoff_decode(const uint8_t* packet, size_t size, struct handoff_message* message);

#ifdef __cplusplus
}
#endif

#endif /* wire.h */

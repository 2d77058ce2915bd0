/* SPDX-License-Identifier: Apache-2.0
 *
 * holdfast-handoff: lets a service move to another machine with its connections.
 *
 * For servers in C and C++, with any event loop: a descriptor to poll, and a function to call
 * when it is ready.  Needs nothing but the C library.  Every function returns 0 or a positive
 * errno.  One thread uses a handle at a time.  The protocol is in doc/handoff.md; a whole server
 * that uses this is handoff/counter.c.
 *
 *     at home     holdfast_handoff_open() ... GIVE: give() each socket, done() ... KEEP: go on
 *     at target   holdfast_handoff_open() ... TAKE each socket ... TAKEN: ready() ... GO
 */
#ifndef HOLDFAST_HANDOFF_H
#define HOLDFAST_HANDOFF_H 1

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a service can do. */
enum holdfast_handoff_role {
    HOLDFAST_HANDOFF_GIVES = 1, /**< It gives its sockets away when it is asked. */
    HOLDFAST_HANDOFF_TAKES = 2, /**< It takes sockets that another instance gave. */
};

/** Limits of the protocol, in bytes; beyond them EMSGSIZE. */
enum holdfast_handoff_limit {
    HOLDFAST_HANDOFF_NAME_MAX = 255,        /**< A socket's name. */
    HOLDFAST_HANDOFF_STATE_MAX = 16777216,  /**< The state of one socket. */
    HOLDFAST_HANDOFF_REASON_MAX = 400,      /**< The line of holdfast_handoff_refuse(). */
    HOLDFAST_HANDOFF_SOCKETS_MAX = 1000000, /**< Sockets of one move. */
};

/** What the service has to do now. */
enum holdfast_handoff_kind {
    /** Nothing: poll again. */
    HOLDFAST_HANDOFF_NOTHING = 0,
    /** Stop: accept, read, write and close no socket from now on; give() each of them with what
     *  you know of it, then done().  They stay open here.  Then wait for KEEP; a service that
     *  has moved is ended instead. */
    HOLDFAST_HANDOFF_GIVE,
    /** The move came to nothing: go on with all sockets, as if nothing had been. */
    HOLDFAST_HANDOFF_KEEP,
    /** A socket of the other instance, with its name and state: it is yours to keep, but must
     *  not be used before GO. */
    HOLDFAST_HANDOFF_TAKE,
    /** That were all: answer with ready() if you can go on with them, else with refuse(). */
    HOLDFAST_HANDOFF_TAKEN,
    /** All sockets are live: serve. */
    HOLDFAST_HANDOFF_GO,
    /** What was taken will not go live: close it. */
    HOLDFAST_HANDOFF_DROP,
};

/** One thing to do. */
struct holdfast_handoff_event {
    enum holdfast_handoff_kind kind;
    /* Of TAKE alone: */
    int fd;            /**< Close-on-exec, blocking or not as its giver had it; the caller's. */
    const char* name;  /**< As its giver named it; until the next call with this handle. */
    const void* state; /**< `state_size` bytes as its giver gave them; as long as `name`. */
    size_t state_size;
};

struct holdfast_handoff;

/**
 * Connects to the agent, and says what this service can do.
 *
 * @param program  what people call it, e.g. "counter"; at most HOLDFAST_HANDOFF_NAME_MAX bytes of
 *                 printable ASCII.
 * @param roles    the sum of some holdfast_handoff_role.
 * @return ENOENT   $HOLDFAST_HANDOFF is not set: nobody moves this service; serve as ever.
 *         EINVAL   `program` or `roles` is wrong.
 *         else     as connect(2) or malloc(3).
 */
int holdfast_handoff_open(struct holdfast_handoff** handoff, const char* program, unsigned roles);

/**
 * Whether this process was started to take over from another instance ($HOLDFAST_HANDOFF_SUCCESSOR
 * is set): it must make no sockets, and waits for TAKE.
 *
 * @return 1 or 0.
 */
int holdfast_handoff_is_successor(void);

/** Closes the way to the agent; the service's sockets stay.  NULL is fine. */
void holdfast_handoff_close(struct holdfast_handoff* handoff);

/**
 * The descriptor to poll for POLLIN; call holdfast_handoff_next() then.  It can be another one
 * after each call of next(): the way to an agent that has ended is made anew there.  -1 while
 * there is no agent: call next() every second or so.
 */
int holdfast_handoff_fd(const struct holdfast_handoff* handoff);

/**
 * Reads what the agent says, without waiting.  Call it until it says NOTHING.
 *
 * @return ECONNREFUSED, ENOENT or another errno of connect(2)
 *                   there is no agent now.  A service that was told to give goes on standing
 *                   still: only KEEP ends that.
 *         EPROTO    the agent broke the protocol; the way to it is made anew at the next call.
 *         EMFILE, ENOMEM
 *                   no descriptor, or no memory, is left for what it sent; the same.
 *         With these errors, too, `event` counts: it can be DROP.
 */
int holdfast_handoff_next(struct holdfast_handoff* handoff, struct holdfast_handoff_event* event);

/**
 * Gives one socket to the agent, between GIVE and done().  Waits while the agent is slower, 10
 * seconds at most.
 *
 * @param name   says what it is to the instance that takes it, e.g. "listen" or "connection":
 *               1 to HOLDFAST_HANDOFF_NAME_MAX bytes of printable ASCII without ':', as in
 *               LISTEN_FDNAMES.  Need not be unique.
 * @param fd     the socket.
 * @param state  what the other instance must know, in bytes that it can read on another machine;
 *               NULL if `state_size` is 0.
 * @return EINVAL    not after GIVE, or the name is wrong, or `fd` is no socket.
 *         EMSGSIZE  the state, or the number of sockets, is beyond the limit.
 *         ETIMEDOUT, EPIPE, ECONNRESET
 *                   the agent hangs or has gone: stop giving and go on with next(); KEEP will
 *                   come, or GIVE again.
 */
int holdfast_handoff_give(struct holdfast_handoff* handoff, const char* name, int fd,
                          const void* state, size_t state_size);

/** Ends the giving: those were all.  Errors as of give(). */
int holdfast_handoff_done(struct holdfast_handoff* handoff);

/**
 * After TAKEN: this service can go on with what it took.  From then on it keeps that also if the agent
 * ends: the next one says GO or DROP.  Errors as of give().
 */
int holdfast_handoff_ready(struct holdfast_handoff* handoff);

/**
 * After GIVE, instead of done(), or after TAKEN, instead of ready(): it cannot be done, and why.
 * KEEP or DROP follows.
 *
 * @param reason  one line for the operator; what is beyond HOLDFAST_HANDOFF_REASON_MAX is cut.
 * Errors as of give().
 */
int holdfast_handoff_refuse(struct holdfast_handoff* handoff, const char* reason);

#ifdef __cplusplus
}
#endif

#endif /* holdfast-handoff.h */

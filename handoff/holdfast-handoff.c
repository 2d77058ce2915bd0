/* SPDX-License-Identifier: Apache-2.0
 *
 * holdfast-handoff: see holdfast-handoff.h.
 */
#include "handoff/holdfast-handoff.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "handoff/channel.h"

enum { PATIENCE_S = 10 }; /* How long an agent may take nothing. */

/* Where a service stands.
 *
 *     SERVING --GIVE--> GIVING --done()--> STOPPED --KEEP--> SERVING
 *     SERVING --SOCKET--> TAKING --DONE--> TAKEN --ready()--> AGREED --GO--> SERVING
 *
 * GIVING and STOPPED become STOPPED when the agent ends; TAKING and TAKEN become SERVING with
 * DROP, as they do when it says so.  AGREED stays: the sockets may be live already, and the next
 * agent knows. */
enum phase { SERVING, GIVING, STOPPED, TAKING, TAKEN, AGREED };

struct holdfast_handoff {
    struct handoff_channel channel;
    enum phase phase;
    unsigned roles;
    uint32_t n_sockets; /* Given, or taken, so far. */
    char* path;         /* The agent's socket. */
    char program[HOLDFAST_HANDOFF_NAME_MAX + 1];
};

static int64_t soon(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)(now.tv_sec + PATIENCE_S) * 1000000000 + now.tv_nsec;
}

/* Sends; after a failure the connection is of no use, since part of a socket may be gone. */
static int say(struct holdfast_handoff* handoff, const struct handoff_message* message)
{
    const int error = handoff_channel_send(&handoff->channel, message, soon());
    if (error)
        handoff_channel_end(&handoff->channel);
    return error;
}

static int say_hello(struct holdfast_handoff* handoff)
{
    const unsigned waits = handoff->phase == STOPPED  ? HANDOFF_STOPPED
                           : handoff->phase == AGREED ? HANDOFF_AGREED
                                                      : 0;
    return say(handoff, &(struct handoff_message){.type = HANDOFF_HELLO,
                                                  .number = handoff->roles | waits,
                                                  .text = handoff->program,
                                                  .text_size = strlen(handoff->program)});
}

/* Connects, without waiting: whoever listens need not have accepted. */
static int connect_agent(struct holdfast_handoff* handoff)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(handoff->path) >= sizeof address.sun_path)
        return ENAMETOOLONG;
    strcpy(address.sun_path, handoff->path);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    if (connect(fd, (const struct sockaddr*)&address, sizeof address)) {
        const int error = errno;
        close(fd);
        return error;
    }
    handoff_channel_begin(&handoff->channel, fd);
    return say_hello(handoff);
}

int holdfast_handoff_open(struct holdfast_handoff** result, const char* program, unsigned roles)
{
    const char* path = getenv("HOLDFAST_HANDOFF");
    const unsigned known = HOLDFAST_HANDOFF_GIVES | HOLDFAST_HANDOFF_TAKES;
    if (!path || !*path)
        return ENOENT;
    if (!handoff_is_name(program, strlen(program)) || !roles || (roles & ~known))
        return EINVAL;
    struct holdfast_handoff* handoff = calloc(1, sizeof *handoff);
    if (!handoff)
        return ENOMEM;
    handoff_channel_begin(&handoff->channel, -1);
    strcpy(handoff->program, program);
    handoff->roles = roles;
    handoff->path = strdup(path);
    const int error = handoff->path ? connect_agent(handoff) : ENOMEM;
    if (error) {
        holdfast_handoff_close(handoff);
        return error;
    }
    *result = handoff;
    return 0;
}

int holdfast_handoff_is_successor(void)
{
    const char* value = getenv("HOLDFAST_HANDOFF_SUCCESSOR");
    return value && *value;
}

void holdfast_handoff_close(struct holdfast_handoff* handoff)
{
    if (!handoff)
        return;
    handoff_channel_end(&handoff->channel);
    free(handoff->path);
    free(handoff);
}

int holdfast_handoff_fd(const struct holdfast_handoff* handoff)
{
    return handoff->channel.fd;
}

/* The agent has gone, or is of no use: what it gave will not go live. */
static void lose_agent(struct holdfast_handoff* handoff, struct holdfast_handoff_event* event)
{
    handoff_channel_end(&handoff->channel);
    if (handoff->phase == GIVING)
        handoff->phase = STOPPED;
    if (handoff->phase == TAKING || handoff->phase == TAKEN) {
        handoff->phase = SERVING;
        event->kind = HOLDFAST_HANDOFF_DROP;
    }
}

static int on_socket(struct holdfast_handoff* handoff, const struct handoff_message* message,
                     struct holdfast_handoff_event* event)
{
    const bool fits = handoff->phase == SERVING || handoff->phase == TAKING;
    if (!fits || !(handoff->roles & HOLDFAST_HANDOFF_TAKES))
        return EPROTO;
    if (handoff->phase == SERVING)
        handoff->n_sockets = 0;
    handoff->phase = TAKING;
    handoff->n_sockets++;
    event->kind = HOLDFAST_HANDOFF_TAKE;
    event->fd = handoff->channel.socket;
    handoff->channel.socket = -1;
    event->name = handoff->channel.name;
    event->state = message->state;
    event->state_size = message->state_size;
    return 0;
}

static int on_keep(struct holdfast_handoff* handoff, struct holdfast_handoff_event* event)
{
    const bool stood = handoff->phase == GIVING || handoff->phase == STOPPED;
    if (!stood && handoff->phase != SERVING)
        return EPROTO;
    const int error = say(handoff, &(struct handoff_message){.type = HANDOFF_KEPT});
    if (error)
        return error;
    handoff->phase = SERVING;
    if (stood)
        event->kind = HOLDFAST_HANDOFF_KEEP;
    return 0;
}

/* The agent has sent all of them: with none there was no SOCKET before. */
static int on_done(struct holdfast_handoff* handoff, const struct handoff_message* message,
                   struct holdfast_handoff_event* event)
{
    if (!(handoff->roles & HOLDFAST_HANDOFF_TAKES))
        return EPROTO;
    const bool fits = message->number == 0
                          ? handoff->phase == SERVING
                          : handoff->phase == TAKING && message->number == handoff->n_sockets;
    if (!fits)
        return EPROTO;
    handoff->phase = TAKEN;
    event->kind = HOLDFAST_HANDOFF_TAKEN;
    return 0;
}

static int on_message(struct holdfast_handoff* handoff, const struct handoff_message* message,
                      struct holdfast_handoff_event* event)
{
    switch (message->type) {
    case HANDOFF_GIVE:
        if (!(handoff->roles & HOLDFAST_HANDOFF_GIVES) ||
            (handoff->phase != SERVING && handoff->phase != STOPPED))
            return EPROTO;
        handoff->phase = GIVING;
        handoff->n_sockets = 0;
        event->kind = HOLDFAST_HANDOFF_GIVE;
        return 0;
    case HANDOFF_KEEP:
        return on_keep(handoff, event);
    case HANDOFF_SOCKET:
        return on_socket(handoff, message, event);
    case HANDOFF_DONE:
        return on_done(handoff, message, event);
    case HANDOFF_GO:
    case HANDOFF_DROP:
        if (handoff->phase != AGREED &&
            (message->type == HANDOFF_GO || (handoff->phase != TAKEN && handoff->phase != TAKING)))
            return EPROTO;
        handoff->phase = SERVING;
        event->kind = message->type == HANDOFF_GO ? HOLDFAST_HANDOFF_GO : HOLDFAST_HANDOFF_DROP;
        return 0;
    default:
        return EPROTO;
    }
}

int holdfast_handoff_next(struct holdfast_handoff* handoff, struct holdfast_handoff_event* event)
{
    *event = (struct holdfast_handoff_event){.kind = HOLDFAST_HANDOFF_NOTHING, .fd = -1};
    if (handoff->channel.fd < 0) {
        lose_agent(handoff, event);
        return event->kind == HOLDFAST_HANDOFF_NOTHING ? connect_agent(handoff) : 0;
    }
    struct handoff_message message;
    int error = handoff_channel_receive(&handoff->channel, &message);
    if (error == EAGAIN)
        return 0;
    if (!error)
        error = on_message(handoff, &message, event);
    if (!error)
        return 0;
    lose_agent(handoff, event);
    if (error != EPIPE)
        return error;
    return event->kind == HOLDFAST_HANDOFF_NOTHING ? connect_agent(handoff) : 0;
}

int holdfast_handoff_give(struct holdfast_handoff* handoff, const char* name, int fd,
                          const void* state, size_t state_size)
{
    if (handoff->phase != GIVING)
        return EINVAL;
    if (handoff->n_sockets >= HOLDFAST_HANDOFF_SOCKETS_MAX)
        return EMSGSIZE;
    const int error =
        handoff_channel_send_socket(&handoff->channel, name, fd, state, state_size, soon());
    if (!error)
        handoff->n_sockets++;
    else if (error != EINVAL && error != EMSGSIZE)
        handoff_channel_end(&handoff->channel);
    return error;
}

int holdfast_handoff_done(struct holdfast_handoff* handoff)
{
    if (handoff->phase != GIVING)
        return EINVAL;
    handoff->phase = STOPPED;
    return say(handoff,
               &(struct handoff_message){.type = HANDOFF_DONE, .number = handoff->n_sockets});
}

int holdfast_handoff_ready(struct holdfast_handoff* handoff)
{
    if (handoff->phase != TAKEN)
        return EINVAL;
    const int error = say(handoff, &(struct handoff_message){.type = HANDOFF_READY});
    if (!error)
        handoff->phase = AGREED;
    return error;
}

int holdfast_handoff_refuse(struct holdfast_handoff* handoff, const char* reason)
{
    char line[HOLDFAST_HANDOFF_REASON_MAX];
    size_t size = 0;
    if (handoff->phase != GIVING && handoff->phase != TAKEN)
        return EINVAL;
    for (; reason[size] && size < sizeof line; size++)
        line[size] = reason[size] < ' ' || reason[size] > '~' ? '?' : reason[size];
    if (size == 0)
        return EINVAL;
    if (handoff->phase == GIVING)
        handoff->phase = STOPPED;
    return say(handoff,
               &(struct handoff_message){.type = HANDOFF_REFUSED, .text = line, .text_size = size});
}

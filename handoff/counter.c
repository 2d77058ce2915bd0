/* SPDX-License-Identifier: Apache-2.0
 *
 * handoff/counter: a TCP server that moves with its connections: the example for services, and
 * what Holdfast's tests and measurements talk to.
 *
 *     counter PORT          listens at all addresses, IPv4 and IPv6
 *     counter PORT BUSY     works besides, for BUSY of 1000 of the time: what is balanced
 *
 * What it says to its clients is in counter-talk.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "handoff/counter-talk.h"
#include "handoff/holdfast-handoff.h"

struct peer {
    int fd;
    bool listens; /* It is a listener, and the rest is of no meaning. */
    bool sends;   /* The loop waits until it can be sent to, else until it has sent. */
    struct talk talk;
    struct peer *next, *last; /* Of all. */
};

static struct peer* peers;
static struct holdfast_handoff* handoff; /* NULL: nobody moves us. */
static const char* objection; /* Why what we took cannot be gone on with; NULL: it can. */
static bool standing;         /* No socket is touched. */
static int epoll;

static void die(const char* what)
{
    fprintf(stderr, "counter: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct peer* add(int fd, bool listens)
{
    struct peer* peer = calloc(1, sizeof *peer);
    if (!peer)
        die("a connection");
    *peer = (struct peer){.fd = fd, .listens = listens, .talk = TALK_BEGIN, .next = peers};
    if (peers)
        peers->last = peer;
    return peers = peer;
}

static void drop(struct peer* peer)
{
    *(peer->last ? &peer->last->next : &peers) = peer->next;
    if (peer->next)
        peer->next->last = peer->last;
    /* Not by close() alone: the agent may still have the socket, which keeps it in the set. */
    if (epoll_ctl(epoll, EPOLL_CTL_DEL, peer->fd, NULL))
        die("epoll_ctl");
    close(peer->fd);
    talk_end(&peer->talk);
    free(peer);
}

/* Has the loop wait for what the peer needs next. */
static void watch(struct peer* peer, int op)
{
    const bool sends = !peer->listens && talk_writes(&peer->talk);
    struct epoll_event event = {.events = sends ? EPOLLOUT : EPOLLIN, .data.ptr = peer};
    if (op == EPOLL_CTL_MOD && sends == peer->sends)
        return;
    peer->sends = sends;
    if (epoll_ctl(epoll, op, peer->fd, &event))
        die("epoll_ctl");
}

static void serve(struct peer* peer, uint32_t events)
{
    if (peer->listens) {
        const int fd = accept4(peer->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            watch(add(fd, false), EPOLL_CTL_ADD);
        return;
    }
    const bool good = events & EPOLLIN ? talk_read(&peer->talk, peer->fd)
                                       : events & EPOLLOUT && talk_write(&peer->talk, peer->fd);
    if (!good || (peer->talk.ended && !talk_writes(&peer->talk)))
        drop(peer);
    else
        watch(peer, EPOLL_CTL_MOD);
}

static void listen_at(const char* port)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *all;
    const int one = 1;
    if (getaddrinfo(NULL, port, &hints, &all))
        die(port);
    for (struct addrinfo* at = all; at; at = at->ai_next) {
        const int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
            continue; /* A machine without this family. */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (at->ai_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
        if (bind(fd, at->ai_addr, at->ai_addrlen) || listen(fd, SOMAXCONN))
            die(port);
        watch(add(fd, true), EPOLL_CTL_ADD);
    }
    freeaddrinfo(all);
}

static void give_all(void)
{
    int error = 0;
    for (struct peer* peer = peers; peer && !error; peer = peer->next) {
        if (peer->listens) {
            error = holdfast_handoff_give(handoff, "listen", peer->fd, NULL, 0);
            continue;
        }
        size_t size;
        char* state = talk_state(&peer->talk, &size);
        if (!state)
            die("a connection's state");
        error = holdfast_handoff_give(handoff, "connection", peer->fd, state, size);
        free(state);
    }
    if (!error)
        error = holdfast_handoff_done(handoff);
    if (error)
        fprintf(stderr, "counter: sockets cannot be given: %s\n", strerror(error));
}

static void take(const struct holdfast_handoff_event* event)
{
    const bool listens = !strcmp(event->name, "listen");
    struct peer* peer = add(event->fd, listens);
    if (listens && fcntl(event->fd, F_SETFL, O_NONBLOCK))
        objection = "a listener cannot be made non-blocking";
    if (!listens && !talk_restore(&peer->talk, event->state, event->state_size))
        objection = "a connection's state is not this program's";
}

static void obey(const struct holdfast_handoff_event* event)
{
    switch (event->kind) {
    case HOLDFAST_HANDOFF_GIVE:
        standing = true;
        give_all();
        break;
    case HOLDFAST_HANDOFF_TAKE:
        take(event);
        break;
    case HOLDFAST_HANDOFF_TAKEN:
        /* If the agent has gone, DROP follows. */
        (void)(objection ? holdfast_handoff_refuse(handoff, objection)
                         : holdfast_handoff_ready(handoff));
        break;
    case HOLDFAST_HANDOFF_GO:
        for (struct peer* peer = peers; peer; peer = peer->next)
            watch(peer, EPOLL_CTL_ADD);
        standing = false;
        break;
    case HOLDFAST_HANDOFF_KEEP:
        standing = false;
        break;
    case HOLDFAST_HANDOFF_DROP:
        exit(0);
    case HOLDFAST_HANDOFF_NOTHING:
        break;
    }
}

/* All that the agent has to say. */
static void hear_agent(void)
{
    struct holdfast_handoff_event event;
    do {
        const int error = holdfast_handoff_next(handoff, &event);
        if (error)
            fprintf(stderr, "counter: the agent: %s\n", strerror(error));
        obey(&event);
    } while (event.kind != HOLDFAST_HANDOFF_NOTHING);
}

static void serve_some(void)
{
    struct epoll_event events[64];
    const int n = epoll_wait(epoll, events, 64, 0);
    for (int i = 0; i < n; i++)
        serve(events[i].data.ptr, events[i].events);
}

static long long now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Works for its part of each tenth of a second.  Returns the ms until the next one. */
static int work(int busy)
{
    static long long next;
    const long long tenth = 100000000, left = next - now_ns(CLOCK_MONOTONIC);
    if (left > 0)
        return (int)(left / 1000000) + 1;
    const long long end = now_ns(CLOCK_THREAD_CPUTIME_ID) + tenth * busy / 1000;
    next = now_ns(CLOCK_MONOTONIC) + tenth;
    while (now_ns(CLOCK_THREAD_CPUTIME_ID) < end)
        continue;
    return 0;
}

int main(int argc, char** argv)
{
    struct rlimit files;
    const int busy = argc == 3 ? atoi(argv[2]) : 0;
    if (argc < 2 || argc > 3 || busy < 0 || busy > 1000) {
        fprintf(stderr, "usage: counter PORT [BUSY]\n");
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if ((epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
        die("epoll");
    errno =
        holdfast_handoff_open(&handoff, "counter", HOLDFAST_HANDOFF_GIVES | HOLDFAST_HANDOFF_TAKES);
    if (errno && errno != ENOENT)
        die("the agent");
    standing = holdfast_handoff_is_successor();
    if (!standing)
        listen_at(argv[1]);
    for (;;) {
        const int agent = handoff ? holdfast_handoff_fd(handoff) : -1;
        struct pollfd ready[] = {{.fd = agent, .events = POLLIN},
                                 {.fd = standing ? -1 : epoll, .events = POLLIN}};
        /* An agent that is away is looked for each second. */
        const int idle = handoff && agent < 0 ? 1000 : -1;
        if (poll(ready, 2, busy && !standing ? work(busy) : idle) < 0 && errno != EINTR)
            die("poll");
        if (handoff && (ready[0].revents || agent < 0))
            hear_agent();
        if (ready[1].revents && !standing)
            serve_some();
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * handoff/counter-talk: what handoff/counter says to one peer, and what it knows of it.
 *
 * The first line of a connection says what it is for:
 *     count        each further line is answered with "N SUM": bytes and checksum of all so far
 *     echo         all that comes goes back
 *     sink         all that comes is counted; "N SUM" at its end
 *     source SEED  an endless stream comes: little-endian 64-bit words, word k (from 0) being
 *                  (SEED + k) * 0x9E3779B97F4A7C15 modulo 2^64
 * SUM is FNV-1a, 64 bits, in hexadecimal.  The first line does not count.
 */
#ifndef HOLDFAST_COUNTER_TALK_H
#define HOLDFAST_COUNTER_TALK_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum talk_mode { FRESH = 'f', COUNT = 'c', ECHO = 'e', SINK = 's', SOURCE = 'o' };

/* One connection's conversation; begins as TALK_BEGIN. */
struct talk {
    enum talk_mode mode;
    bool ended;      /* The peer sends nothing any more. */
    uint64_t n, sum; /* Bytes that came, their checksum; SOURCE: bytes sent, the seed. */
    char line[64];   /* FRESH, COUNT: what came of a line; its last bytes count. */
    size_t n_line;
    char* rest; /* Not sent yet, `n_rest` bytes; NULL if all is. */
    size_t n_rest;
};

#define TALK_BEGIN                                                                                 \
    {                                                                                              \
        .mode = FRESH, .sum = 0xcbf29ce484222325u                                                  \
    }

/* Reads from, or writes to, the peer's socket, once and without waiting; false if the
 * conversation is over. */
bool talk_read(struct talk* talk, int fd);
bool talk_write(struct talk* talk, int fd);

/* Whether it waits until it can write; else until something comes. */
bool talk_writes(const struct talk* talk);

/* Its state as bytes for another machine: a line of text, then what came of a line, then what is
 * not sent.  NULL without memory; else to be freed. */
char* talk_state(const struct talk* talk, size_t* size);

/* The same state; false if it is none.  `talk` is as it began. */
bool talk_restore(struct talk* talk, const char* state, size_t size);

void talk_end(struct talk* talk);

#endif /* counter-talk.h */

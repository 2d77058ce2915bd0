/* SPDX-License-Identifier: Apache-2.0
 *
 * handoff/counter-talk: see counter-talk.h.
 */
#include "handoff/counter-talk.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define FNV_PRIME 0x100000001b3u
#define STEP 0x9E3779B97F4A7C15u

enum {
    LINES_MAX = 4096, /* Bytes of lines that are read at once; each line has at least one. */
    ANSWER_MAX = 40,  /* Bytes of an answer. */
};

static char buffer[256 * 1024];

/* Sends, and keeps what the kernel does not take yet. */
static bool reply(struct talk* talk, int fd, const char* bytes, size_t size)
{
    ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN)
        return false;
    n = n < 0 ? 0 : n;
    char* rest = NULL;
    if ((size_t)n < size && !(rest = malloc(size - (size_t)n)))
        return false;
    if (rest)
        memcpy(rest, bytes + n, size - (size_t)n);
    free(talk->rest); /* `bytes` may have been in it. */
    talk->rest = rest;
    talk->n_rest = size - (size_t)n;
    return true;
}

static void count(struct talk* talk, const char* bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        talk->sum = (talk->sum ^ (uint8_t)bytes[i]) * FNV_PRIME;
    talk->n += size;
}

static size_t tell_sum(const struct talk* talk, char* to)
{
    return (size_t)sprintf(to, "%" PRIu64 " %016" PRIx64 "\n", talk->n, talk->sum);
}

/* A first line. */
static bool choose(struct talk* talk)
{
    uint64_t seed;
    if (!strcmp(talk->line, "count"))
        talk->mode = COUNT;
    else if (!strcmp(talk->line, "echo"))
        talk->mode = ECHO;
    else if (!strcmp(talk->line, "sink"))
        talk->mode = SINK;
    else if (sscanf(talk->line, "source %" SCNu64, &seed) == 1)
        talk->mode = SOURCE, talk->sum = seed;
    else
        return false;
    talk->n_line = 0;
    return true;
}

/* Lines that came; their answers are in `answers`, if there are any. */
static bool take_line(struct talk* talk, char byte, char* answers, size_t* n_answers)
{
    if (talk->mode == COUNT)
        count(talk, &byte, 1);
    if (byte != '\n') {
        talk->line[talk->n_line++] = byte;
        return talk->n_line < sizeof talk->line;
    }
    talk->line[talk->n_line] = '\0';
    talk->n_line = 0;
    if (talk->mode == FRESH)
        return choose(talk);
    *n_answers += tell_sum(talk, answers + *n_answers);
    return true;
}

static bool take_in(struct talk* talk, int fd, const char* bytes, size_t size)
{
    static char answers[ANSWER_MAX * LINES_MAX];
    size_t n_answers = 0, i = 0;
    for (; i < size && (talk->mode == FRESH || talk->mode == COUNT); i++)
        if (!take_line(talk, bytes[i], answers, &n_answers))
            return false;
    if (talk->mode == SINK)
        count(talk, bytes + i, size - i);
    if (talk->mode == ECHO && i < size)
        return reply(talk, fd, bytes + i, size - i);
    return n_answers == 0 || reply(talk, fd, answers, n_answers);
}

bool talk_read(struct talk* talk, int fd)
{
    const bool lines = talk->mode == FRESH || talk->mode == COUNT;
    const ssize_t n = recv(fd, buffer, lines ? LINES_MAX : sizeof buffer, MSG_DONTWAIT);
    if (n > 0)
        return take_in(talk, fd, buffer, (size_t)n);
    if (n < 0)
        return errno == EAGAIN;
    talk->ended = true;
    return talk->mode == SINK && reply(talk, fd, buffer, tell_sum(talk, buffer));
}

bool talk_write(struct talk* talk, int fd)
{
    if (talk->rest)
        return reply(talk, fd, talk->rest, talk->n_rest);
    uint64_t word = talk->n / 8;
    for (size_t i = 0; i < sizeof buffer; i += 8, word++) {
        const uint64_t value = htole64((talk->sum + word) * STEP);
        memcpy(buffer + i, &value, sizeof value);
    }
    const size_t skip = talk->n % 8;
    const ssize_t n = send(fd, buffer + skip, sizeof buffer - skip, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        talk->n += (uint64_t)n;
    return n > 0 || errno == EAGAIN;
}

bool talk_writes(const struct talk* talk)
{
    return talk->rest || talk->mode == SOURCE;
}

char* talk_state(const struct talk* talk, size_t* size)
{
    char* state = malloc(256 + talk->n_rest);
    if (!state)
        return NULL;
    const size_t n = (size_t)sprintf(state, "1 %c %d %" PRIu64 " %" PRIu64 " %zu %zu\n", talk->mode,
                                     talk->ended, talk->n, talk->sum, talk->n_line, talk->n_rest);
    memcpy(state + n, talk->line, talk->n_line);
    if (talk->rest)
        memcpy(state + n + talk->n_line, talk->rest, talk->n_rest);
    *size = n + talk->n_line + talk->n_rest;
    return state;
}

bool talk_restore(struct talk* talk, const char* state, size_t size)
{
    char head[200] = "", mode;
    int ended, n = 0;
    memcpy(head, state, size < sizeof head ? size : sizeof head - 1);
    if (sscanf(head, "1 %c %d %" SCNu64 " %" SCNu64 " %zu %zu%n", &mode, &ended, &talk->n,
               &talk->sum, &talk->n_line, &talk->n_rest, &n) != 6 ||
        head[n] != '\n' || !strchr("fceso", mode) || talk->n_line >= sizeof talk->line ||
        talk->n_rest > size || (size_t)n + 1 + talk->n_line + talk->n_rest != size)
        return false;
    talk->mode = (enum talk_mode)mode;
    talk->ended = ended;
    memcpy(talk->line, state + n + 1, talk->n_line);
    if (talk->n_rest && !(talk->rest = malloc(talk->n_rest)))
        return false;
    if (talk->rest)
        memcpy(talk->rest, state + n + 1 + talk->n_line, talk->n_rest);
    return true;
}

void talk_end(struct talk* talk)
{
    free(talk->rest);
}

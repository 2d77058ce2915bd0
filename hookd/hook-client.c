/* SPDX-License-Identifier: Apache-2.0
 *
 * hookd/hook-client: what libvirt runs as /etc/libvirt/hooks/qemu.d/holdfast.
 *
 * Hands its arguments and the domain's XML to hookd's hook socket and waits for a word
 * back, one second at most for everything.  libvirt waits for hooks without a limit, and a
 * hook that fails stops the VM, so this program fails only if hookd says so, and never prints
 * to standard output: what `migrate` prints there replaces the domain's XML.
 *
 * The message: "HOLDFAST-HOOK 1 A B C D E\n", the five lengths in bytes, then as many bytes
 * of name, operation, sub-operation, extra argument and XML.  The answer: one line;
 * "no: WHY" has libvirt give up what it is at, and tell its caller why. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    TIME_LIMIT_MS = 1000,      /* For reading, sending and the answer together. */
    XML_LIMIT = 1 << 20,       /* hookd takes no more. */
    ARGUMENT_LIMIT = 1 << 10,  /* For each argument. */
};

static struct timespec started;

/* Milliseconds that are left of the time limit, 0 at least. */
static int time_left(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long passed = (now.tv_sec - started.tv_sec) * 1000LL +
                       (now.tv_nsec - started.tv_nsec) / 1000000;
    return passed >= TIME_LIMIT_MS ? 0 : (int) (TIME_LIMIT_MS - passed);
}

/* Waits for 'events' on 'fd'; false if the time is up or the descriptor is of no use. */
static bool wait_for(int fd, short events)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = events};
        int left = time_left();
        int n = left > 0 ? poll(&p, 1, left) : 0;
        if (n > 0) {
            return !(p.revents & POLLNVAL);
        }
        if (n == 0 || errno != EINTR) {
            return false;
        }
    }
}

/* Reads standard input to its end, to the limit, or until the time is up. */
static size_t read_input(char *buffer, size_t size)
{
    size_t length = 0;
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    while (length < size && wait_for(STDIN_FILENO, POLLIN)) {
        ssize_t n = read(STDIN_FILENO, buffer + length, size - length);
        if (n > 0) {
            length += n;
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            break;
        }
    }
    return length;
}

static int connect_to_hookd(void)
{
    const char *rundir = getenv("HOLDFAST_RUNDIR");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/hook.sock",
                     rundir ? rundir : "/run/holdfast");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (n >= (int) sizeof address.sun_path || fd < 0 ||
        connect(fd, (struct sockaddr *) &address, sizeof address) != 0) {
        /* EAGAIN is a full backlog: hookd is in no state to answer in time either. */
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

static bool send_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n >= 0) {
            data += n;
            size -= n;
        } else if ((errno != EAGAIN && errno != EINTR) || !wait_for(fd, POLLOUT)) {
            return false;
        }
    }
    return true;
}

/* Reads hookd's line, without its end; what is cut off is no answer. */
static void read_answer(int fd, char *answer, size_t size)
{
    size_t length = 0;
    while (length < size - 1 && wait_for(fd, POLLIN)) {
        ssize_t n = recv(fd, answer + length, size - 1 - length, 0);
        char *end = n > 0 ? memchr(answer + length, '\n', n) : NULL;
        if (end) {
            *end = '\0';
            return;
        }
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            break;
        }
        length += n > 0 ? n : 0;
    }
    answer[0] = '\0';
}

int main(int argc, char *argv[])
{
    static char xml[XML_LIMIT];
    const char *words[4] = {"", "", "", ""};
    size_t lengths[4];

    clock_gettime(CLOCK_MONOTONIC, &started);
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < 4; i++) {
        if (argc > i + 1) {
            words[i] = argv[i + 1];
        }
        lengths[i] = strnlen(words[i], ARGUMENT_LIMIT);
    }
    size_t xml_length = read_input(xml, sizeof xml);
    int fd = connect_to_hookd();
    if (fd < 0) {
        return 0;
    }
    char header[128];
    int n = snprintf(header, sizeof header, "HOLDFAST-HOOK 1 %zu %zu %zu %zu %zu\n", lengths[0],
                     lengths[1], lengths[2], lengths[3], xml_length);
    bool sent = send_all(fd, header, n);
    for (int i = 0; sent && i < 4; i++) {
        sent = send_all(fd, words[i], lengths[i]);
    }
    char answer[512] = "";
    if (sent && send_all(fd, xml, xml_length)) {
        read_answer(fd, answer, sizeof answer);
    }
    close(fd);
    if (strncmp(answer, "no: ", 4) == 0) {
        fprintf(stderr, "holdfast: %s\n", answer + 4);
        return 1;
    }
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
//
// lab/probe: a strict sender.  It sends datagrams at exactly the rate, whatever is answered,
// and says what was lost, doubled, out of order, and how long no answer came.
//
// Two threads: one sends at absolute times, one receives with the kernel's time stamps.  They
// share no data but the stop flag; the report is made when both have ended.
#include <config.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>

#include "lab/probe-packet.h"
#include "lab/probe-report.h"

namespace {

constexpr int64_t ns_in_s = 1'000'000'000;

struct Options {
    std::string to;         // Where the answerer is: an address.
    int rate = 1000;        // Packets a second.
    int seconds = 10;       // How long; with until_file at most this long.
    size_t size = 64;       // Bytes of payload.
    int drain_ms = 1000;    // At the end: this long without an answer, and none is waited for.
    int warm_up_s = 10;     // How long the first answer is waited for; 0: not at all.
    std::string until_file; // End when this file exists.
    bool json = false;
};

std::atomic<bool> stop{false};

void on_signal(int)
{
    stop = true;
}

int64_t now(clockid_t clock)
{
    timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * ns_in_s + t.tv_nsec;
}

/// What the sender found out.
struct Sent {
    std::vector<int64_t> times_ns; // When each packet was sent, CLOCK_REALTIME.
    int64_t lateness_max_ns = 0;
    uint64_t unsent = 0;
};

int open_socket(const std::string& to)
{
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST;
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(to.c_str(), std::to_string(lab::probe_port).c_str(), &hints, &found) != 0) {
        std::fprintf(stderr, "probe: '%s' is no address; e.g. --to 10.0.0.20\n", to.c_str());
        return -1;
    }
    const int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int on = 1, room = 16 << 20;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0 ||
        connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        std::fprintf(stderr, "probe: no way to %s: %s\n", to.c_str(), std::strerror(errno));
        freeaddrinfo(found);
        return -1;
    }
    freeaddrinfo(found);
    return fd;
}

/// Receives what is there, without waiting longer than `wait_ms` for the first.
void receive(int fd, uint32_t run, int wait_ms, std::vector<lab::Arrival>& arrivals)
{
    pollfd ready{fd, POLLIN, 0};
    if (poll(&ready, 1, wait_ms) <= 0)
        return;
    for (;;) {
        lab::ProbePacket packet{};
        iovec part{&packet, sizeof packet};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec))];
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        const ssize_t size = recvmsg(fd, &header, MSG_DONTWAIT);
        if (size < 0 && errno != EINTR && errno != ECONNREFUSED && errno != EHOSTUNREACH)
            return;
        if (size < static_cast<ssize_t>(sizeof packet) || packet.magic != lab::probe_magic ||
            packet.run != run)
            continue;
        int64_t time_ns = now(CLOCK_REALTIME);
        for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c))
            if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
                timespec t;
                std::memcpy(&t, CMSG_DATA(c), sizeof t);
                time_ns = t.tv_sec * ns_in_s + t.tv_nsec;
            }
        arrivals.push_back({packet.sequence, time_ns});
    }
}

bool send_one(int fd, std::vector<char>& bytes, uint32_t run, uint32_t sequence, int64_t sent_ns)
{
    const lab::ProbePacket packet{lab::probe_magic, run, sequence, sent_ns};
    std::memcpy(bytes.data(), &packet, sizeof packet);
    ssize_t done;
    do
        done = send(fd, bytes.data(), bytes.size(), 0);
    while (done < 0 && (errno == EINTR || errno == ECONNREFUSED || errno == EHOSTUNREACH));
    return done == static_cast<ssize_t>(bytes.size());
}

/// Sends a packet every 50 ms until one is answered: addresses are known then, flows are there.
bool warm_up(int fd, const Options& options)
{
    constexpr uint32_t run = 0;
    std::vector<char> bytes(options.size);
    std::vector<lab::Arrival> arrivals;
    const int64_t end = now(CLOCK_MONOTONIC) + options.warm_up_s * ns_in_s;
    for (uint32_t i = 0; now(CLOCK_MONOTONIC) < end && !stop; i++) {
        send_one(fd, bytes, run, i, now(CLOCK_REALTIME));
        receive(fd, run, 50, arrivals);
        if (!arrivals.empty())
            return true;
    }
    return false;
}

/// Sends until the time is over, the file exists or a signal came.
Sent send_all(int fd, const Options& options, uint32_t run)
{
    // Best effort: without these the report only shows more lateness.
    const sched_param priority{.sched_priority = 10};
    sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority);
    prctl(PR_SET_TIMERSLACK, 1UL);
    const int64_t interval = ns_in_s / options.rate;
    const auto most = static_cast<uint32_t>(static_cast<int64_t>(options.seconds) * options.rate);
    Sent sent;
    sent.times_ns.reserve(most);
    std::vector<char> bytes(options.size);
    const int64_t start = now(CLOCK_MONOTONIC) + interval;
    for (uint32_t i = 0; i < most && !stop; i++) {
        const int64_t due = start + i * interval;
        const timespec until{due / ns_in_s, due % ns_in_s};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
        }
        sent.lateness_max_ns = std::max(sent.lateness_max_ns, now(CLOCK_MONOTONIC) - due);
        const int64_t time_ns = now(CLOCK_REALTIME);
        sent.times_ns.push_back(time_ns);
        if (!send_one(fd, bytes, run, i, time_ns))
            sent.unsent++;
        if (!options.until_file.empty() && i % 64 == 0 &&
            access(options.until_file.c_str(), F_OK) == 0)
            break;
    }
    return sent;
}

/// How many packets have an answer.
class Distinct {
public:
    explicit Distinct(size_t most) : answered_(most) {}
    /// `arrivals` only grows.
    size_t count(const std::vector<lab::Arrival>& arrivals)
    {
        for (; n_looked_at_ < arrivals.size(); n_looked_at_++) {
            const auto sequence = arrivals[n_looked_at_].sequence;
            if (sequence >= answered_.size())
                continue; // None of ours.
            n_ += !answered_[sequence];
            answered_[sequence] = true;
        }
        return n_;
    }

private:
    std::vector<bool> answered_;
    size_t n_looked_at_ = 0;
    size_t n_ = 0;
};

/// ns to wait for one more answer at the end: where all have come only doubled ones can.
int64_t wait_for(const Options& options, bool all_answered)
{
    constexpr int doubled_ms = 500;
    return int64_t{all_answered ? std::min(options.drain_ms, doubled_ms) : options.drain_ms} *
           1'000'000;
}

lab::Report measure(int fd, const Options& options, uint32_t run)
{
    std::vector<lab::Arrival> arrivals;
    arrivals.reserve(static_cast<size_t>(options.seconds) * static_cast<size_t>(options.rate));
    std::atomic<int64_t> all_sent_at{0}; // CLOCK_MONOTONIC; 0 while packets are being sent.
    std::atomic<size_t> n_sent{0};       // Once all are.
    std::thread receiver([fd, run, &options, &arrivals, &all_sent_at, &n_sent] {
        Distinct answered{arrivals.capacity()};
        int64_t last = 0;
        while (!all_sent_at ||
               now(CLOCK_MONOTONIC) < std::max<int64_t>(all_sent_at, last) +
                                          wait_for(options, answered.count(arrivals) == n_sent)) {
            const size_t n = arrivals.size();
            receive(fd, run, 20, arrivals);
            if (arrivals.size() != n)
                last = now(CLOCK_MONOTONIC);
        }
    });
    Sent sent;
    std::thread sender([&] { sent = send_all(fd, options, run); });
    sender.join();
    n_sent = sent.times_ns.size();
    all_sent_at = now(CLOCK_MONOTONIC);
    receiver.join();
    lab::Report report = lab::sum_up(sent.times_ns, arrivals);
    report.run = run;
    report.unsent = sent.unsent;
    report.lateness_max_ns = sent.lateness_max_ns;
    return report;
}

} // namespace

int main(int argc, char** argv)
{
    Options options;
    CLI::App app{"Sends datagrams at a strict rate to a lab guest and says what became of them."};
    app.add_option("--to", options.to, "address of a guest with --role serve")->required();
    app.add_option("--rate", options.rate, "packets a second")->check(CLI::Range(1, 100000));
    app.add_option("--seconds", options.seconds, "for how long, at most")
        ->check(CLI::Range(1, 3600));
    app.add_option("--size", options.size, "bytes of payload")
        ->check(CLI::Range(sizeof(lab::ProbePacket), size_t{8972}));
    app.add_option("--drain", options.drain_ms, "ms without an answer that end the waiting")
        ->check(CLI::Range(0, 60000));
    app.add_option("--warm-up", options.warm_up_s, "s to wait for the first answer; 0: none")
        ->check(CLI::Range(0, 600));
    app.add_option("--until-file", options.until_file, "end when this file exists");
    app.add_flag("--json", options.json, "print one JSON object");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);

    const int fd = open_socket(options.to);
    if (fd < 0)
        return 1;
    std::random_device random;
    const uint32_t run = random() | 1;
    if (options.warm_up_s && !warm_up(fd, options)) {
        std::fprintf(stderr,
                     "probe: no answer from %s in %d s: is a guest with --role serve there?\n",
                     options.to.c_str(), options.warm_up_s);
        return 1;
    }
    const lab::Report report = measure(fd, options, run);
    close(fd);
    std::fputs(options.json ? (lab::to_json(report) + "\n").c_str() : lab::to_text(report).c_str(),
               stdout);
    return 0;
}

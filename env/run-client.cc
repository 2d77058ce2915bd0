// SPDX-License-Identifier: Apache-2.0
//
// env/run-client: see run-client.h.
#include <config.h>

#include "env/run-client.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <vector>

#include "env/inside.h"
#include "service/descriptor.h"

namespace holdfast::env {
namespace {

using service::Link;

constexpr std::chrono::hours patience{24};
constexpr std::chrono::seconds begin_limit{30};

service::Deadline in(std::chrono::seconds time)
{
    return std::chrono::steady_clock::now() + time;
}

/// Those that are the command's from now on, as something to read.
Descriptor signals()
{
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2})
        sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    return Descriptor{signalfd(-1, &set, SFD_CLOEXEC)};
}

std::uint8_t signal_of(const Descriptor& signals)
{
    signalfd_siginfo info{};
    return read(signals.get(), &info, sizeof info) == sizeof info
               ? static_cast<std::uint8_t>(info.ssi_signo)
               : 0;
}

/// Errors: io if who reads it has gone.
Result<void> write_all(int fd, std::span<const std::uint8_t> bytes)
{
    while (!bytes.empty()) {
        const auto n = write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno != EINTR)
            return service::system_error("writing what the command says");
        if (n > 0)
            bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

/// A command on another node.
class Call {
public:
    explicit Call(Link& link) : link_{link} {}

    Result<int> to_its_end(const RunOrder& order);

private:
    Result<void> send(RunMessage type, std::span<const std::uint8_t> bytes)
    {
        return link_.send(static_cast<std::uint8_t>(type), bytes, in(patience));
    }
    Result<void> turn();
    Result<void> hear();
    Result<void> give_input();

    Link& link_;
    Descriptor signals_ = signals();
    bool may_give_ = true; // The node has taken what it was given.
    bool all_given_ = false;
    std::optional<int> status_;
};

Result<void> Call::hear()
{
    auto frame = link_.receive(in(patience));
    if (!frame)
        return Error{frame.error().code, "the command is lost: " + frame.error().message};
    switch (static_cast<RunMessage>(frame->type)) {
    case RunMessage::output:
        return write_all(1, frame->payload);
    case RunMessage::error:
        return write_all(2, frame->payload);
    case RunMessage::taken:
        may_give_ = true;
        return {};
    case RunMessage::ended:
        status_ = frame->payload.empty() ? 255 : frame->payload[0];
        return {};
    default:
        return Error{Errc::damaged, "the node says what is no message of a command"};
    }
}

Result<void> Call::give_input()
{
    std::array<std::uint8_t, 65536> bytes;
    const auto n = read(0, bytes.data(), bytes.size());
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? Result<void>{}
                                                 : service::system_error("standard input");
    all_given_ = n == 0;
    may_give_ = false;
    return send(RunMessage::input, {bytes.data(), static_cast<std::size_t>(n)});
}

Result<void> Call::turn()
{
    std::array<pollfd, 3> fds{pollfd{link_.fd(), POLLIN, 0},
                              {signals_.get(), POLLIN, 0},
                              {may_give_ && !all_given_ ? 0 : -1, POLLIN, 0}};
    if (poll(fds.data(), fds.size(), link_.pending() ? 0 : -1) < 0 && errno != EINTR)
        return service::system_error("poll");
    Result<void> done;
    if (fds[0].revents || link_.pending())
        done = hear();
    if (done && !status_ && fds[1].revents) {
        const std::uint8_t number = signal_of(signals_);
        done = send(RunMessage::signal, {&number, 1});
    }
    if (done && !status_ && fds[2].revents)
        done = give_input();
    return done;
}

Result<int> Call::to_its_end(const RunOrder& order)
{
    if (auto sent = send(RunMessage::begin, payload_of(order)); !sent)
        return sent.error();
    auto begun = link_.receive(in(begin_limit));
    if (!begun)
        return begun.error();
    if (static_cast<RunMessage>(begun->type) != RunMessage::begun)
        return Error{Errc::invalid, std::string{begun->payload.begin(), begun->payload.end()}};
    Result<void> done;
    while (done && !status_)
        done = turn();
    if (!done)
        return done.error();
    return *status_;
}

} // namespace

Result<int> run_there(Link& link, const RunOrder& order)
{
    return Call{link}.to_its_end(order);
}

Result<int> run_here(const RunOrder& order)
{
    const Descriptor told = signals();
    auto inside = start_inside(order, {});
    if (!inside)
        return inside.error();
    std::array<pollfd, 2> fds{pollfd{inside->process.get(), POLLIN, 0}, {told.get(), POLLIN, 0}};
    while (!fds[0].revents) {
        if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
            return service::system_error("poll");
        if (fds[1].revents)
            kill(-inside->pid, signal_of(told));
    }
    return status_of(*inside);
}

} // namespace holdfast::env

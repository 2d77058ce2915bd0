// SPDX-License-Identifier: Apache-2.0
//
// env/run-server: see run-server.h.
#include <config.h>

#include "env/run-server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <array>
#include <cerrno>
#include <vector>

#include "env/inside.h"
#include "service/descriptor.h"

namespace holdfast::env {
namespace {

using service::Link;

/// A caller may stop reading for a while; one that is gone is noticed in seconds.
constexpr std::chrono::hours patience{24};
constexpr std::chrono::seconds last_patience{10};

/// Reads until a pipe is empty, unless others, that it left behind, go on to fill it.
constexpr int most_left = 16;

service::Deadline patient()
{
    return std::chrono::steady_clock::now() + patience;
}

/// The streams of a command: ours, and its.
struct Pipes {
    Descriptor in, out, error;
    Descriptor its_in, its_out, its_error;
};

Result<void> make_pipe(Descriptor& read_end, Descriptor& write_end)
{
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return service::system_error("pipe");
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
    return {};
}

Result<Pipes> make_pipes()
{
    Pipes pipes;
    for (auto made : {make_pipe(pipes.its_in, pipes.in), make_pipe(pipes.out, pipes.its_out),
                      make_pipe(pipes.error, pipes.its_error)})
        if (!made)
            return made.error();
    for (const Descriptor* ours : {&pipes.in, &pipes.out, &pipes.error})
        fcntl(ours->get(), F_SETFL, O_NONBLOCK);
    return pipes;
}

/// A command under way.
class Run {
public:
    Run(Link& link, Pipes pipes, Inside inside)
        : link_{link}, pipes_{std::move(pipes)}, inside_{std::move(inside)}
    {
    }

    /// Errors: the caller has ended.
    Result<void> to_its_end();

private:
    Result<void> send(RunMessage type, std::span<const std::uint8_t> bytes)
    {
        return link_.send(static_cast<std::uint8_t>(type), bytes, patient());
    }
    Result<void> turn();
    Result<void> take(const service::Frame& frame);
    Result<void> feed();
    Result<void> pass(Descriptor& from, RunMessage type);
    void see_off();

    Link& link_;
    Pipes pipes_;
    Inside inside_;
    std::vector<std::uint8_t> input_; // What it has not taken yet.
    bool ended_ = false;
};

Result<void> Run::take(const service::Frame& frame)
{
    const auto type = static_cast<RunMessage>(frame.type);
    if (type == RunMessage::signal && frame.payload.size() == 1)
        kill(-inside_.pid, frame.payload[0]);
    else if (type == RunMessage::input && frame.payload.empty())
        pipes_.in.reset(-1);
    else if (type == RunMessage::input)
        input_ = frame.payload;
    return {};
}

/// One that reads nothing more takes all.
Result<void> Run::feed()
{
    const auto n = write(pipes_.in.get(), input_.data(), input_.size());
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        input_.clear();
    else if (n > 0)
        input_.erase(input_.begin(), input_.begin() + n);
    return input_.empty() ? send(RunMessage::taken, {}) : Result<void>{};
}

/// Some of it, so that signals are heard while it says much; after its end all that is left.
Result<void> Run::pass(Descriptor& from, RunMessage type)
{
    std::array<std::uint8_t, 65536> bytes;
    for (int parts = ended_ ? most_left : 1; parts > 0; --parts) {
        const auto n = read(from.get(), bytes.data(), bytes.size());
        if (n == 0)
            from.reset(-1);
        if (n <= 0)
            return {};
        if (auto sent = send(type, {bytes.data(), static_cast<std::size_t>(n)}); !sent)
            return sent;
    }
    return {};
}

/// Waits for something to do, and does it.
Result<void> Run::turn()
{
    const auto at = [](const Descriptor& fd) { return fd ? fd.get() : -1; };
    std::array<pollfd, 5> fds{pollfd{link_.fd(), POLLIN, 0},
                              {at(pipes_.out), POLLIN, 0},
                              {at(pipes_.error), POLLIN, 0},
                              {at(inside_.process), POLLIN, 0},
                              {input_.empty() ? -1 : at(pipes_.in), POLLOUT, 0}};
    if (poll(fds.data(), fds.size(), link_.pending() ? 0 : -1) < 0 && errno != EINTR)
        return service::system_error("poll");
    ended_ = fds[3].revents != 0;
    Result<void> done;
    if (fds[0].revents || link_.pending()) {
        auto frame = link_.receive(patient());
        done = frame ? take(*frame) : Result<void>{frame.error()};
    }
    if (done && fds[4].revents)
        done = feed();
    if (done && (fds[1].revents || ended_))
        done = pass(pipes_.out, RunMessage::output);
    if (done && (fds[2].revents || ended_))
        done = pass(pipes_.error, RunMessage::error);
    return done;
}

/// Waits until the caller has read all and closes.  What it has sent meanwhile is read as well: a
/// connection that is closed with bytes unread is reset, and our last ones would be lost.
void Run::see_off()
{
    const auto limit = std::chrono::steady_clock::now() + last_patience;
    while (link_.receive(limit))
        ;
}

Result<void> Run::to_its_end()
{
    Result<void> done = send(RunMessage::begun, {});
    while (done && !ended_)
        done = turn();
    if (!done) {
        kill(-inside_.pid, SIGHUP);
        return done;
    }
    const auto status = static_cast<std::uint8_t>(status_of(inside_));
    done = send(RunMessage::ended, {&status, 1});
    if (done)
        see_off();
    return done;
}

Result<Run> begin_run(Link& link, const service::Frame& begin, const MayRun& may)
{
    auto order = run_order_of(begin.payload);
    if (!order)
        return order.error();
    if (auto allowed = may(order->user); !allowed)
        return allowed.error();
    auto pipes = make_pipes();
    if (!pipes)
        return pipes.error();
    auto inside =
        start_inside(*order, {pipes->its_in.get(), pipes->its_out.get(), pipes->its_error.get()});
    if (!inside)
        return inside.error();
    for (Descriptor* its : {&pipes->its_in, &pipes->its_out, &pipes->its_error})
        its->reset(-1);
    return Run{link, std::move(*pipes), std::move(*inside)};
}

} // namespace

Result<void> serve_run(Link& link, const service::Frame& begin, const MayRun& may)
{
    signal(SIGPIPE, SIG_IGN); // A command that reads nothing more.
    auto run = begin_run(link, begin, may);
    if (run)
        return run->to_its_end();
    const std::string why = run.error().message;
    static_cast<void>(link.send(static_cast<std::uint8_t>(RunMessage::refused),
                                std::vector<std::uint8_t>{why.begin(), why.end()}, patient()));
    return run.error();
}

} // namespace holdfast::env

// SPDX-License-Identifier: Apache-2.0
//
// common/control-client: calls a command on the control socket of a daemon, ours or
// Open vSwitch's.
//
// ControlClient blocks, for command-line tools and short-lived clients such as the
// libvirt hook.  AsyncControlClient is for a daemon's io_context.  Neither knows what
// the commands mean.
#pragma once

#include <utility> // Before Asio: awaitable.hpp of Boost 1.74 needs it and forgets it.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"

namespace holdfast {

/// Where a daemon of Open vSwitch listens: `rundir`/PROGRAM.PID.ctl, the PID from
/// `rundir`/PROGRAM.pid.  An empty `rundir` means $OVS_RUNDIR, or else /var/run/openvswitch.
/// Errors: unavailable if there is no pid file, damaged if it holds no number.
/// Source: ovs-appctl(8), option --target.
Result<std::string> find_control_socket(const std::string& program, const std::string& rundir = {});

/// Where a daemon of ours listens: $HOLDFAST_RUNDIR, or else /run/holdfast, /PROGRAM.ctl.
std::string holdfast_control_socket(const std::string& program);

/// A blocking connection to one daemon.
class ControlClient {
public:
    using Milliseconds = std::chrono::milliseconds;

    /// Connects to the Unix socket `path`; `daemon` is its name in messages.
    /// Errors: unavailable, naming the daemon and the mend, if nobody listens or the
    ///         backlog stays full until the deadline; io if the system refuses.
    static Result<ControlClient> connect(const std::string& path, const std::string& daemon,
                                         Milliseconds deadline = Milliseconds{5000});

    ControlClient(ControlClient&&) noexcept;
    ControlClient& operator=(ControlClient&&) noexcept;
    ~ControlClient();

    /// Calls a command and waits for its answer, without the newline at its end.
    /// Errors: invalid if the daemon refused (the message is its own, unchanged);
    ///         unavailable if it ended or gave no answer by the deadline; damaged if it
    ///         answered nonsense.  After the last two every later call is refused: connect again.
    Result<std::string> call(const std::string& method, const std::vector<std::string>& args,
                             Milliseconds deadline = Milliseconds{5000});

private:
    struct Impl;
    explicit ControlClient(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// A connection to one daemon that lasts, and comes back after the daemon restarts.
///
/// One call is under way at a time; others wait in order, their deadlines running.  What
/// must not wait behind another call (a long poll, an urgent order) has a client of its own.
/// A call that misses its deadline closes the connection, since its answer could still
/// come; the next call opens a new one.  A request is sent once at most.
/// Thread: that of the executor, for every member.
class AsyncControlClient {
public:
    using Milliseconds = std::chrono::milliseconds;
    /// Asked before each connection, since a switch's path changes when it restarts.
    using Locator = std::function<Result<std::string>()>;

    /// Nothing is connected before the first call.  `daemon` is its name in messages.
    AsyncControlClient(boost::asio::any_io_executor executor, Locator locate, std::string daemon);

    /// Ends calls under way with `unavailable`.
    ~AsyncControlClient();
    AsyncControlClient(const AsyncControlClient&) = delete;
    AsyncControlClient& operator=(const AsyncControlClient&) = delete;

    /// As ControlClient::call, connecting first where needed.
    boost::asio::awaitable<Result<std::string>> call(std::string method,
                                                     std::vector<std::string> args,
                                                     Milliseconds deadline = Milliseconds{5000});

    /// Closes the connection and ends all calls, waiting ones too; a later call connects again.
    void close();

    /// What the coroutines share with the client, which may go before they end.
    struct Impl;

private:
    std::shared_ptr<Impl> impl_;
};

} // namespace holdfast

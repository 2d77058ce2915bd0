// SPDX-License-Identifier: Apache-2.0
//
// handoff/agent: the agent's side of the handoff protocol (doc/handoff.md).
//
// Asks one service for its sockets, or gives them to another instance of it.  For a sequential
// program: each call waits, until a deadline.  After an error that is no refusal (Errc::invalid)
// the connection is of no use: end it, and the service connects again, and stands still until it
// is told keep().  Knows nothing of TCP, of namespaces or of how sockets get from machine to
// machine.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/descriptor.h"
#include "common/result.h"

namespace holdfast::handoff {

/// When a call has waited long enough.
using Deadline = std::chrono::steady_clock::time_point;

/// One socket on its way from a service to another instance of it.
struct Socket {
    std::string name;                // 1 to 255 printable ASCII characters without ':'.
    std::vector<std::uint8_t> state; // The service's own; at most 16 MiB.
    Descriptor fd;                   // The socket.
};

/// Who a service says that it is.
struct Hello {
    std::string program;  // For people.
    bool gives = false;   // It can give its sockets away.
    bool takes = false;   // It can take what another instance gave.
    bool stopped = false; // It was told to give, by an earlier agent, and waits for keep().
    bool agreed = false;  // It took sockets of an earlier agent, and waits for go() or drop().
    pid_t pid = 0;        // As the kernel says, in the PID namespace of this process; 0: not in it.
    uid_t uid = 0;        // As the kernel says.
};

/// A connected service.
class Service {
public:
    /// Takes the connection that a Listener accepted, and reads the hello.
    /// Errors: unavailable if it ends or says nothing until `until`; damaged if it says nonsense.
    static Result<Service> greet(Descriptor connection, Deadline until);

    const Hello& hello() const { return hello_; }

    /// At home: has the service stop using its sockets, and returns all of them.  The service
    /// keeps its own descriptors of them.
    /// Errors: unavailable if it ends, or is not done until `until`; invalid, with its own line,
    ///         if it refuses or cannot give; damaged if it breaks the protocol or its limits
    ///         (1,000,000 sockets, 16 MiB of state each, 1 GiB of state in all); io if there are
    ///         no descriptors left (RLIMIT_NOFILE).  Nothing is kept then; keep() by a new
    ///         connection ends its stop.
    Result<std::vector<Socket>> give(Deadline until);

    /// At home: the move came to nothing; returns when the service has said that it goes on.
    /// Close what give() returned before: a connection that the service ends would stay open.
    /// Needs no give() before: a service that is not stopped goes on as it was.
    /// Errors: as give().
    Result<void> keep(Deadline until);

    /// At the target: gives the service its sockets, and returns when it has them all and is able
    /// to go on with them; it does not use them yet.
    /// Errors: as give(); invalid too if a name or a state is beyond its limits.
    Result<void> take(std::span<const Socket> sockets, Deadline until);

    /// At the target, after take(), by this agent or an earlier one (Hello::agreed): the service
    /// serves from now on.  Returns when it is told.
    Result<void> go(Deadline until);

    /// The same, but it closes what it took.
    Result<void> drop(Deadline until);

private:
    explicit Service(Descriptor connection);

    /// The connection; it has one owner and one place (a message points into it).
    struct Channel;
    struct EndChannel {
        void operator()(Channel* channel) const;
    };
    std::unique_ptr<Channel, EndChannel> channel_;
    Hello hello_;
};

/// The socket that a service finds by $HOLDFAST_HANDOFF.  A service that connects before anybody
/// accepts is kept by the kernel with its hello, so who listens need not be who moves it.
class Listener {
public:
    /// Listens at `path`; a socket that is there already is replaced.  Mode 0600, owner `uid`.
    /// Errors: io.
    static Result<Listener> listen(const std::string& path, uid_t uid);
    /// Uses a listening descriptor that another process made.
    explicit Listener(Descriptor listening) : listening_{std::move(listening)} {}

    int fd() const { return listening_.get(); }

    /// The next service that connects, or has connected.
    /// Errors: unavailable if there is none until `until`; else those of Service::greet().
    Result<Service> accept(Deadline until);

private:
    Descriptor listening_;
};

} // namespace holdfast::handoff

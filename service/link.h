// SPDX-License-Identifier: Apache-2.0
//
// service/link: the connection between the two sides of a service's move (S11): TLS 1.3, both
// sides authenticated by certificates of the fleet's CA, whole frames.
//
// Blocking, for a sequential program: each call waits, until a deadline.  One thread.  Knows
// nothing of what the frames mean.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/descriptor.h"
#include "common/result.h"

namespace holdfast::service {

/// When a call has waited long enough.
using Deadline = std::chrono::steady_clock::time_point;

/// Files, in PEM, as holdfast.conf names them (`ca_certificate`, `certificate`, `private_key`).
struct Credentials {
    std::string ca_certificate;
    std::string certificate;
    std::string private_key;
};

/// One message of the link.
struct Frame {
    std::uint8_t type = 0; // 1 to 255, the caller's; 0 is the link's own.
    std::vector<std::uint8_t> payload;
};

/// So much fits into one frame, bytes.
constexpr std::size_t max_payload = 64u << 20;

/// An authenticated, encrypted connection.  After any error it is of no use.
class Link {
public:
    /// Connects to `address` (IPv4 or IPv6), and returns once both sides are content with each
    /// other: a refusal by the other side is this call's error.  `name` is whom it must be.
    /// Errors: unavailable if nobody is there, or does not answer until `until`; invalid, in one
    ///         line that says which side refuses and why, if either is not whom the other wants
    ///         (no certificate, not of this fleet's CA, expired, another name); io if a file of
    ///         `own` cannot be used.
    static Result<Link> connect(const std::string& address, std::uint16_t port,
                                const Credentials& own, const std::string& name, Deadline until);

    /// The same for the side that was connected to; `tcp` is what accept(2) gave, and `names` who
    /// the peer may be: the fleet's members.
    /// Errors: as connect().
    static Result<Link> accept(Descriptor tcp, const Credentials& own,
                               std::span<const std::string> names, Deadline until);

    Link(Link&&) noexcept;
    Link& operator=(Link&&) noexcept;
    /// Closes it, without waiting for the peer.
    ~Link();

    /// The name in the peer's certificate: a hypervisor's.
    const std::string& peer_name() const;

    /// The TCP connection, to wait with poll() for something to come (pending() first).
    int fd() const;
    /// Whether receive() has something to begin with already.
    bool pending() const;

    /// Sends a frame: `type` and all of `payload`, which may be empty.  The kernel has it when
    /// this returns, not yet the peer.
    /// Errors: unavailable if the peer has ended, is silent for 10 s (dead link) or does not take
    ///         it until `until`; invalid if it is larger than max_payload.
    Result<void> send(std::uint8_t type, std::span<const std::uint8_t> payload, Deadline until);

    /// The next frame.
    /// Errors: unavailable if the peer has ended, is dead or sends nothing until `until`; damaged
    ///         if what comes is no frame.
    Result<Frame> receive(Deadline until);

private:
    struct Impl;
    explicit Link(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace holdfast::service

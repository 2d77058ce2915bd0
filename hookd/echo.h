// SPDX-License-Identifier: Apache-2.0
//
// hookd/echo: asks machines for an ICMP echo (RFC 792, RFC 4443), which their kernels answer
// whatever daemons run.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/icmp.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"

namespace holdfast::hookd {

/// An echo request, of type 8 over IPv4 and 128 over IPv6, with the checksum that IPv4 wants and
/// IPv6's kernel puts in itself.
std::vector<std::uint8_t> echo_request(bool ipv6, std::uint16_t id, std::uint16_t sequence);

/// Whether what a raw socket received (over IPv4 with the IP header) is an answer to a request of
/// `id`.
bool is_echo_answer(std::span<const std::uint8_t> packet, bool ipv6, std::uint16_t id);

/// Sends requests and tells who answers.
/// Thread: that of the io_context.
class Echo {
public:
    using Address = boost::asio::ip::address;
    using Answered = std::function<void(const Address&)>;

    /// `answered` gets the address of each that answers.
    Echo(boost::asio::io_context& io, Answered answered);

    /// Asks `address`, once.
    /// Errors: unavailable if this machine lets us send none, or has no network for it: that says
    /// nothing of the other.
    Result<void> ask(const Address& address);

private:
    using Icmp = boost::asio::ip::icmp;

    /// What is sent and received over one version of IP.
    struct Way {
        explicit Way(boost::asio::io_context& io) : socket{io} {}
        Icmp::socket socket;
        Icmp::endpoint from;
        std::array<std::uint8_t, 256> packet{};
    };

    Result<void> open(Way& way, const Icmp& version);
    void receive(Way& way, bool ipv6);

    Answered answered_;
    std::uint16_t id_;
    std::uint16_t sequence_ = 0;
    Way ipv4_;
    Way ipv6_;
};

} // namespace holdfast::hookd

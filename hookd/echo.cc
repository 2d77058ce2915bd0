// SPDX-License-Identifier: Apache-2.0
//
// hookd/echo: see echo.h.
#include <config.h>

#include "hookd/echo.h"

#include <unistd.h>

#include <boost/asio/buffer.hpp>

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

namespace asio = boost::asio;

namespace holdfast::hookd {
namespace {

constexpr std::size_t header_size = 8;
constexpr int receive_buffer = 1 << 20; // Some hundred answers at once.

/// RFC 1071, of an even number of bytes.
std::uint16_t checksum(std::span<const std::uint8_t> bytes)
{
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
        sum += static_cast<std::uint32_t>(bytes[i]) << 8 | bytes[i + 1];
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

/// Or each would read what the others ask, too.  Only less work: what comes is looked at anyway.
void take_answers_alone(int socket, bool ipv6)
{
    if (ipv6) {
        icmp6_filter filter;
        ICMP6_FILTER_SETBLOCKALL(&filter);
        ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
        setsockopt(socket, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
    } else {
        const std::uint32_t all_but_answers = ~(1u << ICMP_ECHOREPLY); // struct icmp_filter.
        constexpr int icmp_filter_option = 1;                          // ICMP_FILTER.
        setsockopt(socket, SOL_RAW, icmp_filter_option, &all_but_answers, sizeof all_but_answers);
    }
}

void put16(std::vector<std::uint8_t>& bytes, std::size_t at, std::uint16_t value)
{
    bytes[at] = static_cast<std::uint8_t>(value >> 8);
    bytes[at + 1] = static_cast<std::uint8_t>(value);
}

} // namespace

std::vector<std::uint8_t> echo_request(bool ipv6, std::uint16_t id, std::uint16_t sequence)
{
    std::vector<std::uint8_t> bytes(header_size);
    bytes[0] = ipv6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
    put16(bytes, 4, id);
    put16(bytes, 6, sequence);
    if (!ipv6)
        put16(bytes, 2, checksum(bytes));
    return bytes;
}

bool is_echo_answer(std::span<const std::uint8_t> packet, bool ipv6, std::uint16_t id)
{
    std::size_t begin = 0;
    if (!ipv6) {
        if (packet.empty())
            return false;
        begin = static_cast<std::size_t>(packet[0] & 15) * 4;
    }
    if (packet.size() < begin + header_size)
        return false;
    const auto icmp = packet.subspan(begin);
    const std::uint8_t answer = ipv6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
    return icmp[0] == answer && (icmp[4] << 8 | icmp[5]) == id;
}

Echo::Echo(asio::io_context& io, Answered answered)
    : answered_{std::move(answered)}, id_{static_cast<std::uint16_t>(getpid())}, ipv4_{io}, ipv6_{
                                                                                                io}
{
}

Result<void> Echo::open(Way& way, const Icmp& version)
{
    if (way.socket.is_open())
        return {};
    boost::system::error_code failed;
    way.socket.open(version, failed);
    if (!failed)
        way.socket.non_blocking(true, failed);
    if (!failed) {
        boost::system::error_code smaller; // What the kernel allows will do.
        way.socket.set_option(asio::socket_base::receive_buffer_size{receive_buffer}, smaller);
        take_answers_alone(way.socket.native_handle(), version == Icmp::v6());
    }
    if (failed) {
        boost::system::error_code closed;
        way.socket.close(closed);
        return Error{Errc::unavailable, "a raw ICMP socket: " + failed.message()};
    }
    receive(way, version == Icmp::v6());
    return {};
}

Result<void> Echo::ask(const Address& address)
{
    const bool ipv6 = address.is_v6();
    Way& way = ipv6 ? ipv6_ : ipv4_;
    if (auto opened = open(way, ipv6 ? Icmp::v6() : Icmp::v4()); !opened)
        return opened;
    const auto request = echo_request(ipv6, id_, ++sequence_);
    boost::system::error_code failed;
    way.socket.send_to(asio::buffer(request), Icmp::endpoint{address, 0}, 0, failed);
    if (failed && failed != boost::system::errc::host_unreachable)
        return Error{Errc::unavailable,
                     "an ICMP echo to " + address.to_string() + ": " + failed.message()};
    return {};
}

void Echo::receive(Way& way, bool ipv6)
{
    way.socket.async_receive_from(
        asio::buffer(way.packet), way.from,
        [this, &way, ipv6](boost::system::error_code failed, std::size_t size) {
            if (failed == asio::error::operation_aborted)
                return;
            if (!failed && is_echo_answer(std::span{way.packet}.first(size), ipv6, id_))
                answered_(way.from.address());
            receive(way, ipv6);
        });
}

} // namespace holdfast::hookd

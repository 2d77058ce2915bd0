// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/connection: see the header.
#include "ovs-plugin/connection.h"

#include <algorithm>

namespace holdfast::plugin {

namespace {

// From our own address, of the local experimental type.
constexpr std::array<std::uint8_t, 8> head{0x02, 0x48, 0x46, 0, 0, 4, 0x88, 0xb5};
// How many there are is behind it; each has these bytes, and three addresses.
constexpr std::size_t first_at = ethernet_size + 2, fixed_size = 8;
constexpr std::size_t shortest = 60, longest = 1376;
constexpr std::uint8_t of_v6 = 0x80; // Beside the protocol.

std::size_t size_of(bool v6)
{
    return fixed_size + 3 * std::size_t{v6 ? 16U : 4U};
}

void append(Frame& frame, const Connection& one)
{
    const bool v6 = !is_v4(one.client);
    const auto at = frame.size();
    frame.resize(at + fixed_size);
    frame[at] = v6 ? one.protocol | of_v6 : one.protocol;
    frame[at + 1] = one.state;
    put16(frame, at + 2, one.server_port);
    put16(frame, at + 4, one.client_port);
    put16(frame, at + 6, one.vip_port);
    for (const auto* ip : {&one.client, &one.server, &one.vip})
        frame.insert(frame.end(), ip->begin() + (v6 ? 0 : v4_at), ip->end());
}

Connection read(Bytes bytes, bool v6)
{
    const auto address = [&](std::size_t i) {
        return v6 ? v6_from(bytes, fixed_size + i * 16) : v4_from(bytes, fixed_size + i * 4);
    };
    Connection one;
    one.protocol = bytes[0] & ~of_v6;
    one.state = bytes[1];
    one.server_port = number16(bytes, 2);
    one.client_port = number16(bytes, 4);
    one.vip_port = number16(bytes, 6);
    one.client = address(0);
    one.server = address(1);
    if (one.vip_port) // Else there is no VIP.
        one.vip = address(2);
    return one;
}

} // namespace

Frame frame_of(const std::vector<Connection>& connections, std::size_t& done, const Mac& to)
{
    Frame frame(first_at, 0);
    std::ranges::copy(to, frame.begin());
    std::ranges::copy(head, frame.begin() + 6);
    std::size_t n = 0;
    for (; done < connections.size(); ++done, ++n) {
        if (frame.size() + size_of(!is_v4(connections[done].client)) > longest)
            break;
        append(frame, connections[done]);
    }
    put16(frame, ethernet_size, n);
    frame.resize(std::max(shortest, frame.size()));
    return frame;
}

bool carries_connections(Bytes frame)
{
    return frame.size() >= ethernet_size && std::equal(head.begin(), head.end(), frame.begin() + 6);
}

std::vector<Connection> connections_in(Bytes frame)
{
    std::vector<Connection> all;
    if (!carries_connections(frame) || frame.size() < first_at)
        return all;
    auto left = frame.subspan(first_at);
    for (std::size_t n = number16(frame, ethernet_size); n > 0 && !left.empty(); --n) {
        const bool v6 = left[0] & of_v6;
        if (left.size() < size_of(v6))
            break;
        all.push_back(read(left, v6));
        left = left.subspan(size_of(v6));
    }
    return all;
}

} // namespace holdfast::plugin

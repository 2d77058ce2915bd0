// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/fit: see the header.
#include "ovs-plugin/fit.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <algorithm>

namespace holdfast::plugin {

namespace {

constexpr std::size_t icmp_size = 8;
constexpr std::size_t v4_answer_max = 576;  // RFC 1812, section 4.3.2.3.
constexpr std::size_t v6_answer_max = 1280; // RFC 4443, section 3.2.
constexpr std::uint8_t time_to_live = 64;

bool is_multicast(Bytes mac)
{
    return mac[0] & 1;
}

/// The frame's own header, turned round.
Frame header_back(const Packet& packet, const Mac& own)
{
    Frame header(packet.frame.begin(),
                 packet.frame.begin() + static_cast<std::ptrdiff_t>(packet.at));
    std::copy_n(packet.frame.begin() + 6, 6, header.begin());
    std::copy(own.begin(), own.end(), header.begin() + 6);
    return header;
}

/// An IPv4 header with this length, and the rest as in `like`, without its options.
void append_v4(Frame& frame, Bytes like, std::size_t length)
{
    const auto at = frame.size();
    frame.insert(frame.end(), like.begin(), like.begin() + v4_size);
    frame[at] = 0x45;
    put16(frame, at + 2, length);
}

void finish_v4(Frame& frame, std::size_t at)
{
    put16(frame, at + 10, 0);
    put16(frame, at + 10, checksum(sum(Bytes{frame}.subspan(at, v4_size))));
}

/// Whether an error about this packet would be one about an error, or to nobody (RFC
/// 1812, 4.3.2.7).
bool nobody_to_tell_v4(const Packet& packet, std::size_t header)
{
    const auto ip = packet.bytes();
    if (is_multicast(packet.frame) || number16(ip, 6) & offset_mask)
        return true;
    if (ip[9] != IPPROTO_ICMP || ip.size() <= header)
        return false;
    const auto type = ip[header];
    return type != ICMP_ECHO && type != ICMP_ECHOREPLY;
}

Frame answer_v4(const Packet& packet, std::size_t header, std::size_t mtu, const Mac& own)
{
    const auto ip = packet.bytes();
    if (nobody_to_tell_v4(packet, header))
        return {};
    const auto quoted = ip.first(std::min(ip.size(), v4_answer_max - v4_size - icmp_size));
    Frame answer = header_back(packet, own);
    const auto at = answer.size();
    append_v4(answer, ip, v4_size + icmp_size + quoted.size());
    put16(answer, at + 6, 0);
    answer[at + 8] = time_to_live;
    answer[at + 9] = IPPROTO_ICMP;
    std::copy_n(ip.begin() + 16, 4, answer.begin() + static_cast<std::ptrdiff_t>(at) + 12);
    std::copy_n(ip.begin() + 12, 4, answer.begin() + static_cast<std::ptrdiff_t>(at) + 16);
    finish_v4(answer, at);
    const auto icmp = answer.size();
    answer.insert(answer.end(), {ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 0, 0, 0, 0, 0, 0});
    put16(answer, icmp + 6, mtu);
    answer.insert(answer.end(), quoted.begin(), quoted.end());
    put16(answer, icmp + 2, checksum(sum(Bytes{answer}.subspan(icmp))));
    return answer;
}

/// Options go with the first fragment only if they must not be copied; to tell which is not worth
/// it: a packet with options is answered, not fragmented.
std::vector<Frame> fragment(const Packet& packet, std::size_t mtu)
{
    const auto ip = packet.bytes();
    const auto payload = ip.subspan(v4_size);
    const auto was = number16(ip, 6);
    const auto step = (mtu - v4_size) / 8 * 8;
    std::vector<Frame> all;
    for (std::size_t from = 0; from < payload.size(); from += step) {
        const auto part = payload.subspan(from, std::min(step, payload.size() - from));
        const bool last = from + part.size() == payload.size();
        Frame one(packet.frame.begin(),
                  packet.frame.begin() + static_cast<std::ptrdiff_t>(packet.at));
        append_v4(one, ip, v4_size + part.size());
        put16(one, packet.at + 6,
              (was & ~offset_mask) | (last ? 0U : more_fragments) |
                  ((was & offset_mask) + from / 8));
        finish_v4(one, packet.at);
        one.insert(one.end(), part.begin(), part.end());
        all.push_back(std::move(one));
    }
    return all;
}

Fit fit_v4(Packet packet, std::size_t largest, const Mac& own)
{
    auto ip = packet.bytes();
    const std::size_t header = ip.size() >= v4_size ? (ip[0] & 0xfU) * 4 : 0;
    const std::size_t length = header ? number16(ip, 2) : 0;
    if (header < v4_size || length < header || length > ip.size() ||
        largest < packet.at + v4_size + 8)
        return {};
    packet.frame = packet.frame.first(packet.at + length); // Without Ethernet's padding.
    ip = packet.bytes();
    const auto mtu = largest - packet.at;
    if (header == v4_size && !(number16(ip, 6) & may_not_fragment))
        return {fragment(packet, mtu), {}};
    return {{}, answer_v4(packet, header, mtu, own)};
}

/// Whether the packet is an ICMPv6 error, behind no other header, or comes from nobody (RFC 4443,
/// section 2.4 e).
bool nobody_to_tell_v6(Bytes ip)
{
    const bool is_error =
        ip[6] == IPPROTO_ICMPV6 && ip.size() > v6_size && !(ip[v6_size] & ICMP6_INFOMSG_MASK);
    const auto from = ip.subspan(8, 16);
    return is_error || from[0] == 0xff ||
           std::all_of(from.begin(), from.end(), [](std::uint8_t byte) { return byte == 0; });
}

Fit fit_v6(const Packet& packet, std::size_t largest, const Mac& own)
{
    const auto ip = packet.bytes();
    if (ip.size() < v6_size || ip[24] == 0xff || nobody_to_tell_v6(ip) || largest < packet.at)
        return {};
    // No smaller than what IPv6 asks of every link; one that is, is the operator's to mend.
    const auto mtu = std::max<std::size_t>(largest - packet.at, 1280);
    const auto quoted = ip.first(std::min(ip.size(), v6_answer_max - v6_size - icmp_size));
    Frame answer = header_back(packet, own);
    const auto at = answer.size();
    answer.insert(answer.end(), {0x60, 0, 0, 0, 0, 0, IPPROTO_ICMPV6, time_to_live});
    answer.insert(answer.end(), ip.begin() + 24, ip.begin() + 40);
    answer.insert(answer.end(), ip.begin() + 8, ip.begin() + 24);
    put16(answer, at + 4, icmp_size + quoted.size());
    const auto icmp = answer.size();
    answer.insert(answer.end(), {ICMP6_PACKET_TOO_BIG, 0, 0, 0, 0, 0, 0, 0});
    put16(answer, icmp + 6, mtu);
    answer.insert(answer.end(), quoted.begin(), quoted.end());
    const auto whole = Bytes{answer};
    const auto pseudo = sum(whole.subspan(at + 8, 32)) + IPPROTO_ICMPV6 +
                        static_cast<std::uint32_t>(icmp_size + quoted.size());
    put16(answer, icmp + 2, checksum(sum(whole.subspan(icmp), pseudo)));
    return {{}, std::move(answer)};
}

} // namespace

Fit fit(const std::uint8_t* frame, std::size_t size, std::size_t largest, const Mac& own)
{
    if (size < ethernet_size)
        return {};
    const auto packet = packet_of({frame, size});
    if (packet.type == type_v4)
        return fit_v4(packet, largest, own);
    if (packet.type == type_v6)
        return fit_v6(packet, largest, own);
    return {};
}

} // namespace holdfast::plugin

// SPDX-License-Identifier: Apache-2.0
//
// sockets/resend: see the header.
#include <config.h>

#include "sockets/resend.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include <algorithm>

#include "sockets/syscalls.h"

namespace holdfast::sockets {

namespace {

constexpr int segments_at_once = 10; // RFC 6928.

/// The timestamps option, as the kernel lays it out; it echoes none (RFC 7323).
std::string timestamps(std::uint32_t now)
{
    std::string option{"\1\1\x08\x0a", 4};
    for (int shift = 24; shift >= 0; shift -= 8)
        option += static_cast<char>(now >> shift);
    return option + std::string(4, '\0');
}

/// A segment of ours, without its bytes.
Result<Segment> to_peer(int fd, const SocketImage& image)
{
    const Stream& stream = image.stream;
    Segment segment;
    segment.source = image.local;
    segment.destination = image.remote;
    segment.flags = ack_flag;
    segment.acknowledgment = stream.receive_next;
    segment.window = static_cast<std::uint16_t>(
        std::min<std::uint32_t>(0xffff, stream.window.rcv_wnd >> stream.receive_scale));
    std::uint32_t now = 0;
    if (!stream.timestamps)
        return segment;
    if (!get_option(fd, IPPROTO_TCP, TCP_TIMESTAMP, now))
        return refused(image, "TCP_TIMESTAMP");
    segment.options = timestamps(now);
    return segment;
}

} // namespace

Result<void> ask_half_closed(Space& space, int fd, const SocketImage& image)
{
    if (!image.device.empty())
        return {};
    auto segment = to_peer(fd, image);
    if (!segment)
        return segment.error();
    segment->sequence = image.stream.first_unacknowledged() - 1;
    return space.forge.send(image.family, *segment);
}

Result<void> resend(Space& space, int fd, const SocketImage& image)
{
    const Stream& stream = image.stream;
    tcp_info info{};
    int queued = 0; // With our FIN, if the peer has not acknowledged it.
    if (stream.unacknowledged.empty() || !image.device.empty())
        return {};
    if (!get_option(fd, IPPROTO_TCP, TCP_INFO, info) || ioctl(fd, SIOCOUTQ, &queued) != 0)
        return refused(image, "what it has under way");
    const std::uint32_t end =
        stream.first_unacknowledged() + static_cast<std::uint32_t>(stream.unacknowledged.size());
    const std::uint32_t left = stream.write_next - static_cast<std::uint32_t>(queued);
    // A program may have written meanwhile, though it must not.
    if (static_cast<std::int32_t>(end - left) <= 0 || end - left > stream.unacknowledged.size() ||
        info.tcpi_snd_mss == 0)
        return {};
    auto segment = to_peer(fd, image);
    if (!segment)
        return segment.error();
    std::string_view bytes = stream.unacknowledged;
    bytes.remove_prefix(bytes.size() - (end - left));
    segment->sequence = left;
    for (int n = 0; n < segments_at_once && !bytes.empty(); ++n) {
        segment->bytes = bytes.substr(0, info.tcpi_snd_mss);
        if (auto sent = space.forge.send(image.family, *segment); !sent)
            return sent;
        segment->sequence += static_cast<std::uint32_t>(segment->bytes.size());
        bytes.remove_prefix(segment->bytes.size());
    }
    return {};
}

} // namespace holdfast::sockets

// SPDX-License-Identifier: Apache-2.0
//
// sockets/options: which socket options are kept, in one table.
//
// Apart from the table, in the image itself: SO_REUSEADDR, which repair mode changes; the
// buffers and SO_BUF_LOCK, which go together; the device.  Left out: what says how things are and
// not what the service wants (TCP_QUICKACK, SO_INCOMING_CPU).
#include <config.h>

#include "sockets/options.h"

#include <linux/filter.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/descriptor.h"
#include "sockets/syscalls.h"

namespace holdfast::sockets {

namespace {

// Names that the headers of Debian 12 do not all have in one place; linux/in6.h, linux/tcp.h.
constexpr int ipv6_transparent = 75;
constexpr int ipv6_min_hop_count = 73;
constexpr int ipv6_auto_flow_label = 70;
constexpr int ip_local_port_range = 51;
constexpr int tcp_tx_delay = 37;
constexpr int tcp_fastopen_no_cookie = 34;
constexpr int tcp_fastopen_key = 33;

// Which kinds an option is for.
constexpr std::uint8_t connected = 1, listening = 2, unconnected = 4, udp = 8;
constexpr std::uint8_t tcp = connected | listening | unconnected, all = tcp | udp;
constexpr std::uint8_t not_connected = listening | unconnected;

enum class Families : std::uint8_t { both, v4, v6 };
enum class When : std::uint8_t { before_bind, after_bind };

struct Row {
    std::uint16_t id; // On the wire; never given anew.
    int level;
    int name;
    std::uint8_t kinds;
    Families families;
    When when;
    const char* label;
};

constexpr std::uint16_t id_tos = 40, id_priority = 12, id_filter = 30;

constexpr Row rows[] = {
    {1, SOL_SOCKET, SO_REUSEPORT, all, Families::both, When::before_bind, "SO_REUSEPORT"},
    {2, IPPROTO_IPV6, IPV6_V6ONLY, all, Families::v6, When::before_bind, "IPV6_V6ONLY"},
    {3, IPPROTO_IP, IP_FREEBIND, all, Families::both, When::before_bind, "IP_FREEBIND"},
    {4, IPPROTO_IP, IP_TRANSPARENT, all, Families::v4, When::before_bind, "IP_TRANSPARENT"},
    {5, IPPROTO_IPV6, ipv6_transparent, all, Families::v6, When::before_bind, "IPV6_TRANSPARENT"},
    {6, SOL_SOCKET, SO_MARK, all, Families::both, When::before_bind, "SO_MARK"},
    {7, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, all, Families::both, When::before_bind,
     "IP_BIND_ADDRESS_NO_PORT"},
    {8, IPPROTO_IP, ip_local_port_range, all, Families::both, When::before_bind,
     "IP_LOCAL_PORT_RANGE"},

    {10, SOL_SOCKET, SO_KEEPALIVE, tcp, Families::both, When::after_bind, "SO_KEEPALIVE"},
    {11, SOL_SOCKET, SO_LINGER, tcp, Families::both, When::after_bind, "SO_LINGER"},
    {13, SOL_SOCKET, SO_OOBINLINE, tcp, Families::both, When::after_bind, "SO_OOBINLINE"},
    {14, SOL_SOCKET, SO_RCVLOWAT, all, Families::both, When::after_bind, "SO_RCVLOWAT"},
    {15, SOL_SOCKET, SO_RCVTIMEO, all, Families::both, When::after_bind, "SO_RCVTIMEO"},
    {16, SOL_SOCKET, SO_SNDTIMEO, all, Families::both, When::after_bind, "SO_SNDTIMEO"},
    {17, SOL_SOCKET, SO_DONTROUTE, all, Families::both, When::after_bind, "SO_DONTROUTE"},
    {18, SOL_SOCKET, SO_BROADCAST, udp, Families::both, When::after_bind, "SO_BROADCAST"},
    {19, SOL_SOCKET, SO_NO_CHECK, udp, Families::both, When::after_bind, "SO_NO_CHECK"},
    {20, SOL_SOCKET, SO_TIMESTAMP, all, Families::both, When::after_bind, "SO_TIMESTAMP"},
    {21, SOL_SOCKET, SO_TIMESTAMPNS, all, Families::both, When::after_bind, "SO_TIMESTAMPNS"},
    {22, SOL_SOCKET, SO_TIMESTAMPING, all, Families::both, When::after_bind, "SO_TIMESTAMPING"},
    {23, SOL_SOCKET, SO_RXQ_OVFL, udp, Families::both, When::after_bind, "SO_RXQ_OVFL"},
    {24, SOL_SOCKET, SO_PEEK_OFF, udp, Families::both, When::after_bind, "SO_PEEK_OFF"},
    {25, SOL_SOCKET, SO_BUSY_POLL, all, Families::both, When::after_bind, "SO_BUSY_POLL"},
    {26, SOL_SOCKET, SO_MAX_PACING_RATE, all, Families::both, When::after_bind,
     "SO_MAX_PACING_RATE"},
    {27, SOL_SOCKET, SO_ZEROCOPY, all, Families::both, When::after_bind, "SO_ZEROCOPY"},
    {28, SOL_SOCKET, SO_TXTIME, udp, Families::both, When::after_bind, "SO_TXTIME"},

    {id_tos, IPPROTO_IP, IP_TOS, all, Families::both, When::after_bind, "IP_TOS"},
    {41, IPPROTO_IP, IP_TTL, all, Families::v4, When::after_bind, "IP_TTL"},
    {42, IPPROTO_IP, IP_MTU_DISCOVER, all, Families::v4, When::after_bind, "IP_MTU_DISCOVER"},
    {43, IPPROTO_IP, IP_RECVERR, all, Families::v4, When::after_bind, "IP_RECVERR"},
    {44, IPPROTO_IP, IP_MINTTL, all, Families::v4, When::after_bind, "IP_MINTTL"},
    {45, IPPROTO_IP, IP_PKTINFO, udp, Families::both, When::after_bind, "IP_PKTINFO"},
    {46, IPPROTO_IP, IP_RECVTOS, udp, Families::v4, When::after_bind, "IP_RECVTOS"},
    {47, IPPROTO_IP, IP_RECVTTL, udp, Families::v4, When::after_bind, "IP_RECVTTL"},
    {48, IPPROTO_IP, IP_RECVORIGDSTADDR, udp, Families::v4, When::after_bind, "IP_RECVORIGDSTADDR"},
    {49, IPPROTO_IP, IP_MULTICAST_TTL, udp, Families::v4, When::after_bind, "IP_MULTICAST_TTL"},
    {50, IPPROTO_IP, IP_MULTICAST_LOOP, udp, Families::v4, When::after_bind, "IP_MULTICAST_LOOP"},
    {51, IPPROTO_IP, IP_MULTICAST_ALL, udp, Families::v4, When::after_bind, "IP_MULTICAST_ALL"},
    {52, IPPROTO_IP, IP_OPTIONS, all, Families::v4, When::after_bind, "IP_OPTIONS"},

    {60, IPPROTO_IPV6, IPV6_UNICAST_HOPS, all, Families::v6, When::after_bind, "IPV6_UNICAST_HOPS"},
    {61, IPPROTO_IPV6, IPV6_TCLASS, all, Families::v6, When::after_bind, "IPV6_TCLASS"},
    {62, IPPROTO_IPV6, IPV6_MTU_DISCOVER, all, Families::v6, When::after_bind, "IPV6_MTU_DISCOVER"},
    {63, IPPROTO_IPV6, IPV6_RECVERR, all, Families::v6, When::after_bind, "IPV6_RECVERR"},
    {64, IPPROTO_IPV6, ipv6_min_hop_count, all, Families::v6, When::after_bind, "IPV6_MINHOPCOUNT"},
    {65, IPPROTO_IPV6, ipv6_auto_flow_label, all, Families::v6, When::after_bind,
     "IPV6_AUTOFLOWLABEL"},
    {66, IPPROTO_IPV6, IPV6_RECVPKTINFO, udp, Families::v6, When::after_bind, "IPV6_RECVPKTINFO"},
    {67, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, udp, Families::v6, When::after_bind, "IPV6_RECVHOPLIMIT"},
    {68, IPPROTO_IPV6, IPV6_RECVTCLASS, udp, Families::v6, When::after_bind, "IPV6_RECVTCLASS"},
    {69, IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, udp, Families::v6, When::after_bind,
     "IPV6_RECVORIGDSTADDR"},
    {70, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, udp, Families::v6, When::after_bind,
     "IPV6_MULTICAST_HOPS"},
    {71, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, udp, Families::v6, When::after_bind,
     "IPV6_MULTICAST_LOOP"},

    {80, IPPROTO_TCP, TCP_NODELAY, tcp, Families::both, When::after_bind, "TCP_NODELAY"},
    {81, IPPROTO_TCP, TCP_CORK, tcp, Families::both, When::after_bind, "TCP_CORK"},
    {82, IPPROTO_TCP, TCP_MAXSEG, not_connected, Families::both, When::after_bind, "TCP_MAXSEG"},
    {83, IPPROTO_TCP, TCP_KEEPIDLE, tcp, Families::both, When::after_bind, "TCP_KEEPIDLE"},
    {84, IPPROTO_TCP, TCP_KEEPINTVL, tcp, Families::both, When::after_bind, "TCP_KEEPINTVL"},
    {85, IPPROTO_TCP, TCP_KEEPCNT, tcp, Families::both, When::after_bind, "TCP_KEEPCNT"},
    {86, IPPROTO_TCP, TCP_SYNCNT, tcp, Families::both, When::after_bind, "TCP_SYNCNT"},
    {87, IPPROTO_TCP, TCP_LINGER2, tcp, Families::both, When::after_bind, "TCP_LINGER2"},
    {88, IPPROTO_TCP, TCP_DEFER_ACCEPT, not_connected, Families::both, When::after_bind,
     "TCP_DEFER_ACCEPT"},
    {89, IPPROTO_TCP, TCP_WINDOW_CLAMP, not_connected, Families::both, When::after_bind,
     "TCP_WINDOW_CLAMP"},
    {90, IPPROTO_TCP, TCP_CONGESTION, tcp, Families::both, When::after_bind, "TCP_CONGESTION"},
    {91, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, tcp, Families::both, When::after_bind,
     "TCP_THIN_LINEAR_TIMEOUTS"},
    {92, IPPROTO_TCP, TCP_USER_TIMEOUT, tcp, Families::both, When::after_bind, "TCP_USER_TIMEOUT"},
    {93, IPPROTO_TCP, TCP_FASTOPEN, listening, Families::both, When::after_bind, "TCP_FASTOPEN"},
    {94, IPPROTO_TCP, tcp_fastopen_key, listening, Families::both, When::after_bind,
     "TCP_FASTOPEN_KEY"},
    {95, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, unconnected, Families::both, When::after_bind,
     "TCP_FASTOPEN_CONNECT"},
    {96, IPPROTO_TCP, tcp_fastopen_no_cookie, not_connected, Families::both, When::after_bind,
     "TCP_FASTOPEN_NO_COOKIE"},
    {97, IPPROTO_TCP, TCP_NOTSENT_LOWAT, tcp, Families::both, When::after_bind,
     "TCP_NOTSENT_LOWAT"},
    {98, IPPROTO_TCP, TCP_SAVE_SYN, not_connected, Families::both, When::after_bind,
     "TCP_SAVE_SYN"},
    {99, IPPROTO_TCP, TCP_INQ, tcp, Families::both, When::after_bind, "TCP_INQ"},
    {100, IPPROTO_TCP, tcp_tx_delay, tcp, Families::both, When::after_bind, "TCP_TX_DELAY"},

    {110, IPPROTO_UDP, UDP_SEGMENT, udp, Families::both, When::after_bind, "UDP_SEGMENT"},
    {111, IPPROTO_UDP, UDP_GRO, udp, Families::both, When::after_bind, "UDP_GRO"},

    // After all that may set it by the way, as IP_TOS does.
    {id_priority, SOL_SOCKET, SO_PRIORITY, all, Families::both, When::after_bind, "SO_PRIORITY"},
    {id_filter, SOL_SOCKET, SO_ATTACH_FILTER, all, Families::both, When::after_bind,
     "SO_ATTACH_FILTER"},
    {31, SOL_SOCKET, SO_LOCK_FILTER, all, Families::both, When::after_bind, "SO_LOCK_FILTER"},
};
constexpr std::size_t n_rows = std::size(rows);

std::uint8_t bit(Kind kind)
{
    switch (kind) {
    case Kind::connection:
        return connected;
    case Kind::listener:
        return listening;
    case Kind::unconnected:
        return unconnected;
    case Kind::datagram:
        return udp;
    }
    return 0;
}

bool is_for(const Row& row, std::uint8_t kinds, std::uint8_t family)
{
    return (row.kinds & kinds) != 0 && (row.families == Families::both ||
                                        (row.families == Families::v6) == (family == AF_INET6));
}

/// The bytes of an option into `value`; false if the socket has no such option.
bool read_row(int fd, const Row& row, std::string_view& value, std::array<char, 128>& buffer)
{
    // Sizes of the kernel's structures differ, and it says how much it wrote.
    socklen_t size = row.name == SO_TIMESTAMPING && row.level == SOL_SOCKET
                         ? sizeof(int)
                         : static_cast<socklen_t>(buffer.size());
    if (getsockopt(fd, row.level, row.name, buffer.data(), &size))
        return false;
    value = {buffer.data(), size};
    return true;
}

/// The classic BPF filter of the socket; empty if it has none.
Result<std::string> read_filter(int fd)
{
    socklen_t n_instructions = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, nullptr, &n_instructions)) {
        if (errno == EACCES)
            return Error{Errc::invalid, "has an eBPF filter (SO_ATTACH_BPF), which cannot be read"};
        return system_error("SO_GET_FILTER");
    }
    std::string filter(n_instructions * sizeof(sock_filter), '\0');
    if (n_instructions && getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, filter.data(), &n_instructions))
        return system_error("SO_GET_FILTER");
    return filter;
}

bool set_filter(int fd, std::string filter)
{
    sock_fprog program{};
    program.len = static_cast<unsigned short>(filter.size() / sizeof(sock_filter));
    program.filter = reinterpret_cast<sock_filter*>(filter.data());
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

std::size_t fresh_index(bool is_udp, std::uint8_t family)
{
    return (is_udp ? 2 : 0) + (family == AF_INET6 ? 1 : 0);
}

} // namespace

Result<Options> Options::learn()
{
    Options options;
    std::array<char, 128> buffer;
    for (const std::uint8_t family : {AF_INET, AF_INET6}) {
        for (const bool is_udp : {false, true}) {
            Descriptor fd{socket(family, (is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0)};
            if (!fd)
                return system_error("a new socket");
            auto& fresh = options.fresh_[fresh_index(is_udp, family)];
            fresh.resize(n_rows);
            for (std::size_t i = 0; i < n_rows; ++i) {
                std::string_view value;
                if (rows[i].id != id_filter && is_for(rows[i], is_udp ? udp : tcp, family) &&
                    read_row(fd.get(), rows[i], value, buffer))
                    fresh[i] = Fresh{true, std::string{value}};
            }
        }
    }
    return options;
}

Result<std::vector<OptionValue>> Options::read(int fd, Kind kind, std::uint8_t family) const
{
    std::vector<OptionValue> values;
    const auto& fresh = fresh_[fresh_index(kind == Kind::datagram, family)];
    const std::uint8_t kinds = bit(kind);
    std::array<char, 128> buffer;
    for (std::size_t i = 0; i < n_rows; ++i) {
        std::string_view value;
        if (fresh[i].known && is_for(rows[i], kinds, family) &&
            read_row(fd, rows[i], value, buffer) && value != fresh[i].value)
            values.push_back({rows[i].id, std::string{value}});
    }
    auto filter = read_filter(fd);
    if (!filter)
        return filter.error();
    if (!filter->empty()) {
        const auto lock = std::find_if(values.begin(), values.end(), [](const OptionValue& value) {
            return value.id > id_filter && value.id < id_tos;
        });
        values.insert(lock, {id_filter, std::move(*filter)});
    }
    return values;
}

Result<void> Options::apply(int fd, const std::vector<OptionValue>& values, bool before_bind)
{
    for (const OptionValue& value : values) {
        const auto* row = std::find_if(std::begin(rows), std::end(rows),
                                       [&](const Row& each) { return each.id == value.id; });
        if (row == std::end(rows))
            return Error{Errc::too_new, "socket option number " + std::to_string(value.id) +
                                            " is not known here: update Holdfast"};
        if ((row->when == When::before_bind) != before_bind)
            continue;
        const bool done = row->id == id_filter
                              ? set_filter(fd, value.value)
                              : setsockopt(fd, row->level, row->name, value.value.data(),
                                           static_cast<socklen_t>(value.value.size())) == 0;
        if (!done)
            return Error{Errc::unavailable, std::string{row->label} + ": " + std::strerror(errno)};
        if (row->id == id_tos && !set_int(fd, SOL_SOCKET, SO_PRIORITY, 0))
            return system_error("SO_PRIORITY"); // IP_TOS sets it; if it is not 0, it follows.
    }
    return {};
}

} // namespace holdfast::sockets

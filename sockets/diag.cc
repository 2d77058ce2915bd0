// SPDX-License-Identifier: Apache-2.0
//
// sockets/diag: the kernel's own lists of sockets.
#include <config.h>

#include "sockets/diag.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "sockets/syscalls.h"

namespace holdfast::sockets {

namespace {

constexpr std::size_t request_size = 512;

/// A request for a list, with room for its body.
template <class Body>
Body* begin(std::array<char, request_size>& buffer, nlmsghdr*& header)
{
    header = mnl_nlmsg_put_header(buffer.data());
    header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    return static_cast<Body*>(mnl_nlmsg_put_extra_header(header, sizeof(Body)));
}

/// What libmnl's own macros do, which are C only.
template <class Take>
void each_attribute(const void* first, const void* end, const Take& take)
{
    const auto* attribute = static_cast<const nlattr*>(first);
    const auto left = [&] {
        return static_cast<int>(static_cast<const char*>(end) -
                                reinterpret_cast<const char*>(attribute));
    };
    for (; mnl_attr_ok(attribute, left()); attribute = mnl_attr_next(attribute))
        take(attribute);
}

template <class Take>
void each_attribute(const nlmsghdr* message, std::size_t body, const Take& take)
{
    each_attribute(mnl_nlmsg_get_payload_offset(message, body), mnl_nlmsg_get_payload_tail(message),
                   take);
}

Endpoint endpoint_of(const __be32 (&ip)[4], __be16 port)
{
    Endpoint endpoint;
    std::memcpy(endpoint.ip.data(), ip, sizeof ip);
    endpoint.port = ntohs(port);
    return endpoint;
}

/// The name of the upper layer protocol.
std::string ulp_name(const nlattr* nest)
{
    std::string name = "of unknown name";
    const auto* first = static_cast<const char*>(mnl_attr_get_payload(nest));
    each_attribute(first, first + mnl_attr_get_payload_len(nest), [&](const nlattr* attribute) {
        if (mnl_attr_get_type(attribute) == INET_ULP_INFO_NAME)
            name = mnl_attr_get_str(attribute);
    });
    return name;
}

/// A kernel of another version may tell less, or more.
std::uint64_t bytes_received(const nlattr* attribute)
{
    tcp_info info{};
    std::memcpy(&info, mnl_attr_get_payload(attribute),
                std::min<std::size_t>(sizeof info, mnl_attr_get_payload_len(attribute)));
    return info.tcpi_bytes_received;
}

SocketSeen internet_socket(const nlmsghdr* message, int protocol)
{
    const auto* body = static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(message));
    SocketSeen seen;
    seen.inode = body->idiag_inode;
    seen.domain = body->idiag_family;
    seen.protocol = protocol;
    const bool datagrams = protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
    seen.type = protocol == IPPROTO_RAW ? SOCK_RAW : datagrams ? SOCK_DGRAM : SOCK_STREAM;
    seen.state = static_cast<TcpState>(body->idiag_state);
    seen.local = endpoint_of(body->id.idiag_src, body->id.idiag_sport);
    seen.remote = endpoint_of(body->id.idiag_dst, body->id.idiag_dport);
    seen.received = body->idiag_rqueue;
    seen.to_send = body->idiag_wqueue;
    seen.corked = datagrams && body->idiag_wqueue > 0;
    each_attribute(message, sizeof *body, [&](const nlattr* attribute) {
        if (mnl_attr_get_type(attribute) == INET_DIAG_MD5SIG)
            seen.signed_segments = true;
        else if (mnl_attr_get_type(attribute) == INET_DIAG_INFO)
            seen.arrived = bytes_received(attribute);
        else if (mnl_attr_get_type(attribute) == INET_DIAG_ULP_INFO)
            seen.ulp = ulp_name(attribute);
    });
    return seen;
}

SocketSeen unix_socket(const nlmsghdr* message)
{
    const auto* body = static_cast<const unix_diag_msg*>(mnl_nlmsg_get_payload(message));
    SocketSeen seen;
    seen.inode = body->udiag_ino;
    seen.domain = AF_UNIX;
    seen.type = body->udiag_type;
    seen.state = static_cast<TcpState>(body->udiag_state);
    each_attribute(message, sizeof *body, [&](const nlattr* attribute) {
        switch (mnl_attr_get_type(attribute)) {
        case UNIX_DIAG_NAME: {
            const auto* name = static_cast<const char*>(mnl_attr_get_payload(attribute));
            seen.name.assign(name, mnl_attr_get_payload_len(attribute));
            std::replace(seen.name.begin(), seen.name.end(), '\0', '@');
            if (seen.name.size() > 1 && seen.name.back() == '@')
                seen.name.pop_back(); // The zero behind a path.
            break;
        }
        case UNIX_DIAG_PEER:
            seen.peer_inode = mnl_attr_get_u32(attribute);
            break;
        case UNIX_DIAG_RQLEN:
            seen.received =
                static_cast<const unix_diag_rqlen*>(mnl_attr_get_payload(attribute))->udiag_rqueue;
            break;
        default:
            break;
        }
    });
    return seen;
}

} // namespace

Result<Diag> Diag::open()
{
    Diag diag;
    diag.socket_.reset(mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC));
    if (!diag.socket_ || mnl_socket_bind(diag.socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0)
        return system_error("netlink (sock_diag)");
    return diag;
}

Result<void> Diag::dump(nlmsghdr* request, const Parse& parse)
{
    request->nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(socket_.get(), request, request->nlmsg_len) < 0)
        return system_error("netlink (sock_diag)");
    const auto callback = [](const nlmsghdr* message, void* to) {
        (*static_cast<const Parse*>(to))(message);
        return MNL_CB_OK;
    };
    std::vector<char> buffer(64 * 1024);
    const unsigned port = mnl_socket_get_portid(socket_.get());
    int more = MNL_CB_OK;
    while (more > MNL_CB_STOP) {
        const ssize_t n = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
        if (n < 0)
            return system_error("netlink (sock_diag)");
        more = mnl_cb_run(buffer.data(), static_cast<std::size_t>(n), sequence_, port, callback,
                          const_cast<Parse*>(&parse));
    }
    if (more < 0 && errno != ENOENT) // The kernel knows no such sockets.
        return system_error("netlink (sock_diag)");
    return {};
}

Result<void> Diag::internet(int protocol, StateSet states, const See& see)
{
    for (const std::uint8_t family : {AF_INET, AF_INET6}) {
        alignas(nlmsghdr) std::array<char, request_size> buffer{};
        nlmsghdr* header = nullptr;
        auto* body = begin<inet_diag_req_v2>(buffer, header);
        body->sdiag_family = family;
        body->sdiag_protocol = static_cast<std::uint8_t>(std::min(protocol, 255));
        body->idiag_states = states;
        // With this the kernel also tells of keys and upper layers.
        body->idiag_ext = 1 << (INET_DIAG_INFO - 1);
        if (protocol > 255)
            mnl_attr_put_u32(header, INET_DIAG_REQ_PROTOCOL, static_cast<std::uint32_t>(protocol));
        const auto done =
            dump(header, [&](const nlmsghdr* message) { see(internet_socket(message, protocol)); });
        if (!done)
            return done;
    }
    return {};
}

Result<void> Diag::unix_sockets(const See& see)
{
    alignas(nlmsghdr) std::array<char, request_size> buffer{};
    nlmsghdr* header = nullptr;
    auto* body = begin<unix_diag_req>(buffer, header);
    body->sdiag_family = AF_UNIX;
    body->udiag_states = every_state;
    body->udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN;
    return dump(header, [&](const nlmsghdr* message) { see(unix_socket(message)); });
}

Result<void> Diag::packet_sockets(const See& see)
{
    alignas(nlmsghdr) std::array<char, request_size> buffer{};
    nlmsghdr* header = nullptr;
    auto* body = begin<packet_diag_req>(buffer, header);
    body->sdiag_family = AF_PACKET;
    return dump(header, [&](const nlmsghdr* message) {
        const auto* found = static_cast<const packet_diag_msg*>(mnl_nlmsg_get_payload(message));
        SocketSeen seen;
        seen.inode = found->pdiag_ino;
        seen.domain = AF_PACKET;
        seen.type = found->pdiag_type;
        see(seen);
    });
}

Result<void> Diag::netlink_sockets(const See& see)
{
    alignas(nlmsghdr) std::array<char, request_size> buffer{};
    nlmsghdr* header = nullptr;
    auto* body = begin<netlink_diag_req>(buffer, header);
    body->sdiag_family = AF_NETLINK;
    body->sdiag_protocol = NDIAG_PROTO_ALL;
    return dump(header, [&](const nlmsghdr* message) {
        const auto* found = static_cast<const netlink_diag_msg*>(mnl_nlmsg_get_payload(message));
        SocketSeen seen;
        seen.inode = found->ndiag_ino;
        seen.domain = AF_NETLINK;
        seen.type = found->ndiag_type;
        seen.protocol = found->ndiag_protocol;
        if (seen.inode != 0) // The kernel's own end has none.
            see(seen);
    });
}

} // namespace holdfast::sockets

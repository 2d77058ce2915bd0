// SPDX-License-Identifier: Apache-2.0
//
// sockets/neighbours: see the header.
#include <config.h>

#include "sockets/neighbours.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include "sockets/syscalls.h"

namespace holdfast::sockets {
namespace {

constexpr std::uint16_t usable = NUD_PERMANENT | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;
constexpr std::size_t mac_size = 6;
constexpr std::size_t answer_size = 32768; // The kernel fills no more of a list in one go.

using Socket = std::unique_ptr<mnl_socket, int (*)(mnl_socket*)>;

Result<Socket> open_netlink()
{
    Socket socket{mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC), mnl_socket_close};
    if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0)
        return system_error("a netlink socket");
    return socket;
}

/// A request about neighbours, with room for two addresses.
struct Request {
    explicit Request(std::uint16_t type, int flags)
        : header{mnl_nlmsg_put_header(buffer.data())},
          body{static_cast<ndmsg*>(mnl_nlmsg_put_extra_header(header, sizeof *body))}
    {
        header->nlmsg_type = type;
        header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    }

    alignas(nlmsghdr) std::array<char, 256> buffer{};
    nlmsghdr* header;
    ndmsg* body;
};

/// Sends it and hands each answer over.
Result<void> ask(mnl_socket* socket, const Request& request, mnl_cb_t take, void* data)
{
    std::vector<char> answer(answer_size);
    if (mnl_socket_sendto(socket, request.header, request.header->nlmsg_len) < 0)
        return system_error("neighbours");
    for (int more = MNL_CB_OK; more > MNL_CB_STOP;) {
        const ssize_t n = mnl_socket_recvfrom(socket, answer.data(), answer.size());
        if (n < 0)
            return system_error("neighbours");
        more = mnl_cb_run(answer.data(), static_cast<std::size_t>(n), 0,
                          mnl_socket_get_portid(socket), take, data);
        if (more < 0)
            return system_error("neighbours");
    }
    return {};
}

/// What is collected.
struct Found {
    int device = 0;
    std::vector<Neighbour> all;
};

Neighbour neighbour_of(const nlmsghdr* message)
{
    const auto* body = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(message));
    Neighbour found;
    const auto* attribute =
        static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(message, sizeof *body));
    const char* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(message));
    for (; mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)));
         attribute = mnl_attr_next(attribute)) {
        const auto* value = static_cast<const unsigned char*>(mnl_attr_get_payload(attribute));
        char text[INET6_ADDRSTRLEN] = "";
        if (mnl_attr_get_type(attribute) == NDA_DST)
            found.ip = inet_ntop(body->ndm_family, value, text, sizeof text) ? text : "";
        if (mnl_attr_get_type(attribute) == NDA_LLADDR &&
            mnl_attr_get_payload_len(attribute) == mac_size) {
            std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", value[0], value[1],
                          value[2], value[3], value[4], value[5]);
            found.mac = text;
        }
    }
    return found;
}

int collect(const nlmsghdr* message, void* data)
{
    auto& found = *static_cast<Found*>(data);
    const auto* body = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(message));
    if (!(body->ndm_state & usable) || body->ndm_ifindex != found.device)
        return MNL_CB_OK;
    Neighbour one = neighbour_of(message);
    if (!one.ip.empty() && !one.mac.empty())
        found.all.push_back(std::move(one));
    return MNL_CB_OK;
}

std::optional<std::array<unsigned char, mac_size>> bytes_of(const std::string& mac)
{
    std::array<unsigned char, mac_size> bytes{};
    int end = 0;
    const int n = std::sscanf(mac.c_str(), "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &bytes[0],
                              &bytes[1], &bytes[2], &bytes[3], &bytes[4], &bytes[5], &end);
    if (n != static_cast<int>(mac_size) || static_cast<std::size_t>(end) != mac.size())
        return {};
    return bytes;
}

Result<void> make_one_known(mnl_socket* socket, int device, const Neighbour& neighbour)
{
    Request request{RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK};
    const bool v6 = neighbour.ip.find(':') != std::string::npos;
    std::array<unsigned char, 16> ip{};
    const auto mac = bytes_of(neighbour.mac);
    if (!mac || inet_pton(v6 ? AF_INET6 : AF_INET, neighbour.ip.c_str(), ip.data()) != 1)
        return Error{Errc::invalid, "no neighbour: " + neighbour.ip + " at " + neighbour.mac};
    request.body->ndm_family = v6 ? AF_INET6 : AF_INET;
    request.body->ndm_ifindex = device;
    request.body->ndm_state = NUD_STALE;
    mnl_attr_put(request.header, NDA_DST, v6 ? 16 : 4, ip.data());
    mnl_attr_put(request.header, NDA_LLADDR, mac_size, mac->data());
    return ask(socket, request, nullptr, nullptr);
}

} // namespace

Result<std::vector<Neighbour>> known_neighbours(const std::string& device)
{
    auto socket = open_netlink();
    if (!socket)
        return socket.error();
    Found found{static_cast<int>(if_nametoindex(device.c_str())), {}};
    const Request request{RTM_GETNEIGH, NLM_F_DUMP};
    if (auto asked = ask(socket->get(), request, collect, &found); !asked)
        return asked.error();
    return std::move(found.all);
}

Result<void> make_known(const std::string& device, const std::vector<Neighbour>& neighbours)
{
    auto socket = open_netlink();
    if (!socket)
        return socket.error();
    const int index = static_cast<int>(if_nametoindex(device.c_str()));
    for (const Neighbour& neighbour : neighbours)
        if (auto made = make_one_known(socket->get(), index, neighbour); !made)
            return made;
    return {};
}

} // namespace holdfast::sockets

// SPDX-License-Identifier: Apache-2.0
//
// service/caught: see the header.
#include <config.h>

#include "service/caught.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <sstream>

#include "sockets/save.h"
#include "sockets/wake.h"

namespace holdfast::service {
namespace {

Error refused(const std::string& what)
{
    return {Errc::io, "a socket of the service: " + what + ": " + std::strerror(errno)};
}

Result<int> option(int fd, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof value;
    if (getsockopt(fd, level, name, &value, &size) != 0)
        return refused("getsockopt");
    return value;
}

std::uint8_t state(sockets::TcpState of)
{
    return static_cast<std::uint8_t>(of);
}

bool is_internet(int fd)
{
    const auto domain = option(fd, SOL_SOCKET, SO_DOMAIN);
    return domain && (*domain == AF_INET || *domain == AF_INET6);
}

/// One that its peer or its program has closed meanwhile needs no waking.
Result<void> wake_one(sockets::Space& space, int fd)
{
    const auto ends = sockets::ends_of(fd);
    if (!ends)
        return {};
    const auto asked = sockets::ask(fd);
    return asked ? sockets::wake(space, fd, *ends) : asked;
}

} // namespace

Result<void> tell_kind(Caught& socket)
{
    struct stat file {};
    if (fstat(socket.fd.get(), &file) != 0)
        return refused("fstat");
    socket.inode = file.st_ino;
    const auto type = option(socket.fd.get(), SOL_SOCKET, SO_TYPE);
    if (!type)
        return type.error();
    if (*type != SOCK_STREAM) {
        socket.name = "datagram";
        return {};
    }
    tcp_info info{};
    socklen_t size = sizeof info;
    if (getsockopt(socket.fd.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return refused("TCP_INFO");
    socket.waiting = info.tcpi_state == state(sockets::TcpState::listening)
                         ? info.tcpi_unacked
                         : 0; // Of a listener it is that (tcp_get_info() in the kernel).
    socket.listens = info.tcpi_state == state(sockets::TcpState::listening);
    socket.connected = !socket.listens && info.tcpi_state != state(sockets::TcpState::closed);
    if (socket.name.empty())
        socket.name = socket.listens ? "listen" : socket.connected ? "connection" : "socket";
    return {};
}

Result<std::vector<Caught>> catch_sockets(const std::vector<pid_t>& pids)
{
    auto holders = sockets::holders_of(pids);
    if (!holders)
        return holders.error();
    std::vector<Caught> caught;
    std::set<std::uint64_t> seen;
    for (const auto& [inode, holder] : *holders) {
        if (seen.contains(inode))
            continue;
        auto fd = sockets::take(holder);
        if (!fd && fd.error().code == Errc::not_found)
            continue; // Closed meanwhile; another holder may follow.
        if (!fd)
            return fd.error();
        seen.insert(inode);
        if (!is_internet(fd->get()))
            continue;
        Caught socket;
        socket.fd = std::move(*fd);
        socket.holder = holder;
        if (auto told = tell_kind(socket); !told)
            return told.error();
        caught.push_back(std::move(socket));
    }
    return caught;
}

std::string reuse_list(const std::vector<Caught>& sockets)
{
    std::string list;
    for (const Caught& socket : sockets) {
        const auto reuse = option(socket.fd.get(), SOL_SOCKET, SO_REUSEADDR);
        if (reuse && *reuse)
            list += std::to_string(socket.inode) + "\n";
    }
    return list;
}

Result<void> go_on_all(sockets::Space& space, const std::vector<Caught>& sockets,
                       const std::string& reuse)
{
    std::set<std::uint64_t> reusing;
    std::istringstream words{reuse};
    for (std::uint64_t inode = 0; words >> inode;)
        reusing.insert(inode);
    Result<void> result;
    for (const Caught& socket : sockets) {
        if (!socket.connected)
            continue;
        const auto repaired = option(socket.fd.get(), IPPROTO_TCP, TCP_REPAIR);
        if (repaired && !*repaired) { // Not touched yet, and perhaps in use: only woken.
            if (auto woken = wake_one(space, socket.fd.get()); !woken && result)
                result = woken;
            continue;
        }
        // Read again: what is in its queues has not changed since, as nothing comes or goes.
        auto image = sockets::save(space, socket.fd.get());
        Result<void> done = image ? Result<void>{} : image.error();
        if (image) {
            image->reuse_address = reusing.contains(socket.inode);
            done = sockets::unsave(space, socket.fd.get(), *image);
        }
        if (!done && result)
            result = done;
    }
    return result;
}

} // namespace holdfast::service

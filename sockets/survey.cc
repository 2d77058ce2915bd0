// SPDX-License-Identifier: Apache-2.0
//
// sockets/survey: which sockets a network namespace and its processes have.
#include <config.h>

#include "sockets/survey.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/text.h"
#include "sockets/diag.h"
#include "sockets/syscalls.h"

namespace holdfast::sockets {

namespace {

namespace fs = std::filesystem;

constexpr const char* net_folder = "/proc/thread-self/net/";
constexpr int tcp_ao_info = 40;     // TCP_AO_INFO of linux/tcp.h, Linux 6.7.
constexpr int so_netns_cookie = 71; // SO_NETNS_COOKIE of asm-generic/socket.h, Linux 5.14.

/// Raw and ping sockets, which not every kernel lists by netlink: /proc/net/raw and its like.
void read_proc(const char* file, int domain, int type, int protocol, std::vector<SocketSeen>& found)
{
    std::ifstream in{std::string{net_folder} + file};
    std::string line;
    std::getline(in, line); // Names of the columns.
    while (std::getline(in, line)) {
        std::istringstream words{line};
        std::string word;
        std::string inode;
        for (int i = 0; i < 10 && words >> word; ++i)
            inode = word;
        SocketSeen seen;
        seen.domain = domain;
        seen.type = type;
        seen.protocol = protocol;
        seen.inode = static_cast<std::uint64_t>(parse_number(inode).value_or(0));
        found.push_back(seen);
    }
}

/// Whether urgent data waits that reading would stop at.
bool has_urgent(int fd)
{
    char octet;
    int at_mark = 0;
    // EINVAL says that there is none; EAGAIN that it is announced and not there yet.
    const ssize_t n = recv(fd, &octet, 1, MSG_OOB | MSG_PEEK | MSG_DONTWAIT);
    if (n == 1 || (n < 0 && errno == EAGAIN))
        return true;
    return ioctl(fd, SIOCATMARK, &at_mark) == 0 && at_mark;
}

void look_at_tcp(int fd, SocketSeen& seen)
{
    tcp_info info{};
    if (get_option(fd, IPPROTO_TCP, TCP_INFO, info))
        seen.state = static_cast<TcpState>(info.tcpi_state);
    char ulp[16] = "";
    socklen_t size = sizeof ulp;
    if (getsockopt(fd, IPPROTO_TCP, TCP_ULP, ulp, &size) == 0 && size)
        seen.ulp.assign(ulp, strnlen(ulp, size));
    std::array<char, 64> keys{};
    if (get_option(fd, IPPROTO_TCP, tcp_ao_info, keys))
        seen.signed_segments = true;
    seen.urgent = seen.state != TcpState::listening && has_urgent(fd);
}

void look_at_udp(int fd, SocketSeen& seen)
{
    int cork = 0, encapsulation = 0;
    if (get_option(fd, IPPROTO_UDP, UDP_CORK, cork) && cork)
        seen.corked = true;
    if (get_option(fd, IPPROTO_UDP, UDP_ENCAP, encapsulation) && encapsulation)
        seen.encapsulates = true;
}

/// The inode of "socket:[4711]"; 0 for anything else.
std::uint64_t socket_inode(const std::string& link)
{
    constexpr std::string_view prefix = "socket:[";
    if (!link.starts_with(prefix) || link.back() != ']')
        return 0;
    const auto number =
        parse_number(std::string_view{link}.substr(prefix.size(), link.size() - prefix.size() - 1));
    return static_cast<std::uint64_t>(number.value_or(0));
}

std::string first_line(const fs::path& file)
{
    std::ifstream in{file};
    std::string line;
    std::getline(in, line);
    return line;
}

/// Groups that the kernel itself joins on every device (RFC 4291, 2.7.1 and 2.8; RFC 4286).
bool is_own_group(const in6_addr& group)
{
    static constexpr std::uint8_t solicited[13] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
    if (std::memcmp(&group, solicited, sizeof solicited) == 0)
        return true;
    for (const char* name : {"ff01::1", "ff02::1", "ff01::2", "ff02::2", "ff05::2", "ff02::6a"}) {
        in6_addr own{};
        inet_pton(AF_INET6, name, &own);
        if (std::memcmp(&group, &own, sizeof own) == 0)
            return true;
    }
    return false;
}

void read_groups4(std::vector<std::string>& groups)
{
    std::ifstream in{std::string{net_folder} + "igmp"};
    std::string line, device;
    std::getline(in, line);
    while (std::getline(in, line)) {
        std::istringstream words{line};
        std::string first, second;
        words >> first >> second;
        if (line[0] != '\t') { // "2 eth0 : 1 V3", then its groups.
            device = second;
            continue;
        }
        in_addr group{static_cast<in_addr_t>(std::stoul(first, nullptr, 16))};
        char name[INET_ADDRSTRLEN];
        if (group.s_addr != htonl(INADDR_ALLHOSTS_GROUP) &&
            inet_ntop(AF_INET, &group, name, sizeof name))
            groups.push_back(std::string{name} + " on " + device);
    }
}

void read_groups6(std::vector<std::string>& groups)
{
    std::ifstream in{std::string{net_folder} + "igmp6"};
    std::string index, device, hex, rest;
    while (in >> index >> device >> hex && std::getline(in, rest)) {
        in6_addr group{};
        for (std::size_t i = 0; i < 16 && hex.size() == 32; ++i)
            group.s6_addr[i] =
                static_cast<std::uint8_t>(std::stoul(hex.substr(2 * i, 2), nullptr, 16));
        char name[INET6_ADDRSTRLEN];
        if (!is_own_group(group) && inet_ntop(AF_INET6, &group, name, sizeof name))
            groups.push_back(std::string{name} + " on " + device);
    }
}

/// The number that the kernel gives the namespace of a socket.
Result<std::uint64_t> namespace_of(int fd)
{
    std::uint64_t cookie = 0;
    if (!get_option(fd, SOL_SOCKET, so_netns_cookie, cookie))
        return system_error("SO_NETNS_COOKIE");
    return cookie;
}

/// What can be told of a socket from a descriptor alone.
Result<void> look(int fd, std::uint64_t own_namespace, SocketSeen& seen)
{
    if (!get_option(fd, SOL_SOCKET, SO_DOMAIN, seen.domain) ||
        !get_option(fd, SOL_SOCKET, SO_TYPE, seen.type) ||
        !get_option(fd, SOL_SOCKET, SO_PROTOCOL, seen.protocol))
        return system_error("descriptor " + std::to_string(fd) + " is no socket");
    if (seen.domain != AF_INET && seen.domain != AF_INET6)
        return {};
    const auto its_namespace = namespace_of(fd);
    if (!its_namespace)
        return its_namespace.error();
    seen.foreign = *its_namespace != own_namespace;
    socklen_t n_instructions = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, nullptr, &n_instructions) && errno == EACCES)
        seen.unreadable_filter = true;
    if (seen.protocol == IPPROTO_TCP)
        look_at_tcp(fd, seen);
    if (seen.protocol == IPPROTO_UDP)
        look_at_udp(fd, seen);
    return {};
}

/// All that the kernel lists.
Result<std::vector<SocketSeen>> read_lists()
{
    auto diag = Diag::open();
    if (!diag)
        return diag.error();
    std::vector<SocketSeen> found;
    const auto add = [&](const SocketSeen& seen) { found.push_back(seen); };
    for (const int protocol :
         {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_MPTCP, IPPROTO_SCTP, IPPROTO_DCCP})
        if (const auto done = diag->internet(protocol, every_state, add); !done)
            return done.error();
    if (const auto done = diag->unix_sockets(add); !done)
        return done.error();
    if (const auto done = diag->packet_sockets(add); !done)
        return done.error();
    if (const auto done = diag->netlink_sockets(add); !done)
        return done.error();
    read_proc("raw", AF_INET, SOCK_RAW, IPPROTO_RAW, found);
    read_proc("raw6", AF_INET6, SOCK_RAW, IPPROTO_RAW, found);
    read_proc("icmp", AF_INET, SOCK_DGRAM, IPPROTO_ICMP, found);
    read_proc("icmp6", AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, found);
    return found;
}

} // namespace

Result<Holders> holders_of(std::span<const pid_t> pids)
{
    Holders holders;
    for (const pid_t pid : pids) {
        const fs::path process = fs::path{"/proc"} / std::to_string(pid);
        const std::string program = first_line(process / "comm");
        std::error_code failed;
        for (fs::directory_iterator fd{process / "fd", failed}, end; !failed && fd != end;
             fd.increment(failed)) {
            std::error_code gone; // Descriptors come and go while we look.
            const std::uint64_t inode = socket_inode(fs::read_symlink(fd->path(), gone).native());
            const auto number = parse_number(fd->path().filename().native());
            if (inode && number)
                holders.insert({inode, {pid, static_cast<int>(*number), program}});
        }
        if (failed && failed != std::errc::no_such_file_or_directory &&
            failed != std::errc::no_such_process)
            return Error{Errc::io, "process " + std::to_string(pid) +
                                       " cannot be looked at: " + failed.message()};
    }
    return holders;
}

Result<std::vector<SocketSeen>> survey(const Holders& holders)
{
    auto found = read_lists();
    if (!found)
        return found;
    const Descriptor here{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (!here)
        return system_error("a socket");
    const auto own_namespace = namespace_of(here.get());
    if (!own_namespace)
        return own_namespace.error();
    std::map<std::uint64_t, std::size_t> listed;
    for (std::size_t i = 0; i < found->size(); ++i)
        listed.insert({(*found)[i].inode, i});
    for (auto holder = holders.begin(); holder != holders.end();
         holder = holders.upper_bound(holder->first)) {
        const auto fd = take(holder->second);
        if (!fd && fd.error().code == Errc::not_found)
            continue; // Closed since.
        if (!fd)
            return fd.error();
        const auto [place, added] = listed.insert({holder->first, found->size()});
        if (added)
            found->emplace_back().inode = holder->first;
        if (const auto done = look(fd->get(), *own_namespace, (*found)[place->second]); !done)
            return done.error();
    }
    return found;
}

Result<Descriptor> take(const Holder& holder)
{
    const std::string name = "process " + std::to_string(holder.pid) + " (" + holder.program +
                             "), descriptor " + std::to_string(holder.fd);
    const Descriptor process{static_cast<int>(syscall(SYS_pidfd_open, holder.pid, 0))};
    Descriptor fd;
    if (process)
        fd.reset(static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), holder.fd, 0)));
    if (fd)
        return fd;
    const bool gone = errno == ESRCH || errno == EBADF;
    return Error{gone ? Errc::not_found : Errc::io, system_error(name).message};
}

Result<std::vector<std::string>> multicast_groups()
{
    std::vector<std::string> groups;
    read_groups4(groups);
    read_groups6(groups);
    return groups;
}

} // namespace holdfast::sockets

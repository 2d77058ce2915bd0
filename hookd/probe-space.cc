// SPDX-License-Identifier: Apache-2.0
//
// hookd/probe-space: see probe-space.h.
#include <config.h>

#include "hookd/probe-space.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <thread>

#include "common/probe.h"
#include "hookd/tool.h"

namespace holdfast::hookd {
namespace {

constexpr std::chrono::seconds tool_limit{5};
constexpr std::chrono::seconds switch_limit{15}; // ovs-vsctl itself waits for 10 s.

std::string space_path()
{
    return std::string{"/run/netns/"} + probe_space;
}

Error system_error(const std::string& what)
{
    return {Errc::io, what + ": " + std::strerror(errno)};
}

/// Does `work` inside the namespace.  On a thread of its own, which ends in it: so none that does
/// other work is ever there.
Result<int> in_space(const std::function<Result<int>()>& work)
{
    Result<int> result{0};
    std::thread{[&] {
        const int space = open(space_path().c_str(), O_RDONLY | O_CLOEXEC);
        if (space < 0) {
            result = system_error(space_path());
            return;
        }
        result = setns(space, CLONE_NEWNET) == 0 ? work() : system_error("setns");
        close(space);
    }}.join();
    return result;
}

bool put(const std::string& path, const char* text)
{
    const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    const bool done = file >= 0 && write(file, text, 1) == 1;
    const int error = errno;
    if (file >= 0)
        close(file);
    errno = error;
    return done;
}

/// The port says nothing by itself, as far as the kernel lets it: all hypervisors' have one MAC
/// address.  Where IPv6 is switched off these files are not there.
Result<int> tune_port_v6()
{
    for (const auto& [what, value] :
         {std::pair{"disable_ipv6", "0"}, std::pair{"addr_gen_mode", "1"},
          std::pair{"accept_ra", "0"}, std::pair{"router_solicitations", "0"},
          std::pair{"accept_dad", "0"}})
        if (const auto path = std::string{"/proc/sys/net/ipv6/conf/"} + probe_port + "/" + what;
            !put(path, value))
            return system_error(path);
    return 0;
}

/// An answer's source is the VIP, to which there is no way without a mark.
Result<int> tune_port()
{
    for (const std::string where : {"all", probe_port})
        if (const auto path = "/proc/sys/net/ipv4/conf/" + where + "/rp_filter"; !put(path, "0"))
            return system_error(path);
    return 0;
}

Result<void> run_all(const std::vector<Command>& commands)
{
    for (const Command& command : commands)
        if (auto done = run_tool(command, tool_limit); !done)
            return done.error();
    return {};
}

/// Whether the switch's port is not in the namespace yet.
bool port_is_new()
{
    return static_cast<bool>(run_tool({"ip", "link", "show", probe_port}, tool_limit));
}

} // namespace

Result<std::string> set_up_probe_space(const std::string& bridge, const std::string& ovs_db)
{
    if (access(space_path().c_str(), F_OK) != 0)
        if (auto made = run_tool({"ip", "netns", "add", probe_space}, tool_limit); !made)
            return made.error();
    if (auto made = run_tool(make_port(bridge, ovs_db), switch_limit); !made)
        return made.error();
    if (port_is_new()) {
        // That of a switch before this one stays there, and nobody is behind it.
        run_tool({"ip", "-n", probe_space, "link", "del", probe_port}, tool_limit);
        if (auto moved = run_tool(move_port(), tool_limit); !moved)
            return moved.error();
    }
    // First what IPv6 says by itself when the port comes up.
    const auto tuned_v6 = in_space(tune_port_v6);
    if (auto tuned = in_space(tune_port); !tuned)
        return tuned.error();
    if (auto done = run_all(set_up_port(false)); !done)
        return done.error();
    if (!tuned_v6)
        return tuned_v6.error().message;
    if (auto done = run_all(set_up_port(true)); !done) // It has IPv6, and this is tried again.
        return done.error();
    return std::string{};
}

Result<void> change_routes(const ProbeRoutes::Change& change)
{
    for (const ProbeRoute& route : change.remove)
        for (const Command& command : remove_route(route))
            run_tool(command, tool_limit);
    for (const ProbeRoute& route : change.add)
        if (auto done = run_all(add_route(route)); !done)
            return done;
    return {};
}

Result<int> open_probe_socket(int mark, bool v6)
{
    return in_space([mark, v6]() -> Result<int> {
        const int fd =
            socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
            return system_error("socket");
        if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0)
            return fd;
        const auto error = system_error("SO_MARK");
        close(fd);
        return error;
    });
}

Result<std::string> run_probe_program(const ProbeTarget& target)
{
    const auto commands = run_check(target);
    if (auto led = run_tool(commands[0], tool_limit); !led)
        return led;
    return run_tool(commands[1], std::chrono::milliseconds{target.balancer.timeout_ms});
}

} // namespace holdfast::hookd

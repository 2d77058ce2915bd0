// SPDX-License-Identifier: Apache-2.0
//
// handoff/plain: see plain.h.
#include <config.h>

#include "handoff/plain.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace holdfast::handoff {
namespace {

constexpr int first = 3; // Where the convention begins.

constexpr std::array<std::string_view, 3> ours{"LISTEN_FDS=", "LISTEN_PID=", "LISTEN_FDNAMES="};

Error failed(const std::string& what)
{
    return {Errc::io, what + ": " + std::strerror(errno)};
}

/// Puts the sockets to 3, 4 and so on, and closes all beyond.  By way of copies above: the
/// sockets can have those numbers already, in another order.
Result<void> lay_out(std::span<const Socket> sockets)
{
    const int end = first + static_cast<int>(sockets.size());
    std::vector<int> copies;
    for (const Socket& socket : sockets) {
        copies.push_back(::fcntl(socket.fd.get(), F_DUPFD_CLOEXEC, end));
        if (copies.back() < 0)
            return failed("socket \"" + socket.name + "\" cannot be handed on (RLIMIT_NOFILE?)");
    }
    for (int i = 0; i < static_cast<int>(copies.size()); ++i) {
        if (::dup2(copies[i], first + i) < 0)
            return failed("descriptor " + std::to_string(first + i) + " cannot be made");
    }
    if (::close_range(static_cast<unsigned>(end), ~0u, 0))
        return failed("descriptors that are not handed on cannot be closed");
    return {};
}

std::vector<char*> pointers(std::vector<std::string>& words)
{
    std::vector<char*> result;
    for (std::string& word : words)
        result.push_back(word.data());
    result.push_back(nullptr);
    return result;
}

} // namespace

std::vector<std::string> plain_environment(std::span<const std::string> environment,
                                           std::span<const Socket> sockets, pid_t pid)
{
    std::vector<std::string> result;
    for (const std::string& entry : environment) {
        bool is_ours = false;
        for (std::string_view name : ours)
            is_ours = is_ours || entry.starts_with(name);
        if (!is_ours)
            result.push_back(entry);
    }
    if (sockets.empty())
        return result;
    std::string names;
    for (const Socket& socket : sockets)
        names += (names.empty() ? "" : ":") + socket.name;
    result.push_back("LISTEN_FDS=" + std::to_string(sockets.size()));
    result.push_back("LISTEN_PID=" + std::to_string(pid));
    result.push_back("LISTEN_FDNAMES=" + names);
    return result;
}

Error plain_exec(std::span<const std::string> words, std::span<const std::string> environment,
                 std::span<const Socket> sockets)
{
    std::vector<std::string> variables = plain_environment(environment, sockets, ::getpid());
    std::vector<std::string> arguments{words.begin(), words.end()};
    if (arguments.empty())
        return {Errc::invalid, "there is no command to run"};
    if (auto laid_out = lay_out(sockets); !laid_out)
        return laid_out.error();
    ::execvpe(arguments[0].c_str(), pointers(arguments).data(), pointers(variables).data());
    return failed(arguments[0] + " cannot be run");
}

} // namespace holdfast::handoff

// SPDX-License-Identifier: Apache-2.0
//
// agent-try: an agent without a network, for tests of the handoff on one machine.
//
//     agent-try HOME TARGET     listens at these two paths; does what the lines on standard input
//     say
//
//     hello | target-hello      waits for the service, and says who it is
//     give | keep               with the service at HOME
//     take | go | drop          with the one at TARGET
//     leave | target-leave      ends the connection
//     fetch PID                 instead of give: takes all TCP sockets out of process PID
//     start LOG COMMAND...      starts a program with them by the plain convention
//
// Each line is answered by one: what was done, or "error: ..." .
#include <config.h>

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <optional>
#include <sstream>

#include "handoff/agent.h"
#include "handoff/plain.h"

using namespace holdfast;
using namespace holdfast::handoff;

namespace {

/// One service, and the way to it.
struct Side {
    Listener listener;
    std::optional<Service> service;
};

Deadline soon()
{
    return std::chrono::steady_clock::now() + std::chrono::seconds{5};
}

std::string counted(const std::vector<Socket>& sockets)
{
    std::size_t n_state = 0;
    for (const Socket& socket : sockets)
        n_state += socket.state.size();
    return std::to_string(sockets.size()) + " sockets, " + std::to_string(n_state) +
           " bytes of state";
}

Result<std::string> hello(Side& side)
{
    if (!side.service) {
        auto service = side.listener.accept(soon());
        if (!service)
            return service.error();
        side.service.emplace(std::move(*service));
    }
    const Hello& who = side.service->hello();
    return who.program + (who.gives ? " gives" : "") + (who.takes ? " takes" : "") +
           (who.stopped ? " stands" : "") + (who.agreed ? " agreed" : "");
}

/// Whether it is a TCP socket; which of the two kinds.
std::optional<std::string> tcp_name(int fd)
{
    int protocol = 0, listens = 0;
    socklen_t size = sizeof protocol;
    if (::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) || protocol != IPPROTO_TCP ||
        ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size))
        return std::nullopt;
    return listens ? "listen" : "connection";
}

Result<std::vector<Socket>> fetch(pid_t pid)
{
    const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
    Descriptor process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    std::error_code code;
    std::vector<int> numbers;
    for (const auto& entry : std::filesystem::directory_iterator{folder, code})
        numbers.push_back(std::stoi(entry.path().filename()));
    if (!process || code)
        return Error{Errc::io, folder + " cannot be read"};
    std::sort(numbers.begin(), numbers.end());
    std::vector<Socket> sockets;
    for (int number : numbers) {
        Descriptor fd{static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), number, 0))};
        if (auto name = fd ? tcp_name(fd.get()) : std::nullopt)
            sockets.push_back({*name, {}, std::move(fd)});
    }
    return sockets;
}

Result<std::string> start(std::istream& words_left, const std::vector<Socket>& sockets)
{
    std::vector<std::string> words{std::istream_iterator<std::string>{words_left}, {}};
    std::vector<std::string> environment;
    for (char** at = environ; *at; ++at)
        environment.emplace_back(*at);
    const std::string log = words.at(0);
    words.erase(words.begin());
    pid_t child = ::fork();
    if (child == 0) {
        int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
        ::dup2(out, 1);
        ::dup2(out, 2);
        std::cerr << plain_exec(words, environment, sockets).message << std::endl;
        ::_exit(1);
    }
    return std::to_string(child);
}

Result<std::string> done(const Result<void>& result, const char* what)
{
    if (!result)
        return result.error();
    return std::string{what};
}

Result<std::string> obey(const std::string& line, Side& home, Side& target,
                         std::vector<Socket>& sockets)
{
    std::istringstream words{line};
    std::string verb;
    words >> verb;
    if (verb == "hello" || verb == "target-hello")
        return hello(verb == "hello" ? home : target);
    if (verb == "leave" || verb == "target-leave") {
        (verb == "leave" ? home : target).service.reset();
        return std::string{"left"};
    }
    if (verb == "fetch") {
        pid_t pid = 0;
        words >> pid;
        auto fetched = fetch(pid);
        if (!fetched)
            return fetched.error();
        sockets = std::move(*fetched);
        return counted(sockets);
    }
    if (verb == "start")
        return start(words, sockets);
    if (verb == "give") {
        auto given = home.service->give(soon());
        if (!given)
            return given.error();
        sockets = std::move(*given);
        return counted(sockets);
    }
    if (verb == "keep") {
        sockets.clear();
        return done(home.service->keep(soon()), "kept");
    }
    if (verb == "take")
        return done(target.service->take(sockets, soon()), "taken");
    if (verb == "go") {
        sockets.clear();
        return done(target.service->go(soon()), "went");
    }
    if (verb == "drop")
        return done(target.service->drop(soon()), "dropped");
    return Error{Errc::invalid, "what is " + verb + "?"};
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 3)
        return 2;
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    auto at_home = Listener::listen(argv[1], ::getuid());
    auto at_target = Listener::listen(argv[2], ::getuid());
    if (!at_home || !at_target) {
        std::cerr << (at_home ? at_target : at_home).error().message << "\n";
        return 1;
    }
    Side home{std::move(*at_home), {}}, target{std::move(*at_target), {}};
    std::vector<Socket> sockets;
    std::cout << "listening" << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
        auto said = obey(line, home, target, sockets);
        std::cout << (said ? *said : "error: " + said.error().message) << std::endl;
    }
    return 0;
}

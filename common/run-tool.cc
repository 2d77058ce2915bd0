// SPDX-License-Identifier: Apache-2.0
//
// common/run-tool: see run-tool.h.
#include <config.h>

#include "common/run-tool.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/text.h"

extern char** environ;

namespace holdfast {
namespace {

using Clock = std::chrono::steady_clock;

/// Starts the program with both outputs into `pipe`; 0 or an errno.
int spawn(const std::vector<std::string>& command, int pipe, pid_t& pid)
{
    std::vector<char*> argv;
    for (const std::string& word : command)
        argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, pipe, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pipe, STDERR_FILENO);
    int error = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/// Reads until the other end closes; false if `deadline` came first.
bool read_all(int fd, Clock::time_point deadline, std::string& text)
{
    std::array<char, 4096> buffer;
    for (;;) {
        auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        pollfd ready{fd, POLLIN, 0};
        int n = left.count() > 0 ? poll(&ready, 1, static_cast<int>(left.count())) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        ssize_t size = read(fd, buffer.data(), buffer.size());
        if (size == 0)
            return true;
        if (size > 0)
            text.append(buffer.data(), static_cast<std::size_t>(size));
        else if (errno != EINTR)
            return true;
    }
}

std::string last_line(const std::string& text)
{
    std::string_view rest = trimmed(text);
    std::size_t newline = rest.rfind('\n');
    return one_line(newline == std::string_view::npos ? rest : rest.substr(newline + 1));
}

} // namespace

Result<std::string> run_tool(const std::vector<std::string>& command,
                             std::chrono::milliseconds limit)
{
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return Error{Errc::io, command[0] + ": " + std::strerror(errno)};
    pid_t pid = 0;
    int error = spawn(command, ends[1], pid);
    close(ends[1]);
    if (error) {
        close(ends[0]);
        return Error{Errc::io, command[0] + " cannot be run: " + std::strerror(error)};
    }
    std::string text;
    bool ended = read_all(ends[0], Clock::now() + limit, text);
    close(ends[0]);
    if (!ended)
        kill(pid, SIGKILL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!ended) {
        return Error{Errc::unavailable, command[0] + " took longer than " +
                                            std::to_string(limit.count()) + " ms and was ended"};
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return Error{Errc::io, command[0] + ": " + last_line(text)};
    return text;
}

} // namespace holdfast

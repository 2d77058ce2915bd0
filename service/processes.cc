// SPDX-License-Identifier: Apache-2.0
//
// service/processes: see the header.
#include <config.h>

#include "service/processes.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "service/folder.h"

namespace holdfast::service {
namespace {

constexpr std::chrono::seconds longest_stop{5};

/// The number of the namespace that a file is; none if it is not there.
std::optional<ino_t> space_at(const std::string& path)
{
    struct stat file {};
    if (stat(path.c_str(), &file) != 0)
        return std::nullopt;
    return file.st_ino;
}

/// That of a process; `kind`: pid or net.
std::optional<ino_t> space_of(pid_t pid, const char* kind)
{
    return space_at("/proc/" + std::to_string(pid) + "/ns/" + kind);
}

/// The processes in this namespace.
Result<std::vector<pid_t>> processes_in(ino_t space, const char* kind)
{
    std::unique_ptr<DIR, int (*)(DIR*)> proc{opendir("/proc"), closedir};
    if (!proc)
        return Error{Errc::io, std::string{"/proc: "} + std::strerror(errno)};
    std::vector<pid_t> pids;
    while (const dirent* entry = readdir(proc.get())) {
        const pid_t pid = std::atoi(entry->d_name);
        if (pid > 0 && space_of(pid, kind) == space)
            pids.push_back(pid);
    }
    return pids;
}

/// The letter of proc(5), e.g. 'R', 'S', 'T', 'Z'; 'X' if it has ended.
char state_of(pid_t pid)
{
    std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
    std::string line;
    std::getline(file, line);
    const auto end = line.rfind(')'); // A program's name may have blanks and brackets.
    return end == std::string::npos || end + 2 >= line.size() ? 'X' : line[end + 2];
}

/// Whether nothing of it runs: it stands still, or will never run again.
bool is_still(char state)
{
    return std::strchr("TtZX", state) != nullptr;
}

void pause_a_moment()
{
    poll(nullptr, 0, 1);
}

} // namespace

Result<std::vector<pid_t>> processes_of(pid_t init)
{
    const auto space = space_of(init, "pid");
    if (!space)
        return Error{Errc::not_found, "the service's first process has ended"};
    auto pids = processes_in(*space, "pid");
    if (pids)
        std::erase(*pids, init);
    return pids;
}

std::optional<int> inner_number(pid_t pid)
{
    std::ifstream file{"/proc/" + std::to_string(pid) + "/status"};
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("NSpid:"))
            continue;
        const auto last = line.find_last_of("\t ");
        return std::atoi(line.c_str() + last + 1);
    }
    return std::nullopt;
}

Result<Stopped> stop(pid_t init, bool again)
{
    Stopped stopped;
    const auto until = std::chrono::steady_clock::now() + longest_stop;
    for (;;) {
        auto pids = processes_of(init);
        if (!pids) {
            let_go(stopped);
            return pids.error();
        }
        bool all = true;
        for (const pid_t pid : *pids) {
            const char state = state_of(pid);
            const bool known = stopped.ours.contains(pid) || stopped.others.contains(pid);
            if (!known && is_still(state)) {
                stopped.others.insert(pid);
                if (again && state == 'T') {
                    kill(pid, SIGCONT);
                    kill(pid, SIGSTOP);
                    all = false;
                }
            } else if (!known) {
                kill(pid, SIGSTOP);
                stopped.ours.insert(pid);
                all = false; // It may have made another just before.
            } else if (!is_still(state)) {
                all = false;
            }
        }
        if (all)
            return stopped;
        if (std::chrono::steady_clock::now() > until) {
            let_go(stopped);
            return Error{Errc::unavailable, "a process of the service does not stop within 5 s: it "
                                            "waits for a device or a file system"};
        }
        pause_a_moment();
    }
}

Result<void> let_all_go(pid_t init, const std::set<int>& but)
{
    auto pids = processes_of(init);
    if (!pids)
        return pids.error();
    for (const pid_t pid : *pids) {
        const auto inner = inner_number(pid);
        if (inner && !but.contains(*inner))
            kill(pid, SIGCONT);
    }
    kill(init, SIGCONT);
    return {};
}

void let_go(const Stopped& stopped)
{
    for (const pid_t pid : stopped.ours)
        kill(pid, SIGCONT);
}

Result<void> end_all_in(const std::string& net)
{
    const auto space = space_at(net);
    if (!space || space == space_at("/proc/self/ns/net"))
        return {}; // Without a namespace of its own there is nobody in it.
    for (;;) {
        auto pids = processes_in(*space, "net");
        if (!pids)
            return pids.error();
        if (pids->empty())
            return {};
        for (const pid_t pid : *pids)
            if (const auto process = process_of(pid); process && space_of(pid, "net") == *space)
                end(*process);
    }
}

} // namespace holdfast::service

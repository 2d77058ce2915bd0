// SPDX-License-Identifier: Apache-2.0
//
// env/inside: see inside.h.
#include <config.h>

#include "env/inside.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "common/text.h"
#include "env/container-text.h"
#include "env/groups.h"
#include "env/lxc.h"
#include "service/descriptor.h"

namespace holdfast::env {
namespace {

using service::system_error;

/// The container's kinds of namespaces, the one of files last.
constexpr std::array kinds{"ipc", "uts", "net", "pid", "mnt"};

/// Errors: not_found if the container has just ended.
Result<void> enter(pid_t first)
{
    std::array<Descriptor, kinds.size()> spaces;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        const auto path = "/proc/" + std::to_string(first) + "/ns/" + kinds[i];
        spaces[i].reset(open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!spaces[i])
            return Error{Errc::not_found, "the container has just ended"};
    }
    for (const Descriptor& space : spaces)
        if (setns(space.get(), 0) != 0)
            return system_error("entering the container");
    return {};
}

/// In the child: becomes the user, and the command.  Errors go to `tell`.
void become(const RunOrder& order, const Streams& streams, int tell)
{
    const auto fail = [tell](const std::string& why) {
        _exit(write(tell, why.data(), why.size()) < 0 ? 126 : 127);
    };
    const passwd* account = getpwnam(order.user.c_str());
    if (!account)
        fail("the container does not know " + order.user);
    if (setsid() < 0 || setgroups(1, &account->pw_gid) != 0 || setgid(account->pw_gid) != 0 ||
        setuid(account->pw_uid) != 0 || chdir(account->pw_dir) != 0)
        fail(std::string{"becoming "} + order.user + ": " + std::strerror(errno));
    clearenv();
    for (const auto& [name, value] :
         {std::pair{"HOME", account->pw_dir}, std::pair{"USER", account->pw_name},
          std::pair{"LOGNAME", account->pw_name}, std::pair{"SHELL", account->pw_shell}})
        setenv(name, value, 1);
    setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
    if (dup2(streams.in, 0) < 0 || dup2(streams.out, 1) < 0 || dup2(streams.error, 2) < 0)
        fail(std::string{"its streams: "} + std::strerror(errno));
    // None of ours goes along: a connection to home is of the hypervisor's own network.
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        fail(std::string{"closing what is not its own: "} + std::strerror(errno));
    signal(SIGPIPE, SIG_DFL); // Ignored here, and so it would be for good.
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    std::vector<char*> words;
    for (const std::string& word : order.command)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    execvp(words[0], words.data());
    fail("command " + one_line(order.command[0], 80) + ": " + std::strerror(errno));
}

/// Errors: io.
Result<void> join_groups(pid_t first)
{
    const auto groups = service::read_text("/proc/" + std::to_string(first) + "/cgroup");
    for (const std::string& folder :
         group_folders(groups, service::read_text("/proc/self/mountinfo"))) {
        std::ofstream file{folder + "/cgroup.procs"};
        file << getpid() << std::flush;
        if (!file)
            return Error{Errc::io, folder + ": the container's control group cannot be entered"};
    }
    return {};
}

/// The container's first process, once this one is in its control groups.
Result<pid_t> join(const std::string& user)
{
    auto connection = connect_lxc();
    if (!connection)
        return connection.error();
    const Domain domain{virDomainLookupByName(connection->get(), domain_name(user).c_str())};
    const pid_t first = domain ? first_process(domain.get()) : 0;
    if (first <= 0)
        return Error{Errc::not_found, "user " + one_line(user, 60) +
                                          " has no container there: see 'holdfast env show'"};
    if (auto joined = join_groups(first); !joined)
        return joined.error();
    return first;
}

} // namespace

Result<Inside> start_inside(const RunOrder& order, const Streams& streams)
{
    auto first = join(order.user);
    if (!first)
        return first.error();
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return system_error("pipe");
    const Descriptor heard{ends[0]};
    Descriptor tell{ends[1]};
    if (auto entered = enter(*first); !entered)
        return entered.error();
    const pid_t pid = fork();
    if (pid == 0)
        become(order, streams, tell.get());
    tell.reset(-1);
    if (pid < 0)
        return system_error("fork");
    if (const auto why = service::read_all(heard.get()); !why.empty()) {
        waitpid(pid, nullptr, 0);
        return Error{Errc::not_found, why};
    }
    return Inside{pid, Descriptor{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))}};
}

int status_of(const Inside& inside)
{
    int status = 0;
    while (waitpid(inside.pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

} // namespace holdfast::env

// SPDX-License-Identifier: Apache-2.0
//
// service/spawn: see spawn.h.
#include <config.h>

#include "service/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <map>
#include <optional>
#include <vector>

#include "service/mounts.h"

namespace holdfast::service {
namespace {

constexpr int first_passed = 3; // SD_LISTEN_FDS_START
constexpr const char* path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Whose rights the command has.
struct Account {
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> groups;
    std::vector<std::string> environment;
};

Result<Account> account_of(const std::string& name)
{
    std::array<char, 16384> buffer;
    passwd entry{};
    passwd* found = nullptr;
    if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found)
        return Error{Errc::not_found, "there is no user " + name + " on this hypervisor"};
    Account account{entry.pw_uid, entry.pw_gid, {}, {}};
    int n = 64;
    account.groups.resize(64);
    if (getgrouplist(name.c_str(), entry.pw_gid, account.groups.data(), &n) < 0) {
        account.groups.resize(static_cast<std::size_t>(n));
        getgrouplist(name.c_str(), entry.pw_gid, account.groups.data(), &n);
    }
    account.groups.resize(static_cast<std::size_t>(n));
    account.environment = {path, "USER=" + name, "LOGNAME=" + name,
                           std::string{"HOME="} + entry.pw_dir,
                           std::string{"SHELL="} + entry.pw_shell};
    return account;
}

/// All that the new processes need, made before there are any.
struct Start {
    const Definition& definition;
    const Folder& folder;
    std::span<const Passed> sockets;
    Account account;
    Descriptor net;
    Descriptor log;
    Descriptor nothing; // /dev/null
    bool held;
};

Result<Start> prepare(const Definition& definition, const Folder& folder,
                      std::span<const Passed> sockets, bool held)
{
    auto account = account_of(definition.user);
    if (!account)
        return account.error();
    Start start{definition, folder, sockets, std::move(*account), {}, {}, {}, held};
    start.net = Descriptor{open(folder.file("net").c_str(), O_RDONLY | O_CLOEXEC)};
    if (!start.net)
        return system_error(folder.file("net"));
    start.log = Descriptor{
        open(folder.file("log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    if (!start.log)
        return system_error(folder.file("log"));
    start.nothing = Descriptor{open("/dev/null", O_RDWR | O_CLOEXEC)};
    return start;
}

/// Says through `tell` why nothing starts, and ends.
[[noreturn]] void fail(int tell, const std::string& what)
{
    const auto text = what + ": " + std::strerror(errno);
    const bool told = write(tell, text.data(), text.size()) > 0;
    _exit(told ? 1 : 2);
}

void unblock_signals()
{
    for (int signal = 1; signal < NSIG; ++signal)
        ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

std::vector<char*> pointers(std::vector<std::string>& words)
{
    std::vector<char*> all;
    for (auto& word : words)
        all.push_back(word.data());
    all.push_back(nullptr);
    return all;
}

/// The account's, the definition's over it, and the sockets'.
std::vector<std::string> environment_of(const Start& start)
{
    std::map<std::string, std::string> values;
    auto put = [&](const std::string& pair) { values[pair.substr(0, pair.find('='))] = pair; };
    for (const auto& pair : start.account.environment)
        put(pair);
    for (const auto& pair : start.definition.environment)
        put(pair);
    if (!start.sockets.empty()) {
        std::string names;
        for (const auto& one : start.sockets)
            names += (names.empty() ? "" : ":") + one.name;
        put("LISTEN_FDS=" + std::to_string(start.sockets.size()));
        put("LISTEN_FDNAMES=" + names);
        put("LISTEN_PID=" + std::to_string(getpid()));
    }
    std::vector<std::string> all;
    for (auto& [name, pair] : values)
        all.push_back(std::move(pair));
    return all;
}

/// Puts the descriptors into their places; above all of them first, so that none is overwritten.
void place_descriptors(const Start& start, int& tell)
{
    const int n = first_passed + static_cast<int>(start.sockets.size());
    const int old = tell;
    const auto high = [&](int descriptor) {
        const int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, n + 1);
        if (copy < 0)
            fail(old, "descriptors for " + std::to_string(start.sockets.size()) + " sockets");
        return copy;
    };
    std::vector<int> above;
    for (const auto& one : start.sockets)
        above.push_back(high(one.descriptor));
    tell = high(old);
    close(old);
    const auto place = [&](int from, int to) {
        if (dup2(from, to) < 0)
            fail(tell, "descriptor " + std::to_string(to));
    };
    place(start.nothing.get(), STDIN_FILENO);
    place(start.log.get(), STDOUT_FILENO);
    place(start.log.get(), STDERR_FILENO);
    for (std::size_t i = 0; i < above.size(); ++i)
        place(above[i], first_passed + static_cast<int>(i));
    close_range(static_cast<unsigned>(n), ~0U, CLOSE_RANGE_CLOEXEC);
}

/// RLIMIT_NOFILE before raise_file_limit().
std::optional<rlimit> files_before;

/// The command's process.
[[noreturn]] void run_command(const Start& start, int tell)
{
    unblock_signals();
    setsid();
    umask(022);
    setpriority(PRIO_PROCESS, 0, 0); // hookd, which started us, is before others.
    place_descriptors(start, tell);
    if (files_before)
        setrlimit(RLIMIT_NOFILE, &*files_before);
    const auto& account = start.account;
    if (setgroups(account.groups.size(), account.groups.data()) != 0 ||
        setgid(account.group) != 0 || setuid(account.user) != 0)
        fail(tell, "becoming user " + start.definition.user);
    if (chdir(start.definition.directory.c_str()) != 0)
        fail(tell, "directory " + start.definition.directory);
    auto words = start.definition.command;
    auto variables = environment_of(start);
    if (start.held) {
        // What follows is told by the log alone; and who waits for the ends of pipes of which
        // there are copies here is not to wait until this goes on.
        close_range(static_cast<unsigned>(first_passed) +
                        static_cast<unsigned>(start.sockets.size()),
                    ~0U, 0);
        raise(SIGSTOP);
    }
    execve(words[0].c_str(), pointers(words).data(), pointers(variables).data());
    if (start.held) {
        std::perror(words[0].c_str());
        _exit(127);
    }
    fail(tell, words[0]);
}

/// PID 1: until the command ends.
[[noreturn]] void keep_house(pid_t command)
{
    sigset_t all;
    sigfillset(&all);
    for (;;) {
        siginfo_t info{};
        if (sigwaitinfo(&all, &info) < 0)
            continue;
        if (info.si_signo == SIGCONT)
            continue; // It was this process alone that stood.
        if (info.si_signo != SIGCHLD) {
            kill(command, info.si_signo);
            continue;
        }
        int status = 0;
        for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;)
            if (ended == command && WIFEXITED(status))
                _exit(WEXITSTATUS(status));
            else if (ended == command)
                _exit(128 + WTERMSIG(status));
    }
}

/// A mount namespace in which nothing of the outside changes, with a /proc of the new processes,
/// and without the folders of services.
void separate_mounts(const Start& start, int tell)
{
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        fail(tell, "making all mounts private");
    if (umount2(start.folder.root().c_str(), MNT_DETACH) != 0)
        fail(tell, start.folder.root());
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
        fail(tell, "mounting /proc");
}

/// Nothing that CRIU would find outside: a session, mounts, and what is open on them.
void be_whole(Start& start, int tell)
{
    if (setsid() < 0)
        fail(tell, "a session of its own");
    if (auto made = make_mounts(); !made) {
        const auto& why = made.error().message;
        const bool told = write(tell, why.data(), why.size()) > 0;
        _exit(told ? 1 : 2);
    }
    start.nothing = Descriptor{open("/dev/null", O_RDWR | O_CLOEXEC)};
    if (!start.nothing)
        fail(tell, "/dev/null");
}

/// The first process.
[[noreturn]] void be_init(Start& start, int tell)
{
    char go = 0;
    if (read(tell, &go, 1) != 1)
        _exit(2); // Who would have kept us has ended.
    if (setns(start.net.get(), CLONE_NEWNET) != 0)
        fail(tell, "entering the network namespace");
    if (start.definition.checkpoint)
        be_whole(start, tell);
    else
        separate_mounts(start, tell);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    const pid_t command = fork();
    if (command < 0)
        fail(tell, "fork");
    if (command == 0)
        run_command(start, tell);
    dup2(start.nothing.get(), STDIN_FILENO);
    dup2(start.log.get(), STDOUT_FILENO);
    dup2(start.log.get(), STDERR_FILENO);
    close_range(first_passed, ~0U, 0);
    if (chdir("/") != 0)
        _exit(2);
    keep_house(command);
}

/// fork() into new namespaces; the caller has one thread, so that nothing is held in the copy.
pid_t fork_into_spaces(bool checkpoint)
{
    const int own = CLONE_NEWPID | CLONE_NEWNS | (checkpoint ? CLONE_NEWIPC | CLONE_NEWUTS : 0);
    return static_cast<pid_t>(syscall(SYS_clone, own | SIGCHLD, nullptr, nullptr, nullptr, 0));
}

/// Where a namespace of the first process is.  A link: it lives no longer than that process.
Result<void> link_space(const Folder& folder, const char* kind, int init)
{
    const auto space = "/proc/" + std::to_string(init) + "/ns/" + kind;
    unlink(folder.file(kind).c_str());
    if (symlink(space.c_str(), folder.file(kind).c_str()) != 0)
        return system_error(folder.file(kind));
    return {};
}

/// Keeps what there is to keep of the first process, lets it go on, and hears why it fails;
/// empty if it does not.
std::string begin(const Folder& folder, int init, Descriptor end)
{
    if (auto kept = keep_init(folder, init); !kept)
        return kept.error().message;
    if (write(end.get(), "y", 1) != 1)
        return system_error("starting the first process").message;
    std::string why;
    std::array<char, 512> part;
    for (ssize_t size; (size = read(end.get(), part.data(), part.size())) > 0;)
        why.append(part.data(), static_cast<std::size_t>(size));
    return why;
}

} // namespace

Result<void> keep_init(const Folder& folder, int init)
{
    const auto process = process_of(init);
    auto kept = process ? folder.write("init", std::to_string(process->pid) + " " +
                                                   std::to_string(process->start) + "\n")
                        : Result<void>{Error{Errc::io, "the first process died"}};
    for (const char* kind : {"mnt", "pid"})
        kept = kept ? link_space(folder, kind, init) : kept;
    return kept;
}

Result<int> spawn(const Definition& definition, const Folder& folder,
                  std::span<const Passed> sockets, bool held)
{
    auto start = prepare(definition, folder, sockets, held);
    if (!start)
        return start.error();
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return system_error("socketpair");
    Descriptor ours{ends[0]}, theirs{ends[1]};
    const pid_t init = fork_into_spaces(definition.checkpoint);
    if (init < 0)
        return system_error("new namespaces");
    if (init == 0) {
        ours.reset(-1);
        be_init(*start, theirs.get());
    }
    theirs.reset(-1);
    const auto why = begin(folder, init, std::move(ours));
    if (why.empty())
        return static_cast<int>(init);
    kill(init, SIGKILL);
    while (waitpid(init, nullptr, 0) < 0 && errno == EINTR)
        continue;
    return Error{Errc::io, why};
}

void raise_file_limit()
{
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return; // It goes on with what it has.
    files_before = files;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

std::string how_it_ended(int status)
{
    const int signal = WIFSIGNALED(status)         ? WTERMSIG(status)
                       : WEXITSTATUS(status) > 128 ? WEXITSTATUS(status) - 128
                                                   : 0;
    if (signal > 0 && signal < NSIG && sigabbrev_np(signal))
        return std::string{"ended by signal SIG"} + sigabbrev_np(signal);
    return "ended with status " + std::to_string(WEXITSTATUS(status));
}

} // namespace holdfast::service

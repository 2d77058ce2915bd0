// SPDX-License-Identifier: Apache-2.0
//
// service/keep: see keep.h.
#include <config.h>

#include "service/keep.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <vector>

#include "service/checkpoint.h"
#include "service/handoff-door.h"
#include "service/space.h"

namespace holdfast::service {
namespace {

constexpr std::chrono::minutes restore_limit{10};

/// Leaves the caller's session and outputs.  What is printed from here on is in the service's log.
void leave_caller(const Folder& folder)
{
    setsid();
    signal(SIGPIPE, SIG_IGN); // If the caller has ended, its service must, too.
    const Descriptor nothing{open("/dev/null", O_RDWR | O_CLOEXEC)};
    const Descriptor log{
        open(folder.file("log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    dup2(nothing.get(), STDIN_FILENO);
    dup2(nothing.get(), STDOUT_FILENO);
    dup2(log ? log.get() : nothing.get(), STDERR_FILENO);
    if (chdir("/") != 0)
        std::perror("/");
}

/// Closes all but these: a socket that was passed on is the command's alone, and a copy here would
/// keep it open.
void close_all_but(std::vector<int> kept)
{
    std::sort(kept.begin(), kept.end());
    unsigned from = 3;
    for (const int fd : kept) {
        if (static_cast<unsigned>(fd) > from)
            close_range(from, static_cast<unsigned>(fd) - 1, 0);
        from = static_cast<unsigned>(fd) + 1;
    }
    close_range(from, ~0U, 0);
}

void say(const Error& error)
{
    std::fprintf(stderr, "%s\n", error.message.c_str());
}

/// What the keeper is made of; all of it is the keeper's own.
struct Keeper {
    const std::string& rundir;
    Definition definition;
    const Folder& folder;
    std::span<const Passed> sockets;
    bool held;
    bool successor;
    const Images* images; // Out of which it comes; or null.
    int init;             // The first process of one that runs already; 0: it is to be started.
    int lock;             // Held as long as the keeper lives.
    int tell;             // Takes the first process's number, or after a blank what is wrong.
};

/// Ends what a restore that failed has left: a subreaper's children.
void end_children()
{
    const auto path = "/proc/self/task/" + std::to_string(gettid()) + "/children";
    for (pid_t child = 0; std::ifstream{path} >> child;) {
        kill(child, SIGKILL);
        while (waitpid(child, nullptr, 0) < 0 && errno == EINTR)
            continue;
    }
}

/// Out of its images.
Result<int> bring_back(const Keeper& keeper)
{
    const auto root = keeper.folder.file("images/root");
    if (mkdir(root.c_str(), 0700) != 0 && errno != EEXIST)
        return system_error(root);
    prctl(PR_SET_CHILD_SUBREAPER, 1); // The first process becomes a child of ours.
    auto init = restore(*keeper.images, root, keeper.folder.file("log"), restore_limit);
    auto kept = init ? keep_init(keeper.folder, *init) : Result<void>{init.error()};
    if (kept)
        return init;
    end_children();
    return kept.error();
}

/// Waits for the first process's end; how it was.
std::string await_end(int init)
{
    const Descriptor process{static_cast<int>(syscall(SYS_pidfd_open, init, 0))};
    int status = 0;
    pid_t ended = 0;
    while ((ended = waitpid(init, &status, 0)) < 0 && errno == EINTR)
        continue;
    if (ended == init)
        return how_it_ended(status);
    pollfd gone{process.get(), POLLIN, 0}; // Not a child of ours: it was another keeper's.
    while (process && poll(&gone, 1, -1) < 0 && errno == EINTR)
        continue;
    return "ended after its keeper: nobody saw how";
}

/// Starts the command; `door` is where it finds its agent, if it may be asked for its sockets.
Result<int> begin(const Keeper& keeper, Descriptor& door)
{
    if (keeper.images)
        return bring_back(keeper);
    auto definition = keeper.definition;
    if (!definition.checkpoint) {
        auto made = make_door(keeper.rundir, definition, keeper.folder);
        if (!made)
            return made.error();
        door = std::move(*made);
        if (keeper.init)
            return keeper.init;
        definition.environment.push_back("HOLDFAST_HANDOFF=" +
                                         door_path(keeper.rundir, definition.name));
        if (keeper.successor)
            definition.environment.push_back("HOLDFAST_HANDOFF_SUCCESSOR=1");
    }
    return spawn(definition, keeper.folder, keeper.sockets, keeper.held);
}

int be_keeper(const Keeper& keeper)
{
    leave_caller(keeper.folder);
    if (keeper.images) // CRIU works for long: home must hear at once if move-in ends meanwhile.
        close_all_but({keeper.lock, keeper.tell});
    Descriptor door;
    const auto init = begin(keeper, door);
    const auto text = init ? std::to_string(*init) : " " + init.error().message;
    const bool told = write(keeper.tell, text.data(), text.size()) > 0;
    close_all_but(door ? std::vector{keeper.lock, door.get()} : std::vector{keeper.lock});
    if (init && told) {
        if (auto written = keeper.folder.write("exit", await_end(*init) + "\n"); !written)
            say(written.error());
    } else if (init && !keeper.init) {
        kill(*init, SIGKILL); // Nobody knows of it.
    }
    if (keeper.init && !(init && told))
        return 1; // It runs on without.
    remove_space(keeper.definition.interface, keeper.folder);
    remove_door(keeper.rundir, keeper.definition.name);
    return 0;
}

/// Starts the keeper; `keeper` lacks its lock and its pipe.
Result<int> start(Keeper keeper)
{
    const Folder& folder = keeper.folder;
    auto lock = folder.lock(false);
    if (!lock)
        return lock.error();
    unlink(folder.file("exit").c_str());
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return system_error("pipe");
    Descriptor in{ends[0]}, out{ends[1]};
    keeper.lock = lock->get();
    keeper.tell = out.get();
    const pid_t child = fork();
    if (child < 0)
        return system_error("fork");
    if (child == 0) {
        in.reset(-1);
        _exit(be_keeper(keeper));
    }
    out.reset(-1);
    const auto text = read_all(in.get());
    if (text.empty() || text[0] == ' ')
        return Error{Errc::io, text.empty() ? "the service's keeper died" : text.substr(1)};
    return std::stoi(text);
}

} // namespace

Result<int> keep(const std::string& rundir, const Definition& definition, const Folder& folder,
                 std::span<const Passed> sockets, bool held, bool successor)
{
    return start({rundir, definition, folder, sockets, held, successor, nullptr, 0, -1, -1});
}

Result<void> keep_on(const std::string& rundir, const Definition& definition, const Folder& folder)
{
    const auto init = folder.init();
    if (!init)
        return Error{Errc::not_found, folder.path() + ": the service does not run"};
    const auto kept =
        start({rundir, definition, folder, {}, false, false, nullptr, init->pid, -1, -1});
    return kept ? Result<void>{} : kept.error();
}

Result<int> keep_restored(const std::string& rundir, const Definition& definition,
                          const Folder& folder, const Images& images)
{
    return start({rundir, definition, folder, {}, false, false, &images, 0, -1, -1});
}

} // namespace holdfast::service

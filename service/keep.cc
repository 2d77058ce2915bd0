// SPDX-License-Identifier: Apache-2.0
//
// service/keep: see keep.h.
#include <config.h>

#include "service/keep.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
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

#include "common/text.h"
#include "service/checkpoint.h"
#include "service/handoff-door.h"
#include "service/image-files.h"
#include "service/space.h"

namespace holdfast::service {
namespace {

constexpr std::chrono::minutes restore_limit{10};
constexpr char is_ready = 'r';

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
    int go;   // Tells of which images it comes; -1: it comes out of none.
    int init; // The first process of one that runs already; 0: it is to be started.
    int lock; // Held as long as the keeper lives.
    int tell; // Takes `is_ready` if it waits for `go`; the first process's number, or after a blank
              // what is wrong.
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

/// In a restore's namespaces, which are not those in which the keeper keeps the service.
class Elsewhere {
public:
    Elsewhere()
        : net_{open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)}, mounts_{open("/proc/self/ns/mnt",
                                                                              O_RDONLY | O_CLOEXEC)}
    {
    }
    Elsewhere(const Elsewhere&) = delete;
    ~Elsewhere()
    {
        if (setns(net_.get(), CLONE_NEWNET) != 0 || setns(mounts_.get(), CLONE_NEWNS) != 0)
            std::perror("leaving the namespaces of a restore");
    }
    Result<Places> enter(const Folder& folder)
    {
        const Descriptor inside{open(folder.file("net").c_str(), O_RDONLY | O_CLOEXEC)};
        if (!net_ || !mounts_ || !inside)
            return system_error(folder.file("net"));
        auto places = make_places(folder.file("images"));
        if (places && setns(inside.get(), CLONE_NEWNET) != 0)
            return system_error(folder.file("net"));
        return places;
    }

private:
    Descriptor net_, mounts_;
};

/// Out of the images that we are told of: all but those is ready before.
Result<int> restore_when_told(const Keeper& keeper)
{
    Elsewhere elsewhere;
    auto places = elsewhere.enter(keeper.folder);
    if (!places)
        return places.error();
    if (write(keeper.tell, &is_ready, 1) != 1)
        return system_error("the move");
    const auto round = parse_number(read_all(keeper.go));
    if (!round)
        return Error{Errc::unavailable, "the move has ended"};
    return restore({round_folder(keeper.folder, static_cast<std::uint32_t>(*round)), ""}, *places,
                   keeper.folder.file("log"), restore_limit);
}

Result<int> bring_back(const Keeper& keeper)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1); // The first process becomes a child of ours.
    auto init = restore_when_told(keeper);
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
    if (keeper.go >= 0)
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
    if (keeper.go >= 0) // CRIU works for long: home must hear at once if move-in ends meanwhile.
        close_all_but({keeper.lock, keeper.tell, keeper.go});
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

/// Starts the keeper; `keeper` lacks its lock and its pipe.  What it tells.
Result<Descriptor> begin_keeper(Keeper keeper)
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
    return in;
}

/// The first process's number, of what the keeper tells.
Result<int> init_of(const std::string& text)
{
    if (text.empty() || text[0] == ' ')
        return Error{Errc::io, text.empty() ? "the service's keeper died" : text.substr(1)};
    return std::stoi(text);
}

Result<int> start(const Keeper& keeper)
{
    auto told = begin_keeper(keeper);
    return told ? init_of(read_all(told->get())) : Result<int>{told.error()};
}

} // namespace

Result<int> keep(const std::string& rundir, const Definition& definition, const Folder& folder,
                 std::span<const Passed> sockets, bool held, bool successor)
{
    return start({rundir, definition, folder, sockets, held, successor, -1, 0, -1, -1});
}

Result<void> keep_on(const std::string& rundir, const Definition& definition, const Folder& folder)
{
    const auto init = folder.init();
    if (!init)
        return Error{Errc::not_found, folder.path() + ": the service does not run"};
    const auto kept = start({rundir, definition, folder, {}, false, false, -1, init->pid, -1, -1});
    return kept ? Result<void>{} : kept.error();
}

Result<ReadyKeeper> keep_ready(const std::string& rundir, const Definition& definition,
                               const Folder& folder)
{
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return system_error("pipe");
    Descriptor wait{ends[0]}, go{ends[1]};
    auto told = begin_keeper({rundir, definition, folder, {}, false, false, wait.get(), 0, -1, -1});
    if (!told)
        return told.error();
    wait.reset(-1); // So that the keeper alone has this end.
    std::string first(1, '\0');
    first.resize(read(told->get(), first.data(), 1) == 1 ? 1 : 0);
    if (first == std::string(1, is_ready))
        return ReadyKeeper{std::move(go), std::move(*told)};
    const auto failed = init_of(first + read_all(told->get()));
    return failed ? Error{Errc::io, "the service's keeper did not wait"} : failed.error();
}

Result<int> ReadyKeeper::bring_back(std::uint32_t round)
{
    const auto text = std::to_string(round);
    if (write(go_.get(), text.data(), text.size()) < 0)
        return system_error("the service's keeper");
    go_.reset(-1);
    return init_of(read_all(told_.get()));
}

} // namespace holdfast::service

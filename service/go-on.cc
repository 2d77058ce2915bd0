// SPDX-License-Identifier: Apache-2.0
//
// service/go-on: what a move that was cut off has left is taken back, or completed; see move.h.
#include <config.h>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>

#include "service/caught.h"
#include "service/handoff-door.h"
#include "service/image-files.h"
#include "service/move.h"
#include "service/processes.h"
#include "sockets/guard.h"

namespace holdfast::service {
namespace {

constexpr std::chrono::seconds program_limit{10};

/// Errors: not_found if the service has no namespace here.
Result<void> enter(const Folder& folder)
{
    const Descriptor net{open(folder.file("net").c_str(), O_RDONLY | O_CLOEXEC)};
    if (!net || setns(net.get(), CLONE_NEWNET) != 0)
        return Error{Errc::not_found, folder.path() + ": there is no such service"};
    return {};
}

/// A program that was asked to give stands still since then ("given"); one that has taken over
/// waits for its word ("agreed").  It comes to the door when it finds its agent gone.
Result<void> tell_program(const Folder& folder, const std::string& note)
{
    if (folder.read(note.c_str()).empty())
        return {};
    const auto until = std::chrono::steady_clock::now() + program_limit;
    auto door = open_door(folder);
    auto program = door ? door->accept(until) : Result<handoff::Service>{door.error()};
    // One that was told already, and connected anew, may be the only one that comes.
    while (program && note == "agreed" && !program->hello().agreed)
        program = door->accept(until);
    if (!program)
        return program.error();
    auto told = note == "given" ? program->keep(until) : program->go(until);
    if (told)
        unlink(folder.file(note.c_str()).c_str());
    return told;
}

Result<void> go_on_here(const Folder& folder)
{
    folder.end_mover();
    if (auto engine = folder.engine(); !engine) // CRIU, if that is at work, ends by itself.
        return engine.error();
    remove_images(folder);
    const auto init = folder.init();
    if (!init)
        return Error{Errc::not_found, folder.path() + ": the service does not run"};
    if (auto entered = enter(folder); !entered)
        return entered;
    if (auto opened = sockets::set_gate(sockets::Gate::open); !opened)
        return opened;
    auto pids = processes_of(init->pid);
    auto sockets = pids ? catch_sockets(*pids) : Result<std::vector<Caught>>{pids.error()};
    auto space = sockets::Space::open();
    if (!sockets || !space)
        return !sockets ? sockets.error() : space.error();
    auto done = go_on_all(*space, *sockets, folder.read("reuse"));
    if (auto gone = let_all_go(init->pid); !gone)
        return gone;
    for (const char* note : {"given", "agreed"})
        if (auto told = tell_program(folder, note); !told)
            return told;
    if (auto removed = sockets::remove_gate(); !removed) // An open one is in nobody's way.
        std::fprintf(stderr, "%s: %s\n", folder.path().c_str(), removed.error().message.c_str());
    return done;
}

} // namespace

int go_on(const std::string& rundir, const std::string& name)
{
    const auto done = go_on_here({rundir, name});
    if (!done)
        std::fprintf(stderr, "%s\n", done.error().message.c_str());
    return done ? 0 : 1;
}

int tell_lock(const std::string& rundir, const std::string& name)
{
    const Folder folder{rundir, name};
    folder.end_mover(); // So that what is found stays so.
    if (!enter(folder)) {
        std::puts(folder.read("lived").empty() ? "none" : "ended");
        return 0;
    }
    const auto gate = sockets::gate_now();
    if (!gate) {
        std::fprintf(stderr, "%s\n", gate.error().message.c_str());
        return 1;
    }
    std::puts(*gate == sockets::Gate::shut ? "shut" : "open");
    return 0;
}

} // namespace holdfast::service

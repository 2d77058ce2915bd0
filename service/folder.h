// SPDX-License-Identifier: Apache-2.0
//
// service/folder: what is kept of a service outside of it: RUNDIR/service/NAME.
//
//     definition   what it is (definition.h), a line of JSON
//     net mnt pid  its namespaces: net kept by a mount, the others links to its first process's
//     init         "PID START": its first process, and when that started
//     log          what its command printed
//     exit         why it ended, one line
//     reuse        while it moves: its sockets that share their address (service/caught.h)
//     given        while its program stands still because it was asked to give its sockets
//     agreed       from the gate's opening until its program is told that what it took is live
//     lived        once a move had it come to live here
//     mover        "PID START": the process that moves it, or did last
//     handoff      where its program finds its agent (service/handoff-door.h)
//     images       while it moves by checkpoint: what CRIU writes (service/image-files.h)
//     engine       held by CRIU while it works on the service
//     lock         held by the process that keeps the service, as long as that lives
//
// RUNDIR/service is a mount of its own that is private: no other mount namespace is to keep a
// service's network in turn.  Only root may look inside.
// Used by holdfast-service, and by hookd to find the services that run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/result.h"
#include "service/descriptor.h"

namespace holdfast::service {

/// A process that cannot be taken for a later one with its number.
struct Process {
    int pid = 0;
    std::uint64_t start = 0; // Clock ticks since the machine's start (proc(5), starttime).

    bool operator==(const Process&) const = default;
};

/// The process that has this number now; none if there is none, or it has ended.
std::optional<Process> process_of(int pid);

/// Ends it (SIGKILL), and waits for its end.
void end(const Process& process);

/// A service's folder; it need not be there.
class Folder {
public:
    /// `rundir`: hookd's, e.g. /run/holdfast.
    Folder(const std::string& rundir, const std::string& name)
        : root_{rundir + "/service"}, path_{root_ + "/" + name}
    {
    }

    const std::string& root() const { return root_; }
    const std::string& path() const { return path_; }
    std::string file(const char* name) const { return path_ + "/" + name; }

    /// Makes it, and the mount that it is in.
    /// Errors: io.
    Result<void> make() const;
    /// Takes it away with all that is in it; a service must not run there.
    void remove() const;
    bool exists() const;

    /// Replaces a file's text, all or nothing.
    /// Errors: io.
    Result<void> write(const char* name, const std::string& text) const;
    /// A file's text without the end of its line; empty if it is not there.
    std::string read(const char* name) const;

    /// The service's first process; none if it does not run.
    std::optional<Process> init() const;
    /// Notes that this process moves the service.
    /// Errors: io.
    Result<void> be_mover() const;
    /// Ends the process that moves the service, if there is one and it is not this one.
    void end_mover() const;
    /// Waits for the lock.  Errors: io; unavailable if it is held and `wait` is false.
    Result<Descriptor> lock(bool wait) const;
    /// Waits until no CRIU works on the service any more, and keeps others off.
    /// Errors: io.
    Result<Descriptor> engine() const;

private:
    std::optional<Process> process(const char* name) const;
    Result<Descriptor> hold(const char* name, bool wait) const;

    std::string root_;
    std::string path_;
};

} // namespace holdfast::service

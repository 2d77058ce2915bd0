// SPDX-License-Identifier: Apache-2.0
//
// service/handoff-door: see the header.
#include <config.h>

#include "service/handoff-door.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sstream>

namespace holdfast::service {
std::string door_path(const std::string& rundir, const std::string& name)
{
    return rundir + "/handoff/" + name;
}

Result<Descriptor> make_door(const std::string& rundir, const Definition& definition,
                             const Folder& folder)
{
    const passwd* user = getpwnam(definition.user.c_str());
    if (!user)
        return Error{Errc::not_found, "user " + definition.user + " is not known here"};
    const std::string path = door_path(rundir, definition.name);
    if (mkdir((rundir + "/handoff").c_str(), 0755) != 0 && errno != EEXIST)
        return system_error(rundir + "/handoff");
    auto listener = handoff::Listener::listen(path, user->pw_uid);
    if (!listener)
        return listener.error();
    Descriptor door{fcntl(listener->fd(), F_DUPFD_CLOEXEC, 0)};
    const auto self = process_of(getpid());
    if (!door || !self)
        return system_error(path);
    auto noted =
        folder.write("handoff", std::to_string(self->pid) + " " + std::to_string(self->start) +
                                    " " + std::to_string(door.get()) + "\n");
    return noted ? Result<Descriptor>{std::move(door)} : noted.error();
}

void remove_door(const std::string& rundir, const std::string& name)
{
    unlink(door_path(rundir, name).c_str());
}

Result<handoff::Listener> open_door(const Folder& folder)
{
    std::istringstream words{folder.read("handoff")};
    Process keeper;
    int number = -1;
    words >> keeper.pid >> keeper.start >> number;
    const Descriptor process{static_cast<int>(syscall(SYS_pidfd_open, keeper.pid, 0))};
    if (!words || !process || process_of(keeper.pid) != keeper)
        return Error{Errc::not_found, "the process that keeps the service has ended"};
    Descriptor door{static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), number, 0))};
    if (!door)
        return system_error("the service's handoff socket");
    return handoff::Listener{std::move(door)};
}

Result<std::optional<handoff::Service>> greet_program(const Folder& folder,
                                                      std::chrono::milliseconds patience)
{
    auto listener = open_door(folder);
    if (!listener)
        return listener.error();
    std::optional<handoff::Service> program;
    // Connections that ended while nobody looked are in the queue, too: the last one counts.
    for (pollfd waiting{listener->fd(), POLLIN, 0};
         poll(&waiting, 1, program ? 0 : static_cast<int>(patience.count())) > 0;) {
        auto come = listener->accept(std::chrono::steady_clock::now() + std::chrono::seconds{5});
        if (come)
            program = std::move(*come);
        else if (come.error().code == Errc::io)
            return come.error();
    }
    return program;
}

} // namespace holdfast::service

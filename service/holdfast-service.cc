// SPDX-License-Identifier: Apache-2.0
//
// holdfast-service: makes, runs and takes away a service on this hypervisor, for holdfast-hookd.
//
//     holdfast-service make RUNDIR NAME           the network namespace and the port
//     holdfast-service run RUNDIR NAME            the command in it; prints the first process's
//                                                 number once the command has been started
//     holdfast-service undo RUNDIR NAME [forget]  ends it if it runs, and takes port and
//                                                 namespaces away; prints why it ended.  With
//                                                 `forget` its folder goes, too
//
// The definition is in the service's folder (service/folder.h).  Exit status 0; or 1 with one line
// on standard error, and nothing of the service is left running.
#include <config.h>

#include <unistd.h>

#include <cstdio>
#include <string>

#include "service/folder.h"
#include "service/keep.h"
#include "service/move.h"
#include "service/processes.h"
#include "service/space.h"
#include "service/spawn.h"

using namespace holdfast;
using namespace holdfast::service;

namespace {

int refuse(const std::string& line)
{
    std::fprintf(stderr, "%s\n", line.c_str());
    return 1;
}

int make(const Folder& folder)
{
    auto definition = decode(folder.read("definition"));
    if (!definition)
        return refuse(definition.error().message);
    auto made = make_network(*definition, folder);
    return made ? 0 : refuse(made.error().message);
}

int run(const std::string& rundir, const Folder& folder)
{
    auto definition = decode(folder.read("definition"));
    if (!definition)
        return refuse(definition.error().message);
    auto init = keep(rundir, *definition, folder);
    if (!init)
        return refuse(init.error().message);
    std::printf("%d\n", *init);
    return 0;
}

int undo(const Folder& folder, bool forget)
{
    if (!folder.exists())
        return 0;
    if (const auto init = folder.init())
        end(*init);
    if (auto ended = end_all_in(folder.file("net")); !ended) // Not noted yet, for example.
        return refuse(ended.error().message);
    auto lock = folder.lock(true); // Its keeper has said how it ended.
    if (!lock)
        return refuse(lock.error().message);
    const auto definition = decode(folder.read("definition"));
    remove_space(definition ? definition->interface : std::string{}, folder);
    std::puts(folder.read("exit").c_str());
    if (forget)
        folder.remove();
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    const std::string verb = argc >= 4 ? argv[1] : "";
    if (argc == 4 && verb == "make")
        return make({argv[2], argv[3]});
    if (argc == 4 && verb == "run")
        return run(argv[2], {argv[2], argv[3]});
    raise_file_limit();
    if (argc == 4 && verb == "go-on")
        return go_on(argv[2], argv[3]);
    if (argc == 4 && verb == "lock")
        return tell_lock(argv[2], argv[3]);
    Talk talk{STDIN_FILENO, STDOUT_FILENO};
    if (argc == 2 && std::string{argv[1]} == "move-out")
        return move_out(talk);
    if (argc == 2 && std::string{argv[1]} == "move-in")
        return move_in(talk, 3);
    if (argc == 2 && std::string{argv[1]} == "move-ask")
        return move_ask(talk);
    if (verb == "undo" && (argc == 4 || (argc == 5 && std::string{argv[4]} == "forget")))
        return undo({argv[2], argv[3]}, argc == 5);
    std::fputs(
        "usage: holdfast-service make|run|undo|go-on|lock RUNDIR NAME [forget]: holdfast-hookd(8) "
        "calls it; see 'holdfast service'\n",
        stderr);
    return 2;
}

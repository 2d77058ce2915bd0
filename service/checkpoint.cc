// SPDX-License-Identifier: Apache-2.0
//
// service/checkpoint: see checkpoint.h.
#include <config.h>

#include "service/checkpoint.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <filesystem>
#include <fstream>

#include "common/run-tool.h"
#include "common/text.h"
#include "service/descriptor.h"
#include "service/mounts.h"
#include "service/outside.h"
#include "service/own-files.h"

namespace holdfast::service {
namespace {

constexpr std::chrono::seconds check_limit{30};
// In the folder of a dump:
constexpr const char* outside_name = "outside"; // encode(Outside)
constexpr const char* output_name = "output";   // What the service has printed.
constexpr const char* files_name = "files";     // pack()

Result<void> copy(const std::string& from, const std::string& to)
{
    std::error_code why;
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing, why);
    return why ? Result<void>{Error{Errc::io, from + ": " + why.message()}} : Result<void>{};
}

/// Runs CRIU; its reason if it fails.
Result<std::string> run_criu(const Images& images, const std::vector<std::string>& words,
                             std::chrono::milliseconds limit)
{
    auto done = run_tool(words, limit);
    if (done)
        return done;
    const auto reason = parse_reason(read_text(log_file(images)));
    return reason.empty()
               ? done
               : Result<std::string>{Error{done.error().code, "criu: " + one_line(reason)}};
}

Result<Figures> run_dump(const Images& images, const std::vector<std::string>& words,
                         std::chrono::milliseconds limit)
{
    const auto printed = run_criu(images, words, limit);
    if (!printed)
        return printed.error();
    return parse_figures(*printed);
}

Result<void> run_cpuinfo(const char* verb, const std::string& folder)
{
    auto done = run_tool(
        {"criu", "cpuinfo", verb, "--no-default-config", "--images-dir", folder, "--cpu-cap=cpu"},
        check_limit);
    return done ? Result<void>{} : done.error();
}

} // namespace

Result<void> check_engine()
{
    const auto version = run_tool({"criu", "--version"}, check_limit);
    if (!version)
        return Error{Errc::unavailable, "criu is not there: apt-get install criu, or give --mode "
                                        "handoff, if its program can take sockets over"};
    const auto checked = run_tool({"criu", "check", "--no-default-config"}, check_limit);
    if (checked)
        return {};
    utsname machine{};
    uname(&machine);
    const auto& said = checked.error().message;
    const auto reason = parse_reason(said);
    return Error{Errc::unavailable,
                 "criu " + parse_version(*version) + " does not run on kernel " + machine.release +
                     " (" + (reason.empty() ? said : reason) +
                     "): give --mode handoff, if its program can take sockets over"};
}

Result<void> write_processor(const std::string& folder)
{
    return run_cpuinfo("dump", folder);
}

Result<void> check_processor(const std::string& folder)
{
    if (const auto same = run_cpuinfo("check", folder); !same)
        return Error{Errc::invalid,
                     "this machine's processor lacks what the other has: " + same.error().message +
                         ": give --mode handoff, if its program can take sockets over"};
    return {};
}

Result<Figures> pre_dump(const Images& images, int init, std::chrono::milliseconds limit)
{
    return run_dump(images, pre_dump_words(images, init), limit);
}

Result<Figures> dump(const Images& images, int init, const std::string& log,
                     std::chrono::milliseconds limit)
{
    const auto outside = find_outside(init, log);
    if (!outside)
        return outside.error();
    std::ofstream file{images.folder + "/" + outside_name};
    file << encode(*outside) << std::flush;
    if (!file)
        return system_error(images.folder + "/" + outside_name);
    if (!log.empty())
        if (auto copied = copy(log, images.folder + "/" + output_name); !copied)
            return copied.error();
    if (auto packed = pack("/proc/" + std::to_string(init) + "/root", outside->carried,
                           images.folder + "/" + files_name);
        !packed)
        return packed.error();
    return run_dump(images, dump_words(images, init, *outside), limit);
}

Result<Places> make_places(const std::string& under)
{
    const Places places{under + "/root", under + "/own"};
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return system_error("mounts for a restore");
    std::error_code why;
    for (const std::string& folder : {places.root, places.carried})
        std::filesystem::create_directories(folder, why);
    if (mount("/", places.root.c_str(), nullptr, MS_BIND, nullptr) != 0)
        return system_error(places.root);
    for (const std::string& point : own_places()) {
        const auto place = place_of(places.carried, point);
        std::filesystem::create_directories(place, why);
        if (auto made = mount_as(point, place); !made)
            return made.error();
    }
    return places;
}

Result<int> restore(const Images& images, const Places& places, const std::string& log,
                    std::chrono::milliseconds limit)
{
    const auto outside = decode_outside(read_text(images.folder + "/" + outside_name));
    if (!outside)
        return outside.error();
    if (auto filled = unpack(images.folder + "/" + files_name, places.carried); !filled)
        return filled.error();
    // CRIU compares the size of each open file: the log goes on where it was.
    if (!outside->logs.empty())
        if (auto copied = copy(images.folder + "/" + output_name, log); !copied)
            return copied.error();
    const Descriptor output{open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    if (!output)
        return system_error(log);
    fcntl(output.get(), F_SETFD, 0); // CRIU gives it to the processes.
    const auto done =
        run_criu(images, restore_words(images, places, *outside, output.get()), limit);
    if (!done)
        return done.error();
    const auto pid = parse_number(trimmed(read_text(pid_file(images))));
    if (!pid)
        return Error{Errc::io, "criu restored the service and did not say where"};
    return static_cast<int>(*pid);
}

} // namespace holdfast::service

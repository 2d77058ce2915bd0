// SPDX-License-Identifier: Apache-2.0
//
// service/checkpoint: see checkpoint.h.
#include <config.h>

#include "service/checkpoint.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <filesystem>
#include <fstream>

#include "common/run-tool.h"
#include "common/text.h"
#include "service/descriptor.h"
#include "service/outside.h"

namespace holdfast::service {
namespace {

constexpr std::chrono::seconds check_limit{30};
// In the folder of a dump:
constexpr const char* outside_name = "outside"; // encode(Outside)
constexpr const char* output_name = "output";   // What the service has printed.

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
    return run_dump(images, dump_words(images, init, *outside), limit);
}

Result<int> restore(const Images& images, const std::string& root, const std::string& log,
                    std::chrono::milliseconds limit)
{
    const auto outside = decode_outside(read_text(images.folder + "/" + outside_name));
    if (!outside)
        return outside.error();
    // CRIU compares the size of each open file: the log goes on where it was.
    if (!outside->logs.empty())
        if (auto copied = copy(images.folder + "/" + output_name, log); !copied)
            return copied.error();
    const Descriptor output{open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    if (!output)
        return system_error(log);
    fcntl(output.get(), F_SETFD, 0); // CRIU gives it to the processes.
    const auto done = run_criu(images, restore_words(images, root, *outside, output.get()), limit);
    if (!done)
        return done.error();
    const auto pid = parse_number(trimmed(read_text(pid_file(images))));
    if (!pid)
        return Error{Errc::io, "criu restored the service and did not say where"};
    return static_cast<int>(*pid);
}

} // namespace holdfast::service

// SPDX-License-Identifier: Apache-2.0
//
// service/criu: see criu.h.
#include <config.h>

#include "service/criu.h"

#include <optional>
#include <sstream>

#include "common/text.h"
#include "service/own-files.h"

namespace holdfast::service {
namespace {

using Words = std::vector<std::string>;

void append(Words& words, const Words& more)
{
    words.insert(words.end(), more.begin(), more.end());
}

/// What every command has: nothing from files of the machine, a log beside the images.
Words common_words(const char* verb, const Images& images)
{
    return {"criu",       verb,          "--no-default-config", "--images-dir", images.folder,
            "--work-dir", images.folder, "--log-file",          "criu.log",     "-v1"};
}

/// How the processes are taken and made again.
/// --tcp-close: of a connection CRIU keeps the descriptor alone; sockets/ has saved the rest.
Words process_words()
{
    return {"--tcp-close", "--manage-cgroups=ignore", "--file-locks", "--display-stats"};
}

Words dump_common(const char* verb, const Images& images, int init)
{
    Words words = common_words(verb, images);
    append(words, process_words());
    append(words, {"--tree", std::to_string(init), "--track-mem"});
    if (!images.parent.empty())
        append(words, {"--prev-images-dir", images.parent});
    return words;
}

/// Mounts whose file systems are not CRIU's affair, and where those are; `under` empty: there.
Words mount_words(const Words& points, const std::string& under)
{
    Words words;
    for (const auto& point : points)
        append(words, {"--external",
                       "mnt[" + point + "]:" + (under.empty() ? point : place_of(under, point))});
    return words;
}

/// The number behind "NAME: ".
std::optional<std::uint64_t> figure(const std::string& text, const std::string& name)
{
    const auto at = text.find(name + ": ");
    if (at == std::string::npos)
        return std::nullopt;
    std::istringstream rest{text.substr(at + name.size() + 2)};
    std::uint64_t number = 0;
    return rest >> number ? std::optional{number} : std::nullopt;
}

} // namespace

Words pre_dump_words(const Images& images, int init)
{
    return dump_common("pre-dump", images, init);
}

Words dump_words(const Images& images, int init, const Outside& outside)
{
    auto words = dump_common("dump", images, init);
    words.push_back("--leave-stopped");
    append(words, mount_words(outside.mounts, ""));
    append(words, mount_words(outside.carried, ""));
    for (const auto& name : outside.logs)
        append(words, {"--external", name});
    return words;
}

Words restore_words(const Images& images, const Places& places, const Outside& outside, int log)
{
    Words words = common_words("restore", images);
    append(words, process_words());
    append(words, {"--root", places.root, "--pidfile", pid_file(images), "--restore-detached",
                   "--leave-stopped"});
    append(words, mount_words(outside.mounts, ""));
    append(words, mount_words(outside.carried, places.carried));
    for (const auto& name : outside.logs)
        append(words, {"--inherit-fd", "fd[" + std::to_string(log) + "]:" + name});
    return words;
}

std::string pid_file(const Images& images)
{
    return images.folder + "/pid";
}

std::string log_file(const Images& images)
{
    return images.folder + "/criu.log";
}

Result<Figures> parse_figures(const std::string& text)
{
    const auto scanned = figure(text, "Memory pages scanned");
    const auto unchanged = figure(text, "Memory pages skipped from parent");
    const auto written = figure(text, "Memory pages written");
    const auto frozen = figure(text, "Frozen time");
    if (!scanned || !unchanged || !written || !frozen)
        return Error{Errc::damaged, "criu did not say what it did: " + one_line(text)};
    return Figures{*scanned, *unchanged, *written, *frozen};
}

std::string parse_reason(const std::string& log)
{
    std::istringstream lines{log};
    for (std::string line; std::getline(lines, line);) {
        const auto at = line.find("Error (");
        const auto end = at == std::string::npos ? at : line.find("): ", at);
        // One that CRIU 3.17 prints where it does no harm: a new process has no memory of before.
        if (end == std::string::npos || line.find("No parent image found") != std::string::npos)
            continue;
        return line.substr(end + 3);
    }
    return {};
}

std::string parse_version(const std::string& text)
{
    const std::string name = "Version: ";
    const auto at = text.find(name);
    std::string version;
    if (at != std::string::npos)
        std::istringstream{text.substr(at + name.size())} >> version;
    return version;
}

} // namespace holdfast::service

// SPDX-License-Identifier: Apache-2.0
//
// env/groups: see groups.h.
#include <config.h>

#include "env/groups.h"

#include <optional>
#include <set>
#include <sstream>

namespace holdfast::env {
namespace {

std::set<std::string> split(const std::string& text)
{
    std::set<std::string> words;
    std::istringstream in{text};
    for (std::string word; std::getline(in, word, ',');)
        words.insert(word);
    return words;
}

/// A mount of control groups.
struct Mount {
    std::string root, at;         // Which folder of the hierarchy is where.
    std::set<std::string> groups; // Its options, with the groups' names; of version 2 none.
};

std::optional<Mount> mount_of(const std::string& line)
{
    const auto dash = line.find(" - ");
    if (dash == std::string::npos)
        return std::nullopt;
    Mount mount;
    std::istringstream before{line.substr(0, dash)}, behind{line.substr(dash + 3)};
    std::string skipped, kind, options;
    before >> skipped >> skipped >> skipped >> mount.root >> mount.at;
    behind >> kind >> skipped >> options;
    if (kind == "cgroup")
        mount.groups = split(options);
    return kind == "cgroup" || kind == "cgroup2" ? std::optional{mount} : std::nullopt;
}

/// Whether the hierarchy of `groups`, of a line of /proc/PID/cgroup, is mounted there.
bool has(const Mount& mount, const std::string& groups)
{
    return groups.empty() ? mount.groups.empty()
                          : mount.groups.contains(groups.substr(0, groups.find(',')));
}

/// The path below the mount; none if it is outside of it.
std::optional<std::string> below(const Mount& mount, const std::string& path)
{
    if (mount.root == "/")
        return path;
    const bool inside = path.starts_with(mount.root) &&
                        (path.size() == mount.root.size() || path[mount.root.size()] == '/');
    return inside ? std::optional{path.substr(mount.root.size())} : std::nullopt;
}

} // namespace

std::vector<std::string> group_folders(const std::string& cgroup, const std::string& mountinfo)
{
    std::vector<Mount> mounts;
    std::istringstream mount_lines{mountinfo}, lines{cgroup};
    for (std::string line; std::getline(mount_lines, line);)
        if (auto mount = mount_of(line))
            mounts.push_back(*mount);
    std::vector<std::string> folders;
    for (std::string line; std::getline(lines, line);) {
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (second == std::string::npos)
            continue;
        std::string folder;
        for (const Mount& mount : mounts)
            if (has(mount, line.substr(first + 1, second - first - 1)))
                if (const auto rest = below(mount, line.substr(second + 1)))
                    folder = mount.at + *rest;
        if (!folder.empty())
            folders.push_back(folder);
    }
    return folders;
}

} // namespace holdfast::env

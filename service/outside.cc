// SPDX-License-Identifier: Apache-2.0
//
// service/outside: see outside.h.
#include <config.h>

#include "service/outside.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "service/descriptor.h"
#include "service/mounts.h"
#include "service/processes.h"

namespace holdfast::service {
namespace {

namespace fs = std::filesystem;

/// A path of mountinfo: blanks and the like are there as \ooo.
std::string unescaped(const std::string& word)
{
    std::string path;
    for (std::size_t i = 0; i < word.size(); ++i) {
        const bool octal = word[i] == '\\' && i + 3 < word.size() &&
                           std::all_of(word.begin() + i + 1, word.begin() + i + 4,
                                       [](char c) { return c >= '0' && c <= '7'; });
        path += octal ? static_cast<char>(std::stoi(word.substr(i + 1, 3), nullptr, 8)) : word[i];
        i += octal ? 3 : 0;
    }
    return path;
}

/// The mount that an open file is in, from /proc/PID/fdinfo.
int mount_of(const fs::path& fdinfo)
{
    std::ifstream file{fdinfo};
    std::string word;
    int id = -1;
    while (file >> word)
        if (word == "mnt_id:" && file >> id)
            break;
    return id;
}

/// CRIU's names for the descriptors of `pid` that are the file `log`.
void add_logs(int pid, const struct stat& log, std::set<std::string>& names)
{
    const auto folder = "/proc/" + std::to_string(pid);
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator{folder + "/fd", gone}) {
        struct stat file {};
        if (stat(entry.path().c_str(), &file) != 0 || file.st_dev != log.st_dev ||
            file.st_ino != log.st_ino)
            continue;
        std::ostringstream name;
        name << "file[" << std::hex
             << mount_of(folder + "/fdinfo/" + entry.path().filename().string()) << ":"
             << log.st_ino << "]";
        names.insert(name.str());
    }
}

} // namespace

std::vector<Mount> parse_mounts(const std::string& text)
{
    std::vector<Mount> all;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words{line};
        Mount mount;
        std::string parent, root, point;
        if (words >> mount.id >> parent >> mount.device >> root >> point) {
            mount.point = unescaped(point);
            for (std::string word; words >> word && word != "-";) // Its options, any number.
                continue;
            words >> mount.type;
            all.push_back(std::move(mount));
        }
    }
    return all;
}

Result<std::vector<Mount>> mounts_of(const std::string& process)
{
    const auto path = "/proc/" + process + "/mountinfo";
    std::ifstream file{path};
    if (!file)
        return system_error(path);
    return parse_mounts({std::istreambuf_iterator<char>{file}, {}});
}

std::vector<std::string> shared_mounts(const std::vector<Mount>& service,
                                       const std::vector<Mount>& hypervisor)
{
    std::vector<std::string> points;
    for (const Mount& mount : service)
        if (mount.point != "/" &&
            std::ranges::find(hypervisor, mount.device, &Mount::device) != hypervisor.end())
            points.push_back(mount.point);
    return points;
}

std::vector<std::string> carried_mounts(const std::vector<Mount>& service,
                                        const std::vector<Mount>& hypervisor)
{
    std::vector<std::string> points;
    for (const std::string& point : own_places()) {
        const auto mount = std::ranges::find(service, point, &Mount::point);
        if (mount != service.end() && mount->type == "tmpfs" &&
            std::ranges::count(service, point, &Mount::point) == 1 &&
            std::ranges::find(hypervisor, mount->device, &Mount::device) == hypervisor.end())
            points.push_back(point);
    }
    return points;
}

Result<Outside> find_outside(int init, const std::string& log)
{
    auto pids = processes_of(init);
    if (!pids)
        return pids.error();
    pids->push_back(init);
    const auto inside = mounts_of(std::to_string(init));
    const auto here = mounts_of("self");
    if (!inside || !here)
        return inside ? here.error() : inside.error();
    Outside outside;
    outside.mounts = shared_mounts(*inside, *here);
    outside.carried = carried_mounts(*inside, *here);
    if (log.empty())
        return outside;
    struct stat file {};
    if (stat(log.c_str(), &file) != 0)
        return system_error(log);
    std::set<std::string> names;
    for (const pid_t pid : *pids)
        add_logs(pid, file, names);
    outside.logs.assign(names.begin(), names.end());
    return outside;
}

std::string encode(const Outside& outside)
{
    return nlohmann::json{
               {"mounts", outside.mounts}, {"logs", outside.logs}, {"carried", outside.carried}}
               .dump() +
           "\n";
}

Result<Outside> decode_outside(const std::string& text)
{
    try {
        const auto json = nlohmann::json::parse(text);
        return Outside{json.at("mounts").get<std::vector<std::string>>(),
                       json.at("logs").get<std::vector<std::string>>(),
                       json.at("carried").get<std::vector<std::string>>()};
    } catch (const nlohmann::json::exception& why) {
        return Error{Errc::damaged, std::string{"what is outside of the service: "} + why.what()};
    }
}

} // namespace holdfast::service

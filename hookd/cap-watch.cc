// SPDX-License-Identifier: Apache-2.0
//
// hookd/cap-watch: see cap-watch.h.
#include <config.h>

#include "hookd/cap-watch.h"

#include <sys/sysinfo.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <vector>

#include "common/process-tree.h"

namespace holdfast::hookd {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds every{2};
constexpr int period_us = 100'000; // The kernel's own.
constexpr std::int64_t thousandth = 1000;
const fs::path mounted{"/sys/fs/cgroup"};

/// Where groups of one controller are.
struct Hierarchy {
    fs::path root;
    bool second = false; // Of version 2.
};

std::string content(const fs::path& file)
{
    std::ifstream in{file};
    return {std::istreambuf_iterator<char>{in}, {}};
}

/// Errors:  io, with what the kernel says.
Result<void> write(const fs::path& file, const std::string& text)
{
    errno = 0;
    std::ofstream out{file};
    out << text << std::flush;
    if (out)
        return {};
    return Error{Errc::io, file.string() + ": cannot be written (" + std::strerror(errno) + ")"};
}

std::optional<Hierarchy> hierarchy_of(const std::string& controller)
{
    if (content(mounted / "cgroup.controllers").find(controller) != std::string::npos)
        return Hierarchy{mounted, true};
    for (const std::string& name : {controller, controller + ",cpuacct"})
        if (fs::exists(mounted / name / "cgroup.procs"))
            return Hierarchy{mounted / name, false};
    return std::nullopt;
}

/// Makes the group; in version 2 each one above it has to pass the controller on.
Result<void> make_group(const Hierarchy& from, const fs::path& group, const std::string& controller)
{
    fs::path at = from.root;
    for (const fs::path& part : group) {
        if (from.second)
            if (auto passed = write(at / "cgroup.subtree_control", "+" + controller); !passed)
                return passed;
        at /= part;
        std::error_code failed;
        fs::create_directory(at, failed);
        if (failed)
            return Error{Errc::io, at.string() + ": cannot be made (" + failed.message() + ")"};
    }
    return {};
}

Result<void> limit_cpu(const Hierarchy& from, const fs::path& group, const std::optional<Cap>& cap)
{
    // The kernel takes no less than a thousandth of a second.
    const std::int64_t quota =
        cap ? std::max(std::int64_t{cap->cpu} * period_us / thousandth, thousandth) : -1;
    const fs::path at = from.root / group;
    if (from.second)
        return write(at / "cpu.max", (cap ? std::to_string(quota) : std::string{"max"}) + " " +
                                         std::to_string(period_us));
    auto done = write(at / "cpu.cfs_period_us", std::to_string(period_us));
    return done ? write(at / "cpu.cfs_quota_us", std::to_string(quota)) : done;
}

Result<void> limit_memory(const Hierarchy& from, const fs::path& group,
                          const std::optional<Cap>& cap)
{
    if (from.second)
        return write(from.root / group / "memory.max", cap ? std::to_string(cap->memory) : "max");
    return write(from.root / group / "memory.limit_in_bytes",
                 cap ? std::to_string(cap->memory) : "-1");
}

/// Those that are not in the group yet come to it; what they start is in it by itself.
Result<void> gather(const fs::path& at, const std::vector<int>& pids)
{
    std::ifstream in{at / "cgroup.procs"};
    const std::set<int> there{std::istream_iterator<int>{in}, {}};
    Result<void> done;
    for (const int first : pids)
        for (const int pid : process_tree(first))
            if (!there.contains(pid))
                if (auto moved = write(at / "cgroup.procs", std::to_string(pid));
                    !moved && fs::exists("/proc/" + std::to_string(pid)))
                    done = moved;
    return done;
}

fs::path group_of(const Config& config, const std::string& user)
{
    return fs::path{config.node_control_group}.relative_path() / "holdfast" / user;
}

NodeRoom room_of(const World& world)
{
    const db::Hypervisor self = world.ledger.self();
    struct sysinfo machine {};
    sysinfo(&machine);
    const auto n_cpus = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
    return {self.name, self.capacity, world.config.node_cpus > 0 ? world.config.node_cpus : n_cpus,
            std::uint64_t{machine.totalram} * machine.mem_unit,
            std::int64_t{world.config.quota_base} * thousandth};
}

} // namespace

CapWatch::CapWatch(boost::asio::io_context& io, World& world) : world_{world}, next_{io}
{
    if (world.config.quota_caps == "on")
        look_later();
}

void CapWatch::look_later()
{
    next_.expires_after(every);
    next_.async_wait([this](const boost::system::error_code& ended) {
        if (ended)
            return;
        look();
        look_later();
    });
}

void CapWatch::look()
{
    std::string wrong;
    std::set<std::string> here;
    for (const CappedUser& user :
         capped_users(world_.ledger.quotas(), world_.ledger.services(), room_of(world_))) {
        here.insert(user.name);
        if (auto trouble = hold(user); !trouble.empty())
            wrong = trouble;
    }
    std::vector<std::string> gone;
    for (const auto& [name, cap] : held_)
        if (!here.contains(name))
            gone.push_back(name);
    for (const std::string& name : gone)
        let_go(name);
    world_.problem("caps", wrong);
}

/// Returns what is wrong, or nothing.
std::string CapWatch::hold(const CappedUser& user)
{
    const fs::path group = group_of(world_.config, user.name);
    const bool known = held_.contains(user.name) && held_[user.name] == user.cap;
    for (const auto& [controller, limit] :
         {std::pair{"cpu", &limit_cpu}, std::pair{"memory", &limit_memory}}) {
        const auto from = hierarchy_of(controller);
        if (!from)
            return "services of user " + user.name + " are not held to his share: there is no " +
                   controller + " controller in " + mounted.string() +
                   ": mount it, or set quota_caps = off";
        auto done = make_group(*from, group, controller);
        if (done && !known)
            done = limit(*from, group, user.cap);
        if (done)
            done = gather(from->root / group, user.pids);
        if (!done)
            return "services of user " + user.name +
                   " are not held to his share: " + done.error().message;
    }
    held_[user.name] = user.cap;
    return {};
}

/// None of his services runs here any more.
void CapWatch::let_go(const std::string& user)
{
    bool left = false;
    for (const char* controller : {"cpu", "memory"})
        if (const auto from = hierarchy_of(controller)) {
            const fs::path at = from->root / group_of(world_.config, user);
            std::error_code failed; // One that is about to end keeps it for the next look.
            fs::remove(at, failed);
            left = left || fs::exists(at);
        }
    if (!left)
        held_.erase(user);
}

} // namespace holdfast::hookd

// SPDX-License-Identifier: Apache-2.0
//
// hookd/cap-watch: see cap-watch.h.
#include <config.h>

#include "hookd/cap-watch.h"

#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "common/memory-limit.h"
#include "common/process-tree.h"
#include "env/groups.h"
#include "hookd/libvirt-watch.h"

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

Result<void> write_quota(const fs::path& group, const CpuQuota& quota)
{
    if (fs::exists(group / "cpu.max"))
        return write(group / "cpu.max", (quota.quota < 0 ? "max" : std::to_string(quota.quota)) +
                                            " " + std::to_string(quota.period));
    auto done = write(group / "cpu.cfs_period_us", std::to_string(quota.period));
    return done ? write(group / "cpu.cfs_quota_us", std::to_string(quota.quota)) : done;
}

Result<void> limit_cpu(const Hierarchy& from, const fs::path& group, const std::optional<Cap>& cap)
{
    // The kernel takes no less than a thousandth of a second.
    const std::int64_t quota =
        cap ? std::max(std::int64_t{cap->cpu} * period_us / thousandth, thousandth) : -1;
    return write_quota(from.root / group, {quota, period_us});
}

/// What the group's processes have written to their memory; what the kernel can take back at any
/// time is not in it.  Units: bytes.
std::uint64_t memory_used(const Hierarchy& from, const fs::path& group)
{
    std::ifstream in{from.root / group / "memory.stat"};
    std::string word;
    std::uint64_t figure = 0;
    while (in >> word >> figure)
        if (word == (from.second ? "anon" : "total_rss"))
            return figure;
    return 0;
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

std::uint64_t bytes_of(const DomainXml& domain)
{
    return static_cast<std::uint64_t>(domain.makeup.memory) << 20;
}

/// VMs that run here, or have begun to: each of somebody.
std::vector<OwnedVm> owned_vms(const World& world)
{
    std::vector<OwnedVm> vms;
    for (const auto& [id, domain] : world.domains)
        if ((domain.state != Reality::absent || world.starting.contains(id)) &&
            !domain.xml.owner.empty())
            vms.push_back({id, domain.xml.name, domain.xml.owner,
                           static_cast<int>(domain.xml.makeup.cpus), bytes_of(domain.xml)});
    return vms;
}

/// The control group that libvirt has made for a VM's processors; empty if it has made none, or the
/// VM does not run.
fs::path cpu_group_of(const OwnedVm& vm)
{
    const int pid = qemu_pid(vm.name);
    if (pid <= 0)
        return {};
    for (const std::string& folder :
         env::group_folders(content("/proc/" + std::to_string(pid) + "/cgroup"),
                            content("/proc/self/mountinfo"))) {
        const fs::path group = group_of_domain(folder);
        if (!group.empty() &&
            (fs::exists(group / "cpu.max") || fs::exists(group / "cpu.cfs_quota_us")))
            return group;
    }
    return {};
}

CpuQuota quota_of(const fs::path& group)
{
    CpuQuota now;
    if (const std::string both = content(group / "cpu.max"); !both.empty()) {
        std::istringstream in{both};
        if (!(in >> now.quota)) { // "max"
            now.quota = -1;
            in.clear();
            std::string word;
            in >> word;
        }
        in >> now.period;
        return now;
    }
    std::istringstream{content(group / "cpu.cfs_quota_us")} >> now.quota;
    std::istringstream{content(group / "cpu.cfs_period_us")} >> now.period;
    return now;
}

/// Returns what is wrong, or nothing.
std::string hold_vm(const OwnedVm& vm, int cpu)
{
    const fs::path group = cpu_group_of(vm);
    if (group.empty())
        return cpu == 0 || qemu_pid(vm.name) <= 0
                   ? ""
                   : "VM " + vm.name + " of user " + vm.owner +
                         " is not held to his share: libvirt gives it no control group for its "
                         "processors: see cgroup_controllers in qemu.conf, or set quota_caps = off";
    const auto wanted = quota_to_write(quota_of(group), cpu);
    if (!wanted)
        return "";
    const auto done = write_quota(group, *wanted);
    return done || !fs::exists(group) ? "" : "VM " + vm.name + ": " + done.error().message;
}

} // namespace

std::vector<CappedUser> capped_users(const World& world, std::set<std::string> containers)
{
    if (world.config.quota_caps != "on")
        return {};
    return capped_users(world.ledger.quotas(), world.ledger.services(),
                        {owned_vms(world), std::move(containers)}, room_of(world));
}

Result<void> may_hold_here(const World& world, const DomainXml& domain)
{
    const auto quota = std::ranges::find(world.ledger.quotas(), domain.owner, &db::Quota::name);
    if (world.config.quota_caps != "on" || quota == world.ledger.quotas().end())
        return {};
    std::uint64_t taken = 0;
    for (const auto* used : {&world.memory_used, &world.container_memory})
        if (const auto his = used->find(domain.owner); his != used->end())
            taken += his->second;
    return may_hold(*quota, {domain.uuid, domain.name, domain.owner, 0, bytes_of(domain)},
                    owned_vms(world), taken, room_of(world));
}

CapWatch::CapWatch(boost::asio::io_context& io, World& world) : world_{world}, next_{io}
{
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
    std::set<std::string> containers;
    for (const auto& [user, address] : world_.environments)
        containers.insert(user);
    const auto users = capped_users(world_, std::move(containers));
    for (const CappedUser& user : users) {
        if (user.pids.empty())
            continue;
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
    world_.problem("vm caps", hold_vms(users));
}

/// Returns what is wrong, or nothing.
std::string CapWatch::hold_vms(const std::vector<CappedUser>& users)
{
    if (!world_.config.libvirt_uri.starts_with("qemu:"))
        return "";
    std::map<std::string, int> parts;
    for (const CappedUser& user : users)
        parts.insert(user.vms.begin(), user.vms.end());
    const bool off = world_.config.quota_caps != "on"; // What was held before is let go.
    std::string wrong;
    for (const OwnedVm& vm : owned_vms(world_)) {
        const auto part = parts.find(vm.id);
        if (part == parts.end() && !off)
            continue;
        if (auto trouble = hold_vm(vm, off ? 0 : part->second); !trouble.empty())
            wrong = trouble;
    }
    return wrong;
}

/// Returns what is wrong, or nothing.
std::string CapWatch::hold(const CappedUser& user)
{
    const fs::path group = group_of(world_.config, user.name);
    auto cap = user.services;
    if (const auto memory = hierarchy_of("memory"); memory && cap) {
        auto& used = world_.memory_used[user.name];
        used = memory_used(*memory, group);
        const auto was = held_.find(user.name);
        const bool limited = was != held_.end() && was->second;
        cap->memory = memory_limit(cap->memory, limited ? was->second->memory : 0, used);
    }
    const bool known = held_.contains(user.name) && held_[user.name] == cap;
    for (const auto& [controller, limit] :
         {std::pair{"cpu", &limit_cpu}, std::pair{"memory", &limit_memory}}) {
        const auto from = hierarchy_of(controller);
        if (!from)
            return "services of user " + user.name + " are not held to his share: there is no " +
                   controller + " controller in " + mounted.string() +
                   ": mount it, or set quota_caps = off";
        auto done = make_group(*from, group, controller);
        if (done && !known)
            done = limit(*from, group, cap);
        if (done)
            done = gather(from->root / group, user.pids);
        if (!done)
            return "services of user " + user.name +
                   " are not held to his share: " + done.error().message;
    }
    held_[user.name] = cap;
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
    world_.memory_used.erase(user);
    if (!left)
        held_.erase(user);
}

} // namespace holdfast::hookd

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
#include <vector>

#include "common/process-tree.h"
#include "env/keep-plan.h"

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

/// VMs that are here, each of somebody.
std::vector<OwnedVm> owned_vms(const World& world)
{
    std::vector<OwnedVm> vms;
    for (const auto& [id, domain] : world.domains)
        if (domain.state != Reality::absent && !domain.xml.owner.empty())
            vms.push_back({id, domain.xml.name, domain.xml.owner,
                           static_cast<int>(domain.xml.makeup.cpus), bytes_of(domain.xml),
                           domain.start});
    return vms;
}

Work work_of(const World& world)
{
    Work work{world.ledger.services(), owned_vms(world), {}};
    if (!world.config.environment_addresses.empty())
        for (const std::string& user : env::users_of(world.self(), world.ledger.quotas()))
            work.containers.insert(user);
    return work;
}

} // namespace

std::vector<CappedUser> capped_users(const World& world)
{
    if (world.config.quota_caps != "on")
        return {};
    return capped_users(world.ledger.quotas(), work_of(world), room_of(world));
}

Result<void> may_hold_here(const World& world, const DomainXml& domain)
{
    const auto quota = std::ranges::find(world.ledger.quotas(), domain.owner, &db::Quota::name);
    if (world.config.quota_caps != "on" || quota == world.ledger.quotas().end())
        return {};
    const auto used = world.memory_used.find(domain.owner);
    return may_hold(*quota, {domain.uuid, domain.name, domain.owner, 0, bytes_of(domain), 0},
                    owned_vms(world), used == world.memory_used.end() ? 0 : used->second,
                    room_of(world));
}

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
    const auto users = capped_users(world_);
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
    hold_vms(users);
}

void CapWatch::hold_vms(const std::vector<CappedUser>& users)
{
    auto vms = owned_vms(world_);
    // With one that comes libvirt is busy.
    std::erase_if(
        vms, [&](const OwnedVm& vm) { return world_.domains.at(vm.id).state != Reality::running; });
    std::erase_if(vms_, [&](const auto& held) { return !world_.domains.contains(held.first); });
    auto limits = limits_to_tell(users, vms, vms_);
    if (limits.empty())
        world_.problem("vm caps", "");
    if (limits.empty() || asked_ || !world_.libvirt_here)
        return;
    asked_ = true;
    world_.limit_vms(std::move(limits));
}

void CapWatch::vms_limited(const std::vector<VmLimit>& held, const std::string& wrong)
{
    asked_ = false;
    for (const VmLimit& limit : held)
        vms_[limit.id] = limit;
    world_.problem("vm caps", wrong.empty() ? ""
                                            : "a VM is not held to its owner's share: " + wrong +
                                                  ": give libvirt the cpu controller "
                                                  "(cgroup_controllers in qemu.conf), or set "
                                                  "quota_caps = off");
}

/// Returns what is wrong, or nothing.
std::string CapWatch::hold(const CappedUser& user)
{
    const fs::path group = group_of(world_.config, user.name);
    auto cap = user.services;
    if (const auto memory = hierarchy_of("memory"); memory && cap) {
        auto& used = world_.memory_used[user.name];
        used = memory_used(*memory, group);
        // Less than they have would kill them: they keep it, and nobody gets it.
        cap->memory = std::max(cap->memory, used + used / 8);
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

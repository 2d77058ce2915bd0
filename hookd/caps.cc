// SPDX-License-Identifier: Apache-2.0
//
// hookd/caps: see caps.h.
#include <config.h>

#include "hookd/caps.h"

#include <algorithm>

namespace holdfast::hookd {
namespace {

constexpr std::uint64_t mib = 1 << 20;
// A group, or a container, of less memory could not even begin.
constexpr std::uint64_t least_memory = 32 * mib;
constexpr int thousandth = 1000;
constexpr std::int64_t our_period_us = 99'000; // The kernel's own is 100'000.
constexpr std::int64_t least_quota_us = 1000;  // The kernel takes no less.

/// `weight` of `all` parts of so many processors.
int part_of(int cpu, std::int64_t weight, std::int64_t all)
{
    return std::max(1,
                    static_cast<int>(std::int64_t{cpu} * weight / std::max<std::int64_t>(all, 1)));
}

/// Divides what he may take among what he has.
void divide(CappedUser& user, const std::vector<const OwnedVm*>& vms, bool container)
{
    const bool services = !user.pids.empty();
    const std::int64_t whole = (user.cap->cpu + thousandth - 1) / thousandth;
    std::int64_t weights = whole * (services + container);
    std::uint64_t left = user.cap->memory;
    for (const OwnedVm* vm : vms) {
        weights += std::max(vm->n_cpus, 1);
        left -= std::min(left, vm->memory);
    }
    const auto n_groups = static_cast<std::uint64_t>(std::max(services + container, 1));
    const Cap group{part_of(user.cap->cpu, whole, weights),
                    std::max(left / n_groups, least_memory)};
    if (services)
        user.services = group;
    if (container)
        user.container = group;
    for (const OwnedVm* vm : vms)
        user.vms[vm->id] = part_of(user.cap->cpu, std::max(vm->n_cpus, 1), weights);
}

} // namespace

std::optional<Cap> cap_of(const db::Quota& quota, const NodeRoom& room)
{
    const auto share = quota.share.find(room.name);
    const bool lent = std::ranges::find(quota.borrowed, room.name) != quota.borrowed.end();
    if (quota.administrator || room.capacity <= 0 || (share == quota.share.end() && !lent))
        return std::nullopt;
    const std::int64_t amount =
        std::min(share == quota.share.end() ? room.lent_amount : share->second, room.capacity);
    const double part = static_cast<double>(amount) / static_cast<double>(room.capacity);
    // A group of no processor at all would stand still for ever.
    return Cap{std::max(1, static_cast<int>(part * room.n_cpus * 1000)),
               static_cast<std::uint64_t>(part * static_cast<double>(room.memory))};
}

std::vector<CappedUser> capped_users(const std::vector<db::Quota>& quotas,
                                     const std::vector<db::Service>& services, const Work& work,
                                     const NodeRoom& room)
{
    std::map<std::string, CappedUser> users;
    std::map<std::string, std::vector<const OwnedVm*>> vms;
    for (const db::Service& row : services)
        if (row.hypervisor == room.name && row.state != "stopped" && row.pid > 0)
            users[row.user].pids.push_back(row.pid);
    for (const OwnedVm& vm : work.vms) {
        users.try_emplace(vm.owner);
        vms[vm.owner].push_back(&vm);
    }
    for (const std::string& name : work.containers)
        users.try_emplace(name);
    std::vector<CappedUser> all;
    for (auto& [name, user] : users) {
        const auto quota = std::ranges::find(quotas, name, &db::Quota::name);
        if (quota == quotas.end())
            continue;
        user.name = name;
        user.cap = cap_of(*quota, room);
        if (user.cap)
            divide(user, vms[name], work.containers.contains(name));
        else if (quota->administrator || room.capacity <= 0)
            for (const OwnedVm* vm : vms[name])
                user.vms[vm->id] = 0;
        all.push_back(std::move(user));
    }
    return all;
}

std::optional<CpuQuota> quota_to_write(const CpuQuota& now, int cpu)
{
    const bool is_ours = now.quota > 0 && now.period == our_period_us;
    if (cpu == 0)
        return is_ours ? std::optional{CpuQuota{}} : std::nullopt;
    const CpuQuota wanted{std::max(cpu * our_period_us / thousandth, least_quota_us),
                          our_period_us};
    const bool less = now.quota > 0 && now.quota * wanted.period <= wanted.quota * now.period;
    if (now == wanted || (!is_ours && less))
        return std::nullopt;
    return wanted;
}

std::string group_of_domain(const std::string& folder)
{
    const auto slash = folder.rfind('/');
    if (slash == std::string::npos)
        return "";
    const std::string part = folder.substr(slash + 1);
    const bool is_part =
        part == "emulator" || part.starts_with("vcpu") || part.starts_with("iothread");
    return is_part ? folder.substr(0, slash) : "";
}

Result<void> may_hold(const db::Quota& owner, const OwnedVm& vm, const std::vector<OwnedVm>& vms,
                      std::uint64_t taken, const NodeRoom& room)
{
    const auto cap = cap_of(owner, room);
    if (!cap)
        return {};
    for (const OwnedVm& other : vms)
        if (other.owner == owner.name && other.id != vm.id)
            taken += other.memory;
    if (taken + vm.memory <= cap->memory)
        return {};
    const auto mebibytes = [](std::uint64_t bytes) { return std::to_string(bytes / mib) + " MiB"; };
    return Error{Errc::invalid, "it has " + mebibytes(vm.memory) + " of memory, and user " +
                                    owner.name + " may have " + mebibytes(cap->memory) + " on " +
                                    room.name + ", of which " + mebibytes(taken) +
                                    " are taken: give it less, or see 'holdfast quota request'"};
}

} // namespace holdfast::hookd

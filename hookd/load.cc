// SPDX-License-Identifier: Apache-2.0
//
// hookd/load: see load.h.
#include <config.h>

#include "hookd/load.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <set>
#include <utility>

#include "db/balancer.h"

namespace holdfast::hookd {
namespace {

constexpr int least_change = 50; // Thousandths.

bool is_another(int before, int now)
{
    return (before < 0) != (now < 0) || std::abs(now - before) >= least_change;
}

bool follows_load(const db::Balancer& balancer)
{
    return db::is_builtin(balancer) && balancer.policy == "dynamic";
}

/// The VM of the server, if it runs here.
const db::Vm* vm_here(const db::RealServer& server, const std::vector<db::Vm>& vms,
                      const std::string& self)
{
    const db::Vm* vm = db::vm_with(vms, server.address);
    return vm && vm->hypervisor == self ? vm : nullptr;
}

/// The row as it is; a first one where nobody probes the server.
std::optional<db::ServerHealth> row_of(const db::Balancer& balancer, const db::RealServer& server,
                                       const std::vector<db::ServerHealth>& health,
                                       const std::string& self, const VmLoad& load)
{
    if (const auto* row = db::find_health(health, {balancer.name, server.address, self}))
        return *row;
    if (balancer.check != "none" || load == VmLoad{})
        return std::nullopt;
    db::ServerHealth row;
    row.balancer = balancer.name;
    row.address = server.address;
    row.hypervisor = self;
    row.state = "up";
    row.text = "not probed";
    return row;
}

} // namespace

VmLoad load_between(const LoadSample& before, const LoadSample& now)
{
    VmLoad load;
    if (before.start != now.start)
        return {-1, now.memory};
    load.memory = now.memory >= 0 ? now.memory : before.memory;
    const auto passed = static_cast<double>(now.time_ns - before.time_ns) * now.n_cpus;
    if (before.cpu_ns && now.cpu_ns >= before.cpu_ns && passed > 0)
        load.cpu = static_cast<int>(std::lround(
            std::min(1.0, static_cast<double>(now.cpu_ns - before.cpu_ns) / passed) * 1000));
    return load;
}

bool is_to_be_asked(MemoryAsked& asked, const std::string& vm, const LoadSample& sample)
{
    if (sample.memory >= 0)
        return false;
    const auto [at, first] = asked.try_emplace(vm, sample.start);
    return std::exchange(at->second, sample.start) != sample.start || first;
}

void Loads::take(const LoadSamples& samples)
{
    for (const auto& [vm, sample] : samples) {
        Heard& heard = heard_[vm];
        if (heard.sample)
            heard.load = load_between(*heard.sample, sample);
        heard.ns = sample.time_ns;
        heard.sample = sample;
        if (heard.load)
            heard.sample->memory = heard.load->memory;
    }
}

std::map<std::string, VmLoad> Loads::of(const std::vector<std::string>& vms, std::int64_t now_ns)
{
    std::map<std::string, Heard> heard;
    std::map<std::string, VmLoad> loads;
    for (const std::string& vm : vms) {
        const auto at = heard_.find(vm);
        Heard& one = heard[vm] = at == heard_.end() ? Heard{now_ns, {}, {}} : at->second;
        if (now_ns - one.ns >= silent_ns)
            loads.emplace(vm, VmLoad{});
        else if (one.load)
            loads.emplace(vm, *one.load);
    }
    heard_ = std::move(heard);
    return loads;
}

std::vector<std::string> vms_to_measure(const std::vector<db::Balancer>& balancers,
                                        const std::vector<db::Vm>& vms, const std::string& self)
{
    std::set<std::string> ids;
    for (const db::Balancer& balancer : balancers) {
        if (!follows_load(balancer))
            continue;
        for (const db::RealServer& server : balancer.servers)
            if (const db::Vm* vm = vm_here(server, vms, self))
                ids.insert(vm->id);
    }
    return {ids.begin(), ids.end()};
}

std::vector<db::ServerHealth> rows_with(const std::map<std::string, VmLoad>& loads,
                                        const std::vector<db::Balancer>& balancers,
                                        const std::vector<db::Vm>& vms,
                                        const std::vector<db::ServerHealth>& health,
                                        const std::string& self)
{
    std::vector<db::ServerHealth> rows;
    for (const db::Balancer& balancer : balancers) {
        if (!follows_load(balancer))
            continue;
        for (const db::RealServer& server : balancer.servers) {
            const db::Vm* vm = vm_here(server, vms, self);
            const auto load = vm ? loads.find(vm->id) : loads.end();
            auto row = load == loads.end() ? std::nullopt
                                           : row_of(balancer, server, health, self, load->second);
            if (!row || (!is_another(row->cpu, load->second.cpu) &&
                         !is_another(row->memory, load->second.memory)))
                continue;
            row->cpu = load->second.cpu;
            row->memory = load->second.memory;
            rows.push_back(*row);
        }
    }
    return rows;
}

} // namespace holdfast::hookd

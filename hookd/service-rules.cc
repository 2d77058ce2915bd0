// SPDX-License-Identifier: Apache-2.0
//
// hookd/service-rules: see service-rules.h.
#include <config.h>

#include "hookd/service-rules.h"

#include "db/find.h"

#include <algorithm>

#include "hookd/service-read.h"

namespace holdfast::hookd {
namespace {

constexpr std::size_t n_port_digits = 12; // With "hfs" the longest that an interface may have.
constexpr std::size_t n_mac_digits = 10;

constexpr const char* being_started = "is being started";

// A target that came to live has taken over once.
constexpr std::int64_t over_the_target = 2;

std::string digits(const std::string& id)
{
    std::string all = id;
    std::erase(all, '-');
    return all;
}

Error taken(const std::string& address, const std::string& by)
{
    return {Errc::exists, "address " + address + " is " + by + "'s: give another --ip"};
}

/// Whose each address is, but for the service with this id.
Result<void> check_address(const std::string& address, const std::string& id, const Neighbours& all)
{
    for (const auto& service : all.services)
        for (const auto& other : service.ips)
            if (service.id != id && without_prefix(other) == address)
                return taken(address, "service " + service.name);
    for (const auto& vm : all.vms)
        if (vm.id != id && std::find(vm.ips.begin(), vm.ips.end(), address) != vm.ips.end())
            return taken(address, "VM " + vm.name);
    for (const auto& balancer : all.balancers)
        if (balancer.vip == address)
            return taken(address, "balancer " + balancer.name);
    return {};
}

} // namespace

std::string service_port(const std::string& id)
{
    return "hfs" + digits(id).substr(0, n_port_digits);
}

std::string service_mac(const std::string& id)
{
    const auto all = std::string(n_mac_digits, '0') + digits(id); // A short id is no UUID of ours.
    const auto last = all.substr(all.size() - n_mac_digits);
    std::string mac = "02";
    for (std::size_t i = 0; i < last.size(); i += 2)
        mac += ":" + last.substr(i, 2);
    return mac;
}

Result<db::Service> may_run(db::Service wanted, const Neighbours& all, const std::string& new_id)
{
    wanted.id = new_id;
    wanted.epoch = 1;
    for (const auto& other : all.services) {
        if (other.name != wanted.name)
            continue;
        if (other.state != "stopped" || other.hypervisor != all.self)
            return Error{Errc::exists,
                         "there is a service " + other.name + " already, " + other.state + " on " +
                             other.hypervisor + ": choose another name" +
                             (other.state == "stopped"
                                  ? ", or 'holdfast service stop " + other.name + "' first"
                                  : "")};
        wanted.id = other.id;
        wanted.epoch = other.epoch;
        wanted.pinned = other.pinned;
    }
    for (const auto& vm : all.vms)
        if (vm.name == wanted.name && vm.id != wanted.id)
            return Error{Errc::exists,
                         "there is a VM " + vm.name + " already: choose another name"};
    for (const auto& address : wanted.ips)
        if (auto free = check_address(without_prefix(address), wanted.id, all); !free)
            return free.error();
    wanted.mac = service_mac(wanted.id);
    wanted.hypervisor = all.self;
    wanted.exit = being_started;
    return wanted;
}

bool is_being_started(const db::Service& row)
{
    return row.state == "stopped" && row.exit == being_started;
}

Result<void> may_stop(const db::Service& service)
{
    if (service.state == "moving")
        return Error{Errc::invalid,
                     "service " + service.name + " is moving: stop it when that has ended"};
    return {};
}

Result<void> may_move(const db::Service& service, const std::string& target,
                      const std::string& mode, const std::string& self,
                      const std::vector<db::Hypervisor>& hypervisors)
{
    auto refuse = [&](const std::string& why) {
        return Error{Errc::invalid, "service " + service.name + " " + why};
    };
    if (service.state == "moving")
        return refuse("is moving already: wait for its end, 'holdfast service show " +
                      service.name + "'");
    if (service.state != "running")
        return refuse("does not run: run it first");
    if (service.pinned)
        return refuse("is pinned: 'holdfast service pin " + service.name + " off' first");
    if (service.hypervisor != self)
        return refuse("is on " + service.hypervisor);
    if (mode == "checkpoint" && service.mode != mode)
        return refuse("was run with --mode " + service.mode +
                      ", which cannot be checkpointed: stop it and run it with --mode checkpoint, "
                      "or move it as it is");
    if (target == self)
        return refuse("is on " + target + " already");
    auto to = db::find_hypervisor(hypervisors, target);
    if (!to)
        return to.error();
    if (to->drained)
        return Error{Errc::invalid, to->name +
                                        " is drained: choose another, or 'holdfast node "
                                        "return " +
                                        to->name + "' first"};
    if (to->vtep.empty())
        return Error{Errc::invalid, to->name + " has no address for other hypervisors: set vtep "
                                               "in its holdfast.conf"};
    return {};
}

Result<void> may_come(const db::Service* row, const std::string& home, const db::Hypervisor& self)
{
    if (!row)
        return Error{Errc::not_found,
                     "it is not known to " + self.name + " yet: see 'holdfast fleet status' there"};
    if (row->hypervisor != home)
        return Error{Errc::invalid, "it is " + row->hypervisor + "'s, and not " + home + "'s"};
    if (self.drained)
        return Error{Errc::invalid,
                     self.name + " is drained: 'holdfast node return " + self.name + "' first"};
    return {};
}

bool may_live(const db::Service* now, const db::Service& began, const std::string& home,
              const std::string& self)
{
    if (!now)
        return false;
    return now->hypervisor == self ||
           (now->hypervisor == home && now->state == "moving" && now->epoch <= began.epoch);
}

std::string standstill(const std::string& service, const std::string& target,
                       const db::Hypervisor* known)
{
    if (known && !known->lost)
        return "stands still: " + target +
               " has to say whether it lives there, and cannot be asked; it is asked each second: "
               "see that " +
               target + " and the way to it work";
    return "stands still: it may live on " + target + ", which is " +
           (known ? "lost" : "not in the fleet any more") + ": once " + target +
           " is fenced (its power is cut, for example), 'holdfast service take-back " + service +
           " --fenced'";
}

Result<void> may_take_back(const db::Service& service, const std::string& target,
                           const db::Hypervisor* known, bool fenced)
{
    auto refuse = [&](const std::string& why) {
        return Error{Errc::invalid, "service " + service.name + " " + why};
    };
    if (service.state != "moving")
        return refuse("does not move, and has nothing to be taken back: it is " + service.state +
                      " on " + service.hypervisor);
    if (target.empty())
        return refuse("is moving, and does not stand still: wait for its end, 'holdfast service "
                      "show " +
                      service.name + "'");
    if (known && !known->lost)
        return refuse("may live on " + target +
                      ", which is not lost, and says so itself when it is reached: see 'holdfast "
                      "status'");
    if (!fenced)
        return refuse("may live on " + target + ", and must not run twice: fence " + target +
                      " (cut its power, for example), then say so by --fenced");
    return {};
}

db::Service taken_back(db::Service row, const std::string& self)
{
    row.hypervisor = self;
    row.epoch += over_the_target;
    row.state = "running";
    return row;
}

db::Vm taken_back(db::Vm row, const std::string& self)
{
    row.hypervisor = self;
    row.epoch += over_the_target;
    return row;
}

db::Service arrived(db::Service row, const std::string& self, int pid)
{
    if (row.hypervisor != self) // Else a daemon before this one has said so.
        row.epoch++;
    row.hypervisor = self;
    return running(std::move(row), pid);
}

db::Service running(db::Service row, int pid)
{
    row.state = "running";
    row.pid = pid;
    row.exit.clear();
    return row;
}

db::Service ended(db::Service row, const std::string& why)
{
    row.state = "stopped";
    row.pid = 0;
    row.exit = why.empty() ? "it ended while nobody looked, as when the hypervisor restarts" : why;
    return row;
}

service::Definition definition_of(const db::Service& row, bool offloads)
{
    return {.name = row.name,
            .interface = service_port(row.id),
            .mac = row.mac,
            .ips = row.ips,
            .gateway = row.gateway,
            .offloads = offloads,
            .user = row.user,
            .command = row.command,
            .directory = row.directory,
            .environment = row.environment,
            .checkpoint = row.mode == "checkpoint"};
}

} // namespace holdfast::hookd

// SPDX-License-Identifier: Apache-2.0
//
// hookd/service-place: see service-place.h.
#include <config.h>

#include "hookd/service-place.h"

#include <algorithm>

#include "db/balancer.h"
#include "db/entry-port.h"
#include "hookd/service-rules.h"

namespace holdfast::hookd {
namespace {

/// How a network is called for people.
std::string network(const std::string& fabric)
{
    return fabric.empty() ? "a network without a name" : "network " + fabric;
}

/// hfe or hfl, and the digits of the service's port.
std::string port_name(const char* kind, const std::string& service)
{
    return kind + service_port(service).substr(3);
}

bool has(const std::vector<SwitchPort>& ports, const std::string& iface_id)
{
    return std::ranges::find(ports, iface_id, &SwitchPort::iface_id) != ports.end();
}

void add_patch(std::vector<std::string>& words, const Config& config, const std::string& name,
               const std::string& peer, const std::string& iface_id, int tag)
{
    for (const std::string& word :
         {std::string{"--"}, std::string{"--may-exist"}, std::string{"add-port"}, config.bridge,
          name, std::string{"--"}, std::string{"set"}, std::string{"Port"}, name,
          tag ? "tag=" + std::to_string(tag) : "tag=[]", std::string{"--"}, std::string{"set"},
          std::string{"Interface"}, name, std::string{"type=patch"}, "options:peer=" + peer,
          "external_ids:iface-id=\"" + iface_id + "\""})
        words.push_back(word);
}

} // namespace

db::VmPort placed(db::VmPort plugged, const db::Vm& was, const std::string& self,
                  const std::string& fabric)
{
    const db::VmPort before = was.ports.empty() ? db::VmPort{} : was.ports.front();
    const bool runs_here = was.hypervisor == self;
    // Whom it left in this network, which may have had another name then.
    const bool at_home = before.entry == self || (runs_here && before.entry.empty());
    plugged.fabric = at_home ? fabric : before.fabric;
    if (!at_home && runs_here) // As its port was made, whatever the network is called by now.
        plugged.entry = before.entry;
    else if (plugged.fabric == fabric)
        plugged.entry.clear();
    else
        plugged.entry = before.entry.empty() ? was.hypervisor : before.entry;
    return plugged;
}

int tag_of(const db::Service& service, const db::VmPort& port)
{
    return port.entry.empty() ? service.vlan : db::dead_vlan;
}

Result<void> may_live_apart(const db::Service& service, const db::VmPort& port,
                            const std::string& fabric, const std::vector<db::Chain>& chains,
                            const std::vector<db::Balancer>& balancers)
{
    if (port.entry.empty())
        return {};
    const std::string apart = "; this is " + network(fabric) + ", and its addresses are of " +
                              network(port.fabric) + ": ";
    for (const db::Chain& chain : chains)
        if (passes(chain, service.id))
            return Error{Errc::invalid, "it is a hop of chain " + chain.name + apart +
                                            "take it out of the chain first, or choose a "
                                            "hypervisor of its own network"};
    for (const db::Balancer& balancer : balancers) {
        const auto serves = [&](const std::string& address) {
            return std::ranges::any_of(
                db::all_servers(balancer), [&](const db::RealServer& server) {
                    return address.substr(0, address.find('/')) == server.address;
                });
        };
        if (std::ranges::any_of(service.ips, serves) ||
            std::ranges::find(balancer.directors, service.id) != balancer.directors.end())
            return Error{Errc::invalid, "it is part of balancer " + balancer.name + apart +
                                            "take it out of the balancer first, or choose a "
                                            "hypervisor of its own network"};
    }
    return {};
}

bool is_entered(const db::Vm* record, const std::string& self, const std::vector<SwitchPort>& ports)
{
    if (!record)
        return true;
    if (record->hypervisor == self)
        return false;
    return record->ports.empty() || record->ports.front().entry != self ||
           (has(ports, db::entry_id(record->id)) && has(ports, db::lead_id(record->id)));
}

std::string not_entered(const std::vector<db::Vm>& vms,
                        const std::vector<db::Hypervisor>& hypervisors, const std::string& self)
{
    for (const db::Vm& vm : vms) {
        if (vm.kind != "service" || vm.hypervisor != self || vm.ports.empty())
            continue;
        const auto entry =
            std::ranges::find(hypervisors, vm.ports.front().entry, &db::Hypervisor::name);
        if (entry != hypervisors.end() && entry->lost)
            return "service " + vm.name + " is not reached: " + entry->name +
                   ", by way of which its network reaches it, is not heard of: bring that back, or "
                   "move the service to a hypervisor of " +
                   network(vm.ports.front().fabric);
    }
    return "";
}

Result<void> may_be_led_to(const db::Vm& vm)
{
    if (vm.ports.empty() || vm.ports.front().entry.empty())
        return {};
    return Error{Errc::invalid, "service " + vm.name +
                                    " runs in another network than its addresses': move it to a "
                                    "hypervisor of " +
                                    network(vm.ports.front().fabric) + " first"};
}

std::vector<std::string> change_entries(const Config& config, const std::vector<db::Vm>& vms,
                                        const std::vector<db::Service>& services,
                                        const std::vector<SwitchPort>& ports)
{
    std::vector<std::string> words;
    std::vector<std::string> wanted;
    for (const db::Vm& vm : vms) {
        const auto service = std::ranges::find(services, vm.id, &db::Service::id);
        if (vm.kind != "service" || service == services.end() || vm.ports.empty() ||
            vm.ports.front().entry != config.hypervisor || vm.hypervisor == config.hypervisor)
            continue;
        const auto entry = db::entry_id(vm.id), lead = db::lead_id(vm.id);
        wanted.insert(wanted.end(), {entry, lead});
        if (has(ports, entry) && has(ports, lead))
            continue;
        const auto outer = port_name("hfe", vm.id), inner = port_name("hfl", vm.id);
        add_patch(words, config, outer, inner, entry, service->vlan);
        add_patch(words, config, inner, outer, lead, db::dead_vlan);
    }
    for (const SwitchPort& port : ports)
        if ((port.kind == "entry" || port.kind == "lead") &&
            std::ranges::find(wanted, port.iface_id) == wanted.end())
            for (const std::string& word : {std::string{"--"}, std::string{"--if-exists"},
                                            std::string{"del-port"}, port.bridge, port.interface})
                words.push_back(word);
    if (words.empty())
        return words;
    std::vector<std::string> command{"ovs-vsctl", "--timeout=10"};
    if (!config.ovs_db.empty())
        command.push_back("--db=" + config.ovs_db);
    command.insert(command.end(), words.begin(), words.end());
    return command;
}

} // namespace holdfast::hookd

// SPDX-License-Identifier: Apache-2.0
//
// hookd/records: see records.h.
#include <config.h>

#include "hookd/records.h"

#include <algorithm>
#include <map>
#include <optional>

#include <nlohmann/json.hpp>

#include "hookd/chain.h"
#include "hookd/index.h"
#include "hookd/service-place.h"
#include "hookd/service-read.h"
#include "hookd/service-rules.h"

namespace holdfast::hookd {
namespace {

using Json = nlohmann::json;

/// Works on a copy of the rows, so that labels given in one round differ.
class Recorder {
public:
    Recorder(const Seen& seen, const std::vector<db::Vm>& rows)
        : seen_{seen}, rows_{rows}, before_{rows}
    {
    }

    RecordChange run()
    {
        for (const Domain& domain : seen_.domains)
            record_domain(domain);
        for (const db::Service& service : seen_.services) {
            if (service.hypervisor == seen_.self)
                record_service(service);
        }
        for (const SwitchPort& port : seen_.ports) {
            // A service's, which may be on its way in or out, has its record by the service's row.
            const bool service = port.interface == service_port(port.iface_id);
            if (port.vm_id.empty() && !port.mac.empty() && !port.iface_id.empty() && !service)
                record_port(port);
        }
        settle_the_rest();
        look_at_health();
        if (!seen_.domains_known || !seen_.ports_known) // What runs here is not known.
            change_.yielded.insert(seen_.yielded.begin(), seen_.yielded.end());
        Index before{before_, &db::Vm::id};
        for (const db::Vm& row : rows_) {
            const db::Vm* old = before.find(row.id);
            if (!old || *old != row)
                change_.put.push_back(row);
        }
        return change_;
    }

private:
    db::Vm* find(const std::string& id)
    {
        auto row =
            std::find_if(rows_.begin(), rows_.end(), [&](const db::Vm& vm) { return vm.id == id; });
        return row == rows_.end() ? nullptr : &*row;
    }

    db::Vm* add(const std::string& id, const std::string& name, const std::string& kind)
    {
        auto label = next_label(rows_, seen_.number);
        if (!label) {
            change_.problems.push_back("VM " + name + " has no record: " + label.error().message);
            return nullptr;
        }
        db::Vm row;
        row.id = id;
        row.name = name;
        row.kind = kind;
        row.label = *label;
        row.hypervisor = seen_.self;
        row.epoch = 1;
        rows_.push_back(row);
        return &rows_.back();
    }

    void record_domain(const Domain& domain)
    {
        present_.insert(domain.xml.uuid);
        db::Vm* row = find(domain.xml.uuid);
        bool moving = seen_.moving.contains(domain.xml.uuid);
        if (!row && moving)
            return; // Its record comes with it, or is made when it runs here.
        if (!row && !(row = add(domain.xml.uuid, domain.xml.name, "domain")))
            return;
        bool runs = domain.state != Reality::absent;
        // A paused guest may be one that is on its way in, so only a running one takes over.
        if (!moving &&
            (domain.state == Reality::running || (runs && seen_.yielded.contains(domain.xml.uuid))))
            take_over(*row);
        // One that is leaving keeps its record until the move is over, its port's end included.
        if (row->hypervisor != seen_.self || moving)
            return;
        row->name = domain.xml.name;
        row->ips = domain.xml.ips;
        row->service = domain.xml.service;
        row->state = runs ? "running" : "stopped";
        if (domain.state == Reality::paused && domain.halted)
            halted_.insert(row->id);
        set_ports(*row, domain);
    }

    /// It runs here, so its record is ours, unless another runs it, too, and began later.
    void take_over(db::Vm& row)
    {
        if (row.hypervisor == seen_.self)
            return;
        if (!seen_.yielded.contains(row.id) || row.state != "running" ||
            row.health == dead_text(row.hypervisor)) {
            row = taken_over(row, seen_.self);
            return;
        }
        if (change_.yielded.insert(row.id).second)
            change_.problems.push_back("VM " + row.name + " runs here and on " + row.hypervisor +
                                       ", where its traffic goes: stop one of the two");
    }

    /// A service of this hypervisor: its row says whose it is, and whether it runs.
    void record_service(const db::Service& service)
    {
        present_.insert(service.id);
        if (seen_.moving.contains(service.id))
            return; // It keeps its record until the move is over.
        db::Vm* row = find(service.id);
        if (!row && !(row = add(service.id, service.name, "service")))
            return;
        db::Vm was = *row;
        if (service.state == "stopped") { // It begins anew where it is run again.
            was.hypervisor = seen_.self;
            was.ports.clear();
        }
        if (row->hypervisor != seen_.self)
            *row = taken_over(*row, seen_.self);
        row->kind = "service";
        row->name = service.name;
        row->state = service.state == "stopped" ? "stopped" : "running";
        row->ips.clear();
        for (const std::string& address : service.ips)
            row->ips.push_back(without_prefix(address));
        db::VmPort port{service.mac, service.id, "", "", 0};
        for (const SwitchPort& plugged : seen_.ports)
            if (plugged.iface_id == service.id)
                port = plugged_port(plugged);
        if (seen_.ports_known || row->ports.empty())
            row->ports = {placed(port, was, seen_.self, seen_.fabric)};
    }

    /// The ports in the order of the XML, as far as the switch knows them plugged.
    void set_ports(db::Vm& row, const Domain& domain)
    {
        std::vector<db::VmPort> ports;
        for (const DomainInterface& interface : domain.xml.interfaces) {
            db::VmPort port;
            port.mac = interface.mac;
            port.iface_id = interface.iface_id;
            auto old = std::find_if(row.ports.begin(), row.ports.end(),
                                    [&](const db::VmPort& p) { return p.mac == interface.mac; });
            if (old != row.ports.end() && port.iface_id.empty())
                port.iface_id = old->iface_id;
            if (!seen_.ports_known) {
                if (old != row.ports.end())
                    port = *old;
            } else if (const SwitchPort* plugged = find_port(row.id, interface.mac)) {
                port = plugged_port(*plugged);
            }
            ports.push_back(port);
        }
        row.ports = ports;
    }

    const SwitchPort* find_port(const std::string& vm, const std::string& mac) const
    {
        for (const SwitchPort& port : seen_.ports) {
            if (port.vm_id == vm && port.mac == mac)
                return &port;
        }
        return nullptr;
    }

    static db::VmPort plugged_port(const SwitchPort& port)
    {
        return {port.mac, port.iface_id, port.bridge, port.interface, port.ofport};
    }

    /// A port that somebody other than libvirt plugged: a VM of its own, kind "port".
    void record_port(const SwitchPort& port)
    {
        const bool first = present_.insert(port.iface_id).second;
        db::Vm* row = find(port.iface_id);
        if (!row && !(row = add(port.iface_id, port.iface_id, "port")))
            return;
        if (row->kind != "port") {
            change_.problems.push_back("port " + port.interface + " has the iface-id of VM " +
                                       row->name + ": give it another external_ids:iface-id");
            return;
        }
        take_over(*row);
        if (row->hypervisor != seen_.self)
            return;
        row->state = "running";
        if (first)
            row->ports.clear();
        row->ports.push_back(plugged_port(port));
    }

    /// Records of ours that neither libvirt nor the switch shows any more.
    void settle_the_rest()
    {
        for (auto row = rows_.begin(); row != rows_.end();) {
            bool known = row->kind == "port"      ? seen_.ports_known
                         : row->kind == "service" ? true
                                                  : seen_.domains_known;
            if (row->hypervisor != seen_.self || present_.contains(row->id)) {
                ++row;
                continue;
            }
            bool moving = seen_.moving.contains(row->id);
            if (!known || moving) {
                if (!moving)
                    follow_ports(*row);
                ++row;
                continue;
            }
            if (!seen_.chained.contains(row->id) && !row->protect) {
                change_.remove.push_back(row->id);
                row = rows_.erase(row);
                continue;
            }
            row->state = "stopped";
            for (db::VmPort& port : row->ports)
                unplug(port);
            ++row;
        }
    }

    /// While libvirtd is away the switch still shows what is plugged.
    void follow_ports(db::Vm& row) const
    {
        for (db::VmPort& port : row.ports) {
            const SwitchPort* plugged = find_port(row.id, port.mac);
            if (plugged)
                port = plugged_port(*plugged);
            else if (seen_.ports_known)
                unplug(port);
        }
    }

    /// Whether a VM that runs here does its work as a hop (spec C10).
    void look_at_health()
    {
        for (db::Vm& row : rows_) {
            if (row.hypervisor != seen_.self || !seen_.ports_known || seen_.moving.contains(row.id))
                continue;
            row.health = seen_.silent.contains(row.id) ? "lets no probe through" : "";
            if (halted_.contains(row.id))
                row.health = "its guest is paused";
            for (const db::VmPort& port : row.ports) {
                if (row.state == "running" && is_down(port))
                    row.health = "port " + port.interface + " is down";
            }
        }
    }

    bool is_down(const db::VmPort& port) const
    {
        return std::any_of(seen_.ports.begin(), seen_.ports.end(), [&](const SwitchPort& plugged) {
            return plugged.interface == port.interface && !plugged.up;
        });
    }

    static void unplug(db::VmPort& port)
    {
        port.bridge.clear();
        port.interface.clear();
        port.ofport = 0;
    }

    const Seen& seen_;
    std::vector<db::Vm> rows_;
    const std::vector<db::Vm>& before_;
    std::set<std::string> present_;
    std::set<std::string> halted_; // Domains of ours whose guest stands still.
    RecordChange change_;
};

} // namespace

bool is_of(const SwitchPort& port, const std::string& vm)
{
    return port.vm_id.empty() ? port.iface_id == vm : port.vm_id == vm;
}

Result<std::vector<SwitchPort>> parse_switch_ports(const std::string& json)
try {
    std::vector<SwitchPort> ports;
    for (const Json& item : Json::parse(json)) {
        SwitchPort port;
        port.bridge = item.at("bridge").get<std::string>();
        port.interface = item.at("interface").get<std::string>();
        port.ofport = item.at("ofport").get<int>();
        port.iface_id = item.value("iface_id", "");
        port.mac = item.value("mac", "");
        port.vm_id = item.value("vm_id", "");
        port.kind = item.value("kind", "");
        port.up = item.value("up", true);
        port.tag = item.value("tag", 0);
        ports.push_back(port);
    }
    return ports;
} catch (const Json::exception& failed) {
    return Error{Errc::damaged, std::string{"the switch's list of ports: "} + failed.what()};
}

RecordChange compute_records(const Seen& seen, const std::vector<db::Vm>& rows)
{
    return Recorder{seen, rows}.run();
}

std::string dead_text(const std::string& hypervisor)
{
    return "its hypervisor " + hypervisor + " is dead: it neither writes nor answers";
}

bool yields(const db::Vm& ours, const db::Vm& row)
{
    return ours.hypervisor != row.hypervisor && ours.state == "running" && row.state == "running";
}

db::Vm taken_over(db::Vm row, const std::string& self)
{
    if (row.hypervisor != self) {
        row.hypervisor = self;
        row.health.clear();
        ++row.epoch;
    }
    row.state = "running";
    return row;
}

} // namespace holdfast::hookd

// SPDX-License-Identifier: Apache-2.0
//
// hookd/records: keeps the VM records of this hypervisor true (spec C1, C2).
//
// Pure: from the switch's ports, libvirt's domains and the rows there are, the rows to
// write.  Ownership: a hypervisor takes a record over only because the VM runs there, and
// raises its epoch then; a mere definition makes a record only where there is none.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "common/result.h"
#include "db/rows.h"
#include "hookd/domain-xml.h"
#include "hookd/move-machine.h"
#include "recovery/failure.h"

namespace holdfast::hookd {

/// A port as the switch module reports it (`holdfast/ports`).
struct SwitchPort {
    std::string bridge;
    std::string interface;
    int ofport = 0;
    std::string iface_id;
    std::string mac;   // Lower case.
    std::string vm_id; // Empty if not libvirt's.
    std::string kind;  // vm, port, uplink, tunnel, local.
    bool up = true;
    int tag = 0; // The VLAN of which it is an access port; 0 if of none.

    bool operator==(const SwitchPort&) const = default;
};

/// Whether it is a port of this VM or service: libvirt's, or one whose iface-id says so.
bool is_of(const SwitchPort& port, const std::string& vm);

/// Reads the module's answer, an array of ports.
/// Errors: damaged, if it is not what doc/architecture.md says.
Result<std::vector<SwitchPort>> parse_switch_ports(const std::string& json);

/// A domain of libvirt's on this hypervisor.
struct Domain {
    DomainXml xml;
    Reality state = Reality::absent;
    std::int64_t disk = 0; // Bytes of all its disks, as its guest sees them; 0: not known.
    bool halted = false;   // It is paused, and no migration is why (is_halted()).
    /// As libvirt says it, for its recovery.
    recovery::DomainState seems = recovery::DomainState::off;
    std::string definition{}; // Where its disks are shared: its XML, as another could define it.
};

/// What is known here.
struct Seen {
    std::string self;                  // This hypervisor's name.
    int number = 1;                    // Its number, for labels.
    std::string fabric;                // The network of its bridge, by holdfast.conf.
    std::vector<SwitchPort> ports;     // All of the switch.
    bool ports_known = false;          // False while the switch is away: leave ports as they are.
    std::vector<Domain> domains;       // All of libvirt's, defined or running.
    bool domains_known = false;        // False while libvirtd is away: leave states as they are.
    std::vector<db::Service> services; // All of the fleet.
    std::set<std::string> moving;      // VMs whose move is under way: leave their owner and state.
    std::set<std::string> silent;      // VMs that let no probe through.
    std::set<std::string> chained;     // VMs that chains and balancers need: their records stay.
    std::set<std::string> yielded; // VMs that another took over though they ran here (yields()).
};

/// What to do to the store.
struct RecordChange {
    std::vector<db::Vm> put;
    std::vector<std::string> remove;   // VM ids.
    std::set<std::string> yielded;     // Of Seen's, those that run here and there still.
    std::vector<std::string> problems; // One line each: what, and the mend.

    bool empty() const { return put.empty() && remove.empty(); }
};

/// The rows to write so that records say what is seen.
RecordChange compute_records(const Seen& seen, const std::vector<db::Vm>& rows);

/// Why a VM whose hypervisor is dead does no work as a hop: db::Vm::health.
std::string dead_text(const std::string& hypervisor);

/// Whether `row`, which another hypervisor put in the place of ours, takes over what runs here.  Of
/// two that run one VM, or have a port of one iface-id, it is who began later; the other yields, or
/// they would take it from each other for ever.
bool yields(const db::Vm& ours, const db::Vm& row);

/// The row after its VM was found running on hypervisor `self`: owner and epoch.
db::Vm taken_over(db::Vm row, const std::string& self);

} // namespace holdfast::hookd

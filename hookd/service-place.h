// SPDX-License-Identifier: Apache-2.0
//
// hookd/service-place: how a service is reached that runs in another network than its addresses'
// (spec S8).
//
// Pure.  It keeps its addresses: the hypervisor that it left stands in for it where they are, by a
// port in its own bridge that leads to it.  doc/architecture.md says why.
#pragma once

#include <string>
#include <vector>

#include "common/config.h"
#include "common/result.h"
#include "db/rows.h"
#include "hookd/records.h"

namespace holdfast::hookd {

/// A service's port here, `plugged`, with the network that it belongs to and who stands in for it
/// there.
/// Shape:   `was`: its record as it is, whoever's; `fabric`: this hypervisor's.
db::VmPort placed(db::VmPort plugged, const db::Vm& was, const std::string& self,
                  const std::string& fabric);

/// The VLAN of which its port here is to be an access port; 0: of none.
int tag_of(const db::Service& service, const db::VmPort& port);

/// Whether it can live here, in another network, by a port that is placed() so.
/// Errors: invalid, one line with the mend: it is a hop, or a server or director of a balancer.
Result<void> may_live_apart(const db::Service& service, const db::VmPort& port,
                            const std::string& fabric, const std::vector<db::Chain>& chains,
                            const std::vector<db::Balancer>& balancers);

/// Whether what is for a service that left here, apart from its network, reaches it by way of here:
/// its record is its new hypervisor's, and the ports are there.
/// Shape:   `record`: null if there is none any more; `ports`: all of the switch.
bool is_entered(const db::Vm* record, const std::string& self,
                const std::vector<SwitchPort>& ports);

/// What is wrong with services here whose network reaches them by way of another hypervisor; empty
/// if nothing is.
std::string not_entered(const std::vector<db::Vm>& vms,
                        const std::vector<db::Hypervisor>& hypervisors, const std::string& self);

/// The same of what is to become a hop, a server or a director.
Result<void> may_be_led_to(const db::Vm& vm);

/// What makes the ports for the services that this hypervisor stands in for, and takes those away
/// that none needs any more; empty if all is as it should be.
/// Shape:   `ports`: all of the switch.
std::vector<std::string> change_entries(const Config& config, const std::vector<db::Vm>& vms,
                                        const std::vector<db::Service>& services,
                                        const std::vector<SwitchPort>& ports);

} // namespace holdfast::hookd

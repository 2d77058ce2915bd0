// SPDX-License-Identifier: Apache-2.0
//
// db/entry-port: the two ports by which a service that runs in another network is in the bridge of
// the hypervisor that stands in for it (spec S8, doc/architecture.md).
//
// hookd makes them, two ends of a patch in one bridge; the switch's module leads what goes into the
// first, and so comes out of the second, to the service.
#pragma once

#include <string>

namespace holdfast::db {

/// external_ids:iface-id of the port that is in the service's place.
inline std::string entry_id(const std::string& service)
{
    return "holdfast-entry:" + service;
}

/// The same of the one at which all comes out that went into it.
inline std::string lead_id(const std::string& service)
{
    return "holdfast-lead:" + service;
}

/// The VLAN of ports that are to have nothing of the bridge's: 802.1Q has it for no network.
constexpr int dead_vlan = 4095;

} // namespace holdfast::db

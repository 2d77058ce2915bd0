// SPDX-License-Identifier: Apache-2.0
//
// hookd/mtu: see mtu.h.
#include <config.h>

#include "hookd/mtu.h"

#include <algorithm>

namespace holdfast::hookd {

int tunnel_overhead(bool ipv6, bool tagged)
{
    constexpr int ethernet = 14, tag = 4, vxlan = 8, udp = 8;
    return ethernet + (tagged ? tag : 0) + vxlan + udp + (ipv6 ? 40 : 20);
}

std::string mtu_problem(const std::vector<PortMtu>& ports, const std::vector<WayMtu>& ways)
{
    const PortMtu* widest = nullptr; // With its VLAN tag, since that takes room too.
    for (const PortMtu& port : ports)
        if (!widest || port.mtu + (port.tagged ? 4 : 0) > widest->mtu + (widest->tagged ? 4 : 0))
            widest = &port;
    if (!widest)
        return {};
    const WayMtu* narrowest = nullptr;
    auto room = [&](const WayMtu& way) {
        return way.mtu - tunnel_overhead(way.ipv6, widest->tagged);
    };
    auto too_narrow = [&](const WayMtu& way) { return room(way) < widest->mtu; };
    for (const WayMtu& way : ways)
        if (too_narrow(way) && (!narrowest || room(way) < room(*narrowest)))
            narrowest = &way;
    if (!narrowest)
        return {};
    auto n_others = std::count_if(ways.begin(), ways.end(), too_narrow) - 1;
    int overhead = tunnel_overhead(narrowest->ipv6, widest->tagged);
    return "packets of more than " + std::to_string(room(*narrowest)) + " bytes to " +
           narrowest->peer + (n_others > 0 ? " and " + std::to_string(n_others) + " more" : "") +
           " do not fit into the tunnel, which adds " + std::to_string(overhead) +
           " and leaves by " + narrowest->device + " (MTU " + std::to_string(narrowest->mtu) +
           "), but " + widest->interface + " sends " + std::to_string(widest->mtu) +
           ": 'ip link set " + narrowest->device + " mtu " +
           std::to_string(widest->mtu + overhead) +
           "', and the same on the way there, or give the VMs a smaller MTU";
}

} // namespace holdfast::hookd

// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/tunnel: see the header.
#include <config.h>

#include "ovs-plugin/tunnel.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>

#include "db/entry-port.h"

namespace holdfast::plugin {

namespace {

constexpr std::int64_t warm_interval_ms = 60'000;
constexpr std::int64_t look_interval_ms = 1000;
// Senders told in a second: what a Linux router allows itself (icmp_msgs_per_sec).
constexpr int answers_a_second = 1000;
// Frames fragmented in a second: the main thread has other things to do.
constexpr int fragmented_a_second = 10'000;
// Frames handled in a turn of the main loop: some 10 microseconds each.
constexpr std::size_t large_a_turn = 64;
// The operator's own flows decide.
constexpr const char* release_actions = "load:0x80000000->NXM_NX_REG13[],resubmit(,0)";

/// The least MTU of a bridge's uplinks; 0 if none is known.
int least_uplink_mtu(const char* bridge)
{
    int least = 0;
    hf_ports(
        bridge,
        [](const hf_port* port, void* to) {
            auto& least_so_far = *static_cast<int*>(to);
            if (kind_of(*port) == "uplink" && port->mtu &&
                (!least_so_far || port->mtu < least_so_far))
                least_so_far = port->mtu;
        },
        &least);
    return least;
}

} // namespace

std::string kind_of(const hf_port& port)
{
    const std::string type = port.type;
    if (port.ofport == 65534 || type == "internal")
        return "local";
    if (type == "vxlan" && std::string{port.interface} == "holdfast0")
        return "tunnel";
    const std::string id = port.iface_id;
    if (type == "patch" && id.starts_with(db::entry_id("")))
        return "entry";
    if (type == "patch" && id.starts_with(db::lead_id("")))
        return "lead";
    if (*port.vm_id && *port.mac)
        return "vm";
    if (*port.iface_id && *port.mac)
        return "port";
    // The userspace datapath's name for an internal port.
    return type == "tap" ? "local" : "uplink";
}

void Tunnel::use(const std::string& bridge, const std::vector<Port>& ports)
{
    bridge_ = bridge;
    interface_.clear();
    port_ = 0;
    vms_.clear();
    entry_ports_.clear();
    entries_.clear();
    pinned_.clear(); // The bridge may be one made anew.
    look_again_ms_ = 0;
    for (const auto& port : ports) {
        if (port.kind == "tunnel") {
            interface_ = port.interface;
            port_ = static_cast<std::uint32_t>(port.ofport);
        } else if (port.kind == "entry") {
            entry_ports_.emplace(port.iface_id, port.ofport);
        } else if (Mac mac; (port.kind == "vm" || port.kind == "port") && read_mac(port.mac, mac)) {
            vms_.emplace(mac, port.interface);
        }
    }
}

bool Tunnel::send(std::uint32_t label, const std::string& vtep, const Frame& frame) const
{
    return port_ && !vtep.empty() &&
           hf_tunnel_send(bridge_.c_str(), label, vtep.c_str(), port_, frame.data(),
                          frame.size()) == 0;
}

void Tunnel::warm_up(const std::string& vtep) const
{
    Frame frame{0x02, 0x48, 0x46, 0, 0,    2,   0x02, 0x48,
                0x46, 0,    0,    1, 0x88, 0xb5}; // Local experimental (IEEE 802); nobody gets it.
    frame.resize(60);
    (void)send(label_warm_up, vtep, frame);
}

void Tunnel::keep_warm(const db::Snapshot& snapshot)
{
    if (hf_now_ms() >= warm_again_ms_) {
        warm_again_ms_ = hf_now_ms() + warm_interval_ms;
        warm_.clear();
    }
    for (const auto& hypervisor : snapshot.hypervisors)
        if (!hypervisor.self && !hypervisor.vtep.empty() && warm_.insert(hypervisor.vtep).second)
            warm_up(hypervisor.vtep);
}

void Tunnel::look_at_underlay(const db::Snapshot& snapshot)
{
    if (hf_now_ms() < look_again_ms_)
        return;
    look_again_ms_ = hf_now_ms() + look_interval_ms;
    if (!port_) {
        hf_tunnel_limit(bridge_.c_str(), "", 0);
        return;
    }
    pin_bridge();
    find_entries(snapshot);
    std::map<std::string, int> bridges;
    int least = 0;
    for (const auto& hypervisor : snapshot.hypervisors) {
        char name[HF_NAME_SIZE];
        if (hypervisor.self || hypervisor.vtep.empty() ||
            !hf_tunnel_bridge(hypervisor.vtep.c_str(), name))
            continue;
        auto [at, fresh] = bridges.try_emplace(name, 0);
        if (fresh)
            at->second = least_uplink_mtu(name);
        if (at->second && (!least || at->second < least))
            least = at->second;
    }
    hf_tunnel_limit(bridge_.c_str(), interface_.c_str(), least);
}

/// A packet of the tunnel is for the bridge's own MAC address.  While NORMAL does not know that,
/// as after a restart, it floods it, and Open vSwitch unpacks it once for each port.
void Tunnel::pin_bridge()
{
    Mac mac{};
    if (!hf_bridge_mac(bridge_.c_str(), mac.data()))
        return;
    char text[18];
    std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                  mac[3], mac[4], mac[5]);
    const auto wanted = bridge_ + " " + text;
    if (std::exchange(pinned_, wanted) == wanted)
        return;
    hf_pin_close(pin_, true);
    pin_ = hf_pin_open(bridge_.c_str(), bridge_.c_str(), text, false);
}

void Tunnel::find_entries(const db::Snapshot& snapshot)
{
    entries_.clear();
    if (entry_ports_.empty())
        return;
    for (const auto& vm : snapshot.vms)
        if (const auto at = entry_ports_.find(db::entry_id(vm.id)); at != entry_ports_.end())
            entries_.emplace(vm.label, at->second);
}

void Tunnel::run()
{
    has_more_ = hf_tunnel_take_large(
        large_a_turn,
        [](const hf_large* large, void* tunnel) { static_cast<Tunnel*>(tunnel)->handle(*large); },
        this);
}

void Tunnel::handle(const hf_large& large)
{
    if (std::exchange(second_, hf_now_ms() / 1000) != hf_now_ms() / 1000) {
        answers_left_ = answers_a_second;
        fragments_left_ = fragmented_a_second;
    }
    Mac own{};
    const auto made = hf_bridge_mac(bridge_.c_str(), own.data())
                          ? fit(large.frame, large.size, large.largest, own)
                          : Fit{};
    if (!made.fragments.empty() && may(fragments_left_) && fragment(large, made.fragments))
        ++figures_.fragmented;
    else if (!made.answer.empty() && may(answers_left_) && answer(made.answer, large.label))
        ++figures_.answered;
    else
        ++figures_.lost;
}

bool Tunnel::fragment(const hf_large& large, const std::vector<Frame>& fragments)
{
    return std::all_of(fragments.begin(), fragments.end(),
                       [&](const Frame& one) { return send(large.label, large.vtep, one); });
}

/// Takes one of what is left, if there is one.
bool Tunnel::may(int& left)
{
    return left > 0 && left-- > 0;
}

/// To the sender's own port, if it is here: no flow has to know where that is, nor in what VLAN.
/// Else as from the port that stands in for who it was for, whose VLAN the sender's frame had.
bool Tunnel::answer(const Frame& frame, std::uint32_t label) const
{
    Mac to;
    std::copy_n(frame.begin(), to.size(), to.begin());
    if (const auto interface = vms_.find(to); interface != vms_.end())
        return hf_port_send(bridge_.c_str(), interface->second.c_str(), delivered_mark,
                            frame.data(), frame.size()) == 0;
    std::string actions = release_actions;
    if (const auto entry = entries_.find(label); entry != entries_.end())
        actions = "load:" + std::to_string(entry->second) + "->NXM_OF_IN_PORT[]," + actions;
    return hf_bridge_send(bridge_.c_str(), actions.c_str(), frame.data(), frame.size()) == 0;
}

} // namespace holdfast::plugin

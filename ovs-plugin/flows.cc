// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/flows: see the header.
#include "ovs-plugin/flows.h"

#include <algorithm>
#include <cstdio>
#include <set>

namespace holdfast::plugin {

namespace {

constexpr const char* none_port = "load:0xffff->NXM_OF_IN_PORT[]";
constexpr const char* clear_registers =
    "load:0->NXM_NX_REG0[],load:0->NXM_NX_REG1[],load:0->NXM_NX_REG2[]";
constexpr const char* mark = "load:0x80000000->NXM_NX_REG15[]";

std::string resubmit(int table) {
    return "resubmit(," + std::to_string(table) + ")";
}

/// Gives the frame back to the operator's own flows.
std::string release() {
    return std::string{clear_registers} + "," + mark + "," + resubmit(table_entry);
}

std::string hex(std::uint32_t value) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%x", value);
    return text;
}

std::string load_vm(std::uint32_t label) {
    return "load:" + hex(label) + "->NXM_NX_REG0[]";
}

std::string through_tunnel(std::uint32_t vni, const std::string& vtep, int tunnel_port) {
    const bool v6 = vtep.find(':') != std::string::npos;
    return std::string{none_port} + ",set_field:" + hex(vni) + "->tun_id,set_field:" + vtep +
           (v6 ? "->tun_ipv6_dst" : "->tun_dst") + ",output:" + std::to_string(tunnel_port);
}

/// `match` with `more` before it.
std::string with(const std::string& more, const std::string& match) {
    return match.empty() ? more : more + "," + match;
}

/// The match without its in_port: a frame that comes out of a hop has the hop's.
std::string without_in_port(const std::string& match) {
    std::string result;
    for (std::size_t at = 0; at < match.size();) {
        const auto end = std::min(match.find(',', at), match.size());
        const auto field = match.substr(at, end - at);
        if (!field.starts_with("in_port="))
            result += (result.empty() ? "" : ",") + field;
        at = end + 1;
    }
    return result;
}

/// Collects the flows of one compilation.
class Compiler {
public:
    Compiler(const db::Snapshot& snapshot, const std::vector<Port>& ports,
             const Overrides& overrides);
    FlowSet run();

private:
    /// Where a VM's frames go from this switch.
    struct Place {
        const db::Vm* vm = nullptr;
        const Port* port = nullptr; // Its port on this switch, if it has one.
        std::string vtep;           // Where else it is; empty if here or nowhere.
        bool here = false;          // It runs here, on `port`.
        bool turned = false;        // It was turned away from here.
    };

    void locate(const db::Vm& vm);
    void add(int table, int priority, std::string match, std::string actions);
    void add_entry();
    void add_classify(const db::Chain& chain, std::uint32_t spi, const std::string& match,
                      const std::vector<std::string>& hops);
    void add_exits(const db::Chain& chain, const std::string& match,
                   const std::vector<std::string>& hops);
    void add_deliver(const Place& place);
    void add_release(const Place& place);
    void add_fallbacks();
    std::optional<std::uint32_t> first_usable(const db::Chain& chain,
                                              const std::vector<std::string>& hops,
                                              std::size_t from) const;

    const db::Snapshot& snapshot_;
    const std::vector<Port>& ports_;
    const Overrides& overrides_;
    const db::Hypervisor* self_ = nullptr;
    std::map<std::string, const db::Hypervisor*> hypervisors_;
    std::map<std::string, Place> places_; // By VM id.
    std::set<std::string> hop_ids_;
    int tunnel_ = 0;
    std::vector<const Port*> uplinks_;
    FlowSet result_;
};

Compiler::Compiler(const db::Snapshot& snapshot, const std::vector<Port>& ports,
                   const Overrides& overrides)
    : snapshot_{snapshot}, ports_{ports}, overrides_{overrides} {
    for (const auto& hypervisor : snapshot.hypervisors) {
        hypervisors_[hypervisor.name] = &hypervisor;
        if (hypervisor.self)
            self_ = &hypervisor;
    }
    for (const auto& port : ports) {
        if (port.kind == "tunnel")
            tunnel_ = port.ofport;
        else if (port.kind == "uplink")
            uplinks_.push_back(&port);
    }
    for (const auto& chain : snapshot.chains)
        hop_ids_.insert(chain.hops.begin(), chain.hops.end());
}

void Compiler::add(int table, int priority, std::string match, std::string actions) {
    result_.flows.push_back({table, priority, std::move(match), std::move(actions)});
}

void Compiler::locate(const db::Vm& vm) {
    Place place{.vm = &vm, .port = nullptr, .vtep = {}, .here = false, .turned = false};
    for (const auto& port : ports_) {
        const bool same = port.kind == "vm"     ? port.vm_id == vm.id
                          : port.kind == "port" ? port.iface_id == vm.id
                                                : false;
        const bool first = vm.ports.empty() || port.mac == vm.ports.front().mac;
        if (same && (first || !place.port))
            place.port = &port;
    }
    place.here = vm.hypervisor == self_->name;
    if (!place.here)
        if (auto at = hypervisors_.find(vm.hypervisor); at != hypervisors_.end())
            place.vtep = at->second->vtep;
    // As long as its port is here, frames for it are held there and passed on in order, with a
    // copy kept in case the guest goes on here; so flows turn only once the port has gone.  When the
    // store says that the guest runs elsewhere, there is nothing to turn any more.
    for (const auto& move : snapshot_.moves) {
        if (!place.here || place.port || move.vm != vm.id || move.role != "source" ||
            move.hypervisor != self_->name || move.state != "turned")
            continue;
        if (auto peer = hypervisors_.find(move.peer); peer != hypervisors_.end()) {
            place.here = false;
            place.turned = true;
            place.vtep = peer->second->vtep;
        }
    }
    if (auto override = overrides_.find(vm.id); override != overrides_.end()) {
        const bool here = override->second.place == Override::Place::here;
        if (!here || place.port) { // A port that went again says nothing.
            place.here = here;
            place.turned = !here;
            place.vtep = override->second.vtep;
        }
    }
    if (place.here)
        place.vtep.clear();
    places_[vm.id] = place;
}

void Compiler::add_entry() {
    if (tunnel_) {
        const auto in_tunnel = "in_port=" + std::to_string(tunnel_);
        add(table_entry, 175001, in_tunnel + ",tun_id=0",
            "load:1->NXM_NX_REG2[]," + resubmit(table_release));
        add(table_entry, 175000, in_tunnel,
            "move:NXM_NX_TUN_ID[0..22]->NXM_NX_REG0[0..22],load:1->NXM_NX_REG2[],"
            "move:NXM_NX_TUN_ID[23]->NXM_NX_REG2[1]," +
                resubmit(table_deliver));
    }
    for (const auto* uplink : uplinks_)
        add(table_entry, 140000, "in_port=" + std::to_string(uplink->ofport) + ",reg15=0",
            "load:1->NXM_NX_REG1[]," + resubmit(table_classify));
    add(table_entry, 130000, "reg15=0", resubmit(table_classify));
}

void Compiler::add_fallbacks() {
    add(table_classify, 65536, "", release());
    add(table_exit, 65536, "", resubmit(table_classify));
    add(table_deliver, 65536, "", "drop");
    add(table_release, 65536, "", std::string{none_port} + "," + release());
}

/// The label of the first hop from `from` on that a frame must visit, or nothing after the last.
/// A hop that is not running is left out only where the chain says `bypass` (spec C10).
std::optional<std::uint32_t> Compiler::first_usable(const db::Chain& chain,
                                                    const std::vector<std::string>& hops,
                                                    std::size_t from) const {
    for (std::size_t i = from; i < hops.size(); ++i) {
        auto at = places_.find(hops[i]);
        if (at == places_.end())
            return label_warm_up; // Not known here: dropped, never skipped.
        const auto& place = at->second;
        const bool dead = place.vm->state != "running" || !(place.here || place.turned ||
                                                            !place.vtep.empty());
        if (!(dead && chain.dead == "bypass"))
            return place.vm->label;
    }
    return std::nullopt;
}

void Compiler::add_classify(const db::Chain& chain, std::uint32_t spi, const std::string& match,
                            const std::vector<std::string>& hops) {
    const auto first = first_usable(chain, hops, 0);
    if (!first) {
        result_.problems.push_back("chain " + chain.name + " (path " + std::to_string(spi) +
                                   "): every hop is dead and bypassed: traffic passes "
                                   "unfiltered; start a hop, or set --dead drop");
        return;
    }
    add(table_classify, 70000 + chain.priority, match,
        std::string{"load:0->NXM_NX_REG1[],"} + load_vm(*first) + "," + resubmit(table_deliver));
}

void Compiler::add_exits(const db::Chain& chain, const std::string& match,
                         const std::vector<std::string>& hops) {
    for (std::size_t i = 0; i < hops.size(); ++i) {
        auto at = places_.find(hops[i]);
        if (at == places_.end() || !at->second.port)
            continue;
        const auto next = first_usable(chain, hops, i + 1);
        add(table_exit, 70000 + chain.priority,
            with("reg0=" + hex(at->second.vm->label), without_in_port(match)),
            next ? load_vm(*next) + "," + resubmit(table_deliver) : resubmit(table_release));
    }
}

void Compiler::add_deliver(const Place& place) {
    const auto& vm = *place.vm;
    const auto reg0 = "reg0=" + hex(vm.label);
    const bool is_hop = hop_ids_.contains(vm.id);

    if (place.port && is_hop) {
        add(table_entry, 150000, "in_port=" + std::to_string(place.port->ofport) + ",reg15=0",
            load_vm(vm.label) + "," + resubmit(table_exit));
        result_.guarded.push_back({place.port->interface, place.port->mac});
        if (!place.port->mac.empty())
            add(table_exit, 67000, reg0 + ",dl_src=" + place.port->mac, resubmit(table_classify));
    }
    const auto add_here = [&](int priority, const std::string& match) {
        const auto& port = *place.port;
        add(table_deliver, priority, match, deliver_here(port.ofport));
        // What the source's switch passes on from a trunk has its tag still.
        if (port.tag && !is_hop)
            add(table_deliver, priority + 1, match + ",dl_vlan=" + std::to_string(port.tag),
                "strip_vlan," + deliver_here(port.ofport));
    };
    if (place.port && !place.turned)
        add_here(110000, reg0 + ",reg2=0x1/0x1");
    if (place.here && place.port) {
        // The same two keys as elsewhere, so that a move changes flows in place.
        add_here(100000, reg0 + ",reg2=0");
        add_here(100000, reg0 + ",reg2=1");
    } else if (!place.vtep.empty() && tunnel_ && (is_hop || place.turned)) {
        add(table_deliver, 100000, reg0 + ",reg2=0",
            deliver_elsewhere(vm.label, place.vtep, tunnel_, false));
        add(table_deliver, 100000, reg0 + ",reg2=1",
            deliver_elsewhere(vm.label, place.vtep, tunnel_, true));
    } else if (is_hop) {
        result_.problems.push_back(
            "hop " + vm.name + " " +
            (place.here ? "has no port on this switch"
                        : "on " + vm.hypervisor + " cannot be reached: no tunnel to it") +
            ": its chains drop what is meant for it; start the VM" +
            (place.here ? "" : ", or see holdfast fleet status"));
    }
    if (place.turned && !vm.ports.empty())
        add(table_entry, 135000, "reg15=0x80000000,dl_dst=" + vm.ports.front().mac,
            load_vm(vm.label) + "," + resubmit(table_deliver));
}

/// How a frame that left its last hop finds the place where it entered.
void Compiler::add_release(const Place& place) {
    const bool here = place.here && place.port;
    for (const auto& port : place.vm->ports) {
        const auto source = "dl_src=" + port.mac;
        const auto destination = "dl_dst=" + port.mac;
        add(table_exit, 66500, source, "drop");
        if (here) {
            add(table_release, 110000, source,
                "load:" + hex(static_cast<std::uint32_t>(place.port->ofport)) +
                    "->NXM_OF_IN_PORT[]," + release());
            const auto in_port = uplinks_.size() == 1
                                     ? "load:" + std::to_string(uplinks_[0]->ofport) +
                                           "->NXM_OF_IN_PORT[]"
                                     : std::string{none_port};
            add(table_release, 90000, destination, in_port + "," + release());
        } else if (!place.vtep.empty()) {
            add(table_classify, 179000, "reg1=1," + source, release());
            if (tunnel_) {
                add(table_release, 100000, "reg2=0," + source,
                    through_tunnel(0, place.vtep, tunnel_));
                add(table_release, 80000, "reg2=0," + destination,
                    through_tunnel(0, place.vtep, tunnel_));
            }
        }
    }
}

FlowSet Compiler::run() {
    if (!self_) {
        result_.problems.push_back("the store does not name this hypervisor yet: no flows; "
                                   "start holdfast-hookd");
        return std::move(result_);
    }
    if (snapshot_.chains.empty() && snapshot_.moves.empty() && overrides_.empty())
        return std::move(result_); // Nothing of ours is in any frame's way.

    for (const auto& vm : snapshot_.vms)
        if (vm.label)
            locate(vm);
    add_entry();
    add_fallbacks();
    for (const auto& chain : snapshot_.chains) {
        const std::vector<std::string> back{chain.hops.rbegin(), chain.hops.rend()};
        add_classify(chain, chain.spi, chain.match, chain.hops);
        add_exits(chain, chain.match, chain.hops);
        if (chain.symmetric) {
            add_classify(chain, chain.rspi, chain.match_reverse, back);
            add_exits(chain, chain.match_reverse, back);
        }
    }
    for (const auto& [id, place] : places_) {
        add_deliver(place);
        add_release(place);
    }
    auto& flows = result_.flows;
    std::stable_sort(flows.begin(), flows.end(), [](const Flow& a, const Flow& b) {
        return std::tie(a.table, a.priority, a.match) < std::tie(b.table, b.priority, b.match);
    });
    flows.erase(std::unique(flows.begin(), flows.end(),
                            [](const Flow& a, const Flow& b) {
                                return std::tie(a.table, a.priority, a.match) ==
                                       std::tie(b.table, b.priority, b.match);
                            }),
                flows.end());
    return std::move(result_);
}

} // namespace

std::string deliver_here(int ofport) {
    return std::string{none_port} + ",load:" + hex(delivered_mark) +
           "->NXM_NX_PKT_MARK[],output:" + std::to_string(ofport);
}

std::string deliver_elsewhere(std::uint32_t label, const std::string& vtep, int tunnel_port,
                              bool passed_on) {
    return through_tunnel(passed_on ? label | 0x800000 : label, vtep, tunnel_port);
}

FlowSet compile(const db::Snapshot& snapshot, const std::vector<Port>& ports,
                const Overrides& overrides) {
    return Compiler{snapshot, ports, overrides}.run();
}

} // namespace holdfast::plugin

// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/flows: see the header.
#include "ovs-plugin/flows.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "common/policies.h"
#include "db/balancer.h"
#include "db/chain-order.h"
#include "db/entry-port.h"
#include "ovs-plugin/balance.h"
#include "ovs-plugin/route.h"
#include "ovs-plugin/shim.h"
#include "ovs-plugin/spread.h"

namespace holdfast::plugin {

namespace {

constexpr const char* none_port = "load:0xffff->NXM_OF_IN_PORT[]";
constexpr const char* clear_registers =
    "load:0->NXM_NX_REG0[],load:0->NXM_NX_REG1[],load:0->NXM_NX_REG2[]";
// reg1 has a bit for each.
constexpr const char* from_uplink = "reg1=1/1";
constexpr const char* for_nobody_here = "reg1=2/2";
// In reg3: of no slot yet.
constexpr std::uint32_t unspread = spread_slots;

/// Gives the frame back to the operator's own flows.
std::string release()
{
    return std::string{clear_registers} + ",load:" + hex(released_mark) + "->NXM_NX_REG13[]," +
           resubmit(table_entry);
}

/// The flag is not on the wire: a frame that comes with it is an answer of the kernel's own tunnel.
std::string through_tunnel(std::uint32_t vni, const std::string& vtep, int tunnel_port)
{
    const bool v6 = vtep.find(':') != std::string::npos;
    return std::string{none_port} + ",set_field:" + hex(vni) +
           "->tun_id,set_field:oam->tun_flags,set_field:" + vtep +
           (v6 ? "->tun_ipv6_dst" : "->tun_dst") + ",output:" + std::to_string(tunnel_port);
}

/// `match` with `more` before it.
std::string with(const std::string& more, const std::string& match)
{
    return match.empty() ? more : more + "," + match;
}

/// The match without its in_port: a frame that comes out of a hop has the hop's.
std::string without_in_port(const std::string& match)
{
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
        const Port* port = nullptr;      // Its port on this switch, if it has one.
        const Port* second = nullptr;    // A wire's other one: the second that the store names.
        std::vector<const Port*> others; // All but `port`.
        const Port* entry = nullptr;     // Stands in for a service that runs in another network;
        const Port* lead = nullptr;      // where what went into that comes out.
        std::string enters;              // The hypervisor that has them; empty: it needs none.
        std::string vtep;                // Where else it is; empty if here or nowhere.
        bool here = false;               // It runs here, on `port`.
        bool turned = false;             // It was turned away from here.
    };

    /// One direction of a chain.
    struct Path {
        const db::Chain* chain = nullptr;
        std::uint32_t spi = 0;
        std::string match;
        std::vector<const db::Hop*> hops; // In this direction's order.
        bool backwards = false;

        int priority() const { return path_priority(*chain, backwards); }
    };

    void locate(const db::Vm& vm);
    void locate_entry(Place& place) const;
    std::string vtep_of(const std::string& hypervisor) const;
    bool leaves_here(const std::string& vm) const;
    void add_apart(const Place& place);
    void add(int table, int priority, std::string match, std::string actions);
    void add_entry();
    void add_underlay();
    void add_arrive(const Place& place);
    void add_chain(const db::Chain& chain);
    void add_path(const Path& path);
    void add_probe(const db::Chain& chain, const Place& place);
    void add_wire(const Path& path, const Place& place);
    void add_spread();
    void add_group(const db::Chain& chain, const db::Hop& hop);
    std::string out_of_reach(const Place& place) const;
    void add_deliver(const Place& place);
    void add_release(const Place& place);
    void add_fallbacks();
    void add_balancers();
    void add_directed(const db::Balancer& balancer);
    void add_director(const db::Balancer& balancer, const Port& port);
    bool works(const std::string& id) const;
    std::uint32_t label_of(const std::string& id) const;
    std::uint32_t group_of(const db::Chain& chain, const db::Hop& hop) const;
    bool is_passed(const Path& path, const db::Hop& hop) const;
    std::uint32_t last_of(const Path& path) const;
    std::string lead(const Path& path, std::size_t from) const;

    const db::Snapshot& snapshot_;
    const std::vector<Port>& ports_;
    const Overrides& overrides_;
    const db::Hypervisor* self_ = nullptr;
    std::map<std::string, const db::Hypervisor*> hypervisors_;
    std::map<std::string, Place> places_; // By VM id.
    std::set<std::string> hop_ids_;
    bool hops_here_ = false;                             // Else nothing comes out of a hop here.
    std::set<std::string> wire_ids_;                     // Those of them with two ports in use.
    const std::map<std::string, const db::Vm*> servers_; // Of balancers, by address.
    std::set<std::string> server_ids_;
    int tunnel_ = 0;
    std::vector<const Port*> uplinks_;
    FlowSet result_;
};

Compiler::Compiler(const db::Snapshot& snapshot, const std::vector<Port>& ports,
                   const Overrides& overrides)
    : snapshot_{snapshot}, ports_{ports}, overrides_{overrides}, servers_{servers_of(snapshot)}
{
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
        for (const auto& hop : chain.hops)
            (hop.kind == "wire" ? wire_ids_ : hop_ids_).insert(hop.vms.begin(), hop.vms.end());
    hop_ids_.insert(wire_ids_.begin(), wire_ids_.end());
    for (const auto& [address, vm] : servers_)
        server_ids_.insert(vm->id);
}

void Compiler::add(int table, int priority, std::string match, std::string actions)
{
    result_.flows.push_back({table, priority, std::move(match), std::move(actions)});
}

void Compiler::locate(const db::Vm& vm)
{
    Place place;
    place.vm = &vm;
    for (const auto& port : ports_) {
        const bool same = port.kind == "vm"     ? port.vm_id == vm.id
                          : port.kind == "port" ? port.iface_id == vm.id
                                                : false;
        const bool first = vm.ports.empty() || port.mac == vm.ports.front().mac;
        if (same)
            place.others.push_back(&port);
        if (same && (first || !place.port))
            place.port = &port;
        if (same && vm.ports.size() > 1 && port.mac == vm.ports[1].mac)
            place.second = &port;
    }
    std::erase(place.others, place.port);
    place.here = vm.hypervisor == self_->name;
    if (!place.here)
        if (auto at = hypervisors_.find(vm.hypervisor); at != hypervisors_.end())
            place.vtep = at->second->vtep;
    // As long as its port is here, frames for it are held there and passed on in order, with a
    // copy kept in case the guest goes on here; so flows turn only once the port has gone.  When
    // the store says that the guest runs elsewhere, there is nothing to turn any more.
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
    locate_entry(place);
    places_[vm.id] = place;
}

/// Whether it is the port of a service that runs here and has nothing of this network.  The VLAN
/// alone does not say so: others give it to ports that are not wired yet.
bool stands_apart(const Port& port)
{
    return port.kind == "port" && port.tag == db::dead_vlan && port.interface.starts_with("hfs");
}

/// The address of a hypervisor's tunnel; empty if it is not known.
std::string Compiler::vtep_of(const std::string& hypervisor) const
{
    const auto at = hypervisors_.find(hypervisor);
    return at == hypervisors_.end() ? "" : at->second->vtep;
}

/// Of a service in another network than its addresses' (spec S8).  Before its record says so, its
/// port here does.
void Compiler::locate_entry(Place& place) const
{
    const auto& vm = *place.vm;
    for (const auto& port : ports_) {
        if (port.kind == "entry" && port.iface_id == db::entry_id(vm.id))
            place.entry = &port;
        if (port.kind == "lead" && port.iface_id == db::lead_id(vm.id))
            place.lead = &port;
    }
    const bool dead = place.port && stands_apart(*place.port);
    place.enters = vm.ports.empty() ? "" : vm.ports.front().entry;
    if (dead && place.enters.empty() && !(vm.hypervisor == self_->name))
        place.enters = vm.hypervisor;
    if (place.here && place.port && !dead) // It has come back.
        place.enters.clear();
}

/// Whether the VM is on its way from here to another hypervisor.
bool Compiler::leaves_here(const std::string& vm) const
{
    return std::any_of(snapshot_.moves.begin(), snapshot_.moves.end(), [&](const db::Move& move) {
        return move.vm == vm && move.role == "source" && move.hypervisor == self_->name;
    });
}

void Compiler::add_entry()
{
    if (tunnel_) {
        const auto in_tunnel = "in_port=" + std::to_string(tunnel_);
        // "Too large", said to who sent it (spec C16): the label leads to where it was going.
        add(table_entry, 175002, in_tunnel + ",tun_flags=+oam",
            "load:1->NXM_NX_REG2[]," + resubmit(table_release));
        add(table_entry, 175001, in_tunnel + ",tun_id=0",
            "load:1->NXM_NX_REG2[]," + resubmit(table_release));
        add(table_entry, 175000, in_tunnel,
            "move:NXM_NX_TUN_ID[0..22]->NXM_NX_REG0[0..22],load:1->NXM_NX_REG2[],"
            "move:NXM_NX_TUN_ID[23]->NXM_NX_REG2[1]," +
                resubmit(table_deliver));
    }
    for (const auto* uplink : uplinks_)
        add(table_entry, 140000, "in_port=" + std::to_string(uplink->ofport) + ",reg13=0",
            "load:1->NXM_NX_REG1[]," + resubmit(table_arrive));
    add(table_arrive, 65536, "", "load:3->NXM_NX_REG1[]," + resubmit(table_classify));
    add(table_deliver, over_paths, for_nobody_here, resubmit(table_elect));
    add(table_elect, 65536, "", "drop");
    add(table_entry, 130000, "reg13=0", resubmit(table_classify));
    add_underlay();
}

/// What this hypervisor itself sends from the tunnel's address, and gets there, is on no chain:
/// the tunnel that leads to the hops would be led to the hops.
void Compiler::add_underlay()
{
    const auto& vtep = self_->vtep;
    if (vtep.empty())
        return;
    const bool v6 = vtep.find(':') != std::string::npos;
    const auto pass = [&](const std::string& port, const std::string& match) {
        add(table_entry, 145000, "in_port=" + port + ",reg13=0," + match, release());
    };
    pass("LOCAL", (v6 ? "ipv6,ipv6_src=" : "ip,nw_src=") + vtep);
    if (!v6)
        pass("LOCAL", "arp,arp_spa=" + vtep);
    for (const auto* uplink : uplinks_) {
        const auto port = std::to_string(uplink->ofport);
        pass(port, (v6 ? "ipv6,ipv6_dst=" : "ip,nw_dst=") + vtep);
        pass(port, (v6 ? "icmp6,icmp_type=135,icmp_code=0,nd_target=" : "arp,arp_tpa=") + vtep);
    }
}

/// What comes in by an uplink for a VM that is here enters a chain here.  Else the fabric has
/// flooded it, and each hypervisor has got one: it enters the chain where its last hop is, so once.
/// If it is for nobody there either, it is flooded once more, and comes to no switch that would
/// lead it through the chain again.
void Compiler::add_arrive(const Place& place)
{
    if (place.port || place.turned || place.entry)
        for (const auto& port : place.vm->ports)
            add(table_arrive, 100000, "dl_dst=" + port.mac, resubmit(table_classify));
    if (place.here && hop_ids_.contains(place.vm->id))
        add(table_elect, 100000, "reg5=" + hex(place.vm->label),
            "load:0->NXM_NX_REG1[]," + resubmit(table_deliver));
}

void Compiler::add_fallbacks()
{
    add(table_classify, 65536, "", release());
    add(table_exit, 65536, "", resubmit(table_classify));
    add(table_spread, 65536, "", "drop");
    add(table_deliver, 65536, "", "drop");
    add(table_release, 65536, "", std::string{none_port} + "," + release());
}

/// Whether the VM does its work: a hop that does not is dead (spec C10).
bool Compiler::works(const std::string& id) const
{
    auto at = places_.find(id);
    if (at == places_.end())
        return false;
    const auto& place = at->second;
    return place.vm->state == "running" && place.vm->health.empty() &&
           (place.here || place.turned || !place.vtep.empty());
}

/// The label that leads to a VM; one that is not known here is dropped, never skipped.
std::uint32_t Compiler::label_of(const std::string& id) const
{
    auto at = places_.find(id);
    return at == places_.end() ? label_warm_up : at->second.vm->label;
}

/// The group's number in reg4: the same in both directions, so that a connection's way back finds
/// the same member.
std::uint32_t Compiler::group_of(const db::Chain& chain, const db::Hop& hop) const
{
    const auto place = static_cast<std::uint32_t>(&hop - chain.hops.data());
    return chain.spi << 8 | place;
}

/// Whether frames are led to the hop at all.  A dead one is left out only where the chain says
/// `bypass` (spec C10).
bool Compiler::is_passed(const Path& path, const db::Hop& hop) const
{
    return hop.led && !hop.vms.empty() &&
           (path.chain->dead != "bypass" ||
            std::any_of(hop.vms.begin(), hop.vms.end(),
                        [this](const std::string& id) { return works(id); }));
}

/// The label of the VM that is the path's last hop, whatever way it takes; 0 if there is no such
/// one.
std::uint32_t Compiler::last_of(const Path& path) const
{
    const auto last = std::find_if(path.hops.rbegin(), path.hops.rend(), [&](const db::Hop* hop) {
        return hop->kind != "tap" && is_passed(path, *hop);
    });
    return last != path.hops.rend() && (*last)->vms.size() == 1 ? label_of((*last)->vms[0]) : 0;
}

/// The actions that lead a frame to the next hop of places [from, end), or release it: after the
/// last, at the place where it entered; where there is none at all, where it is.  Of a group only
/// the members that work take part.
std::string Compiler::lead(const Path& path, std::size_t from) const
{
    std::string copies;
    for (std::size_t i = from; i < path.hops.size(); ++i) {
        const auto& hop = *path.hops[i];
        if (!is_passed(path, hop))
            continue;
        if (hop.kind == "tap") {
            copies +=
                "clone(" + load_vm(label_of(hop.vms[0])) + "," + resubmit(table_deliver) + "),";
        } else if (hop.vms.size() > 1) {
            return copies + "load:" + hex(group_of(*path.chain, hop)) +
                   "->NXM_NX_REG4[],load:" + hex(unspread) + "->NXM_NX_REG3[]," +
                   resubmit(table_spread);
        } else {
            return copies + load_vm(label_of(hop.vms[0])) + "," + resubmit(table_deliver);
        }
    }
    return copies + (from ? resubmit(table_release) : release());
}

/// One direction of a chain.
void Compiler::add_path(const Path& path)
{
    const auto& chain = *path.chain;
    const auto first = chain.open ? lead(path, 0) : "";
    if (chain.open)
        add(table_classify, path.priority(), path.match,
            "load:0->NXM_NX_REG1[0],load:" + hex(last_of(path)) + "->NXM_NX_REG5[]," + first);
    if (first == release())
        result_.problems.push_back("chain " + chain.name + " (path " + std::to_string(path.spi) +
                                   "): every hop is dead and bypassed: traffic passes "
                                   "unfiltered; start a hop, or set --dead drop");
    for (std::size_t i = 0; i < path.hops.size(); ++i) {
        for (const auto& id : path.hops[i]->vms) {
            auto at = places_.find(id);
            if (at == places_.end() || !at->second.port)
                continue;
            // What a tap sends back of its copy has been on its way already; what it says itself,
            // it says as any VM.
            if (path.hops[i]->kind == "tap")
                for (const auto& port : at->second.vm->ports)
                    add(table_exit, over_paths,
                        "reg0=" + hex(at->second.vm->label) + ",dl_src=" + port.mac,
                        resubmit(table_classify));
            add(table_exit, path.priority(),
                with("reg0=" + hex(at->second.vm->label), without_in_port(path.match)),
                path.hops[i]->kind == "tap" ? "drop" : lead(path, i + 1));
            if (path.hops[i]->kind == "wire")
                add_wire(path, at->second);
            if (path.hops[i]->kind != "tap" && !path.backwards)
                add_probe(chain, at->second);
        }
    }
}

/// Every hop that runs here is probed: it is not for others to know how it is.
void Compiler::add_probe(const db::Chain& chain, const Place& place)
{
    if (chain.probe.empty() || !place.here || place.vm->state != "running" ||
        place.vm->hypervisor != self_->name)
        return;
    const Flow catcher{table_exit, over_paths + 1,
                       with("reg0=" + hex(place.vm->label), without_in_port(chain.probe)), "drop"};
    add(catcher.table, catcher.priority, catcher.match, catcher.actions);
    result_.probes.push_back({place.vm->id, place.port->interface, chain.probe, catcher});
}

/// A wire takes frames in at its first port, those of the way back at its second.
void Compiler::add_wire(const Path& path, const Place& place)
{
    if (!place.second)
        return;
    const auto port = (path.backwards ? place.second : place.port)->ofport;
    const auto match = with("reg0=" + hex(place.vm->label), without_in_port(path.match));
    if (!place.turned) {
        add(table_deliver, path.priority(), match + ",reg2=3", deliver_here(port, true));
        add(table_deliver, path.priority(), match + ",reg2=1", deliver_here(port, false));
    }
    if (place.here)
        add(table_deliver, path.priority(), match + ",reg2=0", deliver_here(port, false));
}

/// A connection is spread by its addresses and ports; fragments, of which the first alone has
/// ports, by their addresses, so that all of a packet pass one member.
void Compiler::add_spread()
{
    const auto by = [](const std::string& fields) {
        return "load:0->NXM_NX_REG3[],multipath(" + fields + ",0,modulo_n," +
               std::to_string(spread_slots) + ",0,NXM_NX_REG3[0..7])," + resubmit(table_spread);
    };
    const auto any = "reg3=" + hex(unspread);
    add(table_spread, 110000, any, by("symmetric_l3l4+udp"));
    for (const char* fragment : {",ip,ip_frag=yes", ",ipv6,ip_frag=yes"})
        add(table_spread, 120000, any + fragment, by("symmetric_l3"));
}

/// Which member of a group gets the frames of a slot: those of a member that dies, moves or comes
/// change hands, and no others (spec C9).
void Compiler::add_group(const db::Chain& chain, const db::Hop& hop)
{
    std::vector<std::string> working;
    std::copy_if(hop.vms.begin(), hop.vms.end(), std::back_inserter(working),
                 [this](const std::string& id) { return works(id); });
    const auto& members = working.empty() ? hop.vms : working;
    const auto group = hex(group_of(chain, hop));
    const auto owners = spread(members);
    for (std::size_t slot = 0; slot < owners.size(); ++slot)
        add(table_spread, 100000,
            "reg4=" + group + ",reg3=" + hex(static_cast<std::uint32_t>(slot)),
            "load:0->NXM_NX_REG3[],load:0->NXM_NX_REG4[]," +
                load_vm(label_of(members[owners[slot]])) + "," + resubmit(table_deliver));
}

/// Both directions of a chain, and its groups.
void Compiler::add_chain(const db::Chain& chain)
{
    Path path;
    path.chain = &chain;
    path.spi = chain.spi;
    path.match = chain.match;
    for (const auto& hop : chain.hops) {
        path.hops.push_back(&hop);
        if (hop.vms.size() > 1) {
            add_spread();
            add_group(chain, hop);
        }
    }
    add_path(path);
    if (chain.symmetric) {
        std::reverse(path.hops.begin(), path.hops.end());
        path.spi = chain.rspi;
        path.match = chain.match_reverse;
        path.backwards = true;
        add_path(path);
    }
}

/// Why a hop gets nothing from here, and the mend.
std::string Compiler::out_of_reach(const Place& place) const
{
    const std::string then = ": its chains drop what is meant for it; ";
    if (place.here)
        return "has no port on this switch" + then + "start the VM";
    const std::string there = "on " + place.vm->hypervisor + " cannot be reached: ";
    if (!tunnel_)
        return there + "this switch has no port holdfast0" + then +
               "holdfast-hookd makes it while it runs, has a vtep (holdfast.conf) and its bridge "
               "is there";
    return there + "the address of its tunnel is not known" + then +
           "set vtep there (holdfast.conf), or see holdfast fleet status";
}

void Compiler::add_deliver(const Place& place)
{
    const auto& vm = *place.vm;
    const auto reg0 = "reg0=" + hex(vm.label);
    const bool is_hop = hop_ids_.contains(vm.id);
    const bool is_led_to = is_hop || server_ids_.contains(vm.id);

    if (place.port && is_hop) {
        add(table_entry, 150000, "in_port=" + std::to_string(place.port->ofport) + ",reg13=0",
            load_vm(vm.label) + "," + resubmit(table_exit));
        const bool wire = wire_ids_.contains(vm.id);
        result_.guarded.push_back({place.port->interface, place.port->mac, wire, place.port->tag});
        if (place.second && place.second != place.port) {
            add(table_entry, 150000, "in_port=" + std::to_string(place.second->ofport) + ",reg13=0",
                load_vm(vm.label) + "," + resubmit(table_exit));
            result_.guarded.push_back(
                {place.second->interface, place.second->mac, wire, place.second->tag});
            add(table_exit, 67000, reg0 + ",dl_src=" + place.second->mac, resubmit(table_classify));
        }
        if (!place.port->mac.empty())
            add(table_exit, 67000, reg0 + ",dl_src=" + place.port->mac, resubmit(table_classify));
    }
    // The label leads to the first port; to another the MAC address does.
    const auto add_port = [&](int priority, const std::string& match, const Port& port,
                              bool long_way) {
        add(table_deliver, priority, match, deliver_here(port.ofport, long_way));
        // What the source's switch passes on from a trunk has its tag still.
        if (port.tag && !is_hop)
            add(table_deliver, priority + 1,
                match + (port.tag == db::dead_vlan ? ",vlan_tci=0x1000/0x1000"
                                                   : ",dl_vlan=" + std::to_string(port.tag)),
                "strip_vlan," + deliver_here(port.ofport, long_way));
    };
    const auto add_here = [&](int priority, const std::string& match, bool long_way) {
        add_port(priority, match, *place.port, long_way);
        for (const auto* port : place.others)
            add_port(priority + 2, match + ",dl_dst=" + port->mac, *port, long_way);
    };
    if (place.port && !place.turned) {
        // From the tunnel, and passed on already: by the VM's former place, as all that it gets.
        add_here(110000, reg0 + ",reg2=3", true);
        add_here(110000, reg0 + ",reg2=1", false);
    }
    if (place.here && place.port) {
        // The same two keys as elsewhere, so that a move changes flows in place.
        add_here(100000, reg0 + ",reg2=0", false);
        add_here(100000, reg0 + ",reg2=1", false);
    } else if (!place.vtep.empty() && tunnel_ && (is_led_to || place.turned || place.lead)) {
        add(table_deliver, 100000, reg0 + ",reg2=0",
            deliver_elsewhere(vm.label, place.vtep, tunnel_, false));
        add(table_deliver, 100000, reg0 + ",reg2=1",
            deliver_elsewhere(vm.label, place.vtep, tunnel_, true));
    } else if (is_hop) {
        result_.problems.push_back("hop " + vm.name + " " + out_of_reach(place));
    }
    if (place.turned)
        for (const auto& port : vm.ports)
            add(table_entry, 135000, "reg13=" + hex(released_mark) + ",dl_dst=" + port.mac,
                load_vm(vm.label) + "," + resubmit(table_deliver));
}

/// The ways between a service that runs in another network and the port that stands in for it.
void Compiler::add_apart(const Place& place)
{
    const auto& vm = *place.vm;
    const auto from = [](const Port& port) {
        return "in_port=" + std::to_string(port.ofport) + ",reg13=0";
    };
    const bool dead = place.port && stands_apart(*place.port);
    if (dead) {
        const auto vtep = vtep_of(place.enters);
        const bool known = tunnel_ && !vtep.empty() && place.enters != self_->name;
        add(table_entry, 152500, from(*place.port),
            known ? deliver_elsewhere(vm.label, vtep, tunnel_, false) : "drop");
        if (!known)
            result_.problems.push_back("service " + vm.name + " is cut off: " + place.enters +
                                       ", by which its network reaches it, has no tunnel: set "
                                       "vtep there (holdfast.conf), or move the service back");
    }
    if (place.lead) {
        add(table_entry, 152500, from(*place.lead),
            load_vm(vm.label) + "," + resubmit(table_deliver));
        // Its own broadcast, which came back by the network.
        for (const auto& port : vm.ports)
            add(table_entry, 152600, from(*place.lead) + ",dl_src=" + port.mac, "drop");
    }
    // What it sends itself, and its label alone would lead back to it, enters by that port.
    const auto* at = place.entry ? place.entry : leaves_here(vm.id) && !dead ? place.port : nullptr;
    if (at && !hop_ids_.contains(vm.id))
        for (const auto& port : vm.ports)
            add(table_deliver, over_paths + 1,
                "reg0=" + hex(vm.label) + ",reg2=1,dl_src=" + port.mac,
                std::string{clear_registers} +
                    ",load:" + hex(static_cast<std::uint32_t>(at->ofport)) + "->NXM_OF_IN_PORT[]," +
                    resubmit(table_classify));
}

/// How a frame that left its last hop finds the place where it entered.
void Compiler::add_release(const Place& place)
{
    const bool apart = !place.enters.empty();
    const Port* port = apart ? place.entry : place.here ? place.port : nullptr;
    const auto vtep = !apart                        ? place.vtep
                      : place.enters == self_->name ? std::string{}
                                                    : vtep_of(place.enters);
    for (const auto& own : place.vm->ports) {
        const auto source = "dl_src=" + own.mac;
        const auto destination = "dl_dst=" + own.mac;
        if (hops_here_)
            add(table_exit, 66500, source, "drop");
        if (port) {
            const auto at = std::find_if(place.others.begin(), place.others.end(),
                                         [&](const Port* other) { return other->mac == own.mac; });
            const auto& entered = at == place.others.end() ? *port : **at;
            add(table_release, 110000, source,
                "load:" + hex(static_cast<std::uint32_t>(entered.ofport)) + "->NXM_OF_IN_PORT[]," +
                    release());
            const auto in_port =
                uplinks_.size() == 1
                    ? "load:" + std::to_string(uplinks_[0]->ofport) + "->NXM_OF_IN_PORT[]"
                    : std::string{none_port};
            add(table_release, 90000, destination, in_port + "," + release());
        } else if (!vtep.empty()) {
            add(table_classify, over_paths, std::string{from_uplink} + "," + source, release());
            if (tunnel_ && hops_here_) {
                add(table_release, 100000, "reg2=0," + source, through_tunnel(0, vtep, tunnel_));
                add(table_release, 80000, "reg2=0," + destination,
                    through_tunnel(0, vtep, tunnel_));
            }
        }
    }
}

/// Directors' frames for servers, wherever those are.
void Compiler::add_balancers()
{
    for (const auto& balancer : snapshot_.balancers) {
        for (const auto& server : db::all_servers(balancer))
            if (!servers_.contains(server.address) && !is_routed(balancer, server))
                result_.problems.push_back("balancer " + balancer.name +
                                           ": no VM has the address " + server.address +
                                           " of its server: start it, or \"holdfast balancer "
                                           "server del " +
                                           balancer.name + " " + server.address + "\"");
        if (db::is_builtin(balancer) && !is_policy(balancer.policy))
            result_.problems.push_back(
                "balancer " + balancer.name + ": its policy \"" + balancer.policy +
                "\" is unknown to this switch, which does not direct it: let all "
                "hypervisors have one version of Holdfast, or make it anew "
                "with a policy of holdfast(1)");
        if (db::is_builtin(balancer))
            add_directed(balancer);
        for (const auto& director : balancer.directors) {
            const auto at = places_.find(director);
            if (at == places_.end() || !at->second.port)
                continue;
            add_director(balancer, *at->second.port);
            for (const auto* port : at->second.others)
                add_director(balancer, *port);
        }
    }
    for (const auto& [synthetic, directed_here] : synthetic_macs(snapshot_))
        std::ranges::move(keep_inside(synthetic, directed_here), std::back_inserter(result_.flows));
    std::ranges::move(lead_to_prober(ports_), std::back_inserter(result_.flows));
}

void Compiler::add_directed(const db::Balancer& balancer)
{
    // What another switch says as the VIP: no hop is to hand it on here, as if the VIP were here.
    if (Mac mac; !snapshot_.chains.empty() && read_mac(balancer.vip_mac, mac))
        add(table_classify, over_paths, std::string{from_uplink} + ",dl_src=" + balancer.vip_mac,
            release());
    const auto prober = std::ranges::find_if(ports_, is_prober);
    for (const auto& server : db::all_servers(balancer)) {
        const auto vm = servers_.find(server.address);
        if (vm == servers_.end() || !fits(balancer, server))
            continue;
        if (!is_routed(balancer, server))
            std::ranges::move(lead_where_directed(server, vm->second->label),
                              std::back_inserter(result_.flows));
        else if (prober != ports_.end())
            result_.flows.push_back(lead_to_server(prober->ofport, server, vm->second->label));
    }
}

void Compiler::add_director(const db::Balancer& balancer, const Port& port)
{
    // In the other layouts the prefix is no range of its own.
    if (balancer.mac_layout == "prefix" || balancer.mac_layout == "table")
        result_.flows.push_back(lead_to_nobody(port.ofport, balancer.mac_prefix));
    for (const auto& server : balancer.servers)
        if (const auto vm = servers_.find(server.address);
            vm != servers_.end() && fits(balancer, server) && !is_routed(balancer, server))
            result_.flows.push_back(lead_to_server(port.ofport, server, vm->second->label));
}

FlowSet Compiler::run()
{
    if (!self_) {
        result_.problems.push_back("the store does not name this hypervisor yet: no flows; "
                                   "start holdfast-hookd");
        return std::move(result_);
    }
    const bool apart =
        std::any_of(ports_.begin(), ports_.end(),
                    [](const Port& port) { return port.kind == "lead" || stands_apart(port); }) ||
        std::any_of(snapshot_.vms.begin(), snapshot_.vms.end(), [](const db::Vm& vm) {
            // Frames of another network may come by the tunnel: no bridge may flood them here.
            return !vm.ports.empty() && !vm.ports.front().entry.empty();
        });
    const bool chained =
        apart || !snapshot_.chains.empty() || !snapshot_.moves.empty() || !overrides_.empty();
    if (!chained && snapshot_.balancers.empty())
        return std::move(result_); // Nothing of ours is in any frame's way.

    for (const auto& vm : snapshot_.vms)
        if (vm.label)
            locate(vm);
    hops_here_ = std::any_of(places_.begin(), places_.end(), [this](const auto& at) {
        return at.second.port && hop_ids_.contains(at.first);
    });
    add_entry();
    add_fallbacks();
    for (const auto& chain : snapshot_.chains) {
        add_chain(chain);
    }
    for (const auto& [id, place] : places_) {
        add_arrive(place);
        add_deliver(place);
        add_apart(place);
        if (chained) // A balanced frame alone comes out of no hop.
            add_release(place);
    }
    add_balancers();
    auto& probes = result_.probes;
    std::sort(probes.begin(), probes.end());
    probes.erase(std::unique(probes.begin(), probes.end()), probes.end());
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

std::string deliver_here(int ofport, bool long_way)
{
    return std::string{none_port} +
           ",load:" + hex(long_way ? delivered_mark | HF_LONG_WAY : delivered_mark) +
           "->NXM_NX_PKT_MARK[],output:" + std::to_string(ofport);
}

std::string deliver_elsewhere(std::uint32_t label, const std::string& vtep, int tunnel_port,
                              bool passed_on)
{
    return through_tunnel(passed_on ? label | passed_on_bit : label, vtep, tunnel_port);
}

int path_priority(const db::Chain& chain, bool backwards)
{
    constexpr int lowest = 200'000;
    return lowest + (chain.priority * db::chain_orders + db::chain_order(chain.spi)) * 2 +
           (backwards ? 0 : 1);
}

FlowSet compile(const db::Snapshot& snapshot, const std::vector<Port>& ports,
                const Overrides& overrides)
{
    return Compiler{snapshot, ports, overrides}.run();
}

} // namespace holdfast::plugin

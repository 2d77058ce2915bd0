// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/origin: see the header.
#include "ovs-plugin/origin.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_set>

#include "ovs-plugin/answers.h"
#include "ovs-plugin/balance.h"
#include "ovs-plugin/packet.h"
#include "ovs-plugin/route.h"
#include "ovs-plugin/service.h"

namespace holdfast::plugin {

namespace {

constexpr std::uint16_t type_rarp = 0x8035;

/// Whether it is ::, 0.0.0.0, or a link-local address: which say nothing of who sends.
bool says_nothing(const Ip& ip)
{
    const std::size_t from = is_v4(ip) ? v4_at : 0;
    return std::all_of(ip.begin() + static_cast<std::ptrdiff_t>(from), ip.end(),
                       [](std::uint8_t byte) { return byte == 0; });
}

bool is_link_local(const Ip& ip)
{
    return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
}

/// Judges one frame, layer by layer.
class Judge {
public:
    explicit Judge(const Origin& origin) : origin_{origin} {}

    Verdict frame(Bytes bytes) const
    {
        if (bytes.size() < ethernet_size)
            return Verdict::true_;
        const auto source = mac_at(bytes, 6);
        if (is_ours(source))
            return Verdict::ours;
        if (!looks_inside(source))
            return origin_.hop ? Verdict::true_ : Verdict::forged_mac;
        const auto inside = packet_of(bytes);
        return packet(inside.type, inside.bytes(), to_server(mac_at(bytes, 0)));
    }

    bool looks_inside(const Mac& source) const
    {
        return is_own(source) || !(origin_.hop || is_forged(source));
    }

private:
    bool is_own(const Mac& mac) const
    {
        return std::find(origin_.macs.begin(), origin_.macs.end(), mac) != origin_.macs.end();
    }
    bool is_own(const Ip& ip) const
    {
        return std::find(origin_.ips.begin(), origin_.ips.end(), ip) != origin_.ips.end();
    }
    bool is_forged(const Mac& mac) const
    {
        return !is_own(mac) && (origin_.protect || origin_.all->has(mac));
    }
    bool is_forged(const Ip& ip) const
    {
        if (is_own(ip) || says_nothing(ip))
            return false;
        if (origin_.all->has(ip))
            return true;
        const bool known = is_v4(ip) ? origin_.knows_ipv4 : origin_.knows_ipv6;
        return origin_.protect && known && !is_link_local(ip);
    }

    /// A director sends clients' packets on, as theirs, to servers' synthetic addresses.
    bool to_server(const Mac& destination) const
    {
        return origin_.director && origin_.answers->has(destination);
    }

    Verdict packet(std::uint16_t type, Bytes bytes, bool to_server) const
    {
        if (type == type_v4 && bytes.size() >= v4_size)
            return !to_server && is_forged(v4_from(bytes, 12)) ? Verdict::forged_ip
                                                               : Verdict::true_;
        if ((type == type_arp || type == type_rarp) && bytes.size() >= 28)
            return arp(type, bytes);
        if (type == type_v6 && bytes.size() >= v6_size)
            return ipv6(bytes, to_server);
        return Verdict::true_;
    }

    /// RFC 826; RFC 903, where the target is whom the sender asks or answers for.
    Verdict arp(std::uint16_t type, Bytes bytes) const
    {
        if (number16(bytes, 0) != 1 || bytes[4] != 6 || bytes[5] != 4)
            return Verdict::true_; // Not of Ethernet and IPv4.
        if (is_forged(mac_at(bytes, 8)) || (type == type_rarp && is_forged(mac_at(bytes, 18))))
            return Verdict::forged_mac;
        return is_forged(v4_from(bytes, 14)) ? Verdict::forged_ip : Verdict::true_;
    }

    Verdict ipv6(Bytes bytes, bool to_server) const
    {
        constexpr std::uint8_t icmp = 58, solicitation = 135, advertisement = 136;
        const auto message = bytes.subspan(40);
        const bool discovery = bytes[6] == icmp && message.size() >= 24 &&
                               (message[0] == solicitation || message[0] == advertisement);
        if ((discovery || !to_server) && is_forged(v6_from(bytes, 8)))
            return Verdict::forged_ip;
        if (!discovery)
            return Verdict::true_;
        // RFC 4861, section 4.4: an advertisement says where its target is.  One without a target
        // is what a datapath makes of a message whose options contradict each other.
        const auto target = v6_from(message, 8);
        if (target == Ip{} || (message[0] == advertisement && is_forged(target)))
            return Verdict::forged_ip;
        return options(message.subspan(24));
    }

    /// The link-layer addresses of RFC 4861, section 4.6.1.
    Verdict options(Bytes bytes) const
    {
        while (bytes.size() >= 8 && bytes[1] != 0) {
            const std::size_t size = std::size_t{bytes[1]} * 8;
            if ((bytes[0] == 1 || bytes[0] == 2) && is_forged(mac_at(bytes, 2)))
                return Verdict::forged_mac;
            if (size > bytes.size())
                break;
            bytes = bytes.subspan(size);
        }
        return Verdict::true_;
    }

    const Origin& origin_;
};

/// The VM's addresses, and what is known of them.
Origin origin_of(const db::Vm& vm)
{
    Origin origin;
    origin.vm = vm.id;
    origin.protect = vm.protect;
    for (const auto& port : vm.ports)
        if (Mac mac; read_mac(port.mac, mac)) {
            origin.macs.push_back(mac);
            origin.ips.push_back(link_local_of(mac));
        }
    for (const auto& text : vm.ips)
        if (Ip ip; read_ip(text, ip)) {
            origin.ips.push_back(ip);
            (is_v4(ip) ? origin.knows_ipv4 : origin.knows_ipv6) = true;
        }
    return origin;
}

} // namespace

bool is_ours(const Mac& mac)
{
    constexpr Mac barrier{0x02, 0x48, 0x46, 0, 0, 3}, connections{0x02, 0x48, 0x46, 0, 0, 4};
    return mac == barrier || mac == connections;
}

Ip link_local_of(const Mac& mac)
{
    return {
        0xfe,   0x80,   0,    0,    0,      0,      0,     0, static_cast<std::uint8_t>(mac[0] ^ 2),
        mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};
}

void Addresses::sort()
{
    std::sort(macs.begin(), macs.end());
    std::sort(ips.begin(), ips.end());
}

bool Addresses::has(const Mac& mac) const
{
    return std::binary_search(macs.begin(), macs.end(), mac);
}

bool Addresses::has(const Ip& ip) const
{
    return std::binary_search(ips.begin(), ips.end(), ip);
}

namespace {

template <class T>
bool same(const std::shared_ptr<const T>& a, const std::shared_ptr<const T>& b)
{
    return a == b || (a && b && *a == *b);
}

} // namespace

bool Origin::operator==(const Origin& other) const
{
    return vm == other.vm && interface == other.interface && macs == other.macs &&
           ips == other.ips && hop == other.hop && protect == other.protect &&
           directs == other.directs && director == other.director &&
           same(routed_vips, other.routed_vips) && tag == other.tag && same(all, other.all) &&
           same(answers, other.answers) && same(vips, other.vips) && same(balanced, other.balanced);
}

namespace {

/// The id of the VM of which it is a port; empty if it is none's.
std::string_view id_of(const Port& port)
{
    if (port.kind == "vm")
        return port.vm_id;
    if (port.kind == "port")
        return port.iface_id;
    return {};
}

/// What the built-in director does at a port that is this one.
void set_director(Origin& origin, const Port& port, const Directed& directed)
{
    origin.directs = port.kind == "uplink" ? Directs::held : Directs::all;
    if (port.kind == "uplink")
        origin.vips = directed.answers;
    const auto& vips = port.kind == "uplink" ? directed.held_answers : directed.answers;
    if (!origin.answers) {
        origin.answers = vips;
        return;
    }
    auto both = std::make_shared<Answers>(*origin.answers);
    both->known.insert(both->known.end(), vips->known.begin(), vips->known.end());
    std::ranges::sort(both->known);
    origin.answers = std::move(both);
}

/// By VM, what those may say that have a port here; the addresses of all go into `all`.
std::map<std::string_view, Origin> origins_here(const db::Snapshot& snapshot,
                                                const std::vector<Port>& ports, Addresses& all)
{
    std::unordered_set<std::string_view> here;
    std::unordered_set<std::string_view> hops;
    for (const auto& port : ports)
        here.insert(id_of(port));
    for (const auto& chain : snapshot.chains)
        for (const auto& hop : chain.hops)
            hops.insert(hop.vms.begin(), hop.vms.end());
    std::map<std::string_view, Origin> by_vm;
    for (const auto& vm : snapshot.vms) {
        auto origin = origin_of(vm);
        all.macs.insert(all.macs.end(), origin.macs.begin(), origin.macs.end());
        all.ips.insert(all.ips.end(), origin.ips.begin(), origin.ips.end());
        if (!here.contains(vm.id))
            continue;
        origin.hop = hops.contains(vm.id);
        by_vm.emplace(vm.id, std::move(origin));
    }
    return by_vm;
}

} // namespace

std::vector<Origin> origins_of(const db::Snapshot& snapshot, const std::vector<Port>& ports,
                               const Directed* directed,
                               const std::shared_ptr<const Addresses>& known)
{
    const bool wanted = !snapshot.chains.empty() || !snapshot.balancers.empty() ||
                        std::any_of(snapshot.vms.begin(), snapshot.vms.end(),
                                    [](const db::Vm& vm) { return vm.protect; });
    std::vector<Origin> origins;
    if (!wanted)
        return origins;
    const auto answers = answers_of(snapshot);
    const auto to_probes = std::make_shared<const Answers>(answers_to_probes(snapshot));
    const auto balanced = balanced_of(snapshot);
    auto addresses = std::make_shared<Addresses>();
    const auto by_vm = origins_here(snapshot, ports, *addresses);
    addresses->sort();
    const std::shared_ptr<const Addresses> all =
        known && *known == *addresses ? known : std::move(addresses);
    const auto routed = routed_vips(snapshot);
    for (const auto& port : ports) {
        const auto at = by_vm.find(id_of(port));
        if (port.kind == "tunnel" || (!directed && !routed && at == by_vm.end()))
            continue;
        auto& origin = origins.emplace_back(at == by_vm.end() ? Origin{} : at->second);
        origin.interface = port.interface;
        origin.all = all;
        const auto server = balanced.find(origin.vm);
        if (server != balanced.end() && mac_of(port.mac) == server->second.mac)
            origin.balanced = std::make_shared<const Balanced>(server->second);
        const auto director = answers.find(origin.vm);
        if (director != answers.end()) {
            origin.answers = director->second;
            origin.director = true;
        } else if (is_prober(port)) {
            origin.answers = to_probes;
            origin.director = true;
        }
        if (!is_prober(port)) // It is in no gateway's VLAN: flows lead what it sends.
            origin.routed_vips = routed;
        origin.tag = routed ? port.tag : 0;
        if (directed)
            set_director(origin, port, *directed);
    }
    return origins;
}

Verdict judge(const Origin& origin, const std::uint8_t* frame, std::size_t size)
{
    if (origin.vm.empty())
        return size >= ethernet_size && is_ours(mac_at({frame, size}, 6)) ? Verdict::ours
                                                                          : Verdict::true_;
    return Judge{origin}.frame({frame, size});
}

bool looks_inside(const Origin& origin, const Mac& mac)
{
    return !origin.vm.empty() && Judge{origin}.looks_inside(mac);
}

GatewayClaim may_be_gateway(const Origin& origin, const Ip& address)
{
    const bool own = std::ranges::find(origin.ips, address) != origin.ips.end();
    const bool knows = is_v4(address) ? origin.knows_ipv4 : origin.knows_ipv6;
    if (own || origin.vm.empty())
        return GatewayClaim::true_;
    return knows || (origin.all && origin.all->has(address)) ? GatewayClaim::none
                                                             : GatewayClaim::unknown;
}

} // namespace holdfast::plugin

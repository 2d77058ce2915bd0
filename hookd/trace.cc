// SPDX-License-Identifier: Apache-2.0
//
// hookd/trace: see trace.h.
#include <config.h>

#include "hookd/trace.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "common/text.h"

namespace holdfast::hookd {
namespace {

/// The number after `prefix`, decimal or 0x hexadecimal.
std::optional<std::uint64_t> number_after(std::string_view line, std::string_view prefix)
{
    std::size_t at = line.find(prefix);
    if (at == std::string_view::npos)
        return std::nullopt;
    line.remove_prefix(at + prefix.size());
    int base = line.starts_with("0x") ? 16 : 10;
    if (base == 16)
        line.remove_prefix(2);
    std::uint64_t value = 0;
    auto [end, failed] = std::from_chars(line.data(), line.data() + line.size(), value, base);
    if (failed != std::errc{})
        return std::nullopt;
    return value;
}

/// "NN. match, priority P": a rule that the packet met.
bool is_rule(std::string_view line)
{
    std::size_t digits = line.find_first_not_of("0123456789");
    return digits > 0 && digits != std::string_view::npos && line[digits] == '.';
}

/// Tells the lines of what becomes of a copy, clone(ACTION,...), from those of the packet's own
/// way: its actions stand below it at its own depth, as many as it has, the rules that a copy meets
/// there too, and what these do deeper.
class Copies {
public:
    /// Whether this line, so deep, is a copy's.
    bool has(std::string_view line, std::size_t depth)
    {
        const bool next_to_it = inside_ && depth == depth_ && !is_rule(line);
        if (line.starts_with("clone(") && (!inside_ || next_to_it)) {
            inside_ = true;
            depth_ = depth;
            left_ = actions_in(line.substr(6));
        } else if (depth < depth_ || (next_to_it && left_ == 0)) {
            inside_ = false;
        } else if (next_to_it) {
            --left_;
        }
        return inside_;
    }

private:
    static std::size_t actions_in(std::string_view list)
    {
        std::size_t n = 1;
        int nested = 0;
        for (char c : list) {
            nested += c == '(' ? 1 : c == ')' ? -1 : 0;
            n += c == ',' && nested == 0 ? 1 : 0;
        }
        return n;
    }

    bool inside_ = false;
    std::size_t depth_ = 0;
    std::size_t left_ = 0; // Of its actions.
};

/// Takes one line of what the actions do.
void read_action(std::string_view line, TraceStep& step)
{
    if (line.starts_with("-> forwarding") || line.find("flooding") != std::string_view::npos)
        step.remark = line.starts_with("-> ") ? line.substr(3) : line;
    if (step.out_port)
        return; // What follows is the outer packet's way, or a copy's.
    if (line.starts_with("set_field:") && line.ends_with("->tun_dst"))
        step.tun_dst = line.substr(10, line.size() - 10 - 9);
    else if (line.starts_with("set_field:") && line.ends_with("->tun_ipv6_dst"))
        step.tun_dst = line.substr(10, line.size() - 10 - 14);
    else if (line.starts_with("set_field:") && line.find("->tun_id") != std::string_view::npos)
        step.tun_id = static_cast<std::uint32_t>(number_after(line, "set_field:").value_or(0));
    else if (auto port = number_after(line, "output:"))
        step.out_port = static_cast<int>(*port);
}

} // namespace

TraceStep parse_trace(const std::string& text)
{
    constexpr std::string_view actions = "Datapath actions:";
    TraceStep step;
    bool inside = false; // Between the bridge's heading and the summary.
    Copies copies;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = std::min(text.find('\n', at), text.size());
        std::string_view raw = std::string_view{text}.substr(at, end - at);
        std::string_view line = trimmed(raw);
        at = end + 1;
        if (line.starts_with("bridge("))
            inside = true;
        else if (line.starts_with("Final flow:"))
            inside = false;
        else if (line.starts_with(actions) && step.datapath.empty())
            step.datapath = trimmed(line.substr(actions.size()));
        else if (inside && copies.has(line, raw.find_first_not_of(' ')))
            continue;
        else if (inside && is_rule(line) && !step.out_port)
            step.rules.push_back("table " + std::string{line.substr(0, line.find(", cookie "))});
        else if (inside)
            read_action(line, step);
    }
    step.dropped = step.datapath == "drop" || step.datapath.empty();
    return step;
}

std::string without_in_port(const std::string& packet)
{
    std::string result;
    for (std::size_t at = 0; at <= packet.size();) {
        std::size_t end = std::min(packet.find(',', at), packet.size());
        std::string_view field = trimmed(std::string_view{packet}.substr(at, end - at));
        if (!field.empty() && !field.starts_with("in_port="))
            result += (result.empty() ? "" : ",") + std::string{field};
        at = end + 1;
    }
    return result;
}

std::string field_of(const std::string& flow, const std::string& field)
{
    for (std::size_t at = 0; at <= flow.size();) {
        std::size_t end = std::min(flow.find(',', at), flow.size());
        std::string_view item = trimmed(std::string_view{flow}.substr(at, end - at));
        if (item.starts_with(field + "="))
            return std::string{item.substr(field.size() + 1)};
        at = end + 1;
    }
    return {};
}

namespace {

/// The VM that has the packet's MAC address in one field, or its IP address in one of others.
const db::Vm* owner_of(const std::string& packet, const char* mac_field,
                       std::initializer_list<const char*> ip_fields, const std::vector<db::Vm>& vms)
{
    std::string mac = field_of(packet, mac_field);
    for (const char* field : ip_fields) {
        std::string ip = field_of(packet, field);
        for (const db::Vm& vm : vms) {
            bool by_ip = !ip.empty() && std::find(vm.ips.begin(), vm.ips.end(), ip) != vm.ips.end();
            bool by_mac = !mac.empty() &&
                          std::any_of(vm.ports.begin(), vm.ports.end(),
                                      [&](const db::VmPort& port) { return port.mac == mac; });
            if (by_ip || by_mac)
                return &vm;
        }
    }
    return nullptr;
}

} // namespace

const db::Vm* sender_of(const std::string& packet, const std::vector<db::Vm>& vms)
{
    return owner_of(packet, "dl_src", {"nw_src", "ipv6_src", "ip_src", "arp_spa"}, vms);
}

const db::Vm* receiver_of(const std::string& packet, const std::vector<db::Vm>& vms)
{
    return owner_of(packet, "dl_dst", {"nw_dst", "ipv6_dst", "ip_dst", "arp_tpa"}, vms);
}

std::string with_macs(const std::string& packet, const std::vector<db::Vm>& vms)
{
    auto mac_of = [&](std::initializer_list<const char*> fields) -> std::string {
        for (const char* field : fields) {
            std::string ip = field_of(packet, field);
            for (const db::Vm& vm : vms) {
                bool has =
                    !ip.empty() && std::find(vm.ips.begin(), vm.ips.end(), ip) != vm.ips.end();
                if (has && !vm.ports.empty())
                    return vm.ports.front().mac;
            }
        }
        return {};
    };
    std::string full = packet;
    std::string source = mac_of({"nw_src", "ipv6_src", "ip_src"});
    std::string destination = mac_of({"nw_dst", "ipv6_dst", "ip_dst"});
    if (!source.empty() && field_of(packet, "dl_src").empty())
        full += ",dl_src=" + source;
    if (!destination.empty() && field_of(packet, "dl_dst").empty())
        full += ",dl_dst=" + destination;
    return full;
}

const db::Vm* vm_at(const std::vector<db::Vm>& vms, const std::string& hypervisor, int ofport)
{
    for (const db::Vm& vm : vms) {
        for (const db::VmPort& port : vm.ports) {
            if (vm.hypervisor == hypervisor && ofport != 0 && port.ofport == ofport)
                return &vm;
        }
    }
    return nullptr;
}

} // namespace holdfast::hookd

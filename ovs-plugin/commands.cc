// SPDX-License-Identifier: Apache-2.0
//
// ovs-plugin/commands: `ovs-appctl holdfast/…`, the module's control commands.
//
// What each takes and answers is in doc/architecture.md and ovs-plugin/holdfast-switch.7.
#include <config.h>

#include <netinet/in.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/json-text.h"
#include "ovs-plugin/module.h"

namespace holdfast::plugin {

using nlohmann::json;

namespace {

// Long polls kept open at once; one more answers the oldest.
constexpr std::size_t watchers_max = 16;

/// A whole non-negative number, or nothing.
std::optional<std::uint64_t> number(const std::string& text)
{
    std::uint64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    return error == std::errc{} && at == end ? std::optional{value} : std::nullopt;
}

const char* word(SourceTurn::State state)
{
    switch (state) {
    case SourceTurn::State::armed:
        return "armed";
    case SourceTurn::State::settling:
        return "settling";
    case SourceTurn::State::passing:
        return "passing";
    case SourceTurn::State::ended:
        break;
    }
    return "ended";
}

const char* word(Whereabouts::How how)
{
    using How = Whereabouts::How;
    switch (how) {
    case How::held:
        return "held";
    case How::client:
        return "client";
    case How::chosen:
        return "chosen";
    case How::open:
        return "open";
    case How::sorry:
        return "sorry";
    case How::refused:
        break;
    }
    return "refused";
}

/// A copy of descriptor `fd` of process `pid`, non-blocking as the tap's already is; or -1 and
/// errno.
int take_descriptor(int pid, int fd)
{
    const int process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (process < 0)
        return -1;
    const int copy = static_cast<int>(syscall(SYS_pidfd_getfd, process, fd, 0));
    const int error = errno;
    close(process);
    errno = error;
    return copy;
}

/// "4,7" as numbers; nothing if it is anything else.
std::optional<std::vector<int>> numbers(const std::string& text)
{
    std::vector<int> all;
    for (std::size_t from = 0; from <= text.size();) {
        const auto to = std::min(text.find(',', from), text.size());
        const auto one = number(text.substr(from, to - from));
        if (!one || *one > INT_MAX)
            return std::nullopt;
        all.push_back(static_cast<int>(*one));
        from = to + 1;
    }
    return all;
}

std::uint64_t arp_answered(const std::map<std::string, std::shared_ptr<OriginCount>>& counts)
{
    std::uint64_t n = 0;
    for (const auto& [interface, count] : counts)
        n += count->answered;
    return n;
}

/// Of all ports together.
nlohmann::json forged_json(const std::map<std::string, std::shared_ptr<OriginCount>>& counts)
{
    std::uint64_t mac = 0, ip = 0, dropped = 0;
    for (const auto& [interface, count] : counts) {
        mac += count->mac;
        ip += count->ip;
        dropped += count->dropped;
    }
    return {{"mac", mac}, {"ip", ip}, {"dropped", dropped}};
}

/// Of all servers together.
nlohmann::json balanced_json(const std::map<std::string, std::shared_ptr<Translator>>& translators)
{
    TranslateFigures all;
    std::size_t connections = 0;
    for (const auto& [interface, translator] : translators) {
        const auto one = translator->figures();
        all.in += one.in;
        all.out += one.out;
        all.unknown += one.unknown;
        connections += translator->size();
    }
    return {{"connections", connections},
            {"in", all.in},
            {"out", all.out},
            {"unknown_dropped", all.unknown}};
}

/// A service of the built-in director, and its servers.
nlohmann::json service_json(const ServiceFigures& service)
{
    BackendFigures all;
    nlohmann::json servers = nlohmann::json::array();
    for (const auto& one : service.backends) {
        all.connections += one.connections;
        all.packets += one.packets;
        all.bytes += one.bytes;
        all.active += one.active;
        all.inactive += one.inactive;
        servers.push_back({{"address", text_of(one.address)},
                           {"weight", one.weight},
                           {"takes", one.takes},
                           {"active", one.active},
                           {"inactive", one.inactive},
                           {"connections", one.connections},
                           {"packets", one.packets},
                           {"bytes", one.bytes},
                           {"refused", one.refused}});
    }
    return {{"name", service.name},
            {"connections", all.connections},
            {"held", std::uint64_t{all.active} + all.inactive},
            {"packets", all.packets},
            {"bytes", all.bytes},
            {"refused", service.refused},
            {"sorry", service.sorry},
            {"servers", servers}};
}

/// The next hops of routed servers.
nlohmann::json gateways_json(const Router& router)
{
    auto all = nlohmann::json::array();
    for (const auto& [key, gateway] : router.gateways()) {
        nlohmann::json one{
            {"address", text_of(key.first)}, {"vlan", key.second},
            {"known", gateway.known()},      {"asked", gateway.asked},
            {"silent", gateway.silent()},    {"unknown_dropped", gateway.unknown_dropped}};
        if (gateway.known()) {
            one["mac"] = text_of(gateway.mac);
            one["interface"] = gateway.interface;
            one["age_ms"] = hf_now_ms() - gateway.heard_ms;
        }
        all.push_back(std::move(one));
    }
    return all;
}

/// What is seen of a director of the operator's own.
nlohmann::json director_json(const std::string& interface, const OriginCount& count)
{
    auto servers = nlohmann::json::array(), strays = nlohmann::json::array();
    for (const auto& [mac, used_ms] : count.director.used())
        servers.push_back({{"mac", text_of(mac)}, {"used_ms_ago", hf_now_ms() - used_ms}});
    for (const auto& stray : count.director.strays())
        strays.push_back({{"vip", text_of(stray.vip)},
                          {"to", text_of(stray.to)},
                          {"frames", stray.frames},
                          {"ms_ago", hf_now_ms() - stray.last_ms}});
    return {{"vm", count.vm},
            {"interface", interface},
            {"servers", servers},
            {"strays", strays},
            {"questions_dropped", count.director.dropped()}};
}

/// Of these servers those that were taken out of the balancer of `at`, as their rows were.
nlohmann::json leaving_json(const db::Snapshot& snapshot, const std::vector<LeavingKey>& leaving,
                            const VipPort& at, const std::vector<Ip>& servers)
{
    auto all = nlohmann::json::array();
    const std::string protocol = at.protocol == IPPROTO_UDP ? "udp" : "tcp";
    for (const auto& balancer : snapshot.balancers) {
        if (balancer.vip != text_of(at.vip) || balancer.port != at.port ||
            balancer.protocol != protocol)
            continue;
        for (const auto& server : balancer.servers) {
            Ip ip;
            const bool leaves = read_ip(server.address, ip) &&
                                std::ranges::any_of(leaving, [&](const LeavingKey& key) {
                                    return key.at == at && key.server == ip;
                                });
            if (leaves && std::ranges::find(servers, ip) != servers.end())
                all.push_back({{"address", server.address},
                               {"port", server.port},
                               {"mac", server.mac},
                               {"way", server.way}});
        }
    }
    return all;
}

nlohmann::json large_json(const LargeFigures& figures)
{
    return {{"fragmented", figures.fragmented},
            {"answered", figures.answered},
            {"lost", figures.lost + hf_tunnel_overflowed()}};
}

} // namespace

struct Module::Command {
    const char* name;
    const char* usage;
    int min_args;
    int max_args;
    void (Module::*run)(unixctl_conn*, const Args&);
};

const Module::Command Module::commands[] = {
    {"holdfast/show", "", 0, 0, &Module::cmd_show},
    {"holdfast/status", "", 0, 0, &Module::cmd_status},
    {"holdfast/flows", "", 0, 0, &Module::cmd_flows},
    {"holdfast/check", "", 0, 0, &Module::cmd_check},
    {"holdfast/balancers", "", 0, 0, &Module::cmd_balancers},
    {"holdfast/directors", "", 0, 0, &Module::cmd_directors},
    {"holdfast/place", "VIP PORT PROTO CLIENT PORT", 5, 5, &Module::cmd_place},
    {"holdfast/ports", "", 0, 0, &Module::cmd_ports},
    {"holdfast/sync", "", 0, 0, &Module::cmd_sync},
    {"holdfast/settle", "", 0, 0, &Module::cmd_settle},
    {"holdfast/watch", "SEQ", 1, 1, &Module::cmd_watch},
    {"holdfast/arm", "VM PID FD[,FD...] [VTEP]", 3, 4, &Module::cmd_arm},
    {"holdfast/ring", "VM MAC ADDRESS", 3, 3, &Module::cmd_ring},
    {"holdfast/turn", "VM VTEP [STOP_NS]", 2, 3, &Module::cmd_turn},
    {"holdfast/leave", "VM", 1, 1, &Module::cmd_leave},
    {"holdfast/back", "VM", 1, 1, &Module::cmd_back},
    {"holdfast/disarm", "VM", 1, 1, &Module::cmd_disarm},
    {"holdfast/expect", "VM", 1, 1, &Module::cmd_expect},
    {"holdfast/activate", "VM", 1, 1, &Module::cmd_activate},
    {"holdfast/pin", "VM", 1, 1, &Module::cmd_pin},
};

void Module::register_commands() const
{
    for (const auto& command : commands)
        hf_command_register(command.name, command.usage, command.min_args, command.max_args);
}

void Module::command(unixctl_conn* conn, const Args& args)
{
    for (const auto& command : commands)
        if (args[0] == command.name)
            return (this->*command.run)(conn, args);
    hf_reply(conn, false, "unknown command");
}

void Module::cmd_show(unixctl_conn* conn, const Args&)
{
    std::string text =
        "Holdfast " PACKAGE_VERSION "\nbridge: " + (bridge_.empty() ? "none yet" : bridge_) +
        "\nstore: " + store_ + "\nflows: " + std::to_string(installed_.size()) + " (generation " +
        std::to_string(generation_) + ")\n";
    if (snapshot_)
        for (const auto& chain : snapshot_->chains)
            text += "chain " + chain.name + ": path " + std::to_string(chain.spi) + ", " +
                    std::to_string(chain.hops.size()) + " hops, match " + chain.match + "\n";
    for (const auto& port : ports_)
        if (port.kind == "vm" || port.kind == "port")
            text += "port " + std::to_string(port.ofport) + ": " + port.interface + " " + port.mac +
                    " " + (port.kind == "vm" ? port.vm_id : port.iface_id) + "\n";
    for (const auto& [vm, departure] : departures_)
        text += "move of " + vm + ": " + word(departure->state()) + "\n";
    for (const auto& [vm, arrival] : arrivals_)
        text += "move of " + vm + ": guest awaited\n";
    for (const auto& problem : problems_)
        text += "problem: " + problem + "\n";
    hf_reply(conn, true, text.c_str());
}

void Module::cmd_status(unixctl_conn* conn, const Args&)
{
    json moves = json::array();
    for (const auto& [vm, departure] : departures_) {
        const auto figures = departure->figures();
        moves.push_back({{"vm", vm},
                         {"role", "source"},
                         {"state", word(departure->state())},
                         {"left", departure->left()},
                         {"drained", figures.taken},
                         {"swallowed", figures.swallowed},
                         {"held", figures.held},
                         {"passed", figures.passed},
                         {"lost", figures.lost}});
    }
    for (const auto& [vm, arrival] : arrivals_)
        moves.push_back({{"vm", vm},
                         {"role", "destination"},
                         {"state", "expecting"},
                         {"lost", arrival->overflowed()}});
    auto problems = problems_;
    if (store_ != "ok")
        problems.push_back("store: " + store_ + "; the switch goes on with what it has");
    if (snapshot_ && !snapshot_->balancers.empty() && hf_kernel_datapath(bridge_.c_str()))
        problems.push_back("balancers do nothing on bridge " + bridge_ +
                           ": they need the userspace datapath (datapath_type=netdev)");
    for (auto& line : router_->problems())
        problems.push_back(std::move(line));
    if (snapshot_)
        std::ranges::move(stray_problems(), std::back_inserter(problems));
    if (n_refused_)
        problems.push_back(std::to_string(n_refused_) +
                           " flows were refused by the switch; see its log");
    const auto n_leaving = static_cast<std::size_t>(
        std::ranges::count_if(leaving_, [](const LeavingKey& key) { return !key.server; }));
    const json status{{"version", PACKAGE_VERSION},
                      {"bridge", bridge_},
                      {"datapath", hf_kernel_datapath(bridge_.c_str()) ? "kernel" : "userspace"},
                      {"store", store_},
                      {"generation", generation_},
                      {"flows", installed_.size()},
                      {"chains", snapshot_ ? snapshot_->chains.size() : 0},
                      {"balancers", snapshot_ ? snapshot_->balancers.size() - n_leaving : 0},
                      {"leaving", n_leaving},
                      {"leaving_servers", leaving_.size() - n_leaving},
                      {"arp_answered", arp_answered(forged_)},
                      {"balanced", balanced_json(translators_)},
                      {"gateways", gateways_json(*router_)},
                      {"flooded_dropped", hf_guard_dropped()},
                      {"forged", forged_json(forged_)},
                      {"large", large_json(tunnel_.figures())},
                      {"moves", moves},
                      {"problems", problems}};
    hf_reply(conn, true, to_text(status).c_str());
}

void Module::cmd_flows(unixctl_conn* conn, const Args&)
{
    std::string text;
    for (const auto& flow : installed_) {
        const auto n = hf_flow_packets(bridge_.c_str(), flow->parsed);
        text += (n == UINT64_MAX ? "missing" : "n_packets=" + std::to_string(n)) + ", " +
                describe(flow->flow) + "\n";
    }
    hf_reply(conn, true, text.c_str());
}

void Module::cmd_check(unixctl_conn* conn, const Args&)
{
    audits_.emplace_back(conn);
    hf_wake();
}

void Module::cmd_balancers(unixctl_conn* conn, const Args&)
{
    json all = json::array();
    for (const auto& service : director_->figures())
        all.push_back(service_json(service));
    hf_reply(conn, true,
             json{{"balancers", all}, {"held", director_->size()}, {"room", director_->room()}}
                 .dump()
                 .c_str());
}

void Module::cmd_directors(unixctl_conn* conn, const Args&)
{
    auto directors = json::array();
    for (const auto& origin : origins_)
        if (const auto at = forged_.find(origin.interface);
            origin.director && !origin.vm.empty() && at != forged_.end())
            directors.push_back(director_json(origin.interface, *at->second));
    const bool seen = !hf_kernel_datapath(bridge_.c_str());
    hf_reply(conn, true, to_text({{"seen", seen}, {"directors", directors}}).c_str());
}

void Module::cmd_place(unixctl_conn* conn, const Args& args)
{
    NewConnection asked{.now_ms = hf_now_ms()};
    const auto port = [](const std::string& text) {
        const auto value = number(text);
        return value && *value <= UINT16_MAX ? static_cast<std::uint16_t>(*value) : 0;
    };
    asked.vip_port = port(args[2]);
    asked.client_port = port(args[5]);
    asked.protocol = args[3] == "tcp" ? IPPROTO_TCP : args[3] == "udp" ? IPPROTO_UDP : 0;
    if (!read_ip(args[1], asked.vip) || !read_ip(args[4], asked.client) || !asked.vip_port ||
        !asked.client_port || !asked.protocol)
        return hf_reply(conn, false,
                        "VIP and CLIENT must be addresses, PORT 1 to 65535, PROTO tcp or udp");
    const auto there = director_->where(asked);
    if (!there)
        return hf_reply(conn, false,
                        ("no built-in director of this switch has " + args[1] + " port " + args[2] +
                         "/" + args[3])
                            .c_str());
    json servers = json::array();
    for (const auto& address : there->servers)
        servers.push_back(text_of(address));
    const VipPort at{asked.vip, asked.vip_port, asked.protocol};
    const auto leaving =
        snapshot_ ? leaving_json(*snapshot_, leaving_, at, there->servers) : json::array();
    hf_reply(
        conn, true,
        to_text({{"how", word(there->how)}, {"servers", servers}, {"leaving", leaving}}).c_str());
}

void Module::cmd_ports(unixctl_conn* conn, const Args&)
{
    json list = json::array();
    for (const auto& port : ports_)
        list.push_back({{"bridge", port.bridge},
                        {"interface", port.interface},
                        {"ofport", port.ofport},
                        {"iface_id", port.iface_id},
                        {"mac", port.mac},
                        {"vm_id", port.vm_id},
                        {"kind", port.kind},
                        {"up", port.up},
                        {"tag", port.tag}});
    hf_reply(conn, true, to_text(list).c_str());
}

void Module::add_sync(unixctl_conn* conn, bool settle)
{
    refresh_ports();
    if (inputs_stale_)
        push_inputs();
    const auto sync = next_sync_++;
    syncs_[sync] = {conn, settle};
    reader_.request(sync);
}

void Module::cmd_sync(unixctl_conn* conn, const Args&)
{
    add_sync(conn, false);
}

void Module::cmd_settle(unixctl_conn* conn, const Args&)
{
    add_sync(conn, true);
}

void Module::cmd_watch(unixctl_conn* conn, const Args& args)
{
    const auto after = number(args[1]);
    if (!after)
        return hf_reply(conn, false, ("SEQ must be a number, not " + args[1]).c_str());
    if (*after == 0 || *after != last_event_)
        return hf_reply(conn, true, events_after(*after ? *after : last_event_).c_str());
    watchers_.push_back({conn, *after});
    if (watchers_.size() > watchers_max) {
        hf_reply(watchers_.front().conn, true, events_after(watchers_.front().after).c_str());
        watchers_.pop_front();
    }
}

void Module::cmd_arm(unixctl_conn* conn, const Args& args)
{
    const auto pid = number(args[2]);
    const auto fds = numbers(args[3]);
    const auto ports = ports_of(args[1]);
    const auto* vm = vm_of(args[1]);
    if (!pid || *pid > INT_MAX || !fds)
        return hf_reply(conn, false, "PID and FD must be numbers");
    if (ports.empty() || !vm)
        return hf_reply(conn, false, (args[1] + ": no such VM on this switch").c_str());
    if (auto at = departures_.find(args[1]); at != departures_.end() &&
                                             at->second->state() != SourceTurn::State::armed &&
                                             at->second->state() != SourceTurn::State::ended)
        return hf_reply(conn, false, (args[1] + ": it is being moved already").c_str());
    std::vector<int> taps;
    for (const int fd : *fds) {
        // PID 0: the taps are out of reach; what lies in them at the stop is lost.
        const int tap = *pid ? take_descriptor(static_cast<int>(*pid), fd) : -1;
        if (tap >= 0) {
            taps.push_back(tap);
        } else if (*pid) {
            const auto why = "descriptor " + std::to_string(fd) + " of process " + args[2] + ": " +
                             std::strerror(errno);
            std::for_each(taps.begin(), taps.end(), close);
            return hf_reply(conn, false, why.c_str());
        }
    }
    // First: each would watch the ports that the new one is to watch.
    departures_.erase(args[1]);
    stop_awaiting(args[1], true);
    auto departure = std::make_unique<Departure>(bridge_, ports, vm->label, is_wire(args[1]), taps,
                                                 static_cast<int>(*pid));
    if (!departure->watching())
        return hf_reply(conn, false, "too many ports are being watched: try again later");
    departures_[args[1]] = std::move(departure);
    // What is held must not be what makes the switch ask for the neighbour.
    if (args.size() > 4)
        tunnel_.warm_up(args[4]);
    hf_reply(conn, true, "{}");
}

void Module::cmd_ring(unixctl_conn* conn, const Args& args)
{
    auto at = departures_.find(args[1]);
    const auto address = number(args[3]);
    if (!address)
        return hf_reply(conn, false, "ADDRESS must be a number");
    if (at == departures_.end())
        return hf_reply(conn, false, (args[1] + ": not armed: holdfast/arm it first").c_str());
    at->second->use_ring(args[2], *address);
    hf_reply(conn, true, "{}");
}

void Module::cmd_turn(unixctl_conn* conn, const Args& args)
{
    auto at = departures_.find(args[1]);
    if (at == departures_.end())
        return hf_reply(conn, false, (args[1] + ": not armed: holdfast/arm it first").c_str());
    const auto stop = args.size() > 3 ? number(args[3]) : std::int64_t{0};
    if (!stop)
        return hf_reply(conn, false, "STOP_NS must be a number: nanoseconds since the epoch");
    const auto tunnel = tunnel_.port();
    if (!tunnel)
        return hf_reply(conn, false, ("no tunnel port on " + bridge_).c_str());
    // Asked again: who asks was away when it was said.
    if (at->second->state() == SourceTurn::State::passing)
        tell_turned(args[1], *at->second);
    for (const auto& origin : origins_)
        if (const auto known = translators_.find(origin.interface);
            origin.vm == args[1] && origin.balanced && known != translators_.end())
            at->second->carry(known->second);
    at->second->turn(args[2], tunnel, *stop, hf_now_ms());
    hf_reply(conn, true, "{}");
}

void Module::cmd_leave(unixctl_conn* conn, const Args& args)
{
    auto at = departures_.find(args[1]);
    if (at == departures_.end())
        return hf_reply(conn, false, (args[1] + ": not armed: holdfast/arm it first").c_str());
    at->second->guest_gone();
    hf_reply(conn, true, "{}");
}

void Module::cmd_back(unixctl_conn* conn, const Args& args)
{
    if (auto at = departures_.find(args[1]); at != departures_.end()) {
        at->second->back();
        departures_.erase(at);
    }
    if (overrides_.erase(args[1]))
        inputs_stale_ = true;
    hf_reply(conn, true, "{}");
}

void Module::cmd_disarm(unixctl_conn* conn, const Args& args)
{
    if (auto at = departures_.find(args[1]); at != departures_.end()) {
        at->second->run(hf_now_ms()); // The last that was held goes on its way.
        departures_.erase(at);
    }
    stop_awaiting(args[1], false);
    if (overrides_.erase(args[1]))
        inputs_stale_ = true;
    hf_reply(conn, true, "{}");
}

void Module::cmd_expect(unixctl_conn* conn, const Args& args)
{
    const auto ports = ports_of(args[1]);
    if (ports.empty())
        return hf_reply(conn, false, (args[1] + ": no port of this VM on this switch").c_str());
    stop_awaiting(args[1], false);
    if (overrides_.erase(args[1])) // Of one before this.
        inputs_stale_ = true;
    const auto* record = vm_of(args[1]);
    auto arrival = std::make_unique<Arrival>(
        bridge_, ports,
        record && record->kind == "service" ? Arrival::Queue::here : Arrival::Queue::tap);
    if (!arrival->watching())
        return hf_reply(conn, false, "too many ports are being watched: try again later");
    arrivals_[args[1]] = std::move(arrival);
    hf_reply(conn, true, "{}");
}

void Module::cmd_activate(unixctl_conn* conn, const Args& args)
{
    if (ports_of(args[1]).empty())
        return hf_reply(conn, false, (args[1] + ": no port of this VM on this switch").c_str());
    activate(args[1], "order");
    hf_reply(conn, true, "{}");
}

void Module::cmd_pin(unixctl_conn* conn, const Args& args)
{
    if (ports_of(args[1]).empty())
        return hf_reply(conn, false, (args[1] + ": no port of this VM on this switch").c_str());
    pin(args[1]);
    hf_reply(conn, true, "{}");
}

} // namespace holdfast::plugin

// SPDX-License-Identifier: Apache-2.0
//
// db/row-check: see row-check.h.
#include <config.h>

#include "db/row-check.h"

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "common/synthetic-mac.h"
#include "common/text.h"
#include "db/balancer.h"
#include "db/resources.h"

namespace holdfast::db {
namespace {

constexpr std::size_t shown = 60; // Letters of what a column holds.

/// Looks at one value after another, and keeps what is wrong with the first that is.
class Look {
public:
    void that(bool right, const std::string& column, const std::string& value,
              const std::string& wanted)
    {
        if (text_.empty() && !right)
            text_ = column + " is " + (value.empty() ? "empty" : one_line(value, shown)) +
                    ": it is to be " + wanted;
    }

    void range(const std::string& column, std::int64_t value, std::int64_t least, std::int64_t most)
    {
        that(value >= least && value <= most, column, std::to_string(value),
             std::to_string(least) + " to " + std::to_string(most));
    }

    void word(const std::string& column, const std::string& value,
              std::initializer_list<std::string_view> words)
    {
        std::string all;
        for (const auto word : words)
            all += (all.empty() ? "" : " or ") + std::string{word};
        that(std::ranges::find(words, value) != words.end(), column, value, all);
    }

    void all(const std::string& where, const Look& of_it)
    {
        if (text_.empty() && !of_it.text_.empty())
            text_ = where + ": " + of_it.text_;
    }

    std::string text() const { return text_; }

private:
    std::string text_;
};

bool is_mac(const std::string& text)
{
    if (text.size() != 17)
        return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool digit = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (i % 3 == 2 ? text[i] != ':' : !digit)
            return false;
    }
    return true;
}

bool is_printable(const std::string& text, unsigned char least)
{
    return std::ranges::all_of(text, [least](unsigned char c) { return c >= least && c != 0x7f; });
}

/// An address that a machine can have, of the VIP's family, and written as everybody does: it is
/// compared as text.
bool is_server_address(const std::string& text, const std::string& vip)
{
    return is_machine_address(text) && is_ipv6(text) == is_ipv6(vip) && plain_address(text) == text;
}

/// Whether `mac` can be a synthetic one of this balancer: no machine's, and with its prefix where
/// the layout has that first.
bool is_synthetic(const Balancer& row, const std::string& mac)
{
    const bool first = row.mac_layout == "prefix" || row.mac_layout == "table";
    return is_mac(mac) && check_mac_prefix(mac.substr(0, 5)) &&
           (!first || mac.starts_with(row.mac_prefix + ":"));
}

void look_at_server(Look& look, const Balancer& row, const RealServer& server)
{
    const std::string which = one_line(server.address, shown) + ": ";
    look.that(is_server_address(server.address, row.vip), "address", server.address,
              "one that a machine can have, of the VIP's family");
    look.that(server.address != row.vip, "address", server.address, "another than the VIP");
    look.that(std::ranges::count(row.servers, server.address, &RealServer::address) < 2, "address",
              server.address, "there once");
    look.range(which + "port", server.port, 1, 65535);
    look.range(which + "weight", server.weight, 0, weight_max);
    look.range(which + "limit", server.limit, 0, limit_max);
    look.word(which + "state", server.state, {"active", "draining"});
    look.word(which + "way", server.way, {"tunnel", "routed"});
    look.that(is_synthetic(row, server.mac) &&
                  std::ranges::count(row.servers, server.mac, &RealServer::mac) < 2,
              which + "mac", server.mac,
              "a synthetic one by mac_prefix and mac_layout, of its own");
}

void look_at_check(Look& look, const Balancer& row)
{
    look.word("check", row.check, {"none", "tcp", "http", "command"});
    const bool needs_target = row.check == "http" || row.check == "command";
    // What is in it becomes a line of a request.
    const bool right = row.check_target.starts_with('/') && row.check_target.size() <= 1024 &&
                       is_printable(row.check_target, row.check == "http" ? 0x21 : 0x20);
    look.that(!needs_target || right, "check_target", row.check_target,
              "a path that begins with / and can be printed");
    if (row.check_expect != 0)
        look.range("check_expect", row.check_expect, 100, 599);
    look.range("interval_ms", row.interval_ms, interval_min_ms, interval_max_ms);
    look.range("timeout_ms", row.timeout_ms, 1, row.interval_ms);
    look.range("rise", row.rise, 1, in_a_row_max);
    look.range("fall", row.fall, 1, in_a_row_max);
}

/// An address with the length of its prefix.
bool is_prefix(const std::string& text)
{
    const auto slash = text.find('/');
    if (slash == std::string::npos)
        return false;
    const auto address = text.substr(0, slash);
    const auto length = parse_number(text.substr(slash + 1));
    return (parse_ipv4(address) || is_ipv6(address)) && length && *length >= 1 &&
           *length <= (is_ipv6(address) ? 128 : 32);
}

} // namespace

std::string fault(const Balancer& row)
{
    Look look;
    const bool v6 = is_ipv6(row.vip);
    look.that(is_name(row.name), "name", row.name, "of letters, digits, - _ . and at most 64");
    look.that(is_machine_address(row.vip) && plain_address(row.vip) == row.vip, "vip", row.vip,
              "an address that a machine can have, as 10.0.0.80 or fd00::80");
    look.range("port", row.port, 1, 65535);
    look.word("protocol", row.protocol, {"tcp", "udp"});
    look.word("director", row.director, {"external", "builtin"});
    look.that(row.gateway.empty() || (parse_ipv4(row.gateway) && is_machine_address(row.gateway)),
              "gateway", row.gateway, "a router's IPv4 address, or empty");
    look.range("number", row.number, 0, vip_number_max);
    look.that(check_mac_prefix(row.mac_prefix) && lower(row.mac_prefix) == row.mac_prefix,
              "mac_prefix", row.mac_prefix, "two locally administered bytes, as ae:48");
    look.that(check_mac_layout(row.mac_layout) && (!v6 || row.mac_layout == "table"), "mac_layout",
              row.mac_layout, v6 ? "table" : "prefix, suffix, split or table");
    look.range("persistence", row.persistence, 0, day_s);
    look.range("slow_start", row.slow_start, 0, day_s);
    for (const auto& server : row.servers) {
        Look one;
        look_at_server(one, row, server);
        look.all("servers", one);
    }
    if (std::ranges::count(row.servers, "routed", &RealServer::way) > 0)
        look.range("number", row.number, 1, vip_number_max);
    if (row.sorry.empty()) {
        look.that(row.sorry_port == 0, "sorry_port", std::to_string(row.sorry_port),
                  "0 without a sorry server");
        look.that(row.sorry_mac.empty(), "sorry_mac", row.sorry_mac,
                  "empty without a sorry server");
    } else {
        Look one;
        look_at_server(one, row, all_servers(row).back());
        look.all("sorry", one);
    }
    if (is_builtin(row))
        look.that(is_synthetic(row, row.vip_mac), "vip_mac", row.vip_mac,
                  "a synthetic one by mac_prefix and mac_layout");
    look_at_check(look, row);
    return look.text();
}

std::string fault(const ServerHealth& row)
{
    constexpr int most = std::numeric_limits<int>::max();
    Look look;
    look.that(is_machine_address(row.address), "address", row.address,
              "an address that a machine can have");
    look.word("state", row.state, {"up", "down"});
    look.range("since", row.since, 0, std::numeric_limits<TimeNs>::max());
    look.range("cpu", row.cpu, -1, 1000);
    look.range("memory", row.memory, -1, 1000);
    look.range("answer_us", row.answer_us, -1, most - 1);
    return look.text();
}

std::string fault(const Service& row)
{
    Look look;
    // It is a folder's name, too.
    look.that(is_name(row.name) && !row.name.starts_with('.') && !row.name.starts_with('-'), "name",
              row.name, "of letters, digits, - _ . and at most 64");
    for (const auto& address : row.ips)
        look.that(is_prefix(address), "ips", address, "addresses with prefix, as 10.0.0.5/24");
    look.that(is_mac(row.mac), "mac", row.mac, "a MAC address");
    look.range("vlan", row.vlan, 0, 4094);
    look.that(row.gateway.empty() || parse_ipv4(row.gateway) || is_ipv6(row.gateway), "gateway",
              row.gateway, "an address, or empty");
    look.that(!row.command.empty() && !row.command[0].empty(), "command",
              row.command.empty() ? "" : row.command[0], "a program and its arguments");
    look.that(row.directory.starts_with('/'), "directory", row.directory, "a whole path, from /");
    look.word("state", row.state, {"running", "stopped", "moving"});
    look.word("mode", row.mode, {"checkpoint", "handoff"});
    look.range("pid", row.pid, 0, std::numeric_limits<int>::max() - 1);
    return look.text();
}

std::string fault(const Hypervisor& row)
{
    Look look;
    look.that(row.vtep.empty() || parse_ipv4(row.vtep) || is_ipv6(row.vtep), "vtep", row.vtep,
              "an IP address, or empty");
    look.range("capacity", row.capacity, 0, amount_max);
    look.range("load", row.load, -1, load_max);
    look.range("period_load", row.period_load, -1, load_max);
    look.that(row.resources.empty() || resources_from(row.resources), "resources", row.resources,
              "what a hypervisor has, as hookd writes it, or empty");
    return look.text();
}

std::string fault(const Lease& row)
{
    constexpr auto most = std::numeric_limits<std::int64_t>::max() - 1;
    Look look;
    look.range("term", row.term, 1, most);
    look.range("beat", row.beat, 0, most);
    look.range("decided", row.decided, 0, most);
    look.range("reviewed", row.reviewed, 0, most);
    look.range("accounted", row.accounted, 0, most);
    return look.text();
}

std::string fault(const Quota& row)
{
    Look look;
    look.range("amount", row.amount, 0, amount_max);
    look.range("low_reviews", row.low_reviews, 0, in_a_row_max);
    look.range("accounted", row.accounted, 0, std::numeric_limits<TimeNs>::max());
    for (const auto& [hypervisor, amount] : row.share)
        look.range("share of " + one_line(hypervisor, shown), amount, 0, amount_max);
    for (const auto& [hypervisor, time] : row.given)
        look.range("given of " + one_line(hypervisor, shown), time, 0,
                   std::numeric_limits<TimeNs>::max());
    for (const auto& [hypervisor, sum] : row.used)
        look.range("used of " + one_line(hypervisor, shown), sum, 0,
                   std::numeric_limits<std::int64_t>::max());
    return look.text();
}

std::string fault(const Move& row)
{
    Look look;
    look.word("role", row.role, {"source", "destination"});
    if (row.role == "source")
        look.word("state", row.state, {"armed", "turned", "back", "cleaned"});
    else
        look.word("state", row.state, {"staged", "active", "failed"});
    look.that(!row.vm.empty(), "vm", row.vm, "a VM's id");
    for (const auto& [mark, time] : row.times)
        look.range("times of " + one_line(mark, shown), time, 0,
                   std::numeric_limits<TimeNs>::max());
    for (const auto& [name, figure] : row.figures)
        look.range("figures of " + one_line(name, shown), figure, 0,
                   std::numeric_limits<std::int64_t>::max());
    return look.text();
}

std::string fault(const Specification& row)
{
    Look look;
    look.range("cpus", row.cpus, 0, quantity_max);
    look.range("memory", row.memory, 0, quantity_max);
    look.range("disk", row.disk, 0, quantity_max);
    look.range("lease", row.lease, 0, recovery_lease_max);
    for (const auto& one : row.elements)
        look.that(!one.feature.empty() && !one.name.empty(), "elements", one.name,
                  "things with a feature and a name");
    return look.text();
}

std::string fault(const RecoveryPolicy& row)
{
    Look look;
    look.range("threshold", row.threshold, 0, 1'000'000);
    for (const auto& [feature, weight] : row.weights)
        look.range("weight of " + one_line(feature, shown), weight, 1, similarity_weight_max);
    look.word("automatic", row.automatic, {"", "on", "off"});
    if (row.name != fleet_policy)
        return look.text();
    look.that(!row.weights.empty(), "weights", "", "those of a feature at least");
    look.that(!row.ways.empty(), "ways", row.ways, "one at least");
    look.word("measure", row.measure, {"jaccard", "coverage"});
    look.word("versions", row.versions, {"ignore", "major", "exact"});
    return look.text();
}

std::string fault(const Recovery& row)
{
    Look look;
    look.that(!row.vm.empty(), "vm", row.vm, "a VM's id");
    look.word("state", row.state,
              {"failed", "running", "recovered", "given-up", "over", "allowed"});
    look.range("attempts", row.attempts, 0, 1'000'000);
    look.range("since", row.since, 0, std::numeric_limits<TimeNs>::max());
    look.range("changed", row.changed, 0, std::numeric_limits<TimeNs>::max());
    return look.text();
}

bool is_damaged(const std::vector<Damage>& damaged, std::string_view table, std::string_view key)
{
    return std::ranges::any_of(
        damaged, [&](const Damage& one) { return one.table == table && one.key == key; });
}

std::string text_of(const Damage& damage)
{
    return damage.table + " " + one_line(damage.key, shown) + ": " + one_line(damage.what);
}

} // namespace holdfast::db
